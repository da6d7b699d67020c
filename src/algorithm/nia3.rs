//! 128-NIA3: ZUC as in EIA3 (TS 35.221). T is the XOR of the 32-bit keystream windows at the set message bits and
//! at bit LENGTH; the MAC is T XOR the last of ceil(LENGTH / 32) + 2 keystream words.

use super::{MacLane, Nia, NiaRow, nia1::iv};
use crate::kernel::{self, Backend, Lane, clmul, zuc};
use zeroize::Zeroize;

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
};

const CHUNK: usize = 16; // lanes a pass: 16 keystreams of SHORT bytes are 4.6 KB of stack
const SHORT: usize = 288; // keystream bytes of a message that is computed in lanes
const SHORT_BITS: usize = 8 * (SHORT - 8);
const PIECE: usize = 1024; // message bytes a pass of a longer message
const OVERLAP: usize = 16; // keystream that two pieces share: two words, rounded up to the stream's step

struct Rows {
    keystream: &'static Backend<zuc::Zuc>,
    stream: &'static Backend<zuc::Stream>,
    window: &'static Backend<clmul::Window>,
}

impl Rows {
    fn run(&self, lanes: &mut [MacLane<'_>]) {
        for chunk in lanes.chunks_mut(CHUNK) {
            match chunk {
                [lane] if lane.covered() <= SHORT_BITS => self.short(lane),
                [lane] => self.long(lane),
                lanes => self.chunk(lanes),
            }
        }
    }

    fn short(&self, lane: &mut MacLane<'_>) {
        let bits = lane.covered();
        let mut buffer = [0; SHORT];
        let z = &mut buffer[..keystream_bytes(bits)];
        (self.keystream.one)(&mut Lane {
            key: lane.key.raw(),
            iv: iv(lane.input),
            data: z,
        });
        let mut window = stage(lane, z);
        (self.window.one)(&mut window);
        lane.mac = finish(window.t, z, bits);
        z.zeroize();
    }

    /// Short lanes side by side, then the longer ones one at a time.
    fn chunk(&self, lanes: &mut [MacLane<'_>]) {
        let Some(spare) = lanes.first() else { return };
        let mut z = [[0; SHORT]; CHUNK];
        let mut used = [(0, 0); CHUNK]; // (lane, keystream bytes) of each place in use
        let mut count = 0;
        for (i, lane) in lanes.iter().enumerate().take(CHUNK) {
            if lane.covered() <= SHORT_BITS {
                used[count] = (i, keystream_bytes(lane.covered()));
                count += 1;
            }
        }
        let mut places = z.iter_mut().zip(&used);
        let mut streams: [_; CHUNK] = core::array::from_fn(|_| match places.next() {
            Some((z, &(i, len))) => Lane {
                key: lanes[i].key.raw(),
                iv: iv(lanes[i].input),
                data: &mut z[..len],
            },
            None => Lane {
                key: spare.key.raw(),
                iv: [0; 16],
                data: &mut [],
            },
        });
        (self.keystream.many)(&mut streams[..count]);
        let mut windows: [_; CHUNK] =
            core::array::from_fn(|k| stage(&lanes[used[k].0], &z[k][..used[k].1]));
        (self.window.many)(&mut windows[..count]);
        let t = windows.map(|window| window.t);
        for ((z, t), &(i, len)) in z.iter_mut().zip(t).zip(&used[..count]) {
            let bits = lanes[i].covered();
            lanes[i].mac = finish(t, &z[..len], bits);
            z[..len].zeroize();
        }
        for lane in lanes.iter_mut().filter(|lane| lane.covered() > SHORT_BITS) {
            self.long(lane);
        }
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
        lane.mac = finish(t, &z[..keystream_bytes(left)], left);
        z.zeroize();
    }
}

/// Bytes of ceil(bits / 32) + 2 words.
const fn keystream_bytes(bits: usize) -> usize {
    4 * (bits.div_ceil(32) + 2)
}

fn stage<'a>(lane: &MacLane<'a>, keystream: &'a [u8]) -> clmul::WindowLane<'a> {
    clmul::WindowLane {
        keystream,
        message: lane.message,
        bits: lane.bits,
        t: 0,
    }
}

/// T with the window at bit `bits` and the last word of `z`, which is as long as [`keystream_bytes`] says.
fn finish(t: u32, z: &[u8], bits: usize) -> [u8; 4] {
    let word = |i: usize| {
        let bytes = z.get(4 * i..4 * i + 4).unwrap_or(&[0; 4]);
        bytes
            .iter()
            .fold(0, |word, &byte| word << 8 | u64::from(byte))
    };
    let i = bits / 32;
    let window = (word(i) << 32 | word(i + 1)) >> (32 - bits % 32);
    (t ^ window as u32 ^ word(z.len() / 4 - 1) as u32).to_be_bytes()
}
