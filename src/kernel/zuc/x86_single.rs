//! ZUC with AES-NI, one generator: the LFSR in general registers, R1 and R2 side by side in one vector, so that
//! both halves of the machine work. 21 cycles of latency a clock, against 45 of the four-lane code, which is bound
//! by the vector ports. No secret indexes memory.

use super::super::x86::load;
use super::portable::next_cell;
use super::stream::State;
use super::boxes::{C, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, P1, P2};
use core::arch::x86_64::*;

/// XORs 16 keystream bytes onto bytes `16 * block..` of `data`.
#[inline(always)]
fn apply(data: &mut [u8], block: usize, z: [u8; 16]) {
    let (whole, rest) = data.as_chunks_mut::<16>();
    if let Some(bytes) = whole.get_mut(block) {
        *bytes = (u128::from_ne_bytes(*bytes) ^ u128::from_ne_bytes(z)).to_ne_bytes();
    } else if block == whole.len() {
        super::apply(rest, z);
    }
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn look(table: [u8; 16], index: __m128i) -> __m128i {
    _mm_shuffle_epi8(load(&table), index)
}

#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn nibbles(x: __m128i) -> (__m128i, __m128i) {
    let mask = _mm_set1_epi8(15);
    (
        _mm_and_si128(x, mask),
        _mm_and_si128(_mm_srli_epi16::<4>(x), mask),
    )
}

/// Moves bytes; 0x80 gives 0.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn shuffle(x: __m128i, order: u128) -> __m128i {
    _mm_shuffle_epi8(x, load(&order.to_be_bytes()))
}

/// F's registers for the next clock from R and X = (X1, X2). R1 and X1 are word 1, R2 and X2 word 0.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn next(r: __m128i, x: __m128i) -> __m128i {
    // W2 = R2 ^ X2 in word 0, W1 = R1 + X1 in word 1; then v v u u, where (u, v) is (W1, W2) rotated by 16.
    let w = _mm_blend_epi16::<0b0000_1100>(_mm_xor_si128(r, x), _mm_add_epi32(r, x));
    let x = shuffle(w, 0x0607_0001_0607_0001_0203_0405_0203_0405);
    // A word twice, shifted as 64 bits, leaves the rotated word in the upper half: v by 14 in word 1, u by 2 in
    // word 3. L1 and L2 have the rest in common but for the rotation of x itself: v by 8, u by 24.
    let turned = _mm_blend_epi16::<0b1111_0000>(_mm_slli_epi64::<14>(x), _mm_slli_epi64::<2>(x));
    let by8 = shuffle(turned, 0x8080_8080_0704_0506_8080_8080_0f0c_0d0e);
    let by16 = shuffle(turned, 0x8080_8080_0607_0405_8080_8080_0e0f_0c0d);
    let alone = shuffle(x, 0x8080_8080_0704_0506_8080_8080_0d0e_0f0c);
    let y = _mm_xor_si128(
        _mm_xor_si128(_mm_xor_si128(x, alone), turned),
        _mm_xor_si128(by8, by16),
    );

    let (low, high) = nibbles(y);
    let q = _mm_xor_si128(high, look(P1, low));
    let s0 = _mm_xor_si128(_mm_add_epi8(q, q), look(C, _mm_xor_si128(low, look(P2, q))));
    let mapped = _mm_xor_si128(look(IN_LOW, low), look(IN_HIGH, high));
    let (low, high) = nibbles(_mm_aesenclast_si128(mapped, _mm_setzero_si128()));
    let s1 = _mm_xor_si128(look(OUT_LOW, low), look(OUT_HIGH, high));
    // Odd bytes from S0, even ones from S1 at the places to which ShiftRows has moved them.
    _mm_or_si128(
        shuffle(s0, 0x8005_8007_800d_800f_8080_8080_8080_8080),
        shuffle(s1, 0x0480_0e80_0c80_0680_8080_8080_8080_8080),
    )
}

/// A generator with its registers in a vector.
struct Generator<'a> {
    s: &'a mut [u32; 16],
    r: __m128i,
}

impl Generator<'_> {
    #[inline(always)]
    fn upper(&self, i: usize) -> u32 {
        self.s[i & 15] >> 15
    }

    #[inline(always)]
    fn lower(&self, i: usize) -> u32 {
        self.s[i & 15] << 16
    }

    /// Bit reorganisation and F at phase `i`; returns W.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn f(&mut self, i: usize) -> u32 {
        let x0 = (self.s[(i + 15) & 15] << 1 & 0xFFFF_0000) | (self.s[(i + 14) & 15] & 0xFFFF);
        let x1 = self.lower(i + 11) | self.upper(i + 9);
        let x2 = self.lower(i + 7) | self.upper(i + 5);
        let r = _mm_cvtsi128_si64(self.r) as u64;
        let x = u64::from(x1) << 32 | u64::from(x2);
        self.r = next(self.r, _mm_cvtsi64_si128(x as i64));
        (x0 ^ (r >> 32) as u32).wrapping_add(r as u32)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn feed<const I: usize>(&mut self) {
        for i in I..I + 4 {
            let w = self.f(i);
            self.s[i] = next_cell(self.s, i, w >> 1);
        }
    }

    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn initialise(&mut self) {
        for _ in 0..2 {
            self.feed::<0>();
            self.feed::<4>();
            self.feed::<8>();
            self.feed::<12>();
        }
        self.f(0);
        self.s[0] = next_cell(self.s, 0, 0);
        self.s.rotate_left(1);
    }

    /// Sixteen keystream bytes.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn four_words<const I: usize>(&mut self) -> u128 {
        let mut block = 0;
        for i in I..I + 4 {
            let z = self.f(i) ^ (self.lower(i + 2) | self.upper(i));
            self.s[i] = next_cell(self.s, i, 0);
            block = block << 32 | u128::from(z);
        }
        block
    }
}

/// Ciphers the next piece.
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn run(state: &mut State, data: &mut [u8]) {
    let [r1, r2] = state.r;
    let mut generator = Generator {
        s: &mut state.s,
        r: _mm_set_epi32(0, 0, r1 as i32, r2 as i32),
    };
    if !state.ready {
        generator.initialise();
        state.ready = true;
    }
    let blocks = data.len().div_ceil(16);
    for block in 0..blocks {
        let z = match block % 4 {
            0 => generator.four_words::<0>(),
            1 => generator.four_words::<4>(),
            2 => generator.four_words::<8>(),
            _ => generator.four_words::<12>(),
        };
        apply(data, block, z.to_be_bytes());
    }
    generator.s.rotate_left(4 * (blocks % 4));
    let r = generator.r;
    state.r = [
        _mm_extract_epi32::<1>(r) as u32,
        _mm_cvtsi128_si32(r) as u32,
    ];
}
