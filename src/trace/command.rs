//! SECURITY MODE COMMAND: which keys verify it, and what it asks for.

use super::context::{Again, Context};
use super::finding::{Code, Finding};
use super::follow::Follower;
use super::row::{Row, Verdict};
use super::trial::{self, Subject};
use super::ue::Command;
use crate::algorithm::{Nea, Nia};
use crate::nas::SecurityModeCommand;
use crate::security::Diagnosis;

/// Keys tried for one command.
const CANDIDATES: usize = 1 << 14;
/// Of these, the ones whose derivation is tried with mistakes.
const SUSPECTS: usize = 64;
/// Commands of one UE whose failure is looked into.
const TRIALS: usize = 16;

impl Follower {
    /// Security header type 3 in the downlink.
    pub(super) fn command(&mut self, row: &mut Row, subject: &Subject<'_>) {
        let body = subject.message.body();
        let Ok(command) = SecurityModeCommand::decode(body) else {
            row.verdict = Verdict::Unreadable;
            row.findings.push(Finding::new(
                Diagnosis::KeyOrCount,
                "security header type 3 without a readable SECURITY MODE COMMAND: it must not be ciphered",
            ));
            return;
        };
        row.message = Some(crate::nas::MessageType::SECURITY_MODE_COMMAND);
        row.plain = Some(body.to_vec());
        let algorithms = Nia::from_id(command.nia).zip(Nea::from_id(command.nea));
        self.note(row, &command);
        match algorithms {
            Some(algorithms) => self.verify_command(row, subject, algorithms),
            None => {
                row.verdict = Verdict::NoContext;
                row.findings.push(Finding::new(
                    Diagnosis::AlgNotInCaps,
                    "the command selects an algorithm that no standard gives a meaning",
                ));
            }
        }
        let frame = row.frame;
        let entry = row.entry.filter(|_| row.is_verified());
        let why = row.findings.first().map(|finding| finding.text.clone());
        if let Some(open) = self.ue(row.ue).open() {
            open.entry = open.entry.or(entry);
            if open.frame == frame {
                open.why = why;
            }
        }
        self.after_command(row, &command);
    }

    /// Begins a procedure, or counts a retransmission.
    fn note(&mut self, row: &Row, command: &SecurityModeCommand<'_>) {
        let ue = self.ue(row.ue);
        let mut new = Command::new(row.frame, command);
        new.sent = ue.capability;
        new.authenticated = ue.authentication.map(|seen| seen.ng_ksi);
        new.last = row.time;
        new.times = 1;
        match ue.open() {
            Some(open)
                if (open.ng_ksi, open.nia, open.nea, open.replayed)
                    == (new.ng_ksi, new.nia, new.nea, new.replayed) =>
            {
                open.times += 1;
                open.last = row.time;
            }
            open => {
                if let Some(open) = open {
                    open.outcome = super::ue::Outcome::Aborted;
                }
                ue.begin(new);
            }
        }
    }

    fn verify_command(&mut self, row: &mut Row, subject: &Subject<'_>, (nia, nea): (Nia, Nea)) {
        if self.continues(row, subject, (nia, nea)) {
            return;
        }
        let supi = self.ue(row.ue).supi.clone();
        let places = self.candidates(supi.as_deref()).take(CANDIDATES);
        let sn = u32::from(subject.message.sn());
        let mut places = places.filter(|place| {
            let root = self.entries.get(*place).and_then(super::keys::Entry::root);
            let key = root.and_then(|root| root.int(nia));
            key.is_some_and(|key| {
                super::context::mac_is(nia, &key, subject.input(sn), &subject.message)
            })
        });
        let found = places.next();
        drop(places);
        let Some(place) = found else {
            return self.unverified(row, subject, (nia, nea));
        };
        let number = self.recognised(row.ue, place);
        row.ue = number;
        let Some(root) = self.entries[place].root() else {
            return;
        };
        let Some(key) = root.int(nia) else { return };
        let mut context = Context::new(place, (nia, nea), key, root.enc(nea));
        let line = context.line(subject.access, subject.direction);
        line.accept(sn, subject.message.mac());
        super::receive::describe(row, &context, sn);
        row.verdict = Verdict::Ok;
        if let Some(finding) = self.used_before(row.ue, &context, sn, subject) {
            row.findings.push(finding);
        }
        self.ue(row.ue).pending = Some(context);
    }

