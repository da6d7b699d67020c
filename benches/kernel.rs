//! Every room and every backend: 64-byte messages, one lane and 32 lanes with distinct keys. The right answer is
//! asserted before anything is timed. `cargo bench --bench kernel -- zuc` runs one room.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use naslane::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia, cipher, mac};
use naslane::base::Direction;
use naslane::kernel::{self, Backend, Lane, Room, aes128, clmul, sha256, snow3g, zuc};
use std::hint::black_box;
use std::time::Duration;

const LEN: usize = 64;
const MANY: usize = 32;

fn raw(lane: usize) -> [u8; 16] {
    core::array::from_fn(|i| (lane * 37 + i * 11 + 5) as u8)
}

fn rows<R: Room>() -> impl Iterator<Item = &'static Backend<R>> {
    let rows = R::backends().iter();
    rows.filter(|row| (row.available)())
        .inspect(|row| assert!(kernel::known_answer(row), "{}", row.name))
}

/// Times both verbs of every row; `make` builds the lanes, `answer` reads a lane's result.
fn room<'a, R: Room>(
    criterion: &mut Criterion,
    lanes: &mut Vec<R::Lane<'a>>,
    answer: impl Fn(&R::Lane<'a>) -> Vec<u8>,
    again: impl Fn(&mut R::Lane<'a>),
) {
    let mut group = criterion.benchmark_group(R::NAME);
    let reference = R::backends().last().unwrap();
    lanes.iter_mut().for_each(&again);
    lanes.iter_mut().for_each(reference.one);
    let expected: Vec<_> = lanes.iter().map(&answer).collect();
    for row in rows::<R>() {
        for count in [1, MANY] {
            lanes.iter_mut().for_each(&again);
            let part = &mut lanes[..count];
            let run = |part: &mut [R::Lane<'a>]| match part {
                [lane] => (row.one)(lane),
                lanes => (row.many)(lanes),
            };
            run(part);
            assert!(
                part.iter()
                    .zip(&expected)
                    .all(|(lane, right)| answer(lane) == *right)
            );
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::new(row.name, count), |bench| {
                bench.iter(|| run(black_box(part)));
            });
        }
    }
}

fn keystream<R, K: 'static>(criterion: &mut Criterion, keys: &[K])
where
    R: for<'a> Room<Lane<'a> = Lane<'a, K>>,
{
    let mut texts = [[0; LEN]; MANY];
    let mut lanes: Vec<_> = texts
        .iter_mut()
        .zip(keys)
        .enumerate()
        .map(|(i, (data, key))| Lane {
            key,
            iv: raw(i + 99),
            data: &mut data[..],
        })
        .collect();
    room::<R>(
        criterion,
        &mut lanes,
        |lane| lane.data.to_vec(),
        |lane| lane.data.fill(0),
    );
}

fn keystreams(criterion: &mut Criterion) {
    let raws: Vec<_> = (0..MANY).map(raw).collect();
    let schedule = |raw| aes128::Key::new(raw).schedule.clone();
    let prepared: Vec<_> = raws.iter().map(schedule).collect();
    keystream::<aes128::Ctr, _>(criterion, &prepared);
    keystream::<snow3g::Snow3g, _>(criterion, &raws);
    keystream::<zuc::Zuc, _>(criterion, &raws);
}

