//! The rooms of a table, and what is written down of them.

use std::sync::{Arc, Mutex, OnceLock};

use crate::base::{Error, Result};
use crate::procedure::nssaa::{Amf, Kept};
use crate::security::Role;
use crate::session::handle::Handle;
use crate::session::table::Table;

#[cfg(all(feature = "survive", target_os = "linux"))]
use super::restored;
use super::{Room, SliceGroup, SliceHalf, SliceRoom, SliceRooms, Written, lock, with_amf};

impl SliceRoom {
    fn new(handle: Handle, half: SliceHalf, octets: &[u8]) -> Self {
        let octets = octets.into();
        Self {
            handle,
            half: Mutex::new(half),
            group: OnceLock::new(),
            written: Mutex::new(Written {
                octets,
                closed: false,
            }),
        }
    }
}

impl Table {
    /// The room of this session, if it has one; one that sleeps since a crash is put together for that. Not for a thread
    /// that has the session locked.
    #[must_use]
    pub fn slice_room(&self, handle: Handle) -> Option<Room> {
        let room = self.slices().get(handle);
        if room.is_none() && self.keeps_slices(handle) {
            // Its room is there as soon as it is awake, whatever else becomes of it.
            drop(self.lock(handle));
            return self.slices().get(handle);
        }
        room
    }

    fn keeps_slices(&self, handle: Handle) -> bool {
        let journal = self.journal();
        journal.is_some_and(|journal| journal.keeps_slices(handle.slot()))
    }

    /// True for a session whose slices were written down and could not be read again after a crash: until it is told a
    /// subscription anew.
    #[must_use]
    pub fn slices_lost(&self, handle: Handle) -> bool {
        self.slice_room(handle).is_none() && self.keeps_slices(handle)
    }

    /// Gives a session its room for network slice-specific authentication, in place of one that it has.
    ///
    /// # Errors
    /// [`Error::Role`] for the other half's state; those of [`Table::lock`].
    pub fn make_slice_room(&self, handle: Handle, half: SliceHalf) -> Result<()> {
        self.make_slice_room_in(handle, half, None)
    }

    /// As [`Table::make_slice_room`], in a group.
    ///
    /// # Errors
    /// As there.
    pub fn make_slice_room_in(
        &self,
        handle: Handle,
        half: SliceHalf,
        group: Option<Arc<SliceGroup>>,
    ) -> Result<()> {
        // Under its lock, so that the session is not released meanwhile.
        let session = self.lock(handle)?;
        let role = match half {
            SliceHalf::Amf(_) => Role::Amf,
            SliceHalf::Ue(_) => Role::Ue,
        };
        if session.security.role() != role {
            return Err(Error::Role);
        }
        let room = SliceRoom::new(handle, half, &[]);
        if let Some(group) = group {
            room.join(&group);
        }
        if let SliceHalf::Amf(amf) = &*lock(&room)? {
            self.write_slices(&room, amf);
        }
        self.slices().put(room);
        Ok(())
    }

    /// Calls `what` with the AMF half of a room. What it changed is written down, where sessions are, before this
    /// returns.
    ///
    /// # Errors
    /// [`Error::Poisoned`]; [`Error::Role`] for a UE half; [`Error::Conflict`] for a session that was exported or given
    /// away: it is for whoever took it up to hear what happened.
    pub fn with_slices<T>(&self, room: &SliceRoom, what: impl FnOnce(&mut Amf) -> T) -> Result<T> {
        with_amf(room, |amf| {
            if room.written().closed {
                return Err(Error::Conflict);
            }
            let done = what(amf);
            self.write_slices(room, amf);
            Ok(done)
        })
    }

    fn write_slices(&self, room: &SliceRoom, amf: &Amf) {
        let Some(journal) = self.journal() else {
            return;
        };
        let mut written = room.written();
        // Fails for nothing that an AMF half can be.
        let Ok(octets) = amf.store(Kept::All) else {
            return;
        };
        if !written.closed && *written.octets != *octets {
            journal.write_slices(room.handle, &octets);
            written.octets = octets.as_slice().into();
        }
    }

    /// From now on, or not any more, nothing that happens changes the session's slices: its record is the one that
    /// counts. Waits for an event that is just being taken.
    pub(in crate::session) fn close_slices(&self, handle: Handle, closed: bool) {
        if let Some(room) = self.slice_room(handle) {
            let _half = lock(&room);
            room.close(closed);
        }
    }

    /// What is written down of a session's slices, as [`Amf::store`] has it; `None` without any.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(in crate::session) fn slices_written(&self, handle: Handle) -> Option<Vec<u8>> {
        let room = self.slice_room(handle)?;
        let written = room.written();
        (!written.octets.is_empty()).then(|| written.octets.to_vec())
    }

    /// A session that slept since a crash gets its room. It is locked; only the map is locked beside it.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(in crate::session) fn wake_slices(&self, handle: Handle, closed: bool) {
        let journal = self.journal().filter(|_| self.keeps_slices(handle));
        let Some(octets) = journal.and_then(|journal| journal.read_slices(handle)) else {
            return;
        };
        // One that another version wrote is lost like one that is damaged.
        if let Ok(amf) = restored(&octets) {
            let room = SliceRoom::new(handle, SliceHalf::Amf(Box::new(amf)), &octets);
            room.close(closed);
            self.slices().put(room);
        }
    }

    /// A session that was released has no room any more, and nothing is written down of it. Before its slot is given
    /// back.
    pub(in crate::session) fn drop_slices(&self, handle: Handle) {
        self.slices().drop_room(handle);
        if let Some(journal) = self.journal() {
            journal.erase_slices(handle.slot());
        }
    }

    /// The rooms for network slice-specific authentication.
    #[must_use]
    pub const fn slices(&self) -> &SliceRooms {
        &self.slices
    }
}
