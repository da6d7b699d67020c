//! SNOW 3G keystream (ETSI/SAGE specification of UEA2 and UIA2, document 2).
//!
//! Key and IV are in the order in which f8 and f9 use them: the first four key bytes are K3, the first four IV
//! bytes are IV3, each word big-endian. Words leave the generator big-endian.

use super::{Backend, Choice, Lane, Room, always};

#[cfg(target_arch = "aarch64")]
mod aarch64_neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod lanes;
pub mod portable;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod shuffles;
mod tables;
#[cfg(target_arch = "x86_64")]
mod x86_aesni;
#[cfg(target_arch = "x86_64")]
mod x86_avx2;
#[cfg(target_arch = "x86_64")]
mod x86_avx512;
#[cfg(target_arch = "x86_64")]
mod x86_gfni512;

/// The room of SNOW 3G.
pub struct Snow3g;

/// Rows, best first.
pub static BACKENDS: &[Backend<Snow3g>] = &[
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
];

impl Room for Snow3g {
    type Lane<'a> = Lane<'a, [u8; 16]>;
    const NAME: &'static str = "snow3g";

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
pub fn active() -> &'static Backend<Snow3g> {
    super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Snow3g>) -> bool {
    super::known_answer(backend)
}

// TS 35.217 test set 1, words in f8 order.
const KEY: [u8; 16] = [
    0x48, 0x81, 0xff, 0x48, 0x95, 0x2c, 0x49, 0x10, 0x82, 0xc5, 0xb3, 0x00, 0x2b, 0xd6, 0x45, 0x9f,
];
const IV: [u8; 16] = [
    0x1c, 0x0b, 0xf4, 0x5f, 0xdf, 0x1f, 0x9b, 0x25, 0xad, 0x5c, 0x4d, 0x84, 0xea, 0x02, 0x47, 0x14,
];
const KEYSTREAM: [u8; 64] = [
    0xab, 0xee, 0x97, 0x04, 0x7a, 0xc3, 0x13, 0x73, 0xde, 0xdc, 0x2f, 0x7a, 0xd6, 0x01, 0xe9, 0xca,
    0x27, 0x7e, 0x5b, 0xe7, 0x91, 0x9c, 0x03, 0xdb, 0xc2, 0xb1, 0xdc, 0x48, 0x47, 0x73, 0xba, 0xfe,
    0xac, 0xda, 0xa5, 0x31, 0x97, 0xd4, 0x48, 0x2c, 0x16, 0xd1, 0x18, 0x92, 0xdb, 0x02, 0x46, 0x8e,
    0xe1, 0x15, 0xdd, 0xa3, 0xa9, 0xbe, 0xed, 0xfa, 0x40, 0xdf, 0xdd, 0x7d, 0x14, 0xce, 0x40, 0x43,
];
