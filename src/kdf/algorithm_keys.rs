//! Keys of the ciphering and integrity algorithms (TS 33.501 A.8).

use super::hmac::{Message, Prepared};
use super::keys::{KAmf, KNasEnc, KNasInt};
use super::message::kdf;
use crate::base::Secret;

const FC_ALGORITHM_KEY: u8 = 0x69;

/// Algorithm type distinguisher (TS 33.501 table A.8-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AlgorithmType {
    /// N-NAS-enc-alg: K_NASenc, from K_AMF.
    NasEnc = 1,
    /// N-NAS-int-alg: K_NASint, from K_AMF.
    NasInt = 2,
    /// N-RRC-enc-alg: K_RRCenc, from K_gNB.
    RrcEnc = 3,
    /// N-RRC-int-alg: K_RRCint, from K_gNB.
    RrcInt = 4,
    /// N-UP-enc-alg: K_UPenc, from K_gNB.
    UpEnc = 5,
    /// N-UP-int-alg: K_UPint, from K_gNB.
    UpInt = 6,
}

/// Algorithm identity, four bits (TS 33.501 5.11.1): the number behind NEA or NIA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlgorithmId(u8);

impl AlgorithmId {
    /// NEA0, NIA0. A key for it can be derived, and nothing uses it.
    pub const NULL: Self = Self(0);
    /// 128-NEA1, 128-NIA1.
    pub const SNOW_3G: Self = Self(1);
    /// 128-NEA2, 128-NIA2.
    pub const AES: Self = Self(2);
    /// 128-NEA3, 128-NIA3.
    pub const ZUC: Self = Self(3);

    /// 0..=15; `None` above.
    #[must_use]
    pub const fn new(id: u8) -> Option<Self> {
        if id < 16 { Some(Self(id)) } else { None }
    }

    /// 0..=15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// S of an algorithm key: two parameters of one octet. It holds no secret and is the same for every UE.
pub(super) const fn algorithm_message(kind: AlgorithmType, id: AlgorithmId) -> [u8; 7] {
    [FC_ALGORITHM_KEY, kind as u8, 0, 1, id.0, 0, 1]
}

type Nas<T> = [[T; 16]; 2];

/// S of K_NASenc and of K_NASint for every algorithm identity.
static NAS: Nas<[u8; 7]> = {
    let mut all = [[[0; 7]; 16]; 2];
    let mut id = 0;
    while id < 16 {
        all[0][id] = algorithm_message(AlgorithmType::NasEnc, AlgorithmId(id as u8));
        all[1][id] = algorithm_message(AlgorithmType::NasInt, AlgorithmId(id as u8));
        id += 1;
    }
    all
};

/// The same, with their SHA-256 schedules: 9 KB, of which a network of one algorithm reads 512 bytes.
static NAS_PREPARED: Nas<Prepared<'static>> = {
    let mut all = [[Prepared::new(&[]); 16]; 2];
    let mut id = 0;
    while id < 16 {
        all[0][id] = Prepared::new(&NAS[0][id]);
        all[1][id] = Prepared::new(&NAS[1][id]);
        id += 1;
    }
    all
};

/// S of K_NASenc and of K_NASint, prepared.
pub(super) fn nas_messages(nea: AlgorithmId, nia: AlgorithmId) -> [Message<'static>; 2] {
    let [enc, int] = &NAS_PREPARED;
    [
        Message::Prepared(&enc[usize::from(nea.0)]),
        Message::Prepared(&int[usize::from(nia.0)]),
    ]
}

/// The key of any 128-bit algorithm: the 128 least significant bits of the output (TS 33.501 A.8). `key` is K_AMF
/// for the NAS types and K_gNB for the RRC and UP types.
#[must_use]
pub fn algorithm_key(key: &[u8; 32], kind: AlgorithmType, id: AlgorithmId) -> Secret<16> {
    let output = kdf(key, algorithm_message(kind, id));
    let mut low = Secret::default();
    low.expose_mut().copy_from_slice(&output.expose()[16..]);
    low
}

/// K_NASenc (TS 33.501 A.8). For both keys of a UE, or of many UEs, see [`super::k_nas_batch`].
#[must_use]
pub fn k_nas_enc(k_amf: &KAmf, nea: AlgorithmId) -> KNasEnc {
    let message = algorithm_message(AlgorithmType::NasEnc, nea);
    KNasEnc::of_output(kdf(k_amf.expose(), message).expose())
}

/// K_NASint (TS 33.501 A.8).
#[must_use]
pub fn k_nas_int(k_amf: &KAmf, nia: AlgorithmId) -> KNasInt {
    let message = algorithm_message(AlgorithmType::NasInt, nia);
    KNasInt::of_output(kdf(k_amf.expose(), message).expose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kdf::derive;

    #[test]
    fn algorithm_id_has_four_bits() {
        for id in 0..=255 {
            assert_eq!(AlgorithmId::new(id).is_some(), id < 16);
        }
        assert_eq!(AlgorithmId::new(3), Some(AlgorithmId::ZUC));
    }

    #[test]
    fn r49_type_and_identity_both_change_the_key() {
        let key = [5; 32];
        let mut seen = std::vec::Vec::new();
        for kind in [
            AlgorithmType::NasEnc,
            AlgorithmType::NasInt,
            AlgorithmType::RrcEnc,
            AlgorithmType::RrcInt,
            AlgorithmType::UpEnc,
            AlgorithmType::UpInt,
        ] {
            for id in 0..16 {
                let low = algorithm_key(&key, kind, AlgorithmId::new(id).unwrap());
                let full = derive(&key, FC_ALGORITHM_KEY, &[&[kind as u8], &[id]]).unwrap();
                assert_eq!(low.expose()[..], full.expose()[16..]);
                assert!(!seen.contains(&low));
                seen.push(low);
            }
        }
    }
}
