//! What it costs that a store keeps the COUNTs: the same messages at an engine without and at one with leases, in turn,
//! beside a store that takes its time.
//!
//! `cargo run --release --features embedded --example store_figures [SESSIONS [MESSAGES-A-SECOND [STORE-LATENCY-MS [FILE]]]]`
//!
//! The store is a map in memory, or with a file the embedded one (feature `embedded`); either answers later by the latency.
//!
//! Half of the messages go down, half come up, 24 to 160 octets in the order of arrival, sessions drawn at random. Time
//! is that of the calls alone. A refusal is a stall: the lease had ended before the store had answered.
#![allow(clippy::print_stdout)]

mod figures;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use naslane::engine::Engine;
use naslane::engine::job::{Job, op};
use naslane::session::attend::Attendant;
use naslane::session::{Handle, Journal};
use naslane::store::keeper::{Figures, Keeper, KeeperConfig};
use naslane::store::lease::Uplink;
use naslane::store::{
    Change, Entry, Group, Incarnation, Key, KeyRing, NodeName, Outcome, PrintKey, Result, Revision,
    SessionName, Store, check,
};

use figures::{BATCH, GPP, config, secured};

/// Octets between two messages of the arena.
const STRIDE: usize = 192;
/// Batches of a round.
const ROUND: usize = 400;
const ROUNDS: usize = 30;
/// Pause between two turns of the attendant, as in the sidecar.
const TURN: Duration = Duration::from_millis(2);

/// A store that answers late.
struct Late {
    store: Box<dyn Store>,
    latency: Duration,
}

impl Late {
    fn after(&mut self) -> &mut dyn Store {
        std::thread::sleep(self.latency);
        &mut *self.store
    }
}

impl Store for Late {
    fn incarnation(&mut self) -> Result<Incarnation> {
        self.after().incarnation()
    }

    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.after().read(keys)
    }

    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
        self.after().commit(groups)
    }

    fn records(
        &mut self,
        after: Option<SessionName>,
        most: usize,
    ) -> Result<Vec<(SessionName, Entry)>> {
        self.after().records(after, most)
    }

    fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()> {
        self.after().hold(node, ttl)
    }

    fn leave(&mut self, node: NodeName) -> Result<()> {
        self.after().leave(node)
    }

    fn present(&mut self, node: NodeName) -> Result<bool> {
        self.after().present(node)
    }
}

/// A store in this process, and only there.
#[derive(Default)]
struct Memory {
    entries: BTreeMap<Key, Entry>,
    revision: u64,
    present: HashSet<NodeName>,
}

impl Memory {
    fn stands(&self, change: &Change) -> bool {
        let there = self.entries.get(&change.key);
        there.map_or(Revision::ABSENT, |entry| entry.revision) == change.expect
    }
}

impl Store for Memory {
    fn incarnation(&mut self) -> Result<Incarnation> {
        Ok(Incarnation([3; 16]))
    }

    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        Ok(keys
            .iter()
            .map(|key| self.entries.get(key).cloned())
            .collect())
    }

    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
        check(groups)?;
        let mut outcomes = Vec::with_capacity(groups.len());
        for Group(changes) in groups {
            if !changes.iter().all(|change| self.stands(change)) {
                let there = changes
                    .iter()
                    .map(|change| self.entries.get(&change.key).cloned());
                outcomes.push(Outcome::Stale(there.collect()));
                continue;
            }
            self.revision += 1;
            let revision = Revision(self.revision);
            for change in changes {
                match &change.value {
                    Some(value) => {
                        let value = value.clone();
                        self.entries.insert(change.key, Entry { revision, value });
                    }
                    None => drop(self.entries.remove(&change.key)),
                }
            }
            outcomes.push(Outcome::Done(revision));
        }
        Ok(outcomes)
    }

    fn records(
        &mut self,
        _after: Option<SessionName>,
        _most: usize,
    ) -> Result<Vec<(SessionName, Entry)>> {
        // Nobody takes over here.
        Ok(Vec::new())
    }

    fn hold(&mut self, node: NodeName, _ttl: Duration) -> Result<()> {
        self.present.insert(node);
        Ok(())
    }

    fn leave(&mut self, node: NodeName) -> Result<()> {
        self.present.remove(&node);
        Ok(())
    }

    fn present(&mut self, node: NodeName) -> Result<bool> {
        Ok(self.present.contains(&node))
    }
}

