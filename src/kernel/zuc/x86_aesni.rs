//! ZUC in four lanes: each vector holds the same cell of four generators. No secret indexes memory: S0 is four
//! byte shuffles, S1 one AESENCLAST between two linear maps of nibbles.

use super::super::Lane;
use super::super::x86::{load, store};
use super::stream::{State, StreamLane};
use super::{portable, tables, x86_single};
use crate::base::cpu::HaveAesNi;
use core::arch::x86_64::*;
use zeroize::Zeroize;

const LANES: usize = 4;

pub(super) fn available() -> bool {
    HaveAesNi::detect().is_some()
}

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { x86_single::run(&mut State::new(lane.key, &lane.iv), lane.data) },
        None => portable::one(lane),
    }
}

/// Any number of lanes, four at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    if HaveAesNi::detect().is_none() {
        return portable::many(lanes);
    }
    for group in lanes.chunks_mut(LANES) {
        match group {
            [lane] => one(lane), // half the time of four lanes of which three are idle
            // SAFETY: the token above proves AES, SSSE3 and SSE4.1.
            _ => unsafe { run(group) },
        }
    }
}

/// The next piece of one generator.
pub(super) fn stream_one(lane: &mut StreamLane<'_>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { x86_single::run(lane.state, lane.data) },
        None => portable::stream_one(lane),
    }
}

/// One piece after the other.
pub(super) fn stream_many(lanes: &mut [StreamLane<'_>]) {
    lanes.iter_mut().for_each(stream_one);
}

// S0 by nibbles: q = high + P1[low], r = low + P2[q], S0 = A[q] + C[r]; A and C hold the last round with P3 and
// the rotation by 5. S1 by the field of AES: a linear map in, AESENCLAST's SubBytes, an affine map out.
// The tests below compare them with `kc.json` and the S-boxes.
pub(super) const P1: u128 = 0x090f_000e_0f0f_020a_0004_000c_0705_0309;
pub(super) const P2: u128 = 0x080d_0605_0700_0c04_0b01_0e0a_0f03_0902;
pub(super) const A: u128 = 0x0002_0406_080a_0c0e_1012_1416_181a_1c1e;
pub(super) const C: u128 = 0x042c_546c_80ba_d4fe_0727_5b6b_81b3_d9fb;
pub(super) const IN_LOW: u128 = 0x0001_3233_7372_4140_7574_4746_0607_3435;
pub(super) const IN_HIGH: u128 = 0x00d9_e831_cd14_25fc_2df4_c51c_e039_08d1;
pub(super) const OUT_LOW: u128 = 0xfeb1_6e21_b5fa_256a_c986_5916_82cd_125d;
pub(super) const OUT_HIGH: u128 = 0x0034_4276_3602_7440_6652_2410_5064_1226;

const P: i32 = 0x7FFF_FFFF;

/// Four generators. The LFSR is a ring: at phase `i`, s0 is `s[i]`.
struct Generators {
    s: [__m128i; 16],
    r1: __m128i,
    r2: __m128i,
}

/// Looks `index` (each byte below 16) up in a table of 16 bytes.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn look(table: u128, index: __m128i) -> __m128i {
    _mm_shuffle_epi8(load(&table.to_be_bytes()), index)
}

