//! AES by the AES extension, several messages under several keys interleaved. AESE and AESMC of one block run as a
//! pair on most cores (2 or 3 cycles, one to four pairs started in a cycle), so 4 to 12 independent blocks keep the
//! unit busy; 8 leave room for the round keys in the 32 registers. Written to the published latencies: never timed.
//!
//! AESE adds the round key before its S-box, so ten keys ride on AESE and the eleventh is added at the end.

use super::super::Lane;
use super::super::aarch64::{load, store};
use super::{CmacLane, ExpandLane, Key, aes_crate, double, portable};
use crate::base::cpu::HaveAes;
use core::arch::aarch64::*;

type Rounds = [[u8; 16]; 11];

pub(super) fn available() -> bool {
    HaveAes::detect().is_some()
}

/// A single key.
pub(super) fn expand_one(lane: &mut ExpandLane<'_>) {
    match HaveAes::detect() {
        // SAFETY: the token proves AES.
        Some(_) => unsafe { expand::<1>(core::array::from_mut(lane)) },
        None => portable::one(lane),
    }
}

/// Any number of keys, four at a time: a round key is a chain of about ten cycles.
pub(super) fn expand_many(lanes: &mut [ExpandLane<'_>]) {
    if HaveAes::detect().is_none() {
        return portable::many(lanes);
    }
    let (groups, rest) = lanes.as_chunks_mut::<4>();
    for group in groups {
        // SAFETY: the token above proves AES.
        unsafe { expand(group) }
    }
    rest.iter_mut().for_each(expand_one);
}

/// A single lane of counter mode.
pub(super) fn ctr_one(lane: &mut Lane<'_, Key>) {
    match HaveAes::detect() {
        // SAFETY: the token proves AES.
        Some(_) => unsafe { ctr(core::slice::from_mut(lane)) },
        None => aes_crate::ctr_one(lane),
    }
}

/// Any number of lanes of counter mode.
pub(super) fn ctr_many(lanes: &mut [Lane<'_, Key>]) {
    match HaveAes::detect() {
        // SAFETY: the token proves AES.
        Some(_) => unsafe { ctr(lanes) },
        None => aes_crate::ctr_many(lanes),
    }
}

/// A single lane of CMAC.
pub(super) fn cmac_one(lane: &mut CmacLane<'_>) {
    match HaveAes::detect() {
        // SAFETY: the token proves AES.
        Some(_) => unsafe { cmac::<1>(core::slice::from_mut(lane)) },
        None => aes_crate::cmac_one(lane),
    }
}

/// Any number of lanes of CMAC, eight at a time.
pub(super) fn cmac_many(lanes: &mut [CmacLane<'_>]) {
    if HaveAes::detect().is_none() {
        return aes_crate::cmac_many(lanes);
    }
    for group in lanes.chunks_mut(8) {
        // SAFETY: the token above proves AES.
        unsafe {
            match group.len() {
                1 => cmac::<1>(group),
                2..=4 => cmac::<4>(group),
                _ => cmac::<8>(group),
            }
        }
    }
}

/// One round key from the one before. AESE under a zero key is SubBytes after ShiftRows; the shuffle takes the bytes
/// of the last word from where ShiftRows put them, rotated, for all four words.
#[inline]
#[target_feature(enable = "aes")]
fn next_round(key: uint8x16_t, constant: u32) -> uint8x16_t {
    const LAST_WORD: [u8; 16] = [9, 6, 3, 12, 9, 6, 3, 12, 9, 6, 3, 12, 9, 6, 3, 12];
    let zero = vdupq_n_u8(0);
    let word = vqtbl1q_u8(vaeseq_u8(key, zero), load(&LAST_WORD));
    let word = veorq_u8(word, vreinterpretq_u8_u32(vdupq_n_u32(constant)));
    let key = veorq_u8(key, vextq_u8::<12>(zero, key));
    let key = veorq_u8(key, vextq_u8::<8>(zero, key));
    veorq_u8(key, word)
}

#[target_feature(enable = "aes")]
fn expand<const N: usize>(lanes: &mut [ExpandLane<'_>; N]) {
    const CONSTANTS: [u32; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36];
    let mut rounds = lanes.each_ref().map(|lane| load(&lane.key.schedule.0[0]));
    let mut zeros = [vdupq_n_u8(0); N]; // the zero block of every lane, encrypted along the way
    for (i, constant) in CONSTANTS.into_iter().enumerate() {
        for ((lane, round), zero) in lanes.iter_mut().zip(&mut rounds).zip(&mut zeros) {
            let state = vaeseq_u8(*zero, *round);
            *round = next_round(*round, constant);
            *zero = if i < 9 {
                vaesmcq_u8(state)
            } else {
                veorq_u8(state, *round)
            };
            store(&mut lane.key.schedule.0[i + 1], *round);
        }
    }
    for (lane, zero) in lanes.iter_mut().zip(zeros) {
        store(&mut lane.key.k1, zero);
        lane.key.k1 = double(u128::from_be_bytes(lane.key.k1)).to_be_bytes();
    }
}

/// Encrypts block `i` under `keys[i]`.
#[inline]
#[target_feature(enable = "aes")]
fn encrypt<const N: usize>(keys: &[&Rounds; N], blocks: &mut [uint8x16_t; N]) {
    for round in 0..9 {
        for (block, key) in blocks.iter_mut().zip(keys) {
            *block = vaesmcq_u8(vaeseq_u8(*block, load(&key[round])));
        }
    }
    for (block, key) in blocks.iter_mut().zip(keys) {
        *block = veorq_u8(vaeseq_u8(*block, load(&key[9])), load(&key[10]));
    }
}

/// Up to 64 bytes of one lane.
struct Quad<'a> {
    rounds: &'a Rounds,
    counter: u128,
    data: &'a mut [u8],
}

impl Quad<'_> {
    /// Counter block `i`.
    #[inline(always)]
    fn block(&self, i: usize) -> uint8x16_t {
        load(&self.counter.wrapping_add(i as u128).to_be_bytes())
    }

    #[inline]
    #[target_feature(enable = "aes")]
    fn apply(&mut self, keystream: &[uint8x16_t]) {
        let (whole, rest) = self.data.as_chunks_mut::<16>();
        for (block, z) in whole.iter_mut().zip(keystream) {
            store(block, veorq_u8(load(block), *z));
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

/// Up to `32 * HALF / 2` bytes of two lanes in `HALF` blocks each, `ALL` together.
#[inline]
#[target_feature(enable = "aes")]
fn pair<const HALF: usize, const ALL: usize>(a: &mut Quad<'_>, b: &mut Quad<'_>) {
    let mut blocks: [uint8x16_t; ALL] = core::array::from_fn(|i| match i.checked_sub(HALF) {
        None => a.block(i),
        Some(i) => b.block(i),
    });
    let keys = core::array::from_fn(|i| if i < HALF { a.rounds } else { b.rounds });
    encrypt::<ALL>(&keys, &mut blocks);
    let (first, second) = blocks.split_at(HALF);
    a.apply(first);
    b.apply(second);
}

#[target_feature(enable = "aes")]
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
        if let Some(mut b) = quads.next() {
            if a.data.len().max(b.data.len()) <= 32 {
                pair::<2, 4>(&mut a, &mut b); // two short messages: half of eight blocks would be thrown away
            } else {
                pair::<4, 8>(&mut a, &mut b);
            }
        } else {
            let mut blocks = [0, 1, 2, 3].map(|i| a.block(i));
            encrypt(&[a.rounds; 4], &mut blocks);
            a.apply(&blocks);
        }
    }
}

/// The blocks of one CMAC lane: `head` when there are more than one and a head makes the first, then those of
/// `body`, then `last`.
#[derive(Clone, Copy)]
struct Chain<'a> {
    rounds: &'a Rounds,
    head: Option<uint8x16_t>,
    body: &'a [[u8; 16]],
    last: uint8x16_t,
    count: usize,
}

impl<'a> Chain<'a> {
    #[inline(always)]
    fn new(lane: &CmacLane<'a>) -> Self {
        let (end, last) = lane.last();
        let mut body = &lane.message[..end];
        let mut head = None;
        if let (Some(octets), Some((first, rest))) = (lane.head, body.split_first_chunk::<8>()) {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&octets);
            block[8..].copy_from_slice(first);
            head = Some(load(&block));
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
    fn block(&self, step: usize) -> uint8x16_t {
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
#[target_feature(enable = "aes")]
fn cmac<const N: usize>(lanes: &mut [CmacLane<'_>]) {
    let Some(first) = lanes.first() else { return };
    let spare = Chain {
        count: 0,
        ..Chain::new(first)
    };
    let chains: [Chain<'_>; N] = core::array::from_fn(|i| lanes.get(i).map_or(spare, Chain::new));
    let keys = chains.each_ref().map(|chain| chain.rounds);
    let steps = chains.iter().map(|chain| chain.count).max().unwrap_or(0);
    let mut state = [vdupq_n_u8(0); N];
    for step in 0..steps {
        for (x, chain) in state.iter_mut().zip(&chains) {
            *x = veorq_u8(*x, chain.block(step));
        }
        encrypt(&keys, &mut state);
        for ((x, chain), lane) in state.iter().zip(&chains).zip(lanes.iter_mut()) {
            if step + 1 == chain.count {
                store(&mut lane.mac, *x);
            }
        }
    }
}
