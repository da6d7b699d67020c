//! SNOW 3G on 32-bit words with four tables of 1 KiB. NOT constant-time: the tables are indexed by secrets. It is
//! for processors without an AES instruction, and the reference of the other rows.

use super::super::Lane;
use super::tables::{DIV_ALPHA, MUL_ALPHA, S1, S2};
use zeroize::Zeroize;

/// The generator. The LFSR is a ring: at phase `i`, s0 is `s[i]`.
struct Generator {
    s: [u32; 16],
    r: [u32; 3],
}

#[inline(always)]
pub(super) fn word_box(table: &[u32; 256], w: u32) -> u32 {
    let [b0, b1, b2, b3] = w.to_le_bytes();
    table[usize::from(b0)]
        ^ table[usize::from(b1)].rotate_left(8)
        ^ table[usize::from(b2)].rotate_left(16)
        ^ table[usize::from(b3)].rotate_left(24)
}

/// Runs `$clock!(phase)` for four phases from `$from` on.
macro_rules! four {
    ($clock:ident, $from:literal) => {
        $clock!($from);
        $clock!($from + 1);
        $clock!($from + 2);
        $clock!($from + 3);
    };
}

impl Generator {
    /// Loaded, clocked 32 times with feedback and once without output.
    #[inline]
    fn new(key: &[u8; 16], iv: &[u8; 16]) -> Self {
        let word = |bytes: &[u8; 16], i: usize| {
            let at = 12 - 4 * i; // the last word of the block is word 0
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let [k0, k1, k2, k3] = [0, 1, 2, 3].map(|i| word(key, i));
        let [iv0, iv1, iv2, iv3] = [0, 1, 2, 3].map(|i| word(iv, i));
        let mut generator = Self {
            s: [
                !k0,
                !k1,
                !k2,
                !k3,
                k0,
                k1,
                k2,
                k3,
                !k0,
                !k1 ^ iv3,
                !k2 ^ iv2,
                !k3,
                k0 ^ iv1,
                k1,
                k2,
                k3 ^ iv0,
            ],
            r: [0; 3],
        };
        macro_rules! feed {
            ($i:expr) => {
                let f = generator.fsm($i);
                generator.lfsr($i, f);
            };
        }
        for _ in 0..2 {
            four!(feed, 0);
            four!(feed, 4);
            four!(feed, 8);
            four!(feed, 12);
        }
        generator.fsm(0);
        generator.lfsr(0, 0);
        generator.s.rotate_left(1);
        generator
    }

    /// Clocks the finite state machine and returns F.
    #[inline(always)]
    fn fsm(&mut self, i: usize) -> u32 {
        let [r1, r2, r3] = self.r;
        let f = self.s[(i + 15) & 15].wrapping_add(r1) ^ r2;
        let r = r2.wrapping_add(r3 ^ self.s[(i + 5) & 15]);
        self.r = [r, word_box(&S1, r1), word_box(&S2, r2)];
        f
    }

    /// Clocks the LFSR; `f` is 0 in keystream mode.
    #[inline(always)]
    fn lfsr(&mut self, i: usize, f: u32) {
        let s0 = self.s[i & 15];
        let s11 = self.s[(i + 11) & 15];
        self.s[i & 15] = (s0 << 8)
            ^ MUL_ALPHA[(s0 >> 24) as usize]
            ^ self.s[(i + 2) & 15]
            ^ (s11 >> 8)
            ^ DIV_ALPHA[(s11 & 0xFF) as usize]
            ^ f;
    }

    /// XORs four words onto up to 16 bytes.
    #[inline(always)]
    fn four_words(&mut self, i: usize, data: &mut [u8]) {
        let mut block = 0_u128;
        for j in 0..4 {
            let z = self.fsm(i + j) ^ self.s[(i + j) & 15];
            self.lfsr(i + j, 0);
            block = block << 32 | u128::from(z);
        }
        if let Ok(whole) = <&mut [u8; 16]>::try_from(&mut *data) {
            *whole = (u128::from_be_bytes(*whole) ^ block).to_be_bytes();
        } else {
            for (byte, z) in data.iter_mut().zip(block.to_be_bytes()) {
                *byte ^= z;
            }
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.s.zeroize();
        self.r.zeroize();
    }
}

/// A single lane.
pub fn one(lane: &mut Lane<'_, [u8; 16]>) {
    let mut generator = Generator::new(lane.key, &lane.iv);
    let mut blocks = lane.data.chunks_mut(16);
    loop {
        macro_rules! next {
            ($phase:literal) => {
                let Some(block) = blocks.next() else { return };
                generator.four_words($phase, block);
            };
        }
        next!(0);
        next!(4);
        next!(8);
        next!(12);
    }
}

/// One lane after the other.
pub fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes.iter_mut().for_each(one);
}
