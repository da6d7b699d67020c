//! Protect and verify through the session table: engine batches of 64-byte jobs, sessions in random order.

use std::time::Instant;

use naslane::base::{AccessType, Direction, Error, NgKsi, Result};
use naslane::engine::job::op;
use naslane::engine::{Config, Engine, Job};
use naslane::kdf::{AlgorithmId, KAmf, k_nas_enc, k_nas_int};
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::{Activation, Answer, Ending, Policy, Request};
use naslane::security::{Identity, Role};
use naslane::session::Handle;

use super::contest::{BODY, Subscriber, protected, shuffled};
use super::plan::{SessionCell, Verb};
use super::report::Report;
use crate::storm::random::Random;
use crate::terminal::bar;

const ACCESS: AccessType = AccessType::ThreeGpp;
const ROUND: usize = 1024;
/// Octets of the arena for one message.
const PLACE: usize = 128;
/// Sessions of the UEs' half while the AMF's half is set up; they are used for one procedure each.
const UE_SESSIONS: usize = 64;

/// The AMF's half of many UEs after their security mode procedure.
struct Table {
    engine: Engine,
    sessions: Vec<Handle>,
    order: Vec<u32>,
    /// Next COUNT of each session, downlink and uplink.
    counts: Vec<[u32; 2]>,
    id: u8,
    /// Where the next round begins in `order`.
    next: usize,
}

fn k_amf(number: usize) -> [u8; 32] {
    let mut k_amf = [0; 32];
    Random::of(&[8, number as u64]).fill(&mut k_amf);
    k_amf
}

fn identity(number: usize) -> Result<Identity> {
    Ok(Identity {
        k_amf: KAmf::new(k_amf(number)),
        ng_ksi: NgKsi::native(0).ok_or(Error::NgKsi)?,
        ue_sec_cap: capability()?,
        emergency: false,
    })
}

fn capability() -> Result<UeSecurityCapability> {
    UeSecurityCapability::from_value(&[0xF0, 0x70])
}

/// Both halves of the security mode procedure; the UE's is released again.
fn secured(amf_side: &Engine, ue_side: &Engine, number: usize) -> Result<Handle> {
    let (amf, ue) = (amf_side.establish(Role::Amf)?, ue_side.establish(Role::Ue)?);
    amf_side.authenticated(amf, identity(number)?)?;
    ue_side.authenticated(ue, identity(number)?)?;
    let (mut command, mut answer) = ([0; 256], [0; 256]);
    let request = Request::new(ACCESS, Activation::Partial);
    let sent = amf_side.smc_command(amf, &request, &mut command)?;
    let env = ue_side.ue_env(capability()?);
    let command = &command[..sent.len];
    let Answer::Complete(sent) = ue_side.ue_command(ue, (ACCESS, command), &env, &mut answer)?
    else {
        return Err(Error::Rejected);
    };
    let mut plain = [0; 256];
    let received = amf_side.verify(amf, ACCESS, &answer[..sent.len], &mut plain);
    ue_side.release(ue)?;
    match received.procedure {
        Some(outcome) if outcome.ending == Ending::Completed => Ok(amf),
        _ => Err(Error::Unexpected),
    }
}

