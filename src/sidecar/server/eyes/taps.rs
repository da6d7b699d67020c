//! The files of tapped sessions: switched on and off by the thread of the control plane, written by a thread of their
//! own. Each is bounded in octets and time, and so are the files of a daemon's life.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::base::metrics::{Metrics, TapEnd};
use crate::base::{Direction, Error, Result};
use crate::engine::worker::{Tap, TapRecord, Workers};
use crate::session::Handle;
use crate::trace::pcapng;

use crate::sidecar::config;

/// How often the writer looks for messages while a session is tapped. Nobody wakes it: a worker must not have to.
const LOOK: Duration = Duration::from_millis(10);

/// What a tap came to.
struct Ended {
    session: u64,
    why: TapEnd,
    messages: u64,
    octets: u64,
}

enum Order {
    Open(u64, File),
    Close(u64, TapEnd),
}

/// The side of the control plane.
pub(in crate::sidecar::server) struct Taps {
    config: config::Tap,
    tap: Arc<Tap>,
    orders: Option<Sender<Order>>,
    ended: Receiver<Ended>,
    writer: Option<JoinHandle<()>>,
    /// Sessions that are tapped, with the number of the file.
    open: BTreeMap<u64, u32>,
    /// Files so far.
    files: u32,
    /// The daemon's start, in seconds since 1970: names of two daemons' files differ.
    start: u64,
    own_uid: u32,
}

impl Taps {
    /// Starts the writer, while threads still can be. `None` when no session can be tapped.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub(in crate::sidecar::server) fn start(
        config: &config::Tap,
        workers: &Workers,
        records: Option<Receiver<TapRecord>>,
    ) -> std::result::Result<Option<Self>, String> {
        let (Some(tap), Some(records)) = (workers.tap(), records) else {
            return Ok(None);
        };
        let (orders, received) = channel();
        let (tell, ended) = channel();
        let writer = Writer {
            limits: config.clone(),
            tap: tap.clone(),
            metrics: workers.metrics().clone(),
            files: BTreeMap::new(),
            tell,
        };
        let thread = std::thread::Builder::new().name("naslane-tap".to_owned());
        let thread = thread.spawn(move || writer.run(&received, &records));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Ok(Some(Self {
            config: config.clone(),
            tap: tap.clone(),
            orders: Some(orders),
            ended,
            writer: Some(thread.map_err(|why| format!("[tap]: {why}"))?),
            open: BTreeMap::new(),
            files: 0,
            start: now.map_or(0, |now| now.as_secs()),
            own_uid: rustix::process::geteuid().as_raw(),
        }))
    }

    /// Begins to tap a session of this user. The number of the file, and the line for the log.
    ///
    /// # Errors
    /// As [`crate::sidecar::Client::tap`].
    pub(in crate::sidecar::server) fn on(
        &mut self,
        session: u64,
        uid: u32,
    ) -> Result<(u32, String)> {
        if !self.config.serves(uid, self.own_uid) {
            return Err(Error::Denied);
        }
        if self.open.contains_key(&session) {
            return Err(Error::Conflict);
        }
        if self.open.len() >= self.config.sessions || self.files >= self.config.files {
            return Err(Error::Quota);
        }
        let number = self.files + 1;
        let name = format!("tap-{}-{number}.pcapng", self.start);
        // Exactly these flags are let through by seccomp, exactly this directory by Landlock.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.config.directory.join(&name));
        let file = file.map_err(|_| Error::System)?;
        self.files = number;
        self.order(Order::Open(session, file))?;
        if !self.tap.open(session) {
            self.order(Order::Close(session, TapEnd::Error))?;
            return Err(Error::Quota);
        }
        self.open.insert(session, number);
        let config::Tap {
            max_bytes,
            max_seconds,
            ..
        } = self.config;
        let line = format!(
            "tap {number} on: uid {uid}, file {name}, at most {max_bytes} octets and {max_seconds} s"
        );
        Ok((number, line))
    }

    /// Ends the tap of a session; what was handed over before is still written. The number of the file.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is not tapped.
    pub(in crate::sidecar::server) fn off(&mut self, session: u64, why: TapEnd) -> Result<u32> {
        let number = *self.open.get(&session).ok_or(Error::Conflict)?;
        self.tap.close(session);
        self.order(Order::Close(session, why))?;
        Ok(number)
    }

    fn order(&self, order: Order) -> Result<()> {
        let orders = self.orders.as_ref().ok_or(Error::Stopped)?;
        orders.send(order).map_err(|_| Error::Stopped)
    }

    /// A command that the control plane wrote for a session.
    pub(in crate::sidecar::server) fn command(&self, handle: Handle, pdu: &[u8]) {
        if self.tap.is_on() && self.tap.has(handle.bits()) {
            self.tap.command(handle.bits(), pdu);
        }
    }

    /// Ends the taps of sessions that are gone, and gives a line for each tap that ended.
    pub(in crate::sidecar::server) fn look(
        &mut self,
        is_there: impl Fn(u64) -> bool,
    ) -> Vec<String> {
        let gone: Vec<u64> = self.open.keys().copied().collect();
        for session in gone.into_iter().filter(|session| !is_there(*session)) {
            // Cannot fail but when the writer is gone.
            let _ = self.off(session, TapEnd::Session);
        }
        let mut lines = Vec::new();
        for ended in self.ended.try_iter() {
            let Some(number) = self.open.remove(&ended.session) else {
                continue;
            };
            lines.push(format!(
                "tap {number} off: {}, {} messages, {} octets",
                ended.why.name(),
                ended.messages,
                ended.octets
            ));
        }
        lines
    }

    /// Writes down what is left. The last lines.
    pub(in crate::sidecar::server) fn end(&mut self) -> Vec<String> {
        let open: Vec<u64> = self.open.keys().copied().collect();
        for session in open {
            // As above.
            let _ = self.off(session, TapEnd::Off);
        }
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has closed its files.
            let _ = writer.join();
        }
        self.look(|_| true)
    }
}

