//! Initial NAS messages (TS 24.501 4.4.6): the cleartext part, and the NAS message container with the rest.
//!
//! A UE with a valid security context sends only cleartext elements in the open and the whole message, ciphered
//! by itself, in the NAS message container. After the MAC of the outer message verified, the content of the
//! container *is* the initial message.

use core::ops::Range;

use super::header::inner_type;
use super::ie::{self, Ie, Ies};
use super::octets::Reader;
use super::{MessageType, MobileIdentity, UeSecurityCapability};
use crate::base::{Error, NgKsi, Result};

/// 5GS registration type (TS 24.501 9.11.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RegistrationType {
    /// Initial registration; a receiver takes unused values for this one.
    Initial = 1,
    /// Mobility registration updating.
    Mobility = 2,
    /// Periodic registration updating.
    Periodic = 3,
    /// Emergency registration.
    Emergency = 4,
    /// SNPN onboarding registration.
    SnpnOnboarding = 5,
    /// Disaster roaming mobility registration updating.
    DisasterMobility = 6,
    /// Disaster roaming initial registration.
    DisasterInitial = 7,
}

/// What an initial NAS message says before anything is deciphered. Ranges are places in the read octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialMessage<'a> {
    /// Which of the four initial messages it is.
    pub message_type: MessageType,
    /// Key set identifier of the security context that the UE used or holds.
    pub ng_ksi: NgKsi,
    /// The four bits beside it: registration, de-registration or service type.
    pub kind: u8,
    /// 5GS mobile identity or 5G-S-TMSI; CONTROL PLANE SERVICE REQUEST has none.
    pub identity: Option<MobileIdentity<'a>>,
    /// UE security capability of a REGISTRATION REQUEST.
    pub ue_sec_cap: Option<UeSecurityCapability>,
    /// Non-current native NAS key set identifier of a REGISTRATION REQUEST.
    pub non_current_ng_ksi: Option<NgKsi>,
    /// The message carries an S1 UE network capability.
    pub s1_capability: bool,
    /// The message carries an EPS NAS message container: a TAU REQUEST for the MME to verify.
    pub eps_container: bool,
    /// Value of the NAS message container, at least one octet.
    pub container: Option<Range<usize>>,
    /// Value of the CIoT small data container of a CONTROL PLANE SERVICE REQUEST.
    pub small_data: Option<Range<usize>>,
    /// IEI of the first element that is not a cleartext element of this message.
    pub first_non_cleartext: Option<u8>,
}

impl<'a> InitialMessage<'a> {
    /// Reads a plain initial message. Of doubled elements the first counts; an element of an impossible length
    /// counts as absent (TS 24.501 7.6.3, 7.7.1).
    ///
    /// # Errors
    /// Those of [`inner_type`]; [`Error::Unexpected`] for a message that is not initial;
    /// [`Error::MalformedIe`] when the mandatory part is cut short or an element runs past the end.
    pub fn parse(message: &'a [u8]) -> Result<Self> {
        let message_type = inner_type(message)?;
        if !message_type.is_initial() {
            return Err(Error::Unexpected);
        }
        let mut reader = Reader::new(message, 3);
        let octet = reader.octet()?;
        // The element that the standard lists first sits in the low half.
        let (kind, ksi) = if message_type == MessageType::SERVICE_REQUEST {
            (octet >> 4, octet & 0xF)
        } else {
            (octet & 0xF, octet >> 4)
        };
        let identity = if message_type == MessageType::CONTROL_PLANE_SERVICE_REQUEST {
            None
        } else {
            Some(MobileIdentity::new(reader.lv_e()?.0)?)
        };
        let mut initial = Self {
            message_type,
            ng_ksi: NgKsi::from_bits(ksi).ok_or(Error::MalformedIe)?,
            kind,
            identity,
            ue_sec_cap: None,
            non_current_ng_ksi: None,
            s1_capability: false,
            eps_container: false,
            container: None,
            small_data: None,
            first_non_cleartext: None,
        };
        for ie in Ies::of(message)? {
            initial.take(&ie?);
        }
        Ok(initial)
    }

