//! Boxes made of byte shuffles, for the instruction sets whose widest look-up has 16 bytes.
//!
//! There are loops and macros here and no closures: a closure would be compiled for the plain target, with a call
//! for every intrinsic.

use super::super::isa::Isa;
use super::tables;

/// What doubling XORs onto a byte whose highest bit was 1, in the field of SQ.
pub(super) const REDUCTION: u8 = 0x69;

/// SQ of every byte XOR [`REDUCTION`]. After it S2 doubles the sum `t` of two such bytes, in which the constant is
/// gone, and adds the reduction where the highest bit of `t` is 0 (a byte shuffle gives just that) instead of where
/// it is 1: the constant that comes with one more such byte puts it right.
pub(super) static SQ: [u8; 256] = {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        table[x] = tables::sq(x as u8) ^ REDUCTION;
        x += 1;
    }
    table
};

/// What the boxes made of byte shuffles ask of an instruction set.
pub(super) trait Bytes: Isa {
    /// The lowest bytes of the words of four vectors in one vector, in an order that [`Self::spread`] undoes. The
    /// other bytes of the words are 0.
    fn pack(self, words: [Self::V; 4]) -> Self::V;
    /// Words of four vectors from their bytes: `planes[k]` holds byte `k` of each, in the order of [`Self::pack`].
    fn spread(self, planes: [Self::V; 4]) -> [Self::V; 4];
    /// Bytes of ones where the highest bit of the byte is 1, of zeros elsewhere.
    fn negative(self, a: Self::V) -> Self::V;
    /// [`REDUCTION`] where the highest bit of the byte is 0, 0 elsewhere.
    fn reduction(self, a: Self::V) -> Self::V;
    /// Modulo 256 in every byte.
    fn add_bytes(self, a: Self::V, b: Self::V) -> Self::V;
}

/// [`SQ`] of every byte: sixteen shuffles by the low nibble, of which the high nibble picks by products. Two of its bits
/// do so inside the shuffle, which gives 0 where bit 7 of the index is 1; the other two are masks. 44 operations,
/// where a tree of selections takes 50 to 65.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn sq<I: Bytes>(words: I, w: I::V) -> I::V {
    let top = words.splat(0x8080_8080);
    let low = words.and(w, words.splat(0x0F0F_0F0F));
    let unless7 = words.and(w, words.splat(0x8F8F_8F8F));
    let unless6 = words.or(low, words.and(words.shl(w, 1), top));
    let index = [low, unless6, unless7, words.or(unless6, unless7)];
    let mut quarters = index;
    let mut i = 0;
    while i < 4 {
        quarters[i] = words.shuffle(words.quad(&PRODUCTS[i]), index[0]);
        let mut j = 1;
        while j < 4 {
            let product = words.shuffle(words.quad(&PRODUCTS[4 * j + i]), index[j]);
            quarters[i] = words.xor(quarters[i], product);
            j += 1;
        }
        i += 1;
    }
    let (if5, if4) = (
        words.negative(words.shl(w, 2)),
        words.negative(words.shl(w, 3)),
    );
    let [q0, q1, q2, q3] = quarters;
    let upper = words.xor(q2, words.and(if4, q3));
    words.xor3(q0, words.and(if4, q1), words.and(if5, upper))
}

/// [`SQ`] by the low nibble as a sum of products of the high nibble's bits, the upper two complemented: row `n` is the
/// factor of the product of the bits of `n`.
#[cfg(target_arch = "x86_64")]
static PRODUCTS: [[u8; 16]; 16] = {
    let mut rows = [[0; 16]; 16];
    let mut x = 0;
    while x < 256 {
        rows[(x / 16) ^ 0b1100][x % 16] = SQ[x];
        x += 1;
    }
    let mut bit = 1;
    while bit < 16 {
        let mut x = 0;
        while x < 256 {
            if (x / 16) & bit != 0 {
                rows[x / 16][x % 16] ^= rows[(x / 16) ^ bit][x % 16];
            }
            x += 1;
        }
        bit *= 2;
    }
    rows
};

/// S2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn s2<I: Bytes>(words: I, w: I::V) -> I::V {
    mix(words, sq(words, w))
}

/// The second half of S2, after [`SQ`]: 2 3 1 1 over x^8 + x^6 + x^5 + x^3 + 1.
#[inline(always)]
pub(super) fn mix<I: Bytes>(words: I, s: I::V) -> I::V {
    let right8 = words.quad(&[1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12]);
    let right16 = words.quad(&[2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13]);
    let s8 = words.shuffle(s, right8);
    let t = words.xor(s, s8);
    // 2(s + s8) + s8 + s16 + s24, and s16 + s24 = (s + s8) rotated by 16. The index of the reduction may have bits
    // 4..7 (bit 7 gives 0): its table is the same byte everywhere.
    let reduction = words.reduction(t);
    let rest = words.xor3(reduction, s8, words.shuffle(t, right16));
    words.xor(words.add_bytes(t, t), rest)
}

/// Of a linear map from a byte to a word: for each byte of the word, lowest first, its table by the low nibble
/// and by the high nibble.
type Nibbles = [[[u8; 16]; 2]; 4];

macro_rules! nibbles {
    ($name:ident, $map:path, $doc:literal) => {
        #[doc = $doc]
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

nibbles!(
    MUL_NIBBLES,
    tables::mul_alpha,
    "MULalpha by nibbles, bytes."
);
nibbles!(
    DIV_NIBBLES,
    tables::div_alpha,
    "DIValpha by nibbles, bytes."
);

/// Applies `map` to the lowest bytes of four times a vector of words.
#[inline(always)]
fn linear<I: Bytes>(words: I, map: &Nibbles, bytes: [I::V; 4]) -> [I::V; 4] {
    let mask = words.splat(0x0F0F_0F0F);
    let packed = words.pack(bytes);
    let low = words.and(packed, mask);
    let high = words.and(words.shr(packed, 4), mask);
    let mut planes = [low; 4];
    let mut k = 0;
    while k < 4 {
        planes[k] = words.xor(
            words.shuffle(words.quad(&map[k][0]), low),
            words.shuffle(words.quad(&map[k][1]), high),
        );
        k += 1;
    }
    words.spread(planes)
}

/// [`super::lanes::Boxes::alpha`] by shuffles of nibbles: the bytes of four clocks fill a vector.
#[inline(always)]
pub(super) fn alpha<I: Bytes>(words: I, s0: [I::V; 4], s11: [I::V; 4]) -> [I::V; 4] {
    let byte = words.splat(0xFF);
    let [a, b, c, d] = s0;
    let top = [
        words.shr(a, 24),
        words.shr(b, 24),
        words.shr(c, 24),
        words.shr(d, 24),
    ];
    let [e, f, g, h] = s11;
    let bottom = [
        words.and(e, byte),
        words.and(f, byte),
        words.and(g, byte),
        words.and(h, byte),
    ];
    let mut sum = linear(words, &MUL_NIBBLES, top);
    let div = linear(words, &DIV_NIBBLES, bottom);
    let mut j = 0;
    while j < 4 {
        let shifted = words.xor(words.shl(s0[j], 8), words.shr(s11[j], 8));
        sum[j] = words.xor3(sum[j], div[j], shifted);
        j += 1;
    }
    sum
}
