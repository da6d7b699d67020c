//! The program: settings, users, signals, its log.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::security::Role;
use naslane::sidecar::connect;
use rustix::process::Signal;

use crate::world::*;

fn says_no(name: &str, text: &str) -> String {
    let directory = directory(name);
    let config = directory.join("c.toml");
    fs::write(&config, text).unwrap();
    let output = program(&config).output().unwrap();
    fs::remove_dir_all(directory).unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn settings_that_are_wrong_are_said_and_nothing_is_served() {
    for (text, hint) in [
        ("socket = '/tmp/x'\nquotas = 1\n", "quotas"),
        ("socket = '/tmp/x'\n[quota]\nentries = 9\n", "quota.entries"),
        ("[quota]\n", "socket"),
        ("socket = '/nowhere/at/all'\n", "/nowhere/at/all"),
        ("socket = '/tmp/x'\n[http]\nlisten = 'here'\n", "here"),
        ("socket = '/tmp/x'\n[engine]\nsessions = 0\n", "sessions"),
    ] {
        let said = says_no("wrong", text);
        assert!(said.contains(hint), "{text}: {said}");
    }
    #[cfg(not(feature = "etcd"))]
    {
        let said = says_no("built", "socket = '/tmp/x'\n[store]\nkind = 'etcd'\n");
        assert!(said.contains("feature etcd"), "{said}");
    }
    let output = program(std::path::Path::new("/nowhere.toml"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn check_reads_and_ends() {
    let directory = directory("check");
    let config = directory.join("c.toml");
    fs::write(&config, "socket = 'x'\n").unwrap();
    let ended = program(&config).arg("--check").output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn only_those_of_the_list_are_served_and_a_hup_reads_it_again() {
    let own = rustix::process::geteuid().as_raw();
    let mut daemon = Daemon::start("list", "[clients]\nallow_uids = [4242]\n");
    assert_eq!(connect(&daemon.socket, "").err(), Some(Error::Denied));
    daemon.says(&format!("uid {own}"));
    let calm = "[workers]\ncount = 2\npinned = false\nwait = \"block\"\n";
    daemon.configure(&format!(
        "{calm}[clients]\nallow_uids = [{own}]\n[quota]\nsessions = 1\n"
    ));
    daemon.signal(Signal::HUP);
    daemon.says("reloaded");
    let client = daemon.connect("");
    client.establish(Role::Amf, 1).unwrap();
    assert_eq!(client.establish(Role::Amf, 2).err(), Some(Error::Quota));
    // A broken file changes nothing.
    fs::write(daemon.config(), "nonsense").unwrap();
    daemon.signal(Signal::HUP);
    daemon.says("not reloaded");
    daemon.is_well();
    assert_eq!(client.establish(Role::Amf, 2).err(), Some(Error::Quota));
}

#[test]
fn the_socket_belongs_to_one_daemon() {
    let mut daemon = Daemon::start("socket", "");
    let mode = fs::metadata(&daemon.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let output = program(&daemon.config()).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "a living daemon's socket is not taken"
    );
    daemon.is_well();
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end(), -9);
    daemon.launch();
    daemon.is_well();
}

#[test]
fn memory_that_cannot_be_locked_is_said_with_the_remedy() {
    let directory = directory("lock");
    let config = directory.join("c.toml");
    let socket = directory.join("s");
    let text = format!(
        "socket = {:?}\n[hardening]\nlock_memory = \"require\"\n[http]\nlisten = \"\"\n",
        socket.to_str().unwrap()
    );
    fs::write(&config, text).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    let copy = directory.join("naslane"); // where an ordinary user can reach it
    fs::copy(env!("CARGO_BIN_EXE_naslane"), &copy).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -l 64; exec \"$0\" serve --config \"$1\""])
        .arg(&copy)
        .arg(&config);
    if rustix::process::geteuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for hint in [
        "lock_memory is required",
        "RLIMIT_MEMLOCK is 64 KiB",
        "LimitMEMLOCK",
    ] {
        assert!(said.contains(hint), "{said}");
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn probes_and_metrics_answer() {
    let daemon = Daemon::start("http", "[http]\nlisten = \"127.0.0.1:0\"\n");
    daemon.says("probes and metrics at http://");
    let get = |path: &str| daemon.get(path);
    let client = connect(&daemon.socket, "").unwrap();
    let session = client.establish(Role::Amf, 1).unwrap();
    assert!(get("/livez").starts_with("HTTP/1.1 200"));
    assert!(get("/readyz").starts_with("HTTP/1.1 200"));
    let figures = || get("/metrics");
    let begin = Instant::now();
    // The daemon counts sessions at its next look.
    while !figures().contains("\nnaslane_sessions 1\n") {
        assert!(begin.elapsed() < Duration::from_secs(10), "{}", figures());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(figures().contains("\nnaslane_clients 1\n"), "{}", figures());
    client.release(session).unwrap();
}
