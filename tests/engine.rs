//! The verbs of the engine, one at a time and in batches.

mod common;

use common::*;
use naslane::base::Error;
use naslane::engine::job::{Job, SmcJob, event, flag, op};
use naslane::procedure::smc::Activation;

const ALGORITHMS: [(u8, u8); 4] = [(0, 2), (1, 1), (2, 2), (3, 3)];

#[test]
fn a_secured_pair_talks_on_every_algorithm() {
    for (nea, nia) in ALGORITHMS {
        let engine = engine(nea, nia);
        let pair = Pair::secured(&engine, 1);
        for _ in 0..300 {
            pair.talk(&engine, GPP);
        }
    }
}

/// The answer over the first access is lost: the command comes again while the second access still waits for its own,
/// and the context before stays in use there (TS 33.501 6.4.2.2).
#[test]
fn a_command_repeated_on_the_first_access_is_answered_again() {
    use naslane::base::AccessType;
    use naslane::procedure::smc::{Action, Answer, Event};

    let second = AccessType::NonThreeGpp;
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    pair.run_smc(&engine, second, Activation::Current);
    pair.talk(&engine, second);
    pair.authenticate(&engine, 2, 1);
    let command = pair.command(&engine, GPP, Activation::Partial);
    let (answer, _lost) = pair.answer(&engine, GPP, &command);
    assert!(matches!(answer, Answer::Complete(_)), "{answer:?}");
    for _ in 0..2 {
        let mut again = vec![0; 512];
        let action = engine.smc_event(pair.amf, Event::T3560Expired, &mut again);
        let Ok(Action::Resend(sent)) = action else {
            panic!("{action:?}")
        };
        again.truncate(sent.len);
        let (answer, complete) = pair.answer(&engine, GPP, &again);
        assert!(matches!(answer, Answer::Complete(_)), "{answer:?}");
        if sent.count == Some(2) {
            verify(&engine, pair.amf, GPP, &complete).unwrap();
        }
    }
    for _ in 0..3 {
        pair.talk(&engine, GPP);
        pair.talk(&engine, second);
    }
    pair.run_smc(&engine, second, Activation::Current);
    pair.talk(&engine, second);
    pair.talk(&engine, GPP);
}

#[test]
fn a_batch_gives_what_single_calls_give() {
    for (nea, nia) in ALGORITHMS {
        let engine = engine(nea, nia);
        for count in [1, 2, 63, 64, 65, 200] {
            batch_of(&engine, count);
        }
    }
}

/// `count` UEs send one message each, in one batch; the AMF halves verify them in a second one, in place.
fn batch_of(engine: &naslane::Engine, count: usize) {
    let base = count as u64 * 1000;
    let pairs: Vec<Pair> = (0..count)
        .map(|i| Pair::secured(engine, base + i as u64))
        .collect();
    let mut arena = vec![0xEE; count * 256];
    let mut jobs = vec![Job::default(); count];
    for (i, job) in jobs.iter_mut().enumerate() {
        let plain: Vec<u8> = UPLINK
            .iter()
            .copied()
            .chain((0..i % 90).map(|b| b as u8))
            .collect();
        arena[i * 256..][..plain.len()].copy_from_slice(&plain);
        *job = Job {
            op: op::PROTECT,
            access: 1,
            session: pairs[i].ue.bits(),
            user_data: i as u64,
            in_offset: (i * 256) as u32,
            in_len: plain.len() as u32,
            out_offset: (i * 256 + 128) as u32,
            out_capacity: 128,
            ..Job::default()
        };
    }
    assert_eq!(engine.batch(&mut jobs, &mut arena), count);
    for (i, job) in jobs.iter_mut().enumerate() {
        assert_eq!((job.status, job.user_data, job.sht), (0, i as u64, 2));
        assert_eq!(job.out_len, job.in_len + 7);
        let place = job.out_offset;
        *job = Job {
            op: op::VERIFY,
            access: 1,
            session: pairs[i].amf.bits(),
            in_offset: place,
            in_len: job.out_len,
            out_offset: place,
            out_capacity: 128,
            ..Job::default()
        };
    }
    assert_eq!(engine.batch(&mut jobs, &mut arena), count);
    for (i, job) in jobs.iter().enumerate() {
        assert_eq!(job.flags & flag::SECURED, flag::SECURED);
        let len = job.out_len as usize;
        assert_eq!(arena[i * 256..][..len], arena[i * 256 + 128..][..len]);
        assert_eq!(job.message_type, 0x67);
    }
    assert_eq!(
        engine.batch(&mut jobs, &mut arena),
        0,
        "the octets are plain now"
    );
    for pair in pairs {
        engine.release(pair.amf).unwrap();
        engine.release(pair.ue).unwrap();
    }
}

