//! ZUC in sixteen lanes with AVX-512 F, BW, DQ and VL.

use super::super::Lane;
use super::boxes::{Boxes, bytes, linear, nibbles};
use super::row::{FEW, row};
use super::stream::{StreamLane, in_groups};
use super::x86_narrow::Avx512Narrow;
use super::{generator, narrow, portable};
use crate::base::cpu::HaveAvx512;
use crate::kernel::isa::Isa;
use core::arch::x86_64::__m512i;

// S1 by the tower GF(16)^2. A byte x is mapped to (i, k), nibbles of GF(16) for which x = i z + j z', j = i + k, where
// z and z' are conjugates and z + z' = 1. With a = 1 / (z z'), io = 1 / (1/i + a/k) + j and jo = 1 / (1/j + a/k) + i
// are D / (k + a i) and D / (k + a j), D = k^2 + a i j; the inverse of x is linear in 1/io and 1/jo. 0x80 stands for
// 1/0: a look-up there gives 0.
const TOWER_LOW: [u8; 16] = bytes(0x0010_8f9f_0313_8c9c_3929_b6a6_3a2a_b5a5);
const TOWER_HIGH: [u8; 16] = bytes(0x0085_a722_1e9b_b93c_6eeb_c94c_70f5_d752);
const INVERSE: [u8; 16] = bytes(0x8001_0c08_060f_040e_030d_0b0a_0209_0705);
const A_OVER: [u8; 16] = bytes(0x800f_0b05_0903_0e0c_0804_0d02_070a_0601);
const FROM_IO: [u8; 16] = bytes(0x0092_0874_e204_7c96_0c9a_78ea_9ee6_70ee);
const FROM_JO: [u8; 16] = bytes(0x0005_1fd9_b965_c660_7a1a_a3a6_7fdc_bcc3);

impl Boxes for HaveAvx512 {
    type Isa = Self;

    #[inline(always)]
    fn isa(self) -> Self {
        self
    }

    /// 22 instructions at full width, nine of them shuffles. AESENCLAST has 16 bytes only, and to take the vector
    /// apart and to put it together again makes 23, eleven of them on the port of the shuffles.
    #[inline(always)]
    fn s1(self, x: __m512i) -> __m512i {
        let (k, i) = nibbles(self, linear(self, x, &TOWER_LOW, &TOWER_HIGH));
        let inverse = |x| self.shuffle(self.quad(&INVERSE), x);
        let j = self.xor(i, k);
        let a_over_k = self.shuffle(self.quad(&A_OVER), k);
        let io = self.xor(inverse(self.xor(inverse(i), a_over_k)), j);
        let jo = self.xor(inverse(self.xor(inverse(j), a_over_k)), i);
        self.xor3(
            self.shuffle(self.quad(&FROM_IO), io),
            self.shuffle(self.quad(&FROM_JO), jo),
            self.splat(0x5555_5555),
        )
    }
}

// Eight lanes of 64 bytes take 667 ns in 256 bits and 741 in 512, four 546 ns in 128 bits.
row! {
    proof: HaveAvx512, "aes,ssse3,sse4.1,avx2,avx512f,avx512bw,avx512dq,avx512vl", 16 lanes, narrow Avx512Narrow(proof),
    four up to 4: Avx512Narrow(proof);
    eight up to 8: HaveAvx512::avx2(proof);
    sixteen up to 16: proof;
}
