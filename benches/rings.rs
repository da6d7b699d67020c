//! What a hop to a worker costs: an empty job's round trip beside the bare ping-pong of two cache lines and other
//! queues, and the throughput of a worker beside the same batches on the caller's thread.
//!
//! `cargo bench --bench rings`. Contestants take turns within a round; minimum and median over the rounds. Answers
//! are checked. Needs two processors; with one it says so and runs each a little, asleep.

#![allow(clippy::print_stdout)] // a bench prints what it measured

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi};
use naslane::engine::job::{Job, op};
use naslane::engine::ring;
use naslane::engine::worker::{Cores, Machine, Wait};
use naslane::engine::{Config, Engine, QueueConfig, Workers, WorkersConfig};
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::{Activation, Answer, Request};
use naslane::security::{Algorithms, Identity, Role};
use naslane::session::Handle;
use rustix::thread::{CpuSet, sched_setaffinity};

const GPP: AccessType = AccessType::ThreeGpp;
/// Messages under way, and so sessions of either half.
const SLOTS: usize = 256;
const PLAIN: usize = 64;
const PLACE: usize = 128;

struct Run {
    rounds: usize,
    trips: u64,
    passes: usize,
    /// Client's and worker's processor.
    cores: [usize; 2],
    two: bool,
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).expect("a processor of this process");
}

/// Nanoseconds of each round; prints minimum and median.
fn print(name: &str, mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let (least, median) = (times[0], times[times.len() / 2]);
    println!("{name:44} minimum {least:8.1} ns, median {median:8.1} ns");
    median
}

#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

/// Waits as both sides of a round trip do.
fn until(run: &Run, mut ready: impl FnMut() -> bool) {
    while !ready() {
        if run.two {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

/// Nanoseconds of a round trip between this thread and `echo`, which runs on the other processor until it is told to
/// stop.
fn trips(run: &Run, echo: impl FnOnce(&AtomicBool) + Send, mut trip: impl FnMut(u64)) -> f64 {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(run.cores[1]);
            echo(&stop);
        });
        (0..run.trips / 10).for_each(&mut trip);
        let start = Instant::now();
        (run.trips / 10..run.trips + run.trips / 10).for_each(&mut trip);
        let time = start.elapsed().as_secs_f64() * 1e9 / run.trips as f64;
        stop.store(true, Ordering::Relaxed);
        time
    })
}

fn ping_pong(run: &Run) -> f64 {
    let (there, back) = (Line::default(), Line::default());
    let echo = |stop: &AtomicBool| {
        let mut last = 0;
        until(run, || {
            let now = there.0.load(Ordering::Acquire);
            if now != last {
                last = now;
                back.0.store(now, Ordering::Release);
            }
            stop.load(Ordering::Relaxed)
        });
    };
    trips(run, echo, |number| {
        there.0.store(number + 1, Ordering::Release);
        until(run, || back.0.load(Ordering::Acquire) == number + 1);
    })
}

fn array_queue(run: &Run) -> f64 {
    let (there, back) = (ArrayQueue::<Job>::new(256), ArrayQueue::<Job>::new(256));
    let echo = |stop: &AtomicBool| {
        until(run, || {
            if let Some(job) = there.pop() {
                back.push(job).expect("room");
            }
            stop.load(Ordering::Relaxed)
        });
    };
    trips(run, echo, |number| {
        let job = Job {
            user_data: number,
            ..Job::default()
        };
        there.push(job).expect("room");
        until(run, || {
            back.pop().is_some_and(|job| {
                assert_eq!(job.user_data, number);
                true
            })
        });
    })
}

fn bare_ring(run: &Run) -> f64 {
    let (mut client, mut worker) = ring::pair(256).expect("memory");
    let echo = move |stop: &AtomicBool| {
        let mut jobs = [Job::default(); 64];
        until(run, || {
            let count = worker.take(&mut jobs).expect("an honest client");
            let _ = worker.publish(&jobs[..count]); // nobody sleeps
            stop.load(Ordering::Relaxed)
        });
    };
    let mut back = [Job::default()];
    trips(run, echo, |number| {
        let job = Job {
            user_data: number,
            ..Job::default()
        };
        assert_eq!(client.submit(&[job]), (1, false));
        until(run, || client.reap(&mut back) == 1);
        assert_eq!(back[0].user_data, number);
    })
}

