//! Workers and queues from outside: every job comes back exactly once, in the order of its session, whatever happens
//! to the worker.
#![cfg(target_os = "linux")]

mod common;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use common::*;
use naslane::base::Error;
use naslane::base::metrics::{Algorithms, Operation, QUARANTINES, Verdict};
use naslane::engine::job::{Job, SmcJob, flag, op};
use naslane::engine::worker::{Cores, Wait, Watch};
use naslane::engine::{Config, Queue, QueueConfig, Workers, WorkersConfig};
use naslane::procedure::smc::Policy;
use naslane::security::Role;
use naslane::session::Handle;

const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

fn config(workers: usize) -> WorkersConfig {
    let mut engine = Config::for_sessions(4096);
    engine.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
    WorkersConfig {
        engine,
        workers,
        wait: Wait::Adaptive,
        spin: Duration::from_micros(5), // sleeps often
        cores: Cores::Unpinned,
        ..WorkersConfig::default()
    }
}

fn start(workers: usize) -> Workers {
    Workers::start(&config(workers)).unwrap()
}

fn open(workers: &Workers, entries: u32) -> Queue {
    workers
        .open_queue(&QueueConfig {
            entries,
            arena: 1 << 16,
        })
        .unwrap()
}

/// Both halves of subscribers, spread over the shards.
fn pairs(workers: &Workers, numbers: std::ops::Range<u64>) -> Vec<Pair> {
    numbers
        .map(|number| {
            let shard = number as usize % workers.len();
            Pair::secured(workers.engine(shard).unwrap(), number)
        })
        .collect()
}

/// A message at place `place` of 128 octets.
fn message(op: u8, handle: Handle, (place, len): (usize, usize)) -> Job {
    Job {
        op,
        access: 1,
        session: handle.bits(),
        in_offset: (place * 128) as u32,
        in_len: len as u32,
        out_offset: (place * 128) as u32,
        out_capacity: 128,
        ..Job::default()
    }
}

/// Sends jobs through a queue, numbered, as fast as it takes them; all of them in the order of completion. Each
/// comes back once.
fn run(queue: &mut Queue, jobs: &[Job]) -> Vec<Job> {
    let mut jobs = jobs.to_vec();
    for (number, job) in jobs.iter_mut().enumerate() {
        job.user_data = number as u64;
    }
    let (mut taken, mut back) = (0, Vec::new());
    let mut seen = vec![false; jobs.len()];
    while back.len() < jobs.len() {
        taken += queue.submit(&jobs[taken..]);
        let mut reaped = [Job::default(); 50];
        let count = queue.reap(&mut reaped);
        for job in &reaped[..count] {
            let seen = &mut seen[job.user_data as usize];
            assert!(!std::mem::replace(seen, true), "{} twice", job.user_data);
        }
        back.extend(&reaped[..count]);
        if count == 0 {
            assert!(
                queue.wait(PATIENCE).unwrap(),
                "{} of {}",
                back.len(),
                jobs.len()
            );
        }
    }
    assert_eq!((queue.outstanding(), queue.is_ready()), (0, false));
    back
}

fn in_order(mut jobs: Vec<Job>) -> Vec<Job> {
    jobs.sort_by_key(|job| job.user_data);
    jobs
}

/// Protects and verifies `UPLINK` for each pair through the queue.
fn talk(queue: &mut Queue, pairs: &[Pair]) {
    for (place, _) in pairs.iter().enumerate() {
        queue.write((place * 128) as u32, UPLINK).unwrap();
    }
    let each = |op, len, of: fn(&Pair) -> Handle| -> Vec<Job> {
        let places = pairs.iter().enumerate();
        places
            .map(|(place, pair)| message(op, of(pair), (place, len)))
            .collect()
    };
    let sent = run(queue, &each(op::PROTECT, UPLINK.len(), |pair| pair.ue));
    assert!(
        sent.iter()
            .all(|job| job.status == 0 && job.out_len == UPLINK.len() as u32 + 7)
    );
    let received = run(queue, &each(op::VERIFY, UPLINK.len() + 7, |pair| pair.amf));
    for job in received {
        assert_eq!((job.status, job.message_type), (0, 0x67));
        assert_eq!(job.flags & flag::SECURED, flag::SECURED);
        let mut plain = vec![0; job.out_len as usize];
        queue.read(job.out_offset, &mut plain).unwrap();
        assert_eq!(plain, UPLINK);
    }
}

