//! Whether sessions outlive a crash of the daemon, and where.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::Error;
use crate::session::Folder;
use crate::store::KeyRing;

/// The directory of COUNTs and sealed records.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Survive {
    /// The directory; empty: sessions end with the daemon.
    pub dir: PathBuf,
    /// Where the key-encryption keys are: `file:PATH`, `credential:NAME` or `env:NAME`.
    pub kek: String,
}

impl Default for Survive {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            kek: "credential:naslane-kek".to_owned(),
        }
    }
}

impl Survive {
    /// The directory, if there is to be one.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        Some(self.dir.as_path()).filter(|dir| !dir.as_os_str().is_empty())
    }

    /// The directory with its keys, if there is to be one.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn folder(&self) -> Result<Option<Folder>, String> {
        if self.directory().is_none() {
            return Ok(None);
        }
        let ring = KeyRing::from_source(&self.kek).map_err(|error| {
            let why = match error {
                Error::System => "cannot be read",
                _ => "no key-encryption keys: one a line, 8 and 64 hexadecimal digits",
            };
            format!("[survive] kek = {:?}: {why}", self.kek)
        })?;
        Ok(Some(Folder::new(&self.dir, ring)))
    }

    /// Why the directory could not be taken.
    #[must_use]
    pub fn refusal(&self, error: Error) -> String {
        let why = match error {
            Error::Busy => "another daemon has it".to_owned(),
            Error::Record => {
                "made for other numbers of workers, sessions or remembered keys, by another version, or sealed under \
                 another key; put the old key behind the new one, or delete the directory: then every UE \
                 authenticates again"
                    .to_owned()
            }
            error => error.to_string(),
        };
        format!("[survive] dir = {:?}: {why}", self.dir)
    }
}
