//! The generator for one message or a few: 64 bits of a vector for each lane, R1 beside R2 and u beside v.
//!
//! Where the vectors of `generator` hold one word of many lanes, a clock of one lane here is half as many
//! instructions: the LFSR adds in 64 bits without folding after every term, and the boxes see R1 and R2 of two lanes
//! in 16 bytes. What counts is the way from R1 and R2 to the next R1 and R2, and beside it the number of vector
//! instructions: about 56 a clock with AVX-512, for three ports.

use super::super::Lane;
use super::super::isa::Isa;
use super::boxes::Boxes;
use super::stream::{State, StreamLane};
use zeroize::Zeroize;

/// The most lanes of 64 bits.
pub(super) const MOST: usize = 4;

const P: u32 = 0x7FFF_FFFF;

/// A vector.
type V<B> = <<B as Boxes>::Isa as Isa>::V;

/// Operations on lanes of 64 bits: a lower and an upper word.
pub(super) trait Narrow: Boxes {
    /// Lanes of 64 bits: 2 or 4.
    const LANES: usize;

    /// The lower words of the lanes; the upper ones are 0.
    fn lower(self, words: [u32; MOST]) -> V<Self>;
    /// The lanes.
    fn lanes(self, v: V<Self>) -> [u64; MOST];
    /// Modulo 2^64.
    fn add64(self, a: V<Self>, b: V<Self>) -> V<Self>;
    /// Shifts lanes left by a constant.
    fn shl64(self, a: V<Self>, bits: u32) -> V<Self>;
    /// Shifts lanes right by a constant.
    fn shr64(self, a: V<Self>, bits: u32) -> V<Self>;
    /// The upper words of `upper`, the lower ones of `lower`.
    fn join(self, upper: V<Self>, lower: V<Self>) -> V<Self>;
    /// The product of the lower words and a constant.
    fn times(self, a: V<Self>, constant: u32) -> V<Self>;
    /// Rotates upper words left by 10 and lower ones by 14.
    fn turn(self, x: V<Self>) -> V<Self>;

    /// The lower words shifted right by 1; 0 above.
    #[inline(always)]
    fn half(self, a: V<Self>) -> V<Self> {
        let isa = self.isa();
        isa.and(isa.shr(a, 1), self.lower([P; MOST]))
    }

    /// The boxes of `m` XOR `m` turned left by 8 XOR `r` turned left by 16, S0 of the odd bytes and S1 of the even ones;
    /// and the same XOR `with`, which is known early: the next clock begins there.
    #[inline(always)]
    fn boxes(self, m: V<Self>, r: V<Self>, with: V<Self>) -> (V<Self>, V<Self>) {
        let isa = self.isa();
        let x = isa.xor3(m, isa.rotl(m, 8), isa.rotl(r, 16));
        let boxed = isa.select(isa.splat(0xFF00_FF00), self.s0(x), self.s1(x));
        (boxed, isa.xor(boxed, with))
    }
}

/// The generators of up to [`Narrow::LANES`] lanes. The rings are those of `generator::Generators`.
struct Generators<N: Narrow> {
    narrow: N,
    s: [V<N>; 32],
    /// Twice the cells: their upper halves stand in the upper half of the word. The lower ones do so in `s`, and a blend of
    /// both with a shuffle behind it is what the bit reorganisation takes.
    d: [V<N>; 32],
    /// s15, also in `s`, and twice it.
    last: [V<N>; 2],
    /// R1 above R2.
    r: V<N>,
    /// The same, with X2 of the next clock on R2.
    mixed: V<N>,
    t: usize,
}

impl<N: Narrow> Generators<N> {
    /// Nothing yet: `load` fills it where it stands, for to move it would be a copy of kilobytes.
    #[inline(always)]
    fn new(narrow: N) -> Self {
        let zero = narrow.isa().splat(0);
        Self {
            narrow,
            s: [zero; 32],
            d: [zero; 32],
            last: [zero; 2],
            r: zero,
            mixed: zero,
            t: 0,
        }
    }

