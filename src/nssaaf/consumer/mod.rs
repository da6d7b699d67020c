//! The AMF's side of Nnssaaf_NSSAA: what the procedure wants asked is asked, what comes back is an [`Event`].
//!
//! A [`Consumer`] has a thread of its own for the network; its callers never wait. Its memory is bounded: a call that
//! finds no room says [`Busy`], and an event keeps its place taken until it was fetched.

mod callbacks;
mod exchange;
mod outcome;
mod prepared;
mod settings;

use core::fmt;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::Uri;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

use super::http::{Client, Running};
use super::service::NotificationType;
use crate::nas::nssaa::{EapMessage, SNssai};

pub use outcome::{Outcome, Outcomes, Trouble};
pub use prepared::Prepared;
pub use settings::{Callbacks, Settings};

/// There is no room now; try again after fetching events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Nnssaaf queue is full; fetch events, or raise `queue`")
    }
}

impl std::error::Error for Busy {}

/// What the AMF has to know.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// The answer to [`Consumer::begin`] or [`Consumer::proceed`]; each gets exactly one, unless it is cancelled.
    Answer {
        /// Which authentication.
        ticket: u64,
        /// What it led to. Anything but a request ends it.
        outcome: Outcome,
    },
    /// The AAA server wants a UE authenticated again, or its authorization withdrawn.
    Notification {
        /// Which of the two.
        what: NotificationType,
        /// The subscription.
        gpsi: String,
        /// The slice in the HPLMN.
        s_nssai: SNssai,
    },
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { ticket, outcome } => write!(f, "Answer({ticket:#x}, {outcome:?})"),
            Self::Notification { what, s_nssai, .. } => {
                write!(f, "Notification({what:?}, {s_nssai})")
            }
        }
    }
}

/// What a consumer did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests sent, with their repetitions.
    pub requests: u64,
    /// Repetitions among them.
    pub retries: u64,
    /// Answers and notifications that were malformed.
    pub malformed: u64,
    /// Notifications taken.
    pub notifications: u64,
    /// Those among them that revoke.
    pub revocations: u64,
    /// Notifications that were malformed; among `malformed`, too.
    pub malformed_notifications: u64,
    /// Calls and notifications that found no room.
    pub busy: u64,
}

/// An event and the place it takes.
struct Waiting {
    event: Event,
    run: u64,
    _place: OwnedSemaphorePermit,
}

/// One authentication.
struct Run {
    /// Tells this run from an older one under the same ticket.
    number: u64,
    gpsi: String,
    s_nssai: SNssai,
    /// Where the NSSAAF keeps it, once it answered.
    context: Option<Uri>,
    task: Option<AbortHandle>,
}

/// What the consumer's tasks share.
struct Shared {
    settings: Settings,
    client: Client,
    roots: Vec<Uri>,
    callback_root: Option<String>,
    places: Arc<Semaphore>,
    under_way: Semaphore,
    runs: Mutex<HashMap<u64, Run>>,
    counts: Mutex<Counts>,
    events: Sender<Waiting>,
    bell: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn runs(&self) -> MutexGuard<'_, HashMap<u64, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Busy> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            self.count(|counts| counts.busy += 1);
            Busy
        })
    }

    fn tell(&self, event: Event, run: u64, place: OwnedSemaphorePermit) {
        let waiting = Waiting {
            event,
            run,
            _place: place,
        };
        // Without a receiver the consumer is gone, and nobody wants to know.
        if self.events.send(waiting).is_ok() {
            (self.bell)();
        }
    }
}

/// The AMF's side, running.
pub struct Consumer {
    shared: Arc<Shared>,
    waiting: Mutex<Receiver<Waiting>>,
    numbers: std::sync::atomic::AtomicU64,
    callbacks: Option<Running>,
    // Last: tasks end with it.
    runtime: Option<Runtime>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Consumer({} runs)", self.shared.runs().len())
    }
}

