//! The rules of the known defects that belong to the security mode procedure.

use naslane::algorithm::{Nea, Nia};
use naslane::base::Error;
use naslane::nas::{Cause, MessageType, SecurityModeCommand};
use naslane::procedure::smc::{Action, Activation, Amf, Answer, Ending, Event, Request};
use naslane::security::protect::OVERHEAD;
use naslane::security::verify::Expect;
use naslane::security::{Algorithms, Diagnosis, KeyChange, Place, Role};

use crate::steps::{A, B, ksi, partial, registered, run};
use crate::world::{Got, World, k_amf};

#[test]
fn the_state_fits_into_every_session() {
    assert!(size_of::<Amf>() <= 48, "{}", size_of::<Amf>());
    let idle = Amf::default();
    assert!(!idle.is_running());
    assert_eq!(
        (idle.access(), idle.place(), idle.expects(A)),
        (None, None, Expect::Any)
    );
}

#[test]
fn r05_header_type_4_is_legal_only_on_the_access_of_an_unanswered_command() {
    let mut world = registered();
    assert_eq!(world.smc.expects(A), Expect::Any);
    world.authenticate(ksi(1), 2).unwrap();
    world.command(&partial()).unwrap();
    assert_eq!(world.smc.expects(A), Expect::Complete(Place::Candidate));
    assert_eq!(world.smc.expects(B), Expect::Any);
    let (access, pdu) = world.down.pop_back().unwrap();
    world.ue_gets(access, &pdu);
    let (_, answer) = world.up.pop_back().unwrap();
    // The answer on the other access: refused, `amf_gets` checks that nothing changed.
    assert_eq!(world.amf_gets(B, &answer).0.result, Err(Error::HeaderType));
    assert!(world.amf_gets(A, &answer).1.is_some());
    assert_eq!(world.amf_gets(A, &answer).0.result, Err(Error::HeaderType));
}

#[test]
fn r09_a_command_for_the_current_key_goes_on_counting() {
    let mut world = registered();
    for _ in 0..300 {
        assert_eq!(world.talk(A), Ok(true));
    }
    let next = |world: &World| world.amf.pair(Place::Current, A).unwrap().send.next();
    let before = next(&world);
    let algorithms = Some(Algorithms {
        nea: Nea::Nea3,
        nia: Nia::Nia1,
    });
    let outcome = run(
        &mut world,
        &Request {
            algorithms,
            ..Request::new(A, Activation::NewAlgorithms)
        },
    );
    assert_eq!(outcome.unwrap().unwrap().ul_count, Some(301));
    assert_eq!(next(&world), before + 1);
    assert_eq!(world.talk(A), Ok(true));
}

#[test]
fn r10_each_of_five_commands_has_its_own_count_and_mac() {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    world.command(&partial()).unwrap();
    for _ in 0..4 {
        assert!(matches!(
            world.event(Event::T3560Expired),
            Ok(Action::Resend(_))
        ));
    }
    let pdus: Vec<_> = world.down.iter().map(|(_, pdu)| pdu.clone()).collect();
    for (i, pdu) in pdus.iter().enumerate() {
        assert_eq!((pdu[1], usize::from(pdu[6])), (3, i));
        assert_eq!(pdu[OVERHEAD..], pdus[0][OVERHEAD..]);
        assert!(pdus[..i].iter().all(|earlier| earlier[2..6] != pdu[2..6]));
    }
    // Replay state stays too: an answer that was accepted is not accepted again after a resend.
    let mut world = registered();
    world
        .command(&Request::new(A, Activation::Current))
        .unwrap();
    world.send(Role::Ue, A).unwrap();
    let (_, message) = world.up.pop_back().unwrap();
    assert_eq!(world.amf_gets(A, &message).0.result, Ok(()));
    world.event(Event::T3560Expired).unwrap();
    assert_eq!(world.amf_gets(A, &message).0.result, Err(Error::Replay));
}

#[test]
fn r17_r18_a_bad_answer_does_not_spoil_the_good_one() {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    world.command(&partial()).unwrap();
    let (_, pdu) = world.down.pop_back().unwrap();
    world.ue_gets(A, &pdu);
    let (_, good) = world.up.pop_back().unwrap();
    for octet in 2..good.len() {
        let mut bad = good.clone();
        bad[octet] ^= 0x40;
        let (verdict, outcome) = world.amf_gets(A, &bad);
        assert_eq!(
            (verdict.result, outcome),
            (Err(Error::Mac), None),
            "octet {octet}"
        );
        assert!(world.plain.is_empty());
    }
    assert_eq!(
        world.amf_gets(A, &good).1.unwrap().ending,
        Ending::Completed
    );
}

