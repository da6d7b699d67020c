//! Test data of the primitives below the algorithms, row by row: aes_primitives.json, keystream_generators.json,
//! uia2_raw.json.

use std::collections::BTreeMap;

use naslane::kernel::{Backend, Lane, Room, aes128, clmul, sha256, snow3g, zuc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::family256;
use super::files::typed;
use super::tally::{Tally, same};
use crate::hex::{Fixed, Octets};

fn rows<R: Room>() -> impl Iterator<Item = &'static Backend<R>> {
    R::backends().iter().filter(|row| (row.available)())
}

fn label<R: Room>(row: &Backend<R>) -> String {
    format!("{} {}", R::NAME, row.name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct AesFile {
    source: IgnoredAny,
    aes_cmac_128: Vec<Cmac>,
    aes_ctr_128: Vec<Ctr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Cmac {
    name: String,
    origin: IgnoredAny,
    key: Fixed<16>,
    length_bits: usize,
    message: Octets,
    mac: Octets,
    verified_by: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Ctr {
    key: Fixed<16>,
    iv: Fixed<16>,
    plaintext: Octets,
    ciphertext: Octets,
    verified_by: IgnoredAny,
}

/// Every row of the AES rooms; the key is expanded by every row of key expansion.
pub(super) fn aes(json: Value) -> Result<Vec<Tally>, String> {
    let file: AesFile = typed(json)?;
    let mut tallies = Vec::new();
    for row in rows::<aes128::Expand>() {
        let mut tally = Tally::new(label(row));
        for test in &file.aes_cmac_128 {
            tally.note(&test.name, cmac(aes128::cmac::active(), row, test));
        }
        for test in &file.aes_ctr_128 {
            tally.note("counter mode", ctr(aes128::ctr::active(), row, test));
        }
        tallies.push(tally);
    }
    for row in rows::<aes128::Cmac>() {
        let mut tally = Tally::new(label(row));
        for test in &file.aes_cmac_128 {
            tally.note(&test.name, cmac(row, aes128::expand::active(), test));
        }
        tallies.push(tally);
    }
    for row in rows::<aes128::Ctr>() {
        let mut tally = Tally::new(label(row));
        for test in &file.aes_ctr_128 {
            tally.note("counter mode", ctr(row, aes128::expand::active(), test));
        }
        tallies.push(tally);
    }
    Ok(tallies)
}

fn cmac(
    row: &Backend<aes128::Cmac>,
    expand: &Backend<aes128::Expand>,
    test: &Cmac,
) -> Result<(), String> {
    let key = aes128::Key::with(expand, &test.key.0);
    let lane = || aes128::CmacLane {
        key: &key,
        head: None,
        message: &test.message.0,
        bits: test.length_bits,
        mac: [0; 16],
    };
    let mut alone = lane();
    (row.one)(&mut alone);
    let mut many: [_; LANES] = core::array::from_fn(|_| lane());
    (row.many)(&mut many);
    let len = test.mac.0.len().min(16);
    std::iter::once(&alone)
        .chain(&many)
        .try_for_each(|lane| same("CMAC", &lane.mac[..len], &test.mac.0))
}

/// Lanes of a batch: odd, and more than one group of every row of up to 64 lanes.
const LANES: usize = 67;

fn ctr(
    row: &Backend<aes128::Ctr>,
    expand: &Backend<aes128::Expand>,
    test: &Ctr,
) -> Result<(), String> {
    let key = aes128::Key::with(expand, &test.key.0);
    let texts = keystream(row, (&key.schedule, test.iv.0), &test.plaintext.0);
    texts
        .iter()
        .try_for_each(|text| same("ciphertext", text, &test.ciphertext.0))
}

/// `text` ciphered alone, then in every lane of a batch.
fn keystream<R, K: 'static>(
    row: &Backend<R>,
    (key, iv): (&K, [u8; 16]),
    text: &[u8],
) -> Vec<Vec<u8>>
where
    R: for<'a> Room<Lane<'a> = Lane<'a, K>>,
{
    let mut texts = vec![text.to_vec(); LANES + 1];
    let mut lanes: Vec<Lane<'_, K>> = texts
        .iter_mut()
        .map(|data| Lane { key, iv, data })
        .collect();
    let (alone, many) = lanes.split_at_mut(1);
    (row.one)(&mut alone[0]);
    (row.many)(many);
    drop(lanes);
    texts
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct GeneratorFile {
    source: IgnoredAny,
    order_note: IgnoredAny,
    keystreams: BTreeMap<String, Vec<Generator>>,
    snow5g: Vec<family256::Generator>,
    zuc256_48round_128bit_iv: Vec<family256::Generator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Generator {
    name: String,
    key: Fixed<16>,
    iv: Fixed<16>,
    published_prefix: Octets,
    published_tail4: Option<Octets>,
    tail_at_bytes: Option<usize>,
    first_64_bytes: Octets,
    sha256_of_first_n_bytes: Octets,
    n: usize,
    verified_by: IgnoredAny,
}

impl Generator {
    fn check(&self, z: &[u8]) -> Result<(), String> {
        let start =
            |expected: &Octets, what| same(what, &z[..expected.0.len().min(z.len())], &expected.0);
        start(&self.published_prefix, "published start")?;
        start(&self.first_64_bytes, "first octets")?;
        if let (Some(tail), Some(at)) = (&self.published_tail4, self.tail_at_bytes) {
            let found = at
                .checked_sub(tail.0.len())
                .and_then(|from| z.get(from..at));
            same("published end", found.unwrap_or_default(), &tail.0)?;
        }
        same(
            "digest",
            &sha256::sha256(&[&z[..self.n]]),
            &self.sha256_of_first_n_bytes.0,
        )
    }

    fn len(&self) -> usize {
        self.n.max(self.tail_at_bytes.unwrap_or(0))
    }

    fn on<R>(&self, row: &Backend<R>, key: [u8; 16], iv: [u8; 16]) -> Result<(), String>
    where
        R: for<'a> Room<Lane<'a> = Lane<'a, [u8; 16]>>,
    {
        let texts = keystream(row, (&key, iv), &vec![0; self.len()]);
        texts.iter().try_for_each(|z| self.check(z))
    }

    fn in_pieces(&self, row: &Backend<zuc::Stream>) -> Result<(), String> {
        let mut z = vec![0; self.len()];
        let mut state = zuc::State::new(&self.key.0, &self.iv.0);
        for data in z.chunks_mut(48) {
            (row.one)(&mut zuc::StreamLane {
                state: &mut state,
                data,
            });
        }
        self.check(&z)
    }
}

/// The sets give k0 and IV0 first; f8, f9 and the room have them last.
fn turned(octets: [u8; 16]) -> [u8; 16] {
    core::array::from_fn(|i| octets[12 - i / 4 * 4 + i % 4])
}

pub(super) fn generators(json: Value) -> Result<Vec<Tally>, String> {
    let file: GeneratorFile = typed(json)?;
    let mut tallies = Vec::new();
    for (name, tests) in &file.keystreams {
        match name.as_str() {
            "SNOW3G" => tallies.extend(rows::<snow3g::Snow3g>().map(|row| {
                each(label(row), tests, |test| {
                    test.on(row, turned(test.key.0), turned(test.iv.0))
                })
            })),
            "ZUC" => {
                tallies.extend(rows::<zuc::Zuc>().map(|row| {
                    each(label(row), tests, |test| {
                        test.on(row, test.key.0, test.iv.0)
                    })
                }));
                tallies.extend(
                    rows::<zuc::Stream>()
                        .map(|row| each(label(row), tests, |test| test.in_pieces(row))),
                );
            }
            other => return Err(format!("unknown generator {other}")),
        }
    }
    tallies.push(family256::generators(
        &file.snow5g,
        &file.zuc256_48round_128bit_iv,
    ));
    Ok(tallies)
}

fn each(
    backend: String,
    tests: &[Generator],
    run: impl Fn(&Generator) -> Result<(), String>,
) -> Tally {
    let mut tally = Tally::new(backend);
    for test in tests {
        tally.note(&test.name, run(test));
    }
    tally
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Uia2File {
    source: IgnoredAny,
    algorithm: IgnoredAny,
    tests: Vec<Uia2>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Uia2 {
    name: String,
    origin: IgnoredAny,
    key: Fixed<16>,
    count: u32,
    fresh: u32,
    direction: u32,
    length_bits: usize,
    message: Octets,
    mac: Octets,
    verified_by: IgnoredAny,
}

impl Uia2 {
    /// f9 with a free FRESH: five keystream words, then the polynomial.
    fn mac(
        &self,
        stream: &Backend<snow3g::Snow3g>,
        product: &Backend<clmul::Uia2>,
    ) -> Result<(), String> {
        let (count, fresh, direction) = (self.count, self.fresh, self.direction & 1);
        let words = [
            count,
            fresh,
            count ^ direction << 31,
            fresh ^ direction << 15,
        ]
        .map(u32::to_be_bytes);
        let iv = core::array::from_fn(|i| words[i / 4][i % 4]);
        for z in keystream(stream, (&self.key.0, iv), &[0; 20]) {
            let word = |at: usize| (at..at + 4).fold(0, |word, i| word << 8 | u64::from(z[i]));
            let lane = || clmul::Uia2Lane {
                p: word(0) << 32 | word(4),
                q: word(8) << 32 | word(12),
                message: &self.message.0,
                bits: self.length_bits,
                eval: 0,
            };
            let mut lanes: [_; LANES] = core::array::from_fn(|_| lane());
            (product.one)(&mut lanes[0]);
            (product.many)(&mut lanes[1..]);
            for lane in &lanes {
                let mac = lane.eval ^ word(16) as u32;
                same("MAC", &mac.to_be_bytes(), &self.mac.0)?;
            }
        }
        Ok(())
    }
}

pub(super) fn uia2(json: Value) -> Result<Vec<Tally>, String> {
    let file: Uia2File = typed(json)?;
    let run = |backend: String, stream, product| {
        let mut tally = Tally::new(backend);
        for test in &file.tests {
            tally.note(&test.name, test.mac(stream, product));
        }
        tally
    };
    let streams = rows::<snow3g::Snow3g>().map(|row| run(label(row), row, clmul::uia2::active()));
    let products = rows::<clmul::Uia2>().map(|row| run(label(row), snow3g::active(), row));
    Ok(streams.chain(products).collect())
}
