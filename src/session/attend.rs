//! Leases of a table's sessions: what stands between the hot path and a [`Store`].
//!
//! The hot path sets a bit when a session wants a lease, or when its keys changed. An [`Attendant`] looks at those
//! sessions, drives their tenures with a [`Keeper`], and sets their ceilings. It belongs to a thread that has nothing
//! else to do: a store that answers late makes that thread late, never a message.
//!
//! A session has a name that all nodes of a set know; its record lies sealed in the store under it. Another node takes
//! it over lazily, when it is first asked for ([`Attendant::take_over`]), from the COUNTs that the store vouches for.
//! A session whose replay floors may lag accepts nothing uplink until its key is replaced
//! ([`Uplink::AfterRekey`](crate::store::lease::Uplink)).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::base::{AccessType, Error, Result};
use crate::kdf::KAmf;
use crate::security::count::{LIMIT, ReceiveCount, SendCount};
use crate::security::ledger::RENEWAL;
use crate::security::transfer::StoredContext;
use crate::security::{Place, Role, Standing};
use crate::store::keeper::{Figures, Keeper};
use crate::store::lease::{Claim, Counts, End, LEASE, Step};
use crate::store::{Failure, KeyPrint, KeyRing, PrintKey, Revision, SessionName, Store};

use super::handle::Handle;
use super::record::{self, Extent, Record};
use super::table::Table;

/// Sessions that a turn looks at only to see whether they are still there.
const SWEEP: usize = 256;

/// A key whose lease is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    handle: Handle,
    /// As the hot path had it when it was looked at last.
    ceiling: [u32; 2],
}

/// A session on its way here.
struct Taking {
    record: Zeroizing<Vec<u8>>,
    /// For each of its keys where it goes on, once the store said so.
    keys: HashMap<u64, Option<(Counts, [u32; 2], bool)>>,
    refused: Option<End>,
}

/// What became of a session that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The store was asked; look again after a turn.
    Waiting,
    /// It is here.
    Here(Handle),
}

/// Keeps the leases of one table. All nodes of a set have the same keys in their rings.
pub struct Attendant<S> {
    keeper: Keeper<S>,
    ring: KeyRing,
    prints: PrintKey,
    kept: HashMap<u64, Kept>,
    sweep: VecDeque<u64>,
    names: HashMap<Handle, SessionName>,
    /// Revision of each session's record, for those that came from the store.
    revisions: HashMap<SessionName, Revision>,
    taking: HashMap<SessionName, Taking>,
    /// Sessions in a procedure, whose record waits for its end.
    later: Vec<u32>,
}

impl<S: Store> Attendant<S> {
    /// For a table whose keys have fingerprints under `prints` ([`KeyMemory::keyed`](super::KeyMemory::keyed)), and that
    /// has a journal. From now on fresh keys of the table begin with a lease.
    ///
    /// # Errors
    /// [`Error::Argument`] for a table without a journal.
    pub fn new(table: &Table, keeper: Keeper<S>, ring: KeyRing, prints: PrintKey) -> Result<Self> {
        let journal = table.journal().ok_or(Error::Argument)?;
        journal.ledger().set_first_lease(LEASE);
        Ok(Self {
            keeper,
            ring,
            prints,
            kept: HashMap::new(),
            sweep: VecDeque::new(),
            names: HashMap::new(),
            revisions: HashMap::new(),
            taking: HashMap::new(),
            later: Vec::new(),
        })
    }

    /// Names a session, before it has keys. One without a name is kept, but no other node can ask for it.
    pub fn name(&mut self, handle: Handle, name: SessionName) {
        self.names.insert(handle, name);
    }

    /// What was done so far.
    #[must_use]
    pub const fn figures(&self) -> Figures {
        self.keeper.figures()
    }

    /// The keeper, for its store and its state.
    pub const fn keeper(&mut self) -> &mut Keeper<S> {
        &mut self.keeper
    }

