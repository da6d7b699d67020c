//! A worker turn by turn, without its thread.

use super::run::{Inbox, Line, Worker};
use super::stage::{Origin, Stage};
use super::*;
use crate::base::metrics::WorkerMetrics;
use crate::engine::Job;
use crate::engine::job::op;
use crate::engine::pass::defect;
use crate::engine::ring::{ClientEnd, State, pair};
use crate::security::protect::LANES;

fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(&Config::for_sessions(64)).unwrap())
}

struct Client {
    end: ClientEnd,
    payload: Payload,
    left: Arc<AtomicBool>,
}

fn client(inbox: &Inbox, admit: Option<Admission>) -> Client {
    let (end, worker) = pair(64).unwrap();
    let payload = Payload::allocate(4096).unwrap();
    let bell = || Arc::new(Doorbell::new().unwrap());
    let left = Arc::new(AtomicBool::new(false));
    inbox
        .hand_in(Line {
            end: worker,
            payload: payload.clone(),
            wake_worker: bell(),
            wake_client: bell(),
            admit,
            fault: Arc::default(),
            left: left.clone(),
            grace: None,
        })
        .unwrap();
    Client { end, payload, left }
}

fn worker() -> (Worker, Arc<Inbox>, Arc<WorkerMetrics>) {
    let inbox = Arc::new(Inbox::new(Arc::default()).unwrap());
    let metrics = Arc::new(WorkerMetrics::default());
    let how = (Wait::Block, Duration::ZERO);
    let worker = Worker::new(engine(), inbox.clone(), metrics.recorder().unwrap(), how).unwrap();
    (worker, inbox, metrics)
}

/// A message that the engine refuses: there is no such session.
fn job(number: u64) -> Job {
    Job {
        op: op::VERIFY,
        access: 1,
        session: 1 << 28,
        user_data: number,
        in_offset: 64,
        in_len: 20,
        out_offset: 64,
        out_capacity: 33,
        ..Job::default()
    }
}

impl Client {
    fn reap(&mut self) -> Vec<(u64, i32)> {
        let mut jobs = [Job::default(); 128];
        let count = self.end.reap(&mut jobs);
        jobs[..count]
            .iter()
            .inspect(|back| {
                let asked = job(back.user_data);
                assert_eq!(
                    (
                        back.in_offset,
                        back.in_len,
                        back.out_offset,
                        back.out_capacity
                    ),
                    (
                        asked.in_offset,
                        asked.in_len,
                        asked.out_offset,
                        asked.out_capacity
                    )
                );
            })
            .map(|job| (job.user_data, job.status))
            .collect()
    }
}

#[test]
fn jobs_of_many_queues_share_a_batch_and_go_back_to_their_own() {
    let (mut worker, inbox, metrics) = worker();
    let mut clients: Vec<_> = (0..3).map(|_| client(&inbox, None)).collect();
    assert!(!worker.look_up());
    for (number, client) in clients.iter_mut().enumerate() {
        let jobs: Vec<_> = (0..30).map(|i| job(1000 * number as u64 + i)).collect();
        assert_eq!(client.end.submit(&jobs), (30, false));
    }
    assert_eq!([worker.turn(), worker.turn(), worker.turn()], [64, 26, 0]);
    for (number, client) in clients.iter_mut().enumerate() {
        let handle = Error::Handle.code();
        let expected: Vec<_> = (0..30)
            .map(|i| (1000 * number as u64 + i, handle))
            .collect();
        assert_eq!(client.reap(), expected);
    }
    let stats = metrics.snapshot();
    assert_eq!(
        (stats.batch.count(), stats.messages.total(), stats.queues),
        (2, 90, 3)
    );
    assert_eq!(
        (stats.batch.quantile(0.5), stats.batch.quantile(1.0)),
        (Some(26), Some(64))
    );
    assert_eq!((stats.batch.sum, stats.latency.count()), (90, 90));
}

#[test]
fn no_queue_is_always_last() {
    let (mut worker, inbox, _) = worker();
    let mut clients: Vec<_> = (0..3).map(|_| client(&inbox, None)).collect();
    worker.look_up();
    let jobs = [job(0); 64];
    let mut served = [0; 3];
    for _ in 0..6 {
        for client in &mut clients {
            let _ = client.end.submit(&jobs);
        }
        assert_eq!(worker.turn(), 64);
        for (client, served) in clients.iter_mut().zip(&mut served) {
            *served += client.reap().len();
        }
    }
    assert_eq!(served, [128; 3]);
}

