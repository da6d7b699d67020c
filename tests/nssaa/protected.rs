//! The procedure over protected messages: both halves are sessions of an engine.

use naslane::base::{AccessType, Error};
use naslane::door::Door;
use naslane::engine::nssaa::NSSAA_ROOM;
use naslane::engine::{Config, Engine};
use naslane::nas::nssaa::{EapCode, EapMessage, eap_verdict};
use naslane::procedure::nssaa::{
    AaaAnswer, Action, Downlink, Event, NssaaSettings, Reachability, Registration, Status, Step,
    Subscription, UeAction,
};
use naslane::procedure::smc::Activation;
use naslane::security::{Deregistration, Role};
use naslane::session::Handle;

use crate::common::{Pair, engine, verify};
use crate::world::*;

fn start(engine: &Engine, handle: Handle, access: AccessType) {
    let slices = [subscribed(A), subscribed(B), subscribed(FREE)];
    let subscription = Subscription {
        gpsis: &[GPSI],
        slices: &slices,
    };
    engine.nssaa_subscribe(handle, &subscription).unwrap();
    let registration = Registration {
        access,
        asked: &[A.into(), B.into(), FREE.into()],
        nssaa_supported: true,
        extended_rejected: false,
    };
    engine.nssaa_register(handle, &registration).unwrap();
    engine
        .nssaa_event(handle, Event::Registered(access))
        .unwrap();
}

/// What the AMF sent, and the question that is open.
struct Polled {
    sent: Vec<(AccessType, Downlink, Vec<u8>)>,
    asked: Option<(u32, Step, Vec<u8>)>,
}

fn poll(engine: &Engine, handle: Handle) -> Polled {
    let mut out = vec![0; NSSAA_ROOM];
    let mut polled = Polled {
        sent: Vec::new(),
        asked: None,
    };
    while let Some(action) = engine.nssaa_poll(handle, &mut out).unwrap() {
        match action {
            Action::Send {
                access,
                message,
                len,
                ..
            } => polled.sent.push((access, message, out[..len].to_vec())),
            Action::Ask {
                transaction,
                step,
                len,
                ..
            } => polled.asked = Some((transaction, step, out[..len].to_vec())),
            _ => {}
        }
    }
    polled
}

/// The UE takes a protected COMMAND; the protected COMPLETE, and whether its peer was asked.
fn answer(engine: &Engine, ue: Handle, access: AccessType, pdu: &[u8]) -> (Vec<u8>, bool) {
    let command = verify(engine, ue, access, pdu).unwrap();
    let mut out = vec![0; NSSAA_ROOM];
    let action = engine.nssaa_ue_command(ue, (access, &command), &mut out);
    let (len, peer) = match action.unwrap() {
        UeAction::Peer { s_nssai, request } => {
            let response = match request.kind() {
                Some(1) => identity(request.identifier()),
                _ => eap(EapCode::Response, request.identifier(), b"\x04data"),
            };
            let mut buffer = vec![0; NSSAA_ROOM];
            let (at, len) = engine
                .nssaa_ue_answer(ue, s_nssai, &response, &mut buffer)
                .unwrap();
            assert_eq!(at, access);
            out = buffer;
            (len, true)
        }
        UeAction::Again { len } => (len, false),
        UeAction::Working => panic!("the peer answered at once"),
    };
    out.truncate(len);
    (out, peer)
}

fn deliver(engine: &Engine, amf: Handle, access: AccessType, pdu: &[u8]) {
    let mut out = vec![0; pdu.len()];
    let uplink = engine.nssaa_uplink(amf, access, pdu, &mut out);
    assert_eq!(uplink.received.verdict.result, Ok(()));
    assert_eq!(uplink.procedure, Some(Ok(())));
}

fn settle(engine: &Engine, amf: Handle, transaction: u32, success: bool) {
    let code = if success {
        EapCode::Success
    } else {
        EapCode::Failure
    };
    let octets = eap_verdict(code, 5);
    let message = EapMessage::parse(&octets).unwrap();
    let answer = if success {
        AaaAnswer::Success(message)
    } else {
        AaaAnswer::Failure(message)
    };
    let event = Event::Aaa {
        transaction,
        answer,
    };
    engine.nssaa_event(amf, event).unwrap();
}

