//! ## Level 1: messages
//!
//! A received message gives a verdict, not just success: an AMF acts on some messages that do not verify
//! (TS 24.501 4.4.4.3), and `follow_up` says how.
//!
//! Errors of every function with a session: as for sessions.

use std::ops::Range;

use engine::base::{Error, Result};
use engine::engine::{Received, Sent, event_number, job};
use engine::nas::FollowUp;
use engine::procedure::smc;
use engine::security::NearWrap;
use engine::security::protect::{Form, OVERHEAD};
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, Pair, octets, room};
use crate::session::access_of;

/// Octets that protection adds in front of the plain message.
pub const NASLANE_OVERHEAD: usize = 7;

/// `near_wrap`: far from the end of COUNT.
pub const NASLANE_WRAP_NO: u8 = 0;
/// `near_wrap`: plan a new authentication.
pub const NASLANE_WRAP_WARNING: u8 = 1;
/// `near_wrap`: authenticate now.
pub const NASLANE_WRAP_URGENT: u8 = 2;

/// `follow_up`: nothing special; the message belongs to a procedure that runs without integrity.
pub const NASLANE_FOLLOW_UP_NONE: u8 = 0;
/// `follow_up`: authenticate, then send a SECURITY MODE COMMAND that asks for the whole message (RINMR).
pub const NASLANE_FOLLOW_UP_AUTHENTICATE: u8 = 1;
/// `follow_up`: with an EPS NAS message container that the MME verified a mapped context; else authenticate.
pub const NASLANE_FOLLOW_UP_MAPPED_OR_AUTHENTICATE: u8 = 2;
/// `follow_up`: emergency registration; authentication may be skipped.
pub const NASLANE_FOLLOW_UP_EMERGENCY: u8 = 3;
/// `follow_up`: de-registration; authenticate, or ignore when that is impossible.
pub const NASLANE_FOLLOW_UP_AUTHENTICATE_OR_IGNORE: u8 = 4;
/// `follow_up`: SERVICE REJECT with cause 9, plain; state and context stay.
pub const NASLANE_FOLLOW_UP_SERVICE_REJECT: u8 = 5;
/// `follow_up`: discard and count; nothing changes.
pub const NASLANE_FOLLOW_UP_DISCARD: u8 = 6;

/// `event`: no security mode procedure ended.
pub const NASLANE_EVENT_NONE: u8 = 0;
/// `event`: SECURITY MODE COMPLETE; the context is in use. Stop T3560.
pub const NASLANE_EVENT_COMPLETED: u8 = 1;
/// `event`: SECURITY MODE REJECT, `cause` says why; what was used before is in force. Stop T3560.
pub const NASLANE_EVENT_REJECTED: u8 = 2;
/// `event`: an initial message of the UE goes first (TS 24.501 5.4.2.7). Stop T3560.
pub const NASLANE_EVENT_COLLISION: u8 = 3;
/// `event`: no answer to the command and its retransmissions.
pub const NASLANE_EVENT_TIMED_OUT: u8 = 4;
/// `event`: the AMF gave up.
pub const NASLANE_EVENT_ABORTED: u8 = 5;
/// `event`: lower layers failed.
pub const NASLANE_EVENT_LOWER_LAYER_FAILURE: u8 = 6;
/// `event`: SECURITY MODE COMPLETE and the context is in use, but `smc_status` says what is wrong with the content:
/// reject the procedure that caused the command.
pub const NASLANE_EVENT_COMPLETED_BADLY: u8 = 7;

/// Flag of a result: secure exchange of NAS messages is established on this access.
pub const NASLANE_FLAG_SECURED: u8 = 1;

