//! Nanoseconds per message of every row of the AES and carry-less rooms: the minimum over many short rounds, the
//! rows taking turns, each lane with its own key. `cargo run --release --example kernel_minimum -- [room]`.

#![allow(clippy::print_stdout)]

use naslane::kernel::{Backend, Lane, Room, aes128, clmul};
use std::hint::black_box;
use std::time::Instant;

const BATCH: usize = 64; // lanes a call
const ROUNDS: usize = 300;
const SIZES: [(&str, fn(usize) -> usize); 7] = [
    ("16", |_| 16),
    ("40", |_| 40),
    ("64", |_| 64),
    ("65", |_| 65),
    ("160", |_| 160),
    ("24..160", |i| 24 + i * 77 % 137),
    ("1400", |_| 1400),
];

/// Bytes that differ from lane to lane.
fn bytes<const N: usize>(lane: usize) -> [u8; N] {
    core::array::from_fn(|i| (lane * 37 + lane / 7 + i * 11 + 5) as u8)
}

/// Times every available row: `BATCH` lanes a call and one by one.
fn room<R: Room>(what: &str, lanes: &mut [R::Lane<'_>]) {
    let rows: Vec<&Backend<R>> = R::backends().iter().filter(|r| (r.available)()).collect();
    let mut best = vec![[f64::MAX; 2]; rows.len()];
    let rounds = if rows.len() > 2 || lanes.len() <= BATCH {
        ROUNDS
    } else {
        ROUNDS / 2
    };
    for round in 0..rounds {
        for (row, best) in rows.iter().zip(&mut best) {
            // The reference rows are slow: a few rounds will do.
            if round > 20 && best[0] > 300.0 {
                continue;
            }
            let start = Instant::now();
            for batch in lanes.chunks_mut(BATCH) {
                (row.many)(black_box(batch));
            }
            best[0] = best[0].min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            for lane in lanes.iter_mut() {
                (row.one)(black_box(lane));
            }
            best[1] = best[1].min(start.elapsed().as_secs_f64());
        }
    }
    for (row, best) in rows.iter().zip(best) {
        let [many, one] = best.map(|time| time * 1e9 / lanes.len() as f64);
        println!(
            "{:14} {:14} {what:>8} x{:<5} many {many:7.1} one {one:7.1}",
            R::NAME,
            row.name,
            lanes.len()
        );
    }
}

fn all(wanted: &str, count: usize) {
    let keys: Vec<_> = (0..count).map(|i| aes128::Key::new(&bytes(i))).collect();
    for (what, size) in SIZES {
        let mut texts: Vec<Vec<u8>> = (0..count).map(|i| vec![i as u8; size(i)]).collect();
        if "ctr".contains(wanted) {
            let lanes = texts.iter_mut().zip(&keys).enumerate();
            let mut lanes: Vec<_> = lanes
                .map(|(i, (data, key))| Lane {
                    key,
                    iv: (u128::from(i as u64) << 64).to_be_bytes(),
                    data,
                })
                .collect();
            room::<aes128::Ctr>(what, &mut lanes);
        }
        if "cmac".contains(wanted) {
            let lanes = texts.iter().zip(&keys);
            let mut lanes: Vec<_> = lanes
                .map(|(message, key)| aes128::CmacLane {
                    key,
                    head: Some([7; 8]),
                    message,
                    bits: 8 * message.len(),
                    mac: [0; 16],
                })
                .collect();
            room::<aes128::Cmac>(what, &mut lanes);
        }
        if "uia2".contains(wanted) {
            let lanes = texts.iter().enumerate();
            let mut lanes: Vec<_> = lanes
                .map(|(i, message)| clmul::Uia2Lane {
                    p: u64::from_le_bytes(bytes(i)),
                    q: u64::from_le_bytes(bytes(i + 9)),
                    message,
                    bits: 8 * message.len(),
                    eval: 0,
                })
                .collect();
            room::<clmul::Uia2>(what, &mut lanes);
        }
        if "window".contains(wanted) {
            let streams: Vec<Vec<u8>> = texts
                .iter()
                .map(|t| vec![0x5A; t.len() / 4 * 4 + 12])
                .collect();
            let lanes = texts.iter().zip(&streams);
            let mut lanes: Vec<_> = lanes
                .map(|(message, keystream)| clmul::WindowLane {
                    keystream,
                    message,
                    bits: 8 * message.len(),
                    t: 0,
                })
                .collect();
            room::<clmul::Window>(what, &mut lanes);
        }
    }
    if "expand".contains(wanted) {
        let mut keys = keys;
        let mut lanes: Vec<_> = keys
            .iter_mut()
            .map(|key| aes128::ExpandLane { key })
            .collect();
        room::<aes128::Expand>("-", &mut lanes);
    }
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for count in [BATCH, 64 * BATCH] {
        all(&wanted, count);
    }
}
