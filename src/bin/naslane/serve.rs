//! `naslane serve`: the sidecar, the process that alone holds the keys.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use naslane::sidecar::config::{Clients, Config, Quota};
use naslane::sidecar::http;
use naslane::sidecar::server::{Reload, Server};
use naslane::sidecar::signals::Signals;

use crate::Outcome;

/// Octets of the longest configuration that is read.
const LONGEST: usize = 1 << 20;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Settings, a TOML file; deploy/naslane.toml describes every key
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Read the settings, say what is wrong with them, and end
    #[arg(long)]
    check: bool,
}

/// The file of the settings, which HUP reads again.
struct Source {
    path: PathBuf,
    /// Open from the start: without Landlock no file is opened later, and this one shows what was edited in place.
    file: File,
}

impl Source {
    fn open(path: &Path) -> Result<Self, String> {
        let text = |why: std::io::Error| format!("{}: {why}", path.display());
        let path = path.canonicalize().map_err(text)?;
        let file = File::open(&path).map_err(text)?;
        Ok(Self { path, file })
    }

    fn read(&self) -> Result<Config, String> {
        let text = fs::read_to_string(&self.path).or_else(|_| self.again());
        let text = text.map_err(|why| format!("{}: {why}", self.path.display()))?;
        Config::parse(&text).map_err(|why| format!("{}: {why}", self.path.display()))
    }

    fn again(&self) -> std::io::Result<String> {
        let mut octets = vec![0; LONGEST];
        let mut len = 0;
        loop {
            match self.file.read_at(&mut octets[len..], len as u64)? {
                0 => break,
                count => len += count,
            }
        }
        octets.truncate(len);
        String::from_utf8(octets).map_err(std::io::Error::other)
    }
}

fn log(line: &str) {
    eprintln!("naslane serve: {line}");
}

pub(crate) fn run(args: &Args) -> Outcome {
    let source = Source::open(&args.config)?;
    let config = source.read()?;
    if args.check {
        return Ok(true);
    }
    // Before any thread runs, so that none takes a signal the old way.
    let signals = Signals::install().map_err(|why| format!("signals: {why}"))?;
    // Before the server gives up networks.
    let listener = config.http.bind()?;
    let readable = source.path.parent().map(Path::to_owned);
    let mut server = Server::start(&config, readable.as_deref(), Box::new(log))?;
    let reload: Reload = Box::new(move || -> Result<(Clients, Quota), String> {
        let config = source.read()?;
        Ok((config.clients, config.quota))
    });
    let text = |error: naslane::base::Error| error.to_string();
    server.obey(signals, reload).map_err(text)?;
    // Its thread must run before the next line.
    let http = listener.map(|listener| http::serve_at(listener, server.probe()));
    let http = http.transpose().map_err(|why| format!("[http]: {why}"))?;
    let report = server.harden()?;
    log(&format!("hardening: {report}"));
    if let Some(http) = &http {
        log(&format!("probes and metrics at http://{}", http.address()));
    }
    if let Some(node) = server.node() {
        log(&format!("store: this node is {}", node.hex()));
    }
    if config.nssaa.wanted() {
        let asked = config.nssaa.nssaaf.join(", ");
        log(&match server.callbacks() {
            Some(at) => format!("slices: asks {asked}; notifications at {at}"),
            None => format!("slices: asks {asked}; takes no notifications"),
        });
    }
    log(&format!(
        "serving at {}: control plane {}; {}; {} sessions",
        config.socket.display(),
        server.io(),
        server.workers().plan(),
        config.engine.sessions,
    ));
    server.run().map_err(text)?;
    Ok(true)
}
