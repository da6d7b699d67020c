//! EIA3's product, 128 message bits at a time. Let M be 64 message bits, the first in bit 0, and z0, z1, z2 the
//! keystream words from the first bit on. Its share of T stands in bits 64..96 of M·(z0, z1, z2), that is in bits
//! 32..64 of M·(z0, z1) and bits 64..96 of M·z2. The products are added before those bits are taken out.

use super::super::{WindowLane, word};
use crate::kernel::x86::load;
use crate::kernel::x86_bytes::first_to_end;
use core::arch::x86_64::*;

/// The sums of the products with (z0, z1) and with z2.
struct Sums {
    pair: __m128i,
    third: __m128i,
}

impl Sums {
    /// Adds 128 message bits; `z` begins at the first of them and `next` four bytes later.
    #[inline]
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    fn add(&mut self, message: __m128i, z: __m128i, next: __m128i) {
        // Bits reversed in each byte by nibbles: then message bit i is bit i of the little-endian half.
        let reversed_nibbles = _mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
        let shifted = _mm_slli_epi16::<4>(reversed_nibbles);
        let low = _mm_set1_epi8(15);
        let m = _mm_xor_si128(
            _mm_shuffle_epi8(shifted, _mm_and_si128(message, low)),
            _mm_shuffle_epi8(
                reversed_nibbles,
                _mm_and_si128(_mm_srli_epi16::<4>(message), low),
            ),
        );
        let swap = _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
        let z = _mm_shuffle_epi8(z, swap);
        // z2 and z4 are the second and fourth word of `next`.
        let swap = _mm_setr_epi8(7, 6, 5, 4, -1, -1, -1, -1, 15, 14, 13, 12, -1, -1, -1, -1);
        let third = _mm_shuffle_epi8(next, swap);
        let low = _mm_clmulepi64_si128::<0x00>(m, z);
        let high = _mm_clmulepi64_si128::<0x11>(m, z);
        self.pair = _mm_xor_si128(self.pair, _mm_xor_si128(low, high));
        let low = _mm_clmulepi64_si128::<0x00>(m, third);
        let high = _mm_clmulepi64_si128::<0x11>(m, third);
        self.third = _mm_xor_si128(self.third, _mm_xor_si128(low, high));
    }
}

/// The last bits of a short message, or of one that ends inside a byte, and their keystream, both from byte `from`
/// on, zeros behind: bits that are 0 contribute nothing.
#[cold]
#[inline(never)]
fn rare(lane: &WindowLane<'_>, from: usize, bits: usize) -> [[u8; 16]; 3] {
    let (mut block, mut five) = ([0; 16], [0; 20]);
    let rest = &lane.message[from..bits.div_ceil(8)];
    for (i, (to, part)) in block.chunks_mut(8).zip(rest.chunks(8)).enumerate() {
        to.copy_from_slice(&word(part, bits - 8 * from - 64 * i).to_be_bytes());
    }
    let z = &lane.keystream[from..];
    let some = z.len().min(20);
    five[..some].copy_from_slice(&z[..some]);
    let part = |at: usize| core::array::from_fn(|i| five[at + i]);
    [block, part(0), part(4)]
}

/// A single lane.
#[inline]
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
pub(super) fn one(lane: &mut WindowLane<'_>) {
    let bits = lane.covered();
    let zero = _mm_setzero_si128();
    let mut sums = Sums {
        pair: zero,
        third: zero,
    };
    let len = bits / 8;
    // `covered` left at least `4 * ceil(bits / 32) + 4` bytes of keystream, so 20 from every block on.
    let (message, z) = (lane.message.as_ptr(), lane.keystream.as_ptr());
    // SAFETY: `at + 16` is at most `len`, and `at + 20` at most `len + 4`.
    let block = |at: usize| unsafe {
        (
            _mm_loadu_si128(message.add(at).cast()),
            _mm_loadu_si128(z.add(at).cast()),
            _mm_loadu_si128(z.add(at + 4).cast()),
        )
    };
    let mut done = 0;
    while done + 16 <= len {
        let (m, z, next) = block(done);
        sums.add(m, z, next);
        done += 16;
    }
    if done < len && len >= 16 && bits.is_multiple_of(8) {
        // The last 16 bytes, those already done cleared.
        let (m, z, next) = block(len - 16);
        let fresh = first_to_end(_mm_set1_epi8(-1), len - done);
        sums.add(_mm_and_si128(m, fresh), z, next);
    } else if 8 * done < bits {
        let [m, z, next] = rare(lane, done, bits);
        sums.add(load(&m), load(&z), load(&next));
    }
    let t = _mm_extract_epi32::<1>(sums.pair) ^ _mm_extract_epi32::<2>(sums.third);
    lane.t ^= t as u32;
}

/// One lane after the other: a lane's products do not wait for each other, so lanes overlap by themselves.
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [WindowLane<'_>]) {
    for lane in lanes {
        one(lane);
    }
}
