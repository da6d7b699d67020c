//! The path of one message through the security floor: both roles, every algorithm, every refusal.

mod common;

use common::container_mac;
use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi, Result};
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::nas::container::{self as wire, IntraN1Container, S1ToN1Container};
use naslane::security::container::{check_handover_mac, handover_mac};
use naslane::security::protect::{self, Form, Sealing};
use naslane::security::verify::{self, Checking, Expect, Octets};
use naslane::security::*;

struct Any;
impl KeyGuard for Any {
    fn admit(&self, _: Role, _: &KAmf) -> Result<()> {
        Ok(())
    }
    fn withdraw(&self, _: Role, _: &KAmf) {}
}

const GPP: AccessType = AccessType::ThreeGpp;
const PLAIN: [u8; 7] = [0x7E, 0, 0x67, 1, 0, 1, 0x55];

fn ue(role: Role, algorithms: Algorithms, side: &SidePool) -> UeSecurity {
    let mut ue = UeSecurity::new(role);
    let identity = Identity {
        k_amf: KAmf::new([0x42; 32]),
        ng_ksi: NgKsi::native(1).unwrap(),
        ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0xF0]).unwrap(),
        emergency: algorithms.nia == Nia::Nia0,
    };
    let resources = Resources {
        side,
        keys: &Any,
        book: None,
    };
    ue.authenticated(identity, resources).unwrap();
    ue.make_candidate(Target::Partial(algorithms), GPP, resources)
        .unwrap();
    ue
}

fn send(ue: &mut UeSecurity, plain: &[u8], form: &Form) -> Result<Vec<u8>> {
    let numbered = protect::number(ue, GPP, (plain, form), &Settings::default())?;
    // The plain message is not in its place: it stands elsewhere.
    let mut pdu = vec![0xA5; protect::OVERHEAD + plain.len()];
    protect::seal(&mut [Sealing::new(numbered, ue, &mut pdu)?.reading(plain)?]);
    Ok(pdu)
}

fn receive(ue: &mut UeSecurity, pdu: &[u8], expect: Expect) -> (Verdict, Vec<u8>) {
    let settings = Settings::default();
    let mut out = vec![0; pdu.len()];
    let estimated = match verify::estimate(ue, GPP, (pdu, expect), &settings) {
        Ok(estimated) => estimated,
        Err(verdict) => return (verdict, Vec::new()),
    };
    let checking = Checking::new(estimated, ue, Octets::Apart { pdu, out: &mut out }).unwrap();
    let mut checked = None;
    verify::check(&mut [checking], &settings, |done| checked = Some(done));
    let verdict = verify::commit(ue, checked.unwrap(), &settings);
    out.truncate(verdict.len);
    (verdict, out)
}

/// Under K_NASint of the context that the target will use.
#[test]
fn the_macs_of_handover_containers() {
    let side = SidePool::new(4);
    let nias = [Nia::Nia1, Nia::Nia2, Nia::Nia3];
    for (nea, nia) in Nea::ALL
        .into_iter()
        .flat_map(|nea| nias.map(|nia| (nea, nia)))
    {
        let algorithms = Algorithms { nea, nia };
        let (amf, peer) = (
            ue(Role::Amf, algorithms, &side),
            ue(Role::Ue, algorithms, &side),
        );
        let intra = IntraN1Container {
            mac: [0; 4],
            nea: nea.id(),
            nia: nia.id(),
            k_amf_change: true,
            ng_ksi: NgKsi::native(1).unwrap(),
            sn: 7,
        };
        let from_eps = S1ToN1Container {
            mac: [0; 4],
            nea: nea.id(),
            nia: nia.id(),
            ncc: 5,
            ng_ksi: NgKsi::mapped(1).unwrap(),
        };
        let values = [&intra.encode().unwrap()[..], &from_eps.encode().unwrap()];
        for value in values {
            let octets = wire::mac_input(value).unwrap();
            let mac = handover_mac(&amf, Place::Candidate, octets).unwrap();
            let expected = container_mac(&KAmf::new([0x42; 32]), nia, octets);
            assert_eq!(mac, expected, "{nea:?} {nia:?}");
            let mut whole = value.to_vec();
            wire::insert_mac(&mut whole, mac).unwrap();
            let arrived = wire::mac_input(&whole).unwrap();
            let check =
                |octets: &[u8], mac| check_handover_mac(&peer, Place::Candidate, (octets, mac));
            assert_eq!(check(arrived, mac), Ok(()));
            for bit in 0..32 {
                let bent = (u32::from_be_bytes(mac) ^ 1 << bit).to_be_bytes();
                assert_eq!(check(arrived, bent), Err(Error::Mac));
            }
            for bit in 0..8 * arrived.len() {
                let mut bent = arrived.to_vec();
                bent[bit / 8] ^= 1 << (bit % 8);
                let refused = check(&bent, mac);
                assert_eq!(refused, Err(Error::Mac), "spare bits count too");
            }
            let none = handover_mac(&amf, Place::Current, octets);
            assert_eq!(none, Err(Error::NoContext), "the candidate is not in use");
        }
    }
}

