//! One node's ownership of one key's COUNTs.

mod claim;

use super::super::{Entry, Line, Outcome, Revision};
use super::{Claim, Counts, End, Event, JUMP, LEASE, Lost, Request, Step, Terms, Uplink};
use claim::{Lease, lease};

/// Where a tenure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is ours yet. `stop`: to be given back as soon as it is.
    Claiming { claim: Claim, stop: bool },
    /// The hot path runs.
    Serving,
    /// The hot path was asked to end.
    Halting,
    /// The hot path has ended; what is left goes back.
    Returning,
    /// Nothing is ours any more.
    Over,
}

/// The request that has no answer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Read,
    Commit {
        line: Line,
        /// Asked while the node was present for certain, and has been since.
        confirms: bool,
    },
}

/// One node's ownership of one key's COUNTs: [the protocol](super).
#[derive(Clone, Debug)]
pub struct Tenure {
    terms: Terms,
    phase: Phase,
    /// Our line as the store acknowledged it.
    stored: Option<(Revision, Line)>,
    /// The line whose commit has an unknown outcome.
    doubt: Option<Line>,
    asking: Option<Asking>,
    /// First downlink COUNTs of this tenure.
    start: [u32; 2],
    counts: Counts,
    /// `counts.next` as seen once before: those messages are not only numbered but gone out.
    settled: [u32; 2],
    wanted: [bool; 2],
    checkpoint: bool,
    present: bool,
    /// Since it is present again, no commit has shown that nobody else took the key.
    unconfirmed: bool,
    /// What [`Step::uplink`] said last.
    open: bool,
}

impl Tenure {
    /// A key that begins here at COUNT 0: fresh from authentication or horizontal derivation. `present`: this node is
    /// present in the store for certain.
    #[must_use]
    pub fn fresh(terms: Terms, present: bool) -> (Self, Step) {
        let mut tenure = Self::new(terms, Phase::Serving, present);
        let mut step = Step {
            begin: Some((Counts::default(), [LEASE; 2])),
            ..Step::default()
        };
        // No other node can know this key before this node's first commit, which is stale if one does.
        tenure.unconfirmed = !present;
        tenure.go(&mut step);
        let step = tenure.finish(step);
        (tenure, step)
    }

    /// A key that was used before. `wanted`: the accesses that wait for a downlink COUNT. Nothing is ours until
    /// [`Step::begin`].
    #[must_use]
    pub fn claim(terms: Terms, claim: Claim, wanted: [bool; 2], present: bool) -> (Self, Step) {
        let phase = Phase::Claiming { claim, stop: false };
        let mut tenure = Self::new(terms, phase, present);
        tenure.wanted = wanted;
        let mut step = Step::default();
        tenure.go(&mut step);
        let step = tenure.finish(step);
        (tenure, step)
    }

    const fn new(terms: Terms, phase: Phase, present: bool) -> Self {
        Self {
            terms,
            phase,
            stored: None,
            doubt: None,
            asking: None,
            start: [0; 2],
            counts: Counts {
                next: [0; 2],
                floor: [0; 2],
            },
            settled: [0; 2],
            wanted: [false; 2],
            checkpoint: false,
            present,
            unconfirmed: true,
            open: false,
        }
    }

