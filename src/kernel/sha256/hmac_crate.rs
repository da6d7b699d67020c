//! HMAC by the `hmac` and `sha2` crates: the reference row.

use super::{HmacLane, PairLane};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A single lane.
pub(super) fn one(lane: &mut HmacLane<'_>) {
    // HMAC takes keys of every length, so the error arm is never reached.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(lane.key) {
        mac.update(lane.message);
        lane.out = mac.finalize().into_bytes().into();
    }
}

/// One lane after the other.
pub(super) fn many(lanes: &mut [HmacLane<'_>]) {
    lanes.iter_mut().for_each(one);
}

/// A single pair: two lanes that know nothing of each other.
pub(super) fn pair_one(lane: &mut PairLane<'_>) {
    for (message, out) in lane.messages.iter().zip(&mut lane.out) {
        let mut single = HmacLane::new(lane.key, message.bytes());
        one(&mut single);
        out.copy_from_slice(&single.out[16..]);
    }
}

/// One pair after the other.
pub(super) fn pair_many(lanes: &mut [PairLane<'_>]) {
    lanes.iter_mut().for_each(pair_one);
}
