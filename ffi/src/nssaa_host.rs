//! ## Level 1: slice authentication that a sidecar drives
//!
//! A sidecar with `[nssaa]` in its settings asks the NSSAAF itself, keeps T3575 and the retry timer, and takes the
//! notifications. Its client gets only what an AMF must do: naslane_nssaa_poll() has the kinds COMMAND, RESULT, UPDATE,
//! DEREGISTRATION, RELEASE_SESSIONS and REACH, never one to ask or to time. naslane_nssaa_answer() and
//! naslane_nssaa_timer() are HOSTED there. What comes by itself, an answer or a notification, makes an eventfd readable:
//!
//!     naslane_nssaa_hosted(engine, &hosted);          ... once: who asks the NSSAAF? ...
//!     naslane_nssaa_eventfd(engine, &fd);             ... once, to epoll ...
//!     naslane_nssaa_ready(engine, sessions, 64, &n);  ... when it is readable: which sessions ...
//!     naslane_nssaa_poll(...)                         ... each of them, until NASLANE_NSSAA_NOTHING
//!
//! Nothing gets lost when nobody looks: what is owed stays in the session until it is polled.

use std::os::fd::AsRawFd;

use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, elements};

/// Whether the sidecar behind this engine itself asks the NSSAAF: `hosted` is 1, else 0. An engine of this process never
/// does.
///
/// Errors: DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_hosted(
    engine: *const naslane_engine,
    hosted: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(hosted)?) };
        out.put(&u8::from(engine.nssaa_hosted()?));
        Ok(())
    })
}

/// An eventfd for poll and epoll: readable when [`naslane_nssaa_ready`] has something to tell, or the sidecar is gone. It
/// is the engine's: do not read or close it.
///
/// Errors: UNSUPPORTED (nobody but the caller asks the NSSAAF), DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_eventfd(engine: *const naslane_engine, fd: *mut i32) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(fd)?) };
        out.put(&engine.nssaa_eventfd()?.as_raw_fd());
        Ok(())
    })
}

/// Sessions that want something done, up to `capacity` and at most 1024, and how many. Poll each; it is not named again
/// until it wants more. Never waits. Empties the eventfd, which is readable again when more sessions are left.
///
/// Errors: UNSUPPORTED, DISCONNECTED, OVERLAP, NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nssaa_ready(
    engine: *const naslane_engine,
    sessions: *mut u64,
    capacity: usize,
    count: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(count)?) };
        let out = out.apart(sessions, capacity)?;
        // SAFETY: as above.
        let sessions = unsafe { elements(sessions, capacity) }?;
        let named = engine.nssaa_ready(capacity)?;
        for (place, handle) in sessions.iter_mut().zip(&named) {
            *place = handle.bits();
        }
        out.put(&named.len());
        Ok(())
    })
}
