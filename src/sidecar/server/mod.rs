//! The daemon: one thread serves the control plane, workers serve the queues.
//!
//! ```text
//! Server::start    socket, event loop, Landlock, workers
//!       ::harden   memory locked, seccomp: nothing is opened any more
//!       ::run      until told to stop
//! ```

mod connection;
mod counters;
mod eyes;
mod host;
mod house;
mod nssaa;
mod probe;
mod set;
mod tenants;
mod verbs;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::base::metrics::WorkerSnapshot;
use crate::base::{Error, Result};
use crate::engine::ring::Doorbell;
use crate::engine::worker::{Watch, Workers};
use crate::session::attend::Notice;
use crate::store::NodeName;

use super::config::{Clients, Config, OnClientDeath, Quota};
use super::events::{self, Events, Interest, Io};
use super::harden::{self, Hardened, Report};
use super::protocol::Frame;
use super::set::Set;
use super::signals::Signals;
use super::socket::{self, Peer};

use connection::{Connection, Fate};
use counters::Counters;
use eyes::Eyes;
use host::Hosting;
use house::journals;
use tenants::{Owners, Tenants};
use verbs::Scratch;

pub use probe::{Orders, Probe};

/// Tokens of the event loop that are no client's.
const LISTENER: u64 = 0;
const ORDERS: u64 = 1;
const SIGNALS: u64 = 2;
const HOST: u64 = 3;
const FIRST_CLIENT: u64 = 16;

/// How often the loop looks at what nobody reports: patience that ended, rings that a worker left.
const TICK: Duration = Duration::from_millis(500);

/// How long a worker may stand still before the log says so.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes lines for the operator. No line has a key, a COUNT or anything that belongs to a UE in it.
pub type Log = Box<dyn Fn(&str) + Send>;

/// Reads [`Clients`] and [`Quota`] again, or says why it cannot.
pub type Reload = Box<dyn FnMut() -> std::result::Result<(Clients, Quota), String> + Send>;

/// A daemon that has its socket and its workers.
pub struct Server {
    clients: Clients,
    events: Box<dyn Events>,
    io: Io,
    listener: OwnedFd,
    orders: Orders,
    signals: Option<(Signals, Reload)>,
    hardened: Option<Hardened>,
    connections: HashMap<u64, Connection>,
    next_token: u64,
    own_uid: u32,
    watch: Watch,
    /// Workers that stood still at the last look.
    stalled: Vec<usize>,
    house: House,
}

/// What the requests of all clients share.
struct House {
    workers: Arc<Workers>,
    owners: Arc<Owners>,
    tenants: Tenants,
    /// Its part in a set that shares a store.
    set: Option<Set>,
    /// Slice authentication, when clients do not drive it themselves.
    host: Option<Hosting>,
    quota: Quota,
    counters: Arc<Counters>,
    scratch: Scratch,
    slice_scratch: nssaa::Scratch,
    eyes: Eyes,
    log: Log,
    next_queue: u32,
    /// Queues that are open.
    queues: u64,
    /// Entries of all rings that each user has.
    entries: HashMap<u32, u32>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (io, clients) = (self.io, self.connections.len());
        write!(f, "Server {{ {io}, {clients} clients }}")
    }
}

