//! What a running daemon denies itself, seen from inside: the server in a process of its own, which then tries.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use naslane::sidecar::config::Demand;
use naslane::sidecar::harden::Outcome;
use naslane::sidecar::{Config, Server, connect};

use crate::child::{Actor, Stage};
use crate::world::directory;

/// Serves on a thread, hardened as the first line from the test says, and says what the other threads still can.
pub fn hardened(stage: &Stage) {
    let mode = stage.hear();
    let own = stage.socket.parent().unwrap();
    let mut config = Config::at(stage.socket.clone());
    config.engine.sessions = 64;
    config.workers.count = 1;
    config.workers.pinned = false;
    config.hardening.lock_memory = Demand::Try;
    if mode == "tap" {
        config.tap.directory = own.join("taps");
    }
    if mode == "no landlock" {
        config.hardening.landlock = Demand::Off;
    }
    if mode == "no seccomp" {
        config.hardening.seccomp = Demand::Off;
    }
    let mut server = Server::start(&config, Some(own), Box::new(|_| {})).unwrap();
    let orders = server.orders();
    // The test harness's own threads are there already: what holds for threads is tried where it holds.
    let (go, gone) = std::sync::mpsc::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let trying = std::thread::spawn(move || {
        gone.recv().unwrap();
        tell.send(attempts()).unwrap();
    });
    let (serve, served) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        let server: Server = served.recv().unwrap();
        server.run().unwrap();
    });
    let report = server.harden().unwrap();
    serve.send(server).unwrap();
    go.send(()).unwrap();
    let mut lines = told.recv().unwrap();
    trying.join().unwrap();
    for (name, outcome) in &report.measures {
        let short = match outcome {
            Outcome::Active(_) => "active",
            Outcome::Refused(_) => "refused",
            Outcome::Off => "off",
        };
        lines.push(format!("{name} {short}"));
    }
    lines.push(format!("locked {}", report.locked_bytes));
    stage.say(&lines.join(","));
    stage.hear();
    orders.stop();
    serving.join().unwrap();
}

/// As the daemon makes the file of a tap.
fn make(path: &std::path::Path) -> bool {
    let mut options = File::options();
    options.write(true).create_new(true).open(path).is_ok()
}

fn attempts() -> Vec<String> {
    let said = |what: &str, done: bool| format!("{what} {}", if done { "works" } else { "fails" });
    let here = std::env::var_os("NASLANE_SIDECAR_SOCKET").unwrap();
    let here = std::path::Path::new(&here).parent().unwrap().to_owned();
    vec![
        said("read settings", fs::read(here.join("settings")).is_ok()),
        said("read passwd", File::open("/etc/passwd").is_ok()),
        said("read maps", File::open("/proc/self/mem").is_ok()),
        said("write", File::create(here.join("new")).is_ok()),
        said("make", make(&here.join("taps/new"))),
        said("overwrite", File::create(here.join("taps/old")).is_ok()),
        said(
            "append",
            File::options()
                .append(true)
                .open(here.join("taps/old"))
                .is_ok(),
        ),
        said("make beside", make(&here.join("other"))),
        said("remove", fs::remove_file(here.join("settings")).is_ok()),
        said("exec", Command::new("/bin/true").spawn().is_ok()),
        said(
            "tcp",
            TcpStream::connect("127.0.0.1:1")
                .is_err_and(|why| why.kind() == std::io::ErrorKind::ConnectionRefused),
        ),
        said("listen", TcpListener::bind("127.0.0.1:0").is_ok()),
        said("udp", UdpSocket::bind("127.0.0.1:0").is_ok()),
        said("thread", std::thread::Builder::new().spawn(|| ()).is_ok()),
    ]
}

fn look(mode: &str) -> (String, Actor, std::path::PathBuf) {
    let directory = directory(&format!("hard{}", mode.replace(' ', "")));
    fs::write(directory.join("settings"), "x").unwrap();
    fs::create_dir(directory.join("taps")).unwrap();
    fs::write(directory.join("taps/old"), "x").unwrap();
    let mut actor = Actor::start("hardened", &directory.join("s"));
    actor.say(mode);
    let said = actor.hear();
    (said, actor, directory)
}

