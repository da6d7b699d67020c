//! The outer header of a security protected 5GS NAS message (TS 24.501 8.2.28, 9.1.1, 9.3).

use core::ops::Range;

use super::MessageType;
use crate::base::{Error, Result};

/// Extended protocol discriminator of 5GS mobility management, also of every protected message.
pub const EPD_5GMM: u8 = 0x7E;
/// Extended protocol discriminator of 5GS session management; never protected by itself.
pub const EPD_5GSM: u8 = 0x2E;
/// Where the message authentication code lies.
pub const MAC: Range<usize> = 2..6;
/// Where the sequence number lies: the low eight bits of the COUNT.
pub const SN: usize = 6;
/// Where the inner message begins.
pub const BODY: usize = 7;
/// Octets that protection adds to a plain message.
pub const PROTECTED_OVERHEAD: usize = 7;
/// Octets of the shortest plain 5GMM message: discriminator, header type, message type.
///
/// The two-octet messages of the test mode of TS 38.509 are not accepted.
pub const PLAIN_MIN: usize = 3;
/// Octets of the shortest protected message.
pub const PROTECTED_MIN: usize = PROTECTED_OVERHEAD + PLAIN_MIN;

/// Security header type (TS 24.501 9.3). 5..=15 are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SecurityHeaderType {
    /// Plain 5GS NAS message.
    Plain = 0,
    /// Integrity protected.
    Integrity = 1,
    /// Integrity protected and ciphered.
    Ciphered = 2,
    /// Integrity protected with a new 5G NAS security context: SECURITY MODE COMMAND only.
    IntegrityNew = 3,
    /// Integrity protected and ciphered with a new 5G NAS security context: SECURITY MODE COMPLETE only.
    CipheredNew = 4,
}

impl SecurityHeaderType {
    /// From bits 4 to 1 of the second octet. Bits 8 to 5 are spare, and a receiver ignores them.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Option<Self> {
        match octet & 0x0F {
            0 => Some(Self::Plain),
            1 => Some(Self::Integrity),
            2 => Some(Self::Ciphered),
            3 => Some(Self::IntegrityNew),
            4 => Some(Self::CipheredNew),
            _ => None,
        }
    }

    /// The value on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// True when the body is ciphered (types 2 and 4).
    #[must_use]
    pub const fn is_ciphered(self) -> bool {
        matches!(self, Self::Ciphered | Self::CipheredNew)
    }

    /// True for the types that announce a new security context (3 and 4).
    #[must_use]
    pub const fn is_new_context(self) -> bool {
        matches!(self, Self::IntegrityNew | Self::CipheredNew)
    }

    /// True when a message of this inner type may travel under this header type: 3 goes with SECURITY MODE
    /// COMMAND and only with it, 4 with SECURITY MODE COMPLETE and only with it.
    #[must_use]
    pub const fn fits(self, message: MessageType) -> bool {
        match self {
            Self::IntegrityNew => message.0 == MessageType::SECURITY_MODE_COMMAND.0,
            Self::CipheredNew => message.0 == MessageType::SECURITY_MODE_COMPLETE.0,
            _ => {
                message.0 != MessageType::SECURITY_MODE_COMMAND.0
                    && message.0 != MessageType::SECURITY_MODE_COMPLETE.0
            }
        }
    }
}

/// A NAS PDU as it came, told apart by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pdu<'a> {
    /// Security header type 0.
    Plain(Plain<'a>),
    /// Security header types 1 to 4.
    Protected(Protected<'a>),
}

/// A plain 5GMM message of at least three octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    message: &'a [u8],
    message_type: MessageType,
}

/// A security protected message of at least ten octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected<'a> {
    pdu: &'a [u8],
    sht: SecurityHeaderType,
    mac: [u8; 4],
    sn: u8,
}

