//! Sessions of engines whose leases a store keeps: what it costs, and how they go on at another node.

use std::sync::Arc;
use std::time::Duration;

use naslane::base::Error;
use naslane::engine::{Config, Engine};
use naslane::procedure::smc::{Activation, Answer, Policy, Request};
use naslane::security::Role;
use naslane::session::attend::{Attendant, Taken};
use naslane::session::{Handle, Journal};
use naslane::store::keeper::{Keeper, KeeperConfig};
use naslane::store::lease::{LEASE, Uplink};
use naslane::store::{KeyRing, NodeName, PrintKey, SessionName, Store};

use super::common::{DOWNLINK, GPP, UPLINK, capability, engine, identity, protect, verify};
use super::embedded::Folder;
use super::keeper::{GONE, Shared, WELL};

const SESSIONS: usize = 512;

/// A node of a set.
struct Node {
    engine: Engine,
    attendant: Attendant<Shared>,
    now: Duration,
}

fn name(number: u64) -> SessionName {
    let mut octets = [7; 16];
    octets[..8].copy_from_slice(&number.to_be_bytes());
    SessionName(octets)
}

impl Node {
    fn new(number: u8, store: Shared) -> Self {
        Self::with(number, store, Uplink::AfterRekey)
    }

    fn with(number: u8, store: Shared, uplink: Uplink) -> Self {
        let mut config = Config::for_sessions(SESSIONS);
        config.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
        let prints = PrintKey::new([9; 32]);
        let keys = Arc::new(config.key_memory(1).keyed(prints.clone()));
        let journal = Journal::in_memory(SESSIONS);
        let engine = Engine::with_journal(&config, keys, Some(journal)).unwrap();
        let config = KeeperConfig {
            node: NodeName([number; 16]),
            ttl: Duration::from_secs(3600),
            uplink,
        };
        let keeper = Keeper::new(store, config).unwrap();
        let ring = KeyRing::single(1, [5; 32]);
        let attendant = Attendant::new(&[engine.table()], keeper, ring, prints).unwrap();
        let mut node = Self {
            engine,
            attendant,
            now: Duration::from_secs(1),
        };
        node.turn();
        node
    }

    fn turn(&mut self) {
        for _ in 0..3 {
            self.now += Duration::from_millis(1);
            self.attendant.attend(&[self.engine.table()], self.now);
        }
    }

    /// A session of this node with its UE, after authentication and security mode procedure.
    fn register(&mut self, ues: &Engine, number: u64) -> (Handle, Handle) {
        let amf = self.engine.establish(Role::Amf).unwrap();
        self.attendant.names().set(amf, name(number)).unwrap();
        let ue = ues.establish(Role::Ue).unwrap();
        self.rekey(ues, (amf, ue), (number, 0));
        (amf, ue)
    }

    fn rekey(&self, ues: &Engine, pair: (Handle, Handle), (key, ksi): (u64, u8)) {
        self.authenticate(ues, pair, (key, ksi));
        self.secure(ues, pair);
    }

    fn authenticate(&self, ues: &Engine, (amf, ue): (Handle, Handle), (key, ksi): (u64, u8)) {
        self.engine.authenticated(amf, identity(key, ksi)).unwrap();
        ues.authenticated(ue, identity(key, ksi)).unwrap();
    }

    /// The security mode procedure.
    fn secure(&self, ues: &Engine, (amf, ue): (Handle, Handle)) {
        let mut command = vec![0; 512];
        let request = Request::new(GPP, Activation::Partial);
        let sent = self
            .engine
            .smc_command(amf, &request, &mut command)
            .unwrap();
        let mut complete = vec![0; 512];
        let env = ues.ue_env(capability());
        let command = (GPP, &command[..sent.len]);
        let answer = ues.ue_command(ue, command, &env, &mut complete).unwrap();
        let Answer::Complete(sent) = answer else {
            panic!("{answer:?}")
        };
        verify(&self.engine, amf, GPP, &complete[..sent.len]).unwrap();
    }

    /// True when the message was protected and the UE took it.
    fn downlink(&self, ues: &Engine, (amf, ue): (Handle, Handle)) -> Result<(), Error> {
        let mut out = vec![0; DOWNLINK.len() + 7];
        self.engine.protect(amf, GPP, DOWNLINK, &mut out)?;
        assert_eq!(verify(ues, ue, GPP, &out), Ok(DOWNLINK.to_vec()));
        Ok(())
    }

