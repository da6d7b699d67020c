//! Derivations of many UEs at a time. A single derivation is a batch of one.

use super::access_keys::k_gnb_message;
use super::algorithm_keys::{AlgorithmId, nas_messages};
use super::authentication::{KAmfMessage, k_amf_message};
use super::hmac::{HmacLane, PairLane, many, pairs};
use super::keys::{KAmf, KGnb, KNasEnc, KNasInt, KSeaf};
use super::names::{Abba, Supi};
use crate::base::AccessType;
use arrayvec::ArrayVec;
use core::array;

/// HMAC lanes per pass: twice the widest SHA-256 kernel, so that a pass never leaves half of one idle, in less
/// than 3 KiB of stack.
pub(super) const WIDE: usize = 32;
/// Pairs per pass: eight groups of the widest kernel, which lays out the constants of a pass once, in 4 KiB of
/// stack that hold no secret.
const WIDE_PAIRS: usize = 64;
/// K_AMF lanes per pass: each holds the longest S there is, 515 octets.
const WIDE_K_AMF: usize = 16;

/// K_NASenc and K_NASint of one UE (TS 33.501 A.8).
#[derive(Debug)]
pub struct KNasLane<'a> {
    /// In: K_AMF.
    pub k_amf: &'a KAmf,
    /// In: the ciphering algorithm.
    pub nea: AlgorithmId,
    /// In: the integrity algorithm.
    pub nia: AlgorithmId,
    /// Out: K_NASenc. All zero until [`k_nas_batch`].
    pub k_nas_enc: KNasEnc,
    /// Out: K_NASint. All zero until [`k_nas_batch`].
    pub k_nas_int: KNasInt,
}

impl<'a> KNasLane<'a> {
    /// A lane to be derived.
    #[must_use]
    pub const fn new(k_amf: &'a KAmf, nea: AlgorithmId, nia: AlgorithmId) -> Self {
        Self {
            k_amf,
            nea,
            nia,
            k_nas_enc: KNasEnc::new([0; 16]),
            k_nas_int: KNasInt::new([0; 16]),
        }
    }
}

/// K_AMF of one UE (TS 33.501 A.7).
#[derive(Debug)]
pub struct KAmfLane<'a> {
    /// In: K_SEAF.
    pub k_seaf: &'a KSeaf,
    /// In: the UE's SUPI.
    pub supi: Supi<'a>,
    /// In: ABBA.
    pub abba: Abba<'a>,
    /// Out: K_AMF. All zero until [`k_amf_batch`].
    pub k_amf: KAmf,
}

impl<'a> KAmfLane<'a> {
    /// A lane to be derived.
    #[must_use]
    pub const fn new(k_seaf: &'a KSeaf, supi: Supi<'a>, abba: Abba<'a>) -> Self {
        Self {
            k_seaf,
            supi,
            abba,
            k_amf: KAmf::new([0; 32]),
        }
    }
}

/// K_gNB, or K_N3IWF and siblings, of one UE (TS 33.501 A.9).
#[derive(Debug)]
pub struct KGnbLane<'a> {
    /// In: K_AMF.
    pub k_amf: &'a KAmf,
    /// In: uplink NAS COUNT of the access.
    pub ul_nas_count: u32,
    /// In: the access.
    pub access: AccessType,
    /// Out: K_gNB. All zero until [`k_gnb_batch`].
    pub k_gnb: KGnb,
}

impl<'a> KGnbLane<'a> {
    /// A lane to be derived.
    #[must_use]
    pub const fn new(k_amf: &'a KAmf, ul_nas_count: u32, access: AccessType) -> Self {
        Self {
            k_amf,
            ul_nas_count,
            access,
            k_gnb: KGnb::new([0; 32]),
        }
    }
}

/// Derives K_NASenc and K_NASint of any number of UEs (TS 33.501 A.8).
pub fn k_nas_batch(lanes: &mut [KNasLane<'_>]) {
    if lanes.len() == 1 {
        return k_nas_pass::<1>(lanes);
    }
    for pass in lanes.chunks_mut(WIDE_PAIRS) {
        match pass.len() {
            ..=8 => k_nas_pass::<8>(pass),
            _ => k_nas_pass::<WIDE_PAIRS>(pass),
        }
    }
}

/// Derives K_AMF of any number of UEs (TS 33.501 A.7).
pub fn k_amf_batch(lanes: &mut [KAmfLane<'_>]) {
    passes::<_, WIDE_K_AMF>(lanes);
}

/// Derives K_gNB of any number of UEs (TS 33.501 A.9).
pub fn k_gnb_batch(lanes: &mut [KGnbLane<'_>]) {
    passes::<_, WIDE>(lanes);
}

/// What a pass needs of a lane with one output.
pub(super) trait Lane<'a> {
    type Message: AsRef<[u8]>;
    fn key(&self) -> &'a [u8; 32];
    fn message(&self) -> Self::Message;
    fn put(&mut self, output: &[u8; 32]);
}

impl<'a> Lane<'a> for KAmfLane<'a> {
    type Message = KAmfMessage;

    fn key(&self) -> &'a [u8; 32] {
        self.k_seaf.expose()
    }

    fn message(&self) -> KAmfMessage {
        k_amf_message(self.supi, self.abba)
    }

    fn put(&mut self, output: &[u8; 32]) {
        self.k_amf = KAmf::of_output(output);
    }
}