    #[inline(always)]
    fn load(&mut self, states: &[State]) {
        let narrow = self.narrow;
        let of = |word: fn(&State, usize) -> u32, k: usize| {
            let mut words = [0; MOST];
            let mut i = 0;
            while i < states.len() && i < N::LANES {
                words[i] = word(&states[i], k);
                i += 1;
            }
            narrow.lower(words)
        };
        let r1 = of(|state, k| state.r[k], 0);
        let r2 = of(|state, k| state.r[k], 1);
        self.r = narrow.isa().or(narrow.shl64(r1, 32), r2);
        let mut k = 0;
        while k < 16 {
            self.put(k, of(|state, k| state.s[k], k));
            k += 1;
        }
        self.mixed = narrow.isa().xor(self.r, self.crossed(7, 5));
    }

    #[inline(always)]
    fn save(&self, states: &mut [State]) {
        let r = self.narrow.lanes(self.r);
        for (state, r) in states.iter_mut().zip(r) {
            state.r = [(r >> 32) as u32, r as u32];
        }
        let mut k = 0;
        while k < 16 {
            let cells = self.narrow.lanes(self.s(k));
            for (state, cell) in states.iter_mut().zip(cells) {
                state.s[k] = cell as u32;
            }
            k += 1;
        }
    }

    #[inline(always)]
    fn put(&mut self, at: usize, cell: V<N>) {
        let isa = self.narrow.isa();
        let twice = isa.add(cell, cell);
        let place = at % 16;
        self.s[place] = cell;
        self.s[place + 16] = cell;
        self.d[place] = twice;
        self.d[place + 16] = twice;
        self.last = [cell, twice];
    }

    #[inline(always)]
    fn s(&self, k: usize) -> V<N> {
        self.s[self.t % 16 + k]
    }

    #[inline(always)]
    fn d(&self, k: usize) -> V<N> {
        self.d[self.t % 16 + k]
    }

    /// `s_kH || s_mL`.
    #[inline(always)]
    fn halves(&self, k: usize, m: usize) -> V<N> {
        self.narrow.isa().halves(self.d(k), self.s(m))
    }

    /// `s_mL || s_kH`.
    #[inline(always)]
    fn crossed(&self, m: usize, k: usize) -> V<N> {
        const SWAPPED: [u8; 16] = [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13];
        let isa = self.narrow.isa();
        isa.shuffle(self.halves(k, m), isa.quad(&SWAPPED))
    }

    /// The same in the upper words, and 0 in the lower ones.
    #[inline(always)]
    fn crossed_above(&self, m: usize, k: usize) -> V<N> {
        const NO: u8 = 0x80;
        const RAISED: [u8; 16] = [NO, NO, NO, NO, 2, 3, 0, 1, NO, NO, NO, NO, 10, 11, 8, 9];
        let isa = self.narrow.isa();
        isa.shuffle(self.halves(k, m), isa.quad(&RAISED))
    }

    /// Bit reorganisation and F; returns W in the lower words, and what is of no use in the upper ones.
    #[inline(always)]
    fn f(&mut self) -> V<N> {
        // From W1 above W2: in the upper word W2H || W1L turned left by 8, in the lower one v = W2L || W1H.
        const TURNED: [u8; 16] = [6, 7, 0, 1, 3, 4, 5, 2, 14, 15, 8, 9, 11, 12, 13, 10];
        let (narrow, isa) = (self.narrow, self.narrow.isa());
        let x0 = isa.halves(self.last[1], self.s(14));
        let x1_above = self.crossed_above(11, 9);
        let w = isa.add(isa.xor(x0, narrow.shr64(self.r, 32)), self.r);
        let w12 = isa.add(self.mixed, x1_above); // W1 above W2
        let y = isa.shuffle(w12, isa.quad(&TURNED));
        // L1(u) above L2(v): with u turned right by 8, L1 is y + r + (y + r turned by 8) + (r turned by 16), as is L2.
        let r = narrow.turn(y);
        let x2 = self.crossed(8, 6); // of the next clock
        (self.r, self.mixed) = narrow.boxes(isa.xor(y, r), r, x2);
        w
    }

