//! The server of `/livez`, `/readyz`, `/metrics` with real sockets: polite, slow, hostile and too many clients.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use naslane::base::metrics::{Metrics, Snapshot};
use naslane::sidecar::http::{CONNECTIONS, LONGEST_HEAD, PATIENCE, Server, State, start};

use super::strict;

/// An engine that can be told to be ill.
#[derive(Default)]
struct Patient {
    metrics: Metrics,
    drains: AtomicBool,
    stuck: AtomicBool,
}

#[derive(Clone, Default)]
struct Shared(Arc<Patient>);

impl State for Shared {
    fn ready(&self) -> Result<(), String> {
        let drains = self.0.drains.load(Relaxed);
        if drains {
            Err("draining".to_owned())
        } else {
            Ok(())
        }
    }
    fn live(&self) -> Result<(), String> {
        let stuck = self.0.stuck.load(Relaxed);
        if stuck {
            Err("worker 0 is stuck".to_owned())
        } else {
            Ok(())
        }
    }
    fn snapshot(&self) -> Snapshot {
        self.0.metrics.snapshot()
    }
}

fn server() -> (Server, Shared) {
    let state = Shared::default();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    (start(any_port, state.clone()).expect("loopback"), state)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(3 * PATIENCE)).expect("a time");
    stream
}

/// Sends octets and reads what comes until the end.
fn exchange(server: &Server, request: &[u8]) -> String {
    let mut stream = connect(server);
    stream.write_all(request).expect("takes it");
    rest(&mut stream)
}

fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is no concern of these tests.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).expect("text")
}

fn get(server: &Server, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = exchange(server, request.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let length = format!("Content-Length: {}\r\n", body.len());
    assert!(
        head.contains(&length) && head.ends_with("Connection: close"),
        "{head}"
    );
    (status(head), body.to_owned())
}

fn status(head: &str) -> u16 {
    let number = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[test]
fn probes_and_metrics() {
    let (server, state) = server();
    assert_eq!(get(&server, "/livez"), (200, "ok\n".to_owned()));
    assert_eq!(get(&server, "/readyz"), (200, "ok\n".to_owned()));
    let (code, text) = get(&server, "/metrics");
    assert_eq!(code, 200);
    strict::parse(&text).expect("valid");
    state.0.drains.store(true, Relaxed);
    assert_eq!(get(&server, "/readyz"), (503, "draining\n".to_owned()));
    assert_eq!(get(&server, "/livez").0, 200);
    state.0.stuck.store(true, Relaxed);
    assert_eq!(
        get(&server, "/livez"),
        (503, "worker 0 is stuck\n".to_owned())
    );
    assert_eq!(get(&server, "/metrics/").0, 404);
    let head = exchange(&server, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(status(&head) == 200 && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"));
    let put = exchange(
        &server,
        b"PUT /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    );
    assert!(
        status(&put) == 405 && put.contains("\r\nAllow: GET, HEAD\r\n"),
        "{put}"
    );
}

#[test]
fn a_request_in_pieces_and_one_with_its_end_shut_are_answered() {
    let (server, _) = server();
    let mut stream = connect(&server);
    for piece in "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
        .as_bytes()
        .chunks(3)
    {
        stream.write_all(piece).expect("takes it");
        thread::sleep(Duration::from_millis(2));
    }
    stream.shutdown(Shutdown::Write).expect("half");
    assert_eq!(status(&rest(&mut stream)), 200);
}

#[test]
fn a_slow_client_is_sent_away_and_keeps_nobody_waiting() {
    let (server, _) = server();
    let begin = Instant::now();
    let mut slow = connect(&server);
    let mut silent = connect(&server);
    let mut writer = slow.try_clone().expect("a second end");
    let drip = thread::spawn(move || {
        // An octet now and then, for ever: only the server ends this.
        while writer.write_all(b"G").is_ok() && begin.elapsed() < 4 * PATIENCE {
            thread::sleep(Duration::from_millis(50));
        }
    });
    while begin.elapsed() < PATIENCE / 2 {
        let asked = Instant::now();
        assert_eq!(get(&server, "/livez").0, 200);
        assert!(asked.elapsed() < PATIENCE / 2);
    }
    for stream in [&mut slow, &mut silent] {
        let answer = rest(stream);
        assert!(answer.is_empty() || status(&answer) == 408, "{answer}");
        let passed = begin.elapsed();
        assert!(
            passed >= PATIENCE / 2 && passed < 3 * PATIENCE,
            "{passed:?}"
        );
    }
    slow.shutdown(Shutdown::Both).ok();
    drip.join().expect("ends");
}

#[test]
fn a_client_that_takes_nothing_does_not_hold_the_server() {
    let (server, _) = server();
    let mut deaf = Vec::new();
    for _ in 0..8 {
        let mut stream = connect(&server);
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            .expect("takes it");
        deaf.push(stream);
    }
    let asked = Instant::now();
    assert_eq!(get(&server, "/readyz").0, 200);
    assert!(asked.elapsed() < PATIENCE);
}

#[test]
fn more_clients_than_there_is_room_for_give_way() {
    let (server, _) = server();
    let mut idle: Vec<TcpStream> = (0..3 * CONNECTIONS).map(|_| connect(&server)).collect();
    let asked = Instant::now();
    for _ in 0..10 {
        assert_eq!(get(&server, "/livez").0, 200);
    }
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    // The oldest had to go, without an answer.
    assert_eq!(rest(&mut idle[0]), "");
}

#[test]
fn hostile_octets_get_a_short_answer() {
    let (server, _) = server();
    let long = vec![b'a'; 1 << 20];
    let header = [
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ",
        &long[..LONGEST_HEAD],
    ]
    .concat();
    for (request, expected) in [
        (&b"\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03"[..], 400),
        (b"\0\0\0\0\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: \xFF\0\r\n\r\n", 400),
        (b"GET /livez HTTP/9.9\r\n\r\n", 505),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400),
        (b"GET /etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (&header, 431),
    ] {
        assert_eq!(status(&exchange(&server, request)), expected);
    }
    // More than anybody reads: the answer may be lost in a reset, the server is not.
    let mut flood = connect(&server);
    let _ = flood.write_all(&long);
    let answer = rest(&mut flood);
    assert!(answer.is_empty() || status(&answer) >= 400);
    // Two requests in one connection: one answer, then its end.
    let twice = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    assert_eq!(exchange(&server, &twice).matches("HTTP/1.1").count(), 1);
    assert_eq!(get(&server, "/livez").0, 200);
    assert!(server.is_serving());
}

#[test]
fn the_server_ends_with_its_owner() {
    let (server, state) = server();
    let address = server.address();
    let mut open = connect(&server);
    let begin = Instant::now();
    drop(server);
    assert!(begin.elapsed() < PATIENCE);
    assert_eq!(rest(&mut open), "");
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(Arc::strong_count(&state.0), 1);
    // The address is free again at once.
    drop(start(address, state).expect("free"));
}
