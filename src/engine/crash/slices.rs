//! A NSSAAF played by hand: runs of network slice-specific authentication from their command to their end.

use crate::base::{AccessType, Error, Result};
use crate::engine::Engine;
use crate::engine::nssaa::NSSAA_ROOM;
use crate::nas::nssaa::{EapCode, EapMessage, Kind, NssaaMessage, SNssai, eap_verdict};
use crate::procedure::nssaa::{
    AaaAnswer, Action, Downlink, Event, Reachability, Registration, Status, Subscribed,
    Subscription,
};
use crate::session::Handle;

pub(super) const GPSI: &str = "msisdn-491701234567";
pub(super) const A: SNssai = SNssai::new(1, 0x0A);

const GPP: AccessType = AccessType::ThreeGpp;

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    Success,
    Failure,
}

/// Carries out what is to be done; the slice of a COMMAND, and the question to the NSSAAF.
fn act(engine: &Engine, handle: Handle) -> Result<(Option<SNssai>, Option<u32>)> {
    let mut room = vec![0; NSSAA_ROOM];
    let (mut command, mut asked) = (None, None);
    engine.nssaa_step(handle, None, &mut room, &mut |action, _| match action {
        Action::Send {
            message: Downlink::Command,
            s_nssai,
            ..
        } => command = s_nssai,
        Action::Ask { transaction, .. } => asked = Some(transaction),
        _ => {}
    })?;
    Ok((command, asked))
}

/// Goes on until the NSSAAF is asked, the UE's identity given; the number of the question.
pub(super) fn asks(engine: &Engine, handle: Handle) -> Result<Option<u32>> {
    let (Some(s_nssai), None) = act(engine, handle)? else {
        return Ok(None);
    };
    // The UE's identifier is that of the COMMAND, and a count from 1 finds it.
    for identifier in 0..=u8::MAX {
        let eap = [2, identifier, 0, 6, 1, b'u'];
        let message = NssaaMessage {
            kind: Kind::Complete,
            s_nssai,
            eap: EapMessage::parse(&eap)?,
        };
        let mut plain = [0; 64];
        let len = message.encode(&mut plain)?;
        let event = Event::Complete {
            access: GPP,
            message: &plain[..len],
        };
        match engine.nssaa_event(handle, event) {
            Ok(()) => return Ok(act(engine, handle)?.1),
            Err(Error::Unexpected) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The NSSAAF answers.
pub(super) fn answer(engine: &Engine, handle: Handle, transaction: u32, run: Run) -> Result<()> {
    let code = match run {
        Run::Success => EapCode::Success,
        Run::Failure => EapCode::Failure,
    };
    let eap = eap_verdict(code, 1);
    let message = EapMessage::parse(&eap)?;
    let answer = match run {
        Run::Success => AaaAnswer::Success(message),
        Run::Failure => AaaAnswer::Failure(message),
    };
    let event = Event::Aaa {
        transaction,
        answer,
    };
    engine.nssaa_event(handle, event)
}

/// The next run, from its COMMAND to what the UE is told.
pub(super) fn end(engine: &Engine, handle: Handle, run: Run) -> Result<()> {
    let transaction = asks(engine, handle)?.ok_or(Error::Unexpected)?;
    answer(engine, handle, transaction, run)
}

/// The number of a slice's status without a subscription.
pub(super) const UNKNOWN: u8 = 9;

/// The status of [`A`]; 0: absent.
pub(super) fn status(engine: &Engine, handle: Handle) -> Result<u8> {
    match engine.nssaa_status(handle, A) {
        Ok(status) => Ok(status.map_or(0, |status| status as u8)),
        Err(Error::OutOfOrder) => Ok(UNKNOWN),
        Err(error) => Err(error),
    }
}

/// Brings [`A`] to this status, whatever it had: by a subscription where there is none, a revocation, and a run.
pub(super) fn bring(engine: &Engine, handle: Handle, to: u8) -> Result<()> {
    if status(engine, handle)? == UNKNOWN {
        let slices = [Subscribed {
            slice: A.into(),
            nssaa: true,
            default: false,
        }];
        let subscription = Subscription {
            gpsis: &[GPSI],
            slices: &slices,
        };
        engine.nssaa_subscribe(handle, &subscription)?;
    }
    engine.nssaa_event(handle, Event::RevocationNotification(A))?;
    let run = match Status::from_number(to) {
        Some(Status::EapSuccess) => Run::Success,
        Some(Status::EapFailure) => Run::Failure,
        _ => return Ok(()),
    };
    let registration = Registration {
        access: GPP,
        asked: &[A.into()],
        nssaa_supported: true,
        extended_rejected: false,
    };
    engine.nssaa_register(handle, &registration)?;
    engine.nssaa_event(handle, Event::Registered(GPP))?;
    engine.nssaa_event(handle, Event::Access(GPP, Reachability::Connected))?;
    end(engine, handle, run)
}
