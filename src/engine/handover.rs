//! The verbs of a handover at N2 that takes a context into use: see [`crate::procedure::handover`].

use crate::base::Result;
use crate::kdf::KGnb;
use crate::procedure::handover::{self, Container, FromEps, Request};
use crate::procedure::smc::Half;
use crate::session::Handle;

use super::Engine;

impl Engine {
    /// Prepares a handover and gives the container for HANDOVER REQUEST: see [`handover::prepare`]. Until
    /// [`Engine::handover_done`] or [`Engine::handover_failed`] no other procedure changes keys.
    ///
    /// # Errors
    /// As there; [`Handle`](crate::base::Error::Handle), [`Poisoned`](crate::base::Error::Poisoned).
    pub fn handover_prepare(&self, handle: Handle, request: &Request<'_>) -> Result<Container> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        handover::prepare(&mut session.security, request, &self.env(from))
    }

    /// The UE arrived (HANDOVER NOTIFY): the context that was prepared is current.
    ///
    /// # Errors
    /// [`Unexpected`](crate::base::Error::Unexpected) when none was prepared; [`Handle`](crate::base::Error::Handle),
    /// [`Poisoned`](crate::base::Error::Poisoned).
    pub fn handover_done(&self, handle: Handle) -> Result<()> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        handover::done(&mut session.security, from)
    }

    /// The handover failed or was cancelled: what was prepared is wiped.
    ///
    /// # Errors
    /// As [`Engine::handover_done`].
    pub fn handover_failed(&self, handle: Handle) -> Result<()> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        handover::failed(&mut session.security, from)
    }

    /// UE half: obeys the container of a handover command; see [`handover::obey`].
    ///
    /// # Errors
    /// As there; [`Handle`](crate::base::Error::Handle), [`Poisoned`](crate::base::Error::Poisoned).
    pub fn ue_handover(
        &self,
        handle: Handle,
        value: &[u8],
        from_eps: Option<&FromEps<'_>>,
    ) -> Result<Option<KGnb>> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        let k_gnb = handover::obey(&mut session.security, value, from_eps, from)?;
        if let Half::Ue(ue) = &mut session.smc
            && k_gnb.is_some()
        {
            ue.handed_over();
        }
        Ok(k_gnb)
    }
}
