//! The slices of one UE: what the subscription says of each, its status, and on which access it was asked for.

use arrayvec::ArrayVec;

use crate::base::AccessType;
use crate::nas::nssaa::{ALLOWED_MAX, REJECTED_MAX, Rejected, RejectionCause, SNssai, Slice};

use super::event::Status;

/// Slices that are kept: 16 of the subscription (TS 23.501 5.15.3), and as many of the one before it until the UE knows.
pub(super) const KEPT: usize = 32;

/// A set of accesses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Accesses(pub(super) u8);

impl Accesses {
    pub(super) const BOTH: u8 = 3;

    pub(super) const fn has(self, access: AccessType) -> bool {
        self.0 & access as u8 != 0
    }

    pub(super) fn put(&mut self, access: AccessType) {
        self.0 |= access as u8;
    }

    pub(super) fn drop(&mut self, access: AccessType) {
        self.0 &= !(access as u8);
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = AccessType> {
        AccessType::ALL
            .into_iter()
            .filter(move |access| self.has(*access))
    }
}

/// Why a due run does not begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wait {
    /// It may begin.
    #[default]
    No,
    /// The UE did not answer: until it sends something.
    Uplink,
    /// The AAA server did not answer: until the retry timer expires.
    Retry,
    /// It was tried often enough: until the next registration.
    Registration,
}

/// An EAP-Success or EAP-Failure that the UE does not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) access: AccessType,
    pub(super) eap: [u8; 4],
}

/// One slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) slice: Slice,
    pub(super) subscribed: bool,
    /// Subject to NSSAA.
    pub(super) requires: bool,
    pub(super) default: bool,
    pub(super) status: Option<Status>,
    /// Stays in the Allowed NSSAI while it is authenticated again.
    pub(super) in_place: bool,
    pub(super) due: bool,
    pub(super) wait: Wait,
    pub(super) tries: u8,
    /// Part of the requested, or added as default.
    pub(super) asked: Accesses,
    /// Refused by slice admission control.
    pub(super) barred: Accesses,
    /// In the Rejected NSSAI of the UE, or about to be.
    pub(super) rejected: Accesses,
    /// Not yet told.
    pub(super) tell: Accesses,
    /// Told, not yet acknowledged.
    pub(super) told: Accesses,
    pub(super) cause: RejectionCause,
    pub(super) release: bool,
    pub(super) result: Option<Owed>,
}

impl Entry {
    pub(super) fn new(slice: Slice) -> Self {
        Self {
            slice,
            subscribed: false,
            requires: false,
            default: false,
            status: None,
            in_place: false,
            due: false,
            wait: Wait::No,
            tries: 0,
            asked: Accesses::default(),
            barred: Accesses::default(),
            rejected: Accesses::default(),
            tell: Accesses::default(),
            told: Accesses::default(),
            cause: RejectionCause::NSSAA,
            release: false,
            result: None,
        }
    }

    pub(super) fn key(&self) -> SNssai {
        self.slice.hplmn()
    }

    /// May stand in an Allowed NSSAI as far as NSSAA goes.
    pub(super) fn granted(&self) -> bool {
        let authorised = !self.requires || self.in_place;
        self.subscribed && (authorised || self.status == Some(Status::EapSuccess))
    }

    pub(super) fn allowed_on(&self, access: AccessType) -> bool {
        self.asked.has(access) && !self.barred.has(access) && self.granted()
    }

    pub(super) fn pending_on(&self, access: AccessType) -> bool {
        let pending = self.requires && self.status == Some(Status::Pending);
        self.asked.has(access) && pending && !self.granted()
    }

    /// A default that needs no run of its own.
    pub(super) fn fallback_on(&self, access: AccessType) -> bool {
        self.default && self.granted() && !self.barred.has(access)
    }

    /// A run is to be made.
    pub(super) fn owe_run(&mut self) {
        self.status = Some(Status::Pending);
        self.due = true;
        self.wait = Wait::No;
        self.tries = 0;
    }

    /// No run is to be made, and nothing is known.
    pub(super) fn forget(&mut self) {
        self.status = None;
        self.due = false;
        self.in_place = false;
        self.wait = Wait::No;
        self.tries = 0;
    }

    /// Everything about one access.
    pub(super) fn leave(&mut self, access: AccessType) {
        for set in [
            &mut self.asked,
            &mut self.barred,
            &mut self.rejected,
            &mut self.tell,
            &mut self.told,
        ] {
            set.drop(access);
        }
    }

    /// Out of the Allowed or Pending NSSAI, into the Rejected NSSAI of `accesses`.
    pub(super) fn reject(&mut self, accesses: Accesses, cause: RejectionCause) {
        for access in accesses.iter() {
            self.asked.drop(access);
            self.rejected.put(access);
            self.tell.put(access);
            self.told.drop(access);
        }
        self.cause = cause;
    }

    fn rejection(&self) -> Rejected {
        Rejected::new(self.slice, self.cause)
    }

    /// Nothing would be lost with it.
    fn is_idle(&self) -> bool {
        !self.subscribed
            && self.result.is_none()
            && !self.release
            && (self.asked.0 | self.tell.0 | self.told.0 | self.rejected.0) == 0
    }
}

/// All slices of a UE, in the order of the subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Slices(ArrayVec<Entry, KEPT>);

impl Slices {
    pub(super) fn get(&self, s_nssai: SNssai) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key() == s_nssai)
    }

    pub(super) fn get_mut(&mut self, s_nssai: SNssai) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.key() == s_nssai)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.0.iter_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Slots that a new subscription finds free or may take.
    pub(super) fn room(&self) -> usize {
        KEPT - self.0.iter().filter(|entry| !entry.is_idle()).count()
    }

    /// Adds a slice when there is room.
    pub(super) fn add(&mut self, entry: Entry) -> bool {
        if self.0.is_full() {
            self.0.retain(|entry| !entry.is_idle());
        }
        self.0.try_push(entry).is_ok()
    }

    pub(super) fn allowed(&self, access: AccessType) -> ArrayVec<Slice, ALLOWED_MAX> {
        let allowed = self.0.iter().filter(|entry| entry.allowed_on(access));
        allowed.map(|entry| entry.slice).take(ALLOWED_MAX).collect()
    }

    pub(super) fn pending(&self, access: AccessType) -> ArrayVec<Slice, ALLOWED_MAX> {
        let pending = self.0.iter().filter(|entry| entry.pending_on(access));
        pending.map(|entry| entry.slice).take(ALLOWED_MAX).collect()
    }

    /// The slices that the next CONFIGURATION UPDATE COMMAND rejects: the first of those not told yet.
    pub(super) fn news(&self, access: AccessType) -> ArrayVec<Rejected, REJECTED_MAX> {
        let news = self.0.iter().filter(|entry| entry.tell.has(access));
        news.map(Entry::rejection).take(REJECTED_MAX).collect()
    }

    /// All rejected slices of an access, for a DEREGISTRATION REQUEST.
    pub(super) fn rejected(&self, access: AccessType) -> ArrayVec<Rejected, REJECTED_MAX> {
        let rejected = self.0.iter().filter(|entry| entry.rejected.has(access));
        rejected.map(Entry::rejection).take(REJECTED_MAX).collect()
    }

    /// The news were sent. True when there are more.
    pub(super) fn tell_news(&mut self, access: AccessType) -> bool {
        let news = self.0.iter_mut().filter(|entry| entry.tell.has(access));
        for entry in news.take(REJECTED_MAX) {
            entry.tell.drop(access);
            entry.told.put(access);
        }
        self.0.iter().any(|entry| entry.tell.has(access))
    }
}
