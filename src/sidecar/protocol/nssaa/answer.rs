//! Responses.

use arrayvec::ArrayVec;

use crate::base::{AccessType, Error, Result};
use crate::engine::Job;
use crate::engine::nssaa::NssaaState;
use crate::nas::nssaa::{Rejected, RejectionCause, SNssai, Slice};
use crate::procedure::nssaa::{Action, Admission, Downlink, NssaaSettings, Refusals, Status, Step};

use super::super::wire::{Frame, Reader};
use super::ACTIONS_MAX;
use super::words::{
    access, flag, read_s_nssai, read_settings, read_slice, read_text, write_s_nssai,
    write_settings, write_slice,
};

/// What became of an uplink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uplinked<'a> {
    /// Its results, as a job's; the plain message is `plain`.
    pub report: Job,
    /// Whether the procedure took it; `None`: it was none of the procedure's.
    pub procedure: Option<Result<()>>,
    /// The plain message when it verified, else empty.
    pub plain: &'a [u8],
}

/// Actions, each with its PDU or EAP message; at most [`ACTIONS_MAX`].
pub type ActionList<'a> = Vec<(Action, &'a [u8])>;

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stepped<'a> {
    /// What became of the event.
    pub event: Result<()>,
    /// How the taking of actions ended.
    pub poll: Result<()>,
    /// There may be more to take.
    pub more: bool,
    /// What was taken.
    pub actions: ActionList<'a>,
}

