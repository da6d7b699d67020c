//! What the daemon tells an operator who asks over HTTP, and what stops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::metrics::Snapshot;
use crate::engine::ring::Doorbell;
use crate::engine::worker::Workers;
use crate::sidecar::exposition::SliceFigures;
use crate::sidecar::http::State;
use crate::sidecar::set::{Look, Standing};

/// Tells a running server to stop; for those that have no signals.
#[derive(Clone, Debug)]
pub struct Orders(pub(super) Arc<(AtomicBool, Doorbell)>);

impl Orders {
    pub(super) fn new(bell: Doorbell) -> Self {
        Self(Arc::new((AtomicBool::new(false), bell)))
    }

    /// Ends the server as TERM does: no new jobs, what was taken is completed.
    pub fn stop(&self) {
        self.0.0.store(true, Ordering::Release);
        self.0.1.ring();
    }
}

/// The state of a running [`super::Server`]; lives on with its reader.
#[derive(Debug)]
pub struct Probe {
    pub(super) workers: Arc<Workers>,
    pub(super) orders: Orders,
    pub(super) set: Option<Look>,
    pub(super) slices: Option<Arc<Mutex<SliceFigures>>>,
}

impl State for Probe {
    fn ready(&self) -> Result<(), String> {
        if self.orders.0.0.load(Ordering::Acquire) {
            return Err("stopping".to_owned());
        }
        if self.standing().is_some_and(|standing| !standing.present) {
            return Err("store: this daemon is not present in it".to_owned());
        }
        self.live()
    }

    fn live(&self) -> Result<(), String> {
        let stats = self.workers.stats();
        match stats.iter().position(|worker| worker.ended > 0) {
            Some(worker) => Err(format!("worker {worker} has ended")),
            None => Ok(()),
        }
    }

    fn standing(&self) -> Option<Standing> {
        self.set.as_ref().map(Look::standing)
    }

    fn slices(&self) -> Option<SliceFigures> {
        let figures = self.slices.as_ref()?.lock();
        Some(figures.unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn snapshot(&self) -> Snapshot {
        self.workers.metrics().snapshot()
    }
}
