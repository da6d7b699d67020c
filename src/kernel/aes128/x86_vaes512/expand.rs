//! Key expansion, four keys side by side in a register; see the AES-NI row for the way.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::{ExpandLane, Key, x86_aesni};
use super::message::{double, join};
use crate::kernel::x86::store;
use core::arch::x86_64::*;

/// Registers in step: eight keys, as many as AESENCLAST and the shuffles behind it take cycles.
const ZMM: usize = 2;

/// What is added to the first word of each round key (FIPS 197, 5.2).
pub(super) const CONSTANTS: [i32; 10] =
    [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36];

/// One round key of each from the one before.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn next_round(key: __m512i, constant: i32) -> __m512i {
    let rotate = _mm512_set1_epi32(0x0C0F_0E0D);
    let second = _mm512_broadcast_i32x4(_mm_setr_epi32(-1, -1, 0x0706_0504, 0x0706_0504));
    let word = _mm512_shuffle_epi8(key, rotate);
    let word = _mm512_aesenclast_epi128(word, _mm512_set1_epi32(constant));
    let key = _mm512_xor_si512(key, _mm512_slli_epi64::<32>(key));
    let moved = _mm512_shuffle_epi8(key, second);
    _mm512_ternarylogic_epi64::<0x96>(key, moved, word)
}

/// A block to each of four places.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn spread(blocks: __m512i, places: [&mut [u8; 16]; 4]) {
    let [a, b, c, d] = places;
    store(a, _mm512_castsi512_si128(blocks));
    store(b, _mm512_extracti32x4_epi32::<1>(blocks));
    store(c, _mm512_extracti32x4_epi32::<2>(blocks));
    store(d, _mm512_extracti32x4_epi32::<3>(blocks));
}

/// Any number of keys.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [ExpandLane<'_>]) {
    let (fours, rest) = lanes.as_chunks_mut::<4>();
    let (groups, fours) = fours.as_chunks_mut::<ZMM>();
    for fours in groups {
        group(fours);
    }
    for four in fours {
        group(core::array::from_mut(four));
    }
    x86_aesni::expand_many(rest);
}

/// The zero block is encrypted along the way; K1 is its double.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn group<const Z: usize>(fours: &mut [[ExpandLane<'_>; 4]; Z]) {
    let mut keys = [_mm512_setzero_si512(); Z];
    for z in 0..Z {
        keys[z] = join(fours[z].each_ref().map(|lane| lane.key.schedule.key()));
    }
    let mut zero = keys;
    for (i, constant) in CONSTANTS.into_iter().enumerate() {
        for z in 0..Z {
            keys[z] = next_round(keys[z], constant);
            let four: [&mut Key; 4] = fours[z].each_mut().map(|lane| &mut *lane.key);
            spread(keys[z], four.map(|key| &mut key.schedule.0[i + 1]));
            zero[z] = if i < 9 {
                _mm512_aesenc_epi128(zero[z], keys[z])
            } else {
                _mm512_aesenclast_epi128(zero[z], keys[z])
            };
        }
    }
    for z in 0..Z {
        let four: [&mut Key; 4] = fours[z].each_mut().map(|lane| &mut *lane.key);
        spread(double(zero[z]), four.map(|key| &mut key.k1));
    }
}
