//! The generator in lanes, once for all instruction sets: each vector holds the same cell of as many generators.

use super::super::Lane;
use super::super::isa::{self, Isa, MOST_LANES, WORDS};
use super::boxes::Boxes;
use super::stream::{State, StreamLane};
use super::tables::D;
use zeroize::Zeroize;

const P: u32 = 0x7FFF_FFFF;

// The sum of the LFSR by products of halves. With x = h 2^16 + l, and 2^31 = 1 modulo p, x 2^(15 + k) is
// (l 2^k) 2^15 + h 2^k; hence s15 2^15 + s13 2^17 + s10 2^21 + s4 2^20 is A + B 2^15, where A adds the upper halves
// times 1, 4, 64 and 32, and B the lower ones. s0 + s0 2^8 is l 257 + (h 514) 2^15. The products are signed: bit 15 of
// a cell is kept flipped, so that its lower half is l - 2^15, and A and B begin with what this takes from them.
const A: u32 = 257 << 15;
const B: u32 = (1 + 4 + 64 + 32) << 15;
const FLIP: u32 = 1 << 15;

/// A word of every lane.
type V<B> = <<B as Boxes>::Isa as Isa>::V;

/// What belongs to the 16 cells, in rows of four.
type Ring<B> = [[V<B>; 4]; 4];

/// Where a ring has what belongs to place `at`, `row` rows on.
#[inline(always)]
fn place(row: usize, at: usize) -> (usize, usize) {
    ((row + at / 4) % 4, at % 4)
}

/// As many generators as a vector has words.
///
/// At clock `t = 4 row + I`, what belongs to s`k` is at `(t + k) % 16`: no cell moves. Four clocks are written out,
/// so that the places of a cell are four rows, worked out once for all four; a loop body of some 250 to 400
/// instructions, which the processor keeps decoded. 16 clocks written out would not fit there, and rings of 32 without
/// a remainder cost more stores than they save.
struct Generators<B: Boxes> {
    boxes: B,
    /// The cells with bit 15 flipped.
    d: Ring<B>,
    /// At the place of s`k` the lower half of s`k + 2` above the bits 30..15 of s`k`: X1 is that of s9, X2 that of s5,
    /// X3 that of s0.
    x: Ring<B>,
    /// s14 and s15.
    last: [V<B>; 2],
    /// Twice s14 and s15.
    twice: [V<B>; 2],
    r1: V<B>,
    r2: V<B>,
    row: usize,
}

impl<B: Boxes> Generators<B> {
    /// Nothing yet.
    #[inline(always)]
    fn new(boxes: B) -> Self {
        let zero = boxes.isa().splat(0);
        Self {
            boxes,
            d: [[zero; 4]; 4],
            x: [[zero; 4]; 4],
            last: [zero; 2],
            twice: [zero; 2],
            r1: zero,
            r2: zero,
            row: 0,
        }
    }

