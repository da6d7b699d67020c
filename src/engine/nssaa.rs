//! The verbs of network slice-specific authentication: the AMF half of a session's UE, and the UE half for load
//! generation and tests. What is to be done comes from [`Engine::nssaa_poll`]; messages to the UE are protected, each
//! with a COUNT of its own, at the moment they are taken.

use std::sync::Arc;

use crate::base::{AccessType, Error, Result};
use crate::nas::MessageType;
use crate::nas::nssaa::{NSSAA_MAX, SNssai, Slice};
use crate::procedure::nssaa::{
    Action, Admission, Amf, Event, NssaaSettings, Reachability, Refusals, Registration, Share,
    Status, Subscription, Ue, UeAction, UeResult,
};
use crate::security::protect::{Form, OVERHEAD};
use crate::session::Handle;
use crate::session::slices::{Room, SliceGroup, SliceHalf, SliceRoom, lock};

use super::{Engine, Job, Received, batch};

/// Octets that [`Engine::nssaa_poll`] needs in its buffer.
pub const NSSAA_ROOM: usize = NSSAA_MAX + OVERHEAD;

/// What became of an uplink message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NssaaUplink {
    /// As from [`Engine::verify`].
    pub received: Received,
    /// The message was one of the procedure's: whether it was taken. `None`: it was another one.
    pub procedure: Option<Result<()>>,
}

impl NssaaUplink {
    /// What became of the message, in the words of a job.
    #[must_use]
    pub fn report(&self) -> Job {
        let mut job = Job::default();
        batch::verified(&mut job, &self.received);
        job
    }
}

/// What the procedure knows of a UE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NssaaState {
    /// Every slice of the HPLMN that has a status.
    pub statuses: Vec<(SNssai, Status)>,
    /// Allowed NSSAI, per access.
    pub allowed: [Vec<Slice>; 2],
    /// Pending NSSAI, per access.
    pub pending: [Vec<Slice>; 2],
    /// The slice whose run is under way, and its access.
    pub running: Option<(SNssai, AccessType)>,
    /// Nothing is due, under way or owed.
    pub settled: bool,
    /// Events that were refused.
    pub refusals: Refusals,
}

impl NssaaState {
    fn of(amf: &Amf) -> Self {
        Self {
            statuses: amf.statuses().collect(),
            allowed: AccessType::ALL.map(|access| amf.allowed(access).collect()),
            pending: AccessType::ALL.map(|access| amf.pending(access).collect()),
            running: amf.running(),
            settled: amf.is_settled(),
            refusals: amf.refusals(),
        }
    }
}

impl Engine {
    /// The settings of the procedure.
    #[must_use]
    pub fn nssaa_settings(&self) -> NssaaSettings {
        self.nssaa.with(|settings| *settings)
    }

    /// Changes them, from the next call on.
    ///
    /// # Errors
    /// As [`SliceGroup::configure`].
    pub fn nssaa_configure(&self, settings: NssaaSettings) -> Result<()> {
        self.nssaa.configure(settings)
    }

    fn room(&self, handle: Handle) -> Result<Room> {
        // A stale handle has no room; which of the two it is, the table knows.
        match self.table.slice_room(handle) {
            Some(room) => Ok(room),
            None => {
                drop(self.table.lock(handle)?);
                let lost = self.table.slices_lost(handle);
                Err(if lost {
                    Error::Record
                } else {
                    Error::OutOfOrder
                })
            }
        }
    }

    fn amf<T>(
        &self,
        handle: Handle,
        what: impl FnOnce(&mut Amf, &NssaaSettings) -> T,
    ) -> Result<T> {
        self.in_room(&*self.room(handle)?, what)
    }

    fn in_room<T>(
        &self,
        room: &SliceRoom,
        what: impl FnOnce(&mut Amf, &NssaaSettings) -> T,
    ) -> Result<T> {
        let group = room.group().unwrap_or(&self.nssaa);
        group.with(|settings| self.table.with_slices(room, |amf| what(amf, settings)))
    }

    /// Tells what the subscription of the session's UE says of slices: the first time, or after a change.
    ///
    /// # Errors
    /// Those of [`Amf::new`] and [`Amf::subscribe`]: [`Error::TooLong`], [`Error::Argument`], [`Error::Gpsi`];
    /// [`Error::Handle`], [`Error::Role`], [`Error::Poisoned`]. Nothing changed then.
    pub fn nssaa_subscribe(&self, handle: Handle, subscription: &Subscription<'_>) -> Result<()> {
        self.nssaa_subscribe_in(handle, subscription, None)
    }

