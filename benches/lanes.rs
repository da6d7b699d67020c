//! The stream ciphers in lanes at the sizes of NAS: minimum time of every row over many short rounds, the rows in turn,
//! so that a busy machine disturbs them alike. `cargo bench --bench lanes -- snow3g` runs one room.

#![allow(clippy::print_stdout)]

use naslane::kernel::{self, Backend, Lane, Room, snow3g, zuc};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 1_500;

/// A name, and bytes of every lane.
const CASES: &[(&str, &[usize])] = &[
    ("64 lanes of 64", &[64; 64]),
    ("64 lanes of 20", &[20; 64]),
    ("2 lanes: 64, 20", &[64, 20]),
    ("1 lane of 64", &[64]),
    ("4 lanes of 64", &[64; 4]),
    ("8 lanes of 64", &[64; 8]),
    ("16 lanes of 64", &[64; 16]),
    ("16 lanes of 1500", &[1500; 16]),
    ("1 lane of 1500", &[1500]),
];

fn block(seed: usize) -> [u8; 16] {
    core::array::from_fn(|i| (seed * 37 + i * 11 + 5) as u8)
}

fn room<R>()
where
    R: for<'a> Room<Lane<'a> = Lane<'a, [u8; 16]>>,
{
    let keys: Vec<_> = (0..64).map(block).collect();
    let rows: Vec<_> = R::backends()
        .iter()
        .filter(|row| (row.available)())
        .inspect(|row| assert!(kernel::known_answer(row), "{}", row.name))
        .collect();
    println!("{}: ns a call (ns a lane)", R::NAME);
    for (name, lengths) in CASES {
        let mut texts: Vec<_> = lengths.iter().map(|&len| vec![0; len]).collect();
        let mut lanes: Vec<_> = texts
            .iter_mut()
            .zip(&keys)
            .enumerate()
            .map(|(i, (data, key))| Lane {
                key,
                iv: block(i + 99),
                data: &mut data[..],
            })
            .collect();
        // About as much work in every case.
        let work: usize = lengths.iter().map(|len| len + 130).sum();
        let calls = (12_000 / work).max(1);
        let mut best = vec![Duration::MAX; rows.len()];
        for _ in 0..ROUNDS {
            for (row, best) in rows.iter().zip(&mut best) {
                *best = (*best).min(time(row, &mut lanes, calls));
            }
        }
        println!("  {name}");
        for (row, best) in rows.iter().zip(best) {
            let call = best.as_nanos() as f64 / calls as f64;
            let lane = call / lengths.len() as f64;
            println!("    {:<14} {call:>9.0} ({lane:.1})", row.name);
        }
    }
}

fn time<R>(row: &Backend<R>, lanes: &mut [Lane<'_, [u8; 16]>], calls: usize) -> Duration
where
    R: for<'a> Room<Lane<'a> = Lane<'a, [u8; 16]>>,
{
    let start = Instant::now();
    for _ in 0..calls {
        match black_box(&mut *lanes) {
            [lane] => (row.one)(lane),
            lanes => (row.many)(lanes),
        }
    }
    start.elapsed()
}

fn main() {
    let wanted = |name: &str| {
        let mut names = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
        let mut any = false;
        names.any(|arg| {
            any = true;
            arg == name
        }) || !any
    };
    if wanted(snow3g::Snow3g::NAME) {
        room::<snow3g::Snow3g>();
    }
    if wanted(zuc::Zuc::NAME) {
        room::<zuc::Zuc>();
    }
}
