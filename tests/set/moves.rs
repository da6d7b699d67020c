//! Sessions that move in order.

use naslane::base::Error;
use naslane::security::Role;
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::common::{engine, identity};
use crate::node::{Node, connect_as, etcd, keys, sections};
use crate::world::{Subscriber, program};

#[test]
fn a_session_is_given_by_one_daemon_and_taken_by_another() {
    let cluster = Cluster::start("moves");
    drop(cluster.open());
    let (keys, ues) = (keys("moves"), engine(2, 2));
    let settings = sections(&keys, &etcd(&cluster));
    let mut a = Node::start("moves-a", &settings);
    let mut b = Node::start("moves-b", &settings);
    let ue = a.register(&ues, 7);
    for _ in 0..50 {
        ue.talk(&mut a.queue, &ues);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(b.take(8, &[]), Err(Error::NoContext));
    assert_eq!(b.take(7, &[]), Err(Error::Fenced), "its owner is there");
    // Another client does not even find it.
    let stranger = connect_as(&b.daemon, "other");
    let asked = || stranger.take_session(&7_u64.to_be_bytes(), 7);
    while asked() == Err(Error::Busy) {}
    assert_eq!(asked(), Err(Error::Busy));
    while asked() == Err(Error::Busy) {}

    let replayed = ue.uplink(&ues);
    assert_eq!(a.uplink(&replayed, &ue), 0);
    a.give(ue.amf).unwrap();
    assert_eq!(a.client.give_session(ue.amf), Err(Error::Handle));
    let there = b.take(7, &[]).unwrap();
    assert_eq!(b.take(7, &[]), Ok(there), "asked twice");
    let moved = Subscriber {
        amf: there,
        ue: ue.ue,
    };
    assert_eq!(b.uplink(&replayed, &moved), Error::Replay as i32);
    for _ in 0..50 {
        moved.talk(&mut b.queue, &ues);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(b.client.sessions().unwrap(), [(there, 7)]);

    // A daemon that stops gives everything back, and the next one goes on at the exact COUNTs.
    b.daemon.signal(Signal::TERM);
    assert_eq!(b.daemon.end(), 0);
    let back = Subscriber {
        amf: a.take(7, &[]).unwrap(),
        ue: ue.ue,
    };
    back.talk(&mut a.queue, &ues);
    assert!(a.metric("naslane_store_taken_total ") >= 1);

    // Released is not given: nobody finds it any more.
    a.client.release(back.amf).unwrap();
    assert_eq!(a.take(7, &[Error::Fenced]), Err(Error::NoContext));
    std::fs::remove_dir_all(keys).unwrap();
}

#[test]
fn a_daemon_takes_back_what_it_gave() {
    let (keys, ues) = (keys("back"), engine(2, 2));
    let file = keys.join("store");
    let settings = sections(
        &keys,
        &format!("kind = \"embedded\"\npath = {:?}\n", file.to_str().unwrap()),
    );
    let mut a = Node::start("back", &settings);
    a.becomes("200");
    let mut own = a.register(&ues, 7);
    for _ in 0..30 {
        own.talk(&mut a.queue, &ues);
        a.give(own.amf).unwrap();
        own.amf = a.take(7, &[Error::Fenced]).unwrap();
    }
    own.talk(&mut a.queue, &ues);
    std::fs::remove_dir_all(keys).unwrap();
}

#[test]
fn a_name_belongs_to_one_session_and_comes_before_its_keys() {
    let (keys, ues) = (keys("names"), engine(2, 2));
    let file = keys.join("store");
    let settings = sections(
        &keys,
        &format!("kind = \"embedded\"\npath = {:?}\n", file.to_str().unwrap()),
    );
    let mut a = Node::start("names", &settings);
    let client = &a.client;
    let session = client.establish(Role::Amf, 1).unwrap();
    assert_eq!(client.name_session(session, b""), Err(Error::Argument));
    assert_eq!(client.name_session(session, &[1; 65]), Err(Error::Argument));
    client.name_session(session, b"one").unwrap();
    client.name_session(session, b"one").unwrap();
    assert_eq!(client.name_session(session, b"two"), Err(Error::Conflict));
    assert_eq!(client.give_session(session), Err(Error::NoContext));
    let other = client.establish(Role::Amf, 2).unwrap();
    assert_eq!(client.name_session(other, b"one"), Err(Error::Conflict));
    client.authenticated(other, &identity(2, 0)).unwrap();
    assert_eq!(client.name_session(other, b"two"), Err(Error::OutOfOrder));
    assert_eq!(client.give_session(other), Err(Error::Argument));
    client.release(session).unwrap();
    let next = client.establish(Role::Amf, 3).unwrap();
    client.name_session(next, b"one").unwrap();
    let nameless = connect_as(&a.daemon, "");
    let own = nameless.establish(Role::Amf, 1).unwrap();
    assert_eq!(nameless.name_session(own, b"x"), Err(Error::Argument));
    assert_eq!(nameless.give_session(next), Err(Error::Handle));

    // The file is this daemon's alone.
    let said = program(&a.daemon.config()).output().unwrap();
    assert_eq!(said.status.code(), Some(2));

    // Killed and started again: sessions come back by their names, what lags is said.
    let ue = a.register(&ues, 9);
    ue.talk(&mut a.queue, &ues);
    a.settles();
    a.daemon.signal(Signal::KILL);
    a.daemon.end();
    a.daemon.launch();
    a.connect();
    let ue = Subscriber {
        amf: a.take(9, &[]).unwrap(),
        ue: ue.ue,
    };
    let (status, heard) = a.downlink(&ues, &ue);
    assert!(status == 0 && heard.is_some(), "{status}");
    let pdu = ue.uplink(&ues);
    assert_eq!(a.uplink(&pdu, &ue), Error::CountExhausted as i32);
    ue.rekey((&a.client, &mut a.queue), &ues, (1009, 1));
    ue.talk(&mut a.queue, &ues);
    std::fs::remove_dir_all(keys).unwrap();
}
