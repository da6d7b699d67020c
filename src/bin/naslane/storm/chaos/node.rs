//! A node of the set as an AMF sees it, and calls that nobody waits for longer than he wants to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use naslane::base::{Error, Result};
use naslane::security::Identity;
use naslane::session::Handle;

/// What became of an uplink message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) plain: Vec<u8>,
    /// It was the SECURITY MODE COMPLETE that was waited for.
    pub(super) completed: bool,
}

/// The verbs that chaos needs of a node. Any of them may stand still for as long as the node does.
pub(super) trait Node: Send + Sync {
    /// A new session with a name that the set knows it by.
    fn establish(&self, name: &[u8]) -> Result<Handle>;
    fn authenticated(&self, handle: Handle, identity: Identity) -> Result<()>;
    /// SECURITY MODE COMMAND for the context of the last authentication.
    fn command(&self, handle: Handle) -> Result<Vec<u8>>;
    /// The same again. [`Error::Timeout`] when it was sent often enough.
    fn resend(&self, handle: Handle) -> Result<Vec<u8>>;
    /// The AMF gives up a security mode procedure.
    fn abort(&self, handle: Handle);
    fn protect(&self, handle: Handle, plain: &[u8]) -> Result<Vec<u8>>;
    fn verify(&self, handle: Handle, pdu: &[u8]) -> Result<Verified>;
    /// Takes a session over, or asks how far that is: [`Error::Busy`].
    fn take(&self, name: &[u8]) -> Result<Handle>;
    /// Gives a session to whichever node asks next: [`Error::Busy`] until that is done.
    fn give(&self, handle: Handle) -> Result<()>;
    fn release(&self, handle: Handle) -> Result<()>;
}

/// One life of one seat: a node that was killed comes back under the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Life {
    pub(super) seat: usize,
    pub(super) number: u64,
}

/// Why a node cannot do anything just now, and since when it can.
#[derive(Clone, Copy, Debug)]
struct Able {
    stopped: bool,
    cut: bool,
    since: Instant,
}

/// Where a node runs, or will run again.
pub(super) struct Seat {
    node: RwLock<(u64, Option<Arc<dyn Node>>)>,
    able: Mutex<Able>,
}

impl Seat {
    pub(super) fn new() -> Self {
        let able = Able {
            stopped: false,
            cut: false,
            since: Instant::now(),
        };
        Self {
            node: RwLock::new((0, None)),
            able: Mutex::new(able),
        }
    }

    /// The node and the number of its life.
    pub(super) fn node(&self) -> (u64, Option<Arc<dyn Node>>) {
        let node = self.node.read().unwrap_or_else(PoisonError::into_inner);
        (node.0, node.1.clone())
    }

    /// A node that serves from now on: another life.
    pub(super) fn begin(&self, node: Arc<dyn Node>) -> u64 {
        let mut place = self.node.write().unwrap_or_else(PoisonError::into_inner);
        *place = (place.0 + 1, Some(node));
        self.change(|_| ());
        place.0
    }

    /// The node is gone.
    pub(super) fn end(&self) {
        let mut place = self.node.write().unwrap_or_else(PoisonError::into_inner);
        place.1 = None;
    }

    fn change(&self, change: impl FnOnce(&mut Able)) {
        let mut able = self.able.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut able);
        able.since = Instant::now();
    }

    pub(super) fn set_stopped(&self, stopped: bool) {
        self.change(|able| able.stopped = stopped);
    }

    pub(super) fn set_cut(&self, cut: bool) {
        self.change(|able| able.cut = cut);
    }

    /// Since when it could serve a session, if it can.
    pub(super) fn able_since(&self) -> Option<Instant> {
        let able = *self.able.lock().unwrap_or_else(PoisonError::into_inner);
        let there = self.node().1.is_some();
        (there && !able.stopped && !able.cut).then_some(able.since)
    }
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// There is no node, or another life than was meant.
    Gone,
    /// An earlier call of this UE has not come back yet.
    Busy,
    /// This one did not come back in time. What it does later is seen by the record alone.
    Late,
}

type Call = Box<dyn FnOnce() + Send>;

/// One UE's way to one seat: a thread that stands still when the node does, so that the UE need not.
pub(super) struct Line {
    calls: Sender<Call>,
    busy: Arc<AtomicBool>,
}

