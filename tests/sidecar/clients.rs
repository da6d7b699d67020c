//! Polite clients: everything that an AMF does, through both event loops.

use std::time::Duration;

use naslane::base::{AccessType, Error, NgKsi};
use naslane::engine::job::{Job, SmcJob, op};
use naslane::nas::Cause;
use naslane::procedure::smc::{Action, Activation, Ending, Event, Request};
use naslane::security::{Deregistration, KeyChange, Role};
use naslane::session::Handle;
use naslane::sidecar::connect;

use crate::common::{DOWNLINK, GPP, N3GPP, engine, identity};
use crate::world::*;

fn two_clients(io: &str) {
    let daemon = Daemon::with(
        &format!("two-{io}"),
        &format!("io = \"{io}\"\n[workers]\ncount = 2\npinned = false\nwait = \"block\"\n"),
    );
    assert!(
        daemon.log().contains(&format!("control plane {io}")),
        "{}",
        daemon.log()
    );
    let ue = engine(2, 2);
    let (a, b) = (daemon.connect("a"), daemon.connect("b"));
    let (mut qa, mut qb) = (
        a.open_queue(64, 1 << 16).unwrap(),
        b.open_queue(8, 1 << 14).unwrap(),
    );
    let first: Vec<_> = (0..6)
        .map(|number| Subscriber::secured(&a, &mut qa, &ue, number))
        .collect();
    let second = Subscriber::secured_by_verb(&b, &mut qb, &ue, 100);
    let workers: std::collections::BTreeSet<_> = first.iter().map(|own| own.amf.worker()).collect();
    assert_eq!(workers.len(), 2, "sessions are spread over the workers");

    // A mixed batch over many sessions.
    for _ in 0..3 {
        for own in &first {
            own.talk(&mut qa, &ue);
        }
        second.talk(&mut qb, &ue);
        let mut jobs: Vec<_> = first
            .iter()
            .flat_map(|own| {
                let protect = (job(op::PROTECT, own.amf), DOWNLINK.to_vec());
                let verify = (job(op::VERIFY, own.amf), own.uplink(&ue));
                [protect, verify]
            })
            .collect();
        run(&mut qa, &mut jobs);
        for (done, octets) in &jobs {
            assert_eq!(done.status, 0, "{done:?}");
            if done.op == op::PROTECT {
                let own = first
                    .iter()
                    .find(|own| own.amf.bits() == done.session)
                    .unwrap();
                let heard = crate::common::verify(&ue, own.ue, GPP, octets);
                assert_eq!(heard, Ok(DOWNLINK.to_vec()));
            }
        }
    }

    // Keys that an AMF hands on are those that the UE derives.
    let k_gnb = a.k_gnb(first[0].amf, GPP).unwrap();
    assert_eq!(k_gnb.expose(), ue.k_gnb(first[0].ue, GPP).unwrap().expose());
    let (nh, ncc) = a.prepare_nh(first[0].amf).unwrap();
    assert_eq!(
        a.commit_nh(first[0].amf, (&nh, ncc ^ 1)),
        Err(Error::Conflict)
    );
    a.commit_nh(first[0].amf, (&nh, ncc)).unwrap();
    assert_eq!(a.commit_nh(first[0].amf, (&nh, ncc)), Err(Error::Conflict));
    assert_eq!(a.prepare_nh(first[1].amf).err(), Some(Error::NoContext));

    // The other client's session is nobody's, in verbs and in jobs.
    let foreign = second.amf;
    assert_eq!(a.release(foreign), Err(Error::Handle));
    assert_eq!(a.k_gnb(foreign, GPP).err(), Some(Error::Handle));
    for kind in [
        op::PROTECT,
        op::VERIFY,
        op::VERIFY_ONLY,
        op::SMC_COMMAND,
        op::SMC_RESEND,
    ] {
        let (done, octets) = one(&mut qa, job(kind, foreign), &SmcJob::default().write());
        assert_eq!(
            (done.status, octets.len()),
            (Error::Handle.code(), 0),
            "op {kind}"
        );
    }
    let nowhere = Handle::from_bits(9 << 56 | 1 << 28).unwrap();
    let (done, _) = one(&mut qa, job(op::PROTECT, nowhere), DOWNLINK);
    assert_eq!(done.status, Error::Handle.code());
    second.talk(&mut qb, &ue);

    let figures = a.statistics().unwrap();
    assert_eq!(
        (figures.clients, figures.sessions, figures.queues),
        (2, 7, 2)
    );
    assert!(
        figures.foreign_handles >= 7 && figures.requests > 20,
        "{figures:?}"
    );
    assert_eq!(a.sessions().unwrap().len(), 6);
    let tags: Vec<_> = a.sessions().unwrap().iter().map(|(_, tag)| *tag).collect();
    assert!((0..6).all(|tag| tags.contains(&tag)));
    a.release(first[5].amf).unwrap();
    assert_eq!(a.release(first[5].amf), Err(Error::Handle));
    let (done, _) = one(&mut qa, job(op::PROTECT, first[5].amf), DOWNLINK);
    assert_eq!(done.status, Error::Handle.code());
    drop(qa);
    drop(a);
    daemon.says("name \"a\" is gone: 5 sessions released");
    second.talk(&mut qb, &ue);
    assert_eq!(b.statistics().unwrap().sessions, 1);
}

