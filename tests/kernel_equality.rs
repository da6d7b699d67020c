//! Every backend of every room against the room's reference row, at the edges: lengths, lane counts, places in
//! memory, threads.

mod kernel_common;

use kernel_common::SplitMix;
use kernel_common::guard::{End, Guarded};
use kernel_common::subject::{Job, Subject, Verb};
use naslane::kernel::{Backend, Lane, Room, aes128, clmul, sha256, snow3g, zuc};

/// The same test for every room.
macro_rules! every_room {
    ($test:ident) => {
        mod $test {
            use super::*;
            #[test]
            fn aes128_expand() {
                super::$test::<aes128::Expand>();
            }
            #[test]
            fn aes128_ctr() {
                super::$test::<aes128::Ctr>();
            }
            #[test]
            fn aes128_cmac() {
                super::$test::<aes128::Cmac>();
            }
            #[test]
            fn aes128_seal() {
                super::$test::<aes128::Seal>();
            }
            #[test]
            fn aes128_open() {
                super::$test::<aes128::Open>();
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
            #[test]
            fn sha256_short() {
                super::$test::<sha256::Short>();
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

/// A message that stands elsewhere is read there, within its bounds, and only read.
#[test]
fn r33_r35_a_plain_message_elsewhere_is_only_read() {
    let (mut source, mut target) = (Guarded::new(), Guarded::new());
    let key = aes128::Key::new(&[7; 16]);
    let seal = |row: &Backend<aes128::Seal>, verb, text: &mut [u8], plain: Option<&[u8]>| {
        let mut mac = [0; 4];
        let mut lane = aes128::SealLane {
            enc: &key.schedule,
            int: &key,
            head: [5; 8],
            ciphered: 1..text.len(),
            text,
            plain,
            mac: &mut mac,
        };
        match verb {
            Verb::One => (row.one)(&mut lane),
            Verb::Many => (row.many)(std::slice::from_mut(&mut lane)),
        }
        mac
    };
    for len in (1..=400).chain([1024, 4096]) {
        let message = SplitMix(len as u64).bytes(len);
        let mut expected = message.clone();
        let last = aes128::Seal::backends().last().unwrap();
        let mac = seal(last, Verb::One, &mut expected, None);
        let mut begun = vec![0xA5; len];
        begun[0] = message[0];
        for row in rows::<aes128::Seal>() {
            for (verb, end) in [Verb::One, Verb::Many]
                .into_iter()
                .flat_map(|verb| [(verb, End::Front), (verb, End::Back)])
            {
                source.place(&message[1..], end);
                let plain = source.freeze(len - 1, end);
                let text = target.place(&begun, end);
                let got = seal(row, verb, text, Some(plain));
                let same = got == mac && *text == expected;
                assert!(same, "{} {verb:?} {len} {end:?}", row.name);
                assert!(target.intact(len, end), "{} {len}", row.name);
            }
        }
    }
}

fn all_lengths_and_a_neighbour<S: Subject>() {
    // Two lanes whose lengths differ, every length to 4096; under valgrind (see tests/run) in steps that reach every
    // residue of 128.
    let step = if std::env::var_os("NASLANE_TEST_THIN").is_some() {
        13
    } else {
        1
    };
    for len in (0..=4096).step_by(step) {
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

/// Full groups of lanes: the last lanes of a group must not read on from the first ones' memory either. Every lane has
/// a mapping of its own, its message at one end of it.
fn r33_r35_no_lane_of_a_group_leaves_its_message<S: Subject>() {
    const MOST: usize = 67;
    let mut memory: Vec<_> = (0..MOST).map(|_| Guarded::new()).collect();
    for row in rows::<S>() {
        let counts = [row.lanes, row.lanes + 1, 2 * row.lanes + 3].map(|count| count.min(MOST));
        for (count, len) in counts.into_iter().flat_map(|count| {
            let lens = [
                0, 1, 3, 4, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 256, 1000,
            ];
            lens.map(|len| (count, len))
        }) {
            for (end, uneven) in [(End::Front, 0), (End::Back, 0), (End::Back, 5)] {
                let mut random = SplitMix(len as u64);
                let messages: Vec<_> = (0..count)
                    .map(|lane| random.bytes(len + uneven * (lane % 4)))
                    .collect();
                let mut jobs: Vec<_> = memory
                    .iter_mut()
                    .zip(&messages)
                    .zip(1..)
                    .map(|((memory, message), seed)| Job {
                        seed,
                        data: memory.place(message, end),
                    })
                    .collect();
                let got = S::compute(row, Verb::Many, &mut jobs);
                for (lane, (message, got)) in messages.iter().zip(got).enumerate() {
                    let expected = reference::<S>(lane as u64 + 1, message);
                    assert_eq!(got, expected, "{} {lane} of {count}, {len}", row.name);
                    assert!(
                        memory[lane].intact(message.len(), end),
                        "{} {lane}",
                        row.name
                    );
                }
            }
        }
    }
}
every_room!(r33_r35_no_lane_of_a_group_leaves_its_message);

fn r38_every_lane_gets_its_own_answer<S: Subject>() {
    let mut random = SplitMix(38);
    for count in (1..=67).chain([96, 127, 128, 129, 200]) {
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

/// What a batch answers to messages with these seeds.
fn batch<S: Subject>(row: &Backend<S>, seeds: &[u64], messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut texts = messages.to_vec();
    let mut jobs: Vec<_> = texts
        .iter_mut()
        .zip(seeds)
        .map(|(data, &seed)| Job { seed, data })
        .collect();
    S::compute(row, Verb::Many, &mut jobs)
}

fn r38_permuted_lanes_give_permuted_answers<S: Subject>() {
    let mut random = SplitMix(380);
    for count in [2, 3, 5, 8, 13, 16, 17, 31, 32, 33, 48, 64, 65, 130] {
        for even in [true, false] {
            let lens = (0..count).map(|_| random.next() as usize % 140);
            let lens: Vec<_> = lens.map(|len| if even { 64 } else { len }).collect();
            let messages: Vec<_> = lens.iter().map(|&len| random.bytes(len)).collect();
            let seeds: Vec<_> = (0..count).map(|_| random.next()).collect();
            let mut order: Vec<usize> = (0..count).collect();
            for i in (1..count).rev() {
                order.swap(i, random.next() as usize % (i + 1));
            }
            let turned: Vec<_> = order.iter().map(|&i| messages[i].clone()).collect();
            let turned_seeds: Vec<_> = order.iter().map(|&i| seeds[i]).collect();
            for row in rows::<S>() {
                let straight = batch(row, &seeds, &messages);
                let permuted = batch(row, &turned_seeds, &turned);
                for (place, &from) in order.iter().enumerate() {
                    let name = row.name;
                    assert_eq!(
                        permuted[place], straight[from],
                        "{name} {from} at {place} of {count}"
                    );
                }
            }
        }
    }
}
every_room!(r38_permuted_lanes_give_permuted_answers);

/// Another key, IV, message or length in one lane changes the answer of that lane alone, and of no other.
fn r38_no_lane_sees_its_neighbour<S: Subject>() {
    let mut random = SplitMix(3800);
    for row in rows::<S>() {
        let count = 2 * row.lanes + 3;
        let messages: Vec<_> = (0..count).map(|lane| random.bytes(60 + lane % 9)).collect();
        let seeds: Vec<_> = (0..count).map(|_| random.next() | 1).collect();
        let before = batch(row, &seeds, &messages);
        for lane in 0..count {
            let (mut seeds, mut changed) = (seeds.clone(), messages.clone());
            seeds[lane] ^= 1 << (1 + random.next() % 63);
            let len = random.next() as usize % 300;
            changed[lane] = random.bytes(len);
            let after = batch(row, &seeds, &changed);
            assert_ne!(after[lane], before[lane], "{}", row.name);
            for other in (0..count).filter(|&other| other != lane) {
                let name = row.name;
                assert_eq!(
                    after[other], before[other],
                    "{name}: {lane} disturbs {other}"
                );
            }
        }
    }
}
every_room!(r38_no_lane_sees_its_neighbour);

/// Lanes that are alike in everything are computed each for itself.
fn r38_equal_lanes_give_equal_answers<S: Subject>() {
    for len in [0, 1, 16, 63, 64, 65, 200] {
        let message = SplitMix(len as u64).bytes(len);
        let expected = reference::<S>(11, &message);
        for row in rows::<S>() {
            for count in [2, row.lanes, row.lanes + 1, 3 * row.lanes] {
                let got = batch(row, &vec![11; count], &vec![message.clone(); count]);
                assert!(
                    got.iter().all(|got| *got == expected),
                    "{} {count} {len}",
                    row.name
                );
            }
        }
    }
}
every_room!(r38_equal_lanes_give_equal_answers);

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

/// Messages back to back in one piece of memory: no alignment of its own for any lane, and the next lane's message
/// where a row that writes too far would write.
fn lanes_back_to_back<S: Subject>() {
    let mut random = SplitMix(55);
    for row in rows::<S>() {
        let count = 2 * row.lanes + 1;
        for len in [1, 5, 16, 33, 63, 64, 101] {
            let mut memory = random.bytes(count * len + 1);
            let messages: Vec<_> = memory[1..].chunks(len).map(<[u8]>::to_vec).collect();
            let chunks = memory[1..].chunks_mut(len).zip(1..);
            let mut jobs: Vec<_> = chunks.map(|(data, seed)| Job { seed, data }).collect();
            let got = S::compute(row, Verb::Many, &mut jobs);
            for ((got, message), seed) in got.iter().zip(&messages).zip(1..) {
                let name = row.name;
                assert_eq!(
                    *got,
                    reference::<S>(seed, message),
                    "{name} {seed} of {count}, {len}"
                );
            }
        }
    }
}
every_room!(lanes_back_to_back);

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
                key: &key.schedule,
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
fn r39_zuc_agrees_on_the_count_that_broke_another() {
    let mut pairs: Vec<([u8; 16], [u8; 16])> = Vec::new();
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
