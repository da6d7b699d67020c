//! Any jobs over one arena: every job gets a status, outputs stay in the arena, a batch without an OK writes nothing.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use arbitrary::Arbitrary;
use common::Pair;
use libfuzzer_sys::fuzz_target;
use naslane::engine::job::Job;
use naslane::engine::{Config, Engine};

const ARENA: usize = 4096;

#[derive(Arbitrary, Debug)]
struct Order {
    op: u8,
    access: u8,
    form: u8,
    reserved: u8,
    session: u8,
    place: [u16; 2],
    len: [u16; 2],
    part: [u16; 2],
    count: u32,
    wild: bool,
}

#[derive(Arbitrary, Debug)]
struct Input {
    orders: Vec<Order>,
    arena: Vec<u8>,
}

fn job(order: &Order, handles: &[u64], number: usize) -> Job {
    // Mostly jobs that reach the verbs; a wild one has any number everywhere.
    let cap = |value: u16, most: u32| {
        if order.wild {
            u32::from(value) << 12
        } else {
            u32::from(value) % most
        }
    };
    let session = usize::from(order.session);
    Job {
        op: if order.wild { order.op } else { order.op % 8 },
        access: if order.wild {
            order.access
        } else {
            order.access % 3
        },
        form: order.form % 4,
        reserved: if order.wild { order.reserved } else { 0 },
        session: handles
            .get(session % (handles.len() + 1))
            .copied()
            .unwrap_or(order.count.into()),
        user_data: number as u64,
        in_offset: cap(order.place[0], ARENA as u32),
        in_len: cap(order.len[0], 256),
        out_offset: cap(order.place[1], ARENA as u32),
        out_capacity: cap(order.len[1], 512),
        count: order.count % 1024,
        part_offset: cap(order.part[0], 256),
        part_len: cap(order.part[1], 256),
        ..Job::default()
    }
}

fuzz_target!(|input: Input| {
    let engine = Engine::new(&Config::for_sessions(8)).expect("an engine");
    let secured = Pair::secured(&engine, 1);
    let partial = Pair::authenticated(&engine, 2);
    let handles = [secured.amf, secured.ue, partial.amf, partial.ue].map(|handle| handle.bits());

    let mut arena = vec![0; ARENA];
    for (octet, given) in arena.iter_mut().zip(&input.arena) {
        *octet = *given;
    }
    // A genuine message to verify, at the very end.
    let genuine = secured.uplink(&engine, common::GPP);
    arena[ARENA - genuine.len()..].copy_from_slice(&genuine);

    let before = arena.clone();
    let orders = input.orders.iter().take(64).enumerate();
    let mut jobs: Vec<Job> = orders.map(|(n, order)| job(order, &handles, n)).collect();
    for job in &mut jobs {
        job.status = i32::MIN;
    }
    let ok = engine.batch(&mut jobs, &mut arena);

    assert_eq!(ok, jobs.iter().filter(|job| job.status == 0).count());
    assert!(ok > 0 || arena == before, "a refused job wrote");
    for (number, job) in jobs.iter().enumerate() {
        assert_ne!(job.status, i32::MIN, "no status");
        assert_eq!(job.user_data, number as u64);
        if job.status == 0 {
            assert!(job.out_len <= job.out_capacity);
            assert!((job.out_offset + job.out_len) as usize <= ARENA);
        } else {
            assert_eq!(job.out_len, 0);
        }
    }
    assert_eq!(engine.sessions(), 4);
});
