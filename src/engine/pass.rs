//! The pass: every message of a call, one or many, goes through here. COUNTs are assigned and committed one by one
//! in order; ciphers and MACs run in lanes over many sessions.
//!
//! A session is locked from numbering to commit. One that is locked by another thread, or that an uplink message
//! earlier in the pass still holds, puts its message off to the next pass: nobody waits while holding a lock, so
//! two threads with overlapping batches cannot block each other for good.

mod held;

use arrayvec::ArrayVec;

use crate::algorithm::{Nea, Nia};
use crate::base::metrics::Algorithms;
use crate::base::{AccessType, Error, Result};
use crate::procedure::smc::Half;
use crate::security::protect::{self, Form, LANES, Numbered, OVERHEAD, Sealing};
use crate::security::verify::{self, Checked, Checking, Estimated, Expect, Octets};
use crate::session::Handle;

use super::{Engine, Received, Sent};
use held::{BUCKETS, Held, HeldSessions};

/// One message on its way through the engine.
pub(super) struct Work<'a> {
    pub(super) handle: Handle,
    pub(super) access: AccessType,
    pub(super) task: Task<'a>,
    pub(super) report: Report,
    /// Those of the context that protected or verified it; none before there is one. For the counters.
    pub(super) algorithms: Algorithms,
    /// The caller's own number of this work.
    pub(super) tag: usize,
}

/// What is to be done with it.
pub(super) enum Task<'a> {
    /// The plain message and the room for the PDU.
    Protect { plain: Plain<'a>, form: Form },
    /// The PDU, and whether its COUNT is committed.
    Verify { octets: Octets<'a>, commit: Commit },
}

/// Whether a verified message is accepted for good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    Yes,
    No,
}

/// A plain message and the room for its PDU.
pub(super) enum Plain<'a> {
    Apart {
        plain: &'a [u8],
        out: &'a mut [u8],
    },
    /// The first `len` octets are the plain message; the PDU will start in the same place.
    InPlace {
        buffer: &'a mut [u8],
        len: usize,
    },
    /// The plain message stands where the PDU will have it, behind [`OVERHEAD`] free octets.
    Placed(&'a mut [u8]),
}

impl Plain<'_> {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Apart { plain, .. } => plain,
            Self::InPlace { buffer, len } => buffer.get(..*len).unwrap_or_default(),
            Self::Placed(pdu) => pdu.get(OVERHEAD..).unwrap_or_default(),
        }
    }

    fn fits(&self) -> bool {
        let (len, room) = match self {
            Self::Apart { plain, out } => (plain.len(), out.len()),
            Self::InPlace { buffer, len } => (*len, buffer.len()),
            Self::Placed(pdu) => return pdu.len() >= OVERHEAD,
        };
        len.checked_add(OVERHEAD)
            .is_some_and(|needed| needed <= room)
    }

    /// The PDU to be, and the plain message where it does not stand in it, behind the free octets of the header.
    fn lay_out(&mut self) -> Option<(&mut [u8], Option<&[u8]>)> {
        match self {
            Self::Apart { plain, out } => {
                let pdu = out.get_mut(..plain.len() + OVERHEAD)?;
                Some((pdu, Some(plain)))
            }
            Self::InPlace { buffer, len } => {
                let pdu = buffer.get_mut(..*len + OVERHEAD)?;
                pdu.copy_within(..*len, OVERHEAD);
                Some((pdu, None))
            }
            Self::Placed(pdu) => Some((pdu, None)),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) enum Report {
    Waiting,
    Protected(Result<Sent>),
    Verified(Received),
}

impl Work<'_> {
    fn fail(&mut self, error: Error) {
        self.report = match self.task {
            Task::Protect { .. } => Report::Protected(Err(error)),
            Task::Verify { .. } => Report::Verified(Received::refused(error)),
        };
    }

    const fn is_waiting(&self) -> bool {
        matches!(self.report, Report::Waiting)
    }

    const fn shares(&self) -> bool {
        match self.task {
            Task::Protect { .. } => true,
            Task::Verify { commit, .. } => matches!(commit, Commit::No),
        }
    }
}

/// A message that is under way in this pass: its place among the works and the locked sessions.
struct Ticket<S> {
    work: usize,
    guard: usize,
    stage: S,
}

