//! A capture through sessions: every uplink PDU to the session in the AMF's role, every downlink PDU to the one in
//! the UE's. The sessions are established from K_AMF, and the security mode procedure of the capture takes each
//! context into use. Every good PDU is also made anew by the session of its sender.

use std::collections::HashMap;

use naslane::base::{AccessType, Error};
use naslane::engine::{Config, Engine};
use naslane::kdf::KAmf;
use naslane::nas::{InitialMessage, SecurityModeCommand, SecurityModeComplete};
use naslane::procedure::smc::{Activation, Answer, Ending, Request};
use naslane::security::protect::Form;
use naslane::security::{Deregistration, Identity, Place, Role};
use naslane::session::Handle;

use super::capture::{Capture, Dir, Expected, Line};
use super::tally::{SESSIONS, Tally, same};
use super::wire::algorithms;

const GPP: AccessType = AccessType::ThreeGpp;
/// Longer than any NAS PDU of a capture.
const ROOM: usize = 4096;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) plain: usize,
    /// Plain messages that came although secure exchange was established: refused.
    pub(super) late_plain: usize,
    pub(super) accepted: usize,
    pub(super) refused: usize,
    pub(super) containers: usize,
    /// Ciphered containers inside ciphered messages.
    pub(super) twice: usize,
    /// Messages that this program's UE would not send so: ciphered before secure exchange is established.
    pub(super) early: usize,
}

impl Counts {
    pub(super) const fn add(&mut self, other: Self) {
        self.plain += other.plain;
        self.late_plain += other.late_plain;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.containers += other.containers;
        self.twice += other.twice;
        self.early += other.early;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (plain, protected) = (self.plain, self.accepted + self.refused);
        writeln!(
            f,
            "{} NAS PDUs: {plain} plain, {protected} protected",
            plain + protected
        )?;
        writeln!(
            f,
            "  plain: {} refused because secure exchange was established",
            self.late_plain
        )?;
        writeln!(
            f,
            "  protected: {} accepted, {} with an all-zero MAC refused",
            self.accepted, self.refused
        )?;
        writeln!(
            f,
            "  containers: {} deciphered, {} of them inside a ciphered message",
            self.containers, self.twice
        )?;
        let made = self.accepted - self.early;
        write!(
            f,
            "  protected anew: {made} byte for byte, {} not: ciphered before secure exchange",
            self.early
        )
    }
}

/// The two sessions of a subscriber.
#[derive(Clone, Copy)]
struct Party {
    amf: Handle,
    ue: Handle,
    context: Option<usize>,
}

pub(super) struct Replay<'a> {
    capture: &'a Capture,
    engine: Engine,
    parties: HashMap<String, Party>,
    /// Who is on the connection of each line.
    names: Vec<String>,
    /// What this program's UE answers to the command before.
    answer: Vec<u8>,
    pub(super) received: Tally,
    pub(super) made: Tally,
    pub(super) counts: Counts,
}

type Result<T> = std::result::Result<T, String>;

fn told(what: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{what}: {error}")
}

/// Names the party of every line: the subscriber whose context some message of the same connection uses, else the
/// connection itself. An uplink message without an AMF UE NGAP ID begins a connection.
fn parties(capture: &Capture) -> Vec<String> {
    let (mut open, mut connections, mut places) = (HashMap::new(), Vec::new(), Vec::new());
    for line in &capture.lines {
        let id = (line.gnb_port, line.ran_ue_ngap_id);
        if begins(line) || !open.contains_key(&id) {
            open.insert(id, connections.len());
            connections.push(None);
        }
        let place = open[&id];
        connections[place] = connections[place].or(line.ue);
        places.push(place);
    }
    let name = |place: usize| match connections[place].and_then(|ue| capture.contexts.get(ue)) {
        Some(context) => context.supi.clone(),
        None => format!("connection {place}"),
    };
    places.into_iter().map(name).collect()
}

fn begins(line: &Line) -> bool {
    line.dir == Dir::Uplink && line.amf_ue_ngap_id.is_none()
}

impl<'a> Replay<'a> {
    /// Runs the whole capture.
    pub(super) fn run(capture: &'a Capture) -> Result<Self> {
        let names = parties(capture);
        let config = Config::for_sessions(2 * capture.lines.len().max(1));
        let mut replay = Self {
            capture,
            engine: Engine::new(&config).map_err(told("engine"))?,
            parties: HashMap::new(),
            names,
            answer: Vec::new(),
            received: Tally::new(SESSIONS),
            made: Tally::new("in use, protected anew"),
            counts: Counts::default(),
        };
        for place in 0..capture.lines.len() {
            let case = format!("frame {}", capture.lines[place].frame);
            let result = replay.line(place);
            replay.received.note(&case, result);
        }
        Ok(replay)
    }

