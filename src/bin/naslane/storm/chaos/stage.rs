//! What chaos acts on: nodes and a store that can be killed, stopped and cut off.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use naslane::store::{NodeName, Store};

use super::inside::Inside;
use super::memory::{Memory, Wire};
use super::node::Node;
use super::schedule::NODES;

/// The nodes that the store counts as present; `None` when it does not answer.
pub(super) type Present = Option<HashSet<NodeName>>;

/// A node that serves, and the name under which the store knows it.
pub(super) type Begun = (Arc<dyn Node>, NodeName);

/// Nodes, and a store with members.
pub(super) trait Stage {
    /// One line: what runs where.
    fn describe(&self) -> String;
    /// Starts a node; [`Stage::begun`] tells when it serves. One starts at a time.
    ///
    /// # Errors
    /// A sentence.
    fn start(&mut self, seat: usize) -> Result<(), String>;
    /// The node that was started last, as soon as it serves.
    ///
    /// # Errors
    /// A sentence, when it ended instead.
    fn begun(&mut self, seat: usize) -> Result<Option<Begun>, String>;
    fn kill(&mut self, seat: usize);
    fn stop(&mut self, seat: usize, stopped: bool);
    /// # Errors
    /// A sentence.
    fn cut(&mut self, seat: usize, cut: bool) -> Result<(), String>;
    /// The member of the store that leads, if one does.
    fn leader(&mut self) -> Option<usize>;
    fn kill_member(&mut self, member: usize);
    /// # Errors
    /// A sentence.
    fn start_member(&mut self, member: usize) -> Result<(), String>;
    /// Anything that the stage itself has planned for this time. What it did, and the nodes that ended with it.
    ///
    /// # Errors
    /// A sentence.
    fn at(&mut self, _: Duration) -> Result<Option<(&'static str, bool)>, String> {
        Ok(None)
    }
    /// Looks at the store from outside, again and again, on a thread of its own.
    fn watch(&self) -> Box<dyn FnMut() -> Present + Send>;
}

/// Everything in this process.
pub(super) struct InProcess<S> {
    store: Memory,
    open: fn(Wire) -> S,
    ttl: Duration,
    sessions: usize,
    nodes: [Option<Arc<Inside<S>>>; NODES],
    cuts: [Arc<AtomicBool>; NODES],
    lives: u64,
    names: [NodeName; NODES],
    down: HashSet<usize>,
}

impl<S: Store + 'static> InProcess<S> {
    /// `open`: what a node makes of its line to the store.
    pub(super) fn new(open: fn(Wire) -> S, ttl: Duration, sessions: usize) -> Self {
        Self {
            store: Memory::default(),
            open,
            ttl,
            sessions,
            nodes: [const { None }; NODES],
            cuts: std::array::from_fn(|_| Arc::default()),
            lives: 0,
            names: [NodeName([0; 16]); NODES],
            down: HashSet::new(),
        }
    }

    fn members(&mut self, member: usize, down: bool) {
        if down {
            self.down.insert(member);
        } else {
            self.down.remove(&member);
        }
        self.store.set_down(!self.down.is_empty());
    }
}

impl<S: Store + 'static> Stage for InProcess<S> {
    fn describe(&self) -> String {
        format!("{NODES} nodes and their store in this process")
    }

    fn start(&mut self, seat: usize) -> Result<(), String> {
        self.lives += 1;
        let mut name = [0; 16];
        name[..8].copy_from_slice(&self.lives.to_be_bytes());
        self.names[seat] = NodeName(name);
        Ok(())
    }

    fn begun(&mut self, seat: usize) -> Result<Option<Begun>, String> {
        let cut = self.cuts[seat].clone();
        if !self.store.is_up() || cut.load(Ordering::Acquire) {
            return Ok(None);
        }
        let store = (self.open)(Wire::new(self.store.clone(), cut));
        let name = self.names[seat];
        let node = Inside::start(store, (name, self.ttl), self.sessions)?;
        self.nodes[seat] = Some(node.clone());
        Ok(Some((node, name)))
    }

    fn kill(&mut self, seat: usize) {
        if let Some(node) = self.nodes[seat].take() {
            node.kill();
        }
    }

    fn stop(&mut self, seat: usize, stopped: bool) {
        if let Some(node) = &self.nodes[seat] {
            node.stop(stopped);
        }
    }

    fn cut(&mut self, seat: usize, cut: bool) -> Result<(), String> {
        self.cuts[seat].store(cut, Ordering::Release);
        Ok(())
    }

    fn leader(&mut self) -> Option<usize> {
        Some(0)
    }

    /// One store stands for all members: it is down while one is, as a cluster is while it elects.
    fn kill_member(&mut self, member: usize) {
        self.members(member, true);
    }

    fn start_member(&mut self, member: usize) -> Result<(), String> {
        self.members(member, false);
        Ok(())
    }

    fn watch(&self) -> Box<dyn FnMut() -> Present + Send> {
        let store = self.store.clone();
        Box::new(move || store.is_up().then(|| store.present()))
    }
}
