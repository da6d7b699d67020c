//! Primitives in lanes: AES-128, SNOW 3G, ZUC, carry-less products, SHA-256. The only SIMD room; it knows no 5G.
//!
//! Each primitive is a [`Room`] with a table of [`Backend`] rows, best first; the last row is the reference and
//! always available. A row has two verbs: `one` (a single lane) and `many` (any number of lanes, every lane with
//! its own key, IV and length). The table feeds dispatch, the equality tests, the benches, the self-test and
//! the README matrix.
//!
//! | room | table | lane |
//! |---|---|---|
//! | [`aes128::expand`] | key schedules and the CMAC subkey | [`aes128::ExpandLane`] |
//! | [`aes128::ctr`] | counter mode | [`Lane`]`<`[`aes128::Schedule`]`>` |
//! | [`aes128::cmac`] | CMAC over an optional 8-byte head and a message | [`aes128::CmacLane`] |
//! | [`aes128::Seal`] | counter mode over a part of a message, then CMAC over all of it | [`aes128::SealLane`] |
//! | [`aes128::Open`] | CMAC, then counter mode where it is right | [`aes128::OpenLane`] |
//! | [`snow3g`] | SNOW 3G keystream | [`Lane`]`<[u8; 16]>` |
//! | [`zuc`] | ZUC keystream | [`Lane`]`<[u8; 16]>` |
//! | [`zuc::stream`] | ZUC keystream in pieces | [`zuc::StreamLane`] |
//! | [`clmul::uia2`] | polynomial evaluation over GF(2^64) | [`clmul::Uia2Lane`] |
//! | [`clmul::window`] | windowed carry-less product | [`clmul::WindowLane`] |
//! | [`sha256`] | HMAC-SHA-256 with a 256-bit key | [`sha256::HmacLane`] |
//! | [`sha256::pair`] | HMAC-SHA-256 of two messages under one key | [`sha256::PairLane`] |
//! | [`sha256::short`] | SHA-256 of 32 bytes | [`sha256::ShortLane`] |

pub mod aes128;
pub mod clmul;
pub mod sha256;
pub mod snow3g;
pub mod zuc;

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod choice;
mod isa;
mod needs;
mod rooms;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_bytes;

pub use choice::Choice;
pub use rooms::{RoomInfo, RowInfo, rooms, start};

/// One message of a keystream room: the keystream of (`key`, `iv`) is XORed onto `data`, from the first byte on.
/// Zeroed `data` becomes the raw keystream. Any length, 0 included, any alignment.
pub struct Lane<'a, K> {
    /// The prepared key of this lane.
    pub key: &'a K,
    /// The initial value, in the byte order that the room's document gives.
    pub iv: [u8; 16],
    /// Ciphered in place.
    pub data: &'a mut [u8],
}

/// A primitive with its table of backends.
pub trait Room: Sized + 'static {
    /// One message's worth of work.
    type Lane<'a>;
    /// Name in tables and reports, for example `aes128_ctr`.
    const NAME: &'static str;
    /// The table, best row first, the reference row last.
    fn backends() -> &'static [Backend<Self>];
    /// True when the row gives the published answer, one lane at a time and in lanes. The row must be available.
    fn answers(backend: &Backend<Self>) -> bool;
    /// Where the row chosen for this process is remembered.
    fn choice() -> &'static Choice;
}

/// One row: one way to compute what the room computes. Calling a row that is not available is safe: it then
/// computes with the portable code.
pub struct Backend<R: Room> {
    /// `portable`, `<arch>_<feature>`, or the crate that does the work, `<name>_crate`.
    pub name: &'static str,
    /// How many lanes `many` computes side by side.
    pub lanes: usize,
    /// True when this processor can run the row and nobody hid its features.
    pub available: fn() -> bool,
    /// Computes a single lane.
    pub one: fn(&mut R::Lane<'_>),
    /// Computes any number of lanes.
    pub many: fn(&mut [R::Lane<'_>]),
}

/// The row that this process uses for `R`: the first available row that passes its known-answer test, chosen at
/// the first call. If none passes this is the reference row, and [`start`] reports the failure.
#[must_use]
pub fn active<R: Room>() -> &'static Backend<R> {
    choice::active()
}

/// True when the row is available and gives the published answers.
#[must_use]
pub fn known_answer<R: Room>(backend: &Backend<R>) -> bool {
    (backend.available)() && R::answers(backend)
}

/// The row called `name`; `None` when the room has no such row or the processor cannot run it.
#[must_use]
pub fn named<R: Room>(name: &str) -> Option<&'static Backend<R>> {
    R::backends()
        .iter()
        .find(|row| row.name == name && (row.available)())
}

/// `available` of the rows that need no feature.
pub(crate) fn always() -> bool {
    true
}

/// Checks a keystream row: `expected` is the start of the keystream of (`key`, `iv`). One lane of every prefix
/// length around the block sizes, then 19 lanes of different lengths at once.
pub(crate) fn keystream_answers<R, K>(
    backend: &Backend<R>,
    key: &K,
    iv: [u8; 16],
    expected: &[u8; 64],
) -> bool
where
    K: 'static,
    R: for<'a> Room<Lane<'a> = Lane<'a, K>>,
{
    const LANES: usize = 19; // odd, and more than one group of every row of up to 16 lanes
    let fits = |len: usize, text: &[u8; 64]| {
        let (head, tail) = text.split_at(len);
        head == &expected[..len] && tail.iter().all(|&byte| byte == 0)
    };
    for len in [0, 1, 3, 4, 5, 15, 16, 17, 31, 33, 63, 64] {
        let mut text = [0; 64];
        (backend.one)(&mut Lane {
            key,
            iv,
            data: &mut text[..len],
        });
        if !fits(len, &text) {
            return false;
        }
    }
    let mut texts = [[0; 64]; LANES];
    let mut lens = 0..;
    let mut lanes = texts.each_mut().map(|text| Lane {
        key,
        iv,
        data: &mut text[..64 - 3 * lens.next().unwrap_or(0)],
    });
    (backend.many)(&mut lanes);
    texts
        .iter()
        .enumerate()
        .all(|(i, text)| fits(64 - 3 * i, text))
}
