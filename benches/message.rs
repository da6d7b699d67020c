//! One protected message through the engine, alone and in batches: what an AMF pays per call.
//!
//! `cargo bench --bench message`. Every round's output is checked against the other half before the clock starts.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use naslane::base::{AccessType, NgKsi};
use naslane::engine::job::{Job, op};
use naslane::engine::{Config, Engine};
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::{Activation, Answer, Policy, Request};
use naslane::security::{Identity, Role};
use naslane::session::Handle;

const GPP: AccessType = AccessType::ThreeGpp;
const SESSIONS: usize = 1024;
const ALGORITHMS: [(u8, u8); 4] = [(0, 2), (1, 1), (2, 2), (3, 3)];
/// Octets of the plain message such that the PDU has 64 behind its header, as the peers are measured.
const PLAIN: usize = 64;

fn identity(number: usize) -> Identity {
    let mut k_amf = [0x5A; 32];
    k_amf[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Identity {
        k_amf: KAmf::new(k_amf),
        ng_ksi: NgKsi::native(0).expect("0 is native"),
        ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70]).expect("two octets"),
        emergency: false,
    }
}

/// An engine with AMF and UE halves after their security mode procedure.
fn halves(nea: u8, nia: u8) -> (Engine, Vec<(Handle, Handle)>) {
    let mut config = Config::for_sessions(2 * SESSIONS);
    config.smc.policy = Policy::from_ids(&[nea], &[nia]).expect("one of each");
    let engine = Engine::new(&config).expect("starts");
    let pairs = (0..SESSIONS)
        .map(|number| secured(&engine, number))
        .collect();
    (engine, pairs)
}

fn secured(engine: &Engine, number: usize) -> (Handle, Handle) {
    let amf = engine.establish(Role::Amf).expect("room");
    let ue = engine.establish(Role::Ue).expect("room");
    engine.authenticated(amf, identity(number)).expect("fresh");
    engine.authenticated(ue, identity(number)).expect("fresh");
    let (mut command, mut answer) = ([0; 256], [0; 256]);
    let sent = engine
        .smc_command(amf, &Request::new(GPP, Activation::Partial), &mut command)
        .expect("command");
    let env = engine.ue_env(UeSecurityCapability::from_value(&[0xF0, 0x70]).expect("two octets"));
    let complete = engine
        .ue_command(ue, (GPP, &command[..sent.len]), &env, &mut answer)
        .expect("answer");
    let Answer::Complete(complete) = complete else {
        panic!("{complete:?}")
    };
    let received = engine.verify(amf, GPP, &answer[..complete.len], &mut command);
    assert!(received.procedure.is_some());
    (amf, ue)
}

fn plain() -> Vec<u8> {
    let mut plain = vec![0xA5; PLAIN];
    plain[..3].copy_from_slice(&[0x7E, 0, 0x68]);
    plain
}

fn one(c: &mut Criterion) {
    let mut group = c.benchmark_group("one_message_64");
    for (nea, nia) in ALGORITHMS {
        let (engine, pairs) = halves(nea, nia);
        let plain = plain();
        let (mut pdu, mut back) = ([0; 128], [0; 128]);
        let (amf, ue) = pairs[0];
        let sent = engine.protect(amf, GPP, &plain, &mut pdu).expect("protect");
        let received = engine.verify(ue, GPP, &pdu[..sent.len], &mut back);
        assert_eq!(received.plain_len(), Ok(PLAIN));
        assert_eq!(back[..PLAIN], plain);
        let name = format!("nea{nea}_nia{nia}");
        group.bench_function(BenchmarkId::new("protect", &name), |b| {
            b.iter(|| engine.protect(amf, GPP, &plain, &mut pdu));
        });
        let (amf, ue) = pairs[1];
        let sent = engine.protect(amf, GPP, &plain, &mut pdu).expect("protect");
        group.bench_function(BenchmarkId::new("verify_only", &name), |b| {
            b.iter(|| engine.verify_only(ue, GPP, &pdu[..sent.len], &mut back));
        });
        assert_eq!(back[..PLAIN], plain);
    }
}

fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch_64");
    for (nea, nia) in ALGORITHMS {
        let (engine, pairs) = halves(nea, nia);
        for size in [8_usize, 64, 512] {
            let mut arena = vec![0; size * 256];
            let mut jobs = vec![Job::default(); size];
            for (i, job) in jobs.iter_mut().enumerate() {
                arena[i * 256..][..PLAIN].copy_from_slice(&plain());
                *job = Job {
                    op: op::PROTECT,
                    access: 1,
                    session: pairs[i].0.bits(),
                    in_offset: (i * 256) as u32,
                    in_len: PLAIN as u32,
                    out_offset: (i * 256 + 128) as u32,
                    out_capacity: 128,
                    ..Job::default()
                };
            }
            assert_eq!(engine.batch(&mut jobs, &mut arena), size);
            let mut back = [0; 128];
            for (i, job) in jobs.iter().enumerate() {
                let pdu = &arena[i * 256 + 128..][..job.out_len as usize];
                assert_eq!(
                    engine.verify(pairs[i].1, GPP, pdu, &mut back).plain_len(),
                    Ok(PLAIN)
                );
                assert_eq!(back[..PLAIN], plain());
            }
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(
                BenchmarkId::new(format!("protect_nea{nea}_nia{nia}"), size),
                |b| {
                    b.iter(|| engine.batch(&mut jobs, &mut arena));
                },
            );
        }
    }
}

criterion_group!(benches, one, batch);
criterion_main!(benches);
