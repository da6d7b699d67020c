//! ZUC in four lanes with AES-NI.

use super::super::Lane;
use super::boxes::{Boxes, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, linear};
use super::stream::StreamLane;
use super::{generator, narrow, portable};
use crate::base::cpu::HaveAesNi;
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

const LANES: usize = 4;

pub(super) fn available() -> bool {
    HaveAesNi::detect().is_some()
}

/// The inverse of ShiftRows, which AESENCLAST brings along.
pub(super) const UNSHIFT: [u8; 16] = [0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3];

impl Boxes for HaveAesNi {
    type Isa = Self;

    #[inline(always)]
    fn isa(self) -> Self {
        self
    }

    #[inline(always)]
    fn s1(self, x: __m128i) -> __m128i {
        let mapped = linear(self, x, &IN_LOW, &IN_HIGH);
        let mapped = self.shuffle(mapped, self.quad(&UNSHIFT));
        // SAFETY: the token proves AES.
        let boxed = unsafe { _mm_aesenclast_si128(mapped, _mm_setzero_si128()) };
        linear(self, boxed, &OUT_LOW, &OUT_HIGH)
    }
}

/// Up to four lanes.
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn run(proof: HaveAesNi, lanes: &mut [Lane<'_, [u8; 16]>]) {
    generator::run(proof, lanes);
}

/// One or two lanes.
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn few(proof: HaveAesNi, lanes: &mut [Lane<'_, [u8; 16]>]) {
    narrow::lanes(proof, lanes);
}

#[target_feature(enable = "aes,ssse3,sse4.1")]
fn piece(proof: HaveAesNi, lane: &mut StreamLane<'_>) {
    narrow::stream(proof, lane);
}

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, four at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(proof) = HaveAesNi::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        unsafe {
            match group.len() {
                ..=2 => few(proof, group),
                _ => run(proof, group),
            }
        }
    }
}

/// The next piece of one generator.
pub(super) fn stream_one(lane: &mut StreamLane<'_>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(proof) => unsafe { piece(proof, lane) },
        None => portable::stream_one(lane),
    }
}

/// One piece after the other.
pub(super) fn stream_many(lanes: &mut [StreamLane<'_>]) {
    lanes.iter_mut().for_each(stream_one);
}
