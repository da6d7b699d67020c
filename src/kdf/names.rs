//! The names that bind a key to a network and to a subscriber: serving network name, SUPI, ABBA.

use crate::base::{Error, Result};
use core::fmt;

/// Serving network name, ASCII `5G:mnc<3 digits>.mcc<3 digits>.3gppnetwork.org`, and for an SNPN `:` and the NID
/// of 11 hexadecimal digits (TS 24.501 9.12.1). 32 or 44 octets, no NUL.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServingNetworkName {
    text: [u8; Self::SNPN_LEN],
    snpn: bool,
}

const TEMPLATE: &[u8; ServingNetworkName::SNPN_LEN] =
    b"5G:mnc000.mcc000.3gppnetwork.org:00000000000";
const MNC: core::ops::Range<usize> = 6..9;
const MCC: core::ops::Range<usize> = 13..16;
const NID: core::ops::Range<usize> = 33..44;

impl ServingNetworkName {
    /// Octets of the name of a PLMN.
    pub const PLMN_LEN: usize = 32;
    /// Octets of the name of a stand-alone non-public network.
    pub const SNPN_LEN: usize = 44;

    /// The name of a PLMN. `mcc` has three digits, `mnc` two or three; two get a leading 0.
    ///
    /// # Errors
    /// [`Error::Argument`] for another number of digits or another character.
    pub fn plmn(mcc: &str, mnc: &str) -> Result<Self> {
        let mut text = *TEMPLATE;
        put_digits(&mut text[MCC], mcc.as_bytes(), 3)?;
        put_digits(&mut text[MNC], mnc.as_bytes(), 2)?;
        Ok(Self { text, snpn: false })
    }

    /// The name of an SNPN. `nid` has 11 hexadecimal digits, written as they are: both sides must use the same
    /// case.
    ///
    /// # Errors
    /// [`Error::Argument`] as for [`Self::plmn`], and for a NID of another length or with another character.
    pub fn snpn(mcc: &str, mnc: &str, nid: &str) -> Result<Self> {
        let mut name = Self::plmn(mcc, mnc)?;
        let nid = nid.as_bytes();
        if nid.len() != NID.len() || !nid.iter().all(u8::is_ascii_hexdigit) {
            return Err(Error::Argument);
        }
        name.text[NID].copy_from_slice(nid);
        name.snpn = true;
        Ok(name)
    }

    /// Reads a name that is already in its text form, as it travels between AMF and AUSF.
    ///
    /// # Errors
    /// [`Error::Argument`] for a name that [`Self::plmn`] or [`Self::snpn`] would not have written; `mnc01` with
    /// two digits is the usual one.
    pub fn from_text(text: &str) -> Result<Self> {
        let part = |range| text.get(range).ok_or(Error::Argument);
        let name = if text.len() == Self::SNPN_LEN {
            Self::snpn(part(MCC)?, part(MNC)?, part(NID)?)?
        } else {
            Self::plmn(part(MCC)?, part(MNC)?)?
        };
        if name.as_bytes() == text.as_bytes() {
            Ok(name)
        } else {
            Err(Error::Argument)
        }
    }

    /// The octets that enter the derivations.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        if self.snpn {
            &self.text
        } else {
            &self.text[..Self::PLMN_LEN]
        }
    }
}

impl fmt::Debug for ServingNetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

/// Writes at least `least` decimal digits to the right end of `field`, whose other places hold 0.
fn put_digits(field: &mut [u8], digits: &[u8], least: usize) -> Result<()> {
    if digits.len() < least || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::Argument);
    }
    let start = field
        .len()
        .checked_sub(digits.len())
        .ok_or(Error::Argument)?;
    field[start..].copy_from_slice(digits);
    Ok(())
}

/// SUPI as it enters K_AMF (TS 33.501 A.7.0): the digits of an IMSI, or the text of a network specific
/// identifier, GCI or GLI, without the type prefix of the service based interfaces. 1 to 255 octets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Supi<'a>(&'a [u8]);

impl<'a> Supi<'a> {
    /// The most octets of a SUPI.
    pub const MAX_LEN: usize = 255;

    /// Reads `imsi-<digits>`, `nai-<text>`, `gci-<text>`, `gli-<text>` (TS 29.571 `Supi`) or the bare digits of an
    /// IMSI, and keeps what stands behind the prefix. A NAI must be in Unicode form NFKC already (TS 33.220
    /// B.2.1.2).
    ///
    /// # Errors
    /// [`Error::Argument`] for an IMSI that is not 5 to 15 digits, for text without a prefix and for nothing
    /// behind it; [`Error::TooLong`] above [`Self::MAX_LEN`].
    pub fn parse(text: &'a str) -> Result<Self> {
        for prefix in ["nai-", "gci-", "gli-"] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return Self::raw(rest.as_bytes());
            }
        }
        let imsi = text.strip_prefix("imsi-").unwrap_or(text).as_bytes();
        if (5..=15).contains(&imsi.len()) && imsi.iter().all(u8::is_ascii_digit) {
            Ok(Self(imsi))
        } else {
            Err(Error::Argument)
        }
    }

    /// The octets as they are, for a caller that has stripped the prefix itself.
    ///
    /// # Errors
    /// [`Error::Argument`] for no octet at all, [`Error::TooLong`] above [`Self::MAX_LEN`].
    pub const fn raw(bytes: &'a [u8]) -> Result<Self> {
        if bytes.is_empty() {
            Err(Error::Argument)
        } else if bytes.len() > Self::MAX_LEN {
            Err(Error::TooLong)
        } else {
            Ok(Self(bytes))
        }
    }

    /// The octets that enter K_AMF.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// A SUPI is personal data: its length is shown, never its text.
impl fmt::Debug for Supi<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Supi({} octets)", self.0.len())
    }
}

