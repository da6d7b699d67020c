//! A queue, the same behind every door.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Error, Result};
use crate::engine::worker::Here;
use crate::engine::{self, Engine, Job, QueueConfig};

/// Jobs of one client thread: see [`engine::Queue`], whose promises it keeps behind every door.
///
/// Behind [`super::Door::inline`] jobs run on this thread, all that were submitted, when completions are asked for:
/// in [`Queue::reap`], [`Queue::wait`], [`Queue::arm`].
#[derive(Debug)]
pub struct Queue {
    // Before its worker: a queue leaves first.
    queue: engine::Queue,
    here: Option<Here>,
    /// Why jobs are not taken any more when they are not.
    closed: Error,
    armed: bool,
}

impl Queue {
    pub(super) fn here(engine: Arc<Engine>, config: &QueueConfig) -> Result<Self> {
        let (queue, here) = Here::open(engine, config)?;
        Ok(Self {
            here: Some(here),
            ..Self::there(queue, Error::Stopped)
        })
    }

    pub(super) const fn there(queue: engine::Queue, closed: Error) -> Self {
        Self {
            queue,
            here: None,
            closed,
            armed: false,
        }
    }

    /// Runs what is to run on this thread, and takes what the eventfd says.
    fn look(&mut self) {
        if let Some(here) = &mut self.here {
            here.run();
        }
        if self.armed {
            self.armed = false;
            self.queue.disarm();
        }
    }

    /// Takes jobs up to the first one that has no room, and says how many. Each of them comes out of [`Queue::reap`]
    /// once, whatever happens.
    ///
    /// # Errors
    /// [`Error::Stopped`], [`Error::Disconnected`]: no job was taken, nor will be.
    pub fn submit(&mut self, jobs: &[Job]) -> Result<usize> {
        let taken = self.queue.submit(jobs);
        if taken == 0 && !jobs.is_empty() && !self.queue.is_open() {
            Err(self.closed)
        } else {
            Ok(taken)
        }
    }

    /// Takes completed jobs and says how many. Disarms the queue.
    pub fn reap(&mut self, jobs: &mut [Job]) -> usize {
        self.look();
        self.queue.reap(jobs)
    }

    /// Waits until there is something to reap, for at most `timeout` when given. False: nothing came in time, or nothing
    /// is outstanding. Disarms the queue.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        self.look();
        self.queue.wait(timeout)
    }

    /// Before sleeping at [`Queue::eventfd`] in an event loop of one's own: true when the next completion will make it
    /// readable; false when there is something to reap already. [`Queue::reap`] takes what it says.
    #[must_use]
    pub fn arm(&mut self) -> bool {
        self.look();
        self.armed = true;
        self.queue.arm()
    }

    /// Readable when a job was completed after [`Queue::arm`], until [`Queue::reap`].
    #[must_use]
    pub fn eventfd(&self) -> BorrowedFd<'_> {
        self.queue.eventfd()
    }

    /// Jobs taken and not yet reaped.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.queue.outstanding()
    }

    /// True while jobs are taken.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.queue.is_open()
    }

    /// Octets of the arena.
    #[must_use]
    pub const fn arena_len(&self) -> usize {
        self.queue.arena_len()
    }

    /// Where the arena lies: see [`engine::Queue::arena_ptr`].
    #[must_use]
    pub const fn arena_ptr(&self) -> *mut u8 {
        self.queue.arena_ptr()
    }

    /// Copies octets into the arena.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn write(&mut self, offset: u32, octets: &[u8]) -> Result<()> {
        self.queue.write(offset, octets)
    }

    /// Copies octets out of the arena.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn read(&self, offset: u32, octets: &mut [u8]) -> Result<()> {
        self.queue.read(offset, octets)
    }
}
