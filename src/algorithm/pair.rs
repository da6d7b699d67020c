//! Ciphering and integrity by the same stream cipher: the two keystreams of a message are two lanes of one kernel
//! pass.

use super::message::{CHUNK, FEW, OpenLane, ProtectLane, RevealLane, VerifyLane, xor};
use super::{CipherKey, Key, Nea, Nia, aes, nea1, nia1, nia3, shape};
use crate::base::cpu::prefetch;
use crate::base::secret;
use crate::kernel::{Backend, Lane, Room};
use arrayvec::ArrayVec;

/// How a pair of algorithms runs in one pass.
pub(super) struct Pair {
    pub(super) protect: fn(&mut [ProtectLane<'_>]),
    /// The MACs and the keystreams, where these come together.
    #[cfg_attr(not(feature = "std"), allow(dead_code))] // sessions ask for it
    pub(super) open: Option<fn(&mut [OpenLane<'_>])>,
    /// The MACs, and what is authentic deciphered, where that is one pass.
    #[cfg_attr(not(feature = "std"), allow(dead_code))] // sessions ask for it
    pub(super) reveal: Option<fn(&mut [RevealLane<'_>])>,
    pub(super) verify: fn(&mut [VerifyLane<'_>]),
}

/// The pair, when both algorithms stand on the same cipher.
#[inline]
pub(super) fn of(nea: Nea, nia: Nia) -> Option<&'static Pair> {
    match (nea, nia) {
        (Nea::Nea1, Nia::Nia1) => Some(&nia1::PAIR),
        (Nea::Nea2, Nia::Nia2) => Some(&aes::PAIR),
        (Nea::Nea3, Nia::Nia3) => Some(&nia3::PAIR),
        _ => None,
    }
}

/// A message and the keystream of its MAC.
pub(super) struct Part<'a> {
    pub(super) text: &'a [u8],
    /// Length of the text in bits, not more than it has.
    pub(super) bits: usize,
    pub(super) z: &'a [u8],
}

/// A stream cipher that serves both ways.
pub(super) trait StreamCipher {
    type Room: for<'a> Room<Lane<'a> = Lane<'a, [u8; 16]>>;
    /// The MAC needs so little keystream that its lanes are better among themselves. Where it needs as much as the message
    /// has, lanes of both uses in one pass are more alike: ZUC protects 24 to 160 octets in 116 ns so, and else in 123.
    const APART: bool;
    /// The row in use.
    fn row() -> &'static Backend<Self::Room>;
    /// Keystream octets behind the MAC of a message of so many bits.
    fn mac_keystream(bits: usize) -> usize;
    /// The MACs of messages whose keystreams are there. At most [`CHUNK`] of them.
    fn finish(parts: &[Part<'_>], macs: &mut [[u8; 4]]);
    /// MAC of a message that is too long for a pass.
    fn long(key: &Key, input: super::Input, text: &[u8]) -> [u8; 4];
}

/// Keystream octets of the MAC of a message that comes alone, and of each of many.
const LONE: usize = 512;
const PIECE: usize = 128;

impl<S: StreamCipher> Pass<S> {
    pub(super) const PAIR: Pair = Pair {
        protect: |lanes| {
            Self::split(
                lanes,
                |lane| S::mac_keystream(8 * lane.text.len()),
                Self::protect,
            )
        },
        open: Some(|lanes| {
            Self::split(
                lanes,
                |lane| S::mac_keystream(8 * lane.text.len()),
                Self::open,
            )
        }),
        reveal: None,
        verify: |lanes| {
            // Room for the keystream of either use.
            let need =
                |lane: &VerifyLane<'_>| S::mac_keystream(8 * lane.text.len()).max(lane.text.len());
            Self::split(lanes, need, Self::verify);
        },
    };
}

pub(super) struct Pass<S>(core::marker::PhantomData<S>);

/// How many messages a chunk has.
enum Chunk {
    /// One of a length that many have too.
    Short,
    One,
    Few,
    Many,
    /// One, too long for a pass.
    Long,
}

impl<S: StreamCipher> Pass<S> {
    /// Cuts messages into chunks whose keystreams fit together.
    fn split<L>(lanes: &mut [L], need: fn(&L) -> usize, run: fn(Chunk, &mut [L])) {
        if let [lane] = lanes
            && need(lane) <= LONE
        {
            let short = need(lane) <= PIECE;
            return run(if short { Chunk::Short } else { Chunk::One }, lanes);
        }
        let mut rest = lanes;
        while !rest.is_empty() {
            let mut room = CHUNK * PIECE;
            let fits = |lane: &&L| {
                let need = need(lane);
                let fits = need <= room;
                room = room.saturating_sub(need);
                fits
            };
            let count = rest.iter().take(CHUNK).take_while(fits).count();
            let (now, later) = rest.split_at_mut(count.max(1));
            let chunk = match count {
                0 => Chunk::Long,
                ..=FEW if room >= (CHUNK - FEW) * PIECE => Chunk::Few,
                _ => Chunk::Many,
            };
            run(chunk, now);
            rest = later;
        }
    }

    fn protect(chunk: Chunk, lanes: &mut [ProtectLane<'_>]) {
        lanes.iter_mut().for_each(ProtectLane::settle);
        match chunk {
            Chunk::Short => Self::protect_pass::<1, 2, PIECE>(lanes),
            Chunk::One => Self::protect_pass::<1, 2, LONE>(lanes),
            Chunk::Few => Self::protect_pass::<FEW, { 2 * FEW }, PIECE>(lanes),
            Chunk::Many if S::APART => Self::protect_many(lanes),
            Chunk::Many => Self::protect_pass::<CHUNK, { shape::MOST }, PIECE>(lanes),
            Chunk::Long => {
                for lane in lanes {
                    let data = lane.part();
                    cipher_one::<S>(lane.enc, lane.input, &mut lane.text[data]);
                    lane.mac = S::long(lane.int, lane.input, lane.text);
                }
            }
        }
    }

    fn open(chunk: Chunk, lanes: &mut [OpenLane<'_>]) {
        match chunk {
            Chunk::Short => Self::open_pass::<1, 2, PIECE>(lanes),
            Chunk::One => Self::open_pass::<1, 2, LONE>(lanes),
            Chunk::Few => Self::open_pass::<FEW, { 2 * FEW }, PIECE>(lanes),
            Chunk::Many => Self::open_pass::<CHUNK, { shape::MOST }, PIECE>(lanes),
            Chunk::Long => {
                for lane in lanes {
                    cipher_one::<S>(lane.enc, lane.input, lane.keystream);
                    lane.mac = S::long(lane.int, lane.input, lane.text);
                }
            }
        }
    }

    fn verify(chunk: Chunk, lanes: &mut [VerifyLane<'_>]) {
        match chunk {
            Chunk::Short => Self::verify_pass::<1, 2, PIECE>(lanes),
            Chunk::One => Self::verify_pass::<1, 2, LONE>(lanes),
            Chunk::Few => Self::verify_pass::<FEW, { 2 * FEW }, PIECE>(lanes),
            Chunk::Many => Self::verify_many(lanes),
            Chunk::Long => {
                for lane in lanes {
                    lane.judge(S::long(lane.int, lane.input, lane.text));
                    let data = lane.part();
                    cipher_one::<S>(lane.enc, lane.input, &mut lane.text[data]);
                }
            }
        }
    }

    /// MACs and keystreams in one pass; the keystream of a message is used only when its MAC is right.
    fn verify_pass<const N: usize, const M: usize, const ROOM: usize>(
        lanes: &mut [VerifyLane<'_>],
    ) {
        let mut rooms = [[[0; ROOM]; N]; 2];
        let [mac_room, cipher_room] = &mut rooms;
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, M> = ArrayVec::new();
        let mut free = mac_room.as_flattened_mut();
        for lane in lanes.iter() {
            let (z, rest) = free.split_at_mut(S::mac_keystream(8 * lane.text.len()));
            free = rest;
            prefetch(lane.int.raw());
            prefetch(lane.enc.key());
            streams.push(mac_stream(lane.int, lane.input, z));
        }
        let mut free = cipher_room.as_flattened_mut();
        for lane in lanes.iter() {
            let (z, rest) = free.split_at_mut(lane.claimed().len());
            free = rest;
            streams.push(cipher_stream(lane.enc, lane.input, z));
        }
        keystreams::<S, M>(&mut streams);
        drop(streams);
        let [mac_room, cipher_room] = &rooms;
        let macs = Self::macs::<N>(
            lanes.iter().map(|lane| &*lane.text),
            mac_room.as_flattened(),
        );
        let mut keystreams = cipher_room.as_flattened();
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            let data = lane.claimed();
            let (z, rest) = keystreams.split_at(data.len());
            keystreams = rest;
            lane.judge(mac);
            if lane.authentic {
                xor(&mut lane.text[data], z);
            }
        }
        secret::wipe(rooms.as_flattened_mut().as_flattened_mut());
    }

    /// As many messages as fill the lanes for either use: they are ciphered, then their MACs are computed. SNOW 3G takes
    /// 65 ns for 64 octets so, 76 for 24 to 160, and 73 and 81 in one pass (AVX-512 with GFNI).
    fn protect_many(lanes: &mut [ProtectLane<'_>]) {
        let ask = |lane: &ProtectLane<'_>| {
            prefetch(lane.enc.key());
            prefetch(lane.int.raw());
        };
        lanes.iter().for_each(ask);
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, CHUNK> = lanes
            .iter_mut()
            .map(|lane| {
                let data = lane.part();
                cipher_stream(lane.enc, lane.input, &mut lane.text[data])
            })
            .collect();
        keystreams::<S, CHUNK>(&mut streams);
        drop(streams);
        let macs = Self::macs_many(lanes.iter().map(|lane| (lane.int, lane.input, &*lane.text)));
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            lane.mac = mac;
        }
    }

    /// As many messages as fill the lanes for either use: the MACs first, then what is authentic is deciphered where it
    /// stands. With keystreams of both uses in one pass, those that wait for the MACs need a room of their own: 79 ns for
    /// 66 with SNOW 3G, 98 for 94 with ZUC.
    fn verify_many(lanes: &mut [VerifyLane<'_>]) {
        let ask = |lane: &VerifyLane<'_>| {
            prefetch(lane.int.raw());
            prefetch(lane.enc.key());
        };
        lanes.iter().for_each(ask);
        let macs = Self::macs_many(lanes.iter().map(|lane| (lane.int, lane.input, &*lane.text)));
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            lane.judge(mac);
        }
        let authentic = lanes.iter_mut().filter(|lane| lane.authentic);
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, CHUNK> = authentic
            .map(|lane| {
                let data = lane.claimed();
                cipher_stream(lane.enc, lane.input, &mut lane.text[data])
            })
            .collect();
        keystreams::<S, CHUNK>(&mut streams);
    }

    /// The MACs of up to [`CHUNK`] messages whose keystreams find room together.
    fn macs_many<'t>(
        messages: impl Iterator<Item = (&'t Key, super::Input, &'t [u8])> + Clone,
    ) -> [[u8; 4]; CHUNK] {
        let mut room = [[0; PIECE]; CHUNK];
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, CHUNK> = ArrayVec::new();
        let mut free = room.as_flattened_mut();
        for (key, input, text) in messages.clone() {
            let (z, rest) = free.split_at_mut(S::mac_keystream(8 * text.len()));
            free = rest;
            streams.push(mac_stream(key, input, z));
        }
        let used = CHUNK * PIECE - free.len();
        keystreams::<S, CHUNK>(&mut streams);
        drop(streams);
        let macs = Self::macs::<CHUNK>(messages.map(|(_, _, text)| text), room.as_flattened());
        secret::wipe(&mut room.as_flattened_mut()[..used]);
        macs
    }

    fn protect_pass<'a, const N: usize, const M: usize, const ROOM: usize>(
        lanes: &mut [ProtectLane<'a>],
    ) {
        let mut room = [[0; ROOM]; N];
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, M> = ArrayVec::new();
        let mut free = room.as_flattened_mut();
        for lane in lanes.iter() {
            let (int, input): (&'a Key, _) = (lane.int, lane.input);
            let need = S::mac_keystream(8 * lane.text.len());
            let (z, rest) = free.split_at_mut(need);
            free = rest;
            prefetch(int.raw());
            prefetch(lane.enc.key());
            streams.push(mac_stream(int, input, z));
        }
        for lane in lanes.iter_mut() {
            let data = lane.part();
            streams.push(cipher_stream(lane.enc, lane.input, &mut lane.text[data]));
        }
        let unused = free.len();
        keystreams::<S, M>(&mut streams);
        drop(streams);
        let used = N * ROOM - unused;
        let macs = Self::macs::<N>(lanes.iter().map(|lane| &*lane.text), room.as_flattened());
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            lane.mac = mac;
        }
        // A number that the compiler knows spares a call.
        let used = if N == 1 && ROOM == PIECE { ROOM } else { used };
        secret::wipe(&mut room.as_flattened_mut()[..used]);
    }

    fn open_pass<'a, const N: usize, const M: usize, const ROOM: usize>(
        lanes: &mut [OpenLane<'a>],
    ) {
        let mut room = [[0; ROOM]; N];
        let mut streams: ArrayVec<Lane<'_, [u8; 16]>, M> = ArrayVec::new();
        let mut free = room.as_flattened_mut();
        for lane in lanes.iter() {
            let (int, input): (&'a Key, _) = (lane.int, lane.input);
            let need = S::mac_keystream(8 * lane.text.len());
            let (z, rest) = free.split_at_mut(need);
            free = rest;
            prefetch(int.raw());
            prefetch(lane.enc.key());
            streams.push(mac_stream(int, input, z));
        }
        for lane in lanes.iter_mut().filter(|lane| !lane.keystream.is_empty()) {
            streams.push(cipher_stream(lane.enc, lane.input, lane.keystream));
        }
        let unused = free.len();
        keystreams::<S, M>(&mut streams);
        drop(streams);
        let used = N * ROOM - unused;
        let macs = Self::macs::<N>(lanes.iter().map(|lane| lane.text), room.as_flattened());
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            lane.mac = mac;
        }
        // A number that the compiler knows spares a call.
        let used = if N == 1 && ROOM == PIECE { ROOM } else { used };
        secret::wipe(&mut room.as_flattened_mut()[..used]);
    }

    /// MACs of texts whose keystreams stand one behind the other.
    fn macs<'t, const N: usize>(
        texts: impl Iterator<Item = &'t [u8]>,
        mut z: &'t [u8],
    ) -> [[u8; 4]; N] {
        let mut parts: ArrayVec<Part<'_>, N> = ArrayVec::new();
        for text in texts {
            let bits = 8 * text.len();
            let (own, rest) = z.split_at(S::mac_keystream(bits));
            z = rest;
            parts.push(Part { text, bits, z: own });
        }
        let mut macs = [[0; 4]; N];
        S::finish(&parts, &mut macs);
        macs
    }
}

#[inline(always)]
fn cipher_stream<'s>(
    key: &'s CipherKey,
    input: super::Input,
    data: &'s mut [u8],
) -> Lane<'s, [u8; 16]> {
    Lane {
        key: key.key(),
        iv: nea1::iv(input),
        data,
    }
}

#[inline(always)]
fn mac_stream<'s>(key: &'s Key, input: super::Input, data: &'s mut [u8]) -> Lane<'s, [u8; 16]> {
    Lane {
        key: key.raw(),
        iv: nia1::iv(input),
        data,
    }
}

fn cipher_one<S: StreamCipher>(key: &CipherKey, input: super::Input, data: &mut [u8]) {
    (S::row().one)(&mut cipher_stream(key, input, data));
}

fn keystreams<S: StreamCipher, const M: usize>(streams: &mut [Lane<'_, [u8; 16]>]) {
    if M > 2 {
        shape::order(streams, |stream| stream.data.len());
    }
    (S::row().many)(streams);
}
