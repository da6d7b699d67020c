//! Key expansion, `GROUP` keys side by side. The zero block is encrypted along the way; K1 is its double.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::x86_subkey::double;
use super::super::{ExpandLane, Key};
use crate::kernel::x86::{load, store};
use core::arch::x86_64::*;

/// Keys in step: 8.7 ns a key, 12.1 one by one (Sapphire Rapids, `examples/kernel_minimum`).
const GROUP: usize = 4;

const CONSTANTS: [i32; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36];

/// One round key from the one before. AESENCLAST on four equal columns is SubWord (ShiftRows moves nothing) and
/// adds the round constant; AESKEYGENASSIST would cost 12 cycles a round. Words a, b, c, d become a, a+b, c, c+d
/// by a shift, then the second is added to the third and fourth: one shuffle less than two byte shifts.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn next_round(key: __m128i, constant: i32) -> __m128i {
    let rotated = _mm_shuffle_epi8(key, _mm_set1_epi32(0x0C0F_0E0D));
    let word = _mm_aesenclast_si128(rotated, _mm_set1_epi32(constant));
    let key = _mm_xor_si128(key, _mm_slli_epi64::<32>(key));
    let second = _mm_setr_epi32(-1, -1, 0x0706_0504, 0x0706_0504);
    let key = _mm_xor_si128(key, _mm_shuffle_epi8(key, second));
    _mm_xor_si128(key, word)
}

/// A single key.
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn one(key: &mut Key) {
    group([key]);
}

/// Any number of keys.
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [ExpandLane<'_>]) {
    let (groups, rest) = lanes.as_chunks_mut::<GROUP>();
    for lanes in groups {
        group(lanes.each_mut().map(|lane| &mut *lane.key));
    }
    for lane in rest {
        group([lane.key]);
    }
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn group<const N: usize>(keys: [&mut Key; N]) {
    let mut round = [_mm_setzero_si128(); N];
    for k in 0..N {
        round[k] = load(&keys[k].schedule.0[0]);
    }
    let mut zero = round;
    for (i, constant) in CONSTANTS.into_iter().enumerate() {
        for k in 0..N {
            round[k] = next_round(round[k], constant);
            store(&mut keys[k].schedule.0[i + 1], round[k]);
            zero[k] = if i < 9 {
                _mm_aesenc_si128(zero[k], round[k])
            } else {
                _mm_aesenclast_si128(zero[k], round[k])
            };
        }
    }
    for k in 0..N {
        store(&mut keys[k].k1, double(zero[k]));
    }
}
