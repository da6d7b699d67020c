//! CONFIGURATION UPDATE COMMAND (TS 24.501 8.2.19) with the elements that network slicing needs.

use super::lists::{ALLOWED, CONFIGURED, EXTENDED_REJECTED, REJECTED};
use super::nssai::{
    ALLOWED_MAX, CONFIGURED_MAX, REJECTED_MAX, Rejected, all_plain, at_most, put_extended,
    put_nssai, put_rejected,
};
use super::s_nssai::Slice;
use crate::base::{Error, Result};
use crate::nas::MessageType;
use crate::nas::octets::emit;

/// IEI of the Configuration update indication (high half of its octet).
const UPDATE_INDICATION: u8 = 0xD0;
/// IEI of the 5GS registration result.
const REGISTRATION_RESULT: u8 = 0x44;

/// Configuration update indication (TS 24.501 9.11.3.18).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indication {
    /// The UE answers with CONFIGURATION UPDATE COMPLETE: always asked for when an NSSAI changes (5.4.4.2).
    pub acknowledge: bool,
    /// The UE registers again, as it must when the AMF changes.
    pub register: bool,
}

/// CONFIGURATION UPDATE COMMAND. Empty lists are not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationUpdateCommand<'a> {
    /// What the UE does then.
    pub indication: Indication,
    /// Allowed NSSAI, at most 8.
    pub allowed: &'a [Slice],
    /// Configured NSSAI, at most 16.
    pub configured: &'a [Slice],
    /// Rejected NSSAI, at most 8, causes 0 to 2; empty when `extended_rejected` is not.
    pub rejected: &'a [Rejected],
    /// 5GS registration result, when it changes.
    pub registration_result: Option<u8>,
    /// Extended rejected NSSAI, at most 8, for a UE that supports it.
    pub extended_rejected: &'a [Rejected],
    /// Further optional elements, encoded.
    pub ies: &'a [u8],
}

impl ConfigurationUpdateCommand<'_> {
    /// Writes the plain message and returns its length.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a list with more than the standard allows; [`Error::IeCombination`] for both lists of
    /// rejected slices, or a cause that a Rejected NSSAI does not have; [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        let allowed = at_most(self.allowed, ALLOWED_MAX)?;
        let configured = at_most(self.configured, CONFIGURED_MAX)?;
        let rejected = at_most(self.rejected, REJECTED_MAX)?;
        let extended = at_most(self.extended_rejected, REJECTED_MAX)?;
        let both = !rejected.is_empty() && !extended.is_empty();
        if both || !all_plain(rejected) {
            return Err(Error::IeCombination);
        }
        let Indication {
            acknowledge,
            register,
        } = self.indication;
        let indication = u8::from(register) << 1 | u8::from(acknowledge);
        let (len, ()) = emit(out, |w| {
            w.start(MessageType::CONFIGURATION_UPDATE_COMMAND);
            if indication != 0 {
                w.octet(UPDATE_INDICATION | indication);
            }
            put_nssai(w, ALLOWED, allowed);
            put_nssai(w, CONFIGURED, configured);
            put_rejected(w, REJECTED, rejected);
            if let Some(result) = self.registration_result {
                w.octet(REGISTRATION_RESULT).lv(&[result]);
            }
            put_extended(w, EXTENDED_REJECTED, extended);
            w.bytes(self.ies);
        })?;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RejectionCause, SNssai};
    use super::*;

    #[test]
    fn octets_in_the_order_of_the_table() {
        let allowed = [SNssai::sst(1).into()];
        let rejected = [Rejected::new(SNssai::new(2, 3), RejectionCause::NSSAA)];
        let mut command = ConfigurationUpdateCommand {
            indication: Indication {
                acknowledge: true,
                register: false,
            },
            allowed: &allowed,
            rejected: &rejected,
            ..ConfigurationUpdateCommand::default()
        };
        let mut out = [0; 64];
        let len = command.encode(&mut out).unwrap();
        let octets = [
            0x7E, 0, 0x54, 0xD1, 0x15, 2, 1, 1, 0x11, 5, 0x42, 2, 0, 0, 3,
        ];
        assert_eq!(out[..len], octets);
        command.extended_rejected = &rejected;
        assert_eq!(command.encode(&mut out), Err(Error::IeCombination));
        let nine = [allowed[0]; 9];
        command.extended_rejected = &[];
        command.allowed = &nine;
        assert_eq!(command.encode(&mut out), Err(Error::TooLong));
    }
}
