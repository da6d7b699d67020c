//! The whole procedure: NAS messages at one end, FreeRADIUS at the other.

use std::time::Duration;

use naslane::nssaaf::service::NotificationType;
use naslane::procedure::nssaa::Status;

use crate::aaa::{Aaa, disconnect};
use crate::network::{Network, Seen, allowed};
use crate::nssaaf::{Nssaaf, Wanted};
use crate::world::{FIRST, REFUSED, SECOND, password, right, tls};

const USER: &str = "ue@slice.example";
/// "Not available due to failed or revoked NSSAA" (TS 24.501 9.11.3.46).
const FAILED: u8 = 2;

#[test]
fn two_slices_with_certificates() {
    let aaa = Aaa::server("1.3");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let mut network = Network::new(&nssaaf.root());
    let ue = network.join(
        1,
        &[
            (FIRST, "tls@slice.example", &tls()),
            (SECOND, "tls@slice.example", &tls()),
        ],
    );
    let seen = network.settle(ue);
    for s_nssai in [FIRST, SECOND] {
        assert!(seen.contains(&Seen::Result(s_nssai, true)), "{seen:?}");
        assert_eq!(network.status(ue, s_nssai), Some(Status::EapSuccess));
    }
    assert_eq!(allowed(&seen), [FIRST, SECOND]);
    // Identity, start, fragments: many rounds, most of them messages of 1.4 kB.
    assert!(network.completes > 10, "{}", network.completes);
}

#[test]
fn one_of_two_slices_fails() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let mut network = Network::new(&nssaaf.root());
    let ue = network.join(
        2,
        &[(FIRST, USER, &right()), (SECOND, USER, &password("wrong"))],
    );
    let seen = network.settle(ue);
    assert!(
        seen.contains(&Seen::Result(FIRST, true)) && seen.contains(&Seen::Result(SECOND, false)),
        "{seen:?}"
    );
    assert_eq!(network.status(ue, FIRST), Some(Status::EapSuccess));
    assert_eq!(network.status(ue, SECOND), Some(Status::EapFailure));
    assert_eq!(
        seen.last(),
        Some(&Seen::Update(vec![FIRST], vec![(SECOND, FAILED)]))
    );
}

#[test]
fn every_slice_fails_and_the_ue_is_deregistered() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let mut network = Network::new(&nssaaf.root());
    // One by its password, one because the AAA server refuses at once, without a word of EAP to the UE.
    let ue = network.join(
        3,
        &[(FIRST, USER, &password("wrong")), (REFUSED, USER, &right())],
    );
    network.until("deregistered", |network| {
        network.amf.nssaa_state(ue).unwrap().running.is_none()
            && network.status(ue, REFUSED) == Some(Status::EapFailure)
    });
    network.turn(Duration::from_millis(50));
    let seen = network.seen(ue);
    let Some(Seen::Deregistered(rejected, cause)) = seen.last() else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (rejected.as_slice(), *cause),
        (&[(FIRST, FAILED), (REFUSED, FAILED)][..], Some(62))
    );
}

#[test]
fn revocation_by_the_aaa_server() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let mut network = Network::new(&nssaaf.root());
    let ue = network.join(4, &[(FIRST, USER, &right()), (SECOND, USER, &right())]);
    assert_eq!(allowed(&network.settle(ue)), [FIRST, SECOND]);
    let gpsi = "Calling-Station-Id = 491700000004";
    // A slice that this server has no say in, and one without a name.
    assert!(
        disconnect(nssaaf.dynamic, &format!("{gpsi}, 3GPP-S-NSSAI = 0x63"))
            .contains("Disconnect-NAK")
    );
    assert!(disconnect(nssaaf.dynamic, gpsi).contains("Disconnect-NAK"));
    assert!(
        disconnect(nssaaf.dynamic, &format!("{gpsi}, 3GPP-S-NSSAI = 0x02"))
            .contains("Disconnect-ACK")
    );
    network.until("revoked", |network| network.status(ue, SECOND).is_none());
    let seen = network.settle(ue);
    assert!(seen.contains(&Seen::Release(SECOND)), "{seen:?}");
    assert!(
        seen.contains(&Seen::Update(vec![FIRST], vec![(SECOND, FAILED)])),
        "{seen:?}"
    );
    // The last one: nothing is left.
    assert!(
        disconnect(
            nssaaf.dynamic,
            &format!("{gpsi}, 3GPP-S-NSSAI = 0x01000001")
        )
        .contains("Disconnect-ACK")
    );
    network.until("revoked", |network| network.status(ue, FIRST).is_none());
    network.turn(Duration::from_millis(50));
    let seen = network.seen(ue);
    assert!(
        seen.iter()
            .any(|one| matches!(one, Seen::Deregistered(_, Some(62)))),
        "{seen:?}"
    );
    // A UE that no AMF registered: acknowledged, and that is all.
    let nobody = "Calling-Station-Id = 491799999999, 3GPP-S-NSSAI = 0x02";
    assert!(disconnect(nssaaf.dynamic, nobody).contains("Disconnect-ACK"));
}

