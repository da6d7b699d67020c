//! Sixteen lanes: AVX-512 F, BW and VL.

use super::{Blocks, Isa, WORDS};
use crate::base::cpu::HaveAvx512;
use crate::kernel::Lane;
use crate::kernel::x86::load;
use core::arch::x86_64::*;

/// In every quarter rows become columns.
#[inline(always)]
fn transpose([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: only code that holds the token calls this: AVX-512F.
    unsafe {
        let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        [
            _mm512_unpacklo_epi64(ab_low, cd_low),
            _mm512_unpackhi_epi64(ab_low, cd_low),
            _mm512_unpacklo_epi64(ab_high, cd_high),
            _mm512_unpackhi_epi64(ab_high, cd_high),
        ]
    }
}

/// Of four vectors, the quarters: result `q` is quarter `q` of each, in order.
#[inline(always)]
fn transpose_quarters([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: as in `transpose`.
    unsafe {
        let (ab_low, ab_high) = (
            _mm512_shuffle_i32x4::<0b01_00_01_00>(a, b), // a0 a1 b0 b1
            _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b),
        );
        let (cd_low, cd_high) = (
            _mm512_shuffle_i32x4::<0b01_00_01_00>(c, d),
            _mm512_shuffle_i32x4::<0b11_10_11_10>(c, d),
        );
        [
            _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_low, cd_low),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_low, cd_low),
            _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_high, cd_high),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_high, cd_high),
        ]
    }
}

macro_rules! operations {
    ($($name:ident($($arg:ident),+) = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($arg: __m512i),+) -> __m512i {
                // SAFETY: the token proves AVX-512 F, BW and VL.
                unsafe { $body }
            }
        )*
    };
}

impl Isa for HaveAvx512 {
    type V = __m512i;
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(self, word: u32) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_epi32(word as i32) }
    }

    #[inline(always)]
    fn quad(self, bytes: &[u8; 16]) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_broadcast_i32x4(load(bytes)) }
    }

    operations! {
        xor(a, b) = _mm512_xor_si512(a, b);
        and(a, b) = _mm512_and_si512(a, b);
        or(a, b) = _mm512_or_si512(a, b);
        add(a, b) = _mm512_add_epi32(a, b);
        sub(a, b) = _mm512_sub_epi32(a, b);
        max(a, b) = _mm512_max_epi32(a, b);
        dot(a, b) = _mm512_madd_epi16(a, b);
        shuffle(table, index) = _mm512_shuffle_epi8(table, index);
        xor3(a, b, c) = _mm512_ternarylogic_epi32::<0x96>(a, b, c);
        select(mask, a, b) = _mm512_ternarylogic_epi32::<0xCA>(mask, a, b);
        majority(a, b, c) = _mm512_ternarylogic_epi32::<0xE8>(a, b, c);
    }

    #[inline(always)]
    fn shl(self, a: __m512i, bits: u32) -> __m512i {
        // SAFETY: the token proves AVX-512F. The count is a constant after inlining, and the shift an immediate one.
        unsafe { _mm512_sll_epi32(a, _mm_cvtsi32_si128(bits as i32)) }
    }

    #[inline(always)]
    fn shr(self, a: __m512i, bits: u32) -> __m512i {
        // SAFETY: as in `shl`.
        unsafe { _mm512_srl_epi32(a, _mm_cvtsi32_si128(bits as i32)) }
    }

    #[inline(always)]
    fn rotl(self, a: __m512i, bits: u32) -> __m512i {
        // SAFETY: as in `shl`.
        unsafe { _mm512_rolv_epi32(a, _mm512_set1_epi32(bits as i32)) }
    }

    #[inline(always)]
    fn columns(self, blocks: &Blocks<'_>) -> [__m512i; 4] {
        let mut rows = [self.splat(0); 4];
        let mut i = 0;
        while i < 4 {
            // SAFETY: the token proves AVX-512F.
            rows[i] = unsafe {
                let row = _mm512_castsi128_si512(load(blocks[i]));
                let row = _mm512_inserti32x4::<1>(row, load(blocks[i + 4]));
                let row = _mm512_inserti32x4::<2>(row, load(blocks[i + 8]));
                _mm512_inserti32x4::<3>(row, load(blocks[i + 12]))
            };
            i += 1;
        }
        transpose(rows)
    }

    #[inline(always)]
    fn emit(self, z: &[__m512i; WORDS], lanes: &mut [Lane<'_, [u8; 16]>], at: usize) {
        // Group g: quarter q of row r holds words 4g.. of lane 4q + r.
        let mut groups = [[self.splat(0); 4]; 4];
        let mut g = 0;
        while g < 4 {
            groups[g] = transpose([z[4 * g], z[4 * g + 1], z[4 * g + 2], z[4 * g + 3]]);
            g += 1;
        }
        let mut r = 0;
        while r < 4 {
            let rows = [groups[0][r], groups[1][r], groups[2][r], groups[3][r]];
            let whole = transpose_quarters(rows);
            let mut q = 0;
            while q < 4 {
                if let Some(lane) = lanes.get_mut(4 * q + r) {
                    xor_64(lane.data, at, self.swap_bytes(whole[q]));
                }
                q += 1;
            }
            r += 1;
        }
    }
}

/// XORs the 64 bytes of `z` onto `data[at..]`, or as many as there are.
#[inline(always)]
fn xor_64(data: &mut [u8], at: usize, z: __m512i) {
    let rest = data.get_mut(at..).unwrap_or_default();
    let mask = match rest.len() {
        0 => return,
        len @ 1..64 => u64::MAX >> (64 - len),
        _ => u64::MAX,
    };
    let place = rest.as_mut_ptr().cast();
    // SAFETY: the mask keeps both accesses inside `rest`; only code that holds the token calls this: AVX-512BW.
    unsafe {
        let bytes = _mm512_maskz_loadu_epi8(mask, place);
        _mm512_mask_storeu_epi8(place, mask, _mm512_xor_si512(bytes, z));
    }
}