impl<'a> Pdu<'a> {
    /// Reads the header of a NAS PDU (TS 24.501 9.1.1).
    ///
    /// # Errors
    /// [`Error::Short`] below three octets, or below ten of a protected message; [`Error::Discriminator`]
    /// unless the first octet is 0x7E; [`Error::HeaderType`] for the reserved types 5 to 15.
    pub fn parse(pdu: &'a [u8]) -> Result<Self> {
        if pdu.first().is_some_and(|&epd| epd != EPD_5GMM) {
            return Err(Error::Discriminator);
        }
        let octet = *pdu.get(1).ok_or(Error::Short)?;
        let sht = SecurityHeaderType::from_octet(octet).ok_or(Error::HeaderType)?;
        if sht == SecurityHeaderType::Plain {
            let message_type = MessageType(*pdu.get(2).ok_or(Error::Short)?);
            return Ok(Self::Plain(Plain {
                message: pdu,
                message_type,
            }));
        }
        let Some(([_, _, mac @ .., sn], body)) = pdu.split_first_chunk::<PROTECTED_OVERHEAD>()
        else {
            return Err(Error::Short);
        };
        if body.len() < PLAIN_MIN {
            return Err(Error::Short);
        }
        Ok(Self::Protected(Protected {
            pdu,
            sht,
            mac: *mac,
            sn: *sn,
        }))
    }
}

impl<'a> Plain<'a> {
    /// The message type.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// The whole message.
    #[must_use]
    pub const fn message(&self) -> &'a [u8] {
        self.message
    }
}

impl<'a> Protected<'a> {
    /// The security header type: never [`SecurityHeaderType::Plain`].
    #[must_use]
    pub const fn sht(&self) -> SecurityHeaderType {
        self.sht
    }

    /// The message authentication code as received.
    #[must_use]
    pub const fn mac(&self) -> [u8; 4] {
        self.mac
    }

    /// The sequence number: the low eight bits of the sender's COUNT.
    #[must_use]
    pub const fn sn(&self) -> u8 {
        self.sn
    }

    /// The inner message as transmitted: ciphertext under types 2 and 4. At least three octets.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.pdu.get(BODY..).unwrap_or_default()
    }

    /// What the MAC covers: octets 7 to n, the sequence number and the inner message as transmitted.
    #[must_use]
    pub fn authenticated(&self) -> &'a [u8] {
        self.pdu.get(SN..).unwrap_or_default()
    }

    /// Type of the inner message where it is not ciphered (types 1 and 3) and well formed; `None` otherwise.
    #[must_use]
    pub fn clear_type(&self) -> Option<MessageType> {
        if self.sht.is_ciphered() {
            return None;
        }
        inner_type(self.body()).ok()
    }
}

/// Writes the seven octets before the inner message and returns their number.
///
/// # Errors
/// [`Error::HeaderType`] for [`SecurityHeaderType::Plain`], [`Error::BufferTooSmall`] below seven octets.
pub fn write_header(
    out: &mut [u8],
    sht: SecurityHeaderType,
    mac: [u8; 4],
    sn: u8,
) -> Result<usize> {
    if sht == SecurityHeaderType::Plain {
        return Err(Error::HeaderType);
    }
    let place = out
        .first_chunk_mut::<PROTECTED_OVERHEAD>()
        .ok_or(Error::BufferTooSmall)?;
    let [m0, m1, m2, m3] = mac;
    *place = [EPD_5GMM, sht.bits(), m0, m1, m2, m3, sn];
    Ok(PROTECTED_OVERHEAD)
}

