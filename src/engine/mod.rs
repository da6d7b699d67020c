//! The engine: sessions and verbs. One message is a batch of one.
//!
//! Every verb is safe to call from any number of threads. A call that fails changes nothing and writes nothing
//! into the output.

mod ahead;
pub(crate) mod batch;
mod config;
#[cfg(all(test, feature = "survive", target_os = "linux"))]
mod crash;
pub(crate) mod extent;
mod handover;
pub mod job;
pub mod nssaa;
mod pass;
#[cfg(target_os = "linux")]
pub mod queue;
pub mod ring;
mod smc;
#[cfg(target_os = "linux")]
mod staged;
#[cfg(target_os = "linux")]
pub mod worker;

use std::ops::Range;
use std::sync::Arc;

use crate::base::metrics::Algorithms;
use crate::base::{AccessType, Error, Result};
use crate::kdf::KGnb;
use crate::kernel;
use crate::nas::{FollowUp, MessageType, SecurityHeaderType};
use crate::procedure::smc::{Outcome, SmcSettings};
use crate::security::protect::Form;
use crate::security::verify::Octets;
use crate::security::{
    Deregistration, Diagnosis, Identity, KeyChange, NearWrap, Role, Settings, Verdict, container,
    diagnosis,
};
use crate::session::{Guard, Handle, Journal, KeyMemory, SliceGroup, Table};

pub use config::Config;
pub use job::Job;
#[cfg(target_os = "linux")]
pub use queue::{Queue, QueueConfig};
pub use smc::event_number;
#[cfg(target_os = "linux")]
pub use worker::{Workers, WorkersConfig};

use pass::{Commit, Plain, Report, Task, Work};

/// A protected message that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Octets of the PDU.
    pub len: usize,
    /// Its COUNT.
    pub count: u32,
    /// Its security header type.
    pub sht: SecurityHeaderType,
    /// Whether the COUNTs of this context run out.
    pub near_wrap: NearWrap,
}

/// What became of a received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The verdict: [`Verdict::result`] says whether the plain message is in the output.
    pub verdict: Verdict,
    /// Where the NAS message container's value lies in the plain message. Still ciphered, unless the message is a
    /// SECURITY MODE COMPLETE: see [`Engine::decipher_container`].
    pub container: Option<Range<usize>>,
    /// Secure exchange of NAS messages is established on this access.
    pub secured: bool,
    /// The message ended the security mode procedure that ran, this way.
    pub procedure: Option<Outcome>,
    /// Why it failed, as far as the message alone tells; [`Engine::diagnose`] tries more.
    pub diagnosis: Diagnosis,
}

impl Received {
    pub(crate) fn refused(error: Error) -> Self {
        Self::new(Verdict::refused(error), &[])
    }

    pub(crate) fn new(verdict: Verdict, plain: &[u8]) -> Self {
        let container = match verdict.result {
            Ok(()) => container::container_range(plain).unwrap_or_default(),
            Err(_) => None,
        };
        Self {
            verdict,
            container,
            secured: false,
            procedure: None,
            diagnosis: first_glance(&verdict),
        }
    }

    /// `Ok` with the length of the plain message.
    ///
    /// # Errors
    /// That of the verdict.
    pub fn plain_len(&self) -> Result<usize> {
        self.verdict.result.map(|()| self.verdict.len)
    }

    /// What TS 24.501 4.4.4.3 lets an AMF do with a message that did not verify.
    #[must_use]
    pub fn follow_up(&self) -> FollowUp {
        self.verdict.follow_up
    }
}

/// The diagnosis that needs no trial.
fn first_glance(verdict: &Verdict) -> Diagnosis {
    match verdict.result {
        Err(Error::CipherSkew) => Diagnosis::CipherSkew,
        Err(Error::Replay) => Diagnosis::CountResetAtOneSide,
        Err(Error::PlainRefused | Error::Unciphered) => Diagnosis::UnprotectedAfterSecure,
        Err(Error::CountExhausted) => Diagnosis::CountExhausted,
        Err(Error::HeaderType) if verdict.sht == Some(SecurityHeaderType::CipheredNew) => {
            Diagnosis::UnexpectedComplete
        }
        Err(Error::Mac | Error::NoContext)
            if matches!(
                verdict.message_type,
                Some(MessageType::SERVICE_REQUEST | MessageType::CONTROL_PLANE_SERVICE_REQUEST)
            ) =>
        {
            Diagnosis::ServiceUnverified
        }
        Ok(()) if verdict.near_wrap != NearWrap::No => Diagnosis::CountNearWrap,
        _ => Diagnosis::None,
    }
}

