//! Notices a worker that does not move: one that neither sleeps nor goes round.

use std::time::{Duration, Instant};

use super::Workers;

/// Remembers when each worker was seen to move. Ask it now and then.
#[derive(Clone, Debug)]
pub struct Watch {
    patience: Duration,
    seen: Vec<(u64, Instant)>,
}

impl Watch {
    /// A watch that calls a worker stalled when it stood still for this long. A batch takes well below a
    /// millisecond; a session that another thread keeps locked holds a worker up.
    #[must_use]
    pub const fn new(patience: Duration) -> Self {
        Self {
            patience,
            seen: Vec::new(),
        }
    }

    /// The workers that stand still, by number: their thread ended, or it made no round since `patience`.
    pub fn stalled(&mut self, workers: &Workers) -> Vec<usize> {
        let (stats, now) = (workers.stats(), Instant::now());
        self.seen.resize(stats.len(), (u64::MAX, now));
        let mut stalled = Vec::new();
        for (number, (stats, seen)) in stats.iter().zip(&mut self.seen).enumerate() {
            if stats.asleep || stats.turns != seen.0 {
                *seen = (stats.turns, now);
            }
            if stats.ended || now.duration_since(seen.1) >= self.patience {
                stalled.push(number);
            }
        }
        stalled
    }
}
