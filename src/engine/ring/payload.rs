//! The arena of a queue: octets that a client writes and a worker reads while neither can hold the other back.
//!
//! Both sides copy, in whole atomic words: a client that changes a message while it is under way gets garbage for
//! itself, never undefined behaviour here, and the worker works on its private copy. A copy of 64 octets costs
//! less than keeping books of which octets are under way.

use std::ops::Range;
use std::ptr::NonNull;

use crate::base::sync::Ordering;
use crate::base::{Error, Result};

use super::Keep;

// Not those of `base::sync`: the model checker has nothing to say about payloads.
use std::sync::atomic::AtomicU64;

/// Octets of a word.
const WORD: usize = 8;

/// The arena of one queue, as one of its sides sees it.
#[derive(Clone)]
pub struct Payload {
    words: NonNull<AtomicU64>,
    len: usize,
    _keep: Keep,
}

// SAFETY: behind the pointer are only atomics, and `_keep` keeps them in place.
unsafe impl Send for Payload {}
// SAFETY: as above.
unsafe impl Sync for Payload {}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload {{ {} octets }}", self.len) // what is in them may be secret
    }
}

impl Payload {
    /// An arena in memory of this process, all zero; `len` in octets, rounded up to whole words.
    ///
    /// # Errors
    /// [`Error::Argument`] for 0 or 2^32 octets and more; [`Error::System`] without memory.
    pub fn allocate(len: usize) -> Result<Self> {
        let len = len.checked_next_multiple_of(WORD).ok_or(Error::Argument)?;
        if len == 0 || u32::try_from(len).is_err() {
            return Err(Error::Argument);
        }
        let words: Box<[AtomicU64]> = (0..len / WORD).map(|_| AtomicU64::new(0)).collect();
        let keep = std::sync::Arc::new(words);
        let words = NonNull::from(&**keep).cast();
        Ok(Self {
            words,
            len,
            _keep: keep,
        })
    }

    /// An arena that lies elsewhere.
    ///
    /// # Errors
    /// [`Error::Argument`]: `start` or `len` is no multiple of 8, or `len` is 0 or more than 2^32 - 1.
    ///
    /// # Safety
    /// The `len` octets at `start` can be read and written for as long as `keep` lives; in this process only
    /// payloads use them. What another process does to them does not matter.
    pub unsafe fn attach(start: NonNull<u8>, len: usize, keep: Keep) -> Result<Self> {
        let aligned = start.addr().get().is_multiple_of(WORD) && len.is_multiple_of(WORD);
        if !aligned || len == 0 || u32::try_from(len).is_err() {
            return Err(Error::Argument);
        }
        Ok(Self {
            words: start.cast(),
            len,
            _keep: keep,
        })
    }

    /// Octets.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Never: an arena has octets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where it lies, for callers whose language has no atomics. What is under way is not to be touched.
    #[must_use]
    pub const fn as_ptr(&self) -> *mut u8 {
        self.words.as_ptr().cast()
    }

    const fn words(&self) -> &[AtomicU64] {
        // SAFETY: `attach` was promised this memory for as long as `self` lives.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.len / WORD) }
    }

    /// The words that hold these octets, and the place of the first octet in the first of them.
    fn find(&self, offset: usize, len: usize) -> Result<(&[AtomicU64], usize)> {
        let end = offset.checked_add(len).ok_or(Error::OutOfRange)?;
        let words = offset / WORD..end.div_ceil(WORD);
        let found = if len == 0 {
            Some(&[][..])
        } else {
            self.words().get(words)
        };
        if end > self.len {
            return Err(Error::OutOfRange);
        }
        Ok((found.ok_or(Error::OutOfRange)?, offset % WORD))
    }

