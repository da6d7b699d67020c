//! The sidecar: the engine in a process of its own, which alone holds the keys.
//!
//! A client asks over a Unix socket ([`protocol`]) and hands its messages over in shared memory that the daemon made
//! ([`region`]). What the client can write is read once, checked, and then used; a client can hurt only itself.

pub mod config;
mod events;
pub mod harden;
pub mod protocol;
pub mod region;
mod seccomp;
mod socket;

pub use config::Config;
