//! `naslane storm`, the program itself: what it prints and what it exits with.

use std::process::{Command, Output};

use serde_json::Value;

fn storm(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_naslane"));
    command.arg("storm").args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A good run's JSON object.
fn figures(arguments: &[&str]) -> Value {
    let out = storm(&[arguments, &["--json"]].concat());
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(
        out.status.code(),
        Some(0),
        "{arguments:?}\n{stdout}{stderr}"
    );
    assert_eq!(stderr, "", "{arguments:?}");
    let figures: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(figures["good"], true);
    assert_eq!(figures["failed"], 0);
    figures
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn operation<'a>(figures: &'a Value, name: &str) -> &'a Value {
    let operations = figures["operations"].as_array().unwrap();
    let found = operations
        .iter()
        .find(|operation| operation["operation"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {operations:?}"))
}

#[test]
fn every_pair_of_algorithms_comes_through() {
    for nea in ["0", "1", "2", "3"] {
        for nia in ["1", "2", "3"] {
            let figures = figures(&["--ues", "40", "--nea", nea, "--nia", nia, "--threads", "2"]);
            assert_eq!(figures["registrations"], 40);
            let mix = figures["mix"].as_array().unwrap();
            assert_eq!(mix.len(), 1);
            assert_eq!(mix[0]["nea"].to_string(), nea);
            assert_eq!(mix[0]["ues"], 40);
        }
    }
}

#[test]
fn totals_fit_the_call_flow() {
    let ues = 300;
    for batch in ["1", "7", "64", "100"] {
        let figures = figures(&["--ues", "300", "--batch", batch]);
        assert_eq!(number(&figures["registrations"]), ues);
        // Up: 2 of the registration, its complete, 4 transports, service and deregistration request.
        assert_eq!(number(&operation(&figures, "verify")["messages"]), 9 * ues);
        // Down: registration, service and deregistration accept, 4 transports.
        assert_eq!(number(&operation(&figures, "protect")["messages"]), 7 * ues);
        assert_eq!(number(&operation(&figures, "smc_command")["messages"]), ues);
        assert_eq!(number(&operation(&figures, "container")["messages"]), ues);
        assert_eq!(number(&figures["messages"]), 17 * ues);
        assert_eq!(number(&figures["verdicts"]["PlainAllowed"]), ues);
        assert_eq!(number(&figures["content_checks"]), 15 * ues);
        assert_eq!(figures["lost_messages"], 0);
        assert_eq!(figures["hostile"], Value::Null);
        let mix = figures["mix"].as_array().unwrap();
        assert_eq!(
            mix.iter().map(|share| number(&share["ues"])).sum::<u64>(),
            ues
        );
        assert!(mix.iter().all(|share| number(&share["ues"]) > 0), "{mix:?}");
    }
}

#[test]
fn losses_are_made_good() {
    let figures = figures(&["--ues", "400", "--loss", "10"]);
    assert_eq!(figures["registrations"], 400);
    assert!(number(&figures["lost_messages"]) > 400);
    assert!(number(&figures["retransmissions"]) > 400);
    assert!(number(&operation(&figures, "smc_resend")["messages"]) > 10);
}

#[test]
fn after_every_retransmission_was_lost_the_ue_authenticates_again() {
    let figures = figures(&["--ues", "100", "--loss", "50"]);
    assert_eq!(figures["registrations"], 100);
    assert!(number(&figures["commands_timed_out"]) > 0);
    assert!(number(&operation(&figures, "authenticated")["messages"]) > 100);
}

fn nothing_hostile_is_accepted(arguments: &[&str]) {
    let figures = figures(&[arguments, &["--hostile"]].concat());
    let ciphered = figures["mix"]
        .as_array()
        .unwrap()
        .iter()
        .any(|share| share["nea"] != 0);
    let hostile = &figures["hostile"];
    assert_eq!(hostile["accepted"], 0);
    assert_eq!(hostile["sessions_lost"], 0);
    assert_eq!(hostile["sessions_changed"], 0);
    let kinds = hostile["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), 23);
    for kind in kinds {
        // Without ciphering both carry the same content, so that there is nothing to forge.
        if kind["kind"] != "header type 1 or 2 forged" || ciphered {
            assert!(number(&kind["uplink"]) > 0, "{kind}");
            assert!(number(&kind["downlink"]) > 0, "{kind}");
        }
        assert_eq!(kind["accepted"], 0);
    }
    let tried: u64 = kinds.iter().map(|kind| number(&kind["tried"])).sum();
    assert_eq!(number(&hostile["tried"]), tried);
    let refusals = hostile["refusals"].as_object().unwrap();
    let uplink: u64 = kinds.iter().map(|kind| number(&kind["uplink"])).sum();
    assert_eq!(refusals.values().map(number).sum::<u64>(), uplink);
    for name in [
        "Mac",
        "Replay",
        "Short",
        "HeaderType",
        "Discriminator",
        "PlainRefused",
    ] {
        assert!(refusals.contains_key(name), "{name} in {refusals:?}");
    }
    assert!(!refusals.contains_key("OK"));
}

#[test]
fn hostile_messages_of_every_kind_are_refused() {
    nothing_hostile_is_accepted(&["--ues", "200"]);
    nothing_hostile_is_accepted(&["--ues", "60", "--loss", "20"]);
    nothing_hostile_is_accepted(&["--ues", "40", "--batch", "2"]);
    nothing_hostile_is_accepted(&["--ues", "60", "--mix", "0/1=30,0/2=30,0/3=40"]);
}

/// The same UEs, losses and attacks through each door: what the AMF half says of genuine messages is the same.
#[test]
fn every_door_has_the_same_storm() {
    let storm = |door: &str, more: &[&str]| {
        let arguments = ["--ues", "120", "--threads", "2", "--engine", door];
        let figures = figures(&[&arguments[..], more].concat());
        assert_eq!(figures["engine"], door);
        assert_eq!(figures["registrations"], 120);
        let keys = [
            "verdicts",
            "messages",
            "content_checks",
            "count_checks",
            "lost_messages",
        ];
        let seen: Vec<Value> = keys.iter().map(|key| figures[*key].clone()).collect();
        (seen, figures["hostile"]["refusals"].clone())
    };
    for more in [
        &["--hostile", "--loss", "5"][..],
        &["--batch", "1"],
        &["--batch", "500"],
    ] {
        let inline = storm("inline", more);
        assert_eq!(storm("workers", more), inline, "workers {more:?}");
        assert_eq!(storm("sidecar", more), inline, "sidecar {more:?}");
    }
    nothing_hostile_is_accepted(&["--ues", "60", "--engine", "workers"]);
    nothing_hostile_is_accepted(&["--ues", "60", "--engine", "sidecar"]);
}

#[test]
fn seconds_repeat_the_registrations_under_fresh_keys() {
    let figures = figures(&["--ues", "10", "--seconds", "1"]);
    assert!(number(&figures["registrations"]) > 20);
}

#[test]
fn the_same_seed_brings_the_same_run() {
    let run = |seed| {
        let arguments = [
            "--ues",
            "150",
            "--loss",
            "20",
            "--hostile",
            "--threads",
            "1",
            "--seed",
        ];
        let figures = figures(&[&arguments[..], &[seed]].concat());
        let keys = [
            "lost_messages",
            "retransmissions",
            "verdicts",
            "mix",
            "messages",
        ];
        let mut seen: Vec<Value> = keys.iter().map(|key| figures[*key].clone()).collect();
        seen.push(figures["hostile"]["refusals"].clone());
        seen
    };
    assert_eq!(run("5"), run("5"));
    assert_ne!(run("5"), run("6"));
}

#[test]
fn people_get_tables_without_colour_when_it_is_no_terminal() {
    let out = storm(&["--ues", "50", "--hostile", "--threads", "1"]);
    assert_eq!(out.status.code(), Some(0));
    assert!(out.stderr.is_empty(), "{}", text(&out.stderr));
    let shown = text(&out.stdout);
    assert!(!shown.contains('\x1b'));
    for part in [
        "50 UEs, 1 threads, batch 64, seed 1",
        "AMF half: inline",
        "messages/s per core",
        "p99.9",
        "128-NEA2/128-NIA2",
        "truncation",
        "sessions lost: 0",
        "every message was accepted once",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
}

#[test]
fn bad_arguments_are_told_with_the_remedy() {
    let cases: [(&[&str], &str); 15] = [
        (&["--ues", "0"], "give 1 to"),
        (&["--batch", "0"], "give 1 to 4096"),
        (&["--threads", "0"], "give 1 to 255"),
        (&["--loss", "51"], "give 0 to 50"),
        (&["--loss", "NaN"], "give 0 to 50"),
        (&["--seconds", "0"], "give 1 to"),
        (&["--nea", "2"], "give both"),
        (&["--nia", "2"], "give both"),
        (&["--nea", "4", "--nia", "2"], "give 0, 1, 2 or 3"),
        (&["--nea", "2", "--nia", "0"], "give 1, 2 or 3"),
        (
            &["--nea", "2", "--nia", "2", "--mix", "2/2=100"],
            "give one of them",
        ),
        (&["--mix", "2/2=60"], "make it 100"),
        (&["--mix", "2/2"], "give NEA/NIA=PERCENT"),
        (&["--engine", "outside"], "give inline, workers, sidecar"),
        (&["--engine", "sidecar=/nowhere/s"], "/nowhere/s: "),
    ];
    for (arguments, remedy) in cases {
        let out = storm(arguments);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        assert!(out.stdout.is_empty());
        let said = text(&out.stderr);
        assert!(said.contains(remedy), "{arguments:?}: {said}");
    }
}
