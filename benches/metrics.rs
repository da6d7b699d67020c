//! What counting costs: nanoseconds per message, per batch, and for a whole snapshot.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use naslane::base::metrics::{Algorithms, Metrics};
use naslane::engine::job::op;

fn counting(c: &mut Criterion) {
    let metrics = Metrics::new(1);
    let mut recorder = metrics.worker(0).and_then(|w| w.recorder()).expect("free");
    let mut group = c.benchmark_group("metrics");
    group.bench_function("message", |b| {
        b.iter(|| {
            recorder.message(
                black_box(op::PROTECT),
                black_box(Algorithms::of(2, 2)),
                black_box(0),
            )
        });
    });
    // As a worker does it: 64 messages with all that belongs to their batch.
    let mix = [(2, 2), (2, 2), (2, 2), (1, 1), (3, 3)].map(|(nea, nia)| Algorithms::of(nea, nia));
    group.bench_function("batch_of_64", |b| {
        b.iter(|| {
            recorder.turn();
            for (message, algorithms) in (0..64).zip(mix.iter().cycle()) {
                recorder.message(black_box(1 + message % 2), *algorithms, black_box(0));
            }
            recorder.batch(black_box(64));
            recorder.latency(black_box(64), black_box(12_345));
            recorder.ring_occupancy(black_box(17));
        });
    });
    group.bench_function("snapshot", |b| b.iter(|| metrics.snapshot()));
    group.finish();
}

criterion_group!(benches, counting);
criterion_main!(benches);
