//! A batch: a pure function from jobs and one arena to statuses.
//!
//! Jobs are taken in chunks of up to [`LANES`], in order. The outputs of a chunk are disjoint from each other and from
//! the other jobs' inputs, which is checked before anything runs; a refused job writes nothing.

mod collisions;

use std::ops::Range;

use arrayvec::ArrayVec;

use crate::base::metrics::Algorithms;
use crate::base::{AccessType, Error, Result};
use crate::procedure::smc::Half;
use crate::security::NearWrap;
use crate::security::protect::{Form, LANES, OVERHEAD};
use crate::security::verify::Octets;
use crate::session::{Handle, Table};

use super::ahead::{Ahead, Keys};
use super::extent::Extent;
use super::job::{Job, flag, form, op};
use super::pass::{self, Commit, Plain, Report, Task, Work};
use super::{Engine, Received, Sent};

/// `status` of a job that has not run: no error has this number.
pub(crate) const PENDING: i32 = -1;

pub(super) fn run(
    engine: &Engine,
    jobs: &mut [Job],
    arena: &mut [u8],
    counted: &mut impl FnMut(&Job, Algorithms),
) -> usize {
    let mut rest = &mut *jobs;
    while !rest.is_empty() {
        let done = group(engine, rest, arena, counted);
        rest = &mut rest[done..];
    }
    jobs.iter().filter(|job| job.status == 0).count()
}

/// Runs the first jobs, as many as go into one lane group, and says how many.
pub(super) fn group(
    engine: &Engine,
    jobs: &mut [Job],
    arena: &mut [u8],
    counted: &mut impl FnMut(&Job, Algorithms),
) -> usize {
    let len = group_len(jobs);
    let jobs = &mut jobs[..len];
    for job in jobs.iter_mut() {
        job.status = PENDING;
    }
    match jobs {
        [first, ..] if !is_message(first) => steps(engine, jobs, arena, counted),
        jobs => {
            let algorithms = messages(engine, jobs, arena);
            let both = jobs.iter().zip(&algorithms);
            both.for_each(|(job, algorithms)| counted(job, *algorithms));
        }
    }
    len
}

/// Jobs of the next lane group: messages, or steps of procedures.
pub(super) fn group_len(jobs: &[Job]) -> usize {
    let lanes = jobs.iter().take(LANES);
    let same = |job: &&Job| {
        jobs.first()
            .is_some_and(|first| is_message(first) == is_message(job))
    };
    lanes.take_while(same).count()
}

/// Runs jobs that are no messages, one after the other; security mode commands derive their keys in lanes.
fn steps(
    engine: &Engine,
    jobs: &mut [Job],
    arena: &mut [u8],
    counted: &mut impl FnMut(&Job, Algorithms),
) {
    let ahead = match jobs.len() {
        1 => Ahead::nothing(),
        _ => Ahead::look(engine, jobs, arena),
    };
    for (index, job) in jobs.iter_mut().enumerate() {
        let algorithms = single(engine, job, arena, &ahead.of(index, engine.keys()));
        counted(job, algorithms);
    }
}

pub(super) const fn is_message(job: &Job) -> bool {
    matches!(job.op, op::PROTECT | op::VERIFY | op::VERIFY_ONLY)
}

/// A job whose fields were read once and checked.
pub(super) struct Checked {
    index: usize,
    pub(super) handle: Handle,
    pub(super) access: AccessType,
    pub(super) input: Range<usize>,
    pub(super) output: Range<usize>,
    form: Form,
}

impl Checked {
    pub(super) fn into_form(self) -> Form {
        self.form
    }
}

