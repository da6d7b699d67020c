//! TS 23.502 4.2.9.3 and 4.2.9.4: step 5, which is the AMF's. The names carry the step.

use naslane::nas::nssaa::EapCode;
use naslane::procedure::nssaa::{Event, Reachability, Status};

use crate::world::*;

// ---- 4.2.9.3 ----

#[test]
fn s4293_5_in_allowed_the_slice_is_authenticated_in_place() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::ReauthNotification(A)).unwrap();
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    assert!(world.amf.allowed(GPP).eq([A.into()]), "it stays allowed");
    let did = world.whole_run(Status::EapSuccess);
    assert_eq!(untimed(did), [Did::Result(GPP, A, EapCode::Success)]);
    assert_eq!(world.amf.status(A), Some(Status::EapSuccess));
}

#[test]
fn s4293_5_allowed_on_both_the_access_is_chosen_by_policy() {
    for prefer in [GPP, N3GPP] {
        let mut world = World::registered(&[subscribed(A)]);
        world.settings.prefer = prefer;
        world.whole_run(Status::EapSuccess);
        world.join(N3GPP, &[A]);
        world.on(Event::ReauthNotification(A)).unwrap();
        assert_eq!(commands(&world.run()), [(prefer, A)]);
    }
}

#[test]
fn s4293_5_the_preferred_access_is_idle_so_the_other_takes_it() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    world.join(N3GPP, &[A]);
    world.on(Event::Access(GPP, Reachability::Idle)).unwrap();
    world.on(Event::ReauthNotification(A)).unwrap();
    assert_eq!(commands(&world.run()), [(N3GPP, A)]);
}

#[test]
fn s4293_5_only_on_non_3gpp_and_idle_there_is_pending_until_connected() {
    let mut world = World::new(&[subscribed(A), subscribed(FREE)]);
    world.join(GPP, &[FREE]);
    world.join(N3GPP, &[A]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::Access(N3GPP, Reachability::Idle)).unwrap();
    world.on(Event::ReauthNotification(A)).unwrap();
    assert_eq!(world.amf.status(A), Some(Status::Pending));
    assert_eq!(world.run(), [], "nobody is paged over non-3GPP access");
    world
        .on(Event::Access(N3GPP, Reachability::Connected))
        .unwrap();
    assert_eq!(commands(&world.run()), [(N3GPP, A)]);
}

#[test]
fn s4293_5_idle_on_3gpp_is_paged() {
    let mut world = World::registered(&[subscribed(A)]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::Access(GPP, Reachability::Idle)).unwrap();
    world.on(Event::ReauthNotification(A)).unwrap();
    assert_eq!(world.run(), [Did::Reach(GPP)]);
    world
        .on(Event::Access(GPP, Reachability::Connected))
        .unwrap();
    assert_eq!(commands(&world.run()), [(GPP, A)]);
}

#[test]
fn s4293_5_not_in_allowed_the_status_goes_and_the_next_request_runs() {
    for status in [Status::EapSuccess, Status::EapFailure] {
        let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
        world.whole_run(status);
        // A mobility registration without the slice.
        world.join(GPP, &[FREE]);
        assert_eq!(world.amf.status(A), Some(status), "kept while registered");
        world.on(Event::ReauthNotification(A)).unwrap();
        assert_eq!(world.amf.status(A), None);
        assert_eq!(world.run(), []);
        let admission = world.join(GPP, &[A, FREE]);
        assert_eq!(admission.pending[..], [A.into()]);
        assert_eq!(commands(&world.run()), [(GPP, A)]);
    }
}

#[test]
fn s4293_5_a_run_under_way_is_the_one_asked_for() {
    let mut world = World::registered(&[subscribed(A)]);
    world.run();
    world.on(Event::ReauthNotification(A)).unwrap();
    assert_eq!(world.run(), []);
    assert_eq!(world.amf.running(), Some((A, GPP)));
}

#[test]
fn s4293_5_unknown_slices_change_nothing() {
    let mut world = World::registered(&[subscribed(FREE)]);
    world.on(Event::ReauthNotification(A)).unwrap();
    world.on(Event::ReauthNotification(FREE)).unwrap();
    assert_eq!(world.run(), []);
    assert!(world.amf.allowed(GPP).eq([FREE.into()]));
}

