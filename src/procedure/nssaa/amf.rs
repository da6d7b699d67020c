//! The AMF half: the state of one UE and its calls.

use zeroize::Zeroize;

use crate::base::{AccessType, Error, Result};
use crate::nas::nssaa::{EAP_MAX, EapMessage, SNssai, Slice};

use super::event::{Event, Refusals, Status};
use super::policy::NssaaSettings;
use super::slices::{Accesses, Slices, Wait};

/// One access of a UE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Access {
    /// The registration is complete.
    pub(super) registered: bool,
    /// CM-CONNECTED with secure exchange.
    pub(super) connected: bool,
    /// A network triggered service request runs.
    pub(super) reaching: bool,
    /// It did not reach the UE.
    pub(super) unreachable: bool,
    /// A CONFIGURATION UPDATE COMMAND is owed.
    pub(super) update: bool,
    /// A DEREGISTRATION REQUEST is owed.
    pub(super) leave: bool,
}

/// An EAP message on its way, wiped on drop.
pub(super) struct EapBuffer {
    octets: [u8; EAP_MAX],
    len: usize,
}

impl EapBuffer {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            octets: [0; EAP_MAX],
            len: 0,
        })
    }

    /// Takes any octets that an [`EapMessage`] can be, so they fit.
    pub(super) fn set(&mut self, octets: &[u8]) {
        let len = octets.len().min(EAP_MAX);
        self.octets[..len].copy_from_slice(&octets[..len]);
        self.len = len;
    }

    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    pub(super) fn message(&self) -> Result<EapMessage<'_>> {
        EapMessage::parse(self.octets())
    }
}

impl Drop for EapBuffer {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A COMMAND is to be sent, the first time or again.
    Command,
    /// It was sent.
    Sent,
    /// The answer is to be relayed.
    Relay,
    /// It was relayed.
    Aaa,
}

/// The run of one slice.
pub(super) struct Run {
    pub(super) s_nssai: SNssai,
    pub(super) access: AccessType,
    pub(super) phase: Phase,
    /// The COMMAND of this round went out at least once.
    pub(super) sent: bool,
    pub(super) resent: u8,
    /// The NSSAAF was not asked yet.
    pub(super) first: bool,
    pub(super) transaction: u32,
    pub(super) eap: Box<EapBuffer>,
}

/// What a timer outside is to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    None,
    Start,
    Stop,
}

/// A timer outside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timer {
    pub(super) runs: bool,
    pub(super) order: Order,
}

impl Timer {
    pub(super) fn start(&mut self) {
        self.order = Order::Start;
    }

    pub(super) fn stop(&mut self) {
        self.order = if self.runs { Order::Stop } else { Order::None };
    }

    /// False when it does not run: an expiry that crossed a stop.
    pub(super) fn expired(&mut self) -> bool {
        let due = self.runs && self.order != Order::Stop;
        self.runs = false;
        self.order = if self.order == Order::Stop {
            Order::None
        } else {
            self.order
        };
        due
    }

    pub(super) fn told(&mut self) {
        self.runs = self.order == Order::Start;
        self.order = Order::None;
    }
}

/// Network slice-specific authentication of one UE at the AMF.
pub struct Amf {
    pub(super) gpsi: Box<str>,
    pub(super) slices: Slices,
    pub(super) accesses: [Access; 2],
    pub(super) run: Option<Run>,
    pub(super) t3575: Timer,
    pub(super) retry: Timer,
    pub(super) transaction: u32,
    pub(super) identifier: u8,
    pub(super) nssaa_supported: bool,
    pub(super) extended_rejected: bool,
    refusals: Refusals,
}

impl std::fmt::Debug for Amf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let run = self
            .run
            .as_ref()
            .map(|run| (run.s_nssai, run.access, run.phase));
        f.debug_struct("Amf")
            .field("slices", &self.slices.len())
            .field("accesses", &self.accesses)
            .field("run", &run)
            .field("refusals", &self.refusals)
            .finish_non_exhaustive()
    }
}

impl Amf {
    /// Without subscription.
    pub(super) fn empty() -> Self {
        Self {
            gpsi: Box::default(),
            slices: Slices::default(),
            accesses: [Access::default(); 2],
            run: None,
            t3575: Timer::default(),
            retry: Timer::default(),
            transaction: 0,
            identifier: 0,
            nssaa_supported: true,
            extended_rejected: false,
            refusals: Refusals::default(),
        }
    }

    /// Tells the procedure what happened; what is to be done then comes from [`Amf::next`]. A notification about a
    /// slice that is not known is no error.
    ///
    /// # Errors
    /// After any of them only [`Amf::refusals`] has changed: [`Error::MalformedIe`] and those of the message's header
    /// for a message or EAP message that is malformed, or of a code that does not belong there; [`Error::Slice`] for a
    /// COMPLETE with another S-NSSAI than the COMMAND's; [`Error::Unexpected`] for a COMPLETE without a COMMAND, on
    /// another access or with another EAP identifier, an answer to a question that is not open, an expiry of a timer
    /// that does not run.
    pub fn on(&mut self, event: Event<'_>, settings: &NssaaSettings) -> Result<()> {
        let done = match event {
            Event::Registered(access) => self.registered(access),
            Event::Access(access, state) => self.access_changed(access, state),
            Event::UplinkActivity(access) => self.uplink_activity(access),
            Event::Unreachable(access) => self.unreachable(access),
            Event::Complete { access, message } => self.complete(access, message),
            Event::T3575Expired => self.t3575_expired(settings),
            Event::RetryExpired => self.retry_expired(),
            Event::Aaa {
                transaction,
                answer,
            } => self.answered(transaction, answer, settings),
            Event::ReauthNotification(s_nssai) => self.reauthenticate(s_nssai),
            Event::RevocationNotification(s_nssai) => self.revoke(s_nssai),
            Event::OperatorPolicy(s_nssai) => self.operator_policy(s_nssai, settings),
            Event::AdmissionControl {
                access,
                s_nssai,
                refused,
            } => self.admission_control(access, s_nssai, refused),
            Event::UpdateCompleted(access) => self.update_completed(access),
            Event::UpdateLost(access) => self.update_lost(access),
            Event::RunnerLost => self.runner_lost(),
        };
        if let Err(error) = done {
            self.refused(error);
            return Err(error);
        }
        self.give_way(settings);
        self.begin_due(settings);
        Ok(())
    }

