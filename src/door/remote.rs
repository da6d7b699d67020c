//! The sidecar behind the engine's verbs. Messages are jobs in a lent queue; everything else is asked over the control
//! socket.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::base::{AccessType, Error, NgKsi, Result};
use crate::engine::job::{Job, form, op};
use crate::engine::nssaa::NssaaUplink;
use crate::engine::{Queue, QueueConfig, Received, Sent};
use crate::kdf::{KGnb, Nh};
use crate::nas::{Cause, MessageType};
use crate::procedure::handover::{self, Container};
use crate::procedure::smc::{self, Action, Event, Outcome};
use crate::security::protect::{Form, OVERHEAD};
use crate::security::{Deregistration, Diagnosis, Identity, KeyChange, Role};
use crate::session::Handle;
use crate::sidecar::{Client, TapSwitch, connect};

use super::lent::Lent;
use super::received::{received, sent};

/// A sidecar's client.
pub(super) struct Remote {
    // Before the client: queues are closed while it is connected.
    lent: Lent,
    client: Client,
    path: PathBuf,
}

/// A message for a queue: its handle, its access, its octets.
type Message<'a> = (Handle, AccessType, &'a [u8]);

fn message(op: u8, (handle, access, input): Message<'_>) -> Result<Job> {
    let len = u32::try_from(input.len()).map_err(|_| Error::TooLong)?;
    Ok(Job {
        op,
        access: access.bearer(),
        session: handle.bits(),
        in_len: len,
        out_capacity: len,
        ..Job::default()
    })
}

