//! The RADIUS packet (RFC 2865 3): header, attributes, and the authenticators that make it believable.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

use super::attribute;
use crate::base::secret::ct_eq;

/// Octets before the attributes: code, identifier, length, authenticator.
pub const HEADER: usize = 20;
/// Octets of the longest packet.
pub const LONGEST: usize = 4096;
/// Octets of the longest attribute value.
pub const LONGEST_VALUE: usize = 253;

/// Octets of an authenticator.
pub type Authenticator = [u8; 16];

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RadiusError {
    /// Fewer octets than the header, or than the length says.
    Short,
    /// A length below 20 or above 4096, or one that the attributes do not fill.
    Length,
    /// An attribute shorter than its own header, or longer than the packet.
    Attribute,
    /// The Response Authenticator, or that of a Disconnect-Request, is wrong: another secret, or a forgery.
    Authenticator,
    /// No Message-Authenticator where one must be, or two.
    MessageAuthenticatorMissing,
    /// The Message-Authenticator is wrong.
    MessageAuthenticator,
    /// What is to be sent does not fit.
    TooLong,
}

impl fmt::Display for RadiusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "a RADIUS packet is shorter than it says",
            Self::Length => "a RADIUS packet has an impossible length",
            Self::Attribute => "a RADIUS attribute leaves its packet",
            Self::Authenticator => {
                "the authenticator of a RADIUS packet is wrong: compare the secrets"
            }
            Self::MessageAuthenticatorMissing => {
                "a RADIUS packet has not exactly one Message-Authenticator"
            }
            Self::MessageAuthenticator => "the Message-Authenticator of a RADIUS packet is wrong",
            Self::TooLong => "a RADIUS packet or attribute would be too long",
        })
    }
}

impl std::error::Error for RadiusError {}

/// A packet whose shape was checked; whether it is believed is another question.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    octets: &'a [u8], // as long as the length says
}

impl<'a> Packet<'a> {
    /// Checks lengths. Octets behind the packet are padding (RFC 2865 3).
    ///
    /// # Errors
    /// What is wrong with the shape.
    pub fn parse(octets: &'a [u8]) -> Result<Self, RadiusError> {
        if octets.len() < HEADER {
            return Err(RadiusError::Short);
        }
        let len = usize::from(u16::from_be_bytes([octets[2], octets[3]]));
        if !(HEADER..=LONGEST).contains(&len) {
            return Err(RadiusError::Length);
        }
        let octets = octets.get(..len).ok_or(RadiusError::Short)?;
        let mut rest = &octets[HEADER..];
        while !rest.is_empty() {
            let len = usize::from(*rest.get(1).ok_or(RadiusError::Attribute)?);
            if len < 2 {
                return Err(RadiusError::Attribute);
            }
            rest = rest.get(len..).ok_or(RadiusError::Attribute)?;
        }
        Ok(Self { octets })
    }

    /// What it is.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.octets[0]
    }

    /// Matches a reply to its request.
    #[must_use]
    pub fn identifier(&self) -> u8 {
        self.octets[1]
    }

    /// Request or Response Authenticator.
    #[must_use]
    pub fn authenticator(&self) -> Authenticator {
        let mut out = [0; 16];
        out.copy_from_slice(&self.octets[4..HEADER]);
        out
    }

    /// Type and value of every attribute, with the value's place in the packet.
    fn places(&self) -> impl Iterator<Item = (u8, core::ops::Range<usize>)> + use<'a> {
        let octets = self.octets;
        let mut at = HEADER;
        core::iter::from_fn(move || {
            let (&kind, &len) = (octets.get(at)?, octets.get(at + 1)?);
            let value = at + 2..at + usize::from(len);
            at = value.end;
            Some((kind, value))
        })
    }

    /// Type and value of every attribute.
    pub fn attributes(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let octets = self.octets;
        self.places()
            .map(move |(kind, place)| (kind, &octets[place]))
    }

    /// The first attribute of a type.
    #[must_use]
    pub fn attribute(&self, kind: u8) -> Option<&'a [u8]> {
        self.attributes().find(|(k, _)| *k == kind).map(|(_, v)| v)
    }

    /// The EAP packet that the EAP-Message attributes make together; `None` without any (RFC 3579 3.1).
    #[must_use]
    pub fn eap(&self) -> Option<Vec<u8>> {
        let parts = self
            .attributes()
            .filter(|(kind, _)| *kind == attribute::EAP_MESSAGE);
        let whole: Vec<u8> = parts.flat_map(|(_, value)| value).copied().collect();
        (!whole.is_empty()).then_some(whole)
    }

    /// The Message-Authenticator, computed over this packet with that header authenticator (RFC 3579 3.2).
    fn message_authenticator(
        &self,
        secret: &[u8],
        header: &Authenticator,
    ) -> Result<Checked, RadiusError> {
        let mut places = self
            .places()
            .filter(|(kind, _)| *kind == attribute::MESSAGE_AUTHENTICATOR);
        let Some((_, place)) = places.next() else {
            return Ok(Checked::Absent);
        };
        if places.next().is_some() || place.len() != 16 {
            return Err(RadiusError::MessageAuthenticatorMissing);
        }
        let mut whole = self.octets.to_vec();
        whole[4..HEADER].copy_from_slice(header);
        whole[place.clone()].fill(0);
        if ct_eq(&hmac_md5(secret, &whole), &self.octets[place]) {
            Ok(Checked::Right)
        } else {
            Err(RadiusError::MessageAuthenticator)
        }
    }

    /// Checks a reply to an Access-Request: Response Authenticator, and a Message-Authenticator, which must be there.
    /// Without it a reply can be forged from MD5 collisions (CVE-2024-3596).
    ///
    /// # Errors
    /// What is wrong; the reply is then as if it had not come.
    pub fn verify_reply(&self, secret: &[u8], request: &Authenticator) -> Result<(), RadiusError> {
        if !ct_eq(&self.digest(secret, request), &self.octets[4..HEADER]) {
            return Err(RadiusError::Authenticator);
        }
        match self.message_authenticator(secret, request)? {
            Checked::Right => Ok(()),
            Checked::Absent => Err(RadiusError::MessageAuthenticatorMissing),
        }
    }

    /// Checks a Disconnect-Request (RFC 5176 2.3, 3): its authenticator, and its Message-Authenticator, which need
    /// not be there unless `required`: the authenticator of these requests already covers them with the secret.
    ///
    /// # Errors
    /// What is wrong; the request is then not answered.
    pub fn verify_dynamic(&self, secret: &[u8], required: bool) -> Result<(), RadiusError> {
        if !ct_eq(&self.digest(secret, &[0; 16]), &self.octets[4..HEADER]) {
            return Err(RadiusError::Authenticator);
        }
        match self.message_authenticator(secret, &[0; 16])? {
            Checked::Absent if required => Err(RadiusError::MessageAuthenticatorMissing),
            _ => Ok(()),
        }
    }

    /// MD5 over the packet with `header` as authenticator, and the secret.
    fn digest(&self, secret: &[u8], header: &Authenticator) -> [u8; 16] {
        Md5::new()
            .chain_update(&self.octets[..4])
            .chain_update(header)
            .chain_update(&self.octets[HEADER..])
            .chain_update(secret)
            .finalize()
            .into()
    }
}