#[test]
fn messages_of_one_session_keep_their_order_in_a_batch() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let mut arena = vec![0; 128 * 64];
    let mut jobs = vec![Job::default(); 100];
    for (i, job) in jobs.iter_mut().enumerate() {
        arena[i * 64..][..UPLINK.len()].copy_from_slice(UPLINK);
        *job = Job {
            op: op::PROTECT,
            access: 1,
            session: pair.ue.bits(),
            in_offset: (i * 64) as u32,
            in_len: UPLINK.len() as u32,
            out_offset: (i * 64) as u32,
            out_capacity: 64,
            ..Job::default()
        };
    }
    assert_eq!(engine.batch(&mut jobs, &mut arena), 100);
    let counts: Vec<u32> = jobs.iter().map(|job| job.count).collect();
    assert_eq!(
        counts,
        (1..=100).collect::<Vec<_>>(),
        "the Complete had COUNT 0"
    );
    for job in &mut jobs {
        job.op = op::VERIFY;
        job.session = pair.amf.bits();
        job.in_len = job.out_len;
    }
    assert_eq!(engine.batch(&mut jobs, &mut arena), 100);
    let counts: Vec<u32> = jobs.iter().map(|job| job.count).collect();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>());
}

#[test]
fn a_security_mode_procedure_in_a_batch() {
    let engine = engine(2, 2);
    let pair = Pair::authenticated(&engine, 1);
    let mut arena = vec![0; 1024];
    arena[..128].copy_from_slice(&SmcJob::default().write());
    let mut jobs = [Job {
        op: op::SMC_COMMAND,
        access: 1,
        session: pair.amf.bits(),
        in_len: 128,
        out_offset: 128,
        out_capacity: 256,
        ..Job::default()
    }];
    assert_eq!(engine.batch(&mut jobs, &mut arena), 1, "{jobs:?}");
    assert_eq!((jobs[0].sht, jobs[0].count), (3, 0));
    let lost = arena[128..][..jobs[0].out_len as usize].to_vec();
    jobs[0].op = op::SMC_RESEND;
    assert_eq!(engine.batch(&mut jobs, &mut arena), 1, "{jobs:?}");
    assert_eq!((jobs[0].sht, jobs[0].count), (3, 1));
    let command = arena[128..][..jobs[0].out_len as usize].to_vec();
    assert_eq!(lost[7..], command[7..]);
    assert_ne!(lost[2..7], command[2..7]);
    let (_, complete) = pair.answer(&engine, GPP, &command);
    arena[..complete.len()].copy_from_slice(&complete);
    jobs[0] = Job {
        op: op::VERIFY,
        access: 1,
        session: pair.amf.bits(),
        in_len: complete.len() as u32,
        out_capacity: 256,
        ..Job::default()
    };
    assert_eq!(engine.batch(&mut jobs, &mut arena), 1, "{jobs:?}");
    assert_eq!(
        (jobs[0].event, jobs[0].message_type),
        (event::COMPLETED, 0x5E)
    );
    pair.talk(&engine, GPP);
}

