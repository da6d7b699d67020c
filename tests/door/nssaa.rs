//! Network slice-specific authentication through every door, and several clients of one sidecar.

use naslane::base::Error;
use naslane::door::Door;
use naslane::engine::nssaa::NSSAA_ROOM;
use naslane::engine::{Config, Engine};
use naslane::nas::nssaa::{EapCode, EapMessage, SNssai, Slice};
use naslane::procedure::nssaa::{
    AaaAnswer, Action, Downlink, Event, NssaaSettings, Reachability, Refusals, Registration,
    Status, Subscribed, Subscription, UeAction,
};
use naslane::security::Role;
use naslane::session::Handle;
use naslane::sidecar::config::{OnClientDeath, Quota};

use crate::common::{DOWNLINK, GPP, N3GPP, UPLINK, identity, protect};
use crate::world::{Daemon, Subscriber, same};

const FIRST: SNssai = SNssai::new(1, 0x0A);
const SECOND: SNssai = SNssai::sst(2);
const FREE: SNssai = SNssai::sst(9);
const GPSI: &str = "msisdn-491701234567";

fn subscribed(s_nssai: SNssai) -> Subscribed {
    Subscribed {
        slice: s_nssai.into(),
        nssaa: s_nssai != FREE,
        default: s_nssai == FREE,
    }
}

fn subscribe(door: &Door, amf: Handle) -> Result<(), Error> {
    let slices = [FIRST, SECOND, FREE].map(subscribed);
    door.nssaa_subscribe(
        amf,
        &Subscription {
            gpsis: &[GPSI, "extid-other@example"],
            slices: &slices,
        },
    )
}

fn registration<'a>(asked: &'a [Slice]) -> Registration<'a> {
    Registration {
        access: GPP,
        asked,
        nssaa_supported: true,
        extended_rejected: true,
    }
}

fn eap(code: EapCode, identifier: u8, data: &[u8]) -> Vec<u8> {
    let len = (4 + data.len()) as u16;
    [&[code as u8, identifier][..], &len.to_be_bytes(), data].concat()
}

/// Takes all that is to be done, one by one, and says it; returns the latest COMMAND or RESULT and the open question.
fn poll(door: &Door, amf: Handle, say: &mut impl FnMut(String)) -> (Option<Vec<u8>>, Option<u32>) {
    let (mut pdu, mut asked) = (None, None);
    let mut out = vec![0; NSSAA_ROOM];
    loop {
        let action = door.nssaa_poll(amf, &mut out);
        let octets = action
            .as_ref()
            .map_or(0, |action| action.as_ref().map_or(0, Action::octets));
        say(format!("{action:?} {:?}", &out[..octets]));
        match action {
            Ok(Some(Action::Send {
                message: Downlink::Command | Downlink::Result,
                len,
                ..
            })) => pdu = Some(out[..len].to_vec()),
            Ok(Some(Action::Ask { transaction, .. })) => asked = Some(transaction),
            Ok(Some(_)) => (),
            Ok(None) | Err(_) => return (pdu, asked),
        }
    }
}

/// The UE's COMPLETE for a COMMAND.
fn complete(ues: &Engine, own: &Subscriber, command: &[u8], data: &[u8]) -> Vec<u8> {
    let mut plain = vec![0; command.len()];
    let received = ues.verify(own.ue, GPP, command, &mut plain);
    let len = received.plain_len().unwrap();
    let mut out = vec![0; NSSAA_ROOM];
    let told = ues.nssaa_ue_command(own.ue, (GPP, &plain[..len]), &mut out);
    let Ok(UeAction::Peer { s_nssai, request }) = told else {
        panic!("{told:?}")
    };
    let response = eap(EapCode::Response, request.identifier(), data);
    let (_, len) = ues
        .nssaa_ue_answer(own.ue, s_nssai, &response, &mut out)
        .unwrap();
    out.truncate(len);
    out
}

fn uplink(door: &Door, amf: Handle, pdu: &[u8], say: &mut impl FnMut(String)) {
    let mut out = vec![0; pdu.len()];
    let mut uplink = door.nssaa_uplink(amf, GPP, pdu, &mut out);
    uplink.received.verdict.place = None;
    say(format!("{uplink:?} {out:?}"));
}

fn look(door: &Door, amf: Handle, say: &mut impl FnMut(String)) {
    say(format!("{:?}", door.nssaa_state(amf)));
    for s_nssai in [FIRST, SECOND, FREE, SNssai::sst(77)] {
        say(format!("{:?}", door.nssaa_status(amf, s_nssai)));
    }
    say(format!("{:?}", door.nssaa_refusals()));
}

