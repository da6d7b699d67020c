//! The client's end: submits jobs, reaps completions.

#[cfg(not(all(loom, test)))]
use std::ptr::NonNull;

use crate::base::Error;
#[cfg(not(all(loom, test)))]
use crate::base::Result;
use crate::base::sync::{Ordering, accept, handshake, publish};
use crate::engine::job::Job;

#[cfg(not(all(loom, test)))]
use super::Keep;
use super::memory::View;
use super::{Fault, State};

/// The end that submits and reaps. One thread uses it at a time.
pub struct ClientEnd {
    view: View,
    /// Jobs written into slots, and of these the ones that the worker may see.
    pushed: u32,
    published: u32,
    reaped: u32,
    /// The worker is known to be gone: the error of the jobs that it did not complete.
    abandoned: Option<Error>,
    /// Such jobs are being given back: what the ring says does not count any more.
    over: bool,
}

impl std::fmt::Debug for ClientEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (entries, outstanding) = (self.view.entries, self.outstanding());
        write!(f, "ClientEnd {{ {outstanding} of {entries} outstanding }}")
    }
}

impl ClientEnd {
    pub(super) const fn new(view: View) -> Self {
        Self {
            view,
            pushed: 0,
            published: 0,
            reaped: 0,
            abandoned: None,
            over: false,
        }
    }

    /// The client's end of a ring pair that was zero when both ends were attached.
    ///
    /// # Errors
    /// [`Error::Argument`]: `entries` is no power of two within [`super::ENTRIES`], the memory is shorter than
    /// [`super::bytes`] or not aligned to [`super::ALIGN`].
    ///
    /// # Safety
    /// The `len` octets at `start` can be read and written for as long as `keep` lives; in this process only ring
    /// ends use them, and no other client end.
    #[cfg(not(all(loom, test)))]
    pub unsafe fn attach(start: NonNull<u8>, len: usize, entries: u32, keep: Keep) -> Result<Self> {
        // SAFETY: passed on.
        let view = unsafe { View::attach(start, len, entries, keep) }?;
        Ok(Self::new(view))
    }

    /// Jobs submitted and not yet reaped.
    #[must_use]
    pub const fn outstanding(&self) -> u32 {
        self.pushed.wrapping_sub(self.reaped)
    }

    /// Jobs that can be pushed now: each has its completion slot reserved.
    #[must_use]
    pub const fn room(&self) -> u32 {
        self.view.entries - self.outstanding()
    }

    /// Writes a job into the next slot; the worker sees it after [`ClientEnd::publish`]. False: no room, or the
    /// worker is gone.
    #[inline]
    #[must_use]
    pub fn push(&mut self, job: &Job) -> bool {
        if self.room() == 0 || self.is_over() {
            return false;
        }
        self.view.submission(self.pushed).store(job);
        self.pushed = self.pushed.wrapping_add(1);
        true
    }

    /// Shows the worker what was pushed. True: the worker sleeps, ring its doorbell.
    #[inline]
    #[must_use = "a worker that sleeps needs its doorbell"]
    pub fn publish(&mut self) -> bool {
        if self.pushed == self.published {
            return false;
        }
        self.view.send_submissions(self.published..self.pushed);
        self.published = self.pushed;
        // Pairs with `accept` in `WorkerEnd::take`: the slots are visible. The reads of the completion slots that
        // are free again came before, so the worker's next writes there come after.
        publish(&self.view.words().submit_tail.0, self.pushed);
        // The worker read this slot last; the next job need not wait for its line.
        self.view.will_submit(self.pushed);
        handshake(); // pairs with the one in `WorkerEnd::fall_asleep`
        let asleep = &self.view.words().worker_asleep.0;
        asleep.load(Ordering::Relaxed) != 0 && asleep.swap(0, Ordering::Relaxed) != 0
    }

    /// [`ClientEnd::push`] for as many as there is room for, which it returns; then ring if told so.
    #[must_use = "a worker that sleeps needs its doorbell; a job that was not taken will not run"]
    pub fn submit(&mut self, jobs: &[Job]) -> (usize, bool) {
        let taken = jobs.iter().take_while(|job| self.push(job)).count();
        (taken, self.publish())
    }

