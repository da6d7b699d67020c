//! Sixteen lanes with AVX-512 F, BW and VL, and four for the few: S1 is AESENC on quarters, SQ a look-up of words
//! (`vpermi2w`) or of double words (`vpermi2d`), alpha two look-ups of sixteen double words (`vpermd`) each.

use super::super::Lane;
use super::lanes::{self, Boxes};
use super::{portable, shuffles, tables, x86_aesni};
use crate::base::cpu::{HaveAesNi, HaveAvx512};
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

const LANES: usize = 16;

/// Up to so many lanes go four at a time: with 64 bytes each that takes 230 ns a group, sixteen at a time 425, so two
/// groups of four are no gain.
const FEW: usize = 4;

pub(super) fn available() -> bool {
    HaveAvx512::detect().is_some()
}

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, sixteen at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let Some(token) = HaveAvx512::detect() else {
        return portable::many(lanes);
    };
    for group in lanes.chunks_mut(LANES) {
        if group.len() > FEW {
            // SAFETY: the token proves AES and AVX-512 F, BW, DQ and VL.
            unsafe { run(token, group) }
            continue;
        }
        for few in group.chunks_mut(4) {
            // SAFETY: as above.
            unsafe { run_few(token, few) }
        }
    }
}

#[target_feature(enable = "aes,avx512f,avx512bw,avx512dq,avx512vl")]
fn run(token: HaveAvx512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes::run(token, lanes);
}

#[target_feature(enable = "aes,avx512f,avx512bw,avx512dq,avx512vl")]
fn run_few(token: HaveAvx512, lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes::run(Few(token), lanes);
}

/// A vector from memory.
#[inline(always)]
pub(super) fn load<T>(_: HaveAvx512, table: &Table<T>) -> __m512i {
    const { assert!(size_of::<Table<T>>() == 64) }
    // SAFETY: the reference covers the 64 bytes that are read, all of them initialised (a table of integers without
    // padding); the token proves AVX-512F.
    unsafe { _mm512_load_si512(core::ptr::from_ref(table).cast()) }
}

/// A vector in memory.
#[repr(C, align(64))]
pub(super) struct Table<T>(pub(super) T);

/// For `vpermi2w`: word `n` of half `h` holds [`shuffles::SQ`] of `n + 64 h` and of that plus 128, the latter
/// high.
static SQ_WORDS: [[Table<[u16; 32]>; 2]; 2] =
    [[sq_words(0), sq_words(32)], [sq_words(64), sq_words(96)]];

/// The same, the latter low.
static SQ_SWAPPED: [[Table<[u16; 32]>; 2]; 2] = {
    let [[a, b], [c, d]] = [[sq_words(0), sq_words(32)], [sq_words(64), sq_words(96)]];
    [[swapped(a), swapped(b)], [swapped(c), swapped(d)]]
};

const fn sq_words(from: usize) -> Table<[u16; 32]> {
    let mut words = [0; 32];
    let mut i = 0;
    while i < 32 {
        words[i] = u16::from_le_bytes([shuffles::SQ[from + i], shuffles::SQ[from + i + 128]]);
        i += 1;
    }
    Table(words)
}

const fn swapped(Table(mut words): Table<[u16; 32]>) -> Table<[u16; 32]> {
    let mut i = 0;
    while i < 32 {
        words[i] = words[i].swap_bytes();
        i += 1;
    }
    Table(words)
}

/// For `vpermi2d`: double word `n` holds [`shuffles::SQ`] of `n`, `n + 64`, `n + 128` and `n + 192`, lowest byte first.
static SQ_DOUBLE_WORDS: [Table<[u32; 16]>; 4] = [
    sq_double_words(0),
    sq_double_words(16),
    sq_double_words(32),
    sq_double_words(48),
];

const fn sq_double_words(from: usize) -> Table<[u32; 16]> {
    let mut words = [0; 16];
    let mut i = 0;
    while i < 16 {
        let x = from + i;
        words[i] = u32::from_le_bytes([
            shuffles::SQ[x],
            shuffles::SQ[x + 64],
            shuffles::SQ[x + 128],
            shuffles::SQ[x + 192],
        ]);
        i += 1;
    }
    Table(words)
}

