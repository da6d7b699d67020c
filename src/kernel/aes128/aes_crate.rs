//! Both modes by the `aes` crate, which picks AES instructions itself where it finds them (and does not under
//! `--cfg aes_backend="soft"`): the reference rows. The crate does not take round keys, so these rows expand the
//! raw key on every call.

use super::super::Lane;
use super::whole::{Whole, compose, compose_one};
use super::{CmacLane, Schedule};
use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt, KeyInit, KeyIvInit, StreamCipher},
};

/// A single lane of counter mode.
pub(super) fn ctr_one(lane: &mut Lane<'_, Schedule>) {
    ctr::Ctr128BE::<Aes128>::new(lane.key.key().into(), &lane.iv.into()).apply_keystream(lane.data);
}

/// One lane after the other.
pub(super) fn ctr_many(lanes: &mut [Lane<'_, Schedule>]) {
    lanes.iter_mut().for_each(ctr_one);
}

/// A single lane of CMAC. Whole bytes go through the `cmac` crate; a bit string that ends inside a byte, which
/// that crate does not know, is chained here.
pub(super) fn cmac_one(lane: &mut CmacLane<'_>) {
    use cmac::Mac;
    let bits = lane.covered();
    if !bits.is_multiple_of(8) {
        return cmac_bits(lane);
    }
    let mut mac = cmac::Cmac::<Aes128>::new(lane.key.schedule.key().into());
    if let Some(head) = &lane.head {
        mac.update(head);
    }
    mac.update(&lane.message[..bits / 8]);
    lane.mac = mac.finalize().into_bytes().into();
}

fn cmac_bits(lane: &mut CmacLane<'_>) {
    let cipher = Aes128::new(lane.key.schedule.key().into());
    let encrypt = |block: u128| {
        let mut block = block.to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    };
    let (end, last) = lane.last();
    let mut chain = 0;
    let mut body = &lane.message[..end];
    if let (Some(head), Some((first, rest))) = (lane.head, body.split_first_chunk::<8>()) {
        let high = u128::from(u64::from_be_bytes(head)) << 64;
        chain = encrypt(high | u128::from(u64::from_be_bytes(*first)));
        body = rest;
    }
    for block in body.as_chunks::<16>().0 {
        chain = encrypt(chain ^ u128::from_be_bytes(*block));
    }
    lane.mac = encrypt(chain ^ last).to_be_bytes();
}

/// One lane after the other.
pub(super) fn cmac_many(lanes: &mut [CmacLane<'_>]) {
    lanes.iter_mut().for_each(cmac_one);
}

/// A single whole message.
pub(super) fn message_one<L: Whole>(lane: &mut L) {
    compose_one(lane, ctr_one, cmac_one);
}

/// Whole messages, one algorithm after the other.
pub(super) fn message_many<L: Whole>(lanes: &mut [L]) {
    compose(lanes, ctr_many, cmac_many);
}
