//! Every room behind one face for measurements: secrets are prepared first, then lanes over them are handed to
//! whoever measures.

use naslane::kernel::{Lane, Room, aes128, clmul, sha256, snow3g, zuc};

/// Does something for every room, `every_room!(|R| measure::<R>())`, and fails when the kernel has one more.
#[allow(unused_macros)] // each test file uses its part
macro_rules! every_room {
    (|$room:ident| $call:expr) => {{
        let mut names = Vec::new();
        {
            type $room = naslane::kernel::aes128::Expand;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::aes128::Ctr;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::aes128::Cmac;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::aes128::Seal;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::aes128::Open;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::snow3g::Snow3g;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::zuc::Zuc;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::zuc::Stream;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::clmul::Uia2;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::clmul::Window;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::sha256::HmacSha256;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::sha256::HmacPair;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        {
            type $room = naslane::kernel::sha256::Short;
            names.push(<$room as naslane::kernel::Room>::NAME);
            $call;
        }
        let rooms = naslane::kernel::rooms().iter().map(|room| room.name);
        assert_eq!(names, rooms.collect::<Vec<_>>(), "every_room! lacks a room");
    }};
}
#[allow(unused_imports)] // likewise
pub(crate) use every_room;

/// The random bytes that a lane's secrets are made of.
pub type Raw = [u8; 32];

/// Rows that index tables by secrets, and say so: the exception of README, "Security notes and limits".
pub const TABLES: &[(&str, &str)] = &[
    ("snow3g", "portable"),
    ("zuc", "portable"),
    ("zuc", "zuc_crate"),
    ("zuc_stream", "portable"),
];

/// A room whose lanes can be built from secrets.
pub trait Driven: Room {
    /// Key, keystream or state of one lane.
    type Secret;

    /// The secret of a lane whose message has `len` bytes. Neither branches on `raw` nor indexes by it.
    fn secret(raw: &Raw, len: usize) -> Self::Secret;

    /// Lanes over secrets and messages.
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>>;
}

/// IVs are public.
const IV: [u8; 16] = [0x5A; 16];

fn half(raw: &Raw) -> [u8; 16] {
    core::array::from_fn(|i| raw[i])
}

fn word(raw: &Raw, at: usize) -> u64 {
    u64::from_be_bytes(core::array::from_fn(|i| raw[at + i]))
}

fn keystream<'a, K>(secrets: &'a [K], messages: &'a mut [Vec<u8>]) -> Vec<Lane<'a, K>> {
    let lanes = secrets.iter().zip(messages);
    lanes
        .map(|(key, data)| Lane { key, iv: IV, data })
        .collect()
}

impl Driven for aes128::Expand {
    type Secret = aes128::Key;
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        aes128::Key::raw(&half(raw))
    }
    fn lanes<'a>(secrets: &'a mut [Self::Secret], _: &'a mut [Vec<u8>]) -> Vec<Self::Lane<'a>> {
        secrets
            .iter_mut()
            .map(|key| aes128::ExpandLane { key })
            .collect()
    }
}

impl Driven for aes128::Ctr {
    type Secret = aes128::Schedule;
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        aes128::Key::new(&half(raw)).schedule.clone()
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        keystream(secrets, messages)
    }
}

impl Driven for aes128::Cmac {
    type Secret = aes128::Key;
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        aes128::Key::new(&half(raw))
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter().zip(messages);
        lanes
            .map(|(key, message)| aes128::CmacLane {
                key,
                head: Some([0x33; 8]),
                bits: 8 * message.len(),
                message,
                mac: [0; 16],
            })
            .collect()
    }
}

impl Driven for aes128::Seal {
    type Secret = ([aes128::Key; 2], [u8; 4]);
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        whole(raw)
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter_mut().zip(messages);
        lanes
            .map(|(([enc, int], mac), text)| aes128::SealLane {
                enc: &enc.schedule,
                int,
                head: [0x33; 8],
                ciphered: 1..text.len(),
                plain: None,
                text,
                mac,
            })
            .collect()
    }
}

/// No MAC is right: whether one is decides what is deciphered, and is told to everyone.
impl Driven for aes128::Open {
    type Secret = ([aes128::Key; 2], bool);
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        (whole(raw).0, false)
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter_mut().zip(messages);
        lanes
            .map(|(([enc, int], authentic), text)| aes128::OpenLane {
                enc: &enc.schedule,
                int,
                head: [0x33; 8],
                ciphered: 1..text.len(),
                text: aes128::Opening::Here(text),
                mac: [0x5A; 4],
                authentic,
            })
            .collect()
    }
}

fn whole(raw: &Raw) -> ([aes128::Key; 2], [u8; 4]) {
    let int = core::array::from_fn(|i| raw[16 + i]);
    (
        [aes128::Key::new(&half(raw)), aes128::Key::new(&int)],
        [0; 4],
    )
}

impl Driven for snow3g::Snow3g {
    type Secret = [u8; 16];
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        half(raw)
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        keystream(secrets, messages)
    }
}

impl Driven for zuc::Zuc {
    type Secret = [u8; 16];
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        half(raw)
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        keystream(secrets, messages)
    }
}

impl Driven for zuc::Stream {
    type Secret = zuc::State;
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        zuc::State::new(&half(raw), &IV)
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter_mut().zip(messages);
        lanes
            .map(|(state, data)| zuc::StreamLane { state, data })
            .collect()
    }
}

impl Driven for clmul::Uia2 {
    type Secret = (u64, u64);
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        (word(raw, 0), word(raw, 8))
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter().zip(messages);
        lanes
            .map(|(&(p, q), message)| clmul::Uia2Lane {
                p,
                q,
                bits: 8 * message.len(),
                message,
                eval: 0,
            })
            .collect()
    }
}

impl Driven for clmul::Window {
    type Secret = Vec<u8>;
    fn secret(raw: &Raw, len: usize) -> Self::Secret {
        (0..4 * len.div_ceil(4) + 4)
            .map(|i| raw[i % raw.len()])
            .collect()
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter().zip(messages);
        lanes
            .map(|(keystream, message)| clmul::WindowLane {
                keystream,
                bits: 8 * message.len(),
                message,
                t: 0,
            })
            .collect()
    }
}

impl Driven for sha256::HmacSha256 {
    type Secret = Raw;
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        *raw
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter().zip(messages);
        lanes
            .map(|(key, message)| sha256::HmacLane::new(key, message))
            .collect()
    }
}

impl Driven for sha256::HmacPair {
    type Secret = (Raw, [[u8; 16]; 2]);
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        (*raw, [[0; 16]; 2])
    }
    fn lanes<'a>(
        secrets: &'a mut [Self::Secret],
        messages: &'a mut [Vec<u8>],
    ) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter_mut().zip(messages);
        lanes
            .map(|((key, out), message)| sha256::PairLane {
                key,
                messages: [
                    sha256::Message::Bytes(message),
                    sha256::Message::Bytes(&message[message.len() / 2..]),
                ],
                out: out.each_mut(),
            })
            .collect()
    }
}

impl Driven for sha256::Short {
    type Secret = [[u8; 16]; 2];
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        let (halves, _) = raw.as_chunks::<16>();
        [halves[0], halves[1]]
    }
    fn lanes<'a>(secrets: &'a mut [Self::Secret], _: &'a mut [Vec<u8>]) -> Vec<Self::Lane<'a>> {
        let lanes = secrets.iter();
        lanes
            .map(|halves| sha256::ShortLane::new(halves.each_ref()))
            .collect()
    }
}