    /// Asks for the memory of a job's input and output, which lie in one place or apart. The lines are asked for as
    /// for writing where the output goes.
    #[inline]
    pub(crate) fn prefetch(&self, (input, output): (u32, u32), len: u32) {
        let words = self.words();
        let line = 64 / WORD;
        let first = output as usize / WORD;
        // A message, not a megabyte: what is longer is found by the processor itself.
        let last = first + (len.min(256) as usize).div_ceil(WORD);
        for word in (first..=last).step_by(line) {
            if let Some(word) = words.get(word) {
                crate::base::cpu::prefetch_write(word);
            }
        }
        if input != output
            && let Some(word) = words.get(input as usize / WORD)
        {
            crate::base::cpu::prefetch(word);
        }
    }

    /// Copies octets out of the arena, each loaded once.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn read(&self, offset: u32, octets: &mut [u8]) -> Result<()> {
        let (words, skip) = self.find(offset as usize, octets.len())?;
        // Relaxed throughout: the ring's words order what is under way.
        let load = |word: &AtomicU64| u64::from_le(word.load(Ordering::Relaxed));
        if skip == 0 {
            let (chunks, rest) = octets.as_chunks_mut::<WORD>();
            let last = copy_out(words, chunks);
            if let Some(word) = words.last()
                && !rest.is_empty()
            {
                let (word, used) = (load(word), rest.len());
                if let Some(tail) = octets.last_chunk_mut::<WORD>() {
                    // Together with octets that stand there: a copy of a length known only now is a call.
                    let used = 8 * used as u32;
                    *tail = (last >> used | word << (64 - used)).to_le_bytes();
                } else {
                    octets.copy_from_slice(&word.to_le_bytes()[..used]);
                }
            }
            return Ok(());
        }
        let Some((first, others)) = words.split_first() else {
            return Ok(());
        };
        let shift = 8 * skip as u32;
        let mut others = others.iter();
        let mut low = load(first);
        for chunk in octets.chunks_mut(WORD) {
            let high = others.next().map_or(0, load);
            let word = low >> shift | high << (64 - shift);
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
            low = high;
        }
        Ok(())
    }

    /// Copies octets into the arena.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; nothing was written then.
    pub fn write(&self, offset: u32, octets: &[u8]) -> Result<()> {
        let start = offset as usize;
        self.write_into(start..start.saturating_add(octets.len()), octets)
    }

    /// Copies octets to the start of a place that the caller may write as a whole: what is left of the last word is
    /// zeroed, as far as it lies in the place, which spares a locked instruction.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the octets do not fit; nothing was written then.
    pub fn write_into(&self, place: Range<usize>, octets: &[u8]) -> Result<()> {
        let room = place
            .end
            .checked_sub(place.start)
            .ok_or(Error::OutOfRange)?;
        if octets.len() > room || place.end > self.len {
            return Err(Error::OutOfRange);
        }
        let (words, skip) = self.find(place.start, octets.len())?;
        let head = if skip == 0 {
            0
        } else {
            (WORD - skip).min(octets.len())
        };
        let (first, octets) = octets.split_at(head);
        let mut words = words.iter();
        if !first.is_empty()
            && let Some(word) = words.next()
        {
            merge(word, skip, first);
        }
        let (chunks, rest) = octets.as_chunks::<WORD>();
        copy_in(words.as_slice(), chunks);
        if let Some(word) = words.as_slice().get(chunks.len())
            && !rest.is_empty()
        {
            let written = head + octets.len() - rest.len();
            if written + WORD <= room {
                let last = match octets.last_chunk() {
                    // Of octets that were loaded before: pieced together in memory it would wait for its parts, a
                    // tenth of a worker's turn.
                    Some(tail) => u64::from_le_bytes(*tail) >> (64 - 8 * rest.len()),
                    None => value(0, rest),
                };
                word.store(last.to_le(), Ordering::Relaxed);
            } else {
                merge(word, 0, rest);
            }
        }
        Ok(())
    }
}

/// Words of a block: what is copied at once where the processor can.
const BLOCK: usize = 4;

