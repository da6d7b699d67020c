//! What one place of the table holds: a session, and which of its keys the key memory knows.

use arrayvec::ArrayVec;
use std::sync::Mutex;

use crate::base::{Error, Result};
use crate::procedure::smc::Half;
use crate::security::{Place, Role, SidePool, UeSecurity};

use super::guard::{CONTEXTS, Floors, KeyMemory, LiveKey};
use super::handle::{FIRST_GENERATION, Handle, LAST_GENERATION};
use super::shard::Print;

/// What lives as long as a UE's handle. In this order: every message asks the procedure.
#[derive(Debug)]
#[repr(C)]
pub struct Session {
    /// The security mode procedure.
    pub smc: Half,
    /// The security contexts.
    pub security: UeSecurity,
}

impl Session {
    pub(super) fn new(security: UeSecurity) -> Self {
        let smc = Half::of(security.role());
        Self { security, smc }
    }
}

/// The slot holds a session. In one word with the generation: a flag of its own would cost a slot 8 octets.
const OPEN: u32 = 1 << 31;

/// In this order: there is no gap between the lock, the generation and what every message touches.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Slot {
    /// Generation of the session in this slot, then with [`OPEN`], or of the next one.
    pub(super) generation: u32,
    keys: [LiveKey; CONTEXTS],
    pub(super) session: Session,
}

/// Octets from a slot's beginning, with the lock in front of it, that a message touches before its keys.
pub(super) const HOT: usize = size_of::<Mutex<u64>>()
    + std::mem::offset_of!(Slot, session)
    + std::mem::offset_of!(Session, security)
    + UeSecurity::HOT;

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            generation: FIRST_GENERATION,
            keys: [LiveKey::NONE; CONTEXTS],
            session: Session::new(UeSecurity::new(Role::Amf)),
        }
    }

    /// A new session in a free slot, and its generation.
    pub(super) fn open(&mut self, role: Role) -> u32 {
        self.session = Session::new(UeSecurity::new(role));
        let generation = self.generation;
        self.generation |= OPEN;
        generation
    }

    /// No session from now on; its handle is stale. Says whether the slot can be used again.
    pub(super) fn close(&mut self, side: &SidePool) -> Reuse {
        self.session.security.clear(side);
        self.session = Session::new(UeSecurity::new(Role::Amf));
        self.generation &= !OPEN;
        if self.generation >= LAST_GENERATION {
            self.generation = 0;
            return Reuse::Retired;
        }
        self.generation += 1;
        Reuse::Free
    }

    pub(super) fn answers_to(&self, handle: Handle) -> bool {
        self.generation == handle.generation() | OPEN
    }

    /// Tells the key memory which keys came and went. Nearly always there are none, and this is one load.
    pub(super) fn reconcile(&mut self, memory: &KeyMemory) {
        if !self.session.security.take_changed() {
            return;
        }
        let mut held = [None; CONTEXTS];
        for (held, (_, print)) in held.iter_mut().zip(prints(&self.session.security, memory)) {
            *held = Some(print);
        }
        for key in &mut self.keys {
            let print = memory.print_of(*key);
            match held
                .iter_mut()
                .find(|held| held.is_some() && **held == print)
            {
                Some(known) => *known = None,
                // The context is gone and its COUNTs with it.
                None => memory.retire(std::mem::replace(key, LiveKey::NONE), Floors::NEVER),
            }
        }
        for print in held.into_iter().flatten() {
            if let Some(free) = self.keys.iter_mut().find(|key| **key == LiveKey::NONE) {
                *free = memory.adopt(print);
            }
        }
    }

    /// An imported session goes on with its keys at its COUNTs.
    ///
    /// # Errors
    /// [`Error::KeyReused`], [`Error::Record`]; no key is claimed then.
    pub(super) fn claim_keys(&mut self, memory: &KeyMemory) -> Result<()> {
        let ue = &self.session.security;
        let mut places: ArrayVec<Place, CONTEXTS> = ArrayVec::new();
        let mut wanted: ArrayVec<(Print, Floors), CONTEXTS> = ArrayVec::new();
        for (place, print) in prints(ue, memory) {
            places.try_push(place).map_err(|_| Error::Record)?;
            wanted
                .try_push((print, Floors::of(ue, place)))
                .map_err(|_| Error::Record)?;
        }
        let claimed = memory.claim(&wanted)?;
        for ((key, claimed), place) in self.keys.iter_mut().zip(claimed).zip(places) {
            *key = claimed.key;
            if claimed.known {
                self.session.security.close_windows(place);
            }
        }
        self.session.security.take_changed();
        Ok(())
    }

    /// The session ends: each of its keys may go on at its present COUNTs, or never after a defect.
    pub(super) fn retire_keys(&mut self, memory: &KeyMemory, trusted: Trust) {
        self.reconcile(memory);
        for key in &mut self.keys {
            let Some(print) = memory.print_of(*key) else {
                continue;
            };
            let ue = &self.session.security;
            let home = prints(ue, memory).find(|(_, held)| *held == print);
            let floors = match (trusted, home) {
                (Trust::Whole, Some((place, _))) => Floors::of(ue, place),
                _ => Floors::NEVER,
            };
            memory.retire(std::mem::replace(key, LiveKey::NONE), floors);
        }
    }
}

/// Whether a closed slot may hold another session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// Yes, under the next generation.
    Free,
    /// No: its generations are used up.
    Retired,
}

/// Whether the COUNTs of a session can be relied upon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Yes.
    Whole,
    /// A defect stopped a call half-way.
    Poisoned,
}

/// The contexts that have a K_AMF of their own, with its fingerprint.
fn prints<'a>(
    ue: &'a UeSecurity,
    memory: &'a KeyMemory,
) -> impl Iterator<Item = (Place, Print)> + 'a {
    ue.contexts()
        .filter(|(_, context)| !context.shares_counts())
        .map(|(place, context)| (place, memory.print(ue.role(), context.k_amf())))
}
