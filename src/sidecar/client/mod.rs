//! The client: the engine's verbs ([`Client`] has them under the engine's names), asked of a daemon, and queues.

mod nssaa;
mod set;
mod verbs;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};

use crate::base::{Error, Result};
use crate::engine::Queue;
use crate::engine::queue::Side;
use crate::engine::ring::Doorbell;
use crate::engine::worker::Machine;

use super::protocol::{Frame, Hello, Opened, Request, Response, Statistics, VERSIONS, Welcome};
use super::region::{self, Layout};
use super::socket;

/// How long a queue's wait spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

/// The two frames of a connection and the number of the last request.
struct Wire {
    request: Frame,
    response: Frame,
    number: u32,
}

/// A connection to a daemon. Its verbs may be called from any number of threads; each is one exchange over the
/// socket. Messages go through a [`Queue`].
///
/// When the daemon goes away, every verb is [`Error::Disconnected`], and every job that was not completed comes back
/// from its queue with that status, once.
///
/// A client that is dropped is disconnected: its queues end with it.
pub struct Client {
    inner: Arc<Inner>,
    welcome: Welcome,
    /// Once it was asked for.
    slice_bell: OnceLock<Arc<Doorbell>>,
    watcher: Option<JoinHandle<()>>,
}

struct Inner {
    socket: OwnedFd,
    wire: Mutex<Wire>,
    link: Link,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("welcome", &self.welcome)
            .field("gone", &self.is_gone())
            .finish_non_exhaustive()
    }
}

/// What [`Client::tap`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapSwitch {
    /// Begins.
    On,
    /// Ends.
    Off,
}

/// Whether the daemon is there, and whom to wake when it is not.
#[derive(Default)]
struct Link {
    gone: Arc<AtomicBool>,
    bells: Mutex<Vec<Weak<Doorbell>>>,
}

impl Link {
    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    fn bells(&self) -> MutexGuard<'_, Vec<Weak<Doorbell>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bell: &Arc<Doorbell>) {
        let mut bells = self.bells();
        bells.retain(|bell| bell.strong_count() > 0);
        bells.push(Arc::downgrade(bell));
        drop(bells);
        // The daemon may have gone before this bell was in the list.
        if self.is_gone() {
            bell.ring();
        }
    }

    fn cut(&self) {
        self.gone.store(true, Ordering::Release);
        for bell in self.bells().iter().filter_map(Weak::upgrade) {
            bell.ring();
        }
    }
}

/// Sees the daemon go: nothing else would wake a thread that sleeps at its queue.
fn watch(inner: &Inner) {
    loop {
        // Not IN: responses belong to who asked.
        let mut fds = [PollFd::new(&inner.socket, PollFlags::RDHUP)];
        match poll(&mut fds, None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return inner.link.cut(),
        }
    }
}

/// Closes the daemon's side of a queue that is dropped.
struct Tie {
    inner: Weak<Inner>,
    queue: u32,
}

impl Drop for Tie {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            // A daemon that is gone has closed it.
            let _ = inner.done(&Request::CloseQueue(self.queue));
        }
    }
}

/// Connects to the daemon at `path`. With a `name` (up to 32 letters, digits, `-`, `_`, `.`) the client takes over the
/// sessions that it left behind, if the daemon keeps them; see [`Client::sessions`].
///
/// # Errors
/// [`Error::Disconnected`] when nobody listens there, [`Error::Denied`], [`Error::Version`], [`Error::Busy`] while a
/// client of this name is connected, [`Error::Argument`] for another name, [`Error::System`].
pub fn connect(path: impl AsRef<Path>, name: &str) -> Result<Client> {
    let socket = socket::connect_to(path.as_ref()).map_err(|why| match why {
        Errno::ACCESS | Errno::PERM => Error::Denied,
        Errno::NAMETOOLONG | Errno::INVAL => Error::Argument,
        _ => Error::Disconnected,
    })?;
    let wire = Wire {
        request: Frame::new(),
        response: Frame::new(),
        number: 0,
    };
    let inner = Arc::new(Inner {
        socket,
        wire: Mutex::new(wire),
        link: Link::default(),
    });
    let hello = Hello {
        versions: VERSIONS,
        name: name.as_bytes(),
    };
    let welcome = inner.ask(&Request::Hello(hello), |response| match response {
        Response::Welcome(welcome) => Ok(welcome),
        _ => Err(Error::Operation),
    })?;
    let watched = Arc::clone(&inner);
    let watcher = std::thread::Builder::new().name("naslane-link".to_owned());
    let watcher = watcher.spawn(move || watch(&watched));
    Ok(Client {
        inner,
        welcome,
        slice_bell: OnceLock::new(),
        watcher: Some(watcher.map_err(|_| Error::System)?),
    })
}

impl Drop for Client {
    fn drop(&mut self) {
        // Nothing of it is asked any more. Wakes the watcher, which cuts the queues that are left: the daemon closes them now.
        let _ = shutdown(&self.inner.socket, Shutdown::Both);
        if let Some(watcher) = self.watcher.take() {
            // It does nothing that could panic.
            let _ = watcher.join();
        }
    }
}

