//! EIA3's product: the XOR of the 32-bit keystream windows at the set message bits (ETSI/SAGE EEA3 and EIA3,
//! document 1, clause 4.4).

use super::super::{Backend, Choice, Room, always};
#[cfg(target_arch = "aarch64")]
use super::aarch64_pmull;
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::{x86_pclmulqdq, x86_vpclmul512};

/// One message, or the next piece of one. Bit `i` of the message, when set, contributes keystream bits
/// `i..i + 32`.
pub struct WindowLane<'a> {
    /// Keystream bytes: at least `4 * ceil(bits / 32) + 4` of them, else the lane contributes nothing.
    pub keystream: &'a [u8],
    /// The message.
    pub message: &'a [u8],
    /// Its length in bits; more than `8 * message.len()` counts as that.
    pub bits: usize,
    /// The windows are XORed onto it.
    pub t: u32,
}

impl WindowLane<'_> {
    /// Message bits that both slices cover: all of them, or 0 when the keystream is too short.
    pub(super) fn covered(&self) -> usize {
        let bits = self.bits.min(8 * self.message.len());
        if self.keystream.len() / 4 > bits.div_ceil(32) {
            bits
        } else {
            0
        }
    }
}

/// The room of EIA3's product.
pub struct Window;

/// Rows, best first.
pub static BACKENDS: &[Backend<Window>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_vpclmul512",
        lanes: 1,
        available: x86_vpclmul512::available,
        one: x86_vpclmul512::window_one,
        many: x86_vpclmul512::window_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_pclmulqdq",
        lanes: 1,
        available: x86_pclmulqdq::available,
        one: x86_pclmulqdq::window_one,
        many: x86_pclmulqdq::window_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_pmull",
        lanes: 1,
        available: aarch64_pmull::available,
        one: aarch64_pmull::window_one,
        many: aarch64_pmull::window_many,
    },
    Backend {
        name: "portable",
        lanes: 1,
        available: always,
        one: portable::window_one,
        many: portable::window_many,
    },
];

impl Room for Window {
    type Lane<'a> = WindowLane<'a>;
    const NAME: &'static str = "clmul_window";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        let lane = |&(bits, t): &(usize, u32)| {
            let lane = WindowLane {
                keystream: &KEYSTREAM,
                message: &MESSAGE,
                bits,
                t: 0,
            };
            (lane, t)
        };
        let mut lanes = ANSWERS.each_ref().map(|answer| lane(answer).0);
        (backend.many)(&mut lanes);
        let many = lanes.iter().zip(&ANSWERS).all(|(l, a)| l.t == a.1);
        many && ANSWERS.iter().map(lane).all(|(mut lane, t)| {
            (backend.one)(&mut lane);
            lane.t == t
        })
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Window> {
    super::super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Window>) -> bool {
    super::super::known_answer(backend)
}

pub(super) const MESSAGE: [u8; 64] = [
    0x0c, 0xd0, 0x48, 0xe7, 0x6c, 0x83, 0x79, 0x58, 0xd4, 0x5d, 0x48, 0x20, 0xac, 0x89, 0xe7, 0xa6,
    0x60, 0x8c, 0xf8, 0xcf, 0x7e, 0xcc, 0x0f, 0x94, 0x42, 0xcd, 0x26, 0xa1, 0x99, 0x6b, 0x2b, 0xf1,
    0x1a, 0xac, 0x0e, 0x01, 0x7c, 0x79, 0xf3, 0x4f, 0x19, 0xfd, 0x2b, 0x7d, 0x8c, 0xc6, 0xa7, 0x10,
    0x25, 0x51, 0x48, 0xfc, 0x20, 0xc9, 0x26, 0xdd, 0xb5, 0x03, 0xd9, 0x5c, 0xcb, 0xa0, 0x85, 0x75,
];
const KEYSTREAM: [u8; 72] = [
    0x39, 0x4f, 0xef, 0xc2, 0x36, 0x6e, 0x91, 0x1b, 0x22, 0x67, 0x73, 0x8a, 0x72, 0x5c, 0x73, 0x1f,
    0xa7, 0xa9, 0xf1, 0xb0, 0x5f, 0x98, 0x2f, 0x61, 0xc8, 0x5f, 0xd1, 0xa7, 0x43, 0x5d, 0xf4, 0xcc,
    0x2d, 0x87, 0xf1, 0x83, 0x38, 0x7d, 0x34, 0x05, 0xec, 0x71, 0x02, 0x53, 0x5e, 0x3f, 0x9b, 0xec,
    0x8a, 0xf2, 0xcb, 0x40, 0xc0, 0xd2, 0xbd, 0x4d, 0x57, 0x88, 0x30, 0xab, 0x6b, 0x9e, 0xe7, 0x88,
    0x07, 0xfb, 0xd5, 0xb3, 0x23, 0x21, 0x30, 0xa7,
];
// (bits, T), computed bit by bit from the definition.
const ANSWERS: [(usize, u32); 20] = [
    (0, 0x0000_0000),
    (1, 0x0000_0000),
    (31, 0xb43f_262a),
    (32, 0xaf08_6ea7),
    (33, 0xaf08_6ea7),
    (63, 0x1cdf_3146),
    (64, 0x1cdf_3146),
    (65, 0x3eb8_42cc),
    (127, 0x7f31_45ac),
    (128, 0x7f31_45ac),
    (129, 0x7f31_45ac),
    (189, 0xe100_bc5c),
    (191, 0xd80b_4668),
    (192, 0xd80b_4668),
    (193, 0xd80b_4668),
    (255, 0x497d_52e4),
    (256, 0x5fbe_aa25),
    (383, 0x55d3_14ac),
    (511, 0x7963_4a46),
    (512, 0x7a9e_a09f),
];
