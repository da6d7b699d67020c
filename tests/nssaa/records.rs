//! The state as octets: taken up as it was, and nothing else is taken up.

use naslane::base::Error;
use naslane::engine::Engine;
use naslane::nas::nssaa::EapCode;
use naslane::procedure::nssaa::{Amf, Event, Kept, RECORD_MAX, Reachability, Status};
use naslane::security::Role;
use naslane::session::record::{self, Extent, Record};

use crate::common::{Pair, engine};
use crate::world::*;

fn stored(amf: &Amf, kept: Kept) -> Vec<u8> {
    let octets = amf.store(kept).unwrap().to_vec();
    assert!(octets.len() <= RECORD_MAX);
    octets
}

#[test]
fn statuses_travel_to_another_amf_without_the_registrations() {
    let mut world = World::registered(&[subscribed(A), subscribed(B), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    world.whole_run(Status::EapFailure);
    let octets = stored(&world.amf, Kept::Statuses);
    let mut other = World::new(&[]);
    other.amf = Amf::restore(&octets).unwrap();
    assert_eq!(other.amf.gpsi(), GPSI);
    let statuses = [(A, Status::EapSuccess), (B, Status::EapFailure)];
    assert!(other.amf.statuses().eq(statuses));
    assert!(other.amf.allowed(GPP).eq([]));
    // The success counts with the new AMF.
    let admission = other.join(GPP, &[A, FREE]);
    assert_eq!(admission.allowed.len(), 2);
    assert_eq!(other.run(), []);
}

#[test]
fn everything_is_taken_up_by_the_same_amf() {
    let mut world = World::registered(&[subscribed(A), subscribed(B), subscribed(FREE)]);
    world.run();
    world.answer();
    world.run();
    // A failure whose RESULT and update are still owed, while the next slice is pending.
    world.verdict(Status::EapFailure);
    let octets = stored(&world.amf, Kept::All);
    let mut again = World::new(&[]);
    again.amf = Amf::restore(&octets).unwrap();
    assert_eq!(stored(&again.amf, Kept::All), octets);
    assert_eq!(
        again.run(),
        [Did::Reach(GPP)],
        "idle until the connection is told"
    );
    again
        .on(Event::Access(GPP, Reachability::Connected))
        .unwrap();
    let did = again.run();
    assert_eq!(did[0], Did::Result(GPP, A, EapCode::Failure));
    assert_eq!(updates(&did)[0].1.rejects(), [(A, 2)]);
    assert_eq!(commands(&did), [(GPP, B)]);
}

#[test]
fn a_run_under_way_is_due_again() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.answer();
    world.run();
    let mut again = World::new(&[]);
    again.amf = Amf::restore(&stored(&world.amf, Kept::All)).unwrap();
    assert_eq!(again.amf.status(A), Some(Status::Pending));
    again
        .on(Event::Access(GPP, Reachability::Connected))
        .unwrap();
    let did = again.whole_run(Status::EapSuccess);
    assert_eq!(did[0], Did::Result(GPP, A, EapCode::Success));
}

#[test]
fn what_was_told_and_not_acknowledged_is_owed_again() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    let did = world.whole_run(Status::EapFailure);
    assert_eq!(updates(&did)[0].1.rejects(), [(A, 2)]);
    let taken_up = |octets: &[u8]| {
        let mut again = World::new(&[]);
        again.amf = Amf::restore(octets).unwrap();
        again
            .on(Event::Access(GPP, Reachability::Connected))
            .unwrap();
        again.run()
    };
    let did = taken_up(&stored(&world.amf, Kept::All));
    assert_eq!(updates(&did)[0].1.rejects(), [(A, 2)]);
    world.on(Event::UpdateCompleted(GPP)).unwrap();
    assert_eq!(taken_up(&stored(&world.amf, Kept::All)), []);
}

#[test]
fn what_no_store_writes_is_refused() {
    let mut world = World::registered(&[subscribed(A), default(B), subscribed(FREE)]);
    world.whole_run(Status::EapFailure);
    let good = stored(&world.amf, Kept::All);
    for cut in 0..good.len() {
        let refused = Amf::restore(&good[..cut]).map(|_| ());
        assert_eq!(refused, Err(Error::Record), "{cut}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(Amf::restore(&longer).is_err());
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // Either it is refused, or it is a state that could have been written.
            if let Ok(amf) = Amf::restore(&bad) {
                assert_eq!(stored(&amf, Kept::All), bad, "octet {at}, bit {bit}");
            }
        }
    }
}