    /// A command under keys that this UE has: a retransmission, or other algorithms for the same K_AMF. COUNT goes on
    /// (TS 33.501 6.4.5).
    fn continues(&mut self, row: &mut Row, subject: &Subject<'_>, (nia, nea): (Nia, Nea)) -> bool {
        let (ue, entries) = self.with_keys(row.ue);
        let (access, direction) = (subject.access, subject.direction);
        let known = ue.pending.iter().chain(&ue.current);
        let found = known.into_iter().find_map(|context| {
            let root = entries.get(context.entry)?.root()?;
            let count = context.estimate(access, direction, subject.message.sn())?;
            let key = root.int(nia)?;
            let input = subject.input(count);
            super::context::mac_is(nia, &key, input, &subject.message).then(|| {
                let mut new = Context::new(context.entry, (nia, nea), key, root.enc(nea));
                for direction in [crate::base::Direction::Uplink, direction] {
                    new.line(access, direction).next = context.next(access, direction);
                }
                (new, count)
            })
        });
        let Some((mut context, count)) = found else {
            return false;
        };
        let line = context.line(access, direction);
        line.accept(count, subject.message.mac());
        super::receive::describe(row, &context, count);
        row.verdict = Verdict::Ok;
        ue.pending = Some(context);
        true
    }

    /// A new context whose keys this UE used before: COUNT begins again under an old key.
    fn used_before(
        &mut self,
        ue: usize,
        new: &Context,
        count: u32,
        subject: &Subject<'_>,
    ) -> Option<Finding> {
        let (ue, entries) = self.with_keys(ue);
        let root = entries.get(new.entry)?.root()?;
        let (access, direction) = (subject.access, subject.direction);
        let known = ue.pending.iter().chain(&ue.current).chain(&ue.older);
        for context in known {
            let other = entries
                .get(context.entry)
                .and_then(super::keys::Entry::root);
            if !other.is_some_and(|other| other.same(&root))
                || context.next(access, direction) <= count
            {
                continue;
            }
            if context.nia != new.nia {
                return Some(Finding::new(
                    Diagnosis::CountResetAtOneSide,
                    "COUNT begins again although K_AMF is the one in use: it must go on (TS 33.501 6.4.5)",
                ));
            }
            return match context.again(access, direction, count, subject.message.mac()) {
                Again::Same => Some(Finding::new(
                    Diagnosis::CountResetAtOneSide,
                    "this command came before, octet for octet",
                )),
                _ => Some(Finding::new(
                    Code::KeystreamReuse,
                    "COUNT begins again under keys in use: the same key, COUNT, BEARER and DIRECTION protect another message",
                )),
            };
        }
        None
    }

    fn unverified(&mut self, row: &mut Row, subject: &Subject<'_>, algorithms: (Nia, Nea)) {
        row.verdict = Verdict::MacDoesNotVerify;
        if self.entries.is_empty() {
            row.verdict = Verdict::NoContext;
            self.ue(row.ue).misfit = true;
            return;
        }
        let supi = self.ue(row.ue).supi.clone();
        let places: Vec<usize> = self.candidates(supi.as_deref()).take(SUSPECTS).collect();
        let looked_into = self.ue(row.ue).commands.len() <= TRIALS;
        let (ue, entries) = self.with_keys(row.ue);
        let explained = looked_into
            .then(|| trial::explain_command((ue, entries), &places, algorithms, subject))
            .flatten();
        let (finding, context) = explained.unwrap_or_else(|| {
            let text = "no key given verifies this command, and no usual mistake explains it";
            (Finding::new(Code::KeysDoNotFit, text), None)
        });
        row.findings.push(finding);
        ue.misfit = context.is_none();
        ue.pending = None;
        if let Some(context) = context {
            let entry = context.entry;
            row.entry = Some(entry);
            row.algorithms = Some(algorithms);
            row.ue = self.recognised(row.ue, entry);
            self.ue(row.ue).pending = Some(context);
        }
    }
}
