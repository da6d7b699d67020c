//! Carries the faults out, one by one, and writes down what happened when.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use naslane::store::NodeName;

use super::node::Life;
use super::schedule::{Entry, Fault, MEMBERS, NODES};
use super::shared::Shared;
use super::stage::Stage;

/// Pause between two looks at what is due.
const TICK: Duration = Duration::from_millis(5);
/// Pause between two looks at the store.
const LOOK: Duration = Duration::from_millis(20);
/// Longest wait for all nodes at the beginning and at the end.
const START: Duration = Duration::from_secs(60);
/// What the radio loses while it is well, in per cent.
const LOSS: u8 = 2;

/// What happened, with its time from the start.
pub(super) type Events = Vec<(Duration, String)>;

/// Names of the nodes' lives, as the store knows them.
type Lives = Arc<Mutex<HashMap<Life, NodeName>>>;

pub(super) struct Conductor<'a> {
    stage: &'a mut dyn Stage,
    shared: Arc<Shared>,
    tell: &'a dyn Fn(Duration, &str),
    events: Events,
    lives: Lives,
    /// Nodes to be started, one after the other.
    starting: VecDeque<usize>,
    under_way: bool,
    /// Members that are down.
    down: Vec<usize>,
    dead: [bool; NODES],
    ended: Arc<AtomicBool>,
}

impl<'a> Conductor<'a> {
    /// Begins to watch the store.
    pub(super) fn new(
        stage: &'a mut dyn Stage,
        shared: Arc<Shared>,
        tell: &'a dyn Fn(Duration, &str),
    ) -> Self {
        let (lives, ended) = (Lives::default(), Arc::new(AtomicBool::new(false)));
        let mut look = stage.watch();
        let (watched, all, end) = (lives.clone(), shared.clone(), ended.clone());
        std::thread::spawn(move || {
            while !end.load(Ordering::Acquire) {
                let present = look();
                all.store_answers(present.is_some());
                if let Some(present) = present {
                    let lives = watched.lock().unwrap_or_else(PoisonError::into_inner);
                    for (life, name) in lives.iter() {
                        all.is_present(*life, present.contains(name));
                    }
                }
                std::thread::sleep(LOOK);
            }
        });
        Self {
            stage,
            shared,
            tell,
            events: Vec::new(),
            lives,
            starting: (0..NODES).collect(),
            under_way: false,
            down: Vec::new(),
            dead: [true; NODES],
            ended,
        }
    }

    fn note(&mut self, what: &str) {
        let time = self.shared.begin.elapsed();
        (self.tell)(time, what);
        self.events.push((time, what.to_owned()));
    }

