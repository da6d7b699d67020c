//! What outlives a host: who owns a key's COUNTs, how far they may have been used, and sessions as sealed records.
//!
//! [`Store`] is a small map with compare-and-swap: every entry has a [`Revision`], a change names the revision that it
//! expects, and the changes of one [`Group`] happen together or not at all. On it stand:
//!
//! | what | key | value |
//! |---|---|---|
//! | ownership with a fencing epoch, COUNT leases, replay floors | [`Key::Line`]: fingerprint of a K_AMF | [`Line`] |
//! | sealed records | [`Key::Record`]: name of a session | octets that the store does not understand |
//! | which nodes live | [`Store::hold`] | |
//!
//! COUNTs belong to a key, not to a session: "a (key, COUNT, BEARER, DIRECTION) is used once". That is why a line is found
//! by its key's fingerprint, and why it stays when the session goes: it is the guard against the same key at a lower
//! COUNT (R12, R13).
//!
//! [`lease`] is the protocol: a state machine without I/O or clock; [`keeper`] drives it for all sessions of a node.
//! `seal` closes records under a key-encryption key, and [`PrintKey`] makes the fingerprints. Implementations: `embedded` (a file; feature
//! `embedded`), `etcd` (a cluster; feature `etcd`). Calls block; they are made off the hot path.
//!
//! # What an implementation guarantees
//!
//! 1. **Linearizable.** Every call takes effect at one moment between its start and its end, for all nodes alike. A read
//!    sees every commit that was acknowledged before the read began. A stale read gives a taker an old watermark; its
//!    commit would be refused, so nothing is reused, but it may wrongly report a key as unknown.
//! 2. **Acknowledged means durable.** After `Ok(Outcome::Done)` the change survives the loss of power, of the process, of
//!    the leader and of any minority of members. *This is what everything rests on*: a taker begins at the acknowledged
//!    watermark, and the old owner uses COUNTs right up to it. A store that may lose the last acknowledged commits
//!    (asynchronous replication, `fsync` switched off, Redis with WAIT) gives the same COUNTs out twice, and no margin on
//!    top of the watermark helps: `tests/store` shows both.
//! 3. **Compare-and-swap.** A group is done only if every entry still has the revision that its change expects
//!    ([`Revision::ABSENT`]: there is no such entry). A revision never comes back to an entry: not after a deletion, not
//!    after a restart. A delayed request therefore fails once anybody wrote, which is what fences an old owner.
//! 4. **Unknown is said.** When it is not certain that a commit did not and will not happen, the answer is
//!    [`Failure::Unknown`]. [`Failure::Unavailable`] promises that it never happens.
//! 5. **Incarnation.** [`Store::incarnation`] is the same for all nodes and changes when acknowledged commits may be
//!    lost: another store, an emptied one, one restored from a backup under another identity. Lines that were written
//!    under another incarnation vouch for nothing: their keys have to be replaced. Where a restored copy cannot be told
//!    from the original, its guide says what the operator must do.
//! 6. **Presence.** After [`Store::hold`] a node is present for at least `ttl` from the call's start, as long as real time
//!    and not less; and it is absent at some later time if it holds no more. COUNTs do not depend on it, nor on any
//!    clock; replay protection while an old owner cannot be reached does (see [`lease::Presence`]).

#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod keeper;
pub mod lease;
mod line;
mod name;
mod print;
#[cfg(all(feature = "survive", target_os = "linux"))]
pub mod seal;

use std::fmt;
use std::time::Duration;

pub use line::{COUNT_LIMIT, Line};
pub use name::{Incarnation, KeyPrint, NodeName, SessionName};
pub use print::PrintKey;
#[cfg(all(feature = "survive", target_os = "linux"))]
pub use seal::KeyRing;

/// Octets of the longest value: a sealed record with room to grow.
pub const MAX_VALUE: usize = 4096;

/// Names an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Ownership and COUNTs of the key with this fingerprint.
    Line(KeyPrint),
    /// The sealed record of this session.
    Record(SessionName),
}

/// The version of an entry: grows with each change of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

impl Revision {
    /// There is no such entry.
    pub const ABSENT: Self = Self(0);
}

/// What the store holds under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its version; never [`Revision::ABSENT`].
    pub revision: Revision,
    /// Its octets.
    pub value: Vec<u8>,
}

/// One entry's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which entry.
    pub key: Key,
    /// The version that it must have.
    pub expect: Revision,
    /// Its new octets, at most [`MAX_VALUE`]; `None`: it is removed.
    pub value: Option<Vec<u8>>,
}

