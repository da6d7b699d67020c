//! Two scrapes become the figures of a frame.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scrape::{Scrape, label};

/// What `--json` prints. Rates are per second.
#[derive(Debug, Serialize)]
pub(super) struct Frame {
    pub(super) version: String,
    /// Between the two looks.
    pub(super) seconds: f64,
    pub(super) messages_per_second: f64,
    pub(super) verdicts_per_second: BTreeMap<String, f64>,
    /// Busiest first.
    pub(super) operations: Vec<Operation>,
    pub(super) latency_seconds: Latency,
    pub(super) batch_messages: Batch,
    pub(super) workers: Vec<Worker>,
    pub(super) sessions: f64,
    pub(super) session_limit: f64,
    pub(super) locked_bytes: f64,
    pub(super) clients: f64,
    /// Since the sidecar began.
    pub(super) clients_refused: f64,
    /// Since the sidecar began, by reason.
    pub(super) quarantines: BTreeMap<String, f64>,
}

/// An operation under one pair of algorithms.
#[derive(Debug, Serialize)]
pub(super) struct Operation {
    pub(super) operation: String,
    pub(super) algorithm: String,
    pub(super) per_second: f64,
    pub(super) failed_per_second: f64,
}

/// From taking a message to publishing its completion; none when no message came.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) mean: Option<f64>,
}

