//! One test for each course that an authentication, a re-authentication or a revocation takes.

use std::time::Duration;

use naslane::nas::nssaa::{EapMessage, identity_request};
use naslane::nssaaf::consumer::{Consumer, Event, Outcome, Settings, Trouble};
use naslane::nssaaf::service::{Cause, NotificationType};

use crate::aaa::Aaa;
use crate::nssaaf::{Nssaaf, Wanted};
use crate::ports::free_port;
use crate::relay::{Relay, Toward};
use crate::world::settings;
use crate::world::{
    End, FIRST, PATIENCE, REFUSED, SECOND, authenticate, certificate, consumer, failed, go_on,
    password, peer, response, right, succeeded, tls,
};

const UE: &str = "msisdn-491700000001";

fn trouble(end: &End) -> Trouble {
    match end.amf {
        Outcome::Trouble(trouble) => trouble,
        _ => panic!("{end:?} instead of trouble"),
    }
}

fn unanswered() -> Trouble {
    Trouble::Upstream(Cause::TimedOutRequest)
}

#[test]
fn eap_md5() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let amf = consumer(&nssaaf.root());
    // Both kinds of GPSI, both kinds of S-NSSAI.
    for (gpsi, s_nssai) in [(UE, FIRST), ("extid-ue@slice.example", SECOND)] {
        let end = authenticate(
            &amf,
            (gpsi, s_nssai),
            &mut peer("ue@slice.example", &right()),
        );
        assert_eq!(succeeded(&end), 2);
    }
    // Wrong password; two slices of which one fails.
    let end = authenticate(
        &amf,
        (UE, FIRST),
        &mut peer("ue@slice.example", &password("wrong")),
    );
    failed(&end);
    let end = authenticate(&amf, (UE, REFUSED), &mut peer("ue@slice.example", &right()));
    assert_eq!(trouble(&end), Trouble::Rejected);
    succeeded(&authenticate(
        &amf,
        (UE, SECOND),
        &mut peer("ue@slice.example", &right()),
    ));
    // A user who is rejected at once, and a slice that nobody decides on.
    let end = authenticate(
        &amf,
        (UE, FIRST),
        &mut peer("nobody@slice.example", &right()),
    );
    assert_eq!(trouble(&end), Trouble::Rejected);
    let other = naslane::nas::nssaa::SNssai::new(1, 2);
    let end = authenticate(&amf, (UE, other), &mut peer("ue@slice.example", &right()));
    assert_eq!(trouble(&end), Trouble::Rejected);
    let end = authenticate(
        &amf,
        ("imsi-1", FIRST),
        &mut peer("ue@slice.example", &right()),
    );
    assert_eq!(trouble(&end), Trouble::UserNotFound);
    assert_eq!(amf.runs(), 0);
}

fn eap_tls(version: &str) {
    let aaa = Aaa::server(version);
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let amf = consumer(&nssaaf.root());
    let end = authenticate(&amf, (UE, FIRST), &mut peer("tls@slice.example", &tls()));
    let rounds = succeeded(&end);
    assert!(rounds > 4, "{rounds} rounds: no fragments?");
    // A certificate that the server does not trust; a server whose name is not the one that the UE expects.
    let stranger = certificate("stranger", crate::certificates::AAA);
    failed(&authenticate(
        &amf,
        (UE, FIRST),
        &mut peer("tls@slice.example", &stranger),
    ));
    let elsewhere = certificate("ue", "other.slice.example");
    failed(&authenticate(
        &amf,
        (UE, FIRST),
        &mut peer("tls@slice.example", &elsewhere),
    ));
}

#[test]
fn eap_tls_1_2() {
    eap_tls("1.2");
}

#[test]
fn eap_tls_1_3_with_its_protected_indication() {
    eap_tls("1.3");
}

#[test]
fn a_wrong_secret() {
    let aaa = Aaa::server("1.2");
    let servers = [aaa.address];
    let wanted = Wanted {
        secret: "not that secret",
        ..Wanted::of(&servers)
    };
    let nssaaf = Nssaaf::start(&wanted);
    let amf = consumer(&nssaaf.root());
    let end = authenticate(&amf, (UE, FIRST), &mut peer("ue@slice.example", &right()));
    assert_eq!(trouble(&end), unanswered());
}

