//! 128-NEA3: ZUC as in EEA3 (TS 35.221), whose IV is COUNT || BEARER || DIRECTION || 0^26, twice.

use super::{CipherLane, Nea, NeaRow, ProtectLane, VerifyLane, lane, nea1};
use crate::kernel::{self, Backend, Lane, zuc};

pub(super) const ROW: NeaRow = NeaRow {
    nea: Nea::Nea3,
    name: "128-NEA3",
    cipher: |lanes| run(zuc::active(), lanes, stage),
    cipher_on: |name, lanes| {
        kernel::named(name)
            .map(|row| run(row, lanes, stage))
            .is_some()
    },
    cipher_part: |lanes| run(zuc::active(), lanes, stage_part),
    cipher_verified: |lanes| run(zuc::active(), lanes, stage_verified),
};

fn run<L>(
    row: &Backend<zuc::Zuc>,
    lanes: &mut [L],
    stage: for<'s> fn(&'s mut L) -> Lane<'s, [u8; 16]>,
) {
    lane::keystream(row, lanes, stage);
}

fn stage<'s>(lane: &'s mut CipherLane<'_>) -> Lane<'s, [u8; 16]> {
    Lane {
        key: lane.key.raw(),
        iv: nea1::iv(lane.input),
        data: lane.data,
    }
}

fn stage_part<'s>(lane: &'s mut ProtectLane<'_>) -> Lane<'s, [u8; 16]> {
    let part = lane.part();
    Lane {
        key: lane.enc.raw(),
        iv: nea1::iv(lane.input),
        data: &mut lane.text[part],
    }
}

fn stage_verified<'s>(lane: &'s mut VerifyLane<'_>) -> Lane<'s, [u8; 16]> {
    let part = lane.part();
    Lane {
        key: lane.enc.raw(),
        iv: nea1::iv(lane.input),
        data: &mut lane.text[part],
    }
}
