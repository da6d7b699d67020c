//! Rows and figures of a capture in bounded memory.

use std::collections::{BTreeMap, HashMap};

use super::finding::Finding;
use super::follow::{Event, Follower};
use super::row::{Row, Verdict};

/// Findings kept of one UE; the first ones matter.
const FINDINGS: usize = 1000;

/// Counts over the whole capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// NAS PDUs.
    pub messages: u64,
    /// Of these, with security header type 1 to 4.
    pub protected: u64,
    /// Of these, with a right MAC under the context in use.
    pub verified: u64,
    /// Of these, without.
    pub unverified: u64,
    /// Rows not kept.
    pub left_out: u64,
}

/// A fault and where it shows.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Frame.
    pub frame: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// What is wrong.
    pub finding: Finding,
}

/// One UE's part.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Its rows, in order.
    pub rows: Vec<Row>,
    /// Its faults, in order of the frames that they concern.
    pub faults: Vec<Fault>,
    /// Faults not kept.
    pub faults_left_out: u64,
    /// NAS PDUs.
    pub messages: u64,
    /// Protected ones with a right MAC.
    pub verified: u64,
    /// Protected ones without.
    pub unverified: u64,
}

/// Collects events. Keeps at most so many rows: once they are full, only rows with a fault, up to as many again.
#[derive(Debug)]
pub struct Story {
    most: usize,
    good: usize,
    faulty: usize,
    parts: HashMap<usize, Part>,
    summary: Summary,
}

impl Story {
    /// A story of at most `most` rows without and `most` rows with a fault.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            good: 0,
            faulty: 0,
            parts: HashMap::new(),
            summary: Summary::default(),
        }
    }

    /// Takes an event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Late {
                ue,
                frame,
                time,
                finding,
            } => self.fault(ue, frame, time, finding),
            Event::Row(row) => self.row(row),
        }
    }

    fn fault(&mut self, ue: usize, frame: u64, time: u64, finding: Finding) {
        let part = self.parts.entry(ue).or_default();
        if part.faults.len() < FINDINGS {
            part.faults.push(Fault {
                frame,
                time,
                finding,
            });
        } else {
            part.faults_left_out += 1;
        }
    }

    fn row(&mut self, row: Row) {
        for finding in &row.findings {
            self.fault(row.ue, row.frame, row.time, finding.clone());
        }
        let part = self.parts.entry(row.ue).or_default();
        part.messages += 1;
        self.summary.messages += 1;
        if row.is_protected() {
            let verified = u64::from(row.is_verified());
            part.verified += verified;
            part.unverified += 1 - verified;
            self.summary.protected += 1;
            self.summary.verified += verified;
            self.summary.unverified += 1 - verified;
        }
        let fine = row.findings.is_empty() && matches!(row.verdict, Verdict::Ok | Verdict::Plain);
        let kept = if fine {
            &mut self.good
        } else {
            &mut self.faulty
        };
        if *kept < self.most {
            *kept += 1;
            part.rows.push(row);
        } else {
            self.summary.left_out += 1;
        }
    }

    /// Ends the story: UEs in order of appearance, each under one number.
    #[must_use]
    pub fn end(self, follower: &Follower) -> (Summary, BTreeMap<usize, Part>) {
        let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
        for (ue, part) in self.parts {
            let whole = parts.entry(follower.resolve(ue)).or_default();
            whole.rows.extend(part.rows);
            whole.faults.extend(part.faults);
            whole.faults_left_out += part.faults_left_out;
            whole.messages += part.messages;
            whole.verified += part.verified;
            whole.unverified += part.unverified;
        }
        for part in parts.values_mut() {
            part.rows.sort_by_key(|row| row.frame);
            part.faults.sort_by_key(|fault| fault.frame);
        }
        (self.summary, parts)
    }
}
