//! Network slice-specific authentication: every step and conditional of TS 23.502 4.2.9.1 to 4.2.9.4 that an AMF and a
//! UE have a part in (the table is `STEPS.md`), the states, hostile input, records, and protected messages.

#[path = "../common/mod.rs"]
mod common;

mod authentication;
mod notifications;
mod protected;
mod random;
mod records;
mod refusals;
mod states;
mod steps;
mod wire;
mod world;
