//! What came of it: for people, and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::conduct::Events;
use super::record::Findings;
use super::shared::{Takeover, Tally};

/// Most COUNTs that may be passed over: a UE recovers 255.
const MOST: u32 = 200;
/// How soon a UE is to be served again, once a takeover is possible.
const SOON: Duration = Duration::from_secs(2);

/// A run's result.
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) stage: String,
    pub(super) ues: u64,
    pub(super) time: Duration,
    pub(super) events: Events,
    pub(super) findings: Findings,
    pub(super) tally: Tally,
}

/// Of all waits: the most, and what 99 of 100 are not above.
fn most_and_p99(takeovers: &[Takeover]) -> (Duration, Duration) {
    let mut waits: Vec<Duration> = takeovers.iter().map(|one| one.wait).collect();
    waits.sort_unstable();
    let at = (waits.len() * 99).div_ceil(100).saturating_sub(1);
    let most = waits.last().copied().unwrap_or_default();
    (most, waits.get(at).copied().unwrap_or_default())
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

impl Report {
    /// Of lost owners, and new sessions in their place; first registrations and moves in order are none.
    fn takeovers(&self) -> Vec<Takeover> {
        let all = self.tally.takeovers.iter().cloned();
        all.filter(|one| one.from.is_some()).collect()
    }

    /// What was given by one node, until the next one served it.
    fn moves(&self) -> Vec<Takeover> {
        let all = self.tally.takeovers.iter().cloned();
        all.filter(|one| one.from.is_none() && !one.anew).collect()
    }

    /// What must not be, in words. Whether everybody was served in time is told apart: [`Report::slow`].
    pub(super) fn faults(&self) -> Vec<String> {
        let found = &self.findings;
        let numbers = [
            (found.reused, "reuses of a (key, COUNT, BEARER, DIRECTION)"),
            (found.replayed, "replays accepted"),
            (found.unexplained, "messages under no key of their UE"),
            (
                self.tally.out_of_sync.len() as u64,
                "times a UE was out of sync",
            ),
            (
                self.tally.unserved.len() as u64,
                "UEs that nobody serves at the end",
            ),
        ];
        let mut faults: Vec<String> = numbers
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        for (jump, what) in [
            (found.largest_jump, "passed over"),
            (found.largest_gap, "missed by a UE"),
        ] {
            if jump > MOST {
                faults.push(format!("{jump} COUNTs {what}, more than {MOST}"));
            }
        }
        if found.downlink == 0 || found.accepted == 0 {
            faults.push("no messages".to_owned());
        }
        faults
    }

    /// UEs that waited longer than they should.
    pub(super) fn slow(&self) -> Vec<Takeover> {
        let all = self.takeovers().into_iter();
        all.filter(|one| one.wait > SOON).collect()
    }

    pub(super) fn good(&self) -> bool {
        self.faults().is_empty() && self.slow().is_empty()
    }

    pub(super) fn text(&self) -> String {
        let (found, tally, takeovers) = (&self.findings, &self.tally, self.takeovers());
        let (most, p99) = most_and_p99(&takeovers);
        let outage = takeovers.iter().map(|one| one.outage).max();
        let anew = takeovers.iter().filter(|one| one.anew).count();
        let mut out = format!(
            "chaos, seed {}: {}, {} UEs, {:.0} s\n",
            self.seed,
            self.stage,
            self.ues,
            self.time.as_secs_f64()
        );
        let mut line = |name: &str, value: String| out += &format!("  {name:<34} {value}\n");
        line("faults", self.events.len().to_string());
        line(
            "messages, down / up / accepted",
            format!("{} / {} / {}", found.downlink, found.uplink, found.accepted),
        );
        line("lost on the air", tally.lost_on_air.to_string());
        line("security mode procedures", tally.rekeys.to_string());
        line(
            "takeovers",
            format!("{} ({anew} with a new session)", takeovers.len()),
        );
        let interrupted = takeovers.iter().filter(|one| one.interrupted).count();
        line(
            "of that, interrupted by a fault",
            format!("{interrupted}, counted from its end"),
        );
        line("moves in order", tally.moves.to_string());
        line(
            "pauses without a takeover",
            format!("{}, at most {} ms", tally.pauses, ms(tally.longest_pause)),
        );
        line(
            "of that, with nothing in its way",
            format!("at most {} ms", ms(tally.longest_own)),
        );
        line(
            "served again after",
            format!("p99 {} ms, max {} ms", ms(p99), ms(most)),
        );
        let (most, p99) = most_and_p99(&self.moves());
        line(
            "served again after a move",
            format!("p99 {} ms, max {} ms", ms(p99), ms(most)),
        );
        line(
            "longest outage, presence included",
            format!("{} ms", ms(outage.unwrap_or_default())),
        );
        line("calls at former owners", tally.at_former_owners.to_string());
        line(
            "keys that had not reached the store",
            tally.behind.to_string(),
        );
        line(
            "largest COUNT jump",
            format!("{} ({} at a UE)", found.largest_jump, found.largest_gap),
        );
        line(
            "replays tried / accepted",
            format!("{} / {}", tally.replays_tried, found.replayed),
        );
        line("reuses", found.reused.to_string());
        line(
            "UEs out of sync",
            (tally.out_of_sync.len() + tally.unserved.len()).to_string(),
        );
        let told = [&found.replays, &tally.out_of_sync, &tally.unserved];
        for what in self
            .faults()
            .iter()
            .chain(told.into_iter().flatten())
            .take(40)
        {
            out += &format!("  WRONG: {what}\n");
        }
        for one in self.slow().iter().take(20) {
            let (at, wait, ue) = (one.at.as_secs_f64(), ms(one.wait), one.ue);
            out += &format!(
                "  SLOW: {at:.3} UE {ue} was served after {wait} ms: {:?} to {:?}; {}\n",
                one.from, one.to, one.answers
            );
        }
        out + match (self.faults().is_empty(), self.slow().is_empty()) {
            (true, true) => "good\n",
            (true, false) => "nothing wrong, but slow: NOT GOOD\n",
            (false, _) => "NOT GOOD\n",
        }
    }

    pub(super) fn json(&self) -> String {
        let (found, tally, takeovers) = (&self.findings, &self.tally, self.takeovers());
        let (most, p99) = most_and_p99(&takeovers);
        let moved = most_and_p99(&self.moves());
        let life = |life: Option<super::node::Life>| {
            life.map_or(
                Value::Null,
                |life| json!({"node": life.seat, "life": life.number}),
            )
        };
        let events = self.events.iter();
        let events: Vec<Value> = events
            .map(|(time, what)| json!({"ms": ms(*time), "what": what}))
            .collect();
        let each: Vec<Value> = takeovers
            .iter()
            .map(|one| {
                json!({
                    "ms": ms(one.at), "ue": one.ue, "from": life(one.from), "to": life(Some(one.to)),
                    "outage_ms": ms(one.outage), "wait_ms": ms(one.wait), "new_session": one.anew, "interrupted": one.interrupted, "answers": one.answers.to_string(),
                })
            })
            .collect();
        let whole = json!({
            "good": self.good(),
            "seed": self.seed,
            "stage": self.stage,
            "ues": self.ues,
            "seconds": self.time.as_secs_f64(),
            "messages": {"downlink": found.downlink, "uplink": found.uplink, "accepted": found.accepted,
                "lost_on_air": tally.lost_on_air},
            "procedures": tally.rekeys,
            "takeovers": takeovers.len(),
            "moves": tally.moves,
            "pauses": tally.pauses,
            "longest_pause_ms": ms(tally.longest_pause),
            "longest_pause_able_ms": ms(tally.longest_own),
            "served_again_ms": {"max": ms(most), "p99": ms(p99)},
            "moved_ms": {"max": ms(moved.0), "p99": ms(moved.1)},
            "largest_jump": found.largest_jump,
            "largest_gap": found.largest_gap,
            "reuses": found.reused,
            "replays": {"tried": tally.replays_tried, "accepted": found.replayed},
            "calls_at_former_owners": tally.at_former_owners,
            "late_calls": tally.late,
            "keys_behind": tally.behind,
            "unexplained": found.unexplained,
            "out_of_sync": tally.out_of_sync,
            "unserved": tally.unserved,
            "events": events,
            "each_takeover": each,
        });
        format!("{whole:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::chaos::node::Life;
    use crate::storm::chaos::shared::Answers;

    fn takeover(ms: u64) -> Takeover {
        let to = Life { seat: 1, number: 2 };
        Takeover {
            ue: 1,
            from: Some(Life { seat: 0, number: 1 }),
            to,
            at: Duration::from_secs(1),
            outage: Duration::from_secs(3),
            wait: Duration::from_millis(ms),
            anew: false,
            interrupted: false,
            answers: Answers::default(),
        }
    }

    fn report() -> Report {
        Report {
            seed: 7,
            stage: "a stage".to_owned(),
            ues: 3,
            time: Duration::from_secs(5),
            events: vec![(Duration::from_secs(1), "node 0 is killed".to_owned())],
            findings: Findings {
                downlink: 10,
                uplink: 9,
                accepted: 8,
                largest_jump: 48,
                ..Findings::default()
            },
            tally: Tally {
                takeovers: (1..=200).map(takeover).collect(),
                ..Tally::default()
            },
        }
    }

    #[test]
    fn figures_are_told() {
        let report = report();
        assert!(report.good(), "{}", report.text());
        let all: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(all["served_again_ms"]["max"], 200.0);
        assert_eq!(all["served_again_ms"]["p99"], 198.0);
        assert_eq!(all["largest_jump"], 48);
        assert_eq!(all["events"][0]["what"], "node 0 is killed");
        assert!(report.text().contains("p99 198 ms, max 200 ms"));
    }

    #[test]
    fn anything_wrong_is_not_good() {
        let wrong: [fn(&mut Report); 9] = [
            |r| r.findings.reused = 1,
            |r| r.findings.replayed = 1,
            |r| r.findings.unexplained = 1,
            |r| r.findings.largest_jump = 201,
            |r| r.findings.largest_gap = 201,
            |r| r.findings.downlink = 0,
            |r| r.tally.out_of_sync.push("x".to_owned()),
            |r| r.tally.unserved.push("x".to_owned()),
            |r| r.tally.takeovers.push(takeover(2001)),
        ];
        for spoil in wrong {
            let mut report = report();
            spoil(&mut report);
            assert!(!report.good());
            assert!(report.text().ends_with("NOT GOOD\n"));
        }
    }
}
