//! What the daemon tells an operator who asks over HTTP.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::metrics::Snapshot;
use crate::engine::worker::Workers;
use crate::sidecar::http::State;

use super::Orders;

/// The state of a running [`super::Server`]; lives on with its reader.
#[derive(Debug)]
pub struct Probe {
    pub(super) workers: Arc<Workers>,
    pub(super) orders: Orders,
}

impl State for Probe {
    fn ready(&self) -> Result<(), String> {
        if self.orders.0.0.load(Ordering::Acquire) {
            Err("stopping".to_owned())
        } else {
            self.live()
        }
    }

    fn live(&self) -> Result<(), String> {
        let stats = self.workers.stats();
        match stats.iter().position(|worker| worker.ended > 0) {
            Some(worker) => Err(format!("worker {worker} has ended")),
            None => Ok(()),
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.workers.metrics().snapshot()
    }
}
