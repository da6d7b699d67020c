//! The trace tap: one session's messages in a file that Wireshark opens, nobody else's, no key, and no more than was
//! agreed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::engine::Engine;
use naslane::engine::job::{SmcJob, op};
use naslane::kdf::{AlgorithmId, k_nas_enc, k_nas_int};
use naslane::procedure::smc::{Activation, Request};
use naslane::sidecar::TapSwitch::{Off, On};

use crate::common::{DOWNLINK, GPP, UPLINK, engine, k_amf};
use crate::scrape::Page;
use crate::world::*;

/// A daemon that may write to a directory of the test's own.
pub fn tapping(name: &str, more: &str) -> (Daemon, Page, PathBuf) {
    let (page, files) = (Page::free(), directory(&format!("{name}-files")));
    let daemon = Daemon::start(
        name,
        &format!(
            "[http]\nlisten = \"{}\"\n[tap]\ndirectory = {:?}\n{more}",
            page.address(),
            files.to_str().unwrap()
        ),
    );
    (daemon, page, files)
}

pub fn captures(files: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(files).unwrap();
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    // By the number at the end of the name.
    all.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    all
}

/// What tshark says of each packet: direction, security header type, message type.
fn told(capture: &Path) -> Vec<[String; 3]> {
    let fields = [
        "frame.packet_flags_direction",
        "nas_5gs.security_header_type",
        "nas_5gs.mm.message_type",
    ];
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-E", "separator=|"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = tshark.arg("-r").arg(capture).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let mut parts = line.split('|').map(str::to_owned);
            std::array::from_fn(|_| parts.next().unwrap_or_default())
        })
        .collect()
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}

/// A plain message whose payload says whose it is.
fn says(kind: u8, whose: u8) -> Vec<u8> {
    let mut plain = vec![0x7E, 0, kind, 1, 0, 4];
    plain.extend([whose; 4]);
    plain
}

fn spoken(engine: &Engine, own: &Subscriber, whose: u8) -> Vec<u8> {
    crate::common::protect(engine, own.ue, GPP, &says(0x67, whose))
}

#[test]
fn one_session_is_written_down_and_nobody_else() {
    let (mut daemon, page, files) = tapping("tap", "");
    let (client, ue) = (daemon.connect("a"), engine(2, 2));
    let mut queue = client.open_queue(64, 1 << 16).unwrap();
    // The first handle is 2^28, which a bound of the latency histogram is too.
    let other = Subscriber::secured(&client, &mut queue, &ue, 42);
    let tapped = Subscriber::authenticated(&client, &ue, 41);
    assert_eq!(client.tap(tapped.amf, On), Ok(1));
    assert_eq!(client.tap(tapped.amf, On), Err(Error::Conflict));
    assert_eq!(client.tap(other.amf, Off), Err(Error::Conflict));
    // The procedure from the beginning: one command through the control plane, one through a queue.
    let mut out = [0; 400];
    let request = Request::new(GPP, Activation::Partial);
    client.smc_command(tapped.amf, &request, &mut out).unwrap();
    let abort = naslane::procedure::smc::Event::Abort;
    client.smc_event(tapped.amf, abort, &mut []).unwrap();
    let order = SmcJob::default().write();
    let (done, command) = one(&mut queue, job(op::SMC_COMMAND, tapped.amf), &order);
    assert_eq!(done.status, 0);
    let complete = tapped.answer(&ue, &command);
    let (done, _) = one(&mut queue, job(op::VERIFY, tapped.amf), &complete);
    assert_eq!(done.status, 0);
    // Both sessions in one batch, so that their messages share lanes.
    let mut jobs = vec![
        (job(op::VERIFY, tapped.amf), spoken(&ue, &tapped, 0xA1)),
        (job(op::VERIFY, other.amf), spoken(&ue, &other, 0xB2)),
        (job(op::PROTECT, tapped.amf), says(0x68, 0xC3)),
        (job(op::PROTECT, other.amf), says(0x68, 0xD4)),
    ];
    run(&mut queue, &mut jobs);
    assert!(jobs.iter().all(|(done, _)| done.status == 0));
    let protected = jobs[2].1.clone();
    // One that does not verify is written as it came.
    let mut forged = spoken(&ue, &tapped, 0xE5);
    forged[3] ^= 1;
    let (done, _) = one(&mut queue, job(op::VERIFY, tapped.amf), &forged);
    assert_eq!(done.status, Error::Mac.code());
    assert_eq!(client.tap(tapped.amf, Off), Ok(1));
    daemon.says("tap 1 off: off, 6 messages");
    tapped.talk(&mut queue, &ue);

    let [capture] = &captures(&files)[..] else {
        panic!("one file")
    };
    let rows = told(capture);
    let types: Vec<&str> = rows.iter().map(|row| row[2].as_str()).collect();
    let directions: Vec<&str> = rows.iter().map(|row| &row[0][row[0].len() - 1..]).collect();
    assert_eq!(
        types,
        ["0x5d", "0x5d", "0x5e", "0x67", "0x68", ""],
        "{rows:?}"
    );
    assert_eq!(directions, ["2", "2", "1", "1", "2", "1"], "{rows:?}");
    assert!(rows[..5].iter().all(|row| row[1] == "0"), "plain: {rows:?}");
    let octets = fs::read(capture).unwrap();
    for own in [[0xA1; 4], [0xC3; 4]] {
        assert!(contains(&octets, &own), "the session's own message");
    }
    for stranger in [[0xB2; 4], [0xD4; 4]] {
        assert!(!contains(&octets, &stranger), "another session's message");
    }
    assert!(!contains(&octets, &protected[7..]), "the ciphered message");
    holds_no_key(&octets, 41);
    holds_no_key(&octets, 42);

    // An audit line at both ends, with who it was and nothing of the UE.
    let log = daemon.log();
    let own = rustix::process::geteuid().as_raw();
    let name = capture.file_name().unwrap().to_str().unwrap();
    assert!(
        log.contains(&format!("tap 1 on: uid {own}, file {name}")),
        "{log}"
    );
    let metrics = page.text();
    for line in [
        "naslane_taps 0",
        "naslane_tap_messages_total 6",
        "naslane_tap_dropped_total 0",
        "naslane_tap_ends_total{reason=\"off\"} 1",
    ] {
        assert!(
            metrics.lines().any(|own| own == line),
            "{line} in {metrics}"
        );
    }
    for text in [log, metrics] {
        let session = tapped.amf.bits();
        for secret in [format!("{session}"), format!("{session:x}")] {
            assert!(!text.contains(&secret), "a handle: {text}");
        }
    }
    daemon.is_well();
    fs::remove_dir_all(files).unwrap();
}

