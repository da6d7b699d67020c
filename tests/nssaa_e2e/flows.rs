//! One test for each course that an authentication, a re-authentication or a revocation takes.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use naslane::nssaaf::consumer::{Event, Outcome, Trouble};
use naslane::nssaaf::service::{Cause, NotificationType};

use crate::aaa::{Aaa, SECRET, free_port};
use crate::nssaaf::{Nssaaf, Wanted};
use crate::relay::{Relay, Toward};
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
    failed(&authenticate(
        &amf,
        (UE, REFUSED),
        &mut peer("ue@slice.example", &right()),
    ));
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
