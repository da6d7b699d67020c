//! The keeper over a real store: what it costs, what it does when the store is slow or gone, and how a session moves.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use naslane::store::embedded::Embedded;
use naslane::store::keeper::{Keeper, KeeperConfig};
use naslane::store::lease::{Claim, Counts, End, LEASE, Step, Uplink};
use naslane::store::{
    Entry, Failure, Group, Incarnation, Key, KeyPrint, NodeName, Outcome, Result, Revision,
    SessionName, Store,
};

use super::embedded::Folder;

pub(super) const WELL: u8 = 0;
pub(super) const GONE: u8 = 1;
/// Commits happen and their answers are lost.
const MUTE: u8 = 2;

/// One store that several nodes of a test share, and that may be cut off.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Embedded>>, Arc<AtomicU8>);

impl Shared {
    pub(super) fn new(folder: &Folder) -> Self {
        let store = Embedded::open(&folder.file()).unwrap();
        Self(Arc::new(Mutex::new(store)), Arc::new(AtomicU8::new(WELL)))
    }

    /// The same store with a line of its own.
    pub(super) fn another(&self) -> Self {
        Self(self.0.clone(), Arc::new(AtomicU8::new(WELL)))
    }

    pub(super) fn set(&self, state: u8) {
        self.1.store(state, Ordering::Relaxed);
    }

    pub(super) fn with<T>(&self, call: impl FnOnce(&mut Embedded) -> Result<T>) -> Result<T> {
        match self.1.load(Ordering::Relaxed) {
            GONE => Err(Failure::Unavailable),
            _ => call(&mut self.0.lock().unwrap()),
        }
    }
}

impl Store for Shared {
    fn incarnation(&mut self) -> Result<Incarnation> {
        self.with(Store::incarnation)
    }
    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.with(|store| store.read(keys))
    }
    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
        let done = self.with(|store| store.commit(groups))?;
        match self.1.load(Ordering::Relaxed) {
            MUTE => Err(Failure::Unknown),
            _ => Ok(done),
        }
    }
    fn records(
        &mut self,
        after: Option<SessionName>,
        most: usize,
    ) -> Result<Vec<(SessionName, Entry)>> {
        self.with(|store| store.records(after, most))
    }
    fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()> {
        self.with(|store| store.hold(node, ttl))
    }
    fn leave(&mut self, node: NodeName) -> Result<()> {
        self.with(|store| store.leave(node))
    }
    fn present(&mut self, node: NodeName) -> Result<bool> {
        self.with(|store| store.present(node))
    }
}

/// A session's hot path.
#[derive(Default)]
struct Hot {
    counts: Counts,
    ceiling: [u32; 2],
    uplink: bool,
    ended: Option<End>,
}

/// A node: a keeper and its hot path.
struct Node {
    keeper: Keeper<Shared>,
    hot: BTreeMap<u64, Hot>,
    used: Arc<Mutex<HashSet<(u64, u32)>>>,
    now: Duration,
}

fn print(id: u64) -> (KeyPrint, SessionName) {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&id.to_be_bytes());
    (KeyPrint(name), SessionName(name))
}

impl Node {
    fn new(store: Shared, name: u8, used: &Arc<Mutex<HashSet<(u64, u32)>>>) -> Self {
        let config = KeeperConfig {
            node: NodeName([name; 16]),
            ttl: Duration::from_secs(3600),
            uplink: Uplink::AfterRekey,
        };
        let mut node = Self {
            keeper: Keeper::new(store, config).unwrap(),
            hot: BTreeMap::new(),
            used: used.clone(),
            now: Duration::from_secs(1),
        };
        node.round();
        node
    }

    fn fresh(&mut self, id: u64) {
        self.hot.insert(id, Hot::default());
        let sealed = (b"sealed".to_vec(), Revision::ABSENT);
        self.keeper.fresh(id, print(id), sealed);
    }

    fn claim(&mut self, id: u64) {
        let record = self.keeper.record(print(id).1).unwrap().unwrap();
        assert_eq!(record.value, b"sealed");
        self.hot.insert(id, Hot::default());
        let how = (Claim::Store, [true, false]);
        self.keeper.claim(id, print(id), how, record.revision);
    }

    /// False when no COUNT is left.
    fn send(&mut self, id: u64) -> bool {
        let hot = self.hot.get_mut(&id).unwrap();
        let next = &mut hot.counts.next[0];
        let free = *next < hot.ceiling[0];
        if free {
            let first = self.used.lock().unwrap().insert((id, *next));
            assert!(first, "COUNT {next} of session {id} is used twice");
            *next += 1;
        }
        if hot.ceiling[0] - *next == LEASE / 2 || !free {
            self.keeper.asked(id, hot.counts, [true, false]);
        }
        free
    }

