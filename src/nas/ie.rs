//! The walk over the information elements of a plain 5GMM message (TS 24.007 11.2, TS 24.501 clause 8).
//!
//! The mandatory part is skipped by a table per message; every optional element after it announces its own
//! format: the message's few fixed-length TV elements by table, 7x as TLV-E, 8x to Fx as one octet, the rest as
//! TLV. So an element of a later release is stepped over, not stumbled over.

use core::ops::Range;

use super::MessageType;
use super::header::{PLAIN_MIN, inner_type};
use super::octets::Reader;
use crate::base::{Error, Result};

/// IEI of the UE security capability in REGISTRATION REQUEST.
pub const UE_SECURITY_CAPABILITY: u8 = 0x2E;
/// IEI of the S1 UE network capability in REGISTRATION REQUEST.
pub const S1_UE_NETWORK_CAPABILITY: u8 = 0x17;
/// IEI of the replayed S1 UE security capabilities in SECURITY MODE COMMAND.
pub const S1_UE_SECURITY_CAPABILITY: u8 = 0x19;
/// IEI of the selected EPS NAS security algorithms in SECURITY MODE COMMAND.
pub const EPS_ALGORITHMS: u8 = 0x57;
/// IEI of the Additional 5G security information in SECURITY MODE COMMAND.
pub const ADDITIONAL_SECURITY: u8 = 0x36;
/// IEI of ABBA.
pub const ABBA: u8 = 0x38;
/// IEI of the AUN3 device security key in SECURITY MODE COMMAND.
pub const AUN3_KEY: u8 = 0x55;
/// IEI of the IMEISV request in SECURITY MODE COMMAND (high half of its octet).
pub const IMEISV_REQUEST: u8 = 0xE0;
/// IEI of the EPS NAS message container in REGISTRATION REQUEST.
pub const EPS_NAS_MESSAGE_CONTAINER: u8 = 0x70;
/// IEI of the NAS message container.
pub const NAS_MESSAGE_CONTAINER: u8 = 0x71;
/// IEI of a 5GS mobile identity: additional GUTI, 5G-GUTI or IMEISV, as the message says.
pub const MOBILE_IDENTITY: u8 = 0x77;
/// IEI of the EAP message; in SECURITY MODE COMPLETE the same value is the non-IMEISV PEI.
pub const EAP_MESSAGE: u8 = 0x78;
/// IEI of the non-IMEISV PEI in SECURITY MODE COMPLETE.
pub const NON_IMEISV_PEI: u8 = 0x78;
/// IEI of the UE status in REGISTRATION REQUEST.
pub const UE_STATUS: u8 = 0x2B;
/// IEI of the NID in REGISTRATION REQUEST.
pub const NID: u8 = 0x32;
/// IEI of the PLMN with disaster condition in REGISTRATION REQUEST.
pub const DISASTER_PLMN: u8 = 0x16;
/// IEI of the CIoT small data container in CONTROL PLANE SERVICE REQUEST.
pub const CIOT_SMALL_DATA: u8 = 0x6F;
/// IEI of the non-current native NAS key set identifier in REGISTRATION REQUEST (high half of its octet).
pub const NON_CURRENT_KSI: u8 = 0xC0;

/// One optional information element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ie<'a> {
    /// Identifier; for the one-octet elements 8x to Fx the low half is 0.
    pub iei: u8,
    /// Value; for a one-octet element that octet, whose low half is the value.
    pub value: &'a [u8],
    /// Where the value lies in the walked octets.
    pub range: Range<usize>,
}

impl Ie<'_> {
    /// The first value octet: for a one-octet element only its low half counts. 0 when the value is empty.
    #[must_use]
    pub fn first(&self) -> u8 {
        self.value.first().copied().unwrap_or_default()
    }
}

/// Iterator over the optional information elements of one message. Ends after the first error.
#[derive(Clone)]
pub struct Ies<'a> {
    reader: Reader<'a>,
    message: MessageType,
}

/// One mandatory element.
#[derive(Clone, Copy)]
enum Field {
    V(usize),
    Lv,
    LvE,
}

