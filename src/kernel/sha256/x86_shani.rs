//! The SHA extensions, two compressions interleaved: SHA256RNDS2 takes four cycles and one starts every two.

use super::narrow::{self, Engine};
use super::words::{Block, H, K};
use super::{HmacLane, PairLane, ShortLane, hmac_crate, sha2_crate};
use crate::base::cpu::HaveShaNi;
use crate::kernel::x86::{load, load_words, store};
use core::arch::x86_64::*;

pub(super) fn available() -> bool {
    HaveShaNi::detect().is_some()
}

/// The words A, B, E, F of a hash value, the highest first, and C, D, G, H: the order of SHA256RNDS2.
#[derive(Clone, Copy)]
pub(super) struct State {
    abef: __m128i,
    cdgh: __m128i,
}

/// Four rounds of every state.
#[inline(always)]
fn four<const N: usize>(states: &mut [State; N], wk: [__m128i; N]) {
    for (State { abef, cdgh }, wk) in states.iter_mut().zip(wk) {
        // SAFETY: only code that holds the token calls this: the SHA extensions, SSE2.
        unsafe {
            *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, wk);
            *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0E>(wk));
        }
    }
}

/// The next four words of the schedule, from the sixteen before.
#[inline(always)]
fn next([w0, w1, w2, w3]: [__m128i; 4]) -> __m128i {
    // SAFETY: as in `four`, and SSSE3.
    unsafe {
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8::<4>(w3, w2));
        _mm_sha256msg2_epu32(sum, w3)
    }
}

/// Adds the hash value from before the rounds.
#[inline(always)]
fn add<const N: usize>(states: &mut [State; N], before: [State; N]) {
    for (state, before) in states.iter_mut().zip(before) {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            state.abef = _mm_add_epi32(state.abef, before.abef);
            state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
        }
    }
}

impl Engine for HaveShaNi {
    type State = State;

    #[inline(always)]
    fn start(self) -> State {
        let [a, b, c, d, e, f, g, h] = H;
        State {
            abef: load_words(&[f, e, b, a]),
            cdgh: load_words(&[h, g, d, c]),
        }
    }

    #[inline(always)]
    fn compress<const N: usize>(self, states: &mut [State; N], blocks: [&Block; N]) {
        let before = *states;
        let (k, _) = K.as_chunks::<4>();
        let mut w = [[before[0].abef; 4]; N];
        for (w, block) in w.iter_mut().zip(blocks) {
            for (w, bytes) in w.iter_mut().zip(block.as_chunks::<16>().0) {
                let order = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
                // SAFETY: the token proves SSSE3.
                *w = unsafe { _mm_shuffle_epi8(load(bytes), load(&order)) };
            }
        }
        for (group, k) in k.iter().enumerate() {
            let mut wk = [w[0][0]; N];
            for (wk, w) in wk.iter_mut().zip(&mut w) {
                let [w0, w1, w2, w3] = *w;
                // SAFETY: SSE2 is part of x86-64.
                *wk = unsafe { _mm_add_epi32(w0, load_words(k)) };
                // The last twelve words of the schedule that this makes are not used.
                *w = [w1, w2, w3, if group < 12 { next(*w) } else { w0 }];
            }
            four(states, wk);
        }
        add(states, before);
    }

    #[inline(always)]
    fn scheduled(self, states: &mut [State; 2], [a, b]: [&[u32; 64]; 2]) {
        let before = *states;
        for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
            four(states, [load_words(a), load_words(b)]);
        }
        add(states, before);
    }

    #[inline(always)]
    fn digest(self, State { abef, cdgh }: State) -> [u8; 32] {
        let order = [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8];
        let mut digest = [[0; 16]; 2];
        // SAFETY: the token proves SSSE3.
        unsafe {
            let halves = [
                _mm_unpackhi_epi64(abef, cdgh),
                _mm_unpacklo_epi64(abef, cdgh),
            ];
            for (bytes, half) in digest.iter_mut().zip(halves) {
                store(bytes, _mm_shuffle_epi8(half, load(&order)));
            }
        }
        *digest.as_flattened().first_chunk().unwrap_or(&[0; 32])
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn hmac(token: HaveShaNi, lanes: &mut [HmacLane<'_>]) {
    let (twos, rest) = lanes.as_chunks_mut::<2>();
    for two in twos {
        narrow::hmac_two(token, two);
    }
    for lane in rest {
        narrow::hmac(token, lane);
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn pair(token: HaveShaNi, lanes: &mut [PairLane<'_>]) {
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
    match HaveShaNi::detect() {
        // SAFETY: the token proves SHA, SSSE3 and SSE4.1.
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
    match HaveShaNi::detect() {
        // SAFETY: the token proves SHA, SSSE3 and SSE4.1.
        Some(token) => unsafe { pair(token, lanes) },
        None => hmac_crate::pair_many(lanes),
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn short(token: HaveShaNi, lanes: &mut [ShortLane<'_>]) {
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
    match HaveShaNi::detect() {
        // SAFETY: the token proves SHA, SSSE3 and SSE4.1.
        Some(token) => unsafe { short(token, lanes) },
        None => sha2_crate::short_many(lanes),
    }
}
