//! What is refused: typed, counted, and nothing changes.

use naslane::base::{Error, Result};
use naslane::nas::nssaa::{EapCode, EapMessage, Kind, NssaaMessage, SNssai, eap_verdict};
use naslane::procedure::nssaa::{AaaAnswer, Amf, Event, Kept, Refusals, Status, Subscription};

use crate::world::*;

/// The state, as far as it can be seen: record, run, and whether a COMMAND is unanswered.
fn seen(amf: &Amf) -> (Vec<u8>, Option<(SNssai, naslane::base::AccessType)>, bool) {
    let record = amf.store(Kept::All).unwrap().to_vec();
    (record, amf.running(), amf.command_unanswered())
}

fn refused(world: &mut World, event: Event<'_>) -> (Result<()>, Refusals) {
    let (before, counted) = (seen(&world.amf), world.amf.refusals());
    let result = world.on(event);
    assert_eq!(seen(&world.amf), before, "{event:?} changed something");
    assert_eq!(world.run(), [], "{event:?} made something to do");
    let now = world.amf.refusals();
    let more = Refusals {
        malformed: now.malformed - counted.malformed,
        wrong_slice: now.wrong_slice - counted.wrong_slice,
        unexpected: now.unexpected - counted.unexpected,
    };
    (result, more)
}

const MALFORMED: Refusals = Refusals {
    malformed: 1,
    wrong_slice: 0,
    unexpected: 0,
};
const WRONG_SLICE: Refusals = Refusals {
    malformed: 0,
    wrong_slice: 1,
    unexpected: 0,
};
const UNEXPECTED: Refusals = Refusals {
    malformed: 0,
    wrong_slice: 0,
    unexpected: 1,
};

fn message(s_nssai: SNssai, eap: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 2000];
    let message = NssaaMessage {
        kind: Kind::Complete,
        s_nssai,
        eap: EapMessage::parse(eap).unwrap(),
    };
    let len = message.encode(&mut out).unwrap();
    out.truncate(len);
    out
}

/// A world whose COMMAND waits for its COMPLETE.
fn waiting() -> World {
    let mut world = World::registered(&[subscribed(A), subscribed(B)]);
    world.run();
    world
}

#[test]
fn a_complete_for_another_slice() {
    let mut world = waiting();
    for s_nssai in [B, C, SNssai::sst(1)] {
        let message = &message(s_nssai, &identity(1));
        let event = Event::Complete {
            access: GPP,
            message,
        };
        assert_eq!(refused(&mut world, event), (Err(Error::Slice), WRONG_SLICE));
    }
    world.answer();
}

#[test]
fn a_complete_without_a_command() {
    let mut world = World::registered(&[subscribed(FREE)]);
    let message = &message(A, &identity(1));
    let event = Event::Complete {
        access: GPP,
        message,
    };
    assert_eq!(
        refused(&mut world, event),
        (Err(Error::Unexpected), UNEXPECTED)
    );
}

#[test]
fn a_second_complete() {
    let mut world = waiting();
    let (access, message) = world.complete(b"");
    let message = &message;
    let event = Event::Complete { access, message };
    world.on(event).unwrap();
    world.run();
    assert_eq!(
        refused(&mut world, event),
        (Err(Error::Unexpected), UNEXPECTED)
    );
}

#[test]
fn a_complete_on_the_other_access_or_with_another_identifier() {
    let mut world = waiting();
    world.join(N3GPP, &[FREE][..0]);
    world.run();
    let (right, wrong) = (message(A, &identity(1)), message(A, &identity(2)));
    for (access, message) in [(N3GPP, &right), (GPP, &wrong)] {
        let event = Event::Complete { access, message };
        assert_eq!(
            refused(&mut world, event),
            (Err(Error::Unexpected), UNEXPECTED)
        );
    }
    world.answer();
}

#[test]
fn a_malformed_complete() {
    let mut world = waiting();
    let good = message(A, &identity(1));
    for cut in 3..good.len() {
        let event = Event::Complete {
            access: GPP,
            message: &good[..cut],
        };
        assert_eq!(
            refused(&mut world, event),
            (Err(Error::MalformedIe), MALFORMED)
        );
    }
    // Lengths of the EAP message that do not fit, codes that do not belong, an S-NSSAI of 5 octets.
    for (at, octet) in [
        (9, 0xFF),
        (10, 1),
        (10, 3),
        (12, 0xFF),
        (13, 3),
        (3, 5),
        (3, 0),
    ] {
        let mut bad = good.clone();
        bad[at] = octet;
        let event = Event::Complete {
            access: GPP,
            message: &bad,
        };
        let (result, counted) = refused(&mut world, event);
        assert_eq!(
            (result, counted),
            (Err(Error::MalformedIe), MALFORMED),
            "{at} {octet}"
        );
    }
    // The identity request can only be answered with an identity.
    let nak = message(A, &eap(EapCode::Response, 1, &[3, 13]));
    let event = Event::Complete {
        access: GPP,
        message: &nak,
    };
    assert_eq!(
        refused(&mut world, event),
        (Err(Error::MalformedIe), MALFORMED)
    );
    world.answer();
}

