//! Whole messages: ciphering and integrity in one call (TS 24.501 4.4.4, 4.4.5: the message is ciphered, then the
//! MAC is computed over sequence number and ciphertext).
//!
//! Keystream does not depend on the message, so where both algorithms are the same stream cipher their keystreams are
//! two lanes of one kernel pass; the data passes follow while the octets are in the first cache.

use core::ops::Range;

use super::{CipherKey, Input, Key, Nea, Nia, pair};
use crate::base::secret::ct_eq_mac;
use crate::kernel::aes128::Opening;
use crate::kernel::aes128::whole::settle;

/// Messages that go through the kernels together.
pub(super) const CHUNK: usize = 64;

/// Messages that go with smaller arrays: clearing the keystreams of [`CHUNK`] costs four messages 20 ns each.
pub(super) const FEW: usize = 8;

/// One message to protect.
pub struct ProtectLane<'a> {
    /// Prepared for the ciphering algorithm.
    pub enc: &'a CipherKey,
    /// Prepared for the integrity algorithm.
    pub int: &'a Key,
    /// COUNT, BEARER, DIRECTION of both.
    pub input: Input,
    /// What the MAC covers: the sequence number octet and the message, which is ciphered.
    pub text: &'a mut [u8],
    /// The plain message when it does not stand in `text` yet: what the last octets of `text`, as many as these, are
    /// before they are ciphered. Of more octets than `text` has the first count. 128-NEA2 with
    /// 128-NIA2 reads it here and writes it there; other pairs copy it first.
    pub plain: Option<&'a [u8]>,
    /// The part of `text` that is ciphered: `1..text.len()` for a whole message. What lies outside `text` does not
    /// count.
    pub ciphered: Range<usize>,
    /// Result: the MAC.
    pub mac: [u8; 4],
}

/// One message to verify.
pub struct VerifyLane<'a> {
    /// Prepared for the ciphering algorithm.
    pub enc: &'a CipherKey,
    /// Prepared for the integrity algorithm.
    pub int: &'a Key,
    /// COUNT, BEARER, DIRECTION of both.
    pub input: Input,
    /// The sequence number octet and the message, which is deciphered in place when the MAC is right and left alone
    /// when it is not.
    pub text: &'a mut [u8],
    /// The part of `text` that is ciphered.
    pub ciphered: Range<usize>,
    /// The MAC that came with the message.
    pub mac: [u8; 4],
    /// Result: whether it is right. Null integrity (NIA0) proves nothing: true for a MAC of zeros.
    pub authentic: bool,
}

/// One message whose MAC is computed, and the keystream with it where that costs little.
pub(crate) struct OpenLane<'a> {
    pub(crate) enc: &'a CipherKey,
    pub(crate) int: &'a Key,
    pub(crate) input: Input,
    /// What the MAC covers.
    pub(crate) text: &'a [u8],
    /// Octets of zero, as many as are ciphered: XORed with the keystream where [`opens`] says so. May be empty.
    pub(crate) keystream: &'a mut [u8],
    /// Result.
    pub(crate) mac: [u8; 4],
}

/// One message to verify and to decipher in one pass, where it stands or elsewhere.
#[cfg_attr(not(feature = "std"), allow(dead_code))] // sessions ask for it
pub(crate) struct RevealLane<'a> {
    pub(crate) enc: &'a CipherKey,
    pub(crate) int: &'a Key,
    pub(crate) input: Input,
    /// What the MAC covers. All but its first octet is ciphered.
    pub(crate) text: Opening<'a>,
    /// The MAC that came with the message.
    pub(crate) mac: [u8; 4],
    /// Result: whether it is right, and the message deciphered.
    pub(crate) authentic: bool,
}

impl ProtectLane<'_> {
    /// Puts a plain message that stands elsewhere into the text.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        settle(self.text, &mut self.plain);
    }

    /// The ciphered part, inside the text.
    #[inline(always)]
    pub(super) fn part(&self) -> Range<usize> {
        inside(&self.ciphered, self.text.len())
    }
}

impl VerifyLane<'_> {
    /// The ciphered part, inside the text.
    #[inline(always)]
    pub(super) fn claimed(&self) -> Range<usize> {
        inside(&self.ciphered, self.text.len())
    }

    /// The part that is deciphered: that of an authentic message.
    #[inline(always)]
    pub(super) fn part(&self) -> Range<usize> {
        if self.authentic { self.claimed() } else { 0..0 }
    }

    /// Compares the MAC that was computed.
    #[inline(always)]
    pub(super) fn judge(&mut self, mac: [u8; 4]) {
        self.authentic = ct_eq_mac(mac, self.mac);
    }
}

#[inline(always)]
fn inside(range: &Range<usize>, len: usize) -> Range<usize> {
    let end = range.end.min(len);
    range.start.min(end)..end
}

/// Ciphers every message and computes its MAC.
pub fn protect(nea: Nea, nia: Nia, lanes: &mut [ProtectLane<'_>]) {
    if let Some(pair) = pair::of(nea, nia) {
        return (pair.protect)(lanes);
    }
    lanes.iter_mut().for_each(ProtectLane::settle);
    (nea.row().cipher_part)(lanes);
    (nia.row().mac_part)(lanes);
}

/// Computes every message's MAC, compares it in constant time, and deciphers those that are authentic. The others
/// stay as they are.
pub fn verify(nea: Nea, nia: Nia, lanes: &mut [VerifyLane<'_>]) {
    if let Some(pair) = pair::of(nea, nia) {
        return (pair.verify)(lanes);
    }
    (nia.row().mac_verify)(lanes);
    (nea.row().cipher_verified)(lanes);
}

/// XORs a keystream onto as many octets.
#[inline]
pub(crate) fn xor(data: &mut [u8], keystream: &[u8]) {
    let (blocks, tail) = data.as_chunks_mut::<16>();
    let (z, rest) = keystream.as_chunks::<16>();
    for (block, z) in blocks.iter_mut().zip(z) {
        *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes(*z)).to_ne_bytes();
    }
    for (byte, z) in tail.iter_mut().zip(rest) {
        *byte ^= z;
    }
}

/// True when [`open`] makes the keystream with the MAC: both are the same stream cipher.
#[cfg(feature = "std")]
pub(crate) fn opens(nea: Nea, nia: Nia) -> bool {
    pair::of(nea, nia).is_some_and(|pair| pair.open.is_some())
}

/// Computes MACs, and keystreams where [`opens`] is true.
#[cfg(feature = "std")]
pub(crate) fn open(nea: Nea, nia: Nia, lanes: &mut [OpenLane<'_>]) {
    match pair::of(nea, nia).and_then(|pair| pair.open) {
        Some(open) => open(lanes),
        None => (nia.row().mac_open)(lanes),
    }
}

/// True when [`reveal`] does both in one pass.
#[cfg(feature = "std")]
pub(crate) fn reveals(nea: Nea, nia: Nia) -> bool {
    pair::of(nea, nia).is_some_and(|pair| pair.reveal.is_some())
}

/// Computes MACs, compares them in constant time, and deciphers what is authentic, where [`reveals`] is true.
#[cfg(feature = "std")]
pub(crate) fn reveal(nea: Nea, nia: Nia, lanes: &mut [RevealLane<'_>]) {
    if let Some(reveal) = pair::of(nea, nia).and_then(|pair| pair.reveal) {
        reveal(lanes);
    }
}
