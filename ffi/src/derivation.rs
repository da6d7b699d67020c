//! ## Level 0: the key derivations
//!
//! TS 33.501 Annex A, one function per key, named after the key. Keys have 32 octets where nothing else is said.
//! An output may be one of the inputs. Texts are NUL-terminated ASCII. The caller wipes what it no longer needs.
//!
//! Errors of all of them: NULL, OVERLAP (the output cuts an input), TOO_LONG, SELF_TEST, and ARGUMENT for a text or
//! number outside its domain.

use std::ffi::c_char;

use engine::base::{Error, Result};
use engine::kdf::{
    self, Abba, AlgorithmId, CkIk, KAmf, KAusf, KSeaf, ResStar, ServingNetworkName, Supi,
};

use crate::guard;
use crate::pointer::{Out, array, octets, text};
use crate::start;

/// Octets of the longest serving network name, with its NUL.
pub const NASLANE_SNN_SIZE: usize = 45;

/// Octets that are looked at for the NUL of a text.
const TEXT_MAX: usize = 4 + Supi::MAX_LEN;

/// A serving network name, read from its text.
unsafe fn snn(name: *const c_char) -> Result<ServingNetworkName> {
    // SAFETY: the contract in `pointer`.
    ServingNetworkName::from_text(unsafe { text(name, TEXT_MAX) }?)
}

/// CK and IK as one.
unsafe fn ck_ik(ck: *const u8, ik: *const u8) -> Result<CkIk> {
    // SAFETY: the contract in `pointer`.
    unsafe { Ok(CkIk::join(array(ck)?, array(ik)?)) }
}

/// Writes the serving network name of a PLMN or, with `nid`, of an SNPN (TS 24.501 9.12.1), with a NUL.
///
/// `mcc` has three digits, `mnc` two or three, `nid` is NULL or 11 hexadecimal digits, kept in their case:
/// `5G:mnc001.mcc001.3gppnetwork.org`.
/// cbindgen:ptrs-as-arrays=[[snn; 45]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_serving_network_name(
    mcc: *const c_char,
    mnc: *const c_char,
    nid: *const c_char,
    snn: *mut c_char,
) -> i32 {
    guard::call(|| {
        // SAFETY: the contract in `pointer`.
        let (mcc, mnc, out) = unsafe {
            (
                text(mcc, TEXT_MAX)?,
                text(mnc, TEXT_MAX)?,
                Out::<[u8; NASLANE_SNN_SIZE]>::new(snn.cast())?,
            )
        };
        let name = if nid.is_null() {
            ServingNetworkName::plmn(mcc, mnc)?
        } else {
            // SAFETY: as above.
            ServingNetworkName::snpn(mcc, mnc, unsafe { text(nid, TEXT_MAX) }?)?
        };
        let mut written = [0; NASLANE_SNN_SIZE];
        let place = written
            .get_mut(..name.as_bytes().len())
            .ok_or(Error::TooLong)?;
        place.copy_from_slice(name.as_bytes());
        out.put(&written);
        Ok(())
    })
}

/// K_AUSF of 5G AKA (A.2). `sqn_xor_ak` is the first six octets of AUTN.
/// cbindgen:ptrs-as-arrays=[[ck; 16], [ik; 16], [sqn_xor_ak; 6], [k_ausf; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_ausf(
    ck: *const u8,
    ik: *const u8,
    snn: *const c_char,
    sqn_xor_ak: *const u8,
    k_ausf: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (both, name, sqn, out) = unsafe {
            (
                ck_ik(ck, ik)?,
                self::snn(snn)?,
                array(sqn_xor_ak)?,
                Out::new(k_ausf.cast())?,
            )
        };
        let out = out.beside(ck, 16)?.beside(ik, 16)?.beside(sqn_xor_ak, 6)?;
        out.put(kdf::k_ausf(&both, &name, sqn).expose());
        Ok(())
    })
}

/// K_AUSF of EAP-AKA': the first half of EMSK (6.1.3.1).
/// cbindgen:ptrs-as-arrays=[[emsk; 64], [k_ausf; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_ausf_from_emsk(emsk: *const u8, k_ausf: *mut u8) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (given, out) = unsafe { (array(emsk)?, Out::new(k_ausf.cast())?) };
        out.beside(emsk, 64)?
            .put(kdf::k_ausf_from_emsk(given).expose());
        Ok(())
    })
}

/// CK' and IK' of EAP-AKA' (A.3), 16 octets each.
/// cbindgen:ptrs-as-arrays=[[ck; 16], [ik; 16], [sqn_xor_ak; 6], [ck_prime; 16], [ik_prime; 16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_ck_ik_prime(
    ck: *const u8,
    ik: *const u8,
    snn: *const c_char,
    sqn_xor_ak: *const u8,
    ck_prime: *mut u8,
    ik_prime: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (both, name, sqn) = unsafe { (ck_ik(ck, ik)?, self::snn(snn)?, array(sqn_xor_ak)?) };
        // SAFETY: the contract in `pointer`.
        let (ck_out, ik_out) = unsafe {
            (
                Out::<[u8; 16]>::new(ck_prime.cast())?,
                Out::<[u8; 16]>::new(ik_prime.cast())?,
            )
        };
        let ck_out = ck_out
            .beside(ck, 16)?
            .beside(ik, 16)?
            .beside(sqn_xor_ak, 6)?
            .apart(ik_prime, 16)?;
        let ik_out = ik_out
            .beside(ck, 16)?
            .beside(ik, 16)?
            .beside(sqn_xor_ak, 6)?;
        let prime = kdf::ck_ik_prime(&both, &name, sqn);
        let (first, last) = prime.split();
        let halves = (first.try_into(), last.try_into());
        let (Ok(first), Ok(last)) = halves else {
            return Err(Error::Argument);
        };
        ck_out.put(&first);
        ik_out.put(&last);
        Ok(())
    })
}

