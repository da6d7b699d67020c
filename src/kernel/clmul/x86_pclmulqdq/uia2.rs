//! UIA2 two words at a time, without reducing between them. With V = H·x^64 + L the value so far,
//! (V + A)·P^2 + B·P = (L + A)·P^2 + H·(P^2·x^64) + B·P: three products for words A and B, and the chain from V to
//! V is one product long.

use super::super::{Uia2Lane, word};
use crate::kernel::x86::load;
use crate::kernel::x86_bytes::last_to_front;
use core::arch::x86_64::*;

/// Lanes in step: four chains hide PCLMULQDQ's latency of 3 to 7 cycles.
const GROUP: usize = 4;

/// One lane on its way.
#[derive(Clone, Copy)]
struct Chain {
    value: __m128i,
    p: __m128i,
    /// P^2 below, P^2·x^64 above.
    square: __m128i,
    /// 16 bytes for each pair but the last, inside the message.
    body: *const [u8; 16],
    pairs: usize,
    /// The last pair as bytes; there is one when `more`.
    last: __m128i,
    more: bool,
}

/// Modulo x^64 + x^4 + x^3 + x + 1, in the low half; what stands in the high half has no meaning.
#[inline]
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
fn reduce(wide: __m128i) -> __m128i {
    let poly = _mm_cvtsi64_si128(0x1B);
    let once = _mm_clmulepi64_si128::<0x01>(wide, poly); // the high half times 0x1B: 68 bits
    let twice = _mm_clmulepi64_si128::<0x01>(once, poly); // the four bits above: 8 bits
    _mm_xor_si128(_mm_xor_si128(wide, once), twice)
}

/// Words A and B from 16 bytes of the message.
#[inline]
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
fn words(bytes: __m128i) -> __m128i {
    let swap = _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
    _mm_shuffle_epi8(bytes, swap)
}

impl Chain {
    #[inline]
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    fn new(lane: &Uia2Lane<'_>) -> Self {
        let bits = lane.bits.min(8 * lane.message.len());
        let message = &lane.message[..bits.div_ceil(8)];
        let count = bits.div_ceil(64); // words
        let p = _mm_cvtsi64_si128(lane.p as i64);
        let square = reduce(_mm_clmulepi64_si128::<0x00>(p, p));
        let above = reduce(_mm_slli_si128::<8>(square));
        let square = _mm_unpacklo_epi64(square, above);
        // An odd word goes ahead of the pairs.
        let (mut value, mut body) = (_mm_setzero_si128(), message);
        if count % 2 == 1 {
            let first = match message.split_first_chunk::<8>() {
                Some((first, rest)) if count > 1 => {
                    body = rest;
                    u64::from_be_bytes(*first)
                }
                _ => {
                    body = &[];
                    word(message, bits)
                }
            };
            value = _mm_clmulepi64_si128::<0x00>(_mm_cvtsi64_si128(first as i64), p);
        }
        let pairs = body.len().saturating_sub(1) / 16;
        let used = body.len() - 16 * pairs;
        let last = match message.last_chunk::<16>() {
            Some(end) if bits.is_multiple_of(8) => last_to_front(load(end), used),
            _ => load(&rare(&body[16 * pairs..], bits)),
        };
        Self {
            value,
            p,
            square,
            body: body.as_ptr().cast(),
            pairs,
            last,
            more: !body.is_empty(),
        }
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    fn add(&mut self, bytes: __m128i) {
        let words = words(bytes);
        let low = _mm_xor_si128(self.value, _mm_move_epi64(words));
        let a = _mm_clmulepi64_si128::<0x00>(low, self.square);
        let high = _mm_clmulepi64_si128::<0x11>(self.value, self.square);
        let b = _mm_clmulepi64_si128::<0x01>(words, self.p);
        self.value = _mm_xor_si128(_mm_xor_si128(high, b), a);
    }

    /// # Safety
    /// `i` is less than `pairs`.
    #[inline]
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    unsafe fn pair(&mut self, i: usize) {
        // SAFETY: the message has 16 bytes for each of `pairs`.
        self.add(load(unsafe { &*self.body.add(i) }));
    }

    /// The pairs from `from` on, the length and Q.
    #[inline]
    #[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
    fn finish(&mut self, from: usize, lane: &mut Uia2Lane<'_>) {
        for i in from..self.pairs {
            // SAFETY: `i` is less than `pairs`.
            unsafe { self.pair(i) };
        }
        if self.more {
            self.add(self.last);
        }
        let bits = lane.bits.min(8 * lane.message.len());
        let value = _mm_xor_si128(reduce(self.value), _mm_cvtsi64_si128(bits as i64));
        let q = _mm_cvtsi64_si128(lane.q as i64);
        let eval = reduce(_mm_clmulepi64_si128::<0x00>(value, q));
        lane.eval = _mm_extract_epi32::<1>(eval) as u32;
    }
}

/// The last pair of a short message or of one that ends inside a byte: `rest` is its bytes.
#[cold]
#[inline(never)]
fn rare(rest: &[u8], bits: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..rest.len()].copy_from_slice(rest);
    if let (Some(last), false) = (rest.len().checked_sub(1), bits.is_multiple_of(8)) {
        bytes[last] &= 0xFF << (8 - bits % 8);
    }
    bytes
}

/// A single lane.
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
pub(super) fn one(lane: &mut Uia2Lane<'_>) {
    Chain::new(lane).finish(0, lane);
}

/// Any number of lanes.
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [Uia2Lane<'_>]) {
    let (groups, rest) = lanes.as_chunks_mut::<GROUP>();
    for lanes in groups {
        let [a, b, c, d] = &lanes;
        let mut chains = [Chain::new(a), Chain::new(b), Chain::new(c), Chain::new(d)];
        let mut common = usize::MAX;
        for chain in &chains {
            common = common.min(chain.pairs);
        }
        for i in 0..common {
            for chain in &mut chains {
                // SAFETY: `i` is less than `pairs` of every chain.
                unsafe { chain.pair(i) };
            }
        }
        for (chain, lane) in chains.iter_mut().zip(lanes) {
            chain.finish(common, lane);
        }
    }
    for lane in rest {
        one(lane);
    }
}
