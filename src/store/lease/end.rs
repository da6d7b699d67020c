//! How a tenure ends.

/// How a tenure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was given back: another node may go on where this one ended.
    Returned,
    /// Another node owns the key and is present: it serves the session, or gives it back when asked.
    Owned,
    /// Another node took the key over.
    Fenced,
    /// The store knew this key before it was used here for the first time.
    KeyReused,
    /// Nobody can say which COUNTs were used: the key has to be replaced by a new K_AMF.
    Rekey(Lost),
}

/// Why nobody can say which COUNTs were used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The store has no line of this key.
    Line,
    /// The line was written under another incarnation of the store.
    Incarnation,
    /// The store forgot what it had acknowledged.
    Acknowledged,
    /// What the store has cannot be read.
    Corrupt,
    /// The next COUNT could be more than a UE recovers above the last one that it received.
    Jump,
}
