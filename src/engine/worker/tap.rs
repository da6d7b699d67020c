//! The trace tap: plain messages of single sessions, for whoever writes them down. Off unless [`super::WorkersConfig`]
//! has an outlet; with one and no session tapped, a lane group costs a relaxed load. A worker never waits for the
//! outlet: what finds no room is counted and lost.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::SystemTime;

use crate::base::Direction;
use crate::base::metrics::Metrics;
use crate::engine::job::{Job, op};
use crate::nas::header;
use crate::security::protect::LANES;

use super::stage::Stage;

/// Sessions that are tapped at a time.
pub const TAPS: usize = 16;

/// Octets of a message that are kept; of a longer one the beginning.
pub const SNAP: usize = 2048;

/// Messages that wait to be written down.
const WAITING: usize = 256;

/// A message of a tapped session.
pub struct TapRecord {
    /// The session's handle.
    pub session: u64,
    /// Since 1970, in nanoseconds.
    pub nanos: u64,
    /// As the AMF sees it.
    pub direction: Direction,
    /// The job's status. Not 0: the octets are the message as it came, nothing of it was deciphered.
    pub status: i32,
    /// Octets of the whole message.
    pub len: usize,
    octets: [u8; SNAP],
}

impl TapRecord {
    /// The message, or the beginning of a long one.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.len.min(SNAP)]
    }
}

impl fmt::Debug for TapRecord {
    /// Without the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TapRecord(..)")
    }
}

/// Where taps begin. Its other end is a [`Receiver`] of [`TapRecord`]s.
#[derive(Clone, Debug)]
pub struct TapOutlet(SyncSender<TapRecord>);

impl TapOutlet {
    /// Both ends.
    #[must_use]
    pub fn new() -> (Self, Receiver<TapRecord>) {
        let (to, from) = sync_channel(WAITING);
        (Self(to), from)
    }
}

/// Which sessions are tapped.
#[derive(Debug)]
pub struct Tap {
    outlet: TapOutlet,
    metrics: Arc<Metrics>,
    /// How many of `sessions` are not 0.
    tapped: AtomicU32,
    /// Handles; 0: free.
    sessions: [AtomicU64; TAPS],
}

impl Tap {
    pub(super) fn new(outlet: TapOutlet, metrics: Arc<Metrics>) -> Self {
        Self {
            outlet,
            metrics,
            tapped: AtomicU32::new(0),
            sessions: Default::default(),
        }
    }

    /// Any session is tapped.
    #[must_use]
    #[inline]
    pub fn is_on(&self) -> bool {
        self.tapped.load(Relaxed) != 0
    }

    /// This session is.
    #[must_use]
    pub fn has(&self, session: u64) -> bool {
        let mut sessions = self.sessions.iter();
        session != 0 && sessions.any(|own| own.load(Relaxed) == session)
    }

    /// Taps a session from now on. False: [`TAPS`] are tapped, or this one is already. One thread at a time.
    #[must_use]
    pub fn open(&self, session: u64) -> bool {
        if self.has(session) {
            return false;
        }
        let free = self.sessions.iter().find(|own| own.load(Relaxed) == 0);
        if let Some(free) = free {
            free.store(session, Relaxed);
            self.tapped.fetch_add(1, Relaxed);
        }
        free.is_some()
    }

