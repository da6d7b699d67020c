//! The protocol against itself and against any octets.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::algorithm::{Nea, Nia};
use crate::base::{AccessType, NgKsi, Secret};
use crate::kdf::{KAmf, KGnb};
use crate::nas::UeSecurityCapability;
use crate::procedure::handover::Container;
use crate::procedure::smc::{self, Activation, Ending, NewKey};
use crate::security::{Algorithms, Diagnosis};

fn same(request: &Request<'_>) {
    let mut frame = Frame::new();
    request.write(7, &mut frame).unwrap();
    assert_eq!(Request::read(frame.octets()), Ok((7, *request)));
    // No shorter and no longer message reads as this one.
    let mut octets = frame.octets().to_vec();
    for len in 0..octets.len() {
        assert!(Request::read(&octets[..len]).is_err(), "{request:?} {len}");
    }
    octets.push(0);
    assert_eq!(Request::read(&octets), Err(Error::TooLong));
    let len = u32::try_from(octets.len()).unwrap();
    octets[..4].copy_from_slice(&len.to_le_bytes());
    assert!(Request::read(&octets).is_err(), "{request:?}");
}

fn answered(response: &Response<'_>) {
    let mut frame = Frame::new();
    response.write(9, &mut frame).unwrap();
    let (number, read) = Response::read(frame.octets()).unwrap();
    assert_eq!((number, &read), (9, response));
    for len in 0..frame.octets().len() {
        assert!(Response::read(&frame.octets()[..len]).is_err());
    }
}

fn container(value: &[u8], k_gnb: Option<[u8; 32]>) -> Container {
    let algorithms = Algorithms {
        nea: Nea::Nea3,
        nia: Nia::Nia1,
    };
    let mut container = Container::of(value, algorithms).unwrap();
    container.count = k_gnb.map(|_| 0xAB_CDEF);
    container.near_wrap = crate::security::NearWrap::Urgent;
    container.k_gnb = k_gnb.map(KGnb::new);
    container
}

prop_compose! {
    fn commands()(
        octets in any::<[u8; 8]>(),
        ul_count in any::<u32>(),
        k_amf_ng_ksi in any::<u8>(),
        parts in proptest::array::uniform7(of(vec(any::<u8>(), 0..80))),
    ) -> ([u8; 8], u32, u8, [Option<Vec<u8>>; 7]) {
        (octets, ul_count, k_amf_ng_ksi, parts)
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets in vec(any::<u8>(), 0..200), verb in 0_u16..52) {
        let _ = Request::read(&octets);
        let _ = Response::read(&octets);
        // The same behind a good header.
        for kind in [verb, 0x8000 + verb] {
            let mut message = ((octets.len() + HEADER) as u32).to_le_bytes().to_vec();
            message.extend(kind.to_le_bytes());
            message.extend([0; 10]);
            message.extend(&octets);
            if let Ok((number, request)) = Request::read(&message) {
                let mut frame = Frame::new();
                request.write(number, &mut frame).unwrap();
                prop_assert_eq!(frame.octets(), message.as_slice());
            }
            let _ = Response::read(&message);
        }
    }

    #[test]
    fn a_command_comes_back(given in commands(), session in any::<u64>()) {
        let ([access, target, nea, nia, ng_ksi, ongoing, flags, eps_algorithms], ul_count, k_amf_ng_ksi, parts) = given;
        let [k_amf, own, ue_sec_cap, s1_sec_cap, eap_success, abba, aun3_key] = &parts;
        let command = SmcCommand {
            access, target, nea, nia, ng_ksi, ongoing, flags, eps_algorithms, ul_count, k_amf_ng_ksi,
            k_amf: k_amf.as_deref().map(Key),
            k_amf_ue_sec_cap: own.as_deref(),
            ue_sec_cap: ue_sec_cap.as_deref(),
            s1_sec_cap: s1_sec_cap.as_deref(),
            eap_success: eap_success.as_deref(),
            abba: abba.as_deref(),
            aun3_key: aun3_key.as_deref().map(Key),
        };
        same(&Request::SmcCommand { session, room: ul_count, command });
        let _ = command.with(|_| Ok(()));
    }

    #[test]
    fn every_request_comes_back(
        session in any::<u64>(), octet in any::<u8>(), other in any::<u8>(), key in any::<[u8; 32]>(),
        number in any::<u32>(), octets in vec(any::<u8>(), 0..300),
    ) {
        for request in [
            Request::Ping(session),
            Request::Statistics,
            Request::OpenQueue { entries: number, arena: number },
            Request::CloseQueue(number),
            Request::Establish { tag: session },
            Request::Sessions { after: session },
            Request::Release(session),
            Request::Authenticated { session, k_amf: Key(&key), ng_ksi: octet, flags: other, ue_sec_cap: &octets },
            Request::NextNgKsi { session, cited: octet },
            Request::ConnectionReleased { session, access: octet },
            Request::Deregister { session, kind: octet },
            Request::BeginKeyChange { session, kind: octet },
            Request::EndKeyChange { session, kind: octet },
            Request::KGnb { session, access: octet },
            Request::PrepareNh(session),
            Request::CommitNh { session, nh: Key(&key), ncc: octet },
            Request::SmcEvent { session, room: number, event: octet, message_type: other },
            Request::SmcRejectedUnprotected { session, cause: octet },
            Request::Diagnose { session, access: octet, pdu: &octets },
            Request::Handover(HandoverRequest::Prepare(session, Preparation {
                activation: octet, nea: other, nia: octet, ng_ksi: other, ncc: octet, dl_count: number,
                k_amf: Some(Key(&key)), ue_sec_cap: Some(&octets),
            })),
            Request::Handover(HandoverRequest::Prepare(session, Preparation { nea: other, ..Preparation::default() })),
            Request::Handover(HandoverRequest::Done(session)),
            Request::Handover(HandoverRequest::Failed(session)),
        ] {
            same(&request);
        }
    }

    #[test]
    fn every_response_comes_back(
        number in any::<u64>(), word in any::<u32>(), octet in any::<u8>(), key in any::<[u8; 32]>(),
        pdu in vec(any::<u8>(), 0..300), rows in vec(any::<(u64, u64)>(), 0..40),
    ) {
        let sent = smc::Sent {
            len: pdu.len(),
            sht: crate::nas::SecurityHeaderType::IntegrityNew,
            count: (octet & 1 == 1).then_some(word),
            near_wrap: crate::security::NearWrap::Warning,
            diagnosis: Diagnosis::SmcLoop,
        };
        for response in [
            Response::Done,
            Response::Pong(number),
            Response::Session(number),
            Response::Octet(octet),
            Response::Key(Secret::new(key), octet),
            Response::Welcome(Welcome { version: 1, workers: 2, entries: word, arena: 4, sessions: 5, queues: 6, outstanding: 7, kept: 8 }),
            Response::Opened(Opened { queue: word, entries: 8, arena: word, workers: 2 }),
            Response::Statistics(Statistics { jobs: number, locked_bytes: number, ..Statistics::default() }),
            Response::Sessions(SessionList(rows)),
            Response::Message(sent, &pdu),
            Response::Container(container(&key[..7], None)),
            Response::Container(container(&key[..8], Some(key))),
            Response::Ended(Ended { ending: Ending::Rejected(crate::nas::Cause(octet)), diagnosis: Diagnosis::KeyOrCount }),
        ] {
            answered(&response);
        }
        for &error in crate::base::error::ALL {
            answered(&Response::Refused(error));
        }
    }
}

