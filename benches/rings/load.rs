//! Latency under an open load, and system calls.
//!
//! Messages come at times that were drawn before (Poisson), and latency counts from then on, whether or not the client
//! was in time to submit: nothing is left out because something else was slow.

use std::process::Command;
use std::time::{Duration, Instant};

use naslane::door::Queue;
use naslane::engine::job::{Job, op};
use naslane::engine::worker::Wait;

use super::common::{GPP, MIXES, NAS_MIX, PLAIN, Run, Target, World, median, next, pin, verdict};

const SUBSCRIBERS: usize = 256;

/// Uniform numbers: xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nanoseconds at which messages come, `between` on average.
    fn arrivals(&mut self, count: usize, between: f64) -> Vec<f64> {
        let mut now = 0.0;
        let next = |_| {
            now -= between * (1.0 - self.next()).ln();
            now
        };
        (0..count).map(next).collect()
    }
}

fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q) as usize]
}

/// The latency of each message, in the order of completion.
fn open_loop(world: &World, queue: &mut Queue, arrivals: &[f64]) -> Vec<f64> {
    let mut latencies = Vec::with_capacity(arrivals.len());
    let (mut jobs, mut back) = ([Job::default(); 64], [Job::default(); 64]);
    let (mut sent, mut shown) = (0, 0);
    let start = Instant::now();
    let now = || start.elapsed().as_nanos() as f64;
    while latencies.len() < arrivals.len() {
        let time = now();
        while shown - sent < jobs.len() && arrivals.get(shown).is_some_and(|due| *due <= time) {
            // Downlink and uplink in turn; no subscriber has two under way unless 256 are.
            let number = shown % SUBSCRIBERS;
            jobs[shown - sent] = Job {
                user_data: shown as u64,
                ..world.job(number, shown / SUBSCRIBERS % 2 == 0)
            };
            shown += 1;
        }
        if shown > sent {
            let taken = queue.submit(&jobs[..shown - sent]).expect("open");
            jobs.copy_within(taken..shown - sent, 0);
            sent += taken;
        }
        let count = queue.reap(&mut back);
        if count > 0 {
            let time = now();
            for job in &back[..count] {
                let len = if job.op == op::PROTECT {
                    PLAIN + 7
                } else {
                    PLAIN
                };
                assert_eq!((job.status, job.out_len as usize), (0, len));
                latencies.push(time - arrivals[job.user_data as usize]);
            }
        } else {
            std::hint::spin_loop();
        }
    }
    latencies
}

/// A greedy loop in numbers: up to 64 messages that wait are taken, and all are done after `service(count)`.
fn simulated(arrivals: &[f64], service: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut latencies = Vec::with_capacity(arrivals.len());
    let (mut free, mut first) = (0.0_f64, 0);
    while first < arrivals.len() {
        let begin = free.max(arrivals[first]);
        let waiting = arrivals[first..]
            .iter()
            .take(64)
            .take_while(|due| **due <= begin);
        let count = waiting.count();
        free = begin + service(count);
        latencies.extend(arrivals[first..first + count].iter().map(|due| free - due));
        first += count;
    }
    latencies
}

const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Nanoseconds of a batch of each size, on the worker's processor while this thread waits as a client does.
fn service_times(run: &Run, world: &World) -> [f64; 7] {
    let over = std::sync::atomic::AtomicBool::new(!run.two);
    let flag = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            pin(&run.cores[1..]);
            let mut arena = world.arena();
            let mut jobs: Vec<_> = (0..SUBSCRIBERS)
                .map(|number| world.job(number, true))
                .collect();
            let times = SIZES.map(|size| {
                let mut each = Vec::new();
                for _ in 0..run.passes.max(4) {
                    let start = Instant::now();
                    for jobs in jobs.chunks_mut(size) {
                        world.engine().batch(jobs, &mut arena);
                    }
                    each.push(start.elapsed().as_nanos() as f64 / (SUBSCRIBERS / size) as f64);
                    jobs.iter_mut().for_each(|job| *job = next(world, job));
                }
                median(each)
            });
            over.store(true, flag);
            times
        });
        while !over.load(flag) {
            std::hint::spin_loop();
        }
        thread.join().expect("no panic")
    })
}

fn interpolated(times: &[f64; 7], count: usize) -> f64 {
    let above = SIZES.iter().position(|size| *size >= count).unwrap_or(6);
    if SIZES[above] == count || above == 0 {
        return times[above];
    }
    let (low, high) = (SIZES[above - 1] as f64, SIZES[above] as f64);
    let part = (count as f64 - low) / (high - low);
    times[above - 1] + part * (times[above] - times[above - 1])
}

/// Nanoseconds of a single protected message, on the worker's processor.
fn single_call(run: &Run, world: &World) -> f64 {
    let engine = world.engine();
    std::thread::scope(|scope| {
        let call = || {
            pin(&run.cores[1..]);
            let mut out = [0; PLAIN + 7];
            let mut each = Vec::new();
            for _ in 0..run.passes.max(4) {
                let start = Instant::now();
                for handle in &world.handles {
                    let sent = engine.protect(*handle, GPP, &plain(), &mut out);
                    assert_eq!(sent.expect("secured").len, out.len());
                }
                each.push(start.elapsed().as_nanos() as f64 / world.handles.len() as f64);
            }
            median(each)
        };
        scope.spawn(call).join().expect("no panic")
    })
}

