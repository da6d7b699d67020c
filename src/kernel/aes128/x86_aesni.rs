//! AES by AES-NI, several messages under several keys interleaved: an AESENC takes 3 to 4 cycles but one or two
//! start every cycle, so 8 independent blocks keep the unit busy. Round keys are memory operands: eight keys do
//! not fit the registers.

use super::super::Lane;
use super::super::x86::{load, store};
use super::{CmacLane, ExpandLane, Key, aes_crate, double, portable};
use crate::base::cpu::HaveAesNi;
use core::arch::x86_64::*;

type Rounds = [[u8; 16]; 11];

pub(super) fn available() -> bool {
    HaveAesNi::detect().is_some()
}

/// A single key.
pub(super) fn expand_one(lane: &mut ExpandLane<'_>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { expand(lane.key) },
        None => portable::one(lane),
    }
}

/// Any number of keys.
pub(super) fn expand_many(lanes: &mut [ExpandLane<'_>]) {
    lanes.iter_mut().for_each(expand_one);
}

/// A single lane of counter mode.
pub(super) fn ctr_one(lane: &mut Lane<'_, Key>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { ctr(core::slice::from_mut(lane)) },
        None => aes_crate::ctr_one(lane),
    }
}

/// Any number of lanes of counter mode.
pub(super) fn ctr_many(lanes: &mut [Lane<'_, Key>]) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { ctr(lanes) },
        None => aes_crate::ctr_many(lanes),
    }
}

/// A single lane of CMAC.
pub(super) fn cmac_one(lane: &mut CmacLane<'_>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { cmac::<1>(core::slice::from_mut(lane)) },
        None => aes_crate::cmac_one(lane),
    }
}

/// Any number of lanes of CMAC, eight at a time.
pub(super) fn cmac_many(lanes: &mut [CmacLane<'_>]) {
    if HaveAesNi::detect().is_none() {
        return aes_crate::cmac_many(lanes);
    }
    for group in lanes.chunks_mut(8) {
        // SAFETY: the token above proves AES, SSSE3 and SSE4.1.
        unsafe {
            match group.len() {
                1 => cmac::<1>(group),
                2..=4 => cmac::<4>(group),
                _ => cmac::<8>(group),
            }
        }
    }
}

/// One round key from the one before. AESENCLAST on four equal columns is SubWord (ShiftRows moves nothing) and
/// adds the round constant; AESKEYGENASSIST would cost 12 cycles a round.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn next_round(key: __m128i, constant: i32) -> __m128i {
    let rotated = _mm_shuffle_epi8(key, _mm_set1_epi32(0x0C0F_0E0D));
    let word = _mm_aesenclast_si128(rotated, _mm_set1_epi32(constant));
    let key = _mm_xor_si128(key, _mm_slli_si128::<4>(key));
    let key = _mm_xor_si128(key, _mm_slli_si128::<8>(key));
    _mm_xor_si128(key, word)
}

#[target_feature(enable = "aes,ssse3,sse4.1")]
fn expand(key: &mut Key) {
    const CONSTANTS: [i32; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36];
    let mut round = load(&key.schedule.0[0]);
    let mut zero = round; // the zero block, encrypted along the way
    for (i, (place, constant)) in key.schedule.0[1..].iter_mut().zip(CONSTANTS).enumerate() {
        round = next_round(round, constant);
        store(place, round);
        zero = if i < 9 {
            _mm_aesenc_si128(zero, round)
        } else {
            _mm_aesenclast_si128(zero, round)
        };
    }
    store(&mut key.k1, zero);
    key.k1 = double(u128::from_be_bytes(key.k1)).to_be_bytes();
}

/// Encrypts block `i` under `keys[i]`.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn encrypt<const N: usize>(keys: &[&Rounds; N], blocks: &mut [__m128i; N]) {
    for (block, key) in blocks.iter_mut().zip(keys) {
        *block = _mm_xor_si128(*block, load(&key[0]));
    }
    for round in 1..10 {
        for (block, key) in blocks.iter_mut().zip(keys) {
            *block = _mm_aesenc_si128(*block, load(&key[round]));
        }
    }
    for (block, key) in blocks.iter_mut().zip(keys) {
        *block = _mm_aesenclast_si128(*block, load(&key[10]));
    }
}

/// Up to 64 bytes of one lane.
struct Quad<'a> {
    rounds: &'a Rounds,
    counter: u128,
    data: &'a mut [u8],
}

