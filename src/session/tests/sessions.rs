//! Handles, slots and locks.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::handle::LAST_GENERATION;
use super::*;

#[test]
fn r24_an_unknown_or_stale_handle_is_refused_everywhere() {
    let mut table = table(2);
    let handle = table.establish(Role::Amf).unwrap();
    let stale = table.establish(Role::Amf).unwrap();
    table.release(stale).unwrap();
    let forged = [
        stale,
        Handle::new(1, 1, handle.slot()),
        Handle::new(0, 2, handle.slot()),
        Handle::new(0, 2, stale.slot()),
        Handle::new(0, 1, 2),
        Handle::new(255, LAST_GENERATION, u32::MAX),
    ];
    for bad in forged {
        assert_eq!(table.lock(bad).err(), Some(Error::Handle), "{bad:?}");
        assert_eq!(table.try_lock(bad).err(), Some(Error::Handle));
        assert_eq!(table.release(bad), Err(Error::Handle));
        assert_eq!(table.get_mut(bad).err(), Some(Error::Handle));
    }
    assert_eq!(table.len(), 1);
    assert!(table.lock(handle).is_ok());
}

#[test]
fn a_slot_is_used_again_under_another_handle_and_empty() {
    let table = table(1);
    let mut seen = HashSet::new();
    for key in 0..100 {
        let handle = secured(&table, key);
        assert!(seen.insert(handle));
        assert_eq!(table.establish(Role::Amf), Err(Error::TableFull));
        table.release(handle).unwrap();
        assert_eq!(table.release(handle), Err(Error::Handle), "released twice");
        let empty = table.establish(Role::Ue).unwrap();
        let guard = table.lock(empty).unwrap();
        assert_eq!(
            (guard.security.role(), guard.security.contexts().count()),
            (Role::Ue, 0)
        );
        drop(guard);
        table.release(empty).unwrap();
        seen.insert(empty);
    }
    assert_eq!((seen.len(), table.len(), table.capacity()), (200, 0, 1));
}

#[test]
fn a_slot_without_generations_left_is_retired() {
    let mut table = table(2);
    table.set_generation(0, LAST_GENERATION);
    let both = [0, 1].map(|_| table.establish(Role::Amf).unwrap());
    let last = both.into_iter().find(|handle| handle.slot() == 0).unwrap();
    assert_eq!(last.generation(), LAST_GENERATION);
    table.release(last).unwrap();
    assert_eq!((table.len(), table.capacity()), (1, 1));
    assert_eq!(
        table.establish(Role::Amf),
        Err(Error::TableFull),
        "never wrapped"
    );
    assert_eq!(table.lock(last).err(), Some(Error::Handle));
}

#[test]
fn quotas_are_typed_errors() {
    let table = Table::new(&TableConfig {
        procedures: 1,
        ..TableConfig::new(2)
    })
    .unwrap();
    let handles = [secured(&table, 1), secured(&table, 2)];
    assert_eq!(table.establish(Role::Amf), Err(Error::TableFull));
    let from = table.resources();
    let second = |handle, key| {
        table
            .lock(handle)
            .unwrap()
            .security
            .authenticated(identity(key, 1), from)
    };
    second(handles[0], 3).unwrap();
    assert_eq!(second(handles[1], 4), Err(Error::SideFull));
    table.release(handles[0]).unwrap();
    second(handles[1], 4).expect("the refused key was not held against it");
    for sessions in [0, (1 << 28) + 1] {
        assert_eq!(
            Table::new(&TableConfig {
                procedures: 1,
                remembered_keys: 1,
                sessions,
                worker: 0
            })
            .err(),
            Some(Error::Argument)
        );
    }
}

#[test]
fn busy_is_not_waiting() {
    let table = table(2);
    let (handle, other) = (
        table.establish(Role::Amf).unwrap(),
        table.establish(Role::Amf).unwrap(),
    );
    let held = table.lock(handle).unwrap();
    assert_eq!(table.try_lock(handle).err(), Some(Error::Busy));
    assert!(table.try_lock(other).is_ok(), "one lock for each session");
    drop(held);
    assert!(table.try_lock(handle).is_ok());
}

#[test]
fn r52_a_defect_closes_one_session_only() {
    let mut table = Table::new(&TableConfig {
        procedures: 1,
        ..TableConfig::new(2)
    })
    .unwrap();
    let (victim, other) = (secured(&table, 1), secured(&table, 2));
    let record = {
        let twin = super::table(1);
        written(&twin, secured(&twin, 1), Extent::Contexts)
    };
    let defect = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = table.lock(victim).unwrap();
        let from = guard.resources();
        guard.security.authenticated(identity(3, 1), from).unwrap();
        panic!("a defect while the session is locked");
    }));
    assert!(defect.is_err());
    assert_eq!(table.lock(victim).err(), Some(Error::Poisoned));
    assert_eq!(table.try_lock(victim).err(), Some(Error::Poisoned));
    assert_eq!(table.get_mut(victim).err(), Some(Error::Poisoned));
    assert_eq!(
        export(&table, victim, Extent::Contexts, &mut Record::new()),
        Err(Error::Poisoned)
    );
    let stale = Handle::new(0, victim.generation() + 1, victim.slot());
    assert_eq!(table.lock(stale).err(), Some(Error::Handle));
    assert!(table.lock(other).is_ok());

    table.release(victim).unwrap();
    assert_eq!(table.release(victim), Err(Error::Handle));
    assert_eq!(table.resources().side.in_use(), 0);
    assert_eq!(
        import(&table, record.as_bytes()),
        Err(Error::KeyReused),
        "its COUNTs are not to be trusted"
    );
    let again = secured(&table, 4);
    assert_eq!(again.slot(), victim.slot());
    assert!(table.lock(again).is_ok(), "the slot is whole again");
}

#[test]
fn threads_establish_and_release_without_losing_a_slot() {
    const THREADS: usize = 8;
    let table = table(64);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let table = &table;
            scope.spawn(move || {
                let mut mine = Vec::new();
                for round in 0..2000_usize {
                    match table.establish(Role::Amf) {
                        Ok(handle) => {
                            let mut guard = table.lock(handle).unwrap();
                            assert_eq!(
                                guard.security.contexts().count(),
                                0,
                                "nobody else is in it"
                            );
                            let (from, key) = (guard.resources(), (thread * 10_000 + round) as u32);
                            guard
                                .security
                                .authenticated(identity(key, 0), from)
                                .unwrap();
                            drop(guard);
                            mine.push(handle);
                        }
                        Err(error) => assert_eq!(error, Error::TableFull),
                    }
                    if round % 3 == 0 || mine.len() > 12 {
                        for handle in mine.drain(mine.len() / 2..) {
                            assert_eq!(table.lock(handle).unwrap().security.contexts().count(), 1);
                            table.release(handle).unwrap();
                            assert_eq!(table.release(handle), Err(Error::Handle));
                        }
                    }
                }
                mine.into_iter()
                    .for_each(|handle| table.release(handle).unwrap());
            });
        }
    });
    assert!(table.is_empty());
    let all: HashSet<u32> = (0..64)
        .map(|_| table.establish(Role::Amf).unwrap().slot())
        .collect();
    assert_eq!(all.len(), 64);
}
