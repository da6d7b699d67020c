//! A queue and its workers allocate nothing once they run: a counting allocator watches every thread. One test, so
//! that no other one allocates meanwhile.
#![cfg(target_os = "linux")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use common::*;
use naslane::engine::job::{Job, op};
use naslane::engine::worker::{Cores, SignsConfig, TapOutlet, Wait};
use naslane::engine::{Config, Queue, QueueConfig, Workers, WorkersConfig};
use naslane::procedure::smc::Policy;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SESSIONS: usize = 100;

/// Each session's message once through the workers.
fn run(queue: &mut Queue, jobs: &[Job]) -> usize {
    let (mut taken, mut done, mut good) = (0, 0, 0);
    let mut back = [Job::default(); SESSIONS];
    while done < jobs.len() {
        taken += queue.submit(&jobs[taken..]);
        let count = queue.reap(&mut back);
        good += back[..count].iter().filter(|job| job.status == 0).count();
        done += count;
        if count == 0 {
            assert_eq!(queue.wait(None), Ok(true));
        }
    }
    good
}

#[test]
fn queues_and_workers_do_not_allocate() {
    let mut engine = Config::for_sessions(1024);
    engine.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
    let workers = Workers::start(&WorkersConfig {
        engine,
        workers: 2,
        wait: Wait::Adaptive,
        cores: Cores::Unpinned,
        signs: Some(SignsConfig::default()),
        // Nobody is tapped.
        tap: Some(TapOutlet::new().0),
        ..WorkersConfig::default()
    })
    .unwrap();
    let pairs: Vec<_> = (0..SESSIONS)
        .map(|i| Pair::secured(workers.engine(i % 2).unwrap(), i as u64))
        .collect();
    let mut queue = workers.open_queue(&QueueConfig::default()).unwrap();
    let message = |i: usize, op, handle: naslane::session::Handle, len| Job {
        op,
        access: 1,
        session: handle.bits(),
        in_offset: (i * 64) as u32,
        in_len: len,
        out_offset: (i * 64) as u32,
        out_capacity: 64,
        ..Job::default()
    };
    let mut jobs = [Job::default(); SESSIONS];
    let mut round = || {
        for (i, (job, pair)) in jobs.iter_mut().zip(&pairs).enumerate() {
            queue.write((i * 64) as u32, UPLINK).unwrap();
            *job = message(i, op::PROTECT, pair.ue, UPLINK.len() as u32);
        }
        assert_eq!(run(&mut queue, &jobs), SESSIONS);
        for (i, (job, pair)) in jobs.iter_mut().zip(&pairs).enumerate() {
            *job = message(i, op::VERIFY, pair.amf, UPLINK.len() as u32 + 7);
        }
        assert_eq!(run(&mut queue, &jobs), SESSIONS);
        // Nobody of these is there.
        for job in &mut jobs {
            job.session = u64::MAX;
        }
        assert_eq!(run(&mut queue, &jobs), 0);
    };
    round();
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    for _ in 0..20 {
        round();
    }
    assert_eq!(ALLOCATIONS.load(Ordering::SeqCst), before);
}
