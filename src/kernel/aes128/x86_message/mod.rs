//! Whole messages by AES instructions of 128 bits.
//!
//! A group of messages first goes through counter mode, one after the other, as many blocks of a message side by side
//! as it has. On the way the blocks that CMAC takes are staged: they stand nine bytes, the head and the byte in the
//! clear, behind those of counter mode, and read back from the text each would wait for two stores. Then the chains of
//! the group run in step. The processor computes counter mode of the next messages beside the chains of these.
//!
//! The bytes of a medium message are taken from where they stand before; those of others are copied into the text first.
//!
//! A message of 65 bytes in a group of eight takes 16.4 ns on Sapphire Rapids at 3.9 GHz, of which 11 are counter mode;
//! its 90 AESENC, two a cycle, would take 11.8. Counter mode of two messages in step takes as long (16.2 to 17.8). In
//! AVX's encoding, which needs 227 instructions for 305, it takes as long too: 17.5 and 17.5 ns on Rocket Lake, 41.3
//! and 40.9 for 160 bytes (minimum of 300 rounds in turn), so there is no row of it.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::Schedule;
use super::whole::Whole;
use crate::base::cpu::apart_ref;
use crate::kernel::x86::load;
use core::arch::x86_64::*;
use core::mem::MaybeUninit;
use piece::{
    MEDIUM_BYTES, PIECE_BYTES, STAGED, Staged, decrypt, decrypt_medium, stage, stage_medium,
};

mod piece;

/// Messages a group: a port that starts an AESENC every cycle has eight chains to choose from in its latency of 3 to 4
/// cycles, two ports four each.
pub(super) const GROUP: usize = 8;

/// Messages of a small group: up to six chains take as long as one.
const FEW: usize = 4;

type Rounds = [[u8; 16]; 11];

/// The round keys of a lane's key.
///
/// # Safety
/// They are used only while the lane is there.
#[inline(always)]
unsafe fn rounds<'k>(key: &Schedule) -> &'k Rounds {
    // SAFETY: nobody writes a key that a lane has.
    unsafe { &*core::ptr::from_ref(&key.0) }
}

/// Any number of regular messages.
///
/// # Safety
/// The processor has AES, SSSE3 and SSE4.1, and every message is regular.
#[inline(always)]
pub(super) unsafe fn many<L: Whole>(lanes: &mut [L]) {
    for lanes in lanes.chunks_mut(GROUP) {
        // SAFETY: as here; `N` messages at most.
        unsafe {
            if !lanes.iter().all(|lane| medium(lane)) {
                lanes.iter_mut().for_each(Whole::settle);
                group::<L, GROUP>(lanes);
            } else if lanes.iter().any(|lane| lane.plain().is_some()) {
                medium_groups_apart(lanes);
            } else {
                medium_groups::<L, false>(lanes);
            }
        }
    }
}

/// From 1 to [`GROUP`] medium messages.
#[inline(always)]
unsafe fn medium_groups<L: Whole, const APART: bool>(lanes: &mut [L]) {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1.
    unsafe {
        if lanes.len() > FEW {
            medium_group::<L, GROUP, APART>(lanes);
        } else {
            medium_group::<L, FEW, APART>(lanes);
        }
    }
}

/// [`medium_groups`] of messages that may stand elsewhere. A function of its own, as [`alone_apart`], so that those in their
/// place pay for it with a look at each lane and no more.
#[inline(never)]
#[target_feature(enable = "aes,ssse3,sse4.1")]
unsafe fn medium_groups_apart<L: Whole>(lanes: &mut [L]) {
    lanes.iter_mut().for_each(Whole::settle_part);
    // SAFETY: as here.
    unsafe { medium_groups::<L, true>(lanes) };
}

/// [`alone`] for a message that stands elsewhere.
#[inline(never)]
#[target_feature(enable = "aes,ssse3,sse4.1")]
unsafe fn alone_apart<L: Whole>(lane: &mut L) {
    lane.settle_part();
    // SAFETY: as here.
    unsafe { alone::<L, true>(lane) };
}

