//! Runs the transcripts of the security mode procedure in tests/transcripts/*.txt: both halves, real protection.
//!
//! `==` begins a scenario with fresh sides. A line is an event; behind `->` stands what must come of it. Without
//! `->` it must not fail. `#` begins a comment. Messages travel in two queues: `gets` takes the oldest, `lost`
//! drops it, `gets again` delivers the last one once more, `gets newest` the one sent last.

use std::fmt::Write as _;

use crate::world::{Got, World, k_amf};
use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi};
use naslane::nas::smc::EpsAlgorithms;
use naslane::nas::{Cause, MessageType, S1UeSecurityCapability, UeSecurityCapability};
use naslane::procedure::smc::{
    Action, Activation, Answer, Ending, Event, NewKey, Outcome, Policy, Request, Sent,
    diagnosis_of, same_initial_message,
};
use naslane::security::{Algorithms, Diagnosis, KeyChange, Place, Role, Verdict};

struct Stage {
    world: World,
    last_down: Option<(AccessType, Vec<u8>)>,
    last_up: Option<(AccessType, Vec<u8>)>,
    first_initial: Vec<u8>,
    container: Vec<u8>,
    marks: [String; 2],
}

impl Stage {
    fn new() -> Self {
        Self {
            world: World::new(),
            last_down: None,
            last_up: None,
            first_initial: Vec::new(),
            container: Vec::new(),
            marks: [String::new(), String::new()],
        }
    }

    fn event(&mut self, words: &[&str]) -> String {
        match words {
            ["policy", lists @ ..] => {
                let list = |name: &str| ids(option(lists, name).expect("a list"));
                self.world.settings.policy = Policy::from_ids(&list("nea"), &list("nia")).unwrap();
                String::new()
            }
            ["cap", octets] => {
                self.world.cap = UeSecurityCapability::from_value(&hex(octets)).unwrap();
                String::new()
            }
            ["emergency"] => {
                self.world.emergency = Some(k_amf(b'e'));
                String::new()
            }
            ["auth", options @ ..] => {
                let done = self.world.authenticate(ksi(options).unwrap(), key(options));
                done.map_or_else(error, |()| "ok".into())
            }
            ["ue:", "maps", options @ ..] => {
                self.world.mapped = Some((k_amf(key(options)), ksi(options).unwrap()));
                String::new()
            }
            ["ue:", "initial", on, message] => self.initial(access(on), message),
            ["amf:", "command", on, target, options @ ..] => {
                self.command(access(on), target, options)
            }
            ["amf:", "gets", which @ ..] => self.amf_gets(which),
            ["ue:", "gets", which @ ..] => self.ue_gets(which),
            ["amf:", "sends", on] => self.sends(Role::Amf, access(on)),
            ["ue:", "sends", on] => self.sends(Role::Ue, access(on)),
            ["amf:", "accepts-reject", cause] => {
                let outcome = self
                    .world
                    .rejected_unprotected(Cause(cause.parse().unwrap()));
                outcome.map_or_else(|| "nothing".into(), |outcome| ended(&outcome))
            }
            ["amf:", "forged", kind] => self.forged(kind),
            ["amf:", "n2", what] => {
                let amf = &mut self.world.amf;
                let done = match *what {
                    "begins" => amf.begin_key_change(KeyChange::N2),
                    _ => amf.end_key_change(KeyChange::N2),
                };
                done.map_or_else(error, |()| "ok".into())
            }
            ["amf:", event] => self.amf_event(event),
            ["lost", "down"] => self
                .world
                .down
                .pop_front()
                .map(|_| String::new())
                .expect("nothing to lose"),
            ["lost", "up"] => self
                .world
                .up
                .pop_front()
                .map(|_| String::new())
                .expect("nothing to lose"),
            ["release", on] => {
                self.world
                    .amf
                    .connection_released(access(on), &self.world.side[0]);
                self.world
                    .ue
                    .connection_released(access(on), &self.world.side[1]);
                String::new()
            }
            ["talk", on] => self.world.talk(access(on)).map_or_else(error, yes),
            ["agree", on] => yes(self.world.agree(access(on))),
            ["contexts", who] => self.contexts(role(who)),
            ["same-initial"] => {
                yes(same_initial_message(&self.first_initial, &self.container).unwrap())
            }
            ["mark", who] => {
                self.marks[role(who) as usize] = self.world.print(role(who));
                String::new()
            }
            ["unchanged", who] => {
                yes(self.marks[role(who) as usize] == self.world.print(role(who)))
            }
            _ => panic!("unknown event"),
        }
    }