#[test]
fn a_hardened_daemon_opens_runs_and_connects_nothing() {
    let (said, mut actor, directory) = look("all");
    let has = |what: &str| said.split(',').any(|line| line == what);
    assert!(has("seccomp active"), "{said}");
    for what in [
        "read passwd",
        "read maps",
        "write",
        "make",
        "overwrite",
        "append",
        "remove",
        "exec",
        "tcp",
        "listen",
        "udp",
        "thread",
    ] {
        // Without Landlock in the kernel, seccomp refuses all files.
        assert!(has(&format!("{what} fails")), "{what}: {said}");
    }
    assert!(
        has("no_dump active") && has("no_new_privs active"),
        "{said}"
    );
    let files = if has("landlock active") {
        "works"
    } else {
        "fails"
    };
    assert!(said.contains(&format!("read settings {files}")), "{said}");
    // It serves all the same, and nobody reads its memory.
    let client = connect(directory.join("s"), "").unwrap();
    client.ping().unwrap();
    let _queue = client.open_queue(64, 1 << 16).unwrap();
    let pid = actor.child.id();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core"))
        .unwrap();
    assert_eq!(core.split_ascii_whitespace().nth(4), Some("0"), "{core}");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(
        status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"),
        "{status}"
    );
    if has("lock_memory active") {
        let locked = status
            .lines()
            .find(|line| line.starts_with("VmLck"))
            .unwrap();
        assert!(!locked.ends_with("\t       0 kB"), "{locked}");
    }
    // Undumpable: its files in /proc are root's, whoever it runs as.
    let owner =
        std::os::unix::fs::MetadataExt::uid(&fs::metadata(format!("/proc/{pid}/mem")).unwrap());
    assert_eq!(owner, 0);
    actor.say("end");
    assert!(actor.passed());
    fs::remove_dir_all(directory).unwrap();
}

/// With taps, files can be made in their directory, and that is all: none that is there is touched, none made elsewhere.
#[test]
fn a_daemon_that_may_tap_makes_files_in_one_directory() {
    let (said, mut actor, directory) = look("tap");
    let has = |what: &str| said.split(',').any(|line| line == what);
    for what in [
        "write",
        "overwrite",
        "append",
        "make beside",
        "remove",
        "read passwd",
        "exec",
        "listen",
        "thread",
    ] {
        assert!(has(&format!("{what} fails")), "{what}: {said}");
    }
    // Without Landlock in the kernel none is made at all.
    let made = if has("landlock active") {
        "works"
    } else {
        "fails"
    };
    assert!(has(&format!("make {made}")), "{said}");
    actor.say("end");
    assert!(actor.passed());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn each_of_the_two_stands_alone() {
    let (said, mut actor, directory) = look("no landlock");
    assert!(
        said.contains("landlock off") && said.contains("seccomp active"),
        "{said}"
    );
    for what in [
        "read settings",
        "read passwd",
        "write",
        "exec",
        "listen",
        "thread",
    ] {
        assert!(
            said.contains(&format!("{what} fails")),
            "seccomp alone, {what}: {said}"
        );
    }
    actor.say("end");
    assert!(actor.passed());
    fs::remove_dir_all(directory).unwrap();

    let (said, mut actor, directory) = look("no seccomp");
    if said.contains("landlock active") {
        assert!(said.contains("seccomp off"), "{said}");
        for what in ["read passwd", "write", "remove", "exec"] {
            assert!(
                said.contains(&format!("{what} fails")),
                "Landlock alone, {what}: {said}"
            );
        }
        assert!(said.contains("read settings works"), "{said}");
    }
    actor.say("end");
    assert!(actor.passed());
    fs::remove_dir_all(directory).unwrap();
}
