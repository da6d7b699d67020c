//! A session while nobody else has it: behind its lock, or in a table that has one owner.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use crate::base::{AccessType, Result};
use crate::security::{Place, Resources, Standing};

use super::guard::KeyMemory;
use super::slot::{Kept, Session, Slot};
use super::table::Table;

/// A locked session.
#[must_use = "the session is unlocked at once"]
pub struct Guard<'a> {
    pub(super) slot: MutexGuard<'a, Slot>,
    pub(super) table: &'a Table,
    pub(super) number: u32,
}

impl<'a> Guard<'a> {
    /// Side rooms and key memory of the session's table.
    #[must_use]
    pub fn resources(&self) -> Resources<'a> {
        self.table.resources_of(self.number)
    }

    /// What the session's line says of the context in `place`, by [`crate::base::AccessType::index`].
    ///
    /// # Errors
    /// [`Error::NoContext`] without such a context or without a journal; [`Error::RekeyRequired`].
    ///
    /// [`Error::NoContext`]: crate::base::Error::NoContext
    /// [`Error::RekeyRequired`]: crate::base::Error::RekeyRequired
    pub fn counts(&self, place: Place) -> Result<Standing> {
        self.slot
            .session
            .security
            .standing(place, &self.resources())
    }

    /// Lets the context in `place` send COUNTs below `ceiling` over `access`; 2^24: all.
    ///
    /// # Errors
    /// As [`Guard::counts`]; [`Error::Handle`] when `print` is not the fingerprint of its key any more;
    /// [`Error::Argument`] below the COUNT to send next or above 2^24.
    ///
    /// [`Error::Handle`]: crate::base::Error::Handle
    /// [`Error::Argument`]: crate::base::Error::Argument
    pub fn set_lease(
        &mut self,
        at: (Place, AccessType),
        (print, ceiling): (u64, u32),
    ) -> Result<()> {
        let resources = self.resources();
        self.slot
            .session
            .security
            .set_ceiling(at, (print, ceiling), &resources)
    }

    pub(super) fn claim_keys(&mut self) -> Result<()> {
        let resources = self.resources();
        self.slot.claim_keys(self.table.keys(), &resources)
    }
}

impl Deref for Guard<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.slot.session
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.slot.session
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.slot.has_changed() {
            let kept = self.table.kept(self.number);
            self.slot.reconcile(self.table.keys(), kept);
        }
    }
}

/// A session of a table that nobody else can use meanwhile.
pub struct Exclusive<'a> {
    pub(super) slot: &'a mut Slot,
    pub(super) keys: &'a KeyMemory,
    pub(super) resources: Resources<'a>,
    pub(super) kept: Option<Kept<'a>>,
}

impl<'a> Exclusive<'a> {
    /// Side rooms and key memory of the session's table.
    #[must_use]
    pub const fn resources(&self) -> Resources<'a> {
        self.resources
    }
}

impl Deref for Exclusive<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.slot.session
    }
}

impl DerefMut for Exclusive<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.slot.session
    }
}

impl Drop for Exclusive<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.slot.has_changed() {
            let kept = self.kept.map(|kept| (kept, self.resources));
            self.slot.reconcile(self.keys, kept);
        }
    }
}
