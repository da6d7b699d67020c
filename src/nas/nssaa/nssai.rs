//! Lists of S-NSSAIs: Allowed, Configured and Pending NSSAI (TS 24.501 9.11.3.37), Rejected NSSAI (9.11.3.46) and
//! Extended rejected NSSAI (9.11.3.75).
//!
//! A receiver stores the first 8 (Configured and Pending: 16) entries of a longer list and ignores the rest, so the
//! iterators end there. An entry of an impossible length is an error, after which nothing follows.

use core::fmt;

use super::s_nssai::{SNssai, Slice};
use crate::base::{Error, Result};
use crate::nas::octets::{Reader, Writer};

/// Most entries of an Allowed NSSAI.
pub const ALLOWED_MAX: usize = 8;
/// Most entries of a Configured or Pending NSSAI.
pub const CONFIGURED_MAX: usize = 16;
/// Most entries of a Rejected or Extended rejected NSSAI.
pub const REJECTED_MAX: usize = 8;

/// Why an S-NSSAI is rejected: four bits. A receiver ignores an entry with a cause that it does not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RejectionCause(pub u8);

impl RejectionCause {
    /// Not available in the current PLMN or SNPN.
    pub const PLMN: Self = Self(0);
    /// Not available in the current registration area.
    pub const AREA: Self = Self(1);
    /// Not available due to failed or revoked NSSAA; the S-NSSAI is the HPLMN's.
    pub const NSSAA: Self = Self(2);
    /// Maximum number of UEs reached; only in an Extended rejected NSSAI.
    pub const MAXIMUM_UES: Self = Self(3);
}

impl fmt::Debug for RejectionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::PLMN => "not available in the PLMN",
            Self::AREA => "not available in the registration area",
            Self::NSSAA => "NSSAA failed or revoked",
            Self::MAXIMUM_UES => "maximum number of UEs reached",
            _ => "unknown",
        };
        write!(f, "{} {name}", self.0)
    }
}

/// A rejected S-NSSAI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The slice; the mapped S-NSSAI goes into an Extended rejected NSSAI only.
    pub slice: Slice,
    /// Why.
    pub cause: RejectionCause,
    /// Back-off timer, coded as GPRS timer 3 (TS 24.008 10.5.7.4a); in an Extended rejected NSSAI only.
    pub back_off: Option<u8>,
}

impl Rejected {
    /// A rejection without back-off timer.
    #[must_use]
    pub fn new(slice: impl Into<Slice>, cause: RejectionCause) -> Self {
        Self {
            slice: slice.into(),
            cause,
            back_off: None,
        }
    }

    /// What stands in a Rejected NSSAI: for a failed NSSAA the S-NSSAI of the HPLMN.
    const fn s_nssai(&self) -> SNssai {
        match self.cause {
            RejectionCause::NSSAA => self.slice.hplmn(),
            _ => self.slice.s_nssai,
        }
    }

    fn head(&self, len: usize) -> u8 {
        (len as u8) << 4 | self.cause.0 & 0xF
    }
}

/// Allowed, Configured or Pending NSSAI as it was received.
#[derive(Clone, Debug)]
pub struct Nssai<'a> {
    entries: Reader<'a>,
    left: usize,
}

impl<'a> Nssai<'a> {
    /// The value of an element, of which at most `most` entries count.
    #[must_use]
    pub const fn new(value: &'a [u8], most: usize) -> Self {
        Self {
            entries: Reader::new(value, 0),
            left: most,
        }
    }
}

impl Iterator for Nssai<'_> {
    type Item = Result<Slice>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 || self.entries.remaining() == 0 {
            return None;
        }
        self.left -= 1;
        let slice = self
            .entries
            .lv()
            .and_then(|(value, _)| Slice::from_value(value));
        if slice.is_err() {
            self.left = 0;
        }
        Some(slice)
    }
}

/// Rejected NSSAI as it was received.
#[derive(Clone, Debug)]
pub struct RejectedNssai<'a> {
    entries: Reader<'a>,
    left: usize,
}

