//! ZUC keystream in pieces: for messages whose keystream does not fit a bounded buffer.

use super::super::{Backend, Choice, Room, always};
#[cfg(target_arch = "aarch64")]
use super::aarch64_neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use super::row::FEW;
use super::{portable, tables::D};
#[cfg(target_arch = "x86_64")]
use super::{x86_aesni, x86_avx2, x86_avx512, x86_gfni512};
use zeroize::optimization_barrier;

/// A generator between two pieces: the 16 cells of the LFSR (s0 first), R1 and R2. Wiped on drop.
pub struct State {
    pub(super) s: [u32; 16],
    pub(super) r: [u32; 2],
    /// False until a row has clocked the 33 clocks of the initialisation.
    pub(super) ready: bool,
}

impl State {
    /// Key and IV loaded, not yet clocked.
    ///
    /// A function of its own: inside one with AVX-512 it becomes vectors of 64 bytes, which one port fewer can do, and the
    /// clocks around it wait for a port.
    #[must_use]
    #[inline(never)]
    pub fn new(key: &[u8; 16], iv: &[u8; 16]) -> Self {
        Self {
            s: core::array::from_fn(|i| {
                u32::from(key[i]) << 23 | u32::from(D[i]) << 8 | u32::from(iv[i])
            }),
            r: [0; 2],
            ready: false,
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.s = [0; 16];
        self.r = [0; 2];
        optimization_barrier(&*self);
    }
}

/// One generator and the next piece: keystream is XORed onto `data`. Each piece but the last must be a multiple
/// of 16 bytes; what remains of the last 16 bytes is lost.
pub struct StreamLane<'a> {
    /// Goes on from here.
    pub state: &'a mut State,
    /// Ciphered in place.
    pub data: &'a mut [u8],
}

/// Calls `many` for what up to `width` lanes have in common (their lanes and a number of bytes, whole blocks but for
/// the ends of lanes), and `one` for the rest of a lane and for groups of up to [`FEW`].
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) fn in_groups(
    lanes: &mut [StreamLane<'_>],
    width: usize,
    mut one: impl FnMut(&mut StreamLane<'_>),
    mut many: impl FnMut(&mut [StreamLane<'_>], usize),
) {
    for group in lanes.chunks_mut(width) {
        let blocks = group.iter().map(|lane| lane.data.len().div_ceil(16));
        let mut common = 16 * blocks.min().unwrap_or(0);
        let alike = group
            .iter()
            .all(|lane| lane.state.ready == group[0].state.ready);
        if group.len() <= FEW || !alike {
            common = 0;
        }
        if common > 0 {
            many(group, common);
        }
        for lane in group {
            if lane.data.len() > common {
                one(&mut StreamLane {
                    state: lane.state,
                    data: &mut lane.data[common..],
                });
            }
        }
    }
}

/// The room of ZUC in pieces.
pub struct Stream;

/// Rows, best first.
pub static BACKENDS: &[Backend<Stream>] = &[
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_gfni512",
        lanes: 16,
        available: x86_gfni512::available,
        one: x86_gfni512::stream_one,
        many: x86_gfni512::stream_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx512",
        lanes: 16,
        available: x86_avx512::available,
        one: x86_avx512::stream_one,
        many: x86_avx512::stream_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_avx2",
        lanes: 8,
        available: x86_avx2::available,
        one: x86_avx2::stream_one,
        many: x86_avx2::stream_many,
    },
    #[cfg(target_arch = "x86_64")]
    Backend {
        name: "x86_aesni",
        lanes: 4,
        available: x86_aesni::available,
        one: x86_aesni::stream_one,
        many: x86_aesni::stream_many,
    },
    #[cfg(target_arch = "aarch64")]
    Backend {
        name: "aarch64_neon",
        lanes: 4,
        available: aarch64_neon::available,
        one: aarch64_neon::stream_one,
        many: aarch64_neon::stream_many,
    },
    Backend {
        name: "portable",
        lanes: 1,
        available: always,
        one: portable::stream_one,
        many: portable::stream_many,
    },
];

impl Room for Stream {
    type Lane<'a> = StreamLane<'a>;
    const NAME: &'static str = "zuc_stream";

    fn backends() -> &'static [Backend<Self>] {
        BACKENDS
    }

    fn answers(backend: &Backend<Self>) -> bool {
        let mut text = [0; 64];
        let mut state = State::new(&super::KEY, &super::IV);
        for piece in [0..16, 16..48, 48..64] {
            (backend.one)(&mut StreamLane {
                state: &mut state,
                data: &mut text[piece],
            });
        }
        let mut again = [[0; 64]; 2];
        let mut states = [(); 2].map(|()| State::new(&super::KEY, &super::IV));
        let [first, second] = &mut states;
        let [a, b] = &mut again;
        (backend.many)(&mut [
            StreamLane {
                state: first,
                data: &mut a[..],
            },
            StreamLane {
                state: second,
                data: &mut b[..63],
            },
        ]);
        again[1][63] = super::KEYSTREAM[63];
        text == super::KEYSTREAM && again == [super::KEYSTREAM; 2]
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// The row in use.
#[must_use]
pub fn active() -> &'static Backend<Stream> {
    super::super::active()
}

/// True when the row is available and passes its known-answer test.
#[must_use]
pub fn known_answer(backend: &Backend<Stream>) -> bool {
    super::super::known_answer(backend)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of the specification, modulo p by division; 0 becomes p.
    fn cell(s: &[u32; 16]) -> u32 {
        let sum: u128 = [(15, 15), (13, 17), (10, 21), (4, 20), (0, 8), (0, 0)]
            .map(|(i, shift)| u128::from(s[i]) << shift)
            .iter()
            .sum();
        match (sum % 0x7FFF_FFFF) as u32 {
            0 => 0x7FFF_FFFF,
            value => value,
        }
    }

    #[test]
    fn r39_edge_cells_never_lead_to_an_invalid_state() {
        let edges = [1, 2, 0x7FFF_FFFF, 0x7FFF_FFFE, 0x4000_0000, 0x3FFF_FFFF];
        let mut seed = 1_u64;
        for round in 0..4000 {
            let s: [u32; 16] = core::array::from_fn(|i| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let draw = (seed >> 33) as u32;
                match round % 3 {
                    0 => edges[draw as usize % edges.len()],
                    1 => edges[((round / 3) >> (i % 4)) as usize % edges.len()],
                    _ => draw.max(1),
                }
            });
            let mut expected = s;
            for _ in 0..32 {
                let next = cell(&expected);
                expected.rotate_left(1);
                expected[15] = next;
            }
            let mut texts = BACKENDS.iter().map(|row| {
                let mut state = State {
                    s,
                    r: [seed as u32, round],
                    ready: true,
                };
                let mut data = [0; 128];
                (row.one)(&mut StreamLane {
                    state: &mut state,
                    data: &mut data,
                });
                assert_eq!(state.s, expected, "{}", row.name);
                data
            });
            let first = texts.next().unwrap();
            assert!(texts.all(|text| text == first));
        }
    }
}
