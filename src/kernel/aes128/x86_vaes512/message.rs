//! Whole messages: counter mode with four blocks of a message in a register, CMAC with one block of each of four.
//! The blocks go from one to the other in registers: CMAC's stand nine bytes, the head and the byte in the clear,
//! behind those of counter mode.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::whole::Whole;
use super::expand::{CONSTANTS, next_round};
use super::single;
use crate::kernel::x86::load;
use core::arch::x86_64::*;

/// Registers of CMAC chains a group.
const ZMM: usize = 2;

/// Messages a group.
pub(super) const GROUP: usize = 4 * ZMM;

/// Bytes of CMAC's input before the ciphered ones: the head and the byte in the clear.
pub(super) const BEFORE: usize = 9;

/// Bytes a register.
pub(super) const WIDTH: usize = 64;

/// 0x80 at the end of 64 zeros, then 64 more: read from place `64 - n` on it is the padding behind `n` bytes.
static PADDING: [u8; 2 * WIDTH + 1] = {
    let mut padding = [0; 2 * WIDTH + 1];
    padding[WIDTH] = 0x80;
    padding
};

/// A message's lengths.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Ciphered bytes.
    pub(super) ciphered: usize,
    /// Bytes that CMAC covers.
    pub(super) covered: usize,
    /// Its blocks.
    pub(super) blocks: usize,
}

impl Shape {
    #[inline(always)]
    pub(super) fn of<L: Whole>(lane: &L) -> Self {
        let ciphered = lane.text().len() - 1;
        let covered = ciphered + BEFORE;
        Self {
            ciphered,
            covered,
            blocks: covered.div_ceil(16),
        }
    }

    /// A bit for each ciphered byte of those from `64 * chunk` on.
    #[inline(always)]
    pub(super) fn mask(self, chunk: usize) -> u64 {
        let left = self.ciphered.saturating_sub(WIDTH * chunk);
        if left >= WIDTH {
            u64::MAX
        } else {
            (1 << left) - 1
        }
    }

    /// The padding in the same place of CMAC's input.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
    pub(super) fn padding(self, chunk: usize) -> __m512i {
        let place = (WIDTH + WIDTH * chunk).saturating_sub(self.covered);
        let place = place.min(WIDTH + 1);
        // SAFETY: `place + 64` is at most the length of the table; any alignment.
        unsafe { _mm512_loadu_si512(PADDING.as_ptr().add(place).cast()) }
    }
}

/// What stands before the ciphered bytes, at the end of a register.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn before<L: Whole>(lane: &L) -> __m512i {
    let head = u64::from_le_bytes(lane.head());
    let clear = u64::from(lane.text()[0]);
    let low = _mm512_maskz_set1_epi64(0b0100_0000, (head << 56) as i64);
    _mm512_mask_set1_epi64(low, 0b1000_0000, (head >> 8 | clear << 56) as i64)
}

/// Blocks of CMAC's input, four from `64 * chunk` on: ciphered bytes `c`, after those of `last`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn covered(shape: Shape, chunk: usize, c: __m512i, last: __m512i) -> __m512i {
    let blocks = _mm512_alignr_epi8::<{ 16 - BEFORE as i32 }>(c, _mm512_alignr_epi64::<6>(c, last));
    _mm512_xor_si512(blocks, shape.padding(chunk))
}

/// Keystream of a message, 64 bytes from `64 * chunk` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn keystream<L: Whole>(lane: &L, chunk: usize) -> __m512i {
    let last = |n: i64| n << 56;
    let four = _mm512_setr_epi64(0, last(0), 0, last(1), 0, last(2), 0, last(3));
    let first = (4 * chunk as u64).to_be();
    let numbers = _mm512_or_si512(four, _mm512_maskz_set1_epi64(0b1010_1010, first as i64));
    let head = _mm512_maskz_set1_epi64(0b0101_0101, i64::from_le_bytes(lane.head()));
    let rounds = &lane.enc().0;
    let key = |round: usize| _mm512_broadcast_i32x4(load(&rounds[round]));
    let mut z = _mm512_ternarylogic_epi64::<0x96>(numbers, head, key(0));
    for round in 1..10 {
        z = _mm512_aesenc_epi128(z, key(round));
    }
    _mm512_aesenclast_epi128(z, key(10))
}

