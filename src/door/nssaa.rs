//! The verbs of network slice-specific authentication, wherever the session is in this process: here or on a worker's
//! shard, on the caller's thread. A sidecar does not offer them yet ([`Error::Unsupported`](crate::base::Error)).

use crate::base::{AccessType, Error, Result};
use crate::engine::nssaa::{NssaaState, NssaaUplink};
use crate::engine::{Engine, Received};
use crate::nas::nssaa::SNssai;
use crate::procedure::nssaa::{
    Action, Admission, Event, NssaaSettings, Refusals, Registration, Status, Subscription,
};
use crate::session::Handle;

use super::{Behind, Door};

impl Door {
    /// Every engine of this process behind the door.
    fn engines(&self) -> Result<Vec<&Engine>> {
        match &self.behind {
            Behind::Inline(engine) => Ok(vec![engine]),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => {
                let engine = |worker| workers.engine(worker);
                Ok((0..workers.len()).filter_map(engine).collect())
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(_) => Err(Error::Unsupported),
        }
    }

    /// As [`Engine::nssaa_settings`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_settings(&self) -> Result<NssaaSettings> {
        let engines = self.engines()?;
        let first = engines.first().ok_or(Error::Stopped)?;
        Ok(first.nssaa_settings())
    }

    /// As [`Engine::nssaa_configure`], for every UE behind this door.
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_configure(&self, settings: &NssaaSettings) -> Result<()> {
        for engine in self.engines()? {
            engine.nssaa_configure(settings.clone())?;
        }
        Ok(())
    }

    /// As [`Engine::nssaa_refusals`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_refusals(&self) -> Result<Refusals> {
        let mut all = Refusals::default();
        for engine in self.engines()? {
            all += engine.nssaa_refusals();
        }
        Ok(all)
    }

    /// As [`Engine::nssaa_subscribe`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_subscribe(&self, handle: Handle, subscription: &Subscription<'_>) -> Result<()> {
        self.shard(handle)?.nssaa_subscribe(handle, subscription)
    }

    /// As [`Engine::nssaa_register`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_register(
        &self,
        handle: Handle,
        registration: &Registration<'_>,
    ) -> Result<Admission> {
        self.shard(handle)?.nssaa_register(handle, registration)
    }

    /// As [`Engine::nssaa_event`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()> {
        self.shard(handle)?.nssaa_event(handle, event)
    }

    /// As [`Engine::nssaa_uplink`]; through a sidecar the message is refused with [`Error::Unsupported`], unverified.
    pub fn nssaa_uplink(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> NssaaUplink {
        match self.shard(handle) {
            Ok(engine) => engine.nssaa_uplink(handle, access, pdu, out),
            Err(error) => NssaaUplink {
                received: Received::refused(error),
                procedure: None,
            },
        }
    }

    /// As [`Engine::nssaa_poll`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>> {
        self.shard(handle)?.nssaa_poll(handle, out)
    }

    /// As [`Engine::nssaa_gpsi`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        self.shard(handle)?.nssaa_gpsi(handle)
    }

    /// As [`Engine::nssaa_status`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_status(&self, handle: Handle, s_nssai: SNssai) -> Result<Option<Status>> {
        self.shard(handle)?.nssaa_status(handle, s_nssai)
    }

    /// As [`Engine::nssaa_state`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn nssaa_state(&self, handle: Handle) -> Result<NssaaState> {
        self.shard(handle)?.nssaa_state(handle)
    }
}

#[cfg(feature = "nssaa")]
impl crate::nssaaf::runner::Sessions for Door {
    fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>> {
        Self::nssaa_poll(self, handle, out)
    }

    fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()> {
        Self::nssaa_event(self, handle, event)
    }

    fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        Self::nssaa_gpsi(self, handle)
    }
}
