//! Counting what passed, by file and backend.

use std::collections::BTreeSet;

use naslane::kernel;
use serde::{Deserialize, Serialize};

/// Label of the results through the rows that this process uses, one message at a time and sessions included.
pub(super) const IN_USE: &str = "in use";
/// Label of the results that went through sessions.
pub(super) const SESSIONS: &str = "in use, through sessions";
/// Label of results that need no backend: plain arithmetic from the definitions.
pub(super) const DEFINITION: &str = "definition";
/// Label of the reference of the 256-bit algorithms, which the library does not offer.
pub(super) const REFERENCE: &str = "reference (not offered)";

/// What passed on one backend.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) backend: String,
    pub(super) passed: usize,
    pub(super) failed: usize,
    /// The first failure: which case, and how.
    pub(super) first: Option<String>,
}

impl Tally {
    pub(super) fn new(backend: impl Into<String>) -> Self {
        Self {
            backend: backend.into(),
            passed: 0,
            failed: 0,
            first: None,
        }
    }

    /// Counts one case.
    pub(super) fn note(&mut self, case: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(why) => {
                self.failed += 1;
                self.first.get_or_insert_with(|| format!("{case}: {why}"));
            }
        }
    }

    /// Adds what another tally of the same backend counted.
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.first = self.first.take().or(other.first);
    }

    /// Counts one case that passed when `good`.
    pub(super) fn expect(&mut self, case: &str, good: bool, why: &str) {
        self.note(case, if good { Ok(()) } else { Err(why.to_owned()) });
    }
}

/// What became of a file.
pub(super) struct Report {
    pub(super) file: String,
    /// `Err`: the file was not understood, and why.
    pub(super) result: Result<Vec<Tally>, String>,
}

impl Report {
    pub(super) fn is_good(&self) -> bool {
        self.result.as_ref().is_ok_and(|tallies| {
            !tallies.is_empty()
                && tallies
                    .iter()
                    .all(|tally| tally.failed == 0 && tally.passed > 0)
        })
    }
}

/// Where a case runs: on the row of that name in every room that has it, or on the rows in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Row(&'static str),
    InUse,
}

impl On {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Row(name) => name,
            Self::InUse => IN_USE,
        }
    }

    /// The rows in use, then every available row of any room, by name.
    pub(super) fn all() -> Vec<Self> {
        let names: BTreeSet<_> = kernel::rooms()
            .iter()
            .flat_map(kernel::RoomInfo::rows)
            .filter(|row| row.available)
            .map(|row| row.name)
            .collect();
        std::iter::once(Self::InUse)
            .chain(names.into_iter().map(Self::Row))
            .collect()
    }
}

/// Compares octets.
pub(super) fn same(what: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let short = |octets: &[u8]| {
        let text = crate::hex::encode(&octets[..octets.len().min(16)]);
        if octets.len() > 16 { text + ".." } else { text }
    };
    Err(format!(
        "{what} {} where {} is right",
        short(found),
        short(expected)
    ))
}
