//! Sealed records: what a session is made of besides its COUNTs, one place for each slot of the table.
//!
//! ```text
//! slot * 1024  half 0: magic "NLSS" (4), generation (4), sequence (4), length (4), sealed octets
//!        + 512 half 1
//! ```
//! The halves are written in turn, so that a torn one leaves the one before it. Worker, slot, generation and sequence
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

const _: () = assert!(HEAD + seal::OVERHEAD + PREFIX + crate::session::record::MAX_LEN <= HALF);

/// The records of one table.
pub(super) struct Records {
    file: File,
    ring: Arc<KeyRing>,
    worker: u8,
    /// The sequence of the record written last, by slot.
    sequences: Box<[AtomicU32]>,
    failed: AtomicU64,
}

/// Whose record: slot and generation.
pub(super) type Owner = (u32, u32);

impl Records {
    pub(super) fn new(file: File, ring: Arc<KeyRing>, (worker, sessions): (u8, usize)) -> Self {
        Self {
            file,
            ring,
            worker,
            sequences: (0..sessions).map(|_| AtomicU32::new(0)).collect(),
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

    /// Seals and writes a session's record. The caller has the session locked.
    pub(super) fn write(&self, owner: Owner, plain: &[u8]) {
        if self.try_write(owner, plain).is_err() {
            // The line goes on; after a crash this session has no record that fits, and is refused.
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn try_write(&self, owner: Owner, plain: &[u8]) -> Result<()> {
        let (slot, generation) = owner;
        let last = self.sequences.get(slot as usize).ok_or(Error::Argument)?;
        let sequence = last.load(Ordering::Relaxed).wrapping_add(1);
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
        last.store(sequence, Ordering::Relaxed);
        Ok(())
    }

    /// The newest record of this owner that opens; `Ok(None)` when there is none of this generation.
    ///
    /// # Errors
    /// [`Error::Record`] when there are some and none opens; [`Error::System`].
    pub(super) fn read(&self, owner: Owner) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let (slot, generation) = owner;
        let mut place = [0; PLACE];
        self.file
            .read_exact_at(&mut place, slot as u64 * PLACE as u64)
            .map_err(|_| Error::System)?;
        let mut found: Vec<(u32, &[u8])> = Vec::with_capacity(2);
        for half in place.chunks_exact(HALF) {
            let (head, body) = half.split_at(HEAD);
            let number = |at: usize| {
                u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
            };
            if head[..4] == MAGIC && number(4) == generation {
                let sealed = body.get(..number(12) as usize).unwrap_or_default();
                found.push((number(8), sealed));
            }
        }
        if found.is_empty() {
            return Ok(None);
        }
        // The later one first; numbers go round after 2^32 records.
        if let [(a, _), (b, _)] = found[..]
            && (b.wrapping_sub(a) as i32) > 0
        {
            found.swap(0, 1);
        }
        let newest = found[0].0;
        let mut plain = Zeroizing::new(Vec::with_capacity(HALF));
        for (sequence, sealed) in found {
            let associated = self.associated(owner, sequence);
            if self.ring.open(&associated, sealed, &mut plain).is_ok() {
                if let Some(last) = self.sequences.get(slot as usize) {
                    last.store(newest, Ordering::Relaxed);
                }
                return Ok(Some(plain));
            }
        }
        Err(Error::Record)
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
