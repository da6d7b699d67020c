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
use naslane::session::record::{Extent, Record, export, import, resume_after_failed_transfer};
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
fn a_count_is_good_for_the_contexts_it_was_taken_from() {
    let engine = engine(2, 2);
    let (a, b) = (Pair::secured(&engine, 1), Pair::secured(&engine, 2));
    let settings = Settings::default();
    let mut pdu = [&[0; 7], DOWNLINK].concat();
    let number = |handle| {
        let ue = &mut engine.session(handle).unwrap().security;
        protect::number(ue, GPP, (DOWNLINK, &Form::Auto), &settings).unwrap()
    };
    let (one, two, three) = (number(a.amf), number(a.amf), number(a.amf));
    let seal = |numbered, handle, pdu: &mut [u8]| {
        let session = engine.session(handle).unwrap();
        Sealing::new(numbered, &session.security, pdu).map(drop)
    };
    assert_eq!(
        seal(one, b.amf, &mut pdu),
        Err(Error::Unexpected),
        "another UE"
    );
    assert_eq!(seal(two, a.amf, &mut pdu[..13]), Err(Error::OutOfRange));
    a.run_smc(&engine, GPP, Activation::Current);
    a.authenticate(&engine, 3, 1);
    assert_eq!(
        seal(three, a.amf, &mut pdu),
        Err(Error::Unexpected),
        "contexts came"
    );

    // A message that one UE's keys verified is not accepted for another.
    let up = a.uplink(&engine, GPP);
    let mut out = [0; 32];
    let session = engine.session(a.amf).unwrap();
    let estimated =
        verify::estimate(&session.security, GPP, (&up, Expect::Any), &settings).unwrap();
    let octets = Octets::Apart {
        pdu: &up,
        out: &mut out,
    };
    let mut lanes = [Checking::new(estimated, &session.security, octets).unwrap()];
    let mut other = engine.session(b.amf).unwrap();
    let before = print(&other.security);
    verify::check(&mut lanes, &settings, |checked| {
        let verdict = verify::commit(&mut other.security, checked, &settings);
        assert_eq!(verdict.result, Err(Error::Unexpected));
    });
    assert_eq!(print(&other.security), before);
}

/// A REGISTRATION REQUEST with a ciphered container, as the UE sends it, and its plain form.
fn registration(
    engine: &Engine,
    ue: Handle,
    access: AccessType,
    ksi: u8,
) -> naslane::base::Result<Vec<u8>> {
    let guti = [0xF2, 0, 0xF1, 0x10, 2, 0, 0x40, 0xC0, 0, 0, 1];
    let head = [0x7E, 0, 0x41, ksi << 4 | 1, 0, 11];
    let whole = [&head[..], &guti, &[0x2E, 2, 0xF0, 0x70]].concat();
    let message = [&whole[..], &[0x71, 0, whole.len() as u8], &whole].concat();
    let start = whole.len() + 3;
    let mut out = vec![0; message.len() + 7];
    let initial = InitialMessageToSend {
        access,
        message: &message,
        container: Some(start..message.len()),
    };
    let sent = engine.ue_initial(ue, &initial, &engine.ue_env(capability()), &mut out)?;
    out.truncate(sent.len);
    Ok(out)
}

#[test]
fn a_container_is_deciphered_for_the_verified_message_only() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    for handle in [pair.amf, pair.ue] {
        engine.connection_released(handle, GPP).unwrap();
    }
    let pdu = registration(&engine, pair.ue, GPP, 0).unwrap();
    let mut plain = vec![0; pdu.len()];
    let received = engine.verify(pair.amf, GPP, &pdu, &mut plain);
    plain.truncate(received.plain_len().unwrap());
    let count = received.verdict.count.unwrap();
    let mut other = plain.clone();
    *other.last_mut().unwrap() ^= 1;
    let before = other.clone();
    let refused = engine.decipher_container(pair.amf, (GPP, count), &mut other);
    assert_eq!(refused.err(), Some(Error::ContainerUnverified));
    assert_eq!(other, before);
    let (part, inner) = engine
        .decipher_container(pair.amf, (GPP, count), &mut plain)
        .unwrap();
    assert_eq!(inner, MessageType::REGISTRATION_REQUEST);
    assert_eq!(plain[part.clone()], plain[..part.len()]);
    let twice = engine.decipher_container(pair.amf, (GPP, count), &mut plain);
    assert_eq!(twice.err(), Some(Error::ContainerUnverified));
}

