//! random_128.json and random_256.json: rows by algorithm.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::family256;
use super::sets;
use super::tally::Tally;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct File {
    source: IgnoredAny,
    message_derivation: IgnoredAny,
    iv_note: Option<IgnoredAny>,
    columns: BTreeMap<String, Vec<String>>,
    algorithms: BTreeMap<String, Vec<Value>>,
}

const KNOWN: [&[&str]; 5] = [
    &[
        "id",
        "key",
        "count",
        "bearer",
        "direction",
        "length_bits",
        "seed",
        "sha256_ciphertext",
        "first16",
        "last16",
        "(verified_by)",
    ],
    &[
        "id",
        "key",
        "count",
        "bearer",
        "direction",
        "length_bits",
        "seed",
        "mac",
        "(verified_by)",
    ],
    &[
        "id",
        "key",
        "iv",
        "length_bytes",
        "seed",
        "sha256_ciphertext_first16bytes",
        "first16",
        "last16",
    ],
    &["id", "key", "iv", "length_bytes", "seed", "tag"],
    &[
        "id",
        "key",
        "iv",
        "aad_length_bytes",
        "aad_seed",
        "length_bytes",
        "seed",
        "sha256_ciphertext_first16bytes",
        "first16",
        "last16",
        "tag",
    ],
];

pub(super) fn read(json: Value) -> Result<Vec<Tally>, String> {
    let file: File = super::files::typed(json)?;
    for (kind, columns) in &file.columns {
        if !KNOWN.iter().any(|known| known == columns) {
            return Err(format!("unknown columns of {kind}: {}", columns.join(" ")));
        }
    }
    let mut all: Vec<Tally> = Vec::new();
    for (name, rows) in &file.algorithms {
        let tallies = match sets::named(name) {
            Some(named) => sets::random(&named, rows)?,
            None => vec![family256::random(name, rows)?],
        };
        for tally in tallies {
            match all.iter_mut().find(|sum| sum.backend == tally.backend) {
                Some(sum) => sum.add(tally),
                None => all.push(tally),
            }
        }
    }
    Ok(all)
}
