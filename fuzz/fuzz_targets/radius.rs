//! Whatever arrives from a AAA server: no panic, nothing believed without the secret, and what is built is read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::radius::dynamic::{Asker, Dynamic, Silence};
use naslane::nssaaf::radius::{Builder, Packet, RadiusError, attribute, code, slice};

const SECRET: &[u8] = b"0123456789abcdef";

fuzz_target!(|octets: &[u8]| {
    if let Ok(packet) = Packet::parse(octets) {
        let sum: usize = packet.attributes().map(|(_, value)| value.len() + 2).sum();
        assert!(20 + sum <= octets.len());
        let _ = (packet.eap(), slice::gpsi(&packet), slice::s_nssai(&packet));
        assert!(packet.verify_reply(SECRET, &[1; 16]).is_err());
    }
    let asker = Asker {
        from: [127, 0, 0, 1].into(),
        secret: SECRET.to_vec().into(),
        message_authenticator: true,
        slices: vec![SNssai::sst(1)],
    };
    let mut dynamic = Dynamic::new(vec![asker]);
    let from = ([127, 0, 0, 1], 9).into();
    assert!(dynamic.receive(octets, from, 0, true).is_err());
    // The same attributes in a request that is authentic: an answer, whatever they say.
    let mut builder = Builder::new(code::DISCONNECT_REQUEST, 0);
    for part in octets.chunks(64) {
        if let [kind, value @ ..] = part
            && ![attribute::MESSAGE_AUTHENTICATOR, attribute::EVENT_TIMESTAMP].contains(kind)
        {
            let _ = builder.attribute(*kind, value);
        }
    }
    let request = builder.dynamic_request(SECRET);
    let answer = match dynamic.receive(&request, from, 0, true) {
        Ok(answer) => answer,
        // Proxy-States that leave no room for an Error-Cause.
        Err(Silence::Packet(RadiusError::TooLong)) => return,
        Err(other) => panic!("an authentic request is answered: {other:?}"),
    };
    let asked = Packet::parse(&request).expect("built").authenticator();
    Packet::parse(&answer.octets)
        .expect("built")
        .verify_reply(SECRET, &asked)
        .expect("authentic");
});
