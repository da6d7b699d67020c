//! Warnings of COUNT behind every door. What they are and the end itself: tests/count_wrap.rs.

use std::time::Duration;

use naslane::door::Door;
use naslane::engine::job::{Job, flag, op};
use naslane::engine::{Config, Engine, QueueConfig};
use naslane::security::NearWrap;
use naslane::sidecar::config::Quota;

use crate::common::{DOWNLINK, GPP, UPLINK, protect, verify};
use crate::world::{Daemon, Subscriber, THRESHOLDS, inline, workers};

const PATIENCE: Duration = Duration::from_secs(30);
const WARNED: u8 = flag::COUNT_WARNING | flag::COUNT_URGENT;

fn each(script: impl Fn(&Door, &Engine, &Subscriber)) {
    let daemon = Daemon::start(Quota::default());
    for door in [inline(), workers(), daemon.connect()] {
        let ues = Engine::new(&Config::for_sessions(64)).unwrap();
        let own = Subscriber::secured(&door, &ues, 1);
        script(&door, &ues, &own);
    }
}

fn flags(count: u32) -> u8 {
    match THRESHOLDS.level(count) {
        NearWrap::No => 0,
        NearWrap::Warning => flag::COUNT_WARNING,
        NearWrap::Urgent => WARNED,
    }
}

#[test]
fn r07_the_verbs_of_every_door_warn() {
    each(|door, ues, own| {
        for count in 1..=9 {
            let expected = THRESHOLDS.level(count);
            let (mut pdu, mut back) = ([0; 64], [0; 64]);
            let sent = door.protect(own.amf, GPP, DOWNLINK, &mut pdu).unwrap();
            assert_eq!((sent.count, sent.near_wrap), (count, expected), "{door:?}");
            assert!(verify(ues, own.ue, GPP, &pdu[..sent.len]).is_ok());
            let mut up = protect(ues, own.ue, GPP, UPLINK);
            let looked = door.verify_only(own.amf, GPP, &up, &mut back);
            let received = if count % 2 == 0 {
                door.verify(own.amf, GPP, &up, &mut back)
            } else {
                door.verify_in_place(own.amf, GPP, &mut up)
            };
            for verdict in [looked.verdict, received.verdict] {
                assert_eq!(verdict.result, Ok(()));
                assert_eq!((verdict.count, verdict.near_wrap), (Some(count), expected));
            }
        }
    });
}

/// Downlink messages as a batch, uplink messages through a queue.
#[test]
fn r07_jobs_behind_every_door_say_it_in_their_flags() {
    let job = |own: &Subscriber, number: u32| Job {
        op: op::PROTECT,
        access: 1,
        session: own.amf.bits(),
        in_offset: 64 * number,
        in_len: DOWNLINK.len() as u32,
        out_offset: 64 * number,
        out_capacity: 64,
        ..Job::default()
    };
    each(|door, ues, own| {
        let mut arena = vec![0; 9 * 64];
        for place in arena.chunks_exact_mut(64) {
            place[..DOWNLINK.len()].copy_from_slice(DOWNLINK);
        }
        let mut jobs: Vec<Job> = (0..9).map(|i| job(own, i)).collect();
        assert_eq!(door.batch(&mut jobs, &mut arena), 9);
        for (job, count) in jobs.iter().zip(1..) {
            assert_eq!((job.count, job.flags & WARNED), (count, flags(count)));
        }
        let room = QueueConfig {
            entries: 16,
            arena: 4096,
        };
        let mut queue = door.open_queue(&room).unwrap();
        for (job, number) in jobs.iter_mut().zip(0_u32..) {
            let up = protect(ues, own.ue, GPP, UPLINK);
            queue.write(64 * number, &up).unwrap();
            (job.op, job.in_len) = (op::VERIFY, up.len() as u32);
        }
        assert_eq!(queue.submit(&jobs), Ok(9));
        let (mut done, mut back) = ([Job::default(); 9], 0);
        while back < 9 {
            assert!(queue.wait(Some(PATIENCE)).unwrap());
            back += queue.reap(&mut done[back..]);
        }
        for (job, count) in done.iter().zip(1..) {
            assert_eq!((job.status, job.count), (0, count), "{door:?}");
            assert_eq!(job.flags & WARNED, flags(count), "{count} {door:?}");
        }
    });
}
