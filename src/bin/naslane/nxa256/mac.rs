//! The tag of the 256-bit family: POLYVAL (RFC 8452) under H over padded blocks, one step under Q, masked with P.

/// The three keys of one message.
pub(super) struct Keys {
    pub(super) h: [u8; 16],
    pub(super) q: [u8; 16],
    pub(super) p: [u8; 16],
}

/// a·b·x^-128 modulo x^128 + x^127 + x^126 + x^121 + 1, bit i of the integer the coefficient of x^i. For each bit of
/// `b` from the lowest: add `a`, then divide by x.
fn dot(a: u128, b: u128) -> u128 {
    const FOLD: u128 = 1 << 127 | 1 << 126 | 1 << 125 | 1 << 120;
    (0..128).fold(0, |sum, bit| {
        let sum = sum ^ if b >> bit & 1 == 1 { a } else { 0 };
        sum >> 1 ^ if sum & 1 == 1 { FOLD } else { 0 }
    })
}

pub(super) fn tag(keys: &Keys, aad: &[u8], message: &[u8]) -> [u8; 16] {
    let (h, q) = (u128::from_le_bytes(keys.h), u128::from_le_bytes(keys.q));
    let mut sum = 0;
    for chunk in aad.chunks(16).chain(message.chunks(16)) {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        sum = dot(sum ^ u128::from_le_bytes(block), h);
    }
    let bits = |octets: &[u8]| 8 * octets.len() as u128;
    sum ^= bits(aad) << 64 | bits(message);
    (dot(sum, q) ^ u128::from_le_bytes(keys.p)).to_le_bytes()
}
