//! Derivations of many UEs at a time when an AMF moves many: NH of handovers (TS 33.501 A.10), K_AMF' (A.13), and the
//! mappings to and from EPS (A.14, A.15). A single derivation is a batch of one.

use super::access_keys::{AsKey, NhMessage, nh_message};
use super::batch::{Lane, WIDE, passes};
use super::keys::{KAmf, KAsme, Nh};
use super::mobility::{
    HorizontalDirection, k_amf_from_eps_handover_message, k_amf_from_eps_idle_message,
    k_amf_prime_message, k_asme_handover_message, k_asme_idle_message,
};

/// NH of one UE (TS 33.501 A.10).
#[derive(Debug)]
pub struct NhLane<'a> {
    /// In: K_AMF.
    pub k_amf: &'a KAmf,
    /// In: K_gNB for the first NH, the previous NH for every other.
    pub sync: AsKey<'a>,
    /// Out: NH. All zero until [`nh_batch`].
    pub nh: Nh,
}

impl<'a> NhLane<'a> {
    /// A lane to be derived.
    #[must_use]
    pub const fn new(k_amf: &'a KAmf, sync: AsKey<'a>) -> Self {
        let nh = Nh::new([0; 32]);
        Self { k_amf, sync, nh }
    }
}

/// K_AMF' of one UE (TS 33.501 A.13).
#[derive(Debug)]
pub struct KAmfPrimeLane<'a> {
    /// In: K_AMF.
    pub k_amf: &'a KAmf,
    /// In: the occasion.
    pub direction: HorizontalDirection,
    /// In: the whole NAS COUNT that counts on this occasion.
    pub count: u32,
    /// Out: K_AMF'. All zero until [`k_amf_prime_batch`].
    pub k_amf_prime: KAmf,
}

impl<'a> KAmfPrimeLane<'a> {
    /// A lane to be derived.
    #[must_use]
    pub const fn new(k_amf: &'a KAmf, direction: HorizontalDirection, count: u32) -> Self {
        Self {
            k_amf,
            direction,
            count,
            k_amf_prime: KAmf::new([0; 32]),
        }
    }
}

/// How a UE leaves for EPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToEps {
    /// In idle mode, under this uplink NAS COUNT (TS 33.501 A.14.1).
    Idle(u32),
    /// By handover, under this downlink NAS COUNT, which the source then counts as used (TS 33.501 A.14.2).
    Handover(u32),
}

/// K_ASME' of one UE (TS 33.501 A.14).
#[derive(Debug)]
pub struct KAsmeLane<'a> {
    /// In: K_AMF.
    pub k_amf: &'a KAmf,
    /// In: how it leaves.
    pub to_eps: ToEps,
    /// Out: K_ASME'. All zero until [`k_asme_batch`].
    pub k_asme: KAsme,
}

impl<'a> KAsmeLane<'a> {
    /// A lane to be derived.
    #[must_use]
    pub const fn new(k_amf: &'a KAmf, to_eps: ToEps) -> Self {
        Self {
            k_amf,
            to_eps,
            k_asme: KAsme::new([0; 32]),
        }
    }
}

/// How a UE comes from EPS.
#[derive(Clone, Copy, Debug)]
pub enum FromEps<'a> {
    /// In idle mode: the EPS uplink NAS COUNT of the TRACKING AREA UPDATE REQUEST in the container (TS 33.501 A.15.1).
    Idle(u32),
    /// By handover (TS 33.501 A.15.2).
    Handover(&'a Nh),
}

/// K_AMF' of a mapped context of one UE (TS 33.501 A.15).
#[derive(Debug)]
pub struct KAmfFromEpsLane<'a> {
    /// In: K_ASME.
    pub k_asme: &'a KAsme,
    /// In: how it comes.
    pub from_eps: FromEps<'a>,
    /// Out: K_AMF'. All zero until [`k_amf_from_eps_batch`].
    pub k_amf: KAmf,
}

impl<'a> KAmfFromEpsLane<'a> {
    /// A lane to be derived.
    #[must_use]
    pub const fn new(k_asme: &'a KAsme, from_eps: FromEps<'a>) -> Self {
        Self {
            k_asme,
            from_eps,
            k_amf: KAmf::new([0; 32]),
        }
    }
}

/// Derives NH of any number of UEs (TS 33.501 A.10).
pub fn nh_batch(lanes: &mut [NhLane<'_>]) {
    passes::<_, WIDE>(lanes);
}

/// Derives K_AMF' of any number of UEs (TS 33.501 A.13).
pub fn k_amf_prime_batch(lanes: &mut [KAmfPrimeLane<'_>]) {
    passes::<_, WIDE>(lanes);
}

/// Derives K_ASME' of any number of UEs (TS 33.501 A.14).
pub fn k_asme_batch(lanes: &mut [KAsmeLane<'_>]) {
    passes::<_, WIDE>(lanes);
}

/// Derives K_AMF' of mapped contexts of any number of UEs (TS 33.501 A.15).
pub fn k_amf_from_eps_batch(lanes: &mut [KAmfFromEpsLane<'_>]) {
    passes::<_, WIDE>(lanes);
}

impl<'a> Lane<'a> for NhLane<'a> {
    type Message = NhMessage;

    fn key(&self) -> &'a [u8; 32] {
        self.k_amf.expose()
    }

    fn message(&self) -> NhMessage {
        nh_message(self.sync)
    }

    fn put(&mut self, output: &[u8; 32]) {
        self.nh = Nh::of_output(output);
    }
}

impl<'a> Lane<'a> for KAmfPrimeLane<'a> {
    type Message = [u8; 10];

    fn key(&self) -> &'a [u8; 32] {
        self.k_amf.expose()
    }

    fn message(&self) -> [u8; 10] {
        k_amf_prime_message(self.direction, self.count)
    }

    fn put(&mut self, output: &[u8; 32]) {
        self.k_amf_prime = KAmf::of_output(output);
    }
}

