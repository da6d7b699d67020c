//! Test sets of the 128-bit algorithms, each run alone and together with the others of its file in lanes.

use naslane::algorithm::{
    CipherLane, Input, Key, MacLane, Nea, Nia, cipher, cipher_on, mac, mac_on,
};
use naslane::base::Direction;
use naslane::kernel::sha256;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::tally::{On, Tally, same};
use crate::hex::{Fixed, Octets};

/// A message to cipher.
pub(super) struct CipherSet {
    pub(super) name: String,
    pub(super) key: [u8; 16],
    pub(super) input: Input,
    pub(super) bits: usize,
    pub(super) plain: Vec<u8>,
    pub(super) expected: Answer,
}

/// What ciphering must give.
pub(super) enum Answer {
    Text(Vec<u8>),
    Digest {
        sha256: Vec<u8>,
        first: Vec<u8>,
        last: Vec<u8>,
    },
}

/// A message to authenticate.
pub(super) struct MacSet {
    pub(super) name: String,
    pub(super) key: [u8; 16],
    pub(super) input: Input,
    pub(super) bits: usize,
    pub(super) message: Vec<u8>,
    pub(super) mac: [u8; 4],
}

/// COUNT, BEARER and DIRECTION of a test set.
pub(super) fn input(count: u32, bearer: u8, direction: u8) -> Result<Input, String> {
    let direction = match direction {
        0 => Direction::Uplink,
        1 => Direction::Downlink,
        other => return Err(format!("DIRECTION {other}")),
    };
    Ok(Input {
        count,
        bearer,
        direction,
    })
}

fn cut(text: &mut Vec<u8>, bits: usize) {
    text.truncate(bits.div_ceil(8));
    if let Some(last) = text.last_mut().filter(|_| !bits.is_multiple_of(8)) {
        *last &= 0xFF << (8 - bits % 8);
    }
}

