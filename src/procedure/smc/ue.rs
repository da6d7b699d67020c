//! The UE half (TS 24.501 5.4.2.3, 5.4.2.5), for load generation, simulators and tests.

use std::ops::Range;

use arrayvec::ArrayVec;

use crate::algorithm::{Nea, Nia};
use crate::base::{AccessType, Error, NgKsi, Result};
use crate::kdf::{HorizontalDirection, KAmf, k_amf_prime};
use crate::nas::{
    Cause, InitialMessage, MessageType, MobileIdentity, Pdu, SecurityHeaderType,
    UeSecurityCapability, inner_type,
};
use crate::nas::{SecurityModeCommand, SecurityModeComplete, SecurityModeReject};
use crate::security::protect::{Form, OVERHEAD};
use crate::security::verify::{self, Checked, Checking, Expect, Octets};
use crate::security::{Algorithms, Identity, Place, Resources, Role, Settings, Target, UeSecurity};

use super::request::NewKey;
use super::send::{self, Sent};
use crate::procedure::step::Step;

/// The security mode procedure of one UE at its own end. `Default`: no initial message was sent.
#[derive(Debug, Default)]
pub struct Ue {
    initial: Option<Initial>,
    /// UL COUNT of a REGISTRATION REQUEST over 3GPP access that no command has followed yet: what K_AMF' may come
    /// from. A command of an earlier, abandoned procedure that arrives late must find nothing here.
    registration_count: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Initial {
    access: AccessType,
    protected: bool,
}

/// What the UE half borrows from its surroundings.
#[derive(Clone, Copy)]
pub struct UeEnv<'a> {
    /// Side rooms and the guard of key freshness.
    pub from: Resources<'a>,
    /// Settings of the security floor.
    pub security: &'a Settings,
    /// The capability that the UE sent last. It is also what the UE supports.
    pub ue_sec_cap: UeSecurityCapability,
    /// The IMEISV, sent when the command asks for it.
    pub imeisv: Option<MobileIdentity<'a>>,
    /// The whole initial message, for the NAS message container.
    pub whole_initial: Option<&'a [u8]>,
    /// K_AMF' that the UE mapped from its EPS context.
    pub mapped: Option<NewKey<'a>>,
    /// Emergency session without authentication: permits null algorithms; the key is the UE's own and protects
    /// nothing.
    pub emergency: Option<&'a KAmf>,
}

/// An initial NAS message to be sent (TS 24.501 4.4.6).
#[derive(Clone, Debug)]
pub struct InitialMessageToSend<'a> {
    /// The access.
    pub access: AccessType,
    /// The plain message: cleartext elements, and with a context the NAS message container with the whole one.
    pub message: &'a [u8],
    /// Where the container's value lies, as the encoder said.
    pub container: Option<Range<usize>>,
}

/// What the UE answers to a SECURITY MODE COMMAND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// SECURITY MODE COMPLETE lies in the output; the context is in use.
    Complete(Sent),
    /// SECURITY MODE REJECT lies in the output; the contexts are as before.
    Reject(Cause, Sent),
    /// No answer; nothing changed.
    Discarded(Error),
}

/// A step that verified the command.
struct Verified {
    step: Step,
    checked: Checked,
}

impl Ue {
    /// A handover took another K_AMF into use: nothing that was sent under the one before counts any more.
    pub(crate) fn handed_over(&mut self) {
        self.registration_count = None;
    }

    /// Sends an initial message: protected with the current context, its container ciphered; plain without a
    /// context. The PDU lies at the start of `out`.
    ///
    /// # Errors
    /// Those of [`InitialMessage::parse`]; [`Error::Argument`] for elements in the open that must not be;
    /// [`Error::CountExhausted`], [`Error::BufferTooSmall`].
    pub fn send_initial(
        &mut self,
        ue: &mut UeSecurity,
        initial: &InitialMessageToSend<'_>,
        env: &UeEnv<'_>,
        out: &mut [u8],
    ) -> Result<Sent> {
        let message = initial.message;
        let access = initial.access;
        let protected = ue
            .context(ue.in_use(access))
            .is_some_and(|c| c.algorithms().is_some());
        if !InitialMessage::parse(message)?.is_cleartext_only()
            || (!protected && initial.container.is_some())
        {
            return Err(Error::Argument);
        }
        let sent = if protected {
            let room = send::body(out)?
                .get_mut(..message.len())
                .ok_or(Error::BufferTooSmall)?;
            room.copy_from_slice(message);
            let form = Form::Initial(initial.container.clone());
            send::protect(
                ue,
                (access, env.security, &env.from),
                (message.len(), &form),
                out,
            )?
        } else {
            let room = out.get_mut(..message.len()).ok_or(Error::BufferTooSmall)?;
            room.copy_from_slice(message);
            Sent::plain(message.len())
        };
        self.initial = Some(Initial { access, protected });
        if access == AccessType::ThreeGpp {
            let registers = inner_type(message)? == MessageType::REGISTRATION_REQUEST;
            self.registration_count = sent.count.filter(|_| registers);
        }
        Ok(sent)
    }

