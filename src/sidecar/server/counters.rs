//! Figures of the daemon that any thread may read.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::protocol::Statistics;

/// Counted where it happens, read by whoever wants to know: statistics, nothing is published with them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) clients: AtomicU64,
    pub(super) sessions: AtomicU64,
    pub(super) kept_sessions: AtomicU64,
    pub(super) queues: AtomicU64,
    pub(super) quarantined: AtomicU64,
    pub(super) jobs: AtomicU64,
    pub(super) foreign_handles: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) locked_bytes: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

pub(super) fn set(counter: &AtomicU64, number: u64) {
    counter.store(number, Ordering::Relaxed);
}

impl Counters {
    /// All figures as they are now.
    #[must_use]
    pub fn read(&self) -> Statistics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            clients: get(&self.clients),
            sessions: get(&self.sessions),
            kept_sessions: get(&self.kept_sessions),
            queues: get(&self.queues),
            quarantined: get(&self.quarantined),
            jobs: get(&self.jobs),
            foreign_handles: get(&self.foreign_handles),
            requests: get(&self.requests),
            refused: get(&self.refused),
            locked_bytes: get(&self.locked_bytes),
        }
    }
}
