//! `--nssaa`: network slice-specific authentication of every UE after its registration, against a real NSSAAF.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use naslane::base::{AccessType, Error, Result};
use naslane::door::Door;
use naslane::engine::Engine;
use naslane::engine::nssaa::NSSAA_ROOM;
use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::consumer::{Consumer, Settings};
use naslane::nssaaf::eap::{Credentials, tls};
use naslane::nssaaf::producer::config::s_nssai;
use naslane::nssaaf::runner::{Runner, Todo};
use naslane::nssaaf::ue::{Account, Heard, Subscriber as Supplicant};
use naslane::procedure::nssaa::{
    Action, Downlink, Event, NssaaSettings, Registration, Status, Subscribed, Subscription,
};
use naslane::session::Handle;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::lane::{ACCESS, Lane};

/// What `--nssaa FILE` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// API root of the NSSAAF.
    nssaaf: String,
    /// S-NSSAIs of every UE: `1`, `1-0000aa`.
    slices: Vec<String>,
    /// EAP identity of every UE.
    identity: String,
    /// EAP-MD5, or:
    #[serde(default)]
    password: Option<Zeroizing<String>>,
    /// EAP-TLS.
    #[serde(default)]
    tls: Option<Tls>,
    /// Wait before an unreachable AAA server is asked again.
    #[serde(default = "retry")]
    retry_seconds: u32,
    /// Time for the authentications of one window of UEs.
    #[serde(default = "patience")]
    patience_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    trust: PathBuf,
    /// Name in the AAA server's certificate.
    server: String,
}

const fn retry() -> u32 {
    2
}

const fn patience() -> u64 {
    120
}

/// Slice authentication of a run, checked.
#[derive(Clone)]
pub(super) struct SlicePlan {
    settings: Settings,
    slices: Vec<SNssai>,
    account: Account,
    retry_seconds: u32,
    patience: Duration,
    /// Sessions that a sidecar named to one thread and that are another's.
    named: Arc<Mutex<HashSet<Handle>>>,
}

impl SlicePlan {
    /// Reads the file.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub(super) fn read(path: &Path) -> std::result::Result<Self, String> {
        let at = |why: &str| format!("{}: {why}", path.display());
        let text = fs::read_to_string(path).map_err(|why| at(&why.to_string()))?;
        let file: File = toml::from_str(&text).map_err(|why| at(why.message()))?;
        let slice =
            |text: &String| s_nssai(text).ok_or_else(|| at(&format!("{text:?} is no S-NSSAI")));
        let slices: Vec<SNssai> = file
            .slices
            .iter()
            .map(slice)
            .collect::<std::result::Result<_, _>>()?;
        if slices.is_empty() || slices.len() > 8 {
            return Err(at("slices: 1 to 8"));
        }
        let credentials = match (file.password, file.tls) {
            (Some(password), None) => {
                Credentials::Password(Zeroizing::new(password.as_bytes().to_vec()))
            }
            (None, Some(own)) => {
                let files = tls::Files {
                    trust: &own.trust,
                    certificate: &own.certificate,
                    key: &own.key,
                };
                let name = own
                    .server
                    .clone()
                    .try_into()
                    .map_err(|_| at("tls.server is no name"))?;
                Credentials::Tls(tls::config(&files)?, name)
            }
            _ => return Err(at("give either password or [tls]")),
        };
        Ok(Self {
            settings: Settings::new(&file.nssaaf),
            slices,
            account: Account {
                identity: file.identity,
                credentials,
            },
            retry_seconds: file.retry_seconds.max(1),
            patience: Duration::from_secs(file.patience_seconds),
            named: Arc::default(),
        })
    }

    /// Tells the engine what the procedure has to know.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub(super) fn configure(&self, door: &Door) -> std::result::Result<(), String> {
        let settings = NssaaSettings {
            retry_seconds: self.retry_seconds,
            ..NssaaSettings::default()
        };
        door.nssaa_configure(&settings)
            .map_err(|error| match error {
                Error::Unsupported => "this sidecar is too old for --nssaa".to_owned(),
                error => error.to_string(),
            })
    }
}

/// What became of the slices.
#[derive(Clone)]
pub(super) struct SliceFigures {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// Without a verdict when time was up.
    pub(super) pending: u64,
    /// COMMANDs, RESULTs and updates sent, and COMPLETEs taken.
    pub(super) messages: u64,
    /// First COMMAND to RESULT, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// From the first UE's start to the last one's end, of the thread that took longest.
    pub(super) time: Duration,
}

