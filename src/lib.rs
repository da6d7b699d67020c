//! naslane: 5G NAS security for many UEs at a time.
//!
//! The house, floor by floor; arrows only point down (`tests/layers.rs` watches):
//!
//! | floor | room | what lives there |
//! |---|---|---|
//! | 0 | [`base`] | errors, CPU detection, secrets, the few words that all rooms share |
//! | 1 | [`kernel`] | AES-128, SNOW 3G, ZUC, carry-less products, SHA-256; the only SIMD room, knows no 5G |
//! | 2 | [`algorithm`] | the NEA and NIA tables: how COUNT, BEARER and DIRECTION become a kernel's input |
//! | 2 | [`kdf`] | TS 33.501 Annex A |
//! | 2 | [`nas`] | the wire format: headers, information elements, SECURITY MODE bodies, containers |
//! | 2 | [`store`] | what outlives a process or a host: ownership and COUNT leases, their protocol, sealing, fingerprints |
//! | 3 | [`security`] | where a key meets a counter: contexts, NAS COUNT, protect, verify |
//! | 4 | [`procedure`] | the security mode procedure: state machines without I/O or clock |
//! | 5 | [`session`] | the table of sessions, their handles, and the record a session travels as |
//! | 6 | [`engine`] | sessions and verbs: one message, a batch of 64-byte jobs, workers behind rings |
//! | 7 | `trace` | the story of a capture: UEs followed, messages verified and deciphered, faults named (feature `trace`) |
//! | 8 | `sidecar` | the engine in a process of its own that holds the keys, and its client (features `sidecar` and `client`, Linux) |
//! | 8 | `nssaaf` | slice authentication beyond the procedure: Nnssaaf, RADIUS, EAP peers (feature `nssaa`) |
//! | 9 | [`door`] | one engine behind three doors: the caller's thread, workers, a sidecar |
#![cfg_attr(not(feature = "std"), no_std)]

pub mod algorithm;
pub mod base;
#[cfg(feature = "std")]
pub mod door;
#[cfg(feature = "std")]
pub mod engine;
pub mod kdf;
pub mod kernel;
pub mod nas;
#[cfg(feature = "nssaa")]
pub mod nssaaf;
#[cfg(feature = "std")]
pub mod procedure;
#[cfg(feature = "std")]
pub mod security;
#[cfg(feature = "std")]
pub mod session;
#[cfg(all(feature = "client", target_os = "linux"))]
pub mod sidecar;
#[cfg(feature = "std")]
pub mod store;
#[cfg(feature = "trace")]
pub mod trace;

/// The version of the crate, of the C ABI and of `naslane --version`: `MAJOR.MINOR.PATCH`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(feature = "std")]
pub use engine::{Config, Engine};
