//! ## Level 1: keys for the access network
//!
//! Errors of every function with a session: as for sessions.

use engine::base::secret::ct_eq;
use engine::base::{Error, Result};
use engine::kdf::PreparedNh;
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, array};
use crate::session::access_of;

/// K_gNB for access 1, K_N3IWF and its siblings for access 2, from the uplink COUNT of the latest SECURITY MODE
/// COMPLETE or initial message (TS 33.501 A.9). Over 3GPP access it begins the NH chain anew, at NCC 1.
///
/// Errors: BEARER, NO_CONTEXT (no such message was verified), OVERLAP.
/// cbindgen:ptrs-as-arrays=[[k_gnb; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_k_gnb(
    engine: *const naslane_engine,
    session: u64,
    access: u8,
    k_gnb: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(k_gnb.cast())?) };
        out.put(
            engine
                .k_gnb(Handle::from_bits(session)?, access_of(access)?)?
                .expose(),
        );
        Ok(())
    })
}

/// The next NH and its NCC (0 to 7) for a handover or path switch. Changes nothing: [`naslane_nh_commit`] takes the
/// step once the message that asked for it was accepted.
///
/// Errors: NO_CONTEXT (no chain: derive K_gNB first), OVERLAP.
/// cbindgen:ptrs-as-arrays=[[nh; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nh_prepare(
    engine: *const naslane_engine,
    session: u64,
    nh: *mut u8,
    ncc: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, nh_out, ncc_out) =
            unsafe { (of(engine)?, Out::new(nh.cast())?, Out::new(ncc)?) };
        let nh_out = nh_out.apart(ncc, 1)?;
        let prepared = prepare(engine, session)?;
        nh_out.put(prepared.nh().expose());
        ncc_out.put(&prepared.ncc());
        Ok(())
    })
}

/// Takes the step to `nh` and `ncc`, which [`naslane_nh_prepare`] gave.
///
/// Errors: CONFLICT (the chain has moved since, or these are another UE's), NO_CONTEXT.
/// cbindgen:ptrs-as-arrays=[[nh; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nh_commit(
    engine: *const naslane_engine,
    session: u64,
    nh: *const u8,
    ncc: u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, nh) = unsafe { (of(engine)?, array::<32>(nh)?) };
        let mut session = engine.session(Handle::from_bits(session)?)?;
        let prepared = session.security.prepare_nh()?;
        if prepared.ncc() != ncc || !ct_eq(prepared.nh().expose(), nh) {
            return Err(Error::Conflict);
        }
        session.security.commit_nh(prepared)
    })
}

fn prepare(engine: &engine::Engine, session: u64) -> Result<PreparedNh> {
    engine
        .session(Handle::from_bits(session)?)?
        .security
        .prepare_nh()
}