impl SliceFigures {
    fn new() -> std::result::Result<Self, String> {
        // Up to an hour.
        let latency = Histogram::new_with_bounds(1, 3_600_000_000, 3);
        Ok(Self {
            succeeded: 0,
            failed: 0,
            pending: 0,
            messages: 0,
            latency: latency.map_err(|error| error.to_string())?,
            time: Duration::ZERO,
        })
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.pending += other.pending;
        self.messages += other.messages;
        // Same bounds on both sides.
        let _ = self.latency.add(&other.latency);
        self.time = self.time.max(other.time);
    }
}

/// A PDU that the runner wants sent.
struct Outgoing {
    handle: Handle,
    access: AccessType,
    message: Downlink,
    s_nssai: Option<SNssai>,
    pdu: Vec<u8>,
}

/// One UE of the window.
struct Member {
    who: usize,
    supplicant: Supplicant,
    begun: HashMap<SNssai, Instant>,
}

/// Slice authentication of one thread.
pub(super) struct Slices<'e> {
    door: &'e Door,
    ues: &'e Engine,
    plan: &'e SlicePlan,
    /// None: the sidecar asks the NSSAAF itself.
    runner: Option<Runner>,
    members: HashMap<Handle, Member>,
    outgoing: Vec<Outgoing>,
    room: Box<[u8]>,
    pub(super) figures: SliceFigures,
}

impl<'e> Slices<'e> {
    pub(super) fn new(
        (door, ues): (&'e Door, &'e Engine),
        plan: &'e SlicePlan,
    ) -> std::result::Result<Self, String> {
        let hosted = door.nssaa_hosted().map_err(|error| error.to_string())?;
        let start = || Consumer::start(plan.settings.clone(), Box::new(|| ()));
        let consumer = (!hosted).then(start).transpose()?;
        Ok(Self {
            door,
            ues,
            plan,
            runner: consumer.map(Runner::new),
            members: HashMap::new(),
            outgoing: Vec::new(),
            room: vec![0; NSSAA_ROOM].into(),
            figures: SliceFigures::new()?,
        })
    }

    /// All UEs of the window, at the same time; each gets its slices one after the other.
    pub(super) fn run(&mut self, lane: &mut Lane<'_>) {
        let begin = Instant::now();
        for who in lane.live() {
            if let Err(error) = self.begin(lane, who) {
                lane.lose(
                    who,
                    format_args!("slice authentication does not begin: {error}"),
                );
            }
            self.carry_out(lane);
        }
        while !self.members.is_empty() && begin.elapsed() < self.plan.patience {
            if let Err(error) = self.turn() {
                let [who, ..] = lane.live()[..] else { break };
                lane.lose(who, format_args!("slice authentication: {error}"));
                break;
            }
            self.carry_out(lane);
        }
        let late: Vec<Handle> = self.members.keys().copied().collect();
        for handle in late {
            self.end(lane, handle);
        }
        self.figures.time += begin.elapsed();
    }

    /// What came by itself.
    fn turn(&mut self) -> Result<()> {
        let patience = Duration::from_millis(20);
        if let Some(runner) = &mut self.runner {
            let outgoing = &mut self.outgoing;
            let mut order = |handle, todo: Todo<'_>| push(outgoing, handle, &todo);
            runner.turn(self.door, patience, &mut order);
            return Ok(());
        }
        self.door.nssaa_wait(patience)?;
        let named = self.door.nssaa_ready(usize::MAX)?;
        let own: Vec<Handle> = {
            let mut all = self
                .plan
                .named
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            all.extend(named);
            let members = self.members.keys();
            members
                .copied()
                .filter(|handle| all.remove(handle))
                .collect()
        };
        own.into_iter().for_each(|handle| self.drive(handle));
        Ok(())
    }

    /// What a session wants done now.
    fn drive(&mut self, handle: Handle) {
        let outgoing = &mut self.outgoing;
        if let Some(runner) = &mut self.runner {
            let mut order = |handle, todo: Todo<'_>| push(outgoing, handle, &todo);
            return runner.drive(self.door, handle, &mut order);
        }
        let mut take = |action, pdu: &[u8]| {
            if let Action::Send {
                access,
                message,
                s_nssai,
                ..
            } = action
            {
                outgoing.push(Outgoing {
                    handle,
                    access,
                    message,
                    s_nssai,
                    pdu: pdu.to_vec(),
                });
            }
        };
        // What could not be done comes again; in the end the UE is late.
        let _ = (self.door).nssaa_step(handle, None, &mut self.room, &mut take);
    }

