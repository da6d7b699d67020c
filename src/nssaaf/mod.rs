//! Network slice-specific authentication beyond the procedure: the AMF's questions to the NSSAAF, an NSSAAF, RADIUS
//! behind it, and the UE's EAP (TS 23.502 4.2.9, TS 29.526, TS 29.561 16).
//!
//! | file | what it knows |
//! |---|---|
//! | [`service`] | the bodies of Nnssaaf_NSSAA |
//! | [`http`] | HTTP/2 and TLS, both sides |
//! | [`consumer`] | the AMF's side |
//! | [`producer`] | the NSSAAF: `naslane nssaaf` |
//! | [`radius`] | RADIUS: packets, questions, dynamic authorisation |
//! | [`runner`] | between sessions and the consumer, with the timers |
//! | [`eap`] | the peer's half of EAP-MD5 and EAP-TLS |
//! | [`ue`] | the UE half: messages, and a peer for each slice |
//!
//! Feature `nssaa`.

pub mod consumer;
pub mod eap;
pub mod http;
pub mod producer;
pub mod radius;
pub mod runner;
pub mod service;
pub mod ue;
