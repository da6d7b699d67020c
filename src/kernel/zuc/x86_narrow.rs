//! Two lanes of 64 bits in 128 bits, and four in 256, for `narrow`: AES-NI, AVX2, and the forms of AVX-512VL and GFNI.

use super::boxes::{Boxes, C, IN_HIGH, IN_LOW, OUT_HIGH, OUT_LOW, P1, P2, nibbles, s0_rounds};
use super::narrow::{MOST, Narrow};
use super::x86_aesni::UNSHIFT;
use super::x86_gfni512::{FROM_AES, TO_AES};
use crate::base::cpu::{HaveAesNi, HaveAvx2, HaveAvx512, HaveGfni512, apart};
use crate::kernel::isa::Isa;
use core::arch::x86_64::*;

/// The bytes of S0.
const ODD: __mmask16 = 0xAAAA;

/// The lower words.
const LOWER: usize = 0b0101;

/// Three-way logic: `a | b & c`.
const OR_AND: i32 = 0xF8;

/// The same vector, of which the compiler knows nothing: it makes two or three instructions of one that has a constant.
#[inline(always)]
fn opaque(v: __m128i) -> __m128i {
    let mut v = v;
    // SAFETY: no instruction at all.
    unsafe {
        core::arch::asm!("/* {0} */", inout(xmm_reg) v, options(pure, nomem, nostack, preserves_flags));
    }
    v
}

/// 128 bits with the shifts of AVX2.
#[derive(Clone, Copy)]
pub(super) struct Avx2Narrow(pub(super) HaveAvx2);

/// 128 bits with the rotations of AVX-512VL.
#[derive(Clone, Copy)]
pub(super) struct Avx512Narrow(pub(super) HaveAvx512);

/// 128 bits with the rotations of AVX-512VL and the box of GFNI.
#[derive(Clone, Copy)]
pub(super) struct GfniNarrow(pub(super) HaveGfni512);

impl Boxes for Avx2Narrow {
    type Isa = HaveAesNi;

    #[inline(always)]
    fn isa(self) -> HaveAesNi {
        self.0.aes_ni()
    }

    #[inline(always)]
    fn s1(self, x: __m128i) -> __m128i {
        self.isa().s1(x)
    }
}

impl Boxes for Avx512Narrow {
    type Isa = HaveAesNi;

    #[inline(always)]
    fn isa(self) -> HaveAesNi {
        self.0.avx2().aes_ni()
    }

    #[inline(always)]
    fn s1(self, x: __m128i) -> __m128i {
        self.isa().s1(x)
    }
}

impl Boxes for GfniNarrow {
    type Isa = HaveAesNi;

    #[inline(always)]
    fn isa(self) -> HaveAesNi {
        self.0.avx512().avx2().aes_ni()
    }

    #[inline(always)]
    fn s1(self, x: __m128i) -> __m128i {
        // SAFETY: the token proves AVX-512VL and GFNI.
        unsafe {
            let mapped = _mm_gf2p8affine_epi64_epi8::<0>(x, _mm_set1_epi64x(TO_AES as i64));
            _mm_gf2p8affineinv_epi64_epi8::<0x55>(mapped, _mm_set1_epi64x(FROM_AES as i64))
        }
    }
}

macro_rules! narrow128 {
    ($($token:ty, |$x:ident| $turn:expr, { $($better:item)* })*) => { $(
        impl Narrow for $token {
            const LANES: usize = 2;

            #[inline(always)]
            fn lower(self, [a, b, ..]: [u32; MOST]) -> __m128i {
                // SAFETY: SSE2 is part of x86-64.
                unsafe { _mm_set_epi64x(i64::from(b), i64::from(a)) }
            }

            #[inline(always)]
            fn lanes(self, v: __m128i) -> [u64; MOST] {
                // SAFETY: the token proves SSE4.1.
                unsafe { [_mm_cvtsi128_si64(v) as u64, _mm_extract_epi64::<1>(v) as u64, 0, 0] }
            }

            #[inline(always)]
            fn add64(self, a: __m128i, b: __m128i) -> __m128i {
                // SAFETY: SSE2 is part of x86-64.
                unsafe { _mm_add_epi64(a, b) }
            }

            #[inline(always)]
            fn shl64(self, a: __m128i, bits: u32) -> __m128i {
                // SAFETY: SSE2 is part of x86-64. The count is a constant after inlining.
                unsafe { _mm_sll_epi64(a, _mm_cvtsi32_si128(bits as i32)) }
            }

            #[inline(always)]
            fn shr64(self, a: __m128i, bits: u32) -> __m128i {
                // SAFETY: as in `shl64`.
                unsafe { _mm_srl_epi64(a, _mm_cvtsi32_si128(bits as i32)) }
            }

            #[inline(always)]
            fn join(self, upper: __m128i, lower: __m128i) -> __m128i {
                // SAFETY: the token proves SSE4.1.
                unsafe { _mm_blend_epi16::<0b1100_1100>(lower, upper) }
            }

            #[inline(always)]
            fn times(self, a: __m128i, constant: u32) -> __m128i {
                // SAFETY: SSE2 is part of x86-64.
                unsafe { _mm_mul_epu32(a, opaque(_mm_set1_epi64x(i64::from(constant)))) }
            }

            #[inline(always)]
            fn turn(self, $x: __m128i) -> __m128i {
                // SAFETY: the token proves what the expression uses: SSE4.1, or AVX-512VL.
                unsafe { $turn }
            }

            $($better)*
        }
    )* };
}

