//! Four lanes: SSE4.1. Inlined into a function with AVX-512VL the compiler makes rotations and three-way operations
//! single instructions.

use super::{Blocks, Isa, WORDS, xor_block};
use crate::base::cpu::HaveAesNi;
use crate::kernel::Lane;
use crate::kernel::x86::{load, store};
use core::arch::x86_64::*;

/// Rows become columns.
#[inline(always)]
fn transpose([a, b, c, d]: [__m128i; 4]) -> [__m128i; 4] {
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let (ab_low, ab_high) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
        [
            _mm_unpacklo_epi64(ab_low, cd_low),
            _mm_unpackhi_epi64(ab_low, cd_low),
            _mm_unpacklo_epi64(ab_high, cd_high),
            _mm_unpackhi_epi64(ab_high, cd_high),
        ]
    }
}

macro_rules! operations {
    ($($name:ident($($arg:ident),+) = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($arg: __m128i),+) -> __m128i {
                // SAFETY: the token proves SSSE3 and SSE4.1.
                unsafe { $body }
            }
        )*
    };
}

impl Isa for HaveAesNi {
    type V = __m128i;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(self, word: u32) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_set1_epi32(word as i32) }
    }

    #[inline(always)]
    fn quad(self, bytes: &[u8; 16]) -> __m128i {
        load(bytes)
    }

    operations! {
        xor(a, b) = _mm_xor_si128(a, b);
        and(a, b) = _mm_and_si128(a, b);
        or(a, b) = _mm_or_si128(a, b);
        add(a, b) = _mm_add_epi32(a, b);
        sub(a, b) = _mm_sub_epi32(a, b);
        max(a, b) = _mm_max_epi32(a, b);
        dot(a, b) = _mm_madd_epi16(a, b);
        halves(high, low) = _mm_blend_epi16::<0b1010_1010>(low, high);
        shuffle(table, index) = _mm_shuffle_epi8(table, index);
    }

    #[inline(always)]
    fn shl(self, a: __m128i, bits: u32) -> __m128i {
        // SAFETY: SSE2 is part of x86-64. The count is a constant after inlining, and the shift an immediate one.
        unsafe { _mm_sll_epi32(a, _mm_cvtsi32_si128(bits as i32)) }
    }

    #[inline(always)]
    fn shr(self, a: __m128i, bits: u32) -> __m128i {
        // SAFETY: as in `shl`.
        unsafe { _mm_srl_epi32(a, _mm_cvtsi32_si128(bits as i32)) }
    }

    #[inline(always)]
    fn columns(self, blocks: &Blocks<'_>) -> [__m128i; 4] {
        let [a, b, c, d, ..] = blocks;
        transpose([load(a), load(b), load(c), load(d)])
    }

    #[inline(always)]
    fn emit(self, z: &[__m128i; WORDS], lanes: &mut [Lane<'_, [u8; 16]>], at: usize) {
        let mut group = 0;
        while group < 4 {
            let [a, b, c, d] = [4 * group, 4 * group + 1, 4 * group + 2, 4 * group + 3];
            let rows = transpose([z[a], z[b], z[c], z[d]]);
            let mut i = 0;
            while i < lanes.len() && i < 4 {
                let mut bytes = [0; 16];
                store(&mut bytes, self.swap_bytes(rows[i]));
                xor_block(lanes[i].data, at + 16 * group, bytes);
                i += 1;
            }
            group += 1;
        }
    }
}
