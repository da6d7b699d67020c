//! Eight lanes in AVX2.

use super::lanes::{self, Table};
use super::{HmacLane, PairLane, hmac_crate, sha2_crate};
use crate::base::cpu::HaveAvx2;
use crate::kernel::isa::Isa;

const LANES: usize = HaveAvx2::LANES;

/// Up to how many HMAC lanes, and how many pairs, the crate's compression wins, one after the other.
const CRATE_MOST: (usize, usize) = (2, 1);

pub(super) fn available() -> bool {
    HaveAvx2::detect().is_some()
}

#[target_feature(enable = "avx2")]
fn hmac(token: HaveAvx2, group: &mut [HmacLane<'_>]) {
    lanes::hmac::<_, 1>(token, group);
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
        if group.len() <= CRATE_MOST.0 {
            sha2_crate::hmac_many(group);
        } else {
            // SAFETY: the token proves AVX2.
            unsafe { hmac(token, group) };
        }
    }
}

/// Any number of pairs, four at a time.
pub(super) fn pair_many(all: &mut [PairLane<'_>]) {
    let Some(token) = HaveAvx2::detect() else {
        return hmac_crate::pair_many(all);
    };
    let table = lanes::table(all);
    for group in all.chunks_mut(LANES / 2) {
        if group.len() <= CRATE_MOST.1 {
            sha2_crate::pair_many(group);
        } else {
            // SAFETY: the token proves AVX2.
            unsafe { pair(token, group, table.as_ref()) };
        }
    }
}
