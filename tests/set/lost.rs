//! What is lost: a daemon, its time, the store.

use std::time::{Duration, Instant};

use naslane::base::Error;
use rustix::process::Signal;

use crate::cluster::{Cluster, MEMBERS};
use crate::common::engine;
use crate::node::{Node, etcd, keys, sections};
use crate::world::{PATIENCE, Subscriber};

const MS: Duration = Duration::from_millis(1);

/// Sends until the answer is not OK; how many the UE took.
fn until_refused(node: &mut Node, ues: &naslane::engine::Engine, ue: &Subscriber) -> (i32, u32) {
    let mut heard = 0;
    loop {
        match node.downlink(ues, ue) {
            (0, taken) => heard += u32::from(taken.is_some()),
            (status, _) => return (status, heard),
        }
        assert!(heard < 500, "no end");
    }
}

#[test]
fn a_killed_daemon_is_succeeded_and_a_stopped_one_fenced() {
    let cluster = Cluster::start("lost");
    drop(cluster.open());
    let (keys, ues) = (keys("lost"), engine(2, 2));
    let settings = sections(&keys, &etcd(&cluster));
    let mut a = Node::start("lost-a", &settings);
    let mut b = Node::start("lost-b", &settings);
    let first = a.register(&ues, 1);
    let second = a.register(&ues, 2);
    for _ in 0..40 {
        first.talk(&mut a.queue, &ues);
        second.talk(&mut a.queue, &ues);
        std::thread::sleep(2 * MS);
    }
    b.becomes("200");
    // A session whose first record has not reached the store is lost with its daemon: it authenticates anew.
    a.settles();
    // Stopped, not dead: it believes that it owns its sessions until it asks the store.
    a.daemon.signal(Signal::STOP);
    let begin = Instant::now();
    let moved = Subscriber {
        amf: b.take(1, &[Error::Fenced]).unwrap(),
        ue: first.ue,
    };
    println!("taken over after {:?}", begin.elapsed());
    let (status, heard) = b.downlink(&ues, &moved);
    assert!(status == 0 && heard.is_some(), "{status}");
    // What the lost daemon may have accepted is not accepted again, nor anything else under this key.
    let pdu = moved.uplink(&ues);
    assert_eq!(b.uplink(&pdu, &moved), Error::CountExhausted as i32);
    moved.rekey((&b.client, &mut b.queue), &ues, (1001, 1));
    moved.talk(&mut b.queue, &ues);

    a.daemon.signal(Signal::CONT);
    let begin = Instant::now();
    loop {
        // Within its lease it sends on: the UE takes none of it.
        let (status, heard) = a.downlink(&ues, &first);
        assert_eq!(heard, None);
        match status {
            s if s == Error::Fenced as i32 => break,
            s if [0, Error::LeaseExhausted as i32, Error::Handle as i32].contains(&s) => {}
            other => panic!("{other}"),
        }
        assert!(begin.elapsed() < PATIENCE, "never fenced");
        std::thread::sleep(2 * MS);
    }
    let pdu = first.uplink(&ues);
    assert_eq!(a.uplink(&pdu, &first), Error::Fenced as i32);
    assert_eq!(a.client.next_ng_ksi(first.amf, None), Err(Error::Fenced));
    assert_eq!(a.client.give_session(first.amf), Err(Error::Fenced));
    assert_eq!(a.metric("naslane_store_fenced_total "), 1);
    a.client.release(first.amf).unwrap();
    assert_eq!(a.client.release(first.amf), Err(Error::Handle));
    // The other session is its own as before.
    a.becomes("200");
    second.talk(&mut a.queue, &ues);

    // Dead.
    a.daemon.signal(Signal::KILL);
    a.daemon.end();
    let begin = Instant::now();
    let moved = Subscriber {
        amf: b.take(2, &[Error::Fenced]).unwrap(),
        ue: second.ue,
    };
    println!("taken over after {:?}", begin.elapsed());
    let (status, heard) = b.downlink(&ues, &moved);
    assert!(status == 0 && heard.is_some(), "{status}");
    moved.rekey((&b.client, &mut b.queue), &ues, (1002, 1));
    moved.talk(&mut b.queue, &ues);
    std::fs::remove_dir_all(keys).unwrap();
}

#[test]
fn without_the_store_sessions_end_with_their_leases_and_come_back_with_it() {
    let mut cluster = Cluster::start("gone");
    drop(cluster.open());
    let (keys, ues) = (keys("gone"), engine(2, 2));
    let mut a = Node::start("gone-a", &sections(&keys, &etcd(&cluster)));
    let ue = a.register(&ues, 1);
    ue.talk(&mut a.queue, &ues);
    a.becomes("200");
    // What follows needs new connections, which a hardened daemon can make.
    a.daemon.says("seccomp active");
    a.settles();
    (0..MEMBERS).for_each(|n| cluster.kill(n));
    let (status, heard) = until_refused(&mut a, &ues, &ue);
    assert_eq!(status, Error::LeaseExhausted as i32);
    assert!(heard <= 48, "{heard} messages without a store");
    a.becomes("503");
    assert!(a.daemon.get("/readyz").contains("store"));
    assert!(a.daemon.get("/livez").starts_with("HTTP/1.1 200"));
    assert_eq!(a.take(5, &[]), Err(Error::LeaseExhausted));
    // Its request waits for an answer until the time is up.
    let begin = Instant::now();
    while a.metric("naslane_store_refused_total ") == 0 {
        assert!(begin.elapsed() < PATIENCE, "no refusal is counted");
        std::thread::sleep(5 * MS);
    }
    assert_eq!(a.metric("naslane_store_absences_total "), 1);

    (0..MEMBERS).for_each(|n| cluster.run(n));
    a.becomes("200");
    let begin = Instant::now();
    loop {
        match a.downlink(&ues, &ue) {
            (0, heard) => break assert!(heard.is_some()),
            (status, _) => assert_eq!(status, Error::LeaseExhausted as i32),
        }
        assert!(begin.elapsed() < PATIENCE, "not served again");
        std::thread::sleep(5 * MS);
    }
    ue.talk(&mut a.queue, &ues);
    assert!(!a.daemon.log().contains("panicked"), "{}", a.daemon.log());
    std::fs::remove_dir_all(keys).unwrap();
}
