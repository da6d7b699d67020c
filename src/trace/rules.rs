//! The rules of the procedures: what may follow what (TS 24.501 4.4, 5.4.2).

use super::context::{COUNT_END, Context};
use super::finding::Finding;
use super::follow::{Event, Follower, Quiet};
use super::row::{Row, Verdict};
use super::ue::{Authentication, Outcome, Ue};
use crate::algorithm::{Input, Nea};
use crate::base::{Direction, NgKsi};
use crate::nas::{
    InitialMessage, MessageType, MobileIdentity, Pdu, RegistrationType, SecurityModeCommand,
    SecurityModeComplete, ie, inner_type,
};
use crate::security::Diagnosis;

/// Commands that may be sent before nothing was heard is said of them when the connection is released.
const FEW: u32 = 2;

/// An initial message whose cleartext part can be read.
fn initial(pdu: &[u8]) -> Option<InitialMessage<'_>> {
    let message = match Pdu::parse(pdu).ok()? {
        Pdu::Plain(plain) => plain.message(),
        Pdu::Protected(protected) => protected.body(),
    };
    InitialMessage::parse(message).ok()
}

/// The 5G-S-TMSI by which an initial message calls its sender.
pub(super) fn name(pdu: &[u8]) -> Option<[u8; 7]> {
    temporary(initial(pdu)?.identity?)
}

pub(super) fn is_service_request(pdu: &[u8]) -> bool {
    initial(pdu).is_some_and(|initial| initial.message_type == MessageType::SERVICE_REQUEST)
}

fn temporary(identity: MobileIdentity<'_>) -> Option<[u8; 7]> {
    let guti = identity.guti().map(|guti| guti.s_tmsi);
    Some(guti.or_else(|| identity.s_tmsi())?.value())
}

/// The 5G-GUTI that a message gives the UE.
fn given(plain: &[u8]) -> Option<[u8; 7]> {
    let message_type = inner_type(plain).ok()?;
    if ![
        MessageType::REGISTRATION_ACCEPT,
        MessageType::CONFIGURATION_UPDATE_COMMAND,
    ]
    .contains(&message_type)
    {
        return None;
    }
    let mut ies = ie::Ies::of(plain).ok()?.filter_map(Result::ok);
    let identity = ies.find(|element| element.iei == ie::MOBILE_IDENTITY)?;
    temporary(MobileIdentity::new(identity.value).ok()?)
}

/// The NAS message container of an initial message, deciphered (TS 24.501 4.4.6). That of SECURITY MODE COMPLETE is
/// not ciphered by itself.
pub(super) fn container(context: &Context, plain: Option<&[u8]>, input: Input) -> Option<Vec<u8>> {
    let plain = plain?;
    let initial = InitialMessage::parse(plain).ok()?;
    let mut value = plain.get(initial.container?)?.to_vec();
    context.decipher(input, &mut value)?;
    Some(value)
}

const fn cause(plain: &[u8]) -> Option<u8> {
    match plain {
        [_, _, _, cause, ..] => Some(*cause),
        _ => None,
    }
}

impl Ue {
    /// The procedure that is not answered is over.
    fn end(&mut self, outcome: Outcome) {
        if let Some(open) = self.open() {
            open.outcome = outcome;
        }
    }

    /// An initial message, plain or verified.
    fn initial(&mut self, message: &[u8]) -> Option<Finding> {
        let initial = InitialMessage::parse(message).ok()?;
        self.initial = Some(initial.message_type.0);
        if initial.message_type == MessageType::REGISTRATION_REQUEST {
            self.capability = initial.ue_sec_cap.or(self.capability);
            self.emergency = initial.registration_type() == Some(RegistrationType::Emergency);
        }
        let collides = self.open().is_some() && !initial.is_switch_off();
        collides.then(|| {
            self.end(Outcome::Aborted);
            Finding::new(
                Diagnosis::Collision,
                format!(
                    "{} while a SECURITY MODE COMMAND is unanswered: the AMF must abort the procedure (TS 24.501 5.4.2.7)",
                    initial.message_type
                ),
            )
        })
    }
}

impl Follower {
    /// A message without protection.
    pub(super) fn plain(&mut self, row: &mut Row, pdu: &[u8]) {
        let ue = self.ue(row.ue);
        if ue.secure[row.access.index()] {
            let text = "plain although secure exchange of NAS messages is established: the receiver must discard it";
            row.findings
                .push(Finding::new(Diagnosis::UnprotectedAfterSecure, text));
        }
        if row.direction == Direction::Uplink {
            row.findings.extend(ue.initial(pdu));
            ue.quiet = None;
        }
        self.step(row, pdu);
    }

