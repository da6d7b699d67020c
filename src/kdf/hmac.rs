//! HMAC-SHA-256 and SHA-256 as this room needs them: the only file that names an implementation.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// One HMAC-SHA-256: a 256-bit key, a message of any length, and the place for the output.
pub(super) struct HmacLane<'a> {
    pub(super) key: &'a [u8; 32],
    pub(super) message: &'a [u8],
    pub(super) out: [u8; 32],
}

impl<'a> HmacLane<'a> {
    pub(super) const fn new(key: &'a [u8; 32], message: &'a [u8]) -> Self {
        Self {
            key,
            message,
            out: [0; 32],
        }
    }
}

/// A lane is wiped when its caller has copied the output: it is a key.
impl Drop for HmacLane<'_> {
    fn drop(&mut self) {
        self.out.zeroize();
    }
}

/// Computes a single lane.
pub(super) fn one(lane: &mut HmacLane<'_>) {
    // A key shorter than the block is padded with zeros by HMAC itself; padding here makes the constructor
    // that cannot fail the right one.
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(lane.key);
    let mut state = Hmac::<Sha256>::new((&block).into());
    block.zeroize();
    state.update(lane.message);
    let mut out = state.finalize().into_bytes();
    lane.out.copy_from_slice(&out);
    out.as_mut_slice().zeroize();
}

/// Computes any number of lanes, each with its own key, message and message length.
pub(super) fn many(lanes: &mut [HmacLane<'_>]) {
    lanes.iter_mut().for_each(one);
}

/// SHA-256 of the concatenation of two parts.
pub(super) fn sha256(first: &[u8], second: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(first)
        .chain_update(second)
        .finalize()
        .into()
}
