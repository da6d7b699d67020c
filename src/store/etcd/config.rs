//! How the store in a cluster is reached: addresses, user, certificates.

use std::time::Duration;

use etcd_client::{Certificate, Identity, TlsOptions};
use zeroize::Zeroizing;

/// Where the cluster is, and how long it may take.
#[derive(Clone)]
pub struct EtcdConfig {
    /// Addresses of the members: `http://host:2379`.
    pub endpoints: Vec<String>,
    /// Put in front of each key: one for each AMF set.
    pub prefix: String,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// User and password; none: etcd asks for none.
    pub user: Option<(String, Zeroizing<String>)>,
    /// For addresses with `https://`.
    pub tls: Option<Tls>,
}

/// What a connection over TLS is made with; all of it PEM.
#[derive(Clone)]
pub struct Tls {
    /// The authorities that the members' certificates chain to.
    pub ca: Vec<u8>,
    /// This node's certificate and its key, when the members ask for one.
    pub identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    /// The name in the members' certificates; none: the host of the address.
    pub name: Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls {{ name: {:?}, .. }}", self.name)
    }
}

impl Tls {
    /// As the client takes it.
    pub(super) fn options(&self) -> TlsOptions {
        let mut options = TlsOptions::new().ca_certificate(Certificate::from_pem(&self.ca));
        if let Some((certificate, key)) = &self.identity {
            options = options.identity(Identity::from_pem(certificate, key.as_slice()));
        }
        match &self.name {
            Some(name) => options.domain_name(name.as_str()),
            None => options,
        }
    }
}

impl std::fmt::Debug for EtcdConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdConfig")
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl Default for EtcdConfig {
    fn default() -> Self {
        Self {
            endpoints: vec!["http://127.0.0.1:2379".to_owned()],
            prefix: "naslane".to_owned(),
            timeout: Duration::from_secs(1),
            user: None,
            tls: None,
        }
    }
}
