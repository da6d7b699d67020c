//! A session as a record.

use super::*;
use crate::kdf::{KGnb, Nh, NhChain};

/// COUNTs where bits carry, and the two ends.
fn corner_counts() -> Vec<u32> {
    let mut all = vec![0, 1, LIMIT - 1, LIMIT];
    (1..24).for_each(|k| all.extend([(1 << k) - 1, 1 << k]));
    all
}

#[test]
fn r12_import_of_export_is_the_session_at_every_corner() {
    let corners = corner_counts();
    for (i, &count) in corners.iter().enumerate() {
        let other = corners[(i * 7 + 3) % corners.len()];
        let seen = if count == 0 {
            0
        } else {
            1 | u64::from(count > 63) << 63
        };
        let pairs = [
            counts(count, other, u64::from(other > 0)),
            counts(other, count, seen),
        ];
        let (source, target) = (table(1), table(1));
        let old = at_counts(&source, 1, pairs);
        let record = written(&source, old, Extent::Contexts);
        let new = import(&target, record.as_bytes()).unwrap();
        assert_same(
            &source.lock(old).unwrap().security,
            &target.lock(new).unwrap().security,
        );
        assert_eq!(
            written(&target, new, Extent::Contexts).as_bytes(),
            record.as_bytes(),
            "{count}"
        );
    }
}

#[test]
fn r12_nothing_accepted_is_not_count_0_accepted() {
    let records = [counts(0, 0, 0), counts(0, 1, 1)].map(|pair| {
        let table = table(1);
        let handle = at_counts(&table, 1, [pair, Pair::start()]);
        written(&table, handle, Extent::Contexts)
    });
    assert_ne!(records[0].as_bytes(), records[1].as_bytes());
    for (record, lowest) in records.iter().zip([0, 1]) {
        let table = table(1);
        let handle = import(&table, record.as_bytes()).unwrap();
        let guard = table.lock(handle).unwrap();
        assert_eq!(
            guard
                .security
                .pair(Place::Current, ACCESS)
                .unwrap()
                .receive
                .next_min(),
            lowest
        );
    }
}

/// A session with nearly everything that a record can hold.
fn full_house(table: &Table, third: Place) -> Handle {
    let handle = table.establish(Role::Amf).unwrap();
    let mut guard = table.lock(handle).unwrap();
    let side = guard.resources().side;
    let ue = &mut guard.security;
    let mut put = |place, identity, algorithms, counts: Option<u32>| {
        let counts = counts.map(|n| [super::counts(n, n + 1, 1), super::counts(n + 2, 0, 0)]);
        ue.resume_context(
            StoredContext {
                place,
                identity,
                algorithms,
                counts,
            },
            side,
        )
        .unwrap();
    };
    put(Place::Current, identity(1, 0), Some(AES), Some(10));
    put(Place::NonCurrent, identity(2, 1), None, Some(0));
    match third {
        Place::Candidate => put(Place::Candidate, identity(3, 8 + 2), Some(ZUC), Some(0)),
        _ => put(Place::Previous, identity(1, 0), Some(ZUC), None),
    }
    ue.resume_nh(NhChain::resume(Nh::new([9; 32]), 5).unwrap());
    let on_previous = third == Place::Previous;
    let last = StoredAccess {
        secured: true,
        on_previous,
        as_count: None,
        ..StoredAccess::default()
    };
    let first = StoredAccess {
        secured: true,
        initial_accepted: true,
        as_count: Some(0),
        ..StoredAccess::default()
    };
    ue.resume_access(AccessType::ThreeGpp, first).unwrap();
    ue.resume_access(AccessType::NonThreeGpp, last).unwrap();
    handle
}

#[test]
fn every_part_comes_back() {
    for third in [Place::Candidate, Place::Previous] {
        let (source, target) = (table(1), table(1));
        let old = full_house(&source, third);
        let record = written(&source, old, Extent::Connections);
        let new = import(&target, record.as_bytes()).unwrap();
        assert_same(
            &source.lock(old).unwrap().security,
            &target.lock(new).unwrap().security,
        );
        assert_eq!(
            written(&target, new, Extent::Connections).as_bytes(),
            record.as_bytes()
        );
    }
}

