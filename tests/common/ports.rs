//! Ports of loopback for servers that are told where to listen, and come back there after they were killed.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// First port, and how many: below those that the system gives to clients (32768 and up), which could take one of a
/// server between two of its lives, and above the ones with a name.
const FIRST: u32 = 12_000;
const MANY: u32 = 20_000;

/// A port that nobody has, for TCP and UDP. No other call of this process gets it; other processes begin elsewhere.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // 61 has no factor in common with MANY: processes of neighbouring numbers are 61 ports apart.
    let begin = std::process::id().wrapping_mul(61);
    loop {
        let next = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = (FIRST + next % MANY) as u16;
        let tcp = TcpListener::bind(("127.0.0.1", port));
        if tcp.is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