fn store(file: Option<&str>) -> Box<dyn Store> {
    match file {
        None => Box::new(Memory::default()),
        #[cfg(feature = "embedded")]
        Some(path) => {
            let store = naslane::store::embedded::Embedded::open(path.as_ref());
            Box::new(store.expect("a file"))
        }
        #[cfg(not(feature = "embedded"))]
        Some(_) => panic!("built without the feature embedded"),
    }
}

/// An engine, its UEs, and room for a batch.
struct Side {
    engine: Arc<Engine>,
    ues: Engine,
    pairs: Vec<(Handle, Handle)>,
    arena: Vec<u8>,
    stalls: u64,
    longest: Duration,
}

impl Side {
    fn new(engine: Arc<Engine>, sessions: usize, first: u64) -> Self {
        let ues = Engine::new(&config(sessions)).expect("an engine");
        let pairs = (0..sessions as u64).map(|number| secured(&engine, &ues, first + number));
        Self {
            pairs: pairs.collect(),
            engine,
            ues,
            arena: vec![0; BATCH * STRIDE],
            stalls: 0,
            longest: Duration::ZERO,
        }
    }

    /// One batch. Every message that comes up was protected by its UE; every one that went down is verified by its UE.
    fn batch(&mut self, drawn: &[(usize, usize)]) -> Duration {
        let mut jobs = [Job::default(); BATCH];
        for (at, (job, (session, len))) in jobs.iter_mut().zip(drawn).enumerate() {
            let (amf, ue) = self.pairs[*session];
            let place = at * STRIDE;
            let mut plain = vec![0xAA; *len];
            let kind = if at % 2 == 0 { 0x68 } else { 0x67 };
            plain[..6].copy_from_slice(&[0x7E, 0, kind, 1, 0, (*len - 6) as u8]);
            let room = &mut self.arena[place..place + STRIDE];
            let len = if at % 2 == 0 {
                room[..plain.len()].copy_from_slice(&plain);
                plain.len()
            } else {
                let sent = self.ues.protect(ue, GPP, &plain, room);
                sent.expect("the UE's COUNTs suffice").len
            };
            *job = Job {
                op: if at % 2 == 0 { op::PROTECT } else { op::VERIFY },
                access: 1,
                session: amf.bits(),
                in_offset: place as u32,
                in_len: len as u32,
                out_offset: place as u32,
                out_capacity: STRIDE as u32,
                ..Job::default()
            };
        }
        let begin = Instant::now();
        let good = self.engine.batch(&mut jobs, &mut self.arena);
        let took = begin.elapsed();
        self.longest = self.longest.max(took);
        self.stalls += (BATCH - good) as u64;
        let mut out = [0; STRIDE];
        for (job, (session, len)) in jobs.iter().zip(drawn) {
            if job.op == op::PROTECT && job.status == 0 {
                let place = job.out_offset as usize;
                let pdu = &self.arena[place..place + job.out_len as usize];
                let got = self.ues.verify(self.pairs[*session].1, GPP, pdu, &mut out);
                assert_eq!(got.verdict.result, Ok(()), "the UE takes it");
                assert_eq!(got.verdict.len, *len);
            }
        }
        took
    }
}

/// Numbers that look random: xorshift.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

/// Keeps leases until told to end.
fn keep(
    mut attendant: Attendant<Late>,
    engine: &Engine,
    ends: &AtomicBool,
    ready: &AtomicBool,
) -> Figures {
    let begin = Instant::now();
    while !ends.load(Ordering::Acquire) {
        attendant.attend(&[engine.table()], begin.elapsed());
        ready.store(attendant.keeper().present(), Ordering::Release);
        std::thread::sleep(TURN);
    }
    attendant.figures()
}