#[test]
fn two_clients_through_epoll() {
    two_clients("epoll");
}

#[test]
fn two_clients_through_io_uring_where_the_kernel_lets_it() {
    let probe = directory("probe");
    let config = probe.join("c");
    let text = format!(
        "socket = {:?}\nio = \"io_uring\"\n",
        probe.join("s").to_str().unwrap()
    );
    std::fs::write(&config, text).unwrap();
    // A container that forbids io_uring gives the error that says so, and nothing else.
    match naslane::sidecar::Server::start(
        &naslane::sidecar::Config {
            hardening: naslane::sidecar::config::Hardening {
                lock_memory: naslane::sidecar::config::Demand::Off,
                no_dump: naslane::sidecar::config::Demand::Off,
                seccomp: naslane::sidecar::config::Demand::Off,
                landlock: naslane::sidecar::config::Demand::Off,
            },
            ..naslane::sidecar::Config::parse(&std::fs::read_to_string(&config).unwrap()).unwrap()
        },
        None,
        Box::new(|_| {}),
    ) {
        Ok(server) => {
            drop(server);
            two_clients("io_uring");
        }
        Err(why) => assert!(why.contains("io_uring"), "{why}"),
    }
    let _ = std::fs::remove_dir_all(probe);
}

#[test]
fn the_verbs_of_a_session() {
    let daemon = Daemon::start("verbs", "");
    let ue = engine(2, 2);
    let client = daemon.connect("");
    let mut queue = client.open_queue(16, 1 << 14).unwrap();
    assert_eq!(client.establish(Role::Ue, 1).err(), Some(Error::Role));
    let own = Subscriber::authenticated(&client, &ue, 1);
    let (amf, mut out) = (own.amf, [0; 400]);
    let again = client.authenticated(client.establish(Role::Amf, 2).unwrap(), &identity(1, 0));
    assert_eq!(again, Err(Error::KeyReused), "in every worker's table");
    let cited = NgKsi::native(0);
    assert_ne!(client.next_ng_ksi(amf, cited).unwrap(), cited.unwrap());

    // A command that does not fit changes nothing; then its retransmissions, and its end by timeout.
    let request = Request::new(GPP, Activation::Partial);
    let short = client.smc_command(amf, &request, &mut out[..9]);
    assert_eq!(short, Err(Error::BufferTooSmall));
    let sent = client.smc_command(amf, &request, &mut out).unwrap();
    assert_eq!(sent.count, Some(0), "no COUNT was lost");
    for count in 1..=4 {
        let Action::Resend(sent) = client
            .smc_event(amf, Event::T3560Expired, &mut out)
            .unwrap()
        else {
            panic!("ended at {count}")
        };
        assert_eq!(sent.count, Some(count));
    }
    let Action::Ended(outcome) = client
        .smc_event(amf, Event::T3560Expired, &mut out)
        .unwrap()
    else {
        panic!("goes on")
    };
    assert_eq!(outcome.ending, Ending::TimedOut);
    let over = client.smc_event(amf, Event::T3560Expired, &mut out);
    assert_eq!(over, Err(Error::Unexpected));

    // Each end took the context with it: a new subscriber for the next.
    let commanded = |number: u64| {
        let own = Subscriber::authenticated(&client, &ue, number);
        client
            .smc_command(own.amf, &request, &mut [0; 400])
            .unwrap();
        own.amf
    };
    let rejected = client
        .smc_rejected_unprotected(commanded(20), Cause(24))
        .unwrap();
    assert_eq!(rejected.ending, Ending::Rejected(Cause(24)));
    for (number, event) in [(21, Event::LowerLayerFailure), (22, Event::Abort)] {
        let ended = client.smc_event(commanded(number), event, &mut out);
        assert!(matches!(ended, Ok(Action::Ended(_))), "{ended:?}");
    }
    let amf = Subscriber::authenticated(&client, &ue, 23).amf;

    client.begin_key_change(amf, KeyChange::N2).unwrap();
    let busy = client.smc_command(amf, &request, &mut out);
    assert_eq!(busy, Err(Error::Conflict));
    assert_eq!(
        client.begin_key_change(amf, KeyChange::SecurityMode),
        Err(Error::Argument)
    );
    client.end_key_change(amf, KeyChange::N2).unwrap();

    let own = Subscriber::secured_by_verb(&client, &mut queue, &ue, 7);
    let mut wrong = own.uplink(&ue);
    wrong[3] ^= 1;
    let (done, octets) = one(&mut queue, job(op::VERIFY, own.amf), &wrong);
    assert_eq!((done.status, octets.len()), (Error::Mac.code(), 0));
    let why = client.diagnose(own.amf, GPP, &wrong).unwrap();
    assert_ne!(why as u8, 0, "{why:?}");
    own.talk(&mut queue, &ue);
    assert_eq!(client.k_gnb(own.amf, N3GPP).err(), Some(Error::NoContext));
    client
        .connection_released(own.amf, AccessType::ThreeGpp)
        .unwrap();
    let (done, _) = one(
        &mut queue,
        job(op::PROTECT, own.amf),
        crate::common::DOWNLINK,
    );
    assert_eq!(done.status, Error::NotSecured.code());
    client.deregister(own.amf, Deregistration::Remove).unwrap();
    client.release(own.amf).unwrap();
}

