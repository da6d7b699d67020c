//! CMAC: a message's blocks wait for each other, so `GROUP` messages go in step.

use super::super::{CmacLane, x86_subkey::Blocks};
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
    let blocks = Blocks::new(lane);
    let rounds = [&lane.key.schedule.0];
    let mut x = [blocks.first];
    if blocks.count > 1 {
        encrypt(&rounds, &mut x);
        let body = blocks.body.as_chunks::<16>().0;
        for block in body.iter().take(blocks.count - 2) {
            x[0] = _mm_xor_si128(x[0], load(block));
            encrypt(&rounds, &mut x);
        }
        x[0] = _mm_xor_si128(x[0], blocks.last);
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
    let mut first = [_mm_setzero_si128(); N];
    let mut last = [[0; 16]; N];
    let mut body: [&[[u8; 16]]; N] = [&[]; N];
    let mut counts = [0; N];
    let keys = lanes.each_ref().map(|lane| &lane.key.schedule.0);
    for i in 0..N {
        let blocks = Blocks::new(&lanes[i]);
        first[i] = blocks.first;
        store(&mut last[i], blocks.last);
        counts[i] = blocks.count;
        // The blocks between the first and the last.
        let between = blocks.count.saturating_sub(2);
        body[i] = &blocks.body.as_chunks::<16>().0[..between];
    }
    let (fewest, most) = counts
        .iter()
        .fold((usize::MAX, 0), |(low, high), &n| (low.min(n), high.max(n)));
    let mut x = first;
    for step in 1..=most {
        encrypt(&keys, &mut x);
        if step >= fewest {
            for i in 0..N {
                if counts[i] == step {
                    store(&mut lanes[i].mac, x[i]);
                }
            }
        }
        for i in 0..N {
            let block = body[i].get(step - 1).unwrap_or(&last[i]);
            x[i] = _mm_xor_si128(x[i], load(block));
        }
    }
}
