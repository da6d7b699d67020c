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

mod giving;
mod lines;
mod names;
mod taking;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Error, Result};
use crate::security::ledger::RENEWAL;
use crate::security::{Place, Role, Standing};
use crate::store::keeper::{Figures, Keeper};
use crate::store::lease::{Claim, Counts, End, LEASE, Step, Uplink};
use crate::store::{KeyPrint, KeyRing, PrintKey, Revision, SessionName, Store};

use super::handle::Handle;
use super::journal::Before;
use super::record::{self, Extent, Record};
use super::table::Table;

pub use names::Names;
use taking::Taking;

/// Keys that a sweep looks at only to see whether they are still there.
const SWEEP: usize = 256;

/// Between two sweeps. Whoever releases a session says so ([`Attendant::released`]); a sweep finds what nobody said.
const SWEEPS: Duration = Duration::from_millis(50);

/// A key whose lease is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    handle: Handle,
    /// As the hot path had it when it was looked at last.
    ceiling: [u32; 2],
    /// Uplink messages are not to be accepted, see [`Notice::Uplink`].
    shut: bool,
}

/// What whoever serves the sessions has to know at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Another node took the session over. It is released right after this.
    Fenced(Handle),
    /// Under [`Uplink::AboveFloor`]: from now on its uplink messages may be accepted, or may not, because this node
    /// does not know whether it still owns the session.
    Uplink(Handle, bool),
}

/// What became of a session that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The store was asked; look again after a turn.
    Waiting,
    /// It is here.
    Here(Handle),
}

/// Keeps the leases of the tables of one engine, which stand by worker. All nodes of a set have the same keys in their
/// rings.
pub struct Attendant<S> {
    keeper: Keeper<S>,
    ring: KeyRing,
    prints: PrintKey,
    kept: HashMap<u64, Kept>,
    /// The keys of each session in `kept`.
    keys: HashMap<Handle, Vec<u64>>,
    /// Sessions that were given away and wait for their release.
    given: HashSet<Handle>,
    sweep: VecDeque<u64>,
    next_sweep: Duration,
    names: Arc<Names>,
    /// Revision of each session's record, for those that came from the store.
    revisions: HashMap<SessionName, Revision>,
    taking: HashMap<SessionName, Taking>,
    /// Sessions in a procedure, whose record waits for its end.
    later: Vec<Handle>,
    /// Where keys stood when the process before this one on this host ended.
    before: HashMap<u64, Before>,
    tell: Box<dyn Fn(Notice) + Send>,
}

impl<S: Store> Attendant<S> {
    /// For tables whose keys have fingerprints under `prints` ([`KeyMemory::keyed`](super::KeyMemory::keyed)), and that
    /// have journals. From now on fresh keys of the tables begin with a lease.
    ///
    /// # Errors
    /// [`Error::Argument`] for a table without a journal, or out of its worker's place.
    pub fn new(
        tables: &[&Table],
        keeper: Keeper<S>,
        ring: KeyRing,
        prints: PrintKey,
    ) -> Result<Self> {
        for (worker, table) in tables.iter().enumerate() {
            let journal = table.journal().ok_or(Error::Argument)?;
            if usize::from(table.worker()) != worker {
                return Err(Error::Argument);
            }
            journal.ledger().set_first_lease(LEASE);
        }
        Ok(Self {
            keeper,
            ring,
            prints,
            kept: HashMap::new(),
            keys: HashMap::new(),
            given: HashSet::new(),
            sweep: VecDeque::new(),
            next_sweep: Duration::ZERO,
            names: Arc::default(),
            revisions: HashMap::new(),
            taking: HashMap::new(),
            later: Vec::new(),
            before: HashMap::new(),
            tell: Box::new(|_| ()),
        })
    }

    /// Who is told what cannot wait for a turn to end.
    pub fn tell(&mut self, whom: impl Fn(Notice) + Send + 'static) {
        self.tell = Box::new(whom);
    }

