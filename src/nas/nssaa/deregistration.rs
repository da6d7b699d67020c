//! DEREGISTRATION REQUEST, UE terminated (TS 24.501 8.2.14).

use super::lists::{EXTENDED_REJECTED, REJECTED_DEREGISTRATION};
use super::nssai::{REJECTED_MAX, Rejected, all_plain, at_most, put_extended, put_rejected};
use crate::base::{AccessType, Error, Result};
use crate::nas::octets::emit;
use crate::nas::{Cause, MessageType};

/// IEI of the 5GMM cause.
const CAUSE: u8 = 0x58;

/// DEREGISTRATION REQUEST that the network sends: normal de-registration, never switch-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeregistrationRequest<'a> {
    /// The access it is for; `None`: both.
    pub access: Option<AccessType>,
    /// The UE registers again afterwards.
    pub register_again: bool,
    /// Why.
    pub cause: Option<Cause>,
    /// Rejected NSSAI, at most 8, causes 0 to 2; empty when `extended_rejected` is not.
    pub rejected: &'a [Rejected],
    /// Extended rejected NSSAI, at most 8, for a UE that supports it.
    pub extended_rejected: &'a [Rejected],
}

impl DeregistrationRequest<'_> {
    /// Writes the plain message and returns its length.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::IeCombination`] as for a CONFIGURATION UPDATE COMMAND; [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        let rejected = at_most(self.rejected, REJECTED_MAX)?;
        let extended = at_most(self.extended_rejected, REJECTED_MAX)?;
        let both = !rejected.is_empty() && !extended.is_empty();
        if both || !all_plain(rejected) {
            return Err(Error::IeCombination);
        }
        let access = self.access.map_or(3, |access| access as u8);
        let kind = u8::from(self.register_again) << 2 | access;
        let (len, ()) = emit(out, |w| {
            w.start(MessageType::DEREGISTRATION_REQUEST_NETWORK)
                .octet(kind);
            if let Some(cause) = self.cause {
                w.octet(CAUSE).octet(cause.0);
            }
            put_rejected(w, REJECTED_DEREGISTRATION, rejected);
            put_extended(w, EXTENDED_REJECTED, extended);
        })?;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RejectionCause, SNssai};
    use super::*;

    #[test]
    fn octets_of_a_deregistration_with_cause_62() {
        let rejected = [Rejected::new(SNssai::sst(7), RejectionCause::NSSAA)];
        let mut request = DeregistrationRequest {
            access: Some(AccessType::NonThreeGpp),
            register_again: false,
            cause: Some(Cause::NO_SLICES),
            rejected: &rejected,
            extended_rejected: &[],
        };
        let mut out = [0; 32];
        let len = request.encode(&mut out).unwrap();
        assert_eq!(out[..len], [0x7E, 0, 0x47, 2, 0x58, 62, 0x6D, 2, 0x12, 7]);
        request.access = None;
        request.rejected = &[];
        request.extended_rejected = &rejected;
        let len = request.encode(&mut out).unwrap();
        assert_eq!(
            out[..len],
            [0x7E, 0, 0x47, 3, 0x58, 62, 0x68, 3, 0, 0x12, 7]
        );
    }
}
