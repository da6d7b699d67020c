//! What an engine is started with.

use crate::base::{Error, Result};
use crate::procedure::smc::SmcSettings;
use crate::security::count::LIMIT;
use crate::security::{OutOfOrder, Settings, Thresholds};
use crate::session::handle::MAX_SLOTS;
use crate::session::{KeyMemory, TableConfig};

/// Limits and policy of an engine. [`Config::default`] suits a test bench; set `sessions` for production.
#[derive(Clone, Debug)]
pub struct Config {
    /// Sessions that the table holds, 1..=2^28. Memory is taken at start: at most 640 octets each.
    pub sessions: usize,
    /// UEs that may have a security mode procedure or a second context at the same time. Default: `sessions`.
    pub procedures: usize,
    /// Keys of released sessions that the guard remembers, so that they are not used again at a lower COUNT.
    pub remembered_keys: usize,
    /// Width of the out-of-order window for received messages, 0 (off, the default) to 64.
    pub out_of_order: u8,
    /// From which COUNT on messages carry warnings.
    pub thresholds: Thresholds,
    /// The operator's algorithm lists and the limits of the security mode procedure.
    pub smc: SmcSettings,
    /// Number in the top 8 bits of every handle, for processes with several tables.
    pub worker: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self::for_sessions(65_536)
    }
}

impl Config {
    /// The defaults for a table of this size.
    #[must_use]
    pub fn for_sessions(sessions: usize) -> Self {
        Self {
            sessions,
            procedures: sessions,
            remembered_keys: sessions,
            out_of_order: 0,
            thresholds: Thresholds::default(),
            smc: SmcSettings::default(),
            worker: 0,
        }
    }

    /// A key memory for `shards` engines of this kind, for [`crate::Engine::shard`].
    #[must_use]
    pub fn key_memory(&self, shards: usize) -> KeyMemory {
        self.table().key_memory(shards)
    }

    pub(super) fn check(&self) -> Result<()> {
        let Thresholds { warning, urgent } = self.thresholds;
        let sane = (1..=MAX_SLOTS).contains(&self.sessions)
            && self.procedures <= MAX_SLOTS
            && self.remembered_keys <= MAX_SLOTS
            && self.out_of_order <= 64
            && warning <= urgent
            && urgent <= LIMIT
            && self.smc.retransmissions <= 16;
        if sane { Ok(()) } else { Err(Error::Argument) }
    }

    pub(super) fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            out_of_order: OutOfOrder::from_width(self.out_of_order)?,
            thresholds: self.thresholds,
        })
    }

    pub(super) const fn table(&self) -> TableConfig {
        TableConfig {
            sessions: self.sessions,
            procedures: self.procedures,
            remembered_keys: self.remembered_keys,
            worker: self.worker,
        }
    }
}
