//! Carry-less products: the MAC halves of UIA2 and EIA3, given their keystream words.

#[cfg(target_arch = "aarch64")]
mod aarch64_pmull;
pub mod portable;
pub mod uia2;
pub mod window;
#[cfg(target_arch = "x86_64")]
mod x86_pclmulqdq;
#[cfg(target_arch = "x86_64")]
mod x86_vpclmul512;

pub use uia2::{Uia2, Uia2Lane};
pub use window::{Window, WindowLane};

/// The next up to 8 bytes of a bit string as a big-endian word, left-aligned; bits from `bits` on are 0.
#[inline(always)]
fn word(chunk: &[u8], bits: usize) -> u64 {
    let word = match <[u8; 8]>::try_from(chunk) {
        Ok(whole) => u64::from_be_bytes(whole),
        Err(_) => chunk
            .iter()
            .take(8)
            .enumerate()
            .fold(0, |word, (i, &byte)| word | u64::from(byte) << (56 - 8 * i)),
    };
    match bits {
        0 => 0,
        1..=63 => word & (u64::MAX << (64 - bits)),
        _ => word,
    }
}