    /// One turn: looks at the sessions that want something, asks the store, and sets ceilings. Returns the time of the next
    /// turn at the latest. `now`: on a clock that does not go back.
    pub fn attend(&mut self, table: &Table, now: Duration) -> Duration {
        let Some(ledger) = table.journal().map(super::Journal::ledger) else {
            return now + Duration::from_secs(1);
        };
        for slot in std::mem::take(&mut self.later) {
            self.look(table, slot, true);
        }
        for word in 0..ledger.words() {
            let changed = ledger.take_changed(word);
            let mut bits = ledger.take_wanted(word) | changed;
            while bits != 0 {
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                self.look(table, word as u32 * 64 + bit, changed >> bit & 1 == 1);
            }
        }
        self.sweep(table);
        for (id, step) in self.keeper.round(now) {
            self.follow(table, id, step);
        }
        self.keeper.next_round(now)
    }

    /// Gives a session back, with all its keys: it sends nothing more here, and another node may take it over. It is to be
    /// released when [`Attendant::keeps`] says no.
    ///
    /// # Errors
    /// Those of [`Table::lock`].
    pub fn give(&mut self, table: &Table, handle: Handle) -> Result<()> {
        table.lock(handle).map(drop)?;
        let keys = self.keys_of(handle);
        keys.into_iter().for_each(|id| self.keeper.stop(id));
        Ok(())
    }

    /// True while this node owns COUNTs of the session.
    #[must_use]
    pub fn keeps(&self, handle: Handle) -> bool {
        self.kept.values().any(|kept| kept.handle == handle)
    }

    fn keys_of(&self, handle: Handle) -> Vec<u64> {
        let own = self.kept.iter().filter(|(_, kept)| kept.handle == handle);
        own.map(|(id, _)| *id).collect()
    }

    /// Takes a session over that another node had. The first call asks the store; turns later one tells what became of it.
    ///
    /// # Errors
    /// [`Error::NoContext`] when the store has no record of it; [`Error::Fenced`] while its owner is present;
    /// [`Error::RekeyRequired`] when nobody can vouch for its COUNTs; [`Error::Record`] when its record does not open;
    /// [`Error::System`] when the store does not answer; those of [`record::import`].
    pub fn take_over(&mut self, table: &Table, name: SessionName) -> Result<Taken> {
        let Some(taking) = self.taking.get(&name) else {
            return self.begin_taking(name).map(|()| Taken::Waiting);
        };
        match taking.refused {
            Some(End::Owned) => Err(Error::Fenced),
            Some(_) => Err(Error::RekeyRequired),
            None if taking.keys.values().any(Option::is_none) => return Ok(Taken::Waiting),
            None => Ok(()),
        }
        .inspect_err(|_| {
            self.taking.remove(&name);
        })?;
        let taking = self.taking.remove(&name).ok_or(Error::NoContext)?;
        self.seat(table, name, &taking).map(Taken::Here)
    }

