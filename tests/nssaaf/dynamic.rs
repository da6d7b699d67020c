//! Disconnect-Requests: who may ask for what, and what is answered.

use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::radius::dynamic::{Answer, Asker, Dynamic, ErrorCause, Revocation, Silence};
use naslane::nssaaf::radius::slice::{Gpsi, put_s_nssai};
use naslane::nssaaf::radius::{Builder, Packet, RadiusError, attribute, code};

const SECRET: &[u8] = b"secret of the first";
const OTHER: &[u8] = b"secret of the other";
const SLICE: SNssai = SNssai::new(1, 1);
const NOW: u64 = 1_790_000_000;

fn dynamic() -> Dynamic {
    let asker = |secret: &[u8], slice| Asker {
        from: [10, 0, 0, 1].into(),
        secret: secret.to_vec().into(),
        message_authenticator: true,
        slices: vec![slice],
    };
    Dynamic::new(vec![asker(SECRET, SLICE), asker(OTHER, SNssai::sst(2))])
}

fn request(fill: impl Fn(&mut Builder)) -> Vec<u8> {
    let mut builder = Builder::new(code::DISCONNECT_REQUEST, 3);
    fill(&mut builder);
    builder.dynamic_request(SECRET)
}

fn whole(builder: &mut Builder) {
    Gpsi::Msisdn("491700000001").put(builder).unwrap();
    put_s_nssai(builder, SLICE).unwrap();
}

fn ask(dynamic: &mut Dynamic, octets: &[u8]) -> Result<Answer, Silence> {
    dynamic.receive(octets, ([10, 0, 0, 1], 999).into(), NOW, true)
}

/// Code and Error-Cause of an answer, whose authenticators are checked.
fn said(asked: &[u8], answer: &Answer) -> (u8, Option<u32>) {
    let asked = Packet::parse(asked).unwrap();
    let reply = Packet::parse(&answer.octets).unwrap();
    assert_eq!(reply.identifier(), 3);
    reply.verify_reply(SECRET, &asked.authenticator()).unwrap();
    let cause = reply.attribute(attribute::ERROR_CAUSE);
    (
        reply.code(),
        cause.map(|cause| u32::from_be_bytes(cause.try_into().unwrap())),
    )
}

#[test]
fn a_revocation_is_acknowledged_and_carried_out_once() {
    let mut dynamic = dynamic();
    let octets = request(|builder| {
        whole(builder);
        builder.attribute(attribute::PROXY_STATE, b"one").unwrap();
        builder.attribute(attribute::PROXY_STATE, b"two").unwrap();
    });
    let first = ask(&mut dynamic, &octets).unwrap();
    assert_eq!(said(&octets, &first), (code::DISCONNECT_ACK, None));
    let revocation = Revocation {
        gpsi: "msisdn-491700000001".into(),
        s_nssai: SLICE,
    };
    assert_eq!(first.revocation, Some(revocation));
    let reply = Packet::parse(&first.octets).unwrap();
    let states: Vec<_> = reply
        .attributes()
        .filter(|(kind, _)| *kind == attribute::PROXY_STATE)
        .collect();
    assert_eq!(
        states,
        [
            (attribute::PROXY_STATE, &b"one"[..]),
            (attribute::PROXY_STATE, b"two")
        ]
    );
    let again = ask(&mut dynamic, &octets).unwrap();
    assert_eq!(
        (again.octets, again.revocation),
        (first.octets, None),
        "a retransmission"
    );
}

