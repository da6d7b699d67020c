//! ## Level 1: the security mode procedure
//!
//! The AMF sends naslane_smc_command() and starts T3560. The answer comes through naslane_verify(), whose `event` says
//! how the procedure ended; naslane_smc_resend() when T3560 expires. The timer is the caller's.
//!
//! Errors of every function with a session: as for sessions, and ROLE (a UE half).

use engine::base::{Error, NgKsi, Result};
use engine::engine::job::{smc_flag, target};
use engine::kdf::KAmf;
use engine::nas::UeSecurityCapability;
use engine::nas::smc::{Aun3Key, EpsAlgorithms};
use engine::nas::{Cause, MessageType, Pdu, S1UeSecurityCapability, SecurityHeaderType};
use engine::procedure::smc::{Action, Activation, Event, NewKey, Request};
use engine::security::Algorithms;
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::message::{naslane_received, naslane_sent};
use crate::pointer::{Out, apart, array, copied, octets, room};
use crate::session::access_of;

/// Octets that a SECURITY MODE COMMAND takes at most as a PDU, without an EAP message and an AUN3 key.
pub const NASLANE_SMC_ROOM: usize = 400;

/// `target`: the partial context of the latest authentication; COUNTs start at 0.
pub const NASLANE_TARGET_PARTIAL: u8 = 0;
/// `target`: the current context as it is: for the second access, a fresh uplink COUNT, EPS algorithms.
pub const NASLANE_TARGET_CURRENT: u8 = 1;
/// `target`: the current K_AMF with other algorithms; COUNTs go on.
pub const NASLANE_TARGET_NEW_ALGORITHMS: u8 = 2;
/// `target`: the full native non-current context; its COUNTs go on.
pub const NASLANE_TARGET_NON_CURRENT: u8 = 3;
/// `target`: K_AMF' derived here from the current K_AMF and `ul_count` (HDP).
pub const NASLANE_TARGET_HORIZONTAL: u8 = 4;
/// `target`: K_AMF' in `k_amf` that the source AMF derived (HDP).
pub const NASLANE_TARGET_HORIZONTAL_RECEIVED: u8 = 5;
/// `target`: K_AMF' in `k_amf` that was mapped from EPS.
pub const NASLANE_TARGET_MAPPED: u8 = 6;

/// Flag of a request: ask for the IMEISV.
pub const NASLANE_SMC_IMEISV: u8 = 1;
/// Flag of a request: ask for the whole initial message (RINMR).
pub const NASLANE_SMC_RINMR: u8 = 2;
/// Flag of a request: `eps_algorithms` is set.
pub const NASLANE_SMC_EPS: u8 = 4;

/// An algorithm or ngKSI in a request: chosen by the engine, not checked.
pub const NASLANE_ANY: u8 = 255;

/// Why a command is sent again: T3560 expired. Counts; when the retransmissions are used up the procedure ends.
pub const NASLANE_RESEND_T3560: u8 = 0;
/// Why a command is sent again: a handover kept lower layers from delivering it. Does not count.
pub const NASLANE_RESEND_NON_DELIVERED: u8 = 1;

/// Why a procedure ends without an answer: the AMF gives up.
pub const NASLANE_ABORT: u8 = 0;
/// Why a procedure ends without an answer: lower layers failed.
pub const NASLANE_ABORT_LOWER_LAYER: u8 = 1;
/// Why a procedure ends without an answer: the AMF acts on an initial message that came without valid integrity.
pub const NASLANE_ABORT_COLLISION: u8 = 2;

const _: () = assert!(
    NASLANE_TARGET_PARTIAL == target::PARTIAL
        && NASLANE_TARGET_CURRENT == target::CURRENT
        && NASLANE_TARGET_NEW_ALGORITHMS == target::NEW_ALGORITHMS
        && NASLANE_TARGET_NON_CURRENT == target::NON_CURRENT
        && NASLANE_TARGET_HORIZONTAL == target::HORIZONTAL
        && NASLANE_SMC_IMEISV == smc_flag::IMEISV
        && NASLANE_SMC_RINMR == smc_flag::RINMR
        && NASLANE_SMC_EPS == smc_flag::EPS_ALGORITHMS
);

