//! What the messages of the procedure carry, and what an AMF may take from them.

use naslane::base::Error;
use naslane::kdf::{HorizontalDirection, k_amf_prime, k_gnb};
use naslane::nas::smc::Aun3Key;
use naslane::nas::{MessageType, SecurityModeCommand, SecurityModeComplete, UeSecurityCapability};
use naslane::procedure::smc::{Activation, Answer, Demand, Ending, Event, NewKey, Request};
use naslane::security::protect::OVERHEAD;
use naslane::security::{Diagnosis, Place, Role, UeSecurity};

use crate::steps::{A, ksi, partial, registered, run};
use crate::world::{Got, World};

#[test]
fn k_gnb_comes_from_the_count_of_the_answer() {
    let mut world = registered();
    for round in 0..3 {
        let request = Request::new(A, Activation::Current);
        let outcome = run(&mut world, &request).unwrap().unwrap();
        let count = outcome.ul_count.unwrap();
        assert!(count > round);
        let key = world.amf.context(Place::Current).unwrap().k_amf().clone();
        let expected = k_gnb(&key, count, A);
        assert_eq!(world.amf.k_gnb(A).unwrap().expose(), expected.expose());
        assert_eq!(world.ue.k_gnb(A).unwrap().expose(), expected.expose());
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
