//! ZUC keystream (ETSI/SAGE specification of EEA3 and EIA3, document 2).
//!
//! The key and the IV are byte strings in the order of that document. Words leave the generator big-endian.

use super::{Backend, Choice, Lane, Room, always};
use zeroize::Zeroize;

#[cfg(target_arch = "aarch64")]
mod aarch64_neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod boxes;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod generator;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod narrow;
pub mod portable;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod row;
pub mod stream;
mod tables;
#[cfg(target_arch = "x86_64")]
mod x86_aesni;
#[cfg(target_arch = "x86_64")]
mod x86_avx2;
#[cfg(target_arch = "x86_64")]
mod x86_avx512;
#[cfg(target_arch = "x86_64")]
mod x86_gfni512;
#[cfg(target_arch = "x86_64")]
mod x86_narrow;
#[cfg(feature = "std")] // the crate asks for the standard library
mod zuc_crate;

pub use stream::{State, Stream, StreamLane};

/// The room of ZUC.
pub struct Zuc;

/// Rows, best first.
pub static BACKENDS: &[Backend<Zuc>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_gfni512",
        lanes: 16,
        available: x86_gfni512::available,
        one: x86_gfni512::one,
        many: x86_gfni512::many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx512",
        lanes: 16,
        available: x86_avx512::available,
        one: x86_avx512::one,
        many: x86_avx512::many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx2",
        lanes: 8,
        available: x86_avx2::available,
        one: x86_avx2::one,
        many: x86_avx2::many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_aesni",
        lanes: 4,
        available: x86_aesni::available,
        one: x86_aesni::one,
        many: x86_aesni::many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_neon",
        lanes: 4,
        available: aarch64_neon::available,
        one: aarch64_neon::one,
        many: aarch64_neon::many,
    },
    Backend {
        name: "portable",
        lanes: 1,
        available: always,
        one: portable::one,
        many: portable::many,
    },
    #[cfg(feature = "std")]
    Backend {
        name: "zuc_crate",
        lanes: 1,
        available: always,
        one: zuc_crate::one,
        many: zuc_crate::many,
    },
];

impl Room for Zuc {
    type Lane<'a> = Lane<'a, [u8; 16]>;
    const NAME: &'static str = "zuc";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        super::keystream_answers(backend, &KEY, IV, &KEYSTREAM)
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Zuc> {
    super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Zuc>) -> bool {
    super::known_answer(backend)
}

/// XORs keystream onto data and wipes it.
fn apply(data: &mut [u8], mut keystream: [u8; 16]) {
    for (byte, z) in data.iter_mut().zip(&keystream) {
        *byte ^= z;
    }
    keystream.zeroize();
}

// TS 35.222 generator test set 3.
const KEY: [u8; 16] = [
    0x3d, 0x4c, 0x4b, 0xe9, 0x6a, 0x82, 0xfd, 0xae, 0xb5, 0x8f, 0x64, 0x1d, 0xb1, 0x7b, 0x45, 0x5b,
];
const IV: [u8; 16] = [
    0x84, 0x31, 0x9a, 0xa8, 0xde, 0x69, 0x15, 0xca, 0x1f, 0x6b, 0xda, 0x6b, 0xfb, 0xd8, 0xc7, 0x66,
];
const KEYSTREAM: [u8; 64] = [
    0x14, 0xf1, 0xc2, 0x72, 0x32, 0x79, 0xc4, 0x19, 0x4b, 0x8e, 0xa4, 0x1d, 0x0c, 0xc8, 0x08, 0x63,
    0xd2, 0x80, 0x62, 0xe1, 0xe7, 0x1d, 0x3d, 0xda, 0xe3, 0xc4, 0xd1, 0x58, 0xa7, 0xf0, 0x67, 0xac,
    0x94, 0x93, 0x50, 0x56, 0x8e, 0xe5, 0xc6, 0x3d, 0xf5, 0xa0, 0xce, 0xc3, 0xd3, 0x3d, 0xa5, 0xa7,
    0x7d, 0xe8, 0x92, 0xac, 0xe8, 0xfd, 0x9b, 0x12, 0xfb, 0x62, 0x5a, 0x84, 0xf1, 0x5a, 0x53, 0x23,
];
