//! CMAC: a message's blocks wait for each other, so `GROUP` messages go in step.

use super::super::{CmacLane, x86_subkey::blocks};
use super::Rounds;
use crate::kernel::x86::{load, store};
use core::arch::x86_64::*;

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
    let mut x = [_mm_setzero_si128()];
    let mut last = x[0];
    let rounds = [&lane.key.schedule.0];
    if let Some(body) = blocks(lane, &mut x[0], &mut last) {
        encrypt(&rounds, &mut x);
        for block in body {
            x[0] = _mm_xor_si128(x[0], load(block));
            encrypt(&rounds, &mut x);
        }
        x[0] = _mm_xor_si128(x[0], last);
    }
    encrypt(&rounds, &mut x);
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
    let mut body: [&[[u8; 16]]; N] = [&[]; N];
    let mut steps = [1; N];
    let (mut fewest, mut most) = (usize::MAX, 0);
    for i in 0..N {
        keys[i] = &lanes[i].key.schedule.0;
        if let Some(between) = blocks(&lanes[i], &mut x[i], &mut last[i]) {
            body[i] = between;
            steps[i] = between.len() + 2;
        }
        fewest = fewest.min(steps[i]);
        most = most.max(steps[i]);
    }
    let mut x = x; // a copy whose place nobody else has seen: it stays in registers
    for step in 1..=most {
        // Hidden, or the compiler copies eight schedules to the stack ahead of the loop.
        encrypt(core::hint::black_box(&keys), &mut x);
        if step >= fewest {
            for i in 0..N {
                if steps[i] == step {
                    store(&mut lanes[i].mac, x[i]);
                }
            }
        }
        for i in 0..N {
            let block = body[i].get(step - 1).map_or(last[i], load);
            x[i] = _mm_xor_si128(x[i], block);
        }
    }
}
