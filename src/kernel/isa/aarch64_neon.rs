//! Four lanes: NEON, which every aarch64 has. The token is that of the AES extension, which the rows need for their
//! boxes.

use super::{Blocks, Isa, WORDS, xor_block};
use crate::base::cpu::HaveAes;
use crate::kernel::Lane;
use core::arch::aarch64::*;

/// 16 bytes of any alignment.
#[inline(always)]
fn load(bytes: &[u8; 16]) -> uint32x4_t {
    // SAFETY: the reference covers the 16 bytes that are read; NEON is part of aarch64.
    unsafe { vreinterpretq_u32_u8(vld1q_u8(bytes.as_ptr())) }
}

/// Rows become columns.
#[inline(always)]
fn transpose([a, b, c, d]: [uint32x4_t; 4]) -> [uint32x4_t; 4] {
    // SAFETY: NEON is part of aarch64.
    unsafe {
        let (ab_even, ab_odd) = (vtrn1q_u32(a, b), vtrn2q_u32(a, b)); // a0 b0 a2 b2, a1 b1 a3 b3
        let (cd_even, cd_odd) = (vtrn1q_u32(c, d), vtrn2q_u32(c, d));
        let wide = |v| vreinterpretq_u64_u32(v);
        let words = |v| vreinterpretq_u32_u64(v);
        [
            words(vtrn1q_u64(wide(ab_even), wide(cd_even))),
            words(vtrn1q_u64(wide(ab_odd), wide(cd_odd))),
            words(vtrn2q_u64(wide(ab_even), wide(cd_even))),
            words(vtrn2q_u64(wide(ab_odd), wide(cd_odd))),
        ]
    }
}

macro_rules! operations {
    ($($name:ident($($arg:ident),+) = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($arg: uint32x4_t),+) -> uint32x4_t {
                // SAFETY: NEON is part of aarch64.
                unsafe { $body }
            }
        )*
    };
}

impl Isa for HaveAes {
    type V = uint32x4_t;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(self, word: u32) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64.
        unsafe { vdupq_n_u32(word) }
    }

    #[inline(always)]
    fn quad(self, bytes: &[u8; 16]) -> uint32x4_t {
        load(bytes)
    }

    operations! {
        xor(a, b) = veorq_u32(a, b);
        and(a, b) = vandq_u32(a, b);
        or(a, b) = vorrq_u32(a, b);
        add(a, b) = vaddq_u32(a, b);
        sub(a, b) = vsubq_u32(a, b);
        max(a, b) = vreinterpretq_u32_s32(vmaxq_s32(vreinterpretq_s32_u32(a), vreinterpretq_s32_u32(b)));
        dot(a, b) = {
            let (a, b) = (vreinterpretq_s16_u32(a), vreinterpretq_s16_u32(b));
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
            vreinterpretq_u32_s32(vpaddq_s32(low, vmull_high_s16(a, b)))
        };
        select(mask, a, b) = vbslq_u32(mask, a, b);
        swap_bytes(a) = vreinterpretq_u32_u8(vrev32q_u8(vreinterpretq_u8_u32(a)));
        shuffle(table, index) =
            vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(table), vreinterpretq_u8_u32(index)));
    }

    #[inline(always)]
    fn shl(self, a: uint32x4_t, bits: u32) -> uint32x4_t {
        // SAFETY: NEON is part of aarch64. The count is a constant after inlining, and the shift an immediate one.
        unsafe { vshlq_u32(a, vdupq_n_s32(bits as i32)) }
    }

    #[inline(always)]
    fn shr(self, a: uint32x4_t, bits: u32) -> uint32x4_t {
        // SAFETY: as in `shl`.
        unsafe { vshlq_u32(a, vdupq_n_s32(-(bits as i32))) }
    }

    #[inline(always)]
    fn columns(self, blocks: &Blocks<'_>) -> [uint32x4_t; 4] {
        let [a, b, c, d, ..] = blocks;
        transpose([load(a), load(b), load(c), load(d)])
    }

    #[inline(always)]
    fn emit(self, z: &[uint32x4_t; WORDS], lanes: &mut [Lane<'_, [u8; 16]>], at: usize) {
        let mut group = 0;
        while group < 4 {
            let [a, b, c, d] = [4 * group, 4 * group + 1, 4 * group + 2, 4 * group + 3];
            let rows = transpose([z[a], z[b], z[c], z[d]]);
            let mut i = 0;
            while i < lanes.len() && i < 4 {
                let mut bytes = [0; 16];
                // SAFETY: the array covers the 16 bytes that are written; NEON is part of aarch64.
                unsafe {
                    vst1q_u8(
                        bytes.as_mut_ptr(),
                        vreinterpretq_u8_u32(self.swap_bytes(rows[i])),
                    );
                }
                xor_block(lanes[i].data, at + 16 * group, bytes);
                i += 1;
            }
            group += 1;
        }
    }
}
