//! Every verb in any order over a few UEs: no COUNT is used twice with a key, what fails changes nothing, and
//! nothing is left behind.

mod common;

use std::collections::HashSet;

use common::*;
use naslane::Engine;
use naslane::algorithm::{self, Input, MacLane, Nea, Nia};
use naslane::base::{AccessType, Direction, NgKsi};
use naslane::engine::Config;
use naslane::kdf::KAmf;
use naslane::nas::{Cause, MessageType};
use naslane::procedure::smc::{
    Action, Activation, Answer, Event, InitialMessageToSend, NewKey, Policy, Request,
};
use naslane::security::{Algorithms, Deregistration, KeyChange, Role, UeSecurity};
use naslane::session::Handle;
use naslane::session::record::{self, Extent, Record};
use proptest::prelude::*;

const UES: usize = 2;

/// K_AMF, algorithm, COUNT, BEARER, DIRECTION.
type Use = ([u8; 32], u8, u32, u8, Direction);

struct Storm {
    engine: Engine,
    halves: Vec<[Handle; 2]>,
    /// PDUs in flight and past, for replays: UE, role of the receiver, access.
    wire: Vec<(usize, usize, AccessType, Vec<u8>)>,
    used: HashSet<Use>,
    accepted: HashSet<Vec<u8>>,
    records: Vec<(usize, usize, Vec<u8>)>,
    done: [usize; 4],
}

fn access(bits: u8) -> AccessType {
    if bits & 1 == 0 { GPP } else { N3GPP }
}

/// All that a call could change, as text.
fn print(ue: &UeSecurity) -> String {
    let mut text = String::new();
    for (place, context) in ue.contexts() {
        let pairs = [GPP, N3GPP].map(|access| format!("{:?}", ue.pair(place, access)));
        let key = context.k_amf().expose();
        let (ksi, algorithms) = (context.ng_ksi(), context.algorithms());
        text += &format!("{place:?} {ksi:?} {key:?} {algorithms:?} {pairs:?};");
        assert!(ue.pair(place, GPP).is_some(), "COUNTs without a home");
    }
    let access = [GPP, N3GPP].map(|a| (ue.secured(a), ue.in_use(a)));
    text + &format!("{access:?} {:?} {:?}", ue.key_change(), ue.held_message())
}

impl Storm {
    fn new() -> Self {
        let mut config = Config::for_sessions(UES * 2 + 1);
        config.out_of_order = 4;
        config.smc.policy = Policy::from_ids(&[2, 1, 3, 0], &[2, 1, 3]).unwrap();
        let engine = Engine::new(&config).unwrap();
        let halves = (0..UES)
            .map(|_| [Role::Amf, Role::Ue].map(|role| engine.establish(role).unwrap()))
            .collect();
        Self {
            engine,
            halves,
            wire: Vec::new(),
            used: HashSet::new(),
            accepted: HashSet::new(),
            records: Vec::new(),
            done: [0; 4],
        }
    }

    fn print(&self, handle: Handle) -> String {
        let session = self.engine.session(handle).unwrap();
        format!("{} {:?}", print(&session.security), session.smc)
    }

    /// The contexts that a message may be protected from.
    fn keys(&self, handle: Handle) -> Vec<(KAmf, Algorithms)> {
        let session = self.engine.session(handle).unwrap();
        session
            .security
            .contexts()
            .filter_map(|(_, c)| Some((c.k_amf().clone(), c.algorithms()?)))
            .collect()
    }

    /// Notes a protected PDU: finds whose key made its MAC, by trying.
    fn sent(
        &mut self,
        (ue, side): (usize, usize),
        over: AccessType,
        (count, pdu): (u32, &[u8]),
        before: Vec<(KAmf, Algorithms)>,
    ) {
        let direction = [Direction::Downlink, Direction::Uplink][side];
        let input = Input {
            count,
            bearer: over as u8,
            direction,
        };
        let mut keys = before;
        keys.extend(self.keys(self.halves[ue][side]));
        let found = keys.iter().find(|(k_amf, algorithms)| {
            let (nea, nia) = (algorithms.nea.id(), algorithms.nia.id());
            let mut lane = [naslane::kdf::KNasLane::new(
                k_amf,
                naslane::kdf::AlgorithmId::new(nea).unwrap(),
                naslane::kdf::AlgorithmId::new(nia).unwrap(),
            )];
            naslane::kdf::k_nas_batch(&mut lane);
            let key = algorithm::Key::for_nia(algorithms.nia, lane[0].k_nas_int.expose());
            let mut mac = [MacLane::new(&key, input, &pdu[6..])];
            algorithm::mac(algorithms.nia, &mut mac);
            mac[0].mac == pdu[2..6]
        });
        let (k_amf, _) = found.expect("a MAC from nobody's key");
        // COUNTs belong to K_AMF: not even with other algorithms may one come twice.
        let fresh = self
            .used
            .insert((*k_amf.expose(), 0, count, over as u8, direction));
        assert!(
            fresh,
            "COUNT {count} twice, UE {ue}, {over:?}, {direction:?}"
        );
        self.wire.push((ue, 1 - side, over, pdu.to_vec()));
        self.done[0] += 1;
    }

