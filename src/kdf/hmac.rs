//! HMAC-SHA-256 and SHA-256 as this room needs them: the door to the kernel.

use crate::kernel::sha256;

pub(super) use crate::kernel::sha256::{HmacLane, Message, PairLane, Prepared};

/// Computes a single lane.
pub(super) fn one(lane: &mut HmacLane<'_>) {
    (sha256::active().one)(lane);
}

/// Computes any number of lanes, each with its own key, message and message length.
pub(super) fn many(lanes: &mut [HmacLane<'_>]) {
    (sha256::active().many)(lanes);
}

/// Computes both messages of any number of lanes, each with its own key.
pub(super) fn pairs(lanes: &mut [PairLane<'_>]) {
    match lanes {
        [lane] => (sha256::pair::active().one)(lane),
        lanes => (sha256::pair::active().many)(lanes),
    }
}

/// SHA-256 of the concatenation of two parts.
pub(super) fn sha256(first: &[u8], second: &[u8]) -> [u8; 32] {
    sha256::sha256(&[first, second])
}
