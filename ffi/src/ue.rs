//! ## Level 1: the UE half
//!
//! For simulators, load generators and tests: what a UE does in the security mode procedure. Beyond that a session
//! of role UE protects and verifies like one of role AMF.
//!
//! Errors of every function: as for sessions, ROLE (an AMF half), and UNSUPPORTED through a sidecar, which has no UE
//! half.

use std::ops::Range;

use engine::base::{Error, NgKsi, Result};
use engine::kdf::KAmf;
use engine::nas::{MobileIdentity, UeSecurityCapability};
use engine::procedure::smc::{Answer, InitialMessageToSend, NewKey};
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::message::naslane_sent;
use crate::pointer::{Out, apart, array, copied, octets, room};
use crate::session::access_of;
use crate::smc::part;

/// What a UE knows of itself. Fill it with [`naslane_ue_init`], then set what it has. NULL with length 0: nothing.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_ue {
    /// Octets of this structure.
    pub size: usize,
    /// The UE security capability that it sent last, 2 to 8 octets; also what it supports.
    pub ue_sec_cap: *const u8,
    /// Its octets.
    pub ue_sec_cap_len: usize,
    /// IMEISV as the value of a 5GS mobile identity, 9 octets; sent when it is asked for.
    pub imeisv: *const u8,
    /// Its octets.
    pub imeisv_len: usize,
    /// The whole initial message, for the NAS message container.
    pub whole_initial: *const u8,
    /// Its octets.
    pub whole_initial_len: usize,
    /// K_AMF' that it mapped from EPS, 32 octets.
    pub mapped_k_amf: *const u8,
    /// K_AMF of its own for an emergency session without authentication, 32 octets: permits null algorithms.
    pub emergency_k_amf: *const u8,
    /// ngKSI of `mapped_k_amf`, bit 4 set.
    pub mapped_ng_ksi: u8,
    /// 0.
    pub reserved: [u8; 7],
}

impl naslane_ue {
    const fn start() -> Self {
        Self {
            size: size_of::<Self>(),
            ue_sec_cap: std::ptr::null(),
            ue_sec_cap_len: 0,
            imeisv: std::ptr::null(),
            imeisv_len: 0,
            whole_initial: std::ptr::null(),
            whole_initial_len: 0,
            mapped_k_amf: std::ptr::null(),
            emergency_k_amf: std::ptr::null(),
            mapped_ng_ksi: 0,
            reserved: [0; 7],
        }
    }

    fn parts(&self) -> [(*const u8, usize); 5] {
        let key = |start: *const u8| (start, if start.is_null() { 0 } else { KAmf::LEN });
        [
            (self.ue_sec_cap, self.ue_sec_cap_len),
            (self.imeisv, self.imeisv_len),
            (self.whole_initial, self.whole_initial_len),
            key(self.mapped_k_amf),
            key(self.emergency_k_amf),
        ]
    }
}

/// Fills what a UE knows of itself with nothing.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_ue_init(ue: *mut naslane_ue) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(ue) }?;
        out.put(&naslane_ue::start());
        Ok(())
    })
}

/// Answers a SECURITY MODE COMMAND (TS 24.501 5.4.2.3, 5.4.2.5). OK: the answer lies in `out`, SECURITY MODE COMPLETE
/// with the context in use when `sent->cause` is 0, else SECURITY MODE REJECT with that cause and nothing changed. `out`
/// is apart from `pdu` and has room for the longer of command and answer.
///
/// Errors: HEADER_TYPE, REPLAY and the like: no answer, discard the command; ARGUMENT (the container is asked for and
/// `whole_initial` is not there), BEARER, MALFORMED_IE (capability), BUFFER_TOO_SMALL, OVERLAP, COUNT_EXHAUSTED,
/// SIDE_FULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_ue_answer(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    ue: *const naslane_ue,
    pdu: *const u8,
    len: usize,
    out: *mut u8,
    capacity: usize,
    sent: *mut naslane_sent,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given, result) = unsafe { (of(engine)?, copied(ue)?, Out::new(sent)?) };
        if given.size != size_of::<naslane_ue>() || given.reserved != [0; 7] {
            return Err(Error::Argument);
        }
        let mut result = result.apart(out, capacity)?.apart(pdu, len)?.apart(ue, 1)?;
        apart((pdu, len), (out, capacity))?;
        apart((ue, 1), (out, capacity))?;
        for (start, len) in given.parts() {
            apart((start, len), (out, capacity))?;
            result = result.apart(start, len)?;
        }
        // SAFETY: the contract in `pointer`; inputs and output have nothing in common.
        let written = unsafe {
            let handle = Handle::from_bits(session)?;
            answer(
                engine.shard(handle)?,
                &given,
                (handle, access),
                octets(pdu, len)?,
                room(out, capacity)?,
            )?
        };
        result.put(&written);
        Ok(())
    })
}