    fn uplink(&self, ues: &Engine, (amf, ue): (Handle, Handle)) -> Result<(), Error> {
        let pdu = protect(ues, ue, GPP, UPLINK);
        verify(&self.engine, amf, GPP, &pdu).map(|plain| assert_eq!(plain, UPLINK))
    }

    fn take_over(&mut self, number: u64) -> Result<Handle, Error> {
        for _ in 0..5 {
            let taken = self
                .attendant
                .take_over(&[self.engine.table()], name(number))?;
            if let Taken::Here(handle) = taken {
                return Ok(handle);
            }
            self.turn();
        }
        panic!("neither here nor refused");
    }
}

#[test]
fn what_leases_cost_a_message() {
    const MESSAGES: usize = 640;
    let (folder, ues) = (Folder::new("leases-cost"), engine(2, 2));
    let mut node = Node::new(1, Shared::new(&folder));
    let pairs: Vec<_> = (0..100).map(|n| node.register(&ues, n)).collect();
    node.turn();
    let before = node.attendant.figures();
    for n in 0..MESSAGES {
        for pair in &pairs {
            node.downlink(&ues, *pair).unwrap();
        }
        if n % 8 == 7 {
            node.turn();
        }
    }
    let after = node.attendant.figures();
    let sent = (MESSAGES * pairs.len()) as f64;
    let (writes, commits) = (after.writes - before.writes, after.commits - before.commits);
    println!(
        "{sent} messages: {writes} writes, {commits} commits: {:.4} and {:.5} a message; {} writes for the keys",
        writes as f64 / sent,
        commits as f64 / sent,
        before.writes
    );
    assert!(writes as f64 <= 0.035 * sent, "{after:?}");
    assert_eq!((after.refused, after.rekeys), (0, 0));
}

#[test]
fn a_session_moves_in_order() {
    let (folder, ues) = (Folder::new("leases-move"), engine(2, 2));
    let store = Shared::new(&folder);
    let mut old = Node::new(1, store.another());
    let mut new = Node::new(2, store.another());
    let pair = old.register(&ues, 5);
    old.turn();
    for _ in 0..40 {
        old.downlink(&ues, pair).unwrap();
        old.uplink(&ues, pair).unwrap();
        old.turn();
    }
    assert_eq!(new.take_over(5), Err(Error::Fenced), "its owner is there");
    let replayed = protect(&ues, pair.1, GPP, UPLINK);
    verify(&old.engine, pair.0, GPP, &replayed).unwrap();
    old.attendant.give(&[old.engine.table()], pair.0).unwrap();
    // Silent at once, both ways: the next node would accept the message again.
    let late = protect(&ues, pair.1, GPP, UPLINK);
    assert_eq!(
        verify(&old.engine, pair.0, GPP, &late),
        Err(Error::Conflict)
    );
    old.turn();
    assert!(!old.attendant.keeps(pair.0));
    assert_eq!(
        verify(&old.engine, pair.0, GPP, &late),
        Err(Error::Conflict)
    );
    assert_eq!(old.downlink(&ues, pair), Err(Error::Conflict));
    old.engine.release(pair.0).unwrap();

    let amf = new.take_over(5).unwrap();
    let moved = (amf, pair.1);
    assert_eq!(verify(&new.engine, amf, GPP, &replayed), Err(Error::Replay));
    assert_eq!(verify(&new.engine, amf, GPP, &late), Ok(UPLINK.to_vec()));
    for _ in 0..100 {
        new.uplink(&ues, moved).unwrap();
        new.downlink(&ues, moved).unwrap();
        new.turn();
    }
}

