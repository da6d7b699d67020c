//! The files of the 256-bit algorithms, on the reference that this program carries for them.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use naslane::kernel::sha256;

use super::sets::{columns, splitmix};
use super::tally::{REFERENCE, Tally, same};
use crate::hex::{Fixed, Octets};
use crate::nxa256::{self, Family};

/// What an algorithm does, and of which family it is.
#[derive(Clone, Copy)]
enum Kind {
    Nea(Family),
    Nia(Family),
    Nca(Family),
}

fn kind(name: &str) -> Result<Kind, String> {
    let unknown = || format!("unknown algorithm {name}");
    let (what, id) = name
        .strip_prefix("256-")
        .and_then(|rest| rest.split_at_checked(3))
        .ok_or_else(unknown)?;
    let family = id
        .parse()
        .ok()
        .and_then(Family::from_id)
        .ok_or_else(unknown)?;
    match what {
        "NEA" => Ok(Kind::Nea(family)),
        "NIA" => Ok(Kind::Nia(family)),
        "NCA" => Ok(Kind::Nca(family)),
        _ => Err(unknown()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct File {
    source: IgnoredAny,
    algorithm: String,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Test {
    name: String,
    key: Fixed<32>,
    iv: Fixed<16>,
    iv_fields: IvFields,
    length_bits: usize,
    message: Octets,
    #[serde(default)]
    aad: Octets,
    tag_bits: Option<usize>,
    ciphertext: Option<Octets>,
    tag: Option<Octets>,
    verified_by: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IvFields {
    byte0: u8,
    tag_bits_field: u8,
    aead_flag: u8,
    byte1: u8,
    field48: Octets,
    count: u32,
}

impl IvFields {
    fn check(&self, iv: &[u8; 16]) -> Result<(), String> {
        let mut built = [0; 16];
        built[0] = self.byte0;
        built[1] = self.byte1;
        if self.field48.0.len() != 6 || self.byte0 != self.tag_bits_field | self.aead_flag << 2 {
            return Err("the fields of the IV contradict each other".to_owned());
        }
        built[2..8].copy_from_slice(&self.field48.0);
        built[8..12].copy_from_slice(&self.count.to_be_bytes());
        same("IV from its fields", &built, iv)
    }
}

impl Test {
    fn run(&self, kind: Kind) -> Result<(), String> {
        self.iv_fields.check(&self.iv.0)?;
        if self.length_bits != 8 * self.message.0.len() {
            return Err("length_bits is not that of the message".to_owned());
        }
        let secret = (&self.key.0, &self.iv.0);
        let mut data = self.message.0.clone();
        let want = |field: &Option<Octets>| {
            field
                .clone()
                .map(|octets| octets.0)
                .ok_or("a result is missing")
        };
        let tag_len = self.tag_bits.unwrap_or(0) / 8;
        match kind {
            Kind::Nea(family) => {
                nxa256::nea(family, secret, &mut data);
                same("ciphertext", &data, &want(&self.ciphertext)?)
            }
            Kind::Nia(family) => {
                let tag = nxa256::nia(family, secret, &data, tag_len);
                same("tag", &tag, &want(&self.tag)?)
            }
            Kind::Nca(family) => {
                let tag = nxa256::nca(family, secret, (&self.aad.0, &mut data), tag_len);
                same("ciphertext", &data, &want(&self.ciphertext)?)?;
                same("tag", &tag, &want(&self.tag)?)
            }
        }
    }
}

/// 256-neaN.json, 256-niaN.json, 256-ncaN.json.
pub(super) fn published(json: Value) -> Result<Vec<Tally>, String> {
    let file: File = super::files::typed(json)?;
    let kind = kind(&file.algorithm)?;
    let mut tally = Tally::new(REFERENCE);
    for test in &file.tests {
        tally.note(&test.name, test.run(kind));
    }
    Ok(vec![tally])
}

/// One algorithm of random_256.json.
pub(super) fn random(name: &str, rows: &[Value]) -> Result<Tally, String> {
    let kind = kind(name)?;
    let mut tally = Tally::new(REFERENCE);
    for (place, row) in rows.iter().enumerate() {
        let result = match kind {
            Kind::Nea(family) => random_nea(family, row)?,
            Kind::Nia(family) => random_nia(family, row)?,
            Kind::Nca(family) => random_nca(family, row)?,
        };
        tally.note(&format!("{name} {place}"), result);
    }
    Ok(tally)
}

fn excerpt(text: &[u8], [digest, first, last]: [&Octets; 3]) -> Result<(), String> {
    same("first octets", &text[..text.len().min(16)], &first.0)?;
    same(
        "last octets",
        &text[text.len().saturating_sub(16)..],
        &last.0,
    )?;
    same("digest", &sha256::sha256(&[text])[..16], &digest.0)
}

fn random_nea(family: Family, row: &Value) -> Result<Result<(), String>, String> {
    type Row = (
        u32,
        Fixed<32>,
        Fixed<16>,
        usize,
        String,
        Octets,
        Octets,
        Octets,
    );
    let (_, key, iv, len, seed, digest, first, last) = columns::<Row>(row, 8)?;
    let mut text = splitmix(&seed, len)?;
    nxa256::nea(family, (&key.0, &iv.0), &mut text);
    Ok(excerpt(&text, [&digest, &first, &last]))
}

fn random_nia(family: Family, row: &Value) -> Result<Result<(), String>, String> {
    type Row = (u32, Fixed<32>, Fixed<16>, usize, String, Octets);
    let (_, key, iv, len, seed, tag) = columns::<Row>(row, 6)?;
    let found = nxa256::nia(family, (&key.0, &iv.0), &splitmix(&seed, len)?, tag.0.len());
    Ok(same("tag", &found, &tag.0))
}

fn random_nca(family: Family, row: &Value) -> Result<Result<(), String>, String> {
    type Row = (
        u32,
        Fixed<32>,
        Fixed<16>,
        usize,
        String,
        usize,
        String,
        Octets,
        Octets,
        Octets,
        Octets,
    );
    let (_, key, iv, aad_len, aad_seed, len, seed, digest, first, last, tag) =
        columns::<Row>(row, 11)?;
    let (aad, mut text) = (splitmix(&aad_seed, aad_len)?, splitmix(&seed, len)?);
    let found = nxa256::nca(family, (&key.0, &iv.0), (&aad, &mut text), tag.0.len());
    Ok(excerpt(&text, [&digest, &first, &last]).and_then(|()| same("tag", &found, &tag.0)))
}

/// A keystream of keystream_generators.json.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
pub(super) struct Generator {
    name: Option<String>,
    key: Fixed<32>,
    iv: Fixed<16>,
    keystream: Octets,
    verified_by: IgnoredAny,
    origin: Option<IgnoredAny>,
}

pub(super) fn generators(snow5g: &[Generator], zuc256: &[Generator]) -> Tally {
    let mut tally = Tally::new(REFERENCE);
    for (family, tests) in [(Family::Snow5g, snow5g), (Family::Zuc256, zuc256)] {
        for (place, test) in tests.iter().enumerate() {
            let mut z = vec![0; test.keystream.0.len()];
            nxa256::nea(family, (&test.key.0, &test.iv.0), &mut z);
            let name = test
                .name
                .clone()
                .unwrap_or_else(|| format!("{family:?} {place}"));
            tally.note(&name, same("keystream", &z, &test.keystream.0));
        }
    }
    tally
}
