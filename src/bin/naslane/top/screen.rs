//! A frame as text, at most 80 columns wide.

use crate::terminal::{Cell, Tone, number, paint, table, text, toned};

use super::frame::{Frame, Pulse, Worker};

const WIDTH: usize = 80;
const BAR: usize = 24;

/// Operations in a frame: the rest is one line.
const MOST_OPERATIONS: usize = 12;

pub(super) fn draw(frame: &Frame, from: &str) -> String {
    let mut out = headline(frame, from);
    out += &figures(frame);
    out.push('\n');
    out += &operations(frame);
    out += &verdicts(frame);
    out += &sizes(frame);
    out.push('\n');
    out += &workers(frame);
    out += &quarantines(frame);
    out
}

/// What stands there while the sidecar does not answer.
pub(super) fn silent(from: &str, why: &str) -> String {
    format!(
        "{}\n{why}\n{}\n",
        paint(&format!("naslane at {from} does not answer"), Tone::Bad),
        paint("looking again", Tone::Faint)
    )
}

/// A rate or number in at most six characters: 12.3, 456, 78.9 k.
fn short(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let (scaled, unit) = match value {
        v if v >= 999.5e6 => (v / 1e9, " G"),
        v if v >= 999.5e3 => (v / 1e6, " M"),
        v if v >= 999.5 => (v / 1e3, " k"),
        v => (v, ""),
    };
    if scaled >= 99.95 || (unit.is_empty() && scaled.fract() == 0.0) {
        format!("{scaled:.0}{unit}")
    } else {
        format!("{scaled:.1}{unit}")
    }
}

/// A time: 640 ns, 12.3 us.
fn time(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else {
        return "-".to_owned();
    };
    let (scaled, unit) = match seconds {
        s if s >= 0.9995 => (s, "s"),
        s if s >= 999.5e-6 => (s * 1e3, "ms"),
        s if s >= 999.5e-9 => (s * 1e6, "us"),
        s => (s * 1e9, "ns"),
    };
    if scaled >= 99.95 || unit == "ns" {
        format!("{scaled:.0} {unit}")
    } else {
        format!("{scaled:.1} {unit}")
    }
}

fn octets(value: f64) -> String {
    match value {
        v if v >= 1024.0 * 1024.0 * 1024.0 => format!("{:.1} GiB", v / 1024.0 / 1024.0 / 1024.0),
        v if v >= 1024.0 * 1024.0 => format!("{:.1} MiB", v / 1024.0 / 1024.0),
        v => format!("{:.0} KiB", (v / 1024.0).ceil()),
    }
}