/// Changes that happen together or not at all: 1 to [`Group::MOST`], each of another entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group(pub Vec<Change>);

impl Group {
    /// Most changes of a group: the lines of a session's contexts and its record.
    pub const MOST: usize = 8;
}

/// What became of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it happened and is durable. Every entry it wrote has this revision.
    Done(Revision),
    /// Nothing happened, because an entry had another revision. What there is, in the order of the changes.
    Stale(Vec<Option<Entry>>),
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The store was not reached: nothing happened and nothing will.
    Unavailable,
    /// It may have happened, and may yet happen.
    Unknown,
    /// This is not the store of before: its incarnation changed, or its revisions went back. What happened in it does not
    /// matter any more.
    Replaced,
    /// The store refuses this node: credentials, rights or room.
    Refused,
    /// The call breaks the contract: an empty or too large group, an entry twice in one call, too long a value.
    Argument,
    /// What the store holds cannot be read.
    Corrupt,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the store was not reached; nothing happened",
            Self::Unknown => "the store did not answer; the change may have happened",
            Self::Replaced => "this store is not the one of before; keys must be replaced",
            Self::Refused => "the store refuses this node; check credentials, rights and room",
            Self::Argument => "the call breaks the store's contract",
            Self::Corrupt => "the store holds an entry that cannot be read",
        })
    }
}

impl std::error::Error for Failure {}

/// Result with [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

/// A durable map with compare-and-swap. What it guarantees stands at [the room](self); `tests/store` has one suite for
/// all implementations.
pub trait Store: Send {
    /// Which store this is. The first call on an empty store draws the value.
    ///
    /// # Errors
    /// [`Failure::Replaced`] when another answer was given before; those of [`Store::read`].
    fn incarnation(&mut self) -> Result<Incarnation>;

    /// The entries, in the order of `keys`, each as of one moment within the call.
    ///
    /// # Errors
    /// [`Failure::Unavailable`], [`Failure::Replaced`], [`Failure::Refused`], [`Failure::Corrupt`].
    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>>;

    /// Carries out each group for itself: one may be done and the next be stale. No entry stands in two of them.
    ///
    /// # Errors
    /// For all groups together, since it is not known which were done: [`Failure::Unknown`]. With any other failure
    /// none of them was: those of [`Store::read`], [`Failure::Argument`].
    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>>;

    /// Records with names above `after`, ascending, at most `most`.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    fn records(
        &mut self,
        after: Option<SessionName>,
        most: usize,
    ) -> Result<Vec<(SessionName, Entry)>>;

    /// The node is present from now on for `ttl`, or longer. To be called again in time.
    ///
    /// # Errors
    /// Those of [`Store::read`], [`Failure::Unknown`].
    fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()>;

    /// The node is absent from now on.
    ///
    /// # Errors
    /// Those of [`Store::hold`].
    fn leave(&mut self, node: NodeName) -> Result<()>;

    /// True while the node is present.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    fn present(&mut self, node: NodeName) -> Result<bool>;
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn incarnation(&mut self) -> Result<Incarnation> {
        (**self).incarnation()
    }

    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        (**self).read(keys)
    }

    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
        (**self).commit(groups)
    }

    fn records(
        &mut self,
        after: Option<SessionName>,
        most: usize,
    ) -> Result<Vec<(SessionName, Entry)>> {
        (**self).records(after, most)
    }

    fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()> {
        (**self).hold(node, ttl)
    }

    fn leave(&mut self, node: NodeName) -> Result<()> {
        (**self).leave(node)
    }

    fn present(&mut self, node: NodeName) -> Result<bool> {
        (**self).present(node)
    }
}

/// Whether a call of [`Store::commit`] keeps the contract.
///
/// # Errors
/// [`Failure::Argument`].
pub fn check(groups: &[Group]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for Group(changes) in groups {
        if changes.is_empty() || changes.len() > Group::MOST {
            return Err(Failure::Argument);
        }
        for change in changes {
            let long = change.value.as_ref().is_some_and(|v| v.len() > MAX_VALUE);
            // To remove what is not there changes nothing, so it could not have a revision.
            let nothing = change.value.is_none() && change.expect == Revision::ABSENT;
            if long || nothing || !seen.insert(change.key) {
                return Err(Failure::Argument);
            }
        }
    }
    Ok(())
}