/// Copies words out of the arena, each loaded once; the last of them.
#[inline]
fn copy_out(words: &[AtomicU64], chunks: &mut [[u8; WORD]]) -> u64 {
    let (blocks, rest) = chunks.as_chunks_mut::<BLOCK>();
    let (wide, words) = words.split_at(blocks.len() * BLOCK);
    for (block, words) in blocks.iter_mut().zip(wide.as_chunks().0) {
        block_out(words, block);
    }
    // From where it was copied to: its octets were stored in one piece.
    let mut last = blocks
        .last()
        .map_or(0, |block| u64::from_le_bytes(block[BLOCK - 1]));
    for (chunk, word) in rest.iter_mut().zip(words) {
        last = u64::from_le(word.load(Ordering::Relaxed));
        *chunk = last.to_le_bytes();
    }
    last
}

/// Copies words into the arena.
#[inline]
fn copy_in(words: &[AtomicU64], chunks: &[[u8; WORD]]) {
    let (blocks, rest) = chunks.as_chunks::<BLOCK>();
    let (wide, words) = words.split_at(blocks.len() * BLOCK);
    for (block, words) in blocks.iter().zip(wide.as_chunks().0) {
        block_in(words, block);
    }
    for (chunk, word) in rest.iter().zip(words) {
        word.store(u64::from_le_bytes(*chunk).to_le(), Ordering::Relaxed);
    }
}

// Two moves of 16 octets instead of four of 8: a compiler does not join atomic words, and word by word these copies were
// a tenth of a worker's turn. Instructions of the assembler, because to the compiler only atomics may meet what
// another process does at the same time; the processor keeps each aligned word of such a move whole.
//
// SAFETY: 32 octets are read at `from` and written at `to`. Every x86-64 has SSE2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn move_block(from: *const u8, to: *mut u8) {
    // SAFETY: as the caller promises.
    unsafe {
        core::arch::asm!(
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            from = in(reg) from,
            to = in(reg) to,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn block_out(words: &[AtomicU64; BLOCK], block: &mut [[u8; WORD]; BLOCK]) {
    // SAFETY: each is 32 octets long.
    unsafe { move_block(words.as_ptr().cast(), block.as_mut_ptr().cast()) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn block_in(words: &[AtomicU64; BLOCK], block: &[[u8; WORD]; BLOCK]) {
    // SAFETY: each is 32 octets long, and atomics may be written through a shared reference.
    unsafe { move_block(block.as_ptr().cast(), words.as_ptr().cast_mut().cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
fn block_out(words: &[AtomicU64; BLOCK], block: &mut [[u8; WORD]; BLOCK]) {
    for (chunk, word) in block.iter_mut().zip(words) {
        *chunk = u64::from_le(word.load(Ordering::Relaxed)).to_le_bytes();
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn block_in(words: &[AtomicU64; BLOCK], block: &[[u8; WORD]; BLOCK]) {
    for (chunk, word) in block.iter().zip(words) {
        word.store(u64::from_le_bytes(*chunk).to_le(), Ordering::Relaxed);
    }
}

/// At most 8 octets as a word, the first one `skip` octets from its low end.
fn value(skip: usize, octets: &[u8]) -> u64 {
    let mut bytes = [0; WORD];
    bytes[skip..skip + octets.len()].copy_from_slice(octets);
    u64::from_le_bytes(bytes)
}

/// Replaces a part of a word whose other octets may belong to somebody who writes them at this moment.
fn merge(word: &AtomicU64, skip: usize, octets: &[u8]) {
    let mask = value(skip, &[0xFF; WORD][..octets.len()]).to_le();
    let new = value(skip, octets).to_le();
    let mut old = word.load(Ordering::Relaxed);
    while let Err(now) =
        word.compare_exchange_weak(old, old & !mask | new, Ordering::Relaxed, Ordering::Relaxed)
    {
        old = now;
    }
}