impl Quad<'_> {
    #[inline(always)]
    fn counters(&self) -> [__m128i; 4] {
        [0, 1, 2, 3].map(|i| load(&self.counter.wrapping_add(i).to_be_bytes()))
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn apply(&mut self, keystream: &[__m128i]) {
        let (whole, rest) = self.data.as_chunks_mut::<16>();
        for (block, z) in whole.iter_mut().zip(keystream) {
            store(block, _mm_xor_si128(load(block), *z));
        }
        if let Some(z) = keystream.get(whole.len()).filter(|_| !rest.is_empty()) {
            let mut last = [0; 16];
            store(&mut last, *z);
            for (byte, z) in rest.iter_mut().zip(last) {
                *byte ^= z;
            }
        }
    }
}

#[target_feature(enable = "aes,ssse3,sse4.1")]
fn ctr(lanes: &mut [Lane<'_, Key>]) {
    let mut quads = lanes.iter_mut().flat_map(|lane| {
        let (rounds, first) = (&lane.key.schedule.0, u128::from_be_bytes(lane.iv));
        let pieces = lane.data.chunks_mut(64).enumerate();
        pieces.map(move |(i, data)| Quad {
            rounds,
            counter: first.wrapping_add(4 * i as u128),
            data,
        })
    });
    while let Some(mut a) = quads.next() {
        let [a0, a1, a2, a3] = a.counters();
        if let Some(mut b) = quads.next() {
            let [b0, b1, b2, b3] = b.counters();
            let mut blocks = [a0, a1, a2, a3, b0, b1, b2, b3];
            let (k, l) = (a.rounds, b.rounds);
            encrypt(&[k, k, k, k, l, l, l, l], &mut blocks);
            a.apply(&blocks[..4]);
            b.apply(&blocks[4..]);
        } else {
            let mut blocks = [a0, a1, a2, a3];
            encrypt(&[a.rounds; 4], &mut blocks);
            a.apply(&blocks);
        }
    }
}

/// The blocks of one CMAC lane: `first` when there are more than one and a head makes it, then those of `body`,
/// then `last`.
#[derive(Clone, Copy)]
struct Chain<'a> {
    rounds: &'a Rounds,
    head: Option<__m128i>,
    body: &'a [[u8; 16]],
    last: __m128i,
    count: usize,
}

impl<'a> Chain<'a> {
    #[inline(always)]
    fn new(lane: &CmacLane<'a>) -> Self {
        let (end, last) = lane.last();
        let mut body = &lane.message[..end];
        let mut head = None;
        if let (Some(octets), Some((first, rest))) = (lane.head, body.split_first_chunk::<8>()) {
            let block = u128::from(u64::from_le_bytes(*first)) << 64
                | u128::from(u64::from_le_bytes(octets));
            head = Some(load(&block.to_le_bytes()));
            body = rest;
        }
        let body = body.as_chunks::<16>().0;
        Self {
            rounds: &lane.key.schedule.0,
            head,
            body,
            last: load(&last.to_be_bytes()),
            count: usize::from(head.is_some()) + body.len() + 1,
        }
    }

    #[inline(always)]
    fn block(&self, step: usize) -> __m128i {
        let place = match (self.head, step) {
            (Some(head), 0) => return head,
            (Some(_), _) => step - 1,
            (None, _) => step,
        };
        // Past the end of a shorter lane the value does not matter: its MAC was taken at its last block.
        self.body.get(place).map_or(self.last, load)
    }
}

/// Up to `N` lanes in step; a lane that has ended computes on, its MAC already taken.
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn cmac<const N: usize>(lanes: &mut [CmacLane<'_>]) {
    let Some(first) = lanes.first() else { return };
    let spare = Chain {
        count: 0,
        ..Chain::new(first)
    };
    let chains: [Chain<'_>; N] = core::array::from_fn(|i| lanes.get(i).map_or(spare, Chain::new));
    let keys = chains.each_ref().map(|chain| chain.rounds);
    let steps = chains.iter().map(|chain| chain.count).max().unwrap_or(0);
    let mut state = [_mm_setzero_si128(); N];
    for step in 0..steps {
        for (x, chain) in state.iter_mut().zip(&chains) {
            *x = _mm_xor_si128(*x, chain.block(step));
        }
        encrypt(&keys, &mut state);
        for ((x, chain), lane) in state.iter().zip(&chains).zip(lanes.iter_mut()) {
            if step + 1 == chain.count {
                store(&mut lane.mac, *x);
            }
        }
    }
}
