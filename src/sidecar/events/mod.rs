//! What the control plane waits for: descriptors that become readable or writable. Two implementations behind one
//! trait, because containers often forbid io_uring.

mod epoll;
mod io_uring;
#[cfg(test)]
mod tests;

use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::base::Result;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Something to receive, or the end.
    Read,
    /// Room to send.
    Write,
}

/// Descriptors and their tokens. As long as what is waited for holds, every wait reports it again.
pub(super) trait Events: Send {
    /// Waits for `fd` too. A token is used once in the life of the daemon.
    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()>;

    /// Waits for something else of it.
    fn change(&mut self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()>;

    /// Waits for it no more. To be called before the descriptor is closed.
    fn remove(&mut self, fd: BorrowedFd<'_>, token: u64) -> Result<()>;

    /// Appends the tokens of what is there; waits for at most `timeout`. An interrupted wait reports nothing.
    fn wait(&mut self, timeout: Duration, ready: &mut Vec<u64>) -> Result<()>;
}

/// Which implementation to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Io {
    /// io_uring where the kernel lets us, else epoll.
    #[default]
    Auto,
    /// io_uring or nothing.
    IoUring,
    /// epoll.
    Epoll,
}

impl fmt::Display for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::IoUring => "io_uring",
            Self::Epoll => "epoll",
        })
    }
}

/// Opens the implementation, and says which one it became.
///
/// # Errors
/// [`crate::base::Error::System`] when the kernel refuses it.
pub(super) fn open(wanted: Io) -> Result<(Box<dyn Events>, Io)> {
    let ring =
        || io_uring::Ring::new().map(|ring| (Box::new(ring) as Box<dyn Events>, Io::IoUring));
    let poll = || epoll::Poll::new().map(|poll| (Box::new(poll) as Box<dyn Events>, Io::Epoll));
    match wanted {
        Io::IoUring => ring(),
        Io::Epoll => poll(),
        Io::Auto => ring().or_else(|_| poll()),
    }
}