/// A SECURITY MODE COMMAND to be. Fill it with [`naslane_smc_request_init`], then change what differs. NULL with
/// length 0: without that element.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_smc_request {
    /// Octets of this structure.
    pub size: usize,
    /// 1 = 3GPP (default), 2 = non-3GPP access.
    pub access: u8,
    /// NASLANE_TARGET_...: the context it takes into use; default PARTIAL.
    pub target: u8,
    /// Ciphering algorithm, 0 to 3; NASLANE_ANY (default) in both: by the operator's lists.
    pub nea: u8,
    /// Integrity algorithm.
    pub nia: u8,
    /// The ngKSI that the caller believes to take into use; NASLANE_ANY (default): not checked.
    pub ng_ksi: u8,
    /// Type of the initial message whose procedure is going on (0x41 REGISTRATION REQUEST, ...): the only one that
    /// the NAS message container of the answer may hold. 0 (default): none.
    pub ongoing: u8,
    /// NASLANE_SMC_... bits; default 0.
    pub flags: u8,
    /// Selected EPS NAS security algorithms: bits 7 to 5 ciphering, 3 to 1 integrity.
    pub eps_algorithms: u8,
    /// TARGET_HORIZONTAL: uplink COUNT of the verified REGISTRATION REQUEST.
    pub ul_count: u32,
    /// TARGET_HORIZONTAL_RECEIVED and TARGET_MAPPED: ngKSI of `k_amf`, bit 4 set for a mapped one.
    pub k_amf_ng_ksi: u8,
    /// 0.
    pub reserved: [u8; 3],
    /// TARGET_HORIZONTAL_RECEIVED and TARGET_MAPPED: 32 octets.
    pub k_amf: *const u8,
    /// UE security capability when a verified message brought another one than the context's, 2 to 8 octets.
    pub ue_sec_cap: *const u8,
    /// Its octets.
    pub ue_sec_cap_len: usize,
    /// Replayed S1 UE security capability, 2 to 5 octets.
    pub s1_sec_cap: *const u8,
    /// Its octets.
    pub s1_sec_cap_len: usize,
    /// EAP-Success; with it goes `abba`.
    pub eap_success: *const u8,
    /// Its octets.
    pub eap_success_len: usize,
    /// ABBA.
    pub abba: *const u8,
    /// Its octets.
    pub abba_len: usize,
    /// AUN3 device security key.
    pub aun3_key: *const u8,
    /// Its octets.
    pub aun3_key_len: usize,
}

impl naslane_smc_request {
    const fn start() -> Self {
        Self {
            size: size_of::<Self>(),
            access: 1,
            target: NASLANE_TARGET_PARTIAL,
            nea: NASLANE_ANY,
            nia: NASLANE_ANY,
            ng_ksi: NASLANE_ANY,
            ongoing: 0,
            flags: 0,
            eps_algorithms: 0,
            ul_count: 0,
            k_amf_ng_ksi: 0,
            reserved: [0; 3],
            k_amf: std::ptr::null(),
            ue_sec_cap: std::ptr::null(),
            ue_sec_cap_len: 0,
            s1_sec_cap: std::ptr::null(),
            s1_sec_cap_len: 0,
            eap_success: std::ptr::null(),
            eap_success_len: 0,
            abba: std::ptr::null(),
            abba_len: 0,
            aun3_key: std::ptr::null(),
            aun3_key_len: 0,
        }
    }

    fn check(&self) -> Result<()> {
        let known = NASLANE_SMC_IMEISV | NASLANE_SMC_RINMR | NASLANE_SMC_EPS;
        let sane =
            self.size == size_of::<Self>() && self.reserved == [0; 3] && self.flags & !known == 0;
        if sane { Ok(()) } else { Err(Error::Argument) }
    }

    fn parts(&self) -> [(*const u8, usize); 6] {
        [
            (self.k_amf, if self.k_amf.is_null() { 0 } else { KAmf::LEN }),
            (self.ue_sec_cap, self.ue_sec_cap_len),
            (self.s1_sec_cap, self.s1_sec_cap_len),
            (self.eap_success, self.eap_success_len),
            (self.abba, self.abba_len),
            (self.aun3_key, self.aun3_key_len),
        ]
    }

    unsafe fn ue_sec_cap(&self) -> Result<Option<UeSecurityCapability>> {
        // SAFETY: the contract in `pointer`.
        let value = unsafe { part(self.ue_sec_cap, self.ue_sec_cap_len) }?;
        value.map(UeSecurityCapability::from_value).transpose()
    }

