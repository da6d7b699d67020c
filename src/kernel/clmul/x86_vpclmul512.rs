//! EIA3's product by VPCLMULQDQ in 512 bits: the scheme of `x86_pclmulqdq::window`, 512 message bits at a time.

use super::{WindowLane, portable, x86_pclmulqdq};
use crate::base::cpu::HaveVpclmul512;
use core::arch::x86_64::*;

/// Shorter messages go through PCLMULQDQ: the last 64 bytes are read at once, so there must be as many, and masked
/// loads gained nothing (16 bytes 5.7 ns instead of 3.6; Sapphire Rapids, `examples/kernel_minimum`).
const SHORT: usize = 8 * 64;

pub(super) fn available() -> bool {
    HaveVpclmul512::detect().is_some()
}

/// A single lane of EIA3's product.
pub(super) fn window_one(lane: &mut WindowLane<'_>) {
    window_many(core::slice::from_mut(lane));
}

/// Any number of lanes of EIA3's product.
pub(super) fn window_many(lanes: &mut [WindowLane<'_>]) {
    match HaveVpclmul512::detect() {
        // SAFETY: the token proves VPCLMULQDQ and AVX-512 F, BW, DQ, VL with PCLMULQDQ.
        Some(_) => unsafe { many(lanes) },
        None => portable::window_many(lanes),
    }
}

/// One lane after the other: a lane's products do not wait for each other, so lanes overlap by themselves.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmulqdq,avx2")]
fn many(lanes: &mut [WindowLane<'_>]) {
    for lane in lanes {
        let bits = lane.covered();
        if bits.is_multiple_of(8) && bits >= SHORT {
            window(lane, bits / 8);
        } else {
            x86_pclmulqdq::window_one(lane);
        }
    }
}

/// The sums of the products with (z0, z1) and with z2.
#[derive(Clone, Copy)]
struct Sums {
    pair: __m512i,
    third: __m512i,
}

/// Adds 512 message bits; `z` begins at the first of them and `next` four bytes later.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmulqdq,avx2")]
fn add(sums: Sums, message: __m512i, z: __m512i, next: __m512i) -> Sums {
    let wide = |v: __m128i| _mm512_broadcast_i32x4(v);
    let reversed = _mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
    let low = _mm512_set1_epi8(15);
    let m = _mm512_xor_si512(
        _mm512_shuffle_epi8(
            wide(_mm_slli_epi16::<4>(reversed)),
            _mm512_and_si512(message, low),
        ),
        _mm512_shuffle_epi8(
            wide(reversed),
            _mm512_and_si512(_mm512_srli_epi16::<4>(message), low),
        ),
    );
    let swap = _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
    let z = _mm512_shuffle_epi8(z, wide(swap));
    // z2 and z4 are the second and fourth word of `next`.
    let swap = _mm_setr_epi8(7, 6, 5, 4, -1, -1, -1, -1, 15, 14, 13, 12, -1, -1, -1, -1);
    let third = _mm512_shuffle_epi8(next, wide(swap));
    const XOR3: i32 = 0x96;
    Sums {
        pair: _mm512_ternarylogic_epi64::<XOR3>(
            sums.pair,
            _mm512_clmulepi64_epi128::<0x00>(m, z),
            _mm512_clmulepi64_epi128::<0x11>(m, z),
        ),
        third: _mm512_ternarylogic_epi64::<XOR3>(
            sums.third,
            _mm512_clmulepi64_epi128::<0x00>(m, third),
            _mm512_clmulepi64_epi128::<0x11>(m, third),
        ),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmulqdq,avx2")]
fn window(lane: &mut WindowLane<'_>, len: usize) {
    let zero = _mm512_setzero_si512();
    let mut sums = Sums {
        pair: zero,
        third: zero,
    };
    // `covered` left at least `len + 4` bytes of keystream.
    let (message, z) = (lane.message.as_ptr(), lane.keystream.as_ptr());
    let mut done = 0;
    while done + 64 <= len {
        // SAFETY: the message has `done + 64` bytes, the keystream `done + 68`.
        let (m, z, next) = unsafe {
            (
                _mm512_loadu_si512(message.add(done).cast()),
                _mm512_loadu_si512(z.add(done).cast()),
                _mm512_loadu_si512(z.add(done + 4).cast()),
            )
        };
        sums = add(sums, m, z, next);
        done += 64;
    }
    if done < len {
        let at = len - 64;
        // SAFETY: `len` is at least 64, and the last 64 bytes have 68 of keystream from their first on.
        let (m, z, next) = unsafe {
            (
                _mm512_loadu_si512(message.add(at).cast()),
                _mm512_loadu_si512(z.add(at).cast()),
                _mm512_loadu_si512(z.add(at + 4).cast()),
            )
        };
        // Those already done cleared.
        let fresh = u64::MAX << (64 - (len - done));
        sums = add(sums, _mm512_maskz_mov_epi8(fresh, m), z, next);
    }
    // Words 1 of the first and 2 of the second sum, then the four quarters.
    let sum = _mm512_xor_si512(sums.pair, _mm512_shuffle_epi32::<0b10_10_10_10>(sums.third));
    let sum = _mm256_xor_si256(
        _mm512_castsi512_si256(sum),
        _mm512_extracti64x4_epi64::<1>(sum),
    );
    let sum = _mm_xor_si128(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    lane.t ^= _mm_extract_epi32::<1>(sum) as u32;
}
