//! Carry-less products by PCLMULQDQ.

use super::super::x86::load;
use super::{Uia2Lane, WindowLane, portable, word};
use crate::base::cpu::HavePclmul;
use core::arch::x86_64::*;

const GROUP: usize = 4; // Horner's chain is three PCLMULQDQ long, about 10 cycles; four chains hide it

pub(super) fn available() -> bool {
    HavePclmul::detect().is_some()
}

/// A single lane of UIA2.
pub(super) fn uia2_one(lane: &mut Uia2Lane<'_>) {
    match HavePclmul::detect() {
        // SAFETY: the token proves PCLMULQDQ, SSSE3 and SSE4.1.
        Some(_) => unsafe { eval::<1>(core::slice::from_mut(lane)) },
        None => portable::uia2_one(lane),
    }
}

/// Any number of lanes of UIA2.
pub(super) fn uia2_many(lanes: &mut [Uia2Lane<'_>]) {
    if HavePclmul::detect().is_none() {
        return portable::uia2_many(lanes);
    }
    for group in lanes.chunks_mut(GROUP) {
        // SAFETY: the token above proves PCLMULQDQ, SSSE3 and SSE4.1.
        unsafe {
            match group.len() {
                1 => eval::<1>(group),
                _ => eval::<GROUP>(group),
            }
        }
    }
}

/// A single lane of EIA3's product.
pub(super) fn window_one(lane: &mut WindowLane<'_>) {
    match HavePclmul::detect() {
        // SAFETY: the token proves PCLMULQDQ, SSSE3 and SSE4.1.
        Some(_) => unsafe { window(lane) },
        None => portable::window_one(lane),
    }
}

/// One lane after the other: a lane's products do not wait for each other, so lanes overlap by themselves.
pub(super) fn window_many(lanes: &mut [WindowLane<'_>]) {
    if HavePclmul::detect().is_none() {
        return portable::window_many(lanes);
    }
    for lane in lanes {
        // SAFETY: the token above proves PCLMULQDQ, SSSE3 and SSE4.1.
        unsafe { window(lane) }
    }
}

/// (a + b)·c modulo x^64 + x^4 + x^3 + x + 1; operands and result in the low half.
#[inline]
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
fn step(a: __m128i, b: u64, c: __m128i) -> __m128i {
    let a = _mm_xor_si128(a, _mm_cvtsi64_si128(b as i64));
    let poly = _mm_cvtsi64_si128(0x1B);
    let wide = _mm_clmulepi64_si128::<0x00>(a, c);
    let once = _mm_clmulepi64_si128::<0x01>(wide, poly); // high half times 0x1B: 68 bits
    let twice = _mm_clmulepi64_si128::<0x01>(once, poly); // the four bits above: 8 bits
    _mm_xor_si128(_mm_xor_si128(wide, once), twice)
}

/// The words of one lane.
#[derive(Clone, Copy)]
struct Words<'a> {
    message: &'a [u8],
    bits: usize,
    count: usize,
}

impl<'a> Words<'a> {
    #[inline(always)]
    fn new(lane: &Uia2Lane<'a>) -> Self {
        let bits = lane.bits.min(8 * lane.message.len());
        Self {
            message: &lane.message[..bits.div_ceil(8)],
            bits,
            count: bits.div_ceil(64),
        }
    }

    #[inline(always)]
    fn word(&self, i: usize) -> u64 {
        match self.message.as_chunks::<8>().0.get(i) {
            Some(whole) if i + 1 < self.count => u64::from_be_bytes(*whole),
            _ => self
                .message
                .get(8 * i..)
                .map_or(0, |rest| word(rest, self.bits.saturating_sub(64 * i))),
        }
    }
}

/// Up to `N` lanes in step. A lane that has ended keeps its value.
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
fn eval<const N: usize>(lanes: &mut [Uia2Lane<'_>]) {
    let none = Words {
        message: &[],
        bits: 0,
        count: 0,
    };
    let words: [Words<'_>; N] = core::array::from_fn(|i| lanes.get(i).map_or(none, Words::new));
    let factor = |x: Option<u64>| _mm_cvtsi64_si128(x.unwrap_or(0) as i64);
    let p: [__m128i; N] = core::array::from_fn(|i| factor(lanes.get(i).map(|lane| lane.p)));
    let mut values = [_mm_setzero_si128(); N];
    let steps = words.iter().map(|lane| lane.count).max().unwrap_or(0);
    for i in 0..steps {
        for k in 0..N {
            let next = step(values[k], words[k].word(i), p[k]);
            if i < words[k].count {
                values[k] = next;
            }
        }
    }
    for ((value, lane), words) in values.into_iter().zip(lanes).zip(words) {
        let value = step(value, words.bits as u64, factor(Some(lane.q)));
        lane.eval = _mm_extract_epi32::<1>(value) as u32;
    }
}

/// 128 message bits at a time. A word M of the message, its bits reversed, times two keystream words z, z' gives
/// its share of T in bits 32..64 of the product; the four products are added before that word is taken out.
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
fn window(lane: &mut WindowLane<'_>) {
    let bits = lane.covered();
    let (blocks, _) = lane.message[..bits / 8].as_chunks::<16>();
    let mut sum = _mm_setzero_si128();
    let mut z = lane.keystream;
    for block in blocks {
        let Some((five, _)) = z.split_first_chunk::<20>() else {
            return;
        };
        sum = _mm_xor_si128(sum, share(block, five));
        z = &z[16..];
    }
    let done = 128 * blocks.len();
    if done < bits {
        // A copy of the tail: message bits past the end are 0, and so contribute nothing.
        let (mut block, mut five) = ([0; 16], [0; 20]);
        let rest = &lane.message[done / 8..bits.div_ceil(8)];
        for (i, (to, from)) in block.chunks_mut(8).zip(rest.chunks(8)).enumerate() {
            to.copy_from_slice(&word(from, bits - done - 64 * i).to_be_bytes());
        }
        let some = z.len().min(20);
        five[..some].copy_from_slice(&z[..some]);
        sum = _mm_xor_si128(sum, share(&block, &five));
    }
    lane.t ^= _mm_extract_epi32::<1>(sum) as u32;
}

/// The sum of the four products of 128 message bits and the five keystream words from their first bit on.
#[inline]
#[target_feature(enable = "pclmulqdq,ssse3,sse4.1")]
fn share(message: &[u8; 16], keystream: &[u8; 20]) -> __m128i {
    let (z, _) = keystream.split_at(16);
    let (_, last) = keystream.split_at(4);
    let (Ok(z), Ok(last)) = (z.try_into(), last.try_into()) else {
        return _mm_setzero_si128();
    };
    // Bits reversed in each byte by nibbles; the bytes of a word then stand in the right order for a
    // little-endian lane: message bit i of the word is bit i.
    let reversed_nibbles = _mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
    let low = _mm_set1_epi8(15);
    let message = load(message);
    let high_part = _mm_shuffle_epi8(reversed_nibbles, _mm_and_si128(message, low));
    let low_part = _mm_shuffle_epi8(
        reversed_nibbles,
        _mm_and_si128(_mm_srli_epi16::<4>(message), low),
    );
    let m = _mm_or_si128(_mm_slli_epi16::<4>(high_part), low_part);
    // Words m0 m1 m2 m3 each alone in a 64-bit half: (m0, m2) and (m1, m3).
    let even = _mm_and_si128(m, _mm_set1_epi64x(0xFFFF_FFFF));
    let odd = _mm_srli_epi64::<32>(m);
    // z0..z3 and z1..z4 as words; pairs (zi << 32 | zi+1) in 64-bit halves: (i, i + 2).
    let swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    let z = _mm_shuffle_epi8(load(z), swap);
    let next = _mm_shuffle_epi8(load(last), swap);
    let even_z = _mm_shuffle_epi32::<0b10_11_00_01>(z); // z1 z0 | z3 z2
    let odd_z = _mm_shuffle_epi32::<0b10_11_00_01>(next); // z2 z1 | z4 z3
    let a = _mm_xor_si128(
        _mm_clmulepi64_si128::<0x00>(even, even_z),
        _mm_clmulepi64_si128::<0x11>(even, even_z),
    );
    let b = _mm_xor_si128(
        _mm_clmulepi64_si128::<0x00>(odd, odd_z),
        _mm_clmulepi64_si128::<0x11>(odd, odd_z),
    );
    _mm_xor_si128(a, b)
}
