//! The string S of a derivation, FC || P0 || L0 || P1 || L1 ... (TS 33.220 B.2.0), and the KDF over it.

use super::hmac::{HmacLane, one};
use crate::base::{Error, Result, Secret};
use zeroize::Zeroize;

/// S in at most `N` octets. Wiped on drop: NH and RES enter some of them.
pub(super) struct Message<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Message<N> {
    /// Begins with the function code.
    pub(super) fn new(fc: u8) -> Self {
        let mut bytes = [0; N];
        bytes[0] = fc;
        Self { bytes, len: 1 }
    }

    /// Adds a parameter and its length in two octets. The caller's types bound the parameters so that they fit
    /// `N`; the one caller whose input is not typed ([`derive()`]) checks first.
    pub(super) fn param(mut self, value: &[u8]) -> Self {
        let end = self.len + value.len();
        self.bytes[self.len..end].copy_from_slice(value);
        self.bytes[end..end + 2].copy_from_slice(&(value.len() as u16).to_be_bytes());
        self.len = end + 2;
        self
    }
}

impl<const N: usize> AsRef<[u8]> for Message<N> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> Drop for Message<N> {
    fn drop(&mut self) {
        self.bytes[..self.len].zeroize();
    }
}

/// HMAC-SHA-256 of `message` under `key`.
pub(super) fn kdf(key: &[u8; 32], message: impl AsRef<[u8]>) -> Secret<32> {
    let mut lane = HmacLane::new(key, message.as_ref());
    one(&mut lane);
    Secret::new(lane.out)
}

/// The most octets of S that [`derive()`] takes.
pub const DERIVE_MAX_LEN: usize = 528;

/// The KDF of TS 33.220 B.2 with any function code and up to four parameters: for the self-test and for the
/// derivations that have no function of their own. The result is all 256 bits.
///
/// # Errors
/// [`Error::Argument`] for more than four parameters, [`Error::TooLong`] when S would pass [`DERIVE_MAX_LEN`].
pub fn derive(key: &[u8; 32], fc: u8, params: &[&[u8]]) -> Result<Secret<32>> {
    if params.len() > 4 {
        return Err(Error::Argument);
    }
    let mut message = Message::<DERIVE_MAX_LEN>::new(fc);
    for param in params {
        if param.len() > DERIVE_MAX_LEN - 2 || message.len + param.len() + 2 > DERIVE_MAX_LEN {
            return Err(Error::TooLong);
        }
        message = message.param(param);
    }
    Ok(kdf(key, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_of_s() {
        let message = Message::<16>::new(0x69).param(&[1]).param(&[2]);
        assert_eq!(message.as_ref(), [0x69, 1, 0, 1, 2, 0, 1]);
        let message = Message::<16>::new(0x6F).param(&[]);
        assert_eq!(message.as_ref(), [0x6F, 0, 0]);
        let message = Message::<300>::new(0x6D).param(&[7; 255]);
        assert_eq!(message.as_ref()[256..], [0, 255]);
    }

    #[test]
    fn derive_bounds_its_parameters() {
        let key = [1; 32];
        let long = [0_u8; DERIVE_MAX_LEN];
        assert!(derive(&key, 0x6A, &[]).is_ok());
        assert!(derive(&key, 0x6A, &[&[], &[], &[], &[]]).is_ok());
        assert_eq!(
            derive(&key, 0x6A, &[&[], &[], &[], &[], &[]]),
            Err(Error::Argument)
        );
        assert!(derive(&key, 0x6A, &[&long[..DERIVE_MAX_LEN - 3]]).is_ok());
        assert_eq!(
            derive(&key, 0x6A, &[&long[..DERIVE_MAX_LEN - 2]]),
            Err(Error::TooLong)
        );
        assert!(derive(&key, 0x6A, &[&long[..DERIVE_MAX_LEN - 5], &[]]).is_ok());
        assert_eq!(
            derive(&key, 0x6A, &[&long[..DERIVE_MAX_LEN - 4], &[]]),
            Err(Error::TooLong)
        );
    }
}