#[test]
fn an_aaa_server_that_is_slow_or_loses_half_or_is_impersonated() {
    let aaa = Aaa::server("1.2");
    // Slower than the first retransmission; every second packet lost; a forged Accept before the real answer.
    let slow = Relay::start(aaa.address, |_, toward, _| {
        Some(Duration::from_millis(if toward == Toward::Client {
            250
        } else {
            0
        }))
    });
    let lossy = Relay::start(aaa.address, |_, _, number| {
        (number % 2 == 1).then_some(Duration::ZERO)
    });
    let forged = Relay::start(aaa.address, |octets, toward, number| {
        if toward == Toward::Client && number % 2 == 0 {
            octets[0] = 2;
        }
        Some(Duration::ZERO)
    });
    for relay in [&slow, &lossy, &forged] {
        let nssaaf = Nssaaf::start(&Wanted::of(&[relay.address]));
        let amf = consumer(&nssaaf.root());
        let end = authenticate(&amf, (UE, FIRST), &mut peer("ue@slice.example", &right()));
        assert_eq!(succeeded(&end), 2);
    }
}

#[test]
fn the_second_aaa_server_when_the_first_is_down() {
    let aaa = Aaa::server("1.2");
    let nobody = ([127, 0, 0, 1], free_port()).into();
    let nssaaf = Nssaaf::start(&Wanted::of(&[nobody, aaa.address]));
    let amf = consumer(&nssaaf.root());
    for _ in 0..2 {
        succeeded(&authenticate(
            &amf,
            (UE, FIRST),
            &mut peer("ue@slice.example", &right()),
        ));
    }
}

#[test]
fn an_nssaaf_that_was_restarted_has_forgotten() {
    let aaa = Aaa::server("1.2");
    let mut nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let amf = consumer(&nssaaf.root());
    let mut ue = peer("ue@slice.example", &right());
    let identity = response(&mut ue, &identity_request(1));
    amf.begin(1, (UE, FIRST), EapMessage::parse(&identity).unwrap())
        .unwrap();
    let Some(Event::Answer {
        outcome: Outcome::Request(challenge),
        ..
    }) = amf.wait(PATIENCE)
    else {
        panic!("no challenge");
    };
    nssaaf.kill();
    nssaaf.run();
    let answer = response(&mut ue, &challenge);
    amf.proceed(1, EapMessage::parse(&answer).unwrap()).unwrap();
    assert_eq!(trouble(&go_on(&amf, &mut ue)), Trouble::ContextNotFound);
    succeeded(&authenticate(
        &amf,
        (UE, FIRST),
        &mut peer("ue@slice.example", &right()),
    ));
}

/// Https both ways, each side with a certificate; a client without one is turned away.
#[test]
fn over_tls() {
    let aaa = Aaa::server("1.2");
    let certificates = crate::certificates::directory();
    let file = |name: &str| certificates.join(name);
    let tls = format!(
        "[tls]\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n",
        file("sbi.chain.pem"),
        file("sbi.key"),
        file("root.pem")
    );
    let nssaaf = Nssaaf::start(&Wanted {
        tables: &tls,
        ..Wanted::of(&[aaa.address])
    });
    let root = nssaaf.root().replace("http:", "https:");
    let files = |name: &str| naslane::nssaaf::http::tls::Files {
        certificate: Some(file(&format!("{name}.chain.pem"))),
        key: Some(file(&format!("{name}.key"))),
        trust: file("root.pem"),
    };
    let start = |name| {
        let settings = Settings {
            tls: Some(files(name)),
            attempts: 1,
            ..settings(&root)
        };
        Consumer::start(settings, Box::new(|| ())).unwrap()
    };
    let amf = start("sbi");
    succeeded(&authenticate(
        &amf,
        (UE, FIRST),
        &mut peer("ue@slice.example", &right()),
    ));
    assert_eq!(
        nssaaf.ask(NotificationType::SliceReAuth, UE, FIRST),
        1,
        "the callback is https too"
    );
    assert!(matches!(
        amf.wait(PATIENCE),
        Some(Event::Notification { .. })
    ));
    let stranger = start("stranger");
    let end = authenticate(
        &stranger,
        (UE, FIRST),
        &mut peer("ue@slice.example", &right()),
    );
    assert_eq!(trouble(&end), Trouble::Unreachable);
}
