//! The octets of a received message and the room for what is in it.

use crate::algorithm::Opening;
use crate::nas::header;

/// The octets of a message and the room for its plain content.
pub enum Octets<'a> {
    /// The PDU stays as it is; the output has at least as many octets as the plain message.
    Apart {
        /// The PDU as received.
        pdu: &'a [u8],
        /// Room for the plain message.
        out: &'a mut [u8],
    },
    /// The plain message replaces the PDU, from its first octet on, if the MAC verifies; else nothing changes.
    InPlace(&'a mut [u8]),
    /// The plain message replaces the body of the PDU where it stands, if the MAC verifies; else nothing changes.
    Stays(&'a mut [u8]),
}

/// As many octets as stand before the body.
pub(super) type Tail = [u8; header::BODY];

impl Octets<'_> {
    /// The same octets, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Octets<'_> {
        match self {
            Self::Apart { pdu, out } => Octets::Apart { pdu, out },
            Self::InPlace(pdu) => Octets::InPlace(pdu),
            Self::Stays(pdu) => Octets::Stays(pdu),
        }
    }

    /// The PDU as received, as long as nothing was deciphered.
    pub(crate) fn pdu(&self) -> &[u8] {
        match self {
            Self::Apart { pdu, .. } => pdu,
            Self::InPlace(pdu) | Self::Stays(pdu) => pdu,
        }
    }

    /// Moves the body to the output, if it is not there, and returns it.
    pub(super) fn lay_out(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Apart { pdu, out } => {
                let body = pdu.get(header::BODY..)?;
                let out = out.get_mut(..body.len())?;
                out.copy_from_slice(body);
                Some(out)
            }
            Self::InPlace(pdu) => {
                let len = pdu.len().checked_sub(header::BODY)?;
                pdu.copy_within(header::BODY.., 0);
                pdu.get_mut(..len)
            }
            Self::Stays(pdu) => pdu.get_mut(header::BODY..),
        }
    }

    /// What the MAC covers, and where it is deciphered to; then [`Octets::opened`] must follow.
    pub(super) fn opening(&mut self) -> Option<Opening<'_>> {
        match self {
            Self::Apart { pdu, out } => Some(Opening::Apart {
                text: pdu.get(header::SN..)?,
                to: out.get_mut(..pdu.len().checked_sub(header::BODY)?)?,
            }),
            Self::InPlace(pdu) | Self::Stays(pdu) => pdu.get_mut(header::SN..).map(Opening::Here),
        }
    }

    /// The last octets of the PDU, which are behind the plain message when that replaces it.
    pub(super) fn tail(&self) -> Tail {
        self.pdu().last_chunk().copied().unwrap_or_default()
    }

    /// The body was deciphered: puts it where it belongs, and what is behind it then as it was.
    pub(super) fn opened(&mut self, tail: &Tail) {
        if let Self::InPlace(pdu) = self
            && pdu.len() >= header::BODY
        {
            pdu.copy_within(header::BODY.., 0);
            if let Some(end) = pdu.last_chunk_mut() {
                *end = *tail;
            }
        }
    }

    /// The first `len` octets of the plain message.
    pub(crate) fn plain(&self, len: usize) -> &[u8] {
        match self {
            Self::Apart { out, .. } => out.get(..len).unwrap_or_default(),
            Self::InPlace(pdu) => pdu.get(..len).unwrap_or_default(),
            Self::Stays(pdu) => pdu
                .get(header::BODY..)
                .and_then(|body| body.get(..len))
                .unwrap_or_default(),
        }
    }

    pub(super) fn wipe(&mut self, len: usize) {
        let octets = match self {
            Self::Apart { out, .. } => out.get_mut(..len),
            Self::InPlace(pdu) => pdu.get_mut(..len),
            Self::Stays(pdu) => pdu
                .get_mut(header::BODY..)
                .and_then(|body| body.get_mut(..len)),
        };
        octets.unwrap_or_default().fill(0);
    }
}