/// A response about network slice-specific authentication.
#[derive(Debug, PartialEq, Eq)]
pub enum NssaaResponse<'a> {
    /// Settings.
    Settings(NssaaSettings),
    /// Counts.
    Refusals(Refusals),
    /// What the REGISTRATION ACCEPT says.
    Admission(Box<Admission>),
    /// A message of the UE.
    Uplink(Uplinked<'a>),
    /// A step.
    Step(Stepped<'a>),
    /// A GPSI.
    Text(String),
    /// All of a UE.
    State(NssaaState),
}

/// Numbers of the forms on the wire.
pub(in crate::sidecar::protocol) mod form {
    pub(in crate::sidecar::protocol) const FIRST: u16 = 0x8020;
    pub(super) const SETTINGS: u16 = FIRST;
    pub(super) const REFUSALS: u16 = 0x8021;
    pub(super) const ADMISSION: u16 = 0x8022;
    pub(super) const UPLINK: u16 = 0x8023;
    pub(super) const STEP: u16 = 0x8024;
    pub(super) const TEXT: u16 = 0x8025;
    pub(super) const STATE: u16 = 0x8026;
    pub(in crate::sidecar::protocol) const LAST: u16 = STATE;
}

impl<'a> NssaaResponse<'a> {
    pub(in crate::sidecar::protocol) const fn form(&self) -> u16 {
        match self {
            Self::Settings(_) => form::SETTINGS,
            Self::Refusals(_) => form::REFUSALS,
            Self::Admission(_) => form::ADMISSION,
            Self::Uplink(_) => form::UPLINK,
            Self::Step(_) => form::STEP,
            Self::Text(_) => form::TEXT,
            Self::State(_) => form::STATE,
        }
    }

    pub(in crate::sidecar::protocol) fn write(&self, frame: &mut Frame) -> Result<()> {
        match self {
            Self::Settings(settings) => write_settings(settings, frame),
            Self::Refusals(refusals) => write_refusals(*refusals, frame),
            Self::Admission(admission) => write_admission(admission, frame),
            Self::Uplink(uplinked) => write_uplinked(uplinked, frame),
            Self::Step(stepped) => write_stepped(stepped, frame),
            Self::Text(text) => frame.part(Some(text.as_bytes())),
            Self::State(state) => write_state(state, frame),
        }
    }

    pub(in crate::sidecar::protocol) fn read(kind: u16, reader: &mut Reader<'a>) -> Result<Self> {
        Ok(match kind {
            form::SETTINGS => Self::Settings(read_settings(reader)?),
            form::REFUSALS => Self::Refusals(read_refusals(reader)?),
            form::ADMISSION => Self::Admission(Box::new(read_admission(reader)?)),
            form::UPLINK => Self::Uplink(read_uplinked(reader)?),
            form::STEP => Self::Step(read_stepped(reader)?),
            form::TEXT => Self::Text(read_text(reader)?.to_owned()),
            form::STATE => Self::State(read_state(reader)?),
            _ => return Err(Error::Operation),
        })
    }
}

fn write_result(result: Result<()>, frame: &mut Frame) -> Result<()> {
    let code = result.map_or_else(Error::code, |()| 0);
    frame.put(&code.to_le_bytes())
}

fn read_result(reader: &mut Reader<'_>) -> Result<Result<()>> {
    match i32::from_le_bytes(reader.array()?) {
        0 => Ok(Ok(())),
        code => Ok(Err(Error::from_code(code).ok_or(Error::Operation)?)),
    }
}

fn write_refusals(refusals: Refusals, frame: &mut Frame) -> Result<()> {
    frame.u32(refusals.malformed)?;
    frame.u32(refusals.wrong_slice)?;
    frame.u32(refusals.unexpected)
}

fn read_refusals(reader: &mut Reader<'_>) -> Result<Refusals> {
    Ok(Refusals {
        malformed: reader.u32()?,
        wrong_slice: reader.u32()?,
        unexpected: reader.u32()?,
    })
}

/// Count in one octet, then the slices.
fn write_slices(slices: &[Slice], frame: &mut Frame) -> Result<()> {
    frame.u8(u8::try_from(slices.len()).map_err(|_| Error::TooLong)?)?;
    slices
        .iter()
        .try_for_each(|&slice| write_slice(slice, frame))
}

fn read_slices<const N: usize>(reader: &mut Reader<'_>) -> Result<ArrayVec<Slice, N>> {
    let mut slices = ArrayVec::new();
    for _ in 0..reader.u8()? {
        let slice = read_slice(reader)?;
        slices.try_push(slice).map_err(|_| Error::Argument)?;
    }
    Ok(slices)
}

fn write_admission(admission: &Admission, frame: &mut Frame) -> Result<()> {
    write_slices(&admission.allowed, frame)?;
    write_slices(&admission.pending, frame)?;
    frame.put(&[u8::from(admission.extended), admission.rejected.len() as u8])?;
    for rejected in &admission.rejected {
        write_slice(rejected.slice, frame)?;
        let back_off = rejected.back_off;
        frame.put(&[
            rejected.cause.0,
            u8::from(back_off.is_some()),
            back_off.unwrap_or_default(),
        ])?;
    }
    Ok(())
}

fn read_admission(reader: &mut Reader<'_>) -> Result<Admission> {
    let (allowed, pending) = (read_slices(reader)?, read_slices(reader)?);
    let extended = flag(reader.u8()?)?;
    let mut rejected = ArrayVec::new();
    for _ in 0..reader.u8()? {
        let slice = read_slice(reader)?;
        let [cause, has_back_off, back_off] = reader.array()?;
        let mut one = Rejected::new(slice, RejectionCause(cause));
        one.back_off = match (flag(has_back_off)?, back_off) {
            (true, back_off) => Some(back_off),
            (false, 0) => None,
            (false, _) => return Err(Error::Argument),
        };
        rejected.try_push(one).map_err(|_| Error::Argument)?;
    }
    Ok(Admission {
        allowed,
        pending,
        rejected,
        extended,
    })
}

fn write_uplinked(uplinked: &Uplinked<'_>, frame: &mut Frame) -> Result<()> {
    let job = &uplinked.report;
    frame.put(&job.status.to_le_bytes())?;
    frame.u32(job.count)?;
    frame.u32(job.part_offset)?;
    frame.u32(job.part_len)?;
    frame.put(&[
        job.message_type,
        job.sht,
        job.follow_up,
        job.event,
        job.diagnosis,
        job.flags,
        job.cause,
        u8::from(uplinked.procedure.is_some()),
    ])?;
    write_result(uplinked.procedure.unwrap_or(Ok(())), frame)?;
    frame.part(Some(uplinked.plain))
}

fn read_uplinked<'a>(reader: &mut Reader<'a>) -> Result<Uplinked<'a>> {
    let status = i32::from_le_bytes(reader.array()?);
    let (count, part_offset, part_len) = (reader.u32()?, reader.u32()?, reader.u32()?);
    let [
        message_type,
        sht,
        follow_up,
        event,
        diagnosis,
        flags,
        cause,
        taken,
    ] = reader.array()?;
    let procedure = match (flag(taken)?, read_result(reader)?) {
        (true, result) => Some(result),
        (false, Ok(())) => None,
        (false, Err(_)) => return Err(Error::Argument),
    };
    let plain = reader.part()?.ok_or(Error::Argument)?;
    let report = Job {
        status,
        out_len: plain.len() as u32,
        count,
        part_offset,
        part_len,
        message_type,
        sht,
        follow_up,
        event,
        diagnosis,
        flags,
        cause,
        ..Job::default()
    };
    Ok(Uplinked {
        report,
        procedure,
        plain,
    })
}