impl Inner {
    /// One exchange; `read` takes what it needs of the response.
    fn ask<T>(
        &self,
        request: &Request<'_>,
        read: impl FnOnce(Response<'_>) -> Result<T>,
    ) -> Result<T> {
        self.ask_for(request, &mut Vec::new(), read)
    }

    fn ask_for<T>(
        &self,
        request: &Request<'_>,
        fds: &mut Vec<OwnedFd>,
        read: impl FnOnce(Response<'_>) -> Result<T>,
    ) -> Result<T> {
        // A panic in between leaves nothing half done that the next exchange would not clear.
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        let Wire {
            request: out,
            response: back,
            number,
        } = &mut *wire;
        *number = number.wrapping_add(1).max(1);
        request.write(*number, out)?;
        let exchanged = socket::send(&self.socket, out.octets(), &[])
            .and_then(|()| socket::receive(&self.socket, back, fds));
        out.clear();
        match exchanged {
            Ok(()) => {}
            // A daemon that shows the door speaks before it is asked: what it said may still be there.
            Err(Errno::PIPE | Errno::CONNRESET) => {
                let said = socket::receive(&self.socket, back, fds);
                said.map_err(|_| Error::Disconnected)?;
            }
            Err(_) => return Err(Error::System),
        }
        if back.octets().is_empty() {
            return Err(Error::Disconnected);
        }
        let done = match Response::read(back.octets()) {
            Ok((_, Response::Refused(error))) => Err(error),
            Ok((answered, response)) if answered == *number => read(response),
            Ok(_) => Err(Error::Operation),
            Err(error) => Err(error),
        };
        back.clear(); // it may have been a key
        done
    }

    fn done(&self, request: &Request<'_>) -> Result<()> {
        self.ask(request, |response| match response {
            Response::Done => Ok(()),
            _ => Err(Error::Operation),
        })
    }
}

impl Client {
    fn ask<T>(
        &self,
        request: &Request<'_>,
        read: impl FnOnce(Response<'_>) -> Result<T>,
    ) -> Result<T> {
        self.inner.ask(request, read)
    }

    fn done(&self, request: &Request<'_>) -> Result<()> {
        self.inner.done(request)
    }

    /// Limits that the daemon granted.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// True when the daemon is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.inner.link.is_gone()
    }

    /// Asks whether the daemon is there.
    ///
    /// # Errors
    /// [`Error::Disconnected`]; as every verb below.
    pub fn ping(&self) -> Result<()> {
        let number = 0x6E61_736C_616E_6521;
        self.ask(&Request::Ping(number), |response| match response {
            Response::Pong(back) if back == number => Ok(()),
            _ => Err(Error::Operation),
        })
    }

    /// Figures of the daemon.
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn statistics(&self) -> Result<Statistics> {
        self.ask(&Request::Statistics, |response| match response {
            Response::Statistics(figures) => Ok(figures),
            _ => Err(Error::Operation),
        })
    }

    /// Opens a queue with `entries` per worker (a power of two, 8..=4096) and an arena of `arena` octets; the daemon
    /// may grant less. The same type as an in-process queue.
    ///
    /// Its waits spin for a while before they sleep, unless the calling thread may use one processor only: open it
    /// before the thread is pinned.
    ///
    /// # Errors
    /// [`Error::Quota`], [`Error::Argument`], [`Error::System`], [`Error::Disconnected`].
    pub fn open_queue(&self, entries: u32, arena: u32) -> Result<Queue> {
        let mut fds = Vec::new();
        let request = Request::OpenQueue { entries, arena };
        let opened = self
            .inner
            .ask_for(&request, &mut fds, |response| match response {
                Response::Opened(opened) => Ok(opened),
                _ => Err(Error::Operation),
            })?;
        let made = self.queue(&opened, fds);
        if made.is_err() {
            // A queue that nobody has is of no use; the first error is the one to tell.
            let _ = self.done(&Request::CloseQueue(opened.queue));
        }
        made
    }

    fn queue(&self, opened: &Opened, fds: Vec<OwnedFd>) -> Result<Queue> {
        let layout = Layout::new(opened.workers, opened.entries, opened.arena)?;
        if fds.len() != opened.workers as usize + 2 {
            return Err(Error::Operation);
        }
        let mut fds = fds.into_iter();
        let memory = fds.next().ok_or(Error::Operation)?;
        let ends = region::open(&memory, &layout)?;
        let mut bells: Vec<_> = fds.map(|fd| Arc::new(Doorbell::from_fd(fd))).collect();
        let wake_client = bells.pop().ok_or(Error::Operation)?;
        let both = ends.rings.into_iter().zip(bells);
        let sides = both.map(|(end, wake_worker)| Side { end, wake_worker });
        self.inner.link.add(&wake_client);
        // With one processor a client that spins keeps the daemon from running.
        let spin = if Machine::detect().processors > 1 {
            SPIN
        } else {
            Duration::ZERO
        };
        let mut queue = Queue::new(sides.collect(), ends.arena, wake_client, spin);
        let tie = Tie {
            inner: Arc::downgrade(&self.inner),
            queue: opened.queue,
        };
        queue.tied_to(Arc::clone(&self.inner.link.gone), Box::new(tie));
        Ok(queue)
    }
}