narrow128! {
    HaveAesNi, |x| _mm_or_si128(
        _mm_blend_epi16::<0b1100_1100>(_mm_slli_epi32::<14>(x), _mm_slli_epi32::<10>(x)),
        _mm_blend_epi16::<0b1100_1100>(_mm_srli_epi32::<18>(x), _mm_srli_epi32::<22>(x)),
    ), {}

    Avx2Narrow, |x| _mm_or_si128(
        _mm_sllv_epi32(x, _mm_setr_epi32(14, 10, 14, 10)),
        _mm_srlv_epi32(x, _mm_setr_epi32(18, 22, 18, 22)),
    ), {}

    Avx512Narrow, |x| _mm_rolv_epi32(x, _mm_setr_epi32(14, 10, 14, 10)), {
        #[inline(always)]
        fn half(self, a: __m128i) -> __m128i {
            // SAFETY: the token proves AVX-512VL.
            unsafe { _mm_maskz_srli_epi32::<1>(apart(LOWER) as __mmask8, a) }
        }

        #[inline(always)]
        fn boxes(self, m: __m128i, r: __m128i, with: __m128i) -> (__m128i, __m128i) {
            let isa = self.isa();
            let x = isa.xor3(m, isa.rotl(m, 8), isa.rotl(r, 16));
            let (low, high) = nibbles(isa, x);
            // Both boxes begin with the nibbles.
            let mapped = isa.xor(
                isa.shuffle(isa.quad(&IN_LOW), low),
                isa.shuffle(isa.quad(&IN_HIGH), high),
            );
            let q = isa.xor(high, isa.shuffle(isa.quad(&P1), low));
            let r = isa.xor(low, isa.shuffle(isa.quad(&P2), q));
            // SAFETY: the token proves AES, and AVX-512 BW and VL.
            unsafe {
                let mapped = _mm_shuffle_epi8(mapped, opaque(isa.quad(&UNSHIFT)));
                let box_ = _mm_aesenclast_si128(mapped, _mm_setzero_si128());
                let s0 = _mm_xor_si128(
                    _mm_maskz_add_epi8(ODD, q, q),
                    _mm_maskz_shuffle_epi8(ODD, isa.quad(&C), r),
                );
                // A place of 0x80 keeps the bytes of S0 out of the tables.
                let (nowhere, mask) = (_mm_set1_epi16(0x8000_u16 as i16), _mm_set1_epi8(0x0F));
                let low = _mm_ternarylogic_epi32::<OR_AND>(nowhere, box_, mask);
                let high = _mm_ternarylogic_epi32::<OR_AND>(nowhere, _mm_srli_epi32::<4>(box_), mask);
                let low = _mm_shuffle_epi8(isa.quad(&OUT_LOW), low);
                let high = _mm_shuffle_epi8(isa.quad(&OUT_HIGH), high);
                (
                    _mm_ternarylogic_epi32::<0x96>(s0, low, high),
                    _mm_ternarylogic_epi32::<0x96>(_mm_xor_si128(s0, with), low, high),
                )
            }
        }
    }

    GfniNarrow, |x| _mm_rolv_epi32(x, _mm_setr_epi32(14, 10, 14, 10)), {
        #[inline(always)]
        fn half(self, a: __m128i) -> __m128i {
            // SAFETY: the token proves AVX-512VL.
            unsafe { _mm_maskz_srli_epi32::<1>(apart(LOWER) as __mmask8, a) }
        }

        #[inline(always)]
        fn boxes(self, m: __m128i, r: __m128i, with: __m128i) -> (__m128i, __m128i) {
            let isa = self.isa();
            let x = isa.xor3(m, isa.rotl(m, 8), isa.rotl(r, 16));
            let (q, r) = s0_rounds(isa, x);
            let c = self.isa().quad(&C);
            // SAFETY: the token proves AVX-512 BW and VL.
            unsafe {
                let early = _mm_mask_add_epi8(self.s1(x), ODD, q, q);
                let late = _mm_maskz_shuffle_epi8(ODD, c, r);
                (
                    _mm_xor_si128(early, late),
                    _mm_ternarylogic_epi32::<0x96>(early, late, with),
                )
            }
        }
    }
}
