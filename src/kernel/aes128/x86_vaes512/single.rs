//! A whole message that comes alone: counter mode in a register of four blocks, then one chain of CMAC.

use super::super::whole::Whole;
use super::super::x86_subkey;
use super::message::{BEFORE, Shape, WIDTH, apply, before, ciphertext, covered, keystream};
use crate::kernel::x86::load;
use core::arch::x86_64::*;

/// The blocks of a chain but the first: encrypts what is there and XORs the next one on, with the first round key. In the
/// key of the last round both come along, so that a block takes ten instructions after each other and not eleven.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn chain(x: __m128i, next: __m128i, rounds: &[[u8; 16]; 11]) -> __m128i {
    let key = _mm_ternarylogic_epi64::<0x96>(load(&rounds[0]), load(&rounds[10]), next);
    inner(x, key, rounds)
}

/// The first block, with the first round key.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn begun(first: __m128i, rounds: &[[u8; 16]; 11]) -> __m128i {
    _mm_xor_si128(first, load(&rounds[0]))
}

/// The end of a chain.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn ended(x: __m128i, rounds: &[[u8; 16]; 11]) -> __m128i {
    inner(x, load(&rounds[10]), rounds)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn inner(mut x: __m128i, last: __m128i, rounds: &[[u8; 16]; 11]) -> __m128i {
    for key in &rounds[1..10] {
        x = _mm_aesenc_si128(x, load(key));
    }
    _mm_aesenclast_si128(x, last)
}

/// K1 or K2 of a message.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn subkey<L: Whole>(lane: &L, shape: Shape) -> __m128i {
    let k1 = load(&lane.int().k1);
    if shape.covered.is_multiple_of(16) {
        k1
    } else {
        x86_subkey::double(k1)
    }
}

/// A single regular message of one register of ciphered bytes. Few instructions: while the chain of one message waits
/// for itself, the processor is to reach the next.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn short<L: Whole>(lane: &mut L) {
    let shape = Shape::of(lane);
    let front = before(lane);
    let z = if L::OPENS {
        _mm512_setzero_si512()
    } else {
        keystream(lane, 0)
    };
    let c = ciphertext(lane, shape.mask(0), 0, z);
    let m = covered(shape, 0, c, front);
    let rounds = &lane.int().schedule.0;
    let subkey = subkey(lane, shape);
    let first = _mm512_castsi512_si128(m);
    let x = if shape.blocks == 1 {
        begun(_mm_xor_si128(first, subkey), rounds)
    } else {
        let x = begun(first, rounds);
        let second = _mm512_extracti32x4_epi32::<1>(m);
        if shape.blocks == 2 {
            chain(x, _mm_xor_si128(second, subkey), rounds)
        } else {
            let x = chain(x, second, rounds);
            let third = _mm512_extracti32x4_epi32::<2>(m);
            let fourth = _mm512_extracti32x4_epi32::<3>(m);
            if shape.blocks == 3 {
                chain(x, _mm_xor_si128(third, subkey), rounds)
            } else {
                let x = chain(x, third, rounds);
                if shape.blocks == 4 {
                    chain(x, _mm_xor_si128(fourth, subkey), rounds)
                } else {
                    let x = chain(x, fourth, rounds);
                    let over = _mm_bsrli_si128::<{ 16 - BEFORE as i32 }>(
                        _mm512_extracti32x4_epi32::<3>(c),
                    );
                    let end = _mm_xor_si128(over, _mm512_castsi512_si128(shape.padding(1)));
                    chain(x, _mm_xor_si128(end, subkey), rounds)
                }
            }
        }
    };
    let x = ended(x, rounds);
    lane.put(_mm_cvtsi128_si32(x).to_ne_bytes());
    if L::OPENS {
        let z = keystream(lane, 0);
        let proceeds = u64::from(lane.proceeds()).wrapping_neg();
        apply(lane, shape.mask(0) & proceeds, 0, z);
    }
}

/// A single regular message.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn one<L: Whole>(lane: &mut L) {
    let shape = Shape::of(lane);
    if shape.ciphered <= WIDTH {
        return short(lane);
    }
    let mut last = before(lane);
    let subkey = subkey(lane, shape);
    let mut x = _mm_setzero_si128();
    for chunk in 0..shape.blocks.div_ceil(4) {
        let mut c = _mm512_setzero_si512();
        if WIDTH * chunk < shape.ciphered {
            let z = if L::OPENS { c } else { keystream(lane, chunk) };
            c = ciphertext(lane, shape.mask(chunk), chunk, z);
        }
        let m = covered(shape, chunk, c, last);
        last = c;
        let rounds = &lane.int().schedule.0;
        let blocks = [
            _mm512_castsi512_si128(m),
            _mm512_extracti32x4_epi32::<1>(m),
            _mm512_extracti32x4_epi32::<2>(m),
            _mm512_extracti32x4_epi32::<3>(m),
        ];
        for (step, block) in blocks.into_iter().enumerate() {
            let number = 4 * chunk + step + 1;
            let last = number == shape.blocks;
            let block = if last {
                _mm_xor_si128(block, subkey)
            } else {
                block
            };
            x = if number == 1 {
                begun(block, rounds)
            } else {
                chain(x, block, rounds)
            };
            if last {
                break;
            }
        }
    }
    let x = ended(x, &lane.int().schedule.0);
    lane.put(_mm_cvtsi128_si32(x).to_ne_bytes());
    if L::OPENS {
        for chunk in 0..shape.ciphered.div_ceil(WIDTH) {
            let z = keystream(lane, chunk);
            let proceeds = u64::from(lane.proceeds()).wrapping_neg();
            apply(lane, shape.mask(chunk) & proceeds, chunk, z);
        }
    }
}
