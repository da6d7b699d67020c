//! What goes wrong and when: a list that its seed determines, and nothing else.

use std::fmt;
use std::time::Duration;

use crate::storm::random::Random;

/// Nodes of the AMF set.
pub(super) const NODES: usize = 3;
/// Members of the store.
pub(super) const MEMBERS: usize = 3;

/// Something that goes wrong, for as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A node is killed (SIGKILL), and started again.
    Kill(usize),
    /// A node stands still (SIGSTOP), and goes on (SIGCONT).
    Stop(usize),
    /// A node's network to the store is cut, and mended.
    Cut(usize),
    /// The store's leader is killed, whoever it is by then, and started again.
    Leader,
    /// A member of the store is killed, and started again.
    Member(usize),
    /// Two members of three: the store stands still.
    Majority(usize),
    /// So many per cent of the messages between UEs and nodes are lost, each way.
    Radio(u8),
}

impl Fault {
    /// The node that suffers.
    pub(super) const fn node(self) -> Option<usize> {
        match self {
            Self::Kill(node) | Self::Stop(node) | Self::Cut(node) => Some(node),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(node) => write!(f, "node {node} is killed"),
            Self::Stop(node) => write!(f, "node {node} is stopped"),
            Self::Cut(node) => write!(f, "node {node} is cut off from the store"),
            Self::Leader => write!(f, "the store's leader is killed"),
            Self::Member(member) => write!(f, "member {member} of the store is killed"),
            Self::Majority(spared) => write!(f, "all members of the store but {spared} are killed"),
            Self::Radio(percent) => write!(f, "{percent} % of the messages are lost on the air"),
        }
    }
}

/// A fault with its time from the start, and how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) fault: Fault,
}

impl Entry {
    fn end(&self) -> Duration {
        self.at + self.lasts
    }
}

/// A run's faults, in the order of their times. `unit`: the time that a lost node's presence lasts; every pause and
/// duration is a part or a multiple of it. At most two nodes suffer at a time, and all is well at the end of `time`.
pub(super) fn schedule(seed: u64, time: Duration, unit: Duration) -> Vec<Entry> {
    let mut entries = Vec::new();
    for node in 0..NODES {
        let random = Random::of(&[seed, 1, node as u64]);
        line(random, (time, unit), (80, 300), &mut entries, |random| {
            let (fault, (least, most)) = match random.below(10) {
                0..4 => (Fault::Kill(node), (10, 150)),
                4..7 => (Fault::Stop(node), (10, 220)),
                _ => (Fault::Cut(node), (20, 220)),
            };
            (fault, between(random, least, most))
        });
    }
    let random = Random::of(&[seed, 2]);
    line(random, (time, unit), (100, 300), &mut entries, |random| {
        let fault = match random.below(10) {
            0..5 => Fault::Leader,
            5..9 => Fault::Member(random.below(MEMBERS)),
            _ => Fault::Majority(random.below(MEMBERS)),
        };
        let most = if matches!(fault, Fault::Majority(_)) {
            50
        } else {
            150
        };
        (fault, between(random, 10, most))
    });
    let random = Random::of(&[seed, 3]);
    line(random, (time, unit), (30, 150), &mut entries, |random| {
        let percent = 5 + random.below(26);
        (Fault::Radio(percent as u8), between(random, 30, 150))
    });
    entries.sort_by_key(|entry| entry.at);
    spare_one(&mut entries);
    entries
}

/// Hundredths of the unit.
fn between(random: &mut Random, least: u32, most: u32) -> u32 {
    least + random.below((most - least) as usize + 1) as u32
}

/// Faults of one kind, one after the other, with pauses between.
fn line(
    mut random: Random,
    (time, unit): (Duration, Duration),
    pause: (u32, u32),
    entries: &mut Vec<Entry>,
    mut draw: impl FnMut(&mut Random) -> (Fault, u32),
) {
    let hundredth = unit / 100;
    let mut at = hundredth * between(&mut random, pause.0 / 2, pause.1);
    loop {
        let (fault, lasts) = draw(&mut random);
        let entry = Entry {
            at,
            lasts: hundredth * lasts,
            fault,
        };
        if entry.end() > time {
            return;
        }
        entries.push(entry);
        at = entry.end() + hundredth * between(&mut random, pause.0, pause.1);
    }
}

/// Takes out what would leave no node whole.
fn spare_one(entries: &mut Vec<Entry>) {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        let suffer = kept
            .iter()
            .filter(|other| other.fault.node().is_some() && other.end() > entry.at)
            .count();
        if entry.fault.node().is_none() || suffer < NODES - 1 {
            kept.push(entry);
        }
    }
    *entries = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(300);
    const UNIT: Duration = Duration::from_secs(2);

    #[test]
    fn the_seed_determines_it() {
        for seed in 0..50 {
            assert_eq!(schedule(seed, TIME, UNIT), schedule(seed, TIME, UNIT));
            assert_ne!(schedule(seed, TIME, UNIT), schedule(seed + 1, TIME, UNIT));
        }
    }

    #[test]
    fn one_node_is_always_whole_and_all_is_well_at_the_end() {
        for seed in 0..200 {
            let entries = schedule(seed, TIME, UNIT);
            for entry in &entries {
                assert!(entry.end() <= TIME);
                let now = |other: &&Entry| other.at <= entry.at && entry.at < other.end();
                let nodes = entries.iter().filter(now).filter_map(|e| e.fault.node());
                let mut nodes: Vec<usize> = nodes.collect();
                nodes.sort_unstable();
                assert!(nodes.len() < NODES, "seed {seed}: {nodes:?}");
                assert!(nodes.windows(2).all(|two| two[0] != two[1]));
            }
        }
    }

    #[test]
    fn every_kind_comes() {
        let all: Vec<Fault> = (0..20)
            .flat_map(|seed| schedule(seed, TIME, UNIT))
            .map(|entry| entry.fault)
            .collect();
        for node in 0..NODES {
            for fault in [Fault::Kill(node), Fault::Stop(node), Fault::Cut(node)] {
                assert!(all.contains(&fault), "{fault}");
            }
            assert!(all.contains(&Fault::Member(node)) && all.contains(&Fault::Majority(node)));
        }
        assert!(all.contains(&Fault::Leader));
        assert!(all.iter().any(|fault| matches!(fault, Fault::Radio(_))));
    }

    #[test]
    fn too_short_a_time_has_no_faults() {
        assert_eq!(schedule(1, Duration::ZERO, UNIT), []);
    }
}