pub(super) fn check(index: usize, job: &Job, arena: usize) -> Result<Checked> {
    let access = AccessType::from_id(job.access).ok_or(Error::Bearer)?;
    let handle = Handle::from_bits(job.session)?;
    if job.reserved != 0 || job.reserved2 != 0 || (job.op != op::PROTECT && job.form != 0) {
        return Err(Error::Operation);
    }
    let input = range(job.in_offset, job.in_len, arena)?;
    let output = range(job.out_offset, job.out_capacity, arena)?;
    let same_place = input.start == output.start;
    if !same_place && overlap(&input, &output) {
        return Err(Error::Overlap);
    }
    let needed = match job.op {
        op::PROTECT => input.len() + OVERHEAD,
        op::VERIFY | op::VERIFY_ONLY => input.len(),
        _ => 0,
    };
    if output.len() < needed {
        return Err(Error::BufferTooSmall);
    }
    Ok(Checked {
        index,
        handle,
        access,
        input,
        output,
        form: form_of(job)?,
    })
}

fn form_of(job: &Job) -> Result<Form> {
    match job.form {
        form::AUTO => Ok(Form::Auto),
        form::INTEGRITY => Ok(Form::Integrity),
        form::INITIAL if job.part_len == 0 => Ok(Form::Initial(None)),
        form::INITIAL => {
            let part = range(job.part_offset, job.part_len, job.in_len as usize)?;
            Ok(Form::Initial(Some(part)))
        }
        _ => Err(Error::Operation),
    }
}

pub(super) fn range(offset: u32, len: u32, limit: usize) -> Result<Range<usize>> {
    let start = offset as usize;
    let end = start.checked_add(len as usize).ok_or(Error::OutOfRange)?;
    if end > limit {
        Err(Error::OutOfRange)
    } else {
        Ok(start..end)
    }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end && !a.is_empty() && !b.is_empty()
}

/// Checks the jobs of a lane group; those that are refused have their status.
#[inline]
fn admit(
    jobs: &mut [Job],
    arena: usize,
    mut sound: impl FnMut(Handle),
) -> ArrayVec<Checked, LANES> {
    let mut checked = ArrayVec::new();
    for (index, job) in jobs.iter_mut().enumerate() {
        match check(index, job, arena) {
            Ok(fields) => {
                sound(fields.handle);
                checked.push(fields);
            }
            Err(error) => fail(job, error),
        }
    }
    collisions::refuse(jobs, &mut checked);
    checked
}

/// As [`group`], but nothing runs: jobs that it would refuse because of their fields have their status, the others
/// have [`PENDING`].
pub(crate) fn examine(jobs: &mut [Job], arena: usize) -> usize {
    let len = group_len(jobs);
    let jobs = &mut jobs[..len];
    for job in jobs.iter_mut() {
        job.status = PENDING;
    }
    match jobs {
        [first, ..] if !is_message(first) => {
            for job in jobs {
                if let Err(error) = Extent::of(job, arena) {
                    fail(job, error);
                }
            }
        }
        jobs => drop(admit(jobs, arena, |_| ())),
    }
    len
}

/// Runs messages; returns the algorithms of each.
fn messages(engine: &Engine, jobs: &mut [Job], arena: &mut [u8]) -> [Algorithms; LANES] {
    let mut algorithms = [Algorithms::NONE; LANES];
    // The memory is on its way while the rest is checked, and comes here while it is laid out.
    let checked = admit(jobs, arena.len(), |handle| {
        engine.table.prefetch_far(handle)
    });
    let mut works: ArrayVec<Work<'_>, LANES> = ArrayVec::new();
    carve(&checked, (jobs, &engine.table), arena, &mut works);
    // `carve` walks by place in the arena; the messages of a session run in the order of the jobs.
    works.sort_unstable_by_key(|work| work.tag);
    pass::run(engine, &mut works);
    for work in &works {
        let job = &mut jobs[work.tag];
        algorithms[work.tag] = work.algorithms;
        report(job, &work.report);
    }
    algorithms
}

/// Writes what became of a message into its job.
#[inline]
pub(super) fn report(job: &mut Job, report: &Report) {
    match report {
        Report::Protected(result) => protected(job, *result),
        Report::Verified(received) => verified(job, received),
        Report::Waiting => fail(job, Error::Poisoned),
    }
}