    /// Takes completed jobs in the order in which they were submitted. When the worker has gone, the jobs that it did
    /// not complete come back with the error that says so: each job exactly once.
    pub fn reap(&mut self, jobs: &mut [Job]) -> usize {
        // The state first: if it is final, so is the tail.
        let state = self.state();
        let completed = self.completed();
        let count = (completed as usize).min(jobs.len());
        for (job, index) in jobs.iter_mut().zip(0..count as u32) {
            *job = self.view.completion(self.reaped.wrapping_add(index)).load();
        }
        self.reaped = self.reaped.wrapping_add(count as u32);
        if self.abandoned.is_none() && state != State::Open {
            self.abandoned = Some(state.error());
        }
        let mut given = count;
        if let Some(error) = self.abandoned
            && count == completed as usize
        {
            given += self.give_back(&mut jobs[count..], error);
        }
        if given > 0 {
            // Relaxed: the worker believes it only after the `submit_tail` that follows.
            let head = &self.view.words().complete_head.0;
            head.store(self.reaped, Ordering::Relaxed);
        }
        given
    }

    /// Completions that wait, never more than jobs outstanding.
    #[inline]
    fn completed(&mut self) -> u32 {
        if self.over {
            return 0;
        }
        // Pairs with `publish` in `WorkerEnd::publish`: the completion slots are visible.
        let tail = accept(&self.view.words().complete_tail.0);
        let completed = tail.wrapping_sub(self.reaped);
        if completed > self.published.wrapping_sub(self.reaped) {
            self.abandoned.get_or_insert(Error::System);
            self.over = true;
            return 0;
        }
        completed
    }

    /// Jobs that nobody will run, out of the slots that only this end writes.
    fn give_back(&mut self, jobs: &mut [Job], error: Error) -> usize {
        self.over = true;
        let count = (self.outstanding() as usize).min(jobs.len());
        for job in &mut jobs[..count] {
            *job = self.view.submission(self.reaped).load();
            job.out_len = 0;
            job.status = error.code();
            self.reaped = self.reaped.wrapping_add(1);
        }
        count
    }

    /// The worker died without a word (its process ended): jobs that it did not complete come back with `error`.
    pub fn abandon(&mut self, error: Error) {
        self.abandoned.get_or_insert(error);
    }

    /// True when [`ClientEnd::reap`] would give something.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let over = self.is_over(); // before the tail, as in `reap`
        let waiting = accept(&self.view.words().complete_tail.0).wrapping_sub(self.reaped);
        if over || waiting > self.published.wrapping_sub(self.reaped) {
            self.outstanding() > 0
        } else {
            waiting > 0
        }
    }

    /// What the worker says of this ring.
    #[inline]
    #[must_use]
    pub fn state(&self) -> State {
        // Pairs with `publish` in `WorkerEnd::leave`: the completions before it are visible.
        State::from_word(accept(&self.view.words().state.0))
    }

    /// The worker's reason for leaving this ring, if it had one.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self.state() {
            State::Quarantined(fault) => Some(fault),
            _ => None,
        }
    }

    #[inline]
    fn is_over(&self) -> bool {
        self.abandoned.is_some() || self.state() != State::Open
    }

    /// Says that the client will sleep. It may only when [`ClientEnd::is_ready`] is false after this; whoever
    /// publishes later rings.
    pub fn fall_asleep(&self) {
        let asleep = &self.view.words().client_asleep.0;
        // Exchanged, not stored: each change of this word has read the one before it, so their order is one and the
        // same for both sides.
        asleep.swap(1, Ordering::Relaxed);
        handshake(); // pairs with the one in `WorkerEnd::publish`
    }

    /// Says that the client is awake.
    pub fn wake_up(&self) {
        let asleep = &self.view.words().client_asleep.0;
        asleep.swap(0, Ordering::Relaxed);
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn set_counters(&mut self, value: u32) {
        (self.pushed, self.published, self.reaped) = (value, value, value);
        let words = self.view.words();
        for word in [&words.submit_tail, &words.complete_head] {
            word.0.store(value, Ordering::Relaxed);
        }
    }
}