// ---- 4.2.9.4 ----

#[test]
fn s4294_5_out_of_allowed_into_rejected_and_sessions_released() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::RevocationNotification(A)).unwrap();
    assert_eq!(world.amf.status(A), None);
    let did = world.run();
    let (_, told) = updates(&did).remove(0);
    assert_eq!((told.allows(), told.rejects()), (vec![FREE], vec![(A, 2)]));
    assert!(did.contains(&Did::Release(A)));
}

#[test]
fn s4294_5_for_every_access_where_it_is_allowed() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    world.join(N3GPP, &[A, FREE]);
    world.on(Event::RevocationNotification(A)).unwrap();
    let did = world.run();
    let told: Vec<_> = updates(&did)
        .into_iter()
        .map(|(at, t)| (at, t.rejects()))
        .collect();
    assert_eq!(told, [(GPP, vec![(A, 2)]), (N3GPP, vec![(A, 2)])]);
    assert_eq!(did.iter().filter(|did| **did == Did::Release(A)).count(), 1);
}

#[test]
fn s4294_5_an_idle_access_is_told_once_connected() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    world.join(N3GPP, &[A, FREE]);
    world.on(Event::Access(N3GPP, Reachability::Idle)).unwrap();
    world.on(Event::RevocationNotification(A)).unwrap();
    let told = |did: &[Did]| updates(did).iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(told(&world.run()), [GPP]);
    world
        .on(Event::Access(N3GPP, Reachability::Connected))
        .unwrap();
    assert_eq!(told(&world.run()), [N3GPP]);
}

#[test]
fn s4294_5_the_update_may_ask_to_register() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.settings.register_again = true;
    world.whole_run(Status::EapSuccess);
    world.on(Event::RevocationNotification(A)).unwrap();
    assert!(updates(&world.run())[0].1.register);
}

#[test]
fn s4294_5_nothing_left_and_a_default_that_needs_none() {
    let mut world = World::new(&[subscribed(A), default(FREE)]);
    world.join(GPP, &[A]);
    world.whole_run(Status::EapSuccess);
    world.on(Event::RevocationNotification(A)).unwrap();
    let did = world.run();
    assert_eq!(updates(&did)[0].1.allows(), [FREE]);
    assert_eq!(deregistrations(&did), []);
}

#[test]
fn s4294_5_nothing_left_and_a_default_that_failed_is_a_deregistration() {
    let mut world = World::new(&[subscribed(A), default(B)]);
    world.join(GPP, &[A, B]);
    world.whole_run(Status::EapSuccess);
    world.whole_run(Status::EapFailure);
    world.on(Event::RevocationNotification(A)).unwrap();
    let did = world.run();
    let (access, told) = deregistrations(&did).remove(0);
    assert_eq!((access, told.cause), (GPP, Some(62)));
    assert_eq!(told.rejects(), [(A, 2), (B, 2)]);
    assert!(did.contains(&Did::Release(A)));
}

#[test]
fn s4294_5_nothing_left_on_one_access_only() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.whole_run(Status::EapSuccess);
    world.join(N3GPP, &[A]);
    world.run();
    world.on(Event::RevocationNotification(A)).unwrap();
    let did = world.run();
    assert_eq!(deregistrations(&did)[0].0, N3GPP);
    assert_eq!(updates(&did)[0].0, GPP);
}

#[test]
fn s4294_5_not_in_allowed_only_the_status_goes() {
    for status in [Status::EapSuccess, Status::EapFailure] {
        let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
        world.whole_run(status);
        world.join(GPP, &[FREE]);
        world.on(Event::RevocationNotification(A)).unwrap();
        assert_eq!(world.amf.status(A), None);
        assert_eq!(world.run(), []);
    }
}

#[test]
fn s4294_5_a_pending_slice_ends_as_rejected() {
    let mut world = World::registered(&[subscribed(A), subscribed(FREE)]);
    world.run();
    world.on(Event::RevocationNotification(A)).unwrap();
    assert_eq!((world.amf.status(A), world.amf.running()), (None, None));
    let did = world.run();
    assert_eq!(did[0], Did::StopT3575);
    assert_eq!(updates(&did)[0].1.rejects(), [(A, 2)]);
    assert!(!did.contains(&Did::Release(A)));
}
