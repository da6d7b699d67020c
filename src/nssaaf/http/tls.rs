//! TLS of the service based interfaces: files in, rustls configurations out (TS 33.501 13.1: both sides have certificates).

use std::path::PathBuf;
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
    /// Own certificate and those between it and its root.
    pub certificate: PathBuf,
    /// Own private key.
    pub key: PathBuf,
    /// Whom the other end's certificate must come from.
    pub trust: PathBuf,
}

impl Files {
    fn chain(&self, path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
        let text = |why: rustls::pki_types::pem::Error| format!("{}: {why}", path.display());
        let list = CertificateDer::pem_file_iter(path).map_err(text)?;
        list.collect::<Result<Vec<_>, _>>().map_err(text)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|why| format!("{}: {why}", self.key.display()))
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, String> {
        let mut roots = RootCertStore::empty();
        for root in self.chain(&self.trust)? {
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
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(self.chain(&self.certificate)?, self.key()?)
            .map_err(|why| format!("{}: {why}", self.certificate.display()))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    /// The end that listens; a client without a certificate from `trust` is turned away.
    ///
    /// # Errors
    /// A sentence with the file's name.
    pub fn server(&self) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(self.roots()?, provider.clone());
        let clients = clients
            .build()
            .map_err(|why| format!("{}: {why}", self.trust.display()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_client_cert_verifier(clients)
            .with_single_cert(self.chain(&self.certificate)?, self.key()?)
            .map_err(|why| format!("{}: {why}", self.certificate.display()))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }
}
