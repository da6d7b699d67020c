//! A daemon of a set, with one client that is always called the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::engine::job::op;
use naslane::engine::{Engine, Queue};
use naslane::security::Role;
use naslane::session::Handle;
use naslane::sidecar::{Client, connect};

use crate::cluster::Cluster;
use crate::common::{DOWNLINK, GPP, identity, verify};
use crate::world::{Daemon, PATIENCE, Subscriber, job, one};

/// Seconds after which a lost daemon is succeeded.
pub const TTL: u64 = 2;

pub struct Node {
    /// First: what is dropped after it does not wait for a daemon that was stopped.
    pub daemon: Daemon,
    pub queue: Queue,
    pub client: Client,
}

/// Sections for a daemon whose keys lie in `directory`.
pub fn sections(directory: &Path, store: &str) -> String {
    fs::write(
        directory.join("kek"),
        format!("00000001 {}\n", "5a".repeat(32)),
    )
    .unwrap();
    fs::write(directory.join("prints"), "a5".repeat(32)).unwrap();
    format!(
        "[workers]\ncount = 2\npinned = false\nwait = \"block\"\n[engine]\nsessions = 512\n\
         [http]\nlisten = \"127.0.0.1:0\"\n[clients]\non_client_death = \"keep\"\n\
         [store]\nttl_seconds = {TTL}\ntimeout_ms = 500\nkek = \"file:{0}/kek\"\n\
         print_key = \"file:{0}/prints\"\n{store}",
        directory.display()
    )
}

/// Where the keys of a test's set lie.
pub fn keys(name: &str) -> PathBuf {
    crate::world::directory(&format!("{name}-keys"))
}

/// The settings of a cluster.
pub fn etcd(cluster: &Cluster) -> String {
    let endpoints = cluster.config().endpoints;
    format!("kind = \"etcd\"\nendpoints = {endpoints:?}\n")
}

impl Node {
    pub fn start(name: &str, sections: &str) -> Self {
        let daemon = Daemon::with(name, sections);
        let client = connect(&daemon.socket, "amf").unwrap();
        let queue = client.open_queue(64, 1 << 16).unwrap();
        Self {
            queue,
            client,
            daemon,
        }
    }

    /// Connects again, to the daemon that was launched again.
    pub fn connect(&mut self) {
        self.client = connect(&self.daemon.socket, "amf").unwrap();
        self.queue = self.client.open_queue(64, 1 << 16).unwrap();
    }

    /// A session with a name, and its UE.
    pub fn register(&mut self, ues: &Engine, number: u64) -> Subscriber {
        let own = Subscriber::named(&self.client, ues, number);
        own.secure(&mut self.queue, ues);
        own
    }

    /// Asks until there is an answer that is none of `passing`.
    pub fn take(&self, number: u64, passing: &[Error]) -> Result<Handle, Error> {
        let begin = Instant::now();
        loop {
            match self.client.take_session(&number.to_be_bytes(), number) {
                Err(error) if error == Error::Busy || passing.contains(&error) => {
                    assert!(begin.elapsed() < PATIENCE, "{error:?} for ever");
                    std::thread::sleep(Duration::from_millis(5));
                }
                answer => return answer,
            }
        }
    }

    /// Gives a session away.
    pub fn give(&self, session: Handle) -> Result<(), Error> {
        let begin = Instant::now();
        loop {
            match self.client.give_session(session) {
                Err(Error::Busy) => {
                    assert!(begin.elapsed() < PATIENCE, "busy for ever");
                    std::thread::sleep(Duration::from_millis(5));
                }
                answer => return answer,
            }
        }
    }

    /// One message downlink: the status, and what the UE said to it.
    pub fn downlink(&mut self, ues: &Engine, ue: &Subscriber) -> (i32, Option<Vec<u8>>) {
        let (done, pdu) = one(&mut self.queue, job(op::PROTECT, ue.amf), DOWNLINK);
        let heard = (done.status == 0).then(|| verify(ues, ue.ue, GPP, &pdu));
        (done.status, heard.and_then(Result::ok))
    }

    /// The status of one message uplink.
    pub fn uplink(&mut self, pdu: &[u8], ue: &Subscriber) -> i32 {
        one(&mut self.queue, job(op::VERIFY, ue.amf), pdu).0.status
    }

    /// A metric without labels.
    pub fn metric(&self, name: &str) -> u64 {
        let page = self.daemon.get("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name}: {page}"));
        value.trim().parse().unwrap()
    }

    /// Waits until what the sessions are now stands in the store: nothing was written for a while.
    pub fn settles(&self) {
        const QUIET: Duration = Duration::from_millis(600);
        let written = || self.metric("naslane_store_writes_total ");
        let (begin, mut since, mut last) = (Instant::now(), Instant::now(), written());
        while last == 0 || since.elapsed() < QUIET {
            assert!(begin.elapsed() < PATIENCE, "it writes for ever");
            std::thread::sleep(Duration::from_millis(20));
            let now = written();
            if now != last {
                (since, last) = (Instant::now(), now);
            }
        }
    }

    /// Waits until the probe says so.
    pub fn becomes(&self, status: &str) {
        let begin = Instant::now();
        while !self
            .daemon
            .get("/readyz")
            .starts_with(&format!("HTTP/1.1 {status}"))
        {
            assert!(begin.elapsed() < PATIENCE, "{}", self.daemon.get("/readyz"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A client of this name.
pub fn connect_as(daemon: &Daemon, name: &str) -> Client {
    connect(&daemon.socket, name).unwrap()
}

impl Subscriber {
    /// Both halves with the same K_AMF, under a name that other daemons know.
    pub fn named(client: &Client, engine: &Engine, number: u64) -> Self {
        let amf = client.establish(Role::Amf, number).unwrap();
        client.name_session(amf, &number.to_be_bytes()).unwrap();
        client.authenticated(amf, &identity(number, 0)).unwrap();
        let ue = engine.establish(Role::Ue).unwrap();
        engine.authenticated(ue, identity(number, 0)).unwrap();
        Self { amf, ue }
    }

    /// A new K_AMF, and the security mode procedure that takes it into use.
    pub fn rekey(
        &self,
        (client, queue): (&Client, &mut Queue),
        engine: &Engine,
        (key, ksi): (u64, u8),
    ) {
        client.authenticated(self.amf, &identity(key, ksi)).unwrap();
        engine.authenticated(self.ue, identity(key, ksi)).unwrap();
        self.secure(queue, engine);
    }
}
