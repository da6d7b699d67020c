//! What went wrong in real AMFs, as tests: the rows about COUNT, replay, acceptance and headers, at the door that
//! an AMF uses. (Rows about kernels, wire format, derivation, procedure and sessions are tested in their rooms.)

mod common;

use common::*;
use naslane::base::{AccessType, Error, NgKsi};
use naslane::engine::{Config, Engine};
use naslane::kdf::KAmf;
use naslane::nas::compose::{RegistrationRequest, ServiceRequest};
use naslane::nas::{FollowUp, MessageType, STmsi, SecurityHeaderType};
use naslane::procedure::smc::{Activation, Answer};
use naslane::security::protect::Form;
use naslane::security::{Diagnosis, Identity, KeyChange, Place, Role};
use naslane::session::record::{Extent, Record, export, import};
use proptest::prelude::*;

/// A fingerprint of everything that a message could change, except the export's own freeze: COUNTs and states of
/// both accesses as `Debug` shows them.
fn state(engine: &Engine, pair: &Pair) -> String {
    let session = engine.session(pair.amf).unwrap();
    let counts: Vec<_> = Place::ALL
        .into_iter()
        .flat_map(|place| {
            AccessType::ALL.map(|access| {
                session
                    .security
                    .pair(place, access)
                    .map(|p| format!("{p:?}"))
            })
        })
        .collect();
    format!("{:?} {:?} {counts:?}", session.security, session.smc)
}

/// Every message is refused with this error and leaves the session bit-identical and the output untouched.
fn refused(engine: &Engine, pair: &Pair, pdu: &[u8], error: Error) {
    let before = state(engine, pair);
    let mut out = vec![0xC5; pdu.len() + 8];
    let received = engine.verify(pair.amf, GPP, pdu, &mut out);
    assert_eq!(received.verdict.result, Err(error), "{pdu:02x?}");
    assert!(
        out.iter().all(|&octet| octet == 0xC5),
        "something was written"
    );
    assert_eq!(received.verdict.len, 0);
    assert_eq!(state(engine, pair), before);
}

#[test]
fn r01_a_resent_message_is_a_replay() {
    for (nea, nia) in [(0, 2), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        let message = pair.uplink(&engine, GPP);
        assert!(verify(&engine, pair.amf, GPP, &message).is_ok());
        for _ in 0..3 {
            refused(&engine, &pair, &message, Error::Replay);
        }
        pair.talk(&engine, GPP);
        refused(&engine, &pair, &message, Error::Replay);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn r02_no_order_of_a_stream_accepts_a_count_twice(
        order in prop::collection::vec(0_usize..60, 1..240),
        window in 0_u8..=64,
    ) {
        let mut config = Config::for_sessions(8);
        config.out_of_order = window;
        let engine = Engine::new(&config).unwrap();
        let pair = Pair::secured(&engine, 1);
        let stream: Vec<_> = (0..60).map(|_| pair.uplink(&engine, GPP)).collect();
        let mut accepted = std::collections::HashSet::new();
        for index in order {
            let mut out = vec![0; 64];
            let received = engine.verify(pair.amf, GPP, &stream[index], &mut out);
            match received.verdict.result {
                Ok(()) => {
                    prop_assert_eq!(&out[..received.verdict.len], UPLINK);
                    prop_assert_eq!(received.verdict.count, Some(index as u32 + 1));
                    prop_assert!(accepted.insert(index), "COUNT {} accepted twice", index + 1);
                }
                Err(error) => {
                    prop_assert_eq!(error, Error::Replay);
                    prop_assert!(window > 0 || accepted.iter().any(|&other| other >= index));
                }
            }
        }
    }
}

#[test]
fn r03_count_0_is_accepted_once() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, 1);
    let command = pair.command(&engine, GPP, Activation::Partial);
    let (_, complete) = pair.answer(&engine, GPP, &command);
    assert!(verify(&engine, pair.amf, GPP, &complete).is_ok());
    refused(&engine, &pair, &complete, Error::HeaderType);
}

