//! io_uring: one poll request for each descriptor, which answers once and is then placed again. One system call
//! places all of them and waits.
//!
//! The ring is restricted to poll requests before it is used: seccomp does not see what a ring does, so this ring can
//! do nothing that is worth hiding.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use io_uring::register::Restriction;
use io_uring::{IoUring, opcode, squeue, types};
use rustix::io::Errno;

use super::{Events, Interest};
use crate::base::{Error, Result};

/// Requests placed in one system call; more take more calls.
const ENTRIES: u32 = 64;

/// Token of the requests whose completion says nothing.
const NOBODY: u64 = u64::MAX;

struct Watch {
    fd: RawFd,
    interest: Interest,
    placed: bool,
}

pub(super) struct Ring {
    ring: IoUring,
    watches: HashMap<u64, Watch>,
}

impl Ring {
    pub(super) fn new() -> Result<Self> {
        let ring = IoUring::builder()
            .setup_r_disabled()
            .build(ENTRIES)
            .map_err(|_| Error::System)?;
        if !ring.params().is_feature_ext_arg() || !ring.params().is_feature_nodrop() {
            return Err(Error::System); // before Linux 5.11
        }
        let mut allowed = [
            Restriction::sqe_op(opcode::PollAdd::CODE),
            Restriction::sqe_op(opcode::PollRemove::CODE),
        ];
        let submitter = ring.submitter();
        submitter
            .register_restrictions(&mut allowed)
            .and_then(|()| submitter.register_enable_rings())
            .map_err(|_| Error::System)?;
        Ok(Self {
            ring,
            watches: HashMap::new(),
        })
    }

    fn push(&mut self, entry: &squeue::Entry) -> Result<()> {
        for _ in 0..2 {
            // SAFETY: polls and their removals carry no address, so there is nothing that would have to live on.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return Ok(());
            }
            self.ring.submit().map_err(|_| Error::System)?;
        }
        Err(Error::System)
    }

    fn place(&mut self) -> Result<()> {
        let waiting = self.watches.iter_mut().filter(|(_, watch)| !watch.placed);
        let entries: Vec<_> = waiting
            .map(|(token, watch)| {
                watch.placed = true;
                let flags = match watch.interest {
                    Interest::Read => libc::POLLIN,
                    Interest::Write => libc::POLLOUT,
                };
                opcode::PollAdd::new(types::Fd(watch.fd), flags as u32)
                    .build()
                    .user_data(*token)
            })
            .collect();
        entries.iter().try_for_each(|entry| self.push(entry))
    }

    fn withdraw(&mut self, token: u64) -> Result<()> {
        let entry = opcode::PollRemove::new(token).build().user_data(NOBODY);
        self.push(&entry)?;
        // At once: the request holds the file, and the other side would not see it closed.
        self.ring.submit().map(drop).map_err(|_| Error::System)
    }
}

impl Events for Ring {
    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()> {
        let watch = Watch {
            fd: fd.as_raw_fd(),
            interest,
            placed: false,
        };
        match self.watches.insert(token, watch) {
            None => Ok(()),
            Some(_) => Err(Error::Argument),
        }
    }

    fn change(&mut self, _fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()> {
        let watch = self.watches.get_mut(&token).ok_or(Error::Argument)?;
        watch.interest = interest;
        if watch.placed {
            // The completion of the withdrawn request places the new one.
            self.withdraw(token)?;
        }
        Ok(())
    }

    fn remove(&mut self, _fd: BorrowedFd<'_>, token: u64) -> Result<()> {
        match self.watches.remove(&token) {
            Some(watch) if watch.placed => self.withdraw(token),
            Some(_) => Ok(()),
            None => Err(Error::Argument),
        }
    }

    fn wait(&mut self, timeout: Duration, ready: &mut Vec<u64>) -> Result<()> {
        self.place()?;
        let timeout = types::Timespec::from(timeout);
        let arguments = types::SubmitArgs::new().timespec(&timeout);
        match self.ring.submitter().submit_with_args(1, &arguments) {
            Ok(_) => {}
            Err(why) => match Errno::from_io_error(&why) {
                Some(Errno::TIME | Errno::INTR | Errno::BUSY | Errno::AGAIN) => {}
                _ => return Err(Error::System),
            },
        }
        for completion in self.ring.completion() {
            let token = completion.user_data();
            if let Some(watch) = self.watches.get_mut(&token) {
                watch.placed = false;
                if completion.result() != -libc::ECANCELED {
                    ready.push(token);
                }
            }
        }
        Ok(())
    }
}
