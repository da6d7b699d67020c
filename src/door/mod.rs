//! One engine behind three doors: on the caller's thread, on workers of this process, in a sidecar. The opening call
//! decides; verbs, handles, statuses and guarantees are the same.
//!
//! | | [`Door::inline`] | [`Door::workers`] | [`Door::connect`] |
//! |---|---|---|---|
//! | one message | here | here, on the session's shard | a round trip through a lent queue |
//! | [`Door::batch`] | here | on the workers, through a lent queue | in the sidecar, through a lent queue |
//! | [`Door::open_queue`] | here, when completions are asked for | on the workers | in the sidecar |
//! | other verbs of a session | here | here, on the session's shard | an exchange over the control socket |
//! | network slice-specific authentication | here | here, on the session's shard | not there yet |
//! | the UE half, records | here | here, on the session's shard | not there: no K_AMF leaves a sidecar |
//!
//! A lent queue belongs to the call that has it, not to the thread: a thread that comes and goes leaves nothing behind,
//! and calls at the same time get one each.

#[cfg(target_os = "linux")]
mod carry;
#[cfg(target_os = "linux")]
mod lent;
mod nssaa;
#[cfg(target_os = "linux")]
mod queue;
#[cfg(all(feature = "client", target_os = "linux"))]
mod received;
#[cfg(all(feature = "client", target_os = "linux"))]
mod remote;
mod set;
mod verbs;

use std::fmt;
use std::sync::Arc;

use crate::base::{Error, Result};
use crate::engine::{Config, Engine, Job};
#[cfg(target_os = "linux")]
use crate::engine::{QueueConfig, Workers, WorkersConfig};
use crate::security::Role;
use crate::session::record::{self, Extent};
use crate::session::{Handle, Record};

#[cfg(target_os = "linux")]
use lent::Lent;
#[cfg(target_os = "linux")]
pub use queue::Queue;
#[cfg(all(feature = "client", target_os = "linux"))]
use remote::Remote;

/// Where the engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the caller's thread.
    Inline,
    /// On workers of this process.
    Workers,
    /// In a sidecar.
    Sidecar,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline => "inline",
            Self::Workers => "workers",
            Self::Sidecar => "sidecar",
        })
    }
}

/// An engine behind one of three doors. All of it may be called from any number of threads.
pub struct Door {
    behind: Behind,
}

enum Behind {
    Inline(Arc<Engine>),
    #[cfg(target_os = "linux")]
    Workers {
        // Before the workers: what is lent to nobody is closed while they run.
        lent: Lent,
        workers: Workers,
    },
    #[cfg(all(feature = "client", target_os = "linux"))]
    Sidecar(Box<Remote>),
}

/// Where a session is.
enum Place<'a> {
    Here(&'a Engine),
    #[cfg(all(feature = "client", target_os = "linux"))]
    There(&'a Remote),
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Door {{ {} }}", self.plan())
    }
}

