//! The security contexts of one UE and who uses which (TS 33.501 3.1, 6.3.2, 6.4.2, 6.8; TS 24.501 4.4.2).
//!
//! A UE has at most four contexts: the current one, a non-current native one, a candidate while a security mode
//! command is unanswered, and the previous one while the second access still waits for its own command.

use std::hash::{DefaultHasher, Hasher};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::base::{AccessType, Error, NgKsi, Result};
use crate::kdf::NhChain;

use super::binding::Changed;
pub use super::binding::{KeyGuard, Resources};
use super::context::{Context, Role};
use super::count::{OutOfOrder, Pair, Thresholds};
use super::seat::{Seat, SideSeat};
use super::side::{Side, SidePool};

/// What part a context plays for its UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// In use, or last used, for the accesses of this UE.
    Current = 0,
    /// Native, kept beside the current one; partial after an authentication.
    NonCurrent = 1,
    /// Being activated: a security mode command that names it is unanswered.
    Candidate = 2,
    /// Still in use on the access that waits for its own security mode command (TS 33.501 6.3.2).
    Previous = 3,
}

impl Place {
    /// All four, in index order.
    pub const ALL: [Self; 4] = [
        Self::Current,
        Self::NonCurrent,
        Self::Candidate,
        Self::Previous,
    ];
}

/// A procedure that changes keys. Only one runs at a time for a UE (TS 33.501 6.9.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyChange {
    /// Security mode command, unanswered.
    SecurityMode = 0,
    /// N2 procedure that installs keys at the NG-RAN (path switch, intra-AMF handover, initial context setup).
    N2 = 1,
    /// Inter-AMF or inter-system handover: until it failed or was cancelled, no downlink NAS may be sent.
    InterAmfHandover = 2,
    /// The session was exported: whoever took the record up goes on with its COUNTs, in both directions.
    Exported = 3,
    /// N2 handover whose container the UE may have by now: see [`crate::procedure::handover`].
    Handover = 4,
}

impl KeyChange {
    /// True for those that the caller begins and ends; each other one has verbs of its own.
    #[must_use]
    pub const fn is_callers(self) -> bool {
        matches!(self, Self::N2 | Self::InterAmfHandover)
    }
}

/// Settings that are the same for every UE of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether late uplink messages may be accepted.
    pub out_of_order: OutOfOrder,
    /// When to warn of COUNTs that run out.
    pub thresholds: Thresholds,
}

/// The message verified last on one access: the only one whose container may be deciphered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::security) struct LastVerified {
    pub(in crate::security) count: u32,
    pub(in crate::security) place: Place,
    pub(in crate::security) whole_ciphered_new: bool,
    /// Sum over its plain octets.
    pub(in crate::security) sum: PlainSum,
}

/// Tells the plain message that was verified from any other. Two octets, because they cost a session none: what is
/// caught is a call with the wrong message, one in 2^16 of them is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::security) struct PlainSum(u16);

impl PlainSum {
    pub(in crate::security) fn of(plain: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(plain);
        Self(hasher.finish() as u16)
    }
}

/// A COUNT in four octets with room for "none": the number after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::security) struct AsCount(NonZeroU32);

impl AsCount {
    pub(in crate::security) fn new(count: u32) -> Option<Self> {
        count.checked_add(1).and_then(NonZeroU32::new).map(Self)
    }

    pub(in crate::security) const fn value(self) -> u32 {
        self.0.get() - 1
    }
}

#[derive(Debug, Default)]
pub(in crate::security) struct Access {
    /// Secure exchange of NAS messages is established (TS 24.501 4.4.2.5).
    pub(in crate::security) secured: bool,
    /// This access still uses the previous context.
    pub(in crate::security) on_previous: bool,
    /// A verified initial NAS message arrived; answering it protected establishes secure exchange.
    pub(in crate::security) initial_accepted: bool,
    pub(in crate::security) last: Option<LastVerified>,
    /// UL COUNT that K_gNB is derived from: of the latest SECURITY MODE COMPLETE, else of the initial message.
    pub(in crate::security) as_count: Option<AsCount>,
}

/// One state of one UE's contexts, like no other in this process. It ties a COUNT that was taken or estimated to the
/// key that it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::security) struct Stamp([u8; 3]);

impl Stamp {
    fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        // Relaxed: only the number matters. Three octets, because they cost a session none; a
        // number comes again after 2^24 changes, long after the call that compares it.
        let [_, a, b, c] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Self([a, b, c])
    }
}

/// All security contexts of one UE, in one role. In this order: what every message touches stands in front of the
/// context, which begins with more of it.
#[repr(C)]
pub struct UeSecurity {
    pub(in crate::security) side: Option<Box<Side>>,
    seats: [Seat; 4],
    pub(in crate::security) access: [Access; 2],
    pub(in crate::security) stamp: Stamp,
    role: Role,
    pub(in crate::security) key_change: Option<KeyChange>,
    /// What changed since [`UeSecurity::take_changed`], and whether it is written down.
    pub(in crate::security) changed: Changed,
    main: Option<Context>,
    pub(in crate::security) nh: Option<NhChain>,
}

