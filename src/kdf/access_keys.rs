//! Keys for the access network: K_gNB and its siblings, NH, K_NG-RAN* (TS 33.501 A.9 to A.12).

use super::batch::{KGnbLane, k_gnb_batch};
use super::keys::{KAmf, KGnb, Nh};
use super::message::{Message, kdf};
use crate::base::{AccessType, Error, Result};

const FC_K_GNB: u8 = 0x6E;
const FC_NH: u8 = 0x6F;
const FC_K_NG_RAN_STAR_GNB: u8 = 0x70;
const FC_K_NG_RAN_STAR_NG_ENB: u8 = 0x71;

/// K_gNB for 3GPP access, K_N3IWF, K_WAGF, K_TNGF or K_TWIF for non-3GPP access (TS 33.501 A.9).
/// `ul_nas_count` is the whole uplink NAS COUNT of that access as 32 bits: 2^32 - 1 after a horizontal
/// derivation or a mapping in a handover, 0 for devices without NAS.
#[must_use]
pub fn k_gnb(k_amf: &KAmf, ul_nas_count: u32, access: AccessType) -> KGnb {
    let mut lane = KGnbLane::new(k_amf, ul_nas_count, access);
    k_gnb_batch(core::slice::from_mut(&mut lane));
    lane.k_gnb
}

/// S of K_gNB: a parameter of four octets and one of one octet.
pub(super) fn k_gnb_message(ul_nas_count: u32, access: AccessType) -> [u8; 10] {
    let [a, b, c, d] = ul_nas_count.to_be_bytes();
    [FC_K_GNB, a, b, c, d, 0, 4, access as u8, 0, 1]
}

/// The key an access network key chain goes on from: K_gNB at its start, NH after.
#[derive(Clone, Copy, Debug)]
pub enum AsKey<'a> {
    /// The K_gNB of the initial context, associated with NCC 0; or the current K_gNB in a horizontal step.
    KGnb(&'a KGnb),
    /// The NH before, or the fresh NH in a vertical step.
    Nh(&'a Nh),
}

impl<'a> AsKey<'a> {
    pub(super) const fn expose(self) -> &'a [u8; 32] {
        match self {
            Self::KGnb(key) => key.expose(),
            Self::Nh(key) => key.expose(),
        }
    }
}

/// NH (TS 33.501 A.10); `sync` is K_gNB for the first NH and the previous NH for every other. To keep NH and NCC
/// together use [`super::NhChain`].
#[must_use]
pub fn nh(k_amf: &KAmf, sync: AsKey<'_>) -> Nh {
    Nh::of_output(kdf(k_amf.expose(), nh_message(sync)).expose())
}

/// S with a key as its only parameter.
pub(super) type NhMessage = Message<35>;

/// S of NH.
pub(super) fn nh_message(sync: AsKey<'_>) -> NhMessage {
    Message::new(FC_NH).param(sync.expose())
}

/// The cell that a K_NG-RAN* is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NgRanTarget {
    /// A gNB: physical cell identity and ARFCN-DL, 24 bits (TS 33.501 A.11).
    Gnb {
        /// Physical cell identity.
        pci: u16,
        /// Absolute frequency of SSB, below 2^24.
        arfcn_dl: u32,
    },
    /// An ng-eNB: physical cell identity and EARFCN-DL, 24 bits (TS 33.501 A.12).
    NgEnb {
        /// Physical cell identity.
        pci: u16,
        /// Downlink frequency of the cell, below 2^24.
        earfcn_dl: u32,
    },
}

/// K_NG-RAN* (TS 33.501 A.11, A.12), from the current K_gNB (horizontal) or from NH (vertical).
///
/// # Errors
/// [`Error::Argument`] for a frequency number of more than 24 bits.
pub fn k_ng_ran_star(source: AsKey<'_>, target: NgRanTarget) -> Result<KGnb> {
    let (fc, pci, frequency) = match target {
        NgRanTarget::Gnb { pci, arfcn_dl } => (FC_K_NG_RAN_STAR_GNB, pci, arfcn_dl),
        NgRanTarget::NgEnb { pci, earfcn_dl } => (FC_K_NG_RAN_STAR_NG_ENB, pci, earfcn_dl),
    };
    let [0, high, middle, low] = frequency.to_be_bytes() else {
        return Err(Error::Argument);
    };
    let message = Message::<10>::new(fc)
        .param(&pci.to_be_bytes())
        .param(&[high, middle, low]);
    Ok(KGnb::of_output(kdf(source.expose(), message).expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kdf::derive;

    #[test]
    fn k_ng_ran_star_parameters() {
        let nh = Nh::new([4; 32]);
        let k_gnb = KGnb::new([4; 32]);
        let gnb = |arfcn_dl| NgRanTarget::Gnb {
            pci: 0x03EF,
            arfcn_dl,
        };
        let expected = derive(nh.expose(), 0x70, &[&[3, 0xEF], &[0x09, 0xFB, 0x21]]).unwrap();
        let star = k_ng_ran_star(AsKey::Nh(&nh), gnb(0x09_FB21)).unwrap();
        assert_eq!(star.expose(), expected.expose());
        assert_eq!(
            k_ng_ran_star(AsKey::KGnb(&k_gnb), gnb(0x09_FB21)),
            Ok(star.clone())
        );
        let ng_enb = NgRanTarget::NgEnb {
            pci: 0x03EF,
            earfcn_dl: 0x09_FB21,
        };
        let expected = derive(nh.expose(), 0x71, &[&[3, 0xEF], &[0x09, 0xFB, 0x21]]).unwrap();
        let eps_star = k_ng_ran_star(AsKey::Nh(&nh), ng_enb).unwrap();
        assert_eq!(eps_star.expose(), expected.expose());
        assert!(k_ng_ran_star(AsKey::Nh(&nh), gnb(0xFF_FFFF)).is_ok());
        assert_eq!(
            k_ng_ran_star(AsKey::Nh(&nh), gnb(0x0100_0000)),
            Err(Error::Argument)
        );
    }
}
