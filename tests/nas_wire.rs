//! The wire format against messages that other implementations made: worked examples (`nas_messages.json`,
//! `nas_pdus.json`) and real N2 traffic (`captures/messages.csv`: each different message of the captures once),
//! and against octets that nobody made.

use naslane::base::{Error, NgKsi};
use naslane::nas::smc::{AdditionalSecurity, Aun3Key, EpsAlgorithms};
use naslane::nas::{
    Carrier, Cause, FollowUp, InitialMessage, MessageType, MobileIdentity, Pdu,
    S1UeSecurityCapability, SecurityHeaderType, SecurityModeCommand, SecurityModeComplete,
    SecurityModeReject, UeSecurityCapability, accepted_unprotected_downlink, check_container,
    container, ie, inner_type, write_header,
};
use proptest::prelude::*;
use serde_json::Value;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn field(value: &Value, name: &str) -> Vec<u8> {
    hex(value[name].as_str().unwrap())
}

fn messages() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors/nas_messages.json")).unwrap();
    file["tests"].as_array().unwrap().clone()
}

fn pdus() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors/nas_pdus.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

/// Direction (true for uplink), security header type, plain message, deciphered container.
type Captured = (bool, u8, Vec<u8>, Vec<u8>);

fn captured() -> Vec<Captured> {
    let rows = include_str!("captures/messages.csv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let sht = cells[1].parse().unwrap();
        (cells[0] == "UL", sht, hex(cells[3]), hex(cells[4]))
    })
    .collect()
}

/// Every plain message that some other implementation encoded.
fn all_plain() -> Vec<Vec<u8>> {
    let mut plain: Vec<Vec<u8>> = messages().iter().map(|t| field(t, "plain")).collect();
    plain.extend(
        pdus()
            .iter()
            .filter(|t| t["plain"].is_string())
            .map(|t| field(t, "plain")),
    );
    plain.extend(captured().into_iter().map(|row| row.2));
    plain.sort();
    plain.dedup();
    plain
}

/// Reads a message with everything that this room has, as a receiver would.
fn read_all(octets: &[u8]) {
    let _ = Pdu::parse(octets);
    let _ = FollowUp::of(octets);
    let _ = accepted_unprotected_downlink(octets);
    if let Ok(ies) = ie::Ies::of(octets) {
        for ie in ies.flatten() {
            assert_eq!(&octets[ie.range.clone()], ie.value);
            if let Ok(identity) = MobileIdentity::new(ie.value) {
                let _ = (identity.imeisv(), identity.guti(), identity.s_tmsi());
            }
        }
    }
    if let Ok(initial) = InitialMessage::parse(octets) {
        assert!(initial.message_type.is_initial());
        for range in [
            initial.container.clone(),
            initial.small_data.clone(),
            initial.ciphered(),
        ] {
            assert!(range.is_none_or(|range| !octets[range].is_empty()));
        }
    }
    if let Ok(command) = SecurityModeCommand::decode(octets) {
        let _ = command.check();
        let mut out = vec![0; octets.len()];
        let len = command.encode(&mut out).unwrap();
        assert_eq!(SecurityModeCommand::decode(&out[..len]), Ok(command));
    }
    if let Ok((complete, range)) = SecurityModeComplete::locate(octets) {
        assert_eq!(complete.container, range.map(|range| &octets[range]));
        let mut out = vec![0; octets.len()];
        let (len, _) = complete.encode(&mut out).unwrap();
        assert_eq!(SecurityModeComplete::decode(&out[..len]), Ok(complete));
    }
    let _ = SecurityModeReject::decode(octets);
    for carrier in [Carrier::Initial, Carrier::SecurityModeComplete] {
        for procedure in [0x41, 0x45, 0x4C, 0x4F, 0x57] {
            let _ = check_container(MessageType(procedure), carrier, octets);
        }
    }
    let _ = container::mac_input(octets);
    let _ = container::IntraN1Container::decode(octets);
    let _ = container::S1ToN1Container::decode(octets);
    let _ = UeSecurityCapability::from_tlv(octets);
    let _ = S1UeSecurityCapability::from_tlv(octets);
}

