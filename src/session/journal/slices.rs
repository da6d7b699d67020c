//! Sealed records of slices: what network slice-specific authentication knows of the sessions that have any.
//!
//! ```text
//! 0                 magic, worker and sessions; from the next page on for each slot: sequence of its record, 0: none (4)
//! small + slot * 512    half 0, + 256 half 1: as in the records of sessions, magic "NLSL"
//! large + slot * 2048   half 0, + 1024 half 1: the same for the few that are longer
//! ```
//! A file of their own, full of holes: a session without slices has nothing in it but four octets, and the records of
//! sessions are as they were. Written when an event changed what is known, before anybody hears of it. A record that a
//! crash tore leaves the one before it; one that counts and does not open is said to be lost, never guessed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use zeroize::Zeroizing;

use crate::base::{Error, Result};
use crate::procedure::nssaa::RECORD_MAX;
use crate::store::{KeyRing, seal};

use super::memory::Memory;
use super::records::Owner;

const PAGE: usize = 4096;
const HEAD: usize = 16;
const MAGIC: [u8; 4] = *b"NLSL";

/// Octets of a half that is enough for about ten slices, and of one that is enough for all.
const SMALL: usize = 256;
const LARGE: usize = 1024;

const _: () = assert!(HEAD + seal::OVERHEAD + RECORD_MAX <= LARGE);

/// "NLSSLCS" with the version in the last octet.
const FILE: u64 = u64::from_be_bytes(*b"NLSSLC\0\x01");

/// The records of one table.
pub(super) struct SliceRecords {
    file: File,
    words: Memory,
    ring: Arc<KeyRing>,
    worker: u8,
    sessions: usize,
    failed: AtomicU64,
}

const fn small_at(sessions: usize) -> usize {
    PAGE + (sessions * 4).next_multiple_of(PAGE)
}

const fn large_at(sessions: usize) -> usize {
    small_at(sessions) + (sessions * 2 * SMALL).next_multiple_of(PAGE)
}

/// Octets of the file; all but its front are holes until they are needed.
pub(super) const fn file_len(sessions: usize) -> usize {
    large_at(sessions) + sessions * 2 * LARGE
}

impl SliceRecords {
    /// Takes a file of [`file_len`] octets, new or as the process before this one left it.
    ///
    /// # Errors
    /// [`Error::Record`] for a file of another version or table; [`Error::System`].
    pub(super) fn open(
        file: File,
        ring: Arc<KeyRing>,
        (worker, sessions): (u8, usize),
    ) -> Result<Self> {
        let words = Memory::map(&file, small_at(sessions))?;
        let head: &[AtomicU64] = words.slice(0, 2)?;
        let own = u64::from(worker) << 32 | sessions as u64;
        match head[0].load(Ordering::Acquire) {
            0 => {
                head[1].store(own, Ordering::Release);
                head[0].store(FILE, Ordering::Release);
            }
            FILE if head[1].load(Ordering::Acquire) == own => {}
            _ => return Err(Error::Record),
        }
        Ok(Self {
            file,
            words,
            ring,
            worker,
            sessions,
            failed: AtomicU64::new(0),
        })
    }

    fn last(&self, slot: u32) -> Option<&AtomicU32> {
        let all = self.words.slice(PAGE, self.sessions);
        all.unwrap_or_default().get(slot as usize)
    }

    /// True when there is to be a record of this slot's session.
    pub(super) fn has(&self, slot: u32) -> bool {
        let last = self.last(slot);
        last.is_some_and(|last| last.load(Ordering::Acquire) != 0)
    }

    /// Records that could not be written.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// A session begins in this slot: there is no record of it, whatever a crash left.
    pub(super) fn begin(&self, slot: u32) {
        if let Some(last) = self.last(slot) {
            last.store(0, Ordering::Release);
        }
    }

    fn associated(&self, (slot, generation): Owner, sequence: u32) -> [u8; 29] {
        let mut octets = *b"naslane slices 1\0\0\0\0\0\0\0\0\0\0\0\0\0";
        octets[16] = self.worker;
        octets[17..21].copy_from_slice(&slot.to_be_bytes());
        octets[21..25].copy_from_slice(&generation.to_be_bytes());
        octets[25..29].copy_from_slice(&sequence.to_be_bytes());
        octets
    }

