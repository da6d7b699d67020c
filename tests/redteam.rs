//! Attacks on the promises of the state floors: no COUNT twice, nothing changed by what fails, nothing left behind.

mod common;

use common::*;
use naslane::Engine;
use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi};
use naslane::engine::Config;
use naslane::engine::job::{Job, op};
use naslane::nas::{MessageType, SecurityModeCommand};
use naslane::procedure::smc::{Activation, Answer, InitialMessageToSend, NewKey, Policy, Request};
use naslane::security::protect::{self, Form, Sealing};
use naslane::security::verify::{self, Checking, Expect, Octets};
use naslane::security::{Algorithms, Deregistration, Identity, Place, Role, Settings, UeSecurity};
use naslane::session::Handle;
use naslane::session::record::{Extent, Record, export, import};
use sha2::{Digest, Sha256};

#[test]
fn an_empty_output_inside_another_moves_no_job() {
    let engine = engine(2, 2);
    let pairs: Vec<Pair> = (0..2).map(|i| Pair::secured(&engine, i)).collect();
    let mut arena = vec![0xEE; 400];
    arena[..7].copy_from_slice(UPLINK);
    arena[100..107].copy_from_slice(UPLINK);
    let protect = |pair: &Pair, at: u32| Job {
        op: op::PROTECT,
        access: 1,
        session: pair.ue.bits(),
        in_offset: at,
        in_len: 7,
        out_offset: at,
        out_capacity: 100,
        ..Job::default()
    };
    let empty = Job {
        op: op::VERIFY,
        access: 1,
        session: pairs[0].amf.bits(),
        in_offset: 50,
        out_offset: 50,
        ..Job::default()
    };
    let mut jobs = [protect(&pairs[0], 0), empty, protect(&pairs[1], 100)];
    assert_eq!(engine.batch(&mut jobs, &mut arena), 2);
    for (i, pair) in pairs.iter().enumerate() {
        let pdu = arena[100 * i..][..14].to_vec();
        assert_eq!(verify(&engine, pair.amf, GPP, &pdu), Ok(UPLINK.to_vec()));
    }
    assert!(arena[114..].iter().all(|&octet| octet == 0xEE));
}

#[test]
fn a_late_message_is_not_accepted_again_through_a_record() {
    let mut config = Config::for_sessions(8);
    config.out_of_order = 8;
    config.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
    let engine = Engine::new(&config).unwrap();
    let pair = Pair::secured(&engine, 1);
    let (late, newest) = (pair.uplink(&engine, GPP), pair.uplink(&engine, GPP));
    assert!(verify(&engine, pair.amf, GPP, &newest).is_ok());
    let mut record = Record::new();
    export(engine.table(), pair.amf, Extent::Connections, &mut record).unwrap();
    assert!(verify(&engine, pair.amf, GPP, &late).is_ok());
    engine.release(pair.amf).unwrap();
    let amf = import(engine.table(), record.as_bytes()).unwrap();
    assert_eq!(verify(&engine, amf, GPP, &late), Err(Error::Replay));
    Pair { amf, ..pair }.talk(&engine, GPP);
}

