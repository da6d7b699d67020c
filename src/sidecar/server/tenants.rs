//! Whose session is whose: tenants, their sessions, and the table that a worker asks before it runs a job.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::base::{Error, Result};
use crate::engine::job::op;
use crate::session::attend::Notice;
use crate::session::{Handle, SliceGroup};

/// No tenant.
const NOBODY: u64 = 0;

/// Bits of a tenant's number; the generation of its session stands above.
const TENANT: u32 = 34;

/// Another daemon took the session over.
const FENCED: u64 = 1 << 63;

/// Its uplink messages are not accepted now.
const SHUT: u64 = 1 << 62;

/// The tenant that owns each slot of each worker's table, with the generation of its session and what the store's
/// thread says of it. A look without a lock is enough.
pub(super) struct Owners(Vec<Box<[AtomicU64]>>);

impl Owners {
    /// For tables of these sizes, by worker.
    pub(super) fn new(slots: impl Iterator<Item = usize>) -> Self {
        let table = |slots| (0..slots).map(|_| AtomicU64::new(NOBODY)).collect();
        Self(slots.map(table).collect())
    }

    fn slot(&self, handle: Handle) -> Result<&AtomicU64> {
        let table = self.0.get(usize::from(handle.worker()));
        table
            .and_then(|table| table.get(handle.slot() as usize))
            .ok_or(Error::Handle)
    }

    /// Is it this tenant's?
    ///
    /// # Errors
    /// [`Error::Handle`]: somebody else's, or nobody's; the two look the same from outside.
    #[inline]
    pub(super) fn check(&self, handle: Handle, tenant: u64) -> Result<()> {
        // Relaxed: the tenant learnt of its session by a message that came after the store.
        let word = self.slot(handle)?.load(Ordering::Relaxed);
        let own = Self::word(handle, tenant);
        if word == own || word == own | SHUT {
            Ok(())
        } else if word & !SHUT == own | FENCED {
            Err(Error::Fenced)
        } else {
            Err(Error::Handle)
        }
    }

    /// May this tenant have this done to it?
    ///
    /// # Errors
    /// As [`Owners::check`]; [`Error::LeaseExhausted`] for an uplink message while this daemon does not know whether it
    /// still owns the session.
    #[inline]
    pub(super) fn admit(&self, handle: Handle, tenant: u64, operation: u8) -> Result<()> {
        let word = self.slot(handle)?.load(Ordering::Relaxed);
        if word == Self::word(handle, tenant) {
            return Ok(());
        }
        self.check(handle, tenant)?;
        match operation {
            op::PROTECT | op::SMC_COMMAND | op::SMC_RESEND => Ok(()),
            _ => Err(Error::LeaseExhausted),
        }
    }

    /// Whose session it is; `None`: nobody's, or another daemon's by now.
    #[cfg(feature = "nssaa")]
    pub(super) fn tenant_of(&self, handle: Handle) -> Option<u64> {
        let word = self.slot(handle).ok()?.load(Ordering::Relaxed) & !SHUT;
        let tenant = word & ((1 << TENANT) - 1);
        (tenant != NOBODY && word == Self::word(handle, tenant)).then_some(tenant)
    }

    fn word(handle: Handle, tenant: u64) -> u64 {
        u64::from(handle.generation()) << TENANT | tenant
    }

    /// What the store's thread says.
    pub(super) fn obey(&self, notice: Notice) {
        match notice {
            Notice::Fenced(handle) => self.mark(handle, |word| word | FENCED),
            Notice::Uplink(handle, true) => self.mark(handle, |word| word & !SHUT),
            Notice::Uplink(handle, false) => {
                self.mark(handle, |word| word | SHUT);
                self.shut_early(handle);
            }
        }
    }

    /// A session that nobody has yet is shut for whoever gets it.
    fn shut_early(&self, handle: Handle) {
        if let Ok(slot) = self.slot(handle) {
            let shut = Self::word(handle, NOBODY) | SHUT;
            let relaxed = Ordering::Relaxed;
            let _ = slot.compare_exchange(NOBODY, shut, relaxed, relaxed);
        }
    }

    /// Changes the word of a session, unless its slot is nobody's or another session's.
    fn mark(&self, handle: Handle, change: impl Fn(u64) -> u64) {
        let Ok(slot) = self.slot(handle) else { return };
        let generation = |word: u64| (word & !(FENCED | SHUT)) >> TENANT;
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let own = word != NOBODY && generation(word) == u64::from(handle.generation());
            own.then(|| change(word))
        });
    }

    fn set(&self, handle: Handle, tenant: u64) -> Result<()> {
        let (own, nobodys) = (Self::word(handle, tenant), Self::word(handle, NOBODY));
        let taken = |before: u64| {
            let shut = before == nobodys | SHUT;
            Some(if shut { own | SHUT } else { own })
        };
        let _ = self
            .slot(handle)?
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
        Ok(())
    }

    fn forget(&self, handle: Handle) {
        self.mark(handle, |_| NOBODY);
    }
}

