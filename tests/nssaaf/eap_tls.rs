//! The EAP-TLS peer against requests that no server sends.

use naslane::nssaaf::eap::tls::{self, TlsError};
use naslane::nssaaf::eap::{Credentials, Peer, PeerError, Reply};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

fn credentials() -> Credentials {
    static MADE: OnceLock<Credentials> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (certificate, key) = (directory.join("peer.pem"), directory.join("peer.key"));
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=ue",
                "-keyout",
            ])
            .args([key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("openssl is installed").success());
        let files = tls::Files {
            trust: &certificate,
            certificate: &certificate,
            key: &key,
        };
        let config = tls::config(&files).unwrap();
        Credentials::Tls(config, "aaa.slice.example".try_into().unwrap())
    })
    .clone()
}

/// A request with this identifier and data.
fn request(identifier: u8, data: &[u8]) -> Vec<u8> {
    let len = (5 + data.len() as u16).to_be_bytes();
    [&[1, identifier, len[0], len[1], 13][..], data].concat()
}

fn response(peer: &mut Peer, identifier: u8, data: &[u8]) -> Vec<u8> {
    match peer.receive(&request(identifier, data)).unwrap() {
        Reply::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

fn started() -> Peer {
    let mut peer = Peer::new("ue", &credentials()).unwrap();
    let hello = response(&mut peer, 1, &[0x20]);
    // No flags, one TLS handshake record.
    assert_eq!(hello[4..7], [13, 0, 22]);
    peer
}

#[test]
fn data_out_of_place() {
    let mut peer = Peer::new("ue", &credentials()).unwrap();
    let refused = |peer: &mut Peer, data: &[u8]| match peer.receive(&request(9, data)) {
        Err(PeerError::Tls(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut peer, &[]), TlsError::Short);
    assert_eq!(refused(&mut peer, &[0x80, 0, 0]), TlsError::Short);
    assert_eq!(refused(&mut peer, &[0, 1, 2]), TlsError::Start);
    let mut peer = started();
    assert_eq!(
        refused(&mut peer, &[0x20]),
        TlsError::Start,
        "a second start"
    );
    assert_eq!(
        refused(&mut peer, &[0x80, 0, 0, 0, 1, 1, 2]),
        TlsError::TooLong,
        "more than announced"
    );
    assert_eq!(
        refused(&mut peer, &[0xC0, 0xff, 0xff, 0xff, 0xff]).to_string(),
        TlsError::TooLong.to_string()
    );
}

#[test]
fn fragments_are_acknowledged_and_bounded() {
    let mut peer = started();
    let fragment = [&[0x40][..], &[22; 1400]].concat();
    let mut taken = 0;
    for identifier in 2..=u8::MAX {
        match peer.receive(&request(identifier, &fragment)) {
            Ok(Reply::Response(ack)) => assert_eq!(ack, [2, identifier, 0, 6, 13, 0]),
            Err(PeerError::Tls(TlsError::TooLong)) => break,
            other => panic!("{other:?}"),
        }
        taken += 1400;
    }
    assert!((60_000..=64 * 1024).contains(&taken), "{taken}");
}

#[test]
fn nonsense_becomes_an_alert_and_never_a_success() {
    for nonsense in [
        &[0; 64][..],
        &[22, 3, 3, 0, 4, 1, 0, 0, 0],
        &[23, 3, 3, 0, 1, 0],
        &[21, 3, 3, 0, 2, 2, 40],
    ] {
        let mut peer = started();
        let data = [&[0][..], nonsense].concat();
        response(&mut peer, 2, &data);
        assert_eq!(peer.receive(&[3, 2, 0, 4]), Err(PeerError::EarlySuccess));
        assert_eq!(peer.receive(&[4, 2, 0, 4]), Ok(Reply::Failure));
    }
    let mut peer = started();
    assert_eq!(
        peer.receive(&[3, 1, 0, 4]),
        Err(PeerError::EarlySuccess),
        "after the first flight"
    );
}
