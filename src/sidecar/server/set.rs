//! Sessions that move, as clients ask for them.

use crate::base::{Error, Result};
use crate::session::Handle;

use super::super::protocol::{Response, SetRequest};
use super::super::set::Set;
use super::House;

/// Who asks: its tenant, its user, its name.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) tenant: u64,
    pub(super) uid: u32,
    pub(super) name: &'a str,
}

impl House {
    /// # Errors
    /// Those of [`crate::sidecar::Client`]'s verbs.
    pub(super) fn of_set(
        &mut self,
        asker: Asker<'_>,
        request: &SetRequest<'_>,
    ) -> Result<Response<'static>> {
        match *request {
            SetRequest::Name { session, name } => {
                let handle = self.tenants.own(asker.tenant, session)?;
                self.owners.check(handle, asker.tenant)?;
                let name = self.set()?.name_of((asker.uid, asker.name), name)?;
                if self.has_keys(handle)? {
                    return Err(Error::OutOfOrder);
                }
                self.set()?.names().set(handle, name)?;
                Ok(Response::Done)
            }
            SetRequest::Take { tag, name } => {
                let name = self.set()?.name_of((asker.uid, asker.name), name)?;
                let here = self.set()?.names().find(name);
                if let Some(handle) = here
                    && self.tenants.own(asker.tenant, handle.bits()).is_ok()
                {
                    if !self.set()?.gives(handle) {
                        return Ok(Response::Session(handle.bits()));
                    }
                    // It was to be given away, and nobody came to hear that it was: from the store, like any other.
                    self.part_with(asker.tenant, handle)?;
                }
                self.has_room(asker)?;
                let handle = self.set()?.take(name).unwrap_or(Err(Error::Busy))?;
                self.hand_over(asker.tenant, (handle, tag))?;
                Ok(Response::Session(handle.bits()))
            }
            SetRequest::Give(session) => {
                let handle = self.tenants.own(asker.tenant, session)?;
                self.owners.check(handle, asker.tenant)?;
                let set = self.set()?;
                if set.names().of(handle).is_none() {
                    return Err(Error::Argument);
                }
                if !self.has_keys(handle)? {
                    return Err(Error::NoContext);
                }
                self.part_with(asker.tenant, handle)?;
                Ok(Response::Done)
            }
        }
    }

    fn set(&self) -> Result<&Set> {
        self.set.as_ref().ok_or(Error::Unsupported)
    }

    fn has_keys(&self, handle: Handle) -> Result<bool> {
        let session = self.workers.engine_of(handle)?.session(handle)?;
        Ok(session.security.contexts().next().is_some())
    }

    /// # Errors
    /// [`Error::Quota`].
    pub(super) fn has_room(&self, asker: Asker<'_>) -> Result<()> {
        let own = self.tenants.count(asker.tenant);
        let user = self.tenants.count_of_user(asker.uid);
        if own >= self.quota.sessions as usize || user >= self.quota.of_user_sessions() {
            return Err(Error::Quota);
        }
        Ok(())
    }

    /// A new session is this tenant's from now on.
    pub(super) fn hand_over(&mut self, tenant: u64, (handle, tag): (Handle, u64)) -> Result<()> {
        let owned = self.tenants.add(tenant, (handle, tag), &self.owners);
        if let Err(error) = owned {
            self.workers.engine_of(handle)?.release(handle)?;
            self.released(handle);
            return Err(error);
        }
        self.sign(tenant, handle, tag);
        self.host_takes(handle);
        self.count_sessions();
        Ok(())
    }

    /// A session was released, and is nobody's any more.
    pub(super) fn released(&mut self, handle: Handle) {
        self.host_leaves(handle);
        if let Some(set) = &self.set {
            set.released(handle);
        }
    }

    /// Gives a session to the store.
    ///
    /// # Errors
    /// [`Error::Busy`] until that is done; those of [`crate::session::attend::Attendant::give`].
    fn part_with(&mut self, tenant: u64, handle: Handle) -> Result<()> {
        self.set()?.give(handle).unwrap_or(Err(Error::Busy))?;
        self.tenants.drop_session(tenant, handle, &self.owners);
        self.send_off(handle);
        self.count_sessions();
        Ok(())
    }

    /// A session that the store has back ends here.
    fn send_off(&mut self, handle: Handle) {
        self.host_leaves(handle);
        let engine = self.workers.engine_of(handle);
        // It may be gone already, taken over by another daemon.
        let _ = engine.and_then(|engine| engine.release(handle));
        if let Some(set) = &self.set {
            set.given_away(handle);
        }
    }

    /// Sessions that were taken over and that nobody came for go back.
    pub(super) fn tidy_set(&mut self) {
        let strays = self.set.as_mut().map(Set::tidy).unwrap_or_default();
        for handle in strays {
            self.send_off(handle);
        }
    }
}
