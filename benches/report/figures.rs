//! The figures of the README from what `naslane bench --peers --json` printed.
//!
//! `cargo run --example report [JSON [FOLDER]]`; benches/report/run measures first. Two pictures: `batch.svg`, time per
//! message over messages in a call for each pair of algorithms, and `beside.svg`, bars beside the peers.

mod svg;

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;
use svg::{Anchor, Svg};

/// Our name among the contestants.
const OURS: &str = "naslane";

/// A row of the report: ours first, then the peers, nanoseconds each.
struct Row<'j> {
    json: &'j Value,
    ns: Vec<(&'j str, f64)>,
}

struct Report {
    rows: Vec<Value>,
    caption: Vec<String>,
}

impl Report {
    fn read(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let rounds = json["rounds"].as_u64()?;
        Some(Self {
            rows: json["rows"].as_array()?.clone(),
            caption: vec![
                json["cpu"].as_str()?.to_owned(),
                format!(
                    "minimum of {rounds} rounds in turn, 4,096 UEs in random order, answers compared"
                ),
                json["command"].as_str()?.to_owned(),
            ],
        })
    }

    /// Rows for which all of these hold.
    fn find(&self, fields: &[(&str, Value)]) -> Vec<Row<'_>> {
        let right = |row: &&Value| fields.iter().all(|(name, value)| row[name] == *value);
        let rows = self.rows.iter().filter(right);
        rows.filter_map(|json| {
            let mut ns = vec![(OURS, json["ours_ns"].as_f64()?)];
            let peers = json["peers"].as_object()?.iter();
            ns.extend(peers.filter_map(|(name, ns)| Some((name.as_str(), ns.as_f64()?))));
            ns[1..].sort_by(|a, b| a.1.total_cmp(&b.1));
            Some(Row { json, ns })
        })
        .collect()
    }
}

/// Names of all contestants, ours first, in the order of their first appearance.
fn names<'j>(rows: &[Row<'j>]) -> Vec<&'j str> {
    let mut names = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.ns) {
        if !names.contains(name) {
            names.push(*name);
        }
    }
    names
}

/// Names with their colours, in as many lines as they need.
fn legend(svg: &mut Svg, names: &[&str], (left, mut y): svg::Point, right: f64) {
    let mut x = left;
    for name in names {
        let width = 44.0 + 6.9 * name.len() as f64;
        if x + width > right {
            (x, y) = (left, y + 19.0);
        }
        svg.bar(name, (x, y - 9.0), (14.0, 9.0));
        let class = if *name == OURS { "strong" } else { "" };
        svg.text((x + 20.0, y), Anchor::Start, class, name);
        x += width;
    }
}

fn caption(svg: &mut Svg, report: &Report, bottom: f64) {
    for (line, text) in report.caption.iter().rev().enumerate() {
        svg.text(
            (20.0, bottom - 12.0 - 15.0 * line as f64),
            Anchor::Start,
            "faint",
            text,
        );
    }
}

// ---- time per message over messages in a call ----
const PANEL: svg::Point = (270.0, 230.0);
const TICKS: [f64; 10] = [
    10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0,
];

/// The ticks around all values.
fn scale(rows: &[Row<'_>]) -> Vec<f64> {
    let values = || rows.iter().flat_map(|row| row.ns.iter().map(|(_, ns)| *ns));
    let (least, most) = (
        values().fold(f64::MAX, f64::min),
        values().fold(0.0, f64::max),
    );
    let begin = TICKS.iter().rposition(|tick| *tick <= least).unwrap_or(0);
    let end = TICKS
        .iter()
        .position(|tick| *tick >= most)
        .unwrap_or(TICKS.len() - 1);
    TICKS[begin..=end.max(begin + 1)].to_vec()
}

fn panel(svg: &mut Svg, title: &str, rows: &[Row<'_>], (left, top): svg::Point) {
    let (width, height) = PANEL;
    let ticks = scale(rows);
    let (low, high) = (ticks[0].ln(), ticks[ticks.len() - 1].ln());
    let y = |ns: f64| top + height - height * (ns.ln() - low) / (high - low);
    let batch = |row: &Row<'_>| row.json["batch"].as_f64().unwrap_or(1.0);
    let most = rows.iter().map(batch).fold(2.0, f64::max).log2();
    let x = |batch: f64| left + width * batch.log2() / most;
    svg.text((left, top - 14.0), Anchor::Start, "title", title);
    for tick in ticks {
        svg.rule((left, y(tick)), (left + width, y(tick)));
        svg.text(
            (left - 6.0, y(tick) + 4.0),
            Anchor::End,
            "faint",
            &format!("{tick}"),
        );
    }
    for row in rows {
        let batch = batch(row);
        svg.text(
            (x(batch), top + height + 16.0),
            Anchor::Middle,
            "faint",
            &format!("{batch}"),
        );
    }
    // Ours last: on top.
    for name in names(rows).iter().rev() {
        let point = |row: &Row<'_>| {
            let (_, ns) = row.ns.iter().find(|(other, _)| other == name)?;
            Some((x(batch(row)), y(*ns)))
        };
        svg.curve(name, &rows.iter().filter_map(point).collect::<Vec<_>>());
    }
}

fn batches(report: &Report) -> String {
    let panels = [
        ("SNOW 3G: 128-NEA1, 128-NIA1", "nea1-nia1", "cached"),
        ("AES: 128-NEA2, 128-NIA2", "nea2-nia2", "cached"),
        ("AES, a key per message", "nea2-nia2", "per-message"),
        ("ZUC: 128-NEA3, 128-NIA3", "nea3-nia3", "cached"),
    ];
    let mut svg = Svg::new((680.0, 760.0));
    let title = "Protecting a 64-octet message: ns per message over messages in a call";
    svg.text((20.0, 28.0), Anchor::Start, "title", title);
    let mut all = Vec::new();
    for (place, (title, algorithm, keys)) in panels.into_iter().enumerate() {
        let rows = report.find(&[
            ("work", "protect".into()),
            ("bytes", 64.into()),
            ("algorithm", algorithm.into()),
            ("keys", keys.into()),
        ]);
        let at = (
            54.0 + 330.0 * (place % 2) as f64,
            122.0 + 290.0 * (place / 2) as f64,
        );
        if !rows.is_empty() {
            panel(&mut svg, title, &rows, at);
        }
        all.extend(rows);
    }
    legend(&mut svg, &names(&all), (20.0, 54.0), 680.0);
    caption(&mut svg, report, 760.0);
    svg.finish(title)
}

// ---- bars beside the peers ----
const BAR: f64 = 17.0;

/// Title of a group of bars, and the row that it shows.
type Group<'j> = (String, Row<'j>);

