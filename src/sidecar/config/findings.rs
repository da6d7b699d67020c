//! What several messages of a UE show together, and from when on.

use serde::Deserialize;

use crate::engine::worker::SignsConfig;

/// From when on something is a finding.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Findings {
    /// Silence of a UE after SECURITY MODE COMPLETE that is a stall, in seconds; 0: never.
    pub stall_seconds: u16,
    /// Downlink messages without an uplink one that are no storm, at most 254; 0: never.
    pub downlinks: u8,
    /// Seconds between two lines of the log about the same code; 0: no lines.
    pub log_seconds: u64,
}

impl Default for Findings {
    fn default() -> Self {
        let SignsConfig {
            stall_seconds,
            downlinks,
        } = SignsConfig::default();
        Self {
            stall_seconds,
            downlinks,
            log_seconds: 10,
        }
    }
}

impl Findings {
    /// The same for the workers.
    #[must_use]
    pub const fn signs(&self) -> SignsConfig {
        SignsConfig {
            stall_seconds: self.stall_seconds,
            downlinks: self.downlinks,
        }
    }

    pub(super) const fn check(&self) -> Result<(), &'static str> {
        if self.downlinks == u8::MAX {
            return Err("findings.downlinks: at most 254");
        }
        if self.stall_seconds > 3600 {
            return Err("findings.stall_seconds: at most 3600");
        }
        Ok(())
    }
}
