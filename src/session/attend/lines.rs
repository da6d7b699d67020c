//! What the store said, in the lines of sessions.

use crate::base::AccessType;
use crate::security::Place;
use crate::security::count::LIMIT;
use crate::session::handle::Handle;
use crate::session::table::Table;
use crate::store::Store;
use crate::store::lease::{Counts, Uplink};

use super::{Attendant, places, table_of};

impl<S: Store> Attendant<S> {
    /// For the process after this one: the lease under which a key is used. Noted when the hot path begins, and never
    /// before: a key without its epoch is taken as one of a lost node.
    pub(super) fn note_lease(&self, tables: &[&Table], id: u64) {
        let epoch = self.keeper.tenure(id).map(|tenure| tenure.epoch());
        let handle = self.kept.get(&id).map(|kept| kept.handle);
        if let (Some(handle), Some(epoch)) = (handle, epoch) {
            self.note_epoch(tables, handle, (id, epoch));
        }
    }

    pub(super) fn note_epoch(&self, tables: &[&Table], handle: Handle, (id, epoch): (u64, u64)) {
        let journal = table_of(tables, handle).ok().and_then(Table::journal);
        if let Some(journal) = journal.filter(|_| epoch != 0) {
            journal.note_epoch(handle.slot(), id, epoch);
        }
    }

    /// Under [`Uplink::AboveFloor`] a key whose ownership is not shown yet begins without uplink messages.
    pub(super) fn gate(&mut self, id: u64) {
        let open = self.keeper.tenure(id).is_some_and(|t| t.accepts());
        if self.keeper.uplink() == Uplink::AboveFloor {
            self.shut(id, !open);
        }
    }

    /// True when the session's next COUNT is below the first that the store leaves to this node.
    pub(super) fn is_behind(&self, tables: &[&Table], id: u64, counts: Counts) -> bool {
        let kept = self.kept.get(&id);
        let guard =
            kept.and_then(|kept| table_of(tables, kept.handle).ok()?.lock(kept.handle).ok());
        let Some(guard) = guard else { return true };
        let standing = places(|place| guard.counts(place)).find(|standing| standing.print == id);
        standing.is_none_or(|standing| (0..2).any(|i| standing.next[i] < counts.next[i]))
    }

    /// Sets the ceilings of a key, wherever its session has it now.
    pub(super) fn set(&mut self, tables: &[&Table], id: u64, ceiling: [u32; 2]) {
        let Some(kept) = self.kept.get_mut(&id) else {
            return;
        };
        let Ok(mut guard) = table_of(tables, kept.handle).and_then(|own| own.lock(kept.handle))
        else {
            return;
        };
        for place in Place::ALL {
            for access in AccessType::ALL {
                // A key that is not in this place is refused, and so is a ceiling below what was sent meanwhile.
                let _ = guard.set_lease((place, access), (id, ceiling[access.index()]));
            }
        }
        kept.ceiling = ceiling;
    }

    /// The key sends nothing more. Where its COUNTs stand; without its session, as if all were used.
    pub(super) fn halt(&self, tables: &[&Table], id: u64) -> Counts {
        let Some(kept) = self.kept.get(&id) else {
            return Counts::default();
        };
        let spent = Counts {
            next: kept.ceiling,
            floor: [LIMIT; 2],
        };
        let Ok(mut guard) = table_of(tables, kept.handle).and_then(|own| own.lock(kept.handle))
        else {
            return spent;
        };
        let standing = places(|place| guard.counts(place)).find(|standing| standing.print == id);
        let Some(standing) = standing else {
            return spent;
        };
        for place in Place::ALL {
            for access in AccessType::ALL {
                let next = standing.next[access.index()];
                let _ = guard.set_lease((place, access), (id, next));
            }
        }
        Counts {
            next: standing.next,
            floor: standing.floor,
        }
    }
}
