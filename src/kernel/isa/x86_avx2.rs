//! Eight lanes: AVX2.

use super::{Blocks, Isa, WORDS, xor_block};
use crate::base::cpu::HaveAvx2;
use crate::kernel::Lane;
use crate::kernel::x86::{load, store};
use core::arch::x86_64::*;

/// In both halves rows become columns.
#[inline(always)]
fn transpose([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    // SAFETY: only code that holds the token calls this: AVX2.
    unsafe {
        let (ab_low, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
        [
            _mm256_unpacklo_epi64(ab_low, cd_low),
            _mm256_unpackhi_epi64(ab_low, cd_low),
            _mm256_unpacklo_epi64(ab_high, cd_high),
            _mm256_unpackhi_epi64(ab_high, cd_high),
        ]
    }
}

macro_rules! operations {
    ($($name:ident($($arg:ident),+) = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($arg: __m256i),+) -> __m256i {
                // SAFETY: the token proves AVX2.
                unsafe { $body }
            }
        )*
    };
}

impl Isa for HaveAvx2 {
    type V = __m256i;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(self, word: u32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_epi32(word as i32) }
    }

    #[inline(always)]
    fn quad(self, bytes: &[u8; 16]) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_broadcastsi128_si256(load(bytes)) }
    }

    operations! {
        xor(a, b) = _mm256_xor_si256(a, b);
        and(a, b) = _mm256_and_si256(a, b);
        or(a, b) = _mm256_or_si256(a, b);
        add(a, b) = _mm256_add_epi32(a, b);
        sub(a, b) = _mm256_sub_epi32(a, b);
        max(a, b) = _mm256_max_epi32(a, b);
        dot(a, b) = _mm256_madd_epi16(a, b);
        halves(high, low) = _mm256_blend_epi16::<0b1010_1010>(low, high);
        shuffle(table, index) = _mm256_shuffle_epi8(table, index);
    }

    #[inline(always)]
    fn shl(self, a: __m256i, bits: u32) -> __m256i {
        // SAFETY: the token proves AVX2. The count is a constant after inlining, and the shift an immediate one.
        unsafe { _mm256_sll_epi32(a, _mm_cvtsi32_si128(bits as i32)) }
    }

    #[inline(always)]
    fn shr(self, a: __m256i, bits: u32) -> __m256i {
        // SAFETY: as in `shl`.
        unsafe { _mm256_srl_epi32(a, _mm_cvtsi32_si128(bits as i32)) }
    }

    #[inline(always)]
    fn columns(self, blocks: &Blocks<'_>) -> [__m256i; 4] {
        let mut rows = [self.splat(0); 4];
        let mut i = 0;
        while i < 4 {
            // SAFETY: the token proves AVX2.
            rows[i] = unsafe { _mm256_set_m128i(load(blocks[i + 4]), load(blocks[i])) };
            i += 1;
        }
        transpose(rows)
    }

    #[inline(always)]
    fn emit(self, z: &[__m256i; WORDS], lanes: &mut [Lane<'_, [u8; 16]>], at: usize) {
        let mut group = 0;
        while group < 4 {
            let [a, b, c, d] = [4 * group, 4 * group + 1, 4 * group + 2, 4 * group + 3];
            let rows = transpose([z[a], z[b], z[c], z[d]]);
            let mut i = 0;
            while i < lanes.len() && i < 8 {
                let row = self.swap_bytes(rows[i % 4]);
                let mut bytes = [0; 16];
                // SAFETY: the token proves AVX2.
                let half = unsafe {
                    if i < 4 {
                        _mm256_castsi256_si128(row)
                    } else {
                        _mm256_extracti128_si256::<1>(row)
                    }
                };
                store(&mut bytes, half);
                xor_block(lanes[i].data, at + 16 * group, bytes);
                i += 1;
            }
            group += 1;
        }
    }
}