const _: () = assert!(
    NASLANE_OVERHEAD == OVERHEAD
        && NASLANE_WRAP_NO == NearWrap::No as u8
        && NASLANE_WRAP_WARNING == NearWrap::Warning as u8
        && NASLANE_WRAP_URGENT == NearWrap::Urgent as u8
        && NASLANE_FOLLOW_UP_NONE == FollowUp::None as u8
        && NASLANE_FOLLOW_UP_AUTHENTICATE == FollowUp::AuthenticateThenSmcRinmr as u8
        && NASLANE_FOLLOW_UP_MAPPED_OR_AUTHENTICATE == FollowUp::MappedOrAuthenticate as u8
        && NASLANE_FOLLOW_UP_EMERGENCY == FollowUp::EmergencyMaySkip as u8
        && NASLANE_FOLLOW_UP_AUTHENTICATE_OR_IGNORE == FollowUp::AuthenticateOrIgnore as u8
        && NASLANE_FOLLOW_UP_SERVICE_REJECT == FollowUp::ServiceRejectCause9 as u8
        && NASLANE_FOLLOW_UP_DISCARD == FollowUp::Discard as u8
        && NASLANE_EVENT_COMPLETED == job::event::COMPLETED
        && NASLANE_EVENT_REJECTED == job::event::REJECTED
        && NASLANE_EVENT_COLLISION == job::event::COLLISION
        && NASLANE_EVENT_TIMED_OUT == job::event::TIMED_OUT
        && NASLANE_EVENT_ABORTED == job::event::ABORTED
        && NASLANE_EVENT_LOWER_LAYER_FAILURE == job::event::LOWER_LAYER_FAILURE
        && NASLANE_EVENT_COMPLETED_BADLY == job::event::COMPLETED_BADLY
        && NASLANE_FLAG_SECURED == job::flag::SECURED
);

/// A message that was written.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct naslane_sent {
    /// Octets of the PDU.
    pub len: usize,
    /// Its COUNT; 0 for a plain one.
    pub count: u32,
    /// Its security header type; 0: plain.
    pub sht: u8,
    /// NASLANE_WRAP_... .
    pub near_wrap: u8,
    /// A naslane_diagnosis: NASLANE_DIAGNOSIS_SMC_LOOP after too many commands without an answer.
    pub diagnosis: u8,
    /// 5GMM cause of a SECURITY MODE REJECT that a UE half wrote; else 0.
    pub cause: u8,
}

/// What became of a received message. All offsets are into the plain message; a length of 0 says that there is no
/// such part.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct naslane_received {
    /// What the call returned.
    pub status: i32,
    /// COUNT under which the MAC verified, also for REPLAY; else 0.
    pub count: u32,
    /// Octets of the plain message in the output; 0 unless `status` is OK.
    pub len: usize,
    /// The value of the NAS message container. Still ciphered, unless `event` is COMPLETED: see
    /// [`naslane_decipher_container`].
    pub container_offset: usize,
    /// Its octets.
    pub container_len: usize,
    /// The value of the IMEISV, or another PEI, in a SECURITY MODE COMPLETE.
    pub pei_offset: usize,
    /// Its octets.
    pub pei_len: usize,
    /// What is wrong with the content of a SECURITY MODE COMPLETE that verified: a naslane_status.
    pub smc_status: i32,
    /// Type of the inner message, where it can be read; else 0.
    pub message_type: u8,
    /// Security header type, where it can be read; else 0.
    pub sht: u8,
    /// NASLANE_FOLLOW_UP_... .
    pub follow_up: u8,
    /// NASLANE_EVENT_...: how the message ended a security mode procedure.
    pub event: u8,
    /// 5GMM cause of a SECURITY MODE REJECT; else 0.
    pub cause: u8,
    /// The likely cause of a failure, as far as the message alone tells: a naslane_diagnosis.
    pub diagnosis: u8,
    /// NASLANE_WRAP_... .
    pub near_wrap: u8,
    /// NASLANE_FLAG_... bits.
    pub flags: u8,
    /// 0.
    pub reserved: [u8; 4],
}

impl From<Sent> for naslane_sent {
    fn from(sent: Sent) -> Self {
        Self {
            len: sent.len,
            count: sent.count,
            sht: sent.sht.bits(),
            near_wrap: sent.near_wrap as u8,
            ..Self::default()
        }
    }
}

impl From<smc::Sent> for naslane_sent {
    fn from(sent: smc::Sent) -> Self {
        Self {
            len: sent.len,
            count: sent.count.unwrap_or_default(),
            sht: sent.sht.bits(),
            near_wrap: sent.near_wrap as u8,
            diagnosis: sent.diagnosis as u8,
            cause: 0,
        }
    }
}