#[test]
fn a_k_gnb_chain_comes_back_as_one() {
    let (source, target) = (table(1), table(1));
    let old = secured(&source, 1);
    source
        .lock(old)
        .unwrap()
        .security
        .resume_nh(NhChain::start(KGnb::new([0; 32])));
    let record = written(&source, old, Extent::Contexts);
    let new = import(&target, record.as_bytes()).unwrap();
    let (mut a, mut b) = (source.lock(old).unwrap(), target.lock(new).unwrap());
    for guard in [&mut a, &mut b] {
        guard
            .security
            .resume_access(ACCESS, StoredAccess::default())
            .unwrap();
    }
    assert_same(&a.security, &b.security);
}

#[test]
fn connections_stay_at_home_unless_asked_for() {
    for (third, travels) in [(Place::Candidate, true), (Place::Previous, false)] {
        let (source, target) = (table(1), table(1));
        let record = written(&source, full_house(&source, third), Extent::Contexts);
        let new = import(&target, record.as_bytes()).unwrap();
        let guard = target.lock(new).unwrap();
        for access in AccessType::ALL {
            assert_eq!(guard.security.access_state(access), StoredAccess::default());
        }
        // K_AMF' goes to the AMF that commands it; what only a connection used does not.
        assert_eq!(guard.security.context(third).is_some(), travels);
        drop(guard);
        target.release(new).unwrap();
    }
}

#[test]
fn a_native_context_beside_a_mapped_one_is_transferred() {
    let (source, target) = (table(1), table(1));
    let old = source.establish(Role::Amf).unwrap();
    {
        let mut guard = source.lock(old).unwrap();
        let side = guard.resources().side;
        for (place, ksi) in [(Place::Current, 8 + 1), (Place::Previous, 0)] {
            let counts = Some([counts(3, 3, 1), Pair::start()]);
            let stored = StoredContext {
                place,
                identity: identity(ksi.into(), ksi),
                algorithms: Some(AES),
                counts,
            };
            guard.security.resume_context(stored, side).unwrap();
        }
        let state = StoredAccess {
            secured: true,
            on_previous: true,
            ..StoredAccess::default()
        };
        guard
            .security
            .resume_access(AccessType::NonThreeGpp, state)
            .unwrap();
    }
    let new = import(&target, written(&source, old, Extent::Contexts).as_bytes()).unwrap();
    // The same as when the connection had been released at the source.
    let mut guard = source.lock(old).unwrap();
    let side = guard.resources().side;
    guard
        .security
        .connection_released(AccessType::NonThreeGpp, side);
    assert_same(&guard.security, &target.lock(new).unwrap().security);
    assert!(guard.security.context(Place::NonCurrent).is_some());
}

