//! The states of a slice: absent, PENDING, EAP_SUCCESS, EAP_FAILURE, and what moves it (TS 23.501 5.15.10). Timers and
//! an unreachable AAA server never make a failure of it.

use naslane::base::Error;
use naslane::nas::nssaa::EapCode;
use naslane::procedure::nssaa::{
    AaaAnswer, Event, NssaaSettings, Reachability, Registration, Status, Step,
};

use crate::world::*;

#[test]
fn row_1_absent_to_pending() {
    let mut world = World::new(&[subscribed(A)]);
    assert_eq!(world.amf.status(A), None);
    let admission = world.register(GPP, &[A.into()]);
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    let lists = admission.lists();
    assert_eq!(lists.registration_result(1), 0x11, "NSSAA to be performed");
}

#[test]
fn row_2_a_ue_without_nssaa_is_refused_the_slice_in_the_plmn() {
    let mut world = World::new(&[subscribed(A), subscribed(FREE)]);
    let registration = Registration {
        access: GPP,
        asked: &[A.into(), FREE.into()],
        nssaa_supported: false,
        extended_rejected: false,
    };
    let settings = NssaaSettings::default();
    let admission = world.amf.register(&registration, &settings).unwrap();
    assert_eq!(admission.rejected[0].cause.0, 0);
    assert_eq!(admission.allowed[..], [FREE.into()]);
    world.on(Event::Registered(GPP)).unwrap();
    assert_eq!((world.amf.status(A), world.run()), (None, vec![]));
}

#[test]
fn row_2_with_nothing_else_the_registration_is_refused() {
    let mut world = World::new(&[subscribed(A)]);
    let registration = Registration {
        access: GPP,
        asked: &[A.into()],
        nssaa_supported: false,
        extended_rejected: false,
    };
    let settings = NssaaSettings::default();
    let admission = world.amf.register(&registration, &settings).unwrap();
    assert!(admission.is_empty() && !admission.allows(A));
}

#[test]
fn row_8_four_retransmissions_then_pending_until_the_ue_speaks() {
    let mut world = World::registered(&[subscribed(A), subscribed(B)]);
    let sent = [Did::Command(GPP, A), Did::StartT3575(15)];
    assert_eq!(world.run(), sent);
    for _ in 0..4 {
        world.on(Event::T3575Expired).unwrap();
        assert_eq!(world.run(), sent);
    }
    world.on(Event::T3575Expired).unwrap();
    assert_eq!(
        world.run(),
        [],
        "the fifth expiry ends it; other slices wait too"
    );
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    assert_eq!(world.amf.running(), None);
    world.on(Event::UplinkActivity(GPP)).unwrap();
    assert_eq!(world.run(), sent);
}

#[test]
fn row_8_a_late_answer_to_a_retransmission_counts() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    let (access, message) = world.complete(b"");
    let message = &message;
    world.on(Event::T3575Expired).unwrap();
    // The retransmission is due but not taken.
    world.on(Event::Complete { access, message }).unwrap();
    assert_eq!(
        untimed(world.run()),
        [Did::Ask(Step::Start, A, identity(1))]
    );
}

#[test]
fn row_8_retransmissions_are_counted_for_each_round() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    for round in 0..3 {
        for _ in 0..4 {
            world.on(Event::T3575Expired).unwrap();
            assert_eq!(commands(&world.run()), [(GPP, A)]);
        }
        world.answer();
        world.run();
        world.proceed(round);
        assert_eq!(commands(&world.run()), [(GPP, A)]);
    }
}

#[test]
fn row_8_a_ue_that_paging_does_not_reach() {
    let mut world = World::registered(&[subscribed(A)]);
    world.on(Event::Access(GPP, Reachability::Idle)).unwrap();
    assert_eq!(world.run(), [Did::Reach(GPP)]);
    world.on(Event::Unreachable(GPP)).unwrap();
    assert_eq!(world.run(), []);
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    world
        .on(Event::Access(GPP, Reachability::Connected))
        .unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)]);
}

#[test]
fn row_8_a_command_lost_with_the_connection_goes_out_again() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.on(Event::Access(GPP, Reachability::Idle)).unwrap();
    assert_eq!(world.run(), [Did::StopT3575, Did::Reach(GPP)]);
    world
        .on(Event::Access(GPP, Reachability::Connected))
        .unwrap();
    assert_eq!(world.run(), [Did::Command(GPP, A), Did::StartT3575(15)]);
}

