//! A UE and its AMF half in one engine, for the tests of the upper floors.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use naslane::algorithm::{self, Input, Key, MacLane, Nia};
use naslane::base::{AccessType, Direction, NgKsi};
use naslane::engine::{Config, Engine};
use naslane::kdf::{AlgorithmId, KAmf, k_nas_int};
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::{Activation, Answer, Ending, Policy, Request};
use naslane::security::{Identity, Role};
use naslane::session::Handle;

pub const GPP: AccessType = AccessType::ThreeGpp;
pub const N3GPP: AccessType = AccessType::NonThreeGpp;

/// UL NAS TRANSPORT with a payload of one octet.
pub const UPLINK: &[u8] = &[0x7E, 0, 0x67, 1, 0, 1, 0x55];
/// DL NAS TRANSPORT with a payload of one octet.
pub const DOWNLINK: &[u8] = &[0x7E, 0, 0x68, 1, 0, 1, 0xAA];

/// Both halves of one subscriber.
pub struct Pair {
    pub amf: Handle,
    pub ue: Handle,
}

pub fn capability() -> UeSecurityCapability {
    UeSecurityCapability::from_value(&[0xF0, 0x70]).unwrap()
}

pub fn engine(nea: u8, nia: u8) -> Engine {
    let mut config = Config::for_sessions(4096);
    config.smc.policy = Policy::from_ids(&[nea], &[nia]).unwrap();
    Engine::new(&config).unwrap()
}

pub fn k_amf(number: u64) -> KAmf {
    let mut octets = [0x5A; 32];
    octets[..8].copy_from_slice(&number.to_be_bytes());
    KAmf::new(octets)
}

pub fn identity(number: u64, ksi: u8) -> Identity {
    Identity {
        k_amf: k_amf(number),
        ng_ksi: NgKsi::native(ksi).unwrap(),
        ue_sec_cap: capability(),
        emergency: false,
    }
}

impl Pair {
    /// Two halves that share a partial context.
    pub fn authenticated(engine: &Engine, number: u64) -> Self {
        let pair = Self {
            amf: engine.establish(Role::Amf).unwrap(),
            ue: engine.establish(Role::Ue).unwrap(),
        };
        pair.authenticate(engine, number, 0);
        pair
    }

    pub fn authenticate(&self, engine: &Engine, number: u64, ksi: u8) {
        engine
            .authenticated(self.amf, identity(number, ksi))
            .unwrap();
        engine
            .authenticated(self.ue, identity(number, ksi))
            .unwrap();
    }

    /// Both halves after a security mode procedure over 3GPP access.
    pub fn secured(engine: &Engine, number: u64) -> Self {
        let pair = Self::authenticated(engine, number);
        pair.run_smc(engine, GPP, Activation::Partial);
        pair
    }

    /// SECURITY MODE COMMAND as the AMF sends it.
    pub fn command(
        &self,
        engine: &Engine,
        access: AccessType,
        activation: Activation<'_>,
    ) -> Vec<u8> {
        let mut out = vec![0; 512];
        let sent = engine
            .smc_command(self.amf, &Request::new(access, activation), &mut out)
            .unwrap();
        out.truncate(sent.len);
        out
    }

    /// The UE's answer.
    pub fn answer(&self, engine: &Engine, access: AccessType, command: &[u8]) -> (Answer, Vec<u8>) {
        let mut out = vec![0; 512];
        let env = engine.ue_env(capability());
        let answer = engine
            .ue_command(self.ue, (access, command), &env, &mut out)
            .unwrap();
        let len = match &answer {
            Answer::Complete(sent) | Answer::Reject(_, sent) => sent.len,
            Answer::Discarded(_) => 0,
        };
        out.truncate(len);
        (answer, out)
    }

    pub fn run_smc(&self, engine: &Engine, access: AccessType, activation: Activation<'_>) {
        let command = self.command(engine, access, activation);
        let (answer, complete) = self.answer(engine, access, &command);
        assert!(matches!(answer, Answer::Complete(_)), "{answer:?}");
        let mut out = vec![0; 512];
        let received = engine.verify(self.amf, access, &complete, &mut out);
        assert_eq!(received.verdict.result, Ok(()));
        assert_eq!(
            received.procedure.map(|outcome| outcome.ending),
            Some(Ending::Completed)
        );
    }

    pub fn uplink(&self, engine: &Engine, access: AccessType) -> Vec<u8> {
        protect(engine, self.ue, access, UPLINK)
    }

    pub fn downlink(&self, engine: &Engine, access: AccessType) -> Vec<u8> {
        protect(engine, self.amf, access, DOWNLINK)
    }

    /// One good message each way.
    pub fn talk(&self, engine: &Engine, access: AccessType) {
        let up = self.uplink(engine, access);
        assert_eq!(verify(engine, self.amf, access, &up), Ok(UPLINK.to_vec()));
        let down = self.downlink(engine, access);
        assert_eq!(
            verify(engine, self.ue, access, &down),
            Ok(DOWNLINK.to_vec())
        );
    }
}

pub fn protect(engine: &Engine, handle: Handle, access: AccessType, plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0; plain.len() + 7];
    let sent = engine.protect(handle, access, plain, &mut out).unwrap();
    assert_eq!(sent.len, out.len());
    out
}

pub fn verify(
    engine: &Engine,
    handle: Handle,
    access: AccessType,
    pdu: &[u8],
) -> naslane::base::Result<Vec<u8>> {
    let mut out = vec![0; pdu.len()];
    let received = engine.verify(handle, access, pdu, &mut out);
    received.verdict.result?;
    out.truncate(received.verdict.len);
    Ok(out)
}

/// The MAC of a handover container as TS 33.501 6.9.2.3.3 says it, from K_AMF on; `octets` stand behind it.
pub fn container_mac(k_amf: &KAmf, nia: Nia, octets: &[u8]) -> [u8; 4] {
    let key = k_nas_int(k_amf, AlgorithmId::new(nia.id()).unwrap());
    let key = Key::for_nia(nia, key.expose());
    let input = Input {
        count: u32::MAX,
        bearer: 1,
        direction: Direction::Downlink,
    };
    let mut lane = [MacLane::new(&key, input, octets)];
    algorithm::mac(nia, &mut lane);
    lane[0].mac
}