    fn take(&mut self, ie: &Ie<'a>) {
        let present = !ie.value.is_empty();
        let registration = self.message_type == MessageType::REGISTRATION_REQUEST;
        let control_plane = self.message_type == MessageType::CONTROL_PLANE_SERVICE_REQUEST;
        match ie.iei {
            ie::NAS_MESSAGE_CONTAINER if self.container.is_none() && present => {
                self.container = Some(ie.range.clone());
            }
            ie::CIOT_SMALL_DATA if control_plane && self.small_data.is_none() && present => {
                self.small_data = Some(ie.range.clone());
            }
            ie::UE_SECURITY_CAPABILITY if registration && self.ue_sec_cap.is_none() => {
                self.ue_sec_cap = UeSecurityCapability::from_value(ie.value).ok();
            }
            ie::NON_CURRENT_KSI if registration && self.non_current_ng_ksi.is_none() => {
                self.non_current_ng_ksi = NgKsi::from_bits(ie.first() & 0xF);
            }
            ie::S1_UE_NETWORK_CAPABILITY if registration => self.s1_capability |= present,
            ie::EPS_NAS_MESSAGE_CONTAINER if registration => self.eps_container |= present,
            _ => {}
        }
        if self.first_non_cleartext.is_none() && !is_cleartext(self.message_type, ie.iei) {
            self.first_non_cleartext = Some(ie.iei);
        }
    }

    /// True when the message carries only what may be read without deciphering (TS 24.501 4.4.6), its NAS
    /// message container included.
    #[must_use]
    pub const fn is_cleartext_only(&self) -> bool {
        self.first_non_cleartext.is_none()
    }

    /// The octets that the UE ciphers by themselves with the message's COUNT: the value of the NAS message
    /// container, else that of the CIoT small data container.
    #[must_use]
    pub fn ciphered(&self) -> Option<Range<usize>> {
        self.container.clone().or_else(|| self.small_data.clone())
    }

    /// The registration type; `None` for another message than REGISTRATION REQUEST.
    #[must_use]
    pub fn registration_type(&self) -> Option<RegistrationType> {
        let registration_type = match self.kind & 7 {
            2 => RegistrationType::Mobility,
            3 => RegistrationType::Periodic,
            4 => RegistrationType::Emergency,
            5 => RegistrationType::SnpnOnboarding,
            6 => RegistrationType::DisasterMobility,
            7 => RegistrationType::DisasterInitial,
            _ => RegistrationType::Initial,
        };
        (self.message_type == MessageType::REGISTRATION_REQUEST).then_some(registration_type)
    }

    /// True for a DEREGISTRATION REQUEST of a UE that switches off.
    #[must_use]
    pub fn is_switch_off(&self) -> bool {
        self.message_type == MessageType::DEREGISTRATION_REQUEST_UE && self.kind & 8 != 0
    }
}

/// Optional elements that a message may carry in the open (TS 24.501 4.4.6). NID and PLMN with disaster
/// condition joined the list of REGISTRATION REQUEST in release 17.
#[must_use]
pub const fn is_cleartext(message: MessageType, iei: u8) -> bool {
    match message {
        MessageType::REGISTRATION_REQUEST => matches!(
            iei,
            ie::UE_SECURITY_CAPABILITY
                | ie::MOBILE_IDENTITY
                | ie::UE_STATUS
                | ie::EPS_NAS_MESSAGE_CONTAINER
                | ie::NAS_MESSAGE_CONTAINER
                | ie::NID
                | ie::DISASTER_PLMN
        ),
        // The value of the small data container is ciphered by itself.
        MessageType::CONTROL_PLANE_SERVICE_REQUEST => {
            matches!(iei, ie::NAS_MESSAGE_CONTAINER | ie::CIOT_SMALL_DATA)
        }
        _ => iei == ie::NAS_MESSAGE_CONTAINER,
    }
}

