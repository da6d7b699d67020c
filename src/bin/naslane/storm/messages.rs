//! The messages of the call flow, as the subscriber and the message's place in the flow determine them: a message
//! that is sent again has the same content.

use std::ops::Range;

use naslane::base::{Direction, NgKsi, Result};
use naslane::kdf::KSeaf;
use naslane::nas::compose::{
    self, DeregistrationRequest, NasTransport, RegistrationAccept, RegistrationRequest,
    ServiceRequest,
};
use naslane::nas::identity::imeisv_value;
use naslane::nas::{Guti, MessageType, STmsi, UeSecurityCapability};

use super::random::Random;

/// ABBA of a network without further features (TS 33.501 A.7.1).
pub(super) const ABBA: [u8; 2] = [0, 0];
/// Room for every plain message.
pub(super) const ROOM: usize = 1600;
/// One in so many transport messages carries [`LONG`] octets: an SMS or LPP payload.
const RARE: usize = 32;
const LONG: usize = 1400;
const PLMN: [u8; 3] = [0x00, 0xF1, 0x10];
/// Elements of a REGISTRATION REQUEST that are not cleartext: 5GMM capability, requested NSSAI, last visited TAI.
const HIDDEN: [u8; 14] = [
    0x10, 1, 0x03, 0x2F, 2, 1, 1, 0x52, 0x00, 0xF1, 0x10, 0, 0, 1,
];

/// Who it is, and the how manieth time.
#[derive(Clone, Copy)]
pub(super) struct Person {
    pub(super) seed: u64,
    pub(super) number: u64,
    /// Authentications before this one.
    pub(super) round: u64,
    /// Key set identifier of the context.
    pub(super) ksi: u8,
}

/// A message after the security mode procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    RegistrationAccept,
    RegistrationComplete,
    UlTransport(u8),
    DlTransport(u8),
    ServiceRequest,
    ServiceAccept,
    DeregistrationRequest,
    DeregistrationAccept,
}

/// A plain message and the place of its container's value.
pub(super) type Written = (usize, Option<Range<usize>>);

/// NEA0 to 3, NIA1 to 3.
pub(super) fn capability() -> Result<UeSecurityCapability> {
    UeSecurityCapability::from_value(&[0xF0, 0x70])
}

impl Person {
    fn stream(&self, what: u64) -> Random {
        Random::of(&[self.seed, self.number, self.round, what])
    }

    /// Native key set identifier of this authentication.
    pub(super) fn ng_ksi(&self) -> NgKsi {
        NgKsi::native(self.ksi % 7).unwrap_or(NgKsi::NO_KEY)
    }

    /// 15 digits: PLMN 001 01 and the number.
    pub(super) fn imsi(&self) -> String {
        format!("00101{:010}", self.number)
    }

    /// What the SEAF hands over: fresh for every authentication.
    pub(super) fn k_seaf(&self) -> KSeaf {
        let mut octets = [0; 32];
        self.stream(u64::MAX).fill(&mut octets);
        KSeaf::new(octets)
    }

    fn s_tmsi(&self) -> STmsi {
        STmsi {
            amf_set_pointer: 0x0040,
            tmsi: 0xC000_0000 | self.number as u32,
        }
    }

    fn guti(&self) -> Guti {
        Guti {
            plmn: PLMN,
            amf_region: 2,
            s_tmsi: self.s_tmsi(),
        }
    }

    /// IMEISV of the UE.
    pub(super) fn imeisv(&self) -> Result<[u8; 9]> {
        let mut digits = [3; 16];
        let mut rest = self.number;
        for digit in digits.iter_mut().rev().take(10) {
            *digit = (rest % 10) as u8;
            rest /= 10;
        }
        imeisv_value(digits)
    }

    /// SUCI of the null scheme (TS 24.501 9.11.3.4).
    fn suci(&self) -> [u8; 13] {
        let mut value = [
            1, PLMN[0], PLMN[1], PLMN[2], 0xF0, 0xFF, 0, 0, 0, 0, 0, 0, 0,
        ];
        let imsi = self.imsi();
        for (octet, pair) in value[8..].iter_mut().zip(imsi.as_bytes()[5..].chunks(2)) {
            *octet = (pair[1] & 0xF) << 4 | (pair[0] & 0xF);
        }
        value
    }

    fn registration_request(&self, ies: &[u8], out: &mut [u8]) -> Result<usize> {
        let request = RegistrationRequest {
            registration_type: 9,
            ng_ksi: NgKsi::NO_KEY,
            identity: &self.suci(),
            ue_sec_cap: Some(capability()?),
            ies,
            container: None,
        };
        Ok(request.encode(out)?.0)
    }

