//! The keeper: drives the leases of all sessions of one node with one store, off the hot path.
//!
//! It has no thread and no clock of its own. Whoever owns it tells it what the hot path wants, and calls
//! [`Keeper::round`] again and again; a round asks the store for everything that is due in one read and one commit, and
//! hands back what is to be done to the hot path. A store that answers late makes rounds late, never a message: half a
//! lease is left when a renewal is asked for.

mod commit;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::lease::{Claim, Counts, End, Event, Presence, Request, Step, Tenure, Terms, Uplink};
use super::{
    Entry, Failure, Incarnation, Key, KeyPrint, Line, NodeName, Result, Revision, SessionName,
    Store,
};

/// Groups of one commit: what a round asks for beyond that waits for the next.
const GROUPS: usize = 1000;

/// First wait after a failure of the store; doubled with each further one, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Longest wait after a failure of the store. A round is one read and one commit for all sessions of a node, so asking
/// four times a second is no load, and with a second here UEs waited up to 3.4 s after the loss of etcd's leader.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// A node and how it behaves.
#[derive(Clone, Copy, Debug)]
pub struct KeeperConfig {
    /// This process.
    pub node: NodeName,
    /// How long after its last sign of life another node may take over. At least 3 s is sensible with etcd, whose
    /// leases count in seconds and which elects a new leader in about one.
    pub ttl: Duration,
    /// What sessions accept whose replay floors may lag behind.
    pub uplink: Uplink,
}

/// What a keeper did. Numbers only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls of [`Store::commit`].
    pub commits: u64,
    /// Lines and records written: one for each group that was done.
    pub writes: u64,
    /// Groups that were stale: a taker came, or an answer was lost before.
    pub stale: u64,
    /// Lines read.
    pub reads: u64,
    /// Requests of sessions that the store did not answer or refused: **the rate to raise an alarm on**.
    pub refused: u64,
    /// Sessions that another node took over.
    pub fenced: u64,
    /// Sessions whose keys nobody can vouch for.
    pub rekeys: u64,
    /// Sessions taken over.
    pub taken: u64,
    /// Keys taken over whose replay floors may lag behind: see [`Uplink`].
    pub lagging: u64,
    /// Times that this node's presence ended by its own clock.
    pub absences: u64,
}

struct Held {
    tenure: Tenure,
    begun: bool,
    /// To be written with the next line.
    record: Option<Vec<u8>>,
    record_revision: Revision,
    /// The record that is on its way was the newest when it was sent.
    record_sent: bool,
    /// The record is to be removed, if it is still the one of this revision.
    erase: bool,
}

/// The keeper of one node. Sessions have numbers that the caller chooses.
pub struct Keeper<S> {
    store: S,
    config: KeeperConfig,
    incarnation: Incarnation,
    presence: Presence,
    certain: bool,
    replaced: bool,
    held: BTreeMap<u64, Held>,
    /// Requests that the next round carries out, each of a session once.
    due: BTreeMap<u64, Request>,
    /// Where the next round begins among them: nobody waits while others come again and again.
    cursor: u64,
    /// Sessions that ask again when the wait is over.
    again: HashSet<u64>,
    wait: Duration,
    wait_until: Duration,
    figures: Figures,
    steps: Vec<(u64, Step)>,
}

impl<S: Store> Keeper<S> {
    /// Opens the store under this node's name.
    ///
    /// # Errors
    /// Those of [`Store::incarnation`].
    pub fn new(mut store: S, config: KeeperConfig) -> Result<Self> {
        Ok(Self {
            incarnation: store.incarnation()?,
            store,
            config,
            presence: Presence::new(config.ttl),
            certain: false,
            replaced: false,
            held: BTreeMap::new(),
            due: BTreeMap::new(),
            cursor: 0,
            again: HashSet::new(),
            wait: FIRST_WAIT,
            wait_until: Duration::ZERO,
            figures: Figures::default(),
            steps: Vec::new(),
        })
    }

    /// What it did so far.
    #[must_use]
    pub const fn figures(&self) -> Figures {
        self.figures
    }

    /// This node.
    #[must_use]
    pub const fn node(&self) -> NodeName {
        self.config.node
    }

    /// What sessions accept whose floors may lag.
    #[must_use]
    pub const fn uplink(&self) -> Uplink {
        self.config.uplink
    }

    /// True while this node is present in the store for certain. Never again after [`Failure::Replaced`]: what stands in
    /// another store is for another start to find out.
    #[must_use]
    pub const fn present(&self) -> bool {
        self.certain && !self.replaced
    }

    /// Sessions that it keeps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// True when it keeps none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The state of a session's tenure.
    #[must_use]
    pub fn tenure(&self, id: u64) -> Option<&Tenure> {
        self.held.get(&id).map(|held| &held.tenure)
    }

    /// The store, for what is not the keeper's: an operator's questions, or the end.
    pub const fn store(&mut self) -> &mut S {
        &mut self.store
    }

