//! A worker without a thread: the jobs of one queue run on the thread that has the queue.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::base::metrics::Metrics;
use crate::base::{Error, Result};
use crate::engine::Engine;
use crate::engine::queue::{Queue, QueueConfig, Side};
use crate::engine::ring::{self, Doorbell, Payload};

use super::plan::Wait;
use super::run::{Inbox, Line, Worker};

/// The worker's side of a queue whose client runs its jobs itself: what was submitted runs in [`Here::run`], in lane
/// groups, with the statuses, the order and the limits of a worker's thread.
pub struct Here {
    worker: Worker,
}

impl std::fmt::Debug for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Here")
    }
}

impl Here {
    /// A queue for one thread on an engine, and what runs its jobs.
    ///
    /// # Errors
    /// As [`super::Workers::open_queue`].
    pub fn open(engine: Arc<Engine>, config: &QueueConfig) -> Result<(Queue, Self)> {
        let (client, end) = ring::pair(config.entries)?;
        let payload = Payload::allocate(config.arena)?;
        let (wake_worker, wake_client) = (Arc::new(Doorbell::new()?), Arc::new(Doorbell::new()?));
        let inbox = Arc::new(Inbox::new(Arc::new(AtomicBool::new(false)))?);
        let number = engine.table().worker();
        // Of its own: nobody reads it, but the worker counts.
        let metrics = Metrics::new(1);
        let recorder = metrics.worker(0).and_then(|worker| worker.recorder());
        let recorder = recorder.ok_or(Error::System)?;
        let mut worker = Worker::new(
            engine,
            inbox.clone(),
            recorder,
            (Wait::Block, Duration::ZERO),
        )?;
        inbox.hand_in(Line {
            end,
            payload: payload.clone(),
            wake_worker: wake_worker.clone(),
            wake_client: wake_client.clone(),
            admit: None,
            left: Arc::default(),
            fault: Arc::default(),
            grace: None,
        })?;
        worker.look_up();
        let side = Side {
            end: client,
            wake_worker,
        };
        let mut queue = Queue::new(vec![side], payload, wake_client, Duration::ZERO);
        queue.starting_at(number);
        Ok((queue, Self { worker }))
    }

    /// Runs what was submitted; returns how many jobs that were.
    pub fn run(&mut self) -> usize {
        let mut jobs = 0;
        loop {
            match self.worker.turn() {
                0 => return jobs,
                done => jobs += done,
            }
        }
    }
}
