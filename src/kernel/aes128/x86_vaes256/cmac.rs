//! CMAC: each register holds one block of each of two lanes, under two keys.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::x86_aesni::Rounds;
use super::super::{CmacLane, x86_aesni, x86_subkey::Blocks};
use crate::kernel::x86::{load, store};
use core::arch::x86_64::*;

/// Registers in step. Messages of 64 bytes take 10.8 ns, by AES-NI 11.6, of 160 bytes 20.0 and 22.6; of 16 and 40
/// bytes the same (Sapphire Rapids without its AVX-512, `examples/kernel_minimum`). With 8 registers 12.4 and 24.5.
const YMM: usize = 4;
const LANES: usize = 2 * YMM;

/// Any number of lanes.
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [CmacLane<'_>]) {
    let (groups, rest) = lanes.as_chunks_mut::<LANES>();
    for lanes in groups {
        group(lanes);
    }
    x86_aesni::cmac_many(rest);
}

/// Two blocks side by side.
#[inline]
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
fn join(low: __m128i, high: __m128i) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

/// Encrypts the blocks of register `y` under `keys[2 * y]` and `keys[2 * y + 1]`. The keys are joined anew for
/// each block: 44 joined ones would lie on the stack, and stay there.
#[inline]
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
fn encrypt(keys: &[&Rounds; LANES], blocks: &mut [__m256i; YMM]) {
    for y in 0..YMM {
        let key = join(load(&keys[2 * y][0]), load(&keys[2 * y + 1][0]));
        blocks[y] = _mm256_xor_si256(blocks[y], key);
    }
    for round in 1..10 {
        for y in 0..YMM {
            let key = join(load(&keys[2 * y][round]), load(&keys[2 * y + 1][round]));
            blocks[y] = _mm256_aesenc_epi128(blocks[y], key);
        }
    }
    for y in 0..YMM {
        let key = join(load(&keys[2 * y][10]), load(&keys[2 * y + 1][10]));
        blocks[y] = _mm256_aesenclast_epi128(blocks[y], key);
    }
}

/// `LANES` lanes in step. A lane that has ended computes on, its MAC already taken.
#[inline]
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
fn group(lanes: &mut [CmacLane<'_>; LANES]) {
    let mut first = [_mm_setzero_si128(); LANES];
    let mut last = first;
    let mut keys = [&lanes[0].key.schedule.0; LANES];
    let mut body = [core::ptr::null::<u8>(); LANES];
    let mut counts = [1; LANES];
    let (mut fewest, mut most) = (usize::MAX, 0);
    for i in 0..LANES {
        // SAFETY: this function has SSSE3 and SSE4.1.
        let blocks = unsafe { Blocks::new(&lanes[i]) };
        keys[i] = &lanes[i].key.schedule.0;
        first[i] = blocks.first;
        last[i] = blocks.last;
        body[i] = blocks.body;
        counts[i] = blocks.count;
        fewest = fewest.min(blocks.count);
        most = most.max(blocks.count);
    }
    let mut x = [_mm256_setzero_si256(); YMM];
    for y in 0..YMM {
        x[y] = join(first[2 * y], first[2 * y + 1]);
    }
    for step in 1..=most {
        // Hidden, or the compiler joins the schedules on the stack ahead of the loop.
        encrypt(core::hint::black_box(&keys), &mut x);
        let block = |i: usize| {
            // SAFETY: called for lanes with `step + 1 < count`. Block `step` of such a lane is one of those
            // between: fewer than `count - 2` went before it.
            unsafe { _mm_loadu_si128(body[i].add(16 * (step - 1)).cast()) }
        };
        if step + 1 < fewest {
            for y in 0..YMM {
                x[y] = _mm256_xor_si256(x[y], join(block(2 * y), block(2 * y + 1)));
            }
            continue;
        }
        for y in 0..YMM {
            let ends = [
                _mm256_castsi256_si128(x[y]),
                _mm256_extracti128_si256::<1>(x[y]),
            ];
            let mut next = [last[2 * y], last[2 * y + 1]];
            for half in 0..2 {
                let i = 2 * y + half;
                if counts[i] == step {
                    store(&mut lanes[i].mac, ends[half]);
                }
                if step + 1 < counts[i] {
                    next[half] = block(i);
                }
            }
            x[y] = _mm256_xor_si256(x[y], join(next[0], next[1]));
        }
    }
}