    const fn terms(&self, print: KeyPrint, session: SessionName) -> Terms {
        Terms {
            print,
            session,
            node: self.config.node,
            incarnation: self.incarnation,
            uplink: self.config.uplink,
        }
    }

    /// A key that begins at COUNT 0 on this node. `sealed`: its session's record; `revision`: of the record that the
    /// session has in the store already ([`Revision::ABSENT`] for a new session). An empty one is not written.
    pub fn fresh(
        &mut self,
        id: u64,
        (print, session): (KeyPrint, SessionName),
        (sealed, revision): (Vec<u8>, Revision),
    ) {
        let (tenure, step) = Tenure::fresh(self.terms(print, session), self.certain);
        let record = Some(sealed).filter(|sealed| !sealed.is_empty());
        self.insert(id, tenure, (record, revision), step);
    }

    /// A key that was used before: its session's record is in the store and has this revision.
    pub fn claim(
        &mut self,
        id: u64,
        (print, session): (KeyPrint, SessionName),
        (claim, wanted): (Claim, [bool; 2]),
        revision: Revision,
    ) {
        let terms = self.terms(print, session);
        let (tenure, step) = Tenure::claim(terms, claim, wanted, self.certain);
        self.insert(id, tenure, (None, revision), step);
    }

    /// The sealed record of a session, for a node that takes it over on first use.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub fn record(&mut self, session: SessionName) -> Result<Option<Entry>> {
        Ok(self.store.read(&[Key::Record(session)])?.pop().flatten())
    }

    /// The session changed: its record is written with the next line, which is due now.
    pub fn changed(&mut self, id: u64, sealed: Vec<u8>, counts: Counts) {
        if let Some(held) = self.held.get_mut(&id) {
            held.record = Some(sealed);
            held.record_sent = false;
            self.tell(id, Event::Checkpoint(counts));
        }
    }

    /// The hot path wants more COUNTs, or uplink messages that it may not accept.
    pub fn asked(&mut self, id: u64, counts: Counts, wanted: [bool; 2]) {
        self.tell(id, Event::Asked { counts, wanted });
    }

    /// Replay floors are to be written.
    pub fn checkpoint(&mut self, id: u64, counts: Counts) {
        self.tell(id, Event::Checkpoint(counts));
    }

    /// The session is to be given back: another node may have it after [`End::Returned`].
    pub fn stop(&mut self, id: u64) {
        self.tell(id, Event::Stop);
    }

    /// The record of a session with these keys is removed with the next line of one of them, unless somebody wrote it
    /// meanwhile.
    pub fn erase(&mut self, ids: &[u64]) {
        let newest = ids.iter().filter(|id| self.held.contains_key(id));
        let newest = newest.max_by_key(|id| self.held.get(id).map(|held| held.record_revision));
        if let Some(held) = newest.and_then(|id| self.held.get_mut(id)) {
            held.erase = true;
        }
        for id in ids {
            if let Some(held) = self.held.get_mut(id) {
                held.record = None;
            }
        }
    }

    /// The hot path has ended, as a step asked for.
    pub fn halted(&mut self, id: u64, counts: Counts) {
        self.tell(id, Event::Halted(counts));
    }

    fn insert(
        &mut self,
        id: u64,
        tenure: Tenure,
        (record, record_revision): (Option<Vec<u8>>, Revision),
        step: Step,
    ) {
        let held = Held {
            begun: false,
            tenure,
            record,
            record_revision,
            record_sent: false,
            erase: false,
        };
        self.held.insert(id, held);
        self.due.remove(&id);
        self.follow(id, step);
    }

    fn tell(&mut self, id: u64, event: Event) {
        if let Some(held) = self.held.get_mut(&id) {
            let step = held.tenure.on(event);
            self.follow(id, step);
        }
    }

    fn follow(&mut self, id: u64, mut step: Step) {
        if let Some(request) = step.request.take() {
            self.due.insert(id, request);
        }
        if step.begin.is_some()
            && let Some(held) = self.held.get_mut(&id)
        {
            held.begun = true;
            self.figures.taken += u64::from(held.tenure.epoch() > 1);
            self.figures.lagging += u64::from(held.tenure.lagging());
        }
        match step.end {
            Some(End::Fenced) => self.figures.fenced += 1,
            Some(End::Rekey(_) | End::KeyReused) => self.figures.rekeys += 1,
            Some(End::Returned | End::Owned) | None => {}
        }
        if step.end.is_some() {
            self.held.remove(&id);
            self.due.remove(&id);
            self.again.remove(&id);
        }
        if step != Step::default() {
            self.steps.push((id, step));
        }
    }

    fn tell_all(&mut self, event: &Event) {
        let ids: Vec<u64> = self.held.keys().copied().collect();
        for id in ids {
            self.tell(id, event.clone());
        }
    }

    /// Asks the store for what is due, and returns what is to be done to the hot path, in order. `now`: on a clock that
    /// does not go back.
    pub fn round(&mut self, now: Duration) -> Vec<(u64, Step)> {
        self.be_present(now);
        if now >= self.wait_until {
            for id in std::mem::take(&mut self.again) {
                self.tell(id, Event::Again);
            }
            // An answer may lead to a request: a claim reads first and then commits.
            for _ in 0..3 {
                if self.due.is_empty() || !self.carry_out(now) {
                    break;
                }
            }
        }
        std::mem::take(&mut self.steps)
    }

    /// When to call [`Keeper::round`] at the latest, on the same clock.
    #[must_use]
    pub fn next_round(&self, now: Duration) -> Duration {
        let idle = self.due.is_empty() && self.again.is_empty();
        let presence = now + self.config.ttl / 8;
        if idle {
            presence
        } else {
            presence.min(self.wait_until.max(now))
        }
    }

    fn be_present(&mut self, now: Duration) {
        // Before it holds anew: a node that stood still was absent, whatever the store says now.
        self.watch(now);
        if self.presence.due(now) && now >= self.wait_until {
            self.presence.sent(now);
            match self.store.hold(self.config.node, self.config.ttl) {
                Ok(()) => self.presence.kept(),
                Err(failure) => {
                    self.presence.failed();
                    self.failed(failure, now);
                }
            }
        }
        self.watch(now);
    }

    fn watch(&mut self, now: Duration) {
        let certain = self.presence.certain(now);
        if certain != self.certain {
            self.certain = certain;
            self.figures.absences += u64::from(!certain);
            let event = if certain {
                Event::Present
            } else {
                Event::Absent
            };
            self.tell_all(&event);
        }
    }

    /// One read and one commit. False when the store failed.
    fn carry_out(&mut self, now: Duration) -> bool {
        let (mut reads, mut commits) = (Vec::new(), Vec::new());
        while commits.len() < GROUPS
            && let Some((id, request)) = self.next_due()
        {
            match request {
                Request::Read => reads.push(id),
                Request::Commit { expect, line } => commits.push((id, expect, line)),
            }
        }
        let read = self.carry_out_reads(&reads);
        if let Err(failure) = read {
            self.undone(&reads, &Event::Unreached);
            self.failed(failure, now);
            if failure == Failure::Replaced {
                return false;
            }
        }
        let committed = self.carry_out_commits(&commits);
        if let Err(failure) = committed {
            let event = match failure {
                Failure::Unknown | Failure::Corrupt => Event::Unknown,
                _ => Event::Unreached,
            };
            let ids: Vec<u64> = commits.iter().map(|(id, ..)| *id).collect();
            self.undone(&ids, &event);
            self.failed(failure, now);
        }
        let done = read.is_ok() && committed.is_ok();
        if done {
            self.wait = FIRST_WAIT;
        }
        done
    }

    fn next_due(&mut self) -> Option<(u64, Request)> {
        let from = self.due.range(self.cursor..).next();
        let id = *from.or_else(|| self.due.iter().next())?.0;
        self.cursor = id.wrapping_add(1);
        Some((id, self.due.remove(&id)?))
    }

    fn undone(&mut self, ids: &[u64], event: &Event) {
        self.figures.refused += ids.len() as u64;
        for id in ids {
            self.tell(*id, event.clone());
            if self.held.contains_key(id) {
                self.again.insert(*id);
            }
        }
    }

    fn failed(&mut self, failure: Failure, now: Duration) {
        self.wait_until = now + self.wait;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        if failure == Failure::Replaced {
            self.replaced = true;
            // From here on this is another store: what comes next is written under its incarnation.
            self.tell_all(&Event::StoreReplaced);
            self.due.clear();
        }
    }

    fn carry_out_reads(&mut self, ids: &[u64]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let keys: Vec<Key> = ids
            .iter()
            .filter_map(|id| self.held.get(id))
            .map(|held| Key::Line(held.tenure.terms().print))
            .collect();
        let entries = self.store.read(&keys)?;
        self.figures.reads += entries.len() as u64;
        let mut presence = HashMap::new();
        let mut found = Vec::with_capacity(entries.len());
        for entry in entries {
            let line = entry
                .as_ref()
                .and_then(|entry| Line::from_bytes(&entry.value).ok());
            let owner = line.filter(|line| line.held).map(|line| line.owner);
            let owner_present = match owner {
                None => false,
                Some(owner) => match presence.get(&owner) {
                    Some(present) => *present,
                    None => {
                        let present = self.store.present(owner)?;
                        presence.insert(owner, present);
                        present
                    }
                },
            };
            found.push(Event::Found {
                entry,
                owner_present,
            });
        }
        for (id, event) in ids.iter().zip(found) {
            self.tell(*id, event);
        }
        Ok(())
    }
}

impl<S> std::fmt::Debug for Keeper<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("node", &self.config.node)
            .field("sessions", &self.held.len())
            .field("figures", &self.figures)
            .finish_non_exhaustive()
    }
}
