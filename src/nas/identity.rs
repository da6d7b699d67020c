//! 5GS mobile identity (TS 24.501 9.11.3.4): which kind it is, IMEI digits, 5G-GUTI and 5G-S-TMSI.

use crate::base::{Error, Result};

/// Type of identity: the low three bits of the first octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IdentityType {
    /// No identity.
    None = 0,
    /// Subscription concealed identifier.
    Suci = 1,
    /// 5G globally unique temporary identity.
    Guti = 2,
    /// International mobile equipment identity.
    Imei = 3,
    /// 5G-S-TMSI.
    STmsi = 4,
    /// IMEI with software version.
    Imeisv = 5,
    /// MAC address.
    MacAddress = 6,
    /// 64-bit extended unique identifier.
    Eui64 = 7,
}

impl IdentityType {
    /// From the low three bits of an octet.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        match octet & 7 {
            0 => Self::None,
            1 => Self::Suci,
            2 => Self::Guti,
            3 => Self::Imei,
            4 => Self::STmsi,
            5 => Self::Imeisv,
            6 => Self::MacAddress,
            _ => Self::Eui64,
        }
    }
}

/// Value of a 5GS mobile identity, borrowed; at least one octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MobileIdentity<'a>(&'a [u8]);

impl<'a> MobileIdentity<'a> {
    /// Octets of an IMEISV value; 12 as a TLV-E element.
    pub const IMEISV_LEN: usize = 9;

    /// Takes a value without identifier and length.
    ///
    /// # Errors
    /// [`Error::MalformedIe`] when it is empty.
    pub const fn new(value: &'a [u8]) -> Result<Self> {
        if value.is_empty() {
            return Err(Error::MalformedIe);
        }
        Ok(Self(value))
    }

    /// The octets.
    #[must_use]
    pub const fn value(&self) -> &'a [u8] {
        self.0
    }

    /// The type of identity.
    #[must_use]
    pub fn kind(&self) -> IdentityType {
        IdentityType::from_octet(self.0.first().copied().unwrap_or_default())
    }

    /// The sixteen digits of an IMEISV, each 0..=9.
    ///
    /// # Errors
    /// [`Error::MalformedIe`] unless this is an IMEISV of nine octets with an even number of digits and decimal
    /// digits. The filler behind the last digit is not looked at: encoders in use leave it 0 instead of 0xF.
    pub fn imeisv(&self) -> Result<[u8; 16]> {
        let value: &[u8; 9] = self.0.try_into().map_err(|_| Error::MalformedIe)?;
        let odd = value.first().is_some_and(|first| first & 8 != 0);
        if self.kind() != IdentityType::Imeisv || odd {
            return Err(Error::MalformedIe);
        }
        // The first octet's high half is digit 1; then low before high.
        let halves = value.iter().flat_map(|octet| [octet & 0xF, octet >> 4]);
        let mut digits = [0; 16];
        for (digit, half) in digits.iter_mut().zip(halves.skip(1)) {
            if half > 9 {
                return Err(Error::MalformedIe);
            }
            *digit = half;
        }
        Ok(digits)
    }

    /// The 5G-GUTI in this identity, if it is one.
    #[must_use]
    pub fn guti(&self) -> Option<Guti> {
        let &[_, p0, p1, p2, region, s0, s1, t0, t1, t2, t3] = self.0 else {
            return None;
        };
        let guti = Guti {
            plmn: [p0, p1, p2],
            amf_region: region,
            s_tmsi: STmsi::from_octets([s0, s1, t0, t1, t2, t3]),
        };
        (self.kind() == IdentityType::Guti).then_some(guti)
    }

    /// The 5G-S-TMSI in this identity, if it is one.
    #[must_use]
    pub fn s_tmsi(&self) -> Option<STmsi> {
        let &[_, s0, s1, t0, t1, t2, t3] = self.0 else {
            return None;
        };
        (self.kind() == IdentityType::STmsi).then(|| STmsi::from_octets([s0, s1, t0, t1, t2, t3]))
    }
}