/// Who has sessions: a connection, or what one left behind.
#[derive(Debug)]
struct Tenant {
    uid: u32,
    name: String,
    /// Handle and tag.
    sessions: BTreeMap<u64, u64>,
    /// When its client went away.
    left: Option<Instant>,
    /// Settings and refusals of slice authentication.
    slices: Arc<SliceGroup>,
}

/// All tenants.
#[derive(Debug)]
pub(super) struct Tenants {
    all: HashMap<u64, Tenant>,
    next: u64,
    /// Sessions of the daemon before this one, by the owner that they were signed with.
    orphans: HashMap<u64, Vec<(Handle, u64)>>,
    born: Instant,
}

/// What a session is signed with: the same number for the same user and name, in every daemon. 0 without a name.
fn signature(uid: u32, name: &str) -> u64 {
    if name.is_empty() {
        return NOBODY;
    }
    let digest = Sha256::new()
        .chain_update(uid.to_be_bytes())
        .chain_update(name.as_bytes())
        .finalize();
    let number = digest
        .first_chunk()
        .map_or(0, |octets| u64::from_be_bytes(*octets));
    number | 1
}

impl Tenants {
    pub(super) fn new() -> Self {
        Self {
            all: HashMap::new(),
            next: NOBODY + 1,
            orphans: HashMap::new(),
            born: Instant::now(),
        }
    }

    /// A client said hello. With a name it takes over what the client of the same name and user left behind.
    ///
    /// # Errors
    /// [`Error::Busy`] while a client of this name and user is connected; [`Error::Quota`] after 2^34 clients.
    pub(super) fn enter(&mut self, uid: u32, name: &str) -> Result<u64> {
        let same = |(_, tenant): &(&u64, &mut Tenant)| {
            !name.is_empty() && tenant.uid == uid && tenant.name == name
        };
        if let Some((&number, tenant)) = self.all.iter_mut().find(same) {
            if tenant.left.is_none() {
                return Err(Error::Busy);
            }
            tenant.left = None;
            return Ok(number);
        }
        let number = self.next;
        if number >> TENANT != 0 {
            return Err(Error::Quota); // a connection each microsecond for five hours
        }
        self.next += 1;
        let tenant = Tenant {
            uid,
            name: name.to_owned(),
            sessions: BTreeMap::new(),
            left: None,
            slices: Arc::default(),
        };
        self.all.insert(number, tenant);
        Ok(number)
    }

    /// A session of the daemon before this one waits for whoever it was signed for.
    pub(super) fn leave_behind(&mut self, owner: u64, session: (Handle, u64)) {
        self.orphans.entry(owner).or_default().push(session);
    }

    /// A tenant that came back takes the sessions that were signed for it.
    pub(super) fn come_back(&mut self, number: u64, owners: &Owners) {
        let signed = self.orphans.remove(&self.owner(number)).unwrap_or_default();
        for session in signed {
            // Its table is this daemon's: it was found there.
            let _ = self.add(number, session, owners);
        }
    }

    /// What the sessions of a tenant are signed with; 0: it has no name.
    pub(super) fn owner(&self, number: u64) -> u64 {
        let tenant = self.of(number);
        tenant.map_or(NOBODY, |tenant| signature(tenant.uid, &tenant.name))
    }

    /// Sessions of the daemon before this one that nobody came for in so long; they are to be released.
    pub(super) fn abandoned(&mut self, patience: Duration) -> Vec<Handle> {
        if self.orphans.is_empty() || self.born.elapsed() < patience {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.orphans).into_values().flatten();
        all.map(|(handle, _)| handle).collect()
    }

    /// Its client went away and its sessions wait.
    ///
    /// # Errors
    /// [`Error::Argument`] without a name: nobody could come back for them.
    pub(super) fn leave(&mut self, number: u64) -> Result<()> {
        let tenant = self.all.get_mut(&number).ok_or(Error::Argument)?;
        if tenant.name.is_empty() {
            return Err(Error::Argument);
        }
        tenant.left = Some(Instant::now());
        Ok(())
    }

    /// Forgets a tenant; its sessions are to be released.
    pub(super) fn remove(&mut self, number: u64, owners: &Owners) -> Vec<Handle> {
        let Some(tenant) = self.all.remove(&number) else {
            return Vec::new();
        };
        let handles = tenant.sessions.into_keys().map(Handle::from_bits);
        handles
            .filter_map(|handle| handle.inspect(|&own| owners.forget(own)).ok())
            .collect()
    }