/// The mandatory elements after the message type; `None` for a message that this room does not know.
const fn mandatory(message: MessageType) -> Option<&'static [Field]> {
    use Field::{Lv, LvE, V};
    Some(match message {
        MessageType::REGISTRATION_REQUEST
        | MessageType::DEREGISTRATION_REQUEST_UE
        | MessageType::SERVICE_REQUEST
        | MessageType::AUTHENTICATION_RESULT
        | MessageType::UL_NAS_TRANSPORT
        | MessageType::DL_NAS_TRANSPORT => &[V(1), LvE],
        MessageType::REGISTRATION_ACCEPT => &[Lv],
        MessageType::REGISTRATION_REJECT
        | MessageType::DEREGISTRATION_REQUEST_NETWORK
        | MessageType::SERVICE_REJECT
        | MessageType::CONTROL_PLANE_SERVICE_REQUEST
        | MessageType::AUTHENTICATION_FAILURE
        | MessageType::IDENTITY_REQUEST
        | MessageType::SECURITY_MODE_REJECT
        | MessageType::STATUS
        | MessageType::NOTIFICATION => &[V(1)],
        MessageType::NSSAA_COMMAND | MessageType::NSSAA_COMPLETE | MessageType::NSSAA_RESULT => {
            &[Lv, LvE]
        }
        MessageType::AUTHENTICATION_REQUEST => &[V(1), Lv],
        MessageType::IDENTITY_RESPONSE => &[LvE],
        MessageType::SECURITY_MODE_COMMAND => &[V(2), Lv],
        MessageType::REGISTRATION_COMPLETE
        | MessageType::DEREGISTRATION_ACCEPT_UE
        | MessageType::DEREGISTRATION_ACCEPT_NETWORK
        | MessageType::SERVICE_ACCEPT
        | MessageType::CONFIGURATION_UPDATE_COMMAND
        | MessageType::CONFIGURATION_UPDATE_COMPLETE
        | MessageType::AUTHENTICATION_RESPONSE
        | MessageType::AUTHENTICATION_REJECT
        | MessageType::SECURITY_MODE_COMPLETE
        | MessageType::NOTIFICATION_RESPONSE => &[],
        _ => return None,
    })
}

/// True for a message without mandatory elements.
pub(super) const fn is_bare(message: MessageType) -> bool {
    matches!(mandatory(message), Some([]))
}

/// Value length of the fixed-length TV elements with an IEI below 0x80: they cannot be told from TLV by the IEI.
const fn fixed(message: MessageType, iei: u8) -> Option<usize> {
    match (message, iei) {
        (MessageType::REGISTRATION_REQUEST, 0x52) => Some(6), // last visited registered TAI
        (MessageType::AUTHENTICATION_REQUEST, 0x21) => Some(16), // RAND
        (MessageType::CONFIGURATION_UPDATE_COMMAND, 0x47) => Some(7), // universal time
        (MessageType::CONFIGURATION_UPDATE_COMMAND, 0x46) // local time zone
        | (MessageType::SECURITY_MODE_COMMAND, EPS_ALGORITHMS)
        | (MessageType::DEREGISTRATION_REQUEST_NETWORK | MessageType::DL_NAS_TRANSPORT, 0x58) // cause
        | (
            MessageType::UL_NAS_TRANSPORT
            | MessageType::DL_NAS_TRANSPORT
            | MessageType::CONTROL_PLANE_SERVICE_REQUEST,
            0x12, // PDU session ID
        )
        | (MessageType::UL_NAS_TRANSPORT, 0x59) => Some(1), // old PDU session ID
        _ => None,
    }
}

