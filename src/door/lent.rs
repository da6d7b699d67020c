//! Queues that calls borrow: one call has one at a time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::base::{Error, Result};
use crate::engine::{Job, Queue, QueueConfig, batch};

use super::carry;

/// Most queues that are lent at a time; further calls wait. A sidecar's default quota is twice as many.
const MOST: usize = 8;

/// What a lent queue is opened with: 256 jobs to each worker without waiting for room.
const CONFIG: QueueConfig = QueueConfig {
    entries: 256,
    arena: 1 << 20,
};

#[derive(Default)]
struct State {
    free: Vec<Queue>,
    /// Lent, or being opened.
    lent: usize,
}

/// The queues of one engine.
pub(super) struct Lent {
    state: Mutex<State>,
    back: Condvar,
    /// What becomes of jobs that a queue does not take any more.
    closed: Error,
}

/// One queue is lent while this lives.
struct Loan<'a>(&'a Lent);

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.0.state().lent -= 1;
        self.0.back.notify_one();
    }
}

impl Lent {
    pub(super) const fn new(closed: Error) -> Self {
        Self {
            state: Mutex::new(State {
                free: Vec::new(),
                lent: 0,
            }),
            back: Condvar::new(),
            closed,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it is half done at any time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a batch through a queue; `open` opens one more.
    pub(super) fn batch(
        &self,
        open: impl Fn(&QueueConfig) -> Result<Queue>,
        (jobs, arena): (&mut [Job], &mut [u8]),
    ) -> usize {
        let work = (&mut *jobs, arena);
        let ran = self.with(open, |queue| carry::batch(queue, work, self.closed));
        ran.unwrap_or_else(|error| {
            jobs.iter_mut().for_each(|job| batch::fail(job, error));
            0
        })
    }

    /// Lends a queue to `work`.
    pub(super) fn with<T>(
        &self,
        open: impl Fn(&QueueConfig) -> Result<Queue>,
        work: impl FnOnce(&mut Queue) -> T,
    ) -> Result<T> {
        let (loan, mut queue) = self.lend(open)?;
        let result = work(&mut queue);
        // What is still under way comes back to nobody: such a queue is not lent again.
        if queue.is_open() && queue.outstanding() == 0 {
            self.state().free.push(queue);
        }
        drop(loan);
        Ok(result)
    }

    fn lend(&self, open: impl Fn(&QueueConfig) -> Result<Queue>) -> Result<(Loan<'_>, Queue)> {
        let mut state = self.state();
        loop {
            if let Some(queue) = state.free.pop() {
                if queue.is_open() {
                    state.lent += 1;
                    return Ok((Loan(self), queue));
                }
                continue;
            }
            if state.lent < MOST {
                state.lent += 1;
                drop(state);
                let loan = Loan(self);
                match open(&CONFIG) {
                    Ok(queue) => return Ok((loan, queue)),
                    Err(Error::Quota) => {}
                    Err(error) => return Err(error),
                }
                drop(loan);
                state = self.state();
                // Whoever has one gives it back; with nobody there is nothing to wait for.
                if state.lent == 0 && state.free.is_empty() {
                    return Err(Error::Quota);
                }
                if !state.free.is_empty() {
                    continue;
                }
            }
            state = self
                .back
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