    fn accepts(&mut self, pdu: &[u8]) {
        let mut covered = pdu.to_vec();
        covered[1] = 0;
        assert!(self.accepted.insert(covered), "accepted twice: {pdu:02x?}");
        self.done[1] += 1;
    }

    fn authenticate(&self, ue: usize, (key, ksi, who): (u8, u8, u8)) {
        for side in 0..2 {
            if who & 1 << side == 0 {
                continue;
            }
            let before = self.print(self.halves[ue][side]);
            let result = self
                .engine
                .authenticated(self.halves[ue][side], identity(u64::from(key), ksi % 4));
            if result.is_err() {
                assert_eq!(before, self.print(self.halves[ue][side]));
            }
        }
    }

    fn command(&mut self, ue: usize, (kind, b, c): (u8, u8, u8)) {
        let amf = self.halves[ue][0];
        let mapped = k_amf(1000 + u64::from(c % 8));
        let new_key = |mapped_ksi| NewKey {
            k_amf: &mapped,
            ng_ksi: if mapped_ksi {
                NgKsi::mapped(c % 3)
            } else {
                NgKsi::native(c % 3)
            }
            .unwrap(),
            ue_sec_cap: Some(capability()),
        };
        let activation = match kind % 8 {
            0..=2 => Activation::Partial,
            3 => Activation::Current,
            4 => Activation::NewAlgorithms,
            5 => Activation::NonCurrent,
            6 if c & 8 == 0 => Activation::Horizontal {
                ul_count: u32::from(c & 7),
            },
            6 => Activation::HorizontalReceived(new_key(false)),
            _ => Activation::Mapped(new_key(true)),
        };
        let mut request = Request::new(access(b), activation);
        if c & 16 != 0 {
            let algorithms = [
                (Nea::Nea0, Nia::Nia1),
                (Nea::Nea1, Nia::Nia2),
                (Nea::Nea3, Nia::Nia3),
            ];
            let (nea, nia) = algorithms[usize::from(c) % 3];
            request.algorithms = Some(Algorithms { nea, nia });
        }
        request.ongoing = (c & 32 != 0).then_some(MessageType::REGISTRATION_REQUEST);
        let room = if b & 0xE0 == 0xE0 { 12 } else { 400 };
        let (before, keys) = (self.print(amf), self.keys(amf));
        let mut out = vec![0; room];
        match self.engine.smc_command(amf, &request, &mut out) {
            Ok(sent) => {
                out.truncate(sent.len);
                self.sent((ue, 0), access(b), (sent.count.unwrap(), &out), keys);
            }
            Err(error) => assert_eq!(before, self.print(amf), "{error:?}"),
        }
    }

    fn event(&mut self, ue: usize, (kind, b): (u8, u8)) {
        let amf = self.halves[ue][0];
        let event = match kind % 8 {
            0..=3 => Event::T3560Expired,
            4 => Event::NonDelivered,
            5 => Event::LowerLayerFailure,
            6 => Event::Collision(MessageType::REGISTRATION_REQUEST),
            _ => Event::Abort,
        };
        let over = {
            let session = self.engine.session(amf).unwrap();
            match &session.smc {
                naslane::procedure::smc::Half::Amf(amf) => amf.access(),
                naslane::procedure::smc::Half::Ue(_) => None,
            }
        };
        let (before, keys) = (self.print(amf), self.keys(amf));
        let mut out = vec![0; if b & 0xE0 == 0xE0 { 9 } else { 400 }];
        match self.engine.smc_event(amf, event, &mut out) {
            Ok(Action::Resend(sent)) => {
                let count = sent.count.unwrap();
                self.sent((ue, 0), over.unwrap(), (count, &out[..sent.len]), keys);
            }
            Ok(Action::Ended(_)) => {}
            Err(_) => assert_eq!(before, self.print(amf)),
        }
    }