fn but(mut job: Job, change: impl FnOnce(&mut Job)) -> Job {
    change(&mut job);
    job
}

/// Good and bad jobs. Places: 0 a downlink message, 1 an uplink PDU, 2 that PDU with a wrong octet, 4 a request for a
/// command, 7 a plain uplink message.
fn all_kinds(amf: Handle, pdu: usize) -> Vec<Job> {
    let protect = message(op::PROTECT, amf, (0, DOWNLINK.len()));
    let verify = message(op::VERIFY, amf, (1, pdu));
    let command = but(message(op::SMC_COMMAND, amf, (4, 128)), |job| {
        (job.out_offset, job.out_capacity) = (5 * 128, 200);
    });
    let initial = but(protect, |job| {
        (job.form, job.part_offset, job.part_len) = (1, 1, 100);
    });
    let container = but(message(op::CONTAINER, amf, (7, 0)), |job| {
        (job.out_len, job.count) = (7, 9);
    });
    vec![
        but(protect, |job| {
            (job.out_offset, job.out_capacity) = (3 * 128 + 3, 20)
        }),
        but(protect, |job| job.op = 0),
        but(protect, |job| job.op = 99),
        but(protect, |job| job.form = 9),
        initial,
        but(protect, |job| job.reserved = 1),
        but(verify, |job| job.reserved2 = 1),
        but(verify, |job| job.access = 0),
        but(protect, |job| job.access = 2),
        but(protect, |job| job.session = 0),
        but(protect, |job| job.session += 1 << 28),
        but(protect, |job| job.in_offset = 1 << 16),
        but(protect, |job| job.in_len = u32::MAX),
        but(protect, |job| job.out_offset = u32::MAX),
        but(protect, |job| job.out_offset = 3),
        but(protect, |job| job.out_capacity = 13),
        but(verify, |job| job.in_len = 3),
        but(verify, |job| job.in_len = 0),
        message(op::VERIFY, amf, (2, pdu)),
        but(verify, |job| {
            (job.op, job.out_offset) = (op::VERIFY_ONLY, 6 * 128)
        }),
        verify,
        container,
        but(container, |job| job.out_len = u32::MAX),
        command,
        but(command, |job| job.in_len = 127),
        but(command, |job| job.out_capacity = 5),
        but(command, |job| job.op = op::SMC_RESEND),
        protect,
    ]
}

