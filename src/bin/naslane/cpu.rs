//! `naslane cpu`: what the processor has, and which backend each primitive uses.

use naslane::base::cpu::FEATURES;
use naslane::kernel::{RoomInfo, RowInfo, rooms};
use serde_json::json;

use crate::Outcome;
use crate::terminal::{Tone, number, paint, show, table, text, toned};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints features and rows. Says no when some primitive has no backend that passes its known-answer test.
pub(crate) fn run(args: &Args) -> Outcome {
    show(&if args.json { as_json() } else { as_text() })?;
    Ok(rooms().iter().all(|room| room.chosen().is_some()))
}

/// The words of an environment variable's list; none when it is not set.
fn listed(variable: &str) -> Vec<String> {
    let list = std::env::var(variable).unwrap_or_default();
    let words = list.split(',').map(|word| word.trim().to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

/// Which of the features that the row asks for are in this state, behind `verb`.
fn features_in(row: &RowInfo, state: &str, verb: &str) -> Option<String> {
    let names: Vec<_> = FEATURES
        .iter()
        .filter(|feature| row.needs.contains(&feature.name) && feature_state(feature) == state)
        .map(|feature| feature.name)
        .collect();
    (!names.is_empty()).then(|| format!("{verb} {}", names.join(", ")))
}

/// Why the row is in use or not.
fn why(room: &RoomInfo, place: usize, row: &RowInfo) -> String {
    let allowed = listed("NASLANE_BACKEND");
    let named = allowed.is_empty() || allowed.iter().any(|name| name == row.name);
    let reason = match (row.available, row.known_answer, room.chosen()) {
        (false, ..) => {
            let absent = features_in(row, "absent", "the processor lacks");
            let hidden = features_in(row, "hidden", "NASLANE_CPU_DENY hides");
            let reasons: Vec<_> = absent.into_iter().chain(hidden).collect();
            return reasons.join("; ");
        }
        (_, Some(false), _) => "refused: wrong known answer",
        (_, _, Some(chosen)) if chosen == place => match (allowed.is_empty(), named) {
            (true, _) => "in use: best that passes",
            (_, true) => "in use: best that passes and NASLANE_BACKEND names",
            (_, false) => "in use: last resort, NASLANE_BACKEND names no row that passes",
        },
        _ if !named => "not named in NASLANE_BACKEND",
        (_, _, Some(_)) => "a better one passes",
        (_, _, None) => "not chosen",
    };
    reason.into()
}

/// Words of the two variables that name nothing here, so that a slip of the pen is seen.
fn strangers() -> String {
    let mut out = String::new();
    for word in listed("NASLANE_CPU_DENY") {
        let known =
            |feature: &naslane::base::cpu::Feature| feature.name.eq_ignore_ascii_case(&word);
        if !FEATURES.iter().any(known) {
            out +=
                &format!("NASLANE_CPU_DENY names {word}, which is no feature of the table above\n");
        }
    }
    for word in listed("NASLANE_BACKEND") {
        let known = |room: &RoomInfo| room.rows().any(|row| row.name == word);
        if !rooms().iter().any(known) {
            out += &format!("NASLANE_BACKEND names {word}, which is no backend of this build\n");
        }
    }
    out
}

fn feature_state(feature: &naslane::base::cpu::Feature) -> &'static str {
    match (feature.usable(), feature.hidden()) {
        (true, _) => "found",
        (false, true) => "hidden",
        (false, false) => "absent",
    }
}

const fn answer(row: &RowInfo) -> &'static str {
    match row.known_answer {
        Some(true) => "passed",
        Some(false) => "FAILED",
        None => "-",
    }
}

fn as_text() -> String {
    let mut out = format!(
        "naslane {} on {}\n\n",
        naslane::VERSION,
        std::env::consts::ARCH
    );
    let features = FEATURES.iter().map(|feature| {
        let tone = if feature.usable() {
            Tone::Good
        } else {
            Tone::Faint
        };
        vec![text(feature.name), toned(feature_state(feature), tone)]
    });
    out += &table(&["feature", "state"], features.collect());
    if FEATURES.iter().any(naslane::base::cpu::Feature::hidden) {
        out += "hidden features are named in NASLANE_CPU_DENY; unset it to use them\n";
    }
    out += &paint(&strangers(), Tone::Bad);
    out.push('\n');
    let mut rows = Vec::new();
    for room in rooms() {
        for (place, row) in room.rows().enumerate() {
            let tone = match (row.chosen, row.known_answer) {
                (_, Some(false)) => Tone::Bad,
                (true, _) => Tone::Good,
                (false, _) if !row.available => Tone::Faint,
                (false, _) => Tone::Plain,
            };
            rows.push(vec![
                text(room.name),
                toned(row.name, tone),
                number(row.lanes, Tone::Plain),
                text(if row.available { "yes" } else { "no" }),
                text(answer(&row)),
                toned(why(room, place, &row), tone),
            ]);
        }
    }
    out += &table(
        &[
            "primitive",
            "backend",
            "lanes",
            "available",
            "known answer",
            "why",
        ],
        rows,
    );
    if rooms().iter().any(|room| room.chosen().is_none()) {
        let text =
            "some primitive has no backend that passes: this build or processor is not usable\n";
        out += &paint(text, Tone::Bad);
    }
    out
}

fn as_json() -> String {
    let features: Vec<_> = FEATURES
        .iter()
        .map(|feature| json!({ "name": feature.name, "state": feature_state(feature) }))
        .collect();
    let primitives: Vec<_> = rooms()
        .iter()
        .map(|room| {
            let rows: Vec<_> = room
                .rows()
                .enumerate()
                .map(|(place, row)| {
                    json!({
                        "backend": row.name, "lanes": row.lanes, "needs": row.needs, "available": row.available,
                        "known_answer": row.known_answer, "chosen": row.chosen, "why": why(room, place, &row),
                    })
                })
                .collect();
            json!({ "primitive": room.name, "backends": rows })
        })
        .collect();
    let all = json!({
        "version": naslane::VERSION, "arch": std::env::consts::ARCH,
        "features": features, "primitives": primitives,
    });
    format!("{all:#}\n")
}
