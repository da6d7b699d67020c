//! NEA0 and NIA0 (TS 33.501 D.1): the keystream and the MAC are zero. No kernel row is involved, so both can run
//! "on" any.

use super::{CipherLane, MacLane, Nea, NeaRow, Nia, NiaRow};

pub(super) const NEA0: NeaRow = NeaRow {
    nea: Nea::Nea0,
    name: "NEA0",
    cipher,
    cipher_on: |_, lanes| {
        cipher(lanes);
        true
    },
    cipher_part: |_| {},
    cipher_verified: |_| {},
};

pub(super) const NIA0: NiaRow = NiaRow {
    nia: Nia::Nia0,
    name: "NIA0",
    mac,
    mac_on: |_, lanes| {
        mac(lanes);
        true
    },
    mac_part: |lanes| lanes.iter_mut().for_each(|lane| lane.mac = [0; 4]),
    mac_open: |lanes| lanes.iter_mut().for_each(|lane| lane.mac = [0; 4]),
    mac_verify: |lanes| lanes.iter_mut().for_each(|lane| lane.judge([0; 4])),
};

fn cipher(_: &mut [CipherLane<'_>]) {}

fn mac(lanes: &mut [MacLane<'_>]) {
    for lane in lanes {
        lane.mac = [0; 4];
    }
}