#[test]
fn a_queue_answers_as_a_batch_does() {
    let workers = start(1);
    let engine = naslane::Engine::new(&config(1).engine).unwrap();
    let (mut queue, mut arena) = (open(&workers, 64), vec![0; 1 << 16]);
    let (there, here) = (&pairs(&workers, 1..2)[0], Pair::secured(&engine, 1));
    assert_eq!(
        (there.amf, there.ue),
        (here.amf, here.ue),
        "the same handles"
    );
    let uplink = here.uplink(&engine, GPP);
    assert_eq!(uplink, there.uplink(workers.engine(0).unwrap(), GPP));
    let mut wrong = uplink.clone();
    wrong[10] ^= 1;
    let smc = SmcJob::default().write();
    for (place, octets) in [
        (0, DOWNLINK),
        (1, &uplink),
        (2, &wrong),
        (4, &smc),
        (7, UPLINK),
    ] {
        queue.write((place * 128) as u32, octets).unwrap();
        arena[place * 128..][..octets.len()].copy_from_slice(octets);
    }
    let jobs = all_kinds(here.amf, uplink.len());
    let mut expected = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let mut one = [Job {
            user_data: number as u64,
            ..*job
        }];
        engine.batch(&mut one, &mut arena);
        expected.push(one[0]);
    }
    for (number, (job, expected)) in run(&mut queue, &jobs)
        .into_iter()
        .zip(&expected)
        .enumerate()
    {
        assert_eq!(job, *expected, "job {number}");
    }
    assert!(
        expected.iter().filter(|job| job.status == 0).count() >= 4,
        "{expected:?}"
    );
    let mut after = vec![0; 1 << 16];
    queue.read(0, &mut after).unwrap();
    // A place that was written as a whole may have zeros behind the message.
    for (number, job) in expected
        .iter()
        .enumerate()
        .filter(|(_, job)| job.status == 0)
    {
        let place = job.out_offset as usize..(job.out_offset + job.out_len) as usize;
        assert_eq!(after[place.clone()], arena[place], "output of job {number}");
    }
    assert_eq!(
        after[2 * 128..][..wrong.len()],
        wrong,
        "no plaintext without a MAC"
    );
}

#[test]
fn every_shard_works() {
    let workers = start(3);
    let pairs = pairs(&workers, 0..90);
    let mut queue = open(&workers, 16);
    for _ in 0..5 {
        talk(&mut queue, &pairs);
    }
    let stats = workers.stats();
    for (worker, stats) in stats.iter().enumerate() {
        assert_eq!(
            stats
                .messages
                .get(Operation::Protect, Algorithms::of(2, 2), Verdict::Ok),
            150,
            "{worker}"
        );
        assert_eq!(
            (stats.messages.total(), stats.defects, stats.quarantines),
            (300, 0, [0; QUARANTINES])
        );
        assert!(stats.batch.count() >= 300 / 64 && stats.batch.sum == 300);
        assert!(stats.most_occupancy >= 1 && stats.queues == 1);
    }
}

#[test]
fn sessions_go_to_the_shards_in_turn_and_no_key_to_two() {
    let workers = start(3);
    let handles: Vec<_> = (0..6)
        .map(|_| workers.establish(Role::Amf).unwrap())
        .collect();
    let of: Vec<_> = handles.iter().map(|handle| handle.worker()).collect();
    assert_eq!(of, [0, 1, 2, 0, 1, 2]);
    let admit = |handle| {
        let engine = workers.engine_of(handle).unwrap();
        engine.authenticated(handle, identity(7, 0))
    };
    assert_eq!(admit(handles[0]), Ok(()));
    for &handle in &handles[1..] {
        assert_eq!(admit(handle), Err(Error::KeyReused));
    }
    workers
        .engine_of(handles[0])
        .unwrap()
        .release(handles[0])
        .unwrap();
    assert_eq!(
        admit(handles[1]),
        Err(Error::KeyReused),
        "after release too"
    );
}

/// R51: one worker, the smallest ring, more jobs than it holds.
#[test]
fn r51_a_full_ring_says_how_many_it_took() {
    let workers = start(1);
    let pairs = pairs(&workers, 0..1);
    let mut queue = open(&workers, 8);
    queue.write(0, DOWNLINK).unwrap();
    let job = message(op::PROTECT, pairs[0].amf, (0, DOWNLINK.len()));
    let many = vec![
        Job {
            out_offset: 1024,
            ..job
        };
        1000
    ];
    assert_eq!(queue.submit(&many), 8);
    assert_eq!(queue.submit(&many), 0, "until something is reaped");
    let mut back = [Job::default(); 8];
    let mut done = 0;
    while done < 8 {
        assert!(queue.wait(PATIENCE).unwrap());
        done += queue.reap(&mut back[done..]);
    }
    let counts: Vec<_> = run(&mut queue, &many).iter().map(|job| job.count).collect();
    assert_eq!(
        counts,
        (9..1009).collect::<Vec<_>>(),
        "the command had COUNT 0"
    );
}

