#![allow(unreachable_pub)] // the parts of one test program
//! The sidecar as a process: `naslane serve` on a socket in a directory of its own, clients beside it, some of them
//! hostile, some of them killed.
#![cfg(all(feature = "cli", target_os = "linux"))]

#[path = "../common/mod.rs"]
mod common;

mod child;
mod clients;
mod death;
mod hardening;
mod hostile;
mod program;
mod secrets;
mod survive;
mod world;
