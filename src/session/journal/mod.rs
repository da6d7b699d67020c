//! What lets the sessions of a table outlive a crash of their process.
//!
//! | file | what is in it |
//! |---|---|
//! | `counts-000` | of worker 0: for each slot its generation, the sequence of its record, its owner, and its line ([`crate::security::ledger`]) |
//! | `records-000` | of worker 0: a sealed record for each slot |
//! | `slices-000` | of worker 0: a sealed record for each slot whose session has slices |
//! | `keys` | fingerprints of keys that sessions held, with their COUNTs; the lock of the directory |
//!
//! A session comes back when it is first asked for: keys and capabilities from its record, COUNTs from its line. A
//! session whose line and record do not fit together is refused ([`Error::RekeyRequired`]), never guessed.
//!
//! Where a store keeps leases and records, `leases-000` has the lines alone ([`Journal::succeed`]).
//!
//! What a machine loses with its power is not covered: a directory that was not closed in this boot of the machine is
//! not trusted.

#[cfg(all(feature = "survive", target_os = "linux"))]
mod folder;
#[cfg(all(feature = "survive", target_os = "linux"))]
mod leased;
#[cfg(all(feature = "survive", target_os = "linux"))]
mod memory;
#[cfg(all(feature = "survive", target_os = "linux"))]
mod records;
#[cfg(all(feature = "survive", target_os = "linux"))]
mod slices;
#[cfg(all(feature = "survive", target_os = "linux"))]
mod wake;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::base::{Error, Result};
use crate::security::{Book, Cell, Ledger, Line, Role};

use super::guard::KeyMemory;
use super::handle::Handle;
use super::slot::Session;

#[cfg(all(feature = "survive", target_os = "linux"))]
pub use folder::Folder;
#[cfg(all(feature = "survive", target_os = "linux"))]
pub use leased::{Before, Succession};

/// The slot has a session; with its generation and role in one word.
const OPEN: u32 = 1 << 31;
const UE: u32 = 1 << 30;
/// The slot's generations are used up.
const RETIRED: u32 = 1 << 29;
const GENERATION: u32 = (1 << 28) - 1;

/// Where the lines are. Every message comes here: no step between the journal and its lines.
enum Lines {
    /// In this process: for leases without a directory.
    Own(Box<[Line]>),
    #[cfg(all(feature = "survive", target_os = "linux"))]
    File(memory::Slice<Line>),
}

/// What the tables of an engine are made with.
#[derive(Debug)]
pub struct Opened {
    /// The key memory that the tables share.
    pub keys: Arc<KeyMemory>,
    /// One for each worker, in their order.
    pub journals: Vec<Journal>,
}

/// The lines of one table and what is kept beside them.
pub struct Journal {
    lines: Lines,
    ledger: Ledger,
    #[cfg(all(feature = "survive", target_os = "linux"))]
    files: Option<Box<folder::Files>>,
    /// For leases, where the next process finds them.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    leased: Option<Box<leased::Leased>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal {{ {} lines }}", self.lines().len())
    }
}

/// What a slot held when the process before this one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) generation: u32,
    pub(super) open: bool,
    pub(super) retired: bool,
}

impl Journal {
    /// Lines that end with the process: leases are kept to, and nothing outlives a crash.
    #[must_use]
    pub fn in_memory(sessions: usize) -> Self {
        let lines = (0..sessions).map(|_| Line::default()).collect();
        Self {
            lines: Lines::Own(lines),
            ledger: Ledger::new(sessions),
            #[cfg(all(feature = "survive", target_os = "linux"))]
            files: None,
            #[cfg(all(feature = "survive", target_os = "linux"))]
            leased: None,
        }
    }

    /// Lines that the next process finds in this directory, for `workers` tables that this node serves with leases of a
    /// store.
    ///
    /// # Errors
    /// [`Error::Busy`] while another process has the directory; [`Error::Argument`]; [`Error::System`].
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub fn succeed(
        path: &std::path::Path,
        (workers, sessions): (usize, usize),
        node: crate::store::NodeName,
    ) -> Result<Succession> {
        leased::succeed(path, (workers, sessions), node)
    }