    fn line(&mut self, place: usize) -> Result<()> {
        let line = &self.capture.lines[place];
        let name = &self.names[place];
        let party = match self.parties.get(name) {
            Some(&party) => party,
            None => {
                let establish = |role| self.engine.establish(role).map_err(told("session"));
                let party = Party {
                    amf: establish(Role::Amf)?,
                    ue: establish(Role::Ue)?,
                    context: None,
                };
                self.parties.insert(name.clone(), party);
                party
            }
        };
        if begins(line) {
            for handle in [party.amf, party.ue] {
                self.engine
                    .connection_released(handle, GPP)
                    .map_err(told("release"))?;
            }
        }
        match (line.verdict, line.sht) {
            (Expected::Plain, 0) => self.plain(line, party),
            (Expected::Ok, 3) => self.command(place, party),
            (Expected::Ok, 1 | 2 | 4) => self.good(line, party),
            (Expected::MacDoesNotVerify, _) => self.refused(line, party, Error::Mac),
            (Expected::NoContext, _) => self.refused(line, party, Error::NoContext),
            (verdict, sht) => Err(format!(
                "{verdict:?} with header type {sht} is not understood"
            )),
        }
    }

    const fn receiver(line: &Line, party: Party) -> Handle {
        match line.dir {
            Dir::Uplink => party.amf,
            Dir::Downlink => party.ue,
        }
    }

    const fn sender(line: &Line, party: Party) -> Handle {
        match line.dir {
            Dir::Uplink => party.ue,
            Dir::Downlink => party.amf,
        }
    }

    /// COUNT that the receiver of `line` accepts next, at least.
    fn next_min(&self, line: &Line, party: Party) -> Option<u32> {
        let session = self.engine.session(Self::receiver(line, party)).ok()?;
        session
            .security
            .pair(Place::Current, GPP)
            .map(|pair| pair.receive.next_min())
    }

    fn plain(&mut self, line: &Line, party: Party) -> Result<()> {
        let pdu = self.capture.pdu(line);
        same("plain message", pdu, expected_plain(line)?)?;
        let received = self
            .engine
            .verify(Self::receiver(line, party), GPP, pdu, &mut [0; ROOM]);
        let right = if received.secured {
            Error::PlainRefused
        } else {
            Error::PlainAllowed
        };
        if received.verdict.result != Err(right) {
            return Err(format!(
                "{:?} where {right:?} is right",
                received.verdict.result
            ));
        }
        self.counts.late_plain += usize::from(received.secured);
        self.counts.plain += 1;
        Ok(())
    }

    fn refused(&mut self, line: &Line, party: Party, error: Error) -> Result<()> {
        let pdu = self.capture.pdu(line);
        let mut out = [0xA5; ROOM];
        let before = self.next_min(line, party);
        let received = self
            .engine
            .verify(Self::receiver(line, party), GPP, pdu, &mut out);
        if received.verdict.result != Err(error) {
            return Err(format!(
                "{:?} where {error:?} is right",
                received.verdict.result
            ));
        }
        if out != [0xA5; ROOM] || before != self.next_min(line, party) {
            return Err("a refused message left a trace".to_owned());
        }
        same(
            "MAC of a refused message",
            pdu.get(2..6).unwrap_or_default(),
            &[0; 4],
        )?;
        self.counts.refused += 1;
        Ok(())
    }

    /// An ordinary message or the SECURITY MODE COMPLETE.
    fn good(&mut self, line: &Line, party: Party) -> Result<()> {
        if line.ue != party.context {
            return Err(format!(
                "context {:?} is in use, {:?} is expected",
                party.context, line.ue
            ));
        }
        let (pdu, handle) = (self.capture.pdu(line), Self::receiver(line, party));
        self.make(line, party);
        let mut out = [0; ROOM];
        let received = self.engine.verify(handle, GPP, pdu, &mut out);
        let len = received.plain_len().map_err(told("refused"))?;
        let message = &mut out[..len];
        same("plain message", message, expected_plain(line)?)?;
        let count = received.verdict.count.unwrap_or(u32::MAX);
        if Some(count) != line.count {
            return Err(format!("COUNT {count} where {:?} is right", line.count));
        }
        let complete = line.sht == 4;
        let completed = received
            .procedure
            .as_ref()
            .is_some_and(|o| o.ending == Ending::Completed && o.error.is_none());
        if complete != completed {
            return Err(format!(
                "the security mode procedure: {:?}",
                received.procedure
            ));
        }
        if let Some(container) = &line.container {
            let place = self
                .engine
                .decipher_container(handle, (GPP, count), message);
            let (place, _) = place.map_err(told("container"))?;
            same(
                "container",
                message.get(place).unwrap_or_default(),
                &container.0,
            )?;
            self.counts.containers += 1;
            self.counts.twice += usize::from(line.sht == 2);
        }
        let again = self
            .engine
            .verify_only(handle, GPP, pdu, &mut [0; ROOM])
            .verdict
            .result;
        // A second COMPLETE is a header type out of place: no command is unanswered any more.
        if again
            != Err(if complete {
                Error::HeaderType
            } else {
                Error::Replay
            })
        {
            return Err(format!("sent again: {again:?}"));
        }
        self.counts.accepted += 1;
        Ok(())
    }

