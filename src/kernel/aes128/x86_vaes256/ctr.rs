//! Counter mode: each register holds two blocks of one lane. What ends within a pass is left to the AES-NI row.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::x86_aesni::Cursor;
use super::super::{Schedule, x86_aesni, x86_counter};
use crate::kernel::Lane;
use crate::kernel::x86::load;
use core::arch::x86_64::*;

const WIDTH: usize = 32; // bytes a register

/// Lanes of which one length decides how they go.
const GROUP: usize = 8;

/// A group of lanes of up to so many bytes goes through AES-NI: 16 bytes 3.2 ns instead of 3.6, 40 bytes 5.9 instead
/// of 6.4. From there on this row is faster: 64 bytes 3.9 ns, by AES-NI 6.3; 160 bytes 10.1 and 19.2 (Sapphire
/// Rapids without its AVX-512, `examples/kernel_minimum`).
const SHORT: usize = 48;

/// The next `2 * Z` counter blocks.
#[inline]
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
fn counters<const Z: usize>(lane: &Cursor<'_>) -> [__m256i; Z] {
    let first = lane.done / 16;
    let mut blocks = [_mm256_broadcastsi128_si256(load(lane.iv)); Z];
    if x86_counter::stays_in_the_last_byte(lane.iv, first.saturating_add(2 * Z)) {
        let last = |n: usize| (n as i64) << 56;
        let from = _mm256_slli_si256::<8>(_mm256_set1_epi64x(last(first)));
        for (z, block) in blocks.iter_mut().enumerate() {
            let two = _mm256_setr_epi64x(0, last(2 * z), 0, last(2 * z + 1));
            *block = _mm256_add_epi8(*block, _mm256_add_epi8(from, two));
        }
    } else {
        for (z, block) in blocks.iter_mut().enumerate() {
            let number = |i: usize| x86_counter::counter(lane.iv, first + 2 * z + i);
            *block = _mm256_set_m128i(number(1), number(0));
        }
    }
    blocks
}

/// XORs `z` onto the next bytes, as far as both go; `Z` registers are `B / 2`.
#[inline]
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
fn apply<const Z: usize, const B: usize>(lane: &mut Cursor<'_>, z: &[__m256i; Z]) {
    const { assert!(B == 2 * Z) };
    if lane.left() >= WIDTH * Z {
        for z in z {
            let place = lane.data[lane.done..].as_mut_ptr();
            // SAFETY: 32 bytes for each of the `Z` registers are left from `done` on; any alignment.
            unsafe {
                let text = _mm256_loadu_si256(place.cast_const().cast());
                _mm256_storeu_si256(place.cast(), _mm256_xor_si256(text, *z));
            }
            lane.done += WIDTH;
        }
        return;
    }
    let mut halves = [_mm_setzero_si128(); B];
    for i in 0..Z {
        halves[2 * i] = _mm256_castsi256_si128(z[i]);
        halves[2 * i + 1] = _mm256_extracti128_si256::<1>(z[i]);
    }
    lane.apply(&halves);
}

/// The next `Z` registers, `B` blocks, of `L` lanes.
#[inline]
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
fn pass<const L: usize, const Z: usize, const B: usize>(lanes: &mut [Cursor<'_>; L]) {
    let mut blocks = [[_mm256_setzero_si256(); Z]; L];
    for l in 0..L {
        let key = _mm256_broadcastsi128_si256(load(&lanes[l].rounds[0]));
        blocks[l] = counters(&lanes[l]);
        for z in 0..Z {
            blocks[l][z] = _mm256_xor_si256(blocks[l][z], key);
        }
    }
    for round in 1..10 {
        for l in 0..L {
            let key = _mm256_broadcastsi128_si256(load(&lanes[l].rounds[round]));
            for z in 0..Z {
                blocks[l][z] = _mm256_aesenc_epi128(blocks[l][z], key);
            }
        }
    }
    for l in 0..L {
        let key = _mm256_broadcastsi128_si256(load(&lanes[l].rounds[10]));
        for z in 0..Z {
            blocks[l][z] = _mm256_aesenclast_epi128(blocks[l][z], key);
        }
    }
    for l in 0..L {
        apply::<Z, B>(&mut lanes[l], &blocks[l]);
    }
}

/// A single lane.
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn one(lane: &mut Lane<'_, Schedule>) {
    if lane.data.len() <= 16 {
        return x86_aesni::ctr_one(lane); // a register would be half empty
    }
    lane.iv = x86_counter::whole(&lane.iv);
    finish(&mut [Cursor::new(lane)]);
}

/// What is left of a lane. The cursor stays where it is: a copy would be read before its stores have landed.
#[inline]
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
fn finish(lane: &mut [Cursor<'_>; 1]) {
    while lane[0].left() > 3 * WIDTH {
        pass::<1, 4, 8>(lane);
    }
    match lane[0].left() {
        0 => (),
        1..=32 => pass::<1, 1, 2>(lane),
        33..=64 => pass::<1, 2, 4>(lane),
        _ => pass::<1, 3, 6>(lane),
    }
}

/// Any number of lanes.
#[target_feature(enable = "vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [Lane<'_, Schedule>]) {
    let (groups, rest) = lanes.as_chunks_mut::<GROUP>();
    for lanes in groups {
        let longest = lanes.iter().map(|lane| lane.data.len()).max().unwrap_or(0);
        if longest <= SHORT {
            x86_aesni::ctr_many(lanes);
        } else if longest <= 2 * WIDTH {
            for lanes in lanes.as_chunks_mut::<2>().0 {
                pass::<2, 2, 4>(&mut lanes.each_mut().map(Cursor::new));
            }
        } else {
            lanes.iter_mut().for_each(|lane| one(lane));
        }
    }
    for lane in rest {
        one(lane);
    }
}