impl Server {
    /// Binds the socket and starts the workers. `readable` is the directory that a reload reads.
    ///
    /// # Errors
    /// What went wrong, as a sentence.
    pub fn start(
        config: &Config,
        readable: Option<&Path>,
        log: Log,
    ) -> std::result::Result<Self, String> {
        let path = &config.socket;
        let listener = socket::listen_at(path, config.socket_mode)
            .map_err(|why| format!("{}: {why}", path.display()))?;
        let (events, io) = events::open(config.io)
            .map_err(|_| format!("io = \"{}\": the kernel refuses it", config.io))?;
        // Before the first measure: no file is opened after it, and no name resolved.
        let mut store = super::set::open(&config.store)?;
        let journals = journals(config, store.as_mut())?;
        let outlet = eyes::outlet(config)?;
        let nssaaf = host::open(&config.nssaa)?;
        let ports = store.as_ref().map(|store| store.ports.clone());
        let mut ports = ports.unwrap_or_default();
        ports.extend(nssaaf.iter().flat_map(host::Opened::ports));
        let needs = harden::Needs {
            readable,
            writable: config.tap.writes_to(),
            ports: &ports,
        };
        let hardened = harden::before_threads(config.hardening, needs)?;
        let workers = eyes::workers(config, outlet);
        let workers = workers.and_then(|(config, records)| {
            Ok((Workers::with_journals(&config, journals)?, records))
        });
        let (workers, records) = workers.map_err(|error| match error {
            Error::Argument => {
                "workers or engine: a number outside its bounds, or cores or sessions that are not \
                                there"
                    .to_owned()
            }
            error => format!("workers: {error}"),
        })?;
        let eyes = Eyes::start(config, &workers, records)?;
        let engines = (0..workers.len()).filter_map(|index| workers.engine(index));
        let owners = Owners::new(engines.map(|engine| engine.table().capacity()));
        let owners = Arc::new(owners);
        let workers = Arc::new(workers);
        let gate = Arc::clone(&owners);
        let host = nssaaf.map(Hosting::start).transpose()?;
        let mourner = host.as_ref().map(Hosting::mourner);
        let obey = move |notice| {
            gate.obey(notice);
            if let (Notice::Fenced(handle), Some(tell)) = (notice, &mourner) {
                tell(handle);
            }
        };
        let set = store.map(|store| Set::start(store, &workers, obey));
        let set = set.transpose().map_err(|why| format!("[store]: {why}"))?;
        let bell = Doorbell::new().map_err(|error| error.to_string())?;
        let mut server = Self {
            clients: config.clients.clone(),
            events,
            io,
            listener,
            orders: Orders::new(bell),
            signals: None,
            hardened: Some(hardened),
            connections: HashMap::new(),
            next_token: FIRST_CLIENT,
            watch: Watch::new(PATIENCE),
            stalled: Vec::new(),
            own_uid: rustix::process::geteuid().as_raw(),
            house: House {
                workers,
                owners,
                tenants: Tenants::new(),
                set,
                host,
                quota: config.quota,
                counters: Arc::new(Counters::default()),
                scratch: Scratch::new(),
                slice_scratch: nssaa::Scratch::new(),
                eyes,
                log,
                next_queue: 1,
                queues: 0,
                entries: HashMap::new(),
            },
        };
        let came_back = server.house.take_up();
        if came_back > 0 {
            (server.house.log)(&format!(
                "{came_back} sessions came back and wait for their clients"
            ));
        }
        server.listen().map_err(|error| error.to_string())?;
        Ok(server)
    }

    fn listen(&mut self) -> Result<()> {
        let (listener, bell) = (self.listener.as_fd(), self.orders.0.1.as_fd());
        self.events.add(listener, LISTENER, Interest::Read)?;
        if let Some(host) = &self.house.host {
            self.events.add(host.bell(), HOST, Interest::Read)?;
        }
        self.events.add(bell, ORDERS, Interest::Read)
    }

