//! ## Level 1: runs of network slice-specific authentication
//!
//! What happens while the slices of a UE are authenticated.

use engine::base::{Error, Result};
use engine::nas::nssaa::{EapMessage, SNssai, Slice};
use engine::procedure::nssaa::{AaaAnswer, Action, Downlink, Event, Reachability, Step};
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::message::naslane_received;
use crate::nssaa::{NASLANE_NSSAA_ABSENT, naslane_s_nssai, naslane_slice};
use crate::pointer::{Out, apart, copied, octets, room};
use crate::session::access_of;

/// `change`: RM-DEREGISTERED on this access.
pub const NASLANE_ACCESS_DEREGISTERED: u8 = 0;
/// `change`: CM-IDLE.
pub const NASLANE_ACCESS_IDLE: u8 = 1;
/// `change`: CM-CONNECTED, secure exchange established.
pub const NASLANE_ACCESS_CONNECTED: u8 = 2;
/// `change`: the registration is complete, secure exchange established.
pub const NASLANE_ACCESS_REGISTERED: u8 = 3;
/// `change`: the network triggered service request did not reach the UE.
pub const NASLANE_ACCESS_UNREACHABLE: u8 = 4;
/// `change`: the UE sent something that verified.
pub const NASLANE_ACCESS_UPLINK: u8 = 5;
/// `change`: the CONFIGURATION UPDATE COMMAND got lost (T3555).
pub const NASLANE_ACCESS_UPDATE_LOST: u8 = 6;

/// `timer`: T3575 expired.
pub const NASLANE_TIMER_T3575: u8 = 0;
/// `timer`: the wait for an AAA server that did not answer is over.
pub const NASLANE_TIMER_RETRY: u8 = 1;
/// `timer`: both are lost, and the question to the NSSAAF too, with the process that had them: a run under way begins
/// anew. For an AMF that comes back to a sidecar which kept its sessions.
pub const NASLANE_TIMER_LOST: u8 = 2;

/// `notice`: the AAA server asks for a re-authentication.
pub const NASLANE_NOTICE_REAUTHENTICATION: u8 = 0;
/// `notice`: the AAA server revokes its authorisation.
pub const NASLANE_NOTICE_REVOCATION: u8 = 1;
/// `notice`: the operator's policy asks for a new run.
pub const NASLANE_NOTICE_POLICY: u8 = 2;
/// `notice`: slice admission control refuses the slice on `access`.
pub const NASLANE_NOTICE_ADMISSION_REFUSED: u8 = 3;
/// `notice`: slice admission control has room again on `access`.
pub const NASLANE_NOTICE_ADMISSION_FREE: u8 = 4;

/// `answer`: another round; the EAP-Request.
pub const NASLANE_ANSWER_CONTINUE: u8 = 0;
/// `answer`: authResult EAP_SUCCESS; the EAP-Success.
pub const NASLANE_ANSWER_SUCCESS: u8 = 1;
/// `answer`: authResult EAP_FAILURE; the EAP-Failure.
pub const NASLANE_ANSWER_FAILURE: u8 = 2;
/// `answer`: 403, or 404 USER_NOT_FOUND; no EAP message.
pub const NASLANE_ANSWER_REFUSED: u8 = 3;
/// `answer`: 404 CONTEXT_NOT_FOUND; no EAP message. The run begins anew.
pub const NASLANE_ANSWER_CONTEXT_LOST: u8 = 4;
/// `answer`: 504 or no answer; no EAP message. The slice stays pending and is tried again.
pub const NASLANE_ANSWER_UNREACHABLE: u8 = 5;