fn products(criterion: &mut Criterion) {
    let messages: Vec<[u8; LEN]> = (0..MANY).map(|i| [i as u8 * 3 + 1; LEN]).collect();
    let prepared: Vec<_> = (0..MANY).map(|i| aes128::Key::new(&raw(i))).collect();
    let mut lanes: Vec<_> = messages
        .iter()
        .zip(&prepared)
        .map(|(message, key)| aes128::CmacLane {
            key,
            head: Some([7; 8]),
            message,
            bits: 8 * LEN,
            mac: [0; 16],
        })
        .collect();
    room::<aes128::Cmac>(
        criterion,
        &mut lanes,
        |lane| lane.mac.to_vec(),
        |lane| lane.mac = [0; 16],
    );
    let mut lanes: Vec<_> = messages
        .iter()
        .map(|message| clmul::Uia2Lane {
            p: u64::from_le_bytes([message[0]; 8]),
            q: !u64::from(message[1]),
            message,
            bits: 8 * LEN,
            eval: 0,
        })
        .collect();
    let answer = |lane: &clmul::Uia2Lane<'_>| lane.eval.to_be_bytes().to_vec();
    room::<clmul::Uia2>(criterion, &mut lanes, answer, |lane| lane.eval = 0);
    let keystream: Vec<u8> = (0..LEN as u8 + 8).map(|i| i.wrapping_mul(29)).collect();
    let mut lanes: Vec<_> = messages
        .iter()
        .map(|message| clmul::WindowLane {
            keystream: &keystream,
            message,
            bits: 8 * LEN,
            t: 0,
        })
        .collect();
    let answer = |lane: &clmul::WindowLane<'_>| lane.t.to_be_bytes().to_vec();
    room::<clmul::Window>(criterion, &mut lanes, answer, |lane| lane.t = 0);
}

fn derivations(criterion: &mut Criterion) {
    let keys: Vec<_> = (0..MANY as u8).map(|i| [i; 32]).collect();
    let mut lanes: Vec<_> = keys
        .iter()
        .map(|key| sha256::HmacLane {
            key,
            message: &[0x69, 1, 0, 1, 2, 0, 1],
            out: [0; 32],
        })
        .collect();
    room::<sha256::HmacSha256>(
        criterion,
        &mut lanes,
        |lane| lane.out.to_vec(),
        |lane| lane.out = [0; 32],
    );
    let mut keys: Vec<_> = (0..MANY).map(|i| aes128::Key::raw(&raw(i))).collect();
    let mut lanes: Vec<_> = keys
        .iter_mut()
        .map(|key| aes128::ExpandLane { key })
        .collect();
    let answer = |lane: &aes128::ExpandLane<'_>| lane.key.schedule.rounds().concat();
    room::<aes128::Expand>(criterion, &mut lanes, answer, |_| ());
}

/// What a protected message costs: NEAx and NIAx over 64 bytes with the rows in use.
fn algorithms(criterion: &mut Criterion) {
    kernel::start().unwrap();
    let mut group = criterion.benchmark_group("protect");
    for id in 1..=3 {
        let (nea, nia) = (Nea::from_id(id).unwrap(), Nia::from_id(id).unwrap());
        let enc: Vec<_> = (0..MANY).map(|i| Key::for_nea(nea, &raw(i))).collect();
        let int: Vec<_> = (0..MANY).map(|i| Key::for_nia(nia, &raw(i + 50))).collect();
        let input = Input {
            count: 5,
            bearer: 1,
            direction: Direction::Downlink,
        };
        for count in [1, MANY] {
            let mut texts = vec![[0; LEN]; count];
            let mut run = || {
                let mut lanes: Vec<_> = texts
                    .iter_mut()
                    .zip(&enc)
                    .map(|(data, key)| CipherLane {
                        key: key.cipher(),
                        input,
                        data: &mut data[..],
                    })
                    .collect();
                cipher(nea, &mut lanes);
                let mut lanes: Vec<_> = texts
                    .iter()
                    .zip(&int)
                    .map(|(message, key)| MacLane::new(key, input, message))
                    .collect();
                mac(nia, &mut lanes);
                lanes[count - 1].mac
            };
            let first = run();
            run();
            assert_eq!(first, run(), "ciphering twice gives the first text again");
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(
                BenchmarkId::new(format!("nea{id}_nia{id}"), count),
                |bench| {
                    bench.iter(|| black_box(run()));
                },
            );
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = algorithms, keystreams, products, derivations
}
criterion_main!(benches);
