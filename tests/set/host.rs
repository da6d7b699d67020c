//! `[survive]` beside `[store]`: a daemon that crashed is succeeded by the next one on its host, at once and at the exact
//! COUNTs, unless another daemon was faster.

use std::time::Instant;

use naslane::base::Error;
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::common::engine;
use crate::node::{Node, etcd, keys, sections};
use crate::world::{Subscriber, program};

fn with_directory(keys: &std::path::Path, name: &str, cluster: &Cluster) -> String {
    let survive = format!("[survive]\ndir = \"{}/{name}\"\n", keys.display());
    format!("{}{survive}", sections(keys, &etcd(cluster)))
}

#[test]
fn a_daemon_succeeds_the_one_before_it_on_its_host() {
    let cluster = Cluster::start("host");
    drop(cluster.open());
    let (keys, ues) = (keys("host"), engine(2, 2));
    let settings = with_directory(&keys, "a", &cluster);
    let mut a = Node::start("host-a", &settings);
    let mut ue = a.register(&ues, 1);
    let mut old = None;
    for round in 0..4 {
        for _ in 0..37 {
            ue.talk(&mut a.queue, &ues);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let accepted = ue.uplink(&ues);
        assert_eq!(a.uplink(&accepted, &ue), 0);
        a.becomes("200");
        a.settles();
        if round == 0 {
            // The directory is one daemon's.
            let said = program(&a.daemon.config()).output().unwrap();
            assert_eq!(said.status.code(), Some(2));
        }
        // After the store's last word: more than it knows of.
        for _ in 0..5 {
            ue.talk(&mut a.queue, &ues);
        }
        a.daemon.signal(Signal::KILL);
        a.daemon.end();
        a.daemon.launch();
        a.connect();
        let begin = Instant::now();
        // Nobody waits for the lost daemon's time to be over, and its name is no obstacle.
        ue = Subscriber {
            amf: a.take(1, &[]).unwrap(),
            ue: ue.ue,
        };
        println!("taken after {:?}", begin.elapsed());
        // Exact: the UE's messages are accepted without a new key, those of before are not.
        for replayed in [Some(accepted.clone()), old.replace(accepted)]
            .into_iter()
            .flatten()
        {
            let status = a.uplink(&replayed, &ue);
            assert_eq!(status, Error::Replay as i32, "round {round}");
        }
        ue.talk(&mut a.queue, &ues);
        assert_eq!(a.metric("naslane_store_lagging_total "), 0);
    }

    // Another daemon is faster: the directory brings nothing back.
    let mut b = Node::start("host-b", &sections(&keys, &etcd(&cluster)));
    b.becomes("200");
    a.settles();
    a.daemon.signal(Signal::KILL);
    a.daemon.end();
    let moved = Subscriber {
        amf: b.take(1, &[Error::Fenced]).unwrap(),
        ue: ue.ue,
    };
    let (status, heard) = b.downlink(&ues, &moved);
    assert!(status == 0 && heard.is_some(), "{status}");
    a.daemon.launch();
    a.connect();
    assert!(a.client.sessions().unwrap().is_empty());
    assert_eq!(a.take(1, &[]), Err(Error::Fenced));
    // Given back in order, it comes with the other daemon's COUNTs.
    moved.rekey((&b.client, &mut b.queue), &ues, (1001, 1));
    for _ in 0..10 {
        moved.talk(&mut b.queue, &ues);
    }
    b.give(moved.amf).unwrap();
    let back = Subscriber {
        amf: a.take(1, &[]).unwrap(),
        ue: ue.ue,
    };
    back.talk(&mut a.queue, &ues);
    assert!(!a.daemon.log().contains("panicked"), "{}", a.daemon.log());
    std::fs::remove_dir_all(keys).unwrap();
}
