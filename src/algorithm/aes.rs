//! 128-NEA2 with 128-NIA2: counter mode and CMAC, a group of messages at a time.
//!
//! The octets of a group are in the first cache when the second algorithm comes to them, and the round keys of the
//! group after next are on their way meanwhile. Asked for all at once, the 384 lines of 64 messages would wait for
//! each other: 6 of 40 ns a message.

use super::message::{CHUNK, ProtectLane, VerifyLane};
use super::pair::Pair;
use super::{Input, Key, shape};
use crate::base::cpu::prefetch;
use crate::kernel::{Backend, Lane, aes128};
use arrayvec::ArrayVec;

pub(super) const PAIR: Pair = Pair {
    protect: |lanes| match lanes {
        [lane] => protect_one(lane),
        lanes => protect(lanes),
    },
    open: None,
    verify: |lanes| match lanes {
        [lane] => verify_one(lane),
        lanes => verify(lanes),
    },
};

/// Messages of a group: what CMAC runs side by side.
const GROUP: usize = 8;

/// Groups whose keys are asked for ahead.
const AHEAD: usize = 2;

/// The first counter block: COUNT || BEARER || DIRECTION || 0^90 (TS 33.401 B.1.3).
#[inline(always)]
pub(super) fn counter(input: Input) -> [u8; 16] {
    (u128::from(u64::from_be_bytes(input.head())) << 64).to_be_bytes()
}

#[inline(always)]
fn cmac<'a>(key: &'a Key, input: Input, text: &'a [u8]) -> aes128::CmacLane<'a> {
    aes128::CmacLane {
        key: key.aes(),
        head: Some(input.head()),
        message: text,
        bits: 8 * text.len(),
        mac: [0; 16],
    }
}

#[inline(always)]
fn first(mac: &[u8; 16]) -> [u8; 4] {
    [mac[0], mac[1], mac[2], mac[3]]
}

#[inline(always)]
fn cipher_lane<'s>(lane: &'s mut ProtectLane<'_>) -> Lane<'s, aes128::Key> {
    let part = lane.part();
    Lane {
        key: lane.enc.aes(),
        iv: counter(lane.input),
        data: &mut lane.text[part],
    }
}

#[inline(always)]
fn decipher_lane<'s>(lane: &'s mut VerifyLane<'_>) -> Lane<'s, aes128::Key> {
    let part = lane.part();
    Lane {
        key: lane.enc.aes(),
        iv: counter(lane.input),
        data: &mut lane.text[part],
    }
}

fn protect_one(lane: &mut ProtectLane<'_>) {
    prefetch(lane.int);
    (aes128::ctr::active().one)(&mut cipher_lane(lane));
    let mut mac = cmac(lane.int, lane.input, lane.text);
    (aes128::cmac::active().one)(&mut mac);
    lane.mac = first(&mac.mac);
}

fn verify_one(lane: &mut VerifyLane<'_>) {
    prefetch(lane.enc);
    let mut mac = cmac(lane.int, lane.input, lane.text);
    (aes128::cmac::active().one)(&mut mac);
    let mac = first(&mac.mac);
    lane.judge(mac);
    (aes128::ctr::active().one)(&mut decipher_lane(lane));
}

/// The lanes of a chunk, like lengths beside each other, group by group; `ask` runs ahead of `run`.
#[inline(always)]
fn groups<L>(
    lanes: &mut [L],
    len: fn(&L) -> usize,
    ask: fn(&L),
    mut run: impl FnMut(&mut [&mut L]),
) {
    for chunk in lanes.chunks_mut(CHUNK) {
        let mut order: ArrayVec<&mut L, CHUNK> = chunk.iter_mut().collect();
        shape::order(&mut order, |lane| len(lane));
        order.iter().take(AHEAD * GROUP).for_each(|lane| ask(lane));
        let mut begin = 0;
        while begin < order.len() {
            let end = order.len().min(begin + GROUP);
            let later = order.iter().skip(begin + AHEAD * GROUP).take(GROUP);
            later.for_each(|lane| ask(lane));
            run(&mut order[begin..end]);
            begin = end;
        }
    }
}

#[inline(always)]
fn authenticate<'a>(
    row: &Backend<aes128::Cmac>,
    lanes: impl Iterator<Item = aes128::CmacLane<'a>>,
) -> ArrayVec<[u8; 4], GROUP> {
    let mut lanes: ArrayVec<_, GROUP> = lanes.collect();
    (row.many)(&mut lanes);
    lanes.iter().map(|lane| first(&lane.mac)).collect()
}

fn protect(lanes: &mut [ProtectLane<'_>]) {
    let (ctr, mac) = (aes128::ctr::active(), aes128::cmac::active());
    let ask = |lane: &ProtectLane<'_>| {
        prefetch(lane.enc);
        prefetch(lane.int);
    };
    groups(
        lanes,
        |lane| lane.text.len(),
        ask,
        |group| {
            let ciphered = group.iter_mut().map(|lane| cipher_lane(lane));
            (ctr.many)(&mut ciphered.collect::<ArrayVec<_, GROUP>>());
            let macs = authenticate(
                mac,
                group
                    .iter()
                    .map(|lane| cmac(lane.int, lane.input, lane.text)),
            );
            for (lane, mac) in group.iter_mut().zip(macs) {
                lane.mac = mac;
            }
        },
    );
}

fn verify(lanes: &mut [VerifyLane<'_>]) {
    let (ctr, mac) = (aes128::ctr::active(), aes128::cmac::active());
    let ask = |lane: &VerifyLane<'_>| {
        prefetch(lane.int);
        prefetch(lane.enc);
    };
    groups(
        lanes,
        |lane| lane.text.len(),
        ask,
        |group| {
            let macs = authenticate(
                mac,
                group
                    .iter()
                    .map(|lane| cmac(lane.int, lane.input, lane.text)),
            );
            for (lane, mac) in group.iter_mut().zip(macs) {
                lane.judge(mac);
            }
            let ciphered = group.iter_mut().map(|lane| decipher_lane(lane));
            (ctr.many)(&mut ciphered.collect::<ArrayVec<_, GROUP>>());
        },
    );
}
