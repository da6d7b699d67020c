//! Nodes, UEs and their keeper, played step by step.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use naslane::store::lease::{
    Claim, Counts, End, Event, JUMP, LEASE, Presence, Request, Step, Tenure, Terms, Uplink,
};
use naslane::store::{Line, NodeName, SessionName};

use super::sim::{Answer, Ask, Body, Flight, SimStore, TTL, print};

const NODES: usize = 3;
const UES: usize = 2;

/// One step of a schedule. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// A message to the UE. Fate 0: the process dies with the COUNT taken; 1, 2: the radio loses it.
    Downlink {
        ue: u8,
        node: u8,
        access: u8,
        fate: u8,
    },
    /// The UE sends.
    Uplink { ue: u8, node: u8, access: u8 },
    /// An attacker sends again what was sent before.
    Replay { pdu: u16, node: u8 },
    /// The keeper looks at what the hot path asked for.
    Poll { node: u8 },
    /// A request or answer arrives.
    Deliver { flight: u8 },
    /// It does not.
    Drop { flight: u8 },
    /// The keeper waits no longer for its answers.
    Timeout { node: u8 },
    /// The process dies; its journal survives or not.
    Crash { node: u8, journal: bool },
    /// The node cannot reach the store.
    Partition { node: u8, cut: bool },
    /// Time passes.
    Tick { by: u8 },
    /// The session is to be given back.
    Move { ue: u8, node: u8 },
    /// Floors are written.
    Checkpoint { node: u8 },
    /// Seldom: the store is set back by so many commits.
    Backup { chance: u8, back: u8 },
}

/// A rule left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The ceiling rises when the commit is sent.
    PublishFirst,
    /// The store loses acknowledged commits.
    StoreForgets,
    /// So it does, and a taker begins so far above the watermark.
    StoreForgetsWithMargin(u32),
    /// A backup is restored under the old identity.
    BackupKeepsIdentity,
    /// The store does not compare revisions.
    BlindWrites,
    /// The rest is given back before the hot path has ended.
    ReturnsWhileRunning,
    /// Uplink messages are accepted by an owner that may not be present.
    AcceptsWhileAbsent,
    /// A session with floors that lag accepts like any other.
    NoFlag,
}

/// How fast the clocks of the first and the last node run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Clocks {
    /// A sixteenth slow and fast.
    #[default]
    Near,
    /// One runs slow by a ninth: a node's margin is an eighth.
    Slow,
    /// At half and double speed.
    Wild,
    /// All of them hardly go on.
    Still,
}

/// What is played.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    pub(super) wrong: Option<Wrong>,
    /// The policy is [`Uplink::AboveFloor`]: what a flagged session accepts twice is its operator's choice.
    pub(super) lagging_goes_on: bool,
    /// How far clocks run apart.
    pub(super) clocks: Clocks,
    /// Replays are not looked for.
    pub(super) replays_go_on: bool,
}

/// What must not happen. The fields are for the reader of a failure.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code)]
pub(super) enum Fault {
    Reused { key: u32, access: usize, count: u32 },
    Replayed { key: u32, access: usize, count: u32 },
    Jumped { key: u32, access: usize, by: u32 },
    NotServed { ue: usize },
}

type Played = Result<(), Fault>;

struct Hot {
    counts: Counts,
    ceiling: [u32; 2],
    uplink: bool,
}

struct Held {
    tenure: Tenure,
    hot: Option<Hot>,
    wanted: [bool; 2],
    /// The request that waits for an answer.
    waits: u64,
    /// A line that was read, while its owner's presence is asked for.
    read: Option<naslane::store::Entry>,
}

struct Node {
    name: NodeName,
    cut: bool,
    clock: (u64, u64),
    presence: Presence,
    certain: bool,
    hold: u64,
    held: BTreeMap<u32, Held>,
    journal: HashMap<u32, Claim>,
}

struct Ue {
    key: u32,
    uplink: [u32; 2],
    /// Highest COUNT sent to the UE under this key, + 1.
    sent: [u32; 2],
    served: [bool; 2],
}

