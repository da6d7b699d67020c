//! ## Level 0: the algorithms
//!
//! Stateless: key, COUNT, BEARER and DIRECTION come with every call. For code that keeps its own COUNTs, 5GS or
//! EPS. Whoever uses a (key, COUNT, BEARER, DIRECTION) twice gives both messages away: level 1 cannot.
//!
//! The algorithms are numbered as on the wire: 0 null, 1 SNOW 3G, 2 AES, 3 ZUC.

use engine::algorithm::{self, CipherLane, Input, Key, MacLane, Nea, Nia, cipher_key};
use engine::base::{Direction, Error, Result};

use crate::guard;
use crate::pointer::{Out, Pair, array, octets};
use crate::start;

/// Octets that one message may have at most: the algorithms count up to 2^32 - 1 bits.
pub const NASLANE_MESSAGE_MAX: usize = 0x1FFF_FFFF;

/// Ciphers or deciphers `len` octets (TS 33.501 D.2).
///
/// `count` is the whole 32 bits that the algorithm gets: for NAS 0x00 and the 24-bit NAS COUNT. `bearer` is
/// below 32; in 5GS NAS it is 1 (3GPP) or 2 (non-3GPP access), in EPS NAS 0. `direction` is 0 uplink,
/// 1 downlink. `out` has room for `len` octets and may be `in`.
///
/// Errors: ALGORITHM_NOT_SUPPORTED, BEARER, DIRECTION, NULL, OVERLAP, TOO_LONG, SELF_TEST.
/// cbindgen:ptrs-as-arrays=[[key; 16]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nea(
    nea: u8,
    key: *const u8,
    count: u32,
    bearer: u8,
    direction: u8,
    r#in: *const u8,
    len: usize,
    out: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        let nea = Nea::from_id(nea).ok_or(Error::AlgorithmNotSupported)?;
        let input = input(count, bearer, direction)?;
        let len = message_len(len)?;
        // SAFETY: the contract in `pointer`.
        let (key, pair) = unsafe { (array(key)?, Pair::new(r#in, len, out, len)?) };
        let data = match pair {
            Pair::InPlace(data, _) => data,
            Pair::Apart(from, data) => {
                data.copy_from_slice(from);
                data
            }
        };
        let key = &cipher_key(nea, key);
        algorithm::cipher(nea, &mut [CipherLane { key, input, data }]);
        Ok(())
    })
}

/// Computes the message authentication code of `len` octets (TS 33.501 D.3). Arguments as for [`naslane_nea`].
/// NIA0 gives zeros. Compare codes in constant time, or let [`naslane_verify`] do it.
///
/// Errors: as for [`naslane_nea`].
/// cbindgen:ptrs-as-arrays=[[key; 16], [mac; 4]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn naslane_nia(
    nia: u8,
    key: *const u8,
    count: u32,
    bearer: u8,
    direction: u8,
    msg: *const u8,
    len: usize,
    mac: *mut u8,
) -> i32 {
    guard::call(|| {
        start::once()?;
        let nia = Nia::from_id(nia).ok_or(Error::AlgorithmNotSupported)?;
        let input = input(count, bearer, direction)?;
        let len = message_len(len)?;
        // SAFETY: the contract in `pointer`.
        let (key_octets, message, out) = unsafe {
            (
                array(key)?,
                octets(msg, len)?,
                Out::<[u8; 4]>::new(mac.cast())?,
            )
        };
        let out = out.beside(key, 16)?.beside(msg, len)?;
        let key = &Key::for_nia(nia, key_octets);
        let mut lane = [MacLane::new(key, input, message)];
        algorithm::mac(nia, &mut lane);
        out.put(&lane[0].mac);
        Ok(())
    })
}

fn input(count: u32, bearer: u8, direction: u8) -> Result<Input> {
    if bearer > 31 {
        return Err(Error::Bearer);
    }
    Ok(Input {
        count,
        bearer,
        direction: direction_of(direction)?,
    })
}

fn direction_of(direction: u8) -> Result<Direction> {
    match direction {
        0 => Ok(Direction::Uplink),
        1 => Ok(Direction::Downlink),
        _ => Err(Error::Direction),
    }
}

fn message_len(len: usize) -> Result<usize> {
    if len > NASLANE_MESSAGE_MAX {
        Err(Error::TooLong)
    } else {
        Ok(len)
    }
}
