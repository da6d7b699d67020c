//! `naslane nssaaf` as a process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::aaa::{SECRET, directory, free_port};

/// A NSSAAF that runs; ended when dropped.
pub struct Nssaaf {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub dynamic: SocketAddr,
    directory: PathBuf,
    child: Option<Child>,
}

/// What a test wants of it.
pub struct Wanted<'a> {
    /// AAA servers in the order of preference.
    pub servers: &'a [SocketAddr],
    /// The secret that it believes to share with them.
    pub secret: &'a str,
    /// More lines of the settings, before the tables.
    pub more: &'a str,
    /// More tables.
    pub tables: &'a str,
}

impl<'a> Wanted<'a> {
    pub fn of(servers: &'a [SocketAddr]) -> Self {
        Self {
            servers,
            secret: SECRET,
            more: "",
            tables: "",
        }
    }
}

impl Nssaaf {
    pub fn start(wanted: &Wanted<'_>) -> Self {
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
    pub fn run(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_naslane"))
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

    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Without a farewell, as a crash would end it.
    pub fn kill(&mut self) {
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
