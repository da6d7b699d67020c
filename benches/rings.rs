//! What a hop to a worker costs: every row of the table of targets, each as a ratio of contestants that took turns in
//! this run, with its target and whether it was met. Answers are checked.
//!
//! `cargo bench --bench rings [-- ROW...]`, rows: trips, one, workers, sidecar, latency, calls. Feature `ring-peers`
//! adds iceoryx2. Needs two processors; with one it says so and runs each a little, asleep.

#![allow(clippy::print_stdout)] // a bench prints what it measured

#[path = "rings/common.rs"]
mod common;
#[path = "rings/load.rs"]
mod load;
#[path = "rings/throughput.rs"]
mod throughput;
#[path = "rings/trips.rs"]
mod trips;

use common::{Run, pin};
use naslane::engine::worker::Machine;

const ROWS: [&str; 6] = ["trips", "one", "workers", "sidecar", "latency", "calls"];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let smoke = arguments.iter().any(|argument| argument == "--test");
    let machine = Machine::detect();
    let two = machine.processors > 1;
    let last = machine.allowed.len() - 1;
    let few = smoke || !two;
    let mut run = Run {
        rounds: if few { 1 } else { 15 },
        trips: if few { 100 } else { 10_000 },
        passes: if few { 2 } else { 50 },
        cores: [machine.allowed[0], machine.allowed[last]],
        two,
    };
    if let Some(at) = arguments
        .iter()
        .position(|argument| argument == "--under-load")
    {
        run.passes = arguments[at + 1].parse().expect("a number");
        return load::under_load(&run);
    }
    let chosen: Vec<_> = arguments
        .iter()
        .filter(|word| ROWS.contains(&word.as_str()))
        .collect();
    let wanted = |row: &str| chosen.is_empty() || chosen.iter().any(|word| *word == row);
    if !two {
        println!("one processor: these are no figures");
    }
    pin(&run.cores[..1]);
    let mut round_trip = None;
    let mut busy = None;
    if wanted("trips") {
        round_trip = Some(trips::round_trips(&run));
    }
    if wanted("workers") {
        busy = Some(throughput::workers(&run));
    }
    if wanted("sidecar") {
        throughput::sidecar(&run);
    }
    if wanted("latency") {
        // Rows that this one stands on.
        let round_trip = round_trip.unwrap_or_else(|| trips::round_trips(&run));
        let busy = busy.unwrap_or_else(|| throughput::workers(&run));
        load::latency(&run, (round_trip, busy));
    }
    if wanted("calls") && two {
        load::system_calls(&run);
    }
    if wanted("one") {
        trips::one_processor(&run);
    }
}
