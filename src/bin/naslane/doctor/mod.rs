//! `naslane doctor`: whether this host suits naslane, and what to change.

mod host;
mod processor;
mod system;

use std::path::PathBuf;

use serde_json::json;

use crate::Outcome;
use crate::terminal::{Tone, paint, show, table, text, toned};
use host::Host;

/// Checks this host: processor, cores, limits, kernel. Run it as the user and in the container or unit of the daemon, or
/// of the AMF that embeds the library. Exits with 1 when something should be changed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Read /proc and /sys below this directory
    #[arg(long, value_name = "DIRECTORY", default_value = "/", hide = true)]
    root: PathBuf,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// It works, and a change makes it faster or safer.
    Change,
    /// Something does not work.
    Wrong,
    /// This host does not tell.
    Unknown,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Change => "change",
            Self::Wrong => "WRONG",
            Self::Unknown => "unknown",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Good => Tone::Good,
            Self::Change | Self::Wrong => Tone::Bad,
            Self::Unknown => Tone::Faint,
        }
    }
}

/// One check.
#[derive(Debug)]
struct Check {
    name: &'static str,
    state: State,
    found: String,
    /// What to change and why; empty when nothing.
    advice: &'static str,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Good,
            found: found.into(),
            advice: "",
        }
    }

    fn change(name: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self {
            name,
            state: State::Change,
            found: found.into(),
            advice,
        }
    }

    fn wrong(name: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self {
            name,
            state: State::Wrong,
            found: found.into(),
            advice,
        }
    }

    fn unknown(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Unknown,
            found: found.into(),
            advice: "",
        }
    }
}

/// Runs every check. None changes anything.
pub(crate) fn run(args: &Args) -> Outcome {
    let host = Host::below(&args.root);
    let mut checks = processor::checks(&host);
    checks.extend(system::checks(&host));
    show(&if args.json {
        as_json(&checks)
    } else {
        as_text(&checks)
    })?;
    let wanted = |check: &Check| matches!(check.state, State::Change | State::Wrong);
    Ok(!checks.iter().any(wanted))
}

fn as_text(checks: &[Check]) -> String {
    let rows = checks.iter().map(|check| {
        vec![
            text(check.name),
            toned(check.state.name(), check.state.tone()),
            text(check.found.clone()),
        ]
    });
    let mut out = table(&["check", "state", "found"], rows.collect());
    let advised: Vec<_> = checks
        .iter()
        .filter(|check| !check.advice.is_empty())
        .collect();
    if advised.is_empty() {
        return out + "\n" + &paint("nothing to change\n", Tone::Good);
    }
    out += "\nto change:\n";
    for check in advised {
        out += &format!("  {}: {}\n", check.name, check.advice);
    }
    out
}

fn as_json(checks: &[Check]) -> String {
    let checks: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({
                "check": check.name, "state": check.state.name().to_lowercase(), "found": check.found,
                "advice": (!check.advice.is_empty()).then_some(check.advice),
            })
        })
        .collect();
    let all =
        json!({ "version": naslane::VERSION, "arch": std::env::consts::ARCH, "checks": checks });
    format!("{all:#}\n")
}
