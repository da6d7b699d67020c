//! A batch over the caller's arena, carried through a queue: inputs go to the queue's arena, outputs come back.
//!
//! The jobs are examined first, as a batch on the caller's thread is: the same fields are refused with the same
//! statuses, so that no door is laxer than another. Jobs go off in portions, so that workers begin while the rest is
//! still being copied.

use arrayvec::ArrayVec;

use crate::base::{Error, Result};
use crate::engine::batch::{self, PENDING};
use crate::engine::extent::Extent;
use crate::engine::{Job, Queue};

/// Jobs that are handed over at a time: a lane group for one worker.
const PORTION: usize = 64;

/// A batch on its way.
struct Carry<'a> {
    queue: &'a mut Queue,
    jobs: &'a mut [Job],
    arena: &'a mut [u8],
    /// Why jobs are not taken any more when they are not.
    closed: Error,
    portion: ArrayVec<Job, PORTION>,
    /// Octets of the queue's arena that jobs have.
    used: usize,
}

/// Runs a batch; `closed` is what becomes of jobs that the queue does not take any more. Returns how many are OK.
pub(super) fn batch(
    queue: &mut Queue,
    (jobs, arena): (&mut [Job], &mut [u8]),
    closed: Error,
) -> usize {
    let mut at = 0;
    while at < jobs.len() {
        at += batch::examine(&mut jobs[at..], arena.len());
    }
    let mut carry = Carry {
        queue,
        jobs,
        arena,
        closed,
        portion: ArrayVec::new(),
        used: 0,
    };
    for index in 0..carry.jobs.len() {
        if carry.jobs[index].status != PENDING {
            continue;
        }
        match carry.load(index) {
            Ok(true) => {}
            // The arena is full: once everything is back it is empty.
            Ok(false) => {
                carry.drain();
                let again = carry.load(index);
                if again != Ok(true) {
                    carry.fail(index, again.err().unwrap_or(Error::TooLong));
                }
            }
            Err(error) => carry.fail(index, error),
        }
        if carry.portion.is_full() {
            carry.hand_over();
        }
    }
    carry.drain();
    let ok = |job: &&Job| job.status == 0;
    carry.jobs.iter().filter(ok).count()
}

impl Carry<'_> {
    fn fail(&mut self, index: usize, error: Error) {
        batch::fail(&mut self.jobs[index], error);
    }

    /// Copies a job's input; false when there is no room.
    fn load(&mut self, index: usize) -> Result<bool> {
        let job = &self.jobs[index];
        let extent = Extent::of(job, self.arena.len())?;
        let apart = if extent.apart { extent.input } else { 0 };
        let needed = apart + extent.output.max(extent.input);
        let limit = self.queue.arena_len();
        if needed > limit {
            return Err(Error::TooLong);
        }
        let start = self.used;
        if start + needed > limit {
            return Ok(false);
        }
        let source = extent.source as usize;
        let input = self.arena.get(source..source + extent.input);
        let fits = |number: usize| u32::try_from(number).map_err(|_| Error::TooLong);
        let from = fits(start)?;
        self.queue.write(from, input.ok_or(Error::OutOfRange)?)?;
        self.portion.push(Job {
            user_data: index as u64,
            in_offset: from,
            in_len: fits(extent.input)?,
            out_offset: fits(start + apart)?,
            out_capacity: fits(extent.output)?,
            ..*job
        });
        // The next message begins on a cache line of its own: another worker may write it.
        self.used = (start + needed).next_multiple_of(64);
        Ok(true)
    }

    /// Submits what is loaded.
    fn hand_over(&mut self) {
        while !self.portion.is_empty() {
            let taken = self.queue.submit(&self.portion);
            self.portion.drain(..taken);
            if self.portion.is_empty() {
                return;
            }
            if self.queue.is_open() {
                self.collect();
            } else {
                for job in std::mem::take(&mut self.portion) {
                    self.fail(job.user_data as usize, self.closed);
                }
            }
        }
    }

    /// Takes back everything that is under way.
    fn drain(&mut self) {
        self.hand_over();
        while self.queue.outstanding() > 0 {
            self.collect();
        }
        self.used = 0;
    }

    /// Waits for completions and takes them.
    fn collect(&mut self) {
        // A wait that fails is made up for by looking again.
        if self.queue.wait(None).is_err() {
            std::thread::yield_now();
        }
        let mut done = [Job::default(); PORTION];
        let count = self.queue.reap(&mut done);
        for job in &done[..count] {
            self.take_back(job);
        }
    }

    fn take_back(&mut self, done: &Job) {
        // The number came back through memory that another process may write.
        let Some(asked) = self.jobs.get_mut(done.user_data as usize) else {
            return;
        };
        let job = Job {
            session: asked.session,
            user_data: asked.user_data,
            in_offset: asked.in_offset,
            in_len: asked.in_len,
            out_offset: asked.out_offset,
            out_capacity: asked.out_capacity,
            ..*done
        };
        *asked = job;
        if job.status == 0 {
            let start = job.out_offset as usize;
            let place = self.arena.get_mut(start..start + job.out_len as usize);
            let copied = place.ok_or(Error::OutOfRange);
            let copied = copied.and_then(|place| self.queue.read(done.out_offset, place));
            if let Err(error) = copied {
                batch::fail(asked, error);
            }
        }
    }
}
