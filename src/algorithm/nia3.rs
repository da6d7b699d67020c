//! 128-NIA3: ZUC as in EIA3 (TS 35.221). T is the XOR of the 32-bit keystream windows at the set message bits and
//! at bit LENGTH; the MAC is T XOR the last of ceil(LENGTH / 32) + 2 keystream words.

use super::message::{CHUNK, FEW};
use super::pair::{Pair, Part, Pass, StreamCipher};
use super::{Input, Key, MacLane, Nia, NiaRow, nia1::iv, shape};
use crate::base::secret;
use crate::kernel::{self, Backend, Lane, clmul, zuc};
use arrayvec::ArrayVec;

pub(super) const ROW: NiaRow = NiaRow {
    nia: Nia::Nia3,
    name: "128-NIA3",
    mac: |lanes| {
        Rows {
            keystream: zuc::active(),
            stream: zuc::stream::active(),
            window: clmul::window::active(),
        }
        .run(lanes);
    },
    mac_on: |name, lanes| {
        let (keystream, stream, window) = (
            kernel::named(name),
            kernel::named(name),
            kernel::named(name),
        );
        if keystream.is_none() && stream.is_none() && window.is_none() {
            return false;
        }
        Rows {
            keystream: keystream.unwrap_or_else(zuc::active),
            stream: stream.unwrap_or_else(zuc::stream::active),
            window: window.unwrap_or_else(clmul::window::active),
        }
        .run(lanes);
        true
    },
    mac_part: |lanes| super::lane::mac_part(&ROW, lanes),
    mac_open: |lanes| super::lane::mac_open(&ROW, lanes),
    mac_verify: |lanes| super::lane::mac_verify(&ROW, lanes),
};

const LONE: usize = 512; // keystream bytes of a message that comes alone and is no long one
const SHORT: usize = 128; // of each of many; a pass takes as many messages as find room together
const PIECE: usize = 1024; // message bytes a pass of a longer message
const OVERLAP: usize = 16; // keystream that two pieces share: two words, rounded up to the stream's step

struct Rows {
    keystream: &'static Backend<zuc::Zuc>,
    stream: &'static Backend<zuc::Stream>,
    window: &'static Backend<clmul::Window>,
}

impl Rows {
    fn run(&self, lanes: &mut [MacLane<'_>]) {
        let need = |lane: &MacLane<'_>| keystream_bytes(lane.covered());
        let mut rest = lanes;
        while !rest.is_empty() {
            let mut room = CHUNK * SHORT;
            let fits = |lane: &&MacLane<'_>| {
                let fits = need(lane) <= room;
                room = room.saturating_sub(need(lane));
                fits
            };
            let count = rest.iter().take(CHUNK).take_while(fits).count();
            let (now, later) = rest.split_at_mut(count.max(1));
            match now {
                [lane] if need(lane) > LONE => self.long(lane),
                [lane] => self.pass::<1, LONE>(core::slice::from_mut(lane)),
                lanes => self.pass::<CHUNK, SHORT>(lanes),
            }
            rest = later;
        }
    }

