//! CMAC over a bit string: an optional 8-byte head, then the message.

use super::super::{Backend, Choice, Room, always};
#[cfg(target_arch = "aarch64")]
use super::aarch64_aes;
use super::{EXAMPLE, Key, aes_crate};
#[cfg(target_arch = "x86_64")]
use super::{x86_aesni, x86_vaes512};

/// One message to authenticate.
pub struct CmacLane<'a> {
    /// The prepared key.
    pub key: &'a Key,
    /// Eight bytes in front of the message, so that nobody need copy the message to put them there.
    pub head: Option<[u8; 8]>,
    /// The message.
    pub message: &'a [u8],
    /// Its length in bits, without the head; more than `8 * message.len()` counts as that.
    pub bits: usize,
    /// Result: the whole CMAC.
    pub mac: [u8; 16],
}

impl CmacLane<'_> {
    /// Message bits that count.
    #[inline(always)]
    pub(super) fn covered(&self) -> usize {
        self.bits.min(8 * self.message.len())
    }

    /// The last block, padded and masked with K1 or K2 (SP 800-38B, 6.2 steps 3 and 4), and the message bytes
    /// before it. With a head the message is out of step with the blocks by eight bytes.
    #[inline(always)]
    pub(super) fn last(&self) -> (usize, u128) {
        let bits = self.covered();
        let head_bits = if self.head.is_some() { 64 } else { 0 };
        let before = (bits + head_bits).saturating_sub(1) / 128 * 128; // bits of the blocks before the last
        let mut block = [0; 16];
        let (start, at) = if before == 0 {
            if let Some(head) = self.head {
                block[..8].copy_from_slice(&head);
            }
            (0, head_bits / 8)
        } else {
            ((before - head_bits) / 8, 0)
        };
        let rest = &self.message[start..bits.div_ceil(8)];
        block[at..at + rest.len()].copy_from_slice(rest);
        let used = bits + head_bits - before; // 0..=128
        let block = u128::from_be_bytes(block);
        let k1 = u128::from_be_bytes(self.key.k1);
        let last = if used == 128 {
            block ^ k1
        } else {
            let pad = 1 << 127 >> used;
            (block & !(pad - 1)) | pad
        };
        (
            start,
            if used == 128 {
                last
            } else {
                last ^ super::double(k1)
            },
        )
    }
}

/// The room of CMAC.
pub struct Cmac;

/// Rows, best first.
pub static BACKENDS: &[Backend<Cmac>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_vaes512",
        lanes: 8,
        available: x86_vaes512::available,
        one: x86_vaes512::cmac_one,
        many: x86_vaes512::cmac_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_aesni",
        lanes: 8,
        available: x86_aesni::available,
        one: x86_aesni::cmac_one,
        many: x86_aesni::cmac_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_aes",
        lanes: 8,
        available: aarch64_aes::available,
        one: aarch64_aes::cmac_one,
        many: aarch64_aes::cmac_many,
    },
    Backend {
        name: "aes_crate",
        lanes: 1,
        available: always,
        one: aes_crate::cmac_one,
        many: aes_crate::cmac_many,
    },
];

impl Room for Cmac {
    type Lane<'a> = CmacLane<'a>;
    const NAME: &'static str = "aes128_cmac";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        let key = Key::new(&EXAMPLE);
        let head = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| MESSAGE[i]);
        // Each answer twice: the whole message, and its first eight bytes as the head.
        let lane = |i: usize| {
            let (len, expected) = ANSWERS[i / 2 % ANSWERS.len()];
            let split = i % 2 == 1 && len >= 8;
            let message = &MESSAGE[if split { 8 } else { 0 }..len];
            let lane = CmacLane {
                key: &key,
                head: split.then_some(head),
                message,
                bits: 8 * message.len(),
                mac: [0; 16],
            };
            (lane, expected.to_be_bytes())
        };
        let mut lanes: [_; 19] = core::array::from_fn(|i| lane(i).0);
        (backend.many)(&mut lanes);
        let many = lanes.iter().enumerate().all(|(i, l)| l.mac == lane(i).1);
        many && (0..2 * ANSWERS.len())
            .map(lane)
            .all(|(mut lane, expected)| {
                (backend.one)(&mut lane);
                lane.mac == expected
            })
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Cmac> {
    super::super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Cmac>) -> bool {
    super::super::known_answer(backend)
}

// RFC 4493, 4, and lengths around its blocks.
const MESSAGE: [u8; 64] = [
    0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
    0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
    0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef,
    0xf6, 0x9f, 0x24, 0x45, 0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10,
];
const ANSWERS: [(usize, u128); 9] = [
    (0, 0xbb1d_6929_e959_3728_7fa3_7d12_9b75_6746),
    (1, 0x8e48_c3c1_d9f1_c17c_295c_7aef_d232_bb14),
    (8, 0xdc87_cdcf_77a2_f182_9e01_2c4d_31af_2f8b),
    (15, 0xf212_d4c2_154c_8766_de60_c18c_98fa_0c93),
    (16, 0x070a_16b4_6b4d_4144_f79b_dd9d_d04a_287c),
    (17, 0xbc72_cc16_8ec5_a143_4dcd_b20b_c1a2_c2a4),
    (40, 0xdfa6_6747_de9a_e630_30ca_3261_1497_c827),
    (48, 0xc47c_4d9d_6458_8f67_fb9d_e6fe_745d_7fbf),
    (64, 0x51f0_bebf_7e3b_9d92_fc49_7417_7936_3cfe),
];
