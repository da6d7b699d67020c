//! Tables computed from their algebraic definitions, with nothing of the library in them: what the self-test holds
//! published constants against, and what the 256-bit reference runs on. Not in constant time.

/// Product in GF(2)\[x\] modulo `modulus`, a polynomial of degree 8.
pub(crate) fn product(mut a: u8, mut b: u8, modulus: u16) -> u8 {
    let mut sum = 0;
    while b != 0 {
        if b & 1 == 1 {
            sum ^= a;
        }
        a = a << 1 ^ if a & 0x80 == 0 { 0 } else { modulus as u8 };
        b >>= 1;
    }
    sum
}

/// Power in the same ring.
pub(crate) fn power(mut a: u8, mut exponent: u32, modulus: u16) -> u8 {
    let mut result = 1;
    while exponent != 0 {
        if exponent & 1 == 1 {
            result = product(result, a, modulus);
        }
        a = product(a, a, modulus);
        exponent >>= 1;
    }
    result
}

/// Inverse in the field of AES, 0 for 0.
pub(crate) fn aes_inverse(x: u8) -> u8 {
    power(x, 254, 0x11B)
}

fn all(f: impl Fn(u8) -> u8) -> [u8; 256] {
    core::array::from_fn(|x| f(x as u8))
}

/// The S-box of AES (FIPS 197, 5.1.1), which is SNOW 3G's S_R.
pub(crate) fn aes_s() -> [u8; 256] {
    all(|x| {
        let i = aes_inverse(x);
        i ^ i.rotate_left(1) ^ i.rotate_left(2) ^ i.rotate_left(3) ^ i.rotate_left(4) ^ 0x63
    })
}

/// SNOW 3G's S_Q: a Dickson polynomial over x^8 + x^6 + x^5 + x^3 + 1, plus 0x25 (UEA2 document 2, 3.3.2).
pub(crate) fn snow3g_sq() -> [u8; 256] {
    const EXPONENTS: [u32; 9] = [1, 9, 13, 15, 33, 41, 45, 47, 49];
    all(|x| {
        EXPONENTS
            .iter()
            .fold(0x25, |sum, &e| sum ^ power(x, e, 0x169))
    })
}

/// `c` times x to the `times`, modulo x^8 plus `low`.
fn times_x(c: u8, times: u32, low: u8) -> u8 {
    (0..times).fold(c, |v, _| v << 1 ^ if v & 0x80 == 0 { 0 } else { low })
}

/// SNOW 3G's MULalpha (UEA2 document 2, 3.4.2).
pub(crate) fn mul_alpha(c: u8) -> u32 {
    u32::from_be_bytes([23, 245, 48, 239].map(|times| times_x(c, times, 0xA9)))
}

/// SNOW 3G's DIValpha (UEA2 document 2, 3.4.3).
pub(crate) fn div_alpha(c: u8) -> u32 {
    u32::from_be_bytes([16, 39, 6, 64].map(|times| times_x(c, times, 0xA9)))
}

/// ZUC's S0: three rounds on nibbles, then a rotation by five.
pub(crate) fn zuc_s0() -> [u8; 256] {
    const P1: [u8; 16] = [9, 15, 0, 14, 15, 15, 2, 10, 0, 4, 0, 12, 7, 5, 3, 9];
    const P2: [u8; 16] = [8, 13, 6, 5, 7, 0, 12, 4, 11, 1, 14, 10, 15, 3, 9, 2];
    const P3: [u8; 16] = [2, 6, 10, 6, 0, 13, 10, 15, 3, 3, 13, 5, 0, 9, 12, 13];
    all(|x| {
        let first = x >> 4 ^ P1[usize::from(x & 15)];
        let second = x & 15 ^ P2[usize::from(first)];
        let third = first ^ P3[usize::from(second)];
        (third << 4 | second).rotate_left(5)
    })
}

/// ZUC's S1: an affine map of the inverse over x^8 + x^7 + x^3 + x + 1.
pub(crate) fn zuc_s1() -> [u8; 256] {
    const COLUMNS: [u8; 8] = [0x97, 0x3E, 0x6D, 0xCB, 0xEE, 0xDD, 0xBB, 0x77];
    all(|x| {
        let inverse = power(x, 254, 0x18B);
        (0..8)
            .filter(|k| inverse >> k & 1 == 1)
            .fold(0x55, |sum, k| sum ^ COLUMNS[k])
    })
}