fn null_command(nea: u8, ksi: u8, cap: &[u8]) -> Vec<u8> {
    let cap = naslane::nas::UeSecurityCapability::from_value(cap).unwrap();
    let command = SecurityModeCommand::new(nea, 0, NgKsi::native(ksi).unwrap(), cap);
    let mut pdu = vec![0; 64];
    pdu[..2].copy_from_slice(&[0x7E, 3]);
    let len = command.encode(&mut pdu[7..]).unwrap();
    pdu.truncate(7 + len);
    pdu
}

#[test]
fn a_forged_null_command_takes_nothing_from_an_emergency_ue() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, 1);
    let key = k_amf(77);
    let mut env = engine.ue_env(capability());
    env.emergency = Some(&key);
    let mut out = [0; 256];
    let before = print(&engine.session(pair.ue).unwrap().security);
    // NEA1 with NIA0, and a capability that is not the UE's.
    for pdu in [
        null_command(1, 3, &[0xF0, 0x70]),
        null_command(0, 3, &[0xF0, 0x00]),
    ] {
        let answer = engine.ue_command(pair.ue, (GPP, &pdu), &env, &mut out);
        assert!(matches!(answer, Ok(Answer::Reject(..))), "{answer:?}");
        assert_eq!(print(&engine.session(pair.ue).unwrap().security), before);
    }
    // The genuine one finds the emergency key fresh; a context of its name goes.
    let pdu = null_command(0, 0, &[0xF0, 0x70]);
    let answer = engine.ue_command(pair.ue, (GPP, &pdu), &env, &mut out);
    assert!(
        matches!(answer, Ok(Answer::Complete(_)) | Ok(Answer::Reject(..))),
        "{answer:?}"
    );
}

#[test]
fn null_integrity_shares_no_count_with_a_key() {
    let mut config = Config::for_sessions(8);
    config.smc.policy = Policy::from_ids(&[2, 0], &[2, 0]).unwrap();
    let engine = Engine::new(&config).unwrap();
    let ue = engine.establish(Role::Ue).unwrap();
    let amf = engine.establish(Role::Amf).unwrap();
    let emergency = || Identity {
        emergency: true,
        ..identity(5, 0)
    };
    engine.authenticated(ue, emergency()).unwrap();
    engine.authenticated(amf, emergency()).unwrap();
    let pair = Pair { amf, ue };
    let mut request = Request::new(GPP, Activation::Partial);
    request.algorithms = Some(Algorithms {
        nea: Nea::Nea2,
        nia: Nia::Nia2,
    });
    let mut out = [0; 512];
    let len = engine.smc_command(amf, &request, &mut out).unwrap().len;
    let (_, complete) = pair.answer(&engine, GPP, &out[..len]);
    assert!(verify(&engine, amf, GPP, &complete).is_ok());
    // Anybody can write this command, and the UE would take null algorithms for its emergency session.
    let key = k_amf(9);
    let mut env = engine.ue_env(capability());
    env.emergency = Some(&key);
    let receive = |engine: &Engine| {
        let session = engine.session(ue).unwrap();
        session
            .security
            .pair(Place::Current, GPP)
            .unwrap()
            .receive
            .next_min()
    };
    let before = receive(&engine);
    let forged = null_command(0, 0, &[0xF0, 0x70]);
    let answer = engine.ue_command(ue, (GPP, &forged), &env, &mut out);
    assert!(matches!(answer, Ok(Answer::Reject(..))), "{answer:?}");
    assert_eq!(receive(&engine), before);
    pair.talk(&engine, GPP);
}

