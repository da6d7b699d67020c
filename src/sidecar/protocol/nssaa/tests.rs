//! The procedure's requests and responses against themselves and against any octets.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::super::{Frame, HEADER, MAX_MESSAGE, Request, Response};
use super::*;
use crate::base::AccessType;
use crate::engine::Job;
use crate::engine::nssaa::{NSSAA_ROOM, NssaaState};
use crate::nas::nssaa::{EapMessage, Rejected, RejectionCause, Slice};
use crate::procedure::nssaa::{
    AaaAnswer, Action, Admission, Downlink, Reachability, Refusals, SecondAccess, Status, Step,
    Subscribed,
};

fn same(request: NssaaRequest<'_>) {
    let request = Request::Nssaa(request);
    let mut frame = Frame::new();
    request.write(7, &mut frame).unwrap();
    assert_eq!(Request::read(frame.octets()), Ok((7, request)));
    for len in 0..frame.octets().len() {
        assert!(Request::read(&frame.octets()[..len]).is_err());
    }
}

fn answered(response: NssaaResponse<'_>) {
    let response = Response::Nssaa(response);
    let mut frame = Frame::new();
    response.write(9, &mut frame).unwrap();
    assert_eq!(Response::read(frame.octets()), Ok((9, response)));
    for len in 0..frame.octets().len() {
        assert!(Response::read(&frame.octets()[..len]).is_err());
    }
}

fn s_nssais() -> impl Strategy<Value = SNssai> {
    (any::<u8>(), of(any::<[u8; 3]>())).prop_map(|(sst, sd)| SNssai { sst, sd })
}

fn slices() -> impl Strategy<Value = Slice> {
    (s_nssais(), of(s_nssais())).prop_map(|(s_nssai, mapped)| Slice { s_nssai, mapped })
}

fn subscriptions() -> impl Strategy<Value = Vec<Subscribed>> {
    let one =
        (slices(), any::<bool>(), any::<bool>()).prop_map(|(slice, nssaa, default)| Subscribed {
            slice,
            nssaa,
            default,
        });
    vec(one, 0..20)
}

fn accesses() -> impl Strategy<Value = AccessType> {
    any::<bool>().prop_map(|other| AccessType::ALL[usize::from(other)])
}

