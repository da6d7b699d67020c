use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::door::{Door, Kind, Queue};
use naslane::engine::job::{Job, op};
use naslane::engine::{Config, Engine, QueueConfig};
use naslane::sidecar::config::Quota;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::common::{DOWNLINK, GPP};
use crate::world::{Daemon, Subscriber, inline, workers};

const PATIENCE: Duration = Duration::from_secs(30);
const SMALL: QueueConfig = QueueConfig {
    entries: 8,
    arena: 4096,
};

fn each(script: impl Fn(&Door, &Engine, &Subscriber)) {
    let daemon = Daemon::start(Quota::default());
    for door in [inline(), workers(), daemon.connect()] {
        let ues = Engine::new(&Config::for_sessions(64)).unwrap();
        let own = Subscriber::secured(&door, &ues, 1);
        script(&door, &ues, &own);
    }
}

fn protect(own: &Subscriber, number: u32) -> Job {
    Job {
        op: op::PROTECT,
        access: 1,
        session: own.amf.bits(),
        user_data: number.into(),
        in_offset: 64 * (number % 64),
        in_len: DOWNLINK.len() as u32,
        out_offset: 64 * (number % 64),
        out_capacity: 64,
        ..Job::default()
    }
}

fn put(queue: &mut Queue, job: &Job) {
    queue.write(job.in_offset, DOWNLINK).unwrap();
}

fn readable(queue: &Queue, patience: Duration) -> bool {
    let fd = queue.eventfd();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let timeout = Timespec::try_from(patience).unwrap();
    poll(&mut fds, Some(&timeout)).unwrap() == 1
}

/// An event loop as an AMF's: it sleeps at the eventfd and nowhere else.
#[test]
fn an_event_loop_is_the_same_behind_every_door() {
    each(|door, ues, own| {
        let mut queue = door.open_queue(&SMALL).unwrap();
        let (mut sent, mut back) = (0_u32, 0_u32);
        let begin = Instant::now();
        while back < 500 {
            assert!(begin.elapsed() < PATIENCE, "{back} of {sent} in {door:?}");
            while sent < 500 {
                let job = protect(own, sent);
                put(&mut queue, &job);
                if queue.submit(&[job]).unwrap() == 0 {
                    break;
                }
                sent += 1;
            }
            if queue.arm() {
                assert!(readable(&queue, PATIENCE), "{door:?}");
            }
            let mut done = [Job::default(); 5];
            let count = queue.reap(&mut done);
            for job in &done[..count] {
                assert_eq!((job.status, job.user_data), (0, u64::from(back)));
                let mut pdu = [0; 14];
                queue.read(job.out_offset, &mut pdu).unwrap();
                let heard = crate::common::verify(ues, own.ue, GPP, &pdu);
                assert_eq!(heard, Ok(DOWNLINK.to_vec()));
                back += 1;
            }
        }
        assert_eq!(queue.outstanding(), 0);
        assert!(!queue.wait(None).unwrap(), "nothing is outstanding");
        assert!(queue.arm() && !readable(&queue, Duration::ZERO));
    });
}

#[test]
fn a_full_queue_takes_what_it_has_room_for() {
    each(|door, _, own| {
        let mut queue = door.open_queue(&SMALL).unwrap();
        let jobs: Vec<Job> = (0..20).map(|number| protect(own, number)).collect();
        jobs.iter().for_each(|job| put(&mut queue, job));
        assert_eq!(queue.submit(&jobs), Ok(8), "{door:?}");
        assert_eq!(queue.submit(&jobs[8..]), Ok(0));
        assert_eq!(queue.submit(&[]), Ok(0));
        let mut done = [Job::default(); 20];
        let mut back = 0;
        while back < 8 {
            assert!(queue.wait(Some(PATIENCE)).unwrap());
            back += queue.reap(&mut done[back..]);
        }
        assert!(done[..8].iter().all(|job| job.status == 0));
        // Handles of nobody come back too.
        let stranger = Job {
            session: 0xEE << 56 | 1 << 28,
            ..jobs[0]
        };
        assert_eq!(queue.submit(&[stranger]), Ok(1));
        assert!(queue.wait(Some(PATIENCE)).unwrap());
        assert_eq!(queue.reap(&mut done), 1);
        assert_eq!(done[0].status, Error::Handle.code());
        let limit = queue.arena_len() as u32;
        assert_eq!(queue.write(limit - 1, &[0; 2]), Err(Error::OutOfRange));
        assert!(!queue.arena_ptr().is_null() && queue.is_open());
    });
}

#[test]
fn sizes_are_checked_behind_every_door() {
    each(|door, _, _| {
        for entries in [0, 7, 12, 8192] {
            let wrong = QueueConfig { entries, ..SMALL };
            let refused = door.open_queue(&wrong).map(drop);
            // A sidecar grants less than was asked for.
            if door.kind() != Kind::Sidecar || entries != 8192 {
                assert_eq!(refused, Err(Error::Argument), "{entries} {door:?}");
            }
        }
        let nothing = QueueConfig { arena: 0, ..SMALL };
        assert_eq!(door.open_queue(&nothing).map(drop), Err(Error::Argument));
    });
}

/// The engine ends before its queue: the queue says so and gives everything back.
#[test]
fn a_queue_outlives_its_door() {
    let mut daemon = Daemon::start(Quota::default());
    for door in [inline(), workers(), daemon.connect()] {
        let ues = Engine::new(&Config::for_sessions(64)).unwrap();
        let own = Subscriber::secured(&door, &ues, 1);
        let kind = door.kind();
        let mut queue = door.open_queue(&SMALL).unwrap();
        let job = protect(&own, 0);
        put(&mut queue, &job);
        assert_eq!(queue.submit(&[job; 3]), Ok(3));
        drop(door);
        let mut done = [Job::default(); 8];
        let mut back = 0;
        while back < 3 {
            assert!(queue.wait(Some(PATIENCE)).unwrap());
            back += queue.reap(&mut done[back..]);
        }
        let more = queue.submit(&[job]);
        match kind {
            Kind::Inline => assert_eq!(more, Ok(1)),
            Kind::Workers => assert_eq!(more, Err(Error::Stopped)),
            Kind::Sidecar => assert_eq!(more, Err(Error::Disconnected)),
        }
    }
    daemon.stop();
}

/// The number of an inline engine is in its handles; its queue knows it.
#[test]
fn an_inline_engine_may_have_a_number() {
    let config = Config {
        worker: 7,
        ..Config::for_sessions(64)
    };
    let door = Door::inline(&config).unwrap();
    let ues = Engine::new(&Config::for_sessions(64)).unwrap();
    let own = Subscriber::secured(&door, &ues, 1);
    assert_eq!(own.amf.worker(), 7);
    let mut queue = door.open_queue(&SMALL).unwrap();
    let job = protect(&own, 0);
    put(&mut queue, &job);
    let of_others = Job {
        session: job.session & !0 >> 8,
        ..job
    };
    assert_eq!(queue.submit(&[job, of_others]), Ok(2));
    let mut done = [Job::default(); 2];
    let mut back = 0;
    while back < 2 {
        back += queue.reap(&mut done[back..]);
    }
    let statuses: Vec<i32> = done.iter().map(|job| job.status).collect();
    assert_eq!(statuses, [Error::Handle.code(), 0]);
}
