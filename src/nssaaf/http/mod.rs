//! HTTP/2 for service based interfaces (TS 29.500 5.2): prior knowledge in the clear, ALPN `h2` over TLS. hyper speaks it.

pub mod client;
pub mod server;
pub mod tls;

pub use client::{Client, HttpError, Names};
pub use hyper::{Method, StatusCode, Uri};
pub use server::{Handler, Reply, Request, Running};
