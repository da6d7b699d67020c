//! ## Level 3: queues
//!
//! Jobs without waiting, on Linux: submit, do something else, reap. A queue belongs to one thread at a time; open one
//! for each. It is the same wherever the engine runs: with naslane_engine_new() the jobs run on this thread, when
//! completions are asked for.
//!
//! An event loop:
//!
//!     naslane_queue_open(engine, 256, 1 << 20, &queue);
//!     naslane_queue_arena(queue, &arena, &arena_len);
//!     naslane_queue_eventfd(queue, &fd);              ... once, to epoll ...
//!     for (;;) {
//!         naslane_queue_submit(queue, jobs, count, &taken);
//!         naslane_queue_reap(queue, done, 64, &reaped);
//!         ... what the `reaped` jobs say; new jobs ...
//!         naslane_queue_arm(queue, &ready);
//!         if (!ready)
//!             epoll_wait(...);
//!     }
//!
//! Inputs are written to the arena before their job is submitted; until it is reaped nobody touches the octets of a
//! job. Outputs are read from there. Other than in naslane_batch() the octets of different jobs are not compared with
//! each other.
//!
//! Every job that was taken comes back once, whatever becomes of workers and sidecar: with STOPPED when it did not run,
//! with DISCONNECTED when that is not known. Jobs of one session come back in their order.
//!
//! Errors of every function: NULL, and BUSY (another thread is in a call on this queue: nothing happened).

use std::os::fd::AsRawFd;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use engine::base::{Error, Result};
use engine::door::Queue;
use engine::engine::{Job, QueueConfig};

use crate::batch::naslane_job;
use crate::engine::{naslane_engine, of};
use crate::guard;
use crate::pointer::{Out, elements, slots};

/// Jobs on their way. Opaque.
pub struct naslane_queue {
    queue: Mutex<Queue>,
    arena: *mut u8,
    arena_len: usize,
    eventfd: i32,
}

/// For [`naslane_queue_wait`]: without a limit.
pub const NASLANE_FOREVER: u64 = u64::MAX;

/// The queue behind a pointer.
unsafe fn queue_of<'a>(queue: *const naslane_queue) -> Result<&'a naslane_queue> {
    // SAFETY: the contract in `pointer`; what is not NULL came from `naslane_queue_open` and was not closed.
    unsafe { queue.as_ref() }.ok_or(Error::Null)
}

impl naslane_queue {
    fn lock(&self) -> Result<MutexGuard<'_, Queue>> {
        self.queue.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::Busy,
            TryLockError::Poisoned(_) => Error::Poisoned,
        })
    }
}

/// Opens a queue with room for `entries` jobs (a power of two from 8 to 4096) for each worker, and an arena of
/// `arena_len` octets. A sidecar may grant less of both. [`naslane_queue_close`] ends it.
///
/// Errors: ARGUMENT (sizes), SYSTEM, STOPPED, QUOTA, DISCONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_open(
    engine: *const naslane_engine,
    entries: u32,
    arena_len: usize,
    queue: *mut *mut naslane_queue,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (engine, out) = unsafe { (of(engine)?, Out::new(queue)?) };
        let config = QueueConfig {
            entries,
            arena: arena_len,
        };
        let queue = engine.open_queue(&config)?;
        let opened = naslane_queue {
            arena: queue.arena_ptr(),
            arena_len: queue.arena_len(),
            eventfd: queue.eventfd().as_raw_fd(),
            queue: Mutex::new(queue),
        };
        out.put(&Box::into_raw(Box::new(opened)));
        Ok(())
    })
}

/// Closes a queue; its arena and eventfd are gone. Jobs that were submitted run or do not; nobody hears of them. No
/// other call may run on it, and none may follow.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_close(queue: *mut naslane_queue) -> i32 {
    guard::call(|| {
        if queue.is_null() {
            return Err(Error::Null);
        }
        // SAFETY: the contract in `pointer`: it came from `naslane_queue_open` and nobody uses it.
        drop(unsafe { Box::from_raw(queue) });
        Ok(())
    })
}