/// Sessions, policy and verbs.
#[derive(Debug)]
pub struct Engine {
    table: Table,
    settings: Settings,
    smc: SmcSettings,
    nssaa: SliceGroup,
}

impl Engine {
    /// Starts an engine: every kernel's chosen backend passes its known-answer test, the session table is
    /// allocated.
    ///
    /// # Errors
    /// [`Error::SelfTest`], [`Error::Argument`] for a configuration outside its bounds.
    pub fn new(config: &Config) -> Result<Self> {
        config.check()?;
        Self::shard(config, Arc::new(config.table().key_memory(1)))
    }

    /// An engine that is one shard of several, told apart by [`Config::worker`]: they share what they know about
    /// keys, so that a K_AMF starts once in all of them. `keys` comes from [`Config::key_memory`].
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn shard(config: &Config, keys: Arc<KeyMemory>) -> Result<Self> {
        Self::with_journal(config, keys, None)
    }

    /// As [`Engine::shard`], with a journal: COUNTs are written down before they are used, and the sessions that the
    /// journal has go on under their handles.
    ///
    /// # Errors
    /// As [`Engine::new`]; [`Error::Argument`] for a journal of another number of sessions.
    pub fn with_journal(
        config: &Config,
        keys: Arc<KeyMemory>,
        journal: Option<Journal>,
    ) -> Result<Self> {
        kernel::start()?;
        config.check()?;
        Ok(Self {
            table: Table::with_journal(&config.table(), keys, journal)?,
            settings: config.settings()?,
            smc: config.smc.clone(),
            nssaa: SliceGroup::default(),
        })
    }

    /// An engine whose sessions outlive a crash of this process in a directory.
    ///
    /// # Errors
    /// As [`Engine::new`] and [`Folder::open`](crate::session::Folder::open).
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub fn open(config: &Config, folder: &crate::session::Folder) -> Result<Self> {
        config.check()?;
        let crate::session::Opened { keys, mut journals } = folder.open(&config.table(), 1)?;
        Self::with_journal(config, keys, journals.pop())
    }

    /// A new session without any context, as AMF half or UE half.
    ///
    /// # Errors
    /// [`Error::TableFull`].
    pub fn establish(&self, role: Role) -> Result<Handle> {
        self.table.establish(role)
    }

    /// Ends a session: its keys are wiped, its handle is stale from now on.
    ///
    /// # Errors
    /// [`Error::Handle`].
    pub fn release(&self, handle: Handle) -> Result<()> {
        self.table.release(handle)
    }

