//! A snapshot as Prometheus reads it: text format 0.0.4.
//!
//! Written by hand because the numbers are already counted and bucketed: a registry of a metrics crate would count
//! them again. Labels are words of fixed lists and numbers of workers, so nothing of a subscriber can get here.

mod slices;

use std::fmt::{Display, Write};

use crate::base::metrics::{
    Histogram, LATENCY_BUCKETS, Quarantine, Snapshot, TapEnd, WorkerSnapshot, upper_bound,
};
use crate::security::Diagnosis;

use super::set::Standing;

pub use slices::{SliceFigures, write_slices};

/// What an answer that carries [`write()`]'s text calls it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// That of the manifest, as `naslane --version` says it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bounds of `naslane_batch_messages`: powers of two up to the most that a ring holds.
const BATCH_BOUNDS: std::ops::RangeInclusive<u32> = 0..=12;

/// Octaves of `naslane_latency_seconds`: from 2^7 ns (128 ns) to 2^30 ns (1.07 s), two buckets to an octave.
const LATENCY_OCTAVES: std::ops::RangeInclusive<u32> = 7..=30;

/// The text of a snapshot. Counters of messages that are zero are left out.
#[must_use]
pub fn write(snapshot: &Snapshot) -> String {
    let mut page = Page(String::with_capacity(16 * 1024));
    let total = snapshot.total();
    page.family(
        "naslane_build_info",
        "gauge",
        "Version of naslane; always 1.",
    );
    page.sample("naslane_build_info", &[("version", &VERSION)], 1);
    page.messages(&total);
    page.batches(&total);
    page.latency(&total.latency);
    page.workers(snapshot);
    page.process(snapshot, &total);
    page.findings(snapshot);
    page.tap(snapshot);
    page.0
}

/// The text that follows it when there is a store.
#[must_use]
pub fn write_standing(standing: &Standing) -> String {
    let mut page = Page(String::new());
    page.store(standing);
    page.0
}

/// A metric of each worker: name, type, help, where it stands.
type PerWorker = (
    &'static str,
    &'static str,
    &'static str,
    fn(&WorkerSnapshot) -> u64,
);

const PER_WORKER: [PerWorker; 10] = [
    (
        "naslane_worker_messages_total",
        "counter",
        "Messages finished by each worker.",
        |worker| worker.messages.total(),
    ),
    (
        "naslane_worker_turns_total",
        "counter",
        "Turns of each worker's loop; one that is awake and does not turn is stuck.",
        |worker| worker.turns,
    ),
    (
        "naslane_worker_wakeups_total",
        "counter",
        "How often a doorbell woke each worker.",
        |worker| worker.wakeups,
    ),
    (
        "naslane_worker_sleeps_total",
        "counter",
        "How often each worker went to sleep.",
        |worker| worker.sleeps,
    ),
    (
        "naslane_worker_rings_total",
        "counter",
        "Doorbells that each worker rang for clients that slept.",
        |worker| worker.rings,
    ),
    (
        "naslane_worker_defects_total",
        "counter",
        "Lane groups that ended in a defect inside naslane.",
        |worker| worker.defects,
    ),
    (
        "naslane_worker_ended",
        "gauge",
        "1 when the worker's thread has ended.",
        |worker| worker.ended,
    ),
    (
        "naslane_worker_asleep",
        "gauge",
        "1 while the worker sleeps.",
        |worker| worker.asleep,
    ),
    (
        "naslane_worker_queues",
        "gauge",
        "Queues that each worker serves.",
        |worker| worker.queues,
    ),
    (
        "naslane_ring_occupancy",
        "gauge",
        "Jobs that wait in the submission rings of each worker.",
        |worker| worker.ring_occupancy,
    ),
];

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &dyn Display)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            // Writing to a String cannot fail. No text has a quote, a backslash or a line's end.
            let _ = write!(self.0, "{open}{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{text}");
    }

    fn messages(&mut self, total: &WorkerSnapshot) {
        let name = "naslane_messages_total";
        let help = "Finished messages; algorithm is that of the context, none without one.";
        self.family(name, "counter", help);
        for (operation, algorithms, verdict, number) in total.messages.iter() {
            let labels: [(&str, &dyn Display); 3] = [
                ("operation", &operation.name()),
                ("algorithm", &algorithms.name()),
                ("verdict", &verdict.name()),
            ];
            self.sample(name, &labels, number);
        }
    }

    fn batches(&mut self, total: &WorkerSnapshot) {
        let name = "naslane_batch_messages";
        self.family(name, "histogram", "Messages that a worker took together.");
        let bounds = BATCH_BOUNDS.map(|power| 1_u64 << power);
        self.histogram(name, &total.batch, bounds, &|number| number.to_string());
    }

    fn latency(&mut self, latency: &Histogram<LATENCY_BUCKETS>) {
        let name = "naslane_latency_seconds";
        let help = "From taking a message out of its ring to publishing its completion.";
        self.family(name, "histogram", help);
        let octaves = LATENCY_OCTAVES.map(|power| 1_u64 << power);
        // 2^n and 1.5 * 2^n, which are bounds of the histogram's own buckets.
        let bounds = octaves.flat_map(|bound| [bound, bound + bound / 2]);
        self.histogram(name, latency, bounds, &|number| seconds(number));
    }

    fn histogram<const N: usize>(
        &mut self,
        name: &str,
        histogram: &Histogram<N>,
        bounds: impl Iterator<Item = u64>,
        unit: &dyn Fn(u64) -> String,
    ) {
        let bucket = format!("{name}_bucket");
        // One walk over the buckets: those up to a bound are behind the walk when the bound is written.
        let (mut index, mut within) = (0, 0_u64);
        for bound in bounds {
            while index < N - 1 && upper_bound(index) <= bound {
                within = within.wrapping_add(histogram.buckets[index]);
                index += 1;
            }
            self.sample(&bucket, &[("le", &unit(bound))], within);
        }
        let count = histogram.count();
        self.sample(&bucket, &[("le", &"+Inf")], count);
        self.sample(&format!("{name}_sum"), &[], unit(histogram.sum));
        self.sample(&format!("{name}_count"), &[], count);
    }

    fn workers(&mut self, snapshot: &Snapshot) {
        for (name, kind, help, value) in PER_WORKER {
            self.family(name, kind, help);
            for (index, worker) in snapshot.workers.iter().enumerate() {
                self.sample(name, &[("worker", &index)], value(worker));
            }
        }
    }

    fn process(&mut self, snapshot: &Snapshot, total: &WorkerSnapshot) {
        for (name, help, value) in [
            ("naslane_sessions", "Sessions in use.", snapshot.sessions),
            (
                "naslane_session_limit",
                "Sessions that the tables hold.",
                snapshot.session_limit,
            ),
            (
                "naslane_locked_bytes",
                "Memory that may not be swapped out.",
                snapshot.locked_bytes,
            ),
            ("naslane_clients", "Clients now.", snapshot.clients),
        ] {
            self.family(name, "gauge", help);
            self.sample(name, &[], value);
        }
        let name = "naslane_clients_refused_total";
        self.family(name, "counter", "Clients that were turned away.");
        self.sample(name, &[], snapshot.clients_refused);
        let name = "naslane_quarantines_total";
        self.family(
            name,
            "counter",
            "Rings that were shut because of what their client did.",
        );
        for reason in Quarantine::ALL {
            let index = reason.index();
            let number = snapshot.quarantines[index] + total.quarantines[index];
            self.sample(name, &[("reason", &reason.name())], number);
        }
    }
}