impl Remote {
    pub(super) fn connect(path: &Path, name: &str) -> Result<Self> {
        Ok(Self {
            lent: Lent::new(Error::Disconnected),
            client: connect(path, name)?,
            path: path.to_owned(),
        })
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn plan(&self) -> String {
        let welcome = self.client.welcome();
        format!(
            "sidecar: {}, {} workers, control protocol {}",
            self.path.display(),
            welcome.workers,
            welcome.version
        )
    }

    pub(super) fn nssaa_uplink(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> NssaaUplink {
        match self.client.nssaa_uplink((handle, access), pdu, out) {
            Ok((job, procedure)) => NssaaUplink {
                received: received(&job, out),
                procedure,
            },
            Err(error) => NssaaUplink {
                received: Received::refused(error),
                procedure: None,
            },
        }
    }

    pub(super) fn establish(&self, role: Role) -> Result<Handle> {
        self.client.establish(role, 0)
    }

    pub(super) fn sessions(&self) -> Result<usize> {
        Ok(self.client.sessions()?.len())
    }

    pub(super) fn handles(&self) -> Result<Vec<Handle>> {
        let sessions = self.client.sessions()?;
        Ok(sessions.into_iter().map(|(handle, _)| handle).collect())
    }

    pub(super) fn open_queue(&self, config: &QueueConfig) -> Result<Queue> {
        let arena = u32::try_from(config.arena).map_err(|_| Error::Argument)?;
        self.client.open_queue(config.entries, arena)
    }

    pub(super) fn batch(&self, jobs: &mut [Job], arena: &mut [u8]) -> usize {
        let open = |config: &QueueConfig| self.open_queue(config);
        self.lent.batch(open, (jobs, arena))
    }

    /// One job's round trip. `input` lies at the start of the arena; what the job put out goes to the start of `out`.
    fn run(&self, job: &Job, input: &[u8], out: &mut [u8]) -> Result<Job> {
        let open = |config: &QueueConfig| self.open_queue(config);
        let trip = |queue: &mut Queue| {
            if input.len().max(job.out_capacity as usize) > queue.arena_len() {
                return Err(Error::TooLong);
            }
            queue.write(0, input)?;
            while queue.submit(&[*job]) == 0 {
                if !queue.is_open() {
                    return Err(Error::Disconnected);
                }
            }
            let mut done = [Job::default()];
            while queue.reap(&mut done) == 0 {
                // Its own errors mean no more than that it is time to look again.
                let _ = queue.wait(None);
            }
            let [done] = done;
            if done.status == 0 {
                let place = out.get_mut(..done.out_len as usize);
                queue.read(0, place.ok_or(Error::BufferTooSmall)?)?;
            }
            Ok(done)
        };
        self.lent.with(open, trip)?
    }

    pub(super) fn protect_as(
        &self,
        handle: Handle,
        access: AccessType,
        (plain, form): (&[u8], Form),
        out: &mut [u8],
    ) -> Result<Sent> {
        let mut job = message(op::PROTECT, (handle, access, plain))?;
        job.form = match &form {
            Form::Auto => form::AUTO,
            Form::Integrity => form::INTEGRITY,
            Form::Initial(_) => form::INITIAL,
            Form::Command(_) | Form::Complete(_) => return Err(Error::HeaderMismatch),
        };
        if let Form::Initial(Some(part)) = form {
            let fits = |number: usize| u32::try_from(number).map_err(|_| Error::OutOfRange);
            (job.part_offset, job.part_len) = (fits(part.start)?, fits(part.len())?);
        }
        let needed = plain.len().checked_add(OVERHEAD).ok_or(Error::TooLong)?;
        if out.len() < needed {
            return Err(Error::BufferTooSmall);
        }
        job.out_capacity = u32::try_from(needed).map_err(|_| Error::TooLong)?;
        sent(&self.run(&job, plain, out)?)
    }

    pub(super) fn protect_in_place(
        &self,
        handle: Handle,
        access: AccessType,
        form: Form,
        (buffer, len): (&mut [u8], usize),
    ) -> Result<Sent> {
        let plain = buffer.get(..len).ok_or(Error::OutOfRange)?.to_vec();
        self.protect_as(handle, access, (&plain, form), buffer)
    }

    fn verify_as(&self, op: u8, asked: Message<'_>, out: &mut [u8]) -> Received {
        let (_, _, pdu) = asked;
        // Without room for the plain message nothing may be committed.
        let cramped = out.len() < pdu.len().saturating_sub(OVERHEAD);
        let op = if cramped { op::VERIFY_ONLY } else { op };
        let done = message(op, asked).and_then(|job| self.run(&job, pdu, out));
        match done {
            Ok(job) if cramped && job.status == 0 => Received::refused(Error::BufferTooSmall),
            Ok(job) => received(&job, out),
            Err(error) => Received::refused(error),
        }
    }

    pub(super) fn verify(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> Received {
        self.verify_as(op::VERIFY, (handle, access, pdu), out)
    }

    pub(super) fn verify_in_place(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &mut [u8],
    ) -> Received {
        let asked = pdu.to_vec();
        self.verify_as(op::VERIFY, (handle, access, &asked), pdu)
    }

    pub(super) fn verify_only(
        &self,
        handle: Handle,
        access: AccessType,
        pdu: &[u8],
        out: &mut [u8],
    ) -> Received {
        self.verify_as(op::VERIFY_ONLY, (handle, access, pdu), out)
    }

    pub(super) fn decipher_container(
        &self,
        handle: Handle,
        (access, count): (AccessType, u32),
        plain: &mut [u8],
    ) -> Result<(Range<usize>, MessageType)> {
        let asked = plain.to_vec();
        let mut job = message(op::CONTAINER, (handle, access, &asked))?;
        (job.out_len, job.count) = (job.in_len, count);
        let done = self.run(&job, &asked, plain)?;
        status(&done)?;
        let start = done.part_offset as usize;
        let part = start..start + done.part_len as usize;
        Ok((part, MessageType(done.message_type)))
    }

    pub(super) fn authenticated(&self, handle: Handle, identity: Identity) -> Result<()> {
        self.client.authenticated(handle, &identity)
    }
}

/// The status of a finished job.
pub(super) fn status(job: &Job) -> Result<()> {
    match job.status {
        0 => Ok(()),
        // A number that this version does not know came from no worker of this version.
        code => Err(Error::from_code(code).unwrap_or(Error::Operation)),
    }
}

/// Verbs that the client has as they are.
macro_rules! asked {
    ($($verb:ident($($name:ident: $kind:ty),*) -> $result:ty;)*) => {
        impl Remote {
            $(pub(super) fn $verb(&self, handle: Handle, $($name: $kind),*) -> Result<$result> {
                self.client.$verb(handle, $($name),*)
            })*
        }
    };
}

asked! {
    release() -> ();
    next_ng_ksi(cited: Option<NgKsi>) -> NgKsi;
    tap(switch: TapSwitch) -> u64;
    diagnose(access: AccessType, pdu: &[u8]) -> Diagnosis;
    k_gnb(access: AccessType) -> KGnb;
    prepare_nh() -> (Nh, u8);
    commit_nh(step: (&Nh, u8)) -> ();
    connection_released(access: AccessType) -> ();
    deregister(kind: Deregistration) -> ();
    begin_key_change(kind: KeyChange) -> ();
    end_key_change(kind: KeyChange) -> ();
    handover_prepare(request: &handover::Request<'_>) -> Container;
    handover_done() -> ();
    handover_failed() -> ();
    smc_command(request: &smc::Request<'_>, out: &mut [u8]) -> smc::Sent;
    smc_event(event: Event, out: &mut [u8]) -> Action;
    smc_rejected_unprotected(cause: Cause) -> Outcome;
}
