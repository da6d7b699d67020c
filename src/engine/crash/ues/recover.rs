//! After a restart: everybody comes to an end of what was under way, and is in step.

use std::collections::HashSet;

use crate::base::{AccessType, Error};
use crate::engine::crash::Random;
use crate::engine::crash::actor::{Actor, Answer, op};
use crate::engine::crash::child::k_amf;

use super::{DOWNLINK, GPP, Kind, N3GPP, Second, State, Ues};

impl Ues {
    /// After a restart: whoever was in the middle of something does it again, and everybody is in step.
    pub(in crate::engine::crash) fn recover(&mut self, actor: &mut Actor, random: &mut Random) {
        self.pending.clear();
        self.waiting.clear();
        let listed = actor.call(self.ask(0, op::SESSIONS, GPP, &[]));
        let listed = listed.octets.chunks_exact(8);
        let listed: HashSet<u64> = listed
            .map(|bits| u64::from_be_bytes(bits.try_into().unwrap()))
            .collect();
        let known: HashSet<u64> = self.all.iter().filter_map(|ue| ue.amf).collect();
        for stranger in listed.difference(&known) {
            // Established, and the answer was lost.
            let mut ask = self.ask(0, op::RELEASE, GPP, &[]);
            ask.handle = *stranger;
            assert_eq!(actor.call(ask).status, 0);
        }
        for at in 0..self.all.len() {
            if let Some(handle) = self.all[at].amf
                && !listed.contains(&handle)
            {
                assert_eq!(self.all[at].state, State::Leaving, "a session is lost");
                self.gone(at);
            }
            self.slices(actor, at);
            self.settle(actor, at);
            self.talk(actor, at, GPP);
            self.second(actor, at, random);
        }
    }

    /// What was told of its slice is known; of what was asked and not answered, any step of the way.
    fn slices(&mut self, actor: &mut Actor, at: usize) {
        let ue = &mut self.all[at];
        let asked = ue.slice_asked.take();
        if ue.amf.is_none() || ue.state == State::Leaving {
            return;
        }
        let told = ue.slice;
        let answer = actor.call(self.ask(at, op::STATUS, GPP, &[]));
        assert_eq!(answer.status, 0, "{answer:?}");
        let now = answer.value as u8;
        let on_the_way = asked.is_some_and(|to| [0, 1, to].contains(&now));
        self.tally.forgotten += u64::from(now != told && !on_the_way);
        self.all[at].slice = now;
    }

    /// To a secured state, whatever was under way.
    fn settle(&mut self, actor: &mut Actor, at: usize) {
        if self.all[at].state == State::Leaving {
            let ask = self.ask(at, op::RELEASE, GPP, &[]);
            self.now(actor, at, (Kind::Release, ask));
        }
        if self.all[at].amf.is_none() {
            let answer = actor.call(self.ask(at, op::ESTABLISH, GPP, &[]));
            assert_eq!(answer.status, 0);
            self.all[at].amf = Some(answer.value);
        }
        match self.all[at].state {
            State::Secured => return,
            State::Changing => {
                self.tally.repeated += 1;
                let command = self.ask(at, op::COMMAND, GPP, &[0]);
                let answer = actor.call(command);
                if answer.status == 0 {
                    self.finish(actor, at, (GPP, &answer));
                    return;
                }
                assert_eq!(answer.status, Error::OutOfOrder.code(), "{answer:?}");
                if self.is_complete(actor, at) {
                    self.secured(at);
                    return;
                }
            }
            _ => {}
        }
        self.renew(actor, at);
    }

    /// A new key from its authentication to its command's end.
    fn renew(&mut self, actor: &mut Actor, at: usize) {
        let octets = self.renew_key(at);
        let ask = self.ask(at, op::AUTHENTICATED, GPP, &octets);
        self.now(actor, at, (Kind::Authenticate, ask));
        let answer = actor.call(self.ask(at, op::COMMAND, GPP, &[0]));
        assert_eq!(answer.status, 0);
        self.finish(actor, at, (GPP, &answer));
    }

    /// The command is unknown to the AMF half: because the UE's answer was taken, or because the key never came.
    fn is_complete(&mut self, actor: &mut Actor, at: usize) -> bool {
        let uplink = self.engine.session(self.all[at].own).unwrap();
        let current = uplink.security.context(crate::security::Place::Current);
        let same = current.is_some_and(|c| *c.k_amf() == k_amf(self.all[at].key));
        drop(uplink);
        if !same {
            return false; // it has not even seen the command
        }
        let pdu = self.uplink(at, GPP);
        let ask = self.ask(at, op::VERIFY, GPP, &pdu);
        let answer = actor.call(ask);
        if answer.status == 0 {
            self.accepted((at, self.all[at].key), GPP, (true, &answer), pdu);
        }
        answer.status == 0
    }

    fn finish(&mut self, actor: &mut Actor, at: usize, (access, answer): (AccessType, &Answer)) {
        let Some(pdu) = self.downlink(self.all[at].key, access, answer) else {
            return;
        };
        let complete = self.complete(at, access, &pdu);
        let ask = self.ask(at, op::VERIFY, access, &complete);
        self.now(actor, at, (Kind::Complete, ask));
    }

    fn talk(&mut self, actor: &mut Actor, at: usize, access: AccessType) {
        let ask = self.ask(at, op::PROTECT, access, DOWNLINK);
        self.now(actor, at, (Kind::Downlink(access), ask));
        let pdu = self.uplink(at, access);
        let ask = self.ask(at, op::VERIFY, access, &pdu);
        self.now(actor, at, (Kind::Uplink(access), ask));
    }

    /// The second access begins now and then, talks, stays behind at a new key, and follows after the next kill.
    fn second(&mut self, actor: &mut Actor, at: usize, random: &mut Random) {
        let begins = match self.all[at].second {
            Second::Unused => random.below(4) == 0,
            Second::Secured | Second::Waits => {
                self.talk(actor, at, N3GPP);
                self.all[at].second == Second::Waits
            }
        };
        if begins {
            let answer = actor.call(self.ask(at, op::COMMAND, N3GPP, &[1]));
            assert_eq!(answer.status, 0, "{answer:?}");
            self.finish(actor, at, (N3GPP, &answer));
            self.all[at].second = Second::Secured;
            self.all[at].second_key = self.all[at].key;
        } else if self.all[at].second == Second::Secured && random.below(6) == 0 {
            self.renew(actor, at);
            self.talk(actor, at, N3GPP);
        }
    }
}
