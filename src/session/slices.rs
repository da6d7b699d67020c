//! Rooms for network slice-specific authentication, beside the table: a session's place has no octet left for it, few
//! UEs need it, and no message of the hot path asks for it.
//!
//! A room belongs to a handle. Who works with one locks it before the session, never the other way round; the maps are
//! locked for a look-up only, and nothing else is locked meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Error, Result};
use crate::procedure::nssaa::{Amf, Refusals, Ue};

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

/// The room of one session.
pub type Room = Arc<Mutex<SliceHalf>>;

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
    pub(super) fn put(&self, handle: Handle, half: SliceHalf) {
        let room = Arc::new(Mutex::new(half));
        if self.map(handle).insert(handle.bits(), room).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
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
        if let Ok(half) = room.lock()
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
                if let Ok(half) = room.lock()
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
pub fn lock(room: &Mutex<SliceHalf>) -> Result<MutexGuard<'_, SliceHalf>> {
    room.lock().map_err(|_| Error::Poisoned)
}

/// Locks a room of the AMF half.
///
/// # Errors
/// [`Error::Poisoned`]; [`Error::Role`] for a UE half.
pub fn with_amf<T>(room: &Mutex<SliceHalf>, what: impl FnOnce(&mut Amf) -> T) -> Result<T> {
    match &mut *lock(room)? {
        SliceHalf::Amf(amf) => Ok(what(amf)),
        SliceHalf::Ue(_) => Err(Error::Role),
    }
}
