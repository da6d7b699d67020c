//! Every published and cross-checked test set of the 128-bit algorithms, on every backend of every room.

mod kernel_common;

use kernel_common::{aes_rows, hex, load, product_rows, splitmix, stream_rows};
use naslane::algorithm::{
    CipherLane, Input, Key, MacLane, Nea, Nia, cipher, cipher_on, mac, mac_on,
};
use naslane::base::Direction;
use naslane::kernel::{self, Lane, aes128, clmul, sha256, snow3g, zuc};
use serde_json::Value;

fn input(test: &Value) -> Input {
    Input {
        count: test["count"].as_u64().unwrap() as u32,
        bearer: test["bearer"].as_u64().unwrap() as u8,
        direction: direction(&test["direction"]),
    }
}

fn direction(value: &Value) -> Direction {
    match value.as_u64().unwrap() {
        0 => Direction::Uplink,
        1 => Direction::Downlink,
        other => panic!("direction {other}"),
    }
}

fn key(test: &Value) -> [u8; 16] {
    hex(&test["key"]).try_into().unwrap()
}

fn cut(mut text: Vec<u8>, bits: usize) -> Vec<u8> {
    text.truncate(bits.div_ceil(8));
    if !bits.is_multiple_of(8) {
        *text.last_mut().unwrap() &= 0xFF << (8 - bits % 8);
    }
    text
}

/// The names that `nea` can run on here.
fn nea_rows(nea: Nea) -> Vec<&'static str> {
    let mut all = [aes_rows(), stream_rows()].concat();
    all.sort_unstable();
    all.dedup();
    all.into_iter()
        .filter(|name| cipher_on(nea, name, &mut []).is_ok())
        .collect()
}

fn nia_rows(nia: Nia) -> Vec<&'static str> {
    let mut all = [aes_rows(), stream_rows(), product_rows()].concat();
    all.sort_unstable();
    all.dedup();
    all.into_iter()
        .filter(|name| mac_on(nia, name, &mut []).is_ok())
        .collect()
}

fn check_nea(nea: Nea, raw: &[u8; 16], input: Input, plain: &[u8], bits: usize, expected: &[u8]) {
    let key = Key::for_nea(nea, raw);
    let run = |row: Option<&str>, text: &[u8]| {
        let mut data = text.to_vec();
        let mut lanes = [CipherLane {
            key: key.cipher(),
            input,
            data: &mut data,
        }];
        match row {
            Some(row) => cipher_on(nea, row, &mut lanes).unwrap(),
            None => cipher(nea, &mut lanes),
        }
        cut(data, bits)
    };
    let rows = nea_rows(nea).into_iter().map(Some).chain([None]);
    for row in rows {
        assert_eq!(run(row, plain), expected, "{} {row:?} {bits}", nea.name());
        assert_eq!(run(row, expected), plain, "{} {row:?} {bits}", nea.name());
    }
}

fn check_nia(nia: Nia, raw: &[u8; 16], input: Input, message: &[u8], bits: usize, expected: &[u8]) {
    let key = Key::for_nia(nia, raw);
    let rows = nia_rows(nia).into_iter().map(Some).chain([None]);
    for row in rows {
        let mut lanes = [MacLane {
            bits,
            ..MacLane::new(&key, input, message)
        }];
        match row {
            Some(row) => mac_on(nia, row, &mut lanes).unwrap(),
            None => mac(nia, &mut lanes),
        }
        assert_eq!(lanes[0].mac, expected, "{} {row:?} {bits}", nia.name());
    }
}

#[test]
fn every_algorithm_runs_on_every_row_of_its_rooms() {
    let snow3g = snow3g::BACKENDS.iter().filter(|row| (row.available)());
    let zuc = zuc::BACKENDS.iter().filter(|row| (row.available)());
    assert_eq!(nea_rows(Nea::Nea1).len(), snow3g.count());
    assert_eq!(nea_rows(Nea::Nea3).len(), zuc.count());
    assert!(cipher_on(Nea::Nea1, "no_such_row", &mut []).is_err());
    assert!(mac_on(Nia::Nia3, "no_such_row", &mut []).is_err());
}

#[test]
fn published_nea() {
    for nea in [Nea::Nea1, Nea::Nea2, Nea::Nea3] {
        let file = load(&format!("128-nea{}.json", nea.id()));
        let tests = file["tests"].as_array().unwrap();
        assert!(tests.len() > 2);
        for test in tests {
            let bits = test["length_bits"].as_u64().unwrap() as usize;
            let (plain, expected) = (hex(&test["message"]), hex(&test["ciphertext"]));
            check_nea(nea, &key(test), input(test), &plain, bits, &expected);
        }
    }
}

#[test]
fn published_nia() {
    for nia in [Nia::Nia1, Nia::Nia2, Nia::Nia3] {
        let file = load(&format!("128-nia{}.json", nia.id()));
        let tests = file["tests"].as_array().unwrap();
        assert!(tests.len() > 2);
        for test in tests {
            let bits = test["length_bits"].as_u64().unwrap() as usize;
            let (message, expected) = (hex(&test["message"]), hex(&test["mac"]));
            check_nia(nia, &key(test), input(test), &message, bits, &expected);
        }
    }
}

