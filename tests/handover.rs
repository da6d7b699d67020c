//! Handovers at N2 that take a context into use: containers octet by octet against keys derived here, COUNTs, keys of the
//! access network, and every way in which one fails (TS 33.501 6.9.2.3.3, 6.9.5, 8.4; defect R42).

mod common;

use common::*;
use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi};
use naslane::engine::{Config, Engine};
use naslane::kdf::{
    HorizontalDirection, KAmf, KAsme, Nh, k_amf_from_eps_handover, k_amf_prime, k_gnb,
};
use naslane::procedure::handover::{Activation, Container, FromEps, Request};
use naslane::procedure::smc::{self, NewKey, Policy};
use naslane::security::{
    Algorithms, Deregistration, Identity, KeyChange, NearWrap, Place, Role, Thresholds,
};
use naslane::session::Handle;
use naslane::session::record::{Extent, Record, export};

fn with(nea: u8, nia: u8) -> Option<Algorithms> {
    Nea::from_id(nea)
        .zip(Nia::from_id(nia))
        .map(|(nea, nia)| Algorithms { nea, nia })
}

fn ask(activation: Activation<'_>, algorithms: Option<Algorithms>) -> Request<'_> {
    Request {
        activation,
        algorithms,
    }
}

/// What a session knows of its contexts: unchanged by whatever fails.
fn state(engine: &Engine, handle: Handle) -> String {
    let session = engine.session(handle).unwrap();
    let ue = &session.security;
    let contexts: Vec<_> = ue
        .contexts()
        .map(|(place, context)| {
            let pairs = AccessType::ALL.map(|access| ue.pair(place, access));
            let key = context.k_amf().expose();
            format!("{place:?} {key:02x?} {:?} {pairs:?}", context.algorithms())
        })
        .collect();
    format!("{ue:?} {contexts:?}")
}

fn current(engine: &Engine, handle: Handle) -> (KAmf, Algorithms, NgKsi) {
    let session = engine.session(handle).unwrap();
    let context = session.security.context(Place::Current).unwrap();
    let algorithms = context.algorithms().unwrap();
    (context.k_amf().clone(), algorithms, context.ng_ksi())
}

fn counts(engine: &Engine, handle: Handle) -> (u32, u32) {
    let session = engine.session(handle).unwrap();
    let pair = session.security.pair(Place::Current, GPP).unwrap();
    (pair.send.next(), pair.receive.next_min())
}

/// The whole handover, both ends.
fn hand_over(engine: &Engine, pair: &Pair, request: &Request<'_>) -> Container {
    let container = engine.handover_prepare(pair.amf, request).unwrap();
    let k_gnb = engine
        .ue_handover(pair.ue, container.value(), None)
        .unwrap();
    assert_eq!(k_gnb, container.k_gnb);
    engine.handover_done(pair.amf).unwrap();
    container
}

#[test]
fn the_current_context_stays_and_the_container_takes_a_count() {
    for (nea, nia) in [(0, 1), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        (0..300).for_each(|_| pair.talk(&engine, GPP));
        let (key, algorithms, _) = current(&engine, pair.amf);
        let before = counts(&engine, pair.amf);
        let container = hand_over(&engine, &pair, &ask(Activation::Current, None));
        let value = container.value();
        assert_eq!(container.count, Some(before.0));
        assert_eq!(value[4..], [nea << 4 | nia, 0, before.0 as u8]);
        assert_eq!(value[..4], container_mac(&key, algorithms.nia, &value[4..]));
        assert!(container.k_gnb.is_none(), "the NH chain goes on");
        assert_eq!(counts(&engine, pair.amf), (before.0 + 1, before.1));
        assert_eq!(counts(&engine, pair.ue).1, before.0 + 1);
        let down = pair.downlink(&engine, GPP);
        assert_eq!(
            down[6],
            (before.0 + 1) as u8,
            "the container's COUNT is gone"
        );
        assert!(verify(&engine, pair.ue, GPP, &down).is_ok());
        pair.talk(&engine, GPP);
    }
}

#[test]
fn other_algorithms_of_the_same_key_count_on() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    (0..5).for_each(|_| pair.talk(&engine, GPP));
    let (key, ..) = current(&engine, pair.amf);
    engine.k_gnb(pair.amf, GPP).unwrap();
    let chain = engine.session(pair.amf).unwrap().security.prepare_nh();
    let chain = chain.unwrap();
    for (nea, nia) in [(1, 1), (3, 3), (2, 1), (1, 3), (2, 2)] {
        let before = counts(&engine, pair.amf);
        let container = hand_over(&engine, &pair, &ask(Activation::Current, with(nea, nia)));
        let value = container.value();
        assert_eq!(value[4..], [nea << 4 | nia, 0, before.0 as u8]);
        let mac = container_mac(&key, Nia::from_id(nia).unwrap(), &value[4..]);
        assert_eq!(value[..4], mac, "the key that the target will use");
        for handle in [pair.amf, pair.ue] {
            let (k_amf, algorithms, _) = current(&engine, handle);
            assert_eq!((k_amf, Some(algorithms)), (key.clone(), with(nea, nia)));
        }
        assert_eq!(counts(&engine, pair.amf), (before.0 + 1, before.1));
        pair.talk(&engine, GPP);
    }
    let session = engine.session(pair.amf).unwrap();
    let after = session.security.prepare_nh().unwrap();
    assert_eq!((after.nh(), after.ncc()), (chain.nh(), chain.ncc()));
    drop(session);
    assert!(
        engine.k_gnb(pair.amf, GPP).is_ok(),
        "its COUNT is still of this key"
    );
}

