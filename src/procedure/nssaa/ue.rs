//! The UE half (TS 24.501 5.4.7.2, 5.4.7.3), for load generation and tests: between the messages and an EAP peer.

use crate::base::{AccessType, Error, Result};
use crate::nas::nssaa::{EapCode, EapMessage, Kind, NssaaMessage, SNssai};

use super::amf::EapBuffer;

/// A COMMAND under way.
struct Asked {
    access: AccessType,
    s_nssai: SNssai,
    request: Box<EapBuffer>,
    response: Option<Box<EapBuffer>>,
}

/// What a COMMAND makes a UE do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UeAction<'a> {
    /// Hand the EAP-Request to the peer of this slice; its response goes to [`Ue::answer`].
    Peer {
        /// The slice of the HPLMN.
        s_nssai: SNssai,
        /// The EAP-Request.
        request: EapMessage<'a>,
    },
    /// The COMMAND came again: the same COMPLETE, plain, in the first `len` octets. The peer is not asked again.
    Again {
        /// Octets.
        len: usize,
    },
    /// The COMMAND came again while the peer still works.
    Working,
}

/// What a RESULT says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UeResult<'a> {
    /// The slice of the HPLMN.
    pub s_nssai: SNssai,
    /// The EAP-Success or EAP-Failure, for the peer.
    pub eap: EapMessage<'a>,
}

impl UeResult<'_> {
    /// Authenticated and authorised.
    #[must_use]
    pub const fn success(&self) -> bool {
        matches!(self.eap.code(), EapCode::Success)
    }
}

/// Network slice-specific authentication at the UE. `Default` has nothing under way.
#[derive(Default)]
pub struct Ue {
    asked: Option<Asked>,
}

impl std::fmt::Debug for Ue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let asked = self
            .asked
            .as_ref()
            .map(|asked| (asked.access, asked.s_nssai));
        f.debug_struct("Ue").field("asked", &asked).finish()
    }
}

impl Ue {
    /// Takes a verified COMMAND, plain.
    ///
    /// # Errors
    /// Those of [`NssaaMessage::decode`]; [`Error::Unexpected`] for another message; [`Error::BufferTooSmall`].
    pub fn command<'a>(
        &mut self,
        access: AccessType,
        message: &'a [u8],
        out: &mut [u8],
    ) -> Result<UeAction<'a>> {
        let message = NssaaMessage::decode(message)?;
        if message.kind != Kind::Command {
            return Err(Error::Unexpected);
        }
        let (s_nssai, request) = (message.s_nssai, message.eap);
        if let Some(asked) = &mut self.asked
            && asked.s_nssai == s_nssai
            && asked.request.octets() == request.octets()
        {
            asked.access = access;
            return match &asked.response {
                Some(_) => Ok(UeAction::Again {
                    len: asked.complete(out)?,
                }),
                None => Ok(UeAction::Working),
            };
        }
        let mut kept = EapBuffer::new();
        kept.set(request.octets());
        self.asked = Some(Asked {
            access,
            s_nssai,
            request: kept,
            response: None,
        });
        Ok(UeAction::Peer { s_nssai, request })
    }

    /// The peer's EAP-Response: writes the plain COMPLETE, and tells its length and access.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when no COMMAND waits for it; [`Error::Slice`] for another slice than the COMMAND's;
    /// [`Error::MalformedIe`] for a message that is no response to that request; [`Error::BufferTooSmall`].
    pub fn answer(
        &mut self,
        s_nssai: SNssai,
        response: &[u8],
        out: &mut [u8],
    ) -> Result<(AccessType, usize)> {
        let asked = self.asked.as_mut().ok_or(Error::Unexpected)?;
        if asked.response.is_some() {
            return Err(Error::Unexpected);
        }
        if asked.s_nssai != s_nssai {
            return Err(Error::Slice);
        }
        let eap = EapMessage::parse(response)?;
        let identifier = asked.request.message()?.identifier();
        if eap.code() != EapCode::Response || eap.identifier() != identifier {
            return Err(Error::MalformedIe);
        }
        let mut kept = EapBuffer::new();
        kept.set(response);
        asked.response = Some(kept);
        let len = asked.complete(out);
        if len.is_err() {
            asked.response = None;
        }
        Ok((asked.access, len?))
    }

    /// Takes a verified RESULT, plain: the slice's run is over.
    ///
    /// # Errors
    /// Those of [`NssaaMessage::decode`]; [`Error::Unexpected`] for another message.
    pub fn result<'a>(&mut self, message: &'a [u8]) -> Result<UeResult<'a>> {
        let message = NssaaMessage::decode(message)?;
        if message.kind != Kind::Result {
            return Err(Error::Unexpected);
        }
        let s_nssai = message.s_nssai;
        self.asked.take_if(|asked| asked.s_nssai == s_nssai);
        Ok(UeResult {
            s_nssai,
            eap: message.eap,
        })
    }
}

impl Asked {
    fn complete(&self, out: &mut [u8]) -> Result<usize> {
        let response = self.response.as_ref().ok_or(Error::Unexpected)?;
        let message = NssaaMessage {
            kind: Kind::Complete,
            s_nssai: self.s_nssai,
            eap: response.message()?,
        };
        message.encode(out)
    }
}
