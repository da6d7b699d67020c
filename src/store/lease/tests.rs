//! Single steps of a tenure. Schedules are in `tests/store/model`.

use super::*;

const NODE: NodeName = NodeName([1; 16]);
const OTHER: NodeName = NodeName([2; 16]);

fn terms() -> Terms {
    Terms {
        print: KeyPrint([7; 16]),
        session: SessionName([8; 16]),
        node: NODE,
        incarnation: Incarnation([9; 16]),
        uplink: Uplink::AfterRekey,
    }
}

fn line(owner: NodeName, epoch: u64) -> Line {
    Line {
        epoch,
        owner,
        held: true,
        lagging: false,
        watermark: [64, 32],
        sent: [40, 0],
        floor: [5, 0],
        incarnation: Incarnation([9; 16]),
        session: SessionName([8; 16]),
    }
}

fn entry(revision: u64, line: &Line) -> Option<Entry> {
    Some(Entry {
        revision: Revision(revision),
        value: line.to_bytes().to_vec(),
    })
}

fn found(revision: u64, line: &Line, owner_present: bool) -> Event {
    Event::Found {
        entry: entry(revision, line),
        owner_present,
    }
}

fn done(revision: u64) -> Event {
    Event::Answered(Outcome::Done(Revision(revision)))
}

fn stale(revision: u64, line: &Line) -> Event {
    Event::Answered(Outcome::Stale(vec![entry(revision, line)]))
}

fn asked(next: u32, wanted: bool) -> Event {
    Event::Asked {
        counts: at(next),
        wanted: [wanted, false],
    }
}

fn at(next: u32) -> Counts {
    Counts {
        next: [next, 0],
        floor: [next / 2, 0],
    }
}

fn committed(step: &Step) -> Line {
    match step.request {
        Some(Request::Commit { line, .. }) => line,
        ref other => panic!("no commit: {other:?}"),
    }
}

fn fresh() -> Tenure {
    let (mut tenure, step) = Tenure::fresh(terms(), true);
    assert_eq!(step.begin, Some((Counts::default(), [LEASE; 2])));
    assert_eq!(step.uplink, Some(true));
    let Some(Request::Commit { expect, line }) = step.request else {
        panic!("a fresh key is written down");
    };
    assert_eq!((expect, line.watermark), (Revision::ABSENT, [LEASE; 2]));
    let step = tenure.on(done(1));
    assert_eq!((step.ceiling, step.request), (Some([LEASE; 2]), None));
    tenure
}

#[test]
fn the_ceiling_rises_with_the_acknowledgement_and_not_before() {
    let mut tenure = fresh();
    assert_eq!(tenure.on(asked(15, true)), Step::default(), "17 are left");
    let step = tenure.on(asked(16, true));
    assert_eq!((committed(&step).watermark, step.ceiling), ([64, 32], None));
    assert_eq!(
        tenure.on(asked(30, true)),
        Step::default(),
        "one request at a time"
    );
    assert_eq!(tenure.on(done(2)).ceiling, Some([64, 32]));
}

#[test]
fn one_commit_in_32_messages() {
    let (mut tenure, mut commits, mut ceiling) = (fresh(), 0, LEASE);
    for next in 1..=32_000 {
        if ceiling - next != HALF {
            continue;
        }
        let step = tenure.on(asked(next, true));
        let line = committed(&step);
        commits += 1;
        ceiling = tenure.on(done(commits + 1)).ceiling.unwrap()[0];
        assert_eq!(ceiling, line.watermark[0]);
    }
    assert_eq!(commits, 1000);
}

#[test]
fn a_taker_begins_at_the_watermark_and_the_old_owner_is_fenced() {
    let (mut taker, step) = Tenure::claim(terms(), Claim::Store, [true, false], true);
    assert_eq!(step.request, Some(Request::Read));
    let step = taker.on(found(5, &line(OTHER, 3), false));
    let taken = committed(&step);
    assert!(taken.held && taken.lagging && taken.epoch == 4 && taken.owner == NODE);
    assert_eq!(
        (taken.watermark, step.begin),
        ([96, 32], None),
        "the other access is lazy"
    );
    let (counts, ceiling) = taker.on(done(6)).begin.unwrap();
    assert_eq!(
        (counts.next, counts.floor, ceiling),
        ([64, 32], [5, 0], [96, 32])
    );
    // This node's own writes become stale in the same way.
    let step = taker.on(asked(96, true));
    assert!(step.request.is_some());
    let step = taker.on(stale(7, &line(OTHER, 5)));
    assert!(step.halt && step.end == Some(End::Fenced) && step.ceiling.is_none());
    assert_eq!(taker.on(asked(96, true)), Step::default());
}

