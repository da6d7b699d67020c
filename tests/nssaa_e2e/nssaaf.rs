//! `naslane nssaaf` as a process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::http::{Client, Method, Uri};
use naslane::nssaaf::service::{self, NotificationType, Subject};

use crate::aaa::{SECRET, directory, dying_with_us};
use crate::ports::free_port;

/// A NSSAAF that runs; ended when dropped.
pub(crate) struct Nssaaf {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) dynamic: SocketAddr,
    directory: PathBuf,
    child: Option<Child>,
}

/// What a test wants of it.
pub(crate) struct Wanted<'a> {
    /// AAA servers in the order of preference.
    pub(crate) servers: &'a [SocketAddr],
    /// The secret that it believes to share with them.
    pub(crate) secret: &'a str,
    /// More lines of the settings, before the tables.
    pub(crate) more: &'a str,
    /// More tables.
    pub(crate) tables: &'a str,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(servers: &'a [SocketAddr]) -> Self {
        Self {
            servers,
            secret: SECRET,
            more: "",
            tables: "",
        }
    }
}

impl Nssaaf {
    pub(crate) fn start(wanted: &Wanted<'_>) -> Self {
        let directory = directory("nssaaf");
        let [listen, admin, dynamic] =
            [(); 3].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let server = |server: &SocketAddr| {
            format!(
                "{{ address = \"{server}\", secret = \"{}\" }}",
                wanted.secret
            )
        };
        let servers: Vec<String> = wanted.servers.iter().map(server).collect();
        let config = format!(
            "listen = \"{listen}\"\nadmin = \"{admin}\"\ndynamic = \"{dynamic}\"\n{}\n\
             [[aaa]]\nname = \"slices\"\nslices = [\"1-000001\", \"2\", \"7\"]\nservers = [{}]\n\
             asks = [{{ from = \"127.0.0.1\", secret = \"{SECRET}\" }}]\nfirst_ms = 150\ntransmissions = 4\n{}",
            wanted.more,
            servers.join(", "),
            wanted.tables
        );
        fs::write(directory.join("nssaaf.toml"), config).unwrap();
        let mut nssaaf = Self {
            address: listen,
            admin,
            dynamic,
            directory,
            child: None,
        };
        nssaaf.run();
        nssaaf
    }

    /// Starts it, or starts it again with the same settings.
    pub(crate) fn run(&mut self) {
        let mut child = dying_with_us(env!("CARGO_BIN_EXE_naslane"))
            .args(["nssaaf", "--config"])
            .arg(self.directory.join("nssaaf.toml"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        self.child = Some(child);
        let mut said = String::new();
        loop {
            assert_ne!(
                log.read_line(&mut said).unwrap(),
                0,
                "naslane nssaaf does not start:\n{said}"
            );
            if said.contains("serving at") {
                break;
            }
        }
        // Read on, so that it never waits for its log; what it says belongs to the test's output.
        std::thread::spawn(move || {
            log.lines()
                .map_while(Result::ok)
                .for_each(|line| eprintln!("{line}"))
        });
    }

    /// What an operator asks; returns how many AMFs took it.
    pub(crate) fn ask(&self, what: NotificationType, gpsi: &str, s_nssai: SNssai) -> u64 {
        let path = match what {
            NotificationType::SliceReAuth => "re-authentication",
            NotificationType::SliceRevocation => "revocation",
        };
        let subject = Subject {
            gpsi: gpsi.to_owned(),
            snssai: s_nssai,
        };
        let body = self.operator(&Method::POST, path, &service::write(&subject));
        body["notified"].as_u64().unwrap()
    }

    /// Rounds of EAP after the first ones, since it was started.
    pub(crate) fn rounds(&self) -> u64 {
        self.operator(&Method::GET, "status", &[])["rounds"]
            .as_u64()
            .unwrap()
    }

    fn operator(&self, method: &Method, path: &str, body: &[u8]) -> serde_json::Value {
        let uri: Uri = format!("http://{}/{path}", self.admin).parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = Client::new(None, std::time::Duration::from_secs(20));
        let answer = runtime
            .block_on(client.ask(method, &uri, &body.to_vec().into()))
            .unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub(crate) fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Without a farewell, as a crash would end it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Nssaaf {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
