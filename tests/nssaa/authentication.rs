//! TS 23.502 4.2.9.1 and 4.2.9.2. The names carry the step.

use naslane::base::Error;
use naslane::nas::nssaa::{EapCode, EapMessage, NssaaMessage, SNssai, Slice};
use naslane::procedure::nssaa::{
    AaaAnswer, Amf, Event, NssaaSettings, Reachability, Registration, SecondAccess, Status, Step,
    Subscribed, Subscription,
};

use crate::world::*;

fn subscription<'a>(gpsis: &'a [&'a str], slices: &'a [Subscribed]) -> Subscription<'a> {
    Subscription { gpsis, slices }
}

// ---- 4.2.9.1 ----

#[test]
fn s4291_registration_triggers_for_a_slice_that_needs_it() {
    let mut world = World::new(&[subscribed(A), subscribed(FREE)]);
    let admission = world.register(GPP, &[A.into(), FREE.into()]);
    assert_eq!(admission.allowed[..], [FREE.into()]);
    assert_eq!(admission.pending[..], [A.into()]);
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    assert_eq!(world.run(), [], "not before the registration is complete");
    world.on(Event::Registered(GPP)).unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)]);
}

#[test]
fn s4291_a_subscription_change_triggers_for_a_slice_in_allowed() {
    let free = |nssaa| Subscribed {
        nssaa,
        ..subscribed(A)
    };
    for keep_allowed in [true, false] {
        let mut world = World::new(&[free(false), subscribed(FREE)]);
        world.settings.keep_allowed = keep_allowed;
        world.join(GPP, &[A, FREE]);
        assert_eq!(world.run(), []);
        let slices = [free(true), subscribed(FREE)];
        let settings = world.settings;
        let changed = subscription(&[GPSI], &slices);
        world.amf.subscribe(&changed, &settings).unwrap();
        let did = world.run();
        assert_eq!(commands(&did), [(GPP, A)]);
        assert_eq!(world.amf.status(A), Some(Status::Pending));
        let told: Vec<_> = updates(&did)
            .iter()
            .map(|(_, told)| told.allows())
            .collect();
        let expected: &[Vec<SNssai>] = if keep_allowed { &[] } else { &[vec![FREE]] };
        assert_eq!(told, expected);
    }
}

#[test]
fn s4291_the_aaa_server_triggers_a_reauthentication() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::ReauthNotification(A)).unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)]);
}

#[test]
fn s4291_the_amf_is_the_authenticator() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    let (_, command) = world.command.clone().unwrap();
    let eap = NssaaMessage::decode(&command).unwrap().eap;
    assert_eq!((eap.code(), eap.kind()), (EapCode::Request, Some(1)));
}

#[test]
fn s4291_a_gpsi_is_mandatory() {
    let slices = [subscribed(A)];
    let without = Amf::new(&subscription(&[], &slices)).map(|_| ());
    assert_eq!(without, Err(Error::Gpsi));
    let long = "extid-".to_owned() + &"x".repeat(300);
    let too_long = Amf::new(&subscription(&[&long], &slices)).map(|_| ());
    assert_eq!(too_long, Err(Error::Gpsi));
    // No slice needs one.
    assert!(Amf::new(&subscription(&[], &[subscribed(FREE)])).is_ok());
}

#[test]
fn s4291_the_result_is_kept_in_the_ue_context() {
    for status in [Status::EapSuccess, Status::EapFailure] {
        let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
        world.whole_run(status);
        assert_eq!(world.amf.status(A), Some(status));
        assert!(world.amf.statuses().eq([(A, status)]));
    }
}

#[test]
fn s4291_note_admission_control_leaves_the_status() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    let control = |refused| Event::AdmissionControl {
        access: GPP,
        s_nssai: A,
        refused,
    };
    world.on(control(true)).unwrap();
    assert_eq!(world.amf.status(A), Some(Status::EapSuccess));
    let told = updates(&world.run());
    assert_eq!(told[0].1.allows(), [FREE]);
    assert_eq!(
        told[0].1.rejects(),
        [(A, 1)],
        "cause 3 needs an extended list"
    );
    world.on(control(false)).unwrap();
    assert_eq!(updates(&world.run())[0].1.allows(), [A, FREE]);
    assert_eq!(world.amf.status(A), Some(Status::EapSuccess));
}

