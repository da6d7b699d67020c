//! What nobody sends on purpose: no octets make the follower panic, grow without bound, or believe a forged message.

use naslane::kdf::KAmf;
use naslane::trace::{Entry, Event, Follower, Packet, Settings, Story, Verdict, ngap};
use proptest::prelude::*;

use super::wire::{self, From, Ids, Wire};
use super::world::{REGISTRATION_COMPLETE, SUPI, World, key};

fn entries() -> Vec<Entry> {
    vec![Entry {
        supi: Some(SUPI.to_owned()),
        k_amf: Some(KAmf::new(*key(1).expose())),
        ..Entry::default()
    }]
}

/// The NGAP PDUs of a registration, one in a frame.
fn registration() -> Vec<Vec<u8>> {
    let mut world = World::new();
    world.register();
    for _ in 0..3 {
        let pdu = world.context.up(REGISTRATION_COMPLETE);
        world.uplink(&pdu);
    }
    world.release();
    world.wire.sent
}

fn follow(pdus: &[Vec<u8>]) -> (Vec<Event>, Follower) {
    let mut follower = Follower::new(entries(), Settings::default());
    let mut events = Vec::new();
    for (frame, ngap) in (1..).zip(pdus) {
        let packet = Packet {
            frame,
            time: frame * 1_000_000,
            association: 1,
            amf: 2,
            ngap,
        };
        follower.packet(&packet, &mut events);
    }
    follower.finish(&mut events);
    (events, follower)
}

fn verified(events: &[Event]) -> usize {
    let good = |event: &&Event| matches!(event, Event::Row(row) if row.verdict == Verdict::Ok);
    events.iter().filter(good).count()
}

proptest! {
    #[test]
    fn any_octets(pdus in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        follow(&pdus);
    }

    #[test]
    fn a_registration_with_changed_octets(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..=255_u8), 1..12)) {
        let mut pdus = registration();
        for (pdu, octet, change) in changes {
            let pdu = pdu.get_mut(&mut pdus);
            *octet.get_mut(pdu) ^= change;
        }
        let (events, _) = follow(&pdus);
        // What is accepted has a right MAC, so no change makes more of it.
        prop_assert!(verified(&events) <= 7);
    }

    #[test]
    fn a_registration_in_another_order(order in Just((0..registration().len()).collect::<Vec<_>>()).prop_shuffle(), cut in any::<prop::sample::Index>()) {
        let pdus = registration();
        let mut shuffled: Vec<_> = order.iter().map(|place| pdus[*place].clone()).collect();
        let last = cut.get_mut(&mut shuffled);
        last.truncate(last.len() / 2);
        let (events, _) = follow(&shuffled);
        prop_assert!(verified(&events) <= 7);
    }
}

#[test]
fn shapes_of_ngap() {
    let ids = Ids {
        amf: 300,
        ran: 70,
        non_3gpp: true,
    };
    let uplink = wire::uplink(ids, &[0x7E, 0, 0x43]);
    let read = ngap::read(&uplink).unwrap();
    assert_eq!(
        (read.amf_ue, read.ran_ue, read.nas.len()),
        (Some(300), Some(70), 1)
    );
    assert_eq!(read.access, Some(naslane::base::AccessType::NonThreeGpp));
    let setup = wire::session_setup(ids, [&[1, 2, 3], &[4; 200]]);
    let read = ngap::read(&setup).unwrap();
    assert_eq!(read.nas, [&[1, 2, 3][..], &[4; 200]]);
    let release = wire::release_command(ids);
    let read = ngap::read(&release).unwrap();
    assert_eq!((read.amf_ue, read.ran_ue), (Some(300), Some(70)));
    for pdu in [uplink, setup, release] {
        for len in 0..pdu.len() {
            // Cut short: nothing, or fewer elements, never a panic.
            let _ = ngap::read(&pdu[..len]);
        }
    }
}

#[test]
fn rows_are_bounded_and_all_are_counted() {
    let mut wire = Wire::new();
    wire.send(From::Gnb, &[]);
    let pdus = registration();
    let (events, follower) = follow(&pdus);
    let rows = events.len() as u64;
    let mut story = Story::new(4);
    events.into_iter().for_each(|event| story.take(event));
    let (summary, parts) = story.end(&follower);
    assert_eq!((summary.messages, summary.left_out), (rows, rows - 4));
    assert_eq!(parts.values().map(|part| part.rows.len()).sum::<usize>(), 4);
    assert_eq!(format!("{:?}", entries()), "[Entry(..)]");
}

#[test]
fn keys_are_sought_for_a_few_messages_only() {
    // Ten thousand connections under keys that nobody knows: the search has a budget.
    let stranger = super::world::Context::of(key(99));
    let pdu = stranger.protect(
        naslane::base::Direction::Uplink,
        5,
        1,
        &World::service_request(),
    );
    let pdus: Vec<_> = (0..10_000_u16)
        .map(|ran| {
            wire::initial(
                Ids {
                    amf: 1,
                    ran,
                    non_3gpp: false,
                },
                &pdu,
            )
        })
        .collect();
    let (events, _) = follow(&pdus);
    assert_eq!((events.len(), verified(&events)), (10_000, 0));
}