mod action {
    pub(super) const SEND: u8 = 1;
    pub(super) const START_T3575: u8 = 2;
    pub(super) const STOP_T3575: u8 = 3;
    pub(super) const START_RETRY: u8 = 4;
    pub(super) const STOP_RETRY: u8 = 5;
    pub(super) const ASK: u8 = 6;
    pub(super) const RELEASE: u8 = 7;
    pub(super) const REACH: u8 = 8;
}

fn write_stepped(stepped: &Stepped<'_>, frame: &mut Frame) -> Result<()> {
    write_result(stepped.event, frame)?;
    write_result(stepped.poll, frame)?;
    if stepped.actions.len() > ACTIONS_MAX {
        return Err(Error::TooLong);
    }
    frame.put(&[u8::from(stepped.more), stepped.actions.len() as u8])?;
    for (action, octets) in &stepped.actions {
        write_action(action, octets, frame)?;
    }
    Ok(())
}

fn read_stepped<'a>(reader: &mut Reader<'a>) -> Result<Stepped<'a>> {
    let (event, poll) = (read_result(reader)?, read_result(reader)?);
    let more = flag(reader.u8()?)?;
    let count = usize::from(reader.u8()?);
    if count > ACTIONS_MAX {
        return Err(Error::Argument);
    }
    let actions = (0..count).map(|_| read_action(reader));
    let actions = actions.collect::<Result<_>>()?;
    Ok(Stepped {
        event,
        poll,
        more,
        actions,
    })
}

fn write_action(action: &Action, octets: &[u8], frame: &mut Frame) -> Result<()> {
    match *action {
        Action::Send {
            access,
            message,
            s_nssai,
            ..
        } => {
            let named = u8::from(s_nssai.is_some());
            frame.put(&[action::SEND, access.bearer(), message as u8, named])?;
            write_s_nssai(s_nssai.unwrap_or(SNssai::sst(0)), frame)?;
            frame.part(Some(octets))
        }
        Action::StartT3575 { seconds } => {
            frame.u8(action::START_T3575)?;
            frame.u32(seconds)
        }
        Action::StopT3575 => frame.u8(action::STOP_T3575),
        Action::StartRetry { seconds } => {
            frame.u8(action::START_RETRY)?;
            frame.u32(seconds)
        }
        Action::StopRetry => frame.u8(action::STOP_RETRY),
        Action::Ask {
            transaction,
            step,
            s_nssai,
            ..
        } => {
            frame.put(&[action::ASK, step as u8])?;
            frame.u32(transaction)?;
            write_s_nssai(s_nssai, frame)?;
            frame.part(Some(octets))
        }
        Action::ReleaseSessions(slice) => {
            frame.u8(action::RELEASE)?;
            write_slice(slice, frame)
        }
        Action::Reach(access) => frame.put(&[action::REACH, access.bearer()]),
    }
}

