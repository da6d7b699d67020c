//! Loads and stores of 16 bytes, for the rows of x86-64.

use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

/// 16 bytes of any alignment.
#[inline(always)]
pub(super) fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the reference covers the 16 bytes that are read; the load takes any alignment, and SSE2 is part
    // of x86-64.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// 16 bytes to any alignment.
#[inline(always)]
pub(super) fn store(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: the reference covers the 16 bytes that are written; the store takes any alignment, and SSE2 is
    // part of x86-64.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
}

/// Four words of the host's order.
#[inline(always)]
pub(super) fn load_words(words: &[u32; 4]) -> __m128i {
    // SAFETY: as in `load`; a `[u32; 4]` is 16 initialised bytes.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}
