//! Secrets: wiped on drop, compared in constant time, never printed.

use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::optimization_barrier;

/// `N` secret bytes. Has no `Display`, its `Debug` shows the length only, equality is constant-time,
/// and the memory is wiped when it is dropped or overwritten through [`Secret::wipe`].
#[derive(Clone)]
#[repr(transparent)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes `bytes` as a secret. The caller's copy stays the caller's to wipe.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Copies a slice of exactly `N` bytes; `None` for any other length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for the code that must compute with them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// The bytes, to be written by the code that derives them.
    pub fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    /// Overwrites the bytes with zeros in a way that the compiler keeps.
    pub fn wipe(&mut self) {
        // Not `zeroize`, which writes byte by byte: batches derive a key in 100 ns.
        self.0 = [0; N];
        optimization_barrier(&self.0);
    }
}

impl<const N: usize> Default for Secret<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}

/// Compares two byte strings of equal length in constant time; `false` when the lengths differ.
#[must_use]
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Compares two MACs in constant time: one comparison of a word, where [`ct_eq`] takes octet by octet.
#[inline]
#[must_use]
pub fn ct_eq_mac(a: [u8; 4], b: [u8; 4]) -> bool {
    u32::from_ne_bytes(a).ct_eq(&u32::from_ne_bytes(b)).into()
}

/// Overwrites keystream or keys with zeros in a way that the compiler keeps, at the speed of `memset`:
/// `Zeroize` on bytes stores them one by one, which costs 25 ns a message.
#[inline]
pub fn wipe(bytes: &mut [u8]) {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        bytes.fill(0);
        // SAFETY: no instruction at all; the compiler must assume that the memory is read here.
        unsafe {
            core::arch::asm!("/* {0} */", in(reg) bytes.as_mut_ptr(), options(nostack, preserves_flags));
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    bytes.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_byte() {
        let secret = Secret::new([0xAB; 16]);
        let mut text = [0_u8; 64];
        let mut cursor = Cursor(&mut text, 0);
        core::fmt::write(&mut cursor, format_args!("{secret:?}")).unwrap();
        assert_eq!(&cursor.0[..cursor.1], b"Secret<16>(..)");
    }

    struct Cursor<'a>(&'a mut [u8], usize);
    impl fmt::Write for Cursor<'_> {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0[self.1..self.1 + s.len()].copy_from_slice(s.as_bytes());
            self.1 += s.len();
            Ok(())
        }
    }

    #[test]
    fn equality_and_wipe() {
        let mut a = Secret::new([7; 32]);
        assert!(a == Secret::new([7; 32]));
        assert!(a != Secret::new([8; 32]));
        a.wipe();
        assert!(a == Secret::default());
        assert!(Secret::<4>::from_slice(&[1, 2, 3]).is_none());
        assert!(!ct_eq(&[1], &[1, 2]));
    }

    /// That one difference costs as much as another, `tests/run constant_time` shows by counted instructions, and
    /// `tests/run secret_tracking` that no secret decides a branch: no clock tells that reliably. What is left for
    /// here is that none is overlooked.
    #[test]
    fn r30_a_mac_is_wrong_wherever_it_differs() {
        let differences = (0..32).flat_map(|i| (i..32).map(move |j| 1_u32 << i | 1 << j));
        for mac in [0, u32::MAX, 0x1234_5678, 0x8000_0001] {
            let own = u32::to_be_bytes(mac);
            assert!(ct_eq_mac(own, own) && ct_eq(&own, &own));
            for difference in differences.clone() {
                let other = u32::to_be_bytes(mac ^ difference);
                assert!(!ct_eq_mac(own, other), "{difference:08x}");
                assert!(!ct_eq(&own, &other), "{difference:08x}");
            }
        }
    }
}
