//! The generator in lanes, once for all instruction sets: each vector holds the same cell of as many generators.

use super::super::Lane;
use super::super::isa::{self, Isa, MOST_LANES, WORDS};
use super::boxes::Boxes;
use super::stream::{State, StreamLane};
use super::tables::D;
use zeroize::Zeroize;

const P: u32 = 0x7FFF_FFFF;

/// A word of every lane.
type V<B> = <<B as Boxes>::Isa as Isa>::V;

/// As many generators as a vector has words.
///
/// At clock `t`, cell s`k` is `s[t % 16 + k]`: a new cell is written to two places, 16 apart, so that no access wraps
/// and no cell moves. One clock is then a loop body of some 100 instructions, which the processor keeps decoded; 16
/// clocks written out would not fit there.
struct Generators<B: Boxes> {
    boxes: B,
    s: [V<B>; 32],
    /// Of each cell the lower 16 bits above the upper 16 (bit 15 is in both): the halves that X1, X2 and X3 join, and
    /// twice the cell rotated by 15.
    g: [V<B>; 32],
    r1: V<B>,
    r2: V<B>,
    t: usize,
}

impl<B: Boxes> Generators<B> {
    /// Nothing yet: it is filled where it stands, for to move it would be a copy of kilobytes.
    #[inline(always)]
    fn new(boxes: B) -> Self {
        let zero = boxes.isa().splat(0);
        Self {
            boxes,
            s: [zero; 32],
            g: [zero; 32],
            r1: zero,
            r2: zero,
            t: 0,
        }
    }

    /// Cells loaded as TS 35.222 says: key byte, 15 bits of d, IV byte.
    #[inline(always)]
    fn load(&mut self, lanes: &[Lane<'_, [u8; 16]>]) {
        let isa = self.boxes.isa();
        let keys = isa.columns(&isa::blocks(lanes, |lane| lane.key));
        let ivs = isa.columns(&isa::blocks(lanes, |lane| &lane.iv));
        // Byte i of word j is byte 4j + i, hence cell 4j + i.
        macro_rules! cells {
            ($($shift:literal)*) => { $(
                let mut j = 0;
                while j < 4 {
                    let cell = 4 * j + $shift / 8;
                    let pick = |words: &[V<B>; 4]| isa.and(isa.shr(words[j], $shift), isa.splat(0xFF));
                    let d = isa.splat(u32::from(D[cell]) << 8);
                    self.put(cell, isa.or(isa.or(isa.shl(pick(&keys), 23), d), pick(&ivs)));
                    j += 1;
                }
            )* };
        }
        cells!(0 8 16 24);
    }

    /// Writes the cell that is s`k` for `k = at - t`.
    #[inline(always)]
    fn put(&mut self, at: usize, cell: V<B>) {
        let isa = self.boxes.isa();
        let g = isa.or(isa.shl(cell, 16), isa.shr(cell, 15));
        let place = at % 16;
        self.s[place] = cell;
        self.s[place + 16] = cell;
        self.g[place] = g;
        self.g[place + 16] = g;
    }

    #[inline(always)]
    fn s(&self, k: usize) -> V<B> {
        self.s[self.t % 16 + k]
    }

    #[inline(always)]
    fn g(&self, k: usize) -> V<B> {
        self.g[self.t % 16 + k]
    }

    /// Bit reorganisation and F; returns W.
    ///
    /// With p = W2H || W1L and q = W1H || W2L, L1 and L2 are applied to p and q rotated by 16. Bytes 3 and 1 of a word
    /// go through S0, bytes 2 and 0 through S1. L1's result is kept turned right by 8, which costs nothing, so that
    /// two selections give one vector of only S0's bytes and one of only S1's.
    #[inline(always)]
    fn f(&mut self) -> V<B> {
        let isa = self.boxes.isa();
        let x0 = isa.halves(isa.shl(self.s(15), 1), self.s(14));
        let x1 = isa.halves(self.g(11), self.g(9));
        let x2 = isa.halves(self.g(7), self.g(5));
        let w = isa.add(isa.xor(x0, self.r1), self.r2);
        let w1 = isa.add(self.r1, x1);
        let w2 = isa.xor(self.r2, x2);
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

    /// What the LFSR shifts in but for s0, below 2^31.
    #[inline(always)]
    fn sum(&self) -> V<B> {
        let isa = self.boxes.isa();
        let a = add31(
            isa,
            rotl31(isa, self.s(13), 17),
            rotl31(isa, self.s(10), 21),
        );
        let b = add31(isa, rotl31(isa, self.s(4), 20), rotl31(isa, self.s(0), 8));
        // Bits 31..1 of g are s15 rotated by 15.
        add31(isa, add31(isa, a, b), isa.shr(self.g(15), 1))
    }

    /// Shifts in `sum` + s0. The cell is in 1..=p: s0 is, and it comes last.
    #[inline(always)]
    fn step(&mut self, sum: V<B>) {
        let isa = self.boxes.isa();
        let sum = isa.add(sum, self.s(0));
        let cell = isa.add(isa.and(sum, isa.splat(P)), isa.shr(sum, 31));
        self.put(self.t, cell);
        self.t += 1;
    }

    /// 32 clocks with feedback, one without output.
    #[inline(always)]
    fn initialise(&mut self) {
        let isa = self.boxes.isa();
        while self.t < 32 {
            let sum = self.sum();
            let w = self.f();
            self.step(add31(isa, sum, isa.shr(w, 1)));
        }
        self.f();
        self.step(self.sum());
    }

    /// The next keystream word.
    #[inline(always)]
    fn word(&mut self) -> V<B> {
        let isa = self.boxes.isa();
        let x3 = isa.halves(self.g(2), self.g(0));
        let sum = self.sum();
        let z = isa.xor(self.f(), x3);
        self.step(sum);
        z
    }
}

/// x + r + (x + r rotated by 8) + (r rotated by 16), by XOR.
#[inline(always)]
fn spread<I: Isa>(isa: I, x: I::V, r: I::V) -> I::V {
    let m = isa.xor(x, r);
    isa.xor3(m, isa.rotl(m, 8), isa.rotl(r, 16))
}

/// Rotates 31-bit numbers.
#[inline(always)]
fn rotl31<I: Isa>(isa: I, x: I::V, bits: u32) -> I::V {
    isa.or(
        isa.and(isa.shl(x, bits), isa.splat(P)),
        isa.shr(x, 31 - bits),
    )
}

/// Adds modulo p. The result is below 2^31 and may be 0 or p.
#[inline(always)]
fn add31<I: Isa>(isa: I, a: I::V, b: I::V) -> I::V {
    let sum = isa.add(a, b);
    isa.min(sum, isa.sub(sum, isa.splat(P)))
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
        let count = (words - done).min(WORDS);
        let mut j = 0;
        while j < count {
            z[j] = generators.word();
            j += 1;
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
    let mut generators = Generators::new(boxes);
    generators.load(lanes);
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
                self.put(4 * j + i, cells[i]);
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
            s[k] = self.s(k);
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
        self.s.zeroize();
        self.g.zeroize();
    }
}
