//! 128-NIA2: CMAC with AES-128 over COUNT || BEARER || DIRECTION || 0^26 || message, the first 32 bits (TS 33.401
//! B.2.3).

use super::{MacLane, Nia, NiaRow, lane::CHUNK};
use crate::kernel::{self, Backend, aes128};

pub(super) const ROW: NiaRow = NiaRow {
    nia: Nia::Nia2,
    name: "128-NIA2",
    mac: |lanes| run(aes128::cmac::active(), lanes),
    mac_on: |name, lanes| kernel::named(name).map(|row| run(row, lanes)).is_some(),
};

fn run(row: &Backend<aes128::Cmac>, lanes: &mut [MacLane<'_>]) {
    if let [lane] = lanes {
        let mut staged = stage(lane);
        (row.one)(&mut staged);
        lane.mac = first(&staged.mac);
        return;
    }
    for chunk in lanes.chunks_mut(CHUNK) {
        let Some(spare) = chunk.first() else { return };
        let mut staged: [_; CHUNK] = core::array::from_fn(|i| stage(chunk.get(i).unwrap_or(spare)));
        (row.many)(&mut staged[..chunk.len()]);
        let macs = staged.map(|lane| first(&lane.mac));
        for (lane, mac) in chunk.iter_mut().zip(macs) {
            lane.mac = mac;
        }
    }
}

fn stage<'a>(lane: &MacLane<'a>) -> aes128::CmacLane<'a> {
    aes128::CmacLane {
        key: lane.key.aes(),
        head: Some(lane.input.head()),
        message: lane.message,
        bits: lane.bits,
        mac: [0; 16],
    }
}

fn first(mac: &[u8; 16]) -> [u8; 4] {
    [mac[0], mac[1], mac[2], mac[3]]
}