/// What must be refused, and in the same words.
fn wrong(door: &Door, amf: Handle, say: &mut impl FnMut(String)) {
    let standard = NssaaSettings::default();
    for settings in [
        NssaaSettings {
            t3575_seconds: 0,
            ..standard
        },
        NssaaSettings {
            retransmissions: 17,
            ..standard
        },
    ] {
        say(format!("{:?}", door.nssaa_configure(&settings)));
    }
    say(format!("{:?}", door.nssaa_settings()));
    let slices = [subscribed(FIRST); 17];
    for slices in [&slices[..], &slices[..2], &slices[..1]] {
        for gpsis in [&["a"][..], &[]] {
            let given = Subscription { gpsis, slices };
            say(format!("{:?}", door.nssaa_subscribe(amf, &given)));
        }
    }
    let long = "x".repeat(273);
    let given = Subscription {
        gpsis: &[&long],
        slices: &slices[..1],
    };
    say(format!("{:?}", door.nssaa_subscribe(amf, &given)));
    let unknown = [SNssai::sst(5).into(); 9];
    for asked in [&unknown[..], &unknown[..1]] {
        say(format!(
            "{:?}",
            door.nssaa_register(amf, &registration(asked))
        ));
    }
    for event in [
        Event::T3575Expired,
        Event::RetryExpired,
        Event::Complete {
            access: GPP,
            message: &[0x7E],
        },
        Event::Aaa {
            transaction: 7,
            answer: AaaAnswer::Refused,
        },
        Event::ReauthNotification(FIRST),
        Event::UpdateCompleted(N3GPP),
    ] {
        say(format!("{:?}", door.nssaa_event(amf, event)));
    }
    say(format!(
        "{:?}",
        door.nssaa_poll(amf, &mut [0; NSSAA_ROOM - 1])
    ));
    say(format!("{:?}", door.nssaa_gpsi(amf)));
    poll(door, amf, say);
    look(door, amf, say);
}

fn life(door: &Door) -> Vec<String> {
    let ues = Engine::new(&Config::for_sessions(64)).unwrap();
    let mut said = Vec::new();
    let mut say = |what: String| said.push(what);
    let own = Subscriber::secured(door, &ues, 1);
    let amf = own.amf;
    wrong(door, amf, &mut say); // before a subscription
    let settings = NssaaSettings {
        retry_seconds: 3,
        t3575_seconds: 9,
        ..NssaaSettings::default()
    };
    door.nssaa_configure(&settings).unwrap();
    assert_eq!(door.nssaa_settings(), Ok(settings));
    subscribe(door, amf).unwrap();
    assert_eq!(door.nssaa_gpsi(amf), Ok(GPSI.to_owned()));
    wrong(door, amf, &mut say);
    subscribe(door, amf).unwrap();
    door.nssaa_configure(&settings).unwrap();
    let asked = [FIRST, SECOND, FREE].map(Slice::from);
    let admission = door.nssaa_register(amf, &registration(&asked)).unwrap();
    assert_eq!((admission.allowed.len(), admission.pending.len()), (1, 2));
    say(format!("{admission:?}"));
    say(format!(
        "{:?}",
        door.nssaa_event(amf, Event::Registered(GPP))
    ));
    authentications(door, &ues, &own, &mut say);
    // Revoked, then idle, then gone.
    door.nssaa_event(amf, Event::RevocationNotification(FIRST))
        .unwrap();
    poll(door, amf, &mut say);
    door.nssaa_event(amf, Event::Access(GPP, Reachability::Idle))
        .unwrap();
    say(format!(
        "{:?}",
        door.nssaa_event(amf, Event::OperatorPolicy(SECOND))
    ));
    poll(door, amf, &mut say);
    door.connection_released(amf, GPP).unwrap();
    look(door, amf, &mut say);
    door.release(amf).unwrap();
    look(door, amf, &mut say);
    uplink(door, amf, UPLINK, &mut say);
    say(format!("{:?}", subscribe(door, amf)));
    said
}