impl Line {
    pub(super) fn new() -> std::io::Result<Self> {
        let (calls, work): (Sender<Call>, Receiver<Call>) = channel();
        std::thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(move || {
                while let Ok(call) = work.recv() {
                    call();
                }
            })?;
        Ok(Self {
            calls,
            busy: Arc::default(),
        })
    }

    /// Calls a node. `life`: the one that is meant; none: whichever there is. Returns its life too.
    pub(super) fn call<T: Send + 'static>(
        &self,
        (seat, life): (&Seat, Option<u64>),
        wait: Duration,
        call: impl FnOnce(&dyn Node) -> T + Send + 'static,
    ) -> std::result::Result<(u64, T), Silence> {
        let (number, node) = seat.node();
        let node = node.ok_or(Silence::Gone)?;
        if life.is_some_and(|life| life != number) {
            return Err(Silence::Gone);
        }
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(Silence::Busy);
        }
        let (tell, told) = channel();
        let busy = self.busy.clone();
        let work: Call = Box::new(move || {
            let answer = call(&*node);
            drop(node);
            busy.store(false, Ordering::Release);
            // Nobody may listen any more.
            let _ = tell.send(answer);
        });
        self.calls.send(work).map_err(|_| Silence::Gone)?;
        let answer = told.recv_timeout(wait).map_err(|_| Silence::Late)?;
        Ok((number, answer))
    }
}

/// True for answers that say: not here, not any more.
pub(super) const fn is_gone(error: Error) -> bool {
    matches!(
        error,
        Error::Handle | Error::Fenced | Error::Disconnected | Error::Stopped
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) struct Slow;

    impl Node for Slow {
        fn establish(&self, _: &[u8]) -> Result<Handle> {
            Err(Error::TableFull)
        }
        fn authenticated(&self, _: Handle, _: Identity) -> Result<()> {
            Ok(())
        }
        fn command(&self, _: Handle) -> Result<Vec<u8>> {
            Ok(Vec::new())
        }
        fn resend(&self, _: Handle) -> Result<Vec<u8>> {
            Err(Error::Timeout)
        }
        fn abort(&self, _: Handle) {}
        fn protect(&self, _: Handle, _: &[u8]) -> Result<Vec<u8>> {
            Ok(Vec::new())
        }
        fn verify(&self, _: Handle, _: &[u8]) -> Result<Verified> {
            Err(Error::Mac)
        }
        fn take(&self, _: &[u8]) -> Result<Handle> {
            Err(Error::Busy)
        }
        fn give(&self, _: Handle) -> Result<()> {
            Ok(())
        }
        fn release(&self, _: Handle) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_call_that_hangs_holds_nobody_up() {
        let (seat, line) = (Seat::new(), Line::new().unwrap());
        let now = Duration::ZERO;
        let nobody = line.call((&seat, None), now, |_| ());
        assert_eq!(nobody, Err(Silence::Gone));
        assert_eq!(seat.begin(Arc::new(Slow)), 1);
        let (go, wait) = channel::<()>();
        let late = line.call((&seat, None), Duration::from_millis(5), move |_| {
            let _ = wait.recv();
        });
        assert_eq!(late, Err(Silence::Late));
        assert_eq!(line.call((&seat, None), now, |_| ()), Err(Silence::Busy));
        drop(go);
        let answer = loop {
            let long = Duration::from_secs(5);
            match line.call((&seat, Some(1)), long, |node| node.take(&[]).err()) {
                Err(Silence::Busy) => std::thread::yield_now(),
                other => break other,
            }
        };
        assert_eq!(answer, Ok((1, Some(Error::Busy))));
        assert_eq!(line.call((&seat, Some(0)), now, |_| ()), Err(Silence::Gone));
    }

    #[test]
    fn a_node_is_able_when_nothing_holds_it() {
        let seat = Seat::new();
        assert!(seat.able_since().is_none());
        seat.begin(Arc::new(Slow));
        let first = seat.able_since().unwrap();
        seat.set_stopped(true);
        assert!(seat.able_since().is_none());
        seat.set_stopped(false);
        seat.set_cut(true);
        assert!(seat.able_since().is_none());
        seat.set_cut(false);
        assert!(seat.able_since().unwrap() >= first);
        seat.end();
        assert!(seat.able_since().is_none());
    }
}
