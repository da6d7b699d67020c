//! The SHA-256 extension of Armv8, two compressions interleaved: SHA256H takes four cycles and more.

use super::narrow::{self, Engine};
use super::words::{Block, H, K};
use super::{HmacLane, PairLane, ShortLane, hmac_crate, sha2_crate};
use crate::base::cpu::HaveSha2;
use core::arch::aarch64::*;

pub(super) fn available() -> bool {
    HaveSha2::detect().is_some()
}

/// The words A, B, C, D of a hash value and E, F, G, H, the lowest first.
#[derive(Clone, Copy)]
pub(super) struct State {
    abcd: uint32x4_t,
    efgh: uint32x4_t,
}

#[inline(always)]
fn load_words(words: &[u32; 4]) -> uint32x4_t {
    // SAFETY: the reference covers the four words that are read; NEON is part of aarch64.
    unsafe { vld1q_u32(words.as_ptr()) }
}

/// Four rounds of every state. Not `inline(always)` like what calls it: the compiler refuses the intrinsics of SHA-256
/// in a function without the feature, and inlines this one into the functions that have it.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn four<const N: usize>(states: &mut [State; N], wk: [uint32x4_t; N]) {
    for (State { abcd, efgh }, wk) in states.iter_mut().zip(wk) {
        let before = *abcd;
        *abcd = vsha256hq_u32(*abcd, *efgh, wk);
        *efgh = vsha256h2q_u32(*efgh, before, wk);
    }
}

/// The next four words of the schedule, from the sixteen before. Inlined as [`four`] is.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn next([w0, w1, w2, w3]: [uint32x4_t; 4]) -> uint32x4_t {
    vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3)
}

/// Adds the hash value from before the rounds.
#[inline(always)]
fn add<const N: usize>(states: &mut [State; N], before: [State; N]) {
    for (state, before) in states.iter_mut().zip(before) {
        // SAFETY: NEON is part of aarch64.
        unsafe {
            state.abcd = vaddq_u32(state.abcd, before.abcd);
            state.efgh = vaddq_u32(state.efgh, before.efgh);
        }
    }
}

impl Engine for HaveSha2 {
    type State = State;

    #[inline(always)]
    fn start(self) -> State {
        let [a, b, c, d, e, f, g, h] = H;
        State {
            abcd: load_words(&[a, b, c, d]),
            efgh: load_words(&[e, f, g, h]),
        }
    }

    #[inline(always)]
    fn compress<const N: usize>(self, states: &mut [State; N], blocks: [&Block; N]) {
        let before = *states;
        let (k, _) = K.as_chunks::<4>();
        let mut w = [[before[0].abcd; 4]; N];
        for (w, block) in w.iter_mut().zip(blocks) {
            for (w, bytes) in w.iter_mut().zip(block.as_chunks::<16>().0) {
                // SAFETY: the reference covers the 16 bytes that are read; NEON is part of aarch64.
                *w = unsafe { vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(bytes.as_ptr()))) };
            }
        }
        for (group, k) in k.iter().enumerate() {
            let mut wk = [w[0][0]; N];
            for (wk, w) in wk.iter_mut().zip(&mut w) {
                let [w0, w1, w2, w3] = *w;
                // SAFETY: NEON is part of aarch64.
                *wk = unsafe { vaddq_u32(w0, load_words(k)) };
                // SAFETY: the token proves the SHA-256 extension.
                *w = [
                    w1,
                    w2,
                    w3,
                    if group < 12 { unsafe { next(*w) } } else { w0 },
                ];
            }
            // SAFETY: the token proves the SHA-256 extension.
            unsafe { four(states, wk) }
        }
        add(states, before);
    }

    #[inline(always)]
    fn scheduled(self, states: &mut [State; 2], [a, b]: [&[u32; 64]; 2]) {
        let before = *states;
        for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
            // SAFETY: the token proves the SHA-256 extension.
            unsafe { four(states, [load_words(a), load_words(b)]) }
        }
        add(states, before);
    }

    #[inline(always)]
    fn digest(self, State { abcd, efgh }: State) -> [u8; 32] {
        let mut digest = [0; 32];
        for (bytes, half) in digest.as_chunks_mut::<16>().0.iter_mut().zip([abcd, efgh]) {
            // SAFETY: the reference covers the 16 bytes that are written; NEON is part of aarch64.
            unsafe { vst1q_u8(bytes.as_mut_ptr(), vrev32q_u8(vreinterpretq_u8_u32(half))) };
        }
        digest
    }
}

#[target_feature(enable = "neon,sha2")]
fn hmac(token: HaveSha2, lanes: &mut [HmacLane<'_>]) {
    let (twos, rest) = lanes.as_chunks_mut::<2>();
    for two in twos {
        narrow::hmac_two(token, two);
    }
    for lane in rest {
        narrow::hmac(token, lane);
    }
}

#[target_feature(enable = "neon,sha2")]
fn pair(token: HaveSha2, lanes: &mut [PairLane<'_>]) {
    for lane in lanes {
        narrow::pair(token, lane);
    }
}

/// A single lane of HMAC.
pub(super) fn hmac_one(lane: &mut HmacLane<'_>) {
    hmac_many(core::slice::from_mut(lane));
}

/// Any number of lanes of HMAC, two at a time.
pub(super) fn hmac_many(lanes: &mut [HmacLane<'_>]) {
    match HaveSha2::detect() {
        // SAFETY: the token proves the SHA-256 extension; NEON is part of aarch64.
        Some(token) => unsafe { hmac(token, lanes) },
        None => hmac_crate::many(lanes),
    }
}

/// A single pair.
pub(super) fn pair_one(lane: &mut PairLane<'_>) {
    pair_many(core::slice::from_mut(lane));
}

/// Any number of pairs.
pub(super) fn pair_many(lanes: &mut [PairLane<'_>]) {
    match HaveSha2::detect() {
        // SAFETY: the token proves the SHA-256 extension; NEON is part of aarch64.
        Some(token) => unsafe { pair(token, lanes) },
        None => hmac_crate::pair_many(lanes),
    }
}

#[target_feature(enable = "neon,sha2")]
fn short(token: HaveSha2, lanes: &mut [ShortLane<'_>]) {
    let (twos, rest) = lanes.as_chunks_mut::<2>();
    for two in twos {
        narrow::short(token, two);
    }
    for lane in rest {
        narrow::short(token, core::array::from_mut(lane));
    }
}

/// A single short message.
pub(super) fn short_one(lane: &mut ShortLane<'_>) {
    short_many(core::slice::from_mut(lane));
}

/// Any number of short messages, two at a time.
pub(super) fn short_many(lanes: &mut [ShortLane<'_>]) {
    match HaveSha2::detect() {
        // SAFETY: the token proves the SHA-256 extension; NEON is part of aarch64.
        Some(token) => unsafe { short(token, lanes) },
        None => sha2_crate::short_many(lanes),
    }
}
