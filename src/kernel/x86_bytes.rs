//! The ends of messages that are no whole blocks, without a byte loop and without a read outside the message.

use core::arch::x86_64::*;

/// Fewer than 16 bytes as a little-endian number, by two loads that overlap.
#[inline(always)]
pub(super) fn short(bytes: &[u8]) -> u128 {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        // Two shifts, because 8 bytes leave nothing of the second load.
        let high = u64::from_le_bytes(*last) >> (8 * (15 - len.min(15))) >> 8;
        u128::from(high) << 64 | u128::from(u64::from_le_bytes(*first))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let high = u64::from(u32::from_le_bytes(*last)) >> (8 * (8 - len));
        u128::from(high << 32 | u64::from(u32::from_le_bytes(*first)))
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        let (middle, end) = (len / 2, len - 1);
        let byte = |at: usize, byte: u8| u32::from(byte) << (8 * at);
        let number = byte(0, *first) | byte(middle, bytes[middle]) | byte(end, *last);
        u128::from(number)
    } else {
        0
    }
}

/// Writes the first `bytes.len()` bytes, fewer than 16, of a little-endian number.
#[inline(always)]
pub(super) fn store_short(bytes: &mut [u8], value: u128) {
    let len = bytes.len();
    if len >= 8 {
        let last = (value >> (8 * (len - 8))) as u64;
        if let Some(place) = bytes.first_chunk_mut::<8>() {
            *place = (value as u64).to_le_bytes();
        }
        if let Some(place) = bytes.last_chunk_mut::<8>() {
            *place = last.to_le_bytes();
        }
    } else if len >= 4 {
        let last = (value >> (8 * (len - 4))) as u32;
        if let Some(place) = bytes.first_chunk_mut::<4>() {
            *place = (value as u32).to_le_bytes();
        }
        if let Some(place) = bytes.last_chunk_mut::<4>() {
            *place = last.to_le_bytes();
        }
    } else {
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = (value >> (8 * i)) as u8;
        }
    }
}

/// A number whose low byte becomes the first.
#[inline(always)]
pub(super) fn vector(value: u128) -> __m128i {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { _mm_set_epi64x((value >> 64) as i64, value as i64) }
}

/// The inverse of [`vector`].
#[inline(always)]
pub(super) fn number(v: __m128i) -> u128 {
    // SAFETY: SSE2 is part of x86-64.
    let (low, high) = unsafe {
        (
            _mm_cvtsi128_si64(v),
            _mm_cvtsi128_si64(_mm_unpackhi_epi64(v, v)),
        )
    };
    u128::from(high as u64) << 64 | u128::from(low as u64)
}

/// Indices for PSHUFB. Read from place `32 - n` on they move the last `n` bytes of a vector to its front and
/// clear the rest; from place `n` on they move the first `n` bytes to its end and clear the rest.
static SLIDE: [u8; 48] = {
    let mut slide = [0x80; 48];
    let mut i = 0;
    while i < 16 {
        slide[16 + i] = i as u8;
        i += 1;
    }
    slide
};

/// The last `n` bytes of `v` at the front, zeros behind; 16 at most.
#[inline]
#[target_feature(enable = "ssse3")]
pub(super) fn last_to_front(v: __m128i, n: usize) -> __m128i {
    slide(v, 32 - n)
}

/// The first `n` bytes of `v` at the end, zeros before; 16 at most.
#[inline]
#[target_feature(enable = "ssse3")]
pub(super) fn first_to_end(v: __m128i, n: usize) -> __m128i {
    slide(v, n)
}

#[inline]
#[target_feature(enable = "ssse3")]
fn slide(v: __m128i, from: usize) -> __m128i {
    let from = from.min(32);
    // SAFETY: `from + 16` is at most the 48 bytes of the table; the load takes any alignment.
    let indices = unsafe { _mm_loadu_si128(SLIDE.as_ptr().add(from).cast()) };
    _mm_shuffle_epi8(v, indices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cpu::HaveAesNi;

    #[test]
    fn the_ends_of_every_length() {
        if HaveAesNi::detect().is_none() {
            return;
        }
        let bytes: [u8; 16] = core::array::from_fn(|i| i as u8 + 1);
        let little = |part: &[u8]| {
            let place = part.iter().enumerate();
            place.fold(0, |n, (i, &byte)| n | u128::from(byte) << (8 * i))
        };
        let whole = little(&bytes[..16]);
        for n in 0..=16 {
            // SAFETY: the token proves SSSE3.
            let got = unsafe { last_to_front(vector(whole), n) };
            assert_eq!(number(got), little(&bytes[16 - n..16]), "{n}");
            // SAFETY: the token proves SSSE3.
            let got = unsafe { first_to_end(vector(whole), n) };
            let expected = if n == 0 { 0 } else { whole << (8 * (16 - n)) };
            assert_eq!(number(got), expected, "{n}");
            if n < 16 {
                assert_eq!(short(&bytes[..n]), little(&bytes[..n]));
                let mut out = [0; 16];
                store_short(&mut out[..n], whole);
                assert_eq!(little(&out), little(&bytes[..n]), "{n}");
            }
        }
    }
}
