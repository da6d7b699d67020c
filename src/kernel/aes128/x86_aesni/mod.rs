//! AES by AES-NI, several messages under several keys interleaved: an AESENC takes 3 to 4 cycles but one or two
//! start every cycle, so 8 independent blocks keep the unit busy. Round keys are memory operands: eight keys do
//! not fit the registers.

use super::super::Lane;
use super::whole::{Whole, compose, compose_one};
use super::{CmacLane, ExpandLane, Schedule, aes_crate, portable, x86_message};
use crate::base::cpu::HaveAesNi;

mod cmac;
mod ctr;
mod expand;

pub(super) use ctr::Cursor;

pub(super) type Rounds = [[u8; 16]; 11];

pub(super) fn available() -> bool {
    HaveAesNi::detect().is_some()
}

/// A single key.
pub(super) fn expand_one(lane: &mut ExpandLane<'_>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { expand::one(lane.key) },
        None => portable::one(lane),
    }
}

/// Any number of keys.
pub(super) fn expand_many(lanes: &mut [ExpandLane<'_>]) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { expand::many(lanes) },
        None => portable::many(lanes),
    }
}

/// A single lane of counter mode.
pub(super) fn ctr_one(lane: &mut Lane<'_, Schedule>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { ctr::one(lane) },
        None => aes_crate::ctr_one(lane),
    }
}

/// Any number of lanes of counter mode.
pub(super) fn ctr_many(lanes: &mut [Lane<'_, Schedule>]) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { ctr::many(lanes) },
        None => aes_crate::ctr_many(lanes),
    }
}

/// A single lane of CMAC.
pub(super) fn cmac_one(lane: &mut CmacLane<'_>) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { cmac::one(lane) },
        None => aes_crate::cmac_one(lane),
    }
}

/// Any number of lanes of CMAC.
pub(super) fn cmac_many(lanes: &mut [CmacLane<'_>]) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) => unsafe { cmac::many(lanes) },
        None => aes_crate::cmac_many(lanes),
    }
}

/// A single whole message.
pub(super) fn message_one<L: Whole>(lane: &mut L) {
    match HaveAesNi::detect() {
        // SAFETY: the token proves AES, SSSE3 and SSE4.1.
        Some(_) if lane.regular() => unsafe { regular_one(lane) },
        _ => irregular_one(lane),
    }
}

/// Apart, so that a regular message does not save registers for it.
#[cold]
fn irregular_one<L: Whole>(lane: &mut L) {
    compose_one(lane, ctr_one, cmac_one);
}

/// Any number of whole messages.
pub(super) fn message_many<L: Whole>(lanes: &mut [L]) {
    let available = HaveAesNi::detect().is_some();
    for group in lanes.chunks_mut(x86_message::GROUP) {
        if available && group.iter().all(Whole::regular) {
            // SAFETY: the token proves AES, SSSE3 and SSE4.1.
            unsafe { regular_many(group) };
        } else {
            compose(group, ctr_many, cmac_many);
        }
    }
}

#[target_feature(enable = "aes,ssse3,sse4.1")]
fn regular_one<L: Whole>(lane: &mut L) {
    // SAFETY: this function has the features, and the callers have looked at the messages.
    unsafe { x86_message::one(lane) };
}

#[target_feature(enable = "aes,ssse3,sse4.1")]
fn regular_many<L: Whole>(lanes: &mut [L]) {
    // SAFETY: as in `regular_one`.
    unsafe { x86_message::many(lanes) };
}