fn groups(report: &Report, batch: u64) -> Vec<Group<'_>> {
    let kinds = [
        ("SNOW 3G", "protect", "nea1-nia1", "cached", 64),
        ("AES", "protect", "nea2-nia2", "cached", 64),
        (
            "AES, a key per message",
            "protect",
            "nea2-nia2",
            "per-message",
            64,
        ),
        ("ZUC", "protect", "nea3-nia3", "cached", 64),
        ("K_NASenc and K_NASint", "derive", "k-nas-pair", "cached", 0),
    ];
    let group = |(title, work, algorithm, keys, bytes): (&str, &str, &str, &str, u64)| {
        let rows = report.find(&[
            ("work", work.into()),
            ("algorithm", algorithm.into()),
            ("keys", keys.into()),
            ("bytes", bytes.into()),
            ("batch", batch.into()),
        ]);
        rows.into_iter().next().map(|row| (title.to_owned(), row))
    };
    kinds.into_iter().filter_map(group).collect()
}

fn column(svg: &mut Svg, groups: &[Group<'_>], left: f64, mut top: f64) -> f64 {
    const NAMES: f64 = 138.0;
    const WIDTH: f64 = 250.0;
    for (title, row) in groups {
        svg.text((left, top), Anchor::Start, "strong", title);
        top += 8.0;
        let most = row.ns.iter().map(|(_, ns)| *ns).fold(0.0, f64::max);
        let ours = row.ns[0].1;
        for (name, ns) in &row.ns {
            let (class, base) = (if *name == OURS { "strong" } else { "" }, top + BAR - 5.0);
            let width = (ns / most * (WIDTH - 80.0)).max(2.0);
            svg.text((left + NAMES - 8.0, base), Anchor::End, class, name);
            svg.bar(name, (left + NAMES, top + 2.0), (width, BAR - 4.0));
            let ratio = if *name == OURS {
                String::new()
            } else {
                format!("  ×{:.2}", ns / ours)
            };
            svg.text(
                (left + NAMES + width + 6.0, base),
                Anchor::Start,
                class,
                &format!("{ns:.0} ns{ratio}"),
            );
            top += BAR;
        }
        top += 26.0;
    }
    top
}

fn beside(report: &Report) -> String {
    let columns = [groups(report, 64), groups(report, 1)];
    let lines = columns
        .iter()
        .map(|groups| groups.iter().map(|(_, row)| row.ns.len()).sum::<usize>());
    let most = lines.max().unwrap_or(0) as f64;
    let height = 96.0 + most * BAR + 5.0 * 34.0 + 40.0;
    let mut svg = Svg::new((860.0, height));
    let title =
        "64-octet messages and derivations: ns per message, and the multiple of naslane's time";
    svg.text((20.0, 28.0), Anchor::Start, "title", title);
    for (place, (head, groups)) in ["64 messages in a call", "one message in a call"]
        .iter()
        .zip(&columns)
        .enumerate()
    {
        let left = 20.0 + 420.0 * place as f64;
        svg.text((left, 62.0), Anchor::Start, "title", head);
        column(&mut svg, groups, left, 90.0);
    }
    caption(&mut svg, report, height);
    svg.finish(title)
}

fn write() -> Result<(), String> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let file = arguments
        .next()
        .unwrap_or_else(|| "benches/report/peers.json".into());
    let folder = arguments.next().unwrap_or_else(|| "benches/report".into());
    let text =
        std::fs::read_to_string(&file).map_err(|why| format!("{}: {why}", file.display()))?;
    let report = Report::read(&text).ok_or_else(|| {
        format!(
            "{}: not what `naslane bench --peers --json` prints",
            file.display()
        )
    })?;
    for (name, picture) in [
        ("batch.svg", batches(&report)),
        ("beside.svg", beside(&report)),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, picture).map_err(|why| format!("{}: {why}", path.display()))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("report: {why}");
            ExitCode::FAILURE
        }
    }
}