    /// Tenants that have waited for so long.
    pub(super) fn expired(&self, patience: Duration) -> Vec<u64> {
        let late = |tenant: &Tenant| tenant.left.is_some_and(|left| left.elapsed() >= patience);
        let found = self.all.iter().filter(|(_, tenant)| late(tenant));
        found.map(|(number, _)| *number).collect()
    }

    fn of(&self, number: u64) -> Option<&Tenant> {
        self.all.get(&number)
    }

    /// A session is this tenant's from now on.
    pub(super) fn add(
        &mut self,
        number: u64,
        (handle, tag): (Handle, u64),
        owners: &Owners,
    ) -> Result<()> {
        let tenant = self.all.get_mut(&number).ok_or(Error::Handle)?;
        owners.set(handle, number)?;
        tenant.sessions.insert(handle.bits(), tag);
        Ok(())
    }

    /// A session is nobody's from now on.
    pub(super) fn drop_session(&mut self, number: u64, handle: Handle, owners: &Owners) {
        if let Some(tenant) = self.all.get_mut(&number)
            && tenant.sessions.remove(&handle.bits()).is_some()
        {
            owners.forget(handle);
        }
    }

    /// The session that this tenant has under this number.
    ///
    /// # Errors
    /// [`Error::Handle`].
    pub(super) fn own(&self, number: u64, session: u64) -> Result<Handle> {
        let tenant = self.of(number).ok_or(Error::Handle)?;
        if tenant.sessions.contains_key(&session) {
            Handle::from_bits(session)
        } else {
            Err(Error::Handle)
        }
    }

    /// What its sessions have in common in slice authentication.
    ///
    /// # Errors
    /// [`Error::Handle`] for a tenant that is gone.
    pub(super) fn slices(&self, number: u64) -> Result<&Arc<SliceGroup>> {
        let tenant = self.of(number).ok_or(Error::Handle)?;
        Ok(&tenant.slices)
    }

    /// Sessions of a tenant.
    pub(super) fn count(&self, number: u64) -> usize {
        self.of(number).map_or(0, |tenant| tenant.sessions.len())
    }

    /// Sessions of a user, those that wait for a client included.
    pub(super) fn count_of_user(&self, uid: u32) -> usize {
        let own = self.all.values().filter(|tenant| tenant.uid == uid);
        own.map(|tenant| tenant.sessions.len()).sum()
    }

    /// Handles above `after` with their tags.
    pub(super) fn list(&self, number: u64, after: u64, most: usize) -> Vec<(u64, u64)> {
        let Some(tenant) = self.of(number) else {
            return Vec::new();
        };
        let above = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let rows = tenant.sessions.range(above).take(most);
        rows.map(|(&handle, &tag)| (handle, tag)).collect()
    }

    /// The tag of a session; 0 for one that this tenant does not have.
    pub(super) fn tag(&self, number: u64, session: u64) -> u64 {
        let sessions = self.of(number).map(|tenant| &tenant.sessions);
        let tag = sessions.and_then(|sessions| sessions.get(&session));
        tag.copied().unwrap_or_default()
    }

