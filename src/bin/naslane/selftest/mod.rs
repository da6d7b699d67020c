//! `naslane selftest`: known answers on every available backend, vector files, captures.

mod capture;
mod captures;
mod constants;
mod derivation;
mod family256;
mod files;
mod messages;
mod pair;
mod pdus;
mod primitives;
mod random;
mod replay;
mod sets;
mod tally;
mod wire;

use std::path::{Path, PathBuf};

use naslane::kernel::rooms;

use self::replay::Counts;
use self::tally::Report;
use crate::Outcome;
use crate::terminal::{Cell, Tone, bar, number, paint, show, table, text, toned};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run every vector file (JSON) of this directory
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,

    /// Take every NAS PDU of the captures of this directory (pcap, keys, expectation) through sessions
    #[arg(long, value_name = "DIR")]
    captures: Option<PathBuf>,

    /// Only the captures, only through sessions on the backends in use, as JSON
    #[arg(long, hide = true, requires = "captures")]
    sessions_only: bool,
}

/// Runs what was asked for. Says no when anything failed or was not understood.
pub(crate) fn run(args: &Args) -> Outcome {
    if let Some(directory) = args.captures.as_deref().filter(|_| args.sessions_only) {
        return captures::print(directory);
    }
    let mut good = known_answers()?;
    if let Some(directory) = &args.vectors {
        good &= vectors(directory)?;
    }
    if let Some(directory) = &args.captures {
        good &= captures(directory)?;
    }
    let verdict = if good {
        paint("selftest passed", Tone::Good)
    } else {
        paint("selftest FAILED", Tone::Bad)
    };
    show(&format!("{verdict}\n"))?;
    Ok(good)
}

/// Every row of every primitive.
fn known_answers() -> Outcome {
    let (mut rows, mut good) = (Vec::new(), true);
    for room in rooms() {
        for row in room.rows() {
            let result = match row.known_answer {
                Some(true) => toned("passed", Tone::Good),
                Some(false) => toned("FAILED", Tone::Bad),
                None => toned("not on this processor", Tone::Faint),
            };
            good &= row.known_answer != Some(false);
            let chosen = if row.chosen { "in use" } else { "" };
            rows.push(vec![text(room.name), text(row.name), result, text(chosen)]);
        }
        good &= room.chosen().is_some();
    }
    show(&format!(
        "{}\n",
        table(&["primitive", "backend", "known answer", ""], rows)
    ))?;
    Ok(good)
}

fn vectors(directory: &Path) -> Outcome {
    let files = files::list(directory)?;
    if files.is_empty() {
        return Err(format!(
            "{} has no file; give the directory of the vector files",
            directory.display()
        ));
    }
    let reports = each(&files, files::run);
    show(&format!("{}\n", summary("vectors", &reports)))?;
    Ok(reports.iter().all(Report::is_good))
}

fn captures(directory: &Path) -> Outcome {
    let mut sum = Counts::default();
    let mut reports = each(&capture::list(directory)?, |path| {
        let (report, counts) = captures::run(path);
        sum.add(counts);
        report
    });
    if reports.iter().all(|report| report.result.is_ok()) {
        captures::elsewhere(directory, &mut reports)?;
    }
    show(&format!(
        "{}captures: {sum}\n\n",
        summary("captures", &reports)
    ))?;
    Ok(reports.iter().all(Report::is_good))
}

/// Runs every file, behind a bar.
fn each(files: &[PathBuf], mut run: impl FnMut(&Path) -> Report) -> Vec<Report> {
    let bar = bar(files.len());
    let mut reports = Vec::new();
    for path in files {
        bar.set_message(files::name(path));
        reports.push(run(path));
        bar.inc(1);
    }
    bar.finish_and_clear();
    reports
}

fn row(file: &str, backend: &str, passed: usize, failed: usize) -> Vec<Cell> {
    let tone = if failed > 0 { Tone::Bad } else { Tone::Plain };
    vec![
        text(file),
        text(backend),
        number(passed, tone),
        number(failed, tone),
    ]
}

fn summary(what: &str, reports: &[Report]) -> String {
    let (mut rows, mut remarks) = (Vec::new(), String::new());
    let (mut passed, mut failed, mut strange) = (0, 0, 0);
    for report in reports {
        let tallies = match &report.result {
            Ok(tallies) => tallies.as_slice(),
            Err(why) => {
                strange += 1;
                remarks += &paint(
                    &format!("{}: not understood: {why}\n", report.file),
                    Tone::Bad,
                );
                &[]
            }
        };
        for tally in tallies {
            rows.push(row(
                &report.file,
                &tally.backend,
                tally.passed,
                tally.failed,
            ));
            passed += tally.passed;
            failed += tally.failed;
            if let Some(first) = &tally.first {
                let text = format!("{} on {}: {first}\n", report.file, tally.backend);
                remarks += &paint(&text, Tone::Bad);
            }
        }
    }
    let mut out = table(&["file", "backend", "passed", "failed"], rows);
    out += &remarks;
    let understood = reports.len() - strange;
    out += &format!(
        "{what}: {understood} of {} files understood, {passed} passed, {failed} failed\n",
        reports.len()
    );
    out
}