/// The key behind a pointer, if it is not NULL.
unsafe fn key(start: *const u8) -> Result<Option<KAmf>> {
    if start.is_null() {
        return Ok(None);
    }
    // SAFETY: the contract in `pointer`.
    Ok(Some(KAmf::new(*unsafe { array(start) }?)))
}

unsafe fn answer(
    engine: &engine::Engine,
    ue: &naslane_ue,
    (handle, access): (Handle, u8),
    pdu: &[u8],
    out: &mut [u8],
) -> Result<naslane_sent> {
    // SAFETY: the contract in `pointer`.
    let (capability, mapped, emergency) = unsafe {
        (
            octets(ue.ue_sec_cap, ue.ue_sec_cap_len)?,
            key(ue.mapped_k_amf)?,
            key(ue.emergency_k_amf)?,
        )
    };
    let capability = UeSecurityCapability::from_value(capability)?;
    let mut env = engine.ue_env(capability);
    // SAFETY: as above.
    unsafe {
        env.imeisv = part(ue.imeisv, ue.imeisv_len)?
            .map(MobileIdentity::new)
            .transpose()?;
        env.whole_initial = part(ue.whole_initial, ue.whole_initial_len)?;
    }
    let mapped_ng_ksi = NgKsi::from_bits(ue.mapped_ng_ksi).ok_or(Error::NgKsi)?;
    env.mapped = mapped.as_ref().map(|k_amf| NewKey {
        k_amf,
        ng_ksi: mapped_ng_ksi,
        ue_sec_cap: Some(capability),
    });
    env.emergency = emergency.as_ref();
    match engine.ue_command(handle, (access_of(access)?, pdu), &env, out)? {
        Answer::Complete(sent) => Ok(sent.into()),
        Answer::Reject(cause, sent) => Ok(naslane_sent {
            cause: cause.0,
            ..sent.into()
        }),
        Answer::Discarded(error) => Err(error),
    }
}

/// Sends an initial message (TS 24.501 4.4.6): protected with the current context, plain without one. `message` holds
/// cleartext elements and, with a context, the NAS message container, whose value lies at `container_offset` and
/// will be ciphered; `container_len` 0: none. `out` is apart from `message`.
///
/// Errors: BEARER, ARGUMENT (elements in the open that must not be), OUT_OF_RANGE, those of the message's decoder,
/// BUFFER_TOO_SMALL, OVERLAP, COUNT_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_ue_initial(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    message: *const u8,
    len: usize,
    container_offset: usize,
    container_len: usize,
    out: *mut u8,
    capacity: usize,
    sent: *mut naslane_sent,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, result) = unsafe { (of(engine)?, Out::new(sent)?) };
        let result = result.apart(out, capacity)?.apart(message, len)?;
        apart((message, len), (out, capacity))?;
        // SAFETY: as above; the two have nothing in common.
        let (message, out) = unsafe { (octets(message, len)?, room(out, capacity)?) };
        let message = InitialMessageToSend {
            access: access_of(access)?,
            message,
            container: container(container_offset, container_len, message.len())?,
        };
        let handle = Handle::from_bits(session)?;
        let engine = engine.shard(handle)?;
        // The capability is looked at in answers only.
        let env = engine.ue_env(UeSecurityCapability::ASSUMED_FROM_EPS);
        let written = engine.ue_initial(handle, &message, &env, out)?;
        result.put(&written.into());
        Ok(())
    })
}

fn container(offset: usize, len: usize, limit: usize) -> Result<Option<Range<usize>>> {
    if len == 0 {
        return Ok(None);
    }
    let end = offset
        .checked_add(len)
        .filter(|&end| end <= limit)
        .ok_or(Error::OutOfRange)?;
    Ok(Some(offset..end))
}
