//! Counter mode of one message, twelve blocks at most at a time, and the blocks that CMAC takes.

#![allow(clippy::needless_range_loop)] // several arrays side by side, unrolled

use super::super::Key;
use super::super::whole::Whole;
use super::super::x86_subkey::double;
use super::{Rounds, rounds};
use crate::base::cpu::apart;
use crate::kernel::x86::load;
use crate::kernel::x86_bytes::{number, short, store_short, vector};
use core::arch::x86_64::*;
use core::mem::MaybeUninit;

/// Blocks of counter mode a piece.
const PIECE: usize = 8;

/// Its bytes.
pub(super) const PIECE_BYTES: usize = 16 * PIECE;

/// Blocks of counter mode of the longest message that is a single piece: they and a round key have a register each.
/// All of the NAS mix is then medium; a message of 160 bytes in groups took 41 ns in two pieces.
const MEDIUM: usize = 12;

/// Its bytes.
pub(super) const MEDIUM_BYTES: usize = 16 * MEDIUM;

/// CMAC's blocks of a piece: the last has one more when nine more bytes do not fit.
pub(super) const STAGED: usize = MEDIUM + 1;

/// Bytes of CMAC's input before the ciphered ones: the head and the byte in the clear.
const BEFORE: usize = 9;

/// What CMAC takes, block by block.
pub(super) type Staged = [MaybeUninit<__m128i>; STAGED];

/// Ciphered bytes that need care: with them the message has fewer than 16.
const SHORT: usize = 15;

/// For PSHUFB, and behind it what is padding. Read from place `32 - n` on the first part moves the last `n` bytes of a
/// vector to its front and clears the rest; from place `n` on it moves the first `n` to its end and clears the rest.
/// 32 places behind, that of `32 - n` has the padding behind `n` bytes.
static PLACES: [u8; 80] = {
    let mut places = [0x80; 80];
    let mut i = 0;
    while i < 16 {
        places[16 + i] = i as u8;
        places[48 + i] = 0;
        places[64 + i] = 0;
        i += 1;
    }
    places[64] = 0x80;
    places
};

/// 16 bytes from a place on.
#[inline(always)]
unsafe fn from(place: usize) -> __m128i {
    debug_assert!(place <= 64);
    // SAFETY: the caller has a place of 64 at most.
    unsafe { _mm_loadu_si128(PLACES.as_ptr().add(place).cast()) }
}

/// The first counter block of a piece; `begin` bytes, whole pieces, are before it.
#[inline(always)]
fn first<L: Whole>(lane: &L, begin: usize) -> __m128i {
    let number = (begin / 16) as u64;
    vector(u128::from(number.to_be()) << 64 | front(lane))
}

/// The head in the low half. It was stored alone: loaded together with what stands behind it, as the compiler would, it
/// comes when that store has left the processor's queue, which is after the message before has ended.
#[inline(always)]
fn front<L: Whole>(lane: &L) -> u128 {
    apart(usize::from_le_bytes(lane.head())) as u128
}

/// What stands before the ciphered bytes from `start` on, at the end of a register.
#[inline(always)]
unsafe fn before(first: __m128i, start: *const u8) -> __m128i {
    // SAFETY: the caller has SSE4.1, and a byte in the clear.
    unsafe { _mm_insert_epi8::<15>(_mm_slli_si128::<7>(first), i32::from(*start.sub(1))) }
}

/// CMAC's block: the last bytes of the ciphertext before, then the first of this.
#[inline(always)]
unsafe fn joined(c: __m128i, last: __m128i) -> __m128i {
    // SAFETY: the caller has SSSE3.
    unsafe { _mm_alignr_epi8::<{ 16 - BEFORE as i32 }>(c, last) }
}

/// `B` blocks of keystream. The number of the first is 0, or a multiple of 8 and `B` at most 8: no carry.
#[inline(always)]
unsafe fn keystream<const B: usize>(rounds: &Rounds, first: __m128i) -> [__m128i; B] {
    // SAFETY: the caller has AES.
    unsafe {
        let first = _mm_xor_si128(first, load(&rounds[0]));
        let mut z = [first; B];
        for i in 1..B {
            z[i] = _mm_xor_si128(first, _mm_set_epi64x((i as i64) << 56, 0));
        }
        for round in 1..10 {
            let key = load(&rounds[round]);
            for i in 0..B {
                z[i] = _mm_aesenc_si128(z[i], key);
            }
        }
        let key = load(&rounds[10]);
        for i in 0..B {
            z[i] = _mm_aesenclast_si128(z[i], key);
        }
        z
    }
}

