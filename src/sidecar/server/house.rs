//! What the requests of all clients share: whose sessions there are, and their end.

use std::sync::Arc;

use crate::engine::worker::Workers;
use crate::session::{Handle, Opened};

use super::super::config::Config;
use super::House;
use super::counters::set;

/// The directory that sessions outlive a crash in.
pub(super) fn journals(
    config: &Config,
    store: Option<&mut crate::sidecar::set::Opened>,
) -> std::result::Result<Option<Opened>, String> {
    if let Some(store) = store {
        let workers = config.workers().map_err(|error| error.to_string())?;
        let Some(dir) = config.survive.directory() else {
            let leased = Workers::leased(&workers, &store.prints);
            return leased.map(Some).map_err(|error| error.to_string());
        };
        let place = (dir, store.node());
        let leased = Workers::leased_in(&workers, &store.prints, place);
        let (opened, before) = leased.map_err(|error| config.survive.refusal(error))?;
        store.before = before;
        return Ok(Some(opened));
    }
    let Some(folder) = config.survive.folder()? else {
        return Ok(None);
    };
    let workers = config.workers().map_err(|error| error.to_string())?;
    let opened = Workers::open(&workers, &folder);
    opened
        .map(Some)
        .map_err(|error| config.survive.refusal(error))
}

impl House {
    /// Sessions of the daemon before this one wait for a client of the same name and user; those of clients without a
    /// name are released. Says how many wait.
    pub(super) fn take_up(&mut self) -> usize {
        let workers = Arc::clone(&self.workers);
        for engine in (0..workers.len()).filter_map(|index| workers.engine(index)) {
            let table = engine.table();
            let Some(journal) = table.journal() else {
                continue;
            };
            for handle in table.handles() {
                match journal.owner(handle.slot()) {
                    // Its handle is stale then, which is what is wanted.
                    [0, _] => drop(engine.release(handle)),
                    [owner, tag] => {
                        self.tenants.leave_behind(owner, (handle, tag));
                        self.host_takes(handle);
                    }
                }
            }
        }
        self.count_sessions();
        self.tenants.kept() as usize
    }

    /// Whose a session is, for the daemon after this one.
    pub(super) fn sign(&self, tenant: u64, handle: Handle, tag: u64) {
        let journal = self
            .workers
            .engine_of(handle)
            .map(|engine| engine.table().journal());
        if let Ok(Some(journal)) = journal {
            journal.set_owner(handle, [self.tenants.owner(tenant), tag]);
        }
    }

    pub(super) fn release_all(&mut self, tenant: u64) -> usize {
        let handles = self.tenants.remove(tenant, &self.owners);
        for &handle in &handles {
            // A stale handle is what is wanted.
            let _ = self
                .workers
                .engine_of(handle)
                .and_then(|engine| engine.release(handle));
            self.released(handle);
        }
        handles.len()
    }

    pub(super) fn count_sessions(&self) {
        let engines = (0..self.workers.len()).filter_map(|index| self.workers.engine(index));
        let both = engines.map(|engine| [engine.sessions(), engine.table().capacity()]);
        let [sessions, limit] = both.fold([0, 0], |[a, b], [c, d]| [a + c as u64, b + d as u64]);
        self.workers.metrics().shared().sessions(sessions, limit);
        set(&self.counters.kept_sessions, self.tenants.kept());
    }

    /// A user's queues were closed.
    pub(super) fn give_entries_back(&mut self, uid: u32, entries: u32) {
        if let Some(all) = self.entries.get_mut(&uid) {
            *all = all.saturating_sub(entries);
        }
    }

    /// Queues were opened or closed.
    pub(super) fn count_queues(&mut self, opened: u64, closed: u64) {
        self.queues = (self.queues + opened).saturating_sub(closed);
        set(&self.counters.queues, self.queues);
    }
}
