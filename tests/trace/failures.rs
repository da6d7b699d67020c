//! Every row of the failure table, in a capture that shows it.

use naslane::algorithm::{Nea, Nia};
use naslane::base::Direction;

use super::run::{findings, told};
use super::world::{CONFIGURATION_UPDATE, Context, REGISTRATION_COMPLETE, World, key, keys};

/// A row: its code, words of the explanation, and what happens on the wire.
type Case = (&'static str, &'static str, fn(&mut World));

const CASES: &[Case] = &[
    ("CAPS_MISMATCH", "octet 2 is f0", |w| {
        w.begin();
        w.replayed = vec![0xF0, 0x70];
        w.command();
        w.uplink(&[0x7E, 0, 0x5F, 23]);
    }),
    ("CAPS_MISMATCH", "(2 octets) and 00", |w| {
        w.begin();
        w.replayed = vec![0xF0, 0xF0, 0, 0];
        w.command();
    }),
    (
        "KEY_OR_COUNT",
        "cause 24: the command is right under the keys given",
        |w| {
            w.begin();
            w.command();
            w.uplink(&[0x7E, 0, 0x5F, 24]);
        },
    ),
    ("ALG_NOT_IN_CAPS", "NIA2 and NEA2", |w| {
        w.capability = vec![0xC0, 0xC0];
        w.replayed = w.capability.clone();
        w.register();
    }),
    ("NULL_INTEGRITY_FORBIDDEN", "NIA0 outside", |w| {
        w.context.nia = Nia::Nia0;
        w.begin();
        w.command();
    }),
    ("SMC_TIMEOUT", "5 SECURITY MODE COMMANDs", |w| {
        w.begin();
        for _ in 0..5 {
            w.command();
            w.wire.wait(6);
        }
        w.release();
    }),
    ("CONTEXT_SKEW", "no trial explains", |w| {
        w.register();
        let stranger = Context {
            ul: 2,
            ..Context::of(key(200))
        };
        let pdu = stranger.clone().up(REGISTRATION_COMPLETE);
        w.uplink(&pdu);
    }),
    ("CONTEXT_SKEW", "DIRECTION bit", |w| {
        w.register();
        let pdu = w
            .context
            .protect(Direction::Downlink, 2, 2, REGISTRATION_COMPLETE);
        w.uplink(&pdu);
    }),
    ("CONTEXT_SKEW", "with 128-NIA1", |w| {
        w.register();
        w.context.nia = Nia::Nia1;
        let pdu = w.context.up(REGISTRATION_COMPLETE);
        w.uplink(&pdu);
    }),
    ("CONTEXT_SKEW", "MAC is zero", |w| {
        w.register();
        let mut pdu = w.context.up(REGISTRATION_COMPLETE);
        pdu[2..6].fill(0);
        w.uplink(&pdu);
    }),
    ("OLD_CONTEXT_STILL_USED", "the UE still uses it", |w| {
        w.register();
        let mut old = w.context.clone();
        w.again(2);
        let pdu = old.up(REGISTRATION_COMPLETE);
        w.uplink(&pdu);
    }),
    (
        "WRONG_ACCESS",
        "BEARER 2, the value of the other access",
        |w| {
            w.register();
            w.context.bearer = 2;
            let pdu = w.context.up(REGISTRATION_COMPLETE);
            w.uplink(&pdu);
        },
    ),
    ("WRONG_ACCESS", "BEARER 0, the value of EPS", |w| {
        w.register();
        w.context.bearer = 0;
        let pdu = w.context.up(REGISTRATION_COMPLETE);
        w.uplink(&pdu);
    }),
    (
        "WRONG_ACCESS",
        "BEARER 1, the value of the other access",
        |w| {
            w.ids.non_3gpp = true;
            w.context.bearer = 2;
            w.register();
            w.context.bearer = 1;
            let pdu = w.context.up(REGISTRATION_COMPLETE);
            w.uplink(&pdu);
        },
    ),
    ("COUNT_DESYNC", "256 above", |w| {
        w.register();
        w.context.ul += 256;
        let pdu = w.context.up(REGISTRATION_COMPLETE);
        w.uplink(&pdu);
    }),
    ("CIPHER_SKEW", "it deciphers with 128-NEA1", |w| {
        w.register();
        let whole = Context {
            nea: Nea::Nea1,
            ..w.context.clone()
        };
        let ciphered = whole.protect(Direction::Uplink, 2, 2, REGISTRATION_COMPLETE);
        // A right MAC over it.
        let pdu = w.context.protect(Direction::Uplink, 2, 1, &ciphered[7..]);
        w.uplink(&[&[0x7E, 2], &pdu[2..]].concat());
    }),
    ("CIPHER_SKEW", "is not ciphered", |w| {
        w.register();
        let pdu = w
            .context
            .protect(Direction::Uplink, 2, 1, REGISTRATION_COMPLETE);
        w.uplink(&[&[0x7E, 2], &pdu[2..]].concat());
    }),
    (
        "COUNT_RESET_AT_ONE_SIDE",
        "the same message, octet for octet",
        |w| {
            w.register();
            let pdu = w.context.up(REGISTRATION_COMPLETE);
            w.uplink(&pdu);
            w.uplink(&pdu);
        },
    ),
    ("COUNT_RESET_AT_ONE_SIDE", "the UE reset its COUNT", |w| {
        w.register();
        for _ in 0..100 {
            let pdu = w.context.up(REGISTRATION_COMPLETE);
            w.uplink(&pdu);
        }
        w.context.ul = 1;
        let pdu = w.context.up(CONFIGURATION_UPDATE);
        w.uplink(&pdu);
    }),
    ("KEYSTREAM_REUSE", "another message had COUNT 1", |w| {
        w.register();
        w.context.ul = 1;
        let pdu = w.context.up(&[0x7E, 0, 0x55]);
        w.uplink(&pdu);
    }),
    (
        "KEYSTREAM_REUSE",
        "COUNT begins again under keys in use",
        |w| {
            w.register();
            w.context.dl = 0;
            w.rinmr = false;
            w.command();
        },
    ),
    ("UNPROTECTED_AFTER_SECURE", "plain although", |w| {
        w.register();
        w.uplink(REGISTRATION_COMPLETE);
    }),
    ("UNPROTECTED_AFTER_SECURE", "not ciphered although", |w| {
        w.register();
        let pdu = w
            .context
            .protect(Direction::Uplink, 2, 1, REGISTRATION_COMPLETE);
        w.uplink(&pdu);
    }),
    ("STALL_AFTER_COMPLETE", "no uplink message for", |w| {
        w.begin();
        w.command();
        w.complete();
        w.wire.wait(12);
        let pdu = w.context.down(CONFIGURATION_UPDATE);
        w.downlink(&pdu);
    }),
    ("DL_CIPHER_NOT_STARTED", "does not cipher", |w| {
        w.begin();
        w.command();
        w.complete();
        let pdu = w
            .context
            .protect(Direction::Downlink, 1, 1, CONFIGURATION_UPDATE);
        w.downlink(&pdu);
    }),
    ("CONTAINER_MISMATCH", "holds SERVICE REQUEST", |w| {
        w.begin();
        w.command();
        w.complete_with(Some(&World::service_request()));
        w.accept();
    }),
    ("CONTAINER_MISSING", "RINMR", |w| {
        w.begin();
        w.command();
        w.complete_with(None);
        w.accept();
    }),
    ("OUT_OF_ORDER", "not answered yet", |w| {
        let request = w.registration_request();
        w.connect(&request);
        w.authentication_request();
        w.command();
    }),
    ("OUT_OF_ORDER", "no authentication came before it", |w| {
        let request = w.registration_request();
        w.connect(&request);
        w.command();
    }),
    ("UNEXPECTED_COMPLETE", "no command is unanswered", |w| {
        w.register();
        w.complete();
    }),
    (
        "NGKSI_MISMATCH",
        "ngKSI 3 where the authentication gave 0",
        |w| {
            w.begin();
            w.context.ksi = 3;
            w.command();
        },
    ),
    ("NGKSI_MISMATCH", "cause 71", |w| {
        let request = w.registration_request();
        w.connect(&request);
        w.authentication_request();
        w.uplink(&[0x7E, 0, 0x59, 71]);
    }),
    ("SMC_LOOP", "6 commands without", |w| {
        w.begin();
        for _ in 0..7 {
            w.command();
        }
    }),
    ("CONTEXT_PINGPONG", "take turns", |w| {
        w.register();
        let mut old = w.context.clone();
        w.again(2);
        for _ in 0..3 {
            let pdu = old.up(REGISTRATION_COMPLETE);
            w.uplink(&pdu);
            let pdu = w.context.up(REGISTRATION_COMPLETE);
            w.uplink(&pdu);
        }
    }),
    ("SERVICE_UNVERIFIED", "2 SERVICE REQUESTs in a row", |w| {
        w.register();
        for _ in 0..2 {
            w.release();
            let stranger = Context::of(key(200));
            let pdu = stranger.protect(Direction::Uplink, 9, 1, &World::service_request());
            w.connect(&pdu);
            w.downlink(&[0x7E, 0, 0x4D, 9]);
        }
    }),
    ("RETRANSMISSION_STORM", "17 protected downlink", |w| {
        w.register();
        for _ in 0..20 {
            let pdu = w.context.down(CONFIGURATION_UPDATE);
            w.downlink(&pdu);
        }
    }),
    ("COLLISION", "REGISTRATION REQUEST while", |w| {
        w.begin();
        w.command();
        let request = w.registration_request();
        w.uplink(&request);
    }),
];

