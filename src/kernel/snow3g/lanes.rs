//! SNOW 3G in lanes, once for all instruction sets: each vector holds the same word of as many generators as it has
//! lanes. What differs is how the boxes are computed: [`Boxes`]. No secret indexes memory.

use super::super::Lane;
use super::super::isa::{self, Isa, WORDS};

/// A vector of the instruction set of `B`.
pub(super) type V<B> = <<B as Boxes>::Words as Isa>::V;

/// The word boxes of SNOW 3G on an instruction set.
pub(super) trait Boxes: Copy {
    /// The instruction set.
    type Words: Isa;
    /// Its proof.
    fn words(self) -> Self::Words;
    /// S1 of every word.
    fn s1(self, w: V<Self>) -> V<Self>;
    /// S2 of every word.
    fn s2(self, w: V<Self>) -> V<Self>;
    /// At four clocks: s0 times alpha XOR s11 divided by alpha.
    fn alpha(self, s0: [V<Self>; 4], s11: [V<Self>; 4]) -> [V<Self>; 4];
}

/// As many generators as there are lanes. The LFSR is a ring: at phase `i`, s0 is `s[i]`.
struct Generators<B: Boxes> {
    boxes: B,
    s: [V<B>; 16],
    r1: V<B>,
    r2: V<B>,
    r3: V<B>,
}

/// Calls `$generators.$clocks::<I, ..>` for the four quarters of the ring.
macro_rules! ring {
    ($generators:ident.$clocks:ident) => {
        $generators.$clocks::<0>();
        $generators.$clocks::<4>();
        $generators.$clocks::<8>();
        $generators.$clocks::<12>();
    };
}

/// Runs `$clock!(j)` four times. No loop: the compiler leaves loops of this size as they are, and then has no constant
/// places in the ring.
macro_rules! four {
    ($clock:ident) => {
        $clock!(0);
        $clock!(1);
        $clock!(2);
        $clock!(3);
    };
}

