//! One client: its requests, one at a time, and its queues.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use crate::base::{Error, Result};
use crate::engine::ring::Doorbell;
use crate::engine::worker::{Attached, Attachment};
use crate::procedure::nssaa::Share;
use crate::security::Role;

use super::super::protocol::{
    Frame, Header, Hello, NssaaRequest, NssaaResponse, Opened, Request, Response, SessionList,
    Welcome, common_version,
};
use super::super::region::{self, Layout};
use super::super::socket::{self, Peer};
use super::counters::add;
use super::set::Asker;
use super::{House, nssaa, verbs};

/// What to do with the connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing changed.
    Served,
    /// Wait for requests again.
    Receive,
    /// Wait until there is room for the response.
    Send,
    /// It is over.
    Gone,
}

/// A response that found no room.
struct Held {
    frame: Frame,
    fds: Vec<OwnedFd>,
}

/// A queue of this client.
struct Queue {
    attached: Attached,
    /// Jobs that it may have at a time.
    entries: u32,
    /// Its end was reported.
    reported: bool,
}

pub(super) struct Connection {
    socket: OwnedFd,
    peer: Peer,
    /// Known after the hello.
    tenant: Option<u64>,
    name: String,
    held: Option<Held>,
    queues: BTreeMap<u32, Queue>,
}

/// Tells a client that it is not served.
pub(super) fn refuse(client: &OwnedFd, error: Error) {
    let mut frame = Frame::new();
    if Response::Refused(error).write(0, &mut frame).is_ok() {
        // A client that does not listen finds out by itself.
        let _ = socket::send(client, frame.octets(), &[]);
    }
}

impl Connection {
    pub(super) const fn new(socket: OwnedFd, peer: Peer) -> Self {
        Self {
            socket,
            peer,
            tenant: None,
            name: String::new(),
            held: None,
            queues: BTreeMap::new(),
        }
    }

