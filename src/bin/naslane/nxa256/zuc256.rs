//! ZUC-256 with an IV of 128 bits: ZUC's core, another loading, 48 initial rounds.

use super::Keystream;
use crate::definitions::{zuc_s0, zuc_s1};

const D: [u8; 16] = [
    0x64, 0x43, 0x7B, 0x2A, 0x11, 0x05, 0x51, 0x42, 0x1A, 0x31, 0x18, 0x66, 0x14, 0x2E, 0x01, 0x5C,
];
const MODULUS: u64 = 0x7FFF_FFFF;

pub(super) struct Zuc256 {
    s: [u32; 16],
    r: [u32; 2],
    tables: [[u8; 256]; 2],
}

impl Zuc256 {
    pub(super) fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        let s = core::array::from_fn(|i| {
            let (high, middle, low) = match i {
                0..=6 => (key[i], key[16 + i], key[24 + i]),
                7 => (key[7], iv[0], iv[8]),
                8..=14 => (key[i], iv[i - 7], iv[i + 1]),
                _ => (key[15], key[23], key[31]),
            };
            u32::from(high) << 23 | u32::from(D[i]) << 16 | u32::from(middle) << 8 | u32::from(low)
        });
        let mut state = Self {
            s,
            r: [0; 2],
            tables: [zuc_s0(), zuc_s1()],
        };
        for _ in 0..48 {
            let (w, _) = state.filter();
            state.clock(w >> 1);
        }
        state.filter();
        state.clock(0);
        state
    }

    /// F's output W, and the last of the four words of the bit reorganisation.
    fn filter(&mut self) -> (u32, u32) {
        let s = &self.s;
        let (high, low) = (|x: u32| x >> 15 & 0xFFFF, |x: u32| x & 0xFFFF);
        let x = [
            high(s[15]) << 16 | low(s[14]),
            low(s[11]) << 16 | high(s[9]),
            low(s[7]) << 16 | high(s[5]),
            low(s[2]) << 16 | high(s[0]),
        ];
        let [r1, r2] = self.r;
        let w = (x[0] ^ r1).wrapping_add(r2);
        let (w1, w2) = (r1.wrapping_add(x[1]), r2 ^ x[2]);
        let mix =
            |v: u32, turns: [u32; 4]| turns.iter().fold(v, |sum, &turn| sum ^ v.rotate_left(turn));
        let u = mix(w1 << 16 | w2 >> 16, [2, 10, 18, 24]);
        let v = mix(w2 << 16 | w1 >> 16, [8, 14, 22, 30]);
        self.r = [self.substitute(u), self.substitute(v)];
        (w, x[3])
    }

    fn substitute(&self, x: u32) -> u32 {
        let [a, b, c, d] = x.to_be_bytes().map(usize::from);
        let [s0, s1] = &self.tables;
        u32::from_be_bytes([s0[a], s1[b], s0[c], s1[d]])
    }

    fn clock(&mut self, u: u32) {
        let s = self.s.map(u64::from);
        let sum = (s[15] << 15)
            + (s[13] << 17)
            + (s[10] << 21)
            + (s[4] << 20)
            + (s[0] << 8)
            + s[0]
            + u64::from(u);
        let next = match sum % MODULUS {
            0 => MODULUS,
            other => other,
        };
        self.s.rotate_left(1);
        self.s[15] = next as u32;
    }

    fn word(&mut self) -> u32 {
        let (w, x3) = self.filter();
        self.clock(0);
        w ^ x3
    }
}

impl Keystream for Zuc256 {
    fn block(&mut self) -> [u8; 16] {
        let words: [[u8; 4]; 4] = core::array::from_fn(|_| self.word().to_be_bytes());
        core::array::from_fn(|i| words[i / 4][i % 4])
    }
}