/// Runs lanes on a row; `false` when no room of the algorithm has it.
pub(super) fn cipher_lanes(nea: Nea, on: On, lanes: &mut [CipherLane<'_>]) -> bool {
    match on {
        On::Row(row) => cipher_on(nea, row, lanes).is_ok(),
        On::InUse => {
            cipher(nea, lanes);
            true
        }
    }
}

/// As [`cipher_lanes`].
pub(super) fn mac_lanes(nia: Nia, on: On, lanes: &mut [MacLane<'_>]) -> bool {
    match on {
        On::Row(row) => mac_on(nia, row, lanes).is_ok(),
        On::InUse => {
            mac(nia, lanes);
            true
        }
    }
}

impl CipherSet {
    fn check(&self, mut text: Vec<u8>) -> Result<(), String> {
        cut(&mut text, self.bits);
        match &self.expected {
            Answer::Text(expected) => same("ciphertext", &text, expected),
            Answer::Digest {
                sha256,
                first,
                last,
            } => {
                same("first octets", &text[..text.len().min(16)], first)?;
                same("last octets", &text[text.len().saturating_sub(16)..], last)?;
                same("digest", &sha256::sha256(&[&text]), sha256)
            }
        }
    }
}

/// Every set alone, deciphered again, and all sets as one batch.
pub(super) fn run_ciphers(nea: Nea, sets: &[CipherSet]) -> Vec<Tally> {
    let keys: Vec<Key> = sets.iter().map(|set| Key::for_nea(nea, &set.key)).collect();
    let rows = On::all()
        .into_iter()
        .filter(|&on| cipher_lanes(nea, on, &mut []));
    rows.map(|on| {
        let mut tally = Tally::new(on.label());
        let mut batch: Vec<Vec<u8>> = sets.iter().map(|set| set.plain.clone()).collect();
        let mut lanes: Vec<CipherLane<'_>> = (sets.iter().zip(&keys))
            .zip(&mut batch)
            .map(|((set, key), data)| CipherLane {
                key: key.cipher(),
                input: set.input,
                data,
            })
            .collect();
        cipher_lanes(nea, on, &mut lanes);
        for ((set, key), in_batch) in sets.iter().zip(&keys).zip(batch) {
            let mut data = set.plain.clone();
            let once = |data: &mut [u8]| {
                cipher_lanes(
                    nea,
                    on,
                    &mut [CipherLane {
                        key: key.cipher(),
                        input: set.input,
                        data,
                    }],
                );
            };
            once(&mut data);
            let alone = set.check(data.clone());
            once(&mut data);
            let result = alone
                .and_then(|()| same("deciphered again", &data, &set.plain))
                .and_then(|()| {
                    set.check(in_batch)
                        .map_err(|why| format!("in a batch: {why}"))
                });
            tally.note(&set.name, result);
        }
        tally
    })
    .collect()
}

/// Every set alone, and all sets as one batch.
pub(super) fn run_macs(nia: Nia, sets: &[MacSet]) -> Vec<Tally> {
    let keys: Vec<Key> = sets.iter().map(|set| Key::for_nia(nia, &set.key)).collect();
    let lane = |(set, key)| {
        let set: &MacSet = set;
        MacLane {
            bits: set.bits,
            ..MacLane::new(key, set.input, &set.message)
        }
    };
    let rows = On::all()
        .into_iter()
        .filter(|&on| mac_lanes(nia, on, &mut []));
    rows.map(|on| {
        let mut tally = Tally::new(on.label());
        let mut batch: Vec<MacLane<'_>> = sets.iter().zip(&keys).map(lane).collect();
        mac_lanes(nia, on, &mut batch);
        for ((set, key), in_batch) in sets.iter().zip(&keys).zip(&batch) {
            let mut alone = [lane((set, key))];
            mac_lanes(nia, on, &mut alone);
            let result = same("MAC", &alone[0].mac, &set.mac)
                .and_then(|()| same("in a batch: MAC", &in_batch.mac, &set.mac));
            tally.note(&set.name, result);
        }
        tally
    })
    .collect()
}

/// Which 128-bit algorithm a file names.
pub(super) enum Named {
    Nea(Nea),
    Nia(Nia),
}

pub(super) fn named(name: &str) -> Option<Named> {
    let nea = Nea::ALL
        .into_iter()
        .find(|nea| nea.name() == name)
        .map(Named::Nea);
    nea.or_else(|| {
        Nia::ALL
            .into_iter()
            .find(|nia| nia.name() == name)
            .map(Named::Nia)
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct PublishedFile<T> {
    source: IgnoredAny,
    algorithm: String,
    length_unit: IgnoredAny,
    custom_means: IgnoredAny,
    tests: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Published {
    name: String,
    origins: IgnoredAny,
    key: Fixed<16>,
    count: u32,
    bearer: u8,
    direction: u8,
    length_bits: usize,
    message: Octets,
    ciphertext: Option<Octets>,
    mac: Option<Fixed<4>>,
    verified_by: IgnoredAny,
    custom: IgnoredAny,
}

/// 128-neaN.json, 128-niaN.json.
pub(super) fn published(json: Value) -> Result<Vec<Tally>, String> {
    let file: PublishedFile<Published> = super::files::typed(json)?;
    match named(&file.algorithm).ok_or_else(|| format!("unknown algorithm {}", file.algorithm))? {
        Named::Nea(nea) => {
            let sets: Result<Vec<_>, String> =
                file.tests.into_iter().map(Published::cipher).collect();
            Ok(run_ciphers(nea, &sets?))
        }
        Named::Nia(nia) => {
            let sets: Result<Vec<_>, String> = file.tests.into_iter().map(Published::mac).collect();
            Ok(run_macs(nia, &sets?))
        }
    }
}

impl Published {
    fn cipher(self) -> Result<CipherSet, String> {
        let expected = self
            .ciphertext
            .ok_or_else(|| format!("{} has no ciphertext", self.name))?;
        Ok(CipherSet {
            input: input(self.count, self.bearer, self.direction)?,
            name: self.name,
            key: self.key.0,
            bits: self.length_bits,
            plain: self.message.0,
            expected: Answer::Text(expected.0),
        })
    }

    fn mac(self) -> Result<MacSet, String> {
        let mac = self
            .mac
            .ok_or_else(|| format!("{} has no mac", self.name))?;
        Ok(MacSet {
            input: input(self.count, self.bearer, self.direction)?,
            name: self.name,
            key: self.key.0,
            bits: self.length_bits,
            message: self.message.0,
            mac: mac.0,
        })
    }
}

/// The generator of the random sets' messages: outputs of splitmix64 in little-endian octets.
pub(super) fn splitmix(seed: &str, len: usize) -> Result<Vec<u8>, String> {
    let mut state =
        u64::from_str_radix(seed, 16).map_err(|error| format!("seed {seed:?}: {error}"))?;
    let mut octets: Vec<u8> = (0..len.div_ceil(8))
        .flat_map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ z >> 31).to_le_bytes()
        })
        .collect();
    octets.truncate(len);
    Ok(octets)
}

/// A row of a random set whose last, optional column says who verified it.
pub(super) fn columns<T: serde::de::DeserializeOwned>(
    row: &Value,
    count: usize,
) -> Result<T, String> {
    let row = row.as_array().ok_or("a row is not a list")?;
    if row.len() != count && row.len() != count + 1 {
        return Err(format!("a row has {} columns, not {count}", row.len()));
    }
    serde_json::from_value(row[..count].to_vec().into()).map_err(|error| error.to_string())
}

/// One algorithm of random_128.json.
pub(super) fn random(named: &Named, rows: &[Value]) -> Result<Vec<Tally>, String> {
    let message = |seed: &str, bits: usize| {
        let mut message = splitmix(seed, bits.div_ceil(8))?;
        cut(&mut message, bits);
        Ok::<_, String>(message)
    };
    match named {
        Named::Nea(nea) => {
            let set = |row: &Value| {
                type Row = (
                    u32,
                    Fixed<16>,
                    u32,
                    u8,
                    u8,
                    usize,
                    String,
                    Octets,
                    Octets,
                    Octets,
                );
                let row: Row = columns(row, 10)?;
                let (id, key, count, bearer, direction, bits, seed, sha256, first, last) = row;
                Ok::<_, String>(CipherSet {
                    name: format!("{} {id}", nea.name()),
                    key: key.0,
                    input: input(count, bearer, direction)?,
                    bits,
                    plain: message(&seed, bits)?,
                    expected: Answer::Digest {
                        sha256: sha256.0,
                        first: first.0,
                        last: last.0,
                    },
                })
            };
            Ok(run_ciphers(
                *nea,
                &rows.iter().map(set).collect::<Result<Vec<_>, _>>()?,
            ))
        }
        Named::Nia(nia) => {
            let set = |row: &Value| {
                type Row = (u32, Fixed<16>, u32, u8, u8, usize, String, Fixed<4>);
                let (id, key, count, bearer, direction, bits, seed, mac) = columns::<Row>(row, 8)?;
                Ok::<_, String>(MacSet {
                    name: format!("{} {id}", nia.name()),
                    key: key.0,
                    input: input(count, bearer, direction)?,
                    bits,
                    message: message(&seed, bits)?,
                    mac: mac.0,
                })
            };
            Ok(run_macs(
                *nia,
                &rows.iter().map(set).collect::<Result<Vec<_>, _>>()?,
            ))
        }
    }
}