fn settings() -> impl Strategy<Value = NssaaSettings> {
    let second = |run| {
        if run {
            SecondAccess::Run
        } else {
            SecondAccess::Skip
        }
    };
    (
        any::<(u32, u32, u8, u8)>(),
        any::<[bool; 5]>(),
        accesses(),
        any::<u8>(),
    )
        .prop_map(
            move |(
                (t3575_seconds, retry_seconds, retransmissions, retries),
                flags,
                prefer,
                maximum,
            )| {
                let [success, failure, page, keep_allowed, register_again] = flags;
                NssaaSettings {
                    t3575_seconds,
                    retransmissions,
                    retry_seconds,
                    retries,
                    after_success: second(success),
                    after_failure: second(failure),
                    prefer,
                    page,
                    keep_allowed,
                    register_again,
                    maximum_ues_as: RejectionCause(maximum),
                }
            },
        )
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets in vec(any::<u8>(), 0..200), kind in 0_u16..12) {
        for kind in [super::verb::FIRST + kind, form::FIRST + kind] {
            let mut message = ((octets.len() + HEADER) as u32).to_le_bytes().to_vec();
            message.extend(kind.to_le_bytes());
            message.extend([0; 10]);
            message.extend(&octets);
            let mut frame = Frame::new();
            if let Ok((number, request)) = Request::read(&message) {
                request.write(number, &mut frame).unwrap();
                prop_assert_eq!(frame.octets(), message.as_slice());
            }
            if let Ok((number, response)) = Response::read(&message) {
                response.write(number, &mut frame).unwrap();
                prop_assert_eq!(frame.octets(), message.as_slice());
            }
        }
    }

    #[test]
    fn every_request_comes_back(
        session in any::<u64>(), octet in any::<u8>(), other in any::<u8>(), room in any::<u32>(),
        pdu in vec(any::<u8>(), 0..300), gpsi in "[a-z0-9.@-]{0,40}", subscribed in subscriptions(),
        s_nssai in s_nssais(), settings in settings(),
    ) {
        let octets = SliceList::octets_of(subscribed.iter().copied()).unwrap();
        let list = SliceList::over(&octets).unwrap();
        prop_assert_eq!(list.subscribed(), subscribed.clone());
        let plain = subscribed.iter().all(|one| !one.nssaa && !one.default);
        prop_assert_eq!(list.slices().is_ok(), plain);
        for request in [
            NssaaRequest::Settings,
            NssaaRequest::Configure(settings),
            NssaaRequest::Refusals,
            NssaaRequest::Subscribe { session, gpsi: &gpsi, slices: list },
            NssaaRequest::Register { session, access: octet, flags: other, asked: list },
            NssaaRequest::Uplink { session, access: octet, room, pdu: &pdu },
            NssaaRequest::Gpsi(session),
            NssaaRequest::Status { session, s_nssai },
            NssaaRequest::State(session),
            NssaaRequest::Hosted,
            NssaaRequest::Bell,
            NssaaRequest::Ready { most: u16::from(octet) << 8 | u16::from(other) },
        ] {
            same(request);
            prop_assert_eq!(request.session().is_some(), !matches!(
                request,
                NssaaRequest::Settings | NssaaRequest::Configure(_) | NssaaRequest::Refusals | NssaaRequest::Hosted
                    | NssaaRequest::Bell | NssaaRequest::Ready { .. }
            ));
        }
    }

    #[test]
    fn every_event_comes_back(
        session in any::<u64>(), most in any::<u8>(), transaction in any::<u32>(), access in accesses(),
        message in vec(any::<u8>(), 0..300), s_nssai in s_nssais(), refused in any::<bool>(),
        data in vec(any::<u8>(), 1..200), identifier in any::<u8>(),
    ) {
        let len = (data.len() + 4) as u16;
        let eap = [&[1, identifier][..], &len.to_be_bytes(), &data].concat();
        let eap = EapMessage::parse(&eap).unwrap();
        let answers = [
            AaaAnswer::Continue(eap), AaaAnswer::Success(eap), AaaAnswer::Failure(eap), AaaAnswer::Refused,
            AaaAnswer::ContextLost, AaaAnswer::Unreachable,
        ];
        let events = [
            Event::Registered(access),
            Event::Access(access, Reachability::Deregistered),
            Event::Access(access, Reachability::Idle),
            Event::Access(access, Reachability::Connected),
            Event::UplinkActivity(access),
            Event::Unreachable(access),
            Event::Complete { access, message: &message },
            Event::T3575Expired,
            Event::RetryExpired,
            Event::RunnerLost,
            Event::ReauthNotification(s_nssai),
            Event::RevocationNotification(s_nssai),
            Event::OperatorPolicy(s_nssai),
            Event::AdmissionControl { access, s_nssai, refused },
            Event::UpdateCompleted(access),
            Event::UpdateLost(access),
        ];
        let answers = answers.map(|answer| Event::Aaa { transaction, answer });
        for event in events.into_iter().chain(answers).map(Some).chain([None]) {
            same(NssaaRequest::Step { session, event, most });
        }
    }

    #[test]
    fn every_response_comes_back(
        settings in settings(), gpsi in "[a-z0-9.@-]{0,40}", counts in any::<[u32; 4]>(), octets in any::<[u8; 7]>(),
        plain in vec(any::<u8>(), 0..300), list in vec(slices(), 0..8), s_nssai in s_nssais(), named in any::<bool>(),
        access in accesses(), flag in any::<bool>(), back_off in of(any::<u8>()),
    ) {
        let refusals = Refusals { malformed: counts[0], wrong_slice: counts[1], unexpected: counts[2] };
        answered(NssaaResponse::Settings(settings));
        answered(NssaaResponse::Refusals(refusals));
        answered(NssaaResponse::Text(gpsi));
        let rejected = list.iter().map(|&slice| Rejected { slice, cause: RejectionCause(octets[0]), back_off });
        let admission = Admission {
            allowed: list.iter().copied().collect(),
            pending: list.iter().rev().copied().collect(),
            rejected: rejected.collect(),
            extended: flag,
        };
        answered(NssaaResponse::Admission(Box::new(admission)));
        let [message_type, sht, follow_up, event, diagnosis, flags, cause] = octets;
        let report = Job {
            status: counts[3] as i32, out_len: plain.len() as u32, count: counts[0], part_offset: counts[1],
            part_len: counts[2], message_type, sht, follow_up, event, diagnosis, flags, cause, ..Job::default()
        };
        for procedure in [None, Some(Ok(())), Some(Err(Error::Slice))] {
            answered(NssaaResponse::Uplink(Uplinked { report, procedure, plain: &plain }));
        }
        let (len, seconds, transaction) = (plain.len(), counts[0], counts[1]);
        let s_nssai_or_none = named.then_some(s_nssai);
        let slice = Slice { s_nssai, mapped: s_nssai_or_none };
        let mut actions = ActionList::new();
        for message in [Downlink::Command, Downlink::Result, Downlink::ConfigurationUpdate, Downlink::Deregistration] {
            actions.push((Action::Send { access, message, s_nssai: s_nssai_or_none, len }, &plain[..]));
        }
        for step in [Step::Start, Step::Continue] {
            actions.push((Action::Ask { transaction, step, s_nssai, len }, &plain));
        }
        for action in [
            Action::StartT3575 { seconds }, Action::StopT3575, Action::StartRetry { seconds }, Action::StopRetry,
            Action::ReleaseSessions(slice), Action::Reach(access),
        ] {
            actions.push((action, &[]));
        }
        for (event, poll) in [(Ok(()), Ok(())), (Err(Error::Unexpected), Err(Error::NotSecured))] {
            answered(NssaaResponse::Step(Stepped { event, poll, more: flag, actions: actions.clone() }));
        }
        let statuses = [Status::Pending, Status::EapSuccess, Status::EapFailure];
        answered(NssaaResponse::State(NssaaState {
            statuses: statuses.map(|status| (s_nssai, status)).to_vec(),
            allowed: [list.clone(), Vec::new()],
            pending: [Vec::new(), list],
            running: named.then_some((s_nssai, access)),
            settled: flag,
            refusals,
        }));
    }
}

