//! One row: everyone does the same round in turn, "ours, peer, peer, ours, ...", in short rounds of which some are
//! undisturbed even on a loaded machine. What a round must give is computed beforehand by the reference rows.

use std::time::Instant;

use naslane::algorithm::{self, CipherLane, Input, Key, MacLane, Nea, Nia};
use naslane::base::Direction;
use naslane::kdf::{AlgorithmId, KAmf, k_nas_enc, k_nas_int};

use super::plan::{Bytes, Cell, Keys, MIX, Verb};
use crate::storm::random::Random;

/// UEs, each with keys of its own.
pub(super) const UES: usize = 4096;
/// Most messages in a call.
pub(super) const BATCH_MAX: usize = 256;
/// Where a PDU begins in its slot, as the peers need it: room in front, and the ciphered message aligned.
pub(super) const LEAD: usize = 9;
/// Where the ciphered message begins in the PDU.
pub(super) const BODY: usize = naslane::nas::header::BODY;
/// BEARER of 3GPP access.
pub(super) const BEARER: u8 = 1;

/// Messages of a round: so few that a round takes well under a time slice; fewer of the long ones.
const ROUND: usize = 1024;
const ROUND_LONG: usize = 256;
const LONG: usize = 200;
/// Rounds to choose among the ways of a library, and how much slower than its best a way may then be to stay.
const TRIALS: usize = 10;
const MARGIN: f64 = 1.5;

/// What a row asks of a contestant.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub(super) verb: Verb,
    pub(super) id: u8,
    pub(super) fresh_keys: bool,
    pub(super) batch: usize,
    pub(super) slot: usize,
    /// Lengths differ within a batch. For peers, as the next one.
    #[cfg_attr(not(feature = "peers"), allow(dead_code))]
    pub(super) mixed: bool,
    #[cfg_attr(not(feature = "peers"), allow(dead_code))]
    pub(super) restricted: bool,
}

/// Keys of a UE; made up.
#[derive(Clone, Copy)]
pub(super) struct Subscriber {
    pub(super) k_amf: [u8; 32],
    pub(super) k_nas_enc: [u8; 16],
    pub(super) k_nas_int: [u8; 16],
}

/// One message.
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub(super) ue: u32,
    pub(super) count: u32,
    pub(super) len: u32,
}

/// Who takes part. A round has a slot for each message, in and out. Protect: the plain message stands at the slot's
/// begin, its PDU goes to [`LEAD`]. Verify: the PDU stands at [`LEAD`]; the slot's first octet becomes the verdict, and
/// what is authentic is deciphered to [`LEAD`] + [`BODY`]. Derive: both keys go to [`LEAD`].
pub(super) trait Contestant {
    fn library(&self) -> &str;
    fn way(&self) -> &str;
    /// Takes note of a round; outside the clock.
    fn load(&mut self, messages: &[Message]);
    /// Puts received messages where they are deciphered in place, as whoever received them did; outside the clock.
    fn receive(&self, _input: &[u8], _out: &mut [u8]) {}
    /// The round, inside the clock.
    fn run(&mut self, input: &[u8], out: &mut [u8]);
}

/// All UEs, and the order in which they come.
pub(super) struct Fleet {
    pub(super) subscribers: Vec<Subscriber>,
    order: Vec<u32>,
}

impl Fleet {
    pub(super) fn new() -> Self {
        let mut dice = Random::of(&[5]);
        let mut octets = |out: &mut [u8]| dice.fill(out);
        let subscribers = (0..UES).map(|_| {
            let mut one = Subscriber {
                k_amf: [0; 32],
                k_nas_enc: [0; 16],
                k_nas_int: [0; 16],
            };
            octets(&mut one.k_amf);
            octets(&mut one.k_nas_enc);
            octets(&mut one.k_nas_int);
            one
        });
        Self {
            subscribers: subscribers.collect(),
            order: shuffled(UES, &mut Random::of(&[6])),
        }
    }
}

/// 0..count in random order.
pub(super) fn shuffled(count: usize, dice: &mut Random) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    for last in (1..count).rev() {
        order.swap(last, dice.below(last + 1));
    }
    order
}

/// A round's messages, what goes in, what must come out.
struct Script {
    messages: Vec<Message>,
    input: Vec<u8>,
    expected: Vec<u8>,
}

struct Entry {
    contestant: Box<dyn Contestant>,
    ns: Vec<f64>,
}

/// How a contestant fared: nanoseconds per message.
pub(super) struct Timing {
    pub(super) library: String,
    pub(super) way: String,
    pub(super) min: f64,
    pub(super) median: f64,
}

pub(super) struct Contest {
    cell: Cell,
    slot: usize,
    scripts: Vec<Script>,
    entries: Vec<Entry>,
    out: Vec<u8>,
}

