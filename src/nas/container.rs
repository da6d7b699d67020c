//! The containers that an AMF protects outside a NAS message, at handover (TS 24.501 9.11.2.6, 9.11.2.7,
//! 9.11.2.9; TS 33.501 6.9.2.3): layout only, the MAC is computed elsewhere.

use core::ops::Range;

use crate::base::{Error, NgKsi, Result};

/// COUNT under which the MAC of these containers is computed: it can never be that of a message, which has 24
/// bits. DIRECTION is downlink, BEARER that of 3GPP access.
pub const CONTAINER_COUNT: u32 = u32::MAX;

/// Where the MAC lies in a container value.
pub const CONTAINER_MAC: Range<usize> = 0..4;

/// What the MAC of a container value covers: everything behind the MAC, spare bits included.
///
/// # Errors
/// [`Error::MalformedIe`] for a value of neither 7 nor 8 octets.
pub const fn mac_input(value: &[u8]) -> Result<&[u8]> {
    match value {
        [_, _, _, _, rest @ ..] if rest.len() == 3 || rest.len() == 4 => Ok(rest),
        _ => Err(Error::MalformedIe),
    }
}

/// Puts the MAC in its place.
///
/// # Errors
/// [`Error::MalformedIe`] for a value of neither 7 nor 8 octets.
pub fn insert_mac(value: &mut [u8], mac: [u8; 4]) -> Result<()> {
    mac_input(value)?;
    let place = value.first_chunk_mut().ok_or(Error::MalformedIe)?;
    *place = mac;
    Ok(())
}

/// Intra N1 mode NAS transparent container: from the target AMF to the UE at N2 handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntraN1Container {
    /// MAC under the integrity key that the target will use.
    pub mac: [u8; 4],
    /// Ciphering algorithm, 0..=15.
    pub nea: u8,
    /// Integrity algorithm, 0..=15.
    pub nia: u8,
    /// K_AMF_change_flag: a new K_AMF was derived.
    pub k_amf_change: bool,
    /// Key set identifier of the context.
    pub ng_ksi: NgKsi,
    /// Low eight bits of the downlink COUNT.
    pub sn: u8,
}

impl IntraN1Container {
    /// Octets of the value.
    pub const LEN: usize = 7;

    /// The value. Put the MAC in with [`insert_mac`] once it is computed over [`mac_input`].
    ///
    /// # Errors
    /// [`Error::Argument`] for an algorithm above 15.
    pub fn encode(&self) -> Result<[u8; Self::LEN]> {
        let [m0, m1, m2, m3] = self.mac;
        let flags = u8::from(self.k_amf_change) << 4 | self.ng_ksi.bits();
        let algorithms = algorithms(self.nea, self.nia)?;
        Ok([m0, m1, m2, m3, algorithms, flags, self.sn])
    }

    /// Reads a value; spare bits are ignored.
    ///
    /// # Errors
    /// [`Error::MalformedIe`] unless it has seven octets.
    pub fn decode(value: &[u8]) -> Result<Self> {
        let &[m0, m1, m2, m3, algorithms, flags, sn] = value else {
            return Err(Error::MalformedIe);
        };
        Ok(Self {
            mac: [m0, m1, m2, m3],
            nea: algorithms >> 4,
            nia: algorithms & 0xF,
            k_amf_change: flags & 0x10 != 0,
            ng_ksi: NgKsi::from_bits(flags & 0xF).ok_or(Error::MalformedIe)?,
            sn,
        })
    }
}

/// S1 mode to N1 mode NAS transparent container: from the target AMF to the UE at handover from EPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct S1ToN1Container {
    /// MAC under the mapped context's integrity key.
    pub mac: [u8; 4],
    /// Ciphering algorithm, 0..=15.
    pub nea: u8,
    /// Integrity algorithm, 0..=15.
    pub nia: u8,
    /// Next hop chaining counter, 0..=7.
    pub ncc: u8,
    /// Key set identifier of the mapped context.
    pub ng_ksi: NgKsi,
}

impl S1ToN1Container {
    /// Octets of the value.
    pub const LEN: usize = 8;