/// Runs every work to its report.
pub(super) fn run(engine: &Engine, works: &mut [Work<'_>]) {
    for chunk in works.chunks_mut(LANES) {
        // The same code with room for one: moving the larger arrays about costs a single message more than its AES
        // (117 ns of 370 on Cascade Lake).
        while match chunk.len() {
            1 => pass::<1, 1>(engine, chunk),
            _ => pass::<LANES, BUCKETS>(engine, chunk),
        } {}
    }
}

/// Runs what can run now; true when something was put off. With room for `N` messages, whose sessions are found by `B`
/// buckets.
fn pass<const N: usize, const B: usize>(engine: &Engine, works: &mut [Work<'_>]) -> bool {
    let mut held: HeldSessions<'_, N, B> = HeldSessions::new();
    let mut numbered: ArrayVec<Ticket<Numbered>, N> = ArrayVec::new();
    let mut estimated: ArrayVec<Ticket<Estimated>, N> = ArrayVec::new();
    let mut put_off: ArrayVec<Handle, N> = ArrayVec::new();

    for (index, work) in works
        .iter_mut()
        .enumerate()
        .filter(|(_, work)| work.is_waiting())
    {
        if put_off.contains(&work.handle) {
            continue;
        }
        let guard = match held.hold(engine, work) {
            Ok(Some(guard)) => guard,
            Ok(None) => {
                put_off.push(work.handle);
                continue;
            }
            Err(error) => {
                work.fail(error);
                continue;
            }
        };
        let locked = &mut held.all[guard].guard;
        let resources = locked.resources();
        let session = &mut **locked;
        match &work.task {
            Task::Protect { plain, .. } if !plain.fits() => work.fail(Error::BufferTooSmall),
            Task::Protect { plain, form } => {
                let message = (plain.octets(), form);
                match protect::number_in(
                    &mut session.security,
                    work.access,
                    message,
                    (&engine.settings, Some(&resources)),
                ) {
                    Ok(stage) => numbered.push(Ticket {
                        work: index,
                        guard,
                        stage,
                    }),
                    Err(error) => work.fail(error),
                }
            }
            Task::Verify { octets, .. } => {
                let expect = match &session.smc {
                    Half::Amf(amf) => amf.expects(work.access),
                    Half::Ue(_) => Expect::Any,
                };
                match verify::estimate(
                    &session.security,
                    work.access,
                    (octets.pdu(), expect),
                    &engine.settings,
                ) {
                    Ok(stage) => estimated.push(Ticket {
                        work: index,
                        guard,
                        stage,
                    }),
                    Err(verdict) => {
                        work.report =
                            Report::Verified(Engine::unverified(session, work.access, verdict));
                        continue;
                    }
                }
            }
        }
        held.all[guard].exclusive |= !work.shares();
    }
    #[cfg(test)]
    defect::strike();
    seal(&held.all, &mut numbered, works);
    accept(engine, &mut held.all, &mut estimated, works);
    !put_off.is_empty()
}

const fn names((nea, nia): (Nea, Nia)) -> Algorithms {
    Algorithms::of(nea.id(), nia.id())
}

fn seal<const N: usize>(
    held: &[Held<'_>],
    numbered: &mut ArrayVec<Ticket<Numbered>, N>,
    works: &mut [Work<'_>],
) {
    if numbered.is_empty() {
        return;
    }
    let mut lanes: ArrayVec<Sealing<'_>, N> = ArrayVec::new();
    let mut rest = works;
    let mut passed = 0;
    for ticket in numbered.drain(..) {
        // Tickets are in the order of the works, so the slice can be walked once.
        let (_, tail) = std::mem::take(&mut rest).split_at_mut(ticket.work - passed);
        let Some((work, tail)) = tail.split_first_mut() else {
            return;
        };
        rest = tail;
        passed = ticket.work + 1;
        let Task::Protect { plain, .. } = &mut work.task else {
            continue;
        };
        let Some((pdu, plain)) = plain.lay_out() else {
            continue;
        };
        let sent = Sent {
            len: pdu.len(),
            count: ticket.stage.count(),
            sht: ticket.stage.sht(),
            near_wrap: ticket.stage.near_wrap(),
        };
        let security = &held[ticket.guard].guard.security;
        let lane = Sealing::new(ticket.stage, security, pdu);
        let lane = match plain {
            Some(plain) => lane.and_then(|lane| lane.reading(plain)),
            None => lane,
        };
        match lane {
            Ok(mut lane) => {
                work.algorithms = names(lane.pair());
                work.report = Report::Protected(Ok(sent));
                if N == 1 {
                    return lane.seal_alone();
                }
                lanes.push(lane);
            }
            Err(error) => work.report = Report::Protected(Err(error)),
        }
    }
    protect::seal(&mut lanes);
}

fn accept<const N: usize>(
    engine: &Engine,
    held: &mut [Held<'_>],
    estimated: &mut ArrayVec<Ticket<Estimated>, N>,
    works: &mut [Work<'_>],
) {
    if N == 1 {
        if let Some(ticket) = estimated.pop() {
            accept_one(engine, held, ticket, works);
        }
        return;
    }
    if estimated.is_empty() {
        return;
    }
    let mut checked: ArrayVec<(usize, usize, Checked), N> = ArrayVec::new();
    {
        let mut lanes: ArrayVec<Checking<'_>, N> = ArrayVec::new();
        let mut places: ArrayVec<(usize, usize), N> = ArrayVec::new();
        let mut rest = &mut *works;
        let mut passed = 0;
        for ticket in estimated.drain(..) {
            let (_, tail) = std::mem::take(&mut rest).split_at_mut(ticket.work - passed);
            let Some((work, tail)) = tail.split_first_mut() else {
                break;
            };
            rest = tail;
            passed = ticket.work + 1;
            let Task::Verify { octets, .. } = &mut work.task else {
                continue;
            };
            let security = &held[ticket.guard].guard.security;
            match Checking::new(ticket.stage, security, octets.reborrow()) {
                Ok(lane) => {
                    work.algorithms = names(lane.pair());
                    lanes.push(lane);
                    places.push((ticket.work, ticket.guard));
                }
                Err(error) => work.report = Report::Verified(Received::refused(error)),
            }
        }
        let mut place = places.iter();
        verify::check(&mut lanes, &engine.settings, |done| {
            if let Some(&(work, guard)) = place.next() {
                checked.push((work, guard, done));
            }
        });
    }
    for (index, guard, done) in checked.drain(..) {
        commit(engine, &mut held[guard], &mut works[index], done);
    }
}

#[inline(always)]
fn accept_one(
    engine: &Engine,
    held: &mut [Held<'_>],
    ticket: Ticket<Estimated>,
    works: &mut [Work<'_>],
) {
    let (held, work) = (&mut held[ticket.guard], &mut works[ticket.work]);
    let Task::Verify { octets, .. } = &mut work.task else {
        return;
    };
    match Checking::new(ticket.stage, &held.guard.security, octets.reborrow()) {
        Ok(lane) => {
            work.algorithms = names(lane.pair());
            let done = verify::check_one(lane, &engine.settings);
            commit(engine, held, work, done);
        }
        Err(error) => work.report = Report::Verified(Received::refused(error)),
    }
}

/// Takes what was verified into the session, and reports it.
#[inline(always)]
fn commit(engine: &Engine, held: &mut Held<'_>, work: &mut Work<'_>, done: Checked) {
    let Task::Verify { octets, commit } = &work.task else {
        return;
    };
    let locked = &mut held.guard;
    let resources = locked.resources();
    let session = &mut **locked;
    let received = if *commit == Commit::Yes {
        let settings = (&engine.settings, Some(&resources));
        let verdict = verify::commit_in(&mut session.security, done, settings);
        let plain = octets.plain(verdict.len);
        engine.received((session, resources), work.access, (verdict, plain))
    } else {
        let verdict = done.peek();
        Received::new(verdict, octets.plain(verdict.len))
    };
    work.report = Report::Verified(received);
}

/// A defect on purpose, for the tests.
#[cfg(test)]
pub(super) mod defect {
    use std::cell::Cell;

    std::thread_local! {
        static PLANTED: Cell<bool> = const { Cell::new(false) };
    }

    /// The next pass or step of this thread panics: a pass while it holds its sessions.
    pub(in crate::engine) fn plant() {
        PLANTED.set(true);
    }

    pub(in crate::engine) fn strike() {
        assert!(!PLANTED.take(), "a defect, for the test");
    }
}
