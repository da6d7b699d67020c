//! Nodes as they are run: `naslane serve` in network namespaces of their own, with three members of etcd.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use naslane::base::Result;
use naslane::door::Door;
use naslane::procedure::smc::{Action, Activation, Event, Request};
use naslane::security::{Identity, Role};
use naslane::session::Handle;
use naslane::store::NodeName;
use rustix::process::{Pid, Signal, kill_process};

use super::etcd::{self, Cluster};
use super::inside::{verified, written};
use super::network::Network;
use super::node::{Node, Verified};
use super::schedule::{MEMBERS, NODES};
use super::stage::{Begun, Present, Stage};
use super::ue::GPP;

/// The name under which the AMF is known to all nodes.
const AMF: &str = "amf";
/// What stands in a node's log before its name in the store. To look there which name is new would be a guess: another
/// node that was absent may come back at the same time.
const NODE: &str = "this node is ";

/// What a node's log said so far.
const SILENT: u8 = 0;
const SERVES: u8 = 1;
const ENDED: u8 = 2;

struct Daemon {
    child: Child,
    said: Arc<AtomicU8>,
    log: Arc<Mutex<String>>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sidecars, a network between them and a cluster.
pub(super) struct Daemons {
    // In this order they end: nodes first.
    daemons: [Option<Daemon>; NODES],
    cluster: Cluster,
    network: Network,
    folder: Folder,
    ttl: Duration,
    sessions: usize,
    /// When the store's data are kept; as long after it they are put back.
    forgetful: Option<Duration>,
    planted: u8,
}

/// A directory that goes with the run.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// One of this process. Those of processes that are gone are removed.
    fn new() -> std::io::Result<Self> {
        const NAME: &str = "naslane-chaos-";
        let base = std::env::temp_dir();
        for entry in fs::read_dir(&base)?.flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix(NAME));
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let path = base.join(format!("{NAME}{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Daemons {
    /// Starts the network and the cluster.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn new(ttl: Duration, sessions: usize) -> std::result::Result<Self, String> {
        let folder = Folder::new().map_err(|why| format!("a directory: {why}"))?;
        let secret = |name: &str, text: &str| {
            fs::write(folder.0.join(name), text).map_err(|why| format!("{name}: {why}"))
        };
        // The same for all nodes; nobody's keys.
        secret("kek", &format!("00000001 {}\n", "5a".repeat(32)))?;
        secret("print", &format!("{}\n", "a5".repeat(32)))?;
        Ok(Self {
            daemons: [const { None }; NODES],
            network: Network::new()?,
            cluster: Cluster::start(&folder.0)?,
            folder,
            ttl,
            sessions,
            forgetful: None,
            planted: 0,
        })
    }

    fn config(&self, seat: usize) -> String {
        let folder = &self.folder.0;
        let path = |name: &str| folder.join(name).display().to_string();
        let (sessions, seconds) = (self.sessions, self.ttl.as_secs());
        // Ordinary users may not lock that much memory, and a storm's keys are nobody's.
        format!(
            "socket = {:?}\n[clients]\non_client_death = \"keep\"\n\
             [quota]\nsessions = {sessions}\nqueues = 256\n\
             [engine]\nsessions = {sessions}\n[hardening]\nlock_memory = \"try\"\n[http]\nlisten = \"\"\n\
             [store]\nkind = \"etcd\"\nendpoints = {:?}\nprefix = {:?}\ntimeout_ms = 500\nttl_seconds = {seconds}\n\
             kek = \"file:{}\"\nprint_key = \"file:{}\"\n",
            path(&format!("socket-{seat}")),
            etcd::endpoints(),
            etcd::PREFIX,
            path("kek"),
            path("print"),
        )
    }

    fn signal(&self, seat: usize, signal: Signal) {
        let daemon = self.daemons[seat].as_ref();
        let pid = daemon.and_then(|daemon| i32::try_from(daemon.child.id()).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // One that is gone already hears nothing.
            let _ = kill_process(pid, signal);
        }
    }

    /// After `every` the store's data are kept, and after as much again they are put back under the same identity: a
    /// store that forgets what it acknowledged.
    pub(super) fn plant(&mut self, every: Option<Duration>) {
        self.forgetful = every;
    }

    /// Forgets what the store acknowledged since [`Daemons::keep`]. All nodes end with it, because those that knew
    /// better would notice.
    fn forget(&mut self) -> std::result::Result<(), String> {
        for seat in 0..NODES {
            self.daemons[seat] = None;
        }
        self.with_cluster_stopped(Cluster::forget)
    }

    /// A copy of what the store has now.
    fn keep(&mut self) -> std::result::Result<(), String> {
        self.with_cluster_stopped(Cluster::keep)
    }

    fn with_cluster_stopped(
        &mut self,
        act: impl FnOnce(&Cluster) -> std::result::Result<(), String>,
    ) -> std::result::Result<(), String> {
        for member in 0..MEMBERS {
            self.cluster.kill(member);
        }
        act(&self.cluster)?;
        (0..MEMBERS).try_for_each(|member| self.cluster.begin(member))
    }
}

/// Reads a node's log to its end: one that nobody reads would stand still.
fn listen(log: BufReader<ChildStderr>, said: &AtomicU8, all: &Mutex<String>) {
    for line in log.lines().map_while(std::result::Result::ok) {
        if line.contains("serving at") {
            said.store(SERVES, Ordering::Release);
        }
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_str(&line);
        all.push('\n');
    }
    said.store(ENDED, Ordering::Release);
}

/// The name that a node's log tells.
fn named(log: &str) -> Option<NodeName> {
    let hex = log.lines().find_map(|line| line.split_once(NODE))?.1;
    crate::hex::decode(hex).ok()?.try_into().ok().map(NodeName)
}

impl Stage for Daemons {
    fn describe(&self) -> String {
        format!("{NODES} sidecars in network namespaces, {MEMBERS} members of etcd")
    }

