//! The worker's end: takes jobs, publishes completions, and believes nothing.

#[cfg(not(all(loom, test)))]
use std::ptr::NonNull;

#[cfg(not(all(loom, test)))]
use crate::base::Result;
use crate::base::sync::{Ordering, accept, handshake, publish};
use crate::engine::job::Job;

#[cfg(not(all(loom, test)))]
use super::Keep;
use super::memory::View;
use super::{Fault, State};

/// Submission slots that are asked for ahead.
const AHEAD: u32 = 64;

/// The end that takes and completes. One thread uses it at a time.
pub struct WorkerEnd {
    view: View,
    taken: u32,
    completed: u32,
    /// What the client said last that it reaped.
    reaped: u32,
    /// Jobs that the last take left behind.
    left: u32,
    state: State,
}

impl std::fmt::Debug for WorkerEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (entries, state) = (self.view.entries, self.state);
        write!(f, "WorkerEnd {{ {entries} entries, {state:?} }}")
    }
}

impl WorkerEnd {
    pub(super) const fn new(view: View) -> Self {
        Self {
            view,
            taken: 0,
            completed: 0,
            reaped: 0,
            left: 0,
            state: State::Open,
        }
    }

    /// The worker's end of a ring pair that was zero when both ends were attached.
    ///
    /// # Errors
    /// [`crate::base::Error::Argument`]: `entries` is no power of two within [`super::ENTRIES`], the memory is
    /// shorter than [`super::bytes`] or not aligned to [`super::ALIGN`].
    ///
    /// # Safety
    /// The `len` octets at `start` can be read and written for as long as `keep` lives; in this process only ring
    /// ends use them, and no other worker end. What another process does to them does not matter.
    #[cfg(not(all(loom, test)))]
    pub unsafe fn attach(start: NonNull<u8>, len: usize, entries: u32, keep: Keep) -> Result<Self> {
        // SAFETY: passed on.
        let view = unsafe { View::attach(start, len, entries, keep) }?;
        Ok(Self::new(view))
    }

    /// Copies up to `jobs.len()` jobs into private memory, each octet once, in the order of submission. Every job
    /// taken is to be completed by [`WorkerEnd::publish`], in that order.
    ///
    /// # Errors
    /// [`Fault`] the first time that the client's words are nonsense; the ring is under quarantine then, and gives
    /// no more jobs. Ring the client, if [`WorkerEnd::client_sleeps`].
    #[inline]
    pub fn take(&mut self, jobs: &mut [Job]) -> std::result::Result<usize, Fault> {
        if self.state != State::Open {
            return Ok(0);
        }
        let waiting = self.waiting();
        if waiting == 0 {
            self.left = 0;
            return Ok(0);
        }
        if let Err(fault) = self.believe(waiting) {
            self.leave(State::Quarantined(fault));
            return Err(fault);
        }
        let count = jobs.len().min(waiting as usize);
        for (job, index) in jobs.iter_mut().zip(0..count as u32) {
            let index = self.taken.wrapping_add(index);
            // Its completion goes into the slot of the same number, which the client read last.
            self.view.will_complete(index);
            *job = self.view.submission(index).load();
        }
        self.taken = self.taken.wrapping_add(count as u32);
        self.left = waiting - count as u32;
        // The jobs of the next batch come over while this one runs: their lines are the client's no more.
        for index in 0..self.left.min(AHEAD) {
            self.view.will_take(self.taken.wrapping_add(index));
        }
        // Relaxed: only watchers read it.
        let head = &self.view.words().submit_head.0;
        head.store(self.taken, Ordering::Relaxed);
        Ok(count)
    }

    #[inline]
    fn waiting(&self) -> u32 {
        // Pairs with `publish` in `ClientEnd::publish`: the slots are visible.
        accept(&self.view.words().submit_tail.0).wrapping_sub(self.taken)
    }

