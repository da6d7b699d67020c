//! Every room behind one face for measurements: secrets are prepared first, then lanes over them are handed to
//! whoever measures.

use naslane::kernel::{Lane, Room, aes128, clmul, sha256, snow3g, zuc};

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
    type Secret = aes128::Key;
    fn secret(raw: &Raw, _: usize) -> Self::Secret {
        aes128::Key::new(&half(raw))
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
