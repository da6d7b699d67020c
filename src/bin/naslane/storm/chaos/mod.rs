//! `naslane storm --chaos`: nodes of an AMF set, their store and the air fail at random, and UEs check every message
//! against a record of every (key, COUNT, BEARER, DIRECTION) that was ever used.
//!
//! | file | what |
//! |---|---|
//! | `schedule` | what fails and when: a function of the seed |
//! | `record` | the independent record |
//! | `ue`, `find` | a UE and its AMF; what that AMF does when its node falls silent |
//! | `node`, `shared` | a node as an AMF sees it, and what everybody shares |
//! | `conduct` | carries the faults out |
//! | `stage`, `inside`, `memory` | three nodes and a store in this process |
//! | `daemon`, `network`, `etcd` | sidecars in network namespaces, and a cluster |
//! | `report` | what came of it |

mod conduct;
mod daemon;
mod etcd;
mod find;
mod inside;
mod memory;
mod network;
mod node;
mod record;
mod report;
mod schedule;
mod shared;
mod stage;
#[cfg(test)]
mod tests;
mod ue;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use naslane::engine::{Config, Engine};
use naslane::procedure::smc::Policy;

use crate::Outcome;
use crate::terminal::show;

use conduct::Conductor;
use daemon::Daemons;
use memory::Wire;
use report::Report;
use shared::Shared;
use stage::{InProcess, Stage};
use ue::Ue;

/// Sessions that a node has room for: those of UEs that had to begin anew stay for a while.
const SESSIONS: usize = 4096;

/// One run.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    ues: u64,
    time: Duration,
    /// How long a lost node's presence lasts: the measure of all faults.
    ttl: Duration,
    /// Longest wait for one call, and longest pause of a UE between two.
    patience: Duration,
    pause: Duration,
    /// Nothing fails by chance, and no AMF changes a key of its own accord: what the stage has planned is all.
    calm: bool,
}

/// What is asked for.
pub(super) struct Wish<'a> {
    pub(super) seed: u64,
    pub(super) ues: u64,
    pub(super) seconds: u64,
    pub(super) in_process: bool,
    /// Nobody fails for being late.
    pub(super) untimed: bool,
    /// Nothing fails but the store, which halfway forgets what it acknowledged: that this is noticed shows what the
    /// record is good for.
    pub(super) forgetful: bool,
    /// Where JSON goes: a file, or `-`.
    pub(super) json: Option<&'a Path>,
}

/// Most UEs: each has four threads.
const MOST: u64 = 500;

/// Runs it. Says no when a COUNT was reused, a replay accepted, a UE lost or, unless `untimed`, served too late.
pub(super) fn run(wish: &Wish<'_>) -> Outcome {
    if !(1..=MOST).contains(&wish.ues) || !(1..=86_400).contains(&wish.seconds) {
        return Err(format!(
            "--chaos takes 1 to {MOST} --ues, and 1 to 86400 --seconds"
        ));
    }
    if !wish.in_process {
        network::enter()?;
    }
    let ms = Duration::from_millis;
    let plan = |ttl, patience, pause| Plan {
        seed: wish.seed,
        ues: wish.ues,
        time: Duration::from_secs(wish.seconds),
        ttl,
        patience,
        pause,
        // With the keys that the copy knows a UE gets past a whole lease between the copy and its return.
        calm: wish.forgetful,
    };
    let quiet = wish.json.is_some_and(|path| path == Path::new("-"));
    let tell = |time: Duration, what: &str| {
        if !quiet {
            // A closed output is noticed at the end.
            let _ = show(&format!("{:9.3} {what}\n", time.as_secs_f64()));
        }
    };
    if !quiet {
        show(&format!("seed {}\n", wish.seed))?;
    }
    let report = if wish.in_process {
        let plan = plan(ms(250), ms(100), ms(8));
        let mut stage = InProcess::new(|wire: Wire| wire, plan.ttl, SESSIONS);
        play(&plan, &mut stage, &tell)?
    } else {
        let plan = plan(ms(2000), ms(250), ms(60));
        let mut stage = Daemons::new(plan.ttl, SESSIONS)?;
        stage.plant(wish.forgetful.then_some(plan.time / 4));
        play(&plan, &mut stage, &tell)?
    };
    match wish.json {
        Some(_) if quiet => show(&report.json())?,
        Some(path) => {
            fs::write(path, report.json()).map_err(|why| format!("{}: {why}", path.display()))?;
            show(&report.text())?;
        }
        None => show(&report.text())?,
    }
    Ok(report.good() || wish.untimed && report.faults().is_empty())
}

/// Runs the schedule of a seed on a stage.
fn play(
    plan: &Plan,
    stage: &mut dyn Stage,
    tell: &dyn Fn(Duration, &str),
) -> Result<Report, String> {
    let mut config = Config::for_sessions(usize::try_from(plan.ues).unwrap_or(usize::MAX).max(64));
    config.smc.policy = Policy::from_ids(&[2], &[2]).map_err(|error| error.to_string())?;
    let ues = Engine::new(&config).map_err(|error| error.to_string())?;
    let shared = Arc::new(Shared::new(plan, ues));
    let described = stage.describe();
    let mut conductor = Conductor::new(stage, shared.clone(), tell);
    conductor.all_serve()?;
    let mut threads = Vec::new();
    for number in 0..plan.ues {
        let ue = Ue::new(number, shared.clone())?;
        let thread = std::thread::Builder::new()
            .stack_size(512 << 10)
            .spawn(move || ue.run());
        threads.push(thread.map_err(|why| format!("no thread for a UE: {why}"))?);
    }
    let schedule = match plan.calm {
        true => Vec::new(),
        false => schedule::schedule(plan.seed, plan.time, plan.ttl),
    };
    let run = conductor.run(&schedule, plan.time);
    shared.loss.store(0, Ordering::Relaxed);
    shared.ending.store(true, Ordering::Release);
    let mut panicked = false;
    for thread in threads {
        panicked |= thread.join().is_err();
    }
    let events = conductor.events();
    run?;
    if panicked {
        return Err(format!(
            "a thread of the storm panicked; please report it with seed {}",
            plan.seed
        ));
    }
    let tally = std::mem::take(&mut *shared.tally());
    Ok(Report {
        seed: plan.seed,
        stage: described,
        ues: plan.ues,
        time: plan.time,
        events,
        findings: shared.record.findings(),
        tally,
    })
}
