//! What the kernel tells in /proc and /sys.

use std::path::{Path, PathBuf};

/// The files of one host.
pub(super) struct Host {
    root: PathBuf,
}

impl Host {
    pub(super) fn below(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// A small file without its last newline; `None` when it is not there or may not be read.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let path = self.root.join(path.trim_start_matches('/'));
        let text = std::fs::read_to_string(path).ok()?;
        Some(text.trim_end().to_owned())
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path.trim_start_matches('/')).exists()
    }

    /// The value behind `name:` in a file of such lines.
    pub(super) fn value(&self, path: &str, name: &str) -> Option<String> {
        let text = self.read(path)?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
        Some(value.trim().to_owned())
    }

    /// A file of the control groups (version 2) of this process, the innermost first.
    pub(super) fn groups(&self, file: &str) -> Vec<String> {
        let own = self.read("/proc/self/cgroup").unwrap_or_default();
        let path = own.lines().find_map(|line| line.strip_prefix("0::"));
        let mut path = path.unwrap_or("/").trim_matches('/').to_owned();
        let mut out = Vec::new();
        loop {
            out.extend(self.read(&format!("/sys/fs/cgroup/{path}/{file}")));
            if path.is_empty() {
                return out;
            }
            path = path
                .rsplit_once('/')
                .map_or(String::new(), |(above, _)| above.to_owned());
        }
    }

    /// The word in brackets of a file that lists its choices: `always [madvise] never`.
    pub(super) fn chosen(&self, path: &str) -> Option<String> {
        let text = self.read(path)?;
        let (_, rest) = text.split_once('[')?;
        Some(rest.split_once(']')?.0.to_owned())
    }
}