    /// Answers a SECURITY MODE COMMAND. The checks in order: MAC under the context that the command names, COUNT,
    /// replayed capability, algorithms, ABBA beside an EAP-Success. `out` must hold the command as well as the
    /// answer.
    ///
    /// # Errors
    /// [`Error::Role`]; [`Error::Argument`] when the container is needed and [`UeEnv::whole_initial`] is not
    /// there; [`Error::BufferTooSmall`], [`Error::CountExhausted`], [`Error::SideFull`]. The contexts are as before.
    pub fn command_received(
        &mut self,
        ue: &mut UeSecurity,
        (access, pdu): (AccessType, &[u8]),
        env: &UeEnv<'_>,
        out: &mut [u8],
    ) -> Result<Answer> {
        if ue.role() != Role::Ue {
            return Err(Error::Role);
        }
        let body = match Pdu::parse(pdu) {
            Ok(Pdu::Protected(p)) if p.sht() == SecurityHeaderType::IntegrityNew => p.body(),
            Ok(_) => return Ok(Answer::Discarded(Error::HeaderType)),
            Err(error) => return Ok(Answer::Discarded(error)),
        };
        let command = match SecurityModeCommand::decode(body) {
            Ok(command) => command,
            Err(error) => return Ok(Answer::Discarded(error)),
        };
        let had_context = ue.context(Place::Current).is_some();
        let verified = match self.verify(ue, &command, (access, pdu, env), out)? {
            Ok(verified) => verified,
            Err(Error::Replay) => return Ok(Answer::Discarded(Error::Replay)),
            Err(_) => return reject(ue, Cause::SECURITY_MODE_REJECTED, (access, env), out),
        };
        if let Some(cause) = objection(&command, env) {
            verified.step.undo(ue, env.from);
            return reject(ue, cause, (access, env), out);
        }
        let container =
            command.asks_for_retransmission() || (self.sent_plain(access) && !had_context);
        self.accept(ue, (&command, container, access), (verified, env), out)
    }

    fn sent_plain(&self, access: AccessType) -> bool {
        self.initial
            .is_some_and(|initial| initial.access == access && !initial.protected)
    }