#[test]
fn r04_a_forged_sequence_number_locks_nobody_out() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    for sn in [255, 0, 128, 254, 1] {
        let mut forged = pair.uplink(&engine, GPP);
        forged[6] = sn;
        refused(&engine, &pair, &forged, Error::Mac);
    }
    pair.talk(&engine, GPP);
}

#[test]
fn r05_header_types_3_and_4_reset_nothing() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, 1);
    let command = pair.command(&engine, GPP, Activation::Partial);
    let (_, complete) = pair.answer(&engine, GPP, &command);
    assert!(verify(&engine, pair.amf, GPP, &complete).is_ok());
    for _ in 0..20 {
        pair.talk(&engine, GPP);
    }
    refused(&engine, &pair, &complete, Error::HeaderType);
    for sht in [3, 4] {
        let mut forged = pair.uplink(&engine, GPP);
        forged[1] = sht;
        refused(&engine, &pair, &forged, Error::HeaderType);
    }
    pair.talk(&engine, GPP);
}

#[test]
fn r06_the_overflow_carries_on_the_wire() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let (mut out, mut back) = ([0; 64], [0; 64]);
    for expected in 1..66_000 {
        let sent = engine.protect(pair.amf, GPP, DOWNLINK, &mut out).unwrap();
        assert_eq!(sent.count, expected);
        assert_eq!(u32::from(out[6]), expected & 0xFF);
        let received = engine.verify(pair.ue, GPP, &out[..sent.len], &mut back);
        assert_eq!(received.verdict.count, Some(expected));
    }
}

#[test]
fn r11_a_forged_message_does_not_spend_its_sequence_number() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let genuine = pair.uplink(&engine, GPP);
    let mut forged = genuine.clone();
    forged[3] ^= 1;
    refused(&engine, &pair, &forged, Error::Mac);
    assert!(verify(&engine, pair.amf, GPP, &genuine).is_ok());
}

#[test]
fn r15_each_access_has_its_own_counts() {
    let engine = engine(1, 1);
    let pair = Pair::secured(&engine, 1);
    pair.run_smc(&engine, N3GPP, Activation::Current);
    for i in 0..40 {
        let access = if i % 3 == 0 { N3GPP } else { GPP };
        pair.talk(&engine, access);
    }
    let message = pair.uplink(&engine, N3GPP);
    refused(&engine, &pair, &message, Error::Mac);
    assert_eq!(
        engine.diagnose(pair.amf, GPP, &message),
        Ok(Diagnosis::WrongAccess)
    );
    assert!(verify(&engine, pair.amf, N3GPP, &message).is_ok());
}

#[test]
fn r17_no_plaintext_leaves_when_the_mac_fails() {
    for (nea, nia) in [(0, 2), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        let genuine = pair.uplink(&engine, GPP);
        for bit in 16..genuine.len() * 8 {
            let mut forged = genuine.clone();
            forged[bit / 8] ^= 0x80 >> (bit % 8);
            refused(&engine, &pair, &forged, Error::Mac);
            let before = forged.clone();
            let received = engine.verify_in_place(pair.amf, GPP, &mut forged);
            assert_eq!(received.verdict.result, Err(Error::Mac));
            assert_eq!(forged, before, "in place, a bad message stays as it is");
        }
        assert_eq!(
            verify(&engine, pair.amf, GPP, &genuine),
            Ok(UPLINK.to_vec())
        );
    }
}

#[test]
fn r18_a_good_message_right_after_a_bad_one_is_accepted() {
    let engine = engine(3, 3);
    let pair = Pair::secured(&engine, 1);
    for _ in 0..5 {
        let genuine = pair.uplink(&engine, GPP);
        let mut forged = genuine.clone();
        *forged.last_mut().unwrap() ^= 0xFF;
        refused(&engine, &pair, &forged, Error::Mac);
        assert!(verify(&engine, pair.amf, GPP, &genuine).is_ok());
    }
}

