//! How a tenure begins on what another one left, and how far its leases go.

use super::super::super::{COUNT_LIMIT, Line, Revision};
use super::super::{Claim, Counts, End, HALF, JUMP, LEASE, Lost, Step};
use super::Tenure;

impl Tenure {
    /// The journal is that of a key whose first commit was never acknowledged.
    pub(super) fn create_again(&mut self, counts: Counts, step: &mut Step) {
        self.doubt = None;
        if counts.next.iter().any(|next| *next > LEASE) {
            return self.end(End::Rekey(Lost::Line), step);
        }
        (self.start, self.counts) = (counts.next, counts);
        let mut line = self.own();
        line.floor = counts.floor;
        self.commit(Revision::ABSENT, line, step);
    }

    /// The line after taking it over, or why it cannot be.
    pub(super) fn taken(
        &mut self,
        found: Line,
        claim: Claim,
        owner_present: bool,
    ) -> Result<Line, End> {
        let mut line = found;
        let mut counts = Counts {
            next: found.watermark,
            floor: found.floor,
        };
        let own = match claim {
            Claim::Journal {
                owner,
                epoch,
                counts,
            } if found.held && (owner, epoch) == (found.owner, found.epoch) => Some(counts),
            _ => None,
        };
        if let Some(journal) = own {
            if (0..2).any(|i| journal.next[i] > found.watermark[i]) {
                return Err(End::Rekey(Lost::Acknowledged));
            }
            counts.next = journal.next;
            counts.floor = [0, 1].map(|i| found.floor[i].max(journal.floor[i]));
        } else if found.held {
            if owner_present && found.owner != self.terms.node {
                return Err(End::Owned);
            }
            line.lagging = true;
        }
        line.epoch = found
            .epoch
            .checked_add(1)
            .ok_or(End::Rekey(Lost::Corrupt))?;
        (line.owner, line.session) = (self.terms.node, self.terms.session);
        (line.held, line.floor) = (true, counts.floor);
        for i in 0..2 {
            if self.wanted[i] && lease(&mut line, i, counts.next[i]) == Lease::NoRoom {
                return Err(End::Rekey(Lost::Jump));
            }
        }
        (self.start, self.counts, self.settled) = (counts.next, counts, counts.next);
        Ok(line)
    }
}

/// What became of a lease that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// The watermark is higher now.
    Raised,
    /// More than half of one is left, or COUNTs end here.
    Enough,
    /// A UE could not follow any further, and nothing is left.
    NoRoom,
}

/// Adds a lease to the line when half of one or less is left at `next`.
pub(super) fn lease(line: &mut Line, access: usize, next: u32) -> Lease {
    let watermark = line.watermark[access];
    let left = watermark.saturating_sub(next);
    if left > HALF || watermark == COUNT_LIMIT {
        return Lease::Enough;
    }
    let most = (line.sent[access] + JUMP).min(COUNT_LIMIT);
    let raised = (watermark + LEASE).min(most);
    if raised > watermark {
        line.watermark[access] = raised;
        Lease::Raised
    } else if left == 0 {
        Lease::NoRoom
    } else {
        // Something is left to send with; what is sent makes room.
        Lease::Enough
    }
}
