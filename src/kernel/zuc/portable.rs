//! ZUC on 32-bit words with two S-boxes of 256 bytes. NOT constant-time: the tables are indexed by secrets. It is
//! for processors without an AES instruction.

use super::super::Lane;
use super::stream::{State, StreamLane};
use super::tables::{S0, S1};

const P: u64 = 0x7FFF_FFFF;

#[inline(always)]
fn boxes(w: u32) -> u32 {
    let [b0, b1, b2, b3] = w.to_le_bytes();
    u32::from_le_bytes([
        S1[usize::from(b0)],
        S0[usize::from(b1)],
        S1[usize::from(b2)],
        S0[usize::from(b3)],
    ])
}

/// The next LFSR cell, in 1..=p. Inputs are at most 2^31 - 1 each, so the sum is below 2^53.
#[inline(always)]
pub(super) fn next_cell(s: &[u32; 16], i: usize, u: u32) -> u32 {
    let cell = |j: usize| u64::from(s[(i + j) & 15]);
    let sum = (cell(15) << 15)
        + (cell(13) << 17)
        + (cell(10) << 21)
        + (cell(4) << 20)
        + (cell(0) << 8)
        + (cell(0) + u64::from(u));
    // Two folds give 1..=p: the sum is never 0, and a fold of a positive number stays positive.
    let sum = (sum & P) + (sum >> 31);
    ((sum & P) + (sum >> 31)) as u32
}

impl State {
    #[inline(always)]
    fn upper(&self, i: usize) -> u32 {
        self.s[i & 15] >> 15
    }

    #[inline(always)]
    fn lower(&self, i: usize) -> u32 {
        self.s[i & 15] & 0xFFFF
    }

    /// Bit reorganisation and F at phase `i`; returns W. `X3` is not part of it.
    #[inline(always)]
    fn f(&mut self, i: usize) -> u32 {
        let x0 = self.upper(i + 15) << 16 | self.lower(i + 14);
        let x1 = self.lower(i + 11) << 16 | self.upper(i + 9);
        let x2 = self.lower(i + 7) << 16 | self.upper(i + 5);
        let [r1, r2] = self.r;
        let w = (x0 ^ r1).wrapping_add(r2);
        let w1 = r1.wrapping_add(x1);
        let w2 = r2 ^ x2;
        let u = w1 << 16 | w2 >> 16;
        let v = w2 << 16 | w1 >> 16;
        let rol = u32::rotate_left;
        self.r = [
            boxes(u ^ rol(u, 2) ^ rol(u, 10) ^ rol(u, 18) ^ rol(u, 24)),
            boxes(v ^ rol(v, 8) ^ rol(v, 14) ^ rol(v, 22) ^ rol(v, 30)),
        ];
        w
    }

    #[inline(always)]
    fn lfsr(&mut self, i: usize, u: u32) {
        self.s[i & 15] = next_cell(&self.s, i, u);
    }

    /// 32 clocks with feedback, one without output.
    #[inline]
    fn initialise(&mut self) {
        self.ready = true;
        macro_rules! feed {
            ($($i:literal)*) => { $(
                let w = self.f($i);
                self.lfsr($i, w >> 1);
            )* };
        }
        for _ in 0..2 {
            feed!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
        self.f(0);
        self.lfsr(0, 0);
        self.s.rotate_left(1);
    }

    /// XORs four words onto up to 16 bytes.
    #[inline(always)]
    fn four_words(&mut self, i: usize, data: &mut [u8]) {
        let mut block = 0_u128;
        for j in i..i + 4 {
            let x3 = self.lower(j + 2) << 16 | self.upper(j);
            let z = self.f(j) ^ x3;
            self.lfsr(j, 0);
            block = block << 32 | u128::from(z);
        }
        if let Ok(whole) = <&mut [u8; 16]>::try_from(&mut *data) {
            *whole = (u128::from_be_bytes(*whole) ^ block).to_be_bytes();
        } else {
            super::apply(data, block.to_be_bytes());
        }
    }

    fn run(&mut self, data: &mut [u8]) {
        let mut blocks = data.chunks_mut(16);
        loop {
            macro_rules! next {
                ($phase:literal) => {
                    let Some(block) = blocks.next() else {
                        self.s.rotate_left($phase);
                        return;
                    };
                    self.four_words($phase, block);
                };
            }
            next!(0);
            next!(4);
            next!(8);
            next!(12);
        }
    }
}

/// A single lane.
pub fn one(lane: &mut Lane<'_, [u8; 16]>) {
    let mut state = State::new(lane.key, &lane.iv);
    state.initialise();
    state.run(lane.data);
}

/// One lane after the other.
pub fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes.iter_mut().for_each(one);
}

/// A single piece.
pub fn stream_one(lane: &mut StreamLane<'_>) {
    if !lane.state.ready {
        lane.state.initialise();
    }
    lane.state.run(lane.data);
}

/// One piece after the other.
pub fn stream_many(lanes: &mut [StreamLane<'_>]) {
    lanes.iter_mut().for_each(stream_one);
}
