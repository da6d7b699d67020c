//! Every row of every room on whatever processor this is, in a program small enough for an emulator: what the
//! processor offers, published answers, equality with the reference row. Rows that the processor cannot run are
//! called all the same: that must be safe, and right.
//!
//! `tests/run emulated` runs it on processors that the machine may not have. `NASLANE_EXPECT_CPU=MODEL` names the one
//! that it must find itself on.

#![allow(clippy::print_stdout)] // says what was run

mod kernel_common;

use kernel_common::driven::every_room;
use kernel_common::subject::{Job, Subject, Verb};
use kernel_common::{SplitMix, hex, splitmix};
use naslane::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia, cipher_on, mac_on};
use naslane::base::Direction;
use naslane::base::cpu::FEATURES;
use naslane::kernel::{RowInfo, rooms, sha256};
use serde_json::Value;

/// Which of the features that kernels ask for the emulator's models have.
const MODELS: &[(&str, &[&str])] = &[
    ("corei7_haswell_4770", HASWELL),
    ("corei7_skylake_x", SKYLAKE),
    ("corei7_icelake_u", ICELAKE),
];
const HASWELL: &[&str] = &["ssse3", "sse4.1", "aes", "pclmulqdq", "avx2"];
const SKYLAKE: &[&str] = &[
    "ssse3",
    "sse4.1",
    "aes",
    "pclmulqdq",
    "avx2",
    "avx512f",
    "avx512bw",
    "avx512dq",
    "avx512vl",
];
const ICELAKE: &[&str] = &[
    "ssse3",
    "sse4.1",
    "aes",
    "pclmulqdq",
    "avx2",
    "avx512f",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "avx512vbmi",
    "avx512vbmi2",
    "avx512vnni",
    "gfni",
    "vaes",
    "vpclmulqdq",
    "sha",
];

/// The features that must be usable here: the model's, else those that were found.
fn features() -> Vec<&'static str> {
    let Ok(name) = std::env::var("NASLANE_EXPECT_CPU") else {
        let usable = FEATURES.iter().filter(|feature| feature.usable());
        return usable.map(|feature| feature.name).collect();
    };
    let model = MODELS.iter().find(|(model, _)| *model == name);
    let (_, features) = model.unwrap_or_else(|| panic!("{name} is not among MODELS"));
    for feature in *features {
        let known = FEATURES.iter().any(|known| known.name == *feature);
        assert!(known, "MODELS names {feature}, FEATURES does not");
    }
    features.to_vec()
}

#[test]
fn the_rows_on_offer_are_those_of_the_processor() {
    let expected = features();
    for feature in FEATURES {
        let must = expected.contains(&feature.name);
        assert_eq!(feature.usable(), must, "{}", feature.name);
    }
    for room in rooms() {
        let rows: Vec<RowInfo> = room.rows().collect();
        for row in &rows {
            let must = row.needs.iter().all(|need| expected.contains(need));
            assert_eq!(row.available, must, "{} {}", room.name, row.name);
            assert_eq!(row.known_answer, must.then_some(true), "{}", row.name);
        }
        if std::env::var_os("NASLANE_BACKEND").is_none() {
            let best = rows.iter().position(|row| row.available);
            assert_eq!(room.chosen(), best, "{}", room.name);
        }
        let list = |available| {
            let rows = rows.iter().filter(|row| row.available == available);
            rows.map(|row| row.name).collect::<Vec<_>>().join(" ")
        };
        println!("{}: {}; not here: {}", room.name, list(true), list(false));
    }
}

/// One message of each length, and batches of many sizes with lengths of their own, on every row there is.
fn equals_the_reference<S: Subject>() {
    let lengths = (0..=140)
        .chain((141..300).step_by(13))
        .chain([511, 512, 1023, 1025, 4096]);
    let counts = (1..=9).chain([15, 16, 17, 31, 33, 63, 64, 65, 130]);
    let mut random = SplitMix(7);
    let mut batches: Vec<Vec<usize>> = lengths.map(|len| vec![len]).collect();
    for count in counts {
        batches.push((0..count).map(|_| random.next() as usize % 150).collect());
    }
    batches.push(vec![64; 64]);
    let (reference, rows) = S::backends().split_last().expect("a room has rows");
    let mut messages = 0;
    for lens in &batches {
        let texts: Vec<_> = lens.iter().map(|&len| random.bytes(len)).collect();
        let seed = random.next();
        let compute = |row, verb| {
            let mut texts = texts.clone();
            let mut jobs: Vec<_> = texts
                .iter_mut()
                .zip(seed..)
                .map(|(data, seed)| Job { seed, data })
                .collect();
            S::compute(row, verb, &mut jobs)
        };
        let expected = compute(reference, Verb::One);
        messages += lens.len();
        for row in rows {
            // One by one is tested by the batches of one.
            let verbs = if lens.len() == 1 { 2 } else { 1 };
            for verb in [Verb::Many, Verb::One].into_iter().take(verbs) {
                let (got, name) = (compute(row, verb), row.name);
                assert!(got == expected, "{} {name} {verb:?} {lens:?}", S::NAME);
            }
        }
    }
    let (count, rows) = (batches.len(), rows.len());
    println!(
        "{}: {messages} messages in {count} batches on {rows} rows equal the reference",
        S::NAME
    );
}

#[test]
fn rows_equal_the_reference() {
    every_room!(|R| equals_the_reference::<R>());
}

fn number(value: &Value) -> u32 {
    value.as_u64().expect("a number") as u32
}

fn direction(value: &Value) -> Direction {
    match value.as_u64() {
        Some(0) => Direction::Uplink,
        Some(1) => Direction::Downlink,
        other => panic!("direction {other:?}"),
    }
}