    fn round(&mut self) {
        self.now += Duration::from_millis(1);
        // What a step asks for is done at once, and may lead to the next.
        for _ in 0..4 {
            for (id, step) in self.keeper.round(self.now) {
                self.apply(id, step);
            }
        }
    }

    fn apply(&mut self, id: u64, step: Step) {
        let hot = self.hot.get_mut(&id).unwrap();
        if let Some((counts, ceiling)) = step.begin {
            (hot.counts, hot.ceiling) = (counts, ceiling);
        }
        if let Some(ceiling) = step.ceiling {
            hot.ceiling = ceiling;
        }
        if let Some(uplink) = step.uplink {
            hot.uplink = uplink;
        }
        if step.halt {
            hot.ceiling = hot.counts.next;
            self.keeper.halted(id, hot.counts);
        }
        hot.ended = hot.ended.or(step.end);
    }
}

fn used() -> Arc<Mutex<HashSet<(u64, u32)>>> {
    Arc::default()
}

#[test]
fn writes_per_message_and_no_stall_while_the_store_takes_its_time() {
    const SESSIONS: u64 = 400;
    const MESSAGES: u64 = 320;
    let folder = Folder::new("cost");
    let mut node = Node::new(Shared::new(&folder), 1, &used());
    for id in 0..SESSIONS {
        node.fresh(id);
    }
    node.round();
    // A round for every 8 messages of each session: at 10 messages a second of one UE, a store that takes 0.8 s.
    for n in 0..MESSAGES {
        for id in 0..SESSIONS {
            assert!(node.send(id), "session {id} waits for its lease");
        }
        if n % 8 == 7 {
            node.round();
        }
    }
    let figures = node.keeper.figures();
    let sent = SESSIONS * MESSAGES;
    println!(
        "{sent} messages: {} writes in {} commits, {:.4} writes and {:.6} commits a message",
        figures.writes,
        figures.commits,
        figures.writes as f64 / sent as f64,
        figures.commits as f64 / sent as f64,
    );
    assert!(figures.writes as f64 <= 0.035 * sent as f64, "{figures:?}");
    assert_eq!((figures.refused, figures.stale), (0, 0));
}

#[test]
fn without_the_store_downlink_ends_and_comes_back_with_it() {
    let (folder, used) = (Folder::new("gone"), used());
    let store = Shared::new(&folder);
    let mut node = Node::new(store.clone(), 1, &used);
    node.fresh(1);
    node.round();
    store.set(GONE);
    let mut sent = 0;
    for _ in 0..200 {
        sent += u32::from(node.send(1));
        node.round();
    }
    assert_eq!(sent, LEASE, "not one more than was leased");
    assert!(node.keeper.figures().refused > 2);
    // Commits that happen without an answer: the lease is found by reading.
    store.set(MUTE);
    node.now += Duration::from_secs(2);
    node.round();
    assert!(!node.send(1));
    store.set(WELL);
    for _ in 0..5 {
        node.now += Duration::from_secs(2);
        node.round();
    }
    assert!((0..LEASE).all(|_| node.send(1)));
    assert!(node.hot[&1].ended.is_none());
}

#[test]
fn a_session_moves_in_order() {
    let (folder, used) = (Folder::new("move"), used());
    let store = Shared::new(&folder);
    let mut old = Node::new(store.another(), 1, &used);
    let mut new = Node::new(store.another(), 2, &used);
    old.fresh(7);
    old.round();
    assert!((0..10).all(|_| old.send(7)));
    // While the owner is there, nobody takes it.
    new.claim(7);
    new.round();
    assert_eq!(new.hot[&7].ended, Some(End::Owned));
    old.keeper.stop(7);
    old.round();
    assert_eq!(old.hot[&7].ended, Some(End::Returned));
    new.claim(7);
    new.round();
    assert_eq!(new.hot[&7].counts.next, [10, 0], "nothing is passed over");
    assert!(new.hot[&7].uplink, "and its floors are exact");
    assert!((0..40).all(|_| new.send(7) || {
        new.round();
        new.send(7)
    }));
    assert!(!old.send(7), "the old owner has nothing left");
}

