//! Results of slice authentication go with their session, in order and after a loss.

use naslane::base::Error;
use naslane::nas::nssaa::{EapMessage, SNssai, Slice};
use naslane::procedure::nssaa::{
    AaaAnswer, Action, Event, NssaaSettings, Reachability, Registration, Status, Subscribed,
    Subscription,
};
use naslane::session::Handle;
use naslane::sidecar::Client;
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::common::{GPP, engine};
use crate::node::{Node, etcd, keys, sections};
use crate::world::Subscriber;

const SLICES: [SNssai; 3] = [
    SNssai::new(1, 0x0A),
    SNssai::new(2, 0x0B),
    SNssai::new(3, 0x0C),
];

const RESULTS: [Option<Status>; 3] = [
    Some(Status::EapSuccess),
    Some(Status::EapFailure),
    Some(Status::Pending),
];

/// The question that is open once everything was done.
fn act(client: &Client, session: Handle, event: Option<Event<'_>>) -> Option<u32> {
    let mut asked = None;
    client
        .nssaa_step(session, event, &mut |action, _| {
            if let Action::Ask { transaction, .. } = action {
                asked = Some(transaction);
            }
        })
        .unwrap();
    asked
}

/// The UE gives its identity for this slice; the question that follows.
fn identify(client: &Client, session: Handle, slice: usize, identifier: u8) -> u32 {
    let number = slice as u8 + 1;
    let mut message = vec![0x7E, 0, 0x51, 4, number, 0, 0, 0x09 + number, 0, 6];
    message.extend([2, identifier, 0, 6, 1, b'u']);
    let event = Event::Complete {
        access: GPP,
        message: &message,
    };
    client.nssaa_event(session, event).unwrap();
    act(client, session, None).expect("the NSSAAF is asked")
}

fn answer(client: &Client, session: Handle, transaction: u32, success: bool) {
    let eap = [if success { 3 } else { 4 }, 1, 0, 4];
    let message = EapMessage::parse(&eap).unwrap();
    let answer = if success {
        AaaAnswer::Success(message)
    } else {
        AaaAnswer::Failure(message)
    };
    let event = Event::Aaa {
        transaction,
        answer,
    };
    client.nssaa_event(session, event).unwrap();
    act(client, session, None);
}

/// Three slices: one succeeded, one failed, one waits for its AAA server. The number of that question.
fn authenticate(client: &Client, session: Handle) -> u32 {
    let slices = SLICES.map(|s_nssai| Subscribed {
        slice: s_nssai.into(),
        nssaa: true,
        default: false,
    });
    let subscription = Subscription {
        gpsis: &["msisdn-491701234567"],
        slices: &slices,
    };
    client.nssaa_subscribe(session, &subscription).unwrap();
    let registration = Registration {
        access: GPP,
        asked: &SLICES.map(Slice::from),
        nssaa_supported: true,
        extended_rejected: false,
    };
    client.nssaa_register(session, &registration).unwrap();
    act(client, session, Some(Event::Registered(GPP)));
    let first = identify(client, session, 0, 1);
    answer(client, session, first, true);
    let second = identify(client, session, 1, 2);
    answer(client, session, second, false);
    identify(client, session, 2, 3)
}

fn statuses(client: &Client, session: Handle) -> [Option<Status>; 3] {
    SLICES.map(|s_nssai| client.nssaa_status(session, s_nssai).unwrap())
}

#[test]
fn results_move_with_their_session_and_survive_its_daemon() {
    let cluster = Cluster::start("slices");
    drop(cluster.open());
    let (keys, ues) = (keys("slices"), engine(2, 2));
    let settings = sections(&keys, &etcd(&cluster));
    let mut a = Node::start("slices-a", &settings);
    let mut b = Node::start("slices-b", &settings);
    let patient = NssaaSettings {
        retries: 3,
        ..NssaaSettings::default()
    };
    b.client.nssaa_configure(&patient).unwrap();
    let [first, second] = [1, 2].map(|number| a.register(&ues, number));
    let late = authenticate(&a.client, first.amf);
    authenticate(&a.client, second.amf);

    // In order. From then on what happens is for the next daemon to hear.
    a.give(first.amf).unwrap();
    let moved = b.take(1, &[]).unwrap();
    assert_eq!(statuses(&b.client, moved), RESULTS);
    let state = b.client.nssaa_state(moved).unwrap();
    assert_eq!(state.allowed[0], [SLICES[0].into()]);
    assert_eq!((state.running, state.settled), (None, false));
    // The settings and refusals are those of the client that has it now; an answer to the old question is refused.
    let stale = Event::Aaa {
        transaction: late,
        answer: AaaAnswer::Refused,
    };
    let refused = b.client.nssaa_event(moved, stale);
    assert_eq!(refused, Err(Error::Unexpected));
    assert_eq!(b.client.nssaa_refusals().unwrap().unexpected, 1);
    // It is asked again, and its answer counts.
    let connected = Event::Access(GPP, Reachability::Connected);
    act(&b.client, moved, Some(connected));
    let asked = identify(&b.client, moved, 2, 4);
    assert_ne!(asked, late);
    answer(&b.client, moved, asked, true);
    assert_eq!(statuses(&b.client, moved)[2], Some(Status::EapSuccess));

    // After a loss: what stood in the store, a revocation too.
    let revoked = Event::RevocationNotification(SLICES[0]);
    a.client.nssaa_event(second.amf, revoked).unwrap();
    b.becomes("200");
    a.settles();
    a.daemon.signal(Signal::KILL);
    a.daemon.end();
    let moved = Subscriber {
        amf: b.take(2, &[Error::Fenced]).unwrap(),
        ue: second.ue,
    };
    let expected = [None, RESULTS[1], RESULTS[2]];
    assert_eq!(statuses(&b.client, moved.amf), expected);
    let (status, heard) = b.downlink(&ues, &moved);
    assert!(status == 0 && heard.is_some(), "{status}");
    // And back again, by a stop in order.
    a.daemon.launch();
    a.connect();
    b.daemon.signal(Signal::TERM);
    assert_eq!(b.daemon.end(), 0);
    let back = a.take(2, &[]).unwrap();
    assert_eq!(statuses(&a.client, back), expected);
    a.client.release(back).unwrap();
    std::fs::remove_dir_all(keys).unwrap();
}