/// One slice from COMMAND to the question whose answer ends it.
fn until_asked(engine: &Engine, pair: &Pair, access: AccessType, polled: &Polled) -> Polled {
    let (at, message, pdu) = polled.sent.last().unwrap();
    assert_eq!((*at, *message), (access, Downlink::Command));
    let (complete, _) = answer(engine, pair.ue, access, pdu);
    deliver(engine, pair.amf, access, &complete);
    poll(engine, pair.amf)
}

fn whole_exchange(engine: &Engine, access: AccessType) {
    let pair = Pair::secured(engine, 10 + access as u64);
    if access == N3GPP {
        pair.run_smc(engine, access, Activation::Current);
    }
    start(engine, pair.amf, access);
    let mut polled = poll(engine, pair.amf);
    for (s_nssai, success) in [(A, true), (B, false)] {
        let (header, body) = polled.sent.last().unwrap().2.split_at(7);
        assert_eq!(header[1], 2, "integrity protected and ciphered");
        assert_ne!(body[..3], [0x7E, 0, 0x50]);
        polled = until_asked(engine, &pair, access, &polled);
        let (transaction, step, response) = polled.asked.take().unwrap();
        assert_eq!((step, response[4]), (Step::Start, 1));
        settle(engine, pair.amf, transaction, success);
        polled = poll(engine, pair.amf);
        let (_, message, result) = &polled.sent[0];
        assert_eq!(*message, Downlink::Result);
        let result = verify(engine, pair.ue, access, result).unwrap();
        let told = engine.nssaa_ue_result(pair.ue, &result).unwrap();
        assert_eq!((told.s_nssai, told.success()), (s_nssai, success));
        let (_, message, update) = &polled.sent[1];
        assert_eq!(*message, Downlink::ConfigurationUpdate);
        let told = Told::of(&verify(engine, pair.ue, access, update).unwrap());
        assert_eq!(told.allows(), [A, FREE]);
    }
    let state = engine.nssaa_state(pair.amf).unwrap();
    assert!(state.settled);
    assert_eq!(
        state.statuses,
        [(A, Status::EapSuccess), (B, Status::EapFailure)]
    );
    assert_eq!(state.refusals.unexpected, 0);
}

#[test]
fn a_whole_exchange_on_each_access() {
    let engine = engine(2, 2);
    whole_exchange(&engine, GPP);
    whole_exchange(&engine, N3GPP);
}

#[test]
fn every_retransmission_has_a_fresh_count_and_no_second_eap_step() {
    let engine = engine(1, 1);
    let pair = Pair::secured(&engine, 1);
    start(&engine, pair.amf, GPP);
    let mut seen = Vec::new();
    let mut peers = 0;
    let mut completes = Vec::new();
    let mut pdu = poll(&engine, pair.amf).sent.remove(0).2;
    for _ in 0..4 {
        let (complete, peer) = answer(&engine, pair.ue, GPP, &pdu);
        peers += usize::from(peer);
        completes.push(complete);
        seen.push(pdu[6]);
        engine.nssaa_event(pair.amf, Event::T3575Expired).unwrap();
        let again = poll(&engine, pair.amf).sent.remove(0).2;
        assert_ne!(again[2..6], pdu[2..6], "another MAC");
        pdu = again;
    }
    assert_eq!(peers, 1);
    assert!(
        seen.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{seen:?}"
    );
    // The answers are protected anew too; the first that arrives counts, the next is refused.
    assert!(
        completes
            .windows(2)
            .all(|pair| pair[1][6] == pair[0][6] + 1)
    );
    deliver(&engine, pair.amf, GPP, &completes[0]);
    let mut out = vec![0; 100];
    let late = engine.nssaa_uplink(pair.amf, GPP, &completes[1], &mut out);
    assert_eq!(late.procedure, Some(Err(Error::Unexpected)));
}

#[test]
fn what_does_not_verify_does_not_reach_the_procedure() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    start(&engine, pair.amf, GPP);
    let pdu = poll(&engine, pair.amf).sent.remove(0).2;
    let (complete, _) = answer(&engine, pair.ue, GPP, &pdu);
    let before = engine.nssaa_state(pair.amf).unwrap();
    let mut out = vec![0; 100];
    for at in 2..complete.len() {
        let mut bad = complete.clone();
        bad[at] ^= 1;
        let uplink = engine.nssaa_uplink(pair.amf, GPP, &bad, &mut out);
        assert!(uplink.received.verdict.result.is_err() && uplink.procedure.is_none());
    }
    // The same message in the clear, and on the other access.
    let plain = [0x7E, 0, 0x51, 4, 1, 0, 0, 0x0A, 0, 5, 2, 1, 0, 5, 1];
    let uplink = engine.nssaa_uplink(pair.amf, GPP, &plain, &mut out);
    assert_eq!(uplink.received.verdict.result, Err(Error::PlainRefused));
    let uplink = engine.nssaa_uplink(pair.amf, N3GPP, &complete, &mut out);
    assert!(uplink.received.verdict.result.is_err());
    assert_eq!(engine.nssaa_state(pair.amf).unwrap(), before);
    deliver(&engine, pair.amf, GPP, &complete);
}