#[test]
fn r19_plain_messages_after_secure_exchange_are_refused_by_type() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    for message in 0..=255 {
        refused(
            &engine,
            &pair,
            &[0x7E, 0, message, 0, 0, 0],
            Error::PlainRefused,
        );
    }
    engine.connection_released(pair.amf, GPP).unwrap();
    let before = state(&engine, &pair);
    let received = engine.verify(pair.amf, GPP, &[0x7E, 0, 0x41, 0x79, 0, 1, 0], &mut [0; 16]);
    assert_eq!(received.verdict.result, Err(Error::PlainAllowed));
    assert_eq!(received.follow_up(), FollowUp::AuthenticateThenSmcRinmr);
    assert!(!received.secured);
    assert_eq!(state(&engine, &pair), before);
}

#[test]
fn r20_no_input_of_the_ran_takes_part() {
    // The verbs take a handle, an access and octets: there is no argument for an establishment cause.
    let verify: fn(&Engine, naslane::session::Handle, AccessType, &[u8], &mut [u8]) -> _ =
        Engine::verify;
    let _ = verify;
}

#[test]
fn r21_unverified_messages_touch_no_context_and_verify_only_commits_nothing() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let message = pair.uplink(&engine, GPP);
    let before = state(&engine, &pair);
    for _ in 0..3 {
        let mut out = [0; 64];
        let received = engine.verify_only(pair.amf, GPP, &message, &mut out);
        assert_eq!(received.plain_len(), Ok(UPLINK.len()));
        assert_eq!(&out[..UPLINK.len()], UPLINK);
        assert_eq!(state(&engine, &pair), before);
    }
    assert!(verify(&engine, pair.amf, GPP, &message).is_ok());
    engine.connection_released(pair.amf, GPP).unwrap();
    let service = [
        0x7E, 1, 1, 2, 3, 4, 9, 0x7E, 0, 0x4C, 0x10, 0, 7, 0xF4, 0, 0, 1, 2, 3, 4,
    ];
    let before = state(&engine, &pair);
    let received = engine.verify(pair.amf, GPP, &service, &mut [0; 64]);
    assert_eq!(received.verdict.result, Err(Error::Mac));
    assert_eq!(
        received.verdict.message_type,
        Some(MessageType::SERVICE_REQUEST)
    );
    assert_eq!(received.follow_up(), FollowUp::ServiceRejectCause9);
    assert_eq!(received.diagnosis, Diagnosis::ServiceUnverified);
    assert_eq!(state(&engine, &pair), before);
}

#[test]
fn r22_after_a_reject_the_candidate_protects_nothing() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, 1);
    pair.command(&engine, GPP, Activation::Partial);
    let outcome = engine
        .smc_rejected_unprotected(pair.amf, naslane::nas::Cause(24))
        .unwrap();
    assert_eq!(outcome.diagnosis, Diagnosis::KeyOrCount);
    let mut out = [0; 64];
    assert_eq!(
        engine.protect(pair.amf, GPP, DOWNLINK, &mut out),
        Err(Error::NoContext)
    );
    refused(
        &engine,
        &pair,
        &[0x7E, 2, 0, 0, 0, 0, 1, 0x7E, 0, 0x4C],
        Error::NoContext,
    );
    assert_eq!(engine.k_gnb(pair.amf, GPP).err(), Some(Error::NoContext));
}

#[test]
fn r23_a_zero_mac_never_verifies() {
    for (nea, nia) in [(0, 2), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        let mut message = pair.uplink(&engine, GPP);
        message[2..6].fill(0);
        refused(&engine, &pair, &message, Error::Mac);
    }
}

#[test]
fn r24_a_session_without_context_refuses_everything() {
    let engine = engine(2, 2);
    let pair = Pair {
        amf: engine.establish(Role::Amf).unwrap(),
        ue: engine.establish(Role::Ue).unwrap(),
    };
    for sht in [1, 2] {
        refused(
            &engine,
            &pair,
            &[0x7E, sht, 0, 0, 0, 0, 0, 0x7E, 0, 0x67],
            Error::NoContext,
        );
    }
    let mut out = [0xC5; 64];
    assert_eq!(
        engine.protect(pair.amf, GPP, DOWNLINK, &mut out),
        Err(Error::NoContext)
    );
    assert!(out.iter().all(|&octet| octet == 0xC5));
    pair.authenticate(&engine, 1, 0);
    assert_eq!(
        engine.protect(pair.amf, GPP, DOWNLINK, &mut out),
        Err(Error::NoContext),
        "a partial one too"
    );
}