    /// Says where keys stood when the process before this one on this host ended. One that the store still knows as that
    /// process's own goes on there, and nothing of it lags.
    pub fn succeed(&mut self, before: HashMap<u64, Before>) {
        self.before = before;
    }

    /// The names of sessions. One without a name is kept, but no other node can ask for it.
    #[must_use]
    pub const fn names(&self) -> &Arc<Names> {
        &self.names
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
    pub fn attend(&mut self, tables: &[&Table], now: Duration) -> Duration {
        for table in tables {
            let Some(ledger) = table.journal().map(super::Journal::ledger) else {
                continue;
            };
            for word in 0..ledger.words() {
                let changed = ledger.take_changed(word);
                let mut bits = ledger.take_wanted(word) | changed;
                while bits != 0 {
                    let bit = bits.trailing_zeros();
                    bits &= bits - 1;
                    if let Some(handle) = table.handle_of(word as u32 * 64 + bit) {
                        self.look(tables, handle, changed >> bit & 1 == 1);
                    }
                }
            }
        }
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEPS;
            self.sweep(tables);
            for handle in std::mem::take(&mut self.later) {
                self.look(tables, handle, true);
            }
        }
        for (id, step) in self.keeper.round(now) {
            self.follow(tables, id, &step);
        }
        self.keeper.next_round(now)
    }

    /// True while this node owns COUNTs of the session.
    #[must_use]
    pub fn keeps(&self, handle: Handle) -> bool {
        self.keys.contains_key(&handle)
    }

    fn keys_of(&self, handle: Handle) -> Vec<u64> {
        self.keys.get(&handle).cloned().unwrap_or_default()
    }

    fn keep(&mut self, handle: Handle, id: u64, ceiling: [u32; 2]) {
        let shut = false;
        let kept = Kept {
            handle,
            ceiling,
            shut,
        };
        match self.kept.insert(id, kept) {
            None => self.sweep.push_back(id),
            Some(before) if before.handle == handle => {
                self.shut(id, before.shut);
                return;
            }
            Some(before) => self.part(before.handle, id),
        }
        self.keys.entry(handle).or_default().push(id);
    }

    /// The key is not this session's any more.
    fn part(&mut self, handle: Handle, id: u64) {
        if let Some(ids) = self.keys.get_mut(&handle) {
            ids.retain(|own| *own != id);
            if ids.is_empty() {
                self.keys.remove(&handle);
            }
        }
    }

    /// Notes whether uplink messages under a key may be accepted, and tells what that means for its session.
    fn shut(&mut self, id: u64, shut: bool) {
        let Some(kept) = self.kept.get_mut(&id) else {
            return;
        };
        let handle = kept.handle;
        if std::mem::replace(&mut kept.shut, shut) == shut {
            return;
        }
        let ids = self.keys.get(&handle).into_iter().flatten();
        let any = ids.filter_map(|id| self.kept.get(id)).any(|kept| kept.shut);
        (self.tell)(Notice::Uplink(handle, !any));
    }

