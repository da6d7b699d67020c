//! CMAC's subkeys and last block in a register.

use super::CmacLane;
use crate::kernel::x86::load;
use crate::kernel::x86_bytes::{last_bytes, short, vector};
use core::arch::x86_64::*;

/// Doubles in GF(2^128) as SP 800-38B, 6.1 does: every byte by itself, then the bit that left the byte behind it.
/// What left the first byte comes back as 0x87 in the last.
#[inline]
#[target_feature(enable = "ssse3")]
pub(super) fn double(block: __m128i) -> __m128i {
    let left = _mm_cmpgt_epi8(_mm_setzero_si128(), block);
    let behind = _mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0);
    let bits = _mm_setr_epi8(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -0x79);
    let carry = _mm_and_si128(_mm_shuffle_epi8(left, behind), bits);
    _mm_xor_si128(_mm_add_epi8(block, block), carry)
}

/// 0x80 in the middle. Read from place `16 - n` on this is the padding behind `n` bytes.
static PADDING: [u8; 32] = {
    let mut padding = [0; 32];
    padding[16] = 0x80;
    padding
};

/// `block`, whose first `used` bytes are the end of the string and whose others are 0, padded and masked with K1
/// or K2.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn pad_and_mask(block: __m128i, used: usize, k1: &[u8; 16]) -> __m128i {
    let used = used.min(16);
    // SAFETY: `16 - used + 16` is at most the 32 bytes of the table; the load takes any alignment.
    let padding = unsafe { _mm_loadu_si128(PADDING.as_ptr().add(16 - used).cast()) };
    let k1 = load(k1);
    // Both subkeys and a choice: a branch on the length would be mispredicted when lengths are mixed.
    let whole = _mm_set1_epi8(-i8::from(used == 16));
    let subkey = _mm_blendv_epi8(double(k1), k1, whole);
    _mm_xor_si128(_mm_xor_si128(block, padding), subkey)
}

/// The blocks of one CMAC lane: `first`, then the whole blocks at `body`, then `last`. With one block in all it
/// is `last` and the others count for nothing.
pub(super) struct Blocks<'a> {
    /// The first block, or `last` when there is no other.
    pub(super) first: __m128i,
    /// What follows the first block: at least `16 * (count - 2)` bytes.
    pub(super) body: &'a [u8],
    /// The last block, padded and masked.
    pub(super) last: __m128i,
    /// Number of blocks, 1 at least.
    pub(super) count: usize,
}

impl<'a> Blocks<'a> {
    #[inline]
    #[target_feature(enable = "ssse3,sse4.1")]
    pub(super) fn new(lane: &CmacLane<'a>) -> Self {
        let bits = lane.covered();
        let message = &lane.message[..bits.div_ceil(8)];
        let head = lane.head.map(u64::from_le_bytes);
        let string = message.len() + if head.is_some() { 8 } else { 0 };
        let count = string.div_ceil(16).max(1);
        let used = string - 16 * (count - 1);
        let last = if !bits.is_multiple_of(8) {
            vector(u128::from_le_bytes(lane.last().1.to_be_bytes()))
        } else if let (Some(head), 1) = (head, count) {
            let block = u128::from(head) | short(message) << 64;
            pad_and_mask(vector(block), used, &lane.key.k1)
        } else {
            pad_and_mask(last_bytes(message, used), used, &lane.key.k1)
        };
        let (first, body) = if count == 1 {
            (last, message)
        } else if let (Some(head), Some((eight, body))) = (head, message.split_first_chunk::<8>()) {
            let high = u64::from_le_bytes(*eight) as i64;
            (_mm_set_epi64x(high, head as i64), body)
        } else if let Some((sixteen, body)) = message.split_first_chunk::<16>() {
            (load(sixteen), body)
        } else {
            (last, message)
        };
        Self {
            first,
            body,
            last,
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cpu::HaveAesNi;
    use crate::kernel::x86::store;

    #[test]
    fn doubling_is_that_of_the_standard() {
        if HaveAesNi::detect().is_none() {
            return;
        }
        let mut value = 0x8001_7F80_0000_FFFF_1234_5678_9ABC_DEF1_u128;
        for _ in 0..1000 {
            let expected = super::super::double(value);
            let mut got = [0; 16];
            // SAFETY: the token proves SSSE3.
            let doubled = unsafe { double(load(&value.to_be_bytes())) };
            store(&mut got, doubled);
            assert_eq!(u128::from_be_bytes(got), expected);
            value = expected ^ expected << 70;
        }
    }
}
