//! Nnssaaf and RADIUS as others may get them wrong: bodies, packets, authenticators, servers that misbehave.

#![cfg(feature = "nssaa")]

mod bodies;
mod configuration;
mod consumer;
mod dynamic;
mod eap_tls;
mod fake;
mod packets;
mod producer;
mod questions;
