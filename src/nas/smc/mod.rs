//! SECURITY MODE COMMAND, COMPLETE and REJECT (TS 24.501 8.2.25 to 8.2.27), without their outer header.
//!
//! Optional elements that are unknown are skipped, of doubled ones the first counts, and one of an impossible
//! length counts as absent (TS 24.501 7.6, 7.7). A mandatory element that is missing or wrong, and an element
//! that runs past the end, make the message [`Error::MalformedIe`].

mod command;
mod complete;

pub use command::{AdditionalSecurity, Aun3Key, EpsAlgorithms, SecurityModeCommand};
pub use complete::SecurityModeComplete;

use super::header::inner_type;
use super::octets::emit;
use super::{Cause, MessageType};
use crate::base::{Error, Result};

/// SECURITY MODE REJECT (TS 24.501 8.2.27): [`Cause::CAPABILITIES_MISMATCH`] or
/// [`Cause::SECURITY_MODE_REJECTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityModeReject {
    /// Why the UE rejects.
    pub cause: Cause,
}

impl SecurityModeReject {
    /// Writes the plain message and returns its length, which is 4.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        let (len, ()) = emit(out, |w| {
            w.start(MessageType::SECURITY_MODE_REJECT)
                .octet(self.cause.0);
        })?;
        Ok(len)
    }

    /// Reads a plain message; octets after the cause are ignored.
    ///
    /// # Errors
    /// Those of [`inner_type`]; [`Error::Unexpected`] for another message type; [`Error::MalformedIe`] without
    /// a cause.
    pub fn decode(message: &[u8]) -> Result<Self> {
        expect(message, MessageType::SECURITY_MODE_REJECT)?;
        let cause = message.get(3).copied().ok_or(Error::MalformedIe)?;
        Ok(Self {
            cause: Cause(cause),
        })
    }
}

fn expect(message: &[u8], message_type: MessageType) -> Result<()> {
    if inner_type(message)? == message_type {
        Ok(())
    } else {
        Err(Error::Unexpected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reject_comes_back() {
        let reject = SecurityModeReject {
            cause: Cause::CAPABILITIES_MISMATCH,
        };
        let mut out = [0; 4];
        assert_eq!(reject.encode(&mut out), Ok(4));
        assert_eq!(out, [0x7E, 0, 0x5F, 23]);
        assert_eq!(SecurityModeReject::decode(&out), Ok(reject));
        assert_eq!(reject.encode(&mut out[..3]), Err(Error::BufferTooSmall));
        assert_eq!(
            SecurityModeReject::decode(&out[..3]),
            Err(Error::MalformedIe)
        );
        assert_eq!(
            SecurityModeReject::decode(&[0x7E, 0, 0x5E, 23]),
            Err(Error::Unexpected)
        );
    }
}
