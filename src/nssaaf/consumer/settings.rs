//! Settings of a consumer: a table of a TOML file, or made by the program.

use std::net::{SocketAddr, TcpListener};

use hyper::Uri;
use serde::Deserialize;

use crate::nssaaf::http::tls;

/// Settings of a consumer.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// API roots of NSSAAFs (`https://nssaaf.example`), the preferred one first.
    pub nssaaf: Vec<String>,
    /// Certificates, for https and for callbacks.
    #[serde(default)]
    pub tls: Option<tls::Files>,
    /// This AMF's instance, a UUID.
    #[serde(default)]
    pub amf_instance_id: Option<String>,
    /// Where notifications are taken; without it none come.
    #[serde(default)]
    pub callbacks: Option<Callbacks>,
    /// Calls and events that may wait.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Requests at a time.
    #[serde(default = "under_way")]
    pub under_way: usize,
    /// Authentications at a time, with those that wait for the UE.
    #[serde(default = "runs")]
    pub runs: usize,
    /// Patience with a connection or answer, in milliseconds. More than the NSSAAF has with its AAA servers.
    #[serde(default = "timeout")]
    pub timeout_ms: u64,
    /// How often a request is sent at most, when it gets no answer or a 503.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// Pause before the second attempt, in milliseconds; each further one is twice as long.
    #[serde(default = "backoff")]
    pub backoff_ms: u64,
    /// Threads of the network.
    #[serde(default = "threads")]
    pub threads: usize,
}

/// Where notifications are taken.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Callbacks {
    /// Address and port.
    pub listen: SocketAddr,
    /// The same place as others reach it, if that differs: `http://amf.example:8080`.
    #[serde(default)]
    pub root: Option<String>,
}

const fn queue() -> usize {
    4096
}

const fn under_way() -> usize {
    512
}

const fn runs() -> usize {
    65_536
}

const fn timeout() -> u64 {
    20_000
}

const fn attempts() -> u32 {
    4
}

const fn backoff() -> u64 {
    200
}

const fn threads() -> usize {
    1
}

impl Settings {
    /// One NSSAAF, everything else as it is by default.
    #[must_use]
    pub fn new(nssaaf: &str) -> Self {
        Self {
            nssaaf: vec![nssaaf.to_owned()],
            tls: None,
            amf_instance_id: None,
            callbacks: None,
            queue: queue(),
            under_way: under_way(),
            runs: runs(),
            timeout_ms: timeout(),
            attempts: attempts(),
            backoff_ms: backoff(),
            threads: threads(),
        }
    }

    pub(super) fn roots(&self) -> Result<Vec<Uri>, String> {
        if self.nssaaf.is_empty() || self.queue == 0 || self.under_way == 0 || self.attempts == 0 {
            return Err("nssaaf, queue, under_way and attempts must not be empty or 0".to_owned());
        }
        self.uris(&self.nssaaf)
    }

    pub(super) fn uris(&self, texts: &[String]) -> Result<Vec<Uri>, String> {
        let root = |text: &String| {
            let uri: Option<Uri> = text.parse().ok();
            let known = |uri: &Uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
            };
            let uri = uri
                .filter(known)
                .ok_or_else(|| format!("nssaaf = {text:?}: no http or https URI"))?;
            if uri.scheme_str() == Some("https") && self.tls.is_none() {
                return Err(format!("nssaaf = {text:?}: https needs a [tls] table"));
            }
            Ok(uri)
        };
        texts.iter().map(root).collect()
    }
}

impl Callbacks {
    pub(super) fn bind(&self) -> Result<TcpListener, String> {
        TcpListener::bind(self.listen).map_err(|why| format!("callbacks at {}: {why}", self.listen))
    }

    /// What the NSSAAF is told.
    pub(super) fn root(&self, scheme: &str, listener: &TcpListener) -> Result<String, String> {
        match &self.root {
            Some(root) => Ok(root.trim_end_matches('/').to_owned()),
            None => {
                let address = listener.local_addr().map_err(|why| why.to_string())?;
                Ok(format!("{scheme}://{address}"))
            }
        }
    }
}
