//! A protected message: which context verifies it, and what it says.

use super::context::Context;
use super::finding::{Code, Finding};
use super::follow::{Follower, Packet};
use super::row::{Row, Verdict};
use super::trial::{self, Subject};
use crate::algorithm::{Nea, Nia};
use crate::base::{AccessType, Direction};
use crate::nas::{MessageType, SecurityHeaderType};
use crate::security::Diagnosis;

/// Trials for one UE: the cause of the first failures is that of the others.
const TRIALS: u32 = 64;
/// Messages of a UE without a context for which keys are sought.
const SOUGHT: u32 = 8;
/// Keys tried for such a message, and overflows of its COUNT.
const CANDIDATES: usize = 512;
const OVERFLOWS: u32 = 4;
/// MACs that seeking costs for each candidate, and a trial at most.
const MACS_EACH: usize = 15;
const MACS_OF_TRIAL: usize = 3000;

/// Which context of a UE a message verified under.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Current,
    Pending,
}

/// A row about a PDU of which nothing is known yet.
pub(super) fn blank(
    packet: &Packet<'_>,
    (direction, access, procedure): (Direction, AccessType, u8),
    pdu: &[u8],
) -> Row {
    Row {
        ue: 0,
        frame: packet.frame,
        time: packet.time,
        direction,
        access,
        procedure,
        sht: pdu.get(1).map(|octet| octet & 0xF),
        message: None,
        count: None,
        entry: None,
        algorithms: None,
        verdict: Verdict::Plain,
        findings: Vec::new(),
        wire: pdu.to_vec(),
        plain: None,
        container: None,
    }
}

impl Follower {
    /// Security header types 1 to 4.
    pub(super) fn protected(&mut self, row: &mut Row, subject: &Subject<'_>) {
        let sht = subject.message.sht();
        row.message = subject.message.clear_type();
        if sht == SecurityHeaderType::IntegrityNew && subject.direction == Direction::Downlink {
            return self.command(row, subject);
        }
        if let Some(which) = self.under_known(row, subject) {
            return self.good(row, subject, which);
        }
        let ue = self.ue(row.ue);
        if ue.current.is_none() && ue.pending.is_none() {
            if self.adopt(row, subject) {
                return self.good(row, subject, Which::Current);
            }
            self.without_context(row);
        } else {
            self.bad(row, subject);
        }
        self.after_bad(row);
    }

    /// The context in use, or that of the outstanding command.
    fn under_known(&mut self, row: &Row, subject: &Subject<'_>) -> Option<Which> {
        let ue = self.ue(row.ue);
        let order = if subject.message.sht().is_new_context() {
            [Which::Pending, Which::Current]
        } else {
            [Which::Current, Which::Pending]
        };
        order.into_iter().find(|which| {
            let context = match which {
                Which::Current => ue.current.as_ref(),
                Which::Pending => ue.pending.as_ref(),
            };
            context.is_some_and(|context| expected(context, subject).is_some())
        })
    }

    fn good(&mut self, row: &mut Row, subject: &Subject<'_>, which: Which) {
        let number = row.ue;
        let (ue, entries) = self.with_keys(number);
        let slot = match which {
            Which::Current => &mut ue.current,
            Which::Pending => &mut ue.pending,
        };
        let Some(context) = slot else { return };
        let Some(count) = expected(context, subject) else {
            return;
        };
        let line = context.line(subject.access, subject.direction);
        line.accept(count, subject.message.mac());
        describe(row, context, count);
        let input = subject.input(count);
        row.plain = context.plain(input, &subject.message);
        row.verdict = Verdict::Ok;
        match &row.plain {
            Some(plain) => row.message = plain.get(2).map(|octet| MessageType(*octet)),
            None => {
                row.message = None;
                row.verdict = Verdict::Unreadable;
                let why = trial::explain_unreadable(context, entries, subject, count);
                row.findings.push(why);
            }
        }
        row.container = super::rules::container(context, row.plain.as_deref(), input);
        if which == Which::Pending
            && subject.message.sht() == SecurityHeaderType::CipheredNew
            && let Some(context) = ue.pending.take()
        {
            ue.take_into_use(context);
        }
        if let Some(entry) = row.entry {
            self.alternates(row, entry);
        }
        self.after_good(row);
    }

    /// Two contexts that take turns.
    pub(super) fn alternates(&mut self, row: &mut Row, entry: usize) {
        let ue = self.ue(row.ue);
        if ue.used(entry) && ue.first(Diagnosis::ContextPingpong) {
            row.findings.push(Finding::new(
                Diagnosis::ContextPingpong,
                "the UE keeps coming back to a context that was left: two contexts take turns",
            ));
        }
    }

    fn bad(&mut self, row: &mut Row, subject: &Subject<'_>) {
        let may_try = self.ue(row.ue).trials < TRIALS && self.spend(MACS_OF_TRIAL);
        let (ue, entries) = self.with_keys(row.ue);
        let Some(context) = ue.current.as_ref().or(ue.pending.as_ref()) else {
            return;
        };
        let sn = subject.message.sn();
        row.verdict = Verdict::MacDoesNotVerify;
        row.entry = Some(context.entry);
        row.algorithms = Some((context.nia, context.nea));
        row.count = context.estimate(subject.access, subject.direction, sn);
        if row.count.is_none() {
            row.verdict = Verdict::CountExhausted;
            row.findings.push(Finding::new(
                Diagnosis::CountExhausted,
                "COUNT would wrap: the key is used up, and every further message must be refused",
            ));
            return;
        }
        if !may_try {
            row.findings.push(Finding::new(
                Diagnosis::ContextSkew,
                "not tried: too many failures before it",
            ));
            return;
        }
        let finding = trial::explain(ue, entries, subject);
        let again = matches!(
            finding.code,
            Code::Field(Diagnosis::CountResetAtOneSide) | Code::KeystreamReuse
        );
        let old = (finding.code == Diagnosis::OldContextStillUsed.into())
            .then(|| ue.older.last().map(|context| context.entry))
            .flatten();
        ue.trials += 1;
        if again {
            row.verdict = Verdict::Replay;
        }
        row.findings.push(finding);
        // What the UE used, not what it should have: turns show there too.
        let current = row.entry;
        if let Some(entry) = old.or(current.filter(|_| again)) {
            self.alternates(row, entry);
        }
    }

