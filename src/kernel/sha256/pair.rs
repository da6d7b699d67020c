//! Two messages under one key, of which the last 128 bits are wanted: HMAC-SHA-256 with the states behind the pads
//! computed once and shared by both, six compressions instead of eight.

#[cfg(target_arch = "aarch64")]
use super::aarch64_sha2;
use super::words::schedule;
use super::{Backend, Choice, KEY, MAC, MESSAGE, Room, always, hmac_crate, sha2_crate};
#[cfg(target_arch = "x86_64")]
use super::{x86_avx2, x86_avx512, x86_shani};

/// A message of one block with the schedule of its rounds, computed once: at compile time when it is a constant.
/// In a vector the schedule is a third of a compression.
#[derive(Clone, Copy)]
pub struct Prepared<'a> {
    bytes: &'a [u8],
    schedule: [u32; 64],
}

impl<'a> Prepared<'a> {
    /// The most bytes that fit one block with their padding.
    pub const MOST: usize = 55;

    /// Prepares a message.
    ///
    /// # Panics
    /// When `bytes` is longer than [`Self::MOST`].
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        assert!(bytes.len() <= Self::MOST);
        let mut block = [0; 64];
        let mut i = 0;
        while i < bytes.len() {
            block[i] = bytes[i];
            i += 1;
        }
        block[i] = 0x80;
        let bits = 8 * (64 + bytes.len()); // the inner pad and the message: below 2^16
        block[62] = (bits >> 8) as u8;
        block[63] = bits as u8;
        Self {
            bytes,
            schedule: schedule(&block),
        }
    }
}

/// One of the two messages of a lane.
#[derive(Clone, Copy)]
pub enum Message<'a> {
    /// Any bytes, of any length.
    Bytes(&'a [u8]),
    /// A known message. Lanes that share one share its schedule.
    Prepared(&'a Prepared<'a>),
}

impl<'a> Message<'a> {
    /// The bytes of the message.
    #[inline]
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Prepared(prepared) => prepared.bytes,
        }
    }

    /// W + K of the only block, when it is prepared.
    #[inline]
    pub(super) const fn schedule(&self) -> Option<&'a [u32; 64]> {
        match self {
            Self::Bytes(_) => None,
            Self::Prepared(prepared) => Some(&prepared.schedule),
        }
    }
}

/// Two messages to authenticate with one key.
pub struct PairLane<'a> {
    /// The key.
    pub key: &'a [u8; 32],
    /// The messages.
    pub messages: [Message<'a>; 2],
    /// Results: the last 128 bits of HMAC-SHA-256 over each message.
    pub out: [&'a mut [u8; 16]; 2],
}

/// The room of pairs.
pub struct HmacPair;

/// Rows, best first. ns per pair of prepared messages, alone and in a batch of 64 (benches/derivation.rs, Sapphire
/// Rapids; without its SHA extensions in brackets): x86_avx512 162, 80 (491, 76); x86_shani 162, 162; x86_avx2
/// (864, 205); sha2_crate 231, 230 (951, 951); hmac_crate 415, 415 (1330, 1330).
pub static BACKENDS: &[Backend<HmacPair>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx512",
        lanes: 16,
        available: x86_avx512::available,
        one: x86_avx512::pair_one,
        many: x86_avx512::pair_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_shani",
        lanes: 1,
        available: x86_shani::available,
        one: x86_shani::pair_one,
        many: x86_shani::pair_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx2",
        lanes: 8,
        available: x86_avx2::available,
        one: x86_avx2::pair_one,
        many: x86_avx2::pair_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_sha2",
        lanes: 1,
        available: aarch64_sha2::available,
        one: aarch64_sha2::pair_one,
        many: aarch64_sha2::pair_many,
    },
    Backend {
        name: "sha2_crate",
        lanes: 1,
        available: always,
        one: sha2_crate::pair_one,
        many: sha2_crate::pair_many,
    },
    Backend {
        name: "hmac_crate",
        lanes: 1,
        available: always,
        one: hmac_crate::pair_one,
        many: hmac_crate::pair_many,
    },
];

impl Room for HmacPair {
    type Lane<'a> = PairLane<'a>;
    const NAME: &'static str = "sha256_pair";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        const LANES: usize = 33; // two groups of the widest row and one lane more
        static PREPARED: Prepared<'static> = Prepared::new(MESSAGE);
        let run = |messages: [Message<'_>; 2]| {
            let mut outs = [[[0; 16]; 2]; LANES];
            let mut lanes = outs.each_mut().map(|out| PairLane {
                key: &KEY,
                messages,
                out: out.each_mut(),
            });
            (backend.many)(&mut lanes[1..]);
            (backend.one)(&mut lanes[0]);
            outs.as_flattened().iter().all(|out| out == &MAC[16..])
        };
        run([Message::Prepared(&PREPARED); 2])
            && run([Message::Bytes(MESSAGE), Message::Prepared(&PREPARED)])
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<HmacPair> {
    crate::kernel::active()
}

#[cfg(test)]
mod tests {
    use super::super::words::{block, blocks};
    use super::*;

    #[test]
    fn a_prepared_message_is_its_padded_block() {
        let bytes: [u8; Prepared::MOST] = core::array::from_fn(|i| i as u8);
        for len in 0..=Prepared::MOST {
            let message = &bytes[..len];
            assert_eq!(blocks(len), 1);
            let expected = schedule(&block(message, 0));
            assert_eq!(Prepared::new(message).schedule, expected, "{len}");
        }
    }
}