#[test]
fn a_horizontal_derivation_starts_both_counts_again() {
    for (nea, nia) in [(1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        (0..260).for_each(|_| pair.talk(&engine, GPP));
        for round in 0..3 {
            let (old, ..) = current(&engine, pair.amf);
            let (next, _) = counts(&engine, pair.amf);
            let container = hand_over(&engine, &pair, &ask(Activation::Horizontal, None));
            let value = container.value();
            let new = k_amf_prime(&old, HorizontalDirection::Handover, next);
            assert_eq!(container.count, Some(next), "round {round}");
            assert_eq!(value[4..], [nea << 4 | nia, 0x10, next as u8]);
            assert_eq!(
                value[..4],
                container_mac(&new, Nia::from_id(nia).unwrap(), &value[4..])
            );
            let at_target = k_gnb(&new, u32::MAX, GPP);
            assert_eq!(container.k_gnb, Some(at_target));
            for handle in [pair.amf, pair.ue] {
                assert_eq!(current(&engine, handle).0, new);
                assert_eq!(counts(&engine, handle), (0, 0));
            }
            let session = engine.session(pair.amf).unwrap();
            let step = session.security.prepare_nh().unwrap();
            assert_eq!(step.ncc(), 1, "the chain begins at that K_gNB");
            drop(session);
            // No message has brought a COUNT of this key yet.
            assert_eq!(engine.k_gnb(pair.amf, GPP), Err(Error::NoContext));
            (0..=round).for_each(|_| pair.talk(&engine, GPP));
        }
    }
}

#[test]
fn a_key_from_another_amf_begins_in_a_session_of_its_own() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    (0..3).for_each(|_| pair.talk(&engine, GPP));
    let (old, _, ng_ksi) = current(&engine, pair.amf);
    let dl_count = counts(&engine, pair.amf).0;
    let new = k_amf_prime(&old, HorizontalDirection::Handover, dl_count);
    let target = engine.establish(Role::Amf).unwrap();
    let key = NewKey {
        k_amf: &new,
        ng_ksi,
        ue_sec_cap: Some(capability()),
    };
    let received = Activation::HorizontalReceived { key, dl_count };
    let container = engine
        .handover_prepare(target, &ask(received, None))
        .unwrap();
    assert_eq!(container.value()[5..], [0x10, dl_count as u8]);
    engine
        .ue_handover(pair.ue, container.value(), None)
        .unwrap();
    engine.handover_done(target).unwrap();
    let moved = Pair {
        amf: target,
        ue: pair.ue,
    };
    moved.talk(&engine, GPP);
    let again = engine.handover_prepare(target, &ask(received, None));
    assert_eq!(again.err(), Some(Error::KeyReused), "it starts at 0 once");
    moved.talk(&engine, GPP);
}