#[test]
fn row_9_an_unreachable_aaa_server_is_asked_again() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.answer();
    world.run();
    world.aaa(AaaAnswer::Unreachable).unwrap();
    assert_eq!(world.run(), [Did::StartRetry(30)]);
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    world.on(Event::UplinkActivity(GPP)).unwrap();
    assert_eq!(world.run(), [], "that is no AAA server");
    world.on(Event::RetryExpired).unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)], "from the identity on");
}

/// A COMMAND is out, a question is open, the retry timer runs: each begins anew, and none is stuck.
#[test]
fn row_9_who_kept_the_timers_and_the_question_is_gone() {
    let mut world = World::registered(&[subscribed(A)]);
    world.on(Event::RunnerLost).unwrap();
    let again = [Did::Command(GPP, A), Did::StartT3575(15)];
    assert_eq!(world.run(), again, "nothing was lost");
    world.on(Event::RunnerLost).unwrap();
    assert_eq!(world.run(), again, "a COMMAND that nobody repeats");
    world.answer();
    world.run();
    let lost = world.asked;
    world.on(Event::RunnerLost).unwrap();
    assert_eq!(world.run(), again, "a question that nobody answers");
    let transaction = lost.unwrap();
    let late = Event::Aaa {
        transaction,
        answer: AaaAnswer::Refused,
    };
    assert_eq!(world.on(late), Err(Error::Unexpected));
    world.answer();
    world.run();
    world.aaa(AaaAnswer::Unreachable).unwrap();
    world.run();
    world.on(Event::RunnerLost).unwrap();
    assert_eq!(world.run(), again, "a wait that nobody ends");
    assert_eq!(world.on(Event::RetryExpired), Err(Error::Unexpected));
    assert_eq!(world.amf.status(A), Some(Status::Pending));
}

#[test]
fn row_9_then_pending_until_the_next_registration() {
    let mut world = World::registered(&[subscribed(A)]);
    world.settings.retries = 3;
    for _ in 0..3 {
        world.run();
        world.answer();
        world.run();
        world.aaa(AaaAnswer::Unreachable).unwrap();
        world.run();
        world.on(Event::RetryExpired).unwrap();
    }
    world.run();
    world.answer();
    world.run();
    world.aaa(AaaAnswer::Unreachable).unwrap();
    assert_eq!(world.run(), []);
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    world.join(GPP, &[A]);
    assert_eq!(commands(&world.run()), [(GPP, A)]);
}

#[test]
fn row_9_one_aaa_server_down_does_not_hold_the_others_up() {
    let mut world = World::registered(&[subscribed(A), subscribed(B)]);
    world.run();
    world.answer();
    world.run();
    world.aaa(AaaAnswer::Unreachable).unwrap();
    let did = world.whole_run(Status::EapSuccess);
    assert_eq!(did[0], Did::Result(GPP, B, EapCode::Success));
    assert_eq!(world.amf.status(A), Some(Status::Pending));
}

#[test]
fn row_9_a_lost_context_begins_the_run_anew() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.answer();
    world.run();
    world.proceed(5);
    world.run();
    world.answer();
    world.run();
    world.aaa(AaaAnswer::ContextLost).unwrap();
    let did = world.run();
    assert_eq!(commands(&did), [(GPP, A)]);
    world.answer();
    assert_eq!(
        untimed(world.run()),
        [Did::Ask(Step::Start, A, identity(2))]
    );
    // Again and again: no faster than an AAA server that is down.
    world.aaa(AaaAnswer::ContextLost).unwrap();
    assert_eq!(world.run(), [Did::StartRetry(30)]);
    assert_eq!(world.amf.status(A), Some(Status::Pending));
}

#[test]
fn a_registration_during_a_run_begins_it_anew() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.register(GPP, &[A.into()]);
    assert_eq!(world.run(), [Did::StopT3575]);
    world.on(Event::Registered(GPP)).unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)]);
}

#[test]
fn a_success_survives_a_registration_on_the_same_access() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    let admission = world.join(GPP, &[A]);
    assert_eq!(admission.allowed[..], [A.into()]);
    assert_eq!(world.run(), []);
}

