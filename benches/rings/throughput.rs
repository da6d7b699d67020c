//! What a worker does in batches, beside the same batches on one thread, and what a sidecar does beside a worker.
//!
//! The two processors of a virtual machine are often two threads of one core: whoever spins on the one slows the other.
//! A thread that has the machine to itself is therefore no fair measure of a worker whose client runs beside it, and
//! both are printed: the batches alone, and beside a thread that does nothing but wait as a client does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use naslane::door::Queue;
use naslane::engine::Engine;
use naslane::engine::job::Job;
use naslane::engine::worker::Wait;

use super::common::{MIXES, NAS_MIX, Run, Target, World, next, pin, print, row};

/// Subscribers, and jobs under way for a worker's throughput.
const MANY: usize = 256;
/// Jobs under way of the sidecar's row.
const FEW: usize = 64;

/// Nanoseconds a job of batches of 64 on this thread.
fn batches(run: &Run, world: &World, engine: &Engine) -> f64 {
    let mut arena = world.arena();
    let mut jobs: Vec<_> = (0..world.handles.len())
        .map(|number| world.job(number, true))
        .collect();
    let mut pass = |arena: &mut [u8]| {
        for jobs in jobs.chunks_mut(64) {
            engine.batch(jobs, arena);
            for job in jobs {
                *job = next(world, job);
            }
        }
    };
    pass(&mut arena);
    let start = Instant::now();
    for _ in 0..2 * run.passes {
        pass(&mut arena);
    }
    start.elapsed().as_secs_f64() * 1e9 / (2 * run.passes * world.handles.len()) as f64
}

/// The same where the worker runs, which sleeps meanwhile: processors differ.
fn there<T: Send>(run: &Run, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            pin(&run.cores[1..]);
            work()
        });
        thread.join().expect("no panic")
    })
}

/// While this thread waits beside it as a client does that has nothing to do.
fn beside<T: Send>(run: &Run, work: impl FnOnce() -> T + Send) -> T {
    let over = AtomicBool::new(!run.two);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            pin(&run.cores[1..]);
            let result = work();
            over.store(true, Ordering::Release);
            result
        });
        while !over.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        thread.join().expect("no panic")
    })
}

/// Nanoseconds a job through a queue, with so many under way: each is followed by its subscriber's next one.
fn queued(run: &Run, world: &World, queue: &mut Queue) -> f64 {
    let outstanding = world.handles.len();
    let jobs: Vec<_> = (0..outstanding)
        .map(|number| world.job(number, true))
        .collect();
    let (mut back, mut following) = ([Job::default(); 64], [Job::default(); 64]);
    let total = 2 * run.passes * outstanding;
    let start = Instant::now();
    let mut submitted = queue.submit(&jobs).expect("open");
    assert_eq!(submitted, outstanding);
    let mut done = 0;
    while done < total {
        let count = queue.reap(&mut back);
        if count == 0 {
            assert_eq!(queue.wait(Some(Duration::from_secs(20))), Ok(true));
            continue;
        }
        done += count;
        // At the end, each subscriber has had equally many.
        let more = count.min(total - submitted);
        for (following, done) in following.iter_mut().zip(&back[..more]) {
            *following = next(world, done);
        }
        submitted += queue.submit(&following[..more]).expect("open");
    }
    start.elapsed().as_secs_f64() * 1e9 / total as f64
}

/// Once for everybody, and what came out is read by the UEs.
fn checked(world: &World, entries: usize) -> Queue {
    let mut queue = world.queue(entries);
    let both = |downlink| (0..world.handles.len()).map(move |number| world.job(number, downlink));
    for downlink in [true, false] {
        let jobs: Vec<_> = both(downlink).collect();
        assert_eq!(queue.submit(&jobs), Ok(jobs.len()));
        let (mut back, mut done) = ([Job::default(); 64], 0);
        while done < jobs.len() {
            assert_eq!(queue.wait(Some(Duration::from_secs(20))), Ok(true));
            done += queue.reap(&mut back);
        }
    }
    let mut arena = world.arena();
    queue.read(0, &mut arena).expect("in range");
    world.check(&arena);
    queue
}

/// Returns nanoseconds a job of the NAS mix through a queue.
pub(crate) fn workers(run: &Run) -> f64 {
    println!(
        "-- protect and verify 64 octets: batches of 64 on one thread, one worker with 256 jobs under way"
    );
    let mut through = Vec::new();
    for mix in MIXES {
        let world = World::workers(run, Wait::Adaptive, (mix, MANY));
        let mut queue = checked(&world, MANY);
        let engine = world.engine();
        through = Vec::new();
        let (mut alone, mut watched, mut inline) = (Vec::new(), Vec::new(), Vec::new());
        // The software of the hop without the way between processors.
        let same = World::inline(run, (mix, MANY));
        let mut own = checked(&same, MANY);
        for _ in 0..run.rounds {
            inline.push(there(run, || queued(run, &same, &mut own)));
            alone.push(there(run, || batches(run, &world, engine)));
            through.push(queued(run, &world, &mut queue));
            watched.push(beside(run, || batches(run, &world, engine)));
        }
        print(&format!("{}: batches, alone", mix.0), &alone);
        print("   batches, beside a thread that waits", &watched);
        print("   queue, on one thread", &inline);
        print("   queue and worker", &through);
        let of = |base: &str| format!("{}: worker's throughput / batches {base}", mix.0);
        row(
            &of("beside a waiting thread"),
            (&watched, &through),
            Target::AtLeast(0.9),
        );
        row(&of("alone"), (&alone, &through), Target::AtLeast(0.9));
    }
    super::common::median(through)
}

pub(crate) fn sidecar(run: &Run) {
    println!(
        "-- protect and verify 64 octets, 64 jobs under way: a sidecar with one worker, one worker in the process"
    );
    let here = World::workers(run, Wait::Adaptive, (NAS_MIX, FEW));
    let away = World::sidecar(run, (NAS_MIX, FEW));
    let mut queues = (checked(&here, FEW), checked(&away, FEW));
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for _ in 0..run.rounds {
        // Four times as many passes, because there are fewer subscribers.
        let run = Run {
            passes: 4 * run.passes,
            ..*run
        };
        inside.push(queued(&run, &here, &mut queues.0));
        outside.push(queued(&run, &away, &mut queues.1));
    }
    print("worker in the process", &inside);
    print("sidecar", &outside);
    row(
        "NAS mix: sidecar's throughput / worker's",
        (&inside, &outside),
        Target::AtLeast(0.8),
    );
}