    /// REGISTRATION REQUEST as a UE without context sends it first: cleartext elements only.
    pub(super) fn first_request(&self, out: &mut [u8]) -> Result<usize> {
        self.registration_request(&[], out)
    }

    /// The whole REGISTRATION REQUEST, for the container of SECURITY MODE COMPLETE.
    pub(super) fn whole_request(&self, out: &mut [u8]) -> Result<usize> {
        self.registration_request(&HIDDEN, out)
    }

    /// Writes one of the protected messages.
    pub(super) fn write(&self, message: Message, out: &mut [u8]) -> Result<Written> {
        let bare = |message, out: &mut [u8]| Ok((compose::bare(message, &[], out)?, None));
        match message {
            Message::RegistrationAccept => {
                let accept = RegistrationAccept {
                    result: 1,
                    guti: Some(self.guti()),
                    ies: &[0x15, 2, 1, 1, 0x5E, 1, 0x06],
                };
                Ok((accept.encode(out)?, None))
            }
            Message::RegistrationComplete => bare(MessageType::REGISTRATION_COMPLETE, out),
            Message::UlTransport(index) => self.transport((Direction::Uplink, index), out),
            Message::DlTransport(index) => self.transport((Direction::Downlink, index), out),
            Message::ServiceRequest => self.service_request(out),
            Message::ServiceAccept => Ok((
                compose::bare(MessageType::SERVICE_ACCEPT, &[0x50, 2, 0x20, 0], out)?,
                None,
            )),
            Message::DeregistrationRequest => DeregistrationRequest {
                deregistration_type: 1,
                ng_ksi: self.ng_ksi(),
                identity: &self.guti().value(),
                container: None,
            }
            .encode(out),
            Message::DeregistrationAccept => bare(MessageType::DEREGISTRATION_ACCEPT_UE, out),
        }
    }

    /// 24 to 160 octets of 5GSM, now and then [`LONG`].
    fn transport(&self, (direction, index): (Direction, u8), out: &mut [u8]) -> Result<Written> {
        let mut stream = self.stream(u64::from(index) << 1 | direction as u64);
        let len = if stream.below(RARE) == 0 {
            LONG
        } else {
            24 + stream.below(137)
        };
        let mut payload = [0; LONG];
        let payload = &mut payload[..len];
        stream.fill(payload);
        payload[..3].copy_from_slice(&[0x2E, 1, index]);
        let transport = NasTransport {
            direction,
            payload_type: 1,
            payload,
            ies: &[0x12, 1],
        };
        Ok((transport.encode(out)?, None))
    }

    /// With the whole request, which names the PDU sessions, in the container.
    fn service_request(&self, out: &mut [u8]) -> Result<Written> {
        let whole = ServiceRequest {
            service_type: 1,
            ng_ksi: self.ng_ksi(),
            s_tmsi: self.s_tmsi(),
            ies: &[0x40, 2, 0x20, 0, 0x50, 2, 0x20, 0],
            container: None,
        };
        let mut inner = [0; 64];
        let (len, _) = whole.encode(&mut inner)?;
        ServiceRequest {
            ies: &[],
            container: Some(&inner[..len]),
            ..whole
        }
        .encode(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use naslane::nas::{Carrier, InitialMessage, check_container};

    #[test]
    fn every_message_is_read_back() {
        let mut out = [0; ROOM];
        for number in 0..200 {
            let person = Person {
                seed: 1,
                number,
                round: 0,
                ksi: 3,
            };
            let len = person.first_request(&mut out).unwrap();
            let first = InitialMessage::parse(&out[..len]).unwrap();
            assert!(first.is_cleartext_only() && first.ue_sec_cap == capability().ok());
            let len = person.whole_request(&mut out).unwrap();
            let checked = check_container(
                MessageType::REGISTRATION_REQUEST,
                Carrier::SecurityModeComplete,
                &out[..len],
            );
            assert_eq!(checked, Ok(MessageType::REGISTRATION_REQUEST));
            let (len, container) = person.write(Message::ServiceRequest, &mut out).unwrap();
            let read = InitialMessage::parse(&out[..len]).unwrap();
            assert!(read.is_cleartext_only() && read.container == container);
            let (len, _) = person
                .write(Message::DlTransport(number as u8), &mut out)
                .unwrap();
            assert!((24..=ROOM - 7).contains(&len));
            let mut again = [0; ROOM];
            person
                .write(Message::DlTransport(number as u8), &mut again)
                .unwrap();
            assert_eq!(out[..len], again[..len]);
            assert!(person.imeisv().is_ok());
        }
    }
}