#[test]
fn every_protected_message_has_its_fields_where_they_belong() {
    for test in messages() {
        let pdu = field(&test, "protected");
        let Ok(Pdu::Protected(read)) = Pdu::parse(&pdu) else {
            panic!("{test}");
        };
        let plain = field(&test, "plain");
        assert_eq!(u64::from(read.sht().bits()), test["header_type"]);
        assert_eq!(u64::from(read.sn()), test["count"].as_u64().unwrap() & 0xFF);
        assert_eq!(read.body().len(), plain.len());
        assert_eq!(read.authenticated()[1..], *read.body());
        let message = inner_type(&plain).unwrap();
        assert!(read.sht().fits(message), "{test}");
        if read.sht().is_ciphered() {
            assert_eq!(read.clear_type(), None);
        } else {
            assert_eq!(read.clear_type(), Some(message));
        }
        let mut header = [0; 7];
        write_header(&mut header, read.sht(), read.mac(), read.sn()).unwrap();
        assert_eq!(header, pdu[..7]);
    }
    for test in pdus()
        .iter()
        .filter(|t| t["mac_input"].is_string() && t["pdu"].is_string())
    {
        let pdu = field(test, "pdu");
        let Ok(Pdu::Protected(read)) = Pdu::parse(&pdu) else {
            panic!("{test}");
        };
        assert_eq!(read.mac().to_vec(), field(test, "mac"));
        assert_eq!(read.authenticated(), field(test, "mac_input"));
    }
}

#[test]
fn every_message_of_the_vectors_and_captures_walks_to_its_end() {
    let all = all_plain();
    assert!(all.len() > 700, "{}", all.len());
    for message in &all {
        let message_type = inner_type(message).unwrap();
        assert!(message_type.is_known());
        let mut end = ie::Ies::of(message).unwrap().start();
        for ie in ie::Ies::of(message).unwrap() {
            end = ie
                .unwrap_or_else(|e| panic!("{message_type} {message:02x?}: {e}"))
                .range
                .end;
        }
        assert_eq!(end, message.len());
        read_all(message);
    }
}

#[test]
fn captured_messages_keep_the_rules() {
    let (mut initial, mut with_container) = (0, 0);
    for (uplink, sht, plain, container) in captured() {
        let message = inner_type(&plain).unwrap();
        let sht = SecurityHeaderType::from_octet(sht).unwrap();
        assert!(sht.fits(message), "{message} {sht:?}");
        assert_eq!(
            message.is_uplink() || message == MessageType::STATUS,
            uplink
        );
        if !uplink && sht == SecurityHeaderType::Plain {
            assert!(accepted_unprotected_downlink(&plain), "{message}");
        }
        if let Ok(read) = InitialMessage::parse(&plain) {
            initial += 1;
            assert!(read.identity.is_some());
            assert_eq!(read.container.is_some(), !container.is_empty());
            if message == MessageType::REGISTRATION_REQUEST {
                assert_eq!(read.ue_sec_cap.unwrap().value(), [0xF0, 0xF0]);
            }
            if sht == SecurityHeaderType::Plain {
                assert!(read.is_cleartext_only());
            }
            if let Some(range) = read.container {
                with_container += 1;
                assert_eq!(range, plain.len() - container.len()..plain.len());
                let checked = check_container(message, Carrier::Initial, &container);
                assert_eq!(checked, Ok(message));
                let mut rebuilt = plain.clone();
                rebuilt[range].copy_from_slice(&container);
                assert!(InitialMessage::parse(&rebuilt).is_ok());
            }
        }
    }
    assert!(
        initial > 400 && with_container > 300,
        "{initial} {with_container}"
    );
}

