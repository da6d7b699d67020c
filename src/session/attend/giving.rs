//! How sessions leave: given to whoever asks next, or released.

use crate::base::{Error, Result};
use crate::security::KeyChange;
use crate::session::handle::Handle;
use crate::session::table::Table;
use crate::store::Store;

use super::{Attendant, table_of};

impl<S: Store> Attendant<S> {
    /// Keys that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// True when none are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Gives a session back, with all its keys: it sends and accepts nothing more here ([`Error::Conflict`]), and another
    /// node may take it over. It is to be released when [`Attendant::keeps`] says no, and then [`Attendant::given_away`] is to be told.
    ///
    /// # Errors
    /// [`Error::Conflict`] while a procedure changes its keys; those of [`Table::lock`].
    pub fn give(&mut self, tables: &[&Table], handle: Handle) -> Result<()> {
        if self.given.contains(&handle) {
            return Ok(());
        }
        let guard = table_of(tables, handle)?.lock(handle)?;
        if guard.security.key_change().is_some() {
            return Err(Error::Conflict);
        }
        drop(guard);
        let table = table_of(tables, handle)?;
        // What happens to its slices from here on is for the next node to hear.
        table.close_slices(handle, true);
        // Its newest record goes along.
        self.look(tables, handle, true);
        // Silent before its floors are read, as an exported one: what it accepted after that, the next node would accept
        // once more.
        let silent = table
            .lock(handle)
            .and_then(|mut guard| guard.security.begin_key_change(KeyChange::Exported));
        if let Err(error) = silent {
            table.close_slices(handle, false);
            return Err(error);
        }
        self.given.insert(handle);
        for id in self.keys_of(handle) {
            self.keeper.stop(id);
        }
        Ok(())
    }

    /// True for a session that was given and is not released yet.
    #[must_use]
    pub fn gives(&self, handle: Handle) -> bool {
        self.given.contains(&handle)
    }

    /// A session that was given is released.
    pub fn given_away(&mut self, handle: Handle) {
        self.given.remove(&handle);
        self.names.forget(handle);
    }

    /// Gives every session back, as a process does that ends. [`Attendant::is_empty`] says when that is done.
    pub fn give_all(&mut self, tables: &[&Table]) {
        let handles: Vec<Handle> = self.keys.keys().copied().collect();
        for handle in handles {
            if self.give(tables, handle).is_err() {
                // In a procedure, which ends here: its last record is in the store.
                self.given.insert(handle);
                for id in self.keys_of(handle) {
                    self.keeper.stop(id);
                }
            }
        }
    }

    /// A session was released, not given: its record leaves the store, and its keys count as used up.
    pub fn released(&mut self, handle: Handle) {
        self.given.remove(&handle);
        self.names.forget(handle);
        let ids = self.keys_of(handle);
        self.keeper.erase(&ids);
        for id in ids {
            self.keeper.stop(id);
        }
    }
}
