//! What the key memory learns from the life of a session.

use super::*;

fn admit(table: &Table, key: u32) -> Result<(), Error> {
    table
        .resources()
        .keys
        .admit(Role::Amf, &identity(key, 0).k_amf)
}

#[test]
fn r13_a_key_in_use_or_used_does_not_start_again() {
    let table = table(4);
    let first = secured(&table, 1);
    let second = table.establish(Role::Amf).unwrap();
    let from = table.resources();
    let again = |handle| {
        table
            .lock(handle)
            .unwrap()
            .security
            .authenticated(identity(1, 1), from)
    };
    assert_eq!(again(second), Err(Error::KeyReused), "in another session");
    assert_eq!(again(first), Err(Error::KeyReused), "in the same session");
    table.release(first).unwrap();
    assert_eq!(
        again(second),
        Err(Error::KeyReused),
        "after the session is gone"
    );
    assert_eq!(table.lock(second).unwrap().security.contexts().count(), 0);
}

#[test]
fn both_halves_of_a_ue_may_live_in_one_table() {
    let table = table(2);
    let from = table.resources();
    for role in [Role::Amf, Role::Ue] {
        let handle = table.establish(role).unwrap();
        table
            .lock(handle)
            .unwrap()
            .security
            .authenticated(identity(1, 0), from)
            .unwrap();
    }
}

#[test]
fn a_replaced_key_is_remembered_and_its_room_given_back() {
    let table = Table::new(&TableConfig {
        remembered_keys: 0,
        ..TableConfig::new(1)
    })
    .unwrap();
    let handle = secured(&table, 0);
    let (bytes, from) = (table.memory().keys, table.resources());
    // One session that authenticates for ever, two keys in one locking every time.
    for key in (1..20_000).step_by(2) {
        let mut guard = table.lock(handle).unwrap();
        guard
            .security
            .authenticated(identity(key, 1), from)
            .unwrap();
        guard
            .security
            .authenticated(identity(key + 1, 2), from)
            .unwrap();
        drop(guard);
        assert_eq!(admit(&table, key), Err(Error::KeyReused));
        assert_eq!(admit(&table, key + 1), Err(Error::KeyReused));
    }
    assert_eq!(table.memory().keys, bytes, "no list grew");
    assert_eq!(
        admit(&table, 0),
        Err(Error::KeyReused),
        "the current context's key is not forgotten"
    );
    assert_eq!(admit(&table, 1), Ok(()), "remembered_keys is what it says");
}

#[test]
fn new_algorithms_are_no_new_key() {
    let table = table(1);
    let handle = secured(&table, 1);
    let mut guard = table.lock(handle).unwrap();
    let from = guard.resources();
    let place = guard
        .security
        .make_candidate(Target::NewAlgorithms(ZUC), ACCESS, from)
        .unwrap();
    guard.security.taken_into_use(place, ACCESS, 1, from);
    drop(guard);
    let record = written(&table, handle, Extent::Contexts);
    table.release(handle).unwrap();
    import(&table, record.as_bytes()).expect("its COUNTs are known");
}

#[test]
fn the_owner_of_a_table_needs_no_lock_and_leaves_the_same_traces() {
    let mut table = table(1);
    let handle = table.establish(Role::Amf).unwrap();
    let mut session = table.get_mut(handle).unwrap();
    let from = session.resources();
    session
        .security
        .authenticated(identity(1, 0), from)
        .unwrap();
    drop(session);
    assert_eq!(admit(&table, 1), Err(Error::KeyReused));
    table.release(handle).unwrap();
    assert_eq!(table.get_mut(handle).err(), Some(Error::Handle));
    let fresh = table.establish(Role::Amf).unwrap();
    let mut session = table.get_mut(fresh).unwrap();
    let stored = StoredContext {
        place: Place::NonCurrent,
        identity: identity(1, 0),
        algorithms: None,
        counts: Some([Pair::start(), Pair::start()]),
    };
    let from = session.resources();
    session.security.resume_context(stored, from.side).unwrap();
    assert_eq!(
        session
            .security
            .context(Place::NonCurrent)
            .map(|c| c.ng_ksi()),
        NgKsi::native(0)
    );
}

/// Shards of one process share what they know about keys.
#[test]
fn r13_a_key_of_one_shard_does_not_start_in_another() {
    let config = TableConfig::new(4);
    let keys = std::sync::Arc::new(config.key_memory(2));
    let shards = [0, 1]
        .map(|worker| Table::with_keys(&TableConfig { worker, ..config }, keys.clone()).unwrap());
    let first = secured(&shards[0], 1);
    let second = shards[1].establish(Role::Amf).unwrap();
    let again = || {
        let mut session = shards[1].lock(second).unwrap();
        session
            .security
            .authenticated(identity(1, 1), shards[1].resources())
    };
    assert_eq!(again(), Err(Error::KeyReused), "held in the other shard");
    let record = written(&shards[0], first, Extent::Contexts);
    assert_eq!(
        import(&shards[1], record.as_bytes()).err(),
        Some(Error::KeyReused)
    );
    assert_eq!(
        shards[1].release(first),
        Err(Error::Handle),
        "not its session"
    );
    shards[0].release(first).unwrap();
    assert_eq!(again(), Err(Error::KeyReused), "was held there");
    import(&shards[1], record.as_bytes()).expect("moves to the other shard at its COUNTs");
    assert_eq!(admit(&shards[0], 1), Err(Error::KeyReused), "and back");
    secured(&shards[1], 2);
}