/// R51: the worker stops while jobs are under way, at whatever moment.
#[test]
fn r51_stopping_while_busy_loses_nothing() {
    for round in 0..30 {
        let workers = start(2);
        let pairs = pairs(&workers, 0..16);
        let mut queue = open(&workers, 64);
        queue.write(0, DOWNLINK).unwrap();
        let (mut taken, mut done, mut stopped) = (0_u64, 0, 0);
        let mut highest = vec![0; pairs.len()];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_micros(round * 100));
                workers.stop();
            });
            let mut back = [Job::default(); 32];
            let mut waiting = HashSet::new();
            loop {
                let jobs: [Job; 20] = std::array::from_fn(|i| {
                    let number = taken + i as u64;
                    let pair = number as usize % pairs.len();
                    Job {
                        user_data: number,
                        out_offset: 1024 + 128 * (number % 400) as u32,
                        ..message(op::PROTECT, pairs[pair].amf, (0, DOWNLINK.len()))
                    }
                });
                let count = queue.submit(&jobs) as u64;
                waiting.extend(taken..taken + count);
                taken += count;
                if count == 0 && queue.outstanding() == 0 {
                    break;
                }
                let count = queue.reap(&mut back);
                for job in &back[..count] {
                    assert!(waiting.remove(&job.user_data), "lost or doubled");
                    match job.status {
                        0 => {
                            let highest = &mut highest[job.user_data as usize % pairs.len()];
                            assert!(job.count > *highest);
                            *highest = job.count;
                        }
                        status => {
                            assert_eq!(status, Error::Stopped.code());
                            stopped += 1;
                        }
                    }
                    done += 1;
                }
                if count == 0 {
                    assert!(queue.wait(PATIENCE).unwrap());
                }
            }
            assert!(waiting.is_empty());
        });
        assert_eq!((done, queue.is_open()), (taken, false));
        let ran: u64 = workers
            .stats()
            .iter()
            .map(|stats| stats.messages.total())
            .sum();
        assert_eq!(ran + stopped, taken, "what did not run changed nothing");
        let counts: u64 = highest.iter().map(|count| u64::from(*count)).sum();
        assert_eq!(counts, ran, "each COUNT once");
        assert!(workers.stats().iter().all(|stats| stats.ended == 1));
        assert_eq!(
            workers.open_queue(&QueueConfig::default()).err(),
            Some(Error::Stopped)
        );
    }
}

#[test]
fn a_queue_outlives_its_workers_and_the_reverse() {
    let workers = start(1);
    let pairs = pairs(&workers, 0..4);
    for _ in 0..20 {
        // Left with jobs under way: they run, their completions go nowhere.
        let mut queue = open(&workers, 8);
        queue.write(0, DOWNLINK).unwrap();
        let job = message(op::PROTECT, pairs[0].amf, (0, DOWNLINK.len()));
        assert_eq!(
            queue.submit(
                &[Job {
                    out_offset: 256,
                    ..job
                }; 8]
            ),
            8
        );
    }
    let mut last = open(&workers, 64);
    talk(&mut last, &pairs);
    let until = Instant::now() + PATIENCE.unwrap();
    while workers.stats()[0].queues != 1 || workers.stats()[0].messages.total() < 160 + 8 {
        assert!(Instant::now() < until, "{:?}", workers.stats());
        std::thread::yield_now();
    }
    drop(workers);
    assert_eq!(last.submit(&[Job::default()]), 0);
    assert_eq!(last.wait(None), Ok(false), "nothing is outstanding");
}

