//! RADIUS packets: lengths, attributes, authenticators.

use naslane::nssaaf::radius::packet::{LONGEST, LONGEST_VALUE};
use naslane::nssaaf::radius::{Builder, Packet, RadiusError, attribute, code};
use proptest::prelude::*;

const SECRET: &[u8] = b"0123456789abcdef";
const ASKED: [u8; 16] = [7; 16];

fn reply(eap: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(code::ACCESS_CHALLENGE, 9);
    builder.eap(eap).unwrap();
    builder.attribute(attribute::STATE, b"state").unwrap();
    builder.reply(SECRET, &ASKED)
}

#[test]
fn eap_is_split_at_253_and_put_together() {
    for (len, parts) in [(1, 1), (253, 1), (254, 2), (506, 2), (507, 3), (1500, 6)] {
        let eap: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let octets = reply(&eap);
        let packet = Packet::parse(&octets).unwrap();
        let messages = packet
            .attributes()
            .filter(|(kind, _)| *kind == attribute::EAP_MESSAGE);
        assert_eq!(messages.count(), parts);
        assert_eq!(packet.eap(), Some(eap));
        assert_eq!(packet.attribute(attribute::STATE), Some(&b"state"[..]));
        packet.verify_reply(SECRET, &ASKED).unwrap();
    }
}

/// An attacker who chooses attributes cannot put them before it (CVE-2024-3596).
#[test]
fn message_authenticator_stands_first() {
    let octets = Builder::new(code::ACCESS_REQUEST, 1).access_request(SECRET, &ASKED);
    assert_eq!(octets[20..22], [attribute::MESSAGE_AUTHENTICATOR, 18]);
}

#[test]
fn every_octet_counts() {
    let octets = reply(&[1, 2, 0, 5, 1]);
    for place in 0..octets.len() {
        let mut spoilt = octets.clone();
        spoilt[place] ^= 1;
        let believed =
            Packet::parse(&spoilt).and_then(|packet| packet.verify_reply(SECRET, &ASKED));
        assert!(believed.is_err(), "octet {place}");
    }
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!(
        packet.verify_reply(b"another secret..", &ASKED),
        Err(RadiusError::Authenticator)
    );
    assert_eq!(
        packet.verify_reply(SECRET, &[8; 16]),
        Err(RadiusError::Authenticator)
    );
    for len in 0..octets.len() {
        assert!(Packet::parse(&octets[..len]).is_err(), "cut at {len}");
    }
    let padded = [&octets[..], &[0; 7]].concat();
    assert!(
        Packet::parse(&padded)
            .unwrap()
            .verify_reply(SECRET, &ASKED)
            .is_ok()
    );
}

/// A reply whose Response Authenticator is right, but which has no Message-Authenticator: what CVE-2024-3596 forges.
#[test]
fn replies_without_message_authenticator_are_not_believed() {
    use md5::{Digest, Md5};
    for (attributes, why) in [
        (&[][..], RadiusError::MessageAuthenticatorMissing),
        (
            &[79, 6, 3, 1, 0, 4],
            RadiusError::MessageAuthenticatorMissing,
        ),
        (&[80, 4, 0, 0], RadiusError::MessageAuthenticatorMissing),
        (
            &[80, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            RadiusError::MessageAuthenticator,
        ),
    ] {
        let mut octets = vec![code::ACCESS_ACCEPT, 9, 0, 20 + attributes.len() as u8];
        octets.extend(ASKED);
        octets.extend(attributes);
        let digest = Md5::new()
            .chain_update(&octets)
            .chain_update(SECRET)
            .finalize();
        octets[4..20].copy_from_slice(&digest);
        assert_eq!(
            Packet::parse(&octets).unwrap().verify_reply(SECRET, &ASKED),
            Err(why)
        );
    }
}

#[test]
fn shapes_that_are_refused() {
    let mut packet = vec![2, 0, 0, 20];
    packet.resize(20, 0);
    Packet::parse(&packet).unwrap();
    for (len, why) in [
        (19_u16, RadiusError::Length),
        (4097, RadiusError::Length),
        (21, RadiusError::Short),
    ] {
        packet[2..4].copy_from_slice(&len.to_be_bytes());
        assert_eq!(Packet::parse(&packet).err(), Some(why));
    }
    for attributes in [
        &[79][..],
        &[79, 0],
        &[79, 1],
        &[79, 3],
        &[79, 2, 80],
        &[26, 255, 0],
    ] {
        let mut octets = packet.clone();
        octets.extend(attributes);
        let len = octets.len() as u16;
        octets[2..4].copy_from_slice(&len.to_be_bytes());
        assert_eq!(
            Packet::parse(&octets).err(),
            Some(RadiusError::Attribute),
            "{attributes:?}"
        );
    }
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let mut builder = Builder::new(code::ACCESS_REQUEST, 0);
    assert_eq!(builder.attribute(1, &[]).err(), Some(RadiusError::TooLong));
    assert_eq!(
        builder.attribute(1, &[0; LONGEST_VALUE + 1]).err(),
        Some(RadiusError::TooLong)
    );
    builder.attribute(1, &[0; LONGEST_VALUE]).unwrap();
    assert_eq!(builder.eap(&[0; LONGEST]).err(), Some(RadiusError::TooLong));
    assert!(builder.access_request(SECRET, &ASKED).len() <= LONGEST);
}

proptest! {
    #[test]
    fn whatever_comes(octets in proptest::collection::vec(any::<u8>(), 0..128), header: bool) {
        let mut octets = octets;
        if header && octets.len() >= 20 {
            let len = octets.len() as u16;
            octets[2..4].copy_from_slice(&len.to_be_bytes());
        }
        if let Ok(packet) = Packet::parse(&octets) {
            let sum: usize = packet.attributes().map(|(_, value)| value.len() + 2).sum();
            prop_assert!(20 + sum <= octets.len());
            let _ = packet.eap();
            prop_assert!(packet.verify_reply(SECRET, &ASKED).is_err());
            prop_assert!(packet.verify_dynamic(SECRET, false).is_err());
        }
    }
}