    fn initial(&mut self, on: AccessType, message: &str) -> String {
        match self.world.send_initial(on, message_type(message)) {
            Ok(sent) => {
                self.first_initial = self.world.up.back().unwrap().1.clone();
                told(&sent)
            }
            Err(e) => error(e),
        }
    }

    fn command(&mut self, on: AccessType, target: &str, options: &[&str]) -> String {
        let new_key = k_amf(key(options));
        let received = || NewKey {
            k_amf: &new_key,
            ng_ksi: ksi(options).unwrap(),
            ue_sec_cap: Some(self.world.cap),
        };
        let activation = match target {
            "current" => Activation::Current,
            "new-algorithms" => Activation::NewAlgorithms,
            "partial" => Activation::Partial,
            "non-current" => Activation::NonCurrent,
            "horizontal" => Activation::Horizontal {
                ul_count: option(options, "ul").unwrap().parse().unwrap(),
            },
            "horizontal-received" => Activation::HorizontalReceived(received()),
            "mapped" => Activation::Mapped(NewKey {
                ue_sec_cap: None,
                ..received()
            }),
            _ => panic!("unknown target"),
        };
        let octets = |name| option(options, name).map(hex);
        let one = |name| option(options, name).map(|id| id.parse::<u8>().unwrap());
        let algorithms = one("nea").zip(one("nia"));
        let request = Request {
            algorithms: algorithms.map(|(a, i)| Algorithms {
                nea: Nea::from_id(a).unwrap(),
                nia: Nia::from_id(i).unwrap(),
            }),
            ng_ksi: ksi(options).filter(|_| !matches!(target, "mapped" | "horizontal-received")),
            ue_sec_cap: octets("cap").map(|cap| UeSecurityCapability::from_value(&cap).unwrap()),
            ongoing: option(options, "ongoing").map(message_type),
            imeisv: options.contains(&"imeisv"),
            retransmission: options.contains(&"rinmr"),
            eps: octets("eps").map(|eps| EpsAlgorithms {
                eea: eps[0] >> 4,
                eia: eps[0] & 7,
            }),
            s1_sec_cap: octets("s1").map(|cap| S1UeSecurityCapability::from_value(&cap).unwrap()),
            eap_success: options.contains(&"eap").then_some(&[3, 1, 0, 4]),
            abba: options.contains(&"abba").then_some(&[0, 0]),
            ..Request::new(on, activation)
        };
        match self.world.command(&request) {
            Ok(sent) => told(&sent),
            Err(e) => error(e),
        }
    }

    fn amf_event(&mut self, event: &str) -> String {
        let event = match event {
            "t3560" => Event::T3560Expired,
            "non-delivered" => Event::NonDelivered,
            "lower-layer-failure" => Event::LowerLayerFailure,
            "abort" => Event::Abort,
            "acts-on-registration" => Event::Collision(MessageType::REGISTRATION_REQUEST),
            _ => panic!("unknown AMF event"),
        };
        match self.world.event(event) {
            Ok(Action::Resend(sent)) => format!("resend {}", told(&sent)),
            Ok(Action::Ended(outcome)) => ended(&outcome),
            Err(e) => error(e),
        }
    }

