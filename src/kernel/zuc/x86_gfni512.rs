//! ZUC in sixteen lanes with AVX-512 and GFNI.

use super::super::Lane;
use super::boxes::Boxes;
use super::row::{FEW, row};
use super::stream::{StreamLane, in_groups};
use super::x86_narrow::GfniNarrow;
use super::{generator, narrow, portable};
use crate::base::cpu::{HaveAvx2, HaveAvx512, HaveGfni512};
use core::arch::asm;
use core::arch::x86_64::*;

// The field of S1 to that of AES, and back with S1's matrix.
pub(super) const TO_AES: u64 = 0xdd06_c8f0_1eae_7c70;
pub(super) const FROM_AES: u64 = 0xb903_e536_0f14_f0e3;

/// `sum` and the products of the signed halves of every word. Written out because the compiler makes a multiplication
/// and an addition of the intrinsic, for the sake of the latency. Not `inline(always)` like what calls it: registers of
/// 512 bits need a function with the feature.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot(mut sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: the features are there; the instruction knows registers only.
    unsafe {
        asm!("vpdpwssd {sum}, {a}, {b}", sum = inout(zmm_reg) sum, a = in(zmm_reg) a, b = in(zmm_reg) b,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

impl Boxes for HaveGfni512 {
    type Isa = HaveAvx512;

    #[inline(always)]
    fn isa(self) -> HaveAvx512 {
        self.avx512()
    }

    #[inline(always)]
    fn dot(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512 VNNI.
        unsafe { dot(sum, a, b) }
    }

    #[inline(always)]
    fn between(self, high: __m512i, low: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512 VBMI2.
        unsafe { _mm512_shldi_epi32::<16>(high, low) }
    }

    #[inline(always)]
    fn s1(self, x: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F and GFNI.
        unsafe {
            let mapped = _mm512_gf2p8affine_epi64_epi8::<0>(x, _mm512_set1_epi64(TO_AES as i64));
            _mm512_gf2p8affineinv_epi64_epi8::<0x55>(mapped, _mm512_set1_epi64(FROM_AES as i64))
        }
    }
}

/// Half the width: eight lanes.
#[derive(Clone, Copy)]
struct GfniHalf(HaveGfni512);

impl Boxes for GfniHalf {
    type Isa = HaveAvx2;

    #[inline(always)]
    fn isa(self) -> HaveAvx2 {
        self.0.avx512().avx2()
    }

    #[inline(always)]
    fn s1(self, x: __m256i) -> __m256i {
        // SAFETY: the token proves AVX-512VL and GFNI.
        unsafe {
            let mapped = _mm256_gf2p8affine_epi64_epi8::<0>(x, _mm256_set1_epi64x(TO_AES as i64));
            _mm256_gf2p8affineinv_epi64_epi8::<0x55>(mapped, _mm256_set1_epi64x(FROM_AES as i64))
        }
    }
}

// Eight lanes of 64 bytes take 507 ns in 256 bits and 598 in 512, four 456 ns in 128 bits.
row! {
    proof: HaveGfni512, "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,avx512vnni,gfni",
    16 lanes, narrow GfniNarrow(proof),
    four up to 4: GfniNarrow(proof);
    eight up to 8: GfniHalf(proof);
    sixteen up to 16: proof;
}