impl Page {
    fn store(&mut self, standing: &Standing) {
        let Standing {
            present,
            keys,
            figures,
        } = standing;
        let now = [
            (
                "naslane_store_present",
                "1 while this daemon is present in the store for certain.",
                u64::from(*present),
            ),
            (
                "naslane_store_keys",
                "Keys whose leases this daemon keeps.",
                *keys,
            ),
        ];
        for (name, help, value) in now {
            self.family(name, "gauge", help);
            self.sample(name, &[], value);
        }
        for (name, help, value) in [
            ("commits", "Commits asked of the store.", figures.commits),
            (
                "writes",
                "Lines that the store took, records with them.",
                figures.writes,
            ),
            ("reads", "Lines that were read.", figures.reads),
            (
                "stale",
                "Lines that somebody else had written before.",
                figures.stale,
            ),
            (
                "refused",
                "Requests that the store refused or did not answer.",
                figures.refused,
            ),
            (
                "fenced",
                "Sessions that another daemon took over.",
                figures.fenced,
            ),
            (
                "rekeys",
                "Keys whose COUNTs nobody can vouch for.",
                figures.rekeys,
            ),
            ("taken", "Keys taken over.", figures.taken),
            (
                "lagging",
                "Keys taken over whose replay floors may lag behind.",
                figures.lagging,
            ),
            (
                "absences",
                "How often this daemon lost its presence in the store.",
                figures.absences,
            ),
        ] {
            let name = format!("naslane_store_{name}_total");
            self.family(&name, "counter", help);
            self.sample(&name, &[], value);
        }
    }

    fn findings(&mut self, snapshot: &Snapshot) {
        let name = "naslane_findings_total";
        let help =
            "Faults that messages of a UE showed together, by the code of the failure table.";
        self.family(name, "counter", help);
        for (code, number) in Diagnosis::ALL.iter().zip(snapshot.findings).skip(1) {
            self.sample(name, &[("code", &code.name())], number);
        }
    }

    fn tap(&mut self, snapshot: &Snapshot) {
        let tap = &snapshot.tap;
        self.family("naslane_taps", "gauge", "Sessions that are tapped.");
        self.sample("naslane_taps", &[], tap.open);
        for (name, help, value) in [
            (
                "naslane_tap_messages_total",
                "Messages that went to a tap's file.",
                tap.messages,
            ),
            (
                "naslane_tap_bytes_total",
                "Octets of the files of taps.",
                tap.octets,
            ),
            (
                "naslane_tap_dropped_total",
                "Messages of tapped sessions that found no room on their way to the file.",
                tap.dropped,
            ),
        ] {
            self.family(name, "counter", help);
            self.sample(name, &[], value);
        }
        let name = "naslane_tap_ends_total";
        self.family(name, "counter", "Taps that ended.");
        for why in TapEnd::ALL {
            self.sample(name, &[("reason", &why.name())], tap.ended[why as usize]);
        }
    }
}

/// Nanoseconds as a decimal number of seconds, exactly.
fn seconds(nanos: u64) -> String {
    let (whole, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let text = format!("{whole}.{part:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (nanos, text) in [
            (0, "0"),
            (128, "0.000000128"),
            (1_500_000_000, "1.5"),
            (20_000_000_000, "20"),
            (1 << 30, "1.073741824"),
        ] {
            assert_eq!(seconds(nanos), text);
        }
    }

    #[test]
    fn every_written_bound_is_a_bound_of_a_bucket() {
        let known: Vec<u64> = (0..LATENCY_BUCKETS).map(upper_bound).collect();
        for power in LATENCY_OCTAVES {
            assert!(known.contains(&(1 << power)) && known.contains(&(3 << (power - 1))));
        }
        for power in BATCH_BOUNDS {
            assert!(known.contains(&(1 << power)));
        }
    }
}