fn workers(run: &Run, wait: Wait) -> Workers {
    let mut config = WorkersConfig {
        engine: Config::for_sessions(4 * SLOTS),
        workers: 1,
        wait,
        ..WorkersConfig::default()
    };
    if run.two {
        config.cores = Cores::List(vec![run.cores[1]]);
    }
    // A plan is made from what the calling thread may use.
    let mut both = CpuSet::new();
    run.cores.iter().for_each(|core| both.set(*core));
    sched_setaffinity(None, &both).expect("processors of this process");
    let workers = Workers::start(&config).expect("starts");
    pin(run.cores[0]);
    workers
}

/// An empty job: the engine refuses its operation.
fn queue(run: &Run) -> f64 {
    let workers = workers(run, Wait::Spin);
    let mut queue = workers.open_queue(&QueueConfig::default()).expect("opens");
    let mut back = [Job::default()];
    let mut trip = |number| {
        let job = Job {
            user_data: number,
            ..Job::default()
        };
        assert_eq!(queue.submit(&[job]), 1);
        until(run, || queue.reap(&mut back) == 1);
        assert_eq!(
            (back[0].user_data, back[0].status),
            (number, Error::Operation.code())
        );
    };
    (0..run.trips / 10).for_each(&mut trip);
    let start = Instant::now();
    (0..run.trips).for_each(&mut trip);
    start.elapsed().as_secs_f64() * 1e9 / run.trips as f64
}

fn round_trips(run: &Run) {
    println!("-- round trip of one empty job, both sides spinning");
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..run.rounds {
        times[0].push(ping_pong(run));
        times[1].push(array_queue(run));
        times[2].push(bare_ring(run));
        times[3].push(queue(run));
    }
    let [ping, array, bare, queue] = times;
    let limit = print("two cache lines, ping-pong", ping);
    print("crossbeam ArrayQueue, both ways", array);
    print("ring pair", bare);
    let queue = print("queue and worker", queue);
    println!("a queue's round trip is {:.2} ping-pongs", queue / limit);
}

// ---- throughput ----

type Mix = (&'static str, &'static [(Nea, Nia)]);

const AES: (Nea, Nia) = (Nea::Nea2, Nia::Nia2);
const SNOW: (Nea, Nia) = (Nea::Nea1, Nia::Nia1);
const ZUC: (Nea, Nia) = (Nea::Nea3, Nia::Nia3);
const MIXES: [Mix; 4] = [
    ("AES", &[AES]),
    ("SNOW 3G", &[SNOW]),
    ("ZUC", &[ZUC]),
    (
        "half AES, a quarter SNOW 3G, a quarter ZUC",
        &[AES, SNOW, AES, ZUC],
    ),
];

fn secured(engine: &Engine, number: u64, (nea, nia): (Nea, Nia)) -> (Handle, Handle) {
    let identity = || {
        let mut k_amf = [0x5A; 32];
        k_amf[..8].copy_from_slice(&number.to_be_bytes());
        Identity {
            k_amf: KAmf::new(k_amf),
            ng_ksi: NgKsi::native(0).expect("0 is native"),
            ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70]).expect("two octets"),
            emergency: false,
        }
    };
    let (amf, ue) = (
        engine.establish(Role::Amf).expect("room"),
        engine.establish(Role::Ue).expect("room"),
    );
    engine.authenticated(amf, identity()).expect("fresh");
    engine.authenticated(ue, identity()).expect("fresh");
    let (mut command, mut answer) = ([0; 256], [0; 256]);
    let mut request = Request::new(GPP, Activation::Partial);
    request.algorithms = Some(Algorithms { nea, nia });
    let sent = engine
        .smc_command(amf, &request, &mut command)
        .expect("command");
    let env = engine.ue_env(identity().ue_sec_cap);
    let complete = engine.ue_command(ue, (GPP, &command[..sent.len]), &env, &mut answer);
    let Ok(Answer::Complete(complete)) = complete else {
        panic!("{complete:?}")
    };
    let received = engine.verify(amf, GPP, &answer[..complete.len], &mut command);
    assert!(received.procedure.is_some());
    (amf, ue)
}

/// A message that goes round: the UE protects it, the AMF verifies it, in one place of the arena.
struct Slot {
    pair: (Handle, Handle),
    number: usize,
}

impl Slot {
    fn protect(&self) -> Job {
        self.job(op::PROTECT, self.pair.1, PLAIN)
    }

    /// The step after one that is done.
    fn next(&self, done: &Job) -> Job {
        assert_eq!(done.status, 0, "{done:?}");
        match done.op {
            op::PROTECT => self.job(op::VERIFY, self.pair.0, PLAIN + 7),
            _ => self.protect(),
        }
    }

    fn job(&self, op: u8, handle: Handle, len: usize) -> Job {
        Job {
            op,
            access: 1,
            session: handle.bits(),
            user_data: self.number as u64,
            in_offset: (self.number * PLACE) as u32,
            in_len: len as u32,
            out_offset: (self.number * PLACE) as u32,
            out_capacity: PLACE as u32,
            ..Job::default()
        }
    }
}

