//! An etcd cluster of three members on loopback.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use naslane::store::Store;
use naslane::store::etcd::{Etcd, EtcdConfig, Tls};

use super::ports::free_port;

pub const MEMBERS: usize = 3;

/// A cluster that ends with the test.
pub struct Cluster {
    pub folder: PathBuf,
    /// Where the certificates lie: the members ask for one, and have one.
    secure: Option<PathBuf>,
    members: [Option<Child>; MEMBERS],
    ports: [[u16; 2]; MEMBERS],
}

impl Cluster {
    pub fn start(name: &str) -> Self {
        Self::with(name, None)
    }

    /// A cluster over TLS, with `ca.pem`, `etcd.pem` and `etcd.key`, `node.pem` and `node.key` in this folder.
    pub fn secure(name: &str, certificates: &Path) -> Self {
        Self::with(name, Some(certificates.to_owned()))
    }

    fn with(name: &str, secure: Option<PathBuf>) -> Self {
        // In memory where that is possible: what members have on disk outlives them all the same, and no other user of the
        // disk holds up a heartbeat. With a disk that stood still for a second a leader was lost in the middle of a test.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let folder = base.join(format!("naslane-etcd-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut cluster = Self {
            folder,
            secure,
            members: [const { None }; MEMBERS],
            ports: [[0; 2]; MEMBERS].map(|two| two.map(|_| free_port())),
        };
        for n in 0..MEMBERS {
            cluster.run(n);
        }
        cluster
    }

    pub fn run(&mut self, n: usize) {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let peer = |n: usize| format!("m{n}={}", url(self.ports[n][1]));
        let [_, own] = self.ports[n].map(url);
        let client = self.address(n);
        let mut command = Command::new("etcd");
        if let Some(certificates) = &self.secure {
            command
                .arg("--client-cert-auth")
                .arg("--trusted-ca-file")
                .arg(certificates.join("ca.pem"))
                .arg("--cert-file")
                .arg(certificates.join("etcd.pem"))
                .arg("--key-file")
                .arg(certificates.join("etcd.key"));
        }
        let child = command
            .arg("--name")
            .arg(format!("m{n}"))
            .arg("--data-dir")
            .arg(self.folder.join(n.to_string()))
            .arg("--listen-client-urls")
            .arg(&client)
            .arg("--advertise-client-urls")
            .arg(&client)
            .arg("--listen-peer-urls")
            .arg(&own)
            .arg("--initial-advertise-peer-urls")
            .arg(&own)
            .arg("--initial-cluster")
            .arg((0..MEMBERS).map(peer).collect::<Vec<_>>().join(","))
            .args([
                "--initial-cluster-token",
                "naslane-test",
                "--log-level",
                "error",
            ])
            .args(["--heartbeat-interval", "100", "--election-timeout", "1000"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd (Debian: etcd-server)");
        self.members[n] = Some(child);
    }

    pub fn kill(&mut self, n: usize) {
        if let Some(mut child) = self.members[n].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn config(&self) -> EtcdConfig {
        EtcdConfig {
            endpoints: (0..MEMBERS).map(|n| self.address(n)).collect(),
            prefix: "test".to_owned(),
            timeout: Duration::from_secs(5),
            user: None,
            tls: self.secure.as_ref().map(|certificates| {
                let read = |name: &str| std::fs::read(certificates.join(name)).unwrap();
                Tls {
                    ca: read("ca.pem"),
                    identity: Some((read("node.pem"), read("node.key").into())),
                    name: None,
                }
            }),
        }
    }

    /// Of a member, for clients.
    pub fn address(&self, n: usize) -> String {
        let scheme = self.secure.as_ref().map_or("http", |_| "https");
        format!("{scheme}://127.0.0.1:{}", self.ports[n][0])
    }

    /// Whether this member is there and knows a leader.
    pub fn is_up(&self, n: usize) -> bool {
        let config = EtcdConfig {
            endpoints: vec![self.address(n)],
            ..self.config()
        };
        Etcd::connect(config).is_ok_and(|mut store| store.incarnation().is_ok())
    }

    /// Opens the store as soon as every member that runs answers.
    pub fn open(&self) -> Etcd {
        for n in (0..MEMBERS).filter(|n| self.members[*n].is_some()) {
            while !self.is_up(n) {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        loop {
            if let Ok(mut store) = Etcd::connect(self.config())
                && store.incarnation().is_ok()
            {
                return store;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for n in 0..MEMBERS {
            self.kill(n);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
