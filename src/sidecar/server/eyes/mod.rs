//! What the daemon sees besides single requests and messages: findings, and the sessions that are tapped.

mod taps;
mod watcher;

use std::sync::mpsc::Receiver;

use crate::base::{Error, Result};
use crate::engine::worker::{TapOutlet, TapRecord, Workers, WorkersConfig};
use crate::procedure::smc::diagnosis_of;
use crate::session::Handle;
use crate::sidecar::config::Config;
use crate::sidecar::protocol::{Request, Response};

use super::House;
use taps::Taps;
use watcher::Watcher;

/// Findings and taps.
pub(super) struct Eyes {
    watcher: Watcher,
    taps: Option<Taps>,
}

/// What workers are started with, and where the messages of tapped sessions come out.
///
/// # Errors
/// Which number is wrong.
pub(super) fn workers(
    config: &Config,
    outlet: Option<(TapOutlet, Receiver<TapRecord>)>,
) -> Result<(WorkersConfig, Option<Receiver<TapRecord>>)> {
    let (outlet, records) = outlet.unzip();
    let workers = WorkersConfig {
        tap: outlet,
        ..config.workers()?
    };
    Ok((workers, records))
}

/// Where messages of tapped sessions go, when there is a directory for them.
///
/// # Errors
/// What is wrong with the directory, as a sentence.
pub(super) fn outlet(
    config: &Config,
) -> std::result::Result<Option<(TapOutlet, Receiver<TapRecord>)>, String> {
    let tap = &config.tap;
    if tap.is_on() && !tap.directory.is_dir() {
        let directory = tap.directory.display();
        return Err(format!("[tap] directory: {directory} is no directory"));
    }
    Ok(tap.is_on().then(TapOutlet::new))
}

impl Eyes {
    /// Starts the writer of taps, while threads still can be.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub(super) fn start(
        config: &Config,
        workers: &Workers,
        records: Option<Receiver<TapRecord>>,
    ) -> std::result::Result<Self, String> {
        Ok(Self {
            watcher: Watcher::new(config.findings.log_seconds),
            taps: Taps::start(&config.tap, workers, records)?,
        })
    }

    /// What a response says of its session: findings of the control plane, and a command for its tap.
    pub(super) fn note(
        &self,
        workers: &Workers,
        (handle, request): (Handle, &Request<'_>),
        done: &Result<Response<'_>>,
    ) {
        let found = match (request, done) {
            (_, Ok(Response::Message(sent, pdu))) => {
                if let Some(taps) = &self.taps {
                    taps.command(handle, pdu);
                }
                sent.diagnosis
            }
            (_, Ok(Response::Ended(ended))) => ended.diagnosis,
            (Request::SmcCommand { .. }, Err(error)) => diagnosis_of(*error),
            _ => return,
        };
        if let Some(signs) = workers.signs(usize::from(handle.worker())) {
            signs.found(found);
        }
    }
}

impl House {
    /// Switches the tap of a client's session. `who`: its tenant and user.
    ///
    /// # Errors
    /// As [`crate::sidecar::Client::tap`].
    pub(super) fn tap(
        &mut self,
        (tenant, uid): (u64, u32),
        handle: Handle,
        on: u8,
    ) -> Result<Response<'static>> {
        let taps = self.eyes.taps.as_mut().ok_or(Error::Unsupported)?;
        let number = match on {
            0 => taps.off(handle.bits(), crate::base::metrics::TapEnd::Off)?,
            1 => {
                let (number, line) = taps.on(handle.bits(), uid)?;
                (self.log)(&format!("{line}, by tenant {tenant}"));
                number
            }
            _ => return Err(Error::Argument),
        };
        Ok(Response::Pong(number.into()))
    }

    /// Once a turn of the loop: findings and ended taps come to the log, taps of sessions that are gone end.
    pub(super) fn look(&mut self) {
        let workers = &self.workers;
        let mut lines = self.eyes.watcher.look(workers);
        if let Some(taps) = &mut self.eyes.taps {
            lines.extend(taps.look(|session| {
                let handle = Handle::from_bits(session);
                let there = |handle| workers.engine_of(handle)?.session(handle).map(drop);
                handle.and_then(there).is_ok()
            }));
        }
        for line in lines {
            (self.log)(&line);
        }
    }

    /// The end: what taps have is written.
    pub(super) fn look_away(&mut self) {
        let last = self.eyes.taps.as_mut().map(Taps::end);
        for line in last.into_iter().flatten() {
            (self.log)(&line);
        }
    }
}