/// Which message brought a NAS message container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The initial message itself.
    Initial,
    /// SECURITY MODE COMPLETE.
    SecurityModeComplete,
}

/// Checks the deciphered content of a NAS message container: `procedure` is the type of the initial message
/// whose procedure is going on, and the content must be that message, plain, without a further container.
///
/// The container of a CONTROL PLANE SERVICE REQUEST holds only optional elements, no message header; in
/// SECURITY MODE COMPLETE it too is a whole message.
///
/// # Errors
/// [`Error::ContainerMismatch`] when `procedure` is not initial or the content is another message;
/// [`Error::Nested`] for protection or a container inside; [`Error::Short`], [`Error::Discriminator`] or
/// [`Error::MalformedIe`] for octets that are no message, which after deciphering means that the two sides
/// cipher differently.
pub fn check_container(
    procedure: MessageType,
    carrier: Carrier,
    content: &[u8],
) -> Result<MessageType> {
    if !procedure.is_initial() {
        return Err(Error::ContainerMismatch);
    }
    let whole = carrier == Carrier::SecurityModeComplete
        || procedure != MessageType::CONTROL_PLANE_SERVICE_REQUEST;
    let ies = if whole {
        if inner_type(content)? != procedure {
            return Err(Error::ContainerMismatch);
        }
        InitialMessage::parse(content)?;
        Ies::of(content)?
    } else {
        Ies::bare(procedure, content)
    };
    for ie in ies {
        if ie?.iei == ie::NAS_MESSAGE_CONTAINER {
            return Err(Error::Nested);
        }
    }
    Ok(procedure)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUTI: [u8; 13] = [0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1];

    #[test]
    fn registration_request_with_container() {
        let mut message = [0; 34];
        message[..4].copy_from_slice(&[0x7E, 0, 0x41, 0x2A]);
        message[4..17].copy_from_slice(&GUTI);
        message[17..].copy_from_slice(&[
            0xC3, 0x2E, 2, 0xF0, 0x70, 0x17, 1, 9, 0x70, 0, 1, 7, 0x71, 0, 2, 5, 6,
        ]);
        let read = InitialMessage::parse(&message).unwrap();
        assert_eq!(read.message_type, MessageType::REGISTRATION_REQUEST);
        assert_eq!(read.ng_ksi, NgKsi::native(2).unwrap());
        assert_eq!(read.kind, 10);
        assert_eq!(read.registration_type(), Some(RegistrationType::Mobility));
        assert_eq!(
            read.identity.unwrap().guti().unwrap().s_tmsi.tmsi,
            0xC000_0001
        );
        assert_eq!(read.ue_sec_cap.unwrap().value(), [0xF0, 0x70]);
        assert_eq!(read.non_current_ng_ksi, NgKsi::native(3));
        assert!(read.s1_capability && read.eps_container && !read.is_switch_off());
        assert_eq!(read.container, Some(32..34));
        assert_eq!(read.ciphered(), Some(32..34));
        assert_eq!(read.first_non_cleartext, Some(0xC0));
        for cut in 0..message.len() {
            assert_ne!(
                InitialMessage::parse(&message[..cut]).ok(),
                Some(read.clone())
            );
        }
    }

    #[test]
    fn half_octets_lie_as_the_standard_lists_them() {
        let service = [0x7E, 0, 0x4C, 0x12, 0, 7, 0xF4, 0, 0x40, 0xC0, 0, 0, 1];
        let read = InitialMessage::parse(&service).unwrap();
        assert_eq!((read.kind, read.ng_ksi.bits()), (1, 2));
        assert_eq!(read.identity.unwrap().s_tmsi().unwrap().tmsi, 0xC000_0001);
        assert!(read.is_cleartext_only() && read.registration_type().is_none());
        let control = [0x7E, 0, 0x4F, 0x21, 0x6F, 2, 9, 9];
        let read = InitialMessage::parse(&control).unwrap();
        assert_eq!((read.kind, read.ng_ksi.bits()), (1, 2));
        assert_eq!(read.identity, None);
        assert_eq!(read.ciphered(), Some(6..8));
        let mut dereg = [0; 17];
        dereg[..4].copy_from_slice(&[0x7E, 0, 0x45, 0x29]);
        dereg[4..].copy_from_slice(&GUTI);
        let read = InitialMessage::parse(&dereg).unwrap();
        assert!(read.is_switch_off() && read.is_cleartext_only());
        assert_eq!(read.ng_ksi.bits(), 2);
        assert_eq!(
            InitialMessage::parse(&[0x7E, 0, 0x43]),
            Err(Error::Unexpected)
        );
    }

    #[test]
    fn doubled_elements_count_once() {
        let message = [
            0x7E, 0, 0x41, 0x79, 0, 1, 0, 0x2E, 1, 9, 0x2E, 2, 0xF0, 0xF0, 0x2E, 2, 1, 1, 0x71, 0,
            0, 0x71, 0, 1, 5, 0x71, 0, 1, 6,
        ];
        let read = InitialMessage::parse(&message).unwrap();
        assert_eq!(read.ue_sec_cap.unwrap().value(), [0xF0, 0xF0]);
        assert_eq!(read.container, Some(24..25));
    }

    #[test]
    fn r45_a_container_holds_the_message_of_the_procedure() {
        let service = [0x7E, 0, 0x4C, 0x10, 0, 7, 0xF4, 0, 0x40, 0xC0, 0, 0, 1];
        let check =
            |procedure, content: &[u8]| check_container(procedure, Carrier::Initial, content);
        assert_eq!(
            check(MessageType::SERVICE_REQUEST, &service),
            Ok(MessageType::SERVICE_REQUEST)
        );
        assert_eq!(
            check(MessageType::REGISTRATION_REQUEST, &service),
            Err(Error::ContainerMismatch)
        );
        for message in [0x43, 0x57, 0x5E, 0x67] {
            let content = [0x7E, 0, message, 0x10];
            let procedure = MessageType(message);
            assert_eq!(check(procedure, &content), Err(Error::ContainerMismatch));
            let other = check(MessageType::REGISTRATION_REQUEST, &content);
            assert_eq!(other, Err(Error::ContainerMismatch));
        }
        let mut nested = [0; 17];
        nested[..13].copy_from_slice(&service);
        nested[13..].copy_from_slice(&[0x71, 0, 1, 9]);
        let procedure = MessageType::SERVICE_REQUEST;
        assert_eq!(check(procedure, &nested), Err(Error::Nested));
        nested[1] = 2;
        assert_eq!(check(procedure, &nested), Err(Error::Nested));
        nested[0] = 0x55;
        assert_eq!(check(procedure, &nested), Err(Error::Discriminator));
        assert_eq!(check(procedure, &service[..12]), Err(Error::MalformedIe));
        assert_eq!(check(procedure, &[]), Err(Error::Short));
    }

    #[test]
    fn the_control_plane_container_holds_elements_only() {
        let procedure = MessageType::CONTROL_PLANE_SERVICE_REQUEST;
        let check = |carrier, content: &[u8]| check_container(procedure, carrier, content);
        let elements = [0x40, 2, 0x20, 0, 0x81, 0x7B, 0, 1, 9];
        assert_eq!(check(Carrier::Initial, &elements), Ok(procedure));
        assert_eq!(
            check(Carrier::SecurityModeComplete, &elements),
            Err(Error::Discriminator)
        );
        assert_eq!(
            check(Carrier::Initial, &elements[..8]),
            Err(Error::MalformedIe)
        );
        assert_eq!(
            check(Carrier::Initial, &[0x71, 0, 1, 9]),
            Err(Error::Nested)
        );
        let whole = [0x7E, 0, 0x4F, 0x21, 0x40, 2, 0x20, 0];
        assert_eq!(check(Carrier::SecurityModeComplete, &whole), Ok(procedure));
    }
}