#[test]
fn a_lost_node_is_succeeded() {
    let (folder, ues) = (Folder::new("leases-lost"), engine(2, 2));
    let store = Shared::new(&folder);
    let cut = store.another();
    let mut old = Node::new(1, cut.clone());
    let mut new = Node::new(2, store.another());
    let pair = old.register(&ues, 5);
    old.turn();
    for _ in 0..40 {
        old.downlink(&ues, pair).unwrap();
        old.turn();
    }
    cut.set(GONE);
    store.with(|store| store.leave(NodeName([1; 16]))).unwrap();
    let amf = new.take_over(5).unwrap();
    let moved = (amf, pair.1);
    // The UE follows the jump, and what the old owner still sends is no reuse: the UE refuses it as old.
    new.downlink(&ues, moved).unwrap();
    let mut late = 0;
    let mut out = vec![0; DOWNLINK.len() + 7];
    while old.engine.protect(pair.0, GPP, DOWNLINK, &mut out).is_ok() {
        assert_ne!(verify(&ues, pair.1, GPP, &out), Ok(DOWNLINK.to_vec()));
        late += 1;
        old.turn();
    }
    assert!(late <= LEASE + LEASE / 2, "{late} after the takeover");
    // Floors may lag: nothing is accepted, the replayed no more than the new, until there is a new key.
    assert_eq!(new.uplink(&ues, moved), Err(Error::CountExhausted));
    new.rekey(&ues, moved, (1005, 1));
    for _ in 0..100 {
        new.uplink(&ues, moved).unwrap();
        new.downlink(&ues, moved).unwrap();
        new.turn();
    }
    // The old owner reaches the store again and learns that the session is not its own any more.
    cut.set(WELL);
    for _ in 0..5 {
        old.now += Duration::from_secs(2);
        old.turn();
    }
    assert_eq!(old.downlink(&ues, pair), Err(Error::Handle));
    assert_eq!(old.attendant.figures().fenced, 1);
}

#[test]
fn the_record_knows_the_end_of_a_security_mode_procedure() {
    let (folder, ues) = (Folder::new("leases-record"), engine(2, 2));
    let store = Shared::new(&folder);
    let (cut, policy) = (store.another(), Uplink::AboveFloor);
    let mut old = Node::with(1, cut.clone(), policy);
    let mut new = Node::with(2, store.another(), policy);
    // A turn after each step: the record of a step is not that of the one before.
    let amf = old.engine.establish(Role::Amf).unwrap();
    old.attendant.names().set(amf, name(5)).unwrap();
    let pair = (amf, ues.establish(Role::Ue).unwrap());
    old.authenticate(&ues, pair, (5, 0));
    old.turn();
    old.secure(&ues, pair);
    old.turn();
    cut.set(GONE);
    store.with(|store| store.leave(NodeName([1; 16]))).unwrap();
    let moved = (new.take_over(5).unwrap(), pair.1);
    new.turn();
    new.downlink(&ues, moved).unwrap();
    new.uplink(&ues, moved).unwrap();
}

#[test]
fn a_node_takes_back_what_it_gave() {
    let (folder, ues) = (Folder::new("leases-back"), engine(2, 2));
    let mut node = Node::new(1, Shared::new(&folder));
    let mut pair = node.register(&ues, 5);
    for turns in 0..12 {
        node.downlink(&ues, pair).unwrap();
        (0..turns % 4).for_each(|_| node.turn());
        node.attendant.give(&[node.engine.table()], pair.0).unwrap();
        while node.attendant.keeps(pair.0) {
            node.now += Duration::from_millis(1);
            node.attendant.attend(&[node.engine.table()], node.now);
        }
        node.engine.release(pair.0).unwrap();
        node.attendant.given_away(pair.0);
        let back = node
            .take_over(5)
            .unwrap_or_else(|error| panic!("{turns}: {error:?}"));
        pair.0 = back;
        node.uplink(&ues, pair).unwrap();
    }
}

#[test]
fn without_the_store_downlink_stops_with_its_status() {
    let (folder, ues) = (Folder::new("leases-gone"), engine(2, 2));
    let store = Shared::new(&folder);
    let mut node = Node::new(1, store.clone());
    let pair = node.register(&ues, 5);
    node.turn();
    store.set(GONE);
    let mut sent = 0;
    let stopped = loop {
        match node.downlink(&ues, pair) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        node.turn();
    };
    // SECURITY MODE COMMAND was the first.
    assert_eq!((stopped, sent), (Error::LeaseExhausted, LEASE - 1));
    assert!(node.attendant.figures().refused > 0);
    store.set(WELL);
    for _ in 0..5 {
        node.now += Duration::from_secs(2);
        node.turn();
    }
    node.downlink(&ues, pair).unwrap();
}

#[test]
fn a_store_with_another_identity_vouches_for_nothing() {
    let (folder, ues) = (Folder::new("leases-identity"), engine(2, 2));
    let store = Shared::new(&folder);
    let mut old = Node::new(1, store.another());
    let pair = old.register(&ues, 5);
    old.turn();
    old.attendant.give(&[old.engine.table()], pair.0).unwrap();
    old.turn();
    store.with(|store| store.renew_identity()).unwrap();
    let mut new = Node::new(2, store);
    assert_eq!(new.take_over(5), Err(Error::RekeyRequired));
    assert_eq!(new.take_over(6), Err(Error::NoContext));
}
