//! What one place of the table holds: a session, and which of its keys the key memory knows.

use arrayvec::ArrayVec;
use std::sync::Mutex;

use crate::base::{Error, Result};
use crate::procedure::smc::Half;
use crate::security::{Cell, Changed, KeyGuard, Place, Resources, Role, SidePool, UeSecurity};

use super::guard::{CONTEXTS, Floors, KeyMemory, LiveKey};
use super::handle::{FIRST_GENERATION, Handle, LAST_GENERATION};
use super::journal::{Found, Journal};
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

/// The session has not been put together since the process began: instead of [`OPEN`].
const ASLEEP: u32 = 1 << 30;

/// The session could not be put together: instead of [`OPEN`].
const LOST: u32 = 1 << 29;

/// Where a session is written down: its table's journal, and its slot.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) journal: &'a Journal,
    pub(super) slot: u32,
}

/// In this order: there is no gap between the lock, the generation and what every message touches.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Slot {
    /// Generation of the session in this slot, then with [`OPEN`], or of the next one.
    pub(super) generation: u32,
    keys: [LiveKey; CONTEXTS],
    pub(super) session: Session,
}

/// A slot on lines of its own: nine, of which a message under AES touches eight, one under SNOW 3G or ZUC four. Where slots
/// followed each other without a gap, in 592 octets, it was nine and a half, and five.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Lined(Mutex<Slot>);

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Lined>() == 9 * 64 && HOT <= 2 * 64);

impl Lined {
    pub(super) const fn new(slot: Slot) -> Self {
        Self(Mutex::new(slot))
    }
}

impl std::ops::Deref for Lined {
    type Target = Mutex<Slot>;

    #[inline(always)]
    fn deref(&self) -> &Mutex<Slot> {
        &self.0
    }
}

impl std::ops::DerefMut for Lined {
    fn deref_mut(&mut self) -> &mut Mutex<Slot> {
        &mut self.0
    }
}

/// Octets from a slot's beginning, with the lock in front of it, that a message touches before its keys.
pub(super) const HOT: usize = size_of::<Mutex<u64>>() - size_of::<u64>()
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

    /// What the process before this one left in the slot.
    pub(super) fn found(found: Found) -> Self {
        let generation = match found {
            Found {
                generation,
                open: true,
                ..
            } => generation | ASLEEP,
            Found { retired: true, .. } => 0,
            Found { generation: 0, .. } => FIRST_GENERATION,
            Found { generation, .. } => generation,
        };
        Self {
            generation,
            ..Self::new()
        }
    }

    /// A new session in a free slot, and its generation.
    pub(super) fn open(&mut self, role: Role, written_down: bool) -> u32 {
        self.session = Session::new(UeSecurity::new(role));
        if written_down {
            self.session.security.write_down();
        }
        let generation = self.generation;
        self.generation |= OPEN;
        generation
    }

    /// No session from now on; its handle is stale. Says whether the slot can be used again.
    pub(super) fn close(&mut self, side: &SidePool) -> Reuse {
        self.session.security.clear(side);
        self.session = Session::new(UeSecurity::new(Role::Amf));
        self.generation &= !(OPEN | ASLEEP | LOST);
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

    /// The session of this handle waits to be put together.
    pub(super) fn sleeps(&self, handle: Handle) -> bool {
        self.generation == handle.generation() | ASLEEP
    }

    /// The session of this handle could not be put together.
    pub(super) fn is_lost(&self, handle: Handle) -> bool {
        self.generation == handle.generation() | LOST
    }

    /// A handle names a session here, whatever became of it.
    pub(super) fn is_named_by(&self, handle: Handle) -> bool {
        self.answers_to(handle) || self.sleeps(handle) || self.is_lost(handle)
    }

    /// The session in the slot, if there is one.
    pub(super) fn names(&self) -> Option<u32> {
        let open = self.generation & (OPEN | ASLEEP | LOST) != 0;
        open.then_some(self.generation & !(OPEN | ASLEEP | LOST))
    }

    /// Puts the session together after a crash.
    ///
    /// # Errors
    /// [`Error::RekeyRequired`]: from now on, until it is released.
    #[cold]
    pub(super) fn wake(
        &mut self,
        kept: Kept<'_>,
        from: Resources<'_>,
        memory: &KeyMemory,
    ) -> Result<()> {
        let generation = self.generation & !ASLEEP;
        // Whatever becomes of it, the keys in its line are its own.
        if let Some(book) = from.book {
            let prints = Cell::ALL.map(|cell| book.line().print(cell));
            let held = prints.into_iter().filter(|print| *print != 0);
            let held = held.filter_map(|print| memory.resume(Print::new(print)));
            for (key, held) in self.keys.iter_mut().zip(held) {
                *key = held;
            }
        }
        let owner = (kept.slot, generation);
        let woken = kept.journal.wake(owner, &mut self.session, from);
        self.generation = generation | if woken.is_ok() { OPEN } else { LOST };
        if woken.is_err() {
            self.session.security.take_changed();
        }
        woken
    }

    /// Something changed that [`Slot::reconcile`] has to tell. Nearly always nothing did.
    #[inline]
    pub(super) fn has_changed(&self) -> bool {
        self.session.security.has_changed()
    }

    /// Tells the key memory which keys came and went, and the journal what changed.
    #[cold]
    pub(super) fn reconcile(
        &mut self,
        memory: &KeyMemory,
        kept: Option<(Kept<'_>, Resources<'_>)>,
    ) {
        let changed = self.session.security.take_changed();
        if changed == Changed::NOTHING {
            return;
        }
        if changed.keys() {
            if let Some((_, from)) = kept {
                // In their cells before they leave the list of keys that wait for theirs. Cannot fail: there is one.
                let _ = self.session.security.bind_all(&from);
                self.forsake_unbound(memory);
                if let Some(book) = from.book {
                    book.note_change();
                }
            }
            self.reconcile_keys(memory);
        }
        // A call that a defect stopped half-way is not to be gone on with.
        if let Some((kept, from)) = kept
            && !std::thread::panicking()
            && self.generation & OPEN != 0
        {
            let generation = self.generation & !OPEN;
            kept.journal.write((kept.slot, generation), &self.session);
            if let Some(book) = from.book {
                self.session.security.free_cells(&book);
            }
        }
    }

    fn reconcile_keys(&mut self, memory: &KeyMemory) {
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

    /// A key that has no cell stays among those that may not come again: after a crash nobody would know it.
    fn forsake_unbound(&self, memory: &KeyMemory) {
        let ue = &self.session.security;
        for (_, context) in ue.contexts().filter(|(_, context)| context.is_unbound()) {
            memory.forsake(memory.print(ue.role(), context.k_amf()).number());
        }
    }

    /// An imported session goes on with its keys at its COUNTs.
    ///
    /// # Errors
    /// [`Error::KeyReused`], [`Error::Record`]; no key is claimed then.
    pub(super) fn claim_keys(&mut self, memory: &KeyMemory, from: &Resources<'_>) -> Result<()> {
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
        // In its cell at once: a key that goes on has been used.
        if from.book.is_some() {
            self.session.security.bind_all(from)?;
            self.forsake_unbound(memory);
        }
        // The keys are known; the record is yet to be written.
        let _ = self.session.security.take_changed();
        self.session.security.touch();
        Ok(())
    }

    /// The session ends: each of its keys may go on at its present COUNTs, or never after a defect.
    pub(super) fn retire_keys(&mut self, memory: &KeyMemory, trusted: Trust) {
        if self.session.security.take_changed().keys() {
            self.reconcile_keys(memory);
        }
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
