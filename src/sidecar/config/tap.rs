//! Whether single sessions may be tapped, by whom, and how much is written.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::engine::worker::TAPS;

/// The trace tap. Off without a directory.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Tap {
    /// Where the files go; empty: no session can be tapped.
    pub directory: PathBuf,
    /// Users who may tap sessions of theirs. None here: the daemon's own user only.
    pub allow_uids: Vec<u32>,
    /// Octets of a file, after which its tap ends.
    pub max_bytes: u64,
    /// Seconds after which a tap ends.
    pub max_seconds: u64,
    /// Sessions tapped at a time.
    pub sessions: usize,
    /// Files until the daemon's end.
    pub files: u32,
}

impl Default for Tap {
    fn default() -> Self {
        Self {
            directory: PathBuf::new(),
            allow_uids: Vec::new(),
            max_bytes: 8 << 20,
            max_seconds: 600,
            sessions: 4,
            files: 32,
        }
    }
}

impl Tap {
    /// Sessions can be tapped.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.directory.as_os_str().is_empty()
    }

    /// The directory, if sessions can be tapped.
    #[must_use]
    pub fn writes_to(&self) -> Option<&Path> {
        self.is_on().then_some(self.directory.as_path())
    }

    /// This user may.
    #[must_use]
    pub fn serves(&self, uid: u32, own: u32) -> bool {
        if self.allow_uids.is_empty() {
            uid == own
        } else {
            self.allow_uids.contains(&uid)
        }
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.sessions == 0 || self.sessions > TAPS {
            return Err("tap.sessions: 1 to 16");
        }
        if self.max_bytes < 4096 || self.max_seconds == 0 || self.files == 0 {
            return Err("tap: max_bytes of 4096 at least, max_seconds and files above 0");
        }
        if self.is_on() && !self.directory.is_absolute() {
            return Err("tap.directory: an absolute path");
        }
        Ok(())
    }
}
