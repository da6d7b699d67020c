//! The verbs of one session, from a request to its response.

use crate::base::secret::{ct_eq, wipe};
use crate::base::{AccessType, Error, NgKsi, Result, Secret};
use crate::engine::Engine;
use crate::kdf::KAmf;
use crate::nas::{Cause, MessageType, UeSecurityCapability};
use crate::procedure::smc::{Action, Event, Sent};
use crate::security::{Deregistration, Identity, KeyChange};
use crate::session::Handle;

use super::super::protocol::{Ended, HandoverRequest, Request, Response};

/// Octets of the longest PDU that the control plane writes: a SECURITY MODE COMMAND with an EAP message of 1500.
const PDU: usize = 4096;

/// Flag of [`Request::Authenticated`].
const EMERGENCY: u8 = 1;

/// Room for the PDU of a response. It is ciphered or to be sent in the clear, and wiped all the same.
pub(super) struct Scratch(Box<[u8; PDU]>);

impl Scratch {
    pub(super) fn new() -> Self {
        Self(Box::new([0; PDU]))
    }
}

fn access_of(access: u8) -> Result<AccessType> {
    AccessType::from_id(access).ok_or(Error::Bearer)
}

const fn kind_of(kind: u8) -> Result<KeyChange> {
    match kind {
        1 => Ok(KeyChange::N2),
        2 => Ok(KeyChange::InterAmfHandover),
        _ => Err(Error::Argument),
    }
}

/// The session that a request names; none for those that name none.
pub(super) const fn session_of(request: &Request<'_>) -> Option<u64> {
    match *request {
        Request::Release(session)
        | Request::PrepareNh(session)
        | Request::Authenticated { session, .. }
        | Request::NextNgKsi { session, .. }
        | Request::ConnectionReleased { session, .. }
        | Request::Deregister { session, .. }
        | Request::BeginKeyChange { session, .. }
        | Request::EndKeyChange { session, .. }
        | Request::KGnb { session, .. }
        | Request::CommitNh { session, .. }
        | Request::SmcCommand { session, .. }
        | Request::SmcEvent { session, .. }
        | Request::SmcRejectedUnprotected { session, .. }
        | Request::Diagnose { session, .. }
        | Request::Tap { session, .. } => Some(session),
        Request::Handover(ref request) => Some(request.session()),
        Request::Nssaa(ref request) => request.session(),
        Request::Hello(_)
        | Request::Ping(_)
        | Request::Statistics
        | Request::OpenQueue { .. }
        | Request::CloseQueue(_)
        | Request::Establish { .. }
        | Request::Set(_)
        | Request::Sessions { .. } => None,
    }
}

/// Does what a request asks of a session that is the client's.
///
/// # Errors
/// Those of the engine's verb; [`Error::Argument`] for a number outside its domain.
pub(super) fn run<'a>(
    engine: &Engine,
    handle: Handle,
    request: &Request<'_>,
    scratch: &'a mut Scratch,
) -> Result<Response<'a>> {
    match request {
        Request::Release(_) => engine.release(handle)?,
        Request::Authenticated { .. } => engine.authenticated(handle, identity(request)?)?,
        Request::NextNgKsi { cited, .. } => {
            let cited = match *cited {
                u8::MAX => None,
                bits => Some(NgKsi::from_bits(bits).ok_or(Error::NgKsi)?),
            };
            let session = engine.session(handle)?;
            let free = session.security.next_ng_ksi(cited).ok_or(Error::NgKsi)?;
            return Ok(Response::Octet(free.bits()));
        }
        Request::ConnectionReleased { access, .. } => {
            engine.connection_released(handle, access_of(*access)?)?;
        }
        Request::Deregister { kind, .. } => {
            let kind = match kind {
                0 => Deregistration::SwitchOff,
                1 => Deregistration::Keep,
                2 => Deregistration::Remove,
                _ => return Err(Error::Argument),
            };
            engine.deregister(handle, kind)?;
        }
        Request::BeginKeyChange { kind, .. } => engine.begin_key_change(handle, kind_of(*kind)?)?,
        Request::EndKeyChange { kind, .. } => engine.end_key_change(handle, kind_of(*kind)?)?,
        Request::KGnb { access, .. } => {
            let key = engine.k_gnb(handle, access_of(*access)?)?;
            return Ok(Response::Key(Secret::new(*key.expose()), 0));
        }
        Request::PrepareNh(_) => {
            let prepared = engine.session(handle)?.security.prepare_nh()?;
            let nh = Secret::new(*prepared.nh().expose());
            return Ok(Response::Key(nh, prepared.ncc()));
        }
        Request::CommitNh { nh, ncc, .. } => {
            let mut session = engine.session(handle)?;
            let prepared = session.security.prepare_nh()?;
            if prepared.ncc() != *ncc || !ct_eq(prepared.nh().expose(), nh.0) {
                return Err(Error::Conflict);
            }
            session.security.commit_nh(prepared)?;
        }
        Request::Diagnose { access, pdu, .. } => {
            let diagnosis = engine.diagnose(handle, access_of(*access)?, pdu)?;
            return Ok(Response::Octet(diagnosis as u8));
        }
        Request::Handover(request) => return handover(engine, handle, request),
        _ => return procedure(engine, handle, request, scratch),
    }
    Ok(Response::Done)
}

