//! Four lanes with AES-NI and the byte shuffles of SSE: S1 is one AESENC, S2 sixteen byte shuffles and a tree of
//! selections, MULalpha and DIValpha shuffles of nibbles.

use super::super::Lane;
use super::lanes::{self, Boxes};
use super::portable;
use super::shuffles::{self, Bytes};
use crate::base::cpu::HaveAesNi;
use crate::kernel::x86::load;
use core::arch::x86_64::*;

const LANES: usize = 4;

pub(super) fn available() -> bool {
    HaveAesNi::detect().is_some()
}

/// A single lane: three of the four stay idle.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, four at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(token) = HaveAesNi::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        unsafe { run(token, group) }
    }
}

#[target_feature(enable = "aes,ssse3,sse4.1")]
fn run(token: HaveAesNi, lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes::run(token, lanes);
}

/// S1: SubBytes and MixColumns of each word; the ShiftRows of AESENC is undone beforehand.
#[inline(always)]
pub(super) fn s1(_: HaveAesNi, w: __m128i) -> __m128i {
    // SAFETY: the token proves AES and SSSE3.
    unsafe { _mm_aesenc_si128(_mm_shuffle_epi8(w, load(&UNSHIFT)), _mm_setzero_si128()) }
}

/// ShiftRows, backwards.
pub(super) const UNSHIFT: [u8; 16] = [0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3];

impl Bytes for HaveAesNi {
    #[inline(always)]
    fn pack(self, [a, b, c, d]: [__m128i; 4]) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)) }
    }

    #[inline(always)]
    fn spread(self, [p0, p1, p2, p3]: [__m128i; 4]) -> [__m128i; 4] {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let (l01, l23) = (_mm_unpacklo_epi8(p0, p1), _mm_unpacklo_epi8(p2, p3));
            let (h01, h23) = (_mm_unpackhi_epi8(p0, p1), _mm_unpackhi_epi8(p2, p3));
            [
                _mm_unpacklo_epi16(l01, l23),
                _mm_unpackhi_epi16(l01, l23),
                _mm_unpacklo_epi16(h01, h23),
                _mm_unpackhi_epi16(h01, h23),
            ]
        }
    }

    #[inline(always)]
    fn negative(self, a: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_cmpgt_epi8(_mm_setzero_si128(), a) }
    }

    #[inline(always)]
    fn reduction(self, a: __m128i) -> __m128i {
        // SAFETY: the token proves SSSE3.
        unsafe { _mm_shuffle_epi8(_mm_set1_epi8(shuffles::REDUCTION as i8), a) }
    }

    #[inline(always)]
    fn add_bytes(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_add_epi8(a, b) }
    }
}

impl Boxes for HaveAesNi {
    type Words = Self;

    #[inline(always)]
    fn words(self) -> Self {
        self
    }

    #[inline(always)]
    fn s1(self, w: __m128i) -> __m128i {
        s1(self, w)
    }

    #[inline(always)]
    fn s2(self, w: __m128i) -> __m128i {
        shuffles::s2(self, w)
    }

    #[inline(always)]
    fn alpha(self, s0: [__m128i; 4], s11: [__m128i; 4]) -> [__m128i; 4] {
        shuffles::alpha(self, s0, s11)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_at_every_byte() {
        if let Some(token) = HaveAesNi::detect() {
            lanes::tests::check(token);
        }
    }
}
