//! What happens to a procedure from outside, and how it ended.

use std::ops::Range;

use crate::base::Error;
use crate::nas::{Cause, MessageType};
use crate::security::Diagnosis;

use super::send::Sent;

/// What the AMF tells its half of the procedure beside uplink messages (TS 24.501 5.4.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// T3560 expired.
    T3560Expired,
    /// Lower layers did not deliver the command because of a handover, which is over.
    NonDelivered,
    /// Lower layers failed before an answer came.
    LowerLayerFailure,
    /// The AMF acts on an initial message that came without valid integrity: its decision, because such a message
    /// must not end a procedure by itself.
    Collision(MessageType),
    /// The AMF gives up.
    Abort,
}

/// What follows from an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The command lies in the output, under a fresh COUNT. Restart T3560.
    Resend(Sent),
    /// The procedure is over. Stop T3560.
    Ended(Outcome),
}

/// How the procedure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SECURITY MODE COMPLETE verified: the context is in use. [`Outcome::error`] may still ask the AMF to reject
    /// the procedure that caused the command.
    Completed,
    /// SECURITY MODE REJECT: what was used before is in force.
    Rejected(Cause),
    /// This message of the UE goes first (TS 24.501 5.4.2.7): what was used before is in force.
    Collision(MessageType),
    /// No answer to the command and its retransmissions.
    TimedOut,
    /// The AMF gave up.
    Aborted,
    /// Lower layers failed.
    LowerLayerFailure,
}

/// End of a procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How.
    pub ending: Ending,
    /// Why, in the words of the field's failure table.
    pub diagnosis: Diagnosis,
    /// What is wrong with a SECURITY MODE COMPLETE that verified. Both sides use the context then; the AMF rejects
    /// the procedure that caused the command (cause 95 or 96).
    pub error: Option<Error>,
    /// Where the whole initial message lies in the plain SECURITY MODE COMPLETE. It was checked: a plain message of
    /// the ongoing procedure without a further container.
    pub container: Option<Range<usize>>,
    /// Where the value of the IMEISV lies in the plain SECURITY MODE COMPLETE.
    pub imeisv: Option<Range<usize>>,
    /// Where the value of a PEI that is no IMEISV lies in the plain SECURITY MODE COMPLETE.
    pub pei: Option<Range<usize>>,
    /// UL COUNT of the SECURITY MODE COMPLETE, which K_gNB comes from (TS 33.501 6.9.5).
    pub ul_count: Option<u32>,
}

impl Outcome {
    pub(super) const fn new(ending: Ending) -> Self {
        let diagnosis = match ending {
            Ending::Rejected(Cause::CAPABILITIES_MISMATCH) => Diagnosis::CapsMismatch,
            Ending::Rejected(_) => Diagnosis::KeyOrCount,
            Ending::Collision(_) => Diagnosis::Collision,
            Ending::TimedOut => Diagnosis::SmcTimeout,
            Ending::Completed | Ending::Aborted | Ending::LowerLayerFailure => Diagnosis::None,
        };
        Self {
            ending,
            diagnosis,
            error: None,
            container: None,
            imeisv: None,
            pei: None,
            ul_count: None,
        }
    }
}

/// The row of the field's failure table for a command that was refused or a message that was.
#[must_use]
pub const fn diagnosis_of(error: Error) -> Diagnosis {
    match error {
        Error::AlgorithmNotSupported | Error::NoCommonIntegrity | Error::NoCommonCiphering => {
            Diagnosis::AlgNotInCaps
        }
        Error::NullIntegrity => Diagnosis::NullIntegrityForbidden,
        Error::OutOfOrder | Error::NoContext => Diagnosis::OutOfOrder,
        Error::NgKsi => Diagnosis::NgKsiMismatch,
        Error::Timeout => Diagnosis::SmcTimeout,
        Error::Conflict => Diagnosis::Collision,
        Error::CountExhausted => Diagnosis::CountExhausted,
        Error::Unexpected => Diagnosis::UnexpectedComplete,
        Error::CapabilityMismatch => Diagnosis::CapsMismatch,
        Error::Mac => Diagnosis::ContextSkew,
        Error::Replay => Diagnosis::CountResetAtOneSide,
        Error::CipherSkew => Diagnosis::CipherSkew,
        Error::ContainerMissing => Diagnosis::ContainerMissing,
        Error::ContainerMismatch => Diagnosis::ContainerMismatch,
        Error::PlainRefused | Error::Unciphered => Diagnosis::UnprotectedAfterSecure,
        _ => Diagnosis::None,
    }
}