/// No octets of the subscriber's keys, as they are or as text.
pub fn holds_no_key(octets: &[u8], number: u64) {
    let key = k_amf(number);
    let enc = k_nas_enc(&key, AlgorithmId::AES);
    let int = k_nas_int(&key, AlgorithmId::AES);
    for secret in [key.expose().as_slice(), enc.expose(), int.expose()] {
        for eight in secret.windows(8) {
            let hex: String = eight.iter().map(|octet| format!("{octet:02x}")).collect();
            assert!(!contains(octets, eight) && !contains(octets, hex.as_bytes()));
        }
    }
}

#[test]
fn who_may_not_gets_nothing() {
    let (mut daemon, _, files) = tapping("notap", "");
    let (a, b) = (daemon.connect("a"), daemon.connect("b"));
    let ue = engine(2, 2);
    let own = Subscriber::authenticated(&a, &ue, 1);
    assert_eq!(b.tap(own.amf, On), Err(Error::Handle), "another tenant's");
    assert!(captures(&files).is_empty() && !daemon.log().contains("tap 1"));
    daemon.is_well();
    fs::remove_dir_all(&files).unwrap();

    // Users that are not on the list, and a daemon that was told of no directory.
    let (daemon, _, files) = tapping("noone", "allow_uids = [4242]\n");
    let a = daemon.connect("a");
    let own = Subscriber::authenticated(&a, &ue, 2);
    assert_eq!(a.tap(own.amf, On), Err(Error::Denied));
    assert!(captures(&files).is_empty());
    fs::remove_dir_all(files).unwrap();
    let daemon = Daemon::start("off", "");
    let a = daemon.connect("a");
    let own = Subscriber::authenticated(&a, &ue, 3);
    assert_eq!(a.tap(own.amf, On), Err(Error::Unsupported));
}

#[test]
fn a_tap_ends_at_its_size_its_time_its_session_and_its_number() {
    let bounds = "max_bytes = 4096\nmax_seconds = 2\nsessions = 2\nfiles = 4\n";
    let (mut daemon, page, files) = tapping("bounds", bounds);
    let (client, ue) = (daemon.connect("a"), engine(2, 2));
    let mut queue = client.open_queue(64, 1 << 16).unwrap();
    let all: Vec<_> = (0..3)
        .map(|number| Subscriber::secured(&client, &mut queue, &ue, number))
        .collect();
    assert_eq!(client.tap(all[0].amf, On), Ok(1));
    assert_eq!(client.tap(all[1].amf, On), Ok(2));
    assert_eq!(
        client.tap(all[2].amf, On),
        Err(Error::Quota),
        "two at a time"
    );
    // Its time.
    daemon.says("tap 2 off: time");
    // Its size: more messages than 4096 octets hold.
    assert_eq!(client.tap(all[2].amf, On), Ok(3));
    for _ in 0..40 {
        let mut jobs: Vec<_> = (0..4)
            .map(|_| (job(op::PROTECT, all[2].amf), DOWNLINK.to_vec()))
            .collect();
        run(&mut queue, &mut jobs);
        assert!(jobs.iter().all(|(done, _)| done.status == 0));
    }
    daemon.says("tap 3 off: size");
    // Its session.
    assert_eq!(client.tap(all[1].amf, On), Ok(4));
    client.release(all[1].amf).unwrap();
    daemon.says("tap 4 off: session");
    assert_eq!(client.tap(all[0].amf, On), Err(Error::Quota), "four files");
    let found = captures(&files);
    assert_eq!(found.len(), 4);
    for capture in &found {
        let len = fs::metadata(capture).unwrap().len();
        assert!((60..=4096).contains(&len), "{capture:?} has {len}");
        told(capture);
    }
    let begin = Instant::now();
    let ends = ["size", "time", "session"];
    let ended = || {
        let ends =
            ends.map(|why| page.family("naslane_tap_ends_total")[&format!("reason=\"{why}\"")]);
        ends == [1, 2, 1]
    };
    while !ended() {
        assert!(begin.elapsed() < PATIENCE, "{}", page.text());
        std::thread::sleep(Duration::from_millis(20));
    }
    // Sessions that were tapped go on.
    let (up, plain) = one(&mut queue, job(op::VERIFY, all[0].amf), &all[0].uplink(&ue));
    assert_eq!((up.status, plain.as_slice()), (0, UPLINK));
    daemon.is_well();
    fs::remove_dir_all(files).unwrap();
}