    /// Looks at a session that wants a lease or whose keys changed.
    fn look(&mut self, tables: &[&Table], handle: Handle, changed: bool) {
        if self.given.contains(&handle) {
            return;
        }
        let Ok(table) = table_of(tables, handle) else {
            return;
        };
        // Rooms before sessions.
        let slices = changed.then(|| table.slices_written(handle)).flatten();
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
            let extent = Extent::Connections;
            let _ = record::write(&guard.security, extent, slices.as_deref(), &mut octets);
        }
        let prints: HashMap<u64, KeyPrint> = guard
            .security
            .contexts()
            .map(|(_, context)| self.prints.print(Role::Amf as u8, context.k_amf().expose()))
            .map(|print| (number(KeyPrint(print)), KeyPrint(print)))
            .collect();
        drop(guard);
        if changed && !quiet {
            self.later.push(handle);
        }
        for id in self.keys_of(handle) {
            if !standings.iter().any(|standing| standing.print == id) {
                self.keeper.stop(id); // a key that was replaced
            }
        }
        let name = self.name_of(handle);
        let mut sealed = self.sealed(name, &octets);
        for standing in standings {
            let Some(print) = prints.get(&standing.print) else {
                continue;
            };
            let given = sealed.take();
            self.serve(tables, (handle, name), (*print, standing), given);
        }
    }

    fn serve(
        &mut self,
        tables: &[&Table],
        (handle, name): (Handle, SessionName),
        (print, standing): (KeyPrint, Standing),
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
            self.note_epoch(tables, handle, (id, 1));
            self.keeper.asked(id, counts, wanted);
        } else {
            // It came with COUNTs from elsewhere: the store decides.
            let how = (Claim::Store, wanted);
            self.keeper.claim(id, (print, name), how, revision);
        }
        self.gate(id);
    }

    fn name_of(&self, handle: Handle) -> SessionName {
        self.names.of(handle).unwrap_or_else(|| {
            // Nobody asks for it by name: that of the node and the handle is as good as any.
            let mut name = self.keeper.node().0;
            for (octet, own) in name[8..].iter_mut().zip(handle.bits().to_be_bytes()) {
                *octet ^= own;
            }
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
    fn sweep(&mut self, tables: &[&Table]) {
        for _ in 0..self.sweep.len().min(SWEEP) {
            let Some(id) = self.sweep.pop_front() else {
                return;
            };
            let Some(kept) = self.kept.get(&id) else {
                continue;
            };
            let guard = table_of(tables, kept.handle).and_then(|table| table.lock(kept.handle));
            self.sweep.push_back(id);
            match guard {
                Ok(guard) => {
                    let mut own = places(|place| guard.counts(place));
                    if !own.any(|standing| standing.print == id) {
                        self.keeper.stop(id);
                    }
                }
                // A session whose lock is poisoned is still there, and sends nothing.
                Err(Error::Handle) => {
                    let handle = kept.handle;
                    self.released(handle);
                }
                Err(_) => {}
            }
        }
    }

    fn follow(&mut self, tables: &[&Table], id: u64, step: &Step) {
        let lagging = self.keeper.tenure(id).is_some_and(|t| t.lagging());
        let taking = self.taking.values_mut().find(|taking| taking.has(id));
        if let Some(taking) = taking {
            taking.follow(id, step, lagging);
            return;
        }
        if let Some((counts, ceiling)) = step.begin {
            if self.is_behind(tables, id, counts) {
                // Its COUNTs came from a record older than the store's line. It stays without a lease.
                self.keeper.stop(id);
                return;
            }
            self.set(tables, id, ceiling);
            self.note_lease(tables, id);
        }
        if let Some(ceiling) = step.ceiling {
            self.set(tables, id, ceiling);
        }
        if let Some(open) = step.uplink
            && self.keeper.uplink() == Uplink::AboveFloor
        {
            self.shut(id, !open);
        }
        if step.halt {
            let counts = self.halt(tables, id);
            self.keeper.halted(id, counts);
        }
        if let Some(end) = step.end {
            self.ended(tables, id, end);
        }
    }

    fn ended(&mut self, tables: &[&Table], id: u64, end: End) {
        let Some(kept) = self.kept.remove(&id) else {
            return;
        };
        self.part(kept.handle, id);
        if end == End::Fenced {
            // It is another node's now. A stale handle is all that is left of it here.
            (self.tell)(Notice::Fenced(kept.handle));
            let _ = table_of(tables, kept.handle).and_then(|table| table.release(kept.handle));
            self.names.forget(kept.handle);
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

/// The table of a session's worker.
fn table_of<'a>(tables: &[&'a Table], handle: Handle) -> Result<&'a Table> {
    let table = tables.get(usize::from(handle.worker()));
    table.copied().ok_or(Error::Handle)
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