impl Table {
    fn new(id: u8, count: usize) -> Result<Self> {
        let mut config = Config::for_sessions(count);
        config.smc.policy = Policy::from_ids(&[id], &[id])?;
        let engine = Engine::new(&config)?;
        let ue_side = Engine::new(&Config::for_sessions(UE_SESSIONS))?;
        let bar = bar(count);
        bar.set_message("sessions set up");
        let mut sessions = Vec::with_capacity(count);
        for number in 0..count {
            sessions.push(secured(&engine, &ue_side, number)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Self {
            engine,
            sessions,
            order: shuffled(count, &mut Random::of(&[9])),
            // The procedure took COUNT 0 both ways.
            counts: vec![[1; 2]; count],
            id,
            next: 0,
        })
    }

    fn ues(&mut self) -> Vec<usize> {
        let round = self.order.len().min(ROUND);
        if self.next + round > self.order.len() {
            self.next = 0;
        }
        let ues = self.order[self.next..self.next + round]
            .iter()
            .map(|ue| *ue as usize);
        self.next += round;
        ues.collect()
    }

    /// Nanoseconds per message of one round.
    fn round(&mut self, cell: &SessionCell, dice: &mut Random) -> std::result::Result<f64, String> {
        let ues = self.ues();
        let half = ues.len() * PLACE;
        let mut arena = vec![0; 2 * half];
        let mut expected = Vec::new();
        for (ue, place) in ues.iter().zip(arena.chunks_exact_mut(PLACE)) {
            let mut plain = vec![0; cell.bytes];
            dice.fill(&mut plain);
            // UL or DL NAS TRANSPORT
            plain[..3].copy_from_slice(&[
                0x7E,
                0,
                if cell.verb == Verb::Protect {
                    0x68
                } else {
                    0x67
                },
            ]);
            let pdu = self.pdu(*ue, cell.verb, &plain);
            let (input, output) = if cell.verb == Verb::Protect {
                (plain, pdu)
            } else {
                (pdu, plain)
            };
            place[..input.len()].copy_from_slice(&input);
            expected.push(output);
        }
        let overhead = if cell.verb == Verb::Protect { 0 } else { BODY };
        let operation = if cell.verb == Verb::Protect {
            op::PROTECT
        } else {
            op::VERIFY
        };
        // Ahead of the clock: an AMF has the handle in the UE's context, and a look into the list of them all would be a
        // miss of the bench's own for every message.
        let sessions: Vec<u64> = ues.iter().map(|ue| self.sessions[*ue].bits()).collect();
        let (mut good, mut jobs) = (0, Vec::with_capacity(cell.batch));
        let begin = Instant::now();
        for (call, sessions) in sessions.chunks(cell.batch).enumerate() {
            jobs.clear();
            let places = call * cell.batch..;
            jobs.extend(sessions.iter().zip(places).map(|(session, place)| Job {
                op: operation,
                access: ACCESS.bearer(),
                session: *session,
                in_offset: (place * PLACE) as u32,
                in_len: (cell.bytes + overhead) as u32,
                out_offset: (half + place * PLACE) as u32,
                out_capacity: PLACE as u32,
                ..Job::default()
            }));
            good += self.engine.batch(&mut jobs, &mut arena);
        }
        let elapsed = begin.elapsed().as_nanos() as f64;
        let outputs = arena[half..].chunks_exact(PLACE);
        let right = expected
            .iter()
            .zip(outputs)
            .all(|(expected, out)| out.starts_with(expected));
        if good != ues.len() || !right {
            return Err(format!(
                "naslane's sessions answer wrongly: {cell:?}; run `naslane selftest`"
            ));
        }
        Ok(elapsed / ues.len() as f64)
    }

    /// The PDU that the session sends or expects next.
    fn pdu(&mut self, ue: usize, verb: Verb, plain: &[u8]) -> Vec<u8> {
        let (k_amf, id) = (
            KAmf::new(k_amf(ue)),
            AlgorithmId::new(self.id).unwrap_or(AlgorithmId::NULL),
        );
        let keys = Subscriber {
            k_amf: [0; 32],
            k_nas_enc: *k_nas_enc(&k_amf, id).expose(),
            k_nas_int: *k_nas_int(&k_amf, id).expose(),
        };
        let (place, direction) = if verb == Verb::Protect {
            (0, Direction::Downlink)
        } else {
            (1, Direction::Uplink)
        };
        let count = self.counts[ue][place];
        self.counts[ue][place] += 1;
        protected(self.id, &keys, (count, direction), plain)
    }
}

/// All rows; those of one table together, in turn.
pub(super) fn measure(
    cells: &[SessionCell],
    rounds: usize,
    report: &mut Report,
) -> std::result::Result<(), String> {
    let same =
        |a: &SessionCell, b: &SessionCell| a.sessions == b.sessions && a.algorithm == b.algorithm;
    for cells in cells.chunk_by(same) {
        let Some(first) = cells.first() else { continue };
        let mut table = Table::new(first.algorithm.id(), first.sessions)
            .map_err(|error| format!("setting up {} sessions: {error}", first.sessions))?;
        let mut dice = Random::of(&[10]);
        let mut samples = vec![Vec::new(); cells.len()];
        for round in 0..=rounds {
            for (cell, ns) in cells.iter().zip(&mut samples) {
                let one = table.round(cell, &mut dice)?;
                if round > 0 {
                    ns.push(one);
                }
            }
        }
        for (cell, mut ns) in cells.iter().zip(samples) {
            ns.sort_by(f64::total_cmp);
            report.add_sessions(*cell, (ns[0], ns[ns.len() / 2]));
        }
    }
    Ok(())
}
