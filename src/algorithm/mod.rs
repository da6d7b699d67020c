//! The NEA and NIA tables: how COUNT, BEARER and DIRECTION become a kernel's input (TS 33.501 Annex D; TS 33.401
//! Annex B for the algorithms of identity 1 to 3).
//!
//! One file per algorithm, one row per algorithm in [`NEA`] or [`NIA`]; the place in the table is the identity on
//! the wire. All calls take any number of lanes; a single message is a batch of one.

mod aes;
mod key;
mod lane;
mod message;
mod nea1;
mod nea2;
mod nea3;
mod nia1;
mod nia2;
mod nia3;
mod null;
mod pair;
mod shape;
mod table;

#[cfg(feature = "std")]
pub(crate) use crate::kernel::aes128::Opening;
pub use key::{CipherKey, Key, cipher_key, prepare};
pub use lane::{CipherLane, Input, MacLane};
#[cfg(feature = "std")]
pub(crate) use message::{OpenLane, RevealLane, open, opens, reveal, reveals, xor};
pub use message::{ProtectLane, VerifyLane, protect, verify};
pub use table::{NEA, NIA, Nea, NeaRow, Nia, NiaRow, cipher, cipher_on, mac, mac_on};
