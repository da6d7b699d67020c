//! Sessions that move between the sidecars of a set; the other doors have no store ([`Error::Unsupported`]).

use crate::base::{Error, Result};
use crate::session::Handle;

#[cfg(all(feature = "client", target_os = "linux"))]
use super::Behind;
use super::Door;

impl Door {
    /// Gives a session the name under which another sidecar of the set can take it over: `Client::name_session`.
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] behind another door.
    pub fn name_session(&self, handle: Handle, name: &[u8]) -> Result<()> {
        match &self.behind {
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.client().name_session(handle, name),
            _ => unsupported((handle, name)),
        }
    }

    /// Takes a session over by its name: `Client::take_session`. Never waits: [`Error::Busy`] asks to call again.
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] behind another door.
    pub fn take_session(&self, name: &[u8], tag: u64) -> Result<Handle> {
        match &self.behind {
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.client().take_session(name, tag),
            _ => unsupported((name, tag)),
        }
    }

    /// Gives a session away, which ends it here: `Client::give_session`. Never waits, as [`Door::take_session`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] behind another door.
    pub fn give_session(&self, handle: Handle) -> Result<()> {
        match &self.behind {
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.client().give_session(handle),
            _ => unsupported(handle),
        }
    }
}

fn unsupported<T, U>(_: U) -> Result<T> {
    Err(Error::Unsupported)
}