    fn talk(&mut self, ue: usize, side: usize, over: AccessType) {
        let handle = self.halves[ue][side];
        let plain = [DOWNLINK, UPLINK][side];
        let (before, keys) = (self.print(handle), self.keys(handle));
        let mut out = vec![0xC5; plain.len() + 7];
        match self.engine.protect(handle, over, plain, &mut out) {
            Ok(sent) => self.sent((ue, side), over, (sent.count, &out), keys),
            Err(_) => {
                assert_eq!(before, self.print(handle));
                assert!(out.iter().all(|&octet| octet == 0xC5));
            }
        }
    }

    fn initial(&mut self, ue: usize, (over, ksi): (AccessType, u8)) {
        let handle = self.halves[ue][1];
        let guti = [0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1];
        let head = [0x7E, 0, 0x41, ksi << 4 | 1, 0, 11];
        let message = [&head[..], &guti, &[0x2E, 2, 0xF0, 0x70]].concat();
        let initial = InitialMessageToSend {
            access: over,
            message: &message,
            container: None,
        };
        let keys = self.keys(handle);
        let mut out = vec![0; message.len() + 7];
        let env = self.engine.ue_env(capability());
        if let Ok(sent) = self.engine.ue_initial(handle, &initial, &env, &mut out)
            && let Some(count) = sent.count
        {
            self.sent((ue, 1), over, (count, &out[..sent.len]), keys);
        }
    }

    fn deliver(&mut self, (at, how, flip): (u16, u8, u8)) {
        // The newest half the time, any at all for replays.
        let Some(last) = self.wire.len().checked_sub(1) else {
            return;
        };
        let at = if how & 3 != 0 {
            last.saturating_sub(usize::from(at % 3))
        } else {
            usize::from(at) % (last + 1)
        };
        let (mut ue, side, mut over, mut pdu) = self.wire[at].clone();
        // The header octet is not under the MAC.
        let tampered = how & 0x1C == 0x1C && usize::from(flip) % pdu.len() != 1;
        if how & 0x1C == 0x1C {
            let place = usize::from(flip) % pdu.len();
            pdu[place] ^= 1 << (how >> 5);
        }
        if how & 0x1C == 0x18 {
            (ue, over) = ((ue + 1) % UES, over.other());
        }
        let handle = self.halves[ue][side];
        let (before, keys) = (self.print(handle), self.keys(handle));
        if side == 1 && pdu[1] & 0xF == 3 {
            let mapped = k_amf(1000 + u64::from(flip % 8));
            let mut env = self.engine.ue_env(capability());
            env.mapped = Some(NewKey {
                k_amf: &mapped,
                ng_ksi: NgKsi::mapped(flip % 3).unwrap(),
                ue_sec_cap: None,
            });
            let whole = [
                0x7E, 0, 0x41, 0x71, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1,
            ];
            env.whole_initial = (how & 64 == 0).then_some(&whole[..]);
            let mut out = vec![0; 400];
            match self.engine.ue_command(handle, (over, &pdu), &env, &mut out) {
                Ok(Answer::Complete(sent)) => {
                    self.accepts(&pdu);
                    self.sent((ue, 1), over, (sent.count.unwrap(), &out[..sent.len]), keys);
                    self.done[2] += 1;
                }
                Ok(Answer::Reject(_, sent)) => {
                    if let Some(count) = sent.count {
                        self.sent((ue, 1), over, (count, &out[..sent.len]), keys);
                    } else {
                        assert_eq!(before, self.print(handle));
                    }
                }
                Ok(Answer::Discarded(_)) | Err(_) => assert_eq!(before, self.print(handle)),
            }
            return;
        }
        let (result, plain) = match how >> 6 {
            0 | 1 => {
                let mut out = vec![0xC5; pdu.len()];
                let received = self.engine.verify(handle, over, &pdu, &mut out);
                (received.verdict, out)
            }
            2 => {
                let mut place = pdu.clone();
                (
                    self.engine
                        .verify_in_place(handle, over, &mut place)
                        .verdict,
                    place,
                )
            }
            _ => {
                let mut out = vec![0; pdu.len()];
                let peeked = self
                    .engine
                    .verify_only(handle, over, &pdu, &mut out)
                    .verdict;
                assert_eq!(before, self.print(handle), "verify_only");
                let verdict = self.engine.verify(handle, over, &pdu, &mut out).verdict;
                assert_eq!(peeked.result, verdict.result);
                (verdict, out)
            }
        };
        match result.result {
            Ok(()) => {
                assert!(!tampered, "a changed message verified");
                self.accepts(&pdu);
                let mut plain = plain[..result.len].to_vec();
                let count = result.count.unwrap();
                let _ = self
                    .engine
                    .decipher_container(handle, (over, count), &mut plain);
            }
            Err(_) => assert_eq!(before, self.print(handle)),
        }
    }