impl UeSecurity {
    /// Octets from the beginning that a message touches besides the keys.
    pub const HOT: usize = std::mem::offset_of!(Self, main) + Context::FRONT;
}

impl std::fmt::Debug for UeSecurity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UeSecurity")
            .field("role", &self.role)
            .field("seats", &self.seats)
            .field("access", &self.access)
            .field("key_change", &self.key_change)
            .finish_non_exhaustive()
    }
}

impl UeSecurity {
    /// A UE without any context: everything protected is refused (R24).
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            main: None,
            side: None,
            seats: [Seat::None; 4],
            access: [Access::default(), Access::default()],
            key_change: None,
            nh: None,
            changed: Changed::NOTHING,
            stamp: Stamp::default(),
        }
    }

    /// AMF half or UE half.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The context in this place.
    #[must_use]
    pub fn context(&self, place: Place) -> Option<&Context> {
        match self.seats[place as usize] {
            Seat::None => None,
            Seat::Main => self.main.as_ref(),
            Seat::Side(i) => self.side.as_ref()?.contexts.get(usize::from(i))?.as_ref(),
        }
    }

    pub(in crate::security) fn context_mut(&mut self, place: Place) -> Option<&mut Context> {
        match self.seats[place as usize] {
            Seat::None => None,
            Seat::Main => self.main.as_mut(),
            Seat::Side(i) => self
                .side
                .as_mut()?
                .contexts
                .get_mut(usize::from(i))?
                .as_mut(),
        }
    }

    /// Where the COUNTs of the context in `place` are kept: contexts of one K_AMF share them.
    pub(in crate::security) fn counts_place(&self, place: Place) -> Place {
        match self.context(place) {
            Some(context) if context.shares_counts => Place::Current,
            _ => place,
        }
    }

    /// The COUNT pair that the context in `place` uses on `access`.
    #[must_use]
    pub fn pair(&self, place: Place, access: AccessType) -> Option<&Pair> {
        self.context(self.counts_place(place))
            .map(|context| context.pair(access))
    }

    pub(in crate::security) fn pair_mut(
        &mut self,
        place: Place,
        access: AccessType,
    ) -> Option<&mut Pair> {
        let home = self.counts_place(place);
        self.context_mut(home)
            .map(|context| context.pair_mut(access))
    }

    /// The place whose context `access` uses now.
    #[must_use]
    pub fn in_use(&self, access: AccessType) -> Place {
        if self.access[access.index()].on_previous {
            Place::Previous
        } else {
            Place::Current
        }
    }

    /// True when secure exchange of NAS messages is established on `access`.
    #[must_use]
    pub fn secured(&self, access: AccessType) -> bool {
        self.access[access.index()].secured
    }

    /// The place of the context with this ngKSI, current first.
    #[must_use]
    pub fn find(&self, ng_ksi: NgKsi) -> Option<Place> {
        Place::ALL
            .into_iter()
            .find(|&place| self.context(place).is_some_and(|c| c.ng_ksi() == ng_ksi))
    }

    /// The next native key set identifier that is neither in use nor `cited` by the UE (R48, cause 71).
    #[must_use]
    pub fn next_ng_ksi(&self, cited: Option<NgKsi>) -> Option<NgKsi> {
        let start = self
            .context(Place::Current)
            .map_or(0, |c| c.ng_ksi().ksi() + 1);
        (0..7)
            .filter_map(|i| NgKsi::native((start + i) % 7))
            .find(|&candidate| self.find(candidate).is_none() && cited != Some(candidate))
    }

    /// Seats `context`, in place of the one that sat there.
    pub(in crate::security) fn seat(
        &mut self,
        place: Place,
        context: Context,
        side: &SidePool,
    ) -> Result<()> {
        let seat = if self.main.is_none() || self.seats[place as usize] == Seat::Main {
            Seat::Main
        } else {
            if self.side.is_none() {
                self.side = Some(side.take()?);
            }
            let room = self.side.as_ref().ok_or(Error::SideFull)?;
            let free = |seat: &SideSeat| room.contexts[usize::from(*seat)].is_none();
            let seat = match self.seats[place as usize] {
                Seat::Side(seat) => Some(seat),
                _ => SideSeat::ALL.into_iter().find(free),
            };
            Seat::Side(seat.ok_or(Error::SideFull)?)
        };
        self.unseat(place);
        self.changed.add(Changed::KEYS);
        self.stamp = Stamp::next();
        match seat {
            Seat::Main => self.main = Some(context),
            Seat::Side(i) => {
                if let Some(room) = self
                    .side
                    .as_mut()
                    .and_then(|s| s.contexts.get_mut(usize::from(i)))
                {
                    *room = Some(context);
                }
            }
            Seat::None => {}
        }
        self.seats[place as usize] = seat;
        Ok(())
    }

    /// Drops and wipes the context in `place`, and with the current one those that share its COUNTs: without
    /// their home they could not count on.
    pub(in crate::security) fn unseat(&mut self, place: Place) {
        if place == Place::Current && self.context(place).is_some() {
            for sharer in [Place::Candidate, Place::Previous] {
                if self.context(sharer).is_some_and(|c| c.shares_counts) {
                    self.unseat(sharer);
                }
            }
        }
        if self.seats[place as usize] != Seat::None {
            self.changed.add(Changed::KEYS);
            self.stamp = Stamp::next();
        }
        match std::mem::take(&mut self.seats[place as usize]) {
            Seat::None => {}
            Seat::Main => self.main = None,
            Seat::Side(i) => {
                if let Some(room) = self
                    .side
                    .as_mut()
                    .and_then(|s| s.contexts.get_mut(usize::from(i)))
                {
                    *room = None;
                }
            }
        }
        for access in &mut self.access {
            if access.last.is_some_and(|last| last.place == place) {
                access.last = None;
            }
        }
    }

    /// The context in `from` takes the part `to`; whatever played it is dropped.
    pub(in crate::security) fn move_to(&mut self, from: Place, to: Place) {
        self.unseat(to);
        // As if one went and another came: who takes the session over has to know which one is current.
        self.changed.add(Changed::KEYS);
        self.stamp = Stamp::next();
        self.seats.swap(from as usize, to as usize);
        for access in &mut self.access {
            if let Some(last) = access.last.as_mut().filter(|last| last.place == from) {
                last.place = to;
            }
        }
    }

    /// Brings a lone context back into the session and gives an empty side room back.
    pub(crate) fn settle(&mut self, pool: &SidePool) {
        if self.main.is_none()
            && let Some((seat, i)) = self.seats.iter_mut().find_map(|seat| match *seat {
                Seat::Side(i) => Some((seat, i)),
                _ => None,
            })
            && let Some(context) = self
                .side
                .as_mut()
                .and_then(|s| s.contexts.get_mut(usize::from(i)))
                .and_then(Context::take_from)
        {
            *seat = Seat::Main;
            self.main = Some(context);
        }
        if self.side.as_ref().is_some_and(|side| side.is_empty())
            && let Some(side) = self.side.take()
        {
            pool.give_back(side);
        }
    }

    /// Keeps the plain message of the running procedure, so that it can be sent again under a fresh COUNT (R10).
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::SideFull`].
    pub fn hold_message(&mut self, message: &[u8], pool: &SidePool) -> Result<()> {
        if self.side.is_none() {
            self.side = Some(pool.take()?);
        }
        let held = self.side.as_mut().ok_or(Error::SideFull)?.hold(message);
        if held.is_err() {
            self.settle(pool);
        }
        held
    }

    /// The message kept, if any.
    #[must_use]
    pub fn held_message(&self) -> Option<&[u8]> {
        self.side
            .as_ref()
            .map(|side| side.held())
            .filter(|held| !held.is_empty())
    }

    /// Forgets the message kept.
    pub fn forget_message(&mut self, pool: &SidePool) {
        if let Some(side) = self.side.as_mut() {
            side.forget();
        }
        self.settle(pool);
    }

    /// Begins a key-changing procedure.
    ///
    /// # Errors
    /// [`Error::Conflict`] while one runs, this kind or another (TS 33.501 6.9.5, R42).
    pub fn begin_key_change(&mut self, kind: KeyChange) -> Result<()> {
        if self.key_change.is_some() {
            return Err(Error::Conflict);
        }
        self.key_change = Some(kind);
        self.changed.add(Changed::STATE);
        Ok(())
    }

    /// Ends the key-changing procedure of this kind.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when no such procedure runs.
    pub fn end_key_change(&mut self, kind: KeyChange) -> Result<()> {
        if self.key_change != Some(kind) {
            return Err(Error::Unexpected);
        }
        self.key_change = None;
        self.changed.add(Changed::STATE);
        Ok(())
    }

    /// The key-changing procedure that runs.
    #[must_use]
    pub fn key_change(&self) -> Option<KeyChange> {
        self.key_change
    }

    /// Every context, with its place.
    pub fn contexts(&self) -> impl Iterator<Item = (Place, &Context)> {
        Place::ALL
            .into_iter()
            .filter_map(|place| self.context(place).map(|context| (place, context)))
    }

    /// Wipes everything and gives the side room back. The UE refuses every protected message afterwards.
    pub fn clear(&mut self, pool: &SidePool) {
        for place in Place::ALL {
            self.unseat(place);
        }
        if let Some(side) = self.side.take() {
            pool.give_back(side);
        }
        let mut changed = self.changed;
        changed.add(Changed::STATE);
        *self = Self {
            changed,
            ..Self::new(self.role)
        };
    }
}
