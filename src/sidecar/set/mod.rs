//! A daemon of a set: its sessions' leases and records are in a store, and sessions move between daemons.
//!
//! ```text
//! opening::open   before the daemon gives up files and networks: the store answers, names are resolved
//! Set::start      a thread beside the workers that alone talks to the store
//! Set::take, ::give, ::released   what clients asked, noted for that thread; nobody waits for it
//! ```
//! A store that answers late makes that thread late: messages go on within their leases, requests of clients answer
//! [`Error::Busy`].

mod opening;
mod thread;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::base::{Error, Result};
use crate::engine::worker::Workers;
use crate::session::Handle;
use crate::session::attend::{Attendant, Names, Notice};
use crate::store::keeper::Figures;
use crate::store::{NodeName, PrintKey, SessionName, Store};

pub(super) use opening::{Opened, open};

/// How long what a client asked for waits for it to ask again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What the thread is told.
enum Order {
    Take(SessionName),
    Give(Handle),
    GivenAway(Handle),
    Released(Handle),
    Stop,
}

/// Something that a client asked for.
struct Asked<T> {
    /// What became of it, as soon as that is known.
    answer: Option<Result<T>>,
    since: Instant,
}

impl<T> Asked<T> {
    fn now() -> Self {
        Self {
            answer: None,
            since: Instant::now(),
        }
    }
}

#[derive(Default)]
struct Desk {
    takes: HashMap<SessionName, Asked<Handle>>,
    gives: HashMap<Handle, Asked<()>>,
}

/// What the thread and the others share.
#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    present: AtomicBool,
    keys: AtomicU64,
    figures: Mutex<Figures>,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Nothing between two changes can panic.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a daemon's part in its set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It is present in the store for certain.
    pub present: bool,
    /// Keys whose leases it keeps.
    pub keys: u64,
    /// What it did so far.
    pub figures: Figures,
}

/// Looks at the standing, from any thread.
#[derive(Clone)]
pub(super) struct Look(Arc<Shared>);

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.standing().fmt(f)
    }
}

impl Look {
    pub(super) fn standing(&self) -> Standing {
        let figures = self
            .0
            .figures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Standing {
            present: self.0.present.load(Ordering::Acquire),
            keys: self.0.keys.load(Ordering::Relaxed),
            figures: *figures,
        }
    }
}

/// The daemon's part in its set. Dropped, the thread ends and nothing is given back: as after a crash.
pub(super) struct Set {
    orders: Sender<Order>,
    shared: Arc<Shared>,
    names: Arc<Names>,
    prints: PrintKey,
    node: NodeName,
    thread: Option<JoinHandle<bool>>,
    /// Sessions that nobody came for; they are given away.
    strays: Vec<Handle>,
}

impl Set {
    /// Starts the thread. No session may have been established before: fresh keys begin with a lease from here on.
    ///
    /// # Errors
    /// [`Error::Argument`] for workers without journals; [`Error::System`].
    pub(super) fn start(
        opened: Opened,
        workers: &Arc<Workers>,
        tell: impl Fn(Notice) + Send + 'static,
    ) -> Result<Self> {
        let Opened {
            keeper,
            ring,
            prints,
            before,
            ..
        } = opened;
        let node = keeper.node();
        let engines = (0..workers.len()).filter_map(|worker| workers.engine(worker));
        let tables: Vec<_> = engines.map(crate::engine::Engine::table).collect();
        let mut attendant: Attendant<Box<dyn Store>> =
            Attendant::new(&tables, keeper, ring, prints.clone())?;
        attendant.tell(tell);
        attendant.succeed(before);
        let names = Arc::clone(attendant.names());
        let shared = Arc::<Shared>::default();
        let (orders, inbox) = channel();
        let keeping = thread::Keeping {
            attendant,
            workers: Arc::clone(workers),
            shared: Arc::clone(&shared),
            inbox,
        };
        let thread = std::thread::Builder::new()
            .name("naslane-store".to_owned())
            .spawn(move || keeping.run())
            .map_err(|_| Error::System)?;
        Ok(Self {
            orders,
            shared,
            names,
            prints,
            node,
            thread: Some(thread),
            strays: Vec::new(),
        })
    }