pub(super) struct World {
    rules: Rules,
    now: u64,
    store: SimStore,
    nodes: Vec<Node>,
    ues: Vec<Ue>,
    net: Vec<Flight>,
    keys: u32,
    processes: u8,
    requests: u64,
    used: HashSet<(u32, usize, u32)>,
    accepted: HashSet<(u32, usize, u32)>,
    air: Vec<(usize, u32, usize, u32)>,
    halted: Vec<(usize, u32)>,
}

impl World {
    pub(super) fn new(rules: Rules) -> Self {
        let clock = |i: usize| match (i, rules.clocks) {
            (_, Clocks::Still) => (1, 1000),
            (0, Clocks::Wild) => (1, 2),
            (0, Clocks::Slow) => (8, 9),
            (0, Clocks::Near) => (15, 16),
            (2, Clocks::Wild) => (2, 1),
            (2, _) => (17, 16),
            _ => (1, 1),
        };
        let node = |i: usize| Node {
            name: NodeName([i as u8; 16]),
            cut: false,
            clock: clock(i),
            presence: Presence::new(Duration::from_secs(TTL)),
            certain: false,
            hold: 0,
            held: BTreeMap::new(),
            journal: HashMap::new(),
        };
        let mut world = Self {
            rules,
            now: 1,
            store: SimStore::new(rules.wrong == Some(Wrong::BlindWrites)),
            nodes: (0..NODES).map(node).collect(),
            ues: Vec::new(),
            net: Vec::new(),
            keys: 0,
            processes: NODES as u8,
            requests: 0,
            used: HashSet::new(),
            accepted: HashSet::new(),
            air: Vec::new(),
            halted: Vec::new(),
        };
        for ue in 0..UES {
            world.ues.push(Ue {
                key: 0,
                uplink: [0; 2],
                sent: [0; 2],
                served: [false; 2],
            });
            world.authenticate(ue, ue % NODES);
        }
        world
    }

    pub(super) fn play(mut self, schedule: &[Op]) -> Played {
        for op in schedule {
            self.step(*op)?;
        }
        self.heal()
    }

    fn step(&mut self, op: Op) -> Played {
        let node = |n: u8| usize::from(n) % NODES;
        let ue = |n: u8| usize::from(n) % UES;
        match op {
            // Mostly at one node: schedules in which every message moves the session show little.
            Op::Downlink {
                ue: u,
                node: n,
                access,
                fate,
            } => {
                return self.downlink(
                    ue(u),
                    self.usual(ue(u), n),
                    usize::from(access >= 192),
                    fate,
                );
            }
            Op::Uplink {
                ue: u,
                node: n,
                access,
            } => {
                let (u, access) = (ue(u), usize::from(access >= 192));
                let count = self.ues[u].uplink[access];
                self.ues[u].uplink[access] += 1;
                let pdu = (u, self.ues[u].key, access, count);
                self.air.push(pdu);
                return self.uplink(pdu, self.usual(u, n));
            }
            Op::Replay { pdu, node: n } => {
                // One of the latest: an older key's messages verify nowhere.
                let back = usize::from(pdu) % self.air.len().clamp(1, 16);
                if let Some(pdu) = self.air.iter().rev().nth(back) {
                    return self.uplink(*pdu, node(n));
                }
            }
            Op::Poll { node: n } => self.poll(node(n), false),
            Op::Checkpoint { node: n } => self.poll(node(n), true),
            Op::Deliver { flight } => self.deliver(usize::from(flight)),
            Op::Drop { flight } if !self.net.is_empty() => {
                let at = usize::from(flight) % self.net.len();
                self.net.remove(at);
            }
            Op::Drop { .. } => {}
            Op::Timeout { node: n } => self.timeout(node(n)),
            Op::Crash { node: n, journal } => self.crash(node(n), journal),
            Op::Partition { node: n, cut } => self.nodes[node(n)].cut = cut,
            Op::Tick { by } => self.tick(u64::from(by)),
            Op::Move { ue: u, node: n } => self.stop(node(n), self.ues[ue(u)].key),
            Op::Backup { chance, back } => self.backup(chance, usize::from(back)),
        }
        Ok(())
    }