impl<'a> Lane<'a> for KGnbLane<'a> {
    type Message = [u8; 10];

    fn key(&self) -> &'a [u8; 32] {
        self.k_amf.expose()
    }

    fn message(&self) -> [u8; 10] {
        k_gnb_message(self.ul_nas_count, self.access)
    }

    fn put(&mut self, output: &[u8; 32]) {
        self.k_gnb = KGnb::of_output(output);
    }
}

const IDLE_KEY: &[u8; 32] = &[0; 32];

/// Any number of lanes, `W` to a pass; a small batch does not prepare a large pass, which cost 115 ns.
pub(super) fn passes<'a, L: Lane<'a>, const W: usize>(lanes: &mut [L]) {
    match lanes.len() {
        1 => pass::<_, 1>(lanes),
        ..=8 => pass::<_, 8>(lanes),
        _ => lanes.chunks_mut(W).for_each(pass::<_, W>),
    }
}

/// At most `W` lanes through one call of the kernel.
fn pass<'a, L: Lane<'a>, const W: usize>(lanes: &mut [L]) {
    let messages: [Option<L::Message>; W] = array::from_fn(|i| lanes.get(i).map(L::message));
    let mut hmac: [HmacLane<'_>; W] = array::from_fn(|i| match (lanes.get(i), &messages[i]) {
        (Some(lane), Some(message)) => HmacLane::new(lane.key(), message.as_ref()),
        _ => HmacLane::new(IDLE_KEY, &[]),
    });
    many(&mut hmac[..lanes.len().min(W)]);
    for (lane, hmac) in lanes.iter_mut().zip(&hmac) {
        lane.put(&hmac.out);
    }
}

/// At most `W` UEs; the keys are written where they belong.
fn k_nas_pass<const W: usize>(lanes: &mut [KNasLane<'_>]) {
    let mut pass = ArrayVec::<PairLane<'_>, W>::new();
    for lane in lanes.iter_mut().take(W) {
        pass.push(PairLane {
            key: lane.k_amf.expose(),
            messages: nas_messages(lane.nea, lane.nia),
            out: [lane.k_nas_enc.expose_mut(), lane.k_nas_int.expose_mut()],
        });
    }
    pairs(&mut pass);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kdf::{derive, k_amf, k_gnb, k_nas_enc, k_nas_int};
    use std::vec::Vec;

    /// 1..=33 covers a batch of one, a pass that is not full, a full one and one lane more; 65 two full ones.
    fn counts() -> impl Iterator<Item = usize> {
        (0..=33).chain([48, 64, 65])
    }

    fn keys() -> Vec<[u8; 32]> {
        (0..65_u8)
            .map(|i| array::from_fn(|j| i.wrapping_mul(73) ^ (j as u8).wrapping_mul(5)))
            .collect()
    }

    #[test]
    fn k_nas_batch_equals_single() {
        let keys: Vec<_> = keys().into_iter().map(KAmf::new).collect();
        for count in counts() {
            let id = |i: usize| AlgorithmId::new((i % 16) as u8).unwrap();
            let mut lanes: Vec<_> = (0..count)
                .map(|i| KNasLane::new(&keys[i], id(i), id(i / 3)))
                .collect();
            k_nas_batch(&mut lanes);
            for lane in &lanes {
                assert_eq!(lane.k_nas_enc, k_nas_enc(lane.k_amf, lane.nea));
                assert_eq!(lane.k_nas_int, k_nas_int(lane.k_amf, lane.nia));
            }
        }
    }

    #[test]
    fn k_gnb_batch_equals_single() {
        let keys: Vec<_> = keys().into_iter().map(KAmf::new).collect();
        for count in counts() {
            let mut lanes: Vec<_> = (0..count)
                .map(|i| {
                    let ul_nas_count = (i as u32).wrapping_mul(0x0101_0101).wrapping_sub(1);
                    KGnbLane::new(&keys[i], ul_nas_count, AccessType::ALL[i % 2])
                })
                .collect();
            k_gnb_batch(&mut lanes);
            for lane in &lanes {
                assert_eq!(
                    lane.k_gnb,
                    k_gnb(lane.k_amf, lane.ul_nas_count, lane.access)
                );
                let count = lane.ul_nas_count.to_be_bytes();
                let params: [&[u8]; 2] = [&count, &[lane.access as u8]];
                let expected = derive(lane.k_amf.expose(), 0x6E, &params).unwrap();
                assert_eq!(lane.k_gnb.expose(), expected.expose());
            }
        }
    }

    #[test]
    fn k_amf_batch_equals_single_with_names_of_different_lengths() {
        let keys: Vec<_> = keys().into_iter().map(KSeaf::new).collect();
        let bytes: [u8; 255] = array::from_fn(|i| i as u8);
        for count in counts() {
            let mut lanes: Vec<_> = (0..count)
                .map(|i| {
                    let supi = Supi::raw(&bytes[..1 + (i * 37) % 255]).unwrap();
                    let abba = Abba::new(&bytes[..2 + (i * 59) % 254]).unwrap();
                    KAmfLane::new(&keys[i], supi, abba)
                })
                .collect();
            k_amf_batch(&mut lanes);
            for lane in &lanes {
                assert_eq!(lane.k_amf, k_amf(lane.k_seaf, lane.supi, lane.abba));
            }
        }
    }
}
