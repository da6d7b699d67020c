//! Random events in random order: nothing panics, a timer never ends a pending slice, one COMMAND at most is
//! unanswered, the memory is bounded, and what is stored is taken up.

use std::collections::BTreeSet;

use naslane::base::AccessType;
use naslane::nas::nssaa::{EapCode, EapMessage, NssaaMessage, SNssai, Slice};
use naslane::procedure::nssaa::{
    AaaAnswer, Action, Amf, Downlink, Event, Kept, NssaaSettings, RECORD_MAX, Reachability,
    Registration, SecondAccess, Status, Subscribed, Subscription,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::world::{GPSI, eap, identity};

const SLICES: [SNssai; 5] = [
    SNssai::sst(1),
    SNssai::new(1, 2),
    SNssai::sst(3),
    SNssai::new(4, 4),
    SNssai::sst(5),
];

#[derive(Clone, Debug)]
enum Happening {
    Subscribe(u8, u8, u8),
    Register(bool, u8, bool, bool),
    Registered(bool),
    Access(bool, u8),
    Uplink(bool),
    Unreachable(bool),
    /// Answers the latest COMMAND, rightly (0) or in some wrong way.
    Complete(u8, Vec<u8>),
    T3575,
    Retry,
    Aaa(u8),
    Notice(u8, u8),
    Control(bool, u8, bool),
    Update(bool, bool),
    Poll(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        1 => (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(a, b, c)| Subscribe(a, b, c)),
        3 => (any::<bool>(), any::<u8>(), prop::bool::weighted(0.9), any::<bool>())
            .prop_map(|(a, b, c, d)| Register(a, b, c, d)),
        4 => any::<bool>().prop_map(Registered),
        4 => (any::<bool>(), 0..6u8).prop_map(|(a, b)| Access(a, b)),
        1 => any::<bool>().prop_map(Uplink),
        1 => any::<bool>().prop_map(Unreachable),
        12 => (0..8u8, prop::collection::vec(any::<u8>(), 0..24)).prop_map(|(a, b)| Complete(a, b)),
        4 => Just(T3575),
        2 => Just(Retry),
        12 => (0..10u8).prop_map(Aaa),
        3 => (0..3u8, 0..6u8).prop_map(|(a, b)| Notice(a, b)),
        1 => (any::<bool>(), 0..6u8, any::<bool>()).prop_map(|(a, b, c)| Control(a, b, c)),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Update(a, b)),
        20 => (1..12u8).prop_map(Poll),
    ]
}

const fn at(first: bool) -> AccessType {
    if first {
        AccessType::ThreeGpp
    } else {
        AccessType::NonThreeGpp
    }
}

fn slice(number: u8) -> SNssai {
    *SLICES.get(usize::from(number)).unwrap_or(&SNssai::sst(200))
}

fn chosen(mask: u8) -> Vec<SNssai> {
    let chosen = SLICES
        .iter()
        .enumerate()
        .filter(|(bit, _)| mask >> bit & 1 != 0);
    chosen.map(|(_, s_nssai)| *s_nssai).collect()
}

struct Chance {
    amf: Amf,
    settings: NssaaSettings,
    command: Option<(AccessType, Vec<u8>)>,
    /// COMMANDs that are unanswered, as the other side sees it: slices with a COMMAND and neither COMPLETE nor end.
    t3575: bool,
    retry: bool,
    asked: Option<u32>,
    /// What came out, by name.
    seen: BTreeSet<String>,
}

impl Chance {
    fn new() -> Self {
        let slices = SLICES.map(|s_nssai| Subscribed {
            slice: s_nssai.into(),
            nssaa: s_nssai != SLICES[4],
            default: s_nssai == SLICES[3],
        });
        let subscription = Subscription {
            gpsis: &[GPSI],
            slices: &slices,
        };
        let settings = NssaaSettings {
            retries: 3,
            after_failure: SecondAccess::Run,
            ..NssaaSettings::default()
        };
        Self {
            amf: Amf::new(&subscription).unwrap(),
            settings,
            command: None,
            t3575: false,
            retry: false,
            asked: None,
            seen: BTreeSet::new(),
        }
    }

    fn on(&mut self, event: Event<'_>) -> bool {
        let before = self.amf.store(Kept::All).unwrap();
        let done = self.amf.on(event, &self.settings).is_ok();
        if !done {
            assert_eq!(
                self.amf.store(Kept::All).unwrap(),
                before,
                "{event:?} refused"
            );
        }
        done
    }

    fn pending(&self) -> Vec<SNssai> {
        let pending = self
            .amf
            .statuses()
            .filter(|(_, status)| *status == Status::Pending);
        pending.map(|(s_nssai, _)| s_nssai).collect()
    }