    /// The node that the AMF set sends this UE's messages to: the one that serves it, more often than not.
    fn usual(&self, ue: usize, n: u8) -> usize {
        let key = self.ues[ue].key;
        let serves = (0..NODES).find(|i| self.hot(*i, key));
        match serves {
            Some(node) if n >= 48 => node,
            _ => usize::from(n) % NODES,
        }
    }

    fn hot(&self, node: usize, key: u32) -> bool {
        let held = self.nodes[node].held.get(&key);
        held.is_some_and(|held| held.hot.is_some())
    }

    fn terms(&self, node: usize, key: u32, ue: usize) -> Terms {
        let goes_on = self.rules.lagging_goes_on || self.rules.wrong == Some(Wrong::NoFlag);
        Terms {
            print: print(key),
            session: SessionName([ue as u8; 16]),
            node: self.nodes[node].name,
            incarnation: self.store.identity(),
            uplink: if goes_on {
                Uplink::AboveFloor
            } else {
                Uplink::AfterRekey
            },
        }
    }

    /// The UE gets a new key at this node.
    fn authenticate(&mut self, ue: usize, node: usize) {
        self.keys += 1;
        let key = self.keys;
        let made = Tenure::fresh(self.terms(node, key, ue), self.nodes[node].certain);
        self.ues[ue] = Ue {
            key,
            uplink: [0; 2],
            sent: [0; 2],
            served: [false; 2],
        };
        self.begin(node, key, made);
    }

    fn begin(&mut self, node: usize, key: u32, (tenure, step): (Tenure, Step)) {
        let held = Held {
            tenure,
            hot: None,
            wanted: [false; 2],
            waits: 0,
            read: None,
        };
        self.nodes[node].held.insert(key, held);
        self.apply(node, key, step);
    }

    /// Taken up lazily, on first use. False when nobody here can know the key.
    fn claim(&mut self, node: usize, ue: usize, access: usize) {
        let key = self.ues[ue].key;
        if self.nodes[node].held.contains_key(&key) {
            return;
        }
        let claim = self.nodes[node].journal.get(&key).copied();
        if claim.is_none() && !self.store.knows(key) {
            // Its record was never stored, or is lost: the UE registers anew.
            return self.authenticate(ue, node);
        }
        let mut wanted = [false; 2];
        wanted[access] = true;
        let terms = self.terms(node, key, ue);
        let certain = self.nodes[node].certain;
        let made = Tenure::claim(terms, claim.unwrap_or(Claim::Store), wanted, certain);
        self.begin(node, key, made);
    }

    fn downlink(&mut self, ue: usize, node: usize, access: usize, fate: u8) -> Played {
        self.claim(node, ue, access);
        let key = self.ues[ue].key;
        let Some(held) = self.nodes[node].held.get_mut(&key) else {
            return Ok(());
        };
        let Some(hot) = &mut held.hot else {
            return Ok(());
        };
        let count = hot.counts.next[access];
        if count >= hot.ceiling[access] {
            held.wanted[access] = true;
            return Ok(());
        }
        hot.counts.next[access] += 1;
        if hot.ceiling[access] - hot.counts.next[access] == LEASE / 2 {
            held.wanted[access] = true;
        }
        if !self.used.insert((key, access, count)) {
            return Err(Fault::Reused { key, access, count });
        }
        if fate == 0 {
            self.crash(node, count % 2 == 0);
            return Ok(());
        }
        let ue = &mut self.ues[ue];
        let by = (count + 1).saturating_sub(ue.sent[access]);
        let margin = matches!(self.rules.wrong, Some(Wrong::StoreForgetsWithMargin(_)));
        if by > JUMP && !margin {
            return Err(Fault::Jumped { key, access, by });
        }
        ue.sent[access] = ue.sent[access].max(count + 1);
        ue.served[0] |= fate > 2;
        Ok(())
    }

