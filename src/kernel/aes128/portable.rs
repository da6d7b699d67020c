//! Key expansion without tables: the S-box of four bytes at a time by arithmetic in GF(2^8), constant-time.

use super::{ExpandLane, Schedule, double};
use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt, KeyInit},
};

const ONES: u32 = 0x0101_0101;

/// Multiplies byte by byte modulo x^8 + x^4 + x^3 + x + 1.
fn multiply(mut a: u32, b: u32) -> u32 {
    let mut result = 0;
    for bit in 0..8 {
        result ^= a & ((b >> bit & ONES) * 0xFF);
        a = ((a & 0x7F7F_7F7F) << 1) ^ ((a >> 7 & ONES) * 0x1B);
    }
    result
}

fn power_of_two(mut x: u32, squarings: u32) -> u32 {
    for _ in 0..squarings {
        x = multiply(x, x);
    }
    x
}

/// SubWord of FIPS 197, 5.2.
fn sub_word(x: u32) -> u32 {
    // x^254 = x^240 x^12 x^2
    let x2 = power_of_two(x, 1);
    let x3 = multiply(x2, x);
    let x12 = power_of_two(x3, 2);
    let x240 = power_of_two(multiply(x12, x3), 4);
    let inverse = multiply(multiply(x240, x12), x2);
    let rotate = |by: u32| {
        let kept = ONES * (0xFF << by & 0xFF);
        (inverse << by & kept) | (inverse >> (8 - by) & !kept)
    };
    inverse ^ rotate(1) ^ rotate(2) ^ rotate(3) ^ rotate(4) ^ (ONES * 0x63)
}

fn expand(schedule: &mut Schedule) {
    let mut words = [0_u32; 4];
    for (word, bytes) in words.iter_mut().zip(schedule.0[0].as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    const CONSTANTS: [u8; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36];
    for (round, constant) in schedule.0[1..].iter_mut().zip(CONSTANTS) {
        words[0] ^= sub_word(words[3].rotate_left(8)) ^ u32::from(constant) << 24;
        words[1] ^= words[0];
        words[2] ^= words[1];
        words[3] ^= words[2];
        for (bytes, word) in round.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *bytes = word.to_be_bytes();
        }
    }
}

/// A single key.
pub(super) fn one(lane: &mut ExpandLane<'_>) {
    expand(&mut lane.key.schedule);
    let mut block = [0; 16].into();
    Aes128::new(lane.key.schedule.key().into()).encrypt_block(&mut block);
    lane.key.k1 = double(u128::from_be_bytes(block.into())).to_be_bytes();
}

/// One key after the other.
pub(super) fn many(lanes: &mut [ExpandLane<'_>]) {
    lanes.iter_mut().for_each(one);
}