    /// The key that the two last targets need.
    unsafe fn key(&self) -> Result<Option<KAmf>> {
        if !matches!(
            self.target,
            NASLANE_TARGET_HORIZONTAL_RECEIVED | NASLANE_TARGET_MAPPED
        ) {
            return Ok(None);
        }
        // SAFETY: the contract in `pointer`.
        Ok(Some(KAmf::new(*unsafe { array(self.k_amf) }?)))
    }

    fn activation<'a>(
        &self,
        key: Option<&'a KAmf>,
        ue_sec_cap: Option<UeSecurityCapability>,
    ) -> Result<Activation<'a>> {
        let new_key = || -> Result<NewKey<'a>> {
            Ok(NewKey {
                k_amf: key.ok_or(Error::Null)?,
                ng_ksi: NgKsi::from_bits(self.k_amf_ng_ksi).ok_or(Error::NgKsi)?,
                ue_sec_cap,
            })
        };
        match self.target {
            NASLANE_TARGET_PARTIAL => Ok(Activation::Partial),
            NASLANE_TARGET_CURRENT => Ok(Activation::Current),
            NASLANE_TARGET_NEW_ALGORITHMS => Ok(Activation::NewAlgorithms),
            NASLANE_TARGET_NON_CURRENT => Ok(Activation::NonCurrent),
            NASLANE_TARGET_HORIZONTAL => Ok(Activation::Horizontal {
                ul_count: self.ul_count,
            }),
            NASLANE_TARGET_HORIZONTAL_RECEIVED => new_key().map(Activation::HorizontalReceived),
            NASLANE_TARGET_MAPPED => new_key().map(Activation::Mapped),
            _ => Err(Error::Argument),
        }
    }

    unsafe fn read<'a>(&self, key: Option<&'a KAmf>) -> Result<Request<'a>> {
        // SAFETY: the contract in `pointer`.
        let ue_sec_cap = unsafe { self.ue_sec_cap() }?;
        let mut request = Request::new(access_of(self.access)?, self.activation(key, ue_sec_cap)?);
        request.ue_sec_cap = ue_sec_cap;
        request.algorithms = Algorithms::given(self.nea, self.nia)?;
        if self.ng_ksi != NASLANE_ANY {
            request.ng_ksi = Some(NgKsi::from_bits(self.ng_ksi).ok_or(Error::NgKsi)?);
        }
        request.ongoing = (self.ongoing != 0).then_some(MessageType(self.ongoing));
        request.imeisv = self.flags & NASLANE_SMC_IMEISV != 0;
        request.retransmission = self.flags & NASLANE_SMC_RINMR != 0;
        if self.flags & NASLANE_SMC_EPS != 0 {
            let (eea, eia) = (self.eps_algorithms >> 4 & 7, self.eps_algorithms & 7);
            request.eps = Some(EpsAlgorithms { eea, eia });
        }
        // SAFETY: the contract in `pointer`; the caller keeps these octets during the call.
        unsafe {
            request.eap_success = part(self.eap_success, self.eap_success_len)?;
            request.abba = part(self.abba, self.abba_len)?;
            request.aun3_key = part(self.aun3_key, self.aun3_key_len)?.map(Aun3Key);
            request.s1_sec_cap = part(self.s1_sec_cap, self.s1_sec_cap_len)?
                .map(S1UeSecurityCapability::from_value)
                .transpose()?;
        }
        Ok(request)
    }
}

/// An optional input: without octets there is none.
pub(crate) unsafe fn part<'a>(start: *const u8, len: usize) -> Result<Option<&'a [u8]>> {
    // SAFETY: the contract in `pointer`.
    let octets = unsafe { octets(start, len) }?;
    Ok((!octets.is_empty()).then_some(octets))
}

/// Fills a request with the defaults.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_smc_request_init(request: *mut naslane_smc_request) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(request) }?;
        out.put(&naslane_smc_request::start());
        Ok(())
    })
}

