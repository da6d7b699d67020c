//! The UEs of the subscribers whose AMF half is killed, and the record of every message that anybody saw.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::algorithm::{self, Input, Key, MacLane, Nia};
use crate::base::{AccessType, Direction, Error};
use crate::engine::Engine;
use crate::kdf::{AlgorithmId, k_nas_int};
use crate::procedure::smc::Answer as Answered;
use crate::security::Role;
use crate::session::Handle;

use super::Random;
use super::actor::{Actor, Answer, Ask, op};
use super::child::{capability, config, identity, k_amf};

const UPLINK: &[u8] = &[0x7E, 0, 0x67, 1, 0, 1, 0x55];
const DOWNLINK: &[u8] = &[0x7E, 0, 0x68, 1, 0, 1, 0xAA];

const GPP: AccessType = AccessType::ThreeGpp;
const N3GPP: AccessType = AccessType::NonThreeGpp;

/// What was done and what was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) downlink: u64,
    pub(super) uplink: u64,
    pub(super) procedures: u64,
    pub(super) released: u64,
    /// Procedures that a kill interrupted and that were done again.
    pub(super) repeated: u64,
    /// (key, COUNT, BEARER, DIRECTION) seen twice.
    pub(super) reused: u64,
    /// Uplink messages accepted twice.
    pub(super) replayed: u64,
    /// Messages that the other side could not verify.
    pub(super) out_of_step: u64,
    /// Sessions that did not come back.
    pub(super) refused: u64,
    /// The largest jump of a COUNT that a UE saw.
    pub(super) furthest: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is nothing that the AMF half could know of it.
    New,
    /// An authentication or a command was asked for, and its end is not known.
    Changing,
    Secured,
    /// Its release was asked for.
    Leaving,
}

