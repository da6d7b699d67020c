//! The side that listens: bounded in connections, streams, octets and time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::nssaaf::service::{self, Cause, ProblemDetails};

/// Connections at a time. Consumers hold one each; more wait in the listener.
const CONNECTIONS: usize = 256;
/// Requests at a time on one connection.
const STREAMS: u32 = 1024;
/// Time for a TLS handshake, and for the body of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time that requests under way have when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

/// A request whose body has come.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, PUT.
    pub method: Method,
    /// Path, without the query.
    pub path: String,
    /// Media type of the body; empty without one.
    pub content_type: String,
    /// At most [`service::LONGEST`] octets.
    pub body: Bytes,
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Where what was made lies, or where to go instead.
    pub location: Option<String>,
    /// Media type; empty without a body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: service::JSON,
            body,
            location: None,
        }
    }

    /// An error.
    #[must_use]
    pub fn problem(problem: &ProblemDetails) -> Self {
        let status = problem
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type: service::PROBLEM,
            body: service::write(problem),
            location: None,
        }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        if !self.content_type.is_empty() {
            let value = HeaderValue::from_static(self.content_type);
            response.headers_mut().insert(CONTENT_TYPE, value);
        }
        if let Some(value) = self.location.and_then(|place| place.try_into().ok()) {
            response.headers_mut().insert(LOCATION, value);
        }
        response
    }
}

/// What answers.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// A server that runs; dropped, it stops at once. [`Running::stop`] lets requests end.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Serves on a listener; call it on a tokio runtime.
    ///
    /// # Errors
    /// The system refused to wait for the listener.
    pub fn start<H: Handler>(
        listener: std::net::TcpListener,
        tls: Option<Arc<ServerConfig>>,
        handler: Arc<H>,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(
            listener,
            tls.map(TlsAcceptor::from),
            handler,
            stopped,
        ));
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and waits for the requests under way, three seconds at most.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(DRAIN + PATIENCE, &mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H: Handler>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handler: Arc<H>,
    mut stopped: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else {
            break;
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors: wait for some to come back.
                Err(_) => { tokio::time::sleep(Duration::from_millis(50)).await; continue }
            },
            _ = stopped.changed() => break,
        };
        let (tls, handler, watcher) = (tls.clone(), handler.clone(), graceful.watcher());
        let mut gone = stopped.clone();
        tokio::spawn(async move {
            let _seat = seat;
            tokio::select! {
                () = connection(stream, tls, handler, watcher) => (),
                // The listener's task was dropped without a word: so are its connections.
                () = async { while gone.changed().await.is_ok() {} } => (),
            }
        });
    }
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

async fn connection<H: Handler>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    handler: Arc<H>,
    watcher: Watcher,
) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, handler, watcher).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(PATIENCE, tls.accept(stream)).await;
            if let Ok(Ok(stream)) = handshake {
                serve(stream, handler, watcher).await;
            }
        }
    }
}

async fn serve<H: Handler, S>(stream: S, handler: Arc<H>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(answer(&*handler, request).await.into_response()) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong on a connection ends the connection; its requests are retried by whoever made them.
    let _ = watcher.watch(connection).await;
}

async fn answer<H: Handler>(handler: &H, request: hyper::Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, service::LONGEST).collect();
    let body = match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Reply::empty(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return Reply::empty(StatusCode::REQUEST_TIMEOUT),
    };
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    if !body.is_empty() && !service::is_json(&content_type) {
        let mut problem = Cause::InvalidMsgFormat.problem("the body must be application/json");
        problem.status = Some(StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16());
        return Reply::problem(&problem);
    }
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        content_type,
        body,
    };
    handler.handle(request).await
}