fn main() {
    let number = |at: usize, or: u64| {
        let arg = std::env::args().nth(at);
        arg.map_or(or, |text| text.parse().expect("a number"))
    };
    let (sessions, rate) = (number(1, 10_000) as usize, number(2, 100_000));
    let latency = Duration::from_millis(number(3, 1));
    let prints = PrintKey::new([9; 32]);
    let config = config(sessions);
    let keys = Arc::new(config.key_memory(1).keyed(prints.clone()));
    let journal = Journal::in_memory(sessions);
    let kept = Engine::with_journal(&config, keys, Some(journal)).expect("an engine");
    let kept = Arc::new(kept);
    let plain = Arc::new(Engine::new(&config).expect("an engine"));
    let file = std::env::args().nth(4);
    let store = Late {
        store: store(file.as_deref()),
        latency,
    };
    let keeper = KeeperConfig {
        node: NodeName([1; 16]),
        ttl: Duration::from_secs(3600),
        uplink: Uplink::AfterRekey,
    };
    let keeper = Keeper::new(store, keeper).expect("a keeper");
    let ring = KeyRing::single(1, [5; 32]);
    let attendant = Attendant::new(&[kept.table()], keeper, ring, prints).expect("a journal");
    let (ends, ready) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let keeping = scope.spawn(|| keep(attendant, &kept, &ends, &ready));
        while !ready.load(Ordering::Acquire) {
            std::thread::sleep(TURN);
        }
        let mut without = Side::new(Arc::clone(&plain), sessions, 0);
        let mut with = Side::new(Arc::clone(&kept), sessions, 0);
        // The first leases and records reach the store.
        std::thread::sleep(Duration::from_secs(2));
        let mut draw = Draw(0x9E37_79B9_7F4A_7C15);
        let pace = Duration::from_secs_f64(BATCH as f64 / rate as f64);
        let (mut each, mut due) = ([Vec::new(), Vec::new()], Instant::now());
        for _ in 0..ROUNDS {
            let mut took = [Duration::ZERO; 2];
            for turn in 0..ROUND {
                let drawn: Vec<_> = (0..BATCH)
                    .map(|_| (draw.below(sessions), 24 + draw.below(137)))
                    .collect();
                // Who is second finds the code in the caches: they take turns at that too.
                if turn % 2 == 0 {
                    took[0] += without.batch(&drawn);
                    took[1] += with.batch(&drawn);
                } else {
                    took[1] += with.batch(&drawn);
                    took[0] += without.batch(&drawn);
                }
                due += pace;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            for (each, took) in each.iter_mut().zip(took) {
                each.push(took.as_secs_f64() * 1e9 / (ROUND * BATCH) as f64);
            }
        }
        ends.store(true, Ordering::Release);
        let figures = keeping.join().expect("no panic");
        each.iter_mut()
            .for_each(|each| each.sort_by(f64::total_cmp));
        let at = |at: usize| (each[0][at], each[1][at], 100.0 * each[0][at] / each[1][at]);
        println!(
            "{sessions} sessions, {rate} messages a second, the store answers after {} ms",
            latency.as_millis()
        );
        for (what, (without, with, share)) in [("minimum", at(0)), ("median", at(ROUNDS / 2))] {
            println!(
                "  {what}: without {without:.1} ns, with {with:.1} ns a message: {share:.1} %"
            );
        }
        println!(
            "  longest batch: without {:.0} us, with {:.0} us",
            without.longest.as_secs_f64() * 1e6,
            with.longest.as_secs_f64() * 1e6
        );
        let down = (ROUNDS * ROUND * BATCH / 2) as f64;
        println!(
            "  {} messages down, {} refused (stalls); without: {}",
            down, with.stalls, without.stalls
        );
        if let Some(file) = &file {
            let len = std::fs::metadata(file).expect("the store's file").len();
            println!(
                "  the store's file: {len} octets, {} a session",
                len / sessions as u64
            );
        }
        println!(
            "  store: {} writes in {} commits, {:.4} writes a message down, keys and records included",
            figures.writes,
            figures.commits,
            figures.writes as f64 / down
        );
    });
}
