//! What network slice-specific authentication knows comes back with its session, or is said to be lost.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::base::{Error, Result};
use crate::engine::Engine;
use crate::engine::crash::slices::{self, Run};
use crate::nas::nssaa::{SNssai, Slice};
use crate::procedure::nssaa::{
    Event, Reachability, Registration, Status, Subscribed, Subscription,
};
use crate::security::Role;
use crate::session::{Extent, Handle, Record, record};

use super::GPP;
use super::world::World;

/// Where the sequences and the small and large places of 64 sessions begin, and their octets.
const SEQUENCES: u64 = 4096;
const SMALL: u64 = 2 * 4096;
const LARGE: u64 = SMALL + 64 * 512;

const A: SNssai = slices::A;
const B: SNssai = SNssai::new(2, 0x0B);
const C: SNssai = SNssai::sst(3);

fn subscribe(engine: &Engine, handle: Handle, gpsi: &str, all: &[SNssai]) -> Result<()> {
    let subscribed: Vec<Subscribed> = all
        .iter()
        .map(|s_nssai| Subscribed {
            slice: (*s_nssai).into(),
            nssaa: true,
            default: false,
        })
        .collect();
    let subscription = Subscription {
        gpsis: &[gpsi],
        slices: &subscribed,
    };
    engine.nssaa_subscribe(handle, &subscription)?;
    let asked: Vec<Slice> = all.iter().map(|s_nssai| (*s_nssai).into()).collect();
    let registration = Registration {
        access: GPP,
        asked: &asked,
        nssaa_supported: true,
        extended_rejected: false,
    };
    engine.nssaa_register(handle, &registration)?;
    engine.nssaa_event(handle, Event::Registered(GPP))
}

/// A world whose first session has three slices: one succeeded, one failed, one waits for its AAA server.
fn three(name: &str) -> World {
    three_and_question(name).0
}

/// That world, and the number of the question that is open.
fn three_and_question(name: &str) -> (World, u32) {
    let world = World::new(name, 3);
    let amf = world.amf();
    let handle = world.pairs[0].0;
    subscribe(amf, handle, slices::GPSI, &[A, B, C]).unwrap();
    slices::end(amf, handle, Run::Success).unwrap();
    slices::end(amf, handle, Run::Failure).unwrap();
    let question = slices::asks(amf, handle).unwrap().unwrap();
    (world, question)
}

fn statuses(world: &World, at: usize) -> Result<[Option<Status>; 3]> {
    let status = |s_nssai| world.amf().nssaa_status(world.pairs[at].0, s_nssai);
    Ok([status(A)?, status(B)?, status(C)?])
}

const THREE: [Option<Status>; 3] = [
    Some(Status::EapSuccess),
    Some(Status::EapFailure),
    Some(Status::Pending),
];

#[test]
fn results_come_back_and_what_was_under_way_is_due_again() {
    let mut world = three("slices");
    let handle = world.pairs[0].0;
    for _ in 0..2 {
        world.restart();
        // Asked before anything else wakes the session.
        assert_eq!(statuses(&world, 0), Ok(THREE));
        world.talk(0, GPP).unwrap();
    }
    let state = world.amf().nssaa_state(handle).unwrap();
    assert_eq!(state.allowed[0], [A.into()]);
    assert_eq!(state.pending[0], [C.into()]);
    assert!(!state.settled && state.running.is_none());
    assert_eq!(world.amf().nssaa_gpsi(handle).unwrap(), slices::GPSI);
    // Nobody else has any.
    world.talk(1, GPP).unwrap();
    assert_eq!(statuses(&world, 1), Err(Error::OutOfOrder));
    // The UE is there: the question of before is asked again, under a number that no answer of before has.
    let connected = Event::Access(GPP, Reachability::Connected);
    world.amf().nssaa_event(handle, connected).unwrap();
    slices::end(world.amf(), handle, Run::Success).unwrap();
    world.restart();
    assert_eq!(statuses(&world, 0).unwrap()[2], Some(Status::EapSuccess));
    // A revocation is not forgotten, nor that the subscription lost a slice.
    let revoked = Event::RevocationNotification(A);
    world.amf().nssaa_event(handle, revoked).unwrap();
    world.restart();
    assert_eq!(statuses(&world, 0).unwrap()[0], None);
    assert_eq!(
        world.amf().nssaa_state(handle).unwrap().allowed[0],
        [C.into()]
    );
}