#[test]
fn containers_of_the_worked_examples() {
    let mut seen = 0;
    for test in messages().iter().chain(&pdus()) {
        if !test["container_plain"].is_string() {
            continue;
        }
        seen += 1;
        let ciphered = ["container_cipher", "container_ciphered"]
            .iter()
            .find_map(|name| test[name].as_str())
            .unwrap();
        let plain = field(test, "plain");
        let read = InitialMessage::parse(&plain).unwrap();
        assert_eq!(&plain[read.ciphered().unwrap()], hex(ciphered));
        assert!(read.is_cleartext_only());
        let content = field(test, "container_plain");
        assert_eq!(
            check_container(read.message_type, Carrier::Initial, &content),
            Ok(read.message_type)
        );
        assert!(!InitialMessage::parse(&content).unwrap().is_cleartext_only());
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn security_mode_messages_come_back_octet_for_octet() {
    let (mut commands, mut completes) = (0, 0);
    for message in all_plain() {
        let mut out = vec![0xEE; message.len()];
        match inner_type(&message).unwrap() {
            MessageType::SECURITY_MODE_COMMAND => {
                commands += 1;
                let command = SecurityModeCommand::decode(&message).unwrap();
                assert_eq!(command.check(), Ok(()));
                assert_eq!(command.encode(&mut out), Ok(message.len()));
            }
            MessageType::SECURITY_MODE_COMPLETE => {
                completes += 1;
                let (complete, range) = SecurityModeComplete::locate(&message).unwrap();
                assert_eq!(complete.encode(&mut out), Ok((message.len(), range)));
                assert!(complete.imeisv.unwrap().imeisv().is_ok(), "{message:02x?}");
                let content = complete.container.unwrap();
                let procedure = inner_type(content).unwrap();
                assert_eq!(
                    check_container(procedure, Carrier::SecurityModeComplete, content),
                    Ok(procedure)
                );
            }
            _ => continue,
        }
        assert_eq!(out, message);
    }
    assert!(commands > 20 && completes > 20, "{commands} {completes}");
}

#[test]
fn intra_n1_containers_of_the_worked_examples() {
    let mut seen = 0;
    for test in pdus().iter().filter(|t| t["value"].is_string()) {
        seen += 1;
        let value = field(test, "value");
        let read = container::IntraN1Container::decode(&value).unwrap();
        assert_eq!(u64::from(read.nea), test["ea"]);
        assert_eq!(u64::from(read.nia), test["ia"]);
        assert!(read.k_amf_change && read.sn == 7 && read.ng_ksi.bits() == 0);
        assert_eq!(
            container::mac_input(&value).unwrap(),
            field(test, "mac_input")
        );
        let unsigned = container::IntraN1Container {
            mac: [0; 4],
            ..read
        };
        let mut rebuilt = unsigned.encode().unwrap();
        let mac = field(test, "mac").try_into().unwrap();
        container::insert_mac(&mut rebuilt, mac).unwrap();
        assert_eq!(rebuilt.to_vec(), value);
        assert_eq!(u64::from(container::CONTAINER_COUNT), 0xFFFF_FFFF);
    }
    assert!(seen >= 4);
}

#[test]
fn r31_every_truncation_of_every_message_is_a_status() {
    for message in all_plain() {
        // Long payloads add nothing: their inside is not read.
        for len in 0..message.len().min(160) {
            read_all(&message[..len]);
        }
    }
    for test in messages().iter().step_by(7) {
        let pdu = field(test, "protected");
        for len in 0..pdu.len().min(32) {
            assert_eq!(
                Pdu::parse(&pdu[..len]).err(),
                (len < 10).then_some(Error::Short)
            );
        }
    }
}

#[test]
fn r36_messages_of_64_kib_are_handled() {
    let content = vec![0x41; 65_535];
    let complete = SecurityModeComplete {
        container: Some(&content),
        ..SecurityModeComplete::default()
    };
    let mut out = vec![0; 65_541];
    assert_eq!(complete.encode(&mut out), Ok((65_541, Some(6..65_541))));
    assert_eq!(SecurityModeComplete::decode(&out), Ok(complete));
    let content = vec![0; 65_536];
    let too_long = SecurityModeComplete {
        container: Some(&content),
        ..SecurityModeComplete::default()
    };
    assert_eq!(too_long.encode(&mut out), Err(Error::TooLong));
    read_all(&vec![0x71; 70_000]);
    let mut many = vec![0x7E, 0, 0x41, 0x79, 0, 1, 0];
    many.resize(100_000, 0x81);
    assert!(InitialMessage::parse(&many).is_ok());
}

#[test]
fn the_aun3_key_has_no_face() {
    let cap = UeSecurityCapability::from_value(&[0xF0, 0xF0]).unwrap();
    let command = SecurityModeCommand {
        aun3_key: Some(Aun3Key(&[0xA5; 34])),
        ..SecurityModeCommand::new(2, 2, NgKsi::native(0).unwrap(), cap)
    };
    let text = format!("{command:?}");
    assert!(text.contains("Aun3Key(..)"), "{text}");
    assert!(!text.contains("165") && !text.contains("a5"), "{text}");
}

fn octets(range: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), range)
}