    /// Tries the contexts that the command may mean, and leaves the one that verified it installed.
    fn verify(
        &self,
        ue: &mut UeSecurity,
        command: &SecurityModeCommand<'_>,
        (access, pdu, env): (AccessType, &[u8], &UeEnv<'_>),
        out: &mut [u8],
    ) -> Result<core::result::Result<Verified, Error>> {
        let (Some(nea), Some(nia)) = (Nea::from_id(command.nea), Nia::from_id(command.nia)) else {
            return Ok(Err(Error::AlgorithmNotSupported));
        };
        let algorithms = Algorithms { nea, nia };
        let mut failure = Error::NoContext;
        for step in self.steps(ue, command, (algorithms, env)) {
            match step.install(ue, (access, algorithms), env.from) {
                Ok(()) => {}
                Err(error @ Error::SideFull) => return Err(error),
                Err(error) => {
                    failure = error;
                    continue;
                }
            }
            let verdict = match check(ue, (access, pdu, step.place()), env.security, out) {
                Ok(checked) if checked.peek().result.is_ok() => {
                    return Ok(Ok(Verified { step, checked }));
                }
                Ok(checked) => checked.peek().result,
                Err(error) => Err(error),
            };
            step.undo(ue, env.from);
            match verdict {
                Err(Error::Replay) => return Ok(Err(Error::Replay)),
                Err(error @ Error::BufferTooSmall) => return Err(error),
                Err(error) => failure = error,
                Ok(()) => {}
            }
        }
        Ok(Err(failure))
    }

    /// What the command may mean, likeliest first. The current context comes first also for HDP: a command that is
    /// repeated because the answer was lost is protected with the K_AMF' that is in use by then.
    fn steps(
        &self,
        ue: &UeSecurity,
        command: &SecurityModeCommand<'_>,
        (algorithms, env): (Algorithms, &UeEnv<'_>),
    ) -> ArrayVec<Step, 4> {
        let mut steps = ArrayVec::new();
        let named = |place| {
            ue.context(place)
                .filter(|context| context.ng_ksi() == command.ng_ksi)
        };
        if let Some(current) = named(Place::Current) {
            let same = current.algorithms() == Some(algorithms);
            steps.push(Step::Make(if same {
                Target::Current
            } else {
                Target::NewAlgorithms(algorithms)
            }));
            if let Some(count) = self.registration_count
                && command.is_horizontal()
            {
                let key = k_amf_prime(current.k_amf(), HorizontalDirection::Mobility, count);
                steps.push(Step::Horizontal(key));
            }
        }
        if let Some(spare) = named(Place::NonCurrent) {
            match spare.algorithms() {
                None => steps.push(Step::Make(Target::Partial(algorithms))),
                Some(kept) if kept == algorithms => steps.push(Step::Make(Target::NonCurrent)),
                Some(_) => {}
            }
        }
        if let Some(mapped) = env.mapped.filter(|mapped| mapped.ng_ksi == command.ng_ksi) {
            steps.push(Step::Map(identity(mapped.k_amf, mapped.ng_ksi, env)));
        }
        if let Some(key) = env
            .emergency
            .filter(|_| algorithms.nia == Nia::Nia0 && steps.is_empty())
        {
            steps.push(Step::Adopt(Identity {
                emergency: true,
                ..identity(key, command.ng_ksi, env)
            }));
        }
        steps
    }

    fn accept(
        &mut self,
        ue: &mut UeSecurity,
        (command, container, access): (&SecurityModeCommand<'_>, bool, AccessType),
        (verified, env): (Verified, &UeEnv<'_>),
        out: &mut [u8],
    ) -> Result<Answer> {
        let Verified { step, checked } = verified;
        let form = Form::Complete(step.place());
        let sent = complete(command, container, env).and_then(|complete| {
            let (len, _) = complete.encode(send::body(out)?)?;
            send::protect(ue, (access, env.security, &env.from), (len, &form), out)
        });
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                step.undo(ue, env.from);
                return Err(error);
            }
        };
        // Nothing came between check and commit, so the COUNT is as fresh as it was.
        let verdict = verify::commit_in(ue, checked, (env.security, Some(&env.from)));
        debug_assert!(verdict.result.is_ok());
        self.registration_count = None;
        ue.taken_into_use(
            step.place(),
            access,
            sent.count.unwrap_or_default(),
            env.from,
        );
        Ok(Answer::Complete(sent))
    }
}

fn identity(k_amf: &KAmf, ng_ksi: NgKsi, env: &UeEnv<'_>) -> Identity {
    Identity {
        k_amf: k_amf.clone(),
        ng_ksi,
        ue_sec_cap: env.ue_sec_cap,
        emergency: false,
    }
}

/// Verifies without accepting. `out` takes a copy of the body, which was not ciphered.
fn check(
    ue: &UeSecurity,
    (access, pdu, place): (AccessType, &[u8], Place),
    settings: &Settings,
    out: &mut [u8],
) -> Result<Checked> {
    let estimated = match verify::estimate(ue, access, (pdu, Expect::Command(place)), settings) {
        Ok(estimated) => estimated,
        Err(verdict) => return Err(verdict.result.err().unwrap_or(Error::Mac)),
    };
    let out = out
        .get_mut(..pdu.len().saturating_sub(OVERHEAD))
        .ok_or(Error::BufferTooSmall)?;
    let checking = Checking::new(estimated, ue, Octets::Apart { pdu, out })?;
    let mut result = Err(Error::Mac);
    verify::check(&mut [checking], settings, |checked| result = Ok(checked));
    result
}

/// Why a verified command is not obeyed.
fn objection(command: &SecurityModeCommand<'_>, env: &UeEnv<'_>) -> Option<Cause> {
    if command.ue_sec_cap != env.ue_sec_cap {
        return Some(Cause::CAPABILITIES_MISMATCH);
    }
    let supported = if command.nia == Nia::Nia0.id() {
        env.emergency.is_some() && command.nea == Nea::Nea0.id()
    } else {
        env.ue_sec_cap.supports_nia(command.nia) && env.ue_sec_cap.supports_nea(command.nea)
    };
    (!supported || command.check().is_err()).then_some(Cause::SECURITY_MODE_REJECTED)
}

fn complete<'a>(
    command: &SecurityModeCommand<'_>,
    container: bool,
    env: &UeEnv<'a>,
) -> Result<SecurityModeComplete<'a>> {
    if container && env.whole_initial.is_none() {
        return Err(Error::Argument);
    }
    Ok(SecurityModeComplete {
        imeisv: env.imeisv.filter(|_| command.asks_for_imeisv()),
        container: env.whole_initial.filter(|_| container),
        pei: None,
    })
}

/// SECURITY MODE REJECT, protected with the context in use if there is one (TS 24.501 5.4.2.5).
fn reject(
    ue: &mut UeSecurity,
    cause: Cause,
    (access, env): (AccessType, &UeEnv<'_>),
    out: &mut [u8],
) -> Result<Answer> {
    let message = SecurityModeReject { cause };
    let protected = ue
        .context(ue.in_use(access))
        .is_some_and(|c| c.algorithms().is_some());
    if !protected {
        return Ok(Answer::Reject(cause, Sent::plain(message.encode(out)?)));
    }
    let form = if ue.secured(access) {
        Form::Auto
    } else {
        Form::Integrity
    };
    let len = message.encode(send::body(out)?)?;
    let sent = send::protect(ue, (access, env.security, &env.from), (len, &form), out)?;
    Ok(Answer::Reject(cause, sent))
}
