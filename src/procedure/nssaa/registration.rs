//! Registration and subscription.

use crate::base::{AccessType, Error, Result};
use crate::nas::nssaa::{ALLOWED_MAX, RejectionCause, SNssai, Slice};

use super::amf::{Access, Amf};
use super::event::Status;
use super::policy::{
    Admission, GPSI_MAX, NssaaSettings, Registration, SUBSCRIBED_MAX, SecondAccess, Subscribed,
    Subscription,
};
use super::slices::{Accesses, Entry, Wait};

impl Amf {
    /// A UE with this subscription, registered nowhere.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 16 slices, [`Error::Argument`] for one that stands there twice,
    /// [`Error::Gpsi`] when a slice is subject to NSSAA and there is no GPSI, or one that is too long (TS 23.502
    /// 4.2.9.1).
    pub fn new(subscription: &Subscription<'_>) -> Result<Self> {
        let mut amf = Self::empty();
        amf.check(subscription)?;
        amf.take_up(subscription, &NssaaSettings::default());
        Ok(amf)
    }

    /// The subscription changed: slices that need authentication from now on get their run, those that do not any more
    /// need none, those that are gone are rejected.
    ///
    /// # Errors
    /// As [`Amf::new`]; [`Error::TooLong`] too when the UE has not been told of earlier changes yet. Nothing changed.
    pub fn subscribe(
        &mut self,
        subscription: &Subscription<'_>,
        settings: &NssaaSettings,
    ) -> Result<()> {
        self.check(subscription)?;
        self.take_up(subscription, settings);
        self.begin_due(settings);
        Ok(())
    }

    fn check(&self, subscription: &Subscription<'_>) -> Result<()> {
        let Subscription { gpsis, slices } = *subscription;
        let known = |s: &&Subscribed| self.slices.get(s.slice.hplmn()).is_some();
        let new = slices.len() - slices.iter().filter(known).count();
        if slices.len() > SUBSCRIBED_MAX || new > self.slices.room() {
            return Err(Error::TooLong);
        }
        let twice = |(at, s): (usize, &Subscribed)| {
            slices[..at]
                .iter()
                .any(|other| other.slice.hplmn() == s.slice.hplmn())
        };
        if slices.iter().enumerate().any(twice) {
            return Err(Error::Argument);
        }
        let gpsi = gpsis.first().copied().unwrap_or_default();
        let needed = slices.iter().any(|subscribed| subscribed.nssaa);
        if gpsi.len() > GPSI_MAX || needed && gpsi.is_empty() {
            return Err(Error::Gpsi);
        }
        Ok(())
    }

    fn take_up(&mut self, subscription: &Subscription<'_>, settings: &NssaaSettings) {
        let gpsi = subscription.gpsis.first().copied().unwrap_or_default();
        if *self.gpsi != *gpsi {
            self.gpsi = gpsi.into();
        }
        let gone: arrayvec::ArrayVec<SNssai, { super::slices::KEPT }> = self
            .slices
            .iter()
            .filter(|e| e.subscribed)
            .map(Entry::key)
            .filter(|key| !subscription.slices.iter().any(|s| s.slice.hplmn() == *key))
            .collect();
        for s_nssai in gone {
            self.unsubscribe(s_nssai);
        }
        for subscribed in subscription.slices {
            self.subscribe_one(subscribed, settings);
        }
        // Only where something changed: a UE without slices, as in an emergency, stays as it is.
        for access in AccessType::ALL {
            if self.at(access).update {
                self.settle(access);
            }
        }
    }

    fn unsubscribe(&mut self, s_nssai: SNssai) {
        self.end_run_of(s_nssai);
        let Some(entry) = self.slices.get_mut(s_nssai) else {
            return;
        };
        let asked = entry.asked;
        entry.release |= entry.granted() && !asked.is_empty();
        entry.forget();
        entry.subscribed = false;
        entry.result = None;
        entry.reject(asked, RejectionCause::PLMN);
        self.owe_update(asked);
    }

    fn subscribe_one(&mut self, subscribed: &Subscribed, settings: &NssaaSettings) {
        let key = subscribed.slice.hplmn();
        if self.slices.get(key).is_none() && !self.slices.add(Entry::new(subscribed.slice)) {
            return;
        }
        let supported = self.nssaa_supported;
        let Some(entry) = self.slices.get_mut(key) else {
            return;
        };
        let was = entry.granted();
        let required_before = entry.requires;
        if entry.asked.is_empty() {
            entry.slice = subscribed.slice;
        }
        entry.subscribed = true;
        entry.default = subscribed.default;
        entry.requires = subscribed.nssaa;
        let asked = entry.asked;
        if required_before && !subscribed.nssaa {
            entry.forget();
            self.end_run_of(key);
        } else if !required_before
            && subscribed.nssaa
            && !asked.is_empty()
            && entry.status != Some(Status::EapSuccess)
        {
            if supported {
                entry.owe_run();
                entry.in_place = was && settings.keep_allowed;
            } else {
                entry.release |= was;
                entry.reject(asked, RejectionCause::PLMN);
            }
        }
        let changed = self.slices.get(key).is_some_and(|e| e.granted() != was);
        if changed {
            self.owe_update(asked);
        }
    }