    fn uplink(&mut self, pdu: (usize, u32, usize, u32), node: usize) -> Played {
        let (ue, key, access, count) = pdu;
        if self.ues[ue].key == key {
            self.claim(node, ue, access);
        }
        let absent_goes = self.rules.wrong == Some(Wrong::AcceptsWhileAbsent);
        let Some(held) = self.nodes[node].held.get_mut(&key) else {
            return Ok(());
        };
        let lagging = held.tenure.lagging();
        let Some(hot) = &mut held.hot else {
            return Ok(());
        };
        if !hot.uplink && (!absent_goes || lagging) {
            held.wanted[access] = true;
            let certain = self.nodes[node].certain;
            // The policy: this session goes on with a new key only. Not for a replayed message: it shows nothing.
            if lagging
                && certain
                && count + 1 == self.ues[ue].uplink[access]
                && self.ues[ue].key == key
            {
                self.authenticate(ue, node);
            }
            return Ok(());
        }
        // Any COUNT at or above the floor: the estimate finds it within 256, which is enough here.
        if count < hot.counts.floor[access] || count - hot.counts.floor[access] > 255 {
            return Ok(());
        }
        hot.counts.floor[access] = count + 1;
        let first = self.accepted.insert((key, access, count));
        let counts =
            !self.rules.replays_go_on && (!lagging || self.rules.wrong == Some(Wrong::NoFlag));
        if !first && counts {
            return Err(Fault::Replayed { key, access, count });
        }
        self.ues[ue].served[1] |= self.ues[ue].key == key;
        Ok(())
    }

    fn poll(&mut self, node: usize, checkpoint: bool) {
        self.hold(node);
        let keys: Vec<u32> = self.nodes[node].held.keys().copied().collect();
        for key in keys {
            let Some(held) = self.nodes[node].held.get_mut(&key) else {
                continue;
            };
            let wanted = std::mem::take(&mut held.wanted);
            let event = match &held.hot {
                Some(hot) if checkpoint => Event::Checkpoint(hot.counts),
                Some(hot) if wanted != [false; 2] => Event::Asked {
                    counts: hot.counts,
                    wanted,
                },
                _ => Event::Again,
            };
            self.tell(node, key, event);
        }
    }

    fn hold(&mut self, node: usize) {
        let (now, id) = (self.local(node), self.next());
        let node_ = &mut self.nodes[node];
        if node_.hold == 0 && node_.presence.due(now) {
            node_.presence.sent(now);
            node_.hold = id;
            self.send(node, 0, id, Ask::Hold);
        }
    }

