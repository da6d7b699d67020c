//! Network slice-specific authentication and authorization on the wire (TS 24.501 5.4.7, 8.2.31 to 8.2.33), and the
//! lists of slices in the messages that tell its outcome.
//!
//! | file | what it knows |
//! |---|---|
//! | `s_nssai` | S-NSSAI, alone and with the mapped one of the HPLMN |
//! | `eap` | the frame of an EAP message |
//! | `nssai` | Allowed, Configured, Pending, Rejected and Extended rejected NSSAI |
//! | `update` | CONFIGURATION UPDATE COMMAND |
//! | `deregistration` | DEREGISTRATION REQUEST (UE terminated) |
//! | `lists` | the elements of a REGISTRATION ACCEPT, and a reader for all of these messages |

mod deregistration;
mod eap;
mod lists;
mod nssai;
mod s_nssai;
mod update;

pub use deregistration::DeregistrationRequest;
pub use eap::{
    EAP_IDENTITY, EAP_MAX, EAP_MIN, EapCode, EapMessage, identity_request, verdict as eap_verdict,
};
pub use lists::{AcceptLists, SliceLists};
pub use nssai::{
    ALLOWED_MAX, CONFIGURED_MAX, Extended, Nssai, REJECTED_MAX, Rejected, RejectedNssai,
    RejectionCause,
};
pub use s_nssai::{SNssai, Slice};
pub use update::{ConfigurationUpdateCommand, Indication};

use super::MessageType;
use super::header::{PLAIN_MIN, inner_type};
use super::octets::{Reader, emit};
use crate::base::{Error, Result};

/// Most octets of one of these three messages, plain: header, S-NSSAI LV, EAP message LV-E.
pub const NSSAA_MAX: usize = PLAIN_MIN + 1 + SNssai::MAX + 2 + EAP_MAX;

/// Which of the three messages, which are built alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NETWORK SLICE-SPECIFIC AUTHENTICATION COMMAND, downlink: an EAP-Request.
    Command,
    /// NETWORK SLICE-SPECIFIC AUTHENTICATION COMPLETE, uplink: an EAP-Response.
    Complete,
    /// NETWORK SLICE-SPECIFIC AUTHENTICATION RESULT, downlink: EAP-Success or EAP-Failure.
    Result,
}

impl Kind {
    /// Its message type: 0x50, 0x51, 0x52.
    #[must_use]
    pub const fn message_type(self) -> MessageType {
        match self {
            Self::Command => MessageType::NSSAA_COMMAND,
            Self::Complete => MessageType::NSSAA_COMPLETE,
            Self::Result => MessageType::NSSAA_RESULT,
        }
    }

    const fn carries(self, code: EapCode) -> bool {
        match self {
            Self::Command => matches!(code, EapCode::Request),
            Self::Complete => matches!(code, EapCode::Response),
            Self::Result => matches!(code, EapCode::Success | EapCode::Failure),
        }
    }
}

/// NETWORK SLICE-SPECIFIC AUTHENTICATION COMMAND, COMPLETE or RESULT. Its S-NSSAI is always the HPLMN's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NssaaMessage<'a> {
    /// Which of them.
    pub kind: Kind,
    /// The slice in the HPLMN.
    pub s_nssai: SNssai,
    /// Of the code that this kind carries.
    pub eap: EapMessage<'a>,
}

impl<'a> NssaaMessage<'a> {
    /// Writes the plain message and returns its length, at most [`NSSAA_MAX`].
    ///
    /// # Errors
    /// [`Error::Argument`] for an EAP message that this kind does not carry; [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        if !self.kind.carries(self.eap.code()) {
            return Err(Error::Argument);
        }
        let (len, ()) = emit(out, |w| {
            w.start(self.kind.message_type());
            self.s_nssai.put_lv(w);
            w.lv_e(self.eap.octets());
        })?;
        Ok(len)
    }

    /// Reads a plain message; octets after the EAP message are ignored (TS 24.501 7.6: elements of a later release).
    ///
    /// # Errors
    /// Those of [`inner_type`]; [`Error::Unexpected`] for another message type; [`Error::MalformedIe`] for a cut
    /// message, an S-NSSAI that is not 1 or 4 octets, a malformed EAP message or one of another code.
    pub fn decode(message: &'a [u8]) -> Result<Self> {
        let kind = match inner_type(message)? {
            MessageType::NSSAA_COMMAND => Kind::Command,
            MessageType::NSSAA_COMPLETE => Kind::Complete,
            MessageType::NSSAA_RESULT => Kind::Result,
            _ => return Err(Error::Unexpected),
        };
        let mut reader = Reader::new(message, PLAIN_MIN);
        let s_nssai = SNssai::from_value(reader.lv()?.0)?;
        let eap = EapMessage::parse(reader.lv_e()?.0)?;
        if kind.carries(eap.code()) {
            Ok(Self { kind, s_nssai, eap })
        } else {
            Err(Error::MalformedIe)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec 6.1: COMMAND for SST 1, SD 000001 with EAP-Request/Identity, identifier 1.
    #[test]
    fn the_known_command() {
        let octets = [0x7E, 0, 0x50, 4, 1, 0, 0, 1, 0, 5, 1, 1, 0, 5, 1];
        let eap = identity_request(1);
        let command = NssaaMessage {
            kind: Kind::Command,
            s_nssai: SNssai::new(1, 1),
            eap: EapMessage::parse(&eap).unwrap(),
        };
        let mut out = [0; 32];
        assert_eq!(command.encode(&mut out), Ok(octets.len()));
        assert_eq!(out[..octets.len()], octets);
        assert_eq!(NssaaMessage::decode(&octets), Ok(command));
        assert_eq!(command.encode(&mut [0; 14]), Err(Error::BufferTooSmall));
        for cut in 3..octets.len() {
            assert_eq!(
                NssaaMessage::decode(&octets[..cut]),
                Err(Error::MalformedIe)
            );
        }
    }

    #[test]
    fn code_and_kind_belong_together() {
        let request = identity_request(1);
        let success = eap_verdict(EapCode::Success, 1);
        for (kind, eap, fits) in [
            (Kind::Command, &request[..], true),
            (Kind::Complete, &request, false),
            (Kind::Result, &request, false),
            (Kind::Result, &success, true),
            (Kind::Command, &success, false),
        ] {
            let message = NssaaMessage {
                kind,
                s_nssai: SNssai::sst(1),
                eap: EapMessage::parse(eap).unwrap(),
            };
            let mut out = [0; 32];
            assert_eq!(message.encode(&mut out).is_ok(), fits);
        }
        let foreign = [0x7E, 0, 0x51, 1, 1, 0, 4, 3, 1, 0, 4];
        assert_eq!(NssaaMessage::decode(&foreign), Err(Error::MalformedIe));
        assert_eq!(
            NssaaMessage::decode(&[0x7E, 0, 0x5D, 0]),
            Err(Error::Unexpected)
        );
    }
}
