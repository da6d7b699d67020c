//! ## Level 0: keys of the access network and of a move
//!
//! TS 33.501 A.9 to A.15 and A.21. Keys have 32 octets; COUNTs are whole NAS COUNTs as 32 bits. Errors as for the
//! other derivations, and BEARER for an access that is neither 1 nor 2.

use engine::base::{AccessType, Error, Result};
use engine::kdf::{self, AsKey, HorizontalDirection, KAmf, KAsme, KGnb, NgRanTarget, Nh};

use crate::guard;
use crate::pointer::{Out, array};
use crate::start;

/// One key in, one key out.
unsafe fn derive(
    from: *const u8,
    out: *mut u8,
    key: impl FnOnce(&[u8; 32], Out<[u8; 32]>) -> Result<()>,
) -> Result<()> {
    start::once()?;
    // SAFETY: the contract in `pointer`.
    let (given, place) = unsafe { (array(from)?, Out::new(out.cast())?) };
    key(given, place.beside(from, 32)?)
}

/// K_gNB for access 1, K_N3IWF, K_TNGF, K_WAGF or K_TWIF for access 2 (A.9). `ul_nas_count` is 2^32 - 1 after a
/// horizontal derivation or a mapping in a handover.
/// cbindgen:ptrs-as-arrays=[[k_amf; 32], [k_gnb; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_gnb(
    k_amf: *const u8,
    ul_nas_count: u32,
    access: u8,
    k_gnb: *mut u8,
) -> i32 {
    guard::call(|| {
        let access = AccessType::from_id(access).ok_or(Error::Bearer)?;
        // SAFETY: the contract in `pointer`.
        unsafe {
            derive(k_amf, k_gnb, |key, out| {
                out.put(kdf::k_gnb(&KAmf::new(*key), ul_nas_count, access).expose());
                Ok(())
            })
        }
    })
}

/// NH (A.10). `sync` is K_gNB for the first NH and the NH before for every other.
/// cbindgen:ptrs-as-arrays=[[k_amf; 32], [sync; 32], [nh; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_nh(k_amf: *const u8, sync: *const u8, nh: *mut u8) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (key, before, out) = unsafe {
            (
                KAmf::new(*array(k_amf)?),
                Nh::new(*array(sync)?),
                Out::new(nh.cast())?,
            )
        };
        let out = out.beside(k_amf, 32)?.beside(sync, 32)?;
        out.put(kdf::nh(&key, AsKey::Nh(&before)).expose());
        Ok(())
    })
}

/// K_NG-RAN* for a gNB (A.11), from the current K_gNB or from NH. `pci` is the physical cell identity, `arfcn_dl`
/// is below 2^24.
/// cbindgen:ptrs-as-arrays=[[key; 32], [k_star; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_ng_ran_star_gnb(
    key: *const u8,
    pci: u16,
    arfcn_dl: u32,
    k_star: *mut u8,
) -> i32 {
    guard::call(|| {
        let target = NgRanTarget::Gnb { pci, arfcn_dl };
        // SAFETY: the contract in `pointer`.
        unsafe { derive(key, k_star, |key, out| star(key, target, out)) }
    })
}

/// K_NG-RAN* for an ng-eNB (A.12). `earfcn_dl` is below 2^24.
/// cbindgen:ptrs-as-arrays=[[key; 32], [k_star; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_ng_ran_star_ng_enb(
    key: *const u8,
    pci: u16,
    earfcn_dl: u32,
    k_star: *mut u8,
) -> i32 {
    guard::call(|| {
        let target = NgRanTarget::NgEnb { pci, earfcn_dl };
        // SAFETY: the contract in `pointer`.
        unsafe { derive(key, k_star, |key, out| star(key, target, out)) }
    })
}

fn star(key: &[u8; 32], target: NgRanTarget, out: Out<[u8; 32]>) -> Result<()> {
    out.put(kdf::k_ng_ran_star(AsKey::KGnb(&KGnb::new(*key)), target)?.expose());
    Ok(())
}

/// K_AMF' by horizontal derivation (A.13). `direction` 0: mobility registration, with the uplink COUNT of that
/// REGISTRATION REQUEST over 3GPP access; 1: handover, with the downlink COUNT of 3GPP access.
///
/// Errors: also DIRECTION.
/// cbindgen:ptrs-as-arrays=[[k_amf; 32], [k_amf_prime; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_amf_prime(
    k_amf: *const u8,
    direction: u8,
    count: u32,
    k_amf_prime: *mut u8,
) -> i32 {
    guard::call(|| {
        let direction = match direction {
            0 => HorizontalDirection::Mobility,
            1 => HorizontalDirection::Handover,
            _ => return Err(Error::Direction),
        };
        // SAFETY: the contract in `pointer`.
        unsafe {
            derive(k_amf, k_amf_prime, |key, out| {
                out.put(kdf::k_amf_prime(&KAmf::new(*key), direction, count).expose());
                Ok(())
            })
        }
    })
}

/// K_ASME' for a move to EPS in idle mode (A.14.1).
/// cbindgen:ptrs-as-arrays=[[k_amf; 32], [k_asme; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_asme_idle(
    k_amf: *const u8,
    ul_nas_count: u32,
    k_asme: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        unsafe {
            derive(k_amf, k_asme, |key, out| {
                out.put(kdf::k_asme_idle(&KAmf::new(*key), ul_nas_count).expose());
                Ok(())
            })
        }
    })
}

/// K_ASME' for a handover to EPS (A.14.2). The source counts `dl_nas_count` as used.
/// cbindgen:ptrs-as-arrays=[[k_amf; 32], [k_asme; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_asme_handover(
    k_amf: *const u8,
    dl_nas_count: u32,
    k_asme: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        unsafe {
            derive(k_amf, k_asme, |key, out| {
                out.put(kdf::k_asme_handover(&KAmf::new(*key), dl_nas_count).expose());
                Ok(())
            })
        }
    })
}

/// K_ASME_SRVCC (A.21).
/// cbindgen:ptrs-as-arrays=[[k_amf; 32], [k_asme; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_asme_srvcc(
    k_amf: *const u8,
    dl_nas_count: u32,
    k_asme: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        unsafe {
            derive(k_amf, k_asme, |key, out| {
                out.put(kdf::k_asme_srvcc(&KAmf::new(*key), dl_nas_count).expose());
                Ok(())
            })
        }
    })
}

/// K_AMF' mapped from EPS in idle mode (A.15.1), with the EPS uplink COUNT of the TRACKING AREA UPDATE REQUEST.
/// cbindgen:ptrs-as-arrays=[[k_asme; 32], [k_amf; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_amf_from_eps_idle(
    k_asme: *const u8,
    eps_ul_nas_count: u32,
    k_amf: *mut u8,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        unsafe {
            derive(k_asme, k_amf, |key, out| {
                out.put(kdf::k_amf_from_eps_idle(&KAsme::new(*key), eps_ul_nas_count).expose());
                Ok(())
            })
        }
    })
}

/// K_AMF' mapped from EPS in a handover (A.15.2).
/// cbindgen:ptrs-as-arrays=[[k_asme; 32], [nh; 32], [k_amf; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_amf_from_eps_handover(
    k_asme: *const u8,
    nh: *const u8,
    k_amf: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (key, hop, out) = unsafe {
            (
                KAsme::new(*array(k_asme)?),
                Nh::new(*array(nh)?),
                Out::new(k_amf.cast())?,
            )
        };
        let out = out.beside(k_asme, 32)?.beside(nh, 32)?;
        out.put(kdf::k_amf_from_eps_handover(&key, &hop).expose());
        Ok(())
    })
}
