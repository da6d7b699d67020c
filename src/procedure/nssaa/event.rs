//! What happens to the procedure, and what it wants done.

use crate::base::AccessType;
use crate::nas::nssaa::{EapMessage, SNssai, Slice};

/// Result of NSSAA for an S-NSSAI of the HPLMN (TS 29.571 AuthStatus). Absent is `None` wherever it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// A run is due or under way.
    Pending = 1,
    /// Authenticated and authorised.
    EapSuccess = 2,
    /// Refused.
    EapFailure = 3,
}

impl Status {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Pending),
            2 => Some(Self::EapSuccess),
            3 => Some(Self::EapFailure),
            _ => None,
        }
    }
}

/// State of one access, as the AMF knows it (TS 23.501 5.3.2, 5.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// RM-DEREGISTERED on this access.
    Deregistered,
    /// Registered and CM-IDLE: nothing can be sent.
    Idle,
    /// Registered and CM-CONNECTED, secure exchange of NAS messages established.
    Connected,
}

/// What an NSSAAF answered (TS 29.526), or that it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AaaAnswer<'a> {
    /// 201, or 200 without authResult: another round with this EAP-Request.
    Continue(EapMessage<'a>),
    /// authResult EAP_SUCCESS, with the EAP-Success.
    Success(EapMessage<'a>),
    /// authResult EAP_FAILURE, with the EAP-Failure.
    Failure(EapMessage<'a>),
    /// 403 SLICE_AUTH_REJECTED, 404 USER_NOT_FOUND: a refusal without an EAP message. The UE gets an EAP-Failure.
    Refused,
    /// 404 CONTEXT_NOT_FOUND for a Continue: the NSSAAF lost the run, which begins anew.
    ContextLost,
    /// 504, 400, another status, no connection, no answer in time, an answer that cannot be read: the slice stays
    /// [`Status::Pending`] and is tried again later.
    Unreachable,
}

/// What happened. Registration and subscription have calls of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The registration on this access is complete, secure exchange established: runs that are due begin.
    Registered(AccessType),
    /// The access changed.
    Access(AccessType, Reachability),
    /// A message that verified came on this access; the slices of a UE that did not answer are tried again.
    UplinkActivity(AccessType),
    /// The network triggered service request did not reach the UE.
    Unreachable(AccessType),
    /// A verified NETWORK SLICE-SPECIFIC AUTHENTICATION COMPLETE, plain.
    Complete {
        /// The access it came on.
        access: AccessType,
        /// The plain message, header included.
        message: &'a [u8],
    },
    /// T3575 expired.
    T3575Expired,
    /// The wait before an unreachable AAA server is tried again is over.
    RetryExpired,
    /// The NSSAAF answered [`Action::Ask`] with this transaction number.
    Aaa {
        /// Of the question; answers to another one are refused.
        transaction: u32,
        /// What it said.
        answer: AaaAnswer<'a>,
    },
    /// Nnssaaf_NSSAA_Re-AuthNotification (TS 23.502 4.2.9.3).
    ReauthNotification(SNssai),
    /// Nnssaaf_NSSAA_RevocationNotification (TS 23.502 4.2.9.4).
    RevocationNotification(SNssai),
    /// The operator's policy asks for a new run of a slice that is in the Allowed NSSAI.
    OperatorPolicy(SNssai),
    /// Network slice admission control refuses the slice on this access, or has room again; its status stays.
    AdmissionControl {
        /// Where.
        access: AccessType,
        /// The S-NSSAI of the HPLMN.
        s_nssai: SNssai,
        /// True: the maximum number of UEs is reached.
        refused: bool,
    },
    /// CONFIGURATION UPDATE COMPLETE came on this access.
    UpdateCompleted(AccessType),
    /// The CONFIGURATION UPDATE COMMAND on this access got lost (T3555): it is built again.
    UpdateLost(AccessType),
    /// Whoever kept the timers and asked the NSSAAF is gone, and all of that with it: the run that was under way begins
    /// anew, and what waited for the retry timer is tried now.
    RunnerLost,
}

impl Event<'_> {
    /// Only whoever asks the NSSAAF and keeps the timers can know this.
    #[must_use]
    pub const fn is_of_the_runner(&self) -> bool {
        matches!(
            self,
            Self::T3575Expired | Self::RetryExpired | Self::Aaa { .. } | Self::RunnerLost
        )
    }
}

