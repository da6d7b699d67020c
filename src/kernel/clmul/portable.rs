//! Carry-less products by integer multiplication with holes: constant-time on every processor whose multiplier is.
//!
//! An operand is split into five parts that hold every fifth bit. A product of two parts counts, in each field of
//! five bits, at most 13 pairs; 13 < 32, so no count spills into the next field and the field's lowest bit is the
//! carry-less result. 25 multiplications of 64x64 bits.

use super::{Uia2Lane, WindowLane, word};

const HOLES: u64 = 0x1084_2108_4210_8421; // bits 0, 5, 10, ..., 60
const WIDE: u128 = {
    let mut mask = 0;
    let mut bit = 0;
    while bit < 128 {
        mask |= 1_u128 << bit;
        bit += 5;
    }
    mask
};

/// The carry-less product of two polynomials of degree below 64.
#[inline]
#[must_use]
pub fn product(a: u64, b: u64) -> u128 {
    let part = |v: u64, i: usize| u128::from(v & (HOLES << i));
    let mut result = 0;
    for class in 0..5 {
        let mut sum = 0;
        for i in 0..5 {
            sum ^= part(a, i).wrapping_mul(part(b, (class + 5 - i) % 5));
        }
        result ^= sum & (WIDE << class);
    }
    result
}

/// Reduces modulo x^64 + x^4 + x^3 + x + 1.
#[inline(always)]
#[must_use]
pub fn reduce(wide: u128) -> u64 {
    let high = (wide >> 64) as u64;
    let low = wide as u64;
    let over = high >> 63 ^ high >> 61 ^ high >> 60; // what the shifts below push past bit 63
    let fold = |v: u64| v ^ v << 1 ^ v << 3 ^ v << 4;
    low ^ fold(high) ^ fold(over)
}

/// A single lane of UIA2.
pub fn uia2_one(lane: &mut Uia2Lane<'_>) {
    let bits = lane.bits.min(8 * lane.message.len());
    let mut eval = 0;
    for (i, chunk) in lane.message[..bits.div_ceil(8)].chunks(8).enumerate() {
        eval = reduce(product(eval ^ word(chunk, bits - 64 * i), lane.p));
    }
    lane.eval = (reduce(product(eval ^ bits as u64, lane.q)) >> 32) as u32;
}

/// One lane after the other.
pub fn uia2_many(lanes: &mut [Uia2Lane<'_>]) {
    lanes.iter_mut().for_each(uia2_one);
}

/// The low 64 bits of the carry-less product of a polynomial of degree below 32 and one below 64: holes of four
/// bits, since at most 8 pairs meet in a field. 16 multiplications.
#[inline]
fn low_product(a: u32, b: u64) -> u64 {
    const FOURTH: u64 = 0x1111_1111_1111_1111;
    let a = u64::from(a);
    let mut result = 0;
    for class in 0..4 {
        let mut sum = 0;
        for i in 0..4 {
            sum ^= (a & FOURTH << i).wrapping_mul(b & FOURTH << ((class + 4 - i) % 4));
        }
        result ^= sum & FOURTH << class;
    }
    result
}

/// A single lane of EIA3's product, 32 message bits at a time. With the bits in reverse order, bit `i` shifts the
/// keystream words z, z' left by `i`, and the window is what then stands in the upper word.
pub fn window_one(lane: &mut WindowLane<'_>) {
    let bits = lane.covered();
    let words = lane.keystream.as_chunks::<4>().0;
    let message = lane.message[..bits.div_ceil(8)].chunks(4);
    let mut t = 0;
    for (i, (chunk, pair)) in message.zip(words.windows(2)).enumerate() {
        let reversed = (word(chunk, bits - 32 * i) >> 32) as u32;
        let [z, next] = [pair[0], pair[1]].map(u32::from_be_bytes);
        let z = u64::from(z) << 32 | u64::from(next);
        t ^= low_product(reversed.reverse_bits(), z) >> 32;
    }
    lane.t ^= t as u32;
}

/// One lane after the other.
pub fn window_many(lanes: &mut [WindowLane<'_>]) {
    lanes.iter_mut().for_each(window_one);
}