#[test]
fn an_answer_of_before_is_refused() {
    let (mut world, before) = three_and_question("slices-answer");
    let handle = world.pairs[0].0;
    world.restart();
    let connected = Event::Access(GPP, Reachability::Connected);
    world.amf().nssaa_event(handle, connected).unwrap();
    let now = slices::asks(world.amf(), handle).unwrap().unwrap();
    let late = slices::answer(world.amf(), handle, before, Run::Success);
    assert_eq!(late, Err(Error::Unexpected));
    assert_eq!(statuses(&world, 0), Ok(THREE));
    slices::answer(world.amf(), handle, now, Run::Failure).unwrap();
}

#[test]
fn a_session_without_slices_takes_no_room_and_one_that_ended_leaves_nothing() {
    let mut world = three("slices-room");
    let path = world.scratch.0.join("slices-000");
    let whole = fs::metadata(&path).unwrap();
    assert_eq!(whole.len(), LARGE + 64 * 2048);
    assert!(
        whole.blocks() * 512 <= 3 * 4096,
        "header, sequences, one page"
    );
    let handle = world.pairs[0].0;
    world.amf().release(handle).unwrap();
    let next = world.amf().establish(Role::Amf).unwrap();
    assert_eq!(next.slot(), handle.slot());
    world.restart();
    let status = world.amf().nssaa_status(next, A);
    assert_eq!(status, Err(Error::OutOfOrder));
    assert_eq!(world.amf().nssaa_status(handle, A), Err(Error::Handle));
    world.stop();
    let octets = fs::read(&path).unwrap();
    assert!(octets[SEQUENCES as usize..].iter().all(|octet| *octet == 0));
}

#[test]
fn as_many_slices_as_there_can_be() {
    let mut world = World::new("slices-many", 1);
    let handle = world.pairs[0].0;
    let all: Vec<SNssai> = (1..=8).map(|sst| SNssai::new(sst, 7)).collect();
    let gpsi = format!("extid-{}@example.org", "x".repeat(254));
    subscribe(world.amf(), handle, &gpsi, &all).unwrap();
    // Long and short records in turn, each one kept.
    for round in 0..4 {
        slices::end(world.amf(), handle, Run::Failure).unwrap();
        world.restart();
        let connected = Event::Access(GPP, Reachability::Connected);
        world.amf().nssaa_event(handle, connected).unwrap();
        for (at, s_nssai) in all.iter().enumerate() {
            let status = world.amf().nssaa_status(handle, *s_nssai).unwrap();
            let failed = status == Some(Status::EapFailure);
            assert_eq!(failed, at <= round, "{round} {at}");
        }
    }
    let (gpsi, one) = (slices::GPSI, &all[..1]);
    subscribe(world.amf(), handle, gpsi, one).unwrap();
    world.restart();
    assert_eq!(world.amf().nssaa_gpsi(handle).unwrap(), gpsi);
    subscribe(
        world.amf(),
        handle,
        &format!("extid-{}@b", "y".repeat(260)),
        &all,
    )
    .unwrap();
    world.restart();
    assert!(world.amf().nssaa_gpsi(handle).unwrap().len() > 256);
    world.amf().release(handle).unwrap();
    world.stop();
    let octets = fs::read(world.scratch.0.join("slices-000")).unwrap();
    assert!(octets[SEQUENCES as usize..].iter().all(|octet| *octet == 0));
}

/// Which half was written last.
fn later(octets: &[u8]) -> usize {
    let sequence = |half: &[u8]| u32::from_be_bytes(half[8..12].try_into().unwrap());
    256 * usize::from(sequence(&octets[256..]) > sequence(octets))
}

#[test]
fn a_torn_record_of_slices_leaves_the_one_before_it() {
    let mut world = three("slices-torn");
    let at = world.slot(0);
    let before = world.amf().nssaa_state(world.pairs[0].0).unwrap();
    let handle = world.pairs[0].0;
    let revoked = Event::RevocationNotification(A);
    world.amf().nssaa_event(handle, revoked).unwrap();
    // As a crash leaves it that came while the last one was written: its sequence is not told yet.
    world.change::<512>("slices-000", SMALL + 512 * at, |octets| {
        let half = later(octets);
        octets[half + 60..half + 80].fill(0);
    });
    world.change::<4>("slices-000", SEQUENCES + 4 * at, |octets| {
        *octets = (u32::from_ne_bytes(*octets) - 1).to_ne_bytes();
    });
    world.restart();
    let state = world.amf().nssaa_state(handle).unwrap();
    assert_eq!(state.statuses, before.statuses);
    // And the next one takes the torn one's place.
    world.amf().nssaa_event(handle, revoked).unwrap();
    world.restart();
    assert_eq!(statuses(&world, 0).unwrap()[0], None);
}

