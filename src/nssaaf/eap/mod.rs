//! EAP (RFC 3748), the peer's half of EAP-MD5 and EAP-TLS, for the UE half of slice authentication.
//!
//! | file | what it knows |
//! |---|---|
//! | [`peer`] | one conversation: identity, method, duplicates, how it ended |
//! | `md5` | the MD5 challenge (RFC 3748 5.4) |
//! | [`tls`] | EAP-TLS (RFC 5216, RFC 9190): fragments; rustls does TLS |
//!
//! No socket: a request in, a response out. The frame of a packet is `nas`'s: [`EapMessage`].

mod md5;
pub mod peer;
pub mod tls;

pub use peer::{Credentials, Peer, PeerError, Reply};

use crate::nas::nssaa::{EAP_IDENTITY, EapCode, EapMessage};

/// Octets of a packet before the data of its method: code, identifier, length, type.
const TYPED: usize = 5;

/// Method types (RFC 3748 5).
pub mod kind {
    /// Notification: text for the user, always acknowledged.
    pub const NOTIFICATION: u8 = 2;
    /// Legacy Nak: the methods that the peer would rather use. Only in responses.
    pub const NAK: u8 = 3;
    /// MD5-Challenge.
    pub const MD5: u8 = 4;
    /// EAP-TLS.
    pub const TLS: u8 = 13;
}

/// The identity that an EAP-Response/Identity gives, if it gives one.
#[must_use]
pub fn identity(message: EapMessage<'_>) -> Option<&[u8]> {
    let given = message.code() == EapCode::Response && message.kind() == Some(EAP_IDENTITY);
    message
        .octets()
        .get(TYPED..)
        .filter(|name| given && !name.is_empty())
}

/// A response of this type. `None`: longer than a NAS message carries (1500 octets).
#[must_use]
pub fn response(identifier: u8, kind: u8, data: &[u8]) -> Option<Vec<u8>> {
    let len = TYPED + data.len();
    let [high, low] = u16::try_from(len).ok()?.to_be_bytes();
    let mut out = vec![EapCode::Response as u8, identifier, high, low, kind];
    out.extend(data);
    EapMessage::parse(&out).is_ok().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities() {
        let octets = response(7, EAP_IDENTITY, b"a@bc").unwrap();
        assert_eq!(octets, [&[2, 7, 0, 9, 1][..], b"a@bc"].concat());
        let parse = |octets| EapMessage::parse(octets).unwrap();
        assert_eq!(identity(parse(&octets)), Some(&b"a@bc"[..]));
        assert_eq!(identity(parse(&[2, 7, 0, 5, 1])), None, "empty");
        assert_eq!(identity(parse(&[1, 7, 0, 6, 1, 9])), None, "a request");
        assert_eq!(response(0, kind::TLS, &[0; 1496]), None);
    }
}
