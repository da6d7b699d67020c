//! Every vector of `kdf_chain.json` and `k_nas_kdf.json`: through `derive`, and through the typed function of its
//! clause where there is one.

use hmac::{Hmac, KeyInit, Mac};
use naslane::base::{AccessType, Error};
use naslane::kdf::*;
use naslane::kernel::sha256::{HmacLane, HmacPair, HmacSha256, Message, PairLane, Prepared};
use naslane::kernel::{Backend, Room};
use serde_json::Value;
use sha2::Sha256;

fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {vector}"))
}

fn octets<const N: usize>(vector: &Value, field: &str) -> [u8; N] {
    hex(text(vector, field)).try_into().unwrap()
}

/// One vector with a function code.
struct Vector<'a> {
    json: &'a Value,
    key: [u8; 32],
    fc: u8,
    params: Vec<Vec<u8>>,
    result: Vec<u8>,
}

impl<'a> Vector<'a> {
    fn read(json: &'a Value) -> Self {
        let params = json["params"].as_array().unwrap();
        Self {
            json,
            key: octets(json, "key"),
            fc: octets::<1>(json, "fc")[0],
            params: params.iter().map(|p| hex(text(p, "value"))).collect(),
            result: hex(text(json, "result")),
        }
    }

    fn name(&self) -> &str {
        text(self.json, "name")
    }

    fn param_name(&self, index: usize) -> &str {
        text(&self.json["params"][index], "name")
    }

    fn count(&self, index: usize) -> u32 {
        u32::from_be_bytes(self.params[index].as_slice().try_into().unwrap())
    }

    fn k_amf(&self) -> KAmf {
        KAmf::new(self.key)
    }

    fn through_derive(&self) {
        let params: Vec<&[u8]> = self.params.iter().map(Vec::as_slice).collect();
        let mut s = vec![self.fc];
        for param in &params {
            s.extend_from_slice(param);
            s.extend_from_slice(&(param.len() as u16).to_be_bytes());
        }
        assert_eq!(s, hex(text(self.json, "s")), "{}", self.name());
        let output = derive(&self.key, self.fc, &params).unwrap();
        assert_eq!(
            output.expose()[..],
            hex(text(self.json, "kdf_output")),
            "{}",
            self.name()
        );
        let result = match text(self.json, "truncation") {
            "none" => &output.expose()[..],
            "lsb128" => &output.expose()[16..],
            other => panic!("truncation {other}"),
        };
        assert_eq!(result, self.result, "{}", self.name());
    }

    /// The serving network name in parameter 0; `None` for the vectors whose source wrote a two-digit MNC, which
    /// the file marks and the type refuses.
    fn snn(&self) -> Option<ServingNetworkName> {
        let text = std::str::from_utf8(&self.params[0]).unwrap();
        let marked = self.json["note"]
            .as_str()
            .is_some_and(|note| note.starts_with("NON-CONFORMANT"));
        match ServingNetworkName::from_text(text) {
            Ok(name) => {
                assert!(!marked, "{}", self.name());
                assert_eq!(name, ServingNetworkName::plmn("001", "01").unwrap());
                Some(name)
            }
            Err(error) => {
                assert!(marked && error == Error::Argument, "{}", self.name());
                None
            }
        }
    }

    /// The result of the typed function; `None` where there is none: EPS function codes, refused names.
    fn typed(&self) -> Option<Vec<u8>> {
        let result = match self.fc {
            0x11 => return None,
            0x69 => self.algorithm_key(),
            0x6A => {
                let sqn_xor_ak = self.params[1].as_slice().try_into().unwrap();
                let key = k_ausf(&CkIk::new(self.key), &self.snn()?, sqn_xor_ak);
                key.expose().to_vec()
            }
            0x6B => {
                let rand = self.params[1].as_slice().try_into().unwrap();
                let ck_ik = CkIk::new(self.key);
                let star = res_star(&ck_ik, &self.snn()?, rand, &self.params[2]).unwrap();
                star.expose().to_vec()
            }
            0x6C => k_seaf(&KAusf::new(self.key), &self.snn()?)
                .expose()
                .to_vec(),
            0x6D => self.k_amf_of_supi(),
            0x6E => {
                let access = AccessType::from_id(self.params[1][0]).unwrap();
                k_gnb(&self.k_amf(), self.count(0), access)
                    .expose()
                    .to_vec()
            }
            0x6F => self.nh(),
            0x72..=0x76 | 0x7D => self.mobility(),
            other => panic!("function code {other:02x}"),
        };
        Some(result)
    }

