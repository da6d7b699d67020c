//! Key expansion: the eleven round keys and CMAC's K1.

use super::super::{Backend, Choice, Room, always};
#[cfg(target_arch = "aarch64")]
use super::aarch64_aes;
use super::{EXAMPLE, Key, portable};
#[cfg(target_arch = "x86_64")]
use super::{x86_aesni, x86_vaes512};

/// One key to prepare.
pub struct ExpandLane<'a> {
    /// Holds the raw key (see [`Key::raw`]); becomes the prepared key.
    pub key: &'a mut Key,
}

/// The room of key expansion.
pub struct Expand;

/// Rows, best first.
pub static BACKENDS: &[Backend<Expand>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_vaes512",
        lanes: 8,
        available: x86_vaes512::available,
        one: x86_vaes512::expand_one,
        many: x86_vaes512::expand_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_aesni",
        lanes: 1,
        available: x86_aesni::available,
        one: x86_aesni::expand_one,
        many: x86_aesni::expand_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_aes",
        lanes: 4,
        available: aarch64_aes::available,
        one: aarch64_aes::expand_one,
        many: aarch64_aes::expand_many,
    },
    Backend {
        name: "portable",
        lanes: 1,
        available: always,
        one: portable::one,
        many: portable::many,
    },
];

impl Room for Expand {
    type Lane<'a> = ExpandLane<'a>;
    const NAME: &'static str = "aes128_expand";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        let right = |key: &Key| {
            key.schedule.0[0] == EXAMPLE
                && key.schedule.0[1] == FIRST
                && key.schedule.0[10] == LAST
                && key.k1 == K1
        };
        let mut keys: [Key; 9] = core::array::from_fn(|_| Key::raw(&EXAMPLE));
        (backend.many)(&mut keys.each_mut().map(|key| ExpandLane { key }));
        right(&Key::with(backend, &EXAMPLE)) && keys.iter().all(right)
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Expand> {
    super::super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Expand>) -> bool {
    super::super::known_answer(backend)
}

// FIPS 197, A.1: w4..w7 and w40..w43. RFC 4493, 4: K1.
const FIRST: [u8; 16] = 0xa0fa_fe17_8854_2cb1_23a3_3939_2a6c_7605_u128.to_be_bytes();
const LAST: [u8; 16] = 0xd014_f9a8_c9ee_2589_e13f_0cc8_b663_0ca6_u128.to_be_bytes();
const K1: [u8; 16] = 0xfbee_d618_3571_3366_7c85_e08f_7236_a8de_u128.to_be_bytes();