#[test]
fn a_replayed_complete_is_a_replay() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    start(&engine, pair.amf, GPP);
    let pdu = poll(&engine, pair.amf).sent.remove(0).2;
    let (complete, _) = answer(&engine, pair.ue, GPP, &pdu);
    deliver(&engine, pair.amf, GPP, &complete);
    let mut out = vec![0; 100];
    let again = engine.nssaa_uplink(pair.amf, GPP, &complete, &mut out);
    assert!(again.received.verdict.result.is_err() && again.procedure.is_none());
}

#[test]
fn a_message_that_cannot_be_protected_stays_to_be_sent() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, 1);
    start(&engine, pair.amf, GPP);
    let mut out = vec![0xEE; NSSAA_ROOM];
    for _ in 0..2 {
        assert_eq!(engine.nssaa_poll(pair.amf, &mut out), Err(Error::NoContext));
    }
    assert_eq!(out, vec![0; NSSAA_ROOM], "no plain message is left behind");
    let small = engine.nssaa_poll(pair.amf, &mut out[1..]);
    assert_eq!(small, Err(Error::BufferTooSmall));
    pair.run_smc(&engine, GPP, Activation::Partial);
    assert_eq!(poll(&engine, pair.amf).sent[0].1, Downlink::Command);
}

#[test]
fn a_released_connection_is_idle_and_a_deregistered_ue_has_nothing() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    start(&engine, pair.amf, GPP);
    poll(&engine, pair.amf);
    engine.connection_released(pair.amf, GPP).unwrap();
    let mut out = vec![0; NSSAA_ROOM];
    let actions: Vec<_> = std::iter::from_fn(|| engine.nssaa_poll(pair.amf, &mut out).unwrap())
        .take(10)
        .collect();
    assert_eq!(actions, [Action::StopT3575, Action::Reach(GPP)]);
    engine.deregister(pair.amf, Deregistration::Keep).unwrap();
    let state = engine.nssaa_state(pair.amf).unwrap();
    assert!(state.settled && state.statuses.is_empty());
}

#[test]
fn uplink_messages_wake_a_ue_that_did_not_answer() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    start(&engine, pair.amf, GPP);
    for _ in 0..5 {
        assert_eq!(poll(&engine, pair.amf).sent.len(), 1);
        engine.nssaa_event(pair.amf, Event::T3575Expired).unwrap();
    }
    assert_eq!(poll(&engine, pair.amf).sent.len(), 0);
    let pdu = pair.uplink(&engine, GPP);
    let mut out = vec![0; 100];
    let uplink = engine.nssaa_uplink(pair.amf, GPP, &pdu, &mut out);
    assert_eq!(
        (uplink.received.verdict.result, uplink.procedure),
        (Ok(()), None)
    );
    assert_eq!(poll(&engine, pair.amf).sent[0].1, Downlink::Command);
}

#[test]
fn halves_do_not_take_each_others_calls() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let subscription = Subscription {
        gpsis: &[GPSI],
        slices: &[subscribed(A)],
    };
    let refused = engine.nssaa_subscribe(pair.ue, &subscription);
    assert_eq!(refused, Err(Error::Role));
    assert_eq!(
        engine.nssaa_ue_result(pair.amf, &[]).map(|_| ()),
        Err(Error::Role)
    );
    let early = engine.nssaa_event(pair.amf, Event::T3575Expired);
    assert_eq!(early, Err(Error::OutOfOrder), "no subscription yet");
    let gone = engine.establish(Role::Amf).unwrap();
    engine.release(gone).unwrap();
    let stale = engine.nssaa_subscribe(gone, &subscription);
    assert_eq!(stale, Err(Error::Handle));
}

