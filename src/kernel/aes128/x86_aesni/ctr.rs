//! Counter mode: two lanes of up to four blocks a pass, or more lanes of fewer blocks, or eight blocks of one.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::Schedule;
use super::super::x86_counter::{self, counters};
use super::Rounds;
use crate::kernel::Lane;
use crate::kernel::x86::{load, store};
use crate::kernel::x86_bytes::{first_to_end, last_to_front, number, short, store_short, vector};
use core::arch::x86_64::*;

/// A lane and how many of its bytes are done.
pub(in super::super) struct Cursor<'a> {
    pub(in super::super) rounds: &'a Rounds,
    pub(in super::super) iv: &'a [u8; 16],
    pub(in super::super) data: &'a mut [u8],
    pub(in super::super) done: usize,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    pub(in super::super) fn new(lane: &'a mut Lane<'_, Schedule>) -> Self {
        Self {
            rounds: &lane.key.0,
            iv: &lane.iv,
            data: lane.data,
            done: 0,
        }
    }

    #[inline(always)]
    pub(in super::super) fn left(&self) -> usize {
        self.data.len() - self.done
    }

    /// XORs `z` onto the next bytes, as far as both go.
    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    pub(in super::super) fn apply<const B: usize>(&mut self, z: &[__m128i; B]) {
        // The lane's end as it is before this pass, for a tail of fewer than 16 bytes.
        let window = self.data.last_chunk::<16>().map(load);
        let next = self.data.len().min(self.done + 16 * B);
        let (whole, rest) = self.data[self.done..next].as_chunks_mut::<16>();
        self.done = next;
        let (count, tail) = (whole.len(), rest.len());
        for i in 0..B {
            if let Some(block) = whole.get_mut(i) {
                store(block, _mm_xor_si128(load(block), z[i]));
            }
        }
        if tail == 0 {
            return;
        }
        let Some(window) = window else {
            let text = _mm_xor_si128(vector(short(rest)), z[0]);
            return store_short(rest, number(text));
        };
        // Its keystream is the end of one block and the start of the next; when the pass starts with the tail,
        // the bytes before are done.
        for i in 0..B {
            if i == count {
                let mut text = _mm_xor_si128(window, first_to_end(z[i], tail));
                if i > 0 {
                    text = _mm_xor_si128(text, last_to_front(z[i - 1], 16 - tail));
                }
                if let Some(end) = self.data.last_chunk_mut::<16>() {
                    store(end, text);
                }
            }
        }
    }
}

/// The next `B` blocks of `L` lanes.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn pass<const L: usize, const B: usize>(lanes: &mut [Cursor<'_>; L]) {
    let mut blocks = [[_mm_setzero_si128(); B]; L];
    for l in 0..L {
        let key = load(&lanes[l].rounds[0]);
        blocks[l] = counters(lanes[l].iv, lanes[l].done / 16);
        for b in 0..B {
            blocks[l][b] = _mm_xor_si128(blocks[l][b], key);
        }
    }
    for round in 1..10 {
        for l in 0..L {
            let key = load(&lanes[l].rounds[round]);
            for b in 0..B {
                blocks[l][b] = _mm_aesenc_si128(blocks[l][b], key);
            }
        }
    }
    for l in 0..L {
        let key = load(&lanes[l].rounds[10]);
        for b in 0..B {
            blocks[l][b] = _mm_aesenclast_si128(blocks[l][b], key);
        }
    }
    for l in 0..L {
        lanes[l].apply(&blocks[l]);
    }
}

/// A single lane.
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn one(lane: &mut Lane<'_, Schedule>) {
    lane.iv = x86_counter::whole(&lane.iv);
    finish(&mut [Cursor::new(lane)]);
}

/// What is left of a lane. The cursor stays where it is: a copy would be read before its stores have landed.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn finish(lane: &mut [Cursor<'_>; 1]) {
    while lane[0].left() > 96 {
        pass::<1, 8>(lane);
    }
    match lane[0].left() {
        0 => (),
        1..=16 => pass::<1, 1>(lane),
        17..=32 => pass::<1, 2>(lane),
        33..=64 => pass::<1, 4>(lane),
        _ => pass::<1, 6>(lane),
    }
}

/// Any number of lanes.
#[target_feature(enable = "aes,ssse3,sse4.1")]
pub(super) fn many(lanes: &mut [Lane<'_, Schedule>]) {
    let (pairs, rest) = lanes.as_chunks_mut::<2>();
    for lanes in pairs {
        pair(&mut lanes.each_mut().map(Cursor::new));
    }
    for lane in rest {
        one(lane);
    }
}

/// Two short lanes go in step; two longer ones have blocks enough of their own.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn pair(lanes: &mut [Cursor<'_>; 2]) {
    match lanes[0].left().max(lanes[1].left()) {
        0..=16 => pass::<2, 1>(lanes),
        17..=32 => pass::<2, 2>(lanes),
        33..=48 => pass::<2, 3>(lanes),
        49..=64 => pass::<2, 4>(lanes),
        _ => {
            for lane in lanes {
                finish(core::array::from_mut(lane));
            }
        }
    }
}
