//! The private side of a batch: jobs and their octets, where nobody else can write.
//!
//! Each job's input is copied once out of its queue's arena, and the message is worked on here, the PDU in place of
//! the plain message or the reverse. What comes out is copied back only when the job is OK: plaintext reaches an
//! arena after its MAC passed, and jobs of many queues share lane groups.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::base::metrics::Algorithms;
use crate::base::{Error, Result};
use crate::engine::batch;
use crate::engine::extent::Extent;
use crate::engine::job::{Job, op};
use crate::engine::ring::Payload;
use crate::security::protect::LANES;

/// Octets of a worker's private arena: a batch of the longest messages is cut, one job never is.
const ARENA: usize = 1 << 20;

/// The longest input, and the longest output that is asked for apart from it.
const MOST: usize = 1 << 18;

/// Checks a job before it runs.
pub type Admission = std::sync::Arc<dyn Fn(&Job) -> Result<()> + Send + Sync>;

/// Where the octets of a job come from, and who may ask for it.
pub(super) struct Origin<'a> {
    pub(super) payload: &'a Payload,
    pub(super) admit: Option<&'a Admission>,
}

pub(super) struct Stage {
    arena: Box<[u8]>,
    /// Private copies; while staged, with private offsets.
    pub(super) jobs: [Job; LANES],
    /// As they came, for what is put back in the answer.
    asked: [Job; LANES],
    /// Refused before they ran.
    refused: [Option<Error>; LANES],
    /// Those of each job's context, for the counters.
    pub(super) algorithms: [Algorithms; LANES],
    used: usize,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            arena: vec![0; ARENA].into_boxed_slice(),
            jobs: [Job::default(); LANES],
            asked: [Job::default(); LANES],
            refused: [None; LANES],
            algorithms: [Algorithms::NONE; LANES],
            used: 0,
        }
    }

    /// Forgets what was staged.
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    /// Copies the octets of job `index` in. False: the arena is full, run what is staged first.
    pub(super) fn take_in(&mut self, index: usize, origin: &Origin<'_>) -> bool {
        let job = self.jobs[index];
        self.asked[index] = job;
        self.algorithms[index] = Algorithms::NONE;
        match self.place(&job, origin) {
            Ok(Some(job)) => {
                self.jobs[index] = job;
                self.refused[index] = None;
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.refused[index] = Some(error);
                true
            }
        }
    }

    /// The job with private offsets, its input copied.
    fn place(&mut self, job: &Job, origin: &Origin<'_>) -> Result<Option<Job>> {
        if let Some(admit) = origin.admit {
            // A defect there must not cost the worker its thread.
            catch_unwind(AssertUnwindSafe(|| admit(job))).unwrap_or(Err(Error::Poisoned))?;
        }
        let Extent {
            source,
            input,
            apart,
            output,
        } = Extent::of(job, origin.payload.len())?;
        if input > MOST || (job.op == op::PROTECT && output > MOST) {
            return Err(Error::TooLong);
        }
        let output = output.min(MOST);
        let apart = if apart { input } else { 0 };
        let needed = apart + output.max(input);
        let start = self.used;
        let Some(place) = self.arena.get_mut(start..start + needed) else {
            return Ok(None);
        };
        origin.payload.read(source, &mut place[..input])?;
        // The next message begins on a cache line of its own.
        self.used = (start + needed).next_multiple_of(64);
        let fits = |number: usize| u32::try_from(number).map_err(|_| Error::TooLong);
        Ok(Some(Job {
            in_offset: fits(start)?,
            in_len: fits(input)?,
            out_offset: fits(start + apart)?,
            out_capacity: fits(output)?,
            ..*job
        }))
    }

    /// Runs jobs from `first` on, at most up to `end`: one lane group ([`crate::Engine::group`]), or one job that was
    /// refused. Returns where it stopped.
    pub(super) fn run(
        &mut self,
        group: impl FnOnce(&mut [Job], &mut [u8], &mut [Algorithms]) -> usize,
        (first, end): (usize, usize),
    ) -> Ran {
        if let Some(error) = self.refused[first] {
            batch::fail(&mut self.jobs[first], error);
            return Ran::Jobs(first + 1);
        }
        let admitted = self.refused[first..end]
            .iter()
            .take_while(|refused| refused.is_none());
        let jobs = &mut self.jobs[first..first + admitted.count()];
        let (arena, algorithms) = (&mut self.arena[..], &mut self.algorithms[first..end]);
        // A defect closes the sessions that the group had locked (their locks are poisoned); what was not finished
        // says so, and the worker goes on.
        match catch_unwind(AssertUnwindSafe(|| group(jobs, arena, algorithms))) {
            Ok(count) => Ran::Jobs(first + count),
            Err(_) => {
                let count = batch::group_len(jobs);
                for job in &mut jobs[..count] {
                    batch::fail(job, Error::Poisoned);
                }
                Ran::Defect(first + count)
            }
        }
    }

    /// Job `index` as its client is to see it; its output goes to the arena that it came from.
    pub(super) fn give_out(&mut self, index: usize, payload: &Payload) -> &Job {
        let asked = &self.asked[index];
        let job = &mut self.jobs[index];
        let (start, len) = (job.out_offset as usize, job.out_len as usize);
        if job.status == 0 && self.refused[index].is_none() {
            let room = match job.op {
                op::CONTAINER => len,
                _ => asked.out_capacity as usize,
            };
            let offset = asked.out_offset as usize;
            let written = self
                .arena
                .get(start..start + len)
                .ok_or(Error::OutOfRange)
                .and_then(|octets| payload.write_into(offset..offset + room, octets));
            if let Err(error) = written {
                batch::fail(job, error);
            }
        }
        job.in_offset = asked.in_offset;
        job.in_len = asked.in_len;
        job.out_offset = asked.out_offset;
        job.out_capacity = asked.out_capacity;
        job
    }
}

/// How far a run came.
pub(super) enum Ran {
    /// Up to here.
    Jobs(usize),
    /// Up to here, the last lane group of it ended by a defect.
    Defect(usize),
}

impl Ran {
    pub(super) const fn end(&self) -> usize {
        match self {
            Self::Jobs(end) | Self::Defect(end) => *end,
        }
    }
}
