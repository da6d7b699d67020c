//! 128-NEA2: AES-128 in counter mode (TS 33.401 B.1.3). The first counter block is COUNT || BEARER || DIRECTION ||
//! 0^90.

use super::{CipherLane, Nea, NeaRow, lane};
use crate::kernel::{self, Backend, aes128};

pub(super) const ROW: NeaRow = NeaRow {
    nea: Nea::Nea2,
    name: "128-NEA2",
    cipher: |lanes| run(aes128::ctr::active(), lanes),
    cipher_on: |name, lanes| kernel::named(name).map(|row| run(row, lanes)).is_some(),
};

fn run(row: &Backend<aes128::Ctr>, lanes: &mut [CipherLane<'_>]) {
    lane::keystream(
        row,
        lanes,
        |key| key.aes(),
        |input| (u128::from(u64::from_be_bytes(input.head())) << 64).to_be_bytes(),
    );
}