#[test]
fn a_context_mapped_from_eps() {
    let engine = engine(1, 1);
    let pair = Pair::secured(&engine, 1);
    let k_asme = KAsme::new([0x31; 32]);
    let k_amf = k_amf_from_eps_handover(&k_asme, &Nh::new([0x32; 32]));
    let ng_ksi = NgKsi::mapped(4).unwrap();
    let key = NewKey {
        k_amf: &k_amf,
        ng_ksi,
        ue_sec_cap: Some(capability()),
    };
    let from_eps = FromEps {
        k_amf: &k_amf,
        ue_sec_cap: capability(),
    };
    let activation = Activation::Mapped { key, ncc: 6 };
    let container = engine
        .handover_prepare(pair.amf, &ask(activation, None))
        .unwrap();
    let value = container.value();
    assert_eq!(value[4..], [0x11, 6 << 4 | 0xC, 0, 0]);
    assert_eq!(value[..4], container_mac(&k_amf, Nia::Nia1, &value[4..]));
    assert_eq!(container.count, None);
    let before = state(&engine, pair.ue);
    for bit in 0..64 {
        let mut bent = value.to_vec();
        bent[bit / 8] ^= 1 << (bit % 8);
        let refused = engine.ue_handover(pair.ue, &bent, Some(&from_eps));
        assert!(refused.is_err(), "bit {bit}");
        assert_eq!(state(&engine, pair.ue), before, "bit {bit}");
    }
    let k_gnb_of_ue = engine.ue_handover(pair.ue, value, Some(&from_eps)).unwrap();
    assert_eq!(k_gnb_of_ue, Some(k_gnb(&k_amf, u32::MAX, GPP)));
    engine.handover_done(pair.amf).unwrap();
    pair.talk(&engine, GPP);
    for handle in [pair.amf, pair.ue] {
        assert_eq!(current(&engine, handle).2, ng_ksi);
        let session = engine.session(handle).unwrap();
        let native = session.security.context(Place::NonCurrent).unwrap();
        assert_eq!(*native.k_amf(), common::k_amf(1), "kept beside it");
    }
    let native = NewKey {
        ng_ksi: NgKsi::native(5).unwrap(),
        ..key
    };
    for (key, ncc, error) in [(key, 8, Error::Argument), (native, 0, Error::NgKsi)] {
        let activation = Activation::Mapped { key, ncc };
        let refused = engine.handover_prepare(pair.amf, &ask(activation, None));
        assert_eq!(refused.err(), Some(error));
    }
}

#[test]
fn every_octet_of_a_container_counts_and_nothing_unauthenticated_changes_a_session() {
    for activation in [Activation::Current, Activation::Horizontal] {
        for algorithms in [with(2, 2), with(1, 3)] {
            let engine = engine(2, 2);
            let pair = Pair::secured(&engine, 1);
            pair.talk(&engine, GPP);
            let container = engine
                .handover_prepare(pair.amf, &ask(activation, algorithms))
                .unwrap();
            let value = container.value();
            let before = state(&engine, pair.ue);
            for bit in 0..8 * value.len() {
                let mut bent = value.to_vec();
                bent[bit / 8] ^= 1 << (bit % 8);
                let refused = engine.ue_handover(pair.ue, &bent, None);
                assert!(refused.is_err(), "bit {bit}");
                assert_eq!(state(&engine, pair.ue), before, "bit {bit}");
            }
            for len in [0, 6, 8, 9] {
                let mut other = value.to_vec();
                other.resize(len, 0);
                let refused = engine.ue_handover(pair.ue, &other, None);
                assert_eq!(refused, Err(Error::MalformedIe));
            }
            assert_eq!(state(&engine, pair.ue), before);
            engine.ue_handover(pair.ue, value, None).unwrap();
            engine.handover_done(pair.amf).unwrap();
            pair.talk(&engine, GPP);
        }
    }
}

#[test]
fn an_old_container_of_a_new_key_is_refused() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let first = hand_over(&engine, &pair, &ask(Activation::Horizontal, None));
    pair.talk(&engine, GPP);
    let before = state(&engine, pair.ue);
    let again = engine.ue_handover(pair.ue, first.value(), None);
    assert_eq!(again, Err(Error::Mac));
    assert_eq!(state(&engine, pair.ue), before);
    let roles = [
        engine.ue_handover(pair.amf, first.value(), None).err(),
        engine
            .handover_prepare(pair.ue, &ask(Activation::Current, None))
            .err(),
    ];
    assert_eq!(roles, [Some(Error::Role); 2]);
}

