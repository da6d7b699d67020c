//! What happened, as octets: a number, then what belongs to it.

use crate::base::{Error, Result};
use crate::nas::nssaa::EapMessage;
use crate::procedure::nssaa::{AaaAnswer, Event, Reachability};

use super::super::wire::{Frame, Reader};
use super::words::{access, flag, read_s_nssai, write_s_nssai};

/// In place of an event: there is none.
pub(super) const NOTHING: u8 = 0;

mod number {
    pub(super) const REGISTERED: u8 = 1;
    pub(super) const ACCESS: u8 = 2;
    pub(super) const UPLINK: u8 = 3;
    pub(super) const UNREACHABLE: u8 = 4;
    pub(super) const COMPLETE: u8 = 5;
    pub(super) const T3575: u8 = 6;
    pub(super) const RETRY: u8 = 7;
    pub(super) const AAA: u8 = 8;
    pub(super) const REAUTH: u8 = 9;
    pub(super) const REVOCATION: u8 = 10;
    pub(super) const POLICY: u8 = 11;
    pub(super) const ADMISSION: u8 = 12;
    pub(super) const UPDATED: u8 = 13;
    pub(super) const UPDATE_LOST: u8 = 14;
    pub(super) const RUNNER_LOST: u8 = 15;
}

pub(super) fn write(event: &Event<'_>, frame: &mut Frame) -> Result<()> {
    let (number, octet) = match *event {
        Event::Registered(access) => (number::REGISTERED, access.bearer()),
        Event::UplinkActivity(access) => (number::UPLINK, access.bearer()),
        Event::Unreachable(access) => (number::UNREACHABLE, access.bearer()),
        Event::UpdateCompleted(access) => (number::UPDATED, access.bearer()),
        Event::UpdateLost(access) => (number::UPDATE_LOST, access.bearer()),
        Event::Access(access, to) => {
            let to = match to {
                Reachability::Deregistered => 0,
                Reachability::Idle => 1,
                Reachability::Connected => 2,
            };
            return frame.put(&[number::ACCESS, access.bearer(), to]);
        }
        Event::Complete { access, message } => {
            frame.put(&[number::COMPLETE, access.bearer()])?;
            return frame.part(Some(message));
        }
        Event::T3575Expired => return frame.u8(number::T3575),
        Event::RetryExpired => return frame.u8(number::RETRY),
        Event::RunnerLost => return frame.u8(number::RUNNER_LOST),
        Event::Aaa {
            transaction,
            answer,
        } => {
            frame.u8(number::AAA)?;
            frame.u32(transaction)?;
            return write_answer(answer, frame);
        }
        Event::ReauthNotification(s_nssai) => {
            frame.u8(number::REAUTH)?;
            return write_s_nssai(s_nssai, frame);
        }
        Event::RevocationNotification(s_nssai) => {
            frame.u8(number::REVOCATION)?;
            return write_s_nssai(s_nssai, frame);
        }
        Event::OperatorPolicy(s_nssai) => {
            frame.u8(number::POLICY)?;
            return write_s_nssai(s_nssai, frame);
        }
        Event::AdmissionControl {
            access,
            s_nssai,
            refused,
        } => {
            frame.put(&[number::ADMISSION, access.bearer(), u8::from(refused)])?;
            return write_s_nssai(s_nssai, frame);
        }
    };
    frame.put(&[number, octet])
}

pub(super) fn read<'a>(reader: &mut Reader<'a>) -> Result<Option<Event<'a>>> {
    let number = reader.u8()?;
    Ok(Some(match number {
        NOTHING => return Ok(None),
        number::REGISTERED => Event::Registered(access(reader.u8()?)?),
        number::UPLINK => Event::UplinkActivity(access(reader.u8()?)?),
        number::UNREACHABLE => Event::Unreachable(access(reader.u8()?)?),
        number::UPDATED => Event::UpdateCompleted(access(reader.u8()?)?),
        number::UPDATE_LOST => Event::UpdateLost(access(reader.u8()?)?),
        number::ACCESS => {
            let access = access(reader.u8()?)?;
            let to = match reader.u8()? {
                0 => Reachability::Deregistered,
                1 => Reachability::Idle,
                2 => Reachability::Connected,
                _ => return Err(Error::Argument),
            };
            Event::Access(access, to)
        }
        number::COMPLETE => Event::Complete {
            access: access(reader.u8()?)?,
            message: reader.part()?.ok_or(Error::Argument)?,
        },
        number::T3575 => Event::T3575Expired,
        number::RETRY => Event::RetryExpired,
        number::RUNNER_LOST => Event::RunnerLost,
        number::AAA => Event::Aaa {
            transaction: reader.u32()?,
            answer: read_answer(reader)?,
        },
        number::REAUTH => Event::ReauthNotification(read_s_nssai(reader)?),
        number::REVOCATION => Event::RevocationNotification(read_s_nssai(reader)?),
        number::POLICY => Event::OperatorPolicy(read_s_nssai(reader)?),
        number::ADMISSION => {
            let (access, refused) = (access(reader.u8()?)?, flag(reader.u8()?)?);
            Event::AdmissionControl {
                access,
                s_nssai: read_s_nssai(reader)?,
                refused,
            }
        }
        _ => return Err(Error::Argument),
    }))
}

fn write_answer(answer: AaaAnswer<'_>, frame: &mut Frame) -> Result<()> {
    let (number, eap) = match answer {
        AaaAnswer::Continue(eap) => (1, Some(eap)),
        AaaAnswer::Success(eap) => (2, Some(eap)),
        AaaAnswer::Failure(eap) => (3, Some(eap)),
        AaaAnswer::Refused => (4, None),
        AaaAnswer::ContextLost => (5, None),
        AaaAnswer::Unreachable => (6, None),
    };
    frame.u8(number)?;
    match eap {
        Some(eap) => frame.part(Some(eap.octets())),
        None => Ok(()),
    }
}

fn read_answer<'a>(reader: &mut Reader<'a>) -> Result<AaaAnswer<'a>> {
    let number = reader.u8()?;
    let mut eap = || EapMessage::parse(reader.part()?.ok_or(Error::Argument)?);
    Ok(match number {
        1 => AaaAnswer::Continue(eap()?),
        2 => AaaAnswer::Success(eap()?),
        3 => AaaAnswer::Failure(eap()?),
        4 => AaaAnswer::Refused,
        5 => AaaAnswer::ContextLost,
        6 => AaaAnswer::Unreachable,
        _ => return Err(Error::Argument),
    })
}