/// The nibbles of each byte: (low, high).
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn nibbles(x: __m128i) -> (__m128i, __m128i) {
    let mask = _mm_set1_epi8(15);
    (
        _mm_and_si128(x, mask),
        _mm_and_si128(_mm_srli_epi16::<4>(x), mask),
    )
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn s0(x: __m128i) -> __m128i {
    let (low, high) = nibbles(x);
    let q = _mm_xor_si128(high, look(P1, low));
    let r = _mm_xor_si128(low, look(P2, q));
    _mm_xor_si128(look(A, q), look(C, r))
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn s1(x: __m128i) -> __m128i {
    let (low, high) = nibbles(x);
    let mapped = _mm_xor_si128(look(IN_LOW, low), look(IN_HIGH, high));
    let unshift = _mm_setr_epi8(0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3);
    let boxed = _mm_aesenclast_si128(_mm_shuffle_epi8(mapped, unshift), _mm_setzero_si128());
    let (low, high) = nibbles(boxed);
    _mm_xor_si128(look(OUT_LOW, low), look(OUT_HIGH, high))
}

/// S of two vectors of words. Bytes 3 and 1 of a word go through S0, bytes 2 and 0 through S1: the bytes of both
/// vectors are sorted so that each box is evaluated once.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn boxes(u: __m128i, v: __m128i) -> (__m128i, __m128i) {
    let even = _mm_set1_epi16(0x00FF);
    let odd_bytes = s0(_mm_or_si128(
        _mm_srli_epi16::<8>(u),
        _mm_andnot_si128(even, v),
    ));
    let even_bytes = s1(_mm_or_si128(_mm_and_si128(u, even), _mm_slli_epi16::<8>(v)));
    (
        _mm_or_si128(
            _mm_slli_epi16::<8>(odd_bytes),
            _mm_and_si128(even_bytes, even),
        ),
        _mm_or_si128(
            _mm_andnot_si128(even, odd_bytes),
            _mm_srli_epi16::<8>(even_bytes),
        ),
    )
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn rotate<const LEFT: i32, const RIGHT: i32>(x: __m128i) -> __m128i {
    _mm_or_si128(_mm_slli_epi32::<LEFT>(x), _mm_srli_epi32::<RIGHT>(x))
}

/// What L1 and L2 share: with r = x rotated left by 2 (L1) or 14 (L2), the result is r + (r << 8) + (r << 16) and
/// x + (x << 24) or x + (x << 8), shifts being rotations.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn spread(x: __m128i, turned: __m128i, r: __m128i) -> __m128i {
    let left8 = _mm_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
    let left16 = _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    let r8 = _mm_shuffle_epi8(r, left8);
    let r16 = _mm_shuffle_epi8(r, left16);
    _mm_xor_si128(
        _mm_xor_si128(x, turned),
        _mm_xor_si128(_mm_xor_si128(r, r8), r16),
    )
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn l1(x: __m128i) -> __m128i {
    let left24 = _mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
    spread(x, _mm_shuffle_epi8(x, left24), rotate::<2, 30>(x))
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn l2(x: __m128i) -> __m128i {
    let left8 = _mm_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
    spread(x, _mm_shuffle_epi8(x, left8), rotate::<14, 18>(x))
}

/// Rotates 31-bit numbers.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn rotate31<const LEFT: i32, const RIGHT: i32>(x: __m128i) -> __m128i {
    let high = _mm_and_si128(_mm_slli_epi32::<LEFT>(x), _mm_set1_epi32(P));
    _mm_or_si128(high, _mm_srli_epi32::<RIGHT>(x))
}

/// Adds modulo p = 2^31 - 1. The result is below 2^31 and may be 0 or p.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn add31(a: __m128i, b: __m128i) -> __m128i {
    let sum = _mm_add_epi32(a, b);
    _mm_min_epu32(sum, _mm_sub_epi32(sum, _mm_set1_epi32(P)))
}

/// Rows become columns.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn transpose(rows: [__m128i; 4]) -> [__m128i; 4] {
    let [a, b, c, d] = rows;
    let (ab_low, ab_high) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    let (cd_low, cd_high) = (_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    [
        _mm_unpacklo_epi64(ab_low, cd_low),
        _mm_unpackhi_epi64(ab_low, cd_low),
        _mm_unpacklo_epi64(ab_high, cd_high),
        _mm_unpackhi_epi64(ab_high, cd_high),
    ]
}

impl Generators {
    /// Cells loaded as TS 35.222 says: key byte, 15 bits of d, IV byte.
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn load(lanes: &[Lane<'_, [u8; 16]>]) -> Self {
        let zero = _mm_setzero_si128();
        let column = |block: Option<&[u8; 16]>| block.map_or(zero, load);
        // Byte 4j + i of a vector of words is byte i of word j, so byte i of column j is cell 4j + i.
        let keys = transpose([0, 1, 2, 3].map(|i| column(lanes.get(i).map(|lane| lane.key))));
        let ivs = transpose([0, 1, 2, 3].map(|i| column(lanes.get(i).map(|lane| &lane.iv))));
        let byte = _mm_set1_epi32(0xFF);
        let s = core::array::from_fn(|cell| {
            let shift = _mm_cvtsi32_si128(8 * (cell as i32 % 4));
            let pick =
                |words: &[__m128i; 4]| _mm_and_si128(_mm_srl_epi32(words[cell / 4], shift), byte);
            let d = _mm_set1_epi32(i32::from(tables::D[cell]) << 8);
            let key = _mm_slli_epi32::<23>(pick(&keys));
            _mm_or_si128(_mm_or_si128(key, d), pick(&ivs))
        });
        Self {
            s,
            r1: zero,
            r2: zero,
        }
    }

    /// 32 clocks with feedback, one without output.
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn initialise(&mut self) {
        for _ in 0..2 {
            self.feed::<0>();
            self.feed::<4>();
            self.feed::<8>();
            self.feed::<12>();
        }
        self.f(0);
        self.s[0] = self.next_cell(0);
        self.s.rotate_left(1);
    }

    /// Bit reorganisation and F; returns W.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn f(&mut self, i: usize) -> __m128i {
        let s = |j: usize| self.s[(i + j) & 15];
        let joined = |a, b| _mm_or_si128(_mm_slli_epi32::<16>(a), _mm_srli_epi32::<15>(b));
        // The high 16 of 31 bits, moved to the top, beside the low 16 of another cell.
        let x0 = _mm_blend_epi16::<0b0101_0101>(_mm_slli_epi32::<1>(s(15)), s(14));
        let x1 = joined(s(11), s(9));
        let x2 = joined(s(7), s(5));
        let w = _mm_add_epi32(_mm_xor_si128(x0, self.r1), self.r2);
        let w1 = _mm_add_epi32(self.r1, x1);
        let w2 = _mm_xor_si128(self.r2, x2);
        let u = _mm_or_si128(_mm_slli_epi32::<16>(w1), _mm_srli_epi32::<16>(w2));
        let v = _mm_or_si128(_mm_slli_epi32::<16>(w2), _mm_srli_epi32::<16>(w1));
        (self.r1, self.r2) = boxes(l1(u), l2(v));
        w
    }

    /// What the LFSR shifts in, in 1..=p.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn next_cell(&self, i: usize) -> __m128i {
        let s = |j: usize| self.s[(i + j) & 15];
        let a = add31(rotate31::<17, 14>(s(13)), rotate31::<21, 10>(s(10)));
        let b = add31(rotate31::<20, 11>(s(4)), rotate31::<8, 23>(s(0)));
        let sum = add31(add31(a, b), rotate31::<15, 16>(s(15)));
        add_positive(sum, s(0))
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn feed<const I: usize>(&mut self) {
        for i in I..I + 4 {
            let next = self.next_cell(i);
            let w = self.f(i);
            // `next` is in 1..=p, so it may come last: the sum is positive again.
            self.s[i] = add_positive(_mm_srli_epi32::<1>(w), next);
        }
    }

    /// Sixteen keystream bytes of every lane.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn four_words<const I: usize>(&mut self) -> [__m128i; 4] {
        let mut z = [_mm_setzero_si128(); 4];
        for (i, z) in (I..).zip(&mut z) {
            let x3 = _mm_or_si128(
                _mm_slli_epi32::<16>(self.s[(i + 2) & 15]),
                _mm_srli_epi32::<15>(self.s[i]),
            );
            *z = _mm_xor_si128(self.f(i), x3);
            self.s[i] = self.next_cell(i);
        }
        let swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
        transpose(z).map(|z| _mm_shuffle_epi8(z, swap))
    }

    /// Sixteen keystream bytes of every lane at phase `4 * (block % 4)`.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn block(&mut self, block: usize) -> [__m128i; 4] {
        match block % 4 {
            0 => self.four_words::<0>(),
            1 => self.four_words::<4>(),
            2 => self.four_words::<8>(),
            _ => self.four_words::<12>(),
        }
    }
}

