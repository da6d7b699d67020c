//! The peer's half of one EAP conversation: a request in, a response out, and how it ended.

use core::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::tls::{Tls, TlsError};
use super::{TYPED, kind, md5, response};
use crate::nas::nssaa::{EAP_IDENTITY, EapCode, EapMessage};

/// How the peer proves who it is.
#[derive(Clone)]
pub enum Credentials {
    /// EAP-MD5 with a password. Tells nothing about the server: for tests.
    Password(Zeroizing<Vec<u8>>),
    /// EAP-TLS: certificates and trust, and the name that the server's certificate must have.
    Tls(Arc<ClientConfig>, ServerName<'static>),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Tls(..) => "Tls(..)",
        })
    }
}

/// What a request led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A response to send.
    Response(Vec<u8>),
    /// The server accepted, and the method agrees. Nothing to send.
    Success,
    /// The server refused. Nothing to send.
    Failure,
}

/// Why a packet was discarded. The conversation goes on as if it had not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerError {
    /// Not an EAP packet that a NAS message carries.
    Packet,
    /// A response, or a packet after the end.
    Unexpected,
    /// Success or Failure with the identifier of another request.
    Identifier,
    /// Success before the method authenticated the server, or after it failed.
    EarlySuccess,
    /// The request's data is not what the method wants.
    Method,
    /// EAP-TLS.
    Tls(TlsError),
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet => f.write_str("not an EAP packet of 4 to 1500 octets"),
            Self::Unexpected => f.write_str("an EAP packet that no peer waits for"),
            Self::Identifier => f.write_str("the EAP identifier is not that of the last request"),
            Self::EarlySuccess => f.write_str("EAP-Success before the method was done"),
            Self::Method => f.write_str("the data of an EAP request is malformed"),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PeerError {}

enum Method {
    Password(Zeroizing<Vec<u8>>),
    Tls(Box<Tls>),
}

/// One conversation. [`Peer::new`] begins another.
pub struct Peer {
    identity: Vec<u8>,
    method: Method,
    /// The last request and the response to it: the server may send it again.
    last: Option<(Vec<u8>, Vec<u8>)>,
    /// The method answered at least once; for EAP-MD5 all that can be known.
    answered: bool,
    ended: bool,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer(ended: {})", self.ended)
    }
}

impl Peer {
    /// A peer of this identity (a network access identifier, at most 253 octets).
    ///
    /// # Errors
    /// [`PeerError::Method`]: the identity is too long.
    pub fn new(identity: &str, credentials: &Credentials) -> Result<Self, PeerError> {
        if identity.len() > 253 {
            return Err(PeerError::Method);
        }
        let method = match credentials {
            Credentials::Password(password) => Method::Password(password.clone()),
            Credentials::Tls(config, name) => {
                Method::Tls(Box::new(Tls::new(config.clone(), name.clone())))
            }
        };
        Ok(Self {
            identity: identity.as_bytes().to_vec(),
            method,
            last: None,
            answered: false,
            ended: false,
        })
    }

    /// What came from the server.
    ///
    /// # Errors
    /// The packet is to be discarded (RFC 3748 4.1: silently) and nothing changed.
    pub fn receive(&mut self, octets: &[u8]) -> Result<Reply, PeerError> {
        let message = EapMessage::parse(octets).map_err(|_| PeerError::Packet)?;
        match message.code() {
            _ if self.ended => Err(PeerError::Unexpected),
            EapCode::Response => Err(PeerError::Unexpected),
            EapCode::Request => self.request(message),
            EapCode::Success | EapCode::Failure => self.end(message),
        }
    }

    fn request(&mut self, message: EapMessage<'_>) -> Result<Reply, PeerError> {
        // Sent again: the same answer, and the method does not see it twice (RFC 3748 4.1).
        if let Some((request, response)) = &self.last
            && request == message.octets()
        {
            return Ok(Reply::Response(response.clone()));
        }
        let (kind, data) = self.method_data(message)?;
        let response = response(message.identifier(), kind, &data).ok_or(PeerError::Method)?;
        self.last = Some((message.octets().to_vec(), response.clone()));
        Ok(Reply::Response(response))
    }

