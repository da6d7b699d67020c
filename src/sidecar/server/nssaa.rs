//! Network slice-specific authentication, from a request to its response. Settings and refusals are the tenant's:
//! clients that share an engine neither see nor change those of another.

use std::sync::Arc;

use crate::base::secret::wipe;
use crate::base::{AccessType, Error, Result};
use crate::engine::Engine;
use crate::engine::nssaa::NSSAA_ROOM;
use crate::procedure::nssaa::{Event, Registration, Share, Subscription};
use crate::session::{Handle, SliceGroup};

use super::super::protocol::Response;
use super::super::protocol::nssaa::{
    ACTIONS_MAX, ActionList, NssaaRequest, NssaaResponse, Stepped, UPLINK_MAX, Uplinked,
};

/// Flags of [`NssaaRequest::Register`].
const SUPPORTED: u8 = 1;
const EXTENDED: u8 = 2;

/// Room for the PDUs and EAP messages of one response.
pub(super) struct Scratch(Box<[u8]>);

impl Scratch {
    pub(super) fn new() -> Self {
        Self(vec![0; UPLINK_MAX].into())
    }
}

/// Does what a client asks about all of its sessions.
///
/// # Errors
/// [`Error::Argument`] for settings that nobody can have; [`Error::Operation`].
pub(super) fn general(group: &SliceGroup, request: &NssaaRequest<'_>) -> Result<Response<'static>> {
    Ok(Response::Nssaa(match request {
        NssaaRequest::Settings => NssaaResponse::Settings(group.with(|settings| *settings)),
        NssaaRequest::Refusals => NssaaResponse::Refusals(group.refusals()),
        NssaaRequest::Configure(settings) => {
            group.configure(*settings)?;
            return Ok(Response::Done);
        }
        _ => return Err(Error::Operation),
    }))
}

/// Does what a request asks of a session that is the client's; only actions of `share` are taken.
///
/// # Errors
/// Those of the engine's verb; [`Error::Argument`], [`Error::Bearer`] for a number outside its domain.
pub(super) fn run<'a>(
    (engine, group, share): (&Engine, &Arc<SliceGroup>, Share),
    handle: Handle,
    request: &NssaaRequest<'_>,
    Scratch(scratch): &'a mut Scratch,
) -> Result<Response<'a>> {
    // One that came back after a crash, or from the store, is in no group yet.
    if let Some(room) = engine.table().slice_room(handle) {
        room.join(group);
    }
    let response = match *request {
        NssaaRequest::Subscribe { gpsi, slices, .. } => {
            let subscription = Subscription {
                gpsis: &[gpsi],
                slices: &slices.subscribed(),
            };
            engine.nssaa_subscribe_in(handle, &subscription, Some(group))?;
            return Ok(Response::Done);
        }
        NssaaRequest::Register {
            access,
            flags,
            asked,
            ..
        } => {
            if flags & !(SUPPORTED | EXTENDED) != 0 {
                return Err(Error::Argument);
            }
            let registration = Registration {
                access: AccessType::from_id(access).ok_or(Error::Bearer)?,
                asked: &asked.slices()?,
                nssaa_supported: flags & SUPPORTED != 0,
                extended_rejected: flags & EXTENDED != 0,
            };
            NssaaResponse::Admission(Box::new(engine.nssaa_register(handle, &registration)?))
        }
        NssaaRequest::Uplink {
            access, room, pdu, ..
        } => {
            let access = AccessType::from_id(access).ok_or(Error::Bearer)?;
            uplink(engine, (handle, access), (pdu, room as usize), scratch)?
        }
        NssaaRequest::Step { event, most, .. } => {
            NssaaResponse::Step(step((engine, share), handle, (event, most), scratch))
        }
        NssaaRequest::Gpsi(_) => NssaaResponse::Text(engine.nssaa_gpsi(handle)?),
        NssaaRequest::Status { s_nssai, .. } => {
            let status = engine.nssaa_status(handle, s_nssai)?;
            return Ok(Response::Octet(status.map_or(0, |status| status as u8)));
        }
        NssaaRequest::State(_) => NssaaResponse::State(engine.nssaa_state(handle)?),
        _ => return Err(Error::Operation),
    };
    Ok(Response::Nssaa(response))
}

fn uplink<'a>(
    engine: &Engine,
    (handle, access): (Handle, AccessType),
    (pdu, room): (&[u8], usize),
    scratch: &'a mut [u8],
) -> Result<NssaaResponse<'a>> {
    // What does not fit into the response must not be committed.
    let out = scratch.get_mut(..room.min(pdu.len()));
    let out = out.ok_or(Error::TooLong)?;
    wipe(out);
    let uplink = engine.nssaa_uplink(handle, access, pdu, out);
    let plain = uplink.received.plain_len().unwrap_or(0);
    Ok(NssaaResponse::Uplink(Uplinked {
        report: uplink.report(),
        procedure: uplink.procedure,
        plain: out.get(..plain).ok_or(Error::BufferTooSmall)?,
    }))
}

/// Tells the event, then takes actions as long as there is room for the next one.
fn step<'a>(
    (engine, share): (&Engine, Share),
    handle: Handle,
    (event, most): (Option<Event<'_>>, u8),
    scratch: &'a mut [u8],
) -> Stepped<'a> {
    let told = event.map_or(Ok(()), |event| engine.nssaa_event(handle, event));
    let most = usize::from(most).min(ACTIONS_MAX);
    let (mut rest, mut actions) = (scratch, ActionList::new());
    let (mut poll, mut more) = (Ok(()), most > 0);
    while actions.len() < most {
        let Some((place, behind)) = std::mem::take(&mut rest).split_at_mut_checked(NSSAA_ROOM)
        else {
            break;
        };
        rest = behind;
        match engine.nssaa_poll_of(handle, share, place) {
            Ok(Some(action)) => {
                let place: &[u8] = place;
                actions.push((action, place.get(..action.octets()).unwrap_or_default()));
            }
            ended => {
                (poll, more) = (ended.map(|_| ()), false);
                break;
            }
        }
    }
    Stepped {
        event: told,
        poll,
        more,
        actions,
    }
}

// As many actions as the response may have find room.
const _: () = assert!(ACTIONS_MAX * (NSSAA_ROOM + 32) < UPLINK_MAX);