    /// Obeys the signals of the process: TERM and INT stop, HUP reloads.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn obey(&mut self, signals: Signals, reload: Reload) -> Result<()> {
        self.events.add(signals.as_fd(), SIGNALS, Interest::Read)?;
        self.signals = Some((signals, reload));
        Ok(())
    }

    /// Denies itself what it does not need from here on; every thread of the process must run already.
    ///
    /// # Errors
    /// Which measure was refused that the configuration requires.
    pub fn harden(&mut self) -> std::result::Result<Report, String> {
        // A worker that is still on its way to its processor would be refused there.
        let begin = Instant::now();
        let on_the_way = |stats: &WorkerSnapshot| stats.turns == 0;
        while self.house.workers.stats().iter().any(on_the_way) {
            if begin.elapsed() > PATIENCE {
                return Err("a worker does not start".to_owned());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let hardened = self
            .hardened
            .take()
            .ok_or("the server is hardened already")?;
        let report = harden::after_start(hardened)?;
        let metrics = self.house.workers.metrics();
        metrics.shared().locked_bytes(report.locked_bytes);
        Ok(report)
    }

    /// Who serves the control plane.
    #[must_use]
    pub const fn io(&self) -> Io {
        self.io
    }

    /// The workers, for their figures.
    #[must_use]
    pub fn workers(&self) -> Arc<Workers> {
        Arc::clone(&self.house.workers)
    }

    /// Where notifications of NSSAAFs are taken, if anywhere.
    #[must_use]
    pub fn callbacks(&self) -> Option<SocketAddr> {
        self.house.host.as_ref().and_then(Hosting::callbacks)
    }

    /// Its name in the store of its set, new at each start; none without `[store]`.
    #[must_use]
    pub fn node(&self) -> Option<NodeName> {
        self.house.set.as_ref().map(Set::node)
    }

    /// What an HTTP server answers with.
    #[must_use]
    pub fn probe(&self) -> Probe {
        Probe {
            workers: self.workers(),
            orders: self.orders(),
            set: self.house.set.as_ref().map(Set::look),
            slices: self.house.host.as_ref().map(Hosting::figures),
        }
    }

    /// What stops this server.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Serves until it is told to stop; then drains: no new jobs, what was taken is completed.
    ///
    /// # Errors
    /// [`Error::System`] when the event loop fails.
    pub fn run(mut self) -> Result<()> {
        let mut ready = Vec::new();
        let (mut request, mut response) = (Frame::new(), Frame::new());
        while !self.is_over() {
            ready.clear();
            let patience = self.house.host_rests(TICK);
            self.events.wait(patience, &mut ready)?;
            for &token in &ready {
                match token {
                    LISTENER => self.accept(),
                    ORDERS => drop(self.orders.0.1.silence()),
                    SIGNALS => self.signalled(),
                    HOST => {} // its turn comes in any case
                    client => self.serve(client, &mut request, &mut response),
                }
            }
            self.house.host_turn();
            self.tick();
        }
        self.drain();
        Ok(())
    }

    fn is_over(&self) -> bool {
        let told = self.orders.0.0.load(Ordering::Acquire);
        told || self
            .signals
            .as_ref()
            .is_some_and(|(signals, _)| signals.stop())
    }

    fn signalled(&mut self) {
        let Some((signals, reload)) = &mut self.signals else {
            return;
        };
        signals.silence();
        if !signals.reload() {
            return;
        }
        match reload() {
            Ok((clients, quota)) => {
                self.clients = clients;
                self.house.quota = quota;
                (self.house.log)("reloaded: clients and quotas");
            }
            Err(why) => (self.house.log)(&format!("not reloaded, nothing changed: {why}")),
        }
    }

    /// A new client: one of the list, or shown the door.
    fn accept(&mut self) {
        loop {
            match socket::accept(&self.listener) {
                Ok((client, peer)) => self.welcome(client, peer),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(why) => {
                    (self.house.log)(&format!("no new client: {why}"));
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, client: OwnedFd, peer: Peer) {
        let Peer { pid, uid, gid } = peer;
        let own = self
            .connections
            .values()
            .filter(|client| client.uid() == uid);
        let full = self.connections.len() >= self.clients.connections
            || own.count() >= self.house.quota.of_user_connections();
        let served = self.clients.serve(uid, gid, self.own_uid);
        if !served || full {
            let error = if served { Error::Quota } else { Error::Denied };
            self.house.workers.metrics().shared().client_refused();
            (self.house.log)(&format!("refused pid {pid} uid {uid} gid {gid}: {error}"));
            connection::refuse(&client, error);
            return;
        }
        let token = self.next_token;
        self.next_token += 1;
        if self
            .events
            .add(client.as_fd(), token, Interest::Read)
            .is_err()
        {
            return;
        }
        self.connections
            .insert(token, Connection::new(client, peer));
        self.house.workers.metrics().shared().client_in();
    }

    fn serve(&mut self, token: u64, request: &mut Frame, response: &mut Frame) {
        let Some(connection) = self.connections.get_mut(&token) else {
            return; // gone in this very turn
        };
        let fate = connection.turn(&mut self.house, request, response);
        let socket = connection.socket();
        let waiting = match fate {
            Fate::Served => Ok(()),
            Fate::Receive => self.events.change(socket, token, Interest::Read),
            Fate::Send => self.events.change(socket, token, Interest::Write),
            Fate::Gone => Err(Error::Disconnected),
        };
        if waiting.is_err() {
            self.part_with(token);
        }
    }

    /// A client went away: its queues end, and its sessions wait or are released.
    fn part_with(&mut self, token: u64) {
        let Some(connection) = self.connections.remove(&token) else {
            return;
        };
        self.house.workers.metrics().shared().client_out();
        // An error means that it is not waited for any more, which is what is wanted.
        let _ = self.events.remove(connection.socket(), token);
        let keep = self.clients.on_client_death == OnClientDeath::Keep;
        connection.part(&mut self.house, keep);
        self.house.count_sessions();
    }

    fn tick(&mut self) {
        for connection in self.connections.values_mut() {
            connection.look_at_queues(&mut self.house);
        }
        self.house.tidy_set();
        self.house.host_counts();
        self.house.count_sessions();
        self.house.look();
        let stalled = self.watch.stalled(&self.house.workers);
        for worker in stalled
            .iter()
            .filter(|worker| !self.stalled.contains(worker))
        {
            (self.house.log)(&format!("worker {worker} stands still"));
        }
        self.stalled = stalled;
        if self.clients.keep_seconds > 0 {
            let patience = Duration::from_secs(self.clients.keep_seconds);
            for handle in self.house.tenants.abandoned(patience) {
                let engine = self.house.workers.engine_of(handle);
                // A stale handle is what is wanted.
                let _ = engine.and_then(|engine| engine.release(handle));
                self.house.released(handle);
            }
            for tenant in self.house.tenants.expired(patience) {
                let released = self.house.release_all(tenant);
                (self.house.log)(&format!(
                    "tenant {tenant} did not come back: {released} sessions released"
                ));
            }
        }
    }

    fn drain(mut self) {
        (self.house.log)("stopping: jobs that were taken are completed");
        self.house.workers.stop();
        if let Some(set) = self.house.set.take()
            && !set.stop()
        {
            (self.house.log)(
                "the store did not take every session back: others can have them later",
            );
        }
        let tokens: Vec<u64> = self.connections.keys().copied().collect();
        for token in tokens {
            self.part_with(token);
        }
        self.house.look_away();
        (self.house.log)("stopped");
    }
}
