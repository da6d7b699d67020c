//! What a running engine counts: messages by operation, algorithms and verdict, batch sizes, latency, wake-ups,
//! quarantines. Numbers only: no clock, no log, and nothing that could tell a subscriber, a key, a COUNT or a handle.
//!
//! Each worker writes into memory of its own through its [`Recorder`], of which there is one at a time: a plain load
//! and store, no locked instruction and no line that two workers write. Everything a worker does not own (quarantines,
//! clients, sessions, locked memory) is in [`Shared`], which any thread may add to. A reader takes a [`Snapshot`]
//! whenever it likes; it sees every counter at some moment between the call and the return, never a torn number.
//!
//! Counting costs 4.1 ns a message, 290 ns a batch of 64 with all that belongs to it; a snapshot of a worker takes 1.8 us
//! of the reader's time (benches/metrics.rs, Cascade Lake at 2.5 GHz).

mod histogram;
mod labels;
mod snapshot;
mod tap;

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

pub use histogram::{BATCH_BUCKETS, Histogram, LATENCY_BUCKETS, upper_bound};
pub use labels::{ALGORITHMS, Algorithms, OPERATIONS, Operation, QUARANTINES, Quarantine, Verdict};
pub use snapshot::{Messages, Snapshot, WorkerSnapshot};
pub use tap::{TAP_ENDS, TapCounters, TapEnd, TapSnapshot};

use histogram::Cells;

/// Verdicts of one operation under one pair of algorithms: 128 octets, so that the usual verdict of the usual pair is
/// one line (and its neighbour, which the prefetcher takes along).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Row([AtomicU64; Verdict::ROOM]);

/// The counters of one worker. Written through its [`Recorder`], read by [`WorkerMetrics::snapshot`].
#[derive(Debug)]
#[repr(align(128))]
pub struct WorkerMetrics {
    taken: AtomicBool,
    turns: AtomicU64,
    wakeups: AtomicU64,
    sleeps: AtomicU64,
    asleep: AtomicU64,
    ring_occupancy: AtomicU64,
    most_occupancy: AtomicU64,
    queues: AtomicU64,
    rings: AtomicU64,
    defects: AtomicU64,
    ended: AtomicU64,
    quarantines: [AtomicU64; QUARANTINES],
    batch: Cells<BATCH_BUCKETS>,
    latency: Cells<LATENCY_BUCKETS>,
    messages: [[Row; ALGORITHMS]; OPERATIONS],
}

impl Default for WorkerMetrics {
    fn default() -> Self {
        Self {
            taken: AtomicBool::new(false),
            turns: AtomicU64::new(0),
            wakeups: AtomicU64::new(0),
            sleeps: AtomicU64::new(0),
            asleep: AtomicU64::new(0),
            ring_occupancy: AtomicU64::new(0),
            most_occupancy: AtomicU64::new(0),
            queues: AtomicU64::new(0),
            rings: AtomicU64::new(0),
            defects: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            quarantines: Default::default(),
            batch: Cells::default(),
            latency: Cells::default(),
            messages: Default::default(),
        }
    }
}

impl WorkerMetrics {
    /// The writing end; `None` while another one lives. A worker that starts anew counts on where the last one ended.
    #[must_use]
    pub fn recorder(self: &Arc<Self>) -> Option<Recorder> {
        // Acquire pairs with the Release in Recorder::drop: the new writer's loads see the last one's stores.
        let taken = self.taken.swap(true, Acquire);
        (!taken).then(|| {
            self.ended.store(0, Relaxed);
            Recorder {
                cells: Arc::clone(self),
            }
        })
    }

    /// The numbers as they are now.
    #[must_use]
    pub fn snapshot(&self) -> WorkerSnapshot {
        let mut messages = Messages::default();
        for (to, from) in messages.rows_mut().zip(self.messages.iter().flatten()) {
            for (to, from) in to.iter_mut().zip(&from.0) {
                *to = from.load(Relaxed);
            }
        }
        WorkerSnapshot {
            messages,
            batch: self.batch.read(),
            latency: self.latency.read(),
            turns: self.turns.load(Relaxed),
            wakeups: self.wakeups.load(Relaxed),
            sleeps: self.sleeps.load(Relaxed),
            asleep: self.asleep.load(Relaxed),
            ring_occupancy: self.ring_occupancy.load(Relaxed),
            most_occupancy: self.most_occupancy.load(Relaxed),
            queues: self.queues.load(Relaxed),
            rings: self.rings.load(Relaxed),
            defects: self.defects.load(Relaxed),
            ended: self.ended.load(Relaxed),
            quarantines: std::array::from_fn(|i| self.quarantines[i].load(Relaxed)),
        }
    }
}

/// Adds to a counter that only the caller writes: no locked instruction is needed for that.
#[inline]
fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(number), Relaxed);
}

/// The writing end of a [`WorkerMetrics`]: belongs to one thread, allocates nothing, waits for nobody.
#[derive(Debug)]
pub struct Recorder {
    cells: Arc<WorkerMetrics>,
}

impl Recorder {
    /// One finished message: the number of its operation (`Job::op`), its algorithms, its status.
    #[inline]
    pub fn message(&mut self, op: u8, algorithms: Algorithms, status: i32) {
        let operation = Operation::of(op);
        let row = &self.cells.messages[operation.index()][algorithms.index()];
        add(&row.0[Verdict::of(status).index()], 1);
    }

    /// One batch of `messages` that were taken together.
    #[inline]
    pub fn batch(&mut self, messages: u64) {
        self.cells.batch.add(messages, 1);
    }

