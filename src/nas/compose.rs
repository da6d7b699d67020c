//! Bodies of the messages that a UE and an AMF exchange around security, for load generation and tests
//! (TS 24.501 8.2). Writers only, and no more elements than a call flow needs: `ies` takes further optional
//! elements as they are.

use core::ops::Range;

use super::ie;
use super::octets::emit;
use super::{Cause, Guti, IdentityType, MessageType, STmsi, UeSecurityCapability};
use crate::base::{Direction, Error, NgKsi, Result};

/// A message's length, and where the value of its NAS message container lies.
pub type Written = (usize, Option<Range<usize>>);

/// REGISTRATION REQUEST (8.2.6).
#[derive(Clone, Copy, Debug)]
pub struct RegistrationRequest<'a> {
    /// Four bits: 5GS registration type, bit 4 is "follow-on request pending".
    pub registration_type: u8,
    /// Key set identifier, [`NgKsi::NO_KEY`] without a context.
    pub ng_ksi: NgKsi,
    /// Value of the 5GS mobile identity.
    pub identity: &'a [u8],
    /// UE security capability.
    pub ue_sec_cap: Option<UeSecurityCapability>,
    /// Further optional elements, encoded.
    pub ies: &'a [u8],
    /// Value of the NAS message container.
    pub container: Option<&'a [u8]>,
}

impl RegistrationRequest<'_> {
    /// Writes the plain message.
    ///
    /// # Errors
    /// [`Error::Argument`] for a type above 15, [`Error::TooLong`], [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<Written> {
        let first = halves(self.registration_type, self.ng_ksi.bits())?;
        emit(out, |w| {
            w.start(MessageType::REGISTRATION_REQUEST).octet(first);
            w.lv_e(self.identity);
            let capability = self.ue_sec_cap.as_ref();
            w.tlv(
                ie::UE_SECURITY_CAPABILITY,
                capability.map(UeSecurityCapability::value),
            )
            .bytes(self.ies);
            w.tlv_e(ie::NAS_MESSAGE_CONTAINER, self.container)
        })
    }
}

/// SERVICE REQUEST (8.2.16).
#[derive(Clone, Copy, Debug)]
pub struct ServiceRequest<'a> {
    /// Four bits: service type.
    pub service_type: u8,
    /// Key set identifier.
    pub ng_ksi: NgKsi,
    /// Who asks.
    pub s_tmsi: STmsi,
    /// Further optional elements, encoded.
    pub ies: &'a [u8],
    /// Value of the NAS message container.
    pub container: Option<&'a [u8]>,
}

impl ServiceRequest<'_> {
    /// Writes the plain message.
    ///
    /// # Errors
    /// [`Error::Argument`] for a type above 15, [`Error::TooLong`], [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<Written> {
        let first = halves(self.ng_ksi.bits(), self.service_type)?;
        emit(out, |w| {
            w.start(MessageType::SERVICE_REQUEST).octet(first);
            w.lv_e(&self.s_tmsi.value());
            w.bytes(self.ies);
            w.tlv_e(ie::NAS_MESSAGE_CONTAINER, self.container)
        })
    }
}

/// CONTROL PLANE SERVICE REQUEST (8.2.30). Its container holds optional elements only.
#[derive(Clone, Copy, Debug)]
pub struct ControlPlaneServiceRequest<'a> {
    /// Four bits: control plane service type.
    pub service_type: u8,
    /// Key set identifier.
    pub ng_ksi: NgKsi,
    /// Further optional elements, encoded.
    pub ies: &'a [u8],
    /// Value of the NAS message container.
    pub container: Option<&'a [u8]>,
}

impl ControlPlaneServiceRequest<'_> {
    /// Writes the plain message.
    ///
    /// # Errors
    /// [`Error::Argument`] for a type above 15, [`Error::TooLong`], [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<Written> {
        let first = halves(self.service_type, self.ng_ksi.bits())?;
        emit(out, |w| {
            w.start(MessageType::CONTROL_PLANE_SERVICE_REQUEST)
                .octet(first)
                .bytes(self.ies);
            w.tlv_e(ie::NAS_MESSAGE_CONTAINER, self.container)
        })
    }
}

/// DEREGISTRATION REQUEST, UE originating (8.2.12).
#[derive(Clone, Copy, Debug)]
pub struct DeregistrationRequest<'a> {
    /// Four bits: bit 4 switch off, bit 3 re-registration required, bits 2 and 1 access type.
    pub deregistration_type: u8,
    /// Key set identifier.
    pub ng_ksi: NgKsi,
    /// Value of the 5GS mobile identity.
    pub identity: &'a [u8],
    /// Value of the NAS message container.
    pub container: Option<&'a [u8]>,
}