fn authentications(door: &Door, ues: &Engine, own: &Subscriber, say: &mut impl FnMut(String)) {
    let amf = own.amf;
    let (command, _) = poll(door, amf, say);
    // Not the procedure's; the answer spoilt, cut, without room, as it is, and once more.
    uplink(door, amf, &protect(ues, own.ue, GPP, UPLINK), say);
    let answer = complete(ues, own, &command.unwrap(), b"\x01user@slice");
    for cut in [0, 1, 7, answer.len() - 1] {
        uplink(door, amf, &answer[..cut], say);
        let mut other = answer.clone();
        other[cut] ^= 1;
        uplink(door, amf, &other, say);
    }
    let cramped = door.nssaa_uplink(amf, GPP, &answer, &mut [0; 4]);
    say(format!("{cramped:?}"));
    uplink(door, amf, &answer, say);
    uplink(door, amf, &answer, say);
    let (_, asked) = poll(door, amf, say);
    let transaction = asked.unwrap();
    let request = eap(EapCode::Request, 9, &[99; 1400]);
    let more = Event::Aaa {
        transaction,
        answer: AaaAnswer::Continue(EapMessage::parse(&request).unwrap()),
    };
    say(format!("{:?}", door.nssaa_event(amf, more)));
    say(format!("{:?}", door.nssaa_event(amf, more)));
    let (command, _) = poll(door, amf, say);
    uplink(
        door,
        amf,
        &complete(ues, own, &command.unwrap(), &[77; 1400]),
        say,
    );
    let (_, asked) = poll(door, amf, say);
    let success = eap(EapCode::Success, 9, &[]);
    // All at once from here: what is said is the same, however many exchanges it takes.
    let done = Event::Aaa {
        transaction: asked.unwrap(),
        answer: AaaAnswer::Success(EapMessage::parse(&success).unwrap()),
    };
    let mut room = vec![0; NSSAA_ROOM];
    let mut commands = Vec::new();
    let mut take = |action: Action, octets: &[u8]| {
        assert_eq!(action.octets(), octets.len());
        if let Action::Send { message, .. } = action
            && message == Downlink::Command
        {
            commands.push(octets.to_vec());
        }
        say(format!("{action:?} {octets:?}"));
    };
    let stepped = door.nssaa_step(amf, Some(done), &mut room, &mut take);
    assert_eq!(stepped, Ok(()));
    assert_eq!(door.nssaa_status(amf, FIRST), Ok(Some(Status::EapSuccess)));
    // The second one is refused by its AAA server without an EAP message.
    let [command] = &commands[..] else {
        panic!("{} commands", commands.len())
    };
    uplink(door, amf, &complete(ues, own, command, b"\x01nobody"), say);
    let (_, asked) = poll(door, amf, say);
    let refused = Event::Aaa {
        transaction: asked.unwrap(),
        answer: AaaAnswer::Refused,
    };
    door.nssaa_event(amf, refused).unwrap();
    poll(door, amf, say);
    assert_eq!(door.nssaa_status(amf, SECOND), Ok(Some(Status::EapFailure)));
    look(door, amf, say);
}

#[test]
fn slices_are_authenticated_the_same_behind_every_door() {
    same(life);
}

/// Settings, refusals and sessions of one client are none of another's.
#[test]
fn clients_of_one_sidecar_do_not_see_each_others_slices() {
    let daemon = Daemon::start(Quota::default());
    let (a, b) = (daemon.connect(), daemon.connect());
    let ues = Engine::new(&Config::for_sessions(64)).unwrap();
    let hasty = NssaaSettings {
        t3575_seconds: 1,
        ..NssaaSettings::default()
    };
    a.nssaa_configure(&hasty).unwrap();
    assert_eq!(a.nssaa_settings(), Ok(hasty));
    assert_eq!(b.nssaa_settings(), Ok(NssaaSettings::default()));
    let mut timers = Vec::new();
    for (number, door) in [(1, &a), (2, &b)] {
        let own = Subscriber::secured(door, &ues, number);
        subscribe(door, own.amf).unwrap();
        let asked = [FIRST.into()];
        door.nssaa_register(own.amf, &registration(&asked)).unwrap();
        let mut take = |action: Action, _: &[u8]| {
            if let Action::StartT3575 { seconds } = action {
                timers.push(seconds);
            }
        };
        let event = Some(Event::Registered(GPP));
        let mut room = [0; NSSAA_ROOM];
        door.nssaa_step(own.amf, event, &mut room, &mut take)
            .unwrap();
        assert_eq!(
            door.nssaa_event(own.amf, Event::RetryExpired),
            Err(Error::Unexpected)
        );
    }
    assert_eq!(timers, [1, 15]);
    let [theirs] = b.handles().unwrap()[..] else {
        panic!("one session")
    };
    let before = b.nssaa_state(theirs).unwrap();
    let one = Refusals {
        unexpected: 1,
        ..Refusals::default()
    };
    assert_eq!([a.nssaa_refusals(), b.nssaa_refusals()], [Ok(one); 2]);
    let mut room = [0; NSSAA_ROOM];
    assert_eq!(subscribe(&a, theirs), Err(Error::Handle));
    assert_eq!(
        a.nssaa_register(theirs, &registration(&[])).err(),
        Some(Error::Handle)
    );
    assert_eq!(
        a.nssaa_event(theirs, Event::T3575Expired),
        Err(Error::Handle)
    );
    assert_eq!(a.nssaa_poll(theirs, &mut room), Err(Error::Handle));
    let stepped = a.nssaa_step(theirs, None, &mut room, &mut |_, _| panic!("an action"));
    assert_eq!(stepped, Err(Error::Handle));
    assert_eq!(a.nssaa_gpsi(theirs), Err(Error::Handle));
    assert_eq!(a.nssaa_status(theirs, FIRST), Err(Error::Handle));
    assert_eq!(a.nssaa_state(theirs).err(), Some(Error::Handle));
    let refused = a.nssaa_uplink(theirs, GPP, DOWNLINK, &mut room);
    assert_eq!(
        (refused.received.verdict.result, refused.procedure),
        (Err(Error::Handle), None)
    );
    assert_eq!(b.nssaa_state(theirs), Ok(before));
    assert_eq!([a.nssaa_refusals(), b.nssaa_refusals()], [Ok(one); 2]);
    // A client that is gone left nothing behind for the next one.
    drop(a);
    let next = daemon.connect();
    assert_eq!(next.nssaa_settings(), Ok(NssaaSettings::default()));
    assert_eq!(next.nssaa_refusals(), Ok(Refusals::default()));
    // A message that does not fit into an exchange is not committed.
    let long = vec![0x7E; 1 << 16];
    let refused = b.nssaa_uplink(theirs, GPP, &long, &mut vec![0; 1 << 16]);
    assert_eq!(refused.received.verdict.result, Err(Error::TooLong));
    drop(daemon);
    assert_eq!(b.nssaa_settings(), Err(Error::Disconnected));
    assert_eq!(b.nssaa_state(theirs).err(), Some(Error::Disconnected));
}

