//! 128-NEA3: ZUC as in EEA3 (TS 35.221), whose IV is COUNT || BEARER || DIRECTION || 0^26, twice.

use super::{CipherLane, Nea, NeaRow, lane, nea1};
use crate::kernel::{self, Backend, zuc};

pub(super) const ROW: NeaRow = NeaRow {
    nea: Nea::Nea3,
    name: "128-NEA3",
    cipher: |lanes| run(zuc::active(), lanes),
    cipher_on: |name, lanes| kernel::named(name).map(|row| run(row, lanes)).is_some(),
};

fn run(row: &Backend<zuc::Zuc>, lanes: &mut [CipherLane<'_>]) {
    lane::keystream(row, lanes, |key| key.raw(), nea1::iv);
}