/// One file.
struct Open {
    file: File,
    until: Instant,
    messages: u64,
    octets: u64,
    /// What is to be written.
    waiting: Vec<u8>,
}

struct Writer {
    limits: config::Tap,
    tap: Arc<Tap>,
    metrics: Arc<Metrics>,
    files: BTreeMap<u64, Open>,
    tell: Sender<Ended>,
}

impl Writer {
    fn run(mut self, orders: &Receiver<Order>, records: &Receiver<TapRecord>) {
        loop {
            let first = if self.files.is_empty() {
                match orders.recv() {
                    Ok(order) => Some(order),
                    Err(RecvError) => return,
                }
            } else {
                std::thread::sleep(LOOK);
                None
            };
            // Orders first: what a session said before it was closed is there by then.
            let orders: Vec<Order> = first.into_iter().chain(orders.try_iter()).collect();
            let mut closing = Vec::new();
            for order in orders {
                match order {
                    Order::Open(session, file) => self.open(session, file),
                    Order::Close(session, why) => closing.push((session, why)),
                }
            }
            for record in records.try_iter() {
                self.take(&record);
            }
            self.flush();
            for (session, why) in closing {
                self.close(session, why);
            }
            let now = Instant::now();
            let late = self.files.iter().filter(|(_, open)| now >= open.until);
            let late: Vec<u64> = late.map(|(session, _)| *session).collect();
            for session in late {
                self.close(session, TapEnd::Time);
            }
        }
    }

    fn open(&mut self, session: u64, file: File) {
        let waiting = pcapng::header();
        let open = Open {
            file,
            until: Instant::now() + Duration::from_secs(self.limits.max_seconds),
            messages: 0,
            octets: waiting.len() as u64,
            waiting,
        };
        self.metrics.shared().tap().begun();
        self.files.insert(session, open);
    }

    fn take(&mut self, record: &TapRecord) {
        let Some(open) = self.files.get_mut(&record.session) else {
            return; // its tap has ended
        };
        let comment = match (record.direction, Error::from_code(record.status)) {
            (Direction::Downlink, _) => "sent".to_owned(),
            (Direction::Uplink, None) => "verified".to_owned(),
            (Direction::Uplink, Some(error)) => format!("as it came, not verified: {error:?}"),
        };
        let block = pcapng::block_of(&pcapng::Packet {
            nanos: record.nanos,
            direction: record.direction,
            octets: record.octets(),
            len: record.len,
            comment: &comment,
        });
        if open.octets + block.len() as u64 > self.limits.max_bytes {
            let session = record.session;
            self.flush();
            self.close(session, TapEnd::Size);
            return;
        }
        open.octets += block.len() as u64;
        open.messages += 1;
        open.waiting.extend(block);
    }

    fn flush(&mut self) {
        let mut failed = Vec::new();
        for (session, open) in &mut self.files {
            if open.file.write_all(&open.waiting).is_err() {
                failed.push(*session);
            }
            open.waiting.clear();
        }
        for session in failed {
            self.close(session, TapEnd::Error);
        }
    }

    fn close(&mut self, session: u64, why: TapEnd) {
        self.tap.close(session);
        let Some(open) = self.files.remove(&session) else {
            return; // it ended before
        };
        let counters = self.metrics.shared().tap();
        counters.written(open.messages, open.octets);
        counters.ended(why);
        // The control plane may be gone.
        let _ = self.tell.send(Ended {
            session,
            why,
            messages: open.messages,
            octets: open.octets,
        });
    }
}