/// `kind`: nothing is to be done.
pub const NASLANE_NSSAA_NOTHING: u8 = 0;
/// `kind`: send the PDU, a COMMAND.
pub const NASLANE_NSSAA_COMMAND: u8 = 1;
/// `kind`: send the PDU, a RESULT.
pub const NASLANE_NSSAA_RESULT: u8 = 2;
/// `kind`: send the PDU, a CONFIGURATION UPDATE COMMAND with the new lists; start T3555.
pub const NASLANE_NSSAA_UPDATE: u8 = 3;
/// `kind`: send the PDU, a DEREGISTRATION REQUEST with cause 62; start T3522.
pub const NASLANE_NSSAA_DEREGISTRATION: u8 = 4;
/// `kind`: POST to the NSSAAF: a new run, with the EAP message.
pub const NASLANE_NSSAA_ASK: u8 = 5;
/// `kind`: PUT to the NSSAAF: the next EAP message of the run.
pub const NASLANE_NSSAA_ASK_ON: u8 = 6;
/// `kind`: start T3575.
pub const NASLANE_NSSAA_START_T3575: u8 = 7;
/// `kind`: stop T3575.
pub const NASLANE_NSSAA_STOP_T3575: u8 = 8;
/// `kind`: start the timer of NASLANE_TIMER_RETRY.
pub const NASLANE_NSSAA_START_RETRY: u8 = 9;
/// `kind`: stop it.
pub const NASLANE_NSSAA_STOP_RETRY: u8 = 10;
/// `kind`: release the PDU sessions of the slice.
pub const NASLANE_NSSAA_RELEASE_SESSIONS: u8 = 11;
/// `kind`: bring the UE to CM-CONNECTED by a network triggered service request.
pub const NASLANE_NSSAA_REACH: u8 = 12;

/// `procedure`: the message was none of the procedure's.
pub const NASLANE_NSSAA_OTHER: i32 = -1;

const _: () = assert!(
    NASLANE_NSSAA_COMMAND == Downlink::Command as u8
        && NASLANE_NSSAA_RESULT == Downlink::Result as u8
        && NASLANE_NSSAA_UPDATE == Downlink::ConfigurationUpdate as u8
        && NASLANE_NSSAA_DEREGISTRATION == Downlink::Deregistration as u8
);

/// What is to be done.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct naslane_nssaa_action {
    /// Octets of the PDU or EAP message in the output.
    pub len: usize,
    /// ASK: to be told with the answer.
    pub transaction: u32,
    /// START: of the timer.
    pub seconds: u32,
    /// NASLANE_NSSAA_... .
    pub kind: u8,
    /// Messages and REACH: the access.
    pub access: u8,
    /// 0.
    pub reserved: [u8; 6],
    /// COMMAND, RESULT, ASK: the slice of the HPLMN; RELEASE_SESSIONS: the slice, with `mapped` when roaming.
    pub slice: naslane_slice,
}

impl From<Option<Action>> for naslane_nssaa_action {
    fn from(action: Option<Action>) -> Self {
        let of = |s_nssai: SNssai| Slice::from(s_nssai).into();
        let kind = |kind| Self {
            kind,
            ..Self::default()
        };
        match action {
            None => kind(NASLANE_NSSAA_NOTHING),
            Some(Action::Send {
                access,
                message,
                s_nssai,
                len,
            }) => Self {
                len,
                access: access as u8,
                slice: s_nssai.map(of).unwrap_or_default(),
                ..kind(message as u8)
            },
            Some(Action::Ask {
                transaction,
                step,
                s_nssai,
                len,
            }) => Self {
                len,
                transaction,
                slice: of(s_nssai),
                ..kind(match step {
                    Step::Start => NASLANE_NSSAA_ASK,
                    Step::Continue => NASLANE_NSSAA_ASK_ON,
                })
            },
            Some(Action::StartT3575 { seconds }) => Self {
                seconds,
                ..kind(NASLANE_NSSAA_START_T3575)
            },
            Some(Action::StopT3575) => kind(NASLANE_NSSAA_STOP_T3575),
            Some(Action::StartRetry { seconds }) => Self {
                seconds,
                ..kind(NASLANE_NSSAA_START_RETRY)
            },
            Some(Action::StopRetry) => kind(NASLANE_NSSAA_STOP_RETRY),
            Some(Action::ReleaseSessions(slice)) => Self {
                slice: slice.into(),
                ..kind(NASLANE_NSSAA_RELEASE_SESSIONS)
            },
            Some(Action::Reach(access)) => Self {
                access: access as u8,
                ..kind(NASLANE_NSSAA_REACH)
            },
        }
    }
}

