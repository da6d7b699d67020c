//! CMAC: a message's blocks wait for each other, so `GROUP` messages go in step.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::{CmacLane, x86_subkey::Blocks};
use super::Rounds;
use crate::kernel::x86::{load, store};
use core::arch::x86_64::*;

/// Chains in step: a port that starts an AESENC every cycle has eight to choose from in its latency of 3 to 4
/// cycles, two ports four each. 64-byte messages take 11.9 ns, single ones 16 (Sapphire Rapids,
/// `examples/kernel_minimum`).
const GROUP: usize = 8;

/// Encrypts block `i` under `keys[i]`.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn encrypt<const N: usize>(keys: &[&Rounds; N], blocks: &mut [__m128i; N]) {
    for i in 0..N {
        blocks[i] = _mm_xor_si128(blocks[i], load(&keys[i][0]));
    }
    for round in 1..10 {
        for i in 0..N {
            blocks[i] = _mm_aesenc_si128(blocks[i], load(&keys[i][round]));
        }
    }
    for i in 0..N {
        blocks[i] = _mm_aesenclast_si128(blocks[i], load(&keys[i][10]));
    }
}

/// A single lane.
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn one(lane: &mut CmacLane<'_>) {
    // SAFETY: this function has SSSE3 and SSE4.1.
    let blocks = unsafe { Blocks::new(lane) };
    let rounds = [&lane.key.schedule.0];
    let mut x = [blocks.first];
    encrypt(&rounds, &mut x);
    for i in 0..blocks.between {
        // SAFETY: `body` has 16 bytes for each of the blocks between.
        let block = unsafe { _mm_loadu_si128(blocks.body.add(16 * i).cast()) };
        x[0] = _mm_xor_si128(x[0], block);
        encrypt(&rounds, &mut x);
    }
    if blocks.count > 1 {
        x[0] = _mm_xor_si128(x[0], blocks.last);
        encrypt(&rounds, &mut x);
    }
    store(&mut lane.mac, x[0]);
}

/// Any number of lanes.
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [CmacLane<'_>]) {
    let (groups, rest) = lanes.as_chunks_mut::<GROUP>();
    for lanes in groups {
        group(lanes);
    }
    let (groups, rest) = rest.as_chunks_mut::<4>();
    for lanes in groups {
        group(lanes);
    }
    let (groups, rest) = rest.as_chunks_mut::<2>();
    for lanes in groups {
        group(lanes);
    }
    for lane in rest {
        one(lane);
    }
}

/// `N` lanes in step. A lane that has ended computes on, its MAC already taken.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn group<const N: usize>(lanes: &mut [CmacLane<'_>; N]) {
    let mut x = [_mm_setzero_si128(); N];
    let mut last = x;
    let mut keys = [&lanes[0].key.schedule.0; N];
    let mut body = [core::ptr::null::<u8>(); N];
    let mut counts = [1; N];
    let (mut fewest, mut most) = (usize::MAX, 0);
    for i in 0..N {
        // SAFETY: this function has SSSE3 and SSE4.1.
        let blocks = unsafe { Blocks::new(&lanes[i]) };
        keys[i] = &lanes[i].key.schedule.0;
        x[i] = blocks.first;
        last[i] = blocks.last;
        body[i] = blocks.body;
        counts[i] = blocks.count;
        fewest = fewest.min(blocks.count);
        most = most.max(blocks.count);
    }
    for step in 1..=most {
        // Hidden, or the compiler copies the schedules to the stack ahead of the loop.
        encrypt(core::hint::black_box(&keys), &mut x);
        if step + 1 < fewest {
            for i in 0..N {
                // SAFETY: block `step` of this lane is one of those between: fewer than `count - 2` went before it.
                let block = unsafe { _mm_loadu_si128(body[i].add(16 * (step - 1)).cast()) };
                x[i] = _mm_xor_si128(x[i], block);
            }
            continue;
        }
        for i in 0..N {
            if counts[i] == step {
                store(&mut lanes[i].mac, x[i]);
            }
            let block = if step + 1 < counts[i] {
                // SAFETY: as above.
                unsafe { _mm_loadu_si128(body[i].add(16 * (step - 1)).cast()) }
            } else {
                last[i]
            };
            x[i] = _mm_xor_si128(x[i], block);
        }
    }
}
