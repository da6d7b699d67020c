//! `naslane bench`: a quick table of what a message costs here. Every result is checked: what one session protects,
//! its peer must verify and give back.

use std::time::Instant;

use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Error, NgKsi};
use naslane::engine::job::op;
use naslane::engine::{Config, Engine, Job};
use naslane::kdf::{AlgorithmId, KAmf, KNasLane, k_nas_batch, k_nas_enc, k_nas_int};
use naslane::kernel::rooms;
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::{Activation, Answer, Ending, Request};
use naslane::security::{Algorithms, Identity, Role};
use naslane::session::Handle;
use serde_json::json;

use crate::Outcome;
use crate::terminal::{Tone, bar, number, show, table, text};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fewer rounds: numbers within seconds, less steady
    #[arg(long)]
    quick: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const GPP: AccessType = AccessType::ThreeGpp;
const ALGORITHMS: [(Nea, Nia); 4] = [
    (Nea::Nea0, Nia::Nia2),
    (Nea::Nea1, Nia::Nia1),
    (Nea::Nea2, Nia::Nia2),
    (Nea::Nea3, Nia::Nia3),
];
const SIZES: [usize; 5] = [16, 64, 128, 512, 1400];
const BATCHES: [usize; 4] = [1, 8, 32, 64];
/// UEs of each pair of algorithms, and messages of one measurement.
const UES: usize = 64;
/// Octets of the arena for one message.
const PLACE: usize = 1536;

/// Nanoseconds per message, one value for each round.
#[derive(Default)]
struct Samples(Vec<f64>);

