//! `naslane top` against an endpoint whose numbers are known.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::base::metrics::{Algorithms, Metrics, Quarantine, Recorder, Snapshot};
use naslane::engine::job::op;
use naslane::sidecar::http::{Server, State, start};
use serde_json::Value;

/// An engine in which a thousand messages more have passed each time somebody looks.
struct Growing {
    metrics: Arc<Metrics>,
    recorders: std::sync::Mutex<Vec<Recorder>>,
    looks: AtomicU64,
}

impl State for Growing {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
    fn snapshot(&self) -> Snapshot {
        let mut recorders = self.recorders.lock().expect("not poisoned");
        let [first, second, third, ..] = &mut recorders[..] else {
            panic!("four workers");
        };
        for _ in 0..600 {
            first.message(op::PROTECT, Algorithms::of(2, 2), 0);
        }
        for _ in 0..300 {
            first.message(op::VERIFY, Algorithms::of(2, 2), 0);
        }
        for _ in 0..100 {
            second.message(op::VERIFY, Algorithms::of(1, 1), Error::Mac.code());
        }
        first.turn();
        (0..14).for_each(|_| first.batch(64));
        first.latency(14 * 64, 3_000);
        first.ring_occupancy(17);
        first.queues(2);
        second.batch(100);
        second.latency(100, 50_000);
        second.turn();
        second.sleep();
        // The third one neither turns nor sleeps.
        third.queues(1);
        // The last one ends after the first look.
        if self.looks.fetch_add(1, Relaxed) == 1 {
            drop(recorders.pop());
        }
        self.metrics.snapshot()
    }
}

fn endpoint() -> Server {
    let metrics = Metrics::new(4);
    let recorder = |index| metrics.worker(index).and_then(|worker| worker.recorder());
    let recorders: Vec<Recorder> = (0..4).filter_map(recorder).collect();
    let shared = metrics.shared();
    shared.sessions(1_234, 65_536);
    shared.locked_bytes(12 << 20);
    shared.quarantine(Quarantine::Overrun);
    (0..3).for_each(|_| shared.client_in());
    let state = Growing {
        metrics,
        recorders: recorders.into(),
        looks: AtomicU64::new(0),
    };
    start(SocketAddr::from(([127, 0, 0, 1], 0)), state).expect("loopback")
}

fn top(url: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_naslane"))
        .args(["top", "--interval", "0.2", "--url", url])
        .args(args)
        .output()
        .expect("runs");
    let text = |octets| String::from_utf8(octets).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// Words of the line that begins with these.
fn line<'a>(text: &'a str, begin: &[&str]) -> Vec<&'a str> {
    let mut lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .find(|words| words.starts_with(begin))
        .unwrap_or_default()
}

/// `12.3` and `k` as a number.
fn rate(words: &[&str], at: usize) -> f64 {
    let number: f64 = words[at].parse().expect("a number");
    match words.get(at + 1) {
        Some(&"k") => number * 1e3,
        Some(&"M") => number * 1e6,
        _ => number,
    }
}

