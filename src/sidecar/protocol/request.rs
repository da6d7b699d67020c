//! Requests: what a client asks of the daemon.

use crate::base::secret::ct_eq;
use crate::base::{Error, Result};
use crate::kdf::KAmf;

use super::handover::{self, HandoverRequest};
use super::nssaa::{self, NssaaRequest};
use super::set::{self, SetRequest};
use super::smc::SmcCommand;
use super::wire::{Frame, Reader};
use super::{Header, MAGIC, MAX_NAME};

/// First words of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Oldest and newest version that the client speaks.
    pub versions: (u16, u16),
    /// Name under which sessions that were kept are taken over again; up to 32 octets, may be empty.
    pub name: &'a [u8],
}

/// A request. Handles are numbers as they came: whether they are this client's the daemon decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Begins the connection.
    Hello(Hello<'a>),
    /// Asks for the same number back.
    Ping(u64),
    /// Asks for figures of the whole daemon.
    Statistics,
    /// Asks for a queue: ring entries (a power of two, 8..=4096) and octets of the arena.
    OpenQueue {
        /// Entries of each ring.
        entries: u32,
        /// Octets of the arena.
        arena: u32,
    },
    /// Ends a queue.
    CloseQueue(u32),
    /// A new session of role AMF. `tag` is the client's own number for it.
    Establish {
        /// Comes back in [`Request::Sessions`].
        tag: u64,
    },
    /// The sessions that this client has, by ascending handle, from the first one above `after`.
    Sessions {
        /// 0, or the last handle of the list before.
        after: u64,
    },
    /// Ends a session.
    Release(u64),
    /// Primary authentication succeeded.
    Authenticated {
        /// The session.
        session: u64,
        /// K_AMF, 32 octets.
        k_amf: Key<'a>,
        /// ngKSI.
        ng_ksi: u8,
        /// 1: unauthenticated emergency session.
        flags: u8,
        /// Value of the UE security capability.
        ue_sec_cap: &'a [u8],
    },
    /// A free native ngKSI.
    NextNgKsi {
        /// The session.
        session: u64,
        /// ngKSI that the UE cited; 255: none.
        cited: u8,
    },
    /// The NAS signalling connection of an access was released.
    ConnectionReleased {
        /// The session.
        session: u64,
        /// 1 or 2.
        access: u8,
    },
    /// The UE left.
    Deregister {
        /// The session.
        session: u64,
        /// [`crate::security::Deregistration`].
        kind: u8,
    },
    /// Begins a procedure that changes keys.
    BeginKeyChange {
        /// The session.
        session: u64,
        /// [`crate::security::KeyChange`].
        kind: u8,
    },
    /// Ends it.
    EndKeyChange {
        /// The session.
        session: u64,
        /// [`crate::security::KeyChange`].
        kind: u8,
    },
    /// K_gNB or K_N3IWF.
    KGnb {
        /// The session.
        session: u64,
        /// 1 or 2.
        access: u8,
    },
    /// The next {NH, NCC}; nothing changes.
    PrepareNh(u64),
    /// Takes the step to {NH, NCC}.
    CommitNh {
        /// The session.
        session: u64,
        /// NH as [`Request::PrepareNh`] gave it, 32 octets.
        nh: Key<'a>,
        /// NCC.
        ncc: u8,
    },
    /// Sends a SECURITY MODE COMMAND.
    SmcCommand {
        /// The session.
        session: u64,
        /// Octets that the caller has room for; with less than the PDU needs nothing happens.
        room: u32,
        /// What it asks.
        command: SmcCommand<'a>,
    },
    /// Something happened to the security mode procedure: [`crate::procedure::smc::Event`] in the order of its variants.
    SmcEvent {
        /// The session.
        session: u64,
        /// As in [`Request::SmcCommand`].
        room: u32,
        /// 0 T3560 expired, 1 not delivered, 2 lower layers failed, 3 collision, 4 abort.
        event: u8,
        /// Type of the message that collided; else 0.
        message_type: u8,
    },
    /// SECURITY MODE REJECT without valid integrity.
    SmcRejectedUnprotected {
        /// The session.
        session: u64,
        /// 5GMM cause.
        cause: u8,
    },
    /// Sessions that move.
    Set(SetRequest<'a>),
    /// Why a PDU does not verify.
    Diagnose {
        /// The session.
        session: u64,
        /// 1 or 2.
        access: u8,
        /// The PDU.
        pdu: &'a [u8],
    },
    /// Handovers that take a context into use.
    Handover(HandoverRequest<'a>),
    /// Network slice-specific authentication.
    Nssaa(NssaaRequest<'a>),
    /// Writes the session's messages down from now on, or no longer. The response is the number of the file.
    Tap {
        /// The session.
        session: u64,
        /// 1 or 0.
        on: u8,
    },
}

/// A key on its way; never printed.
#[derive(Clone, Copy)]
pub struct Key<'a>(pub &'a [u8]);

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        ct_eq(self.0, other.0)
    }
}