    /// Timers never decide.
    fn timer(&mut self, event: Event<'_>) {
        let before: Vec<_> = self.amf.statuses().collect();
        self.on(event);
        assert!(self.amf.statuses().eq(before), "{event:?} changed a status");
    }

    fn complete(&mut self, how: u8, noise: &[u8]) {
        let Some((access, command)) = self.command.clone() else {
            let message = [&[0x7E, 0, 0x51][..], noise].concat();
            let access = AccessType::ThreeGpp;
            self.on(Event::Complete {
                access,
                message: &message,
            });
            return;
        };
        let read = NssaaMessage::decode(&command).unwrap();
        let response = match read.eap.kind() {
            Some(1) => identity(read.eap.identifier()),
            _ => eap(
                EapCode::Response,
                read.eap.identifier(),
                &[&[4], noise].concat(),
            ),
        };
        let mut message = vec![0x7E, 0, 0x51];
        message.extend(&command[3..4 + read.s_nssai.value_len()]);
        message.extend((response.len() as u16).to_be_bytes());
        message.extend(response);
        let mut place = access;
        match how {
            0..=4 => {}
            5 => message.truncate(3 + noise.len().min(message.len() - 3)),
            6 => message[4] ^= 0x40,
            _ => place = at(access == AccessType::NonThreeGpp),
        }
        let unanswered = self.amf.command_unanswered();
        let done = self.on(Event::Complete {
            access: place,
            message: &message,
        });
        assert!(
            !done || unanswered,
            "a COMPLETE without a COMMAND was taken"
        );
    }

    fn aaa(&mut self, how: u8) {
        let transaction = self.asked.unwrap_or(u32::from(how));
        let request = eap(EapCode::Request, how, b"\x04xyz");
        let (success, failure) = ([3, how, 0, 4], [4, how, 0, 4]);
        let parse = |octets| EapMessage::parse(octets).unwrap();
        let answer = match how {
            0..=2 => AaaAnswer::Continue(parse(&request)),
            3 | 4 => AaaAnswer::Success(parse(&success)),
            5 => AaaAnswer::Failure(parse(&failure)),
            6 => AaaAnswer::Refused,
            7 => AaaAnswer::ContextLost,
            8 => AaaAnswer::Success(parse(&failure)),
            _ => AaaAnswer::Unreachable,
        };
        let waits = matches!(answer, AaaAnswer::ContextLost | AaaAnswer::Unreachable);
        let pending = self.pending();
        self.on(Event::Aaa {
            transaction,
            answer,
        });
        if waits {
            assert_eq!(self.pending(), pending, "no answer is no failure");
        }
    }

    fn poll(&mut self, times: u8) {
        let mut out = vec![0; naslane::nas::nssaa::NSSAA_MAX];
        for _ in 0..times {
            let unanswered = self.amf.command_unanswered();
            let Some(action) = self.amf.poll(&self.settings, &mut out).unwrap() else {
                return;
            };
            let name = format!("{action:?}");
            let name = match action {
                Action::Send { message, .. } => format!("{message:?}"),
                Action::Ask { step, .. } => format!("{step:?}"),
                _ => name
                    .split([' ', '(', '{'])
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            };
            self.seen.insert(name);
            match action {
                Action::StartT3575 { .. } => self.t3575 = true,
                Action::StopT3575 => {
                    assert!(self.t3575, "stops what does not run");
                    self.t3575 = false;
                }
                Action::StartRetry { .. } => self.retry = true,
                Action::StopRetry => self.retry = false,
                Action::Ask { transaction, .. } => self.asked = Some(transaction),
                Action::Send {
                    access,
                    message: Downlink::Command,
                    len,
                    ..
                } => {
                    let again = Some((access, out[..len].to_vec()));
                    let same = self.command == again;
                    assert!(!unanswered || same, "two COMMANDs unanswered");
                    assert!(!self.t3575, "the timer of the COMMAND before still runs");
                    self.command = again;
                }
                _ => {}
            }
        }
    }