    fn begin_taking(&mut self, name: SessionName) -> Result<()> {
        let entry = self.keeper.record(name).map_err(|failure| match failure {
            Failure::Corrupt => Error::Record,
            _ => Error::System,
        })?;
        let entry = entry.ok_or(Error::NoContext)?;
        let mut plain = Zeroizing::new(Vec::new());
        self.ring.open(&name.0, &entry.value, &mut plain)?;
        let (role, keys) = record::keys(&plain)?;
        let mut waiting = HashMap::new();
        for (i, key) in keys.iter().enumerate() {
            let print = KeyPrint(self.prints.print(role as u8, key.expose()));
            // The current context comes first, and it is the one that sends.
            let how = (Claim::Store, [i == 0, false]);
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

    /// The store vouches for every key: the session begins here.
    fn seat(&mut self, table: &Table, name: SessionName, taking: &Taking) -> Result<Handle> {
        let raise = |role: Role, stored: StoredContext| self.raised(taking, role, stored);
        let handle = record::take_up(table, &taking.record, &raise)?;
        self.names.insert(handle, name);
        let guard = table.lock(handle)?;
        let standings: Vec<Standing> = places(|place| guard.counts(place)).collect();
        drop(guard);
        for standing in standings {
            let Some(Some((_, ceiling, _))) = taking.keys.get(&standing.print) else {
                continue;
            };
            self.keep(handle, standing.print, *ceiling);
            self.set(table, standing.print, *ceiling);
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
            let floor = if *lagging { LIMIT } else { floor };
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

    fn keep(&mut self, handle: Handle, id: u64, ceiling: [u32; 2]) {
        if self.kept.insert(id, Kept { handle, ceiling }).is_none() {
            self.sweep.push_back(id);
        }
    }

    /// Looks at a session that wants a lease or whose keys changed.
    fn look(&mut self, table: &Table, slot: u32, changed: bool) {
        let Some(handle) = table.handle_of(slot) else {
            return;
        };
        let Ok(guard) = table.lock(handle) else {
            return;
        };
        // Only the half that sends downlink has leases to keep.
        if guard.security.role() != Role::Amf {
            return;
        }
        let standings: Vec<Standing> = places(|place| guard.counts(place)).collect();
        let mut octets = Record::new();
        let quiet = guard.security.key_change().is_none();
        if changed && quiet {
            // Only contexts that do not fit could be refused, and none are.
            let _ = record::write(&guard.security, Extent::Connections, None, &mut octets);
        }
        let prints: HashMap<u64, KeyPrint> = guard
            .security
            .contexts()
            .map(|(_, context)| self.prints.print(Role::Amf as u8, context.k_amf().expose()))
            .map(|print| (number(KeyPrint(print)), KeyPrint(print)))
            .collect();
        drop(guard);
        if changed && !quiet {
            self.later.push(slot);
        }
        let name = self.name_of(handle);
        let mut sealed = self.sealed(name, &octets);
        for standing in standings {
            let Some(print) = prints.get(&standing.print) else {
                continue;
            };
            let given = sealed.take();
            self.serve((handle, name), *print, standing, given);
        }
    }

    fn serve(
        &mut self,
        (handle, name): (Handle, SessionName),
        print: KeyPrint,
        standing: Standing,
        sealed: Option<Vec<u8>>,
    ) {
        let counts = Counts {
            next: standing.next,
            floor: standing.floor,
        };
        let left = |i: usize| standing.ceiling[i].saturating_sub(standing.next[i]);
        let wanted = [0, 1].map(|i| left(i) <= RENEWAL);
        let id = standing.print;
        let known = self.keeper.tenure(id).is_some();
        if known {
            self.keep(handle, id, standing.ceiling);
            self.keeper.asked(id, counts, wanted);
            if let Some(sealed) = sealed {
                self.keeper.changed(id, sealed, counts);
            }
            return;
        }
        self.keep(handle, id, standing.ceiling);
        let revision = self.revisions.get(&name).copied();
        let revision = revision.unwrap_or(Revision::ABSENT);
        if standing.ceiling == [LEASE; 2] {
            let sealed = sealed.unwrap_or_default();
            self.keeper.fresh(id, (print, name), (sealed, revision));
            self.keeper.asked(id, counts, wanted);
        } else {
            // It came with COUNTs from elsewhere: the store decides.
            let how = (Claim::Store, wanted);
            self.keeper.claim(id, (print, name), how, revision);
        }
    }

    fn name_of(&mut self, handle: Handle) -> SessionName {
        *self.names.entry(handle).or_insert_with(|| {
            // Nobody asks for it by name; the handle of this table is as good as any.
            let mut name = [0xFF; 16];
            name[8..].copy_from_slice(&handle.bits().to_be_bytes());
            SessionName(name)
        })
    }

    fn sealed(&self, name: SessionName, record: &Record) -> Option<Vec<u8>> {
        let plain = Some(record.as_bytes()).filter(|octets| !octets.is_empty())?;
        let mut sealed = Vec::new();
        self.ring.seal(&name.0, plain, &mut sealed).ok()?;
        Some(sealed)
    }

    /// Some of the keys that are kept: those whose session is gone end, as if every COUNT were used.
    fn sweep(&mut self, table: &Table) {
        for _ in 0..self.sweep.len().min(SWEEP) {
            let Some(id) = self.sweep.pop_front() else {
                return;
            };
            let Some(kept) = self.kept.get(&id) else {
                continue;
            };
            let there = table.lock(kept.handle).is_ok_and(|guard| {
                places(|place| guard.counts(place)).any(|standing| standing.print == id)
            });
            if there {
                self.sweep.push_back(id);
            } else {
                self.keeper.stop(id);
                self.names.remove(&kept.handle);
            }
        }
    }

    fn follow(&mut self, table: &Table, id: u64, step: Step) {
        let lagging = self.keeper.tenure(id).is_some_and(|t| t.lagging());
        let taking = self.taking.values_mut().find(|t| t.keys.contains_key(&id));
        if let Some(taking) = taking {
            if let Some((counts, ceiling)) = step.begin {
                taking.keys.insert(id, Some((counts, ceiling, lagging)));
            }
            taking.refused = taking.refused.or(step.end);
            return;
        }
        if let Some((counts, ceiling)) = step.begin {
            if self.is_behind(table, id, counts) {
                // Its COUNTs came from a record older than the store's line. It stays without a lease.
                self.keeper.stop(id);
                return;
            }
            self.set(table, id, ceiling);
        }
        if let Some(ceiling) = step.ceiling {
            self.set(table, id, ceiling);
        }
        if step.halt {
            let counts = self.halt(table, id);
            self.keeper.halted(id, counts);
        }
        if let Some(end) = step.end {
            let kept = self.kept.remove(&id);
            if let (Some(kept), End::Fenced) = (kept, end) {
                // It is another node's now. A stale handle is all that is left of it here.
                let _ = table.release(kept.handle);
                self.names.remove(&kept.handle);
            }
        }
    }

    /// True when the session's next COUNT is below the first that the store leaves to this node.
    fn is_behind(&self, table: &Table, id: u64, counts: Counts) -> bool {
        let kept = self.kept.get(&id);
        let guard = kept.and_then(|kept| table.lock(kept.handle).ok());
        let Some(guard) = guard else { return true };
        let standing = places(|place| guard.counts(place)).find(|standing| standing.print == id);
        standing.is_none_or(|standing| (0..2).any(|i| standing.next[i] < counts.next[i]))
    }

    /// Sets the ceilings of a key, wherever its session has it now.
    fn set(&mut self, table: &Table, id: u64, ceiling: [u32; 2]) {
        let Some(kept) = self.kept.get_mut(&id) else {
            return;
        };
        let Ok(mut guard) = table.lock(kept.handle) else {
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
    fn halt(&self, table: &Table, id: u64) -> Counts {
        let Some(kept) = self.kept.get(&id) else {
            return Counts::default();
        };
        let spent = Counts {
            next: kept.ceiling,
            floor: [LIMIT; 2],
        };
        let Ok(mut guard) = table.lock(kept.handle) else {
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

impl<S> std::fmt::Debug for Attendant<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attendant")
            .field("keys", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// The number of a key among those of its table: how the line names it too.
fn number(KeyPrint(print): KeyPrint) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&print[..8]);
    u64::from_be_bytes(first)
}

/// The keys of a session, each once.
fn places(counts: impl Fn(Place) -> Result<Standing>) -> impl Iterator<Item = Standing> {
    let mut seen = Vec::new();
    Place::ALL.into_iter().filter_map(move |place| {
        let standing = counts(place).ok()?;
        let new = !seen.contains(&standing.print);
        seen.push(standing.print);
        new.then_some(standing)
    })
}