/// Cuts the arena into one output per job, to be written, and the pieces between them, to be read: an input lies in
/// one of those, or in the place of its own output. `checked` is sorted by output and free of overlaps.
fn carve<'a>(
    checked: &ArrayVec<Checked, LANES>,
    (jobs, table): (&[Job], &Table),
    arena: &'a mut [u8],
    works: &mut ArrayVec<Work<'a>, LANES>,
) {
    let mut places: ArrayVec<&'a mut [u8], LANES> = ArrayVec::new();
    let mut between: ArrayVec<(usize, &'a [u8]), { LANES + 1 }> = ArrayVec::new();
    let mut rest = arena;
    let mut cut = 0;
    for fields in checked {
        // An empty output may lie inside one that was cut before it.
        let skip = fields.output.start.saturating_sub(cut);
        let Some((piece, tail)) = std::mem::take(&mut rest).split_at_mut_checked(skip) else {
            return;
        };
        let Some((place, tail)) = tail.split_at_mut_checked(fields.output.len()) else {
            return;
        };
        between.push((cut, piece));
        places.push(place);
        rest = tail;
        cut = cut.max(fields.output.end);
    }
    between.push((cut, rest));
    let mut near = 0;
    for (fields, place) in checked.iter().zip(places) {
        table.prefetch(fields.handle);
        let op = jobs[fields.index].op;
        lay(op, fields, (place, &between, &mut near), works);
    }
}

/// Each kind of task is put where it stays by itself: where they met first, a task was read in wider pieces than it had
/// been written in, and waited for the store buffer.
#[inline(always)]
fn put<'a>(works: &mut ArrayVec<Work<'a>, LANES>, fields: &Checked, task: Task<'a>) {
    works.push(Work {
        handle: fields.handle,
        access: fields.access,
        task,
        report: Report::Waiting,
        algorithms: Algorithms::NONE,
        tag: fields.index,
    });
}