    /// Taps it no longer.
    pub fn close(&self, session: u64) {
        for own in &self.sessions {
            if session != 0 && own.compare_exchange(session, 0, Relaxed, Relaxed).is_ok() {
                self.tapped.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Hands over a message of a tapped session.
    pub fn record(&self, (session, direction): (u64, Direction), status: i32, message: &[u8]) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut record = TapRecord {
            session,
            nanos: now.map_or(0, |now| now.as_nanos() as u64),
            direction,
            status,
            len: message.len(),
            octets: [0; SNAP],
        };
        let kept = &message[..message.len().min(SNAP)];
        record.octets[..kept.len()].copy_from_slice(kept);
        if self.outlet.0.try_send(record).is_err() {
            self.metrics.shared().tap().dropped();
        }
    }
}

/// A worker's end: messages are protected in place, so that what is tapped is copied before.
pub(super) struct Listener {
    tap: Arc<Tap>,
    octets: Box<[u8]>,
    /// Octets of each job's plain message.
    lens: [usize; LANES],
}

impl Listener {
    pub(super) fn new(tap: Arc<Tap>) -> Self {
        Self {
            tap,
            octets: vec![0; LANES * SNAP].into_boxed_slice(),
            lens: [0; LANES],
        }
    }

    /// Before jobs run.
    #[inline]
    pub(super) fn before(&mut self, stage: &Stage, (first, end): (usize, usize)) {
        if self.tap.is_on() {
            self.keep(stage, (first, end));
        }
    }

    #[cold]
    fn keep(&mut self, stage: &Stage, (first, end): (usize, usize)) {
        for index in first..end {
            let job = &stage.jobs[index];
            self.lens[index] = 0;
            if job.op == op::PROTECT && self.tap.has(job.session) {
                let plain = stage.input(index);
                let kept = plain.len().min(SNAP);
                self.octets[index * SNAP..][..kept].copy_from_slice(&plain[..kept]);
                self.lens[index] = plain.len();
            }
        }
    }

    /// After they ran.
    #[inline]
    pub(super) fn after(&self, stage: &Stage, (first, end): (usize, usize)) {
        if self.tap.is_on() {
            self.tell(stage, (first, end));
        }
    }

    #[cold]
    fn tell(&self, stage: &Stage, (first, end): (usize, usize)) {
        for index in first..end {
            let job: &Job = &stage.jobs[index];
            // A job that was refused before it ran may name anybody's session.
            if !self.tap.has(job.session) || !stage.ran(index) {
                continue;
            }
            let session = job.session;
            match (job.op, job.status) {
                (op::VERIFY, 0) => {
                    let message = (session, Direction::Uplink);
                    self.tap.record(message, 0, stage.output(index));
                }
                (op::VERIFY, status) => {
                    let message = (session, Direction::Uplink);
                    self.tap.record(message, status, stage.input(index));
                }
                (op::PROTECT, 0) if self.lens[index] > 0 => {
                    let kept = self.lens[index].min(SNAP);
                    let plain = &self.octets[index * SNAP..][..kept];
                    self.tap.record((session, Direction::Downlink), 0, plain);
                }
                (op::SMC_COMMAND | op::SMC_RESEND, 0) => {
                    self.tap.command(session, stage.output(index));
                }
                _ => {}
            }
        }
    }
}

impl Tap {
    /// Hands over a SECURITY MODE COMMAND, which is not ciphered: its header left out.
    pub fn command(&self, session: u64, pdu: &[u8]) {
        let plain = pdu.get(header::BODY..).unwrap_or_default();
        self.record((session, Direction::Downlink), 0, plain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_tapped_until_it_is_not_and_what_finds_no_room_is_counted() {
        let metrics = Metrics::new(1);
        let (outlet, from) = TapOutlet::new();
        let tap = Tap::new(outlet, metrics.clone());
        assert!(!tap.is_on() && !tap.has(0) && !tap.has(7));
        assert!(tap.open(7) && !tap.open(7) && tap.is_on());
        assert!(tap.has(7) && !tap.has(8) && !tap.has(0));
        for session in 100..100 + TAPS as u64 - 1 {
            assert!(tap.open(session));
        }
        assert!(!tap.open(200), "all are taken");
        let long = vec![7; SNAP + 9];
        for _ in 0..WAITING + 5 {
            tap.record((7, Direction::Uplink), 0, &long);
        }
        assert_eq!(metrics.snapshot().tap.dropped, 5);
        let first = from.try_recv().unwrap();
        assert_eq!((first.len, first.octets().len()), (SNAP + 9, SNAP));
        assert_eq!(format!("{first:?}"), "TapRecord(..)");
        tap.close(7);
        tap.close(7);
        assert!(!tap.has(7) && tap.open(200));
    }
}