#[test]
fn the_floors_of_a_lost_owner_lag_until_the_key_is_replaced() {
    for (uplink, opens) in [(Uplink::AfterRekey, None), (Uplink::AboveFloor, Some(true))] {
        let terms = Terms { uplink, ..terms() };
        let (mut taker, _) = Tenure::claim(terms, Claim::Store, [true, false], true);
        taker.on(found(5, &line(OTHER, 3), false));
        assert_eq!(taker.on(done(6)).uplink, opens);
        assert!(taker.lagging());
        // Given back in order: the flag stays.
        assert!(taker.on(Event::Stop).halt);
        let step = taker.on(Event::Halted(at(70)));
        let line = committed(&step);
        assert!(!line.held && line.lagging && line.watermark == [70, 32]);
    }
}

#[test]
fn what_is_unused_goes_back_after_the_hot_path_has_ended() {
    let mut tenure = fresh();
    let step = tenure.on(Event::Stop);
    assert!(step.halt && step.request.is_none() && step.uplink == Some(false));
    let step = tenure.on(Event::Halted(at(10)));
    let line = committed(&step);
    assert!(!line.held);
    assert_eq!(
        (line.watermark, line.sent, line.floor),
        ([10, 0], [10, 0], [5, 0])
    );
    // A renewal that was delayed wins: it is read, and the rest goes back again.
    let mut raised = line;
    (raised.held, raised.watermark) = (true, [64, 32]);
    let step = tenure.on(stale(9, &raised));
    assert_eq!(committed(&step).watermark, [10, 0]);
    assert_eq!(tenure.on(done(10)).end, Some(End::Returned));
    // The next owner passes nothing over, and its floors are exact.
    let (mut next, _) = Tenure::claim(terms(), Claim::Store, [true, false], true);
    let step = next.on(found(10, &line, true));
    assert!(!committed(&step).lagging);
    let step = next.on(done(11));
    assert_eq!(step.begin.unwrap().0.next, [10, 0]);
    assert_eq!(step.uplink, Some(true));
}

#[test]
fn a_hot_path_that_knows_less_gives_nothing_back_that_was_used() {
    let (mut taker, _) = Tenure::claim(terms(), Claim::Store, [false; 2], true);
    taker.on(found(5, &line(OTHER, 3), false));
    taker.on(done(6));
    taker.on(Event::Stop);
    let step = taker.on(Event::Halted(Counts::default()));
    let line = committed(&step);
    assert_eq!((line.watermark, line.floor), ([64, 32], [5, 0]));
}

#[test]
fn an_unknown_outcome_is_read_before_anything_is_written() {
    let mut tenure = fresh();
    let line = committed(&tenure.on(asked(16, true)));
    assert_eq!(tenure.on(Event::Unknown), Step::default());
    assert_eq!(tenure.on(asked(20, true)).request, Some(Request::Read));
    assert_eq!(tenure.on(found(2, &line, true)).ceiling, Some([64, 32]));
    // The other way: it has not happened; it is written again under the same revision.
    let before = line;
    tenure.on(asked(48, true));
    tenure.on(Event::Unknown);
    tenure.on(Event::Again);
    let step = tenure.on(found(2, &before, true));
    assert_eq!(step.ceiling, Some([64, 32]));
    let Some(Request::Commit { expect, line }) = step.request else {
        panic!("written again");
    };
    assert_eq!((expect, line.watermark), (Revision(2), [96, 32]));
}

#[test]
fn a_present_owner_is_left_alone() {
    let (mut taker, _) = Tenure::claim(terms(), Claim::Store, [true, false], true);
    assert_eq!(
        taker.on(found(5, &line(OTHER, 3), true)).end,
        Some(End::Owned)
    );
}

