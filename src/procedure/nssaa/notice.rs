//! Notifications of the AAA server, the operator's policy, slice admission control, changes of access.

use crate::base::{AccessType, Result};
use crate::nas::nssaa::{RejectionCause, SNssai};

use super::amf::{Access, Amf, Phase};
use super::event::{Reachability, Status};
use super::policy::NssaaSettings;
use super::slices::{Accesses, Wait};

impl Amf {
    /// The accesses in whose Allowed NSSAI the slice is.
    fn allowed_where(&self, s_nssai: SNssai) -> Accesses {
        let mut set = Accesses::default();
        let Some(entry) = self.slices.get(s_nssai) else {
            return set;
        };
        for access in self.registered_accesses().iter() {
            if entry.allowed_on(access) {
                set.put(access);
            }
        }
        set
    }

    /// TS 23.502 4.2.9.3 step 5.
    pub(super) fn reauthenticate(&mut self, s_nssai: SNssai) -> Result<()> {
        let allowed = !self.allowed_where(s_nssai).is_empty();
        let Some(entry) = self.slices.get_mut(s_nssai) else {
            return Ok(());
        };
        if entry.status == Some(Status::Pending) {
            // The run that is due or under way is the one asked for; another wait is over.
            if entry.wait == Wait::Registration {
                entry.owe_run();
            }
        } else if allowed && entry.requires {
            entry.owe_run();
            entry.in_place = true;
        } else {
            entry.forget();
        }
        Ok(())
    }

    /// A run in place of a slice in the Allowed NSSAI; nothing for another slice.
    pub(super) fn operator_policy(
        &mut self,
        s_nssai: SNssai,
        settings: &NssaaSettings,
    ) -> Result<()> {
        let allowed = self.allowed_where(s_nssai);
        let Some(entry) = self.slices.get_mut(s_nssai) else {
            return Ok(());
        };
        let due = entry.due || !entry.requires;
        if allowed.is_empty() || due {
            return Ok(());
        }
        entry.owe_run();
        entry.in_place = settings.keep_allowed;
        if !settings.keep_allowed {
            self.owe_update(allowed);
        }
        Ok(())
    }

    /// TS 23.502 4.2.9.4 step 5. A pending slice counts as asked for: the UE is told that it cannot have it.
    pub(super) fn revoke(&mut self, s_nssai: SNssai) -> Result<()> {
        let allowed = self.allowed_where(s_nssai);
        self.end_run_of(s_nssai);
        let registered = self.registered_accesses();
        let Some(entry) = self.slices.get_mut(s_nssai) else {
            return Ok(());
        };
        if !entry.requires {
            return Ok(());
        }
        let mut accesses = allowed;
        for access in registered.iter().filter(|a| entry.pending_on(*a)) {
            accesses.put(access);
        }
        entry.forget();
        self.lose(s_nssai, accesses, !allowed.is_empty());
        Ok(())
    }

    /// The status of the slice is not touched (TS 23.502 4.2.9.1 NOTE 2).
    pub(super) fn admission_control(
        &mut self,
        access: AccessType,
        s_nssai: SNssai,
        refused: bool,
    ) -> Result<()> {
        let Some(entry) = self.slices.get_mut(s_nssai) else {
            return Ok(());
        };
        if entry.barred.has(access) == refused || !entry.asked.has(access) {
            return Ok(());
        }
        let only = Accesses(access as u8);
        if refused {
            entry.barred.put(access);
            if entry.granted() {
                entry.tell.put(access);
                entry.rejected.put(access);
                entry.cause = RejectionCause::MAXIMUM_UES;
            }
        } else {
            entry.barred.drop(access);
            entry.tell.drop(access);
            entry.rejected.drop(access);
        }
        if entry.granted() {
            self.owe_update(only);
            self.settle(access);
        }
        Ok(())
    }

    pub(super) fn access_changed(&mut self, access: AccessType, state: Reachability) -> Result<()> {
        match state {
            Reachability::Connected => self.reached(access),
            Reachability::Idle => {
                let at = self.at_mut(access);
                at.connected = false;
                at.reaching = false;
                self.hold_command(access);
            }
            Reachability::Deregistered => self.left(access),
        }
        Ok(())
    }

    /// The COMMAND that is out is lost with the connection; it goes out again with the next one. That is no
    /// retransmission, so it does not count as one.
    fn hold_command(&mut self, access: AccessType) {
        let Some(run) = self.run.as_mut().filter(|run| run.access == access) else {
            return;
        };
        if run.phase == Phase::Sent {
            run.phase = Phase::Command;
            run.sent = false;
            self.t3575.stop();
        }
    }

    fn left(&mut self, access: AccessType) {
        self.suspend_run_on(access);
        self.accesses[access.index()] = Access::default();
        let nowhere = self.registered_accesses().is_empty();
        for entry in self.slices.iter_mut() {
            entry.leave(access);
            if nowhere {
                // Kept while the UE is registered (TS 23.501 5.15.10).
                entry.forget();
                entry.result = None;
                entry.release = false;
            }
        }
        if nowhere {
            self.retry.stop();
        }
        self.drop_unasked();
    }

    pub(super) fn uplink_activity(&mut self, access: AccessType) -> Result<()> {
        if self.at(access).registered {
            self.reached(access);
        }
        Ok(())
    }

    /// Paging failed: what is due waits until the UE comes by itself.
    pub(super) fn unreachable(&mut self, access: AccessType) -> Result<()> {
        let at = self.at_mut(access);
        if at.connected {
            return Ok(());
        }
        at.reaching = false;
        at.unreachable = true;
        Ok(())
    }

    pub(super) fn update_completed(&mut self, access: AccessType) -> Result<()> {
        for entry in self.slices.iter_mut() {
            entry.told.drop(access);
        }
        Ok(())
    }

    pub(super) fn update_lost(&mut self, access: AccessType) -> Result<()> {
        if self.at(access).registered && !self.at(access).leave {
            self.at_mut(access).update = true;
            for entry in self.slices.iter_mut().filter(|e| e.told.has(access)) {
                entry.told.drop(access);
                entry.tell.put(access);
            }
        }
        Ok(())
    }
}