#[test]
fn lists_and_messages_have_an_end() {
    let one = Subscribed {
        slice: SNssai::sst(1).into(),
        nssaa: true,
        default: false,
    };
    let octets = SliceList::octets_of([one; 64].into_iter()).unwrap();
    assert_eq!(SliceList::over(&octets).unwrap().subscribed(), [one; 64]);
    let more = [octets.as_slice(), &octets[..11]].concat();
    assert_eq!(SliceList::over(&more), Err(Error::TooLong));
    assert_eq!(SliceList::over(&octets[..10]), Err(Error::Argument));
    let many = SliceList::octets_of([one; 65].into_iter());
    assert_eq!(many, Err(Error::TooLong));
    for (place, octet) in [(0, 8), (0, 0x82), (2, 2), (3, 1), (6, 1)] {
        let mut wrong = octets.clone();
        wrong[place] ^= octet;
        assert_eq!(SliceList::over(&wrong), Err(Error::Argument), "{place}");
    }
    let pdu = vec![0; UPLINK_MAX + 1];
    let uplink = |pdu| {
        Request::Nssaa(NssaaRequest::Uplink {
            session: 1,
            access: 1,
            room: 1,
            pdu,
        })
    };
    let mut frame = Frame::new();
    assert_eq!(uplink(&pdu).write(1, &mut frame), Err(Error::TooLong));
    uplink(&pdu[1..]).write(1, &mut frame).unwrap();
    // What the longest request leads to fits into a response, and so do the most actions.
    let uplinked = NssaaResponse::Uplink(Uplinked {
        report: Job::default(),
        procedure: None,
        plain: &pdu[1..],
    });
    Response::Nssaa(uplinked).write(1, &mut frame).unwrap();
    let send = Action::Send {
        access: AccessType::ThreeGpp,
        message: Downlink::Command,
        s_nssai: None,
        len: NSSAA_ROOM,
    };
    let stepped = NssaaResponse::Step(Stepped {
        event: Ok(()),
        poll: Ok(()),
        more: true,
        actions: [(send, &pdu[..NSSAA_ROOM]); ACTIONS_MAX].into(),
    });
    Response::Nssaa(stepped).write(1, &mut frame).unwrap();
    assert!(frame.octets().len() < MAX_MESSAGE);
}
