//! The AMF's side inside `naslane serve`: the daemon asks the NSSAAF, keeps the timers and takes notifications; the AMF
//! sends what it is given.

use std::os::fd::AsFd;
use std::time::Duration;

use naslane::base::Error;
use naslane::door::Door;
use naslane::nssaaf::http::{Client, Method, StatusCode, Uri};
use naslane::nssaaf::runner::Runner;
use naslane::nssaaf::service::NotificationType;
use naslane::procedure::nssaa::{Event, Status};

use crate::aaa::{Aaa, disconnect};
use crate::certificates;
use crate::network::{Seen, allowed};
use crate::nssaaf::{Nssaaf, Wanted};
use crate::sidecar::{Amf, Daemon};
use crate::world::{FIRST, SECOND, consumer, password, right, tls};

const USER: &str = "ue@slice.example";
const FAILED: u8 = 2;
const CERTIFIED: &str = "tls@slice.example";

#[test]
fn hosted_certificates_and_passwords_over_tls() {
    let aaa = Aaa::server("1.3");
    let file = |name: &str| certificates::directory().join(name);
    let tables = format!(
        "[tls]\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n",
        file("sbi.chain.pem"),
        file("sbi.key"),
        file("root.pem")
    );
    let nssaaf = Nssaaf::start(&Wanted {
        tables: &tables,
        ..Wanted::of(&[aaa.address])
    });
    // The certificate says localhost: a name, which the daemon can resolve at its start only.
    let root = format!("https://localhost:{}", nssaaf.address.port());
    let files = format!(
        "ca_file = {:?}\ncert_file = {:?}\nkey_file = {:?}",
        file("root.pem"),
        file("sbi.chain.pem"),
        file("sbi.key")
    );
    let daemon = Daemon::asking(&root, &files, "");
    let mut amf = Amf::of(&daemon, "");
    let certified = amf.join(
        1,
        &[(FIRST, CERTIFIED, &tls()), (SECOND, CERTIFIED, &tls())],
    );
    let seen = amf.settle(certified);
    assert_eq!(allowed(&seen), [FIRST, SECOND]);
    // Identity, start, fragments: many rounds, most of them messages of 1.4 kB.
    assert!(amf.completes > 10, "{}", amf.completes);
    let mixed = amf.join(
        2,
        &[(FIRST, USER, &right()), (SECOND, USER, &password("wrong"))],
    );
    let seen = amf.settle(mixed);
    assert_eq!(amf.status(mixed, FIRST), Some(Status::EapSuccess));
    assert_eq!(amf.status(mixed, SECOND), Some(Status::EapFailure));
    assert_eq!(
        seen.last(),
        Some(&Seen::Update(vec![FIRST], vec![(SECOND, FAILED)]))
    );
    // The notification comes over TLS, too.
    let gpsi = "msisdn-491700000002";
    assert_eq!(
        nssaaf.ask(NotificationType::SliceRevocation, gpsi, FIRST),
        1
    );
    amf.until("revoked", |amf| amf.status(mixed, FIRST).is_none());
    let outcome = |name: &str| {
        daemon.metric(&format!(
            "naslane_nssaa_answers_total{{outcome=\"{name}\"}}"
        ))
    };
    daemon.until_metric("naslane_nssaa_runs", |runs| runs == 0);
    // Figures are half a second old at most.
    daemon.until_metric(
        "naslane_nssaa_callbacks_total{kind=\"revocation\"}",
        |number| number == 1,
    );
    assert_eq!((outcome("success"), outcome("failure")), (3, 1));
    assert!(outcome("request") > 10 && outcome("unreachable") == 0);
    daemon.until_metric("naslane_nssaa_sessions", |number| number == 2);
    let page = daemon.get("/metrics") + &daemon.log();
    for secret in ["49170", "msisdn", "slice.example"] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
}

#[test]
fn hosted_revocation_and_re_authentication_reach_the_amf() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let daemon = Daemon::asking(&nssaaf.root(), "", "");
    let mut amf = Amf::of(&daemon, "");
    let ue = amf.join(4, &[(FIRST, USER, &right()), (SECOND, USER, &right())]);
    let other = amf.join(5, &[(FIRST, USER, &right())]);
    assert_eq!(allowed(&amf.settle(ue)), [FIRST, SECOND]);
    assert_eq!(allowed(&amf.settle(other)), [FIRST]);
    // By an operator: another run, which succeeds.
    let before = amf.completes;
    let gpsi = "msisdn-491700000004";
    assert_eq!(nssaaf.ask(NotificationType::SliceReAuth, gpsi, FIRST), 1);
    amf.until("another run", |amf| amf.completes >= before + 2);
    assert_eq!(amf.settle(ue), [Seen::Result(FIRST, true)]);
    // By the AAA server. Nothing but the eventfd tells the AMF.
    let revoked = format!("Calling-Station-Id = {}", &gpsi[7..]);
    let said = disconnect(nssaaf.dynamic, &format!("{revoked}, 3GPP-S-NSSAI = 0x02"));
    assert!(said.contains("Disconnect-ACK"), "{said}");
    amf.until("revoked", |amf| amf.status(ue, SECOND).is_none());
    let seen = amf.settle(ue);
    assert!(seen.contains(&Seen::Release(SECOND)), "{seen:?}");
    assert!(
        seen.contains(&Seen::Update(vec![FIRST], vec![(SECOND, FAILED)])),
        "{seen:?}"
    );
    assert_eq!(amf.seen(other), []);
    for (kind, number) in [
        ("re_authentication", 1),
        ("revocation", 1),
        ("malformed", 0),
    ] {
        let name = format!("naslane_nssaa_callbacks_total{{kind=\"{kind}\"}}");
        daemon.until_metric(&name, |found| found == number);
    }
}

