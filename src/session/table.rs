//! The table: a fixed number of sessions, each behind its own lock.
//!
//! A panic while a session is locked poisons that session's lock and no other: the session is closed for good
//! ([`Error::Poisoned`]) and can only be released (R52).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::base::cpu::{huge_pages, prefetch, prefetch_front, prefetch_front_far};
use crate::base::{Error, Result};
#[cfg(all(feature = "survive", target_os = "linux"))]
use crate::security::KeyChange;
use crate::security::side::Side;
use crate::security::{Resources, Role, SidePool};

use super::free::FreeSlots;
use super::guard::KeyMemory;
use super::handle::{Handle, MAX_SLOTS};
use super::journal::{Found, Journal};
use super::locked::{Exclusive, Guard};
use super::slices::SliceRooms;
use super::slot::{HOT, Kept, Lined, Reuse, Slot, Trust};

/// What a table is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableConfig {
    /// Sessions, 1..=2^28. All of their memory is taken at the start.
    pub sessions: usize,
    /// Sessions that may have a procedure or a second context at the same time.
    pub procedures: usize,
    /// Number of the worker that owns the table; part of every handle.
    pub worker: u8,
    /// Keys to remember of sessions that are gone, see [`KeyMemory`].
    pub remembered_keys: usize,
}

impl TableConfig {
    /// A table of worker 0 for `sessions` sessions, an eighth of them (at least 64) with a procedure at a time,
    /// that remembers one key for each.
    #[must_use]
    pub const fn new(sessions: usize) -> Self {
        let eighth = sessions / 8;
        let procedures = if eighth < 64 { 64 } else { eighth };
        Self {
            sessions,
            procedures,
            worker: 0,
            remembered_keys: sessions,
        }
    }

    const fn check(&self) -> Result<()> {
        if self.sessions == 0
            || self.sessions > MAX_SLOTS
            || self.procedures > MAX_SLOTS
            || self.remembered_keys > MAX_SLOTS
        {
            return Err(Error::Argument);
        }
        Ok(())
    }

    /// A key memory for `tables` tables of this kind.
    #[must_use]
    pub fn key_memory(&self, tables: usize) -> KeyMemory {
        // One key each, and a second one where a procedure runs. Where more are held, a list grows.
        let held = self.sessions + self.procedures.min(self.sessions);
        KeyMemory::new(
            held.saturating_mul(tables),
            self.remembered_keys.saturating_mul(tables),
        )
    }
}

/// Sessions of many UEs, for any number of threads.
pub struct Table {
    slots: Box<[Lined]>,
    free: FreeSlots,
    keys: Arc<KeyMemory>,
    side: SidePool,
    pub(super) slices: SliceRooms,
    procedures: usize,
    worker: u8,
    retired: AtomicUsize,
    journal: Option<Journal>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (worker, len, capacity) = (self.worker, self.len(), self.capacity());
        write!(
            f,
            "Table {{ worker: {worker}, {len} of {capacity} sessions }}"
        )
    }
}

impl Table {
    /// A table with nothing in it. After this call, sessions come and go without allocation; only the first use of
    /// a side room allocates.
    ///
    /// # Errors
    /// [`Error::Argument`] for 0 or more than 2^28 sessions; [`Error::System`] when there is not enough memory.
    pub fn new(config: &TableConfig) -> Result<Self> {
        config.check()?;
        Self::with_keys(config, Arc::new(config.key_memory(1)))
    }

