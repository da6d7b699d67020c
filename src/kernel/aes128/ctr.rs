//! Counter mode: the IV is the first counter block, a 128-bit big-endian number.

use super::super::{Backend, Choice, Lane, Room, always};
#[cfg(target_arch = "aarch64")]
use super::aarch64_aes;
use super::{EXAMPLE, Key, Schedule, aes_crate};
#[cfg(target_arch = "x86_64")]
use super::{x86_aesni, x86_vaes256, x86_vaes512};

/// The room of counter mode.
pub struct Ctr;

/// Rows, best first.
pub static BACKENDS: &[Backend<Ctr>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_vaes512",
        lanes: 4,
        available: x86_vaes512::available,
        one: x86_vaes512::ctr_one,
        many: x86_vaes512::ctr_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_vaes256",
        lanes: 2,
        available: x86_vaes256::available,
        one: x86_vaes256::ctr_one,
        many: x86_vaes256::ctr_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_aesni",
        lanes: 2,
        available: x86_aesni::available,
        one: x86_aesni::ctr_one,
        many: x86_aesni::ctr_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_aes",
        lanes: 2,
        available: aarch64_aes::available,
        one: aarch64_aes::ctr_one,
        many: aarch64_aes::ctr_many,
    },
    Backend {
        name: "aes_crate",
        lanes: 1,
        available: always,
        one: aes_crate::ctr_one,
        many: aes_crate::ctr_many,
    },
];

impl Room for Ctr {
    type Lane<'a> = Lane<'a, Schedule>;
    const NAME: &'static str = "aes128_ctr";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        super::super::keystream_answers(backend, &Key::new(&EXAMPLE).schedule, COUNTER, &KEYSTREAM)
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Ctr> {
    super::super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Ctr>) -> bool {
    super::super::known_answer(backend)
}

// SP 800-38A, F.5.1: the first counter block and the output blocks.
const COUNTER: [u8; 16] = 0xf0f1_f2f3_f4f5_f6f7_f8f9_fafb_fcfd_feff_u128.to_be_bytes();
const KEYSTREAM: [u8; 64] = [
    0xec, 0x8c, 0xdf, 0x73, 0x98, 0x60, 0x7c, 0xb0, 0xf2, 0xd2, 0x16, 0x75, 0xea, 0x9e, 0xa1, 0xe4,
    0x36, 0x2b, 0x7c, 0x3c, 0x67, 0x73, 0x51, 0x63, 0x18, 0xa0, 0x77, 0xd7, 0xfc, 0x50, 0x73, 0xae,
    0x6a, 0x2c, 0xc3, 0x78, 0x78, 0x89, 0x37, 0x4f, 0xbe, 0xb4, 0xc8, 0x1b, 0x17, 0xba, 0x6c, 0x44,
    0xe8, 0x9c, 0x39, 0x9f, 0xf0, 0xf1, 0x98, 0xc6, 0xd4, 0x0a, 0x31, 0xdb, 0x15, 0x6c, 0xab, 0xfe,
];
