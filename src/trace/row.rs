//! What the follower says of every NAS PDU.

use super::finding::Finding;
use crate::algorithm::{Nea, Nia};
use crate::base::{AccessType, Direction, Error};
use crate::nas::MessageType;

/// What came of one NAS PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not protected.
    Plain,
    /// The MAC is right under the context in use, and the content is a 5GMM message.
    Ok,
    /// The MAC is right, but deciphering gives no 5GMM message.
    Unreadable,
    /// A context is known, and the MAC is not right under it.
    MacDoesNotVerify,
    /// The MAC is right under a COUNT that was used before.
    Replay,
    /// COUNT would wrap.
    CountExhausted,
    /// No key is known for this message.
    NoContext,
    /// Not a NAS PDU.
    Malformed(Error),
}

impl Verdict {
    /// A word for tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Ok => "ok",
            Self::Unreadable => "unreadable",
            Self::MacDoesNotVerify => "mac-does-not-verify",
            Self::Replay => "replay",
            Self::CountExhausted => "count-exhausted",
            Self::NoContext => "no-context",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// One NAS PDU and what was found.
#[derive(Clone, Debug)]
pub struct Row {
    /// Number of the UE.
    pub ue: usize,
    /// Frame number in the capture.
    pub frame: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Direction.
    pub direction: Direction,
    /// Access.
    pub access: AccessType,
    /// NGAP procedure code that carried it.
    pub procedure: u8,
    /// Security header type, four bits; `None` for a PDU without one.
    pub sht: Option<u8>,
    /// Type of the message where it can be known: plain, clear, or deciphered under a right MAC.
    pub message: Option<MessageType>,
    /// COUNT under which the MAC is right, or the one expected.
    pub count: Option<u32>,
    /// Number of the keys that were used.
    pub entry: Option<usize>,
    /// Algorithms.
    pub algorithms: Option<(Nia, Nea)>,
    /// The verdict.
    pub verdict: Verdict,
    /// What is wrong, the likeliest cause first.
    pub findings: Vec<Finding>,
    /// The PDU as it came.
    pub wire: Vec<u8>,
    /// The inner message, deciphered under a right MAC.
    pub plain: Option<Vec<u8>>,
    /// The NAS message container of an initial message, deciphered.
    pub container: Option<Vec<u8>>,
}

impl Row {
    /// True for security header types 1 to 4.
    #[must_use]
    pub const fn is_protected(&self) -> bool {
        matches!(self.sht, Some(1..))
    }

    /// True when the MAC was found right under the context in use.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self.verdict, Verdict::Ok | Verdict::Unreadable)
    }
}
