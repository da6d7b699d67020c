//! One run: from EAP-Request/Identity to the result (TS 23.502 4.2.9.2 steps 2 to 18).

use crate::base::{AccessType, Error, Result};
use crate::nas::nssaa::{
    EAP_IDENTITY, EapCode, Kind, NssaaMessage, RejectionCause, SNssai, eap_verdict,
    identity_request,
};

use super::amf::{Amf, EapBuffer, Phase, Run, Timer};
use super::event::{AaaAnswer, Status};
use super::policy::NssaaSettings;
use super::slices::{Accesses, Entry, Owed, Wait};

impl Amf {
    /// Begins the next run that is due, when none is under way and the UE can be reached.
    pub(super) fn begin_due(&mut self, settings: &NssaaSettings) {
        if self.run.is_some() {
            return;
        }
        let ready = |entry: &Entry| {
            (entry.due && entry.wait == Wait::No)
                .then(|| Some((entry.key(), self.choose(entry.asked, settings)?)))
                .flatten()
        };
        let Some((s_nssai, access)) = self.slices.iter().find_map(ready) else {
            return;
        };
        self.identifier = self.identifier.wrapping_add(1);
        let mut eap = EapBuffer::new();
        eap.set(&identity_request(self.identifier));
        self.run = Some(Run {
            s_nssai,
            access,
            phase: Phase::Command,
            sent: false,
            resent: 0,
            first: true,
            transaction: 0,
            eap,
        });
    }

    /// A run whose COMMAND cannot be sent, on an access where nobody can be paged, ends and stays due: it begins anew
    /// when the access is connected, and does not hold up other slices until then.
    pub(super) fn give_way(&mut self, settings: &NssaaSettings) {
        let Some(run) = self.run.as_ref().filter(|run| run.phase == Phase::Command) else {
            return;
        };
        let (s_nssai, only) = (run.s_nssai, Accesses(run.access as u8));
        if self.choose(only, settings).is_none() {
            self.end_run_of(s_nssai);
        }
    }

    /// Ends the run of this slice, if it is under way; nothing else changes.
    pub(super) fn end_run_of(&mut self, s_nssai: SNssai) {
        if self.run.as_ref().is_some_and(|run| run.s_nssai == s_nssai) {
            self.run = None;
            self.t3575.stop();
        }
    }

    /// The run on this access ends and stays due.
    pub(super) fn suspend_run_on(&mut self, access: AccessType) {
        if self.run.as_ref().is_some_and(|run| run.access == access) {
            self.run = None;
            self.t3575.stop();
        }
    }

    pub(super) fn complete(&mut self, access: AccessType, message: &[u8]) -> Result<()> {
        let message = NssaaMessage::decode(message)?;
        if message.kind != Kind::Complete {
            return Err(Error::Unexpected);
        }
        let run = self.run.as_mut().ok_or(Error::Unexpected)?;
        if !run.sent || run.access != access {
            return Err(Error::Unexpected);
        }
        if run.s_nssai != message.s_nssai {
            return Err(Error::Slice);
        }
        if run.eap.message()?.identifier() != message.eap.identifier() {
            return Err(Error::Unexpected);
        }
        // An identity request can only be answered with an identity (RFC 3748 5.1).
        if run.first && message.eap.kind() != Some(EAP_IDENTITY) {
            return Err(Error::MalformedIe);
        }
        self.transaction = self.transaction.wrapping_add(1);
        run.eap.set(message.eap.octets());
        run.phase = Phase::Relay;
        run.sent = false;
        run.transaction = self.transaction;
        self.t3575.stop();
        self.reached(access);
        Ok(())
    }

    pub(super) fn t3575_expired(&mut self, settings: &NssaaSettings) -> Result<()> {
        if !self.t3575.expired() {
            return Err(Error::Unexpected);
        }
        let run = self.run.as_mut().ok_or(Error::Unexpected)?;
        if run.resent < settings.retransmissions {
            run.resent += 1;
            run.phase = Phase::Command;
            return Ok(());
        }
        // The UE does not answer: its slices stay pending, the next uplink message brings them back.
        self.run = None;
        self.wait_for_uplink();
        Ok(())
    }

