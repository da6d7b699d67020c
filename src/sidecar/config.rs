//! What a daemon is started with: a TOML file, each of whose keys is described in `deploy/naslane.toml`. A key that
//! does not exist is an error: a typing error must not switch a limit off.

mod findings;
mod http;
mod nssaa;
mod quota;
mod store;
mod survive;
mod tap;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::base::{Error, Result};
use crate::engine::{self, worker};
use crate::procedure::smc::{self, Policy, SmcSettings};
use crate::security::Thresholds;

pub use super::events::Io;
use super::region::MAX_WORKERS;
pub use findings::Findings;
pub use http::Http;
pub use nssaa::Nssaa;
pub use quota::Quota;
pub use store::{Store, StoreKind, UplinkPolicy};
pub use survive::Survive;
pub use tap::Tap;

/// Settings of a daemon.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Path of the control socket.
    pub socket: PathBuf,
    /// Access rights of the socket's file.
    #[serde(default = "socket_mode")]
    pub socket_mode: u32,
    /// Who serves the control plane.
    #[serde(default)]
    pub io: Io,
    /// Users and groups that are served. Read again at HUP.
    #[serde(default)]
    pub clients: Clients,
    /// Shares of each client. Read again at HUP.
    #[serde(default)]
    pub quota: Quota,
    /// Threads of the data plane.
    #[serde(default)]
    pub workers: Workers,
    /// Sessions and policy.
    #[serde(default)]
    pub engine: Engine,
    /// Probes and metrics.
    #[serde(default)]
    pub http: Http,
    /// What the daemon denies itself.
    #[serde(default)]
    pub hardening: Hardening,
    /// Whether sessions outlive a crash of the daemon.
    #[serde(default)]
    pub survive: Survive,
    /// Whether sessions outlive the host, and move.
    #[serde(default)]
    pub store: Store,
    /// What several messages of a UE show together.
    #[serde(default)]
    pub findings: Findings,
    /// The trace tap.
    #[serde(default)]
    pub tap: Tap,
    /// Whether the daemon itself asks the NSSAAF.
    #[serde(default)]
    pub nssaa: Nssaa,
}

const fn socket_mode() -> u32 {
    0o660
}

/// Who is served, and what becomes of a client that goes away.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Clients {
    /// User identities. With none here and no group: the daemon's own user.
    pub allow_uids: Vec<u32>,
    /// Group identities.
    pub allow_gids: Vec<u32>,
    /// What becomes of the sessions of a client that went away.
    pub on_client_death: OnClientDeath,
    /// How long they are kept, in seconds; 0: until the daemon stops.
    pub keep_seconds: u64,
    /// Connections at a time, of all users together.
    pub connections: usize,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            allow_uids: Vec::new(),
            allow_gids: Vec::new(),
            on_client_death: OnClientDeath::default(),
            keep_seconds: 0,
            connections: 64,
        }
    }
}

/// What becomes of the sessions of a client that went away.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OnClientDeath {
    /// They are released.
    #[default]
    Release,
    /// They wait for a client of the same name and user. Those of a client without a name are released.
    Keep,
}

/// Threads of the data plane.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workers {
    /// How many; 0: one for each processor but one.
    pub count: usize,
    /// They are pinned to cores.
    pub pinned: bool,
    /// These cores; empty: chosen.
    pub cores: Vec<usize>,
    /// How they wait.
    pub wait: Wait,
    /// How long an adaptive one spins before it sleeps, in microseconds.
    pub spin_us: u64,
}

impl Default for Workers {
    fn default() -> Self {
        let worker::WorkersConfig { spin, .. } = worker::WorkersConfig::default();
        Self {
            count: 0,
            pinned: true,
            cores: Vec::new(),
            wait: Wait::default(),
            spin_us: spin.as_micros() as u64,
        }
    }
}

/// How a worker without jobs waits.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Looks again and again.
    Spin,
    /// Looks for a while, then sleeps.
    #[default]
    Adaptive,
    /// Sleeps at once.
    Block,
}

/// Sessions and policy: [`engine::Config`] for all workers together.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// Sessions that there is room for.
    pub sessions: usize,
    /// Sessions with a procedure at a time; 0: all.
    pub procedures: usize,
    /// Keys of released sessions that stay known; 0: as many as sessions.
    pub remembered_keys: usize,
    /// Ciphering algorithms, best first.
    pub nea: Vec<u8>,
    /// Integrity algorithms, best first.
    pub nia: Vec<u8>,
    /// Width of the window for late messages.
    pub out_of_order: u8,
    /// Retransmissions of a SECURITY MODE COMMAND.
    pub retransmissions: u8,
    /// Commands without an answer before a loop is reported.
    pub commands_before_loop: u8,
    /// The NAS message container may be missing in an answer.
    pub container_optional: bool,
    /// The IMEISV must be in an answer when it was asked for.
    pub imeisv_required: bool,
    /// COUNT from which on messages carry a warning.
    pub warning_count: u32,
    /// COUNT from which on they carry an urgent one.
    pub urgent_count: u32,
}

