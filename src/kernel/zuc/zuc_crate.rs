//! ZUC by the `zuc` crate: the reference row. Its S-boxes are tables indexed by secrets.

use super::super::Lane;
use zuc::zuc128::Zuc128Keystream;

/// A single lane.
pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
    let mut generator = Zuc128Keystream::new(lane.key, &lane.iv);
    for word in lane.data.chunks_mut(4) {
        for (byte, z) in word.iter_mut().zip(generator.generate().to_be_bytes()) {
            *byte ^= z;
        }
    }
}

/// One lane after the other.
pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
    lanes.iter_mut().for_each(one);
}