fn read_action<'a>(reader: &mut Reader<'a>) -> Result<(Action, &'a [u8])> {
    let plain = match reader.u8()? {
        action::SEND => return read_send(reader),
        action::ASK => return read_ask(reader),
        action::START_T3575 => Action::StartT3575 {
            seconds: reader.u32()?,
        },
        action::STOP_T3575 => Action::StopT3575,
        action::START_RETRY => Action::StartRetry {
            seconds: reader.u32()?,
        },
        action::STOP_RETRY => Action::StopRetry,
        action::RELEASE => Action::ReleaseSessions(read_slice(reader)?),
        action::REACH => Action::Reach(access(reader.u8()?)?),
        _ => return Err(Error::Argument),
    };
    Ok((plain, &[]))
}

fn read_send<'a>(reader: &mut Reader<'a>) -> Result<(Action, &'a [u8])> {
    let [at, message, named] = reader.array()?;
    let s_nssai = read_s_nssai(reader)?;
    let s_nssai = match (flag(named)?, s_nssai) {
        (true, s_nssai) => Some(s_nssai),
        (false, SNssai { sst: 0, sd: None }) => None,
        (false, _) => return Err(Error::Argument),
    };
    let message = match message {
        1 => Downlink::Command,
        2 => Downlink::Result,
        3 => Downlink::ConfigurationUpdate,
        4 => Downlink::Deregistration,
        _ => return Err(Error::Argument),
    };
    let access = access(at)?;
    let octets = reader.part()?.ok_or(Error::Argument)?;
    let len = octets.len();
    let send = Action::Send {
        access,
        message,
        s_nssai,
        len,
    };
    Ok((send, octets))
}

fn read_ask<'a>(reader: &mut Reader<'a>) -> Result<(Action, &'a [u8])> {
    let step = match reader.u8()? {
        1 => Step::Start,
        2 => Step::Continue,
        _ => return Err(Error::Argument),
    };
    let transaction = reader.u32()?;
    let s_nssai = read_s_nssai(reader)?;
    let octets = reader.part()?.ok_or(Error::Argument)?;
    let len = octets.len();
    let ask = Action::Ask {
        transaction,
        step,
        s_nssai,
        len,
    };
    Ok((ask, octets))
}

fn write_state(state: &NssaaState, frame: &mut Frame) -> Result<()> {
    frame.u8(u8::try_from(state.statuses.len()).map_err(|_| Error::TooLong)?)?;
    for &(s_nssai, status) in &state.statuses {
        write_s_nssai(s_nssai, frame)?;
        frame.u8(status as u8)?;
    }
    for slices in state.allowed.iter().chain(&state.pending) {
        write_slices(slices, frame)?;
    }
    let (s_nssai, at) = match state.running {
        Some((s_nssai, access)) => (s_nssai, access.bearer()),
        None => (SNssai::sst(0), 0),
    };
    write_s_nssai(s_nssai, frame)?;
    frame.put(&[at, u8::from(state.settled)])?;
    write_refusals(state.refusals, frame)
}

fn read_state(reader: &mut Reader<'_>) -> Result<NssaaState> {
    let statuses = (0..reader.u8()?).map(|_| {
        let s_nssai = read_s_nssai(reader)?;
        let status = Status::from_number(reader.u8()?).ok_or(Error::Argument)?;
        Ok((s_nssai, status))
    });
    let statuses = statuses.collect::<Result<_>>()?;
    let mut list = || Ok(read_slices::<{ u8::MAX as usize }>(reader)?.to_vec());
    let allowed = [list()?, list()?];
    let pending = [list()?, list()?];
    let s_nssai = read_s_nssai(reader)?;
    let running = match (reader.u8()?, s_nssai) {
        (0, SNssai { sst: 0, sd: None }) => None,
        (0, _) => return Err(Error::Argument),
        (at, s_nssai) => Some((s_nssai, AccessType::from_id(at).ok_or(Error::Bearer)?)),
    };
    Ok(NssaaState {
        statuses,
        allowed,
        pending,
        running,
        settled: flag(reader.u8()?)?,
        refusals: read_refusals(reader)?,
    })
}
