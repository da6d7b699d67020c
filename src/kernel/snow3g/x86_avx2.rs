//! Eight lanes with AVX2: the boxes of [`super::x86_aesni`] in both halves.

use super::super::Lane;
use super::lanes::{self, Boxes};
use super::shuffles::{self, Bytes};
use super::{portable, x86_aesni};
use crate::base::cpu::HaveAvx2;
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

const LANES: usize = 8;

/// Up to so many lanes go four at a time: with 64 bytes each that takes 405 ns, eight at a time 465.
const FEW: usize = 4;

pub(super) fn available() -> bool {
    HaveAvx2::detect().is_some()
}

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, eight at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(token) = HaveAvx2::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        if group.len() <= FEW {
            x86_aesni::many(group);
        } else {
            // SAFETY: the token proves AES and AVX2.
            unsafe { run(token, group) }
        }
    }
}

#[target_feature(enable = "aes,avx2")]
fn run(token: HaveAvx2, lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes::run(token, lanes);
}

impl Bytes for HaveAvx2 {
    #[inline(always)]
    fn pack(self, [a, b, c, d]: [__m256i; 4]) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)) }
    }

    #[inline(always)]
    fn spread(self, [p0, p1, p2, p3]: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: the token proves AVX2.
        unsafe {
            let (l01, l23) = (_mm256_unpacklo_epi8(p0, p1), _mm256_unpacklo_epi8(p2, p3));
            let (h01, h23) = (_mm256_unpackhi_epi8(p0, p1), _mm256_unpackhi_epi8(p2, p3));
            [
                _mm256_unpacklo_epi16(l01, l23),
                _mm256_unpackhi_epi16(l01, l23),
                _mm256_unpacklo_epi16(h01, h23),
                _mm256_unpackhi_epi16(h01, h23),
            ]
        }
    }

    #[inline(always)]
    fn negative(self, a: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_cmpgt_epi8(_mm256_setzero_si256(), a) }
    }

    #[inline(always)]
    fn reduction(self, a: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_shuffle_epi8(_mm256_set1_epi8(shuffles::REDUCTION as i8), a) }
    }

    #[inline(always)]
    fn add_bytes(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_epi8(a, b) }
    }
}

impl Boxes for HaveAvx2 {
    type Words = Self;

    #[inline(always)]
    fn words(self) -> Self {
        self
    }

    #[inline(always)]
    fn s1(self, w: __m256i) -> __m256i {
        let state = self.shuffle(w, self.quad(&x86_aesni::UNSHIFT));
        // SAFETY: the token proves AES and AVX2.
        unsafe {
            let zero = _mm_setzero_si128();
            let low = _mm_aesenc_si128(_mm256_castsi256_si128(state), zero);
            let high = _mm_aesenc_si128(_mm256_extracti128_si256::<1>(state), zero);
            _mm256_set_m128i(high, low)
        }
    }

    #[inline(always)]
    fn s2(self, w: __m256i) -> __m256i {
        shuffles::s2(self, w)
    }

    #[inline(always)]
    fn alpha(self, s0: [__m256i; 4], s11: [__m256i; 4]) -> [__m256i; 4] {
        shuffles::alpha(self, s0, s11)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_at_every_byte() {
        if let Some(token) = HaveAvx2::detect() {
            lanes::tests::check(token);
        }
    }
}
