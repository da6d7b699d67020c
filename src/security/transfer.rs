//! What the record of a session reads from a UE's contexts, and how it puts them back: every value as it is, or
//! none.

use crate::base::{AccessType, Error, Result};
use crate::kdf::NhChain;

use super::binding::Changed;
use super::context::{Algorithms, Context, Identity};
use super::count::{LIMIT, Pair};
use super::side::SidePool;
use super::ue::{Access, AsCount, Place, UeSecurity};

/// A context as it stood.
pub(crate) struct StoredContext {
    /// The part it played.
    pub(crate) place: Place,
    /// What it was made from.
    pub(crate) identity: Identity,
    /// `None` for a partial context.
    pub(crate) algorithms: Option<Algorithms>,
    /// `None` for one that has the K_AMF, and so the COUNTs, of the current context.
    pub(crate) counts: Option<[Pair; 2]>,
}

/// The state of one NAS connection as it stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredAccess {
    pub(crate) secured: bool,
    pub(crate) on_previous: bool,
    pub(crate) initial_accepted: bool,
    pub(crate) as_count: Option<u32>,
}

impl Context {
    /// True when this context counts on with the current one's COUNTs.
    pub(crate) fn shares_counts(&self) -> bool {
        self.shares_counts
    }

    /// The COUNTs kept in this context itself.
    pub(crate) fn own_pair(&self, access: AccessType) -> &Pair {
        self.pair(access)
    }

    /// One K_AMF. The capability may differ: a command may have renewed it.
    fn same_key(&self, other: &Identity) -> bool {
        *self.k_amf() == other.k_amf
            && self.ng_ksi() == other.ng_ksi
            && self.emergency() == other.emergency
    }
}

impl UeSecurity {
    /// What changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Changed {
        self.changed.take()
    }

    /// Something did.
    #[inline]
    pub(crate) const fn has_changed(&self) -> bool {
        self.changed.any()
    }

    /// The NH chain, once K_gNB was derived.
    pub(crate) fn nh(&self) -> Option<&NhChain> {
        self.nh.as_ref()
    }

    /// The state of one NAS connection.
    pub(crate) fn access_state(&self, access: AccessType) -> StoredAccess {
        let Access {
            secured,
            on_previous,
            initial_accepted,
            as_count,
            ..
        } = self.access[access.index()];
        StoredAccess {
            secured,
            on_previous,
            initial_accepted,
            as_count: as_count.map(AsCount::value),
        }
    }

    /// The context in `place` accepts no late COUNT that its record left open.
    pub(crate) fn close_windows(&mut self, place: Place) {
        for access in AccessType::ALL {
            if let Some(pair) = self.pair_mut(place, access) {
                pair.receive.close_window();
            }
        }
    }

    /// Goes on with an NH chain.
    pub(crate) fn resume_nh(&mut self, nh: NhChain) {
        self.nh = Some(nh);
    }

    /// Goes on with a context: the current one first.
    ///
    /// # Errors
    /// [`Error::Record`] when no sequence of procedures leads to such a context in that place;
    /// [`Error::SideFull`].
    pub(crate) fn resume_context(&mut self, stored: StoredContext, side: &SidePool) -> Result<()> {
        let StoredContext {
            place,
            identity,
            algorithms,
            counts,
        } = stored;
        let mapped_spare = place == Place::NonCurrent && identity.ng_ksi.is_mapped();
        let partial_in_use = place != Place::NonCurrent && algorithms.is_none();
        // The previous context waits for the other access, and until then no procedure makes a candidate.
        let both = place == Place::Previous && self.context(Place::Candidate).is_some();
        if self.context(place).is_some() || mapped_spare || partial_in_use || both {
            return Err(Error::Record);
        }
        let mut context = match counts {
            Some(counts) => {
                let mut context = Context::partial(identity).map_err(|_| Error::Record)?;
                context.resume(counts);
                context
            }
            None => {
                let current = self
                    .context(Place::Current)
                    .filter(|current| current.same_key(&identity));
                let may_share = matches!(place, Place::Candidate | Place::Previous);
                let mut context = current
                    .filter(|_| may_share)
                    .ok_or(Error::Record)?
                    .sibling()?;
                context.renew_capability(identity.ue_sec_cap);
                context
            }
        };
        if let Some(algorithms) = algorithms {
            context.activate(algorithms).map_err(|_| Error::Record)?;
        }
        self.seat(place, context, side)
    }

    /// Goes on with a NAS connection; after its contexts.
    ///
    /// # Errors
    /// [`Error::Record`] when the state names a context that is not there, or a COUNT that does not exist.
    pub(crate) fn resume_access(&mut self, access: AccessType, stored: StoredAccess) -> Result<()> {
        let StoredAccess {
            secured,
            on_previous,
            initial_accepted,
            as_count,
        } = stored;
        let place = if on_previous {
            Place::Previous
        } else {
            Place::Current
        };
        let used = secured || on_previous || initial_accepted;
        if (used && self.context(place).is_none()) || as_count.is_some_and(|count| count >= LIMIT) {
            return Err(Error::Record);
        }
        self.access[access.index()] = Access {
            secured,
            on_previous,
            initial_accepted,
            as_count: as_count.and_then(AsCount::new),
            last: None,
        };
        Ok(())
    }
}
