//! The rules of the known defects that belong to the security mode procedure.

use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi, Result};
use naslane::kdf::{HorizontalDirection, k_amf_prime};
use naslane::nas::smc::Aun3Key;
use naslane::nas::{
    Cause, MessageType, SecurityModeCommand, SecurityModeComplete, UeSecurityCapability,
};
use naslane::procedure::smc::{
    Action, Activation, Amf, Answer, Demand, Ending, Event, NewKey, Outcome, Request,
};
use naslane::security::protect::OVERHEAD;
use naslane::security::verify::Expect;
use naslane::security::{Algorithms, Diagnosis, KeyChange, Place, Role, UeSecurity};

use crate::world::{Got, OUT, World, k_amf};

const A: AccessType = AccessType::ThreeGpp;
const B: AccessType = AccessType::NonThreeGpp;

fn ksi(n: u8) -> NgKsi {
    NgKsi::native(n).unwrap()
}

fn partial() -> Request<'static> {
    Request::new(A, Activation::Partial)
}

/// One command to the UE and its answer back.
fn run(world: &mut World, request: &Request<'_>) -> Result<Option<Outcome>> {
    world.command(request)?;
    let (access, pdu) = world.down.pop_back().unwrap();
    let got = world.ue_gets(access, &pdu);
    assert!(matches!(got, Got::Answer(Answer::Complete(_))), "{got:?}");
    let (access, pdu) = world.up.pop_back().unwrap();
    Ok(world.amf_gets(access, &pdu).1)
}

/// Registered over 3GPP access with ngKSI 0.
fn registered() -> World {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    run(&mut world, &partial()).unwrap();
    world
}

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
fn r44_the_capability_is_replayed_octet_by_octet() {
    for octets in [
        &[0xF0, 0xF0][..],
        &[0xF0, 0xF0, 0, 0],
        &[0xFF, 0x7F, 0xFF, 0x01, 0x5A, 0xA5, 1, 2],
    ] {
        let mut world = World::new();
        world.cap = UeSecurityCapability::from_value(octets).unwrap();
        world.authenticate(ksi(0), 1).unwrap();
        world.command(&partial()).unwrap();
        let (_, pdu) = world.down.back().unwrap();
        let command = SecurityModeCommand::decode(&pdu[OVERHEAD..]).unwrap();
        assert_eq!(command.ue_sec_cap.value(), octets);
        assert_eq!((command.nea, command.nia), (2, 2));
    }
}

#[test]
fn r45_only_the_message_of_the_ongoing_procedure_is_taken_from_the_container() {
    let registration = [0x7E, 0, 0x41, 0x79, 0, 1, 0];
    let deregistration = [0x7E, 0, 0x45, 0x71, 0, 1, 0];
    let service = [0x7E, 0, 0x4C, 0x70, 0, 7, 0xF4, 0, 0x40, 0xC0, 0, 0, 1];
    let control_plane = [0x7E, 0, 0x4F, 0x70];
    let nested = [0x7E, 0, 0x41, 0x79, 0, 1, 0, 0x71, 0, 1, 9];
    let wholes: [&[u8]; 8] = [
        &registration,
        &deregistration,
        &service,
        &control_plane,
        &nested,
        &[0x7E, 0, 0x67, 1, 0, 1, 1],
        &[0x7E, 0, 0x5E],
        &[9],
    ];
    for ongoing in [0x41, 0x45, 0x4C, 0x4F].map(MessageType) {
        for whole in wholes {
            let mut world = World::new();
            world.authenticate(ksi(0), 1).unwrap();
            world.whole = whole.to_vec();
            let request = Request {
                ongoing: Some(ongoing),
                retransmission: true,
                ..partial()
            };
            let outcome = run(&mut world, &request).unwrap().unwrap();
            // Both sides have the context, whatever the container is.
            assert_eq!(outcome.ending, Ending::Completed);
            assert!(world.agree(A) && world.talk(A) == Ok(true));
            let fits = whole.len() > 3 && whole[2] == ongoing.0 && whole != nested;
            if fits {
                assert_eq!((outcome.error, outcome.diagnosis), (None, Diagnosis::None));
                assert!(outcome.container.is_some());
            } else {
                assert_eq!(outcome.error, Some(Error::ContainerMismatch));
                assert_eq!(
                    (outcome.container, outcome.diagnosis),
                    (None, Diagnosis::ContainerMismatch)
                );
            }
        }
    }
}

#[test]
fn r45_a_container_that_is_missing_is_told_and_one_that_nobody_asked_for_is_not_taken() {
    for (demand, error) in [
        (Demand::Required, Some(Error::ContainerMissing)),
        (Demand::Optional, None),
    ] {
        let mut world = World::new();
        world.settings.container = demand;
        world.authenticate(ksi(0), 1).unwrap();
        // No initial message was sent, so the UE sees no need; the AMF had no context, so it does.
        let request = Request {
            ongoing: Some(MessageType::REGISTRATION_REQUEST),
            ..partial()
        };
        let outcome = run(&mut world, &request).unwrap().unwrap();
        assert_eq!((outcome.ending, outcome.error), (Ending::Completed, error));
        assert_eq!(
            outcome.diagnosis == Diagnosis::ContainerMissing,
            error.is_some()
        );
        assert!(world.agree(A));
    }
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    world.whole = vec![0x7E, 0, 0x41, 0x79, 0, 1, 0];
    let outcome = run(
        &mut world,
        &Request {
            retransmission: true,
            ..partial()
        },
    )
    .unwrap()
    .unwrap();
    assert_eq!(
        (outcome.container, outcome.diagnosis),
        (None, Diagnosis::ContainerMismatch)
    );
}

