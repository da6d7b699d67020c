//! Random octets of the operating system.

use rustix::rand::{GetRandomFlags, getrandom};

use super::{Error, Result};

/// Fills up to 256 octets, which the system gives whole or not at all.
///
/// # Errors
/// [`Error::System`] when it gives none; what is in `octets` then is not random.
pub(crate) fn fill(octets: &mut [u8]) -> Result<()> {
    let len = octets.len();
    match getrandom(octets, GetRandomFlags::empty()) {
        Ok(drawn) if drawn == len => Ok(()),
        _ => Err(Error::System),
    }
}
