//! The keystream rooms at the sizes of NAS: minimum nanoseconds over many short rounds, the rows in turn.
//! `cargo bench --bench keystream -- zuc` runs one room; `NASLANE_CPU_DENY` hides features.

#![allow(clippy::print_stdout)] // a bench prints what it measured

use naslane::kernel::{self, Backend, Lane, Room, snow3g, zuc};
use std::time::Instant;

/// Name, lanes and bytes: NEA keystream of 64 bytes, NIA keystream of 76 (19 words), a single message of both.
const CASES: [(&str, &[usize]); 9] = [
    ("64 lanes x 64 B", &[64; 64]),
    ("64 lanes x 76 B", &[76; 64]),
    ("64 lanes x 20 B", &[20; 64]),
    ("64 B + 20 B", &[64, 20]),
    ("8 lanes x 64 B", &[64; 8]),
    ("4 lanes x 64 B", &[64; 4]),
    ("64 B + 76 B", &[64, 76]),
    ("1 lane x 64 B", &[64]),
    ("16 lanes x 1500 B", &[1500; 16]),
];

const ROUNDS: usize = 300;

/// Nanoseconds of one call.
fn time<R>(row: &Backend<R>, sizes: &[usize]) -> f64
where
    R: for<'a> Room<Lane<'a> = Lane<'a, [u8; 16]>>,
{
    let keys: Vec<[u8; 16]> = (0..sizes.len() as u8).map(|i| [i; 16]).collect();
    let mut texts: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0; size]).collect();
    let mut lanes: Vec<_> = texts
        .iter_mut()
        .zip(&keys)
        .map(|(data, key)| Lane {
            key,
            iv: [key[0] ^ 0x5A; 16],
            data,
        })
        .collect();
    let calls = (20_000 / sizes.iter().sum::<usize>()).max(1);
    let start = Instant::now();
    for _ in 0..calls {
        match &mut lanes[..] {
            [lane] => (row.one)(lane),
            lanes => (row.many)(lanes),
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / calls as f64
}

fn room<R>()
where
    R: for<'a> Room<Lane<'a> = Lane<'a, [u8; 16]>>,
{
    let rows: Vec<_> = R::backends()
        .iter()
        .filter(|row| (row.available)())
        .collect();
    for (name, sizes) in CASES {
        let mut best = vec![f64::MAX; rows.len()];
        for round in 0..ROUNDS {
            for (row, best) in rows.iter().zip(&mut best) {
                if round == 0 {
                    assert!(kernel::known_answer(row), "{}", row.name);
                }
                *best = best.min(time(row, sizes));
            }
        }
        for (row, best) in rows.iter().zip(best) {
            let lane = best / sizes.len() as f64;
            println!(
                "{:7} {name:18} {:12} {best:10.0} ns, {lane:8.1} a lane",
                R::NAME,
                row.name
            );
        }
    }
}

/// The stream in pieces of a kilobyte: nanoseconds a piece of each of `count` generators.
fn pieces(count: usize) {
    let mut states: Vec<_> = (0..count as u8)
        .map(|i| zuc::State::new(&[i; 16], &[!i; 16]))
        .collect();
    let mut texts = vec![[0; 1024]; count];
    for row in zuc::stream::BACKENDS.iter().filter(|row| (row.available)()) {
        assert!(kernel::known_answer(row), "{}", row.name);
        let mut lanes: Vec<_> = states
            .iter_mut()
            .zip(&mut texts)
            .map(|(state, data)| zuc::StreamLane { state, data })
            .collect();
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            (row.many)(&mut lanes);
            best = best.min(start.elapsed().as_secs_f64() * 1e9);
        }
        let lane = best / count as f64;
        println!(
            "stream  {count:2} lanes x 1024 B  {:12} {best:10.0} ns, {lane:8.1} a lane",
            row.name
        );
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word));
    if runs("snow3g") {
        room::<snow3g::Snow3g>();
    }
    if runs("zuc") {
        room::<zuc::Zuc>();
        pieces(1);
        pieces(16);
    }
}
