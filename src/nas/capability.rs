//! UE security capability (TS 24.501 9.11.3.54) and S1 UE security capability (9.11.3.48A), kept with the
//! length they came with: the network replays them octet for octet (TS 33.501 6.7.2).

use super::octets::Reader;
use crate::base::{Error, Result};

/// Octets with a length of at most `N`, the rest zero. `Eq` is then equality of the values on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Kept<const N: usize> {
    len: u8,
    octets: [u8; N],
}

impl<const N: usize> Kept<N> {
    fn new(value: &[u8], min: usize) -> Result<Self> {
        let mut octets = [0; N];
        let place = octets.get_mut(..value.len()).ok_or(Error::MalformedIe)?;
        place.copy_from_slice(value);
        let len = u8::try_from(value.len()).map_err(|_| Error::MalformedIe)?;
        if value.len() < min {
            return Err(Error::MalformedIe);
        }
        Ok(Self { len, octets })
    }

    fn value(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Bit of algorithm `id` in octet `at`: bit 8 is algorithm 0.
    fn has(&self, at: usize, id: u8) -> bool {
        let octet = self.value().get(at).copied().unwrap_or_default();
        id < 8 && octet & (0x80 >> id) != 0
    }
}

macro_rules! capability {
    ($name:ident, $min:literal, $max:literal, $iei:path) => {
        impl $name {
            /// Most value octets.
            pub const MAX: usize = $max;
            /// Fewest value octets.
            pub const MIN: usize = $min;

            /// Keeps a value, unknown bits and length included.
            ///
            /// # Errors
            #[doc = concat!("[`Error::MalformedIe`] unless it has ", $min, " to ", $max, " octets.")]
            pub fn from_value(value: &[u8]) -> Result<Self> {
                Kept::new(value, Self::MIN).map(Self)
            }

            /// Reads an LV element at the start of `octets`; also returns how many octets it took.
            ///
            /// # Errors
            /// [`Error::MalformedIe`] when the element is cut short or of a wrong length.
            pub fn from_lv(octets: &[u8]) -> Result<(Self, usize)> {
                let mut reader = Reader::new(octets, 0);
                let (value, range) = reader.lv()?;
                Ok((Self::from_value(value)?, range.end))
            }

            /// Reads a TLV element at the start of `octets`; also returns how many octets it took.
            ///
            /// # Errors
            /// [`Error::MalformedIe`] when the element has another IEI, is cut short or of a wrong length.
            pub fn from_tlv(octets: &[u8]) -> Result<(Self, usize)> {
                let Some((&$iei, lv)) = octets.split_first() else {
                    return Err(Error::MalformedIe);
                };
                let (capability, len) = Self::from_lv(lv)?;
                Ok((capability, len + 1))
            }

            /// The value as received.
            #[must_use]
            pub fn value(&self) -> &[u8] {
                self.0.value()
            }

            /// Place of the first octet in which the two differ, the shorter length when one begins the other;
            /// `None` when they are equal, length included.
            #[must_use]
            pub fn first_difference(&self, other: &Self) -> Option<usize> {
                let (a, b) = (self.value(), other.value());
                let octets = a.iter().zip(b).position(|(x, y)| x != y);
                octets.or((a.len() != b.len()).then_some(a.len().min(b.len())))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                for octet in self.value() {
                    write!(f, "{octet:02x}")?;
                }
                f.write_str(")")
            }
        }
    };
}

/// UE security capability: 2 to 8 octets, 5G-EA, 5G-IA, then EEA and EIA of E-UTRA connected to 5GC.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UeSecurityCapability(Kept<8>);

/// S1 UE security capability: 2 to 5 octets, EEA, EIA, then UEA, UIA, GEA.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct S1UeSecurityCapability(Kept<5>);

capability!(
    UeSecurityCapability,
    2,
    8,
    super::ie::UE_SECURITY_CAPABILITY
);
capability!(
    S1UeSecurityCapability,
    2,
    5,
    super::ie::S1_UE_SECURITY_CAPABILITY
);

impl UeSecurityCapability {
    /// What is assumed after mobility from EPS while no 5G capability is known: algorithms 0, 1, 2 of both
    /// kinds, which every UE has (TS 33.501 5.2.2, 5.2.3).
    pub const ASSUMED_FROM_EPS: Self = Self(Kept {
        len: 2,
        octets: [0xE0, 0xE0, 0, 0, 0, 0, 0, 0],
    });

    /// True when the UE announced 5G-EA `id`; false for an `id` above 7.
    #[must_use]
    pub fn supports_nea(&self, id: u8) -> bool {
        self.0.has(0, id)
    }

    /// True when the UE announced 5G-IA `id`. Bit 0 does not by itself permit null integrity.
    #[must_use]
    pub fn supports_nia(&self, id: u8) -> bool {
        self.0.has(1, id)
    }