#[test]
fn random_sets_that_three_implementations_agree_on() {
    let file = load("random_128.json");
    for id in 1..=3 {
        let (nea, nia) = (Nea::from_id(id).unwrap(), Nia::from_id(id).unwrap());
        for (name, ciphering) in [(nea.name(), true), (nia.name(), false)] {
            let rows = file["algorithms"][name].as_array().unwrap();
            assert_eq!(rows.len(), 150);
            for row in rows {
                let bits = row[5].as_u64().unwrap() as usize;
                let message = cut(splitmix(&row[6], bits.div_ceil(8)), bits);
                let raw = hex(&row[1]).try_into().unwrap();
                let input = Input {
                    count: row[2].as_u64().unwrap() as u32,
                    bearer: row[3].as_u64().unwrap() as u8,
                    direction: direction(&row[4]),
                };
                if ciphering {
                    let key = Key::for_nea(nea, &raw);
                    let mut data = message.clone();
                    cipher(
                        nea,
                        &mut [CipherLane {
                            key: key.cipher(),
                            input,
                            data: &mut data,
                        }],
                    );
                    let data = cut(data, bits);
                    assert_eq!(sha256::sha256(&[&data])[..], hex(&row[7]));
                    assert_eq!(data[..data.len().min(16)], hex(&row[8]));
                    check_nea(nea, &raw, input, &message, bits, &data);
                } else {
                    check_nia(nia, &raw, input, &message, bits, &hex(&row[7]));
                }
            }
        }
    }
}

#[test]
fn rfc_4493_and_sp_800_38a() {
    let file = load("aes_primitives.json");
    for expand in available::<aes128::Expand>() {
        for test in file["aes_cmac_128"].as_array().unwrap() {
            let prepared = aes128::Key::with(expand, &key(test));
            let message = hex(&test["message"]);
            for row in available::<aes128::Cmac>() {
                let mut lane = aes128::CmacLane {
                    key: &prepared,
                    head: None,
                    message: &message,
                    bits: test["length_bits"].as_u64().unwrap() as usize,
                    mac: [0; 16],
                };
                (row.one)(&mut lane);
                let expected = hex(&test["mac"]);
                assert_eq!(
                    lane.mac[..expected.len()],
                    expected,
                    "{} {}",
                    row.name,
                    test["name"]
                );
            }
        }
        for test in file["aes_ctr_128"].as_array().unwrap() {
            let prepared = aes128::Key::with(expand, &key(test));
            for row in available::<aes128::Ctr>() {
                let mut data = hex(&test["plaintext"]);
                (row.one)(&mut Lane {
                    key: &prepared.schedule,
                    iv: hex(&test["iv"]).try_into().unwrap(),
                    data: &mut data,
                });
                assert_eq!(data, hex(&test["ciphertext"]));
            }
        }
    }
}

fn available<R: kernel::Room>() -> impl Iterator<Item = &'static kernel::Backend<R>> {
    R::backends().iter().filter(|row| (row.available)())
}

/// SNOW 3G sets give k0 and IV0 first; f8 and f9, and the room, have them last.
fn turned(bytes: [u8; 16]) -> [u8; 16] {
    core::array::from_fn(|i| bytes[12 - i / 4 * 4 + i % 4])
}

#[test]
fn keystream_generators() {
    let file = load("keystream_generators.json");
    for (name, count) in [("SNOW3G", 4), ("ZUC", 4)] {
        let tests = file["keystreams"][name].as_array().unwrap();
        assert_eq!(tests.len(), count);
        for test in tests {
            let (raw, iv) = (key(test), hex(&test["iv"]).try_into().unwrap());
            let len = test["n"].as_u64().unwrap() as usize;
            let check = |row: &str, data: &[u8]| {
                assert_eq!(data[..64], hex(&test["first_64_bytes"]), "{row}");
                let digest = hex(&test["sha256_of_first_n_bytes"]);
                assert_eq!(sha256::sha256(&[data])[..], digest, "{row}");
            };
            if name == "SNOW3G" {
                for row in available::<snow3g::Snow3g>() {
                    let mut data = vec![0; len];
                    let (key, iv) = (&turned(raw), turned(iv));
                    (row.one)(&mut Lane {
                        key,
                        iv,
                        data: &mut data,
                    });
                    check(row.name, &data);
                }
            } else {
                for row in available::<zuc::Zuc>() {
                    let mut data = vec![0; len];
                    (row.one)(&mut Lane {
                        key: &raw,
                        iv,
                        data: &mut data,
                    });
                    check(row.name, &data);
                }
                for row in available::<zuc::Stream>() {
                    let mut data = vec![0; len];
                    let mut state = zuc::State::new(&raw, &iv);
                    for piece in data.chunks_mut(48) {
                        (row.one)(&mut zuc::StreamLane {
                            state: &mut state,
                            data: piece,
                        });
                    }
                    check(row.name, &data);
                }
            }
        }
    }
}

#[test]
fn uia2_with_a_free_fresh() {
    let file = load("uia2_raw.json");
    let tests = file["tests"].as_array().unwrap();
    assert!(tests.len() > 5);
    for test in tests {
        let number = |name: &str| test[name].as_u64().unwrap() as u32;
        let (count, fresh, direction) = (number("count"), number("fresh"), number("direction"));
        let words = [
            count,
            fresh,
            count ^ direction << 31,
            fresh ^ direction << 15,
        ];
        let iv: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let mut z = [0; 20];
        (snow3g::active().one)(&mut Lane {
            key: &key(test),
            iv: iv.try_into().unwrap(),
            data: &mut z,
        });
        let message = hex(&test["message"]);
        for row in available::<clmul::Uia2>() {
            let mut lane = clmul::Uia2Lane {
                p: u64::from_be_bytes(z[..8].try_into().unwrap()),
                q: u64::from_be_bytes(z[8..16].try_into().unwrap()),
                message: &message,
                bits: number("length_bits") as usize,
                eval: 0,
            };
            (row.one)(&mut lane);
            let mac = lane.eval ^ u32::from_be_bytes(z[16..].try_into().unwrap());
            assert_eq!(
                mac.to_be_bytes()[..],
                hex(&test["mac"]),
                "{} {}",
                row.name,
                test["name"]
            );
        }
    }
}
