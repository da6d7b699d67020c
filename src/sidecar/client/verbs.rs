//! The verbs of one session: what the engine's do, asked of the daemon.

use crate::base::{AccessType, Error, NgKsi, Result};
use crate::kdf::{KGnb, Nh};
use crate::nas::Cause;
use crate::procedure::handover::{Container, Request as HandoverPreparation};
use crate::procedure::smc::{Action, Event, Outcome, Request as SmcRequest, Sent};
use crate::security::{Deregistration, Diagnosis, Identity, KeyChange, Role};
use crate::session::Handle;

use super::super::protocol::{
    HandoverRequest, Key, Preparation, Request, Response, SessionList, SmcCommand, handover,
    response,
};
use super::{Client, TapSwitch};

pub(super) fn room_of(out: &[u8]) -> u32 {
    u32::try_from(out.len()).unwrap_or(u32::MAX)
}

impl Client {
    pub(super) fn octet(&self, request: &Request<'_>) -> Result<u8> {
        self.ask(request, |response| match response {
            Response::Octet(octet) => Ok(octet),
            _ => Err(Error::Operation),
        })
    }

    /// A new session of the AMF half. `tag` is the caller's own number, which [`Client::sessions`] tells again.
    ///
    /// # Errors
    /// [`Error::Role`] for the UE half, which a daemon does not have; [`Error::Quota`], [`Error::TableFull`].
    pub fn establish(&self, role: Role, tag: u64) -> Result<Handle> {
        if role != Role::Amf {
            return Err(Error::Role);
        }
        self.ask(&Request::Establish { tag }, |response| match response {
            Response::Session(session) => Handle::from_bits(session),
            _ => Err(Error::Operation),
        })
    }