    fn happens(&mut self, happening: &Happening) {
        match happening {
            Happening::Subscribe(present, nssaa, default) => {
                let slices: Vec<Subscribed> = chosen(*present)
                    .into_iter()
                    .map(|s_nssai| Subscribed {
                        slice: s_nssai.into(),
                        nssaa: nssaa >> s_nssai.sst & 1 != 0,
                        default: default >> s_nssai.sst & 1 != 0,
                    })
                    .collect();
                let subscription = Subscription {
                    gpsis: &[GPSI],
                    slices: &slices,
                };
                let settings = self.settings;
                let _ = self.amf.subscribe(&subscription, &settings);
            }
            Happening::Register(first, asked, nssaa_supported, extended_rejected) => {
                let asked: Vec<Slice> = chosen(*asked).into_iter().map(Slice::from).collect();
                let registration = Registration {
                    access: at(*first),
                    asked: &asked,
                    nssaa_supported: *nssaa_supported,
                    extended_rejected: *extended_rejected,
                };
                if let Ok(admission) = self.amf.register(&registration, &self.settings) {
                    let mut ies = [0; 256];
                    admission.lists().encode(&mut ies).unwrap();
                }
            }
            Happening::Registered(first) => {
                self.on(Event::Registered(at(*first)));
            }
            Happening::Access(first, state) => {
                let state = match state {
                    0 => Reachability::Deregistered,
                    1 | 2 => Reachability::Idle,
                    _ => Reachability::Connected,
                };
                self.on(Event::Access(at(*first), state));
            }
            Happening::Uplink(first) => {
                self.on(Event::UplinkActivity(at(*first)));
            }
            Happening::Unreachable(first) => {
                self.on(Event::Unreachable(at(*first)));
            }
            Happening::Complete(how, noise) => self.complete(*how, noise),
            Happening::T3575 => {
                if std::mem::take(&mut self.t3575) {
                    self.timer(Event::T3575Expired);
                }
            }
            Happening::Retry => {
                if std::mem::take(&mut self.retry) {
                    self.timer(Event::RetryExpired);
                }
            }
            Happening::Aaa(how) => self.aaa(*how),
            Happening::Notice(which, number) => {
                let s_nssai = slice(*number);
                self.on(match which {
                    0 => Event::ReauthNotification(s_nssai),
                    1 => Event::RevocationNotification(s_nssai),
                    _ => Event::OperatorPolicy(s_nssai),
                });
            }
            Happening::Control(first, number, refused) => {
                self.on(Event::AdmissionControl {
                    access: at(*first),
                    s_nssai: slice(*number),
                    refused: *refused,
                });
            }
            Happening::Update(first, lost) => {
                let access = at(*first);
                self.on(if *lost {
                    Event::UpdateLost(access)
                } else {
                    Event::UpdateCompleted(access)
                });
            }
            Happening::Poll(times) => self.poll(*times),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_is_survived(events in prop::collection::vec(happening(), 1..250)) {
        let mut chance = Chance::new();
        for event in &events {
            chance.happens(event);
            for access in AccessType::ALL {
                prop_assert!(chance.amf.allowed(access).count() <= 8);
                prop_assert!(chance.amf.pending(access).count() <= 8);
            }
            let stored = chance.amf.store(Kept::All).unwrap();
            prop_assert!(stored.len() <= RECORD_MAX);
            let again = Amf::restore(&stored).unwrap();
            prop_assert_eq!(again.store(Kept::All).unwrap(), stored);
            let few = chance.amf.store(Kept::Statuses).unwrap();
            prop_assert!(Amf::restore(&few).is_ok());
        }
        // Whatever happened, with everything taken there is nothing that asks to be done for ever.
        let mut out = vec![0; naslane::nas::nssaa::NSSAA_MAX];
        for _ in 0..200 {
            if chance.amf.poll(&chance.settings, &mut out).unwrap().is_none() {
                return Ok(());
            }
        }
        prop_assert!(false, "actions without end");
    }
}

/// The dice are worth something: they bring about every action and every status.
#[test]
fn random_orders_reach_every_corner() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let events = prop::collection::vec(happening(), 250);
        let events = events.new_tree(&mut runner).unwrap().current();
        let mut chance = Chance::new();
        for event in &events {
            chance.happens(event);
            let statuses = chance
                .amf
                .statuses()
                .map(|(_, status)| format!("{status:?}"));
            chance.seen.extend(statuses.collect::<Vec<_>>());
        }
        seen.append(&mut chance.seen);
    }
    let corners = [
        "Command",
        "Result",
        "ConfigurationUpdate",
        "Deregistration",
        "Start",
        "Continue",
        "StartT3575",
        "StopT3575",
        "StartRetry",
        "StopRetry",
        "ReleaseSessions",
        "Reach",
        "Pending",
        "EapSuccess",
        "EapFailure",
    ];
    let all: BTreeSet<String> = corners.map(str::to_owned).into();
    assert_eq!(seen, all);
}

#[test]
fn the_state_of_a_ue_has_a_bound() {
    // 32 slices, two accesses, timers; beside it the GPSI and, during a run, one EAP message.
    assert!(size_of::<Amf>() <= 1400, "{}", size_of::<Amf>());
}
