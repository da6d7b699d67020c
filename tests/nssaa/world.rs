//! An AMF half and a UE half of the procedure without an engine in between, and a script that plays the NSSAAF.

use naslane::base::{AccessType, Result};
use naslane::nas::nssaa::{
    EapCode, EapMessage, Kind, NssaaMessage, Rejected, SNssai, Slice, SliceLists, eap_verdict,
};
use naslane::procedure::nssaa::{
    AaaAnswer, Action, Admission, Amf, Downlink, Event, NssaaSettings, Registration, Status, Step,
    Subscribed, Subscription, Ue, UeAction,
};

pub(crate) use crate::common::{GPP, N3GPP};

pub(crate) const GPSI: &str = "msisdn-491701234567";

/// Three slices subject to NSSAA.
pub(crate) const A: SNssai = SNssai::new(1, 0x0A);
pub(crate) const B: SNssai = SNssai::new(2, 0x0B);
pub(crate) const C: SNssai = SNssai::sst(3);
/// One that is not.
pub(crate) const FREE: SNssai = SNssai::sst(9);

/// What the AMF did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    Command(AccessType, SNssai),
    Result(AccessType, SNssai, EapCode),
    Update(AccessType, Told),
    Deregister(AccessType, Told),
    Ask(Step, SNssai, Vec<u8>),
    Release(SNssai),
    Reach(AccessType),
    StartT3575(u32),
    StopT3575,
    StartRetry(u32),
    StopRetry,
}

/// Lists of slices as the UE reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) allowed: Vec<Slice>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) extended: Vec<Rejected>,
    pub(crate) acknowledge: bool,
    pub(crate) register: bool,
    pub(crate) cause: Option<u8>,
}

impl Told {
    pub(crate) fn of(message: &[u8]) -> Self {
        let lists = SliceLists::of(message).unwrap();
        Self {
            allowed: lists
                .allowed
                .into_iter()
                .flatten()
                .map(Result::unwrap)
                .collect(),
            rejected: lists
                .rejected
                .into_iter()
                .flatten()
                .map(Result::unwrap)
                .collect(),
            extended: lists
                .extended_rejected
                .into_iter()
                .flatten()
                .map(Result::unwrap)
                .collect(),
            acknowledge: lists.indication.acknowledge,
            register: lists.indication.register,
            cause: lists.cause.map(|cause| cause.0),
        }
    }

    pub(crate) fn allows(&self) -> Vec<SNssai> {
        self.allowed.iter().map(|slice| slice.hplmn()).collect()
    }

    /// Rejected slices with their causes, of whichever list.
    pub(crate) fn rejects(&self) -> Vec<(SNssai, u8)> {
        let all = self.rejected.iter().chain(&self.extended);
        all.map(|r| (r.slice.hplmn(), r.cause.0)).collect()
    }
}

pub(crate) fn subscribed(s_nssai: SNssai) -> Subscribed {
    Subscribed {
        slice: s_nssai.into(),
        nssaa: s_nssai != FREE,
        default: false,
    }
}

pub(crate) fn default(s_nssai: SNssai) -> Subscribed {
    Subscribed {
        default: true,
        ..subscribed(s_nssai)
    }
}

pub(crate) fn eap(code: EapCode, identifier: u8, data: &[u8]) -> Vec<u8> {
    let len = (4 + data.len()) as u16;
    let mut out = vec![code as u8, identifier];
    out.extend(len.to_be_bytes());
    out.extend(data);
    out
}

/// EAP-Response/Identity.
pub(crate) fn identity(identifier: u8) -> Vec<u8> {
    eap(EapCode::Response, identifier, b"\x01user@slice")
}

pub(crate) struct World {
    pub(crate) amf: Amf,
    pub(crate) ue: Ue,
    pub(crate) settings: NssaaSettings,
    /// The plain messages of the latest COMMAND and RESULT, and the access of the former.
    pub(crate) command: Option<(AccessType, Vec<u8>)>,
    pub(crate) result: Option<Vec<u8>>,
    /// The question that is open.
    pub(crate) asked: Option<u32>,
}

impl World {
    pub(crate) fn new(slices: &[Subscribed]) -> Self {
        Self::with(slices, NssaaSettings::default())
    }

    pub(crate) fn with(slices: &[Subscribed], settings: NssaaSettings) -> Self {
        let subscription = Subscription {
            gpsis: &[GPSI],
            slices,
        };
        Self {
            amf: Amf::new(&subscription).unwrap(),
            ue: Ue::default(),
            settings,
            command: None,
            result: None,
            asked: None,
        }
    }

    /// A UE with these slices, registered on 3GPP access and asking for all of them; nothing polled yet.
    pub(crate) fn registered(slices: &[Subscribed]) -> Self {
        let mut world = Self::new(slices);
        let asked: Vec<Slice> = slices.iter().map(|s| s.slice).collect();
        world.register(GPP, &asked);
        world.on(Event::Registered(GPP)).unwrap();
        world
    }

    pub(crate) fn register(&mut self, access: AccessType, asked: &[Slice]) -> Admission {
        let registration = Registration {
            access,
            asked,
            nssaa_supported: true,
            extended_rejected: false,
        };
        self.amf.register(&registration, &self.settings).unwrap()
    }

    /// Registers for slices of the HPLMN, completely.
    pub(crate) fn join(&mut self, access: AccessType, asked: &[SNssai]) -> Admission {
        let asked: Vec<Slice> = asked.iter().map(|s| (*s).into()).collect();
        let admission = self.register(access, &asked);
        self.on(Event::Registered(access)).unwrap();
        admission
    }

