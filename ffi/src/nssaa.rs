//! ## Level 1: network slice-specific authentication
//!
//! The AMF's part of TS 23.502 4.2.9 for one UE. Tell what happens, then call naslane_nssaa_poll() until it says that
//! nothing is to be done: messages to the UE come protected, each with a COUNT of its own, questions to the NSSAAF as
//! the EAP message to send (Nnssaaf_NSSAA, TS 29.526). Timers are the caller's.
//!
//!     naslane_nssaa_start()        what the subscription says of slices; again when it changes
//!     naslane_nssaa_register()     a REGISTRATION REQUEST: the elements of the REGISTRATION ACCEPT
//!     naslane_nssaa_access()       REGISTERED once it is complete: runs begin
//!     naslane_nssaa_uplink()       in place of naslane_verify(): takes the UE's answers
//!     naslane_nssaa_answer()       what the NSSAAF answered
//!
//! Errors of every function with a session: as for sessions, ROLE (the other half), OUT_OF_ORDER (before
//! naslane_nssaa_start()). Through a sidecar these functions do the same; its UEs are this client's own, and so are
//! their settings.

use engine::base::{Error, Result};
use engine::engine::nssaa::NSSAA_ROOM;
use engine::nas::nssaa::{RejectionCause, SNssai, Slice};
use engine::procedure::nssaa::{
    NssaaSettings, Registration, SecondAccess, Status, Subscribed, Subscription,
};
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, apart, copied, list, octets, room};
use crate::session::access_of;

/// Octets that naslane_nssaa_poll() and the UE half need for their output.
pub const NASLANE_NSSAA_ROOM: usize = 1517;

/// Flag of a slice: `mapped` is set.
pub const NASLANE_SLICE_MAPPED: u8 = 1;
/// Flag of a subscribed slice: it is subject to network slice-specific authentication.
pub const NASLANE_SLICE_NSSAA: u8 = 2;
/// Flag of a subscribed slice: it is a default one.
pub const NASLANE_SLICE_DEFAULT: u8 = 4;

/// Flag of a registration: the UE supports network slice-specific authentication.
pub const NASLANE_UE_NSSAA: u8 = 1;
/// Flag of a registration: the UE supports the Extended rejected NSSAI.
pub const NASLANE_UE_EXTENDED_REJECTED: u8 = 2;

/// Status of a slice: absent.
pub const NASLANE_NSSAA_ABSENT: u8 = 0;
/// Status of a slice: a run is due or under way.
pub const NASLANE_NSSAA_PENDING: u8 = 1;
/// Status of a slice: authenticated.
pub const NASLANE_NSSAA_EAP_SUCCESS: u8 = 2;
/// Status of a slice: refused.
pub const NASLANE_NSSAA_EAP_FAILURE: u8 = 3;

const _: () = assert!(
    NASLANE_NSSAA_ROOM == NSSAA_ROOM
        && NASLANE_NSSAA_PENDING == Status::Pending as u8
        && NASLANE_NSSAA_EAP_SUCCESS == Status::EapSuccess as u8
        && NASLANE_NSSAA_EAP_FAILURE == Status::EapFailure as u8
);

/// An S-NSSAI.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct naslane_s_nssai {
    /// Slice/service type.
    pub sst: u8,
    /// 1: `sd` is set; else 0.
    pub has_sd: u8,
    /// Slice differentiator; FFFFFF is none.
    pub sd: [u8; 3],
    /// 0.
    pub reserved: [u8; 3],
}

impl naslane_s_nssai {
    pub(crate) fn read(&self) -> Result<SNssai> {
        let [a, b, c] = self.sd;
        match (self.has_sd, self.reserved) {
            (0, [0, 0, 0]) if self.sd == [0; 3] => Ok(SNssai::sst(self.sst)),
            (1, [0, 0, 0]) => Ok(SNssai::new(self.sst, u32::from_be_bytes([0, a, b, c]))),
            _ => Err(Error::Argument),
        }
    }
}

impl From<SNssai> for naslane_s_nssai {
    fn from(s_nssai: SNssai) -> Self {
        Self {
            sst: s_nssai.sst,
            has_sd: u8::from(s_nssai.sd.is_some()),
            sd: s_nssai.sd.unwrap_or_default(),
            reserved: [0; 3],
        }
    }
}

/// An S-NSSAI of the serving PLMN, and the one of the HPLMN that it stands for when the UE roams.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct naslane_slice {
    /// In the serving PLMN.
    pub s_nssai: naslane_s_nssai,
    /// In the HPLMN, with NASLANE_SLICE_MAPPED.
    pub mapped: naslane_s_nssai,
    /// NASLANE_SLICE_... bits.
    pub flags: u8,
    /// 0.
    pub reserved: [u8; 7],
}