fn with_success(engine: &Engine) -> Pair {
    use naslane::procedure::nssaa::{AaaAnswer, Action, Subscription};
    let pair = Pair::secured(engine, 1);
    let slices = [subscribed(A), subscribed(FREE)];
    let gpsis = &[GPSI][..];
    let subscription = Subscription {
        gpsis,
        slices: &slices,
    };
    engine.nssaa_subscribe(pair.amf, &subscription).unwrap();
    let registration = naslane::procedure::nssaa::Registration {
        access: GPP,
        asked: &[A.into(), FREE.into()],
        nssaa_supported: true,
        extended_rejected: false,
    };
    engine.nssaa_register(pair.amf, &registration).unwrap();
    engine
        .nssaa_event(pair.amf, Event::Registered(GPP))
        .unwrap();
    let mut out = vec![0; naslane::engine::nssaa::NSSAA_ROOM];
    let mut ask = || {
        let mut asked = None;
        while let Some(action) = engine.nssaa_poll(pair.amf, &mut out).unwrap() {
            if let Action::Ask { transaction, .. } = action {
                asked = Some(transaction);
            }
        }
        asked
    };
    assert_eq!(ask(), None);
    let octets = identity(1);
    let mut message = vec![0x7E, 0, 0x51, 4, 1, 0, 0, 0x0A, 0, octets.len() as u8];
    message.extend(octets);
    let message = &message;
    let event = Event::Complete {
        access: GPP,
        message,
    };
    engine.nssaa_event(pair.amf, event).unwrap();
    let transaction = ask().unwrap();
    let success = [3, 1, 0, 4];
    let answer = AaaAnswer::Success(naslane::nas::nssaa::EapMessage::parse(&success).unwrap());
    let event = Event::Aaa {
        transaction,
        answer,
    };
    engine.nssaa_event(pair.amf, event).unwrap();
    ask();
    pair
}

#[test]
fn the_sessions_record_carries_it() {
    let source = engine(2, 2);
    let pair = with_success(&source);
    for extent in [Extent::Contexts, Extent::Connections] {
        let mut record = Record::new();
        record::export(source.table(), pair.amf, extent, &mut record).unwrap();
        let target = engine(2, 2);
        let handle = record::import(target.table(), record.as_bytes()).unwrap();
        let status = target.nssaa_status(handle, A).unwrap();
        assert_eq!(status, Some(Status::EapSuccess));
        let state = target.nssaa_state(handle).unwrap();
        let there = if extent == Extent::Connections { 2 } else { 0 };
        assert_eq!(state.allowed[0].len(), there);
        // Every octet is under the checksum.
        let mut bad = record.as_bytes().to_vec();
        let at = bad.len() - 20;
        bad[at] ^= 1;
        assert_eq!(
            record::import(engine(2, 2).table(), &bad),
            Err(Error::Record)
        );
        record::resume_after_failed_transfer(source.table(), pair.amf).unwrap();
    }
}

#[test]
fn a_session_without_it_has_the_record_it_always_had() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 2);
    let mut record = Record::new();
    record::export(engine.table(), pair.amf, Extent::Connections, &mut record).unwrap();
    assert_eq!(record.as_bytes()[9] & 4, 0);
    assert!(record.as_bytes().len() < 382);
}

#[test]
fn the_room_ends_with_its_session() {
    let engine = engine(2, 2);
    let pair = with_success(&engine);
    assert_eq!(engine.table().slices().in_use(), 1);
    let stray = Event::Aaa {
        transaction: 99,
        answer: naslane::procedure::nssaa::AaaAnswer::Refused,
    };
    assert_eq!(engine.nssaa_event(pair.amf, stray), Err(Error::Unexpected));
    engine.release(pair.amf).unwrap();
    assert_eq!(engine.table().slices().in_use(), 0);
    assert_eq!(engine.nssaa_refusals().unexpected, 1, "still counted");
    assert_eq!(engine.nssaa_status(pair.amf, A), Err(Error::Handle));
    // The next session in the same place knows nothing of it.
    let next = engine.establish(Role::Amf).unwrap();
    assert_eq!(engine.nssaa_status(next, A), Err(Error::OutOfOrder));
}

#[cfg(target_os = "linux")]
#[test]
fn results_outlive_their_process() {
    use naslane::engine::Config;
    use naslane::session::Folder;
    use naslane::store::KeyRing;

    let path = std::env::temp_dir().join(format!("naslane-nssaa-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let mut config = Config::for_sessions(64);
    config.smc.policy = naslane::procedure::smc::Policy::from_ids(&[2], &[2]).unwrap();
    // How often it is killed on the way, `engine::crash` shows.
    let open = || Engine::open(&config, &Folder::new(&path, KeyRing::single(1, [0x11; 32])));
    let engine = open().unwrap();
    let pair = with_success(&engine);
    drop(engine);
    let engine = open().unwrap();
    let state = engine.nssaa_state(pair.amf).unwrap();
    assert_eq!(state.statuses, [(A, Status::EapSuccess)]);
    assert_eq!(state.allowed[0].len(), 2);
    // A run that was under way is due again, and a failure is none of what a crash makes of it.
    engine
        .nssaa_event(pair.amf, Event::ReauthNotification(A))
        .unwrap();
    engine
        .nssaa_event(pair.amf, Event::Access(GPP, Reachability::Connected))
        .unwrap();
    assert!(engine.nssaa_state(pair.amf).unwrap().running.is_some());
    drop(engine);
    let engine = open().unwrap();
    let state = engine.nssaa_state(pair.amf).unwrap();
    assert_eq!(state.statuses, [(A, Status::Pending)]);
    assert_eq!((state.running, state.settled), (None, false));
    engine
        .nssaa_event(pair.amf, Event::Access(GPP, Reachability::Connected))
        .unwrap();
    let running = engine.nssaa_state(pair.amf).unwrap().running;
    assert_eq!(running, Some((A, GPP)));
    drop(engine);
    std::fs::remove_dir_all(path).unwrap();
}
