//! The three doors: the same calls through each give the same answers, octet for octet.
#![cfg(all(feature = "cli", target_os = "linux"))]

mod batches;
#[path = "../common/mod.rs"]
mod common;
mod count_wrap;
mod nssaa;
mod queues;
mod verbs;
mod world;
