//! ZUC in four lanes with AES-NI.

use super::super::Lane;
use super::boxes::{Boxes, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, linear};
use super::row::{FEW, row};
use super::stream::{StreamLane, in_groups};
use super::{generator, narrow, portable};
use crate::base::cpu::HaveAesNi;
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

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

row! {
    proof: HaveAesNi, "aes,ssse3,sse4.1", 4 lanes, narrow proof,
    four up to 4: proof;
}
