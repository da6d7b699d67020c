//! The runner of slice authentication in the daemon, and the sessions that wait for their clients.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::{Error, Result};
use crate::engine::Engine;
use crate::engine::nssaa::NSSAA_ROOM;
use crate::engine::ring::Doorbell;
use crate::nssaaf::consumer::{Outcomes, Prepared};
use crate::nssaaf::runner::{Runner, Sessions, Todo};
use crate::procedure::nssaa::{Action, Event, Share};
use crate::session::Handle;

use super::super::super::config;
use super::super::super::exposition::SliceFigures;
use super::Home;

/// What needs files, names and ports, and no thread.
pub(in super::super) struct Opened(Prepared);

impl Opened {
    /// Ports that are connected to.
    pub(in super::super) fn ports(&self) -> &[u16] {
        self.0.ports()
    }
}

/// Reads files, resolves names and takes the callbacks' port, if the daemon is to ask the NSSAAF.
///
/// # Errors
/// What is wrong, as a sentence.
pub(in super::super) fn open(
    settings: &config::Nssaa,
) -> std::result::Result<Option<Opened>, String> {
    if !settings.wanted() {
        return Ok(None);
    }
    let prepared = Prepared::with_names(settings.settings()?, &settings.redirects);
    let prepared = prepared.map_err(|why| format!("[nssaa]: {why}"))?;
    Ok(Some(Opened(prepared)))
}

/// The runner's share of the sessions: what only an AMF can do is left in them.
struct Ours<'a> {
    home: Home<'a>,
    /// Sessions to which anything was done.
    touched: RefCell<BTreeSet<u64>>,
}

impl<'a> Ours<'a> {
    fn of(home: Home<'a>) -> Self {
        Self {
            home,
            touched: RefCell::default(),
        }
    }

    fn engine(&self, handle: Handle) -> Result<&'a Engine> {
        self.home.workers.engine_of(handle)
    }
}

impl Sessions for Ours<'_> {
    fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>> {
        self.engine(handle)?
            .nssaa_poll_of(handle, Share::Runner, out)
    }

    fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()> {
        self.touched.borrow_mut().insert(handle.bits());
        self.engine(handle)?.nssaa_event(handle, event)
    }

    fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        self.engine(handle)?.nssaa_gpsi(handle)
    }
}

/// What waits for one client.
#[derive(Default)]
struct Desk {
    ready: BTreeSet<u64>,
    /// Once it asked for one.
    bell: Option<Doorbell>,
}

impl Desk {
    fn ring(&self) {
        if let Some(bell) = self.bell.as_ref().filter(|_| !self.ready.is_empty()) {
            bell.ring();
        }
    }
}

/// See the head of this file. Dropped, its threads end.
pub(in super::super) struct Hosting {
    runner: Runner,
    bell: Arc<Doorbell>,
    /// Sessions that another daemon took over.
    lost: (Sender<Handle>, Receiver<Handle>),
    /// By tenant.
    desks: HashMap<u64, Desk>,
    room: Box<[u8]>,
    figures: Arc<Mutex<SliceFigures>>,
    counted: Instant,
}

/// How old figures are at most while anything happens.
const STALE: Duration = Duration::from_millis(100);

impl Hosting {
    /// Starts the threads; they run when this returns.
    ///
    /// # Errors
    /// What went wrong, as a sentence.
    pub(in super::super) fn start(Opened(prepared): Opened) -> std::result::Result<Self, String> {
        let bell = Arc::new(Doorbell::new().map_err(|error| error.to_string())?);
        let rung = Arc::clone(&bell);
        let consumer = prepared.start(Box::new(move || rung.ring()));
        let consumer = consumer.map_err(|why| format!("[nssaa]: {why}"))?;
        Ok(Self {
            runner: Runner::new(consumer),
            bell,
            lost: channel(),
            desks: HashMap::new(),
            room: vec![0; NSSAA_ROOM].into(),
            figures: Arc::default(),
            counted: Instant::now(),
        })
    }

    /// Rings when the NSSAAF said something.
    pub(in super::super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Tells that another daemon took a session over; from any thread.
    pub(in super::super) fn mourner(&self) -> impl Fn(Handle) + Send + 'static {
        let (lost, bell) = (self.lost.0.clone(), Arc::clone(&self.bell));
        move |handle| {
            // Without a host there is nobody to hear it.
            if lost.send(handle).is_ok() {
                bell.ring();
            }
        }
    }

    /// Where notifications are taken.
    pub(in super::super) fn callbacks(&self) -> Option<std::net::SocketAddr> {
        self.runner.consumer().callbacks()
    }

    pub(in super::super) fn figures(&self) -> Arc<Mutex<SliceFigures>> {
        Arc::clone(&self.figures)
    }

    /// When the next timer expires.
    pub(in super::super) fn next(&self) -> Option<Instant> {
        self.runner.next_expiry()
    }

    /// Takes what the NSSAAF said and timers that expired.
    pub(in super::super) fn turn(&mut self, home: Home<'_>) {
        self.bell.silence();
        while let Ok(handle) = self.lost.1.try_recv() {
            self.forget(handle);
        }
        let ours = Ours::of(home);
        let mut gone = Vec::new();
        (self.runner).turn(&ours, Duration::ZERO, &mut |handle, todo| {
            gone.extend(stuck(handle, todo));
        });
        self.settle(ours, gone);
    }

