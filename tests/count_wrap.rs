//! The end of the NAS COUNT at every door: warnings first, then refusal (defects R06, R07, R08).

mod common;

use common::{DOWNLINK, GPP, Pair, UPLINK, engine};
use naslane::algorithm::{Nea, Nia};
use naslane::base::Error;
use naslane::engine::job::{Job, flag, op};
use naslane::engine::{Config, Engine};
use naslane::procedure::smc::{Activation, Policy, Request};
use naslane::security::{Algorithms, NearWrap, Place, Thresholds};
use naslane::session::Handle;
use naslane::session::record::{Extent, Record, export, import};
use sha2::{Digest, Sha256};

const LAST: u32 = 0xFF_FFFF;
const WARNED: u8 = flag::COUNT_WARNING | flag::COUNT_URGENT;

/// An engine whose warnings begin within the few messages that a test sends.
fn warns_early(warning: u32, urgent: u32) -> Engine {
    let mut config = Config::for_sessions(64);
    config.smc.policy = Policy::from_ids(&[2], &[2]).unwrap();
    config.thresholds = Thresholds { warning, urgent };
    Engine::new(&config).unwrap()
}

/// The session in another engine, as if it had sent and accepted all COUNTs of 3GPP access below `next`.
fn moved(from: &Engine, handle: Handle, to: &Engine, next: u32) -> Handle {
    let mut record = Record::new();
    export(from.table(), handle, Extent::Connections, &mut record).unwrap();
    let whole = record.as_bytes();
    let mut body = whole[..whole.len() - 16].to_vec();
    // The last context's COUNTs of either access, each: next to send, lowest to accept, seen.
    let counts = body.len() - 32;
    body[counts..counts + 4].copy_from_slice(&next.to_be_bytes());
    body[counts + 4..counts + 8].copy_from_slice(&next.to_be_bytes());
    let sum = Sha256::digest(&body);
    body.extend_from_slice(&sum[..16]);
    import(to.table(), &body).unwrap()
}

fn expected(count: u32, warning: u32, urgent: u32) -> NearWrap {
    match count {
        _ if count >= urgent => NearWrap::Urgent,
        _ if count >= warning => NearWrap::Warning,
        _ => NearWrap::No,
    }
}

/// What a job says under this COUNT, with the thresholds 4 and 7.
fn flags(count: u32) -> u8 {
    match expected(count, 4, 7) {
        NearWrap::No => 0,
        NearWrap::Warning => flag::COUNT_WARNING,
        NearWrap::Urgent => WARNED,
    }
}

#[test]
fn r07_warnings_come_with_every_message_from_their_thresholds_on() {
    let engine = warns_early(4, 7);
    let pair = Pair::secured(&engine, 1);
    let mut seen = Vec::new();
    for count in 1..=9 {
        for (from, to, plain) in [(pair.amf, pair.ue, DOWNLINK), (pair.ue, pair.amf, UPLINK)] {
            let (mut pdu, mut back) = ([0; 64], [0; 64]);
            let sent = engine.protect(from, GPP, plain, &mut pdu).unwrap();
            assert_eq!((sent.count, sent.near_wrap), (count, expected(count, 4, 7)));
            let looked = engine.verify_only(to, GPP, &pdu[..sent.len], &mut back);
            assert_eq!(looked.verdict.near_wrap, sent.near_wrap, "{count}");
            let received = engine.verify(to, GPP, &pdu[..sent.len], &mut back);
            assert_eq!(received.verdict.result, Ok(()));
            assert_eq!(received.verdict.near_wrap, sent.near_wrap, "{count}");
            seen.push(sent.near_wrap);
        }
    }
    for kind in [NearWrap::No, NearWrap::Warning, NearWrap::Urgent] {
        assert!(seen.contains(&kind));
    }
}

#[test]
fn r07_a_command_that_goes_on_counting_says_it_too() {
    let engine = warns_early(4, 7);
    let pair = Pair::secured(&engine, 1);
    (1..=3).for_each(|_| pair.talk(&engine, GPP));
    let mut request = Request::new(GPP, Activation::NewAlgorithms);
    request.algorithms = Nea::from_id(1)
        .zip(Nia::from_id(1))
        .map(|(nea, nia)| Algorithms { nea, nia });
    let mut out = [0; 400];
    let sent = engine.smc_command(pair.amf, &request, &mut out).unwrap();
    assert_eq!((sent.count, sent.near_wrap), (Some(4), NearWrap::Warning));
    for count in 5..=8 {
        let mut arena = [0; 400];
        let mut job = [Job {
            op: op::SMC_RESEND,
            access: 1,
            session: pair.amf.bits(),
            out_capacity: 400,
            ..Job::default()
        }];
        assert_eq!(engine.batch(&mut job, &mut arena), 1);
        assert_eq!(job[0].count, count);
        assert_eq!(job[0].flags & WARNED, flags(count));
    }
}