    /// As [`Engine::nssaa_subscribe`]; the first time `group` becomes the session's, in place of the engine's own.
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_subscribe_in(
        &self,
        handle: Handle,
        subscription: &Subscription<'_>,
        group: Option<&Arc<SliceGroup>>,
    ) -> Result<()> {
        if self.table.slice_room(handle).is_some() {
            return self.amf(handle, |amf, settings| {
                amf.subscribe(subscription, settings)
            })?;
        }
        let half = SliceHalf::Amf(Box::new(Amf::new(subscription)?));
        self.table.make_slice_room_in(handle, half, group.cloned())
    }

    /// A REGISTRATION REQUEST was accepted: what its REGISTRATION ACCEPT says of slices. See [`Amf::register`].
    ///
    /// # Errors
    /// As there; [`Error::OutOfOrder`] without a subscription; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_register(
        &self,
        handle: Handle,
        registration: &Registration<'_>,
    ) -> Result<Admission> {
        self.amf(handle, |amf, settings| amf.register(registration, settings))?
    }

    /// Tells the procedure what happened; see [`Amf::on`].
    ///
    /// # Errors
    /// As there; [`Error::OutOfOrder`] without a subscription; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()> {
        self.amf(handle, |amf, settings| amf.on(event, settings))?
    }

    /// Verifies an uplink PDU as [`Engine::verify`] does, and hands what verified to the procedure: COMPLETE,
    /// CONFIGURATION UPDATE COMPLETE, DEREGISTRATION ACCEPT, and that the UE is there.
    pub fn nssaa_uplink(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> NssaaUplink {
        let received = self.verify(handle, access, pdu, out);
        let plain = received.plain_len().ok().and_then(|len| out.get(..len));
        let procedure = plain.and_then(|plain| self.nssaa_plain(handle, access, &received, plain));
        NssaaUplink {
            received,
            procedure,
        }
    }

    /// As [`Engine::nssaa_uplink`] for a message that was verified already.
    pub fn nssaa_plain(
        &self,
        handle: Handle,
        access: AccessType,
        received: &Received,
        plain: &[u8],
    ) -> Option<Result<()>> {
        let message = received
            .verdict
            .result
            .ok()
            .and(received.verdict.message_type)?;
        self.table.slice_room(handle)?;
        let event = match message {
            MessageType::NSSAA_COMPLETE if !received.secured => {
                return Some(Err(Error::NotSecured));
            }
            MessageType::NSSAA_COMPLETE => Event::Complete {
                access,
                message: plain,
            },
            MessageType::CONFIGURATION_UPDATE_COMPLETE => Event::UpdateCompleted(access),
            MessageType::DEREGISTRATION_ACCEPT_NETWORK => {
                Event::Access(access, Reachability::Deregistered)
            }
            _ => {
                if received.secured {
                    // Fails only for a session that is gone or of the other role: then there is nothing to tell.
                    let _ = self.nssaa_event(handle, Event::UplinkActivity(access));
                }
                return None;
            }
        };
        Some(self.nssaa_event(handle, event))
    }

    /// What is to be done now; `None`: nothing. The PDU of [`Action::Send`], the EAP message of [`Action::Ask`] lie in
    /// the first `len` octets of `out`, which has at least [`NSSAA_ROOM`]. Ask again until there is nothing.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`]; those of [`Engine::protect`] for a message to the UE, [`Error::NotSecured`] for an
    /// access whose connection is gone: tell [`Event::Access`]. The action is not done then, and comes again.
    pub fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>> {
        self.nssaa_poll_of(handle, Share::All, out)
    }

    /// As [`Engine::nssaa_poll`], for one of two who share the work.
    ///
    /// # Errors
    /// As there.
    pub fn nssaa_poll_of(
        &self,
        handle: Handle,
        share: Share,
        out: &mut [u8],
    ) -> Result<Option<Action>> {
        if out.len() < NSSAA_ROOM {
            return Err(Error::BufferTooSmall);
        }
        self.amf(handle, |amf, settings| {
            let Some(action) = amf.next_of(share, settings, out)? else {
                return Ok(None);
            };
            let done = match action {
                Action::Send { access, len, .. } => self.nssaa_send((handle, access), out, len)?,
                _ => None,
            };
            amf.taken(&action);
            Ok(Some(match (action, done) {
                (
                    Action::Send {
                        access,
                        message,
                        s_nssai,
                        ..
                    },
                    Some(len),
                ) => Action::Send {
                    access,
                    message,
                    s_nssai,
                    len,
                },
                (action, _) => action,
            }))
        })?
    }

    /// Whether anything is to be done by this one; `room` as for [`Engine::nssaa_poll`], and nothing is taken.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`]; [`Error::OutOfOrder`] without a subscription; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_owes(&self, handle: Handle, share: Share, room: &mut [u8]) -> Result<bool> {
        let owed = self.amf(handle, |amf, settings| amf.next_of(share, settings, room))?;
        Ok(owed?.is_some())
    }

    /// Tells what happened, if anything did, and takes all that is to be done; `room` as for [`Engine::nssaa_poll`].
    /// What becomes of the event is passed over: the session counts what it refuses.
    ///
    /// # Errors
    /// Those of [`Engine::nssaa_poll`]; `take` had the actions before.
    pub fn nssaa_step(
        &self,
        handle: Handle,
        event: Option<Event<'_>>,
        room: &mut [u8],
        take: &mut dyn FnMut(Action, &[u8]),
    ) -> Result<()> {
        if let Some(event) = event {
            let _ = self.nssaa_event(handle, event);
        }
        while let Some(action) = self.nssaa_poll(handle, room)? {
            let octets = room.get(..action.octets()).unwrap_or_default();
            take(action, octets);
        }
        Ok(())
    }

    /// The PDU in place of the plain message; none of these messages goes out unprotected.
    fn nssaa_send(
        &self,
        (handle, access): (Handle, AccessType),
        out: &mut [u8],
        len: usize,
    ) -> Result<Option<usize>> {
        let sent = self
            .protect_in_place(handle, access, Form::Auto, (out, len))
            .inspect_err(|_| out.fill(0))?;
        Ok(Some(sent.len))
    }

    /// The GPSI that the NSSAAF is told.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] without a subscription; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        self.amf(handle, |amf, _| amf.gpsi().to_owned())
    }

    /// The status of a slice of the HPLMN; `None`: absent.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] without a subscription; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_status(&self, handle: Handle, s_nssai: SNssai) -> Result<Option<Status>> {
        self.amf(handle, |amf, _| amf.status(s_nssai))
    }

    /// All that is known of the UE.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] without a subscription; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_state(&self, handle: Handle) -> Result<NssaaState> {
        self.amf(handle, |amf, _| NssaaState::of(amf))
    }

    /// Events that were refused, over all sessions that are or were.
    #[must_use]
    pub fn nssaa_refusals(&self) -> Refusals {
        self.table.slices().refusals()
    }

    pub(super) fn nssaa_idle(&self, handle: Handle, access: AccessType) {
        let idle = Event::Access(access, Reachability::Idle);
        self.nssaa_tell(handle, idle);
    }

    pub(super) fn nssaa_left(&self, handle: Handle) {
        for access in AccessType::ALL {
            self.nssaa_tell(handle, Event::Access(access, Reachability::Deregistered));
        }
    }

    /// An event that changes nothing for a session without a room.
    fn nssaa_tell(&self, handle: Handle, event: Event<'_>) {
        if let Some(room) = self.table.slice_room(handle) {
            // Fails only for a UE half, which has no accesses, and for a poisoned room.
            let _ = self.in_room(&room, |amf, settings| amf.on(event, settings));
        }
    }

    fn ue<T>(&self, handle: Handle, what: impl FnOnce(&mut Ue) -> T) -> Result<T> {
        if self.table.slice_room(handle).is_none() {
            self.table
                .make_slice_room(handle, SliceHalf::Ue(Box::default()))?;
        }
        let room = self.room(handle)?;
        match &mut *lock(&room)? {
            SliceHalf::Ue(ue) => Ok(what(ue)),
            SliceHalf::Amf(_) => Err(Error::Role),
        }
    }

    /// UE half: takes a verified COMMAND, plain; when it came again, `out` gets the protected COMPLETE. See
    /// [`Ue::command`].
    ///
    /// # Errors
    /// As there and those of [`Engine::protect`]; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_ue_command<'a>(
        &self,
        handle: Handle,
        (access, command): (AccessType, &'a [u8]),
        out: &mut [u8],
    ) -> Result<UeAction<'a>> {
        match self.ue(handle, |ue| ue.command(access, command, out))?? {
            UeAction::Again { len } => {
                let sent = self.protect_in_place(handle, access, Form::Auto, (out, len))?;
                Ok(UeAction::Again { len: sent.len })
            }
            action => Ok(action),
        }
    }

    /// UE half: what the EAP peer answered; `out` gets the protected COMPLETE, whose access and length are returned.
    /// See [`Ue::answer`].
    ///
    /// # Errors
    /// As there and those of [`Engine::protect`]; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_ue_answer(
        &self,
        handle: Handle,
        s_nssai: SNssai,
        response: &[u8],
        out: &mut [u8],
    ) -> Result<(AccessType, usize)> {
        let (access, len) = self.ue(handle, |ue| ue.answer(s_nssai, response, out))??;
        let sent = self.protect_in_place(handle, access, Form::Auto, (out, len))?;
        Ok((access, sent.len))
    }

    /// UE half: takes a verified RESULT, plain. See [`Ue::result`].
    ///
    /// # Errors
    /// As there; [`Error::Handle`], [`Error::Role`].
    pub fn nssaa_ue_result<'a>(&self, handle: Handle, result: &'a [u8]) -> Result<UeResult<'a>> {
        self.ue(handle, |ue| ue.result(result))?
    }
}