impl Contest {
    pub(super) fn new(cell: &Cell, fleet: &Fleet) -> Self {
        let longest = cell.bytes.most();
        let slot = (LEAD + (BODY + longest).max(32)).next_multiple_of(64);
        let round = if longest > LONG { ROUND_LONG } else { ROUND };
        let mut dice = Random::of(&[7, longest as u64]);
        let chunks = fleet.order.chunks_exact(round);
        let scripts = chunks.map(|ues| script(cell, (fleet, ues), slot, &mut dice));
        Self {
            cell: *cell,
            slot,
            scripts: scripts.collect(),
            entries: Vec::new(),
            out: vec![0; round * slot],
        }
    }

    pub(super) fn task(&self, restricted: bool) -> Task {
        Task {
            verb: self.cell.verb,
            id: self.cell.algorithm.id(),
            fresh_keys: self.cell.keys == Keys::PerMessage,
            batch: self.cell.batch,
            slot: self.slot,
            mixed: self.cell.bytes == Bytes::Mix,
            restricted,
        }
    }

    pub(super) fn join(&mut self, contestant: Box<dyn Contestant>) {
        self.entries.push(Entry {
            contestant,
            ns: Vec::new(),
        });
    }

    /// Every UE's answers, then the trials, then the rounds. The first of the answer is ours; of a library with several
    /// ways only the fastest is told.
    pub(super) fn play(mut self, rounds: usize) -> Result<Vec<Timing>, String> {
        self.tampered()?;
        self.round(0)?;
        self.forget();
        for number in 0..TRIALS {
            self.round(number)?;
        }
        self.retire();
        self.forget();
        for number in 0..rounds {
            self.round(number)?;
        }
        let mut timings: Vec<Timing> = Vec::new();
        for entry in &mut self.entries {
            let timing = entry.timing();
            match timings
                .iter_mut()
                .find(|other| other.library == timing.library)
            {
                Some(other) if timing.min < other.min => *other = timing,
                Some(_) => {}
                None => timings.push(timing),
            }
        }
        Ok(timings)
    }

    /// Everyone in turn, over all UEs twice: once to find its keys and code in the caches, as a process that does
    /// nothing else would, once with the clock.
    fn round(&mut self, number: usize) -> Result<(), String> {
        for entry in &mut self.entries {
            for script in &self.scripts {
                entry.contestant.load(&script.messages);
                entry.contestant.receive(&script.input, &mut self.out);
                entry.contestant.run(&script.input, &mut self.out);
            }
            for script in &self.scripts {
                entry.contestant.load(&script.messages);
                // The same for everyone: nothing is left of the last answers, and the place is in the cache.
                self.out.fill(0xA5);
                entry.contestant.receive(&script.input, &mut self.out);
                let begin = Instant::now();
                entry.contestant.run(&script.input, &mut self.out);
                let elapsed = begin.elapsed().as_nanos() as f64;
                entry.ns.push(elapsed / script.messages.len() as f64);
                if let Some(bad) = self.cell.first_wrong(script, self.slot, &self.out) {
                    return Err(entry.wrong(&self.cell, number, bad));
                }
            }
        }
        Ok(())
    }

    /// A message whose MAC was changed on the way is told by everyone.
    fn tampered(&mut self) -> Result<(), String> {
        if self.cell.verb != Verb::Verify {
            return Ok(());
        }
        let script = &self.scripts[0];
        let mut input = script.input.clone();
        input[self.slot + LEAD + 5] ^= 1;
        for entry in &mut self.entries {
            entry.contestant.load(&script.messages);
            self.out.fill(0xA5);
            entry.contestant.receive(&input, &mut self.out);
            entry.contestant.run(&input, &mut self.out);
            let verdicts = self
                .out
                .iter()
                .step_by(self.slot)
                .take(script.messages.len());
            let wrong = verdicts
                .enumerate()
                .find(|(i, verdict)| **verdict != u8::from(*i != 1));
            if let Some((i, _)) = wrong {
                return Err(entry.wrong(&self.cell, 0, i));
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.ns.clear());
    }

    /// Ways that are clearly slower than another of the same library leave.
    fn retire(&mut self) {
        let fared: Vec<_> = self.entries.iter_mut().map(Entry::timing).collect();
        let best = |library: &str| {
            let same = fared.iter().filter(|timing| timing.library == library);
            same.map(|timing| timing.min).fold(f64::INFINITY, f64::min)
        };
        let mut stays = fared
            .iter()
            .map(|timing| timing.min <= MARGIN * best(&timing.library));
        self.entries.retain(|_| stays.next().unwrap_or(true));
    }
}

impl Entry {
    fn timing(&mut self) -> Timing {
        self.ns.sort_by(f64::total_cmp);
        Timing {
            library: self.contestant.library().to_owned(),
            way: self.contestant.way().to_owned(),
            min: self.ns.first().copied().unwrap_or(f64::NAN),
            median: self.ns.get(self.ns.len() / 2).copied().unwrap_or(f64::NAN),
        }
    }

