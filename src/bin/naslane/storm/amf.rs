//! The AMF half's engine, behind whichever door: the one place where its verbs are called and timed. A batch of one
//! goes through the single calls.

use std::time::{Duration, Instant};

use naslane::base::{AccessType, NgKsi, Result};
use naslane::door::{Door, Kind};
use naslane::engine::job::{Job, SmcJob, flag, form, op};
use naslane::engine::{Engine, Received, event_number};
use naslane::kdf::KAmf;
use naslane::procedure::smc::{Action, Event};
use naslane::security::{Deregistration, Identity, KeyChange, Place, Role};
use naslane::session::Handle;

use super::figures::{Figures, Verb};
use super::messages::{ROOM, capability};

/// Room of one message in the arena.
const PLACE: usize = ROOM + 16;

/// What a refused message must not change.
#[derive(PartialEq, Eq)]
pub(super) struct State {
    secured: [bool; 2],
    key_change: Option<KeyChange>,
    /// Per place and access: next COUNT to send, least to accept, the window behind it.
    counts: [[Option<(u32, u32, u64)>; 2]; 4],
    /// What a sidecar shows of a session, and nothing of the above: the next ngKSI, which tells contexts that came or
    /// went. COUNTs are seen in the messages that follow.
    shown: Option<NgKsi>,
}

/// Jobs for the engine, and their answers.
pub(super) struct Amf<'e> {
    door: &'e Door,
    batch: usize,
    jobs: Vec<Job>,
    arena: Vec<u8>,
    /// The plain message while a single call writes over it.
    scratch: Vec<u8>,
    pub(super) figures: Figures,
}

impl<'e> Amf<'e> {
    pub(super) fn new(door: &'e Door, batch: usize, figures: Figures) -> Self {
        Self {
            door,
            batch,
            jobs: Vec::with_capacity(batch),
            arena: vec![0; batch * PLACE],
            scratch: Vec::with_capacity(PLACE),
            figures,
        }
    }

    pub(super) fn establish(&self) -> Result<Handle> {
        self.door.establish(Role::Amf)
    }

    /// The SEAF hands over K_AMF.
    pub(super) fn authenticated(&mut self, handle: Handle, identity: Identity) -> Result<()> {
        let start = Instant::now();
        let result = self.door.authenticated(handle, identity);
        self.figures
            .took(Verb::Authenticated, (1, 0), start.elapsed());
        result
    }

    pub(super) fn connection_released(&self, handle: Handle, access: AccessType) -> Result<()> {
        self.door.connection_released(handle, access)
    }

    pub(super) fn deregister(&self, handle: Handle) -> Result<()> {
        self.door.deregister(handle, Deregistration::Keep)
    }

    pub(super) fn release(&self, handle: Handle) -> Result<()> {
        self.door.release(handle)
    }

    /// What this half and that of the UE keep of a session.
    pub(super) fn state(&self, handle: Handle) -> Result<State> {
        match self.door.kind() {
            Kind::Sidecar => Ok(State {
                secured: [false; 2],
                key_change: None,
                counts: [[None; 2]; 4],
                shown: Some(self.door.next_ng_ksi(handle, None)?),
            }),
            _ => state(self.door.shard(handle)?, handle),
        }
    }

    /// Begins a batch.
    pub(super) fn clear(&mut self) {
        self.jobs.clear();
    }

    /// Adds a job whose input is copied to its place in the arena; the output takes the same place.
    pub(super) fn load(&mut self, (op, access): (u8, AccessType), handle: Handle, input: &[u8]) {
        let start = self.jobs.len() * PLACE;
        let len = input.len().min(PLACE);
        self.arena[start..][..len].copy_from_slice(&input[..len]);
        self.jobs.push(Job {
            op,
            access: access.bearer(),
            form: form::AUTO,
            session: handle.bits(),
            user_data: self.jobs.len() as u64,
            in_offset: start as u32,
            in_len: len as u32,
            out_offset: start as u32,
            out_capacity: PLACE as u32,
            ..Job::default()
        });
    }

    /// Adds a SECURITY MODE COMMAND.
    pub(super) fn load_command(&mut self, access: AccessType, handle: Handle, job: &SmcJob) {
        self.load((op::SMC_COMMAND, access), handle, &job.write());
    }

    /// Adds the deciphering of the container of a message that was verified under `count`.
    pub(super) fn load_container(
        &mut self,
        (access, count): (AccessType, u32),
        handle: Handle,
        message: &[u8],
    ) {
        self.load((op::CONTAINER, access), handle, message);
        if let Some(job) = self.jobs.last_mut() {
            job.out_len = job.in_len;
            job.count = count;
        }
    }

    /// Runs the batch and times it.
    pub(super) fn run(&mut self, verb: Verb) {
        let octets = self.jobs.iter().map(|job| u64::from(job.in_len)).sum();
        let time = self.call();
        let jobs = self.jobs.len() as u64;
        if jobs > 0 {
            self.figures.took(verb, (jobs, octets), time);
        }
        for job in &self.jobs {
            *self.figures.verdicts.entry(job.status).or_default() += 1;
        }
    }

