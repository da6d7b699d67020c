//! kdf_chain.json and k_nas_kdf.json: HMAC and its pairs on every row, and the derivations through their own functions.

use naslane::base::AccessType;
use naslane::kdf::*;
use naslane::kernel::sha256::{
    HmacLane, HmacPair, HmacSha256, Message, PairLane, Prepared, Short, ShortLane, sha256,
};
use naslane::kernel::{Backend, Room};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::files::typed;
use super::tally::{IN_USE, Tally, same};
use crate::hex::{Fixed, Octets};

/// HMAC on one row, alone and in lanes.
fn hmac(row: &Backend<HmacSha256>, key: &[u8; 32], message: &[u8]) -> Result<[u8; 32], String> {
    let lane = || HmacLane {
        key,
        message,
        out: [0; 32],
    };
    let mut alone = lane();
    (row.one)(&mut alone);
    let mut lanes: [_; 19] = core::array::from_fn(|_| lane());
    (row.many)(&mut lanes);
    lanes
        .iter()
        .try_for_each(|lane| same("in a batch: HMAC", &lane.out, &alone.out))?;
    Ok(alone.out)
}

/// The last 128 bits on one row, alone and in lanes, from the bytes and from the prepared message.
fn pair(row: &Backend<HmacPair>, key: &[u8; 32], message: &[u8]) -> Result<[u8; 16], String> {
    let prepared = Prepared::new(message);
    let messages = [Message::Bytes(message), Message::Prepared(&prepared)];
    let mut outs = [[[0; 16]; 2]; 19];
    let mut lanes = outs.each_mut().map(|out| PairLane {
        key,
        messages,
        out: out.each_mut(),
    });
    (row.one)(&mut lanes[0]);
    (row.many)(&mut lanes[1..]);
    let alone = outs[0][0];
    outs.as_flattened()
        .iter()
        .try_for_each(|out| same("in a batch: pair", out, &alone))?;
    Ok(alone)
}

fn rows<R: Room>() -> impl Iterator<Item = &'static Backend<R>> {
    R::backends().iter().filter(|row| (row.available)())
}