impl Door {
    /// An engine whose verbs run on the caller's thread.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn inline(config: &Config) -> Result<Self> {
        let behind = Behind::Inline(Arc::new(Engine::new(config)?));
        Ok(Self { behind })
    }

    /// As [`Door::inline`], with sessions that outlive a crash of this process in a directory.
    ///
    /// # Errors
    /// As [`Engine::open`].
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub fn inline_in(config: &Config, folder: &crate::session::Folder) -> Result<Self> {
        let behind = Behind::Inline(Arc::new(Engine::open(config, folder)?));
        Ok(Self { behind })
    }

    /// As [`Door::workers`], with sessions that outlive a crash of this process in a directory.
    ///
    /// # Errors
    /// As [`Workers::open`] and [`Workers::with_journals`].
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub fn workers_in(config: &WorkersConfig, folder: &crate::session::Folder) -> Result<Self> {
        let journals = Workers::open(config, folder)?;
        let behind = Behind::Workers {
            lent: Lent::new(Error::Stopped),
            workers: Workers::with_journals(config, Some(journals))?,
        };
        Ok(Self { behind })
    }

    /// The sessions that there are, also those of the process before this one that crashed; through a sidecar this
    /// client's own. In no order.
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn handles(&self) -> Result<Vec<Handle>> {
        match &self.behind {
            Behind::Inline(engine) => Ok(engine.table().handles().collect()),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => {
                let engines = (0..workers.len()).filter_map(|worker| workers.engine(worker));
                Ok(engines
                    .flat_map(|engine| engine.table().handles())
                    .collect())
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.handles(),
        }
    }

    /// An engine whose batches and queues run on workers of this process.
    ///
    /// # Errors
    /// As [`Workers::start`].
    #[cfg(target_os = "linux")]
    pub fn workers(config: &WorkersConfig) -> Result<Self> {
        let behind = Behind::Workers {
            lent: Lent::new(Error::Stopped),
            workers: Workers::start(config)?,
        };
        Ok(Self { behind })
    }

    /// The engine of the sidecar at `path`. With a `name` the client takes over the sessions that a client of this name
    /// left behind, when the sidecar keeps them.
    ///
    /// # Errors
    /// As [`crate::sidecar::connect`].
    #[cfg(all(feature = "client", target_os = "linux"))]
    pub fn connect(path: impl AsRef<std::path::Path>, name: &str) -> Result<Self> {
        let remote = Remote::connect(path.as_ref(), name)?;
        let behind = Behind::Sidecar(Box::new(remote));
        Ok(Self { behind })
    }

    /// Which door it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match &self.behind {
            Behind::Inline(_) => Kind::Inline,
            #[cfg(target_os = "linux")]
            Behind::Workers { .. } => Kind::Workers,
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(_) => Kind::Sidecar,
        }
    }

    /// Where the engine runs and how it waits, in one line for a log.
    #[must_use]
    pub fn plan(&self) -> String {
        match &self.behind {
            Behind::Inline(_) => "inline: on the caller's thread".to_owned(),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => format!("workers: {}", workers.plan()),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.plan(),
        }
    }

    /// A new session without any context.
    ///
    /// # Errors
    /// [`Error::TableFull`]; through a sidecar [`Error::Quota`], [`Error::Role`] for the UE half, which it does not
    /// have, and [`Error::Disconnected`], as every verb.
    pub fn establish(&self, role: Role) -> Result<Handle> {
        match &self.behind {
            Behind::Inline(engine) => engine.establish(role),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => workers.establish(role),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.establish(role),
        }
    }

    /// Sessions in use; through a sidecar this client's own.
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn sessions(&self) -> Result<usize> {
        match &self.behind {
            Behind::Inline(engine) => Ok(engine.sessions()),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => {
                let engines = (0..workers.len()).filter_map(|worker| workers.engine(worker));
                Ok(engines.map(Engine::sessions).sum())
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.sessions(),
        }
    }

    /// Runs a batch of jobs over one arena, as [`Engine::batch`]; every job has its status afterwards. Returns how many
    /// are OK. Messages of one session keep their order.
    ///
    /// Workers and a sidecar take inputs of up to 2^18 octets, and no more than a queue's arena holds at a time: beyond
    /// that a job is [`Error::TooLong`]. When they end meanwhile, jobs that did not run are [`Error::Stopped`], those of
    /// which that is not known [`Error::Disconnected`].
    pub fn batch(&self, jobs: &mut [Job], arena: &mut [u8]) -> usize {
        match &self.behind {
            Behind::Inline(engine) => engine.batch(jobs, arena),
            #[cfg(target_os = "linux")]
            Behind::Workers { lent, workers } => {
                lent.batch(|config| workers.open_queue(config), (jobs, arena))
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => remote.batch(jobs, arena),
        }
    }

    /// A queue for one client thread.
    ///
    /// # Errors
    /// As [`Workers::open_queue`]; through a sidecar [`Error::Quota`], [`Error::Disconnected`].
    #[cfg(target_os = "linux")]
    pub fn open_queue(&self, config: &QueueConfig) -> Result<Queue> {
        match &self.behind {
            Behind::Inline(engine) => Queue::here(engine.clone(), config),
            Behind::Workers { workers, .. } => {
                let queue = workers.open_queue(config)?;
                Ok(Queue::there(queue, Error::Stopped))
            }
            #[cfg(feature = "client")]
            Behind::Sidecar(remote) => {
                let queue = remote.open_queue(config)?;
                Ok(Queue::there(queue, Error::Disconnected))
            }
        }
    }

    fn place(&self, handle: Handle) -> Result<Place<'_>> {
        #[cfg(not(target_os = "linux"))]
        let _ = handle;
        match &self.behind {
            Behind::Inline(engine) => Ok(Place::Here(engine)),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => workers.engine_of(handle).map(Place::Here),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(remote) => Ok(Place::There(remote)),
        }
    }

    /// The engine that a session lives in, for what this type does not have: the UE half's verbs, and a look at the
    /// session. Whether the session is there only the engine can say.
    ///
    /// # Errors
    /// [`Error::Unsupported`] through a sidecar; [`Error::Handle`].
    pub fn shard(&self, handle: Handle) -> Result<&Engine> {
        match self.place(handle)? {
            Place::Here(engine) => Ok(engine),
            #[cfg(all(feature = "client", target_os = "linux"))]
            Place::There(_) => Err(Error::Unsupported),
        }
    }

    /// Writes a session down: see [`record::export`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn export(&self, handle: Handle, extent: Extent, out: &mut Record) -> Result<()> {
        record::export(self.shard(handle)?.table(), handle, extent, out)
    }

    /// The transfer failed: see [`record::resume_after_failed_transfer`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn export_cancel(&self, handle: Handle) -> Result<()> {
        record::resume_after_failed_transfer(self.shard(handle)?.table(), handle)
    }

    /// Takes up a session from its record: see [`record::import`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] through a sidecar.
    pub fn import(&self, given: &[u8]) -> Result<Handle> {
        match &self.behind {
            Behind::Inline(engine) => record::import(engine.table(), given),
            #[cfg(target_os = "linux")]
            Behind::Workers { workers, .. } => {
                let engines = (0..workers.len()).filter_map(|worker| workers.engine(worker));
                let least = engines.min_by_key(|engine| engine.sessions());
                record::import(least.ok_or(Error::Stopped)?.table(), given)
            }
            #[cfg(all(feature = "client", target_os = "linux"))]
            Behind::Sidecar(_) => Err(Error::Unsupported),
        }
    }
}
