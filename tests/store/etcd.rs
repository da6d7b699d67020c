//! The store in a cluster: three members on loopback, started and ended by the test.

use std::time::Duration;

use naslane::store::etcd::Etcd;
use naslane::store::{Failure, Outcome, Revision, Store};

use super::cluster::{Cluster, MEMBERS};
use super::conformance::{conforms, done, line, one, put, read};

#[test]
fn the_store_in_a_cluster_conforms() {
    let cluster = Cluster::start("conforms");
    conforms(&|| Box::new(cluster.open()), true);
}

/// Members die and come back one after another while a counter is written: whatever was acknowledged is there, and
/// what was not is said to be unknown.
#[test]
fn what_was_acknowledged_survives_the_loss_of_members() {
    let mut cluster = Cluster::start("members");
    let mut store = cluster.open();
    let key = line(1, 1);
    let (mut acknowledged, mut revision) = (0_u32, Revision::ABSENT);
    for round in 0..6 {
        cluster.kill(round % MEMBERS);
        let goal = acknowledged + 20;
        let mut tried = acknowledged;
        while acknowledged < goal {
            tried += 1;
            let change = put(key, revision, &tried.to_be_bytes());
            match store.commit(&[naslane::store::Group(vec![change])]) {
                Ok(outcomes) => match &outcomes[0] {
                    Outcome::Done(new) => (acknowledged, revision) = (tried, *new),
                    Outcome::Stale(there) => {
                        let there = there[0].as_ref().expect("never removed");
                        let value = u32::from_be_bytes(there.value[..].try_into().unwrap());
                        assert!(
                            value > acknowledged && value < tried,
                            "an earlier unknown one"
                        );
                        (acknowledged, revision) = (value, there.revision);
                    }
                },
                Err(Failure::Unknown) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let there = loop {
            if let Ok(found) = store.read(&[key]) {
                break found[0].clone().unwrap();
            }
        };
        assert_eq!(there.value, acknowledged.to_be_bytes());
        cluster.run(round % MEMBERS);
        // The next one goes only when there is a majority without it.
        while store.incarnation().is_err() || !cluster.is_up(round % MEMBERS) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn without_a_majority_nothing_is_promised() {
    let mut cluster = Cluster::start("minority");
    let mut store = cluster.open();
    let key = line(1, 1);
    let revision = done(one(&mut store, put(key, Revision::ABSENT, b"a")));
    cluster.kill(0);
    cluster.kill(1);
    let change = put(key, revision, b"b");
    let failure = store.commit(&[naslane::store::Group(vec![change])]);
    assert_eq!(failure, Err(Failure::Unknown));
    assert_eq!(store.read(&[key]), Err(Failure::Unavailable));
}

/// A member that is cut off from the others knows no leader: another one is asked, and nobody hears of it.
#[test]
fn a_member_without_a_leader_is_passed_over() {
    let cluster = Cluster::start("whole");
    let mut apart = Cluster::start("apart");
    drop(apart.open());
    apart.kill(1);
    apart.kill(2);
    while apart.is_up(0) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut config = cluster.config();
    config.endpoints.push(apart.address(0));
    drop(cluster.open());
    let mut store = Etcd::connect(config).unwrap();
    let identity = store.incarnation().unwrap();
    for _ in 0..100 {
        assert_eq!(store.incarnation(), Ok(identity));
    }
}

/// A cluster that was set up anew behind the same addresses is another store.
#[test]
fn another_cluster_is_noticed() {
    let mut cluster = Cluster::start("replaced");
    let mut store = cluster.open();
    let before = store.incarnation().unwrap();
    done(one(&mut store, put(line(1, 1), Revision::ABSENT, b"a")));
    for n in 0..MEMBERS {
        cluster.kill(n);
        std::fs::remove_dir_all(cluster.folder.join(n.to_string())).unwrap();
    }
    for n in 0..MEMBERS {
        cluster.run(n);
    }
    // Same members and token: the cluster's identity is the same, its revisions are not.
    let failure = loop {
        match store.read(&[line(1, 1)]) {
            Err(Failure::Unavailable) => std::thread::sleep(Duration::from_millis(100)),
            other => break other,
        }
    };
    assert_eq!(failure, Err(Failure::Replaced));
    let mut new = cluster.open();
    assert_ne!(new.incarnation().unwrap(), before);
    assert_eq!(read(&mut new, line(1, 1)), None);
}
