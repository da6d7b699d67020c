use naslane::algorithm::{Nea, Nia};
use naslane::base::{Error, NgKsi};
use naslane::door::{Door, Kind};
use naslane::engine::{Config, Engine, Received};
use naslane::kdf::{KAmf, KGnb};
use naslane::nas::{Cause, MessageType, MobileIdentity};
use naslane::procedure::handover::{self, Activation, FromEps};
use naslane::procedure::smc::{
    Activation as Takes, Answer, Event, InitialMessageToSend, NewKey, Request, Sent as Command,
};
use naslane::security::protect::Form;
use naslane::security::{Algorithms, Deregistration, KeyChange, Role};
use naslane::session::record::Extent;
use naslane::session::{Handle, Record};

use crate::common::{DOWNLINK, GPP, N3GPP, UPLINK, capability, identity};
use crate::world::{REGISTRATION, Subscriber, same};

/// A verdict, without the place of the context: a job does not say it.
fn seen(mut received: Received, out: &[u8]) -> String {
    received.verdict.place = None;
    format!("{received:?} {out:?}")
}

fn verified(door: &Door, amf: Handle, pdu: &[u8]) -> String {
    let mut out = vec![0; pdu.len()];
    let received = door.verify(amf, GPP, pdu, &mut out);
    seen(received, &out)
}

fn up(ues: &Engine, ue: Handle) -> Vec<u8> {
    crate::common::protect(ues, ue, GPP, UPLINK)
}

/// Everything of a session's life, in words.
fn life(door: &Door) -> Vec<String> {
    let ues = Engine::new(&Config::for_sessions(64)).unwrap();
    let mut said = Vec::new();
    let mut say = |what: String| said.push(what);
    let own = Subscriber::authenticated(door, &ues, 1);
    let amf = own.amf;
    say(format!("{:?}", door.next_ng_ksi(amf, None)));
    say(format!("{:?}", door.k_gnb(amf, GPP).err()));
    say(format!("{:?}", door.prepare_nh(amf).err()));
    procedure(door, &ues, &own, &mut say);
    keys(door, amf, &mut say);
    messages(door, &ues, &own, &mut say);
    handovers(door, &ues, &own, &mut say);
    containers(door, &ues, &own, &mut say);
    for kind in [KeyChange::N2, KeyChange::SecurityMode] {
        say(format!("{:?}", door.begin_key_change(amf, kind)));
        say(format!("{:?}", door.end_key_change(amf, kind)));
    }
    say(format!("{:?}", door.connection_released(amf, GPP)));
    say(verified(door, amf, UPLINK));
    say(format!("{:?}", door.deregister(amf, Deregistration::Keep)));
    say(format!("{:?} left", door.sessions()));
    say(format!("{:?}", door.release(amf)));
    say(format!("{:?}", door.release(amf)));
    say(verified(door, amf, UPLINK));
    say(format!(
        "{:?}",
        door.protect(amf, GPP, DOWNLINK, &mut [0; 64])
    ));
    say(format!("{:?} left", door.sessions()));
    said
}

fn procedure(door: &Door, ues: &Engine, own: &Subscriber, say: &mut impl FnMut(String)) {
    let mut out = [0; 400];
    let mut request = Request::new(GPP, Takes::Partial);
    request.ongoing = Some(MessageType::REGISTRATION_REQUEST);
    (request.imeisv, request.retransmission) = (true, true);
    let told = |sent: &Command, out: &[u8; 400]| format!("{sent:?} {:?}", &out[..sent.len]);
    say(format!(
        "{:?}",
        door.smc_rejected_unprotected(own.amf, Cause(24)).err()
    ));
    say(format!(
        "{:?}",
        door.smc_command(own.amf, &request, &mut [0; 5])
    ));
    let sent = door.smc_command(own.amf, &request, &mut out).unwrap();
    say(told(&sent, &out));
    say(format!(
        "{:?}",
        door.smc_command(own.amf, &request, &mut out)
    ));
    let again = door.smc_event(own.amf, Event::T3560Expired, &mut out);
    say(format!("{again:?} {out:?}"));
    let mut env = ues.ue_env(capability());
    let imeisv = [0x15, 0x21, 0x43, 0x65, 0x87, 0x09, 0x21, 0x43, 0xF5];
    env.imeisv = Some(MobileIdentity::new(&imeisv).unwrap());
    env.whole_initial = Some(&REGISTRATION);
    let mut complete = [0; 400];
    let answer = ues.ue_command(own.ue, (GPP, &out[..sent.len]), &env, &mut complete);
    let Ok(Answer::Complete(answered)) = answer else {
        panic!("{answer:?}")
    };
    let complete = &complete[..answered.len];
    let mut plain = [0; 400];
    // Too little room: nothing is committed.
    say(seen(
        door.verify(own.amf, GPP, complete, &mut plain[..20]),
        &plain,
    ));
    say(seen(
        door.verify_only(own.amf, GPP, complete, &mut plain),
        &plain,
    ));
    let received = door.verify(own.amf, GPP, complete, &mut plain);
    let outcome = received.procedure.clone().expect("the procedure ended");
    assert!(outcome.imeisv.is_some() && outcome.container.is_some() && received.secured);
    say(seen(received, &plain));
    // One that the UE must refuse, and its end by the AMF.
    let mut request = Request::new(GPP, Takes::NewAlgorithms);
    request.algorithms = None;
    let sent = door.smc_command(own.amf, &request, &mut out);
    say(format!("{sent:?}"));
    say(format!(
        "{:?}",
        door.smc_event(own.amf, Event::Abort, &mut [])
    ));
}

