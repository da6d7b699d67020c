//! No key byte ever shows in a `Debug` output or an error text.

mod common;

use std::fmt::Debug;

use common::*;
use naslane::algorithm::{Key, Nea, Nia};
use naslane::base::{AccessType, Secret, error};
use naslane::kdf::{self, KAmf, KAusf, KSeaf, NhChain};
use naslane::procedure::smc::{Activation, NewKey, Request};
use naslane::session::record::{Extent, Record, export};

/// Four octets of a key in a row, as hex or as a list, in any of the forms that `Debug` has.
fn shows(text: &str, key: &[u8]) -> bool {
    let mut text = text.to_lowercase();
    text.retain(|letter| !letter.is_whitespace());
    key.windows(4).any(|four| {
        let hex: String = four.iter().map(|b| format!("{b:02x}")).collect();
        let lists = [
            |b: &u8| format!("{b},"),
            |b: &u8| format!("{b:02x},"),
            |b: &u8| format!("{b:#x},"),
        ]
        .map(|form| four.iter().map(form).collect::<String>());
        text.contains(&hex)
            || lists
                .iter()
                .any(|list| text.contains(list.trim_end_matches(',')))
    })
}

/// Makes a K_AMF without zeros.
const NUMBER: u64 = 0x8191_A1B1_C1D1_E1F1;

struct Scan {
    keys: Vec<Vec<u8>>,
    texts: usize,
}

impl Scan {
    fn look(&mut self, value: &dyn Debug) {
        for text in [
            format!("{value:?}"),
            format!("{value:#?}"),
            format!("{value:02x?}"),
        ] {
            self.texts += 1;
            for key in &self.keys {
                assert!(!shows(&text, key), "a key shows in {text}");
            }
        }
    }
}

/// A key whose octets are far apart, so that a match is no chance.
fn key(seed: u8) -> [u8; 32] {
    std::array::from_fn(|i| {
        (i as u8)
            .wrapping_mul(151)
            .wrapping_add(seed.wrapping_mul(77))
            | 0x81
    })
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    let key = key(1);
    assert!(shows(&format!("{key:?}"), &key));
    assert!(shows(&format!("{key:#?}"), &key));
    assert!(shows(&format!("{key:02x?}").replace(", ", ""), &key));
    assert!(!shows("KAmf(..)", &key));
}

#[test]
fn r52_no_debug_output_shows_a_key() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, NUMBER);
    let k_amf = k_amf(NUMBER);
    let mut lane = [kdf::KNasLane::new(
        &k_amf,
        kdf::AlgorithmId::AES,
        kdf::AlgorithmId::AES,
    )];
    kdf::k_nas_batch(&mut lane);
    let k_gnb = kdf::k_gnb(&k_amf, 0, AccessType::ThreeGpp);
    let chain = NhChain::establish(&k_amf, &k_gnb);
    let prepared = chain.prepare(&k_amf);
    let prime = kdf::k_amf_prime(&k_amf, kdf::HorizontalDirection::Mobility, 3);
    let mut scan = Scan {
        keys: vec![
            k_amf.expose().to_vec(),
            lane[0].k_nas_enc.expose().to_vec(),
            lane[0].k_nas_int.expose().to_vec(),
            k_gnb.expose().to_vec(),
            prepared.nh().expose().to_vec(),
            prime.expose().to_vec(),
            key(1).to_vec(),
            key(2)[..16].to_vec(),
        ],
        texts: 0,
    };
    let raw: [u8; 16] = key(2)[..16].try_into().unwrap();
    scan.look(&KAusf::new(key(1)));
    scan.look(&KSeaf::new(key(1)));
    scan.look(&KAmf::new(key(1)));
    scan.look(&Secret::new(key(1)));
    scan.look(&Key::for_nea(Nea::Nea2, &raw));
    scan.look(&Key::for_nia(Nia::Nia2, &raw));
    scan.look(&lane);
    scan.look(&chain);
    scan.look(&k_gnb);
    scan.look(&identity(NUMBER, 0));
    let new_key = NewKey {
        k_amf: &k_amf,
        ng_ksi: identity(NUMBER, 0).ng_ksi,
        ue_sec_cap: None,
    };
    scan.look(&Request::new(GPP, Activation::Mapped(new_key)));

    let mut everywhere = |scan: &mut Scan| {
        for handle in [pair.amf, pair.ue] {
            let session = engine.session(handle).unwrap();
            scan.look(&*session);
            session
                .security
                .contexts()
                .for_each(|(_, context)| scan.look(context));
        }
        scan.look(&engine);
    };
    everywhere(&mut scan);
    let command = pair.command(&engine, GPP, Activation::Partial);
    everywhere(&mut scan);
    let (answer, complete) = pair.answer(&engine, GPP, &command);
    scan.look(&answer);
    let mut out = [0; 256];
    scan.look(&engine.verify(pair.amf, GPP, &complete, &mut out));
    everywhere(&mut scan);
    let mut bad = pair.uplink(&engine, GPP);
    bad[9] ^= 1;
    scan.look(&engine.verify(pair.amf, GPP, &bad, &mut out));
    scan.look(&engine.k_gnb(pair.amf, GPP));
    let mut record = Record::new();
    export(engine.table(), pair.amf, Extent::Connections, &mut record).unwrap();
    assert!(
        scan.keys
            .iter()
            .any(|key| record.as_bytes().windows(32).any(|w| w == *key)),
        "the record holds K_AMF"
    );
    scan.look(&record);
    scan.look(&error::ALL);
    assert!(scan.texts > 60);
}