#[test]
fn a_lost_owner_is_succeeded_and_fenced_when_it_comes_back() {
    let (folder, used) = (Folder::new("takeover"), used());
    let store = Shared::new(&folder);
    let cut = store.another();
    let mut old = Node::new(cut.clone(), 1, &used);
    let mut new = Node::new(store.another(), 2, &used);
    old.fresh(7);
    old.round();
    assert!((0..5).all(|_| old.send(7)));
    cut.set(GONE);
    // Its presence ends in the store, and by its own clock.
    store.0.lock().unwrap().leave(NodeName([1; 16])).unwrap();
    new.claim(7);
    new.round();
    assert_eq!(
        new.hot[&7].counts.next[0], LEASE,
        "from the acknowledged watermark"
    );
    assert!(!new.hot[&7].uplink, "floors may lag: a new key is due");
    // Both send; no COUNT meets another (Node::send looks).
    let mut sent = 0;
    for _ in 0..60 {
        sent += u32::from(old.send(7));
        new.send(7);
        old.round();
        new.round();
    }
    assert_eq!(sent, LEASE - 5);
    cut.set(WELL);
    old.now += Duration::from_secs(10);
    old.send(7);
    for _ in 0..3 {
        old.round();
    }
    assert_eq!(old.hot[&7].ended, Some(End::Fenced));
    assert_eq!(
        (old.keeper.figures().fenced, new.keeper.figures().taken),
        (1, 1)
    );
}

#[test]
fn an_owner_that_cannot_hold_stops_its_uplink_in_time() {
    let (folder, used) = (Folder::new("absent"), used());
    let store = Shared::new(&folder);
    let mut node = Node::new(store.clone(), 1, &used);
    node.fresh(1);
    node.round();
    assert!(node.hot[&1].uplink && node.keeper.present());
    store.set(GONE);
    node.now += Duration::from_secs(3600) * 7 / 8;
    node.round();
    assert!(!node.hot[&1].uplink && !node.keeper.present());
    store.set(WELL);
    node.now += Duration::from_secs(2);
    node.round();
    assert!(node.keeper.present() && !node.hot[&1].uplink);
    // It writes first.
    let counts = node.hot[&1].counts;
    node.keeper.asked(1, counts, [false; 2]);
    node.round();
    assert!(node.hot[&1].uplink);
    assert_eq!(node.keeper.figures().absences, 1);
}

#[test]
fn another_identity_asks_for_new_keys() {
    let (folder, used) = (Folder::new("identity-keeper"), used());
    let store = Shared::new(&folder);
    let mut node = Node::new(store.clone(), 1, &used);
    node.fresh(1);
    node.round();
    node.keeper.stop(1);
    node.round();
    store.0.lock().unwrap().renew_identity().unwrap();
    let mut next = Node::new(store, 2, &used);
    next.claim(1);
    next.round();
    assert!(matches!(next.hot[&1].ended, Some(End::Rekey(_))));
    assert_eq!(next.keeper.figures().rekeys, 1);
}

/// More sessions than a round takes, all of them wanting something all the time: one that is given back is not put off
/// for ever, wherever it stands among them.
#[test]
fn a_session_that_is_given_back_does_not_wait_for_busy_ones() {
    const BUSY: u64 = 4000;
    let folder = Folder::new("fair");
    let mut node = Node::new(Shared::new(&folder), 1, &used());
    (0..=BUSY).for_each(|id| node.fresh(id));
    (0..3).for_each(|_| node.round());
    node.keeper.stop(BUSY);
    let mut rounds = 0;
    while node.hot[&BUSY].ended.is_none() {
        for id in 0..BUSY {
            let counts = node.hot[&id].counts;
            node.keeper.checkpoint(id, counts);
        }
        for (id, step) in node.keeper.round(node.now) {
            node.apply(id, step);
        }
        rounds += 1;
        assert!(rounds < 10, "put off for ever");
    }
    assert_eq!(node.hot[&BUSY].ended, Some(End::Returned));
}

/// A process that was stopped, or whose host was, holds at once when it goes on. It was absent all the same, and another
/// node may have what it had.
#[test]
fn an_owner_that_stood_still_shows_first_that_it_still_is_one() {
    let (folder, used) = (Folder::new("still"), used());
    let mut node = Node::new(Shared::new(&folder), 1, &used);
    node.fresh(1);
    node.round();
    assert!(node.hot[&1].uplink);
    node.now += Duration::from_secs(2 * 3600);
    node.round();
    assert!(node.keeper.present() && !node.hot[&1].uplink);
    assert_eq!(node.keeper.figures().absences, 1);
    let counts = node.hot[&1].counts;
    node.keeper.asked(1, counts, [false; 2]);
    node.round();
    assert!(node.hot[&1].uplink);
}
