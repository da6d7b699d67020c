//! `naslane trace`: the story of a capture from N2, UE by UE.

mod html;
mod json;
mod keys;
mod label;
mod text;
mod tshark;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use naslane::trace::story::{Part, Summary};
use naslane::trace::{Event, Follower, Settings, Story, pcapng};

use crate::Outcome;
use crate::terminal::show;

/// Follows every UE, verifies and deciphers what the keys allow, and names the likely cause of failures. Exits with 1
/// when something is wrong.
///
/// KEYS.toml has one [[ue]] for each security context: supi = "imsi-...", and k_amf, or k_seaf (with abba = "0000"), or
/// k_ausf, as 64 hexadecimal digits; or k_nas_int and k_nas_enc (32 digits) with nia and nea. A capture that begins in
/// the middle may need ul_nas_count and dl_nas_count, the next COUNTs.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Capture from N2: pcap, pcapng, or whatever else tshark reads
    capture: PathBuf,
    /// Keys of the subscribers
    #[arg(long)]
    keys: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a page with the call flow drawn; it needs nothing but itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the messages, deciphered, for Wireshark
    #[arg(long, value_name = "FILE")]
    decrypted: Option<PathBuf>,
    /// What else to show: nothing of it goes anywhere unless named here
    #[arg(long, value_enum, value_delimiter = ',')]
    show: Vec<Private>,
    /// Integrity algorithms of the operator's policy, best first, for example 2,1,3
    #[arg(long, value_delimiter = ',')]
    nia_order: Vec<u8>,
    /// Ciphering algorithms likewise
    #[arg(long, value_delimiter = ',')]
    nea_order: Vec<u8>,
    /// Rows kept of messages that are in order, and as many of others; all are counted
    #[arg(long, default_value_t = 50_000)]
    rows: usize,
    /// The program that reads the capture
    #[arg(long, default_value = "tshark")]
    tshark: String,
}

/// What may name a subscriber or tell what it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Private {
    /// The subscriber's identity, from the keys
    Supi,
    /// Messages as they came (JSON; the page has them)
    Wire,
    /// Messages deciphered
    Plain,
}

/// All that is known at the end.
struct Told<'a> {
    capture: String,
    follower: &'a Follower,
    summary: Summary,
    parts: BTreeMap<usize, Part>,
    /// Frames without a readable NGAP PDU in an SCTP payload.
    other: u64,
    show: &'a [Private],
}

impl Told<'_> {
    fn shows(&self, what: Private) -> bool {
        self.show.contains(&what)
    }

    fn faults(&self) -> bool {
        let wrong = |part: &Part| !part.faults.is_empty() || part.faults_left_out > 0;
        self.summary.unverified > 0 || self.parts.values().any(wrong)
    }
}

/// Reads the capture once, then prints.
pub(crate) fn run(args: &Args) -> Outcome {
    let entries = args.keys.as_deref().map(keys::read).transpose()?;
    let settings = Settings {
        nia_order: args.nia_order.clone(),
        nea_order: args.nea_order.clone(),
        ..Settings::default()
    };
    let mut follower = Follower::new(entries.unwrap_or_default(), settings);
    let mut story = Story::new(args.rows);
    let mut decrypted = args
        .decrypted
        .as_deref()
        .map(Decrypted::create)
        .transpose()?;
    let (mut events, mut other) = (Vec::new(), 0);
    let mut tshark = tshark::Tshark::start(&args.tshark, &args.capture)?;
    tshark.read(|packet| {
        other += u64::from(!follower.packet(packet, &mut events));
        for event in events.drain(..) {
            if let (Some(file), Event::Row(row)) = (&mut decrypted, &event) {
                file.write(&pcapng::packet(row))?;
            }
            story.take(event);
        }
        Ok(())
    })?;
    follower.finish(&mut events);
    events.into_iter().for_each(|event| story.take(event));
    if let Some(file) = decrypted {
        file.end()?;
    }
    let (summary, parts) = story.end(&follower);
    let told = Told {
        capture: name(&args.capture),
        follower: &follower,
        summary,
        parts,
        other,
        show: &args.show,
    };
    if let Some(path) = &args.html {
        let mut file = create(path)?;
        html::write(&told, &mut file)
            .and_then(|()| file.flush())
            .map_err(|error| cannot_write(path, &error))?;
    }
    if args.json {
        json::print(&told)?;
    } else {
        show(&text::of(&told))?;
    }
    Ok(!told.faults())
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn create(path: &Path) -> Result<BufWriter<File>, String> {
    let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
    Ok(BufWriter::new(file))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// The file of deciphered messages, written while the capture is read.
struct Decrypted {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Decrypted {
    fn create(path: &Path) -> Result<Self, String> {
        let mut new = Self {
            file: create(path)?,
            path: path.to_owned(),
        };
        new.write(&pcapng::header())?;
        Ok(new)
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), String> {
        let written = self.file.write_all(octets);
        written.map_err(|error| cannot_write(&self.path, &error))
    }

    fn end(mut self) -> Result<(), String> {
        let written = self.file.flush();
        written.map_err(|error| cannot_write(&self.path, &error))
    }
}
