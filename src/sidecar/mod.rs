//! The sidecar: the engine in a process of its own, which alone holds the keys.
//!
//! A client asks over a Unix socket ([`protocol`]) and hands its messages over in shared memory that the daemon made
//! ([`region`]). What the client can write is read once, checked, and then used; a client can hurt only itself.
//!
//! | file | what it knows |
//! |---|---|
//! | [`protocol`] | the messages of the control plane |
//! | [`region`] | the memory that both sides see |
//! | `socket`, `events`, [`signals`] | what a process waits for |
//! | [`server`] | the daemon: who is served, whose session is whose |
//! | `set` | its part in a set of daemons that share a store |
//! | [`harden`] | what the daemon denies itself |
//! | [`http`], [`exposition`] | what an operator asks: probes and metrics |
//! | [`client`] | the other side: the engine's verbs, and queues |
//!
//! Feature `client` has what a client needs, feature `sidecar` all of it.

pub mod client;
#[cfg(feature = "sidecar")]
pub mod config;
#[cfg(feature = "sidecar")]
mod events;
#[cfg(feature = "sidecar")]
pub mod exposition;
#[cfg(feature = "sidecar")]
pub mod harden;
#[cfg(feature = "sidecar")]
pub mod http;
pub mod protocol;
pub mod region;
#[cfg(feature = "sidecar")]
mod seccomp;
#[cfg(feature = "sidecar")]
pub mod server;
#[cfg(feature = "sidecar")]
mod set;
#[cfg(feature = "sidecar")]
pub mod signals;
mod socket;

pub use client::{Client, connect};
#[cfg(feature = "sidecar")]
pub use config::Config;
#[cfg(feature = "sidecar")]
pub use server::Server;
#[cfg(feature = "sidecar")]
pub use set::Standing;
