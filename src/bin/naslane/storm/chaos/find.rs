//! What an AMF does when the node of a session falls silent, refuses, or gave the session up: it asks the others for
//! the session by its name until one serves it, and begins anew where nobody can.

use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::session::Handle;

use super::node::{Life, Silence};
use super::schedule::NODES;
use super::shared::{Answers, Takeover};
use super::ue::{Home, Result, Trouble, Ue};

/// Pause between two rounds of questions.
const ROUND: Duration = Duration::from_millis(15);
/// Pause while a node asks the store.
const ASKING: Duration = Duration::from_millis(3);
/// How long after the last fault every UE must be served.
const END: Duration = Duration::from_secs(20);

/// What came of a call: the node's life, and its answer.
type Called = std::result::Result<(u64, naslane::base::Result<Handle>), Silence>;

/// An AMF that looks for somebody to serve its UE.
struct Search {
    /// Since when nobody does.
    lost: Instant,
    /// Where it was.
    old: Option<Home>,
    /// Whose absence a takeover waits for.
    owner: Option<Life>,
    /// Since when a takeover is possible.
    possible: Option<Instant>,
    /// Nodes that nothing held when they began to take it, and that did not come to an end: the session may be theirs.
    claimants: Vec<Life>,
    /// Nobody can go on with the session.
    never: bool,
    answers: Answers,
}

impl Search {
    fn of(ue: &Ue) -> Self {
        Self {
            lost: Instant::now(),
            old: ue.home,
            owner: ue.home.map(|home| home.life),
            possible: None,
            claimants: Vec::new(),
            never: ue.sessions == 0,
            answers: Answers::default(),
        }
    }
}

/// What a node says to the question for a session.
enum Asked {
    Here(Home),
    /// Its owner is present, or the store does not answer.
    NotNow,
    /// This life had begun to take it, and its answer did not come.
    Begun(Life),
    /// It does not answer.
    Silent,
    /// Nobody can go on with it.
    Never,
}

impl Ue {
    /// Until somebody serves the UE, or the faults are over.
    pub(super) fn find(&mut self) {
        let search = Search::of(self);
        self.search(search, |ue| !ue.shared.ends());
    }

    /// True when somebody serves the UE, before `goes_on` says no.
    fn search(&mut self, mut search: Search, goes_on: impl Fn(&Self) -> bool) -> bool {
        while goes_on(self) {
            if self.still_there(&mut search) {
                return true;
            }
            search.possible = self.shared.possible(search.owner).or(search.possible);
            let first = self.random.below(NODES);
            for seat in (0..NODES).map(|i| (first + i) % NODES) {
                if self.giving && search.old.is_some_and(|old| old.life.seat == seat) {
                    continue;
                }
                if self.asked(seat, &mut search) {
                    return true;
                }
            }
            std::thread::sleep(ROUND);
        }
        false
    }

    /// One node is asked. True when it serves.
    fn asked(&mut self, seat: usize, search: &mut Search) -> bool {
        let found = if search.never {
            self.begin_anew(seat, &mut search.answers)
        } else {
            self.ask(seat, &mut search.answers)
        };
        let home = match found {
            Asked::Here(home) => home,
            Asked::Never => {
                search.never = true;
                return false;
            }
            Asked::NotNow => {
                search.claimants.retain(|claimant| claimant.seat != seat);
                return false;
            }
            Asked::Begun(life) => {
                search.claimants.retain(|claimant| claimant.seat != seat);
                search.claimants.push(life);
                return false;
            }
            Asked::Silent => return false,
        };
        let same = search.owner == Some(home.life);
        let possible = self.shared.possible(search.owner).or(search.possible);
        // The store let it have the session: so it was possible, though the watch has not seen it yet.
        search.possible = possible.or_else(|| (!same).then(Instant::now));
        self.arrive(search.old, home);
        let served = self.serves();
        match served {
            Ok(()) if same => self.paused(search, home.life),
            Ok(()) => self.told(search, home.life),
            Err(trouble) => {
                search.answers.add(seat, trouble);
                // From here on it is this node's to be lost: the next takeover waits for its absence.
                if !same {
                    search.possible = None;
                    search.claimants.clear();
                }
                search.owner = Some(home.life);
            }
        }
        served.is_ok()
    }