    /// This daemon's name in the store.
    pub(super) const fn node(&self) -> NodeName {
        self.node
    }

    pub(super) fn look(&self) -> Look {
        Look(Arc::clone(&self.shared))
    }

    fn order(&self, order: Order) {
        // A thread that has ended does nothing any more, and its sessions end with their leases.
        let _ = self.orders.send(order);
    }

    /// What this client's session is called in the store.
    ///
    /// # Errors
    /// [`Error::Argument`] for a client without a name: anybody could be the next without one.
    pub(super) fn name_of(&self, (uid, client): (u32, &str), name: &[u8]) -> Result<SessionName> {
        if client.is_empty() {
            return Err(Error::Argument);
        }
        let mut whose = uid.to_be_bytes().to_vec();
        whose.extend_from_slice(client.as_bytes());
        Ok(self.prints.name(&whose, name))
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Takes a session over. `None`: the store was asked.
    pub(super) fn take(&self, name: SessionName) -> Option<Result<Handle>> {
        let mut desk = self.shared.desk();
        if let Some(asked) = desk.takes.get(&name) {
            asked.answer.as_ref()?;
            return desk.takes.remove(&name).and_then(|asked| asked.answer);
        }
        desk.takes.insert(name, Asked::now());
        drop(desk);
        self.order(Order::Take(name));
        None
    }

    /// Gives a session away. `None`: under way. After `Ok` the session is to be released, and [`Set::given_away`] to be
    /// told.
    pub(super) fn give(&self, handle: Handle) -> Option<Result<()>> {
        let mut desk = self.shared.desk();
        if let Some(asked) = desk.gives.get(&handle) {
            asked.answer.as_ref()?;
            return desk.gives.remove(&handle).and_then(|asked| asked.answer);
        }
        desk.gives.insert(handle, Asked::now());
        drop(desk);
        self.order(Order::Give(handle));
        None
    }

    /// True while a session is being given away, and until somebody hears that it was.
    pub(super) fn gives(&self, handle: Handle) -> bool {
        self.shared.desk().gives.contains_key(&handle)
    }

    /// A session that was given is released.
    pub(super) fn given_away(&self, handle: Handle) {
        self.names.forget(handle);
        self.order(Order::GivenAway(handle));
    }

    /// A session was released: it goes from the store, too.
    pub(super) fn released(&self, handle: Handle) {
        self.names.forget(handle);
        self.shared.desk().gives.remove(&handle);
        self.order(Order::Released(handle));
    }

    /// Answers that nobody came for are forgotten; sessions among them go back to the store. Those that are to be released
    /// now.
    pub(super) fn tidy(&mut self) -> Vec<Handle> {
        let mut desk = self.shared.desk();
        let late = |since: Instant| since.elapsed() > FORGOTTEN;
        let mut found = Vec::new();
        desk.takes.retain(|_, asked| match asked.answer {
            Some(answer) if late(asked.since) => {
                found.extend(answer.ok());
                false
            }
            _ => true,
        });
        drop(desk);
        self.strays.extend(found);
        let strays = std::mem::take(&mut self.strays);
        let (gone, left) = strays
            .into_iter()
            .partition(|handle| self.give(*handle).is_some());
        self.strays = left;
        gone
    }

    /// Gives every session back and ends the thread. False: the store did not take all of them in time; another node can
    /// have them as after a crash.
    pub(super) fn stop(mut self) -> bool {
        self.order(Order::Stop);
        let thread = self.thread.take();
        thread.is_none_or(|thread| thread.join().unwrap_or(false))
    }
}