#[test]
fn a_handover_that_fails_leaves_the_context_in_use() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    for activation in [Activation::Current, Activation::Horizontal] {
        for algorithms in [None, with(3, 3)] {
            let (key, before, _) = current(&engine, pair.amf);
            let (next, _) = counts(&engine, pair.amf);
            let container = engine
                .handover_prepare(pair.amf, &ask(activation, algorithms))
                .unwrap();
            assert_eq!(container.count, Some(next));
            // Messages go on meanwhile, under COUNTs behind the container's.
            pair.talk(&engine, GPP);
            engine.handover_failed(pair.amf).unwrap();
            assert_eq!(counts(&engine, pair.amf).0, next + 2);
            let (after, algorithms, _) = current(&engine, pair.amf);
            assert_eq!((after, algorithms), (key, before));
            pair.talk(&engine, GPP);
        }
    }
    assert_eq!(engine.handover_failed(pair.amf), Err(Error::Unexpected));
    assert_eq!(engine.handover_done(pair.amf), Err(Error::Unexpected));
    hand_over(&engine, &pair, &ask(Activation::Horizontal, with(1, 1)));
    pair.talk(&engine, GPP);
}

/// TS 33.501 6.9.5.
#[test]
fn r42_one_key_change_at_a_time() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let prepare = || {
        engine
            .handover_prepare(pair.amf, &ask(Activation::Horizontal, None))
            .err()
    };
    for kind in [KeyChange::N2, KeyChange::InterAmfHandover] {
        engine.begin_key_change(pair.amf, kind).unwrap();
        assert_eq!(prepare(), Some(Error::Conflict));
        engine.end_key_change(pair.amf, kind).unwrap();
    }
    let command = pair.command(&engine, GPP, smc::Activation::Current);
    assert_eq!(prepare(), Some(Error::Conflict));
    let mut out = [0; 400];
    let abort = smc::Event::Abort;
    engine.smc_event(pair.amf, abort, &mut out).unwrap();
    drop(command);
    assert_eq!(prepare(), None);
    assert_eq!(prepare(), Some(Error::Conflict), "it runs");
    for kind in [
        KeyChange::Handover,
        KeyChange::Exported,
        KeyChange::SecurityMode,
    ] {
        let verbs = [
            engine.begin_key_change(pair.amf, kind),
            engine.end_key_change(pair.amf, kind),
        ];
        assert_eq!(verbs, [Err(Error::Argument); 2]);
    }
    let request = smc::Request::new(GPP, smc::Activation::Current);
    let command = engine.smc_command(pair.amf, &request, &mut out);
    assert_eq!(command.err(), Some(Error::Conflict));
    let mut record = Record::new();
    let exported = export(engine.table(), pair.amf, Extent::Connections, &mut record);
    assert_eq!(exported, Err(Error::Conflict));
    let authenticated = engine.authenticated(pair.amf, identity(2, 3));
    assert_eq!(authenticated, Err(Error::Conflict));
    engine.handover_failed(pair.amf).unwrap();
    pair.talk(&engine, GPP);
    pair.run_smc(&engine, GPP, smc::Activation::Current);
}

#[test]
fn what_ends_the_connection_ends_the_handover() {
    let engine = engine(2, 2);
    for released in [true, false] {
        let pair = Pair::secured(&engine, 10 + u64::from(released));
        engine
            .handover_prepare(pair.amf, &ask(Activation::Horizontal, None))
            .unwrap();
        engine.connection_released(pair.amf, N3GPP).unwrap();
        let session = engine.session(pair.amf).unwrap();
        assert_eq!(session.security.key_change(), Some(KeyChange::Handover));
        drop(session);
        if released {
            engine.connection_released(pair.amf, GPP).unwrap();
        } else {
            engine.deregister(pair.amf, Deregistration::Keep).unwrap();
        }
        let session = engine.session(pair.amf).unwrap();
        assert_eq!(session.security.key_change(), None);
        assert_eq!(session.security.contexts().count(), 1);
        drop(session);
        assert_eq!(engine.handover_done(pair.amf), Err(Error::Unexpected));
    }
}

/// TS 33.501 6.3.2: the access that did not move keeps the context before until its own security mode command.
#[test]
fn the_second_access_waits_for_a_command_of_its_own() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    pair.run_smc(&engine, N3GPP, smc::Activation::Current);
    pair.talk(&engine, N3GPP);
    hand_over(&engine, &pair, &ask(Activation::Horizontal, None));
    pair.talk(&engine, GPP);
    pair.talk(&engine, N3GPP);
    for activation in [Activation::Current, Activation::Horizontal] {
        let again = engine.handover_prepare(pair.amf, &ask(activation, None));
        assert_eq!(again.err(), Some(Error::Conflict));
    }
    pair.run_smc(&engine, N3GPP, smc::Activation::Current);
    pair.talk(&engine, N3GPP);
    pair.talk(&engine, GPP);
    hand_over(&engine, &pair, &ask(Activation::Current, with(1, 1)));
    pair.talk(&engine, GPP);
}

