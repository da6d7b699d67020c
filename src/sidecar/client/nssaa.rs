//! Network slice-specific authentication, asked of the daemon.

use crate::base::{AccessType, Error, Result};
use crate::engine::Job;
use crate::engine::nssaa::{NSSAA_ROOM, NssaaState};
use crate::nas::nssaa::SNssai;
use crate::procedure::nssaa::{
    Action, Admission, Event, NssaaSettings, Refusals, Registration, Status, Subscribed,
    Subscription,
};
use crate::session::Handle;

use super::super::protocol::nssaa::{SINCE, SliceList};
use super::super::protocol::{NssaaRequest, NssaaResponse, Request, Response};
use super::Client;
use super::verbs::room_of;

/// An uplink message as a job reports it, and whether the procedure took it.
pub(crate) type Reported = (Job, Option<Result<()>>);

impl Client {
    fn ask_nssaa<T>(
        &self,
        request: NssaaRequest<'_>,
        read: impl FnOnce(NssaaResponse<'_>) -> Result<T>,
    ) -> Result<T> {
        self.new_enough()?;
        self.ask(&Request::Nssaa(request), |response| match response {
            Response::Nssaa(response) => read(response),
            _ => Err(Error::Operation),
        })
    }

    fn done_nssaa(&self, request: NssaaRequest<'_>) -> Result<()> {
        self.new_enough()?;
        self.done(&Request::Nssaa(request))
    }

    fn new_enough(&self) -> Result<()> {
        if self.welcome().version < SINCE {
            return Err(Error::Unsupported);
        }
        Ok(())
    }

    /// The settings of this client's sessions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] from a daemon that does not know the procedure, as every verb of it;
    /// [`Error::Disconnected`].
    pub fn nssaa_settings(&self) -> Result<NssaaSettings> {
        self.ask_nssaa(NssaaRequest::Settings, |response| match response {
            NssaaResponse::Settings(settings) => Ok(settings),
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::nssaa_configure`], for the sessions of this client.
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_configure(&self, settings: &NssaaSettings) -> Result<()> {
        self.done_nssaa(NssaaRequest::Configure(*settings))
    }

    /// As [`crate::Engine::nssaa_refusals`], for the sessions of this client.
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn nssaa_refusals(&self) -> Result<Refusals> {
        self.ask_nssaa(NssaaRequest::Refusals, |response| match response {
            NssaaResponse::Refusals(refusals) => Ok(refusals),
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::nssaa_subscribe`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_subscribe(&self, handle: Handle, subscription: &Subscription<'_>) -> Result<()> {
        let octets = SliceList::octets_of(subscription.slices.iter().copied())?;
        self.done_nssaa(NssaaRequest::Subscribe {
            session: handle.bits(),
            gpsi: subscription.gpsis.first().copied().unwrap_or_default(),
            slices: SliceList::over(&octets)?,
        })
    }

    /// As [`crate::Engine::nssaa_register`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_register(
        &self,
        handle: Handle,
        registration: &Registration<'_>,
    ) -> Result<Admission> {
        let plain = |slice| Subscribed {
            slice,
            nssaa: false,
            default: false,
        };
        let octets = SliceList::octets_of(registration.asked.iter().copied().map(plain))?;
        let request = NssaaRequest::Register {
            session: handle.bits(),
            access: registration.access.bearer(),
            flags: u8::from(registration.nssaa_supported)
                | u8::from(registration.extended_rejected) << 1,
            asked: SliceList::over(&octets)?,
        };
        self.ask_nssaa(request, |response| match response {
            NssaaResponse::Admission(admission) => Ok(*admission),
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::nssaa_uplink`], in the words of a job; the plain message lies in `out`.
    pub(crate) fn nssaa_uplink(
        &self,
        (handle, access): (Handle, AccessType),
        pdu: &[u8],
        out: &mut [u8],
    ) -> Result<Reported> {
        let request = NssaaRequest::Uplink {
            session: handle.bits(),
            access: access.bearer(),
            room: room_of(out),
            pdu,
        };
        self.ask_nssaa(request, |response| match response {
            NssaaResponse::Uplink(uplinked) => {
                let place = out.get_mut(..uplinked.plain.len());
                place
                    .ok_or(Error::BufferTooSmall)?
                    .copy_from_slice(uplinked.plain);
                Ok((uplinked.report, uplinked.procedure))
            }
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::nssaa_event`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()> {
        self.step(handle, (Some(event), 0), |_, _| Ok(()))?.event
    }

    /// As [`crate::Engine::nssaa_poll`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>> {
        if out.len() < NSSAA_ROOM {
            return Err(Error::BufferTooSmall);
        }
        let mut taken = None;
        let stepped = self.step(handle, (None, 1), |action, octets| {
            let place = out.get_mut(..octets.len()).ok_or(Error::BufferTooSmall)?;
            place.copy_from_slice(octets);
            taken = Some(action);
            Ok(())
        })?;
        stepped.poll.map(|()| taken)
    }

    /// Tells what happened, if anything did, and takes all that is to be done, in as few exchanges as it fits into.
    /// `take` is called when they are over.
    ///
    /// # Errors
    /// As [`Client::nssaa_poll`], after `take` had what came before; that of the event is passed over.
    pub fn nssaa_step(
        &self,
        handle: Handle,
        mut event: Option<Event<'_>>,
        take: &mut dyn FnMut(Action, &[u8]),
    ) -> Result<()> {
        let (mut actions, mut octets) = (Vec::new(), Vec::new());
        let ended = loop {
            let stepped = self.step(handle, (event.take(), u8::MAX), |action, part| {
                actions.push((action, part.len()));
                octets.extend_from_slice(part);
                Ok(())
            });
            match stepped {
                Ok(stepped) if stepped.more => {}
                Ok(stepped) => break stepped.poll,
                Err(error) => break Err(error),
            }
        };
        let mut rest = octets.as_slice();
        for (action, len) in actions {
            let (part, behind) = rest.split_at_checked(len).ok_or(Error::Operation)?;
            rest = behind;
            take(action, part);
        }
        ended
    }

    fn step(
        &self,
        handle: Handle,
        (event, most): (Option<Event<'_>>, u8),
        mut take: impl FnMut(Action, &[u8]) -> Result<()>,
    ) -> Result<Ended> {
        let request = NssaaRequest::Step {
            session: handle.bits(),
            event,
            most,
        };
        self.ask_nssaa(request, |response| match response {
            NssaaResponse::Step(stepped) => {
                for &(action, octets) in &stepped.actions {
                    take(action, octets)?;
                }
                Ok(Ended {
                    event: stepped.event,
                    poll: stepped.poll,
                    more: stepped.more,
                })
            }
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::nssaa_gpsi`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        let request = NssaaRequest::Gpsi(handle.bits());
        self.ask_nssaa(request, |response| match response {
            NssaaResponse::Text(gpsi) => Ok(gpsi),
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::nssaa_status`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_status(&self, handle: Handle, s_nssai: SNssai) -> Result<Option<Status>> {
        self.new_enough()?;
        let number = self.octet(&Request::Nssaa(NssaaRequest::Status {
            session: handle.bits(),
            s_nssai,
        }))?;
        match (number, Status::from_number(number)) {
            (0, _) => Ok(None),
            (_, Some(status)) => Ok(Some(status)),
            (_, None) => Err(Error::Operation),
        }
    }

    /// As [`crate::Engine::nssaa_state`].
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_state(&self, handle: Handle) -> Result<NssaaState> {
        let request = NssaaRequest::State(handle.bits());
        self.ask_nssaa(request, |response| match response {
            NssaaResponse::State(state) => Ok(state),
            _ => Err(Error::Operation),
        })
    }
}

/// How a step ended.
struct Ended {
    event: Result<()>,
    poll: Result<()>,
    more: bool,
}
