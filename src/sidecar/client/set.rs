//! The verbs of a set of daemons with one store: naming sessions, taking them over, giving them away. None of them
//! waits for the store.

use crate::base::{Error, Result};
use crate::session::Handle;

use super::super::protocol::{Request, Response, SetRequest};
use super::Client;

impl Client {
    /// Gives a session the name, of 1 to 64 octets, under which another daemon of the set can take it over. To be called
    /// before [`Client::authenticated`]. Names are those of this user and client name.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without a store, [`Error::Argument`] for a client without a name or another length,
    /// [`Error::OutOfOrder`] for a session that has keys, [`Error::Conflict`] when it has another name or another session
    /// has this one.
    pub fn name_session(&self, handle: Handle, name: &[u8]) -> Result<()> {
        self.done(&Request::Set(SetRequest::Name {
            session: handle.bits(),
            name,
        }))
    }

    /// Takes over the session of this name, which another daemon had; one that is here and this client's is simply found.
    /// `tag` as in [`Client::establish`].
    ///
    /// # Errors
    /// [`Error::Busy`]: the store was asked, call again in some milliseconds. [`Error::Fenced`] while its owner is present,
    /// [`Error::NoContext`] when the store does not know it, [`Error::RekeyRequired`] when nobody can vouch for its COUNTs,
    /// [`Error::LeaseExhausted`] when the store does not answer, [`Error::Record`] when its record does not open;
    /// [`Error::Unsupported`], [`Error::Argument`], [`Error::Quota`], [`Error::TableFull`], [`Error::KeyReused`].
    pub fn take_session(&self, name: &[u8], tag: u64) -> Result<Handle> {
        self.ask(
            &Request::Set(SetRequest::Take { tag, name }),
            |response| match response {
                Response::Session(session) => Handle::from_bits(session),
                _ => Err(Error::Operation),
            },
        )
    }

    /// Gives a session back to the store, with its exact COUNTs: another daemon may take it over at once. It is released
    /// when this succeeds.
    ///
    /// # Errors
    /// [`Error::Busy`]: under way, call again in some milliseconds; until then the session sends and accepts nothing, and
    /// answers [`Error::Conflict`]. [`Error::Conflict`] here while a procedure changes its keys, [`Error::NoContext`]
    /// without keys, [`Error::Argument`] without a name, [`Error::Unsupported`] without a store.
    pub fn give_session(&self, handle: Handle) -> Result<()> {
        self.done(&Request::Set(SetRequest::Give(handle.bits())))
    }
}