#[test]
fn r42_no_export_during_a_procedure_and_no_sending_after_it() {
    let table = table(1);
    let handle = secured(&table, 1);
    let mut record = Record::new();
    for kind in [
        KeyChange::SecurityMode,
        KeyChange::N2,
        KeyChange::InterAmfHandover,
    ] {
        table
            .lock(handle)
            .unwrap()
            .security
            .begin_key_change(kind)
            .unwrap();
        assert_eq!(
            export(&table, handle, Extent::Contexts, &mut record),
            Err(Error::Conflict)
        );
        assert!(record.as_bytes().is_empty());
        table
            .lock(handle)
            .unwrap()
            .security
            .end_key_change(kind)
            .unwrap();
    }
    assert_eq!(
        resume_after_failed_transfer(&table, handle),
        Err(Error::Unexpected)
    );
    export(&table, handle, Extent::Contexts, &mut record).unwrap();
    let protect = |access| {
        let plain = [0x7E, 0, 0x54]; // CONFIGURATION UPDATE COMMAND
        let mut guard = table.lock(handle).unwrap();
        let form = crate::security::protect::Form::Auto;
        let numbered = crate::security::protect::number(
            &mut guard.security,
            access,
            (&plain, &form),
            &Default::default(),
        );
        numbered.map(|numbered| numbered.count())
    };
    assert_eq!(protect(ACCESS), Err(Error::Conflict));
    let side = table.resources().side;
    table
        .lock(handle)
        .unwrap()
        .security
        .deregister(Deregistration::Keep, side);
    assert_eq!(
        protect(ACCESS),
        Err(Error::Conflict),
        "deregistration does not wake it"
    );
    resume_after_failed_transfer(&table, handle).unwrap();
    table
        .lock(handle)
        .unwrap()
        .security
        .resume_access(
            ACCESS,
            StoredAccess {
                secured: true,
                ..Default::default()
            },
        )
        .unwrap();
    assert_eq!(protect(ACCESS), Ok(0));
    assert_eq!(protect(ACCESS), Ok(1));
}

#[test]
fn nothing_to_write_down() {
    let table = table(1);
    let handle = table.establish(Role::Amf).unwrap();
    assert_eq!(
        export(&table, handle, Extent::Contexts, &mut Record::new()),
        Err(Error::NoContext)
    );
    table
        .lock(handle)
        .unwrap()
        .security
        .begin_key_change(KeyChange::N2)
        .expect("not begun by the refused export");
}

#[test]
fn r13_an_import_at_a_lower_count_is_refused_after_release_too() {
    let table = table(4);
    let first = at_counts(&table, 1, [counts(5, 5, 1), Pair::start()]);
    let early = written(&table, first, Extent::Contexts);
    assert_eq!(
        import(&table, early.as_bytes()),
        Err(Error::KeyReused),
        "the source is still here"
    );
    table.release(first).unwrap();
    let second =
        import(&table, early.as_bytes()).expect("the same COUNTs: the transfer came back unused");
    assert_eq!(
        import(&table, early.as_bytes()),
        Err(Error::KeyReused),
        "taken up once"
    );
    {
        let mut guard = table.lock(second).unwrap();
        let state = StoredAccess {
            secured: true,
            ..StoredAccess::default()
        };
        guard.security.resume_access(ACCESS, state).unwrap();
        let form = crate::security::protect::Form::Auto;
        let message = (&[0x7E, 0, 0x54][..], &form);
        let numbered = crate::security::protect::number(
            &mut guard.security,
            ACCESS,
            message,
            &Default::default(),
        );
        assert_eq!(numbered.unwrap().count(), 5);
    }
    let late = written(&table, second, Extent::Contexts);
    table.release(second).unwrap();
    assert_eq!(
        import(&table, early.as_bytes()),
        Err(Error::KeyReused),
        "COUNT 5 was sent"
    );
    assert_eq!(
        table
            .resources()
            .keys
            .admit(Role::Amf, &identity(1, 0).k_amf),
        Err(Error::KeyReused)
    );
    import(&table, late.as_bytes()).unwrap();
    assert_eq!(table.len(), 1);
}

#[test]
fn a_refused_import_changes_nothing() {
    let (source, target) = (
        table(4),
        Table::new(&TableConfig {
            procedures: 1,
            ..TableConfig::new(2)
        })
        .unwrap(),
    );
    let house = written(
        &source,
        full_house(&source, Place::Candidate),
        Extent::Connections,
    );
    let holder = secured(&target, 3); // the key of the candidate in the record
    for _ in 0..3 {
        assert_eq!(import(&target, house.as_bytes()), Err(Error::KeyReused));
        assert_eq!((target.len(), target.resources().side.in_use()), (1, 0));
    }
    target.release(holder).unwrap();
    let keys = target.resources().keys;
    for key in [1, 2] {
        keys.admit(Role::Amf, &identity(key, 0).k_amf)
            .expect("the refused imports remembered nothing");
        keys.withdraw(Role::Amf, &identity(key, 0).k_amf);
    }
    let crowded = Table::new(&TableConfig {
        procedures: 0,
        ..TableConfig::new(1)
    })
    .unwrap();
    assert_eq!(import(&crowded, house.as_bytes()), Err(Error::SideFull));
    assert!(crowded.is_empty());
    crowded.establish(Role::Ue).unwrap();
    assert_eq!(import(&crowded, house.as_bytes()), Err(Error::TableFull));
}

