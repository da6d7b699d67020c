//! ZUC in eight lanes with AVX2 and AES-NI.

use super::super::Lane;
use super::boxes::{Boxes, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, linear};
use super::row::{FEW, row};
use super::stream::{StreamLane, in_groups};
use super::x86_narrow::Avx2Narrow;
use super::{generator, narrow, portable};
use crate::base::cpu::HaveAvx2;
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

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

// Four lanes of 64 bytes take 613 ns in 128 bits and 713 in 256.
row! {
    proof: HaveAvx2, "aes,ssse3,sse4.1,avx2", 8 lanes, narrow Avx2Narrow(proof),
    four up to 4: Avx2Narrow(proof);
    eight up to 8: proof;
}
