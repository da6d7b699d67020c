//! The AMF half (TS 24.501 5.4.2.2, 5.4.2.4, 5.4.2.6, 5.4.2.7).

use crate::base::{AccessType, Error, NgKsi, Result};
use crate::nas::{self, InitialMessage};
use crate::nas::{
    Carrier, Cause, MessageType, SecurityHeaderType, SecurityModeComplete, SecurityModeReject,
};
use crate::security::protect::Form;
use crate::security::verify::Expect;
use crate::security::{Diagnosis, KeyChange, Place, UeSecurity, Verdict};

use super::outcome::{Action, Ending, Event, Outcome, diagnosis_of};
use super::request::{Plan, Request};
use super::send::{self, Sent};
use super::{Demand, Env};

/// The security mode procedure of one UE at the AMF. `Default` is idle.
#[derive(Debug, Default)]
pub struct Amf {
    running: Option<Running>,
    loop_ng_ksi: Option<NgKsi>,
    commands: u8,
}

/// A command without an answer.
#[derive(Clone, Copy, Debug)]
struct Running {
    access: AccessType,
    place: Place,
    was_partial: bool,
    ongoing: Option<MessageType>,
    container: Demand,
    imeisv: Demand,
    resent: u8,
}

/// An uplink message that [`commit`](crate::security::verify::commit) accepted.
#[derive(Clone, Copy, Debug)]
pub struct Uplink<'a> {
    /// The access it came on.
    pub access: AccessType,
    /// Its verdict.
    pub verdict: &'a Verdict,
    /// The plain message.
    pub plain: &'a [u8],
}

impl Amf {
    /// True while a command is unanswered. T3560 runs then.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The access of the unanswered command.
    #[must_use]
    pub fn access(&self) -> Option<AccessType> {
        self.running.map(|running| running.access)
    }

