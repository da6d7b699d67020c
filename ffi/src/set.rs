//! Sessions that move between the sidecars of a set.

use engine::base::Error;
use engine::session::Handle;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, octets};

/// Gives a session the name, of 1 to 64 octets, under which another sidecar of the set can take it over. To be
/// called before naslane_authenticated(). Names are those of this client's user and name.
///
/// Errors: UNSUPPORTED (no sidecar, or one without a store), ARGUMENT (length; a client without a name),
/// OUT_OF_ORDER (it has keys), CONFLICT (it has another name, or another session has this one), HANDLE, FENCED,
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_session_name(
    engine: *const naslane_engine,
    session: u64,
    name: *const u8,
    len: usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, name) = unsafe { (of(engine)?, octets(name, len)?) };
        engine.name_session(Handle::from_bits(session)?, name)
    })
}

/// Takes over the session of this name, which another sidecar of the set had; one that is here is found. `tag` is
/// the caller's own number for it. Does not wait: while the answer is BUSY, call again in some milliseconds.
///
/// Errors: BUSY (the store was asked), FENCED (its owner is present), NO_CONTEXT (the store does not know it),
/// REKEY_REQUIRED (nobody can vouch for its COUNTs: establish a new session and authenticate), LEASE_EXHAUSTED (the
/// store does not answer), RECORD, KEY_REUSED, QUOTA, TABLE_FULL, UNSUPPORTED, ARGUMENT, NULL, OVERLAP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_session_take(
    engine: *const naslane_engine,
    name: *const u8,
    len: usize,
    tag: u64,
    session: *mut u64,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(session)?) };
        let out = out.apart(name, len)?;
        // SAFETY: as above.
        let name = unsafe { octets(name, len) }?;
        let handle = engine.take_session(name, tag)?;
        out.put(&handle.bits());
        Ok::<(), Error>(())
    })
}

/// Gives a session back to the store with its exact COUNTs: another sidecar can take it at once. It is released
/// when this is OK. Does not wait: while the answer is BUSY, call again in some milliseconds; the session sends
/// and accepts nothing until then, and answers CONFLICT.
///
/// Errors: BUSY, CONFLICT (a procedure changes its keys), NO_CONTEXT (it has no keys), ARGUMENT (it has no name),
/// FENCED, HANDLE, UNSUPPORTED, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_session_give(engine: *const naslane_engine, session: u64) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.give_session(Handle::from_bits(session)?)
    })
}
