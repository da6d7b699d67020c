//! What a finished job says, in the words of the single call. A job has less room: what it leaves out is read from the
//! message itself.

use crate::base::{Error, Result};
use crate::engine::job::{Job, event, flag};
use crate::engine::{Received, Sent};
use crate::nas::{Cause, FollowUp, MessageType, SecurityHeaderType, SecurityModeComplete};
use crate::procedure::smc::{Ending, Outcome};
use crate::security::container::place_in;
use crate::security::{Diagnosis, NearWrap, Verdict};

use super::remote::status;

const FOLLOW_UPS: [FollowUp; 7] = [
    FollowUp::None,
    FollowUp::AuthenticateThenSmcRinmr,
    FollowUp::MappedOrAuthenticate,
    FollowUp::EmergencyMaySkip,
    FollowUp::AuthenticateOrIgnore,
    FollowUp::ServiceRejectCause9,
    FollowUp::Discard,
];

fn near_wrap(job: &Job) -> NearWrap {
    if job.flags & flag::COUNT_URGENT != 0 {
        NearWrap::Urgent
    } else if job.flags & flag::COUNT_WARNING != 0 {
        NearWrap::Warning
    } else {
        NearWrap::No
    }
}

fn diagnosis(job: &Job) -> Diagnosis {
    let found = Diagnosis::ALL.get(usize::from(job.diagnosis));
    found.copied().unwrap_or_default()
}

/// A message that a job protected.
pub(super) fn sent(job: &Job) -> Result<Sent> {
    status(job)?;
    Ok(Sent {
        len: job.out_len as usize,
        count: job.count,
        sht: SecurityHeaderType::from_octet(job.sht).ok_or(Error::Operation)?,
        near_wrap: near_wrap(job),
    })
}

/// What became of the PDU of a job; `out` begins with the plain message.
pub(super) fn received(job: &Job, out: &[u8]) -> Received {
    let result = status(job);
    let plain = match result {
        Ok(()) => out.get(..job.out_len as usize).unwrap_or_default(),
        Err(_) => &[],
    };
    // A call that was wrong has no verdict: the job says no more than its status.
    if let Err(error) = result
        && error.code() >= Error::Null.code()
    {
        return Received::refused(error);
    }
    // 0 stands for a plain message and for a header that could not be read.
    let sht = match job.sht {
        0 if job.message_type == 0 => None,
        sht => SecurityHeaderType::from_octet(sht),
    };
    let counted = matches!(result, Ok(()) | Err(Error::Replay));
    let verdict = Verdict {
        result,
        message_type: (job.message_type != 0).then_some(MessageType(job.message_type)),
        sht,
        count: counted.then_some(job.count),
        len: plain.len(),
        follow_up: FOLLOW_UPS
            .get(usize::from(job.follow_up))
            .copied()
            .unwrap_or(FollowUp::Discard),
        near_wrap: near_wrap(job),
        place: None,
    };
    let part = job.part_offset as usize..job.part_offset as usize + job.part_len as usize;
    Received {
        verdict,
        container: (job.part_len != 0 && result.is_ok()).then_some(part),
        secured: job.flags & flag::SECURED != 0,
        procedure: outcome(job, plain),
        diagnosis: diagnosis(job),
    }
}

fn outcome(job: &Job, plain: &[u8]) -> Option<Outcome> {
    let ending = match job.event {
        event::COMPLETED | event::COMPLETED_BADLY => Ending::Completed,
        event::REJECTED => Ending::Rejected(Cause(job.cause)),
        event::COLLISION => Ending::Collision(MessageType(job.message_type)),
        event::TIMED_OUT => Ending::TimedOut,
        event::ABORTED => Ending::Aborted,
        event::LOWER_LAYER_FAILURE => Ending::LowerLayerFailure,
        _ => return None,
    };
    let mut outcome = Outcome {
        ending,
        diagnosis: diagnosis(job),
        error: None,
        container: None,
        imeisv: None,
        pei: None,
        ul_count: None,
    };
    if ending == Ending::Completed {
        outcome.ul_count = Some(job.count);
        outcome.error = (job.event == event::COMPLETED_BADLY).then_some(match outcome.diagnosis {
            Diagnosis::ContainerMismatch => Error::ContainerMismatch,
            Diagnosis::ContainerMissing => Error::ContainerMissing,
            _ => Error::MalformedIe,
        });
        if let Ok((complete, container)) = SecurityModeComplete::locate(plain) {
            let place = |value: &[u8]| place_in(plain, value);
            outcome.imeisv = complete.imeisv.map(|imeisv| place(imeisv.value()));
            outcome.pei = complete.pei.map(place);
            // As the AMF half: only a container that was checked counts.
            if outcome.diagnosis == Diagnosis::None {
                outcome.container = container;
            }
        }
    }
    Some(outcome)
}
