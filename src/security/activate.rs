//! How contexts come, become current and go: authentication, mapping, candidates (TS 33.501 6.3, 6.4.5, 6.9.3).

use crate::algorithm::Nia;
use crate::base::{AccessType, Error, NgKsi, Result};
use crate::kdf::{KAmf, NhChain, PreparedNh};
use crate::nas::UeSecurityCapability;

use super::binding::{Changed, Resources};
use super::context::{Algorithms, Context, Identity, Kind, Role};
use super::count::Pair;
use super::ue::{Access, AsCount, Place, UeSecurity};

/// What a security mode command takes into use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The current context as it is: a second access, a fresh UL COUNT, or EPS algorithms to be told.
    Current,
    /// The current K_AMF with other algorithms; COUNTs go on (TS 33.501 6.4.5).
    NewAlgorithms(Algorithms),
    /// The partial native context of the latest authentication; COUNTs start at 0.
    Partial(Algorithms),
    /// A full native non-current context; its COUNTs go on.
    NonCurrent,
}

impl UeSecurity {
    /// Primary authentication succeeded: a new partial native context, non-current, in place of an earlier
    /// non-current one (TS 33.501 3.1).
    ///
    /// # Errors
    /// [`Error::NgKsi`] when ngKSI is not native or names the current context; [`Error::Conflict`] during a
    /// key-changing procedure; [`Error::KeyReused`].
    pub fn authenticated(&mut self, identity: Identity, from: Resources<'_>) -> Result<()> {
        if identity.ng_ksi.is_mapped() || self.names_other(identity.ng_ksi, Place::NonCurrent) {
            return Err(Error::NgKsi);
        }
        self.install(Place::NonCurrent, identity, from)
    }

    /// An EPS context was mapped (TS 33.501 A.15): a candidate that waits for its security mode command.
    ///
    /// # Errors
    /// As [`UeSecurity::authenticated`]; ngKSI must be mapped.
    pub fn mapped(
        &mut self,
        identity: Identity,
        algorithms: Algorithms,
        from: Resources<'_>,
    ) -> Result<()> {
        if !identity.ng_ksi.is_mapped() {
            return Err(Error::NgKsi);
        }
        self.install_candidate(identity, algorithms, from)
    }

    /// Horizontal derivation: K_AMF' becomes a candidate with the ngKSI of the current context and both COUNT
    /// pairs at 0 (TS 33.501 6.9.3). The AMF calls it with a K_AMF' that it derived or received.
    ///
    /// # Errors
    /// [`Error::NoContext`] without a current context, and those of [`UeSecurity::authenticated`].
    pub fn horizontal(
        &mut self,
        k_amf_prime: KAmf,
        algorithms: Algorithms,
        from: Resources<'_>,
    ) -> Result<()> {
        let current = self.context(Place::Current).ok_or(Error::NoContext)?;
        let identity = Identity {
            k_amf: k_amf_prime,
            ng_ksi: current.ng_ksi(),
            ue_sec_cap: *current.ue_sec_cap(),
            emergency: current.emergency(),
        };
        self.install_candidate(identity, algorithms, from)
    }

    /// A key from elsewhere that begins as a native candidate of its own: K_AMF' of another AMF, or the key of an
    /// emergency session. A non-current context goes only when one of its name is taken into use.
    ///
    /// # Errors
    /// As [`UeSecurity::authenticated`].
    pub(crate) fn adopt(
        &mut self,
        identity: Identity,
        algorithms: Algorithms,
        from: Resources<'_>,
    ) -> Result<()> {
        let named = |place| {
            self.context(place)
                .is_some_and(|c| c.ng_ksi() == identity.ng_ksi)
        };
        if identity.ng_ksi.is_mapped() || named(Place::Current) || named(Place::Previous) {
            return Err(Error::NgKsi);
        }
        self.install_candidate(identity, algorithms, from)
    }

    fn names_other(&self, ng_ksi: NgKsi, replaced: Place) -> bool {
        self.contexts()
            .any(|(place, context)| place != replaced && context.ng_ksi() == ng_ksi)
    }

    fn install(&mut self, place: Place, identity: Identity, from: Resources<'_>) -> Result<()> {
        if self.key_change().is_some() {
            return Err(Error::Conflict);
        }
        self.seat_fresh(place, Context::partial(identity)?, from)?;
        self.settle(from.side);
        Ok(())
    }

    /// Seats a context whose COUNTs start at 0: only with a key that the guard admits.
    fn seat_fresh(&mut self, place: Place, context: Context, from: Resources<'_>) -> Result<()> {
        let k_amf = context.k_amf().clone();
        from.keys.admit(self.role(), &k_amf)?;
        self.seat(place, context, from.side)
            .inspect_err(|_| from.keys.withdraw(self.role(), &k_amf))
    }

