//! ZUC in eight lanes with AVX2 and AES-NI.

use super::super::Lane;
use super::boxes::{Boxes, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, linear};
use super::{generator, portable};
use crate::base::cpu::HaveAvx2;
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

const LANES: usize = 8;

pub(super) fn available() -> bool {
    HaveAvx2::detect().is_some()
}

impl Boxes for HaveAvx2 {
    type Isa = Self;

    #[inline(always)]
    fn isa(self) -> Self {
        self
    }

    #[inline(always)]
    fn s1(self, x: __m256i) -> __m256i {
        let mapped = linear(self, x, &IN_LOW, &IN_HIGH);
        let mapped = self.shuffle(mapped, self.quad(&super::x86_aesni::UNSHIFT));
        // SAFETY: the token proves AVX2 and AES.
        let boxed = unsafe {
            let zero = _mm_setzero_si128();
            let low = _mm_aesenclast_si128(_mm256_castsi256_si128(mapped), zero);
            let high = _mm_aesenclast_si128(_mm256_extracti128_si256::<1>(mapped), zero);
            _mm256_set_m128i(high, low)
        };
        linear(self, boxed, &OUT_LOW, &OUT_HIGH)
    }
}

/// Up to eight lanes.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2")]
fn run(proof: HaveAvx2, lanes: &mut [Lane<'_, [u8; 16]>]) {
    generator::run(proof, lanes);
}

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, eight at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(proof) = HaveAvx2::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        // SAFETY: the token proves these features.
        unsafe { run(proof, group) }
    }
}