#[test]
fn what_is_refused() {
    let no = |fill: &dyn Fn(&mut Builder)| {
        let octets = request(fill);
        let answer = ask(&mut dynamic(), &octets).unwrap();
        assert_eq!(answer.revocation, None);
        let (code, cause) = said(&octets, &answer);
        assert_eq!(code, code::DISCONNECT_NAK);
        cause.unwrap()
    };
    assert_eq!(no(&|_| ()), ErrorCause::MissingAttribute as u32);
    assert_eq!(
        no(&|b| put_s_nssai(b, SLICE).unwrap()),
        ErrorCause::MissingAttribute as u32
    );
    assert_eq!(
        no(&|b| Gpsi::Msisdn("491700000001").put(b).unwrap()),
        ErrorCause::MissingAttribute as u32
    );
    let elsewhere = no(&|b| {
        Gpsi::Msisdn("491700000001").put(b).unwrap();
        // The other asker's slice, under this one's secret.
        put_s_nssai(b, SNssai::sst(2)).unwrap();
    });
    assert_eq!(elsewhere, ErrorCause::AdministrativelyProhibited as u32);
    let strange = no(&|b| {
        b.attribute(attribute::CALLING_STATION_ID, b"00-11-22-33-44-55")
            .unwrap();
        put_s_nssai(b, SLICE).unwrap();
    });
    assert_eq!(strange, ErrorCause::InvalidAttributeValue as u32);
    let octets = request(whole);
    let answer = dynamic()
        .receive(&octets, ([10, 0, 0, 1], 999).into(), NOW, false)
        .unwrap();
    assert_eq!(
        said(&octets, &answer),
        (
            code::DISCONNECT_NAK,
            Some(ErrorCause::ResourcesUnavailable as u32)
        )
    );
    // RFC 5176 knows a second request. Re-authentication by it is not of Release 18.
    let mut builder = Builder::new(code::COA_REQUEST, 3);
    whole(&mut builder);
    let octets = builder.dynamic_request(SECRET);
    let answer = ask(&mut dynamic(), &octets).unwrap();
    assert_eq!(
        said(&octets, &answer),
        (code::COA_NAK, Some(ErrorCause::UnsupportedExtension as u32))
    );
}

#[test]
fn what_is_not_answered() {
    let mut dynamic = dynamic();
    let octets = request(whole);
    let stranger = dynamic.receive(&octets, ([10, 0, 0, 2], 999).into(), NOW, true);
    assert_eq!(stranger.err(), Some(Silence::Stranger));
    for place in 0..octets.len() {
        let mut spoilt = octets.clone();
        spoilt[place] ^= 1;
        assert!(ask(&mut dynamic, &spoilt).is_err(), "octet {place}");
    }
    for len in 0..octets.len() {
        assert!(ask(&mut dynamic, &octets[..len]).is_err(), "cut at {len}");
    }
    let mut builder = Builder::new(code::ACCESS_REQUEST, 3);
    whole(&mut builder);
    assert_eq!(
        ask(&mut dynamic, &builder.dynamic_request(SECRET)).err(),
        Some(Silence::Code)
    );
    for (off, stale) in [(-301_i64, true), (-299, false), (299, false), (301, true)] {
        let time = u32::try_from(NOW.checked_add_signed(off).unwrap()).unwrap();
        let octets = request(|builder| {
            whole(builder);
            builder
                .attribute(attribute::EVENT_TIMESTAMP, &time.to_be_bytes())
                .unwrap();
        });
        assert_eq!(
            ask(&mut dynamic, &octets).err() == Some(Silence::Stale),
            stale,
            "{off}"
        );
    }
}

#[test]
fn message_authenticator_may_be_left_out_by_configuration_only() {
    use md5::{Digest, Md5};
    let mut octets = vec![code::DISCONNECT_REQUEST, 3, 0, 20 + 14 + 12];
    octets.extend([0; 16]);
    octets.extend(b"\x1f\x0e491700000001");
    octets.extend([26, 12, 0, 0, 0x28, 0xaf, 200, 6, 1, 0, 0, 1]);
    let digest = Md5::new()
        .chain_update(&octets)
        .chain_update(SECRET)
        .finalize();
    octets[4..20].copy_from_slice(&digest);
    let missing = Silence::Packet(RadiusError::MessageAuthenticatorMissing);
    assert_eq!(ask(&mut dynamic(), &octets).err(), Some(missing));
    let mut lenient = Dynamic::new(vec![Asker {
        from: [10, 0, 0, 1].into(),
        secret: SECRET.to_vec().into(),
        message_authenticator: false,
        slices: vec![SLICE],
    }]);
    assert!(ask(&mut lenient, &octets).unwrap().revocation.is_some());
}
