//! The story as JSON.

use naslane::base::AccessType;
use naslane::trace::story::Fault;
use naslane::trace::{Command, Finding, Row};
use serde_json::{Value, json};

use super::{Private, Told, label};
use crate::hex;
use crate::terminal::show;

/// Octets printed at a time.
const CHUNK: usize = 1 << 16;

/// Prints piece by piece, a row in a line: a tree of all rows would take ten times their memory.
pub(super) fn print(told: &Told<'_>) -> Result<(), String> {
    let summary = &told.summary;
    let figures = json!({
        "ues": told.parts.len(),
        "messages": summary.messages,
        "protected": summary.protected,
        "verified": summary.verified,
        "unverified": summary.unverified,
        "rows_left_out": summary.left_out,
        "not_ngap": told.other,
    });
    show(&format!(
        "{{\"capture\": {},\n\"summary\": {figures},\n\"ues\": [",
        json!(told.capture)
    ))?;
    for (place, (ue, part)) in told.parts.iter().enumerate() {
        let mut value = json!({
            "ue": place + 1,
            "messages": part.messages,
            "verified": part.verified,
            "unverified": part.unverified,
            "first_failure": part.faults.first().map(fault),
            "findings": part.faults.iter().map(fault).collect::<Vec<_>>(),
            "findings_left_out": part.faults_left_out,
            "security_mode": told.follower.commands(*ue).iter().map(command).collect::<Vec<_>>(),
        });
        if told.shows(Private::Supi) {
            value["supi"] = json!(told.follower.supi(*ue));
        }
        let head = value.to_string();
        let head = head.strip_suffix('}').unwrap_or(&head);
        let comma = if place == 0 { "" } else { "," };
        let mut out = format!("{comma}\n{head},\"rows\": [");
        for (place, row) in part.rows.iter().enumerate() {
            let comma = if place == 0 { "\n" } else { ",\n" };
            out += &format!("{comma}{}", message(told, row));
            if out.len() > CHUNK {
                show(&out)?;
                out.clear();
            }
        }
        show(&(out + "]}"))?;
    }
    show("]}\n")
}

fn finding(finding: &Finding) -> Value {
    json!({ "code": finding.code.name(), "text": finding.text })
}

fn fault(fault: &Fault) -> Value {
    json!({
        "frame": fault.frame, "time": seconds(fault.time),
        "code": fault.finding.code.name(), "text": fault.finding.text,
    })
}

fn command(command: &Command) -> Value {
    json!({
        "frame": command.frame,
        "nia": command.nia,
        "nea": command.nea,
        "ng_ksi": command.ng_ksi.bits(),
        "authenticated_ng_ksi": command.authenticated.map(naslane::base::NgKsi::bits),
        "capability_sent": command.sent.map(|sent| hex::encode(sent.value())),
        "capability_replayed": hex::encode(command.replayed.value()),
        "difference": command.difference(),
        "rinmr": command.retransmission,
        "hdp": command.horizontal,
        "imeisv": command.imeisv,
        "times": command.times,
        "keys": command.entry,
        "outcome": label::outcome(command),
    })
}

/// Unix time with all its nanoseconds: more digits than a JSON number keeps.
fn seconds(time: u64) -> String {
    format!("{}.{:09}", time / 1_000_000_000, time % 1_000_000_000)
}

fn message(told: &Told<'_>, row: &Row) -> Value {
    let mut value = json!({
        "frame": row.frame,
        "time": seconds(row.time),
        "direction": label::direction(row),
        "access": match row.access { AccessType::ThreeGpp => "3GPP", AccessType::NonThreeGpp => "non-3GPP" },
        "message": row.message.map(|message| message.to_string()),
        "header_type": row.sht,
        "count": row.count,
        "keys": row.entry,
        "nia": row.algorithms.map(|(nia, _)| nia.id()),
        "nea": row.algorithms.map(|(_, nea)| nea.id()),
        "verdict": row.verdict.name(),
        "findings": row.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    if told.shows(Private::Wire) {
        value["wire"] = json!(hex::encode(&row.wire));
    }
    if told.shows(Private::Plain) {
        value["plain"] = json!(row.plain.as_deref().map(hex::encode));
        value["container"] = json!(row.container.as_deref().map(hex::encode));
    }
    value
}
