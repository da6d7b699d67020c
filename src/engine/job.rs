//! The job: 64 bytes that C, shared memory and Rust read alike.
//!
//! Payloads are offsets into one arena that comes with the batch: no pointers, so that a Go caller, a ring and
//! another process can use the same form.

use crate::base::{Error, Result};

/// Operations of a [`Job`].
pub mod op {
    /// Protect the plain message `in` with the session's context; the PDU goes to `out`.
    pub const PROTECT: u8 = 1;
    /// Verify the PDU `in`, commit its COUNT; the plain message goes to `out`.
    pub const VERIFY: u8 = 2;
    /// As `VERIFY` without a commit: nothing changes.
    pub const VERIFY_ONLY: u8 = 3;
    /// Build, protect and remember a SECURITY MODE COMMAND; `in` is a [`SmcJob`](super::SmcJob).
    pub const SMC_COMMAND: u8 = 4;
    /// T3560 expired: the command again under a fresh COUNT.
    pub const SMC_RESEND: u8 = 5;
    /// Decipher, in place in `out`, the NAS message container of the message verified last; `count` is its COUNT
    /// and `out_len` the length of the plain message.
    pub const CONTAINER: u8 = 6;
}

/// How a message is protected: `form` of a [`op::PROTECT`] job.
pub mod form {
    /// As the state of the access demands.
    pub const AUTO: u8 = 0;
    /// UE half: initial message, integrity only; `part_*` is its container value, to be ciphered.
    pub const INITIAL: u8 = 1;
    /// UE half: integrity only (SECURITY MODE REJECT).
    pub const INTEGRITY: u8 = 2;
}

/// Bits of `flags` in a finished job.
pub mod flag {
    /// Secure exchange of NAS messages is established on this access.
    pub const SECURED: u8 = 1;
    /// COUNT passed the first threshold: plan a new authentication.
    pub const COUNT_WARNING: u8 = 2;
    /// COUNT passed the second threshold: authenticate now.
    pub const COUNT_URGENT: u8 = 4;
    /// The plain message carries a NAS message container: `part_*` is its value.
    pub const CONTAINER: u8 = 8;
}

/// How a security mode procedure ended: `event` of a finished job.
pub mod event {
    /// SECURITY MODE COMPLETE: the context is in use.
    pub const COMPLETED: u8 = 1;
    /// SECURITY MODE REJECT; `cause` says why, what was used before is in force.
    pub const REJECTED: u8 = 2;
    /// An initial message of the UE goes first.
    pub const COLLISION: u8 = 3;
    /// No answer to the command and its retransmissions.
    pub const TIMED_OUT: u8 = 4;
    /// The AMF gave up.
    pub const ABORTED: u8 = 5;
    /// Lower layers failed.
    pub const LOWER_LAYER_FAILURE: u8 = 6;
    /// SECURITY MODE COMPLETE: the context is in use, but the content is not acceptable (`diagnosis`): reject the
    /// procedure that caused the command.
    pub const COMPLETED_BADLY: u8 = 7;
}

/// One operation on one message. 64 bytes, no padding; all offsets and lengths in octets from the arena's start.
///
/// `in` and `out` are either the same place (equal offsets) or do not overlap. An `out` must not overlap anything
/// of the other jobs in the batch. For protect `out_capacity` is at least `in_len` + 7, for verify at least `in_len`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// In: one of [`op`].
    pub op: u8,
    /// In: 1 = 3GPP, 2 = non-3GPP access.
    pub access: u8,
    /// In: one of [`form`], for [`op::PROTECT`]; else 0.
    pub form: u8,
    /// In: 0.
    pub reserved: u8,
    /// Out: 0 = OK, else the number of a [`crate::base::Error`]. Written last.
    pub status: i32,
    /// In: the session's handle.
    pub session: u64,
    /// In: the caller's own; comes back untouched.
    pub user_data: u64,
    /// In: where the input starts.
    pub in_offset: u32,
    /// In: its length.
    pub in_len: u32,
    /// In: where the output may start.
    pub out_offset: u32,
    /// In: its room.
    pub out_capacity: u32,
    /// Out: octets written at `out_offset`; 0 unless `status` is 0.
    pub out_len: u32,
    /// Out: COUNT of the message. In for [`op::CONTAINER`].
    pub count: u32,
    /// In for [`form::INITIAL`], out for verify: where the NAS message container's value lies in the plain message.
    pub part_offset: u32,
    /// Its length; 0 = none.
    pub part_len: u32,
    /// Out: type of the inner message, 0 = not readable.
    pub message_type: u8,
    /// Out: security header type.
    pub sht: u8,
    /// Out: [`crate::nas::FollowUp`] number.
    pub follow_up: u8,
    /// Out: one of [`event`]; 0 = the security mode procedure goes on, or none runs.
    pub event: u8,
    /// Out: [`crate::security::Diagnosis`] number.
    pub diagnosis: u8,
    /// Out: [`flag`] bits.
    pub flags: u8,
    /// Out: 5GMM cause of a SECURITY MODE REJECT.
    pub cause: u8,
    /// In: 0.
    pub reserved2: u8,
}

const _: () = assert!(size_of::<Job>() == 64 && align_of::<Job>() == 8);

