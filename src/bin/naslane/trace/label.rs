//! Words that text, JSON and page share.

use naslane::base::Direction;
use naslane::trace::{Command, Outcome, Row};

/// Name of the message; none is made up from what could not be verified.
pub(super) fn message(row: &Row) -> String {
    match (row.message, row.is_protected() && !row.is_verified()) {
        (None, _) => "not readable".to_owned(),
        (Some(message), false) => message.to_string(),
        (Some(message), true) => format!("{message} (unverified)"),
    }
}

/// UL or DL.
pub(super) const fn direction(row: &Row) -> &'static str {
    match row.direction {
        Direction::Uplink => "UL",
        Direction::Downlink => "DL",
    }
}

/// What the security header type stands for.
pub(super) const fn header_type(row: &Row) -> &'static str {
    match row.sht {
        None => "-",
        Some(0) => "0 plain",
        Some(1) => "1 integrity",
        Some(2) => "2 ciphered",
        Some(3) => "3 integrity, new",
        Some(4) => "4 ciphered, new",
        Some(_) => "reserved",
    }
}

/// How a security mode procedure ended.
pub(super) fn outcome(command: &Command) -> String {
    match command.outcome {
        Outcome::Open => "open".to_owned(),
        Outcome::Complete => "complete".to_owned(),
        Outcome::Rejected(cause) => format!("rejected, cause {cause}"),
        Outcome::Aborted => "aborted".to_owned(),
    }
}

/// Codes of a row, without repetition.
pub(super) fn codes(row: &Row) -> String {
    let mut codes: Vec<_> = row
        .findings
        .iter()
        .map(|finding| finding.code.name())
        .collect();
    codes.dedup();
    codes.join(" ")
}

/// Seconds since `begin`, to the microsecond.
pub(super) fn seconds(time: u64, begin: u64) -> String {
    let micro = time.saturating_sub(begin) / 1000;
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

/// The requests in a SECURITY MODE COMMAND.
pub(super) fn asks(command: &Command) -> String {
    let flags = [
        (command.retransmission, "whole initial message (RINMR)"),
        (command.horizontal, "horizontal derivation (HDP)"),
        (command.imeisv, "IMEISV"),
    ];
    let named: Vec<_> = flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| *name)
        .collect();
    if named.is_empty() {
        "-".to_owned()
    } else {
        named.join(", ")
    }
}
