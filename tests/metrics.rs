//! Counters under many threads: nothing is lost, a reader sees them only rise, one writer at a time.

mod common;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use naslane::base::Error;
use naslane::base::metrics::{Algorithms, Metrics, Operation, Quarantine, Snapshot, Verdict};
use naslane::engine::job::{Job, SmcJob, op};

use common::{GPP, Pair, UPLINK, engine};

const TURNS: u64 = 50_000;

/// A worker that counts: per turn one batch of three.
fn work(metrics: &Metrics, index: usize) {
    let mut recorder = metrics
        .worker(index)
        .and_then(|worker| worker.recorder())
        .expect("the only writer");
    for turn in 0..TURNS {
        recorder.turn();
        recorder.message(op::PROTECT, Algorithms::of(2, 2), 0);
        recorder.message(op::VERIFY, Algorithms::of(1, 1), 0);
        recorder.message(op::VERIFY, Algorithms::of(3, 3), Error::Mac.code());
        recorder.batch(3);
        recorder.latency(3, 700 + turn % 100);
        recorder.ring_occupancy(turn % 8);
        if turn % 10 == 0 {
            recorder.sleep();
            recorder.wake();
        }
    }
}

/// Every counter of `later` is at least that of `earlier`.
fn rises(earlier: &Snapshot, later: &Snapshot) {
    for (before, after) in earlier.workers.iter().zip(&later.workers) {
        for (operation, algorithms, verdict, number) in before.messages.iter() {
            assert!(after.messages.get(operation, algorithms, verdict) >= number);
        }
        let buckets = before.latency.buckets.iter().zip(&after.latency.buckets);
        buckets.for_each(|(before, after)| assert!(before <= after));
        assert!(before.turns <= after.turns && before.wakeups <= after.wakeups);
    }
    let pairs = earlier.quarantines.iter().zip(&later.quarantines);
    pairs.for_each(|(before, after)| assert!(before <= after));
}

#[test]
fn nothing_is_lost_and_a_reader_sees_counters_rise() {
    const WORKERS: usize = 4;
    let metrics = Metrics::new(WORKERS);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = metrics.snapshot();
            while !ended.load(Relaxed) {
                let next = metrics.snapshot();
                rises(&last, &next);
                last = next;
            }
        });
        let mut threads = Vec::new();
        for index in 0..WORKERS {
            let metrics = &metrics;
            threads.push(scope.spawn(move || work(metrics, index)));
            // What the workers do not own takes any number of writers.
            threads.push(scope.spawn(move || {
                for _ in 0..TURNS {
                    metrics.shared().quarantine(Quarantine::SubmitTail);
                    metrics.shared().client_in();
                    metrics.shared().client_out();
                }
            }));
        }
        threads.into_iter().for_each(|t| t.join().expect("counts"));
        ended.store(true, Relaxed);
        reader.join().expect("rises");
    });
    let snapshot = metrics.snapshot();
    let all = WORKERS as u64 * TURNS;
    let total = snapshot.total();
    let of = |operation, algorithms, verdict| total.messages.get(operation, algorithms, verdict);
    assert_eq!(
        of(Operation::Protect, Algorithms::of(2, 2), Verdict::Ok),
        all
    );
    assert_eq!(
        of(Operation::Verify, Algorithms::of(1, 1), Verdict::Ok),
        all
    );
    assert_eq!(
        of(Operation::Verify, Algorithms::of(3, 3), Verdict::Mac),
        all
    );
    assert_eq!(total.messages.total(), 3 * all);
    assert_eq!(
        (total.batch.count(), total.batch.sum, total.latency.count()),
        (all, 3 * all, 3 * all)
    );
    assert_eq!(total.batch.quantile(0.5), Some(3));
    assert_eq!(
        (total.turns, total.sleeps, total.wakeups, total.asleep),
        (all, all / 10, all / 10, 0)
    );
    assert_eq!(snapshot.quarantines[Quarantine::SubmitTail.index()], all);
    assert_eq!(snapshot.clients, 0);
}

#[test]
fn one_writer_at_a_time_and_the_next_one_counts_on() {
    let metrics = Metrics::new(1);
    assert!(metrics.worker(1).is_none());
    let worker = metrics.worker(0).expect("there is one");
    let mut first = worker.recorder().expect("free");
    assert!(worker.recorder().is_none());
    first.turn();
    drop(first);
    worker.recorder().expect("free again").turn();
    assert_eq!(metrics.snapshot().workers[0].turns, 2);
}

