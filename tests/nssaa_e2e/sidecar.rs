//! `naslane serve` with `[nssaa]` as a process, and an AMF that is its client: it sends what it is given to send and tells
//! what comes back, and never hears of an NSSAAF.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use naslane::base::AccessType;
use naslane::door::Door;
use naslane::engine::Engine;
use naslane::engine::nssaa::NSSAA_ROOM;
use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::eap::Credentials;
use naslane::nssaaf::ue::{Account, Subscriber};
use naslane::procedure::nssaa::{
    Action, Downlink, Event, NssaaSettings, Registration, Status, Subscription,
};
use naslane::procedure::smc::{Activation, Answer, Request};
use naslane::security::Role;
use naslane::session::Handle;

use crate::aaa::dying_with_us;
use crate::common::{GPP, capability, engine, identity};
use crate::network::{Seen, hear, subscribed};
use crate::ports::free_port;
use crate::world::PATIENCE;

/// A daemon that runs; ended when dropped.
pub(crate) struct Daemon {
    pub(crate) socket: PathBuf,
    pub(crate) callbacks: SocketAddr,
    metrics: SocketAddr,
    directory: PathBuf,
    child: Option<Child>,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    /// One that asks this NSSAAF; `nssaa`: more lines of that section, `sections`: more sections.
    pub(crate) fn asking(root: &str, nssaa: &str, sections: &str) -> Self {
        let callbacks = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let section = format!(
            "[nssaa]\nnssaaf = [\"{root}\"]\ncallbacks = \"{callbacks}\"\nbackoff_ms = 50\n\
             amf_instance_id = \"8a4e3c1e-0001-4000-8000-000000000002\"\n{nssaa}\n{sections}"
        );
        Self::with(&section, callbacks)
    }

    /// One that asks nobody.
    pub(crate) fn silent() -> Self {
        Self::with("", SocketAddr::from(([127, 0, 0, 1], 9)))
    }