impl Samples {
    fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// One line of the table.
struct Cell {
    fleet: usize,
    size: usize,
    batch: usize,
    protect: Samples,
    verify: Samples,
}

/// UEs with one pair of algorithms; both ends are sessions of the engine.
struct Fleet {
    algorithms: Algorithms,
    amf: Vec<Handle>,
    ue: Vec<Handle>,
}

struct Bench {
    engine: Engine,
    fleets: Vec<Fleet>,
    arena: Vec<u8>,
    jobs: Vec<Job>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let rounds = if args.quick { 7 } else { 101 };
    let mut bench = Bench::new().map_err(|error| format!("bench: {error}"))?;
    let mut cells = Vec::new();
    for fleet in 0..ALGORITHMS.len() {
        for size in SIZES {
            for batch in BATCHES {
                let (protect, verify) = (Samples::default(), Samples::default());
                cells.push(Cell {
                    fleet,
                    size,
                    batch,
                    protect,
                    verify,
                });
            }
        }
    }
    let mut derivations = BATCHES.map(|batch| (batch, Samples::default()));
    check_derivation()?;
    let bar = bar(rounds + 1);
    // The first round warms up; all rows take turns, so that a slow moment of the machine hits all alike.
    for round in 0..=rounds {
        for cell in &mut cells {
            let (protect, verify) = bench.measure(cell).map_err(|why| format!("bench: {why}"))?;
            if round > 0 {
                cell.protect.0.push(protect);
                cell.verify.0.push(verify);
            }
        }
        for (batch, samples) in &mut derivations {
            let nanoseconds = derive(*batch);
            if round > 0 {
                samples.0.push(nanoseconds);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let out = if args.json {
        as_json(&cells, &derivations)
    } else {
        as_text(&cells, &derivations)
    };
    show(&out)?;
    Ok(true)
}

impl Bench {
    fn new() -> naslane::base::Result<Self> {
        let engine = Engine::new(&Config::for_sessions(2 * UES * ALGORITHMS.len()))?;
        let mut fleets = Vec::new();
        for (place, (nea, nia)) in ALGORITHMS.into_iter().enumerate() {
            let mut fleet = Fleet {
                algorithms: Algorithms { nea, nia },
                amf: Vec::new(),
                ue: Vec::new(),
            };
            for ue in 0..UES {
                fleet.add(&engine, [place as u8, ue as u8])?;
            }
            fleets.push(fleet);
        }
        Ok(Self {
            engine,
            fleets,
            arena: vec![0; 2 * UES * PLACE],
            jobs: vec![Job::default(); UES],
        })
    }

    /// Nanoseconds per message for protect in the AMF's role and for verify in the AMF's role.
    fn measure(&mut self, cell: &Cell) -> Result<(f64, f64), String> {
        let fleet = &self.fleets[cell.fleet];
        let (amf, ue) = (fleet.amf.clone(), fleet.ue.clone());
        self.fill(cell.size, 0x68);
        let protect = self.time((&amf, op::PROTECT), (cell.size, cell.batch))?;
        self.swap(cell.size);
        self.time((&ue, op::VERIFY), (cell.size + 7, 1))?;
        self.compare(cell.size, 0x68)?;
        self.fill(cell.size, 0x67);
        self.time((&ue, op::PROTECT), (cell.size, 1))?;
        self.swap(cell.size);
        let verify = self.time((&amf, op::VERIFY), (cell.size + 7, cell.batch))?;
        self.compare(cell.size, 0x67)?;
        Ok((protect, verify))
    }

    fn message(place: usize, size: usize, message_type: u8) -> impl Iterator<Item = u8> {
        let filler = (0..).map(move |i| (i * 31 + place * 7) as u8);
        [0x7E, 0, message_type].into_iter().chain(filler).take(size)
    }

    /// Plain messages to the inputs.
    fn fill(&mut self, size: usize, message_type: u8) {
        for (place, input) in self.arena[..UES * PLACE].chunks_mut(PLACE).enumerate() {
            for (octet, value) in input
                .iter_mut()
                .zip(Self::message(place, size, message_type))
            {
                *octet = value;
            }
        }
    }

    /// The outputs become the inputs, and the old inputs are wiped.
    fn swap(&mut self, size: usize) {
        let (inputs, outputs) = self.arena.split_at_mut(UES * PLACE);
        for (input, output) in inputs.chunks_mut(PLACE).zip(outputs.chunks_mut(PLACE)) {
            input[..size + 7].swap_with_slice(&mut output[..size + 7]);
            output.fill(0);
        }
    }

    fn compare(&self, size: usize, message_type: u8) -> Result<(), String> {
        let outputs = self.arena[UES * PLACE..].chunks(PLACE);
        let same = outputs.enumerate().all(|(place, output)| {
            output[..size]
                .iter()
                .copied()
                .eq(Self::message(place, size, message_type))
        });
        if same {
            Ok(())
        } else {
            Err("a message came back changed; run `naslane selftest`".to_owned())
        }
    }

    /// Runs one message of `len` octets in every session; `batch` messages per call.
    fn time(
        &mut self,
        (handles, operation): (&[Handle], u8),
        (len, batch): (usize, usize),
    ) -> Result<f64, String> {
        if batch == 1 {
            return self.time_single((handles, operation), len);
        }
        for (place, (job, handle)) in self.jobs.iter_mut().zip(handles).enumerate() {
            *job = Job {
                op: operation,
                access: GPP.bearer(),
                session: handle.bits(),
                in_offset: (place * PLACE) as u32,
                in_len: len as u32,
                out_offset: ((UES + place) * PLACE) as u32,
                out_capacity: PLACE as u32,
                ..Job::default()
            };
        }
        let (mut good, start) = (0, Instant::now());
        for jobs in self.jobs.chunks_mut(batch) {
            good += self.engine.batch(jobs, &mut self.arena);
        }
        let elapsed = start.elapsed();
        if good != UES {
            let bad = self
                .jobs
                .iter()
                .find_map(|job| Error::from_code(job.status));
            return Err(format!(
                "a job failed: {}",
                bad.map_or("without a reason", Error::text)
            ));
        }
        Ok(elapsed.as_nanos() as f64 / UES as f64)
    }

    fn time_single(
        &mut self,
        (handles, operation): (&[Handle], u8),
        len: usize,
    ) -> Result<f64, String> {
        let (inputs, outputs) = self.arena.split_at_mut(UES * PLACE);
        let places = || inputs.chunks(PLACE);
        let (mut failure, start) = (Ok(()), Instant::now());
        for ((handle, input), output) in handles.iter().zip(places()).zip(outputs.chunks_mut(PLACE))
        {
            let input = &input[..len];
            let result = if operation == op::PROTECT {
                self.engine.protect(*handle, GPP, input, output).map(drop)
            } else {
                self.engine
                    .verify(*handle, GPP, input, output)
                    .verdict
                    .result
            };
            failure = failure.and(result);
        }
        let elapsed = start.elapsed();
        failure.map_err(|error| format!("a message failed: {error}"))?;
        Ok(elapsed.as_nanos() as f64 / UES as f64)
    }
}

impl Fleet {
    /// One more UE, with its security mode procedure done.
    fn add(&mut self, engine: &Engine, name: [u8; 2]) -> naslane::base::Result<()> {
        let ue_sec_cap = UeSecurityCapability::from_value(&[0xF0, 0x70])?;
        let handles = [engine.establish(Role::Amf)?, engine.establish(Role::Ue)?];
        for handle in handles {
            let mut k_amf = [0x5A; 32];
            k_amf[..2].copy_from_slice(&name);
            let ng_ksi = NgKsi::native(0).ok_or(Error::NgKsi)?;
            let identity = Identity {
                k_amf: KAmf::new(k_amf),
                ng_ksi,
                ue_sec_cap,
                emergency: false,
            };
            engine.authenticated(handle, identity)?;
        }
        let [amf, ue] = handles;
        let mut request = Request::new(GPP, Activation::Partial);
        request.algorithms = Some(self.algorithms);
        let (mut command, mut answer, mut plain) = ([0; 64], [0; 64], [0; 64]);
        let sent = engine.smc_command(amf, &request, &mut command)?;
        let command = &command[..sent.len];
        let Answer::Complete(sent) =
            engine.ue_command(ue, (GPP, command), &engine.ue_env(ue_sec_cap), &mut answer)?
        else {
            return Err(Error::Rejected);
        };
        let received = engine.verify(amf, GPP, &answer[..sent.len], &mut plain);
        received.plain_len()?;
        if received
            .procedure
            .is_none_or(|outcome| outcome.ending != Ending::Completed)
        {
            return Err(Error::Unexpected);
        }
        self.amf.push(amf);
        self.ue.push(ue);
        Ok(())
    }
}

fn keys() -> Vec<KAmf> {
    (0..UES).map(|ue| KAmf::new([ue as u8; 32])).collect()
}

fn lanes(keys: &[KAmf]) -> Result<Vec<KNasLane<'_>>, String> {
    let id = AlgorithmId::new(2).ok_or("algorithm identity")?;
    Ok(keys
        .iter()
        .map(|k_amf| KNasLane::new(k_amf, id, id))
        .collect())
}

fn check_derivation() -> Result<(), String> {
    let keys = keys();
    let mut lanes = lanes(&keys)?;
    k_nas_batch(&mut lanes);
    let same = lanes.iter().all(|lane| {
        lane.k_nas_enc == k_nas_enc(lane.k_amf, lane.nea)
            && lane.k_nas_int == k_nas_int(lane.k_amf, lane.nia)
    });
    if same {
        Ok(())
    } else {
        Err("derivations in lanes differ; run `naslane selftest`".to_owned())
    }
}

/// Nanoseconds per UE for K_NASenc and K_NASint.
fn derive(batch: usize) -> f64 {
    let keys = keys();
    let Ok(mut lanes) = lanes(&keys) else {
        return f64::NAN;
    };
    let start = Instant::now();
    for lanes in lanes.chunks_mut(batch) {
        k_nas_batch(lanes);
    }
    start.elapsed().as_nanos() as f64 / UES as f64
}

fn name(cell: &Cell) -> String {
    let (nea, nia) = ALGORITHMS[cell.fleet];
    format!("{} {}", nea.name(), nia.name())
}

fn as_text(cells: &[Cell], derivations: &[(usize, Samples)]) -> String {
    let whole = |value: f64| number(format!("{value:.0}"), Tone::Plain);
    let rows = cells.iter().map(|cell| {
        vec![
            text(name(cell)),
            number(cell.size, Tone::Plain),
            number(cell.batch, Tone::Plain),
            whole(cell.protect.min()),
            whole(cell.protect.median()),
            whole(cell.verify.min()),
            whole(cell.verify.median()),
        ]
    });
    let head = [
        "algorithms",
        "octets",
        "batch",
        "protect min",
        "median",
        "verify min",
        "median",
    ];
    let mut out =
        "ns per message, in the AMF's role, one message per UE; batch 1 is the single call\n"
            .to_owned();
    out += &table(&head, rows.collect());
    let rows = derivations.iter().map(|(batch, samples)| {
        vec![
            number(batch, Tone::Plain),
            whole(samples.min()),
            whole(samples.median()),
        ]
    });
    out += "\nns per UE for K_NASenc and K_NASint\n";
    out += &table(&["batch", "min", "median"], rows.collect());
    out
}

fn as_json(cells: &[Cell], derivations: &[(usize, Samples)]) -> String {
    let samples = |samples: &Samples| json!({ "min": samples.min(), "median": samples.median() });
    let messages: Vec<_> = cells
        .iter()
        .map(|cell| {
            let (nea, nia) = ALGORITHMS[cell.fleet];
            json!({
                "nea": nea.id(), "nia": nia.id(), "octets": cell.size, "batch": cell.batch,
                "protect_ns": samples(&cell.protect), "verify_ns": samples(&cell.verify),
            })
        })
        .collect();
    let derivations: Vec<_> = derivations
        .iter()
        .map(|(batch, s)| json!({ "batch": batch, "ns": samples(s) }))
        .collect();
    let backends: serde_json::Map<_, _> = rooms()
        .iter()
        .filter_map(|room| {
            Some((
                room.name.to_owned(),
                room.rows().find(|row| row.chosen)?.name.into(),
            ))
        })
        .collect();
    let all = json!({
        "version": naslane::VERSION, "backends": backends,
        "messages": messages, "k_nas": derivations,
    });
    format!("{all:#}\n")
}
