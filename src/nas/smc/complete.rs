//! SECURITY MODE COMPLETE (TS 24.501 8.2.26).

use core::ops::Range;

use super::super::ie::{self, Ies};
use super::super::octets::emit;
use super::super::{MessageType, MobileIdentity};
use super::expect;
use crate::base::{Error, Result};

/// SECURITY MODE COMPLETE. Its NAS message container is not ciphered by itself: the whole message is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityModeComplete<'a> {
    /// The IMEISV, when the command asked for it.
    pub imeisv: Option<MobileIdentity<'a>>,
    /// The entire initial message, at least one octet.
    pub container: Option<&'a [u8]>,
    /// A PEI that is no IMEISV: MAC address or EUI-64, 4 octets or more.
    pub pei: Option<&'a [u8]>,
}

impl<'a> SecurityModeComplete<'a> {
    /// Writes the plain message and returns its length and where the container's value lies.
    ///
    /// # Errors
    /// [`Error::Argument`] for an empty container or a PEI below 4 octets; [`Error::TooLong`];
    /// [`Error::BufferTooSmall`], then nothing is written.
    pub fn encode(&self, out: &mut [u8]) -> Result<(usize, Option<Range<usize>>)> {
        if self.container.is_some_and(<[u8]>::is_empty) || self.pei.is_some_and(|p| p.len() < 4) {
            return Err(Error::Argument);
        }
        emit(out, |w| {
            w.start(MessageType::SECURITY_MODE_COMPLETE);
            w.tlv_e(ie::MOBILE_IDENTITY, self.imeisv.map(|id| id.value()));
            let container = w.tlv_e(ie::NAS_MESSAGE_CONTAINER, self.container);
            w.tlv_e(ie::NON_IMEISV_PEI, self.pei);
            container
        })
    }

    /// Reads a plain message.
    ///
    /// # Errors
    /// Those of [`inner_type`](super::super::inner_type); [`Error::Unexpected`] for another message type;
    /// [`Error::MalformedIe`] when an element runs past the end.
    pub fn decode(message: &'a [u8]) -> Result<Self> {
        Ok(Self::locate(message)?.0)
    }

    /// Like [`decode`](Self::decode); also says where in `message` the container's value lies.
    ///
    /// # Errors
    /// Those of [`decode`](Self::decode).
    pub fn locate(message: &'a [u8]) -> Result<(Self, Option<Range<usize>>)> {
        expect(message, MessageType::SECURITY_MODE_COMPLETE)?;
        let mut complete = Self::default();
        let mut container = None;
        for ie in Ies::of(message)? {
            let ie = ie?;
            match ie.iei {
                ie::MOBILE_IDENTITY if complete.imeisv.is_none() => {
                    complete.imeisv = MobileIdentity::new(ie.value).ok();
                }
                ie::NAS_MESSAGE_CONTAINER if container.is_none() && !ie.value.is_empty() => {
                    complete.container = Some(ie.value);
                    container = Some(ie.range);
                }
                ie::NON_IMEISV_PEI if complete.pei.is_none() && ie.value.len() >= 4 => {
                    complete.pei = Some(ie.value);
                }
                _ => {}
            }
        }
        Ok((complete, container))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: [u8; 28] = [
        0x7E, 0, 0x5E, 0x77, 0, 9, 0x45, 0x73, 0x80, 0x61, 0x21, 0x85, 0x61, 0x51, 0xF1, 0x71, 0,
        3, 0x7E, 0, 0x41, 0x78, 0, 4, 0x76, 1, 2, 3,
    ];

    #[test]
    fn comes_back_with_the_place_of_the_container() {
        let (complete, container) = SecurityModeComplete::locate(&MESSAGE).unwrap();
        assert_eq!(container, Some(18..21));
        assert_eq!(complete.container, Some(&MESSAGE[18..21]));
        assert_eq!(complete.imeisv.unwrap().imeisv().unwrap()[..3], [4, 3, 7]);
        assert_eq!(complete.pei, Some(&[0x76, 1, 2, 3][..]));
        let mut out = [0; 28];
        assert_eq!(complete.encode(&mut out), Ok((28, container)));
        assert_eq!(out, MESSAGE);
        assert_eq!(complete.encode(&mut out[..27]), Err(Error::BufferTooSmall));
    }

    #[test]
    fn an_empty_message_is_legal_and_empty_elements_are_absent() {
        let complete = SecurityModeComplete::decode(&MESSAGE[..3]).unwrap();
        assert_eq!(complete, SecurityModeComplete::default());
        let empty = [0x7E, 0, 0x5E, 0x71, 0, 0, 0x77, 0, 0];
        assert_eq!(SecurityModeComplete::locate(&empty), Ok((complete, None)));
        let empty = SecurityModeComplete {
            container: Some(&[]),
            ..SecurityModeComplete::default()
        };
        assert_eq!(empty.encode(&mut [0; 16]), Err(Error::Argument));
    }

    #[test]
    fn r31_truncations_are_statuses() {
        for cut in [4, 5, 6, 10, 14, 16, 17, 18, 20, 22, 27] {
            let cut = SecurityModeComplete::decode(&MESSAGE[..cut]);
            assert_eq!(cut, Err(Error::MalformedIe));
        }
    }
}