    /// The place of the context that the unanswered command takes into use.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.running.map(|running| running.place)
    }

    /// True when the context of the unanswered command had no algorithms before it.
    #[must_use]
    pub fn was_partial(&self) -> bool {
        self.running.is_some_and(|running| running.was_partial)
    }

    /// What the verify pipeline waits for on this access: header type 4 is legal only while a command is
    /// unanswered there (R05).
    #[must_use]
    pub fn expects(&self, access: AccessType) -> Expect {
        match self.running {
            Some(running) if running.access == access => Expect::Complete(running.place),
            _ => Expect::Any,
        }
    }

    /// Sends a SECURITY MODE COMMAND: the PDU lies at the start of `out` (up to 391 octets). Start T3560.
    ///
    /// # Errors
    /// After any of them the UE and this half are as they were: [`Error::Role`]; [`Error::Conflict`] while a
    /// key-changing procedure runs (R42) or the second access still waits for its command;
    /// [`Error::OutOfOrder`], [`Error::NgKsi`], [`Error::NoCommonIntegrity`], [`Error::NoCommonCiphering`],
    /// [`Error::AlgorithmNotSupported`], [`Error::NullIntegrity`], [`Error::IeCombination`],
    /// [`Error::Horizontal`], [`Error::KeyReused`], [`Error::CountExhausted`], [`Error::SideFull`],
    /// [`Error::TooLong`], [`Error::BufferTooSmall`]. [`diagnosis_of`] names the row of the failure table.
    pub fn command(
        &mut self,
        ue: &mut UeSecurity,
        request: &Request<'_>,
        env: &Env<'_>,
        out: &mut [u8],
    ) -> Result<Sent> {
        if ue.role() != crate::security::Role::Amf {
            return Err(Error::Role);
        }
        if self.running.is_some() || ue.key_change().is_some() {
            return Err(Error::Conflict);
        }
        let plan = Plan::make(ue, request, &env.smc.policy)?;
        let had_context = ue.context(Place::Current).is_some();
        let len = plan.message(request).encode(send::body(out)?)?;
        let plain = send::body(out)?.get(..len).ok_or(Error::BufferTooSmall)?;
        let sent = ue
            .hold_message(plain, env.from.side)
            .and_then(|()| start(ue, &plan, (request.access, env), (len, out)));
        let sent = sent.inspect_err(|_| {
            out.fill(0);
            ue.forget_message(env.from.side);
        })?;
        let asked = |asked: bool, demand| if asked { demand } else { Demand::Optional };
        let unknown = !had_context && request.ongoing.is_some();
        self.running = Some(Running {
            access: request.access,
            place: plan.step.place(),
            was_partial: plan.step.is_partial(),
            ongoing: request.ongoing,
            container: asked(request.retransmission || unknown, env.smc.container),
            imeisv: asked(request.imeisv, env.smc.imeisv),
            resent: 0,
        });
        let diagnosis = self.count_command(plan.ng_ksi, env.smc.commands_before_loop);
        Ok(Sent { diagnosis, ..sent })
    }

    fn count_command(&mut self, ng_ksi: NgKsi, limit: u8) -> Diagnosis {
        if self.loop_ng_ksi.replace(ng_ksi) != Some(ng_ksi) {
            self.commands = 0;
        }
        self.commands = self.commands.saturating_add(1);
        if self.commands > limit {
            Diagnosis::SmcLoop
        } else {
            Diagnosis::None
        }
    }

    /// Tells the procedure what happened. `out` takes the command when it is sent again.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when no command is unanswered; [`Error::BufferTooSmall`] and
    /// [`Error::CountExhausted`] for a retransmission: nothing changed, the command is still unanswered.
    pub fn on(
        &mut self,
        ue: &mut UeSecurity,
        event: Event,
        env: &Env<'_>,
        out: &mut [u8],
    ) -> Result<Action> {
        let running = self.running.as_mut().ok_or(Error::Unexpected)?;
        let ending = match event {
            Event::T3560Expired if running.resent < env.smc.retransmissions => {
                let sent = resend(ue, running, env, out)?;
                running.resent += 1;
                return Ok(Action::Resend(sent));
            }
            Event::NonDelivered => return Ok(Action::Resend(resend(ue, running, env, out)?)),
            Event::T3560Expired => Ending::TimedOut,
            Event::LowerLayerFailure => Ending::LowerLayerFailure,
            Event::Collision(message) => Ending::Collision(message),
            Event::Abort => Ending::Aborted,
        };
        self.withdraw(ue, env);
        Ok(Action::Ended(Outcome::new(ending)))
    }

    /// Looks at every uplink message that verified, on either access: the answer to the command, or a message that
    /// goes before it. `None`: the procedure is not affected. Messages that did not verify change nothing here.
    pub fn uplink(
        &mut self,
        ue: &mut UeSecurity,
        uplink: &Uplink<'_>,
        env: &Env<'_>,
    ) -> Option<Outcome> {
        let message = uplink
            .verdict
            .result
            .ok()
            .and(uplink.verdict.message_type)?;
        if message != MessageType::SECURITY_MODE_REJECT {
            self.commands = 0;
        }
        let running = self
            .running
            .filter(|running| running.access == uplink.access)?;
        match message {
            MessageType::SECURITY_MODE_COMPLETE
                if uplink.verdict.sht == Some(SecurityHeaderType::CipheredNew)
                    && uplink.verdict.place == Some(running.place) =>
            {
                Some(self.complete(ue, &running, (uplink, env)))
            }
            MessageType::SECURITY_MODE_REJECT => {
                let cause = SecurityModeReject::decode(uplink.plain).map(|reject| reject.cause);
                self.reject(ue, cause.unwrap_or(Cause::SECURITY_MODE_REJECTED), env)
            }
            message if message.is_initial() && !switches_off(uplink.plain) => {
                self.withdraw(ue, env);
                Some(Outcome::new(Ending::Collision(message)))
            }
            _ => None,
        }
    }

    /// The AMF acts on a SECURITY MODE REJECT that came without valid integrity, as TS 24.501 4.4.4.3 lets it
    /// before secure exchange is established: rolls back as for a verified one. `None` when no command is
    /// unanswered.
    pub fn rejected_unprotected(
        &mut self,
        ue: &mut UeSecurity,
        cause: Cause,
        env: &Env<'_>,
    ) -> Option<Outcome> {
        self.running?;
        self.reject(ue, cause, env)
    }

    fn reject(&mut self, ue: &mut UeSecurity, cause: Cause, env: &Env<'_>) -> Option<Outcome> {
        ue.reject_candidate(env.from);
        self.end(ue, env);
        Some(Outcome::new(Ending::Rejected(cause)))
    }

    fn withdraw(&mut self, ue: &mut UeSecurity, env: &Env<'_>) {
        if let Some(running) = self.running
            && running.place == Place::Candidate
        {
            ue.withdraw_candidate(running.was_partial, env.from);
        }
        self.end(ue, env);
    }

    fn end(&mut self, ue: &mut UeSecurity, env: &Env<'_>) {
        self.running = None;
        // Fails only when a deregistration ended it before.
        let _ = ue.end_key_change(KeyChange::SecurityMode);
        ue.forget_message(env.from.side);
    }

    /// Both sides have the context now, so it is taken into use whatever the content is; what is wrong with the
    /// content is told.
    fn complete(
        &mut self,
        ue: &mut UeSecurity,
        running: &Running,
        (uplink, env): (&Uplink<'_>, &Env<'_>),
    ) -> Outcome {
        let count = uplink.verdict.count.unwrap_or_default();
        ue.taken_into_use(running.place, running.access, count, env.from);
        self.end(ue, env);
        let mut outcome = Outcome {
            ul_count: Some(count),
            ..Outcome::new(Ending::Completed)
        };
        match read_complete(running, uplink.plain, &mut outcome) {
            Ok(note) => outcome.diagnosis = note,
            Err(error) => {
                outcome.error = Some(error);
                outcome.diagnosis = diagnosis_of(error);
            }
        }
        outcome
    }
}

