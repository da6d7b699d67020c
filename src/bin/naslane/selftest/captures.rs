//! Real captures: through sessions, and PDU by PDU on every row.

use std::path::Path;
use std::process::Command;

use naslane::kdf::{Abba, KSeaf, Supi, k_amf};

use super::capture::{self, Capture, Dir, Expected, Line, UeContext};
use super::files;
use super::replay::{Counts, Replay};
use super::sets::input;
use super::tally::{On, Report, Tally, same};
use super::wire::{Wire, algorithms, runs};
use crate::Outcome;
use crate::terminal::show;

/// Runs one capture.
pub(super) fn run(path: &Path) -> (Report, Counts) {
    let (result, counts) = match tallies(path) {
        Ok((tallies, counts)) => (Ok(tallies), counts),
        Err(why) => (Err(why), Counts::default()),
    };
    (
        Report {
            file: files::name(path),
            result,
        },
        counts,
    )
}

fn tallies(path: &Path) -> Result<(Vec<Tally>, Counts), String> {
    let capture = Capture::read(path)?;
    let replay = Replay::run(&capture)?;
    let mut keys = Tally::new("in use, keys");
    for context in &capture.contexts {
        keys.note(&context.supi, derived(context));
    }
    let mut tallies = vec![replay.received, replay.made, keys];
    for on in On::all() {
        if let Some(tally) = on_row(&capture, on)? {
            tallies.push(tally);
        }
    }
    Ok((tallies, replay.counts))
}

/// The captures of a directory through sessions on the rows in use, as JSON: for [`elsewhere`].
pub(super) fn print(directory: &Path) -> Outcome {
    let mut tallies = Vec::new();
    for path in capture::list(directory)? {
        let capture = Capture::read(&path)?;
        let replay = Replay::run(&capture)?;
        tallies.push((files::name(&path), replay.received, replay.made));
    }
    let json = serde_json::to_string(&tallies).map_err(|error| error.to_string())?;
    show(&json)?;
    Ok(true)
}

/// Runs the captures through sessions on the other rows, one row name at a time. A process keeps the rows that it
/// chose, so each runs in a process of its own.
pub(super) fn elsewhere(directory: &Path, reports: &mut [Report]) -> Result<(), String> {
    let remedy = "run `naslane selftest` under NASLANE_BACKEND yourself";
    let program = std::env::current_exe()
        .map_err(|error| format!("cannot find this program: {error}; {remedy}"))?;
    for on in On::all() {
        let On::Row(row) = on else { continue };
        let output = Command::new(&program)
            .args(["selftest", "--sessions-only", "--captures"])
            .arg(directory)
            .env("NASLANE_BACKEND", row)
            .output()
            .map_err(|error| format!("cannot start {}: {error}; {remedy}", program.display()))?;
        let found: Vec<(String, Tally, Tally)> =
            serde_json::from_slice(&output.stdout).map_err(|error| {
                let said = String::from_utf8_lossy(&output.stderr);
                format!("on {row}: {error}; {}", said.trim())
            })?;
        for (file, received, made) in found {
            let report = reports.iter_mut().find(|report| report.file == file);
            if let Some(Report {
                result: Ok(tallies),
                ..
            }) = report
            {
                let mut sum = Tally::new(format!("{row}, through sessions"));
                sum.add(received);
                sum.add(made);
                tallies.push(sum);
            }
        }
    }
    Ok(())
}

/// K_AMF comes from K_SEAF, both NAS keys from K_AMF (TS 33.501 A.7, A.8).
fn derived(context: &UeContext) -> Result<(), String> {
    let supi = Supi::parse(&context.supi).map_err(|error| format!("SUPI: {error}"))?;
    let abba = Abba::new(&context.abba.0).map_err(|error| format!("ABBA: {error}"))?;
    let key = k_amf(&KSeaf::new(context.k_seaf.0), supi, abba);
    same("K_AMF", key.expose(), &context.k_amf.0)?;
    wire(context, 0, Dir::Uplink)?.keys_come_from(&context.k_amf.0)
}

fn wire(context: &UeContext, count: u32, dir: Dir) -> Result<Wire, String> {
    Ok(Wire {
        algorithms: algorithms(context.nea, context.nia)?,
        k_nas_enc: context.k_nas_enc.0,
        k_nas_int: context.k_nas_int.0,
        input: input(count, 1, dir as u8)?,
    })
}

/// Every good PDU on one row; `None` when no algorithm of the capture has it.
fn on_row(capture: &Capture, on: On) -> Result<Option<Tally>, String> {
    let mut tally = Tally::new(on.label());
    for line in capture
        .lines
        .iter()
        .filter(|line| line.verdict == Expected::Ok)
    {
        let context = line
            .ue
            .and_then(|ue| capture.contexts.get(ue))
            .ok_or("a good message without a context")?;
        if runs(algorithms(context.nea, context.nia)?, on) {
            tally.note(
                &format!("frame {}", line.frame),
                alone(capture, (context, line), on),
            );
        }
    }
    Ok((tally.passed + tally.failed > 0).then_some(tally))
}

fn alone(capture: &Capture, (context, line): (&UeContext, &Line), on: On) -> Result<(), String> {
    let wire = wire(
        context,
        line.count.ok_or("no COUNT in the expectation")?,
        line.dir,
    )?;
    let plain = &line
        .plain
        .as_ref()
        .ok_or("no plain message in the expectation")?
        .0;
    wire.agrees(on, capture.pdu(line), plain)?;
    match &line.container {
        Some(container) => wire.container_is(on, plain, &container.0),
        None => Ok(()),
    }
}
