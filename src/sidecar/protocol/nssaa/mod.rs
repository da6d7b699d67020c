//! Network slice-specific authentication: requests and responses. Both sides speak it from version 2 on.
//!
//! One exchange tells a session what happened and brings what it wants done, so that a round of EAP costs three: the
//! UE's message, what follows from it, the NSSAAF's answer with what follows from that.

mod answer;
mod event;
#[cfg(test)]
mod tests;
mod words;

pub(super) use answer::form;
pub use answer::{ActionList, NssaaResponse, Stepped, Uplinked};
pub use words::SliceList;

use crate::base::{Error, Result};
use crate::nas::nssaa::SNssai;
use crate::procedure::nssaa::{Event, NssaaSettings};

use super::wire::{Frame, Reader};
use words::{read_s_nssai, read_settings, write_s_nssai, write_settings};

/// First version of the protocol that has these verbs.
pub const SINCE: u16 = 2;

/// First version that has [`NssaaRequest::Hosted`] and what belongs to it.
pub const HOSTED_SINCE: u16 = 3;

/// Most octets of the PDU of a [`NssaaRequest::Uplink`]: the plain message fits into the response.
pub const UPLINK_MAX: usize = super::MAX_MESSAGE - 128;

/// Most actions of one response.
pub const ACTIONS_MAX: usize = 32;

/// A request about network slice-specific authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NssaaRequest<'a> {
    /// The settings of this client's sessions.
    Settings,
    /// Changes them. Other clients have their own.
    Configure(NssaaSettings),
    /// What was refused to this client's sessions since it came.
    Refusals,
    /// What the subscription says of slices.
    Subscribe {
        /// The session.
        session: u64,
        /// The first GPSI.
        gpsi: &'a str,
        /// The Subscribed S-NSSAIs.
        slices: SliceList<'a>,
    },
    /// A REGISTRATION REQUEST was accepted.
    Register {
        /// The session.
        session: u64,
        /// 1 or 2.
        access: u8,
        /// 1: the UE supports NSSAA; 2: it supports the Extended rejected NSSAI.
        flags: u8,
        /// The slices that are asked for.
        asked: SliceList<'a>,
    },
    /// A message of the UE.
    Uplink {
        /// The session.
        session: u64,
        /// 1 or 2.
        access: u8,
        /// Octets that the caller has room for.
        room: u32,
        /// The PDU, at most [`UPLINK_MAX`] octets.
        pdu: &'a [u8],
    },
    /// Something happened, or nothing did; then what is to be done is taken.
    Step {
        /// The session.
        session: u64,
        /// What happened.
        event: Option<Event<'a>>,
        /// Take so many actions at most; 0: none.
        most: u8,
    },
    /// The GPSI that the NSSAAF is told.
    Gpsi(u64),
    /// The status of a slice.
    Status {
        /// The session.
        session: u64,
        /// The slice of the HPLMN.
        s_nssai: SNssai,
    },
    /// All that is known of the UE.
    State(u64),
    /// Whether the daemon itself asks the NSSAAF and keeps the timers; one octet, 0 or 1. From version 3 on.
    Hosted,
    /// An eventfd, beside the response, that is readable while [`NssaaRequest::Ready`] has something to tell.
    Bell,
    /// Sessions that want something done by the AMF, [`super::SessionList`]; each is told once until it wants more.
    Ready {
        /// At most so many.
        most: u16,
    },
}

/// Numbers of the verbs on the wire.
pub(super) mod verb {
    pub(in crate::sidecar::protocol) const FIRST: u16 = 32;
    pub(super) const SETTINGS: u16 = FIRST;
    pub(super) const CONFIGURE: u16 = 33;
    pub(super) const REFUSALS: u16 = 34;
    pub(super) const SUBSCRIBE: u16 = 35;
    pub(super) const REGISTER: u16 = 36;
    pub(super) const UPLINK: u16 = 37;
    pub(super) const STEP: u16 = 38;
    pub(super) const GPSI: u16 = 39;
    pub(super) const STATUS: u16 = 40;
    pub(super) const STATE: u16 = 41;
    pub(super) const HOSTED: u16 = 42;
    pub(super) const BELL: u16 = 43;
    pub(super) const READY: u16 = 44;
    pub(in crate::sidecar::protocol) const LAST: u16 = READY;
}

