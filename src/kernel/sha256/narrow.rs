//! HMAC over an engine that computes one or two compressions at a time: a single lane's two pads, a pair's two
//! messages, or two lanes side by side.

use super::words::{Block, PADS, block, blocks, outer, pad, short as short_block};
use super::{HmacLane, PairLane, ShortLane};
use zeroize::optimization_barrier;

/// One or two compressions at a time.
pub(super) trait Engine: Copy {
    /// A hash value between two compressions.
    type State: Copy;

    /// The initial hash value.
    fn start(self) -> Self::State;
    /// One block of every state.
    fn compress<const N: usize>(self, states: &mut [Self::State; N], blocks: [&Block; N]);
    /// One block of both states, given as W + K.
    fn scheduled(self, states: &mut [Self::State; 2], schedules: [&[u32; 64]; 2]);
    /// The digest.
    fn digest(self, state: Self::State) -> [u8; 32];
}

/// The blocks that pads, padded messages and inner digests stand in; wiped when it goes.
struct Desk<const N: usize>([Block; N]);

impl<const N: usize> Desk<N> {
    #[inline(always)]
    const fn new() -> Self {
        Self([[0; 64]; N])
    }

    #[inline(always)]
    fn compress<E: Engine>(&self, engine: E, states: &mut [E::State; N]) {
        engine.compress(states, self.0.each_ref());
    }
}

impl<const N: usize> Drop for Desk<N> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0 = [[0; 64]; N];
        optimization_barrier(&self.0);
    }
}

/// The states behind the inner and the outer pad.
#[inline(always)]
fn pads<E: Engine>(engine: E, desk: &mut Desk<2>, key: &[u8; 32]) -> [E::State; 2] {
    let mut states = [engine.start(); 2];
    desk.0 = [pad(key, PADS[0]), pad(key, PADS[1])];
    desk.compress(engine, &mut states);
    states
}

/// The blocks of one message from `first` on.
#[inline(always)]
fn absorb<E: Engine>(engine: E, state: &mut E::State, message: &[u8], first: usize) {
    let mut desk = Desk::<1>::new();
    let mut states = [*state];
    for index in first..blocks(message.len()) {
        desk.0[0] = block(message, index);
        desk.compress(engine, &mut states);
    }
    [*state] = states;
}

/// Two messages side by side as far as both go, then what is left of the longer one.
#[inline(always)]
fn absorb_two<E: Engine>(
    engine: E,
    desk: &mut Desk<2>,
    states: &mut [E::State; 2],
    messages: [&[u8]; 2],
) {
    let both = blocks(messages[0].len()).min(blocks(messages[1].len()));
    for index in 0..both {
        desk.0 = [block(messages[0], index), block(messages[1], index)];
        desk.compress(engine, states);
    }
    for (state, message) in states.iter_mut().zip(messages) {
        absorb(engine, state, message, both);
    }
}

/// A single lane of HMAC.
#[inline(always)]
pub(super) fn hmac<E: Engine>(engine: E, lane: &mut HmacLane<'_>) {
    let [mut inner, last] = pads(engine, &mut Desk::new(), lane.key);
    absorb(engine, &mut inner, lane.message, 0);
    let desk = Desk([outer(&engine.digest(inner))]);
    let mut states = [last];
    desk.compress(engine, &mut states);
    lane.out = engine.digest(states[0]);
}

/// Two lanes of HMAC side by side.
#[inline(always)]
pub(super) fn hmac_two<E: Engine>(engine: E, [a, b]: &mut [HmacLane<'_>; 2]) {
    let desk = &mut Desk::<2>::new();
    let [inner_a, outer_a] = pads(engine, desk, a.key);
    let [inner_b, outer_b] = pads(engine, desk, b.key);
    let mut inner = [inner_a, inner_b];
    absorb_two(engine, desk, &mut inner, [a.message, b.message]);
    let mut states = [outer_a, outer_b];
    desk.0 = inner.map(|inner| outer(&engine.digest(inner)));
    desk.compress(engine, &mut states);
    a.out = engine.digest(states[0]);
    b.out = engine.digest(states[1]);
}

/// A single lane of the pair room: both messages side by side.
#[inline(always)]
pub(super) fn pair<E: Engine>(engine: E, lane: &mut PairLane<'_>) {
    let desk = &mut Desk::<2>::new();
    let [inner, last] = pads(engine, desk, lane.key);
    let mut inner = [inner; 2];
    let [a, b] = lane.messages;
    match (a.schedule(), b.schedule()) {
        (Some(a), Some(b)) => engine.scheduled(&mut inner, [a, b]),
        _ => absorb_two(engine, desk, &mut inner, [a.bytes(), b.bytes()]),
    }
    let mut states = [last; 2];
    desk.0 = inner.map(|inner| outer(&engine.digest(inner)));
    desk.compress(engine, &mut states);
    for (out, state) in lane.out.iter_mut().zip(states) {
        out.copy_from_slice(&engine.digest(state)[16..]);
    }
}

/// Short messages, one or two side by side.
#[inline(always)]
pub(super) fn short<E: Engine, const N: usize>(engine: E, lanes: &mut [ShortLane<'_>; N]) {
    let desk = Desk(lanes.each_ref().map(|lane| short_block(lane.halves)));
    let mut states = [engine.start(); N];
    desk.compress(engine, &mut states);
    for (lane, state) in lanes.iter_mut().zip(states) {
        lane.out = engine.digest(state);
    }
}
