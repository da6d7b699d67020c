//! The story of a capture: follows UEs through NGAP, verifies and deciphers with the keys that the operator gives, and
//! names the likely cause of a failure. No file, no clock, no print: packets in, rows out.
//!
//! | file | what it knows |
//! |---|---|
//! | [`ngap`] | the outside of NGAP: procedure, UE identities, NAS PDUs |
//! | `keys` | K_AMF and NAS keys from what is given, and the usual mistakes with them |
//! | `context` | a security context as an observer follows it |
//! | `follow` | connections, subscribers, which UE a message belongs to |
//! | `command`, `receive` | SECURITY MODE COMMAND; every other protected message |
//! | `trial` | what an engineer tries by hand on a message that does not verify |
//! | `rules` | what may follow what |
//! | [`story`] | rows and figures in bounded memory |
//! | [`pcapng`] | deciphered messages in a file that Wireshark opens |
//!
//! An observer is no receiver: it never answers, and its verdicts say what a receiver with these keys would do.

mod command;
mod context;
mod finding;
mod follow;
mod keys;
pub mod ngap;
pub mod pcapng;
mod receive;
mod row;
mod rules;
pub mod story;
mod trial;
mod ue;

pub use finding::{Code, Finding};
pub use follow::{Event, Follower, Packet, Settings};
pub use keys::Entry;
pub use row::{Row, Verdict};
pub use story::Story;
pub use ue::{Command, Outcome};
