//! Slice authentication end to end, against FreeRADIUS: UE half, AMF half, `naslane nssaaf` as a process, AAA-S, AAA-P.
//!
//! Needs the packages freeradius, freeradius-utils and openssl. Everything listens on loopback at ports of its own and
//! ends with its test.

#![cfg(all(feature = "cli", target_os = "linux"))]

mod aaa;
mod certificates;
#[path = "../common/mod.rs"]
mod common;
mod flows;
mod hosted;
mod network;
mod nssaaf;
#[path = "../common/ports.rs"]
mod ports;
mod procedure;
mod relay;
mod sidecar;
mod storm;
mod world;