/// The output, the pieces between the outputs, and the piece in which the last input lay.
type Places<'a, 'b> = (&'a mut [u8], &'b [(usize, &'a [u8])], &'b mut usize);

/// Lays out the work of a checked job.
#[inline(always)]
fn lay<'a>(
    op: u8,
    fields: &Checked,
    (out, between, near): Places<'a, '_>,
    works: &mut ArrayVec<Work<'a>, LANES>,
) {
    let input = &fields.input;
    let len = input.len();
    let in_place = input.start == fields.output.start;
    let mut apart = || {
        let begins = |piece: usize| between.get(piece).map_or(usize::MAX, |(start, _)| *start);
        // Inputs mostly follow each other: the next piece, or the same.
        *near += usize::from(begins(*near + 1) <= input.start);
        if begins(*near) > input.start || begins(*near + 1) <= input.start {
            *near = between
                .partition_point(|(start, _)| *start <= input.start)
                .saturating_sub(1);
        }
        let (start, octets) = between.get(*near).copied().unwrap_or_default();
        let found = octets
            .get(input.start.saturating_sub(start)..)
            .and_then(|o| o.get(..len));
        found.unwrap_or_default()
    };
    let commit = if op == op::VERIFY {
        Commit::Yes
    } else {
        Commit::No
    };
    match (op, in_place) {
        (op::PROTECT, true) => {
            let plain = Plain::InPlace { buffer: out, len };
            let form = fields.form.clone();
            put(works, fields, Task::Protect { plain, form });
        }
        (op::PROTECT, false) => {
            let plain = apart();
            let (plain, form) = (Plain::Apart { plain, out }, fields.form.clone());
            put(works, fields, Task::Protect { plain, form });
        }
        (_, true) => {
            let octets = Octets::InPlace(&mut out[..len]);
            put(works, fields, Task::Verify { octets, commit });
        }
        (_, false) => {
            let octets = Octets::Apart { pdu: apart(), out };
            put(works, fields, Task::Verify { octets, commit });
        }
    }
}

pub(crate) fn fail(job: &mut Job, error: Error) {
    clear(job);
    job.status = error.code();
}

pub(super) fn clear(job: &mut Job) {
    job.out_len = 0;
    job.count = 0;
    job.message_type = 0;
    job.sht = 0;
    job.follow_up = 0;
    job.event = 0;
    job.diagnosis = 0;
    job.flags = 0;
    job.cause = 0;
}

pub(super) const fn warning(near_wrap: NearWrap) -> u8 {
    match near_wrap {
        NearWrap::No => 0,
        NearWrap::Warning => flag::COUNT_WARNING,
        NearWrap::Urgent => flag::COUNT_WARNING | flag::COUNT_URGENT,
    }
}

fn protected(job: &mut Job, result: Result<Sent>) {
    match result {
        Err(error) => fail(job, error),
        Ok(sent) => {
            clear(job);
            job.out_len = u32::try_from(sent.len).unwrap_or_default();
            job.count = sent.count;
            job.sht = sent.sht.bits();
            job.flags = warning(sent.near_wrap);
            job.status = 0;
        }
    }
}

pub(super) fn verified(job: &mut Job, received: &Received) {
    clear(job);
    let verdict = &received.verdict;
    job.out_len = u32::try_from(verdict.len).unwrap_or_default();
    job.count = verdict.count.unwrap_or_default();
    job.message_type = verdict.message_type.map_or(0, |message| message.0);
    job.sht = verdict.sht.map_or(0, |sht| sht.bits());
    job.follow_up = verdict.follow_up as u8;
    job.diagnosis = received.diagnosis as u8;
    job.flags = warning(verdict.near_wrap) | if received.secured { flag::SECURED } else { 0 };
    let part = received.container.clone().unwrap_or_default();
    if !part.is_empty() {
        job.flags |= flag::CONTAINER;
    }
    job.part_offset = u32::try_from(part.start).unwrap_or_default();
    job.part_len = u32::try_from(part.len()).unwrap_or_default();
    received.describe(job);
    job.status = verdict.result.map_or_else(Error::code, |()| 0);
}

/// Jobs that run alone; returns the algorithms of one that succeeded.
pub(super) fn single(
    engine: &Engine,
    job: &mut Job,
    arena: &mut [u8],
    keys: &Keys<'_>,
) -> Algorithms {
    let result = match job.op {
        op::SMC_COMMAND | op::SMC_RESEND => super::smc::job(engine, job, arena, keys),
        op::CONTAINER => container(engine, job, arena),
        _ => Err(Error::Operation),
    };
    match result {
        Ok(()) => used(engine, job).unwrap_or(Algorithms::NONE),
        Err(error) => {
            fail(job, error);
            Algorithms::NONE
        }
    }
}

/// The algorithms of the procedure that runs, else those in use on the job's access.
fn used(engine: &Engine, job: &Job) -> Option<Algorithms> {
    let access = AccessType::from_id(job.access)?;
    let session = engine
        .table
        .lock(Handle::from_bits(job.session).ok()?)
        .ok()?;
    let running = match &session.smc {
        Half::Amf(amf) => amf.place(),
        Half::Ue(_) => None,
    };
    let place = running.unwrap_or_else(|| session.security.in_use(access));
    let pair = session.security.context(place)?.algorithms()?;
    Some(Algorithms::of(pair.nea.id(), pair.nia.id()))
}

fn container(engine: &Engine, job: &mut Job, arena: &mut [u8]) -> Result<()> {
    let access = AccessType::from_id(job.access).ok_or(Error::Bearer)?;
    let handle = Handle::from_bits(job.session)?;
    let place = range(job.out_offset, job.out_len, arena.len())?;
    let message = arena.get_mut(place).ok_or(Error::OutOfRange)?;
    let (part, inner) = engine.decipher_container(handle, (access, job.count), message)?;
    job.part_offset = u32::try_from(part.start).unwrap_or_default();
    job.part_len = u32::try_from(part.len()).unwrap_or_default();
    job.message_type = inner.0;
    job.flags |= flag::CONTAINER;
    job.status = 0;
    Ok(())
}
