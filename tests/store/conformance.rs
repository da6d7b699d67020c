//! What every store guarantees, checked on each implementation.

use std::time::Duration;

use naslane::store::{
    Change, Entry, Failure, Group, Key, KeyPrint, MAX_VALUE, NodeName, Outcome, Revision,
    SessionName, Store,
};

/// Names of this test alone, so that tests may share a store.
pub(super) const fn line(test: u8, n: u8) -> Key {
    let mut name = [0; 16];
    (name[0], name[15]) = (test, n);
    Key::Line(KeyPrint(name))
}

const fn record(test: u8, n: u8) -> Key {
    let mut name = [0; 16];
    (name[0], name[15]) = (test, n);
    Key::Record(SessionName(name))
}

const fn node(n: u8) -> NodeName {
    NodeName([n; 16])
}

pub(super) fn put(key: Key, expect: Revision, value: &[u8]) -> Change {
    Change {
        key,
        expect,
        value: Some(value.to_vec()),
    }
}

pub(super) fn one(store: &mut dyn Store, change: Change) -> Outcome {
    let mut outcomes = store.commit(&[Group(vec![change])]).unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

pub(super) fn done(outcome: Outcome) -> Revision {
    match outcome {
        Outcome::Done(revision) => revision,
        Outcome::Stale(_) => panic!("stale"),
    }
}

pub(super) fn read(store: &mut dyn Store, key: Key) -> Option<Entry> {
    store.read(&[key]).unwrap().remove(0)
}

/// All of it. `open` opens the same store once more, as another node or the same node later; `two`: at the same time.
pub(super) fn conforms(open: &dyn Fn() -> Box<dyn Store>, two: bool) {
    let mut store = open();
    identity_stays(&mut store, open, two);
    compare_and_swap(store.as_mut());
    groups_are_all_or_nothing(store.as_mut());
    a_revision_never_comes_back(store.as_mut());
    many_groups_in_one_call(store.as_mut());
    long_and_empty_values(store.as_mut());
    what_breaks_the_contract_is_refused(store.as_mut());
    records_in_order(store.as_mut());
    presence(store.as_mut());
    if two {
        let other = open();
        one_of_two_wins(store, other, open);
    }
}

fn identity_stays(store: &mut Box<dyn Store>, open: &dyn Fn() -> Box<dyn Store>, two: bool) {
    let identity = store.incarnation().unwrap();
    assert_eq!(store.incarnation().unwrap(), identity);
    let key = line(1, 1);
    let revision = done(one(store.as_mut(), put(key, Revision::ABSENT, b"kept")));
    if two {
        assert_eq!(open().incarnation().unwrap(), identity);
        assert_eq!(read(open().as_mut(), key).unwrap().revision, revision);
        return;
    }
    // Only one has it at a time: closed and opened again.
    *store = Box::new(Nothing);
    *store = open();
    assert_eq!(store.incarnation().unwrap(), identity);
    let entry = read(store.as_mut(), key).unwrap();
    assert_eq!((entry.revision, &entry.value[..]), (revision, &b"kept"[..]));
}

fn compare_and_swap(store: &mut dyn Store) {
    let key = line(2, 1);
    assert_eq!(read(store, key), None);
    let first = done(one(store, put(key, Revision::ABSENT, b"a")));
    assert!(first > Revision::ABSENT);
    let there = Entry {
        revision: first,
        value: b"a".to_vec(),
    };
    assert_eq!(read(store, key), Some(there.clone()));
    let stale = Outcome::Stale(vec![Some(there)]);
    assert_eq!(one(store, put(key, Revision::ABSENT, b"b")), stale);
    assert_eq!(one(store, put(key, Revision(first.0 + 1), b"b")), stale);
    let second = done(one(store, put(key, first, b"b")));
    assert!(second > first);
    // A delayed request of before.
    assert!(matches!(
        one(store, put(key, first, b"c")),
        Outcome::Stale(_)
    ));
    assert_eq!(read(store, key).unwrap().value, b"b");
    // What is not there has no revision.
    let nothing = one(store, put(line(2, 2), second, b"x"));
    assert_eq!(nothing, Outcome::Stale(vec![None]));
}

fn groups_are_all_or_nothing(store: &mut dyn Store) {
    let (a, b, c) = (line(3, 1), line(3, 2), record(3, 1));
    let all = Group(vec![
        put(a, Revision::ABSENT, b"1"),
        put(b, Revision::ABSENT, b"2"),
        put(c, Revision::ABSENT, b"3"),
    ]);
    let revision = done(store.commit(&[all]).unwrap().remove(0));
    let found = store.read(&[c, b, a]).unwrap();
    for (entry, value) in found.iter().zip([b"3", b"2", b"1"]) {
        let entry = entry.as_ref().unwrap();
        assert_eq!((entry.revision, &entry.value[..]), (revision, &value[..]));
    }
    let half = Group(vec![
        put(a, revision, b"x"),
        put(b, Revision(revision.0 + 9), b"x"),
    ]);
    let Outcome::Stale(there) = store.commit(&[half]).unwrap().remove(0) else {
        panic!("half a group was done");
    };
    assert_eq!(there.len(), 2);
    assert_eq!(there[1].as_ref().unwrap().value, b"2");
    assert_eq!(read(store, a).unwrap().value, b"1");
}

fn a_revision_never_comes_back(store: &mut dyn Store) {
    let key = line(4, 1);
    let first = done(one(store, put(key, Revision::ABSENT, b"a")));
    let remove = Change {
        key,
        expect: first,
        value: None,
    };
    done(one(store, remove.clone()));
    assert_eq!(read(store, key), None);
    assert_eq!(one(store, remove), Outcome::Stale(vec![None]));
    let again = done(one(store, put(key, Revision::ABSENT, b"a")));
    assert!(again > first);
    assert!(matches!(
        one(store, put(key, first, b"b")),
        Outcome::Stale(_)
    ));
}

fn many_groups_in_one_call(store: &mut dyn Store) {
    let keys: Vec<Key> = (0..=255).map(|n| line(5, n)).collect();
    done(one(store, put(keys[7], Revision::ABSENT, b"before")));
    let groups: Vec<Group> = keys
        .iter()
        .map(|key| Group(vec![put(*key, Revision::ABSENT, b"now")]))
        .collect();
    let outcomes = store.commit(&groups).unwrap();
    assert_eq!(outcomes.len(), keys.len());
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(matches!(outcome, Outcome::Stale(_)), n == 7, "group {n}");
    }
    let found = store.read(&keys).unwrap();
    for (n, entry) in found.iter().enumerate() {
        let expected = if n == 7 { &b"before"[..] } else { b"now" };
        assert_eq!(entry.as_ref().unwrap().value, expected);
        if let Outcome::Done(revision) = outcomes[n] {
            assert_eq!(entry.as_ref().unwrap().revision, revision);
        }
    }
    assert_eq!(store.commit(&[]).unwrap(), []);
    assert_eq!(store.read(&[]).unwrap(), []);
}

