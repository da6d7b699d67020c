//! What a worker counts: words that it alone writes and anybody reads, without a lock or a locked instruction.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::job::Job;

/// Operations that are counted: by number, those without one together as 0.
pub const OPS: usize = 7;

/// Buckets of batch sizes: 1, 2, up to 4, 8, 16, 32 and 64 jobs.
pub const SIZES: usize = 7;

/// What came of a job, by the number of its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Done.
    Ok,
    /// The message was refused.
    Verdict,
    /// A procedure or the state of the session refused it.
    Procedure,
    /// The job was wrong.
    Argument,
    /// Resources, defects, stops.
    Resource,
}

impl Class {
    /// Every class, in the order of [`WorkerStats::jobs`].
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Verdict,
        Self::Procedure,
        Self::Argument,
        Self::Resource,
    ];

    /// The class of a status.
    #[must_use]
    pub const fn of(status: i32) -> Self {
        match status {
            0 => Self::Ok,
            1..32 => Self::Verdict,
            32..64 => Self::Procedure,
            64..96 => Self::Argument,
            _ => Self::Resource,
        }
    }
}

/// A number that one thread counts up.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(super) fn add(&self, number: u64) {
        // Relaxed, and no locked instruction: nobody else writes.
        self.set(self.get() + number);
    }

    #[inline]
    pub(super) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The words of one worker, alone on their cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    pub(super) turns: Counter,
    pub(super) batches: Counter,
    jobs: [[Counter; Class::ALL.len()]; OPS],
    sizes: [Counter; SIZES],
    pub(super) sleeps: Counter,
    pub(super) wake_ups: Counter,
    pub(super) rings: Counter,
    pub(super) occupancy: Counter,
    most: Counter,
    pub(super) queues: Counter,
    pub(super) quarantines: Counter,
    pub(super) panics: Counter,
    /// 0: running, 1: asleep, 2: ended.
    pub(super) state: Counter,
}

pub(super) const RUNNING: u64 = 0;
pub(super) const ASLEEP: u64 = 1;
pub(super) const ENDED: u64 = 2;

impl Counters {
    #[inline]
    pub(super) fn job(&self, job: &Job) {
        let op = match usize::from(job.op) {
            op if op < OPS => op,
            _ => 0,
        };
        self.jobs[op][Class::of(job.status) as usize].add(1);
    }

    #[inline]
    pub(super) fn batch(&self, jobs: usize) {
        self.batches.add(1);
        let bucket = jobs.next_power_of_two().trailing_zeros() as usize;
        self.sizes[bucket.min(SIZES - 1)].add(1);
    }

    #[inline]
    pub(super) fn waiting(&self, jobs: u64) {
        self.occupancy.set(jobs);
        if jobs > self.most.get() {
            self.most.set(jobs);
        }
    }

    pub(super) fn read(&self) -> WorkerStats {
        WorkerStats {
            turns: self.turns.get(),
            batches: self.batches.get(),
            jobs: std::array::from_fn(|op| std::array::from_fn(|class| self.jobs[op][class].get())),
            sizes: std::array::from_fn(|bucket| self.sizes[bucket].get()),
            sleeps: self.sleeps.get(),
            wake_ups: self.wake_ups.get(),
            rings: self.rings.get(),
            occupancy: self.occupancy.get(),
            most: self.most.get(),
            queues: self.queues.get(),
            quarantines: self.quarantines.get(),
            panics: self.panics.get(),
            asleep: self.state.get() == ASLEEP,
            ended: self.state.get() == ENDED,
        }
    }
}

/// What a worker did since it started. Numbers of one reading may be a few jobs apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerStats {
    /// The heartbeat: rounds over its queues, with work or without.
    pub turns: u64,
    /// Rounds that found jobs.
    pub batches: u64,
    /// Jobs by operation ([`crate::engine::job::op`]; 0: unknown ones) and [`Class`].
    pub jobs: [[u64; Class::ALL.len()]; OPS],
    /// Batches by size: bucket `i` is up to 2^i jobs.
    pub sizes: [u64; SIZES],
    /// How often it went to sleep.
    pub sleeps: u64,
    /// How often a doorbell woke it.
    pub wake_ups: u64,
    /// Doorbells that it rang for clients that slept.
    pub rings: u64,
    /// Jobs that it found waiting in its latest batch, in all of its rings.
    pub occupancy: u64,
    /// The most that it ever found.
    pub most: u64,
    /// Queues that it serves.
    pub queues: u64,
    /// Rings that it put under quarantine.
    pub quarantines: u64,
    /// Lane groups that ended in a defect; their jobs have the status of [`crate::base::Error::Poisoned`].
    pub panics: u64,
    /// It sleeps.
    pub asleep: bool,
    /// Its thread has ended.
    pub ended: bool,
}

impl WorkerStats {
    /// Jobs completed.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.jobs.iter().flatten().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Error;

    #[test]
    fn jobs_and_batches_find_their_words() {
        let counters = Counters::default();
        for (op, status) in [
            (1, 0),
            (1, 0),
            (2, Error::Mac.code()),
            (200, Error::Operation.code()),
            (6, Error::Poisoned.code()),
        ] {
            counters.job(&Job {
                op,
                status,
                ..Job::default()
            });
        }
        for size in [1, 2, 3, 4, 5, 33, 64] {
            counters.batch(size);
        }
        counters.waiting(9);
        counters.waiting(2);
        let stats = counters.read();
        assert_eq!(stats.completed(), 5);
        assert_eq!(stats.jobs[1][Class::Ok as usize], 2);
        assert_eq!(stats.jobs[2][Class::Verdict as usize], 1);
        assert_eq!(stats.jobs[0][Class::Argument as usize], 1);
        assert_eq!(stats.jobs[6][Class::Resource as usize], 1);
        assert_eq!(stats.sizes, [1, 1, 2, 1, 0, 0, 2]);
        assert_eq!((stats.occupancy, stats.most), (2, 9));
    }
}