#[test]
fn a_client_has_its_share_and_no_more() {
    let quota = "[quota]\nsessions = 3\nqueues = 2\noutstanding = 64\nentries = 16\narena = 8192\n";
    let mut daemon = Daemon::start("quota", &format!("[clients]\nconnections = 2\n{quota}"));
    let client = daemon.connect("a");
    let welcome = *client.welcome();
    assert_eq!(
        (welcome.sessions, welcome.queues, welcome.entries),
        (3, 2, 16)
    );
    let handles: Vec<_> = (0..3)
        .map(|tag| client.establish(Role::Amf, tag).unwrap())
        .collect();
    assert_eq!(client.establish(Role::Amf, 9).err(), Some(Error::Quota));
    client.release(handles[0]).unwrap();
    client.establish(Role::Amf, 9).unwrap();
    assert_eq!(client.open_queue(12, 64).err(), Some(Error::Argument));
    let first = client.open_queue(4096, u32::MAX >> 2).unwrap();
    assert_eq!(first.arena_len(), 8192, "what was granted");
    let second = client.open_queue(16, 64).unwrap();
    assert_eq!(
        client.open_queue(8, 64).err(),
        Some(Error::Quota),
        "two queues"
    );
    drop((first, second));

    let other = daemon.connect("b");
    assert_eq!(
        connect(&daemon.socket, "c").err(),
        Some(Error::Quota),
        "two connections"
    );
    drop(other);
    daemon.says("name \"b\" is gone");
    // A connection that was turned away counts until the daemon sees it closed.
    let refused = |name: &str| {
        loop {
            match connect(&daemon.socket, name).map(drop) {
                Err(Error::Quota) => std::thread::sleep(Duration::from_millis(1)),
                other => break other.err(),
            }
        }
    };
    assert_eq!(refused("a"), Some(Error::Busy), "the name is taken");
    assert_eq!(refused("no good"), Some(Error::Argument));
    daemon.says("refused pid");
    drop(client);
    daemon.says("name \"a\" is gone");
    daemon.is_well();
}

/// Names cost nothing: what a user has is counted over all its clients.
#[test]
fn a_user_has_its_share_under_all_its_names() {
    let quota = "[quota]\nsessions = 3\noutstanding = 64\nentries = 16\nuser_sessions = 4\n\
                 user_outstanding = 64\nuser_connections = 2\n";
    let daemon = Daemon::start(
        "user",
        &format!("[clients]\non_client_death = \"keep\"\n{quota}"),
    );
    let (a, b) = (daemon.connect("a"), daemon.connect("b"));
    assert_eq!(connect(&daemon.socket, "c").err(), Some(Error::Quota));
    for tag in 0..3 {
        a.establish(Role::Amf, tag).unwrap();
    }
    let own = b.establish(Role::Amf, 0).unwrap();
    assert_eq!(b.establish(Role::Amf, 1).err(), Some(Error::Quota));
    // Two workers: 32 jobs each.
    let first = a.open_queue(16, 64).unwrap();
    let second = b.open_queue(16, 64).unwrap();
    assert_eq!(b.open_queue(16, 64).err(), Some(Error::Quota));
    drop(second);
    drop(b.open_queue(16, 64).unwrap());
    // Sessions that wait for their client count on; its queues do not.
    drop(first);
    drop(a);
    daemon.says("3 sessions wait for it");
    assert_eq!(b.establish(Role::Amf, 1).err(), Some(Error::Quota));
    let queues = [b.open_queue(16, 64).unwrap(), b.open_queue(16, 64).unwrap()];
    b.release(own).unwrap();
    b.establish(Role::Amf, 2).unwrap();
    drop(queues);
}

#[test]
fn jobs_come_back_once_through_small_rings() {
    let daemon = Daemon::start("rings", "");
    let ue = engine(2, 2);
    let client = daemon.connect("");
    let mut queue = client.open_queue(8, 1 << 18).unwrap();
    let own: Vec<_> = (0..4)
        .map(|number| Subscriber::secured(&client, &mut queue, &ue, number))
        .collect();
    for _ in 0..20 {
        let mut jobs: Vec<(Job, Vec<u8>)> = (0..200)
            .map(|index| (job(op::PROTECT, own[index % 4].amf), DOWNLINK.to_vec()))
            .collect();
        run(&mut queue, &mut jobs);
        let mut heard = 0;
        for (done, octets) in &jobs {
            let ear = own
                .iter()
                .find(|own| own.amf.bits() == done.session)
                .unwrap();
            heard += usize::from(crate::common::verify(&ue, ear.ue, GPP, octets).is_ok());
        }
        assert_eq!(
            heard, 200,
            "in the order of submission, or the UE would refuse"
        );
    }
}
