//! A daemon that is killed with jobs under way, and the one after it: handles go on, no COUNT comes twice.

use std::collections::HashSet;
use std::fs;

use naslane::base::{Direction, Error};
use naslane::engine::Queue;
use naslane::engine::job::{Job, op};
use naslane::kdf::{AlgorithmId, k_nas_int};
use naslane::security::Role;
use naslane::{algorithm, algorithm::Nia};
use rustix::process::Signal;

use crate::common::{DOWNLINK, GPP, engine, k_amf};
use crate::world::*;

/// A daemon whose sessions outlive it.
fn daemon(name: &str, more: &str) -> Daemon {
    // Not below the daemon's own directory, which is made anew when it starts.
    let dir = std::env::temp_dir().join(format!("naslane-{}-{name}-s", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let kek = dir.join("kek");
    fs::write(&kek, format!("00000001 {:064x}\n", 0xABCD)).unwrap();
    let survive = format!(
        "[survive]\ndir = {:?}\nkek = \"file:{}\"\n{more}",
        dir.join("state"),
        kek.display()
    );
    Daemon::start(name, &survive)
}

fn clean(name: &str) {
    let dir = std::env::temp_dir().join(format!("naslane-{}-{name}-s", std::process::id()));
    let _ = fs::remove_dir_all(dir);
}

/// The COUNT of a downlink message by its MAC alone, looked for from `low` on.
fn count_of(key: u64, pdu: &[u8], low: u32) -> u32 {
    let int = k_nas_int(&k_amf(key), AlgorithmId::new(2).unwrap());
    let key = algorithm::Key::for_nia(Nia::Nia2, int.expose());
    let fits = |count: &u32| {
        let input = algorithm::Input {
            count: *count,
            bearer: GPP.bearer(),
            direction: Direction::Downlink,
        };
        let mut lane = [algorithm::MacLane::new(&key, input, &pdu[6..])];
        algorithm::mac(Nia::Nia2, &mut lane);
        lane[0].mac == pdu[2..6]
    };
    (low..low + 100_000).find(fits).expect("some COUNT")
}

/// Downlink jobs until the daemon is gone: what came back.
fn load_until_killed(
    daemon: &mut Daemon,
    queue: &mut Queue,
    own: &[Subscriber],
    many: usize,
) -> Vec<(usize, Vec<u8>)> {
    queue.write(0, DOWNLINK).unwrap();
    let (mut next, mut under_way, mut back) = (0_usize, 0_usize, Vec::new());
    loop {
        let place = |number: usize| 1024 + (number % 64) as u32 * 64;
        let room = 64 - under_way;
        let jobs: Vec<Job> = (next..next + room.min(16))
            .map(|number| Job {
                user_data: number as u64,
                in_len: DOWNLINK.len() as u32,
                out_offset: place(number),
                out_capacity: 64,
                ..job(op::PROTECT, own[number % own.len()].amf)
            })
            .collect();
        let taken = queue.submit(&jobs);
        next += taken;
        under_way += taken;
        let mut done = [Job::default(); 64];
        let count = queue.reap(&mut done);
        under_way -= count;
        for job in done[..count].iter().filter(|job| job.status == 0) {
            let mut pdu = vec![0; job.out_len as usize];
            queue.read(job.out_offset, &mut pdu).unwrap();
            back.push((job.user_data as usize % own.len(), pdu));
        }
        if back.len() >= many {
            daemon.signal(Signal::KILL);
        }
        if under_way == 0 && taken == 0 {
            return back;
        }
    }
}

#[test]
fn r13_a_killed_daemon_uses_no_count_twice_and_its_clients_go_on() {
    let mut daemon = daemon("survives", "");
    let ue = engine(2, 2);
    let mut own: Vec<Subscriber> = Vec::new();
    let mut seen = HashSet::new();
    for round in 0..8 {
        let client = daemon.connect("amf");
        let mut queue = client.open_queue(64, 1 << 16).unwrap();
        assert_eq!(client.welcome().kept as usize, own.len());
        let mut sessions = client.sessions().unwrap();
        sessions.sort_unstable_by_key(|(_, tag)| *tag);
        let expected: Vec<_> = own
            .iter()
            .zip(0..)
            .map(|(own, tag)| (own.amf, tag))
            .collect();
        assert_eq!(sessions, expected, "handles and tags");
        if own.is_empty() {
            own = (0..6)
                .map(|number| Subscriber::secured(&client, &mut queue, &ue, number))
                .collect();
        }
        own.iter().for_each(|own| own.talk(&mut queue, &ue));
        // Nobody else has them.
        let stranger = daemon.connect("stranger");
        assert_eq!(stranger.release(own[0].amf), Err(Error::Handle));
        drop(stranger);
        let messages = load_until_killed(&mut daemon, &mut queue, &own, 40 + 60 * round);
        assert_eq!(daemon.end(), -9);
        for (number, pdu) in messages {
            let low: u32 = (0..)
                .find(|count| !seen.contains(&(number, *count)))
                .unwrap();
            let count = count_of(number as u64, &pdu, low.saturating_sub(64));
            assert!(
                seen.insert((number, count)),
                "UE {number}, COUNT {count}: twice"
            );
            // In order, so that the UE follows: a jump is what was under way at the kill.
            let heard = crate::common::verify(&ue, own[number].ue, GPP, &pdu);
            assert_eq!(heard, Ok(DOWNLINK.to_vec()));
        }
        daemon.launch();
    }
    let client = daemon.connect("amf");
    let mut queue = client.open_queue(64, 1 << 16).unwrap();
    own.iter().for_each(|own| own.talk(&mut queue, &ue));
    daemon.is_well();
    drop(daemon);
    clean("survives");
}

#[test]
fn sessions_of_clients_without_a_name_end_with_the_daemon() {
    let mut daemon = daemon("nameless", "");
    let client = daemon.connect("");
    client.establish(Role::Amf, 1).unwrap();
    let named = daemon.connect("named");
    let kept = named.establish(Role::Amf, 2).unwrap();
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end(), -9);
    daemon.launch();
    daemon.says("1 sessions came back");
    let client = daemon.connect("");
    assert_eq!(client.statistics().unwrap().sessions, 1);
    let named = daemon.connect("named");
    assert_eq!(named.sessions().unwrap(), [(kept, 2)]);
    drop(daemon);
    clean("nameless");
}

#[test]
fn a_directory_that_does_not_fit_is_said_and_nothing_is_served() {
    let mut first = daemon("fits", "");
    let second = program(&first.config()).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another daemon has it"), "{said}");
    first.is_well();
    first.signal(Signal::TERM);
    assert_eq!(first.end(), 0);
    let settings = fs::read_to_string(first.config()).unwrap();
    for (from, to, hint) in [
        ("sessions = 512", "sessions = 1024", "other numbers"),
        ("file:", "credential:", "cannot be read"),
        ("/kek", "/nothing", "cannot be read"),
    ] {
        fs::write(first.config(), settings.replace(from, to)).unwrap();
        let output = program(&first.config()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(hint), "{said}");
    }
    drop(first);
    clean("fits");
}
