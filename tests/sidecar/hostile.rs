//! A hostile client: it rewrites every word that it can reach while the daemon works, and talks nonsense.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::engine::job::Job;
use naslane::security::Role;
use naslane::session::Handle;
use naslane::sidecar::connect;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect as join,
    recv, send, socket_with,
};

use crate::child::{Actor, Stage};
use crate::common::engine;
use crate::world::*;

/// Numbers without a pattern (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, most: u64) -> u64 {
        self.roll() % most
    }
}

/// The regions that this process has mapped: start and length.
fn regions() -> Vec<(u64, u64)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ours = maps
        .lines()
        .filter(|line| line.contains("memfd:naslane-queue"));
    ours.map(|line| {
        let (start, end) = line
            .split_ascii_whitespace()
            .next()
            .unwrap()
            .split_once('-')
            .unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        (start, u64::from_str_radix(end, 16).unwrap() - start)
    })
    .collect()
}

/// Until the test says otherwise: queues are opened, used as intended, ruined, and opened again.
pub fn attack(stage: &Stage) {
    let client = connect(&stage.socket, "").unwrap();
    let foreign = stage.hear().parse::<u64>().unwrap();
    let mut dice = Dice(u64::from(std::process::id()));
    let memory = File::options().write(true).open("/proc/self/mem").unwrap();
    let own: Vec<_> = (0..4)
        .map(|tag| client.establish(Role::Amf, tag).unwrap())
        .collect();
    stage.say("at it");
    let begin = Instant::now();
    let (mut rounds, mut quarantined) = (0_u64, 0_u64);
    while begin.elapsed() < Duration::from_secs(4) {
        let entries = 8 << dice.below(5);
        let Ok(mut queue) = client.open_queue(entries, 1 << 16) else {
            continue; // the daemon still clears away what was ruined
        };
        for _ in 0..200 {
            let jobs: Vec<Job> = (0..dice.below(64))
                .map(|_| wild(&mut dice, &own, foreign))
                .collect();
            let _ = queue.submit(&jobs);
            for (start, len) in regions() {
                for _ in 0..dice.below(64) {
                    // Mostly the rings' words and slots, else anything.
                    let reach = if dice.below(4) > 0 {
                        2048.min(len)
                    } else {
                        len
                    };
                    let place = start + dice.below(reach / 4) * 4;
                    let word = match dice.below(3) {
                        0 => dice.roll() as u32,
                        1 => dice.below(16) as u32,
                        _ => u32::MAX - dice.below(16) as u32,
                    };
                    memory.write_all_at(&word.to_ne_bytes(), place).unwrap();
                }
            }
            let mut done = [Job::default(); 64];
            let _ = queue.reap(&mut done);
            rounds += 1;
        }
        if client.statistics().unwrap().quarantined > quarantined {
            quarantined = client.statistics().unwrap().quarantined;
        }
    }
    // Nobody's session came into reach by all this.
    let foreign = Handle::from_bits(foreign).unwrap();
    assert_eq!(client.release(foreign), Err(Error::Handle));
    stage.say(&format!("{rounds} {quarantined}"));
    stage.hear();
}

fn wild(dice: &mut Dice, own: &[Handle], foreign: u64) -> Job {
    let session = match dice.below(4) {
        0 => foreign,
        1 => dice.roll(),
        _ => own[dice.below(own.len() as u64) as usize].bits(),
    };
    let small = |dice: &mut Dice| match dice.below(8) {
        0 => dice.roll() as u32,
        _ => dice.below(1 << 12) as u32,
    };
    Job {
        op: dice.below(9) as u8,
        access: dice.below(4) as u8,
        form: dice.below(4) as u8,
        reserved: (dice.below(8) == 0) as u8,
        session,
        in_offset: small(dice),
        in_len: small(dice),
        out_offset: small(dice),
        out_capacity: small(dice),
        out_len: small(dice),
        count: small(dice),
        part_offset: small(dice),
        part_len: small(dice),
        ..Job::default()
    }
}

/// How many exchanges of one message each way a polite client gets through in this time, each checked.
fn exchanges(
    queue: &mut naslane::engine::Queue,
    ue: &naslane::Engine,
    own: &[Subscriber],
    time: Duration,
) -> u32 {
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < time {
        own[count as usize % own.len()].talk(queue, ue);
        count += 1;
    }
    count
}

