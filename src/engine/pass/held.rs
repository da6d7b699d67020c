//! The sessions that a pass has locked.

use arrayvec::ArrayVec;

use super::super::Engine;
use super::Work;
use crate::base::{Error, Result};
use crate::security::protect::LANES;
use crate::session::{Guard, Handle};

/// A locked session.
pub(super) struct Held<'t> {
    handle: Handle,
    pub(super) guard: Guard<'t>,
    /// An uplink message of this pass has yet to commit: the next message of this session waits.
    pub(super) exclusive: bool,
    /// The one before it in its bucket.
    before: u8,
}

/// The locked sessions of a pass, found by handle: a search from the first to the last costs 12 ns a message in a
/// batch of 64.
pub(super) struct HeldSessions<'t, const N: usize, const B: usize> {
    pub(super) all: ArrayVec<Held<'t>, N>,
    /// By a few bits of the slot's number: the last of the sessions with these bits, or [`NOBODY`].
    last: [u8; B],
}

pub(super) const BUCKETS: usize = 4 * LANES;
const NOBODY: u8 = u8::MAX;
const _: () = assert!(LANES < NOBODY as usize);

impl<'t, const N: usize, const B: usize> HeldSessions<'t, N, B> {
    pub(super) fn new() -> Self {
        Self {
            all: ArrayVec::new(),
            last: [NOBODY; B],
        }
    }

    fn find(&self, bucket: usize, handle: Handle) -> Option<usize> {
        let mut next = self.last[bucket];
        while let Some(held) = self.all.get(usize::from(next)) {
            if held.handle == handle {
                return Some(next.into());
            }
            next = held.before;
        }
        None
    }

    /// Finds or takes the lock of the work's session. `None`: not in this pass.
    pub(super) fn hold(&mut self, engine: &'t Engine, work: &Work<'_>) -> Result<Option<usize>> {
        let handle = work.handle;
        let bucket = handle.slot() as usize % B;
        if let Some(found) = self.find(bucket, handle) {
            return Ok((!self.all[found].exclusive && work.shares()).then_some(found));
        }
        // Each way puts its lock where it stays: where they met first, a lock was read in wider pieces than it had been
        // written in, and waited for the store buffer (4 ns a message).
        match engine.table.try_lock(handle) {
            Ok(guard) => Ok(Some(self.push(bucket, guard, handle))),
            Err(Error::Busy) if self.all.is_empty() => {
                let guard = engine.table.lock(handle)?;
                Ok(Some(self.push(bucket, guard, handle)))
            }
            Err(Error::Busy) => Ok(None),
            Err(error) => Err(error),
        }
    }

    #[inline(always)]
    fn push(&mut self, bucket: usize, guard: Guard<'t>, handle: Handle) -> usize {
        let place = self.all.len();
        self.all.push(Held {
            handle,
            guard,
            exclusive: false,
            before: self.last[bucket],
        });
        self.last[bucket] = place as u8; // below LANES
        place
    }
}
