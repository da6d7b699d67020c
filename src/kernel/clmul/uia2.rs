//! UIA2's polynomial over GF(2^64), x^64 + x^4 + x^3 + x + 1 (ETSI/SAGE UEA2 and UIA2, document 1, clause 4).

use super::super::{Backend, Choice, Room, always};
#[cfg(target_arch = "aarch64")]
use super::aarch64_pmull;
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::x86_pclmulqdq;

/// One message: EVAL = ((…((M0·P + M1)·P + …)·P) + length)·Q.
pub struct Uia2Lane<'a> {
    /// P, the first two keystream words.
    pub p: u64,
    /// Q, the third and fourth keystream word.
    pub q: u64,
    /// The message.
    pub message: &'a [u8],
    /// Its length in bits; more than `8 * message.len()` counts as that.
    pub bits: usize,
    /// Result: the high 32 bits of EVAL, not yet XORed with the fifth keystream word.
    pub eval: u32,
}

/// The room of UIA2's polynomial.
pub struct Uia2;

/// Rows, best first.
pub static BACKENDS: &[Backend<Uia2>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_pclmulqdq",
        lanes: 4,
        available: x86_pclmulqdq::available,
        one: x86_pclmulqdq::uia2_one,
        many: x86_pclmulqdq::uia2_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_pmull",
        lanes: 4,
        available: aarch64_pmull::available,
        one: aarch64_pmull::uia2_one,
        many: aarch64_pmull::uia2_many,
    },
    Backend {
        name: "portable",
        lanes: 1,
        available: always,
        one: portable::uia2_one,
        many: portable::uia2_many,
    },
];

impl Room for Uia2 {
    type Lane<'a> = Uia2Lane<'a>;
    const NAME: &'static str = "clmul_uia2";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        let lane = |&(bits, eval): &(usize, u32)| {
            let lane = Uia2Lane {
                p: P,
                q: Q,
                message: &super::window::MESSAGE,
                bits,
                eval: 0,
            };
            (lane, eval)
        };
        let mut lanes = ANSWERS.each_ref().map(|answer| lane(answer).0);
        (backend.many)(&mut lanes);
        let many = lanes.iter().zip(&ANSWERS).all(|(l, a)| l.eval == a.1);
        many && ANSWERS.iter().map(lane).all(|(mut lane, eval)| {
            (backend.one)(&mut lane);
            lane.eval == eval
        })
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Uia2> {
    super::super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Uia2>) -> bool {
    super::super::known_answer(backend)
}

const P: u64 = 0x5c62_e091_b8c0_565f;
const Q: u64 = 0x4ae8_1572_f06e_1b88;
// (bits, high half of EVAL), computed bit by bit from the definition.
const ANSWERS: [(usize, u32); 20] = [
    (0, 0x0000_0000),
    (1, 0x4ae8_1572),
    (31, 0x6648_1205),
    (32, 0x707f_e53c),
    (33, 0x3a97_f04e),
    (63, 0xc3a3_2dca),
    (64, 0x29fd_49cc),
    (65, 0xdf92_5f3b),
    (127, 0x948a_345e),
    (128, 0x0ade_e920),
    (129, 0x94c9_8a70),
    (189, 0x4d2d_79a1),
    (191, 0x025e_0f65),
    (192, 0xe800_6b63),
    (193, 0x1444_78a0),
    (255, 0xe10d_3033),
    (256, 0xa1e4_48b5),
    (383, 0xf143_c370),
    (511, 0x846e_20ed),
    (512, 0x14ad_bd8b),
];
