//! Octets in and out: little-endian, bounded, without a panic on any input.

use crate::base::secret::wipe;
use crate::base::{Error, Result};

/// Most octets of one message, header included.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// What a message is written into. Its octets may be keys: it is wiped before it is written again and on drop, and
/// never printed.
pub struct Frame {
    octets: Box<[u8]>,
    len: usize,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} octets)", self.len)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Frame {
    /// Room for one message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            // All of its room at once: a buffer that grows would leave a copy of a key behind.
            octets: vec![0; MAX_MESSAGE].into_boxed_slice(),
            len: 0,
        }
    }

    /// The message that was written or received.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// All of the room, for a system call that receives into it; [`Frame::set_len`] says how much came.
    pub fn room(&mut self) -> &mut [u8] {
        self.clear();
        &mut self.octets
    }

    /// How many octets were received.
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(self.octets.len());
    }

    /// Forgets and wipes the message.
    pub fn clear(&mut self) {
        if let Some(used) = self.octets.get_mut(..self.len) {
            wipe(used);
        }
        self.len = 0;
    }

    /// Appends octets.
    ///
    /// # Errors
    /// [`Error::TooLong`] beyond [`MAX_MESSAGE`].
    pub(super) fn put(&mut self, octets: &[u8]) -> Result<()> {
        let end = self.len + octets.len();
        let place = self.octets.get_mut(self.len..end).ok_or(Error::TooLong)?;
        place.copy_from_slice(octets);
        self.len = end;
        Ok(())
    }

    pub(super) fn u8(&mut self, value: u8) -> Result<()> {
        self.put(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> Result<()> {
        self.put(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> Result<()> {
        self.put(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> Result<()> {
        self.put(&value.to_le_bytes())
    }

    /// Length in two octets, then the octets. `None` is the length 0xFFFF.
    pub(super) fn part(&mut self, octets: Option<&[u8]>) -> Result<()> {
        let Some(octets) = octets else {
            return self.u16(u16::MAX);
        };
        let len = u16::try_from(octets.len()).map_err(|_| Error::TooLong)?;
        if len == u16::MAX {
            return Err(Error::TooLong);
        }
        self.u16(len)?;
        self.put(octets)
    }

    /// Writes the length of the whole message into its first four octets.
    pub(super) fn finish(&mut self) -> Result<()> {
        let len = u32::try_from(self.len).map_err(|_| Error::TooLong)?;
        let place = self.octets.get_mut(..4).ok_or(Error::TooLong)?;
        place.copy_from_slice(&len.to_le_bytes());
        Ok(())
    }
}

/// What is left to read of a message.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Error::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Error::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[octet]| octet)
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn part(&mut self) -> Result<Option<&'a [u8]>> {
        match self.u16()? {
            u16::MAX => Ok(None),
            len => self.take(usize::from(len)).map(Some),
        }
    }

    /// Octets that must be zero.
    pub(super) fn zeros(&mut self, len: usize) -> Result<()> {
        if self.take(len)?.iter().all(|&octet| octet == 0) {
            Ok(())
        } else {
            Err(Error::Operation)
        }
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::TooLong)
        }
    }
}