    fn install_candidate(
        &mut self,
        identity: Identity,
        algorithms: Algorithms,
        from: Resources<'_>,
    ) -> Result<()> {
        if self.key_change().is_some() || self.context(Place::Previous).is_some() {
            return Err(Error::Conflict);
        }
        let mut context = Context::partial(identity)?;
        context.activate_with(algorithms, |k_amf, of| from.keys.derived(k_amf, of))?;
        self.seat_fresh(Place::Candidate, context, from)
    }

    /// Makes the candidate that `target` names, and says which place a SECURITY MODE COMMAND is protected from.
    /// Nothing else changes: the current context stays in use.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] when there is no such context; [`Error::Conflict`] while the other access still
    /// waits for its own command; [`Error::NullIntegrity`]; [`Error::SideFull`].
    pub fn make_candidate(
        &mut self,
        target: Target,
        access: AccessType,
        from: Resources<'_>,
    ) -> Result<Place> {
        let waits = self.context(Place::Previous).is_some();
        // A UE is asked again over the access that went first when its answer was lost.
        let own = self.in_use(access) == Place::Previous || self.role() == Role::Ue;
        if waits && !(target == Target::Current && own) {
            return Err(Error::Conflict);
        }
        match target {
            Target::Current => {
                let current = self.context(Place::Current).ok_or(Error::OutOfOrder)?;
                current.algorithms().ok_or(Error::OutOfOrder)?;
                Ok(Place::Current)
            }
            Target::NewAlgorithms(algorithms) => {
                let current = self.context(Place::Current).ok_or(Error::OutOfOrder)?;
                let kept = current.algorithms().ok_or(Error::OutOfOrder)?;
                // A null-integrity context lets anybody move its COUNTs, and wraps them: it shares none with a key.
                if (kept.nia == Nia::Nia0) != (algorithms.nia == Nia::Nia0) {
                    return Err(Error::NullIntegrity);
                }
                let mut sibling = current.sibling()?;
                sibling.activate_with(algorithms, |k_amf, of| from.keys.derived(k_amf, of))?;
                self.seat(Place::Candidate, sibling, from.side)?;
                Ok(Place::Candidate)
            }
            Target::Partial(algorithms) => {
                let partial = self
                    .context_mut(Place::NonCurrent)
                    .ok_or(Error::OutOfOrder)?;
                if partial.algorithms().is_some() {
                    return Err(Error::OutOfOrder);
                }
                partial.activate_with(algorithms, |k_amf, of| from.keys.derived(k_amf, of))?;
                self.move_to(Place::NonCurrent, Place::Candidate);
                Ok(Place::Candidate)
            }
            Target::NonCurrent => {
                let spare = self.context(Place::NonCurrent).ok_or(Error::OutOfOrder)?;
                spare.algorithms().ok_or(Error::OutOfOrder)?;
                self.move_to(Place::NonCurrent, Place::Candidate);
                Ok(Place::Candidate)
            }
        }
    }

    /// The security mode procedure over `access` succeeded for the context in `place` (current or candidate).
    /// `ul_count` is that of the SECURITY MODE COMPLETE: K_gNB comes from it (TS 33.501 6.9.5).
    pub(crate) fn taken_into_use(
        &mut self,
        place: Place,
        access: AccessType,
        ul_count: u32,
        from: Resources<'_>,
    ) {
        self.changed.add(Changed::STATE);
        match place {
            Place::Candidate => self.promote(access),
            // Over the access that went first, the other one still waits on the context before.
            _ if self.access[access.index()].on_previous => self.retire_previous(from.side),
            _ => {}
        }
        let state = &mut self.access[access.index()];
        state.secured = true;
        state.as_count = AsCount::new(ul_count);
        // The chain is 3GPP access's: a command over the other one leaves it, as long as 3GPP access goes on.
        if access == AccessType::ThreeGpp || !self.secured(AccessType::ThreeGpp) {
            self.nh = None;
        }
        self.settle(from.side);
    }

    pub(in crate::security) fn promote(&mut self, access: AccessType) {
        let mut other_waits = false;
        let spare = self.context(Place::NonCurrent).map(Context::ng_ksi);
        if spare.is_some() && spare == self.context(Place::Candidate).map(Context::ng_ksi) {
            self.unseat(Place::NonCurrent);
        }
        if self.context(Place::Current).is_some() {
            self.inherit_counts();
            let other = access.other();
            other_waits = self.access[other.index()].secured;
            let new_is_mapped = self
                .context(Place::Candidate)
                .is_some_and(|c| c.kind() == Kind::Mapped);
            let old_is_native = self
                .context(Place::Current)
                .is_some_and(|c| c.kind() == Kind::Native);
            if other_waits {
                self.move_to(Place::Current, Place::Previous);
            } else if new_is_mapped && old_is_native {
                self.move_to(Place::Current, Place::NonCurrent);
            }
            if !other_waits {
                self.access[other.index()] = Access::default();
            }
        }
        self.move_to(Place::Candidate, Place::Current);
        self.access[access.index()].on_previous = false;
        self.access[access.other().index()].on_previous = other_waits;
    }