#[test]
fn a_job_that_is_not_admitted_is_refused_and_reads_nothing() {
    let (mut worker, inbox, metrics) = worker();
    let odd: Admission = Arc::new(|job: &Job| {
        assert_ne!(job.user_data, 4, "a defect, for the test");
        if !job.user_data.is_multiple_of(2) {
            Err(Error::Role)
        } else {
            Ok(())
        }
    });
    let mut client = client(&inbox, Some(odd));
    worker.look_up();
    let jobs: Vec<_> = (0..5).map(job).collect();
    assert_eq!(client.end.submit(&jobs).0, 5);
    assert_eq!(worker.turn(), 5);
    let (handle, role) = (Error::Handle.code(), Error::Role.code());
    assert_eq!(
        client.reap(),
        [
            (0, handle),
            (1, role),
            (2, handle),
            (3, role),
            (4, Error::Poisoned.code())
        ]
    );
    assert_eq!(metrics.snapshot().messages.total(), 5);
}

#[test]
fn a_client_that_left_is_served_to_the_end_and_given_up() {
    let (mut worker, inbox, metrics) = worker();
    let (mut client, mut other) = (client(&inbox, None), client(&inbox, None));
    worker.look_up();
    assert_eq!(client.end.submit(&[job(1); 10]).0, 10);
    assert_eq!(other.end.submit(&[job(1)]).0, 1);
    client.left.store(true, Ordering::Release);
    inbox.tell();
    assert!(!worker.look_up());
    assert_eq!(worker.turn(), 11);
    worker.give_up();
    assert_eq!(client.reap().len(), 10);
    assert_eq!(
        (client.end.state(), other.end.state()),
        (State::Closed, State::Open)
    );
    assert_eq!(metrics.snapshot().queues, 1);
    // One in this process that submits for ever after it left.
    other.left.store(true, Ordering::Release);
    inbox.tell();
    worker.look_up();
    let mut turns = 0;
    while other.end.state() == State::Open {
        let _ = other.end.submit(&[job(1); 64]);
        worker.turn();
        worker.give_up();
        other.reap();
        turns += 1;
    }
    assert!(turns <= 65, "{turns}");
}

#[test]
fn a_worker_that_ends_closes_its_rings() {
    let (mut worker, inbox, metrics) = worker();
    let mut seen = client(&inbox, None);
    worker.look_up();
    let mut unseen = client(&inbox, None);
    for client in [&mut seen, &mut unseen] {
        assert_eq!(client.end.submit(&[job(7)]).0, 1);
    }
    drop(worker);
    for client in [&mut seen, &mut unseen] {
        assert_eq!(client.end.state(), State::Closed);
        assert_eq!(client.reap(), [(7, Error::Stopped.code())]);
    }
    assert_eq!(metrics.snapshot().ended, 1);
}

/// A stage with a job each for these sessions.
fn staged(engine: &Engine, payload: &Payload, jobs: &[(u8, Handle)]) -> (usize, Vec<i32>) {
    let mut stage = Stage::new();
    let origin = Origin {
        payload,
        admit: None,
    };
    for (index, &(op, handle)) in jobs.iter().enumerate() {
        stage.jobs[index] = Job {
            op,
            session: handle.bits(),
            ..job(index as u64)
        };
        assert!(stage.take_in(index, engine, &origin));
    }
    let defects = stage.run(engine, (0, jobs.len()));
    let status = |index| stage.give_out(index, payload).status;
    (defects, (0..jobs.len()).map(status).collect())
}

/// A defect in a lane group costs the jobs of that group their result and closes their sessions, and nobody else's.
#[test]
fn r52_a_defect_closes_the_sessions_of_its_lane_group_only() {
    let engine = engine();
    let payload = Payload::allocate(4096).unwrap();
    let all: [Handle; 4] = std::array::from_fn(|_| engine.establish(Role::Amf).unwrap());
    let poisoned = Error::Poisoned.code();
    let batch = [
        (op::VERIFY, all[0]),
        (op::VERIFY, all[1]),
        // The message of this session waits for the step, so it is in another group.
        (op::SMC_RESEND, all[2]),
        (op::VERIFY, all[2]),
    ];
    defect::plant();
    let (defects, status) = staged(&engine, &payload, &batch);
    assert_eq!((defects, &status[..2]), (1, &[poisoned, poisoned][..]));
    assert_eq!(status[2], Error::Unexpected.code());
    assert!(status[3] != poisoned && status[3] != 0);
    // From now on.
    let (defects, after) = staged(&engine, &payload, &all.map(|handle| (op::VERIFY, handle)));
    assert_eq!((defects, &after[..2]), (0, &[poisoned, poisoned][..]));
    assert_eq!(after[2..], [status[3], status[3]]);
    // A step that fails so takes none of its neighbours along.
    defect::plant();
    let steps = [(op::SMC_RESEND, all[2]), (op::SMC_RESEND, all[3])];
    let (defects, status) = staged(&engine, &payload, &steps);
    assert_eq!(defects, 1);
    assert_eq!(status, [poisoned, Error::Unexpected.code()]);
}

