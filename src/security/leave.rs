//! How accesses and UEs go: connection release and deregistration (TS 33.501 6.3.2, 6.8.1.1).

use crate::base::AccessType;

use super::binding::Changed;
use super::context::Kind;
use super::side::SidePool;
use super::ue::{Access, KeyChange, Place, UeSecurity};

/// How a UE left (TS 33.501 6.8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Deregistration {
    /// UE originating, switch-off: only the current native context is kept.
    SwitchOff = 0,
    /// UE originating without switch-off, network with re-registration required, or implicit: the rest is kept.
    Keep = 1,
    /// The subscription was withdrawn or the registration rejected: everything is removed.
    Remove = 2,
}

impl UeSecurity {
    /// The N1 NAS connection of `access` was released: secure exchange ends, contexts and COUNTs stay. An access
    /// that still waited for its own security mode command now follows the current context (TS 33.501 6.3.2). A
    /// handover that was under way over 3GPP access failed.
    pub fn connection_released(&mut self, access: AccessType, pool: &SidePool) {
        self.changed.add(Changed::STATE);
        if access == AccessType::ThreeGpp && self.key_change == Some(KeyChange::Handover) {
            self.key_change = None;
            self.unseat(Place::Candidate);
            self.settle(pool);
        }
        let state = &mut self.access[access.index()];
        let keeps_native = state.on_previous;
        *state = Access::default();
        if keeps_native {
            self.retire_previous(pool);
        }
    }

    /// Nobody uses the previous context any more. A full native one stays as non-current beside a mapped current
    /// one, if that place is free (TS 33.501 6.4.2.2).
    pub(in crate::security) fn retire_previous(&mut self, pool: &SidePool) {
        for access in &mut self.access {
            access.on_previous = false;
        }
        let native = self
            .context(Place::Previous)
            .is_some_and(|c| c.kind() == Kind::Native && !c.shares_counts);
        let mapped = self
            .context(Place::Current)
            .is_some_and(|c| c.kind() == Kind::Mapped);
        if native && mapped && self.context(Place::NonCurrent).is_none() {
            self.move_to(Place::Previous, Place::NonCurrent);
        } else {
            self.unseat(Place::Previous);
        }
        self.settle(pool);
    }

    /// Deregistration (TS 33.501 6.8.1.1): a full native non-current context takes the place of a mapped current
    /// one, mapped and partial contexts go, then the rule of `kind`.
    pub fn deregister(&mut self, kind: Deregistration, pool: &SidePool) {
        if kind == Deregistration::Remove {
            self.clear(pool);
            return;
        }
        self.changed.add(Changed::STATE);
        // An exported session stays silent: its record may be in use elsewhere.
        self.key_change = self.key_change.filter(|kind| *kind == KeyChange::Exported);
        self.unseat(Place::Candidate);
        self.retire_previous(pool);
        let spare_is_full = self
            .context(Place::NonCurrent)
            .is_some_and(|c| c.algorithms().is_some());
        if self
            .context(Place::Current)
            .is_none_or(|c| c.kind() == Kind::Mapped)
        {
            self.unseat(Place::Current);
            if spare_is_full {
                self.move_to(Place::NonCurrent, Place::Current);
            }
        }
        if !spare_is_full || kind == Deregistration::SwitchOff {
            self.unseat(Place::NonCurrent);
        }
        self.access = [Access::default(), Access::default()];
        if let Some(side) = self.side.as_mut() {
            side.forget();
        }
        self.settle(pool);
    }
}
