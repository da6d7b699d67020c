//! Slice authentication that the daemon drives itself: what clients share of it. Questions to the NSSAAF, timers and
//! notifications are [`hosting`]'s, on the thread of the control plane; a client is told which of its sessions want
//! something that only an AMF can do, and takes it from them.
//!
//! Nothing is queued for a client: what is owed stays in the session's state until it is taken, and a session is named
//! once, however much it wants. So a client that does not listen costs a number for each of its sessions.

#[cfg(not(feature = "nssaa"))]
mod absent;
#[cfg(feature = "nssaa")]
mod hosting;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::base::{Error, Result};
use crate::engine::worker::Workers;
use crate::session::Handle;

use super::super::protocol::nssaa::NssaaRequest;
use super::super::protocol::{Request, Response, SessionList};
use super::House;
use super::tenants::Owners;

#[cfg(not(feature = "nssaa"))]
pub(super) use absent::{Hosting, Opened, open};
#[cfg(feature = "nssaa")]
pub(super) use hosting::{Hosting, Opened, open};

/// Where the sessions are, and whose.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    pub(super) workers: &'a Workers,
    pub(super) owners: &'a Owners,
}

impl House {
    fn host(&mut self) -> Option<(&mut Hosting, Home<'_>)> {
        let home = Home {
            workers: &self.workers,
            owners: &self.owners,
        };
        self.host.as_mut().map(|host| (host, home))
    }

    /// How long nothing happens by itself, at most `patience`.
    pub(super) fn host_rests(&self, patience: Duration) -> Duration {
        let next = self.host.as_ref().and_then(Hosting::next);
        let left = next.map(|at| at.saturating_duration_since(Instant::now()));
        left.map_or(patience, |left| left.min(patience))
    }

    /// Takes what the NSSAAF said and timers that expired.
    pub(super) fn host_turn(&mut self) {
        if let Some((host, home)) = self.host() {
            host.turn(home);
        }
    }

    /// Figures, now and then.
    pub(super) fn host_counts(&mut self) {
        if let Some(host) = &mut self.host {
            host.count_sometimes();
        }
    }

    /// A session came from elsewhere: from before a crash, out of the store.
    pub(super) fn host_takes(&mut self, handle: Handle) {
        if let Some((host, home)) = self.host() {
            host.take(home, handle);
        }
    }

    /// A session is gone, or another daemon's.
    pub(super) fn host_leaves(&mut self, handle: Handle) {
        if let Some(host) = &mut self.host {
            host.forget(handle);
        }
    }

    /// A client came, with sessions that it had.
    pub(super) fn host_meets(&mut self, tenant: u64) {
        let mut after = 0;
        while self.host.is_some() {
            let rows = self.tenants.list(tenant, after, SessionList::MOST);
            let Some(&(last, _)) = rows.last() else {
                return;
            };
            after = last;
            if let Some((host, home)) = self.host() {
                let handles = rows.iter().map(|&(handle, _)| Handle::from_bits(handle));
                handles.flatten().for_each(|handle| host.look(home, handle));
            }
        }
    }

    /// A client went away.
    pub(super) fn host_parts(&mut self, tenant: u64) {
        if let Some(host) = &mut self.host {
            host.part(tenant);
        }
    }

    /// True for an event that only the daemon itself can know.
    pub(super) fn host_alone(&self, request: &Request<'_>) -> bool {
        let Request::Nssaa(NssaaRequest::Step { event, .. }) = request else {
            return false;
        };
        self.host.is_some() && event.is_some_and(|event| event.is_of_the_runner())
    }

    /// Something was done to a session because its client asked: `more` actions than the response had room for.
    pub(super) fn host_follows(&mut self, handle: Handle, request: &Request<'_>, more: bool) {
        let Some((host, home)) = self.host() else {
            return;
        };
        match request {
            Request::Release(_) => {}
            Request::Nssaa(NssaaRequest::Subscribe { .. }) => host.take(home, handle),
            // What is left although everything was asked for could not be done: not before something changes.
            Request::Nssaa(NssaaRequest::Step { most: 1.., .. }) => {
                host.taken(home, handle, more);
                host.drive(home, handle);
            }
            _ => {
                host.drive(home, handle);
                host.look(home, handle);
            }
        }
    }

    /// The verbs of a client about all of its sessions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where clients ask the NSSAAF themselves; [`Error::System`].
    pub(super) fn host_answers(
        &mut self,
        tenant: u64,
        request: &NssaaRequest<'_>,
        fds: &mut Vec<OwnedFd>,
    ) -> Result<Response<'static>> {
        if *request == NssaaRequest::Hosted {
            return Ok(Response::Octet(u8::from(self.host.is_some())));
        }
        let host = self.host.as_mut().ok_or(Error::Unsupported)?;
        match *request {
            NssaaRequest::Bell => {
                fds.push(host.bell_of(tenant)?);
                Ok(Response::Done)
            }
            NssaaRequest::Ready { most } => {
                let handles = host.ready(tenant, usize::from(most).min(SessionList::MOST));
                let tag = |handle| (handle, self.tenants.tag(tenant, handle));
                let rows = handles.into_iter().map(tag).collect();
                Ok(Response::Sessions(SessionList(rows)))
            }
            _ => Err(Error::Operation),
        }
    }
}
