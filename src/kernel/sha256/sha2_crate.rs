//! The compression of the `sha2` crate with the pads shared: what is left to gain without a vector of many lanes.

use super::narrow::{self, Engine};
use super::words::{Block, H, K};
use super::{PairLane, ShortLane};
use sha2::block_api::compress256;

/// The crate picks SHA extensions itself.
#[derive(Clone, Copy)]
struct Crate;

impl Engine for Crate {
    type State = [u32; 8];

    fn start(self) -> [u32; 8] {
        H
    }

    fn compress<const N: usize>(self, states: &mut [[u32; 8]; N], blocks: [&Block; N]) {
        for (state, block) in states.iter_mut().zip(blocks) {
            compress256(state, core::slice::from_ref(block));
        }
    }

    fn scheduled(self, states: &mut [[u32; 8]; 2], schedules: [&[u32; 64]; 2]) {
        // The crate makes its own schedule: give it the block back. The first 16 words are W + K.
        for (state, schedule) in states.iter_mut().zip(schedules) {
            let mut block = [0; 64];
            for ((bytes, wk), k) in block
                .as_chunks_mut::<4>()
                .0
                .iter_mut()
                .zip(schedule)
                .zip(&K)
            {
                *bytes = wk.wrapping_sub(*k).to_be_bytes();
            }
            compress256(state, core::slice::from_ref(&block));
        }
    }

    fn digest(self, state: [u32; 8]) -> [u8; 32] {
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

/// A single pair.
pub(super) fn pair_one(lane: &mut PairLane<'_>) {
    narrow::pair(Crate, lane);
}

/// One pair after the other.
pub(super) fn pair_many(lanes: &mut [PairLane<'_>]) {
    lanes.iter_mut().for_each(pair_one);
}

/// A single short message.
pub(super) fn short_one(lane: &mut ShortLane<'_>) {
    narrow::short(Crate, core::array::from_mut(lane));
}

/// One short message after the other.
pub(super) fn short_many(lanes: &mut [ShortLane<'_>]) {
    lanes.iter_mut().for_each(short_one);
}
