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
//! | `report` | what came of it |

mod conduct;
mod find;
mod inside;
mod memory;
mod node;
mod record;
mod report;
mod schedule;
mod shared;
mod stage;
#[cfg(test)]
mod tests;
mod ue;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use naslane::engine::{Config, Engine};
use naslane::procedure::smc::Policy;

use conduct::Conductor;
use report::Report;
use shared::Shared;
use stage::Stage;
use ue::Ue;

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
    let shared = Arc::new(Shared::new(plan.seed, ues, (plan.patience, plan.pause)));
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
    let schedule = schedule::schedule(plan.seed, plan.time, plan.ttl);
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