    fn start(&mut self, seat: usize) -> std::result::Result<(), String> {
        self.daemons[seat] = None;
        let text = |why: std::io::Error| format!("naslane serve: {why}");
        let config = self.folder.0.join(format!("naslane-{seat}.toml"));
        fs::write(&config, self.config(seat)).map_err(text)?;
        let program = std::env::current_exe().map_err(text)?;
        let mut child = self
            .network
            .command(seat, &program)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(text)?;
        let (said, log) = (Arc::new(AtomicU8::new(SILENT)), Arc::default());
        let stderr = child.stderr.take().ok_or("a node has no log")?;
        let (to, all) = (said.clone(), Arc::clone(&log));
        std::thread::spawn(move || listen(BufReader::new(stderr), &to, &all));
        self.daemons[seat] = Some(Daemon { child, said, log });
        Ok(())
    }

    fn begun(&mut self, seat: usize) -> std::result::Result<Option<Begun>, String> {
        let path = self.folder.0.join(format!("socket-{seat}"));
        let daemon = self.daemons[seat].as_mut().ok_or("it was not started")?;
        match daemon.said.load(Ordering::Acquire) {
            SILENT => return Ok(None),
            SERVES => {}
            _ => {
                let log = daemon.log.lock().unwrap_or_else(PoisonError::into_inner);
                return Err(log.trim_end().to_owned());
            }
        }
        let door = Door::connect(&path, AMF).map_err(|error| error.to_string())?;
        let log = daemon.log.lock().unwrap_or_else(PoisonError::into_inner);
        let name = named(&log).ok_or("its log does not say its name in the store")?;
        Ok(Some((Arc::new(door), name)))
    }

    fn kill(&mut self, seat: usize) {
        self.daemons[seat] = None;
    }

    fn stop(&mut self, seat: usize, stopped: bool) {
        let signal = if stopped { Signal::STOP } else { Signal::CONT };
        self.signal(seat, signal);
    }

    fn cut(&mut self, seat: usize, cut: bool) -> std::result::Result<(), String> {
        self.network.cut(seat, cut)
    }

    fn leader(&mut self) -> Option<usize> {
        Cluster::leader()
    }

    fn kill_member(&mut self, member: usize) {
        self.cluster.kill(member);
    }

    fn start_member(&mut self, member: usize) -> std::result::Result<(), String> {
        self.cluster.begin(member)
    }

    fn at(&mut self, now: Duration) -> std::result::Result<Option<(&'static str, bool)>, String> {
        match self.forgetful {
            Some(every) if self.planted == 0 && now >= every => {
                self.planted = 1;
                self.keep()?;
                Ok(Some(("planted: the store's data are copied", false)))
            }
            Some(every) if self.planted == 1 && now >= 2 * every => {
                self.planted = 2;
                self.forget()?;
                Ok(Some((
                    "planted: the store is put back to its copy, and all nodes are killed",
                    true,
                )))
            }
            _ => Ok(None),
        }
    }

    fn watch(&self) -> Box<dyn FnMut() -> Present + Send> {
        let mut looks = 0;
        Box::new(move || {
            looks += 1;
            etcd::present(looks)
        })
    }
}

impl Node for Door {
    fn establish(&self, name: &[u8]) -> Result<Handle> {
        let handle = Self::establish(self, Role::Amf)?;
        match self.name_session(handle, name) {
            Ok(()) => Ok(handle),
            Err(error) => {
                let _ = Self::release(self, handle);
                Err(error)
            }
        }
    }

    fn authenticated(&self, handle: Handle, identity: Identity) -> Result<()> {
        Self::authenticated(self, handle, identity)
    }

    fn command(&self, handle: Handle) -> Result<Vec<u8>> {
        let request = Request::new(GPP, Activation::Partial);
        written(|out| Ok(self.smc_command(handle, &request, out)?.len))
    }

    fn resend(&self, handle: Handle) -> Result<Vec<u8>> {
        written(
            |out| match self.smc_event(handle, Event::T3560Expired, out)? {
                Action::Resend(sent) => Ok(sent.len),
                Action::Ended(_) => Err(naslane::base::Error::Timeout),
            },
        )
    }

    fn abort(&self, handle: Handle) {
        // None may be under way.
        let _ = self.smc_event(handle, Event::Abort, &mut []);
    }

    fn protect(&self, handle: Handle, plain: &[u8]) -> Result<Vec<u8>> {
        written(|out| Ok(Self::protect(self, handle, GPP, plain, out)?.len))
    }

    fn verify(&self, handle: Handle, pdu: &[u8]) -> Result<Verified> {
        verified(
            |plain| Self::verify(self, handle, GPP, pdu, plain),
            pdu.len(),
        )
    }

    fn take(&self, name: &[u8]) -> Result<Handle> {
        self.take_session(name, 0)
    }

    fn give(&self, handle: Handle) -> Result<()> {
        self.give_session(handle)
    }

    fn release(&self, handle: Handle) -> Result<()> {
        Self::release(self, handle)
    }
}
