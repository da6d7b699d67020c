//! One message of the procedure on its way out.

use crate::base::{AccessType, Error, Result};
use crate::nas::SecurityHeaderType;
use crate::security::protect::{self, Form, OVERHEAD, Sealing};
use crate::security::{Diagnosis, NearWrap, Resources, Settings, UeSecurity};

/// A message that lies complete at the start of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Octets of the PDU.
    pub len: usize,
    /// Its security header type; [`SecurityHeaderType::Plain`] for a message without protection.
    pub sht: SecurityHeaderType,
    /// Its COUNT; `None` for a plain message.
    pub count: Option<u32>,
    /// Whether the COUNTs of its context run out.
    pub near_wrap: NearWrap,
    /// [`Diagnosis::SmcLoop`] when this ngKSI has seen too many commands without an answer; else none.
    pub diagnosis: Diagnosis,
}

impl Sent {
    pub(super) const fn plain(len: usize) -> Self {
        Self {
            len,
            sht: SecurityHeaderType::Plain,
            count: None,
            near_wrap: NearWrap::No,
            diagnosis: Diagnosis::None,
        }
    }
}

/// Where a plain message is written so that its header fits in front.
pub(super) fn body(out: &mut [u8]) -> Result<&mut [u8]> {
    out.get_mut(OVERHEAD..).ok_or(Error::BufferTooSmall)
}

/// Protects the plain message of `len` octets that [`body`] holds. After an error the output is wiped and no COUNT
/// was taken.
pub(super) fn protect(
    ue: &mut UeSecurity,
    (access, settings, from): (AccessType, &Settings, &Resources<'_>),
    (len, form): (usize, &Form),
    out: &mut [u8],
) -> Result<Sent> {
    let pdu = out.get_mut(..OVERHEAD + len).ok_or(Error::BufferTooSmall)?;
    let numbered = protect::number_in(ue, access, (&pdu[OVERHEAD..], form), (settings, Some(from)))
        .inspect_err(|_| pdu.fill(0))?;
    let sent = Sent {
        len: pdu.len(),
        sht: numbered.sht(),
        count: Some(numbered.count()),
        near_wrap: numbered.near_wrap(),
        diagnosis: Diagnosis::None,
    };
    protect::seal(&mut [Sealing::new(numbered, ue, pdu)?]);
    Ok(sent)
}
