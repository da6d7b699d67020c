//! The story as tables.

use naslane::trace::story::Part;
use naslane::trace::{Command, Row, Verdict};

use super::{Private, Told, label};
use crate::hex;
use crate::terminal::{Cell, Tone, number, paint, table, text, toned};

pub(super) fn of(told: &Told<'_>) -> String {
    let summary = &told.summary;
    let mut out = format!(
        "{}: {} UEs, {} NAS messages, {} protected: {} verified, {} not\n",
        told.capture,
        told.parts.len(),
        summary.messages,
        summary.protected,
        summary.verified,
        summary.unverified
    );
    if summary.left_out > 0 {
        out += &format!(
            "{} rows are counted but not shown; raise --rows\n",
            summary.left_out
        );
    }
    if told.other > 0 {
        out += &format!("{} SCTP payloads are no NGAP PDU\n", told.other);
    }
    for (place, (ue, part)) in told.parts.iter().enumerate() {
        out += &format!("\nUE {}", place + 1);
        if told.shows(Private::Supi) {
            out += &format!(
                " {}",
                told.follower.supi(*ue).unwrap_or("unknown subscriber")
            );
        }
        out += &format!(
            ": {} messages, {} verified, {} not\n",
            part.messages, part.verified, part.unverified
        );
        out += &commands(told.follower.commands(*ue));
        out += &rows(part, told.shows(Private::Plain));
        out += &faults(part);
    }
    out
}

fn commands(commands: &[Command]) -> String {
    let rows: Vec<Vec<Cell>> = commands
        .iter()
        .map(|command| {
            let same = match (&command.sent, command.difference()) {
                (None, _) => toned("UE's not seen", Tone::Faint),
                (Some(_), None) => toned("as sent", Tone::Good),
                (Some(_), Some(what)) => toned(what, Tone::Bad),
            };
            vec![
                number(command.frame, Tone::Plain),
                text(format!("NIA{} NEA{}", command.nia, command.nea)),
                text(ng_ksi(command)),
                text(hex::encode(command.replayed.value())),
                same,
                text(label::asks(command)),
                number(command.times, Tone::Plain),
                text(label::outcome(command)),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = [
        "command",
        "selected",
        "ngKSI",
        "capability",
        "replayed",
        "asks for",
        "sent",
        "outcome",
    ];
    table(&head, rows) + "\n"
}

fn ng_ksi(command: &Command) -> String {
    let selected = command.ng_ksi.bits();
    match command.authenticated {
        Some(seen) if seen == command.ng_ksi => format!("{selected}, as authenticated"),
        Some(seen) => format!("{selected}, authenticated {}", seen.bits()),
        None => format!("{selected}, no authentication seen"),
    }
}

const fn tone(row: &Row) -> Tone {
    match row.verdict {
        Verdict::Ok => Tone::Good,
        Verdict::Plain => Tone::Plain,
        Verdict::NoContext => Tone::Faint,
        _ => Tone::Bad,
    }
}

fn rows(part: &Part, plain: bool) -> String {
    let begin = part.rows.first().map_or(0, |row| row.time);
    let mut head = vec![
        "frame",
        "seconds",
        "dir",
        "message",
        "header",
        "COUNT",
        "keys",
        "verdict",
        "diagnosis",
    ];
    if plain {
        head.push("deciphered");
    }
    let dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let rows = part.rows.iter().map(|row| {
        let mut cells = vec![
            number(row.frame, Tone::Plain),
            number(label::seconds(row.time, begin), Tone::Plain),
            text(label::direction(row)),
            text(label::message(row)),
            text(label::header_type(row)),
            number(dash(row.count.map(|count| count.to_string())), Tone::Plain),
            number(dash(row.entry.map(|entry| entry.to_string())), Tone::Plain),
            toned(row.verdict.name(), tone(row)),
            toned(label::codes(row), Tone::Bad),
        ];
        if plain {
            cells.push(text(dash(row.plain.as_deref().map(hex::encode))));
        }
        cells
    });
    table(&head, rows.collect())
}

fn faults(part: &Part) -> String {
    let Some(first) = part.faults.first() else {
        return paint("nothing wrong\n", Tone::Good);
    };
    let mut out = paint(
        &format!(
            "first failure: frame {}, {}\n",
            first.frame,
            first.finding.code.name()
        ),
        Tone::Bad,
    );
    // The same words again say nothing new.
    let mut said: Vec<(&str, &str)> = Vec::new();
    for fault in &part.faults {
        let words = (fault.finding.code.name(), fault.finding.text.as_str());
        if !said.contains(&words) {
            said.push(words);
            out += &format!("  frame {}: {}: {}\n", fault.frame, words.0, words.1);
        }
        if said.len() == 20 {
            out += "  ...\n";
            break;
        }
    }
    out
}