    fn wrong(&self, cell: &Cell, round: usize, message: usize) -> String {
        let (library, way) = (self.contestant.library(), self.contestant.way());
        format!("{library} ({way}) answers wrongly: {cell}, round {round}, message {message}")
    }
}

impl Cell {
    /// The first message with a wrong answer.
    fn first_wrong(&self, script: &Script, slot: usize, out: &[u8]) -> Option<usize> {
        let places = out
            .chunks_exact(slot)
            .zip(script.expected.chunks_exact(slot));
        let mut all = script.messages.iter().zip(places);
        all.position(|(message, (out, expected))| {
            let len = message.len as usize;
            match self.verb {
                Verb::Protect => out[LEAD..][..BODY + len] != expected[LEAD..][..BODY + len],
                Verb::Derive => out[LEAD..][..32] != expected[LEAD..][..32],
                _ => {
                    let text = LEAD + BODY..LEAD + BODY + len;
                    out[0] != 1 || out[text.clone()] != expected[text]
                }
            }
        })
    }
}

fn script(cell: &Cell, (fleet, ues): (&Fleet, &[u32]), slot: usize, dice: &mut Random) -> Script {
    let mut script = Script {
        messages: Vec::new(),
        input: vec![0; ues.len() * slot],
        expected: vec![0; ues.len() * slot],
    };
    let places = script
        .input
        .chunks_exact_mut(slot)
        .zip(script.expected.chunks_exact_mut(slot));
    for (ue, (input, expected)) in ues.iter().zip(places) {
        let len = match cell.bytes {
            Bytes::Fixed(len) => len,
            Bytes::Mix => MIX.start() + dice.below(MIX.end() - MIX.start() + 1),
        };
        let message = Message {
            ue: *ue,
            count: (dice.next() & 0x00FF_FFFF) as u32,
            len: len as u32,
        };
        let keys = &fleet.subscribers[*ue as usize];
        let mut plain = vec![0; len];
        dice.fill(&mut plain);
        match cell.verb {
            Verb::Protect => {
                input[..len].copy_from_slice(&plain);
                let pdu = protected(
                    cell.algorithm.id(),
                    keys,
                    (message.count, Direction::Downlink),
                    &plain,
                );
                expected[LEAD..][..pdu.len()].copy_from_slice(&pdu);
            }
            Verb::Derive => {
                let (k_amf, id) = (KAmf::new(keys.k_amf), AlgorithmId::AES);
                expected[LEAD..][..16].copy_from_slice(k_nas_enc(&k_amf, id).expose());
                expected[LEAD + 16..][..16].copy_from_slice(k_nas_int(&k_amf, id).expose());
            }
            _ => {
                let pdu = protected(
                    cell.algorithm.id(),
                    keys,
                    (message.count, Direction::Uplink),
                    &plain,
                );
                input[LEAD..][..pdu.len()].copy_from_slice(&pdu);
                expected[LEAD + BODY..][..len].copy_from_slice(&plain);
            }
        }
        script.messages.push(message);
    }
    script
}

/// The PDU of a plain message by the reference rows.
pub(super) fn protected(
    id: u8,
    keys: &Subscriber,
    (count, direction): (u32, Direction),
    plain: &[u8],
) -> Vec<u8> {
    let mut pdu = vec![0x7E, 2, 0, 0, 0, 0, count as u8];
    pdu.extend_from_slice(plain);
    let (Some(nea), Some(nia)) = (Nea::from_id(id), Nia::from_id(id)) else {
        return Vec::new();
    };
    let reference = ["", "portable", "aes_crate", "zuc_crate"][usize::from(id)];
    let (enc, int) = (
        Key::for_nea(nea, &keys.k_nas_enc),
        Key::for_nia(nia, &keys.k_nas_int),
    );
    let input = Input {
        count,
        bearer: BEARER,
        direction,
    };
    let mut lane = [CipherLane {
        key: enc.cipher(),
        input,
        data: &mut pdu[BODY..],
    }];
    if algorithm::cipher_on(nea, reference, &mut lane).is_err() {
        return Vec::new();
    }
    let mut lane = [MacLane::new(&int, input, &pdu[BODY - 1..])];
    if algorithm::mac_on(nia, reference, &mut lane).is_err() {
        return Vec::new();
    }
    let mac = lane[0].mac;
    pdu[2..6].copy_from_slice(&mac);
    pdu
}
