//! The story as a page that needs nothing but itself: no script, no resource from anywhere. The call flow is one drawing
//! for each message; a click opens its octets.

use std::io::{Result, Write};

use naslane::base::Direction;
use naslane::trace::story::Part;
use naslane::trace::{Command, Row, Verdict};

use super::{Private, Told, label};
use crate::hex;

const STYLE: &str = include_str!("page.css");
/// Where the lanes stand in a drawing of 544 by 38.
const LANES: [(u32, &str); 3] = [(40, "UE"), (272, "gNB"), (504, "AMF")];

/// Text as HTML text or attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

pub(super) fn write(told: &Told<'_>, out: &mut impl Write) -> Result<()> {
    let summary = &told.summary;
    let name = escaped(&told.capture);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}</title>\n<style>\n{STYLE}</style>\n\
         <h1>{name}</h1>\n<table class=\"figures\"><tr><th>UEs<th>NAS messages<th>protected<th>verified<th>not verified\n\
         <tr><td>{}<td>{}<td>{}<td>{}<td>{}</table>",
        told.parts.len(),
        summary.messages,
        summary.protected,
        summary.verified,
        summary.unverified
    )?;
    if summary.left_out > 0 {
        writeln!(
            out,
            "<p>{} messages are counted but not drawn.",
            summary.left_out
        )?;
    }
    for (place, (ue, part)) in told.parts.iter().enumerate() {
        write!(out, "<section id=\"ue-{0}\">\n<h2>UE {0}", place + 1)?;
        if told.shows(Private::Supi) {
            let supi = told.follower.supi(*ue).unwrap_or("unknown subscriber");
            write!(out, " {}", escaped(supi))?;
        }
        writeln!(out, "</h2>")?;
        faults(part, out)?;
        commands(told.follower.commands(*ue), out)?;
        flow(told, part, out)?;
        writeln!(out, "</section>")?;
    }
    Ok(())
}

fn faults(part: &Part, out: &mut impl Write) -> Result<()> {
    match part.faults.first() {
        None => writeln!(out, "<p class=\"fine\">Nothing wrong."),
        Some(first) => writeln!(
            out,
            "<p class=\"failure\"><b class=\"codes\">{}</b> in frame {}, the first failure: {}",
            first.finding.code.name(),
            first.frame,
            escaped(&first.finding.text)
        ),
    }
}

fn commands(commands: &[Command], out: &mut impl Write) -> Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<table><tr><th>SECURITY MODE COMMAND<th>selected<th>ngKSI<th>UE sent<th>replayed<th>asks for<th>sent<th>outcome"
    )?;
    for command in commands {
        let sent = command.sent.map(|sent| hex::encode(sent.value()));
        writeln!(
            out,
            "<tr><td>frame {}<td>NIA{} NEA{}<td>{}<td>{}<td>{}{}<td>{}<td>{}<td>{}",
            command.frame,
            command.nia,
            command.nea,
            command.ng_ksi.bits(),
            sent.unwrap_or_else(|| "not seen".to_owned()),
            hex::encode(command.replayed.value()),
            command
                .difference()
                .map(|what| format!(" <b class=\"codes\">{}</b>", escaped(&what)))
                .unwrap_or_default(),
            escaped(&label::asks(command)),
            command.times,
            escaped(&label::outcome(command)),
        )?;
    }
    writeln!(out, "</table>")
}

fn flow(told: &Told<'_>, part: &Part, out: &mut impl Write) -> Result<()> {
    write!(
        out,
        "<div class=\"lanes\"><span class=\"n\">frame</span><span class=\"n\">seconds</span><svg viewBox=\"0 0 544 38\">"
    )?;
    for (x, lane) in LANES {
        write!(
            out,
            "<text x=\"{x}\" y=\"20\" text-anchor=\"middle\">{lane}</text>"
        )?;
    }
    writeln!(out, "</svg><span>verdict, COUNT</span></div>")?;
    let begin = part.rows.first().map_or(0, |row| row.time);
    for row in &part.rows {
        let count = row.count.map(|count| format!(" {count}"));
        writeln!(
            out,
            "<details class=\"{}\"><summary><span class=\"n\">{}</span><span class=\"n\">{}</span>{}\
             <span><span class=\"v\">{}</span>{} <span class=\"codes\">{}</span></span></summary>",
            class(row.verdict),
            row.frame,
            label::seconds(row.time, begin),
            drawing(row),
            row.verdict.name(),
            count.unwrap_or_default(),
            label::codes(row),
        )?;
        more(told, row, out)?;
        writeln!(out, "</details>")?;
    }
    Ok(())
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Plain => "plain",
        Verdict::NoContext => "unknown",
        _ => "bad",
    }
}

fn drawing(row: &Row) -> String {
    let (ue, gnb, amf) = (LANES[0].0, LANES[1].0, LANES[2].0);
    let mut out = String::from("<svg viewBox=\"0 0 544 38\" role=\"img\">");
    for (x, _) in LANES {
        out += &format!("<path class=\"life\" d=\"M{x} 0V38\"/>");
    }
    let tip = match row.direction {
        Direction::Uplink => format!("M{amf} 26l-9 -5v10z"),
        Direction::Downlink => format!("M{ue} 26l9 -5v10z"),
    };
    // Ciphered messages have a solid line, others a broken one.
    let dash = match row.sht {
        Some(2 | 4) => "",
        _ => " stroke-dasharray=\"6 4\"",
    };
    out += &format!(
        "<path class=\"arrow\" d=\"M{ue} 26H{amf}\"{dash}/><circle class=\"head\" cx=\"{gnb}\" cy=\"26\" r=\"3\"/>\
         <path class=\"head\" d=\"{tip}\"/><text x=\"{gnb}\" y=\"15\" text-anchor=\"middle\">{}</text></svg>",
        escaped(&label::message(row))
    );
    out
}

fn more(told: &Told<'_>, row: &Row, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "<div class=\"more\" id=\"frame-{}\">security header type {}",
        row.frame,
        label::header_type(row)
    )?;
    if let Some((nia, nea)) = row.algorithms {
        writeln!(out, "; {} {}", nia.row().name, nea.row().name)?;
    }
    if let Some(entry) = row.entry {
        writeln!(out, "; keys {entry}")?;
    }
    for finding in &row.findings {
        writeln!(
            out,
            "<p><b class=\"codes\">{}</b> {}",
            finding.code.name(),
            escaped(&finding.text)
        )?;
    }
    writeln!(out, "<p>as it came<pre>{}</pre>", spaced(&row.wire))?;
    if told.shows(Private::Plain) {
        for (what, octets) in [("deciphered", &row.plain), ("container", &row.container)] {
            if let Some(octets) = octets {
                writeln!(out, "<p>{what}<pre>{}</pre>", spaced(octets))?;
            }
        }
    } else if row.is_protected() && row.plain.is_some() {
        writeln!(out, "<p>The message itself: --show plain.")?;
    }
    writeln!(out, "</div>")
}

fn spaced(octets: &[u8]) -> String {
    let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped() {
        assert_eq!(escaped("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
    }
}
