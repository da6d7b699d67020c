//! A preload library for Open5GS: `LD_PRELOAD=libnaslane_open5gs.so open5gs-amfd`. It takes the place of the functions
//! that the daemon calls for the NAS algorithms and the key derivations of TS 33.501 Annex A; nothing else changes.
//!
//! The names and types are Open5GS's own. Of its packet buffer only the data pointer and the length are used. Like the
//! functions that it replaces, this library ends the process on arguments that its caller must not pass: a message that
//! was not ciphered must not be sent.

mod cache;
mod host;

use std::sync::OnceLock;

use host::{Pkbuf, octets, text};
use naslane::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia, cipher, mac};
use naslane::base::{AccessType, Direction};
use naslane::kdf::{
    Abba, AlgorithmId, AlgorithmType, AsKey, KAmf, KSeaf, Nh, ResStar, Supi, algorithm_key,
    hres_star, k_amf, k_gnb, nh,
};

/// Says why and ends the process.
#[cold]
fn stop(why: &str) -> ! {
    eprintln!("naslane-open5gs: {why}");
    std::process::abort()
}

/// The kernels' known answers, before the first use.
fn tested() {
    static DONE: OnceLock<bool> = OnceLock::new();
    if !DONE.get_or_init(|| naslane::kernel::start().is_ok()) {
        stop("a backend gives wrong answers on this processor: see naslane cpu");
    }
}

fn input(count: u32, bearer: u8, direction: u8) -> Input {
    let direction = match direction {
        0 => Direction::Uplink,
        1 => Direction::Downlink,
        _ => stop("direction is neither 0 nor 1"),
    };
    if bearer > 31 {
        stop("bearer has more than five bits");
    }
    Input {
        count,
        bearer,
        direction,
    }
}

/// Ciphers or deciphers the packet in place. Algorithm 0 leaves it alone.
///
/// # Safety
/// `key` points at 16 octets, `packet` at a packet buffer of Open5GS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ogs_nas_encrypt(
    algorithm: u8,
    key: *const u8,
    count: u32,
    bearer: u8,
    direction: u8,
    packet: *mut Pkbuf,
) {
    tested();
    let Some(nea) = Nea::from_id(algorithm) else {
        stop("unknown ciphering algorithm")
    };
    let input = input(count, bearer, direction);
    // SAFETY: the caller's contract.
    let (key, data) = unsafe { (octets::<16>(key), Pkbuf::data(packet)) };
    cache::with(cache::Use::Nea(nea), key, |key: &Key| {
        cipher(
            nea,
            &mut [CipherLane {
                key: key.cipher(),
                input,
                data,
            }],
        );
    });
}

/// Computes the message authentication code of the packet. Algorithm 0 gives zeros.
///
/// # Safety
/// `key` points at 16 octets, `packet` at a packet buffer of Open5GS, `code` at room for 4 octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ogs_nas_mac_calculate(
    algorithm: u8,
    key: *const u8,
    count: u32,
    bearer: u8,
    direction: u8,
    packet: *mut Pkbuf,
    code: *mut u8,
) {
    tested();
    let Some(nia) = Nia::from_id(algorithm) else {
        stop("unknown integrity algorithm")
    };
    let input = input(count, bearer, direction);
    // SAFETY: the caller's contract.
    let (key, message) = unsafe { (octets::<16>(key), Pkbuf::data(packet)) };
    let result = cache::with(cache::Use::Nia(nia), key, |key: &Key| {
        let mut lanes = [MacLane::new(key, input, message)];
        mac(nia, &mut lanes);
        lanes[0].mac
    });
    // SAFETY: the caller's contract.
    unsafe { host::put(code, &result) };
}

/// K_NASenc or K_NASint (TS 33.501 A.8).
///
/// # Safety
/// `kamf` points at 32 octets, `out` at room for 16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ogs_kdf_nas_5gs(kind: u8, algorithm: u8, kamf: *const u8, out: *mut u8) {
    tested();
    let kind = match kind {
        1 => AlgorithmType::NasEnc,
        2 => AlgorithmType::NasInt,
        _ => stop("unknown algorithm type"),
    };
    let Some(id) = AlgorithmId::new(algorithm) else {
        stop("an algorithm identity has four bits")
    };
    // SAFETY: the caller's contract.
    unsafe { host::put(out, algorithm_key(octets::<32>(kamf), kind, id).expose()) };
}

/// K_gNB or K_N3IWF (TS 33.501 A.9).
///
/// # Safety
/// `kamf` points at 32 octets, `out` at room for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ogs_kdf_kgnb_and_kn3iwf(
    kamf: *const u8,
    count: u32,
    access: u8,
    out: *mut u8,
) {
    tested();
    let Some(access) = AccessType::from_id(access) else {
        stop("unknown access type")
    };
    // SAFETY: the caller's contract.
    unsafe {
        let key = k_gnb(&KAmf::new(*octets(kamf)), count, access);
        host::put(out, key.expose());
    }
}

/// NH (TS 33.501 A.10).
///
/// # Safety
/// `kamf` and `sync` point at 32 octets, `out` at room for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ogs_kdf_nh_gnb(kamf: *const u8, sync: *const u8, out: *mut u8) {
    tested();
    // SAFETY: the caller's contract.
    unsafe {
        // K_gNB for the first NH, the NH before for the others: 32 octets enter either way.
        let before = Nh::new(*octets(sync));
        let key = nh(&KAmf::new(*octets(kamf)), AsKey::Nh(&before));
        host::put(out, key.expose());
    }
}

/// K_AMF (TS 33.501 A.7); the SUPI comes with its prefix.
///
/// # Safety
/// `supi` is a C string, `abba` points at `len` octets, `kseaf` at 32, `out` at room for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ogs_kdf_kamf(
    supi: *const core::ffi::c_char,
    abba: *const u8,
    len: u8,
    kseaf: *const u8,
    out: *mut u8,
) {
    tested();
    // SAFETY: the caller's contract.
    unsafe {
        let (Ok(supi), Ok(abba)) = (Supi::parse(text(supi)), Abba::new(host::some(abba, len)))
        else {
            stop("a SUPI or ABBA that TS 33.501 A.7 does not allow")
        };
        let key = k_amf(&KSeaf::new(*octets(kseaf)), supi, abba);
        host::put(out, key.expose());
    }
}

/// HXRES* (TS 33.501 A.5).
///
/// # Safety
/// `rand` and `xres_star` point at 16 octets, `out` at room for 16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ogs_kdf_hxres_star(rand: *const u8, xres_star: *const u8, out: *mut u8) {
    tested();
    // SAFETY: the caller's contract.
    unsafe {
        let hash = hres_star(octets(rand), &ResStar::new(*octets(xres_star)));
        host::put(out, hash.expose());
    }
}