proptest! {
    #[test]
    fn r31_random_octets_are_a_status(octets in octets(0..64)) {
        read_all(&octets);
    }

    #[test]
    fn random_bodies_behind_a_valid_start_are_a_status(kind in 0x40..0x70_u8, body in octets(0..64)) {
        let mut message = vec![0x7E, 0, kind];
        message.extend(body);
        read_all(&message);
    }

    #[test]
    fn a_changed_octet_is_a_status(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), octet: u8) {
        let all = captured();
        let mut message = pick.get(&all).2.clone();
        let at = at.index(message.len());
        message[at] = octet;
        read_all(&message);
    }

    #[test]
    fn any_command_comes_back(
        algorithms in (0..16_u8, 0..16_u8, 0..16_u8),
        caps in (octets(2..9), prop::option::of(octets(2..6))),
        eps in prop::option::of((0..8_u8, 0..8_u8)),
        flags in (prop::option::of(0..8_u8), prop::option::of(any::<(bool, bool)>())),
        values in (
            prop::option::of(octets(4..1501)),
            prop::option::of(octets(2..256)),
            prop::option::of(octets(34..256)),
        ),
    ) {
        let command = SecurityModeCommand {
            nea: algorithms.0,
            nia: algorithms.1,
            ng_ksi: NgKsi::from_bits(algorithms.2).unwrap(),
            ue_sec_cap: UeSecurityCapability::from_value(&caps.0).unwrap(),
            imeisv_request: flags.0,
            eps: eps.map(|(eea, eia)| EpsAlgorithms { eea, eia }),
            additional: flags.1.map(|(horizontal, retransmission)| AdditionalSecurity { horizontal, retransmission }),
            eap: values.0.as_deref(),
            abba: values.1.as_deref(),
            s1_sec_cap: caps.1.map(|value| S1UeSecurityCapability::from_value(&value).unwrap()),
            aun3_key: values.2.as_deref().map(Aun3Key),
        };
        let mut out = vec![0; 4096];
        let len = command.encode(&mut out).unwrap();
        prop_assert_eq!(SecurityModeCommand::decode(&out[..len]), Ok(command));
        let mut short = vec![0xEE; len - 1];
        prop_assert_eq!(command.encode(&mut short), Err(Error::BufferTooSmall));
        prop_assert!(short.iter().all(|&octet| octet == 0xEE));
    }

    #[test]
    fn any_complete_comes_back(
        imeisv in prop::option::of(octets(1..12)),
        content in prop::option::of(octets(1..300)),
        pei in prop::option::of(octets(4..20)),
    ) {
        let complete = SecurityModeComplete {
            imeisv: imeisv.as_deref().map(|value| MobileIdentity::new(value).unwrap()),
            container: content.as_deref(),
            pei: pei.as_deref(),
        };
        let mut out = vec![0; 512];
        let (len, range) = complete.encode(&mut out).unwrap();
        prop_assert_eq!(SecurityModeComplete::locate(&out[..len]), Ok((complete, range)));
    }

    #[test]
    fn any_reject_comes_back(cause: u8) {
        let reject = SecurityModeReject { cause: Cause(cause) };
        let mut out = [0; 4];
        prop_assert_eq!(reject.encode(&mut out), Ok(4));
        prop_assert_eq!(SecurityModeReject::decode(&out), Ok(reject));
    }
}