/// An access changed; `change` is NASLANE_ACCESS_... . naslane_connection_released() tells IDLE by itself,
/// naslane_deregister() DEREGISTERED on both.
///
/// Errors: BEARER, ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_access(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    change: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        let access = access_of(access)?;
        let event = match change {
            NASLANE_ACCESS_DEREGISTERED => Event::Access(access, Reachability::Deregistered),
            NASLANE_ACCESS_IDLE => Event::Access(access, Reachability::Idle),
            NASLANE_ACCESS_CONNECTED => Event::Access(access, Reachability::Connected),
            NASLANE_ACCESS_REGISTERED => Event::Registered(access),
            NASLANE_ACCESS_UNREACHABLE => Event::Unreachable(access),
            NASLANE_ACCESS_UPLINK => Event::UplinkActivity(access),
            NASLANE_ACCESS_UPDATE_LOST => Event::UpdateLost(access),
            _ => return Err(Error::Argument),
        };
        engine.nssaa_event(Handle::from_bits(session)?, event)
    })
}

/// A timer expired; `timer` is NASLANE_TIMER_... .
///
/// Errors: UNEXPECTED (it does not run), ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_timer(
    engine: *const naslane_engine,
    session: u64,
    timer: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        let event = match timer {
            NASLANE_TIMER_T3575 => Event::T3575Expired,
            NASLANE_TIMER_RETRY => Event::RetryExpired,
            NASLANE_TIMER_LOST => Event::RunnerLost,
            _ => return Err(Error::Argument),
        };
        engine.nssaa_event(Handle::from_bits(session)?, event)
    })
}

/// A notification of the AAA server, of the operator's policy or of slice admission control about a slice of the HPLMN;
/// `notice` is NASLANE_NOTICE_..., `access` counts for the last kind only, and is 0 else. A slice that is not known is
/// no error.
///
/// Errors: ARGUMENT, BEARER, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_notice(
    engine: *const naslane_engine,
    session: u64,
    notice: u8,
    access: u8,
    s_nssai: *const naslane_s_nssai,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given) = unsafe { (of(engine)?, copied(s_nssai)?) };
        let s_nssai = given.read()?;
        let control = |refused| -> Result<Event<'_>> {
            Ok(Event::AdmissionControl {
                access: access_of(access)?,
                s_nssai,
                refused,
            })
        };
        let event = match (notice, access) {
            (NASLANE_NOTICE_REAUTHENTICATION, 0) => Event::ReauthNotification(s_nssai),
            (NASLANE_NOTICE_REVOCATION, 0) => Event::RevocationNotification(s_nssai),
            (NASLANE_NOTICE_POLICY, 0) => Event::OperatorPolicy(s_nssai),
            (NASLANE_NOTICE_ADMISSION_REFUSED, _) => control(true)?,
            (NASLANE_NOTICE_ADMISSION_FREE, _) => control(false)?,
            _ => return Err(Error::Argument),
        };
        engine.nssaa_event(Handle::from_bits(session)?, event)
    })
}

/// As naslane_verify_only(), with a commit, and what verified goes to the procedure: NETWORK SLICE-SPECIFIC
/// AUTHENTICATION COMPLETE, CONFIGURATION UPDATE COMPLETE, DEREGISTRATION ACCEPT, and that the UE is there. `procedure`
/// says whether one of these was taken: NASLANE_OK, NASLANE_NSSAA_OTHER, or SLICE (not the slice of the COMMAND),
/// UNEXPECTED (no COMMAND is unanswered), MALFORMED_IE; after those nothing changed but the COUNT.
///
/// Errors: as for naslane_verify(); `out` must be apart from `pdu`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_uplink(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    pdu: *const u8,
    len: usize,
    out: *mut u8,
    capacity: usize,
    received: *mut naslane_received,
    procedure: *mut i32,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, result, taken) =
            unsafe { (of(engine)?, Out::new(received)?, Out::new(procedure)?) };
        let result = result.apart(pdu, len)?.apart(out, capacity)?;
        let result = result.apart(procedure, 1)?;
        let taken = taken.apart(pdu, len)?.apart(out, capacity)?;
        apart((pdu, len), (out, capacity))?;
        let (handle, access) = (Handle::from_bits(session)?, access_of(access)?);
        // SAFETY: as above; input and output have nothing in common.
        let (pdu, out) = unsafe { (octets(pdu, len)?, room(out, capacity)?) };
        let uplink = engine.nssaa_uplink(handle, access, pdu, out);
        result.put(&naslane_received::from(&uplink.received));
        taken.put(&match uplink.procedure {
            None => NASLANE_NSSAA_OTHER,
            Some(Ok(())) => guard::OK,
            Some(Err(error)) => error.code(),
        });
        uplink.received.verdict.result
    })
}

