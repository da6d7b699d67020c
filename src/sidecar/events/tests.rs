//! One suite, both implementations.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::*;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

fn ready(events: &mut dyn Events, timeout: Duration) -> Vec<u64> {
    let mut tokens = Vec::new();
    events.wait(timeout, &mut tokens).unwrap();
    tokens.sort_unstable();
    tokens
}

/// What is there, however many waits it takes: a withdrawn request may end a wait early.
fn soon(events: &mut dyn Events) -> Vec<u64> {
    let begin = Instant::now();
    while begin.elapsed() < LONG {
        let tokens = ready(events, LONG);
        if !tokens.is_empty() {
            return tokens;
        }
    }
    Vec::new()
}

fn suite(events: &mut dyn Events) {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    let (other, mut far) = UnixStream::pair().unwrap();
    events.add(here.as_fd(), 1, Interest::Read).unwrap();
    events.add(other.as_fd(), 2, Interest::Read).unwrap();
    assert_eq!(ready(events, SHORT), [0; 0], "nothing came yet");

    there.write_all(b"a").unwrap();
    assert_eq!(soon(events), [1]);
    assert_eq!(soon(events), [1], "reported until it is read");
    far.write_all(b"b").unwrap();
    let mut seen = soon(events);
    seen.extend(soon(events));
    assert!(seen.contains(&1) && seen.contains(&2), "{seen:?}");
    here.read_exact(&mut [0]).unwrap();
    events.remove(other.as_fd(), 2).unwrap();
    assert_eq!(ready(events, SHORT), [0; 0], "read, and removed");

    events.change(here.as_fd(), 1, Interest::Write).unwrap();
    assert_eq!(soon(events), [1], "there is room to send");
    events.change(here.as_fd(), 1, Interest::Read).unwrap();
    assert_eq!(ready(events, SHORT), [0; 0]);

    drop(there);
    assert_eq!(soon(events), [1], "the end is something to read");
    events.remove(here.as_fd(), 1).unwrap();
    assert_eq!(ready(events, SHORT), [0; 0]);

    // More than one system call can place, and descriptors whose numbers come again.
    for round in 0..3_u64 {
        let pairs: Vec<_> = (0..200).map(|_| UnixStream::pair().unwrap()).collect();
        for (token, (near, _)) in (10 + 1000 * round..).zip(&pairs) {
            events.add(near.as_fd(), token, Interest::Read).unwrap();
        }
        assert_eq!(ready(events, SHORT), [0; 0]);
        for (_, far) in &pairs {
            (&mut &*far).write_all(b"x").unwrap();
        }
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < pairs.len() {
            let now = soon(events);
            assert!(!now.is_empty(), "{} of 200", seen.len());
            seen.extend(now);
            for (token, (near, _)) in (10 + 1000 * round..).zip(&pairs) {
                if seen.contains(&token) {
                    near.set_nonblocking(true).unwrap();
                    let _ = (&mut &*near).read(&mut [0; 4]);
                }
            }
        }
        for (token, (near, far)) in (10 + 1000 * round..).zip(pairs) {
            events.remove(near.as_fd(), token).unwrap();
            drop(near);
            assert_eq!((&mut &far).read(&mut [0]).unwrap(), 0, "seen as closed");
        }
    }
}

#[test]
fn epoll_passes_the_suite() {
    let (mut events, name) = open(Io::Epoll).unwrap();
    assert_eq!(name, Io::Epoll);
    suite(&mut *events);
}

#[test]
fn io_uring_passes_the_suite_where_the_kernel_lets_it() {
    match open(Io::IoUring) {
        Ok((mut events, name)) => {
            assert_eq!(name, Io::IoUring);
            suite(&mut *events);
        }
        Err(error) => {
            assert_eq!(error, crate::base::Error::System);
            let (_, name) = open(Io::Auto).unwrap();
            assert_eq!(name, Io::Epoll, "auto takes what there is");
        }
    }
}

#[test]
fn a_wait_without_events_ends() {
    let wait = |io| {
        let (mut events, _) = open(io).unwrap();
        let begin = Instant::now();
        assert_eq!(ready(&mut *events, SHORT), [0; 0]);
        begin.elapsed()
    };
    for io in [Io::Auto, Io::Epoll] {
        // Each in a thread of its own: when a ring goes, the kernel interrupts the next wait of the thread that had it.
        let waited = std::thread::spawn(move || wait(io)).join().unwrap();
        assert!(waited >= SHORT / 2 && waited < LONG, "{waited:?}");
    }
}