    pub(super) fn wait_for_uplink(&mut self) {
        for entry in self.slices.iter_mut().filter(|entry| entry.due) {
            if entry.wait == Wait::No {
                entry.wait = Wait::Uplink;
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        transaction: u32,
        answer: AaaAnswer<'_>,
        settings: &NssaaSettings,
    ) -> Result<()> {
        let run = self.run.as_mut().ok_or(Error::Unexpected)?;
        if run.phase != Phase::Aaa || run.transaction != transaction {
            return Err(Error::Unexpected);
        }
        let identifier = run.eap.message()?.identifier();
        match answer {
            AaaAnswer::Continue(eap) if eap.code() == EapCode::Request => {
                run.eap.set(eap.octets());
                run.phase = Phase::Command;
                run.resent = 0;
                run.first = false;
            }
            AaaAnswer::Success(eap) if eap.code() == EapCode::Success => {
                self.conclude(Status::EapSuccess, eap.identifier());
            }
            AaaAnswer::Failure(eap) if eap.code() == EapCode::Failure => {
                self.conclude(Status::EapFailure, eap.identifier());
            }
            AaaAnswer::Continue(_) | AaaAnswer::Success(_) | AaaAnswer::Failure(_) => {
                return Err(Error::MalformedIe);
            }
            AaaAnswer::Refused => self.conclude(Status::EapFailure, identifier),
            AaaAnswer::ContextLost => self.put_off(settings, Wait::No),
            AaaAnswer::Unreachable => self.put_off(settings, Wait::Retry),
        }
        Ok(())
    }

    /// The run did not come to an end: the slice stays pending.
    fn put_off(&mut self, settings: &NssaaSettings, wait: Wait) {
        let Some(run) = self.run.take() else { return };
        let Some(entry) = self.slices.get_mut(run.s_nssai) else {
            return;
        };
        entry.tries = entry.tries.saturating_add(1);
        entry.wait = if entry.tries > settings.retries {
            Wait::Registration
        } else if entry.tries > 1 {
            // A context that is lost again and again is an NSSAAF that does not work.
            Wait::Retry
        } else {
            wait
        };
        if entry.wait == Wait::Retry && !self.retry.runs {
            self.retry.start();
        }
    }

    pub(super) fn retry_expired(&mut self) -> Result<()> {
        if !self.retry.expired() {
            return Err(Error::Unexpected);
        }
        for entry in self.slices.iter_mut().filter(|e| e.wait == Wait::Retry) {
            entry.wait = Wait::No;
        }
        Ok(())
    }

    /// No timer runs any more and no question is open; runs stay due.
    pub(super) fn runner_lost(&mut self) -> Result<()> {
        (self.t3575, self.retry) = (Timer::default(), Timer::default());
        self.run = None;
        for entry in self.slices.iter_mut().filter(|e| e.wait == Wait::Retry) {
            entry.wait = Wait::No;
        }
        Ok(())
    }

    /// Steps 17 to 19: the result is kept, the UE gets it, and what follows from it is owed.
    fn conclude(&mut self, status: Status, identifier: u8) {
        let Some(run) = self.run.take() else { return };
        let success = status == Status::EapSuccess;
        let code = if success {
            EapCode::Success
        } else {
            EapCode::Failure
        };
        let Some(entry) = self.slices.get_mut(run.s_nssai) else {
            return;
        };
        let (was, asked) = (entry.granted(), entry.asked);
        entry.forget();
        entry.status = Some(status);
        entry.result = Some(Owed {
            access: run.access,
            eap: eap_verdict(code, identifier),
        });
        if !success {
            self.lose(run.s_nssai, asked, was);
        } else if !was {
            self.owe_update(asked);
        }
    }

    /// A slice failed or was revoked: out of the Allowed NSSAI, into the Rejected NSSAI, its PDU sessions end.
    pub(super) fn lose(&mut self, s_nssai: SNssai, accesses: Accesses, was_allowed: bool) {
        if let Some(entry) = self.slices.get_mut(s_nssai) {
            entry.release |= was_allowed && !accesses.is_empty();
            entry.reject(accesses, RejectionCause::NSSAA);
        }
        self.owe_update(accesses);
        for access in accesses.iter() {
            self.settle(access);
        }
    }
}
