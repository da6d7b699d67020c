//! One message in every lane of a vector: SHA-256 written once over [`Isa`].

use super::words::{H, K, OUTER_BITS, PADS, SHORT_BITS, block, blocks};
use super::{HmacLane, PairLane, ShortLane};
use crate::kernel::isa::{Blocks, Isa, MOST_LANES};
use zeroize::optimization_barrier;

type State<I> = [<I as Isa>::V; 8];
type Words<I> = [<I as Isa>::V; 16];

/// Rotates right.
#[inline(always)]
fn rotr<I: Isa>(isa: I, a: I::V, bits: u32) -> I::V {
    isa.rotl(a, 32 - bits)
}

/// The new `d` and `h` of a round (FIPS 180-4, 6.2.2 step 3).
#[inline(always)]
fn round<I: Isa>(isa: I, [a, b, c, d, e, f, g, h]: State<I>, wk: I::V) -> (I::V, I::V) {
    let s1 = isa.xor3(rotr(isa, e, 6), rotr(isa, e, 11), rotr(isa, e, 25));
    let t1 = isa.add(isa.add(h, wk), isa.add(isa.select(e, f, g), s1));
    let s0 = isa.xor3(rotr(isa, a, 2), rotr(isa, a, 13), rotr(isa, a, 22));
    let t2 = isa.add(s0, isa.majority(a, b, c));
    (isa.add(d, t1), isa.add(t1, t2))
}

/// The next word of the schedule, from those of 16, 15, 7 and 2 rounds ago.
#[inline(always)]
fn next<I: Isa>(isa: I, [w16, w15, w7, w2]: [I::V; 4]) -> I::V {
    let s0 = isa.xor3(rotr(isa, w15, 7), rotr(isa, w15, 18), isa.shr(w15, 3));
    let s1 = isa.xor3(rotr(isa, w2, 17), rotr(isa, w2, 19), isa.shr(w2, 10));
    isa.add(isa.add(w16, s0), isa.add(w7, s1))
}

/// Sixteen rounds; `$wk` says what round `$j` adds. Written out, because a loop would index the state in memory.
macro_rules! sixteen {
    ($isa:ident, $s:ident, $j:ident => $wk:expr) => {{
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *$s;
        sixteen!(@ $isa, $j => $wk, (0) a b c d e f g h);
        sixteen!(@ $isa, $j => $wk, (1) h a b c d e f g);
        sixteen!(@ $isa, $j => $wk, (2) g h a b c d e f);
        sixteen!(@ $isa, $j => $wk, (3) f g h a b c d e);
        sixteen!(@ $isa, $j => $wk, (4) e f g h a b c d);
        sixteen!(@ $isa, $j => $wk, (5) d e f g h a b c);
        sixteen!(@ $isa, $j => $wk, (6) c d e f g h a b);
        sixteen!(@ $isa, $j => $wk, (7) b c d e f g h a);
        sixteen!(@ $isa, $j => $wk, (8) a b c d e f g h);
        sixteen!(@ $isa, $j => $wk, (9) h a b c d e f g);
        sixteen!(@ $isa, $j => $wk, (10) g h a b c d e f);
        sixteen!(@ $isa, $j => $wk, (11) f g h a b c d e);
        sixteen!(@ $isa, $j => $wk, (12) e f g h a b c d);
        sixteen!(@ $isa, $j => $wk, (13) d e f g h a b c);
        sixteen!(@ $isa, $j => $wk, (14) c d e f g h a b);
        sixteen!(@ $isa, $j => $wk, (15) b c d e f g h a);
        *$s = [a, b, c, d, e, f, g, h];
    }};
    (@ $isa:ident, $j:ident => $wk:expr, ($n:literal) $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident
        $h:ident) => {
        let wk = {
            let $j: usize = $n;
            $wk
        };
        ($d, $h) = round($isa, [$a, $b, $c, $d, $e, $f, $g, $h], wk);
    };
}

#[inline(always)]
fn add_state<I: Isa>(isa: I, s: &mut State<I>, before: &State<I>) {
    for (s, before) in s.iter_mut().zip(before) {
        *s = isa.add(*s, *before);
    }
}

