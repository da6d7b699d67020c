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
    mac: |lanes| run(aes128::cmac::active(), lanes),
    mac_on: |name, lanes| kernel::named(name).map(|row| run(row, lanes)).is_some(),
    mac_part: |lanes| run(aes128::cmac::active(), lanes),
    mac_open: |lanes| run(aes128::cmac::active(), lanes),
    mac_verify: |lanes| run(aes128::cmac::active(), lanes),
};

/// What CMAC needs of a message.
trait Message {
    /// The prepared key, COUNT and its companions, the octets, their length in bits.
    fn parts(&self) -> (&Key, Input, &[u8], usize);
    fn put(&mut self, mac: [u8; 4]);
}

fn run<M: Message>(row: &Backend<aes128::Cmac>, lanes: &mut [M]) {
    if let [lane] = lanes {
        let mut staged = stage(lane);
        (row.one)(&mut staged);
        let mac = first(&staged.mac);
        return lane.put(mac);
    }
    for chunk in lanes.chunks_mut(CHUNK) {
        // The whole batch is known: what it will read is on its way while it is put in order.
        chunk.iter().for_each(|lane| prefetch(lane.parts().0));
        let order = shape::sequence(chunk.iter().map(|lane| lane.parts().2.len()));
        let ordered = order.iter().map(|i| &chunk[usize::from(*i)]);
        let mut staged: ArrayVec<aes128::CmacLane<'_>, CHUNK> = ordered.map(stage).collect();
        (row.many)(&mut staged);
        let macs: ArrayVec<[u8; 4], CHUNK> = staged.iter().map(|lane| first(&lane.mac)).collect();
        drop(staged);
        for (i, mac) in order.into_iter().zip(macs) {
            chunk[usize::from(i)].put(mac);
        }
    }
}

#[inline(always)]
fn stage<M: Message>(lane: &M) -> aes128::CmacLane<'_> {
    let (key, input, message, bits) = lane.parts();
    aes128::CmacLane {
        key: key.aes(),
        head: Some(input.head()),
        message,
        bits,
        mac: [0; 16],
    }
}

fn first(mac: &[u8; 16]) -> [u8; 4] {
    [mac[0], mac[1], mac[2], mac[3]]
}

impl Message for MacLane<'_> {
    #[inline(always)]
    fn parts(&self) -> (&Key, Input, &[u8], usize) {
        (self.key, self.input, self.message, self.bits)
    }

    #[inline(always)]
    fn put(&mut self, mac: [u8; 4]) {
        self.mac = mac;
    }
}

impl Message for ProtectLane<'_> {
    #[inline(always)]
    fn parts(&self) -> (&Key, Input, &[u8], usize) {
        (self.int, self.input, self.text, 8 * self.text.len())
    }

    #[inline(always)]
    fn put(&mut self, mac: [u8; 4]) {
        self.mac = mac;
    }
}

impl Message for OpenLane<'_> {
    #[inline(always)]
    fn parts(&self) -> (&Key, Input, &[u8], usize) {
        (self.int, self.input, self.text, 8 * self.text.len())
    }

    #[inline(always)]
    fn put(&mut self, mac: [u8; 4]) {
        self.mac = mac;
    }
}

impl Message for VerifyLane<'_> {
    #[inline(always)]
    fn parts(&self) -> (&Key, Input, &[u8], usize) {
        (self.int, self.input, self.text, 8 * self.text.len())
    }

    #[inline(always)]
    fn put(&mut self, mac: [u8; 4]) {
        self.judge(mac);
    }
}
