//! `/livez`, `/readyz` and `/metrics` over HTTP/1.1, for probes and Prometheus.
//!
//! One thread serves all connections and is never kept waiting by one of them: sockets do not block, a request has
//! [`PATIENCE`] from its connection to its last octet and as long again for the answer, [`CONNECTIONS`] may be open,
//! and the oldest gives way to one more. Every answer ends its connection. No TLS and no login: listen on loopback, or
//! behind a network policy.

mod answer;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use crate::base::metrics::Snapshot;

use super::exposition::SliceFigures;
use super::set::Standing;

pub use answer::{Answer, LONGEST_HEAD, answer};

/// Where to listen unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:9955";

/// Connections at a time.
pub const CONNECTIONS: usize = 32;

/// Time for a request to arrive, then for its answer to be taken.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Octets read after the answer, so that the peer's last ones do not turn the connection's end into a reset that eats
/// the answer.
const DRAINED: usize = 64 * 1024;

/// What the answers say. Called on the server's thread: quick, and without waiting for a worker.
pub trait State: Send + Sync + 'static {
    /// Takes jobs: `/readyz` is 200. Else why not, in words that name no subscriber.
    ///
    /// # Errors
    /// The reason.
    fn ready(&self) -> Result<(), String>;

    /// Not beyond help: `/livez` is 200. Else why a restart is the only way out.
    ///
    /// # Errors
    /// The reason.
    fn live(&self) -> Result<(), String> {
        Ok(())
    }

    /// The numbers for `/metrics`.
    fn snapshot(&self) -> Snapshot;

    /// The part in a set that shares a store, for `/metrics`.
    fn standing(&self) -> Option<Standing> {
        None
    }

    /// Slice authentication that the daemon drives itself, for `/metrics`.
    fn slices(&self) -> Option<SliceFigures> {
        None
    }
}

/// A running server. Dropped, it ends: open connections are cut.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// Its end tells the thread to end.
    leash: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Where it listens: the port that was chosen when it was 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// True while it serves: its thread ends early only when the platform refuses to wait for sockets.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.leash.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was told on standard error already.
            let _ = thread.join();
        }
    }
}

/// Listens on `address` and serves `state` on a thread of its own.
///
/// # Errors
/// What the platform says about the address, the sockets or the thread.
pub fn start(address: SocketAddr, state: impl State) -> io::Result<Server> {
    serve_at(TcpListener::bind(address)?, state)
}

/// As [`start`], on a socket that listens already: bound before the process gave up its right to.
///
/// # Errors
/// What the platform says about the sockets or the thread.
pub fn serve_at(listener: TcpListener, state: impl State) -> io::Result<Server> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (leash, end) = UnixStream::pair()?;
    let thread = thread::Builder::new()
        .name("naslane-http".to_owned())
        .spawn(move || serve(&listener, &end, &state))?;
    Ok(Server {
        address,
        leash: Some(leash),
        thread: Some(thread),
    })
}

fn serve(listener: &TcpListener, end: &UnixStream, state: &dyn State) {
    let mut open: Vec<Connection> = Vec::with_capacity(CONNECTIONS);
    loop {
        let Ok([ended, arrived]) = wait(listener, end, &mut open) else {
            return;
        };
        if ended {
            return;
        }
        let now = Instant::now();
        open.retain_mut(|connection| connection.step(state, now));
        if arrived {
            accept(listener, &mut open, now);
        }
    }
}

/// Waits until something can be done; true for what is ready: the end, a new connection.
fn wait(
    listener: &TcpListener,
    end: &UnixStream,
    open: &mut [Connection],
) -> rustix::io::Result<[bool; 2]> {
    let now = Instant::now();
    let next = open.iter().map(|connection| connection.deadline).min();
    let patience = next.map(|deadline| {
        let left = deadline.saturating_duration_since(now);
        Timespec {
            tv_sec: left.as_secs() as i64, // at most PATIENCE
            tv_nsec: i64::from(left.subsec_nanos()),
        }
    });
    let mut waits = Vec::with_capacity(2 + CONNECTIONS);
    waits.push(PollFd::new(end, PollFlags::IN));
    waits.push(PollFd::new(listener, PollFlags::IN));
    waits.extend(open.iter().map(|connection| {
        let what = match connection.stage {
            Stage::Writing(_) => PollFlags::OUT,
            _ => PollFlags::IN,
        };
        PollFd::new(&connection.stream, what)
    }));
    match poll(&mut waits, patience.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error),
    }
    let ready: Vec<bool> = waits
        .iter()
        .map(|wait| !wait.revents().is_empty())
        .collect();
    for (connection, ready) in open.iter_mut().zip(&ready[2..]) {
        connection.ready = *ready;
    }
    Ok([ready[0], ready[1]])
}