    pub(crate) fn on(&mut self, event: Event<'_>) -> Result<()> {
        self.amf.on(event, &self.settings)
    }

    /// Everything that is to be done now.
    pub(crate) fn run(&mut self) -> Vec<Did> {
        let mut out = vec![0; naslane::nas::nssaa::NSSAA_MAX];
        let mut did = Vec::new();
        while let Some(action) = self.amf.poll(&self.settings, &mut out).unwrap() {
            did.push(self.note(action, &out));
            assert!(did.len() < 100, "actions without end: {did:?}");
        }
        did
    }

    fn note(&mut self, action: Action, out: &[u8]) -> Did {
        match action {
            Action::Send {
                access,
                message,
                s_nssai,
                len,
            } => {
                let plain = &out[..len];
                match message {
                    Downlink::Command => {
                        let read = NssaaMessage::decode(plain).unwrap();
                        assert_eq!((read.kind, Some(read.s_nssai)), (Kind::Command, s_nssai));
                        self.command = Some((access, plain.to_vec()));
                        Did::Command(access, read.s_nssai)
                    }
                    Downlink::Result => {
                        let read = NssaaMessage::decode(plain).unwrap();
                        assert_eq!((read.kind, Some(read.s_nssai)), (Kind::Result, s_nssai));
                        self.result = Some(plain.to_vec());
                        Did::Result(access, read.s_nssai, read.eap.code())
                    }
                    Downlink::ConfigurationUpdate => Did::Update(access, Told::of(plain)),
                    Downlink::Deregistration => Did::Deregister(access, Told::of(plain)),
                }
            }
            Action::StartT3575 { seconds } => Did::StartT3575(seconds),
            Action::StopT3575 => Did::StopT3575,
            Action::StartRetry { seconds } => Did::StartRetry(seconds),
            Action::StopRetry => Did::StopRetry,
            Action::Ask {
                transaction,
                step,
                s_nssai,
                len,
            } => {
                self.asked = Some(transaction);
                Did::Ask(step, s_nssai, out[..len].to_vec())
            }
            Action::ReleaseSessions(slice) => Did::Release(slice.hplmn()),
            Action::Reach(access) => Did::Reach(access),
        }
    }

    /// The UE takes the latest COMMAND; its peer answers with these data (the identity to an identity request).
    pub(crate) fn complete(&mut self, data: &[u8]) -> (AccessType, Vec<u8>) {
        let (access, command) = self.command.take().expect("a COMMAND");
        let mut out = vec![0; naslane::nas::nssaa::NSSAA_MAX];
        let action = self.ue.command(access, &command, &mut out).unwrap();
        let UeAction::Peer { s_nssai, request } = action else {
            panic!("{action:?}");
        };
        let response = match request.kind() {
            Some(1) => identity(request.identifier()),
            _ => eap(EapCode::Response, request.identifier(), data),
        };
        let (access, len) = self.ue.answer(s_nssai, &response, &mut out).unwrap();
        out.truncate(len);
        (access, out)
    }

    /// The UE answers the latest COMMAND and the AMF takes it.
    pub(crate) fn answer(&mut self) {
        let (access, message) = self.complete(b"\x04data");
        let message = &message;
        self.on(Event::Complete { access, message }).unwrap();
    }

    pub(crate) fn aaa(&mut self, answer: AaaAnswer<'_>) -> Result<()> {
        let transaction = self.asked.take().expect("a question");
        self.on(Event::Aaa {
            transaction,
            answer,
        })
    }

    pub(crate) fn proceed(&mut self, identifier: u8) {
        let request = eap(EapCode::Request, identifier, b"\x04challenge");
        let request = EapMessage::parse(&request).unwrap();
        self.aaa(AaaAnswer::Continue(request)).unwrap();
    }

    pub(crate) fn verdict(&mut self, status: Status) {
        let (code, success) = match status {
            Status::EapSuccess => (EapCode::Success, true),
            _ => (EapCode::Failure, false),
        };
        let octets = eap_verdict(code, 77);
        let eap = EapMessage::parse(&octets).unwrap();
        let answer = if success {
            AaaAnswer::Success(eap)
        } else {
            AaaAnswer::Failure(eap)
        };
        self.aaa(answer).unwrap();
    }

    /// One whole run of the slice that is next, with one round after the identity; what followed its end.
    pub(crate) fn whole_run(&mut self, status: Status) -> Vec<Did> {
        self.run();
        self.answer();
        self.run();
        self.proceed(40);
        self.run();
        self.answer();
        self.run();
        self.verdict(status);
        self.run()
    }
}

/// Without the timers.
pub(crate) fn untimed(did: Vec<Did>) -> Vec<Did> {
    let timer = |did: &Did| {
        matches!(
            did,
            Did::StartT3575(_) | Did::StopT3575 | Did::StartRetry(_) | Did::StopRetry
        )
    };
    did.into_iter().filter(|did| !timer(did)).collect()
}

pub(crate) fn updates(did: &[Did]) -> Vec<(AccessType, Told)> {
    did.iter()
        .filter_map(|did| match did {
            Did::Update(access, told) => Some((*access, told.clone())),
            _ => None,
        })
        .collect()
}

pub(crate) fn deregistrations(did: &[Did]) -> Vec<(AccessType, Told)> {
    did.iter()
        .filter_map(|did| match did {
            Did::Deregister(access, told) => Some((*access, told.clone())),
            _ => None,
        })
        .collect()
}

pub(crate) fn commands(did: &[Did]) -> Vec<(AccessType, SNssai)> {
    did.iter()
        .filter_map(|did| match did {
            Did::Command(access, s_nssai) => Some((*access, *s_nssai)),
            _ => None,
        })
        .collect()
}