#[test]
fn settings_have_bounds() {
    let engine = engine(2, 2);
    let good = NssaaSettings {
        t3575_seconds: 1,
        retransmissions: 0,
        ..NssaaSettings::default()
    };
    engine.nssaa_configure(good).unwrap();
    assert_eq!(engine.nssaa_settings(), good);
    for bad in [
        NssaaSettings {
            retransmissions: 17,
            ..good
        },
        NssaaSettings {
            t3575_seconds: 0,
            ..good
        },
        NssaaSettings {
            retry_seconds: 0,
            ..good
        },
        NssaaSettings {
            maximum_ues_as: naslane::nas::nssaa::RejectionCause::MAXIMUM_UES,
            ..good
        },
    ] {
        assert_eq!(engine.nssaa_configure(bad), Err(Error::Argument));
    }
    assert_eq!(engine.nssaa_settings(), good);
}

#[test]
fn many_ues_at_once_from_several_threads() {
    let engine = engine(2, 2);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                let pairs: Vec<Pair> = (0..32)
                    .map(|ue| Pair::secured(engine, thread * 100 + ue))
                    .collect();
                for pair in &pairs {
                    start(engine, pair.amf, GPP);
                }
                for success in [true, false] {
                    // All of them between two steps at the same time.
                    let mut asked = Vec::new();
                    for pair in &pairs {
                        let mut polled = poll(engine, pair.amf);
                        if polled.sent.is_empty() {
                            engine.nssaa_event(pair.amf, Event::T3575Expired).unwrap();
                            polled = poll(engine, pair.amf);
                        }
                        asked.push(until_asked(engine, pair, GPP, &polled).asked.unwrap());
                    }
                    for (pair, (transaction, ..)) in pairs.iter().zip(asked) {
                        settle(engine, pair.amf, transaction, success);
                    }
                }
                for pair in &pairs {
                    poll(engine, pair.amf);
                    let state = engine.nssaa_state(pair.amf).unwrap();
                    let statuses = [(A, Status::EapSuccess), (B, Status::EapFailure)];
                    assert_eq!(state.statuses, statuses);
                    assert!(state.settled);
                    engine.release(pair.amf).unwrap();
                }
            });
        }
    });
    assert_eq!(
        engine.table().slices().in_use(),
        128,
        "the halves of the UEs"
    );
}

#[test]
fn the_same_through_a_door() {
    let inline = Door::inline(&Config::for_sessions(64)).unwrap();
    let mut doors = vec![inline];
    #[cfg(target_os = "linux")]
    doors.push(
        Door::workers(&naslane::engine::WorkersConfig {
            engine: Config::for_sessions(64),
            workers: 2,
            wait: naslane::engine::worker::Wait::Block,
            cores: naslane::engine::worker::Cores::Unpinned,
            ..naslane::engine::WorkersConfig::default()
        })
        .unwrap(),
    );
    for door in doors {
        let settings = NssaaSettings {
            t3575_seconds: 7,
            ..NssaaSettings::default()
        };
        door.nssaa_configure(&settings).unwrap();
        assert_eq!(door.nssaa_settings().unwrap(), settings);
        let amf = door.establish(Role::Amf).unwrap();
        let slices = [subscribed(A)];
        let subscription = Subscription {
            gpsis: &[GPSI],
            slices: &slices,
        };
        door.nssaa_subscribe(amf, &subscription).unwrap();
        let registration = Registration {
            access: GPP,
            asked: &[A.into()],
            nssaa_supported: true,
            extended_rejected: false,
        };
        let admission = door.nssaa_register(amf, &registration).unwrap();
        assert_eq!(admission.pending[..], [A.into()]);
        door.nssaa_event(amf, Event::Registered(GPP)).unwrap();
        let mut out = vec![0; NSSAA_ROOM];
        // No security mode procedure was run.
        assert_eq!(door.nssaa_poll(amf, &mut out), Err(Error::NoContext));
        assert_eq!(door.nssaa_status(amf, A), Ok(Some(Status::Pending)));
        assert_eq!(door.nssaa_gpsi(amf).unwrap(), GPSI);
        let idle = Event::Access(GPP, Reachability::Idle);
        door.nssaa_event(amf, idle).unwrap();
        assert_eq!(door.nssaa_poll(amf, &mut out), Ok(Some(Action::Reach(GPP))));
        assert_eq!(
            door.nssaa_event(amf, Event::T3575Expired),
            Err(Error::Unexpected)
        );
        assert_eq!(door.nssaa_refusals().unwrap().unexpected, 1);
        let uplink = door.nssaa_uplink(amf, GPP, &[0x7E], &mut out);
        assert!(uplink.received.verdict.result.is_err());
        assert!(!door.nssaa_state(amf).unwrap().settled);
    }
}