/// Sends a SECURITY MODE COMMAND (TS 24.501 5.4.2.2): chooses the algorithms, derives the keys, writes the PDU to
/// `out`. Start T3560. After an error nothing changed, but `out` may have been zeroed.
///
/// Errors: ARGUMENT, BEARER, MALFORMED_IE, BUFFER_TOO_SMALL, TOO_LONG, OVERLAP, CONFLICT (a key-changing procedure
/// runs), OUT_OF_ORDER (no such context), NG_KSI, NO_COMMON_INTEGRITY, NO_COMMON_CIPHERING,
/// ALGORITHM_NOT_SUPPORTED, NULL_INTEGRITY, IE_COMBINATION, HORIZONTAL, KEY_REUSED, COUNT_EXHAUSTED, SIDE_FULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_smc_command(
    engine: *const naslane_engine,
    session: u64,
    request: *const naslane_smc_request,
    out: *mut u8,
    capacity: usize,
    sent: *mut naslane_sent,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given, result) = unsafe { (of(engine)?, copied(request)?, Out::new(sent)?) };
        given.check()?;
        let mut result = result.apart(out, capacity)?.apart(request, 1)?;
        apart((request, 1), (out, capacity))?;
        for (start, len) in given.parts() {
            apart((start, len), (out, capacity))?;
            result = result.apart(start, len)?;
        }
        // SAFETY: the contract in `pointer`.
        let key = unsafe { given.key() }?;
        // SAFETY: as above; inputs and output have nothing in common.
        let (request, out) = unsafe { (given.read(key.as_ref())?, room(out, capacity)?) };
        let written = engine.smc_command(Handle::from_bits(session)?, &request, out)?;
        result.put(&written.into());
        Ok(())
    })
}

/// Sends the unanswered command again, under a fresh COUNT; `why` is NASLANE_RESEND_... . Restart T3560.
///
/// Errors: TIMEOUT (the retransmissions are used up: the procedure has ended, what was used before is in force; this
/// is the one error after which something changed), UNEXPECTED (no command is unanswered), ARGUMENT,
/// BUFFER_TOO_SMALL, COUNT_EXHAUSTED, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_smc_resend(
    engine: *const naslane_engine,
    session: u64,
    why: u8,
    out: *mut u8,
    capacity: usize,
    sent: *mut naslane_sent,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, result) = unsafe { (of(engine)?, Out::new(sent)?) };
        let result = result.apart(out, capacity)?;
        let event = match why {
            NASLANE_RESEND_T3560 => Event::T3560Expired,
            NASLANE_RESEND_NON_DELIVERED => Event::NonDelivered,
            _ => return Err(Error::Argument),
        };
        // SAFETY: as above.
        let out = unsafe { room(out, capacity) }?;
        match engine.smc_event(Handle::from_bits(session)?, event, out)? {
            Action::Resend(written) => result.put(&written.into()),
            Action::Ended(_) => return Err(Error::Timeout),
        }
        Ok(())
    })
}

/// As [`naslane_verify`] for an AMF that knows it holds a SECURITY MODE COMPLETE: anything but security header type 4
/// is HEADER_TYPE and changes nothing.
///
/// Errors: as for [`naslane_verify`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_smc_complete(
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
        let given = unsafe { octets(pdu, len) }?;
        match Pdu::parse(given)? {
            Pdu::Protected(pdu) if pdu.sht() == SecurityHeaderType::CipheredNew => {}
            _ => return Err(Error::HeaderType),
        }
        // SAFETY: as above; `given` is not used any more.
        unsafe {
            crate::message::verify(
                (engine, session, access),
                (pdu, len),
                (out, capacity),
                received,
            )
        }
    })
}

/// The AMF acts on a SECURITY MODE REJECT that came without valid integrity (verdict PLAIN_ALLOWED), as TS 24.501
/// 4.4.4.3 lets it before secure exchange is established: what was used before is in force. A protected one needs no
/// call but naslane_verify(). `cause` is its 5GMM cause.
///
/// Errors: UNEXPECTED (no command is unanswered), PLAIN_REFUSED (secure exchange is established).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_smc_reject(
    engine: *const naslane_engine,
    session: u64,
    cause: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine
            .smc_rejected_unprotected(Handle::from_bits(session)?, Cause(cause))
            .map(drop)
    })
}

/// Ends the procedure without an answer; `why` is NASLANE_ABORT... . What was used before is in force. Stop T3560.
///
/// Errors: UNEXPECTED (no command is unanswered), ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_smc_abort(
    engine: *const naslane_engine,
    session: u64,
    why: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        let event = match why {
            NASLANE_ABORT => Event::Abort,
            NASLANE_ABORT_LOWER_LAYER => Event::LowerLayerFailure,
            // Which message it was matters to the AMF, not to the procedure.
            NASLANE_ABORT_COLLISION => Event::Collision(MessageType::REGISTRATION_REQUEST),
            _ => return Err(Error::Argument),
        };
        engine
            .smc_event(Handle::from_bits(session)?, event, &mut [])
            .map(drop)
    })
}