    #[inline]
    fn believe(&mut self, waiting: u32) -> std::result::Result<(), Fault> {
        let entries = self.view.entries;
        if waiting > entries {
            return Err(Fault::SubmitTail);
        }
        let out = self.taken.wrapping_sub(self.reaped);
        if out + waiting <= entries {
            return Ok(());
        }
        // The client's line is fetched once in a ring's length, not at every turn. Relaxed: what was reaped before
        // these jobs were submitted came with `submit_tail`.
        let head = self.view.words().complete_head.0.load(Ordering::Relaxed);
        let unreaped = self.completed.wrapping_sub(head);
        if unreaped > self.completed.wrapping_sub(self.reaped) {
            return Err(Fault::CompleteHead);
        }
        self.reaped = head;
        let out = self.taken.wrapping_sub(self.reaped);
        if out + waiting > entries {
            return Err(Fault::Overrun);
        }
        Ok(())
    }

    /// Publishes the completions of the jobs taken first and not yet completed. True: the client sleeps, ring its
    /// doorbell. More jobs than were taken are not published.
    #[inline]
    #[must_use = "a client that sleeps needs its doorbell"]
    pub fn publish(&mut self, jobs: &[Job]) -> bool {
        let pending = self.taken.wrapping_sub(self.completed);
        if jobs.is_empty() || pending == 0 {
            return false;
        }
        let first = self.completed;
        for job in jobs.iter().take(pending as usize) {
            self.view.completion(self.completed).store(job);
            self.completed = self.completed.wrapping_add(1);
        }
        self.view.send_completions(first..self.completed);
        // Pairs with `accept` in `ClientEnd::reap`: the slots are visible. The reads of the submission slots came
        // before, so the client's next writes there come after.
        publish(&self.view.words().complete_tail.0, self.completed);
        self.client_sleeps()
    }

    /// True when the client sleeps and is now to be woken; the next call is false until it sleeps again.
    #[must_use]
    pub fn client_sleeps(&self) -> bool {
        handshake(); // pairs with the one in `ClientEnd::fall_asleep`
        let asleep = &self.view.words().client_asleep.0;
        asleep.load(Ordering::Relaxed) != 0 && asleep.swap(0, Ordering::Relaxed) != 0
    }

    /// True when jobs wait, or nonsense does.
    #[inline]
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == State::Open && self.waiting() != 0
    }

    /// Jobs that the last take left behind: more may have come since, and a look would fetch the client's line again.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Says that the worker will sleep. It may only when [`WorkerEnd::is_ready`] is false after this; whoever
    /// publishes later rings.
    pub fn fall_asleep(&self) {
        let asleep = &self.view.words().worker_asleep.0;
        // Exchanged, not stored: each change of this word has read the one before it, so their order is one and the
        // same for both sides.
        asleep.swap(1, Ordering::Relaxed);
        handshake(); // pairs with the one in `ClientEnd::publish`
    }

    /// Says that the worker is awake.
    pub fn wake_up(&self) {
        let asleep = &self.view.words().worker_asleep.0;
        asleep.swap(0, Ordering::Relaxed);
    }

    /// The worker leaves: no job is taken any more. True: the client sleeps, ring its doorbell.
    #[must_use = "a client that sleeps needs its doorbell"]
    pub fn close(&mut self) -> bool {
        if self.state == State::Open {
            self.leave(State::Closed);
        }
        self.client_sleeps()
    }

    fn leave(&mut self, state: State) {
        self.state = state;
        // Pairs with `accept` in `ClientEnd::state`: the last completions are visible.
        publish(&self.view.words().state.0, state.word());
    }

    /// What became of this ring.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn set_counters(&mut self, value: u32) {
        (self.taken, self.completed, self.reaped) = (value, value, value);
        let words = self.view.words();
        for word in [&words.submit_head, &words.complete_tail] {
            word.0.store(value, Ordering::Relaxed);
        }
    }
}
