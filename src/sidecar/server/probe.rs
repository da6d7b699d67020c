//! What the daemon tells an operator who asks over HTTP.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::metrics::Snapshot;
use crate::engine::worker::Workers;
use crate::sidecar::http::State;
use crate::sidecar::set::{Look, Standing};

use super::Orders;

/// The state of a running [`super::Server`]; lives on with its reader.
#[derive(Debug)]
pub struct Probe {
    pub(super) workers: Arc<Workers>,
    pub(super) orders: Orders,
    pub(super) set: Option<Look>,
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

    fn snapshot(&self) -> Snapshot {
        self.workers.metrics().snapshot()
    }
}
