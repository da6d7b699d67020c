//! Workers: threads that each own a shard of the sessions and take jobs out of rings.
//!
//! A session lives in the shard of one worker for its life; its handle says which. Jobs go through a
//! [`Queue`]; everything else (establishing, authentication, release, export, diagnosis) is called on the shard's
//! [`Engine`] by whoever needs it: every verb is thread safe.

mod clock;
mod here;
mod plan;
mod run;
mod signs;
mod stage;
mod tap;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::base::metrics::{Metrics, WorkerSnapshot};
use crate::base::{Error, Result};
use crate::security::Role;
use crate::session::{Handle, Opened};

use super::queue::{Queue, QueueConfig, Side};
use super::ring::{self, Doorbell, Fault, Payload, WorkerEnd};
use super::{Config, Engine};

pub use here::Here;
pub use plan::{Cores, Machine, Plan, Wait};
pub use signs::{Signs, SignsConfig};
pub use stage::Admission;
pub use tap::{SNAP, TAPS, Tap, TapOutlet, TapRecord};
pub use watch::Watch;

use run::{Inbox, Line, Worker};

/// What workers are started with.
#[derive(Clone, Debug)]
pub struct WorkersConfig {
    /// The engine; its sessions, procedures and remembered keys are shared out over the workers.
    pub engine: Config,
    /// Workers, at most 256; 0: one for each processor but one.
    pub workers: usize,
    /// What they do when there is nothing to do.
    pub wait: Wait,
    /// How long an adaptive worker spins before it sleeps, and a client in [`Queue::wait`].
    pub spin: Duration,
    /// Where they run.
    pub cores: Cores,
    /// What shows only in several messages of a UE is looked for: for AMF halves. `None`: it is not.
    pub signs: Option<SignsConfig>,
    /// Where the messages of tapped sessions go; `None`: no session can be tapped.
    pub tap: Option<TapOutlet>,
}

impl Default for WorkersConfig {
    fn default() -> Self {
        Self {
            engine: Config::default(),
            workers: 0,
            wait: Wait::default(),
            spin: Duration::from_micros(50),
            cores: Cores::default(),
            signs: None,
            tap: None,
        }
    }
}

struct Shard {
    engine: Arc<Engine>,
    inbox: Arc<Inbox>,
    signs: Option<Arc<Signs>>,
}

/// Running workers. They stop when this is dropped.
pub struct Workers {
    shards: Vec<Shard>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    metrics: Arc<Metrics>,
    tap: Option<Arc<Tap>>,
    plan: Plan,
    stopping: Arc<AtomicBool>,
    next: AtomicUsize,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Workers {{ {} }}", self.plan)
    }
}

/// The workers' side of a queue whose client may be another process.
pub struct Attachment {
    /// One for each worker, in their order.
    pub ends: Vec<WorkerEnd>,
    /// The arena that jobs point into.
    pub payload: Payload,
    /// What the client rings for each worker.
    pub wake_workers: Vec<Arc<Doorbell>>,
    /// What the workers ring for the client.
    pub wake_client: Arc<Doorbell>,
    /// Asked before each job: may this client do this? An error is the job's status.
    pub admit: Option<Admission>,
}

/// An attachment that workers serve. Dropped: they finish what was submitted and close the rings.
#[must_use = "dropped at once, it closes the queue"]
pub struct Attached {
    left: Arc<AtomicBool>,
    inboxes: Vec<Arc<Inbox>>,
    fault: Arc<OnceLock<Fault>>,
}

impl Attached {
    /// Why a worker put a ring of it under quarantine: the first reason.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.fault.get().copied()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.left.store(true, Ordering::Release);
        self.inboxes.iter().for_each(|inbox| inbox.tell());
    }
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attached {{ {} workers }}", self.inboxes.len())
    }
}

impl Workers {
    /// Makes the shards and starts a thread for each.
    ///
    /// # Errors
    /// Those of [`Engine::new`]; [`Error::Argument`] for more than 256 workers or cores that are not there or too
    /// few; [`Error::System`] when a thread or file descriptor is refused.
    pub fn start(config: &WorkersConfig) -> Result<Self> {
        Self::with_journals(config, None)
    }

    /// What [`Workers::with_journals`] needs of a directory that sessions outlive a crash in. Apart from it, because a
    /// process may give up opening files before it starts threads.
    ///
    /// # Errors
    /// Those of [`Folder::open`](crate::session::Folder::open), and [`Error::Argument`] as [`Workers::start`].
    #[cfg(feature = "survive")]
    pub fn open(config: &WorkersConfig, folder: &crate::session::Folder) -> Result<Opened> {
        config.engine.check()?;
        let workers = Plan::new(config, Machine::detect())?.cores.len();
        folder.open(&Self::share(&config.engine, workers).table(), workers)
    }