    pub(super) const fn uid(&self) -> u32 {
        self.peer.uid
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The socket is ready: sends what waits, or receives a request and answers it. Nothing is received while a
    /// response waits, so a client that does not read its responses costs one.
    pub(super) fn turn(
        &mut self,
        house: &mut House,
        request: &mut Frame,
        response: &mut Frame,
    ) -> Fate {
        if let Some(held) = self.held.take() {
            let fds: Vec<_> = held.fds.iter().map(AsFd::as_fd).collect();
            return match socket::send(&self.socket, held.frame.octets(), &fds) {
                Ok(()) => Fate::Receive,
                Err(Errno::AGAIN) => {
                    drop(fds);
                    self.held = Some(held);
                    Fate::Served
                }
                Err(_) => Fate::Gone,
            };
        }
        let mut unwanted = Vec::new(); // descriptors that a client sends are closed
        match socket::receive(&self.socket, request, &mut unwanted) {
            Ok(()) if request.octets().is_empty() => return Fate::Gone,
            Ok(()) => {}
            Err(Errno::AGAIN) => return Fate::Served,
            Err(_) => return Fate::Gone,
        }
        let fate = self.answer(house, request.octets(), response);
        request.clear();
        fate
    }

    fn answer(&mut self, house: &mut House, request: &[u8], response: &mut Frame) -> Fate {
        add(&house.counters.requests, 1);
        let number = Header::read(request).map_or(0, |(header, _)| header.number);
        let mut fds = Vec::new();
        let written = match Request::read(request) {
            Ok((number, request)) => self.run(house, &request, (number, response, &mut fds)),
            Err(error) => Response::Refused(error).write(number, response),
        };
        if written.is_err() {
            return Fate::Gone;
        }
        let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let sent = socket::send(&self.socket, response.octets(), &borrowed);
        match sent {
            Ok(()) => {
                response.clear();
                Fate::Served
            }
            Err(Errno::AGAIN) => {
                let frame = std::mem::take(response);
                self.held = Some(Held { frame, fds });
                Fate::Send
            }
            Err(_) => Fate::Gone,
        }
    }

    fn run(
        &mut self,
        house: &mut House,
        request: &Request<'_>,
        (number, frame, fds): (u32, &mut Frame, &mut Vec<OwnedFd>),
    ) -> Result<()> {
        let response = match (self.tenant, request) {
            (_, Request::Hello(hello)) => self.hello(house, hello),
            (None, _) => Err(Error::OutOfOrder),
            (Some(tenant), request) => match verbs::session_of(request) {
                Some(session) => {
                    let who = (tenant, self.peer.uid);
                    return Self::of_session(house, (who, session), request, (number, frame));
                }
                None => self.general(house, tenant, request, fds),
            },
        };
        response
            .unwrap_or_else(Response::Refused)
            .write(number, frame)
    }

    fn of_session(
        house: &mut House,
        ((tenant, uid), session): ((u64, u32), u64),
        request: &Request<'_>,
        (number, frame): (u32, &mut Frame),
    ) -> Result<()> {
        let handle = match house.tenants.own(tenant, session) {
            Ok(handle) => handle,
            Err(error) => {
                add(&house.counters.foreign_handles, 1);
                return Response::Refused(error).write(number, frame);
            }
        };
        let released = matches!(request, Request::Release(_));
        let fenced = house.owners.check(handle, tenant) == Err(Error::Fenced);
        if fenced && !released {
            return Response::Refused(Error::Fenced).write(number, frame);
        }
        if let Request::Tap { on, .. } = *request {
            let done = house.tap((tenant, uid), handle, on);
            return done.unwrap_or_else(Response::Refused).write(number, frame);
        }
        if released {
            // Before the slot is free: its next owner must not be taken for this one.
            house.tenants.drop_session(tenant, handle, &house.owners);
        }
        if house.host_alone(request) {
            return Response::Refused(Error::Hosted).write(number, frame);
        }
        let House {
            workers,
            scratch,
            slice_scratch,
            tenants,
            host,
            eyes,
            ..
        } = house;
        // What is the daemon's own share no client takes away.
        let share = host.as_ref().map_or(Share::All, |_| Share::Amf);
        let engine = workers.engine_of(handle);
        let done = match request {
            // Another daemon has it, and nothing of it is left here.
            _ if fenced => Ok(Response::Done),
            Request::Nssaa(request) => engine.and_then(|engine| {
                let group = tenants.slices(tenant)?;
                nssaa::run((engine, group, share), handle, request, slice_scratch)
            }),
            request => engine.and_then(|engine| verbs::run(engine, handle, request, scratch)),
        };
        eyes.note(workers, (handle, request), &done);
        let more = matches!(&done, Ok(Response::Nssaa(NssaaResponse::Step(step))) if step.more);
        let written = done.unwrap_or_else(Response::Refused).write(number, frame);
        if released {
            house.released(handle);
            house.count_sessions();
        }
        house.host_follows(handle, request, more);
        written
    }

    fn general(
        &mut self,
        house: &mut House,
        tenant: u64,
        request: &Request<'_>,
        fds: &mut Vec<OwnedFd>,
    ) -> Result<Response<'static>> {
        match *request {
            Request::Ping(number) => Ok(Response::Pong(number)),
            Request::Statistics => {
                house.count_sessions();
                Ok(Response::Statistics(
                    house.counters.read(house.workers.metrics()),
                ))
            }
            Request::Establish { tag } => {
                house.has_room(self.asker(tenant))?;
                let handle = house.workers.establish(Role::Amf)?;
                house.hand_over(tenant, (handle, tag))?;
                Ok(Response::Session(handle.bits()))
            }
            Request::Set(ref request) => house.of_set(self.asker(tenant), request),
            Request::Sessions { after } => {
                let rows = house.tenants.list(tenant, after, SessionList::MOST);
                Ok(Response::Sessions(SessionList(rows)))
            }
            Request::OpenQueue { entries, arena } => {
                self.open_queue(house, (tenant, entries, arena), fds)
            }
            Request::CloseQueue(number) => {
                self.look_at_queues(house);
                let queue = self.queues.remove(&number).ok_or(Error::Argument)?;
                house.give_entries_back(self.peer.uid, queue.entries);
                drop(queue);
                house.count_queues(0, 1);
                Ok(Response::Done)
            }
            Request::Nssaa(
                ref request @ (NssaaRequest::Hosted
                | NssaaRequest::Bell
                | NssaaRequest::Ready { .. }),
            ) => house.host_answers(tenant, request, fds),
            Request::Nssaa(ref request) => nssaa::general(house.tenants.slices(tenant)?, request),
            _ => Err(Error::Operation),
        }
    }