#[test]
fn a_spare_context_taken_into_use_brings_nothing_of_the_old_one() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let mapped = k_amf(50);
    let key = NewKey {
        k_amf: &mapped,
        ng_ksi: NgKsi::mapped(1).unwrap(),
        ue_sec_cap: Some(capability()),
    };
    let mut out = [0; 512];
    let len = engine
        .smc_command(
            pair.amf,
            &Request::new(GPP, Activation::Mapped(key)),
            &mut out,
        )
        .unwrap()
        .len;
    let mut env = engine.ue_env(capability());
    env.mapped = Some(key);
    let mut answer = [0; 512];
    let Answer::Complete(sent) = engine
        .ue_command(pair.ue, (GPP, &out[..len]), &env, &mut answer)
        .unwrap()
    else {
        panic!("no complete")
    };
    assert!(verify(&engine, pair.amf, GPP, &answer[..sent.len]).is_ok());
    engine.k_gnb(pair.amf, GPP).unwrap();
    assert!(engine.table().resources().side.in_use() > 0);
    // The UE went through EPS and comes back with its native context.
    engine.deregister(pair.ue, Deregistration::Keep).unwrap();
    let pdu = registration(&engine, pair.ue, GPP, 0).unwrap();
    assert!(verify(&engine, pair.amf, GPP, &pdu).is_ok());
    let session = engine.session(pair.amf).unwrap();
    assert!(!session.security.secured(GPP), "not before the answer");
    assert_eq!(
        session.security.prepare_nh().err(),
        Some(Error::NoContext),
        "the mapped key's chain"
    );
    drop(session);
    assert_eq!(engine.table().resources().side.in_use(), 0);
    pair.talk_down(&engine);
}

impl Pair {
    fn talk_down(&self, engine: &Engine) {
        let down = self.downlink(engine, GPP);
        assert_eq!(verify(engine, self.ue, GPP, &down), Ok(DOWNLINK.to_vec()));
    }
}

#[test]
fn a_command_over_the_second_access_keeps_the_nh_chain() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    engine.k_gnb(pair.amf, GPP).unwrap();
    let ncc = |engine: &Engine| {
        engine
            .session(pair.amf)
            .unwrap()
            .security
            .prepare_nh()
            .map(|nh| nh.ncc())
    };
    assert_eq!(ncc(&engine).ok(), Some(2));
    pair.run_smc(&engine, N3GPP, Activation::Current);
    assert_eq!(ncc(&engine).ok(), Some(2));
    pair.run_smc(&engine, GPP, Activation::Current);
    assert!(ncc(&engine).is_err(), "a new K_gNB begins a new chain");
}

/// All that a call could change, as text.
fn print(ue: &UeSecurity) -> String {
    let mut text = String::new();
    for (place, context) in ue.contexts() {
        let pairs = [GPP, N3GPP].map(|access| format!("{:?}", ue.pair(place, access)));
        let key = context.k_amf().expose();
        text += &format!(
            "{place:?} {:?} {key:?} {:?} {pairs:?};",
            context.ng_ksi(),
            context.algorithms()
        );
    }
    let access = [GPP, N3GPP].map(|a| (ue.secured(a), ue.in_use(a)));
    text + &format!("{access:?} {:?} {:?}", ue.key_change(), ue.held_message())
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
    assert_eq!(verify(&engine, pair.amf, GPP, &late), Err(Error::Conflict));
    // The transfer fails, the session goes on; later somebody takes up the stale record.
    resume_after_failed_transfer(engine.table(), pair.amf).unwrap();
    assert!(verify(&engine, pair.amf, GPP, &late).is_ok());
    engine.release(pair.amf).unwrap();
    let amf = import(engine.table(), record.as_bytes()).unwrap();
    assert_eq!(verify(&engine, amf, GPP, &late), Err(Error::Replay));
    Pair { amf, ..pair }.talk(&engine, GPP);
}

#[test]
fn a_record_with_a_previous_context_that_nobody_waits_with_is_refused() {
    let mut config = Config::for_sessions(8);
    config.smc.policy = Policy::from_ids(&[2, 1], &[2, 1]).unwrap();
    let engine = Engine::new(&config).unwrap();
    let pair = Pair::secured(&engine, 1);
    pair.run_smc(&engine, N3GPP, Activation::Current);
    pair.run_smc(&engine, GPP, Activation::NewAlgorithms);
    let mut record = Record::new();
    export(engine.table(), pair.amf, Extent::Connections, &mut record).unwrap();
    engine.release(pair.amf).unwrap();
    let whole = record.as_bytes();
    for flags in [[1, 1], [3, 3], [2, 3]] {
        let mut crafted = whole[..whole.len() - 16].to_vec();
        for (place, flags) in [11, 16].into_iter().zip(flags) {
            crafted[place] = crafted[place] & !3 | flags;
        }
        let sum = Sha256::digest(&crafted);
        crafted.extend_from_slice(&sum[..16]);
        assert_eq!(
            import(engine.table(), &crafted),
            Err(Error::Record),
            "{flags:?}"
        );
    }
    assert_eq!(engine.table().resources().side.in_use(), 0);
    import(engine.table(), whole).unwrap();
}