impl DeregistrationRequest<'_> {
    /// Writes the plain message.
    ///
    /// # Errors
    /// [`Error::Argument`] for a type above 15, [`Error::TooLong`], [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<Written> {
        let first = halves(self.deregistration_type, self.ng_ksi.bits())?;
        emit(out, |w| {
            w.start(MessageType::DEREGISTRATION_REQUEST_UE).octet(first);
            w.lv_e(self.identity);
            w.tlv_e(ie::NAS_MESSAGE_CONTAINER, self.container)
        })
    }
}

/// REGISTRATION ACCEPT (8.2.7).
#[derive(Clone, Copy, Debug)]
pub struct RegistrationAccept<'a> {
    /// 5GS registration result: 1 is 3GPP access, 2 non-3GPP access, 3 both.
    pub result: u8,
    /// A new 5G-GUTI.
    pub guti: Option<Guti>,
    /// Further optional elements, encoded.
    pub ies: &'a [u8],
}

impl RegistrationAccept<'_> {
    /// Writes the plain message and returns its length.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        let guti = self.guti.map(|guti| guti.value());
        let (len, ()) = emit(out, |w| {
            w.start(MessageType::REGISTRATION_ACCEPT).lv(&[self.result]);
            w.tlv_e(ie::MOBILE_IDENTITY, guti.as_ref().map(|v| v.as_slice()));
            w.bytes(self.ies);
        })?;
        Ok(len)
    }
}

/// UL NAS TRANSPORT (8.2.10) or DL NAS TRANSPORT (8.2.11).
#[derive(Clone, Copy, Debug)]
pub struct NasTransport<'a> {
    /// Which of the two.
    pub direction: Direction,
    /// Four bits: payload container type; 1 is N1 SM information, 2 SMS.
    pub payload_type: u8,
    /// Payload container, at least one octet: for type 1 a 5GSM message.
    pub payload: &'a [u8],
    /// Further optional elements, encoded: PDU session ID `12 xx` and others.
    pub ies: &'a [u8],
}

impl NasTransport<'_> {
    /// Writes the plain message and returns its length.
    ///
    /// # Errors
    /// [`Error::Argument`] for a type above 15 or an empty payload, [`Error::TooLong`],
    /// [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        let message = match self.direction {
            Direction::Uplink => MessageType::UL_NAS_TRANSPORT,
            Direction::Downlink => MessageType::DL_NAS_TRANSPORT,
        };
        let first = halves(self.payload_type, 0)?;
        if self.payload.is_empty() {
            return Err(Error::Argument);
        }
        let (len, ()) = emit(out, |w| {
            w.start(message).octet(first);
            w.lv_e(self.payload);
            w.bytes(self.ies);
        })?;
        Ok(len)
    }
}

/// AUTHENTICATION REQUEST of 5G AKA (8.2.1).
#[derive(Clone, Copy, Debug)]
pub struct AuthenticationRequest<'a> {
    /// Key set identifier of the context to come.
    pub ng_ksi: NgKsi,
    /// ABBA, 2 octets or more.
    pub abba: &'a [u8],
    /// RAND.
    pub rand: [u8; 16],
    /// AUTN.
    pub autn: [u8; 16],
}

impl AuthenticationRequest<'_> {
    /// Writes the plain message and returns its length.
    ///
    /// # Errors
    /// [`Error::Argument`] for a short ABBA, [`Error::TooLong`], [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        if self.abba.len() < 2 {
            return Err(Error::Argument);
        }
        let (len, ()) = emit(out, |w| {
            w.start(MessageType::AUTHENTICATION_REQUEST)
                .octet(self.ng_ksi.bits())
                .lv(self.abba)
                .octet(0x21)
                .bytes(&self.rand)
                .tlv(0x20, Some(&self.autn));
        })?;
        Ok(len)
    }
}

/// AUTHENTICATION RESPONSE of 5G AKA (8.2.2): writes the plain message with RES* and returns its length.
///
/// # Errors
/// [`Error::BufferTooSmall`].
pub fn authentication_response(res_star: &[u8; 16], out: &mut [u8]) -> Result<usize> {
    let (len, ()) = emit(out, |w| {
        w.start(MessageType::AUTHENTICATION_RESPONSE)
            .tlv(0x2D, Some(res_star));
    })?;
    Ok(len)
}

/// IDENTITY REQUEST (8.2.21): writes the plain message and returns its length.
///
/// # Errors
/// [`Error::BufferTooSmall`].
pub fn identity_request(kind: IdentityType, out: &mut [u8]) -> Result<usize> {
    let (len, ()) = emit(out, |w| {
        w.start(MessageType::IDENTITY_REQUEST).octet(kind as u8);
    })?;
    Ok(len)
}