    fn amf_gets(&mut self, which: &[&str]) -> String {
        let message = match which {
            ["again"] => self.last_up.clone(),
            ["newest"] => self.world.up.pop_back(),
            _ => self.world.up.pop_front(),
        };
        let (on, pdu) = message.expect("no message on its way up");
        let (verdict, outcome) = self.world.amf_gets(on, &pdu);
        if let Some(range) = outcome
            .as_ref()
            .and_then(|outcome| outcome.container.clone())
        {
            self.container = self.world.plain[range].to_vec();
        }
        self.last_up = Some((on, pdu));
        outcome.map_or_else(|| judged(&verdict), |outcome| ended(&outcome))
    }

    fn ue_gets(&mut self, which: &[&str]) -> String {
        let message = match which {
            ["again"] => self.last_down.clone(),
            ["newest"] => self.world.down.pop_back(),
            _ => self.world.down.pop_front(),
        };
        let (on, pdu) = message.expect("no message on its way down");
        self.last_down = Some((on, pdu.clone()));
        match self.world.ue_gets(on, &pdu) {
            Got::Verdict(verdict) => judged(&verdict),
            Got::Answer(Answer::Complete(sent)) => format!("complete {}", told(&sent)),
            Got::Answer(Answer::Reject(cause, sent)) => {
                format!("reject {} {}", cause.0, told(&sent))
            }
            Got::Answer(Answer::Discarded(e)) => format!("discarded {e:?}"),
        }
    }

    fn sends(&mut self, role: Role, on: AccessType) -> String {
        match self.world.send(role, on) {
            Ok((sht, count)) => format!("sht={} count={count}", sht.bits()),
            Err(e) => error(e),
        }
    }

    /// A message that nobody with a key made.
    fn forged(&mut self, kind: &str) -> String {
        let body = match kind {
            "complete" => vec![0x7E, 4, 1, 2, 3, 4, 0, 0x7E, 0, 0x5E],
            "complete-later" => vec![0x7E, 4, 1, 2, 3, 4, 9, 0x7E, 0, 0x5E, 0x71, 0, 1, 0],
            "null-mac" => vec![0x7E, 4, 0, 0, 0, 0, 0, 0x7E, 0, 0x5E],
            "reject" => vec![0x7E, 1, 1, 2, 3, 4, 0, 0x7E, 0, 0x5F, 24],
            "plain-reject" => vec![0x7E, 0, 0x5F, 24],
            "plain-complete" => vec![0x7E, 0, 0x5E],
            "registration" => vec![0x7E, 0, 0x41, 0x79, 0, 1, 0],
            _ => panic!("unknown forgery"),
        };
        let (verdict, outcome) = self.world.amf_gets(AccessType::ThreeGpp, &body);
        outcome.map_or_else(|| judged(&verdict), |outcome| ended(&outcome))
    }

    fn contexts(&self, role: Role) -> String {
        let ue = if role == Role::Amf {
            &self.world.amf
        } else {
            &self.world.ue
        };
        let mut text = String::new();
        for (place, context) in ue.contexts() {
            let name = match place {
                Place::Current => "current",
                Place::NonCurrent => "non-current",
                Place::Candidate => "candidate",
                Place::Previous => "previous",
            };
            let _ = write!(text, " {name}={:x}", context.ng_ksi().bits());
            match context.algorithms() {
                Some(a) => {
                    let _ = write!(text, "/nea{}-nia{}", a.nea.id(), a.nia.id());
                }
                None => text += "/partial",
            }
        }
        text.trim_start().to_owned()
    }
}

fn option<'a>(options: &[&'a str], name: &str) -> Option<&'a str> {
    options
        .iter()
        .find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
}

