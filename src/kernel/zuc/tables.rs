//! Constants and tables of ZUC, computed at compile time from the definitions.

/// The 15-bit constants d of the key loading.
pub(super) const D: [u16; 16] = [
    0x44D7, 0x26BC, 0x626B, 0x135E, 0x5789, 0x35E2, 0x7135, 0x09AF, 0x4D78, 0x2F13, 0x6BC4, 0x1AF1,
    0x5E26, 0x3C4D, 0x789A, 0x47AC,
];

const P1: [u8; 16] = [9, 15, 0, 14, 15, 15, 2, 10, 0, 4, 0, 12, 7, 5, 3, 9];
const P2: [u8; 16] = [8, 13, 6, 5, 7, 0, 12, 4, 11, 1, 14, 10, 15, 3, 9, 2];
const P3: [u8; 16] = [2, 6, 10, 6, 0, 13, 10, 15, 3, 3, 13, 5, 0, 9, 12, 13];
// Columns of the matrix M of S1(x) = M x^-1 + 0x55, lowest bit first.
const M: [u8; 8] = [0x97, 0x3E, 0x6D, 0xCB, 0xEE, 0xDD, 0xBB, 0x77];

/// S0: three rounds on nibbles, then a rotation by 5.
const fn s0(x: u8) -> u8 {
    let high = x >> 4;
    let low = x & 15;
    let q = high ^ P1[low as usize];
    let r = low ^ P2[q as usize];
    let t = q ^ P3[r as usize];
    (t << 4 | r).rotate_left(5)
}

const fn mul(a: u8, b: u8) -> u8 {
    let mut a = a;
    let mut product = 0;
    let mut i = 0;
    while i < 8 {
        if b >> i & 1 != 0 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 0x80 != 0 { 0x8B } else { 0 };
        i += 1;
    }
    product
}

/// S1: the inverse in GF(2)\[x\] modulo x^8 + x^7 + x^3 + x + 1, then an affine map.
const fn s1(x: u8) -> u8 {
    let mut inverse = 1; // x^254
    let mut i = 0;
    while i < 254 {
        inverse = mul(inverse, x);
        i += 1;
    }
    let mut y = 0x55;
    i = 0;
    while i < 8 {
        if inverse >> i & 1 != 0 {
            y ^= M[i];
        }
        i += 1;
    }
    y
}

macro_rules! table {
    ($name:ident, $f:ident) => {
        #[doc = concat!("The S-box ", stringify!($name), ".")]
        pub(super) static $name: [u8; 256] = {
            let mut table = [0; 256];
            let mut i = 0;
            while i < 256 {
                table[i] = $f(i as u8);
                i += 1;
            }
            table
        };
    };
}

table!(S0, s0);
table!(S1, s1);
