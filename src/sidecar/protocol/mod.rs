//! The control protocol: requests and responses over a Unix SOCK_SEQPACKET socket, one message each.
//!
//! Every message begins with 16 octets, all numbers are little-endian:
//!
//! | octets | what |
//! |---|---|
//! | 0..4 | length of the whole message, at most 65536 |
//! | 4..6 | verb of a request ([`request`]), form of a response ([`response`]) |
//! | 6..8 | 0 |
//! | 8..12 | the client's number of the request; the response has the same |
//! | 12..16 | 0 in a request; in a response 0 or the number of a [`crate::base::Error`] |
//!
//! A response whose status is not 0 has no body. The first request is [`Request::Hello`]: it says which versions the
//! client speaks, and its response which one is spoken from then on. A client sends one request at a time.
//!
//! K_AMF goes in. What comes out are the keys that an AMF has to hand on to the access network (K_gNB, NH), never
//! K_AMF or K_NAS: a session's record holds K_AMF in the clear, so the protocol has no export and no import.

pub mod handover;
pub mod nssaa;
pub mod request;
pub mod response;
mod set;
mod smc;
#[cfg(test)]
mod tests;
mod wire;

pub use handover::{HandoverRequest, Preparation};
pub use nssaa::{NssaaRequest, NssaaResponse};
pub use request::{Hello, Key, Request};
pub use response::{Ended, Opened, Response, SessionList, Statistics, Welcome};
pub use set::{MAX_SESSION_NAME, SetRequest};
pub use smc::{SmcCommand, TARGET_HORIZONTAL_RECEIVED, TARGET_MAPPED};
pub use wire::{Frame, MAX_MESSAGE};

use crate::base::{Error, Result};
use wire::Reader;

/// First octets of a hello and of its response.
pub const MAGIC: [u8; 8] = *b"naslane\0";

/// Versions of the protocol that this build speaks, oldest and newest.
/// Version 2 has [`nssaa`], the verbs of a set and the trace tap in addition, version 3 slice authentication that the
/// daemon drives itself, version 4 [`handover`].
pub const VERSIONS: (u16, u16) = (1, 4);

/// Octets of the header.
pub const HEADER: usize = 16;

/// Octets of the longest client name.
pub const MAX_NAME: usize = 32;

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Verb or form.
    pub kind: u16,
    /// The client's number of the request.
    pub number: u32,
    /// 0 or the number of an error.
    pub status: i32,
}

impl Header {
    fn write(self, frame: &mut Frame) -> Result<()> {
        frame.clear();
        frame.u32(0)?; // the length, which `finish` knows
        frame.u16(self.kind)?;
        frame.u16(0)?;
        frame.u32(self.number)?;
        frame.put(&self.status.to_le_bytes())
    }

    /// Takes a message apart into header and body.
    ///
    /// # Errors
    /// [`Error::Short`] for fewer octets than the header has or says, [`Error::TooLong`] for more,
    /// [`Error::Operation`] for a reserved field that is not zero.
    pub fn read(message: &[u8]) -> Result<(Self, &[u8])> {
        let mut reader = Reader(message);
        let len = reader.u32()? as usize;
        let kind = reader.u16()?;
        reader.zeros(2)?;
        let number = reader.u32()?;
        let status = i32::from_le_bytes(reader.array()?);
        if len > message.len() {
            return Err(Error::Short);
        }
        if len < message.len() || len > MAX_MESSAGE {
            return Err(Error::TooLong);
        }
        let header = Self {
            kind,
            number,
            status,
        };
        Ok((header, reader.0))
    }
}

/// The version that both sides speak: the newest one in common.
///
/// # Errors
/// [`Error::Version`] when there is none.
pub fn common_version((oldest, newest): (u16, u16)) -> Result<u16> {
    let version = newest.min(VERSIONS.1);
    if oldest <= newest && version >= oldest.max(VERSIONS.0) {
        Ok(version)
    } else {
        Err(Error::Version)
    }
}