    /// Takes a session on that has slices; one that is known already hears of a subscription that changed.
    pub(in super::super) fn take(&mut self, home: Home<'_>, handle: Handle) {
        let ours = Ours::of(home);
        if self.runner.attend(&ours, handle).is_ok() {
            self.drive(home, handle);
            self.look(home, handle);
        }
    }

    /// Does what the session wants of the runner.
    pub(in super::super) fn drive(&mut self, home: Home<'_>, handle: Handle) {
        let ours = Ours::of(home);
        // One that could not be driven for a while is taken on again; one without slices is not.
        if !self.runner.has(handle) && self.runner.attend(&ours, handle).is_err() {
            return;
        }
        let mut gone = Vec::new();
        self.runner.drive(&ours, handle, &mut |handle, todo| {
            gone.extend(stuck(handle, todo));
        });
        self.settle(ours, gone);
    }

    /// After anything was done: who is gone is forgotten, who wants something of its AMF is named to it.
    fn settle(&mut self, ours: Ours<'_>, gone: Vec<Handle>) {
        gone.into_iter().for_each(|handle| self.forget(handle));
        let touched = ours.touched.into_inner();
        for handle in touched.into_iter().flat_map(Handle::from_bits) {
            self.look(ours.home, handle);
        }
    }

    /// Names a session to its client if it wants something of it.
    pub(in super::super) fn look(&mut self, home: Home<'_>, handle: Handle) {
        let (Ok(engine), Some(tenant)) = (
            home.workers.engine_of(handle),
            home.owners.tenant_of(handle),
        ) else {
            return;
        };
        // Without slices it wants nothing.
        if engine.nssaa_owes(handle, Share::Amf, &mut self.room) != Ok(true) {
            return;
        }
        let desk = self.desks.entry(tenant).or_default();
        if desk.ready.insert(handle.bits()) {
            desk.ring();
        }
    }

    /// A client took what there was; `more`: as much as it had room for.
    pub(in super::super) fn taken(&mut self, home: Home<'_>, handle: Handle, more: bool) {
        if more {
            return self.look(home, handle);
        }
        let tenant = home.owners.tenant_of(handle);
        if let Some(desk) = tenant.and_then(|tenant| self.desks.get_mut(&tenant)) {
            desk.ready.remove(&handle.bits());
        }
    }

    /// Lets a session go; its question is given up.
    pub(in super::super) fn forget(&mut self, handle: Handle) {
        if self.runner.has(handle) {
            self.runner.forget(handle);
            for desk in self.desks.values_mut() {
                desk.ready.remove(&handle.bits());
            }
        }
    }

    /// Sessions of a client that want something of it, `most` of them; they are not named again until they want more.
    pub(in super::super) fn ready(&mut self, tenant: u64, most: usize) -> Vec<u64> {
        let Some(desk) = self.desks.get_mut(&tenant) else {
            return Vec::new();
        };
        let named: Vec<u64> = desk.ready.iter().take(most).copied().collect();
        for handle in &named {
            desk.ready.remove(handle);
        }
        desk.ring(); // for the others
        named
    }

    /// The eventfd of a client: readable while [`Hosting::ready`] has something to tell.
    ///
    /// # Errors
    /// [`Error::System`].
    pub(in super::super) fn bell_of(&mut self, tenant: u64) -> Result<OwnedFd> {
        let desk = self.desks.entry(tenant).or_default();
        let bell = match desk.bell.take() {
            Some(bell) => bell,
            None => Doorbell::new()?,
        };
        let copy = bell.as_fd().try_clone_to_owned();
        desk.bell = Some(bell);
        desk.ring();
        copy.map_err(|_| Error::System)
    }

    /// A client went away. What its sessions want is looked up again when it comes back.
    pub(in super::super) fn part(&mut self, tenant: u64) {
        self.desks.remove(&tenant);
    }

    /// Figures for whoever asks over HTTP.
    pub(in super::super) fn count_sometimes(&mut self) {
        if self.counted.elapsed() < STALE {
            return;
        }
        self.counted = Instant::now();
        let consumer = self.runner.consumer();
        let counts = consumer.counts();
        let answers = Outcomes::NAMES
            .into_iter()
            .zip(*self.runner.outcomes().rows());
        let figures = SliceFigures {
            sessions: self.runner.sessions() as u64,
            runs: consumer.runs() as u64,
            under_way: consumer.under_way() as u64,
            waiting: self
                .desks
                .values()
                .map(|desk| desk.ready.len() as u64)
                .sum(),
            requests: counts.requests,
            retries: counts.retries,
            answers: answers.collect(),
            re_authentications: counts.notifications - counts.revocations,
            revocations: counts.revocations,
            malformed: counts.malformed_notifications,
            busy: counts.busy,
        };
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }
}

/// A session that the runner can do nothing for any more.
fn stuck(handle: Handle, todo: Todo<'_>) -> Option<Handle> {
    matches!(todo, Todo::Stuck(_)).then_some(handle)
}