    /// Notes the epoch of a lease beside the key's line, for the next process.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(super) fn note_epoch(&self, slot: u32, print: u64, epoch: u64) {
        if let Some(leased) = &self.leased {
            leased.note(slot, print, epoch);
        }
    }

    /// The lines, by slot.
    #[must_use]
    #[inline]
    pub fn lines(&self) -> &[Line] {
        match &self.lines {
            Lines::Own(lines) => lines,
            #[cfg(all(feature = "survive", target_os = "linux"))]
            Lines::File(lines) => lines,
        }
    }

    /// What all lines share: leases that are wanted.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The line of a slot.
    #[inline]
    pub(super) fn book(&self, slot: u32) -> Option<Book<'_>> {
        let line = self.lines().get(slot as usize)?;
        Some(Book::new(line, &self.ledger, slot))
    }

    #[cfg(all(feature = "survive", target_os = "linux"))]
    fn files(&self) -> Option<&folder::Files> {
        self.files.as_deref()
    }

    fn generations(&self) -> &[AtomicU32] {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            return files.generations();
        }
        &[]
    }

    fn owners(&self) -> &[[AtomicU64; 2]] {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            return files.owners();
        }
        &[]
    }

    /// What the slots held before this process, by slot; nothing when there was none before it.
    pub(super) fn found(&self) -> impl Iterator<Item = Found> + '_ {
        let words = self.generations().iter();
        words.map(|word| {
            let word = word.load(Ordering::Acquire);
            Found {
                generation: word & GENERATION,
                open: word & OPEN != 0,
                retired: word & RETIRED != 0,
            }
        })
    }

    /// Role of the session in a slot.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    fn role(&self, slot: u32) -> Role {
        let word = self.generations().get(slot as usize);
        match word.map(|word| word.load(Ordering::Acquire) & UE) {
            Some(UE) => Role::Ue,
            _ => Role::Amf,
        }
    }

    /// A session begins.
    pub(super) fn opened(&self, handle: Handle, role: Role) {
        let ue = if role == Role::Ue { UE } else { 0 };
        self.free_line(handle.slot());
        self.set_owner(handle, [0; 2]);
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            files.slices().begin(handle.slot());
        }
        self.store(handle.slot(), handle.generation() | OPEN | ue);
    }

    fn free_line(&self, slot: u32) {
        if let Some(line) = self.lines().get(slot as usize) {
            Cell::ALL.into_iter().for_each(|cell| line.free(cell));
        }
    }

    /// A session ended; the next one in its slot has this generation, 0: none.
    pub(super) fn closed(&self, slot: u32, next: u32) {
        // First of all: from here on the handle is stale, also after a crash.
        let word = if next == 0 {
            RETIRED
        } else {
            next & GENERATION
        };
        self.store(slot, word);
        self.free_line(slot);
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            files.records().erase(slot);
        }
    }

    fn store(&self, slot: u32, word: u32) {
        if let Some(place) = self.generations().get(slot as usize) {
            place.store(word, Ordering::Release);
        }
    }

    /// Who owns a session and its tag, as [`Journal::set_owner`] was told; zeros: nobody said.
    #[must_use]
    pub fn owner(&self, slot: u32) -> [u64; 2] {
        let words = self.owners().get(slot as usize);
        words.map_or([0; 2], |words| {
            [0, 1].map(|at: usize| words[at].load(Ordering::Acquire))
        })
    }

    /// Says who owns a session: two numbers of the caller's choice, which come back after a crash.
    pub fn set_owner(&self, handle: Handle, owner: [u64; 2]) {
        if let Some(words) = self.owners().get(handle.slot() as usize) {
            for (word, value) in words.iter().zip(owner) {
                word.store(value, Ordering::Release);
            }
        }
    }

    /// Writes the record of a session whose keys or connections changed. The session is locked.
    pub(super) fn write(&self, (slot, generation): (u32, u32), session: &Session) {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            wake::write(files, (slot, generation), session);
        }
        #[cfg(not(all(feature = "survive", target_os = "linux")))]
        let _ = (slot, generation, session);
    }

    /// Writes down what is known of a session's slices, and says that its record in a store is to be written anew. The
    /// room is locked, the session need not be.
    pub(super) fn write_slices(&self, handle: Handle, octets: &[u8]) {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            let owner = (handle.slot(), handle.generation());
            files.slices().write(owner, octets);
        }
        #[cfg(not(all(feature = "survive", target_os = "linux")))]
        let _ = octets;
        if let Some(book) = self.book(handle.slot()) {
            book.note_change();
        }
    }

    /// True when a record of this slot's slices is kept: its session has a room as soon as it is awake, or the record
    /// is lost.
    pub(super) fn keeps_slices(&self, slot: u32) -> bool {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            return files.slices().has(slot);
        }
        let _ = slot;
        false
    }

    /// What was known of a session's slices before a crash; `None`: nothing, or it is lost.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(super) fn read_slices(&self, handle: Handle) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let owner = (handle.slot(), handle.generation());
        self.files()?.slices().read(owner).ok().flatten()
    }

    /// The slot's session has no slices any more, and nobody writes any down. Before the slot is given back.
    pub(super) fn erase_slices(&self, slot: u32) {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            files.slices().erase(slot);
        }
        #[cfg(not(all(feature = "survive", target_os = "linux")))]
        let _ = slot;
    }

    /// Puts a session together again from its record and its line. `session` is without contexts.
    ///
    /// # Errors
    /// [`Error::RekeyRequired`].
    pub(super) fn wake(
        &self,
        owner: (u32, u32),
        session: &mut Session,
        from: crate::security::Resources<'_>,
    ) -> Result<()> {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            let role = self.role(owner.0);
            return wake::wake(files, owner, (session, role), from);
        }
        let _ = (owner, session, from);
        Err(Error::RekeyRequired)
    }

    /// Records that could not be written: their sessions would not come back.
    #[must_use]
    pub fn failed(&self) -> u64 {
        #[cfg(all(feature = "survive", target_os = "linux"))]
        if let Some(files) = self.files() {
            return files.records().failed() + files.slices().failed();
        }
        0
    }
}