/// Whose actions: the two may be two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Everybody's.
    All,
    /// What only the AMF can do: messages to the UE, PDU sessions, paging.
    Amf,
    /// Timers and questions to the NSSAAF.
    Runner,
}

/// Which downlink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Downlink {
    /// NETWORK SLICE-SPECIFIC AUTHENTICATION COMMAND, the first time or again.
    Command = 1,
    /// NETWORK SLICE-SPECIFIC AUTHENTICATION RESULT.
    Result = 2,
    /// CONFIGURATION UPDATE COMMAND with the new Allowed and Rejected NSSAI. Supervise it by T3555.
    ConfigurationUpdate = 3,
    /// DEREGISTRATION REQUEST with the rejected slices and cause #62. Supervise it by T3522; the access is
    /// [`Reachability::Deregistered`] afterwards.
    Deregistration = 4,
}

/// Which call of Nnssaaf_NSSAA_Authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// POST: begins a run with the EAP identity response.
    Start = 1,
    /// PUT: the next EAP response of the run.
    Continue = 2,
}

/// What is to be done now. Octets lie at the start of the buffer that [`Amf::next`](super::Amf::next) wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Protect the plain message with a fresh COUNT and send it.
    Send {
        /// Where.
        access: AccessType,
        /// Which message.
        message: Downlink,
        /// The slice of a COMMAND or RESULT.
        s_nssai: Option<SNssai>,
        /// Octets.
        len: usize,
    },
    /// Start T3575: a COMMAND went out.
    StartT3575 {
        /// Its value.
        seconds: u32,
    },
    /// Stop T3575.
    StopT3575,
    /// Start the timer whose end is [`Event::RetryExpired`].
    StartRetry {
        /// Its value.
        seconds: u32,
    },
    /// Stop it.
    StopRetry,
    /// Ask the NSSAAF: EAP message, S-NSSAI, the GPSI of the UE; the answer comes as [`Event::Aaa`].
    Ask {
        /// To be told with the answer.
        transaction: u32,
        /// POST or PUT.
        step: Step,
        /// The slice.
        s_nssai: SNssai,
        /// Octets of the EAP message.
        len: usize,
    },
    /// Release the PDU sessions of this slice, "slice not available" (TS 23.502 4.3.4).
    ReleaseSessions(Slice),
    /// Bring the UE to CM-CONNECTED by a network triggered service request (TS 23.502 4.2.3.3).
    Reach(AccessType),
}

impl Action {
    /// Octets that it left in the buffer: a PDU, an EAP message, or none.
    #[must_use]
    pub const fn octets(&self) -> usize {
        match *self {
            Self::Send { len, .. } | Self::Ask { len, .. } => len,
            _ => 0,
        }
    }
}

/// Events that were refused, and why. Each left the state as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Messages and EAP messages that are malformed.
    pub malformed: u32,
    /// COMPLETE for another slice than the COMMAND's.
    pub wrong_slice: u32,
    /// COMPLETE without a COMMAND, on another access or with another identifier; answers to a question that is not
    /// open; expiries of a timer that does not run.
    pub unexpected: u32,
}

impl std::ops::AddAssign for Refusals {
    fn add_assign(&mut self, more: Self) {
        self.malformed = self.malformed.saturating_add(more.malformed);
        self.wrong_slice = self.wrong_slice.saturating_add(more.wrong_slice);
        self.unexpected = self.unexpected.saturating_add(more.unexpected);
    }
}