#[test]
fn r19_r21_plain_answers_end_nothing() {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    world.command(&partial()).unwrap();
    for message in [
        &[0x7E, 0, 0x5E][..],
        &[0x7E, 0, 0x5F, 24],
        &[0x7E, 0, 0x41, 0x79, 0, 1, 0],
        &[0x7E, 0, 0x45, 1, 0, 1, 0],
    ] {
        let (verdict, outcome) = world.amf_gets(A, message);
        assert!(verdict.result.is_err() && outcome.is_none());
        assert!(world.smc.is_running());
    }
}

#[test]
fn r22_after_a_reject_the_new_keys_open_nothing() {
    let mut world = registered();
    world.authenticate(ksi(1), 2).unwrap();
    world.command(&partial()).unwrap();
    // A second UE that accepts what the first refuses: it holds the candidate's keys.
    let (_, pdu) = world.down.pop_back().unwrap();
    world.ue_gets(A, &pdu);
    let (_, complete) = world.up.pop_back().unwrap();
    let outcome = world
        .rejected_unprotected(Cause::SECURITY_MODE_REJECTED)
        .unwrap();
    assert_eq!(
        outcome.ending,
        Ending::Rejected(Cause::SECURITY_MODE_REJECTED)
    );
    assert_eq!(outcome.diagnosis, Diagnosis::KeyOrCount);
    assert_eq!(
        world.amf_gets(A, &complete).0.result,
        Err(Error::HeaderType)
    );
    world.send(Role::Ue, A).unwrap();
    let (_, under_new_keys) = world.up.pop_back().unwrap();
    assert_eq!(world.amf_gets(A, &under_new_keys).0.result, Err(Error::Mac));
    assert!(world.amf.find(ksi(1)).is_none());
    assert_eq!(world.amf.in_use(A), Place::Current);
    assert_eq!(
        world.rejected_unprotected(Cause::SECURITY_MODE_REJECTED),
        None
    );
}

#[test]
fn r23_r24_null_integrity_needs_the_emergency_flag() {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    for nea in [Nea::Nea0, Nea::Nea2] {
        let algorithms = Some(Algorithms {
            nea,
            nia: Nia::Nia0,
        });
        let refused = world.command(&Request {
            algorithms,
            ..partial()
        });
        assert_eq!(refused, Err(Error::NullIntegrity));
    }
    // The UE refuses it as well, whatever an AMF sends.
    let command = SecurityModeCommand::new(0, 0, ksi(0), world.cap);
    let mut pdu = [0x7E, 3, 0, 0, 0, 0, 0].to_vec();
    pdu.resize(64, 0);
    let len = command.encode(&mut pdu[OVERHEAD..]).unwrap();
    pdu.truncate(OVERHEAD + len);
    let before = world.print(Role::Ue);
    let Got::Answer(Answer::Reject(cause, _)) = world.ue_gets(A, &pdu) else {
        panic!("not rejected")
    };
    assert_eq!(
        (cause, before),
        (Cause::SECURITY_MODE_REJECTED, world.print(Role::Ue))
    );
}

#[test]
fn r25_a_null_mac_is_four_zero_octets_and_the_count_runs() {
    let mut world = World::new();
    world.settings.policy = naslane::procedure::smc::Policy::from_ids(&[2, 0], &[2, 0]).unwrap();
    world.emergency = Some(k_amf(9));
    world.authenticate(ksi(0), 9).unwrap();
    world.command(&partial()).unwrap();
    world.event(Event::T3560Expired).unwrap();
    for (sn, (_, pdu)) in world.down.iter().enumerate() {
        assert_eq!(pdu[..7], [0x7E, 3, 0, 0, 0, 0, sn as u8]);
    }
}

