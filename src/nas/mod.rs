//! The wire format of 5GMM messages (TS 24.501 clauses 8 and 9): reads and writes, no crypto, no allocation.
//!
//! | file | what it knows |
//! |---|---|
//! | [`header`] | the seven octets of a security protected message, and what may stand inside |
//! | [`message`] | message types, their names and directions |
//! | [`acceptance`] | which messages count without integrity, and what an AMF does with them |
//! | [`ie`] | the walk over the information elements of a message |
//! | [`identity`] | 5GS mobile identities |
//! | [`capability`] | UE security capability and its S1 sibling, kept octet for octet |
//! | [`smc`] | SECURITY MODE COMMAND, COMPLETE and REJECT |
//! | [`nssaa`] | network slice-specific authentication, S-NSSAI, the lists of slices |
//! | [`initial`] | initial NAS messages: cleartext part, NAS message container |
//! | [`compose`] | bodies of the other messages, for load generation and tests |
//! | [`container`] | the containers that the AMF protects outside a NAS message |
//! | [`cause`] | 5GMM causes |
//!
//! Decoders borrow from the message, never copy, never recurse. Encoders measure first: with too small a buffer
//! they return [`Error::BufferTooSmall`](crate::base::Error::BufferTooSmall) and leave it untouched.

pub mod acceptance;
pub mod capability;
pub mod cause;
pub mod compose;
pub mod container;
pub mod header;
pub mod identity;
pub mod ie;
pub mod initial;
pub mod message;
pub mod nssaa;
mod octets;
pub mod smc;

pub use acceptance::{
    FollowUp, Situation, accepted_unprotected_downlink, accepted_unprotected_uplink,
};
pub use capability::{S1UeSecurityCapability, UeSecurityCapability};
pub use cause::Cause;
pub use header::{Pdu, Plain, Protected, SecurityHeaderType, inner_type, write_header};
pub use identity::{Guti, IdentityType, MobileIdentity, STmsi};
pub use initial::{Carrier, InitialMessage, RegistrationType, check_container};
pub use message::MessageType;
pub use smc::{SecurityModeCommand, SecurityModeComplete, SecurityModeReject};
