//! ZUC in sixteen lanes with AVX-512 and GFNI.

use super::super::Lane;
use super::boxes::Boxes;
use super::x86_narrow::GfniNarrow;
use super::{generator, narrow, portable};
use crate::base::cpu::{HaveAvx512, HaveGfni512};
use core::arch::x86_64::*;

const LANES: usize = 16;

pub(super) fn available() -> bool {
    HaveGfni512::detect().is_some()
}

// The field of S1 to that of AES, and back with S1's matrix.
pub(super) const TO_AES: u64 = 0xdd06_c8f0_1eae_7c70;
pub(super) const FROM_AES: u64 = 0xb903_e536_0f14_f0e3;

impl Boxes for HaveGfni512 {
    type Isa = HaveAvx512;

    #[inline(always)]
    fn isa(self) -> HaveAvx512 {
        self.avx512()
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

/// Up to sixteen lanes.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn run(proof: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    generator::run(proof, lanes);
}

/// One or two lanes.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn few(proof: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    narrow::lanes(GfniNarrow(proof), lanes);
}

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, sixteen at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(proof) = HaveGfni512::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        // SAFETY: the token proves these features.
        unsafe {
            match group.len() {
                ..=2 => few(proof, group),
                _ => run(proof, group),
            }
        }
    }
}
