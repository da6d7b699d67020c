//! The NSSAAF: Nnssaaf_NSSAA on one side, RADIUS on the other (TS 23.502 4.2.9, TS 29.526, TS 29.561 16).
//!
//! | file | what it knows |
//! |---|---|
//! | [`config`] | the settings |
//! | `relay` | a POST or PUT into RADIUS, and the reply back |
//! | `contexts` | authentications under way |
//! | `amfs`, `notify` | who is told of re-authentication and revocation, and how |
//! | `admin` | what an operator may ask |

mod admin;
mod amfs;
pub mod config;
mod contexts;
mod notify;
mod relay;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::runtime::Runtime;

use super::http::{Client, Running};
use super::radius;
use super::radius::dynamic::Dynamic;
use crate::nas::nssaa::SNssai;
use amfs::Amfs;
use config::Config;
use contexts::Contexts;

/// What happened so far.
#[derive(Debug, Default)]
struct Tally {
    begun: AtomicU64,
    rounds: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    unanswered: AtomicU64,
    malformed: AtomicU64,
    refused: AtomicU64,
    revocations: AtomicU64,
    not_answered: AtomicU64,
    notified: AtomicU64,
    nobody: AtomicU64,
}

/// What an operator sees of a running NSSAAF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Authentications under way, and those finished a moment ago.
    pub contexts: usize,
    /// POSTs that reached an AAA server.
    pub begun: u64,
    /// PUTs that reached an AAA server.
    pub rounds: u64,
    /// Access-Accepts.
    pub succeeded: u64,
    /// Access-Rejects.
    pub failed: u64,
    /// Answers of 504.
    pub unanswered: u64,
    /// Bodies and EAP packets that were malformed.
    pub malformed: u64,
    /// Answers of 403, 404 and 503.
    pub refused: u64,
    /// Revocations that AAA servers asked for, with every right.
    pub revocations: u64,
    /// Disconnect-Requests that were not worth an answer.
    pub not_answered: u64,
    /// Notifications that an AMF took.
    pub notified: u64,
    /// Notifications for which no AMF was found.
    pub nobody: u64,
    /// RADIUS packets sent, with retransmissions.
    pub radius_sent: u64,
    /// Retransmissions.
    pub radius_again: u64,
    /// RADIUS replies with a wrong or missing authenticator.
    pub radius_forged: u64,
    /// RADIUS packets that were no reply.
    pub radius_strange: u64,
}

/// AAA servers of some slices.
struct Group {
    name: String,
    framed_mtu: u16,
    radius: radius::client::Client,
}

/// What all parts share.
struct Shared {
    api_root: String,
    nas_identifier: String,
    groups: Vec<Group>,
    slices: Vec<(SNssai, usize)>,
    contexts: Mutex<Contexts>,
    amfs: Amfs,
    notify: config::Notify,
    notifying: Arc<tokio::sync::Semaphore>,
    client: Client,
    tally: Tally,
    log: Box<dyn Fn(&str) + Send + Sync>,
    /// When the last line was said, and how many were not said since.
    said: Mutex<(Option<Instant>, u64)>,
}

/// Lines of the log that tell of a fault are at least so far apart: an AAA server that is down is a fault of every UE.
const APART: Duration = Duration::from_secs(1);

impl Shared {
    /// A line for the operator, if the last one was long enough ago.
    fn say(&self, line: &str) {
        let now = Instant::now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.0.is_some_and(|last| now.duration_since(last) < APART) {
            said.1 += 1;
            return;
        }
        let unsaid = std::mem::replace(&mut *said, (Some(now), 0)).1;
        drop(said);
        match unsaid {
            0 => (self.log)(line),
            unsaid => (self.log)(&format!("{line} ({unsaid} lines before it left out)")),
        }
    }

    fn contexts(&self) -> MutexGuard<'_, Contexts> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&self, s_nssai: SNssai) -> Option<usize> {
        let row = self.slices.iter().find(|(known, _)| *known == s_nssai);
        row.map(|(_, group)| *group)
    }

    fn status(&self) -> Status {
        use std::sync::atomic::Ordering::Relaxed;
        let tally = &self.tally;
        let radius = |of: fn(&radius::client::Counts) -> &AtomicU64| {
            let all = self
                .groups
                .iter()
                .map(|group| of(group.radius.counts()).load(Relaxed));
            all.sum()
        };
        Status {
            contexts: self.contexts().len(),
            begun: tally.begun.load(Relaxed),
            rounds: tally.rounds.load(Relaxed),
            succeeded: tally.succeeded.load(Relaxed),
            failed: tally.failed.load(Relaxed),
            unanswered: tally.unanswered.load(Relaxed),
            malformed: tally.malformed.load(Relaxed),
            refused: tally.refused.load(Relaxed),
            revocations: tally.revocations.load(Relaxed),
            not_answered: tally.not_answered.load(Relaxed),
            notified: tally.notified.load(Relaxed),
            nobody: tally.nobody.load(Relaxed),
            radius_sent: radius(|counts| &counts.sent),
            radius_again: radius(|counts| &counts.again),
            radius_forged: radius(|counts| &counts.forged),
            radius_strange: radius(|counts| &counts.strange),
        }
    }
}