fn keys(door: &Door, amf: Handle, say: &mut impl FnMut(String)) {
    say(format!("{:?}", door.k_gnb(amf, GPP).unwrap().expose()));
    let (nh, ncc) = door.prepare_nh(amf).unwrap();
    say(format!("{:?} {ncc}", nh.expose()));
    say(format!("{:?}", door.commit_nh(amf, (&nh, ncc + 1))));
    say(format!("{:?}", door.commit_nh(amf, (&nh, ncc))));
    say(format!("{:?}", door.commit_nh(amf, (&nh, ncc))));
}

fn messages(door: &Door, ues: &Engine, own: &Subscriber, say: &mut impl FnMut(String)) {
    let amf = own.amf;
    let mut out = [0; 64];
    let sent = door.protect(amf, GPP, DOWNLINK, &mut out);
    say(format!("{sent:?} {out:?}"));
    out[..DOWNLINK.len()].copy_from_slice(DOWNLINK);
    let place = (&mut out[..], DOWNLINK.len());
    let sent = door.protect_in_place(amf, GPP, Form::Auto, place);
    say(format!("{sent:?} {out:?}"));
    for room in [0, 12, 13] {
        say(format!(
            "{:?}",
            door.protect(amf, GPP, DOWNLINK, &mut out[..room])
        ));
    }
    say(format!(
        "{:?}",
        door.protect(amf, N3GPP, DOWNLINK, &mut out)
    ));
    say(format!("{:?}", door.protect(amf, GPP, &[], &mut out)));
    let forms = [Form::Integrity, Form::Initial(Some(3..5))];
    for form in forms {
        say(format!(
            "{:?}",
            door.protect_as(amf, GPP, (DOWNLINK, form), &mut out)
        ));
    }
    let pdu = up(ues, own.ue);
    for cut in 0..pdu.len() {
        say(verified(door, amf, &pdu[..cut]));
        let mut other = pdu.clone();
        other[cut] ^= 1;
        say(verified(door, amf, &other));
    }
    say(seen(door.verify(amf, N3GPP, &pdu, &mut out), &[]));
    say(format!("{:?}", door.diagnose(amf, N3GPP, &pdu)));
    say(verified(door, amf, &pdu));
    say(verified(door, amf, &pdu));
    let mut pdu = up(ues, own.ue);
    let received = door.verify_in_place(amf, GPP, &mut pdu);
    say(seen(received, &pdu[..UPLINK.len()]));
    for plain in [UPLINK, &REGISTRATION, &[0x7E, 0, 0x45, 9, 0, 0]] {
        say(verified(door, amf, plain));
    }
}