// ---- 4.2.9.2 ----

#[test]
fn s4292_1_second_access_skips_by_policy() {
    for (policy, runs) in [(SecondAccess::Skip, false), (SecondAccess::Run, true)] {
        let mut world = World::registered(&[subscribed(A)]);
        world.settings.after_success = policy;
        world.whole_run(Status::EapSuccess);
        let admission = world.join(N3GPP, &[A]);
        assert_eq!(admission.allowed[..], [A.into()], "allowed meanwhile");
        assert_eq!(!commands(&world.run()).is_empty(), runs);
        let status = if runs {
            Status::Pending
        } else {
            Status::EapSuccess
        };
        assert_eq!(world.amf.status(A), Some(status));
    }
}

#[test]
fn s4292_1_second_access_after_a_failure_by_policy() {
    for (policy, runs) in [(SecondAccess::Skip, false), (SecondAccess::Run, true)] {
        let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
        world.settings.after_failure = policy;
        world.whole_run(Status::EapFailure);
        let admission = world.join(N3GPP, &[A, FREE]);
        assert_eq!(admission.pending.is_empty(), !runs);
        assert_eq!(admission.rejected.len(), usize::from(!runs));
        assert_eq!(!commands(&world.run()).is_empty(), runs);
    }
}

#[test]
fn s4292_1_reauthentication_chooses_the_access_by_policy() {
    for prefer in [GPP, N3GPP] {
        let mut world = World::registered(&[subscribed(A)]);
        world.settings.prefer = prefer;
        world.whole_run(Status::EapSuccess);
        world.join(N3GPP, &[A]);
        world.run();
        world.on(Event::ReauthNotification(A)).unwrap();
        assert_eq!(commands(&world.run()), [(prefer, A)]);
    }
}

#[test]
fn s4292_1_operator_policy_triggers_a_run() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::OperatorPolicy(A)).unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)]);
    // A run that is due already is not doubled, and a slice that nobody asked for has none.
    world.on(Event::OperatorPolicy(A)).unwrap();
    world.on(Event::OperatorPolicy(B)).unwrap();
    assert_eq!(world.run(), []);
}

#[test]
fn s4292_2_identity_request_names_the_hplmn_s_nssai() {
    let slice = Slice {
        s_nssai: SNssai::new(0x80, 5),
        mapped: Some(A),
    };
    let mut world = World::new(&[Subscribed {
        slice,
        nssaa: true,
        default: false,
    }]);
    let admission = world.register(GPP, &[slice]);
    assert_eq!(admission.pending[..], [slice], "the UE is told both");
    world.on(Event::Registered(GPP)).unwrap();
    let did = world.run();
    assert_eq!(did, [Did::Command(GPP, A), Did::StartT3575(15)]);
    let (_, command) = world.command.clone().unwrap();
    assert_eq!(command[3..8], [4, 1, 0, 0, 0x0A]);
    assert_eq!(command[8..], [0, 5, 1, 1, 0, 5, 1]);
}

#[test]
fn s4292_3_the_ue_answers_with_the_same_s_nssai() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    let (access, message) = world.complete(b"");
    let read = NssaaMessage::decode(&message).unwrap();
    assert_eq!((read.s_nssai, read.eap.kind()), (A, Some(1)));
    let message = &message;
    world.on(Event::Complete { access, message }).unwrap();
    assert_eq!(world.run()[0], Did::StopT3575);
}

#[test]
fn s4292_4_the_identity_goes_to_the_nssaaf_with_gpsi_and_s_nssai() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.answer();
    let asked = Did::Ask(Step::Start, A, identity(1));
    assert_eq!(world.run(), [Did::StopT3575, asked]);
    assert_eq!(world.amf.gpsi(), GPSI);
}

#[test]
fn s4292_4_note_any_of_several_gpsis() {
    let gpsis = ["extid-a@b.example", GPSI];
    let amf = Amf::new(&subscription(&gpsis, &[subscribed(A)])).unwrap();
    assert!(gpsis.contains(&amf.gpsi()));
}

