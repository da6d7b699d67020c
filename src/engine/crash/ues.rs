//! The UEs of the subscribers whose AMF half is killed, and the record of every message that anybody saw.

mod recover;

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
use super::slices;

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
    /// Results of slice authentication that were told, and how many of them were others after a kill.
    pub(super) results: u64,
    pub(super) forgotten: u64,
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
    /// The status of its slice as it was told last, and the one that was asked for since.
    slice: u8,
    slice_asked: Option<u8>,
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
    Slice,
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
            slice: slices::UNKNOWN,
            slice_asked: None,
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
            Kind::Slice => {
                assert!(ok, "{answer:?}");
                self.tally.results += 1;
                let ue = &mut self.all[at];
                ue.slice = answer.value as u8;
                assert_eq!(ue.slice_asked.take(), Some(ue.slice));
            }
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
        ue.slice = slices::UNKNOWN;
        ue.slice_asked = None;
    }

    fn now(&mut self, actor: &mut Actor, at: usize, (kind, ask): (Kind, Ask)) -> Answer {
        let octets = ask.octets.clone();
        let answer = actor.call(ask);
        let key = self.key(at, kind);
        self.pending.push_back((at, kind, key, octets));
        self.take(&answer);
        answer
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
                39 if self.all[at].slice_asked.is_none() => {
                    let to = [0, 2, 3][random.below(3) as usize];
                    let ask = self.ask(at, op::SLICE, GPP, &[to]);
                    self.all[at].slice_asked = Some(to);
                    push(self, at, Kind::Slice, ask);
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