    fn pass<'a, const N: usize, const ROOM: usize>(&self, lanes: &mut [MacLane<'a>]) {
        let mut room = [[0; ROOM]; N];
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, N> = ArrayVec::new();
        let mut free = room.as_flattened_mut();
        for lane in lanes.iter() {
            let (z, rest) = free.split_at_mut(keystream_bytes(lane.covered()));
            free = rest;
            let key: &'a Key = lane.key;
            streams.push(Lane {
                key: key.raw(),
                iv: iv(lane.input),
                data: z,
            });
        }
        match &mut streams[..] {
            [lane] => (self.keystream.one)(lane),
            lanes => {
                shape::order(lanes, |lane| lane.data.len());
                (self.keystream.many)(lanes);
            }
        }
        drop(streams);
        let mut parts: ArrayVec<Part<'_>, N> = ArrayVec::new();
        let mut z = room.as_flattened();
        for lane in lanes.iter() {
            let bits = lane.covered();
            let (own, rest) = z.split_at(keystream_bytes(bits));
            z = rest;
            parts.push(Part {
                text: lane.message,
                bits,
                z: own,
            });
        }
        let mut macs = [[0; 4]; N];
        finish::<N>(self.window, &parts, &mut macs);
        drop(parts);
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            lane.mac = mac;
        }
        secret::wipe(room.as_flattened_mut());
    }

    /// A message of any length, in pieces; the keystream buffer holds what one piece needs.
    fn long(&self, lane: &mut MacLane<'_>) {
        let bits = lane.covered();
        let mut state = zuc::State::new(lane.key.raw(), &iv(lane.input));
        let mut z = [0; PIECE + OVERLAP];
        (self.stream.one)(&mut zuc::StreamLane {
            state: &mut state,
            data: &mut z,
        });
        let pass = |z: &[u8], message: &[u8], bits: usize, t: u32| {
            let mut window = clmul::WindowLane {
                keystream: z,
                message,
                bits,
                t,
            };
            (self.window.one)(&mut window);
            window.t
        };
        let (mut message, mut left, mut t) = (lane.message, bits, 0);
        while left > 8 * PIECE {
            let (piece, rest) = message.split_at(PIECE);
            t = pass(&z, piece, 8 * PIECE, t);
            z.copy_within(PIECE.., 0);
            z[OVERLAP..].fill(0);
            (self.stream.one)(&mut zuc::StreamLane {
                state: &mut state,
                data: &mut z[OVERLAP..],
            });
            message = rest;
            left -= 8 * PIECE;
        }
        t = pass(&z, message, left, t);
        lane.mac = masked(t, &z[..keystream_bytes(left)], left);
        secret::wipe(&mut z);
    }
}

/// Bytes of ceil(bits / 32) + 2 words.
const fn keystream_bytes(bits: usize) -> usize {
    4 * (bits.div_ceil(32) + 2)
}

/// MACs of messages whose keystreams are there.
fn finish<const N: usize>(row: &Backend<clmul::Window>, parts: &[Part<'_>], macs: &mut [[u8; 4]]) {
    // Not collected: the whole array would be copied.
    let mut windows: ArrayVec<clmul::WindowLane<'_>, N> = ArrayVec::new();
    for part in parts {
        windows.push(clmul::WindowLane {
            keystream: part.z,
            message: part.text,
            bits: part.bits,
            t: 0,
        });
    }
    match &mut windows[..] {
        [lane] => (row.one)(lane),
        lanes => (row.many)(lanes),
    }
    for ((mac, lane), part) in macs.iter_mut().zip(&windows).zip(parts) {
        *mac = masked(lane.t, part.z, part.bits);
    }
}

/// ZUC for both ciphering and integrity.
pub(super) struct Zuc;

pub(super) const PAIR: Pair = Pass::<Zuc>::PAIR;

impl StreamCipher for Zuc {
    type Room = zuc::Zuc;
    const APART: bool = false;

    fn row() -> &'static Backend<zuc::Zuc> {
        zuc::active()
    }

    fn mac_keystream(bits: usize) -> usize {
        keystream_bytes(bits)
    }

    fn finish(parts: &[Part<'_>], macs: &mut [[u8; 4]]) {
        match parts.len() {
            1 => finish::<1>(clmul::window::active(), parts, macs),
            ..=FEW => finish::<FEW>(clmul::window::active(), parts, macs),
            _ => finish::<CHUNK>(clmul::window::active(), parts, macs),
        }
    }

    fn long(key: &Key, input: Input, text: &[u8]) -> [u8; 4] {
        let mut lanes = [MacLane::new(key, input, text)];
        (ROW.mac)(&mut lanes);
        lanes[0].mac
    }
}

/// T with the window at bit `bits` and the last word of `z`, which is as long as [`keystream_bytes`] says.
fn masked(t: u32, z: &[u8], bits: usize) -> [u8; 4] {
    let word = |i: usize| {
        z.get(4 * i..4 * i + 4)
            .and_then(|word| word.try_into().ok())
            .map_or(0, |word| u64::from(u32::from_be_bytes(word)))
    };
    let i = bits / 32;
    let window = (word(i) << 32 | word(i + 1)) >> (32 - bits % 32);
    (t ^ window as u32 ^ word(z.len() / 4 - 1) as u32).to_be_bytes()
}