#[test]
fn what_nobody_can_vouch_for_has_to_be_replaced() {
    let claim = || Tenure::claim(terms(), Claim::Store, [true, false], true).0;
    let nothing = Event::Found {
        entry: None,
        owner_present: false,
    };
    assert_eq!(claim().on(nothing).end, Some(End::Rekey(Lost::Line)));
    let mut foreign = line(OTHER, 3);
    foreign.incarnation = Incarnation([1; 16]);
    let step = claim().on(found(5, &foreign, false));
    assert_eq!(step.end, Some(End::Rekey(Lost::Incarnation)));
    let garbage = Event::Found {
        entry: Some(Entry {
            revision: Revision(5),
            value: vec![0; Line::LEN],
        }),
        owner_present: false,
    };
    assert_eq!(claim().on(garbage).end, Some(End::Rekey(Lost::Corrupt)));
    let mut far = line(OTHER, 3);
    far.watermark = [240, 0];
    let step = claim().on(found(5, &far, false));
    assert_eq!(step.end, Some(End::Rekey(Lost::Jump)));
    // A store that forgot what it had acknowledged is noticed by the owner.
    let mut tenure = fresh();
    tenure.on(asked(16, true));
    tenure.on(done(2));
    tenure.on(asked(48, true));
    let mut old = line(NODE, 1);
    old.watermark = [32, 32];
    old.sent = [0, 0];
    let step = tenure.on(stale(1, &old));
    assert_eq!(step.end, Some(End::Rekey(Lost::Acknowledged)));
    assert!(step.halt);
    assert_eq!(
        fresh().on(Event::StoreReplaced).end,
        Some(End::Rekey(Lost::Incarnation))
    );
}

#[test]
fn a_key_that_the_store_knows_does_not_begin_again() {
    for epoch in [1, 3] {
        let (mut tenure, _) = Tenure::fresh(terms(), true);
        let mut known = line(OTHER, epoch);
        known.session = SessionName([3; 16]);
        let step = tenure.on(stale(4, &known));
        assert!(step.halt && step.end == Some(End::KeyReused));
    }
}

#[test]
fn takers_without_messages_share_what_a_ue_recovers() {
    // Nothing gets through for many owners: the leases become smaller, then the key is replaced.
    let (mut line, mut takers) = (line(OTHER, 1), 0);
    let end = loop {
        let (mut taker, _) = Tenure::claim(terms(), Claim::Store, [true, false], true);
        let step = taker.on(found(5, &line, false));
        if let Some(end) = step.end {
            break end;
        }
        takers += 1;
        line = committed(&step);
        line.owner = OTHER;
        assert!(line.watermark[0] <= line.sent[0] + JUMP);
    };
    assert_eq!((end, takers), (End::Rekey(Lost::Jump), 6));
    // With one message through there is room again.
    let (mut taker, _) = Tenure::claim(terms(), Claim::Store, [false; 2], true);
    line.watermark[0] = line.sent[0] + JUMP - 1;
    taker.on(found(5, &line, false));
    taker.on(done(6));
    let next = line.watermark[0];
    let step = taker.on(asked(next, true));
    assert_eq!(committed(&step).watermark[0], next + 1, "one is left");
    taker.on(done(7));
    assert_eq!(
        taker.on(asked(next + 1, true)).request,
        None,
        "not gone out for certain"
    );
    let step = taker.on(asked(next + 1, true));
    assert_eq!(
        (committed(&step).sent[0], committed(&step).watermark[0]),
        (next + 1, next + 1 + LEASE)
    );
}

#[test]
fn the_successor_on_the_same_host_passes_nothing_over() {
    let journal = Claim::Journal {
        owner: OTHER,
        epoch: 3,
        counts: at(50),
    };
    let (mut taker, _) = Tenure::claim(terms(), journal, [false; 2], true);
    let step = taker.on(found(5, &line(OTHER, 3), true));
    assert!(!committed(&step).lagging);
    let step = taker.on(done(6));
    assert_eq!(
        step.begin.unwrap().0,
        Counts {
            next: [50, 0],
            floor: [25, 0]
        }
    );
    // Somebody took it since: the journal is worth nothing.
    let (mut taker, _) = Tenure::claim(terms(), journal, [false; 2], true);
    let step = taker.on(found(5, &line(OTHER, 4), false));
    assert!(committed(&step).lagging);
    assert_eq!(taker.on(done(6)).begin.unwrap().0.next, [64, 32]);
    // A journal that is ahead of the store: the store forgot something.
    let (mut taker, _) = Tenure::claim(terms(), journal, [false; 2], true);
    let mut behind = line(OTHER, 3);
    (behind.watermark, behind.sent) = ([49, 0], [0, 0]);
    let step = taker.on(found(5, &behind, false));
    assert_eq!(step.end, Some(End::Rekey(Lost::Acknowledged)));
}

#[test]
fn an_owner_that_was_absent_writes_before_it_accepts_again() {
    let mut tenure = fresh();
    tenure.on(asked(16, true));
    assert_eq!(tenure.on(Event::Absent).uplink, Some(false));
    assert_eq!(tenure.on(Event::Present).uplink, None);
    // This commit was sent before: a taker may have looked in between.
    assert_eq!(tenure.on(done(2)).uplink, None);
    let step = tenure.on(asked(17, false));
    assert!(step.request.is_some());
    assert_eq!(tenure.on(done(3)).uplink, Some(true));
}
