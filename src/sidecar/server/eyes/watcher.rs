//! What the control plane's thread does for the findings: tells the time, and lines for the log.

use std::time::{Duration, Instant};

use crate::base::metrics::FINDINGS;
use crate::engine::worker::Workers;
use crate::security::Diagnosis;

/// Says how often each code was found, at most one line for a code in a while. A line has a code and two numbers:
/// which UE it was only its AMF may know.
pub(in crate::sidecar::server) struct Watcher {
    begin: Instant,
    pause: Duration,
    told: [(u64, Option<Instant>); FINDINGS],
}

impl Watcher {
    pub(in crate::sidecar::server) fn new(log_seconds: u64) -> Self {
        Self {
            begin: Instant::now(),
            pause: Duration::from_secs(log_seconds),
            told: [(0, None); FINDINGS],
        }
    }

    /// Once a turn of the loop. Lines for the log.
    pub(in crate::sidecar::server) fn look(&mut self, workers: &Workers) -> Vec<String> {
        let now = Instant::now();
        let second = now.duration_since(self.begin).as_secs();
        for worker in 0..workers.len() {
            if let (Some(signs), Some(engine)) = (workers.signs(worker), workers.engine(worker)) {
                signs.tick(engine, second);
            }
        }
        if self.pause.is_zero() {
            return Vec::new();
        }
        let findings = workers.metrics().shared().findings();
        let both = Diagnosis::ALL.iter().zip(findings).zip(&mut self.told);
        let mut lines = Vec::new();
        for ((code, total), (told, at)) in both.skip(1) {
            let early = at.is_some_and(|at| now.duration_since(at) < self.pause);
            if total == *told || early {
                continue;
            }
            let new = total - *told;
            lines.push(format!(
                "event=finding code={} new={new} total={total}",
                code.name()
            ));
            (*told, *at) = (total, Some(now));
        }
        lines
    }
}
