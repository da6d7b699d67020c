//! What a single verdict does not say: messages of one UE that, taken together, show a fault of the field's failure
//! table. A loop of commands, contexts that alternate, downlink without uplink, silence after SECURITY MODE COMPLETE,
//! COUNTs that drifted apart.
//!
//! Sixteen octets for each session, in a table of the worker's own: a message costs a load, a few instructions and at
//! most two stores. What needs a MAC (why does this message not verify?) is tried for the first failure in a row of a
//! session only, and as often as the budget of a tick allows, so that forged messages cannot make it the worker's work.
//! What needs a clock is swept by whoever calls [`Signs::tick`].

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::base::metrics::Metrics;
use crate::base::{AccessType, Error};
use crate::engine::Engine;
use crate::engine::job::{Job, event, op};
use crate::procedure::smc::diagnosis_of;
use crate::security::Diagnosis;
use crate::security::count::OutOfOrder;
use crate::session::Handle;

/// From when on something is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignsConfig {
    /// Silence of a UE after SECURITY MODE COMPLETE that is a stall, in seconds; 0: never.
    pub stall_seconds: u16,
    /// Downlink messages without a verified uplink one that are no storm, at most 254; 0: never.
    pub downlinks: u8,
}

impl Default for SignsConfig {
    /// Those of `naslane trace`.
    fn default() -> Self {
        Self {
            stall_seconds: 10,
            downlinks: 16,
        }
    }
}

/// Contexts in a row that were left after fewer than [`FEW`] uplink messages: COUNT does not advance.
const HASTY: u64 = 3;

/// Uplink messages of a registration that goes as it should, the deregistration after it included.
const FEW: u64 = 3;

/// Messages that a tick lets a worker explain: up to 20 MACs each.
const EXPLANATIONS: u32 = 16;

/// Ticks in which the whole table is swept.
const PARTS: u32 = 4;

/// The fields of a mark's first word.
const GENERATION: u64 = (1 << 28) - 1;
const SINCE: u32 = 28; // 16 bits: the second of SECURITY MODE COMPLETE
const DOWNLINKS: u32 = 44; // 8 bits
const LEFT: u32 = 52; // 3 bits: contexts in a row that were left in haste
const MESSAGES: u32 = 58; // 3 bits: uplink messages of this context, up to 7
/// Nothing came since SECURITY MODE COMPLETE.
const WAITING: u64 = 1 << 56;
/// The last uplink message did not verify.
const FAILING: u64 = 1 << 57;

/// The second word: for each access the uplink COUNT that verified last, and whether there is one.
const COUNT: u64 = (1 << 24) - 1;
const KNOWN: u64 = 1 << 24;
const EACH: u32 = 32;

/// What is remembered of a session. Written by its worker; a sweep only takes [`WAITING`] away. Where both meet, a
/// finding may be told twice: nothing worse hangs on it.
#[derive(Debug, Default)]
#[repr(align(16))]
struct Mark {
    state: AtomicU64,
    counts: AtomicU64,
}

/// The marks of one worker's sessions.
#[derive(Debug)]
pub struct Signs {
    marks: Box<[Mark]>,
    config: SignsConfig,
    /// Steps back that the window for late messages explains.
    window: u64,
    metrics: Arc<Metrics>,
    second: AtomicU32,
    budget: AtomicU32,
    part: AtomicU32,
}

const fn field(word: u64, at: u32, bits: u32) -> u64 {
    word >> at & ((1 << bits) - 1)
}

const fn without(word: u64, at: u32, bits: u32) -> u64 {
    word & !(((1 << bits) - 1) << at)
}

const fn window(order: OutOfOrder) -> u64 {
    match order {
        OutOfOrder::Refused => 0,
        OutOfOrder::Window(width) => width as u64,
    }
}

impl Signs {
    pub(super) fn new(engine: &Engine, config: SignsConfig, metrics: Arc<Metrics>) -> Self {
        let sessions = engine.table().capacity();
        Self {
            marks: (0..sessions).map(|_| Mark::default()).collect(),
            config,
            window: window(engine.settings.out_of_order),
            metrics,
            second: AtomicU32::new(0),
            budget: AtomicU32::new(EXPLANATIONS),
            part: AtomicU32::new(0),
        }
    }

    /// One finding.
    pub fn found(&self, diagnosis: Diagnosis) {
        if diagnosis != Diagnosis::None {
            self.metrics.shared().finding(diagnosis as u8);
        }
    }