/// What a storm brings in one batch: commands for UEs that came, messages of those that are there.
#[test]
fn commands_and_messages_share_a_batch() {
    let workers = start(1);
    let engine = workers.engine(0).unwrap();
    let there = pairs(&workers, 0..20);
    let new: Vec<_> = (100..120)
        .map(|number| Pair::authenticated(engine, number))
        .collect();
    let mut queue = open(&workers, 64);
    queue.write(0, DOWNLINK).unwrap();
    queue.write(128, &SmcJob::default().write()).unwrap();
    let mut jobs = Vec::new();
    for (index, (there, new)) in there.iter().zip(&new).enumerate() {
        let at = (1024 + index * 1024) as u32;
        let command = but(message(op::SMC_COMMAND, new.amf, (1, 128)), |job| {
            (job.out_offset, job.out_capacity) = (at, 512);
        });
        let protect = |of, place| {
            but(message(op::PROTECT, of, (0, DOWNLINK.len())), |job| {
                (job.out_offset, job.out_capacity) = (at + place, 128);
            })
        };
        // Before its command has an answer a UE gets nothing that is ciphered.
        jobs.extend([
            command,
            protect(there.amf, 512),
            protect(new.amf, 640),
            protect(there.amf, 768),
        ]);
    }
    let jobs = in_order(run(&mut queue, &jobs));
    let octets = |job: &Job| {
        let mut octets = vec![0; job.out_len as usize];
        queue.read(job.out_offset, &mut octets).unwrap();
        octets
    };
    for (jobs, (there, new)) in jobs.chunks(4).zip(there.iter().zip(&new)) {
        let status: Vec<_> = jobs.iter().map(|job| job.status).collect();
        assert_eq!((status[0], status[1], status[3]), (0, 0, 0), "{jobs:?}");
        assert_ne!(status[2], 0);
        let (answer, complete) = new.answer(engine, GPP, &octets(&jobs[0]));
        assert!(!complete.is_empty(), "{answer:?}");
        for job in [&jobs[1], &jobs[3]] {
            let heard = verify(engine, there.ue, GPP, &octets(job));
            assert_eq!(heard, Ok(DOWNLINK.to_vec()));
        }
    }
}

/// Protect, verify and the security mode procedure of one session, mixed, in one queue.
#[test]
fn jobs_of_a_session_keep_their_order() {
    let workers = start(2);
    let pairs = pairs(&workers, 0..10);
    let mut queue = open(&workers, 256);
    let smc = SmcJob {
        target: 1,
        ..SmcJob::default()
    }
    .write();
    const ROUNDS: usize = 20;
    let mut jobs = Vec::new();
    for pair in &pairs {
        let shard = workers.engine_of(pair.ue).unwrap();
        let uplink: Vec<Vec<u8>> = (0..ROUNDS).map(|_| pair.uplink(shard, GPP)).collect();
        jobs.push((pair, uplink));
    }
    queue.write(0, DOWNLINK).unwrap();
    queue.write(128, &smc).unwrap();
    let mut all = Vec::new();
    let mut place = 4;
    for round in 0..ROUNDS {
        for (pair, uplink) in &jobs {
            let down = Job {
                out_offset: 3 * 128,
                ..message(op::PROTECT, pair.amf, (0, DOWNLINK.len()))
            };
            queue
                .write((place * 64) as u32 + 1024, &uplink[round])
                .unwrap();
            let at = (place * 64) as u32 + 1024;
            let up = Job {
                in_offset: at,
                out_offset: at,
                out_capacity: 64,
                ..message(op::VERIFY, pair.amf, (0, uplink[round].len()))
            };
            place += 1;
            all.extend([down, up, down]);
            if round == ROUNDS / 2 {
                all.push(Job {
                    out_offset: 5 * 128,
                    out_capacity: 256,
                    ..message(op::SMC_COMMAND, pair.amf, (1, 128))
                });
                all.push(Job {
                    op: op::SMC_RESEND,
                    out_offset: 5 * 128,
                    out_capacity: 256,
                    ..down
                });
            }
        }
    }
    let back = run(&mut queue, &all);
    for (pair, _) in &jobs {
        let own: Vec<_> = back
            .iter()
            .filter(|job| job.session == pair.amf.bits())
            .collect();
        assert!(
            own.windows(2)
                .all(|two| two[0].user_data < two[1].user_data)
        );
        let counts = |ops: &[u8]| -> Vec<u32> {
            let of = own.iter().filter(|job| ops.contains(&job.op));
            of.inspect(|job| assert_eq!(job.status, 0, "{job:?}"))
                .map(|job| job.count)
                .collect()
        };
        let down = counts(&[op::PROTECT, op::SMC_COMMAND, op::SMC_RESEND]);
        assert_eq!(
            down,
            (1..1 + down.len() as u32).collect::<Vec<_>>(),
            "COUNTs in the order of the jobs"
        );
        assert_eq!(down.len(), 2 * ROUNDS + 2);
        let up = counts(&[op::VERIFY]);
        assert_eq!(up, (1..1 + ROUNDS as u32).collect::<Vec<_>>());
    }
}

