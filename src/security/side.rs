//! The side slab: room for what few UEs have at a time, such as a candidate or a previous context and the message
//! of a procedure that may have to be sent again. Keeps the usual UE small (one context inside its session).

use std::sync::{Mutex, PoisonError};

use zeroize::Zeroize;

use crate::base::{Error, Result};

use super::context::Context;

/// Longest plain message kept for a retransmission: every IE of a SECURITY MODE COMMAND but a long EAP message.
/// EAP-Success has 4 octets (RFC 3748), the AUN3 key IE at most 257.
pub const HELD_MESSAGE: usize = 384;

/// Contexts beside the one inside the session.
pub(in crate::security) const CONTEXTS: usize = 3;

/// One UE's side room.
#[derive(Default)]
pub(crate) struct Side {
    pub(in crate::security) contexts: [Option<Context>; CONTEXTS],
    held: Held,
}

struct Held {
    bytes: [u8; HELD_MESSAGE],
    len: usize,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            bytes: [0; HELD_MESSAGE],
            len: 0,
        }
    }
}

impl Side {
    /// Keeps a plain message.
    pub(in crate::security) fn hold(&mut self, message: &[u8]) -> Result<()> {
        let room = self
            .held
            .bytes
            .get_mut(..message.len())
            .ok_or(Error::TooLong)?;
        room.copy_from_slice(message);
        self.held.len = message.len();
        Ok(())
    }

    /// The message kept; empty when there is none.
    pub(in crate::security) fn held(&self) -> &[u8] {
        &self.held.bytes[..self.held.len]
    }

    /// Forgets the message. It may carry an AUN3 device security key, so it is wiped.
    pub(in crate::security) fn forget(&mut self) {
        self.held.bytes[..self.held.len].zeroize();
        self.held.len = 0;
    }

    pub(in crate::security) fn is_empty(&self) -> bool {
        self.held.len == 0 && self.contexts.iter().all(Option::is_none)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.forget();
    }
}

/// The rooms of one shard: made on demand up to a quota, then used again and again.
#[derive(Debug)]
pub struct SidePool {
    quota: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Boxes, because a room is handed to a session by moving a pointer, not 2 kB.
    #[allow(clippy::vec_box)]
    free: Vec<Box<Side>>,
    out: usize,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("free", &self.free.len())
            .field("out", &self.out)
            .finish()
    }
}

impl SidePool {
    /// A pool of at most `quota` rooms, none of them made yet.
    #[must_use]
    pub const fn new(quota: usize) -> Self {
        Self {
            quota,
            state: Mutex::new(State {
                free: Vec::new(),
                out: 0,
            }),
        }
    }

    /// Rooms in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.lock().out
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is two plain values that no panic can leave half-written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::security) fn take(&self) -> Result<Box<Side>> {
        let mut state = self.lock();
        if state.out >= self.quota {
            return Err(Error::SideFull);
        }
        state.out += 1;
        Ok(state.free.pop().unwrap_or_default())
    }

    pub(in crate::security) fn give_back(&self, mut side: Box<Side>) {
        side.forget();
        side.contexts = Default::default();
        let mut state = self.lock();
        state.out = state.out.saturating_sub(1);
        state.free.push(side);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_is_a_typed_error_and_rooms_come_back() {
        let pool = SidePool::new(2);
        let a = pool.take().unwrap();
        let _b = pool.take().unwrap();
        assert_eq!(pool.take().err(), Some(Error::SideFull));
        pool.give_back(a);
        assert_eq!(pool.in_use(), 1);
        assert!(pool.take().unwrap().is_empty());
    }

    #[test]
    fn a_long_message_is_refused() {
        let mut side = Side::default();
        assert_eq!(side.hold(&[0; HELD_MESSAGE + 1]), Err(Error::TooLong));
        side.hold(&[7; HELD_MESSAGE]).unwrap();
        assert_eq!(side.held().len(), HELD_MESSAGE);
        side.forget();
        assert!(side.is_empty());
    }
}