    /// A table that shares its key memory with others: a K_AMF that one of them holds or held is refused by all.
    /// [`TableConfig::key_memory`] makes one that is large enough.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn with_keys(config: &TableConfig, keys: Arc<KeyMemory>) -> Result<Self> {
        Self::with_journal(config, keys, None)
    }

    /// A table whose COUNTs are written down before they are used. It goes on with the sessions that the journal has: they
    /// keep their handles, and are put together when they are first asked for.
    ///
    /// # Errors
    /// As [`Table::new`]; [`Error::Argument`] for a journal of another number of sessions.
    pub fn with_journal(
        config: &TableConfig,
        keys: Arc<KeyMemory>,
        journal: Option<Journal>,
    ) -> Result<Self> {
        config.check()?;
        let lines = journal.as_ref().map(|journal| journal.lines().len());
        if lines.is_some_and(|lines| lines != config.sessions) {
            return Err(Error::Argument);
        }
        let TableConfig {
            sessions,
            procedures,
            worker,
            ..
        } = *config;
        let mut slots = Vec::new();
        slots
            .try_reserve_exact(sessions)
            .map_err(|_| Error::System)?;
        huge_pages(slots.spare_capacity_mut());
        let found = journal.iter().flat_map(Journal::found);
        slots.extend(found.map(|found| Lined::new(Slot::found(found))));
        slots.resize_with(sessions, || Lined::new(Slot::new()));
        let found: Vec<Found> = journal.iter().flat_map(Journal::found).collect();
        let taken = |slot: u32| {
            found
                .get(slot as usize)
                .is_some_and(|found| found.open || found.retired)
        };
        let retired = found.iter().filter(|found| found.retired).count();
        Ok(Self {
            slots: slots.into_boxed_slice(),
            free: FreeSlots::but(sessions, taken),
            journal,
            keys,
            side: SidePool::new(procedures),
            slices: SliceRooms::new(),
            procedures,
            worker,
            retired: AtomicUsize::new(retired),
        })
    }

    /// A session without any context, in O(1).
    ///
    /// # Errors
    /// [`Error::TableFull`].
    pub fn establish(&self, role: Role) -> Result<Handle> {
        let index = self.free.take().ok_or(Error::TableFull)?;
        let mutex = self.slots.get(index as usize).ok_or(Error::TableFull)?;
        // Release cleared the poison and wiped the slot.
        let mut slot = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = slot.open(role, self.journal.is_some());
        let handle = Handle::new(self.worker, generation, index);
        if let Some(journal) = &self.journal {
            journal.opened(handle, role);
        }
        Ok(handle)
    }

    /// Ends a session and wipes it; a poisoned one too. Its handle is stale from now on. Its keys may come back by
    /// [`super::record::import`] at their present COUNTs or higher, those of a poisoned session never.
    ///
    /// Waits while another thread has the session locked; a thread that has it locked itself must not call this.
    ///
    /// # Errors
    /// [`Error::Handle`].
    pub fn release(&self, handle: Handle) -> Result<()> {
        let mutex = self.slot(handle)?;
        let (mut slot, trust) = match mutex.lock() {
            Ok(slot) => (slot, Trust::Whole),
            Err(poisoned) => (poisoned.into_inner(), Trust::Poisoned),
        };
        if slot.sleeps(handle) {
            // For the COUNTs that its keys may go on at. One that is lost is released all the same.
            let _ = self.wake(handle, &mut slot);
        }
        if !slot.is_named_by(handle) {
            return Err(Error::Handle);
        }
        slot.retire_keys(&self.keys, trust);
        let reuse = slot.close(&self.side);
        if let Some(journal) = &self.journal {
            journal.closed(handle.slot(), slot.generation);
        }
        mutex.clear_poison();
        drop(slot);
        // Rooms are locked before sessions, so not before this one's lock is gone. The handle is stale: nobody makes
        // the room anew.
        self.drop_slices(handle);
        match reuse {
            Reuse::Free => self.free.give_back(handle.slot()),
            Reuse::Retired => {
                // Relaxed: a statistic.
                self.retired.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Asks for the part of the session's memory that tells what a message needs; the keys are asked for when that is
    /// known. Reads nothing; any handle will do.
    ///
    /// All lines at once, of which SNOW 3G and ZUC read half, took a batch at a million sessions 90 ns a message:
    /// a core waits for 10 to 16 lines at a time.
    #[inline]
    pub fn prefetch(&self, handle: Handle) {
        if let Ok(slot) = self.slot(handle) {
            prefetch_front(slot, HOT);
            if let Some(line) = self
                .journal
                .as_ref()
                .and_then(|own| own.lines().get(handle.slot() as usize))
            {
                prefetch(line);
            }
        }
    }

    /// As [`Table::prefetch`] for a session of many: its memory comes near, and [`Table::prefetch`] brings it here.
    #[inline]
    pub(crate) fn prefetch_far(&self, handle: Handle) {
        if let Ok(slot) = self.slot(handle) {
            prefetch_front_far(slot, HOT);
        }
    }

    #[inline(always)]
    fn slot(&self, handle: Handle) -> Result<&Mutex<Slot>> {
        if handle.worker() != self.worker {
            return Err(Error::Handle);
        }
        let slot = self.slots.get(handle.slot() as usize);
        slot.map(|lined| &**lined).ok_or(Error::Handle)
    }

    #[inline(always)]
    fn guard<'a>(&'a self, handle: Handle, mut slot: MutexGuard<'a, Slot>) -> Result<Guard<'a>> {
        if !slot.answers_to(handle) {
            self.wake(handle, &mut slot)?;
        }
        Ok(Guard {
            slot,
            table: self,
            number: handle.slot(),
        })
    }

    /// A session that does not answer to its handle: it may have slept since the process began.
    #[cold]
    fn wake(&self, handle: Handle, slot: &mut Slot) -> Result<()> {
        if slot.is_lost(handle) {
            return Err(Error::RekeyRequired);
        }
        let journal = self.journal.as_ref().filter(|_| slot.sleeps(handle));
        let journal = journal.ok_or(Error::Handle)?;
        let kept = Kept {
            journal,
            slot: handle.slot(),
        };
        slot.wake(kept, self.resources_of(handle.slot()), &self.keys)?;
        #[cfg(all(feature = "survive", target_os = "linux"))]
        self.wake_slices(
            handle,
            slot.session.security.key_change() == Some(KeyChange::Exported),
        );
        Ok(())
    }

    /// Side rooms, key memory, and the line of a slot.
    pub(super) fn resources_of(&self, slot: u32) -> Resources<'_> {
        Resources {
            side: &self.side,
            keys: &*self.keys,
            book: self.journal.as_ref().and_then(|journal| journal.book(slot)),
        }
    }

    pub(super) fn keys(&self) -> &KeyMemory {
        &self.keys
    }

    /// Where the session in a slot is written down.
    pub(super) fn kept(&self, slot: u32) -> Option<(Kept<'_>, Resources<'_>)> {
        let journal = self.journal.as_ref()?;
        Some((Kept { journal, slot }, self.resources_of(slot)))
    }

    /// The journal, if COUNTs are written down.
    #[must_use]
    pub const fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Every session, whether it was put together since a crash or not.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        (0..self.slots.len()).filter_map(|slot| self.handle_of(u32::try_from(slot).ok()?))
    }

    /// The session in a slot, whether it was put together since a crash or not.
    #[must_use]
    pub fn handle_of(&self, slot: u32) -> Option<Handle> {
        let place = self.slots.get(slot as usize)?;
        let generation = place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .names()?;
        Some(Handle::new(self.worker, generation, slot))
    }

    fn poisoned(handle: Handle, slot: &Slot) -> Error {
        if slot.answers_to(handle) {
            Error::Poisoned
        } else {
            Error::Handle
        }
    }

    /// Locks a session; waits while another thread has it. A thread must not lock a session that it has locked
    /// already, and while it has one it takes others with [`Table::try_lock`] only.
    ///
    /// # Errors
    /// [`Error::Handle`] for a stale or unknown handle; [`Error::Poisoned`].
    pub fn lock(&self, handle: Handle) -> Result<Guard<'_>> {
        match self.slot(handle)?.lock() {
            Ok(slot) => self.guard(handle, slot),
            Err(poisoned) => Err(Self::poisoned(handle, poisoned.get_ref())),
        }
    }

    /// Locks a session without waiting.
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody has it locked (the handle may be stale all the same); else as
    /// [`Table::lock`].
    #[inline(always)]
    pub fn try_lock(&self, handle: Handle) -> Result<Guard<'_>> {
        match self.slot(handle)?.try_lock() {
            Ok(slot) => self.guard(handle, slot),
            Err(TryLockError::Poisoned(poisoned)) => {
                Err(Self::poisoned(handle, poisoned.get_ref()))
            }
            Err(TryLockError::WouldBlock) => Err(Error::Busy),
        }
    }

    /// A session for the one owner of the table: no lock is taken.
    ///
    /// # Errors
    /// As [`Table::lock`].
    pub fn get_mut(&mut self, handle: Handle) -> Result<Exclusive<'_>> {
        // Puts it together, if that is to be done.
        drop(self.lock(handle)?);
        let number = handle.slot();
        let journal = self.journal.as_ref();
        let book = journal.and_then(|journal| journal.book(number));
        let (side, keys) = (&self.side, &*self.keys);
        let resources = Resources { side, keys, book };
        let slot = number;
        let kept = journal.map(|journal| Kept { journal, slot });
        match self
            .slots
            .get_mut(number as usize)
            .ok_or(Error::Handle)?
            .get_mut()
        {
            Ok(slot) => Ok(Exclusive {
                slot,
                keys: &self.keys,
                resources,
                kept,
            }),
            Err(poisoned) => Err(Self::poisoned(handle, poisoned.get_ref())),
        }
    }

    /// Side rooms and key memory, for the calls of [`crate::security::UeSecurity`] that take no COUNT; those that do
    /// borrow from the locked session ([`Guard::resources`]).
    #[must_use]
    pub fn resources(&self) -> Resources<'_> {
        Resources {
            side: &self.side,
            keys: &*self.keys,
            book: None,
        }
    }

    /// Number of the worker that owns it, as in every handle.
    #[must_use]
    pub const fn worker(&self) -> u8 {
        self.worker
    }

    /// Sessions established.
    #[must_use]
    pub fn len(&self) -> usize {
        self.capacity().saturating_sub(self.free.len())
    }

    /// True without any session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sessions that there is room for: as configured, less the slots whose 2^28 - 1 generations are used up.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len() - self.retired.load(Ordering::Relaxed)
    }

    /// Bytes, part by part.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            sessions: self.slots.len(),
            slots: size_of_val(&*self.slots),
            keys: self.keys.bytes(),
            free: self.free.bytes(),
            side_room: size_of::<Side>(),
            side_rooms: self.procedures,
        }
    }

    #[cfg(test)]
    pub(super) fn set_generation(&mut self, slot: usize, generation: u32) {
        self.slots[slot].get_mut().unwrap().generation = generation;
    }
}

/// What a table takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Slots, used or not.
    pub sessions: usize,
    /// The array of slots.
    pub slots: usize,
    /// The key memory, which other tables may share.
    pub keys: usize,
    /// The lists of free slots.
    pub free: usize,
    /// One side room.
    pub side_room: usize,
    /// Most side rooms there will ever be; each is made when it is first needed.
    pub side_rooms: usize,
}

impl Memory {
    /// Bytes for a session that needs no side room.
    #[must_use]
    pub const fn per_session(&self) -> usize {
        (self.slots + self.keys + self.free).div_ceil(self.sessions)
    }
}
