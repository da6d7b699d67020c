//! Vectors of 32-bit words, one lane to each word: what the word-oriented ciphers are written over, once for all
//! instruction sets.
//!
//! A value that implements [`Isa`] is a proof token of [`crate::base::cpu`], so its methods are safe. They are
//! compiled for the instruction set only where they are inlined into a `#[target_feature]` function of the row, which
//! is why all of them, and all code that is generic over an `Isa`, are `#[inline(always)]`.

use super::Lane;
use zeroize::Zeroize;

#[cfg(target_arch = "aarch64")]
mod aarch64_neon;
#[cfg(target_arch = "x86_64")]
mod x86_avx2;
#[cfg(target_arch = "x86_64")]
mod x86_avx512;
#[cfg(target_arch = "x86_64")]
mod x86_sse;

/// The most lanes that any instruction set holds.
pub(super) const MOST_LANES: usize = 16;

/// Keystream words of every lane that [`Isa::emit`] takes at a time.
pub(super) const WORDS: usize = 16;

/// The key or initial value of every lane of the widest instruction set.
pub(super) type Blocks<'a> = [&'a [u8; 16]; MOST_LANES];

/// An instruction set with vectors of [`Self::LANES`] words.
pub(super) trait Isa: Copy {
    /// A word of every lane.
    type V: Copy + Zeroize;
    /// Words in a vector: 4, 8 or 16.
    #[cfg_attr(target_arch = "aarch64", allow(dead_code))] // SHA-256 has its own instructions there
    const LANES: usize;

    /// The same word in every lane.
    fn splat(self, word: u32) -> Self::V;
    /// The same 16 bytes for every four lanes.
    fn quad(self, bytes: &[u8; 16]) -> Self::V;
    /// Bitwise.
    fn xor(self, a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise.
    fn and(self, a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise.
    fn or(self, a: Self::V, b: Self::V) -> Self::V;
    /// Modulo 2^32.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// Modulo 2^32.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// The larger word, signed.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The sum of the products of the signed halves of the words.
    fn dot(self, a: Self::V, b: Self::V) -> Self::V;
    /// Shifts words left by a constant below 32.
    fn shl(self, a: Self::V, bits: u32) -> Self::V;
    /// Shifts words right by a constant below 32.
    fn shr(self, a: Self::V, bits: u32) -> Self::V;
    /// In every four lanes, byte `i` of the result is byte `index[i] % 16` of `table`; 0 when `index[i]` is 0x80 or
    /// more. The bits 4..7 of an index must be 0 otherwise.
    fn shuffle(self, table: Self::V, index: Self::V) -> Self::V;

    /// Rotates words left by a constant of 1..=31.
    #[inline(always)]
    fn rotl(self, a: Self::V, bits: u32) -> Self::V {
        self.or(self.shl(a, bits), self.shr(a, 32 - bits))
    }

    /// Bitwise, of three.
    #[inline(always)]
    fn xor3(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.xor(self.xor(a, b), c)
    }

    /// Bits of `a` where `mask` is 1, of `b` elsewhere.
    #[inline(always)]
    fn select(self, mask: Self::V, a: Self::V, b: Self::V) -> Self::V {
        self.xor(b, self.and(mask, self.xor(a, b)))
    }

    /// The upper 16 bits of every word of `high` above the lower 16 of `low`.
    #[inline(always)]
    fn halves(self, high: Self::V, low: Self::V) -> Self::V {
        self.select(self.splat(0xFFFF_0000), high, low)
    }

    /// The bits that two of three share.
    #[cfg_attr(target_arch = "aarch64", allow(dead_code))] // likewise
    #[inline(always)]
    fn majority(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.or(self.and(a, b), self.and(c, self.or(a, b)))
    }

    /// Reverses the bytes of every word.
    #[inline(always)]
    fn swap_bytes(self, a: Self::V) -> Self::V {
        let order = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
        self.shuffle(a, self.quad(&order))
    }

    /// Word `j` of the result holds word `j` (little-endian) of every lane's block; lane `i` is `blocks[i]`.
    fn columns(self, blocks: &Blocks<'_>) -> [Self::V; 4];

    /// XORs 64 bytes of keystream onto every lane's data from byte `at` on, or as many as there are: word `j` of a
    /// lane, big-endian, is its word of `z[j]`. At most [`Self::LANES`] lanes.
    fn emit(self, z: &[Self::V; WORDS], lanes: &mut [Lane<'_, [u8; 16]>], at: usize);
}

/// The blocks of up to [`MOST_LANES`] lanes; what is left over repeats the first.
#[inline(always)]
pub(super) fn blocks<'a, T>(lanes: &'a [T], block: fn(&'a T) -> &'a [u8; 16]) -> Blocks<'a> {
    const NONE: &[u8; 16] = &[0; 16];
    let Some(first) = lanes.first() else {
        return [NONE; MOST_LANES];
    };
    // All of them, without a branch for each.
    core::array::from_fn(|i| block(lanes.get(i).unwrap_or(first)))
}

/// XORs the 16 bytes of `z` onto `data[at..]`, or as many as there are.
#[inline(always)]
fn xor_block(data: &mut [u8], at: usize, z: [u8; 16]) {
    let rest = data.get_mut(at..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk_mut::<16>() {
        *bytes = (u128::from_ne_bytes(*bytes) ^ u128::from_ne_bytes(z)).to_ne_bytes();
    } else {
        for (byte, z) in rest.iter_mut().zip(z) {
            *byte ^= z;
        }
    }
}

#[cfg(test)]
mod tests;
