//! Attacks on both halves around every genuine message. After each the state of the session must be what it was;
//! that the genuine message still works is seen from the flow that goes on.

use naslane::base::{AccessType, Error};
use naslane::engine::job::{flag, op};
use naslane::nas::SecurityHeaderType;
use naslane::procedure::smc::Answer;

use super::amf::{State, state};
use super::attack::{AFTER, BEFORE, Kind, Source, forge};
use super::lane::{ACCESS, Item, Lane};
use super::messages::{Message, ROOM};

/// When the attacker strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Ahead of a message of the security mode procedure.
    Procedure,
    /// Ahead of this message.
    Before(Message),
    /// Behind a message that was accepted.
    After,
}

impl Phase {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Procedure | Self::Before(_) => BEFORE,
            Self::After => AFTER,
        }
    }

    /// These messages are tried cut to every length.
    fn truncates_fully(self) -> bool {
        matches!(
            self,
            Self::Before(Message::RegistrationAccept | Message::DeregistrationRequest)
        )
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Amf,
    Ue,
}

/// One hostile message on its way.
struct Shot {
    /// Place of its genuine message.
    item: usize,
    /// Whose session gets it.
    who: usize,
    access: AccessType,
}

impl Lane<'_> {
    /// Hostile messages for the AMF half, made of these uplink messages.
    pub(super) fn besiege_amf(&mut self, items: &[Item], phase: Phase) {
        self.besiege(items, (phase, Target::Amf));
    }

    /// Hostile messages for the UEs, made of these downlink messages.
    pub(super) fn besiege_ues(&mut self, items: &[Item], phase: Phase) {
        self.besiege(items, (phase, Target::Ue));
    }

    fn besiege(&mut self, items: &[Item], (phase, target): (Phase, Target)) {
        if !self.plan.hostile || items.is_empty() {
            return;
        }
        let before: Vec<Option<State>> = self.states(items, target);
        for kind in phase.kinds() {
            self.volley(items, (*kind, target, None));
        }
        if phase.truncates_fully() {
            let longest = items.iter().map(|item| item.pdu.len()).max().unwrap_or(0);
            for len in 0..longest {
                self.volley(items, (Kind::Truncated, target, Some(len)));
            }
        }
        let after = self.states(items, target);
        for ((item, before), after) in items.iter().zip(before).zip(after) {
            if before.is_none() || before != after {
                self.amf.figures.disturbed += 1;
                self.lose(item.who, "its session changed under hostile messages");
            }
        }
        if phase == Phase::After {
            self.listen(items, target);
        }
    }

    fn states(&self, items: &[Item], target: Target) -> Vec<Option<State>> {
        let of = |item: &Item| match target {
            Target::Amf => self.amf.state(self.people[item.who].amf).ok(),
            Target::Ue => state(self.ues, self.people[item.who].ue).ok(),
        };
        items.iter().map(of).collect()
    }

    /// What the attacker keeps for later.
    fn listen(&mut self, items: &[Item], target: Target) {
        for item in items {
            let subscriber = &mut self.people[item.who];
            let heard = match target {
                Target::Amf => &mut subscriber.heard_up,
                Target::Ue => &mut subscriber.heard_down,
            };
            let is_new = item
                .pdu
                .get(1)
                .copied()
                .and_then(SecurityHeaderType::from_octet);
            if is_new.is_some_and(SecurityHeaderType::is_new_context) {
                heard.procedure = item.pdu.clone();
            } else if heard.old.is_empty() {
                heard.old = item.pdu.clone();
            }
        }
    }

    /// One hostile message per genuine one.
    fn volley(&mut self, items: &[Item], (kind, target, len): (Kind, Target, Option<usize>)) {
        let mut forged = Vec::with_capacity(ROOM);
        let mut shots = Vec::with_capacity(items.len());
        self.amf.clear();
        for (place, item) in items.iter().enumerate() {
            if !self.forge(item, (kind, target, len), &mut forged) {
                continue;
            }
            let who = if kind == Kind::WrongSession {
                items[(place + 1) % items.len()].who
            } else {
                item.who
            };
            // Alone in its batch, the UE has no neighbour.
            if kind == Kind::WrongSession && who == item.who {
                continue;
            }
            let access = if kind == Kind::WrongAccess {
                ACCESS.other()
            } else {
                ACCESS
            };
            let shot = Shot {
                item: place,
                who,
                access,
            };
            match target {
                Target::Ue => self.hit_ue(kind, &shot, &forged),
                Target::Amf => {
                    let handle = self.people[who].amf;
                    self.amf.load((op::VERIFY, access), handle, &forged);
                    shots.push(shot);
                }
            }
        }
        if !shots.is_empty() {
            self.amf.run_hostile();
            self.judge_amf(kind, (&shots, items));
        }
    }

    fn forge(
        &mut self,
        item: &Item,
        (kind, target, len): (Kind, Target, Option<usize>),
        out: &mut Vec<u8>,
    ) -> bool {
        if let Some(len) = len {
            out.clear();
            out.extend_from_slice(item.pdu.get(..len).unwrap_or_default());
            return len < item.pdu.len();
        }
        let subscriber = &mut self.people[item.who];
        let nea = self.plan.mix[subscriber.pair].algorithms.nea;
        let (same, other) = match target {
            Target::Amf => (&subscriber.heard_up, &subscriber.heard_down),
            Target::Ue => (&subscriber.heard_down, &subscriber.heard_up),
        };
        let clear = nea.id() == 0;
        let source = Source {
            pdu: &item.pdu,
            plain: &item.plain,
            same,
            other,
            clear,
        };
        forge(kind, &source, &mut subscriber.attacker, out)
    }

    fn ue_secured(&self, who: usize, access: AccessType) -> bool {
        self.ues
            .session(self.people[who].ue)
            .is_ok_and(|session| session.security.secured(access))
    }

    fn judge_amf(&mut self, kind: Kind, (shots, items): (&[Shot], &[Item])) {
        for (place, shot) in shots.iter().enumerate() {
            let job = *self.amf.job(place);
            let plain = job.status == Error::PlainAllowed.code();
            let accepted =
                job.status == 0 || job.event != 0 || (plain && job.flags & flag::SECURED != 0);
            let tally = &mut self.amf.figures.attacks[kind as usize];
            tally.uplink += 1;
            if accepted {
                tally.accepted += 1;
                self.tell(kind, items[shot.item].who, "the AMF half");
            }
        }
    }

    fn hit_ue(&mut self, kind: Kind, shot: &Shot, forged: &[u8]) {
        let header = forged
            .get(1)
            .copied()
            .and_then(SecurityHeaderType::from_octet);
        let mut out = [0; ROOM];
        // A UE takes header type 3 for a SECURITY MODE COMMAND and looks no further at others.
        let accepted = if header == Some(SecurityHeaderType::IntegrityNew) && shot.access == ACCESS
        {
            let answer = self.ue_answers(shot.who, forged, &mut out);
            matches!(answer, Ok(Answer::Complete(_)))
        } else {
            let ue = self.people[shot.who].ue;
            let verdict = self.ues.verify(ue, shot.access, forged, &mut out).verdict;
            verdict.result.is_ok()
                || (verdict.result == Err(Error::PlainAllowed)
                    && self.ue_secured(shot.who, shot.access))
        };
        let tally = &mut self.amf.figures.attacks[kind as usize];
        tally.downlink += 1;
        if accepted {
            tally.accepted += 1;
            self.tell(kind, shot.who, "the UE half");
        }
    }

    fn tell(&mut self, kind: Kind, who: usize, half: &str) {
        let text = format!("{half} accepted a hostile message ({})", kind.name());
        self.lose(who, text);
    }
}
