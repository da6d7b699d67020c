//! 128-NEA1: SNOW 3G as in UEA2 (TS 35.215), with IV3 = IV1 = COUNT and IV2 = IV0 = BEARER || DIRECTION || 0^26.

use super::lane::keystream;
use super::{CipherLane, Input, Nea, NeaRow, ProtectLane, VerifyLane};
use crate::kernel::{self, Lane, snow3g};

pub(super) const ROW: NeaRow = NeaRow {
    nea: Nea::Nea1,
    name: "128-NEA1",
    cipher: |lanes| keystream(snow3g::active(), lanes, stage),
    cipher_on: |name, lanes| {
        kernel::named::<snow3g::Snow3g>(name)
            .map(|row| keystream(row, lanes, stage))
            .is_some()
    },
    cipher_part: |lanes| keystream(snow3g::active(), lanes, stage_part),
    cipher_verified: |lanes| keystream(snow3g::active(), lanes, stage_verified),
};

/// A message as the generators of 128-NEA1 and 128-NEA3 take it: raw key, the head twice.
pub(super) fn stage<'s>(lane: &'s mut CipherLane<'_>) -> Lane<'s, [u8; 16]> {
    Lane {
        key: lane.key.key(),
        iv: iv(lane.input),
        data: lane.data,
    }
}

pub(super) fn stage_part<'s>(lane: &'s mut ProtectLane<'_>) -> Lane<'s, [u8; 16]> {
    let part = lane.part();
    Lane {
        key: lane.enc.key(),
        iv: iv(lane.input),
        data: &mut lane.text[part],
    }
}

pub(super) fn stage_verified<'s>(lane: &'s mut VerifyLane<'_>) -> Lane<'s, [u8; 16]> {
    let part = lane.part();
    Lane {
        key: lane.enc.key(),
        iv: iv(lane.input),
        data: &mut lane.text[part],
    }
}

/// The head twice; 128-NEA3 has the same IV.
pub(super) fn iv(input: Input) -> [u8; 16] {
    let half = u128::from(u64::from_be_bytes(input.head()));
    (half << 64 | half).to_be_bytes()
}
