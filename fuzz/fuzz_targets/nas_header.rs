//! Any octets as a NAS PDU: headers, the walk over the information elements, initial messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use naslane::nas::ie::Ies;
use naslane::nas::{
    Carrier, FollowUp, InitialMessage, MessageType, Pdu, check_container, inner_type, write_header,
};

const PROCEDURES: [MessageType; 4] = [
    MessageType::REGISTRATION_REQUEST,
    MessageType::SERVICE_REQUEST,
    MessageType::CONTROL_PLANE_SERVICE_REQUEST,
    MessageType::DEREGISTRATION_REQUEST_UE,
];

fuzz_target!(|data: &[u8]| {
    match Pdu::parse(data) {
        Ok(Pdu::Protected(pdu)) => {
            // What was read, written again, is what came: but for the spare half octet.
            let mut again = data.to_vec();
            assert_eq!(
                write_header(&mut again, pdu.sht(), pdu.mac(), pdu.sn()),
                Ok(7)
            );
            assert_eq!(again[0], data[0]);
            assert_eq!(again[1], data[1] & 0x0F);
            assert_eq!(again[2..], data[2..]);
            assert_eq!(pdu.body(), &data[7..]);
            assert_eq!(pdu.authenticated(), &data[6..]);
            inner(pdu.body());
        }
        Ok(Pdu::Plain(plain)) => assert_eq!(plain.message(), data),
        Err(_) => {}
    }
    inner(data);
});

fn inner(message: &[u8]) {
    let _ = FollowUp::of(message);
    if let Ok(ies) = Ies::of(message) {
        let mut end = 0;
        for ie in ies.map_while(Result::ok) {
            assert_eq!(ie.value, &message[ie.range.clone()]);
            assert!(ie.range.start >= end, "elements overlap");
            end = ie.range.end;
        }
    }
    if let Ok(initial) = InitialMessage::parse(message) {
        assert_eq!(inner_type(message), Ok(initial.message_type));
        for range in [
            initial.container.clone(),
            initial.small_data.clone(),
            initial.ciphered(),
        ] {
            assert!(range.is_none_or(|range| !message[range].is_empty()));
        }
        if let Some(identity) = initial.identity {
            let _ = (
                identity.kind(),
                identity.imeisv(),
                identity.guti(),
                identity.s_tmsi(),
            );
        }
        let _ = initial.registration_type();
    }
    for carrier in [Carrier::SecurityModeComplete, Carrier::Initial] {
        for procedure in PROCEDURES {
            let _ = check_container(procedure, carrier, message);
        }
    }
}
