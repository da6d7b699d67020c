//! A queue: one client thread's way to the workers. Jobs in, completions out, payloads in an arena.

use std::any::Any;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::{Error, Result};

use super::job::Job;
use super::ring::{ClientEnd, Doorbell, Payload, State};
use super::worker::Attached;

/// What a queue is opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Jobs that may be under way with each worker: a power of two from 8 to 4096.
    pub entries: u32,
    /// Octets of the arena.
    pub arena: usize,
}

impl Default for QueueConfig {
    /// 256 jobs with each worker, 1 MiB.
    fn default() -> Self {
        Self {
            entries: 256,
            arena: 1 << 20,
        }
    }
}

/// The client's side of one ring pair.
#[derive(Debug)]
pub struct Side {
    /// The ring.
    pub end: ClientEnd,
    /// What wakes its worker.
    pub wake_worker: Arc<Doorbell>,
}

/// Jobs of one client thread on their way to all workers and back.
///
/// Every job that [`Queue::submit`] takes comes out of [`Queue::reap`] exactly once, whatever happens to the worker.
/// Completions of one session come in the order of its jobs; sessions of different workers overtake each other.
///
/// Octets go in and out by copy ([`Queue::write`], [`Queue::read`]): what a worker reads or writes in the
/// arena while a job is under way is not to be touched, and if it is, the worst is a message that does not verify.
/// Other than in [`super::Engine::batch`], ranges of different jobs are not compared with each other, and an input
/// may be read before an earlier job has written its output: a job that needs another's output is submitted after
/// that one was reaped.
pub struct Queue {
    sides: Vec<Side>,
    /// Number of the worker of the first side.
    base: u8,
    payload: Payload,
    bell: Arc<Doorbell>,
    spin: Duration,
    /// Jobs for workers that do not exist.
    refused: VecDeque<Job>,
    /// The ring that is reaped first, so that none is always last.
    first: usize,
    stopping: Option<Arc<AtomicBool>>,
    _attached: Option<Attached>,
    /// Set when the workers' process is known to be gone.
    gone: Option<Arc<AtomicBool>>,
    _tie: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queue {{ {} outstanding }}", self.outstanding())
    }
}

/// Most jobs at a time whose handle names no worker.
const REFUSED: usize = 64;

impl Queue {
    /// A queue out of its parts: a side for each worker, in their order; the arena; what the workers ring; how long
    /// [`Queue::wait`] spins before it sleeps.
    #[must_use]
    pub fn new(sides: Vec<Side>, payload: Payload, bell: Arc<Doorbell>, spin: Duration) -> Self {
        Self {
            sides,
            base: 0,
            payload,
            bell,
            spin,
            refused: VecDeque::with_capacity(REFUSED),
            first: 0,
            stopping: None,
            _attached: None,
            gone: None,
            _tie: None,
        }
    }

    /// The workers are in another process: once `gone` is set, and the bell rung, everything that is outstanding comes
    /// back with [`Error::Disconnected`]. `tie` is dropped with the queue.
    pub fn tied_to(&mut self, gone: Arc<AtomicBool>, tie: Box<dyn Any + Send>) {
        self.gone = Some(gone);
        self._tie = Some(tie);
    }

    #[inline]
    fn is_gone(&self) -> bool {
        // Acquire: the completions that came before the end are visible.
        let gone = self.gone.as_ref();
        gone.is_some_and(|gone| gone.load(Ordering::Acquire))
    }

    /// The first side belongs to this worker, not to worker 0.
    pub(super) const fn starting_at(&mut self, worker: u8) {
        self.base = worker;
    }

    pub(super) fn served_by(&mut self, attached: Attached, stopping: Arc<AtomicBool>) {
        self._attached = Some(attached);
        self.stopping = Some(stopping);
    }

    /// Takes jobs up to the first one that has no room, and says how many. Each has its completion slot reserved.
    /// 0 for ever: the workers stopped, see [`Queue::is_open`].
    ///
    /// A job whose handle names no worker completes at once with [`Error::Handle`].
    #[must_use = "jobs that were not taken do not run"]
    pub fn submit(&mut self, jobs: &[Job]) -> usize {
        let stopping = self.stopping.as_ref();
        if stopping.is_some_and(|stopping| stopping.load(Ordering::Relaxed)) || self.is_gone() {
            return 0;
        }
        let taken = jobs.iter().take_while(|job| self.push(job)).count();
        for side in &mut self.sides {
            if side.end.publish() {
                side.wake_worker.ring();
            }
        }
        taken
    }

