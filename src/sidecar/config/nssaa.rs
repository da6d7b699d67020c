//! Whether the daemon itself asks the NSSAAF.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The AMF's side of Nnssaaf_NSSAA, in the daemon.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Nssaa {
    /// API roots of NSSAAFs, `http://` or `https://`, the preferred one first; empty: clients ask themselves. Names are
    /// resolved once, at the start.
    pub nssaaf: Vec<String>,
    /// Roots of other servers that redirects may lead to.
    pub redirects: Vec<String>,
    /// The instance of the AMF, a UUID; empty: the NSSAAF is not told.
    pub amf_instance_id: String,
    /// Where notifications are taken, `ADDRESS:PORT`; empty: nowhere.
    pub callbacks: String,
    /// The same place as NSSAAFs reach it; empty: as `callbacks` says.
    pub callbacks_root: String,
    /// Certificates that the NSSAAF's chain to, PEM; for https.
    pub ca_file: PathBuf,
    /// The AMF's certificate and those between it and its root, PEM; empty: none.
    pub cert_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// Longest wait for a connection or an answer, in milliseconds.
    pub timeout_ms: u64,
    /// How often a request is sent at most.
    pub attempts: u32,
    /// Pause before the second time, in milliseconds.
    pub backoff_ms: u64,
    /// Requests at a time.
    pub under_way: usize,
    /// Requests and notifications that may wait.
    pub queue: usize,
    /// Authentications at a time.
    pub runs: usize,
}

impl Default for Nssaa {
    fn default() -> Self {
        Self {
            nssaaf: Vec::new(),
            redirects: Vec::new(),
            amf_instance_id: String::new(),
            callbacks: String::new(),
            callbacks_root: String::new(),
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            timeout_ms: 20_000,
            attempts: 4,
            backoff_ms: 200,
            under_way: 512,
            queue: 4096,
            runs: 65_536,
        }
    }
}

impl Nssaa {
    /// True when the daemon is to ask.
    #[must_use]
    pub const fn wanted(&self) -> bool {
        !self.nssaaf.is_empty()
    }

