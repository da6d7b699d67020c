//! After start, protect, verify and batches allocate nothing: a counting allocator watches.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use naslane::base::metrics::{Algorithms, Metrics, Operation, Verdict};
use naslane::engine::job::{Job, SmcJob, op};
use naslane::security::Role;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system allocator unchanged; counting touches a thread-local without allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
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

fn allocations(what: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    what();
    ALLOCATIONS.with(Cell::get) - before
}

const SESSIONS: usize = 130;

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8]))), 1);
}

#[test]
fn protect_verify_and_batches_do_not_allocate() {
    for (nea, nia) in [(0, 2), (1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pairs: Vec<_> = (0..SESSIONS)
            .map(|i| Pair::secured(&engine, i as u64))
            .collect();
        let (mut pdu, mut out, mut jobs) = ([0; 64], [0; 64], [Job::default(); SESSIONS]);
        let mut arena = vec![0; SESSIONS * 64];
        let metrics = Metrics::new(1);
        let mut recorder = metrics.worker(0).and_then(|w| w.recorder()).unwrap();
        let round = || {
            for pair in &pairs {
                let sent = engine.protect(pair.ue, GPP, UPLINK, &mut pdu).unwrap();
                let received = engine.verify(pair.amf, GPP, &pdu[..sent.len], &mut out);
                assert_eq!(received.plain_len(), Ok(UPLINK.len()));
                assert!(
                    engine
                        .verify(pair.amf, GPP, &pdu[..sent.len], &mut out)
                        .plain_len()
                        .is_err()
                );
            }
            for (i, (job, pair)) in jobs.iter_mut().zip(&pairs).enumerate() {
                arena[i * 64..][..UPLINK.len()].copy_from_slice(UPLINK);
                *job = message(i, (op::PROTECT, pair.ue.bits()), UPLINK.len());
            }
            assert_eq!(engine.batch(&mut jobs, &mut arena), SESSIONS);
            for (i, (job, pair)) in jobs.iter_mut().zip(&pairs).enumerate() {
                *job = message(i, (op::VERIFY, pair.amf.bits()), UPLINK.len() + 7);
            }
            let mut counted = |job: &Job, algorithms| {
                recorder.message(job.op, algorithms, job.status);
            };
            let done = engine.batch_counted(&mut jobs, &mut arena, &mut counted);
            assert_eq!(done, SESSIONS);
            recorder.batch(SESSIONS as u64);
            recorder.latency(SESSIONS as u64, 12_345);
        };
        assert_eq!(allocations(round), 0, "NEA{nea} NIA{nia}");
        let messages = metrics.snapshot().total().messages;
        let verified = messages.get(Operation::Verify, Algorithms::of(nea, nia), Verdict::Ok);
        assert_eq!(verified, SESSIONS as u64);
    }
}

fn message(i: usize, (op, session): (u8, u64), len: usize) -> Job {
    Job {
        op,
        access: 1,
        session,
        in_offset: (i * 64) as u32,
        in_len: len as u32,
        out_offset: (i * 64) as u32,
        out_capacity: 64,
        ..Job::default()
    }
}

/// The second use of a side room is free of allocation too: the room comes from the pool.
#[test]
fn sessions_and_procedures_come_and_go_without_allocation() {
    let engine = engine(2, 2);
    Pair::secured(&engine, 1);
    let request = SmcJob::default().write();
    let mut arena = [0; 512];
    let round = || {
        let amf = engine.establish(Role::Amf).unwrap();
        engine.authenticated(amf, identity(2, 0)).unwrap();
        arena[..128].copy_from_slice(&request);
        let mut jobs = [Job {
            in_len: 128,
            out_offset: 128,
            out_capacity: 256,
            ..message(0, (op::SMC_COMMAND, amf.bits()), 0)
        }];
        assert_eq!(engine.batch(&mut jobs, &mut arena), 1, "{jobs:?}");
        engine.release(amf).unwrap();
    };
    assert_eq!(allocations(round), 0);
}
