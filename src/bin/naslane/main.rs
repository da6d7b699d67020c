//! The program naslane, one file per verb: parse, call, print.

mod bench;
mod cpu;
mod definitions;
#[cfg(target_os = "linux")]
mod doctor;
mod hex;
#[cfg(target_os = "linux")]
mod nssaaf;
mod nxa256;
mod selftest;
#[cfg(target_os = "linux")]
mod serve;
mod storm;
mod terminal;
mod top;
mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "naslane", version = naslane::VERSION, about = "5G NAS security for many UEs at a time")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Many UEs through the security mode procedure and protected traffic, checked at the other side
    Storm(storm::Args),
    /// Known answers on every available backend; exits with 1 when anything fails
    Selftest(selftest::Args),
    /// Processor features, and the backend chosen for each primitive
    Cpu(cpu::Args),
    /// A quick table: nanoseconds per protect and verify
    Bench(bench::Args),
    /// What a running sidecar does, live: rates, latency, batches, workers
    Top(top::Args),
    /// The story of a capture from N2: every UE followed, verified and deciphered with given keys, failures explained
    Trace(trace::Args),
    /// Whether this host suits naslane, and what to change
    #[cfg(target_os = "linux")]
    Doctor(doctor::Args),
    /// The engine as a process of its own that holds the keys; clients connect over a Unix socket
    #[cfg(target_os = "linux")]
    Serve(serve::Args),
    /// A small NSSAAF: Nnssaaf on one side, RADIUS on the other
    #[cfg(target_os = "linux")]
    Nssaaf(nssaaf::Args),
}

/// `Ok(false)`: the verb ran and says no. `Err`: it could not run, and why.
type Outcome = Result<bool, String>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Storm(args) => storm::run(&args),
        Verb::Selftest(args) => selftest::run(&args),
        Verb::Cpu(args) => cpu::run(&args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Top(args) => top::run(&args),
        Verb::Trace(args) => trace::run(&args),
        #[cfg(target_os = "linux")]
        Verb::Doctor(args) => doctor::run(&args),
        #[cfg(target_os = "linux")]
        Verb::Serve(args) => serve::run(&args),
        #[cfg(target_os = "linux")]
        Verb::Nssaaf(args) => nssaaf::run(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("naslane: {why}");
            ExitCode::from(2)
        }
    }
}