enum Checked {
    Absent,
    Right,
}

fn hmac_md5(secret: &[u8], octets: &[u8]) -> [u8; 16] {
    // HMAC takes a key of any length; the type says otherwise.
    let mut mac = <Hmac<Md5> as KeyInit>::new_from_slice(secret).expect("HMAC takes any key");
    mac.update(octets);
    mac.finalize().into_bytes().into()
}

/// A packet being written. The Message-Authenticator stands first, where an attacker's attributes cannot come before it.
#[derive(Clone, Debug)]
pub struct Builder {
    octets: Vec<u8>,
}

/// Place of the Message-Authenticator's value.
const OWN: core::ops::Range<usize> = HEADER + 2..HEADER + 18;

impl Builder {
    /// An empty packet.
    #[must_use]
    pub fn new(code: u8, identifier: u8) -> Self {
        let mut octets = vec![0; HEADER];
        octets[..2].copy_from_slice(&[code, identifier]);
        octets.extend([attribute::MESSAGE_AUTHENTICATOR, 18]);
        octets.extend([0; 16]);
        Self { octets }
    }

    /// Adds an attribute of 1 to 253 octets (RFC 2865 5: an empty one is not sent).
    ///
    /// # Errors
    /// [`RadiusError::TooLong`]: the value or the packet.
    pub fn attribute(&mut self, kind: u8, value: &[u8]) -> Result<&mut Self, RadiusError> {
        let room = LONGEST - self.octets.len();
        if value.is_empty() || value.len() > LONGEST_VALUE || value.len() + 2 > room {
            return Err(RadiusError::TooLong);
        }
        // At most 255.
        self.octets.extend([kind, value.len() as u8 + 2]);
        self.octets.extend(value);
        Ok(self)
    }

    /// Adds an EAP packet, in as many EAP-Message attributes as it takes (RFC 3579 3.1).
    ///
    /// # Errors
    /// [`RadiusError::TooLong`].
    pub fn eap(&mut self, packet: &[u8]) -> Result<&mut Self, RadiusError> {
        for part in packet.chunks(LONGEST_VALUE) {
            self.attribute(attribute::EAP_MESSAGE, part)?;
        }
        Ok(self)
    }

    fn set_length(&mut self) {
        // At most 4096: `attribute` saw to it.
        let len = (self.octets.len() as u16).to_be_bytes();
        self.octets[2..4].copy_from_slice(&len);
    }

    fn set_message_authenticator(&mut self, secret: &[u8], header: &Authenticator) {
        self.octets[4..HEADER].copy_from_slice(header);
        let mac = hmac_md5(secret, &self.octets);
        self.octets[OWN].copy_from_slice(&mac);
    }

    fn set_digest(&mut self, secret: &[u8]) {
        let digest = Md5::new()
            .chain_update(&self.octets)
            .chain_update(secret)
            .finalize();
        self.octets[4..HEADER].copy_from_slice(&digest);
    }

    /// An Access-Request under a random authenticator, which must never have been used before.
    #[must_use]
    pub fn access_request(mut self, secret: &[u8], authenticator: &Authenticator) -> Vec<u8> {
        self.set_length();
        self.set_message_authenticator(secret, authenticator);
        self.octets
    }

    /// The reply to a request with this authenticator.
    #[must_use]
    pub fn reply(mut self, secret: &[u8], request: &Authenticator) -> Vec<u8> {
        self.set_length();
        self.set_message_authenticator(secret, request);
        self.set_digest(secret);
        self.octets
    }

    /// A Disconnect-Request (RFC 5176 2.3): both authenticators over a header authenticator of zeros.
    #[must_use]
    pub fn dynamic_request(mut self, secret: &[u8]) -> Vec<u8> {
        self.set_length();
        self.set_message_authenticator(secret, &[0; 16]);
        self.octets[4..HEADER].fill(0);
        self.set_digest(secret);
        self.octets
    }
}
