//! Keys of a move: to another AMF (TS 33.501 A.13), to and from EPS (A.14, A.15), to UTRAN voice (A.21).

use super::access_keys::NhMessage;
use super::keys::{KAmf, KAsme, Nh};
use super::message::{Message, kdf};

const FC_K_AMF_PRIME: u8 = 0x72;
const FC_K_ASME_IDLE: u8 = 0x73;
const FC_K_ASME_HANDOVER: u8 = 0x74;
const FC_K_AMF_FROM_EPS_IDLE: u8 = 0x75;
const FC_K_AMF_FROM_EPS_HANDOVER: u8 = 0x76;
const FC_K_ASME_SRVCC: u8 = 0x7D;

/// DIRECTION of a horizontal derivation (TS 33.501 A.13): the occasion, and with it which COUNT counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HorizontalDirection {
    /// Mobility registration in idle mode: the uplink COUNT of that REGISTRATION REQUEST over 3GPP access.
    Mobility = 0,
    /// Handover: the downlink COUNT of 3GPP access.
    Handover = 1,
}

/// K_AMF' by horizontal derivation (TS 33.501 A.13); `count` is the whole NAS COUNT as 32 bits.
#[must_use]
pub fn k_amf_prime(k_amf: &KAmf, direction: HorizontalDirection, count: u32) -> KAmf {
    KAmf::of_output(kdf(k_amf.expose(), k_amf_prime_message(direction, count)).expose())
}

/// S of K_AMF'.
pub(super) const fn k_amf_prime_message(direction: HorizontalDirection, count: u32) -> [u8; 10] {
    let [a, b, c, d] = count.to_be_bytes();
    [FC_K_AMF_PRIME, direction as u8, 0, 1, a, b, c, d, 0, 4]
}

/// K_ASME' for a move from 5GS to EPS in idle mode (TS 33.501 A.14.1).
#[must_use]
pub fn k_asme_idle(k_amf: &KAmf, ul_nas_count: u32) -> KAsme {
    KAsme::of_output(kdf(k_amf.expose(), k_asme_idle_message(ul_nas_count)).expose())
}

pub(super) const fn k_asme_idle_message(ul_nas_count: u32) -> [u8; 7] {
    of_count(FC_K_ASME_IDLE, ul_nas_count)
}

/// K_ASME' for a handover from 5GS to EPS (TS 33.501 A.14.2). The source then counts `dl_nas_count` as used.
#[must_use]
pub fn k_asme_handover(k_amf: &KAmf, dl_nas_count: u32) -> KAsme {
    KAsme::of_output(kdf(k_amf.expose(), k_asme_handover_message(dl_nas_count)).expose())
}

pub(super) const fn k_asme_handover_message(dl_nas_count: u32) -> [u8; 7] {
    of_count(FC_K_ASME_HANDOVER, dl_nas_count)
}

/// K_AMF' of a mapped context after a move from EPS in idle mode (TS 33.501 A.15.1); the COUNT is the EPS uplink
/// one of the TRACKING AREA UPDATE REQUEST in the container.
#[must_use]
pub fn k_amf_from_eps_idle(k_asme: &KAsme, eps_ul_nas_count: u32) -> KAmf {
    let message = k_amf_from_eps_idle_message(eps_ul_nas_count);
    KAmf::of_output(kdf(k_asme.expose(), message).expose())
}

/// As long as that of a handover may be, so that both are of one type.
pub(super) fn k_amf_from_eps_idle_message(eps_ul_nas_count: u32) -> NhMessage {
    Message::new(FC_K_AMF_FROM_EPS_IDLE).param(&eps_ul_nas_count.to_be_bytes())
}

/// K_AMF' of a mapped context in a handover from EPS (TS 33.501 A.15.2).
#[must_use]
pub fn k_amf_from_eps_handover(k_asme: &KAsme, nh: &Nh) -> KAmf {
    let message = k_amf_from_eps_handover_message(nh);
    KAmf::of_output(kdf(k_asme.expose(), message).expose())
}

pub(super) fn k_amf_from_eps_handover_message(nh: &Nh) -> NhMessage {
    Message::new(FC_K_AMF_FROM_EPS_HANDOVER).param(nh.expose())
}

/// K_ASME_SRVCC (TS 33.501 A.21).
#[must_use]
pub fn k_asme_srvcc(k_amf: &KAmf, dl_nas_count: u32) -> KAsme {
    KAsme::of_output(kdf(k_amf.expose(), of_count(FC_K_ASME_SRVCC, dl_nas_count)).expose())
}

/// S with a COUNT as its only parameter.
const fn of_count(fc: u8, count: u32) -> [u8; 7] {
    let [a, b, c, d] = count.to_be_bytes();
    [fc, a, b, c, d, 0, 4]
}
