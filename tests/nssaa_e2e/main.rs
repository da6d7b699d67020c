//! Slice authentication end to end, against FreeRADIUS: UE half, AMF half, `naslane nssaaf` as a process, AAA-S, AAA-P.
//!
//! Needs the packages freeradius, freeradius-utils and openssl. Everything listens on loopback at ports of its own and
//! ends with its test.

mod aaa;
mod certificates;
mod flows;
mod nssaaf;
mod relay;
mod world;
