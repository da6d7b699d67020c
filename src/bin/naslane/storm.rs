//! `naslane storm`: an AMF half and a UE half take many subscribers through registration, protected traffic, idle
//! mode and deregistration, and check every message at the other side.

mod amf;
mod attack;
#[cfg(target_os = "linux")]
mod chaos;
mod door;
mod figures;
mod lane;
mod messages;
mod plan;
mod procedure;
pub(crate) mod random;
mod report;
mod siege;
mod slices;
mod traffic;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use naslane::door::Door;
use naslane::engine::{Config, Engine};

use crate::Outcome;
use crate::terminal::{bar, show};

use figures::Figures;
use lane::Lane;
use plan::Plan;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Subscribers [default: 100000; 60 with --chaos]
    #[arg(long, value_name = "N")]
    ues: Option<u64>,
    /// Ciphering algorithm of all UEs, 0 to 3; goes with --nia
    #[arg(long, value_name = "ID")]
    nea: Option<u8>,
    /// Integrity algorithm of all UEs, 1 to 3; goes with --nea
    #[arg(long, value_name = "ID")]
    nia: Option<u8>,
    /// Algorithm pairs and their shares in per cent [default: 2/2=70,1/1=20,3/3=10]
    #[arg(long, value_name = "NEA/NIA=PERCENT,...")]
    mix: Option<String>,
    /// Messages that the AMF half hands over in one call; 1: the single calls
    #[arg(long, value_name = "N", default_value_t = 64)]
    batch: usize,
    /// Threads, each with its share of the subscribers [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Register and deregister again and again under fresh keys, for so long [default: every UE once]
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// Messages lost on the air, in per cent of each direction
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    loss: f64,
    /// Try hostile messages around every genuine one
    #[arg(long)]
    hostile: bool,
    /// The door to the AMF half: inline, workers, sidecar, or sidecar=PATH for one that runs already
    #[arg(long, value_name = "DOOR", default_value = "inline")]
    engine: String,
    /// Authenticate the slices of every UE too; FILE names NSSAAF, slices and credentials (deploy/README.md)
    #[arg(long, value_name = "FILE")]
    nssaa: Option<std::path::PathBuf>,
    /// Where keys, contents, losses, faults and attacks come from [default: 1; with --chaos another each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print JSON, or write it to FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<std::path::PathBuf>,
    /// Three sidecars on a store of three members, all of which are killed, stopped and cut off at random: no COUNT is
    /// used twice, no replay accepted, no UE lost. Needs root, etcd and iproute2, and a build with the feature etcd
    #[arg(long)]
    chaos: bool,
    /// With --chaos: nodes and store in this process; needs nothing
    #[arg(long, requires = "chaos")]
    in_process: bool,
    /// With --chaos: who was served too late is told, and no reason to fail: for machines that others use too
    #[arg(long, requires = "chaos")]
    untimed: bool,
    /// With --chaos: the store forgets what it acknowledged, which must be noticed
    #[arg(long, requires = "chaos", conflicts_with = "in_process", hide = true)]
    forgetful: bool,
}

/// Runs the storm. Says no when a UE was lost or a hostile message accepted.
pub(crate) fn run(args: &Args) -> Outcome {
    #[cfg(target_os = "linux")]
    if args.chaos {
        return chaos::run(&chaos::Wish {
            seed: args.seed.unwrap_or_else(|| chaos_seed(std::process::id())),
            ues: args.ues.unwrap_or(60),
            seconds: args.seconds.unwrap_or(300),
            in_process: args.in_process,
            untimed: args.untimed,
            forgetful: args.forgetful,
            json: args.json.as_deref(),
        });
    }
    let plan = Plan::of(args)?;
    let sessions = plan.window * plan.threads;
    let entrance = door::open(&plan.engine, sessions)?;
    let door = &entrance.door;
    if let Some(slices) = &plan.slices {
        slices.configure(door)?;
    }
    let ues = Engine::new(&Config::for_sessions(sessions)).map_err(|error| error.to_string())?;
    let begin = Instant::now();
    let figures = storm((door, &ues), &plan)?;
    let elapsed = begin.elapsed();
    let good = figures.good() && door.sessions() == Ok(0) && ues.sessions() == 0;
    let run = report::Run {
        plan: &plan,
        door: (door.kind(), door.plan()),
        figures: &figures,
        elapsed,
        good,
    };
    match args.json.as_deref() {
        Some(path) if path != std::path::Path::new("-") => {
            let written = std::fs::write(path, run.json());
            written.map_err(|why| format!("{}: {why}", path.display()))?;
            show(&run.text())?;
        }
        Some(_) => show(&run.json())?,
        None => show(&run.text())?,
    }
    Ok(good)
}

/// A seed that is another one each time, short enough to be typed.
#[cfg(target_os = "linux")]
fn chaos_seed(process: u32) -> u64 {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let time = time.map_or(0, |time| time.as_millis() as u64);
    random::Random::of(&[time, u64::from(process)]).next() >> 32
}

fn storm((door, ues): (&Door, &Engine), plan: &Plan) -> Result<Figures, String> {
    let done = AtomicU64::new(0);
    let end = plan.time.map(|time| Instant::now() + time);
    let expired = || end.is_some_and(|end| Instant::now() >= end);
    std::thread::scope(|scope| {
        let mut threads = Vec::with_capacity(plan.threads);
        for index in 0..plan.threads as u64 {
            let edge = |index| plan.ues * index / plan.threads as u64;
            let numbers = edge(index)..edge(index + 1);
            let mut lane = Lane::new((door, ues), plan, &done)?;
            threads.push(scope.spawn(move || {
                lane.run(numbers, &expired);
                lane.amf.figures
            }));
        }
        watch(plan, &done, || {
            threads.iter().all(|thread| thread.is_finished())
        });
        let mut all = Figures::new(plan.mix.len())?;
        for thread in threads {
            let figures = thread.join().map_err(|_| {
                "a thread of the storm panicked; please report it with the arguments".to_owned()
            })?;
            all.add(figures);
        }
        Ok(all)
    })
}

/// Moves the bar until all threads have ended.
fn watch(plan: &Plan, done: &AtomicU64, ended: impl Fn() -> bool) {
    let begin = Instant::now();
    let steps = plan.time.map_or(plan.ues, |time| time.as_secs());
    let bar = bar(usize::try_from(steps).unwrap_or(usize::MAX));
    bar.set_message(if plan.time.is_some() {
        "seconds"
    } else {
        "UEs"
    });
    while !ended() {
        bar.set_position(match plan.time {
            Some(_) => begin.elapsed().as_secs().min(steps),
            None => done.load(Relaxed),
        });
        std::thread::sleep(Duration::from_millis(20));
    }
    bar.finish_and_clear();
}
