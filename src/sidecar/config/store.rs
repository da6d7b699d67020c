//! The store that a set of daemons shares, or that a daemon has for itself.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::base::Error;
use crate::store::lease::Uplink;
use crate::store::{KeyRing, PrintKey};

/// Which store.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// None: what a host loses is lost.
    #[default]
    None,
    /// A file of this host.
    Embedded,
    /// An etcd cluster.
    Etcd,
}

/// What sessions accept whose replay floors may lag.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum UplinkPolicy {
    /// Nothing until their key is replaced.
    #[default]
    AfterRekey,
    /// What is above the last floors written.
    AboveFloor,
}

impl From<UplinkPolicy> for Uplink {
    fn from(policy: UplinkPolicy) -> Self {
        match policy {
            UplinkPolicy::AfterRekey => Self::AfterRekey,
            UplinkPolicy::AboveFloor => Self::AboveFloor,
        }
    }
}

/// Where COUNT leases and sealed records are.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Which one.
    pub kind: StoreKind,
    /// The file of an embedded one.
    pub path: PathBuf,
    /// Addresses of etcd's members, `http://` or `https://`. Names are resolved once, at the start.
    pub endpoints: Vec<String>,
    /// In front of each key in etcd: one for each set.
    pub prefix: String,
    /// Longest wait for an answer of etcd, in milliseconds.
    pub timeout_ms: u64,
    /// User of etcd; empty: none.
    pub user: String,
    /// Where the user's password is: `file:PATH`, `credential:NAME` or `env:NAME`.
    pub password: String,
    /// How long after a daemon's last sign of life another one may take its sessions, in seconds.
    pub ttl_seconds: u64,
    /// What sessions accept whose replay floors may lag.
    pub uplink: UplinkPolicy,
    /// Where the keys are that seal records: as in [`super::Survive`].
    pub kek: String,
    /// Where the key of the fingerprints is, in the same form: 64 hexadecimal digits.
    pub print_key: String,
    /// Certificates that etcd's chain to, PEM.
    pub ca_file: PathBuf,
    /// This daemon's certificate, PEM; empty: none.
    pub cert_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// The name in etcd's certificates, where it is not the host of the endpoints.
    pub server_name: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Endpoints and sources only: what is secret lies in the files.
        f.debug_struct("Store")
            .field("kind", &self.kind)
            .field("path", &self.path)
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("timeout_ms", &self.timeout_ms)
            .field("user", &self.user)
            .field("password", &self.password)
            .field("ttl_seconds", &self.ttl_seconds)
            .field("uplink", &self.uplink)
            .field("kek", &self.kek)
            .field("print_key", &self.print_key)
            .field("ca_file", &self.ca_file)
            .field("cert_file", &self.cert_file)
            .field("key_file", &self.key_file)
            .field("server_name", &self.server_name)
            .finish()
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            kind: StoreKind::None,
            path: PathBuf::new(),
            endpoints: vec!["http://127.0.0.1:2379".to_owned()],
            prefix: "naslane".to_owned(),
            timeout_ms: 1000,
            user: String::new(),
            password: String::new(),
            ttl_seconds: 5,
            uplink: UplinkPolicy::default(),
            kek: "credential:naslane-kek".to_owned(),
            print_key: "credential:naslane-print-key".to_owned(),
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            server_name: String::new(),
        }
    }
}

impl Store {
    /// True when there is to be one.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.kind != StoreKind::None
    }

    /// For how long a daemon is present.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_seconds)
    }

    /// The keys that all daemons of a set have.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn keys(&self) -> Result<(KeyRing, PrintKey), String> {
        let why = |error| match error {
            Error::System => "cannot be read",
            _ => "not of the form that deploy/naslane.toml describes",
        };
        let ring = KeyRing::from_source(&self.kek)
            .map_err(|error| format!("[store] kek = {:?}: {}", self.kek, why(error)))?;
        let prints = PrintKey::from_source(&self.print_key)
            .map_err(|error| format!("[store] print_key = {:?}: {}", self.print_key, why(error)))?;
        Ok((ring, prints))
    }

    /// # Errors
    /// What is wrong, as a sentence.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !(2..=3600).contains(&self.ttl_seconds) {
            return Err("store.ttl_seconds: 2 to 3600");
        }
        if self.timeout_ms == 0 || self.timeout_ms > self.ttl_seconds * 500 {
            return Err("store.timeout_ms: at least 1, at most half of store.ttl_seconds");
        }
        if self.cert_file.as_os_str().is_empty() != self.key_file.as_os_str().is_empty() {
            return Err("store.cert_file, store.key_file: both or none");
        }
        if !self.user.is_empty() && self.password.is_empty() {
            return Err("store.password: where the password of store.user is");
        }
        if self.user.is_empty() && !self.password.is_empty() {
            return Err("store.user: whose password store.password is");
        }
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_./".contains(&octet);
        if self.prefix.is_empty() || !self.prefix.bytes().all(plain) {
            return Err("store.prefix: letters, digits, '-', '_', '.', '/'");
        }
        match self.kind {
            StoreKind::Embedded if self.path.as_os_str().is_empty() => {
                Err("store.path: the file of the embedded store")
            }
            StoreKind::Etcd if self.endpoints.is_empty() => Err("store.endpoints: at least one"),
            _ => Ok(()),
        }
    }
}
