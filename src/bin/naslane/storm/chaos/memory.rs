//! A store in this process's memory, and the lines of its nodes to it, which can be cut.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use naslane::store::{
    Entry, Failure, Group, Incarnation, Key, NodeName, Outcome, Result, Revision, SessionName,
    Store, check,
};

#[derive(Default)]
struct Inner {
    entries: BTreeMap<Key, Entry>,
    revision: u64,
    present: HashMap<NodeName, Instant>,
}

/// What all nodes share. Clones are the same store.
#[derive(Clone, Default)]
pub(super) struct Memory {
    inner: Arc<Mutex<Inner>>,
    down: Arc<AtomicBool>,
}

impl Memory {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It answers nobody, or again.
    pub(super) fn set_down(&self, down: bool) {
        // What is under way has its end first.
        let inner = self.inner();
        self.down.store(down, Ordering::Release);
        drop(inner);
    }

    pub(super) fn is_up(&self) -> bool {
        !self.down.load(Ordering::Acquire)
    }

    /// The nodes that are present, for whoever watches.
    pub(super) fn present(&self) -> HashSet<NodeName> {
        let now = Instant::now();
        let inner = self.inner();
        let present = inner.present.iter().filter(|(_, end)| **end > now);
        present.map(|(node, _)| *node).collect()
    }
}

/// A node's line to the store. When it is cut, or the store is down, every second commit happens and its answer is lost.
pub(super) struct Wire {
    store: Memory,
    cut: Arc<AtomicBool>,
    calls: u64,
}

impl Wire {
    pub(super) fn new(store: Memory, cut: Arc<AtomicBool>) -> Self {
        let calls = 0;
        Self { store, cut, calls }
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire) || !self.store.is_up()
    }

    fn ask<T>(&mut self, ask: impl FnOnce(&mut Inner) -> T) -> Result<T> {
        let mut inner = self.store.inner();
        if self.is_cut() {
            return Err(Failure::Unavailable);
        }
        Ok(ask(&mut inner))
    }
}

impl Store for Wire {
    fn incarnation(&mut self) -> Result<Incarnation> {
        self.ask(|_| Incarnation([3; 16]))
    }

    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.ask(|inner| {
            let find = |key| inner.entries.get(key).cloned();
            keys.iter().map(find).collect()
        })
    }

    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
        check(groups)?;
        self.calls += 1;
        // The last request before a cut: it left, and nobody knows whether it arrived.
        let lost = self.is_cut();
        if lost && (self.calls.is_multiple_of(2) || !self.store.is_up()) {
            return Err(Failure::Unknown);
        }
        let mut inner = self.store.inner();
        let done = groups.iter().map(|group| inner.carry_out(group)).collect();
        if lost {
            Err(Failure::Unknown)
        } else {
            Ok(done)
        }
    }

    fn records(
        &mut self,
        after: Option<SessionName>,
        most: usize,
    ) -> Result<Vec<(SessionName, Entry)>> {
        self.ask(|inner| {
            let records = inner.entries.iter().filter_map(|(key, entry)| match key {
                Key::Record(name) if after.is_none_or(|after| *name > after) => {
                    Some((*name, entry.clone()))
                }
                _ => None,
            });
            records.take(most).collect()
        })
    }

    fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()> {
        self.ask(|inner| {
            inner.present.insert(node, Instant::now() + ttl);
        })
    }

    fn leave(&mut self, node: NodeName) -> Result<()> {
        self.ask(|inner| {
            inner.present.remove(&node);
        })
    }

    fn present(&mut self, node: NodeName) -> Result<bool> {
        let now = Instant::now();
        self.ask(|inner| inner.present.get(&node).is_some_and(|end| *end > now))
    }
}

impl Inner {
    fn carry_out(&mut self, Group(changes): &Group) -> Outcome {
        let now = |key: &Key| self.entries.get(key).cloned();
        let revision =
            |entry: &Option<Entry>| entry.as_ref().map_or(Revision::ABSENT, |e| e.revision);
        let there: Vec<Option<Entry>> = changes.iter().map(|change| now(&change.key)).collect();
        let fits = changes
            .iter()
            .zip(&there)
            .all(|(change, entry)| change.expect == revision(entry));
        if !fits {
            return Outcome::Stale(there);
        }
        self.revision += 1;
        let revision = Revision(self.revision);
        for change in changes {
            match &change.value {
                Some(value) => {
                    let value = value.clone();
                    self.entries.insert(change.key, Entry { revision, value });
                }
                None => {
                    self.entries.remove(&change.key);
                }
            }
        }
        Outcome::Done(revision)
    }
}

/// A node that uses what it asked for before the store has it: the order made wrong on purpose, to prove that the record
/// would notice. Tests only.
#[cfg(test)]
pub(super) mod hasty {
    use super::*;

    /// Acknowledges a commit at once and carries it out with the next call, if there is one.
    pub(in super::super) struct Hasty {
        wire: Wire,
        late: Vec<Group>,
        /// What the store really has of the entries that this node wrote.
        real: HashMap<Key, Revision>,
        promises: u64,
    }

    impl Hasty {
        pub(in super::super) fn new(wire: Wire) -> Self {
            Self {
                wire,
                late: Vec::new(),
                real: HashMap::new(),
                promises: 1 << 40,
            }
        }

        fn catch_up(&mut self) {
            if self.wire.is_cut() {
                return;
            }
            for Group(mut changes) in std::mem::take(&mut self.late) {
                for change in &mut changes {
                    let real = self.real.get(&change.key).copied();
                    change.expect = real.unwrap_or(Revision::ABSENT);
                }
                let _ = self.carry_out(&Group(changes));
            }
        }

        fn carry_out(&mut self, group: &Group) -> Result<Vec<Outcome>> {
            let outcomes = self.wire.commit(std::slice::from_ref(group))?;
            if let [Outcome::Done(revision)] = outcomes[..] {
                for change in &group.0 {
                    self.real.insert(change.key, revision);
                }
            }
            Ok(outcomes)
        }
    }

    impl Store for Hasty {
        fn incarnation(&mut self) -> Result<Incarnation> {
            self.wire.incarnation()
        }
        fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
            self.catch_up();
            self.wire.read(keys)
        }
        fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
            self.catch_up();
            let mut outcomes = Vec::new();
            for group in groups {
                let known = |change: &naslane::store::Change| {
                    change.expect == Revision::ABSENT || self.real.contains_key(&change.key)
                };
                if group.0.iter().all(known) {
                    self.promises += 1;
                    self.late.push(group.clone());
                    outcomes.push(Outcome::Done(Revision(self.promises)));
                } else {
                    // A takeover is decided by the store, as it should be.
                    outcomes.extend(self.carry_out(group)?);
                }
            }
            Ok(outcomes)
        }
        fn records(
            &mut self,
            after: Option<SessionName>,
            most: usize,
        ) -> Result<Vec<(SessionName, Entry)>> {
            self.wire.records(after, most)
        }
        fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()> {
            self.wire.hold(node, ttl)
        }
        fn leave(&mut self, node: NodeName) -> Result<()> {
            self.wire.leave(node)
        }
        fn present(&mut self, node: NodeName) -> Result<bool> {
            self.wire.present(node)
        }
    }
}