/// A published set: key, input, message and its length in bits, the answer.
struct Set {
    key: [u8; 16],
    input: Input,
    message: Vec<u8>,
    bits: usize,
    answer: Vec<u8>,
}

impl Set {
    fn published(test: &Value, answer: &str) -> Self {
        Self {
            key: hex(&test["key"]).try_into().expect("16 bytes"),
            input: Input {
                count: number(&test["count"]),
                bearer: number(&test["bearer"]) as u8,
                direction: direction(&test["direction"]),
            },
            message: hex(&test["message"]),
            bits: number(&test["length_bits"]) as usize,
            answer: hex(&test[answer]),
        }
    }

    fn random(row: &Value) -> Self {
        let bits = number(&row[5]) as usize;
        Self {
            key: hex(&row[1]).try_into().expect("16 bytes"),
            input: Input {
                count: number(&row[2]),
                bearer: number(&row[3]) as u8,
                direction: direction(&row[4]),
            },
            message: cut(splitmix(&row[6], bits.div_ceil(8)), bits),
            bits,
            answer: hex(&row[7]),
        }
    }

    /// Lanes of a batch: more than one group of every row, and not a whole number of them.
    const LANES: usize = 67;

    fn ciphers(&self, nea: Nea, row: &str, digest: bool) -> bool {
        let key = Key::for_nea(nea, &self.key);
        let mut texts = vec![self.message.clone(); Self::LANES];
        let mut lanes: Vec<_> = texts
            .iter_mut()
            .map(|data| CipherLane {
                key: key.cipher(),
                input: self.input,
                data,
            })
            .collect();
        let (alone, many) = lanes.split_at_mut(1);
        if cipher_on(nea, row, alone)
            .and_then(|()| cipher_on(nea, row, many))
            .is_err()
        {
            return false;
        }
        for (i, text) in texts.into_iter().enumerate() {
            let text = cut(text, self.bits);
            // The digest of one text; the others must equal it.
            let same = match digest {
                true => i > 0 || sha256::sha256(&[&text])[..] == self.answer,
                false => text == self.answer,
            };
            assert!(same, "{} {row} lane {i}, {} bits", nea.name(), self.bits);
        }
        true
    }

    fn authenticates(&self, nia: Nia, row: &str) -> bool {
        let key = Key::for_nia(nia, &self.key);
        let mut lanes: Vec<_> = (0..Self::LANES)
            .map(|_| MacLane {
                bits: self.bits,
                ..MacLane::new(&key, self.input, &self.message)
            })
            .collect();
        let (alone, many) = lanes.split_at_mut(1);
        if mac_on(nia, row, alone)
            .and_then(|()| mac_on(nia, row, many))
            .is_err()
        {
            return false;
        }
        for (i, lane) in lanes.iter().enumerate() {
            assert_eq!(lane.mac[..], self.answer, "{} {row} lane {i}", nia.name());
        }
        true
    }
}

fn cut(mut text: Vec<u8>, bits: usize) -> Vec<u8> {
    text.truncate(bits.div_ceil(8));
    if let Some(last) = text.last_mut().filter(|_| !bits.is_multiple_of(8)) {
        *last &= 0xFF << (8 - bits % 8);
    }
    text
}

fn sets(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The 128-bit sets of the standards on every row, alone and in a batch, and every third of the random ones.
#[test]
fn published_answers() {
    const NEA: [&str; 3] = [
        include_str!("vectors/128-nea1.json"),
        include_str!("vectors/128-nea2.json"),
        include_str!("vectors/128-nea3.json"),
    ];
    const NIA: [&str; 3] = [
        include_str!("vectors/128-nia1.json"),
        include_str!("vectors/128-nia2.json"),
        include_str!("vectors/128-nia3.json"),
    ];
    let random = sets(include_str!("vectors/random_128.json"));
    let thinned = |name: &str| {
        let rows = random["algorithms"][name].as_array().expect("rows");
        let short = rows.iter().filter(|row| number(&row[5]) <= 2048);
        short.step_by(3).map(Set::random).collect::<Vec<_>>()
    };
    let mut names: Vec<_> = rooms()
        .iter()
        .flat_map(|room| room.rows())
        .map(|row| row.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    for id in 1..=3 {
        let (nea, nia) = (Nea::from_id(id).unwrap(), Nia::from_id(id).unwrap());
        let files = (sets(NEA[id as usize - 1]), sets(NIA[id as usize - 1]));
        let published = |file: &Value, answer: &str| {
            let tests = file["tests"].as_array().expect("tests");
            tests
                .iter()
                .map(|test| Set::published(test, answer))
                .collect::<Vec<_>>()
        };
        let (texts, macs) = (
            published(&files.0, "ciphertext"),
            published(&files.1, "mac"),
        );
        let (more_texts, more_macs) = (thinned(nea.name()), thinned(nia.name()));
        let ran: Vec<_> = names
            .iter()
            .filter(|row| {
                texts.iter().all(|set| set.ciphers(nea, row, false))
                    && more_texts.iter().all(|set| set.ciphers(nea, row, true))
            })
            .collect();
        println!(
            "{}: {} sets on {ran:?}",
            nea.name(),
            texts.len() + more_texts.len()
        );
        assert!(!ran.is_empty());
        let all = || macs.iter().chain(&more_macs);
        let ran: Vec<_> = names
            .iter()
            .filter(|row| all().all(|set| set.authenticates(nia, row)))
            .collect();
        println!("{}: {} sets on {ran:?}", nia.name(), all().count());
        assert!(!ran.is_empty());
    }
}