fn ids(list: &str) -> Vec<u8> {
    list.split(',').map(|id| id.parse().unwrap()).collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

/// `ksi=3` is native, `ksi=m3` mapped.
fn ksi(options: &[&str]) -> Option<NgKsi> {
    let text = option(options, "ksi")?;
    match text.strip_prefix('m') {
        Some(mapped) => NgKsi::mapped(mapped.parse().unwrap()),
        None => NgKsi::native(text.parse().unwrap()),
    }
}

fn key(options: &[&str]) -> u8 {
    option(options, "key").map_or(b'-', |name| name.as_bytes()[0])
}

fn access(name: &str) -> AccessType {
    match name {
        "3gpp" => AccessType::ThreeGpp,
        "non-3gpp" => AccessType::NonThreeGpp,
        _ => panic!("unknown access"),
    }
}

fn role(name: &str) -> Role {
    if name == "amf" { Role::Amf } else { Role::Ue }
}

fn message_type(name: &str) -> MessageType {
    match name {
        "registration" => MessageType::REGISTRATION_REQUEST,
        "service" => MessageType::SERVICE_REQUEST,
        "deregistration" => MessageType::DEREGISTRATION_REQUEST_UE,
        _ => panic!("unknown message"),
    }
}

fn yes(it_is: bool) -> String {
    if it_is { "yes" } else { "no" }.to_owned()
}

fn named(diagnosis: Diagnosis) -> String {
    if diagnosis == Diagnosis::None {
        String::new()
    } else {
        format!(" {}", diagnosis.name())
    }
}

fn error(error: Error) -> String {
    format!("error {error:?}{}", named(diagnosis_of(error)))
}

fn told(sent: &Sent) -> String {
    let count = sent.count.map_or("plain".to_owned(), |count| {
        format!("sht={} count={count}", sent.sht.bits())
    });
    count + &named(sent.diagnosis)
}

fn judged(verdict: &Verdict) -> String {
    let message = verdict
        .message_type
        .map_or(String::new(), |m| format!(" {:02X}", m.0));
    match (verdict.result, verdict.count) {
        (Ok(()), Some(count)) => format!("ok{message} count={count}"),
        (Ok(()), None) => unreachable!("verified without a COUNT"),
        (Err(e), _) => format!("refused {e:?}{message}"),
    }
}

fn ended(outcome: &Outcome) -> String {
    let mut text = match outcome.ending {
        Ending::Completed => format!("completed ul={}", outcome.ul_count.unwrap()),
        Ending::Rejected(cause) => format!("rejected {}", cause.0),
        Ending::Collision(message) => format!("collision {:02X}", message.0),
        Ending::TimedOut => "timed-out".to_owned(),
        Ending::Aborted => "aborted".to_owned(),
        Ending::LowerLayerFailure => "lower-layer-failure".to_owned(),
    };
    for (name, there) in [
        ("container", &outcome.container),
        ("imeisv", &outcome.imeisv),
    ] {
        if there.is_some() {
            text += &format!(" {name}");
        }
    }
    if let Some(e) = outcome.error {
        text += &format!(" error={e:?}");
    }
    text + &named(outcome.diagnosis)
}

fn run(name: &str, text: &str) -> usize {
    let mut stage = Stage::new();
    let mut scenario = "";
    let mut checked = 0;
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(title) = line.strip_prefix("==") {
            scenario = title.trim();
            stage = Stage::new();
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let (event, expected) = line
            .split_once("->")
            .map_or((line, None), |(e, x)| (e, Some(x.trim())));
        let words: Vec<&str> = event.split_whitespace().collect();
        let got = stage.event(&words);
        let place = format!("{name}:{} ({scenario}): {line}", number + 1);
        match expected {
            Some(expected) => {
                checked += 1;
                assert_eq!(got, expected, "{place}");
            }
            None => assert!(
                !got.starts_with("error") && !got.starts_with("refused"),
                "{place}: {got}"
            ),
        }
    }
    checked
}

#[test]
fn transcripts() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let mut checked = 0;
    for path in names
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "txt"))
    {
        let text = std::fs::read_to_string(path).unwrap();
        checked += run(&path.file_name().unwrap().to_string_lossy(), &text);
    }
    assert!(checked > 100, "only {checked} expectations");
}
