//! 128-NIA2: CMAC with AES-128 over COUNT || BEARER || DIRECTION || 0^26 || message, the first 32 bits (TS 33.401
//! B.2.3).

use super::message::{CHUNK, OpenLane, ProtectLane, VerifyLane};
use super::{Input, Key, MacLane, Nia, NiaRow, shape};
use crate::base::cpu::prefetch;
use crate::kernel::{self, Backend, aes128};
use arrayvec::ArrayVec;

pub(super) const ROW: NiaRow = NiaRow {
    nia: Nia::Nia2,
    name: "128-NIA2",
    mac: |lanes| {
        run(
            aes128::cmac::active(),
            lanes,
            |lane| lane.message.len(),
            (stage, put),
        )
    },
    mac_on: |name, lanes| {
        kernel::named(name)
            .map(|row| run(row, lanes, |lane| lane.message.len(), (stage, put)))
            .is_some()
    },
    mac_part: |lanes| {
        run(
            aes128::cmac::active(),
            lanes,
            |lane| lane.text.len(),
            (stage_part, put_part),
        )
    },
    mac_open: |lanes| {
        run(
            aes128::cmac::active(),
            lanes,
            |lane| lane.text.len(),
            (stage_open, put_open),
        )
    },
    mac_verify: |lanes| {
        run(
            aes128::cmac::active(),
            lanes,
            |lane| lane.text.len(),
            (stage_verify, VerifyLane::judge),
        )
    },
};

type Stage<L> = for<'s> fn(&'s L) -> aes128::CmacLane<'s>;

fn run<L>(
    row: &Backend<aes128::Cmac>,
    lanes: &mut [L],
    len: fn(&L) -> usize,
    (stage, put): (Stage<L>, fn(&mut L, [u8; 4])),
) {
    if let [lane] = lanes {
        let mut staged = stage(lane);
        (row.one)(&mut staged);
        let mac = first(&staged.mac);
        return put(lane, mac);
    }
    for chunk in lanes.chunks_mut(CHUNK) {
        let order = shape::sequence(chunk.iter().map(len));
        let mut staged: ArrayVec<aes128::CmacLane<'_>, CHUNK> = order
            .iter()
            .map(|i| stage(&chunk[usize::from(*i)]))
            .collect();
        (row.many)(&mut staged);
        let macs: ArrayVec<[u8; 4], CHUNK> = staged.iter().map(|lane| first(&lane.mac)).collect();
        drop(staged);
        for (i, mac) in order.into_iter().zip(macs) {
            put(&mut chunk[usize::from(i)], mac);
        }
    }
}

#[inline(always)]
fn cmac<'a>(
    key: &'a Key,
    input: Input,
    (message, bits): (&'a [u8], usize),
) -> aes128::CmacLane<'a> {
    aes128::CmacLane {
        key: key.aes(),
        head: Some(input.head()),
        message,
        bits,
        mac: [0; 16],
    }
}

fn stage<'s>(lane: &'s MacLane<'_>) -> aes128::CmacLane<'s> {
    cmac(lane.key, lane.input, (lane.message, lane.bits))
}

fn put(lane: &mut MacLane<'_>, mac: [u8; 4]) {
    lane.mac = mac;
}

fn stage_part<'s>(lane: &'s ProtectLane<'_>) -> aes128::CmacLane<'s> {
    cmac(lane.int, lane.input, (lane.text, 8 * lane.text.len()))
}

fn put_part(lane: &mut ProtectLane<'_>, mac: [u8; 4]) {
    lane.mac = mac;
}

fn stage_open<'s>(lane: &'s OpenLane<'_>) -> aes128::CmacLane<'s> {
    cmac(lane.int, lane.input, (lane.text, 8 * lane.text.len()))
}

fn put_open(lane: &mut OpenLane<'_>, mac: [u8; 4]) {
    lane.mac = mac;
}

fn stage_verify<'s>(lane: &'s VerifyLane<'_>) -> aes128::CmacLane<'s> {
    prefetch(lane.int);
    prefetch(lane.enc);
    cmac(lane.int, lane.input, (lane.text, 8 * lane.text.len()))
}

fn first(mac: &[u8; 16]) -> [u8; 4] {
    [mac[0], mac[1], mac[2], mac[3]]
}