/// An AMF that died with a question open comes back, and its UE's slice is authenticated all the same.
#[test]
fn an_amf_that_comes_back_begins_anew_what_was_under_way() {
    let daemon = Daemon::with(Quota::default(), OnClientDeath::Keep);
    let ues = Engine::new(&Config::for_sessions(64)).unwrap();
    let door = daemon.connect_as("amf").unwrap();
    let hasty = NssaaSettings {
        t3575_seconds: 1,
        ..NssaaSettings::default()
    };
    door.nssaa_configure(&hasty).unwrap();
    let own = Subscriber::secured(&door, &ues, 1);
    subscribe(&door, own.amf).unwrap();
    door.nssaa_register(own.amf, &registration(&[FIRST.into()]))
        .unwrap();
    door.nssaa_event(own.amf, Event::Registered(GPP)).unwrap();
    let (command, _) = poll(&door, own.amf, &mut |_| ());
    let answer = complete(&ues, &own, &command.unwrap(), b"\x01user@slice");
    uplink(&door, own.amf, &answer, &mut |_| ());
    let (_, asked) = poll(&door, own.amf, &mut |_| ());
    assert!(asked.is_some());
    drop(door);
    let door = loop {
        match daemon.connect_as("amf") {
            Ok(door) => break door,
            // Its daemon has not seen the old one go.
            Err(error) => assert_eq!(error, Error::Busy),
        }
    };
    assert_eq!(door.handles(), Ok(vec![own.amf]));
    assert_eq!(door.nssaa_settings(), Ok(hasty));
    assert_eq!(door.nssaa_status(own.amf, FIRST), Ok(Some(Status::Pending)));
    assert_eq!(poll(&door, own.amf, &mut |_| ()), (None, None));
    door.nssaa_event(own.amf, Event::RunnerLost).unwrap();
    let (command, _) = poll(&door, own.amf, &mut |_| ());
    let answer = complete(&ues, &own, &command.unwrap(), b"\x01user@slice");
    uplink(&door, own.amf, &answer, &mut |_| ());
    let (_, asked) = poll(&door, own.amf, &mut |_| ());
    let success = eap(EapCode::Success, 2, &[]);
    let done = Event::Aaa {
        transaction: asked.unwrap(),
        answer: AaaAnswer::Success(EapMessage::parse(&success).unwrap()),
    };
    door.nssaa_event(own.amf, done).unwrap();
    poll(&door, own.amf, &mut |_| ());
    assert_eq!(
        door.nssaa_status(own.amf, FIRST),
        Ok(Some(Status::EapSuccess))
    );
}

/// The UE half's session has no AMF half, and the other way round.
#[test]
fn the_halves_keep_apart_behind_every_door() {
    same(|door| {
        let amf = door.establish(Role::Amf).unwrap();
        door.authenticated(amf, identity(1, 0)).unwrap();
        let mut room = [0; NSSAA_ROOM];
        vec![
            format!("{:?}", door.nssaa_poll(amf, &mut room)),
            format!(
                "{:?}",
                door.nssaa_step(amf, None, &mut room, &mut |_, _| ())
            ),
            format!("{:?}", subscribe(door, amf)),
            format!("{:?}", door.nssaa_state(amf)),
        ]
    });
}
