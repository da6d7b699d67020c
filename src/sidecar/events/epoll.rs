//! epoll, level-triggered.

use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::{Events, Interest};
use crate::base::{Error, Result};

/// Events taken in one call.
const MOST: usize = 64;

pub(super) struct Poll {
    epoll: OwnedFd,
}

impl Poll {
    pub(super) fn new() -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|_| Error::System)?;
        Ok(Self { epoll })
    }
}

const fn flags(interest: Interest) -> epoll::EventFlags {
    match interest {
        Interest::Read => epoll::EventFlags::IN,
        Interest::Write => epoll::EventFlags::OUT,
    }
}

impl Events for Poll {
    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()> {
        let data = epoll::EventData::new_u64(token);
        epoll::add(&self.epoll, fd, data, flags(interest)).map_err(|_| Error::System)
    }

    fn change(&mut self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<()> {
        let data = epoll::EventData::new_u64(token);
        epoll::modify(&self.epoll, fd, data, flags(interest)).map_err(|_| Error::System)
    }

    fn remove(&mut self, fd: BorrowedFd<'_>, _token: u64) -> Result<()> {
        epoll::delete(&self.epoll, fd).map_err(|_| Error::System)
    }

    fn wait(&mut self, timeout: Duration, ready: &mut Vec<u64>) -> Result<()> {
        let timeout = Timespec::try_from(timeout).map_err(|_| Error::Argument)?;
        let mut room = [MaybeUninit::uninit(); MOST];
        match epoll::wait(&self.epoll, &mut room[..], Some(&timeout)) {
            Ok((events, _)) => ready.extend(events.iter().map(|event| event.data.u64())),
            Err(Errno::INTR) => {}
            Err(_) => return Err(Error::System),
        }
        Ok(())
    }
}