/// Value octets of an IMEISV identity from sixteen digits.
///
/// # Errors
/// [`Error::Argument`] for a digit above 9.
pub fn imeisv_value(digits: [u8; 16]) -> Result<[u8; MobileIdentity::IMEISV_LEN]> {
    if digits.iter().any(|&digit| digit > 9) {
        return Err(Error::Argument);
    }
    let [first, rest @ ..] = digits;
    let mut value = [0xF0; MobileIdentity::IMEISV_LEN];
    let [head, tail @ ..] = &mut value;
    *head = first << 4 | IdentityType::Imeisv as u8;
    for (octet, pair) in tail.iter_mut().zip(rest.chunks(2)) {
        *octet = match *pair {
            [low, high] => high << 4 | low,
            [low] => 0xF0 | low,
            _ => 0xFF,
        };
    }
    Ok(value)
}

/// 5G-S-TMSI: AMF set (10 bits), AMF pointer (6 bits), 5G-TMSI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct STmsi {
    /// AMF set ID in the high 10 bits, AMF pointer in the low 6.
    pub amf_set_pointer: u16,
    /// 5G-TMSI.
    pub tmsi: u32,
}

impl STmsi {
    const fn from_octets(octets: [u8; 6]) -> Self {
        let [s0, s1, t0, t1, t2, t3] = octets;
        Self {
            amf_set_pointer: u16::from_be_bytes([s0, s1]),
            tmsi: u32::from_be_bytes([t0, t1, t2, t3]),
        }
    }

    /// The seven value octets of this identity.
    #[must_use]
    pub const fn value(&self) -> [u8; 7] {
        let [s0, s1] = self.amf_set_pointer.to_be_bytes();
        let [t0, t1, t2, t3] = self.tmsi.to_be_bytes();
        [0xF0 | IdentityType::STmsi as u8, s0, s1, t0, t1, t2, t3]
    }
}

/// 5G-GUTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guti {
    /// MCC and MNC in three octets, as on the wire.
    pub plmn: [u8; 3],
    /// AMF region ID.
    pub amf_region: u8,
    /// The rest is the 5G-S-TMSI.
    pub s_tmsi: STmsi,
}

impl Guti {
    /// The eleven value octets of this identity.
    #[must_use]
    pub const fn value(&self) -> [u8; 11] {
        let [p0, p1, p2] = self.plmn;
        let [_, s0, s1, t0, t1, t2, t3] = self.s_tmsi.value();
        let kind = 0xF0 | IdentityType::Guti as u8;
        [kind, p0, p1, p2, self.amf_region, s0, s1, t0, t1, t2, t3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMEISV: [u8; 9] = [0x45, 0x73, 0x80, 0x61, 0x21, 0x85, 0x61, 0x51, 0xF1];

    #[test]
    fn imeisv_digits() {
        let digits = [4, 3, 7, 0, 8, 1, 6, 1, 2, 5, 8, 1, 6, 1, 5, 1];
        let identity = MobileIdentity::new(&IMEISV).unwrap();
        assert_eq!(identity.imeisv(), Ok(digits));
        assert_eq!(imeisv_value(digits), Ok(IMEISV));
        assert_eq!(imeisv_value([10; 16]), Err(Error::Argument));
        for (at, octet) in [(0, 0x4D), (0, 0x43), (4, 0x1A), (8, 0xFA)] {
            let mut bad = IMEISV;
            bad[at] = octet;
            let bad = MobileIdentity::new(&bad).unwrap().imeisv();
            assert_eq!(bad, Err(Error::MalformedIe));
        }
        let mut unfilled = IMEISV;
        unfilled[8] = 0x01;
        assert_eq!(MobileIdentity(&unfilled).imeisv(), Ok(digits));
        assert!(MobileIdentity(&IMEISV[..8]).imeisv().is_err());
        assert!(MobileIdentity::new(&[]).is_err());
    }

    #[test]
    fn guti_and_s_tmsi_come_back() {
        let s_tmsi = STmsi {
            amf_set_pointer: 0x0040,
            tmsi: 0xC000_0001,
        };
        let guti = Guti {
            plmn: [0, 0xF1, 0x10],
            amf_region: 2,
            s_tmsi,
        };
        assert_eq!(
            guti.value(),
            [0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1]
        );
        assert_eq!(MobileIdentity(&guti.value()).guti(), Some(guti));
        assert_eq!(MobileIdentity(&s_tmsi.value()).s_tmsi(), Some(s_tmsi));
        assert_eq!(MobileIdentity(&s_tmsi.value()).guti(), None);
        assert_eq!(MobileIdentity(&[1; 11]).guti(), None);
        assert_eq!(MobileIdentity(&[1; 7]).s_tmsi(), None);
    }
}
