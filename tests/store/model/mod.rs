//! The lease protocol under thousands of random schedules: nodes that die, come back and are cut off, requests and
//! answers that are lost, delayed and overtake each other, clocks that run apart, radio that loses messages, an attacker
//! who replays, an operator who restores a backup.
//!
//! After every step: no (key, COUNT, BEARER, DIRECTION) was used twice, nothing was accepted twice by a session that is
//! not flagged, no message jumps more than `JUMP` above the last one sent. At the end the world heals, and every UE is
//! served again. The same test with one rule left out must fail: [`Wrong`] has them all.
//!
//! `NASLANE_MODEL_CASES` (4000) schedules from `NASLANE_MODEL_SEED` (1); a failure is shrunk and printed.

mod sim;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use world::{Clocks, Fault, Op, Rules, World, Wrong};

/// Steps of a schedule, at most.
const STEPS: usize = 400;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn op() -> impl Strategy<Value = Op> {
    let n = || any::<u8>();
    prop_oneof![
        16 => (n(), n(), n(), 0..10_u8).prop_map(|(ue, node, access, fate)| Op::Downlink { ue, node, access, fate }),
        6 => (n(), n(), n()).prop_map(|(ue, node, access)| Op::Uplink { ue, node, access }),
        5 => (any::<u16>(), n()).prop_map(|(pdu, node)| Op::Replay { pdu, node }),
        10 => n().prop_map(|node| Op::Poll { node }),
        24 => n().prop_map(|flight| Op::Deliver { flight }),
        2 => n().prop_map(|flight| Op::Drop { flight }),
        2 => n().prop_map(|node| Op::Timeout { node }),
        2 => (n(), any::<bool>()).prop_map(|(node, journal)| Op::Crash { node, journal }),
        2 => (n(), any::<bool>()).prop_map(|(node, cut)| Op::Partition { node, cut }),
        4 => (1..12_u8).prop_map(|by| Op::Tick { by }),
        2 => (n(), n()).prop_map(|(ue, node)| Op::Move { ue, node }),
        1 => n().prop_map(|node| Op::Checkpoint { node }),
        1 => (0..100_u8, 1..8_u8).prop_map(|(chance, back)| Op::Backup { chance, back }),
    ]
}

