//! Rooms for network slice-specific authentication, beside the table: a session's place has no octet left for it, few
//! UEs need it, and no message of the hot path asks for it.
//!
//! A room belongs to a handle. Who works with one locks it before the session, never the other way round; the maps are
//! locked for a look-up only, and nothing else is locked meanwhile. Where sessions are written down, what an event
//! changed in an AMF's room is too, before anybody hears of it ([`Table::with_slices`](super::Table::with_slices)).

mod kept;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use crate::base::{Error, Result};
use crate::procedure::nssaa::{Amf, NssaaSettings, Refusals, Ue};

use super::free::SHARDS;
use super::handle::Handle;

/// The procedure's state for one session: the half that fits its role.
#[derive(Debug)]
pub enum SliceHalf {
    /// The AMF's.
    Amf(Box<Amf>),
    /// The UE's.
    Ue(Box<Ue>),
}

/// What several sessions have in common: the settings of the procedure, and what was refused to all of them. An engine
/// has one; those who share an engine and are not to see one another have one each.
#[derive(Debug, Default)]
pub struct SliceGroup {
    settings: RwLock<NssaaSettings>,
    refusals: Mutex<Refusals>,
}

impl SliceGroup {
    /// Calls `what` with the settings.
    pub fn with<T>(&self, what: impl FnOnce(&NssaaSettings) -> T) -> T {
        // A panic cannot leave them half written.
        what(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the settings, from the next call on.
    ///
    /// # Errors
    /// [`Error::Argument`] for more than 16 retransmissions, a timer of 0 seconds, or a substitute for "maximum number
    /// of UEs reached" that a Rejected NSSAI does not have.
    pub fn configure(&self, settings: NssaaSettings) -> Result<()> {
        let sane = settings.retransmissions <= 16
            && settings.t3575_seconds > 0
            && settings.retry_seconds > 0
            && settings.maximum_ues_as.0 < 2;
        if !sane {
            return Err(Error::Argument);
        }
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = settings;
        Ok(())
    }

    /// Events that were refused, by all sessions that are or were of this group.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, before: Refusals, after: Refusals) {
        if before != after {
            let mut all = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            *all += Refusals {
                malformed: after.malformed.saturating_sub(before.malformed),
                wrong_slice: after.wrong_slice.saturating_sub(before.wrong_slice),
                unexpected: after.unexpected.saturating_sub(before.unexpected),
            };
        }
    }
}

/// The room of one session.
pub type Room = Arc<SliceRoom>;

/// What is in it.
#[derive(Debug)]
pub struct SliceRoom {
    handle: Handle,
    half: Mutex<SliceHalf>,
    /// Another group than the engine's.
    group: OnceLock<Arc<SliceGroup>>,
    /// Locked last of all.
    written: Mutex<Written>,
}

/// What is written down of a room.
#[derive(Debug, Default)]
struct Written {
    /// As [`Amf::store`] has it; empty: nothing yet.
    octets: Box<[u8]>,
    /// The session goes on elsewhere, or has ended: nothing changes here any more.
    closed: bool,
}

impl SliceRoom {
    /// The group of this session; `None`: that of its engine.
    #[must_use]
    pub fn group(&self) -> Option<&SliceGroup> {
        self.group.get().map(AsRef::as_ref)
    }

    /// The session is of this group, unless it has one already: one that came out of a record has none yet.
    pub fn join(&self, group: &Arc<SliceGroup>) {
        self.group.get_or_init(|| Arc::clone(group));
    }

    /// Nothing changes in it any more, or again. Its half is locked.
    pub(super) fn close(&self, closed: bool) {
        self.written().closed = closed;
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // Nothing between two changes can panic.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rooms of a table: made on demand, at most one for each session.
pub struct SliceRooms {
    maps: Box<[Mutex<HashMap<u64, Room>>]>,
    /// Rooms in all maps: a table without any is told so without a lock.
    count: AtomicUsize,
    /// What the rooms that are gone had counted.
    past: Mutex<Refusals>,
}

impl std::fmt::Debug for SliceRooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SliceRooms {{ {} in use }}", self.in_use())
    }
}

impl SliceRooms {
    pub(super) fn new() -> Self {
        let maps = (0..SHARDS).map(|_| Mutex::default());
        Self {
            maps: maps.collect(),
            count: AtomicUsize::new(0),
            past: Mutex::default(),
        }
    }

    /// Rooms in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        // Relaxed: a statistic here; in `get` and `drop_room` a room that is just being made is not missed by the
        // thread that makes it, and no other has been told of it yet.
        self.count.load(Ordering::Relaxed)
    }

    fn map(&self, handle: Handle) -> MutexGuard<'_, HashMap<u64, Room>> {
        let map = &self.maps[handle.slot() as usize % self.maps.len()];
        // A panic in between leaves a map whole: it is only asked and changed by the standard library.
        map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room of this session, if it has one.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<Room> {
        if self.in_use() == 0 {
            return None;
        }
        self.map(handle).get(&handle.bits()).cloned()
    }

    /// Gives the session a room. The caller holds the session's lock, so that it is not released meanwhile.
    fn put(&self, room: SliceRoom) {
        let handle = room.handle;
        let before = self.map(handle).insert(handle.bits(), Arc::new(room));
        match before {
            // Whoever still has it changes nothing that counts.
            Some(before) => before.written().closed = true,
            None => drop(self.count.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// The session has no room any more.
    pub fn drop_room(&self, handle: Handle) {
        if self.in_use() == 0 {
            return;
        }
        let Some(room) = self.map(handle).remove(&handle.bits()) else {
            return;
        };
        self.count.fetch_sub(1, Ordering::Relaxed);
        room.written().closed = true;
        if let Ok(half) = lock(&room)
            && let SliceHalf::Amf(amf) = &*half
        {
            *self.past() += amf.refusals();
        }
    }

    fn past(&self) -> MutexGuard<'_, Refusals> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events that were refused, by all sessions that are or were.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        let mut all = *self.past();
        for map in &self.maps {
            let rooms: Vec<Room> = map
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .values()
                .cloned()
                .collect();
            for room in rooms {
                if let Ok(half) = lock(&room)
                    && let SliceHalf::Amf(amf) = &*half
                {
                    all += amf.refusals();
                }
            }
        }
        all
    }
}

/// Locks a room.
///
/// # Errors
/// [`Error::Poisoned`] after a defect.
pub fn lock(room: &SliceRoom) -> Result<MutexGuard<'_, SliceHalf>> {
    room.half.lock().map_err(|_| Error::Poisoned)
}

/// The state of a record's AMF half. Its questions have numbers that none of before had.
///
/// # Errors
/// [`Error::Record`].
pub(super) fn restored(octets: &[u8]) -> Result<Amf> {
    let mut amf = Amf::restore(octets)?;
    // Another one in each process and at each call: what is avoided is chance, not an adversary.
    amf.number_from(RandomState::new().build_hasher().finish() as u32);
    Ok(amf)
}

/// Locks a room of the AMF half.
fn with_amf<T>(room: &SliceRoom, what: impl FnOnce(&mut Amf) -> Result<T>) -> Result<T> {
    match &mut *lock(room)? {
        SliceHalf::Amf(amf) => {
            let before = amf.refusals();
            let done = what(amf);
            if let Some(group) = room.group() {
                group.count(before, amf.refusals());
            }
            done
        }
        SliceHalf::Ue(_) => Err(Error::Role),
    }
}
