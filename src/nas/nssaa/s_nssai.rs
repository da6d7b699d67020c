//! S-NSSAI (TS 24.501 9.11.2.8, TS 23.003 28.4.2): a slice, and a slice of the serving PLMN with the one of the
//! HPLMN that it stands for.

use core::fmt;

use crate::base::{Error, Result};
use crate::nas::octets::{Writer, emit};

/// SD value that says "no SD".
const NO_SD: [u8; 3] = [0xFF; 3];

/// One S-NSSAI: slice/service type and, when there is one, slice differentiator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SNssai {
    /// Slice/service type.
    pub sst: u8,
    /// Slice differentiator. `FFFFFF` on the wire means none and is read as `None`.
    pub sd: Option<[u8; 3]>,
}

impl SNssai {
    /// Most octets of its value.
    pub const MAX: usize = 4;

    /// A slice without differentiator.
    #[must_use]
    pub const fn sst(sst: u8) -> Self {
        Self { sst, sd: None }
    }

    /// A slice with a differentiator, of which the low 24 bits count; `0xFFFFFF` is none.
    #[must_use]
    pub const fn new(sst: u8, sd: u32) -> Self {
        let [_, a, b, c] = sd.to_be_bytes();
        Self::of(sst, [a, b, c])
    }

    const fn of(sst: u8, sd: [u8; 3]) -> Self {
        let sd = match sd {
            NO_SD => None,
            sd => Some(sd),
        };
        Self { sst, sd }
    }

    /// Octets of its value: 1 or 4.
    #[must_use]
    pub const fn value_len(self) -> usize {
        if self.sd.is_some() { 4 } else { 1 }
    }

    /// Reads the value of the S-NSSAI of the NSSAA messages: 1 or 4 octets, never with a mapped one.
    ///
    /// # Errors
    /// [`Error::MalformedIe`] for another length.
    pub const fn from_value(value: &[u8]) -> Result<Self> {
        match *value {
            [sst] => Ok(Self::sst(sst)),
            [sst, a, b, c] => Ok(Self::of(sst, [a, b, c])),
            _ => Err(Error::MalformedIe),
        }
    }

    pub(super) fn put(self, w: &mut Writer<'_>) {
        w.octet(self.sst);
        if let Some(sd) = self.sd {
            w.bytes(&sd);
        }
    }

    /// LV: one length octet, then the value.
    pub(super) fn put_lv(self, w: &mut Writer<'_>) {
        w.octet(self.value_len() as u8);
        self.put(w);
    }
}

impl fmt::Display for SNssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sd {
            Some([a, b, c]) => write!(f, "{}-{a:02x}{b:02x}{c:02x}", self.sst),
            None => write!(f, "{}", self.sst),
        }
    }
}

impl fmt::Debug for SNssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SNssai({self})")
    }
}

/// An entry of an NSSAI: the S-NSSAI of the serving PLMN and, when roaming, the one of the HPLMN behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// In the serving PLMN.
    pub s_nssai: SNssai,
    /// The mapped HPLMN S-NSSAI, when it was told.
    pub mapped: Option<SNssai>,
}

impl From<SNssai> for Slice {
    fn from(s_nssai: SNssai) -> Self {
        Self {
            s_nssai,
            mapped: None,
        }
    }
}

impl Slice {
    /// Most octets of its value.
    pub const MAX: usize = 8;

    /// The S-NSSAI of the HPLMN: the mapped one, else the only one.
    #[must_use]
    pub const fn hplmn(self) -> SNssai {
        match self.mapped {
            Some(mapped) => mapped,
            None => self.s_nssai,
        }
    }

    /// Octets of its value: 1, 2, 4, 5 or 8. A mapped S-NSSAI with SD has a place only behind an SD.
    #[must_use]
    pub const fn value_len(self) -> usize {
        match (self.s_nssai.sd, self.mapped) {
            (None, None) => 1,
            (None, Some(SNssai { sd: None, .. })) => 2,
            (Some(_), None) => 4,
            (Some(_), Some(SNssai { sd: None, .. })) => 5,
            (_, Some(SNssai { sd: Some(_), .. })) => 8,
        }
    }

    /// Reads the value of an entry.
    ///
    /// # Errors
    /// [`Error::MalformedIe`] for a length other than 1, 2, 4, 5 and 8.
    pub const fn from_value(value: &[u8]) -> Result<Self> {
        let (s_nssai, mapped) = match *value {
            [sst] => (SNssai::sst(sst), None),
            [sst, mapped] => (SNssai::sst(sst), Some(SNssai::sst(mapped))),
            [sst, a, b, c] => (SNssai::of(sst, [a, b, c]), None),
            [sst, a, b, c, mapped] => (SNssai::of(sst, [a, b, c]), Some(SNssai::sst(mapped))),
            [sst, a, b, c, mapped, d, e, f] => (
                SNssai::of(sst, [a, b, c]),
                Some(SNssai::of(mapped, [d, e, f])),
            ),
            _ => return Err(Error::MalformedIe),
        };
        Ok(Self { s_nssai, mapped })
    }

    /// Its value as in an NSSAI, for records.
    #[must_use]
    pub fn value(self) -> ([u8; Self::MAX], usize) {
        let mut out = [0; Self::MAX];
        let written = emit(&mut out, |w| self.put(w));
        (out, written.map_or(0, |(len, ())| len))
    }

    pub(super) fn put(self, w: &mut Writer<'_>) {
        self.s_nssai.put(w);
        let Some(mapped) = self.mapped else { return };
        if self.s_nssai.sd.is_none() && mapped.sd.is_some() {
            w.bytes(&NO_SD);
        }
        mapped.put(w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_the_standard() {
        let (a, b) = (SNssai::sst(1), SNssai::new(2, 0x00_0A0B));
        for (s_nssai, mapped, len) in [
            (a, None, 1),
            (a, Some(a), 2),
            (b, None, 4),
            (b, Some(a), 5),
            (b, Some(b), 8),
            (a, Some(b), 8),
        ] {
            let slice = Slice { s_nssai, mapped };
            let (octets, written) = slice.value();
            assert_eq!((written, slice.value_len()), (len, len));
            assert_eq!(Slice::from_value(&octets[..len]), Ok(slice));
        }
        for len in [0, 3, 6, 7, 9] {
            assert_eq!(Slice::from_value(&[0; 9][..len]), Err(Error::MalformedIe));
            assert_eq!(SNssai::from_value(&[0; 9][..len]), Err(Error::MalformedIe));
        }
        assert_eq!(
            SNssai::from_value(&[7, 0xFF, 0xFF, 0xFF]),
            Ok(SNssai::sst(7))
        );
        assert_eq!(SNssai::new(7, 0xFF_FFFF), SNssai::sst(7));
    }
}