fn part(range: Option<Range<usize>>) -> (usize, usize) {
    range.map_or((0, 0), |range| (range.start, range.len()))
}

impl From<&Received> for naslane_received {
    fn from(received: &Received) -> Self {
        let verdict = &received.verdict;
        let (container_offset, container_len) = part(received.container.clone());
        let mut result = Self {
            status: verdict.result.map_or_else(Error::code, |()| guard::OK),
            count: verdict.count.unwrap_or_default(),
            len: verdict.len,
            container_offset,
            container_len,
            message_type: verdict.message_type.map_or(0, |message| message.0),
            sht: verdict.sht.map_or(0, |sht| sht.bits()),
            follow_up: verdict.follow_up as u8,
            diagnosis: received.diagnosis as u8,
            near_wrap: verdict.near_wrap as u8,
            flags: if received.secured {
                NASLANE_FLAG_SECURED
            } else {
                0
            },
            ..Self::default()
        };
        if let Some(outcome) = &received.procedure {
            (result.event, result.cause) = event_number(outcome);
            result.smc_status = outcome.error.map_or(guard::OK, Error::code);
            (result.pei_offset, result.pei_len) =
                part(outcome.imeisv.clone().or(outcome.pei.clone()));
        }
        result
    }
}

/// Protects a plain message as the state of the access demands, and takes its COUNT. The PDU, `len` +
/// NASLANE_OVERHEAD octets, goes to `out`, which may be `plain`.
///
/// Errors: BEARER, BUFFER_TOO_SMALL, OVERLAP, SHORT and DISCRIMINATOR (not a plain 5GMM message), HEADER_MISMATCH
/// (SECURITY MODE COMMAND and COMPLETE have their own functions), NO_CONTEXT, NOT_SECURED, CONFLICT,
/// COUNT_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_protect(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    plain: *const u8,
    len: usize,
    out: *mut u8,
    capacity: usize,
    sent: *mut naslane_sent,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, result) = unsafe { (of(engine)?, Out::new(sent)?) };
        let result = result.apart(plain, len)?.apart(out, capacity)?;
        let (handle, access) = (Handle::from_bits(session)?, access_of(access)?);
        // SAFETY: as above.
        let written = match unsafe { Pair::new(plain, len, out, capacity) }? {
            Pair::Apart(plain, out) => engine.protect(handle, access, plain, out)?,
            Pair::InPlace(place, len) => {
                // The slice may be longer than the room that the caller spoke of.
                let place = place.get_mut(..capacity).ok_or(Error::BufferTooSmall)?;
                if capacity < len {
                    return Err(Error::BufferTooSmall);
                }
                engine.protect_in_place(handle, access, Form::Auto, (place, len))?
            }
        };
        result.put(&written.into());
        Ok(())
    })
}

/// Verifies a whole PDU as it came from NGAP and commits its COUNT; the plain message, NASLANE_OVERHEAD octets
/// shorter, goes to `out`, which may be `pdu`. While a security mode command is unanswered this takes the answer
/// too, see `event`. `received` is written whatever the verdict is, unless an argument is wrong; `out` is not
/// written to unless the MAC verifies.
///
/// A message that fails changes nothing. Of header types 1 and 3 the inner octets are readable in `pdu` itself.
///
/// Errors: PLAIN_ALLOWED (plain and may be acted on: it is its own content), PLAIN_REFUSED, SHORT, HEADER_TYPE,
/// NO_CONTEXT, MAC, REPLAY, COUNT_EXHAUSTED, CIPHER_SKEW, NESTED, HEADER_MISMATCH, UNCIPHERED, DISCRIMINATOR,
/// MALFORMED_IE; BEARER, BUFFER_TOO_SMALL, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_verify(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    pdu: *const u8,
    len: usize,
    out: *mut u8,
    capacity: usize,
    received: *mut naslane_received,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        unsafe {
            verify(
                (engine, session, access),
                (pdu, len),
                (out, capacity),
                received,
            )
        }
    })
}

