//! Messages that were copied to an arena of the worker's own: checked once, on the way in, and worked on in place,
//! each in a stretch of its own. So nothing is compared, sorted or searched for here.

use std::ops::Range;

use arrayvec::ArrayVec;

use crate::base::metrics::Algorithms;
use crate::base::{AccessType, Error, Result};
use crate::security::protect::{Form, LANES, OVERHEAD};
use crate::security::verify::Octets;
use crate::session::Handle;

use super::Engine;
use super::batch::{self, Checked};
use super::job::{Job, op};
use super::pass::{self, Commit, Plain, Report, Task, Work};

/// A message job that passed the checks of its fields, and its stretch.
pub(super) struct Message {
    handle: Handle,
    access: AccessType,
    form: Form,
    stretch: Range<usize>,
}

impl Message {
    /// Octets of the stretch that a message needs.
    pub(super) fn room(job: &Job, input: usize) -> usize {
        match job.op {
            op::PROTECT => input + OVERHEAD,
            _ => input,
        }
    }

    /// Its place: [`Message::room`] octets from `start` on.
    pub(super) fn new(checked: Checked, job: &Job, start: usize) -> Self {
        let room = Self::room(job, checked.input.len());
        Self {
            handle: checked.handle,
            access: checked.access,
            form: checked.into_form(),
            stretch: start..start + room,
        }
    }

    /// Its session.
    pub(super) const fn handle(&self) -> Handle {
        self.handle
    }

    /// The place of its input, until it has run: where nothing has to be moved later. It ends with the stretch.
    pub(super) const fn input(&self, job: &Job) -> Range<usize> {
        match job.op {
            op::PROTECT => self.stretch.start + OVERHEAD..self.stretch.end,
            _ => self.stretch.start..self.stretch.end,
        }
    }

    /// Where the output of this job, which was this message, begins.
    pub(super) const fn output(&self, job: &Job) -> usize {
        match job.op {
            op::PROTECT => self.stretch.start,
            _ => self.stretch.start + OVERHEAD,
        }
    }
}

/// Runs the messages among `jobs` whose bit is set in `chosen`. Stretches are in the order of the jobs.
pub(super) fn run(
    engine: &Engine,
    (jobs, messages, chosen): (&mut [Job], &[Option<Message>], u64),
    arena: &mut [u8],
    used: &mut [Algorithms],
) {
    let mut works: ArrayVec<Work<'_>, LANES> = ArrayVec::new();
    let (mut rest, mut passed) = (arena, 0);
    for (tag, (job, message)) in jobs.iter_mut().zip(messages).take(LANES).enumerate() {
        let Some(message) = message.as_ref().filter(|_| chosen >> tag & 1 != 0) else {
            continue;
        };
        let Range { start, end } = message.stretch;
        let tail = std::mem::take(&mut rest).get_mut(start.saturating_sub(passed)..);
        let cut = tail.and_then(|tail| tail.split_at_mut_checked(end.saturating_sub(start)));
        let Some((place, tail)) = cut else {
            // Cannot be: stretches lie in the arena one after the other.
            batch::fail(job, Error::OutOfRange);
            continue;
        };
        (rest, passed) = (tail, end);
        works.push(Work {
            handle: message.handle,
            access: message.access,
            task: task(job.op, message, place),
            report: Report::Waiting,
            algorithms: Algorithms::NONE,
            tag,
        });
    }
    pass::run(engine, &mut works);
    for work in &works {
        let job = &mut jobs[work.tag];
        used[work.tag] = work.algorithms;
        batch::report(job, &work.report);
    }
}

fn task<'a>(kind: u8, message: &Message, place: &'a mut [u8]) -> Task<'a> {
    let commit = match kind {
        op::PROTECT => {
            return Task::Protect {
                plain: Plain::Placed(place),
                form: message.form.clone(),
            };
        }
        op::VERIFY => Commit::Yes,
        _ => Commit::No,
    };
    Task::Verify {
        octets: Octets::Stays(place),
        commit,
    }
}

/// A job's fields, checked; see [`batch::check`].
///
/// # Errors
/// As there.
pub(super) fn check(engine: &Engine, job: &Job, arena: usize) -> Result<Checked> {
    let checked = batch::check(0, job, arena)?;
    // On its way while other jobs are copied.
    engine.table().prefetch(checked.handle);
    Ok(checked)
}
