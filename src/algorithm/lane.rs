//! What an algorithm takes: one lane per message.

use super::message::{CHUNK, OpenLane, ProtectLane, VerifyLane};
use super::{CipherKey, Key, NiaRow, shape};
use crate::base::Direction;
use crate::kernel::{Backend, Lane, Room};
use arrayvec::ArrayVec;

/// The inputs besides key and message (TS 33.501 D.2.1.1, D.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// COUNT, all 32 bits as the algorithm gets them: 0x00 and the 24-bit NAS COUNT (TS 24.501 4.4.3.1).
    pub count: u32,
    /// BEARER, five bits; higher bits are ignored.
    pub bearer: u8,
    /// DIRECTION.
    pub direction: Direction,
}

impl Input {
    /// COUNT, then BEARER, DIRECTION and 26 zero bits: the head of TS 33.401 B.1.3 and B.2.3 and the first half
    /// of the IVs of 128-NEA1 and 128-NEA3.
    #[inline]
    pub(super) const fn head(self) -> [u8; 8] {
        let octet = self.bearer_bits() | (self.direction as u8) << 2;
        // One number, so that it is stored as one: see `base::cpu::apart`.
        ((self.count as u64) << 32 | (octet as u64) << 24).to_be_bytes()
    }

    /// BEARER in the five high bits of an octet.
    #[inline]
    pub(super) const fn bearer_bits(self) -> u8 {
        (self.bearer & 31) << 3
    }
}

/// One message to cipher or decipher, in place.
pub struct CipherLane<'a> {
    /// Prepared by [`cipher_key`](super::cipher_key) for the algorithm that is called.
    pub key: &'a CipherKey,
    /// COUNT, BEARER, DIRECTION.
    pub input: Input,
    /// The message, of any length; 0 is legal.
    pub data: &'a mut [u8],
}

/// One message to authenticate.
pub struct MacLane<'a> {
    /// Prepared by [`Key::for_nia`] for the algorithm that is called.
    pub key: &'a Key,
    /// COUNT, BEARER, DIRECTION.
    pub input: Input,
    /// The message, of any length; 0 is legal.
    pub message: &'a [u8],
    /// Its length in bits: NAS messages are whole octets, the published test data is not. More than
    /// `8 * message.len()` counts as that.
    pub bits: usize,
    /// Result: MAC-I or XMAC-I.
    pub mac: [u8; 4],
}

impl<'a> MacLane<'a> {
    /// A lane over all of `message`.
    #[must_use]
    pub const fn new(key: &'a Key, input: Input, message: &'a [u8]) -> Self {
        Self {
            key,
            input,
            message,
            bits: 8 * message.len(),
            mac: [0; 4],
        }
    }

    /// Message bits that count.
    pub(super) fn covered(&self) -> usize {
        self.bits.min(8 * self.message.len())
    }
}

/// Ciphers lanes with a keystream row; `stage` makes the room's lane of a message.
pub(super) fn keystream<R, K: 'static, L>(
    row: &Backend<R>,
    lanes: &mut [L],
    stage: for<'s> fn(&'s mut L) -> Lane<'s, K>,
) where
    R: for<'a> Room<Lane<'a> = Lane<'a, K>>,
{
    if let [lane] = lanes {
        return (row.one)(&mut stage(lane));
    }
    for chunk in lanes.chunks_mut(shape::MOST) {
        let mut staged: ArrayVec<Lane<'_, K>, { shape::MOST }> =
            chunk.iter_mut().map(stage).collect();
        shape::order(&mut staged, |lane| lane.data.len());
        (row.many)(&mut staged);
    }
}

/// MACs of any messages, for an algorithm that takes plain [`MacLane`]s.
pub(super) fn mac_of<L>(
    row: &NiaRow,
    lanes: &mut [L],
    stage: for<'s> fn(&'s L) -> MacLane<'s>,
    put: fn(&mut L, [u8; 4]),
) {
    for chunk in lanes.chunks_mut(CHUNK) {
        let mut staged: ArrayVec<MacLane<'_>, CHUNK> = chunk.iter().map(stage).collect();
        (row.mac)(&mut staged);
        let macs: ArrayVec<[u8; 4], CHUNK> = staged.iter().map(|lane| lane.mac).collect();
        drop(staged);
        for (lane, mac) in chunk.iter_mut().zip(macs) {
            put(lane, mac);
        }
    }
}

/// MACs of messages to protect.
pub(super) fn mac_part(row: &NiaRow, lanes: &mut [ProtectLane<'_>]) {
    mac_of(
        row,
        lanes,
        |lane| MacLane::new(lane.int, lane.input, lane.text),
        |lane, mac| lane.mac = mac,
    );
}

/// MACs of messages whose ciphering is another matter.
pub(super) fn mac_open(row: &NiaRow, lanes: &mut [OpenLane<'_>]) {
    mac_of(
        row,
        lanes,
        |lane| MacLane::new(lane.int, lane.input, lane.text),
        |lane, mac| lane.mac = mac,
    );
}

/// MACs of messages to verify, compared.
pub(super) fn mac_verify(row: &NiaRow, lanes: &mut [VerifyLane<'_>]) {
    mac_of(
        row,
        lanes,
        |lane| MacLane::new(lane.int, lane.input, lane.text),
        VerifyLane::judge,
    );
}
