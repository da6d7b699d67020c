//! The doors, and a subscriber whose AMF half is behind one of them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use naslane::base::{AccessType, Result};
use naslane::door::Door;
use naslane::engine::worker::{Cores, Wait};
use naslane::engine::{Config, Engine, WorkersConfig};
use naslane::procedure::smc::{Activation, Answer, Request};
use naslane::security::{Role, Thresholds};
use naslane::session::Handle;
use naslane::sidecar::config::{Demand, Hardening, OnClientDeath, Quota};
use naslane::sidecar::server::Orders;
use naslane::sidecar::{self, Server};

use crate::common::{GPP, capability, identity};

/// The initial message that a UE's SECURITY MODE COMPLETE carries.
pub(crate) const REGISTRATION: [u8; 21] = [
    0x7E, 0, 0x41, 0x79, 0, 11, 0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1, 0x2E, 2, 0xF0, 0x70,
];

/// Warnings come within the few messages of a script.
pub(crate) const THRESHOLDS: Thresholds = Thresholds {
    warning: 4,
    urgent: 7,
};

/// A daemon in this process, which is all the same to its client.
pub(crate) struct Daemon {
    directory: PathBuf,
    orders: Orders,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn start(quota: Quota) -> Self {
        Self::with(quota, OnClientDeath::Release)
    }

    pub(crate) fn with(quota: Quota, on_client_death: OnClientDeath) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("naslane-door-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let mut config = sidecar::Config::at(directory.join("s"));
        config.quota = quota;
        config.clients.on_client_death = on_client_death;
        config.workers.count = 2;
        config.workers.pinned = false;
        config.workers.wait = sidecar::config::Wait::Block;
        config.engine.sessions = 1024;
        config.engine.warning_count = THRESHOLDS.warning;
        config.engine.urgent_count = THRESHOLDS.urgent;
        config.hardening = Hardening {
            lock_memory: Demand::Off,
            no_dump: Demand::Off,
            seccomp: Demand::Off,
            landlock: Demand::Off,
        };
        let server = Server::start(&config, None, Box::new(|_| {})).unwrap();
        let orders = server.orders();
        let thread = std::thread::spawn(move || server.run().unwrap());
        Self {
            directory,
            orders,
            thread: Some(thread),
        }
    }

    pub(crate) fn connect(&self) -> Door {
        self.connect_as("").unwrap()
    }

    pub(crate) fn connect_as(&self, name: &str) -> Result<Door> {
        Door::connect(self.directory.join("s"), name)
    }

    pub(crate) fn stop(&mut self) {
        self.orders.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn settings() -> Config {
    let mut config = Config::for_sessions(1024);
    config.thresholds = THRESHOLDS;
    config
}

pub(crate) fn inline() -> Door {
    Door::inline(&settings()).unwrap()
}

pub(crate) fn workers() -> Door {
    Door::workers(&WorkersConfig {
        engine: settings(),
        workers: 2,
        wait: Wait::Block,
        cores: Cores::Unpinned,
        ..WorkersConfig::default()
    })
    .unwrap()
}

/// Runs `script` through every door; each must say what the first one said.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(script: impl Fn(&Door) -> Vec<T>) {
    let expected = script(&inline());
    let daemon = Daemon::start(Quota::default());
    for door in [workers(), daemon.connect()] {
        let said = script(&door);
        assert_eq!(said.len(), expected.len());
        for (place, (said, expected)) in said.iter().zip(&expected).enumerate() {
            assert_eq!(said, expected, "{place} of {door:?}");
        }
    }
}

/// Both halves of one subscriber: the UE half has an engine of its own.
pub(crate) struct Subscriber {
    pub(crate) amf: Handle,
    pub(crate) ue: Handle,
}

impl Subscriber {
    pub(crate) fn authenticated(door: &Door, ues: &Engine, number: u64) -> Self {
        let amf = door.establish(Role::Amf).unwrap();
        door.authenticated(amf, identity(number, 0)).unwrap();
        let ue = ues.establish(Role::Ue).unwrap();
        ues.authenticated(ue, identity(number, 0)).unwrap();
        Self { amf, ue }
    }

    pub(crate) fn secured(door: &Door, ues: &Engine, number: u64) -> Self {
        let own = Self::authenticated(door, ues, number);
        let mut command = [0; 400];
        let request = Request::new(GPP, Activation::Partial);
        let sent = door.smc_command(own.amf, &request, &mut command).unwrap();
        let complete = own.answer(ues, &command[..sent.len]);
        let mut out = [0; 512];
        let received = door.verify(own.amf, GPP, &complete, &mut out);
        assert_eq!(received.verdict.result, Ok(()));
        own
    }

    /// The UE's SECURITY MODE COMPLETE.
    pub(crate) fn answer(&self, ues: &Engine, command: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 512];
        let mut env = ues.ue_env(capability());
        env.whole_initial = Some(&REGISTRATION);
        let answer = ues.ue_command(self.ue, (AccessType::ThreeGpp, command), &env, &mut out);
        let Ok(Answer::Complete(sent)) = answer else {
            panic!("{answer:?}")
        };
        out.truncate(sent.len);
        out
    }
}
