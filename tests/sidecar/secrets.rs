//! The client's process never holds K_NAS, and the log holds nothing of a UE.

use std::fs::File;
use std::os::unix::fs::FileExt;

use naslane::engine::job::{Job, SmcJob, op};

use naslane::kdf::{AlgorithmId, k_nas_enc, k_nas_int};
use naslane::security::Role;
use naslane::session::Handle;
use naslane::sidecar::{TapSwitch, connect};

use crate::child::{Actor, Stage};
use crate::common::{DOWNLINK, GPP, engine, identity, k_amf};
use crate::tap::{captures, holds_no_key, tapping};
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

/// What goes wrong is told, counted and written down: findings, refusals, taps, a reload. No key, no COUNT, no handle and
/// no name of a subscriber is in the log or in the metrics; a tap has the messages that were asked for, and no more.
#[test]
fn nothing_of_a_ue_is_in_logs_metrics_and_taps() {
    const SUPI: &[u8] = b"imsi-999700123456789";
    let (daemon, page, files) = tapping("quiet", "[findings]\nlog_seconds = 1\n");
    let ue = engine(2, 2);
    let client = daemon.connect("amf-1");
    let mut queue = client.open_queue(64, 1 << 16).unwrap();
    // The first handle is 2^28, which a bound of the latency histogram is too.
    let all: Vec<_> = (0..3)
        .map(|number| Subscriber::secured(&client, &mut queue, &ue, NUMBER + number))
        .collect();
    let (own, tapped) = (&all[1], &all[2]);
    assert_eq!(client.tap(tapped.amf, TapSwitch::On), Ok(1));
    let named = [&[0x7E, 0, 0x67, 5, 0, SUPI.len() as u8], SUPI].concat();
    // COUNTs that no counter is by chance: most messages are lost.
    let mut count = 0;
    for _ in 0..40 {
        for each in [own, tapped] {
            (0..200).for_each(|_| drop(each.uplink(&ue)));
            let pdu = crate::common::protect(&ue, each.ue, GPP, &named);
            let (done, plain) = one(&mut queue, job(op::VERIFY, each.amf), &pdu);
            assert_eq!((done.status, plain.as_slice()), (0, named.as_slice()));
            count = done.count;
        }
    }
    assert!(count > 8000);
    for each in [own, tapped] {
        (0..40).for_each(|_| drop(one(&mut queue, job(op::PROTECT, each.amf), DOWNLINK)));
        (0..256).for_each(|_| drop(each.uplink(&ue)));
        let (done, _) = one(&mut queue, job(op::VERIFY, each.amf), &each.uplink(&ue));
        assert_ne!(done.status, 0);
    }
    daemon.says("event=finding code=RETRANSMISSION_STORM");
    daemon.says("event=finding code=COUNT_DESYNC");
    assert_eq!(client.tap(tapped.amf, TapSwitch::Off), Ok(1));
    daemon.says("tap 1 off");
    daemon.signal(rustix::process::Signal::HUP);
    daemon.says("reloaded");
    drop((queue, client));
    daemon.says("is gone");

    let texts = [daemon.log(), page.text()].map(|text| text.to_lowercase());
    let key = |number| k_amf(NUMBER + number);
    for text in &texts {
        for number in 0..3 {
            let key = key(number);
            let enc = k_nas_enc(&key, AlgorithmId::AES);
            let int = k_nas_int(&key, AlgorithmId::AES);
            for secret in [key.expose().as_slice(), enc.expose(), int.expose()] {
                assert!(!text.contains(&hex(secret)[..12]), "{text}");
            }
        }
        let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let mut secrets = vec![count.to_string(), format!("{count:x}"), "imsi".to_owned()];
        for each in &all[1..] {
            let handle = each.amf.bits();
            secrets.extend([handle.to_string(), format!("{handle:x}")]);
        }
        for secret in secrets {
            assert!(!words.contains(&secret.as_str()), "{secret} in {text}");
        }
        assert!(!text.contains("999700123456789"));
    }
    let [capture] = &captures(&files)[..] else {
        panic!("one file")
    };
    let octets = std::fs::read(capture).unwrap();
    let has = |part: &[u8]| octets.windows(part.len()).any(|window| window == part);
    assert!(has(SUPI), "what was asked for");
    assert!(!has(count.to_string().as_bytes()) && !has(&count.to_be_bytes()));
    (0..3).for_each(|number| holds_no_key(&octets, NUMBER + number));
    std::fs::remove_dir_all(files).unwrap();
}