/// The ciphered bytes from `64 * chunk` on that have a bit in the mask, which must be in the text; zeros for the others.
/// Encrypts them first where that is wanted.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn ciphertext<L: Whole>(lane: &mut L, mask: u64, chunk: usize, z: __m512i) -> __m512i {
    if !L::OPENS {
        return apply(lane, mask, chunk, z);
    }
    let place = lane.text().as_ptr().wrapping_add(1 + WIDTH * chunk);
    // SAFETY: only bytes with a bit in the mask are touched.
    unsafe { _mm512_maskz_loadu_epi8(mask, place.cast()) }
}

/// XORs keystream onto the bytes from `64 * chunk` on that have a bit in the mask, which must be in the text. Gives what
/// they are then, zeros for the others.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn apply<L: Whole>(lane: &mut L, mask: u64, chunk: usize, z: __m512i) -> __m512i {
    let stands = lane.stands();
    let place = lane.goes();
    let source = stands.unwrap_or(place.cast_const());
    let source = source.wrapping_add(WIDTH * chunk);
    let place = place.wrapping_add(WIDTH * chunk);
    // SAFETY: only bytes with a bit in the mask are touched; of those that stand elsewhere there are as many.
    unsafe {
        let text = _mm512_maskz_loadu_epi8(mask, source.cast());
        let text = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(text, z));
        _mm512_mask_storeu_epi8(place.cast(), mask, text);
        text
    }
}

/// Four blocks side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn join(blocks: [&[u8; 16]; 4]) -> __m512i {
    let wide = _mm512_castsi128_si512(load(blocks[0]));
    let wide = _mm512_inserti32x4::<1>(wide, load(blocks[1]));
    let wide = _mm512_inserti32x4::<2>(wide, load(blocks[2]));
    _mm512_inserti32x4::<3>(wide, load(blocks[3]))
}

/// The first block of each register, the second of each, and so on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn transposed(m: [__m512i; 4]) -> [__m512i; 4] {
    let low = _mm512_shuffle_i64x2::<0x44>(m[0], m[1]);
    let high = _mm512_shuffle_i64x2::<0xEE>(m[0], m[1]);
    let low_2 = _mm512_shuffle_i64x2::<0x44>(m[2], m[3]);
    let high_2 = _mm512_shuffle_i64x2::<0xEE>(m[2], m[3]);
    [
        _mm512_shuffle_i64x2::<0x88>(low, low_2),
        _mm512_shuffle_i64x2::<0xDD>(low, low_2),
        _mm512_shuffle_i64x2::<0x88>(high, high_2),
        _mm512_shuffle_i64x2::<0xDD>(high, high_2),
    ]
}

/// Doubles four numbers of GF(2^128) as SP 800-38B, 6.1 does.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn double(blocks: __m512i) -> __m512i {
    let behind = _mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0);
    let bits = _mm_setr_epi8(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -0x79);
    let left = _mm512_shuffle_epi8(blocks, _mm512_broadcast_i32x4(behind));
    let carry = _mm512_maskz_mov_epi8(_mm512_movepi8_mask(left), _mm512_broadcast_i32x4(bits));
    _mm512_xor_si512(_mm512_add_epi8(blocks, blocks), carry)
}

/// Round keys by round, then register.
type Rounds<const Z: usize> = [[__m512i; Z]; 11];

