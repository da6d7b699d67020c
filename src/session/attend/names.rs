//! Names of the sessions of one process. Whoever serves clients writes them, the attendant reads them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::{Error, Result};
use crate::session::handle::Handle;
use crate::store::SessionName;

#[derive(Default)]
struct Both {
    names: HashMap<Handle, SessionName>,
    handles: HashMap<SessionName, Handle>,
}

/// Which session has which name: one name each, one session each.
#[derive(Default)]
pub struct Names(Mutex<Both>);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Names({})", self.lock().names.len())
    }
}

impl Names {
    fn lock(&self) -> MutexGuard<'_, Both> {
        // Nothing between two changes can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names a session, before it has keys.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it has another name, or another session has this one.
    pub fn set(&self, handle: Handle, name: SessionName) -> Result<()> {
        let mut both = self.lock();
        let free = both.handles.get(&name).is_none_or(|own| *own == handle);
        if !free || both.names.get(&handle).is_some_and(|own| *own != name) {
            return Err(Error::Conflict);
        }
        both.names.insert(handle, name);
        both.handles.insert(name, handle);
        Ok(())
    }

    /// The session is gone, and its name is free.
    pub fn forget(&self, handle: Handle) {
        let mut both = self.lock();
        if let Some(name) = both.names.remove(&handle) {
            both.handles.remove(&name);
        }
    }

    /// The name of a session.
    #[must_use]
    pub fn of(&self, handle: Handle) -> Option<SessionName> {
        self.lock().names.get(&handle).copied()
    }

    /// The session of this name.
    #[must_use]
    pub fn find(&self, name: SessionName) -> Option<Handle> {
        self.lock().handles.get(&name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_one_session() {
        let names = Names::default();
        let [a, b] = [1, 2].map(|slot| Handle::new(0, 1, slot));
        let [x, y] = [1, 2].map(|octet| SessionName([octet; 16]));
        names.set(a, x).unwrap();
        names.set(a, x).unwrap();
        assert_eq!(names.set(b, x), Err(Error::Conflict));
        assert_eq!(names.set(a, y), Err(Error::Conflict));
        assert_eq!((names.of(a), names.find(x)), (Some(x), Some(a)));
        names.forget(a);
        assert_eq!((names.of(a), names.find(x)), (None, None));
        names.set(b, x).unwrap();
    }
}
