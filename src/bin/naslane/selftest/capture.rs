//! A capture on disk: NAME.pcap, NAME.keys.toml, NAME.expect.csv.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::files::name;
use crate::hex::{Fixed, Octets};

/// All of one capture.
pub(super) struct Capture {
    pub(super) name: String,
    pcap: Vec<u8>,
    /// Where the octets of each frame lie, frame 1 first.
    frames: Vec<std::ops::Range<usize>>,
    pub(super) contexts: Vec<UeContext>,
    pub(super) lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // fields are named so that an unknown one is noticed
struct Keys {
    capture: String,
    frames: usize,
    ue: Vec<UeContext>,
    #[serde(default)]
    unused_k_amf: Vec<IgnoredAny>,
}

/// A security context of a subscriber.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // as above
pub(super) struct UeContext {
    index: usize,
    pub(super) supi: String,
    amf_ue_ngap_id: IgnoredAny,
    ran_ue_ngap_id: IgnoredAny,
    gnb_port: IgnoredAny,
    smc_frame: IgnoredAny,
    k_amf_time: IgnoredAny,
    smc_time: IgnoredAny,
    smc_nth_with_this_k_amf: u32,
    pub(super) abba: Octets,
    pub(super) k_seaf: Fixed<32>,
    pub(super) k_amf: Fixed<32>,
    pub(super) nia: u8,
    pub(super) nea: u8,
    pub(super) k_nas_int: Fixed<16>,
    pub(super) k_nas_enc: Fixed<16>,
}

/// One NAS PDU and what is expected of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) frame: usize,
    offset: usize,
    len: usize,
    pub(super) dir: Dir,
    pub(super) gnb_port: u32,
    pub(super) ran_ue_ngap_id: u64,
    pub(super) amf_ue_ngap_id: Option<u64>,
    pub(super) sht: u8,
    pub(super) ue: Option<usize>,
    pub(super) count: Option<u32>,
    nia: Option<u8>,
    nea: Option<u8>,
    pub(super) verdict: Expected,
    pub(super) plain: Option<Octets>,
    pub(super) container: Option<Octets>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Dir {
    #[serde(rename = "UL")]
    Uplink,
    #[serde(rename = "DL")]
    Downlink,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Expected {
    Plain,
    Ok,
    MacDoesNotVerify,
    NoContext,
}

/// The captures of a directory, by their NAME.pcap.
pub(super) fn list(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let files = super::files::list(directory)?;
    for path in &files {
        for part in [".keys.toml", ".expect.csv"] {
            let stem = name(path).strip_suffix(part).map(str::to_owned);
            if let Some(stem) =
                stem.filter(|stem| !path.with_file_name(format!("{stem}.pcap")).exists())
            {
                return Err(format!(
                    "{} has no {stem}.pcap; put it beside or remove the file",
                    path.display()
                ));
            }
        }
    }
    let captures: Vec<PathBuf> = files
        .into_iter()
        .filter(|path| name(path).ends_with(".pcap"))
        .collect();
    if captures.is_empty() {
        return Err(format!(
            "{} has no .pcap; give the directory of the captures",
            directory.display()
        ));
    }
    Ok(captures)
}

impl Capture {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let explain =
            |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let pcap = std::fs::read(path).map_err(|error| explain(path, &error))?;
        let keys_path = path.with_extension("keys.toml");
        let text =
            std::fs::read_to_string(&keys_path).map_err(|error| explain(&keys_path, &error))?;
        let keys: Keys = toml::from_str(&text).map_err(|error| explain(&keys_path, &error))?;
        let lines_path = path.with_extension("expect.csv");
        let reader =
            csv::Reader::from_path(&lines_path).map_err(|error| explain(&lines_path, &error))?;
        let lines: Result<Vec<Line>, _> = reader.into_deserialize().collect();
        let capture = Self {
            name: name(path),
            frames: frames(&pcap)?,
            pcap,
            contexts: keys.ue,
            lines: lines.map_err(|error| explain(&lines_path, &error))?,
        };
        capture
            .check(&keys.capture, keys.frames)
            .map_err(|why| explain(&keys_path, &why))?;
        Ok(capture)
    }

    /// The three files belong together.
    fn check(&self, capture: &str, frames: usize) -> Result<(), String> {
        if capture != self.name {
            return Err(format!("these are the keys of {capture}"));
        }
        if frames != self.frames.len() {
            return Err(format!(
                "{frames} frames expected, {} found",
                self.frames.len()
            ));
        }
        for (place, context) in self.contexts.iter().enumerate() {
            if context.index != place || context.smc_nth_with_this_k_amf != 1 {
                return Err(format!(
                    "context {place}: order or number of commands not understood"
                ));
            }
        }
        for line in &self.lines {
            let frame = line
                .frame
                .checked_sub(1)
                .and_then(|place| self.frames.get(place));
            let inside = frame.is_some_and(|frame| {
                frame.start <= line.offset && line.offset + line.len <= frame.end
            });
            if !inside {
                return Err(format!(
                    "offset {} does not lie in frame {}",
                    line.offset, line.frame
                ));
            }
            if let Some(context) = line.ue {
                let context = self
                    .contexts
                    .get(context)
                    .ok_or(format!("no context {context}"))?;
                if (line.nia, line.nea) != (Some(context.nia), Some(context.nea)) {
                    return Err(format!(
                        "frame {}: algorithms of another context",
                        line.frame
                    ));
                }
            }
        }
        Ok(())
    }

    /// The PDU that a line speaks of.
    pub(super) fn pdu(&self, line: &Line) -> &[u8] {
        self.pcap
            .get(line.offset..line.offset + line.len)
            .unwrap_or_default()
    }
}

/// The records of a classic pcap file of either byte order.
fn frames(pcap: &[u8]) -> Result<Vec<std::ops::Range<usize>>, String> {
    const HEADER: usize = 24;
    const RECORD: usize = 16;
    let word = |at: usize| {
        pcap.get(at..at + 4)?
            .try_into()
            .ok()
            .map(u32::from_le_bytes)
    };
    let swapped = match word(0) {
        Some(0xA1B2_C3D4 | 0xA1B2_3C4D) => false,
        Some(0xD4C3_B2A1 | 0x4D3C_B2A1) => true,
        _ => return Err("not a classic pcap file; convert it (pcapng is not read)".to_owned()),
    };
    let (mut at, mut frames) = (HEADER, Vec::new());
    while at < pcap.len() {
        let len = word(at + 8).ok_or("the pcap file is cut short")?;
        let len = if swapped { len.swap_bytes() } else { len } as usize;
        let start = at + RECORD;
        let end = start
            .checked_add(len)
            .filter(|&end| end <= pcap.len())
            .ok_or("the pcap file is cut short")?;
        frames.push(start..end);
        at = end;
    }
    Ok(frames)
}
