//! C ABI of naslane. The header `include/naslane.h` is made from these files and is the document of this package;
//! one file per C noun.
//!
//! | file | section of the header |
//! |---|---|
//! | `status` | statuses, version |
//! | `algorithm` | level 0: NEA and NIA |
//! | `derivation`, `mobility` | level 0: TS 33.501 Annex A |
//! | `engine`, `session`, `message`, `smc`, `keys`, `handover`, `record` | level 1 |
//! | `ue` | level 1: the UE half |
//! | `nssaa`, `nssaa_run`, `nssaa_host`, `nssaa_ue` | level 1: network slice-specific authentication |
//! | `batch` | level 2 |
//! | `door`, `queue` | level 3: where an engine runs, and jobs without waiting |
//! | `survive` | level 3: sessions that outlive a crash |
//! | `guard`, `pointer`, `start` | not in the header: panics, pointers, self-test |
#![allow(non_camel_case_types, reason = "the types are named as C sees them")]
#![allow(
    clippy::missing_safety_doc,
    reason = "one contract for all pointers, stated once in the header"
)]
#![allow(
    clippy::too_many_arguments,
    reason = "a C function takes a length beside every pointer"
)]

pub mod algorithm;
pub mod batch;
pub mod derivation;
#[cfg(target_os = "linux")]
pub mod door;
pub mod engine;
mod guard;
pub mod handover;
pub mod keys;
pub mod message;
pub mod mobility;
pub mod nssaa;
#[cfg(target_os = "linux")]
pub mod nssaa_host;
pub mod nssaa_run;
pub mod nssaa_ue;
mod pointer;
#[cfg(target_os = "linux")]
pub mod queue;
pub mod record;
pub mod session;
pub mod set;
pub mod smc;
mod start;
pub mod status;
#[cfg(target_os = "linux")]
pub mod survive;
pub mod ue;
