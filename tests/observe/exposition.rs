//! The text of a snapshot: valid, complete, and silent about subscribers.

use std::sync::Arc;

use naslane::base::Error;
use naslane::base::metrics::{
    Algorithms, Metrics, Operation, Quarantine, Snapshot, TapEnd, Verdict,
};
use naslane::engine::job::{Job, op};
use naslane::security::Diagnosis;
use naslane::sidecar::exposition;

use super::common::{GPP, Pair, UPLINK, engine, k_amf};
use super::strict::{Families, parse};

fn families(snapshot: &Snapshot) -> Families {
    let text = exposition::write(snapshot);
    parse(&text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

fn value(families: &Families, family: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let found = families[family].samples.iter().find(|sample| {
        sample.name == name
            && sample.labels.len() == labels.len()
            && labels
                .iter()
                .all(|(label, text)| sample.labels.get(*label).map(String::as_str) == Some(*text))
    });
    found.map(|sample| sample.value)
}

/// Two workers with numbers in every place.
fn busy() -> Arc<Metrics> {
    let metrics = Metrics::new(2);
    for index in 0..2 {
        let worker = metrics.worker(index).expect("there are two");
        let mut recorder = worker.recorder().expect("free");
        recorder.turn();
        for operation in 0..Operation::ALL.len() as u8 {
            for algorithms in Algorithms::all() {
                for status in [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 32, 64, 96, 101] {
                    recorder.message(operation, algorithms, status);
                }
            }
        }
        for (messages, nanos) in [
            (1, 0),
            (1, 500),
            (64, 1_000),
            (3, u64::MAX),
            (9000, 1 << 40),
        ] {
            recorder.batch(messages);
            recorder.latency(messages, nanos);
        }
        recorder.sleep();
        recorder.wake();
        recorder.sleep();
        recorder.ring_occupancy(11);
        recorder.queues(4);
        recorder.ring();
        recorder.defect();
        recorder.quarantine(Quarantine::Overrun);
        // Its end would say that the worker ended.
        std::mem::forget(recorder);
    }
    let shared = metrics.shared();
    shared.quarantine(Quarantine::Overrun);
    shared.client_in();
    shared.client_refused();
    shared.sessions(123, 65_536);
    shared.locked_bytes(1 << 24);
    shared.finding(Diagnosis::SmcLoop as u8);
    shared.tap().begun();
    shared.tap().written(3, 500);
    metrics
}

#[test]
fn an_idle_and_a_busy_engine_give_valid_text() {
    for snapshot in [
        Snapshot::default(),
        Metrics::new(3).snapshot(),
        busy().snapshot(),
    ] {
        let names: Vec<String> = families(&snapshot).into_keys().collect();
        assert_eq!(
            names,
            [
                "naslane_batch_messages",
                "naslane_build_info",
                "naslane_clients",
                "naslane_clients_refused_total",
                "naslane_findings_total",
                "naslane_latency_seconds",
                "naslane_locked_bytes",
                "naslane_messages_total",
                "naslane_quarantines_total",
                "naslane_ring_occupancy",
                "naslane_session_limit",
                "naslane_sessions",
                "naslane_tap_bytes_total",
                "naslane_tap_dropped_total",
                "naslane_tap_ends_total",
                "naslane_tap_messages_total",
                "naslane_taps",
                "naslane_worker_asleep",
                "naslane_worker_defects_total",
                "naslane_worker_ended",
                "naslane_worker_messages_total",
                "naslane_worker_queues",
                "naslane_worker_rings_total",
                "naslane_worker_sleeps_total",
                "naslane_worker_turns_total",
                "naslane_worker_wakeups_total",
            ]
        );
    }
}

#[test]
fn numbers_arrive() {
    let families = families(&busy().snapshot());
    let one = |name: &str| value(&families, name, name, &[]);
    assert_eq!(one("naslane_sessions"), Some(123.0));
    assert_eq!(one("naslane_session_limit"), Some(65_536.0));
    assert_eq!(one("naslane_locked_bytes"), Some(16_777_216.0));
    assert_eq!(one("naslane_clients"), Some(1.0));
    assert_eq!(one("naslane_clients_refused_total"), Some(1.0));
    let all = Operation::ALL.len() * 17 * Verdict::ALL.len();
    assert_eq!(families["naslane_messages_total"].samples.len(), all);
    for (name, expected) in [
        ("naslane_worker_messages_total", all as f64),
        ("naslane_worker_turns_total", 1.0),
        ("naslane_worker_wakeups_total", 1.0),
        ("naslane_worker_sleeps_total", 2.0),
        ("naslane_worker_asleep", 1.0),
        ("naslane_worker_ended", 0.0),
        ("naslane_worker_rings_total", 1.0),
        ("naslane_worker_defects_total", 1.0),
        ("naslane_worker_queues", 4.0),
        ("naslane_ring_occupancy", 11.0),
    ] {
        for worker in ["0", "1"] {
            let found = value(&families, name, name, &[("worker", worker)]);
            assert_eq!(found, Some(expected), "{name}");
        }
    }
    let name = "naslane_messages_total";
    let labels = [
        ("operation", "verify"),
        ("algorithm", "NEA1/NIA3"),
        ("verdict", "mac"),
    ];
    assert_eq!(value(&families, name, name, &labels), Some(2.0));
    assert_eq!(one("naslane_taps"), Some(1.0));
    assert_eq!(one("naslane_tap_messages_total"), Some(3.0));
    assert_eq!(one("naslane_tap_bytes_total"), Some(500.0));
    let name = "naslane_findings_total";
    assert_eq!(families[name].samples.len(), Diagnosis::ALL.len() - 1);
    for (code, expected) in [("SMC_LOOP", 1.0), ("COUNT_DESYNC", 0.0)] {
        let found = value(&families, name, name, &[("code", code)]);
        assert_eq!(found, Some(expected));
    }
    let name = "naslane_quarantines_total";
    for (reason, expected) in [("overrun", 3.0), ("submit_tail", 0.0)] {
        assert_eq!(
            value(&families, name, name, &[("reason", reason)]),
            Some(expected)
        );
    }
    let batch = |bound| {
        let name = "naslane_batch_messages";
        value(
            &families,
            name,
            "naslane_batch_messages_bucket",
            &[("le", bound)],
        )
    };
    assert_eq!(
        ["1", "2", "4", "32", "64", "4096", "+Inf"].map(batch),
        [4.0, 4.0, 6.0, 6.0, 8.0, 8.0, 10.0].map(Some)
    );
    let latency = |bound| {
        let name = "naslane_latency_seconds";
        value(
            &families,
            name,
            "naslane_latency_seconds_bucket",
            &[("le", bound)],
        )
    };
    // 500 ns lie between 384 and 512, 1000 ns between 768 and 1024.
    assert_eq!(
        [
            "0.000000128",
            "0.000000384",
            "0.000000512",
            "0.000001024",
            "1.610612736",
            "+Inf"
        ]
        .map(latency),
        [2.0, 2.0, 4.0, 132.0, 132.0, 18_138.0].map(Some)
    );
}

/// What a label may be called, and what it may say: words of fixed lists, workers and bounds.
#[test]
fn labels_are_words_of_fixed_lists() {
    let words: Vec<&str> = (Operation::ALL.iter().map(|o| o.name()))
        .chain(Verdict::ALL.iter().map(|v| v.name()))
        .chain(Quarantine::ALL.iter().map(|q| q.name()))
        .chain(Algorithms::all().map(|a| a.name()))
        .chain(TapEnd::ALL.iter().map(|end| end.name()))
        .chain(Diagnosis::ALL.iter().map(|code| code.name()))
        .collect();
    for sample in families(&busy().snapshot())
        .values()
        .flat_map(|family| &family.samples)
    {
        for (label, text) in &sample.labels {
            let good = match label.as_str() {
                "operation" | "algorithm" | "verdict" | "reason" | "code" => {
                    words.contains(&text.as_str())
                }
                "worker" => text == "0" || text == "1",
                "le" => text == "+Inf" || text.parse::<f64>().is_ok(),
                "version" => text == naslane::VERSION,
                _ => false,
            };
            assert!(good, "{sample:?}");
        }
    }
}

/// A subscriber whose key, handle and COUNT are known sends a lot, and nothing of it is to be found.
#[test]
fn nothing_tells_a_subscriber() {
    const MESSAGES: u32 = 5000;
    let engine = engine(2, 2);
    // The first handle is 2^28, which a bound of the latency histogram is too.
    Pair::secured(&engine, 1);
    let pair = Pair::secured(&engine, 0x0123_4567_89AB_CDEF);
    let metrics = Metrics::new(1);
    let mut recorder = metrics.worker(0).and_then(|w| w.recorder()).expect("free");
    let (mut arena, mut pdu, mut count) = (vec![0; 64], [0; 64], 0);
    for _ in 0..MESSAGES {
        // Two are lost on the way, so that no counter is the COUNT by chance.
        for _ in 0..2 {
            engine
                .protect(pair.ue, GPP, UPLINK, &mut pdu)
                .expect("protects");
        }
        let sent = engine
            .protect(pair.ue, GPP, UPLINK, &mut pdu)
            .expect("protects");
        arena[..sent.len].copy_from_slice(&pdu[..sent.len]);
        let job = Job {
            op: op::VERIFY,
            access: 1,
            session: pair.amf.bits(),
            in_len: sent.len as u32,
            out_capacity: 64,
            ..Job::default()
        };
        // The second one is a replay.
        for mut jobs in [[job], [job]] {
            arena[..sent.len].copy_from_slice(&pdu[..sent.len]);
            engine.batch_counted(&mut jobs, &mut arena, &mut |job, algorithms| {
                recorder.message(job.op, algorithms, job.status);
            });
            count = count.max(jobs[0].count);
        }
        recorder.batch(2);
        recorder.latency(2, 900);
    }
    let text = exposition::write(&metrics.snapshot());
    let name = "naslane_messages_total";
    let families = parse(&text).expect("valid");
    let verdict = |verdict| {
        let labels = [
            ("operation", "verify"),
            ("algorithm", "NEA2/NIA2"),
            ("verdict", verdict),
        ];
        value(&families, name, name, &labels)
    };
    assert_eq!(verdict("ok"), Some(f64::from(MESSAGES)));
    assert_eq!(
        verdict(Verdict::of(Error::Replay.code()).name()),
        Some(f64::from(MESSAGES))
    );

    let key: String = k_amf(0x0123_4567_89AB_CDEF)
        .expose()
        .iter()
        .map(|o| format!("{o:02x}"))
        .collect();
    assert!(count > 2 * MESSAGES + 1);
    let mut traces = vec![
        key[..16].to_owned(),
        key[48..].to_owned(),
        count.to_string(),
    ];
    for handle in [pair.amf.bits(), pair.ue.bits()] {
        traces.extend([
            handle.to_string(),
            format!("{handle:x}"),
            format!("{handle:#018x}"),
        ]);
    }
    traces.extend(
        [
            "imsi",
            "supi",
            "suci",
            "guti",
            "k_amf",
            "k_nas",
            "handle",
            "nas_count",
        ]
        .map(str::to_owned),
    );
    let text = text.to_lowercase();
    for trace in traces {
        let found = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == trace);
        assert!(
            !found && (trace.len() < 10 || !text.contains(&trace)),
            "{trace}"
        );
    }
}