    /// Shifts in the sum of the specification and `u`, below 2^53 and never 0. Folded once it is below 2^32: up to p it is
    /// a number that is positive and larger than itself without p, above p it is a negative one.
    #[inline(always)]
    fn step(&mut self, u: V<N>) {
        let (narrow, isa) = (self.narrow, self.narrow.isa());
        let add = |a, b| narrow.add64(a, b);
        let p = narrow.lower([P; MOST]);
        let early = add(
            narrow.shl64(add(self.s(4), self.d(10)), 20),
            add(narrow.shl64(self.s(13), 17), narrow.times(self.s(0), 257)),
        );
        let mut sum = add(add(early, narrow.shl64(self.last[0], 15)), u);
        sum = add(isa.and(sum, p), narrow.shr64(sum, 31));
        self.put(self.t, isa.max(sum, isa.sub(sum, p)));
        self.t += 1;
    }

    /// 32 clocks with feedback, one without output.
    #[inline(always)]
    fn initialise(&mut self) {
        let narrow = self.narrow;
        let mut clock = 0;
        while clock < 32 {
            let w = self.f();
            self.step(narrow.half(w));
            clock += 1;
        }
        self.f();
        self.step(narrow.isa().splat(0));
    }

    /// The next keystream word, in the lower words.
    #[inline(always)]
    fn word(&mut self) -> V<N> {
        let isa = self.narrow.isa();
        let x3 = self.crossed(2, 0);
        let z = isa.xor(self.f(), x3);
        self.step(isa.splat(0));
        z
    }

    /// The next two words, as eight bytes of every lane.
    #[inline(always)]
    fn two_words(&mut self) -> [u64; MOST] {
        let first = self.word();
        let second = self.narrow.shl64(self.word(), 32);
        let isa = self.narrow.isa();
        self.narrow
            .lanes(isa.swap_bytes(self.narrow.join(second, first)))
    }
}

/// Ciphers the next piece of every lane; all are as ready as the first.
#[inline(always)]
fn run<N: Narrow>(generators: &mut Generators<N>, states: &[State], texts: &mut [&mut [u8]]) {
    generators.load(states);
    if states.first().is_some_and(|state| !state.ready) {
        generators.initialise();
    }
    let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    let mut at = 0;
    while at < longest {
        let (low, high) = (generators.two_words(), generators.two_words());
        for ((text, low), high) in texts.iter_mut().zip(low).zip(high) {
            let rest = text.get_mut(at..).unwrap_or_default();
            let z = u128::from(high) << 64 | u128::from(low);
            if let Some(bytes) = rest.first_chunk_mut::<16>() {
                *bytes = (u128::from_le_bytes(*bytes) ^ z).to_le_bytes();
            } else {
                super::apply(rest, z.to_le_bytes());
            }
        }
        at += 16;
    }
}

impl<N: Narrow> Generators<N> {
    #[inline(always)]
    fn wipe(&mut self) {
        self.s.zeroize();
        self.d.zeroize();
    }
}

/// One or two lanes.
#[inline(always)]
pub(super) fn lanes<N: Narrow>(narrow: N, lanes: &mut [Lane<'_, [u8; 16]>]) {
    let mut generators = Generators::new(narrow);
    let state = |lane: &Lane<'_, [u8; 16]>| State::new(lane.key, &lane.iv);
    match lanes {
        [a] => run(&mut generators, &[state(a)], &mut [a.data]),
        [a, b] => {
            let states = [state(a), state(b)];
            run(&mut generators, &states, &mut [a.data, b.data]);
        }
        _ => {}
    }
    generators.wipe();
}

/// The next piece of a generator.
#[inline(always)]
pub(super) fn stream<N: Narrow>(narrow: N, lane: &mut StreamLane<'_>) {
    let mut generators = Generators::new(narrow);
    let states = core::slice::from_mut(lane.state);
    run(&mut generators, states, &mut [lane.data]);
    generators.save(states);
    states[0].ready = true;
    generators.wipe();
}
