//! SNOW 3G in four lanes: each vector holds the same word of four generators. No secret indexes memory: S1 is one
//! AESENC, S2 sixteen byte shuffles and a tree of selections, MULalpha and DIValpha shuffles of nibbles.

use super::super::Lane;
use super::super::x86::{load, load_words, store};
use super::{portable, tables};
use crate::base::cpu::HaveAesNi;
use core::arch::x86_64::*;
use zeroize::Zeroize;

const LANES: usize = 4;

pub(super) fn available() -> bool {
    HaveAesNi::detect().is_some()
}

/// A single lane: three of the four stay idle.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    many(core::slice::from_mut(lane));
}

/// Any number of lanes, four at a time.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    if HaveAesNi::detect().is_none() {
        return portable::many(lanes);
    }
    for group in lanes.chunks_mut(LANES) {
        // SAFETY: the token above proves AES, SSSE3 and SSE4.1.
        unsafe { run(group) }
    }
}

/// SQ by the high nibble, then the low one.
static SQ: [[u8; 16]; 16] = {
    let mut rows = [[0; 16]; 16];
    let mut x = 0;
    while x < 256 {
        rows[x / 16][x % 16] = tables::sq(x as u8);
        x += 1;
    }
    rows
};

/// Of a linear map from a byte to a word: for each byte of the word, lowest first, its table by the low nibble
/// and by the high nibble.
type Nibbles = [[[u8; 16]; 2]; 4];

macro_rules! nibbles {
    ($name:ident, $map:path) => {
        static $name: Nibbles = {
            let mut planes = [[[0; 16]; 2]; 4];
            let mut i = 0;
            while i < 128 {
                let (plane, half, n) = (i / 32, i / 16 % 2, i % 16);
                let word = $map((n << (4 * half)) as u8);
                planes[plane][half][n] = word.to_le_bytes()[plane];
                i += 1;
            }
            planes
        };
    };
}

nibbles!(MUL_ALPHA, tables::mul_alpha);
nibbles!(DIV_ALPHA, tables::div_alpha);

/// Four generators. The LFSR is a ring: at phase `i`, s0 is `s[i]`.
struct Generators {
    s: [__m128i; 16],
    r1: __m128i,
    r2: __m128i,
    r3: __m128i,
}

/// S1: SubBytes and MixColumns of each word; AESENC's ShiftRows is undone beforehand.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn s1(w: __m128i) -> __m128i {
    let unshift = _mm_setr_epi8(0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3);
    _mm_aesenc_si128(_mm_shuffle_epi8(w, unshift), _mm_setzero_si128())
}

/// S2: SQ of each byte, then 2 3 1 1 over x^8 + x^6 + x^5 + x^3 + 1.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn s2(w: __m128i) -> __m128i {
    let low = _mm_and_si128(w, _mm_set1_epi8(15));
    // Selections look at the highest bit of a byte only, so shifts of 16-bit words will do.
    let bit4 = _mm_slli_epi16::<3>(w);
    let bit5 = _mm_slli_epi16::<2>(w);
    let bit6 = _mm_slli_epi16::<1>(w);
    let row = |h: usize| _mm_shuffle_epi8(load(&SQ[h]), low);
    let quarter = |q: usize| {
        let a = _mm_blendv_epi8(row(4 * q), row(4 * q + 1), bit4);
        let b = _mm_blendv_epi8(row(4 * q + 2), row(4 * q + 3), bit4);
        _mm_blendv_epi8(a, b, bit5)
    };
    let lower = _mm_blendv_epi8(quarter(0), quarter(1), bit6);
    let upper = _mm_blendv_epi8(quarter(2), quarter(3), bit6);
    let s = _mm_blendv_epi8(lower, upper, w);

    let right8 = _mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
    let right16 = _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    let s8 = _mm_shuffle_epi8(s, right8);
    let t = _mm_xor_si128(s, s8); // 2s + 2·(next byte)
    let carry = _mm_and_si128(_mm_cmpgt_epi8(_mm_setzero_si128(), t), _mm_set1_epi8(0x69));
    let doubled = _mm_xor_si128(_mm_add_epi8(t, t), carry);
    // s8 + s16 + s24 = s8 + (s + s8) rotated by 16
    _mm_xor_si128(_mm_xor_si128(doubled, s8), _mm_shuffle_epi8(t, right16))
}