fn long_and_empty_values(store: &mut dyn Store) {
    let long: Vec<u8> = (0..MAX_VALUE).map(|i| (i * 7) as u8).collect();
    for (n, value) in [&long[..], b"", b"\0\xff/"].into_iter().enumerate() {
        let key = record(6, n as u8);
        done(one(store, put(key, Revision::ABSENT, value)));
        assert_eq!(read(store, key).unwrap().value, value);
    }
}

fn what_breaks_the_contract_is_refused(store: &mut dyn Store) {
    let key = line(7, 1);
    let fine = || put(key, Revision::ABSENT, b"x");
    let remove_nothing = Change {
        value: None,
        ..fine()
    };
    let many = (0..=Group::MOST as u8).map(|n| put(line(7, n), Revision::ABSENT, b""));
    let long = put(key, Revision::ABSENT, &[0; MAX_VALUE + 1]);
    for groups in [
        vec![Group(vec![])],
        vec![Group(vec![fine(), fine()])],
        vec![Group(vec![fine()]), Group(vec![fine()])],
        vec![Group(vec![remove_nothing])],
        vec![Group(many.collect())],
        vec![Group(vec![fine()]), Group(vec![long])],
    ] {
        assert_eq!(store.commit(&groups), Err(Failure::Argument));
        assert_eq!(read(store, key), None);
    }
}