#[test]
fn damage_to_slices_is_said_and_harms_nothing_else() {
    let mut world = three("slices-damage");
    let (handle, at) = (world.pairs[0].0, world.slot(0));
    for octet in [0, 4, 8, 12, 20, 60] {
        world.change::<512>("slices-000", SMALL + 512 * at, |octets| {
            let half = later(octets);
            octets[half + octet] ^= 1;
        });
        world.restart();
        assert_eq!(statuses(&world, 0), Err(Error::Record), "{octet}");
        let step = world.amf().nssaa_event(handle, Event::RunnerLost);
        assert_eq!(step, Err(Error::Record));
        world.talk(0, GPP).unwrap();
        world.restart();
        assert_eq!(statuses(&world, 0), Err(Error::Record), "not forgotten");
        // A subscription told anew begins anew: nothing is allowed that was not authenticated.
        subscribe(world.amf(), handle, slices::GPSI, &[A, B, C]).unwrap();
        assert_eq!(statuses(&world, 0), Ok([Some(Status::Pending); 3]));
        world.restart();
        assert_eq!(statuses(&world, 0), Ok([Some(Status::Pending); 3]));
    }
}

#[test]
fn slices_of_another_session_or_key_are_refused() {
    let mut world = three("slices-swapped");
    subscribe(world.amf(), world.pairs[1].0, slices::GPSI, &[B]).unwrap();
    let [a, b] = [0, 1].map(|at| world.slot(at));
    world.swap::<512>("slices-000", SMALL + 512 * a, SMALL + 512 * b);
    world.restart();
    for at in 0..2 {
        assert_eq!(statuses(&world, at), Err(Error::Record));
        world.talk(at, GPP).unwrap();
    }
    // A record that was rolled back to an older one is not taken for the newest.
    let mut world = three("slices-rolled");
    let (handle, at) = (world.pairs[0].0, SMALL + 512 * world.slot(0));
    let mut old = [0; 512];
    world.change::<512>("slices-000", at, |octets| old = *octets);
    world.restart();
    for s_nssai in [A, B] {
        let revoked = Event::RevocationNotification(s_nssai);
        world.amf().nssaa_event(handle, revoked).unwrap();
    }
    world.change::<512>("slices-000", at, |octets| *octets = old);
    world.restart();
    assert_eq!(statuses(&world, 0), Err(Error::Record));
}

#[test]
fn a_directory_of_the_version_without_slices_is_taken_up() {
    let mut world = three("slices-old");
    world.stop();
    fs::remove_file(world.scratch.0.join("slices-000")).unwrap();
    world.change::<8>("counts-000", 0, |magic| {
        assert_eq!(magic[0], 2);
        magic[0] = 1;
    });
    world.restart();
    world.talk(0, GPP).unwrap();
    assert_eq!(statuses(&world, 0), Err(Error::OutOfOrder));
    subscribe(world.amf(), world.pairs[0].0, slices::GPSI, &[A, B, C]).unwrap();
    world.restart();
    assert_eq!(statuses(&world, 0), Ok([Some(Status::Pending); 3]));
    // That version does not take it back: what it would keep of slices would lag.
    world.change::<8>("counts-000", 0, |magic| assert_eq!(magic[0], 2));
    world.change::<8>("slices-000", 0, |magic| magic[0] += 1);
    assert_eq!(world.try_open().err(), Some(Error::Record));
}

#[test]
fn an_exported_session_hears_of_no_more_slices_even_after_a_crash() {
    let mut world = three("slices-export");
    let handle = world.pairs[0].0;
    let mut out = Record::new();
    record::export(world.amf().table(), handle, Extent::Connections, &mut out).unwrap();
    let revoke = |world: &World| {
        world
            .amf()
            .nssaa_event(handle, Event::RevocationNotification(A))
    };
    assert_eq!(revoke(&world), Err(Error::Conflict));
    world.restart();
    assert_eq!(revoke(&world), Err(Error::Conflict));
    assert_eq!(statuses(&world, 0), Err(Error::Conflict));
    record::resume_after_failed_transfer(world.amf().table(), handle).unwrap();
    assert_eq!(statuses(&world, 0), Ok(THREE));
    revoke(&world).unwrap();
    world.restart();
    assert_eq!(statuses(&world, 0).unwrap()[0], None);
}