/// Type of a message that must be plain: the inside of a protected message or of a NAS message container.
///
/// # Errors
/// [`Error::Short`] below three octets, [`Error::Discriminator`] when it does not begin with 0x7E (after
/// deciphering that means that the two sides cipher differently), [`Error::Nested`] for any header type but 0.
pub fn inner_type(message: &[u8]) -> Result<MessageType> {
    let &[epd, octet, message_type, ..] = message else {
        return Err(Error::Short);
    };
    if epd != EPD_5GMM {
        return Err(Error::Discriminator);
    }
    if octet & 0x0F != 0 {
        return Err(Error::Nested);
    }
    Ok(MessageType(message_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: [u8; 11] = [0x7E, 2, 0x8A, 0x59, 0xDA, 0xCF, 0xFF, 0x7E, 0, 0x64, 0x61];

    #[test]
    fn fields_lie_where_the_standard_puts_them() {
        let Ok(Pdu::Protected(pdu)) = Pdu::parse(&STATUS) else {
            panic!("not read as protected");
        };
        assert_eq!(pdu.sht(), SecurityHeaderType::Ciphered);
        assert_eq!(pdu.mac(), STATUS[MAC]);
        assert_eq!(pdu.sn(), STATUS[SN]);
        assert_eq!(pdu.body(), &STATUS[BODY..]);
        assert_eq!(pdu.authenticated(), &STATUS[SN..]);
        assert_eq!(pdu.clear_type(), None);
        let mut out = [0; 8];
        assert_eq!(
            write_header(&mut out, pdu.sht(), pdu.mac(), pdu.sn()),
            Ok(7)
        );
        assert_eq!(out[..7], STATUS[..7]);
        assert_eq!(
            write_header(&mut out[..6], pdu.sht(), pdu.mac(), 0),
            Err(Error::BufferTooSmall)
        );
        assert_eq!(
            write_header(&mut out, SecurityHeaderType::Plain, [0; 4], 0),
            Err(Error::HeaderType)
        );
    }

    #[test]
    fn r31_every_short_length_is_a_status() {
        for sht in 1..=4 {
            let mut pdu = STATUS;
            pdu[1] = sht;
            for len in 0..PROTECTED_MIN {
                assert_eq!(Pdu::parse(&pdu[..len]), Err(Error::Short), "{sht} {len}");
            }
            assert!(Pdu::parse(&pdu[..PROTECTED_MIN]).is_ok());
        }
        for len in 0..PLAIN_MIN {
            assert_eq!(Pdu::parse(&[0x7E, 0, 0x43][..len]), Err(Error::Short));
        }
        assert!(matches!(Pdu::parse(&[0x7E, 0, 0x43]), Ok(Pdu::Plain(_))));
    }

    #[test]
    fn r32_a_protected_message_without_a_whole_inner_message_is_short() {
        for body in 0..PLAIN_MIN {
            let pdu = &STATUS[..PROTECTED_OVERHEAD + body];
            assert_eq!(Pdu::parse(pdu), Err(Error::Short));
        }
    }

    #[test]
    fn r29_reserved_header_types_are_refused_and_spare_bits_ignored() {
        for octet in 0..=255_u8 {
            let mut pdu = STATUS;
            pdu[1] = octet;
            match octet & 0x0F {
                0 => assert!(matches!(Pdu::parse(&pdu), Ok(Pdu::Plain(_)))),
                1..=4 => assert!(matches!(Pdu::parse(&pdu), Ok(Pdu::Protected(_)))),
                _ => assert_eq!(Pdu::parse(&pdu), Err(Error::HeaderType)),
            }
        }
        assert_eq!(Pdu::parse(&[EPD_5GSM; 12]), Err(Error::Discriminator));
    }

    #[test]
    fn r29_nested_protection_is_refused() {
        assert_eq!(inner_type(&STATUS[BODY..]), Ok(MessageType::STATUS));
        assert_eq!(inner_type(&STATUS), Err(Error::Nested));
        assert_eq!(inner_type(&[0x7E, 9, 0x43]), Err(Error::Nested));
        assert_eq!(inner_type(&[0x2E, 0, 0xC1]), Err(Error::Discriminator));
        assert_eq!(inner_type(&[0x7E, 0]), Err(Error::Short));
    }

    #[test]
    fn types_3_and_4_belong_to_the_security_mode_messages() {
        use SecurityHeaderType as S;
        for octet in 0..=255 {
            let message = MessageType(octet);
            assert_eq!(S::IntegrityNew.fits(message), octet == 0x5D);
            assert_eq!(S::CipheredNew.fits(message), octet == 0x5E);
            for sht in [S::Plain, S::Integrity, S::Ciphered] {
                assert_eq!(sht.fits(message), octet != 0x5D && octet != 0x5E);
            }
        }
    }
}
