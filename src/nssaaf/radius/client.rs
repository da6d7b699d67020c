//! Questions to RADIUS servers: identifiers, retransmission, fail-over (RFC 2865 2.5, RFC 5080 2.2).
//!
//! A question goes to the first server that answers. One that continues a conversation goes to the server that has it.

use core::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::base::random;

use super::code;
use super::packet::{Authenticator, Builder, LONGEST, Packet, RadiusError};

/// A secret shared with a server.
pub type SharedSecret = Zeroizing<Vec<u8>>;

/// A server.
#[derive(Clone)]
pub struct Server {
    /// Address and port.
    pub address: SocketAddr,
    /// The secret shared with it.
    pub secret: SharedSecret,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}, ..)", self.address)
    }
}

/// How long a server is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Before the first retransmission; each further wait is twice as long, four times at most.
    pub first: Duration,
    /// Transmissions of a question to one server.
    pub transmissions: u32,
    /// How long a server that did not answer is asked only when no other is left.
    pub dead: Duration,
    /// Sockets for each server; each has 256 identifiers.
    pub sockets: usize,
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskError {
    /// No server answered in time.
    Timeout,
    /// All identifiers of all sockets are taken.
    Full,
    /// The question does not fit into a packet.
    Packet(RadiusError),
    /// The system gave no socket or no random numbers.
    System,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no AAA server answers"),
            Self::Full => f.write_str("too many questions to AAA servers; raise `sockets`"),
            Self::Packet(error) => error.fmt(f),
            Self::System => f.write_str("no socket or no random numbers for RADIUS"),
        }
    }
}

impl std::error::Error for AskError {}

/// What happened so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Packets sent, with retransmissions.
    pub sent: AtomicU64,
    /// Retransmissions.
    pub again: AtomicU64,
    /// Replies that are believed.
    pub replies: AtomicU64,
    /// Packets that were no reply: malformed, or to no question.
    pub strange: AtomicU64,
    /// Replies with a wrong or missing authenticator.
    pub forged: AtomicU64,
    /// Servers given up.
    pub dead: AtomicU64,
}

struct Slot {
    authenticator: Authenticator,
    reply: oneshot::Sender<Vec<u8>>,
}

/// The 256 identifiers of a socket.
struct Slots {
    taken: Vec<Option<Slot>>,
    next: u8,
}

struct Socket {
    udp: UdpSocket,
    slots: Mutex<Slots>,
}

impl Socket {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an identifier that no question under way has.
    fn take(
        self: &Arc<Self>,
        authenticator: Authenticator,
    ) -> Option<(Taken, oneshot::Receiver<Vec<u8>>)> {
        let mut slots = self.slots();
        for _ in 0..=u8::MAX {
            let identifier = slots.next;
            slots.next = identifier.wrapping_add(1);
            let slot = &mut slots.taken[usize::from(identifier)];
            if slot.is_none() {
                let (reply, receiver) = oneshot::channel();
                *slot = Some(Slot {
                    authenticator,
                    reply,
                });
                let socket = self.clone();
                return Some((Taken { socket, identifier }, receiver));
            }
        }
        None
    }

    /// One packet from the server. Only a reply that is believed ends the wait for it.
    fn received(&self, octets: &[u8], secret: &[u8], counts: &Counts) {
        let reply = Packet::parse(octets).ok().filter(|packet| {
            let replies = [
                code::ACCESS_ACCEPT,
                code::ACCESS_REJECT,
                code::ACCESS_CHALLENGE,
            ];
            replies.contains(&packet.code())
        });
        let mut slots = self.slots();
        let place = reply.map(|reply| (reply, usize::from(reply.identifier())));
        let Some((reply, place)) = place.filter(|(_, place)| slots.taken[*place].is_some()) else {
            counts.strange.fetch_add(1, Relaxed);
            return;
        };
        let asked = slots.taken[place].as_ref().map(|slot| slot.authenticator);
        if asked.is_some_and(|asked| reply.verify_reply(secret, &asked).is_ok()) {
            counts.replies.fetch_add(1, Relaxed);
            if let Some(slot) = slots.taken[place].take() {
                let _ = slot.reply.send(octets.to_vec());
            }
        } else {
            counts.forged.fetch_add(1, Relaxed);
        }
    }
}

/// An identifier in use; free again when this is dropped.
struct Taken {
    socket: Arc<Socket>,
    identifier: u8,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.socket.slots().taken[usize::from(self.identifier)] = None;
    }
}

/// One server with its sockets.
struct Line {
    server: Server,
    sockets: tokio::sync::Mutex<Vec<(Arc<Socket>, JoinHandle<()>)>>,
    dead_until: Mutex<Option<Instant>>,
}