    fn algorithm_key(&self) -> Vec<u8> {
        let id = AlgorithmId::new(self.params[1][0]).unwrap();
        let (kind, typed) = match self.params[0][0] {
            1 => (
                AlgorithmType::NasEnc,
                k_nas_enc(&self.k_amf(), id).expose().to_vec(),
            ),
            2 => (
                AlgorithmType::NasInt,
                k_nas_int(&self.k_amf(), id).expose().to_vec(),
            ),
            other => panic!("type {other}"),
        };
        assert_eq!(algorithm_key(&self.key, kind, id).expose()[..], typed);
        typed
    }

    fn k_amf_of_supi(&self) -> Vec<u8> {
        let prefix = match self.param_name(0) {
            "SUPI(IMSI digits)" => "imsi-",
            "SUPI(NAI)" => "nai-",
            other => panic!("{other}"),
        };
        let supi = format!("{prefix}{}", std::str::from_utf8(&self.params[0]).unwrap());
        let abba = Abba::new(&self.params[1]).unwrap();
        assert_eq!(abba, Abba::INITIAL);
        let key = k_amf(&KSeaf::new(self.key), Supi::parse(&supi).unwrap(), abba);
        key.expose().to_vec()
    }

    fn nh(&self) -> Vec<u8> {
        let sync: [u8; 32] = self.params[0].as_slice().try_into().unwrap();
        let (k_gnb, previous) = (KGnb::new(sync), Nh::new(sync));
        let (key, mut chain) = match self.param_name(0) {
            "SYNC-input (KgNB count 0)" => (AsKey::KGnb(&k_gnb), NhChain::start(k_gnb.clone())),
            "SYNC-input (previous NH)" => (
                AsKey::Nh(&previous),
                NhChain::resume(previous.clone(), 1).unwrap(),
            ),
            other => panic!("{other}"),
        };
        let expected = nh(&self.k_amf(), key);
        let prepared = chain.prepare(&self.k_amf());
        assert_eq!(prepared.nh(), &expected);
        assert!(self.name().ends_with(&format!(".ncc{}", prepared.ncc())));
        chain.commit(prepared).unwrap();
        expected.expose().to_vec()
    }

    fn mobility(&self) -> Vec<u8> {
        let k_asme = KAsme::new(self.key);
        match self.fc {
            0x72 => {
                let direction = match self.params[0][0] {
                    0 => HorizontalDirection::Mobility,
                    1 => HorizontalDirection::Handover,
                    other => panic!("DIRECTION {other}"),
                };
                k_amf_prime(&self.k_amf(), direction, self.count(1))
                    .expose()
                    .to_vec()
            }
            0x73 => k_asme_idle(&self.k_amf(), self.count(0)).expose().to_vec(),
            0x74 => k_asme_handover(&self.k_amf(), self.count(0))
                .expose()
                .to_vec(),
            0x75 => k_amf_from_eps_idle(&k_asme, self.count(0))
                .expose()
                .to_vec(),
            0x76 => {
                let nh = Nh::from_slice(&self.params[0]).unwrap();
                k_amf_from_eps_handover(&k_asme, &nh).expose().to_vec()
            }
            _ => k_asme_srvcc(&self.k_amf(), self.count(0)).expose().to_vec(),
        }
    }
}

#[test]
fn kdf_chain() {
    let file: Value = serde_json::from_str(include_str!("vectors/kdf_chain.json")).unwrap();
    let (mut derived, mut typed, mut special) = (0, 0, 0);
    for json in file["vectors"].as_array().unwrap() {
        match text(json, "clause") {
            "33.501 A.5" => {
                a5(json);
                special += 1;
            }
            clause if clause.starts_with("33.501 A.3") => {
                eap_aka_prime(json);
                special += 1;
            }
            _ => {
                let vector = Vector::read(json);
                vector.through_derive();
                derived += 1;
                if let Some(result) = vector.typed() {
                    assert_eq!(result, vector.result, "{}", vector.name());
                    typed += 1;
                }
            }
        }
    }
    // Not typed: two with a serving network name that TS 24.501 9.12.1 does not allow, three of EPS.
    assert_eq!((derived, typed, special), (67, 62, 2));
}