/// Bytes to cipher.
#[derive(Clone, Copy)]
struct Place {
    start: *mut u8,
    /// Where they stand before.
    source: *const u8,
    left: usize,
}

impl Place {
    /// They stand where they are to be.
    #[inline(always)]
    const fn here(start: *mut u8, left: usize) -> Self {
        Self {
            start,
            source: start,
            left,
        }
    }

    /// Those of a regular message that is to be decrypted.
    #[inline(always)]
    fn decrypted<L: Whole>(lane: &mut L) -> Self {
        let (left, stands) = (lane.text().len() - 1, lane.stands());
        let start = lane.goes();
        Self {
            start,
            source: stands.unwrap_or(start.cast_const()),
            left,
        }
    }

    /// Without the first bytes, of which there are more.
    #[inline(always)]
    const unsafe fn behind(self, bytes: usize) -> Self {
        // SAFETY: the caller knows that there are more.
        unsafe {
            Self {
                start: self.start.add(bytes),
                source: self.source.add(bytes),
                left: self.left - bytes,
            }
        }
    }
}

/// Ciphers whole blocks from `start` on; with `STAGES` puts down CMAC's blocks that end in them. Gives the last.
#[inline(always)]
unsafe fn whole<const STAGES: bool>(
    place: Place,
    z: &[__m128i],
    carry: __m128i,
    staged: &mut Staged,
) -> __m128i {
    // SAFETY: the caller has SSSE3 and the blocks, a piece at most.
    unsafe {
        let mut last = carry;
        for i in 0..z.len() {
            let plain = _mm_loadu_si128(place.source.add(16 * i).cast());
            let c = _mm_xor_si128(plain, z[i]);
            _mm_storeu_si128(place.start.add(16 * i).cast(), c);
            if STAGES {
                staged[i].write(joined(c, last));
            }
            last = c;
        }
        last
    }
}

/// Ciphers the last `B` blocks of a message of 16 bytes or more, `place.left` bytes; with `STAGES` puts down
/// CMAC's blocks that end in them. Gives the last 16 bytes of the message.
#[inline(always)]
unsafe fn ending<const STAGES: bool, const B: usize>(
    place: Place,
    (rounds, first): (&Rounds, __m128i),
    carry: Option<__m128i>,
    staged: &mut Staged,
) -> __m128i {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1, and `left` > 16 * (B - 1).
    unsafe {
        let Place {
            start,
            source,
            left,
        } = place;
        let z = keystream::<B>(rounds, first);
        let carry = carry.unwrap_or_else(|| before(first, start));
        let tail = left - 16 * (B - 1);
        // As it is before the whole blocks are ciphered: the tail's keystream stands behind the end of theirs.
        let end = _mm_loadu_si128(source.add(left).sub(16).cast());
        let last = whole::<STAGES>(place, &z[..B - 1], carry, staged);
        let mut slid = _mm_shuffle_epi8(z[B - 1], from(tail));
        if B > 1 {
            slid = _mm_or_si128(slid, _mm_shuffle_epi8(z[B - 2], from(16 + tail)));
        }
        let end = _mm_xor_si128(end, slid);
        _mm_storeu_si128(start.add(left).sub(16).cast(), end);
        if STAGES {
            staged[B - 1].write(joined(_mm_shuffle_epi8(end, from(32 - tail)), last));
        }
        end
    }
}

/// [`ending`] for the number of blocks that are left.
#[inline(always)]
unsafe fn ended<const STAGES: bool>(
    place: Place,
    key: (&Rounds, __m128i),
    carry: Option<__m128i>,
    staged: &mut Staged,
) -> __m128i {
    // SAFETY: as in `ending`.
    unsafe {
        match (place.left - 1) / 16 {
            0 => ending::<STAGES, 1>(place, key, carry, staged),
            1 => ending::<STAGES, 2>(place, key, carry, staged),
            2 => ending::<STAGES, 3>(place, key, carry, staged),
            3 => ending::<STAGES, 4>(place, key, carry, staged),
            4 => ending::<STAGES, 5>(place, key, carry, staged),
            5 => ending::<STAGES, 6>(place, key, carry, staged),
            6 => ending::<STAGES, 7>(place, key, carry, staged),
            7 => ending::<STAGES, 8>(place, key, carry, staged),
            8 => ending::<STAGES, 9>(place, key, carry, staged),
            9 => ending::<STAGES, 10>(place, key, carry, staged),
            10 => ending::<STAGES, 11>(place, key, carry, staged),
            _ => ending::<STAGES, 12>(place, key, carry, staged),
        }
    }
}