    /// Whose COUNTs these are.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The epoch under which the hot path runs; 0 before the store acknowledged one.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        match &self.stored {
            Some((_, line)) => line.epoch,
            None => 0,
        }
    }

    /// True when the replay floors may lag behind: see [`Uplink`].
    #[must_use]
    pub const fn lagging(&self) -> bool {
        matches!(&self.stored, Some((_, line)) if line.lagging)
    }

    /// True while uplink messages may be accepted, as [`Step::uplink`] said last.
    #[must_use]
    pub const fn accepts(&self) -> bool {
        self.open
    }

    /// True while the store owes an answer.
    #[must_use]
    pub const fn asking(&self) -> bool {
        self.asking.is_some()
    }

    /// What to do after `event`.
    pub fn on(&mut self, event: Event) -> Step {
        let mut step = Step::default();
        match event {
            _ if self.phase == Phase::Over => {}
            Event::Asked { counts, wanted } => {
                self.observe(counts);
                for (own, new) in self.wanted.iter_mut().zip(wanted) {
                    *own |= new;
                }
                // An owner that has to show first that it still is one does so when it is needed again.
                self.checkpoint |= self.unconfirmed && self.present;
                self.go(&mut step);
            }
            Event::Checkpoint(counts) => {
                self.observe(counts);
                self.checkpoint = true;
                self.go(&mut step);
            }
            Event::Found {
                entry,
                owner_present,
            } if self.asking == Some(Asking::Read) => {
                self.asking = None;
                self.found(entry, owner_present, &mut step);
            }
            Event::Answered(outcome) => {
                if let Some(Asking::Commit { line, confirms }) = self.asking.take() {
                    self.answered(line, confirms, outcome, &mut step);
                }
            }
            Event::Unreached => self.asking = None,
            Event::Unknown => {
                if let Some(Asking::Commit { line, .. }) = self.asking.take() {
                    self.doubt = Some(line);
                }
            }
            Event::Again => self.go(&mut step),
            Event::Stop => self.stop(&mut step),
            Event::Halted(counts) if self.phase == Phase::Halting => {
                self.go_on_to(counts);
                self.phase = Phase::Returning;
                self.go(&mut step);
            }
            Event::Absent => {
                self.present = false;
                self.unconfirmed = true;
                if let Some(Asking::Commit { confirms, .. }) = &mut self.asking {
                    *confirms = false;
                }
            }
            Event::Present => self.present = true,
            Event::StoreReplaced => self.end(End::Rekey(Lost::Incarnation), &mut step),
            Event::Found { .. } | Event::Halted(_) => {}
        }
        self.finish(step)
    }

    fn observe(&mut self, counts: Counts) {
        if self.phase == Phase::Serving {
            self.settled = self.counts.next;
            self.go_on_to(counts);
        }
    }

    /// COUNTs only grow, whatever the hot path says: one that knows less must not give back what was used.
    fn go_on_to(&mut self, counts: Counts) {
        for i in 0..2 {
            self.counts.next[i] = self.counts.next[i].max(counts.next[i]);
            self.counts.floor[i] = self.counts.floor[i].max(counts.floor[i]);
        }
    }

    fn stop(&mut self, step: &mut Step) {
        match &mut self.phase {
            Phase::Claiming { stop, .. } => {
                let commit = matches!(self.asking, Some(Asking::Commit { .. }));
                *stop = true;
                if !commit && self.doubt.is_none() {
                    self.end(End::Returned, step);
                }
            }
            Phase::Serving => {
                self.phase = Phase::Halting;
                step.halt = true;
            }
            Phase::Halting | Phase::Returning | Phase::Over => {}
        }
    }

    fn end(&mut self, end: End, step: &mut Step) {
        step.halt |= matches!(self.phase, Phase::Serving | Phase::Halting);
        step.request = None;
        step.end = Some(end);
        self.phase = Phase::Over;
        self.asking = None;
    }

    /// Says what became of the uplink.
    fn finish(&mut self, mut step: Step) -> Step {
        let current = !self.lagging() || self.terms.uplink == Uplink::AboveFloor;
        let open = self.phase == Phase::Serving && self.present && !self.unconfirmed && current;
        if open != self.open {
            self.open = open;
            step.uplink = Some(open);
        }
        step
    }

    /// Asks the store for whatever is due.
    fn go(&mut self, step: &mut Step) {
        if self.asking.is_some() {
            return;
        }
        let claiming = matches!(self.phase, Phase::Claiming { .. });
        if claiming || self.doubt.is_some() {
            self.asking = Some(Asking::Read);
            step.request = Some(Request::Read);
            return;
        }
        let line = match self.phase {
            Phase::Serving => self.renewal(step),
            Phase::Returning => Some(self.returned()),
            Phase::Claiming { .. } | Phase::Halting | Phase::Over => None,
        };
        if let Some(line) = line {
            let expect = self
                .stored
                .map_or(Revision::ABSENT, |(revision, _)| revision);
            self.commit(expect, line, step);
        }
    }

    fn commit(&mut self, expect: Revision, line: Line, step: &mut Step) {
        self.asking = Some(Asking::Commit {
            line,
            confirms: self.present,
        });
        step.request = Some(Request::Commit { expect, line });
    }

    /// The line as it stands for this node: as acknowledged, or that of a fresh key.
    fn own(&self) -> Line {
        self.stored.map_or(
            Line {
                epoch: 1,
                owner: self.terms.node,
                held: true,
                lagging: false,
                watermark: [LEASE; 2],
                sent: [0; 2],
                floor: [0; 2],
                incarnation: self.terms.incarnation,
                session: self.terms.session,
            },
            |(_, line)| line,
        )
    }

    /// The line to be written while the hot path runs, if one is due.
    fn renewal(&mut self, step: &mut Step) -> Option<Line> {
        let mut line = self.own();
        let mut due = self.stored.is_none() || self.checkpoint;
        for i in 0..2 {
            line.floor[i] = line.floor[i].max(self.counts.floor[i]);
            if self.settled[i] > self.start[i] && self.settled[i] > line.sent[i] {
                // Written early only where the line says that the UE may be far behind.
                due |= line.watermark[i] - line.sent[i] > JUMP / 2;
                line.sent[i] = self.settled[i];
            }
            if self.wanted[i] {
                let begun = self.counts.next[i] > self.start[i];
                match lease(&mut line, i, self.counts.next[i]) {
                    Lease::Raised => due = true,
                    // With a message sent, the next look finds it settled, and there is room again.
                    Lease::NoRoom if !begun => {
                        self.end(End::Rekey(Lost::Jump), step);
                        return None;
                    }
                    Lease::NoRoom => {}
                    Lease::Enough => self.wanted[i] = false,
                }
            }
        }
        due.then_some(line)
    }

    /// The line to be written when the hot path has ended.
    fn returned(&self) -> Line {
        let mut line = self.own();
        line.held = false;
        for i in 0..2 {
            line.watermark[i] = self.counts.next[i];
            line.floor[i] = line.floor[i].max(self.counts.floor[i]);
            if self.counts.next[i] > self.start[i] {
                line.sent[i] = self.counts.next[i];
            }
            line.sent[i] = line.sent[i].min(line.watermark[i]);
        }
        line
    }

    fn answered(&mut self, line: Line, confirms: bool, outcome: Outcome, step: &mut Step) {
        match outcome {
            Outcome::Done(revision) => {
                if confirms && self.present {
                    self.unconfirmed = false;
                }
                self.checkpoint = false;
                self.acknowledged(revision, line, step);
            }
            Outcome::Stale(entries) => {
                if matches!(self.phase, Phase::Claiming { .. }) {
                    // Somebody wrote: whether its owner is present has to be asked anew.
                    self.go(step);
                } else {
                    self.reconcile(entries.into_iter().next().flatten(), step);
                }
            }
        }
    }

    /// `line` is ours and is what the store has.
    fn acknowledged(&mut self, revision: Revision, line: Line, step: &mut Step) {
        self.stored = Some((revision, line));
        match self.phase {
            Phase::Claiming { stop, .. } => {
                self.phase = if stop {
                    Phase::Returning
                } else {
                    Phase::Serving
                };
                self.settled = self.counts.next;
                if !stop {
                    step.begin = Some((self.counts, line.watermark));
                }
            }
            Phase::Serving => step.ceiling = Some(line.watermark),
            Phase::Returning if !line.held => return self.end(End::Returned, step),
            Phase::Halting | Phase::Returning | Phase::Over => {}
        }
        self.go(step);
    }

    fn found(&mut self, entry: Option<Entry>, owner_present: bool, step: &mut Step) {
        let Phase::Claiming { claim, stop } = self.phase else {
            self.doubt = None;
            return self.reconcile(entry, step);
        };
        let Some((revision, line)) = self.read(entry, step) else {
            if let (
                Claim::Journal {
                    epoch: 1, counts, ..
                },
                None,
            ) = (claim, step.end)
            {
                return self.create_again(counts, step);
            }
            return self.end(step.end.unwrap_or(End::Rekey(Lost::Line)), step);
        };
        if self.doubt.take() == Some(line) {
            return self.acknowledged(revision, line, step);
        }
        if stop {
            // The commit in doubt may yet happen. Then the line names a node whose hot path never began, and the next
            // taker finds its COUNTs unused above the watermark: safe.
            return self.end(End::Returned, step);
        }
        match self.taken(line, claim, owner_present) {
            Ok(line) => self.commit(revision, line, step),
            Err(end) => self.end(end, step),
        }
    }

    /// Compares what the store has with what is ours.
    fn reconcile(&mut self, entry: Option<Entry>, step: &mut Step) {
        let Some((revision, line)) = self.read(entry, step) else {
            return match (step.end, self.stored) {
                (Some(end), _) => self.end(end, step),
                (None, None) => self.go(step),
                (None, Some(_)) => self.end(End::Rekey(Lost::Line), step),
            };
        };
        let own = self.own();
        if line.owner == own.owner && line.epoch == own.epoch {
            let lower = (0..2).any(|i| line.watermark[i] < own.watermark[i]);
            if self.stored.is_some() && line.held && lower {
                return self.end(End::Rekey(Lost::Acknowledged), step);
            }
            return self.acknowledged(revision, line, step);
        }
        let end = match self.stored {
            None if line.session != own.session => End::KeyReused,
            // The first commit happened, and a taker came after it.
            None if line.epoch > own.epoch => End::Fenced,
            None => End::KeyReused,
            Some(_) if line.epoch > own.epoch => End::Fenced,
            Some(_) => End::Rekey(Lost::Acknowledged),
        };
        self.end(end, step);
    }

    /// The line of this incarnation in `entry`; `None` without one, and with [`Step::end`] when it is of no use.
    fn read(&self, entry: Option<Entry>, step: &mut Step) -> Option<(Revision, Line)> {
        let entry = entry?;
        match Line::from_bytes(&entry.value) {
            Ok(line) if line.incarnation == self.terms.incarnation => {
                return Some((entry.revision, line));
            }
            Ok(_) => step.end = Some(End::Rekey(Lost::Incarnation)),
            Err(_) => step.end = Some(End::Rekey(Lost::Corrupt)),
        }
        None
    }
}
