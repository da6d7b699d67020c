//! Every backend of every room against the room's reference row, at the edges: lengths, lane counts, places in
//! memory, threads.

mod kernel_common;

use kernel_common::SplitMix;
use kernel_common::guard::{End, Guarded};
use kernel_common::subject::{Job, Subject, Verb};
use naslane::kernel::{Backend, Lane, aes128, clmul, sha256, snow3g, zuc};

/// The same test for every room.
macro_rules! every_room {
    ($test:ident) => {
        mod $test {
            use super::*;
            #[test]
            fn aes128_ctr() {
                super::$test::<aes128::Ctr>();
            }
            #[test]
            fn aes128_cmac() {
                super::$test::<aes128::Cmac>();
            }
            #[test]
            fn snow3g() {
                super::$test::<snow3g::Snow3g>();
            }
            #[test]
            fn zuc() {
                super::$test::<zuc::Zuc>();
            }
            #[test]
            fn zuc_stream() {
                super::$test::<zuc::Stream>();
            }
            #[test]
            fn clmul_uia2() {
                super::$test::<clmul::Uia2>();
            }
            #[test]
            fn clmul_window() {
                super::$test::<clmul::Window>();
            }
            #[test]
            fn sha256_hmac() {
                super::$test::<sha256::HmacSha256>();
            }
            #[test]
            fn sha256_pair() {
                super::$test::<sha256::HmacPair>();
            }
        }
    };
}

fn rows<S: Subject>() -> impl Iterator<Item = &'static Backend<S>> {
    S::backends().iter().filter(|row| (row.available)())
}

/// What the reference row makes of one message.
fn reference<S: Subject>(seed: u64, message: &[u8]) -> Vec<u8> {
    let mut data = message.to_vec();
    let mut jobs = [Job {
        seed,
        data: &mut data,
    }];
    S::compute(S::backends().last().unwrap(), Verb::One, &mut jobs).remove(0)
}

/// 0..=288 one by one, then three around every multiple of 64 to 1024, of 512 to 4096.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=4096_usize).filter(|len| {
        let near = |step: usize| (len + 1) % step <= 2;
        *len <= 288 || *len <= 1024 && near(64) || near(512)
    })
}

fn r33_r35_nothing_outside_the_message_is_touched<S: Subject>() {
    let mut guarded = Guarded::new();
    for len in lengths() {
        let seed = len as u64 + 1;
        let message = SplitMix(!seed).bytes(len);
        let expected = reference::<S>(seed, &message);
        for (row, verb) in rows::<S>().flat_map(|row| [(row, Verb::One), (row, Verb::Many)]) {
            for end in [End::Front, End::Back] {
                let data = guarded.place(&message, end);
                let mut jobs = [Job { seed, data }];
                let got = S::compute(row, verb, &mut jobs);
                assert_eq!(got[0], expected, "{} {verb:?} {len} {end:?}", row.name);
                assert!(guarded.intact(len, end), "{} {len}", row.name);
                if !S::IN_PLACE {
                    assert_eq!(guarded.freeze(len, end), message, "{} {len}", row.name);
                }
            }
        }
    }
}
every_room!(r33_r35_nothing_outside_the_message_is_touched);

fn all_lengths_and_a_neighbour<S: Subject>() {
    // Two lanes whose lengths differ, for every length to 4096 in steps that reach every residue of 128.
    for len in (0..=4096).step_by(13) {
        let messages = [
            SplitMix(len as u64).bytes(len),
            SplitMix(1).bytes(4096 - len),
        ];
        let expected = [0, 1].map(|i| reference::<S>(i as u64 + 7, &messages[i]));
        for row in rows::<S>() {
            let mut texts = messages.clone();
            let mut jobs: Vec<_> = texts
                .iter_mut()
                .zip(7..)
                .map(|(data, seed)| Job { seed, data })
                .collect();
            assert_eq!(
                S::compute(row, Verb::Many, &mut jobs),
                expected,
                "{} {len}",
                row.name
            );
        }
    }
}
every_room!(all_lengths_and_a_neighbour);

fn r38_every_lane_gets_its_own_answer<S: Subject>() {
    let mut random = SplitMix(38);
    for count in 1..=64 {
        for spread in [1, 40, 300] {
            let messages: Vec<_> = (0..count)
                .map(|_| {
                    let len = (random.next() % spread) as usize + if spread == 1 { 64 } else { 0 };
                    random.bytes(len)
                })
                .collect();
            let seeds: Vec<_> = messages.iter().map(|_| random.next()).collect();
            let expected: Vec<_> = seeds
                .iter()
                .zip(&messages)
                .map(|(&seed, message)| reference::<S>(seed, message))
                .collect();
            for row in rows::<S>() {
                let mut texts = messages.clone();
                let mut jobs: Vec<_> = texts
                    .iter_mut()
                    .zip(&seeds)
                    .map(|(data, &seed)| Job { seed, data })
                    .collect();
                let got = S::compute(row, Verb::Many, &mut jobs);
                assert_eq!(got, expected, "{} of {count}, {spread}", row.name);
            }
        }
    }
}
every_room!(r38_every_lane_gets_its_own_answer);