/// HXRES*: SHA-256(RAND || XRES*), 128 least significant bits.
fn a5(json: &Value) {
    let input: [u8; 32] = octets(json, "input");
    let star = ResStar::from_slice(&input[16..]).unwrap();
    let hres = hres_star(input[..16].try_into().unwrap(), &star);
    assert_eq!(hres.expose(), &octets::<16>(json, "result"));
}

/// The RFC's network name is "WLAN", which is no serving network name: CK' and IK' through `derive`, K_AUSF typed.
fn eap_aka_prime(json: &Value) {
    let ck_ik = CkIk::join(&octets(json, "CK"), &octets(json, "IK"));
    let autn: [u8; 16] = octets(json, "AUTN");
    let name = text(json, "network_name");
    assert!(ServingNetworkName::from_text(name).is_err());
    let primes = derive(ck_ik.expose(), 0x20, &[name.as_bytes(), &autn[..6]]).unwrap();
    let primes = CkIk::new(*primes.expose());
    let (ck_prime, ik_prime) = primes.split();
    assert_eq!(ck_prime, octets::<16>(json, "CKp"));
    assert_eq!(ik_prime, octets::<16>(json, "IKp"));

    let mk = prf_prime(&[ik_prime, ck_prime].concat(), text(json, "identity"));
    let mut rest = mk.as_slice();
    for field in ["K_encr", "K_aut", "K_re", "MSK", "EMSK"] {
        let expected = hex(text(json, field));
        let (part, after) = rest.split_at(expected.len());
        assert_eq!(part, expected, "{field}");
        rest = after;
    }
    assert!(rest.is_empty());
    let k_ausf = k_ausf_from_emsk(&octets(json, "EMSK"));
    assert_eq!(k_ausf.expose(), &octets::<32>(json, "K_AUSF"));
}

/// MK of EAP-AKA' (RFC 9048 3.3 and 3.4.1), 208 octets.
fn prf_prime(key: &[u8], identity: &str) -> Vec<u8> {
    let (mut mk, mut last) = (Vec::new(), Vec::new());
    for counter in 1..=7_u8 {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        hmac.update(&last);
        hmac.update(b"EAP-AKA'");
        hmac.update(identity.as_bytes());
        hmac.update(&[counter]);
        last = hmac.finalize().into_bytes().to_vec();
        mk.extend_from_slice(&last);
    }
    mk.truncate(208);
    mk
}

#[test]
fn ck_ik_prime_is_the_derivation_of_33402_with_a_serving_network_name() {
    let ck_ik = CkIk::join(&[0x53; 16], &[0x97; 16]);
    let snn = ServingNetworkName::plmn("310", "410").unwrap();
    let sqn_xor_ak = [1, 2, 3, 4, 5, 6];
    let expected = derive(ck_ik.expose(), 0x20, &[snn.as_bytes(), &sqn_xor_ak]).unwrap();
    let primes = ck_ik_prime(&ck_ik, &snn, &sqn_xor_ak);
    assert_eq!(primes.expose(), expected.expose());
}

#[test]
fn k_nas_kdf() {
    let file: Value = serde_json::from_str(include_str!("vectors/k_nas_kdf.json")).unwrap();
    let tests = file["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 40);
    let column = |test: &Value, i: usize| hex(test[i].as_str().unwrap());
    let number = |test: &Value, i: usize| u8::try_from(test[i].as_u64().unwrap()).unwrap();
    let keys: Vec<KAmf> = tests
        .iter()
        .map(|test| KAmf::from_slice(&column(test, 0)).unwrap())
        .collect();
    let mut lanes: Vec<KNasLane<'_>> = Vec::new();
    for (test, k_amf) in tests.iter().zip(&keys) {
        let (kind, id) = (number(test, 1), number(test, 2));
        let full = derive(k_amf.expose(), 0x69, &[&[kind], &[id]]).unwrap();
        assert_eq!(full.expose()[..], column(test, 4));
        let id = AlgorithmId::new(id).unwrap();
        let low = match kind {
            1 => k_nas_enc(k_amf, id).expose().to_vec(),
            2 => k_nas_int(k_amf, id).expose().to_vec(),
            other => panic!("type {other}"),
        };
        assert_eq!(low, column(test, 3));
        lanes.push(KNasLane::new(k_amf, id, id));
    }
    k_nas_batch(&mut lanes);
    for (test, lane) in tests.iter().zip(&lanes) {
        let derived = match number(test, 1) {
            1 => lane.k_nas_enc.expose(),
            _ => lane.k_nas_int.expose(),
        };
        assert_eq!(derived[..], column(test, 3));
    }
}

fn rows<R: Room>() -> impl Iterator<Item = &'static Backend<R>> {
    R::backends().iter().filter(|row| (row.available)())
}

