//! What an operator sees of a running engine: the text that Prometheus reads, the server behind it, `naslane top`.
#![cfg(all(feature = "cli", target_os = "linux"))]

#[path = "../common/mod.rs"]
mod common;
mod deploy;
mod deploy_nssaaf;
mod exposition;
mod http;
mod strict;
mod top;