impl Line {
    fn alive(&self) -> bool {
        let until = *self
            .dead_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| until <= Instant::now())
    }

    fn set_dead(&self, until: Option<Instant>) {
        *self
            .dead_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// An identifier at one of the sockets; a further socket when all are taken.
    async fn take(
        &self,
        authenticator: Authenticator,
        most: usize,
        counts: &Arc<Counts>,
    ) -> Result<(Taken, oneshot::Receiver<Vec<u8>>), AskError> {
        let mut sockets = self.sockets.lock().await;
        if let Some(taken) = sockets
            .iter()
            .find_map(|(socket, _)| socket.take(authenticator))
        {
            return Ok(taken);
        }
        if sockets.len() >= most.max(1) {
            return Err(AskError::Full);
        }
        let any: SocketAddr = match self.server.address {
            SocketAddr::V4(_) => ([0; 4], 0).into(),
            SocketAddr::V6(_) => ([0; 16], 0).into(),
        };
        let udp = UdpSocket::bind(any).await.map_err(|_| AskError::System)?;
        // Connected: the system hands over what comes from this server and nothing else.
        udp.connect(self.server.address)
            .await
            .map_err(|_| AskError::System)?;
        let taken = (0..=u8::MAX).map(|_| None).collect();
        let socket = Arc::new(Socket {
            udp,
            slots: Mutex::new(Slots { taken, next: 0 }),
        });
        let task = tokio::spawn(listen(
            socket.clone(),
            self.server.secret.clone(),
            counts.clone(),
        ));
        let taken = socket.take(authenticator).ok_or(AskError::Full);
        sockets.push((socket, task));
        taken
    }
}

async fn listen(socket: Arc<Socket>, secret: SharedSecret, counts: Arc<Counts>) {
    let mut octets = vec![0; LONGEST];
    loop {
        match socket.udp.recv(&mut octets).await {
            Ok(len) => socket.received(&octets[..len], &secret, &counts),
            // "Port unreachable" for a packet sent before. The server may be back when the next one is sent.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for (_, task) in self.sockets.get_mut() {
            task.abort();
        }
    }
}

/// The servers of one group.
pub struct Client {
    lines: Vec<Line>,
    patience: Patience,
    counts: Arc<Counts>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = self.lines.iter().map(|line| line.server.address);
        f.debug_list().entries(servers).finish()
    }
}

impl Client {
    /// Servers in the order of preference.
    #[must_use]
    pub fn new(servers: Vec<Server>, patience: Patience) -> Self {
        let line = |server| Line {
            server,
            sockets: tokio::sync::Mutex::default(),
            dead_until: Mutex::default(),
        };
        Self {
            lines: servers.into_iter().map(line).collect(),
            patience,
            counts: Arc::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Asks. `build` adds the attributes; `at` is the server that has the conversation, if one has.
    /// Returns the server's number and its reply, which was checked.
    ///
    /// # Errors
    /// Why there is no reply.
    pub async fn ask<F>(&self, at: Option<usize>, build: F) -> Result<(usize, Vec<u8>), AskError>
    where
        F: Fn(&mut Builder) -> Result<(), RadiusError> + Send + Sync,
    {
        let mut last = AskError::Timeout;
        for place in self.order(at) {
            let Some(line) = self.lines.get(place) else {
                continue;
            };
            match self.ask_one(line, &build).await {
                Ok(reply) => {
                    line.set_dead(None);
                    return Ok((place, reply));
                }
                Err(AskError::Timeout) => {
                    line.set_dead(Some(Instant::now() + self.patience.dead));
                    self.counts.dead.fetch_add(1, Relaxed);
                    last = AskError::Timeout;
                }
                // Another server has identifiers of its own.
                Err(AskError::Full) => last = AskError::Full,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Those thought alive; when there are none, all.
    fn order(&self, at: Option<usize>) -> Vec<usize> {
        if let Some(at) = at {
            return vec![at];
        }
        let all = 0..self.lines.len();
        let alive: Vec<usize> = all
            .clone()
            .filter(|place| self.lines[*place].alive())
            .collect();
        if alive.is_empty() {
            all.collect()
        } else {
            alive
        }
    }

    async fn ask_one<F>(&self, line: &Line, build: &F) -> Result<Vec<u8>, AskError>
    where
        F: Fn(&mut Builder) -> Result<(), RadiusError> + Send + Sync,
    {
        let mut authenticator = Authenticator::default();
        random::fill(&mut authenticator).map_err(|_| AskError::System)?;
        let (taken, mut reply) = line
            .take(authenticator, self.patience.sockets, &self.counts)
            .await?;
        let mut builder = Builder::new(code::ACCESS_REQUEST, taken.identifier);
        build(&mut builder).map_err(AskError::Packet)?;
        let octets = builder.access_request(&line.server.secret, &authenticator);
        let mut wait = self.patience.first;
        for transmission in 0..self.patience.transmissions.max(1) {
            if transmission > 0 {
                self.counts.again.fetch_add(1, Relaxed);
            }
            self.counts.sent.fetch_add(1, Relaxed);
            // Not sent is as good as lost: the next transmission follows.
            let _ = taken.socket.udp.send(&octets).await;
            if let Ok(received) = tokio::time::timeout(wait, &mut reply).await {
                return received.map_err(|_| AskError::System);
            }
            wait = (wait * 2).min(self.patience.first * 4);
        }
        Err(AskError::Timeout)
    }
}