impl Consumer {
    /// Starts the thread and, if wanted, the callbacks' server. `bell` rings from that thread whenever an event waits.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub fn start(settings: Settings, bell: Box<dyn Fn() + Send + Sync>) -> Result<Self, String> {
        Prepared::new(settings)?.start(bell)
    }

    /// Begins an authentication under a ticket of the caller's choice; one that runs under it is cancelled.
    /// `eap` is the UE's EAP-Response/Identity.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn begin(
        &self,
        ticket: u64,
        (gpsi, s_nssai): (&str, SNssai),
        eap: EapMessage<'_>,
    ) -> Result<(), Busy> {
        let place = self.shared.place()?;
        self.cancel(ticket);
        let number = self
            .numbers
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let run = Run {
            number,
            gpsi: gpsi.to_owned(),
            s_nssai,
            context: None,
            task: None,
        };
        let mut runs = self.shared.runs();
        if runs.len() >= self.shared.settings.runs {
            self.shared.count(|counts| counts.busy += 1);
            return Err(Busy);
        }
        runs.insert(ticket, run);
        self.spawn(&mut runs, ticket, eap, place);
        Ok(())
    }

    /// Takes the UE's next EAP-Response to the NSSAAF.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn proceed(&self, ticket: u64, eap: EapMessage<'_>) -> Result<(), Busy> {
        let place = self.shared.place()?;
        let mut runs = self.shared.runs();
        let ready = runs.get(&ticket).is_some_and(|run| run.context.is_some());
        if ready {
            self.spawn(&mut runs, ticket, eap, place);
        } else {
            let number = runs.get(&ticket).map_or(0, |run| run.number);
            drop(runs);
            let outcome = Outcome::Trouble(Trouble::NoRun);
            self.shared
                .tell(Event::Answer { ticket, outcome }, number, place);
        }
        Ok(())
    }

    fn spawn(
        &self,
        runs: &mut HashMap<u64, Run>,
        ticket: u64,
        eap: EapMessage<'_>,
        place: OwnedSemaphorePermit,
    ) {
        let (Some(run), Some(runtime)) = (runs.get_mut(&ticket), &self.runtime) else {
            return;
        };
        let work = exchange::Work {
            ticket,
            run: run.number,
            gpsi: run.gpsi.clone(),
            s_nssai: run.s_nssai,
            context: run.context.clone(),
            eap: eap.octets().to_vec(),
        };
        let task = runtime.spawn(exchange::exchange(self.shared.clone(), work, place));
        if let Some(older) = run.task.replace(task.abort_handle()) {
            older.abort();
        }
    }

    /// Ends an authentication: its request is given up, and no event of it comes any more.
    pub fn cancel(&self, ticket: u64) {
        let run = self.shared.runs().remove(&ticket);
        if let Some(task) = run.and_then(|run| run.task) {
            task.abort();
        }
    }

    /// The next event, if one waits.
    pub fn poll(&self) -> Option<Event> {
        self.fetch(Duration::ZERO)
    }

    /// The next event, waiting so long for it.
    pub fn wait(&self, patience: Duration) -> Option<Event> {
        self.fetch(patience)
    }

    fn fetch(&self, patience: Duration) -> Option<Event> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let next = match waiting.recv_timeout(left) {
                Ok(next) => next,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            };
            if self.current(&next) {
                return Some(next.event);
            }
        }
    }

    /// False for what was cancelled meanwhile. What ends a run takes it away.
    fn current(&self, next: &Waiting) -> bool {
        let Event::Answer { ticket, outcome } = &next.event else {
            return true;
        };
        if next.run == 0 {
            return true;
        }
        match self.shared.runs().entry(*ticket) {
            Entry::Occupied(run) if run.get().number == next.run => {
                if !matches!(outcome, Outcome::Request(_)) {
                    run.remove();
                }
                true
            }
            _ => false,
        }
    }

    /// Where the callbacks' server listens.
    #[must_use]
    pub fn callbacks(&self) -> Option<SocketAddr> {
        self.callbacks.as_ref().map(Running::address)
    }

    /// Authentications under way.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.shared.runs().len()
    }

    /// Requests that wait for an answer now.
    #[must_use]
    pub fn under_way(&self) -> usize {
        let free = self.shared.under_way.available_permits();
        self.shared.settings.under_way.saturating_sub(free)
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self
            .shared
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.callbacks = None;
        if let Some(runtime) = self.runtime.take() {
            // Not for ever: a name server that hangs holds a thread.
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}
