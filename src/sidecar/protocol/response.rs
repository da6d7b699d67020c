//! Responses: what the daemon says.

use crate::base::{Error, Result, Secret};
use crate::nas::{Cause, MessageType, SecurityHeaderType};
use crate::procedure::handover::Container;
use crate::procedure::smc::{Ending, Outcome, Sent};
use crate::security::{Diagnosis, NearWrap};

use super::handover;
use super::nssaa::{self, NssaaResponse};
use super::wire::{Frame, Reader};
use super::{Header, MAGIC};

/// The daemon's answer to a hello: version and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Version that is spoken from now on.
    pub version: u16,
    /// Workers, which is how many ring pairs a queue has.
    pub workers: u16,
    /// Most entries of a ring.
    pub entries: u32,
    /// Most octets of a queue's arena.
    pub arena: u32,
    /// Most sessions of this client.
    pub sessions: u32,
    /// Most queues of this client.
    pub queues: u32,
    /// Most jobs of this client at a time.
    pub outstanding: u32,
    /// Sessions that it has already: kept from a connection before.
    pub kept: u32,
}

/// A queue that was opened. The file descriptors come beside it: the memory, then one doorbell for each worker, then
/// the client's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Number of the queue, for closing it.
    pub queue: u32,
    /// Entries of each ring.
    pub entries: u32,
    /// Octets of the arena.
    pub arena: u32,
    /// Ring pairs.
    pub workers: u32,
}

/// Figures of the whole daemon. Numbers only: nothing that belongs to a UE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Clients connected.
    pub clients: u64,
    /// Sessions established.
    pub sessions: u64,
    /// Sessions that wait for a client that went away.
    pub kept_sessions: u64,
    /// Queues open.
    pub queues: u64,
    /// Queues taken out of service since the start.
    pub quarantined: u64,
    /// Jobs completed since the start.
    pub jobs: u64,
    /// Jobs that named a session of another client since the start.
    pub foreign_handles: u64,
    /// Requests on the control plane since the start.
    pub requests: u64,
    /// Connections that were refused since the start.
    pub refused: u64,
    /// Octets that are locked in memory.
    pub locked_bytes: u64,
}

impl Statistics {
    const FIELDS: usize = 10;

    /// The names of [`Statistics::values`], in their order.
    pub const NAMES: [&'static str; Self::FIELDS] = [
        "clients",
        "sessions",
        "kept_sessions",
        "queues",
        "quarantined",
        "jobs",
        "foreign_handles",
        "requests",
        "refused",
        "locked_bytes",
    ];

    /// All figures in the order of the fields.
    #[must_use]
    pub const fn values(&self) -> [u64; Self::FIELDS] {
        [
            self.clients,
            self.sessions,
            self.kept_sessions,
            self.queues,
            self.quarantined,
            self.jobs,
            self.foreign_handles,
            self.requests,
            self.refused,
            self.locked_bytes,
        ]
    }

    const fn of(values: [u64; Self::FIELDS]) -> Self {
        let [
            clients,
            sessions,
            kept_sessions,
            queues,
            quarantined,
            jobs,
            foreign_handles,
            requests,
            refused,
            locked_bytes,
        ] = values;
        Self {
            clients,
            sessions,
            kept_sessions,
            queues,
            quarantined,
            jobs,
            foreign_handles,
            requests,
            refused,
            locked_bytes,
        }
    }
}

/// Sessions of a client: handle and tag, by ascending handle. At most [`SessionList::MOST`] at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionList(pub Vec<(u64, u64)>);

impl SessionList {
    /// Most rows of one response; fewer say that the list is at its end.
    pub const MOST: usize = 1024;
}

/// How a security mode procedure ended that did not end with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// Why.
    pub diagnosis: Diagnosis,
}

impl From<&Outcome> for Ended {
    fn from(outcome: &Outcome) -> Self {
        Self {
            ending: outcome.ending,
            diagnosis: outcome.diagnosis,
        }
    }
}

impl From<Ended> for Outcome {
    fn from(ended: Ended) -> Self {
        Self {
            ending: ended.ending,
            diagnosis: ended.diagnosis,
            error: None,
            container: None,
            imeisv: None,
            pei: None,
            ul_count: None,
        }
    }
}