/// The round keys of raw keys, four side by side in each of `Z` registers of counter mode and of CMAC, and zero blocks
/// under the latter; see the AES-NI row for the way. Expanding anew costs four messages less than fetching what was
/// expanded: a schedule is three lines, which seldom are in the first cache, and putting four of them side by side
/// takes as many instructions as this.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn expand<L: Whole, const Z: usize>(
    fours: &[[L; 4]; Z],
    enc: &mut Rounds<Z>,
    int: &mut Rounds<Z>,
) -> [__m512i; Z] {
    for z in 0..Z {
        let four = &fours[z];
        enc[0][z] = join(four.each_ref().map(|lane| lane.enc().key()));
        int[0][z] = join(four.each_ref().map(|lane| lane.int().schedule.key()));
    }
    let mut keys = [enc[0], int[0]];
    let mut zero = int[0];
    for (i, constant) in CONSTANTS.into_iter().enumerate() {
        for z in 0..Z {
            for keys in &mut keys {
                keys[z] = next_round(keys[z], constant);
            }
            enc[i + 1][z] = keys[0][z];
            int[i + 1][z] = keys[1][z];
            zero[z] = if i < 9 {
                _mm512_aesenc_epi128(zero[z], keys[1][z])
            } else {
                _mm512_aesenclast_epi128(zero[z], keys[1][z])
            };
        }
    }
    zero
}

/// The heads of four messages, each the first half of a block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn heads<L: Whole>(lanes: &[L; 4]) -> __m512i {
    let mut heads = _mm512_setzero_si512();
    for (i, lane) in lanes.iter().enumerate() {
        heads = _mm512_mask_set1_epi64(heads, 1 << (2 * i), i64::from_le_bytes(lane.head()));
    }
    heads
}

/// The keystreams of `4 * Z` messages from `64 * chunk` on, each message in a register.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn keystreams<const Z: usize>(
    rounds: &Rounds<Z>,
    heads: &[__m512i; Z],
    chunk: usize,
) -> [[__m512i; 4]; Z] {
    let mut blocks = [[_mm512_setzero_si512(); 4]; Z];
    for i in 0..4 {
        let number = ((4 * chunk + i) as u64).to_be();
        let number = _mm512_maskz_set1_epi64(0b1010_1010, number as i64);
        for z in 0..Z {
            blocks[z][i] = _mm512_ternarylogic_epi64::<0x96>(heads[z], number, rounds[0][z]);
        }
    }
    for keys in &rounds[1..10] {
        for z in 0..Z {
            for i in 0..4 {
                blocks[z][i] = _mm512_aesenc_epi128(blocks[z][i], keys[z]);
            }
        }
    }
    for z in 0..Z {
        for i in 0..4 {
            blocks[z][i] = _mm512_aesenclast_epi128(blocks[z][i], rounds[10][z]);
        }
        blocks[z] = transposed(blocks[z]);
    }
    blocks
}

/// The blocks that CMAC takes of each of four messages, twice, and K1 or K2 of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
fn ends(shapes: &[Shape; 4], zero: __m512i) -> (__m512i, __m512i) {
    let k1 = double(zero);
    let mut whole = 0;
    let mut blocks = _mm512_setzero_si512();
    for (i, shape) in shapes.iter().enumerate() {
        let both = 3 << (2 * i);
        blocks = _mm512_mask_set1_epi64(blocks, both, shape.blocks as i64);
        whole |= if shape.covered.is_multiple_of(16) {
            both
        } else {
            0
        };
    }
    (blocks, _mm512_mask_mov_epi64(double(k1), whole, k1))
}