fn string(fc: u8, params: &[&[u8]]) -> Vec<u8> {
    let mut s = vec![fc];
    for param in params {
        s.extend_from_slice(param);
        s.extend_from_slice(&(param.len() as u16).to_be_bytes());
    }
    s
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct KNasFile {
    source: IgnoredAny,
    columns: IgnoredAny,
    tests: Vec<(Fixed<32>, u8, u8, Fixed<16>, Fixed<32>)>,
}

pub(super) fn k_nas(json: Value) -> Result<Vec<Tally>, String> {
    let file: KNasFile = typed(json)?;
    let mut tallies = Vec::new();
    for row in rows() {
        let mut tally = Tally::new(format!("{} {}", HmacSha256::NAME, row.name));
        for (key, kind, id, _, output) in &file.tests {
            let result = hmac(row, &key.0, &string(0x69, &[&[*kind], &[*id]]));
            tally.note(
                "K_NAS",
                result.and_then(|found| same("KDF output", &found, &output.0)),
            );
        }
        tallies.push(tally);
    }
    for row in rows() {
        let mut tally = Tally::new(format!("{} {}", HmacPair::NAME, row.name));
        for (key, kind, id, k_nas, _) in &file.tests {
            let result = pair(row, &key.0, &string(0x69, &[&[*kind], &[*id]]));
            tally.note(
                "K_NAS",
                result.and_then(|found| same("K_NAS", &found, &k_nas.0)),
            );
        }
        tallies.push(tally);
    }
    let mut tally = Tally::new(IN_USE);
    for (key, kind, id, k_nas, _) in &file.tests {
        let result = nas_key(key.0, *kind, *id).and_then(|found| same("K_NAS", &found, &k_nas.0));
        tally.note("K_NAS", result);
    }
    tallies.push(tally);
    Ok(tallies)
}

fn nas_key(key: [u8; 32], kind: u8, id: u8) -> Result<Vec<u8>, String> {
    let id = AlgorithmId::new(id).ok_or("algorithm identity above 15")?;
    let k_amf = KAmf::new(key);
    match kind {
        1 => Ok(k_nas_enc(&k_amf, id).expose().to_vec()),
        2 => Ok(k_nas_int(&k_amf, id).expose().to_vec()),
        other => Err(format!("algorithm type {other}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct ChainFile {
    description: IgnoredAny,
    kdf: IgnoredAny,
    vectors: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Kdf(Box<Kdf>),
    Hash(Box<Hash>),
    EapAka(Box<EapAka>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Kdf {
    name: String,
    clause: IgnoredAny,
    key: Fixed<32>,
    fc: Fixed<1>,
    params: Vec<Param>,
    s: Octets,
    kdf_output: Fixed<32>,
    result: Octets,
    truncation: String,
    published_expected: IgnoredAny,
    source: IgnoredAny,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Param {
    name: String,
    value: Octets,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Hash {
    name: String,
    clause: IgnoredAny,
    construction: IgnoredAny,
    input: Octets,
    result: Fixed<16>,
    published_expected: IgnoredAny,
    source: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, non_snake_case)] // as above; the names of RFC 9048
struct EapAka {
    name: String,
    clause: IgnoredAny,
    CK: Fixed<16>,
    IK: Fixed<16>,
    AUTN: Fixed<16>,
    network_name: String,
    identity: String,
    CKp: Fixed<16>,
    IKp: Fixed<16>,
    K_encr: Fixed<16>,
    K_aut: Fixed<32>,
    K_re: Fixed<32>,
    MSK: Fixed<64>,
    EMSK: Fixed<64>,
    K_AUSF: Fixed<32>,
    published_expected: IgnoredAny,
    source: IgnoredAny,
}

pub(super) fn chain(json: Value) -> Result<Vec<Tally>, String> {
    let file: ChainFile = typed(json)?;
    let mut tallies = Vec::new();
    for row in rows() {
        let mut tally = Tally::new(format!("{} {}", HmacSha256::NAME, row.name));
        for step in &file.vectors {
            match step {
                Step::Kdf(kdf) => tally.note(&kdf.name, kdf.on(row)),
                Step::EapAka(eap) => tally.note(&eap.name, eap.on(row)),
                Step::Hash(_) => {}
            }
        }
        tallies.push(tally);
    }
    for row in rows() {
        let mut tally = Tally::new(format!("{} {}", Short::NAME, row.name));
        for step in &file.vectors {
            if let Step::Hash(hash) = step {
                tally.note(&hash.name, hash.on(row));
            }
        }
        tallies.push(tally);
    }
    let mut tally = Tally::new(IN_USE);
    for step in &file.vectors {
        match step {
            Step::Kdf(kdf) => tally.note(&kdf.name, kdf.through_functions()),
            Step::EapAka(eap) => tally.note(&eap.name, eap.through_functions()),
            Step::Hash(hash) => tally.note(&hash.name, hash.through_functions()),
        }
    }
    tallies.push(tally);
    Ok(tallies)
}

impl Hash {
    /// RAND and RES* on one row, alone and in lanes.
    fn on(&self, row: &Backend<Short>) -> Result<(), String> {
        let (halves, rest) = self.input.0.as_chunks::<16>();
        let ([first, second], []) = (halves, rest) else {
            return Err("the input is not 32 octets".to_owned());
        };
        let lane = || ShortLane::new([first, second]);
        let mut alone = lane();
        (row.one)(&mut alone);
        same("digest", &alone.out[16..], &self.result.0)?;
        let mut lanes: [_; 19] = core::array::from_fn(|_| lane());
        (row.many)(&mut lanes);
        lanes
            .iter()
            .try_for_each(|lane| same("in a batch: digest", &lane.out, &alone.out))
    }

    fn through_functions(&self) -> Result<(), String> {
        same("digest", &sha256(&[&self.input.0])[16..], &self.result.0)?;
        let (rand, res_star) = self
            .input
            .0
            .split_at_checked(16)
            .ok_or("the input is too short")?;
        let rand = rand.try_into().map_err(|_| "RAND is not 16 octets")?;
        let res_star = ResStar::from_slice(res_star).ok_or("RES* is not 16 octets")?;
        same("HRES*", hres_star(rand, &res_star).expose(), &self.result.0)
    }
}

impl EapAka {
    fn on(&self, row: &Backend<HmacSha256>) -> Result<(), String> {
        let ck_ik = join(&self.CK.0, &self.IK.0);
        let name = self.network_name.as_bytes();
        let prime = hmac(row, &ck_ik, &string(0x20, &[name, &self.AUTN.0[..6]]))?;
        same("CK'", &prime[..16], &self.CKp.0)?;
        same("IK'", &prime[16..], &self.IKp.0)?;
        let key = join(&self.IKp.0, &self.CKp.0);
        let seed = [b"EAP-AKA'".as_slice(), self.identity.as_bytes()].concat();
        // PRF' of RFC 9048, 3.4.1: T1 = HMAC(seed || 1), T2 = HMAC(T1 || seed || 2) ...
        let (mut stream, mut last) = (Vec::new(), Vec::new());
        for counter in 1..=7 {
            last = hmac(
                row,
                &key,
                &[last.as_slice(), seed.as_slice(), &[counter]].concat(),
            )?
            .to_vec();
            stream.extend_from_slice(&last);
        }
        let expected = [
            &self.K_encr.0[..],
            &self.K_aut.0,
            &self.K_re.0,
            &self.MSK.0,
            &self.EMSK.0,
        ]
        .concat();
        same("MK", &stream[..expected.len()], &expected)
    }

    fn through_functions(&self) -> Result<(), String> {
        let ck_ik = join(&self.CK.0, &self.IK.0);
        let name = self.network_name.as_bytes();
        let prime =
            derive(&ck_ik, 0x20, &[name, &self.AUTN.0[..6]]).map_err(|error| error.to_string())?;
        same(
            "CK' and IK'",
            prime.expose(),
            &join(&self.CKp.0, &self.IKp.0),
        )?;
        same(
            "K_AUSF",
            k_ausf_from_emsk(&self.EMSK.0).expose(),
            &self.K_AUSF.0,
        )
    }
}

fn join(a: &[u8; 16], b: &[u8; 16]) -> [u8; 32] {
    core::array::from_fn(|i| if i < 16 { a[i] } else { b[i - 16] })
}

impl Kdf {
    fn on(&self, row: &Backend<HmacSha256>) -> Result<(), String> {
        same("S", &string(self.fc.0[0], &self.params()), &self.s.0)?;
        same(
            "KDF output",
            &hmac(row, &self.key.0, &self.s.0)?,
            &self.kdf_output.0,
        )?;
        let cut = match self.truncation.as_str() {
            "none" => 0,
            "lsb128" => 16,
            other => return Err(format!("unknown truncation {other}")),
        };
        same("result", &self.kdf_output.0[cut..], &self.result.0)
    }

    fn params(&self) -> Vec<&[u8]> {
        self.params
            .iter()
            .map(|param| param.value.0.as_slice())
            .collect()
    }

    fn through_functions(&self) -> Result<(), String> {
        let output =
            derive(&self.key.0, self.fc.0[0], &self.params()).map_err(|error| error.to_string())?;
        same("KDF output", output.expose(), &self.kdf_output.0)?;
        match self.typed()? {
            Some(found) => same("result", &found, &self.result.0),
            None => Ok(()),
        }
    }

    fn param<const N: usize>(&self, place: usize) -> Result<[u8; N], String> {
        let param = self
            .params
            .get(place)
            .ok_or_else(|| format!("parameter {place} is missing"))?;
        param
            .value
            .0
            .as_slice()
            .try_into()
            .map_err(|_| format!("{} is not {N} octets", param.name))
    }

    fn text(&self, place: usize) -> Result<&str, String> {
        let param = self
            .params
            .get(place)
            .ok_or_else(|| format!("parameter {place} is missing"))?;
        std::str::from_utf8(&param.value.0).map_err(|error| error.to_string())
    }

    fn count(&self, place: usize) -> Result<u32, String> {
        self.param(place).map(u32::from_be_bytes)
    }

    /// The serving network name; `None` for one that the file marks as not conformant, which must be refused.
    fn serving_network(&self) -> Result<Option<ServingNetworkName>, String> {
        let marked = self
            .note
            .as_deref()
            .is_some_and(|note| note.starts_with("NON-CONFORMANT"));
        match (ServingNetworkName::from_text(self.text(0)?), marked) {
            (Ok(name), false) => Ok(Some(name)),
            (Err(_), true) => Ok(None),
            (Ok(_), true) => Err("a malformed serving network name was accepted".to_owned()),
            (Err(error), false) => Err(format!("serving network name: {error}")),
        }
    }

    /// The result of the clause's own function; `None` where there is none: EPS function codes, refused names.
    fn typed(&self) -> Result<Option<Vec<u8>>, String> {
        let key = self.key.0;
        let k_amf = KAmf::new(key);
        let found = match self.fc.0[0] {
            0x11 => return Ok(None),
            0x69 => nas_key(key, self.param::<1>(0)?[0], self.param::<1>(1)?[0])?,
            0x6A..=0x6C => match self.serving_network()? {
                Some(name) => self.authentication(&name)?,
                None => return Ok(None),
            },
            0x6D => self.k_amf_of_supi()?,
            0x6E => {
                let access =
                    AccessType::from_id(self.param::<1>(1)?[0]).ok_or("unknown access type")?;
                k_gnb(&k_amf, self.count(0)?, access).expose().to_vec()
            }
            0x6F => self.nh()?,
            0x72 => {
                let direction = match self.param::<1>(0)?[0] {
                    0 => HorizontalDirection::Mobility,
                    1 => HorizontalDirection::Handover,
                    other => return Err(format!("DIRECTION {other}")),
                };
                k_amf_prime(&k_amf, direction, self.count(1)?)
                    .expose()
                    .to_vec()
            }
            0x73 => k_asme_idle(&k_amf, self.count(0)?).expose().to_vec(),
            0x74 => k_asme_handover(&k_amf, self.count(0)?).expose().to_vec(),
            0x75 => k_amf_from_eps_idle(&KAsme::new(key), self.count(0)?)
                .expose()
                .to_vec(),
            0x76 => k_amf_from_eps_handover(&KAsme::new(key), &Nh::new(self.param(0)?))
                .expose()
                .to_vec(),
            0x7D => k_asme_srvcc(&k_amf, self.count(0)?).expose().to_vec(),
            other => return Err(format!("unknown function code {other:02x}")),
        };
        Ok(Some(found))
    }

    fn authentication(&self, name: &ServingNetworkName) -> Result<Vec<u8>, String> {
        let ck_ik = CkIk::new(self.key.0);
        match self.fc.0[0] {
            0x6A => Ok(k_ausf(&ck_ik, name, &self.param(1)?).expose().to_vec()),
            0x6B => {
                let res = self.params.get(2).ok_or("RES is missing")?;
                let star = res_star(&ck_ik, name, &self.param(1)?, &res.value.0);
                Ok(star.map_err(|error| error.to_string())?.expose().to_vec())
            }
            _ => Ok(k_seaf(&KAusf::new(self.key.0), name).expose().to_vec()),
        }
    }

    fn k_amf_of_supi(&self) -> Result<Vec<u8>, String> {
        let prefix = match self.params.first().map(|param| param.name.as_str()) {
            Some("SUPI(IMSI digits)") => "imsi-",
            Some("SUPI(NAI)") => "nai-",
            other => return Err(format!("unknown parameter {other:?}")),
        };
        let supi = format!("{prefix}{}", self.text(0)?);
        let supi = Supi::parse(&supi).map_err(|error| format!("SUPI: {error}"))?;
        let abba = self.param::<2>(1)?;
        let abba = Abba::new(&abba).map_err(|error| format!("ABBA: {error}"))?;
        Ok(k_amf(&KSeaf::new(self.key.0), supi, abba).expose().to_vec())
    }

    fn nh(&self) -> Result<Vec<u8>, String> {
        let k_amf = KAmf::new(self.key.0);
        let sync = self.param(0)?;
        let first = self.params[0].name.contains("KgNB");
        let (k_gnb, previous) = (KGnb::new(sync), Nh::new(sync));
        let next = nh(
            &k_amf,
            if first {
                AsKey::KGnb(&k_gnb)
            } else {
                AsKey::Nh(&previous)
            },
        );
        Ok(next.expose().to_vec())
    }
}
