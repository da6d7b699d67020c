//! The door to the AMF half's engine. A sidecar that nobody named is started for the run, and ended with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use naslane::base::Error;
use naslane::door::Door;
use naslane::engine::{Config, WorkersConfig};
use rustix::process::{Pid, Signal, kill_process};

/// Which door was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Inline,
    Workers,
    /// The sidecar at this path; without one, a sidecar of our own.
    Sidecar(Option<PathBuf>),
}

impl Choice {
    /// # Errors
    /// A sentence with the remedy.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "inline" => Ok(Self::Inline),
            None if text == "workers" => Ok(Self::Workers),
            None if text == "sidecar" => Ok(Self::Sidecar(None)),
            Some(("sidecar", path)) if !path.is_empty() => Ok(Self::Sidecar(Some(path.into()))),
            _ => Err(format!(
                "--engine {text:?} is no door; give inline, workers, sidecar or sidecar=PATH"
            )),
        }
    }
}

/// An open door, and what is behind it.
pub(super) struct Entrance {
    // Before the sidecar: it is left before it is ended.
    pub(super) door: Door,
    _sidecar: Option<Sidecar>,
}

/// Opens the door to an engine for so many sessions.
///
/// # Errors
/// A sentence with the remedy.
pub(super) fn open(choice: &Choice, sessions: usize) -> Result<Entrance, String> {
    let no_start = |error| match error {
        Error::Argument => {
            format!("{sessions} sessions are more than a table holds; give fewer --threads")
        }
        error => format!("the engine does not start: {error}; `naslane selftest` tells more"),
    };
    let alone = |door| Entrance {
        door,
        _sidecar: None,
    };
    match choice {
        Choice::Inline => Door::inline(&Config::for_sessions(sessions))
            .map(alone)
            .map_err(no_start),
        Choice::Workers => Door::workers(&WorkersConfig {
            engine: Config::for_sessions(sessions),
            ..WorkersConfig::default()
        })
        .map(alone)
        .map_err(no_start),
        Choice::Sidecar(Some(path)) => connect(path).map(alone),
        Choice::Sidecar(None) => {
            let sidecar = Sidecar::start(sessions)?;
            let door = connect(&sidecar.directory.join("s"))?;
            Ok(Entrance {
                door,
                _sidecar: Some(sidecar),
            })
        }
    }
}

fn connect(path: &Path) -> Result<Door, String> {
    Door::connect(path, "").map_err(|error| format!("{}: {error}", path.display()))
}

/// `naslane serve` as a child, on a socket in a directory of its own.
struct Sidecar {
    child: Child,
    directory: PathBuf,
    // Open for as long as the child writes to it.
    _log: Option<BufReader<ChildStderr>>,
}

impl Sidecar {
    fn start(sessions: usize) -> Result<Self, String> {
        let name = format!("naslane-storm-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let no_start = |why: std::io::Error| format!("the sidecar does not start: {why}");
        fs::create_dir_all(&directory).map_err(no_start)?;
        let config = directory.join("naslane.toml");
        let socket = directory.join("s");
        // Ordinary users may not lock that much memory, and a storm's keys are nobody's.
        let text = format!(
            "socket = {socket:?}\n[quota]\nsessions = {sessions}\nqueues = 64\n[engine]\nsessions = {sessions}\n\
             [hardening]\nlock_memory = \"try\"\n[http]\nlisten = \"\"\n"
        );
        fs::write(&config, text).map_err(no_start)?;
        let program = std::env::current_exe().map_err(no_start)?;
        let child = Command::new(program)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(no_start)?;
        let mut sidecar = Self {
            child,
            directory,
            _log: None,
        };
        sidecar.wait_until_it_serves()?;
        Ok(sidecar)
    }

    fn wait_until_it_serves(&mut self) -> Result<(), String> {
        let stderr = self.child.stderr.take();
        let mut log = BufReader::new(stderr.ok_or("the sidecar has no log")?);
        let mut said = String::new();
        loop {
            let before = said.len();
            if log.read_line(&mut said).unwrap_or(0) == 0 {
                return Err(format!("the sidecar does not start:\n{said}"));
            }
            if said[before..].contains("serving at") {
                self._log = Some(log);
                return Ok(());
            }
        }
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // TERM drains; a child that is gone already cannot be told.
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors() {
        assert_eq!(Choice::of("inline"), Ok(Choice::Inline));
        assert_eq!(Choice::of("workers"), Ok(Choice::Workers));
        assert_eq!(Choice::of("sidecar"), Ok(Choice::Sidecar(None)));
        let path = Some("/run/a=b".into());
        assert_eq!(Choice::of("sidecar=/run/a=b"), Ok(Choice::Sidecar(path)));
        for bad in ["", "side", "sidecar=", "workers=2", "Inline"] {
            assert!(Choice::of(bad).is_err(), "{bad}");
        }
    }
}
