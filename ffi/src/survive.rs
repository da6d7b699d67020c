//! ## Level 3: sessions that outlive a crash
//!
//! With a directory, preferably in memory (/run, /dev/shm), sessions outlive a crash of their process: every COUNT
//! is there before the message that uses it is computed, and keys are there sealed (AES-256-GCM-SIV). The process
//! that comes after opens the same directory with the same numbers of sessions, remembered keys and workers, asks
//! for the handles, and goes on. A session whose COUNTs cannot be vouched for is REKEY_REQUIRED: release it and
//! authenticate again. A directory belongs to one engine at a time, and covers a crash of the process, not the loss
//! of the machine.

use std::ffi::c_char;

use engine::base::{Error, Result};
use engine::door::Door;
use engine::session::Folder;
use engine::store::KeyRing;

use crate::door::{naslane_workers, workers_of};
use crate::engine::{config_of, naslane_config, naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, elements, text};

/// Octets of the longest path of a directory, and of the longest place of keys, without the NUL.
pub const NASLANE_FOLDER_MAX: usize = 1023;

/// The directory and its keys, both apart from `out`.
unsafe fn folder<T: Copy>(
    dir: *const c_char,
    kek: *const c_char,
    out: Out<T>,
) -> Result<(Folder, Out<T>)> {
    // SAFETY: the contract in `pointer`.
    let (path, source) = unsafe {
        (
            text(dir, NASLANE_FOLDER_MAX)?,
            text(kek, NASLANE_FOLDER_MAX)?,
        )
    };
    let out = out
        .apart(dir, path.len() + 1)?
        .apart(kek, source.len() + 1)?;
    if path.is_empty() {
        return Err(Error::Argument);
    }
    Ok((Folder::new(path, KeyRing::from_source(source)?), out))
}

/// As [`naslane_engine_new`], with the directory `dir`, which is made when it is not there. `kek` says where its
/// key-encryption keys are: "file:PATH", "credential:NAME" (of systemd) or "env:NAME"; one key a line, its identity as 8
/// and the key as 64 hexadecimal digits. The first one seals, all of them open.
///
/// Errors: as there; BUSY (another engine has the directory), RECORD (it was made for other numbers, by another version,
/// or sealed under another key), SYSTEM (a file cannot be read or written).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_engine_open(
    config: *const naslane_config,
    dir: *const c_char,
    kek: *const c_char,
    engine: *mut *mut naslane_engine,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(engine) }?.apart(config, 1)?;
        // SAFETY: as above.
        let (config, (folder, out)) = unsafe { (config_of(config)?, folder(dir, kek, out)?) };
        out.put(&naslane_engine::give(Door::inline_in(&config, &folder)?));
        Ok(())
    })
}

/// As [`naslane_workers_new`], with a directory as in [`naslane_engine_open`].
///
/// Errors: as of both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_workers_open(
    config: *const naslane_config,
    workers: *const naslane_workers,
    dir: *const c_char,
    kek: *const c_char,
    engine: *mut *mut naslane_engine,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(engine) }?
            .apart(config, 1)?
            .apart(workers, 1)?;
        // SAFETY: as above.
        let (workers, out) = unsafe { workers_of(config, workers, out) }?;
        // SAFETY: as above.
        let (folder, out) = unsafe { folder(dir, kek, out) }?;
        out.put(&naslane_engine::give(Door::workers_in(&workers, &folder)?));
        Ok(())
    })
}

/// Writes the handles above `after` to `sessions`, lowest first, as many as there are and fit in `room`; 0 as `after`
/// begins. For the sessions that a process before this one left behind; through a sidecar those of this client.
///
/// Errors: NULL, OVERLAP, ARGUMENT (unaligned), DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_sessions_after(
    engine: *const naslane_engine,
    after: u64,
    sessions: *mut u64,
    room: usize,
    count: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(count)?) };
        let out = out.apart(sessions, room)?;
        // SAFETY: as above.
        let places = unsafe { elements(sessions, room) }?;
        let handles = engine.handles()?.into_iter().map(|handle| handle.bits());
        let mut handles: Vec<u64> = handles.filter(|bits| *bits > after).collect();
        handles.sort_unstable();
        let both = places.iter_mut().zip(&handles);
        both.for_each(|(place, handle)| *place = *handle);
        out.put(&handles.len().min(room));
        Ok(())
    })
}
