//! Doorbells wake a side that sleeps: eventfds, in one process and between two alike. A side that is awake is never
//! rung, so a busy ring makes no system call.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use rustix::io::{Errno, read, write};

use crate::base::{Error, Result};

/// An eventfd: whoever rings adds one, whoever was woken takes all.
#[derive(Debug)]
pub struct Doorbell(OwnedFd);

impl Doorbell {
    /// A silent doorbell.
    ///
    /// # Errors
    /// [`Error::System`] without a file descriptor.
    pub fn new() -> Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        eventfd(0, flags).map(Self).map_err(|_| Error::System)
    }

    /// A doorbell that another process passed on. Reading and writing it must not block: set `O_NONBLOCK`.
    #[must_use]
    pub const fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Wakes who sleeps at it.
    pub fn ring(&self) {
        // Full (2^64 - 2 rings) means that somebody rang, which is all that is to be said; other errors mean that
        // the other side is gone.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Takes every ring so far; true when there was one.
    pub fn silence(&self) -> bool {
        let mut count = [0; 8];
        read(&self.0, &mut count).is_ok()
    }

    /// Sleeps until it is rung, for at most `timeout` when given; true when it rang. Takes the ring.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        let timeout = timeout.map(timespec);
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) | Err(Errno::INTR) => Ok(false),
            Ok(_) => Ok(self.silence()),
            Err(_) => Err(Error::System),
        }
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn timespec(duration: Duration) -> Timespec {
    // Longer than the kernel can count is for ever.
    Timespec::try_from(duration).unwrap_or(Timespec {
        tv_sec: i64::from(i32::MAX),
        tv_nsec: 0,
    })
}

/// Waits at many doorbells at once.
#[derive(Debug)]
pub struct Sleeper(OwnedFd);

impl Sleeper {
    /// A sleeper without doorbells.
    ///
    /// # Errors
    /// [`Error::System`] without a file descriptor.
    pub fn new() -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC);
        epoll.map(Self).map_err(|_| Error::System)
    }

    /// Listens to one more doorbell.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn add(&self, bell: &Doorbell, number: u64) -> Result<()> {
        let (data, edge) = (
            epoll::EventData::new_u64(number),
            // Edge-triggered: nobody has to read the eventfd, and a client cannot keep a worker awake by filling it.
            epoll::EventFlags::IN | epoll::EventFlags::ET,
        );
        epoll::add(&self.0, bell, data, edge).map_err(|_| Error::System)
    }

    /// Does not listen to this doorbell any more.
    pub fn remove(&self, bell: &Doorbell) {
        let _ = epoll::delete(&self.0, bell);
    }

    /// Sleeps until one of them rings, for at most `timeout` when given; true when one rang.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        let timeout = timeout.map(timespec);
        // Which ones rang does not matter; what does not fit is told the next time.
        let mut rung = [MaybeUninit::uninit(); 16];
        match epoll::wait(&self.0, &mut rung[..], timeout.as_ref()) {
            Ok((rung, _)) => Ok(!rung.is_empty()),
            Err(Errno::INTR) => Ok(false),
            Err(_) => Err(Error::System),
        }
    }
}
