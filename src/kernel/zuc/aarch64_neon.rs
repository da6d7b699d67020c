//! ZUC in four lanes with NEON and the AES extension; in two lanes of 64 bits for one or two messages.

use super::super::Lane;
use super::boxes::{Boxes, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, linear};
use super::narrow::{self, MOST, Narrow};
use super::row::{FEW, row};
use super::stream::{StreamLane, in_groups};
use super::{generator, portable};
use crate::base::cpu::HaveAes;
use crate::kernel::aarch64::load;
use crate::kernel::isa::Isa;
use core::arch::aarch64::*;

/// SubBytes. Not `inline(always)` like what calls it: the compiler refuses the intrinsics of AES in a function without
/// the feature, and inlines this one into the functions that have it.
#[inline]
#[target_feature(enable = "aes")]
fn sub_bytes(x: uint32x4_t) -> uint32x4_t {
    const UNSHIFT: [u8; 16] = [0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3];
    // AESE with a zero key is SubBytes after ShiftRows, which the look-up undoes beforehand.
    let unshifted = vqtbl1q_u8(vreinterpretq_u8_u32(x), load(&UNSHIFT));
    vreinterpretq_u32_u8(vaeseq_u8(unshifted, vdupq_n_u8(0)))
}

impl Boxes for HaveAes {
    type Isa = Self;

    #[inline(always)]
    fn isa(self) -> Self {
        self
    }

    #[inline(always)]
    fn s1(self, x: uint32x4_t) -> uint32x4_t {
        let mapped = linear(self, x, &IN_LOW, &IN_HIGH);
        // SAFETY: the token proves the AES extension.
        let boxed = unsafe { sub_bytes(mapped) };
        linear(self, boxed, &OUT_LOW, &OUT_HIGH)
    }
}

/// Shifts words left by the counts of the lower and the upper words, right where a count is negative.
#[inline(always)]
fn shift(x: uint32x4_t, [lower, upper]: [i32; 2]) -> uint32x4_t {
    // SAFETY: NEON is part of aarch64; the array covers the 16 bytes that are read.
    unsafe { vshlq_u32(x, vld1q_s32([lower, upper, lower, upper].as_ptr())) }
}

impl Narrow for HaveAes {
    const LANES: usize = 2;

    #[inline(always)]
    fn lower(self, [a, b, ..]: [u32; MOST]) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            let (a, b) = (vcreate_u64(u64::from(a)), vcreate_u64(u64::from(b)));
            vreinterpretq_u32_u64(vcombine_u64(a, b))
        }
    }

    #[inline(always)]
    fn lanes(self, v: uint32x4_t) -> [u64; MOST] {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            let v = vreinterpretq_u64_u32(v);
            [vgetq_lane_u64::<0>(v), vgetq_lane_u64::<1>(v), 0, 0]
        }
    }

    #[inline(always)]
    fn add64(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            vreinterpretq_u32_u64(vaddq_u64(
                vreinterpretq_u64_u32(a),
                vreinterpretq_u64_u32(b),
            ))
        }
    }

    #[inline(always)]
    fn shl64(self, a: uint32x4_t, bits: u32) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64. The count is a constant after inlining, and the shift an immediate one.
        unsafe {
            let count = vdupq_n_s64(i64::from(bits));
            vreinterpretq_u32_u64(vshlq_u64(vreinterpretq_u64_u32(a), count))
        }
    }

    #[inline(always)]
    fn shr64(self, a: uint32x4_t, bits: u32) -> uint32x4_t {
        // SAFETY: as in `shl64`.
        unsafe {
            let count = vdupq_n_s64(-i64::from(bits));
            vreinterpretq_u32_u64(vshlq_u64(vreinterpretq_u64_u32(a), count))
        }
    }

    #[inline(always)]
    fn join(self, upper: uint32x4_t, lower: uint32x4_t) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            vbslq_u32(
                vreinterpretq_u32_u64(vdupq_n_u64(u64::MAX << 32)),
                upper,
                lower,
            )
        }
    }

    #[inline(always)]
    fn times(self, a: uint32x4_t, constant: u32) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            let lower = vmovn_u64(vreinterpretq_u64_u32(a));
            vreinterpretq_u32_u64(vmull_u32(lower, vdup_n_u32(constant)))
        }
    }

    #[inline(always)]
    fn turn(self, x: uint32x4_t) -> uint32x4_t {
        self.or(shift(x, [14, 10]), shift(x, [-18, -22]))
    }
}

row! {
    proof: HaveAes, "aes", 4 lanes, narrow proof,
    four up to 4: proof;
}