/// Contexts that a [`SmcJob`] takes into use: [`crate::procedure::smc::Activation`].
pub mod target {
    /// The partial context of the latest authentication.
    pub const PARTIAL: u8 = 0;
    /// The current one as it is.
    pub const CURRENT: u8 = 1;
    /// The current K_AMF with other algorithms.
    pub const NEW_ALGORITHMS: u8 = 2;
    /// The full native non-current one.
    pub const NON_CURRENT: u8 = 3;
    /// K_AMF' derived from the current K_AMF and `ul_count` (HDP).
    pub const HORIZONTAL: u8 = 4;
}

/// Bits of `flags` in a [`SmcJob`].
pub mod smc_flag {
    /// Ask for the IMEISV.
    pub const IMEISV: u8 = 1;
    /// Ask for the whole initial message (RINMR).
    pub const RINMR: u8 = 2;
    /// `eps_algorithms` is set.
    pub const EPS_ALGORITHMS: u8 = 4;
}

/// The input of a [`op::SMC_COMMAND`] job: 128 octets, no pointers. Longer elements (an AUN3 key, a long EAP
/// message) need the single call.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmcJob {
    /// 128.
    pub size: u32,
    /// [`target::HORIZONTAL`]: UL COUNT of the verified REGISTRATION REQUEST.
    pub ul_count: u32,
    /// One of [`target`].
    pub target: u8,
    /// Ciphering algorithm; 255 in both: by the operator's lists.
    pub nea: u8,
    /// Integrity algorithm.
    pub nia: u8,
    /// The ngKSI that the caller believes to take into use; 255: not checked.
    pub ng_ksi: u8,
    /// Type of the initial message whose procedure is going on; 0: none.
    pub ongoing: u8,
    /// [`smc_flag`] bits.
    pub flags: u8,
    /// Selected EPS NAS security algorithms: bits 7-5 ciphering, 3-1 integrity.
    pub eps_algorithms: u8,
    /// Octets of `s1_sec_cap`; 0: none.
    pub s1_sec_cap_len: u8,
    /// Replayed S1 UE security capability.
    pub s1_sec_cap: [u8; 5],
    /// Octets of `abba`; 0: none.
    pub abba_len: u8,
    /// Octets of `eap_success`; 0: none.
    pub eap_success_len: u8,
    /// 0.
    pub reserved: u8,
    /// ABBA.
    pub abba: [u8; 32],
    /// EAP-Success.
    pub eap_success: [u8; 72],
}

const _: () = assert!(size_of::<SmcJob>() == 128);

impl Default for SmcJob {
    /// The partial context, algorithms by the operator's lists, nothing else asked.
    fn default() -> Self {
        Self {
            size: 128,
            ul_count: 0,
            target: target::PARTIAL,
            nea: u8::MAX,
            nia: u8::MAX,
            ng_ksi: u8::MAX,
            ongoing: 0,
            flags: 0,
            eps_algorithms: 0,
            s1_sec_cap_len: 0,
            s1_sec_cap: [0; 5],
            abba_len: 0,
            eap_success_len: 0,
            reserved: 0,
            abba: [0; 32],
            eap_success: [0; 72],
        }
    }
}

impl SmcJob {
    /// Reads the octets of the C structure, in the machine's byte order.
    ///
    /// # Errors
    /// [`Error::Argument`] for another size, [`Error::Operation`] for a reserved field or flag that is set.
    pub fn read(octets: &[u8]) -> Result<Self> {
        let octets: &[u8; 128] = octets.try_into().map_err(|_| Error::Argument)?;
        let word = |at: usize| {
            u32::from_ne_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
        };
        let mut job = Self {
            size: word(0),
            ul_count: word(4),
            target: octets[8],
            nea: octets[9],
            nia: octets[10],
            ng_ksi: octets[11],
            ongoing: octets[12],
            flags: octets[13],
            eps_algorithms: octets[14],
            s1_sec_cap_len: octets[15],
            abba_len: octets[21],
            eap_success_len: octets[22],
            reserved: octets[23],
            ..Self::default()
        };
        job.s1_sec_cap.copy_from_slice(&octets[16..21]);
        job.abba.copy_from_slice(&octets[24..56]);
        job.eap_success.copy_from_slice(&octets[56..]);
        if job.size != 128 {
            return Err(Error::Argument);
        }
        if job.reserved != 0 || job.flags & !7 != 0 {
            return Err(Error::Operation);
        }
        Ok(job)
    }

    /// The octets of the C structure.
    #[must_use]
    pub fn write(&self) -> [u8; 128] {
        let mut octets = [0; 128];
        octets[..4].copy_from_slice(&self.size.to_ne_bytes());
        octets[4..8].copy_from_slice(&self.ul_count.to_ne_bytes());
        octets[8..16].copy_from_slice(&[
            self.target,
            self.nea,
            self.nia,
            self.ng_ksi,
            self.ongoing,
            self.flags,
            self.eps_algorithms,
            self.s1_sec_cap_len,
        ]);
        octets[16..21].copy_from_slice(&self.s1_sec_cap);
        octets[21..24].copy_from_slice(&[self.abba_len, self.eap_success_len, self.reserved]);
        octets[24..56].copy_from_slice(&self.abba);
        octets[56..].copy_from_slice(&self.eap_success);
        octets
    }
}