/// One block of every lane.
#[inline(always)]
fn compress<I: Isa>(isa: I, state: &State<I>, mut w: Words<I>) -> State<I> {
    let (s, (k, _)) = (&mut state.clone(), K.as_chunks::<16>());
    sixteen!(isa, s, j => isa.add(w[j], isa.splat(k[0][j])));
    for k in &k[1..] {
        sixteen!(isa, s, j => {
            w[j] = next(isa, [w[j], w[(j + 1) % 16], w[(j + 9) % 16], w[(j + 14) % 16]]);
            isa.add(w[j], isa.splat(k[j]))
        });
    }
    add_state(isa, s, state);
    *s
}

/// A block given as the W + K of its rounds.
#[inline(always)]
fn compress_scheduled<I: Isa>(isa: I, state: &State<I>, table: &Table) -> State<I> {
    let s = &mut state.clone();
    for wk in table.as_chunks::<16>().0 {
        sixteen!(isa, s, j => isa.quad(&wk[j]));
    }
    add_state(isa, s, state);
    *s
}

/// A block of every lane given as the W + K of its rounds, each lane its own.
#[inline(always)]
fn compress_apart<I: Isa>(
    isa: I,
    state: &State<I>,
    schedules: [&[u32; 64]; MOST_LANES],
) -> State<I> {
    let s = &mut state.clone();
    for group in 0..4 {
        let mut wk = [state[0]; 16];
        for (q, wk) in wk.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let mut blocks: Blocks<'_> = [bytes(schedules[0], 4 * group + q); MOST_LANES];
            for (block, schedule) in blocks.iter_mut().zip(schedules) {
                *block = bytes(schedule, 4 * group + q);
            }
            *wk = isa.columns(&blocks);
        }
        sixteen!(isa, s, j => wk[j]);
    }
    add_state(isa, s, state);
    *s
}

/// Four words in the byte order of the host, which is little-endian wherever there is an [`Isa`].
#[inline(always)]
fn bytes(schedule: &[u32; 64], quarter: usize) -> &[u8; 16] {
    let words: &[u32; 4] = &schedule.as_chunks::<4>().0[quarter];
    // SAFETY: four words are 16 initialised bytes, and bytes have no alignment; the result borrows the words.
    unsafe { &*words.as_ptr().cast() }
}

/// The first words of every lane, from big-endian bytes.
#[inline(always)]
fn load<I: Isa>(isa: I, blocks: &Blocks<'_>) -> [I::V; 4] {
    let mut words = isa.columns(blocks);
    for word in &mut words {
        *word = isa.swap_bytes(*word);
    }
    words
}

/// The states behind a pad, from the key words and the word that the pad repeats.
#[inline(always)]
fn behind_pad<I: Isa>(isa: I, keys: &[&[u8; 32]; MOST_LANES], pad: I::V) -> State<I> {
    let mut w = [pad; 16];
    for half in 0..2 {
        let words = load(isa, &keys.map(|key| &key.as_chunks::<16>().0[half]));
        for (w, key) in w[4 * half..].iter_mut().zip(words) {
            *w = isa.xor(*w, key);
        }
    }
    compress(isa, &start(isa), w)
}

/// The initial hash value in every lane.
#[inline(always)]
fn start<I: Isa>(isa: I) -> State<I> {
    let mut start = [isa.splat(0); 8];
    for (start, word) in start.iter_mut().zip(H) {
        *start = isa.splat(word);
    }
    start
}

/// The states behind both pads of keys that each stand in two neighbouring lanes: one compression for the two, the
/// inner pad in the even lane and the outer one in the odd. The results stand in both lanes.
#[inline(always)]
fn pads_of_twos<I: Isa>(isa: I, keys: &[&[u8; 32]; MOST_LANES]) -> [State<I>; 2] {
    const INNER: [u8; 16] = [0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11];
    const OUTER: [u8; 16] = [4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15];
    let [i, o] = PADS;
    let pads = isa.quad(&[i, i, i, i, o, o, o, o, i, i, i, i, o, o, o, o]);
    let both = behind_pad(isa, keys, pads);
    let mut states = [both; 2];
    for (state, lanes) in states.iter_mut().zip([INNER, OUTER]) {
        for word in state {
            *word = isa.shuffle(*word, isa.quad(&lanes));
        }
    }
    states
}