impl Eq for Key<'_> {}

impl std::fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Octets of K_AMF and NH.
const KEY: usize = KAmf::LEN;

/// Numbers of the verbs on the wire; never used again for another meaning.
mod verb {
    pub(super) const HELLO: u16 = 1;
    pub(super) const PING: u16 = 2;
    pub(super) const STATISTICS: u16 = 3;
    pub(super) const OPEN_QUEUE: u16 = 4;
    pub(super) const CLOSE_QUEUE: u16 = 5;
    pub(super) const ESTABLISH: u16 = 6;
    pub(super) const SESSIONS: u16 = 7;
    pub(super) const RELEASE: u16 = 8;
    pub(super) const AUTHENTICATED: u16 = 9;
    pub(super) const NEXT_NG_KSI: u16 = 10;
    pub(super) const CONNECTION_RELEASED: u16 = 11;
    pub(super) const DEREGISTER: u16 = 12;
    pub(super) const BEGIN_KEY_CHANGE: u16 = 13;
    pub(super) const END_KEY_CHANGE: u16 = 14;
    pub(super) const K_GNB: u16 = 15;
    pub(super) const PREPARE_NH: u16 = 16;
    pub(super) const COMMIT_NH: u16 = 17;
    pub(super) const SMC_COMMAND: u16 = 18;
    pub(super) const SMC_EVENT: u16 = 19;
    pub(super) const SMC_REJECTED_UNPROTECTED: u16 = 20;
    pub(super) const DIAGNOSE: u16 = 21;
    pub(super) const TAP: u16 = 22;
}

impl<'a> Request<'a> {
    fn verb(&self) -> u16 {
        match self {
            Self::Hello(_) => verb::HELLO,
            Self::Ping(_) => verb::PING,
            Self::Statistics => verb::STATISTICS,
            Self::OpenQueue { .. } => verb::OPEN_QUEUE,
            Self::CloseQueue(_) => verb::CLOSE_QUEUE,
            Self::Establish { .. } => verb::ESTABLISH,
            Self::Sessions { .. } => verb::SESSIONS,
            Self::Release(_) => verb::RELEASE,
            Self::Authenticated { .. } => verb::AUTHENTICATED,
            Self::NextNgKsi { .. } => verb::NEXT_NG_KSI,
            Self::ConnectionReleased { .. } => verb::CONNECTION_RELEASED,
            Self::Deregister { .. } => verb::DEREGISTER,
            Self::BeginKeyChange { .. } => verb::BEGIN_KEY_CHANGE,
            Self::EndKeyChange { .. } => verb::END_KEY_CHANGE,
            Self::KGnb { .. } => verb::K_GNB,
            Self::PrepareNh(_) => verb::PREPARE_NH,
            Self::CommitNh { .. } => verb::COMMIT_NH,
            Self::SmcCommand { .. } => verb::SMC_COMMAND,
            Self::SmcEvent { .. } => verb::SMC_EVENT,
            Self::SmcRejectedUnprotected { .. } => verb::SMC_REJECTED_UNPROTECTED,
            Self::Diagnose { .. } => verb::DIAGNOSE,
            Self::Set(request) => request.verb(),
            Self::Handover(request) => request.verb(),
            Self::Nssaa(request) => request.verb(),
            Self::Tap { .. } => verb::TAP,
        }
    }

