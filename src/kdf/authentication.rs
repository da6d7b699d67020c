//! From the authentication vector down to K_AMF (TS 33.501 A.2 to A.7).

use super::batch::{KAmfLane, WIDE, k_amf_batch};
use super::hmac::{ShortLane, digests};
use super::keys::{CkIk, HresStar, KAmf, KAusf, KSeaf, ResStar};
use super::message::{Message, kdf};
use super::names::{Abba, ServingNetworkName, Supi};
use crate::base::{Error, Result};
use arrayvec::ArrayVec;
use zeroize::Zeroize;

const FC_CK_IK_PRIME: u8 = 0x20;
const FC_K_AUSF: u8 = 0x6A;
const FC_RES_STAR: u8 = 0x6B;
const FC_K_SEAF: u8 = 0x6C;
const FC_K_AMF: u8 = 0x6D;

const SNN: usize = ServingNetworkName::SNPN_LEN + 2;

/// K_AUSF of 5G AKA (TS 33.501 A.2); `sqn_xor_ak` is SQN xor AK, the first six octets of AUTN.
#[must_use]
pub fn k_ausf(ck_ik: &CkIk, snn: &ServingNetworkName, sqn_xor_ak: &[u8; 6]) -> KAusf {
    let message = Message::<{ 1 + SNN + 8 }>::new(FC_K_AUSF)
        .param(snn.as_bytes())
        .param(sqn_xor_ak);
    KAusf::of_output(kdf(ck_ik.expose(), message).expose())
}

/// K_AUSF of EAP-AKA': the first 256 bits of EMSK (TS 33.501 6.1.3.1).
#[must_use]
pub fn k_ausf_from_emsk(emsk: &[u8; 64]) -> KAusf {
    let (first, _) = emsk.split_at(32);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(first);
    let key = KAusf::new(bytes);
    bytes.zeroize();
    key
}

/// CK' || IK' of EAP-AKA' (TS 33.501 A.3, TS 33.402 A.2), with the serving network name as access network
/// identity.
#[must_use]
pub fn ck_ik_prime(ck_ik: &CkIk, snn: &ServingNetworkName, sqn_xor_ak: &[u8; 6]) -> CkIk {
    let message = Message::<{ 1 + SNN + 8 }>::new(FC_CK_IK_PRIME)
        .param(snn.as_bytes())
        .param(sqn_xor_ak);
    CkIk::of_output(kdf(ck_ik.expose(), message).expose())
}

/// RES* or XRES* (TS 33.501 A.4): the 128 least significant bits. `res` has 4 to 16 octets.
///
/// # Errors
/// [`Error::Argument`] for a RES of another length.
pub fn res_star(
    ck_ik: &CkIk,
    snn: &ServingNetworkName,
    rand: &[u8; 16],
    res: &[u8],
) -> Result<ResStar> {
    if !(4..=16).contains(&res.len()) {
        return Err(Error::Argument);
    }
    let message = Message::<{ 1 + SNN + 18 + 18 }>::new(FC_RES_STAR)
        .param(snn.as_bytes())
        .param(rand)
        .param(res);
    Ok(ResStar::of_output(kdf(ck_ik.expose(), message).expose()))
}

/// HRES* or HXRES* (TS 33.501 A.5): the 128 least significant bits of SHA-256(RAND || RES*), without FC and
/// lengths.
/// For many UEs see [`hres_star_batch`], of which this is a batch of one.
#[must_use]
pub fn hres_star(rand: &[u8; 16], res_star: &ResStar) -> HresStar {
    let mut lane = HresStarLane::new(rand, res_star);
    hres_star_batch(core::slice::from_mut(&mut lane));
    lane.hres_star
}

/// HRES* or HXRES* of one UE (TS 33.501 A.5).
#[derive(Debug)]
pub struct HresStarLane<'a> {
    /// In: RAND.
    pub rand: &'a [u8; 16],
    /// In: RES* or XRES*.
    pub res_star: &'a ResStar,
    /// Out: HRES* or HXRES*. All zero until [`hres_star_batch`].
    pub hres_star: HresStar,
}

