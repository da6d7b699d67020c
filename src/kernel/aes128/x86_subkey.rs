//! CMAC's subkeys and last block in a register.

use super::CmacLane;
use crate::kernel::x86::load;
use crate::kernel::x86_bytes::last_to_front;
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

/// The blocks of one CMAC lane: `first`, `between` whole ones from `body` on, then `last`, padded and masked. A
/// lane of one block has that in `first` and no `last`.
pub(super) struct Blocks {
    pub(super) first: __m128i,
    pub(super) last: __m128i,
    /// 16 bytes for each block between, inside the lane's message.
    pub(super) body: *const u8,
    pub(super) between: usize,
    /// All blocks, 1 at least.
    pub(super) count: usize,
}

impl Blocks {
    /// Takes a lane apart. Always inline: returned through memory it would be read before its stores have landed.
    ///
    /// # Safety
    /// The processor has SSSE3 and SSE4.1. `body` is good while the lane's message is.
    #[inline(always)]
    pub(super) unsafe fn new(lane: &CmacLane<'_>) -> Self {
        let len = lane.covered() / 8;
        let message = lane.message.as_ptr();
        match lane.head {
            // SAFETY: the message has `len` bytes, 16 at least. Of them the first 8 and the last 16 are read. The
            // last block has `used` <= 16 bytes; the tables are read from places up to 31 and 15 of 48 and 32.
            Some(head) if len >= 16 && lane.covered().is_multiple_of(8) => unsafe {
                let between = (len - 9) / 16;
                let used = (len - 9) % 16 + 1;
                let eight = message.cast::<i64>().read_unaligned();
                let end = _mm_loadu_si128(message.add(len - 16).cast());
                let k1 = load(&lane.key.k1);
                let last = if used == 16 {
                    _mm_xor_si128(end, k1)
                } else {
                    let end = last_to_front(end, used);
                    let padding = _mm_loadu_si128(PADDING.as_ptr().add(16 - used).cast());
                    _mm_xor_si128(_mm_xor_si128(end, padding), double(k1))
                };
                Self {
                    first: _mm_set_epi64x(eight, i64::from_le_bytes(head)),
                    last,
                    body: message.add(8),
                    between,
                    count: between + 2,
                }
            },
            _ => {
                let mut ends = [[0; 16]; 2];
                let (body, count) = rare(lane, &mut ends);
                Self {
                    first: load(&ends[0]),
                    last: load(&ends[1]),
                    body: body.as_ptr().cast(),
                    between: body.len(),
                    count,
                }
            }
        }
    }
}

/// Lanes without a head, of few bytes, or of a length that is not whole bytes: fills in the first block and the
/// last, and gives the blocks between and the number of all.
#[cold]
#[inline(never)]
fn rare<'a>(lane: &CmacLane<'a>, ends: &mut [[u8; 16]; 2]) -> (&'a [[u8; 16]], usize) {
    let (end, block) = lane.last();
    let [first, last] = ends;
    *last = block.to_be_bytes();
    let mut body = &lane.message[..end];
    if let (Some(head), Some((eight, rest))) = (lane.head, body.split_first_chunk()) {
        let high = u128::from(u64::from_le_bytes(*eight)) << 64;
        *first = (high | u128::from(u64::from_le_bytes(head))).to_le_bytes();
        body = rest;
    } else if let Some((sixteen, rest)) = body.split_first_chunk() {
        *first = *sixteen;
        body = rest;
    } else {
        *first = *last;
        return (&[], 1);
    }
    let between = body.as_chunks().0;
    (between, between.len() + 2)
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
