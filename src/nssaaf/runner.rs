//! The in-process runner: between the sessions of an engine and a [`Consumer`]. It asks what the procedure wants asked,
//! brings the answers and notifications back, keeps the procedure's timers, and hands the AMF what is left to do.
//!
//! One thread calls it. [`Runner::drive`] after anything that the AMF told a session; [`Runner::turn`] whenever the
//! consumer's bell rang or [`Runner::next_expiry`] is over.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::consumer::{Consumer, Event as Told, Outcome, Outcomes, Trouble};
use super::service::NotificationType;
use crate::base::{AccessType, Error, Result};
use crate::engine::Engine;
use crate::engine::nssaa::NSSAA_ROOM;
use crate::nas::nssaa::{EapMessage, SNssai, Slice};
use crate::procedure::nssaa::{AaaAnswer, Action, Downlink, Event, Step};
use crate::session::Handle;

/// Sessions with the procedure: an [`Engine`], or a door to one.
pub trait Sessions {
    /// As [`Engine::nssaa_poll`].
    ///
    /// # Errors
    /// As there.
    fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>>;

    /// As [`Engine::nssaa_event`].
    ///
    /// # Errors
    /// As there.
    fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()>;

    /// As [`Engine::nssaa_step`].
    ///
    /// # Errors
    /// As there.
    fn nssaa_step(
        &self,
        handle: Handle,
        event: Option<Event<'_>>,
        room: &mut [u8],
        take: &mut dyn FnMut(Action, &[u8]),
    ) -> Result<()> {
        if let Some(event) = event {
            // The session counts what it refuses.
            let _ = self.nssaa_event(handle, event);
        }
        while let Some(action) = self.nssaa_poll(handle, room)? {
            take(action, room.get(..action.octets()).unwrap_or_default());
        }
        Ok(())
    }

    /// As [`Engine::nssaa_gpsi`].
    ///
    /// # Errors
    /// As there.
    fn nssaa_gpsi(&self, handle: Handle) -> Result<String>;
}

impl Sessions for Engine {
    fn nssaa_poll(&self, handle: Handle, out: &mut [u8]) -> Result<Option<Action>> {
        Self::nssaa_poll(self, handle, out)
    }

    fn nssaa_event(&self, handle: Handle, event: Event<'_>) -> Result<()> {
        Self::nssaa_event(self, handle, event)
    }

    fn nssaa_gpsi(&self, handle: Handle) -> Result<String> {
        Self::nssaa_gpsi(self, handle)
    }
}

/// What only the AMF can do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Todo<'a> {
    /// Send this protected PDU to the UE.
    Send {
        /// Where.
        access: AccessType,
        /// Which message.
        message: Downlink,
        /// The slice of a COMMAND or RESULT.
        s_nssai: Option<SNssai>,
        /// The PDU.
        pdu: &'a [u8],
    },
    /// Release the PDU sessions of this slice.
    ReleaseSessions(Slice),
    /// Bring the UE to CM-CONNECTED.
    Reach(AccessType),
    /// A message could not be protected; it comes again at the next drive. Usually the connection is gone: tell
    /// [`Event::Access`].
    Stuck(Error),
}

impl core::fmt::Debug for Todo<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Send {
                access,
                message,
                pdu,
                ..
            } => {
                write!(f, "Send({access:?}, {message:?}, {} octets)", pdu.len())
            }
            Self::ReleaseSessions(slice) => write!(f, "ReleaseSessions({slice:?})"),
            Self::Reach(access) => write!(f, "Reach({access:?})"),
            Self::Stuck(error) => write!(f, "Stuck({error:?})"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Timer {
    T3575,
    Retry,
}

/// One session.
#[derive(Default)]
struct Watched {
    gpsi: String,
    /// The question that is open.
    open: Option<u32>,
    /// When its timers expire.
    t3575: Option<(Instant, u64)>,
    retry: Option<(Instant, u64)>,
}

impl Watched {
    fn timer(&mut self, timer: Timer) -> &mut Option<(Instant, u64)> {
        match timer {
            Timer::T3575 => &mut self.t3575,
            Timer::Retry => &mut self.retry,
        }
    }
}

/// See the head of this file.
pub struct Runner {
    consumer: Consumer,
    watched: HashMap<Handle, Watched>,
    /// Sessions of a subscription: notifications name it.
    by_gpsi: HashMap<String, Vec<Handle>>,
    timers: BTreeMap<(Instant, u64), (Handle, Timer)>,
    number: u64,
    room: Box<[u8]>,
    outcomes: Outcomes,
}

impl core::fmt::Debug for Runner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Runner({} sessions)", self.watched.len())
    }
}

impl Runner {
    /// A runner without sessions.
    #[must_use]
    pub fn new(consumer: Consumer) -> Self {
        Self {
            consumer,
            watched: HashMap::new(),
            by_gpsi: HashMap::new(),
            timers: BTreeMap::new(),
            number: 0,
            room: vec![0; NSSAA_ROOM].into(),
            outcomes: Outcomes::default(),
        }
    }

