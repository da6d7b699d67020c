//! What the operator decides, what the subscription says, what a UE asks and gets.

use arrayvec::ArrayVec;

use crate::base::AccessType;
use crate::nas::nssaa::{
    ALLOWED_MAX, AcceptLists, REJECTED_MAX, Rejected, RejectionCause, SNssai, Slice,
};

use super::T3575_SECONDS;

/// Most S-NSSAIs of a subscription (TS 23.501 5.15.3).
pub const SUBSCRIBED_MAX: usize = 16;

/// Most octets of a GPSI: `extid-` and an External Identifier, which is an NAI (TS 23.003 19.7.2, TS 29.571).
pub const GPSI_MAX: usize = 272;

/// A slice that was authenticated on a first access and is asked for on a second one (TS 23.502 4.2.9.2 step 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondAccess {
    /// The result counts there too.
    #[default]
    Skip,
    /// A new run.
    Run,
}

/// Settings of the procedure, the same for every UE of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NssaaSettings {
    /// T3575. Default 15 s.
    pub t3575_seconds: u32,
    /// Retransmissions of a COMMAND; the expiry after the last aborts the run. Default 4.
    pub retransmissions: u8,
    /// Wait before an AAA server that did not answer is asked again. Default 30 s.
    pub retry_seconds: u32,
    /// How often; then the slice stays pending until the next registration. Default 20.
    pub retries: u8,
    /// After a success on the first access. Default [`SecondAccess::Skip`].
    pub after_success: SecondAccess,
    /// After a failure on the first access. Default [`SecondAccess::Skip`].
    pub after_failure: SecondAccess,
    /// The access for a run when the UE can be reached on both. Default 3GPP.
    pub prefer: AccessType,
    /// Ask for a network triggered service request when the UE is CM-IDLE on 3GPP access. Default true.
    pub page: bool,
    /// A slice in the Allowed NSSAI stays there while a subscription change or the operator's policy demands a run.
    /// For a re-authentication by the AAA server it always does. Default true.
    pub keep_allowed: bool,
    /// CONFIGURATION UPDATE COMMAND asks the UE to register again: the AMF must change. Default false.
    pub register_again: bool,
    /// What a UE without Extended rejected NSSAI is told when the maximum number of UEs is reached
    /// (TS 24.501 5.5.1.2.4). Default "not available in the registration area".
    pub maximum_ues_as: RejectionCause,
}

impl Default for NssaaSettings {
    fn default() -> Self {
        Self {
            t3575_seconds: T3575_SECONDS,
            retransmissions: 4,
            retry_seconds: 30,
            retries: 20,
            after_success: SecondAccess::Skip,
            after_failure: SecondAccess::Skip,
            prefer: AccessType::ThreeGpp,
            page: true,
            keep_allowed: true,
            register_again: false,
            maximum_ues_as: RejectionCause::AREA,
        }
    }
}

/// A Subscribed S-NSSAI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The slice: when roaming with the S-NSSAI of the serving PLMN in front.
    pub slice: Slice,
    /// Subject to network slice-specific authentication and authorization.
    pub nssaa: bool,
    /// A default S-NSSAI.
    pub default: bool,
}

/// Slice selection subscription data of a UE (TS 29.503).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The GPSIs; the first is used. At least one when a slice is subject to NSSAA.
    pub gpsis: &'a [&'a str],
    /// At most 16.
    pub slices: &'a [Subscribed],
}

/// A registration on one access, as far as slices go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration<'a> {
    /// Where.
    pub access: AccessType,
    /// The Requested NSSAI (or the default S-NSSAIs when none was requested), less what the AMF rejects for other
    /// reasons; at most 8, all of the subscription.
    pub asked: &'a [Slice],
    /// 5GMM capability: the UE supports NSSAA.
    pub nssaa_supported: bool,
    /// 5GMM capability: the UE supports the Extended rejected NSSAI (ER-NSSAI).
    pub extended_rejected: bool,
}

/// What the REGISTRATION ACCEPT says. Empty when no slice can be had: REGISTRATION REJECT with cause #62 then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Allowed NSSAI.
    pub allowed: ArrayVec<Slice, ALLOWED_MAX>,
    /// Pending NSSAI: a run comes for each once the registration is complete.
    pub pending: ArrayVec<Slice, ALLOWED_MAX>,
    /// Rejected NSSAI, as far as NSSAA is the reason.
    pub rejected: ArrayVec<Rejected, REJECTED_MAX>,
    /// The rejected slices go into an Extended rejected NSSAI.
    pub extended: bool,
}

impl Admission {
    /// The elements of the REGISTRATION ACCEPT; the AMF adds its own to them.
    #[must_use]
    pub fn lists(&self) -> AcceptLists<'_> {
        let (plain, extended): (&[_], &[_]) = if self.extended {
            (&[], &self.rejected)
        } else {
            (&self.rejected, &[])
        };
        AcceptLists {
            allowed: &self.allowed,
            rejected: plain,
            configured: &[],
            pending: &self.pending,
            extended_rejected: extended,
        }
    }

    /// No slice, now or later.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty() && self.pending.is_empty()
    }

    /// Whether the Allowed NSSAI has this slice of the HPLMN.
    #[must_use]
    pub fn allows(&self, s_nssai: SNssai) -> bool {
        self.allowed.iter().any(|slice| slice.hplmn() == s_nssai)
    }
}
