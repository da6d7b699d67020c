//! The lists of slices in REGISTRATION ACCEPT, REGISTRATION REJECT, CONFIGURATION UPDATE COMMAND and DEREGISTRATION
//! REQUEST: what an AMF puts in, and what a receiver reads.

use super::nssai::{
    ALLOWED_MAX, CONFIGURED_MAX, Extended, Nssai, REJECTED_MAX, Rejected, RejectedNssai, all_plain,
    at_most, put_extended, put_nssai, put_rejected,
};
use super::s_nssai::Slice;
use super::update::Indication;
use crate::base::{AccessType, Error, Result};
use crate::nas::ie::Ies;
use crate::nas::octets::emit;
use crate::nas::{Cause, MessageType, inner_type};

pub(super) const ALLOWED: u8 = 0x15;
pub(super) const CONFIGURED: u8 = 0x31;
pub(super) const PENDING: u8 = 0x39;
pub(super) const REJECTED: u8 = 0x11;
pub(super) const REJECTED_REGISTRATION: u8 = 0x69;
pub(super) const REJECTED_DEREGISTRATION: u8 = 0x6D;
pub(super) const EXTENDED_REJECTED: u8 = 0x68;

/// Bit of the 5GS registration result that says "NSSAA to be performed" (TS 24.501 9.11.3.6).
const NSSAA_TO_BE_PERFORMED: u8 = 1 << 4;

/// The elements of a REGISTRATION ACCEPT that tell the UE about its slices. An AMF puts them behind the others:
/// TS 24.007 11.2 lets a receiver take optional elements in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptLists<'a> {
    /// Allowed NSSAI, at most 8.
    pub allowed: &'a [Slice],
    /// Rejected NSSAI, at most 8, causes 0 to 2; empty when `extended_rejected` is not.
    pub rejected: &'a [Rejected],
    /// Configured NSSAI, at most 16.
    pub configured: &'a [Slice],
    /// Pending NSSAI, at most 16.
    pub pending: &'a [Slice],
    /// Extended rejected NSSAI, at most 8, for a UE that supports it.
    pub extended_rejected: &'a [Rejected],
}

impl AcceptLists<'_> {
    /// Writes the elements and returns how many octets they are; 0 without any.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::IeCombination`] as for a CONFIGURATION UPDATE COMMAND; [`Error::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        let allowed = at_most(self.allowed, ALLOWED_MAX)?;
        let rejected = at_most(self.rejected, REJECTED_MAX)?;
        let configured = at_most(self.configured, CONFIGURED_MAX)?;
        let pending = at_most(self.pending, CONFIGURED_MAX)?;
        let extended = at_most(self.extended_rejected, REJECTED_MAX)?;
        let both = !rejected.is_empty() && !extended.is_empty();
        if both || !all_plain(rejected) {
            return Err(Error::IeCombination);
        }
        let (len, ()) = emit(out, |w| {
            put_nssai(w, ALLOWED, allowed);
            put_rejected(w, REJECTED, rejected);
            put_nssai(w, CONFIGURED, configured);
            put_nssai(w, PENDING, pending);
            put_extended(w, EXTENDED_REJECTED, extended);
        })?;
        Ok(len)
    }

    /// The 5GS registration result with the bit "NSSAA to be performed" as these lists demand it: set when slices are
    /// pending and none is allowed (TS 24.501 5.5.1.2.4).
    #[must_use]
    pub const fn registration_result(&self, result: u8) -> u8 {
        if !self.pending.is_empty() && self.allowed.is_empty() {
            result | NSSAA_TO_BE_PERFORMED
        } else {
            result & !NSSAA_TO_BE_PERFORMED
        }
    }
}

/// The lists of slices in a message as it was received.
#[derive(Clone, Debug, Default)]
pub struct SliceLists<'a> {
    /// Allowed NSSAI.
    pub allowed: Option<Nssai<'a>>,
    /// Configured NSSAI.
    pub configured: Option<Nssai<'a>>,
    /// Pending NSSAI.
    pub pending: Option<Nssai<'a>>,
    /// Rejected NSSAI.
    pub rejected: Option<RejectedNssai<'a>>,
    /// Extended rejected NSSAI.
    pub extended_rejected: Option<Extended<'a>>,
    /// Configuration update indication.
    pub indication: Indication,
    /// REGISTRATION ACCEPT: "NSSAA to be performed".
    pub nssaa_to_be_performed: bool,
    /// DEREGISTRATION REQUEST: the accesses it is for, by index.
    pub deregistered: [bool; 2],
    /// 5GMM cause of a DEREGISTRATION REQUEST or REGISTRATION REJECT.
    pub cause: Option<Cause>,
}

