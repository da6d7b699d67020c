//! TLS of the service based interfaces: files in, rustls configurations out (TS 33.501 13.1: both sides have certificates).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde::Deserialize;

/// PEM files of one end.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Own certificate and those between it and its root. Who only connects, to servers that ask for none, needs none.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Own private key.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Whom the other end's certificate must come from.
    pub trust: PathBuf,
}

/// The certificate's file, its chain, its key.
type Own<'a> = (
    &'a Path,
    Vec<CertificateDer<'static>>,
    PrivateKeyDer<'static>,
);

impl Files {
    fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
        let text = |why: rustls::pki_types::pem::Error| format!("{}: {why}", path.display());
        let list = CertificateDer::pem_file_iter(path).map_err(text)?;
        list.collect::<Result<Vec<_>, _>>().map_err(text)
    }

    /// Own certificate and key; `None`: none are given.
    fn own(&self) -> Result<Option<Own<'_>>, String> {
        let (path, key) = match (&self.certificate, &self.key) {
            (Some(path), Some(key)) => (path, key),
            (None, None) => return Ok(None),
            _ => return Err("TLS: certificate and key, both or none".to_owned()),
        };
        let read = PrivateKeyDer::from_pem_file(key);
        let read = read.map_err(|why| format!("{}: {why}", key.display()))?;
        Ok(Some((path, Self::chain(path)?, read)))
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, String> {
        let mut roots = RootCertStore::empty();
        for root in Self::chain(&self.trust)? {
            let added = roots.add(root);
            added.map_err(|why| format!("{}: {why}", self.trust.display()))?;
        }
        Ok(Arc::new(roots))
    }

    /// The end that connects.
    ///
    /// # Errors
    /// A sentence with the file's name.
    pub fn client(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_root_certificates(self.roots()?);
        let mut config = match self.own()? {
            Some((path, chain, key)) => config
                .with_client_auth_cert(chain, key)
                .map_err(|why| format!("{}: {why}", path.display()))?,
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    /// The end that listens; a client without a certificate from `trust` is turned away.
    ///
    /// # Errors
    /// A sentence with the file's name; without an own certificate nobody can connect over TLS.
    pub fn server(&self) -> Result<Arc<ServerConfig>, String> {
        let (path, chain, key) = self
            .own()?
            .ok_or("TLS: certificate and key are needed to listen")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(self.roots()?, provider.clone());
        let clients = clients
            .build()
            .map_err(|why| format!("{}: {why}", self.trust.display()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(|why| format!("{}: {why}", path.display()))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }
}
