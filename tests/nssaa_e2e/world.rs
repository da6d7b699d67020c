//! The parts of a test put together: the AMF's consumer, and UEs with their EAP peers.

use std::time::Duration;

use naslane::nas::nssaa::{EapMessage, SNssai, identity_request};
use naslane::nssaaf::consumer::{Callbacks, Consumer, Event, Outcome, Settings};
use naslane::nssaaf::eap::{Credentials, Peer, PeerError, Reply, tls};
use zeroize::Zeroizing;

use crate::aaa::PASSWORD;
use crate::certificates::{AAA, directory};

/// A slice that every user may use.
pub(crate) const FIRST: SNssai = SNssai::new(1, 1);
/// Another one, without SD.
pub(crate) const SECOND: SNssai = SNssai::sst(2);
/// One that the AAA server refuses to everybody.
pub(crate) const REFUSED: SNssai = SNssai::sst(7);

/// Longer than anything takes here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Settings of an AMF that takes notifications.
pub(crate) fn settings(root: &str) -> Settings {
    Settings {
        amf_instance_id: Some("8a4e3c1e-0001-4000-8000-000000000001".to_owned()),
        callbacks: Some(Callbacks {
            listen: ([127, 0, 0, 1], 0).into(),
            root: None,
        }),
        backoff_ms: 50,
        ..Settings::new(root)
    }
}

pub(crate) fn consumer(root: &str) -> Consumer {
    Consumer::start(settings(root), Box::new(|| ())).unwrap()
}

pub(crate) fn password(password: &str) -> Credentials {
    Credentials::Password(Zeroizing::new(password.as_bytes().to_vec()))
}

pub(crate) fn right() -> Credentials {
    password(PASSWORD)
}

/// EAP-TLS with one of the certificates.
pub(crate) fn certificate(name: &str, server: &'static str) -> Credentials {
    let file = |end: &str| directory().join(format!("{name}.{end}"));
    let files = tls::Files {
        trust: &directory().join("root.pem"),
        certificate: &file("chain.pem"),
        key: &file("key"),
    };
    Credentials::Tls(tls::config(&files).unwrap(), server.try_into().unwrap())
}

pub(crate) fn tls() -> Credentials {
    certificate("ue", AAA)
}

pub(crate) fn peer(identity: &str, credentials: &Credentials) -> Peer {
    Peer::new(identity, credentials).unwrap()
}

/// The response of a peer that must have one.
pub(crate) fn response(peer: &mut Peer, request: &[u8]) -> Vec<u8> {
    match peer.receive(request).unwrap() {
        Reply::Response(response) => response,
        other => panic!("{other:?} instead of a response"),
    }
}

/// How one authentication ended, as the AMF and the UE saw it, and the rounds it took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) amf: Outcome,
    pub(crate) ue: Option<Result<Reply, PeerError>>,
    pub(crate) rounds: usize,
}

/// The AMF relays until something ends it.
pub(crate) fn authenticate(consumer: &Consumer, about: (&str, SNssai), peer: &mut Peer) -> End {
    let identity = response(peer, &identity_request(1));
    consumer
        .begin(1, about, EapMessage::parse(&identity).unwrap())
        .unwrap();
    go_on(consumer, peer)
}

/// The rest of [`authenticate`], from the answer that is waited for.
pub(crate) fn go_on(consumer: &Consumer, peer: &mut Peer) -> End {
    for rounds in 1..100 {
        let outcome = match consumer.wait(PATIENCE) {
            Some(Event::Answer { ticket: 1, outcome }) => outcome,
            other => panic!("{other:?} instead of an answer"),
        };
        let ue = match &outcome {
            Outcome::Request(eap) => {
                let response = response(peer, eap);
                assert!(response.len() <= 1500);
                consumer
                    .proceed(1, EapMessage::parse(&response).unwrap())
                    .unwrap();
                continue;
            }
            Outcome::Success(eap) | Outcome::Failure(eap) => Some(peer.receive(eap)),
            Outcome::Trouble(_) => None,
        };
        return End {
            amf: outcome,
            ue,
            rounds,
        };
    }
    panic!("no end");
}

/// Both sides agree that it succeeded; returns the rounds.
pub(crate) fn succeeded(end: &End) -> usize {
    assert!(matches!(end.amf, Outcome::Success(_)), "{end:?}");
    assert_eq!(end.ue, Some(Ok(Reply::Success)), "{end:?}");
    end.rounds
}

/// Both sides agree that it failed.
pub(crate) fn failed(end: &End) {
    assert!(matches!(end.amf, Outcome::Failure(_)), "{end:?}");
    assert_eq!(end.ue, Some(Ok(Reply::Failure)), "{end:?}");
}
