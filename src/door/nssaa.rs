//! The verbs of network slice-specific authentication. In this process they run here or on a worker's shard, on the
//! caller's thread; of a sidecar they are asked over the control socket. There settings and refusals are those of this
//! client: others that share the sidecar have their own.

use crate::base::{AccessType, Error, Result};
use crate::engine::nssaa::{NSSAA_ROOM, NssaaState, NssaaUplink};
use crate::engine::{Engine, Received};
use crate::nas::nssaa::SNssai;
use crate::procedure::nssaa::{
    Action, Admission, Event, NssaaSettings, Refusals, Registration, Status, Subscription,
};
use crate::session::Handle;

#[cfg(all(feature = "client", target_os = "linux"))]
use super::remote::Remote;
use super::{Behind, Door, Place};

/// Where the settings are.
enum Settings<'a> {
    /// With every engine of this process behind the door.
    Here(Vec<&'a Engine>),
    #[cfg(all(feature = "client", target_os = "linux"))]
    There(&'a Remote),
}

/// Does the same here, or asks for it there.
macro_rules! either {
    ($self:ident, $handle:ident, $verb:ident($($given:expr),*)) => {
        match $self.place($handle)? {
            Place::Here(engine) => engine.$verb($handle, $($given),*),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Place::There(remote) => remote.client().$verb($handle, $($given),*),
        }
    };
}

impl Door {
    fn slice_settings(&self) -> Settings<'_> {
        match &self.behind {
            Behind::Inline(engine) => Settings::Here(vec![engine]),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => {
                let engine = |worker| workers.engine(worker);
                Settings::Here((0..workers.len()).filter_map(engine).collect())
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => Settings::There(remote),
        }
    }

    /// As [`Engine::nssaa_settings`].
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn nssaa_settings(&self) -> Result<NssaaSettings> {
        match self.slice_settings() {
            Settings::Here(engines) => {
                let first = engines.first().ok_or(Error::Stopped)?;
                Ok(first.nssaa_settings())
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Settings::There(remote) => remote.client().nssaa_settings(),
        }
    }

    /// As [`Engine::nssaa_configure`], for every UE behind this door.
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_configure(&self, settings: &NssaaSettings) -> Result<()> {
        match self.slice_settings() {
            Settings::Here(engines) => engines
                .iter()
                .try_for_each(|engine| engine.nssaa_configure(*settings)),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Settings::There(remote) => remote.client().nssaa_configure(settings),
        }
    }

    /// As [`Engine::nssaa_refusals`].
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn nssaa_refusals(&self) -> Result<Refusals> {
        match self.slice_settings() {
            Settings::Here(engines) => {
                let mut all = Refusals::default();
                for engine in engines {
                    all += engine.nssaa_refusals();
                }
                Ok(all)
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Settings::There(remote) => remote.client().nssaa_refusals(),
        }
    }

    /// As [`Engine::nssaa_subscribe`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_subscribe(&self, handle: Handle, subscription: &Subscription<'_>) -> Result<()> {
        either!(self, handle, nssaa_subscribe(subscription))
    }

    /// As [`Engine::nssaa_register`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_register(
        &self,
        handle: Handle,
        registration: &Registration<'_>,
    ) -> Result<Admission> {
        either!(self, handle, nssaa_register(registration))
    }

    /// As [`Engine::nssaa_event`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()> {
        either!(self, handle, nssaa_event(event))
    }

    /// As [`Engine::nssaa_uplink`]; through a sidecar a message of more than 65,000 octets is [`Error::TooLong`],
    /// unverified.
    pub fn nssaa_uplink(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> NssaaUplink {
        match self.place(handle) {
            Ok(Place::Here(engine)) => engine.nssaa_uplink(handle, access, pdu, out),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Ok(Place::There(remote)) => remote.nssaa_uplink(handle, access, pdu, out),
            Err(error) => NssaaUplink {
                received: Received::refused(error),
                procedure: None,
            },
        }
    }

    /// As [`Engine::nssaa_poll`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>> {
        either!(self, handle, nssaa_poll(out))
    }

    /// Tells a session what happened, if anything did, and takes all that it wants done; a sidecar is asked once for
    /// all of it. `room` has [`NSSAA_ROOM`] octets. What becomes of the event is
    /// passed over: the session counts what it refuses.
    ///
    /// # Errors
    /// As [`Engine::nssaa_poll`]; `take` had the actions before.
    pub fn nssaa_step(
        &self,
        handle: Handle,
        event: Option<Event<'_>>,
        room: &mut [u8],
        take: &mut dyn FnMut(Action, &[u8]),
    ) -> Result<()> {
        if room.len() < NSSAA_ROOM {
            return Err(Error::BufferTooSmall);
        }
        match self.place(handle)? {
            Place::Here(engine) => engine.nssaa_step(handle, event, room, take),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Place::There(remote) => remote.client().nssaa_step(handle, event, take),
        }
    }

    /// True behind a sidecar that itself asks the NSSAAF, keeps the timers and takes notifications. There is nothing for a
    /// runner then ([`Error::Hosted`]): [`Door::nssaa_poll`] has only what an AMF must do, and [`Door::nssaa_ready`] says
    /// of which sessions.
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn nssaa_hosted(&self) -> Result<bool> {
        match self.slice_settings() {
            Settings::Here(_) => Ok(false),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Settings::There(remote) => remote.client().nssaa_hosted(),
        }
    }

    /// Sessions that want something done which began by itself: an answer, a timer, a notification. Behind a sidecar
    /// that drives slice authentication; see [`crate::sidecar::Client::nssaa_ready`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] behind every other door; [`Error::Disconnected`].
    pub fn nssaa_ready(&self, most: usize) -> Result<Vec<Handle>> {
        match self.slice_settings() {
            Settings::Here(_) => {
                let _ = most;
                Err(Error::Unsupported)
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Settings::There(remote) => remote.client().nssaa_ready(most),
        }
    }

    /// An eventfd that is readable when [`Door::nssaa_ready`] has something to tell, or the sidecar is gone; it lives as
    /// long as the door.
    ///
    /// # Errors
    /// As [`Door::nssaa_ready`].
    #[cfg(target_os = "linux")]
    pub fn nssaa_eventfd(&self) -> Result<std::os::fd::BorrowedFd<'_>> {
        match self.slice_settings() {
            Settings::Here(_) => Err(Error::Unsupported),
            #[cfg(feature = "client")]
            Settings::There(remote) => remote.client().nssaa_eventfd(),
        }
    }

    /// Waits until [`Door::nssaa_ready`] may have something to tell, for at most so long.
    ///
    /// # Errors
    /// As [`Door::nssaa_ready`].
    #[cfg(target_os = "linux")]
    pub fn nssaa_wait(&self, patience: std::time::Duration) -> Result<bool> {
        match self.slice_settings() {
            Settings::Here(_) => {
                let _ = patience;
                Err(Error::Unsupported)
            }
            #[cfg(feature = "client")]
            Settings::There(remote) => remote.client().nssaa_wait(patience),
        }
    }

    /// As [`Engine::nssaa_gpsi`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        either!(self, handle, nssaa_gpsi())
    }

    /// As [`Engine::nssaa_status`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_status(&self, handle: Handle, s_nssai: SNssai) -> Result<Option<Status>> {
        either!(self, handle, nssaa_status(s_nssai))
    }

    /// As [`Engine::nssaa_state`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_state(&self, handle: Handle) -> Result<NssaaState> {
        either!(self, handle, nssaa_state())
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

    fn nssaa_step(
        &self,
        handle: Handle,
        event: Option<Event<'_>>,
        room: &mut [u8],
        take: &mut dyn FnMut(Action, &[u8]),
    ) -> Result<()> {
        Self::nssaa_step(self, handle, event, room, take)
    }

    fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        Self::nssaa_gpsi(self, handle)
    }
}
