//! The sidecar: the engine in a process of its own, which alone holds the keys.
//!
//! A client asks over a Unix socket ([`protocol`]) and hands its messages over in shared memory that the daemon made.
//! What the client can write is read once, checked, and then used; a client can hurt only itself.

pub mod protocol;