#[test]
fn messages_of_another_kind() {
    let mut world = waiting();
    let (_, command) = world.command.clone().unwrap();
    let event = Event::Complete {
        access: GPP,
        message: &command,
    };
    assert_eq!(
        refused(&mut world, event),
        (Err(Error::Unexpected), UNEXPECTED)
    );
}

#[test]
fn an_answer_that_nobody_asked_for() {
    let mut world = waiting();
    let stray = Event::Aaa {
        transaction: 0,
        answer: AaaAnswer::Refused,
    };
    assert_eq!(
        refused(&mut world, stray),
        (Err(Error::Unexpected), UNEXPECTED)
    );
    world.answer();
    world.run();
    let open = world.asked.unwrap();
    for transaction in [open.wrapping_sub(1), open + 1] {
        let stale = Event::Aaa {
            transaction,
            answer: AaaAnswer::Refused,
        };
        assert_eq!(
            refused(&mut world, stale),
            (Err(Error::Unexpected), UNEXPECTED)
        );
    }
    let octets = eap_verdict(EapCode::Success, 1);
    let answer = AaaAnswer::Success(EapMessage::parse(&octets).unwrap());
    let event = Event::Aaa {
        transaction: open,
        answer,
    };
    world.on(event).unwrap();
    assert_eq!(world.amf.status(A), Some(Status::EapSuccess));
    world.run();
    assert_eq!(
        refused(&mut world, event),
        (Err(Error::Unexpected), UNEXPECTED)
    );
}

#[test]
fn an_answer_whose_message_does_not_fit() {
    let mut world = waiting();
    world.answer();
    world.run();
    let transaction = world.asked.unwrap();
    let (success, failure) = (
        eap_verdict(EapCode::Success, 1),
        eap_verdict(EapCode::Failure, 1),
    );
    let (success, failure) = (
        EapMessage::parse(&success).unwrap(),
        EapMessage::parse(&failure).unwrap(),
    );
    for answer in [
        AaaAnswer::Success(failure),
        AaaAnswer::Failure(success),
        AaaAnswer::Continue(success),
    ] {
        let event = Event::Aaa {
            transaction,
            answer,
        };
        assert_eq!(
            refused(&mut world, event),
            (Err(Error::MalformedIe), MALFORMED)
        );
    }
    assert_eq!(world.amf.status(A), Some(Status::Pending));
}

#[test]
fn timers_that_do_not_run() {
    let mut world = World::registered(&[subscribed(A)]);
    for event in [Event::T3575Expired, Event::RetryExpired] {
        assert_eq!(world.on(event), Err(Error::Unexpected));
    }
    world.run();
    world.answer();
    // The order to stop it was not carried out when it expired.
    assert_eq!(world.on(Event::T3575Expired), Err(Error::Unexpected));
    assert_eq!(world.run().len(), 1, "no timer to stop any more");
    assert_eq!(world.amf.refusals().unexpected, 3);
}

#[test]
fn subscriptions_and_registrations_outside_their_bounds() {
    let many: Vec<_> = (0..17)
        .map(|sst| subscribed(SNssai::sst(100 + sst)))
        .collect();
    let with = |slices| {
        let gpsis = &[GPSI][..];
        Amf::new(&Subscription { gpsis, slices }).map(|_| ())
    };
    assert_eq!(with(&many), Err(Error::TooLong));
    assert_eq!(with(&many[..16]), Ok(()));
    assert_eq!(with(&[many[0], many[1], many[0]]), Err(Error::Argument));
    let mut world = World::new(&many[..16]);
    let before = seen(&world.amf);
    let settings = world.settings;
    let mut register = |asked: &[naslane::nas::nssaa::Slice]| {
        let registration = naslane::procedure::nssaa::Registration {
            access: GPP,
            asked,
            nssaa_supported: true,
            extended_rejected: true,
        };
        world.amf.register(&registration, &settings).map(|_| ())
    };
    let nine: Vec<_> = many[..9].iter().map(|s| s.slice).collect();
    assert_eq!(register(&nine), Err(Error::TooLong));
    assert_eq!(register(&[A.into()]), Err(Error::Slice));
    assert_eq!(register(&nine[..8]), Ok(()));
    assert_ne!(seen(&world.amf), before);
}

#[test]
fn a_buffer_that_is_too_small_takes_nothing_away() {
    let mut world = World::registered(&[subscribed(A)]);
    let settings = world.settings;
    for len in [0, 14] {
        let polled = world.amf.poll(&settings, &mut vec![0; len]);
        assert_eq!(polled, Err(Error::BufferTooSmall));
    }
    assert_eq!(commands(&world.run()), [(GPP, A)]);
    world.answer();
    let mut small = [0; 3];
    // The timer needs no room.
    assert!(world.amf.poll(&settings, &mut small).unwrap().is_some());
    assert_eq!(
        world.amf.poll(&settings, &mut small),
        Err(Error::BufferTooSmall)
    );
    assert_eq!(world.run().len(), 1);
}
