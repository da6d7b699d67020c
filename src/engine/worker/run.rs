//! The loop of a worker: greedy, no timers. What is queued is taken, up to a lane group over all queues; nothing
//! waits for more. When nothing is queued the worker spins or sleeps.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::base::metrics::{Quarantine, Recorder};
use crate::base::{Error, Result};
use crate::engine::Engine;
use crate::engine::ring::{Doorbell, ENTRIES, Fault, Payload, Sleeper, WorkerEnd};
use crate::security::protect::LANES;

use super::clock::Clock;
use super::plan::Wait;
use super::signs::Signs;
use super::stage::{Admission, Origin, Stage};
use super::tap::Listener;

/// The worker's side of one queue.
pub(super) struct Line {
    pub(super) end: WorkerEnd,
    pub(super) payload: Payload,
    /// Wakes this worker.
    pub(super) wake_worker: Arc<Doorbell>,
    /// Wakes the client.
    pub(super) wake_client: Arc<Doorbell>,
    pub(super) admit: Option<Admission>,
    /// The client left: what it submitted is finished, then the line is given up.
    pub(super) left: Arc<AtomicBool>,
    /// Why a worker believes it no more.
    pub(super) fault: Arc<OnceLock<Fault>>,
    /// Jobs that are still taken then: a client of another process might go on submitting.
    pub(super) grace: Option<u32>,
}

impl Drop for Line {
    /// Whatever ends the line, a client that sleeps hears of it.
    fn drop(&mut self) {
        if self.end.close() {
            self.wake_client.ring();
        }
    }
}

/// Where lines for a worker are handed in.
pub(super) struct Inbox {
    /// `None`: the worker has ended.
    lines: Mutex<Option<Vec<Line>>>,
    /// Goes up with everything that the worker should look at besides its rings.
    news: AtomicU64,
    stopping: Arc<AtomicBool>,
    bell: Doorbell,
}

impl Inbox {
    pub(super) fn new(stopping: Arc<AtomicBool>) -> Result<Self> {
        Ok(Self {
            lines: Mutex::new(Some(Vec::new())),
            news: AtomicU64::new(0),
            stopping,
            bell: Doorbell::new()?,
        })
    }

    pub(super) fn hand_in(&self, line: Line) -> Result<()> {
        match &mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(lines) => lines.push(line),
            None => return Err(Error::Stopped),
        }
        self.tell();
        Ok(())
    }

    /// Something changed.
    pub(super) fn tell(&self) {
        // Release: pairs with Acquire in `Worker::look_up`.
        self.news.fetch_add(1, Ordering::Release);
        self.bell.ring();
    }

    /// The worker stops, as all that have this word.
    #[cfg(test)]
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.tell();
    }

    fn take(&self) -> Vec<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn close(&self) {
        let lines = self
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(lines); // closes them
    }
}

pub(super) struct Worker {
    engine: Arc<Engine>,
    inbox: Arc<Inbox>,
    recorder: Recorder,
    clock: Clock,
    signs: Option<Arc<Signs>>,
    tap: Option<Listener>,
    wait: Wait,
    spin: Duration,
    lines: Vec<Line>,
    /// The line that is looked at first, so that none is always last.
    first: usize,
    stage: Stage,
    sleeper: Sleeper,
    heard: u64,
    /// A line is to be given up.
    leaving: bool,
    idle_since: Option<Instant>,
}

/// Jobs of one line in a batch: the line, and where they end.
type Segments = ArrayVec<(usize, usize), LANES>;

/// Looks between two readings of the clock while spinning.
const LOOKS: u64 = 64;

impl Worker {
    pub(super) fn new(
        engine: Arc<Engine>,
        inbox: Arc<Inbox>,
        recorder: Recorder,
        (wait, spin): (Wait, Duration),
    ) -> Result<Self> {
        let sleeper = Sleeper::new()?;
        sleeper.add(&inbox.bell, 0)?;
        Ok(Self {
            engine,
            inbox,
            recorder,
            clock: Clock::new(),
            signs: None,
            tap: None,
            wait,
            spin,
            lines: Vec::new(),
            first: 0,
            stage: Stage::new(),
            sleeper,
            heard: 0,
            leaving: false,
            idle_since: None,
        })
    }

    /// What looks at its jobs besides it.
    pub(super) fn watched_by(&mut self, signs: Option<Arc<Signs>>, tap: Option<Listener>) {
        (self.signs, self.tap) = (signs, tap);
    }

