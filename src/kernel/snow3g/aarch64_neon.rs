//! Four lanes with NEON: S1 is AESE and AESMC, SQ four look-ups of 64 bytes, MULalpha and DIValpha shuffles of
//! nibbles.

use super::super::Lane;
use super::lanes::{self, Boxes};
use super::portable;
use super::shuffles::{self, Bytes};
use crate::base::cpu::HaveAes;
use core::arch::aarch64::*;

const LANES: usize = 4;

pub(super) fn available() -> bool {
    HaveAes::detect().is_some()
}

/// A single lane: three of the four stay idle.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, four at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(token) = HaveAes::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        // SAFETY: the token proves the AES extension; NEON is part of aarch64.
        unsafe { run(token, group) }
    }
}

#[target_feature(enable = "neon,aes")]
fn run(token: HaveAes, lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes::run(token, lanes);
}

/// S1. Not `inline(always)` like the rest: the compiler refuses the intrinsics of AES in a function without the
/// feature, and inlines this one into `run`.
#[inline]
#[target_feature(enable = "neon,aes")]
fn s1(w: uint32x4_t) -> uint32x4_t {
    let unshift: [u8; 16] = [0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3];
    // SAFETY: the reference covers the 16 bytes that are read.
    let unshift = unsafe { vld1q_u8(core::ptr::from_ref(&unshift).cast()) };
    let state = vqtbl1q_u8(vreinterpretq_u8_u32(w), unshift);
    vreinterpretq_u32_u8(vaesmcq_u8(vaeseq_u8(state, vdupq_n_u8(0))))
}

impl Bytes for HaveAes {
    #[inline(always)]
    fn pack(self, [a, b, c, d]: [uint32x4_t; 4]) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            let low = vuzp1q_u16(vreinterpretq_u16_u32(a), vreinterpretq_u16_u32(b));
            let high = vuzp1q_u16(vreinterpretq_u16_u32(c), vreinterpretq_u16_u32(d));
            vreinterpretq_u32_u8(vuzp1q_u8(
                vreinterpretq_u8_u16(low),
                vreinterpretq_u8_u16(high),
            ))
        }
    }

    #[inline(always)]
    fn spread(self, [p0, p1, p2, p3]: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            let (p0, p1) = (vreinterpretq_u8_u32(p0), vreinterpretq_u8_u32(p1));
            let (p2, p3) = (vreinterpretq_u8_u32(p2), vreinterpretq_u8_u32(p3));
            let l01 = vreinterpretq_u16_u8(vzip1q_u8(p0, p1));
            let l23 = vreinterpretq_u16_u8(vzip1q_u8(p2, p3));
            let h01 = vreinterpretq_u16_u8(vzip2q_u8(p0, p1));
            let h23 = vreinterpretq_u16_u8(vzip2q_u8(p2, p3));
            [
                vreinterpretq_u32_u16(vzip1q_u16(l01, l23)),
                vreinterpretq_u32_u16(vzip2q_u16(l01, l23)),
                vreinterpretq_u32_u16(vzip1q_u16(h01, h23)),
                vreinterpretq_u32_u16(vzip2q_u16(h01, h23)),
            ]
        }
    }

    #[inline(always)]
    fn negative(self, a: uint32x4_t) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe { vreinterpretq_u32_u8(vcltzq_s8(vreinterpretq_s8_u32(a))) }
    }

    #[inline(always)]
    fn reduction(self, a: uint32x4_t) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            let sign = vreinterpretq_u8_u32(self.negative(a));
            vreinterpretq_u32_u8(vbicq_u8(vdupq_n_u8(shuffles::REDUCTION), sign))
        }
    }

    #[inline(always)]
    fn add_bytes(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            let sum = vaddq_u8(vreinterpretq_u8_u32(a), vreinterpretq_u8_u32(b));
            vreinterpretq_u32_u8(sum)
        }
    }
}

impl Boxes for HaveAes {
    type Words = Self;

    #[inline(always)]
    fn words(self) -> Self {
        self
    }

    /// SubBytes and MixColumns of each word; the ShiftRows of AESE is undone beforehand.
    #[inline(always)]
    fn s1(self, w: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves the AES extension.
        unsafe { s1(w) }
    }

    #[inline(always)]
    fn s2(self, w: uint32x4_t) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64; SQ covers the 256 bytes that are read.
        let s = unsafe {
            // Macros and not closures, which would not be compiled for the instruction set.
            macro_rules! table {
                ($i:literal) => {
                    vld1q_u8_x4(shuffles::SQ.as_ptr().add(64 * $i))
                };
            }
            // An index beyond the table leaves the byte as it is.
            let x = vreinterpretq_u8_u32(w);
            let s = vqtbl4q_u8(table!(0), x);
            let s = vqtbx4q_u8(s, table!(1), veorq_u8(x, vdupq_n_u8(64)));
            let s = vqtbx4q_u8(s, table!(2), veorq_u8(x, vdupq_n_u8(128)));
            vreinterpretq_u32_u8(vqtbx4q_u8(s, table!(3), veorq_u8(x, vdupq_n_u8(192))))
        };
        shuffles::mix(self, s)
    }

    #[inline(always)]
    fn alpha(self, s0: [uint32x4_t; 4], s11: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
        shuffles::alpha(self, s0, s11)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_at_every_byte() {
        if let Some(token) = HaveAes::detect() {
            lanes::tests::check(token);
        }
    }
}
