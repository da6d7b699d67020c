//! What goes to the screen: tables, and colour and bars on a terminal only.

use std::io::{ErrorKind, IsTerminal, Write};

/// How a cell is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Faint,
}

/// A cell of a table.
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

/// A text cell.
pub(crate) fn text(text: impl Into<String>) -> Cell {
    toned(text, Tone::Plain)
}

/// A text cell with a tone.
pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Cell {
    Cell {
        text: text.into(),
        tone,
        right: false,
    }
}

/// A number, flush right.
pub(crate) fn number(value: impl ToString, tone: Tone) -> Cell {
    Cell {
        text: value.to_string(),
        tone,
        right: true,
    }
}

/// True when standard output is a terminal that wants colour (NO_COLOR is not set).
fn colour() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `text` in its tone.
pub(crate) fn paint(text: &str, tone: Tone) -> String {
    let code = match tone {
        Tone::Plain => "",
        Tone::Good => "32",
        Tone::Bad => "1;31",
        Tone::Faint => "2",
    };
    if code.is_empty() || !colour() {
        text.to_owned()
    } else {
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Columns as wide as their widest cell, two spaces apart.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<Cell>>) -> String {
    let mut lines: Vec<Vec<Cell>> =
        vec![head.iter().map(|name| toned(*name, Tone::Faint)).collect()];
    if let Some(first) = rows.first() {
        for (name, cell) in lines[0].iter_mut().zip(first) {
            name.right = cell.right;
        }
    }
    lines.extend(rows);
    let mut widths = vec![0; head.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.text.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for line in &lines {
        let last = line.len().saturating_sub(1);
        for (i, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width - cell.text.chars().count());
            let painted = paint(&cell.text, cell.tone);
            let gap = if i == last { "" } else { "  " };
            match (cell.right, i == last) {
                (true, _) => out += &format!("{pad}{painted}{gap}"),
                (false, true) => out += &painted,
                (false, false) => out += &format!("{painted}{pad}{gap}"),
            }
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    out
}

/// Writes to standard output. A reader that went away is no error.
pub(crate) fn show(out: &str) -> Result<(), String> {
    match std::io::stdout().lock().write_all(out.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!(
            "cannot write to standard output: {error}; give it a file or terminal with room"
        )),
        _ => Ok(()),
    }
}

/// A bar on standard error; invisible unless that is a terminal.
pub(crate) fn bar(steps: usize) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(steps as u64);
    if let Ok(style) = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}