    /// Runs a batch of hostile messages.
    pub(super) fn run_hostile(&mut self) {
        let time = self.call();
        self.figures.attack_time += time;
        for job in &self.jobs {
            *self.figures.refusals.entry(job.status).or_default() += 1;
        }
    }

    fn call(&mut self) -> Duration {
        let start = Instant::now();
        if self.batch > 1 {
            self.door.batch(&mut self.jobs, &mut self.arena);
        } else {
            for job in &mut self.jobs {
                single(self.door, job, (&mut self.arena, &mut self.scratch));
            }
        }
        start.elapsed()
    }

    pub(super) fn job(&self, index: usize) -> &Job {
        &self.jobs[index]
    }

    /// What the job put out.
    pub(super) fn out(&self, index: usize) -> &[u8] {
        let job = &self.jobs[index];
        &self.arena[job.out_offset as usize..][..job.out_len as usize]
    }
}

/// What must stay as it is when a message is refused.
pub(super) fn state(engine: &Engine, handle: Handle) -> Result<State> {
    let session = engine.session(handle)?;
    let ue = &session.security;
    Ok(State {
        secured: AccessType::ALL.map(|access| ue.secured(access)),
        key_change: ue.key_change(),
        counts: Place::ALL.map(|place| {
            AccessType::ALL.map(|access| {
                let pair = ue.pair(place, access)?;
                // A UE that rejects a forged command takes a COUNT for the answer.
                let sent = if ue.role() == Role::Amf {
                    pair.send.next()
                } else {
                    0
                };
                Some((sent, pair.receive.next_min(), pair.receive.seen()))
            })
        }),
        shown: None,
    })
}

/// Who it is that was authenticated.
pub(super) fn identity(k_amf: &KAmf, ng_ksi: naslane::base::NgKsi) -> Result<Identity> {
    Ok(Identity {
        k_amf: k_amf.clone(),
        ng_ksi,
        ue_sec_cap: capability()?,
        emergency: false,
    })
}

/// The job through the single calls.
fn single(door: &Door, job: &mut Job, memory: (&mut [u8], &mut Vec<u8>)) {
    let result = try_single(door, job, memory);
    match result {
        Ok(()) if job.status < 0 => job.status = 0,
        Ok(()) => {}
        Err(error) => {
            job.out_len = 0;
            job.status = error.code();
        }
    }
}

fn try_single(door: &Door, job: &mut Job, (arena, plain): (&mut [u8], &mut Vec<u8>)) -> Result<()> {
    use naslane::base::Error;
    job.status = -1;
    let handle = Handle::from_bits(job.session)?;
    let access = AccessType::from_id(job.access).ok_or(Error::Bearer)?;
    let place = arena
        .get_mut(job.out_offset as usize..)
        .ok_or(Error::OutOfRange)?;
    let place = place
        .get_mut(..job.out_capacity as usize)
        .ok_or(Error::OutOfRange)?;
    let len = job.in_len as usize;
    let sent = match job.op {
        op::PROTECT => {
            plain.clear();
            plain.extend_from_slice(&place[..len]);
            let sent = door.protect(handle, access, plain, place)?;
            (sent.len, sent.count)
        }
        op::SMC_COMMAND => {
            let smc = SmcJob::read(&place[..len])?;
            let sent = door.smc_command(handle, &smc.request(access)?, place)?;
            (sent.len, sent.count.unwrap_or_default())
        }
        op::SMC_RESEND => match door.smc_event(handle, Event::T3560Expired, place)? {
            Action::Resend(sent) => (sent.len, sent.count.unwrap_or_default()),
            Action::Ended(_) => return Err(Error::Timeout),
        },
        op::CONTAINER => {
            door.decipher_container(handle, (access, job.count), &mut place[..len])?;
            (len, job.count)
        }
        _ => {
            let received = door.verify_in_place(handle, access, &mut place[..len]);
            describe(job, &received);
            return Ok(());
        }
    };
    job.out_len = sent.0 as u32;
    job.count = sent.1;
    Ok(())
}

/// Writes what became of a message into its job, as a batch does.
fn describe(job: &mut Job, received: &Received) {
    let verdict = &received.verdict;
    job.status = verdict
        .result
        .map_or_else(naslane::base::Error::code, |()| 0);
    job.out_len = verdict.len as u32;
    job.count = verdict.count.unwrap_or_default();
    job.message_type = verdict.message_type.map_or(0, |message| message.0);
    job.follow_up = verdict.follow_up as u8;
    job.event = received
        .procedure
        .as_ref()
        .map_or(0, |outcome| event_number(outcome).0);
    let part = received.container.clone().unwrap_or_default();
    job.part_offset = part.start as u32;
    job.part_len = part.len() as u32;
    job.flags = if received.secured { flag::SECURED } else { 0 };
}