    /// The consumer, for its counts and address.
    #[must_use]
    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Answers so far, by what they led to.
    #[must_use]
    pub const fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// Sessions that it has.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.watched.len()
    }

    /// True for a session that was taken on.
    #[must_use]
    pub fn has(&self, handle: Handle) -> bool {
        self.watched.contains_key(&handle)
    }

    /// Takes a session on if it is new; else a GPSI that changed counts for notifications and the next question, and
    /// nothing of it begins anew.
    ///
    /// # Errors
    /// As [`Runner::watch`].
    pub fn attend(&mut self, sessions: &impl Sessions, handle: Handle) -> Result<()> {
        let Some(watched) = self.watched.get_mut(&handle) else {
            return self.watch(sessions, handle);
        };
        let gpsi = sessions.nssaa_gpsi(handle)?;
        if watched.gpsi != gpsi {
            let before = core::mem::replace(&mut watched.gpsi, gpsi.clone());
            self.strike_off(&before, handle);
            self.by_gpsi.entry(gpsi).or_default().push(handle);
        }
        Ok(())
    }

    fn strike_off(&mut self, gpsi: &str, handle: Handle) {
        if let Some(handles) = self.by_gpsi.get_mut(gpsi) {
            handles.retain(|other| *other != handle);
            if handles.is_empty() {
                self.by_gpsi.remove(gpsi);
            }
        }
    }

    /// Takes a session on, after the engine was told its subscription. What another runner had begun for it, in a process
    /// that is gone, begins anew: drive it.
    ///
    /// # Errors
    /// Those of [`Engine::nssaa_gpsi`]; [`Error::Hosted`] behind a sidecar that does all this itself.
    pub fn watch(&mut self, sessions: &impl Sessions, handle: Handle) -> Result<()> {
        let gpsi = sessions.nssaa_gpsi(handle)?;
        self.forget(handle);
        sessions.nssaa_event(handle, Event::RunnerLost)?;
        self.by_gpsi.entry(gpsi.clone()).or_default().push(handle);
        self.watched.insert(
            handle,
            Watched {
                gpsi,
                ..Watched::default()
            },
        );
        Ok(())
    }

    /// Lets a session go, before it is released; its question is given up.
    pub fn forget(&mut self, handle: Handle) {
        let Some(mut watched) = self.watched.remove(&handle) else {
            return;
        };
        self.consumer.cancel(handle.bits());
        for timer in [Timer::T3575, Timer::Retry] {
            if let Some(expiry) = watched.timer(timer) {
                self.timers.remove(expiry);
            }
        }
        self.strike_off(&watched.gpsi, handle);
    }

    /// Does what a session wants done, until it wants nothing more.
    pub fn drive<F>(&mut self, sessions: &impl Sessions, handle: Handle, amf: &mut F)
    where
        F: FnMut(Handle, Todo<'_>),
    {
        self.step(sessions, (handle, None), amf);
    }

    /// Tells a session what happened, and does what it wants done then. What it refuses it counts itself; its state is
    /// as before.
    fn step<F>(
        &mut self,
        sessions: &impl Sessions,
        (handle, event): (Handle, Option<Event<'_>>),
        amf: &mut F,
    ) where
        F: FnMut(Handle, Todo<'_>),
    {
        let mut room = core::mem::take(&mut self.room);
        let (mut event, mut refused) = (event, None);
        loop {
            let mut take = |action, octets: &[u8]| {
                if let Some(transaction) = self.carry_out((handle, action), octets, amf) {
                    refused = Some(transaction);
                }
            };
            if let Err(error) = sessions.nssaa_step(handle, event, &mut room, &mut take) {
                amf(handle, Todo::Stuck(error));
                break;
            }
            // No room for a question now: the session tries again after its retry timer.
            let Some(transaction) = refused.take() else {
                break;
            };
            event = Some(Event::Aaa {
                transaction,
                answer: AaaAnswer::Unreachable,
            });
        }
        self.room = room;
    }

    /// One action; returns the transaction of a question that cannot be asked.
    fn carry_out<F>(
        &mut self,
        (handle, action): (Handle, Action),
        octets: &[u8],
        amf: &mut F,
    ) -> Option<u32>
    where
        F: FnMut(Handle, Todo<'_>),
    {
        match action {
            Action::Send {
                access,
                message,
                s_nssai,
                ..
            } => {
                let send = Todo::Send {
                    access,
                    message,
                    s_nssai,
                    pdu: octets,
                };
                amf(handle, send);
            }
            Action::ReleaseSessions(slice) => amf(handle, Todo::ReleaseSessions(slice)),
            Action::Reach(access) => amf(handle, Todo::Reach(access)),
            Action::StartT3575 { seconds } => self.start(handle, Timer::T3575, seconds),
            Action::StopT3575 => self.stop(handle, Timer::T3575),
            Action::StartRetry { seconds } => self.start(handle, Timer::Retry, seconds),
            Action::StopRetry => self.stop(handle, Timer::Retry),
            Action::Ask {
                transaction,
                step,
                s_nssai,
                ..
            } => {
                let asked = self.ask(handle, (transaction, step, s_nssai), octets);
                return (!asked).then_some(transaction);
            }
        }
        None
    }

    fn ask(
        &mut self,
        handle: Handle,
        (transaction, step, s_nssai): (u32, Step, SNssai),
        eap: &[u8],
    ) -> bool {
        let (Some(watched), Ok(eap)) = (self.watched.get_mut(&handle), EapMessage::parse(eap))
        else {
            return false;
        };
        let ticket = handle.bits();
        let asked = match step {
            Step::Start => self.consumer.begin(ticket, (&watched.gpsi, s_nssai), eap),
            Step::Continue => self.consumer.proceed(ticket, eap),
        };
        watched.open = asked.is_ok().then_some(transaction);
        asked.is_ok()
    }

    fn start(&mut self, handle: Handle, timer: Timer, seconds: u32) {
        self.stop(handle, timer);
        let Some(watched) = self.watched.get_mut(&handle) else {
            return;
        };
        self.number += 1;
        let expiry = (
            Instant::now() + Duration::from_secs(seconds.into()),
            self.number,
        );
        *watched.timer(timer) = Some(expiry);
        self.timers.insert(expiry, (handle, timer));
    }

    fn stop(&mut self, handle: Handle, timer: Timer) {
        let watched = self.watched.get_mut(&handle);
        if let Some(expiry) = watched.and_then(|watched| watched.timer(timer).take()) {
            self.timers.remove(&expiry);
        }
    }

    /// When the next timer expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes events of the consumer and expiries of timers, waiting at most `patience` for the first, and drives the
    /// sessions they concern. Returns how many there were.
    pub fn turn<F>(&mut self, sessions: &impl Sessions, patience: Duration, amf: &mut F) -> usize
    where
        F: FnMut(Handle, Todo<'_>),
    {
        let timer = self
            .next_expiry()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let mut waiting = self
            .consumer
            .wait(timer.map_or(patience, |timer| timer.min(patience)));
        let mut taken = 0;
        while let Some(told) = waiting {
            taken += 1;
            match told {
                Told::Answer { ticket, outcome } => {
                    self.answered(sessions, (ticket, &outcome), amf)
                }
                Told::Notification {
                    what,
                    gpsi,
                    s_nssai,
                } => {
                    let event = match what {
                        NotificationType::SliceReAuth => Event::ReauthNotification(s_nssai),
                        NotificationType::SliceRevocation => Event::RevocationNotification(s_nssai),
                    };
                    for handle in self.by_gpsi.get(&gpsi).cloned().unwrap_or_default() {
                        self.step(sessions, (handle, Some(event)), amf);
                    }
                }
            }
            waiting = self.consumer.poll();
        }
        let now = Instant::now();
        while let Some(first) = self.timers.first_entry()
            && first.key().0 <= now
        {
            taken += 1;
            let (handle, timer) = first.remove();
            if let Some(watched) = self.watched.get_mut(&handle) {
                *watched.timer(timer) = None;
            }
            let event = match timer {
                Timer::T3575 => Event::T3575Expired,
                Timer::Retry => Event::RetryExpired,
            };
            self.step(sessions, (handle, Some(event)), amf);
        }
        taken
    }

    fn answered<F>(
        &mut self,
        sessions: &impl Sessions,
        (ticket, outcome): (u64, &Outcome),
        amf: &mut F,
    ) where
        F: FnMut(Handle, Todo<'_>),
    {
        let Ok(handle) = Handle::from_bits(ticket) else {
            return;
        };
        let open = self
            .watched
            .get_mut(&handle)
            .and_then(|watched| watched.open.take());
        let Some(transaction) = open else { return };
        self.outcomes.count(outcome);
        let answer = answer(outcome).unwrap_or(AaaAnswer::Unreachable);
        let event = Event::Aaa {
            transaction,
            answer,
        };
        self.step(sessions, (handle, Some(event)), amf);
    }
}

/// `None`: an EAP packet that is none, which the consumer does not let through.
fn answer(outcome: &Outcome) -> Option<AaaAnswer<'_>> {
    Some(match outcome {
        Outcome::Request(eap) => AaaAnswer::Continue(EapMessage::parse(eap).ok()?),
        Outcome::Success(eap) => AaaAnswer::Success(EapMessage::parse(eap).ok()?),
        Outcome::Failure(eap) => AaaAnswer::Failure(EapMessage::parse(eap).ok()?),
        Outcome::Trouble(Trouble::Rejected | Trouble::UserNotFound) => AaaAnswer::Refused,
        Outcome::Trouble(Trouble::ContextNotFound | Trouble::NoRun) => AaaAnswer::ContextLost,
        Outcome::Trouble(_) => AaaAnswer::Unreachable,
    })
}
