//! AES by the AES extension, several messages under several keys interleaved. AESE and AESMC of one block run as a
//! pair on most cores (2 or 3 cycles, one to four pairs started in a cycle), so 4 to 12 independent blocks keep the
//! unit busy; 8 leave room for the round keys in the 32 registers. Written to the published latencies: never timed.
//!
//! AESE adds the round key before its S-box, so ten keys ride on AESE and the eleventh is added at the end.

use super::super::Lane;
use super::super::aarch64::{load, store};
use super::whole::{Whole, compose, compose_one};
use super::{CmacLane, ExpandLane, Schedule, aes_crate, double, portable};
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
pub(super) fn ctr_one(lane: &mut Lane<'_, Schedule>) {
    match HaveAes::detect() {
        // SAFETY: the token proves AES.
        Some(_) => unsafe { ctr(core::slice::from_mut(lane)) },
        None => aes_crate::ctr_one(lane),
    }
}

/// Any number of lanes of counter mode.
pub(super) fn ctr_many(lanes: &mut [Lane<'_, Schedule>]) {
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

/// A lane in pieces of 64 bytes.
#[inline(always)]
fn quads<'a>(lane: &'a mut Lane<'_, Schedule>) -> impl Iterator<Item = Quad<'a>> {
    let (rounds, first) = (&lane.key.0, u128::from_be_bytes(lane.iv));
    let pieces = lane.data.chunks_mut(64).enumerate();
    pieces.map(move |(i, data)| Quad {
        rounds,
        counter: first.wrapping_add(4 * i as u128),
        data,
    })
}

impl Quad<'_> {
    /// Counter block `i`.
    #[inline(always)]
    fn block(&self, i: usize) -> uint8x16_t {
        load(&self.counter.wrapping_add(i as u128).to_be_bytes())
    }

    #[inline]
    #[target_feature(enable = "aes")]
    fn apply<const N: usize>(&mut self, keystream: &[uint8x16_t; N]) {
        let (whole, rest) = self.data.as_chunks_mut::<16>();
        if let Some(whole) = whole.first_chunk_mut::<N>() {
            for (block, z) in whole.iter_mut().zip(keystream) {
                store(block, veorq_u8(load(block), *z));
            }
            return; // nobody takes fewer blocks than there are bytes
        }
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

/// `HALF` blocks of one piece and as many of the other, `ALL` together.
#[inline]
#[target_feature(enable = "aes")]
fn together<const HALF: usize, const ALL: usize>(a: &mut Quad<'_>, b: &mut Quad<'_>) {
    let zero = vdupq_n_u8(0);
    let (mut blocks, mut keys) = ([zero; ALL], [a.rounds; ALL]);
    for i in 0..HALF {
        blocks[i] = a.block(i);
        blocks[HALF + i] = b.block(i);
        keys[HALF + i] = b.rounds;
    }
    encrypt::<ALL>(&keys, &mut blocks);
    let (mut first, mut second) = ([zero; HALF], [zero; HALF]);
    first.copy_from_slice(&blocks[..HALF]);
    second.copy_from_slice(&blocks[HALF..]);
    a.apply(&first);
    b.apply(&second);
}

/// Two pieces.
#[inline]
#[target_feature(enable = "aes")]
fn two(a: &mut Quad<'_>, b: &mut Quad<'_>) {
    if a.data.len().max(b.data.len()) <= 32 {
        together::<2, 4>(a, b); // of eight blocks half would be thrown away
    } else {
        together::<4, 8>(a, b);
    }
}

/// The pieces of one lane, two at a time.
#[inline]
#[target_feature(enable = "aes")]
fn alone<'a>(mut pieces: impl Iterator<Item = Quad<'a>>) {
    while let Some(mut a) = pieces.next() {
        if let Some(mut b) = pieces.next() {
            two(&mut a, &mut b);
        } else {
            let mut blocks = [a.block(0), a.block(1), a.block(2), a.block(3)];
            encrypt(&[a.rounds; 4], &mut blocks);
            a.apply(&blocks);
        }
    }
}

#[target_feature(enable = "aes")]
fn ctr(lanes: &mut [Lane<'_, Schedule>]) {
    let (twos, rest) = lanes.as_chunks_mut::<2>();
    for [a, b] in twos {
        let (mut a, mut b) = (quads(a), quads(b));
        loop {
            match (a.next(), b.next()) {
                (Some(mut a), Some(mut b)) => two(&mut a, &mut b),
                (Some(piece), None) => alone(core::iter::once(piece).chain(&mut a)),
                (None, Some(piece)) => alone(core::iter::once(piece).chain(&mut b)),
                (None, None) => break,
            }
        }
    }
    for lane in rest {
        alone(quads(lane));
    }
}

/// The blocks of one CMAC lane: `first`, those of `body`, then `last`; only `last` when there is one.
#[derive(Clone, Copy)]
struct Chain<'a> {
    rounds: &'a Rounds,
    first: uint8x16_t,
    body: &'a [[u8; 16]],
    last: uint8x16_t,
    count: usize,
}

impl<'a> Chain<'a> {
    #[inline]
    #[target_feature(enable = "aes")]
    fn new(lane: &CmacLane<'a>) -> Self {
        let (end, last) = lane.last();
        let last = load(&last.to_be_bytes());
        let message = &lane.message[..end];
        let (mut first, mut body) = (last, message);
        if let Some(head) = lane.head {
            if let Some((octets, rest)) = message.split_first_chunk::<8>() {
                let half = |octets| vcreate_u64(u64::from_le_bytes(octets));
                first = vreinterpretq_u8_u64(vcombine_u64(half(head), half(*octets)));
                body = rest;
            }
        } else if let Some((block, rest)) = message.split_first_chunk::<16>() {
            first = load(block);
            body = rest;
        }
        let body = body.as_chunks::<16>().0;
        Self {
            rounds: &lane.key.schedule.0,
            first,
            body,
            last,
            count: usize::from(!message.is_empty()) + body.len() + 1,
        }
    }

    /// Block `step`, not the first. Past the end of a shorter lane the value does not matter: its MAC was taken at its
    /// last block.
    #[inline(always)]
    fn block(&self, step: usize) -> uint8x16_t {
        match self.body.get(step - 1) {
            Some(block) => load(block),
            None => self.last,
        }
    }
}

/// Up to `N` lanes in step; a lane that has ended computes on, its MAC already taken.
#[target_feature(enable = "aes")]
fn cmac<const N: usize>(lanes: &mut [CmacLane<'_>]) {
    let Some(first) = lanes.first() else { return };
    let first = Chain::new(first);
    let mut chains = [Chain { count: 0, ..first }; N];
    let mut steps = 0;
    for (chain, lane) in chains.iter_mut().zip(lanes.iter()) {
        *chain = Chain::new(lane);
        steps = steps.max(chain.count);
    }
    let keys = chains.each_ref().map(|chain| chain.rounds);
    let mut state = chains.each_ref().map(|chain| chain.first);
    let mut step = 0;
    loop {
        encrypt(&keys, &mut state);
        step += 1;
        for ((x, chain), lane) in state.iter().zip(&chains).zip(lanes.iter_mut()) {
            if step == chain.count {
                store(&mut lane.mac, *x);
            }
        }
        if step >= steps {
            return;
        }
        for (x, chain) in state.iter_mut().zip(&chains) {
            *x = veorq_u8(*x, chain.block(step));
        }
    }
}

/// A single whole message.
pub(super) fn message_one<L: Whole>(lane: &mut L) {
    compose_one(lane, ctr_one, cmac_one);
}

/// Whole messages, one algorithm after the other.
pub(super) fn message_many<L: Whole>(lanes: &mut [L]) {
    compose(lanes, ctr_many, cmac_many);
}