fn records_in_order(store: &mut dyn Store) {
    let name = |n: u8| SessionName([0xF8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n]);
    for n in [9, 3, 200, 0x7F] {
        let key = Key::Record(name(n));
        done(one(store, put(key, Revision::ABSENT, &[n])));
    }
    // A line is no record.
    let same = KeyPrint(name(4).0);
    done(one(store, put(Key::Line(same), Revision::ABSENT, b"line")));
    let mut found = Vec::new();
    let mut after = Some(name(0));
    loop {
        let page = store.records(after, 2).unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        found.extend(
            page.into_iter()
                .map(|(name, entry)| (name.0[15], entry.value)),
        );
    }
    let expected: Vec<(u8, Vec<u8>)> = [3, 9, 0x7F, 200].map(|n| (n, vec![n])).into();
    assert_eq!(found, expected);
    assert_eq!(store.records(None, 0).unwrap(), []);
    assert!(!store.records(None, 1000).unwrap().is_empty());
}

fn presence(store: &mut dyn Store) {
    let (stays, goes, never) = (node(1), node(2), node(3));
    store.hold(stays, Duration::from_secs(30)).unwrap();
    store.hold(goes, Duration::from_secs(1)).unwrap();
    assert!(store.present(stays).unwrap() && store.present(goes).unwrap());
    assert!(!store.present(never).unwrap());
    // Held again, it stays present; not held, it goes some time.
    store.hold(goes, Duration::from_secs(1)).unwrap();
    assert!(store.present(goes).unwrap());
    while store.present(goes).unwrap() {
        std::thread::sleep(Duration::from_millis(50));
    }
    // It may come back.
    store.hold(goes, Duration::from_secs(30)).unwrap();
    assert!(store.present(goes).unwrap());
    store.leave(goes).unwrap();
    store.leave(never).unwrap();
    assert!(!store.present(goes).unwrap() && store.present(stays).unwrap());
}

/// Many threads add one to the same entry, each its own number of times: no increment is lost, and each revision is
/// handed out once.
fn one_of_two_wins(
    first: Box<dyn Store>,
    second: Box<dyn Store>,
    open: &dyn Fn() -> Box<dyn Store>,
) {
    const EACH: u32 = 50;
    let key = line(9, 1);
    let add = |mut store: Box<dyn Store>| {
        let mut own = Vec::new();
        while own.len() < EACH as usize {
            let entry = read(store.as_mut(), key);
            let count = entry.as_ref().map_or(0, |entry| {
                u32::from_be_bytes(entry.value[..].try_into().unwrap())
            });
            let expect = entry.map_or(Revision::ABSENT, |entry| entry.revision);
            let change = put(key, expect, &(count + 1).to_be_bytes());
            if let Outcome::Done(revision) = one(store.as_mut(), change) {
                own.push((count, revision));
            }
        }
        own
    };
    let mut all = std::thread::scope(|scope| {
        let threads = [first, second].map(|store| scope.spawn(move || add(store)));
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    all.sort_unstable();
    for (n, pair) in all.windows(2).enumerate() {
        assert_eq!(pair[0].0 as usize, n);
        assert!(pair[0].1 < pair[1].1, "later changes have higher revisions");
    }
    let last = read(open().as_mut(), key).unwrap();
    assert_eq!(last.value, (2 * EACH).to_be_bytes());
}

/// Stands where a store was closed.
struct Nothing;

impl Store for Nothing {
    fn incarnation(&mut self) -> naslane::store::Result<naslane::store::Incarnation> {
        Err(Failure::Unavailable)
    }
    fn read(&mut self, _: &[Key]) -> naslane::store::Result<Vec<Option<Entry>>> {
        Err(Failure::Unavailable)
    }
    fn commit(&mut self, _: &[Group]) -> naslane::store::Result<Vec<Outcome>> {
        Err(Failure::Unavailable)
    }
    fn records(
        &mut self,
        _: Option<SessionName>,
        _: usize,
    ) -> naslane::store::Result<Vec<(SessionName, Entry)>> {
        Err(Failure::Unavailable)
    }
    fn hold(&mut self, _: NodeName, _: Duration) -> naslane::store::Result<()> {
        Err(Failure::Unavailable)
    }
    fn leave(&mut self, _: NodeName) -> naslane::store::Result<()> {
        Err(Failure::Unavailable)
    }
    fn present(&mut self, _: NodeName) -> naslane::store::Result<bool> {
        Err(Failure::Unavailable)
    }
}