/// Every lane's message, of any length, with its padding.
#[inline(always)]
fn absorb<I: Isa>(isa: I, mut state: State<I>, messages: [&[u8]; MOST_LANES]) -> State<I> {
    let counts = messages.map(|message| blocks(message.len()));
    let most = counts.iter().copied().max().unwrap_or(0);
    let least = counts.iter().copied().min().unwrap_or(0);
    let mut bytes = [[[0; 16]; 4]; MOST_LANES];
    for index in 0..most {
        for (bytes, message) in bytes[..I::LANES].iter_mut().zip(messages) {
            bytes
                .as_flattened_mut()
                .copy_from_slice(&block(message, index));
        }
        let mut w = [state[0]; 16];
        for (q, w) in w.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *w = load(isa, &bytes.each_ref().map(|bytes| &bytes[q]));
        }
        let after = compress(isa, &state, w);
        state = if index < least {
            after
        } else {
            // Lanes whose last block was before this one keep their state; how long they are is no secret.
            let masks = counts.map(|count| [if index < count { 0xFF } else { 0 }; 16]);
            let [mask, ..] = isa.columns(&masks.each_ref());
            let mut kept = state;
            for (kept, after) in kept.iter_mut().zip(after) {
                *kept = isa.select(mask, after, *kept);
            }
            kept
        };
    }
    bytes = [[[0; 16]; 4]; MOST_LANES];
    optimization_barrier(&bytes);
    state
}

/// The outer hash of every lane.
#[inline(always)]
fn finish<I: Isa>(isa: I, inner: &State<I>, outer: &State<I>) -> State<I> {
    close(isa, outer, inner, OUTER_BITS)
}

/// The last block of every lane: eight words, of a message of so many bits.
#[inline(always)]
fn close<I: Isa>(isa: I, state: &State<I>, words: &[I::V; 8], bits: u32) -> State<I> {
    let mut w = [isa.splat(0); 16];
    w[..8].copy_from_slice(words);
    w[8] = isa.splat(0x8000_0000);
    w[15] = isa.splat(bits);
    compress(isa, state, w)
}

/// Four words of every lane, big-endian: `put` takes the number of the lane and its 16 bytes.
#[inline(always)]
fn store<I: Isa>(isa: I, words: &[I::V], mut put: impl FnMut(usize, &[u8; 16])) {
    let mut rows = [isa.splat(0); 4];
    for (row, word) in rows.iter_mut().zip(words) {
        *row = isa.swap_bytes(*word);
    }
    // A square is transposed by the transposition that `columns` is: block i of vector j is block 4i + j.
    let columns = {
        let parts = rows.each_ref().map(parts::<I>);
        let mut blocks: Blocks<'_> = [&parts[0][0]; MOST_LANES];
        for i in 0..I::LANES {
            blocks[i] = &parts[i % 4][i / 4];
        }
        isa.columns(&blocks)
    };
    for i in 0..I::LANES {
        put(i, &parts::<I>(&columns[i % 4])[i / 4]);
    }
    rows = [isa.splat(0); 4];
    optimization_barrier(&rows);
}

/// A vector as the blocks that it is made of.
#[inline(always)]
fn parts<I: Isa>(v: &I::V) -> &[[u8; 16]] {
    // SAFETY: the vector of an `Isa` is `LANES` words of 4 bytes, all of them initialised, and bytes have no
    // alignment; the result borrows `v`.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(v).cast(), I::LANES / 4) }
}

/// What `of` says of lane `i / SHARE` for every `i`; where there is no such lane, what it says of the first.
#[inline(always)]
fn of_all<L, T: Copy, const SHARE: usize>(
    lanes: &[L],
    of: impl Fn(&L, usize) -> T,
) -> [T; MOST_LANES] {
    let mut all = [of(&lanes[0], 0); MOST_LANES];
    for (i, all) in all.iter_mut().enumerate() {
        *all = of(lanes.get(i / SHARE).unwrap_or(&lanes[0]), i % SHARE);
    }
    all
}