/// What is to be done now; call again until `kind` is NASLANE_NSSAA_NOTHING. The PDU or EAP message lies in `out`, whose
/// capacity is at least NASLANE_NSSAA_ROOM.
///
/// Errors: BUFFER_TOO_SMALL, OVERLAP; for a message to the UE those of naslane_protect(): NOT_SECURED, NO_CONTEXT (the
/// connection is gone: tell naslane_nssaa_access()), CONFLICT, COUNT_EXHAUSTED. The action comes again then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_poll(
    engine: *const naslane_engine,
    session: u64,
    out: *mut u8,
    capacity: usize,
    action: *mut naslane_nssaa_action,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, result) = unsafe { (of(engine)?, Out::new(action)?) };
        let result = result.apart(out, capacity)?;
        // SAFETY: as above.
        let out = unsafe { room(out, capacity) }?;
        let action = engine.nssaa_poll(Handle::from_bits(session)?, out)?;
        result.put(&action.into());
        Ok(())
    })
}

/// What the NSSAAF answered to the question with this transaction number; `answer` is NASLANE_ANSWER_..., `eap` the EAP
/// message of the first three. Every question needs an answer in the end.
///
/// Errors: UNEXPECTED (that question is not open), MALFORMED_IE (the EAP message is malformed or not one for this
/// answer: tell NASLANE_ANSWER_UNREACHABLE instead), ARGUMENT, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_answer(
    engine: *const naslane_engine,
    session: u64,
    transaction: u32,
    answer: u8,
    eap: *const u8,
    eap_len: usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, octets) = unsafe { (of(engine)?, octets(eap, eap_len)?) };
        let message = || EapMessage::parse(octets);
        let answer = match answer {
            NASLANE_ANSWER_CONTINUE => AaaAnswer::Continue(message()?),
            NASLANE_ANSWER_SUCCESS => AaaAnswer::Success(message()?),
            NASLANE_ANSWER_FAILURE => AaaAnswer::Failure(message()?),
            _ if !octets.is_empty() => return Err(Error::Argument),
            NASLANE_ANSWER_REFUSED => AaaAnswer::Refused,
            NASLANE_ANSWER_CONTEXT_LOST => AaaAnswer::ContextLost,
            NASLANE_ANSWER_UNREACHABLE => AaaAnswer::Unreachable,
            _ => return Err(Error::Argument),
        };
        let event = Event::Aaa {
            transaction,
            answer,
        };
        engine.nssaa_event(Handle::from_bits(session)?, event)
    })
}

/// The status of a slice of the HPLMN, NASLANE_NSSAA_ABSENT to NASLANE_NSSAA_EAP_FAILURE.
///
/// Errors: ARGUMENT, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_status(
    engine: *const naslane_engine,
    session: u64,
    s_nssai: *const naslane_s_nssai,
    status: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given, out) = unsafe { (of(engine)?, copied(s_nssai)?, Out::new(status)?) };
        let out = out.apart(s_nssai, 1)?;
        let status = engine.nssaa_status(Handle::from_bits(session)?, given.read()?)?;
        out.put(&status.map_or(NASLANE_NSSAA_ABSENT, |status| status as u8));
        Ok(())
    })
}