/// `4 * Z` regular messages in step. A chain that has ended computes on, its MAC already taken.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn group<L: Whole, const Z: usize>(fours: &mut [[L; 4]; Z]) {
    let nothing = _mm512_setzero_si512();
    let mut shapes = [[Shape::of(&fours[0][0]); 4]; Z];
    let mut last = [[nothing; 4]; Z];
    let mut front = [nothing; Z];
    let mut longest = 0;
    for z in 0..Z {
        for i in 0..4 {
            shapes[z][i] = Shape::of(&fours[z][i]);
            last[z][i] = before(&fours[z][i]);
            longest = longest.max(shapes[z][i].ciphered);
        }
        front[z] = heads(&fours[z]);
    }
    let most = (longest + BEFORE).div_ceil(16);
    let (mut enc, mut int) = ([[nothing; Z]; 11], [[nothing; Z]; 11]);
    let zero = expand(fours, &mut enc, &mut int);
    let (mut counts, mut subkeys) = ([nothing; Z], [nothing; Z]);
    for z in 0..Z {
        (counts[z], subkeys[z]) = ends(&shapes[z], zero[z]);
    }
    let (mut x, mut macs) = ([nothing; Z], [nothing; Z]);
    for chunk in 0..most.div_ceil(4) {
        let mut c = [[nothing; 4]; Z];
        if WIDTH * chunk < longest {
            if !L::OPENS {
                c = keystreams(&enc, &front, chunk);
            }
            for z in 0..Z {
                for i in 0..4 {
                    let mask = shapes[z][i].mask(chunk);
                    c[z][i] = ciphertext(&mut fours[z][i], mask, chunk, c[z][i]);
                }
            }
        }
        let mut blocks = [[nothing; 4]; Z];
        for z in 0..Z {
            for i in 0..4 {
                blocks[z][i] = covered(shapes[z][i], chunk, c[z][i], last[z][i]);
            }
            blocks[z] = transposed(blocks[z]);
            last[z] = c[z];
        }
        for step in 0..4.min(most - 4 * chunk) {
            let number = _mm512_set1_epi64((4 * chunk + step + 1) as i64);
            let mut ended = [0; Z];
            for z in 0..Z {
                let block = blocks[z][step];
                ended[z] = _mm512_cmpeq_epi64_mask(counts[z], number);
                let block = _mm512_mask_xor_epi64(block, ended[z], block, subkeys[z]);
                x[z] = _mm512_ternarylogic_epi64::<0x96>(x[z], block, int[0][z]);
            }
            for keys in &int[1..10] {
                for z in 0..Z {
                    x[z] = _mm512_aesenc_epi128(x[z], keys[z]);
                }
            }
            for z in 0..Z {
                x[z] = _mm512_aesenclast_epi128(x[z], int[10][z]);
                macs[z] = _mm512_mask_mov_epi64(macs[z], ended[z], x[z]);
            }
        }
    }
    for z in 0..Z {
        let mac = _mm512_castsi512_si128(_mm512_maskz_compress_epi32(0x1111, macs[z]));
        fours[z][0].put(_mm_extract_epi32::<0>(mac).to_ne_bytes());
        fours[z][1].put(_mm_extract_epi32::<1>(mac).to_ne_bytes());
        fours[z][2].put(_mm_extract_epi32::<2>(mac).to_ne_bytes());
        fours[z][3].put(_mm_extract_epi32::<3>(mac).to_ne_bytes());
    }
    if !L::OPENS {
        return;
    }
    for chunk in 0..longest.div_ceil(WIDTH) {
        let streams = keystreams(&enc, &front, chunk);
        for z in 0..Z {
            for i in 0..4 {
                let proceeds = u64::from(fours[z][i].proceeds()).wrapping_neg();
                let mask = shapes[z][i].mask(chunk) & proceeds;
                apply(&mut fours[z][i], mask, chunk, streams[z][i]);
            }
        }
    }
}

/// Any number of regular messages.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes,aes,avx2,ssse3,sse4.1")]
pub(super) fn many<L: Whole>(lanes: &mut [L]) {
    let (fours, rest) = lanes.as_chunks_mut::<4>();
    let (groups, fours) = fours.as_chunks_mut::<ZMM>();
    for fours in groups {
        group(fours);
    }
    for four in fours {
        group(core::array::from_mut(four));
    }
    for lane in rest {
        single::one(lane);
    }
}