    /// What plain and verified messages do to the procedures.
    fn step(&mut self, row: &mut Row, plain: &[u8]) {
        let ue = self.ue(row.ue);
        let Ok(message) = inner_type(plain) else {
            return;
        };
        match message {
            MessageType::AUTHENTICATION_REQUEST => {
                let ng_ksi = plain.get(3).and_then(|octet| NgKsi::from_bits(octet & 0xF));
                ue.authentication = ng_ksi.map(|ng_ksi| Authentication {
                    ng_ksi,
                    answered: false,
                });
            }
            MessageType::AUTHENTICATION_RESPONSE => {
                if let Some(authentication) = &mut ue.authentication {
                    authentication.answered = true;
                }
            }
            MessageType::AUTHENTICATION_FAILURE => {
                ue.authentication = None;
                if cause(plain) == Some(71) {
                    row.findings.push(Finding::new(
                        Diagnosis::NgKsiMismatch,
                        "cause 71: the AMF gave a ngKSI that the UE has in use",
                    ));
                }
            }
            MessageType::SECURITY_MODE_REJECT => self.rejected(row, cause(plain).unwrap_or(0)),
            MessageType::SECURITY_MODE_COMPLETE => self.completed(row, plain),
            MessageType::SERVICE_REJECT if cause(plain) == Some(9) => {
                if ue.service_failures > 0 {
                    row.findings.push(Finding::new(
                        Diagnosis::ServiceUnverified,
                        "cause 9: the AMF could not verify the SERVICE REQUEST; the UE must register again",
                    ));
                }
            }
            _ => {}
        }
        if let Some(name) = given(plain) {
            self.call(row.ue, name);
        }
    }

    fn rejected(&mut self, row: &mut Row, cause: u8) {
        let ue = self.ue(row.ue);
        let Some(open) = ue.open() else {
            row.findings.push(Finding::new(
                Diagnosis::UnexpectedComplete,
                "SECURITY MODE REJECT without a command",
            ));
            return;
        };
        open.outcome = Outcome::Rejected(cause);
        let finding = if cause == 23 {
            let text = open.difference().unwrap_or_else(|| {
                "the command replays what the UE sent in the clear: the UE's capability is another one, or was changed on the way".into()
            });
            Finding::new(Diagnosis::CapsMismatch, format!("cause 23: {text}"))
        } else {
            let verified = open.entry.is_some();
            let text = match &open.why {
                _ if verified => {
                    "the command is right under the keys given: the UE has another K_AMF, or refuses an algorithm"
                }
                Some(why) => why,
                None => "the command could not be checked with the keys given",
            };
            Finding::new(Diagnosis::KeyOrCount, format!("cause {cause}: {text}"))
        };
        row.findings.push(finding);
        ue.pending = None;
        ue.misfit = false;
    }

    fn completed(&mut self, row: &mut Row, plain: &[u8]) {
        let (time, frame, access) = (row.time, row.frame, row.access.index());
        let ue = self.ue(row.ue);
        ue.secure[access] = true;
        ue.quiet = Some((time, frame));
        let initial = ue.initial;
        let Some(open) = ue.open() else {
            row.findings.push(Finding::new(
                Diagnosis::UnexpectedComplete,
                "SECURITY MODE COMPLETE although no command is unanswered",
            ));
            return;
        };
        open.outcome = Outcome::Complete;
        let asked = open.retransmission;
        let container = SecurityModeComplete::decode(plain)
            .ok()
            .and_then(|complete| complete.container);
        let finding = match container {
            None if asked => Some(Finding::new(
                Diagnosis::ContainerMissing,
                "the command asked for the whole initial message (RINMR), and no NAS message container came",
            )),
            None => None,
            Some(container) => match (inner_type(container), initial) {
                (Err(_), _) => Some(Finding::new(
                    Diagnosis::ContainerMismatch,
                    "the NAS message container holds no plain 5GMM message",
                )),
                (Ok(inner), Some(initial)) if inner.0 != initial => Some(Finding::new(
                    Diagnosis::ContainerMismatch,
                    format!(
                        "the NAS message container holds {inner}, the procedure began with {}",
                        MessageType(initial)
                    ),
                )),
                _ => None,
            },
        };
        row.findings.extend(finding);
    }

