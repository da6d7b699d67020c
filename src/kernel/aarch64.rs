//! Loads and stores of 16 bytes, for the rows of aarch64.

use core::arch::aarch64::{uint8x16_t, vld1q_u8, vst1q_u8};

/// 16 bytes of any alignment.
#[inline(always)]
pub(super) fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the reference covers the 16 bytes that are read; NEON is part of aarch64.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

/// 16 bytes to any alignment.
#[inline(always)]
pub(super) fn store(bytes: &mut [u8; 16], value: uint8x16_t) {
    // SAFETY: the reference covers the 16 bytes that are written; NEON is part of aarch64.
    unsafe { vst1q_u8(bytes.as_mut_ptr(), value) }
}