#[test]
fn a_hello_needs_the_magic_and_a_plain_name() {
    let hello = |name| {
        Request::Hello(Hello {
            versions: (1, 3),
            name,
        })
    };
    same(&hello(b""));
    same(&hello(b"amf-1.region_2"));
    let mut frame = Frame::new();
    for bad in [&b"a b"[..], b"a\n", &[b'a'; MAX_NAME + 1]] {
        hello(bad).write(1, &mut frame).unwrap();
        assert_eq!(Request::read(frame.octets()), Err(Error::Argument));
    }
    hello(b"").write(1, &mut frame).unwrap();
    let mut octets = frame.octets().to_vec();
    octets[HEADER] ^= 1;
    assert_eq!(Request::read(&octets), Err(Error::Version));
}

#[test]
fn versions_meet_in_the_newest_common_one() {
    assert_eq!(common_version((1, 1)), Ok(1));
    assert_eq!(common_version((1, 2)), Ok(2));
    assert_eq!(common_version((1, 3)), Ok(3));
    assert_eq!(common_version((0, 9)), Ok(4));
    assert_eq!(common_version((2, 9)), Ok(4));
    for none in [(5, 9), (0, 0), (1, 0)] {
        assert_eq!(common_version(none), Err(Error::Version));
    }
}

#[test]
fn a_message_has_an_end() {
    let mut frame = Frame::new();
    let long = vec![0; MAX_MESSAGE];
    let request = Request::Diagnose {
        session: 1,
        access: 1,
        pdu: &long,
    };
    assert_eq!(request.write(1, &mut frame), Err(Error::TooLong));
    let rows = vec![(0, 0); SessionList::MOST];
    answered(&Response::Sessions(SessionList(rows)));
    let rows = SessionList(vec![(0, 0); SessionList::MOST + 1]);
    let response = Response::Sessions(rows);
    assert_eq!(response.write(1, &mut frame), Err(Error::TooLong));
}

#[test]
fn a_request_of_the_procedure_survives_the_way() {
    let key = KAmf::new([7; 32]);
    let capability = UeSecurityCapability::from_value(&[0xF0, 0x70]).unwrap();
    let new_key = NewKey {
        k_amf: &key,
        ng_ksi: NgKsi::mapped(3).unwrap(),
        ue_sec_cap: Some(capability),
    };
    for activation in [
        Activation::Current,
        Activation::NewAlgorithms,
        Activation::Partial,
        Activation::NonCurrent,
        Activation::Horizontal { ul_count: 77 },
        Activation::HorizontalReceived(new_key),
        Activation::Mapped(new_key),
    ] {
        let mut request = smc::Request::new(AccessType::NonThreeGpp, activation);
        request.imeisv = true;
        request.retransmission = true;
        request.ng_ksi = NgKsi::native(2);
        request.abba = Some(&[0, 0]);
        let text = format!("{request:?}");
        let command = SmcCommand::of(&request);
        assert_eq!(
            command.with(|read| Ok(format!("{read:?}") == text)),
            Ok(true)
        );
        assert!(!format!("{command:?}").contains("7, 7"), "a key shows");
    }
}
