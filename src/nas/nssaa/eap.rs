//! EAP messages (RFC 3748 clause 4) as the NAS carries them (TS 24.501 9.11.2.2): the frame only, no method.

use core::fmt;

use crate::base::{Error, Result};

/// Fewest octets of an EAP message: code, identifier, length.
pub const EAP_MIN: usize = 4;
/// Most octets of an EAP message in a 5GMM message (TS 24.501 9.11.2.2).
pub const EAP_MAX: usize = 1500;

/// Type of an EAP-Request or EAP-Response that asks for, or tells, the identity.
pub const EAP_IDENTITY: u8 = 1;

/// Code of an EAP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EapCode {
    /// Authenticator to peer.
    Request = 1,
    /// Peer to authenticator.
    Response = 2,
    /// The authentication succeeded.
    Success = 3,
    /// The authentication failed.
    Failure = 4,
}

/// An EAP message whose frame was checked. Its content is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EapMessage<'a>(&'a [u8]);

impl<'a> EapMessage<'a> {
    /// Checks code and length: the length field says what there is, 4 to 1500; requests and responses have a type,
    /// success and failure nothing.
    ///
    /// # Errors
    /// [`Error::MalformedIe`].
    pub fn parse(octets: &'a [u8]) -> Result<Self> {
        let [code, _, high, low, data @ ..] = octets else {
            return Err(Error::MalformedIe);
        };
        let told = usize::from(u16::from_be_bytes([*high, *low]));
        let fits = match code {
            1 | 2 => !data.is_empty(),
            3 | 4 => data.is_empty(),
            _ => false,
        };
        if told == octets.len() && told <= EAP_MAX && fits {
            Ok(Self(octets))
        } else {
            Err(Error::MalformedIe)
        }
    }

    /// Its octets.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.0
    }

    /// Its code.
    #[must_use]
    pub const fn code(self) -> EapCode {
        match self.0 {
            [1, ..] => EapCode::Request,
            [2, ..] => EapCode::Response,
            [3, ..] => EapCode::Success,
            _ => EapCode::Failure,
        }
    }

    /// The identifier that matches a response to its request.
    #[must_use]
    pub const fn identifier(self) -> u8 {
        match self.0 {
            [_, identifier, ..] => *identifier,
            _ => 0,
        }
    }

    /// Type of a request or response: 1 identity, 4 MD5-Challenge, 13 EAP-TLS.
    #[must_use]
    pub const fn kind(self) -> Option<u8> {
        match self.0 {
            [_, _, _, _, kind, ..] => Some(*kind),
            _ => None,
        }
    }
}

impl fmt::Debug for EapMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, id, len) = (self.code(), self.identifier(), self.0.len());
        write!(f, "EapMessage({code:?} {id}, {len} octets)")
    }
}

/// EAP-Request/Identity without a prompt (RFC 3748 5.1).
#[must_use]
pub const fn identity_request(identifier: u8) -> [u8; 5] {
    [EapCode::Request as u8, identifier, 0, 5, EAP_IDENTITY]
}

/// EAP-Success or EAP-Failure.
#[must_use]
pub const fn verdict(code: EapCode, identifier: u8) -> [u8; 4] {
    [code as u8, identifier, 0, 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_checked() {
        let request = identity_request(7);
        let message = EapMessage::parse(&request).unwrap();
        assert_eq!(
            (message.code(), message.identifier(), message.kind()),
            (EapCode::Request, 7, Some(EAP_IDENTITY))
        );
        let failure = verdict(EapCode::Failure, 9);
        let message = EapMessage::parse(&failure).unwrap();
        assert_eq!((message.code(), message.kind()), (EapCode::Failure, None));
        for bad in [
            &[][..],
            &[1, 0, 0],
            &[1, 0, 0, 4],
            &[1, 0, 0, 6, 1],
            &[1, 0, 0, 4, 1],
            &[0, 0, 0, 5, 1],
            &[5, 0, 0, 5, 1],
            &[3, 0, 0, 5, 1],
            &[4, 0, 0, 3],
        ] {
            assert_eq!(EapMessage::parse(bad), Err(Error::MalformedIe), "{bad:?}");
        }
        let mut long = [0; EAP_MAX + 1];
        for (len, fits) in [(EAP_MAX, true), (EAP_MAX + 1, false)] {
            long[0] = 2;
            long[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            assert_eq!(EapMessage::parse(&long[..len]).is_ok(), fits);
        }
    }
}
