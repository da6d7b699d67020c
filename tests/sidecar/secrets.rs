//! The client's process never holds K_NAS, and the log holds nothing of a UE.

use std::fs::File;
use std::os::unix::fs::FileExt;

use naslane::engine::job::{Job, SmcJob, op};

use naslane::kdf::{AlgorithmId, k_nas_enc, k_nas_int};
use naslane::security::Role;
use naslane::session::Handle;
use naslane::sidecar::connect;

use crate::child::{Actor, Stage};
use crate::common::{DOWNLINK, GPP, engine, identity, k_amf};
use crate::world::*;

const NUMBER: u64 = 0x1122_3344_5566_7788;

/// Something that a scan of the client must find, so that one that finds nothing means something.
const MARK: &[u8; 16] = b"naslane-was-here";

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// An AMF: K_AMF in, messages in and out; its UE lives with the test.
pub fn keyless(stage: &Stage) {
    let client = connect(&stage.socket, "keyless").unwrap();
    let mut queue = client.open_queue(16, 1 << 14).unwrap();
    let mut mark = MARK.map(|octet| octet ^ 0x20);
    mark.iter_mut().for_each(|octet| *octet ^= 0x20);
    let session = client.establish(Role::Amf, 1).unwrap();
    client.authenticated(session, &identity(NUMBER, 0)).unwrap();
    let (_, command) = one(
        &mut queue,
        job(op::SMC_COMMAND, session),
        &SmcJob::default().write(),
    );
    stage.say(&hex(&command));
    for round in 0..4 {
        let kind = op::VERIFY;
        let (done, _) = one(&mut queue, job(kind, session), &unhex(&stage.hear()));
        assert_eq!(done.status, 0, "round {round}");
        let (done, pdu): (Job, Vec<u8>) = one(&mut queue, job(op::PROTECT, session), DOWNLINK);
        assert_eq!(done.status, 0);
        stage.say(&hex(&pdu));
    }
    stage.hear(); // the scan
    assert_eq!(std::hint::black_box(&mark), MARK);
}

/// How often each of `needles` is in the memory of a process.
fn scan(pid: u32, needles: &[&[u8]]) -> std::io::Result<Vec<usize>> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut found = vec![0; needles.len()];
    let mut octets = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else {
            continue;
        };
        if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vvar_vclock]") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16));
        let (Ok(start), Ok(end)) = (start, end) else {
            continue;
        };
        octets.resize((end - start) as usize, 0);
        if memory.read_exact_at(&mut octets, start).is_err() {
            continue; // not backed by anything
        }
        for (count, needle) in found.iter_mut().zip(needles) {
            *count += octets
                .windows(needle.len())
                .filter(|window| window == needle)
                .count();
        }
    }
    Ok(found)
}

#[test]
fn k_nas_is_never_in_the_clients_memory() {
    let daemon = Daemon::start("keys", "");
    let ue = engine(2, 2);
    let session = ue.establish(Role::Ue).unwrap();
    ue.authenticated(session, identity(NUMBER, 0)).unwrap();
    let own = Subscriber {
        amf: Handle::from_bits(1 << 28).unwrap(),
        ue: session,
    };
    let mut actor = Actor::start("keyless", &daemon.socket);
    let command = unhex(&actor.hear());
    let complete = own.answer(&ue, &command);
    actor.say(&hex(&complete));
    for _ in 0..3 {
        let down = unhex(&actor.hear());
        assert!(crate::common::verify(&ue, own.ue, GPP, &down).is_ok());
        actor.say(&hex(&own.uplink(&ue)));
    }
    actor.hear();

    let key = k_amf(NUMBER);
    let enc = k_nas_enc(&key, AlgorithmId::AES);
    let int = k_nas_int(&key, AlgorithmId::AES);
    // AES keeps its key as the first words of its schedule: the same octets.
    let needles: [&[u8]; 4] = [enc.expose(), int.expose(), key.expose(), MARK];
    let found = scan(actor.child.id(), &needles).unwrap();
    assert_eq!(found[..2], [0, 0], "K_NASenc, K_NASint");
    assert!(found[3] >= 1, "the scan sees what is there");
    actor.say("done");
    assert!(actor.passed());

    // Nothing of the UE in the log either.
    let log = daemon.log().to_lowercase();
    for secret in [key.expose().as_slice(), enc.expose(), int.expose()] {
        assert!(!log.contains(&hex(secret)[..12]), "{log}");
    }
}
