//! Unix sockets that keep messages apart (SOCK_SEQPACKET), with file descriptors beside a message.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
#[cfg(feature = "sidecar")]
use std::time::{Duration, Instant};

#[cfg(feature = "sidecar")]
use rustix::fs::{Mode, chmod, unlink};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    connect, recvmsg, sendmsg, socket_with,
};
#[cfg(feature = "sidecar")]
use rustix::net::{accept_with, bind, listen, sockopt};

use super::protocol::Frame;

/// Connections that wait to be accepted.
#[cfg(feature = "sidecar")]
const BACKLOG: i32 = 64;

/// File descriptors beside one message at most: the kernel's limit.
pub(super) const MAX_FDS: usize = 253;

/// Who is at the other end, as the kernel says.
#[cfg(feature = "sidecar")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// Process.
    pub pid: i32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

fn open(flags: SocketFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | SocketFlags::CLOEXEC;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// How long the socket of a killed daemon may still answer: an io_uring that polls it ends after its process.
#[cfg(feature = "sidecar")]
const LINGERS: Duration = Duration::from_secs(1);

/// A socket that clients find at `path`, with these access rights. A file that a dead daemon left behind is replaced, a
/// living daemon's is not.
#[cfg(feature = "sidecar")]
pub(super) fn listen_at(path: &Path, mode: u32) -> rustix::io::Result<OwnedFd> {
    let address = SocketAddrUnix::new(path)?;
    let socket = open(SocketFlags::NONBLOCK)?;
    match bind(&socket, &address) {
        Err(Errno::ADDRINUSE) => {
            let begin = Instant::now();
            loop {
                match connect(&open(SocketFlags::NONBLOCK)?, &address) {
                    Err(Errno::CONNREFUSED) => break,
                    _ if begin.elapsed() > LINGERS => return Err(Errno::ADDRINUSE),
                    _ => std::thread::sleep(LINGERS / 50),
                }
            }
            unlink(path)?;
            bind(&socket, &address)?;
        }
        bound => bound?,
    }
    chmod(path, Mode::from_raw_mode(mode))?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// The next client that waits, without waiting for one.
#[cfg(feature = "sidecar")]
pub(super) fn accept(socket: &OwnedFd) -> rustix::io::Result<(OwnedFd, Peer)> {
    let client = accept_with(socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    let credentials = sockopt::socket_peercred(&client)?;
    let peer = Peer {
        pid: credentials.pid.as_raw_nonzero().get(),
        uid: credentials.uid.as_raw(),
        gid: credentials.gid.as_raw(),
    };
    Ok((client, peer))
}

/// A connection to the daemon at `path`; its calls wait.
pub(super) fn connect_to(path: &Path) -> rustix::io::Result<OwnedFd> {
    let socket = open(SocketFlags::empty())?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Sends one message with descriptors beside it.
pub(super) fn send(
    socket: &OwnedFd,
    message: &[u8],
    fds: &[BorrowedFd<'_>],
) -> rustix::io::Result<()> {
    let mut space = vec![MaybeUninit::uninit(); SendAncillaryMessage::ScmRights(fds).size().max(8)];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::INVAL);
    }
    let flags = SendFlags::NOSIGNAL;
    let sent = loop {
        match sendmsg(socket.as_fd(), &[IoSlice::new(message)], &mut beside, flags) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    if sent == message.len() {
        Ok(())
    } else {
        Err(Errno::MSGSIZE)
    }
}

/// Receives one message into `frame` and the descriptors beside it. A message of no octets is the end.
pub(super) fn receive(
    socket: &OwnedFd,
    frame: &mut Frame,
    fds: &mut Vec<OwnedFd>,
) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let room = frame.room();
    let received = loop {
        let flags = RecvFlags::CMSG_CLOEXEC;
        match recvmsg(
            socket.as_fd(),
            &mut [IoSliceMut::new(room)],
            &mut beside,
            flags,
        ) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(found) = message {
            fds.extend(found);
        }
    }
    let cut = ReturnFlags::TRUNC | ReturnFlags::CTRUNC;
    if received.flags.intersects(cut) {
        return Err(Errno::MSGSIZE);
    }
    frame.set_len(received.bytes);
    Ok(())
}
