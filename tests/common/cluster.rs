//! An etcd cluster of three members on loopback.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use naslane::store::Store;
use naslane::store::etcd::{Etcd, EtcdConfig};

use super::ports::free_port;

pub const MEMBERS: usize = 3;

/// A cluster that ends with the test.
pub struct Cluster {
    folder: PathBuf,
    members: [Option<Child>; MEMBERS],
    ports: [[u16; 2]; MEMBERS],
}

impl Cluster {
    pub fn start(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("naslane-etcd-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut cluster = Self {
            folder,
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
        let [client, own] = self.ports[n].map(url);
        let child = Command::new("etcd")
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
            endpoints: self
                .ports
                .map(|[client, _]| format!("http://127.0.0.1:{client}"))
                .into(),
            prefix: "test".to_owned(),
            timeout: Duration::from_secs(5),
            user: None,
            tls: None,
        }
    }

    /// Opens the store as soon as the cluster answers.
    pub fn open(&self) -> Etcd {
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