#[test]
fn r25_null_integrity_has_four_zero_octets_and_a_sequence_number() {
    let mut config = Config::for_sessions(8);
    config.smc.policy = naslane::procedure::smc::Policy::from_ids(&[2, 0], &[2, 0]).unwrap();
    let engine = Engine::new(&config).unwrap();
    let amf = engine.establish(Role::Amf).unwrap();
    let identity = Identity {
        k_amf: KAmf::new([1; 32]),
        ng_ksi: NgKsi::native(0).unwrap(),
        ue_sec_cap: capability(),
        emergency: true,
    };
    engine.authenticated(amf, identity).unwrap();
    let pair = Pair { amf, ue: amf };
    let command = pair.command(&engine, GPP, Activation::Partial);
    assert_eq!(command[..7], [0x7E, 3, 0, 0, 0, 0, 0]);
    assert_eq!(command[10], 0, "NEA0 and NIA0");
}

#[test]
fn r26_a_failed_protect_writes_nothing_and_spends_no_count() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let mut out = [0xC5; 64];
    let nested = [0x7E, 2, 0, 0, 0, 0, 0, 0x7E, 0, 0x67];
    let smc = [0x7E, 0, 0x5D, 0x22, 0, 2, 0xF0, 0xF0];
    for (plain, error) in [
        (&[][..], Error::Short),
        (&[0x7E, 0], Error::Short),
        (&[0x2E, 0, 0xC1], Error::Discriminator),
        (&nested, Error::Nested),
        (&smc, Error::HeaderMismatch),
    ] {
        assert_eq!(engine.protect(pair.amf, GPP, plain, &mut out), Err(error));
    }
    assert_eq!(
        engine.protect(pair.amf, GPP, DOWNLINK, &mut out[..13]),
        Err(Error::BufferTooSmall)
    );
    assert_eq!(
        engine.protect(pair.amf, N3GPP, DOWNLINK, &mut out),
        Err(Error::NotSecured)
    );
    let initial = Form::Initial(None);
    assert_eq!(
        engine.protect_as(pair.amf, GPP, (DOWNLINK, initial), &mut out),
        Err(Error::HeaderMismatch)
    );
    engine
        .begin_key_change(pair.amf, KeyChange::InterAmfHandover)
        .unwrap();
    assert_eq!(
        engine.protect(pair.amf, GPP, DOWNLINK, &mut out),
        Err(Error::Conflict)
    );
    engine
        .end_key_change(pair.amf, KeyChange::InterAmfHandover)
        .unwrap();
    assert!(out.iter().all(|&octet| octet == 0xC5), "zero octets out");
    assert_eq!(
        engine
            .protect(pair.amf, GPP, DOWNLINK, &mut out)
            .unwrap()
            .count,
        1
    );
}

#[test]
fn r27_the_command_is_never_ciphered_and_its_answer_always() {
    for (nea, nia) in [(1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::authenticated(&engine, 1);
        let command = pair.command(&engine, GPP, Activation::Partial);
        assert_eq!((command[1], &command[7..10]), (3, &[0x7E, 0, 0x5D][..]));
        let (answer, complete) = pair.answer(&engine, GPP, &command);
        assert!(matches!(answer, Answer::Complete(_)));
        assert_eq!(complete[1], 4);
        assert_ne!(&complete[7..10], &[0x7E, 0, 0x5E]);
        assert!(verify(&engine, pair.amf, GPP, &complete).is_ok());
        pair.authenticate(&engine, 2, 1);
        let command = pair.command(&engine, GPP, Activation::Partial);
        assert_eq!(
            (command[1], &command[7..10]),
            (3, &[0x7E, 0, 0x5D][..]),
            "inside a ciphered connection too"
        );
    }
}

#[test]
fn r28_the_header_type_says_what_was_done() {
    for (nea, nia) in [(0, 2), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        let down = pair.downlink(&engine, GPP);
        assert_eq!(down[1], SecurityHeaderType::Ciphered.bits());
        assert_eq!(down[7..] == *DOWNLINK, nea == 0, "NEA0 counts as ciphered");
    }
}

#[test]
fn r29_reserved_header_types_and_nested_messages_are_refused() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    for sht in 5..=15 {
        let mut message = pair.uplink(&engine, GPP);
        message[1] = sht;
        refused(&engine, &pair, &message, Error::HeaderType);
    }
    pair.talk(&engine, GPP);
}