#[test]
fn a_hostile_client_hurts_itself_only() {
    let quota = "[quota]\nqueues = 4\n";
    let mut daemon = Daemon::start("hostile", quota);
    let ue = engine(2, 2);
    let client = daemon.connect("polite");
    let mut queue = client.open_queue(64, 1 << 16).unwrap();
    let own: Vec<_> = (0..4)
        .map(|number| Subscriber::secured(&client, &mut queue, &ue, number))
        .collect();
    let alone = exchanges(&mut queue, &ue, &own, Duration::from_secs(1));
    let mut actor = Actor::start("hostile", &daemon.socket);
    actor.say(&own[0].amf.bits().to_string());
    assert_eq!(actor.hear(), "at it");
    let beside = exchanges(&mut queue, &ue, &own, Duration::from_secs(3)) / 3;
    let said = actor.hear();
    let (rounds, quarantined) = said.split_once(' ').unwrap();
    println!("exchanges a second: {alone} alone, {beside} beside {rounds} rounds of attack");
    assert!(quarantined.parse::<u64>().unwrap() > 0, "{said}");
    daemon.says("is under quarantine");
    // The two share the processors of this machine, and the attacker never rests.
    assert!(
        beside > 0 && beside >= alone / 8,
        "{alone} alone, {beside} beside"
    );
    actor.say("end");
    assert!(actor.passed());
    exchanges(&mut queue, &ue, &own, Duration::from_millis(200));
    daemon.is_well();
    assert_eq!(client.sessions().unwrap().len(), 4);
}

fn raw(daemon: &Daemon) -> OwnedFd {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    join(&socket, &SocketAddrUnix::new(&daemon.socket).unwrap()).unwrap();
    socket
}

#[test]
fn nonsense_on_the_control_plane_is_answered_or_ended() {
    use naslane::sidecar::protocol::{Frame, Hello, Request, Response};
    let mut daemon = Daemon::start("nonsense", "");
    let mut dice = Dice(7);
    for round in 0..200 {
        let socket = raw(&daemon);
        let mut frame = Frame::new();
        let hello = Hello {
            versions: (1, 1),
            name: b"",
        };
        if round % 2 == 0 {
            Request::Hello(hello).write(1, &mut frame).unwrap();
            send(&socket, frame.octets(), SendFlags::NOSIGNAL).unwrap();
        }
        for _ in 0..4 {
            let mut octets: Vec<u8> = (0..dice.below(300)).map(|_| dice.roll() as u8).collect();
            if dice.below(2) == 0 && octets.len() >= 16 {
                let len = (octets.len() as u32).to_le_bytes();
                octets[..4].copy_from_slice(&len);
                octets[4..8].copy_from_slice(&[dice.below(44) as u8, 0, 0, 0]);
                octets[12..16].fill(0);
            }
            if send(&socket, &octets, SendFlags::NOSIGNAL).is_err() {
                break;
            }
        }
        let mut back = vec![0; 1 << 16];
        if let Ok((_, len)) = recv(&socket, &mut back[..], RecvFlags::empty())
            && len > 0
        {
            Response::read(&back[..len]).unwrap();
        }
    }
    // Before a hello there is nothing but it; of versions that nobody speaks it says so.
    let ask = |request: &Request<'_>| {
        let socket = raw(&daemon);
        let mut frame = Frame::new();
        request.write(3, &mut frame).unwrap();
        send(&socket, frame.octets(), SendFlags::NOSIGNAL).unwrap();
        let mut back = vec![0; 1 << 16];
        let (_, len) = recv(&socket, &mut back[..], RecvFlags::empty()).unwrap();
        match Response::read(&back[..len]) {
            Ok((3, Response::Refused(error))) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&Request::Ping(1)), Error::OutOfOrder);
    let newer = Hello {
        versions: (7, 9),
        name: b"",
    };
    assert_eq!(ask(&Request::Hello(newer)), Error::Version);
    daemon.is_well();
}

#[test]
fn a_client_that_does_not_read_costs_one_response() {
    use naslane::sidecar::protocol::{Frame, Hello, Request};
    let mut daemon = Daemon::start("deaf", "");
    let socket = raw(&daemon);
    let mut frame = Frame::new();
    let hello = Hello {
        versions: (1, 1),
        name: b"deaf",
    };
    Request::Hello(hello).write(1, &mut frame).unwrap();
    send(&socket, frame.octets(), SendFlags::NOSIGNAL).unwrap();
    Request::Statistics.write(2, &mut frame).unwrap();
    let mut sent = 0;
    while send(
        &socket,
        frame.octets(),
        SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
    )
    .is_ok()
        || sent < 2000
    {
        sent += 1;
        if sent > 100_000 {
            break;
        }
        if sent % 64 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    daemon.is_well();
    // Reading again, it gets every response.
    let mut back = vec![0; 1 << 16];
    for _ in 0..100 {
        assert!(recv(&socket, &mut back[..], RecvFlags::empty()).unwrap().1 > 0);
    }
    daemon.is_well();
}