    /// After a SECURITY MODE COMMAND, verified or not.
    pub(super) fn after_command(&mut self, row: &mut Row, command: &SecurityModeCommand<'_>) {
        let most = self.settings.commands;
        let ue = self.ue(row.ue);
        let emergency = ue.emergency;
        let mut say = |code: Diagnosis, text: String| row.findings.push(Finding::new(code, text));
        if let Some(open) = ue.open()
            && let Some(difference) = open.difference()
        {
            say(Diagnosis::CapsMismatch, difference);
        }
        let capability = ue.capability.unwrap_or(command.ue_sec_cap);
        if !capability.supports_nia(command.nia) || !capability.supports_nea(command.nea) {
            let text = format!(
                "NIA{} and NEA{} are selected, and the UE does not have both",
                command.nia, command.nea
            );
            say(Diagnosis::AlgNotInCaps, text);
        }
        if command.nia == 0 && !emergency {
            let text = "NIA0 outside an emergency session (TS 33.501 5.5.2)".to_owned();
            say(Diagnosis::NullIntegrityForbidden, text);
        }
        match ue.authentication {
            Some(authentication) if !authentication.answered => {
                let text = "the authentication before it is not answered yet".to_owned();
                say(Diagnosis::OutOfOrder, text);
            }
            Some(authentication) if authentication.ng_ksi != command.ng_ksi => {
                let text = format!(
                    "ngKSI {} where the authentication gave {}",
                    command.ng_ksi.bits(),
                    authentication.ng_ksi.bits()
                );
                say(Diagnosis::NgKsiMismatch, text);
            }
            None if ue.current.is_none() && !emergency && ue.initial.is_some() => {
                let text = "no authentication came before it, and the UE has no context".to_owned();
                say(Diagnosis::OutOfOrder, text);
            }
            _ => {}
        }
        ue.commands_without_answer += 1;
        if ue.commands_without_answer > most {
            let text = format!(
                "{} commands without a good uplink message",
                ue.commands_without_answer
            );
            say(Diagnosis::SmcLoop, text);
        }
        self.policy(row, command);
    }

    /// The operator's order of algorithms, if given.
    fn policy(&mut self, row: &mut Row, command: &SecurityModeCommand<'_>) {
        let capability = command.ue_sec_cap;
        let (nia, nea) = (&self.settings.nia_order, &self.settings.nea_order);
        let nia = nia.iter().find(|id| capability.supports_nia(**id));
        let nea = nea.iter().find(|id| capability.supports_nea(**id));
        for (what, wanted, selected) in [("NIA", nia, command.nia), ("NEA", nea, command.nea)] {
            if let Some(wanted) = wanted.filter(|id| **id != selected) {
                let text = format!(
                    "the policy chooses {what}{wanted} for this UE, the command {what}{selected}"
                );
                row.findings
                    .push(Finding::new(Diagnosis::AlgNotInCaps, text));
            }
        }
    }

    /// A verified message.
    pub(super) fn after_good(&mut self, row: &mut Row) {
        let settings = (self.settings.downlinks, self.settings.near_wrap);
        let access = row.access.index();
        let ue = self.ue(row.ue);
        let sht = row.sht.unwrap_or_default();
        let ciphers = row.algorithms.is_some_and(|(_, nea)| nea != Nea::Nea0);
        if row.direction == Direction::Uplink {
            ue.commands_without_answer = 0;
            ue.downlinks = 0;
            ue.service_failures = 0;
            ue.quiet = None;
            let initial = row.message.is_some_and(MessageType::is_initial);
            if sht == 1 && ue.secure[access] && ciphers && !initial {
                row.findings.push(Finding::new(
                    Diagnosis::UnprotectedAfterSecure,
                    "not ciphered although secure exchange of NAS messages is established",
                ));
            }
            let plain = row.plain.clone().unwrap_or_default();
            row.findings.extend(ue.initial(&plain));
        } else {
            if sht == 1 && ue.secure[access] && ciphers {
                row.findings.push(Finding::new(
                    Diagnosis::DlCipherNotStarted,
                    "the AMF does not cipher although SECURITY MODE COMPLETE came",
                ));
            }
            ue.downlinks += 1;
            if ue.downlinks == settings.0 + 1 {
                row.findings.push(Finding::new(
                    Diagnosis::RetransmissionStorm,
                    format!(
                        "{} protected downlink messages without an uplink one",
                        ue.downlinks
                    ),
                ));
            }
            // The AMF answered under this context: secure exchange is up.
            ue.secure[access] |= sht == 2;
        }
        if row
            .count
            .is_some_and(|count| count >= COUNT_END - settings.1)
            && ue.first(Diagnosis::CountNearWrap)
        {
            row.findings.push(Finding::new(
                Diagnosis::CountNearWrap,
                format!(
                    "fewer than {} COUNTs are left: authenticate again",
                    settings.1
                ),
            ));
        }
        let fits = row.message.is_none_or(|message| match sht {
            3 => message == MessageType::SECURITY_MODE_COMMAND,
            4 => message == MessageType::SECURITY_MODE_COMPLETE,
            _ => true,
        });
        if !fits {
            row.findings.push(Finding::new(
                Diagnosis::UnexpectedComplete,
                "security header types 3 and 4 belong to the security mode procedure alone",
            ));
        }
        if let Some(plain) = row.plain.clone() {
            self.step(row, &plain);
        }
        self.initial_container(row);
    }

