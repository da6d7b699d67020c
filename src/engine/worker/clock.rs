//! Time between two places on a hot path.
//!
//! The system's clock waits until all loads before it are done, and takes 25 ns; a job that comes alone to a worker takes
//! 110 there and back where both share a core. The processor's own counter is read beside the work, but in ticks; how long one
//! takes is learned from the system's clock on the way, so that nobody waits for a measurement at the start.

use std::time::Instant;

use crate::base::cpu::{has_steady_ticks, ticks};

/// A clock of one thread.
#[derive(Debug)]
pub(super) struct Clock {
    /// Ticks are good for nothing here: the system's clock is read instead.
    steady: bool,
    anchor: (Instant, u64),
    /// Nanoseconds a tick, times 2^32.
    scale: u64,
    /// Ticks between two looks at the system's clock: twice as many each time, up to [`MOST`].
    between: u64,
}

/// Ten to forty seconds: whoever moves the machine while it runs may give it another rate.
const MOST: u64 = 1 << 35;

impl Clock {
    pub(super) fn new() -> Self {
        Self::with(has_steady_ticks())
    }

    fn with(steady: bool) -> Self {
        Self {
            steady,
            anchor: both(),
            scale: 0,
            between: 0,
        }
    }

    /// Where the clock stands, in a unit of its own.
    #[inline(always)]
    pub(super) fn read(&self) -> u64 {
        if self.steady {
            ticks()
        } else {
            since(self.anchor.0)
        }
    }

    /// Nanoseconds from one reading to a later one.
    #[inline(always)]
    pub(super) fn nanos(&mut self, from: u64, to: u64) -> u64 {
        if !self.steady {
            return to.saturating_sub(from);
        }
        if to.wrapping_sub(self.anchor.1) >= self.between {
            self.learn();
        }
        // A machine that was moved may go back: that took no time at all.
        let passed = to.wrapping_sub(from).cast_signed().max(0).cast_unsigned();
        ((u128::from(passed) * u128::from(self.scale)) >> 32) as u64
    }

    /// Compares both clocks.
    #[cold]
    fn learn(&mut self) {
        let (time, count) = both();
        let nanos = time.saturating_duration_since(self.anchor.0).as_nanos();
        let passed = count.wrapping_sub(self.anchor.1).max(1);
        let scale = (nanos << 32) / u128::from(passed);
        // One counter ticks once in 40 ns, another 5 times in one; anything else is a machine that was moved meanwhile.
        if (1 << 28..1 << 40).contains(&scale) {
            self.scale = scale as u64;
        }
        if self.between >= MOST {
            self.anchor = (time, count);
        } else {
            self.between = passed.saturating_mul(2).min(MOST);
        }
    }
}

/// Both clocks at one moment: of a few readings the one that took least, because a thread may be stopped within it.
fn both() -> (Instant, u64) {
    let readings = [(); 4].map(|()| {
        let before = ticks();
        let time = Instant::now();
        let after = ticks();
        (time, before, after.wrapping_sub(before))
    });
    let [first, ..] = readings;
    let best = readings.into_iter().min_by_key(|(.., took)| *took);
    let (time, before, took) = best.unwrap_or(first);
    (time, before.wrapping_add(took / 2))
}

fn since(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Both ways agree with the system's clock read around and within them, but for a hundredth.
    #[test]
    fn nanoseconds_are_those_of_the_system() {
        for steady in [false, has_steady_ticks()] {
            let mut clock = Clock::with(steady);
            for pause in [0, 1, 5, 20] {
                let outer = Instant::now();
                let from = clock.read();
                let inner = Instant::now();
                std::thread::sleep(Duration::from_millis(pause));
                let least = since(inner);
                let to = clock.read();
                let most = since(outer);
                let nanos = clock.nanos(from, to);
                // The first times, a hundred nanoseconds may be much of what both clocks have seen together.
                let slack = nanos / 100 + 10_000;
                assert!(
                    nanos + slack >= least && nanos <= most + slack,
                    "{least} {nanos} {most}"
                );
            }
        }
    }

    #[test]
    fn a_clock_that_went_back_took_no_time() {
        let mut clock = Clock::new();
        let now = clock.read();
        assert_eq!(clock.nanos(now + 1000, now), 0);
    }
}
