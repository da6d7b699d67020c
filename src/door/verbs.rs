//! The verbs of one session: those of [`Engine`], wherever the session is.

use std::ops::Range;

use crate::base::secret::ct_eq;
use crate::base::{AccessType, Error, NgKsi, Result};
use crate::engine::{Engine, Received, Sent};
use crate::kdf::{KGnb, Nh};
use crate::nas::{Cause, MessageType};
use crate::procedure::handover::{self, Container};
use crate::procedure::smc::{self, Action, Event, Outcome};
use crate::security::protect::Form;
use crate::security::{Deregistration, Diagnosis, Identity, KeyChange};
use crate::session::Handle;

use super::{Door, Place};

/// The same call here and there.
macro_rules! at {
    ($door:expr, $handle:expr, $at:ident => $call:expr) => {
        match $door.place($handle) {
            Ok(Place::Here($at)) => $call,
            #[cfg(all(feature = "client", target_os = "linux"))]
            Ok(Place::There($at)) => $call,
            Err(error) => Err(error),
        }
    };
}

impl Engine {
    /// A free native ngKSI that is not the one the UE `cited`.
    ///
    /// # Errors
    /// [`Error::NgKsi`] when none is free; [`Error::Handle`], [`Error::Poisoned`].
    fn next_ng_ksi(&self, handle: Handle, cited: Option<NgKsi>) -> Result<NgKsi> {
        let session = self.session(handle)?;
        session.security.next_ng_ksi(cited).ok_or(Error::NgKsi)
    }

    fn prepare_nh(&self, handle: Handle) -> Result<(Nh, u8)> {
        let prepared = self.session(handle)?.security.prepare_nh()?;
        Ok((prepared.nh().clone(), prepared.ncc()))
    }

    fn commit_nh(&self, handle: Handle, (nh, ncc): (&Nh, u8)) -> Result<()> {
        let mut session = self.session(handle)?;
        let prepared = session.security.prepare_nh()?;
        if prepared.ncc() != ncc || !ct_eq(prepared.nh().expose(), nh.expose()) {
            return Err(Error::Conflict);
        }
        session.security.commit_nh(prepared)
    }
}

impl Door {
    /// Has the messages of a session of a sidecar written down from now on, or no longer: see
    /// [`crate::sidecar::Client::tap`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] without a sidecar.
    #[cfg(all(feature = "client", target_os = "linux"))]
    pub fn tap(&self, handle: Handle, switch: crate::sidecar::TapSwitch) -> Result<u64> {
        match self.place(handle)? {
            Place::Here(_) => Err(Error::Unsupported),
            Place::There(remote) => remote.tap(handle, switch),
        }
    }

    /// As [`Engine::release`].
    ///
    /// # Errors
    /// As there.
    pub fn release(&self, handle: Handle) -> Result<()> {
        at!(self, handle, at => at.release(handle))
    }

    /// As [`Engine::authenticated`].
    ///
    /// # Errors
    /// As there.
    pub fn authenticated(&self, handle: Handle, identity: Identity) -> Result<()> {
        at!(self, handle, at => at.authenticated(handle, identity))
    }

    /// A free native ngKSI that is not the one the UE `cited`.
    ///
    /// # Errors
    /// [`Error::NgKsi`] when none is free; [`Error::Handle`], [`Error::Poisoned`].
    pub fn next_ng_ksi(&self, handle: Handle, cited: Option<NgKsi>) -> Result<NgKsi> {
        at!(self, handle, at => at.next_ng_ksi(handle, cited))
    }