    /// Works until it is told to stop; then finishes what was submitted.
    pub(super) fn run(mut self) {
        let mut looks = 0;
        while !self.look_up() {
            let done = self.turn();
            if self.leaving {
                self.give_up();
            }
            if done > 0 {
                self.idle_since = None;
                continue;
            }
            looks += 1;
            self.idle(looks);
        }
        // Submissions are refused by now, but those of another process: a ring's length each is enough.
        let most = *ENTRIES.end() as usize * self.lines.len();
        let mut done = 0;
        while done < most {
            match self.turn() {
                0 => break,
                count => done += count,
            }
        }
    }

    /// Takes in what the inbox says; true when it says stop.
    #[inline]
    pub(super) fn look_up(&mut self) -> bool {
        self.recorder.turn();
        // Acquire: pairs with Release in `Inbox::tell`.
        let news = self.inbox.news.load(Ordering::Acquire);
        if news == self.heard {
            return false;
        }
        self.heard = news;
        self.hear();
        self.inbox.stopping.load(Ordering::Acquire)
    }

    #[cold]
    fn hear(&mut self) {
        for line in self.inbox.take() {
            // A doorbell that cannot be heard would be a queue that hangs: the line closes instead.
            if self.sleeper.add(&line.wake_worker, 1).is_ok() {
                self.lines.push(line);
            }
        }
        for line in &mut self.lines {
            if line.left.load(Ordering::Acquire) && line.grace.is_none() {
                line.grace = Some(*ENTRIES.end());
            }
        }
        self.leaving = self.lines.iter().any(|line| line.grace.is_some());
        self.recorder.queues(self.lines.len() as u64);
    }

    /// Gives up the lines of clients that left, once what they submitted is finished.
    #[cold]
    pub(super) fn give_up(&mut self) {
        let sleeper = &self.sleeper;
        self.lines.retain(|line| {
            let stays = line
                .grace
                .is_none_or(|grace| grace > 0 && line.end.is_ready());
            if !stays {
                sleeper.remove(&line.wake_worker);
            }
            stays
        });
        self.leaving = self.lines.iter().any(|line| line.grace.is_some());
        self.recorder.queues(self.lines.len() as u64);
    }

    /// One batch: up to a lane group of jobs. How many jobs it had.
    ///
    /// Each line that has jobs gets an equal share, then what others leave of theirs. So a job waits for the batch that
    /// runs when it comes and goes into the next one, however much another client has queued, as long as its own
    /// client has no more under way than its share.
    #[inline]
    pub(super) fn turn(&mut self) -> usize {
        let ready = self.lines.iter().filter(|line| line.end.is_ready());
        match ready.count() {
            0 => 0,
            ready => self.batch(ready),
        }
    }

    /// Apart from the look for jobs: nothing of what a batch needs on the stack is touched while there are none.
    #[inline(never)]
    fn batch(&mut self, ready: usize) -> usize {
        // No division for a single line, which is what a job that comes alone waits for.
        let share = if ready == 1 {
            LANES
        } else {
            (LANES / ready).max(1)
        };
        let mut segments = Segments::new();
        let mut count = 0;
        self.collect(share, (&mut segments, &mut count));
        if share < LANES && count < LANES {
            self.collect(LANES, (&mut segments, &mut count));
        }
        if count == 0 {
            return 0;
        }
        self.first = next(self.first, self.lines.len());
        let left = self.lines.iter().map(|line| u64::from(line.end.left()));
        let waiting = count as u64 + left.sum::<u64>();
        // Counted before its first completion is published: a client that has its answers finds their batch counted.
        self.recorder.batch(count as u64);
        self.recorder.ring_occupancy(waiting);
        self.work(&segments, count);
        count
    }

    /// Takes up to `share` jobs of each line, over the lines in turn.
    fn collect(&mut self, share: usize, (segments, count): (&mut Segments, &mut usize)) {
        let lines = self.lines.len();
        // Lines may have gone since the last batch.
        let mut following = if self.first < lines { self.first } else { 0 };
        for _ in 0..lines {
            let at = following;
            following = next(at, lines);
            let line = &mut self.lines[at];
            let room = share.min(LANES - *count);
            match line.end.take(&mut self.stage.jobs[*count..*count + room]) {
                Ok(0) => continue,
                Ok(taken) => {
                    for job in &self.stage.jobs[*count..*count + taken] {
                        line.payload
                            .prefetch((job.in_offset, job.out_offset), job.in_len);
                    }
                    if let Some(grace) = &mut line.grace {
                        *grace = grace.saturating_sub(taken as u32);
                    }
                    *count += taken;
                    segments.push((at, *count));
                }
                Err(fault) => {
                    // Another worker's ring of this queue may have been first.
                    let _ = line.fault.set(fault);
                    self.recorder.quarantine(reason(fault));
                    if line.end.client_sleeps() {
                        line.wake_client.ring();
                    }
                }
            }
            if *count == LANES {
                break;
            }
        }
    }

