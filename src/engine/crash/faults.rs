//! A directory that was damaged, swapped, cut short, sealed under other keys or is somebody else's: typed refusals, and
//! never a guess.

mod slices;
mod world;

use std::fs;

use crate::base::{AccessType, Error};
use crate::engine::Engine;
use crate::procedure::smc::{Activation, Request};
use crate::security::ledger::NO_LEASE;
use crate::security::{KeyChange, Place, Role};
use crate::session::{Extent, Folder, Record, record};
use crate::store::KeyRing;

use super::child::{config, identity};
use world::World;

const GPP: AccessType = AccessType::ThreeGpp;
const N3GPP: AccessType = AccessType::NonThreeGpp;
const UPLINK: &[u8] = &[0x7E, 0, 0x67, 1, 0, 1, 0x55];
const DOWNLINK: &[u8] = &[0x7E, 0, 0x68, 1, 0, 1, 0xAA];

/// Where the sequences and the lines of [`config`]'s 64 sessions begin, and the octets of a record's place.
const SEQUENCES: u64 = 2 * 4096;
const LINES: u64 = 4 * 4096;
const PLACE: u64 = 1024;

const OLD: &str = "00000001 1111111111111111111111111111111111111111111111111111111111111111\n";
const NEW: &str = "00000002 2222222222222222222222222222222222222222222222222222222222222222\n";

#[test]
fn sessions_come_back_under_their_handles() {
    let mut world = World::new("back", 5);
    world
        .procedure(world.pairs[2], (N3GPP, Activation::Current))
        .unwrap();
    for _ in 0..4 {
        world.restart();
        assert_eq!(world.amf().sessions(), 5);
        let handles: Vec<_> = world.amf().table().handles().collect();
        assert!(world.pairs.iter().all(|(amf, _)| handles.contains(amf)));
        for at in 0..5 {
            world.talk(at, GPP).unwrap();
        }
        world.talk(2, N3GPP).unwrap();
    }
    let (gone, _) = world.pairs.pop().unwrap();
    world.amf().release(gone).unwrap();
    world.restart();
    assert_eq!(world.amf().sessions(), 4);
    assert_eq!(
        world.amf().release(gone),
        Err(Error::Handle),
        "stale for ever"
    );
    // A session that was never touched is released as well as any.
    world.amf().release(world.pairs[0].0).unwrap();
    assert_eq!(world.amf().sessions(), 3);
}

#[test]
fn a_damaged_line_is_refused_alone() {
    let mut world = World::new("torn", 3);
    let at = LINES + 64 * world.slot(1);
    // Half of another state of the line.
    world.change::<16>("counts-000", at + 8, |octets| octets[3..11].fill(0x5A));
    world.restart();
    world.talk(0, GPP).unwrap();
    world.is_refused(1);
    world.talk(2, GPP).unwrap();
}

#[test]
fn a_line_that_is_missing_or_older_is_refused() {
    let mut world = World::new("missing", 2);
    let at = LINES + 64 * world.slot(0);
    world.change::<64>("counts-000", at, |octets| octets.fill(0));
    world.restart();
    assert_eq!(world.talk(0, GPP), Err(Error::RekeyRequired));
    world.talk(1, GPP).unwrap();
}

#[test]
fn lines_that_changed_places_are_refused() {
    let mut world = World::new("swapped", 3);
    let (a, b) = (world.slot(0), world.slot(2));
    world.swap::<64>("counts-000", LINES + 64 * a, LINES + 64 * b);
    world.restart();
    world.is_refused(0);
    world.talk(1, GPP).unwrap();
    world.is_refused(2);
}

#[test]
fn records_that_changed_places_are_refused() {
    let mut world = World::new("records", 3);
    let (a, b) = (world.slot(0), world.slot(2));
    world.swap::<1024>("records-000", PLACE * a, PLACE * b);
    world.restart();
    world.is_refused(0);
    world.talk(1, GPP).unwrap();
    world.is_refused(2);
}