#[test]
fn a_difference_of_two_snapshots_holds_what_came_between() {
    let metrics = Metrics::new(2);
    let mut recorder = metrics.worker(1).and_then(|w| w.recorder()).expect("free");
    recorder.message(op::PROTECT, Algorithms::of(2, 2), 0);
    let before = metrics.snapshot();
    recorder.message(op::PROTECT, Algorithms::of(2, 2), 0);
    recorder.message(op::VERIFY, Algorithms::NONE, Error::Handle.code());
    recorder.batch(2);
    recorder.latency(2, 1000);
    recorder.ring_occupancy(5);
    metrics.shared().quarantine(Quarantine::Quota);
    metrics.shared().sessions(7, 100);
    metrics.shared().locked_bytes(4096);
    let after = metrics.snapshot();
    let between = after.since(&before);
    assert_eq!(between.workers[1].messages.total(), 2);
    assert_eq!(between.workers[1].ring_occupancy, 5);
    assert_eq!(between.quarantines[Quarantine::Quota.index()], 1);
    assert_eq!((between.sessions, between.session_limit), (7, 100));
    assert_eq!(between.locked_bytes, 4096);
    // An engine that started anew has lower counters: all of them are new.
    assert_eq!(before.since(&after).workers[1].messages.total(), 1);
    let mut merged = before.clone();
    merged.merge(&between);
    assert_eq!(merged.workers.len(), 4);
    assert_eq!(merged.total().messages, after.total().messages);
}

#[test]
fn operations_have_the_numbers_of_jobs() {
    for (number, operation) in [
        (0, Operation::Other),
        (op::PROTECT, Operation::Protect),
        (op::VERIFY, Operation::Verify),
        (op::VERIFY_ONLY, Operation::VerifyOnly),
        (op::SMC_COMMAND, Operation::SmcCommand),
        (op::SMC_RESEND, Operation::SmcResend),
        (op::CONTAINER, Operation::Container),
        (255, Operation::Other),
    ] {
        assert_eq!(Operation::of(number), operation);
    }
}

/// A job whose input and output are the 256 octets at `place`.
fn job(op: u8, session: u64, (place, len): (usize, usize)) -> Job {
    Job {
        op,
        access: 1,
        session,
        in_offset: place as u32,
        in_len: len as u32,
        out_offset: place as u32,
        out_capacity: 256,
        ..Job::default()
    }
}

#[test]
fn a_batch_tells_every_job_with_the_algorithms_of_its_context() {
    let engine = engine(1, 3);
    let (pair, fresh) = (Pair::secured(&engine, 1), Pair::authenticated(&engine, 2));
    let mut arena = vec![0; 2048];
    let mut pdu = [0; 64];
    let sent = engine
        .protect(pair.ue, GPP, UPLINK, &mut pdu)
        .expect("protects");
    arena[..sent.len].copy_from_slice(&pdu[..sent.len]);
    arena[256..][..sent.len].copy_from_slice(&pdu[..sent.len]);
    arena[256 + sent.len - 1] ^= 1;
    arena[512..][..UPLINK.len()].copy_from_slice(UPLINK);
    arena[768..][..128].copy_from_slice(&SmcJob::default().write());
    let mut jobs = [
        job(op::VERIFY, pair.amf.bits(), (0, sent.len)),
        job(op::VERIFY, pair.amf.bits(), (256, sent.len)),
        job(op::PROTECT, fresh.amf.bits(), (512, UPLINK.len())),
        Job {
            out_offset: 1024,
            ..job(op::SMC_COMMAND, fresh.amf.bits(), (768, 128))
        },
        job(77, pair.amf.bits(), (0, 0)),
        job(op::VERIFY, 0, (1280, 8)),
    ];
    let mut told = Vec::new();
    let ok = engine.batch_counted(&mut jobs, &mut arena, &mut |job, algorithms| {
        told.push((Operation::of(job.op), algorithms, Verdict::of(job.status)));
    });
    let used = Algorithms::of(1, 3);
    assert_eq!(
        told,
        [
            (Operation::Verify, used, Verdict::Ok),
            (Operation::Verify, used, Verdict::Mac),
            (Operation::Protect, Algorithms::NONE, Verdict::NoContext),
            (Operation::SmcCommand, used, Verdict::Ok),
            (Operation::Other, Algorithms::NONE, Verdict::Argument),
            (Operation::Verify, Algorithms::NONE, Verdict::Argument),
        ]
    );
    assert_eq!(ok, 2);
}
