//! SHA-256 of 32 bytes, which is one block: no key, two halves that stand apart.

#[cfg(target_arch = "aarch64")]
use super::aarch64_sha2;
use super::{Backend, Choice, Room, always, sha2_crate};
#[cfg(target_arch = "x86_64")]
use super::{x86_avx2, x86_avx512, x86_shani};
use zeroize::optimization_barrier;

/// One message to hash.
pub struct ShortLane<'a> {
    /// The message: 16 bytes, then 16 more.
    pub halves: [&'a [u8; 16]; 2],
    /// Result: wiped when the lane is dropped.
    pub out: [u8; 32],
}

impl<'a> ShortLane<'a> {
    /// A lane to be computed.
    #[must_use]
    pub const fn new(halves: [&'a [u8; 16]; 2]) -> Self {
        Self {
            halves,
            out: [0; 32],
        }
    }
}

impl Drop for ShortLane<'_> {
    fn drop(&mut self) {
        // As for `HmacLane`: not byte by byte.
        self.out = [0; 32];
        optimization_barrier(&self.out);
    }
}

/// The room of short messages.
pub struct Short;

/// Rows, best first. ns per lane, alone and in a batch of 64 (Sapphire Rapids): x86_avx512 44, 15; x86_shani 44, 29;
/// x86_avx2 46, 37; sha2_crate, which takes the SHA extensions itself, 45, 59.
pub static BACKENDS: &[Backend<Short>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx512",
        lanes: 16,
        available: x86_avx512::available,
        one: x86_avx512::short_one,
        many: x86_avx512::short_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_shani",
        lanes: 2,
        available: x86_shani::available,
        one: x86_shani::short_one,
        many: x86_shani::short_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx2",
        lanes: 8,
        available: x86_avx2::available,
        one: sha2_crate::short_one,
        many: x86_avx2::short_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_sha2",
        lanes: 2,
        available: aarch64_sha2::available,
        one: aarch64_sha2::short_one,
        many: aarch64_sha2::short_many,
    },
    Backend {
        name: "sha2_crate",
        lanes: 1,
        available: always,
        one: sha2_crate::short_one,
        many: sha2_crate::short_many,
    },
];

impl Room for Short {
    type Lane<'a> = ShortLane<'a>;
    const NAME: &'static str = "sha256_short";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        const LANES: usize = 33; // two groups of the widest row and one lane more
        let lane = |_| ShortLane::new([&FIRST, &SECOND]);
        let mut single = lane(0);
        (backend.one)(&mut single);
        let mut lanes: [_; LANES] = core::array::from_fn(lane);
        (backend.many)(&mut lanes);
        single.out == DIGEST && lanes.iter().all(|lane| lane.out == DIGEST)
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Short> {
    crate::kernel::active()
}

// The digest by Python's hashlib.
const FIRST: [u8; 16] = *b"0123456789abcdef";
const SECOND: [u8; 16] = *b"ghijklmnopqrstuv";
const DIGEST: [u8; 32] = [
    0x73, 0x33, 0x7f, 0x47, 0x9f, 0xe1, 0x70, 0xd7, 0x3e, 0x53, 0xe2, 0x47, 0xf3, 0x05, 0x2e, 0x42,
    0x43, 0xcc, 0x9c, 0x2a, 0x0f, 0xfa, 0x62, 0x18, 0x53, 0xd9, 0x38, 0x5c, 0x61, 0x9e, 0xfb, 0x77,
];
