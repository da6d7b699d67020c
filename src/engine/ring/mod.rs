//! A pair of rings between one client and one worker: jobs go one way, completions the other, through memory that
//! may belong to one process or to two.
//!
//! ```text
//! offset 0     submit_tail     written by the client
//!        128   submit_head     written by the worker
//!        256   complete_tail   written by the worker
//!        384   complete_head   written by the client
//!        512   worker_asleep   set by the worker, cleared by whoever rings for it
//!        640   client_asleep   set by the client, cleared by whoever rings for it
//!        768   state           written by the worker: a [`State`]
//!        1024  submission slots, then completion slots: entries * 64 octets each
//! ```
//! Words count jobs and run freely; the slot of job `i` is `i & (entries - 1)`. Each has two cache lines of its own,
//! because processors fetch lines in pairs.
//!
//! The client has at most `entries` jobs submitted and not yet reaped. So a submission slot is free again when its
//! job is reaped, a completion never waits for room, and neither side reads the other's head to find out.
//!
//! Each end keeps its counters to itself and only shows them to the other side. What the other side shows is
//! loaded once, then checked, then used. A worker that finds nonsense puts the ring under quarantine and
//! never reads it again ([`Fault`]): a client can hurt only itself.

mod client;
#[cfg(target_os = "linux")]
mod doorbell;
mod memory;
mod payload;
#[cfg(test)]
mod tests;
mod worker;

use std::any::Any;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::base::Error;

pub use client::ClientEnd;
#[cfg(target_os = "linux")]
pub use doorbell::{Doorbell, Sleeper};
pub use memory::pair;
pub use payload::Payload;
pub use worker::WorkerEnd;

/// Octets of a ring pair before its slots.
pub const HEADER: usize = 1024;

/// Octets of a slot: one [`crate::engine::Job`].
pub const SLOT: usize = 64;

/// Alignment of a ring pair in memory.
pub const ALIGN: usize = 128;

/// Jobs that a ring may hold; a power of two.
pub const ENTRIES: RangeInclusive<u32> = if cfg!(all(loom, test)) {
    1..=4
} else {
    8..=4096
};

/// Octets that a ring pair of this many entries takes.
#[must_use]
pub const fn bytes(entries: u32) -> usize {
    HEADER + 2 * SLOT * entries as usize
}

/// What keeps the memory of a ring or payload in place: dropped with the last end that uses it.
pub type Keep = Arc<dyn Any + Send + Sync>;

/// What became of a ring, as its worker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Jobs are taken.
    Open,
    /// The worker left. Jobs that it did not complete never ran.
    Closed,
    /// The worker found nonsense and left. Jobs that it did not complete never ran.
    Quarantined(Fault),
}

/// Why a worker does not believe a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `submit_tail` is more than `entries` ahead of what was taken, or went back.
    SubmitTail,
    /// `complete_head` is ahead of what was completed, or went back.
    CompleteHead,
    /// More jobs submitted and not reaped than the ring has entries.
    Overrun,
    /// A number that no worker of this version writes.
    Unknown,
}

impl State {
    const OPEN: u32 = 0;
    const CLOSED: u32 = 1;

    const fn word(self) -> u32 {
        match self {
            Self::Open => Self::OPEN,
            Self::Closed => Self::CLOSED,
            Self::Quarantined(Fault::SubmitTail) => 16,
            Self::Quarantined(Fault::CompleteHead) => 17,
            Self::Quarantined(Fault::Overrun) => 18,
            Self::Quarantined(Fault::Unknown) => u32::MAX,
        }
    }

    const fn from_word(word: u32) -> Self {
        match word {
            Self::OPEN => Self::Open,
            Self::CLOSED => Self::Closed,
            16 => Self::Quarantined(Fault::SubmitTail),
            17 => Self::Quarantined(Fault::CompleteHead),
            18 => Self::Quarantined(Fault::Overrun),
            _ => Self::Quarantined(Fault::Unknown),
        }
    }

    /// `status` of the jobs that will not run any more.
    #[must_use]
    pub const fn error(self) -> Error {
        match self {
            Self::Open | Self::Closed => Error::Stopped,
            Self::Quarantined(_) => Error::Argument,
        }
    }
}
