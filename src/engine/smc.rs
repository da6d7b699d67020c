//! The verbs of the security mode procedure: one command, its retransmission, its end. The answer of the UE comes
//! through [`Engine::verify`] like every uplink message.

use crate::base::{AccessType, Error, NgKsi, Result};
use crate::nas::smc::EpsAlgorithms;
use crate::nas::{Cause, MessageType, S1UeSecurityCapability, UeSecurityCapability};
use crate::procedure::smc::{
    Action, Activation, Answer, Ending, Env, Event, Half, InitialMessageToSend, Outcome, Request,
    Sent, UeEnv, Uplink,
};
use crate::security::{Algorithms, KeyGuard, Resources, Verdict};
use crate::session::{Handle, Session};

use super::ahead::{Ahead, Keys};
use super::job::{Job, SmcJob, event, op, smc_flag, target};
use super::{Engine, Received, batch};

impl Engine {
    pub(super) fn env<'a>(&'a self, from: Resources<'a>) -> Env<'a> {
        Env {
            from,
            security: &self.settings,
            smc: &self.smc,
        }
    }

    /// Sends a SECURITY MODE COMMAND (TS 24.501 5.4.2.2): the PDU lies at the start of `out`. Start T3560. The
    /// answer comes through [`Engine::verify`].
    ///
    /// # Errors
    /// Those of [`crate::procedure::smc::Amf::command`], [`Error::Handle`], [`Error::Role`]. Nothing changed then.
    pub fn smc_command(
        &self,
        handle: Handle,
        request: &Request<'_>,
        out: &mut [u8],
    ) -> Result<Sent> {
        self.smc_command_with(handle, request, &Ahead::nothing().of(0, self.keys()), out)
    }

    pub(super) fn keys(&self) -> &dyn KeyGuard {
        self.table.resources().keys
    }