    /// The sessions that this client has, with their tags, by ascending handle.
    ///
    /// # Errors
    /// [`Error::Disconnected`].
    pub fn sessions(&self) -> Result<Vec<(Handle, u64)>> {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let rows = self.ask(&Request::Sessions { after }, |response| match response {
                Response::Sessions(SessionList(rows)) => Ok(rows),
                _ => Err(Error::Operation),
            })?;
            for &(session, tag) in &rows {
                all.push((Handle::from_bits(session)?, tag));
                after = session.max(after);
            }
            if rows.len() < SessionList::MOST {
                return Ok(all);
            }
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Error::Handle`].
    pub fn release(&self, handle: Handle) -> Result<()> {
        self.done(&Request::Release(handle.bits()))
    }

    /// As [`crate::Engine::authenticated`]; ngKSI is a native one.
    ///
    /// # Errors
    /// As there.
    pub fn authenticated(&self, handle: Handle, identity: &Identity) -> Result<()> {
        self.done(&Request::Authenticated {
            session: handle.bits(),
            k_amf: Key(identity.k_amf.expose()),
            ng_ksi: identity.ng_ksi.bits(),
            flags: u8::from(identity.emergency),
            ue_sec_cap: identity.ue_sec_cap.value(),
        })
    }

    /// A free native ngKSI that is not the one the UE `cited`.
    ///
    /// # Errors
    /// [`Error::NgKsi`] when none is free.
    pub fn next_ng_ksi(&self, handle: Handle, cited: Option<NgKsi>) -> Result<NgKsi> {
        let bits = self.octet(&Request::NextNgKsi {
            session: handle.bits(),
            cited: cited.map_or(u8::MAX, NgKsi::bits),
        })?;
        NgKsi::from_bits(bits).ok_or(Error::Operation)
    }

    /// As [`crate::Engine::connection_released`].
    ///
    /// # Errors
    /// As there.
    pub fn connection_released(&self, handle: Handle, access: AccessType) -> Result<()> {
        self.done(&Request::ConnectionReleased {
            session: handle.bits(),
            access: access.bearer(),
        })
    }

    /// As [`crate::Engine::deregister`].
    ///
    /// # Errors
    /// As there.
    pub fn deregister(&self, handle: Handle, kind: Deregistration) -> Result<()> {
        self.done(&Request::Deregister {
            session: handle.bits(),
            kind: kind as u8,
        })
    }

    /// As [`crate::Engine::begin_key_change`].
    ///
    /// # Errors
    /// As there.
    pub fn begin_key_change(&self, handle: Handle, kind: KeyChange) -> Result<()> {
        self.done(&Request::BeginKeyChange {
            session: handle.bits(),
            kind: kind as u8,
        })
    }

    /// As [`crate::Engine::end_key_change`].
    ///
    /// # Errors
    /// As there.
    pub fn end_key_change(&self, handle: Handle, kind: KeyChange) -> Result<()> {
        self.done(&Request::EndKeyChange {
            session: handle.bits(),
            kind: kind as u8,
        })
    }

    /// As [`crate::Engine::k_gnb`].
    ///
    /// # Errors
    /// As there.
    pub fn k_gnb(&self, handle: Handle, access: AccessType) -> Result<KGnb> {
        let request = Request::KGnb {
            session: handle.bits(),
            access: access.bearer(),
        };
        self.ask(&request, |response| match response {
            Response::Key(key, 0) => Ok(KGnb::new(*key.expose())),
            _ => Err(Error::Operation),
        })
    }

    /// The next {NH, NCC} of 3GPP access; nothing changes until [`Client::commit_nh`].
    ///
    /// # Errors
    /// [`Error::NoContext`] before [`Client::k_gnb`].
    pub fn prepare_nh(&self, handle: Handle) -> Result<(Nh, u8)> {
        self.ask(
            &Request::PrepareNh(handle.bits()),
            |response| match response {
                Response::Key(key, ncc) => Ok((Nh::new(*key.expose()), ncc)),
                _ => Err(Error::Operation),
            },
        )
    }

    /// Takes the step to what [`Client::prepare_nh`] gave.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the chain has moved since.
    pub fn commit_nh(&self, handle: Handle, (nh, ncc): (&Nh, u8)) -> Result<()> {
        self.done(&Request::CommitNh {
            session: handle.bits(),
            nh: Key(nh.expose()),
            ncc,
        })
    }

    /// As [`crate::Engine::handover_prepare`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`] from a daemon that does not know the verb.
    pub fn handover_prepare(
        &self,
        handle: Handle,
        request: &HandoverPreparation<'_>,
    ) -> Result<Container> {
        let preparation = Preparation::of(request);
        let request = HandoverRequest::Prepare(handle.bits(), preparation);
        self.knows_handovers()?;
        self.ask(&Request::Handover(request), |response| match response {
            Response::Container(container) => Ok(container),
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::handover_done`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`].
    pub fn handover_done(&self, handle: Handle) -> Result<()> {
        self.knows_handovers()?;
        self.done(&Request::Handover(HandoverRequest::Done(handle.bits())))
    }

    /// As [`crate::Engine::handover_failed`].
    ///
    /// # Errors
    /// As there; [`Error::Unsupported`].
    pub fn handover_failed(&self, handle: Handle) -> Result<()> {
        self.knows_handovers()?;
        self.done(&Request::Handover(HandoverRequest::Failed(handle.bits())))
    }

    fn knows_handovers(&self) -> Result<()> {
        if self.welcome().version < handover::SINCE {
            return Err(Error::Unsupported);
        }
        Ok(())
    }

    /// As [`crate::Engine::smc_command`].
    ///
    /// # Errors
    /// As there.
    pub fn smc_command(
        &self,
        handle: Handle,
        request: &SmcRequest<'_>,
        out: &mut [u8],
    ) -> Result<Sent> {
        let request = Request::SmcCommand {
            session: handle.bits(),
            room: room_of(out),
            command: SmcCommand::of(request),
        };
        match self.action(&request, out)? {
            Action::Resend(sent) => Ok(sent),
            Action::Ended(_) => Err(Error::Operation),
        }
    }

    /// As [`crate::Engine::smc_event`].
    ///
    /// # Errors
    /// As there.
    pub fn smc_event(&self, handle: Handle, event: Event, out: &mut [u8]) -> Result<Action> {
        let (event, message_type) = match event {
            Event::T3560Expired => (0, 0),
            Event::NonDelivered => (1, 0),
            Event::LowerLayerFailure => (2, 0),
            Event::Collision(message) => (3, message.0),
            Event::Abort => (4, 0),
        };
        let request = Request::SmcEvent {
            session: handle.bits(),
            room: room_of(out),
            event,
            message_type,
        };
        self.action(&request, out)
    }

    fn action(&self, request: &Request<'_>, out: &mut [u8]) -> Result<Action> {
        self.ask(request, |response| match response {
            Response::Message(sent, pdu) => {
                let place = out.get_mut(..pdu.len()).ok_or(Error::BufferTooSmall)?;
                place.copy_from_slice(pdu);
                Ok(Action::Resend(sent))
            }
            Response::Ended(ended) => Ok(Action::Ended(ended.into())),
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::smc_rejected_unprotected`].
    ///
    /// # Errors
    /// As there.
    pub fn smc_rejected_unprotected(&self, handle: Handle, cause: Cause) -> Result<Outcome> {
        let request = Request::SmcRejectedUnprotected {
            session: handle.bits(),
            cause: cause.0,
        };
        self.ask(&request, |response| match response {
            Response::Ended(ended) => Ok(ended.into()),
            _ => Err(Error::Operation),
        })
    }

    /// Has the messages of a session written down from now on, deciphered, in a file of the daemon's `[tap]`
    /// directory, or no longer. The number of the file, which its name and the daemon's log have.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the daemon has no such directory; [`Error::Denied`] when this user may not;
    /// [`Error::Quota`] when too many are tapped or all files are used; [`Error::Conflict`] when it is tapped already,
    /// or not; [`Error::System`] when the file cannot be made; [`Error::Handle`].
    pub fn tap(&self, handle: Handle, switch: TapSwitch) -> Result<u64> {
        let request = Request::Tap {
            session: handle.bits(),
            on: u8::from(switch == TapSwitch::On),
        };
        self.ask(&request, |response| match response {
            Response::Pong(number) => Ok(number),
            _ => Err(Error::Operation),
        })
    }

    /// As [`crate::Engine::diagnose`].
    ///
    /// # Errors
    /// As there.
    pub fn diagnose(&self, handle: Handle, access: AccessType, pdu: &[u8]) -> Result<Diagnosis> {
        let number = self.octet(&Request::Diagnose {
            session: handle.bits(),
            access: access.bearer(),
            pdu,
        })?;
        response::diagnosis_of(number)
    }
}