#[test]
fn r31_r32_every_short_message_is_a_status() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let message = pair.uplink(&engine, GPP);
    for len in 0..10 {
        refused(&engine, &pair, &message[..len], Error::Short);
    }
    for len in 10..message.len() {
        refused(&engine, &pair, &message[..len], Error::Mac);
    }
}

#[test]
fn r36_messages_of_64_kib_are_handled() {
    for (nea, nia) in [(0, 2), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        let mut plain = vec![0xA7; 65_536];
        plain[..3].copy_from_slice(&[0x7E, 0, 0x67]);
        let pdu = protect(&engine, pair.ue, GPP, &plain);
        assert_eq!(verify(&engine, pair.amf, GPP, &pdu), Ok(plain));
    }
}

#[test]
fn r42_one_key_changing_procedure_at_a_time() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    pair.authenticate(&engine, 2, 1);
    engine.begin_key_change(pair.amf, KeyChange::N2).unwrap();
    let mut out = [0; 512];
    let request = naslane::procedure::smc::Request::new(GPP, Activation::Partial);
    assert_eq!(
        engine.smc_command(pair.amf, &request, &mut out).err(),
        Some(Error::Conflict)
    );
    engine.end_key_change(pair.amf, KeyChange::N2).unwrap();
    let command = pair.command(&engine, GPP, Activation::Partial);
    assert_eq!(
        engine.begin_key_change(pair.amf, KeyChange::N2),
        Err(Error::Conflict)
    );
    let (_, complete) = pair.answer(&engine, GPP, &command);
    assert!(verify(&engine, pair.amf, GPP, &complete).is_ok());
    engine.begin_key_change(pair.amf, KeyChange::N2).unwrap();
}

/// A UE that comes back from idle with a SERVICE REQUEST whose container is ciphered; returns the outer PDU and
/// the whole message.
fn service_request(engine: &Engine, pair: &Pair) -> (Vec<u8>, Vec<u8>) {
    let s_tmsi = STmsi {
        amf_set_pointer: 0x0102,
        tmsi: 0x0102_0304,
    };
    let ng_ksi = NgKsi::native(0).unwrap();
    let uplink_data_status = [0x40, 2, 0x20, 0];
    let request = ServiceRequest {
        ng_ksi,
        service_type: 1,
        s_tmsi,
        ies: &uplink_data_status,
        container: None,
    };
    let mut whole = vec![0; 64];
    let len = request.encode(&mut whole).unwrap().0;
    whole.truncate(len);
    let mut outer = vec![0; 128];
    let (len, part) = ServiceRequest {
        ies: &[],
        container: Some(&whole),
        ..request
    }
    .encode(&mut outer)
    .unwrap();
    outer.truncate(len);
    let mut pdu = vec![0; len + 7];
    engine
        .protect_as(pair.ue, GPP, (&outer, Form::Initial(part)), &mut pdu)
        .unwrap();
    (pdu, whole)
}

#[test]
fn r46_a_container_is_deciphered_only_after_its_message_verified() {
    for (nea, nia) in [(0, 2), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        engine.connection_released(pair.amf, GPP).unwrap();
        engine.connection_released(pair.ue, GPP).unwrap();
        let (pdu, whole) = service_request(&engine, &pair);
        let mut message = pdu[7..].to_vec();
        let call = |count, message: &mut Vec<u8>| {
            engine.decipher_container(pair.amf, (GPP, count), message)
        };
        assert_eq!(
            call(1, &mut message).err(),
            Some(Error::ContainerUnverified)
        );
        let plain = verify(&engine, pair.amf, GPP, &pdu).unwrap();
        assert_eq!(plain, message);
        assert_eq!(
            call(2, &mut message).err(),
            Some(Error::ContainerUnverified)
        );
        let (range, inner) = call(1, &mut message).unwrap();
        assert_eq!(
            (&message[range], inner),
            (&whole[..], MessageType::SERVICE_REQUEST)
        );
        assert_eq!(
            call(1, &mut message).err(),
            Some(Error::ContainerUnverified),
            "once only"
        );
        assert_eq!(
            engine
                .protect(pair.amf, GPP, DOWNLINK, &mut [0; 64])
                .unwrap()
                .sht,
            SecurityHeaderType::Ciphered
        );
    }
}

