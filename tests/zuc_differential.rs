//! Random keys and IVs through every ZUC row, against the `zuc` crate (R39): an LFSR that reaches 0 modulo 2^31 - 1, or
//! a carry lost in the sum, shows once in millions of pairs.
//!
//! `NASLANE_ZUC_PAIRS=100000000 NASLANE_ZUC_SEED=1 cargo test --release --test zuc_differential -- --nocapture`;
//! `tests/run zuc` takes ten million pairs. Without the variables: enough for a look, and the seed of all runs.

mod kernel_common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kernel_common::SplitMix;
use naslane::kernel::{Backend, Lane, zuc};

type Pair = ([u8; 16], [u8; 16]);

/// Lanes of a call: a multiple of every row's width, and small enough for the cache.
const BATCH: usize = 256;
/// 64 bits of keystream suffice: the 33 clocks of the initialisation are what differs by key and IV.
const KEYSTREAM: usize = 8;

fn variable(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

fn pair(random: &mut SplitMix) -> Pair {
    let mut block = || {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&random.next().to_le_bytes());
        bytes[8..].copy_from_slice(&random.next().to_le_bytes());
        bytes
    };
    (block(), block())
}

fn run(row: &Backend<zuc::Zuc>, pairs: &[Pair; BATCH]) -> [[u8; KEYSTREAM]; BATCH] {
    let mut texts = [[0; KEYSTREAM]; BATCH];
    let mut data = texts.iter_mut();
    let mut lanes = pairs.each_ref().map(|(key, iv)| Lane {
        key,
        iv: *iv,
        data: data.next().expect("as many texts as pairs"),
    });
    (row.many)(&mut lanes);
    texts
}

/// The same through the pieces that long MACs take.
fn stream(row: &Backend<zuc::Stream>, pairs: &[Pair; BATCH]) -> [[u8; KEYSTREAM]; BATCH] {
    let mut texts = [[0; KEYSTREAM]; BATCH];
    let mut states = pairs.each_ref().map(|(key, iv)| zuc::State::new(key, iv));
    let mut lanes: Vec<_> = states
        .iter_mut()
        .zip(&mut texts)
        .map(|(state, data)| zuc::StreamLane { state, data })
        .collect();
    (row.many)(&mut lanes);
    drop(lanes);
    texts
}

#[test]
fn r39_every_zuc_row_agrees_with_the_crate() {
    let pairs = variable("NASLANE_ZUC_PAIRS", 20_000);
    let seed = variable("NASLANE_ZUC_SEED", 39);
    let batches = (pairs as usize).div_ceil(BATCH);
    let (reference, others) = zuc::BACKENDS.split_last().expect("a table has rows");
    assert_eq!(reference.name, "zuc_crate");
    let rows: Vec<_> = others.iter().filter(|row| (row.available)()).collect();
    let streams = zuc::stream::BACKENDS.iter();
    let streams: Vec<_> = streams.filter(|row| (row.available)()).collect();
    let names = rows.iter().map(|row| row.name);
    let names = names
        .chain(streams.iter().map(|row| row.name))
        .collect::<Vec<_>>();
    println!(
        "{} pairs, seed {seed}, rows and pieces: {names:?}",
        batches * BATCH
    );

    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed); // a ticket; nothing else goes with it
            if batch >= batches {
                return;
            }
            // Each batch has a generator of its own, so that its number alone repeats it.
            let mut random = SplitMix(seed ^ (batch as u64) << 32);
            let pairs: [Pair; BATCH] = core::array::from_fn(|_| pair(&mut random));
            let expected = run(reference, &pairs);
            let answers = rows.iter().map(|row| (row.name, run(row, &pairs)));
            let pieces = streams.iter().map(|row| (row.name, stream(row, &pairs)));
            for (name, got) in answers.chain(pieces) {
                let wrong = (0..BATCH).find(|&lane| got[lane] != expected[lane]);
                let Some(lane) = wrong else { continue };
                let (key, iv) = pairs[lane];
                panic!(
                    "{name} differs from zuc_crate: key {key:02x?}, IV {iv:02x?}, lane {lane} of batch {batch}; again: \
                     NASLANE_ZUC_PAIRS={} NASLANE_ZUC_SEED={seed} cargo test --release --test zuc_differential",
                    (batch + 1) * BATCH
                );
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
