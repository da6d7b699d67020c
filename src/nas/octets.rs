//! A cursor that reads octets and one that writes them; neither can leave its slice.

use core::ops::Range;

use crate::base::{Error, Result};

/// Reads from the front; what is missing is [`Error::MalformedIe`].
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at `at`, which may lie behind the end: then nothing can be read.
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next `len` octets and where they lie.
    pub(super) fn take(&mut self, len: usize) -> Result<(&'a [u8], Range<usize>)> {
        let end = self.at.checked_add(len).ok_or(Error::MalformedIe)?;
        let range = self.at..end;
        let value = self.bytes.get(range.clone()).ok_or(Error::MalformedIe)?;
        self.at = end;
        Ok((value, range))
    }

    /// The next octet.
    pub(super) fn octet(&mut self) -> Result<u8> {
        let (value, _) = self.take(1)?;
        value.first().copied().ok_or(Error::MalformedIe)
    }

    /// Value of an LV element: one length octet.
    pub(super) fn lv(&mut self) -> Result<(&'a [u8], Range<usize>)> {
        let len = self.octet()?;
        self.take(usize::from(len))
    }

    /// Value of an LV-E element: two length octets.
    pub(super) fn lv_e(&mut self) -> Result<(&'a [u8], Range<usize>)> {
        let len = u16::from_be_bytes([self.octet()?, self.octet()?]);
        self.take(usize::from(len))
    }

    /// Octets not yet read.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The position of the next octet.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The same octets, read from `at` on.
    pub(super) const fn back_to(&self, at: usize) -> Self {
        Self::new(self.bytes, at)
    }

    /// Gives up: nothing is left to read.
    pub(super) const fn exhaust(&mut self) {
        self.at = self.bytes.len();
    }
}

/// Writes to the front of a slice and counts on when the slice is full.
pub(super) struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    too_long: bool,
}

impl Writer<'_> {
    /// One octet.
    pub(super) fn octet(&mut self, octet: u8) -> &mut Self {
        self.bytes(&[octet])
    }

    /// Octets as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let end = self.len.saturating_add(bytes.len());
        if let Some(place) = self.out.get_mut(self.len..end) {
            place.copy_from_slice(bytes);
        }
        self.len = end;
        self
    }

    /// The fixed start of a plain 5GMM message: discriminator, plain header type, message type.
    pub(super) fn start(&mut self, message: super::MessageType) -> &mut Self {
        self.bytes(&[super::header::EPD_5GMM, 0, message.0])
    }

    /// LV element.
    pub(super) fn lv(&mut self, value: &[u8]) -> &mut Self {
        let len = u8::try_from(value.len()).unwrap_or_else(|_| {
            self.too_long = true;
            u8::MAX
        });
        self.octet(len).bytes(value)
    }

    /// LV-E element; returns where the value lies.
    pub(super) fn lv_e(&mut self, value: &[u8]) -> Range<usize> {
        let len = u16::try_from(value.len()).unwrap_or_else(|_| {
            self.too_long = true;
            u16::MAX
        });
        self.bytes(&len.to_be_bytes());
        let start = self.len;
        self.bytes(value);
        start..self.len
    }

    /// TLV element, when there is a value.
    pub(super) fn tlv(&mut self, iei: u8, value: Option<&[u8]>) -> &mut Self {
        if let Some(value) = value {
            self.octet(iei).lv(value);
        }
        self
    }

    /// TLV-E element, when there is a value; returns where the value lies.
    pub(super) fn tlv_e(&mut self, iei: u8, value: Option<&[u8]>) -> Option<Range<usize>> {
        let value = value?;
        self.octet(iei);
        Some(self.lv_e(value))
    }
}

/// Runs `body` twice: to measure, then to write. Nothing is written unless all of it fits.
///
/// # Errors
/// [`Error::TooLong`] when a value does not fit its length field, [`Error::BufferTooSmall`].
pub(super) fn emit<T>(out: &mut [u8], body: impl Fn(&mut Writer<'_>) -> T) -> Result<(usize, T)> {
    let needed = measure(&body)?;
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall)?;
    let mut writer = Writer {
        out,
        len: 0,
        too_long: false,
    };
    let value = body(&mut writer);
    Ok((writer.len, value))
}

/// The length that `body` would write.
///
/// # Errors
/// [`Error::TooLong`] when a value does not fit its length field.
pub(super) fn measure<T>(body: &impl Fn(&mut Writer<'_>) -> T) -> Result<usize> {
    let mut writer = Writer {
        out: &mut [],
        len: 0,
        too_long: false,
    };
    body(&mut writer);
    if writer.too_long {
        return Err(Error::TooLong);
    }
    Ok(writer.len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reader_stops_at_the_end() {
        let mut reader = Reader::new(&[2, 7, 8, 0, 1], 0);
        assert_eq!(reader.lv(), Ok((&[7, 8][..], 1..3)));
        assert_eq!(reader.lv_e(), Err(Error::MalformedIe));
        assert_eq!(Reader::new(&[1], 9).octet(), Err(Error::MalformedIe));
        assert_eq!(
            Reader::new(&[1], usize::MAX).take(1),
            Err(Error::MalformedIe)
        );
        assert_eq!(Reader::new(&[1], 9).remaining(), 0);
    }

    #[test]
    fn r36_nothing_is_written_unless_all_fits() {
        let mut out = [0xEE; 4];
        let long = |w: &mut Writer<'_>| w.tlv_e(0x71, Some(&[1, 2]));
        assert_eq!(emit(&mut out, long), Err(Error::BufferTooSmall));
        assert_eq!(out, [0xEE; 4]);
        let mut out = [0xEE; 6];
        assert_eq!(emit(&mut out, long), Ok((5, Some(3..5))));
        assert_eq!(out, [0x71, 0, 2, 1, 2, 0xEE]);
        let value = [0; 256];
        let too_long = |w: &mut Writer<'_>| {
            w.tlv(0x38, Some(&value));
        };
        assert_eq!(emit(&mut [0; 300], too_long), Err(Error::TooLong));
    }
}