/// Applies `map` to the bytes in the low ends of four times four words; returns words.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn linear(map: &Nibbles, bytes: [__m128i; 4]) -> [__m128i; 4] {
    let [b0, b1, b2, b3] = bytes;
    let packed = _mm_packus_epi16(_mm_packs_epi32(b0, b1), _mm_packs_epi32(b2, b3));
    let mask = _mm_set1_epi8(15);
    let low = _mm_and_si128(packed, mask);
    let high = _mm_and_si128(_mm_srli_epi16::<4>(packed), mask);
    let plane = |k: usize| {
        _mm_xor_si128(
            _mm_shuffle_epi8(load(&map[k][0]), low),
            _mm_shuffle_epi8(load(&map[k][1]), high),
        )
    };
    let (p0, p1, p2, p3) = (plane(0), plane(1), plane(2), plane(3));
    let (l01, l23) = (_mm_unpacklo_epi8(p0, p1), _mm_unpacklo_epi8(p2, p3));
    let (h01, h23) = (_mm_unpackhi_epi8(p0, p1), _mm_unpackhi_epi8(p2, p3));
    [
        _mm_unpacklo_epi16(l01, l23),
        _mm_unpackhi_epi16(l01, l23),
        _mm_unpacklo_epi16(h01, h23),
        _mm_unpackhi_epi16(h01, h23),
    ]
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

/// Big-endian words to and from the vector's order.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn swap(v: __m128i) -> __m128i {
    let order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    _mm_shuffle_epi8(v, order)
}

impl Generators {
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn new(lanes: &[Lane<'_, [u8; 16]>]) -> Self {
        let zero = _mm_setzero_si128();
        let words = |block: Option<&[u8; 16]>| block.map_or(zero, |block| swap(load(block)));
        let keys = [0, 1, 2, 3].map(|i| words(lanes.get(i).map(|lane| lane.key)));
        let ivs = [0, 1, 2, 3].map(|i| words(lanes.get(i).map(|lane| &lane.iv)));
        let [k3, k2, k1, k0] = transpose(keys);
        let [iv3, iv2, iv1, iv0] = transpose(ivs);
        let ones = load_words(&[u32::MAX; 4]);
        let xor = |a, b| _mm_xor_si128(a, b);
        let [n0, n1, n2, n3] = [k0, k1, k2, k3].map(|k| xor(k, ones));
        let (n1iv, n2iv) = (xor(n1, iv3), xor(n2, iv2));
        let (k0iv, k3iv) = (xor(k0, iv1), xor(k3, iv0));
        let mut generators = Self {
            s: [
                n0, n1, n2, n3, k0, k1, k2, k3, n0, n1iv, n2iv, n3, k0iv, k1, k2, k3iv,
            ],
            r1: zero,
            r2: zero,
            r3: zero,
        };
        for _ in 0..2 {
            generators.initialise::<0>();
            generators.initialise::<4>();
            generators.initialise::<8>();
            generators.initialise::<12>();
        }
        let [n0, ..] = generators.ahead::<0>();
        generators.fsm(0);
        generators.s[0] = n0;
        generators.s.rotate_left(1);
        generators
    }

    /// What the LFSR shifts in at the next four clocks from phase `I`, without F: all of it depends on words that
    /// are there already.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn ahead<const I: usize>(&self) -> [__m128i; 4] {
        let s = |i: usize| self.s[(I + i) & 15];
        let low = _mm_set1_epi32(0xFF);
        let mul = linear(&MUL_ALPHA, [0, 1, 2, 3].map(|j| _mm_srli_epi32::<24>(s(j))));
        let div = linear(
            &DIV_ALPHA,
            [0, 1, 2, 3].map(|j| _mm_and_si128(s(11 + j), low)),
        );
        core::array::from_fn(|j| {
            let a = _mm_xor_si128(_mm_slli_epi32::<8>(s(j)), mul[j]);
            let b = _mm_xor_si128(_mm_srli_epi32::<8>(s(11 + j)), div[j]);
            _mm_xor_si128(_mm_xor_si128(a, b), s(2 + j))
        })
    }