#[test]
fn r26_a_short_output_sends_nothing_and_takes_no_count() {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    world.command(&partial()).unwrap();
    let needed = world.down.pop_back().unwrap().1.len();
    world.event(Event::Abort).unwrap();
    let before = world.print(Role::Amf);
    for len in 0..needed {
        let mut out = vec![0xAA; len];
        let env = naslane::procedure::smc::Env {
            from: naslane::security::Resources {
                side: &world.side[0],
                keys: &world.keys,
                book: None,
            },
            security: &world.security,
            smc: &world.settings,
        };
        let sent = world
            .smc
            .command(&mut world.amf, &partial(), &env, &mut out);
        assert_eq!(sent, Err(Error::BufferTooSmall), "{len}");
    }
    assert_eq!(before, world.print(Role::Amf));
    assert_eq!(world.side[0].in_use(), 0);
    assert_eq!(world.command(&partial()).unwrap().count, Some(1));
}

#[test]
fn r27_r28_the_command_is_never_ciphered_and_the_answer_always() {
    let mut world = registered();
    // Also inside a ciphered connection.
    for request in [
        Request::new(A, Activation::Current),
        Request::new(A, Activation::NewAlgorithms),
    ] {
        world.command(&request).unwrap();
        let (_, pdu) = world.down.pop_back().unwrap();
        assert_eq!((pdu[1], &pdu[7..10]), (3, &[0x7E, 0, 0x5D][..]));
        world.ue_gets(A, &pdu);
        let (_, pdu) = world.up.pop_back().unwrap();
        assert_eq!(pdu[1], 4);
        assert_ne!(pdu[7..10], [0x7E, 0, 0x5E]);
        assert!(world.amf_gets(A, &pdu).1.is_some());
    }
}

#[test]
fn r42_n2_and_the_command_exclude_each_other() {
    let mut world = registered();
    for change in [KeyChange::N2, KeyChange::InterAmfHandover] {
        world.amf.begin_key_change(change).unwrap();
        assert_eq!(
            world.command(&Request::new(A, Activation::Current)),
            Err(Error::Conflict)
        );
        world.amf.end_key_change(change).unwrap();
        world
            .command(&Request::new(A, Activation::Current))
            .unwrap();
        assert_eq!(world.amf.begin_key_change(change), Err(Error::Conflict));
        assert_eq!(
            world.command(&Request::new(A, Activation::Current)),
            Err(Error::Conflict)
        );
        world.event(Event::Abort).unwrap();
    }
}

#[test]
fn r50_a_failed_procedure_leaves_the_context_before_in_force() {
    let mut world = registered();
    world.authenticate(ksi(1), 2).unwrap();
    for (i, event) in [
        Event::Abort,
        Event::LowerLayerFailure,
        Event::Collision(MessageType::REGISTRATION_REQUEST),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(world.command(&partial()).unwrap().count, Some(i as u32));
        assert!(matches!(world.event(event), Ok(Action::Ended(_))));
        world.down.clear();
        assert!(world.agree(A));
        assert_eq!(world.talk(A), Ok(true));
    }
}

#[test]
fn a_deregistration_collides_unless_the_ue_switches_off() {
    for (kind, collides) in [(0x01, true), (0x09, false)] {
        let mut world = registered();
        world
            .command(&Request::new(A, Activation::Current))
            .unwrap();
        let message = [0x7E, 0, 0x45, kind, 0, 1, 0];
        world.send_message(Role::Ue, A, &message).unwrap();
        let (_, pdu) = world.up.pop_back().unwrap();
        let (verdict, outcome) = world.amf_gets(A, &pdu);
        assert_eq!(verdict.result, Ok(()));
        let ending = outcome.map(|outcome| outcome.ending);
        let deregistration = MessageType::DEREGISTRATION_REQUEST_UE;
        assert_eq!(
            ending,
            collides.then_some(Ending::Collision(deregistration))
        );
        assert_eq!(world.smc.is_running(), !collides);
    }
}

#[test]
fn a_collision_on_the_other_access_is_none() {
    let mut world = registered();
    run(&mut world, &Request::new(B, Activation::Current)).unwrap();
    world
        .command(&Request::new(A, Activation::Current))
        .unwrap();
    world.amf.connection_released(B, &world.side[0]);
    world.ue.connection_released(B, &world.side[1]);
    world.send_initial(B, MessageType::SERVICE_REQUEST).unwrap();
    let (_, pdu) = world.up.pop_back().unwrap();
    let (verdict, outcome) = world.amf_gets(B, &pdu);
    assert_eq!((verdict.result, outcome), (Ok(()), None));
    assert!(world.smc.is_running());
}