    fn asker(&self, tenant: u64) -> Asker<'_> {
        Asker {
            tenant,
            uid: self.peer.uid,
            name: &self.name,
        }
    }

    fn hello(&mut self, house: &mut House, hello: &Hello<'_>) -> Result<Response<'static>> {
        if self.tenant.is_some() {
            return Err(Error::Conflict);
        }
        let version = common_version(hello.versions)?;
        let name = std::str::from_utf8(hello.name).map_err(|_| Error::Argument)?;
        let tenant = house.tenants.enter(self.peer.uid, name)?;
        house.tenants.come_back(tenant, &house.owners);
        self.tenant = Some(tenant);
        name.clone_into(&mut self.name);
        let kept = house.tenants.count(tenant) as u32;
        house.host_meets(tenant);
        let Peer { pid, uid, .. } = self.peer;
        (house.log)(&format!(
            "client pid {pid} uid {uid} name \"{name}\" is tenant {tenant}, {kept} sessions kept"
        ));
        let quota = house.quota;
        Ok(Response::Welcome(Welcome {
            version,
            workers: house.workers.len() as u16,
            entries: quota.entries,
            arena: quota.arena,
            sessions: quota.sessions,
            queues: quota.queues,
            outstanding: quota.outstanding,
            kept,
        }))
    }

    fn open_queue(
        &mut self,
        house: &mut House,
        (tenant, entries, arena): (u64, u32, u32),
        fds: &mut Vec<OwnedFd>,
    ) -> Result<Response<'static>> {
        let quota = house.quota;
        let workers = house.workers.len() as u32;
        let layout = Layout::new(workers, entries.min(quota.entries), arena.min(quota.arena))?;
        let in_use: u32 = self.queues.values().map(|queue| queue.entries).sum();
        let wanted = layout.entries() * workers;
        if self.queues.len() >= quota.queues as usize || in_use + wanted > quota.outstanding {
            return Err(Error::Quota);
        }
        let of_user = house.entries.get(&self.peer.uid).copied().unwrap_or(0);
        if of_user.saturating_add(wanted) > quota.of_user_outstanding() {
            return Err(Error::Quota);
        }
        let (memory, ends) = region::create(&layout)?;
        let bells = (0..workers).map(|_| Doorbell::new().map(Arc::new));
        let wake_workers = bells.collect::<Result<Vec<_>>>()?;
        let wake_client = Arc::new(Doorbell::new()?);
        fds.push(memory);
        for bell in wake_workers.iter().chain([&wake_client]) {
            let copy = bell.as_fd().try_clone_to_owned();
            fds.push(copy.map_err(|_| Error::System)?);
        }
        let (owners, counters) = (Arc::clone(&house.owners), Arc::clone(&house.counters));
        let attached = house.workers.attach(Attachment {
            ends: ends.rings,
            payload: ends.arena,
            wake_workers,
            wake_client,
            admit: Some(Arc::new(move |job| {
                let handle = crate::session::Handle::from_bits(job.session)?;
                owners.admit(handle, tenant, job.op).inspect_err(|error| {
                    if *error == Error::Handle {
                        add(&counters.foreign_handles, 1);
                    }
                })
            })),
        })?;
        let number = house.next_queue;
        house.next_queue = house.next_queue.wrapping_add(1);
        let queue = Queue {
            attached,
            entries: wanted,
            reported: false,
        };
        *house.entries.entry(self.peer.uid).or_insert(0) += wanted;
        self.queues.insert(number, queue);
        house.count_queues(1, 0);
        Ok(Response::Opened(Opened {
            queue: number,
            entries: layout.entries(),
            arena: layout.arena(),
            workers,
        }))
    }

    /// Reports rings that a worker does not believe any more, once for each queue.
    pub(super) fn look_at_queues(&mut self, house: &mut House) {
        for (number, queue) in &mut self.queues {
            if queue.reported {
                continue;
            }
            let Some(fault) = queue.attached.fault() else {
                continue;
            };
            queue.reported = true;
            add(&house.counters.quarantined, 1);
            let Peer { pid, uid, .. } = self.peer;
            (house.log)(&format!(
                "queue {number} of pid {pid} uid {uid} is under quarantine: {fault:?}"
            ));
        }
    }

    /// The end of this client.
    pub(super) fn part(mut self, house: &mut House, keep: bool) {
        self.look_at_queues(house);
        // First the queues: no job of theirs may find a session that is released meanwhile.
        house.count_queues(0, self.queues.len() as u64);
        let entries = self.queues.values().map(|queue| queue.entries).sum();
        house.give_entries_back(self.peer.uid, entries);
        self.queues.clear();
        let Some(tenant) = self.tenant else { return };
        let Peer { pid, uid, .. } = self.peer;
        house.host_parts(tenant);
        let count = house.tenants.count(tenant);
        // Without sessions there is nothing to come back for, and names are not collected.
        let fate = if keep && count > 0 && house.tenants.leave(tenant).is_ok() {
            format!("{count} sessions wait for it")
        } else {
            format!("{} sessions released", house.release_all(tenant))
        };
        (house.log)(&format!(
            "client pid {pid} uid {uid} name \"{}\" is gone: {fate}",
            self.name
        ));
    }
}