/// Ciphers the bytes of a message of fewer than 16. Gives them at the end of a register.
#[inline(always)]
unsafe fn few(text: &mut [u8], (rounds, first): (&Rounds, __m128i)) -> __m128i {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1.
    unsafe {
        let [z] = keystream::<1>(rounds, first);
        let c = _mm_xor_si128(vector(short(text)), z);
        store_short(text, number(c));
        _mm_shuffle_epi8(c, from(text.len()))
    }
}

/// The bytes of a message of fewer than 16 at the end of a register.
#[inline(always)]
unsafe fn fewer(text: &[u8]) -> __m128i {
    // SAFETY: the caller has SSSE3.
    unsafe { _mm_shuffle_epi8(vector(short(text)), from(text.len())) }
}

/// The ciphered bytes of a text that need not be copied first: where they stand, or, to be encrypted, where they go.
#[inline(always)]
fn begins<L: Whole>(lane: &mut L) -> *const u8 {
    if L::OPENS {
        lane.text().as_ptr().wrapping_add(1)
    } else {
        lane.goes().cast_const()
    }
}

/// Puts down what CMAC takes of the ciphertext from `begin` bytes on, a piece at most, which is encrypted first where
/// that is wanted. Gives the number of blocks, 0 behind the end.
#[inline(always)]
pub(super) unsafe fn stage<L: Whole>(
    lane: &mut L,
    begin: usize,
    carry: &mut __m128i,
    staged: &mut Staged,
) -> usize {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1, and the message is regular: one byte at least.
    unsafe {
        let ciphered = lane.text().len() - 1;
        if begin >= ciphered && begin > 0 {
            return 0;
        }
        let left = ciphered - begin;
        let start = begins(lane).add(begin);
        let key = (rounds(lane.enc()), first(lane, begin));
        if begin == 0 {
            *carry = before(key.1, start);
        }
        if left > PIECE_BYTES {
            *carry = if L::OPENS {
                taken(start, PIECE, *carry, staged)
            } else {
                let z = keystream::<PIECE>(key.0, key.1);
                whole::<true>(Place::here(start.cast_mut(), left), &z, *carry, staged)
            };
            return PIECE;
        }
        // The last block has `used` bytes.
        let (count, used) = (left.wrapping_add(BEFORE).div_ceil(16), (left + 8) % 16 + 1);
        let mut end;
        if ciphered < SHORT {
            end = if L::OPENS {
                fewer(&lane.text()[1..])
            } else {
                few(lane.settled(), key)
            };
            let block = joined(_mm_shuffle_epi8(end, from(32 - left)), *carry);
            staged[0].write(block);
            if count == 1 {
                end = _mm_shuffle_epi8(block, from(used));
            }
        } else if L::OPENS {
            end = _mm_loadu_si128(start.add(left).sub(16).cast());
            let last = taken(start, (left - 1) / 16, *carry, staged);
            let tail = (left - 1) % 16 + 1;
            let block = joined(_mm_shuffle_epi8(end, from(32 - tail)), last);
            staged.get_unchecked_mut((left - 1) / 16).write(block);
        } else {
            let place = Place::here(start.cast_mut(), left);
            end = ended::<true>(place, key, Some(*carry), staged);
        }
        let block = finished(end, used, lane.int());
        staged.get_unchecked_mut(count - 1).write(block);
        count
    }
}

/// CMAC's last block, `used` bytes, from the last bytes of the message.
#[inline(always)]
unsafe fn finished(end: __m128i, used: usize, key: &Key) -> __m128i {
    // SAFETY: the caller has SSSE3.
    unsafe {
        let k1 = load(&key.k1);
        let subkey = if used == 16 { k1 } else { double(k1) };
        let block = _mm_shuffle_epi8(end, from(32 - used));
        _mm_xor_si128(_mm_xor_si128(block, from(64 - used)), subkey)
    }
}

/// A medium message: a single piece of 16 ciphered bytes or more.
struct Medium<'k> {
    start: *const u8,
    left: usize,
    rounds: &'k Rounds,
    first: __m128i,
}