/// A response; what a request gets is written at the request.
#[derive(Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// The request failed.
    Refused(Error),
    /// It is done and there is nothing to tell.
    Done,
    /// To a hello.
    Welcome(Welcome),
    /// To a ping: its number. To a tap: the number of its file.
    Pong(u64),
    /// Figures.
    Statistics(Statistics),
    /// A queue.
    Opened(Opened),
    /// Handle of a new session.
    Session(u64),
    /// Handles and tags.
    Sessions(SessionList),
    /// One octet: an ngKSI, a diagnosis.
    Octet(u8),
    /// K_gNB, or NH with its NCC.
    Key(Secret<32>, u8),
    /// A PDU that was written.
    Message(Sent, &'a [u8]),
    /// The security mode procedure is over.
    Ended(Ended),
    /// A handover was prepared.
    Container(Container),
    /// Network slice-specific authentication.
    Nssaa(NssaaResponse<'a>),
}

/// Numbers of the forms on the wire.
mod form {
    pub(super) const DONE: u16 = 0x8000;
    pub(super) const WELCOME: u16 = 0x8001;
    pub(super) const PONG: u16 = 0x8002;
    pub(super) const STATISTICS: u16 = 0x8003;
    pub(super) const OPENED: u16 = 0x8004;
    pub(super) const SESSION: u16 = 0x8005;
    pub(super) const SESSIONS: u16 = 0x8006;
    pub(super) const OCTET: u16 = 0x8007;
    pub(super) const KEY: u16 = 0x8008;
    pub(super) const MESSAGE: u16 = 0x8009;
    pub(super) const ENDED: u16 = 0x800A;
    pub(super) const CONTAINER: u16 = 0x800B;
}

impl<'a> Response<'a> {
    const fn form(&self) -> u16 {
        match self {
            Self::Refused(_) | Self::Done => form::DONE,
            Self::Welcome(_) => form::WELCOME,
            Self::Pong(_) => form::PONG,
            Self::Statistics(_) => form::STATISTICS,
            Self::Opened(_) => form::OPENED,
            Self::Session(_) => form::SESSION,
            Self::Sessions(_) => form::SESSIONS,
            Self::Octet(_) => form::OCTET,
            Self::Key(..) => form::KEY,
            Self::Message(..) => form::MESSAGE,
            Self::Ended(_) => form::ENDED,
            Self::Container(_) => form::CONTAINER,
            Self::Nssaa(response) => response.form(),
        }
    }

    /// Writes the response to the request with this number.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than a message holds.
    pub fn write(&self, number: u32, frame: &mut Frame) -> Result<()> {
        let status = match self {
            Self::Refused(error) => error.code(),
            _ => 0,
        };
        let header = Header {
            kind: self.form(),
            number,
            status,
        };
        header.write(frame)?;
        match self {
            Self::Refused(_) | Self::Done => {}
            Self::Welcome(welcome) => welcome.write(frame)?,
            Self::Pong(number) | Self::Session(number) => frame.u64(*number)?,
            Self::Statistics(figures) => {
                frame.u16(Statistics::FIELDS as u16)?;
                figures
                    .values()
                    .iter()
                    .try_for_each(|&value| frame.u64(value))?;
            }
            Self::Opened(opened) => {
                frame.u32(opened.queue)?;
                frame.u32(opened.entries)?;
                frame.u32(opened.arena)?;
                frame.u32(opened.workers)?;
            }
            Self::Sessions(SessionList(rows)) => {
                if rows.len() > SessionList::MOST {
                    return Err(Error::TooLong);
                }
                frame.u16(rows.len() as u16)?;
                for &(handle, tag) in rows {
                    frame.u64(handle)?;
                    frame.u64(tag)?;
                }
            }
            Self::Octet(octet) => frame.u8(*octet)?,
            Self::Key(key, ncc) => {
                frame.put(key.expose())?;
                frame.u8(*ncc)?;
            }
            Self::Message(sent, pdu) => write_sent(sent, pdu, frame)?,
            Self::Ended(ended) => {
                let (ending, detail) = ending_number(ended.ending);
                frame.put(&[ending, detail, ended.diagnosis as u8])?;
            }
            Self::Container(container) => handover::write(container, frame)?,
            Self::Nssaa(response) => response.write(frame)?,
        }
        frame.finish()
    }

    /// Reads a response and the number of its request.
    ///
    /// # Errors
    /// Those of [`Header::read`]; [`Error::Operation`] for an unknown form or status, [`Error::Argument`] for a
    /// number outside its domain, [`Error::Short`] and [`Error::TooLong`] for a body of another length.
    pub fn read(message: &'a [u8]) -> Result<(u32, Self)> {
        let (header, body) = Header::read(message)?;
        let mut reader = Reader(body);
        let response = if header.status == 0 {
            Self::body(header.kind, &mut reader)?
        } else if header.kind == form::DONE {
            Self::Refused(Error::from_code(header.status).ok_or(Error::Operation)?)
        } else {
            return Err(Error::Operation);
        };
        reader.finish()?;
        Ok((header.number, response))
    }

    fn body(kind: u16, reader: &mut Reader<'a>) -> Result<Self> {
        Ok(match kind {
            form::DONE => Self::Done,
            form::WELCOME => Self::Welcome(Welcome::read(reader)?),
            form::PONG => Self::Pong(reader.u64()?),
            form::STATISTICS => Self::Statistics(read_statistics(reader)?),
            form::OPENED => Self::Opened(Opened {
                queue: reader.u32()?,
                entries: reader.u32()?,
                arena: reader.u32()?,
                workers: reader.u32()?,
            }),
            form::SESSION => Self::Session(reader.u64()?),
            form::SESSIONS => {
                let rows = usize::from(reader.u16()?);
                if rows > SessionList::MOST {
                    return Err(Error::Argument);
                }
                let list = (0..rows).map(|_| Ok((reader.u64()?, reader.u64()?)));
                Self::Sessions(SessionList(list.collect::<Result<_>>()?))
            }
            form::OCTET => Self::Octet(reader.u8()?),
            form::KEY => Self::Key(Secret::new(reader.array()?), reader.u8()?),
            form::MESSAGE => {
                let (sent, pdu) = read_sent(reader)?;
                Self::Message(sent, pdu)
            }
            form::ENDED => {
                let [ending, detail, diagnosis] = reader.array()?;
                Self::Ended(Ended {
                    ending: ending_of(ending, detail)?,
                    diagnosis: diagnosis_of(diagnosis)?,
                })
            }
            form::CONTAINER => Self::Container(handover::read(reader)?),
            nssaa::form::FIRST..=nssaa::form::LAST => {
                Self::Nssaa(NssaaResponse::read(kind, reader)?)
            }
            _ => return Err(Error::Operation),
        })
    }
}

impl Welcome {
    fn write(&self, frame: &mut Frame) -> Result<()> {
        frame.put(&MAGIC)?;
        frame.u16(self.version)?;
        frame.u16(self.workers)?;
        for number in [
            self.entries,
            self.arena,
            self.sessions,
            self.queues,
            self.outstanding,
            self.kept,
        ] {
            frame.u32(number)?;
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        if reader.array::<8>()? != MAGIC {
            return Err(Error::Version);
        }
        Ok(Self {
            version: reader.u16()?,
            workers: reader.u16()?,
            entries: reader.u32()?,
            arena: reader.u32()?,
            sessions: reader.u32()?,
            queues: reader.u32()?,
            outstanding: reader.u32()?,
            kept: reader.u32()?,
        })
    }
}

/// A daemon of the same version may tell more figures than this build knows, at the end.
fn read_statistics(reader: &mut Reader<'_>) -> Result<Statistics> {
    let told = usize::from(reader.u16()?);
    let mut values = [0; Statistics::FIELDS];
    for value in values.iter_mut().take(told) {
        *value = reader.u64()?;
    }
    for _ in Statistics::FIELDS..told {
        reader.u64()?;
    }
    Ok(Statistics::of(values))
}

fn write_sent(sent: &Sent, pdu: &[u8], frame: &mut Frame) -> Result<()> {
    frame.u32(sent.count.unwrap_or_default())?;
    frame.put(&[
        u8::from(sent.count.is_some()),
        sent.sht.bits(),
        sent.near_wrap as u8,
        sent.diagnosis as u8,
    ])?;
    frame.part(Some(pdu))
}

fn read_sent<'a>(reader: &mut Reader<'a>) -> Result<(Sent, &'a [u8])> {
    let count = reader.u32()?;
    let [counted, sht, near_wrap, diagnosis] = reader.array()?;
    let pdu = reader.part()?.ok_or(Error::Argument)?;
    let count = match (counted, count) {
        (0, 0) => None,
        (1, count) => Some(count),
        _ => return Err(Error::Argument),
    };
    let sht = (sht < 16)
        .then(|| SecurityHeaderType::from_octet(sht))
        .flatten();
    let sent = Sent {
        len: pdu.len(),
        sht: sht.ok_or(Error::HeaderType)?,
        count,
        near_wrap: near_wrap_of(near_wrap)?,
        diagnosis: diagnosis_of(diagnosis)?,
    };
    Ok((sent, pdu))
}

pub(super) const fn near_wrap_of(number: u8) -> Result<NearWrap> {
    match number {
        0 => Ok(NearWrap::No),
        1 => Ok(NearWrap::Warning),
        2 => Ok(NearWrap::Urgent),
        _ => Err(Error::Argument),
    }
}

/// The diagnosis with this number.
///
/// # Errors
/// [`Error::Argument`].
pub fn diagnosis_of(number: u8) -> Result<Diagnosis> {
    let found = Diagnosis::ALL.iter().copied().find(|d| *d as u8 == number);
    found.ok_or(Error::Argument)
}

const fn ending_number(ending: Ending) -> (u8, u8) {
    match ending {
        Ending::Completed => (1, 0),
        Ending::Rejected(cause) => (2, cause.0),
        Ending::Collision(message) => (3, message.0),
        Ending::TimedOut => (4, 0),
        Ending::Aborted => (5, 0),
        Ending::LowerLayerFailure => (6, 0),
    }
}

const fn ending_of(number: u8, detail: u8) -> Result<Ending> {
    Ok(match (number, detail) {
        (1, 0) => Ending::Completed,
        (2, cause) => Ending::Rejected(Cause(cause)),
        (3, message) => Ending::Collision(MessageType(message)),
        (4, 0) => Ending::TimedOut,
        (5, 0) => Ending::Aborted,
        (6, 0) => Ending::LowerLayerFailure,
        _ => return Err(Error::Argument),
    })
}