#[test]
fn once_prints_one_frame() {
    let server = endpoint();
    let (code, out, err) = top(&format!("http://{}/metrics", server.address()), &["--once"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(!out.contains('\x1b'), "{out}");
    assert!(out.lines().count() <= 23, "{out}");
    assert!(
        out.starts_with(&format!(
            "naslane {}  {}",
            naslane::VERSION,
            server.address()
        )),
        "{out}"
    );
    // 1000 messages in 0.2 s and a little.
    let all = rate(&line(&out, &["messages"]), 1);
    assert!((1_000.0..=5_100.0).contains(&all), "{out}");
    let protect = line(&out, &["protect", "NEA2/NIA2"]);
    assert!((rate(&protect, 2) / all - 0.6).abs() < 0.02, "{out}");
    let verify = line(&out, &["verify", "NEA1/NIA1"]);
    assert!((rate(&verify, 2) / all - 0.1).abs() < 0.02, "{out}");
    assert!(out.contains("  mac "), "{out}");
    assert_eq!(
        line(&out, &["sessions"])[..6],
        ["sessions", "1.2", "k", "of", "65.5", "k"],
        "{out}"
    );
    assert!(
        line(&out, &["sessions"])
            .ends_with(&["locked", "12.0", "MiB", "clients", "3", "refused", "0"]),
        "{out}"
    );
    for (worker, pulse) in [
        ("0", "awake"),
        ("1", "asleep"),
        ("2", "STUCK"),
        ("3", "ENDED"),
    ] {
        assert!(!line(&out, &[worker, pulse]).is_empty(), "{out}");
    }
    assert_eq!(
        line(&out, &["quarantines"]),
        ["quarantines", "overrun", "1"],
        "{out}"
    );
}

#[test]
fn json_is_for_scripts() {
    let server = endpoint();
    let (code, out, err) = top(&server.address().to_string(), &["--once", "--json"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let frame: Value = serde_json::from_str(&out).expect("JSON");
    let number = |path: &str| frame.pointer(path).and_then(Value::as_f64).expect(path);
    let all = number("/messages_per_second");
    assert!((all * number("/seconds") - 1_000.0).abs() < 1e-6, "{out}");
    assert!((number("/verdicts_per_second/mac") / all - 0.1).abs() < 1e-9);
    assert_eq!(
        frame.pointer("/operations/0/operation"),
        Some(&Value::from("protect"))
    );
    assert!((number("/operations/0/per_second") / all - 0.6).abs() < 1e-9);
    assert_eq!(number("/operations/0/failed_per_second"), 0.0);
    // 896 messages took 3 us and 100 took 50 us; the bounds around are 2.0 and 3.1, 49.2 and 65.5.
    let (median, tail) = (
        number("/latency_seconds/p50"),
        number("/latency_seconds/p99"),
    );
    assert!((2.0e-6..=3.1e-6).contains(&median), "{median}");
    assert!((49.1e-6..=65.6e-6).contains(&tail), "{tail}");
    let mean = (896.0 * 3e-6 + 100.0 * 50e-6) / 996.0;
    assert!((number("/latency_seconds/mean") / mean - 1.0).abs() < 1e-6);
    assert_eq!(number("/batch_messages/p50"), 64.0);
    assert_eq!(number("/batch_messages/p99"), 128.0);
    assert_eq!(number("/workers/0/ring_occupancy"), 17.0);
    for (worker, pulse) in ["awake", "asleep", "stuck", "ended"]
        .into_iter()
        .enumerate()
    {
        let found = frame.pointer(&format!("/workers/{worker}/pulse"));
        assert_eq!(found, Some(&Value::from(pulse)));
    }
    assert_eq!(number("/quarantines/overrun"), 1.0);
    assert_eq!(number("/locked_bytes"), 12_582_912.0);
}

#[test]
fn frames_follow_each_other() {
    let server = endpoint();
    let mut child = Command::new(env!("CARGO_BIN_EXE_naslane"))
        .args(["top", "--json", "--interval", "0.1", "--url"])
        .arg(server.address().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let lines =
        std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("piped")));
    for line in lines.take(3) {
        let frame: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        assert!(
            frame["messages_per_second"]
                .as_f64()
                .is_some_and(|rate| rate > 0.0)
        );
    }
    child.kill().expect("its parent");
    child.wait().expect("its parent");
}

#[test]
fn what_is_no_sidecar_is_said_so() {
    let (code, out, err) = top("https://localhost:1", &["--once"]);
    assert!(
        code == Some(2) && out.is_empty() && err.contains("TLS"),
        "{err}"
    );
    let (code, _, err) = top("127.0.0.1:1", &["--interval", "0", "--once"]);
    assert!(code == Some(2) && !err.is_empty(), "{err}");
    let free = TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .expect("loopback");
    let (code, _, err) = top(&free.to_string(), &["--once"]);
    assert!(code == Some(2) && err.contains("no sidecar at"), "{err}");
    for (answer, word) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nx 1\n"[..],
            "not as naslane",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx 1\n",
            "cut short",
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "404"),
        (b"220 mail\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"a\":1}\n", "not a line"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("comes");
            let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
            stream.write_all(answer).expect("takes it");
        });
        let (code, out, err) = top(&address.to_string(), &["--once"]);
        assert!(
            code == Some(2) && out.is_empty() && err.contains(word),
            "{err}"
        );
        peer.join().expect("answered");
    }
}

#[test]
fn an_endpoint_that_never_ends_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("comes");
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) && stream.write_all(b"H").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let (code, _, err) = top(&address.to_string(), &["--once"]);
    assert!(code == Some(2) && err.contains("does not finish"), "{err}");
    peer.join().expect("left");
}