    /// Sessions that wait for their client.
    pub(super) fn kept(&self) -> u64 {
        let waiting = self.all.values().filter(|tenant| tenant.left.is_some());
        let orphans = self.orphans.values().map(|sessions| sessions.len() as u64);
        waiting
            .map(|tenant| tenant.sessions.len() as u64)
            .chain(orphans)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(worker: u8, slot: u32) -> Handle {
        Handle::new(worker, 1, slot)
    }

    #[test]
    fn a_session_has_one_owner() {
        let owners = Owners::new([4, 4].into_iter());
        let mut tenants = Tenants::new();
        let (a, b) = (tenants.enter(1, "").unwrap(), tenants.enter(1, "").unwrap());
        tenants.add(a, (handle(1, 3), 77), &owners).unwrap();
        assert_eq!(owners.check(handle(1, 3), a), Ok(()));
        for (handle, tenant) in [
            (handle(1, 3), b),
            (handle(0, 3), a),
            (handle(1, 4), a),
            (handle(2, 0), a),
        ] {
            assert_eq!(owners.check(handle, tenant), Err(Error::Handle));
        }
        assert_eq!(tenants.own(b, handle(1, 3).bits()), Err(Error::Handle));
        assert_eq!((tenants.count_of_user(1), tenants.count_of_user(2)), (1, 0));
        assert_eq!(tenants.own(a, handle(1, 3).bits()), Ok(handle(1, 3)));
        assert_eq!(tenants.list(a, 0, 9), [(handle(1, 3).bits(), 77)]);
        assert_eq!(tenants.list(a, handle(1, 3).bits(), 9), []);
        // Another tenant cannot take it away.
        tenants.drop_session(b, handle(1, 3), &owners);
        assert_eq!(owners.check(handle(1, 3), a), Ok(()));
        tenants.drop_session(a, handle(1, 3), &owners);
        assert_eq!(owners.check(handle(1, 3), a), Err(Error::Handle));
        let wrong = tenants.add(a, (handle(7, 0), 1), &owners);
        assert_eq!((wrong, tenants.count(a)), (Err(Error::Handle), 0));
    }

    #[test]
    fn what_the_store_says_concerns_one_session_of_a_slot() {
        let owners = Owners::new([4].into_iter());
        let (before, now) = (Handle::new(0, 1, 2), Handle::new(0, 2, 2));
        owners.set(now, 5).unwrap();
        owners.obey(Notice::Fenced(before));
        owners.obey(Notice::Uplink(before, false));
        assert_eq!(owners.admit(now, 5, op::VERIFY), Ok(()));
        owners.obey(Notice::Uplink(now, false));
        assert_eq!(owners.admit(now, 5, op::PROTECT), Ok(()));
        let verify = owners.admit(now, 5, op::VERIFY);
        assert_eq!(verify, Err(Error::LeaseExhausted));
        assert_eq!(owners.admit(now, 6, op::VERIFY), Err(Error::Handle));
        owners.obey(Notice::Uplink(now, true));
        assert_eq!(owners.admit(now, 5, op::VERIFY), Ok(()));
        owners.obey(Notice::Fenced(now));
        assert_eq!(owners.admit(now, 5, op::PROTECT), Err(Error::Fenced));
        assert_eq!(owners.check(now, 5), Err(Error::Fenced));
        assert_eq!(owners.check(now, 6), Err(Error::Handle));
        owners.forget(before);
        assert_eq!(owners.check(now, 5), Err(Error::Fenced));
        owners.forget(now);
        owners.obey(Notice::Fenced(now));
        assert_eq!(owners.check(now, 5), Err(Error::Handle));
    }

    #[test]
    fn sessions_of_the_daemon_before_wait_for_whom_they_were_signed() {
        let owners = Owners::new([4].into_iter());
        let mut before = Tenants::new();
        let amf = before.enter(1, "amf").unwrap();
        let nameless = before.enter(1, "").unwrap();
        let (own, none) = (before.owner(amf), before.owner(nameless));
        assert!(own != 0 && none == 0);
        let mut tenants = Tenants::new();
        tenants.leave_behind(own, (handle(0, 2), 9));
        assert_eq!(tenants.kept(), 1);
        for (uid, name) in [(2, "amf"), (1, "fma"), (1, "")] {
            let stranger = tenants.enter(uid, name).unwrap();
            tenants.come_back(stranger, &owners);
            assert_eq!(tenants.count(stranger), 0);
        }
        let amf = tenants.enter(1, "amf").unwrap();
        tenants.come_back(amf, &owners);
        assert_eq!(tenants.list(amf, 0, 9), [(handle(0, 2).bits(), 9)]);
        assert_eq!(owners.check(handle(0, 2), amf), Ok(()));
        assert_eq!(tenants.kept(), 0);
        tenants.leave_behind(7, (handle(0, 3), 9));
        assert_eq!(tenants.abandoned(Duration::from_secs(60)), []);
        assert_eq!(tenants.abandoned(Duration::ZERO), [handle(0, 3)]);
        assert_eq!(tenants.kept(), 0);
    }

    #[test]
    fn what_was_left_behind_waits_for_name_and_user() {
        let owners = Owners::new([4].into_iter());
        let mut tenants = Tenants::new();
        let amf = tenants.enter(1, "amf").unwrap();
        tenants.add(amf, (handle(0, 0), 5), &owners).unwrap();
        assert_eq!(tenants.enter(1, "amf"), Err(Error::Busy));
        tenants.leave(amf).unwrap();
        assert_eq!(tenants.kept(), 1);
        let stranger = tenants.enter(2, "amf").unwrap();
        assert_eq!(tenants.count(stranger), 0);
        assert_eq!(tenants.enter(1, "amf"), Ok(amf));
        assert_eq!((tenants.count(amf), tenants.kept()), (1, 0));
        let nameless = tenants.enter(1, "").unwrap();
        assert_eq!(tenants.leave(nameless), Err(Error::Argument));
        tenants.leave(amf).unwrap();
        assert_eq!(tenants.expired(Duration::from_secs(60)), [0; 0]);
        assert_eq!(tenants.expired(Duration::ZERO), [amf]);
        assert_eq!(tenants.remove(amf, &owners), [handle(0, 0)]);
        assert_eq!(owners.check(handle(0, 0), amf), Err(Error::Handle));
    }
}