/// RES* or XRES* (A.4). `res` has 4 to 16 octets.
/// cbindgen:ptrs-as-arrays=[[ck; 16], [ik; 16], [rand; 16], [res_star; 16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_res_star(
    ck: *const u8,
    ik: *const u8,
    snn: *const c_char,
    rand: *const u8,
    res: *const u8,
    res_len: usize,
    res_star: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (both, name, challenge) = unsafe { (ck_ik(ck, ik)?, self::snn(snn)?, array(rand)?) };
        // SAFETY: the contract in `pointer`.
        let (response, out) = unsafe { (octets(res, res_len)?, Out::new(res_star.cast())?) };
        let out = out
            .beside(ck, 16)?
            .beside(ik, 16)?
            .beside(rand, 16)?
            .beside(res, res_len)?;
        out.put(kdf::res_star(&both, &name, challenge, response)?.expose());
        Ok(())
    })
}

/// HRES* or HXRES* (A.5), 16 octets.
/// cbindgen:ptrs-as-arrays=[[rand; 16], [res_star; 16], [hres_star; 16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_hres_star(
    rand: *const u8,
    res_star: *const u8,
    hres_star: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (challenge, response, out) = unsafe {
            (
                array(rand)?,
                ResStar::new(*array(res_star)?),
                Out::new(hres_star.cast())?,
            )
        };
        let out = out.beside(rand, 16)?.beside(res_star, 16)?;
        out.put(kdf::hres_star(challenge, &response).expose());
        Ok(())
    })
}

/// K_SEAF (A.6).
/// cbindgen:ptrs-as-arrays=[[k_ausf; 32], [k_seaf; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_seaf(
    k_ausf: *const u8,
    snn: *const c_char,
    k_seaf: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (key, name, out) = unsafe {
            (
                KAusf::new(*array(k_ausf)?),
                self::snn(snn)?,
                Out::new(k_seaf.cast())?,
            )
        };
        out.beside(k_ausf, 32)?
            .put(kdf::k_seaf(&key, &name).expose());
        Ok(())
    })
}

/// K_AMF (A.7). `supi` is `imsi-<digits>`, the bare digits of an IMSI, or `nai-`, `gci-`, `gli-` with their text.
/// `abba` has 2 to 255 octets, 00 00 today.
/// cbindgen:ptrs-as-arrays=[[k_seaf; 32], [k_amf; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_amf(
    k_seaf: *const u8,
    supi: *const c_char,
    abba: *const u8,
    abba_len: usize,
    k_amf: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (key, name, value) = unsafe {
            (
                KSeaf::new(*array(k_seaf)?),
                text(supi, TEXT_MAX)?,
                octets(abba, abba_len)?,
            )
        };
        // SAFETY: the contract in `pointer`.
        let out = unsafe { Out::new(k_amf.cast()) }?
            .beside(k_seaf, 32)?
            .beside(abba, abba_len)?;
        out.put(kdf::k_amf(&key, Supi::parse(name)?, Abba::new(value)?).expose());
        Ok(())
    })
}

/// K_NASenc and K_NASint (A.8), 16 octets each, for the algorithms `nea` and `nia`, each below 16.
/// cbindgen:ptrs-as-arrays=[[k_amf; 32], [k_nas_enc; 16], [k_nas_int; 16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_k_nas(
    k_amf: *const u8,
    nea: u8,
    nia: u8,
    k_nas_enc: *mut u8,
    k_nas_int: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (key, enc, int) = unsafe {
            (
                KAmf::new(*array(k_amf)?),
                Out::new(k_nas_enc.cast())?,
                Out::new(k_nas_int.cast())?,
            )
        };
        let enc = enc.beside(k_amf, 32)?.apart(k_nas_int, 16)?;
        let int = int.beside(k_amf, 32)?;
        let (nea, nia) = (algorithm_id(nea)?, algorithm_id(nia)?);
        let mut lane = [kdf::KNasLane::new(&key, nea, nia)];
        kdf::k_nas_batch(&mut lane);
        let [lane] = lane;
        enc.put(lane.k_nas_enc.expose());
        int.put(lane.k_nas_int.expose());
        Ok(())
    })
}

/// The 16-octet key of one algorithm (A.8). `key` is K_AMF for the types 1 NAS ciphering and 2 NAS integrity,
/// K_gNB for 3 and 4 (RRC) and 5 and 6 (user plane); odd types cipher. `algorithm` is below 16.
/// cbindgen:ptrs-as-arrays=[[key; 32], [out; 16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_kdf_algorithm_key(
    key: *const u8,
    r#type: u8,
    algorithm: u8,
    out: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        // SAFETY: the contract in `pointer`.
        let (from, place) = unsafe { (array(key)?, Out::new(out.cast())?) };
        let place = place.beside(key, 32)?;
        let kind = kind_of(r#type)?;
        place.put(kdf::algorithm_key(from, kind, algorithm_id(algorithm)?).expose());
        Ok(())
    })
}

fn kind_of(number: u8) -> Result<kdf::AlgorithmType> {
    use kdf::AlgorithmType as Kind;
    let kinds = [
        Kind::NasEnc,
        Kind::NasInt,
        Kind::RrcEnc,
        Kind::RrcInt,
        Kind::UpEnc,
        Kind::UpInt,
    ];
    kinds
        .into_iter()
        .find(|&kind| kind as u8 == number)
        .ok_or(Error::Argument)
}

fn algorithm_id(id: u8) -> Result<AlgorithmId> {
    AlgorithmId::new(id).ok_or(Error::Argument)
}
