//! Random sequences of calls against a queue that cannot be wrong, hostile words, and the copies of the arena.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use crate::base::Error;
use crate::engine::job::Job;
use crate::engine::ring::memory::Allocation;
use crate::engine::ring::{
    ClientEnd, Doorbell, ENTRIES, Fault, Payload, Sleeper, State, WorkerEnd, bytes, pair,
};

fn job(number: u64) -> Job {
    Job {
        session: number,
        user_data: !number,
        in_offset: number as u32,
        reserved2: number as u8,
        ..Job::default()
    }
}

#[derive(Clone, Debug)]
enum Call {
    Submit(usize),
    Take(usize),
    Publish(usize),
    Reap(usize),
    Close,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        8 => (0..20_usize).prop_map(Call::Submit),
        8 => (0..20_usize).prop_map(Call::Take),
        8 => (0..20_usize).prop_map(Call::Publish),
        8 => (0..20_usize).prop_map(Call::Reap),
        1 => Just(Call::Close),
    ]
}

proptest! {
    #[test]
    fn a_ring_is_two_queues(
        size in 3..6_u32,
        start in prop_oneof![Just(0_u32), Just(u32::MAX - 20)],
        calls in prop::collection::vec(call(), 0..300),
    ) {
        let entries = 1 << size;
        let (mut client, mut worker) = pair(entries).unwrap();
        client.set_counters(start);
        worker.set_counters(start);
        let (mut number, mut open) = (0, true);
        let (mut submitted, mut taken, mut completed) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        for call in calls {
            match call {
                Call::Submit(count) => {
                    let jobs: Vec<_> = (number..number + count as u64).map(job).collect();
                    let out = submitted.len() + taken.len() + completed.len();
                    let expected = if open { count.min(entries as usize - out) } else { 0 };
                    prop_assert_eq!(client.submit(&jobs), (expected, false));
                    submitted.extend(&jobs[..expected]);
                    number += expected as u64;
                }
                Call::Take(count) => {
                    let mut jobs = vec![Job::default(); count];
                    let expected = if open { count.min(submitted.len()) } else { 0 };
                    prop_assert_eq!(worker.take(&mut jobs), Ok(expected));
                    let front: Vec<_> = submitted.drain(..expected).collect();
                    prop_assert_eq!(&jobs[..expected], &front[..]);
                    taken.extend(front);
                }
                // A worker that left publishes nothing: it leaves between batches.
                Call::Publish(count) if open => {
                    let count = count.min(taken.len());
                    let jobs: Vec<_> = taken.drain(..count)
                        .map(|job: Job| Job { status: 7, ..job }).collect();
                    prop_assert!(!worker.publish(&jobs));
                    completed.extend(jobs);
                }
                Call::Publish(_) => {}
                Call::Reap(count) => {
                    let mut jobs = vec![Job::default(); count];
                    let expected = if open { count.min(completed.len()) } else {
                        for job in taken.drain(..).chain(submitted.drain(..)) {
                            completed.push_back(Job { status: Error::Stopped.code(), ..job });
                        }
                        count.min(completed.len())
                    };
                    prop_assert_eq!(client.reap(&mut jobs), expected);
                    let front: Vec<_> = completed.drain(..expected).collect();
                    prop_assert_eq!(&jobs[..expected], &front[..]);
                }
                Call::Close => {
                    open = false;
                    prop_assert!(!worker.close());
                }
            }
            let out = submitted.len() + taken.len() + completed.len();
            prop_assert_eq!(client.outstanding() as usize, out);
            prop_assert_eq!(client.is_ready(), !completed.is_empty() || (!open && out > 0));
            prop_assert_eq!(worker.is_ready(), open && !submitted.is_empty());
        }
    }

    #[test]
    fn the_arena_copies_exactly_what_it_was_told(
        place in (0..120_usize, 0..120_usize), room in 0..16_usize, seed in any::<u8>(),
    ) {
        let (start, len) = place;
        let payload = Payload::allocate(128).unwrap();
        let before: Vec<u8> = (0..128).map(|i| seed ^ i).collect();
        payload.write(0, &before).unwrap();
        let octets: Vec<u8> = (0..len).map(|i| !seed ^ i as u8).collect();
        let end = start + len + room;
        let result = payload.write_into(start..end, &octets);
        let mut after = vec![0; 128];
        payload.read(0, &mut after).unwrap();
        if end > 128 {
            prop_assert_eq!(result, Err(Error::OutOfRange));
            prop_assert_eq!(after, before);
        } else {
            prop_assert_eq!(&after[start..start + len], &octets[..]);
            prop_assert_eq!(&after[..start], &before[..start]);
            prop_assert_eq!(&after[end..], &before[end..]);
            let mut back = vec![0; len];
            payload.read(start as u32, &mut back).unwrap();
            prop_assert_eq!(back, octets);
        }
    }
}

/// Both ends over memory that a test can spoil.
fn spoilt() -> (ClientEnd, WorkerEnd, impl Fn(usize, u32)) {
    let memory = Allocation::new(bytes(8)).unwrap();
    let (start, len) = (memory.start, bytes(8));
    // SAFETY: the allocation has this length and is kept; `word` uses atomics.
    let (client, worker) = unsafe {
        (
            ClientEnd::attach(start, len, 8, memory.clone()).unwrap(),
            WorkerEnd::attach(start, len, 8, memory.clone()).unwrap(),
        )
    };
    let word = move |offset: usize, value: u32| {
        // SAFETY: an aligned word within the header of the allocation, which this closure keeps.
        let word = unsafe { memory.start.add(offset).cast::<AtomicU32>().as_ref() };
        word.store(value, Ordering::Release);
    };
    (client, worker, word)
}