    /// The container of an initial message must hold the same message (TS 24.501 4.4.6).
    fn initial_container(&mut self, row: &mut Row) {
        let Some(container) = &row.container else {
            return;
        };
        let finding = match (inner_type(container), row.message) {
            // Its container holds elements, not a message.
            (_, Some(MessageType::CONTROL_PLANE_SERVICE_REQUEST)) => return,
            (Err(_), _) => Finding::new(
                Diagnosis::CipherSkew,
                "the MAC is right, but the NAS message container does not decipher to a message",
            ),
            (Ok(inner), Some(outer)) if inner != outer => Finding::new(
                Diagnosis::ContainerMismatch,
                format!("the NAS message container of {outer} holds {inner}"),
            ),
            _ => return,
        };
        if finding.code == Diagnosis::CipherSkew.into() {
            row.container = None;
        }
        row.findings.push(finding);
    }

    /// A protected message that could not be verified.
    pub(super) fn after_bad(&mut self, row: &mut Row) {
        let ue = self.ue(row.ue);
        if row.direction == Direction::Uplink {
            ue.quiet = None;
        }
        let service = [
            MessageType::SERVICE_REQUEST,
            MessageType::CONTROL_PLANE_SERVICE_REQUEST,
        ];
        if row
            .message
            .is_some_and(|message| service.contains(&message))
        {
            ue.service_failures += 1;
            if ue.service_failures > 1 {
                row.findings.push(Finding::new(
                    Diagnosis::ServiceUnverified,
                    format!(
                        "{} SERVICE REQUESTs in a row do not verify",
                        ue.service_failures
                    ),
                ));
            }
        }
        if row.sht == Some(4) {
            let index = row.access.index();
            let answered = ue.open().is_some();
            ue.end(Outcome::Complete);
            ue.secure[index] |= answered;
            if answered && ue.misfit {
                // The AMF's next message will tell; the context before is left in any case.
                ue.older.extend(ue.current.take());
            } else if !answered && row.verdict == Verdict::NoContext {
                row.findings.push(Finding::new(
                    Diagnosis::UnexpectedComplete,
                    "security header type 4 although no command is unanswered",
                ));
            }
        }
    }

    /// Faults of time, looked at whenever a UE is touched: no answer to a command, nothing after COMPLETE.
    pub(super) fn silence(&mut self, number: usize, now: u64, when: Quiet, out: &mut Vec<Event>) {
        let (answer, quiet) = (self.settings.answer, self.settings.quiet);
        let ue = self.resolve(number);
        if !self.remembers(ue) {
            return;
        }
        let ue_state = self.ue(ue);
        let mut late = Vec::new();
        if let Some((since, frame)) = ue_state.quiet
            && now.saturating_sub(since) >= quiet
        {
            ue_state.quiet = None;
            let seconds = now.saturating_sub(since) / 1_000_000_000;
            let text = format!("no uplink message for {seconds} s after SECURITY MODE COMPLETE");
            late.push((frame, Finding::new(Diagnosis::StallAfterComplete, text)));
        }
        if let Some(open) = ue_state.open() {
            let waited = now.saturating_sub(open.last) >= answer;
            let over = match when {
                // Retransmissions come after this time too.
                Quiet::Spoken => false,
                Quiet::Released => waited || open.times >= FEW,
                Quiet::End => waited,
            };
            if over {
                open.outcome = Outcome::Aborted;
                let text = format!("no answer to {} SECURITY MODE COMMANDs", open.times);
                late.push((open.frame, Finding::new(Diagnosis::SmcTimeout, text)));
            }
        }
        out.extend(late.into_iter().map(|(frame, finding)| Event::Late {
            ue,
            frame,
            time: now,
            finding,
        }));
    }
}
