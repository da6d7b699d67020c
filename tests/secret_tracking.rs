//! No secret reaches an address or a branch: memcheck takes keys and what follows from them for uninitialised, and
//! complains when such a value is used as an address or decides a jump. The rows with tables in memory must be
//! caught, so the test knows that it can see.
//!
//! `tests/run secret_tracking` runs it under valgrind. Elsewhere, and for the rows that valgrind's processor lacks
//! (AVX-512, GFNI, VAES, SHA extensions), it says that it saw nothing; `cargo bench --bench timing` measures those.

#![allow(clippy::print_stdout)] // says what was run

mod kernel_common;

use std::hint::black_box;

use kernel_common::driven::{Driven, Raw, TABLES, every_room};
use kernel_common::{SplitMix, valgrind};
use naslane::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia, cipher, mac};
use naslane::base::Direction;
use naslane::kernel::Backend;

/// Rooms that compare a MAC themselves: whether it is right decides what is deciphered, and everyone is told.
const VERDICTS: &[&str] = &["aes128_open"];

/// False, with a word of explanation, where memcheck does not watch.
fn watched() -> bool {
    let running = valgrind::running();
    let expected = std::env::var_os("NASLANE_EXPECT_VALGRIND").is_some();
    assert!(running || !expected, "not under valgrind");
    if !running {
        println!("NOT RUN: memcheck does not watch; tests/run secret_tracking");
    }
    running
}

/// Errors of one call over secret keys and secret messages.
fn errors<R: Driven>(row: &Backend<R>, count: usize, len: usize) -> usize {
    let mut random = SplitMix(len as u64);
    let mut raws: Vec<Raw> = (0..count)
        .map(|_| random.bytes(32).try_into().expect("32 bytes"))
        .collect();
    let mut messages: Vec<Vec<u8>> = (0..count)
        .map(|lane| random.bytes(len + lane % 3))
        .collect();
    raws.iter_mut().for_each(|raw| valgrind::make_secret(raw));
    messages
        .iter_mut()
        .for_each(|message| valgrind::make_secret(message));
    let before = valgrind::errors();
    let secrets = raws.iter().zip(&messages);
    let mut secrets: Vec<_> = secrets
        .map(|(raw, message)| R::secret(raw, message.len()))
        .collect();
    let mut lanes = R::lanes(&mut secrets, &mut messages);
    match black_box(&mut lanes[..]) {
        [lane] => (row.one)(lane),
        lanes => (row.many)(lanes),
    }
    drop(lanes);
    valgrind::errors() - before
}

fn room<R: Driven>() {
    for row in R::backends() {
        if !(row.available)() {
            println!("{} {}: valgrind's processor lacks it", R::NAME, row.name);
            continue;
        }
        let mut found = 0;
        for count in [1, 2, row.lanes, 2 * row.lanes + 3, 64] {
            for len in [0, 1, 15, 16, 33, 64, 100, 260] {
                found += errors(row, count, len);
            }
        }
        let tables = TABLES.contains(&(R::NAME, row.name));
        println!(
            "{} {}: {found} uses of a secret as address or in a branch",
            R::NAME,
            row.name
        );
        if tables || VERDICTS.contains(&R::NAME) {
            assert!(
                found > 0,
                "{} {}: tables by secrets, or the verdict, were not seen",
                R::NAME,
                row.name
            );
        } else {
            assert_eq!(
                found,
                0,
                "{} {}: a secret reaches an address or branch",
                R::NAME,
                row.name
            );
        }
    }
}

#[test]
fn no_secret_reaches_an_address_or_a_branch() {
    if !watched() {
        return;
    }
    every_room!(|R| room::<R>());
}

/// The same from the raw key to the ciphertext and the MAC, with the rows in use.
#[test]
fn nor_in_the_algorithms() {
    if !watched() {
        return;
    }
    let input = Input {
        count: 7,
        bearer: 1,
        direction: Direction::Downlink,
    };
    for id in 1..=3 {
        let (nea, nia) = (Nea::from_id(id).unwrap(), Nia::from_id(id).unwrap());
        for (count, len) in [(1, 64), (1, 1500), (5, 64), (40, 100)] {
            let mut random = SplitMix(id.into());
            let mut raws: Vec<[u8; 16]> = (0..count).map(|_| random.block()).collect();
            let mut texts: Vec<Vec<u8>> = (0..count).map(|lane| random.bytes(len + lane)).collect();
            raws.iter_mut().for_each(|raw| valgrind::make_secret(raw));
            texts
                .iter_mut()
                .for_each(|text| valgrind::make_secret(text));
            let before = valgrind::errors();
            let keys: Vec<_> = raws.iter().map(|raw| Key::for_nea(nea, raw)).collect();
            let lanes = texts.iter_mut().zip(&keys);
            let mut lanes: Vec<_> = lanes
                .map(|(data, key)| CipherLane {
                    key: key.cipher(),
                    input,
                    data,
                })
                .collect();
            cipher(nea, &mut lanes);
            let keys: Vec<_> = raws.iter().map(|raw| Key::for_nia(nia, raw)).collect();
            let lanes = texts.iter().zip(&keys);
            let mut lanes: Vec<_> = lanes
                .map(|(text, key)| MacLane::new(key, input, text))
                .collect();
            mac(nia, black_box(&mut lanes));
            let found = valgrind::errors() - before;
            println!(
                "{} {}: {count} messages of {len}: {found}",
                nea.name(),
                nia.name()
            );
            assert_eq!(found, 0);
        }
    }
}
