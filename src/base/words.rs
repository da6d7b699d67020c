//! The few words that the side-by-side rooms of floor 2 share.

/// Access over which a NAS message travels. The discriminant is the NAS connection identifier, which is the
/// BEARER input of the algorithms (TS 33.501 6.4.2.2) and the access type distinguisher of TS 33.501 A.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum AccessType {
    /// 3GPP access, NAS connection identifier 1. Satellite NR is 3GPP access too.
    ThreeGpp = 1,
    /// Non-3GPP access (N3IWF, TNGF, W-AGF), NAS connection identifier 2.
    NonThreeGpp = 2,
}

impl AccessType {
    /// Both accesses, in index order.
    pub const ALL: [Self; 2] = [Self::ThreeGpp, Self::NonThreeGpp];

    /// 1 or 2; `None` for anything else, 0 (the EPS value) included.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::ThreeGpp),
            2 => Some(Self::NonThreeGpp),
            _ => None,
        }
    }

    /// The BEARER value of this access: 1 or 2.
    #[must_use]
    pub const fn bearer(self) -> u8 {
        self as u8
    }

    /// 0 for 3GPP, 1 for non-3GPP: the place in a pair kept per access.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize - 1
    }

    /// The other access.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::ThreeGpp => Self::NonThreeGpp,
            Self::NonThreeGpp => Self::ThreeGpp,
        }
    }
}

/// DIRECTION input of the algorithms (TS 33.501 D.2.1.1, D.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// From the UE to the AMF.
    Uplink = 0,
    /// From the AMF to the UE.
    Downlink = 1,
}

/// NAS key set identifier, four bits: TSC (bit 4: 0 native, 1 mapped) and KSI (TS 24.501 9.11.3.32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NgKsi(u8);

impl NgKsi {
    /// "No key is available" (UE to network); reserved network to UE.
    pub const NO_KEY: Self = Self(7);

    /// The low four bits of `octet`; `None` when higher bits are set.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits < 16 { Some(Self(bits)) } else { None }
    }

    /// A native key set identifier; `None` unless `ksi` is 0..=6.
    #[must_use]
    pub const fn native(ksi: u8) -> Option<Self> {
        if ksi < 7 { Some(Self(ksi)) } else { None }
    }

    /// A mapped key set identifier, whose value is copied from the eKSI; `None` unless `ksi` is 0..=6.
    #[must_use]
    pub const fn mapped(ksi: u8) -> Option<Self> {
        if ksi < 7 { Some(Self(8 | ksi)) } else { None }
    }

    /// TSC in bit 4, KSI in bits 3 to 1.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// 0..=7.
    #[must_use]
    pub const fn ksi(self) -> u8 {
        self.0 & 7
    }

    /// True for a mapped security context (TSC = 1).
    #[must_use]
    pub const fn is_mapped(self) -> bool {
        self.0 & 8 != 0
    }

    /// False for KSI 7, "no key is available".
    #[must_use]
    pub const fn is_key(self) -> bool {
        self.ksi() != 7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r16_only_nas_connection_identifiers_1_and_2_exist() {
        for id in 0..=255 {
            let access = AccessType::from_id(id);
            assert_eq!(access.is_some(), id == 1 || id == 2);
            if let Some(access) = access {
                assert_eq!(access.bearer(), id);
                assert_eq!(access.other().other(), access);
            }
        }
    }

    #[test]
    fn ng_ksi_bits() {
        assert_eq!(NgKsi::mapped(5).unwrap().bits(), 0xD);
        assert!(NgKsi::mapped(5).unwrap().is_mapped());
        assert!(NgKsi::native(7).is_none() && NgKsi::mapped(7).is_none());
        assert!(NgKsi::from_bits(16).is_none());
        assert!(!NgKsi::NO_KEY.is_key());
    }
}