/// A single regular message.
///
/// # Safety
/// As for [`many`].
#[inline(always)]
pub(super) unsafe fn one<L: Whole>(lane: &mut L) {
    // SAFETY: as here.
    unsafe {
        if medium(lane) {
            if lane.plain().is_some() {
                alone_apart(lane);
            } else {
                alone::<L, false>(lane);
            }
        } else {
            lane.settle();
            group::<L, 1>(core::slice::from_mut(lane));
        }
    }
}

/// A single medium message: a chain that nothing stands beside. The last round's key brings the next block and its
/// first round key along, so that a block takes ten instructions after each other and not twelve.
#[inline(always)]
unsafe fn alone<L: Whole, const APART: bool>(lane: &mut L) {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1, and the message is medium.
    unsafe {
        let mut staged = [MaybeUninit::uninit(); STAGED];
        let count = stage_medium::<L, APART>(lane, &mut staged);
        let rounds = rounds(&lane.int().schedule);
        let last = load(&rounds[10]);
        let between = _mm_xor_si128(load(&rounds[0]), last);
        let mut x = _mm_xor_si128(staged[0].assume_init(), load(&rounds[0]));
        for block in 1..=count {
            for key in &rounds[1..10] {
                x = _mm_aesenc_si128(x, load(key));
            }
            if block == count {
                break;
            }
            let next = staged.get_unchecked(block).assume_init();
            x = _mm_aesenclast_si128(x, _mm_xor_si128(between, next));
        }
        x = _mm_aesenclast_si128(x, last);
        lane.put(_mm_cvtsi128_si32(x).to_ne_bytes());
        if L::OPENS && lane.proceeds() {
            decrypt_medium(lane);
        }
    }
}

/// True for a message of a single piece that has 16 ciphered bytes: its last block is read and written at once, also
/// where they come from elsewhere.
#[inline(always)]
fn medium<L: Whole>(lane: &L) -> bool {
    lane.text().len().wrapping_sub(17) <= MEDIUM_BYTES + 1 - 17
}

/// From 1 to `N` medium messages in step.
#[inline(always)]
unsafe fn medium_group<L: Whole, const N: usize, const APART: bool>(lanes: &mut [L]) {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1.
    unsafe {
        let nothing = _mm_setzero_si128();
        let mut staged: [Staged; N] = [[MaybeUninit::uninit(); STAGED]; N];
        let mut keys = [rounds(&lanes[0].int().schedule); N];
        // The numbers of blocks, a byte each, the last lane's lowest.
        let mut counts = 0_u64;
        let mut x = [nothing; N];
        for (i, lane) in lanes.iter_mut().enumerate().take(N) {
            keys[i] = rounds(&lane.int().schedule);
            counts = counts << 8 | stage_medium::<L, APART>(lane, &mut staged[i]) as u64;
        }
        let most = (counts & 0xFF) as usize;
        for i in lanes.len()..N {
            for block in 0..most {
                staged[i][block].write(nothing);
            }
            counts = counts << 8 | most as u64;
        }
        if counts == most as u64 * (0x0101_0101_0101_0101 >> (64 - 8 * N)) {
            steps(&mut keys, &mut x, &staged, 0..most);
            for (lane, x) in lanes.iter_mut().zip(x) {
                lane.put(_mm_cvtsi128_si32(x).to_ne_bytes());
            }
        } else {
            let count = |i: usize| (counts >> (8 * (N - 1 - i))) as usize & 0xFF;
            let most = (0..N).fold(0, |most, i| most.max(count(i)));
            for i in 0..N {
                for block in count(i)..most {
                    staged[i][block].write(nothing);
                }
            }
            let mut step = 0;
            while step < most {
                let next = (0..N).fold(STAGED, |next, i| {
                    if count(i) > step {
                        next.min(count(i))
                    } else {
                        next
                    }
                });
                steps(&mut keys, &mut x, &staged, step..next);
                step = next;
                for (i, lane) in lanes.iter_mut().enumerate().take(N) {
                    if count(i) == next {
                        lane.put(_mm_cvtsi128_si32(x[i]).to_ne_bytes());
                    }
                }
            }
        }
        if L::OPENS {
            for lane in lanes.iter_mut().filter(|lane| lane.proceeds()) {
                decrypt_medium(lane);
            }
        }
    }
}

