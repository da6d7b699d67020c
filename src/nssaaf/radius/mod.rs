//! RADIUS as an NSSAAF speaks it (TS 29.561 clause 16): EAP relay (RFC 3579) and dynamic authorisation (RFC 5176).
//!
//! The crates of this field send no Message-Authenticator first, check none, or take OpenSSL along; hence a small
//! codec of our own, which is fuzzed.
//!
//! | file | what it knows |
//! |---|---|
//! | [`packet`] | octets: header, attributes, the three authenticators |
//! | [`mod@slice`] | the attributes of TS 29.561: GPSI and S-NSSAI |
//! | [`client`] | questions to servers: identifiers, retransmission, fail-over |
//! | [`dynamic`] | Disconnect-Request in, ACK or NAK out |

pub mod client;
pub mod dynamic;
pub mod packet;
pub mod slice;

pub use packet::{Builder, Packet, RadiusError};

/// Codes of packets.
pub mod code {
    /// Access-Request.
    pub const ACCESS_REQUEST: u8 = 1;
    /// Access-Accept.
    pub const ACCESS_ACCEPT: u8 = 2;
    /// Access-Reject.
    pub const ACCESS_REJECT: u8 = 3;
    /// Access-Challenge.
    pub const ACCESS_CHALLENGE: u8 = 11;
    /// Disconnect-Request.
    pub const DISCONNECT_REQUEST: u8 = 40;
    /// Disconnect-ACK.
    pub const DISCONNECT_ACK: u8 = 41;
    /// Disconnect-NAK.
    pub const DISCONNECT_NAK: u8 = 42;
    /// CoA-Request.
    pub const COA_REQUEST: u8 = 43;
    /// CoA-NAK.
    pub const COA_NAK: u8 = 45;
}

/// Types of attributes.
pub mod attribute {
    /// User-Name.
    pub const USER_NAME: u8 = 1;
    /// Framed-MTU: how long an EAP packet may be (RFC 3579 2.4).
    pub const FRAMED_MTU: u8 = 12;
    /// State.
    pub const STATE: u8 = 24;
    /// Vendor-Specific.
    pub const VENDOR_SPECIFIC: u8 = 26;
    /// Calling-Station-Id.
    pub const CALLING_STATION_ID: u8 = 31;
    /// NAS-Identifier.
    pub const NAS_IDENTIFIER: u8 = 32;
    /// Proxy-State.
    pub const PROXY_STATE: u8 = 33;
    /// Event-Timestamp.
    pub const EVENT_TIMESTAMP: u8 = 55;
    /// EAP-Message.
    pub const EAP_MESSAGE: u8 = 79;
    /// Message-Authenticator.
    pub const MESSAGE_AUTHENTICATOR: u8 = 80;
    /// Error-Cause.
    pub const ERROR_CAUSE: u8 = 101;
}