    const fn small(&self, slot: u32, sequence: u32) -> u64 {
        let at = small_at(self.sessions) + slot as usize * 2 * SMALL;
        (at + (sequence % 2) as usize * SMALL) as u64
    }

    const fn large(&self, slot: u32, sequence: u32) -> u64 {
        let at = large_at(self.sessions) + slot as usize * 2 * LARGE;
        (at + (sequence % 2) as usize * LARGE) as u64
    }

    /// Seals and writes what is known of a session's slices. The caller has its room locked.
    pub(super) fn write(&self, owner: Owner, plain: &[u8]) {
        let Some(last) = self.last(owner.0) else {
            return;
        };
        let before = last.load(Ordering::Acquire);
        // 0 says that there is none.
        let sequence = before.checked_add(1).unwrap_or(2);
        if self.try_write(owner, sequence, plain).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        // Where it could not be written none is found after a crash: lost, rather than one that is out of date.
        last.store(sequence, Ordering::Release); // pairs with Acquire in `read`: the record is whole
    }

    fn try_write(&self, owner: Owner, sequence: u32, plain: &[u8]) -> Result<()> {
        let (slot, generation) = owner;
        let mut octets = Vec::with_capacity(LARGE);
        octets.extend_from_slice(&MAGIC);
        octets.extend_from_slice(&generation.to_be_bytes());
        octets.extend_from_slice(&sequence.to_be_bytes());
        let len = u32::try_from(plain.len() + seal::OVERHEAD).map_err(|_| Error::TooLong)?;
        octets.extend_from_slice(&len.to_be_bytes());
        let associated = self.associated(owner, sequence);
        self.ring.seal(&associated, plain, &mut octets)?;
        let at = match octets.len() {
            len if len <= SMALL => self.small(slot, sequence),
            len if len <= LARGE => self.large(slot, sequence),
            _ => return Err(Error::TooLong),
        };
        self.file
            .write_all_at(&octets, at)
            .map_err(|_| Error::System)
    }

    /// What was known of this owner's slices; `Ok(None)`: it has none.
    ///
    /// # Errors
    /// [`Error::Record`] when the one that counts does not open, or was never written.
    pub(super) fn read(&self, owner: Owner) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let (slot, _) = owner;
        let Some(word) = self.last(slot) else {
            return Ok(None);
        };
        let last = word.load(Ordering::Acquire); // pairs with Release in `write`
        if last == 0 {
            // One that was not whole when the process ended: nobody was told of it.
            return Ok(None);
        }
        // The one after the last: whole, unless a crash tore it.
        for sequence in [last.checked_add(1).unwrap_or(2), last] {
            let places = [
                (self.small(slot, sequence), SMALL),
                (self.large(slot, sequence), LARGE),
            ];
            for (at, len) in places {
                if let Some(plain) = self.read_half(owner, sequence, (at, len)) {
                    // The next one goes into the other half.
                    word.store(sequence, Ordering::Release);
                    return Ok(Some(plain));
                }
            }
        }
        Err(Error::Record)
    }

    fn read_half(
        &self,
        owner: Owner,
        sequence: u32,
        (at, len): (u64, usize),
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut octets = [0; LARGE];
        let half = octets.get_mut(..len)?;
        self.file.read_exact_at(half, at).ok()?;
        let (head, body) = half.split_at_checked(HEAD)?;
        let number =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if head[..4] != MAGIC || number(4) != owner.1 || number(8) != sequence {
            return None;
        }
        let sealed = body.get(..number(12) as usize)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(LARGE));
        let associated = self.associated(owner, sequence);
        self.ring.open(&associated, sealed, &mut plain).ok()?;
        Some(plain)
    }

    /// Nothing of the slot's session stays in the file.
    pub(super) fn erase(&self, slot: u32) {
        if !self.has(slot) {
            return;
        }
        self.begin(slot);
        let small = self.file.write_all_at(&[0; 2 * SMALL], self.small(slot, 0));
        // A hole stays one.
        let mut large = [0; 2 * LARGE];
        let read = self.file.read_exact_at(&mut large, self.large(slot, 0));
        let erased = if read.is_ok() && large.iter().all(|octet| *octet == 0) {
            small
        } else {
            let large = self.file.write_all_at(&[0; 2 * LARGE], self.large(slot, 0));
            small.and(large)
        };
        if erased.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn sync(&self) -> Result<()> {
        self.words.sync()?;
        self.file.sync_data().map_err(|_| Error::System)
    }
}
