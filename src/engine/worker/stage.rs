//! The private side of a batch: jobs and their octets, where nobody else can write.
//!
//! Each job's input is copied once out of its queue's arena, and the message is worked on here, the PDU in place of
//! the plain message or the reverse. What comes out is copied back only when the job is OK: plaintext reaches an
//! arena after its MAC passed, and jobs of many queues share lane groups.
//!
//! In-process clients are copied too: their arena can be written while a job is under way without a line of unsafe
//! code, so it is no memory that a slice may point into. The copy costs less than the lines' way to this processor,
//! which are asked for when the jobs are taken.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrayvec::ArrayVec;

use crate::base::metrics::Algorithms;
use crate::base::{Error, Result};
use crate::engine::Engine;
use crate::engine::ahead::{Ahead, Keys};
use crate::engine::batch;
use crate::engine::extent::Extent;
use crate::engine::job::{Job, op};
use crate::engine::ring::Payload;
use crate::engine::staged::{self, Message};
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

/// What a job that is no message runs as: offsets into the private arena.
type Step = Option<Job>;

pub(super) struct Stage {
    arena: Box<[u8]>,
    /// As they came; what they answer is written into them.
    pub(super) jobs: [Job; LANES],
    /// Messages; none for other jobs and for what was refused.
    messages: [Option<Message>; LANES],
    /// Steps of procedures, likewise. Neither: refused, the job has its status.
    steps: [Step; LANES],
    /// Those of each job's context, for the counters.
    pub(super) algorithms: [Algorithms; LANES],
    used: usize,
    /// Not only messages are staged.
    has_steps: bool,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            arena: vec![0; ARENA].into_boxed_slice(),
            jobs: [Job::default(); LANES],
            messages: [const { None }; LANES],
            steps: [None; LANES],
            algorithms: [Algorithms::NONE; LANES],
            used: 0,
            has_steps: false,
        }
    }

    /// Forgets what was staged.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.has_steps = false;
    }

    /// Copies the octets of job `index` in. False: the arena is full, run what is staged first.
    pub(super) fn take_in(&mut self, index: usize, engine: &Engine, origin: &Origin<'_>) -> bool {
        self.algorithms[index] = Algorithms::NONE;
        self.messages[index] = None;
        self.steps[index] = None;
        match self.place(index, engine, origin) {
            Ok(placed) => placed,
            Err(error) => {
                batch::fail(&mut self.jobs[index], error);
                true
            }
        }
    }

    fn place(&mut self, index: usize, engine: &Engine, origin: &Origin<'_>) -> Result<bool> {
        // By reference: a copy would be loaded in larger pieces than the ring's words were stored in, and wait for them.
        let job = &self.jobs[index];
        if let Some(admit) = origin.admit {
            // A defect there must not cost the worker its thread.
            catch_unwind(AssertUnwindSafe(|| admit(job))).unwrap_or(Err(Error::Poisoned))?;
        }
        let start = self.used;
        if batch::is_message(job) {
            let checked = staged::check(engine, job, origin.payload.len())?;
            let input = checked.input.len();
            let room = Message::room(job, input);
            if room > MOST {
                return Err(Error::TooLong);
            }
            let message = Message::new(checked, job, start);
            let Some(place) = self.arena.get_mut(message.input(job)) else {
                return Ok(false);
            };
            origin.payload.read(job.in_offset, place)?;
            self.messages[index] = Some(message);
            self.use_up(room);
            return Ok(true);
        }
        let Extent {
            source,
            input,
            apart,
            output,
        } = Extent::of(job, origin.payload.len())?;
        if input > MOST {
            return Err(Error::TooLong);
        }
        let output = output.min(MOST);
        let apart = if apart { input } else { 0 };
        let needed = apart + output.max(input);
        let Some(place) = self.arena.get_mut(start..start + needed) else {
            return Ok(false);
        };
        origin.payload.read(source, &mut place[..input])?;
        let fits = |number: usize| u32::try_from(number).map_err(|_| Error::TooLong);
        self.has_steps = true;
        self.steps[index] = Some(Job {
            in_offset: fits(start)?,
            in_len: fits(input)?,
            out_offset: fits(start + apart)?,
            out_capacity: fits(output)?,
            ..*job
        });
        self.use_up(needed);
        Ok(true)
    }

    fn use_up(&mut self, octets: usize) {
        // The next message begins on a cache line of its own.
        self.used = (self.used + octets).next_multiple_of(64);
    }

    /// Runs the jobs from `first` to `end`, those that are staged. Jobs of one session keep their order. Other than that
    /// messages share lane groups and commands the lanes of the KDF, however the two lie in the queue.
    ///
    /// Returns how many lane groups ended by a defect: the sessions that were locked are closed (their locks are
    /// poisoned), jobs that were not finished say so, and the worker goes on.
    pub(super) fn run(&mut self, engine: &Engine, (first, end): (usize, usize)) -> usize {
        let mut left = bits_of(first..end, |index| {
            self.messages[index].is_some() || self.steps[index].is_some()
        });
        if !self.has_steps {
            return usize::from(!self.run_messages(engine, left));
        }
        let mut defects = 0;
        while left != 0 {
            let messages = self.before(left, |stage, index| stage.messages[index].is_some());
            defects += usize::from(!self.run_messages(engine, messages));
            left &= !messages;
            let steps = self.before(left, |stage, index| stage.steps[index].is_some());
            if steps != 0 {
                defects += self.run_steps(engine, steps);
            }
            left &= !steps;
        }
        defects
    }

    /// Of the jobs that are left, those of one kind that wait for none of the other kind of their session.
    fn before(&self, left: u64, of_kind: impl Fn(&Self, usize) -> bool) -> u64 {
        let mut chosen = 0;
        let mut passed: ArrayVec<u64, LANES> = ArrayVec::new();
        for index in bits(left) {
            let session = self.session(index);
            if !of_kind(self, index) {
                passed.push(session);
            } else if !passed.contains(&session) {
                chosen |= 1 << index;
            }
        }
        chosen
    }

    fn session(&self, index: usize) -> u64 {
        let message = self.messages[index].as_ref();
        message.map_or(self.jobs[index].session, |message| message.handle().bits())
    }

    /// False: they ended by a defect.
    fn run_messages(&mut self, engine: &Engine, chosen: u64) -> bool {
        if chosen == 0 {
            return true;
        }
        let Self {
            arena,
            jobs,
            messages,
            algorithms,
            ..
        } = self;
        let run = || staged::run(engine, (jobs, messages, chosen), arena, algorithms);
        let sound = catch_unwind(AssertUnwindSafe(run)).is_ok();
        if !sound {
            bits(chosen).for_each(|index| self.spoil(index));
        }
        sound
    }

    /// Steps of procedures, one after the other. Returns how many ended by a defect.
    fn run_steps(&mut self, engine: &Engine, chosen: u64) -> usize {
        let steps: ArrayVec<Job, LANES> =
            bits(chosen).filter_map(|index| self.steps[index]).collect();
        let arena = &self.arena;
        let ahead = || Ahead::look(engine, &steps, arena);
        let ahead = match steps.len() {
            0 | 1 => Ahead::nothing(),
            // Nothing changed where this fails: each derives its own keys.
            _ => catch_unwind(AssertUnwindSafe(ahead)).unwrap_or(Ahead::nothing()),
        };
        let mut defects = 0;
        for (place, index) in bits(chosen).enumerate() {
            let run = || self.step(engine, index, &ahead.of(place, engine.keys()));
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                self.spoil(index);
                defects += 1;
            }
        }
        defects
    }

    /// A job of a group that ended by a defect: nothing comes out.
    fn spoil(&mut self, index: usize) {
        self.messages[index] = None;
        self.steps[index] = None;
        batch::fail(&mut self.jobs[index], Error::Poisoned);
    }

    /// A job that runs alone: its answer, under the offsets that it came with.
    fn step(&mut self, engine: &Engine, index: usize, keys: &Keys<'_>) {
        let Some(step) = &mut self.steps[index] else {
            return;
        };
        self.algorithms[index] = batch::single(engine, step, &mut self.arena, keys);
        let asked = self.jobs[index];
        self.jobs[index] = Job {
            in_offset: asked.in_offset,
            in_len: asked.in_len,
            out_offset: asked.out_offset,
            out_capacity: asked.out_capacity,
            ..*step
        };
    }

    /// The job was not refused before it ran.
    pub(super) fn ran(&self, index: usize) -> bool {
        self.messages[index].is_some() || self.steps[index].is_some()
    }

    /// The octets that came with a message: before it runs, and after it did not verify.
    pub(super) fn input(&self, index: usize) -> &[u8] {
        let input = self.messages[index]
            .as_ref()
            .map(|message| message.input(&self.jobs[index]));
        input
            .and_then(|place| self.arena.get(place))
            .unwrap_or_default()
    }

    /// What a job wrote.
    pub(super) fn output(&self, index: usize) -> &[u8] {
        let len = self.jobs[index].out_len as usize;
        let place = self.output_start(index).map(|start| start..start + len);
        place
            .and_then(|place| self.arena.get(place))
            .unwrap_or_default()
    }

    /// Where the output of a job that ran begins.
    fn output_start(&self, index: usize) -> Option<usize> {
        match (&self.messages[index], &self.steps[index]) {
            (Some(message), _) => Some(message.output(&self.jobs[index])),
            (None, step) => step.as_ref().map(|step| step.out_offset as usize),
        }
    }

    /// Copies the output of job `index` to the arena that it came from. Returns the job as its client is to see it.
    pub(super) fn give_out(&mut self, index: usize, payload: &Payload) -> &Job {
        let start = self.output_start(index);
        let job = &mut self.jobs[index];
        let Some(start) = start else { return job };
        if job.status == 0 {
            let len = job.out_len as usize;
            let room = match job.op {
                op::CONTAINER => len,
                _ => job.out_capacity as usize,
            };
            let offset = job.out_offset as usize;
            let written = self
                .arena
                .get(start..start + len)
                .ok_or(Error::OutOfRange)
                .and_then(|octets| payload.write_into(offset..offset + room, octets));
            if let Err(error) = written {
                batch::fail(job, error);
            }
        }
        job
    }
}

fn bits_of(places: Range<usize>, is_set: impl Fn(usize) -> bool) -> u64 {
    places.fold(0, |bits, place| bits | u64::from(is_set(place)) << place)
}

/// The places of the bits that are set, from the lowest on.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (place < LANES).then_some(place)
    })
}

const _: () = assert!(LANES <= u64::BITS as usize);