/// R14: many threads, each with a queue, protect with one session: every COUNT once.
#[test]
fn r14_queues_that_share_a_session_never_share_a_count() {
    let workers = start(2);
    let pair = &pairs(&workers, 1..2)[0];
    let mut counts: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut queue = open(&workers, 32);
                    queue.write(0, DOWNLINK).unwrap();
                    let job = message(op::PROTECT, pair.amf, (0, DOWNLINK.len()));
                    let jobs = [Job {
                        out_offset: 128,
                        ..job
                    }; 500];
                    let counts: Vec<_> =
                        run(&mut queue, &jobs).iter().map(|job| job.count).collect();
                    assert!(counts.windows(2).all(|two| two[0] < two[1]));
                    counts
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    counts.sort_unstable();
    assert_eq!(counts, (1..2001).collect::<Vec<_>>());
}

/// R52: a session that a defect closed.
#[test]
fn r52_a_poisoned_session_closes_only_itself() {
    let workers = start(1);
    let pairs = pairs(&workers, 0..30);
    let mut queue = open(&workers, 64);
    let (engine, victim) = (workers.engine(0).unwrap(), pairs[11].amf);
    let defect = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let _session = engine.session(victim).unwrap();
            panic!("a defect, for the test");
        });
        thread.join()
    });
    assert!(defect.is_err());
    queue.write(0, DOWNLINK).unwrap();
    let jobs: Vec<_> = (0..120)
        .map(|i| Job {
            out_offset: 1024 + 128 * i,
            ..message(op::PROTECT, pairs[i as usize % 30].amf, (0, DOWNLINK.len()))
        })
        .collect();
    for job in run(&mut queue, &jobs) {
        let expected = if job.session == victim.bits() {
            Error::Poisoned.code()
        } else {
            0
        };
        assert_eq!(job.status, expected);
    }
    engine.release(victim).unwrap();
    let (status, panics) = (
        run(&mut queue, &[message(op::PROTECT, victim, (0, 7))])[0].status,
        workers.stats()[0].defects,
    );
    assert_eq!((status, panics), (Error::Handle.code(), 0));
}

#[test]
fn a_handle_of_no_worker_completes_at_once() {
    let workers = start(2);
    let mut queue = open(&workers, 8);
    let job = |worker: u64, number| Job {
        session: worker << 56 | 1 << 28,
        user_data: number,
        op: op::VERIFY,
        access: 1,
        ..Job::default()
    };
    let jobs: Vec<_> = (0..100)
        .map(|number| job(2 + number % 254, number))
        .collect();
    let taken = queue.submit(&jobs);
    assert!((8..100).contains(&taken), "bounded: {taken}");
    assert_eq!(
        (queue.wait(PATIENCE), queue.outstanding()),
        (Ok(true), taken)
    );
    let back = in_order(run(&mut open(&workers, 8), &jobs));
    assert!(back.iter().all(|job| job.status == Error::Handle.code()));
    let mut rest = [Job::default(); 100];
    assert_eq!(queue.reap(&mut rest), taken);
}