    /// The value, spare octets zero. Put the MAC in with [`insert_mac`] once it is computed over [`mac_input`].
    ///
    /// # Errors
    /// [`Error::Argument`] for an algorithm above 15 or an NCC above 7.
    pub fn encode(&self) -> Result<[u8; Self::LEN]> {
        if self.ncc > 7 {
            return Err(Error::Argument);
        }
        let [m0, m1, m2, m3] = self.mac;
        let chain = self.ncc << 4 | self.ng_ksi.bits();
        let algorithms = algorithms(self.nea, self.nia)?;
        Ok([m0, m1, m2, m3, algorithms, chain, 0, 0])
    }

    /// Reads a value. The spare octets are ignored here but belong to [`mac_input`]: older AMFs fill them.
    ///
    /// # Errors
    /// [`Error::MalformedIe`] unless it has eight octets.
    pub fn decode(value: &[u8]) -> Result<Self> {
        let &[m0, m1, m2, m3, algorithms, chain, _, _] = value else {
            return Err(Error::MalformedIe);
        };
        Ok(Self {
            mac: [m0, m1, m2, m3],
            nea: algorithms >> 4,
            nia: algorithms & 0xF,
            ncc: chain >> 4 & 7,
            ng_ksi: NgKsi::from_bits(chain & 0xF).ok_or(Error::MalformedIe)?,
        })
    }
}

/// N1 mode to S1 mode NAS transparent container: one octet, no MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct N1ToS1Container {
    /// Low eight bits of the downlink COUNT from which K_ASME' was derived.
    pub sn: u8,
}

impl N1ToS1Container {
    /// The value.
    #[must_use]
    pub const fn encode(&self) -> [u8; 1] {
        [self.sn]
    }

    /// Reads a value.
    ///
    /// # Errors
    /// [`Error::MalformedIe`] unless it has one octet.
    pub const fn decode(value: &[u8]) -> Result<Self> {
        match value {
            &[sn] => Ok(Self { sn }),
            _ => Err(Error::MalformedIe),
        }
    }
}

const fn algorithms(nea: u8, nia: u8) -> Result<u8> {
    if nea > 15 || nia > 15 {
        return Err(Error::Argument);
    }
    Ok(nea << 4 | nia)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intra_n1_octets() {
        // From the worked example: K_AMF_change_flag 1, ngKSI 0, NEA0, NIA2, SN 7.
        let value = [0x30, 0x3E, 0x40, 0x29, 0x02, 0x10, 0x07];
        let container = IntraN1Container::decode(&value).unwrap();
        assert!(container.k_amf_change);
        assert_eq!((container.nea, container.nia, container.sn), (0, 2, 7));
        assert_eq!(container.encode(), Ok(value));
        assert_eq!(mac_input(&value), Ok(&[0x02, 0x10, 0x07][..]));
        let mut zero = IntraN1Container {
            mac: [0; 4],
            ..container
        }
        .encode()
        .unwrap();
        assert_eq!(insert_mac(&mut zero, container.mac), Ok(()));
        assert_eq!(zero, value);
        let bad = IntraN1Container {
            nea: 16,
            ..container
        };
        assert_eq!(bad.encode(), Err(Error::Argument));
    }

    #[test]
    fn s1_to_n1_octets_and_lengths() {
        let container = S1ToN1Container {
            mac: [1, 2, 3, 4],
            nea: 1,
            nia: 2,
            ncc: 5,
            ng_ksi: NgKsi::mapped(3).unwrap(),
        };
        let mut value = container.encode().unwrap();
        assert_eq!(value, [1, 2, 3, 4, 0x12, 0x5B, 0, 0]);
        value[7] = 0xFF;
        assert_eq!(S1ToN1Container::decode(&value), Ok(container));
        assert_eq!(mac_input(&value), Ok(&[0x12, 0x5B, 0, 0xFF][..]));
        let bad = S1ToN1Container {
            ncc: 8,
            ..container
        };
        assert_eq!(bad.encode(), Err(Error::Argument));
        for len in 0..=9 {
            let octets = &[0; 9][..len];
            assert_eq!(IntraN1Container::decode(octets).is_ok(), len == 7);
            assert_eq!(S1ToN1Container::decode(octets).is_ok(), len == 8);
            assert_eq!(N1ToS1Container::decode(octets).is_ok(), len == 1);
            assert_eq!(mac_input(octets).is_ok(), len == 7 || len == 8);
            assert_eq!(
                insert_mac(&mut [0; 9][..len], [1; 4]).is_ok(),
                len == 7 || len == 8
            );
        }
        assert_eq!(N1ToS1Container { sn: 9 }.encode(), [9]);
    }
}
