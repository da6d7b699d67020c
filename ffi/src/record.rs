//! ## Level 1: sessions that travel
//!
//! A record is a session as octets: for the context transfer to another AMF (TS 33.501 6.9.3) and for storage. It
//! holds K_AMF and is not encrypted: seal it, and wipe every copy. No K_AMF leaves a sidecar: through one, all of
//! this is UNSUPPORTED.

use engine::base::Error;
use engine::session::record::{self, Extent};
use engine::session::{Handle, Record};

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, octets, room};

/// Octets of the longest record.
pub const NASLANE_RECORD_MAX: usize = 1240;

/// Extent: what another AMF needs, contexts with their COUNTs and the NH chain.
pub const NASLANE_RECORD_CONTEXTS: u8 = 0;
/// Extent: also the state of the NAS connections, for the same AMF after a restart.
pub const NASLANE_RECORD_CONNECTIONS: u8 = 1;

const _: () = assert!(
    NASLANE_RECORD_MAX == record::MAX_LEN
        && NASLANE_RECORD_CONTEXTS == Extent::Contexts as u8
        && NASLANE_RECORD_CONNECTIONS == Extent::Connections as u8
);

/// Writes a session down. From then on the record counts: the session sends and accepts nothing (CONFLICT) until it
/// is released or [`naslane_export_cancel`] takes it back. `capacity` is at least NASLANE_RECORD_MAX.
///
/// Errors: CONFLICT (a key-changing procedure runs, or it was exported before), NO_CONTEXT (nothing to write),
/// BUFFER_TOO_SMALL, OVERLAP, ARGUMENT (extent), HANDLE, POISONED, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_export(
    engine: *const naslane_engine,
    session: u64,
    extent: u8,
    out: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, len_out) = unsafe { (of(engine)?, Out::new(len)?) };
        let len_out = len_out.apart(out, capacity)?;
        let extent = match extent {
            NASLANE_RECORD_CONTEXTS => Extent::Contexts,
            NASLANE_RECORD_CONNECTIONS => Extent::Connections,
            _ => return Err(Error::Argument),
        };
        // SAFETY: the contract in `pointer`.
        let out = unsafe { room(out, capacity) }?;
        let out = out
            .get_mut(..NASLANE_RECORD_MAX)
            .ok_or(Error::BufferTooSmall)?;
        let mut record = Record::new();
        engine.export(Handle::from_bits(session)?, extent, &mut record)?;
        let octets = record.as_bytes();
        out.get_mut(..octets.len())
            .ok_or(Error::BufferTooSmall)?
            .copy_from_slice(octets);
        len_out.put(&octets.len());
        Ok(())
    })
}

/// The transfer failed and nobody took the record up: the session sends again. Cancelling although the record was
/// taken up uses COUNTs twice.
///
/// Errors: UNEXPECTED (nothing was exported), HANDLE, POISONED, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_export_cancel(engine: *const naslane_engine, session: u64) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let engine = unsafe { of(engine) }?;
        engine.export_cancel(Handle::from_bits(session)?)
    })
}

/// Takes up a session from its record, under a new handle.
///
/// Errors: RECORD (cut short, damaged, another version), KEY_REUSED (a session here holds the key, or held it at a
/// higher COUNT), TABLE_FULL, SIDE_FULL, OVERLAP, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_import(
    engine: *const naslane_engine,
    record: *const u8,
    len: usize,
    session: *mut u64,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, given, out) =
            unsafe { (of(engine)?, octets(record, len)?, Out::new(session)?) };
        let out = out.apart(record, len)?;
        out.put(&engine.import(given)?.bits());
        Ok(())
    })
}