/// Messages taken together.
#[derive(Debug, Serialize)]
pub(super) struct Batch {
    pub(super) mean: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    /// Share of all batches by the largest size that counts there.
    pub(super) sizes: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pulse {
    Awake,
    Asleep,
    /// Neither asleep nor turning.
    Stuck,
    /// Its thread has ended.
    Ended,
}

#[derive(Debug, Serialize)]
pub(super) struct Worker {
    pub(super) worker: String,
    pub(super) pulse: Pulse,
    pub(super) per_second: f64,
    pub(super) wakeups_per_second: f64,
    pub(super) sleeps_per_second: f64,
    pub(super) queues: f64,
    pub(super) ring_occupancy: f64,
}

impl Frame {
    pub(super) fn new(before: &Scrape, now: &Scrape, seconds: f64) -> Self {
        let seconds = seconds.max(1e-3);
        let (operations, verdicts) = messages(before, now, seconds);
        let build = now.all("naslane_build_info").first();
        Self {
            version: build.map_or_else(String::new, |(labels, _)| label(labels, "version").into()),
            seconds,
            messages_per_second: verdicts.values().sum(),
            verdicts_per_second: verdicts,
            operations,
            latency_seconds: latency(before, now),
            batch_messages: batch(before, now),
            workers: workers(before, now, seconds),
            sessions: now.one("naslane_sessions"),
            session_limit: now.one("naslane_session_limit"),
            locked_bytes: now.one("naslane_locked_bytes"),
            clients: now.one("naslane_clients"),
            clients_refused: now.one("naslane_clients_refused_total"),
            quarantines: now
                .all("naslane_quarantines_total")
                .iter()
                .map(|(labels, number)| (label(labels, "reason").to_owned(), *number))
                .collect(),
        }
    }
}

fn messages(
    before: &Scrape,
    now: &Scrape,
    seconds: f64,
) -> (Vec<Operation>, BTreeMap<String, f64>) {
    let mut verdicts: BTreeMap<String, f64> = BTreeMap::new();
    let mut operations: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    for (labels, number) in now.since(before, "naslane_messages_total") {
        let rate = number / seconds;
        let verdict = label(labels, "verdict");
        *verdicts.entry(verdict.to_owned()).or_default() += rate;
        let key = (
            label(labels, "operation").to_owned(),
            label(labels, "algorithm").to_owned(),
        );
        let (all, failed) = operations.entry(key).or_default();
        *all += rate;
        *failed += if verdict == "ok" { 0.0 } else { rate };
    }
    let operations = operations.into_iter();
    let mut operations: Vec<Operation> = operations
        .map(|((operation, algorithm), (all, failed))| Operation {
            operation,
            algorithm,
            per_second: all,
            failed_per_second: failed,
        })
        .collect();
    operations.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
    (operations, verdicts)
}

/// The bucket with the quantile: the bounds below and above it, and how far into it the quantile lies (0 to 1).
fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<(f64, f64, f64)> {
    let all: f64 = buckets.iter().map(|(_, number)| number).sum();
    let (mut below, mut seen) = (0.0, 0.0);
    for &(bound, number) in buckets {
        if number > 0.0 && seen + number >= share * all {
            // Above the last bound nothing is known but that bound.
            let bound = if bound.is_finite() { bound } else { below };
            return Some((
                below,
                bound,
                ((share * all - seen) / number).clamp(0.0, 1.0),
            ));
        }
        (below, seen) = (bound, seen + number);
    }
    None
}

/// The mean of a histogram over the time between.
fn mean(before: &Scrape, now: &Scrape, name: &str) -> Option<f64> {
    let difference = |end: &str| {
        let name = format!("{name}_{end}");
        now.since(before, &name)
            .map(|(_, number)| number)
            .sum::<f64>()
    };
    let count = difference("count");
    (count > 0.0).then(|| difference("sum") / count)
}

fn latency(before: &Scrape, now: &Scrape) -> Latency {
    let name = "naslane_latency_seconds";
    let buckets = now.buckets(before, name);
    let at = |share| {
        let (below, above, part) = quantile(&buckets, share)?;
        Some(below + (above - below) * part)
    };
    Latency {
        p50: at(0.5),
        p99: at(0.99),
        mean: mean(before, now, name),
    }
}

fn batch(before: &Scrape, now: &Scrape) -> Batch {
    let name = "naslane_batch_messages";
    let buckets = now.buckets(before, name);
    let at = |share| quantile(&buckets, share).map(|(_, above, _)| above);
    let all: f64 = buckets.iter().map(|(_, number)| number).sum();
    let known = buckets.iter().filter(|(bound, _)| bound.is_finite());
    Batch {
        mean: mean(before, now, name),
        p50: at(0.5),
        p99: at(0.99),
        sizes: known
            .map(|(bound, number)| (*bound, if all > 0.0 { number / all } else { 0.0 }))
            .collect(),
    }
}

fn workers(before: &Scrape, now: &Scrape, seconds: f64) -> Vec<Worker> {
    let by_worker = |name: &str| -> BTreeMap<String, f64> {
        let all = now.all(name).iter();
        all.map(|(labels, value)| (label(labels, "worker").to_owned(), *value))
            .collect()
    };
    let rate = |name: &str| -> BTreeMap<String, f64> {
        now.since(before, name)
            .map(|(labels, number)| (label(labels, "worker").to_owned(), number / seconds))
            .collect()
    };
    let messages = rate("naslane_worker_messages_total");
    let turns = rate("naslane_worker_turns_total");
    let wakeups = rate("naslane_worker_wakeups_total");
    let sleeps = rate("naslane_worker_sleeps_total");
    let asleep = by_worker("naslane_worker_asleep");
    let ended = by_worker("naslane_worker_ended");
    let queues = by_worker("naslane_worker_queues");
    let waiting = by_worker("naslane_ring_occupancy");
    let of = |map: &BTreeMap<String, f64>, worker: &str| map.get(worker).copied().unwrap_or(0.0);
    let mut workers: Vec<Worker> = messages
        .keys()
        .map(|worker| Worker {
            worker: worker.clone(),
            pulse: if of(&ended, worker) > 0.0 {
                Pulse::Ended
            } else if of(&asleep, worker) > 0.0 {
                Pulse::Asleep
            } else if of(&turns, worker) > 0.0 {
                Pulse::Awake
            } else {
                Pulse::Stuck
            },
            per_second: of(&messages, worker),
            wakeups_per_second: of(&wakeups, worker),
            sleeps_per_second: of(&sleeps, worker),
            queues: of(&queues, worker),
            ring_occupancy: of(&waiting, worker),
        })
        .collect();
    workers.sort_by_key(|worker| worker.worker.parse::<u32>().unwrap_or(u32::MAX));
    workers
}
