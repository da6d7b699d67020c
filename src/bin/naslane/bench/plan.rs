//! Which rows there are, and which of them are asked for.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

use super::{Args, contest::BATCH_MAX};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Verb {
    /// A plain message becomes a PDU
    Protect,
    /// A PDU becomes a plain message
    Verify,
    /// K_AMF becomes K_NASenc and K_NASint
    Derive,
    /// Protect and verify through the session table, naslane alone
    Sessions,
}

/// With which algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Algorithm {
    /// SNOW 3G
    #[value(alias = "nea1-nia1")]
    Nea1,
    /// AES
    #[value(alias = "nea2-nia2")]
    Nea2,
    /// ZUC
    #[value(alias = "nea3-nia3")]
    Nea3,
    /// HMAC-SHA-256, for derivation
    #[value(alias = "k-nas-pair")]
    KNas,
}

/// Octets of the plain message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    Fixed(usize),
    /// [`MIX`], each length as often as any other, in any order.
    Mix,
}

/// Lengths of the NAS mix.
pub(super) const MIX: std::ops::RangeInclusive<usize> = 24..=160;
/// Longest message.
const BYTES_MAX: usize = 2000;

/// Where key schedules come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Keys {
    /// Expanded before the clock starts, one per UE
    Cached,
    /// Expanded for every message, inside the clock
    PerMessage,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) verb: Verb,
    pub(super) algorithm: Algorithm,
    pub(super) bytes: Bytes,
    pub(super) batch: usize,
    pub(super) keys: Keys,
}

/// A row of the session table.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionCell {
    pub(super) verb: Verb,
    pub(super) algorithm: Algorithm,
    pub(super) bytes: usize,
    pub(super) batch: usize,
    pub(super) sessions: usize,
}

impl Algorithm {
    const CIPHERS: [Self; 3] = [Self::Nea1, Self::Nea2, Self::Nea3];

    /// The identity of NEA and NIA; derivation is for AES.
    pub(super) const fn id(self) -> u8 {
        match self {
            Self::Nea1 => 1,
            Self::Nea2 | Self::KNas => 2,
            Self::Nea3 => 3,
        }
    }

    /// As the report has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nea1 => "nea1-nia1",
            Self::Nea2 => "nea2-nia2",
            Self::Nea3 => "nea3-nia3",
            Self::KNas => "k-nas-pair",
        }
    }
}

impl Verb {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Protect => "protect",
            Self::Verify => "verify",
            Self::Derive => "derive",
            Self::Sessions => "sessions",
        }
    }
}

impl Keys {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::PerMessage => "per-message",
        }
    }
}

impl Bytes {
    /// Octets of the longest message.
    pub(super) fn most(self) -> usize {
        match self {
            Self::Fixed(bytes) => bytes,
            Self::Mix => *MIX.end(),
        }
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "mix" {
            return Ok(Self::Mix);
        }
        let range = 3..=BYTES_MAX;
        let bytes = text.parse().ok().filter(|bytes| range.contains(bytes));
        bytes
            .map(Self::Fixed)
            .ok_or_else(|| format!("`mix` or a number from 3 to {BYTES_MAX}"))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(bytes) => write!(f, "{bytes}"),
            Self::Mix => f.write_str("mix"),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, algorithm, keys) = (self.verb.name(), self.algorithm.name(), self.keys.name());
        write!(
            f,
            "{verb} {algorithm}, {} octets, batch {}, keys {keys}",
            self.bytes, self.batch
        )
    }
}

/// `--batch`: a power of two, so that a round has whole batches.
pub(super) fn batch(text: &str) -> Result<usize, String> {
    let right = |batch: &usize| batch.is_power_of_two() && *batch <= BATCH_MAX;
    let batch = text.parse().ok().filter(right);
    batch.ok_or_else(|| format!("a power of two from 1 to {BATCH_MAX}"))
}

/// What the arguments ask for; an empty list of theirs stands for the usual one.
pub(super) struct Selection {
    verbs: Vec<Verb>,
    algorithms: Vec<Algorithm>,
    bytes: Vec<Bytes>,
    batches: Vec<usize>,
    keys: Vec<Keys>,
    sessions: &'static [usize],
}

fn or<T: Clone>(given: &[T], usual: &[T]) -> Vec<T> {
    if given.is_empty() { usual } else { given }.to_vec()
}

impl Selection {
    pub(super) fn new(args: &Args) -> Self {
        let (sizes, batches, sessions): (&[usize], &[usize], &[usize]) = if args.quick {
            (&[16, 64], &[1, 16, 64], &[4096])
        } else {
            let sizes = &[16, 32, 64, 128, 256, 512, 1500];
            (sizes, &[1, 4, 8, 16, 64, 256], &[4096, 1_000_000])
        };
        let mut bytes: Vec<_> = sizes.iter().copied().map(Bytes::Fixed).collect();
        bytes.push(Bytes::Mix);
        Self {
            verbs: or(&args.work, Verb::value_variants()),
            algorithms: or(&args.algorithm, Algorithm::value_variants()),
            bytes: or(&args.bytes, &bytes),
            batches: or(&args.batch, batches),
            keys: or(&args.keys, Keys::value_variants()),
            sessions,
        }
    }

    fn asked(&self, verb: Verb, algorithm: Algorithm) -> bool {
        self.verbs.contains(&verb) && self.algorithms.contains(&algorithm)
    }

    /// The rows beside the peers.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for verb in [Verb::Protect, Verb::Verify] {
            for algorithm in Algorithm::CIPHERS {
                for keys in [Keys::Cached, Keys::PerMessage] {
                    // SNOW 3G and ZUC have no schedule.
                    let there = keys == Keys::Cached || algorithm == Algorithm::Nea2;
                    if there && self.keys.contains(&keys) && self.asked(verb, algorithm) {
                        self.sizes(&mut cells, (verb, algorithm, keys));
                    }
                }
            }
        }
        if self.asked(Verb::Derive, Algorithm::KNas) && self.keys.contains(&Keys::Cached) {
            cells.extend(self.batches.iter().map(|batch| Cell {
                verb: Verb::Derive,
                algorithm: Algorithm::KNas,
                bytes: Bytes::Fixed(0),
                batch: *batch,
                keys: Keys::Cached,
            }));
        }
        cells
    }

    fn sizes(&self, cells: &mut Vec<Cell>, (verb, algorithm, keys): (Verb, Algorithm, Keys)) {
        for bytes in &self.bytes {
            cells.extend(self.batches.iter().map(|batch| Cell {
                verb,
                algorithm,
                bytes: *bytes,
                batch: *batch,
                keys,
            }));
        }
    }

    /// The rows through the session table: 64 octets, 64 jobs in a call.
    pub(super) fn sessions(&self) -> Vec<SessionCell> {
        let mut cells = Vec::new();
        for &sessions in self.sessions {
            for algorithm in Algorithm::CIPHERS {
                for verb in [Verb::Protect, Verb::Verify] {
                    if self.asked(Verb::Sessions, algorithm) {
                        cells.push(SessionCell {
                            verb,
                            algorithm,
                            bytes: 64,
                            batch: 64,
                            sessions,
                        });
                    }
                }
            }
        }
        cells
    }
}