fn any_alignment<S: Subject>() {
    for len in [0, 1, 7, 16, 33, 64, 100, 129] {
        let message = SplitMix(len as u64).bytes(len);
        let expected = reference::<S>(5, &message);
        for row in rows::<S>() {
            for offset in 0..=17 {
                let mut memory = vec![0xA5; len + 40];
                let data = &mut memory[offset..offset + len];
                data.copy_from_slice(&message);
                let got = S::compute(row, Verb::One, &mut [Job { seed: 5, data }]);
                assert_eq!(got[0], expected, "{} {len} at {offset}", row.name);
                let rest = memory[..offset].iter().chain(&memory[offset + len..]);
                assert!(rest.copied().all(|byte| byte == 0xA5));
            }
        }
    }
}
every_room!(any_alignment);

fn r37_threads_do_not_disturb_each_other<S: Subject>() {
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                for round in 0..60_u64 {
                    let message = SplitMix(round).bytes(70 + thread as usize);
                    let seeds = [thread, thread + 4, round, round + 99, 1];
                    let expected = seeds.map(|seed| reference::<S>(seed, &message));
                    for row in rows::<S>() {
                        let mut texts = seeds.map(|_| message.clone());
                        let mut jobs: Vec<_> = texts
                            .iter_mut()
                            .zip(seeds)
                            .map(|(data, seed)| Job { seed, data })
                            .collect();
                        assert_eq!(S::compute(row, Verb::Many, &mut jobs), expected);
                    }
                }
            });
        }
    });
}
every_room!(r37_threads_do_not_disturb_each_other);

#[test]
fn expansion_is_the_same_on_every_row() {
    let mut random = SplitMix(176);
    let rows = aes128::expand::BACKENDS;
    let reference = rows.last().unwrap();
    for _ in 0..500 {
        let keys: Vec<_> = (0..9).map(|_| random.block()).collect();
        for row in rows.iter().filter(|row| (row.available)()) {
            let mut prepared: Vec<_> = keys.iter().map(aes128::Key::raw).collect();
            let mut lanes: Vec<_> = prepared
                .iter_mut()
                .map(|key| aes128::ExpandLane { key })
                .collect();
            (row.many)(&mut lanes);
            for (raw, got) in keys.iter().zip(&prepared) {
                let expected = aes128::Key::with(reference, raw);
                assert_eq!(
                    got.schedule.rounds(),
                    expected.schedule.rounds(),
                    "{}",
                    row.name
                );
                assert_eq!(got.k1, expected.k1, "{}", row.name);
            }
        }
    }
}

#[test]
fn counter_mode_carries_through_all_128_bits() {
    for first in [
        u128::MAX,
        u128::MAX - 3,
        u128::from(u64::MAX),
        u128::from(u32::MAX) - 1,
    ] {
        let key = aes128::Key::new(&[9; 16]);
        let run = |row: &Backend<aes128::Ctr>| {
            let mut data = vec![0; 200];
            (row.one)(&mut Lane {
                key: &key,
                iv: first.to_be_bytes(),
                data: &mut data,
            });
            data
        };
        let expected = run(aes128::ctr::BACKENDS.last().unwrap());
        for row in aes128::ctr::BACKENDS.iter().filter(|row| (row.available)()) {
            assert_eq!(run(row), expected, "{}", row.name);
        }
    }
}

#[test]
fn r39_zuc_agrees_on_many_keys_and_the_count_that_broke_another() {
    let mut random = SplitMix(39);
    let mut pairs: Vec<([u8; 16], [u8; 16])> = (0..20_000)
        .map(|_| (random.block(), random.block()))
        .collect();
    // COUNT 3478155851 drove another implementation's LFSR to 0, under this key.
    let key = core::array::from_fn(|i| i as u8);
    for octet in 0..=255 {
        let mut iv = [0; 16];
        iv[..4].copy_from_slice(&3_478_155_851_u32.to_be_bytes());
        iv[4] = octet;
        iv.copy_within(..8, 8);
        pairs.push((key, iv));
    }
    for (a, b) in [(0, 0), (0xFF, 0), (0, 0xFF), (0xFF, 0xFF)] {
        pairs.push(([a; 16], [b; 16]));
    }
    let (reference, others) = zuc::BACKENDS.split_last().unwrap();
    assert_eq!(reference.name, "zuc_crate");
    let run = |row: &Backend<zuc::Zuc>| {
        let mut texts = vec![[0_u8; 64]; pairs.len()];
        let mut lanes: Vec<_> = texts
            .iter_mut()
            .zip(&pairs)
            .map(|(data, (key, iv))| Lane {
                key,
                iv: *iv,
                data: &mut data[..],
            })
            .collect();
        (row.many)(&mut lanes);
        texts
    };
    let expected = run(reference);
    for row in others.iter().filter(|row| (row.available)()) {
        assert!(run(row) == expected, "{}", row.name);
    }
}
