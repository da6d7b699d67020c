//! Verifies the same forged messages again and again, so that an instruction counter can tell whether the time
//! depends on where a MAC differs (R30): `constant_time OCTET`, 2 to 5, is the octet of the MAC that is wrong.
//!
//! `tests/run constant_time` counts under valgrind; the counts of all four must be equal to the last instruction.

use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi, Result};
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::security::protect::{self, Form, Sealing};
use naslane::security::verify::{self, Checking, Expect, Octets};
use naslane::security::{
    Algorithms, Identity, KeyGuard, Place, Resources, Role, Settings, SidePool, Target, UeSecurity,
};

/// No memory of keys: its hash is keyed at random, and would change the count.
struct Fresh;

impl KeyGuard for Fresh {
    fn admit(&self, _: Role, _: &KAmf) -> Result<()> {
        Ok(())
    }

    fn withdraw(&self, _: Role, _: &KAmf) {}
}

const ACCESS: AccessType = AccessType::ThreeGpp;
const ROUNDS: usize = 200;

fn half(role: Role, algorithms: Algorithms, side: &SidePool) -> Result<UeSecurity> {
    let mut half = UeSecurity::new(role);
    let identity = Identity {
        k_amf: KAmf::new([0x42; 32]),
        ng_ksi: NgKsi::native(1).ok_or(Error::NgKsi)?,
        ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70])?,
        emergency: false,
    };
    let from = Resources {
        side,
        keys: &Fresh,
        book: None,
    };
    half.authenticated(identity, from)?;
    half.make_candidate(Target::Partial(algorithms), ACCESS, from)?;
    Ok(half)
}

/// The command of the AMF half, at the UE half, with one octet of its MAC wrong.
fn attack(algorithms: Algorithms, octet: usize) -> Result<()> {
    let side = SidePool::new(2);
    let settings = Settings::default();
    let mut amf = half(Role::Amf, algorithms, &side)?;
    let ue = half(Role::Ue, algorithms, &side)?;
    let command = [0x7E, 0, 0x5D, 0x22, 1, 2, 0xF0, 0x70];
    let form = Form::Command(Place::Candidate);
    let numbered = protect::number(&mut amf, ACCESS, (&command, &form), &settings)?;
    let mut pdu = [0; 15];
    pdu[protect::OVERHEAD..].copy_from_slice(&command);
    protect::seal(&mut [Sealing::new(numbered, &amf, &mut pdu)?]);
    *pdu.get_mut(octet).ok_or(Error::Argument)? ^= 0x10;
    for _ in 0..ROUNDS {
        let mut out = [0; 15];
        let expect = Expect::Command(Place::Candidate);
        let estimated = verify::estimate(&ue, ACCESS, (&pdu, expect), &settings)
            .map_err(|verdict| verdict.result.err().unwrap_or(Error::Mac))?;
        let octets = Octets::Apart {
            pdu: &pdu,
            out: &mut out,
        };
        let mut refused = false;
        verify::check(
            &mut [Checking::new(estimated, &ue, octets)?],
            &settings,
            |checked| {
                refused = checked.peek().result == Err(Error::Mac);
            },
        );
        if !refused {
            return Err(Error::Argument);
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let octet = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or(Error::Argument)?;
    for id in 1..=3 {
        let pair = Nea::from_id(id).zip(Nia::from_id(id));
        let (nea, nia) = pair.ok_or(Error::AlgorithmNotSupported)?;
        attack(Algorithms { nea, nia }, octet)?;
    }
    Ok(())
}