fn handovers(door: &Door, ues: &Engine, own: &Subscriber, say: &mut impl FnMut(String)) {
    let amf = own.amf;
    let k_amf = KAmf::new([0x3E; 32]);
    let ue_sec_cap = capability();
    let key = NewKey {
        k_amf: &k_amf,
        ng_ksi: NgKsi::mapped(2).unwrap(),
        ue_sec_cap: Some(ue_sec_cap),
    };
    let from_eps = FromEps {
        k_amf: &k_amf,
        ue_sec_cap,
    };
    let others = Some(Algorithms {
        nea: Nea::Nea3,
        nia: Nia::Nia1,
    });
    say(format!("{:?}", door.handover_done(amf)));
    say(format!("{:?}", door.handover_failed(amf)));
    let dl_count = 7;
    for (activation, algorithms, eps) in [
        (Activation::Current, None, None),
        (Activation::Current, others, None),
        (Activation::Horizontal, None, None),
        (Activation::Mapped { key, ncc: 9 }, None, None),
        (Activation::HorizontalReceived { key, dl_count }, None, None),
        (Activation::Mapped { key, ncc: 3 }, None, Some(&from_eps)),
    ] {
        let request = handover::Request {
            activation,
            algorithms,
        };
        // A mapped key starts once: when its handover fails, EPS gives another.
        let tries = [false, true];
        for obeyed in tries.into_iter().skip(usize::from(eps.is_some())) {
            let prepared = door.handover_prepare(amf, &request);
            say(format!("{prepared:?}"));
            let Ok(container) = prepared else { continue };
            let k_gnb = container.k_gnb.as_ref().map(KGnb::expose);
            let also = (container.near_wrap, container.algorithms);
            say(format!("{k_gnb:?} {also:?}"));
            say(format!("{:?}", door.handover_prepare(amf, &request).err()));
            if obeyed {
                ues.ue_handover(own.ue, container.value(), eps).unwrap();
                say(format!("{:?}", door.handover_done(amf)));
            } else {
                say(format!("{:?}", door.handover_failed(amf)));
            }
            say(format!("{:?}", door.handover_done(amf)));
            say(verified(door, amf, &up(ues, own.ue)));
            let mut out = [0; 64];
            let sent = door.protect(amf, GPP, DOWNLINK, &mut out);
            say(format!("{sent:?} {out:?}"));
        }
    }
    say(format!("{:?}", door.prepare_nh(amf).map(|(_, ncc)| ncc)));
}

fn containers(door: &Door, ues: &Engine, own: &Subscriber, say: &mut impl FnMut(String)) {
    door.connection_released(own.amf, GPP).unwrap();
    ues.connection_released(own.ue, GPP).unwrap();
    // REGISTRATION REQUEST in the open, with the whole of it in the container.
    let mut message = REGISTRATION.to_vec();
    message.truncate(17);
    message.extend([0x71, 0, REGISTRATION.len() as u8]);
    let start = message.len();
    message.extend(REGISTRATION);
    let initial = InitialMessageToSend {
        access: GPP,
        message: &message,
        container: Some(start..message.len()),
    };
    let mut pdu = [0; 128];
    let env = ues.ue_env(capability());
    let sent = ues.ue_initial(own.ue, &initial, &env, &mut pdu).unwrap();
    let mut plain = [0; 128];
    let received = door.verify(own.amf, GPP, &pdu[..sent.len], &mut plain);
    let (count, len) = (received.verdict.count.unwrap(), received.verdict.len);
    assert_eq!(received.container, Some(start..message.len()));
    say(seen(received, &plain));
    for count in [count + 1, count, count] {
        let done = door.decipher_container(own.amf, (GPP, count), &mut plain[..len]);
        say(format!("{done:?} {plain:?}"));
    }
    assert_eq!(plain[start..len], REGISTRATION);
}

#[test]
fn a_life_is_the_same_behind_every_door() {
    same(life);
}

#[test]
fn a_sidecar_keeps_its_keys_and_has_no_ue_half() {
    same(|door| {
        let amf = door.establish(Role::Amf).unwrap();
        door.authenticated(amf, identity(1, 0)).unwrap();
        let mut record = Record::new();
        let there = door.kind() == Kind::Sidecar;
        let exported = door.export(amf, Extent::Contexts, &mut record);
        let taken = door.import(&[0; 40]);
        if there {
            assert_eq!(door.establish(Role::Ue), Err(Error::Role));
            assert_eq!(door.shard(amf).err(), Some(Error::Unsupported));
            assert_eq!(exported, Err(Error::Unsupported));
            assert_eq!(door.export_cancel(amf), Err(Error::Unsupported));
            assert_eq!(taken, Err(Error::Unsupported));
        } else {
            assert_eq!(exported, Ok(()));
            assert_eq!(door.export_cancel(amf), Ok(()));
            assert_eq!(taken, Err(Error::Record));
            assert_eq!(door.shard(amf).unwrap().release(amf), Ok(()));
            let back = door.import(record.as_bytes()).unwrap();
            assert!(door.plan().contains("on"), "{}", door.plan());
            door.release(back).unwrap();
        }
        assert!(door.plan().starts_with(&door.kind().to_string()));
        vec![()]
    });
}
