//! nas_pdus.json: worked PDUs under one K_AMF, handover containers, and an emergency command under null integrity.

use naslane::algorithm::Input;
use naslane::base::Direction;
use naslane::nas::container::{self, IntraN1Container};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::pair::{self, Received, Situation};
use super::sets::input;
use super::tally::{On, SESSIONS, Tally, same};
use super::wire::{Wire, algorithms, runs};
use crate::hex::{Fixed, Octets};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct File {
    description: IgnoredAny,
    kamf: Fixed<32>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Vector {
    name: String,
    ea: u8,
    ia: u8,
    knas_enc: Option<Fixed<16>>,
    knas_int: Option<Fixed<16>>,
    sht: Option<u8>,
    count: Fixed<4>,
    sn: Option<Fixed<1>>,
    bearer: u8,
    direction: u8,
    plain: Option<Octets>,
    mac_input: Option<Octets>,
    mac: Fixed<4>,
    pdu: Option<Octets>,
    value: Option<Octets>,
    note: IgnoredAny,
    container_plain: Option<Octets>,
    container_ciphered: Option<Octets>,
}

impl Vector {
    fn count(&self) -> u32 {
        u32::from_be_bytes(self.count.0)
    }

    fn wire(&self) -> Result<Wire, String> {
        let none = Fixed([0; 16]); // null integrity needs no key, a container no ciphering key
        Ok(Wire {
            algorithms: algorithms(self.ea, self.ia)?,
            k_nas_enc: self.knas_enc.unwrap_or(none).0,
            k_nas_int: self.knas_int.unwrap_or(none).0,
            input: input(self.count(), self.bearer, self.direction)?,
        })
    }

    fn run(&self, on: On, k_amf: &[u8; 32]) -> Result<(), String> {
        let wire = self.wire()?;
        if self.knas_enc.is_some() {
            wire.keys_come_from(k_amf)?;
        }
        match (&self.pdu, &self.value) {
            (Some(pdu), None) => self.message(&wire, on, &pdu.0),
            (None, Some(value)) => self.handover(&wire, on, &value.0),
            _ => Err("neither a PDU nor a container".to_owned()),
        }
    }

    fn message(&self, wire: &Wire, on: On, pdu: &[u8]) -> Result<(), String> {
        let plain = &self.plain.as_ref().ok_or("no plain message")?.0;
        wire.agrees(on, pdu, plain)?;
        same("MAC", pdu.get(2..6).unwrap_or_default(), &self.mac.0)?;
        if let Some(octets) = &self.mac_input {
            same("MAC input", pdu.get(6..).unwrap_or_default(), &octets.0)?;
        }
        if self.sht.as_ref() != pdu.get(1) || self.sn.as_ref().map(|sn| &sn.0[0]) != pdu.get(6) {
            return Err("sht or sn is not that of the PDU".to_owned());
        }
        match (&self.container_ciphered, &self.container_plain) {
            (Some(ciphered), Some(inner)) => {
                wire.container_agrees(on, plain, [&ciphered.0, &inner.0])
            }
            (None, None) => Ok(()),
            _ => Err("half a container".to_owned()),
        }
    }

    /// An Intra N1 mode NAS transparent container.
    fn handover(&self, wire: &Wire, on: On, value: &[u8]) -> Result<(), String> {
        let octets = container::mac_input(value).map_err(|error| error.to_string())?;
        if let Some(expected) = &self.mac_input {
            same("MAC input", octets, &expected.0)?;
        }
        let own = Input {
            count: container::CONTAINER_COUNT,
            bearer: 1,
            direction: Direction::Downlink,
        };
        if wire.input != own {
            return Err("COUNT, BEARER or DIRECTION of another message".to_owned());
        }
        same("MAC", &wire.mac(on, octets), &self.mac.0)?;
        let read = IntraN1Container::decode(value).map_err(|error| error.to_string())?;
        same("algorithms", &[read.nea, read.nia], &[self.ea, self.ia])?;
        same(
            "container",
            &read.encode().map_err(|error| error.to_string())?,
            value,
        )
    }

    fn through_a_session(&self, k_amf: [u8; 32]) -> Option<Result<(), String>> {
        let (pdu, plain) = (self.pdu.as_ref()?, self.plain.as_ref()?);
        let wire = self.wire().ok()?;
        let situation = Situation {
            k_amf,
            algorithms: wire.algorithms,
            input: wire.input,
        };
        let container = self
            .container_plain
            .as_ref()
            .map(|container| container.0.as_slice());
        let expected = Received {
            plain: &plain.0,
            container,
        };
        situation
            .is_reachable(&pdu.0)
            .then(|| pair::accepts(&situation, &pdu.0, &expected))
    }
}

pub(super) fn read(json: Value) -> Result<Vec<Tally>, String> {
    let file: File = super::files::typed(json)?;
    let mut tallies = Vec::new();
    for on in On::all() {
        let mut tally = Tally::new(on.label());
        for vector in &file.vectors {
            if runs(algorithms(vector.ea, vector.ia)?, on) {
                tally.note(&vector.name, vector.run(on, &file.kamf.0));
            }
        }
        if tally.passed + tally.failed > 0 {
            tallies.push(tally);
        }
    }
    let mut tally = Tally::new(SESSIONS);
    for vector in &file.vectors {
        if let Some(result) = vector.through_a_session(file.kamf.0) {
            tally.note(&vector.name, result);
        }
    }
    tallies.push(tally);
    Ok(tallies)
}
