//! SNOW 5G: the structure of SNOW-Vi with additions on 16-bit words. Everything is little-endian.

use super::Keystream;
use crate::definitions::{aes_s, product};

pub(super) struct Snow5g {
    a: [u16; 16],
    b: [u16; 16],
    r: [[u8; 16]; 3],
    s: [u8; 256],
}

/// Eight 16-bit additions.
fn add(x: [u8; 16], y: [u8; 16]) -> [u8; 16] {
    octets(core::array::from_fn(|i| {
        let word = |v: [u8; 16]| u16::from_le_bytes([v[2 * i], v[2 * i + 1]]);
        word(x).wrapping_add(word(y))
    }))
}

fn xor(x: [u8; 16], y: [u8; 16]) -> [u8; 16] {
    core::array::from_fn(|i| x[i] ^ y[i])
}

fn octets(words: [u16; 8]) -> [u8; 16] {
    core::array::from_fn(|i| words[i / 2].to_le_bytes()[i % 2])
}

fn words(octets: &[u8]) -> [u16; 8] {
    core::array::from_fn(|i| u16::from_le_bytes([octets[2 * i], octets[2 * i + 1]]))
}

fn upper(register: &[u16; 16]) -> [u8; 16] {
    octets(core::array::from_fn(|i| register[8 + i]))
}

impl Snow5g {
    pub(super) fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        let mut a = [0; 16];
        let mut b = [0; 16];
        a[..8].copy_from_slice(&words(iv));
        a[8..].copy_from_slice(&words(&key[..16]));
        b[8..].copy_from_slice(&words(&key[16..]));
        let mut state = Self {
            a,
            b,
            r: [[0; 16]; 3],
            s: aes_s(),
        };
        for round in 1..=16 {
            let z = words(&state.block());
            for (cell, z) in state.a[8..].iter_mut().zip(z) {
                *cell ^= z;
            }
            let half = match round {
                15 => &key[..16],
                16 => &key[16..],
                _ => continue,
            };
            state.r[0] = core::array::from_fn(|i| state.r[0][i] ^ half[i]);
        }
        state
    }

    /// SubBytes, ShiftRows, MixColumns with a zero round key (FIPS 197, 5.1).
    fn round(&self, x: [u8; 16]) -> [u8; 16] {
        let shifted: [u8; 16] =
            core::array::from_fn(|i| self.s[usize::from(x[(i + 4 * (i % 4)) % 16])]);
        core::array::from_fn(|i| {
            let (column, row) = (i / 4 * 4, i % 4);
            let at = |k: usize| shifted[column + (row + k) % 4];
            product(at(0), 2, 0x11B) ^ product(at(1), 3, 0x11B) ^ at(2) ^ at(3)
        })
    }

    fn clock(&mut self) {
        for _ in 0..8 {
            let (a, b) = (&mut self.a, &mut self.b);
            let double = |x: u16, low: u16| x << 1 ^ if x & 0x8000 == 0 { 0 } else { low };
            let new_a = double(a[0], 0x4A6D) ^ b[0] ^ a[7];
            let new_b = double(b[0], 0xCC87) ^ a[0] ^ b[8];
            a.rotate_left(1);
            b.rotate_left(1);
            a[15] = new_a;
            b[15] = new_b;
        }
    }
}

impl Keystream for Snow5g {
    fn block(&mut self) -> [u8; 16] {
        let (t1, t2) = (upper(&self.b), upper(&self.a));
        let [r1, r2, r3] = self.r;
        let z = xor(add(t1, r1), r2);
        let sum = add(r2, xor(r3, t2));
        let transposed = core::array::from_fn(|i| sum[4 * (i % 4) + i / 4]);
        self.r = [transposed, self.round(r1), self.round(r2)];
        self.clock();
        z
    }
}