    /// A candidate of the same K_AMF becomes the home of the COUNTs; the context before it follows them.
    fn inherit_counts(&mut self) {
        if !self
            .context(Place::Candidate)
            .is_some_and(|c| c.shares_counts)
        {
            return;
        }
        let Some(current) = self.context_mut(Place::Current) else {
            return;
        };
        let counts = std::mem::replace(&mut current.counts, [Pair::start(), Pair::start()]);
        let cell = current.cell.take();
        current.shares_counts = true;
        if let Some(candidate) = self.context_mut(Place::Candidate) {
            candidate.counts = counts;
            candidate.cell = cell;
            candidate.shares_counts = false;
        }
    }

    /// The command for the candidate replays this capability, which is the context's from then on (R44: nothing
    /// else replaces one).
    pub(crate) fn renew_candidate_capability(&mut self, ue_sec_cap: UeSecurityCapability) {
        if let Some(candidate) = self.context_mut(Place::Candidate) {
            candidate.renew_capability(ue_sec_cap);
            self.changed.add(Changed::STATE);
        }
    }

    /// The UE refused the candidate: it is wiped, and what was used before is in force (R22).
    pub(crate) fn reject_candidate(&mut self, from: Resources<'_>) {
        self.unseat(Place::Candidate);
        self.settle(from.side);
    }

    /// The procedure ended without an answer. A native candidate with COUNTs of its own goes back to its
    /// place, so that the next command goes on counting; any other is wiped.
    pub(crate) fn withdraw_candidate(&mut self, was_partial: bool, from: Resources<'_>) {
        let returns = self.context(Place::Candidate).is_some_and(|c| {
            c.kind() == Kind::Native
                && !c.shares_counts
                && !self.names_other(c.ng_ksi(), Place::Candidate)
        });
        if returns && self.context(Place::NonCurrent).is_none() {
            self.changed.add(Changed::STATE);
            if was_partial && let Some(context) = self.context_mut(Place::Candidate) {
                context.deactivate();
            }
            self.move_to(Place::Candidate, Place::NonCurrent);
        } else {
            self.unseat(Place::Candidate);
        }
        self.settle(from.side);
    }

    /// A verified initial message named the full native non-current context: it becomes the current one and the
    /// previous current one is deleted (TS 33.501 6.8.1.2.0).
    pub(in crate::security) fn take_non_current(&mut self) {
        self.move_to(Place::NonCurrent, Place::Current);
        // What the accesses knew was of the deleted context: its COUNTs say nothing about this K_AMF.
        self.access = [Access::default(), Access::default()];
        self.nh = None;
    }

    /// K_gNB for 3GPP access, K_N3IWF and its siblings for non-3GPP access, from the UL COUNT of the latest
    /// SECURITY MODE COMPLETE or initial message (TS 33.501 A.9, 6.9.5). Over 3GPP access it starts the NH chain: the first NH
    /// has NCC 1 (TS 33.501 6.9.2.1.1).
    ///
    /// # Errors
    /// [`Error::NoContext`] when no such message was verified on this access.
    pub fn k_gnb(&mut self, access: AccessType) -> Result<crate::kdf::KGnb> {
        let place = self.in_use(access);
        let count = self.access[access.index()]
            .as_count
            .ok_or(Error::NoContext)?
            .value();
        let context = self.context(place).ok_or(Error::NoContext)?;
        let k_gnb = crate::kdf::k_gnb(context.k_amf(), count, access);
        if access == AccessType::ThreeGpp {
            self.nh = Some(NhChain::establish(context.k_amf(), &k_gnb));
            self.changed.add(Changed::STATE);
        }
        Ok(k_gnb)
    }

    /// The next {NH, NCC} of 3GPP access, for a handover or path switch; changes nothing (TS 33.501 A.10, 6.9.2).
    ///
    /// # Errors
    /// [`Error::NoContext`] before [`UeSecurity::k_gnb`] has begun the chain.
    pub fn prepare_nh(&self) -> Result<PreparedNh> {
        let context = self
            .context(self.in_use(AccessType::ThreeGpp))
            .ok_or(Error::NoContext)?;
        let chain = self.nh.as_ref().ok_or(Error::NoContext)?;
        Ok(chain.prepare(context.k_amf()))
    }

    /// Takes the step that `prepared` computed.
    ///
    /// # Errors
    /// [`Error::NoContext`] without a chain; those of [`NhChain::commit`].
    pub fn commit_nh(&mut self, prepared: PreparedNh) -> Result<()> {
        self.changed.add(Changed::STATE);
        self.nh.as_mut().ok_or(Error::NoContext)?.commit(prepared)
    }
}