#[test]
fn bad_jobs_have_their_own_status_and_change_nothing() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    let good = Job {
        op: op::PROTECT,
        access: 1,
        session: pair.amf.bits(),
        in_len: DOWNLINK.len() as u32,
        out_offset: 64,
        out_capacity: 64,
        ..Job::default()
    };
    let cases = [
        (Error::Operation, Job { op: 0, ..good }),
        (Error::Operation, Job { op: 99, ..good }),
        (Error::Operation, Job { form: 9, ..good }),
        (
            Error::Operation,
            Job {
                reserved: 1,
                ..good
            },
        ),
        (
            Error::Operation,
            Job {
                reserved2: 1,
                ..good
            },
        ),
        (Error::Bearer, Job { access: 0, ..good }),
        (Error::Bearer, Job { access: 3, ..good }),
        (Error::Handle, Job { session: 0, ..good }),
        (
            Error::Handle,
            Job {
                session: u64::MAX,
                ..good
            },
        ),
        (
            Error::OutOfRange,
            Job {
                in_offset: u32::MAX,
                ..good
            },
        ),
        (
            Error::OutOfRange,
            Job {
                out_capacity: u32::MAX,
                ..good
            },
        ),
        (
            Error::BufferTooSmall,
            Job {
                out_capacity: 13,
                ..good
            },
        ),
        (
            Error::Overlap,
            Job {
                out_offset: 3,
                ..good
            },
        ),
        (Error::Short, Job { in_len: 0, ..good }),
        (
            Error::Discriminator,
            Job {
                in_offset: 40,
                ..good
            },
        ),
    ];
    for (error, job) in cases {
        let mut arena = vec![0xC5; 256];
        arena[..DOWNLINK.len()].copy_from_slice(DOWNLINK);
        let before = arena.clone();
        let mut jobs = [job];
        assert_eq!(engine.batch(&mut jobs, &mut arena), 0, "{job:?}");
        assert_eq!(jobs[0].status, error.code(), "{job:?}");
        assert_eq!(jobs[0].out_len, 0);
        assert_eq!(arena, before, "{job:?}");
    }
    colliding_jobs(&engine, good);
    let mut out = [0; 64];
    let sent = engine.protect(pair.amf, GPP, DOWNLINK, &mut out).unwrap();
    assert_eq!(sent.count, 1, "no bad job took a COUNT");
}

/// Jobs whose places collide are refused together.
fn colliding_jobs(engine: &naslane::Engine, good: Job) {
    let mut arena = vec![0; 256];
    arena[..DOWNLINK.len()].copy_from_slice(DOWNLINK);
    let mut jobs = [
        good,
        good,
        Job {
            out_offset: 0,
            out_capacity: 30,
            in_offset: 128,
            ..good
        },
    ];
    assert_eq!(engine.batch(&mut jobs, &mut arena), 0);
    assert!(
        jobs.iter().all(|job| job.status == Error::Overlap.code()),
        "{jobs:?}"
    );
}

#[test]
fn the_second_access_waits_for_its_own_command() {
    let engine = engine(2, 2);
    let pair = Pair::secured(&engine, 1);
    pair.run_smc(&engine, N3GPP, Activation::Current);
    pair.talk(&engine, N3GPP);
    pair.authenticate(&engine, 2, 1);
    pair.run_smc(&engine, GPP, Activation::Partial);
    pair.talk(&engine, GPP);
    pair.talk(&engine, N3GPP);
    pair.run_smc(&engine, N3GPP, Activation::Current);
    pair.talk(&engine, N3GPP);
    pair.talk(&engine, GPP);
}