    /// True when the UE announced EEA `id` for E-UTRA connected to 5GC.
    #[must_use]
    pub fn supports_eea(&self, id: u8) -> bool {
        self.0.has(2, id)
    }

    /// True when the UE announced EIA `id` for E-UTRA connected to 5GC.
    #[must_use]
    pub fn supports_eia(&self, id: u8) -> bool {
        self.0.has(3, id)
    }

    /// Length, then eight octets of which those behind the length are zero: for records.
    #[must_use]
    pub const fn to_record(&self) -> [u8; 9] {
        let [a, b, c, d, e, f, g, h] = self.0.octets;
        [self.0.len, a, b, c, d, e, f, g, h]
    }

    /// The inverse of [`to_record`](Self::to_record).
    ///
    /// # Errors
    /// [`Error::Record`] for a length outside 2..=8 or an octet behind it that is not zero.
    pub fn from_record(record: &[u8; 9]) -> Result<Self> {
        let [len, octets @ ..] = record;
        let value = octets.get(..usize::from(*len)).ok_or(Error::Record)?;
        let capability = Self::from_value(value).map_err(|_| Error::Record)?;
        if capability.to_record() != *record {
            return Err(Error::Record);
        }
        Ok(capability)
    }
}

impl S1UeSecurityCapability {
    /// True when the UE announced EEA `id`; false for an `id` above 7.
    #[must_use]
    pub fn supports_eea(&self, id: u8) -> bool {
        self.0.has(0, id)
    }

    /// True when the UE announced EIA `id`; false for an `id` above 7.
    #[must_use]
    pub fn supports_eia(&self, id: u8) -> bool {
        self.0.has(1, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cap(value: &[u8]) -> UeSecurityCapability {
        UeSecurityCapability::from_value(value).unwrap()
    }

    #[test]
    fn value_and_length_are_kept() {
        let octets = [0xF0, 0x70, 0xFF, 1, 2, 3, 4, 5, 6];
        for len in 0..=9 {
            let kept = UeSecurityCapability::from_value(&octets[..len]);
            assert_eq!(kept.is_ok(), (2..=8).contains(&len));
            if let Ok(kept) = kept {
                assert_eq!(kept.value(), &octets[..len]);
                let record = kept.to_record();
                assert_eq!(UeSecurityCapability::from_record(&record), Ok(kept));
            }
            let s1 = S1UeSecurityCapability::from_value(&octets[..len]);
            assert_eq!(s1.is_ok(), (2..=5).contains(&len));
        }
        assert_eq!(size_of::<UeSecurityCapability>(), 9);
        assert!(UeSecurityCapability::from_record(&[9; 9]).is_err());
        assert!(UeSecurityCapability::from_record(&[2, 1, 1, 1, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn bit_8_is_algorithm_0() {
        let cap = cap(&[0b1010_0000, 0b0100_0001, 0x80, 0x10]);
        assert!(cap.supports_nea(0) && !cap.supports_nea(1) && cap.supports_nea(2));
        assert!(!cap.supports_nia(0) && cap.supports_nia(1) && cap.supports_nia(7));
        assert!(cap.supports_eea(0) && cap.supports_eia(3));
        assert!(!cap.supports_nea(8) && !cap.supports_nia(255));
        let short = UeSecurityCapability::ASSUMED_FROM_EPS;
        assert!(!short.supports_eea(0) && !short.supports_eia(0));
        for id in 0..8 {
            assert_eq!(short.supports_nea(id), id < 3);
            assert_eq!(short.supports_nia(id), id < 3);
        }
    }

    #[test]
    fn a_difference_in_length_is_a_difference() {
        let short = cap(&[0xF0, 0xF0]);
        let long = cap(&[0xF0, 0xF0, 0, 0]);
        assert_ne!(short, long);
        assert_eq!(short.first_difference(&long), Some(2));
        assert_eq!(long.first_difference(&short), Some(2));
        assert_eq!(long.first_difference(&long), None);
        assert_eq!(long.first_difference(&cap(&[0xF0, 0xE0, 0, 0])), Some(1));
    }

    #[test]
    fn lv_and_tlv() {
        let tlv = [0x2E, 2, 0xF0, 0x70, 0x99];
        let (read, len) = UeSecurityCapability::from_tlv(&tlv).unwrap();
        assert_eq!((read, len), (cap(&[0xF0, 0x70]), 4));
        assert_eq!(UeSecurityCapability::from_lv(&tlv[1..]), Ok((read, 3)));
        for len in 0..4 {
            assert!(UeSecurityCapability::from_tlv(&tlv[..len]).is_err());
        }
        assert!(S1UeSecurityCapability::from_tlv(&tlv).is_err());
        let s1 = S1UeSecurityCapability::from_tlv(&[0x19, 2, 0x80, 0x40]).unwrap();
        assert!(s1.0.supports_eea(0) && s1.0.supports_eia(1) && !s1.0.supports_eia(0));
    }
}