    /// The node that had it has it still: it was stopped, cut off, or its lease was used up.
    fn still_there(&mut self, search: &mut Search) -> bool {
        let Some(home) = search.old else { return false };
        if self.giving {
            if matches!(self.give(home), Ok(true)) && self.home.is_none() {
                // It was not lost but given: from now on it can be taken.
                *search = Search::of(self);
            }
            return false;
        }
        self.home = Some(home);
        let served = self.serves();
        match served {
            Ok(()) => self.paused(search, home.life),
            Err(trouble) => search.answers.add(home.life.seat, trouble),
        }
        served.is_ok()
    }

    /// Served again by the node that had it.
    fn paused(&self, search: &Search, life: Life) {
        let able = self.shared.able(life);
        let mut tally = self.shared.tally();
        tally.pauses += 1;
        tally.longest_pause = tally.longest_pause.max(search.lost.elapsed());
        let wait = able.map_or(Duration::ZERO, |able| search.lost.max(able).elapsed());
        tally.longest_own = tally.longest_own.max(wait);
    }

    fn name(&self) -> Vec<u8> {
        format!("ue {}.{}", self.number, self.sessions).into_bytes()
    }

    fn called(
        &self,
        (seat, answer): (usize, Called),
        answers: &mut Answers,
    ) -> Option<(u64, naslane::base::Result<Handle>)> {
        match &answer {
            Err(silence) => answers.add(seat, silence),
            Ok((_, Err(error))) => answers.add(seat, error),
            Ok((_, Ok(_))) => answers.add(seat, "here"),
        }
        self.shared.tally().late += u64::from(answer == Err(Silence::Late));
        answer.ok()
    }

    /// Asks a node for the session by its name.
    fn ask(&mut self, seat: usize, answers: &mut Answers) -> Asked {
        let mut begun = None;
        for _ in 0..60 {
            let (place, name) = ((&self.shared.seats[seat], None), self.name());
            let answer =
                self.lines[seat].call(place, self.shared.patience, move |node| node.take(&name));
            let Some((number, answer)) = self.called((seat, answer), answers) else {
                break;
            };
            match answer {
                Ok(handle) => {
                    let life = Life { seat, number };
                    return Asked::Here(Home { life, handle });
                }
                Err(Error::Busy) => {
                    // One that is cut off says so too, and reaches no store.
                    if self.shared.seats[seat].able_since().is_some() {
                        begun = Some(Life { seat, number });
                    }
                    std::thread::sleep(ASKING);
                }
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
        begun.map_or(Asked::Silent, Asked::Begun)
    }

    /// A new session under a new name: the UE registers as if for the first time.
    fn begin_anew(&mut self, seat: usize, answers: &mut Answers) -> Asked {
        self.sessions += 1;
        let (place, name) = ((&self.shared.seats[seat], None), self.name());
        let answer = self.lines[seat].call(place, self.shared.patience, move |node| {
            node.establish(&name)
        });
        match self.called((seat, answer), answers) {
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
        self.giving = false;
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

    fn told(&self, search: &Search, to: Life) {
        let now = Instant::now();
        let possible = search
            .possible
            .map_or(search.lost, |since| since.max(search.lost));
        // A fault came upon a node that was taking it: either that one serves now, or its absence was waited for as an
        // owner's is. One that is present and does not serve had not got it.
        let claimants = search.claimants.iter();
        let freed = claimants.filter_map(|claimant| match *claimant == to {
            true => self.shared.able(to),
            false => self.shared.absent(*claimant),
        });
        let freed = freed.max().filter(|freed| *freed > possible);
        let takeover = Takeover {
            ue: self.number,
            from: search.old.map(|home| home.life),
            to,
            at: now - self.shared.begin,
            outage: now - search.lost,
            wait: now - freed.unwrap_or(possible),
            anew: search.never,
            interrupted: freed.is_some(),
            answers: search.answers.clone(),
        };
        self.shared.tally().takeovers.push(takeover);
    }

    /// The last exchange, when nothing goes wrong any more.
    pub(super) fn finish(&mut self) {
        let end = Instant::now() + END;
        if self.home.is_some() && !self.giving && self.serves().is_ok() {
            return;
        }
        let search = Search::of(self);
        if !self.search(search, |_| Instant::now() < end) {
            let text = format!("UE {} is served by nobody", self.number);
            self.shared.tally().unserved.push(text);
        }
    }
}