/// IDENTITY RESPONSE (8.2.22) with the value of a 5GS mobile identity: writes the plain message and returns
/// its length.
///
/// # Errors
/// [`Error::TooLong`], [`Error::BufferTooSmall`].
pub fn identity_response(identity: &[u8], out: &mut [u8]) -> Result<usize> {
    let (len, _) = emit(out, |w| {
        w.start(MessageType::IDENTITY_RESPONSE).lv_e(identity)
    })?;
    Ok(len)
}

/// A message whose mandatory part is one 5GMM cause (REGISTRATION REJECT, SERVICE REJECT, AUTHENTICATION
/// FAILURE, 5GMM STATUS): writes the plain message and returns its length, 4.
///
/// # Errors
/// [`Error::Argument`] for another message type, [`Error::BufferTooSmall`].
pub fn with_cause(message: MessageType, cause: Cause, out: &mut [u8]) -> Result<usize> {
    match message {
        MessageType::REGISTRATION_REJECT
        | MessageType::SERVICE_REJECT
        | MessageType::AUTHENTICATION_FAILURE
        | MessageType::STATUS => {}
        _ => return Err(Error::Argument),
    }
    let (len, ()) = emit(out, |w| {
        w.start(message).octet(cause.0);
    })?;
    Ok(len)
}

/// A message without mandatory elements (REGISTRATION COMPLETE, both DEREGISTRATION ACCEPT, SERVICE ACCEPT,
/// CONFIGURATION UPDATE COMMAND and COMPLETE, AUTHENTICATION REJECT, NOTIFICATION RESPONSE) with the optional
/// elements `ies`: writes the plain message and returns its length.
///
/// # Errors
/// [`Error::Argument`] for another message type, [`Error::BufferTooSmall`].
pub fn bare(message: MessageType, ies: &[u8], out: &mut [u8]) -> Result<usize> {
    if !ie::is_bare(message) {
        return Err(Error::Argument);
    }
    let (len, ()) = emit(out, |w| {
        w.start(message).bytes(ies);
    })?;
    Ok(len)
}

const fn halves(low: u8, high: u8) -> Result<u8> {
    if low > 15 || high > 15 {
        return Err(Error::Argument);
    }
    Ok(high << 4 | low)
}

#[cfg(test)]
mod tests {
    use super::super::InitialMessage;
    use super::super::ie::Ies;
    use super::*;

    const S_TMSI: STmsi = STmsi {
        amf_set_pointer: 0x0040,
        tmsi: 0xC000_0187,
    };

    fn ksi(ksi: u8) -> NgKsi {
        NgKsi::native(ksi).unwrap()
    }