/// Adds `b` in 1..=p to `a` below 2^31; the result is in 1..=p: a sum of p + p folds to p, never to 0.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn add_positive(a: __m128i, b: __m128i) -> __m128i {
    let sum = _mm_add_epi32(a, b);
    _mm_add_epi32(
        _mm_and_si128(sum, _mm_set1_epi32(P)),
        _mm_srli_epi32::<31>(sum),
    )
}

/// XORs 16 keystream bytes onto bytes `16 * block..` of `data`.
#[inline(always)]
pub(super) fn apply(data: &mut [u8], block: usize, z: [u8; 16]) {
    let (whole, rest) = data.as_chunks_mut::<16>();
    if let Some(bytes) = whole.get_mut(block) {
        *bytes = (u128::from_ne_bytes(*bytes) ^ u128::from_ne_bytes(z)).to_ne_bytes();
    } else if block == whole.len() {
        super::apply(rest, z);
    }
}

/// Up to four lanes.
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn run(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let longest = lanes.iter().map(|lane| lane.data.len()).max().unwrap_or(0);
    let mut generators = Generators::load(lanes);
    generators.initialise();
    for block in 0..longest.div_ceil(16) {
        let z = generators.block(block);
        for (lane, z) in lanes.iter_mut().zip(z) {
            let mut bytes = [0; 16];
            store(&mut bytes, z);
            apply(lane.data, block, bytes);
        }
    }
    generators.s.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_the_proof() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/kc.json")).unwrap();
        for (room, name, constant) in [
            ("ZUC_S0_fused", "P1", P1),
            ("ZUC_S0_fused", "P2", P2),
            ("ZUC_S0_fused", "A", A),
            ("ZUC_S0_fused", "C", C),
            ("ZUC_S1_aesni", "in_lo", IN_LOW),
            ("ZUC_S1_aesni", "in_hi", IN_HIGH),
            ("ZUC_S1_aesni", "out_lo", OUT_LOW),
            ("ZUC_S1_aesni", "out_hi", OUT_HIGH),
        ] {
            assert_eq!(file[room][name], format!("{constant:032x}"), "{name}");
        }
    }

    #[test]
    fn both_boxes_at_every_byte_and_place() {
        if !available() {
            return;
        }
        for x in 0..=255_u8 {
            for other in [0, x, !x, 0xA5] {
                let (u, v) = ([x, other, x, x, other, x, 0, 0xFF], [other, x, !x, 1]);
                let u: [u8; 16] = core::array::from_fn(|i| u[i % 8]);
                let v: [u8; 16] = core::array::from_fn(|i| v[i % 4]);
                let (mut got_u, mut got_v) = ([0; 16], [0; 16]);
                // SAFETY: `available` found AES, SSSE3 and SSE4.1.
                let (a, b) = unsafe { boxes(load(&u), load(&v)) };
                store(&mut got_u, a);
                store(&mut got_v, b);
                let right = |bytes: [u8; 16]| -> [u8; 16] {
                    core::array::from_fn(|i| {
                        let table = [&tables::S1, &tables::S0][i % 2];
                        table[usize::from(bytes[i])]
                    })
                };
                assert_eq!((got_u, got_v), (right(u), right(v)));
            }
        }
    }
}
