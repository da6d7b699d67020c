//! The side that asks: one connection for each server, shared by all requests; redirects followed.

use core::fmt;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use hyper::{Method, Response, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::nssaaf::service;

/// Redirects followed for one request.
const REDIRECTS: usize = 5;
/// Servers whose connections are kept.
const SERVERS: usize = 1024;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// Not an absolute http or https URI, or https without TLS configured.
    Uri,
    /// No connection.
    Connect,
    /// The connection broke while the request was under way. The server may have acted on it.
    Broken,
    /// No answer in time. The server may have acted on the request.
    Timeout,
    /// A body longer than is read.
    TooLong,
    /// Too many redirects, one without a usable Location, or one from https to http.
    Redirect,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uri => "not a URI that can be asked: http, or https with [tls] configured",
            Self::Connect => "the server cannot be reached",
            Self::Broken => "the connection to the server broke",
            Self::Timeout => "the server does not answer in time",
            Self::TooLong => "the answer is too long",
            Self::Redirect => "a redirect that leads nowhere",
        })
    }
}

impl std::error::Error for HttpError {}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Media type of the body.
    pub content_type: String,
    /// Where what was made lies: absolute, however the server wrote it.
    pub location: Option<Uri>,
    /// The body.
    pub body: Bytes,
}

/// Hosts and their addresses, for a process that resolves no names any more. Others are not connected to.
pub type Names = HashMap<String, Vec<IpAddr>>;

type Sender = SendRequest<Full<Bytes>>;
type Seat = Arc<Mutex<Option<Sender>>>;

/// Connections to servers.
#[derive(Default)]
pub struct Client {
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
    names: Option<Names>,
    servers: Mutex<HashMap<String, Seat>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client(tls: {}, {:?})", self.tls.is_some(), self.timeout)
    }
}

impl Client {
    /// A client that waits so long for each step: connection, answer.
    #[must_use]
    pub fn new(tls: Option<Arc<ClientConfig>>, timeout: Duration) -> Self {
        Self {
            tls,
            timeout,
            names: None,
            servers: Mutex::default(),
        }
    }

    /// From now on names are looked up here and nowhere else; in lower case.
    #[must_use]
    pub fn knowing(mut self, names: Names) -> Self {
        self.names = Some(names);
        self
    }

    /// Asks, and follows redirects (307, 308: same method, same body).
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, method: &Method, uri: &Uri, body: &Bytes) -> Result<Answer, HttpError> {
        let mut uri = uri.clone();
        for _ in 0..=REDIRECTS {
            let answer = self.once(method, &uri, body).await?;
            let redirect = [
                StatusCode::TEMPORARY_REDIRECT,
                StatusCode::PERMANENT_REDIRECT,
            ];
            if !redirect.contains(&answer.status) {
                return Ok(answer);
            }
            let next = answer.location.ok_or(HttpError::Redirect)?;
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(HttpError::Redirect);
            }
            uri = next;
        }
        Err(HttpError::Redirect)
    }

    async fn once(&self, method: &Method, uri: &Uri, body: &Bytes) -> Result<Answer, HttpError> {
        let mut request = hyper::Request::builder().method(method).uri(uri);
        request = request.header(ACCEPT, "application/json, application/problem+json");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, service::JSON);
        }
        let request = request
            .body(Full::new(body.clone()))
            .map_err(|_| HttpError::Uri)?;
        let mut sender = self.connection(uri).await?;
        let exchange = async {
            sender.ready().await.map_err(|_| HttpError::Connect)?;
            let response = sender.send_request(request).await;
            read(uri, response.map_err(|_| HttpError::Broken)?).await
        };
        let outcome = tokio::time::timeout(self.timeout, exchange).await;
        let outcome = outcome.unwrap_or(Err(HttpError::Timeout));
        if matches!(
            outcome,
            Err(HttpError::Timeout | HttpError::Connect | HttpError::Broken)
        ) && !sender.is_ready()
        {
            self.forget(uri).await;
        }
        outcome
    }

    /// The connection to the server of a URI; made when there is none.
    async fn connection(&self, uri: &Uri) -> Result<Sender, HttpError> {
        let seat = {
            let mut servers = self.servers.lock().await;
            if servers.len() >= SERVERS {
                servers.clear();
            }
            servers.entry(server(uri)?).or_default().clone()
        };
        let mut seat = seat.lock().await;
        if let Some(sender) = &*seat
            && !sender.is_closed()
        {
            return Ok(sender.clone());
        }
        let connect = tokio::time::timeout(self.timeout, self.connect(uri));
        let sender = connect.await.unwrap_or(Err(HttpError::Connect))?;
        *seat = Some(sender.clone());
        Ok(sender)
    }

    async fn forget(&self, uri: &Uri) {
        if let Ok(server) = server(uri) {
            self.servers.lock().await.remove(&server);
        }
    }

    async fn connect(&self, uri: &Uri) -> Result<Sender, HttpError> {
        let host = uri.host().ok_or(HttpError::Uri)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16();
        match (uri.scheme_str(), &self.tls) {
            (Some("http"), _) => handshake(self.dial(host, port.unwrap_or(80)).await?).await,
            (Some("https"), Some(tls)) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| HttpError::Uri)?;
                let stream = self.dial(host, port.unwrap_or(443)).await?;
                let connector = TlsConnector::from(tls.clone());
                let stream = connector.connect(name, stream).await;
                handshake(stream.map_err(|_| HttpError::Connect)?).await
            }
            _ => Err(HttpError::Uri),
        }
    }

    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, HttpError> {
        let stream = match (&self.names, host.parse::<IpAddr>()) {
            (Some(names), Err(_)) => {
                let found = names.get(&host.to_ascii_lowercase());
                let found = found.ok_or(HttpError::Connect)?.iter();
                let places: Vec<_> = found.map(|&at| SocketAddr::new(at, port)).collect();
                TcpStream::connect(places.as_slice()).await
            }
            _ => TcpStream::connect((host, port)).await,
        };
        let stream = stream.map_err(|_| HttpError::Connect)?;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

fn server(uri: &Uri) -> Result<String, HttpError> {
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => Ok(format!("{scheme}://{authority}")),
        _ => Err(HttpError::Uri),
    }
}

async fn handshake<S>(stream: S) -> Result<Sender, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| HttpError::Connect)?;
    tokio::spawn(async move {
        // Its end shows at the senders.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn read(asked: &Uri, response: Response<Incoming>) -> Result<Answer, HttpError> {
    let (head, body) = response.into_parts();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let location = text(LOCATION).and_then(|place| absolute(asked, place));
    let content_type = text(CONTENT_TYPE).unwrap_or_default().to_owned();
    let body = Limited::new(body, service::LONGEST).collect().await;
    let body = body.map_err(|why| match why.downcast_ref::<hyper::Error>() {
        Some(_) => HttpError::Broken,
        None => HttpError::TooLong,
    })?;
    Ok(Answer {
        status: head.status,
        content_type,
        location,
        body: body.to_bytes(),
    })
}

/// A Location is a URI reference (RFC 9110 10.2.2): absolute, or a path on the server that was asked.
fn absolute(asked: &Uri, place: &str) -> Option<Uri> {
    let place: Uri = place.parse().ok()?;
    if place.scheme().is_some() {
        return Some(place);
    }
    let mut parts = asked.clone().into_parts();
    let path = place
        .path_and_query()
        .filter(|path| path.as_str().starts_with('/'))?;
    parts.path_and_query = Some(path.clone());
    Uri::from_parts(parts).ok()
}