macro_rules! nibbles {
    ($map:path, $place:literal) => {{
        let mut words = [[0; 16]; 2];
        let mut n = 0;
        while n < 16 {
            words[0][n] = $map(n as u8) ^ (n as u32) << $place;
            words[1][n] = $map((n << 4) as u8) ^ (n as u32) << (4 + $place);
            n += 1;
        }
        [Table(words[0]), Table(words[1])]
    }};
}

/// MULalpha by the low nibble and by the high one, with the byte itself at the bottom: it takes away what a rotation
/// brings there in place of a shift.
static MUL_NIBBLES: [Table<[u32; 16]>; 2] = nibbles!(tables::mul_alpha, 0);
/// DIValpha likewise, with the byte itself at the top.
static DIV_NIBBLES: [Table<[u32; 16]>; 2] = nibbles!(tables::div_alpha, 24);

/// s0 times alpha XOR s11 divided by alpha, of sixteen words. The maps are linear: each is the sum of two look-ups,
/// and `vpermd` looks at the lowest four bits of a word only, so the rotation by 8 is an index as well.
#[inline(always)]
fn alpha(token: HaveAvx512, s0: __m512i, s11: __m512i) -> __m512i {
    // SAFETY: the token proves AVX-512F.
    unsafe {
        let [mul_low, mul_high] = &MUL_NIBBLES;
        let [div_low, div_high] = &DIV_NIBBLES;
        let rotated = _mm512_rol_epi32::<8>(s0);
        let mul = token.xor3(
            rotated,
            _mm512_permutexvar_epi32(rotated, load(token, mul_low)),
            _mm512_permutexvar_epi32(_mm512_rol_epi32::<4>(s0), load(token, mul_high)),
        );
        let div = token.xor3(
            _mm512_ror_epi32::<8>(s11),
            _mm512_permutexvar_epi32(s11, load(token, div_low)),
            _mm512_permutexvar_epi32(_mm512_srli_epi32::<4>(s11), load(token, div_high)),
        );
        _mm512_xor_si512(mul, div)
    }
}

/// S2 after [`shuffles::SQ`]: 2 3 1 1 over x^8 + x^6 + x^5 + x^3 + 1.
#[inline(always)]
fn mix(token: HaveAvx512, s: __m512i) -> __m512i {
    // SAFETY: the token proves AVX-512 F and BW.
    unsafe {
        let s8 = _mm512_ror_epi32::<8>(s);
        let t = _mm512_xor_si512(s, s8);
        let reduction = _mm512_shuffle_epi8(_mm512_set1_epi8(shuffles::REDUCTION as i8), t);
        let rest = token.xor3(s8, reduction, _mm512_ror_epi32::<16>(t));
        _mm512_xor_si512(_mm512_add_epi8(t, t), rest)
    }
}

impl Boxes for HaveAvx512 {
    type Words = Self;

    #[inline(always)]
    fn words(self) -> Self {
        self
    }

    #[inline(always)]
    fn s1(self, w: __m512i) -> __m512i {
        let state = self.shuffle(w, self.quad(&x86_aesni::UNSHIFT));
        let [mut a, mut b, mut c, mut d] = split(self, state);
        // SAFETY: the token proves AES.
        unsafe {
            let zero = _mm_setzero_si128();
            a = _mm_aesenc_si128(a, zero);
            b = _mm_aesenc_si128(b, zero);
            c = _mm_aesenc_si128(c, zero);
            d = _mm_aesenc_si128(d, zero);
        }
        join(self, [a, b, c, d])
    }

