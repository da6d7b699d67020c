//! The S-boxes of ZUC over vectors, without a table that a secret indexes in memory.

use super::super::isa::Isa;

/// Bytes of a constant written as a number, the first byte first.
pub(super) const fn bytes(constant: u128) -> [u8; 16] {
    constant.to_be_bytes()
}

// S0 by nibbles: q = high + P1[low], r = low + P2[q], S0 = 2 q + C[r]; C holds the last round with P3 and the
// rotation by 5, which leaves q at bit 1.
pub(super) const P1: [u8; 16] = bytes(0x090f_000e_0f0f_020a_0004_000c_0705_0309);
pub(super) const P2: [u8; 16] = bytes(0x080d_0605_0700_0c04_0b01_0e0a_0f03_0902);
pub(super) const C: [u8; 16] = bytes(0x042c_546c_80ba_d4fe_0727_5b6b_81b3_d9fb);

// S1 by the field of AES: a linear map in, AES's SubBytes, an affine map out; each map is two tables of nibbles.
pub(super) const IN_LOW: [u8; 16] = bytes(0x0001_3233_7372_4140_7574_4746_0607_3435);
pub(super) const IN_HIGH: [u8; 16] = bytes(0x00d9_e831_cd14_25fc_2df4_c51c_e039_08d1);
pub(super) const OUT_LOW: [u8; 16] = bytes(0xfeb1_6e21_b5fa_256a_c986_5916_82cd_125d);
pub(super) const OUT_HIGH: [u8; 16] = bytes(0x0034_4276_3602_7440_6652_2410_5064_1226);

/// An instruction set with its best way to the boxes.
pub(super) trait Boxes: Copy {
    /// The vectors.
    type Isa: Isa;

    /// The operations on vectors.
    fn isa(self) -> Self::Isa;

    /// S1 of every byte.
    fn s1(self, x: <Self::Isa as Isa>::V) -> <Self::Isa as Isa>::V;

    /// `sum` and the products of the signed halves of every word of `a` and `b`.
    #[inline(always)]
    fn dot(
        self,
        sum: <Self::Isa as Isa>::V,
        a: <Self::Isa as Isa>::V,
        b: <Self::Isa as Isa>::V,
    ) -> <Self::Isa as Isa>::V {
        self.isa().add(sum, self.isa().dot(a, b))
    }

    /// The lower halves of `high` above the upper halves of `low`.
    #[inline(always)]
    fn between(
        self,
        high: <Self::Isa as Isa>::V,
        low: <Self::Isa as Isa>::V,
    ) -> <Self::Isa as Isa>::V {
        self.isa().rotl(self.isa().halves(low, high), 16)
    }

    /// S0 of every byte: nine instructions where three-way logic is one.
    #[inline(always)]
    fn s0(self, x: <Self::Isa as Isa>::V) -> <Self::Isa as Isa>::V {
        let isa = self.isa();
        let (q, r) = s0_rounds(isa, x);
        isa.xor(isa.add(q, q), isa.shuffle(isa.quad(&C), r))
    }
}

/// The nibbles of every byte: (low, high).
#[inline(always)]
pub(super) fn nibbles<I: Isa>(isa: I, x: I::V) -> (I::V, I::V) {
    let mask = isa.splat(0x0F0F_0F0F);
    (isa.and(x, mask), isa.and(isa.shr(x, 4), mask))
}

/// The two rounds of S0 before the last: (q, r).
#[inline(always)]
pub(super) fn s0_rounds<I: Isa>(isa: I, x: I::V) -> (I::V, I::V) {
    let (low, high) = nibbles(isa, x);
    let q = isa.xor(high, isa.shuffle(isa.quad(&P1), low));
    (q, isa.xor(low, isa.shuffle(isa.quad(&P2), q)))
}

/// A linear map of every byte, as two tables of nibbles.
#[inline(always)]
pub(super) fn linear<I: Isa>(isa: I, x: I::V, low_table: &[u8; 16], high_table: &[u8; 16]) -> I::V {
    let (low, high) = nibbles(isa, x);
    isa.xor(
        isa.shuffle(isa.quad(low_table), low),
        isa.shuffle(isa.quad(high_table), high),
    )
}

#[cfg(test)]
mod tests;