    /// Clocks the finite state machine and returns F.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn fsm(&mut self, i: usize) -> __m128i {
        let f = _mm_xor_si128(_mm_add_epi32(self.s[(i + 15) & 15], self.r1), self.r2);
        let r = _mm_add_epi32(self.r2, _mm_xor_si128(self.r3, self.s[(i + 5) & 15]));
        self.r3 = s2(self.r2);
        self.r2 = s1(self.r1);
        self.r1 = r;
        f
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn initialise<const I: usize>(&mut self) {
        let next = self.ahead::<I>();
        for (j, next) in next.into_iter().enumerate() {
            let f = self.fsm(I + j);
            self.s[I + j] = _mm_xor_si128(next, f);
        }
    }

    /// Sixteen keystream bytes of every lane.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn four_words<const I: usize>(&mut self) -> [__m128i; 4] {
        let next = self.ahead::<I>();
        let mut z = next;
        for j in 0..4 {
            z[j] = _mm_xor_si128(self.fsm(I + j), self.s[I + j]);
            self.s[I + j] = next[j];
        }
        transpose(z).map(|z| swap(z))
    }
}

/// Ciphers bytes `16 * block..` of up to four lanes.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn apply(lanes: &mut [Lane<'_, [u8; 16]>], block: usize, keystream: [__m128i; 4]) {
    for (lane, z) in lanes.iter_mut().zip(keystream) {
        let (whole, rest) = lane.data.as_chunks_mut::<16>();
        if let Some(bytes) = whole.get_mut(block) {
            store(bytes, _mm_xor_si128(load(bytes), z));
        } else if block == whole.len() {
            let mut last = [0; 16];
            store(&mut last, z);
            for (byte, z) in rest.iter_mut().zip(last) {
                *byte ^= z;
            }
        }
    }
}

/// Up to four lanes.
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn run(lanes: &mut [Lane<'_, [u8; 16]>]) {
    let longest = lanes.iter().map(|lane| lane.data.len()).max().unwrap_or(0);
    let mut generators = Generators::new(lanes);
    let mut block = 0;
    while 16 * block < longest {
        let z = match block % 4 {
            0 => generators.four_words::<0>(),
            1 => generators.four_words::<4>(),
            2 => generators.four_words::<8>(),
            _ => generators.four_words::<12>(),
        };
        apply(lanes, block, z);
        block += 1;
    }
    generators.s.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(v: __m128i) -> [u32; 4] {
        let mut bytes = [0; 16];
        store(&mut bytes, v);
        core::array::from_fn(|i| u32::from_le_bytes([0, 1, 2, 3].map(|j| bytes[4 * i + j])))
    }

    #[test]
    fn boxes_and_maps_at_every_byte() {
        if !available() {
            return;
        }
        for x in 0..=255_u32 {
            let input = [x, x << 8 | 0x55, x << 16 | x, x << 24 | (255 - x) << 8];
            let vector = load_words(&input);
            // SAFETY: `available` found AES, SSSE3 and SSE4.1.
            let (first, second) = unsafe { (s1(vector), s2(vector)) };
            let right = |table| input.map(|w| portable::word_box(table, w));
            assert_eq!(words(first), right(&tables::S1));
            assert_eq!(words(second), right(&tables::S2));

            let bytes = [[x, 1, 2, 3], [4, x, 255 - x, 0], [9, 8, x, 7], [0, 0, 0, x]];
            // SAFETY: as above.
            let (mul, div) = unsafe {
                let bytes = bytes.map(|words| load_words(&words));
                (linear(&MUL_ALPHA, bytes), linear(&DIV_ALPHA, bytes))
            };
            let of = |table: &[u32; 256]| bytes.map(|row| row.map(|b| table[b as usize]));
            assert_eq!(mul.map(words), of(&tables::MUL_ALPHA));
            assert_eq!(div.map(words), of(&tables::DIV_ALPHA));
        }
    }
}