/// UEs in all stages when the NSSAAF dies, and again when the AAA server does; and some COMMANDs get lost: all end as they
/// should.
#[test]
fn hosted_nssaaf_killed_in_the_middle() {
    let mut aaa = Aaa::server("1.3");
    let mut nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    // Fewer at a time than there are UEs: who finds no room is tried again.
    let daemon = Daemon::asking(&nssaaf.root(), "runs = 15\nunder_way = 4", "");
    let mut amf = Amf::of(&daemon, "");
    let credentials = tls();
    let accounts = [FIRST, SECOND].map(|one| (one, CERTIFIED, &credentials));
    let ues: Vec<_> = (10..30).map(|number| amf.join(number, &accounts)).collect();
    amf.lose = 3;
    amf.until("under way", |amf| amf.completes > 30);
    nssaaf.kill();
    amf.turn(Duration::from_millis(200));
    nssaaf.run();
    let before = amf.completes;
    amf.until("under way again", |amf| amf.completes > before + 30);
    aaa.kill();
    amf.turn(Duration::from_millis(200));
    aaa.run();
    for ue in ues {
        let seen = amf.settle(ue);
        assert_eq!(allowed(&seen).len(), 2, "{seen:?}");
    }
    assert_eq!(amf.lose, 0);
    for name in ["naslane_nssaa_retries_total", "naslane_nssaa_busy_total"] {
        daemon.until_metric(name, |number| number > 0);
    }
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn hosted_hostile_notifications_change_nothing() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let daemon = Daemon::asking(&nssaaf.root(), "", "");
    let mut amf = Amf::of(&daemon, "");
    let ue = amf.join(6, &[(FIRST, USER, &right())]);
    assert_eq!(allowed(&amf.settle(ue)), [FIRST]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(None, Duration::from_secs(20));
    let post = |path: &str, body: Vec<u8>| {
        let uri: Uri = format!("http://{}{path}", daemon.callbacks)
            .parse()
            .unwrap();
        let answer = runtime.block_on(client.ask(&Method::POST, &uri, &body.into()));
        answer.unwrap().status
    };
    let (reauth, revoc) = ("/nssaa/re-authentication", "/nssaa/revocation");
    let notification = |kind: &str, gpsi: &str| {
        format!("{{\"notifType\":\"{kind}\",\"gpsi\":\"{gpsi}\",\"snssai\":{{\"sst\":1,\"sd\":\"000001\"}}}}")
            .into_bytes()
    };
    let good = "msisdn-491700000006";
    let bodies: [&[u8]; 8] = [
        b"",
        b"{",
        b"[]",
        b"{\"notifType\":\"SLICE_REVOCATION\"}",
        b"{\"notifType\":\"SLICE_REVOCATION\",\"gpsi\":7,\"snssai\":{\"sst\":1}}",
        b"{\"notifType\":\"SLICE_REVOCATION\",\"gpsi\":\"msisdn-491700000006\",\"snssai\":{\"sst\":256}}",
        b"{\"notifType\":\"SLICE_REVOCATION\",\"gpsi\":\"msisdn-491700000006\",\"snssai\":{\"sst\":1,\"sd\":\"xyz\"}}",
        &[0xFF; 64],
    ];
    for body in bodies {
        for path in [reauth, revoc] {
            assert_eq!(
                post(path, body.to_vec()),
                StatusCode::BAD_REQUEST,
                "{body:?}"
            );
        }
    }
    // The other one's kind, another place, more than is read, somebody who is not here.
    let wrong = notification("SLICE_REVOCATION", good);
    assert_eq!(post(reauth, wrong.clone()), StatusCode::BAD_REQUEST);
    assert_eq!(post("/", wrong), StatusCode::NOT_FOUND);
    assert_eq!(
        post(revoc, vec![b' '; 70_000]),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let nobody = notification("SLICE_REVOCATION", "msisdn-491799999999");
    assert_eq!(post(revoc, nobody), StatusCode::NO_CONTENT);
    // Octets that are no HTTP/2 at all.
    for _ in 0..20 {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(daemon.callbacks).unwrap();
        let _ = stream.write_all(b"POST /nssaa/revocation HTTP/1.1\r\nHost: a\r\n\r\n\xFF\xFF");
    }
    amf.turn(Duration::from_millis(50));
    assert_eq!(
        (amf.seen(ue), amf.status(ue, FIRST)),
        (vec![], Some(Status::EapSuccess))
    );
    let malformed = "naslane_nssaa_callbacks_total{kind=\"malformed\"}";
    daemon.until_metric(malformed, |number| number == 17);
    // And what is right still is.
    let right = notification("SLICE_REVOCATION", good);
    assert_eq!(post(revoc, right), StatusCode::NO_CONTENT);
    amf.until("revoked", |amf| amf.status(ue, FIRST).is_none());
}

#[test]
fn hosted_a_client_that_dies_leaves_nothing_or_comes_back() {
    let aaa = Aaa::server("1.3");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let keep = "[clients]\non_client_death = \"keep\"\n";
    let daemon = Daemon::asking(&nssaaf.root(), "", keep);
    let credentials = tls();
    let accounts = [FIRST, SECOND].map(|one| (one, CERTIFIED, &credentials));
    // Without a name: its exchanges end with it.
    let mut nameless = Amf::of(&daemon, "");
    for number in 40..45 {
        nameless.join(number, &accounts);
    }
    nameless.until("under way", |amf| amf.completes > 10);
    daemon.until_metric("naslane_nssaa_runs", |runs| runs > 0);
    drop(nameless);
    for name in ["sessions", "runs", "exchanges", "waiting"] {
        daemon.until_metric(&format!("naslane_nssaa_{name}"), |number| number == 0);
    }
    // With one: they go on, and who comes back is told what waits for it.
    let mut named = Amf::of(&daemon, "amf");
    let ue = named.join(50, &accounts);
    named.until("under way", |amf| amf.completes > 3);
    let Amf {
        door, ues, members, ..
    } = named;
    drop(door);
    daemon.until_metric("naslane_nssaa_sessions", |number| number == 1);
    let mut back = Amf::of(&daemon, "amf");
    assert_eq!(back.door.handles(), Ok(vec![ue]));
    (back.ues, back.members) = (ues, members);
    assert_eq!(allowed(&back.settle(ue)), [FIRST, SECOND]);
    // Released in the middle.
    let released = back.join(51, &accounts);
    back.until("under way", |amf| {
        amf.door.nssaa_state(released).unwrap().running.is_some()
    });
    back.door.release(released).unwrap();
    back.members.remove(&released);
    daemon.until_metric("naslane_nssaa_sessions", |number| number == 1);
    assert_eq!(back.door.nssaa_ready(9), Ok(vec![]));
}

#[test]
fn hosted_is_unmistakable_and_each_client_has_its_own() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let daemon = Daemon::asking(&nssaaf.root(), "", "");
    let mut amf = Amf::of(&daemon, "");
    let ue = amf.join(60, &[(FIRST, USER, &right())]);
    // No runner beside it, and nothing of what one would tell.
    let mut runner = Runner::new(consumer(&nssaaf.root()));
    assert_eq!(runner.watch(&amf.door, ue), Err(Error::Hosted));
    for event in [Event::T3575Expired, Event::RetryExpired, Event::RunnerLost] {
        assert_eq!(amf.door.nssaa_event(ue, event), Err(Error::Hosted));
    }
    // Another client neither sees nor takes what is this one's.
    let stranger = Door::connect(&daemon.socket, "").unwrap();
    assert_eq!(stranger.nssaa_ready(9), Ok(vec![]));
    let mut room = vec![0; 2000];
    assert_eq!(stranger.nssaa_poll(ue, &mut room), Err(Error::Handle));
    // The COMMAND that follows from the registration waits; taken, and lost: T3575 brings it again.
    assert_eq!(amf.door.nssaa_wait(Duration::from_secs(5)), Ok(true));
    assert_eq!(amf.door.nssaa_ready(0), Ok(vec![]));
    assert_eq!(
        amf.door.nssaa_wait(Duration::from_secs(5)),
        Ok(true),
        "still there"
    );
    amf.lose = 2;
    assert_eq!(allowed(&amf.settle(ue)), [FIRST]);
    assert_eq!(amf.lose, 0);
    let bell = amf.door.nssaa_eventfd().unwrap();
    assert!(bell.as_fd().try_clone_to_owned().is_ok());
    // A daemon that asks nobody says so, and so does an engine of one's own.
    let silent = Daemon::silent();
    let alone = Door::connect(&silent.socket, "").unwrap();
    assert_eq!(alone.nssaa_hosted(), Ok(false));
    assert_eq!(alone.nssaa_ready(9), Err(Error::Unsupported));
    assert!(!silent.get("/metrics").contains("naslane_nssaa"));
}
