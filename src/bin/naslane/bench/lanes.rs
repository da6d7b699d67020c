//! Protect and verify in lanes over the single steps, until `naslane::algorithm` has them.

use std::ops::Range;

use naslane::algorithm::{self, CipherLane, Input, Key, MacLane, Nea, Nia};

pub(super) struct ProtectLane<'a> {
    pub(super) enc: &'a Key,
    pub(super) int: &'a Key,
    pub(super) input: Input,
    pub(super) text: &'a mut [u8],
    pub(super) ciphered: Range<usize>,
    pub(super) mac: [u8; 4],
}

pub(super) struct VerifyLane<'a> {
    pub(super) enc: &'a Key,
    pub(super) int: &'a Key,
    pub(super) input: Input,
    pub(super) text: &'a mut [u8],
    pub(super) ciphered: Range<usize>,
    pub(super) mac: [u8; 4],
    pub(super) authentic: bool,
}

pub(super) fn protect(nea: Nea, nia: Nia, lanes: &mut [ProtectLane<'_>]) {
    let mut ciphers: Vec<_> = lanes
        .iter_mut()
        .map(|lane| CipherLane {
            key: lane.enc,
            input: lane.input,
            data: &mut lane.text[lane.ciphered.clone()],
        })
        .collect();
    algorithm::cipher(nea, &mut ciphers);
    let mut macs: Vec<_> = lanes
        .iter()
        .map(|lane| MacLane::new(lane.int, lane.input, lane.text))
        .collect();
    algorithm::mac(nia, &mut macs);
    let macs: Vec<_> = macs.iter().map(|lane| lane.mac).collect();
    for (lane, mac) in lanes.iter_mut().zip(macs) {
        lane.mac = mac;
    }
}

pub(super) fn verify(nea: Nea, nia: Nia, lanes: &mut [VerifyLane<'_>]) {
    let mut macs: Vec<_> = lanes
        .iter()
        .map(|lane| MacLane::new(lane.int, lane.input, lane.text))
        .collect();
    algorithm::mac(nia, &mut macs);
    let macs: Vec<_> = macs.iter().map(|lane| lane.mac).collect();
    for (lane, mac) in lanes.iter_mut().zip(macs) {
        lane.authentic = lane.mac == mac;
    }
    let mut ciphers: Vec<_> = lanes
        .iter_mut()
        .filter(|lane| lane.authentic)
        .map(|lane| CipherLane {
            key: lane.enc,
            input: lane.input,
            data: &mut lane.text[lane.ciphered.clone()],
        })
        .collect();
    algorithm::cipher(nea, &mut ciphers);
}
