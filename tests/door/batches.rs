use std::sync::Barrier;

use naslane::base::Error;
use naslane::door::Door;
use naslane::engine::job::{Job, SmcJob, event, op};
use naslane::engine::{Config, Engine};
use naslane::sidecar::config::Quota;

use crate::common::{DOWNLINK, GPP, UPLINK};
use crate::world::{Daemon, Subscriber, inline, same, workers};

const STRETCH: usize = 512;

fn dice(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A job in its own stretch, mostly sound.
fn job(index: usize, op: u8, session: u64, len: usize) -> Job {
    let start = (index * STRETCH) as u32;
    Job {
        op,
        access: 1,
        session,
        user_data: index as u64 ^ 0xFEED,
        in_offset: start,
        in_len: len as u32,
        out_offset: start,
        out_capacity: STRETCH as u32,
        ..Job::default()
    }
}

/// Without the handles, which each door gives as it likes.
fn bare(jobs: &[Job]) -> Vec<Job> {
    let bare = |job: &Job| Job {
        session: u64::from(job.session != 0),
        ..*job
    };
    jobs.iter().map(bare).collect()
}

#[test]
fn a_batch_of_every_operation_is_the_same_behind_every_door() {
    same(|door| {
        let ues = Engine::new(&Config::for_sessions(64)).unwrap();
        let people: Vec<_> = (0..20)
            .map(|number| Subscriber::authenticated(door, &ues, number))
            .collect();
        let mut arena = vec![0; 64 * STRETCH];
        let mut jobs = Vec::new();
        for (index, own) in people.iter().enumerate() {
            let start = index * STRETCH;
            arena[start..start + 128].copy_from_slice(&SmcJob::default().write());
            let mut job = job(index, op::SMC_COMMAND, own.amf.bits(), 128);
            (job.out_offset, job.out_capacity) = (job.in_offset + 128, 380);
            jobs.push(job);
        }
        // Two ask for the same request.
        jobs[1].in_offset = 0;
        assert_eq!(door.batch(&mut jobs, &mut arena), 20);
        let mut said = vec![(bare(&jobs), arena.clone())];
        let mut answers = Vec::new();
        for (index, own) in people.iter().enumerate() {
            let command = &arena[jobs[index].out_offset as usize..][..jobs[index].out_len as usize];
            let answer = own.answer(&ues, command);
            arena[index * STRETCH..][..answer.len()].copy_from_slice(&answer);
            answers.push(job(index, op::VERIFY, own.amf.bits(), answer.len()));
        }
        // The same again, and what cannot be.
        let again = answers[0];
        arena.copy_within(0..STRETCH, 40 * STRETCH);
        let start = (40 * STRETCH) as u32;
        answers.push(Job {
            in_offset: start,
            out_offset: start,
            ..again
        });
        answers.push(job(41, op::SMC_RESEND, people[1].amf.bits(), 0));
        answers.push(job(42, 77, people[1].amf.bits(), 0));
        answers.push(job(43, op::PROTECT, 0, 4));
        answers.push(job(44, op::PROTECT, 0xEE << 56 | 1 << 28, 4));
        door.batch(&mut answers, &mut arena);
        assert_eq!(answers[0].event, event::COMPLETED);
        assert_ne!(answers[20].status, 0, "the same message twice");
        said.push((bare(&answers), arena));
        said
    });
}

/// Random fields, at most one lane group at a time: within it, the refusals are those of a batch on this thread.
#[test]
fn random_jobs_have_the_same_statuses_behind_every_door() {
    same(|door| {
        let ues = Engine::new(&Config::for_sessions(64)).unwrap();
        let people: Vec<_> = (0..4)
            .map(|number| Subscriber::secured(door, &ues, number))
            .collect();
        let mut state = 0x9E37_79B9_7F4A_7C15;
        let mut said = Vec::new();
        for _ in 0..200 {
            let mut arena = vec![0; 32 * STRETCH];
            let mut jobs = Vec::new();
            for index in 0..(dice(&mut state) % 33) as usize {
                let own = &people[(dice(&mut state) % 4) as usize];
                let input = match dice(&mut state) % 3 {
                    0 => DOWNLINK.to_vec(),
                    1 => crate::common::protect(&ues, own.ue, GPP, UPLINK),
                    _ => vec![0x7E; (dice(&mut state) % 40) as usize],
                };
                arena[index * STRETCH..][..input.len()].copy_from_slice(&input);
                let op =
                    [op::PROTECT, op::VERIFY, op::VERIFY_ONLY][(dice(&mut state) % 3) as usize];
                let mut job = job(index, op, own.amf.bits(), input.len());
                match dice(&mut state) % 24 {
                    0 => job.access = (dice(&mut state) % 4) as u8,
                    1 => job.form = (dice(&mut state) % 5) as u8,
                    2 => job.reserved = 1,
                    3 => job.session = 0,
                    4 => job.in_offset = u32::MAX,
                    5 => job.in_len = 16 * 1024,
                    6 => job.out_capacity = (dice(&mut state) % 12) as u32,
                    7 => job.out_offset = (dice(&mut state) % (32 * STRETCH as u64)) as u32,
                    8 => job.out_offset += 200,
                    _ => {}
                }
                jobs.push(job);
            }
            door.batch(&mut jobs, &mut arena);
            said.push((bare(&jobs), arena));
        }
        said
    });
}

#[test]
fn a_batch_longer_than_rings_and_arena_comes_through() {
    let daemon = Daemon::start(Quota {
        entries: 8,
        arena: 8192,
        ..Quota::default()
    });
    for door in [inline(), workers(), daemon.connect()] {
        let ues = Engine::new(&Config::for_sessions(64)).unwrap();
        let own = Subscriber::secured(&door, &ues, 1);
        let mut arena = vec![0; 3000 * STRETCH];
        let mut jobs: Vec<_> = (0..3000)
            .map(|index| job(index, op::PROTECT, own.amf.bits(), DOWNLINK.len()))
            .collect();
        for job in &jobs {
            arena[job.in_offset as usize..][..DOWNLINK.len()].copy_from_slice(DOWNLINK);
        }
        assert_eq!(door.batch(&mut jobs, &mut arena), 3000, "{door:?}");
        for (index, job) in jobs.iter().enumerate() {
            assert_eq!((job.count, job.out_len), (index as u32 + 1, 14));
            let pdu = &arena[job.out_offset as usize..][..14];
            let heard = crate::common::verify(&ues, own.ue, GPP, pdu);
            assert_eq!(heard, Ok(DOWNLINK.to_vec()));
        }
        // A message that no arena of the queue holds has its own status and harms nobody.
        let long = if door.kind() == naslane::door::Kind::Inline {
            Error::Discriminator
        } else {
            Error::TooLong
        };
        let mut jobs = [
            job(0, op::VERIFY, own.amf.bits(), 300_000),
            job(1000, op::PROTECT, own.amf.bits(), DOWNLINK.len()),
        ];
        jobs[0].out_capacity = 300_000;
        arena.fill(0);
        arena[1000 * STRETCH..][..DOWNLINK.len()].copy_from_slice(DOWNLINK);
        assert_eq!(door.batch(&mut jobs, &mut arena), 1, "{door:?}");
        assert_eq!(jobs[0].status, long.code(), "{door:?}");
    }
}

/// More callers than queues are lent, and fewer queues than that by quota.
#[test]
fn many_threads_share_the_lent_queues() {
    const THREADS: usize = 12;
    let daemon = Daemon::start(Quota {
        queues: 3,
        ..Quota::default()
    });
    for door in [workers(), daemon.connect()] {
        let ues = Engine::new(&Config::for_sessions(64)).unwrap();
        let shared = Subscriber::secured(&door, &ues, 100);
        let begin = Barrier::new(THREADS);
        let talk = |door: &Door, number: usize| {
            let own = Subscriber::secured(door, &ues, number as u64);
            begin.wait();
            let mut counts = Vec::new();
            for _ in 0..50 {
                let mut arena = vec![0; 2 * STRETCH];
                let mut jobs = [shared.amf, own.amf].map(|session| {
                    let index = usize::from(session == own.amf);
                    job(index, op::PROTECT, session.bits(), DOWNLINK.len())
                });
                for start in [0, STRETCH] {
                    arena[start..][..DOWNLINK.len()].copy_from_slice(DOWNLINK);
                }
                assert_eq!(door.batch(&mut jobs, &mut arena), 2);
                let pdu = &arena[STRETCH..][..14];
                assert!(crate::common::verify(&ues, own.ue, GPP, pdu).is_ok());
                counts.push(jobs[0].count);
            }
            counts
        };
        let mut counts: Vec<u32> = std::thread::scope(|scope| {
            let (door, talk) = (&door, &talk);
            let threads: Vec<_> = (0..THREADS)
                .map(|number| scope.spawn(move || talk(door, number)))
                .collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<u32>>| thread.join().unwrap();
            threads.into_iter().flat_map(join).collect()
        });
        counts.sort_unstable();
        let expected: Vec<u32> = (1..=50 * THREADS as u32).collect();
        assert_eq!(counts, expected, "{door:?}");
    }
}

#[test]
fn a_daemon_that_goes_leaves_statuses_behind() {
    let mut daemon = Daemon::start(Quota::default());
    let door = daemon.connect();
    let ues = Engine::new(&Config::for_sessions(64)).unwrap();
    let own = Subscriber::secured(&door, &ues, 1);
    daemon.stop();
    let mut arena = vec![0; STRETCH];
    let mut jobs = [job(0, op::PROTECT, own.amf.bits(), 7); 3];
    for (index, job) in jobs.iter_mut().enumerate() {
        job.out_offset = 64 + 64 * index as u32;
        job.out_capacity = 64;
    }
    assert_eq!(door.batch(&mut jobs, &mut arena), 0);
    let gone = Error::Disconnected;
    assert!(jobs.iter().all(|job| job.status == gone.code()), "{jobs:?}");
    let sent = door.protect(own.amf, GPP, DOWNLINK, &mut [0; 64]);
    assert_eq!(sent.err(), Some(gone));
    let received = door.verify(own.amf, GPP, DOWNLINK, &mut [0; 64]);
    assert_eq!(received.verdict.result, Err(gone));
    assert_eq!(door.sessions(), Err(gone));
    assert_eq!(door.open_queue(&Default::default()).err(), Some(gone));
}