/// From 1 to `N` messages in step. A chain that has ended computes on, its MAC already taken.
#[inline(always)]
unsafe fn group<L: Whole, const N: usize>(lanes: &mut [L]) {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1.
    unsafe {
        let nothing = _mm_setzero_si128();
        let mut staged: [Staged; N] = [[MaybeUninit::uninit(); STAGED]; N];
        let mut carry = [nothing; N];
        let mut x = [nothing; N];
        // Each chain where it ended or stops until the next piece: one more block of others may follow.
        let mut ends = [nothing; N];
        let mut keys = [rounds(&lanes[0].int().schedule); N];
        let mut begin = 0;
        loop {
            let mut counts = [0; N];
            let (mut most, mut fewest, mut more) = (0, usize::MAX, 0);
            for (i, lane) in lanes.iter_mut().enumerate().take(N) {
                keys[i] = rounds(&lane.int().schedule);
                more |= lane.text().len() - 1;
                let count = stage(lane, begin, &mut carry[i], &mut staged[i]);
                counts[i] = count;
                most = most.max(count);
                fewest = fewest.min(count);
            }
            if lanes.len() < N {
                fewest = 0;
            }
            if fewest < most {
                for i in 0..N {
                    for block in counts[i]..most {
                        staged[i][block].write(nothing);
                    }
                }
            }
            let mut step = 0;
            while step < most {
                let next = if fewest == most {
                    most
                } else {
                    end(&counts, step)
                };
                steps(&mut keys, &mut x, &staged, step..next);
                for i in 0..N {
                    if counts[i] == next {
                        ends[i] = x[i];
                    }
                }
                step = next;
            }
            x = ends;
            begin += PIECE_BYTES;
            if more < PIECE_BYTES || lanes.iter().all(|lane| lane.text().len() - 1 <= begin) {
                break;
            }
        }
        for (lane, end) in lanes.iter_mut().zip(ends) {
            lane.put(_mm_cvtsi128_si32(end).to_ne_bytes());
            if L::OPENS && lane.proceeds() {
                decrypt(lane);
            }
        }
    }
}

/// Where the next chain ends after `step` blocks.
#[inline(always)]
fn end<const N: usize>(counts: &[usize; N], step: usize) -> usize {
    counts.iter().fold(
        STAGED,
        |end, &count| {
            if count > step { end.min(count) } else { end }
        },
    )
}

/// Blocks of every chain.
#[inline(always)]
unsafe fn steps<const N: usize>(
    keys: &mut [&Rounds; N],
    x: &mut [__m128i; N],
    staged: &[Staged; N],
    blocks: core::ops::Range<usize>,
) {
    // SAFETY: the caller has AES, and has staged these blocks.
    unsafe {
        for block in blocks {
            for i in 0..N {
                // Or the compiler copies the schedules to the stack ahead of the loop.
                keys[i] = apart_ref(keys[i]);
                x[i] = _mm_xor_si128(x[i], staged[i].get_unchecked(block).assume_init());
            }
            for i in 0..N {
                x[i] = _mm_xor_si128(x[i], load(&keys[i][0]));
            }
            for round in 1..10 {
                for i in 0..N {
                    x[i] = _mm_aesenc_si128(x[i], load(&keys[i][round]));
                }
            }
            for i in 0..N {
                x[i] = _mm_aesenclast_si128(x[i], load(&keys[i][10]));
            }
        }
    }
}