    /// Type and data of the response.
    fn method_data(&mut self, message: EapMessage<'_>) -> Result<(u8, Vec<u8>), PeerError> {
        let data = message.octets().get(TYPED..).unwrap_or_default();
        let asked = message.kind().unwrap_or_default();
        let answer = match (&mut self.method, asked) {
            (_, EAP_IDENTITY) => self.identity.clone(),
            (_, kind::NOTIFICATION) => Vec::new(),
            (Method::Password(password), kind::MD5) => {
                let answer = md5::answer(message.identifier(), password, data);
                let answer = answer.ok_or(PeerError::Method)?;
                self.answered = true;
                answer
            }
            (Method::Tls(tls), kind::TLS) => tls.receive(data).map_err(PeerError::Tls)?,
            // Another method: the one that this peer has.
            (Method::Password(_), _) => return Ok((kind::NAK, vec![kind::MD5])),
            (Method::Tls(_), _) => return Ok((kind::NAK, vec![kind::TLS])),
        };
        Ok((asked, answer))
    }

    fn end(&mut self, message: EapMessage<'_>) -> Result<Reply, PeerError> {
        // RFC 3748 4.2: the identifier is that of the request it ends.
        let Some((request, _)) = &self.last else {
            return Err(PeerError::Unexpected);
        };
        if request.get(1) != Some(&message.identifier()) {
            return Err(PeerError::Identifier);
        }
        let done = match &self.method {
            Method::Password(_) => self.answered,
            Method::Tls(tls) => tls.authenticated(),
        };
        if message.code() == EapCode::Success && !done {
            return Err(PeerError::EarlySuccess);
        }
        self.ended = true;
        Ok(match message.code() {
            EapCode::Success => Reply::Success,
            _ => Reply::Failure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        let password = Credentials::Password(Zeroizing::new(b"x".to_vec()));
        Peer::new("ue@slice", &password).unwrap()
    }

    fn respond(peer: &mut Peer, request: &[u8]) -> Vec<u8> {
        match peer.receive(request).unwrap() {
            Reply::Response(response) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_conversation() {
        let mut peer = peer();
        let identity = respond(&mut peer, &[1, 4, 0, 5, 1]);
        assert_eq!(identity, [&[2, 4, 0, 13, 1][..], b"ue@slice"].concat());
        // Another method first: the peer names its own.
        assert_eq!(
            respond(&mut peer, &[1, 5, 0, 6, 13, 0x20]),
            [2, 5, 0, 6, 3, 4]
        );
        let challenge = [1, 6, 0, 8, 4, 2, 0xab, 0xcd];
        let answer = respond(&mut peer, &challenge);
        assert_eq!(answer[..6], [2, 6, 0, 22, 4, 16]);
        assert_eq!(respond(&mut peer, &challenge), answer, "sent again");
        assert_eq!(peer.receive(&[3, 5, 0, 4]), Err(PeerError::Identifier));
        assert_eq!(peer.receive(&[3, 6, 0, 4]), Ok(Reply::Success));
        assert_eq!(peer.receive(&[4, 6, 0, 4]), Err(PeerError::Unexpected));
    }

    #[test]
    fn success_must_be_earned() {
        let mut peer = peer();
        assert_eq!(peer.receive(&[3, 0, 0, 4]), Err(PeerError::Unexpected));
        respond(&mut peer, &[1, 4, 0, 5, 1]);
        assert_eq!(peer.receive(&[3, 4, 0, 4]), Err(PeerError::EarlySuccess));
        assert_eq!(peer.receive(&[2, 4, 0, 5, 1]), Err(PeerError::Unexpected));
        assert_eq!(
            peer.receive(&[1, 5, 0, 6, 4, 9]),
            Err(PeerError::Method),
            "a challenge shorter than it says"
        );
        assert_eq!(peer.receive(&[4, 4, 0, 4]), Ok(Reply::Failure));
    }
}
