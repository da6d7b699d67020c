//! SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) with a key of 256 bits.

use super::{Backend, Choice, Room, always};
use sha2::{Digest, Sha256};
use zeroize::optimization_barrier;

#[cfg(target_arch = "aarch64")]
mod aarch64_sha2;
mod hmac_crate;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod narrow;
pub mod pair;
mod sha2_crate;
pub mod short;
mod words;
#[cfg(target_arch = "x86_64")]
mod x86_avx2;
#[cfg(target_arch = "x86_64")]
mod x86_avx512;
#[cfg(target_arch = "x86_64")]
mod x86_shani;

pub use pair::{HmacPair, Message, PairLane, Prepared};
pub use short::{Short, ShortLane};

/// One message to authenticate.
pub struct HmacLane<'a> {
    /// The key.
    pub key: &'a [u8; 32],
    /// The message, of any length; the derivations of TS 33.501 Annex A stay below 100 bytes.
    pub message: &'a [u8],
    /// Result: a key in most uses, so the lane wipes it when it is dropped.
    pub out: [u8; 32],
}

impl<'a> HmacLane<'a> {
    /// A lane to be computed.
    #[must_use]
    pub const fn new(key: &'a [u8; 32], message: &'a [u8]) -> Self {
        Self {
            key,
            message,
            out: [0; 32],
        }
    }
}

impl Drop for HmacLane<'_> {
    fn drop(&mut self) {
        // Not `zeroize`, which writes byte by byte: 32 stores are 5 % of what a lane costs in AVX-512.
        self.out = [0; 32];
        optimization_barrier(&self.out);
    }
}

/// The room of HMAC-SHA-256.
pub struct HmacSha256;

/// Rows, best first. ns per lane with a message of 10 bytes, alone and in a batch of 64 (Sapphire Rapids; in
/// brackets without its SHA extensions): x86_avx512 136, 66 (565, 66); x86_shani 135, 119; x86_avx2 (666, 164);
/// hmac_crate 180, 181 (666, 666).
pub static BACKENDS: &[Backend<HmacSha256>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx512",
        lanes: 16,
        available: x86_avx512::available,
        one: x86_avx512::hmac_one,
        many: x86_avx512::hmac_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_shani",
        lanes: 2,
        available: x86_shani::available,
        one: x86_shani::hmac_one,
        many: x86_shani::hmac_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx2",
        lanes: 8,
        available: x86_avx2::available,
        one: hmac_crate::one,
        many: x86_avx2::hmac_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_sha2",
        lanes: 2,
        available: aarch64_sha2::available,
        one: aarch64_sha2::hmac_one,
        many: aarch64_sha2::hmac_many,
    },
    Backend {
        name: "hmac_crate",
        lanes: 1,
        available: always,
        one: hmac_crate::one,
        many: hmac_crate::many,
    },
];

impl Room for HmacSha256 {
    type Lane<'a> = HmacLane<'a>;
    const NAME: &'static str = "sha256_hmac";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        const LANES: usize = 33;
        let lane = |_| HmacLane::new(&KEY, MESSAGE);
        let mut single = lane(0);
        (backend.one)(&mut single);
        let mut lanes: [_; LANES] = core::array::from_fn(lane);
        (backend.many)(&mut lanes);
        single.out == MAC && lanes.iter().all(|lane| lane.out == MAC)
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<HmacSha256> {
    super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<HmacSha256>) -> bool {
    super::known_answer(backend)
}

/// SHA-256 of the concatenation of some parts (the `sha2` crate, which picks SHA extensions itself).
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Sha256::new();
    for part in parts {
        state.update(part);
    }
    state.finalize().into()
}

// RFC 4231 test case 1; its 20-byte key, filled up with zeros, is the same HMAC key.
const KEY: [u8; 32] = {
    let mut key = [0; 32];
    let mut i = 0;
    while i < 20 {
        key[i] = 0x0B;
        i += 1;
    }
    key
};
const MESSAGE: &[u8] = b"Hi There";
const MAC: [u8; 32] = [
    0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1, 0x2b,
    0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83, 0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fips_180_one_block_message() {
        let digest = sha256(&[b"a", b"bc"]);
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
    }
}
