//! CMAC's subkeys and last block in a register.

use super::CmacLane;
use crate::kernel::x86::load;
use crate::kernel::x86_bytes::{last_bytes, vector};
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

/// The blocks of one CMAC lane: `first`, then those returned, then `last`, which is padded and masked. `None`:
/// there is one block in all, and both are that. Two places and a slice, because a struct of all three comes
/// back through memory and is read before its stores have landed.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) fn blocks<'a>(
    lane: &CmacLane<'a>,
    first: &mut __m128i,
    last: &mut __m128i,
) -> Option<&'a [[u8; 16]]> {
    let bits = lane.covered();
    let message = &lane.message[..bits.div_ceil(8)];
    let whole = bits.is_multiple_of(8);
    if let (Some(head), Some((eight, body)), true) = (lane.head, message.split_first_chunk(), whole)
        && !body.is_empty()
    {
        let (head, eight) = (u64::from_le_bytes(head), u64::from_le_bytes(*eight));
        *first = _mm_set_epi64x(eight as i64, head as i64);
        let between = (body.len() - 1) / 16;
        let used = body.len() - 16 * between;
        *last = pad_and_mask(last_bytes(message, used), used, &lane.key.k1);
        return Some(&body.as_chunks().0[..between]);
    }
    rare(lane, message, first, last)
}

/// Lanes without a head, of one block, or of a length that is not whole bytes.
fn rare<'a>(
    lane: &CmacLane<'a>,
    message: &'a [u8],
    first: &mut __m128i,
    last: &mut __m128i,
) -> Option<&'a [[u8; 16]]> {
    let (end, block) = lane.last();
    *last = vector(u128::from_le_bytes(block.to_be_bytes()));
    let body = &message[..end];
    if let (Some(head), Some((eight, body))) = (lane.head, body.split_first_chunk()) {
        let high = u128::from(u64::from_le_bytes(*eight)) << 64;
        *first = vector(high | u128::from(u64::from_le_bytes(head)));
        return Some(body.as_chunks().0);
    }
    if let Some((sixteen, body)) = body.split_first_chunk() {
        *first = load(sixteen);
        return Some(body.as_chunks().0);
    }
    *first = *last;
    None
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