#[test]
fn s4292_7_to_14_any_number_of_rounds() {
    for rounds in [0, 1, 2, 50] {
        let mut world = World::registered(&[subscribed(A)]);
        world.run();
        world.answer();
        assert_eq!(world.run()[1], Did::Ask(Step::Start, A, identity(1)));
        for round in 0..rounds {
            world.proceed(round);
            let did = world.run();
            assert_eq!(did, [Did::Command(GPP, A), Did::StartT3575(15)]);
            world.answer();
            let response = eap(EapCode::Response, round, b"\x04data");
            let asked = Did::Ask(Step::Continue, A, response);
            assert_eq!(world.run(), [Did::StopT3575, asked]);
        }
        assert_eq!(world.amf.status(A), Some(Status::Pending));
        world.verdict(Status::EapSuccess);
        assert_eq!(world.amf.status(A), Some(Status::EapSuccess));
    }
}

#[test]
fn s4292_7_to_14_the_longest_eap_messages_pass() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.answer();
    world.run();
    let request = eap(EapCode::Request, 9, &[13; 1496]);
    let answer = AaaAnswer::Continue(EapMessage::parse(&request).unwrap());
    world.aaa(answer).unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)]);
    assert!(world.command.as_ref().unwrap().1.ends_with(&[13; 1496]));
    let (access, message) = world.complete(&[13; 1496]);
    let message = &message;
    world.on(Event::Complete { access, message }).unwrap();
    let did = untimed(world.run());
    assert_eq!(
        did,
        [Did::Ask(
            Step::Continue,
            A,
            eap(EapCode::Response, 9, &[13; 1496])
        )]
    );
}

#[test]
fn s4292_17_the_answer_of_the_nssaaf_ends_the_run() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    assert_eq!(world.amf.running(), None);
    assert!(world.amf.is_settled());
}

#[test]
fn s4292_18_the_ue_gets_the_result_and_the_amf_keeps_it() {
    for (status, code) in [
        (Status::EapSuccess, EapCode::Success),
        (Status::EapFailure, EapCode::Failure),
    ] {
        let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
        let did = world.whole_run(status);
        assert_eq!(did[0], Did::Result(GPP, A, code));
        let result = world.result.take().unwrap();
        let told = world.ue.result(&result).unwrap();
        assert_eq!(
            (told.s_nssai, told.success()),
            (A, status == Status::EapSuccess)
        );
        assert_eq!(world.amf.status(A), Some(status));
    }
}

#[test]
fn s4292_18_a_refusal_without_eap_message_gives_the_ue_a_failure() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.run();
    world.answer();
    world.run();
    world.aaa(AaaAnswer::Refused).unwrap();
    assert_eq!(world.run()[0], Did::Result(GPP, A, EapCode::Failure));
    assert_eq!(world.amf.status(A), Some(Status::EapFailure));
}

#[test]
fn s4292_1_to_18_several_slices_one_after_the_other() {
    let mut world = World::registered(&[subscribed(A), subscribed(B), subscribed(C)]);
    let mut order = Vec::new();
    for status in [Status::EapSuccess, Status::EapFailure, Status::EapSuccess] {
        world.run();
        order.push(world.amf.running().unwrap().0);
        world.whole_run(status);
    }
    assert_eq!(order, [A, B, C]);
    assert_eq!(world.amf.status(B), Some(Status::EapFailure));
    assert!(world.amf.allowed(GPP).eq([A.into(), C.into()]));
}

#[test]
fn s4292_19a_success_is_told_in_a_new_allowed_nssai() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    let did = world.whole_run(Status::EapSuccess);
    let (access, told) = updates(&did).remove(0);
    assert_eq!(
        (access, told.allows(), told.acknowledge),
        (GPP, vec![A, FREE], true)
    );
    assert_eq!((told.rejects(), told.register), (vec![], false));
}

#[test]
fn s4292_19a_failure_is_told_in_the_rejected_nssai() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    let did = world.whole_run(Status::EapFailure);
    let (_, told) = updates(&did).remove(0);
    assert_eq!((told.allows(), told.rejects()), (vec![FREE], vec![(A, 2)]));
    assert!(
        !did.contains(&Did::Release(A)),
        "it had no PDU sessions yet"
    );
}

#[test]
fn s4292_19a_for_each_access() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.join(N3GPP, &[A, FREE]);
    let did = world.whole_run(Status::EapSuccess);
    let told: Vec<_> = updates(&did)
        .into_iter()
        .map(|(access, t)| (access, t.allows()))
        .collect();
    assert_eq!(told, [(GPP, vec![A, FREE]), (N3GPP, vec![A, FREE])]);
}

