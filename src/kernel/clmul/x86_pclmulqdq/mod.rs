//! Carry-less products by PCLMULQDQ.

use super::{Uia2Lane, WindowLane, portable};
use crate::base::cpu::HavePclmul;

mod uia2;
mod window;

pub(super) fn available() -> bool {
    HavePclmul::detect().is_some()
}

/// A single lane of UIA2.
pub(super) fn uia2_one(lane: &mut Uia2Lane<'_>) {
    match HavePclmul::detect() {
        // SAFETY: the token proves PCLMULQDQ, SSSE3 and SSE4.1.
        Some(_) => unsafe { uia2::one(lane) },
        None => portable::uia2_one(lane),
    }
}

/// Any number of lanes of UIA2.
pub(super) fn uia2_many(lanes: &mut [Uia2Lane<'_>]) {
    match HavePclmul::detect() {
        // SAFETY: the token proves PCLMULQDQ, SSSE3 and SSE4.1.
        Some(_) => unsafe { uia2::many(lanes) },
        None => portable::uia2_many(lanes),
    }
}

/// A single lane of EIA3's product.
pub(super) fn window_one(lane: &mut WindowLane<'_>) {
    match HavePclmul::detect() {
        // SAFETY: the token proves PCLMULQDQ, SSSE3 and SSE4.1.
        Some(_) => unsafe { window::one(lane) },
        None => portable::window_one(lane),
    }
}

/// Any number of lanes of EIA3's product.
pub(super) fn window_many(lanes: &mut [WindowLane<'_>]) {
    match HavePclmul::detect() {
        // SAFETY: the token proves PCLMULQDQ, SSSE3 and SSE4.1.
        Some(_) => unsafe { window::many(lanes) },
        None => portable::window_many(lanes),
    }
}
