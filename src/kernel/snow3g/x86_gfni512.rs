//! Sixteen lanes with VAES, VBMI and GFNI, and four for the few: S1 is one AESENC, SQ four look-ups of 64 bytes,
//! MULalpha and DIValpha one matrix product each.

use super::super::Lane;
use super::lanes::{self, Boxes};
use super::x86_avx512::{Table, join, load, split};
use super::{portable, shuffles, tables, x86_aesni};
use crate::base::cpu::{HaveAesNi, HaveAvx512, HaveGfni512};
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

const LANES: usize = 16;

/// Up to so many lanes go four at a time: with 64 bytes each that takes 215 ns a group, sixteen at a time 255.
const FEW: usize = 4;

pub(super) fn available() -> bool {
    HaveGfni512::detect().is_some()
}

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, sixteen at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(token) = HaveGfni512::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        if group.len() > FEW {
            // SAFETY: the token proves AVX-512 F, BW, DQ, VL and VBMI, GFNI and VAES.
            unsafe { run(token, group) }
            continue;
        }
        for few in group.chunks_mut(4) {
            // SAFETY: as above.
            unsafe { run_few(token, few) }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,vaes")]
fn run(token: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes::run(token, lanes);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,vaes")]
fn run_few(token: HaveGfni512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes::run(Few(token), lanes);
}

/// The matrix of a linear map of bytes for GF2P8AFFINEQB: output bit `i` is a row, byte `7 - i`.
macro_rules! matrix {
    ($x:ident => $map:expr) => {{
        let mut rows = [0_u8; 8];
        let mut bit = 0;
        while bit < 8 {
            let $x = 1_u8 << bit;
            let image: u8 = $map;
            let mut i = 0;
            while i < 8 {
                rows[7 - i] |= (image >> i & 1) << bit;
                i += 1;
            }
            bit += 1;
        }
        u64::from_le_bytes(rows)
    }};
}

/// Times x modulo x^8 + x^6 + x^5 + x^3 + 1.
const TIMES_X: u64 = matrix!(x => (x << 1) ^ ((x >> 7) * shuffles::REDUCTION));

/// In quarter `k` the matrix of byte `k` of the map, lowest first.
macro_rules! planes {
    ($map:path) => {{
        let mut matrices = [0; 8];
        let mut k = 0;
        while k < 8 {
            matrices[k] = matrix!(x => $map(x).to_le_bytes()[k / 2]);
            k += 1;
        }
        Table(matrices)
    }};
}

static MUL_PLANES: Table<[u64; 8]> = planes!(tables::mul_alpha);
static DIV_PLANES: Table<[u64; 8]> = planes!(tables::div_alpha);

/// Byte `byte` of every word, all sixteen in every quarter.
const fn gather(byte: u8) -> Table<[u8; 64]> {
    let mut index = [0; 64];
    let mut i = 0;
    while i < 64 {
        index[i] = 4 * (i % 16) as u8 + byte;
        i += 1;
    }
    Table(index)
}

static TOP: Table<[u8; 64]> = gather(3);
static BOTTOM: Table<[u8; 64]> = gather(0);

/// Words from their bytes: those of quarter `k` become byte `k`.
static SPREAD: Table<[u8; 64]> = {
    let mut index = [0; 64];
    let mut i = 0;
    while i < 64 {
        index[i] = (i / 4 + 16 * (i % 4)) as u8;
        i += 1;
    }
    Table(index)
};

/// SQ in four times 64 bytes.
static SQ: [Table<[u8; 64]>; 4] = {
    const fn part(from: usize) -> Table<[u8; 64]> {
        let mut bytes = [0; 64];
        let mut i = 0;
        while i < 64 {
            bytes[i] = tables::sq((from + i) as u8);
            i += 1;
        }
        Table(bytes)
    }
    [part(0), part(64), part(128), part(192)]
};

/// SQ of every byte: VPERMB looks at the lowest six bits of a byte, the upper two choose among four of them.
#[inline(always)]
fn sq(token: HaveAvx512, w: __m512i) -> __m512i {
    let [a, b, c, d] = &SQ;
    // SAFETY: the tokens of the callers prove AVX-512 BW and VBMI.
    unsafe {
        let bit7 = _mm512_movepi8_mask(w);
        let bit6 = _mm512_movepi8_mask(_mm512_add_epi8(w, w));
        let low = _mm512_permutexvar_epi8(w, load(token, a));
        let low = _mm512_mask_permutexvar_epi8(low, bit6, w, load(token, b));
        let high = _mm512_permutexvar_epi8(w, load(token, c));
        let high = _mm512_mask_permutexvar_epi8(high, bit6, w, load(token, d));
        _mm512_mask_mov_epi8(low, bit7, high)
    }
}

/// s0 times alpha XOR s11 divided by alpha, of sixteen words.
#[inline(always)]
fn alpha(token: HaveAvx512, s0: __m512i, s11: __m512i) -> __m512i {
    // SAFETY: the tokens of the callers prove AVX-512 F and VBMI, and GFNI.
    unsafe {
        let top = _mm512_permutexvar_epi8(load(token, &TOP), s0);
        let bottom = _mm512_permutexvar_epi8(load(token, &BOTTOM), s11);
        let mul = _mm512_gf2p8affine_epi64_epi8::<0>(top, load(token, &MUL_PLANES));
        let div = _mm512_gf2p8affine_epi64_epi8::<0>(bottom, load(token, &DIV_PLANES));
        // The sum has its bytes in planes still: one permutation for both.
        let sum = _mm512_permutexvar_epi8(load(token, &SPREAD), _mm512_xor_si512(mul, div));
        token.xor3(sum, _mm512_slli_epi32::<8>(s0), _mm512_srli_epi32::<8>(s11))
    }
}

impl Boxes for HaveGfni512 {
    type Words = HaveAvx512;

    #[inline(always)]
    fn words(self) -> HaveAvx512 {
        self.avx512()
    }

    #[inline(always)]
    fn s1(self, w: __m512i) -> __m512i {
        let words = self.words();
        let state = words.shuffle(w, words.quad(&x86_aesni::UNSHIFT));
        // SAFETY: the token proves VAES and AVX-512F.
        unsafe { _mm512_aesenc_epi128(state, _mm512_setzero_si512()) }
    }

    #[inline(always)]
    fn s2(self, w: __m512i) -> __m512i {
        let words = self.words();
        let s = sq(words, w);
        // SAFETY: the token proves AVX-512F and GFNI.
        unsafe {
            let s8 = _mm512_ror_epi32::<8>(s);
            let t = _mm512_xor_si512(s, s8);
            let matrix = _mm512_set1_epi64(TIMES_X as i64);
            let doubled = _mm512_gf2p8affine_epi64_epi8::<0>(t, matrix);
            words.xor3(doubled, s8, _mm512_ror_epi32::<16>(t))
        }
    }

    #[inline(always)]
    fn alpha(self, [a, b, c, d]: [__m512i; 4], [e, f, g, h]: [__m512i; 4]) -> [__m512i; 4] {
        let words = self.words();
        [
            alpha(words, a, e),
            alpha(words, b, f),
            alpha(words, c, g),
            alpha(words, d, h),
        ]
    }
}

/// The boxes of four lanes.
#[derive(Clone, Copy)]
struct Few(HaveGfni512);

impl Boxes for Few {
    type Words = HaveAesNi;

    #[inline(always)]
    fn words(self) -> HaveAesNi {
        self.0.avx512().avx2().aes_ni()
    }

    #[inline(always)]
    fn s1(self, w: __m128i) -> __m128i {
        x86_aesni::s1(self.words(), w)
    }

    #[inline(always)]
    fn s2(self, w: __m128i) -> __m128i {
        // SAFETY: the token proves AVX-512 F and VL, and GFNI.
        unsafe {
            let s = _mm512_castsi512_si128(sq(self.0.avx512(), _mm512_castsi128_si512(w)));
            let s8 = _mm_ror_epi32::<8>(s);
            let t = _mm_xor_si128(s, s8);
            let doubled = _mm_gf2p8affine_epi64_epi8::<0>(t, _mm_set1_epi64x(TIMES_X as i64));
            _mm_xor_si128(_mm_xor_si128(s8, _mm_ror_epi32::<16>(t)), doubled)
        }
    }

    #[inline(always)]
    fn alpha(self, s0: [__m128i; 4], s11: [__m128i; 4]) -> [__m128i; 4] {
        let token = self.0.avx512();
        split(token, alpha(token, join(token, s0), join(token, s11)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_at_every_byte() {
        if let Some(token) = HaveGfni512::detect() {
            lanes::tests::check(token);
            lanes::tests::check(Few(token));
        }
    }
}