    /// What [`Workers::with_journals`] needs for sessions whose leases a store keeps: lines that end with the process, and
    /// keys whose fingerprints are those of the set.
    ///
    /// # Errors
    /// [`Error::Argument`] as [`Workers::start`].
    pub fn leased(config: &WorkersConfig, prints: &crate::store::PrintKey) -> Result<Opened> {
        config.engine.check()?;
        let workers = Plan::new(config, Machine::detect())?.cores.len();
        let share = Self::share(&config.engine, workers);
        let journals = (0..workers).map(|_| crate::session::Journal::in_memory(share.sessions));
        Ok(Opened {
            keys: Arc::new(share.key_memory(workers).keyed(prints.clone())),
            journals: journals.collect(),
        })
    }

    /// As [`Workers::leased`], with lines in a directory that the next process on this host finds; and where the keys of
    /// the process before this one stood.
    ///
    /// # Errors
    /// As there, and those of [`Journal::succeed`](crate::session::Journal::succeed).
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub fn leased_in(
        config: &WorkersConfig,
        prints: &crate::store::PrintKey,
        (path, node): (&std::path::Path, crate::store::NodeName),
    ) -> Result<(
        Opened,
        std::collections::HashMap<u64, crate::session::Before>,
    )> {
        config.engine.check()?;
        let workers = Plan::new(config, Machine::detect())?.cores.len();
        let share = Self::share(&config.engine, workers);
        let tables = (workers, share.sessions);
        let succession = crate::session::Journal::succeed(path, tables, node)?;
        let opened = Opened {
            keys: Arc::new(share.key_memory(workers).keyed(prints.clone())),
            journals: succession.journals,
        };
        Ok((opened, succession.before))
    }

    /// What one of so many shards is made for.
    fn share(engine: &Config, workers: usize) -> Config {
        let share = |total: usize| total.div_ceil(workers);
        Config {
            sessions: share(engine.sessions),
            procedures: share(engine.procedures),
            remembered_keys: share(engine.remembered_keys),
            ..engine.clone()
        }
    }

    /// As [`Workers::start`], with a journal for each worker.
    ///
    /// # Errors
    /// As [`Workers::start`]; [`Error::Argument`] for another number of journals or sessions.
    pub fn with_journals(config: &WorkersConfig, opened: Option<Opened>) -> Result<Self> {
        config.engine.check()?;
        let plan = Plan::new(config, Machine::detect())?;
        let workers = plan.cores.len();
        let engine = Self::share(&config.engine, workers);
        let Opened { keys, journals } = match opened {
            None => Opened {
                keys: Arc::new(engine.key_memory(workers)),
                journals: Vec::new(),
            },
            Some(opened) if opened.journals.len() != workers => return Err(Error::Argument),
            Some(opened) => opened,
        };
        let mut journals = journals.into_iter();
        let stopping = Arc::new(AtomicBool::new(false));
        let metrics = Metrics::new(workers);
        let asked = config;
        let mut shards = Vec::with_capacity(workers);
        for worker in 0..=u8::MAX {
            if shards.len() == workers {
                break;
            }
            let config = Config {
                worker,
                ..engine.clone()
            };
            let engine = Engine::with_journal(&config, keys.clone(), journals.next())?;
            let signs = asked
                .signs
                .map(|signs| Arc::new(Signs::new(&engine, signs, metrics.clone())));
            shards.push(Shard {
                engine: Arc::new(engine),
                signs,
                inbox: Arc::new(Inbox::new(stopping.clone())?),
            });
        }
        // From here on, dropping it stops the threads that were started.
        let started = Self {
            tap: (asked.tap.clone()).map(|outlet| Arc::new(Tap::new(outlet, metrics.clone()))),
            metrics,
            shards,
            threads: Mutex::new(Vec::with_capacity(workers)),
            plan,
            stopping,
            next: AtomicUsize::new(0),
        };
        for (number, shard) in started.shards.iter().enumerate() {
            let thread = started.spawn(number, shard)?;
            started.threads().push(thread);
        }
        Ok(started)
    }

    fn spawn(&self, number: usize, shard: &Shard) -> Result<JoinHandle<()>> {
        let inbox = shard.inbox.clone();
        let metrics = self.metrics.worker(number).ok_or(Error::System)?;
        let recorder = metrics.recorder().ok_or(Error::System)?;
        let how = (self.plan.wait, self.plan.spin);
        let mut worker = Worker::new(shard.engine.clone(), inbox, recorder, how)?;
        let tap = self.tap.clone().map(tap::Listener::new);
        worker.watched_by(shard.signs.clone(), tap);
        let core = self.plan.cores[number];
        std::thread::Builder::new()
            .name(format!("naslane-{number}"))
            .spawn(move || {
                if let Some(core) = core {
                    // Was allowed a moment ago; a worker that runs elsewhere is slower and no worse.
                    let _ = plan::pin(core);
                }
                worker.run();
            })
            .map_err(|_| Error::System)
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was decided about workers, processors and waiting.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.shards.len()
    }

