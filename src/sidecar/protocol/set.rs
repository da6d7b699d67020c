//! Requests that concern a set of daemons with one store.

use crate::base::{Error, Result};

use super::wire::{Frame, Reader};

/// Octets of the longest name of a session.
pub const MAX_SESSION_NAME: usize = 64;

/// A request about sessions that move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetRequest<'a> {
    /// Gives a session its name, before it has keys.
    Name {
        /// The session.
        session: u64,
        /// 1 to 64 octets.
        name: &'a [u8],
    },
    /// Takes the session of this name over; to be asked again while the answer is [`Error::Busy`].
    Take {
        /// As in [`super::Request::Establish`].
        tag: u64,
        /// 1 to 64 octets.
        name: &'a [u8],
    },
    /// Gives a session away; to be asked again while the answer is [`Error::Busy`].
    Give(u64),
}

pub(super) const NAME: u16 = 40;
const TAKE: u16 = 41;
pub(super) const GIVE: u16 = 42;

impl<'a> SetRequest<'a> {
    pub(super) const fn verb(&self) -> u16 {
        match self {
            Self::Name { .. } => NAME,
            Self::Take { .. } => TAKE,
            Self::Give(_) => GIVE,
        }
    }

    pub(super) fn write(&self, frame: &mut Frame) -> Result<()> {
        match *self {
            Self::Name {
                session: number,
                name,
            }
            | Self::Take { tag: number, name } => {
                frame.u64(number)?;
                frame.part(Some(name))
            }
            Self::Give(session) => frame.u64(session),
        }
    }

    pub(super) fn read(kind: u16, reader: &mut Reader<'a>) -> Result<Self> {
        let number = reader.u64()?;
        if kind == GIVE {
            return Ok(Self::Give(number));
        }
        let name = reader.part()?.ok_or(Error::Argument)?;
        if name.is_empty() || name.len() > MAX_SESSION_NAME {
            return Err(Error::Argument);
        }
        Ok(match kind {
            NAME => Self::Name {
                session: number,
                name,
            },
            TAKE => Self::Take { tag: number, name },
            _ => return Err(Error::Operation),
        })
    }
}