#[test]
fn a_torn_record_leaves_the_one_before_it_and_damage_does_not() {
    let mut world = World::new("halves", 2);
    let (at, last) = (PLACE * world.slot(0), SEQUENCES + 4 * world.slot(0));
    let later = |octets: &[u8]| {
        let sequence = |half: &[u8]| u32::from_be_bytes(half[8..12].try_into().unwrap());
        512 * usize::from(sequence(&octets[512..]) > sequence(octets))
    };
    // As a crash leaves it that came while the record of the COMPLETE was written.
    world.change::<1024>("records-000", at, |octets| {
        let half = later(octets);
        octets[half + 60..half + 100].fill(0);
    });
    world.change::<4>("counts-000", last, |octets| {
        *octets = (u32::from_ne_bytes(*octets) - 1).to_ne_bytes();
    });
    world.restart();
    assert_eq!(world.talk(0, GPP), Err(Error::NoContext));
    world
        .procedure(world.pairs[0], (GPP, Activation::Partial))
        .unwrap();
    world.talk(0, GPP).unwrap();
    for damage in [0, 4, 60] {
        let at = PLACE * world.slot(0); // another one after each refusal
        world.change::<1024>("records-000", at, |octets| {
            let half = later(octets);
            octets[half + damage] ^= 1;
        });
        world.restart();
        world.is_refused(0);
    }
    world.talk(1, GPP).unwrap();
}

#[test]
fn files_of_another_length_or_version_are_refused() {
    for file in ["counts-000", "records-000", "keys"] {
        let mut world = World::new("length", 1);
        world.stop();
        let path = world.scratch.0.join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 64]).unwrap();
        assert_eq!(
            world.try_open().err(),
            Some(Error::Record),
            "{file} cut short"
        );
        fs::write(&path, &whole).unwrap();
        world.restart();
        world.talk(0, GPP).unwrap();
        if file == "records-000" {
            continue; // each record says its version, and a record of another one does not open
        }
        world.change::<8>(file, 0, |magic| magic[0] += 1);
        assert_eq!(
            world.try_open().err(),
            Some(Error::Record),
            "{file} of another version"
        );
    }
}

#[test]
fn a_directory_is_of_one_size_and_one_engine() {
    let mut world = World::new("one", 1);
    assert_eq!(world.try_open().err(), Some(Error::Busy));
    world.stop();
    let ring = || KeyRing::parse(OLD).unwrap();
    let folder = Folder::new(&world.scratch.0, ring());
    let mut other = config();
    other.sessions *= 2;
    assert_eq!(Engine::open(&other, &folder).err(), Some(Error::Record));
    let table = crate::session::TableConfig::new(64);
    assert_eq!(
        folder.open(&table, 2).err(),
        Some(Error::Record),
        "more workers"
    );
    let file = Folder::new(world.scratch.0.join("keys"), ring());
    assert_eq!(Engine::open(&config(), &file).err(), Some(Error::System));
    world.restart();
    world.talk(0, GPP).unwrap();
}

#[test]
fn keys_rotate_and_a_wrong_one_opens_nothing() {
    let mut world = World::new("rotate", 2);
    NEW.clone_into(&mut world.ring);
    world.stop();
    assert_eq!(world.try_open().err(), Some(Error::Record));
    world.ring = format!("{NEW}{OLD}");
    world.restart();
    world.talk(0, GPP).unwrap();
    // What was opened since is sealed under the new key; what slept is not.
    NEW.clone_into(&mut world.ring);
    world.restart();
    world.talk(0, GPP).unwrap();
    world.is_refused(1);
}

#[test]
fn another_boot_of_the_machine_is_not_trusted() {
    let mut world = World::new("boot", 2);
    // As it would stand if the machine had lost its power: not closed, and of another boot.
    world.change::<24>("keys", 32, |words| {
        words[0] ^= 1;
        words[16..].fill(0);
    });
    world.restart();
    world.is_refused(0);
    world.is_refused(1);
    // A stop in order is one.
    world.change::<16>("keys", 32, |words| words[0] ^= 1);
    world.restart();
    world.talk(0, GPP).unwrap();
}