/// Runs so many schedules; the fault of the first that has one, with its shortest form.
fn run(rules: Rules, cases: u32, seed: u64) -> Result<(), (Fault, Vec<Op>)> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 3000,
        ..Config::default()
    };
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &octets);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let schedules = prop::collection::vec(op(), 20..STEPS);
    let play = |schedule: &[Op]| World::new(rules).play(schedule);
    match runner.run(&schedules, |schedule| {
        play(&schedule).map_err(|fault| TestCaseError::fail(format!("{fault:?}")))
    }) {
        Ok(()) => Ok(()),
        Err(TestError::Fail(_, schedule)) => {
            let fault = play(&schedule).expect_err("the shortest schedule has the fault too");
            Err((fault, schedule))
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn holds(rules: Rules) {
    let (cases, seed) = (
        number("NASLANE_MODEL_CASES", 4000),
        number("NASLANE_MODEL_SEED", 1),
    );
    println!("{rules:?}: {cases} schedules from seed {seed}");
    if let Err((fault, schedule)) = run(rules, cases as u32, seed) {
        panic!("{fault:?} after\n{schedule:#?}\nNASLANE_MODEL_SEED={seed}");
    }
}

/// With this rule left out, the model finds this fault.
fn caught(wrong: Wrong, expected: impl Fn(&Fault) -> bool) {
    // An old owner that cannot be reached matters where its successor accepts under the same key.
    let old_owner = wrong == Wrong::AcceptsWhileAbsent;
    let rules = Rules {
        wrong: Some(wrong),
        lagging_goes_on: old_owner,
        ..Rules::default()
    };
    let seed = number("NASLANE_MODEL_SEED", 1);
    let (fault, schedule) = run(rules, 20_000, seed).expect_err("the wrong order goes unnoticed");
    println!("{wrong:?}: {fault:?} after {} steps", schedule.len());
    assert!(expected(&fault), "{wrong:?} is caught as {fault:?}");
}

const fn reuse(fault: &Fault) -> bool {
    matches!(fault, Fault::Reused { .. })
}

const fn replay(fault: &Fault) -> bool {
    matches!(fault, Fault::Replayed { .. })
}

#[test]
fn the_protocol_holds() {
    holds(Rules::default());
}

#[test]
fn the_protocol_holds_where_lagging_sessions_go_on() {
    holds(Rules {
        lagging_goes_on: true,
        ..Rules::default()
    });
}

/// Nor do replays, where a session with lagging floors accepts nothing under its old key.
#[test]
fn counts_do_not_depend_on_clocks() {
    holds(Rules {
        clocks: Clocks::Wild,
        ..Rules::default()
    });
}

/// Where sessions with floors that lag go on, an old owner that is cut off must stop in time: one whose clock is slow by
/// less than its margin does.
#[test]
fn above_floor_holds_with_a_clock_that_is_slow_within_the_margin() {
    holds(Rules {
        lagging_goes_on: true,
        clocks: Clocks::Slow,
        ..Rules::default()
    });
}

/// One whose clock stands still does not, and then both accept the same message. COUNTs are safe all the same.
#[test]
fn above_floor_depends_on_clocks_for_replays_and_for_nothing_else() {
    let flush = [Op::Deliver { flight: 0 }; 12];
    let at = |node| Op::Uplink {
        ue: 0,
        node,
        access: 0,
    };
    let polled = |node| [&[Op::Poll { node }][..], &flush].concat();
    let schedule = [
        &polled(0)[..],
        &polled(1),
        // Heard by its owner, which shows that it is one first.
        &[at(0)],
        &polled(0),
        &[at(0), Op::Tick { by: 12 }, Op::Tick { by: 12 }],
        // Another node is asked, takes it over, and hears the UE; an attacker sends that to the owner of before.
        &[at(1)],
        &flush,
        &[at(1), Op::Replay { pdu: 0, node: 0 }],
    ];
    let play = |clocks| {
        let rules = Rules {
            lagging_goes_on: true,
            clocks,
            ..Rules::default()
        };
        World::new(rules).play(&schedule.concat())
    };
    let fault = play(Clocks::Still).expect_err("two nodes accept a message");
    assert!(replay(&fault), "{fault:?}");
    for clocks in [Clocks::Near, Clocks::Slow] {
        play(clocks).expect("the owner of before has stopped");
    }
    for clocks in [Clocks::Wild, Clocks::Still] {
        holds(Rules {
            lagging_goes_on: true,
            replays_go_on: true,
            clocks,
            ..Rules::default()
        });
    }
}

/// Under the policy that is the default it does not matter either whether an owner notices that it is absent.
#[test]
fn after_rekey_needs_no_presence() {
    holds(Rules {
        wrong: Some(Wrong::AcceptsWhileAbsent),
        ..Rules::default()
    });
}

#[test]
fn caught_publish_before_store() {
    caught(Wrong::PublishFirst, reuse);
}

#[test]
fn caught_a_store_that_loses_acknowledged_writes() {
    caught(Wrong::StoreForgets, reuse);
}

#[test]
fn caught_fixed_margins_in_such_a_store() {
    for margin in [32, 64] {
        caught(Wrong::StoreForgetsWithMargin(margin), reuse);
    }
}

#[test]
fn caught_a_backup_that_keeps_its_identity() {
    caught(Wrong::BackupKeepsIdentity, reuse);
}

#[test]
fn caught_writes_without_compare_and_swap() {
    caught(Wrong::BlindWrites, reuse);
}

#[test]
fn caught_returning_while_the_hot_path_runs() {
    caught(Wrong::ReturnsWhileRunning, reuse);
}

#[test]
fn caught_an_old_owner_that_goes_on_accepting() {
    caught(Wrong::AcceptsWhileAbsent, replay);
}

#[test]
fn caught_floors_that_lag_without_a_flag() {
    caught(Wrong::NoFlag, replay);
}
