//! The report: a table with ratios, or JSON.

use naslane::kernel::rooms;
use serde_json::{Map, Value, json};

use super::contest::{Timing, UES};
use super::plan::{Bytes, Cell, SessionCell, Verb};
use super::{Args, ours, peers};
use crate::terminal::{Tone, number, table, text, toned};

type Libraries = Vec<peers::Library>;

pub(super) struct Report {
    cpu: String,
    command: String,
    rounds: usize,
    /// Ours first.
    libraries: Libraries,
    rows: Vec<(Cell, Vec<Timing>)>,
    sessions: Vec<(SessionCell, (f64, f64))>,
}

fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| {
            line.split(':')
                .next()
                .is_some_and(|left| left.trim() == name)
        });
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    let name = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    match (field("cpu family"), field("model")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}

fn backends() -> impl Iterator<Item = (&'static str, &'static str)> {
    rooms().iter().filter_map(|room| {
        let row = room.rows().find(|row| row.chosen)?;
        Some((room.name, row.name))
    })
}

fn round(ns: f64) -> f64 {
    (ns * 10.0).round() / 10.0
}

impl Report {
    pub(super) fn new(args: &Args, rounds: usize) -> Self {
        let rows: Vec<_> = backends()
            .map(|(room, row)| format!("{room} {row}"))
            .collect();
        let mut libraries = vec![(ours::NAME.to_owned(), rows.join(", "))];
        if args.peers {
            libraries.extend(peers::libraries(args.like_cascade_lake));
        }
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Self {
            cpu: cpu_name(),
            command: format!("naslane {}", arguments.join(" ")),
            rounds,
            libraries,
            rows: Vec::new(),
            sessions: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, cell: Cell, timings: Vec<Timing>) {
        self.rows.push((cell, timings));
    }

    pub(super) fn add_sessions(&mut self, cell: SessionCell, ns: (f64, f64)) {
        self.sessions.push((cell, ns));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.sessions.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let mut out = format!("CPU      {}\ncommand  {}\n", self.cpu, self.command);
        out += &format!(
            "ns per message, minimum of {} rounds in turn; {UES} UEs in random order; x = peer / naslane\n\n",
            self.rounds
        );
        let libraries = self.libraries.iter();
        let rows = libraries.map(|(name, instructions)| vec![text(name), text(instructions)]);
        out += &table(&["library", "instructions"], rows.collect());
        if !self.rows.is_empty() {
            out.push('\n');
            out += &self.text_rows();
        }
        if !self.sessions.is_empty() {
            out += "\nthrough the session table, sessions in random order\n";
            out += &self.text_sessions();
        }
        out
    }

    fn text_rows(&self) -> String {
        let peers: Vec<&str> = self
            .libraries
            .iter()
            .skip(1)
            .map(|(name, _)| name.as_str())
            .collect();
        let mut head = vec![
            "work",
            "algorithm",
            "bytes",
            "batch",
            "keys",
            "naslane",
            "median",
        ];
        for peer in &peers {
            head.extend([*peer, "x"]);
        }
        if !peers.is_empty() {
            head.push("fastest peer's way");
        }
        let row = |(cell, timings): &(Cell, Vec<Timing>)| {
            let mut line = vec![
                text(cell.verb.name()),
                text(cell.algorithm.name()),
                number(cell.bytes, Tone::Plain),
                number(cell.batch, Tone::Plain),
                text(cell.keys.name()),
            ];
            let Some((ours, others)) = timings.split_first() else {
                return line;
            };
            line.push(number(format!("{:.1}", ours.min), Tone::Plain));
            line.push(number(format!("{:.1}", ours.median), Tone::Faint));
            for name in &peers {
                let Some(peer) = others.iter().find(|peer| peer.library == *name) else {
                    line.extend([number("", Tone::Plain), number("", Tone::Plain)]);
                    continue;
                };
                let ratio = peer.min / ours.min;
                let tone = if ratio < 1.0 { Tone::Bad } else { Tone::Good };
                line.push(number(format!("{:.1}", peer.min), Tone::Plain));
                line.push(number(format!("{ratio:.2}"), tone));
            }
            let fastest = others.iter().min_by(|a, b| a.min.total_cmp(&b.min));
            if let Some(peer) = fastest {
                line.push(toned(
                    format!("{}: {}", peer.library, peer.way),
                    Tone::Faint,
                ));
            }
            line
        };
        table(&head, self.rows.iter().map(row).collect())
    }

    fn text_sessions(&self) -> String {
        let row = |(cell, (min, median)): &(SessionCell, (f64, f64))| {
            vec![
                text(cell.verb.name()),
                text(cell.algorithm.name()),
                number(cell.bytes, Tone::Plain),
                number(cell.batch, Tone::Plain),
                number(cell.sessions, Tone::Plain),
                number(format!("{min:.1}"), Tone::Plain),
                number(format!("{median:.1}"), Tone::Faint),
            ]
        };
        let head = [
            "work",
            "algorithm",
            "bytes",
            "batch",
            "sessions",
            "naslane",
            "median",
        ];
        table(&head, self.sessions.iter().map(row).collect())
    }

    pub(super) fn json(&self) -> String {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|(cell, timings)| json_row(cell, timings))
            .collect();
        let sessions = self.sessions.iter().map(|(cell, (min, median))| {
            json!({
                "work": cell.verb.name(), "algorithm": cell.algorithm.name(), "bytes": cell.bytes,
                "batch": cell.batch, "sessions": cell.sessions, "ours_ns": round(*min),
                "ours_median_ns": round(*median),
            })
        });
        let backends: Map<_, _> = backends()
            .map(|(room, row)| (room.to_owned(), row.into()))
            .collect();
        let libraries: Map<_, _> = self
            .libraries
            .iter()
            .skip(1)
            .cloned()
            .map(|(name, how)| (name, how.into()))
            .collect();
        let all = json!({
            "cpu": self.cpu, "command": self.command, "version": naslane::VERSION, "rounds": self.rounds,
            "backends": backends, "libraries": libraries, "rows": rows, "sessions": sessions.collect::<Vec<_>>(),
        });
        format!("{all:#}\n")
    }
}

fn json_row(cell: &Cell, timings: &[Timing]) -> Value {
    let bytes = match (cell.verb, cell.bytes) {
        (Verb::Derive, _) => json!(0),
        (_, Bytes::Fixed(bytes)) => json!(bytes),
        (_, Bytes::Mix) => json!("mix"),
    };
    let peers = || timings.iter().skip(1);
    let object = |value: fn(&Timing) -> Value| -> Map<String, Value> {
        peers()
            .map(|peer| (peer.library.clone(), value(peer)))
            .collect()
    };
    let ours = timings.first();
    json!({
        "work": cell.verb.name(), "algorithm": cell.algorithm.name(), "bytes": bytes, "batch": cell.batch,
        "keys": cell.keys.name(),
        "ours_ns": ours.map(|ours| round(ours.min)), "ours_median_ns": ours.map(|ours| round(ours.median)),
        "peers": object(|peer| json!(round(peer.min))),
        "peers_median_ns": object(|peer| json!(round(peer.median))),
        "ways": object(|peer| json!(peer.way)),
    })
}
