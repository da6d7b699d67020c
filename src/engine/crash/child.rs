//! The process that is killed: an engine in a directory, and calls that come in through a pipe.

use crate::base::{AccessType, Error, NgKsi, Result};
use crate::engine::{Config, Engine};
use crate::kdf::KAmf;
use crate::nas::UeSecurityCapability;
use crate::procedure::smc::{Activation, Policy, Request};
use crate::security::ledger::sabotage;
use crate::security::{Identity, Role};
use crate::session::{Folder, Handle};
use crate::store::KeyRing;

use super::actor::{Answer, Ask, op, read_ask, write_answer};
use super::slices;

pub(super) const FOLDER: &str = "NASLANE_CRASH_FOLDER";
pub(super) const ORDER: &str = "NASLANE_CRASH_ORDER";

/// When COUNTs are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Before the message is computed.
    Right,
    /// When it is out.
    Wrong,
}

pub(super) fn config() -> Config {
    let mut config = Config::for_sessions(64);
    config.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
    config
}

pub(super) fn k_amf(number: u64) -> KAmf {
    let mut octets = [0x5A; 32];
    octets[..8].copy_from_slice(&number.to_be_bytes());
    KAmf::new(octets)
}

pub(super) fn capability() -> UeSecurityCapability {
    UeSecurityCapability::from_value(&[0xF0, 0x70]).unwrap()
}

pub(super) fn identity(number: u64, ng_ksi: u8) -> Identity {
    Identity {
        k_amf: k_amf(number),
        ng_ksi: NgKsi::native(ng_ksi).unwrap(),
        ue_sec_cap: capability(),
        emergency: false,
    }
}

/// The entry; without a directory in the environment there is nothing to do.
#[test]
fn part() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let wrong = std::env::var(ORDER).as_deref() == Ok("wrong");
    if wrong {
        sabotage::choose_wrong_order();
    }
    let folder = Folder::new(folder, KeyRing::single(1, [0x11; 32]));
    let engine = Engine::open(&config(), &folder).expect("the engine opens its directory");
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stderr().lock());
    let mut number = 0;
    while let Some(ask) = read_ask(&mut from) {
        let (status, value, octets) = match answer(&engine, &ask) {
            Ok((value, octets)) => (0, value, octets),
            Err(error) => (error.code(), 0, Vec::new()),
        };
        let answer = Answer {
            number,
            status,
            value,
            octets,
        };
        write_answer(&mut to, &answer);
        if wrong {
            sabotage::catch_up(engine.table().journal().unwrap().lines());
        }
        number = (number + 1) % 10_000;
    }
}

fn answer(engine: &Engine, ask: &Ask) -> Result<(u64, Vec<u8>)> {
    let access = AccessType::from_id(ask.access).ok_or(Error::Bearer)?;
    if ask.op == op::ESTABLISH {
        return Ok((engine.establish(Role::Amf)?.bits(), Vec::new()));
    }
    if ask.op == op::SESSIONS {
        let slots = 0..engine.table().capacity() as u32;
        let handles = slots.filter_map(|slot| engine.table().handle_of(slot));
        return Ok((
            0,
            handles
                .flat_map(|handle| handle.bits().to_be_bytes())
                .collect(),
        ));
    }
    let handle = Handle::from_bits(ask.handle)?;
    let mut out = vec![0; 600];
    match ask.op {
        op::AUTHENTICATED => {
            let (key, ng_ksi) = ask.octets.split_first_chunk().ok_or(Error::Argument)?;
            engine.authenticated(handle, identity(u64::from_be_bytes(*key), ng_ksi[0]))?;
            Ok((0, Vec::new()))
        }
        op::COMMAND => {
            let activation = match ask.octets[..] {
                [0] => Activation::Partial,
                _ => Activation::Current,
            };
            let sent = engine.smc_command(handle, &Request::new(access, activation), &mut out)?;
            out.truncate(sent.len);
            Ok((sent.count.unwrap_or_default().into(), out))
        }
        op::PROTECT => {
            let sent = engine.protect(handle, access, &ask.octets, &mut out)?;
            out.truncate(sent.len);
            Ok((sent.count.into(), out))
        }
        op::VERIFY => {
            let received = engine.verify(handle, access, &ask.octets, &mut out);
            received.verdict.result?;
            out.truncate(received.verdict.len);
            let ended = u64::from(received.procedure.is_some());
            let count = received.verdict.count.unwrap_or_default();
            Ok((ended << 32 | u64::from(count), out))
        }
        op::SLICE => {
            let to = *ask.octets.first().ok_or(Error::Argument)?;
            slices::bring(engine, handle, to)?;
            Ok((slices::status(engine, handle)?.into(), Vec::new()))
        }
        op::STATUS => Ok((slices::status(engine, handle)?.into(), Vec::new())),
        op::RELEASE => engine.release(handle).map(|()| (0, Vec::new())),
        _ => Err(Error::Operation),
    }
}