#[test]
fn many_clients_with_a_queue_each() {
    let workers = start(2);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let workers = &workers;
            scope.spawn(move || {
                let pairs = pairs(workers, 1000 * thread..1000 * thread + 40);
                let mut queue = open(workers, if thread % 2 == 0 { 8 } else { 128 });
                for _ in 0..20 {
                    talk(&mut queue, &pairs);
                }
            });
        }
    });
    let completed: u64 = workers
        .stats()
        .iter()
        .map(|stats| stats.messages.total())
        .sum();
    assert_eq!(completed, 6 * 20 * 40 * 2);
}

/// One job at a time: both sides sleep again and again. A wake-up that is lost is a time-out.
#[test]
fn nobody_oversleeps() {
    for (wait, spin) in [
        (Wait::Block, 0),
        (Wait::Adaptive, 0),
        (Wait::Adaptive, 3),
        (Wait::Spin, 0),
    ] {
        let workers = Workers::start(&WorkersConfig {
            wait,
            spin: Duration::from_micros(spin),
            ..config(1)
        })
        .unwrap();
        let pairs = pairs(&workers, 0..1);
        let mut queue = open(&workers, 8);
        for round in 0..1000_u32 {
            talk(&mut queue, &pairs);
            // Sometimes before, sometimes after the worker fell asleep.
            for _ in 0..(round * 7919) % 4001 {
                std::hint::spin_loop();
            }
        }
        let stats = &workers.stats()[0];
        assert_eq!(stats.messages.total(), 2000, "{wait:?}");
        if workers.plan().wait != Wait::Spin {
            assert!(stats.sleeps > 0 && stats.wakeups > 0, "{stats:?}");
        }
    }
}

/// An event loop of the client's own sleeps at the eventfd.
#[test]
fn the_eventfd_rings_for_who_armed_it() {
    let workers = start(1);
    let pairs = pairs(&workers, 0..1);
    let mut queue = open(&workers, 8);
    queue.write(0, DOWNLINK).unwrap();
    for _ in 0..200 {
        assert!(queue.arm(), "nothing to reap");
        assert_eq!(
            queue.submit(&[message(op::PROTECT, pairs[0].amf, (0, DOWNLINK.len()))]),
            1
        );
        let fd = queue.eventfd();
        let mut fds = [rustix::event::PollFd::new(
            &fd,
            rustix::event::PollFlags::IN,
        )];
        assert_eq!(
            rustix::event::poll(
                &mut fds,
                Some(&rustix::event::Timespec {
                    tv_sec: 20,
                    tv_nsec: 0
                })
            ),
            Ok(1)
        );
        queue.disarm();
        assert_eq!(queue.reap(&mut [Job::default(); 2]), 1);
    }
}