impl<'a> RejectedNssai<'a> {
    /// The value of an element.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self {
            entries: Reader::new(value, 0),
            left: REJECTED_MAX,
        }
    }
}

fn entry(reader: &mut Reader<'_>) -> Result<Rejected> {
    let head = reader.octet()?;
    let (value, _) = reader.take(usize::from(head >> 4))?;
    Ok(Rejected::new(
        Slice::from_value(value)?,
        RejectionCause(head & 0xF),
    ))
}

impl Iterator for RejectedNssai<'_> {
    type Item = Result<Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 || self.entries.remaining() == 0 {
            return None;
        }
        self.left -= 1;
        // A mapped S-NSSAI has no place in this list.
        let rejected = entry(&mut self.entries).and_then(|rejected| match rejected.slice.mapped {
            None => Ok(rejected),
            Some(_) => Err(Error::MalformedIe),
        });
        if rejected.is_err() {
            self.left = 0;
        }
        Some(rejected)
    }
}

/// Extended rejected NSSAI as it was received: its partial lists one behind the other.
#[derive(Clone, Debug)]
pub struct Extended<'a> {
    entries: Reader<'a>,
    left: usize,
    of_list: usize,
    back_off: Option<u8>,
}

impl<'a> Extended<'a> {
    /// The value of an element.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self {
            entries: Reader::new(value, 0),
            left: REJECTED_MAX,
            of_list: 0,
            back_off: None,
        }
    }

    fn read(&mut self) -> Result<Rejected> {
        if self.of_list == 0 {
            let head = self.entries.octet()?;
            self.back_off = match head >> 4 & 7 {
                0 => None,
                1 => Some(self.entries.octet()?),
                _ => return Err(Error::MalformedIe), // length unknown, so is all that follows
            };
            self.of_list = usize::from(head & 0xF).min(REJECTED_MAX - 1) + 1;
        }
        self.of_list -= 1;
        let back_off = self.back_off;
        Ok(Rejected {
            back_off,
            ..entry(&mut self.entries)?
        })
    }
}

impl Iterator for Extended<'_> {
    type Item = Result<Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        let complete = self.of_list == 0 && self.entries.remaining() == 0;
        if self.left == 0 || complete {
            return None;
        }
        self.left -= 1;
        let rejected = self.read();
        if rejected.is_err() {
            self.left = 0;
        }
        Some(rejected)
    }
}

/// A list to send, checked against the standard's maximum.
///
/// # Errors
/// [`Error::TooLong`].
pub(super) const fn at_most<T>(list: &[T], most: usize) -> Result<&[T]> {
    if list.len() > most {
        Err(Error::TooLong)
    } else {
        Ok(list)
    }
}

/// Allowed, Configured or Pending NSSAI as TLV; nothing for an empty list, which the standard has not.
pub(super) fn put_nssai(w: &mut Writer<'_>, iei: u8, slices: &[Slice]) {
    if slices.is_empty() {
        return;
    }
    let len: usize = slices.iter().map(|slice| 1 + slice.value_len()).sum();
    w.octet(iei).octet(len as u8);
    for slice in slices {
        w.octet(slice.value_len() as u8);
        slice.put(w);
    }
}

/// Rejected NSSAI as TLV.
pub(super) fn put_rejected(w: &mut Writer<'_>, iei: u8, list: &[Rejected]) {
    if list.is_empty() {
        return;
    }
    let len: usize = list.iter().map(|r| 1 + r.s_nssai().value_len()).sum();
    w.octet(iei).octet(len as u8);
    for rejected in list {
        let s_nssai = rejected.s_nssai();
        w.octet(rejected.head(s_nssai.value_len()));
        s_nssai.put(w);
    }
}