impl naslane_slice {
    fn read(&self, known: u8) -> Result<Slice> {
        let is_mapped = self.flags & NASLANE_SLICE_MAPPED != 0;
        let unused = !is_mapped && self.mapped != naslane_s_nssai::default();
        if self.flags & !known != 0 || self.reserved != [0; 7] || unused {
            return Err(Error::Argument);
        }
        let mapped = is_mapped.then(|| self.mapped.read()).transpose()?;
        let s_nssai = self.s_nssai.read()?;
        Ok(Slice { s_nssai, mapped })
    }

    fn subscribed(&self) -> Result<Subscribed> {
        let known = NASLANE_SLICE_MAPPED | NASLANE_SLICE_NSSAA | NASLANE_SLICE_DEFAULT;
        Ok(Subscribed {
            slice: self.read(known)?,
            nssaa: self.flags & NASLANE_SLICE_NSSAA != 0,
            default: self.flags & NASLANE_SLICE_DEFAULT != 0,
        })
    }
}

impl From<Slice> for naslane_slice {
    fn from(slice: Slice) -> Self {
        Self {
            s_nssai: slice.s_nssai.into(),
            mapped: slice.mapped.map(Into::into).unwrap_or_default(),
            flags: u8::from(slice.mapped.is_some()),
            reserved: [0; 7],
        }
    }
}

/// The operator's settings. Fill them with [`naslane_nssaa_settings_init`], then change what differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct naslane_nssaa_settings {
    /// Octets of this structure.
    pub size: usize,
    /// T3575 in seconds; default 15.
    pub t3575_seconds: u32,
    /// Seconds before an AAA server that did not answer is asked again; default 30.
    pub retry_seconds: u32,
    /// Retransmissions of a COMMAND, 0 to 16; default 4.
    pub retransmissions: u8,
    /// How often an AAA server is asked again before the slice waits for the next registration; default 20.
    pub retries: u8,
    /// 1: a success on one access does not count on the other; default 0.
    pub run_after_success: u8,
    /// 1: a failure on one access does not count on the other; default 0.
    pub run_after_failure: u8,
    /// The access for a run when both are connected: 1 (default) or 2.
    pub prefer_access: u8,
    /// 1 (default): ask for a network triggered service request when the UE is CM-IDLE on 3GPP access.
    pub page: u8,
    /// 1 (default): an allowed slice stays allowed while policy or subscription demand a run.
    pub keep_allowed: u8,
    /// 1: CONFIGURATION UPDATE COMMAND asks the UE to register again; default 0.
    pub register_again: u8,
}

fn flag(value: u8) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Argument),
    }
}

impl naslane_nssaa_settings {
    fn start() -> Self {
        let settings = NssaaSettings::default();
        Self {
            size: size_of::<Self>(),
            t3575_seconds: settings.t3575_seconds,
            retry_seconds: settings.retry_seconds,
            retransmissions: settings.retransmissions,
            retries: settings.retries,
            run_after_success: u8::from(settings.after_success == SecondAccess::Run),
            run_after_failure: u8::from(settings.after_failure == SecondAccess::Run),
            prefer_access: settings.prefer as u8,
            page: u8::from(settings.page),
            keep_allowed: u8::from(settings.keep_allowed),
            register_again: u8::from(settings.register_again),
        }
    }

    fn read(&self) -> Result<NssaaSettings> {
        if self.size != size_of::<Self>() {
            return Err(Error::Argument);
        }
        let policy = |run| -> Result<SecondAccess> {
            Ok(if flag(run)? {
                SecondAccess::Run
            } else {
                SecondAccess::Skip
            })
        };
        Ok(NssaaSettings {
            t3575_seconds: self.t3575_seconds,
            retransmissions: self.retransmissions,
            retry_seconds: self.retry_seconds,
            retries: self.retries,
            after_success: policy(self.run_after_success)?,
            after_failure: policy(self.run_after_failure)?,
            prefer: access_of(self.prefer_access)?,
            page: flag(self.page)?,
            keep_allowed: flag(self.keep_allowed)?,
            register_again: flag(self.register_again)?,
            maximum_ues_as: RejectionCause::AREA,
        })
    }
}

/// What a REGISTRATION ACCEPT says of slices.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct naslane_nssaa_admission {
    /// Octets of the elements.
    pub len: usize,
    /// Entries of the Allowed NSSAI.
    pub allowed: u8,
    /// Entries of the Pending NSSAI.
    pub pending: u8,
    /// Entries of the Rejected or Extended rejected NSSAI. With nothing allowed or pending: REGISTRATION REJECT,
    /// cause 62.
    pub rejected: u8,
    /// Set in the 5GS registration result: "NSSAA to be performed", 0x10 or 0.
    pub registration_result: u8,
    /// 0.
    pub reserved: [u8; 4],
}

