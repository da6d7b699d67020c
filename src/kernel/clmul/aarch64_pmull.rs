//! Carry-less products by PMULL of the AES extension, 64 bits by 64.

use super::super::aarch64::load;
use super::{Uia2Lane, WindowLane, portable, word};
use crate::base::cpu::HaveAes;
use core::arch::aarch64::*;

const GROUP: usize = 4; // Horner's chain is three PMULL long, about 10 cycles; four chains of three fill them

pub(super) fn available() -> bool {
    HaveAes::detect().is_some()
}

/// A single lane of UIA2.
pub(super) fn uia2_one(lane: &mut Uia2Lane<'_>) {
    match HaveAes::detect() {
        // SAFETY: the token proves PMULL.
        Some(_) => unsafe { eval::<1>(core::slice::from_mut(lane)) },
        None => portable::uia2_one(lane),
    }
}

/// Any number of lanes of UIA2.
pub(super) fn uia2_many(lanes: &mut [Uia2Lane<'_>]) {
    if HaveAes::detect().is_none() {
        return portable::uia2_many(lanes);
    }
    for group in lanes.chunks_mut(GROUP) {
        // SAFETY: the token above proves PMULL.
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
    match HaveAes::detect() {
        // SAFETY: the token proves PMULL.
        Some(_) => unsafe { window(lane) },
        None => portable::window_one(lane),
    }
}

/// One lane after the other: a lane's products do not wait for each other, so lanes overlap by themselves.
pub(super) fn window_many(lanes: &mut [WindowLane<'_>]) {
    if HaveAes::detect().is_none() {
        return portable::window_many(lanes);
    }
    for lane in lanes {
        // SAFETY: the token above proves PMULL.
        unsafe { window(lane) }
    }
}

/// The product of the low halves.
#[inline]
#[target_feature(enable = "aes")]
fn low(a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
    vreinterpretq_u64_p128(vmull_p64(vgetq_lane_u64::<0>(a), vgetq_lane_u64::<0>(b)))
}

/// The product of the high halves.
#[inline]
#[target_feature(enable = "aes")]
fn high(a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
    let product = vmull_high_p64(vreinterpretq_p64_u64(a), vreinterpretq_p64_u64(b));
    vreinterpretq_u64_p128(product)
}

/// (a + b)·c modulo x^64 + x^4 + x^3 + x + 1; operands and result in the low half.
#[inline]
#[target_feature(enable = "aes")]
fn step(a: uint64x2_t, b: u64, c: uint64x2_t) -> uint64x2_t {
    let poly = vdupq_n_u64(0x1B);
    let wide = low(veorq_u64(a, vdupq_n_u64(b)), c);
    let once = high(wide, poly); // high half times 0x1B: 68 bits
    let twice = high(once, poly); // the four bits above: 8 bits
    veorq_u64(veorq_u64(wide, once), twice)
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

/// Up to `N` lanes in step. A lane that has ended keeps its value; a place without a lane repeats the first.
#[target_feature(enable = "aes")]
fn eval<const N: usize>(lanes: &mut [Uia2Lane<'_>]) {
    let Some(first) = lanes.first() else { return };
    let mut words = [Words::new(first); N];
    let mut p = [vdupq_n_u64(first.p); N];
    for ((words, p), lane) in words.iter_mut().zip(&mut p).zip(lanes.iter()) {
        *words = Words::new(lane);
        *p = vdupq_n_u64(lane.p);
    }
    let mut values = [vdupq_n_u64(0); N];
    // Every lane has words before its last up to here.
    let common = words.iter().map(|lane| lane.count).min().unwrap_or(0);
    let common = common.saturating_sub(1);
    let whole = words.each_ref().map(|lane| lane.message.as_chunks::<8>().0);
    for i in 0..common {
        for ((value, p), words) in values.iter_mut().zip(&p).zip(&whole) {
            *value = step(*value, u64::from_be_bytes(words[i]), *p);
        }
    }
    let steps = words.iter().map(|lane| lane.count).max().unwrap_or(0);
    for i in common..steps {
        for ((value, p), words) in values.iter_mut().zip(&p).zip(&words) {
            let next = step(*value, words.word(i), *p);
            if i < words.count {
                *value = next;
            }
        }
    }
    for ((value, lane), words) in values.into_iter().zip(lanes).zip(words) {
        let value = step(value, words.bits as u64, vdupq_n_u64(lane.q));
        lane.eval = (vgetq_lane_u64::<0>(value) >> 32) as u32;
    }
}

/// 128 message bits at a time. A word M of the message, its bits reversed, times two keystream words z, z' gives
/// its share of T in bits 32..64 of the product; the four products are added before that word is taken out.
#[target_feature(enable = "aes")]
fn window(lane: &mut WindowLane<'_>) {
    let bits = lane.covered();
    let (blocks, _) = lane.message[..bits / 8].as_chunks::<16>();
    let mut sum = vdupq_n_u64(0);
    let mut z = lane.keystream;
    for block in blocks {
        let Some((five, _)) = z.split_first_chunk::<20>() else {
            return;
        };
        sum = veorq_u64(sum, share(block, five));
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
        sum = veorq_u64(sum, share(&block, &five));
    }
    lane.t ^= (vgetq_lane_u64::<0>(sum) >> 32) as u32;
}

/// The sum of the four products of 128 message bits and the five keystream words from their first bit on.
#[inline]
#[target_feature(enable = "aes")]
fn share(message: &[u8; 16], keystream: &[u8; 20]) -> uint64x2_t {
    let (Some(z), Some(next)) = (keystream.first_chunk(), keystream.last_chunk()) else {
        return vdupq_n_u64(0);
    };
    // Bits reversed in each byte; the bytes of a word then stand in the right order for a little-endian lane:
    // message bit i of the word is bit i.
    let m = vreinterpretq_u64_u8(vrbitq_u8(load(message)));
    // Words m0 m1 m2 m3 each alone in a 64-bit half: (m0, m2) and (m1, m3).
    let even = vandq_u64(m, vdupq_n_u64(0xFFFF_FFFF));
    let odd = vshrq_n_u64::<32>(m);
    // Big-endian halves are pairs zi << 32 | zi+1: (0, 2) and, four bytes on, (1, 3).
    let even_z = vreinterpretq_u64_u8(vrev64q_u8(load(z)));
    let odd_z = vreinterpretq_u64_u8(vrev64q_u8(load(next)));
    let a = veorq_u64(low(even, even_z), high(even, even_z));
    let b = veorq_u64(low(odd, odd_z), high(odd, odd_z));
    veorq_u64(a, b)
}
