//! Sixteen lanes in AVX-512, where a rotation and a three-way operation are one instruction each. A group that does
//! not need the whole vector takes a narrower one, in which more instructions start every cycle.

use super::lanes::{self, Table};
use super::{HmacLane, PairLane, ShortLane, hmac_crate, sha2_crate, x86_shani};
use crate::base::cpu::HaveAvx512;
use crate::kernel::isa::Isa;

const LANES: usize = HaveAvx512::LANES;

/// Up to how many HMAC lanes, and how many pairs, the SHA extensions win where the processor has them. Measured in
/// ns per lane, extensions and vectors: HMAC 120 and 128 with 6, 120 and 97 with 8; pairs 156 and 165 with 3, 156
/// and 124 with 4.
const SHANI_MOST: (usize, usize) = (6, 3);

/// As above, for short messages: 29 and 24 with 8. A vector takes as long with fewer, so 32 with 6.
const SHORT_SHANI_MOST: usize = 6;

pub(super) fn available() -> bool {
    HaveAvx512::detect().is_some()
}

/// 1 to 16 lanes.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn hmac(token: HaveAvx512, group: &mut [HmacLane<'_>]) {
    match group.len() {
        0..=2 => lanes::hmac::<_, 2>(token.avx2().aes_ni(), group),
        3..=4 => lanes::hmac::<_, 2>(token.avx2(), group),
        5..=8 => lanes::hmac::<_, 1>(token.avx2(), group),
        _ => lanes::hmac::<_, 1>(token, group),
    }
}

/// 1 to 8 pairs.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn pair(token: HaveAvx512, group: &mut [PairLane<'_>], table: Option<&Table>) {
    match group.len() {
        0..=2 => lanes::pair(token.avx2().aes_ni(), group, table),
        3..=4 => lanes::pair(token.avx2(), group, table),
        _ => lanes::pair(token, group, table),
    }
}

/// A single lane of HMAC.
pub(super) fn hmac_one(lane: &mut HmacLane<'_>) {
    hmac_many(core::slice::from_mut(lane));
}

/// Any number of lanes of HMAC, sixteen at a time.
pub(super) fn hmac_many(all: &mut [HmacLane<'_>]) {
    let Some(token) = HaveAvx512::detect() else {
        return hmac_crate::many(all);
    };
    for group in all.chunks_mut(LANES) {
        if group.len() <= SHANI_MOST.0 && x86_shani::available() {
            x86_shani::hmac_many(group);
        } else {
            // SAFETY: the token proves AVX-512 F, BW, DQ and VL.
            unsafe { hmac(token, group) };
        }
    }
}

/// A single pair.
pub(super) fn pair_one(lane: &mut PairLane<'_>) {
    pair_many(core::slice::from_mut(lane));
}

/// Any number of pairs, eight at a time.
pub(super) fn pair_many(all: &mut [PairLane<'_>]) {
    let Some(token) = HaveAvx512::detect() else {
        return hmac_crate::pair_many(all);
    };
    if all.len() <= SHANI_MOST.1 && x86_shani::available() {
        return x86_shani::pair_many(all);
    }
    let table = lanes::table(all);
    for group in all.chunks_mut(LANES / 2) {
        if group.len() <= SHANI_MOST.1 && x86_shani::available() {
            x86_shani::pair_many(group);
        } else {
            // SAFETY: the token proves AVX-512 F, BW, DQ and VL.
            unsafe { pair(token, group, table.as_ref()) };
        }
    }
}

/// 1 to 16 short messages.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn short(token: HaveAvx512, group: &mut [ShortLane<'_>]) {
    match group.len() {
        0..=4 => lanes::short(token.avx2().aes_ni(), group),
        5..=8 => lanes::short(token.avx2(), group),
        _ => lanes::short(token, group),
    }
}

/// A single short message.
pub(super) fn short_one(lane: &mut ShortLane<'_>) {
    short_many(core::slice::from_mut(lane));
}

/// Any number of short messages, sixteen at a time.
pub(super) fn short_many(all: &mut [ShortLane<'_>]) {
    let Some(token) = HaveAvx512::detect() else {
        return sha2_crate::short_many(all);
    };
    for group in all.chunks_mut(LANES) {
        if group.len() <= SHORT_SHANI_MOST && x86_shani::available() {
            x86_shani::short_many(group);
        } else {
            // SAFETY: the token proves AVX-512 F, BW, DQ and VL.
            unsafe { short(token, group) };
        }
    }
}
