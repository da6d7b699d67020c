//! 128-NIA1: SNOW 3G as in UIA2 (TS 35.215), with FRESH = BEARER || 0^27. Five keystream words make P, Q and the
//! mask of the MAC.

use super::{Input, MacLane, Nia, NiaRow, lane::CHUNK};
use crate::kernel::{self, Backend, Lane, clmul, snow3g};
use zeroize::Zeroize;

pub(super) const ROW: NiaRow = NiaRow {
    nia: Nia::Nia1,
    name: "128-NIA1",
    mac: |lanes| {
        Rows {
            keystream: snow3g::active(),
            eval: clmul::uia2::active(),
        }
        .run(lanes)
    },
    mac_on: |name, lanes| {
        let (keystream, eval) = (kernel::named(name), kernel::named(name));
        if keystream.is_none() && eval.is_none() {
            return false;
        }
        Rows {
            keystream: keystream.unwrap_or_else(snow3g::active),
            eval: eval.unwrap_or_else(clmul::uia2::active),
        }
        .run(lanes);
        true
    },
};

const WORDS: usize = 20; // bytes of z1..z5

struct Rows {
    keystream: &'static Backend<snow3g::Snow3g>,
    eval: &'static Backend<clmul::Uia2>,
}

impl Rows {
    fn run(&self, lanes: &mut [MacLane<'_>]) {
        if let [lane] = lanes {
            let mut z = [0; WORDS];
            (self.keystream.one)(&mut Lane {
                key: lane.key.raw(),
                iv: iv(lane.input),
                data: &mut z,
            });
            let mut staged = stage(lane, &z);
            (self.eval.one)(&mut staged);
            lane.mac = masked(staged.eval, &z);
            z.zeroize();
            return;
        }
        for chunk in lanes.chunks_mut(CHUNK) {
            self.chunk(chunk);
        }
    }

    fn chunk(&self, chunk: &mut [MacLane<'_>]) {
        let Some(spare) = chunk.first() else { return };
        let count = chunk.len();
        let mut z = [[0; WORDS]; CHUNK];
        let mut places = z.iter_mut().enumerate();
        let mut streams: [_; CHUNK] = core::array::from_fn(|_| match places.next() {
            Some((i, data)) => {
                let lane = chunk.get(i).unwrap_or(spare);
                Lane {
                    key: lane.key.raw(),
                    iv: iv(lane.input),
                    data: &mut data[..],
                }
            }
            None => Lane {
                key: spare.key.raw(),
                iv: [0; 16],
                data: &mut [],
            },
        });
        (self.keystream.many)(&mut streams[..count]);
        let mut evals: [_; CHUNK] =
            core::array::from_fn(|i| stage(chunk.get(i).unwrap_or(spare), &z[i]));
        (self.eval.many)(&mut evals[..count]);
        let evals = evals.map(|lane| lane.eval);
        for (lane, (eval, z)) in chunk.iter_mut().zip(evals.into_iter().zip(&z)) {
            lane.mac = masked(eval, z);
        }
        for z in &mut z[..count] {
            z.zeroize();
        }
    }
}

fn stage<'a>(lane: &MacLane<'a>, z: &[u8; WORDS]) -> clmul::Uia2Lane<'a> {
    let word = |at: usize| (at..at + 8).fold(0, |word, i| word << 8 | u64::from(z[i]));
    clmul::Uia2Lane {
        p: word(0),
        q: word(8),
        message: lane.message,
        bits: lane.bits,
        eval: 0,
    }
}

fn masked(eval: u32, z: &[u8; WORDS]) -> [u8; 4] {
    (eval ^ u32::from_be_bytes([z[16], z[17], z[18], z[19]])).to_be_bytes()
}

/// IV3 = COUNT, IV2 = FRESH, IV1 = COUNT with DIRECTION in bit 31, IV0 = FRESH with DIRECTION in bit 15. EIA3 has
/// the same IV.
pub(super) fn iv(input: Input) -> [u8; 16] {
    let [c0, c1, c2, c3] = input.count.to_be_bytes();
    let fresh = input.bearer_bits();
    let direction = (input.direction as u8) << 7;
    [
        c0,
        c1,
        c2,
        c3,
        fresh,
        0,
        0,
        0,
        c0 ^ direction,
        c1,
        c2,
        c3,
        fresh,
        0,
        direction,
        0,
    ]
}