    const fn next(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    fn local(&self, node: usize) -> Duration {
        let (n, d) = self.nodes[node].clock;
        Duration::from_millis(self.now * 1000 * n / d)
    }

    fn send(&mut self, node: usize, key: u32, id: u64, ask: Ask) {
        self.net.push(Flight {
            node,
            process: self.nodes[node].name,
            key,
            id,
            body: Body::Ask(ask),
        });
    }

    fn deliver(&mut self, at: usize) {
        if self.net.is_empty() {
            return;
        }
        let at = at % self.net.len();
        if self.nodes[self.net[at].node].cut {
            return;
        }
        let flight = self.net.remove(at);
        match flight.body {
            Body::Ask(ask) => {
                let answer = self.store.take(&ask, flight.process, flight.key, self.now);
                let body = Body::Answer(answer, self.store.identity());
                self.net.push(Flight { body, ..flight });
            }
            Body::Answer(answer, incarnation) => {
                let own = self.nodes[flight.node].name == flight.process;
                if own && incarnation == self.store.identity() {
                    self.answer(flight.node, flight.key, flight.id, answer);
                }
            }
        }
    }

    fn answer(&mut self, node: usize, key: u32, id: u64, answer: Answer) {
        if matches!(answer, Answer::Held) {
            if self.nodes[node].hold == id {
                self.nodes[node].hold = 0;
                self.nodes[node].presence.kept();
                self.watch(node);
            }
            return;
        }
        let margin = match self.rules.wrong {
            Some(Wrong::StoreForgetsWithMargin(margin)) => margin,
            _ => 0,
        };
        let Some(held) = self.nodes[node].held.get_mut(&key) else {
            return;
        };
        if held.waits != id {
            return;
        }
        held.waits = 0;
        let event = match answer {
            Answer::Read(Some(entry)) => {
                let owner = Line::from_bytes(&entry.value).map(|line| line.owner);
                held.read = Some(entry);
                let id = self.next();
                self.nodes[node].held.get_mut(&key).expect("held").waits = id;
                return self.send(node, key, id, Ask::Present(owner.expect("a line")));
            }
            Answer::Read(None) => Event::Found {
                entry: None,
                owner_present: false,
            },
            Answer::Present(owner_present) => {
                let mut entry = held.read.take();
                if let (Some(entry), None) = (&mut entry, &held.hot) {
                    let mut line = Line::from_bytes(&entry.value).expect("a line");
                    line.watermark = line.watermark.map(|count| count + margin);
                    line.sent = line.sent.map(|count| count + margin);
                    entry.value = line.to_bytes().to_vec();
                }
                Event::Found {
                    entry,
                    owner_present,
                }
            }
            Answer::Commit(outcome) => Event::Answered(outcome),
            Answer::Held => return,
        };
        self.tell(node, key, event);
    }

    fn tell(&mut self, node: usize, key: u32, event: Event) {
        if let Some(held) = self.nodes[node].held.get_mut(&key) {
            let step = held.tenure.on(event);
            self.apply(node, key, step);
        }
    }

    fn apply(&mut self, node: usize, key: u32, step: Step) {
        let name = self.nodes[node].name;
        let held = self.nodes[node].held.get_mut(&key).expect("held");
        if let Some((counts, ceiling)) = step.begin {
            held.hot = Some(Hot {
                counts,
                ceiling,
                uplink: false,
            });
        }
        if let Some(hot) = &mut held.hot {
            if let Some(ceiling) = step.ceiling {
                hot.ceiling = ceiling;
            }
            if let Some(uplink) = step.uplink {
                hot.uplink = uplink;
            }
            if let (Some(Wrong::PublishFirst), Some(Request::Commit { line, .. })) =
                (self.rules.wrong, &step.request)
            {
                hot.ceiling = line.watermark;
            }
        }
        if step.halt {
            self.halted.push((node, key));
        }
        if let Some(request) = step.request {
            let id = self.next();
            self.nodes[node].held.get_mut(&key).expect("held").waits = id;
            let ask = match request {
                Request::Read => Ask::Read,
                Request::Commit { expect, line } => Ask::Commit { expect, line },
            };
            self.send(node, key, id, ask);
        }
        if let Some(end) = step.end {
            self.ended(node, key, end);
            return;
        }
        self.journal(node, key, name);
        while let Some((node, key)) = self.halted.pop() {
            self.halt(node, key);
        }
    }

    /// What the journal on the node's disk says, written before a COUNT is used.
    fn journal(&mut self, node: usize, key: u32, owner: NodeName) {
        let node = &mut self.nodes[node];
        if let Some(Held {
            tenure,
            hot: Some(hot),
            ..
        }) = node.held.get(&key)
        {
            let claim = Claim::Journal {
                owner,
                epoch: tenure.epoch().max(1),
                counts: hot.counts,
            };
            node.journal.insert(key, claim);
        }
    }

    fn halt(&mut self, node: usize, key: u32) {
        let running = self.rules.wrong == Some(Wrong::ReturnsWhileRunning);
        let Some(held) = self.nodes[node].held.get_mut(&key) else {
            return;
        };
        let counts = match &held.hot {
            Some(hot) => hot.counts,
            None => return,
        };
        if !running {
            held.hot = None;
            self.nodes[node].journal.remove(&key);
        }
        self.tell(node, key, Event::Halted(counts));
    }

    fn stop(&mut self, node: usize, key: u32) {
        self.tell(node, key, Event::Stop);
    }

    fn ended(&mut self, node: usize, key: u32, end: End) {
        self.halted.clear();
        self.nodes[node].held.remove(&key);
        self.nodes[node].journal.remove(&key);
        let ue = (0..UES).find(|ue| self.ues[*ue].key == key);
        if let (Some(ue), End::Rekey(_) | End::KeyReused) = (ue, end) {
            self.authenticate(ue, node);
        }
    }

    fn timeout(&mut self, node: usize) {
        let keys: Vec<u32> = self.nodes[node].held.keys().copied().collect();
        self.nodes[node].hold = 0;
        self.nodes[node].presence.failed();
        for key in keys {
            if let Some(held) = self.nodes[node].held.get_mut(&key) {
                held.waits = 0;
                held.read = None;
                self.tell(node, key, Event::Unknown);
            }
        }
    }

    fn crash(&mut self, at: usize, journal: bool) {
        self.processes += 1;
        let keys: Vec<u32> = self.nodes[at].held.keys().copied().collect();
        let name = self.nodes[at].name;
        for key in keys {
            self.journal(at, key, name);
        }
        let node = &mut self.nodes[at];
        node.name = NodeName([self.processes; 16]);
        node.presence = Presence::new(Duration::from_secs(TTL));
        node.certain = false;
        node.hold = 0;
        node.held.clear();
        if !journal {
            node.journal.clear();
        }
    }

    fn tick(&mut self, by: u64) {
        for _ in 0..by {
            self.now += 1;
            for node in 0..NODES {
                self.watch(node);
            }
        }
    }

    /// A node watches its own presence.
    fn watch(&mut self, node: usize) {
        let certain = self.nodes[node].presence.certain(self.local(node));
        if certain == self.nodes[node].certain {
            return;
        }
        self.nodes[node].certain = certain;
        let keys: Vec<u32> = self.nodes[node].held.keys().copied().collect();
        for key in keys {
            let event = if certain {
                Event::Present
            } else {
                Event::Absent
            };
            self.tell(node, key, event);
        }
    }

    fn backup(&mut self, chance: u8, back: usize) {
        match self.rules.wrong {
            Some(Wrong::StoreForgets | Wrong::StoreForgetsWithMargin(_)) => self.store.forget(back),
            Some(Wrong::BackupKeepsIdentity) if chance < 30 => self.store.forget(back * 2),
            None if chance < 5 => {
                self.store.forget(back * 8);
                self.store.incarnation += 1;
                // Whoever reaches it sees that it is another one; answers of the old one reach nobody any more.
                for node in 0..NODES {
                    let keys: Vec<u32> = self.nodes[node].held.keys().copied().collect();
                    for key in keys {
                        self.tell(node, key, Event::StoreReplaced);
                    }
                    self.nodes[node].journal.clear();
                }
            }
            _ => {}
        }
    }

    /// Everything works again, and every UE is served in both directions, at a node of the AMF's choice.
    fn heal(mut self) -> Played {
        for node in &mut self.nodes {
            node.cut = false;
        }
        for ue in 0..UES {
            self.ues[ue].served = [false; 2];
        }
        for round in 0..400_u32 {
            for node in 0..NODES {
                if round % 20 == 0 {
                    self.timeout(node);
                }
                self.poll(node, false);
            }
            for _ in 0..self.net.len() {
                self.deliver(0);
            }
            self.tick(2);
            for ue in 0..UES {
                // Where nobody serves the UE, the AMF tries one node for a while, then the next.
                let try_at = 255 * u8::from(round % 40 >= 3);
                let at = match self.usual(ue, try_at) {
                    at if self.hot(at, self.ues[ue].key) => at,
                    _ => (round / 40) as usize % NODES,
                };
                self.downlink(ue, at, 0, 9)?;
                let op = Op::Uplink {
                    ue: ue as u8,
                    node: at as u8,
                    access: 0,
                };
                if self.hot(at, self.ues[ue].key) {
                    self.step(op)?;
                }
            }
            if self.ues.iter().all(|ue| ue.served == [true; 2]) {
                return Ok(());
            }
        }
        let ue = self.ues.iter().position(|ue| ue.served != [true; 2]);
        Err(Fault::NotServed {
            ue: ue.unwrap_or_default(),
        })
    }
}