#[test]
fn every_row_of_the_table() {
    for (place, (code, words, play)) in CASES.iter().enumerate() {
        let mut world = World::new();
        play(&mut world);
        let told = told(&format!("row_{place}"), &world, &keys(&[1, 2]));
        let found = findings(&told);
        let right = found
            .iter()
            .any(|(_, found, text)| found == code && text.contains(words));
        assert!(right, "{code} ({words}) is not among {found:#?}");
    }
}

#[test]
fn what_is_in_order_is_found_in_order() {
    let mut world = World::new();
    world.register();
    world.again(2);
    world.release();
    let mut other = World::new();
    other.wire = world.wire;
    other.ids.ran = 900;
    other.ids.amf = 900;
    other.ids.non_3gpp = true;
    other.context = Context {
        bearer: 2,
        nia: Nia::Nia3,
        nea: Nea::Nea3,
        ..Context::of(key(3))
    };
    other.register();
    other.release();
    let told = told("fine", &other, &keys(&[1, 2, 3]));
    assert_eq!(findings(&told), []);
    assert_eq!(told["summary"]["unverified"], 0);
    assert_eq!(told["ues"].as_array().unwrap().len(), 1, "one subscriber");
}

#[test]
fn a_capture_that_begins_in_the_middle() {
    let mut world = World::new();
    world.context.ul = (1 << 24) - 3;
    world.context.dl = (1 << 24) - 1;
    for _ in 0..3 {
        let pdu = world.context.up(REGISTRATION_COMPLETE);
        world.uplink(&pdu);
    }
    let pdu = world.context.down(CONFIGURATION_UPDATE);
    world.downlink(&pdu);
    // COUNT would be 2^24: a correct AMF sends nothing, this one wraps.
    world.context.dl = 0;
    let pdu = world.context.down(CONFIGURATION_UPDATE);
    world.downlink(&pdu);
    let counts = "nia = 2\nnea = 2\nul_nas_count = 16777210\ndl_nas_count = 16777200\n";
    let told = told("middle", &world, &(keys(&[1]) + counts));
    let codes: Vec<_> = findings(&told)
        .into_iter()
        .map(|(frame, code, _)| (frame, code))
        .collect();
    let wanted = [(1, "COUNT_NEAR_WRAP"), (5, "COUNT_EXHAUSTED")];
    assert_eq!(codes, wanted.map(|(frame, code)| (frame, code.to_owned())));
    assert_eq!(told["summary"]["verified"], 4);
}

#[test]
fn several_pdus_in_one_frame_stay_apart() {
    use super::wire::{self, From};
    let mut world = World::new();
    world.register();
    let other = wire::Ids {
        amf: 77,
        ran: 300,
        non_3gpp: false,
    };
    let (first, second) = (
        world.context.down(CONFIGURATION_UPDATE),
        world.context.down(CONFIGURATION_UPDATE),
    );
    let third = world.context.down(CONFIGURATION_UPDATE);
    let ids = world.ids;
    world.wire.send(
        From::Amf,
        &[
            wire::downlink(other, &[0x7E, 0, 0x5B, 1]),
            wire::session_setup(ids, [&first, &second]),
            wire::downlink(ids, &third),
        ],
    );
    let told = told("bundled", &world, &keys(&[1]));
    assert_eq!(findings(&told), []);
    let rows = |ue: usize| told["ues"][ue]["rows"].as_array().unwrap().len();
    assert_eq!((rows(0), rows(1)), (10, 1));
    assert_eq!(told["summary"]["verified"], 7);
}
