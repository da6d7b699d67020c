//! Where probes and metrics are served.

use std::net::{SocketAddr, TcpListener};

use serde::Deserialize;

/// Probes and metrics.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port; empty: none.
    pub listen: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: crate::sidecar::http::DEFAULT_ADDRESS.to_owned(),
        }
    }
}

impl Http {
    /// Binds the address, if there is one.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn bind(&self) -> std::result::Result<Option<TcpListener>, String> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let address: SocketAddr = self
            .listen
            .parse()
            .map_err(|_| format!("[http] listen = {:?}: no address and port", self.listen))?;
        TcpListener::bind(address)
            .map(Some)
            .map_err(|why| format!("[http] listen = {address}: {why}"))
    }
}
