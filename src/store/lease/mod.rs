//! The lease protocol: which COUNTs of a key this node may use. A state machine without I/O and without a clock.
//!
//! A [`Tenure`] is one node's ownership of one key's COUNTs, from the claim to the end. It is told [`Event`]s and answers
//! with a [`Step`]: what to ask the store for, which ceilings the hot path has from now on, when to stop.
//!
//! The rules, each of which `tests/store/model` shows to be needed:
//!
//! 1. Downlink COUNTs below the *acknowledged* watermark belong to the owner; the hot path's ceiling is never above it.
//! 2. A taker begins at the watermark that it finds, with a new epoch. The old owner's next commit is stale, by which it
//!    learns that it is fenced; what it uses until then is below the taker's first COUNT.
//! 3. A lease is [`LEASE`] COUNTs. It is renewed by as many when half of one is left, and only when the hot path asked:
//!    1/32 = 0.031 commits a message.
//! 4. An owner that stops gives the unused COUNTs back, after the hot path has ended.
//! 5. After a commit with an unknown outcome the owner reads what there is before it commits again.
//! 6. A UE recovers a jump of 1..=255 in COUNT. The line says what was sent; a watermark is never more than [`JUMP`]
//!    above. Where that leaves nothing to lease, the key has to be replaced.
//! 7. Replay floors are written along with every commit, and lag behind when an owner is lost: the taker's line is
//!    flagged `lagging` until its key is replaced ([`Uplink`] is the policy).
//! 8. An owner whose own presence in the store may have ended accepts nothing more uplink. When it is present again it
//!    first *writes* the line: reading it would not keep out a taker that is between its own read and its commit.
//! 9. A key that begins here at COUNT 0 can be in no other node's record, so its first lease needs no answer. A key that
//!    the store knows already is refused.

mod end;
mod presence;
mod tenure;
#[cfg(test)]
mod tests;

pub use end::{End, Lost};
pub use presence::Presence;
pub use tenure::Tenure;

use super::{Entry, Incarnation, KeyPrint, Line, NodeName, Outcome, Revision, SessionName};

/// Downlink COUNTs of one lease.
pub const LEASE: u32 = 32;

/// A lease is renewed when so many are left.
pub const HALF: u32 = LEASE / 2;

/// Most COUNTs that may be passed over between two messages to a UE. It could recover 255: what is left is for messages
/// that the radio loses, and for those that were numbered and not sent when a process died.
pub const JUMP: u32 = 200;

/// Whose COUNTs, and in whose name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The key.
    pub print: KeyPrint,
    /// The session that has it.
    pub session: SessionName,
    /// This node.
    pub node: NodeName,
    /// The store, as this node knows it.
    pub incarnation: Incarnation,
    /// What becomes of uplink messages while the replay floors may lag.
    pub uplink: Uplink,
}

/// What a session accepts whose replay floors may lag behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uplink {
    /// Nothing until its key is replaced: a new authentication, or the security mode command with a new K_AMF.
    #[default]
    AfterRekey,
    /// Messages above the last floors written. One that the lost owner accepted since may be accepted again.
    AboveFloor,
}

/// How a tenure begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// From the line that the store has: a taker's.
    Store,
    /// The same, by the process that succeeds `owner` on its host and has its journal: nobody else took the key if the
    /// line is still of this owner and epoch, and then no COUNT is passed over. The caller knows that the process of
    /// `owner` has ended: it has the lock that the process held.
    Journal {
        /// Owner of the journal.
        owner: NodeName,
        /// Epoch that the journal was written under.
        epoch: u64,
        /// Where its COUNTs stand.
        counts: Counts,
    },
}

/// Where a key's COUNTs stand on the hot path. 3GPP access first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Next downlink COUNT to take.
    pub next: [u32; 2],
    /// Lowest uplink COUNT to accept.
    pub floor: [u32; 2],
}

/// What a tenure is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The COUNTs as the hot path has them, and on which accesses it asked for more.
    Asked {
        /// They stand so.
        counts: Counts,
        /// It reached the half of its lease, or its end.
        wanted: [bool; 2],
    },
    /// To be written even though no lease is due: a checkpoint of the floors.
    Checkpoint(Counts),
    /// The answer to [`Request::Read`]: the line, and whether the owner that it names is present.
    Found {
        /// What the store has.
        entry: Option<Entry>,
        /// `Store::present(owner)`, asked after the entry was read.
        owner_present: bool,
    },
    /// The answer to [`Request::Commit`].
    Answered(Outcome),
    /// The store was not reached: the request did not happen.
    Unreached,
    /// The request may have happened.
    Unknown,
    /// Time to ask again after [`Event::Unreached`] or [`Event::Unknown`]; how long to wait is the caller's.
    Again,
    /// Give everything back.
    Stop,
    /// The hot path has ended, as [`Step::halt`] asked; its last COUNTs.
    Halted(Counts),
    /// This node may not be present any more.
    Absent,
    /// It is present again.
    Present,
    /// The store is not the one of before.
    StoreReplaced,
}

/// What the store is to be asked. One request at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Reads the line.
    Read,
    /// Writes the line, if it has this revision.
    Commit {
        /// Expected.
        expect: Revision,
        /// New.
        line: Line,
    },
}

/// What is to be done after an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// For the store.
    pub request: Option<Request>,
    /// The hot path begins: with these COUNTs and ceilings.
    pub begin: Option<(Counts, [u32; 2])>,
    /// The hot path may take COUNTs below these.
    pub ceiling: Option<[u32; 2]>,
    /// Uplink messages may be accepted, or not.
    pub uplink: Option<bool>,
    /// The hot path is to end. After [`Event::Stop`] it says where ([`Event::Halted`]).
    pub halt: bool,
    /// The tenure is over; no further event changes anything.
    pub end: Option<End>,
}
