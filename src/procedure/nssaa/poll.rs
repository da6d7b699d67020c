//! What is to be done now. Nothing is queued: each call looks at the state, and [`Amf::taken`] notes what was done.

use crate::base::{AccessType, Error, Result};
use crate::nas::Cause;
use crate::nas::nssaa::{
    ConfigurationUpdateCommand, DeregistrationRequest, EapMessage, Indication, Kind, NssaaMessage,
    Rejected, RejectionCause, SNssai,
};

use super::amf::{Amf, Order, Phase};
use super::event::{Action, Downlink, Share, Step};
use super::policy::NssaaSettings;
use super::slices::{Accesses, Entry};

const fn send(
    access: AccessType,
    message: Downlink,
    s_nssai: Option<SNssai>,
    len: usize,
) -> Action {
    Action::Send {
        access,
        message,
        s_nssai,
        len,
    }
}

impl Amf {
    /// The next action. Its octets, if it has any, lie at the start of `out`; room for
    /// [`NSSAA_MAX`](crate::nas::nssaa::NSSAA_MAX) octets is enough for each. Nothing changes until [`Amf::taken`].
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`].
    pub fn next(&self, settings: &NssaaSettings, out: &mut [u8]) -> Result<Option<Action>> {
        self.next_of(Share::All, settings, out)
    }

    /// As [`Amf::next`], for one of two who share the work. Neither waits for the other: what one leaves undone stays
    /// owed.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`].
    pub fn next_of(
        &self,
        share: Share,
        settings: &NssaaSettings,
        out: &mut [u8],
    ) -> Result<Option<Action>> {
        let (runner, amf) = (share != Share::Amf, share != Share::Runner);
        if let Some(action) = self.next_timer(settings).filter(|_| runner) {
            return Ok(Some(action));
        }
        if amf && let Some(action) = self.next_result(settings, out)? {
            return Ok(Some(action));
        }
        if runner && let Some(action) = self.next_question(out)? {
            return Ok(Some(action));
        }
        if amf {
            self.next_for_the_ue(settings, out)
        } else {
            Ok(None)
        }
    }

    fn next_result(&self, settings: &NssaaSettings, out: &mut [u8]) -> Result<Option<Action>> {
        let Some((entry, access, eap)) = self.owed_result(settings) else {
            return Ok(None);
        };
        let message = NssaaMessage {
            kind: Kind::Result,
            s_nssai: entry.key(),
            eap: EapMessage::parse(&eap)?,
        };
        let len = message.encode(out)?;
        Ok(Some(send(access, Downlink::Result, Some(entry.key()), len)))
    }

    /// What follows from results, then the next COMMAND.
    fn next_for_the_ue(&self, settings: &NssaaSettings, out: &mut [u8]) -> Result<Option<Action>> {
        for access in AccessType::ALL {
            let at = self.at(access);
            if !at.connected || !at.registered {
                continue;
            }
            if at.leave {
                let len = self.deregistration(access, settings, out)?;
                return Ok(Some(send(access, Downlink::Deregistration, None, len)));
            }
            if at.update {
                let len = self.update(access, settings, out)?;
                return Ok(Some(send(access, Downlink::ConfigurationUpdate, None, len)));
            }
        }
        if let Some(entry) = self.slices.iter().find(|entry| entry.release) {
            return Ok(Some(Action::ReleaseSessions(entry.slice)));
        }
        if let Some(run) = self.run.as_ref()
            && run.phase == Phase::Command
            && self.at(run.access).connected
        {
            let message = NssaaMessage {
                kind: Kind::Command,
                s_nssai: run.s_nssai,
                eap: run.eap.message()?,
            };
            let len = message.encode(out)?;
            let s_nssai = Some(run.s_nssai);
            return Ok(Some(send(run.access, Downlink::Command, s_nssai, len)));
        }
        let reach = self.must_reach(settings);
        Ok(reach.then_some(Action::Reach(AccessType::ThreeGpp)))
    }

    fn next_timer(&self, settings: &NssaaSettings) -> Option<Action> {
        match (self.t3575.order, self.retry.order) {
            (Order::Start, _) => Some(Action::StartT3575 {
                seconds: settings.t3575_seconds,
            }),
            (Order::Stop, _) => Some(Action::StopT3575),
            (_, Order::Start) => Some(Action::StartRetry {
                seconds: settings.retry_seconds,
            }),
            (_, Order::Stop) => Some(Action::StopRetry),
            _ => None,
        }
    }

    /// A result for a UE that is connected somewhere: it may take either access.
    fn owed_result(&self, settings: &NssaaSettings) -> Option<(&Entry, AccessType, [u8; 4])> {
        self.slices.iter().find_map(|entry| {
            let owed = entry.result?;
            let there = self.at(owed.access);
            let access = if there.registered && there.connected {
                owed.access
            } else {
                self.choose(Accesses(Accesses::BOTH), settings)?
            };
            self.at(access)
                .connected
                .then_some((entry, access, owed.eap))
        })
    }

    fn next_question(&self, out: &mut [u8]) -> Result<Option<Action>> {
        let Some(run) = self.run.as_ref().filter(|run| run.phase == Phase::Relay) else {
            return Ok(None);
        };
        let eap = run.eap.octets();
        let place = out.get_mut(..eap.len()).ok_or(Error::BufferTooSmall)?;
        place.copy_from_slice(eap);
        let step = if run.first {
            Step::Start
        } else {
            Step::Continue
        };
        Ok(Some(Action::Ask {
            transaction: run.transaction,
            step,
            s_nssai: run.s_nssai,
            len: eap.len(),
        }))
    }

    fn update(
        &self,
        access: AccessType,
        settings: &NssaaSettings,
        out: &mut [u8],
    ) -> Result<usize> {
        let allowed = self.slices.allowed(access);
        let mut news = self.slices.news(access);
        let (rejected, extended) = self.as_the_ue_takes_them(&mut news, settings);
        let command = ConfigurationUpdateCommand {
            indication: Indication {
                acknowledge: true,
                register: settings.register_again,
            },
            allowed: &allowed,
            rejected,
            extended_rejected: extended,
            ..ConfigurationUpdateCommand::default()
        };
        command.encode(out)
    }

    fn deregistration(
        &self,
        access: AccessType,
        settings: &NssaaSettings,
        out: &mut [u8],
    ) -> Result<usize> {
        let mut all = self.slices.rejected(access);
        let (rejected, extended) = self.as_the_ue_takes_them(&mut all, settings);
        let request = DeregistrationRequest {
            access: Some(access),
            register_again: false,
            cause: Some(Cause::NO_SLICES),
            rejected,
            extended_rejected: extended,
        };
        request.encode(out)
    }

    /// Rejected NSSAI or Extended rejected NSSAI, as the UE supports it.
    fn as_the_ue_takes_them<'a>(
        &self,
        list: &'a mut [Rejected],
        settings: &NssaaSettings,
    ) -> (&'a [Rejected], &'a [Rejected]) {
        if self.extended_rejected {
            return (&[], list);
        }
        for rejected in list.iter_mut() {
            if rejected.cause == RejectionCause::MAXIMUM_UES {
                rejected.cause = settings.maximum_ues_as;
            }
        }
        (list, &[])
    }

    /// Something waits for a UE that is CM-IDLE on 3GPP access. On non-3GPP access nobody can be paged.
    fn must_reach(&self, settings: &NssaaSettings) -> bool {
        let access = AccessType::ThreeGpp;
        let at = self.at(access);
        if !settings.page || !at.registered || at.connected || at.reaching || at.unreachable {
            return false;
        }
        let run = self.run.as_ref();
        let command = run.is_some_and(|r| r.access == access && r.phase == Phase::Command);
        // With another access connected the result has gone that way already.
        let result = self.slices.iter().any(|entry| entry.result.is_some());
        command || result || at.update || at.leave
    }

    /// The action that [`Amf::next`] gave was carried out.
    pub fn taken(&mut self, action: &Action) {
        match *action {
            Action::StartT3575 { .. } | Action::StopT3575 => self.t3575.told(),
            Action::StartRetry { .. } | Action::StopRetry => self.retry.told(),
            Action::Ask { transaction, .. } => {
                if let Some(run) = self.run.as_mut().filter(|r| r.transaction == transaction) {
                    run.phase = Phase::Aaa;
                }
            }
            Action::ReleaseSessions(slice) => {
                if let Some(entry) = self.slices.get_mut(slice.hplmn()) {
                    entry.release = false;
                }
            }
            Action::Reach(access) => self.at_mut(access).reaching = true,
            Action::Send {
                access,
                message,
                s_nssai,
                ..
            } => match message {
                Downlink::Command => {
                    if let Some(run) = self.run.as_mut() {
                        run.phase = Phase::Sent;
                        run.sent = true;
                        self.t3575.start();
                    }
                }
                Downlink::Result => {
                    let entry = s_nssai.and_then(|s_nssai| self.slices.get_mut(s_nssai));
                    if let Some(entry) = entry {
                        entry.result = None;
                    }
                }
                Downlink::ConfigurationUpdate => {
                    self.at_mut(access).update = self.slices.tell_news(access);
                }
                Downlink::Deregistration => {
                    let at = self.at_mut(access);
                    at.leave = false;
                    at.registered = false;
                }
            },
        }
    }

    /// [`Amf::next`] and [`Amf::taken`] in one, for messages that cannot fail on their way.
    ///
    /// # Errors
    /// As [`Amf::next`].
    pub fn poll(&mut self, settings: &NssaaSettings, out: &mut [u8]) -> Result<Option<Action>> {
        let action = self.next(settings, out)?;
        if let Some(action) = &action {
            self.taken(action);
        }
        Ok(action)
    }
}