impl Default for Engine {
    fn default() -> Self {
        let smc = SmcSettings::default();
        let Thresholds { warning, urgent } = Thresholds::default();
        Self {
            sessions: 65_536,
            procedures: 0,
            remembered_keys: 0,
            nea: smc.policy.nea().iter().map(|nea| nea.id()).collect(),
            nia: smc.policy.nia().iter().map(|nia| nia.id()).collect(),
            out_of_order: 0,
            retransmissions: smc.retransmissions,
            commands_before_loop: smc.commands_before_loop,
            container_optional: false,
            imeisv_required: false,
            warning_count: warning,
            urgent_count: urgent,
        }
    }
}

impl Engine {
    /// The same for the engine.
    ///
    /// # Errors
    /// Those of [`Policy::from_ids`].
    pub fn read(&self) -> Result<engine::Config> {
        let or_all = |number: usize| if number == 0 { self.sessions } else { number };
        let mut smc = SmcSettings::new(Policy::from_ids(&self.nea, &self.nia)?);
        smc.retransmissions = self.retransmissions;
        smc.commands_before_loop = self.commands_before_loop;
        if self.container_optional {
            smc.container = smc::Demand::Optional;
        }
        if self.imeisv_required {
            smc.imeisv = smc::Demand::Required;
        }
        Ok(engine::Config {
            sessions: self.sessions,
            procedures: or_all(self.procedures),
            remembered_keys: or_all(self.remembered_keys),
            out_of_order: self.out_of_order,
            thresholds: Thresholds {
                warning: self.warning_count,
                urgent: self.urgent_count,
            },
            smc,
            worker: 0,
        })
    }
}

/// How much a measure matters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// The daemon does not start without it.
    Require,
    /// It is taken where the kernel lets us, and reported.
    Try,
    /// It is not taken.
    Off,
}

/// What the daemon denies itself after its start.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Hardening {
    /// No page goes to swap.
    pub lock_memory: Demand,
    /// No core dump, no debugger, keys not in children.
    pub no_dump: Demand,
    /// System calls that a running daemon does not need.
    pub seccomp: Demand,
    /// Files and networks.
    pub landlock: Demand,
}

impl Default for Hardening {
    fn default() -> Self {
        Self {
            lock_memory: Demand::Require,
            no_dump: Demand::Require,
            seccomp: Demand::Try,
            landlock: Demand::Try,
        }
    }
}

impl Config {
    /// Everything by default, at this path.
    #[must_use]
    pub fn at(socket: PathBuf) -> Self {
        Self {
            socket,
            socket_mode: socket_mode(),
            io: Io::default(),
            clients: Clients::default(),
            quota: Quota::default(),
            workers: Workers::default(),
            engine: Engine::default(),
            http: Http::default(),
            hardening: Hardening::default(),
            survive: Survive::default(),
            store: Store::default(),
            findings: Findings::default(),
            tap: Tap::default(),
            nssaa: Nssaa::default(),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong and where, as a sentence.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|why| why.to_string())?;
        config.check().map_err(str::to_owned)?;
        Ok(config)
    }

    /// What the workers are started with.
    ///
    /// # Errors
    /// Those of [`Engine::read`].
    pub fn workers(&self) -> Result<worker::WorkersConfig> {
        let Workers {
            count,
            pinned,
            ref cores,
            wait,
            spin_us,
        } = self.workers;
        Ok(worker::WorkersConfig {
            engine: self.engine.read()?,
            workers: count,
            wait: match wait {
                Wait::Spin => worker::Wait::Spin,
                Wait::Adaptive => worker::Wait::Adaptive,
                Wait::Block => worker::Wait::Block,
            },
            spin: Duration::from_micros(spin_us),
            cores: match cores.as_slice() {
                _ if !pinned => worker::Cores::Unpinned,
                [] => worker::Cores::Auto,
                list => worker::Cores::List(list.to_vec()),
            },
            signs: Some(self.findings.signs()),
            tap: None,
        })
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        self.quota.check()?;
        self.store.check()?;
        self.findings.check()?;
        self.tap.check()?;
        self.nssaa.check()?;
        if self.workers.count > MAX_WORKERS as usize {
            return Err("workers.count: at most 128");
        }
        if self.socket_mode & !0o777 != 0 {
            return Err("socket_mode: three octal digits, as 0o660");
        }
        match self.engine.read() {
            Ok(_) => Ok(()),
            Err(Error::AlgorithmNotSupported) => Err("engine.nea, engine.nia: algorithms 0 to 3"),
            Err(_) => Err("engine.nea, engine.nia: different algorithms, and more than NIA0"),
        }
    }
}

