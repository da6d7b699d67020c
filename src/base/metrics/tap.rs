//! What a trace tap counts.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Why a tap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TapEnd {
    /// It was switched off.
    Off,
    /// The file reached its size.
    Size,
    /// Its time was up.
    Time,
    /// The session is gone.
    Session,
    /// The file could not be written.
    Error,
}

/// How many reasons there are.
pub const TAP_ENDS: usize = TapEnd::ALL.len();

impl TapEnd {
    /// Every reason, in order of the places.
    pub const ALL: [Self; 5] = [
        Self::Off,
        Self::Size,
        Self::Time,
        Self::Session,
        Self::Error,
    ];

    /// Its word in labels and log lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Size => "size",
            Self::Time => "time",
            Self::Session => "session",
            Self::Error => "error",
        }
    }
}

/// Counters of a trace tap; any thread adds to them.
#[derive(Debug, Default)]
pub struct TapCounters {
    open: AtomicU64,
    messages: AtomicU64,
    octets: AtomicU64,
    dropped: AtomicU64,
    ended: [AtomicU64; TAP_ENDS],
}

/// The numbers of a [`TapCounters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapSnapshot {
    /// Now: sessions that are tapped.
    pub open: u64,
    /// Messages that were written.
    pub messages: u64,
    /// Octets of the files.
    pub octets: u64,
    /// Messages that found no room on their way to the file.
    pub dropped: u64,
    /// Taps that ended, by [`TapEnd`].
    pub ended: [u64; TAP_ENDS],
}

impl TapSnapshot {
    /// All that is counted, with another's; what is open stays.
    pub(super) fn combine(&mut self, other: &Self, how: impl Fn(u64, u64) -> u64) {
        self.messages = how(self.messages, other.messages);
        self.octets = how(self.octets, other.octets);
        self.dropped = how(self.dropped, other.dropped);
        for (to, from) in self.ended.iter_mut().zip(other.ended) {
            *to = how(*to, from);
        }
    }
}

impl TapCounters {
    /// A session is tapped from now on.
    pub fn begun(&self) {
        self.open.fetch_add(1, Relaxed);
    }

    /// A tap ended for this reason.
    pub fn ended(&self, why: TapEnd) {
        self.open.fetch_sub(1, Relaxed);
        self.ended[why as usize].fetch_add(1, Relaxed);
    }

    /// So many messages went to a file.
    pub fn written(&self, messages: u64, octets: u64) {
        self.messages.fetch_add(messages, Relaxed);
        self.octets.fetch_add(octets, Relaxed);
    }

    /// A message found no room.
    pub fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self) -> TapSnapshot {
        TapSnapshot {
            open: self.open.load(Relaxed),
            messages: self.messages.load(Relaxed),
            octets: self.octets.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            ended: std::array::from_fn(|i| self.ended[i].load(Relaxed)),
        }
    }
}