#[test]
fn r13_a_key_does_not_come_back_at_a_lower_count_after_a_restart() {
    let mut world = World::new("guard", 1);
    let export = |world: &World, handle| {
        let mut out = Record::new();
        let done = record::export(world.amf().table(), handle, Extent::Connections, &mut out);
        done.map(|()| out.as_bytes().to_vec())
    };
    let (amf, _) = world.pairs[0];
    let early = export(&world, amf).unwrap();
    record::resume_after_failed_transfer(world.amf().table(), amf).unwrap();
    world.talk(0, GPP).unwrap();
    let import = |world: &World, octets: &[u8]| record::import(world.amf().table(), octets);
    // Held by a session that sleeps, then by one that was given away, then by nobody.
    world.restart();
    assert_eq!(import(&world, &early), Err(Error::KeyReused));
    let late = export(&world, amf).unwrap();
    assert_eq!(import(&world, &late), Err(Error::KeyReused));
    world.restart();
    let key_change = world.amf().session(amf).unwrap().security.key_change();
    assert_eq!(key_change, Some(KeyChange::Exported), "it stays silent");
    assert_eq!(world.talk(0, GPP), Err(Error::Conflict));
    world.amf().release(amf).unwrap();
    for _ in 0..2 {
        world.restart();
        assert_eq!(import(&world, &early), Err(Error::KeyReused));
        let other = world.amf().establish(Role::Amf).unwrap();
        let again = world.amf().authenticated(other, identity(1, 0));
        assert_eq!(again, Err(Error::KeyReused));
        world.amf().release(other).unwrap();
    }
    let back = import(&world, &late).unwrap();
    world.pairs[0].0 = back;
    // One uplink message was sent to the session while it was silent.
    world.talk(0, GPP).unwrap();
    world.restart();
    world.talk(0, GPP).unwrap();
    world.amf().release(back).unwrap();
    world.restart();
    assert_eq!(
        import(&world, &late),
        Err(Error::KeyReused),
        "it went on since"
    );
}

#[test]
fn a_lease_stops_every_kind_of_message_and_uses_up_nothing() {
    let mut world = World::new("lease", 0);
    let table = world.amf().table();
    table.journal().unwrap().ledger().set_first_lease(3);
    let pair = world.subscriber(1);
    world.pairs.push(pair);
    let (amf, ue) = pair;
    // The command took COUNT 0.
    world.talk(0, GPP).unwrap();
    world.talk(0, GPP).unwrap();
    let standing = |world: &World| {
        world
            .amf()
            .session(amf)
            .unwrap()
            .counts(Place::Current)
            .unwrap()
    };
    let before = standing(&world);
    assert_eq!((before.next, before.ceiling), ([3, 0], [3, 3]));
    assert_ne!(
        world
            .amf()
            .table()
            .journal()
            .unwrap()
            .ledger()
            .take_wanted(0),
        0
    );
    for _ in 0..3 {
        assert_eq!(world.talk(0, GPP), Err(Error::LeaseExhausted));
        let current = world.procedure(pair, (GPP, Activation::Current));
        assert_eq!(current, Err(Error::LeaseExhausted));
        assert_eq!(standing(&world).next, [3, 0]);
    }
    // The other access has a lease of its own, and uplink messages need none.
    world.procedure(pair, (N3GPP, Activation::Current)).unwrap();
    world.talk(0, N3GPP).unwrap();
    // The ceiling outlives the process.
    world.restart();
    assert_eq!(world.talk(0, GPP), Err(Error::LeaseExhausted));
    let mut session = world.amf().session(amf).unwrap();
    let place = (Place::Current, GPP);
    assert_eq!(
        session.set_lease(place, (before.print ^ 1, 9)),
        Err(Error::Handle)
    );
    assert_eq!(
        session.set_lease(place, (before.print, 2)),
        Err(Error::Argument)
    );
    session.set_lease(place, (before.print, 4)).unwrap();
    drop(session);
    world.talk(0, GPP).unwrap();
    assert_eq!(world.talk(0, GPP), Err(Error::LeaseExhausted));
    let mut session = world.amf().session(amf).unwrap();
    session.set_lease(place, (before.print, NO_LEASE)).unwrap();
    drop(session);
    (0..300).for_each(|_| world.talk(0, GPP).unwrap());
    let _ = ue;
}

#[test]
fn a_command_that_was_interrupted_is_sent_again_from_its_own_counts() {
    let mut world = World::new("command", 1);
    let pair = world.pairs[0];
    world.amf().authenticated(pair.0, identity(77, 1)).unwrap();
    world.ues.authenticated(pair.1, identity(77, 1)).unwrap();
    let mut out = vec![0; 512];
    let request = Request::new(GPP, Activation::Partial);
    let first = world.amf().smc_command(pair.0, &request, &mut out).unwrap();
    assert_eq!(first.count, Some(0));
    for count in 1..4 {
        world.restart();
        if count < 3 {
            world.talk(0, GPP).unwrap(); // the context in use goes on
        }
        let again = world.amf().smc_command(pair.0, &request, &mut out).unwrap();
        assert_eq!(again.count, Some(count));
    }
    world.restart();
    world.procedure(pair, (GPP, Activation::Partial)).unwrap();
    world.talk(0, GPP).unwrap();
    world.restart();
    world.talk(0, GPP).unwrap();
}