    /// Until all nodes serve.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn all_serve(&mut self) -> Result<(), String> {
        let end = Instant::now() + START;
        while !self.starting.is_empty() {
            self.start_nodes()?;
            if Instant::now() > end {
                return Err("not all nodes came to serve within a minute".to_owned());
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    fn start_nodes(&mut self) -> Result<(), String> {
        let Some(seat) = self.starting.front().copied() else {
            return Ok(());
        };
        if !self.under_way {
            self.stage.start(seat)?;
            self.under_way = true;
        }
        match self.stage.begun(seat) {
            Ok(None) => {}
            Ok(Some((node, name))) => {
                let number = self.shared.seats[seat].begin(node);
                let life = Life { seat, number };
                let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
                lives.insert(life, name);
                drop(lives);
                self.dead[seat] = false;
                self.starting.pop_front();
                self.under_way = false;
                self.note(&format!("node {seat} serves"));
            }
            Err(why) => {
                self.note(&format!("node {seat} did not start: {why}"));
                self.under_way = false;
            }
        }
        Ok(())
    }

    /// Carries the schedule out, and heals everything after it.
    ///
    /// # Errors
    /// A sentence, when something does not come back.
    pub(super) fn run(&mut self, schedule: &[Entry], time: Duration) -> Result<(), String> {
        let begin = Instant::now();
        let mut coming: VecDeque<Entry> = schedule.iter().copied().collect();
        let mut lasting: Vec<(Duration, Fault, Vec<usize>)> = Vec::new();
        while begin.elapsed() < time {
            let now = begin.elapsed();
            while coming.front().is_some_and(|entry| entry.at <= now)
                && let Some(entry) = coming.pop_front()
            {
                let members = self.begin(entry.fault)?;
                lasting.push((entry.at + entry.lasts, entry.fault, members));
            }
            let (over, rest) = lasting.into_iter().partition(|(end, ..)| *end <= now);
            lasting = rest;
            let over: Vec<(Duration, Fault, Vec<usize>)> = over;
            for (_, fault, members) in over {
                self.end(fault, &members)?;
            }
            self.own_plan(now)?;
            self.start_nodes()?;
            std::thread::sleep(TICK);
        }
        for (_, fault, members) in lasting {
            self.end(fault, &members)?;
        }
        self.shared.loss.store(0, Ordering::Relaxed);
        self.all_serve()?;
        self.note("faults are over");
        Ok(())
    }

    /// What the stage has planned itself.
    fn own_plan(&mut self, now: Duration) -> Result<(), String> {
        let Some((what, nodes_ended)) = self.stage.at(now)? else {
            return Ok(());
        };
        self.note(what);
        if nodes_ended {
            self.under_way = false;
            for seat in 0..NODES {
                self.shared.seats[seat].end();
                self.dead[seat] = true;
                if !self.starting.contains(&seat) {
                    self.starting.push_back(seat);
                }
            }
        }
        Ok(())
    }

    /// Members of the store that it kills.
    fn begin(&mut self, fault: Fault) -> Result<Vec<usize>, String> {
        let seats = &self.shared.seats;
        let mut members = Vec::new();
        match fault {
            Fault::Kill(seat) if !self.dead[seat] => {
                self.stage.kill(seat);
                seats[seat].end();
                self.dead[seat] = true;
            }
            // It has not come back since the last time.
            Fault::Kill(_) => return Ok(members),
            Fault::Stop(seat) => {
                seats[seat].set_stopped(true);
                self.stage.stop(seat, true);
            }
            Fault::Cut(seat) => {
                seats[seat].set_cut(true);
                self.stage.cut(seat, true)?;
            }
            Fault::Leader => members.extend(self.stage.leader()),
            Fault::Member(member) => members.push(member),
            Fault::Majority(spared) => members.extend((0..MEMBERS).filter(|m| *m != spared)),
            Fault::Radio(percent) => self.shared.loss.store(percent, Ordering::Relaxed),
        }
        members.retain(|member| !self.down.contains(member));
        for member in &members {
            self.stage.kill_member(*member);
        }
        self.down.extend(&members);
        let which = match fault {
            Fault::Leader => format!(": {members:?}"),
            _ => String::new(),
        };
        self.note(&format!("{fault}{which}"));
        Ok(members)
    }

    fn end(&mut self, fault: Fault, members: &[usize]) -> Result<(), String> {
        let seats = &self.shared.seats;
        match fault {
            Fault::Kill(seat) => {
                if self.dead[seat] && !self.starting.contains(&seat) {
                    self.starting.push_back(seat);
                }
                return Ok(());
            }
            Fault::Stop(seat) => {
                self.stage.stop(seat, false);
                seats[seat].set_stopped(false);
                self.note(&format!("node {seat} goes on"));
            }
            Fault::Cut(seat) => {
                self.stage.cut(seat, false)?;
                seats[seat].set_cut(false);
                self.note(&format!("node {seat} reaches the store again"));
            }
            Fault::Radio(_) => {
                self.shared.loss.store(LOSS, Ordering::Relaxed);
                self.note("the air is well again");
            }
            Fault::Leader | Fault::Member(_) | Fault::Majority(_) => {
                for member in members {
                    self.stage.start_member(*member)?;
                    self.down.retain(|down| down != member);
                    self.note(&format!("member {member} of the store is started again"));
                }
            }
        }
        Ok(())
    }

    /// What happened.
    pub(super) fn events(self) -> Events {
        self.ended.store(true, Ordering::Release);
        self.events.clone()
    }
}

impl Drop for Conductor<'_> {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}
