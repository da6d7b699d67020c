//! Figures of the control plane; the workers' metrics have the others.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::metrics::Metrics;

use super::super::protocol::Statistics;

/// Counted where it happens: statistics, nothing is published with them.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) kept_sessions: AtomicU64,
    pub(super) queues: AtomicU64,
    pub(super) quarantined: AtomicU64,
    pub(super) foreign_handles: AtomicU64,
    pub(super) requests: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

pub(super) fn set(counter: &AtomicU64, number: u64) {
    counter.store(number, Ordering::Relaxed);
}

impl Counters {
    /// All figures as they are now, with those that the workers' metrics have.
    pub(super) fn read(&self, metrics: &Metrics) -> Statistics {
        let snapshot = metrics.snapshot();
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            clients: snapshot.clients,
            sessions: snapshot.sessions,
            kept_sessions: get(&self.kept_sessions),
            queues: get(&self.queues),
            quarantined: get(&self.quarantined),
            jobs: snapshot.total().messages.total(),
            foreign_handles: get(&self.foreign_handles),
            requests: get(&self.requests),
            refused: snapshot.clients_refused,
            locked_bytes: snapshot.locked_bytes,
        }
    }
}
