//! ZUC in four lanes with NEON and the AES extension.

use super::super::Lane;
use super::boxes::{Boxes, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, linear};
use super::{generator, portable};
use crate::base::cpu::HaveAes;
use crate::kernel::isa::Isa;
use core::arch::aarch64::*;

const LANES: usize = 4;

pub(super) fn available() -> bool {
    HaveAes::detect().is_some()
}

impl Boxes for HaveAes {
    type Isa = Self;

    #[inline(always)]
    fn isa(self) -> Self {
        self
    }

    /// AESE with a zero key is SubBytes after ShiftRows, which the table look-up of `UNSHIFT` undoes beforehand.
    #[inline(always)]
    fn s1(self, x: uint32x4_t) -> uint32x4_t {
        const UNSHIFT: [u8; 16] = [0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3];
        let mapped = linear(self, x, &IN_LOW, &IN_HIGH);
        let mapped = self.shuffle(mapped, self.quad(&UNSHIFT));
        // SAFETY: the token proves the AES extension.
        let boxed =
            unsafe { vreinterpretq_u32_u8(vaeseq_u8(vreinterpretq_u8_u32(mapped), vdupq_n_u8(0))) };
        linear(self, boxed, &OUT_LOW, &OUT_HIGH)
    }
}

/// Up to four lanes.
#[target_feature(enable = "aes")]
fn run(proof: HaveAes, lanes: &mut [Lane<'_, [u8; 16]>]) {
    generator::run(proof, lanes);
}

/// A single lane: the general registers beat four lanes of which three are idle, but their boxes are tables that
/// secrets index.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, four at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(proof) = HaveAes::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        // SAFETY: the token proves the AES extension.
        unsafe { run(proof, group) }
    }
}
