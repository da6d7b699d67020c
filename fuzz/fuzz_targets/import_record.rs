//! Records of sessions, damaged behind a right length and checksum: what is taken up is written down again bit by
//! bit, what is not changes nothing.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::sync::LazyLock;

use common::{GPP, N3GPP, Pair};
use libfuzzer_sys::fuzz_target;
use naslane::engine::{Config, Engine};
use naslane::procedure::smc::Activation;
use naslane::session::record::{self, Extent, Record};
use sha2::{Digest, Sha256};

const LENGTH: std::ops::Range<usize> = 6..8;
const FLAGS: usize = 9;
const CHECKSUM: usize = 16;

static GENUINE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let engine = Engine::new(&Config::for_sessions(16)).expect("an engine");
    let mut records = Vec::new();
    for (number, extent) in [Extent::Contexts, Extent::Connections]
        .into_iter()
        .enumerate()
    {
        let number = number as u64;
        let pair = Pair::secured(&engine, number);
        for _ in 0..3 {
            pair.talk(&engine, GPP);
        }
        pair.authenticate(&engine, 100 + number, 1);
        for half in [pair.amf, pair.ue] {
            let mut record = Record::new();
            record::export(engine.table(), half, extent, &mut record).expect("a record");
            records.push(record.as_bytes().to_vec());
        }
        let two = Pair::secured(&engine, 200 + number);
        two.run_smc(&engine, N3GPP, Activation::Current);
        let mut record = Record::new();
        record::export(engine.table(), two.amf, extent, &mut record).expect("a record");
        records.push(record.as_bytes().to_vec());
    }
    records
});

/// A genuine record with the edits that `data` tells: which record, how much to cut or add, then place and octet.
fn damaged(data: &[u8]) -> Option<Vec<u8>> {
    let (&[which, cut], edits) = data.split_first_chunk()?;
    let mut octets = GENUINE[usize::from(which) % GENUINE.len()].clone();
    octets.truncate(octets.len() - CHECKSUM);
    let len = octets.len();
    match cut {
        0..128 => octets.truncate(len.saturating_sub(cut.into())),
        _ => octets.resize(len + usize::from(cut - 128), cut),
    }
    for edit in edits.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([edit[0], edit[1]]));
        if let Some(octet) = octets.get_mut(place) {
            *octet = edit[2];
        }
    }
    if octets.len() > FLAGS {
        let length = (octets.len() + CHECKSUM) as u16;
        octets[LENGTH].copy_from_slice(&length.to_be_bytes());
    }
    let sum = Sha256::digest(&octets);
    octets.extend_from_slice(&sum[..CHECKSUM]);
    Some(octets)
}

fuzz_target!(|data: &[u8]| {
    let engine = Engine::new(&Config::for_sessions(2)).expect("an engine");
    assert!(
        record::import(engine.table(), data).is_err(),
        "a checksum by chance"
    );
    let Some(octets) = damaged(data) else { return };
    let Ok(session) = record::import(engine.table(), &octets) else {
        assert_eq!(engine.sessions(), 0);
        return;
    };
    // The same keys twice would be COUNTs twice.
    if octets[10] > 0 {
        assert!(record::import(engine.table(), &octets).is_err());
        assert_eq!(engine.sessions(), 1);
    }
    let mut again = Record::new();
    let extent = if octets[FLAGS] & 2 == 0 {
        Extent::Contexts
    } else {
        Extent::Connections
    };
    if record::export(engine.table(), session, extent, &mut again).is_ok() {
        assert_eq!(again.as_bytes(), octets);
    }
    let _ = engine.protect(session, GPP, common::UPLINK, &mut [0; 64]);
});
