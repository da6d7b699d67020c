//! EAP-TLS, the peer's half (RFC 5216; TLS 1.3 as RFC 9190 has it): fragments both ways, and rustls between them.

use core::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};

use super::TYPED;
use crate::nas::nssaa::EAP_MAX;

/// The first octet of the data says what follows (RFC 5216 3.1).
mod flag {
    pub(super) const LENGTH: u8 = 0x80;
    pub(super) const MORE: u8 = 0x40;
    pub(super) const START: u8 = 0x20;
}

/// Octets of one side's flight at most. Chains of certificates stay far below; RFC 5216 3.2 asks for a bound.
const LONGEST_FLIGHT: usize = 64 * 1024;

/// Octets of TLS in one packet: flags and the four octets of the length go off.
const FRAGMENT: usize = EAP_MAX - TYPED - 5;

/// What is wrong with an EAP-TLS request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// No flags, or a length that is not there.
    Short,
    /// Data before the server's start, or a second start.
    Start,
    /// More octets than the length announced, or than this peer takes.
    TooLong,
    /// Data while this side has fragments left to send.
    Turn,
    /// rustls does not start: the configuration has no usable algorithm.
    Setup,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "an EAP-TLS request is shorter than it says",
            Self::Start => "EAP-TLS start out of place",
            Self::TooLong => "an EAP-TLS flight is longer than announced or taken",
            Self::Turn => "EAP-TLS data while this side is sending",
            Self::Setup => "TLS does not start; look at certificates and versions",
        })
    }
}

impl std::error::Error for TlsError {}

/// Where certificates lie, as PEM files.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// Whom the server's certificate must come from.
    pub trust: &'a Path,
    /// The peer's certificate, and those between it and its root.
    pub certificate: &'a Path,
    /// The peer's private key.
    pub key: &'a Path,
}

/// Reads certificates: TLS 1.2 and 1.3, no resumption, so that every run shows the certificate anew.
///
/// # Errors
/// A sentence with the file's name.
pub fn config(files: &Files<'_>) -> Result<Arc<ClientConfig>, String> {
    let at = |path: &Path, why: &dyn fmt::Display| format!("{}: {why}", path.display());
    let mut roots = RootCertStore::empty();
    for root in certificates(files.trust)? {
        roots.add(root).map_err(|why| at(files.trust, &why))?;
    }
    let chain = certificates(files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(files.key).map_err(|why| at(files.key, &why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|why| at(files.certificate, &why))?;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = |why: rustls::pki_types::pem::Error| format!("{}: {why}", path.display());
    let list: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(text)?.collect();
    let list = list.map_err(text)?;
    if list.is_empty() {
        return Err(format!("{}: no certificate", path.display()));
    }
    Ok(list)
}

/// One EAP-TLS conversation.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    connection: Option<ClientConnection>,
    /// The server's flight as far as it came, and the length it announced.
    incoming: Vec<u8>,
    announced: Option<usize>,
    /// This side's flight, and how much of it is sent.
    outgoing: Vec<u8>,
    sent: usize,
    /// The protected success indication of RFC 9190 2.1.1 came.
    indicated: bool,
    failed: bool,
}

impl Tls {
    pub(super) fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> Self {
        Self {
            config,
            name,
            connection: None,
            incoming: Vec::new(),
            announced: None,
            outgoing: Vec::new(),
            sent: 0,
            indicated: false,
            failed: false,
        }
    }

    /// The handshake is done and, with TLS 1.3, the server said so under protection.
    pub(super) fn authenticated(&self) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        let done = !self.failed && !connection.is_handshaking() && self.outgoing.is_empty();
        match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => done,
            _ => done && self.indicated,
        }
    }

    /// The method's data of a request; returns that of the response.
    pub(super) fn receive(&mut self, data: &[u8]) -> Result<Vec<u8>, TlsError> {
        let (&flags, mut data) = data.split_first().ok_or(TlsError::Short)?;
        let mut announced = None;
        if flags & flag::LENGTH != 0 {
            let (length, rest) = data.split_first_chunk().ok_or(TlsError::Short)?;
            let length = usize::try_from(u32::from_be_bytes(*length));
            announced = Some(length.map_err(|_| TlsError::TooLong)?);
            data = rest;
        }
        if flags & flag::START != 0 {
            return self.start();
        }
        if self.connection.is_none() {
            return Err(TlsError::Start);
        }
        if self.sent < self.outgoing.len() {
            // The server acknowledges a fragment: nothing in it, and the next one goes out.
            return if data.is_empty() && flags & flag::MORE == 0 {
                Ok(self.fragment())
            } else {
                Err(TlsError::Turn)
            };
        }
        let whole = self.announced.or(announced);
        if whole.is_some_and(|whole| whole > LONGEST_FLIGHT) {
            return Err(TlsError::TooLong);
        }
        let len = self.incoming.len() + data.len();
        if len > whole.unwrap_or(LONGEST_FLIGHT).min(LONGEST_FLIGHT) {
            return Err(TlsError::TooLong);
        }
        self.announced = whole;
        self.incoming.extend(data);
        if flags & flag::MORE != 0 {
            return Ok(vec![0]);
        }
        self.announced = None;
        let flight = core::mem::take(&mut self.incoming);
        self.advance(&flight);
        Ok(self.fragment())
    }

    fn start(&mut self) -> Result<Vec<u8>, TlsError> {
        if self.connection.is_some() {
            return Err(TlsError::Start);
        }
        let connection = ClientConnection::new(self.config.clone(), self.name.clone());
        self.connection = Some(connection.map_err(|_| TlsError::Setup)?);
        self.collect();
        Ok(self.fragment())
    }

    /// One flight of the server through TLS. What TLS refuses becomes an alert to the server, and no success.
    fn advance(&mut self, mut flight: &[u8]) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        while !flight.is_empty() && !self.failed {
            let read = connection.read_tls(&mut flight).unwrap_or(0);
            match connection.process_new_packets() {
                Ok(state) if read > 0 => {
                    let mut plain = vec![0; state.plaintext_bytes_to_read()];
                    let got = connection.reader().read(&mut plain).unwrap_or(0);
                    // One octet 0x00 and nothing else is the indication.
                    match &plain[..got] {
                        [] => (),
                        [0] if !self.indicated => self.indicated = true,
                        _ => self.failed = true,
                    }
                }
                _ => self.failed = true,
            }
        }
        self.collect();
    }

    fn collect(&mut self) {
        self.outgoing.clear();
        self.sent = 0;
        let Some(connection) = &mut self.connection else {
            return;
        };
        while connection.wants_write() {
            let mut out: &mut dyn Write = &mut self.outgoing;
            if connection.write_tls(&mut out).is_err() {
                self.failed = true;
                return;
            }
        }
    }

    /// The next fragment of this side's flight; an empty one acknowledges.
    fn fragment(&mut self) -> Vec<u8> {
        let left = &self.outgoing[self.sent..];
        let now = &left[..left.len().min(FRAGMENT)];
        let mut flags = 0;
        let mut out = vec![0];
        if self.sent == 0 && now.len() < left.len() {
            flags |= flag::LENGTH;
            let whole = u32::try_from(left.len()).unwrap_or(u32::MAX);
            out.extend(whole.to_be_bytes());
        }
        if now.len() < left.len() {
            flags |= flag::MORE;
        }
        out[0] = flags;
        out.extend(now);
        self.sent += now.len();
        if self.sent == self.outgoing.len() {
            self.outgoing.clear();
            self.sent = 0;
        }
        out
    }
}