    /// As [`Engine::smc_command`], with keys that may have been derived ahead.
    fn smc_command_with(
        &self,
        handle: Handle,
        request: &Request<'_>,
        keys: &Keys<'_>,
        out: &mut [u8],
    ) -> Result<Sent> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        let Session {
            security,
            smc: Half::Amf(amf),
        } = &mut *session
        else {
            return Err(Error::Role);
        };
        let mut env = self.env(from);
        env.from.keys = keys;
        amf.command(security, request, &env, out)
    }

    /// Tells the procedure that T3560 expired, that lower layers failed, or that the AMF gives up. `out` takes the
    /// command when it is sent again, under a fresh COUNT.
    ///
    /// # Errors
    /// Those of [`crate::procedure::smc::Amf::on`], [`Error::Handle`], [`Error::Role`].
    pub fn smc_event(&self, handle: Handle, event: Event, out: &mut [u8]) -> Result<Action> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        let Session {
            security,
            smc: Half::Amf(amf),
        } = &mut *session
        else {
            return Err(Error::Role);
        };
        amf.on(security, event, &self.env(from), out)
    }

    /// The AMF acts on a SECURITY MODE REJECT that came without valid integrity, as TS 24.501 4.4.4.3 lets it before
    /// secure exchange is established.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when no command is unanswered; [`Error::PlainRefused`] when secure exchange is
    /// established, so that the UE must protect its answer; [`Error::Handle`], [`Error::Role`].
    pub fn smc_rejected_unprotected(&self, handle: Handle, cause: Cause) -> Result<Outcome> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        let Session {
            security,
            smc: Half::Amf(amf),
        } = &mut *session
        else {
            return Err(Error::Role);
        };
        let access = amf.access().ok_or(Error::Unexpected)?;
        if security.secured(access) {
            return Err(Error::PlainRefused);
        }
        amf.rejected_unprotected(security, cause, &self.env(from))
            .ok_or(Error::Unexpected)
    }

    /// What the UE half borrows: this engine's tables and settings, the capability that the UE sent last, and
    /// nothing else; fill in what the call needs.
    #[must_use]
    pub fn ue_env(&self, ue_sec_cap: UeSecurityCapability) -> UeEnv<'_> {
        UeEnv {
            from: self.table.resources(),
            security: &self.settings,
            ue_sec_cap,
            imeisv: None,
            whole_initial: None,
            mapped: None,
            emergency: None,
        }
    }

    /// UE half: answers a SECURITY MODE COMMAND; see [`crate::procedure::smc::Ue::command_received`].
    ///
    /// # Errors
    /// As there; [`Error::Handle`], [`Error::Role`].
    pub fn ue_command(
        &self,
        handle: Handle,
        (access, pdu): (AccessType, &[u8]),
        env: &UeEnv<'_>,
        out: &mut [u8],
    ) -> Result<Answer> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        let Session {
            security,
            smc: Half::Ue(ue),
        } = &mut *session
        else {
            return Err(Error::Role);
        };
        let env = UeEnv { from, ..*env };
        ue.command_received(security, (access, pdu), &env, out)
    }

    /// UE half: sends an initial message; see [`crate::procedure::smc::Ue::send_initial`].
    ///
    /// # Errors
    /// As there; [`Error::Handle`], [`Error::Role`].
    pub fn ue_initial(
        &self,
        handle: Handle,
        message: &InitialMessageToSend<'_>,
        env: &UeEnv<'_>,
        out: &mut [u8],
    ) -> Result<Sent> {
        let mut session = self.table.lock(handle)?;
        let from = session.resources();
        let Session {
            security,
            smc: Half::Ue(ue),
        } = &mut *session
        else {
            return Err(Error::Role);
        };
        let env = UeEnv { from, ..*env };
        ue.send_initial(security, message, &env, out)
    }

    /// What the procedure makes of an uplink message that was committed.
    pub(super) fn received(
        &self,
        (session, from): (&mut Session, Resources<'_>),
        access: AccessType,
        (verdict, plain): (Verdict, &[u8]),
    ) -> Received {
        let mut received = Received::new(verdict, plain);
        if let Session {
            security,
            smc: Half::Amf(amf),
        } = session
            && verdict.result.is_ok()
        {
            let uplink = Uplink {
                access,
                verdict: &verdict,
                plain,
            };
            received.procedure = amf.uplink(security, &uplink, &self.env(from));
            // A non-current context that the message took into use needs no side room any more.
            security.settle(from.side);
        }
        if let Some(outcome) = &received.procedure {
            received.diagnosis = outcome.diagnosis;
        }
        received.secured = session.security.secured(access);
        received
    }

    /// A message that did not verify changes nothing; only the state of the access is told.
    pub(super) fn unverified(session: &Session, access: AccessType, verdict: Verdict) -> Received {
        Received {
            secured: session.security.secured(access),
            ..Received::new(verdict, &[])
        }
    }

    pub(super) fn lower_layer_failure(&self, session: &mut Session, access: AccessType) {
        if let Session {
            security,
            smc: Half::Amf(amf),
        } = session
            && amf.access() == Some(access)
        {
            // Cannot fail: a command is unanswered, and this event sends nothing.
            let _ = amf.on(
                security,
                Event::LowerLayerFailure,
                &self.env(self.table.resources()),
                &mut [],
            );
        }
    }
}

impl Received {
    /// Writes what the procedure says into a job.
    pub(super) fn describe(&self, job: &mut Job) {
        let Some(outcome) = &self.procedure else {
            return;
        };
        let (event, cause) = event_number(outcome);
        job.event = event;
        job.cause = cause;
        job.diagnosis = outcome.diagnosis as u8;
    }
}

/// Number of an outcome in the C ABI, and the 5GMM cause of a reject.
#[must_use]
pub fn event_number(outcome: &Outcome) -> (u8, u8) {
    match outcome.ending {
        Ending::Completed if outcome.error.is_some() => (event::COMPLETED_BADLY, 0),
        Ending::Completed => (event::COMPLETED, 0),
        Ending::Rejected(cause) => (event::REJECTED, cause.0),
        Ending::Collision(_) => (event::COLLISION, 0),
        Ending::TimedOut => (event::TIMED_OUT, 0),
        Ending::Aborted => (event::ABORTED, 0),
        Ending::LowerLayerFailure => (event::LOWER_LAYER_FAILURE, 0),
    }
}