    /// Runs a batch. Completions are published after each lane group.
    fn work(&mut self, segments: &Segments, count: usize) {
        let (mut staged, mut done, mut given) = (0, 0, 0);
        let begin = self.clock.read();
        let mut filling = segments.iter().peekable();
        let mut emptying = segments.iter().peekable();
        while done < count {
            if done == staged {
                self.stage.clear();
            }
            while let Some(&&(at, end)) = filling.peek() {
                let line = &self.lines[at];
                let origin = Origin {
                    payload: &line.payload,
                    admit: line.admit.as_ref(),
                };
                while staged < end && self.stage.take_in(staged, &self.engine, &origin) {
                    staged += 1;
                }
                if staged < end {
                    break;
                }
                filling.next();
            }
            if let Some(tap) = &mut self.tap {
                tap.before(&self.stage, (done, staged));
            }
            for _ in 0..self.stage.run(&self.engine, (done, staged)) {
                self.recorder.defect();
            }
            let before = std::mem::replace(&mut done, staged);
            while let Some(&&(at, end)) = emptying.peek() {
                let upto = end.min(done);
                self.give(at, (given, upto));
                given = upto;
                if upto < end {
                    break;
                }
                emptying.next();
            }
            let nanos = self.clock.nanos(begin, self.clock.read());
            self.recorder.latency((done - before) as u64, nanos);
        }
    }

    /// Completes the jobs from `first` to `end`, all of one line.
    fn give(&mut self, at: usize, (first, end): (usize, usize)) {
        let line = &mut self.lines[at];
        for index in first..end {
            let algorithms = self.stage.algorithms[index];
            let job = self.stage.give_out(index, &line.payload);
            self.recorder.message(job.op, algorithms, job.status);
        }
        if let Some(signs) = &self.signs {
            let stage = &self.stage;
            for index in first..end {
                signs.see(&self.engine, &stage.jobs[index], || stage.input(index));
            }
        }
        if let Some(tap) = &self.tap {
            tap.after(&self.stage, (first, end));
        }
        if line.end.publish(&self.stage.jobs[first..end]) {
            line.wake_client.ring();
            self.recorder.ring();
        }
    }

    /// Nothing to do: spins on, or sleeps.
    #[inline]
    fn idle(&mut self, looks: u64) {
        let spins = match self.wait {
            _ if self.lines.is_empty() => false,
            Wait::Spin => true,
            Wait::Block => false,
            Wait::Adaptive => match self.idle_since {
                None => {
                    self.idle_since = Some(Instant::now());
                    true
                }
                Some(since) => !looks.is_multiple_of(LOOKS) || since.elapsed() < self.spin,
            },
        };
        if spins {
            std::hint::spin_loop();
        } else {
            self.sleep();
            self.idle_since = None;
        }
    }

    fn sleep(&mut self) {
        self.lines.iter().for_each(|line| line.end.fall_asleep());
        let quiet = |line: &Line| !line.end.is_ready();
        if self.lines.iter().all(quiet) {
            self.recorder.sleep();
            // The inbox needs no handshake: its bell is rung every time, and a ring before this is not forgotten.
            match self.sleeper.wait(None) {
                Ok(true) => self.recorder.wake(),
                _ => self.recorder.rise(),
            }
        }
        self.lines.iter().for_each(|line| line.end.wake_up());
    }
}

/// The place after this one, of so many in a circle.
const fn next(place: usize, count: usize) -> usize {
    if place + 1 < count { place + 1 } else { 0 }
}

/// The word that a fault is counted under.
const fn reason(fault: Fault) -> Quarantine {
    match fault {
        Fault::SubmitTail => Quarantine::SubmitTail,
        Fault::CompleteHead => Quarantine::CompleteHead,
        Fault::Overrun => Quarantine::Overrun,
        Fault::Unknown => Quarantine::Other,
    }
}

impl Drop for Worker {
    /// However the thread ends, no client waits for it.
    fn drop(&mut self) {
        self.lines.clear();
        self.inbox.close();
    }
}
