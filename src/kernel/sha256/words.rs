//! What every row of the room needs: the constants of FIPS 180-4, padding, and the schedule of a known block.

/// The initial hash value (FIPS 180-4, 5.3.3).
pub(super) const H: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The round constants (FIPS 180-4, 4.2.2).
pub(super) static K: [u32; 64] = CONSTANTS;

const CONSTANTS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// A block of 64 bytes.
pub(super) type Block = [u8; 64];

/// The pads of HMAC (RFC 2104): inner, outer.
pub(super) const PADS: [u8; 2] = [0x36, 0x5C];

/// Bits of what the outer hash takes: the pad and a digest.
pub(super) const OUTER_BITS: u32 = 8 * (64 + 32);

/// Bits of a short message.
pub(super) const SHORT_BITS: u32 = 8 * 32;

/// The only block of a short message.
#[inline(always)]
pub(super) fn short(halves: [&[u8; 16]; 2]) -> Block {
    let mut bytes = [0; 32];
    for (half, bytes) in halves.iter().zip(bytes.as_chunks_mut::<16>().0) {
        *bytes = **half;
    }
    closed(&bytes, SHORT_BITS)
}

/// How many blocks a message fills with its padding.
pub(super) const fn blocks(len: usize) -> usize {
    (len + 9).div_ceil(64)
}

/// Block `index` of a padded message that one block, the inner pad, comes before.
#[inline]
pub(super) fn block(message: &[u8], index: usize) -> Block {
    let mut block = [0; 64];
    let rest = message.get(64 * index..).unwrap_or_default();
    let len = rest.len().min(64);
    block[..len].copy_from_slice(&rest[..len]);
    if len < 64 && 64 * index + len == message.len() && (len > 0 || message.len() == 64 * index) {
        block[len] = 0x80;
    }
    if index + 1 == blocks(message.len()) {
        let bits = 8 * (64 + message.len() as u64);
        block[56..].copy_from_slice(&bits.to_be_bytes());
    }
    block
}

/// The pad block of a key.
#[inline(always)]
pub(super) fn pad(key: &[u8; 32], pad: u8) -> Block {
    let mut block = [pad; 64];
    for (byte, key) in block.iter_mut().zip(key) {
        *byte ^= key;
    }
    block
}

/// The outer block of an inner digest.
#[inline(always)]
pub(super) fn outer(digest: &[u8; 32]) -> Block {
    closed(digest, OUTER_BITS)
}

/// The last block of a message of so many bits that ends with these bytes.
#[inline(always)]
fn closed(bytes: &[u8; 32], bits: u32) -> Block {
    let mut block = [0; 64];
    block[..32].copy_from_slice(bytes);
    block[32] = 0x80;
    block[60..].copy_from_slice(&bits.to_be_bytes());
    block
}

/// W + K of a block's 64 rounds.
pub(super) const fn schedule(block: &Block) -> [u32; 64] {
    let mut w = [0; 64];
    let mut t = 0;
    while t < 64 {
        w[t] = if t < 16 {
            let at = 4 * t;
            u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        } else {
            let (a, b) = (w[t - 15], w[t - 2]);
            let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ a >> 3;
            let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ b >> 10;
            s1.wrapping_add(w[t - 7])
                .wrapping_add(s0)
                .wrapping_add(w[t - 16])
        };
        t += 1;
    }
    t = 0;
    while t < 64 {
        w[t] = w[t].wrapping_add(CONSTANTS[t]);
        t += 1;
    }
    w
}