fn identity(request: &Request<'_>) -> Result<Identity> {
    let Request::Authenticated {
        k_amf,
        ng_ksi,
        flags,
        ue_sec_cap,
        ..
    } = request
    else {
        return Err(Error::Operation);
    };
    if flags & !EMERGENCY != 0 {
        return Err(Error::Argument);
    }
    Ok(Identity {
        k_amf: KAmf::from_slice(k_amf.0).ok_or(Error::Argument)?,
        ng_ksi: NgKsi::native(*ng_ksi).ok_or(Error::NgKsi)?,
        ue_sec_cap: UeSecurityCapability::from_value(ue_sec_cap)?,
        emergency: flags & EMERGENCY != 0,
    })
}

/// The verbs of a handover.
fn handover<'a>(
    engine: &Engine,
    handle: Handle,
    request: &HandoverRequest<'_>,
) -> Result<Response<'a>> {
    match request {
        HandoverRequest::Prepare(_, preparation) => preparation
            .with(|request| engine.handover_prepare(handle, request))
            .map(Response::Container),
        HandoverRequest::Done(_) => engine.handover_done(handle).map(|()| Response::Done),
        HandoverRequest::Failed(_) => engine.handover_failed(handle).map(|()| Response::Done),
    }
}

/// The verbs of the security mode procedure.
fn procedure<'a>(
    engine: &Engine,
    handle: Handle,
    request: &Request<'_>,
    Scratch(out): &'a mut Scratch,
) -> Result<Response<'a>> {
    wipe(&mut out[..]);
    let room = |room: u32| ..(room as usize).min(PDU);
    match request {
        Request::SmcCommand {
            room: most,
            command,
            ..
        } => {
            let place = &mut out[room(*most)];
            let sent = command.with(|request| engine.smc_command(handle, request, place))?;
            message(sent, &out[..])
        }
        Request::SmcEvent {
            room: most,
            event,
            message_type,
            ..
        } => {
            let place = &mut out[room(*most)];
            let event = match (event, message_type) {
                (0, 0) => Event::T3560Expired,
                (1, 0) => Event::NonDelivered,
                (2, 0) => Event::LowerLayerFailure,
                (3, &message) => Event::Collision(MessageType(message)),
                (4, 0) => Event::Abort,
                _ => return Err(Error::Argument),
            };
            match engine.smc_event(handle, event, place)? {
                Action::Resend(sent) => message(sent, &out[..]),
                Action::Ended(outcome) => Ok(Response::Ended(Ended::from(&outcome))),
            }
        }
        Request::SmcRejectedUnprotected { cause, .. } => {
            let outcome = engine.smc_rejected_unprotected(handle, Cause(*cause))?;
            Ok(Response::Ended(Ended::from(&outcome)))
        }
        _ => Err(Error::Operation),
    }
}

fn message(sent: Sent, out: &[u8]) -> Result<Response<'_>> {
    let pdu = out.get(..sent.len).ok_or(Error::BufferTooSmall)?;
    Ok(Response::Message(sent, pdu))
}
