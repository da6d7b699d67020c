//! 128-NEA2: AES-128 in counter mode (TS 33.401 B.1.3). The first counter block is COUNT || BEARER || DIRECTION ||
//! 0^90.

use super::lane::keystream;
use super::{CipherLane, Input, Nea, NeaRow, ProtectLane, VerifyLane};
use crate::base::cpu::prefetch;
use crate::kernel::{self, Lane, aes128};

pub(super) const ROW: NeaRow = NeaRow {
    nea: Nea::Nea2,
    name: "128-NEA2",
    cipher: |lanes| keystream(aes128::ctr::active(), lanes, stage),
    cipher_on: |name, lanes| {
        kernel::named::<aes128::Ctr>(name)
            .map(|row| keystream(row, lanes, stage))
            .is_some()
    },
    cipher_part: |lanes| keystream(aes128::ctr::active(), lanes, stage_part),
    cipher_verified: |lanes| keystream(aes128::ctr::active(), lanes, stage_verified),
};

fn stage<'s>(lane: &'s mut CipherLane<'_>) -> Lane<'s, aes128::Schedule> {
    Lane {
        key: lane.key,
        iv: counter(lane.input),
        data: lane.data,
    }
}

fn stage_part<'s>(lane: &'s mut ProtectLane<'_>) -> Lane<'s, aes128::Schedule> {
    let part = lane.part();
    // Of 4,096 UEs the schedules are not in the second cache.
    prefetch(lane.enc);
    Lane {
        key: lane.enc,
        iv: counter(lane.input),
        data: &mut lane.text[part],
    }
}

fn stage_verified<'s>(lane: &'s mut VerifyLane<'_>) -> Lane<'s, aes128::Schedule> {
    let part = lane.part();
    Lane {
        key: lane.enc,
        iv: counter(lane.input),
        data: &mut lane.text[part],
    }
}

fn counter(input: Input) -> [u8; 16] {
    (u128::from(u64::from_be_bytes(input.head())) << 64).to_be_bytes()
}
