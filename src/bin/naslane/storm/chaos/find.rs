//! What an AMF does when the node of a session falls silent, refuses, or gave the session up: it asks the others for
//! the session by its name until one serves it, and begins anew where nobody can.

use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::session::Handle;

use super::node::{Life, Silence};
use super::schedule::NODES;
use super::shared::Takeover;
use super::ue::{Home, Result, Trouble, Ue};

/// Pause between two rounds of questions.
const ROUND: Duration = Duration::from_millis(15);
/// Pause while a node asks the store.
const ASKING: Duration = Duration::from_millis(3);
/// How long after the last fault every UE must be served.
const END: Duration = Duration::from_secs(20);

/// What a node says to the question for a session.
enum Asked {
    Here(Home),
    /// Its owner is present, or this node or its store does not answer.
    NotNow,
    /// Nobody can go on with it.
    Never,
}

impl Ue {
    /// Until somebody serves the UE, or the faults are over.
    pub(super) fn find(&mut self) {
        let (lost, old) = (Instant::now(), self.home);
        let mut owner = old.map(|home| home.life);
        let mut possible = None;
        let mut never = self.sessions == 0;
        while !self.shared.ends() {
            if self.still_there(old, lost) {
                return;
            }
            possible = self.shared.possible(owner).or(possible);
            let first = self.random.below(NODES);
            for seat in (0..NODES).map(|i| (first + i) % NODES) {
                let found = if never {
                    self.begin_anew(seat)
                } else {
                    self.ask(seat)
                };
                match found {
                    Asked::Here(home) => {
                        possible = self.shared.possible(owner).or(possible);
                        self.arrive(old, home);
                        if self.serves().is_ok() {
                            possible = self.shared.possible(owner).or(possible);
                            self.told((owner, home.life), (lost, possible), never);
                            return;
                        }
                        // From here on it is this node's to be lost.
                        owner = Some(home.life);
                    }
                    Asked::Never => never = true,
                    Asked::NotNow => {}
                }
            }
            std::thread::sleep(ROUND);
        }
    }

    /// The node that had it has it still: it was stopped, cut off, or its lease was used up.
    fn still_there(&mut self, old: Option<Home>, lost: Instant) -> bool {
        let Some(home) = old else { return false };
        self.home = Some(home);
        let served = self.serves().is_ok();
        if served {
            let mut tally = self.shared.tally();
            tally.pauses += 1;
            tally.longest_pause = tally.longest_pause.max(lost.elapsed());
        }
        served
    }

    fn name(&self) -> Vec<u8> {
        format!("ue {}.{}", self.number, self.sessions).into_bytes()
    }

    fn called(
        &self,
        answer: std::result::Result<(u64, naslane::base::Result<Handle>), Silence>,
    ) -> Option<(u64, naslane::base::Result<Handle>)> {
        if answer == Err(Silence::Late) {
            self.shared.tally().late += 1;
        }
        answer.ok()
    }

    /// Asks a node for the session by its name.
    fn ask(&mut self, seat: usize) -> Asked {
        for _ in 0..60 {
            let (place, name) = ((&self.shared.seats[seat], None), self.name());
            let answer =
                self.lines[seat].call(place, self.shared.patience, move |node| node.take(&name));
            let Some((number, answer)) = self.called(answer) else {
                return Asked::NotNow;
            };
            match answer {
                Ok(handle) => {
                    let life = Life { seat, number };
                    return Asked::Here(Home { life, handle });
                }
                Err(Error::Busy) => std::thread::sleep(ASKING),
                Err(Error::NoContext | Error::RekeyRequired | Error::KeyReused) => {
                    return Asked::Never;
                }
                Err(Error::Record) => {
                    self.wrong("its record does not open");
                    return Asked::Never;
                }
                Err(_) => return Asked::NotNow,
            }
        }
        Asked::NotNow
    }

    /// A new session under a new name: the UE registers as if for the first time.
    fn begin_anew(&mut self, seat: usize) -> Asked {
        self.sessions += 1;
        let (place, name) = ((&self.shared.seats[seat], None), self.name());
        let answer = self.lines[seat].call(place, self.shared.patience, move |node| {
            node.establish(&name)
        });
        match self.called(answer) {
            Some((number, Ok(handle))) => {
                let life = Life { seat, number };
                Asked::Here(Home { life, handle })
            }
            _ => Asked::NotNow,
        }
    }

    fn arrive(&mut self, old: Option<Home>, home: Home) {
        if let Some(old) = old.filter(|old| old.life != home.life) {
            self.former.retain(|former| *former != old);
            self.former.push(old);
        }
        self.home = Some(home);
        self.moved = true;
    }

    /// A message each way, after a replay or two; with a new key where the session wants one.
    fn serves(&mut self) -> Result<()> {
        if !self.changing {
            self.replay()?;
        }
        for _ in 0..8 {
            let done = if self.changing {
                self.rekey()
            } else {
                self.downlink().and_then(|()| self.uplink())
            };
            match done {
                Ok(()) if !self.changing => {}
                Ok(()) | Err(Trouble::Later) => continue,
                Err(Trouble::Rekey | Trouble::Wrong) => {
                    self.changing = true;
                    continue;
                }
                Err(Trouble::Gone) => return Err(Trouble::Gone),
            }
            return Ok(());
        }
        Err(Trouble::Later)
    }

    fn told(
        &self,
        (from, to): (Option<Life>, Life),
        (lost, possible): (Instant, Option<Instant>),
        anew: bool,
    ) {
        let now = Instant::now();
        // One that was given back can be taken at once.
        let possible = possible.map_or(lost, |since| since.max(lost));
        let takeover = Takeover {
            ue: self.number,
            from,
            to,
            at: now - self.shared.begin,
            outage: now - lost,
            wait: now - possible,
            anew,
        };
        self.shared.tally().takeovers.push(takeover);
    }

    /// The last exchange, when nothing goes wrong any more.
    pub(super) fn finish(&mut self) {
        let end = Instant::now() + END;
        while Instant::now() < end {
            if self.home.is_some()
                && self.serves().is_ok()
                && self.downlink().is_ok()
                && self.uplink().is_ok()
            {
                return;
            }
            let old = self.home;
            for seat in 0..NODES {
                match self.ask(seat) {
                    Asked::Here(home) => {
                        self.arrive(old, home);
                        break;
                    }
                    Asked::Never => {
                        if let Asked::Here(home) = self.begin_anew(seat) {
                            self.arrive(old, home);
                            break;
                        }
                    }
                    Asked::NotNow => {}
                }
            }
            std::thread::sleep(ROUND);
        }
        let text = format!("UE {} is served by nobody", self.number);
        self.shared.tally().unserved.push(text);
    }
}