#[test]
fn the_imeisv_lies_where_the_outcome_says() {
    let mut world = World::new();
    world.settings.imeisv = Demand::Required;
    world.authenticate(ksi(0), 1).unwrap();
    let outcome = run(
        &mut world,
        &Request {
            imeisv: true,
            ..partial()
        },
    )
    .unwrap()
    .unwrap();
    let complete = SecurityModeComplete::decode(&world.plain).unwrap();
    assert_eq!(
        &world.plain[outcome.imeisv.unwrap()],
        complete.imeisv.unwrap().value()
    );
    assert_eq!(outcome.error, None);
}

#[test]
fn r48_every_authentication_gets_another_ng_ksi() {
    let mut world = registered();
    for round in 2..12 {
        let cited = ksi(round % 7);
        let next = world.amf.next_ng_ksi(Some(cited)).unwrap();
        assert!(next != cited && world.amf.find(next).is_none());
        world.authenticate(next, round).unwrap();
        assert_eq!(
            run(
                &mut world,
                &Request {
                    ng_ksi: Some(next),
                    ..partial()
                }
            )
            .unwrap()
            .unwrap()
            .error,
            None
        );
    }
}

#[test]
fn r49_hdp_is_set_with_a_derived_key_and_with_nothing_else() {
    let mut world = registered();
    world.authenticate(ksi(1), 2).unwrap();
    let hdp = |world: &mut World, activation| {
        world
            .command(&Request {
                retransmission: true,
                ..Request::new(A, activation)
            })
            .unwrap();
        let (_, pdu) = world.down.pop_back().unwrap();
        world.event(Event::Abort).unwrap();
        SecurityModeCommand::decode(&pdu[OVERHEAD..])
            .unwrap()
            .is_horizontal()
    };
    assert!(!hdp(&mut world, Activation::Current));
    assert!(!hdp(&mut world, Activation::NewAlgorithms));
    assert!(!hdp(&mut world, Activation::Partial));
    assert!(hdp(&mut world, Activation::Horizontal { ul_count: 0 }));
    // The refused one: a COUNT that no accepted message had.
    let refused = world.command(&Request::new(A, Activation::Horizontal { ul_count: 1 }));
    assert_eq!(refused, Err(Error::Horizontal));
}

#[test]
fn r49_a_key_from_the_source_amf_in_a_new_session() {
    let mut world = registered();
    let old = world.ue.context(Place::Current).unwrap().k_amf().clone();
    world.amf.connection_released(A, &world.side[0]);
    world.ue.connection_released(A, &world.side[1]);
    let count = world
        .send_initial(A, MessageType::REGISTRATION_REQUEST)
        .unwrap()
        .count
        .unwrap();
    // The source AMF verified the request; this AMF is another one.
    world.up.clear();
    world.amf = UeSecurity::new(Role::Amf);
    let key = k_amf_prime(&old, HorizontalDirection::Mobility, count);
    let received = NewKey {
        k_amf: &key,
        ng_ksi: ksi(0),
        ue_sec_cap: Some(world.cap),
    };
    let request = Request::new(A, Activation::HorizontalReceived(received));
    assert_eq!(world.command(&request).unwrap().count, Some(0));
    world.down.clear();
    world.event(Event::Abort).unwrap();
    // The same key again, because the first command had no answer: COUNTs go on.
    assert_eq!(world.command(&request).unwrap().count, Some(1));
    let (_, pdu) = world.down.pop_back().unwrap();
    assert!(matches!(
        world.ue_gets(A, &pdu),
        Got::Answer(Answer::Complete(_))
    ));
    let (_, pdu) = world.up.pop_back().unwrap();
    assert_eq!(world.amf_gets(A, &pdu).1.unwrap().ending, Ending::Completed);
    assert!(world.agree(A) && world.talk(A) == Ok(true));
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

#[test]
fn the_longest_command_is_held_and_a_longer_one_refused() {
    let key = [7; 255];
    let eap = [3, 1, 0, 4];
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    let abba = [0; 60];
    let long = Request {
        aun3_key: Some(Aun3Key(&key)),
        eap_success: Some(&eap),
        abba: Some(&abba),
        ..partial()
    };
    world.command(&long).unwrap();
    world.event(Event::T3560Expired).unwrap();
    assert_eq!(world.down[0].1[OVERHEAD..], world.down[1].1[OVERHEAD..]);
    world.event(Event::Abort).unwrap();
    assert_eq!(
        world.command(&Request {
            abba: Some(&[0; 200]),
            ..long
        }),
        Err(Error::TooLong)
    );
    assert!(OUT > 391);
}

#[test]
fn no_room_at_the_side_is_a_typed_error() {
    let mut world = World::new();
    world.side[0] = naslane::security::SidePool::new(0);
    world.authenticate(ksi(0), 1).unwrap();
    assert_eq!(world.command(&partial()), Err(Error::SideFull));
}

#[test]
fn the_ue_half_refuses_the_amfs_call() {
    let mut world = World::new();
    world.authenticate(ksi(0), 1).unwrap();
    std::mem::swap(&mut world.amf, &mut world.ue);
    assert_eq!(world.command(&partial()), Err(Error::Role));
}