#[test]
fn nonsense_puts_a_ring_under_quarantine_for_good() {
    // Offset and value of the word that is wrong when 4 of 8 entries are in use.
    for (offset, value, fault) in [
        (0, 100, Fault::SubmitTail),
        (0, 3, Fault::SubmitTail),
        (384, 5, Fault::CompleteHead),
        (384, u32::MAX, Fault::CompleteHead),
        (0, 12, Fault::Overrun),
    ] {
        let (mut client, mut worker, word) = spoilt();
        let (mut jobs, mut back) = ([job(1); 4], [Job::default(); 16]);
        assert_eq!(client.submit(&jobs), (4, false));
        assert_eq!(worker.take(&mut jobs), Ok(4));
        assert!(!worker.publish(&jobs));
        word(offset, value);
        if offset == 384 {
            word(0, 9); // more than fits by what the worker believes: it looks
        }
        assert_eq!(worker.take(&mut back), Err(fault), "{offset} {value}");
        assert_eq!(worker.take(&mut back), Ok(0), "never read again");
        assert_eq!(
            (worker.is_ready(), worker.state()),
            (false, State::Quarantined(fault))
        );
        assert_eq!(client.fault(), Some(fault));
        assert_eq!(client.submit(&jobs), (0, false));
        assert_eq!(client.reap(&mut back), 4, "what was completed is not lost");
    }
}

#[test]
fn a_client_that_went_too_far_gets_its_jobs_back() {
    let (mut client, mut worker, word) = spoilt();
    assert_eq!(client.submit(&[job(5)]), (1, false));
    word(0, 77);
    let mut back = [Job::default(); 2];
    assert_eq!(worker.take(&mut back), Err(Fault::SubmitTail));
    assert_eq!(client.reap(&mut back), 1);
    assert_eq!(
        back[0],
        Job {
            status: Error::Argument.code(),
            ..job(5)
        }
    );
    assert_eq!((client.reap(&mut back), client.is_ready()), (0, false));
}

#[test]
fn a_client_survives_a_worker_that_writes_nonsense() {
    let (mut client, _worker, word) = spoilt();
    assert_eq!(client.submit(&[job(1), job(2)]), (2, false));
    word(256, 3);
    let mut back = [Job::default(); 4];
    assert_eq!(client.reap(&mut back), 2);
    assert!(
        back[..2]
            .iter()
            .all(|job| job.status == Error::System.code())
    );
    assert_eq!(
        (
            client.reap(&mut back),
            client.is_ready(),
            client.push(&job(3))
        ),
        (0, false, false)
    );
}

#[test]
fn jobs_of_a_worker_that_died_come_back_once() {
    let (mut client, mut worker) = pair(8).unwrap();
    assert_eq!(client.submit(&[job(1), job(2), job(3)]), (3, false));
    let mut jobs = [Job::default(); 4];
    assert_eq!(worker.take(&mut jobs[..2]), Ok(2));
    assert!(!worker.publish(&jobs[..1]));
    drop(worker);
    client.abandon(Error::System);
    assert_eq!(client.reap(&mut jobs), 3);
    assert_eq!(
        jobs[..3].iter().map(|job| job.status).collect::<Vec<_>>(),
        [0, 101, 101]
    );
    assert_eq!(client.reap(&mut jobs), 0);
}

#[test]
fn only_a_sleeper_is_rung() {
    let (mut client, mut worker) = pair(8).unwrap();
    worker.fall_asleep();
    assert!(client.submit(&[job(1)]).1);
    assert!(!client.submit(&[job(2)]).1, "rung already");
    let mut jobs = [Job::default(); 2];
    assert_eq!(worker.take(&mut jobs), Ok(2));
    client.fall_asleep();
    client.wake_up();
    assert!(!worker.publish(&jobs[..1]), "it woke up by itself");
    client.fall_asleep();
    assert!(worker.publish(&jobs[1..]));
    assert!(!worker.client_sleeps());
}

#[test]
fn a_ring_has_a_power_of_two_entries() {
    for entries in [0, 1, 4, 9, 24, 4095, 8192, u32::MAX] {
        assert_eq!(pair(entries).err(), Some(Error::Argument), "{entries}");
    }
    assert!(pair(*ENTRIES.start()).is_ok() && pair(*ENTRIES.end()).is_ok());
}

#[test]
fn doorbells_wake_one_and_many() {
    let (bell, other, short) = (
        Doorbell::new().unwrap(),
        Doorbell::new().unwrap(),
        Some(Duration::from_millis(1)),
    );
    assert_eq!(bell.wait(short), Ok(false));
    bell.ring();
    bell.ring();
    assert_eq!(bell.wait(None), Ok(true));
    assert_eq!(bell.wait(short), Ok(false), "all rings were taken");
    let sleeper = Sleeper::new().unwrap();
    sleeper.add(&bell, 0).unwrap();
    sleeper.add(&other, 1).unwrap();
    for _ in 0..3 {
        assert_eq!(sleeper.wait(short), Ok(false));
        other.ring(); // never silenced: each ring wakes all the same
        assert_eq!(sleeper.wait(None), Ok(true));
    }
    sleeper.remove(&other);
    other.ring();
    assert_eq!(sleeper.wait(short), Ok(false));
}