    /// So many messages, published together, took `nanos` from being taken, each of them.
    #[inline]
    pub fn latency(&mut self, messages: u64, nanos: u64) {
        self.cells.latency.add(nanos, messages);
    }

    /// One turn of the worker's loop: what a watcher looks at to notice a worker that stands still.
    #[inline]
    pub fn turn(&mut self) {
        add(&self.cells.turns, 1);
    }

    /// The worker goes to sleep.
    pub fn sleep(&mut self) {
        add(&self.cells.sleeps, 1);
        self.cells.asleep.store(1, Relaxed);
    }

    /// A doorbell woke it.
    pub fn wake(&mut self) {
        add(&self.cells.wakeups, 1);
        self.cells.asleep.store(0, Relaxed);
    }

    /// It sleeps no more although no doorbell rang: it stops, or its time was up.
    pub fn rise(&mut self) {
        self.cells.asleep.store(0, Relaxed);
    }

    /// Jobs that wait in this worker's submission rings, all queues together.
    #[inline]
    pub fn ring_occupancy(&mut self, jobs: u64) {
        self.cells.ring_occupancy.store(jobs, Relaxed);
        if jobs > self.cells.most_occupancy.load(Relaxed) {
            self.cells.most_occupancy.store(jobs, Relaxed);
        }
    }

    /// Queues that this worker serves.
    pub fn queues(&mut self, queues: u64) {
        self.cells.queues.store(queues, Relaxed);
    }

    /// A doorbell was rung for a client that slept.
    pub fn ring(&mut self) {
        add(&self.cells.rings, 1);
    }

    /// A lane group ended in a defect.
    pub fn defect(&mut self) {
        add(&self.cells.defects, 1);
    }

    /// A ring was shut for this reason.
    pub fn quarantine(&mut self, reason: Quarantine) {
        add(&self.cells.quarantines[reason.index()], 1);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.cells.asleep.store(0, Relaxed);
        self.cells.queues.store(0, Relaxed);
        self.cells.ended.store(1, Relaxed);
        // Release pairs with the Acquire in WorkerMetrics::recorder.
        self.cells.taken.store(false, Release);
    }
}

/// What no single worker owns. Any thread adds to it; nothing here is on the way of a message.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Shared {
    quarantines: [AtomicU64; QUARANTINES],
    findings: [AtomicU64; FINDINGS],
    tap: TapCounters,
    clients: AtomicU64,
    clients_refused: AtomicU64,
    sessions: AtomicU64,
    session_limit: AtomicU64,
    locked_bytes: AtomicU64,
}

/// Room for the codes of the field's failure table, by their numbers.
pub const FINDINGS: usize = 32;

impl Shared {
    /// A finding, by the number of its code; one that this version does not know is counted as 0.
    pub fn finding(&self, code: u8) {
        let known = self.findings.get(usize::from(code));
        known.unwrap_or(&self.findings[0]).fetch_add(1, Relaxed);
    }

    /// Findings so far, by the numbers of the codes.
    #[must_use]
    pub fn findings(&self) -> [u64; FINDINGS] {
        std::array::from_fn(|i| self.findings[i].load(Relaxed))
    }

    /// What the trace tap did.
    #[must_use]
    pub const fn tap(&self) -> &TapCounters {
        &self.tap
    }

    /// A client was shut out for this reason by somebody else than a worker.
    pub fn quarantine(&self, reason: Quarantine) {
        self.quarantines[reason.index()].fetch_add(1, Relaxed);
    }

    /// A client was let in.
    pub fn client_in(&self) {
        self.clients.fetch_add(1, Relaxed);
    }

    /// A client that was let in is gone.
    pub fn client_out(&self) {
        self.clients.fetch_sub(1, Relaxed);
    }

    /// A client was turned away: not on the list, wrong version, or over a quota.
    pub fn client_refused(&self) {
        self.clients_refused.fetch_add(1, Relaxed);
    }

    /// Sessions in use and room for them, all shards together.
    pub fn sessions(&self, sessions: u64, limit: u64) {
        self.sessions.store(sessions, Relaxed);
        self.session_limit.store(limit, Relaxed);
    }

    /// Octets of memory that may not be swapped out.
    pub fn locked_bytes(&self, octets: u64) {
        self.locked_bytes.store(octets, Relaxed);
    }
}

/// The counters of a process: one [`WorkerMetrics`] per worker, and what they share.
#[derive(Debug, Default)]
pub struct Metrics {
    workers: Vec<Arc<WorkerMetrics>>,
    shared: Shared,
}

impl Metrics {
    /// All zero, for so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            workers: (0..workers).map(|_| Arc::default()).collect(),
            shared: Shared::default(),
        })
    }

    /// The counters of one worker.
    #[must_use]
    pub fn worker(&self, index: usize) -> Option<&Arc<WorkerMetrics>> {
        self.workers.get(index)
    }

    /// What the workers do not own.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The numbers of all as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let shared = &self.shared;
        Snapshot {
            workers: self.workers.iter().map(|w| w.snapshot()).collect(),
            quarantines: std::array::from_fn(|i| shared.quarantines[i].load(Relaxed)),
            findings: shared.findings(),
            tap: shared.tap.snapshot(),
            clients: shared.clients.load(Relaxed),
            clients_refused: shared.clients_refused.load(Relaxed),
            sessions: shared.sessions.load(Relaxed),
            session_limit: shared.session_limit.load(Relaxed),
            locked_bytes: shared.locked_bytes.load(Relaxed),
        }
    }
}
