//! Eight lanes in AVX2. A pair alone takes 860 ns here and 950 ns with the crate's compression (which has no SHA
//! extensions where this row is in use), a batch 205 ns; a single lane of HMAC takes 990 ns and 660 ns.

use super::lanes::{self, Table};
use super::{HmacLane, PairLane, ShortLane, hmac_crate, sha2_crate};
use crate::base::cpu::HaveAvx2;
use crate::kernel::isa::Isa;

const LANES: usize = HaveAvx2::LANES;

pub(super) fn available() -> bool {
    HaveAvx2::detect().is_some()
}

#[target_feature(enable = "avx2")]
fn hmac(token: HaveAvx2, group: &mut [HmacLane<'_>]) {
    if group.len() <= LANES / 2 {
        lanes::hmac::<_, 2>(token, group);
    } else {
        lanes::hmac::<_, 1>(token, group);
    }
}

#[target_feature(enable = "avx2")]
fn pair(token: HaveAvx2, group: &mut [PairLane<'_>], table: Option<&Table>) {
    lanes::pair(token, group, table);
}

/// Any number of lanes of HMAC, eight at a time.
pub(super) fn hmac_many(all: &mut [HmacLane<'_>]) {
    let Some(token) = HaveAvx2::detect() else {
        return hmac_crate::many(all);
    };
    for group in all.chunks_mut(LANES) {
        match group {
            [lane] => hmac_crate::one(lane),
            // SAFETY: the token proves AVX2.
            group => unsafe { hmac(token, group) },
        }
    }
}

/// A single pair.
pub(super) fn pair_one(lane: &mut PairLane<'_>) {
    pair_many(core::slice::from_mut(lane));
}

/// Any number of pairs, four at a time.
pub(super) fn pair_many(all: &mut [PairLane<'_>]) {
    let Some(token) = HaveAvx2::detect() else {
        return hmac_crate::pair_many(all);
    };
    let table = lanes::table(all);
    for group in all.chunks_mut(LANES / 2) {
        // SAFETY: the token proves AVX2.
        unsafe { pair(token, group, table.as_ref()) };
    }
}

#[target_feature(enable = "avx2")]
fn short(token: HaveAvx2, group: &mut [ShortLane<'_>]) {
    lanes::short(token, group);
}

/// Any number of short messages, eight at a time.
pub(super) fn short_many(all: &mut [ShortLane<'_>]) {
    let Some(token) = HaveAvx2::detect() else {
        return sha2_crate::short_many(all);
    };
    for group in all.chunks_mut(LANES) {
        match group {
            [lane] => sha2_crate::short_one(lane),
            // SAFETY: the token proves AVX2.
            group => unsafe { short(token, group) },
        }
    }
}