    fn header(&self, number: u32) -> Header {
        Header {
            kind: self.verb(),
            number,
            status: 0,
        }
    }

    /// Writes the request, the number `number` in its header.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than a message holds.
    pub fn write(&self, number: u32, frame: &mut Frame) -> Result<()> {
        self.header(number).write(frame)?;
        match *self {
            Self::Hello(hello) => hello.write(frame)?,
            Self::Set(request) => request.write(frame)?,
            Self::Statistics => {}
            Self::OpenQueue { entries, arena } => {
                frame.u32(entries)?;
                frame.u32(arena)?;
            }
            Self::CloseQueue(queue) => frame.u32(queue)?,
            Self::Ping(number)
            | Self::Establish { tag: number }
            | Self::Sessions { after: number }
            | Self::Release(number)
            | Self::PrepareNh(number) => frame.u64(number)?,
            Self::Authenticated {
                session,
                k_amf,
                ng_ksi,
                flags,
                ue_sec_cap,
            } => {
                frame.u64(session)?;
                frame.put(k_amf.0)?;
                frame.put(&[ng_ksi, flags])?;
                frame.part(Some(ue_sec_cap))?;
            }
            Self::NextNgKsi {
                session,
                cited: octet,
            }
            | Self::ConnectionReleased {
                session,
                access: octet,
            }
            | Self::Deregister {
                session,
                kind: octet,
            }
            | Self::BeginKeyChange {
                session,
                kind: octet,
            }
            | Self::EndKeyChange {
                session,
                kind: octet,
            }
            | Self::KGnb {
                session,
                access: octet,
            }
            | Self::SmcRejectedUnprotected {
                session,
                cause: octet,
            }
            | Self::Tap { session, on: octet } => {
                frame.u64(session)?;
                frame.u8(octet)?;
            }
            Self::CommitNh { session, nh, ncc } => {
                frame.u64(session)?;
                frame.put(nh.0)?;
                frame.u8(ncc)?;
            }
            Self::SmcCommand {
                session,
                room,
                ref command,
            } => {
                frame.u64(session)?;
                frame.u32(room)?;
                command.write(frame)?;
            }
            Self::SmcEvent {
                session,
                room,
                event,
                message_type,
            } => {
                frame.u64(session)?;
                frame.u32(room)?;
                frame.put(&[event, message_type])?;
            }
            Self::Diagnose {
                session,
                access,
                pdu,
            } => {
                frame.u64(session)?;
                frame.u8(access)?;
                frame.part(Some(pdu))?;
            }
            Self::Handover(ref request) => request.write(frame)?,
            Self::Nssaa(ref request) => request.write(frame)?,
        }
        frame.finish()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// Those of [`Header::read`]; [`Error::Operation`] for an unknown verb or a status that is not 0;
    /// [`Error::Short`] and [`Error::TooLong`] for a body of another length.
    pub fn read(message: &'a [u8]) -> Result<(u32, Self)> {
        let (header, body) = Header::read(message)?;
        if header.status != 0 {
            return Err(Error::Operation);
        }
        let mut reader = Reader(body);
        let request = Self::body(header.kind, &mut reader)?;
        reader.finish()?;
        Ok((header.number, request))
    }

    fn body(kind: u16, reader: &mut Reader<'a>) -> Result<Self> {
        let general = match kind {
            verb::HELLO => Self::Hello(Hello::read(reader)?),
            verb::PING => Self::Ping(reader.u64()?),
            verb::STATISTICS => Self::Statistics,
            verb::OPEN_QUEUE => Self::OpenQueue {
                entries: reader.u32()?,
                arena: reader.u32()?,
            },
            verb::CLOSE_QUEUE => Self::CloseQueue(reader.u32()?),
            verb::ESTABLISH => Self::Establish { tag: reader.u64()? },
            verb::SESSIONS => Self::Sessions {
                after: reader.u64()?,
            },
            handover::FIRST..=handover::LAST => {
                Self::Handover(HandoverRequest::read(kind, reader)?)
            }
            set::NAME..=set::GIVE => Self::Set(SetRequest::read(kind, reader)?),
            verb::RELEASE..=verb::DIAGNOSE | verb::TAP => {
                let session = reader.u64()?;
                return Self::of_session(kind, session, reader);
            }
            nssaa::verb::FIRST..=nssaa::verb::LAST => {
                Self::Nssaa(NssaaRequest::read(kind, reader)?)
            }
            _ => return Err(Error::Operation),
        };
        Ok(general)
    }

    fn of_session(kind: u16, session: u64, reader: &mut Reader<'a>) -> Result<Self> {
        Ok(match kind {
            verb::RELEASE => Self::Release(session),
            verb::AUTHENTICATED => Self::Authenticated {
                session,
                k_amf: Key(reader.take(KEY)?),
                ng_ksi: reader.u8()?,
                flags: reader.u8()?,
                ue_sec_cap: reader.part()?.ok_or(Error::Argument)?,
            },
            verb::NEXT_NG_KSI => Self::NextNgKsi {
                session,
                cited: reader.u8()?,
            },
            verb::CONNECTION_RELEASED => Self::ConnectionReleased {
                session,
                access: reader.u8()?,
            },
            verb::DEREGISTER => Self::Deregister {
                session,
                kind: reader.u8()?,
            },
            verb::BEGIN_KEY_CHANGE => Self::BeginKeyChange {
                session,
                kind: reader.u8()?,
            },
            verb::END_KEY_CHANGE => Self::EndKeyChange {
                session,
                kind: reader.u8()?,
            },
            verb::K_GNB => Self::KGnb {
                session,
                access: reader.u8()?,
            },
            verb::PREPARE_NH => Self::PrepareNh(session),
            verb::COMMIT_NH => Self::CommitNh {
                session,
                nh: Key(reader.take(KEY)?),
                ncc: reader.u8()?,
            },
            verb::SMC_COMMAND => Self::SmcCommand {
                session,
                room: reader.u32()?,
                command: SmcCommand::read(reader)?,
            },
            verb::SMC_EVENT => Self::SmcEvent {
                session,
                room: reader.u32()?,
                event: reader.u8()?,
                message_type: reader.u8()?,
            },
            verb::SMC_REJECTED_UNPROTECTED => Self::SmcRejectedUnprotected {
                session,
                cause: reader.u8()?,
            },
            verb::DIAGNOSE => Self::Diagnose {
                session,
                access: reader.u8()?,
                pdu: reader.part()?.ok_or(Error::Argument)?,
            },
            verb::TAP => Self::Tap {
                session,
                on: reader.u8()?,
            },
            _ => return Err(Error::Operation),
        })
    }
}

impl<'a> Hello<'a> {
    fn write(&self, frame: &mut Frame) -> Result<()> {
        frame.put(&MAGIC)?;
        frame.u16(self.versions.0)?;
        frame.u16(self.versions.1)?;
        frame.part(Some(self.name))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        if reader.array::<8>()? != MAGIC {
            return Err(Error::Version);
        }
        let versions = (reader.u16()?, reader.u16()?);
        let name = reader.part()?.ok_or(Error::Argument)?;
        let plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.".contains(octet);
        // Names come into the log: nothing in them may be anything but a name.
        if name.len() > MAX_NAME || !name.iter().all(plain) {
            return Err(Error::Argument);
        }
        Ok(Self { versions, name })
    }
}
