//! nas_messages.json: protected messages of every kind, and broken ones that must be refused.

use naslane::base::Error;
use naslane::nas::Pdu;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::pair::{self, Received, Situation};
use super::sets::input;
use super::tally::{On, SESSIONS, Tally};
use super::wire::{Wire, algorithms, runs};
use crate::hex::{Fixed, Octets};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct File {
    source: IgnoredAny,
    format: IgnoredAny,
    tests: Vec<Good>,
    negative_tests: Vec<Bad>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Good {
    id: u32,
    name: String,
    access: IgnoredAny,
    bearer: u8,
    direction: u8,
    nea: u8,
    nia: u8,
    k_amf: Fixed<32>,
    k_nas_enc: Fixed<16>,
    k_nas_int: Fixed<16>,
    count: u32,
    header_type: u8,
    plain: Octets,
    protected: Octets,
    container_plain: Option<Octets>,
    container_cipher: Option<Octets>,
    container_note: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
struct Bad {
    base_id: u32,
    kind: String,
    access: IgnoredAny,
    bearer: u8,
    direction: u8,
    nea: u8,
    nia: u8,
    k_nas_enc: Fixed<16>,
    k_nas_int: Fixed<16>,
    count: u32,
    protected: Octets,
    expect: String,
}

impl Good {
    fn wire(&self) -> Result<Wire, String> {
        Ok(Wire {
            algorithms: algorithms(self.nea, self.nia)?,
            k_nas_enc: self.k_nas_enc.0,
            k_nas_int: self.k_nas_int.0,
            input: input(self.count, self.bearer, self.direction)?,
        })
    }

    fn run(&self, on: On) -> Result<(), String> {
        let wire = self.wire()?;
        wire.keys_come_from(&self.k_amf.0)?;
        if self.protected.0.get(1) != Some(&self.header_type) {
            return Err("header_type is not that of the PDU".to_owned());
        }
        wire.agrees(on, &self.protected.0, &self.plain.0)?;
        match (&self.container_cipher, &self.container_plain) {
            (Some(ciphered), Some(plain)) => {
                wire.container_agrees(on, &self.plain.0, [&ciphered.0, &plain.0])
            }
            (None, None) => Ok(()),
            _ => Err("half a container".to_owned()),
        }
    }

    fn situation(&self) -> Result<Situation, String> {
        let wire = self.wire()?;
        Ok(Situation {
            k_amf: self.k_amf.0,
            algorithms: wire.algorithms,
            input: wire.input,
        })
    }

    fn through_a_session(&self) -> Result<(), String> {
        let expected = Received {
            plain: &self.plain.0,
            container: self.container_plain.as_ref().map(|c| c.0.as_slice()),
        };
        pair::accepts(&self.situation()?, &self.protected.0, &expected)
    }
}

impl Bad {
    /// The MAC does not verify under the inputs given.
    fn run(&self, on: On) -> Result<(), String> {
        let wire = self.wire()?;
        let Ok(Pdu::Protected(protected)) = Pdu::parse(&self.protected.0) else {
            return Err("not a protected PDU".to_owned());
        };
        if self.expect != "mac_mismatch" {
            return Err(format!("unknown expectation {}", self.expect));
        }
        if wire.mac(on, protected.authenticated()) == protected.mac() {
            return Err("the MAC verifies".to_owned());
        }
        Ok(())
    }

    fn wire(&self) -> Result<Wire, String> {
        Ok(Wire {
            algorithms: algorithms(self.nea, self.nia)?,
            k_nas_enc: self.k_nas_enc.0,
            k_nas_int: self.k_nas_int.0,
            input: input(self.count, self.bearer, self.direction)?,
        })
    }

    /// A session of the base's K_AMF, of another one for `wrong_key`.
    fn situation(&self, base: &Good) -> Result<Situation, String> {
        let mut situation = Situation {
            input: self.wire()?.input,
            ..base.situation()?
        };
        if self.kind == "wrong_key" {
            situation.k_amf[0] ^= 1;
        }
        Ok(situation)
    }

    /// A message of 256 COUNTs ago is not only a bad MAC: the session knows that it was there before.
    fn errors(&self) -> &'static [Error] {
        match self.kind.as_str() {
            "wrong_count_overflow" => &[Error::Mac, Error::Replay],
            _ => &[Error::Mac],
        }
    }
}

pub(super) fn read(json: Value) -> Result<Vec<Tally>, String> {
    let file: File = super::files::typed(json)?;
    let mut tallies = Vec::new();
    for on in On::all() {
        let mut tally = Tally::new(on.label());
        for test in &file.tests {
            if runs(algorithms(test.nea, test.nia)?, on) {
                tally.note(&format!("{} {}", test.id, test.name), test.run(on));
            }
        }
        for test in &file.negative_tests {
            if runs(algorithms(test.nea, test.nia)?, on) {
                tally.note(&format!("{} {}", test.base_id, test.kind), test.run(on));
            }
        }
        if tally.passed + tally.failed > 0 {
            tallies.push(tally);
        }
    }
    tallies.push(sessions(&file)?);
    Ok(tallies)
}

/// Those that a session reaches; of the broken ones those whose base, and so whose K_AMF, is in the file.
fn sessions(file: &File) -> Result<Tally, String> {
    let mut tally = Tally::new(SESSIONS);
    for test in &file.tests {
        if test.situation()?.is_reachable(&test.protected.0) {
            tally.note(
                &format!("{} {}", test.id, test.name),
                test.through_a_session(),
            );
        }
    }
    for test in &file.negative_tests {
        let Some(base) = file.tests.iter().find(|base| base.id == test.base_id) else {
            continue;
        };
        let situation = test.situation(base)?;
        if situation.is_reachable(&test.protected.0) {
            let result = pair::refuses(&situation, &test.protected.0, test.errors());
            tally.note(&format!("{} {}", test.base_id, test.kind), result);
        }
    }
    Ok(tally)
}
