//! ZUC in sixteen lanes with AVX-512 and GFNI.

use super::super::Lane;
use super::boxes::Boxes;
use super::stream::{StreamLane, in_groups};
use super::x86_narrow::GfniNarrow;
use super::{generator, narrow, portable};
use crate::base::cpu::{HaveAvx2, HaveAvx512, HaveGfni512};
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

/// One or two lanes.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn two(proof: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    narrow::lanes(GfniNarrow(proof), lanes);
}

/// Up to four lanes.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn four(proof: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    generator::run(GfniNarrow(proof), lanes);
}

/// Up to eight lanes.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn eight(proof: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    generator::run(GfniHalf(proof), lanes);
}

/// Up to sixteen lanes.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn sixteen(proof: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    generator::run(proof, lanes);
}

/// The next piece of one generator.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn piece(proof: HaveGfni512, lane: &mut StreamLane<'_>) {
    narrow::stream(GfniNarrow(proof), lane);
}

/// The next pieces of a group of generators.
#[target_feature(enable = "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl,gfni")]
fn pieces(proof: HaveGfni512, lanes: &mut [StreamLane<'_>], bytes: usize) {
    generator::stream(proof, lanes, bytes);
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
                ..=2 => two(proof, group),
                3..=4 => four(proof, group),
                5..=8 => eight(proof, group),
                _ => sixteen(proof, group),
            }
        }
    }
}

/// The next piece of one generator.
pub(super) fn stream_one(lane: &mut StreamLane<'_>) {
    match HaveGfni512::detect() {
        // SAFETY: the token proves these features.
        Some(proof) => unsafe { piece(proof, lane) },
        None => portable::stream_one(lane),
    }
}

/// The next pieces of any number of generators.
pub(super) fn stream_many(lanes: &mut [StreamLane<'_>]) {
    let Some(proof) = HaveGfni512::detect() else {
        return portable::stream_many(lanes);
    };
    // SAFETY: the token proves these features.
    let many = |group: &mut [StreamLane<'_>], bytes| unsafe { pieces(proof, group, bytes) };
    in_groups(lanes, LANES, stream_one, many);
}