    fn without_context(&mut self, row: &mut Row) {
        row.verdict = Verdict::NoContext;
        let given = self.entries.len();
        let ue = self.ue(row.ue);
        if given > 0 && ue.misfit && ue.first(Code::KeysDoNotFit) {
            row.findings.push(Finding::new(
                Code::KeysDoNotFit,
                "UE and AMF go on, so they agree; the keys given are not theirs",
            ));
        }
    }

    /// Seeks keys for a UE whose security mode procedure is not in the capture.
    fn adopt(&mut self, row: &mut Row, subject: &Subject<'_>) -> bool {
        let ue = self.ue(row.ue);
        ue.sought += 1;
        if ue.sought > SOUGHT || ue.misfit {
            return false;
        }
        let many = self.entries.len().min(CANDIDATES);
        if !self.spend(many * MACS_EACH) {
            return false;
        }
        let found = {
            let mut places = self.candidates(None).take(CANDIDATES);
            places.find_map(|place| self.fits(place, subject))
        };
        let Some(context) = found else {
            return false;
        };
        let entry = context.entry;
        row.ue = self.recognised(row.ue, entry);
        let ue = self.ue(row.ue);
        // A subscriber that comes back under another identity may have a context already.
        ue.take_into_use(context);
        true
    }

    /// A context of these keys under which the message verifies.
    fn fits(&self, place: usize, subject: &Subject<'_>) -> Option<Context> {
        let entry = self.entries.get(place)?;
        let root = entry.root()?;
        let sn = u32::from(subject.message.sn());
        let hint = entry.next[subject.direction as usize];
        let from_hint = hint.and_then(|next| super::context::Line::new(next).estimate(sn as u8));
        let counts = (0..OVERFLOWS).map(|overflow| overflow << 8 | sn);
        let counts = from_hint.into_iter().chain(counts);
        let one = entry.nia.and_then(Nia::from_id);
        let nias = Nia::ALL.into_iter().skip(1);
        for nia in one.into_iter().chain(nias.filter(|nia| Some(*nia) != one)) {
            let Some(key) = root.int(nia) else { continue };
            for count in counts.clone() {
                let input = subject.input(count);
                if !super::context::mac_is(nia, &key, input, &subject.message) {
                    continue;
                }
                let mut context = Context::new(place, (nia, Nea::Nea0), key, None);
                context.nea = self.ciphering(place, subject, count)?;
                context.enc = root.enc(context.nea);
                for (direction, next) in [Direction::Uplink, Direction::Downlink]
                    .into_iter()
                    .zip(entry.next)
                {
                    context.line(subject.access, direction).next = next.unwrap_or(0);
                }
                context.line(subject.access, subject.direction).next = count;
                return Some(context);
            }
        }
        None
    }

    /// The ciphering algorithm under which the message is readable.
    fn ciphering(&self, place: usize, subject: &Subject<'_>, count: u32) -> Option<Nea> {
        let entry = self.entries.get(place)?;
        let given = entry.nea.and_then(Nea::from_id);
        if given.is_some() || !subject.message.sht().is_ciphered() {
            return given.or(Some(Nea::Nea0));
        }
        let root = entry.root()?;
        let reads = |nea: &Nea| {
            let mut body = subject.message.body().to_vec();
            let Some(key) = root.enc(*nea) else {
                return false;
            };
            super::context::decipher(*nea, &key, subject.input(count), &mut body);
            super::context::readable(&body, subject.direction)
        };
        Some(Nea::ALL.into_iter().find(reads).unwrap_or(Nea::Nea0))
    }

    /// Keys in the order in which they are tried: the subscriber's, those not in use yet, the others.
    pub(super) fn candidates(&self, supi: Option<&str>) -> impl Iterator<Item = usize> + use<'_> {
        let own = supi.and_then(|supi| self.of_supi.get(supi));
        let own = own.into_iter().flatten().copied();
        let of_use = |place: &usize| self.in_use[*place];
        let fresh = (self.first_unused..self.entries.len()).filter(move |place| !of_use(place));
        let used = (0..self.entries.len()).filter(of_use);
        own.chain(fresh).chain(used)
    }

    /// True when that many more MACs may be computed in search of causes.
    fn spend(&mut self, macs: usize) -> bool {
        let left = self.budget.checked_sub(macs as u64);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }
}

/// The COUNT of a message that verifies under `context`.
fn expected(context: &Context, subject: &Subject<'_>) -> Option<u32> {
    let count = context.estimate(subject.access, subject.direction, subject.message.sn())?;
    context
        .verifies(subject.input(count), &subject.message)
        .then_some(count)
}

pub(super) fn describe(row: &mut Row, context: &Context, count: u32) {
    row.count = Some(count);
    row.entry = Some(context.entry);
    row.algorithms = Some((context.nia, context.nea));
}