/// ABBA parameter, the value part of its IE (TS 24.501 9.11.3.10): 2 to 255 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abba<'a>(&'a [u8]);

impl Abba<'static> {
    /// The most octets of an ABBA.
    pub const MAX_LEN: usize = 255;

    /// 0x0000, the only value that TS 33.501 A.7.1 defines.
    pub const INITIAL: Self = Self(&[0, 0]);
}

impl<'a> Abba<'a> {
    /// Takes the value part of an ABBA IE.
    ///
    /// # Errors
    /// [`Error::Argument`] below 2 octets, [`Error::TooLong`] above 255.
    pub const fn new(value: &'a [u8]) -> Result<Self> {
        match value.len() {
            0 | 1 => Err(Error::Argument),
            2..=255 => Ok(Self(value)),
            _ => Err(Error::TooLong),
        }
    }

    /// The octets that enter K_AMF.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_network_name_of_a_plmn() {
        let name = ServingNetworkName::plmn("001", "01").unwrap();
        assert_eq!(name.as_bytes(), b"5G:mnc001.mcc001.3gppnetwork.org");
        assert_eq!(name, ServingNetworkName::plmn("001", "001").unwrap());
        let name = ServingNetworkName::plmn("310", "410").unwrap();
        assert_eq!(name.as_bytes(), b"5G:mnc410.mcc310.3gppnetwork.org");
        assert_eq!(format!("{name:?}"), "5G:mnc410.mcc310.3gppnetwork.org");
    }

    #[test]
    fn serving_network_name_refuses_what_is_not_three_and_two_or_three_digits() {
        for (mcc, mnc) in [
            ("", "01"),
            ("01", "01"),
            ("0001", "01"),
            ("001", ""),
            ("001", "1"),
            ("001", "0001"),
            ("0a1", "01"),
            ("001", "0x"),
            ("001", "-1"),
            ("00\u{661}", "01"),
        ] {
            assert_eq!(
                ServingNetworkName::plmn(mcc, mnc),
                Err(Error::Argument),
                "{mcc} {mnc}"
            );
        }
    }

    #[test]
    fn serving_network_name_of_an_snpn() {
        let name = ServingNetworkName::snpn("999", "70", "000007ed9d5").unwrap();
        assert_eq!(
            name.as_bytes(),
            b"5G:mnc070.mcc999.3gppnetwork.org:000007ed9d5"
        );
        for nid in ["", "000007ed9d", "000007ed9d50", "000007ed9dg"] {
            assert_eq!(
                ServingNetworkName::snpn("999", "70", nid),
                Err(Error::Argument)
            );
        }
    }

    #[test]
    fn serving_network_name_from_text_takes_only_what_it_would_write() {
        for text in [
            "5G:mnc001.mcc001.3gppnetwork.org",
            "5G:mnc070.mcc999.3gppnetwork.org:000007ED9D5",
        ] {
            let name = ServingNetworkName::from_text(text).unwrap();
            assert_eq!(name.as_bytes(), text.as_bytes());
        }
        for text in [
            "",
            "5G:mnc01.mcc001.3gppnetwork.org",
            "5g:mnc001.mcc001.3gppnetwork.org",
            "5G:mnc001.mcc001.3gppnetwork.orG",
            "5G:mnc001.mcc001.3gppnetwork.org\0",
            "5G:mnc001.mcc001.3gppnetwork.org:",
            "5G:mnc001.mcc001.3gppnetwork.org:0000000000g",
            "5G:mnc00\u{661}.mcc001.3gppnetwork.org",
        ] {
            assert_eq!(
                ServingNetworkName::from_text(text),
                Err(Error::Argument),
                "{text}"
            );
        }
    }

    #[test]
    fn supi_loses_its_prefix() {
        for (text, bytes) in [
            ("imsi-001010123456789", "001010123456789"),
            ("001010123456789", "001010123456789"),
            ("imsi-00101", "00101"),
            ("nai-user17@example.com", "user17@example.com"),
            ("gci-00-00-5E@example.com", "00-00-5E@example.com"),
            ("gli-dXNlcg==@example.com", "dXNlcg==@example.com"),
        ] {
            assert_eq!(Supi::parse(text).unwrap().as_bytes(), bytes.as_bytes());
        }
    }

    #[test]
    fn supi_refuses_the_rest() {
        for text in [
            "",
            "imsi-",
            "imsi-0010",
            "imsi-0010101234567890",
            "imsi-00101012345678a",
            "imsi-imsi-001010123456789",
            "nai-",
            "user17@example.com",
            "IMSI-001010123456789",
        ] {
            assert_eq!(Supi::parse(text), Err(Error::Argument), "{text}");
        }
        assert_eq!(Supi::raw(&[]), Err(Error::Argument));
        assert!(Supi::raw(&[b'a'; 255]).is_ok());
        assert_eq!(Supi::raw(&[b'a'; 256]), Err(Error::TooLong));
        assert_eq!(
            format!("{:?}", Supi::parse("imsi-001010123456789").unwrap()),
            "Supi(15 octets)"
        );
    }

    #[test]
    fn abba_has_2_to_255_octets() {
        let bytes = [7_u8; 256];
        assert_eq!(Abba::new(&bytes[..0]), Err(Error::Argument));
        assert_eq!(Abba::new(&bytes[..1]), Err(Error::Argument));
        assert_eq!(Abba::new(&bytes[..2]).unwrap().as_bytes(), [7, 7]);
        assert_eq!(Abba::new(&bytes[..255]).unwrap().as_bytes().len(), 255);
        assert_eq!(Abba::new(&bytes), Err(Error::TooLong));
        assert_eq!(Abba::INITIAL.as_bytes(), [0, 0]);
    }
}
