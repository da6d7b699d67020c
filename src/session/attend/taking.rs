//! A session on its way here: asked for by name, vouched for by the store, seated in a table.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::base::{Error, Result};
use crate::kdf::KAmf;
use crate::security::count::{LIMIT, ReceiveCount, SendCount};
use crate::security::transfer::StoredContext;
use crate::security::{Role, Standing};
use crate::session::handle::Handle;
use crate::session::journal::Before;
use crate::session::record;
use crate::session::table::Table;
use crate::store::lease::{Claim, Counts, End, Step, Uplink};
use crate::store::{Failure, KeyPrint, SessionName, Store};

use super::{Attendant, Taken, number, places};

/// A session on its way here.
pub(super) struct Taking {
    record: Zeroizing<Vec<u8>>,
    /// For each of its keys where it goes on, once the store said so.
    keys: HashMap<u64, Option<(Counts, [u32; 2], bool)>>,
    refused: Option<End>,
}

impl Taking {
    pub(super) fn has(&self, id: u64) -> bool {
        self.keys.contains_key(&id)
    }

    pub(super) fn follow(&mut self, id: u64, step: &Step, lagging: bool) {
        if let Some((counts, ceiling)) = step.begin {
            self.keys.insert(id, Some((counts, ceiling, lagging)));
        }
        self.refused = self.refused.or(step.end);
    }
}

impl<S: Store> Attendant<S> {
    /// Takes a session over that another node had, into the emptiest table. The first call asks the store; turns later one
    /// tells what became of it.
    ///
    /// # Errors
    /// [`Error::NoContext`] when the store has no record of it; [`Error::Fenced`] while its owner is present;
    /// [`Error::RekeyRequired`] when nobody can vouch for its COUNTs; [`Error::Record`] when its record does not open;
    /// [`Error::LeaseExhausted`] when the store does not answer; those of [`record::import`].
    pub fn take_over(&mut self, tables: &[&Table], name: SessionName) -> Result<Taken> {
        let Some(taking) = self.taking.get(&name) else {
            return self.begin_taking(name).map(|()| Taken::Waiting);
        };
        let refused = match taking.refused {
            Some(End::Owned) => Err(Error::Fenced),
            Some(_) => Err(Error::RekeyRequired),
            None if taking.keys.values().any(Option::is_none) => return Ok(Taken::Waiting),
            None => Ok(()),
        };
        let taking = self.taking.remove(&name).ok_or(Error::NoContext)?;
        let seated = refused.and_then(|()| self.seat(tables, name, &taking));
        if seated.is_err() {
            // What the store gave is given back: it was not used.
            taking.keys.keys().for_each(|id| self.keeper.stop(*id));
        }
        seated.map(Taken::Here)
    }

    /// True while the store is asked for this session.
    #[must_use]
    pub fn takes(&self, name: SessionName) -> bool {
        self.taking.contains_key(&name)
    }

    fn begin_taking(&mut self, name: SessionName) -> Result<()> {
        let entry = self.keeper.record(name).map_err(|failure| match failure {
            Failure::Corrupt => Error::Record,
            _ => Error::LeaseExhausted,
        })?;
        let entry = entry.ok_or(Error::NoContext)?;
        let mut plain = Zeroizing::new(Vec::new());
        self.ring.open(&name.0, &entry.value, &mut plain)?;
        let (role, keys) = record::keys(&plain)?;
        let prints: Vec<KeyPrint> = keys
            .iter()
            .map(|key| KeyPrint(self.prints.print(role as u8, key.expose())))
            .collect();
        // A key that this node still keeps, for a session that is just going or whose end is not written yet.
        if prints
            .iter()
            .any(|print| self.keeper.tenure(number(*print)).is_some())
        {
            return Err(Error::Fenced);
        }
        let mut waiting = HashMap::new();
        for (i, print) in prints.into_iter().enumerate() {
            // The current context comes first, and it is the one that sends.
            let how = (self.claim_of(number(print)), [i == 0, false]);
            self.keeper
                .claim(number(print), (print, name), how, entry.revision);
            waiting.insert(number(print), None);
        }
        self.revisions.insert(name, entry.revision);
        let taking = Taking {
            record: plain,
            keys: waiting,
            refused: None,
        };
        self.taking.insert(name, taking);
        Ok(())
    }

    /// A key that the process before this one had goes on where that one's line stands, if the store agrees.
    fn claim_of(&self, id: u64) -> Claim {
        let journal = |before: &Before| Claim::Journal {
            owner: before.owner,
            epoch: before.epoch,
            counts: before.counts,
        };
        self.before.get(&id).map_or(Claim::Store, journal)
    }

    /// The store vouches for every key: the session begins here.
    fn seat(&mut self, tables: &[&Table], name: SessionName, taking: &Taking) -> Result<Handle> {
        let raise = |role: Role, stored: StoredContext| self.raised(taking, role, stored);
        let table = tables.iter().min_by_key(|table| table.len());
        let table = table.ok_or(Error::TableFull)?;
        let handle = record::take_up(table, &taking.record, &raise)?;
        if let Err(error) = self.names.set(handle, name) {
            table.release(handle)?;
            return Err(error);
        }
        let guard = table.lock(handle)?;
        let standings: Vec<Standing> = places(|place| guard.counts(place)).collect();
        drop(guard);
        for standing in standings {
            let Some(Some((_, ceiling, _))) = taking.keys.get(&standing.print) else {
                continue;
            };
            self.keep(handle, standing.print, *ceiling);
            self.set(tables, standing.print, *ceiling);
            self.note_lease(tables, standing.print);
            self.gate(standing.print);
        }
        Ok(handle)
    }

    /// A context with the COUNTs that the store vouches for.
    fn raised(
        &self,
        taking: &Taking,
        role: Role,
        mut stored: StoredContext,
    ) -> Result<StoredContext> {
        let Some(pairs) = &mut stored.counts else {
            return Ok(stored);
        };
        let id = self.id(role, &stored.identity.k_amf);
        let Some(Some((counts, _, lagging))) = taking.keys.get(&id) else {
            return Err(Error::RekeyRequired);
        };
        for (i, pair) in pairs.iter_mut().enumerate() {
            pair.send = SendCount::resume(counts.next[i].max(pair.send.next()))?;
            let floor = counts.floor[i].max(pair.receive.next_min());
            // With floors that lag every COUNT counts as used: uplink answers COUNT_EXHAUSTED, whose remedy is a new key.
            let closed = *lagging && self.keeper.uplink() == Uplink::AfterRekey;
            let floor = if closed { LIMIT } else { floor };
            let seen = if floor >= 64 {
                u64::MAX
            } else {
                (1 << floor) - 1
            };
            pair.receive = ReceiveCount::resume(floor, seen)?;
        }
        Ok(stored)
    }

    fn id(&self, role: Role, k_amf: &KAmf) -> u64 {
        number(KeyPrint(self.prints.print(role as u8, k_amf.expose())))
    }
}
