//! A consumer before it runs. Files, names and ports need rights that a process may give up before its threads run.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Uri;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::Semaphore;

use super::{Callbacks, Consumer, Settings, Shared, callbacks};
use crate::nssaaf::http::{Client, Names, Running, tls};

/// Settings that were checked, files that were read, a port that is taken.
pub struct Prepared {
    settings: Settings,
    roots: Vec<Uri>,
    client_tls: Option<Arc<ClientConfig>>,
    server_tls: Option<Arc<ServerConfig>>,
    listener: Option<TcpListener>,
    names: Option<Names>,
    ports: Vec<u16>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({:?})", self.settings.nssaaf)
    }
}

impl Prepared {
    /// Reads the files and takes the callbacks' port. Names are resolved as they come.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let roots = settings.roots()?;
        let files = settings.tls.as_ref();
        let client_tls = files.map(tls::Files::client).transpose()?;
        let serving = files.filter(|_| settings.callbacks.is_some());
        let server_tls = serving.map(tls::Files::server).transpose()?;
        let listener = settings.callbacks.as_ref().map(Callbacks::bind);
        let listener = listener.transpose()?;
        Ok(Self {
            settings,
            roots,
            client_tls,
            server_tls,
            listener,
            names: None,
            ports: Vec::new(),
        })
    }

    /// As [`Prepared::new`]; the names of the NSSAAFs, and of `others` that redirects may lead to, are resolved now and
    /// never again.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub fn with_names(settings: Settings, others: &[String]) -> Result<Self, String> {
        let mut prepared = Self::new(settings)?;
        let mut names = HashMap::new();
        let others = prepared.settings.uris(others)?;
        for uri in prepared.roots.iter().chain(&others) {
            let host = uri.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let secure = uri.scheme_str() == Some("https");
            let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
            let found = (host, port)
                .to_socket_addrs()
                .map_err(|why| format!("{uri}: {why}"))?;
            let found: Vec<_> = found.map(|place| place.ip()).collect();
            if found.is_empty() {
                return Err(format!("{uri}: no address"));
            }
            names.insert(host.to_ascii_lowercase(), found);
            prepared.ports.push(port);
        }
        prepared.names = Some(names);
        Ok(prepared)
    }

    /// Ports that are connected to; known after [`Prepared::with_names`].
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Where the callbacks' server will listen.
    #[must_use]
    pub fn callbacks(&self) -> Option<SocketAddr> {
        self.listener.as_ref()?.local_addr().ok()
    }

    /// Starts the threads; they run when this returns. `bell` as for [`Consumer::start`].
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub fn start(self, bell: Box<dyn Fn() + Send + Sync>) -> Result<Consumer, String> {
        let Self {
            settings,
            listener,
            server_tls,
            ..
        } = self;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            .thread_name("naslane-nnssaaf")
            .enable_all()
            .build()
            .map_err(|why| format!("no thread for Nnssaaf: {why}"))?;
        let scheme = if server_tls.is_some() {
            "https"
        } else {
            "http"
        };
        let callback_root = settings.callbacks.as_ref().zip(listener.as_ref());
        let callback_root = callback_root.map(|(callbacks, at)| callbacks.root(scheme, at));
        let (events, waiting) = channel();
        let client = Client::new(self.client_tls, Duration::from_millis(settings.timeout_ms));
        let shared = Arc::new(Shared {
            client: match self.names {
                Some(names) => client.knowing(names),
                None => client,
            },
            roots: self.roots,
            callback_root: callback_root.transpose()?,
            places: Arc::new(Semaphore::new(settings.queue)),
            under_way: Semaphore::new(settings.under_way),
            runs: Mutex::default(),
            counts: Mutex::default(),
            events,
            bell,
            settings,
        });
        let handler = Arc::new(callbacks::Callbacks(shared.clone()));
        // On its thread, which has to run for this to end.
        let begun = runtime.spawn(async move {
            let listener = listener.map(|at| Running::start(at, server_tls, handler));
            listener.transpose()
        });
        let callbacks = runtime.block_on(begun).map_err(|why| why.to_string())?;
        Ok(Consumer {
            shared,
            waiting: Mutex::new(waiting),
            numbers: std::sync::atomic::AtomicU64::new(1),
            callbacks: callbacks.map_err(|why| format!("callbacks: {why}"))?,
            runtime: Some(runtime),
        })
    }
}