#[test]
fn r07_jobs_say_it_in_their_flags() {
    let engine = warns_early(4, 7);
    let pair = Pair::secured(&engine, 1);
    let mut arena = vec![0; 9 * 64];
    let mut jobs: Vec<_> = (0..9)
        .map(|i| Job {
            op: op::PROTECT,
            access: 1,
            session: pair.amf.bits(),
            in_offset: i * 64,
            in_len: DOWNLINK.len() as u32,
            out_offset: i * 64,
            out_capacity: 64,
            ..Job::default()
        })
        .collect();
    for place in arena.chunks_exact_mut(64) {
        place[..DOWNLINK.len()].copy_from_slice(DOWNLINK);
    }
    assert_eq!(engine.batch(&mut jobs, &mut arena), 9);
    for job in &mut jobs {
        assert_eq!(job.flags & WARNED, flags(job.count), "sent {}", job.count);
        (job.op, job.session, job.in_len) = (op::VERIFY, pair.ue.bits(), job.out_len);
    }
    assert_eq!(engine.batch(&mut jobs, &mut arena), 9);
    for job in &jobs {
        assert_eq!(
            job.flags & WARNED,
            flags(job.count),
            "received {}",
            job.count
        );
    }
    assert_eq!(jobs.last().unwrap().count, 9);
}

#[test]
fn r07_r08_nothing_is_sent_or_accepted_past_the_last_count() {
    let before = engine(2, 2);
    let pair = Pair::secured(&before, 1);
    // Sent long ago, under COUNT 1: its sequence number is what would come after the last.
    let early = [pair.uplink(&before, GPP), pair.uplink(&before, GPP)];
    let after = engine(2, 2);
    let pair = Pair {
        amf: moved(&before, pair.amf, &after, LAST - 2),
        ue: moved(&before, pair.ue, &after, LAST - 2),
    };
    let untouched = |handle| {
        let session = after.session(handle).unwrap();
        format!("{:?}", session.security.pair(Place::Current, GPP).unwrap())
    };
    let refused = |message: &[u8]| {
        let (before, mut back) = (untouched(pair.amf), [0xC5; 64]);
        let received = after.verify(pair.amf, GPP, message, &mut back);
        assert_eq!(received.verdict.result, Err(Error::CountExhausted));
        assert!(back.iter().all(|octet| *octet == 0xC5));
        assert_eq!(untouched(pair.amf), before);
    };
    // While COUNTs are left, too: what would come after the last is none of the first.
    early.iter().for_each(|message| refused(message));
    let mut last = Vec::new();
    for count in LAST - 2..=LAST {
        for (from, to, plain) in [(pair.amf, pair.ue, DOWNLINK), (pair.ue, pair.amf, UPLINK)] {
            let (mut pdu, mut back) = ([0; 64], [0; 64]);
            let sent = after.protect(from, GPP, plain, &mut pdu).unwrap();
            assert_eq!((sent.count, sent.near_wrap), (count, NearWrap::Urgent));
            let received = after.verify(to, GPP, &pdu[..sent.len], &mut back);
            assert_eq!(received.verdict.count, Some(count));
            assert_eq!(received.verdict.near_wrap, NearWrap::Urgent);
            last = pdu[..sent.len].to_vec();
        }
    }
    let state = [untouched(pair.amf), untouched(pair.ue)];
    for (from, plain) in [(pair.amf, DOWNLINK), (pair.ue, UPLINK)] {
        let mut pdu = [0xC5; 64];
        for _ in 0..3 {
            let refused = after.protect(from, GPP, plain, &mut pdu);
            assert_eq!(refused.err(), Some(Error::CountExhausted));
        }
        let mut job = [Job {
            op: op::PROTECT,
            access: 1,
            session: from.bits(),
            in_len: plain.len() as u32,
            out_offset: 32,
            out_capacity: 32,
            ..Job::default()
        }];
        let mut arena = [0xC5; 64];
        arena[..plain.len()].copy_from_slice(plain);
        assert_eq!(after.batch(&mut job, &mut arena), 0);
        assert_eq!(job[0].status, Error::CountExhausted.code());
        assert!(pdu.iter().chain(&arena[32..]).all(|octet| *octet == 0xC5));
    }
    early
        .iter()
        .chain([&last])
        .for_each(|message| refused(message));
    assert_eq!(state, [untouched(pair.amf), untouched(pair.ue)]);
}
