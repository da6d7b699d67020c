//! 128-NEA3: ZUC as in EEA3 (TS 35.221), whose IV is COUNT || BEARER || DIRECTION || 0^26, twice.

use super::lane::keystream;
use super::nea1::{stage, stage_part, stage_verified};
use super::{Nea, NeaRow};
use crate::kernel::{self, zuc};

pub(super) const ROW: NeaRow = NeaRow {
    nea: Nea::Nea3,
    name: "128-NEA3",
    cipher: |lanes| keystream(zuc::active(), lanes, stage),
    cipher_on: |name, lanes| {
        kernel::named::<zuc::Zuc>(name)
            .map(|row| keystream(row, lanes, stage))
            .is_some()
    },
    cipher_part: |lanes| keystream(zuc::active(), lanes, stage_part),
    cipher_verified: |lanes| keystream(zuc::active(), lanes, stage_verified),
};