impl<'a> SliceLists<'a> {
    /// Reads a plain message. Of doubled elements the first counts; the entries are checked as they are read.
    ///
    /// # Errors
    /// Those of [`Ies::of`]; [`Error::Unexpected`] for a message without such lists; [`Error::MalformedIe`].
    pub fn of(message: &'a [u8]) -> Result<Self> {
        let mut lists = Self::default();
        let kind = inner_type(message)?;
        let first = |at: usize| message.get(at).copied().ok_or(Error::MalformedIe);
        match kind {
            MessageType::REGISTRATION_ACCEPT => {
                lists.nssaa_to_be_performed = first(4)? & NSSAA_TO_BE_PERFORMED != 0;
            }
            MessageType::DEREGISTRATION_REQUEST_NETWORK => {
                let access = first(3)? & 3;
                lists.deregistered = AccessType::ALL.map(|a| access & a as u8 != 0);
            }
            MessageType::REGISTRATION_REJECT => lists.cause = Some(Cause(first(3)?)),
            MessageType::CONFIGURATION_UPDATE_COMMAND => {}
            _ => return Err(Error::Unexpected),
        }
        for ie in Ies::of(message)? {
            let ie = ie?;
            lists.take(kind, ie.iei, ie.value);
        }
        Ok(lists)
    }

    fn take(&mut self, kind: MessageType, iei: u8, value: &'a [u8]) {
        let rejected = match kind {
            MessageType::REGISTRATION_REJECT => REJECTED_REGISTRATION,
            MessageType::DEREGISTRATION_REQUEST_NETWORK => REJECTED_DEREGISTRATION,
            _ => REJECTED,
        };
        let only = value.first().copied();
        match (iei, kind) {
            (ALLOWED, _) => keep(&mut self.allowed, Nssai::new(value, ALLOWED_MAX)),
            (CONFIGURED, _) => keep(&mut self.configured, Nssai::new(value, CONFIGURED_MAX)),
            (PENDING, _) => keep(&mut self.pending, Nssai::new(value, CONFIGURED_MAX)),
            (EXTENDED_REJECTED, _) => keep(&mut self.extended_rejected, Extended::new(value)),
            (0xD0, MessageType::CONFIGURATION_UPDATE_COMMAND) => {
                let bits = only.unwrap_or_default();
                self.indication = Indication {
                    acknowledge: bits & 1 != 0,
                    register: bits & 2 != 0,
                };
            }
            (0x58, MessageType::DEREGISTRATION_REQUEST_NETWORK) => self.cause = only.map(Cause),
            _ if iei == rejected => keep(&mut self.rejected, RejectedNssai::new(value)),
            _ => {}
        }
    }
}

fn keep<T>(place: &mut Option<T>, value: T) {
    if place.is_none() {
        *place = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigurationUpdateCommand, DeregistrationRequest, RejectionCause, SNssai};
    use super::*;
    use crate::nas::compose::RegistrationAccept;

    #[test]
    fn an_accept_is_read_back() {
        let pending = [SNssai::new(1, 2).into(), SNssai::sst(4).into()];
        let rejected = [Rejected::new(SNssai::sst(3), RejectionCause::PLMN)];
        let lists = AcceptLists {
            pending: &pending,
            rejected: &rejected,
            ..AcceptLists::default()
        };
        let mut ies = [0; 64];
        let len = lists.encode(&mut ies).unwrap();
        assert_eq!(ies[..4], [0x11, 2, 0x10, 3]);
        let accept = RegistrationAccept {
            result: lists.registration_result(1),
            guti: None,
            ies: &ies[..len],
        };
        let mut out = [0; 64];
        let len = accept.encode(&mut out).unwrap();
        let read = SliceLists::of(&out[..len]).unwrap();
        assert!(read.nssaa_to_be_performed && read.allowed.is_none());
        assert!(read.pending.unwrap().eq(pending.map(Ok)));
        assert!(read.rejected.unwrap().eq(rejected.map(Ok)));
        let allowed = AcceptLists {
            allowed: &pending,
            ..lists
        };
        assert_eq!(allowed.registration_result(0x11), 1);
    }

    #[test]
    fn an_update_and_a_deregistration_are_read_back() {
        let slices = [SNssai::sst(1).into()];
        let rejected = [Rejected::new(SNssai::sst(2), RejectionCause::NSSAA)];
        let update = ConfigurationUpdateCommand {
            indication: Indication {
                acknowledge: true,
                register: true,
            },
            allowed: &slices,
            configured: &slices,
            extended_rejected: &rejected,
            registration_result: Some(1),
            ..ConfigurationUpdateCommand::default()
        };
        let mut out = [0; 64];
        let len = update.encode(&mut out).unwrap();
        let read = SliceLists::of(&out[..len]).unwrap();
        assert_eq!(read.indication, update.indication);
        assert!(read.allowed.unwrap().eq(slices.map(Ok)));
        assert!(read.configured.unwrap().eq(slices.map(Ok)));
        assert!(read.extended_rejected.unwrap().eq(rejected.map(Ok)));

        let request = DeregistrationRequest {
            access: Some(AccessType::ThreeGpp),
            register_again: false,
            cause: Some(Cause::NO_SLICES),
            rejected: &rejected,
            extended_rejected: &[],
        };
        let len = request.encode(&mut out).unwrap();
        let read = SliceLists::of(&out[..len]).unwrap();
        assert_eq!(read.deregistered, [true, false]);
        assert_eq!(read.cause, Some(Cause::NO_SLICES));
        assert!(read.rejected.unwrap().eq(rejected.map(Ok)));
        let other = SliceLists::of(&[0x7E, 0, 0x43]).map(|_| ());
        assert_eq!(other, Err(Error::Unexpected));
    }
}
