//! What a hardened daemon with a store can still do, seen from inside: the server in a process of its own, which then
//! tries.

use std::fs::File;
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use naslane::sidecar::harden::Outcome;
use naslane::sidecar::{Config, Server};

use crate::cluster::Cluster;
use crate::node::{etcd, keys, sections};

const SETTINGS: &str = "NASLANE_SET_SETTINGS";
const ELSEWHERE: &str = "NASLANE_SET_ELSEWHERE";

/// The part of the process of its own; without settings in the environment there is nothing to do.
#[test]
fn part() {
    let Ok(settings) = std::env::var(SETTINGS) else {
        return;
    };
    let elsewhere: u16 = std::env::var(ELSEWHERE).unwrap().parse().unwrap();
    let config = Config::parse(&std::fs::read_to_string(settings).unwrap()).unwrap();
    let endpoint = config.store.endpoints[0].clone();
    let mut server = Server::start(&config, None, Box::new(|_| {})).unwrap();
    let orders = server.orders();
    let (go, gone) = std::sync::mpsc::channel();
    let (tell, told) = std::sync::mpsc::channel();
    // Landlock holds for threads that are started from here on.
    let trying = std::thread::spawn(move || {
        gone.recv().unwrap();
        let store = endpoint.trim_start_matches("http://");
        tell.send([
            ("store", TcpStream::connect(store).is_ok()),
            (
                "elsewhere",
                TcpStream::connect(("127.0.0.1", elsewhere)).is_ok(),
            ),
            ("listen", TcpListener::bind("127.0.0.1:0").is_ok()),
            ("udp", UdpSocket::bind("127.0.0.1:0").is_ok()),
            ("unix", UnixStream::pair().is_ok()),
            ("read", File::open("/etc/passwd").is_ok()),
            ("exec", Command::new("/bin/true").spawn().is_ok()),
        ])
        .unwrap();
    });
    let (serve, served) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        let server: Server = served.recv().unwrap();
        server.run().unwrap();
    });
    let report = server.harden().unwrap();
    serve.send(server).unwrap();
    go.send(()).unwrap();
    let mut said = String::from("\n::");
    for (what, works) in told.recv().unwrap() {
        said += &format!("{what} {works},");
    }
    for (name, outcome) in &report.measures {
        said += &format!("{name} {},", matches!(outcome, Outcome::Active(_)));
    }
    println!("{said}");
    trying.join().unwrap();
    orders.stop();
    serving.join().unwrap();
}

#[test]
fn a_hardened_daemon_reaches_its_store_and_nothing_else() {
    let cluster = Cluster::start("hardened");
    drop(cluster.open());
    let keys = keys("hardened");
    let settings = keys.join("settings");
    let sections = sections(&keys, &etcd(&cluster));
    let text = format!(
        "socket = {:?}\n{sections}[hardening]\nlock_memory = \"try\"\n",
        keys.join("s").to_str().unwrap()
    );
    std::fs::write(&settings, text).unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "hardened::part",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(SETTINGS, &settings)
        .env(ELSEWHERE, other.local_addr().unwrap().port().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = String::new();
    let mut from = child.stdout.take().unwrap();
    from.read_to_string(&mut out).unwrap();
    assert!(child.wait().unwrap().success(), "{out}");
    let said = out.lines().find_map(|line| line.strip_prefix("::"));
    let said = said.unwrap_or_else(|| panic!("{out}"));
    let has = |what: &str| said.split(',').any(|line| line == what);
    assert!(has("seccomp true") && has("store true"), "{said}");
    for what in ["listen", "udp", "unix", "read", "exec"] {
        assert!(has(&format!("{what} false")), "{what}: {said}");
    }
    // Ports are Landlock's to tell apart.
    assert!(has("elsewhere false") || has("landlock false"), "{said}");
    std::fs::remove_dir_all(keys).unwrap();
}