/// A running NSSAAF; dropped, it stops at once.
pub struct Nssaaf {
    shared: Arc<Shared>,
    service: Running,
    admin: Option<Running>,
    dynamic: Option<(SocketAddr, tokio::task::JoinHandle<()>)>,
    // Last: tasks end with it.
    runtime: Runtime,
}

impl std::fmt::Debug for Nssaaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Nssaaf({})", self.service.address())
    }
}

fn bind(address: SocketAddr, what: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|why| format!("{what} = {address}: {why}"))
}

impl Nssaaf {
    /// Binds its places and starts serving. `log` gets a line for what an operator should know; no line names a user.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub fn start(config: &Config, log: Box<dyn Fn(&str) + Send + Sync>) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("naslane-nssaaf")
            .enable_all()
            .build()
            .map_err(|why| format!("no threads: {why}"))?;
        let _inside = runtime.enter();
        let service = bind(config.listen, "listen")?;
        let admin = config.admin.map(|admin| bind(admin, "admin")).transpose()?;
        let dynamic = config.dynamic.map(|at| {
            let socket = std::net::UdpSocket::bind(at);
            socket.map_err(|why| format!("dynamic = {at}: {why}"))
        });
        let dynamic = dynamic.transpose()?;
        let text = |why: std::io::Error| why.to_string();
        let address = service.local_addr().map_err(text)?;
        let shared = Arc::new(shared(config, address, log)?);
        let tls = config
            .tls
            .as_ref()
            .map(super::http::tls::Files::server)
            .transpose()?;
        let relay = Arc::new(relay::Relay(shared.clone()));
        let service = Running::start(service, tls, relay).map_err(text)?;
        let admin =
            admin.map(|at| Running::start(at, None, Arc::new(admin::Admin(shared.clone()))));
        let mut askers = Vec::new();
        for aaa in &config.aaa {
            askers.extend(aaa.askers()?);
        }
        let dynamic = dynamic.map(|socket| listen(&shared, socket, Dynamic::new(askers)));
        Ok(Self {
            shared,
            service,
            admin: admin.transpose().map_err(text)?,
            dynamic: dynamic.transpose().map_err(text)?,
            runtime,
        })
    }

    /// Where AMFs ask.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Where an operator asks.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Running::address)
    }

    /// Where AAA servers ask.
    #[must_use]
    pub fn dynamic(&self) -> Option<SocketAddr> {
        self.dynamic.as_ref().map(|(address, _)| *address)
    }

    /// What it did so far.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Takes no more requests and waits for those under way, a few seconds at most.
    pub fn stop(self) {
        if let Some((_, task)) = &self.dynamic {
            task.abort();
        }
        let admin = self.admin;
        self.runtime.block_on(async {
            self.service.stop().await;
            if let Some(admin) = admin {
                admin.stop().await;
            }
        });
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

fn shared(
    config: &Config,
    address: SocketAddr,
    log: Box<dyn Fn(&str) + Send + Sync>,
) -> Result<Shared, String> {
    let tls = config
        .tls
        .as_ref()
        .map(super::http::tls::Files::client)
        .transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let api_root = match &config.api_root {
        Some(root) => root.trim_end_matches('/').to_owned(),
        None => format!("{scheme}://{address}"),
    };
    let (mut groups, mut slices) = (Vec::new(), Vec::new());
    for (place, aaa) in config.aaa.iter().enumerate() {
        groups.push(Group {
            name: aaa.name.clone(),
            framed_mtu: aaa.framed_mtu,
            radius: radius::client::Client::new(aaa.radius_servers()?, aaa.patience()),
        });
        slices.extend(aaa.s_nssais()?.into_iter().map(|s_nssai| (s_nssai, place)));
    }
    let life = Duration::from_secs(config.contexts.seconds);
    Ok(Shared {
        api_root,
        nas_identifier: config.nas_identifier.clone(),
        groups,
        slices,
        contexts: Mutex::new(Contexts::new(config.contexts.most, life)),
        amfs: Amfs::new(&config.notify, &config.amf)?,
        notify: config.notify.clone(),
        notifying: Arc::new(tokio::sync::Semaphore::new(config.notify.most)),
        client: Client::new(tls, Duration::from_millis(config.notify.timeout_ms)),
        tally: Tally::default(),
        log,
        said: Mutex::default(),
    })
}

/// Disconnect-Requests: answered at once, carried out behind the answer.
fn listen(
    shared: &Arc<Shared>,
    socket: std::net::UdpSocket,
    mut dynamic: Dynamic,
) -> std::io::Result<(SocketAddr, tokio::task::JoinHandle<()>)> {
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let shared = shared.clone();
    let task = tokio::spawn(async move {
        let mut octets = vec![0; radius::packet::LONGEST];
        loop {
            let Ok((len, from)) = socket.recv_from(&mut octets).await else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            notify::asked(&shared, &mut dynamic, (&socket, from), &octets[..len]).await;
        }
    });
    Ok((address, task))
}
