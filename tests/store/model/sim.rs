//! The simulated store, and what travels between it and the nodes.

use std::collections::HashMap;

use naslane::store::{Entry, Incarnation, KeyPrint, Line, NodeName, Outcome, Revision};

/// How long a node is present after it held.
pub(super) const TTL: u64 = 16;

/// A request on its way.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Read,
    Present(NodeName),
    Commit { expect: Revision, line: Line },
    Hold,
}

/// An answer on its way.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Read(Option<Entry>),
    Present(bool),
    Commit(Outcome),
    Held,
}

/// What a [`Flight`] carries.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Ask(Ask),
    Answer(Answer, Incarnation),
}

/// A message between a node and the store.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) node: usize,
    /// The process that asked: its successor does not get the answer.
    pub(super) process: NodeName,
    pub(super) key: u32,
    pub(super) id: u64,
    pub(super) body: Body,
}

type Stored = (Revision, Vec<u8>);

/// A store that takes one request at a time.
#[derive(Default)]
pub(super) struct SimStore {
    lines: HashMap<u32, Stored>,
    revision: u64,
    pub(super) incarnation: u8,
    present: HashMap<NodeName, u64>,
    /// What each commit replaced, latest last.
    undo: Vec<(u32, Option<Stored>)>,
    blind: bool,
}

pub(super) fn print(key: u32) -> KeyPrint {
    let mut octets = [0; 16];
    octets[..4].copy_from_slice(&key.to_be_bytes());
    KeyPrint(octets)
}

impl SimStore {
    /// An empty one. `blind`: commits do not look at revisions.
    pub(super) fn new(blind: bool) -> Self {
        Self {
            incarnation: 1,
            blind,
            ..Self::default()
        }
    }

    pub(super) const fn identity(&self) -> Incarnation {
        Incarnation([self.incarnation; 16])
    }

    pub(super) fn knows(&self, key: u32) -> bool {
        self.lines.contains_key(&key)
    }

    fn entry(&self, key: u32) -> Option<Entry> {
        let (revision, value) = self.lines.get(&key)?;
        Some(Entry {
            revision: *revision,
            value: value.clone(),
        })
    }

    pub(super) fn take(&mut self, ask: &Ask, node: NodeName, key: u32, now: u64) -> Answer {
        match ask {
            Ask::Read => Answer::Read(self.entry(key)),
            Ask::Present(node) => {
                Answer::Present(self.present.get(node).is_some_and(|until| now < *until))
            }
            Ask::Hold => {
                self.present.insert(node, now + TTL);
                Answer::Held
            }
            Ask::Commit { expect, line } => {
                let there = self.lines.get(&key).map_or(Revision::ABSENT, |(r, _)| *r);
                if there != *expect && !self.blind {
                    return Answer::Commit(Outcome::Stale(vec![self.entry(key)]));
                }
                self.revision += 1;
                let revision = Revision(self.revision);
                let new = (revision, line.to_bytes().to_vec());
                self.undo.push((key, self.lines.insert(key, new)));
                Answer::Commit(Outcome::Done(revision))
            }
        }
    }

    /// Back to before the last commits. Revisions go on, so that none comes back.
    pub(super) fn forget(&mut self, commits: usize) {
        for _ in 0..commits {
            match self.undo.pop() {
                Some((key, Some(old))) => {
                    self.lines.insert(key, old);
                }
                Some((key, None)) => {
                    self.lines.remove(&key);
                }
                None => {}
            }
        }
    }
}