#[test]
fn every_bit_and_every_length_counts() {
    let (source, target) = (table(1), table(2));
    let record = written(
        &source,
        full_house(&source, Place::Candidate),
        Extent::Connections,
    );
    let good = record.as_bytes();
    assert!(good.len() <= MAX_LEN);
    for bit in 0..good.len() * 8 {
        let mut bad = good.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(import(&target, &bad), Err(Error::Record), "bit {bit}");
    }
    for len in 0..good.len() {
        assert_eq!(
            import(&target, &good[..len]),
            Err(Error::Record),
            "{len} octets"
        );
        assert_eq!(import(&target, &good[len + 1..]), Err(Error::Record));
    }
    assert_eq!(import(&target, &[good, &[0]].concat()), Err(Error::Record));
    assert!(target.is_empty());
    import(&target, good).unwrap();
}

#[test]
fn r52_debug_shows_the_length_only() {
    let table = table(1);
    let record = written(&table, secured(&table, 1), Extent::Contexts);
    assert_eq!(
        format!("{record:?}"),
        format!("Record({} octets)", record.as_bytes().len())
    );
    let mut record = record;
    record.wipe();
    assert!(record.as_bytes().is_empty());
}

fn any_pair() -> impl Strategy<Value = [u32; 2]> {
    let count = prop_oneof![0..=LIMIT, Just(0), Just(LIMIT)];
    [count.clone(), count]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_session_comes_back(
        numbers in [any_pair(), any_pair()],
        seen in any::<u64>(),
        (nea, nia) in (0_u8..4, 1_u8..4),
        capability in proptest::collection::vec(any::<u8>(), 2..=8),
        (ue_half, emergency) in any::<(bool, bool)>(),
        as_count in proptest::option::of(0..LIMIT),
    ) {
        let (source, target) = (table(1), table(1));
        let old = source.establish(if ue_half { Role::Ue } else { Role::Amf }).unwrap();
        let pairs = numbers.map(|[send, next_min]| {
            let fits = if next_min < 64 { seen & ((1 << next_min) - 1) } else { seen };
            counts(send, next_min, fits)
        });
        {
            let mut guard = source.lock(old).unwrap();
            let side = guard.resources().side;
            let mut identity = identity(7, 3);
            identity.ue_sec_cap = UeSecurityCapability::from_value(&capability).unwrap();
            identity.emergency = emergency;
            let algorithms = Some(Algorithms { nea: Nea::from_id(nea).unwrap(), nia: Nia::from_id(nia).unwrap() });
            let stored = StoredContext { place: Place::Current, identity, algorithms, counts: Some(pairs) };
            guard.security.resume_context(stored, side).unwrap();
            let state = StoredAccess { secured: true, as_count, ..StoredAccess::default() };
            guard.security.resume_access(ACCESS, state).unwrap();
        }
        let record = written(&source, old, Extent::Connections);
        let new = import(&target, record.as_bytes()).unwrap();
        assert_same(&source.lock(old).unwrap().security, &target.lock(new).unwrap().security);
        let again = written(&target, new, Extent::Connections);
        prop_assert_eq!(again.as_bytes(), record.as_bytes());
    }

    #[test]
    fn noise_is_refused(noise in proptest::collection::vec(any::<u8>(), 0..MAX_LEN + 8)) {
        let table = table(1);
        prop_assert_eq!(import(&table, &noise), Err(Error::Record));
        prop_assert!(table.is_empty());
    }
}
