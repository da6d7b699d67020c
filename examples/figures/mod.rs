//! Sessions for the examples that measure.

use naslane::base::{AccessType, NgKsi};
use naslane::engine::{Config, Engine};
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::{Activation, Answer, Policy, Request};
use naslane::security::{Identity, Role};
use naslane::session::Handle;

pub(crate) const GPP: AccessType = AccessType::ThreeGpp;
pub(crate) const BATCH: usize = 64;

/// 128-NEA2 and 128-NIA2.
pub(crate) fn config(sessions: usize) -> Config {
    let mut config = Config::for_sessions(sessions);
    config.smc.policy = Policy::from_ids(&[2], &[2]).expect("known algorithms");
    config
}

fn identity(number: u64) -> Identity {
    let mut octets = [0x5A; 32];
    octets[..8].copy_from_slice(&number.to_be_bytes());
    Identity {
        k_amf: KAmf::new(octets),
        ng_ksi: NgKsi::native(0).expect("0 is one"),
        ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70]).expect("two octets"),
        emergency: false,
    }
}

/// A session after its security mode procedure, and its UE.
pub(crate) fn secured(engine: &Engine, ues: &Engine, number: u64) -> (Handle, Handle) {
    let (amf, ue) = (engine.establish(Role::Amf), ues.establish(Role::Ue));
    let (amf, ue) = (amf.expect("room"), ue.expect("room"));
    engine
        .authenticated(amf, identity(number))
        .expect("a new key");
    ues.authenticated(ue, identity(number)).expect("a new key");
    let (mut command, mut complete, mut out) = ([0; 512], [0; 512], [0; 512]);
    let request = Request::new(GPP, Activation::Partial);
    let sent = engine
        .smc_command(amf, &request, &mut command)
        .expect("a command");
    let env = ues.ue_env(identity(number).ue_sec_cap);
    let answer = ues.ue_command(ue, (GPP, &command[..sent.len]), &env, &mut complete);
    let Ok(Answer::Complete(sent)) = answer else {
        panic!("{answer:?}")
    };
    let received = engine.verify(amf, GPP, &complete[..sent.len], &mut out);
    assert!(received.procedure.is_some());
    (amf, ue)
}