/// TS 33.501 6.7.1: what the UE does not support, or less than what is in use, is neither sent nor obeyed.
#[test]
fn no_bidding_down() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let cases = [
        (with(0, 2), Error::NoCommonCiphering),
        (with(0, 0), Error::NullIntegrity),
        (with(2, 0), Error::NullIntegrity),
    ];
    let (key, ..) = current(&engine, pair.amf);
    for activation in [Activation::Current, Activation::Horizontal] {
        let (before, of_ue) = (state(&engine, pair.amf), state(&engine, pair.ue));
        for (algorithms, error) in cases {
            let refused = engine.handover_prepare(pair.amf, &ask(activation, algorithms));
            assert_eq!(refused.err(), Some(error));
            // The same from an AMF that knows no better, its MAC right.
            let Algorithms { nea, nia } = algorithms.unwrap();
            let (change, sn) = (matches!(activation, Activation::Horizontal), 1);
            let octets = [nea.id() << 4 | nia.id(), u8::from(change) << 4, sn];
            let key = if change {
                k_amf_prime(&key, HorizontalDirection::Handover, sn.into())
            } else {
                key.clone()
            };
            let mac = if nia == Nia::Nia0 {
                [0; 4]
            } else {
                container_mac(&key, nia, &octets)
            };
            let value = [&mac[..], &octets].concat();
            assert_eq!(engine.ue_handover(pair.ue, &value, None), Err(error));
        }
        for octet in [0x42, 0x24, 0xF2, 0x2F] {
            let value = [0, 0, 0, 0, octet, 0, 1];
            let refused = engine.ue_handover(pair.ue, &value, None);
            assert_eq!(refused, Err(Error::AlgorithmNotSupported));
        }
        assert_eq!(state(&engine, pair.amf), before);
        assert_eq!(state(&engine, pair.ue), of_ue);
    }
    let other = NgKsi::native(3).unwrap().bits();
    let refused = engine.ue_handover(pair.ue, &[0, 0, 0, 0, 0x22, other, 1], None);
    assert_eq!(refused, Err(Error::NgKsi));
}

/// TS 33.501 D.1: zeros are sent, the receiver does not look; no new K_AMF comes from a session without authentication.
#[test]
fn null_integrity_of_an_emergency_session() {
    let mut config = Config::for_sessions(64);
    config.smc.policy = Policy::from_ids(&[0], &[2, 0]).unwrap();
    config.thresholds = Thresholds {
        warning: 0,
        urgent: 0,
    };
    let engine = Engine::new(&config).unwrap();
    let pair = Pair {
        amf: engine.establish(Role::Amf).unwrap(),
        ue: engine.establish(Role::Ue).unwrap(),
    };
    let mine = k_amf(7);
    let given = Identity {
        emergency: true,
        ..identity(8, 0)
    };
    engine.authenticated(pair.amf, given).unwrap();
    let command = pair.command(&engine, GPP, smc::Activation::Partial);
    let mut env = engine.ue_env(capability());
    env.emergency = Some(&mine);
    let mut out = vec![0; 512];
    let answer = engine.ue_command(pair.ue, (GPP, &command), &env, &mut out);
    let Ok(smc::Answer::Complete(sent)) = answer else {
        panic!("{answer:?}")
    };
    let mut plain = vec![0; 512];
    let received = engine.verify(pair.amf, GPP, &out[..sent.len], &mut plain);
    assert_eq!(received.verdict.result, Ok(()));
    let refused = engine.handover_prepare(pair.amf, &ask(Activation::Horizontal, None));
    assert_eq!(refused.err(), Some(Error::Horizontal));
    let container = hand_over(&engine, &pair, &ask(Activation::Current, None));
    assert_eq!(container.value()[..5], [0; 5]);
    assert!(container.count.is_some());
    assert_eq!(container.near_wrap, NearWrap::No, "these COUNTs wrap");
    let mut other = container.value().to_vec();
    other[..4].copy_from_slice(&[1, 2, 3, 4]);
    assert_eq!(engine.ue_handover(pair.ue, &other, None), Ok(None));
    other[5] |= 0x10;
    let refused = engine.ue_handover(pair.ue, &other, None);
    assert_eq!(refused, Err(Error::Horizontal));
    let raised = engine.handover_prepare(pair.amf, &ask(Activation::Current, with(0, 2)));
    assert_eq!(
        raised.err(),
        Some(Error::NullIntegrity),
        "it shares no COUNTs with a key"
    );
    pair.talk(&engine, GPP);
}

