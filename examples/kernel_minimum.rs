//! Nanoseconds per message of every row of the AES and carry-less rooms: the minimum over many short rounds, the
//! rows taking turns, each lane with its own key. `cargo run --release --example kernel_minimum -- [room]`.

#![allow(clippy::print_stdout)]

use naslane::base::cpu::prefetch;
use naslane::kernel::{Backend, Lane, Room, aes128, clmul};
use std::hint::black_box;
use std::time::Instant;

const BATCH: usize = 64; // lanes a call
const ROUNDS: usize = 300;
type Size = (&'static str, fn(usize) -> usize);

const SIZES: [Size; 7] = [
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
                    key: &key.schedule,
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
        if "seal".contains(wanted) {
            let mut macs = vec![[0; 4]; count];
            let lanes = texts.iter_mut().zip(&mut macs).enumerate();
            let mut lanes: Vec<_> = lanes
                .map(|(i, (text, mac))| aes128::SealLane {
                    enc: &keys[i].schedule,
                    int: &keys[count - 1 - i],
                    head: [7; 8],
                    ciphered: 1..text.len(),
                    plain: None,
                    text,
                    mac,
                })
                .collect();
            room::<aes128::Seal>(what, &mut lanes);
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

/// A million sessions in random order: prepared key pairs (384 bytes) against raw ones (32 bytes) expanded for
/// each message, the next batch's keys asked for ahead.
fn sessions(count: usize) {
    let (expand, ctr, cmac) = (
        aes128::expand::active(),
        aes128::ctr::active(),
        aes128::cmac::active(),
    );
    let raw: Vec<[[u8; 16]; 2]> = (0..count).map(|i| [bytes(i), bytes(i + 1)]).collect();
    let prepared: Vec<[aes128::Key; 2]> = raw
        .iter()
        .map(|pair| pair.each_ref().map(aes128::Key::new))
        .collect();
    // Every session once: an odd multiplier permutes a power of two.
    let visit = |i: usize| i.wrapping_mul(0x9E37_79B1) % count;
    let mut best = [f64::MAX; 2];
    let mut texts = vec![[0_u8; 64]; BATCH];
    for (what, touch) in [
        ("prepared", &(|i| prefetch(&prepared[i])) as &dyn Fn(usize)),
        ("raw", &|i| prefetch(&raw[i])),
    ] {
        let start = Instant::now();
        (0..count).for_each(|i| touch(visit(i)));
        let time = start.elapsed().as_secs_f64() * 1e9 / count as f64;
        println!("sessions x{count}: asking for {what} keys alone {time:.1}");
    }
    for round in 0..8 {
        let start = Instant::now();
        let mut fresh: Vec<[aes128::Key; 2]> = prepared[..BATCH].to_vec();
        for first in (0..count).step_by(BATCH) {
            for i in first + BATCH..first + 2 * BATCH {
                if round % 2 == 0 {
                    prefetch(&prepared[visit(i)]);
                } else {
                    prefetch(&raw[visit(i)]);
                }
            }
            if round % 2 == 1 {
                for (i, pair) in fresh.iter_mut().enumerate() {
                    for (key, raw) in pair.iter_mut().zip(&raw[visit(first + i)]) {
                        // Not dropped: the wiping is not what is measured.
                        std::mem::forget(std::mem::replace(key, aes128::Key::raw(raw)));
                    }
                }
                let keys = fresh.iter_mut().flatten();
                let mut lanes: Vec<_> = keys.map(|key| aes128::ExpandLane { key }).collect();
                (expand.many)(&mut lanes);
            }
            let keys = |i: usize| match round % 2 {
                0 => &prepared[visit(first + i)],
                _ => &fresh[i],
            };
            let mut lanes: Vec<_> = texts
                .iter_mut()
                .enumerate()
                .map(|(i, data)| Lane {
                    key: &keys(i)[0].schedule,
                    iv: (first as u128).to_le_bytes(),
                    data,
                })
                .collect();
            (ctr.many)(&mut lanes);
            let mut lanes: Vec<_> = texts
                .iter()
                .enumerate()
                .map(|(i, message)| aes128::CmacLane {
                    key: &keys(i)[1],
                    head: Some([7; 8]),
                    message,
                    bits: 8 * message.len(),
                    mac: [0; 16],
                })
                .collect();
            (cmac.many)(&mut lanes);
            black_box(&lanes);
        }
        best[round % 2] = best[round % 2].min(start.elapsed().as_secs_f64());
    }
    let [cached, expanded] = best.map(|time| time * 1e9 / count as f64);
    println!("sessions x{count}: schedules cached {cached:.1}, expanded per message {expanded:.1}");
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if wanted == "sessions" {
        sessions(1 << 12);
        return sessions(1 << 20);
    }
    for count in [BATCH, 64 * BATCH] {
        all(&wanted, count);
    }
}
