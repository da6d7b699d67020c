//! The MAC does not cover the security header type, so an attacker can swap 1 and 2 under a valid MAC. What is read
//! then is noise that begins like a message once in 4096 times: none of it is accepted, the genuine message is.

mod common;

use common::*;
use naslane::Engine;
use naslane::base::Error;
use naslane::security::protect::Form;

/// SERVICE REQUEST under ngKSI 0.
const SERVICE: [u8; 13] = [0x7E, 0, 0x4C, 0x10, 0, 7, 0xF4, 0, 0x40, 0xC0, 0, 0, 1];
const ACCEPT: [u8; 3] = [0x7E, 0, 0x4E];
/// Enough for several messages that noise would pass for.
const TRIALS: u32 = 20_000;

fn swapped(pdu: &[u8]) -> Vec<u8> {
    let mut pdu = pdu.to_vec();
    pdu[1] ^= 3;
    pdu
}

/// One return from idle mode; every message comes swapped first.
fn service(engine: &Engine, pair: &Pair) {
    for half in [pair.amf, pair.ue] {
        engine.connection_released(half, GPP).unwrap();
    }
    let mut request = vec![0; SERVICE.len() + 7];
    engine
        .protect_as(pair.ue, GPP, (&SERVICE, Form::Initial(None)), &mut request)
        .unwrap();
    assert_eq!(request[1], 1);
    let known = verify(engine, pair.amf, GPP, &swapped(&request));
    assert_eq!(known, Err(Error::HeaderMismatch));
    assert_eq!(
        verify(engine, pair.amf, GPP, &request),
        Ok(SERVICE.to_vec())
    );
    let accept = protect(engine, pair.amf, GPP, &ACCEPT);
    assert_eq!(accept[1], 2);
    assert!(verify(engine, pair.ue, GPP, &swapped(&accept)).is_err());
    assert_eq!(verify(engine, pair.ue, GPP, &accept), Ok(ACCEPT.to_vec()));
    let uplink = pair.uplink(engine, GPP);
    assert!(verify(engine, pair.amf, GPP, &swapped(&uplink)).is_err());
    assert_eq!(verify(engine, pair.amf, GPP, &uplink), Ok(UPLINK.to_vec()));
}

#[test]
fn a_swapped_header_type_is_never_accepted_as_other_content() {
    for (nea, nia) in [(1, 1), (2, 2), (3, 3)] {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        for _ in 0..TRIALS {
            service(&engine, &pair);
        }
    }
}
