//! HMAC-SHA-256 and SHA-256 as this room needs them: the door to the kernel.

use crate::kernel::sha256;

pub(super) use crate::kernel::sha256::{HmacLane, Message, PairLane, Prepared, ShortLane};

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

/// SHA-256 of any number of messages of two halves.
pub(super) fn digests(lanes: &mut [ShortLane<'_>]) {
    match lanes {
        [lane] => (sha256::short::active().one)(lane),
        lanes => (sha256::short::active().many)(lanes),
    }
}