#[test]
fn re_authentication_by_an_operator() {
    let aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let mut network = Network::new(&nssaaf.root());
    let ue = network.join(5, &[(FIRST, USER, &right())]);
    assert_eq!(allowed(&network.settle(ue)), [FIRST]);
    assert_eq!(
        nssaaf.ask(NotificationType::SliceReAuth, "msisdn-491700000005", FIRST),
        1
    );
    network.until("a second result", |network| network.completes >= 4);
    network.settle(ue);
    assert_eq!(network.status(ue, FIRST), Some(Status::EapSuccess));
    // The password changed meanwhile.
    network.set(ue, FIRST, USER, &password("old"));
    assert_eq!(
        nssaaf.ask(NotificationType::SliceReAuth, "msisdn-491700000005", FIRST),
        1
    );
    network.until("failed", |network| {
        network.status(ue, FIRST) == Some(Status::EapFailure)
    });
    // By an operator's word, revocation likewise; a UE that nobody knows reaches nobody.
    assert_eq!(
        nssaaf.ask(
            NotificationType::SliceRevocation,
            "msisdn-491700000005",
            FIRST
        ),
        1
    );
    assert_eq!(
        nssaaf.ask(NotificationType::SliceReAuth, "msisdn-491799999999", FIRST),
        0
    );
}

#[test]
fn aaa_server_down_and_back() {
    let mut aaa = Aaa::server("1.2");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    aaa.kill();
    let mut network = Network::new(&nssaaf.root());
    let ue = network.join(6, &[(FIRST, USER, &right()), (SECOND, USER, &right())]);
    let end = std::time::Instant::now() + Duration::from_secs(2);
    while std::time::Instant::now() < end {
        network.turn(Duration::from_millis(100));
    }
    // Nobody's verdict is no verdict.
    assert_eq!(
        [FIRST, SECOND].map(|s| network.status(ue, s)),
        [Some(Status::Pending); 2]
    );
    assert_eq!(network.seen(ue), []);
    aaa.run();
    assert_eq!(allowed(&network.settle(ue)), [FIRST, SECOND]);
}

/// UEs in all stages when the NSSAAF dies, and again when the AAA server does: all end as they should.
#[test]
fn nssaaf_and_aaa_server_killed_in_the_middle() {
    let mut aaa = Aaa::server("1.3");
    let mut nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let mut network = Network::new(&nssaaf.root());
    let credentials = tls();
    let join = |number| {
        (
            number,
            [FIRST, SECOND].map(|s| (s, "tls@slice.example", &credentials)),
        )
    };
    let mut ues = Vec::new();
    for (number, accounts) in (10..30).map(join) {
        ues.push(network.join(number, &accounts));
    }
    let before = network.completes;
    network.until("under way", |network| network.completes > before + 30);
    nssaaf.kill();
    network.turn(Duration::from_millis(200));
    nssaaf.run();
    let before = network.completes;
    network.until("under way again", |network| network.completes > before + 30);
    aaa.kill();
    network.turn(Duration::from_millis(200));
    aaa.run();
    for ue in ues {
        let seen = network.settle(ue);
        assert_eq!(allowed(&seen).len(), 2, "{seen:?}");
        assert_eq!(
            [FIRST, SECOND].map(|s| network.status(ue, s)),
            [Some(Status::EapSuccess); 2]
        );
    }
}

#[test]
fn through_a_proxy() {
    let aaa = Aaa::server("1.2");
    let proxy = Aaa::proxy(aaa.address);
    let nssaaf = Nssaaf::start(&Wanted::of(&[proxy.address]));
    let mut network = Network::new(&nssaaf.root());
    let ue = network.join(
        7,
        &[
            (FIRST, "tls@slice.example", &tls()),
            (SECOND, USER, &password("wrong")),
        ],
    );
    let seen = network.settle(ue);
    assert_eq!(allowed(&seen), [FIRST]);
    assert_eq!(network.status(ue, SECOND), Some(Status::EapFailure));
}