impl<B: Boxes> Generators<B> {
    /// Loaded, clocked 32 times with feedback and once without output.
    #[inline(always)]
    fn new(boxes: B, lanes: &[Lane<'_, [u8; 16]>]) -> Self {
        let words = boxes.words();
        let keys = words.columns(&isa::blocks(lanes, |lane| lane.key));
        let ivs = words.columns(&isa::blocks(lanes, |lane| &lane.iv));
        let [k3, k2, k1, k0] = Self::swapped(words, keys);
        let [iv3, iv2, iv1, iv0] = Self::swapped(words, ivs);
        let ones = words.splat(u32::MAX);
        let (n0, n1) = (words.xor(k0, ones), words.xor(k1, ones));
        let (n2, n3) = (words.xor(k2, ones), words.xor(k3, ones));
        let (n1iv, n2iv) = (words.xor(n1, iv3), words.xor(n2, iv2));
        let (k0iv, k3iv) = (words.xor(k0, iv1), words.xor(k3, iv0));
        let zero = words.splat(0);
        let mut generators = Self {
            boxes,
            s: [
                n0, n1, n2, n3, k0, k1, k2, k3, n0, n1iv, n2iv, n3, k0iv, k1, k2, k3iv,
            ],
            r1: zero,
            r2: zero,
            r3: zero,
        };
        let mut round = 0;
        while round < 2 {
            ring!(generators.initialise);
            round += 1;
        }
        let [first, ..] = generators.ahead::<0>();
        generators.fsm(0);
        // Phase 1 becomes phase 0. Word by word: the compiler makes `rotate_left` and loops a move in memory, and
        // then keeps the whole LFSR there.
        let [_, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = generators.s;
        generators.s = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, first];
        generators
    }

    #[inline(always)]
    fn swapped(words: B::Words, [a, b, c, d]: [V<B>; 4]) -> [V<B>; 4] {
        [
            words.swap_bytes(a),
            words.swap_bytes(b),
            words.swap_bytes(c),
            words.swap_bytes(d),
        ]
    }

    /// What the LFSR shifts in at the next four clocks from phase `I`, without F: all of it depends on words that
    /// are there already.
    #[inline(always)]
    fn ahead<const I: usize>(&self) -> [V<B>; 4] {
        let words = self.boxes.words();
        let (mut s0, mut s11) = ([self.s[0]; 4], [self.s[0]; 4]);
        let mut j = 0;
        while j < 4 {
            s0[j] = self.s[(I + j) & 15];
            s11[j] = self.s[(I + j + 11) & 15];
            j += 1;
        }
        let mut next = self.boxes.alpha(s0, s11);
        let mut j = 0;
        while j < 4 {
            next[j] = words.xor(next[j], self.s[(I + j + 2) & 15]);
            j += 1;
        }
        next
    }

    /// Clocks the finite state machine and returns F.
    #[inline(always)]
    fn fsm(&mut self, i: usize) -> V<B> {
        let words = self.boxes.words();
        let f = words.xor(words.add(self.s[(i + 15) & 15], self.r1), self.r2);
        let r = words.add(self.r2, words.xor(self.r3, self.s[(i + 5) & 15]));
        self.r3 = self.boxes.s2(self.r2);
        self.r2 = self.boxes.s1(self.r1);
        self.r1 = r;
        f
    }

    /// Overwrites the LFSR, where the compiler keeps it in memory. It costs nothing that can be measured.
    #[inline(always)]
    fn wipe(&mut self) {
        let zero = self.boxes.words().splat(0);
        let mut i = 0;
        while i < 16 {
            // SAFETY: a reference is valid for writes.
            unsafe { core::ptr::write_volatile(&mut self.s[i], zero) }
            i += 1;
        }
    }

    /// Four clocks with feedback.
    #[inline(always)]
    fn initialise<const I: usize>(&mut self) {
        let next = self.ahead::<I>();
        macro_rules! clock {
            ($j:literal) => {
                let f = self.fsm(I + $j);
                self.s[I + $j] = self.boxes.words().xor(next[$j], f);
            };
        }
        four!(clock);
    }

    /// Four keystream words of every lane, to `z[I..]`.
    #[inline(always)]
    fn four_words<const I: usize>(&mut self, z: &mut [V<B>; WORDS]) {
        let next = self.ahead::<I>();
        macro_rules! clock {
            ($j:literal) => {
                z[I + $j] = self.boxes.words().xor(self.fsm(I + $j), self.s[I + $j]);
                self.s[I + $j] = next[$j];
            };
        }
        four!(clock);
    }
}

/// Ciphers up to as many lanes as the instruction set has. Inline this into a `#[target_feature]` function.
#[inline(always)]
pub(super) fn run<B: Boxes>(boxes: B, lanes: &mut [Lane<'_, [u8; 16]>]) {
    let mut longest = 0;
    for lane in lanes.iter() {
        longest = longest.max(lane.data.len());
    }
    if longest == 0 {
        return;
    }
    let words = boxes.words();
    let mut generators = Generators::new(boxes, lanes);
    let mut at = 0;
    while at < longest {
        let mut z = [words.splat(0); WORDS];
        generators.four_words::<0>(&mut z);
        if longest - at > 16 {
            generators.four_words::<4>(&mut z);
        }
        if longest - at > 32 {
            generators.four_words::<8>(&mut z);
        }
        if longest - at > 48 {
            generators.four_words::<12>(&mut z);
        }
        words.emit(&z, lanes, at);
        at += 4 * WORDS;
    }
    generators.wipe();
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tables;
    use super::*;
    use crate::kernel::isa::MOST_LANES;
    use crate::kernel::snow3g::portable::word_box;
    use std::vec::Vec;

    /// A vector of one word of each lane.
    fn vector<I: Isa>(isa: I, words: &[u32; MOST_LANES]) -> I::V {
        let blocks: Vec<[u8; 16]> = words
            .iter()
            .map(|word| core::array::from_fn(|i| word.to_le_bytes()[i % 4]))
            .collect();
        isa.columns(&isa::blocks(&blocks, |block| block))[0]
    }

    /// Words of a vector.
    fn words<I: Isa>(isa: I, v: I::V) -> Vec<u32> {
        let mut texts = [[0_u8; 4]; MOST_LANES];
        let key = [0; 16];
        let lane = |data| Lane {
            key: &key,
            iv: [0; 16],
            data,
        };
        let mut lanes: Vec<_> = texts[..I::LANES].iter_mut().map(|t| lane(t)).collect();
        isa.emit(&[v; WORDS], &mut lanes, 0);
        let texts = texts[..I::LANES].iter();
        texts.map(|text| u32::from_be_bytes(*text)).collect()
    }

    /// Every box at every byte value in every place.
    #[inline(always)]
    pub(in super::super) fn check<B: Boxes>(boxes: B) {
        let isa = boxes.words();
        for x in 0..=255_u32 {
            let input: [[u32; MOST_LANES]; 8] = core::array::from_fn(|j| {
                core::array::from_fn(|i| {
                    let other = (x * 0x0101_0101).wrapping_mul(2 * i as u32 + 2 * j as u32 + 3);
                    let place = 8 * ((i + j) as u32 % 4);
                    other & !(0xFF << place) | x << place
                })
            });
            let vectors: [_; 8] = core::array::from_fn(|j| vector(isa, &input[j]));
            let right =
                |of: &dyn Fn(usize) -> u32| (0..B::Words::LANES).map(of).collect::<Vec<_>>();
            let (first, second) = (boxes.s1(vectors[0]), boxes.s2(vectors[0]));
            assert_eq!(
                words(isa, first),
                right(&|i| word_box(&tables::S1, input[0][i]))
            );
            assert_eq!(
                words(isa, second),
                right(&|i| word_box(&tables::S2, input[0][i]))
            );
            let [a, b, c, d, e, f, g, h] = vectors;
            let got = boxes.alpha([a, b, c, d], [e, f, g, h]);
            for j in 0..4 {
                let alpha = |i: usize| {
                    let (s0, s11) = (input[j][i], input[j + 4][i]);
                    s0 << 8
                        ^ tables::MUL_ALPHA[(s0 >> 24) as usize]
                        ^ s11 >> 8
                        ^ tables::DIV_ALPHA[(s11 & 0xFF) as usize]
                };
                assert_eq!(words(isa, got[j]), right(&alpha));
            }
        }
    }
}