/// A bar of `share` (0 to 1), in eighths of a character.
fn bar(share: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
    let least = usize::from(share > 0.0);
    let eighths = eighths.max(least);
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

fn headline(frame: &Frame, from: &str) -> String {
    let name = format!("naslane {}", frame.version);
    let from: String = from.chars().take(WIDTH - 30).collect();
    let span = format!("over {:.1} s", frame.seconds);
    let used = name.chars().count() + 2 + from.chars().count() + span.chars().count();
    let gap = " ".repeat(WIDTH.saturating_sub(used));
    let (name, span) = (paint(&name, Tone::Good), paint(&span, Tone::Faint));
    format!("{name}  {from}{gap}{span}\n")
}

fn figures(frame: &Frame) -> String {
    let faint = |word: &str| paint(word, Tone::Faint);
    let latency = &frame.latency_seconds;
    format!(
        "{} {} of {}   {} {}   {} {}   {} {}\n{} {} /s   {} {}  {} {}  {} {}\n",
        faint("sessions"),
        short(frame.sessions),
        short(frame.session_limit),
        faint("locked"),
        octets(frame.locked_bytes),
        faint("clients"),
        short(frame.clients),
        faint("refused"),
        short(frame.clients_refused),
        faint("messages"),
        short(frame.messages_per_second),
        faint("latency p50"),
        time(latency.p50),
        faint("p99"),
        time(latency.p99),
        faint("mean"),
        time(latency.mean),
    )
}

/// A rate that is good news when it is zero.
fn failed(rate: f64) -> Cell {
    let tone = if rate > 0.0 { Tone::Bad } else { Tone::Faint };
    number(short(rate), tone)
}

fn operations(frame: &Frame) -> String {
    let most = frame
        .operations
        .first()
        .map_or(0.0, |first| first.per_second);
    let share = |rate: f64| if most > 0.0 { rate / most } else { 0.0 };
    let rows = frame.operations.iter().take(MOST_OPERATIONS);
    let rows = rows.map(|row| {
        vec![
            text(&row.operation),
            text(&row.algorithm),
            number(short(row.per_second), Tone::Plain),
            failed(row.failed_per_second),
            toned(bar(share(row.per_second)), Tone::Good),
        ]
    });
    let head = ["operation", "algorithm", "messages/s", "not ok/s", ""];
    let mut out = table(&head, rows.collect());
    if frame.operations.is_empty() {
        out += &format!("{}\n", paint("no message yet", Tone::Faint));
    }
    let rest = frame.operations.iter().skip(MOST_OPERATIONS);
    let (count, rate) = rest.fold((0, 0.0), |(n, sum), row| (n + 1, sum + row.per_second));
    if count > 0 {
        out += &format!("and {count} more with {} messages/s\n", short(rate));
    }
    out
}

/// Words one after the other, on as many lines as they need.
fn listed(head: &str, words: impl Iterator<Item = (String, Tone)>) -> String {
    let mut out = paint(head, Tone::Faint);
    let mut column = head.chars().count();
    for (word, tone) in words {
        let len = word.chars().count();
        if column + 2 + len > WIDTH {
            out += &format!("\n{}", " ".repeat(head.chars().count()));
            column = head.chars().count();
        }
        out += &format!("  {}", paint(&word, tone));
        column += 2 + len;
    }
    out + "\n"
}

fn verdicts(frame: &Frame) -> String {
    let mut verdicts: Vec<_> = frame
        .verdicts_per_second
        .iter()
        .filter(|(_, r)| **r > 0.0)
        .collect();
    verdicts.sort_by(|a, b| b.1.total_cmp(a.1));
    let words = verdicts.into_iter().map(|(name, rate)| {
        let tone = if name == "ok" { Tone::Good } else { Tone::Bad };
        (format!("{name} {} /s", short(*rate)), tone)
    });
    listed("verdicts  ", words)
}

fn sizes(frame: &Frame) -> String {
    const STEPS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let batch = &frame.batch_messages;
    let sizes = &batch.sizes;
    let most = sizes.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    let used = |&(_, share): &(f64, f64)| share > 0.0;
    let first = sizes.iter().position(used).unwrap_or(0);
    let last = sizes.iter().rposition(used).map_or(0, |last| last + 1);
    let words = sizes[first..last].iter().map(|(bound, share)| {
        let step = if *share > 0.0 {
            STEPS[((share / most * 7.0).round() as usize).min(7)]
        } else {
            "·"
        };
        (format!("{} {step}", short(*bound)), Tone::Plain)
    });
    let figures = [("p50", batch.p50), ("p99", batch.p99), ("mean", batch.mean)];
    let figures = figures.map(|(name, size)| match size {
        Some(size) => (format!("{name} {}", short(size)), Tone::Plain),
        None => (format!("{name} -"), Tone::Faint),
    });
    listed("batch size", figures.into_iter().chain(words))
}

fn workers(frame: &Frame) -> String {
    let most = frame
        .workers
        .iter()
        .map(|w| w.per_second)
        .fold(0.0, f64::max);
    let share = |rate: f64| if most > 0.0 { rate / most } else { 0.0 };
    let pulse = |worker: &Worker| match worker.pulse {
        Pulse::Awake => toned("awake", Tone::Good),
        Pulse::Asleep => toned("asleep", Tone::Faint),
        Pulse::Stuck => toned("STUCK", Tone::Bad),
        Pulse::Ended => toned("ENDED", Tone::Bad),
    };
    let plain = |value: f64| number(short(value), Tone::Plain);
    let rows = frame.workers.iter().map(|worker| {
        vec![
            number(&worker.worker, Tone::Plain),
            pulse(worker),
            plain(worker.per_second),
            plain(worker.wakeups_per_second),
            plain(worker.sleeps_per_second),
            plain(worker.queues),
            plain(worker.ring_occupancy),
            toned(bar(share(worker.per_second) * 0.6), Tone::Good),
        ]
    });
    let head = [
        "worker",
        "",
        "messages/s",
        "wakes/s",
        "sleeps/s",
        "queues",
        "waiting",
        "",
    ];
    table(&head, rows.collect())
}

fn quarantines(frame: &Frame) -> String {
    let any = frame
        .quarantines
        .iter()
        .filter(|(_, number)| **number > 0.0);
    let mut words: Vec<_> = any
        .map(|(reason, number)| (format!("{reason} {}", short(*number)), Tone::Bad))
        .collect();
    if words.is_empty() {
        words.push(("none".to_owned(), Tone::Faint));
    }
    listed("quarantines", words.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (7.0, "7"),
            (12.34, "12.3"),
            (456.7, "457"),
            (999.6, "1.0 k"),
            (12_345.0, "12.3 k"),
            (999_600.0, "1.0 M"),
            (4e9, "4.0 G"),
        ] {
            assert_eq!(short(value), expected);
        }
        for (value, expected) in [
            (640e-9, "640 ns"),
            (1.234e-6, "1.2 us"),
            (0.1234, "123 ms"),
            (2.0, "2.0 s"),
        ] {
            assert_eq!(time(Some(value)), expected);
        }
    }

    #[test]
    fn bars_have_their_length() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0), "█".repeat(BAR));
        assert_eq!(bar(1e-9), "▏");
        assert_eq!(bar(9.0).chars().count(), BAR);
    }
}