    /// Where notifications are taken, if anywhere.
    fn listen(&self) -> Result<Option<SocketAddr>, &'static str> {
        if self.callbacks.is_empty() {
            return Ok(None);
        }
        let address = self.callbacks.parse();
        address
            .map(Some)
            .map_err(|_| "nssaa.callbacks: an address and a port, as \"0.0.0.0:8443\"")
    }

    /// # Errors
    /// What is wrong, as a sentence.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        if !self.wanted() {
            let unused = !self.callbacks.is_empty() || !self.redirects.is_empty();
            return if unused {
                Err("nssaa.nssaaf: at least one; without it the rest of [nssaa] has no effect")
            } else {
                Ok(())
            };
        }
        if !cfg!(feature = "nssaa") {
            return Err("[nssaa]: this program was built without it (feature nssaa)");
        }
        if self.nssaaf.len() > 16 || self.redirects.len() > 16 {
            return Err("nssaa.nssaaf, nssaa.redirects: at most 16");
        }
        let roots = || self.nssaaf.iter().chain(&self.redirects);
        let schemes = |root: &String| root.starts_with("http://") || root.starts_with("https://");
        if !roots().all(schemes) {
            return Err("nssaa.nssaaf, nssaa.redirects: http://HOST:PORT or https://HOST:PORT");
        }
        if roots().any(|root| root.starts_with("https://")) && !given(&self.ca_file) {
            return Err("nssaa.ca_file: needed for https");
        }
        if given(&self.cert_file) != given(&self.key_file) {
            return Err("nssaa.cert_file, nssaa.key_file: both or none");
        }
        if given(&self.cert_file) && !given(&self.ca_file) {
            return Err("nssaa.ca_file: needed beside nssaa.cert_file");
        }
        if self.listen()?.is_some() && given(&self.ca_file) && !given(&self.cert_file) {
            return Err("nssaa.callbacks over TLS: nssaa.cert_file and nssaa.key_file are needed");
        }
        if self.listen()?.is_some_and(|at| at.ip().is_unspecified())
            && self.callbacks_root.is_empty()
        {
            return Err(
                "nssaa.callbacks_root: needed where nssaa.callbacks is no address to be reached at",
            );
        }
        let uuid = |text: &String| {
            let places = [8, 13, 18, 23];
            text.len() == 36
                && (text.bytes().enumerate()).all(|(at, octet)| match places.contains(&at) {
                    true => octet == b'-',
                    false => octet.is_ascii_hexdigit(),
                })
        };
        if !self.amf_instance_id.is_empty() && !uuid(&self.amf_instance_id) {
            return Err("nssaa.amf_instance_id: a UUID");
        }
        self.check_bounds()
    }

    fn check_bounds(&self) -> Result<(), &'static str> {
        let bounds = [
            (100..=600_000).contains(&self.timeout_ms),
            (1..=16).contains(&self.attempts),
            (1..=60_000).contains(&self.backoff_ms),
            (1..=65_536).contains(&self.under_way),
            (1..=1_048_576).contains(&self.queue),
            (1..=16_777_216).contains(&self.runs),
        ];
        let sentences = [
            "nssaa.timeout_ms: 100 to 600000",
            "nssaa.attempts: 1 to 16",
            "nssaa.backoff_ms: 1 to 60000",
            "nssaa.under_way: 1 to 65536",
            "nssaa.queue: 1 to 1048576",
            "nssaa.runs: 1 to 16777216",
        ];
        let mut both = bounds.into_iter().zip(sentences);
        match both.find(|(within, _)| !within) {
            Some((_, sentence)) => Err(sentence),
            None => Ok(()),
        }
    }

    /// The same for the consumer.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    #[cfg(feature = "nssaa")]
    pub(in crate::sidecar) fn settings(
        &self,
    ) -> Result<crate::nssaaf::consumer::Settings, &'static str> {
        use crate::nssaaf::consumer::{Callbacks, Settings};
        use crate::nssaaf::http::tls;

        let file = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        let tls = file(&self.ca_file).map(|trust| tls::Files {
            certificate: file(&self.cert_file),
            key: file(&self.key_file),
            trust,
        });
        Ok(Settings {
            nssaaf: self.nssaaf.clone(),
            tls,
            amf_instance_id: text(&self.amf_instance_id),
            callbacks: self.listen()?.map(|listen| Callbacks {
                listen,
                root: text(&self.callbacks_root),
            }),
            queue: self.queue,
            under_way: self.under_way,
            runs: self.runs,
            timeout_ms: self.timeout_ms,
            attempts: self.attempts,
            backoff_ms: self.backoff_ms,
            threads: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn parse(lines: &str) -> Result<Config, String> {
        Config::parse(&format!("socket = 'x'\n[nssaa]\n{lines}"))
    }

    #[test]
    fn every_key_is_described() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/naslane.toml");
        let text = std::fs::read_to_string(file).unwrap();
        let (_, section) = text.split_once("\n[nssaa]\n").unwrap();
        let (section, _) = section.split_once("\n[").unwrap_or((section, ""));
        for key in [
            "nssaaf",
            "redirects",
            "amf_instance_id",
            "callbacks",
            "callbacks_root",
            "ca_file",
            "cert_file",
            "key_file",
            "timeout_ms",
            "attempts",
            "backoff_ms",
            "under_way",
            "queue",
            "runs",
        ] {
            let line = format!("\n{key} = ");
            assert!(format!("\n{section}").contains(&line), "{key}");
        }
    }

    #[cfg(not(feature = "nssaa"))]
    #[test]
    fn without_the_feature_the_section_is_refused() {
        let why = parse("nssaaf = ['http://127.0.0.1:8080']").unwrap_err();
        assert!(why.contains("built without it (feature nssaa)"), "{why}");
        assert!(parse("").is_ok(), "by default nobody is asked");
    }

    #[cfg(feature = "nssaa")]
    #[test]
    fn what_cannot_work_is_an_error() {
        let http = "nssaaf = ['http://127.0.0.1:8080']\n";
        let tls = "nssaaf = ['https://nssaaf.example']\nca_file = 'ca.pem'\n";
        let own = "cert_file = 'own.pem'\nkey_file = 'own.key'\n";
        for good in [
            String::new(),
            http.to_owned(),
            tls.to_owned(),
            format!("{tls}{own}callbacks = '127.0.0.1:8443'"),
            format!("{http}callbacks = '[::1]:0'"),
            format!("{http}callbacks = '0.0.0.0:80'\ncallbacks_root = 'http://amf.example'"),
            format!("{http}amf_instance_id = '8a4e3c1e-0001-4000-8000-00000000000F'"),
        ] {
            let read = parse(&good).unwrap();
            assert_eq!(read.nssaa.wanted(), !good.is_empty());
            assert!(read.nssaa.settings().is_ok());
        }
        for (lines, hint) in [
            ("callbacks = '127.0.0.1:1'".to_owned(), "nssaa.nssaaf"),
            ("nssaaf = ['nssaaf.example']".to_owned(), "http://HOST"),
            ("nssaaf = ['https://a']".to_owned(), "nssaa.ca_file"),
            (format!("{http}cert_file = 'a'"), "both or none"),
            (format!("{http}{own}"), "nssaa.ca_file"),
            (format!("{tls}callbacks = '127.0.0.1:1'"), "nssaa.cert_file"),
            (format!("{http}callbacks = 'amf.example'"), "an address"),
            (format!("{http}callbacks = '0.0.0.0:1'"), "callbacks_root"),
            (format!("{http}amf_instance_id = 'amf'"), "UUID"),
            (format!("{http}attempts = 0"), "nssaa.attempts"),
            (format!("{http}timeout_ms = 1"), "nssaa.timeout_ms"),
            (format!("{http}under_way = 0"), "nssaa.under_way"),
            (format!("{http}queue = 0"), "nssaa.queue"),
            (format!("{http}runs = 0"), "nssaa.runs"),
            (format!("{http}backoff_ms = 0"), "nssaa.backoff_ms"),
            (format!("{http}secret = 'x'"), "secret"),
        ] {
            let why = parse(&lines).unwrap_err();
            assert!(why.contains(hint), "{lines}: {why}");
        }
    }
}