#[test]
fn another_message_than_the_numbered_one_is_not_sealed() {
    let side = SidePool::new(4);
    let (nea, nia) = (Nea::Nea2, Nia::Nia2);
    let mut amf = ue(Role::Amf, Algorithms { nea, nia }, &side);
    let command = [0x7E, 0, 0x5D, 0x22, 1, 2, 0xF0, 0xF0];
    let form = Form::Command(Place::Candidate);
    let settings = Settings::default();
    for len in [0, 7] {
        let numbered = protect::number(&mut amf, GPP, (&command, &form), &settings).unwrap();
        let mut pdu = [0xA5; protect::OVERHEAD + 8];
        let sealing = Sealing::new(numbered, &amf, &mut pdu).unwrap();
        let refused = sealing.reading(&command[..len]).map(drop);
        assert_eq!(refused, Err(Error::OutOfRange));
        assert_eq!(pdu, [0xA5; protect::OVERHEAD + 8], "nothing is emitted");
    }
}

#[test]
fn a_security_mode_command_and_its_answer_for_every_algorithm() {
    let side = SidePool::new(4);
    for nea in Nea::ALL {
        for nia in [Nia::Nia1, Nia::Nia2, Nia::Nia3] {
            let algorithms = Algorithms { nea, nia };
            let mut amf = ue(Role::Amf, algorithms, &side);
            let mut peer = ue(Role::Ue, algorithms, &side);
            let command = [0x7E, 0, 0x5D, nea.id() << 4 | nia.id(), 1, 2, 0xF0, 0xF0];
            let pdu = send(&mut amf, &command, &Form::Command(Place::Candidate)).unwrap();
            assert_eq!(pdu[..2], [0x7E, 3]);
            assert_eq!(pdu[7..], command, "never ciphered (R27)");
            let (verdict, plain) = receive(&mut peer, &pdu, Expect::Command(Place::Candidate));
            assert_eq!((verdict.result, verdict.count), (Ok(()), Some(0)));
            assert_eq!(plain, command);
            let complete = [0x7E, 0, 0x5E];
            let pdu = send(&mut peer, &complete, &Form::Complete(Place::Candidate)).unwrap();
            assert_eq!(pdu[1], 4);
            let (verdict, plain) = receive(&mut amf, &pdu, Expect::Complete(Place::Candidate));
            assert_eq!(verdict.result, Ok(()), "{nea:?} {nia:?}");
            assert_eq!(plain, complete);
            let (verdict, _) = receive(&mut amf, &pdu, Expect::Complete(Place::Candidate));
            assert_eq!(verdict.result, Err(Error::Replay));
            assert_eq!(send(&mut amf, &PLAIN, &Form::Auto), Err(Error::NoContext));
        }
    }
}
