//! TERM, INT and HUP as flags and a descriptor that wakes the event loop.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Signals of this process, from [`Signals::install`] on.
#[derive(Debug)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    wake: UnixStream,
}

impl Signals {
    /// Takes TERM, INT and HUP over; they do not end the process any more.
    ///
    /// # Errors
    /// Those of the system.
    pub fn install() -> io::Result<Self> {
        let (wake, ring) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let reload = Arc::new(AtomicBool::new(false));
        // The flag before the descriptor: whoever wakes sees it.
        for (signal, what) in [(SIGTERM, &stop), (SIGINT, &stop), (SIGHUP, &reload)] {
            flag::register(signal, Arc::clone(what))?;
            low_level::pipe::register(signal, ring.try_clone()?)?;
        }
        Ok(Self { stop, reload, wake })
    }

    /// TERM or INT came.
    #[must_use]
    pub fn stop(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// HUP came since the last call.
    #[must_use]
    pub fn reload(&self) -> bool {
        self.reload.swap(false, Ordering::AcqRel)
    }

    /// Waits for TERM or INT, for a program that has nothing else to wait for.
    pub fn wait(&self) {
        while !self.stop() {
            let mut wake = [PollFd::new(&self.wake, PollFlags::IN)];
            // A signal interrupts it: look again.
            let _ = poll(&mut wake, None);
            self.silence();
        }
    }

    /// Takes what woke the loop.
    pub fn silence(&self) {
        let mut octets = Vec::with_capacity(64);
        while rustix::io::read(&self.wake, spare_capacity(&mut octets)).is_ok_and(|count| count > 0)
        {
            octets.clear();
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
