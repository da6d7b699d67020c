//! Sealed records: what a session is made of besides its COUNTs, one place for each slot of the table.
//!
//! ```text
//! slot * 1024  half 0: magic "NLSS" (4), generation (4), sequence (4), length (4), sealed octets
//!        + 512 half 1
//! ```
//! The halves are written in turn, and the sequence of the last whole one is in the counts file. A half that a crash tore
//! leaves the one before it; damage to the one that counts is never taken for that. Worker, slot, generation and sequence
//! are bound to what is sealed. A record is written when keys or connections change, never for a message.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use zeroize::Zeroizing;

use crate::base::{Error, Result};
use crate::store::{KeyRing, seal};

/// Octets of the place of one slot, and of each of its halves.
pub(super) const PLACE: usize = 2 * HALF;
const HALF: usize = 512;
const HEAD: usize = 16;
const MAGIC: [u8; 4] = *b"NLSS";

/// What is in front of the session's own record: the procedure that changes keys, and whether the candidate was partial.
pub(super) const PREFIX: usize = 2;

const _: () =
    assert!(HEAD + seal::OVERHEAD + PREFIX + crate::session::layout::WITHOUT_SLICES <= HALF);

/// The records of one table.
pub(super) struct Records {
    file: File,
    ring: Arc<KeyRing>,
    worker: u8,
    failed: AtomicU64,
}

/// Whose record: slot and generation.
pub(super) type Owner = (u32, u32);

impl Records {
    pub(super) const fn new(file: File, ring: Arc<KeyRing>, worker: u8) -> Self {
        Self {
            file,
            ring,
            worker,
            failed: AtomicU64::new(0),
        }
    }

    /// Records that could not be written.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn associated(&self, (slot, generation): Owner, sequence: u32) -> [u8; 29] {
        let mut octets = *b"naslane session 1\0\0\0\0\0\0\0\0\0\0\0\0";
        octets[16] = self.worker;
        octets[17..21].copy_from_slice(&slot.to_be_bytes());
        octets[21..25].copy_from_slice(&generation.to_be_bytes());
        octets[25..29].copy_from_slice(&sequence.to_be_bytes());
        octets
    }

    /// Seals and writes a session's record; `last` is the sequence of the one before it. The caller has the session locked.
    pub(super) fn write(&self, owner: Owner, last: &AtomicU32, plain: &[u8]) {
        if self.try_write(owner, last, plain).is_err() {
            // The line goes on; after a crash this session has no record that fits, and is refused.
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn try_write(&self, owner: Owner, last: &AtomicU32, plain: &[u8]) -> Result<()> {
        let (slot, generation) = owner;
        let sequence = last.load(Ordering::Acquire).wrapping_add(1);
        let mut octets = Vec::with_capacity(HALF);
        octets.extend_from_slice(&MAGIC);
        octets.extend_from_slice(&generation.to_be_bytes());
        octets.extend_from_slice(&sequence.to_be_bytes());
        let len = u32::try_from(plain.len() + seal::OVERHEAD).map_err(|_| Error::TooLong)?;
        octets.extend_from_slice(&len.to_be_bytes());
        let associated = self.associated(owner, sequence);
        self.ring.seal(&associated, plain, &mut octets)?;
        if octets.len() > HALF {
            return Err(Error::TooLong);
        }
        let at = slot as u64 * PLACE as u64 + u64::from(sequence % 2) * HALF as u64;
        self.file
            .write_all_at(&octets, at)
            .map_err(|_| Error::System)?;
        last.store(sequence, Ordering::Release); // pairs with Acquire in `read`: the record is whole
        Ok(())
    }

    /// The newest whole record of this owner; `Ok(None)` when there is none of this generation.
    ///
    /// # Errors
    /// [`Error::Record`] when the one that counts does not open; [`Error::System`].
    pub(super) fn read(
        &self,
        owner: Owner,
        last: &AtomicU32,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let (slot, generation) = owner;
        let last = last.load(Ordering::Acquire); // pairs with Release in `try_write`
        let mut place = [0; PLACE];
        self.file
            .read_exact_at(&mut place, slot as u64 * PLACE as u64)
            .map_err(|_| Error::System)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(HALF));
        // The one after the last: whole, unless a crash tore it.
        for sequence in [last.wrapping_add(1), last] {
            let half = &place[(sequence % 2) as usize * HALF..][..HALF];
            let (head, body) = half.split_at(HEAD);
            let number = |at: usize| {
                u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
            };
            let own = head[..4] == MAGIC && number(4) == generation && number(8) == sequence;
            let sealed = body.get(..number(12) as usize).unwrap_or_default();
            let associated = self.associated(owner, sequence);
            if own && self.ring.open(&associated, sealed, &mut plain).is_ok() {
                return Ok(Some(plain));
            }
            // An older one of this generation says that the last was of it too, and is damaged.
            if own && sequence == last {
                return Err(Error::Record);
            }
        }
        let older = |half: &[u8]| half[..4] == MAGIC && half[4..8] == generation.to_be_bytes();
        let next = (last.wrapping_add(1) % 2) as usize * HALF;
        let torn = place[next + 8..next + 12] == last.wrapping_add(1).to_be_bytes();
        if older(&place[next..]) && !torn {
            return Err(Error::Record);
        }
        Ok(None)
    }

    /// Nothing of the slot's session stays in the file.
    pub(super) fn erase(&self, slot: u32) {
        let erased = self
            .file
            .write_all_at(&[0; PLACE], slot as u64 * PLACE as u64);
        if erased.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|_| Error::System)
    }
}
