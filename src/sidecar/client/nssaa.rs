//! Network slice-specific authentication, asked of the daemon.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{AccessType, Error, Result};
use crate::engine::Job;
use crate::engine::nssaa::{NSSAA_ROOM, NssaaState};
use crate::engine::ring::Doorbell;
use crate::nas::nssaa::SNssai;
use crate::procedure::nssaa::{
    Action, Admission, Event, NssaaSettings, Refusals, Registration, Status, Subscribed,
    Subscription,
};
use crate::session::Handle;

use super::super::protocol::nssaa::{HOSTED_SINCE, SINCE, SliceList};
use super::super::protocol::{NssaaRequest, NssaaResponse, Request, Response, SessionList};
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

/// Slice authentication that the daemon drives itself.
impl Client {
    /// True when the daemon itself asks the NSSAAF, keeps the timers and takes notifications: what is left to be done
    /// here are the actions of [`Client::nssaa_poll`], and [`Client::nssaa_ready`] says when. What only a runner can
    /// tell is [`Error::Hosted`] then.
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn nssaa_hosted(&self) -> Result<bool> {
        if self.welcome().version < HOSTED_SINCE {
            return Ok(false);
        }
        match self.octet(&Request::Nssaa(NssaaRequest::Hosted))? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::Operation),
        }
    }

    fn nssaa_bell(&self) -> Result<&Arc<Doorbell>> {
        if let Some(bell) = self.slice_bell.get() {
            return Ok(bell);
        }
        if self.welcome().version < HOSTED_SINCE {
            return Err(Error::Unsupported);
        }
        let mut fds = Vec::new();
        let request = Request::Nssaa(NssaaRequest::Bell);
        self.inner
            .ask_for(&request, &mut fds, |response| match response {
                Response::Done => Ok(()),
                _ => Err(Error::Operation),
            })?;
        let fd = fds.pop().ok_or(Error::Operation)?;
        let bell = Arc::new(Doorbell::from_fd(fd));
        self.inner.link.add(&bell);
        // Another thread may have been first: both are the same eventfd.
        Ok(self.slice_bell.get_or_init(|| bell))
    }

    /// An eventfd for poll and epoll: readable when [`Client::nssaa_ready`] has something to tell, or the daemon is gone.
    /// It is the client's and lives as long.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the daemon does not drive slice authentication; [`Error::Disconnected`].
    pub fn nssaa_eventfd(&self) -> Result<BorrowedFd<'_>> {
        Ok(self.nssaa_bell()?.as_fd())
    }

    /// Sessions that want something done, at most 1024, and as many as there is room for in `most`: take it from each
    /// with [`Client::nssaa_poll`]. A session is named once; then not before it wants more. What a session wants after a
    /// verb of the client's own is named here, too, unless it is polled before. Empties the eventfd; with sessions left
    /// it is readable again.
    ///
    /// # Errors
    /// As [`Client::nssaa_eventfd`].
    pub fn nssaa_ready(&self, most: usize) -> Result<Vec<Handle>> {
        // Before the question: what comes after it rings again.
        self.nssaa_bell()?.silence();
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        let request = Request::Nssaa(NssaaRequest::Ready { most });
        self.ask(&request, |response| match response {
            Response::Sessions(SessionList(rows)) => {
                let handles = rows.iter().map(|&(handle, _)| Handle::from_bits(handle));
                handles.collect()
            }
            _ => Err(Error::Operation),
        })
    }

    /// Waits until there may be something to tell, for at most so long.
    ///
    /// # Errors
    /// As [`Client::nssaa_eventfd`].
    pub fn nssaa_wait(&self, patience: Duration) -> Result<bool> {
        let bell = self.nssaa_bell()?;
        let rung = bell.wait(Some(patience))?;
        if self.is_gone() {
            return Err(Error::Disconnected);
        }
        if rung {
            // For whoever waits in another way.
            bell.ring();
        }
        Ok(rung)
    }
}

/// How a step ended.
struct Ended {
    event: Result<()>,
    poll: Result<()>,
    more: bool,
}
