//! A protected PDU taken apart and put together again with the algorithms alone, on the row asked for.

use naslane::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia};
use naslane::kdf::{AlgorithmId, KAmf, k_nas_enc, k_nas_int};
use naslane::nas::{self, InitialMessage, Pdu};
use naslane::security::Algorithms;

use super::sets::{cipher_lanes, mac_lanes};
use super::tally::{On, same};

/// Keys and inputs of one protected message.
pub(super) struct Wire {
    pub(super) algorithms: Algorithms,
    pub(super) k_nas_enc: [u8; 16],
    pub(super) k_nas_int: [u8; 16],
    pub(super) input: Input,
}

/// `nea` and `nia` as algorithms.
pub(super) fn algorithms(nea: u8, nia: u8) -> Result<Algorithms, String> {
    match (Nea::from_id(nea), Nia::from_id(nia)) {
        (Some(nea), Some(nia)) => Ok(Algorithms { nea, nia }),
        _ => Err(format!("unknown algorithms NEA{nea}, NIA{nia}")),
    }
}

/// True when some room of either algorithm has the row; a null algorithm has none of its own.
pub(super) fn runs(algorithms: Algorithms, on: On) -> bool {
    on == On::InUse
        || (algorithms.nea != Nea::Nea0 && cipher_lanes(algorithms.nea, on, &mut []))
        || (algorithms.nia != Nia::Nia0 && mac_lanes(algorithms.nia, on, &mut []))
}

impl Wire {
    /// The keys are those of K_AMF (TS 33.501 A.8).
    pub(super) fn keys_come_from(&self, k_amf: &[u8; 32]) -> Result<(), String> {
        let k_amf = KAmf::new(*k_amf);
        let id = |id| AlgorithmId::new(id).ok_or("algorithm identity above 15");
        let enc = k_nas_enc(&k_amf, id(self.algorithms.nea.id())?);
        let int = k_nas_int(&k_amf, id(self.algorithms.nia.id())?);
        same("K_NASenc", enc.expose(), &self.k_nas_enc)?;
        same("K_NASint", int.expose(), &self.k_nas_int)
    }

    /// The algorithm, on the row where that has it, else on the row in use.
    pub(super) fn cipher(&self, on: On, octets: &[u8]) -> Vec<u8> {
        let nea = self.algorithms.nea;
        let key = Key::for_nea(nea, &self.k_nas_enc);
        let mut data = octets.to_vec();
        let mut lanes = [CipherLane {
            key: key.cipher(),
            input: self.input,
            data: &mut data,
        }];
        let _ = cipher_lanes(nea, on, &mut lanes) || cipher_lanes(nea, On::InUse, &mut lanes);
        data
    }

    /// As [`Wire::cipher`].
    pub(super) fn mac(&self, on: On, octets: &[u8]) -> [u8; 4] {
        let nia = self.algorithms.nia;
        let key = Key::for_nia(nia, &self.k_nas_int);
        let mut lanes = [MacLane::new(&key, self.input, octets)];
        let _ = mac_lanes(nia, on, &mut lanes) || mac_lanes(nia, On::InUse, &mut lanes);
        lanes[0].mac
    }

    /// `pdu` is `plain` protected, and `plain` is what comes out of `pdu`.
    pub(super) fn agrees(&self, on: On, pdu: &[u8], plain: &[u8]) -> Result<(), String> {
        let Ok(Pdu::Protected(protected)) = Pdu::parse(pdu) else {
            return Err("not a protected PDU".to_owned());
        };
        same(
            "MAC",
            &self.mac(on, protected.authenticated()),
            &protected.mac(),
        )?;
        let sn = self.input.count.to_be_bytes()[3];
        same("sequence number", &[protected.sn()], &[sn])?;
        let ciphered = protected.sht().is_ciphered();
        let cipher = |octets: &[u8]| {
            if ciphered {
                self.cipher(on, octets)
            } else {
                octets.to_vec()
            }
        };
        same("plain message", &cipher(protected.body()), plain)?;

        let mut built = vec![0; nas::header::BODY];
        built.extend_from_slice(&cipher(plain));
        built[nas::header::SN] = sn;
        let mac = self.mac(on, &built[nas::header::SN..]);
        nas::write_header(&mut built, protected.sht(), mac, sn)
            .map_err(|error| error.to_string())?;
        same("PDU", &built, pdu)
    }

    /// The NAS message container of `message` holds `ciphered`, which deciphers to `plain`.
    pub(super) fn container_agrees(
        &self,
        on: On,
        message: &[u8],
        [ciphered, plain]: [&[u8]; 2],
    ) -> Result<(), String> {
        same("container", container(message)?, ciphered)?;
        self.container_is(on, message, plain)
    }

    /// The NAS message container of `message` deciphers to `plain`.
    pub(super) fn container_is(&self, on: On, message: &[u8], plain: &[u8]) -> Result<(), String> {
        same(
            "deciphered container",
            &self.cipher(on, container(message)?),
            plain,
        )
    }
}

fn container(message: &[u8]) -> Result<&[u8], String> {
    let initial = InitialMessage::parse(message).map_err(|error| error.to_string())?;
    initial
        .ciphered()
        .and_then(|range| message.get(range))
        .ok_or_else(|| "no NAS message container".to_owned())
}