fn plain() -> [u8; PLAIN] {
    let mut plain = [0xA5; PLAIN];
    plain[..3].copy_from_slice(&[0x7E, 0, 0x67]);
    plain
}

/// Nanoseconds a job of batches of 64 on one thread.
fn batches(run: &Run, engine: &Engine, slots: &[Slot]) -> f64 {
    let mut arena = vec![0; SLOTS * PLACE];
    let mut jobs: Vec<_> = slots.iter().map(Slot::protect).collect();
    for place in arena.chunks_mut(PLACE) {
        place[..PLAIN].copy_from_slice(&plain());
    }
    let start = Instant::now();
    for _ in 0..2 * run.passes {
        for (jobs, slots) in jobs.chunks_mut(64).zip(slots.chunks(64)) {
            engine.batch(jobs, &mut arena);
            for (job, slot) in jobs.iter_mut().zip(slots) {
                *job = slot.next(job);
            }
        }
    }
    let time = start.elapsed();
    assert!(arena.chunks(PLACE).all(|place| place[..PLAIN] == plain()));
    time.as_secs_f64() * 1e9 / (2 * run.passes * SLOTS) as f64
}

/// The same through a queue, with 256 jobs under way.
fn queued(run: &Run, workers: &Workers, slots: &[Slot]) -> f64 {
    let mut queue = workers
        .open_queue(&QueueConfig {
            entries: SLOTS as u32,
            arena: SLOTS * PLACE,
        })
        .expect("opens");
    for slot in slots {
        queue
            .write((slot.number * PLACE) as u32, &plain())
            .expect("in range");
    }
    let jobs: Vec<_> = slots.iter().map(Slot::protect).collect();
    let (mut back, mut next) = ([Job::default(); 64], [Job::default(); 64]);
    let total = 2 * run.passes * SLOTS;
    let start = Instant::now();
    let mut submitted = queue.submit(&jobs);
    assert_eq!(submitted, SLOTS);
    let mut done = 0;
    while done < total {
        let count = queue.reap(&mut back);
        if count == 0 {
            assert_eq!(queue.wait(Some(Duration::from_secs(20))), Ok(true));
            continue;
        }
        done += count;
        // At the end, each message has gone round equally often.
        let more = count.min(total - submitted);
        for (next, done) in next.iter_mut().zip(&back[..more]) {
            *next = slots[done.user_data as usize].next(done);
        }
        submitted += queue.submit(&next[..more]);
    }
    let time = start.elapsed();
    let mut octets = [0; PLAIN];
    for slot in slots {
        queue
            .read((slot.number * PLACE) as u32, &mut octets)
            .expect("in range");
        assert_eq!(octets, plain());
    }
    time.as_secs_f64() * 1e9 / total as f64
}

fn throughput(run: &Run) {
    println!(
        "-- protect and verify 64 octets: one thread's batches of 64, one worker with 256 jobs under way"
    );
    for (mix, (name, algorithms)) in MIXES.iter().enumerate() {
        let workers = workers(run, Wait::Adaptive);
        let engine = workers.engine(0).expect("one worker");
        let slots: Vec<_> = (0..SLOTS)
            .map(|number| {
                let key = (mix * SLOTS + number) as u64;
                let pair = secured(engine, key, algorithms[number % algorithms.len()]);
                Slot { pair, number }
            })
            .collect();
        let (mut alone, mut through) = (Vec::new(), Vec::new());
        for _ in 0..run.rounds {
            // Where the worker runs, which sleeps meanwhile: processors differ.
            alone.push(std::thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    pin(run.cores[1]);
                    batches(run, engine, &slots)
                });
                thread.join().expect("no panic")
            }));
            through.push(queued(run, &workers, &slots));
        }
        let alone = print(&format!("{name}: batches"), alone);
        let through = print(&format!("{name}: queue"), through);
        println!(
            "a worker does {:.0} % of the batches' work",
            100.0 * alone / through
        );
    }
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let machine = Machine::detect();
    let two = machine.processors > 1;
    let (first, last) = (
        machine.allowed[0],
        machine.allowed[machine.allowed.len() - 1],
    );
    if !two {
        println!("one processor: these are no figures");
    }
    let run = Run {
        rounds: if smoke || !two { 1 } else { 21 },
        trips: if smoke || !two { 100 } else { 20_000 },
        passes: if smoke || !two { 2 } else { 100 },
        cores: [first, last],
        two,
    };
    pin(first);
    round_trips(&run);
    throughput(&run);
}
