#![allow(unreachable_pub)] // the parts of one test program
//! The sidecar as a process: `naslane serve` on a socket in a directory of its own, clients beside it, some of them
//! hostile, some of them killed.
#![cfg(all(feature = "cli", target_os = "linux"))]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/ports.rs"]
mod ports;

mod child;
mod clients;
mod death;
mod findings;
mod hardening;
mod hostile;
mod program;
mod scrape;
mod secrets;
mod survive;
mod tap;
mod world;