/// Verifies and writes the verdict. In place, the octets of the PDU behind the plain message are left as they are.
pub(crate) unsafe fn verify(
    (engine, session, access): (*const naslane_engine, u64, u8),
    (pdu, len): (*const u8, usize),
    (out, capacity): (*mut u8, usize),
    received: *mut naslane_received,
) -> Result<()> {
    // SAFETY: the contract in `pointer`.
    let (engine, result) = unsafe { (of(engine)?, Out::new(received)?) };
    let result = result.apart(pdu, len)?.apart(out, capacity)?;
    let (handle, access) = (Handle::from_bits(session)?, access_of(access)?);
    // SAFETY: as above.
    let verdict = match unsafe { Pair::new(pdu, len, out, capacity) }? {
        Pair::Apart(pdu, out) => engine.verify(handle, access, pdu, out),
        Pair::InPlace(..) if capacity < len.saturating_sub(OVERHEAD) => {
            return Err(Error::BufferTooSmall);
        }
        Pair::InPlace(place, len) => {
            let pdu = place.get_mut(..len).ok_or(Error::OutOfRange)?;
            engine.verify_in_place(handle, access, pdu)
        }
    };
    result.put(&naslane_received::from(&verdict));
    verdict.verdict.result
}

/// As [`naslane_verify`] without a commit: nothing changes, the same message verifies again. For finding the UE of a
/// GUTI, or a second decoder. `out` must be apart from `pdu`.
///
/// Errors: as for [`naslane_verify`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_verify_only(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    pdu: *const u8,
    len: usize,
    out: *mut u8,
    capacity: usize,
    received: *mut naslane_received,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, result) = unsafe { (of(engine)?, Out::new(received)?) };
        let result = result.apart(pdu, len)?.apart(out, capacity)?;
        let (handle, access) = (Handle::from_bits(session)?, access_of(access)?);
        // SAFETY: as above.
        let Pair::Apart(pdu, out) = unsafe { Pair::new(pdu, len, out, capacity) }? else {
            return Err(Error::Overlap);
        };
        let verdict = engine.verify_only(handle, access, pdu, out);
        result.put(&naslane_received::from(&verdict));
        verdict.verdict.result
    })
}

/// Deciphers, in place, the NAS message container of the initial message that was verified last on `access`, under
/// `count`, its COUNT (TS 24.501 4.4.6). `message` is its plain content. Good for one message once. The container in
/// a SECURITY MODE COMPLETE is not ciphered on its own.
///
/// Errors: CONTAINER_UNVERIFIED (not the message verified last), CONTAINER_MISSING, CONTAINER_MISMATCH (not a
/// message of the same procedure: ask for the whole one with RINMR; the message is as before), MALFORMED_IE, BEARER,
/// OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_decipher_container(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    count: u32,
    message: *mut u8,
    len: usize,
    container_offset: *mut usize,
    container_len: *mut usize,
    message_type: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, offset, octets) = unsafe {
            (
                of(engine)?,
                Out::new(container_offset)?,
                Out::new(container_len)?,
            )
        };
        // SAFETY: the contract in `pointer`.
        let inner = unsafe { Out::new(message_type) }?;
        let offset = offset.apart(container_len, 1)?.apart(message_type, 1)?;
        let offset = offset.apart(message, len)?;
        let octets = octets.apart(message_type, 1)?.apart(message, len)?;
        let inner = inner.apart(message, len)?;
        let (handle, access) = (Handle::from_bits(session)?, access_of(access)?);
        // SAFETY: the contract in `pointer`.
        let message = unsafe { room(message, len) }?;
        let (range, kind) = engine.decipher_container(handle, (access, count), message)?;
        offset.put(&range.start);
        octets.put(&range.len());
        inner.put(&kind.0);
        Ok(())
    })
}

/// Why a PDU does not verify: tries what an engineer tries by hand (other contexts, the other access, COUNT 256
/// away), up to 20 MACs, and changes nothing. For failures that somebody looks at.
///
/// Errors: BEARER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_diagnose(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    pdu: *const u8,
    len: usize,
    diagnosis: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, pdu_octets, out) =
            unsafe { (of(engine)?, octets(pdu, len)?, Out::new(diagnosis)?) };
        let out = out.apart(pdu, len)?;
        let (handle, access) = (Handle::from_bits(session)?, access_of(access)?);
        out.put(&(engine.diagnose(handle, access, pdu_octets)? as u8));
        Ok(())
    })
}