/// Both files in one batch on every row of the rooms of SHA-256: keys, messages and their lengths all differ.
#[test]
fn every_row_gives_the_published_answers() {
    let chain: Value = serde_json::from_str(include_str!("vectors/kdf_chain.json")).unwrap();
    let k_nas: Value = serde_json::from_str(include_str!("vectors/k_nas_kdf.json")).unwrap();
    let mut all: Vec<([u8; 32], Vec<u8>, Vec<u8>)> = Vec::new();
    for vector in chain["vectors"].as_array().unwrap() {
        if !vector["s"].is_null() && !vector["kdf_output"].is_null() {
            let s = hex(text(vector, "s"));
            all.push((octets(vector, "key"), s, hex(text(vector, "kdf_output"))));
        }
    }
    for test in k_nas["tests"].as_array().unwrap() {
        let [key, output] = [0, 4].map(|i| hex(test[i].as_str().unwrap()));
        let [kind, id] = [1, 2].map(|i| test[i].as_u64().unwrap() as u8);
        let s = vec![0x69, kind, 0, 1, id, 0, 1];
        all.push((key.try_into().unwrap(), s, output));
    }
    assert_eq!(all.len(), 67 + 40);
    let prepared: Vec<_> = all
        .iter()
        .map(|(_, s, _)| Prepared::new(&s[..s.len().min(Prepared::MOST)]))
        .collect();
    for row in rows::<HmacSha256>() {
        let mut lanes: Vec<_> = all.iter().map(|(k, s, _)| HmacLane::new(k, s)).collect();
        (row.many)(&mut lanes);
        for (lane, (_, _, output)) in lanes.iter_mut().zip(&all) {
            assert_eq!(lane.out[..], output[..], "{}", row.name);
            (row.one)(lane);
            assert_eq!(lane.out[..], output[..], "{}", row.name);
        }
    }
    for row in rows::<HmacPair>() {
        let mut outs = vec![[[0; 16]; 2]; all.len()];
        let mut lanes: Vec<_> = all
            .iter()
            .zip(&prepared)
            .zip(&mut outs)
            .map(|(((key, s, _), prepared), out)| {
                let bytes = Message::Bytes(s);
                let second = if s.len() <= Prepared::MOST {
                    Message::Prepared(prepared)
                } else {
                    bytes
                };
                PairLane {
                    key,
                    messages: [bytes, second],
                    out: out.each_mut(),
                }
            })
            .collect();
        (row.many)(&mut lanes);
        for (out, (_, _, output)) in outs.iter().zip(&all) {
            assert_eq!(out[0], output[16..], "{}", row.name);
            assert_eq!(out[1], output[16..], "{}", row.name);
        }
    }
}

/// Chain A from CK || IK down to the second NH, each key feeding the next.
#[test]
fn chain_a_from_top_to_bottom() {
    let file: Value = serde_json::from_str(include_str!("vectors/kdf_chain.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let find = |name| vectors.iter().find(|v| text(v, "name") == name).unwrap();
    let result = |name| octets::<32>(find(name), "result");

    let snn = ServingNetworkName::plmn("001", "01").unwrap();
    let ck_ik = CkIk::new(octets(find("A.KAUSF"), "key"));
    let k_ausf = k_ausf(&ck_ik, &snn, &[0x03, 0x04, 0x05, 0x06, 0x07, 0xF7]);
    let k_seaf = k_seaf(&k_ausf, &snn);
    let supi = Supi::parse("imsi-001010123456789").unwrap();
    let k_amf = k_amf(&k_seaf, supi, Abba::INITIAL);
    assert_eq!(k_amf.expose(), &result("A.KAMF"));
    let k_gnb = k_gnb(&k_amf, 0, AccessType::ThreeGpp);
    assert_eq!(k_gnb.expose(), &result("A.KgNB.count0"));

    let mut chain = NhChain::establish(&k_amf, &k_gnb);
    assert_eq!(chain.ncc(), 1);
    assert!(matches!(chain.current(), AsKey::Nh(nh) if nh == &Nh::new(result("A.NH.ncc1"))));
    let prepared = chain.prepare(&k_amf);
    assert_eq!(
        (prepared.ncc(), prepared.nh().expose()),
        (2, &result("A.NH.ncc2"))
    );
    chain.commit(prepared).unwrap();
}