impl<'a> NssaaRequest<'a> {
    /// The session that it names; none for those that concern the client.
    #[must_use]
    pub const fn session(&self) -> Option<u64> {
        match *self {
            Self::Settings
            | Self::Configure(_)
            | Self::Refusals
            | Self::Hosted
            | Self::Bell
            | Self::Ready { .. } => None,
            Self::Gpsi(session)
            | Self::State(session)
            | Self::Subscribe { session, .. }
            | Self::Register { session, .. }
            | Self::Uplink { session, .. }
            | Self::Step { session, .. }
            | Self::Status { session, .. } => Some(session),
        }
    }

    pub(super) const fn verb(&self) -> u16 {
        match self {
            Self::Settings => verb::SETTINGS,
            Self::Configure(_) => verb::CONFIGURE,
            Self::Refusals => verb::REFUSALS,
            Self::Subscribe { .. } => verb::SUBSCRIBE,
            Self::Register { .. } => verb::REGISTER,
            Self::Uplink { .. } => verb::UPLINK,
            Self::Step { .. } => verb::STEP,
            Self::Gpsi(_) => verb::GPSI,
            Self::Status { .. } => verb::STATUS,
            Self::State(_) => verb::STATE,
            Self::Hosted => verb::HOSTED,
            Self::Bell => verb::BELL,
            Self::Ready { .. } => verb::READY,
        }
    }

    pub(super) fn write(&self, frame: &mut Frame) -> Result<()> {
        if let Some(session) = self.session() {
            frame.u64(session)?;
        }
        match *self {
            Self::Settings
            | Self::Refusals
            | Self::Hosted
            | Self::Bell
            | Self::Gpsi(_)
            | Self::State(_) => Ok(()),
            Self::Ready { most } => frame.u16(most),
            Self::Configure(ref settings) => write_settings(settings, frame),
            Self::Subscribe { gpsi, slices, .. } => {
                frame.part(Some(gpsi.as_bytes()))?;
                slices.write(frame)
            }
            Self::Register {
                access,
                flags,
                asked,
                ..
            } => {
                frame.put(&[access, flags])?;
                asked.write(frame)
            }
            Self::Uplink {
                access, room, pdu, ..
            } => {
                if pdu.len() > UPLINK_MAX {
                    return Err(Error::TooLong);
                }
                frame.u8(access)?;
                frame.u32(room)?;
                frame.part(Some(pdu))
            }
            Self::Step { event, most, .. } => {
                frame.u8(most)?;
                match event {
                    None => frame.u8(event::NOTHING),
                    Some(event) => event::write(&event, frame),
                }
            }
            Self::Status { s_nssai, .. } => write_s_nssai(s_nssai, frame),
        }
    }

    pub(super) fn read(kind: u16, reader: &mut Reader<'a>) -> Result<Self> {
        match kind {
            verb::SETTINGS => return Ok(Self::Settings),
            verb::CONFIGURE => return Ok(Self::Configure(read_settings(reader)?)),
            verb::REFUSALS => return Ok(Self::Refusals),
            verb::HOSTED => return Ok(Self::Hosted),
            verb::BELL => return Ok(Self::Bell),
            verb::READY => {
                return Ok(Self::Ready {
                    most: reader.u16()?,
                });
            }
            _ => {}
        }
        let session = reader.u64()?;
        Ok(match kind {
            verb::SUBSCRIBE => Self::Subscribe {
                session,
                gpsi: words::read_text(reader)?,
                slices: SliceList::read(reader)?,
            },
            verb::REGISTER => Self::Register {
                session,
                access: reader.u8()?,
                flags: reader.u8()?,
                asked: SliceList::read(reader)?,
            },
            verb::UPLINK => Self::Uplink {
                session,
                access: reader.u8()?,
                room: reader.u32()?,
                pdu: uplink(reader)?,
            },
            verb::STEP => Self::Step {
                session,
                most: reader.u8()?,
                event: event::read(reader)?,
            },
            verb::GPSI => Self::Gpsi(session),
            verb::STATUS => Self::Status {
                session,
                s_nssai: read_s_nssai(reader)?,
            },
            verb::STATE => Self::State(session),
            _ => return Err(Error::Operation),
        })
    }
}

fn uplink<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8]> {
    let pdu = reader.part()?.ok_or(Error::Argument)?;
    if pdu.len() > UPLINK_MAX {
        return Err(Error::TooLong);
    }
    Ok(pdu)
}
