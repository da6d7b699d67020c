//! AES by VAES in 256 bits, for processors without AVX-512: counter mode, two blocks of one lane an instruction.
//!
//! CMAC has no such row: two lanes an instruction, their keys joined for every block, were 2 % faster than AES-NI in
//! batches of 64 (11.1 ns for 64 bytes against 11.3, 20.8 for 24 to 160 bytes against 20.3).

use super::super::Lane;
use super::message::{Whole, compose, compose_one};
use super::{Key, aes_crate, x86_aesni};
use crate::base::cpu::HaveVaes256;

mod ctr;

pub(super) fn available() -> bool {
    HaveVaes256::detect().is_some()
}

/// A single lane of counter mode.
pub(super) fn ctr_one(lane: &mut Lane<'_, Key>) {
    match HaveVaes256::detect() {
        // SAFETY: the token proves VAES and AVX2 with AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { ctr::one(lane) },
        None => aes_crate::ctr_one(lane),
    }
}

/// Any number of lanes of counter mode.
pub(super) fn ctr_many(lanes: &mut [Lane<'_, Key>]) {
    match HaveVaes256::detect() {
        // SAFETY: as in `ctr_one`.
        Some(_) => unsafe { ctr::many(lanes) },
        None => aes_crate::ctr_many(lanes),
    }
}

/// A single whole message; CMAC by the AES-NI row.
pub(super) fn message_one<L: Whole>(lane: &mut L) {
    compose_one(lane, ctr_one, x86_aesni::cmac_one);
}

/// Any number of whole messages.
pub(super) fn message_many<L: Whole>(lanes: &mut [L]) {
    compose(lanes, ctr_many, x86_aesni::cmac_many);
}