pub(super) fn job(engine: &Engine, job: &mut Job, arena: &mut [u8], keys: &Keys<'_>) -> Result<()> {
    let fields = batch::check(0, job, arena.len())?;
    let (handle, access) = (fields.handle, fields.access);
    #[cfg(test)]
    super::pass::defect::strike();
    if job.op == op::SMC_RESEND {
        let out = arena.get_mut(fields.output).ok_or(Error::OutOfRange)?;
        match engine.smc_event(handle, Event::T3560Expired, out)? {
            Action::Resend(sent) => describe_sent(job, &sent),
            Action::Ended(outcome) => {
                batch::clear(job);
                job.event = event_number(&outcome).0;
                job.diagnosis = outcome.diagnosis as u8;
                job.status = Error::Timeout.code();
            }
        }
        return Ok(());
    }
    // A copy: the request lies in memory that `out` may share.
    let request = SmcJob::read(arena.get(fields.input).ok_or(Error::OutOfRange)?)?;
    let out = arena.get_mut(fields.output).ok_or(Error::OutOfRange)?;
    let sent = engine.smc_command_with(handle, &request.request(access)?, keys, out)?;
    describe_sent(job, &sent);
    Ok(())
}

fn describe_sent(job: &mut Job, sent: &Sent) {
    batch::clear(job);
    job.out_len = u32::try_from(sent.len).unwrap_or_default();
    job.count = sent.count.unwrap_or_default();
    job.sht = sent.sht.bits();
    job.flags = batch::warning(sent.near_wrap);
    job.diagnosis = sent.diagnosis as u8;
    job.message_type = MessageType::SECURITY_MODE_COMMAND.0;
    job.status = 0;
}

impl SmcJob {
    /// The request that these octets describe.
    ///
    /// # Errors
    /// [`Error::Argument`] for a field outside its domain, [`Error::Bearer`], [`Error::MalformedIe`].
    pub fn request(&self, access: AccessType) -> Result<Request<'_>> {
        let activation = match self.target {
            target::CURRENT => Activation::Current,
            target::NEW_ALGORITHMS => Activation::NewAlgorithms,
            target::PARTIAL => Activation::Partial,
            target::NON_CURRENT => Activation::NonCurrent,
            target::HORIZONTAL => Activation::Horizontal {
                ul_count: self.ul_count,
            },
            _ => return Err(Error::Argument),
        };
        let asks = |bit: u8| self.flags & bit != 0;
        let part = |octets: &[u8], len: u8| -> Result<Option<std::ops::Range<usize>>> {
            let len = usize::from(len);
            if len > octets.len() {
                Err(Error::Argument)
            } else {
                Ok((len > 0).then_some(0..len))
            }
        };
        let mut request = Request::new(access, activation);
        request.algorithms = Algorithms::given(self.nea, self.nia)?;
        request.ng_ksi = if self.ng_ksi == u8::MAX {
            None
        } else {
            Some(NgKsi::from_bits(self.ng_ksi).ok_or(Error::NgKsi)?)
        };
        request.ongoing = (self.ongoing != 0).then_some(MessageType(self.ongoing));
        request.imeisv = asks(smc_flag::IMEISV);
        request.retransmission = asks(smc_flag::RINMR);
        request.abba = part(&self.abba, self.abba_len)?.and_then(|range| self.abba.get(range));
        request.eap_success = part(&self.eap_success, self.eap_success_len)?
            .and_then(|range| self.eap_success.get(range));
        if let Some(s1) = part(&self.s1_sec_cap, self.s1_sec_cap_len)?
            .and_then(|range| self.s1_sec_cap.get(range))
        {
            request.s1_sec_cap = Some(S1UeSecurityCapability::from_value(s1)?);
        }
        if asks(smc_flag::EPS_ALGORITHMS) {
            request.eps = Some(EpsAlgorithms {
                eea: self.eps_algorithms >> 4 & 7,
                eia: self.eps_algorithms & 7,
            });
        }
        Ok(request)
    }
}