impl<'a> Lane<'a> for KAsmeLane<'a> {
    type Message = [u8; 7];

    fn key(&self) -> &'a [u8; 32] {
        self.k_amf.expose()
    }

    fn message(&self) -> [u8; 7] {
        match self.to_eps {
            ToEps::Idle(count) => k_asme_idle_message(count),
            ToEps::Handover(count) => k_asme_handover_message(count),
        }
    }

    fn put(&mut self, output: &[u8; 32]) {
        self.k_asme = KAsme::of_output(output);
    }
}

impl<'a> Lane<'a> for KAmfFromEpsLane<'a> {
    type Message = NhMessage;

    fn key(&self) -> &'a [u8; 32] {
        self.k_asme.expose()
    }

    fn message(&self) -> NhMessage {
        match self.from_eps {
            FromEps::Idle(count) => k_amf_from_eps_idle_message(count),
            FromEps::Handover(nh) => k_amf_from_eps_handover_message(nh),
        }
    }

    fn put(&mut self, output: &[u8; 32]) {
        self.k_amf = KAmf::of_output(output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kdf::{
        KGnb, derive, k_amf_from_eps_handover, k_amf_from_eps_idle, k_amf_prime, k_asme_handover,
        k_asme_idle, nh,
    };
    use core::array;
    use std::vec::Vec;

    fn key(i: usize) -> [u8; 32] {
        array::from_fn(|j| (i as u8).wrapping_mul(73) ^ (j as u8).wrapping_mul(5))
    }

    fn count(i: usize) -> u32 {
        (i as u32).wrapping_mul(0x0101_0101).wrapping_sub(1)
    }

    /// Every number of lanes up to two full passes and some, each lane against its single derivation and against the
    /// string of TS 33.220 B.2 put together here.
    #[test]
    fn batches_equal_single_derivations() {
        let k_amf: Vec<_> = (0..70).map(|i| KAmf::new(key(i))).collect();
        let k_asme: Vec<_> = (0..70).map(|i| KAsme::new(key(i + 70))).collect();
        let k_gnb: Vec<_> = (0..70).map(|i| KGnb::new(key(i + 140))).collect();
        let old: Vec<_> = (0..70).map(|i| Nh::new(key(i + 210))).collect();
        for lanes in 0..=70 {
            let sync = |i: usize| match i % 2 {
                0 => AsKey::KGnb(&k_gnb[i]),
                _ => AsKey::Nh(&old[i]),
            };
            let mut all: Vec<_> = (0..lanes)
                .map(|i| NhLane::new(&k_amf[i], sync(i)))
                .collect();
            nh_batch(&mut all);
            for lane in &all {
                assert_eq!(lane.nh, nh(lane.k_amf, lane.sync));
                let s = derive(lane.k_amf.expose(), 0x6F, &[lane.sync.expose()]).unwrap();
                assert_eq!(lane.nh.expose(), s.expose());
            }
            let direction = |i: usize| match i % 3 {
                0 => HorizontalDirection::Mobility,
                _ => HorizontalDirection::Handover,
            };
            let lane = |i: usize| KAmfPrimeLane::new(&k_amf[i], direction(i), count(i));
            let mut all: Vec<_> = (0..lanes).map(lane).collect();
            k_amf_prime_batch(&mut all);
            for lane in &all {
                let single = k_amf_prime(lane.k_amf, lane.direction, lane.count);
                assert_eq!(lane.k_amf_prime, single);
                let params: [&[u8]; 2] = [&[lane.direction as u8], &lane.count.to_be_bytes()];
                let s = derive(lane.k_amf.expose(), 0x72, &params).unwrap();
                assert_eq!(lane.k_amf_prime.expose(), s.expose());
            }
            let to_eps = |i: usize| match i % 2 {
                0 => ToEps::Idle(count(i)),
                _ => ToEps::Handover(count(i)),
            };
            let mut all: Vec<_> = (0..lanes)
                .map(|i| KAsmeLane::new(&k_amf[i], to_eps(i)))
                .collect();
            k_asme_batch(&mut all);
            for lane in &all {
                let (single, fc, count) = match lane.to_eps {
                    ToEps::Idle(count) => (k_asme_idle(lane.k_amf, count), 0x73, count),
                    ToEps::Handover(count) => (k_asme_handover(lane.k_amf, count), 0x74, count),
                };
                assert_eq!(lane.k_asme, single);
                let s = derive(lane.k_amf.expose(), fc, &[&count.to_be_bytes()]).unwrap();
                assert_eq!(lane.k_asme.expose(), s.expose());
            }
            let from_eps = |i: usize| match i % 2 {
                0 => FromEps::Idle(count(i)),
                _ => FromEps::Handover(&old[i]),
            };
            let lane = |i: usize| KAmfFromEpsLane::new(&k_asme[i], from_eps(i));
            let mut all: Vec<_> = (0..lanes).map(lane).collect();
            k_amf_from_eps_batch(&mut all);
            for lane in &all {
                let key = lane.k_asme.expose();
                let (single, s) = match lane.from_eps {
                    FromEps::Idle(count) => (
                        k_amf_from_eps_idle(lane.k_asme, count),
                        derive(key, 0x75, &[&count.to_be_bytes()]).unwrap(),
                    ),
                    FromEps::Handover(nh) => (
                        k_amf_from_eps_handover(lane.k_asme, nh),
                        derive(key, 0x76, &[nh.expose()]).unwrap(),
                    ),
                };
                assert_eq!(lane.k_amf, single);
                assert_eq!(lane.k_amf.expose(), s.expose());
            }
        }
    }
}
