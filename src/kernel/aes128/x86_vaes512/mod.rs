//! AES by VAES in 512 bits: four blocks an instruction. In counter mode those are four blocks of one lane, in
//! CMAC one block of each of four lanes.

use super::super::Lane;
use super::whole::{Whole, compose};
use super::{CmacLane, ExpandLane, Schedule, aes_crate, x86_aesni};
use crate::base::cpu::HaveVaes512;

mod cmac;
mod ctr;
mod expand;
mod message;
mod single;

pub(super) fn available() -> bool {
    HaveVaes512::detect().is_some()
}

/// A single key: a register would be filled to a quarter.
pub(super) fn expand_one(lane: &mut ExpandLane<'_>) {
    x86_aesni::expand_one(lane);
}

/// Any number of keys.
pub(super) fn expand_many(lanes: &mut [ExpandLane<'_>]) {
    match HaveVaes512::detect() {
        // SAFETY: the token proves VAES and AVX-512 F, BW, DQ, VL with AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { expand::many(lanes) },
        None => x86_aesni::expand_many(lanes),
    }
}

/// A single lane of counter mode.
pub(super) fn ctr_one(lane: &mut Lane<'_, Schedule>) {
    match HaveVaes512::detect() {
        // SAFETY: the token proves VAES and AVX-512 F, BW, DQ, VL with AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { ctr::one(lane) },
        None => aes_crate::ctr_one(lane),
    }
}

/// Any number of lanes of counter mode.
pub(super) fn ctr_many(lanes: &mut [Lane<'_, Schedule>]) {
    match HaveVaes512::detect() {
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
    match HaveVaes512::detect() {
        // SAFETY: as in `ctr_one`.
        Some(_) => unsafe { cmac::many(lanes) },
        None => aes_crate::cmac_many(lanes),
    }
}

/// A single whole message.
pub(super) fn message_one<L: Whole>(lane: &mut L) {
    lane.settle_part();
    match HaveVaes512::detect() {
        // SAFETY: as in `ctr_one`.
        Some(_) if lane.regular() => unsafe { single::one(lane) },
        _ => x86_aesni::message_one(lane),
    }
}

/// Any number of whole messages.
pub(super) fn message_many<L: Whole>(lanes: &mut [L]) {
    if HaveVaes512::detect().is_none() {
        return x86_aesni::message_many(lanes);
    }
    for group in lanes.chunks_mut(message::GROUP) {
        group.iter_mut().for_each(Whole::settle_part);
        if group.iter().all(Whole::regular) {
            // SAFETY: as in `ctr_one`.
            unsafe { message::many(group) };
        } else {
            compose(group, ctr_many, cmac_many);
        }
    }
}
