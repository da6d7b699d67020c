//! The sidecar: the engine in a process of its own, which alone holds the keys.

pub mod exposition;
pub mod http;
