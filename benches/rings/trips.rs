//! Round trips of one empty job, or of 64 octets where the contestant knows no jobs.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use naslane::base::Error;
use naslane::engine::job::Job;
use naslane::engine::worker::{Cores, Wait};
use naslane::engine::{Config, QueueConfig, Workers, WorkersConfig, ring};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send};
use rustix::thread::futex;

use super::common::{Run, Target, pin, print, row, until};

#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

/// Nanoseconds of a round trip between this thread and `echo`, which runs on the other processor until it is told to
/// stop and `wake` was called.
fn trips(
    (core, trips): (usize, u64),
    echo: impl FnOnce(&AtomicBool) + Send,
    mut trip: impl FnMut(u64),
    wake: impl FnOnce(),
) -> f64 {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(&[core]);
            echo(&stop);
        });
        (0..trips / 10).for_each(&mut trip);
        let start = Instant::now();
        (trips / 10..trips + trips / 10).for_each(&mut trip);
        let time = start.elapsed().as_secs_f64() * 1e9 / trips as f64;
        stop.store(true, Ordering::Relaxed);
        wake();
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
    let trip = |number| {
        there.0.store(number + 1, Ordering::Release);
        until(run, || back.0.load(Ordering::Acquire) == number + 1);
    };
    trips((run.cores[1], run.trips), echo, trip, || ())
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
    let trip = |number| {
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
    };
    trips((run.cores[1], run.trips), echo, trip, || ())
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
    let trip = |number| {
        let job = Job {
            user_data: number,
            ..Job::default()
        };
        assert_eq!(client.submit(&[job]), (1, false));
        until(run, || client.reap(&mut back) == 1);
        assert_eq!(back[0].user_data, number);
    };
    trips((run.cores[1], run.trips), echo, trip, || ())
}

/// Blocking on both sides, as a service on a socket is.
fn seqpacket(run: &Run) -> f64 {
    let (near, far) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::empty(),
        None,
    )
    .expect("sockets");
    let echo = |_: &AtomicBool| {
        let mut octets = [0; 64];
        while recv(&far, &mut octets[..], RecvFlags::empty())
            .expect("received")
            .0
            == 64
        {
            send(&far, &octets, SendFlags::empty()).expect("sent");
        }
    };
    let trip = |number: u64| {
        let mut octets = [number as u8; 64];
        send(&near, &octets, SendFlags::empty()).expect("sent");
        let (len, _) = recv(&near, &mut octets[..], RecvFlags::empty()).expect("received");
        assert_eq!((len, octets), (64, [number as u8; 64]));
    };
    // A shorter message ends it.
    let end = || drop(send(&near, &[0], SendFlags::empty()));
    trips((run.cores[1], run.trips.div_ceil(10)), echo, trip, end)
}

#[cfg(feature = "ring-peers")]
fn iceoryx(run: &Run) -> Option<f64> {
    use iceoryx2::prelude::*;
    type Message = [u64; 8];
    let name = format!("naslane/rings/{}", std::process::id());
    // Each side has a node of its own, as two processes would.
    let open = || {
        let node = NodeBuilder::new().create::<ipc::Service>().expect("a node");
        let service = node
            .service_builder(&name.as_str().try_into().expect("a name"))
            .request_response::<Message, Message>()
            .open_or_create()
            .expect("a service");
        (node, service)
    };
    let (_node, service) = open();
    let client = service.client_builder().create().expect("a client");
    let ready = AtomicBool::new(false);
    let echo = |stop: &AtomicBool| {
        let (_node, service) = open();
        let server = service.server_builder().create().expect("a server");
        ready.store(true, Ordering::Release);
        until(run, || {
            if let Some(request) = server.receive().expect("received") {
                request.send_copy(*request).expect("sent");
            }
            stop.load(Ordering::Relaxed)
        });
    };
    let trip = |number| {
        until(run, || ready.load(Ordering::Acquire));
        let pending = client.send_copy([number; 8]).expect("sent");
        until(run, || {
            pending
                .receive()
                .expect("received")
                .is_some_and(|response| {
                    assert_eq!(*response, [number; 8]);
                    true
                })
        });
    };
    Some(trips((run.cores[1], run.trips), echo, trip, || ()))
}

#[cfg(not(feature = "ring-peers"))]
fn iceoryx(_: &Run) -> Option<f64> {
    None
}

/// An empty job: the engine refuses its operation.
fn queue(run: &Run) -> f64 {
    let mut config = WorkersConfig {
        engine: Config::for_sessions(64),
        workers: 1,
        wait: Wait::Spin,
        ..WorkersConfig::default()
    };
    if run.two {
        config.cores = Cores::List(vec![run.cores[1]]);
    }
    pin(&run.cores);
    let workers = Workers::start(&config).expect("starts");
    pin(&run.cores[..1]);
    let mut queue = workers.open_queue(&QueueConfig::default()).expect("opens");
    let mut back = [Job::default()];
    let mut trip = |number| {
        let job = Job {
            user_data: number,
            ..Job::default()
        };
        assert_eq!(queue.submit(&[job]), 1);
        until(run, || queue.reap(&mut back) == 1);
        let answer = (back[0].user_data, back[0].status);
        assert_eq!(answer, (number, Error::Operation.code()));
    };
    (0..run.trips / 10).for_each(&mut trip);
    let start = Instant::now();
    (0..run.trips).for_each(&mut trip);
    start.elapsed().as_secs_f64() * 1e9 / run.trips as f64
}