    fn refused(&mut self, error: Error) {
        let count = match error {
            Error::Slice => &mut self.refusals.wrong_slice,
            Error::Unexpected => &mut self.refusals.unexpected,
            _ => &mut self.refusals.malformed,
        };
        *count = count.saturating_add(1);
    }

    /// Events that were refused so far.
    #[must_use]
    pub const fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// The GPSI that the NSSAAF is told; empty when no slice needs one.
    #[must_use]
    pub fn gpsi(&self) -> &str {
        &self.gpsi
    }

    /// The status of a slice of the HPLMN; `None`: absent.
    #[must_use]
    pub fn status(&self, s_nssai: SNssai) -> Option<Status> {
        self.slices.get(s_nssai)?.status
    }

    /// All that have a status: the nssaaStatusList of a UE context (TS 29.518), which is independent of the access.
    pub fn statuses(&self) -> impl Iterator<Item = (SNssai, Status)> {
        let known = |entry: &super::slices::Entry| Some((entry.key(), entry.status?));
        self.slices.iter().filter_map(known)
    }

    /// The Allowed NSSAI of an access, as the UE knows it once everything owed was sent.
    pub fn allowed(&self, access: AccessType) -> impl Iterator<Item = Slice> {
        self.slices.allowed(access).into_iter()
    }

    /// The Pending NSSAI of an access.
    pub fn pending(&self, access: AccessType) -> impl Iterator<Item = Slice> {
        self.slices.pending(access).into_iter()
    }

    /// The slice whose run is under way and the access it takes; T3575 runs while its COMMAND is unanswered.
    #[must_use]
    pub fn running(&self) -> Option<(SNssai, AccessType)> {
        self.run.as_ref().map(|run| (run.s_nssai, run.access))
    }

    /// A COMMAND is out and unanswered.
    #[must_use]
    pub fn command_unanswered(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.sent)
    }

    /// Nothing is due, under way or owed to anybody.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let quiet = |access: &Access| !access.update && !access.leave;
        let done =
            |entry: &super::slices::Entry| !entry.due && entry.result.is_none() && !entry.release;
        self.run.is_none() && self.accesses.iter().all(quiet) && self.slices.iter().all(done)
    }

    pub(super) fn at(&self, access: AccessType) -> Access {
        self.accesses[access.index()]
    }

    pub(super) fn at_mut(&mut self, access: AccessType) -> &mut Access {
        &mut self.accesses[access.index()]
    }

    pub(super) fn registered_accesses(&self) -> Accesses {
        let mut set = Accesses::default();
        let registered = |access: &AccessType| self.at(*access).registered;
        for access in AccessType::ALL.into_iter().filter(registered) {
            set.put(access);
        }
        set
    }

    /// The access for a run or a message to the UE about a slice asked for on `asked`: of two that are connected the
    /// preferred one, else the one that is, else the one where the UE can be reached.
    pub(super) fn choose(&self, asked: Accesses, settings: &NssaaSettings) -> Option<AccessType> {
        let candidates = Accesses(asked.0 & self.registered_accesses().0);
        let mut connected = Accesses::default();
        for access in candidates
            .iter()
            .filter(|access| self.at(*access).connected)
        {
            connected.put(access);
        }
        if connected.has(settings.prefer) {
            return Some(settings.prefer);
        }
        let idle = AccessType::ThreeGpp;
        let reachable = settings.page && candidates.has(idle) && !self.at(idle).unreachable;
        connected.iter().next().or(reachable.then_some(idle))
    }

    /// After a slice was lost on an access: default S-NSSAIs, else de-registration (TS 23.502 4.2.9.2 step 19,
    /// 4.2.9.4 step 5).
    pub(super) fn settle(&mut self, access: AccessType) {
        if !self.at(access).registered {
            return;
        }
        let left =
            |entry: &super::slices::Entry| entry.allowed_on(access) || entry.pending_on(access);
        let mut some = self.slices.iter().any(left);
        if !some {
            for entry in self.slices.iter_mut().filter(|e| e.fallback_on(access)) {
                entry.asked.put(access);
                some = true;
            }
            self.at_mut(access).update |= some;
        }
        let at = self.at_mut(access);
        at.leave = !some;
        at.update &= some;
    }

    /// The UE can be reached: what waited for it may go on.
    pub(super) fn reached(&mut self, access: AccessType) {
        let at = self.at_mut(access);
        at.connected = true;
        at.reaching = false;
        at.unreachable = false;
        for entry in self.slices.iter_mut().filter(|e| e.wait == Wait::Uplink) {
            entry.wait = Wait::No;
        }
    }
}