/// Extended rejected NSSAI as TLV: one partial list for each run of entries with the same back-off timer.
pub(super) fn put_extended(w: &mut Writer<'_>, iei: u8, list: &[Rejected]) {
    if list.is_empty() {
        return;
    }
    let runs = || list.chunk_by(|a, b| a.back_off == b.back_off);
    let heads: usize = runs()
        .map(|run| 1 + usize::from(run[0].back_off.is_some()))
        .sum();
    let entries: usize = list.iter().map(|r| 1 + r.slice.value_len()).sum();
    w.octet(iei).octet((heads + entries) as u8);
    for run in runs() {
        let back_off = run.first().and_then(|rejected| rejected.back_off);
        let kind = u8::from(back_off.is_some());
        w.octet(kind << 4 | (run.len() - 1) as u8);
        if let Some(back_off) = back_off {
            w.octet(back_off);
        }
        for rejected in run {
            w.octet(rejected.head(rejected.slice.value_len()));
            rejected.slice.put(w);
        }
    }
}

/// True when all of them may stand in a Rejected NSSAI, whose causes are 0 to 2.
pub(super) fn all_plain(list: &[Rejected]) -> bool {
    list.iter()
        .all(|r| r.cause.0 <= RejectionCause::NSSAA.0 && r.back_off.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nas::octets::emit;

    #[test]
    fn octets_of_the_lists() {
        let roaming = Slice {
            s_nssai: SNssai::new(1, 5),
            mapped: Some(SNssai::sst(9)),
        };
        let rejected = [
            Rejected::new(roaming, RejectionCause::NSSAA),
            Rejected {
                back_off: Some(0x21),
                ..Rejected::new(SNssai::sst(2), RejectionCause::MAXIMUM_UES)
            },
        ];
        let mut out = [0; 64];
        let (len, ()) = emit(&mut out, |w| put_rejected(w, 0x11, &rejected[..1])).unwrap();
        assert_eq!(out[..len], [0x11, 2, 0x12, 9], "the S-NSSAI of the HPLMN");
        let (len, ()) = emit(&mut out, |w| put_extended(w, 0x68, &rejected)).unwrap();
        let octets = [0x68, 11, 0, 0x52, 1, 0, 0, 5, 9, 0x10, 0x21, 0x13, 2];
        assert_eq!(out[..len], octets);
        let read: Result<Vec<_>> = Extended::new(&octets[2..]).collect();
        assert_eq!(read.unwrap(), rejected);
        let (len, ()) = emit(&mut out, |w| put_nssai(w, 0x15, &[roaming])).unwrap();
        assert_eq!(out[..len], [0x15, 6, 5, 1, 0, 0, 5, 9]);
        assert!(!all_plain(&rejected) && all_plain(&rejected[..1]));
    }

    #[test]
    fn what_is_too_much_is_ignored_and_what_is_wrong_ends_it() {
        let many: Vec<u8> = (0..20).flat_map(|sst| [1, sst]).collect();
        assert_eq!(Nssai::new(&many, ALLOWED_MAX).count(), 8);
        assert_eq!(Nssai::new(&many, CONFIGURED_MAX).count(), 16);
        let bad = [1, 1, 3, 0, 0, 0, 1, 2];
        let read: Vec<_> = Nssai::new(&bad, 8).collect();
        assert_eq!(read, [Ok(SNssai::sst(1).into()), Err(Error::MalformedIe)]);
        let nine: Vec<u8> = (0..9).flat_map(|sst| [0x10, sst]).collect();
        assert_eq!(RejectedNssai::new(&nine).count(), 8);
        assert_eq!(
            RejectedNssai::new(&[0x20, 1, 1]).next(),
            Some(Err(Error::MalformedIe))
        );
        // "All other values shall be interpreted as 8."
        let nine: Vec<u8> = std::iter::once(0x0F).chain(nine).collect();
        assert_eq!(Extended::new(&nine).count(), 8);
        // One entry promised, none there; an unknown type of list.
        assert_eq!(Extended::new(&[0]).next(), Some(Err(Error::MalformedIe)));
        assert_eq!(
            Extended::new(&[0x20, 0x10, 1]).next(),
            Some(Err(Error::MalformedIe))
        );
    }
}