    /// As [`Engine::protect`].
    ///
    /// # Errors
    /// As there.
    pub fn protect(
        &self,
        handle: Handle,
        access: AccessType,
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<Sent> {
        self.protect_as(handle, access, (plain, Form::Auto), out)
    }

    /// As [`Engine::protect_as`].
    ///
    /// # Errors
    /// As there.
    pub fn protect_as(
        &self,
        handle: Handle,
        access: AccessType,
        message: (&[u8], Form),
        out: &mut [u8],
    ) -> Result<Sent> {
        at!(self, handle, at => at.protect_as(handle, access, message, out))
    }

    /// As [`Engine::protect_in_place`].
    ///
    /// # Errors
    /// As there.
    pub fn protect_in_place(
        &self,
        handle: Handle,
        access: AccessType,
        form: Form,
        place: (&mut [u8], usize),
    ) -> Result<Sent> {
        at!(self, handle, at => at.protect_in_place(handle, access, form, place))
    }

    /// As [`Engine::verify`]. Through a sidecar the verdict does not say which context verified.
    pub fn verify(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> Received {
        let done = at!(self, handle, at => Ok(at.verify(handle, access, pdu, out)));
        done.unwrap_or_else(Received::refused)
    }

    /// As [`Engine::verify_in_place`].
    pub fn verify_in_place(&self, handle: Handle, access: AccessType, pdu: &mut [u8]) -> Received {
        let done = at!(self, handle, at => Ok(at.verify_in_place(handle, access, pdu)));
        done.unwrap_or_else(Received::refused)
    }

    /// As [`Engine::verify_only`].
    pub fn verify_only(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> Received {
        let done = at!(self, handle, at => Ok(at.verify_only(handle, access, pdu, out)));
        done.unwrap_or_else(Received::refused)
    }

    /// As [`Engine::decipher_container`].
    ///
    /// # Errors
    /// As there.
    pub fn decipher_container(
        &self,
        handle: Handle,
        of: (AccessType, u32),
        message: &mut [u8],
    ) -> Result<(Range<usize>, MessageType)> {
        at!(self, handle, at => at.decipher_container(handle, of, message))
    }

    /// As [`Engine::diagnose`].
    ///
    /// # Errors
    /// As there.
    pub fn diagnose(&self, handle: Handle, access: AccessType, pdu: &[u8]) -> Result<Diagnosis> {
        at!(self, handle, at => at.diagnose(handle, access, pdu))
    }

    /// As [`Engine::k_gnb`].
    ///
    /// # Errors
    /// As there.
    pub fn k_gnb(&self, handle: Handle, access: AccessType) -> Result<KGnb> {
        at!(self, handle, at => at.k_gnb(handle, access))
    }

    /// The next {NH, NCC} of 3GPP access; nothing changes until [`Door::commit_nh`].
    ///
    /// # Errors
    /// [`Error::NoContext`] before [`Door::k_gnb`]; [`Error::Handle`], [`Error::Poisoned`].
    pub fn prepare_nh(&self, handle: Handle) -> Result<(Nh, u8)> {
        at!(self, handle, at => at.prepare_nh(handle))
    }

    /// Takes the step to what [`Door::prepare_nh`] gave.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the chain has moved since, or these are another UE's; as [`Door::prepare_nh`].
    pub fn commit_nh(&self, handle: Handle, step: (&Nh, u8)) -> Result<()> {
        at!(self, handle, at => at.commit_nh(handle, step))
    }

    /// As [`Engine::connection_released`].
    ///
    /// # Errors
    /// As there.
    pub fn connection_released(&self, handle: Handle, access: AccessType) -> Result<()> {
        at!(self, handle, at => at.connection_released(handle, access))
    }

    /// As [`Engine::deregister`].
    ///
    /// # Errors
    /// As there.
    pub fn deregister(&self, handle: Handle, kind: Deregistration) -> Result<()> {
        at!(self, handle, at => at.deregister(handle, kind))
    }

    /// As [`Engine::begin_key_change`].
    ///
    /// # Errors
    /// As there.
    pub fn begin_key_change(&self, handle: Handle, kind: KeyChange) -> Result<()> {
        at!(self, handle, at => at.begin_key_change(handle, kind))
    }

    /// As [`Engine::end_key_change`].
    ///
    /// # Errors
    /// As there.
    pub fn end_key_change(&self, handle: Handle, kind: KeyChange) -> Result<()> {
        at!(self, handle, at => at.end_key_change(handle, kind))
    }

    /// As [`Engine::handover_prepare`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] from a sidecar that does not know the verb.
    pub fn handover_prepare(
        &self,
        handle: Handle,
        request: &handover::Request<'_>,
    ) -> Result<Container> {
        at!(self, handle, at => at.handover_prepare(handle, request))
    }

    /// As [`Engine::handover_done`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`].
    pub fn handover_done(&self, handle: Handle) -> Result<()> {
        at!(self, handle, at => at.handover_done(handle))
    }

    /// As [`Engine::handover_failed`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`].
    pub fn handover_failed(&self, handle: Handle) -> Result<()> {
        at!(self, handle, at => at.handover_failed(handle))
    }

    /// As [`Engine::smc_command`].
    ///
    /// # Errors
    /// As there.
    pub fn smc_command(
        &self,
        handle: Handle,
        request: &smc::Request<'_>,
        out: &mut [u8],
    ) -> Result<smc::Sent> {
        at!(self, handle, at => at.smc_command(handle, request, out))
    }

    /// As [`Engine::smc_event`].
    ///
    /// # Errors
    /// As there.
    pub fn smc_event(&self, handle: Handle, event: Event, out: &mut [u8]) -> Result<Action> {
        at!(self, handle, at => at.smc_event(handle, event, out))
    }

    /// As [`Engine::smc_rejected_unprotected`].
    ///
    /// # Errors
    /// As there.
    pub fn smc_rejected_unprotected(&self, handle: Handle, cause: Cause) -> Result<Outcome> {
        at!(self, handle, at => at.smc_rejected_unprotected(handle, cause))
    }
}