/// The plan, not the clock: what a client that floods its queue costs another one.
#[test]
fn a_flood_delays_a_polite_client_by_one_batch() {
    let (mut worker, inbox, _) = worker();
    let mut floods: Vec<_> = (0..3).map(|_| client(&inbox, None)).collect();
    let mut polite = client(&inbox, None);
    worker.look_up();
    let flood = |floods: &mut Vec<Client>| {
        for flood in floods {
            let _ = flood.end.submit(&[job(0); 64]);
        }
    };
    for wanted in [1, 5, 16] {
        for _ in 0..9 {
            flood(&mut floods);
            let jobs: Vec<_> = (0..wanted).map(job).collect();
            assert_eq!(polite.end.submit(&jobs).0, jobs.len());
            assert_eq!(worker.turn(), 64, "the flood fills what is left");
            assert_eq!(polite.reap().len(), jobs.len(), "in the next batch");
            floods.iter_mut().for_each(|flood| drop(flood.reap()));
        }
    }
    // One flood beside it: twice as many turns as alone, for a client that wants everything as well.
    while worker.turn() > 0 {
        floods.iter_mut().for_each(|flood| drop(flood.reap()));
    }
    floods.truncate(1);
    let alone = 64_usize.div_ceil(LANES);
    let _ = polite.end.submit(&[job(0); 64]);
    let (mut turns, mut done) = (0, 0);
    while done < 64 {
        flood(&mut floods);
        worker.turn();
        turns += 1;
        done += polite.reap().len();
        floods.iter_mut().for_each(|flood| drop(flood.reap()));
    }
    assert!(turns <= 2 * alone + 1, "{turns}");
}

/// A client rings the doorbell for ever, without a job: the others are served.
#[test]
fn a_doorbell_that_never_rests_starves_nobody() {
    let (worker, inbox, metrics) = worker();
    let bell = Arc::new(Doorbell::new().unwrap());
    let own = Arc::new(Doorbell::new().unwrap());
    let [end, mut polite] = [&bell, &own].map(|bell| {
        let (end, ring) = pair(8).unwrap();
        inbox
            .hand_in(Line {
                end: ring,
                payload: Payload::allocate(4096).unwrap(),
                wake_worker: bell.clone(),
                wake_client: Arc::new(Doorbell::new().unwrap()),
                admit: None,
                fault: Arc::default(),
                left: Arc::default(),
                grace: None,
            })
            .unwrap();
        end
    });
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || worker.run());
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                bell.ring();
            }
        });
        let mut back = [Job::default(); 8];
        for number in 0..2000 {
            let (taken, asleep) = polite.submit(&[job(number)]);
            assert_eq!(taken, 1);
            if asleep {
                own.ring();
            }
            while polite.reap(&mut back) == 0 {
                std::thread::yield_now();
            }
            assert_eq!(back[0].user_data, number);
        }
        over.store(true, Ordering::Relaxed);
        inbox.stop();
    });
    assert_eq!(end.outstanding(), 0);
    assert_eq!(metrics.snapshot().messages.total(), 2000);
}

#[test]
fn a_batch_that_is_longer_than_the_private_arena_is_cut() {
    let (mut worker, inbox, _) = worker();
    let (end, ring) = pair(64).unwrap();
    let payload = Payload::allocate(1 << 22).unwrap();
    let bell = || Arc::new(Doorbell::new().unwrap());
    let line = Line {
        end: ring,
        payload: payload.clone(),
        wake_worker: bell(),
        wake_client: bell(),
        admit: None,
        fault: Arc::default(),
        left: Arc::default(),
        grace: None,
    };
    inbox.hand_in(line).unwrap();
    let mut client = Client {
        end,
        payload,
        left: Arc::default(),
    };
    worker.look_up();
    let long = |number, len| Job {
        in_len: len,
        out_capacity: len,
        ..job(number)
    };
    let lens = [
        200_000,
        1 << 18,
        (1 << 18) + 1,
        200_000,
        200_000,
        200_000,
        7,
        1 << 22,
    ];
    let jobs: Vec<_> = (0..)
        .zip(lens)
        .map(|(number, len)| long(number, len))
        .collect();
    assert_eq!(client.end.submit(&jobs).0, 8);
    assert_eq!(worker.turn(), 8);
    let mut back = [Job::default(); 8];
    assert_eq!(client.end.reap(&mut back), 8);
    let (handle, too_long) = (Error::Handle.code(), Error::TooLong.code());
    let range = Error::OutOfRange.code();
    assert_eq!(
        back.map(|job| job.status),
        [
            handle, handle, too_long, handle, handle, handle, handle, range
        ]
    );
    assert_eq!(back.map(|job| job.in_len), lens);
    assert!(!client.payload.is_empty());
}