impl<'k> Medium<'k> {
    /// # Safety
    /// The message is medium, and there as long as this is.
    #[inline(always)]
    unsafe fn new<L: Whole>(lane: &mut L) -> Self {
        // SAFETY: as here.
        unsafe {
            let left = lane.text().len() - 1;
            Self {
                start: begins(lane),
                left,
                rounds: rounds(lane.enc()),
                first: vector(front(lane)),
            }
        }
    }

    /// Blocks of counter mode but one.
    #[inline(always)]
    fn whole(&self) -> usize {
        (self.left - 1) / 16
    }

    /// Puts down the last block of CMAC, and gives their number.
    #[inline(always)]
    unsafe fn finish(&self, end: __m128i, key: &Key, staged: &mut Staged) -> usize {
        // SAFETY: the caller has SSSE3.
        unsafe {
            let last = (self.left + 8) / 16;
            let block = finished(end, (self.left + 8) % 16 + 1, key);
            staged.get_unchecked_mut(last).write(block);
            last + 1
        }
    }
}

/// [`stage`] for a medium message, which with `APART` may stand elsewhere.
#[inline(always)]
pub(super) unsafe fn stage_medium<L: Whole, const APART: bool>(
    lane: &mut L,
    staged: &mut Staged,
) -> usize {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1, and the message is medium.
    unsafe {
        let m = Medium::new(lane);
        let end = if L::OPENS {
            let end = _mm_loadu_si128(m.start.add(m.left).sub(16).cast());
            let last = taken(m.start, m.whole(), before(m.first, m.start), staged);
            let tail = m.left - 16 * m.whole();
            let block = joined(_mm_shuffle_epi8(end, from(32 - tail)), last);
            staged.get_unchecked_mut(m.whole()).write(block);
            end
        } else {
            let mut place = Place::here(m.start.cast_mut(), m.left);
            if APART {
                place.source = lane.stands().unwrap_or(place.source);
            }
            ended::<true>(place, (m.rounds, m.first), None, staged)
        };
        m.finish(end, lane.int(), staged)
    }
}

/// Decrypts a medium message.
#[inline(always)]
pub(super) unsafe fn decrypt_medium<L: Whole>(lane: &mut L) {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1, and the message is medium.
    unsafe {
        let place = Place::decrypted(lane);
        let key = (rounds(lane.enc()), vector(front(lane)));
        let mut nowhere = [MaybeUninit::uninit(); STAGED];
        let nothing = Some(_mm_setzero_si128());
        ended::<false>(place, key, nothing, &mut nowhere);
    }
}

/// Puts down CMAC's blocks that end in `count` whole blocks of ciphertext, fewer than [`STAGED`]. Gives the last of these.
#[inline(always)]
unsafe fn taken(start: *const u8, count: usize, carry: __m128i, staged: &mut Staged) -> __m128i {
    // SAFETY: the caller has SSSE3 and the blocks.
    unsafe {
        let mut last = carry;
        for i in 0..count {
            let c = _mm_loadu_si128(start.add(16 * i).cast());
            staged.get_unchecked_mut(i).write(joined(c, last));
            last = c;
        }
        last
    }
}

/// Decrypts a message.
#[inline(always)]
pub(super) unsafe fn decrypt<L: Whole>(lane: &mut L) {
    // SAFETY: the caller has AES, SSSE3 and SSE4.1, and the message is regular: one byte at least.
    unsafe {
        let rounds = rounds(lane.enc());
        if lane.text().len() - 1 < 16 {
            let key = (rounds, first(lane, 0));
            few(lane.settled(), key);
            return;
        }
        let mut place = Place::decrypted(lane);
        let mut nowhere = [MaybeUninit::uninit(); STAGED];
        let nothing = _mm_setzero_si128();
        let mut begin = 0;
        while place.left > PIECE_BYTES {
            let z = keystream::<PIECE>(rounds, first(lane, begin));
            whole::<false>(place, &z, nothing, &mut nowhere);
            begin += PIECE_BYTES;
            place = place.behind(PIECE_BYTES);
        }
        let key = (rounds, first(lane, begin));
        if place.left < 16 && place.source != place.start.cast_const() {
            // The bytes before them are written once more, as they stand: decrypted.
            core::ptr::copy_nonoverlapping(place.source, place.start, place.left);
            place.source = place.start;
        }
        ended::<false>(place, key, Some(nothing), &mut nowhere);
    }
}
