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

/// Why the row is in use or not.
fn why(room: &RoomInfo, place: usize, row: &RowInfo) -> &'static str {
    let restricted = std::env::var("NASLANE_BACKEND").is_ok_and(|list| !list.trim().is_empty());
    match (row.available, row.known_answer, room.chosen()) {
        (false, ..) => "the processor lacks a feature, or it is hidden",
        (_, Some(false), _) => "refused: wrong known answer",
        (_, _, Some(chosen)) if chosen == place && restricted => {
            "in use: best that passes and NASLANE_BACKEND allows"
        }
        (_, _, Some(chosen)) if chosen == place => "in use: best that passes",
        (_, _, Some(chosen)) if chosen > place => "not among NASLANE_BACKEND",
        (_, _, Some(_)) => "a better one passes",
        (_, _, None) => "not chosen",
    }
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
                        "backend": row.name, "lanes": row.lanes, "available": row.available,
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
