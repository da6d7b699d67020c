//! What all UEs, the faults and the watch have in common.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use naslane::engine::Engine;

use super::Plan;
use super::node::{Life, Seat};
use super::record::Record;
use super::schedule::NODES;

/// A UE that another node took over, or that began anew there.
#[derive(Clone, Debug)]
pub(super) struct Takeover {
    pub(super) ue: u64,
    pub(super) from: Option<Life>,
    pub(super) to: Life,
    /// When it was served again, from the start of the run.
    pub(super) at: Duration,
    /// From the first refusal or silence until it was served again.
    pub(super) outage: Duration,
    /// From when a takeover was possible until it was served again.
    pub(super) wait: Duration,
    /// It began with a new session, because nobody could vouch for the old one.
    pub(super) anew: bool,
    /// A node had begun to take it when a fault held that node, and it was counted from when that one was free or absent.
    pub(super) interrupted: bool,
    pub(super) answers: Answers,
}

/// What the nodes said before one served: node, answer, how often.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(BTreeMap<(usize, String), u32>);

impl Answers {
    pub(super) fn add(&mut self, seat: usize, answer: impl fmt::Debug) {
        *self.0.entry((seat, format!("{answer:?}"))).or_default() += 1;
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.iter();
        let each = each.map(|((seat, answer), often)| format!("{seat} {answer} x{often}"));
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}

/// What the UEs saw.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) takeovers: Vec<Takeover>,
    /// Longest time that a UE had to wait for a node that stayed its own.
    pub(super) longest_pause: Duration,
    /// Of these times, the longest in which nothing held that node, nor the store.
    pub(super) longest_own: Duration,
    pub(super) pauses: u64,
    /// Sessions given by one node and taken by another in order.
    pub(super) moves: u64,
    /// Security mode procedures under new keys.
    pub(super) rekeys: u64,
    /// Sessions that came back with a key older than their UE's: the newer one had not reached the store.
    pub(super) behind: u64,
    pub(super) lost_on_air: u64,
    /// Calls that did not come back in time.
    pub(super) late: u64,
    pub(super) replays_tried: u64,
    /// Calls at former owners of a session.
    pub(super) at_former_owners: u64,
    /// What must not happen, in words: UEs out of step, and UEs that nobody serves at the end.
    pub(super) out_of_sync: Vec<String>,
    pub(super) unserved: Vec<String>,
}

pub(super) struct Shared {
    pub(super) seed: u64,
    pub(super) begin: Instant,
    /// Longest wait for one call.
    pub(super) patience: Duration,
    /// Pause between two calls of a UE, at most.
    pub(super) pause: Duration,
    /// No AMF changes a key of its own accord.
    pub(super) calm: bool,
    /// What each UE's half of the security lives in.
    pub(super) ues: Engine,
    pub(super) record: Record,
    pub(super) seats: [Seat; NODES],
    /// Per cent that the radio loses.
    pub(super) loss: AtomicU8,
    /// Faults are over: UEs come to their end.
    pub(super) ending: AtomicBool,
    gone: Mutex<HashMap<Life, Instant>>,
    store_since: Mutex<Option<Instant>>,
    tally: Mutex<Tally>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(plan: &Plan, ues: Engine) -> Self {
        Self {
            seed: plan.seed,
            begin: Instant::now(),
            patience: plan.patience,
            pause: plan.pause,
            calm: plan.calm,
            ues,
            record: Record::default(),
            seats: std::array::from_fn(|_| Seat::new()),
            loss: AtomicU8::new(2),
            ending: AtomicBool::new(false),
            gone: Mutex::default(),
            store_since: Mutex::default(),
            tally: Mutex::default(),
        }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }

    pub(super) fn ends(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// The watch saw whether the store answers.
    pub(super) fn store_answers(&self, answers: bool) {
        let mut since = lock(&self.store_since);
        *since = match *since {
            known @ Some(_) if answers => known,
            _ => answers.then(Instant::now),
        };
    }

    /// The watch saw whether the store counts a node as present.
    pub(super) fn is_present(&self, life: Life, present: bool) {
        let mut gone = lock(&self.gone);
        if present {
            gone.remove(&life);
        } else {
            gone.entry(life).or_insert_with(Instant::now);
        }
    }

    /// Since when nothing holds this node, nor the store, if that is so.
    pub(super) fn able(&self, life: Life) -> Option<Instant> {
        let store = (*lock(&self.store_since))?;
        let able = self.seats.get(life.seat)?.able_since()?;
        Some(store.max(able))
    }

    /// Since when the store counts this node as absent, if it does.
    pub(super) fn absent(&self, life: Life) -> Option<Instant> {
        lock(&self.gone).get(&life).copied()
    }

    /// Since when a session of `owner` can be served by a node that is not it: the store answers, it counts the owner as
    /// absent, and there is a node that nothing holds. `None`: not now.
    pub(super) fn possible(&self, owner: Option<Life>) -> Option<Instant> {
        let free = match owner {
            Some(life) => self.absent(life)?,
            None => self.begin,
        };
        let store = (*lock(&self.store_since))?;
        let able = self.seats.iter().filter_map(Seat::able_since).min()?;
        Some(free.max(store).max(able))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use naslane::engine::Config;

    #[test]
    fn a_takeover_is_possible_when_store_owner_and_taker_allow_it() {
        let engine = Engine::new(&Config::for_sessions(64)).unwrap();
        let plan = Plan {
            seed: 1,
            ues: 1,
            time: Duration::ZERO,
            ttl: Duration::ZERO,
            patience: Duration::ZERO,
            pause: Duration::ZERO,
            calm: false,
        };
        let shared = Shared::new(&plan, engine);
        let life = Life { seat: 0, number: 1 };
        assert_eq!(shared.possible(None), None);
        shared.store_answers(true);
        assert_eq!(shared.possible(None), None, "nobody is there");
        shared.seats[1].begin(std::sync::Arc::new(super::super::node::tests::Slow));
        let first = shared.possible(None).unwrap();
        assert_eq!(shared.possible(Some(life)), None, "its owner is present");
        shared.is_present(life, false);
        let free = shared.possible(Some(life)).unwrap();
        assert!(free >= first);
        shared.is_present(life, false);
        shared.store_answers(true);
        assert_eq!(shared.possible(Some(life)), Some(free), "it stays");
        assert_eq!(shared.absent(Life { seat: 1, number: 1 }), None);
        assert!(shared.absent(life).unwrap() <= free);
        shared.seats[1].set_cut(true);
        assert_eq!(shared.possible(Some(life)), None);
        shared.seats[1].set_cut(false);
        assert!(shared.possible(Some(life)).unwrap() > free);
        shared.store_answers(false);
        assert_eq!(shared.possible(Some(life)), None);
        shared.store_answers(true);
        shared.is_present(life, true);
        assert_eq!(shared.possible(Some(life)), None, "it came back");
    }
}