    fn export(&mut self, ue: usize, (side, extent): (usize, u8)) {
        let mut out = Record::new();
        let extent = if extent & 1 == 0 {
            Extent::Contexts
        } else {
            Extent::Connections
        };
        let handle = self.halves[ue][side];
        let before = self.print(handle);
        match record::export(self.engine.table(), handle, extent, &mut out) {
            Ok(()) => self.records.push((ue, side, out.as_bytes().to_vec())),
            Err(_) => assert_eq!(before, self.print(handle)),
        }
    }

    /// Takes up a record of any age, with or without the old session gone.
    fn import(&mut self, at: u16, released: bool) {
        let Some(last) = self.records.len().checked_sub(1) else {
            return;
        };
        let (ue, side, record) = self.records[usize::from(at) % (last + 1)].clone();
        if released {
            self.engine.release(self.halves[ue][side]).unwrap();
        }
        let imported = record::import(self.engine.table(), &record);
        let role = [Role::Amf, Role::Ue][side];
        match imported {
            Ok(handle) => {
                self.done[3] += 1;
                if !released {
                    self.engine.release(self.halves[ue][side]).unwrap();
                }
                self.halves[ue][side] = handle;
            }
            Err(_) if released => self.halves[ue][side] = self.engine.establish(role).unwrap(),
            Err(_) => {}
        }
    }

    fn step(&mut self, (op, who, a, b, c): (u8, u8, u16, u8, u8)) {
        let (ue, side) = (usize::from(who >> 1) % UES, usize::from(who & 1));
        let handle = self.halves[ue][side];
        match op {
            0..=5 => self.authenticate(ue, (a as u8 % 12, b, if c & 3 == 0 { c >> 2 } else { 3 })),
            6..=15 => self.command(ue, (a as u8, b, c)),
            16..=40 => self.deliver((a, b, c)),
            41..=48 => self.talk(ue, side, access(b)),
            49..=51 => self.initial(ue, (access(b), c % 4)),
            52..=54 => self.event(ue, (a as u8, b)),
            55 => self.export(ue, (side, b)),
            56 => self.import(a, b & 1 == 0),
            57 => drop(record::resume_after_failed_transfer(
                self.engine.table(),
                handle,
            )),
            58 => drop(self.engine.connection_released(handle, access(b))),
            59 if b < 100 => {
                let kind = [
                    Deregistration::SwitchOff,
                    Deregistration::Keep,
                    Deregistration::Remove,
                ];
                self.engine
                    .deregister(handle, kind[usize::from(c % 3)])
                    .unwrap();
            }
            59 => drop(self.engine.begin_key_change(handle, KeyChange::N2)),
            60 | 61 => drop(self.engine.end_key_change(handle, KeyChange::N2)),
            62 => drop(self.engine.smc_rejected_unprotected(handle, Cause(b))),
            63 if b < 64 => {
                self.engine.release(handle).unwrap();
                self.halves[ue][side] = self.engine.establish([Role::Amf, Role::Ue][side]).unwrap();
            }
            _ => drop(self.engine.k_gnb(handle, access(b))),
        }
        // All places are sound, and the COUNTs of all have a home.
        self.print(self.halves[ue][side]);
    }

    fn end(self) -> [usize; 4] {
        for handle in self.halves.into_iter().flatten() {
            self.engine.release(handle).unwrap();
        }
        assert_eq!(self.engine.sessions(), 0);
        assert_eq!(self.engine.table().resources().side.in_use(), 0);
        self.done
    }
}

#[test]
fn any_order_of_calls_uses_no_count_twice() {
    let mut done = [0; 4];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let step = (
        0_u8..65,
        any::<u8>(),
        any::<u16>(),
        any::<u8>(),
        any::<u8>(),
    );
    let total = std::cell::RefCell::new([0; 4]);
    runner
        .run(&prop::collection::vec(step, 1..250), |steps| {
            let mut storm = Storm::new();
            steps.into_iter().for_each(|one| storm.step(one));
            let did = storm.end();
            total
                .borrow_mut()
                .iter_mut()
                .zip(did)
                .for_each(|(sum, n)| *sum += n);
            Ok(())
        })
        .unwrap();
    done.copy_from_slice(&*total.borrow());
    assert!(
        done.iter().all(|&n| n > 20),
        "sent, accepted, completed, imported: {done:?}"
    );
}