fn read_complete(running: &Running, plain: &[u8], outcome: &mut Outcome) -> Result<Diagnosis> {
    let (complete, container) = SecurityModeComplete::locate(plain)?;
    let place = |value: &[u8]| crate::security::container::place_in(plain, value);
    outcome.imeisv = complete.imeisv.map(|imeisv| place(imeisv.value()));
    outcome.pei = complete.pei.map(place);
    let mut note = Diagnosis::None;
    match (complete.container, running.ongoing) {
        (Some(content), Some(ongoing)) => {
            nas::check_container(ongoing, Carrier::SecurityModeComplete, content)
                .map_err(|_| Error::ContainerMismatch)?;
            outcome.container = container;
        }
        (Some(_), None) => note = Diagnosis::ContainerMismatch,
        (None, _) if running.container == Demand::Required => return Err(Error::ContainerMissing),
        (None, _) => {}
    }
    let nameless = outcome.imeisv.is_none() && outcome.pei.is_none();
    if running.imeisv == Demand::Required && nameless {
        Err(Error::MalformedIe)
    } else {
        Ok(note)
    }
}

/// A switch-off does not collide: the UE is gone and waits for nothing.
fn switches_off(plain: &[u8]) -> bool {
    InitialMessage::parse(plain).is_ok_and(|initial| initial.is_switch_off())
}

fn resend(ue: &mut UeSecurity, running: &Running, env: &Env<'_>, out: &mut [u8]) -> Result<Sent> {
    let held = ue.held_message().ok_or(Error::Unexpected)?;
    let len = held.len();
    send::body(out)?
        .get_mut(..len)
        .ok_or(Error::BufferTooSmall)?
        .copy_from_slice(held);
    send::protect(
        ue,
        (running.access, env.security, &env.from),
        (len, &Form::Command(running.place)),
        out,
    )
}

/// Makes the candidate and sends the first command; undoes the one when the other fails.
fn start(
    ue: &mut UeSecurity,
    plan: &Plan,
    (access, env): (AccessType, &Env<'_>),
    (len, out): (usize, &mut [u8]),
) -> Result<Sent> {
    let place = plan.step.place();
    plan.step.install(ue, (access, plan.algorithms), env.from)?;
    let begun = ue.begin_key_change(KeyChange::SecurityMode);
    let sent = begun.and_then(|()| {
        send::protect(
            ue,
            (access, env.security, &env.from),
            (len, &Form::Command(place)),
            out,
        )
    });
    if sent.is_err() {
        let _ = ue.end_key_change(KeyChange::SecurityMode);
        plan.step.undo(ue, env.from);
    } else if place == Place::Candidate {
        ue.renew_candidate_capability(plan.ue_sec_cap);
    }
    sent
}