/// HMAC of 1 to `I::LANES / SHARE` lanes. `SHARE` is 2 when every lane has two neighbours of the vector to itself:
/// three compressions in a row instead of four.
#[inline(always)]
pub(super) fn hmac<I: Isa, const SHARE: usize>(isa: I, lanes: &mut [HmacLane<'_>]) {
    let keys = of_all::<_, _, SHARE>(lanes, |lane, _| lane.key);
    let [inner, outer] = if SHARE == 2 {
        pads_of_twos(isa, &keys)
    } else {
        let mut states = [[isa.splat(0); 8]; 2];
        for (state, pad) in states.iter_mut().zip(PADS) {
            *state = behind_pad(isa, &keys, isa.splat(u32::from_ne_bytes([pad; 4])));
        }
        states
    };
    let inner = absorb(
        isa,
        inner,
        of_all::<_, _, SHARE>(lanes, |lane, _| lane.message),
    );
    let state = finish(isa, &inner, &outer);
    for half in 0..2 {
        store(isa, &state[4 * half..][..4], |i, bytes| {
            if let Some(lane) = lanes.get_mut(i / SHARE).filter(|_| i % SHARE == 0) {
                lane.out.as_chunks_mut::<16>().0[half] = *bytes;
            }
        });
    }
}

/// Short messages of 1 to `I::LANES` lanes.
#[inline(always)]
pub(super) fn short<I: Isa>(isa: I, lanes: &mut [ShortLane<'_>]) {
    let mut words = [isa.splat(0); 8];
    for (half, words) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *words = load(isa, &of_all::<_, _, 1>(lanes, |lane, _| lane.halves[half]));
    }
    let state = close(isa, &start(isa), &words, SHORT_BITS);
    for half in 0..2 {
        store(isa, &state[4 * half..][..4], |i, bytes| {
            if let Some(lane) = lanes.get_mut(i) {
                lane.out.as_chunks_mut::<16>().0[half] = *bytes;
            }
        });
    }
}

/// W + K of two prepared messages, round by round: word of the first, of the second, and both again.
pub(super) type Table = [[u8; 16]; 64];

/// The table of the two messages when every lane has the same prepared ones.
#[inline]
pub(super) fn table(lanes: &[PairLane<'_>]) -> Option<Table> {
    fn schedules<'a>(lane: &PairLane<'a>) -> Option<[&'a [u32; 64]; 2]> {
        let [a, b] = lane.messages;
        Some([a.schedule()?, b.schedule()?])
    }
    let [a, b] = schedules(lanes.first()?)?;
    let same =
        |lane| schedules(lane).is_some_and(|[c, d]| core::ptr::eq(a, c) && core::ptr::eq(b, d));
    if !lanes[1..].iter().all(same) {
        return None;
    }
    let mut table = [[0; 16]; 64];
    for (row, (a, b)) in table.iter_mut().zip(a.iter().zip(b)) {
        let two = u64::from(*a) | u64::from(*b) << 32;
        *row = (u128::from(two) | u128::from(two) << 64).to_le_bytes();
    }
    Some(table)
}

/// The pairs of 1 to `I::LANES / 2` lanes: first the two pads, then the two messages stand in neighbouring lanes of
/// the vector, so that a pair takes three compressions in a row and half a vector is full with half the pairs.
#[inline(always)]
pub(super) fn pair<I: Isa>(isa: I, lanes: &mut [PairLane<'_>], table: Option<&Table>) {
    let [inner, outer] = pads_of_twos(isa, &of_all::<_, _, 2>(lanes, |lane, _| lane.key));
    let inner = if let Some(table) = table {
        compress_scheduled(isa, &inner, table)
    } else {
        let schedules = of_all::<_, _, 2>(lanes, |lane, i| lane.messages[i].schedule());
        if schedules.iter().all(Option::is_some) {
            let none = &super::words::K;
            compress_apart(isa, &inner, schedules.map(|one| one.unwrap_or(none)))
        } else {
            let messages = of_all::<_, _, 2>(lanes, |lane, i| lane.messages[i].bytes());
            absorb(isa, inner, messages)
        }
    };
    let state = finish(isa, &inner, &outer);
    store(isa, &state[4..], |i, bytes| {
        if let Some(lane) = lanes.get_mut(i / 2) {
            *lane.out[i % 2] = *bytes;
        }
    });
}