/// Returns the median of a queue's round trip.
pub(crate) fn round_trips(run: &Run) -> f64 {
    println!("-- round trip of one empty job, both sides spinning");
    let mut times = [const { Vec::new() }; 6];
    for _ in 0..run.rounds {
        times[0].push(ping_pong(run));
        times[1].push(queue(run));
        times[2].push(bare_ring(run));
        times[3].push(array_queue(run));
        times[4].push(seqpacket(run));
        times[5].extend(iceoryx(run));
    }
    let [ping, own, bare, array, socket, ice] = times;
    print("two cache lines, ping-pong", &ping);
    print("ring pair", &bare);
    print("crossbeam ArrayQueue, both ways", &array);
    print("Unix seqpacket, blocking", &socket);
    row(
        "queue and worker / ping-pong",
        (&own, &ping),
        Target::AtMost(2.5),
    );
    row(
        "Unix seqpacket / queue and worker",
        (&socket, &own),
        Target::AtLeast(20.0),
    );
    if ice.is_empty() {
        println!("## iceoryx2 request-response: --features ring-peers");
    } else {
        print("iceoryx2 request-response", &ice);
        row(
            "iceoryx2 request-response / queue and worker",
            (&ice, &own),
            Target::AtLeast(4.0),
        );
    }
    print("queue and worker", &own)
}

// ---- one processor ----

fn futexes(run: &Run) -> f64 {
    let (there, back) = (AtomicU32::new(0), AtomicU32::new(0));
    let flags = futex::Flags::PRIVATE;
    let sleep = |word: &AtomicU32, old: u32| {
        while word.load(Ordering::Acquire) == old {
            let _ = futex::wait(word, flags, old, None); // changed meanwhile, or interrupted: look again
        }
    };
    let ring = |word: &AtomicU32, number: u32| {
        word.store(number, Ordering::Release);
        futex::wake(word, flags, 1).expect("woken");
    };
    let echo = |stop: &AtomicBool| {
        let mut last = 0;
        loop {
            sleep(&there, last);
            if stop.load(Ordering::Relaxed) {
                return;
            }
            last = there.load(Ordering::Acquire);
            ring(&back, last);
        }
    };
    let trip = |number: u64| {
        let number = number as u32;
        ring(&there, number + 1);
        sleep(&back, number);
        assert_eq!(back.load(Ordering::Relaxed), number + 1);
    };
    let end = || ring(&there, u32::MAX);
    trips((run.cores[0], run.trips.div_ceil(10)), echo, trip, end)
}

/// Returns nanoseconds, and how often the worker went round for a job.
fn sleepers(run: &Run) -> (f64, f64) {
    let workers = Workers::start(&WorkersConfig {
        engine: Config::for_sessions(64),
        workers: 1,
        wait: Wait::Spin,
        ..WorkersConfig::default()
    })
    .expect("starts");
    let plan = workers.plan();
    assert_eq!(
        (plan.wait, plan.spin),
        (Wait::Block, Duration::ZERO),
        "{plan}"
    );
    let mut queue = workers.open_queue(&QueueConfig::default()).expect("opens");
    let mut back = [Job::default()];
    let trips = run.trips.div_ceil(10);
    let start = Instant::now();
    for number in 0..trips {
        let job = Job {
            user_data: number,
            ..Job::default()
        };
        assert_eq!(queue.submit(&[job]), 1);
        assert_eq!(queue.wait(None), Ok(true));
        assert_eq!(queue.reap(&mut back), 1);
        assert_eq!(back[0].user_data, number);
    }
    let time = start.elapsed().as_secs_f64() * 1e9 / trips as f64;
    (time, workers.stats()[0].turns as f64 / trips as f64)
}

/// As in a container with one processor, whatever was asked for.
pub(crate) fn one_processor(run: &Run) {
    println!("-- one processor: a worker and its client sleep");
    pin(&run.cores[..1]);
    let (mut own, mut bare, mut turns) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..run.rounds {
        bare.push(futexes(run));
        let (time, looks) = sleepers(run);
        own.push(time);
        turns.push(looks);
    }
    print("futex on both sides", &bare);
    print("queue and worker, both asleep", &own);
    row(
        "one processor: queue and worker / futex",
        (&own, &bare),
        Target::AtMost(2.0),
    );
    println!(
        "   no spinning: the worker goes round {:.1} times a job, and sleeps between jobs",
        turns.iter().copied().fold(0.0, f64::max)
    );
}
