//! Counter blocks in registers.

use crate::base::cpu::apart;
use crate::kernel::x86::{load, store};
use crate::kernel::x86_bytes::vector;
use core::arch::x86_64::*;

/// True when the last byte of the counter takes `blocks` more blocks without a carry. NAS starts at 0, so only a
/// message of more than 4096 bytes carries.
#[inline(always)]
pub(super) fn stays_in_the_last_byte(iv: &[u8; 16], blocks: usize) -> bool {
    usize::from(iv[15]).saturating_add(blocks) <= 256
}

/// The same bytes, stored at once. Who makes a lane stores its `iv` in two halves, and in a call for a single message
/// the load of all 16 bytes would wait until both are in the cache: half the time of its counter mode.
#[inline(always)]
pub(super) fn whole(iv: &[u8; 16]) -> [u8; 16] {
    let halves = u128::from_ne_bytes(*iv);
    let (low, high) = (apart(halves as usize), (halves >> 64) as i64);
    let mut bytes = [0; 16];
    // SAFETY: SSE2 is part of x86-64.
    let block = unsafe { _mm_set_epi64x(high, low as i64) };
    store(&mut bytes, block);
    bytes
}

/// Counter block `block` of a message whose first is `iv`.
#[inline(always)]
pub(super) fn counter(iv: &[u8; 16], block: usize) -> __m128i {
    let block = u128::from_be_bytes(*iv).wrapping_add(block as u128);
    vector(u128::from_le_bytes(block.to_be_bytes()))
}

/// `B` counter blocks from number `first` on.
#[inline(always)]
pub(super) fn counters<const B: usize>(iv: &[u8; 16], first: usize) -> [__m128i; B] {
    let mut blocks = [load(iv); B];
    if stays_in_the_last_byte(iv, first.saturating_add(B)) {
        for (i, block) in blocks.iter_mut().enumerate() {
            // SAFETY: SSE2 is part of x86-64.
            *block = unsafe {
                let number = _mm_slli_si128::<15>(_mm_cvtsi32_si128((first + i) as i32));
                _mm_add_epi8(*block, number)
            };
        }
    } else {
        for (i, block) in blocks.iter_mut().enumerate() {
            *block = counter(iv, first + i);
        }
    }
    blocks
}
