//! AES-128 (FIPS 197) in the two modes that NAS uses: counter mode and CMAC (SP 800-38A, SP 800-38B).
//!
//! A key is prepared once by [`expand`]; [`ctr`] and [`cmac`] take prepared keys only.

use crate::base::secret::wipe;

#[cfg(target_arch = "aarch64")]
mod aarch64_aes;
mod aes_crate;
pub mod cmac;
pub mod ctr;
pub mod expand;
pub mod message;
mod portable;
pub(crate) mod whole;
#[cfg(target_arch = "x86_64")]
mod x86_aesni;
#[cfg(target_arch = "x86_64")]
mod x86_counter;
#[cfg(target_arch = "x86_64")]
mod x86_message;
#[cfg(target_arch = "x86_64")]
mod x86_subkey;
#[cfg(target_arch = "x86_64")]
mod x86_vaes256;
#[cfg(target_arch = "x86_64")]
mod x86_vaes512;

pub use cmac::{Cmac, CmacLane};
pub use ctr::Ctr;
pub use expand::{Expand, ExpandLane};
pub use message::{Open, OpenLane, Opening, Seal, SealLane};

/// The eleven round keys of FIPS 197, 5.2, each in byte order; the first is the raw key. 176 bytes, wiped on drop.
#[derive(Clone)]
#[repr(C)]
pub struct Schedule(pub(super) [[u8; 16]; 11]);

impl Schedule {
    /// A schedule whose first round key is `key` and whose others are zero: the place for an expansion, or a raw
    /// key that is never used with AES.
    #[must_use]
    pub const fn raw(key: &[u8; 16]) -> Self {
        let mut schedule = Self([[0; 16]; 11]);
        schedule.0[0] = *key;
        schedule
    }

    /// The raw key.
    #[must_use]
    pub const fn key(&self) -> &[u8; 16] {
        &self.0[0]
    }

    /// The round keys.
    #[must_use]
    pub const fn rounds(&self) -> &[[u8; 16]; 11] {
        &self.0
    }
}

impl core::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Schedule(..)")
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        wipe(self.0.as_flattened_mut());
    }
}

/// A prepared key: the schedule and CMAC's first subkey. 192 bytes, wiped on drop. K2 is K1 doubled once more.
#[derive(Clone)]
#[repr(C)]
pub struct Key {
    /// The round keys.
    pub schedule: Schedule,
    /// K1 of SP 800-38B, 6.1.
    pub k1: [u8; 16],
}

impl Key {
    /// Expands `key` with the row in use.
    #[must_use]
    pub fn new(key: &[u8; 16]) -> Self {
        Self::with(expand::active(), key)
    }

    /// Expands `key` with a given row.
    #[must_use]
    pub fn with(row: &super::Backend<Expand>, key: &[u8; 16]) -> Self {
        let mut prepared = Self::raw(key);
        (row.one)(&mut ExpandLane { key: &mut prepared });
        prepared
    }

    /// Holds `key` without expanding it.
    #[must_use]
    pub const fn raw(key: &[u8; 16]) -> Self {
        Self {
            schedule: Schedule::raw(key),
            k1: [0; 16],
        }
    }
}

impl Key {
    /// Holds another key without expanding it; what was expanded of the last one is void.
    pub fn set_raw(&mut self, key: &[u8; 16]) {
        self.schedule.0[0] = *key;
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        wipe(&mut self.k1);
    }
}

/// Doubles in GF(2^128) as SP 800-38B, 6.1 does, without a branch on the secret.
#[inline(always)]
fn double(block: u128) -> u128 {
    block << 1 ^ (0x87 & (block >> 127).wrapping_neg())
}

// SP 800-38A, F.1 and F.5: the key of all examples there and in RFC 4493.
const EXAMPLE: [u8; 16] = [
    0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_the_session_table_counts_on() {
        assert_eq!(size_of::<Schedule>(), 176);
        assert_eq!(size_of::<Key>(), 192);
        // Rows load unaligned; 16 here would cost each session 32 octets of padding.
        assert_eq!(align_of::<Key>(), 1);
    }
}
