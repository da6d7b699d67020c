//! kc.json: constants of kernels, each held against tables computed from their definitions. The GFNI instructions are
//! applied bit by bit.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::tally::{DEFINITION, Tally};
use crate::definitions::{
    aes_inverse, aes_s, div_alpha, mul_alpha, power, product, snow3g_sq, zuc_s0, zuc_s1,
};
use crate::hex::Fixed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "ZUC_S0_fused")]
    s0: S0,
    #[serde(rename = "ZUC_S1_gfni")]
    s1_gfni: S1Gfni,
    #[serde(rename = "ZUC_S1_aesni")]
    s1_aesni: S1Aesni,
    #[serde(rename = "SNOW3G_SQ_gfni")]
    sq: Sq,
    xtime69_gfni: Matrix,
    xtime1b_gfni: Matrix,
    #[serde(rename = "AES_SR_gfniinv")]
    sr: String,
    #[serde(rename = "MULalpha_gfni_byte3..0")]
    mul_alpha: [Matrix; 4],
    #[serde(rename = "DIValpha_gfni_byte3..0")]
    div_alpha: [Matrix; 4],
    #[serde(rename = "EIA3_clmul")]
    eia3: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct S0 {
    #[serde(rename = "P1")]
    p1: Fixed<16>,
    #[serde(rename = "P2")]
    p2: Fixed<16>,
    #[serde(rename = "A")]
    a: Fixed<16>,
    #[serde(rename = "C")]
    c: Fixed<16>,
    formula: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct S1Gfni {
    pairs: Vec<[Matrix; 2]>,
    formula: IgnoredAny,
    note: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct S1Aesni {
    in_lo: Fixed<16>,
    in_hi: Fixed<16>,
    out_lo: Fixed<16>,
    out_hi: Fixed<16>,
    formula: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Sq {
    in_out_pairs: Vec<[Matrix; 2]>,
    square: Matrix,
    fourth: Matrix,
    formula: IgnoredAny,
}

/// A matrix as GF2P8AFFINEQB takes it: the highest octet is the row of bit 0.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Matrix([u8; 8]);

impl TryFrom<String> for Matrix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let word =
            u64::from_str_radix(&text, 16).map_err(|error| format!("matrix {text:?}: {error}"))?;
        if text.len() == 16 {
            Ok(Self(word.to_be_bytes()))
        } else {
            Err(format!("matrix {text:?} has not 16 digits"))
        }
    }
}

impl Matrix {
    /// GF2P8AFFINEQB.
    fn affine(self, x: u8, constant: u8) -> u8 {
        let bits = (0..8).map(|i| ((self.0[i] & x).count_ones() as u8 & 1) << i);
        bits.fold(constant, |sum, bit| sum ^ bit)
    }

    /// GF2P8AFFINEINVQB.
    fn affine_inverse(self, x: u8, constant: u8) -> u8 {
        self.affine(aes_inverse(x), constant)
    }
}

fn everywhere(tally: &mut Tally, name: &str, holds: impl Fn(u8) -> bool) {
    let wrong = (0..=255).find(|&x| !holds(x));
    tally.note(
        name,
        wrong.map_or(Ok(()), |x| Err(format!("wrong at {x:02x}"))),
    );
}

pub(super) fn read(json: Value) -> Result<Vec<Tally>, String> {
    let file: File = super::files::typed(json)?;
    let mut tally = Tally::new(DEFINITION);
    zuc(&mut tally, &file);
    snow3g(&mut tally, &file);
    aes(&mut tally, &file)?;
    tally.expect(
        "EIA3_clmul",
        file.eia3.contains("bits 63..32") && windows_hold(),
        "the product is not the window",
    );
    Ok(vec![tally])
}

fn zuc(tally: &mut Tally, file: &File) {
    let low = |table: &Fixed<16>, x: u8| table.0[usize::from(x & 15)];
    let s0 = zuc_s0();
    everywhere(tally, "ZUC_S0_fused", |x| {
        let q = x >> 4 ^ low(&file.s0.p1, x);
        let r = x & 15 ^ low(&file.s0.p2, q);
        low(&file.s0.a, q) ^ low(&file.s0.c, r) == s0[usize::from(x)]
    });
    let s1 = zuc_s1();
    for [inner, outer] in &file.s1_gfni.pairs {
        everywhere(tally, "ZUC_S1_gfni", |x| {
            outer.affine_inverse(inner.affine(x, 0), 0x55) == s1[usize::from(x)]
        });
    }
    let (table, sr) = (&file.s1_aesni, aes_s());
    everywhere(tally, "ZUC_S1_aesni", |x| {
        let y = low(&table.in_lo, x) ^ low(&table.in_hi, x >> 4);
        let z = sr[usize::from(y)];
        low(&table.out_lo, z) ^ low(&table.out_hi, z >> 4) == s1[usize::from(x)]
    });
}

fn snow3g(tally: &mut Tally, file: &File) {
    let Sq { square, fourth, .. } = file.sq;
    everywhere(tally, "square", |x| {
        square.affine(x, 0) == power(x, 2, 0x11B)
    });
    everywhere(tally, "fourth", |x| {
        fourth.affine(x, 0) == power(x, 4, 0x11B)
    });
    let sq = snow3g_sq();
    let half = |y: u8| {
        let (y2, y4) = (square.affine(y, 0), fourth.affine(y, 0));
        y ^ product(y, y4 ^ product(y4, y2, 0x11B), 0x11B)
    };
    for [inner, outer] in &file.sq.in_out_pairs {
        everywhere(tally, "SNOW3G_SQ_gfni", |x| {
            outer.affine(half(half(inner.affine(x, 0))), 0x25) == sq[usize::from(x)]
        });
    }
    for (name, matrices, word) in [
        ("MULalpha", &file.mul_alpha, mul_alpha as fn(u8) -> u32),
        ("DIValpha", &file.div_alpha, div_alpha),
    ] {
        for (place, matrix) in matrices.iter().enumerate() {
            everywhere(tally, name, |x| {
                matrix.affine(x, 0) == word(x).to_be_bytes()[place]
            });
        }
    }
}

fn aes(tally: &mut Tally, file: &File) -> Result<(), String> {
    everywhere(tally, "xtime69", |x| {
        file.xtime69_gfni.affine(x, 0) == product(x, 2, 0x169)
    });
    everywhere(tally, "xtime1b", |x| {
        file.xtime1b_gfni.affine(x, 0) == product(x, 2, 0x11B)
    });
    let (matrix, constant) = file
        .sr
        .split_once(" imm 0x")
        .ok_or("AES_SR_gfniinv has no immediate")?;
    let matrix = Matrix::try_from(matrix.to_owned())?;
    let constant =
        u8::from_str_radix(constant, 16).map_err(|error| format!("AES_SR_gfniinv: {error}"))?;
    let sr = aes_s();
    everywhere(tally, "AES_SR_gfniinv", |x| {
        matrix.affine_inverse(x, constant) == sr[usize::from(x)]
    });
    Ok(())
}

/// Bits 63..32 of the carry-less product of the reversed message word and two keystream words are the XOR of the
/// keystream windows at the set message bits.
fn windows_hold() -> bool {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state ^ state >> 29
    };
    (0..1000).all(|_| {
        let (message, window) = (next() as u32, next());
        let reversed = message.reverse_bits();
        let product = (0..32)
            .filter(|i| reversed >> i & 1 == 1)
            .fold(0_u128, |sum, i| sum ^ u128::from(window) << i);
        let windows = (0..32)
            .filter(|i| message >> (31 - i) & 1 == 1)
            .fold(0_u32, |sum, i| sum ^ (window << i >> 32) as u32);
        (product >> 32) as u32 == windows
    })
}
