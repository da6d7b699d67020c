//! AES by VAES in 256 bits, for processors without AVX-512: two blocks an instruction. In counter mode those are
//! two blocks of one lane, in CMAC one block of each of two lanes.

use super::super::Lane;
use super::{CmacLane, Key, aes_crate, x86_aesni};
use crate::base::cpu::HaveVaes256;

mod cmac;
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

/// A single lane of CMAC: its blocks wait for each other, so wide registers have nothing to do.
pub(super) fn cmac_one(lane: &mut CmacLane<'_>) {
    x86_aesni::cmac_one(lane);
}

/// Any number of lanes of CMAC.
pub(super) fn cmac_many(lanes: &mut [CmacLane<'_>]) {
    match HaveVaes256::detect() {
        // SAFETY: as in `ctr_one`.
        Some(_) => unsafe { cmac::many(lanes) },
        None => aes_crate::cmac_many(lanes),
    }
}
