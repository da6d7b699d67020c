//! Plain numbers that were read at one moment: to add up, subtract and show.

use super::{
    ALGORITHMS, Algorithms, BATCH_BUCKETS, FINDINGS, Histogram, LATENCY_BUCKETS, OPERATIONS,
    Operation, QUARANTINES, TapSnapshot, Verdict,
};

/// What came since `earlier`. A counter that went back belongs to an engine that started anew in between: all of it is
/// new.
const fn since(now: u64, earlier: u64) -> u64 {
    match now.checked_sub(earlier) {
        Some(difference) => difference,
        None => now,
    }
}

/// Messages by operation, algorithms and verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    rows: Vec<[u64; Verdict::ROOM]>,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            rows: vec![[0; Verdict::ROOM]; OPERATIONS * ALGORITHMS],
        }
    }
}

impl Messages {
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u64; Verdict::ROOM]> {
        self.rows.iter_mut()
    }

    /// One counter.
    #[must_use]
    pub fn get(&self, operation: Operation, algorithms: Algorithms, verdict: Verdict) -> u64 {
        self.rows[operation.index() * ALGORITHMS + algorithms.index()][verdict.index()]
    }

    /// Every counter that is not zero.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, Algorithms, Verdict, u64)> + '_ {
        let pairs = Operation::ALL.iter().flat_map(|operation| {
            Algorithms::all().map(move |algorithms| (*operation, algorithms))
        });
        let each = pairs.flat_map(|(operation, algorithms)| {
            let verdicts = Verdict::ALL.iter();
            verdicts.map(move |verdict| (operation, algorithms, *verdict))
        });
        each.map(|(operation, algorithms, verdict)| {
            let number = self.get(operation, algorithms, verdict);
            (operation, algorithms, verdict, number)
        })
        .filter(|(.., number)| *number != 0)
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }

    fn combine(&mut self, other: &Self, how: impl Fn(u64, u64) -> u64) {
        let cells = self.rows.iter_mut().flatten();
        for (to, from) in cells.zip(other.rows.iter().flatten()) {
            *to = how(*to, *from);
        }
    }
}

/// The numbers of one worker, or of several added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerSnapshot {
    /// Finished messages.
    pub messages: Messages,
    /// Messages taken together.
    pub batch: Histogram<BATCH_BUCKETS>,
    /// Nanoseconds from taking a message to publishing its completion.
    pub latency: Histogram<LATENCY_BUCKETS>,
    /// Turns of the loop.
    pub turns: u64,
    /// How often a doorbell woke the worker.
    pub wakeups: u64,
    /// How often it went to sleep.
    pub sleeps: u64,
    /// Now: how many of the workers sleep (0 or 1 for one).
    pub asleep: u64,
    /// Now: jobs that wait in the submission rings.
    pub ring_occupancy: u64,
    /// The most that ever waited there.
    pub most_occupancy: u64,
    /// Now: queues served.
    pub queues: u64,
    /// Doorbells that were rung for clients that slept.
    pub rings: u64,
    /// Lane groups that ended in a defect; their messages have the status of [`crate::base::Error::Poisoned`].
    pub defects: u64,
    /// Rings that the worker shut, by [`super::Quarantine`].
    pub quarantines: [u64; QUARANTINES],
    /// Now: how many of the workers have ended (0 or 1 for one).
    pub ended: u64,
}

impl WorkerSnapshot {
    /// Adds another worker's numbers.
    pub fn merge(&mut self, other: &Self) {
        self.messages.combine(&other.messages, u64::wrapping_add);
        self.batch.merge(&other.batch);
        self.latency.merge(&other.latency);
        self.turns += other.turns;
        self.wakeups += other.wakeups;
        self.sleeps += other.sleeps;
        self.asleep += other.asleep;
        self.ring_occupancy += other.ring_occupancy;
        self.most_occupancy = self.most_occupancy.max(other.most_occupancy);
        self.queues += other.queues;
        self.rings += other.rings;
        self.defects += other.defects;
        self.ended += other.ended;
        for (to, from) in self.quarantines.iter_mut().zip(&other.quarantines) {
            *to += from;
        }
    }

    /// What was counted since `earlier`; what is measured (occupancy, queues, asleep) stays as it is now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut messages = self.messages.clone();
        messages.combine(&earlier.messages, since);
        Self {
            messages,
            batch: self.batch.since(&earlier.batch),
            latency: self.latency.since(&earlier.latency),
            turns: since(self.turns, earlier.turns),
            wakeups: since(self.wakeups, earlier.wakeups),
            sleeps: since(self.sleeps, earlier.sleeps),
            rings: since(self.rings, earlier.rings),
            defects: since(self.defects, earlier.defects),
            quarantines: std::array::from_fn(|i| {
                since(self.quarantines[i], earlier.quarantines[i])
            }),
            ..*self
        }
    }
}

/// The numbers of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Each worker's.
    pub workers: Vec<WorkerSnapshot>,
    /// Clients that were shut out by somebody else than a worker, by [`super::Quarantine`].
    pub quarantines: [u64; QUARANTINES],
    /// Findings, by the number of the code.
    pub findings: [u64; FINDINGS],
    /// The trace tap.
    pub tap: TapSnapshot,
    /// Now: clients.
    pub clients: u64,
    /// Clients that were turned away.
    pub clients_refused: u64,
    /// Now: sessions in use.
    pub sessions: u64,
    /// Now: sessions that the tables hold.
    pub session_limit: u64,
    /// Now: octets of memory that may not be swapped out.
    pub locked_bytes: u64,
}

impl Snapshot {
    /// All workers added up.
    #[must_use]
    pub fn total(&self) -> WorkerSnapshot {
        let mut total = WorkerSnapshot::default();
        self.workers.iter().for_each(|worker| total.merge(worker));
        total
    }

    /// Adds the numbers of another process, whose workers stand behind these.
    pub fn merge(&mut self, other: &Self) {
        self.workers.extend(other.workers.iter().cloned());
        for (to, from) in self.quarantines.iter_mut().zip(&other.quarantines) {
            *to += from;
        }
        for (to, from) in self.findings.iter_mut().zip(&other.findings) {
            *to += from;
        }
        self.tap.combine(&other.tap, |own, other| own + other);
        self.tap.open += other.tap.open;
        self.clients += other.clients;
        self.clients_refused += other.clients_refused;
        self.sessions += other.sessions;
        self.session_limit += other.session_limit;
        self.locked_bytes += other.locked_bytes;
    }

    /// What was counted since `earlier`; what is measured stays as it is now. Divided by the seconds between: rates.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let none = WorkerSnapshot::default();
        let before = |index: usize| earlier.workers.get(index).unwrap_or(&none);
        let workers = self.workers.iter().enumerate();
        let mut tap = self.tap;
        tap.combine(&earlier.tap, since);
        Self {
            workers: workers.map(|(i, w)| w.since(before(i))).collect(),
            quarantines: std::array::from_fn(|i| {
                since(self.quarantines[i], earlier.quarantines[i])
            }),
            findings: std::array::from_fn(|i| since(self.findings[i], earlier.findings[i])),
            tap,
            clients_refused: since(self.clients_refused, earlier.clients_refused),
            ..*self
        }
    }
}