    /// Cells loaded as TS 35.222 says: key byte, 15 bits of d, IV byte.
    #[inline(always)]
    fn load(boxes: B, lanes: &[Lane<'_, [u8; 16]>]) -> Self {
        let isa = boxes.isa();
        let keys = isa.columns(&isa::blocks(lanes, |lane| lane.key));
        let ivs = isa.columns(&isa::blocks(lanes, |lane| &lane.iv));
        // Byte i of word j is byte 4j + i, hence cell 4j + i. Written out, for so nothing is filled with zeros before.
        macro_rules! cells {
            ($($word:literal: $($shift:literal)*;)*) => { [$([$({
                let pick = |words: &[V<B>; 4]| isa.and(isa.shr(words[$word], $shift), isa.splat(0xFF));
                let d = isa.splat(u32::from(D[4 * $word + $shift / 8]) << 8);
                isa.or(isa.or(isa.shl(pick(&keys), 23), d), pick(&ivs))
            }),*]),*] };
        }
        let s: Ring<B> = cells!(0: 0 8 16 24; 1: 0 8 16 24; 2: 0 8 16 24; 3: 0 8 16 24;);
        let flip = isa.splat(FLIP);
        let twice = |k: usize| isa.add(s[k / 4][k % 4], s[k / 4][k % 4]);
        let x = |k: usize| boxes.between(s[(k + 2) / 4][(k + 2) % 4], twice(k));
        macro_rules! rows {
            ($each:ident: $($k:literal)*) => { [$([$each($k), $each($k + 1), $each($k + 2), $each($k + 3)]),*] };
        }
        let d = |k: usize| isa.xor(s[k / 4][k % 4], flip);
        let zero = isa.splat(0);
        let [first, second, third] = rows!(x: 0 4 8);
        Self {
            boxes,
            d: rows!(d: 0 4 8 12),
            x: [first, second, third, [x(12), x(13), zero, zero]],
            last: [s[3][2], s[3][3]],
            twice: [twice(14), twice(15)],
            r1: zero,
            r2: zero,
            row: 0,
        }
    }

    /// Writes the cell after s15, `at` places after the row.
    #[inline(always)]
    fn put(&mut self, at: usize, cell: V<B>) {
        let isa = self.boxes.isa();
        let (row, column) = place(self.row, at);
        self.d[row][column] = isa.xor(cell, isa.splat(FLIP));
        let [before, last] = self.twice;
        let (row, column) = place(self.row, at + 14);
        self.x[row][column] = self.boxes.between(cell, before);
        self.twice = [last, isa.add(cell, cell)];
        self.last = [self.last[1], cell];
    }

    #[inline(always)]
    fn d(&self, at: usize) -> V<B> {
        let (row, column) = place(self.row, at);
        self.d[row][column]
    }

    #[inline(always)]
    fn x(&self, at: usize) -> V<B> {
        let (row, column) = place(self.row, at);
        self.x[row][column]
    }

    /// Bit reorganisation and F; returns W.
    ///
    /// With p = W2H || W1L and q = W1H || W2L, L1 and L2 are applied to p and q rotated by 16. Bytes 3 and 1 of a word
    /// go through S0, bytes 2 and 0 through S1. L1's result is kept turned right by 8, which costs nothing, so that
    /// two selections give one vector of only S0's bytes and one of only S1's.
    #[inline(always)]
    fn f<const I: usize>(&mut self) -> V<B> {
        let isa = self.boxes.isa();
        let x0 = isa.halves(self.twice[1], self.last[0]);
        let w = isa.add(isa.xor(x0, self.r1), self.r2);
        let w1 = isa.add(self.r1, self.x(I + 9));
        let w2 = isa.xor(self.r2, self.x(I + 5));
        let (p, q) = (isa.halves(w2, w1), isa.halves(w1, w2));
        let u = spread(isa, p, isa.rotl(p, 10)); // L1(p rotated by 16), turned right by 8
        let v = isa.rotl(q, 16);
        let v = spread(isa, v, isa.rotl(q, 30));
        let odd = isa.splat(0xFF00_FF00);
        let s0 = self.boxes.s0(isa.select(odd, v, u));
        let s1 = self.boxes.s1(isa.select(odd, u, v));
        self.r1 = isa.rotl(isa.select(odd, s1, s0), 8);
        self.r2 = isa.select(odd, s0, s1);
        w
    }

    /// What the LFSR shifts in, in 1..2^31 + 2^25 and not yet reduced.
    #[inline(always)]
    fn sum<const I: usize>(&self) -> V<B> {
        let (boxes, isa) = (self.boxes, self.boxes.isa());
        // The newest cell comes last: the sums are chains.
        let mut a = boxes.dot(isa.splat(A), self.d(I), isa.splat(257));
        let mut b = boxes.dot(isa.splat(B), self.d(I), isa.splat(514 << 16));
        macro_rules! add {
            ($($cell:literal $times:literal)*) => { $(
                a = boxes.dot(a, self.d(I + $cell), isa.splat($times << 16));
                b = boxes.dot(b, self.d(I + $cell), isa.splat($times));
            )* };
        }
        add!(4 32 10 64 13 4 15 1);
        // Both are below 2^25, so that the parts of B rotated by 15 do not meet.
        let rotated = isa.or(isa.and(isa.shl(b, 15), isa.splat(P)), isa.shr(b, 16));
        isa.add(a, rotated)
    }

    /// Shifts in a sum of 1..=2p.
    #[inline(always)]
    fn step<const I: usize>(&mut self, sum: V<B>) {
        self.put(I, fold(self.boxes.isa(), sum));
    }

    /// A clock with feedback.
    #[inline(always)]
    fn feed<const I: usize>(&mut self) {
        let isa = self.boxes.isa();
        let sum = self.sum::<I>();
        let w = self.f::<I>();
        self.step::<I>(isa.add(fold(isa, sum), isa.shr(w, 1)));
    }

    /// 32 clocks with feedback, one without output.
    #[inline(always)]
    fn initialise(&mut self) {
        while self.row < 8 {
            self.feed::<0>();
            self.feed::<1>();
            self.feed::<2>();
            self.feed::<3>();
            self.row += 1;
        }
        let sum = self.sum::<0>();
        self.f::<0>();
        self.step::<0>(sum);
    }

    #[inline(always)]
    fn word<const I: usize>(&mut self) -> V<B> {
        let isa = self.boxes.isa();
        let x3 = self.x(I);
        let sum = self.sum::<I>();
        let z = isa.xor(self.f::<I>(), x3);
        self.step::<I>(sum);
        z
    }

    /// The next four keystream words, from the place where [`Self::initialise`] ends.
    #[inline(always)]
    fn words(&mut self, z: &mut [V<B>; 4]) {
        z[0] = self.word::<1>();
        z[1] = self.word::<2>();
        z[2] = self.word::<3>();
        self.row += 1;
        z[3] = self.word::<0>();
    }
}

/// x + r + (x + r rotated by 8) + (r rotated by 16), by XOR.
#[inline(always)]
fn spread<I: Isa>(isa: I, x: I::V, r: I::V) -> I::V {
    let m = isa.xor(x, r);
    isa.xor3(m, isa.rotl(m, 8), isa.rotl(r, 16))
}

/// Of 1..=2p, modulo p, in 1..=p: of `sum` and `sum - p` the one that is positive as a signed number, and of p and 0 p.
#[inline(always)]
fn fold<I: Isa>(isa: I, sum: I::V) -> I::V {
    isa.max(sum, isa.sub(sum, isa.splat(P)))
}

/// Ciphers `bytes` bytes of every lane that has as many.
#[inline(always)]
fn cipher<B: Boxes>(
    generators: &mut Generators<B>,
    lanes: &mut [Lane<'_, [u8; 16]>],
    bytes: usize,
) {
    let isa = generators.boxes.isa();
    let words = bytes.div_ceil(4);
    let mut z = [isa.splat(0); WORDS];
    let mut done = 0;
    while done < words {
        let mut left = words - done;
        for four in z.as_chunks_mut().0 {
            if left > 0 {
                generators.words(four);
            }
            left = left.saturating_sub(4);
        }
        isa.emit(&z, lanes, 4 * done);
        done += WORDS;
    }
    z.zeroize();
}

/// Up to as many lanes as a vector has words. The cost is that of the longest.
#[inline(always)]
pub(super) fn run<B: Boxes>(boxes: B, lanes: &mut [Lane<'_, [u8; 16]>]) {
    let longest = lanes.iter().map(|lane| lane.data.len()).max().unwrap_or(0);
    let mut generators = Generators::load(boxes, lanes);
    generators.initialise();
    cipher(&mut generators, lanes, longest);
    generators.wipe();
}

/// The next `bytes` bytes, a multiple of 16, of up to as many lanes as a vector has words, or the last ones of a lane.
/// All lanes are as ready as the first.
#[inline(always)]
pub(super) fn stream<B: Boxes>(boxes: B, lanes: &mut [StreamLane<'_>], bytes: usize) {
    let mut generators = Generators::new(boxes);
    generators.resume(lanes);
    if lanes.first().is_some_and(|lane| !lane.state.ready) {
        generators.initialise();
    }
    let count = lanes.len().min(MOST_LANES);
    let mut pieces = lanes.iter_mut();
    let mut views: [_; MOST_LANES] = core::array::from_fn(|_| {
        let data = pieces.next().map(|lane| &mut *lane.data);
        let data = data.unwrap_or_default();
        let len = data.len().min(bytes);
        view(&mut data[..len])
    });
    cipher(&mut generators, &mut views[..count], bytes);
    generators.save(lanes);
    generators.wipe();
}

/// A lane that is only a place.
fn view(data: &mut [u8]) -> Lane<'_, [u8; 16]> {
    Lane {
        key: &[0; 16],
        iv: [0; 16],
        data,
    }
}

impl<B: Boxes> Generators<B> {
    /// Takes up the states of a stream.
    #[inline(always)]
    fn resume(&mut self, lanes: &[StreamLane<'_>]) {
        let isa = self.boxes.isa();
        // Where the initialisation begins, or where it ends.
        let first = usize::from(lanes.first().is_some_and(|lane| lane.state.ready));
        let mut blocks = [[0; 16]; MOST_LANES];
        let mut fill = |of: &dyn Fn(&State) -> [u32; 4]| {
            for (block, lane) in blocks.iter_mut().zip(lanes) {
                for (bytes, word) in block.chunks_exact_mut(4).zip(of(lane.state)) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
            }
            isa.columns(&isa::blocks(&blocks, |block| block))
        };
        [self.r1, self.r2, ..] = fill(&|state| [state.r[0], state.r[1], 0, 0]);
        let mut j = 0;
        while j < 4 {
            let cells = fill(&|state| core::array::from_fn(|i| state.s[4 * j + i]));
            let mut i = 0;
            while i < 4 {
                self.put(first + 4 * j + i, cells[i]);
                i += 1;
            }
            j += 1;
        }
        blocks.zeroize();
    }

    /// Gives the states back.
    #[inline(always)]
    fn save(&self, lanes: &mut [StreamLane<'_>]) {
        let isa = self.boxes.isa();
        let mut texts = [[[0; 64]; MOST_LANES]; 2];
        let zero = isa.splat(0);
        let (mut s, mut r) = ([zero; WORDS], [zero; WORDS]);
        let mut k = 0;
        while k < 16 {
            s[k] = isa.xor(self.d(1 + k), isa.splat(FLIP));
            k += 1;
        }
        (r[0], r[1]) = (self.r1, self.r2);
        for (words, texts) in [s, r].iter().zip(&mut texts) {
            let mut views = texts.each_mut().map(|text| view(text));
            isa.emit(words, &mut views[..<B::Isa as Isa>::LANES], 0);
        }
        let [cells, registers] = &texts;
        for ((lane, cells), registers) in lanes.iter_mut().zip(cells).zip(registers) {
            let word = |bytes: &[u8; 64], k: usize| {
                u32::from_be_bytes(core::array::from_fn(|i| bytes[4 * k + i]))
            };
            lane.state.s = core::array::from_fn(|k| word(cells, k));
            lane.state.r = [word(registers, 0), word(registers, 1)];
            lane.state.ready = true;
        }
        texts.zeroize();
        s.zeroize();
    }

    #[inline(always)]
    fn wipe(&mut self) {
        self.d.zeroize();
        self.x.zeroize();
    }
}
