//! `naslane nssaaf`: a small NSSAAF, between AMFs and RADIUS servers.

use std::fs;
use std::path::PathBuf;

use naslane::nssaaf::producer::Nssaaf;
use naslane::nssaaf::producer::config::Config;
use naslane::sidecar::signals::Signals;

use crate::Outcome;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Settings, a TOML file; deploy/nssaaf.toml describes every key
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Read the settings, say what is wrong with them, and end
    #[arg(long)]
    check: bool,
}

fn log(line: &str) {
    eprintln!("naslane nssaaf: {line}");
}

pub(crate) fn run(args: &Args) -> Outcome {
    let at = |why: &dyn std::fmt::Display| format!("{}: {why}", args.config.display());
    let text = zeroize::Zeroizing::new(fs::read_to_string(&args.config).map_err(|why| at(&why))?);
    let config = Config::parse(&text).map_err(|why| at(&why))?;
    if args.check {
        return Ok(true);
    }
    // Before any thread runs, so that none takes a signal the old way.
    let signals = Signals::install().map_err(|why| format!("signals: {why}"))?;
    let nssaaf = Nssaaf::start(&config, Box::new(log))?;
    if let Some(admin) = nssaaf.admin() {
        log(&format!("admin at http://{admin}"));
    }
    if let Some(dynamic) = nssaaf.dynamic() {
        log(&format!("dynamic authorisation at {dynamic}"));
    }
    log(&format!("serving at {}", nssaaf.address()));
    signals.wait();
    log("stopping");
    nssaaf.stop();
    Ok(true)
}