/// Takes what has arrived, up to a full house: the rest comes at the next turn, so that nobody who connects in a loop
/// keeps the others from being served.
fn accept(listener: &TcpListener, open: &mut Vec<Connection>, now: Instant) {
    for _ in 0..CONNECTIONS {
        // Not the library's `accept`: making the socket non-blocking afterwards is an `ioctl`, which a hardened daemon
        // denies itself.
        let stream = match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok(stream) => TcpStream::from(stream),
            Err(Errno::AGAIN) => return,
            Err(Errno::MFILE | Errno::NFILE) if !open.is_empty() => {
                open.remove(0);
                return;
            }
            Err(_) => {
                // The listener may stay ready: without a pause this would be a busy loop.
                thread::sleep(Duration::from_millis(10));
                return;
            }
        };
        if open.len() == CONNECTIONS {
            open.remove(0);
        }
        open.push(Connection {
            stream,
            stage: Stage::Reading(Vec::new()),
            deadline: now + PATIENCE,
            ready: false,
        });
    }
}

/// A connection and how far it has come.
struct Connection {
    stream: TcpStream,
    stage: Stage,
    deadline: Instant,
    ready: bool,
}

enum Stage {
    /// What has arrived of the request.
    Reading(Vec<u8>),
    /// The rest of the answer.
    Writing(Rest),
    /// The answer is out; so many octets of the peer were thrown away.
    Draining(usize),
}

struct Rest {
    octets: Vec<u8>,
    written: usize,
}

impl Connection {
    /// Goes on as far as the socket lets it; false when the connection is over.
    fn step(&mut self, state: &dyn State, now: Instant) -> bool {
        if now >= self.deadline {
            return self.late(now);
        }
        if !self.ready {
            return true;
        }
        loop {
            let goes_on = match &mut self.stage {
                Stage::Reading(_) => self.read(state, now),
                Stage::Writing(_) => self.write(),
                Stage::Draining(_) => self.drain(),
            };
            match goes_on {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// Its time is up. A request that did not arrive in time is told so, if there is room in the socket.
    fn late(&mut self, now: Instant) -> bool {
        if !matches!(self.stage, Stage::Reading(_)) {
            return false;
        }
        self.reply(answer::timeout(), now);
        match self.write() {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    fn reply(&mut self, octets: Vec<u8>, now: Instant) {
        self.stage = Stage::Writing(Rest { octets, written: 0 });
        self.deadline = now + PATIENCE;
    }

    fn read(&mut self, state: &dyn State, now: Instant) -> io::Result<()> {
        let Stage::Reading(head) = &mut self.stage else {
            return Ok(());
        };
        let mut piece = [0; 1024];
        let room = (LONGEST_HEAD + 1 - head.len()).min(piece.len());
        let len = some(self.stream.read(&mut piece[..room]))?;
        head.extend_from_slice(&piece[..len]);
        if let Answer::Reply(octets) = answer(head, state) {
            self.reply(octets, now);
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let Stage::Writing(rest) = &mut self.stage else {
            return Ok(());
        };
        rest.written += some(self.stream.write(&rest.octets[rest.written..]))?;
        if rest.written == rest.octets.len() {
            self.stream.shutdown(Shutdown::Write)?;
            self.stage = Stage::Draining(0);
        }
        Ok(())
    }

    fn drain(&mut self) -> io::Result<()> {
        let Stage::Draining(drained) = &mut self.stage else {
            return Ok(());
        };
        let mut waste = [0; 4096];
        *drained += some(self.stream.read(&mut waste))?;
        if *drained > DRAINED {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(())
    }
}

/// A peer that sends or takes nothing more is gone.
fn some(len: io::Result<usize>) -> io::Result<usize> {
    match len? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        len => Ok(len),
    }
}