    /// Never: there is one at least.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// A new session, in the shards in turn.
    ///
    /// # Errors
    /// [`Error::TableFull`] when every shard is full.
    pub fn establish(&self, role: Role) -> Result<Handle> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        let (before, after) = self.shards.split_at(first);
        let mut result = Err(Error::TableFull);
        for shard in after.iter().chain(before) {
            result = shard.engine.establish(role);
            if result != Err(Error::TableFull) {
                break;
            }
        }
        result
    }

    /// The shard that a session lives in.
    ///
    /// # Errors
    /// [`Error::Handle`]: there is no such worker. Whether the session is there only its engine can say.
    pub fn engine_of(&self, handle: Handle) -> Result<&Engine> {
        let shard = self.shards.get(usize::from(handle.worker()));
        shard.map(|shard| &*shard.engine).ok_or(Error::Handle)
    }

    /// The shard of a worker.
    #[must_use]
    pub fn engine(&self, worker: usize) -> Option<&Engine> {
        self.shards.get(worker).map(|shard| &*shard.engine)
    }

    /// A queue for one client thread.
    ///
    /// # Errors
    /// [`Error::Argument`] for a number of entries that is no power of two from 8 to 4096 or an arena without
    /// octets or of 2^32 and more; [`Error::System`]; [`Error::Stopped`].
    pub fn open_queue(&self, config: &QueueConfig) -> Result<Queue> {
        let mut clients = Vec::with_capacity(self.len());
        let (mut ends, mut wake_workers) = (Vec::new(), Vec::new());
        for _ in &self.shards {
            let (client, worker) = ring::pair(config.entries)?;
            let bell = Arc::new(Doorbell::new()?);
            clients.push(Side {
                end: client,
                wake_worker: bell.clone(),
            });
            ends.push(worker);
            wake_workers.push(bell);
        }
        let payload = Payload::allocate(config.arena)?;
        let wake_client = Arc::new(Doorbell::new()?);
        let attached = self.attach(Attachment {
            ends,
            payload: payload.clone(),
            wake_workers,
            wake_client: wake_client.clone(),
            admit: None,
        })?;
        let mut queue = Queue::new(clients, payload, wake_client, self.plan.spin);
        queue.served_by(attached, self.stopping.clone());
        Ok(queue)
    }

    /// Serves a queue whose client's side somebody else has.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are as many ends and doorbells as workers; [`Error::Stopped`].
    pub fn attach(&self, attachment: Attachment) -> Result<Attached> {
        let Attachment {
            ends,
            payload,
            wake_workers,
            wake_client,
            admit,
        } = attachment;
        if ends.len() != self.len() || wake_workers.len() != self.len() {
            return Err(Error::Argument);
        }
        // Dropped on an error: the lines that were handed in are given up.
        let attached = Attached {
            left: Arc::default(),
            fault: Arc::default(),
            inboxes: self
                .shards
                .iter()
                .map(|shard| shard.inbox.clone())
                .collect(),
        };
        let both = ends.into_iter().zip(wake_workers);
        for (inbox, (end, wake_worker)) in attached.inboxes.iter().zip(both) {
            inbox.hand_in(Line {
                end,
                payload: payload.clone(),
                wake_worker,
                wake_client: wake_client.clone(),
                admit: admit.clone(),
                left: attached.left.clone(),
                fault: attached.fault.clone(),
                grace: None,
            })?;
        }
        Ok(attached)
    }

    /// What several messages of a UE showed, for its shard; `None` when that is not looked for.
    #[must_use]
    pub fn signs(&self, worker: usize) -> Option<&Signs> {
        self.shards.get(worker)?.signs.as_deref()
    }

    /// The trace tap, if there is an outlet.
    #[must_use]
    pub const fn tap(&self) -> Option<&Arc<Tap>> {
        self.tap.as_ref()
    }

    /// What each worker did so far.
    #[must_use]
    pub fn stats(&self) -> Vec<WorkerSnapshot> {
        self.metrics.snapshot().workers
    }

    /// The counters of all workers, and those that they share with whoever runs them.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Stops: queues take no more jobs, what they took is finished, the threads end. Returns when they have. Jobs
    /// that came too late are reaped with [`Error::Stopped`].
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.shards.iter().for_each(|shard| shard.inbox.tell());
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            // A worker that panicked has closed its rings as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}