#[test]
fn r48_the_next_ng_ksi_is_neither_in_use_nor_cited() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let session = engine.session(pair.amf).unwrap();
    let next = session.security.next_ng_ksi(None).unwrap();
    assert_eq!(next, NgKsi::native(1).unwrap());
    assert_eq!(session.security.next_ng_ksi(Some(next)), NgKsi::native(2));
}

#[test]
fn r49_new_algorithms_mean_new_keys_and_the_counts_go_on() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    for _ in 0..10 {
        pair.talk(&engine, GPP);
    }
    let mut request = naslane::procedure::smc::Request::new(GPP, Activation::NewAlgorithms);
    request.algorithms = naslane::algorithm::Nea::from_id(1)
        .zip(naslane::algorithm::Nia::from_id(1))
        .map(|(nea, nia)| naslane::security::Algorithms { nea, nia });
    let mut out = vec![0; 512];
    let sent = engine.smc_command(pair.amf, &request, &mut out).unwrap();
    assert_eq!(sent.count, Some(11), "no reset without a new K_AMF");
    let (answer, complete) = pair.answer(&engine, GPP, &out[..sent.len]);
    assert!(matches!(answer, Answer::Complete(_)), "{answer:?}");
    assert_eq!(complete[6], 11);
    assert!(verify(&engine, pair.amf, GPP, &complete).is_ok());
    pair.talk(&engine, GPP);
}

#[test]
fn r50_a_moved_session_goes_on_where_it_stopped_and_the_old_one_is_silent() {
    let (here, there) = (engine(2, 2), engine(2, 2));
    let pair = Pair::secured(&here, 1);
    pair.talk(&here, GPP);
    let mut record = Record::new();
    export(here.table(), pair.amf, Extent::Connections, &mut record).unwrap();
    assert_eq!(
        here.protect(pair.amf, GPP, DOWNLINK, &mut [0; 64]),
        Err(Error::Conflict)
    );
    let late = pair.uplink(&here, GPP);
    refused(&here, &pair, &late, Error::Conflict);
    assert_eq!(
        here.end_key_change(pair.amf, KeyChange::InterAmfHandover),
        Err(Error::Unexpected),
        "only the call of the transfer ends an export"
    );
    assert_eq!(
        here.end_key_change(pair.amf, KeyChange::Exported),
        Err(Error::Argument)
    );
    let moved = import(there.table(), record.as_bytes()).unwrap();
    let mut out = [0; 64];
    assert_eq!(
        there.protect(moved, GPP, DOWNLINK, &mut out).unwrap().count,
        2
    );
    assert_eq!(verify(&there, moved, GPP, &late), Ok(UPLINK.to_vec()));
    assert_eq!(
        import(there.table(), record.as_bytes()).err(),
        Some(Error::KeyReused)
    );
}

#[test]
fn a_registration_request_over_the_whole_path() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    engine.connection_released(pair.amf, GPP).unwrap();
    let mut plain = vec![0; 128];
    let identity = [0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1];
    let request = RegistrationRequest {
        registration_type: 1,
        ng_ksi: NgKsi::native(0).unwrap(),
        identity: &identity,
        ue_sec_cap: Some(capability()),
        ies: &[],
        container: None,
    };
    let (len, _) = request.encode(&mut plain).unwrap();
    let mut pdu = vec![0; len + 7];
    engine
        .protect_as(pair.ue, GPP, (&plain[..len], Form::Initial(None)), &mut pdu)
        .unwrap();
    assert_eq!(pdu[1], 1);
    assert_eq!(
        verify(&engine, pair.amf, GPP, &pdu),
        Ok(plain[..len].to_vec())
    );
    pair.talk(&engine, GPP);
}
