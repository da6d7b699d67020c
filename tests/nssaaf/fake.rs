//! Servers of a test: HTTP with answers of the test's choice, and a RADIUS server that challenges once.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use naslane::nssaaf::http::{Handler, Method, Reply, Request, Running};
use naslane::nssaaf::radius::{Builder, Packet, attribute, code};
use serde_json::Value;
use tokio::runtime::Runtime;

pub(crate) const SECRET: &str = "secret of the test";

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// What a request was.
pub(crate) type Heard = (Method, String, Value);

type Answer = Box<dyn Fn(&Heard) -> Reply + Send + Sync>;

struct Inner {
    answer: Answer,
    heard: Mutex<Vec<Heard>>,
}

impl Handler for Inner {
    async fn handle(&self, request: Request) -> Reply {
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let heard = (request.method, request.path, body);
        let reply = (self.answer)(&heard);
        self.heard.lock().unwrap().push(heard);
        reply
    }
}

/// An HTTP server.
pub(crate) struct Http {
    inner: Arc<Inner>,
    pub(crate) root: String,
    _running: Running,
    _runtime: Runtime,
}

impl Http {
    pub(crate) fn start(answer: impl Fn(&Heard) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = runtime();
        let inner = Arc::new(Inner {
            answer: Box::new(answer),
            heard: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let inside = runtime.enter();
        let running = Running::start(listener, None, inner.clone()).unwrap();
        drop(inside);
        Self {
            inner,
            root,
            _running: running,
            _runtime: runtime,
        }
    }

    /// What was asked since the last call.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.inner.heard.lock().unwrap())
    }
}

/// Type and value of every attribute of a request.
type Attributes = Vec<(u8, Vec<u8>)>;

/// A RADIUS server: a challenge for a first request, an accept for one with State.
pub(crate) struct Radius {
    pub(crate) address: SocketAddr,
    /// Attributes of every request.
    pub(crate) heard: Arc<Mutex<Vec<Attributes>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Radius {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let heard = Arc::new(Mutex::default());
        let thread = std::thread::spawn({
            let (stop, heard) = (stop.clone(), heard.clone());
            move || serve(&socket, &stop, &heard)
        });
        Self {
            address,
            heard,
            stop,
            thread: Some(thread),
        }
    }
}

fn serve(socket: &UdpSocket, stop: &AtomicBool, heard: &Mutex<Vec<Attributes>>) {
    let mut room = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut room) else {
            continue;
        };
        let asked = Packet::parse(&room[..len]).unwrap();
        let all = asked
            .attributes()
            .map(|(kind, value)| (kind, value.to_vec()));
        heard.lock().unwrap().push(all.collect());
        let reply = if asked.attribute(attribute::STATE).is_some() {
            let mut reply = Builder::new(code::ACCESS_ACCEPT, asked.identifier());
            reply.eap(&[3, 2, 0, 4]).unwrap();
            reply
        } else {
            let mut reply = Builder::new(code::ACCESS_CHALLENGE, asked.identifier());
            reply.eap(&[1, 2, 0, 6, 13, 0x20]).unwrap();
            reply.attribute(attribute::STATE, b"where we are").unwrap();
            reply
        };
        let octets = reply.reply(SECRET.as_bytes(), &asked.authenticator());
        let _ = socket.send_to(&octets, from);
    }
}

impl Drop for Radius {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