    /// A REGISTRATION REQUEST was accepted: what the REGISTRATION ACCEPT says of the slices. The runs begin with
    /// [`Event::Registered`](super::Event::Registered).
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 8 slices; [`Error::Slice`] for one that is not of the subscription. Nothing
    /// changed.
    pub fn register(
        &mut self,
        registration: &Registration<'_>,
        settings: &NssaaSettings,
    ) -> Result<Admission> {
        let Registration { access, asked, .. } = *registration;
        if asked.len() > ALLOWED_MAX {
            return Err(Error::TooLong);
        }
        let unknown = |slice: &Slice| !self.slices.get(slice.hplmn()).is_some_and(|e| e.subscribed);
        if asked.iter().any(unknown) {
            return Err(Error::Slice);
        }
        self.suspend_run_on(access);
        // The registration brings its own connection; runs begin when it is complete.
        self.accesses[access.index()] = Access::default();
        self.nssaa_supported = registration.nssaa_supported;
        self.extended_rejected = registration.extended_rejected;
        let second = !self.registered_accesses().is_empty();
        for entry in self.slices.iter_mut() {
            entry.leave(access);
            if entry.wait == Wait::Registration {
                entry.wait = Wait::No;
                entry.tries = 0;
            }
        }
        for slice in asked {
            if let Some(entry) = self.slices.get_mut(slice.hplmn()) {
                entry.slice = *slice;
                admit(entry, registration, (second, settings));
            }
        }
        self.drop_unasked();
        Ok(self.admission(access))
    }

    fn admission(&mut self, access: AccessType) -> Admission {
        let mut admission = Admission {
            allowed: self.slices.allowed(access),
            pending: self.slices.pending(access),
            rejected: self.slices.rejected(access),
            extended: self.extended_rejected,
        };
        if admission.is_empty() {
            for entry in self.slices.iter_mut().filter(|e| e.fallback_on(access)) {
                entry.asked.put(access);
            }
            admission.allowed = self.slices.allowed(access);
        }
        admission
    }

    /// Slices that nobody asks for any more have no run.
    pub(super) fn drop_unasked(&mut self) {
        let pending = |e: &&mut Entry| e.asked.is_empty() && e.status == Some(Status::Pending);
        for entry in self.slices.iter_mut().filter(pending) {
            entry.forget();
        }
        let run = self.run.as_ref().map(|run| run.s_nssai);
        if let Some(s_nssai) = run.filter(|s| self.status(*s) != Some(Status::Pending)) {
            self.end_run_of(s_nssai);
        }
    }

    pub(super) fn owe_update(&mut self, accesses: Accesses) {
        for access in accesses.iter() {
            let at = self.at_mut(access);
            at.update |= at.registered;
        }
    }

    pub(super) fn registered(&mut self, access: AccessType) -> Result<()> {
        self.at_mut(access).registered = true;
        self.reached(access);
        Ok(())
    }
}

/// What becomes of one slice that is asked for (spec of the states: TS 23.501 5.15.10).
fn admit(
    entry: &mut Entry,
    registration: &Registration<'_>,
    (second, settings): (bool, &NssaaSettings),
) {
    let access = registration.access;
    let only = Accesses(access as u8);
    entry.asked.put(access);
    if !entry.requires {
        return;
    }
    if !registration.nssaa_supported {
        entry.reject(only, RejectionCause::PLMN);
        entry.tell.drop(access);
        return;
    }
    let runs = |policy| second && policy == SecondAccess::Run;
    match entry.status {
        None => entry.owe_run(),
        Some(Status::Pending) => entry.due = true,
        Some(Status::EapSuccess) if runs(settings.after_success) => {
            entry.owe_run();
            entry.in_place = true;
        }
        Some(Status::EapSuccess) => {}
        // On a first access the UE may try again.
        Some(Status::EapFailure) if !second || runs(settings.after_failure) => entry.owe_run(),
        Some(Status::EapFailure) => {
            entry.reject(only, RejectionCause::NSSAA);
            entry.tell.drop(access);
        }
    }
}