/// Commands of a batch share the lanes of the KDF: octet for octet the commands that single calls send.
#[test]
fn commands_of_a_batch_are_those_of_single_calls() {
    const PLACE: usize = 512;
    for (nea, nia) in ALGORITHMS {
        let (one, many) = (engine(nea, nia), engine(nea, nia));
        let mut arena = vec![0; PLACE * 70];
        let mut pairs = Vec::new();
        let mut jobs = Vec::new();
        for number in 0..70 {
            let pair = Pair::authenticated(&many, number);
            let place = number as usize * PLACE;
            arena[place..][..128].copy_from_slice(&SmcJob::default().write());
            jobs.push(Job {
                op: op::SMC_COMMAND,
                access: 1,
                session: pair.amf.bits(),
                in_offset: place as u32,
                in_len: 128,
                out_offset: (place + 128) as u32,
                out_capacity: 384,
                ..Job::default()
            });
            pairs.push(pair);
        }
        assert_eq!(many.batch(&mut jobs, &mut arena), 70);
        for (number, (job, pair)) in jobs.iter().zip(&pairs).enumerate() {
            let command = &arena[job.out_offset as usize..][..job.out_len as usize];
            let alone = Pair::authenticated(&one, number as u64);
            assert_eq!(command, alone.command(&one, GPP, Activation::Partial));
            let (answer, complete) = pair.answer(&many, GPP, command);
            assert!(!complete.is_empty(), "{answer:?}");
            let mut out = vec![0; 512];
            let received = many.verify(pair.amf, GPP, &complete, &mut out);
            assert!(received.procedure.is_some());
            pair.talk(&many, GPP);
        }
    }
}

/// One after the other, few and many at a time, elsewhere and in place: only what verifies reaches the output, and nothing
/// behind it changes.
#[test]
fn what_is_refused_writes_nothing_in_a_batch_either() {
    for (nea, nia) in ALGORITHMS {
        for calls in [1, 5, 64] {
            for in_place in [false, true] {
                let engine = engine(nea, nia);
                refused_in_calls(&engine, calls, in_place);
            }
        }
    }
}

fn refused_in_calls(engine: &naslane::Engine, calls: usize, in_place: bool) {
    const COUNT: usize = 96;
    const PLACE: usize = 512;
    const OUT: usize = COUNT * PLACE;
    let mut arena = vec![0xC5; 2 * OUT];
    let (mut jobs, mut plains) = (Vec::new(), Vec::new());
    for index in 0..COUNT {
        let pair = Pair::secured(engine, index as u64 + 1);
        let mut plain: Vec<u8> = (0..3 + index * 3).map(|i| (i * index) as u8).collect();
        plain[..3].copy_from_slice(&[0x7E, 0, 0x67]);
        let mut pdu = protect(engine, pair.ue, GPP, &plain);
        match index % 4 {
            // The last octet, which a message of any length has, and the MAC.
            1 => *pdu.last_mut().unwrap() ^= 1,
            2 => pdu[2 + index % 3] ^= 0x80,
            3 => assert_eq!(verify(engine, pair.amf, GPP, &pdu).unwrap(), plain),
            _ => {}
        }
        let offset = index * PLACE;
        arena[offset..offset + pdu.len()].copy_from_slice(&pdu);
        jobs.push(Job {
            op: op::VERIFY,
            access: 1,
            session: pair.amf.bits(),
            in_offset: offset as u32,
            in_len: pdu.len() as u32,
            out_offset: (if in_place { offset } else { OUT + offset }) as u32,
            out_capacity: PLACE as u32,
            ..Job::default()
        });
        plains.push(plain);
    }
    let before = arena.clone();
    for jobs in jobs.chunks_mut(calls) {
        engine.batch(jobs, &mut arena);
    }
    for (index, (job, plain)) in jobs.iter().zip(plains).enumerate() {
        let expected = match index % 4 {
            0 => 0,
            3 => Error::Replay.code(),
            _ => Error::Mac.code(),
        };
        assert_eq!(job.status, expected, "{index}, {calls} a call");
        let mut out = before[job.out_offset as usize..][..PLACE].to_vec();
        if expected == 0 {
            out[..plain.len()].copy_from_slice(&plain);
        }
        let place = &arena[job.out_offset as usize..][..PLACE];
        assert_eq!(place, out, "{index}, {calls} a call, in place: {in_place}");
        if !in_place {
            let input = job.in_offset as usize..(job.in_offset + job.in_len) as usize;
            assert_eq!(arena[input.clone()], before[input], "what came stays");
        }
    }
}