/// Fills settings with the defaults.
///
/// Errors: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_settings_init(settings: *mut naslane_nssaa_settings) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(settings) }?;
        out.put(&naslane_nssaa_settings::start());
        Ok(())
    })
}

/// Changes the settings for every UE of the engine, from the next call on; through a sidecar for every UE of this
/// client.
///
/// Errors: NULL, ARGUMENT, BEARER; UNSUPPORTED by a sidecar that is too old.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_configure(
    engine: *const naslane_engine,
    settings: *const naslane_nssaa_settings,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given) = unsafe { (of(engine)?, copied(settings)?) };
        engine.nssaa_configure(&given.read()?)
    })
}

/// Tells what the subscription of the UE says of slices: the first time, or after a change. `gpsi` is what the NSSAAF is
/// told, "msisdn-..." or "extid-...", at most 272 octets of UTF-8; with several any of them. `slices`: the Subscribed
/// S-NSSAIs, at most 16.
///
/// Errors: GPSI (a slice needs one), TOO_LONG, ARGUMENT (a field outside its domain, a slice twice), NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_start(
    engine: *const naslane_engine,
    session: u64,
    gpsi: *const u8,
    gpsi_len: usize,
    slices: *const naslane_slice,
    count: usize,
) -> i32 {
    guard::call(|| {
        if count > engine::procedure::nssaa::SUBSCRIBED_MAX {
            return Err(Error::TooLong);
        }
        // SAFETY: the contract in `pointer`.
        let (engine, gpsi, given) =
            unsafe { (of(engine)?, octets(gpsi, gpsi_len)?, list(slices, count)?) };
        let gpsi = std::str::from_utf8(gpsi).map_err(|_| Error::Argument)?;
        let slices: Vec<Subscribed> = given
            .iter()
            .map(naslane_slice::subscribed)
            .collect::<Result<_>>()?;
        let subscription = Subscription {
            gpsis: &[gpsi],
            slices: &slices,
        };
        engine.nssaa_subscribe(Handle::from_bits(session)?, &subscription)
    })
}

/// A REGISTRATION REQUEST is accepted for these slices, at most 8 (the Requested NSSAI, less what the AMF rejects for
/// other reasons): writes the elements of the REGISTRATION ACCEPT, Allowed, Rejected, Pending and Extended rejected
/// NSSAI. `flags`: NASLANE_UE_... bits. 256 octets are enough for the output. When it is too small the registration
/// counts all the same; call again.
///
/// Errors: SLICE (none of the subscription), TOO_LONG, ARGUMENT, BEARER, BUFFER_TOO_SMALL, OVERLAP, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_register(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    flags: u8,
    slices: *const naslane_slice,
    count: usize,
    out: *mut u8,
    capacity: usize,
    admission: *mut naslane_nssaa_admission,
) -> i32 {
    guard::call(|| {
        if count > engine::nas::nssaa::ALLOWED_MAX {
            return Err(Error::TooLong);
        }
        // SAFETY: the contract in `pointer`.
        let (engine, given, result) =
            unsafe { (of(engine)?, list(slices, count)?, Out::new(admission)?) };
        let result = result.apart(out, capacity)?.apart(slices, count)?;
        apart((slices, count), (out, capacity))?;
        if flags & !(NASLANE_UE_NSSAA | NASLANE_UE_EXTENDED_REJECTED) != 0 {
            return Err(Error::Argument);
        }
        let asked: Vec<Slice> = given
            .iter()
            .map(|slice| slice.read(NASLANE_SLICE_MAPPED))
            .collect::<Result<_>>()?;
        // SAFETY: the contract in `pointer`.
        let out = unsafe { room(out, capacity) }?;
        let registration = Registration {
            access: access_of(access)?,
            asked: &asked,
            nssaa_supported: flags & NASLANE_UE_NSSAA != 0,
            extended_rejected: flags & NASLANE_UE_EXTENDED_REJECTED != 0,
        };
        let given = engine.nssaa_register(Handle::from_bits(session)?, &registration)?;
        let lists = given.lists();
        result.put(&naslane_nssaa_admission {
            len: lists.encode(out)?,
            allowed: given.allowed.len() as u8,
            pending: given.pending.len() as u8,
            rejected: given.rejected.len() as u8,
            registration_result: lists.registration_result(0),
            reserved: [0; 4],
        });
        Ok(())
    })
}
