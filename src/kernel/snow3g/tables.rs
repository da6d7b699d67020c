//! Tables of SNOW 3G, computed at compile time from the definitions.

/// Multiplies by x in GF(2)\[x\] modulo x^8 + `poly`.
const fn mulx(v: u8, poly: u8) -> u8 {
    if v & 0x80 != 0 {
        (v << 1) ^ poly
    } else {
        v << 1
    }
}

const fn mulx_pow(v: u8, times: u32, poly: u8) -> u8 {
    let mut v = v;
    let mut i = 0;
    while i < times {
        v = mulx(v, poly);
        i += 1;
    }
    v
}

const fn mul(a: u8, b: u8, poly: u8) -> u8 {
    let mut product = 0;
    let mut i = 0;
    while i < 8 {
        if b >> i & 1 != 0 {
            product ^= mulx_pow(a, i, poly);
        }
        i += 1;
    }
    product
}

const fn power(a: u8, exponent: u32, poly: u8) -> u8 {
    let mut value = 1;
    let mut i = 0;
    while i < exponent {
        value = mul(value, a, poly);
        i += 1;
    }
    value
}

/// SR: the S-box of Rijndael.
pub(super) const fn sr(x: u8) -> u8 {
    // The inverse by exponentiation: x^254 = (x^127)^2.
    let half = power(x, 127, 0x1B);
    let i = mul(half, half, 0x1B);
    i ^ i.rotate_left(1) ^ i.rotate_left(2) ^ i.rotate_left(3) ^ i.rotate_left(4) ^ 0x63
}

/// SQ: the Dickson polynomial g49 over x^8 + x^6 + x^5 + x^3 + 1, XOR 0x25. g49 is g7 of g7, and
/// g7(x) = x + x^5 + x^7.
pub(super) const fn sq(x: u8) -> u8 {
    g7(g7(x)) ^ 0x25
}

const fn g7(x: u8) -> u8 {
    let x2 = mul(x, x, 0x69);
    let x5 = mul(mul(x2, x2, 0x69), x, 0x69);
    x ^ x5 ^ mul(x5, x2, 0x69)
}

/// The contribution of a word's lowest byte to the word S-box: (3s, s, s, 2s) from the highest byte down. The
/// other bytes contribute the same, rotated left by 8 a byte.
const fn column(s: u8, poly: u8) -> u32 {
    let s2 = mulx(s, poly);
    u32::from_be_bytes([s2 ^ s, s, s, s2])
}

/// MULalpha of one byte.
pub(super) const fn mul_alpha(c: u8) -> u32 {
    u32::from_be_bytes([
        mulx_pow(c, 23, 0xA9),
        mulx_pow(c, 245, 0xA9),
        mulx_pow(c, 48, 0xA9),
        mulx_pow(c, 239, 0xA9),
    ])
}

/// DIValpha of one byte.
pub(super) const fn div_alpha(c: u8) -> u32 {
    u32::from_be_bytes([
        mulx_pow(c, 16, 0xA9),
        mulx_pow(c, 39, 0xA9),
        mulx_pow(c, 6, 0xA9),
        mulx_pow(c, 64, 0xA9),
    ])
}

macro_rules! table {
    ($name:ident, $c:ident, $entry:expr, $doc:literal) => {
        #[doc = $doc]
        pub(super) static $name: [u32; 256] = {
            let mut table = [0; 256];
            let mut i = 0;
            while i < 256 {
                let $c = i as u8;
                table[i] = $entry;
                i += 1;
            }
            table
        };
    };
}

table!(
    S1,
    x,
    column(sr(x), 0x1B),
    "The word S-box S1, lowest byte."
);
table!(
    S2,
    x,
    column(sq(x), 0x69),
    "The word S-box S2, lowest byte."
);
table!(MUL_ALPHA, c, mul_alpha(c), "MULalpha.");
table!(DIV_ALPHA, c, div_alpha(c), "DIValpha.");