/// Where the arena lies and how long it is, until the queue is closed. Through a sidecar it is memory that both share.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_arena(
    queue: *const naslane_queue,
    arena: *mut *mut u8,
    len: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (queue, start, octets) =
            unsafe { (queue_of(queue)?, Out::new(arena)?, Out::new(len)?) };
        let start = start.apart(len, 1)?;
        start.put(&queue.arena);
        octets.put(&queue.arena_len);
        Ok(())
    })
}

/// Hands jobs over, up to the first that has no room, and says how many. They are copied: `jobs` is the caller's again.
///
/// Errors: STOPPED, DISCONNECTED (no job was taken, nor will be), OVERLAP, TOO_LONG, ARGUMENT (jobs are not aligned to 8
/// octets).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_submit(
    queue: *const naslane_queue,
    jobs: *const naslane_job,
    count: usize,
    taken: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (queue, out) = unsafe { (queue_of(queue)?, Out::new(taken)?) };
        let out = out
            .apart(jobs, count)?
            .apart(queue.arena, queue.arena_len)?;
        crate::pointer::apart((jobs, count), (queue.arena, queue.arena_len))?;
        // SAFETY: as above; `Job` has the same fields in the same places, and every octet is valid in all of them.
        let jobs = unsafe { slots(jobs.cast::<Job>(), count) }?;
        out.put(&queue.lock()?.submit(jobs)?);
        Ok(())
    })
}

/// Takes completed jobs, up to `capacity`, and says how many. Never waits. Empties the eventfd.
///
/// Errors: OVERLAP, TOO_LONG, ARGUMENT (jobs are not aligned to 8 octets).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_reap(
    queue: *const naslane_queue,
    jobs: *mut naslane_job,
    capacity: usize,
    count: *mut usize,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (queue, out) = unsafe { (queue_of(queue)?, Out::new(count)?) };
        let out = out
            .apart(jobs, capacity)?
            .apart(queue.arena, queue.arena_len)?;
        crate::pointer::apart((jobs, capacity), (queue.arena, queue.arena_len))?;
        // SAFETY: as above; `Job` has the same fields in the same places, and every octet is valid in all of them.
        let jobs = unsafe { elements(jobs.cast::<Job>(), capacity) }?;
        out.put(&queue.lock()?.reap(jobs));
        Ok(())
    })
}

/// Waits until there is something to reap: `ready` is 1; for at most `timeout_us` microseconds (NASLANE_FOREVER: as long
/// as it takes): `ready` is 0. 0 at once when nothing is under way. Empties the eventfd.
///
/// Errors: SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_wait(
    queue: *const naslane_queue,
    timeout_us: u64,
    ready: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (queue, out) = unsafe { (queue_of(queue)?, Out::new(ready)?) };
        let timeout = (timeout_us != NASLANE_FOREVER).then(|| Duration::from_micros(timeout_us));
        out.put(&u8::from(queue.lock()?.wait(timeout)?));
        Ok(())
    })
}

/// The queue's eventfd, for poll and epoll: readable when a job was completed after [`naslane_queue_arm`], until the next
/// reap or wait. It is the queue's: do not read or close it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_eventfd(queue: *const naslane_queue, fd: *mut i32) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (queue, out) = unsafe { (queue_of(queue)?, Out::new(fd)?) };
        out.put(&queue.eventfd);
        Ok(())
    })
}

/// Before sleeping at the eventfd. `ready` 0: the next completion will make it readable. 1: there is something to reap
/// already, do not sleep. A queue that is not armed makes no system call for completions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_queue_arm(queue: *const naslane_queue, ready: *mut u8) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (queue, out) = unsafe { (queue_of(queue)?, Out::new(ready)?) };
        out.put(&u8::from(!queue.lock()?.arm()));
        Ok(())
    })
}