    #[test]
    fn initial_messages_are_read_back_with_their_container() {
        let mut out = [0; 64];
        let guti = Guti {
            plmn: [0x99, 0xF9, 0x07],
            amf_region: 2,
            s_tmsi: S_TMSI,
        };
        let identity = guti.value();
        let registration = RegistrationRequest {
            registration_type: 0xA,
            ng_ksi: ksi(1),
            identity: &identity,
            ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0xF0]).ok(),
            ies: &[],
            container: Some(&[1, 2, 3]),
        };
        let (len, container) = registration.encode(&mut out).unwrap();
        let read = InitialMessage::parse(&out[..len]).unwrap();
        assert_eq!((read.kind, read.ng_ksi), (0xA, ksi(1)));
        assert_eq!(read.ue_sec_cap, registration.ue_sec_cap);
        assert_eq!(read.identity.unwrap().guti(), Some(guti));
        assert_eq!(read.container, container);
        assert_eq!(out[container.unwrap()], [1, 2, 3]);

        let dereg = DeregistrationRequest {
            deregistration_type: 9,
            ng_ksi: ksi(3),
            identity: &identity,
            container: None,
        };
        let (len, container) = dereg.encode(&mut out).unwrap();
        let read = InitialMessage::parse(&out[..len]).unwrap();
        assert!(read.is_switch_off() && container.is_none());
        assert_eq!(read.ng_ksi, ksi(3));

        let control = ControlPlaneServiceRequest {
            service_type: 1,
            ng_ksi: ksi(4),
            ies: &[],
            container: Some(&[0x40, 2, 0x20, 0]),
        };
        let (len, container) = control.encode(&mut out).unwrap();
        let read = InitialMessage::parse(&out[..len]).unwrap();
        assert_eq!((read.kind, read.ng_ksi), (1, ksi(4)));
        assert_eq!(read.container, container);
    }

    #[test]
    fn octets_of_captured_messages() {
        let mut out = [0; 64];
        let service = ServiceRequest {
            service_type: 1,
            ng_ksi: ksi(0),
            s_tmsi: S_TMSI,
            ies: &[0x40, 2, 0x20, 0, 0x50, 2, 0x20, 0],
            container: None,
        };
        let (len, _) = service.encode(&mut out).unwrap();
        let captured = [
            0x7E, 0, 0x4C, 0x10, 0, 7, 0xF4, 0, 0x40, 0xC0, 0, 0x01, 0x87, 0x40, 2, 0x20, 0, 0x50,
            2, 0x20, 0,
        ];
        assert_eq!(out[..len], captured);

        let authentication = AuthenticationRequest {
            ng_ksi: ksi(2),
            abba: &[0, 0],
            rand: [0xAA; 16],
            autn: [0xBB; 16],
        };
        let len = authentication.encode(&mut out).unwrap();
        assert_eq!(len, 42);
        assert_eq!(out[..8], [0x7E, 0, 0x56, 2, 2, 0, 0, 0x21]);
        assert_eq!(out[24..27], [0x20, 16, 0xBB]);
        let len = authentication_response(&[0xCC; 16], &mut out).unwrap();
        assert_eq!((len, &out[..6]), (21, &[0x7E, 0, 0x57, 0x2D, 16, 0xCC][..]));
        let len = identity_request(IdentityType::Suci, &mut out).unwrap();
        assert_eq!(out[..len], [0x7E, 0, 0x5B, 1]);
        let len = identity_response(&S_TMSI.value(), &mut out).unwrap();
        assert_eq!(out[..6], [0x7E, 0, 0x5C, 0, 7, 0xF4]);
        assert_eq!(len, 12);
        let cause = Cause::IDENTITY_NOT_DERIVED;
        let len = with_cause(MessageType::SERVICE_REJECT, cause, &mut out).unwrap();
        assert_eq!(out[..len], [0x7E, 0, 0x4D, 9]);
        let len = bare(MessageType::REGISTRATION_COMPLETE, &[], &mut out).unwrap();
        assert_eq!(out[..len], [0x7E, 0, 0x43]);
    }

    #[test]
    fn downlink_bodies_walk_to_their_end() {
        let mut out = [0; 64];
        let accept = RegistrationAccept {
            result: 1,
            guti: Some(Guti {
                plmn: [0x99, 0xF9, 0x07],
                amf_region: 2,
                s_tmsi: S_TMSI,
            }),
            ies: &[0x5E, 1, 0x92],
        };
        let len = accept.encode(&mut out).unwrap();
        let ieis = Ies::of(&out[..len]).unwrap().map(|ie| ie.unwrap().iei);
        assert!(ieis.eq([0x77, 0x5E]));
        let transport = NasTransport {
            direction: Direction::Downlink,
            payload_type: 1,
            payload: &[0x2E, 1, 1, 0xC2],
            ies: &[0x12, 1],
        };
        let len = transport.encode(&mut out).unwrap();
        let captured = [0x7E, 0, 0x68, 1, 0, 4, 0x2E, 1, 1, 0xC2, 0x12, 1];
        assert_eq!(out[..len], captured);
        let uplink = NasTransport {
            direction: Direction::Uplink,
            ..transport
        };
        assert_eq!(uplink.encode(&mut out), Ok(len));
        assert_eq!(out[2], 0x67);
    }

    #[test]
    fn r36_what_does_not_fit_is_not_written() {
        let mut out = [0xEE; 12];
        let service = ServiceRequest {
            service_type: 1,
            ng_ksi: ksi(0),
            s_tmsi: S_TMSI,
            ies: &[],
            container: None,
        };
        assert_eq!(service.encode(&mut out), Err(Error::BufferTooSmall));
        assert_eq!(out, [0xEE; 12]);
        let bad = ServiceRequest {
            service_type: 16,
            ..service
        };
        assert_eq!(bad.encode(&mut [0; 64]), Err(Error::Argument));
        let empty = NasTransport {
            direction: Direction::Uplink,
            payload_type: 1,
            payload: &[],
            ies: &[],
        };
        assert_eq!(empty.encode(&mut [0; 64]), Err(Error::Argument));
        for message in [MessageType::SECURITY_MODE_COMMAND, MessageType(0x99)] {
            assert_eq!(bare(message, &[], &mut [0; 64]), Err(Error::Argument));
            let refused = with_cause(message, Cause::PROTOCOL_ERROR, &mut [0; 64]);
            assert_eq!(refused, Err(Error::Argument));
        }
    }
}