#[test]
fn a_worker_that_is_held_up_is_noticed() {
    let workers = start(2);
    let pairs = pairs(&workers, 0..2);
    let mut queue = open(&workers, 8);
    let mut watch = Watch::new(Duration::from_millis(50));
    assert!(watch.stalled(&workers).is_empty());
    queue.write(0, DOWNLINK).unwrap();
    let job = message(op::PROTECT, pairs[1].amf, (0, DOWNLINK.len()));
    let engine = workers.engine_of(pairs[1].amf).unwrap();
    let held = engine.session(pairs[1].amf).unwrap();
    assert_eq!(queue.submit(&[job]), 1);
    let until = Instant::now() + PATIENCE.unwrap();
    while watch.stalled(&workers) != [1] {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(held);
    assert!(queue.wait(PATIENCE).unwrap());
    while !watch.stalled(&workers).is_empty() {
        assert!(Instant::now() < until);
    }
    workers.stop();
    assert_eq!(watch.stalled(&workers), [0, 1], "nobody works any more");
}

#[test]
fn wrong_configurations_are_refused() {
    for config in [
        WorkersConfig {
            workers: 257,
            ..config(1)
        },
        WorkersConfig {
            cores: Cores::List(vec![]),
            ..config(1)
        },
        WorkersConfig {
            cores: Cores::List(vec![100_000]),
            ..config(1)
        },
    ] {
        assert_eq!(Workers::start(&config).err(), Some(Error::Argument));
    }
    let workers = start(1);
    assert!(
        workers
            .plan()
            .to_string()
            .starts_with("1 workers on any cpu; wait: ")
    );
    for (entries, arena) in [(0, 64), (7, 64), (12, 64), (8192, 64), (8, 0), (8, 1 << 33)] {
        let config = QueueConfig { entries, arena };
        assert_eq!(
            workers.open_queue(&config).err(),
            Some(Error::Argument),
            "{config:?}"
        );
    }
    let pinned = workers.plan().machine.allowed[0];
    let workers = Workers::start(&WorkersConfig {
        cores: Cores::List(vec![pinned]),
        ..config(1)
    })
    .unwrap();
    assert_eq!(workers.plan().cores, [Some(pinned)]);
    talk(&mut open(&workers, 8), &pairs(&workers, 0..8));
}

/// `SOAK_SECONDS=3600 cargo test --release --test workers soak`: random traffic of several clients; counts what was
/// lost or came twice.
#[test]
fn soak() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(2.0, |seconds| seconds.parse().unwrap());
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let workers = start(2);
    let done: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3_u64)
            .map(|thread| {
                let workers = &workers;
                scope.spawn(move || traffic(workers, thread, until))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let stats = workers.stats();
    let ran: u64 = stats.iter().map(|stats| stats.messages.total()).sum();
    assert_eq!(ran, done, "every job ran once");
    let sleeps: u64 = stats.iter().map(|stats| stats.sleeps).sum();
    println!("{done} jobs in {seconds} s, none lost, none twice; workers slept {sleeps} times");
}

fn traffic(workers: &Workers, thread: u64, until: Instant) -> u64 {
    let pairs = pairs(workers, 1000 * thread..1000 * thread + 50);
    let mut queue = open(workers, 8 << thread);
    queue.write(0, DOWNLINK).unwrap();
    let mut random = thread + 1;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let (mut waiting, mut number, mut done) = (HashSet::new(), 0, 0);
    let mut back = [Job::default(); 64];
    while Instant::now() < until || queue.outstanding() > 0 {
        let wanted = if Instant::now() < until {
            next() % 40
        } else {
            0
        };
        let jobs: Vec<_> = (0..wanted)
            .map(|i| {
                let pair = &pairs[(next() % 50) as usize];
                let mut job = message(op::PROTECT, pair.amf, (0, DOWNLINK.len()));
                job.user_data = number + i;
                job.out_offset = 1024 + 128 * (next() % 400) as u32;
                match next() % 16 {
                    0 => job.op = op::VERIFY,
                    1 => job.session = 0,
                    2 => job.in_len = 1 << 20,
                    3 => job.op = op::SMC_RESEND,
                    _ => {}
                }
                job
            })
            .collect();
        let taken = queue.submit(&jobs) as u64;
        for number in number..number + taken {
            assert!(waiting.insert(number));
        }
        number += taken;
        let count = queue.reap(&mut back);
        for job in &back[..count] {
            assert!(
                waiting.remove(&job.user_data),
                "job {} was not waited for",
                job.user_data
            );
        }
        done += count as u64;
        if count == 0 && queue.outstanding() > 0 {
            assert!(
                queue.wait(PATIENCE).unwrap(),
                "{} jobs are lost",
                waiting.len()
            );
        }
    }
    assert!(waiting.is_empty());
    done
}