impl<'a> Ies<'a> {
    /// Steps over the mandatory part of a plain message.
    ///
    /// # Errors
    /// Those of [`inner_type`]; [`Error::MalformedIe`] when the mandatory part is cut short;
    /// [`Error::Argument`] for a message type whose layout is not known here.
    pub fn of(message: &'a [u8]) -> Result<Self> {
        let message_type = inner_type(message)?;
        let fields = mandatory(message_type).ok_or(Error::Argument)?;
        let mut reader = Reader::new(message, PLAIN_MIN);
        for field in fields {
            match *field {
                Field::V(len) => reader.take(len)?,
                Field::Lv => reader.lv()?,
                Field::LvE => reader.lv_e()?,
            };
        }
        Ok(Self {
            reader,
            message: message_type,
        })
    }

    /// Walks octets that hold optional elements only: the NAS message container of a CONTROL PLANE SERVICE
    /// REQUEST. Ranges count from the first of these octets.
    #[must_use]
    pub const fn bare(message: MessageType, octets: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(octets, 0),
            message,
        }
    }

    /// Where the optional elements begin.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.reader.position()
    }

    fn read(&mut self) -> Result<Ie<'a>> {
        let start = self.reader.position();
        let octet = self.reader.octet()?;
        if octet & 0x80 != 0 {
            // The octet is identifier and value at once.
            self.reader = self.reader.back_to(start);
            let (value, range) = self.reader.take(1)?;
            let iei = octet & 0xF0;
            return Ok(Ie { iei, value, range });
        }
        if octet & 0xF0 == 0 {
            // TS 24.007 11.2: "comprehension required", and no 5GMM message has such an element.
            return Err(Error::MalformedIe);
        }
        let (value, range) = match fixed(self.message, octet) {
            Some(len) => self.reader.take(len)?,
            None if octet & 0xF0 == 0x70 => self.reader.lv_e()?,
            None => self.reader.lv()?,
        };
        Ok(Ie {
            iei: octet,
            value,
            range,
        })
    }
}

impl<'a> Iterator for Ies<'a> {
    type Item = Result<Ie<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.remaining() == 0 {
            return None;
        }
        let item = self.read();
        if item.is_err() {
            self.reader.exhaust();
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_follow_the_identifier() {
        // REGISTRATION REQUEST with C-, 10, 52 (TV of 7), an unknown TLV 6F, an unknown TLV-E 7E.
        let message = [
            0x7E, 0, 0x41, 0x79, 0, 1, 0, 0xC3, 0x10, 1, 0x07, 0x52, 1, 2, 3, 4, 5, 6, 0x6F, 0,
            0x7E, 0, 1, 9,
        ];
        let mut ies = Ies::of(&message).unwrap();
        assert_eq!(ies.start(), 7);
        let expected: [(u8, Range<usize>); 5] = [
            (0xC0, 7..8),
            (0x10, 10..11),
            (0x52, 12..18),
            (0x6F, 20..20),
            (0x7E, 23..24),
        ];
        for (iei, range) in expected {
            let ie = ies.next().unwrap().unwrap();
            assert_eq!((ie.iei, ie.range.clone()), (iei, range));
            assert_eq!(ie.value, &message[ie.range]);
        }
        assert!(ies.next().is_none());
    }

    #[test]
    fn an_element_that_is_cut_short_ends_the_walk() {
        let mut ies = Ies::of(&[0x7E, 0, 0x43, 0x73, 0, 9, 1]).unwrap();
        assert_eq!(ies.next(), Some(Err(Error::MalformedIe)));
        assert_eq!(ies.next(), None);
        let mut ies = Ies::of(&[0x7E, 0, 0x43, 0x05, 0]).unwrap();
        assert_eq!(ies.next(), Some(Err(Error::MalformedIe)));
    }

    #[test]
    fn mandatory_part_must_be_there() {
        assert_eq!(Ies::of(&[0x7E, 0, 0x41]).err(), Some(Error::MalformedIe));
        assert_eq!(
            Ies::of(&[0x7E, 0, 0x41, 0x79, 0, 5, 1]).err(),
            Some(Error::MalformedIe)
        );
        assert_eq!(Ies::of(&[0x7E, 0, 0x53]).err(), Some(Error::Argument));
        assert_eq!(Ies::of(&[0x7E, 2, 0x41]).err(), Some(Error::Nested));
    }
}