    /// SQ of the even and of the odd bytes by words: the lowest six bits of a byte pick the word, bit 6 the half of
    /// the table, bit 7 the byte of the word. 13 cycles on Cascade Lake, where sixteen byte shuffles take 27.
    #[inline(always)]
    fn s2(self, w: __m512i) -> __m512i {
        let [[a, b], [c, d]] = &SQ_WORDS;
        let [[e, f], [g, h]] = &SQ_SWAPPED;
        // SAFETY: the token proves AVX-512 F and BW.
        unsafe {
            let odd = _mm512_srli_epi16::<8>(w);
            let even6 = _mm512_test_epi16_mask(w, _mm512_set1_epi16(0x40));
            let odd6 = _mm512_test_epi16_mask(w, _mm512_set1_epi16(0x4000));
            let even = _mm512_mask_mov_epi16(
                _mm512_permutex2var_epi16(load(self, a), w, load(self, b)),
                even6,
                _mm512_permutex2var_epi16(load(self, c), w, load(self, d)),
            );
            let odd = _mm512_mask_mov_epi16(
                _mm512_permutex2var_epi16(load(self, e), odd, load(self, f)),
                odd6,
                _mm512_permutex2var_epi16(load(self, g), odd, load(self, h)),
            );
            let low_bytes = _mm512_set1_epi16(0xFF);
            let if0 = self.select(low_bytes, even, odd);
            let if1_swapped = self.select(low_bytes, odd, even);
            let pairs = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14];
            let if1 = self.shuffle(if1_swapped, self.quad(&pairs));
            let s = _mm512_mask_mov_epi8(if0, _mm512_movepi8_mask(w), if1);
            mix(self, s)
        }
    }

    #[inline(always)]
    fn alpha(self, [a, b, c, d]: [__m512i; 4], [e, f, g, h]: [__m512i; 4]) -> [__m512i; 4] {
        [
            alpha(self, a, e),
            alpha(self, b, f),
            alpha(self, c, g),
            alpha(self, d, h),
        ]
    }
}

/// Four quarters as one vector.
#[inline(always)]
pub(super) fn join(_: HaveAvx512, [a, b, c, d]: [__m128i; 4]) -> __m512i {
    // SAFETY: the token proves AVX-512F.
    unsafe {
        let low = _mm256_set_m128i(b, a);
        let high = _mm256_set_m128i(d, c);
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
    }
}

/// The quarters of a vector.
#[inline(always)]
pub(super) fn split(_: HaveAvx512, v: __m512i) -> [__m128i; 4] {
    // SAFETY: the token proves AVX-512F.
    unsafe {
        [
            _mm512_castsi512_si128(v),
            _mm512_extracti32x4_epi32::<1>(v),
            _mm512_extracti32x4_epi32::<2>(v),
            _mm512_extracti32x4_epi32::<3>(v),
        ]
    }
}

/// The boxes of four lanes.
#[derive(Clone, Copy)]
struct Few(HaveAvx512);

impl Boxes for Few {
    type Words = HaveAesNi;

    #[inline(always)]
    fn words(self) -> HaveAesNi {
        self.0.avx2().aes_ni()
    }

    #[inline(always)]
    fn s1(self, w: __m128i) -> __m128i {
        x86_aesni::s1(self.words(), w)
    }

    /// SQ by double words, as a single vector holds all sixteen bytes: the lowest five bits of a byte pick the
    /// double word, bit 5 the half of the table, bits 6 and 7 the byte. About 12 cycles of latency, on which the
    /// speed of few lanes depends.
    #[inline(always)]
    fn s2(self, w: __m128i) -> __m128i {
        let [a, b, c, d] = &SQ_DOUBLE_WORDS;
        let token = self.0;
        // SAFETY: the token proves AVX-512 F, BW and VL.
        unsafe {
            let x = _mm512_cvtepu8_epi32(w);
            let bit5 = _mm512_test_epi32_mask(x, _mm512_set1_epi32(0x20));
            let four = _mm512_mask_mov_epi32(
                _mm512_permutex2var_epi32(load(token, a), x, load(token, b)),
                bit5,
                _mm512_permutex2var_epi32(load(token, c), x, load(token, d)),
            );
            let shift = _mm512_and_si512(_mm512_srli_epi32::<3>(x), _mm512_set1_epi32(0x18));
            let s = _mm512_cvtepi32_epi8(_mm512_srlv_epi32(four, shift));
            let s8 = _mm_ror_epi32::<8>(s);
            let t = _mm_xor_si128(s, s8);
            let reduction = _mm_shuffle_epi8(_mm_set1_epi8(shuffles::REDUCTION as i8), t);
            let rest = _mm_xor_si128(_mm_xor_si128(s8, reduction), _mm_ror_epi32::<16>(t));
            _mm_xor_si128(_mm_add_epi8(t, t), rest)
        }
    }

    #[inline(always)]
    fn alpha(self, s0: [__m128i; 4], s11: [__m128i; 4]) -> [__m128i; 4] {
        let token = self.0;
        split(token, alpha(token, join(token, s0), join(token, s11)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_at_every_byte() {
        if let Some(token) = HaveAvx512::detect() {
            lanes::tests::check(token);
            lanes::tests::check(Few(token));
        }
    }
}
