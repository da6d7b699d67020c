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
//! | [`harden`] | what the daemon denies itself |
//! | [`http`], [`exposition`] | what an operator asks: probes and metrics |
//! | [`client`] | the other side: the engine's verbs, and queues |

pub mod client;
pub mod config;
mod events;
pub mod exposition;
pub mod harden;
pub mod http;
pub mod protocol;
pub mod region;
mod seccomp;
pub mod server;
pub mod signals;
mod socket;

pub use client::{Client, connect};
pub use config::Config;
pub use server::Server;
