//! ## Level 1: keys for the access network
//!
//! Errors of every function with a session: as for sessions.

use engine::kdf::Nh;
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
        let (prepared, chain) = engine.prepare_nh(Handle::from_bits(session)?)?;
        nh_out.put(prepared.expose());
        ncc_out.put(&chain);
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
        engine.commit_nh(Handle::from_bits(session)?, (&Nh::new(*nh), ncc))
    })
}