    fn forget(&mut self, handle: Handle) {
        if let Some(runner) = &mut self.runner {
            runner.forget(handle);
        }
    }

    fn begin(&mut self, lane: &Lane<'_>, who: usize) -> Result<()> {
        let (handle, number) = (lane.people[who].amf, lane.people[who].person.number);
        let gpsi = format!("msisdn-49{number:010}");
        let subscribed = |s_nssai: &SNssai| Subscribed {
            slice: (*s_nssai).into(),
            nssaa: true,
            default: false,
        };
        let slices: Vec<Subscribed> = self.plan.slices.iter().map(subscribed).collect();
        let asked: Vec<_> = slices.iter().map(|one| one.slice).collect();
        self.door.nssaa_subscribe(
            handle,
            &Subscription {
                gpsis: &[&gpsi],
                slices: &slices,
            },
        )?;
        let registration = Registration {
            access: ACCESS,
            asked: &asked,
            nssaa_supported: true,
            extended_rejected: false,
        };
        self.door.nssaa_register(handle, &registration)?;
        if let Some(runner) = &mut self.runner {
            runner.watch(self.door, handle)?;
        }
        let mut supplicant = Supplicant::new(lane.people[who].ue);
        for s_nssai in &self.plan.slices {
            supplicant.set(*s_nssai, self.plan.account.clone());
        }
        self.members.insert(
            handle,
            Member {
                who,
                supplicant,
                begun: HashMap::new(),
            },
        );
        self.door.nssaa_event(handle, Event::Registered(ACCESS))?;
        self.drive(handle);
        Ok(())
    }

    /// Delivers until nothing is left to deliver; who then has nothing more to do is done.
    fn carry_out(&mut self, lane: &mut Lane<'_>) {
        let mut touched = Vec::new();
        while !self.outgoing.is_empty() {
            for one in std::mem::take(&mut self.outgoing) {
                touched.push(one.handle);
                let Err(error) = self.deliver(lane, &one) else {
                    continue;
                };
                if let Some(member) = self.members.remove(&one.handle) {
                    self.forget(one.handle);
                    lane.lose(member.who, format_args!("{:?}: {error}", one.message));
                }
            }
        }
        for handle in touched {
            let state = self.door.nssaa_state(handle);
            if state.is_ok_and(|state| state.settled) {
                self.end(lane, handle);
            }
        }
    }

    fn deliver(&mut self, lane: &mut Lane<'_>, one: &Outgoing) -> Result<()> {
        let Some(member) = self.members.get_mut(&one.handle) else {
            return Ok(());
        };
        self.figures.messages += 1;
        lane.people[member.who].dl_count += 1;
        match (one.message, one.s_nssai) {
            (Downlink::Command, Some(s_nssai)) => {
                member.begun.entry(s_nssai).or_insert_with(Instant::now);
            }
            (Downlink::Result, Some(s_nssai)) => {
                if let Some(begun) = member.begun.remove(&s_nssai) {
                    let time = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                    self.figures.latency.saturating_record(time);
                }
            }
            _ => (),
        }
        if let Heard::Complete(complete) = member.supplicant.hear(self.ues, one.access, &one.pdu)? {
            self.figures.messages += 1;
            let mut out = vec![0; complete.len()];
            let uplink = self
                .door
                .nssaa_uplink(one.handle, one.access, &complete, &mut out);
            uplink.procedure.unwrap_or(Err(Error::Unexpected))?;
            self.drive(one.handle);
        }
        Ok(())
    }

    /// The UE is done, or time is up.
    fn end(&mut self, lane: &mut Lane<'_>, handle: Handle) {
        let Some(member) = self.members.remove(&handle) else {
            return;
        };
        for s_nssai in &self.plan.slices {
            match self.door.nssaa_status(handle, *s_nssai) {
                Ok(Some(Status::EapSuccess)) => {
                    self.figures.succeeded += 1;
                    continue;
                }
                Ok(Some(Status::EapFailure)) => self.figures.failed += 1,
                _ => self.figures.pending += 1,
            }
            lane.lose(
                member.who,
                format_args!("slice {s_nssai} was not authenticated"),
            );
        }
        self.forget(handle);
    }
}

fn push(outgoing: &mut Vec<Outgoing>, handle: Handle, todo: &Todo<'_>) {
    // The storm has no PDU sessions to release, and all its UEs are connected.
    if let Todo::Send {
        access,
        message,
        s_nssai,
        pdu,
    } = *todo
    {
        outgoing.push(Outgoing {
            handle,
            access,
            message,
            s_nssai,
            pdu: pdu.to_vec(),
        });
    }
}
