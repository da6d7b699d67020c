//! Slice authentication that the daemon drives, of sessions that move: what was asked for a session ends here with it.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::door::Door;
use naslane::engine::Engine;
use naslane::engine::nssaa::NSSAA_ROOM;
use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::eap::Credentials;
use naslane::nssaaf::ue::{Account, Heard, Subscriber};
use naslane::procedure::nssaa::{Action, Event, Registration, Subscribed, Subscription};
use naslane::procedure::smc::{Activation, Answer, Request};
use naslane::security::Role;
use naslane::session::Handle;
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::common::{DOWNLINK, GPP, capability, engine, identity};
use crate::node::{etcd, keys, sections};
use crate::world::{Daemon, PATIENCE};

const SLICE: SNssai = SNssai::sst(1);

/// An NSSAAF that takes every connection and never says anything.
struct Mute {
    port: u16,
    taken: Arc<Mutex<Vec<TcpStream>>>,
}

impl Mute {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::<Mutex<Vec<TcpStream>>>::default();
        let kept = Arc::clone(&taken);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                kept.lock().unwrap().push(stream);
            }
        });
        Self { port, taken }
    }

    fn section(&self) -> String {
        format!("[nssaa]\nnssaaf = [\"http://127.0.0.1:{}\"]\n", self.port)
    }

    fn was_called(&self) -> bool {
        !self.taken.lock().unwrap().is_empty()
    }
}

fn subscribe(door: &Door, handle: Handle) {
    let slices = [Subscribed {
        slice: SLICE.into(),
        nssaa: true,
        default: false,
    }];
    let subscription = Subscription {
        gpsis: &["msisdn-491700000001"],
        slices: &slices,
    };
    door.nssaa_subscribe(handle, &subscription).unwrap();
}

/// A named session whose slice authentication is under way: the NSSAAF was asked.
fn under_way(door: &Door, ues: &Engine, number: u64) -> Handle {
    let (amf, ue) = (
        door.establish(Role::Amf).unwrap(),
        ues.establish(Role::Ue).unwrap(),
    );
    door.name_session(amf, &number.to_be_bytes()).unwrap();
    door.authenticated(amf, identity(number, 0)).unwrap();
    ues.authenticated(ue, identity(number, 0)).unwrap();
    let (mut command, mut answer) = (vec![0; 512], vec![0; 512]);
    let request = Request::new(GPP, Activation::Partial);
    let sent = door.smc_command(amf, &request, &mut command).unwrap();
    let env = ues.ue_env(capability());
    let given = (GPP, &command[..sent.len]);
    let Ok(Answer::Complete(sent)) = ues.ue_command(ue, given, &env, &mut answer) else {
        panic!("no COMPLETE")
    };
    let mut plain = vec![0; 512];
    let received = door.verify(amf, GPP, &answer[..sent.len], &mut plain);
    assert_eq!(received.verdict.result, Ok(()));
    subscribe(door, amf);
    let registration = Registration {
        access: GPP,
        asked: &[SLICE.into()],
        nssaa_supported: true,
        extended_rejected: false,
    };
    door.nssaa_register(amf, &registration).unwrap();
    door.nssaa_event(amf, Event::Registered(GPP)).unwrap();
    let mut room = vec![0; NSSAA_ROOM];
    let Ok(Some(Action::Send { len, .. })) = door.nssaa_poll(amf, &mut room) else {
        panic!("no COMMAND")
    };
    let mut subscriber = Subscriber::new(ue);
    let account = Account {
        identity: "ue@slice.example".to_owned(),
        credentials: Credentials::Password(b"password".to_vec().into()),
    };
    subscriber.set(SLICE, account);
    let Ok(Heard::Complete(complete)) = subscriber.hear(ues, GPP, &room[..len]) else {
        panic!("no COMPLETE")
    };
    let mut out = vec![0; complete.len()];
    let uplink = door.nssaa_uplink(amf, GPP, &complete, &mut out);
    assert_eq!(uplink.procedure, Some(Ok(())));
    amf
}

/// Waits until a metric without labels is this.
fn becomes(daemon: &Daemon, name: &str, number: u64) {
    let begin = Instant::now();
    loop {
        let page = daemon.get("/metrics");
        if page.contains(&format!("\n{name} {number}\n")) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{name} {number}: {page}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn left(daemon: &Daemon, number: u64) {
    for name in ["sessions", "runs", "exchanges"] {
        becomes(daemon, &format!("naslane_nssaa_{name}"), number);
    }
}

fn patiently<T>(what: &str, passing: &[Error], ask: impl Fn() -> Result<T, Error>) -> T {
    let begin = Instant::now();
    loop {
        match ask() {
            Err(error) if error == Error::Busy || passing.contains(&error) => {
                assert!(begin.elapsed() < PATIENCE, "{what}: {error:?} for ever");
                std::thread::sleep(Duration::from_millis(5));
            }
            answer => return answer.unwrap(),
        }
    }
}

#[test]
fn hosted_exchanges_end_when_their_session_is_given_away() {
    let (keys, ues, mute) = (keys("hosted"), engine(2, 2), Mute::start());
    let file = keys.join("store");
    let store = format!("kind = \"embedded\"\npath = {:?}\n", file.to_str().unwrap());
    let settings = sections(&keys, &store) + &mute.section();
    let daemon = Daemon::with("hosted", &settings);
    let door = Door::connect(&daemon.socket, "amf").unwrap();
    let session = under_way(&door, &ues, 7);
    left(&daemon, 1);
    assert!(mute.was_called());
    patiently("give", &[], || door.give_session(session));
    left(&daemon, 0);
    assert_eq!(door.nssaa_state(session), Err(Error::Handle));
    assert_eq!(door.nssaa_ready(9), Ok(vec![]));
    std::fs::remove_dir_all(keys).unwrap();
}

#[test]
fn hosted_exchanges_end_when_another_daemon_took_their_session() {
    let cluster = Cluster::start("hosted");
    drop(cluster.open());
    let (keys, ues, mute) = (keys("hosted-lost"), engine(2, 2), Mute::start());
    let settings = sections(&keys, &etcd(&cluster));
    let a = Daemon::with("hosted-a", &format!("{settings}{}", mute.section()));
    let b = Daemon::with("hosted-b", &settings);
    let (at_a, at_b) = (
        Door::connect(&a.socket, "amf").unwrap(),
        Door::connect(&b.socket, "amf").unwrap(),
    );
    let session = under_way(&at_a, &ues, 8);
    left(&a, 1);
    // Its record must have reached the store: until then nobody can take it over.
    let begin = Instant::now();
    while a
        .get("/metrics")
        .contains("\nnaslane_store_writes_total 0\n")
    {
        assert!(begin.elapsed() < PATIENCE, "nothing is written");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    a.signal(Signal::STOP);
    patiently("take", &[Error::Fenced], || {
        at_b.take_session(&8_u64.to_be_bytes(), 8)
    });
    a.signal(Signal::CONT);
    // It hears of it when it needs the next COUNTs of the session.
    let begin = Instant::now();
    let mut pdu = [0; DOWNLINK.len() + 7];
    while at_a.protect(session, GPP, DOWNLINK, &mut pdu) != Err(Error::Fenced) {
        assert!(begin.elapsed() < PATIENCE, "never fenced");
        std::thread::sleep(Duration::from_millis(2));
    }
    left(&a, 0);
    let asked = at_a.nssaa_state(session);
    assert!(
        matches!(asked, Err(Error::Fenced | Error::Handle)),
        "{asked:?}"
    );
    std::fs::remove_dir_all(keys).unwrap();
}
