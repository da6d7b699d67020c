//! A process with an engine is killed with `kill -9` at random points under load and begins again, and UEs outside of it
//! check every message: no (key, COUNT, BEARER, DIRECTION) twice, no replay accepted, no UE out of step.
//!
//! `NASLANE_KILLS=10000 NASLANE_SEED=.. cargo test --lib crash::` for as many as there is patience for. The seed is told
//! first.

mod actor;
mod child;
mod faults;
mod slices;
mod ues;

use std::path::PathBuf;

use actor::Actor;
use child::Order;
use ues::{Tally, Ues};

/// xorshift64*: the same sequence for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % limit
    }
}

/// A directory in memory where there is one; gone with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        };
        let path = base.join(format!("naslane-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn number(name: &str, default: u64) -> u64 {
    let told = std::env::var(name).ok();
    told.map_or(default, |text| text.parse().expect("a number"))
}

/// Kills the engine so often, or until something is wrong.
#[allow(clippy::print_stdout)] // what was done and found, with --nocapture
fn run(name: &str, order: Order, kills: u64) -> Tally {
    let seed = number("NASLANE_SEED", u64::from(std::process::id()) << 20 | 0x9E37);
    println!("{name}: {kills} kills, seed {seed}");
    let scratch = Scratch::new(name);
    let mut random = Random(seed);
    let mut ues = Ues::new(24);
    for _ in 0..kills {
        let mut actor = Actor::start(&scratch.0, order);
        ues.recover(&mut actor, &mut random);
        for _ in 0..random.below(3) {
            ues.load(&mut actor, &mut random);
        }
        ues.load_and_kill(actor, &mut random);
        if order == Order::Wrong && ues.tally.reused > 0 {
            break;
        }
    }
    println!("{name}: {:?}", ues.tally);
    ues.tally.clone()
}

#[test]
fn r13_a_killed_engine_uses_no_count_twice() {
    let tally = run("right-order", Order::Right, number("NASLANE_KILLS", 40));
    let Tally {
        reused,
        replayed,
        out_of_step,
        refused,
        furthest,
        downlink,
        procedures,
        results,
        forgotten,
        ..
    } = tally;
    assert_eq!((reused, replayed, out_of_step, refused), (0, 0, 0, 0));
    assert_eq!(forgotten, 0, "of {results} results of slice authentication");
    assert!(results > 0);
    assert!(furthest <= 200, "a jump of {furthest}");
    assert!(downlink > 0 && procedures > 0);
}

#[test]
fn the_wrong_order_is_caught() {
    let tally = run("wrong-order", Order::Wrong, 400);
    assert!(tally.reused > 0, "{tally:?}");
}