struct Ue {
    own: Handle,
    amf: Option<u64>,
    state: State,
    key: u64,
    ng_ksi: u8,
    /// Over the second access: secured under the present key, or under the one before.
    second: Second,
    /// The key that the second access uses.
    second_key: u64,
    /// Uplink messages that were accepted, with their access.
    old: VecDeque<(AccessType, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    Unused,
    Secured,
    Waits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Authenticate,
    Command,
    Complete,
    Downlink(AccessType),
    Uplink(AccessType),
    Replay,
    Release,
}

pub(super) struct Ues {
    engine: Engine,
    all: Vec<Ue>,
    next_key: u64,
    /// Downlink: key, COUNT, bearer.
    seen: HashSet<(u64, u32, u8)>,
    /// COUNT that the next downlink message has if none is lost.
    next: HashMap<(u64, u8), u32>,
    /// Uplink that was accepted.
    accepted: HashSet<(u64, u32, u8)>,
    /// Calls that were made and have no answer yet, with the UE's key at that time.
    pending: VecDeque<(usize, Kind, u64, Vec<u8>)>,
    /// Completes that wait for the next calls.
    waiting: Vec<(usize, Vec<u8>)>,
    pub(super) tally: Tally,
}

impl Ues {
    pub(super) fn new(count: usize) -> Self {
        let engine = Engine::new(&config()).unwrap();
        let all = (0..count).map(|_| Ue {
            own: engine.establish(Role::Ue).unwrap(),
            amf: None,
            state: State::New,
            key: 0,
            ng_ksi: 0,
            second: Second::Unused,
            second_key: 0,
            old: VecDeque::new(),
        });
        Self {
            all: all.collect(),
            engine,
            next_key: 1,
            seen: HashSet::new(),
            next: HashMap::new(),
            accepted: HashSet::new(),
            pending: VecDeque::new(),
            waiting: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn ask(&self, at: usize, op: u8, access: AccessType, octets: &[u8]) -> Ask {
        Ask {
            op,
            handle: self.all[at].amf.unwrap_or_default(),
            access: access.bearer(),
            octets: octets.to_vec(),
        }
    }

    /// The key that a call is under.
    fn key(&self, at: usize, kind: Kind) -> u64 {
        match kind {
            Kind::Downlink(N3GPP) | Kind::Uplink(N3GPP) => self.all[at].second_key,
            _ => self.all[at].key,
        }
    }

    /// A downlink message: its place in the record by an independent MAC, then to the UE.
    fn downlink(&mut self, own: u64, access: AccessType, answer: &Answer) -> Option<Vec<u8>> {
        self.tally.downlink += 1;
        let pdu = &answer.octets;
        let (count, bearer) = (answer.value as u32, access.bearer());
        let nia = AlgorithmId::new(2).unwrap();
        let int = k_nas_int(&k_amf(own), nia);
        let key = Key::for_nia(Nia::Nia2, int.expose());
        let input = Input {
            count,
            bearer,
            direction: Direction::Downlink,
        };
        let mut lane = [MacLane::new(&key, input, &pdu[6..])];
        algorithm::mac(Nia::Nia2, &mut lane);
        assert_eq!(
            lane[0].mac,
            pdu[2..6],
            "a message under the key and COUNT that it has"
        );
        if !self.seen.insert((own, count, bearer)) {
            self.tally.reused += 1;
            return None;
        }
        let expected = self.next.entry((own, bearer)).or_default();
        self.tally.furthest = self.tally.furthest.max(count.saturating_sub(*expected));
        *expected = count + 1;
        Some(pdu.clone())
    }

    fn uplink(&mut self, at: usize, access: AccessType) -> Vec<u8> {
        let mut out = vec![0; UPLINK.len() + 7];
        let own = self.all[at].own;
        self.engine.protect(own, access, UPLINK, &mut out).unwrap();
        out
    }

    fn renew_key(&mut self, at: usize) -> Vec<u8> {
        let key = self.next_key;
        self.next_key += 1;
        let ue = &mut self.all[at];
        ue.key = key;
        ue.ng_ksi = (ue.ng_ksi + 1) % 7;
        ue.state = State::Changing;
        if ue.second == Second::Secured {
            ue.second = Second::Waits;
        }
        self.engine
            .authenticated(ue.own, identity(key, ue.ng_ksi))
            .unwrap();
        let mut octets = key.to_be_bytes().to_vec();
        octets.push(ue.ng_ksi);
        octets
    }

    /// The UE answers a SECURITY MODE COMMAND.
    fn complete(&mut self, at: usize, access: AccessType, command: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 512];
        let env = self.engine.ue_env(capability());
        let own = self.all[at].own;
        let answer = self
            .engine
            .ue_command(own, (access, command), &env, &mut out);
        match answer {
            Ok(Answered::Complete(sent)) => out.truncate(sent.len),
            other => {
                self.tally.out_of_step += 1;
                panic!("{other:?}: {:?}", self.tally);
            }
        }
        out
    }

    /// What the other process answered to the oldest call.
    fn take(&mut self, answer: &Answer) {
        let (at, kind, key, octets) = self.pending.pop_front().expect("an answer to a call");
        if answer.status == Error::RekeyRequired.code() {
            self.tally.refused += 1;
        }
        let ok = answer.status == 0;
        match kind {
            Kind::Authenticate => assert!(ok, "{answer:?}"),
            Kind::Command => {
                assert!(ok, "{answer:?}");
                if let Some(pdu) = self.downlink(key, GPP, answer) {
                    let complete = self.complete(at, GPP, &pdu);
                    self.waiting.push((at, complete));
                }
            }
            Kind::Complete => {
                if ok && answer.value >> 32 == 1 {
                    self.secured(at);
                } else {
                    self.tally.out_of_step += 1;
                }
            }
            Kind::Downlink(access) => {
                if !ok {
                    self.tally.out_of_step += 1;
                } else if let Some(pdu) = self.downlink(key, access, answer) {
                    let mut out = vec![0; pdu.len()];
                    let own = self.all[at].own;
                    let received = self.engine.verify(own, access, &pdu, &mut out);
                    if received.verdict.result.is_err() {
                        self.tally.out_of_step += 1;
                    } else {
                        assert_eq!(&out[..DOWNLINK.len()], DOWNLINK);
                    }
                }
            }
            Kind::Uplink(access) => self.accepted((at, key), access, (ok, answer), octets),
            Kind::Replay => self.tally.replayed += u64::from(ok),
            Kind::Release => {
                assert!(ok, "{answer:?}");
                self.gone(at);
            }
        }
    }

    fn secured(&mut self, at: usize) {
        self.tally.procedures += 1;
        self.all[at].state = State::Secured;
    }

    fn accepted(
        &mut self,
        (at, key): (usize, u64),
        access: AccessType,
        (ok, answer): (bool, &Answer),
        pdu: Vec<u8>,
    ) {
        self.tally.uplink += 1;
        let ue = &mut self.all[at];
        if !ok {
            self.tally.out_of_step += 1;
            return;
        }
        assert_eq!(&answer.octets, UPLINK);
        let place = (key, answer.value as u32, access.bearer());
        if !self.accepted.insert(place) {
            self.tally.replayed += 1;
        }
        ue.old.push_back((access, pdu));
        ue.old.truncate(8);
    }

    fn gone(&mut self, at: usize) {
        self.tally.released += 1;
        // The UE starts anew with it.
        let ue = &mut self.all[at];
        self.engine.release(ue.own).unwrap();
        ue.own = self.engine.establish(Role::Ue).unwrap();
        ue.amf = None;
        ue.state = State::New;
        ue.second = Second::Unused;
        ue.old.clear();
    }

    fn now(&mut self, actor: &mut Actor, at: usize, (kind, ask): (Kind, Ask)) -> Answer {
        let octets = ask.octets.clone();
        let answer = actor.call(ask);
        let key = self.key(at, kind);
        self.pending.push_back((at, kind, key, octets));
        self.take(&answer);
        answer
    }

    /// After a restart: whoever was in the middle of something does it again, and everybody is in step.
    pub(super) fn recover(&mut self, actor: &mut Actor, random: &mut Random) {
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
            self.settle(actor, at);
            self.talk(actor, at, GPP);
            self.second(actor, at, random);
        }
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

    /// Calls for everybody, all at once.
    fn calls(&mut self, random: &mut Random) -> Vec<Ask> {
        let mut asks = Vec::new();
        let mut push = |this: &mut Self, at: usize, kind, ask: Ask| {
            let key = this.key(at, kind);
            this.pending.push_back((at, kind, key, ask.octets.clone()));
            asks.push(ask);
        };
        for (at, complete) in std::mem::take(&mut self.waiting) {
            let ask = self.ask(at, op::VERIFY, GPP, &complete);
            push(self, at, Kind::Complete, ask);
        }
        for _ in 0..60 {
            let at = random.below(self.all.len() as u64) as usize;
            if self.all[at].state != State::Secured {
                continue;
            }
            let second = self.all[at].second != Second::Unused && random.below(3) == 0;
            let access = if second { N3GPP } else { GPP };
            match random.below(40) {
                // One whose second access stays behind refuses a command that is repeated: done where nobody kills.
                0 if self.all[at].second == Second::Unused => {
                    let octets = self.renew_key(at);
                    let ask = self.ask(at, op::AUTHENTICATED, GPP, &octets);
                    push(self, at, Kind::Authenticate, ask);
                    let ask = self.ask(at, op::COMMAND, GPP, &[0]);
                    push(self, at, Kind::Command, ask);
                }
                1 => {
                    let ask = self.ask(at, op::RELEASE, GPP, &[]);
                    self.all[at].state = State::Leaving;
                    push(self, at, Kind::Release, ask);
                }
                2..5 => {
                    let Some((access, pdu)) = self.all[at].old.front().cloned() else {
                        continue;
                    };
                    let ask = self.ask(at, op::VERIFY, access, &pdu);
                    push(self, at, Kind::Replay, ask);
                }
                5..15 => {
                    let pdu = self.uplink(at, access);
                    let ask = self.ask(at, op::VERIFY, access, &pdu);
                    push(self, at, Kind::Uplink(access), ask);
                }
                _ => {
                    let ask = self.ask(at, op::PROTECT, access, DOWNLINK);
                    push(self, at, Kind::Downlink(access), ask);
                }
            }
        }
        asks
    }

    pub(super) fn load(&mut self, actor: &mut Actor, random: &mut Random) {
        let asks = self.calls(random);
        actor.ask(&asks);
        for _ in 0..asks.len() {
            let answer = actor.hear().expect("it ended by itself");
            self.take(&answer);
        }
    }

    /// Kills it somewhere in the middle; what it had said until then counts.
    pub(super) fn load_and_kill(&mut self, mut actor: Actor, random: &mut Random) {
        let asks = self.calls(random);
        actor.ask(&asks);
        // Some answers first, so that kills fall evenly over the calls; then a part of one call's time.
        for _ in 0..random.below(asks.len() as u64 + 1) {
            let answer = actor.hear().expect("it ended by itself");
            self.take(&answer);
        }
        for _ in 0..random.below(3000) {
            std::hint::spin_loop();
        }
        actor.kill();
        while let Some(answer) = actor.hear() {
            self.take(&answer);
        }
    }
}