    fn with(sections: &str, callbacks: SocketAddr) -> Self {
        // The path of a socket has 107 octets at most.
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("naslane-hosted-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let socket = directory.join("s");
        let metrics = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let text = format!(
            "socket = {socket:?}\n[workers]\ncount = 1\npinned = false\nwait = \"block\"\n[engine]\nsessions = 4096\n\
             [hardening]\nlock_memory = \"try\"\nseccomp = \"require\"\nlandlock = \"require\"\n\
             [http]\nlisten = \"{metrics}\"\n{sections}"
        );
        fs::write(directory.join("naslane.toml"), text).unwrap();
        let mut daemon = Self {
            socket,
            callbacks,
            metrics,
            directory,
            child: None,
            log: Arc::default(),
        };
        daemon.run();
        daemon
    }

    fn run(&mut self) {
        let mut child = dying_with_us(env!("CARGO_BIN_EXE_naslane"))
            .args(["serve", "--config"])
            .arg(self.directory.join("naslane.toml"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        self.child = Some(child);
        let mut said = String::new();
        while !said.contains("serving at") {
            let more = log.read_line(&mut said).unwrap();
            assert_ne!(more, 0, "naslane serve does not start:\n{said}");
        }
        for measure in ["seccomp active", "landlock active"] {
            assert!(said.contains(measure), "{said}");
        }
        *self.log.lock().unwrap() = said;
        let kept = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// A page of its HTTP server.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// One number of its metrics.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let page = self.get("/metrics");
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let line = line.unwrap_or_else(|| panic!("no {name} in {page}"));
        line.parse().unwrap()
    }

    /// Waits until a number of its metrics is this.
    pub(crate) fn until_metric(&self, name: &str, holds: impl Fn(u64) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self.metric(name)) {
            assert!(Instant::now() < end, "{name} is {}", self.metric(name));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// One UE: its half, and what happened to it.
pub(crate) struct Member {
    pub(crate) subscriber: Subscriber,
    pub(crate) seen: Vec<Seen>,
}

/// An AMF whose slice authentication is the daemon's, and its UEs.
pub(crate) struct Amf {
    pub(crate) door: Door,
    pub(crate) ues: Arc<Engine>,
    pub(crate) members: HashMap<Handle, Member>,
    pub(crate) completes: usize,
    /// COMMANDs that get lost on the radio.
    pub(crate) lose: usize,
    room: Vec<u8>,
}

impl Amf {
    pub(crate) fn of(daemon: &Daemon, name: &str) -> Self {
        let door = Door::connect(&daemon.socket, name).unwrap();
        assert_eq!(door.nssaa_hosted(), Ok(true));
        let settings = NssaaSettings {
            retry_seconds: 1,
            t3575_seconds: 1,
            ..NssaaSettings::default()
        };
        door.nssaa_configure(&settings).unwrap();
        Self {
            door,
            ues: Arc::new(engine(2, 2)),
            members: HashMap::new(),
            completes: 0,
            lose: 0,
            room: vec![0; NSSAA_ROOM],
        }
    }

    /// A session with keys on both sides.
    pub(crate) fn secured(&self, number: u64) -> (Handle, Handle) {
        let (amf, ue) = (
            self.door.establish(Role::Amf).unwrap(),
            self.ues.establish(Role::Ue).unwrap(),
        );
        self.door.authenticated(amf, identity(number, 0)).unwrap();
        self.ues.authenticated(ue, identity(number, 0)).unwrap();
        let (mut command, mut answer) = (vec![0; 512], vec![0; 512]);
        let request = Request::new(GPP, Activation::Partial);
        let sent = self.door.smc_command(amf, &request, &mut command).unwrap();
        let env = self.ues.ue_env(capability());
        let answered = self
            .ues
            .ue_command(ue, (GPP, &command[..sent.len]), &env, &mut answer);
        let Ok(Answer::Complete(sent)) = answered else {
            panic!("{answered:?}")
        };
        let mut plain = vec![0; 512];
        let received = self.door.verify(amf, GPP, &answer[..sent.len], &mut plain);
        assert_eq!(received.verdict.result, Ok(()));
        (amf, ue)
    }

    /// A UE that is registered and has these accounts.
    pub(crate) fn join(
        &mut self,
        number: u64,
        accounts: &[(SNssai, &str, &Credentials)],
    ) -> Handle {
        let (amf, ue) = self.secured(number);
        let gpsi = format!("msisdn-{}", 491_700_000_000 + number);
        let slices: Vec<_> = accounts.iter().map(|(one, ..)| subscribed(*one)).collect();
        let subscription = Subscription {
            gpsis: &[&gpsi],
            slices: &slices,
        };
        self.door.nssaa_subscribe(amf, &subscription).unwrap();
        let asked: Vec<_> = slices.iter().map(|one| one.slice).collect();
        let registration = Registration {
            access: GPP,
            asked: &asked,
            nssaa_supported: true,
            extended_rejected: false,
        };
        let admission = self.door.nssaa_register(amf, &registration).unwrap();
        assert_eq!(admission.pending.len(), slices.len());
        let mut subscriber = Subscriber::new(ue);
        for (s_nssai, identity, credentials) in accounts {
            let account = Account {
                identity: (*identity).to_owned(),
                credentials: (*credentials).clone(),
            };
            subscriber.set(*s_nssai, account);
        }
        let seen = Vec::new();
        self.members.insert(amf, Member { subscriber, seen });
        self.door.nssaa_event(amf, Event::Registered(GPP)).unwrap();
        amf
    }

    /// Waits a little for the daemon to name sessions, and does what they want.
    pub(crate) fn turn(&mut self, patience: Duration) {
        self.door.nssaa_wait(patience).unwrap();
        for handle in self.door.nssaa_ready(1024).unwrap() {
            self.take(handle);
        }
    }

    /// All that one session wants.
    pub(crate) fn take(&mut self, handle: Handle) {
        let mut pdus: Vec<(AccessType, Vec<u8>)> = Vec::new();
        let member = self.members.get_mut(&handle).unwrap();
        let lose = &mut self.lose;
        let mut take = |action, octets: &[u8]| match action {
            Action::Send {
                message: Downlink::Command,
                ..
            } if *lose > 0 => *lose -= 1,
            Action::Send { access, .. } => pdus.push((access, octets.to_vec())),
            Action::ReleaseSessions(slice) => member.seen.push(Seen::Release(slice.hplmn())),
            other => panic!("{other:?} is none of the AMF's"),
        };
        let taken = self
            .door
            .nssaa_step(handle, None, &mut self.room, &mut take);
        assert_eq!(taken, Ok(()));
        for (access, pdu) in pdus {
            let Member { subscriber, seen } = self.members.get_mut(&handle).unwrap();
            let Some(complete) = hear(&self.ues, subscriber, (access, &pdu), seen) else {
                continue;
            };
            self.completes += 1;
            let mut out = vec![0; complete.len()];
            let uplink = self.door.nssaa_uplink(handle, access, &complete, &mut out);
            assert_eq!(uplink.procedure, Some(Ok(())));
        }
    }

    /// Turns until this holds.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < end, "never: {what}");
            self.turn(Duration::from_millis(20));
        }
    }

    pub(crate) fn status(&self, handle: Handle, s_nssai: SNssai) -> Option<Status> {
        self.door.nssaa_status(handle, s_nssai).unwrap()
    }

    /// What was seen since the last call.
    pub(crate) fn seen(&mut self, handle: Handle) -> Vec<Seen> {
        std::mem::take(&mut self.members.get_mut(&handle).unwrap().seen)
    }

    /// Turns until the procedure has nothing more to do for this UE.
    pub(crate) fn settle(&mut self, handle: Handle) -> Vec<Seen> {
        self.until("settled", |amf| {
            amf.door.nssaa_state(handle).unwrap().settled
        });
        self.seen(handle)
    }
}