    /// Looks at a finished job; `pdu` are the octets that came, for a message that did not verify.
    #[inline]
    pub(super) fn see<'a>(&self, engine: &Engine, job: &Job, pdu: impl FnOnce() -> &'a [u8]) {
        let Ok(handle) = Handle::from_bits(job.session) else {
            return;
        };
        let Some(mark) = self.marks.get(handle.slot() as usize) else {
            return;
        };
        let generation = u64::from(handle.generation());
        let before = (mark.state.load(Relaxed), mark.counts.load(Relaxed));
        let known = before.0 & GENERATION == generation;
        let (state, counts) = if known { before } else { (generation, 0) };
        if job.diagnosis != 0 {
            self.metrics.shared().finding(job.diagnosis);
        }
        let after = match (job.op, job.status) {
            (op::VERIFY, 0) => self.heard((state, counts), job),
            (op::PROTECT | op::SMC_COMMAND | op::SMC_RESEND, 0) => (self.sent(state), counts),
            (op::VERIFY | op::SMC_COMMAND, _) => {
                let state = self.failed(state, (engine, handle, job), pdu);
                let Some(state) = state else { return };
                (state, counts)
            }
            _ => return,
        };
        if after.0 != before.0 {
            mark.state.store(after.0, Relaxed);
        }
        if after.1 != before.1 {
            mark.counts.store(after.1, Relaxed);
        }
    }

    /// An uplink message that verified.
    #[inline]
    fn heard(&self, (state, counts): (u64, u64), job: &Job) -> (u64, u64) {
        let mut state = without(state, DOWNLINKS, 8) & !(WAITING | FAILING);
        let at = EACH * u32::from(job.access == 2);
        let last = counts >> at & (KNOWN | COUNT);
        let count = u64::from(job.count) & COUNT;
        // The same COUNT verifies once in a context, a lower one only inside the window.
        let other = count == last & COUNT || count + self.window < last & COUNT;
        if last & KNOWN != 0 && other {
            state = self.changed(state);
        }
        let messages = (field(state, MESSAGES, 3) + 1).min(7);
        state = without(state, MESSAGES, 3) | messages << MESSAGES;
        if matches!(job.event, event::COMPLETED | event::COMPLETED_BADLY) {
            let second = u64::from(self.second.load(Relaxed) as u16);
            state = without(state, SINCE, 16) | second << SINCE | WAITING;
        }
        let counts = counts & !((KNOWN | COUNT) << at) | (KNOWN | count) << at;
        (state, counts)
    }

    /// COUNT did not go on and verified: another context than before.
    #[cold]
    fn changed(&self, state: u64) -> u64 {
        let hasty = field(state, MESSAGES, 3) < FEW;
        let left = if hasty { field(state, LEFT, 3) + 1 } else { 0 };
        if left == HASTY {
            self.found(Diagnosis::ContextPingpong);
        }
        without(without(state, MESSAGES, 3), LEFT, 3) | left.min(7) << LEFT
    }

    /// A downlink message.
    #[inline]
    fn sent(&self, state: u64) -> u64 {
        let downlinks = (field(state, DOWNLINKS, 8) + 1).min(255);
        let most = u64::from(self.config.downlinks);
        if most != 0 && downlinks == most + 1 && field(state, DOWNLINKS, 8) == most {
            self.found(Diagnosis::RetransmissionStorm);
        }
        without(state, DOWNLINKS, 8) | downlinks << DOWNLINKS
    }

    /// A message that did not verify or a command that was refused. `None`: it says nothing of the session.
    #[cold]
    fn failed<'a>(
        &self,
        state: u64,
        (engine, handle, job): (&Engine, Handle, &Job),
        pdu: impl FnOnce() -> &'a [u8],
    ) -> Option<u64> {
        let error = Error::from_code(job.status)?;
        if job.op == op::SMC_COMMAND {
            self.found(diagnosis_of(error));
            return None;
        }
        match error {
            Error::Mac if state & FAILING == 0 && self.may_explain() => {
                let access = AccessType::from_id(job.access)?;
                // A session that is gone meanwhile needs no explanation.
                let why = engine.diagnose(handle, access, pdu()).ok()?;
                self.found(why);
                Some(state | FAILING)
            }
            // Later ones may be anybody's.
            Error::Replay if state & WAITING != 0 => {
                self.found(Diagnosis::CountResetAtOneSide);
                Some(state & !WAITING)
            }
            Error::CipherSkew | Error::Unciphered => {
                self.found(diagnosis_of(error));
                None
            }
            _ => None,
        }
    }

    fn may_explain(&self) -> bool {
        // Only the worker takes from it: a tick that fills it meanwhile is lost once.
        let left = self.budget.load(Relaxed);
        self.budget.store(left.saturating_sub(1), Relaxed);
        left > 0
    }

    /// Tells the time, in seconds since some start, and looks for UEs that stalled in a quarter of the table. For a
    /// thread that has time, twice a second or so.
    pub fn tick(&self, engine: &Engine, second: u64) {
        self.second.store(second as u32, Relaxed);
        self.budget.store(EXPLANATIONS, Relaxed);
        if self.config.stall_seconds == 0 || self.marks.is_empty() {
            return;
        }
        let part = self.part.fetch_add(1, Relaxed) % PARTS;
        let each = self.marks.len().div_ceil(PARTS as usize);
        let first = each * part as usize;
        let marks = self.marks.iter().enumerate().skip(first).take(each);
        for (slot, mark) in marks {
            let state = mark.state.load(Relaxed);
            let quiet = (second as u16).wrapping_sub(field(state, SINCE, 16) as u16);
            if state & WAITING == 0 || quiet < self.config.stall_seconds {
                continue;
            }
            mark.state.fetch_and(!WAITING, Relaxed);
            let generation = (state & GENERATION) as u32;
            let handle = Handle::new(engine.table().worker(), generation, slot as u32);
            // A session that was released does not wait for anything.
            if engine.session(handle).is_ok() {
                self.found(Diagnosis::StallAfterComplete);
            }
        }
    }
}
