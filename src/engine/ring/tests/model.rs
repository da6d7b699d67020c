//! Every interleaving, and every old value that a weaker processor may show, as far as two threads and a few jobs
//! go (loom). The same models must fail when one ordering is made wrong.

use std::sync::Arc; // loom's cannot be dropped after a deadlock

use loom::model::Builder;
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::base::Error;
use crate::base::sync::sabotage::{Sabotage, choose};
use crate::engine::job::Job;
use crate::engine::ring::{ClientEnd, WorkerEnd, pair};

fn check(sabotage: Sabotage, model: impl Fn() + Send + Sync + 'static) {
    choose(sabotage);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3); // most defects need two; three end in seconds
    builder.check(model);
}

/// An eventfd.
#[derive(Default)]
struct Bell(Mutex<bool>, Condvar);

impl Bell {
    fn ring(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.0.lock().unwrap();
        while !*rung {
            rung = self.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

fn job(number: u64) -> Job {
    Job {
        session: number,
        user_data: number,
        ..Job::default()
    }
}

/// The worker's turn: takes what there is, answers with the number inverted. How many it took.
fn turn(worker: &mut WorkerEnd) -> (usize, bool) {
    let mut jobs = [Job::default(); 2];
    let taken = worker.take(&mut jobs).unwrap();
    for job in &mut jobs[..taken] {
        assert_eq!(
            job.session, job.user_data,
            "torn, or read before it was there"
        );
        (job.session, job.user_data) = (!job.session, !job.user_data);
    }
    (taken, worker.publish(&jobs[..taken]))
}

/// Reaps what there is; the answers come in order.
fn reap(client: &mut ClientEnd, next: &mut u64) {
    let mut jobs = [Job::default(); 2];
    let given = client.reap(&mut jobs);
    for job in &jobs[..given] {
        assert_eq!(
            (!job.session, !job.user_data),
            (*next, *next),
            "lost, doubled, torn"
        );
        *next += 1;
    }
}

/// Both spin. Three jobs through a ring of two: slots are used again.
fn transfer() {
    const JOBS: u64 = 3;
    let (mut client, mut worker) = pair(2).unwrap();
    let working = thread::spawn(move || {
        let mut done = 0;
        while done < JOBS as usize {
            let (taken, _) = turn(&mut worker);
            done += taken;
            if taken == 0 {
                thread::yield_now();
            }
        }
    });
    let (mut next_in, mut next_out) = (1, 1);
    while next_out <= JOBS {
        while next_in <= JOBS && client.push(&job(next_in)) {
            next_in += 1;
        }
        let _ = client.publish(); // nobody sleeps here
        reap(&mut client, &mut next_out);
        if next_out <= JOBS {
            thread::yield_now();
        }
    }
    working.join().unwrap();
    assert_eq!((client.outstanding(), client.is_ready()), (0, false));
}

/// Both sleep whenever they find nothing. A wake-up that is lost is a deadlock, which the checker reports.
fn sleep_and_wake(jobs: u64) {
    let (mut client, mut worker) = pair(1).unwrap();
    let bells = Arc::new((Bell::default(), Bell::default()));
    let (for_worker, for_client) = (bells.clone(), bells);
    let working = thread::spawn(move || {
        let mut done = 0;
        while done < jobs {
            let (taken, ring) = turn(&mut worker);
            done += taken as u64;
            if ring {
                for_worker.1.ring();
            }
            if taken == 0 {
                worker.fall_asleep();
                if !worker.is_ready() {
                    for_worker.0.wait();
                }
                worker.wake_up();
            }
        }
    });
    let mut next = 1;
    for number in 1..=jobs {
        assert!(client.push(&job(number)));
        if client.publish() {
            for_client.0.ring();
        }
        while next <= number {
            reap(&mut client, &mut next);
            if next <= number {
                client.fall_asleep();
                if !client.is_ready() {
                    for_client.1.wait();
                }
                client.wake_up();
            }
        }
    }
    working.join().unwrap();
}

/// The worker leaves while the client submits: each job comes back once, run or not.
fn leave() {
    let (mut client, mut worker) = pair(2).unwrap();
    let bell = Arc::new(Bell::default());
    let for_worker = bell.clone();
    let working = thread::spawn(move || {
        let (_, ring) = turn(&mut worker);
        if ring | worker.close() {
            for_worker.ring();
        }
    });
    let mut next = 1;
    for number in 1..=2 {
        if client.push(&job(number)) {
            next = number + 1;
        }
        let _ = client.publish(); // the worker does not sleep
    }
    let mut expected = 1;
    while client.outstanding() > 0 {
        let mut jobs = [Job::default(); 2];
        let given = client.reap(&mut jobs);
        for job in &jobs[..given] {
            let stopped = job.status == Error::Stopped.code();
            let number = if stopped { job.session } else { !job.session };
            assert_eq!(number, expected);
            expected += 1;
        }
        if given == 0 {
            client.fall_asleep();
            if !client.is_ready() {
                bell.wait();
            }
            client.wake_up();
        }
    }
    assert_eq!(expected, next);
    working.join().unwrap();
}

#[test]
fn no_job_is_lost_doubled_or_torn() {
    check(Sabotage::None, transfer);
}

#[test]
fn no_wake_up_is_lost() {
    check(Sabotage::None, || sleep_and_wake(1));
}

#[test]
fn no_second_wake_up_is_lost() {
    check(Sabotage::None, || sleep_and_wake(2));
}

#[test]
fn r51_a_worker_that_leaves_loses_no_job() {
    check(Sabotage::None, leave);
}

#[test]
#[should_panic(expected = "torn")]
fn a_relaxed_publication_is_noticed() {
    check(Sabotage::RelaxedPublish, transfer);
}

#[test]
#[should_panic(expected = "torn")]
fn a_relaxed_acceptance_is_noticed() {
    check(Sabotage::RelaxedAccept, transfer);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_handshake_without_fences_is_noticed() {
    check(Sabotage::NoFence, || sleep_and_wake(1));
}
