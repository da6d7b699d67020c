//! 128-NEA1: SNOW 3G as in UEA2 (TS 35.215), with IV3 = IV1 = COUNT and IV2 = IV0 = BEARER || DIRECTION || 0^26.

use super::{CipherLane, Input, Nea, NeaRow, lane};
use crate::kernel::{self, Backend, snow3g};

pub(super) const ROW: NeaRow = NeaRow {
    nea: Nea::Nea1,
    name: "128-NEA1",
    cipher: |lanes| run(snow3g::active(), lanes),
    cipher_on: |name, lanes| kernel::named(name).map(|row| run(row, lanes)).is_some(),
};

fn run(row: &Backend<snow3g::Snow3g>, lanes: &mut [CipherLane<'_>]) {
    lane::keystream(row, lanes, |key| key.raw(), iv);
}

/// The head twice; 128-NEA3 has the same IV.
pub(super) fn iv(input: Input) -> [u8; 16] {
    let half = u128::from(u64::from_be_bytes(input.head()));
    (half << 64 | half).to_be_bytes()
}