impl Clients {
    /// True when this user or group is served. `own`: the daemon's own user.
    #[must_use]
    pub fn serve(&self, uid: u32, gid: u32, own: u32) -> bool {
        if self.allow_uids.is_empty() && self.allow_gids.is_empty() {
            return uid == own;
        }
        self.allow_uids.contains(&uid) || self.allow_gids.contains(&gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_file_is_the_defaults() {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/naslane.toml"));
        let text = text.unwrap();
        let read = Config::parse(&text).unwrap();
        let own = Config::at(read.socket.clone());
        assert_eq!(format!("{read:?}"), format!("{own:?}"));
        // Every key of every section is in the file.
        for key in [
            "socket =",
            "socket_mode =",
            "io =",
            "allow_uids =",
            "allow_gids =",
            "on_client_death =",
            "keep_seconds =",
            "connections =",
            "sessions =",
            "queues =",
            "outstanding =",
            "entries =",
            "arena =",
            "count =",
            "cores =",
            "pinned =",
            "wait =",
            "listen =",
            "spin_us =",
            "procedures =",
            "remembered_keys =",
            "nea =",
            "nia =",
            "out_of_order =",
            "retransmissions =",
            "commands_before_loop =",
            "container_optional =",
            "imeisv_required =",
            "warning_count =",
            "urgent_count =",
            "lock_memory =",
            "no_dump =",
            "seccomp =",
            "landlock =",
            "dir =",
            "kek =",
            "kind =",
            "path =",
            "endpoints =",
            "prefix =",
            "timeout_ms =",
            "user =",
            "password =",
            "ttl_seconds =",
            "uplink =",
            "print_key =",
            "ca_file =",
            "cert_file =",
            "key_file =",
            "server_name =",
            "stall_seconds =",
            "downlinks =",
            "log_seconds =",
            "directory =",
            "max_bytes =",
            "max_seconds =",
            "files =",
        ] {
            assert!(text.contains(key), "{key} is not documented");
        }
    }

    #[test]
    fn what_does_not_exist_is_an_error() {
        let wrong = |text: &str| Config::parse(text).unwrap_err();
        assert!(wrong("").contains("socket"));
        for (text, hint) in [
            ("soket = 'x'", "soket"),
            ("socket = 'x'\n[quota]\nsession = 1", "session"),
            ("socket = 'x'\n[clients]\non_client_death = 'drop'", "drop"),
            ("socket = 'x'\n[quota]\nentries = 100", "quota.entries"),
            ("socket = 'x'\n[quota]\nsessions = 0", "quota"),
            ("socket = 'x'\n[quota]\nuser_sessions = 0", "quota.user"),
            ("socket = 'x'\n[engine]\nnea = [2, 2]", "engine.nea"),
            ("socket = 'x'\n[engine]\nnia = [9]", "engine.nia"),
            ("socket = 'x'\n[workers]\ncount = 1000", "workers.count"),
            ("socket = 'x'\n[store]\nkind = 'redis'", "redis"),
            ("socket = 'x'\n[store]\nkind = 'embedded'", "store.path"),
            (
                "socket = 'x'\n[store]\nkind = 'etcd'\nuser = 'a'",
                "store.password",
            ),
            ("socket = 'x'\n[store]\npassword = 'env:A'", "store.user"),
            ("socket = 'x'\n[store]\nttl_seconds = 1", "store.ttl"),
            ("socket = 'x'\n[store]\ntimeout_ms = 9000", "store.timeout"),
            ("socket = 'x'\n[store]\ncert_file = 'a'", "store.cert"),
            ("socket = 'x'\n[findings]\ndownlinks = 255", "downlinks"),
            ("socket = 'x'\n[tap]\nsessions = 17", "tap.sessions"),
            ("socket = 'x'\n[tap]\ndirectory = 'taps'", "absolute"),
            ("socket = 'x'\nio = 'kqueue'", "io"),
            ("socket = 'x'\nsocket_mode = 0o7777", "socket_mode"),
        ] {
            assert!(wrong(text).contains(hint), "{text}: {}", wrong(text));
        }
    }

    #[test]
    fn without_a_list_only_the_own_user_is_served() {
        let mut clients = Clients::default();
        assert!(clients.serve(7, 1, 7) && !clients.serve(0, 7, 7));
        clients.allow_gids = vec![20];
        assert!(clients.serve(5, 20, 7) && !clients.serve(7, 7, 7));
        clients.allow_uids = vec![7];
        assert!(clients.serve(7, 7, 7) && !clients.serve(8, 7, 7));
    }
}
