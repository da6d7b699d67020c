//! Derivations of an AMF: what a UE costs alone and in a batch. Every answer is checked before it is timed.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use naslane::base::AccessType;
use naslane::kdf::{
    Abba, AlgorithmId, KAmf, KAmfLane, KGnb, KGnbLane, KNasLane, KSeaf, Supi, derive, k_amf,
    k_amf_batch, k_gnb, k_gnb_batch, k_nas_batch,
};
use naslane::kernel::sha256::{
    HmacLane, HmacPair, HmacSha256, Message, PairLane, Prepared, Short, ShortLane,
};
use naslane::kernel::{self, Backend, Room};
use std::hint::black_box;

const BATCH: usize = 64;
const SIZES: [usize; 4] = [1, 8, 16, BATCH];

fn key(i: usize) -> [u8; 32] {
    std::array::from_fn(|j| (i * 31 + j * 7) as u8)
}

fn expected(key: &[u8; 32], fc: u8, params: &[&[u8]]) -> [u8; 32] {
    *derive(key, fc, params).unwrap().expose()
}

fn check_k_nas(lane: &KNasLane<'_>) {
    let enc = expected(lane.k_amf.expose(), 0x69, &[&[1], &[lane.nea.get()]]);
    let int = expected(lane.k_amf.expose(), 0x69, &[&[2], &[lane.nia.get()]]);
    assert_eq!(lane.k_nas_enc.expose()[..], enc[16..]);
    assert_eq!(lane.k_nas_int.expose()[..], int[16..]);
}

fn k_nas(c: &mut Criterion) {
    let keys: Vec<KAmf> = (0..BATCH).map(|i| KAmf::new(key(i))).collect();
    let mut lanes: Vec<KNasLane<'_>> = keys
        .iter()
        .map(|k_amf| KNasLane::new(k_amf, AlgorithmId::AES, AlgorithmId::SNOW_3G))
        .collect();
    let mut group = c.benchmark_group("k_nas");
    for size in SIZES {
        let lanes = &mut lanes[..size];
        k_nas_batch(lanes);
        lanes.iter().for_each(check_k_nas);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("pair/{size}"), |b| {
            b.iter(|| k_nas_batch(black_box(&mut *lanes)));
        });
    }
    group.finish();
}

fn k_gnb_of_count(c: &mut Criterion) {
    let keys: Vec<KAmf> = (0..BATCH).map(|i| KAmf::new(key(i))).collect();
    let answer = |k_amf: &KAmf| KGnb::new(expected(k_amf.expose(), 0x6E, &[&[0, 0, 0, 5], &[1]]));
    let mut group = c.benchmark_group("k_gnb");
    assert_eq!(k_gnb(&keys[0], 5, AccessType::ThreeGpp), answer(&keys[0]));
    group.throughput(Throughput::Elements(1));
    group.bench_function("1", |b| {
        b.iter(|| k_gnb(black_box(&keys[0]), black_box(5), AccessType::ThreeGpp));
    });

    let mut lanes: Vec<KGnbLane<'_>> = keys
        .iter()
        .map(|k_amf| KGnbLane::new(k_amf, 5, AccessType::ThreeGpp))
        .collect();
    k_gnb_batch(&mut lanes);
    assert!(lanes.iter().all(|lane| lane.k_gnb == answer(lane.k_amf)));
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BATCH.to_string(), |b| {
        b.iter(|| k_gnb_batch(black_box(&mut lanes)));
    });
    group.finish();
}

fn k_amf_of_supi(c: &mut Criterion) {
    const IMSI: &str = "001010123456789";
    let keys: Vec<KSeaf> = (0..BATCH).map(|i| KSeaf::new(key(i))).collect();
    let supi = Supi::parse(IMSI).unwrap();
    let answer =
        |k_seaf: &KSeaf| KAmf::new(expected(k_seaf.expose(), 0x6D, &[IMSI.as_bytes(), &[0, 0]]));
    let mut group = c.benchmark_group("k_amf");
    assert_eq!(k_amf(&keys[0], supi, Abba::INITIAL), answer(&keys[0]));
    group.throughput(Throughput::Elements(1));
    group.bench_function("1", |b| {
        b.iter(|| k_amf(black_box(&keys[0]), black_box(supi), Abba::INITIAL));
    });

    let mut lanes: Vec<KAmfLane<'_>> = keys
        .iter()
        .map(|k_seaf| KAmfLane::new(k_seaf, supi, Abba::INITIAL))
        .collect();
    k_amf_batch(&mut lanes);
    assert!(lanes.iter().all(|lane| lane.k_amf == answer(lane.k_seaf)));
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BATCH.to_string(), |b| {
        b.iter(|| k_amf_batch(black_box(&mut lanes)));
    });
    group.finish();
}

fn rows<R: Room>() -> impl Iterator<Item = &'static Backend<R>> {
    R::backends()
        .iter()
        .filter(|row| (row.available)())
        .inspect(|row| assert!(kernel::known_answer(row), "{}", row.name))
}

/// Every row of a room, alone and in batches; throughput is in lanes.
fn every_row<R: Room>(c: &mut Criterion, lanes: &mut [R::Lane<'_>]) {
    let mut group = c.benchmark_group(R::NAME);
    for row in rows::<R>() {
        for size in SIZES {
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(format!("{}/{size}", row.name), |b| {
                match &mut lanes[..size] {
                    [lane] => b.iter(|| (row.one)(black_box(&mut *lane))),
                    lanes => b.iter(|| (row.many)(black_box(&mut *lanes))),
                }
            });
        }
    }
    group.finish();
}

/// The kernel under the derivations: the 10-byte message of K_gNB, and the two prepared ones of the NAS keys.
fn kernels(c: &mut Criterion) {
    static NAS: [Prepared<'static>; 2] = [
        Prepared::new(&[0x69, 1, 0, 1, 2, 0, 1]),
        Prepared::new(&[0x69, 2, 0, 1, 1, 0, 1]),
    ];
    let keys: Vec<[u8; 32]> = (0..BATCH).map(key).collect();
    let message = [0x6E, 0, 0, 0, 5, 0, 4, 1, 0, 1];
    let mut lanes: Vec<_> = keys.iter().map(|k| HmacLane::new(k, &message)).collect();
    every_row::<HmacSha256>(c, &mut lanes);
    let mut outs = [[[0; 16]; 2]; BATCH];
    let mut lanes: Vec<_> = keys
        .iter()
        .zip(&mut outs)
        .map(|(key, out)| PairLane {
            key,
            messages: NAS.each_ref().map(Message::Prepared),
            out: out.each_mut(),
        })
        .collect();
    every_row::<HmacPair>(c, &mut lanes);
    let halves: Vec<[[u8; 16]; 2]> = (0..BATCH).map(|i| [[i as u8; 16], [7; 16]]).collect();
    let mut lanes: Vec<_> = halves
        .iter()
        .map(|halves| ShortLane::new(halves.each_ref()))
        .collect();
    every_row::<Short>(c, &mut lanes);
}

criterion_group!(benches, k_nas, k_gnb_of_count, k_amf_of_supi, kernels);
criterion_main!(benches);