    /// The sender's own session makes the same PDU. The UE of the captures twice ciphers before secure exchange is
    /// established; this one sends the message with integrity only then, under the same COUNT.
    fn make(&mut self, line: &Line, party: Party) {
        let early = line.sht == 2
            && line.dir == Dir::Uplink
            && self
                .engine
                .session(party.ue)
                .is_ok_and(|session| !session.security.secured(GPP));
        let result = self.made_anew(line, party, early);
        if early && result.is_ok() {
            self.counts.early += 1;
            return;
        }
        let result = result.and_then(|made| same("PDU", &made, self.capture.pdu(line)));
        self.made.note(&format!("frame {}", line.frame), result);
    }

    fn made_anew(&mut self, line: &Line, party: Party, early: bool) -> Result<Vec<u8>> {
        if line.sht == 4 {
            return Ok(std::mem::take(&mut self.answer));
        }
        let mut plain = expected_plain(line)?.to_vec();
        let mut form = Form::Auto;
        if line.sht == 1 || early {
            let range = InitialMessage::parse(&plain)
                .map_err(told("initial message"))?
                .ciphered();
            if let (Some(range), Some(container)) = (&range, &line.container) {
                plain.splice(range.clone(), container.0.iter().copied());
            }
            form = Form::Initial(range);
        }
        let mut out = [0; ROOM];
        let sent = self
            .engine
            .protect_as(Self::sender(line, party), GPP, (&plain, form), &mut out);
        Ok(out[..sent.map_err(told("protect"))?.len].to_vec())
    }

    /// A SECURITY MODE COMMAND: the AMF's session sends its own, which must be the captured one; the UE's session
    /// obeys the captured one.
    fn command(&mut self, place: usize, party: Party) -> Result<()> {
        let line = &self.capture.lines[place];
        let pdu = self.capture.pdu(line);
        let index = line.ue.ok_or("a command without a context")?;
        let context = &self.capture.contexts[index];
        let plain = pdu.get(7..).unwrap_or_default();
        same("plain message", plain, expected_plain(line)?)?;
        let command = SecurityModeCommand::decode(plain).map_err(told("command"))?;
        let in_use = self
            .engine
            .session(party.amf)
            .map_err(told("session"))?
            .security
            .context(Place::Current)
            .map(naslane::security::Context::ng_ksi);
        for handle in [party.amf, party.ue] {
            // The AMF gives the same ngKSI again only after it forgot the UE.
            if in_use == Some(command.ng_ksi) {
                self.engine
                    .deregister(handle, Deregistration::Remove)
                    .map_err(told("deregister"))?;
            }
            let identity = Identity {
                k_amf: KAmf::new(context.k_amf.0),
                ng_ksi: command.ng_ksi,
                ue_sec_cap: command.ue_sec_cap,
                emergency: false,
            };
            self.engine
                .authenticated(handle, identity)
                .map_err(told("authentication"))?;
        }
        if let Some(party) = self.parties.get_mut(&self.names[place]) {
            party.context = Some(index);
        }
        let mut request = Request::new(GPP, Activation::Partial);
        request.algorithms = Some(algorithms(context.nea, context.nia)?);
        request.imeisv = command.asks_for_imeisv();
        request.retransmission = command.asks_for_retransmission();
        let mut out = [0; ROOM];
        let sent = self
            .engine
            .smc_command(party.amf, &request, &mut out)
            .map_err(told("command"))?;
        let made = same("SECURITY MODE COMMAND", &out[..sent.len], pdu);
        self.made.note(&format!("frame {}", line.frame), made);
        if sent.count != line.count {
            return Err(format!(
                "COUNT {:?} where {:?} is right",
                sent.count, line.count
            ));
        }
        self.obey(place, party, &command)
    }

    fn obey(
        &mut self,
        place: usize,
        party: Party,
        command: &SecurityModeCommand<'_>,
    ) -> Result<()> {
        let line = &self.capture.lines[place];
        let later = &self.capture.lines[place..];
        let complete = later
            .iter()
            .find(|later| later.ue == line.ue && later.sht == 4);
        let complete = expected_plain(complete.ok_or("the command has no answer")?)?;
        let complete = SecurityModeComplete::decode(complete).map_err(told("complete"))?;
        let mut env = self.engine.ue_env(command.ue_sec_cap);
        env.imeisv = complete.imeisv;
        env.whole_initial = complete.container;
        let mut out = [0; ROOM];
        let answer =
            self.engine
                .ue_command(party.ue, (GPP, self.capture.pdu(line)), &env, &mut out);
        let Answer::Complete(sent) = answer.map_err(told("the UE's answer"))? else {
            return Err(format!("the UE did not obey: {answer:?}"));
        };
        self.answer = out[..sent.len].to_vec();
        if self.next_min(line, party) != line.count.map(|count| count + 1) {
            return Err("the UE accepted the command under another COUNT".to_owned());
        }
        self.counts.accepted += 1;
        Ok(())
    }
}

fn expected_plain(line: &Line) -> Result<&[u8]> {
    line.plain
        .as_ref()
        .map(|plain| plain.0.as_slice())
        .ok_or_else(|| "no plain message in the expectation".to_owned())
}