#[test]
fn warnings_and_the_end_of_count() {
    let mut config = Config::for_sessions(64);
    config.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
    config.thresholds = Thresholds {
        warning: 3,
        urgent: 5,
    };
    let engine = Engine::new(&config).unwrap();
    let pair = Pair::secured(&engine, 1);
    let near: Vec<_> = (0..6)
        .map(|_| hand_over(&engine, &pair, &ask(Activation::Current, None)).near_wrap)
        .collect();
    let (no, warning, urgent) = (NearWrap::No, NearWrap::Warning, NearWrap::Urgent);
    assert_eq!(near, [no, no, warning, warning, urgent, urgent]);
    hand_over(&engine, &pair, &ask(Activation::Horizontal, None));
    let fresh = hand_over(&engine, &pair, &ask(Activation::Current, None));
    assert_eq!((fresh.count, fresh.near_wrap), (Some(0), no));
}

#[test]
fn without_a_context_there_is_nothing_to_hand_over() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, 1);
    for activation in [Activation::Current, Activation::Horizontal] {
        let refused = engine.handover_prepare(pair.amf, &ask(activation, None));
        assert_eq!(refused.err(), Some(Error::NoContext));
    }
    let value = [0, 0, 0, 0, 0x22, 0, 0];
    let refused = engine.ue_handover(pair.ue, &value, None);
    assert_eq!(refused, Err(Error::NoContext));
    let container = engine.handover_prepare(pair.amf, &ask(Activation::Current, None));
    assert!(!format!("{container:?}").contains("k_gnb"));
    engine.release(pair.amf).unwrap();
    let stale = engine.handover_prepare(pair.amf, &ask(Activation::Current, None));
    assert_eq!(stale.err(), Some(Error::Handle));
}

/// The UE may have obeyed by the time the AMF is killed: what was prepared is there afterwards.
#[cfg(target_os = "linux")]
#[test]
fn a_handover_outlives_its_process() {
    use naslane::session::Folder;
    use naslane::store::KeyRing;

    let path = std::env::temp_dir().join(format!("naslane-handover-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let mut config = Config::for_sessions(64);
    config.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
    let open = || Engine::open(&config, &Folder::new(&path, KeyRing::single(1, [0x11; 32])));
    let mut engine = open().unwrap();
    let ues = common::engine(2, 2);
    // The UE half lives elsewhere: it is not what is killed.
    let pair = Pair {
        amf: engine.establish(Role::Amf).unwrap(),
        ue: ues.establish(Role::Ue).unwrap(),
    };
    engine.authenticated(pair.amf, identity(1, 0)).unwrap();
    ues.authenticated(pair.ue, identity(1, 0)).unwrap();
    let mut out = [0; 512];
    let request = smc::Request::new(GPP, smc::Activation::Partial);
    let sent = engine.smc_command(pair.amf, &request, &mut out).unwrap();
    let (_, complete) = pair.answer(&ues, GPP, &out[..sent.len]);
    assert!(verify(&engine, pair.amf, GPP, &complete).is_ok());
    let talk = |engine: &Engine| {
        let down = protect(engine, pair.amf, GPP, DOWNLINK);
        assert_eq!(verify(&ues, pair.ue, GPP, &down), Ok(DOWNLINK.to_vec()));
        let up = protect(&ues, pair.ue, GPP, UPLINK);
        assert_eq!(verify(engine, pair.amf, GPP, &up), Ok(UPLINK.to_vec()));
    };
    talk(&engine);
    for (activation, algorithms) in [
        (Activation::Current, with(1, 1)),
        (Activation::Horizontal, with(2, 2)),
        (Activation::Current, None),
    ] {
        for arrives in [false, true] {
            let container = engine
                .handover_prepare(pair.amf, &ask(activation, algorithms))
                .unwrap();
            if arrives {
                let k_gnb = ues.ue_handover(pair.ue, container.value(), None).unwrap();
                assert_eq!(k_gnb, container.k_gnb);
            }
            drop(engine);
            engine = open().unwrap();
            let refused = engine.handover_prepare(pair.amf, &ask(activation, algorithms));
            assert_eq!(refused.err(), Some(Error::Conflict), "it still runs");
            if arrives {
                engine.handover_done(pair.amf).unwrap();
            } else {
                engine.handover_failed(pair.amf).unwrap();
            }
            talk(&engine);
            drop(engine);
            engine = open().unwrap();
            talk(&engine);
        }
    }
    drop(engine);
    std::fs::remove_dir_all(path).unwrap();
}