#[test]
fn statuses_are_kept_while_registered_anywhere() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    world.join(N3GPP, &[A]);
    world
        .on(Event::Access(GPP, Reachability::Deregistered))
        .unwrap();
    assert_eq!(world.amf.status(A), Some(Status::EapSuccess));
    world
        .on(Event::Access(N3GPP, Reachability::Deregistered))
        .unwrap();
    assert_eq!(world.amf.status(A), None);
    assert_eq!(world.run(), []);
}

#[test]
fn an_access_that_goes_hands_its_run_to_the_other() {
    let mut world = World::registered(&[subscribed(A)]);
    world.join(N3GPP, &[A]);
    world.run();
    world
        .on(Event::Access(GPP, Reachability::Deregistered))
        .unwrap();
    assert_eq!(commands(&world.run()), [(N3GPP, A)]);
    world
        .on(Event::Access(N3GPP, Reachability::Deregistered))
        .unwrap();
    assert_eq!(world.run(), [Did::StopT3575]);
    assert_eq!(world.amf.running(), None);
}

#[test]
fn a_run_on_an_idle_non_3gpp_access_does_not_hold_the_others_up() {
    for asked in [false, true] {
        let mut world = World::new(&[subscribed(A), subscribed(B)]);
        world.join(N3GPP, &[A]);
        world.join(GPP, &[B]);
        assert_eq!(commands(&world.run()), [(N3GPP, A)]);
        if asked {
            // The connection goes while the AAA server has the word.
            world.answer();
            world.run();
        }
        world.on(Event::Access(N3GPP, Reachability::Idle)).unwrap();
        if asked {
            assert_eq!(world.run(), []);
            world.proceed(3);
        }
        assert_eq!(commands(&world.run()), [(GPP, B)]);
        assert_eq!(world.amf.status(A), Some(Status::Pending));
        world.whole_run(Status::EapSuccess);
        world
            .on(Event::Access(N3GPP, Reachability::Connected))
            .unwrap();
        assert_eq!(commands(&world.run()), [(N3GPP, A)]);
    }
}

#[test]
fn a_result_takes_the_other_access_when_its_own_is_idle() {
    let mut world = World::registered(&[subscribed(A)]);
    world.join(N3GPP, &[A]);
    world.run();
    world.answer();
    world.run();
    world.on(Event::Access(GPP, Reachability::Idle)).unwrap();
    world.verdict(Status::EapSuccess);
    let did = world.run();
    assert_eq!(did[0], Did::Result(N3GPP, A, EapCode::Success));
    assert_eq!(updates(&did)[0].0, N3GPP);
    assert!(
        did.contains(&Did::Reach(GPP)),
        "for the update of 3GPP access"
    );
}

#[test]
fn a_lost_update_is_built_again_and_an_acknowledged_one_is_not() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    let did = world.whole_run(Status::EapFailure);
    let first = updates(&did);
    world.on(Event::UpdateLost(GPP)).unwrap();
    assert_eq!(updates(&world.run()), first);
    world.on(Event::UpdateCompleted(GPP)).unwrap();
    world.on(Event::UpdateLost(GPP)).unwrap();
    assert_eq!(updates(&world.run())[0].1.rejects(), []);
}

#[test]
fn a_slice_that_leaves_the_subscription_is_rejected_and_its_sessions_end() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    let settings = world.settings;
    let changed = naslane::procedure::nssaa::Subscription {
        gpsis: &[],
        slices: &[subscribed(FREE)],
    };
    world.amf.subscribe(&changed, &settings).unwrap();
    let did = world.run();
    assert_eq!(updates(&did)[0].1.rejects(), [(A, 0)]);
    assert!(did.contains(&Did::Release(A)));
    assert_eq!(world.amf.status(A), None);
}

#[test]
fn a_slice_that_needs_it_no_more_is_allowed_at_once() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.run();
    let settings = world.settings;
    let mut slices = [subscribed(A), subscribed(FREE)];
    slices[0].nssaa = false;
    let changed = naslane::procedure::nssaa::Subscription {
        gpsis: &[],
        slices: &slices,
    };
    world.amf.subscribe(&changed, &settings).unwrap();
    let did = world.run();
    assert_eq!(did[0], Did::StopT3575);
    assert_eq!(updates(&did)[0].1.allows(), [A, FREE]);
    assert_eq!(world.amf.running(), None);
}
