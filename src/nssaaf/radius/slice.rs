//! What TS 29.561 clause 16 puts into RADIUS for slices: the GPSI and the S-NSSAI.

use super::attribute;
use super::packet::{Builder, Packet, RadiusError};
use crate::nas::nssaa::SNssai;

/// The vendor 3GPP.
const VENDOR: [u8; 4] = 10415_u32.to_be_bytes();
/// Sub-type External-Identifier.
const EXTERNAL_IDENTIFIER: u8 = 28;
/// Sub-type 3GPP-S-NSSAI.
const S_NSSAI: u8 = 200;

/// A GPSI as RADIUS can carry it (TS 29.571 5.3.2, TS 29.561 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gpsi<'a> {
    /// `msisdn-`: 5 to 15 digits, in Calling-Station-Id.
    Msisdn(&'a str),
    /// `extid-`: local part, `@`, domain; in the External-Identifier of 3GPP.
    ExternalId(&'a str),
}

impl<'a> Gpsi<'a> {
    /// Reads a GPSI. `None`: of another kind, or too long for an attribute.
    #[must_use]
    pub fn parse(gpsi: &'a str) -> Option<Self> {
        if let Some(digits) = gpsi.strip_prefix("msisdn-") {
            return is_msisdn(digits).then_some(Self::Msisdn(digits));
        }
        let identifier = gpsi.strip_prefix("extid-")?;
        is_external(identifier).then_some(Self::ExternalId(identifier))
    }

    /// Puts it into a packet.
    ///
    /// # Errors
    /// [`RadiusError::TooLong`]: the packet is full.
    pub fn put(self, to: &mut Builder) -> Result<(), RadiusError> {
        match self {
            Self::Msisdn(digits) => {
                to.attribute(attribute::CALLING_STATION_ID, digits.as_bytes())?;
                Ok(())
            }
            Self::ExternalId(id) => put_vendor(to, EXTERNAL_IDENTIFIER, id.as_bytes()),
        }
    }
}

fn is_msisdn(digits: &str) -> bool {
    (5..=15).contains(&digits.len()) && digits.bytes().all(|d| d.is_ascii_digit())
}

fn is_external(identifier: &str) -> bool {
    let parts = identifier.split_once('@');
    let two = parts.is_some_and(|(l, d)| !l.is_empty() && !d.is_empty() && !d.contains('@'));
    two && identifier.len() <= 247 && !identifier.contains(char::is_control)
}

/// The GPSI in a packet, as TS 29.571 writes it. An External-Identifier goes before a Calling-Station-Id.
#[must_use]
pub fn gpsi(packet: &Packet<'_>) -> Option<String> {
    if let Some(identifier) = vendor(packet, EXTERNAL_IDENTIFIER) {
        let identifier = core::str::from_utf8(identifier).ok()?;
        return is_external(identifier).then(|| format!("extid-{identifier}"));
    }
    let digits = packet.attribute(attribute::CALLING_STATION_ID)?;
    let digits = core::str::from_utf8(digits).ok()?;
    is_msisdn(digits).then(|| format!("msisdn-{digits}"))
}

/// Puts an S-NSSAI into a packet: sub-attribute of length 3, or 6 with SD.
///
/// # Errors
/// [`RadiusError::TooLong`]: the packet is full.
pub fn put_s_nssai(to: &mut Builder, s_nssai: SNssai) -> Result<(), RadiusError> {
    let mut value = vec![s_nssai.sst];
    value.extend(s_nssai.sd.iter().flatten());
    put_vendor(to, S_NSSAI, &value)
}

/// The S-NSSAI in a packet.
#[must_use]
pub fn s_nssai(packet: &Packet<'_>) -> Option<SNssai> {
    SNssai::from_value(vendor(packet, S_NSSAI)?).ok()
}

fn put_vendor(to: &mut Builder, kind: u8, value: &[u8]) -> Result<(), RadiusError> {
    let len = u8::try_from(value.len() + 2).map_err(|_| RadiusError::TooLong)?;
    let whole = [&VENDOR[..], &[kind, len], value].concat();
    to.attribute(attribute::VENDOR_SPECIFIC, &whole)?;
    Ok(())
}

/// The first sub-attribute of 3GPP of this type. One attribute may hold several (RFC 2865 5.26).
fn vendor<'a>(packet: &Packet<'a>, kind: u8) -> Option<&'a [u8]> {
    let mut ours = packet
        .attributes()
        .filter(|(kind, _)| *kind == attribute::VENDOR_SPECIFIC);
    ours.find_map(|(_, value)| {
        let mut rest = value.strip_prefix(&VENDOR)?;
        while let [this, len, ..] = *rest {
            let len = usize::from(len);
            let value = rest.get(2..len)?;
            if this == kind {
                return Some(value);
            }
            rest = &rest[len..];
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nssaaf::radius::code;

    fn packet(builder: Builder) -> Vec<u8> {
        builder.access_request(b"s", &[1; 16])
    }

    #[test]
    fn slices_take_three_or_six_octets() {
        for (s_nssai, expected) in [
            (SNssai::sst(1), &[26, 9, 0, 0, 0x28, 0xaf, 200, 3, 1][..]),
            (
                SNssai::new(2, 0xA0B0C),
                &[26, 12, 0, 0, 0x28, 0xaf, 200, 6, 2, 0x0a, 0x0b, 0x0c],
            ),
        ] {
            let mut builder = Builder::new(code::ACCESS_REQUEST, 0);
            put_s_nssai(&mut builder, s_nssai).unwrap();
            let octets = packet(builder);
            assert!(octets.ends_with(expected), "{octets:?}");
            let read = Packet::parse(&octets).unwrap();
            assert_eq!(super::s_nssai(&read), Some(s_nssai));
        }
    }

    #[test]
    fn gpsis() {
        for (text, known) in [
            ("msisdn-491700000001", true),
            ("extid-ue@slice.example", true),
            ("msisdn-1234", false),
            ("msisdn-1234567890123456", false),
            ("msisdn-12345a", false),
            ("extid-ue", false),
            ("extid-@x", false),
            ("extid-a@b@c", false),
            ("imsi-001010000000001", false),
        ] {
            let parsed = Gpsi::parse(text);
            assert_eq!(parsed.is_some(), known, "{text}");
            let Some(parsed) = parsed else { continue };
            let mut builder = Builder::new(code::ACCESS_REQUEST, 0);
            parsed.put(&mut builder).unwrap();
            let octets = packet(builder);
            let read = Packet::parse(&octets).unwrap();
            assert_eq!(gpsi(&read).as_deref(), Some(text));
        }
    }

    #[test]
    fn sub_attributes_that_leave_their_attribute() {
        for value in [&[200, 9, 1][..], &[200, 1], &[200], &[9, 0, 200, 3, 1]] {
            let mut builder = Builder::new(code::ACCESS_REQUEST, 0);
            let whole = [&VENDOR[..], value].concat();
            builder
                .attribute(attribute::VENDOR_SPECIFIC, &whole)
                .unwrap();
            let octets = packet(builder);
            assert_eq!(s_nssai(&Packet::parse(&octets).unwrap()), None, "{value:?}");
        }
    }
}