impl<'a> HresStarLane<'a> {
    /// A lane to be computed.
    #[must_use]
    pub const fn new(rand: &'a [u8; 16], res_star: &'a ResStar) -> Self {
        Self {
            rand,
            res_star,
            hres_star: HresStar::new([0; 16]),
        }
    }

    fn short(&self) -> ShortLane<'a> {
        ShortLane::new([self.rand, self.res_star.expose()])
    }
}

/// Computes HRES* or HXRES* of any number of UEs (TS 33.501 A.5).
pub fn hres_star_batch(lanes: &mut [HresStarLane<'_>]) {
    for pass in lanes.chunks_mut(WIDE) {
        let mut digested: ArrayVec<ShortLane<'_>, WIDE> =
            pass.iter().map(HresStarLane::short).collect();
        digests(&mut digested);
        for (lane, digested) in pass.iter_mut().zip(&digested) {
            lane.hres_star = HresStar::of_output(&digested.out);
        }
    }
}

/// K_SEAF (TS 33.501 A.6).
#[must_use]
pub fn k_seaf(k_ausf: &KAusf, snn: &ServingNetworkName) -> KSeaf {
    let message = Message::<{ 1 + SNN }>::new(FC_K_SEAF).param(snn.as_bytes());
    KSeaf::of_output(kdf(k_ausf.expose(), message).expose())
}

/// K_AMF (TS 33.501 A.7). For many UEs see [`k_amf_batch`], of which this is a batch of one.
#[must_use]
pub fn k_amf(k_seaf: &KSeaf, supi: Supi<'_>, abba: Abba<'_>) -> KAmf {
    let mut lane = KAmfLane::new(k_seaf, supi, abba);
    k_amf_batch(core::slice::from_mut(&mut lane));
    lane.k_amf
}

/// S of K_AMF.
pub(super) type KAmfMessage = Message<{ 1 + (Supi::MAX_LEN + 2) + (Abba::MAX_LEN + 2) }>;

pub(super) fn k_amf_message(supi: Supi<'_>, abba: Abba<'_>) -> KAmfMessage {
    Message::new(FC_K_AMF)
        .param(supi.as_bytes())
        .param(abba.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kdf::derive;
    use crate::kernel::sha256::sha256;

    #[test]
    fn k_amf_takes_the_longest_names_and_passes_every_length_through() {
        let k_seaf = KSeaf::new([3; 32]);
        let bytes: [u8; 255] = core::array::from_fn(|i| i as u8);
        for supi_len in [1, 5, 15, 253, 255] {
            for abba_len in [2, 3, 254, 255] {
                let (supi, abba) = (&bytes[..supi_len], &bytes[..abba_len]);
                let key = k_amf(&k_seaf, Supi::raw(supi).unwrap(), Abba::new(abba).unwrap());
                let expected = derive(k_seaf.expose(), FC_K_AMF, &[supi, abba]).unwrap();
                assert_eq!(key.expose(), expected.expose());
            }
        }
    }

    #[test]
    fn batches_of_hres_star_equal_sha256() {
        let rands: [[u8; 16]; 70] = core::array::from_fn(|i| [i as u8; 16]);
        let stars: [ResStar; 70] = core::array::from_fn(|i| {
            ResStar::new(core::array::from_fn(|j| (i as u8) << 1 ^ j as u8))
        });
        for count in 0..=70 {
            let pairs = rands.iter().zip(&stars).take(count);
            let mut lanes: std::vec::Vec<_> = pairs
                .map(|(rand, star)| HresStarLane::new(rand, star))
                .collect();
            hres_star_batch(&mut lanes);
            for lane in &lanes {
                let digest = sha256(&[lane.rand, lane.res_star.expose()]);
                assert_eq!(lane.hres_star.expose(), &digest[16..]);
                assert_eq!(lane.hres_star, hres_star(lane.rand, lane.res_star));
            }
        }
    }

    #[test]
    fn res_has_4_to_16_octets() {
        let ck_ik = CkIk::new([1; 32]);
        let snn = ServingNetworkName::snpn("999", "70", "000007ED9D5").unwrap();
        let res = [9_u8; 17];
        for len in 0..=17 {
            let star = res_star(&ck_ik, &snn, &[2; 16], &res[..len]);
            assert_eq!(star.is_ok(), (4..=16).contains(&len), "{len}");
        }
    }
}
