//! 128-NIA1: SNOW 3G as in UIA2 (TS 35.215), with FRESH = BEARER || 0^27. Five keystream words make P, Q and the
//! mask of the MAC.

use super::message::{CHUNK, FEW};
use super::pair::{Pair, Part, Pass, StreamCipher};
use super::{Input, Key, MacLane, Nia, NiaRow, shape};
use crate::base::secret;
use crate::kernel::{self, Backend, Lane, clmul, snow3g};
use arrayvec::ArrayVec;

pub(super) const ROW: NiaRow = NiaRow {
    nia: Nia::Nia1,
    name: "128-NIA1",
    mac: |lanes| {
        Rows {
            keystream: snow3g::active(),
            eval: clmul::uia2::active(),
        }
        .run(lanes)
    },
    mac_on: |name, lanes| {
        let (keystream, eval) = (kernel::named(name), kernel::named(name));
        if keystream.is_none() && eval.is_none() {
            return false;
        }
        Rows {
            keystream: keystream.unwrap_or_else(snow3g::active),
            eval: eval.unwrap_or_else(clmul::uia2::active),
        }
        .run(lanes);
        true
    },
    mac_part: |lanes| super::lane::mac_part(&ROW, lanes),
    mac_open: |lanes| super::lane::mac_open(&ROW, lanes),
    mac_verify: |lanes| super::lane::mac_verify(&ROW, lanes),
};

const WORDS: usize = 20; // bytes of z1..z5

struct Rows {
    keystream: &'static Backend<snow3g::Snow3g>,
    eval: &'static Backend<clmul::Uia2>,
}

impl Rows {
    fn run(&self, lanes: &mut [MacLane<'_>]) {
        match lanes {
            [lane] => self.pass::<1>(core::slice::from_mut(lane)),
            lanes => {
                for chunk in lanes.chunks_mut(CHUNK) {
                    self.pass::<CHUNK>(chunk);
                }
            }
        }
    }

    fn pass<'a, const N: usize>(&self, lanes: &mut [MacLane<'a>]) {
        let mut room = [[0; WORDS]; N];
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, N> = ArrayVec::new();
        for (lane, z) in lanes.iter().zip(&mut room) {
            let key: &'a Key = lane.key;
            streams.push(Lane {
                key: key.raw(),
                iv: iv(lane.input),
                data: z,
            });
        }
        match &mut streams[..] {
            [lane] => (self.keystream.one)(lane),
            lanes => (self.keystream.many)(lanes),
        }
        drop(streams);
        let parts: ArrayVec<Part<'_>, N> = lanes
            .iter()
            .zip(&room)
            .map(|(lane, z)| Part {
                text: lane.message,
                bits: lane.covered(),
                z,
            })
            .collect();
        let mut macs = [[0; 4]; N];
        finish::<N>(self.eval, &parts, &mut macs);
        drop(parts);
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            lane.mac = mac;
        }
        secret::wipe(room.as_flattened_mut());
    }
}

/// MACs of messages whose five keystream words are there.
fn finish<const N: usize>(row: &Backend<clmul::Uia2>, parts: &[Part<'_>], macs: &mut [[u8; 4]]) {
    let order = shape::sequence(parts.iter().map(|part| part.text.len()));
    let ordered = order.iter().map(|i| &parts[usize::from(*i)]);
    let mut evals: ArrayVec<clmul::Uia2Lane<'_>, N> = ordered.map(stage).collect();
    match &mut evals[..] {
        [lane] => (row.one)(lane),
        lanes => (row.many)(lanes),
    }
    for (i, lane) in order.into_iter().map(usize::from).zip(&evals) {
        macs[i] = (lane.eval ^ word(parts[i].z, 16)).to_be_bytes();
    }
}

fn stage<'a>(part: &Part<'a>) -> clmul::Uia2Lane<'a> {
    let pair = |at: usize| u64::from(word(part.z, at)) << 32 | u64::from(word(part.z, at + 4));
    clmul::Uia2Lane {
        p: pair(0),
        q: pair(8),
        message: part.text,
        bits: part.bits,
        eval: 0,
    }
}

/// The keystream word at an octet.
#[inline(always)]
fn word(z: &[u8], at: usize) -> u32 {
    z.get(at..at + 4)
        .and_then(|word| word.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

/// SNOW 3G for both ciphering and integrity.
pub(super) struct Snow3g;

pub(super) const PAIR: Pair = Pass::<Snow3g>::PAIR;

impl StreamCipher for Snow3g {
    type Room = snow3g::Snow3g;
    const APART: bool = true;

    fn row() -> &'static Backend<snow3g::Snow3g> {
        snow3g::active()
    }

    fn mac_keystream(_: usize) -> usize {
        WORDS
    }

    fn finish(parts: &[Part<'_>], macs: &mut [[u8; 4]]) {
        match parts.len() {
            1 => finish::<1>(clmul::uia2::active(), parts, macs),
            ..=FEW => finish::<FEW>(clmul::uia2::active(), parts, macs),
            _ => finish::<CHUNK>(clmul::uia2::active(), parts, macs),
        }
    }

    fn long(key: &Key, input: Input, text: &[u8]) -> [u8; 4] {
        let mut lanes = [MacLane::new(key, input, text)];
        (ROW.mac)(&mut lanes);
        lanes[0].mac
    }
}

/// IV3 = COUNT, IV2 = FRESH, IV1 = COUNT with DIRECTION in bit 31, IV0 = FRESH with DIRECTION in bit 15. EIA3 has
/// the same IV.
pub(super) fn iv(input: Input) -> [u8; 16] {
    let [c0, c1, c2, c3] = input.count.to_be_bytes();
    let fresh = input.bearer_bits();
    let direction = (input.direction as u8) << 7;
    [
        c0,
        c1,
        c2,
        c3,
        fresh,
        0,
        0,
        0,
        c0 ^ direction,
        c1,
        c2,
        c3,
        fresh,
        0,
        direction,
        0,
    ]
}