/// `round_trip` and `busy` are nanoseconds of an empty round trip and of a job at full load, of this run.
pub(crate) fn latency(run: &Run, (round_trip, busy): (f64, f64)) {
    println!("-- latency, open loop, Poisson arrivals, NAS mix; AES at 1 %");
    let rounds = run.rounds.min(9);
    let count = run.passes * 200;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    {
        let quiet = World::workers(run, Wait::Adaptive, (MIXES[0], SUBSCRIBERS));
        let call = single_call(run, &quiet);
        drop(quiet);
        let world = World::workers(run, Wait::Spin, (MIXES[0], SUBSCRIBERS));
        let mut queue = world.queue(SUBSCRIBERS);
        let mut p50 = Vec::new();
        for _ in 0..rounds {
            let arrivals = random.arrivals(count / 20 + 10, 100.0 * busy);
            p50.push(quantile(open_loop(&world, &mut queue, &arrivals), 0.5));
        }
        let sum = call + round_trip;
        let least = p50.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "   one call {call:.0} ns, empty round trip {round_trip:.0} ns; p50 at 1 % load {:.0} ns",
            median(p50.clone())
        );
        verdict(
            "p50 at 1 % load / one call + one round trip",
            median(p50) / sum,
            least / sum,
            Target::AtMost(1.2),
        );
    }
    let quiet = World::workers(run, Wait::Adaptive, (NAS_MIX, SUBSCRIBERS));
    let times = service_times(run, &quiet);
    drop(quiet);
    println!("   service times of batches of {SIZES:?}: {:.0?} ns", times);
    let world = World::workers(run, Wait::Spin, (NAS_MIX, SUBSCRIBERS));
    let mut queue = world.queue(SUBSCRIBERS);
    let (mut p99, mut expected, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let arrivals = random.arrivals(count, busy / 0.8);
        let found = quantile(open_loop(&world, &mut queue, &arrivals), 0.99);
        let wanted = simulated(&arrivals, |count| interpolated(&times, count));
        let wanted = quantile(wanted, 0.99);
        ratios.push(found / wanted);
        p99.push(found);
        expected.push(wanted);
    }
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "   p99 at 80 % load: {:.0} ns, least {:.0}; simulated {:.0} ns",
        median(p99.clone()),
        least(&p99),
        median(expected.clone())
    );
    let minima = least(&p99) / least(&expected);
    verdict(
        "p99 at 80 % load / simulated greedy loop",
        median(ratios),
        minima,
        Target::AtMost(2.0),
    );
}

/// Runs this program under strace, twice, with so many messages more: what one of them costs in system calls.
pub(crate) fn system_calls(run: &Run) {
    println!("-- system calls a message under load, counted by strace");
    let program = std::env::current_exe().expect("this program");
    let report = std::env::temp_dir().join(format!("naslane-rings-{}.calls", std::process::id()));
    let mut counts = [0.0; 2];
    let passes = [10, 10 + 4 * run.passes];
    for (count, passes) in counts.iter_mut().zip(passes) {
        let traced = Command::new("strace")
            .args(["-f", "-c", "-U", "calls,name", "-o"])
            .arg(&report)
            .arg(&program)
            .args(["--under-load", &passes.to_string()])
            .status();
        if !traced.is_ok_and(|status| status.success()) {
            println!("## system calls a message: not counted, no strace");
            return;
        }
        let text = std::fs::read_to_string(&report).expect("written");
        let total = text
            .lines()
            .find(|line| line.trim_end().ends_with(" total"));
        let number = total.and_then(|line| line.split_whitespace().next());
        *count = number.expect("a total").parse().expect("a number");
    }
    let _ = std::fs::remove_file(&report);
    let messages = (passes[1] - passes[0]) * 2 * SUBSCRIBERS;
    let more = counts[1] - counts[0];
    println!("   {} system calls more for {messages} messages more", more);
    verdict(
        "system calls a message under load",
        more / messages as f64,
        more / messages as f64,
        Target::AtMost(0.0005),
    );
}

/// What runs under strace: nothing but messages through a queue.
pub(crate) fn under_load(run: &Run) {
    let world = World::workers(run, Wait::Spin, (NAS_MIX, SUBSCRIBERS));
    let mut queue = world.queue(SUBSCRIBERS);
    let jobs: Vec<_> = (0..SUBSCRIBERS)
        .map(|number| world.job(number, true))
        .collect();
    let (mut back, mut done) = ([Job::default(); 64], 0);
    let mut submitted = queue.submit(&jobs).expect("open");
    let total = 2 * run.passes * SUBSCRIBERS;
    let begin = Instant::now();
    while done < total {
        let count = queue.reap(&mut back);
        done += count;
        for job in &back[..count] {
            if submitted < total {
                submitted += queue.submit(&[next(&world, job)]).expect("open");
            }
        }
        assert!(
            begin.elapsed() < Duration::from_secs(120),
            "too slow to count"
        );
    }
}