    /// Sessions in use.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.table.len()
    }

    /// The session table, for export, import and memory figures.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The locked session, for the verbs that this type does not have. A verb on the same session from the same
    /// thread would wait for ever while the guard lives.
    ///
    /// # Errors
    /// [`Error::Handle`], [`Error::Poisoned`].
    pub fn session(&self, handle: Handle) -> Result<Guard<'_>> {
        self.table.lock(handle)
    }

    /// Primary authentication succeeded: a partial native context (TS 33.501 6.1.3, A.7).
    ///
    /// # Errors
    /// [`Error::NgKsi`], [`Error::Conflict`], [`Error::KeyReused`], [`Error::SideFull`], [`Error::Handle`].
    pub fn authenticated(&self, handle: Handle, identity: Identity) -> Result<()> {
        let mut session = self.table.lock(handle)?;
        session
            .security
            .authenticated(identity, self.table.resources())
    }

    /// Protects `plain` as the state of the access demands and writes the PDU, 7 octets longer, to `out`.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] and those of [`crate::security::protect::number`]; `out` is untouched then, and
    /// no COUNT was taken.
    pub fn protect(
        &self,
        handle: Handle,
        access: AccessType,
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<Sent> {
        self.protect_as(handle, access, (plain, Form::Auto), out)
    }

    /// As [`Engine::protect`], in a given form.
    ///
    /// # Errors
    /// As [`Engine::protect`]; the forms of the security mode procedure are [`Error::HeaderMismatch`] here.
    pub fn protect_as(
        &self,
        handle: Handle,
        access: AccessType,
        (plain, form): (&[u8], Form),
        out: &mut [u8],
    ) -> Result<Sent> {
        if matches!(form, Form::Command(_) | Form::Complete(_)) {
            return Err(Error::HeaderMismatch);
        }
        let plain = Plain::Apart { plain, out };
        match self.run_one(handle, access, Task::Protect { plain, form }) {
            Report::Protected(sent) => sent,
            _ => Err(Error::Poisoned),
        }
    }

    /// As [`Engine::protect_as`], the PDU in place of the plain message, which is the first `len` octets of `buffer`.
    ///
    /// # Errors
    /// As [`Engine::protect_as`]; [`Error::OutOfRange`] for a `len` beyond the buffer.
    pub fn protect_in_place(
        &self,
        handle: Handle,
        access: AccessType,
        form: Form,
        (buffer, len): (&mut [u8], usize),
    ) -> Result<Sent> {
        if matches!(form, Form::Command(_) | Form::Complete(_)) {
            return Err(Error::HeaderMismatch);
        }
        if len > buffer.len() {
            return Err(Error::OutOfRange);
        }
        let plain = Plain::InPlace { buffer, len };
        match self.run_one(handle, access, Task::Protect { plain, form }) {
            Report::Protected(sent) => sent,
            _ => Err(Error::Poisoned),
        }
    }

    /// Verifies a PDU as it came from NGAP and writes the plain message, 7 octets shorter, to `out`; commits its
    /// COUNT. While a security mode command is unanswered the same call takes the answer: see
    /// [`Received::procedure`].
    ///
    /// `out` is untouched unless the MAC verifies.
    pub fn verify(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> Received {
        self.verify_octets(handle, access, Octets::Apart { pdu, out }, Commit::Yes)
    }

    /// As [`Engine::verify`], the plain message in place of the PDU, from its first octet on.
    pub fn verify_in_place(&self, handle: Handle, access: AccessType, pdu: &mut [u8]) -> Received {
        self.verify_octets(handle, access, Octets::InPlace(pdu), Commit::Yes)
    }

    /// As [`Engine::verify`] without a commit: nothing changes, the same message can be verified again. For
    /// finding the UE of a GUTI, or a second decoder (R21).
    pub fn verify_only(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> Received {
        self.verify_octets(handle, access, Octets::Apart { pdu, out }, Commit::No)
    }

    fn verify_octets(
        &self,
        handle: Handle,
        access: AccessType,
        octets: Octets<'_>,
        commit: Commit,
    ) -> Received {
        match self.run_one(handle, access, Task::Verify { octets, commit }) {
            Report::Verified(received) => received,
            _ => Received::refused(Error::Poisoned),
        }
    }

    fn run_one(&self, handle: Handle, access: AccessType, task: Task<'_>) -> Report {
        self.table.prefetch(handle);
        let mut work = [Work {
            handle,
            access,
            task,
            report: Report::Waiting,
            algorithms: Algorithms::NONE,
            tag: 0,
        }];
        pass::run(self, &mut work);
        let [Work { report, .. }] = work;
        report
    }

    /// Deciphers, in place, the NAS message container of the message that was verified last on `access` under
    /// `count` (TS 24.501 4.4.6): see [`container::decipher_container`].
    ///
    /// # Errors
    /// As there, and [`Error::Handle`].
    pub fn decipher_container(
        &self,
        handle: Handle,
        (access, count): (AccessType, u32),
        message: &mut [u8],
    ) -> Result<(Range<usize>, MessageType)> {
        let mut session = self.table.lock(handle)?;
        container::decipher_container(&mut session.security, (access, count), message, None)
    }

    /// Why a PDU does not verify: tries what an engineer tries by hand, changes nothing.
    ///
    /// # Errors
    /// [`Error::Handle`], [`Error::Poisoned`].
    pub fn diagnose(&self, handle: Handle, access: AccessType, pdu: &[u8]) -> Result<Diagnosis> {
        let session = self.table.lock(handle)?;
        Ok(diagnosis::diagnose(
            &session.security,
            access,
            pdu,
            &self.settings,
        ))
    }

    /// K_gNB or K_N3IWF: see [`crate::security::UeSecurity::k_gnb`].
    ///
    /// # Errors
    /// As there, and [`Error::Handle`].
    pub fn k_gnb(&self, handle: Handle, access: AccessType) -> Result<KGnb> {
        self.table.lock(handle)?.security.k_gnb(access)
    }

    /// The N1 NAS signalling connection of `access` was released: see
    /// [`crate::security::UeSecurity::connection_released`]. A security mode procedure on it ends.
    ///
    /// # Errors
    /// [`Error::Handle`], [`Error::Poisoned`].
    pub fn connection_released(&self, handle: Handle, access: AccessType) -> Result<()> {
        let mut session = self.table.lock(handle)?;
        self.lower_layer_failure(&mut session, access);
        session
            .security
            .connection_released(access, self.table.resources().side);
        drop(session);
        self.nssaa_idle(handle, access);
        Ok(())
    }

    /// The UE left: see [`crate::security::UeSecurity::deregister`].
    ///
    /// # Errors
    /// [`Error::Handle`], [`Error::Poisoned`].
    pub fn deregister(&self, handle: Handle, kind: Deregistration) -> Result<()> {
        let mut session = self.table.lock(handle)?;
        for access in AccessType::ALL {
            self.lower_layer_failure(&mut session, access);
        }
        session
            .security
            .deregister(kind, self.table.resources().side);
        drop(session);
        self.nssaa_left(handle);
        Ok(())
    }

    /// Begins a procedure that changes keys at the NG-RAN or moves the UE: no security mode command until it ends
    /// (TS 33.501 6.9.5).
    ///
    /// # Errors
    /// [`Error::Conflict`]; [`Error::Argument`] for what has verbs of its own: all but [`KeyChange::N2`] and
    /// [`KeyChange::InterAmfHandover`].
    pub fn begin_key_change(&self, handle: Handle, kind: KeyChange) -> Result<()> {
        if !kind.is_callers() {
            return Err(Error::Argument);
        }
        self.table.lock(handle)?.security.begin_key_change(kind)
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when it does not run; [`Error::Argument`] as above.
    pub fn end_key_change(&self, handle: Handle, kind: KeyChange) -> Result<()> {
        if !kind.is_callers() {
            return Err(Error::Argument);
        }
        self.table.lock(handle)?.security.end_key_change(kind)
    }

    /// Runs a batch of jobs over one arena; every job has its status afterwards. Returns how many are OK.
    ///
    /// Messages of one session keep their order. See [`Job`] for the form and its errors.
    pub fn batch(&self, jobs: &mut [Job], arena: &mut [u8]) -> usize {
        batch::run(self, jobs, arena, &mut |_, _| {})
    }

    /// As [`Engine::batch`]; tells every finished job, in order, with the algorithms of its context to `counted`, which
    /// is where a worker's [`Recorder`](crate::base::metrics::Recorder) listens.
    pub fn batch_counted(
        &self,
        jobs: &mut [Job],
        arena: &mut [u8],
        counted: &mut impl FnMut(&Job, Algorithms),
    ) -> usize {
        batch::run(self, jobs, arena, counted)
    }

    /// Runs the first lane group of a batch: the jobs that [`Engine::batch_counted`] would run at one time. Returns how
    /// many these are; they have their status.
    pub fn group(
        &self,
        jobs: &mut [Job],
        arena: &mut [u8],
        counted: &mut impl FnMut(&Job, Algorithms),
    ) -> usize {
        batch::group(self, jobs, arena, counted)
    }
}
