//! The figures on paper: tables for people, one JSON object for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use naslane::door;
use serde_json::{Value, json};

use super::attack::Kind;
use super::figures::{Figures, Verb, VerbFigure, status_name};
use super::plan::Plan;
use crate::terminal::{Cell, Tone, number, paint, table, text};

const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// A run that is over.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    /// The door to the AMF half, and where its engine runs.
    pub(super) door: (door::Kind, String),
    pub(super) figures: &'a Figures,
    pub(super) elapsed: Duration,
    pub(super) good: bool,
}

fn per_second(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

fn percentiles(histogram: &Histogram<u64>) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    PERCENTILES
        .iter()
        .map(|(name, share)| (*name, histogram.value_at_quantile(*share)))
}

fn count(value: u64) -> Cell {
    number(grouped(value), Tone::Plain)
}

/// 1234567 as 1 234 567.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

impl Run<'_> {
    fn used(&self) -> impl Iterator<Item = (Verb, &VerbFigure)> {
        let figures = Verb::ALL.iter().zip(&self.figures.verbs);
        figures
            .map(|(verb, figure)| (*verb, figure))
            .filter(|(_, figure)| figure.calls > 0)
    }

    pub(super) fn text(&self) -> String {
        let mut out = self.head();
        out += "\nAMF half, nanoseconds per message (call / batch)\n";
        out += &self.verbs(|figure| &figure.per_message);
        out += "\nAMF half, nanoseconds per call\n";
        out += &self.verbs(|figure| &figure.per_call);
        out += "\nalgorithm mix\n";
        let rows = self
            .plan
            .mix
            .iter()
            .zip(&self.figures.pairs)
            .map(|(share, (ues, messages))| {
                vec![
                    text(share.name()),
                    number(format!("{} %", share.percent), Tone::Plain),
                    count(*ues),
                    count(*messages),
                ]
            });
        out += &table(&["algorithms", "asked", "UEs", "messages"], rows.collect());
        out += "\ngenuine messages at the AMF half\n";
        out += &verdicts(&self.figures.verdicts);
        if self.plan.hostile {
            out += "\nhostile messages\n";
            out += &self.attacks();
            out += "\nhostile messages at the AMF half\n";
            out += &verdicts(&self.figures.refusals);
        }
        out + &self.verdict()
    }

    fn head(&self) -> String {
        let Plan {
            ues,
            batch,
            threads,
            seed,
            loss,
            ..
        } = self.plan;
        let (messages, time) = self.figures.amf();
        let seconds = self.elapsed.as_secs_f64();
        let registered = self.figures.registered;
        // Elsewhere the time is that of the calling thread, which waits.
        let per = match self.door.0 {
            door::Kind::Inline => "core",
            _ => "calling thread",
        };
        let mut out = format!(
            "naslane {} storm: {ues} UEs, {threads} threads, batch {batch}, seed {seed}\nAMF half: {}\n\n",
            naslane::VERSION,
            self.door.1
        );
        out += &format!(
            "{} registrations with all their traffic in {seconds:.2} s, {:.0} per second, both halves\n",
            grouped(registered),
            per_second(registered, self.elapsed),
        );
        out += &format!(
            "AMF half: {} messages in {:.2} s of engine time, {} messages/s per {per} ({} by the median)\n",
            grouped(messages),
            time.as_secs_f64(),
            grouped(per_second(messages, time) as u64),
            grouped(per_second(messages, self.figures.median_time()) as u64),
        );
        out += &format!(
            "checked: {} contents, {} COUNTs, at the other side\n",
            grouped(self.figures.content_checks),
            grouped(self.figures.count_checks),
        );
        if let Some(slices) = &self.figures.slices {
            let all = slices.succeeded + slices.failed + slices.pending;
            let at = |share| slices.latency.value_at_quantile(share) as f64 / 1000.0;
            out += &format!(
                "slices: {} authenticated, {} refused, {} pending; {:.1} per second, {} messages each, \
                 {:.0} ms by the median, {:.0} ms p99\n",
                grouped(slices.succeeded),
                grouped(slices.failed),
                grouped(slices.pending),
                per_second(all, slices.time),
                slices.messages / all.max(1),
                at(0.5),
                at(0.99),
            );
        }
        if *loss > 0 {
            out += &format!(
                "air: {} messages lost, {} sent again, {} security mode procedures timed out and began anew\n",
                grouped(self.figures.lost_messages),
                grouped(self.figures.retransmissions),
                grouped(self.figures.commands_timed_out),
            );
        }
        out
    }

    fn verbs(&self, histogram: impl Fn(&VerbFigure) -> &Histogram<u64>) -> String {
        let rows = self.used().map(|(verb, figure)| {
            let times = histogram(figure);
            let mut row = vec![
                text(verb.name()),
                count(figure.messages),
                count(figure.calls),
            ];
            row.push(number(format!("{:.0}", times.mean()), Tone::Plain));
            row.extend(percentiles(times).map(|(_, value)| count(value)));
            row.push(count(times.max()));
            row
        });
        let head = [
            "operation",
            "messages",
            "calls",
            "mean",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max",
        ];
        table(&head, rows.collect())
    }

    fn attacks(&self) -> String {
        let tone = |bad: bool| if bad { Tone::Bad } else { Tone::Good };
        let row = |name: &str, up: u64, down: u64, accepted: u64| {
            vec![
                text(name),
                count(up),
                count(down),
                number(grouped(accepted), tone(accepted > 0)),
            ]
        };
        let mut rows: Vec<_> = Kind::ALL
            .iter()
            .zip(&self.figures.attacks)
            .map(|(kind, tally)| row(kind.name(), tally.uplink, tally.downlink, tally.accepted))
            .collect();
        let sum = |of: fn(&super::figures::Tally) -> u64| self.figures.attacks.iter().map(of).sum();
        rows.push(row(
            "all",
            sum(|t| t.uplink),
            sum(|t| t.downlink),
            sum(|t| t.accepted),
        ));
        let mut out = table(&["kind", "to the AMF", "to the UE", "accepted"], rows);
        out += &format!(
            "sessions changed by a hostile message: {}; sessions lost: {}\n",
            self.figures.disturbed, self.figures.failed
        );
        if self.door.0 == door::Kind::Sidecar {
            out += "(a sidecar shows which contexts a session has; COUNTs are seen in the messages that follow)\n";
        }
        out
    }

    fn verdict(&self) -> String {
        let mut out = String::from("\n");
        for failure in &self.figures.failures {
            out += &paint(failure, Tone::Bad);
            out.push('\n');
        }
        let line = if self.good {
            paint(
                "every message was accepted once, as it was sent; no session lost",
                Tone::Good,
            )
        } else {
            let text = format!(
                "{} UEs lost; run again with --threads 1 --seed {} to see the same",
                self.figures.failed, self.plan.seed
            );
            paint(&text, Tone::Bad)
        };
        out + &line + "\n"
    }

    pub(super) fn json(&self) -> String {
        let figures = self.figures;
        let (messages, time) = figures.amf();
        let (tried, accepted) = figures.hostile();
        let kinds: Vec<Value> = Kind::ALL
            .iter()
            .zip(&figures.attacks)
            .map(|(kind, tally)| {
                json!({
                    "kind": kind.name(), "uplink": tally.uplink, "downlink": tally.downlink,
                    "tried": tally.uplink + tally.downlink, "accepted": tally.accepted,
                })
            })
            .collect();
        let hostile = self.plan.hostile.then(|| {
            json!({
                "kinds": kinds, "tried": tried, "accepted": accepted,
                "sessions_changed": figures.disturbed, "sessions_lost": figures.failed,
                "refusals": statuses(&figures.refusals),
                "amf_engine_seconds": figures.attack_time.as_secs_f64(),
            })
        });
        let all = json!({
            "version": naslane::VERSION, "good": self.good, "seed": self.plan.seed,
            "engine": self.door.0.to_string(), "engine_plan": self.door.1,
            "ues": self.plan.ues, "threads": self.plan.threads, "batch": self.plan.batch,
            "loss_percent": self.plan.loss as f64 / 10_000.0,
            "seconds": self.elapsed.as_secs_f64(),
            "registrations": figures.registered,
            "registrations_per_second": per_second(figures.registered, self.elapsed),
            "messages": messages, "amf_engine_seconds": time.as_secs_f64(),
            "messages_per_second_per_core": per_second(messages, time),
            "messages_per_second_per_core_by_median": per_second(messages, figures.median_time()),
            "operations": self.operations_json(), "mix": self.mix_json(),
            "verdicts": statuses(&figures.verdicts),
            "content_checks": figures.content_checks, "count_checks": figures.count_checks,
            "lost_messages": figures.lost_messages, "retransmissions": figures.retransmissions,
            "commands_timed_out": figures.commands_timed_out,
            "failed": figures.failed, "failures": figures.failures, "hostile": hostile, "slices": self.slices_json(),
        });
        format!("{all:#}\n")
    }

    fn slices_json(&self) -> Option<Value> {
        let slices = self.figures.slices.as_ref()?;
        let all = slices.succeeded + slices.failed + slices.pending;
        let microseconds =
            percentiles(&slices.latency).map(|(name, value)| (name.into(), value.into()));
        let microseconds: serde_json::Map<String, Value> = microseconds.collect();
        Some(json!({
            "succeeded": slices.succeeded, "failed": slices.failed, "pending": slices.pending,
            "messages": slices.messages, "seconds": slices.time.as_secs_f64(),
            "slices_per_second": per_second(all, slices.time), "latency_us": microseconds,
        }))
    }

    fn operations_json(&self) -> Value {
        let times = |histogram: &Histogram<u64>| {
            let mut object = serde_json::Map::new();
            object.insert("mean".into(), histogram.mean().into());
            object.extend(percentiles(histogram).map(|(name, value)| (name.into(), value.into())));
            object.insert("max".into(), histogram.max().into());
            Value::Object(object)
        };
        let operation = |(verb, figure): (Verb, &VerbFigure)| {
            json!({
                "operation": verb.name(), "messages": figure.messages, "octets": figure.octets,
                "calls": figure.calls, "seconds": figure.time.as_secs_f64(),
                "ns_per_message": times(&figure.per_message), "ns_per_call": times(&figure.per_call),
            })
        };
        self.used().map(operation).collect()
    }

    fn mix_json(&self) -> Value {
        let rows = self.plan.mix.iter().zip(&self.figures.pairs);
        rows.map(|(share, (ues, messages))| {
            json!({
                "nea": share.algorithms.nea.id(), "nia": share.algorithms.nia.id(),
                "percent": share.percent, "ues": ues, "messages": messages,
            })
        })
        .collect()
    }
}

fn verdicts(statuses: &BTreeMap<i32, u64>) -> String {
    let row = |(status, times): (&i32, &u64)| vec![text(status_name(*status)), count(*times)];
    table(&["status", "times"], statuses.iter().map(row).collect())
}

fn statuses(statuses: &BTreeMap<i32, u64>) -> Value {
    let named = statuses
        .iter()
        .map(|(status, times)| (status_name(*status), (*times).into()));
    Value::Object(named.collect())
}