    #[inline]
    fn push(&mut self, job: &Job) -> bool {
        // The worker stands in the handle's upper octet.
        let side = ((job.session >> 56) as u8).wrapping_sub(self.base);
        if let Some(side) = self.sides.get_mut(usize::from(side)) {
            return side.end.push(job);
        }
        if self.refused.len() == REFUSED {
            return false;
        }
        self.refused.push_back(Job {
            status: Error::Handle.code(),
            out_len: 0,
            ..*job
        });
        true
    }

    /// Takes completed jobs and says how many.
    pub fn reap(&mut self, jobs: &mut [Job]) -> usize {
        let mut count = 0;
        if self.is_gone() {
            self.abandon(Error::Disconnected);
        }
        if !self.refused.is_empty() {
            let refused = self.refused.len().min(jobs.len());
            for (job, refused) in jobs.iter_mut().zip(self.refused.drain(..refused)) {
                *job = refused;
                count += 1;
            }
        }
        let sides = self.sides.len();
        for step in 0..sides {
            let side = &mut self.sides[(self.first + step) % sides];
            count += side.end.reap(&mut jobs[count..]);
        }
        self.first = (self.first + 1) % sides.max(1);
        count
    }

    /// Jobs taken and not yet reaped.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        let rings: usize = self
            .sides
            .iter()
            .map(|side| side.end.outstanding() as usize)
            .sum();
        rings + self.refused.len()
    }

    /// True when [`Queue::reap`] would give something.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.refused.is_empty()
            || self.sides.iter().any(|side| side.end.is_ready())
            || (self.is_gone() && self.outstanding() > 0)
    }

    /// True while every worker takes jobs of this queue.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let stopping = self.stopping.as_ref();
        !stopping.is_some_and(|stopping| stopping.load(Ordering::Relaxed))
            && !self.is_gone()
            && self
                .sides
                .iter()
                .all(|side| side.end.state() == State::Open)
    }

    /// Waits until there is something to reap, for at most `timeout` when given: spins first, then sleeps. False:
    /// nothing came in time, or nothing is outstanding.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        if self.is_ready() {
            return Ok(true);
        }
        if self.outstanding() == 0 {
            return Ok(false);
        }
        let start = Instant::now();
        let spin = timeout.map_or(self.spin, |timeout| timeout.min(self.spin));
        while start.elapsed() < spin {
            for _ in 0..64 {
                if self.is_ready() {
                    return Ok(true);
                }
                std::hint::spin_loop();
            }
        }
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            let rung = if self.arm() {
                self.bell.wait(left)
            } else {
                Ok(true)
            };
            self.disarm();
            rung?;
            if self.is_ready() {
                return Ok(true);
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
        }
    }

    /// Before sleeping at [`Queue::eventfd`] in an event loop of one's own: true when the next completion will ring
    /// it; false when there is something to reap already. Afterwards [`Queue::disarm`].
    #[must_use]
    pub fn arm(&mut self) -> bool {
        self.sides.iter().for_each(|side| side.end.fall_asleep());
        !self.is_ready()
    }

    /// After sleeping: completions ring no more, and a ring so far is taken.
    pub fn disarm(&mut self) {
        self.sides.iter().for_each(|side| side.end.wake_up());
        self.bell.silence();
    }

    /// Readable when a worker rang; see [`Queue::arm`].
    #[must_use]
    pub fn eventfd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// The worker process died: what is outstanding comes back with `error`.
    pub fn abandon(&mut self, error: Error) {
        for side in &mut self.sides {
            side.end.abandon(error);
        }
    }

    /// Octets of the arena.
    #[must_use]
    pub const fn arena_len(&self) -> usize {
        self.payload.len()
    }

    /// Where the arena lies, for languages that cannot copy through this type. See [`Payload::as_ptr`].
    #[must_use]
    pub const fn arena_ptr(&self) -> *mut u8 {
        self.payload.as_ptr()
    }

    /// Copies octets into the arena.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn write(&mut self, offset: u32, octets: &[u8]) -> Result<()> {
        self.payload.write(offset, octets)
    }

    /// Copies octets out of the arena.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn read(&self, offset: u32, octets: &mut [u8]) -> Result<()> {
        self.payload.read(offset, octets)
    }
}