#[test]
fn s4292_19a_defaults_when_every_requested_slice_failed() {
    let mut world = World::new(&[subscribed(A), subscribed(B), default(FREE)]);
    world.join(GPP, &[A, B]);
    world.whole_run(Status::EapFailure);
    let did = world.whole_run(Status::EapFailure);
    let (_, told) = updates(&did).remove(0);
    assert_eq!((told.allows(), told.rejects()), (vec![FREE], vec![(B, 2)]));
    assert_eq!(deregistrations(&did), []);
}

#[test]
fn s4292_19a_a_default_that_succeeded_counts_and_one_that_failed_does_not() {
    for (status, left) in [(Status::EapSuccess, vec![B]), (Status::EapFailure, vec![])] {
        let mut world = World::new(&[subscribed(A), default(B), subscribed(FREE)]);
        world.join(GPP, &[B, FREE]);
        world.whole_run(status);
        world.join(GPP, &[A]);
        let did = world.whole_run(Status::EapFailure);
        let told: Vec<_> = updates(&did)
            .into_iter()
            .flat_map(|(_, told)| told.allows())
            .collect();
        assert_eq!(told, left);
        assert_eq!(deregistrations(&did).is_empty(), !left.is_empty());
    }
}

#[test]
fn s4292_19a_the_amf_must_change() {
    let mut world = World::registered(&[subscribed(A)]);
    world.settings.register_again = true;
    let did = world.whole_run(Status::EapSuccess);
    assert!(updates(&did)[0].1.register);
}

#[test]
fn s4292_19a_failed_reauthentication_releases_the_pdu_sessions() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::ReauthNotification(A)).unwrap();
    let did = world.whole_run(Status::EapFailure);
    assert!(did.contains(&Did::Release(A)));
    let (_, told) = updates(&did).remove(0);
    assert_eq!((told.allows(), told.rejects()), (vec![FREE], vec![(A, 2)]));
}

#[test]
fn s4292_19a_nothing_new_is_not_told() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::ReauthNotification(A)).unwrap();
    let did = world.whole_run(Status::EapSuccess);
    assert_eq!(untimed(did), [Did::Result(GPP, A, EapCode::Success)]);
}

#[test]
fn s4292_19b_nothing_left_is_a_deregistration_with_the_rejected_list() {
    let mut world = World::registered(&[subscribed(A), subscribed(B)]);
    let did = world.whole_run(Status::EapFailure);
    assert_eq!(deregistrations(&did), [], "another is pending");
    let did = world.whole_run(Status::EapFailure);
    assert_eq!(updates(&did), []);
    let (access, told) = deregistrations(&did).remove(0);
    assert_eq!((access, told.cause), (GPP, Some(62)));
    assert_eq!(told.rejects(), [(A, 2), (B, 2)]);
    world
        .on(Event::Access(GPP, Reachability::Deregistered))
        .unwrap();
    assert_eq!(world.amf.statuses().count(), 0);
}

#[test]
fn s4292_19b_for_each_access_on_its_own() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.join(N3GPP, &[A]);
    let did = world.whole_run(Status::EapFailure);
    let left: Vec<_> = deregistrations(&did)
        .iter()
        .map(|(access, _)| *access)
        .collect();
    assert_eq!(left, [N3GPP]);
    assert_eq!(updates(&did)[0].0, GPP);
}

#[test]
fn s4292_19_extended_rejected_nssai_for_a_ue_that_takes_it() {
    let slice = Slice {
        s_nssai: SNssai::sst(0x81),
        mapped: Some(C),
    };
    let free = subscribed(FREE);
    let mut world = World::new(&[
        Subscribed {
            slice,
            nssaa: true,
            default: false,
        },
        free,
    ]);
    let registration = Registration {
        access: GPP,
        asked: &[slice, free.slice],
        nssaa_supported: true,
        extended_rejected: true,
    };
    let settings = NssaaSettings::default();
    world.amf.register(&registration, &settings).unwrap();
    world.on(Event::Registered(GPP)).unwrap();
    let did = world.whole_run(Status::EapFailure);
    let (_, told) = updates(&did).remove(0);
    assert_eq!(told.rejected, []);
    assert_eq!(
        (told.extended[0].slice, told.extended[0].cause.0),
        (slice, 2)
    );
}
