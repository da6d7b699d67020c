//! `uplink = "above_floor"`: sessions of a lost daemon go on uplink above the last floors written, without a new key.

use std::time::{Duration, Instant};

use naslane::base::Error;
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::common::engine;
use crate::node::{Node, etcd, keys, sections};
use crate::world::{PATIENCE, Subscriber};

const MS: Duration = Duration::from_millis(1);

#[test]
fn sessions_of_a_lost_daemon_go_on_above_their_floors() {
    let cluster = Cluster::start("lagging");
    drop(cluster.open());
    let (keys, ues) = (keys("lagging"), engine(2, 2));
    let settings = format!(
        "{}uplink = \"above_floor\"\n",
        sections(&keys, &etcd(&cluster))
    );
    let mut a = Node::start("lagging-a", &settings);
    let mut b = Node::start("lagging-b", &settings);
    a.becomes("200");
    let ue = a.register(&ues, 1);
    let early = ue.uplink(&ues);
    assert_eq!(a.uplink(&early, &ue), 0);
    // Floors are written with every lease.
    for _ in 0..40 {
        ue.talk(&mut a.queue, &ues);
        std::thread::sleep(2 * MS);
    }
    b.becomes("200");
    a.settles();
    a.daemon.signal(Signal::STOP);
    let moved = Subscriber {
        amf: b.take(1, &[Error::Fenced]).unwrap(),
        ue: ue.ue,
    };
    assert_eq!(b.metric("naslane_store_lagging_total "), 1);
    // No new key: the UE is heard as soon as the store has shown that nobody else has the session.
    let begin = Instant::now();
    let heard = loop {
        let pdu = moved.uplink(&ues);
        match b.uplink(&pdu, &moved) {
            0 => break pdu,
            status => assert_eq!(status, Error::LeaseExhausted as i32),
        }
        assert!(begin.elapsed() < PATIENCE, "not heard");
        std::thread::sleep(5 * MS);
    };
    for old in [&early, &heard] {
        assert_eq!(b.uplink(old, &moved), Error::Replay as i32);
    }
    moved.talk(&mut b.queue, &ues);
    // The lost one is back. Once it has looked at its clock it accepts nothing, then it learns that it is fenced.
    a.daemon.signal(Signal::CONT);
    let begin = Instant::now();
    while a.metric("naslane_store_absences_total ") == 0 {
        assert!(begin.elapsed() < PATIENCE, "it does not notice");
        std::thread::sleep(MS);
    }
    let status = a.uplink(&heard, &ue);
    let refused = [Error::LeaseExhausted, Error::Fenced].map(|error| error as i32);
    assert!(refused.contains(&status), "{status}");
    // By the other policy the same session would wait for a new key: `lost` shows that.
    std::fs::remove_dir_all(keys).unwrap();
}
